"""The documentation cannot go stale: it names all there is, its links lead somewhere, and its examples are accepted."""

from collections.abc import Iterator
from pathlib import Path
import re
from typing import Any
from urllib.parse import unquote

from hassil import Intents
from homeassistant.components.automation.config import async_validate_config_item
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.script import async_validate_actions_config
from homeassistant.helpers.selector import selector
from homeassistant.helpers.template import is_template_string
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict, parse_yaml
import pytest

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.intent import QUESTIONS
from scripts import docs
from scripts.docs import DOCS, anchor, described
from scripts.real_home import ROOT
from simulator import CATALOGUE

from .care import Care, automate, trigger
from .spoken import COMPONENT, english
from .test_translations import flows, forms

PAGES = docs.pages()
OTHERS = [*sorted(ROOT.glob("*.md")), ROOT / "benchmarks" / "README.md"]
LONGEST_README = 250
PUBLIC = "https://github.com/care-alerts/care-alerts/blob/main/"


def name_of(page: Path) -> str:
    """Return a page's name, for the list of tests."""
    return str(page.relative_to(ROOT))


# What is from the code


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_is_from_the_code_is_as_the_code_is_now(page: Path) -> None:
    assert page.read_text() == docs.written(page), "run scripts/docs"


def test_all_there_is_has_its_place() -> None:
    there = set(docs.blocks())
    assert there >= {"entities", "alert-types", "repairs", "exceptions", "statuses"}
    assert there >= {"refusals error", "refusals abort"}
    for kind, many in (
        ("action", "services"),
        ("trigger", "triggers"),
        ("condition", "conditions"),
    ):
        assert {f"{kind}s"} <= there
        assert {f"{kind} {key}" for key in english()[many]} <= there


def test_all_there_is_is_named() -> None:
    """What the writer of the blocks left out would be named by none of them."""
    said = "\n".join(page.read_text() for page in PAGES)
    for platform, entities in english()["entity"].items():
        for key, entity in entities.items():
            assert f"| {docs.blanks(entity['name'])} | `{platform}` | `{key}` |" in said
            for state in entity.get("state", ()):
                assert f"(`{state}`)" in said
    for kind in ("issues", "exceptions"):
        for key in english()[kind]:
            assert f"`{key}`" in said
    for kind in ("services", "triggers", "conditions"):
        for key, one in described(kind).items():
            assert f"`{DOMAIN}.{key}`" in said
            for field in one.get("fields", ()):
                assert f"| `{field}` |" in said
    for key in english()["selector"]["alert_types"]["options"]:
        assert f"| `{key}` |" in said


def test_every_field_of_every_form_is_explained() -> None:
    settings = (DOCS / "settings.md").read_text()
    for flow, spoken in flows().items():
        for step_id, step in spoken["step"].items():
            for path, form in forms(f"{flow}.{step_id}", step):
                for key, name in form.get("data", {}).items():
                    row = f"{name} | `{key}` | {form['data_description'][key]} |"
                    assert row in settings, f"{path}.{key}"


@pytest.mark.parametrize(
    ("page", "step"), [("lumen", "init"), ("dexcom", "dexcom"), ("tidepool", "tidepool")]
)
def test_a_source_explains_its_fields_and_options_by_their_names(page: str, step: str) -> None:
    text = (DOCS / f"{page}.md").read_text()
    options = english()["options"]["step"][step]["data"]
    fields = english()["config"]["step"][page]["data"]
    for key, name in fields.items():
        assert f"| {name} (`{key}`) |" in text
    for name in options.values():
        assert f"| {name} |" in text


def test_a_trigger_and_a_condition_have_a_page_with_steps_a_picture_and_yaml() -> None:
    for kind in ("triggers", "conditions"):
        named = {path.stem for path in (DOCS / kind).glob("*.md")} - {"index"}
        assert named == set(english()[kind])
        for key in named:
            text = (DOCS / kind / f"{key}.md").read_text()
            assert text.startswith(f"# {english()[kind][key]['name']}\n")
            assert "\n## In the editor\n" in text
            picture = f"](../images/{kind.removesuffix('s')}-{key.replace('_', '-')}.png)"
            assert picture in text
            assert f"{kind.removesuffix('s')}: {DOMAIN}.{key}\n" in text.partition("## In YAML")[2]


# Links


def without_code(text: str) -> str:
    """Return a page's text without what is shown as it is written."""
    return re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)


def links(page: Path) -> Iterator[str]:
    """Yield the addresses that a page links to, and its pictures."""
    yield from re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text()))


def anchors(page: Path) -> set[str]:
    """Return what a link can lead to within a page."""
    text = page.read_text()
    shown = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", shown, re.MULTILINE)
    return {anchor(heading) for heading in headings} | set(re.findall(r'<a id="(.+?)">', text))


@pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        address, _, heading = unquote(link).partition("#")
        if address.startswith(PUBLIC):
            assert (ROOT / address.removeprefix(PUBLIC)).exists(), link
        elif "://" not in address:
            target = (page.parent / address).resolve() if address else page
            assert target.is_file(), link
            assert not heading or heading in anchors(target), link
            # The site has what is under docs/ alone.
            assert DOCS in target.parents or DOCS not in page.parents, link


def test_every_picture_is_shown_and_has_words() -> None:
    shown = {Path(link).name for page in [*PAGES, *OTHERS] for link in links(page)}
    assert {path.name for path in (DOCS / "images").iterdir()} <= shown
    for page in [*PAGES, *OTHERS]:
        assert "![](" not in page.read_text(), f"{name_of(page)}: a picture without words"


def test_the_site_has_every_page() -> None:
    def listed(entry: Any) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        else:
            for part in entry.values() if isinstance(entry, dict) else entry:
                yield from listed(part)

    # The one tag in it names a function of the site's builder.
    text = re.sub(r"!!python\S*", "", (ROOT / "mkdocs.yml").read_text())
    site = parse_yaml(text)
    assert isinstance(site, dict)
    named = list(listed(site["nav"]))
    assert sorted(named) == sorted(str(page.relative_to(DOCS)) for page in PAGES)


# Examples


def examples() -> Iterator[Any]:
    """Yield every example in YAML."""
    for page in [*PAGES, *OTHERS]:
        found = re.findall(r"^```yaml\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
        for number, text in enumerate(found, 1):
            yield pytest.param(text, id=f"{name_of(page)}-{number}")


def calls(config: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the actions of ours that a piece of configuration calls, each with all that it is given."""
    if isinstance(config, list):
        for one in config:
            yield from calls(one)
    elif isinstance(config, dict):
        name = config.get("action", config.get("perform_action"))
        if isinstance(name, str) and name.startswith(f"{DOMAIN}."):
            yield name.partition(".")[2], config
        for one in config.values():
            yield from calls(one)


def templates(value: Any) -> bool:
    """Whether there is a template in a value."""
    if isinstance(value, list | dict):
        return any(map(templates, value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and is_template_string(value)


def check_call(hass: HomeAssistant, name: str, call: dict[str, Any]) -> None:
    """Hold what an action is given against its form, and against its schema, as far as it is there already."""
    data = call.get("data", {})
    fields = described("services")[name].get("fields", {})
    assert set(data) <= set(fields)
    plain = {key: value for key, value in data.items() if not templates(value)}
    for key, value in plain.items():
        takes: Any = selector(fields[key]["selector"])
        takes(value)
    if plain == data:
        schema = hass.services.async_services_for_domain(DOMAIN)[name].schema
        assert schema is not None
        schema(data | call.get("target", {}))


def named_in(page: str) -> set[str]:
    """Return the names that a page shows as code."""
    return set(re.findall(r"`(?:trigger\.)?(\w+)`", (DOCS / page).read_text()))


async def test_all_that_a_trigger_brings_is_named(care: Care) -> None:
    names = ("alert_received", "alert_needs_attention", "alert_acknowledged", "alert_ended")
    silent = ("source_silent", "source_recovered")
    unacknowledged = trigger("alert_unacknowledged", after={"minutes": 5})
    heard = await automate(care.hass, unacknowledged, *map(trigger, (*names, *silent)))
    care.alert(1)
    await care.morning(1)
    await care.house.pass_time(minutes=6)
    await care.call("acknowledge")
    care.house.sim.faults.add("lumen.alerts", CATALOGUE["503_bare"]())
    for _ in range(30):
        await care.house.pass_time(hours=1)
    care.house.sim.faults.clear()
    await care.house.pass_time(hours=2)

    told = {one["platform"].partition(".")[2]: one for one in heard.triggers}
    assert set(told) == {"alert_unacknowledged", *names, *silent}
    # What Home Assistant adds to every trigger is in its own documentation.
    of_home_assistant = {"alias", "description", "id", "idx", "platform"}
    brought = {name for one in told.values() for name in {*one, *(one.get("alert") or ())}}
    assert brought - of_home_assistant - named_in("events.md") == set()


@pytest.mark.parametrize("text", examples())
async def test_an_example_is_accepted(hass: HomeAssistant, text: str) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    assert await async_setup_component(hass, "automation", {})
    config: Any = parse_yaml(text)
    for name, call in calls(config):
        check_call(hass, name, call)
    told = set(re.findall(r"\btrigger\.(\w+)", text)) - {"id"}
    assert told <= named_in("events.md")
    match config:
        case {"triggers": _}:
            automation = await async_validate_config_item(
                hass, "example", {"alias": "Example"} | config
            )
            assert automation is not None
            assert automation.validation_error is None
        case [*_] | {"action": _}:
            steps = cv.SCRIPT_SCHEMA(config if isinstance(config, list) else [config])
            await async_validate_actions_config(hass, steps)
        case {"strategy": {"type": kind}} | {"type": kind}:
            built = (COMPONENT / "frontend" / "care-alerts.js").read_text()
            assert kind == "button" or kind.removeprefix("custom:") in built
        case {"intents": spoken}:
            Intents.from_dict(config)
            assert set(spoken) <= set(QUESTIONS)
        case _:
            pytest.fail("this is nothing that is checked")


# The README


def test_the_readme_is_for_caregivers() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= LONGEST_README
    assert "not a medical device" in text
    for command in ("scripts/develop", "scripts/test"):
        assert f"\n{command} " in text
        assert (ROOT / command).is_file()


def test_the_form_for_bugs_names_every_source() -> None:
    form = load_yaml_dict(str(ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml"))
    [offered] = [
        field["attributes"]["options"] for field in form["body"] if field.get("id") == "source"
    ]
    for name in english()["config"]["step"]["user"]["menu_options"].values():
        assert name in offered
