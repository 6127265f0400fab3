"""What Home Assistant and HACS ask of the files, and the arrows between our own: checked without a network.

hassfest and the HACS action check much of the same in CI; this finds it before.
"""

import ast
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from importlib import import_module
import inspect
import json
from pathlib import Path
import re
import subprocess
import tomllib
from typing import Any
from unittest.mock import Mock

from awesomeversion import AwesomeVersion
from homeassistant.const import Platform, __version__ as installed_version
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.condition import _CONDITIONS_DESCRIPTION_SCHEMA
from homeassistant.helpers.service import _SERVICES_SCHEMA
from homeassistant.helpers.trigger.descriptions import _TRIGGERS_DESCRIPTION_SCHEMA
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
from PIL import Image
import pytest
import voluptuous as vol

from custom_components.care_alerts import condition, repairs, system_health, trigger
from custom_components.care_alerts.alerts.drills import LASTS
from custom_components.care_alerts.alerts.freshness import Status
from custom_components.care_alerts.config_flow import CareAlertsConfigFlow
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.providers import PROVIDERS
from custom_components.care_alerts.providers.tidepool.settings import FIELDS, Problem

from .conftest import House

ROOT = Path(__file__).parent.parent
COMPONENT = ROOT / "custom_components" / DOMAIN
PROVIDERS_DIR = COMPONENT / "providers"
PUBLIC = "https://github.com/care-alerts/care-alerts"

BRONZE = [
    "action-setup",
    "appropriate-polling",
    "brands",
    "common-modules",
    "config-flow",
    "config-flow-test-coverage",
    "dependency-transparency",
    "docs-actions",
    "docs-conditions",
    "docs-high-level-description",
    "docs-installation-instructions",
    "docs-removal-instructions",
    "docs-triggers",
    "entity-event-setup",
    "entity-unique-id",
    "has-entity-name",
    "runtime-data",
    "test-before-configure",
    "test-before-setup",
    "unique-config-entry",
]
SILVER = [
    "action-exceptions",
    "config-entry-unloading",
    "docs-configuration-parameters",
    "docs-installation-parameters",
    "entity-unavailable",
    "integration-owner",
    "log-when-unavailable",
    "parallel-updates",
    "reauthentication-flow",
    "test-coverage",
]
GOLD = [
    "devices",
    "diagnostics",
    "discovery",
    "discovery-update-info",
    "docs-data-update",
    "docs-examples",
    "docs-known-limitations",
    "docs-supported-devices",
    "docs-supported-functions",
    "docs-troubleshooting",
    "docs-use-cases",
    "dynamic-devices",
    "entity-category",
    "entity-device-class",
    "entity-disabled-by-default",
    "entity-translations",
    "exception-translations",
    "icon-translations",
    "reconfiguration-flow",
    "repair-issues",
    "stale-devices",
]
PLATINUM = ["async-dependency", "inject-websession", "strict-typing"]


@cache
def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file; a key that is there twice is an error."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), f"{path}: a key is there twice among {keys}"
        return dict(pairs)

    content: dict[str, Any] = json.loads(path.read_text(), object_pairs_hook=unique)
    return content


@cache
def parsed(path: Path) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(path.read_text())


def modules() -> list[Path]:
    """Return the component's modules."""
    return sorted(COMPONENT.rglob("*.py"))


def nodes[T: ast.AST](kind: type[T]) -> Iterator[T]:
    """Yield every such node of the component's code."""
    for path in modules():
        yield from (node for node in ast.walk(parsed(path)) if isinstance(node, kind))


def called(call: ast.Call) -> str:
    """Return the last name of what is called."""
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def text_of(node: ast.expr | None) -> str:
    """Return a string literal; anything else cannot be checked and fails."""
    assert isinstance(node, ast.Constant)
    assert isinstance(node.value, str)
    return node.value


def argument(call: ast.Call, name: str) -> ast.expr | None:
    """Return a keyword argument."""
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def english() -> dict[str, Any]:
    """Return the strings."""
    return read_json(COMPONENT / "translations" / "en.json")


def strings(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every string with its path."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from strings(value, f"{path}.{key}")
        else:
            yield f"{path}.{key}", value


# Manifest and HACS


def test_manifest() -> None:
    manifest = read_json(COMPONENT / "manifest.json")
    allowed = """
        domain name after_dependencies bluetooth codeowners config_flow dependencies dhcp disabled documentation
        homekit import_executor integration_type iot_class issue_tracker loggers mqtt preview_features requirements
        single_config_entry ssdp usb version zeroconf
    """
    assert set(manifest) <= set(allowed.split())
    assert list(manifest) == ["domain", "name", *sorted(set(manifest) - {"domain", "name"})]
    assert manifest["domain"] == DOMAIN == COMPONENT.name
    assert manifest["config_flow"] is True
    assert manifest["integration_type"] == "service"
    assert manifest["iot_class"] == "cloud_polling"
    assert manifest["codeowners"] == ["@care-alerts"]
    assert manifest["documentation"] == PUBLIC
    assert manifest["issue_tracker"] == f"{PUBLIC}/issues"
    assert AwesomeVersion(manifest["version"]).valid
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert manifest["version"] == project["version"]


def test_dependencies_are_declared() -> None:
    manifest = read_json(COMPONENT / "manifest.json")
    declared = {*manifest.get("dependencies", ()), *manifest.get("after_dependencies", ())}
    # What hassfest lets every integration use, as far as we do; logbook.py is the logbook's own platform.
    granted = {*Platform, "diagnostics", "logbook", "repairs", "system_health"}
    used = set()
    for node in nodes(ast.ImportFrom):
        module = node.module or ""
        if module == "homeassistant.components":
            used |= {alias.name for alias in node.names}
        elif module.startswith("homeassistant.components."):
            used.add(module.split(".")[2])
    assert used
    assert used - granted <= declared


def test_hacs() -> None:
    hacs = read_json(ROOT / "hacs.json")
    allowed = """
        name homeassistant hacs country content_in_root zip_release filename hide_default_branch persistent_directory
        render_readme
    """
    assert set(hacs) <= set(allowed.split())
    assert hacs["name"] == read_json(COMPONENT / "manifest.json")["name"]
    assert AwesomeVersion(hacs["homeassistant"]) <= AwesomeVersion(installed_version)
    assert hacs["zip_release"] is True
    release = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    assert f'gh release upload "$TAG" {hacs["filename"]}' in release
    folders = {path.name for path in (ROOT / "custom_components").glob("*/")} - {"__pycache__"}
    assert folders == {DOMAIN}


@pytest.mark.parametrize(
    ("name", "width", "height"),
    [
        ("icon.png", 256, 256),
        ("icon@2x.png", 512, 512),
        ("logo.png", None, 128),
        ("logo@2x.png", None, 256),
    ],
)
def test_brand(name: str, width: int | None, height: int) -> None:
    with Image.open(COMPONENT / "brand" / name) as image:
        assert image.format == "PNG"
        assert image.size == (width or image.width, height)
        assert image.width >= height
        image.load()
        assert image.getchannel("A").getextrema()[0] == 0, "the background is transparent"


def test_brand_folder_has_nothing_else() -> None:
    names = {path.name for path in (COMPONENT / "brand").iterdir()}
    assert names == {"icon.png", "icon@2x.png", "logo.png", "logo@2x.png"}
    with (
        Image.open(COMPONENT / "brand" / "logo.png") as once,
        Image.open(COMPONENT / "brand" / "logo@2x.png") as twice,
    ):
        assert twice.width == 2 * once.width


def test_quality_scale() -> None:
    rules = load_yaml_dict(str(COMPONENT / "quality_scale.yaml"))["rules"]
    expected = [*BRONZE, *SILVER, *GOLD, *PLATINUM]
    assert len(expected) == 54
    assert list(rules) == expected
    for name, rule in rules.items():
        status = rule if isinstance(rule, str) else rule["status"]
        assert status in {"done", "todo", "exempt"}, name
        if status == "exempt":
            assert rule["comment"].startswith("This integration "), name


@pytest.mark.parametrize("path", sorted((ROOT / ".github").rglob("*.yml")), ids=lambda p: p.name)
def test_github_files(path: Path) -> None:
    content = load_yaml_dict(str(path))
    if path.parent.name == "workflows":
        assert "permissions" in content, "every workflow says how little it may do"
        assert content["jobs"]
    elif path.name in {"bug.yml", "idea.yml"}:
        assert {"name", "description", "body"} <= set(content)
        ids = [field["id"] for field in content["body"] if field["type"] != "markdown"]
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "path",
    [*sorted(COMPONENT.rglob("*.yaml")), *sorted((ROOT / "blueprints").rglob("*.yaml"))],
    ids=lambda path: path.stem,
)
def test_home_assistant_reads_our_files_without_a_warning(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert load_yaml_dict(str(path))
    assert caplog.messages == []


# Strings


def test_every_language_has_the_same_strings() -> None:
    keys = {path for path, _ in strings(english())}
    for file in (COMPONENT / "translations").glob("*.json"):
        assert {path for path, _ in strings(read_json(file))} == keys, file.name


def test_strings_can_be_shown() -> None:
    for path, text in strings(english()):
        assert isinstance(text, str), path
        assert text, path
        assert text == text.strip(), path
        assert "[%key:" not in text, f"{path}: a custom integration ships its strings expanded"
        assert "://" not in text, f"{path}: addresses are placeholders"


def steps(flow: type[Any]) -> set[str]:
    """Return the steps that our code gives to a flow."""
    return {
        name.removeprefix("async_step_")
        for name, method in inspect.getmembers(flow, inspect.isfunction)
        if name.startswith("async_step_") and method.__module__.startswith("custom_components.")
    }


def test_flow_steps_have_strings() -> None:
    # These only lead to other steps; the form to pick credentials is Home Assistant's own.
    silent = {"reauth", "reconfigure", "auth", "authorize_rejected", "creation"}
    shown = (steps(CareAlertsConfigFlow) - silent) | {"pick_implementation"}
    assert set(english()["config"]["step"]) == shown
    assert set(english()["options"]["step"]) == set().union(
        *(steps(provider.options_flow) for provider in PROVIDERS.values())
    )


def test_flow_menu_has_strings() -> None:
    menu = english()["config"]["step"]["user"]
    assert set(menu["menu_options"]) == set(PROVIDERS)
    assert set(menu["menu_option_descriptions"]) == set(PROVIDERS)


def test_flow_fields_have_strings() -> None:
    named = set()
    for flow in ("config", "options"):
        for step_id, step in english()[flow]["step"].items():
            fields = set(step.get("data", ()))
            assert set(step.get("data_description", ())) == fields, f"{flow}.{step_id}"
            named |= fields
    asked = {"implementation"}
    for path in COMPONENT.rglob("*flow.py"):
        flow_module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for node in ast.walk(parsed(path)):
            if (
                isinstance(node, ast.Call)
                and called(node) in {"Required", "Optional", "marker"}
                and isinstance(node.args[0], ast.Name)
            ):
                asked.add(getattr(flow_module, node.args[0].id))
    assert asked == named


def test_flow_errors_have_strings() -> None:
    used = {
        text_of(node.value)
        for node in nodes(ast.Assign)
        if isinstance(target := node.targets[0], ast.Subscript)
        and isinstance(target.value, ast.Name)
        and target.value.id == "errors"
        and isinstance(node.value, ast.Constant)
    }
    config, options = set(english()["config"]["error"]), set(english()["options"]["error"])
    assert config | options == used
    assert {"invalid_auth", "cannot_connect", "rate_limited", "invalid_url", "unknown"} <= config


def test_flow_aborts_have_strings() -> None:
    # What Home Assistant's own helpers end a flow with.
    reasons = {
        "_abort_if_unique_id_configured": {"already_configured"},
        "async_step_pick_implementation": {"missing_configuration"},
    }
    used: set[str] = set()
    for call in nodes(ast.Call):
        used |= reasons.get(called(call), set())
        if called(call) == "_abort_if_unique_id_mismatch":
            used.add(text_of(argument(call, "reason")))
        # With an argument by position it ends another flow, by its id.
        if called(call) == "async_abort" and not call.args:
            used.add(text_of(argument(call, "reason")))
    fixes = (issue.get("fix_flow", {}) for issue in english()["issues"].values())
    assert used == set(english()["config"]["abort"]).union(*(fix.get("abort", ()) for fix in fixes))


def placeholders(call: ast.Call) -> set[str]:
    """Return the placeholders that a call fills in."""
    given = argument(call, "translation_placeholders")
    assert given is None or isinstance(given, ast.Dict)
    return {text_of(key) for key in given.keys} if given else set()


def placeholders_in(text: str) -> set[str]:
    """Return the placeholders of a string."""
    return set(re.findall(r"\{(\w+)\}", text))


def test_exceptions_have_strings() -> None:
    exceptions = english()["exceptions"]
    used: set[str] = set()
    for call in nodes(ast.Call):
        if argument(call, "translation_domain") is None:
            continue
        key = argument(call, "translation_key")
        if isinstance(key, ast.JoinedStr):
            # What is wrong with a change of settings.
            used |= {f"settings_{problem}" for problem in Problem}
            continue
        if not isinstance(key, ast.Constant):
            # The reason why a source gave no answer.
            used |= set(Status) - {Status.OK, Status.NO_NEW_DATA}
            continue
        name = text_of(key)
        used.add(name)
        assert placeholders_in(exceptions[name]["message"]) == placeholders(call), name
    assert used == set(exceptions)


def test_issues_have_strings() -> None:
    issues = english()["issues"]
    used = set()
    for call in nodes(ast.Call):
        if called(call) == "async_create_issue":
            key = argument(call, "translation_key")
            texts = issues[name := text_of(key)]
            used.add(name)
            given = placeholders(call)
            # What can be fixed here tells the rest in the flow that fixes it.
            if "fix_flow" in texts:
                assert placeholders_in(texts["title"]) <= given, name
            else:
                assert placeholders_in(texts["title"] + texts["description"]) == given, name
            assert ("fix_flow" in texts) is is_true(argument(call, "is_fixable")), name
    assert used == set(issues)


def is_true(node: ast.expr | None) -> bool:
    """Return whether an argument is literally true."""
    return isinstance(node, ast.Constant) and node.value is True


def test_fix_flows_have_strings() -> None:
    fixes = [issue["fix_flow"] for issue in english()["issues"].values() if "fix_flow" in issue]
    shown = steps(repairs.FirstSettingsFlow) - {"init"}
    assert set().union(*(fix["step"] for fix in fixes)) == shown
    for fix in fixes:
        for step in fix["step"].values():
            assert set(step["data"]) == set(step["data_description"]) == set(FIELDS)


async def test_entities_have_strings_and_icons(house: House) -> None:
    account = house.sim.lumen.account(house.sim.lumen.api_key)
    account.add_person("maria.keller@example.com")
    await house.set_up(house.entry())
    await house.set_up(await house.dexcom_entry())
    house.sim.tidepool.add_child("Jill").share_with(house.sim.tidepool.account)
    await house.set_up(house.tidepool_entry())

    names: dict[str, dict[str, Any]] = english()["entity"]
    icons: dict[str, dict[str, Any]] = read_json(COMPONENT / "icons.json")["entity"]
    made: dict[str, set[str]] = {}
    offered: dict[tuple[str, str], set[str]] = {}
    for entity in er.async_get(house.hass).entities.values():
        assert entity.translation_key, entity.entity_id
        made.setdefault(entity.domain, set()).add(entity.translation_key)
        named = names[entity.domain][entity.translation_key]
        capabilities = entity.capabilities or {}
        if options := capabilities.get("options"):
            offered.setdefault((entity.domain, entity.translation_key), set()).update(options)
        if types := capabilities.get("event_types"):
            assert set(named["state_attributes"]["event_type"]["state"]) >= set(types)
        icon = icons[entity.domain][entity.translation_key]
        assert icon["default"].startswith("mdi:")
        assert set(icon.get("state", ())) <= set(named.get("state", ()))
    for (domain, key), options in offered.items():
        assert set(names[domain][key]["state"]) == options, key
    assert {domain: set(keys) for domain, keys in names.items()} == made
    assert {domain: set(keys) for domain, keys in icons.items()} == made


async def test_actions_have_descriptions_strings_and_icons(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    described = load_yaml_dict(str(COMPONENT / "services.yaml"))
    _SERVICES_SCHEMA(described)
    texts = english()["services"]
    registered = hass.services.async_services_for_domain(DOMAIN)
    assert set(described) == set(registered) == set(texts)
    assert set(read_json(COMPONENT / "icons.json")["services"]) == set(registered)
    targets = {"entity_id", "device_id", "area_id", "floor_id", "label_id"}
    for name, service in registered.items():
        fields = set(described[name].get("fields", ()))
        assert fields == set(texts[name].get("fields", ())), name
        assert service.schema is not None
        # Home Assistant wraps a service's fields: Schema(All(Schema(fields), has at least one target)).
        schema: Any = service.schema
        while not isinstance(schema, dict):
            schema = schema.validators[0] if hasattr(schema, "validators") else schema.schema
        keys = {str(key) for key in schema if not isinstance(key, vol.Remove)}
        assert keys - targets == fields, name


def test_a_test_alert_is_offered_as_long_as_it_lasts() -> None:
    fields = load_yaml_dict(str(COMPONENT / "services.yaml"))["send_test_alert"]["fields"]
    assert timedelta(**fields["duration"]["default"]) == LASTS


@pytest.mark.parametrize(
    ("kind", "module", "schema"),
    [
        ("trigger", trigger, _TRIGGERS_DESCRIPTION_SCHEMA),
        ("condition", condition, _CONDITIONS_DESCRIPTION_SCHEMA),
    ],
)
async def test_triggers_and_conditions_have_descriptions_strings_and_icons(
    hass: HomeAssistant, kind: str, module: Any, schema: vol.Schema
) -> None:
    there = await getattr(module, f"async_get_{kind}s")(hass)
    described = schema(load_yaml_dict(str(COMPONENT / f"{kind}s.yaml")))
    texts = english()[f"{kind}s"]
    icons = read_json(COMPONENT / "icons.json")[f"{kind}s"]
    assert set(there) == set(described) == set(texts) == set(icons)
    for name, one in there.items():
        fields = set((described[name] or {}).get("fields", ()))
        assert fields == set(texts[name].get("fields", ())), name
        options = next(value for key, value in one._SCHEMA.schema.items() if str(key) == "options")
        assert {str(key) for key in options} == fields, name
        assert texts[name]["name"]
        assert texts[name]["description"]
        for field in texts[name].get("fields", {}).values():
            assert set(field) == {"name", "description"}
        assert set(icons[name]) == {kind}


def test_sentences_are_said() -> None:
    said = {
        text_of(call.args[1])
        for call in nodes(ast.Call)
        if called(call) == "say" and isinstance(call.func, ast.Name)
    }
    texts = english()["common"]
    # What the dashboard says is checked beside its module.
    assert said == {name for name in texts if not name.startswith("dashboard_")}
    for call in nodes(ast.Call):
        if called(call) == "say" and all(keyword.arg for keyword in call.keywords):
            given = {keyword.arg for keyword in call.keywords}
            assert placeholders_in(texts[text_of(call.args[1])]) == given


def test_selectors_have_strings() -> None:
    offered: dict[str, set[str]] = {}
    for name in ("services", "triggers", "conditions"):
        for described in load_yaml_dict(str(COMPONENT / f"{name}.yaml")).values():
            for field in described.get("fields", {}).values():
                select = field["selector"].get("select") or {}
                if key := select.get("translation_key"):
                    offered.setdefault(key, set()).update(select["options"])
    texts = english()["selector"]
    for key, options in offered.items():
        assert set(texts[key]["options"]) == options, key
    in_code = set()
    for call in nodes(ast.Call):
        if called(call) == "SelectSelectorConfig" and (key := argument(call, "translation_key")):
            in_code.add(text_of(key))
    assert set(texts) == set(offered) | in_code


async def test_system_health_has_strings(hass: HomeAssistant) -> None:
    register = Mock()
    system_health.async_register(hass, register)
    info = await register.async_register_info.call_args.args[0](hass)
    assert set(info) == set(english()["system_health"]["info"])


# Arrows


def imports(path: Path) -> Iterator[str]:
    """Yield the absolute names of what a module imports."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            source = ".".join((*base, *(node.module or "").split("."))).rstrip(".")
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


def module_of(path: Path) -> str:
    """Return the absolute name of a module."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


PURE = [
    *sorted((COMPONENT / "alerts").rglob("*.py")),
    *(PROVIDERS_DIR / f"{name}.py" for name in ("records", "settings")),
    *sorted(PROVIDERS_DIR.glob("*/__init__.py")),
    *sorted(PROVIDERS_DIR.glob("*/translation.py")),
    *(
        PROVIDERS_DIR / "tidepool" / f"{name}.py"
        for name in (
            "cadence",
            "clocks",
            "environments",
            "judging",
            "people",
            "readings",
            "settings",
            "units",
        )
    ),
]
# They have a network, and a clock for what expires.
CLIENTS = [
    PROVIDERS_DIR / "http.py",
    *sorted(PROVIDERS_DIR.glob("*/api.py")),
    PROVIDERS_DIR / "tidepool" / "http.py",
    PROVIDERS_DIR / "tidepool" / "session.py",
]


@pytest.mark.parametrize("path", PURE + CLIENTS, ids=lambda path: str(path.relative_to(COMPONENT)))
def test_imports_nothing_of_home_assistant(path: Path) -> None:
    """Neither itself nor by what it imports of ours."""
    impure = {module_of(other) for other in modules() if other not in PURE + CLIENTS}
    wrong = {
        name for name in imports(path) if name in impure or name.split(".")[0] == "homeassistant"
    }
    assert not wrong


def test_arrows_point_one_way() -> None:
    ours = f"custom_components.{DOMAIN}"
    shared = f"{ours}.const"
    for path in modules():
        layer = path.relative_to(COMPONENT).parts[0]
        used = {name for name in imports(path) if name.startswith(f"{ours}.")}
        if layer == "alerts":
            allowed: tuple[str, ...] = (f"{ours}.alerts",)
        elif layer == "providers":
            allowed = (f"{ours}.alerts", f"{ours}.providers", shared)
        else:
            continue
        wrong = {
            name for name in used if not (name + ".").startswith(tuple(f"{a}." for a in allowed))
        }
        assert not wrong, path.relative_to(COMPONENT)


SOURCES = {path.parent.name for path in PROVIDERS_DIR.glob("*/api.py")}


def sources_named(path: Path) -> set[str]:
    """Return the sources of which a module imports something."""
    package = f"{module_of(PROVIDERS_DIR)}."
    return SOURCES & {name.removeprefix(package).split(".")[0] for name in imports(path)}


def test_sources_do_not_know_each_other() -> None:
    assert SOURCES
    for source in SOURCES:
        for path in (PROVIDERS_DIR / source).rglob("*.py"):
            assert sources_named(path) <= {source}, path.relative_to(COMPONENT)


# Home Assistant asks a domain for its OAuth2 servers: only one source has any.
MAY_NAME_SOURCES = {"application_credentials.py", "providers/__init__.py"}
# To be mended: strike out what no longer does.
STILL_NAME_SOURCES = {"config_flow.py"}


def test_only_the_registry_names_sources() -> None:
    naming = {
        str(path.relative_to(COMPONENT))
        for path in modules()
        if sources_named(path) and path.parent not in {PROVIDERS_DIR / name for name in SOURCES}
    }
    assert naming == MAY_NAME_SOURCES | STILL_NAME_SOURCES


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(COMPONENT)))
def test_has_no_clock(path: Path) -> None:
    clocks = {"now", "utcnow", "today", "time", "monotonic"}
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in clocks, f"line {node.lineno}"


# Every file


def files() -> Iterator[Path]:
    """Yield the files of the checkout that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    yield from (
        path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()
    )


def test_no_file_names_somebodys_machine() -> None:
    paths = re.compile(r"(?<![\w.}-])/(?:home|root|Users|work)/\w")
    found = []
    for path in files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in paths.finditer(text)]
    assert found == []


def test_people_are_invented() -> None:
    mail = re.compile(r"[\w.+-]+@((?:[\w-]+\.)+[a-z]{2,})\b", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in files()
        if path.suffix in {".py", ".md", ".yaml", ".yml", ".json", ".toml"}
        for match in mail.finditer(path.read_text())
        if not re.search(r"(^|\.)example\.(com|org|net)$", match[1].lower())
        and not match[0].endswith(".png")
    ]
    assert found == []
