"""The household's flows as a person walks through them: the proposal, caregivers, plans, and every wrong turn."""

from collections.abc import Mapping
from dataclasses import replace
import json
from typing import Any

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntry,
    ConfigEntryState,
    SubentryFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import (
    FlowResultType,
    InvalidData,
    UnknownFlow,
    UnknownHandler,
    section,
)
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockModule,
    mock_integration,
)

from custom_components.care_alerts import system_health
from custom_components.care_alerts.alerts.alert import Severity
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.diagnostics import async_get_config_entry_diagnostics
from custom_components.care_alerts.responses.household import caregivers_of, plans_of
from custom_components.care_alerts.responses.plan import Caregiver, Plan, Text, proposed_plan
from tests.conftest import House
from tests.spoken import english

from .test_plan_data import ANNA, KEYS, NIGHT, WRONG_PLANS, WRONG_SAME_PEOPLE, WRONG_STEPS

USERS = {"person.anna": "user-anna", "person.ben": "user-ben", "person.carl": None}


def add_phone(hass: HomeAssistant, name: str, user_id: str) -> str:
    """Let somebody have logged in with the app; returns the phone's device."""
    # The app's own module needs what is only there as source, for voice assistants.
    mock_integration(hass, MockModule("mobile_app", async_unload_entry=_unload))
    registration = MockConfigEntry(
        domain="mobile_app",
        title=name,
        data={"user_id": user_id, "webhook_id": f"webhook-{name}", "app_data": {}},
        state=ConfigEntryState.LOADED,
    )
    registration.add_to_hass(hass)
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=registration.entry_id, identifiers={("mobile_app", name)}, name=name
    )
    return device.id


async def _unload(_: HomeAssistant, __: ConfigEntry) -> bool:
    return True


@pytest.fixture(autouse=True)
def _stored(hass_storage: dict[str, Any]) -> None:
    """Write to nothing real."""


@pytest.fixture
def people(hass: HomeAssistant) -> None:
    """Anna, Ben and Carl live here, and there is a rota."""
    for entity_id, user_id in USERS.items():
        name = entity_id.removeprefix("person.").title()
        hass.states.async_set(entity_id, "home", {"friendly_name": name, "user_id": user_id})
    hass.states.async_set("calendar.rota", "off", {"friendly_name": "Rota"})


@pytest.fixture
def phone(hass: HomeAssistant, people: None) -> str:
    """Anna's phone."""
    return add_phone(hass, "Anna's phone", "user-anna")


async def propose(hass: HomeAssistant) -> dict[str, Any]:
    """Choose the household from the menu."""
    flows = hass.config_entries.flow
    menu = await flows.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert "household" in menu["menu_options"]
    return dict(await flows.async_configure(menu["flow_id"], {"next_step_id": "household"}))


async def household(hass: HomeAssistant, **typed: Any) -> ConfigEntry:
    """Say yes."""
    form = await propose(hass)
    made = await hass.config_entries.flow.async_configure(form["flow_id"], typed)
    assert made["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    entry: ConfigEntry = made["result"]
    assert entry.state is ConfigEntryState.LOADED
    return entry


def fields(form: Mapping[str, Any]) -> dict[str, Any]:
    """What is sent if a form is submitted as it is shown."""
    return _filled_in(form["data_schema"].schema)


def _filled_in(schema: Mapping[Any, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for marker, selector in schema.items():
        if isinstance(selector, section):
            if within := _filled_in(selector.schema.schema):
                shown[str(marker)] = within
        elif marker.description and "suggested_value" in marker.description:
            if (value := marker.description["suggested_value"]) is not None:
                shown[str(marker)] = value
        elif callable(marker.default):
            shown[str(marker)] = marker.default()
    # As a browser does.
    copied: dict[str, Any] = json.loads(json.dumps(shown))
    return copied


async def add(hass: HomeAssistant, entry: ConfigEntry, kind: str) -> SubentryFlowResult:
    """Begin to add a caregiver or a plan."""
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, kind), context={"source": SOURCE_USER}
    )


async def change(
    hass: HomeAssistant, entry: ConfigEntry, kind: str, subentry_id: str
) -> SubentryFlowResult:
    """Begin to change a caregiver or a plan."""
    context = {"source": SOURCE_RECONFIGURE, "subentry_id": subentry_id}
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, kind),
        context=context,  # type: ignore[arg-type]
    )


async def send(
    hass: HomeAssistant, form: SubentryFlowResult, typed: dict[str, Any]
) -> SubentryFlowResult:
    """Submit a form."""
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], typed)
    await hass.async_block_till_done(wait_background_tasks=True)
    return result


async def added(
    hass: HomeAssistant, entry: ConfigEntry, kind: str, typed: dict[str, Any]
) -> SubentryFlowResult:
    """Add a caregiver or a plan."""
    result = await send(hass, await add(hass, entry, kind), typed)
    assert result["type"] is FlowResultType.CREATE_ENTRY, result
    return result


def labels(form: Mapping[str, Any], field: str) -> dict[str, str]:
    """The options of a choice, and what they are called."""
    options = form["data_schema"].schema[field].config["options"]
    return {one["value"]: one["label"] for one in options}


# The proposal


async def test_a_yes_is_enough(hass: HomeAssistant, phone: str) -> None:
    form = await propose(hass)
    assert labels(form, "caregivers") == {
        "person.anna": "Anna: Anna's phone",
        "person.ben": "Ben: no phone with the app yet",
        "person.carl": "Carl: no phone with the app yet",
    }
    assert fields(form) == {"caregivers": ["person.anna"]}
    assert form["description_placeholders"]["note"] == ""
    entry = await household(hass)
    assert (entry.title, dict(entry.data)) == ("Household", {"source": "household"})
    [anna] = caregivers_of(entry)
    assert anna == Caregiver(caregiver_id=anna.caregiver_id, name="Anna", person="person.anna")
    [plan] = plans_of(entry)
    assert plan == proposed_plan(plan.plan_id, "Until somebody answers")
    assert {one.unique_id for one in entry.subentries.values()} == {None}


async def test_everybody_lights_and_speakers(hass: HomeAssistant, phone: str) -> None:
    add_phone(hass, "Ben's phone", "user-ben")
    hass.states.async_set("tts.piper", "unknown")
    assert fields(await propose(hass)) == {
        "caregivers": ["person.anna", "person.ben"],
        "tts": "tts.piper",
    }
    entry = await household(
        hass,
        caregivers=["person.ben", "person.carl"],
        lights=["light.hall"],
        speakers=["media_player.hall"],
        tts="tts.piper",
    )
    assert [one.name for one in caregivers_of(entry)] == ["Ben", "Carl"]
    [plan] = plans_of(entry)
    last = plan.steps[-1]
    assert (last.lights, last.speakers, last.tts) == (
        ("light.hall",),
        ("media_player.hall",),
        "tts.piper",
    )


async def test_the_cloud_of_home_assistant_speaks_first(hass: HomeAssistant) -> None:
    er.async_get(hass).async_get_or_create("tts", "cloud", "1", suggested_object_id="zz")
    for entity_id in ("tts.piper", "tts.zz"):
        hass.states.async_set(entity_id, "unknown")
    assert fields(await propose(hass))["tts"] == "tts.zz"


async def test_without_speakers_nothing_speaks(hass: HomeAssistant, phone: str) -> None:
    entry = await household(hass, tts="tts.piper")
    assert plans_of(entry)[0].steps[-1].tts is None


async def test_speakers_need_a_speech_service(hass: HomeAssistant, phone: str) -> None:
    form = await propose(hass)
    given = {"caregivers": ["person.ben"], "speakers": ["media_player.hall"]}
    flows = hass.config_entries.flow
    form = dict(await flows.async_configure(form["flow_id"], given))
    assert form["errors"] == {"tts": "speakers_need_tts"}
    assert fields(form) == given, "what was chosen is still there"
    made = await flows.async_configure(form["flow_id"], given | {"tts": "tts.piper"})
    assert made["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.usefixtures("disable_translations_once")
async def test_it_has_its_words_though_nothing_of_ours_runs_yet(
    hass: HomeAssistant, people: None
) -> None:
    note = (await propose(hass))["description_placeholders"]["note"]
    assert note.startswith("**Nobody here has a phone")


async def test_nobody_has_a_phone(hass: HomeAssistant, people: None) -> None:
    form = await propose(hass)
    note = form["description_placeholders"]["note"]
    assert note.startswith("**Nobody here has a phone")
    assert fields(form) == {"caregivers": []}
    entry = await household(hass)
    assert caregivers_of(entry) == []
    assert len(plans_of(entry)) == 1


async def test_nobody_lives_here(hass: HomeAssistant) -> None:
    assert len(plans_of(await household(hass))) == 1


async def test_there_is_one_household(hass: HomeAssistant, phone: str) -> None:
    left_open = await propose(hass)
    await household(hass)
    result = await propose(hass)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    with pytest.raises(UnknownFlow):
        await hass.config_entries.flow.async_configure(left_open["flow_id"], {})


async def test_what_a_household_does_not_have(hass: HomeAssistant, phone: str) -> None:
    entry = await household(hass)
    assert not entry.supports_options
    with pytest.raises(UnknownHandler):
        await hass.config_entries.options.async_init(entry.entry_id)
    assert isinstance(entry, ConfigEntry)
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_RECONFIGURE, "entry_id": entry.entry_id}
    )
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "household_has_parts")


async def test_a_source_has_no_caregivers(house: House) -> None:
    house.sim.load("demo")
    entry = await house.set_up(house.entry())
    assert entry.supported_subentry_types == {}
    assert entry.supports_options
    with pytest.raises(UnknownHandler):
        await add(house.hass, entry, "caregiver")


# Caregivers


async def test_a_person_is_a_caregiver(hass: HomeAssistant, phone: str) -> None:
    entry = await household(hass)
    assert entry.supported_subentry_types == {
        "caregiver": {"supports_reconfigure": True},
        "plan": {"supports_reconfigure": True},
        "same_person": {"supports_reconfigure": True},
    }
    await added(hass, entry, "caregiver", {"person": "person.ben"})
    ben = caregivers_of(entry)[-1]
    assert ben == Caregiver(caregiver_id=ben.caregiver_id, name="Ben", person="person.ben")
    assert entry.subentries[ben.caregiver_id].title == "Ben"


async def test_a_caregiver_as_they_like(hass: HomeAssistant, phone: str) -> None:
    entry = await household(hass, caregivers=[])
    given = ANNA | {"phones": [phone], "live_status": True}
    await added(hass, entry, "caregiver", given)
    [anna] = caregivers_of(entry)
    assert anna == Caregiver(
        caregiver_id=anna.caregiver_id,
        name="Anna",
        person="person.anna",
        phones=(phone,),
        notify=("notify.sms",),
        duty="calendar.rota",
        break_through=frozenset({Severity.MEDIUM, Severity.HIGH}),
        text=Text.NEUTRAL,
        live_status=True,
    )
    form = await change(hass, entry, "caregiver", anna.caregiver_id)
    assert fields(form) == {**given, "break_through": ["high", "medium"]}
    assert labels(form, "duty") == {"always": "Always", "calendar.rota": "Rota"}
    result = await send(hass, form, fields(form))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    assert caregivers_of(entry) == [anna], "an untouched form changes nothing"

    form = await change(hass, entry, "caregiver", anna.caregiver_id)
    await send(hass, form, {"name": "Annie", "duty": "always"})
    [annie] = caregivers_of(entry)
    assert annie == Caregiver(
        caregiver_id=anna.caregiver_id,
        name="Annie",
        break_through=anna.break_through,
        text=Text.NEUTRAL,
        live_status=True,
    )
    hass.config_entries.async_remove_subentry(entry, anna.caregiver_id)
    assert caregivers_of(entry) == []


async def test_a_rota_that_is_gone_stays_what_was_chosen(hass: HomeAssistant, phone: str) -> None:
    entry = await household(hass, caregivers=[])
    await added(hass, entry, "caregiver", ANNA)
    hass.states.async_remove("calendar.rota")
    [anna] = caregivers_of(entry)
    form = await change(hass, entry, "caregiver", anna.caregiver_id)
    assert "calendar.rota" in labels(form, "duty")
    await send(hass, form, fields(form))
    assert caregivers_of(entry) == [anna]


async def test_a_phone_is_not_offered_twice(hass: HomeAssistant, phone: str) -> None:
    registry = er.async_get(hass)
    of_phone = registry.async_get_or_create("notify", "mobile_app", "1").entity_id
    other = registry.async_get_or_create("notify", "ntfy", "1").entity_id
    entry = await household(hass)
    form = await add(hass, entry, "caregiver")
    schema = form["data_schema"]
    assert schema is not None
    assert schema.schema["notify"].config["exclude_entities"] == [of_phone]
    with pytest.raises(InvalidData):
        await send(hass, form, {"name": "Ben", "notify": [of_phone]})
    await send(hass, form, {"name": "Ben", "notify": [other]})
    assert caregivers_of(entry)[-1].notify == (other,)


@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ({}, {"name": "required"}),
        ({"person": "person.nobody"}, {"name": "required"}),
        ({"name": "  "}, {"name": "not_a_text"}),
        ({"name": "Ben", "duty": "sometimes"}, {"duty": "wrong_entity"}),
        ({"name": "Ben", "duty": "switch.rota"}, {"duty": "wrong_entity"}),
        ({"name": "Ben", "duty": 7}, {"duty": "not_a_text"}),
        ({"name": "Ben", "phones": [" "]}, {"phones": "not_a_text"}),
    ],
)
async def test_a_caregiver_that_may_not_be(
    hass: HomeAssistant, phone: str, typed: dict[str, Any], errors: dict[str, str]
) -> None:
    entry = await household(hass)
    form = await add(hass, entry, "caregiver")
    form = await send(hass, form, typed)
    assert (form["type"], form["errors"]) == (FlowResultType.FORM, errors)
    result = await send(hass, form, {"name": "Ben"})
    assert result["type"] is FlowResultType.CREATE_ENTRY


# Plans


async def test_a_plan_needs_a_yes_only(hass: HomeAssistant, phone: str) -> None:
    entry = await household(hass)
    form = await add(hass, entry, "plan")
    assert form["description_placeholders"] is not None
    assert "Until somebody answers" in form["description_placeholders"]["overlap"]
    result = await send(hass, form, {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["description"] == "overlapping"
    first, second = plans_of(entry)
    ids = [step.step_id for step in second.steps]
    assert second == Plan(
        plan_id=second.plan_id,
        name=f"{first.name} 2",
        steps=tuple(
            replace(step, step_id=step_id) for step, step_id in zip(first.steps, ids, strict=True)
        ),
    )
    # What is proposed next is called what no other is.
    assert fields(await add(hass, entry, "plan"))["name"] == f"{first.name} 3"
    hass.config_entries.async_remove_subentry(entry, first.plan_id)
    assert fields(await add(hass, entry, "plan"))["name"] == first.name


async def test_a_plan_as_they_like(hass: HomeAssistant, phone: str) -> None:
    entry = await household(hass)
    [anna] = caregivers_of(entry)
    [proposed] = plans_of(entry)
    given = json.loads(json.dumps(NIGHT).replace('"anna"', json.dumps(anna.caregiver_id)))
    await added(hass, entry, "plan", given)
    night = plans_of(entry)[-1]
    assert night.quiet_hours is not None
    assert night.steps[1].tell == (anna.caregiver_id,)
    assert (night.steps[2].colour, night.steps[2].volume) == ((0, 10, 255), 45)

    # Shown, and sent as it is: nothing changes.
    form = await change(hass, entry, "plan", night.plan_id)
    assert form["description_placeholders"] is not None
    assert form["description_placeholders"]["steps"] == (
        "1. At once: Whoever is on duty\n"
        "2. After 10 min, then every 5 min: Anna\n"
        "3. After 20 min: Everybody, light.hall, media_player.hall"
    )
    result = await send(hass, form, fields(form))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    assert plans_of(entry) == [proposed, night]

    # The first step goes, the last comes earlier, what is optional is cleared: the rest are who they were.
    form = await change(hass, entry, "plan", night.plan_id)
    shown = fields(form)
    steps = [shown["steps"][1], shown["steps"][2] | {"after": 15}]
    await send(hass, form, {"name": "Nights", "steps": steps})
    nights = plans_of(entry)[-1]
    assert [step.step_id for step in nights.steps] == [step.step_id for step in night.steps[1:]]
    assert [step.after for step in nights.steps] == [10, 15]
    assert (nights.name, nights.quiet_hours, nights.alert_types) == ("Nights", None, frozenset())
    assert entry.subentries[nights.plan_id].title == "Nights"

    hass.config_entries.async_remove_subentry(entry, night.plan_id)
    assert plans_of(entry) == [proposed]


async def test_steps_without_ids_are_known_again(hass: HomeAssistant, phone: str) -> None:
    entry = await household(hass)
    [plan] = plans_of(entry)
    form = await change(hass, entry, "plan", plan.plan_id)
    steps = [{k: v for k, v in one.items() if k != "step_id"} for one in fields(form)["steps"]]
    await send(hass, form, {"steps": [*steps[1:], steps[0]]})
    assert [step.step_id for step in plans_of(entry)[0].steps] == ["2", "3", "1"]


async def test_what_was_cleared_in_a_step_is_not_there(hass: HomeAssistant, phone: str) -> None:
    entry = await household(hass)
    [plan] = plans_of(entry)
    form = await change(hass, entry, "plan", plan.plan_id)
    step = {"after": 5, "tell": ["everybody"], "every": None, "tts": "", "lights": []}
    await send(hass, form, {"steps": [step]})
    [step_kept] = plans_of(entry)[0].steps
    assert (step_kept.after, step_kept.every, step_kept.tts) == (5, None, None)


async def test_a_caregiver_who_was_removed(hass: HomeAssistant, phone: str) -> None:
    entry = await household(hass, caregivers=["person.anna", "person.ben"])
    anna, ben = (one.caregiver_id for one in caregivers_of(entry))
    [plan] = plans_of(entry)
    form = await change(hass, entry, "plan", plan.plan_id)
    named = [{"after": 0, "tell": [anna, ben]}, {"after": 5, "tell": [ben]}]
    await send(hass, form, {"steps": named})

    form = await change(hass, entry, "plan", plan.plan_id)
    hass.config_entries.async_remove_subentry(entry, ben)
    await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    assert plans_of(entry)[0].steps[1].tell == (ben,)
    # Whoever had the form open is told,
    form = await send(hass, form, {"steps": named})
    assert form["errors"] == {"steps": "no_such_caregiver"}
    assert form["description_placeholders"] is not None
    assert form["description_placeholders"]["where"] == "Step 1, Tell: "
    # whoever opens it now no longer sees them.
    form = await change(hass, entry, "plan", plan.plan_id)
    shown = fields(form)["steps"]
    assert [one.get("tell") for one in shown] == [[anna], None]
    form = await send(hass, form, {"steps": shown})
    assert form["errors"] == {"steps": "step_does_nothing"}
    result = await send(hass, form, {"steps": shown[:1]})
    assert result["type"] is FlowResultType.ABORT


@pytest.mark.parametrize(
    ("typed", "errors", "where"),
    [
        ({"name": " "}, {"name": "not_a_text"}, ""),
        ({"steps": []}, {"steps": "no_steps"}, ""),
        ({"steps": NIGHT["steps"][:1] * 21}, {"steps": "too_many_steps"}, ""),
        ({"quiet_hours": {"from": "22:00:00"}}, {"quiet_hours": "quiet_hours_need_both"}, ""),
        (
            {"quiet_hours": {"from": "22:00:00", "to": "22:00:00"}},
            {"quiet_hours": "quiet_hours_empty"},
            "",
        ),
        ({"whose": {"area_id": ["{{ 'hall' }}"]}}, {"whose": "no_target"}, ""),
        ({"handled_wait": 61}, {"handled_wait": "handled_wait_range"}, ""),
        *(
            ({"steps": [NIGHT["steps"][0], step]}, {"steps": key}, where)
            for step, key, where in (
                ({"after": 0}, "step_does_nothing", "Step 2: "),
                ({"after": -1, "tell": ["everybody"]}, "minutes_range", "Step 2, After: "),
                ({"after": 1441, "tell": ["everybody"]}, "minutes_range", "Step 2, After: "),
                ({"after": 1.5, "tell": ["everybody"]}, "not_a_number", "Step 2, After: "),
                (
                    {"after": 0, "speakers": ["media_player.a"]},
                    "speakers_need_tts",
                    "Step 2, Speech service: ",
                ),
                (
                    {"after": 0, "tell": ["everybody"], "volume": 0},
                    "volume_range",
                    "Step 2, Volume: ",
                ),
                (
                    {"after": 0, "tell": ["everybody"], "every": 0},
                    "minutes_range",
                    "Step 2, Again every: ",
                ),
                (
                    {"after": 0, "tell": ["everybody"], "every": 1, "times": 0},
                    "times_range",
                    "Step 2, How many times: ",
                ),
                (
                    {"after": 0, "tell": ["everybody"], "times": 2},
                    "times_need_every",
                    "Step 2, How many times: ",
                ),
            )
        ),
    ],
)
async def test_a_plan_that_may_not_be(
    hass: HomeAssistant,
    phone: str,
    typed: dict[str, Any],
    errors: dict[str, str],
    where: str,
) -> None:
    entry = await household(hass)
    form = await add(hass, entry, "plan")
    form = await send(hass, form, typed)
    assert (form["type"], form["errors"]) == (FlowResultType.FORM, errors)
    assert form["description_placeholders"] is not None
    assert form["description_placeholders"]["where"] == where
    assert len(plans_of(entry)) == 1
    whole = {"name": "Night", "steps": NIGHT["steps"][:1], "quiet_hours": {}}
    result = await send(hass, form, whole)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    "typed",
    [
        {"steps": "now"},
        {"steps": ["now"]},
        {"steps": [{"tell": ["everybody"]}]},
        {"steps": [{"after": "soon"}]},
        {"steps": [{"after": 0, "lights": ["switch.a"]}]},
        {"steps": [{"after": 0, "colour": [0, 0, 256]}]},
        {"steps": [{"after": 0, "sing": 1}]},
        {"quiet_hours": {"from": "soon", "to": "07:00:00"}},
        {"least_severity": "severe"},
        {"unheard_of": 1},
    ],
)
async def test_what_no_form_gives_is_refused_before(
    hass: HomeAssistant, phone: str, typed: dict[str, Any]
) -> None:
    entry = await household(hass)
    with pytest.raises(InvalidData):
        await send(hass, await add(hass, entry, "plan"), typed)
    assert len(plans_of(entry)) == 1


def test_whatever_is_wrong_has_its_sentence() -> None:
    subentries = english()["config_subentries"]
    parts = ("caregiver", "plan", "same_person")
    errors = {kind: set(subentries[kind]["error"]) for kind in parts}
    of_same_people = {"one_source", *(key for _, key in WRONG_SAME_PEOPLE)}
    assert set().union(*errors.values()) == KEYS | of_same_people
    of_plans = {"required", "no_step", *(key for *_, key in (*WRONG_PLANS, *WRONG_STEPS))}
    assert errors["plan"] == of_plans


async def test_two_people_of_one_source_are_not_one(house: House) -> None:
    account = house.sim.lumen.account(house.sim.lumen.api_key)
    for name in ("maria", "henk"):
        account.add_person(f"{name}@example.com")
    source = await house.set_up(house.entry())
    entry = await household(house.hass)
    devices = dr.async_entries_for_config_entry(dr.async_get(house.hass), source.entry_id)
    people = [one.id for one in devices if one.name in ("maria", "henk")]
    form = await add(house.hass, entry, "same_person")
    form = await send(house.hass, form, {"name": "Both", "people": people})
    assert (form["type"], form["errors"]) == (FlowResultType.FORM, {"people": "one_source"})


async def test_plans_for_different_people_do_not_overlap(house: House) -> None:
    account = house.sim.lumen.account(house.sim.lumen.api_key)
    for name in ("maria", "henk"):
        account.add_person(f"{name}@example.com")
    source = await house.set_up(house.entry())
    devices = dr.async_entries_for_config_entry(dr.async_get(house.hass), source.entry_id)
    device = {one.name: one.id for one in devices}
    sensors = {
        (entity.device_id, entity.translation_key): entity.entity_id
        for entity in er.async_get(house.hass).entities.values()
        if entity.domain == "binary_sensor"
    }
    weight, flex = (sensors[device["maria"], key] for key in ("weight", "flex"))
    entry = await household(house.hass)
    [plan] = plans_of(entry)
    hass = house.hass
    form = await change(hass, entry, "plan", plan.plan_id)
    await send(hass, form, {"name": "Maria", "whose": {"device_id": [device["maria"]]}})

    async def overlap(whose: dict[str, Any], **more: Any) -> bool:
        result = await added(hass, entry, "plan", {"name": "Other", "whose": whose} | more)
        hass.config_entries.async_remove_subentry(entry, plans_of(entry)[-1].plan_id)
        return result["description"] == "overlapping"

    assert not await overlap({"device_id": [device["henk"]]})
    assert await overlap({"device_id": [device["henk"], device["maria"]]})
    assert await overlap({"device_id": [device["Lumen"]]})
    assert await overlap({"device_id": []}), "of which nothing is chosen is everybody"
    assert await overlap({"entity_id": [weight]})

    form = await change(hass, entry, "plan", plan.plan_id)
    await send(hass, form, {"name": "Maria's weight", "whose": {"entity_id": [weight]}})
    assert await overlap({"device_id": [device["maria"]]})
    assert not await overlap({"entity_id": [flex]})


# Around it


async def test_diagnostics_count(hass: HomeAssistant, phone: str) -> None:
    entry = await household(hass, caregivers=["person.anna"])
    await added(hass, entry, "caregiver", {"name": "Ben", "phones": [phone]})
    found = await async_get_config_entry_diagnostics(hass, entry)
    assert found == {
        "source": "household",
        "entry": "loaded",
        "caregivers": 2,
        "phones": 1,
        "plans": 1,
        "steps": 3,
    }


async def test_a_household_is_no_source_for_system_health(hass: HomeAssistant, phone: str) -> None:
    assert await async_setup_component(hass, "system_health", {})
    await household(hass)
    assert await system_health._info(hass) == {"sources": 0, "sources_silent": 0, "people": 0}
