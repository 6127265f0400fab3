"""Home Assistant's quality scale: each rule is kept or does not apply, and what shows it is there."""

import ast
from collections.abc import Mapping
from typing import Any

from homeassistant.util.yaml import load_yaml_dict
import pytest

from scripts import covered
from simulator import CATALOGUE

from .care import Care
from .test_structure import COMPONENT, ROOT, imports, modules, parsed

SCALE: Mapping[str, Any] = load_yaml_dict(str(COMPONENT / "quality_scale.yaml"))["rules"]
EVIDENCE = load_yaml_dict(str(ROOT / "tests" / "quality_scale.yaml"))
TIERS = {"bronze": 20, "silver": 10, "gold": 21, "platinum": 3}
EXEMPT = ("discovery", "discovery-update-info")


def status_of(rule: str) -> str:
    """What the component says of a rule."""
    stated = SCALE[rule]
    return str(stated if isinstance(stated, str) else stated["status"])


def test_every_rule_is_done_or_exempt() -> None:
    shown = {tier: [*rules] for tier, rules in EVIDENCE.items()}
    shown["gold"] += EXEMPT
    assert {tier: len(rules) for tier, rules in shown.items()} == TIERS
    rules = [rule for tier in shown.values() for rule in tier]
    assert sorted(rules) == sorted(SCALE)
    assert {rule: status_of(rule) for rule in rules} == {
        rule: "exempt" if rule in EXEMPT else "done" for rule in rules
    }
    for rule in EXEMPT:
        assert SCALE[rule]["comment"].startswith("This integration "), rule


@pytest.mark.parametrize(
    ("rule", "evidence"),
    [(rule, shown) for tier in EVIDENCE.values() for rule, shown in tier.items()],
    ids=[rule for tier in EVIDENCE.values() for rule in tier],
)
def test_what_shows_it_is_there(rule: str, evidence: list[str]) -> None:
    assert any("::" in one for one in evidence), "a test"
    if rule.startswith("docs-"):
        assert any(one.startswith(("docs/", "README.md")) for one in evidence), "a page"
    for one in evidence:
        name, is_test, test = one.partition("::")
        name, _, text = (name, "", "") if is_test else name.partition(":")
        path = ROOT / name
        assert path.is_file(), one
        if is_test:
            functions = {
                node.name
                for node in ast.walk(parsed(path))
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            }
            assert test.startswith("test_"), one
            assert test in functions, one
        assert text in path.read_text(), one


# What no other test looks at.


def test_every_platform_says_how_many_at_once() -> None:
    for name in ("binary_sensor", "button", "event", "number", "sensor", "switch"):
        assigned = {
            target.id
            for node in parsed(COMPONENT / f"{name}.py").body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        assert "PARALLEL_UPDATES" in assigned, name


def test_nothing_is_waited_for_but_by_await() -> None:
    waiting = {"requests", "socket", "subprocess", "urllib.request", "http.client", "time.sleep"}
    for path in modules():
        assert waiting.isdisjoint(imports(path)), path.relative_to(COMPONENT)


def test_sessions_are_home_assistants() -> None:
    opened = {
        path.name
        for path in modules()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("ClientSession")
    }
    assert opened == set()
    for source in ("lumen", "dexcom", "tidepool"):
        source_type = COMPONENT / "sources" / source / "source_type.py"
        assert "async_get_clientsession(hass)" in source_type.read_text()


async def test_an_outage_and_its_end_are_logged_once(
    care: Care, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    def said(text: str) -> int:
        return sum(text in record.getMessage() for record in caplog.records)

    for time in 1, 2:
        care.house.sim.faults.add("*", CATALOGUE["503_bare"]())
        await care.house.pass_time(hours=5)
        assert (said("Error fetching"), said("recovered")) == (time, time - 1)
        care.house.sim.faults.clear()
        await care.house.pass_time(hours=5)
        assert (said("Error fetching"), said("recovered")) == (time, time)


def _file(lines: int, branches: int) -> dict[str, Any]:
    """A file of 100 lines and 100 branches of which so many were gone through."""
    summary = {"num_statements": 100, "num_branches": 100}
    return {
        "summary": summary | {"covered_lines": lines, "covered_branches": branches},
        "missing_lines": [*range(lines, 100)],
        "missing_branches": [[one, one + 1] for one in range(branches, 100)],
    }


@pytest.mark.parametrize(
    ("module", "lines", "branches", "is_enough"),
    [
        ("entity.py", 99, 97, True),
        ("entity.py", 98, 100, False),
        ("entity.py", 100, 96, False),
        ("config_flow.py", 100, 100, True),
        ("config_flow.py", 100, 99, False),
        ("responses/part_flows.py", 99, 100, False),
        ("sources/dexcom/flow.py", 99, 99, False),
    ],
)
def test_what_is_not_gone_through_fails_the_run(
    module: str, lines: int, branches: int, is_enough: bool
) -> None:
    files = {covered.COMPONENT + module: _file(lines, branches)}
    assert (covered.report(files) == []) is is_enough
    # One that is not looked at is not made up for by others.
    files |= {f"{covered.COMPONENT}sensor{number}.py": _file(100, 100) for number in range(50)}
    poor = {f"{covered.COMPONENT}switch.py": _file(94, 94)}
    assert len(covered.report(files | poor)) >= 1
