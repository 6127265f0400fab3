"""Every text is used, and every use has its text.

What the code raises, asks, reports and tells while the tests run is held against the translations by `spoken`, in
every test. Here is the other way round, and what Home Assistant looks up by itself: entities, actions, triggers.
"""

import ast
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from importlib import import_module
import inspect
from typing import Any
from unittest.mock import Mock

from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv, entity_registry as er
from homeassistant.helpers.condition import _CONDITIONS_DESCRIPTION_SCHEMA
from homeassistant.helpers.service import _SERVICES_SCHEMA
from homeassistant.helpers.trigger.descriptions import _TRIGGERS_DESCRIPTION_SCHEMA
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
import pytest
import voluptuous as vol

from custom_components.care_alerts import condition, repairs, system_health, trigger
from custom_components.care_alerts.alerts.freshness import Status
from custom_components.care_alerts.config_flow import CareAlertsConfigFlow
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.household import (
    CAREGIVER,
    HOUSEHOLD,
    PLAN,
    SAME_PERSON,
)
from custom_components.care_alerts.responses.next_steps import NextStep
from custom_components.care_alerts.responses.part_flows import (
    CaregiverFlow,
    PlanFlow,
    SamePersonFlow,
)
from custom_components.care_alerts.sources import SOURCES
from custom_components.care_alerts.sources.profiles import PROFILE
from custom_components.care_alerts.sources.tidepool.changing import Problem
from custom_components.care_alerts.sources.tidepool.profile_flow import ProfileFlow
from custom_components.care_alerts.sources.tidepool.settings import FIELDS

from .conftest import NOON, House
from .responses.house import household_entry, plan
from .spoken import COMPONENT, Spoken, english, read_json

ROOT = COMPONENT.parent.parent


def strings(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every string with its path."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from strings(value, f"{path}.{key}")
        else:
            yield f"{path}.{key}", value


# Every use has its text.


@pytest.mark.parametrize(
    ("path", "given", "wrong"),
    [
        (("exceptions", "asked_to_wait", "message"), {"minutes": "3"}, False),
        (("exceptions", "asked_to_wait", "message"), {}, True),
        (("exceptions", "asked_to_wait"), {}, True),
        (("exceptions", "asked_to_go", "message"), {}, True),
    ],
)
def test_what_is_not_there_is_noticed(
    path: tuple[str, ...], given: dict[str, str], wrong: bool
) -> None:
    spoken = Spoken()
    spoken.check(path, given)
    assert bool(spoken.wrong) is wrong


# Every text is used.


def flows() -> dict[str, dict[str, Any]]:
    """Return the texts of every kind of flow, by their path."""
    texts = english()
    parts = texts["config_subentries"].items()
    return {
        **{flow: texts[flow] for flow in ("config", "options")},
        **{f"config_subentries.{kind}": spoken for kind, spoken in parts},
    }


def forms(path: str, step: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the texts of a form, and those of its sections."""
    yield path, step
    for name, section in step.get("sections", {}).items():
        yield f"{path}.sections.{name}", section


@cache
def names_in_code() -> set[str]:
    """Return every string that the component's modules hold, written there or imported, and those they put together."""
    names = {f"settings_{problem}" for problem in Problem}
    names |= set(Status) - {Status.OK, Status.NO_NEW_DATA}
    for path in COMPONENT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value)
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        names |= {str(value) for value in vars(module).values() if isinstance(value, str)}
    return names


def named_in_code() -> Iterator[tuple[str, set[str]]]:
    """Yield the kinds of texts that code asks for by name, with the names there are."""
    texts = english()
    for flow, spoken in flows().items():
        yield f"{flow}.error", set(spoken["error"])
        yield f"{flow}.create_entry", set(spoken.get("create_entry", ()))
        for step_id, step in spoken["step"].items():
            for path, form in forms(f"{flow}.step.{step_id}", step):
                yield f"{path}.data", set(form.get("data", ()))
    for key, selector in texts["selector"].items():
        yield f"selector.{key}.fields", set(selector.get("fields", ()))
    yield "config.abort", set(texts["config"]["abort"])
    yield "exceptions", set(texts["exceptions"])
    yield "issues", set(texts["issues"])
    for key, issue in texts["issues"].items():
        for kind, fixes in issue.get("fix_flow", {}).items():
            yield f"issues.{key}.fix_flow.{kind}", set(fixes)
    # What the dashboard says is checked beside its module.
    yield "common", {name for name in texts["common"] if not name.startswith("dashboard_")}
    for domain, entities in texts["entity"].items():
        for key, entity in entities.items():
            yield f"entity.{domain}.{key}.state_attributes", set(entity.get("state_attributes", ()))


@pytest.mark.parametrize(("kind", "names"), [one for one in named_in_code() if one[1]])
def test_every_text_that_code_names_is_named(kind: str, names: set[str]) -> None:
    # An app without credentials, and the attribute of every event entity.
    named_by_home_assistant = {"missing_configuration", "event_type"}
    assert names - names_in_code() - named_by_home_assistant == set()


def test_every_selector_is_shown_with_all_its_options() -> None:
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
    # Those of the flows, which say what they offer only when they are shown.
    assert set(texts) - set(offered) <= names_in_code()


def test_every_field_of_a_form_is_explained() -> None:
    for flow, spoken in flows().items():
        for step_id, step in spoken["step"].items():
            for path, form in forms(f"{flow}.{step_id}", step):
                assert set(form.get("data_description", ())) == set(form.get("data", ())), path


# What is looked up by Home Assistant.


def test_what_any_source_may_say_names_none() -> None:
    texts = english()["config"]
    shared = {
        "error": {"cannot_connect", "invalid_auth", "invalid_url", "rate_limited", "unknown"},
        "abort": {"already_configured", "wrong_account"},
    }
    for kind, keys in shared.items():
        for key in keys:
            named = [one.name for one in SOURCES.values() if one.name in texts[kind][key]]
            assert named == [], f"{kind}.{key}"


def test_states_fit_a_tile_and_cannot_be_misread() -> None:
    """A phone's tile shows about 20 characters of a state: a caveat that is cut off is none."""
    for domain in ("binary_sensor", "sensor"):
        for key, entity in english()["entity"][domain].items():
            for state, text in entity.get("state", {}).items():
                assert len(text) <= 21, f"{domain}.{key}.{state}: {text}"
    sensors = english()["entity"]["sensor"]
    # Beside an alert, "High" is a glucose.
    alerts = set(sensors["last_alert"]["state"].values())
    assert alerts.isdisjoint(sensors["highest_severity"]["state"].values())
    for path, text in strings(english()):
        for misread in ("nobody's", "overdue", "heard from", "all clear"):
            assert misread not in text.casefold(), path


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
    silent = {"reauth", "reconfigure", "authorize_rejected", "creation"}
    silent |= {"household_reconfigure"}
    shown = (steps(CareAlertsConfigFlow) - silent) | {"pick_implementation"}
    assert set(english()["config"]["step"]) == shown
    assert set(english()["options"]["step"]) == set().union(
        *(steps(source_type.options_flow) for source_type in SOURCES.values())
    )


def test_flow_menu_has_strings() -> None:
    menu = english()["config"]["step"]["user"]
    assert set(menu["menu_options"]) == {*SOURCES, HOUSEHOLD}
    assert set(menu["menu_option_descriptions"]) == {*SOURCES, HOUSEHOLD}


def test_parts_of_the_household_have_strings() -> None:
    texts = english()["config_subentries"]
    flows = {
        CAREGIVER: CaregiverFlow,
        PLAN: PlanFlow,
        SAME_PERSON: SamePersonFlow,
        PROFILE: ProfileFlow,
    }
    assert set(texts) == set(flows)
    for kind, flow in flows.items():
        assert set(texts[kind]["step"]) == steps(flow)
        assert set(texts[kind]["initiate_flow"]) == {"user", "reconfigure"}
        assert texts[kind]["entry_type"]
    values = texts[PROFILE]["step"]["values"]
    assert set(values["data"]) == set(FIELDS)


def test_fix_flows_have_strings() -> None:
    issues = english()["issues"]
    fixes = {key: issue["fix_flow"] for key, issue in issues.items() if "fix_flow" in issue}
    assert set(fixes) == {
        *("no_thresholds", "next_steps", "days_lost", "journal_set_aside"),
        *("same_person_proposed", "profile_conflict", "profile_stuck", "profile_not_put_back"),
    }
    assert set(fixes["same_person_proposed"]["step"]) | {"init"} == steps(repairs.SamePersonFlow)
    conflict = fixes["profile_conflict"]["step"]["init"]
    assert {"init", *conflict["menu_options"]} == steps(repairs.ProfileConflictFlow)
    assert set(fixes["profile_stuck"]["step"]) | {"init"} == steps(repairs.ProfileStuckFlow)
    assert set(fixes["no_thresholds"]["step"]) == steps(repairs.FirstSettingsFlow) - {"init"}
    for step in fixes["no_thresholds"]["step"].values():
        assert set(step["data"]) == set(step["data_description"]) == set(FIELDS)
    guide = fixes["next_steps"]["step"]
    # One goes on in another flow, one only says goodbye.
    assert set(guide) | {"phone", "dismiss"} == steps(repairs.NextStepsFlow)
    assert set(guide["init"]["menu_options"]) == {*NextStep, "dismiss"}


async def test_entities_have_strings_and_icons(house: House) -> None:
    account = house.sim.lumen.account(house.sim.lumen.api_key)
    maria = account.add_person("maria.keller@example.com", granted_at=NOON - timedelta(days=9))
    of_all_types = (
        *(("WEIGHT", "TOO_FAST"), ("FLEX", "PLATEAU")),
        ("MEDICATION", "MISSED_DOSE_HIGH"),
    )
    for alert_type, subtype in of_all_types:
        account.add_alert(maria, account.newest_day(house.now), alert_type, subtype)
    await house.set_up(house.entry())
    await house.set_up(await house.dexcom_entry())
    house.sim.tidepool.add_child("Jill").share_with(house.sim.tidepool.account)
    await house.set_up(house.tidepool_entry())
    await house.set_up(household_entry(plan("Plan")))

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
    targets = {str(key) for key in cv.ENTITY_SERVICE_FIELDS}
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


async def test_system_health_has_strings(hass: HomeAssistant) -> None:
    register = Mock()
    system_health.async_register(hass, register)
    info = await register.async_register_info.call_args.args[0](hass)
    assert set(info) == set(english()["system_health"]["info"])
