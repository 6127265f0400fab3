"""Profiles in a house: made in the form, applied by hand, by an action and by a schedule, and put back."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import timedelta
from typing import Any

from homeassistant.config_entries import SOURCE_RECONFIGURE, SOURCE_USER, SubentryFlowResult
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
import voluptuous as vol

from custom_components.care_alerts.const import DOMAIN
from simulator import CATALOGUE

from .conftest import SETTINGS, Follower, threshold

SCHEDULE = "schedule.sport"
HOURS_2 = {"hours": 2}


async def fix_flow(hass: HomeAssistant, issue_id: str) -> tuple[Any, Any]:
    """Open a repair."""
    assert await async_setup_component(hass, "repairs", {})
    manager = hass.data["repairs"]["flow_manager"]
    return manager, await manager.async_init(DOMAIN, context={"issue_id": issue_id})


def suggested(form: SubentryFlowResult) -> dict[str, Any]:
    """What the fields of a form begin with."""
    assert form["data_schema"] is not None
    return {
        str(key): key.description["suggested_value"]
        for key in form["data_schema"].schema
        if key.description
    }


def said_in(form: SubentryFlowResult) -> Mapping[str, str]:
    """What a form says besides."""
    said = form["description_placeholders"]
    assert said is not None
    return said


async def begin(follower: Follower, **given: Any) -> SubentryFlowResult:
    """Begin a profile in the form, up to its thresholds."""
    flow = follower.house.hass.config_entries.subentries
    form = await flow.async_init(
        (follower.entry.entry_id, "profile"), context={"source": SOURCE_USER}
    )
    if form["type"] is FlowResultType.ABORT or not given:
        return form
    return await flow.async_configure(form["flow_id"], {"person": follower.jill.user_id, **given})


async def go_on(follower: Follower, form: SubentryFlowResult, **given: Any) -> SubentryFlowResult:
    """Send a form, and let come of it what does."""
    flow = follower.house.hass.config_entries.subentries
    result = await flow.async_configure(form["flow_id"], given)
    await follower.house.settle()
    return result


async def make(follower: Follower, name: str = "Sport", schedule: str = "", **values: Any) -> str:
    """Make a profile; return its id."""
    before = set(follower.entry.subentries)
    form = await begin(follower, name=name, **({"schedule": schedule} if schedule else {}))
    form = await go_on(follower, form, **values)
    assert form["step_id"] == "review"
    done = await go_on(follower, form)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    [made] = set(follower.entry.subentries) - before
    return made


def chosen(follower: Follower) -> str:
    """What the select says."""
    return follower.state("select", "profile").state


async def choose(follower: Follower, option: str) -> None:
    """Choose a profile on the dashboard."""
    await follower.house.hass.services.async_call(
        "select",
        "select_option",
        {"entity_id": follower.entity_id("select", "profile"), "option": option},
        blocking=True,
    )
    await follower.house.settle()


def edit(follower: Follower, kind: str, **values: Any) -> None:
    """Change settings on another device."""
    document = deepcopy(follower.settings)
    document[kind] |= values
    follower.jill.set_settings(follower.account, document)


async def restart(follower: Follower, **away: float) -> None:
    """Stop, and start again after a while."""
    entries = follower.house.hass.config_entries
    await entries.async_unload(follower.entry.entry_id)
    if away:
        await follower.house.pass_time(**away)
    await entries.async_setup(follower.entry.entry_id)
    await follower.house.settle()


async def test_the_form_begins_with_todays_thresholds_and_says_what_others_would_tell(
    follower: Follower,
) -> None:
    for ago, mg_dl in ((845, 90), (840, 65), (835, 90), (10, 90)):
        follower.reads(mg_dl, ago=ago)
    await follower.start()
    form = await begin(follower, name="Sport")
    assert form["step_id"] == "values"
    today = suggested(form)
    assert today["low"] == 70
    assert today["low_delay"] == 10
    assert today["not_looping_enabled"] is False
    assert today["high_repeat"] == 0
    form = await go_on(follower, form, low=80, low_delay=0)
    assert form["step_id"] == "review"
    said = said_in(form)
    assert (said["replayed_alerts"], said["current_alerts"], said["days"]) == ("1", "0", "14")
    done = await go_on(follower, form)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    [made] = follower.entry.subentries.values()
    assert (made.title, made.data["values"]) == ("Sport", {"low": 80, "low_delay": 0})
    # Nothing is written by that.
    assert follower.settings["low"]["threshold"]["value"] == 70
    assert chosen(follower) == "none"
    assert follower.state("select", "profile").attributes["options"] == ["none", "Sport"]


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({"name": "Sport"}, {"name": "name_taken"}),
        ({"name": "none"}, {"name": "name_taken"}),
        ({"name": " "}, {"name": "name_needed"}),
    ],
)
async def test_a_profile_has_a_name_of_its_own(
    follower: Follower, given: dict[str, Any], errors: dict[str, str]
) -> None:
    await follower.start()
    await make(follower, low=80)
    form = await begin(follower, **given)
    assert (form["step_id"], form["errors"]) == ("user", errors)


async def test_none_is_none_whatever_a_profile_is_called(follower: Follower) -> None:
    await follower.start()
    made = await make(follower, low=80)
    await make(follower, "Asleep", low=75)
    follower.house.hass.config_entries.async_update_subentry(
        follower.entry, follower.entry.subentries[made], title="none"
    )
    await follower.house.settle()
    assert follower.state("select", "profile").attributes["options"] == ["none", "Asleep"]
    await choose(follower, "Asleep")
    assert follower.settings["low"]["threshold"]["value"] == 75
    await choose(follower, "none")
    assert (await follower.call("apply_profile", profile="none"))["profile"] is None
    assert follower.settings["low"]["threshold"]["value"] == 70
    assert chosen(follower) == "none"
    # By its id it can be applied, and that is not said to be none.
    assert (await follower.call("apply_profile", profile=made))["low"] == 80
    assert chosen(follower) == STATE_UNKNOWN


async def test_what_cannot_be_is_not_saved(follower: Follower) -> None:
    await follower.start()
    form = await begin(follower, name="Sport")
    form = await go_on(follower, form)
    assert form["errors"] == {"base": "nothing_given"}
    form = await go_on(follower, form, low=260)
    assert form["errors"] == {"base": "not_possible"}
    assert "low" in said_in(form)["problem"]
    form = await go_on(follower, form, low=80)
    assert form["step_id"] == "review"


@pytest.mark.parametrize("values", [{"urgent_low_enabled": False}, {"urgent_low": 53}])
async def test_urgent_low_is_not_given_up_without_a_word_of_its_own(
    follower: Follower, values: dict[str, Any]
) -> None:
    await follower.start()
    form = await go_on(follower, await begin(follower, name="Risky"), **values)
    form = await go_on(follower, form, urgent_low_confirmed=False)
    assert form["errors"] == {"urgent_low_confirmed": "urgent_low_unconfirmed"}
    assert follower.entry.subentries == {}
    done = await go_on(follower, form, urgent_low_confirmed=True)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await choose(follower, "Risky")
    assert chosen(follower) == "Risky"
    # Whoever takes that back has to be heard, too.
    [made] = follower.entry.subentries.values()
    entries = follower.house.hass.config_entries
    await choose(follower, "none")
    entries.async_update_subentry(
        follower.entry, made, data={**made.data, "urgent_low_confirmed": False}
    )
    with pytest.raises(HomeAssistantError) as error:
        await follower.call("apply_profile", profile="Risky")
    assert error.value.translation_key == "profile_urgent_low"
    assert chosen(follower) == "none"
    assert follower.settings == {**follower.settings, "urgentLow": SETTINGS["urgentLow"]}


async def change_it(follower: Follower, profile_id: str, **values: Any) -> SubentryFlowResult:
    """Change a profile's thresholds in the form, up to what it would have told."""
    flow = follower.house.hass.config_entries.subentries
    form = await flow.async_init(
        (follower.entry.entry_id, "profile"),
        context={"source": SOURCE_RECONFIGURE, "subentry_id": profile_id},
    )
    form = await go_on(follower, form, name="Sport")
    return await go_on(follower, form, **values)


@pytest.mark.parametrize("is_applied", [False, True])
async def test_what_was_confirmed_once_is_not_confirmed_for_ever(
    follower: Follower, is_applied: bool
) -> None:
    await follower.start()
    before = deepcopy(follower.settings)
    made = await make(follower, urgent_low=60)
    if is_applied:
        await choose(follower, "Sport")
    form = await change_it(follower, made, urgent_low=50)
    form = await go_on(follower, form, urgent_low_confirmed=False)
    assert form["errors"] == {"urgent_low_confirmed": "urgent_low_unconfirmed"}
    assert follower.settings["urgentLow"]["threshold"]["value"] == (60 if is_applied else 55)
    done = await go_on(follower, form, urgent_low_confirmed=True)
    assert done["reason"] == "reconfigure_successful"
    await choose(follower, "Sport")
    assert follower.settings["urgentLow"]["threshold"]["value"] == 50
    # Another risk is another word.
    form = await change_it(follower, made, urgent_low_enabled=False)
    assert form["data_schema"] is not None
    assert [str(field) for field in form["data_schema"].schema] == ["urgent_low_confirmed"]
    form = await go_on(follower, form, urgent_low_confirmed=False)
    assert form["errors"] == {"urgent_low_confirmed": "urgent_low_unconfirmed"}
    assert follower.settings["urgentLow"] == {
        "enabled": True,
        "threshold": {"units": "mg/dL", "value": 50},
    }
    await choose(follower, "none")
    assert follower.settings == before


@pytest.mark.parametrize(
    ("units", "safe", "risky", "written"),
    [
        (("mmol/L", "mg/dL"), 3.0, 2.9, 54),
        (("mg/dL", "mmol/L"), 54, 53, 3.0),
    ],
)
async def test_in_whichever_unit_urgent_low_is_as_safe(
    follower: Follower, units: tuple[str, str], safe: float, risky: float, written: float
) -> None:
    """The settings are in another unit by now than the profile is."""
    values = {"mmol/L": (3.1, 3.9, 14.0), "mg/dL": (56, 70, 250)}

    def all_in(unit: str) -> None:
        for kind, value in zip(("urgentLow", "low", "high"), values[unit], strict=True):
            edit(follower, kind, threshold={"units": unit, "value": value})

    all_in(units[0])
    await follower.start()
    made = await make(follower, urgent_low=safe)
    all_in(units[1])
    before = deepcopy(follower.settings)
    await follower.house.pass_time(minutes=16)
    await choose(follower, "Sport")
    threshold = follower.settings["urgentLow"]["threshold"]
    assert threshold == {"units": units[1], "value": written}
    await choose(follower, "none")
    assert follower.settings == before
    form = await change_it(follower, made, urgent_low=risky)
    form = await go_on(follower, form, urgent_low_confirmed=False)
    assert form["errors"] == {"urgent_low_confirmed": "urgent_low_unconfirmed"}
    # Whatever has become of its word, it is not written.
    [profile] = follower.entry.subentries.values()
    follower.house.hass.config_entries.async_update_subentry(
        follower.entry, profile, data={**profile.data, "values": {"urgent_low": risky}}
    )
    with pytest.raises(HomeAssistantError) as error:
        await follower.call("apply_profile", profile="Sport")
    assert error.value.translation_key == "profile_urgent_low"
    assert follower.settings == before


@pytest.mark.parametrize(
    "values",
    [
        {"urgent_low": float("nan")},
        {"urgent_low": float("inf")},
        {"urgent_low": 54.4},
        {"urgent_low": 70},
        {"urgent_low": 260},
        {"low": 55},
        {"high": 70},
        {"low": 250, "high": 250},
        {"high": 1001},
        {"low_delay": 121},
        {"low_delay": 1.5},
        {"low_repeat": 14},
        {"high_repeat": 241},
        {"high_delay": float("nan")},
    ],
)
async def test_what_cannot_be_written_is_neither_saved_nor_sent(
    follower: Follower, values: dict[str, Any]
) -> None:
    await follower.start()
    form = await begin(follower, name="Odd")
    try:
        form = await go_on(follower, form, **values)
    except InvalidData:
        pass
    else:
        assert form["errors"] == {"base": "not_possible"}
    assert follower.entry.subentries == {}
    # Nor where it has got in some other way.
    made = await make(follower, low=80)
    [profile] = follower.entry.subentries.values()
    data = {**profile.data, "values": values, "urgent_low_confirmed": True}
    follower.house.hass.config_entries.async_update_subentry(follower.entry, profile, data=data)
    with pytest.raises(HomeAssistantError):
        await follower.call("apply_profile", profile=made)
    assert follower.settings == SETTINGS
    assert "write_alerts" not in follower.asked


async def test_thresholds_are_in_order_by_what_is_there_in_the_end(follower: Follower) -> None:
    """Not by those of the profile that is over then."""
    await follower.start()
    before = deepcopy(follower.settings)
    await make(follower, low=58)
    await make(follower, "Ill", urgent_low=60)
    await choose(follower, "Sport")
    await choose(follower, "Ill")
    assert follower.settings["urgentLow"]["threshold"]["value"] == 60
    assert follower.settings["low"]["threshold"]["value"] == 70
    # And the other way: what fits beside the other one only.
    await make(follower, "High", low=90)
    await choose(follower, "High")
    [ill] = [one for one in follower.entry.subentries.values() if one.title == "Ill"]
    follower.house.hass.config_entries.async_update_subentry(
        follower.entry, ill, data={**ill.data, "values": {"urgent_low": 80}}
    )
    with pytest.raises(HomeAssistantError) as error:
        await follower.call("apply_profile", profile="Ill")
    assert error.value.translation_key == "settings_threshold_order"
    assert chosen(follower) == "High"
    await choose(follower, "none")
    assert follower.settings == before


async def test_54_is_no_risk(follower: Follower) -> None:
    await follower.start()
    await make(follower, urgent_low=54)


async def test_it_is_applied_for_a_while_and_put_back_exactly(follower: Follower) -> None:
    await follower.start()
    before = deepcopy(follower.settings)
    await make(follower, low=80, low_delay=0, high_repeat=30)
    answer = await follower.call("apply_profile", profile="Sport", duration=HOURS_2)
    until = follower.house.now + timedelta(hours=2)
    assert (answer["low"], answer["low_delay"], answer["high_repeat"]) == (80, 0, 30)
    assert (answer["profile"], answer["until"]) == ("Sport", until.isoformat())
    assert chosen(follower) == "Sport"
    shown = follower.state("select", "profile").attributes
    assert (shown["until"], shown["confirmed"]) == (until.isoformat(), True)
    assert float(follower.state("number", "low_threshold").state) == 80
    await follower.house.pass_time(minutes=119)
    assert chosen(follower) == "Sport"
    await follower.house.pass_time(minutes=2)
    assert chosen(follower) == "none"
    assert follower.settings == before
    assert follower.issue("profile_conflict") is None


@pytest.mark.parametrize(
    "beyond",
    [{"days": 10**12}, {"days": 1e300}, "9" * 30, 1e300, {"days": 31}, {"seconds": 59}, "nan"],
)
async def test_nothing_is_applied_for_longer_than_it_can_be(
    follower: Follower, beyond: object
) -> None:
    await follower.start()
    await make(follower, low=80)
    with pytest.raises(vol.Invalid):
        await follower.call("apply_profile", profile="Sport", duration=beyond)
    assert chosen(follower) == "none"


async def test_it_is_put_back_after_days_away(follower: Follower) -> None:
    await follower.start()
    before = deepcopy(follower.settings)
    await make(follower, low=80)
    await follower.call("apply_profile", profile="Sport", duration=HOURS_2)
    await restart(follower)
    assert chosen(follower) == "Sport"
    await restart(follower, days=4)
    assert follower.settings == before
    assert chosen(follower) == "none"


async def test_it_is_put_back_once_tidepool_answers_again(follower: Follower) -> None:
    await follower.start()
    before = deepcopy(follower.settings)
    await make(follower, low=80)
    await follower.call("apply_profile", profile="Sport", duration=HOURS_2)
    follower.house.sim.faults.add("*", CATALOGUE["503_bare"]())
    for _ in range(13):
        await follower.house.pass_time(minutes=10)
    assert follower.settings != before
    follower.house.sim.faults.clear()
    for _ in range(4):
        await follower.house.pass_time(minutes=5)
    assert follower.settings == before


async def test_none_ends_it_and_another_one_takes_its_place(follower: Follower) -> None:
    await follower.start()
    before = deepcopy(follower.settings)
    await make(follower, low=80, low_delay=0)
    second = await make(follower, "Ill", high=200)
    await choose(follower, "Sport")
    assert follower.settings["low"]["threshold"]["value"] == 80
    answer = await follower.call("apply_profile", profile=second)
    assert (answer["low"], answer["low_delay"], answer["high"]) == (70, 10, 200)
    assert (answer["profile"], answer["until"]) == ("Ill", None)
    answer = await follower.call("apply_profile", profile="none", duration=HOURS_2)
    assert (answer["profile"], answer["until"]) == (None, None)
    assert follower.settings == before
    with pytest.raises(ServiceValidationError) as error:
        await follower.call("apply_profile", profile="Nobody's")
    assert error.value.translation_key == "no_such_profile"


async def test_one_made_while_another_is_applied_begins_with_what_will_be_put_back(
    follower: Follower,
) -> None:
    edit(follower, "high", threshold=threshold(14.0, "mmol/L"))
    await follower.start()
    before = suggested(await begin(follower, name="Ill"))
    await make(follower, low=80, low_delay=0, high=200, not_looping_enabled=True)
    await choose(follower, "Sport")
    assert suggested(await begin(follower, name="Ill")) == before
    # What somebody else has set meanwhile is theirs.
    edit(follower, "low", threshold=threshold(75))
    await follower.house.pass_time(minutes=16)
    assert suggested(await begin(follower, name="Ill")) == before | {"low": 75}


async def test_one_made_while_another_is_applied_is_tried_beside_what_will_be_put_back(
    follower: Follower,
) -> None:
    for ago, mg_dl in ((845, 90), (840, 65), (835, 90), (700, 77), (695, 90), (10, 90)):
        follower.reads(mg_dl, ago=ago)
    await follower.start()

    def tried(form: SubentryFlowResult) -> tuple[str, str]:
        assert form["step_id"] == "review"
        return said_in(form)["replayed_alerts"], said_in(form)["current_alerts"]

    ill = {"high": 300, "low_delay": 0}
    before = tried(await go_on(follower, await begin(follower, name="Ill"), **ill))
    values = {"urgent_low": 75, "low": 90, "low_delay": 0}
    form = await go_on(follower, await begin(follower, name="Sport"), **values)
    sport = tried(form)
    await go_on(follower, form)
    assert (before, sport) == (("1", "0"), ("4", "0"))
    [made] = follower.entry.subentries
    await choose(follower, "Sport")
    assert tried(await go_on(follower, await begin(follower, name="Ill"), **ill)) == before
    # In order with the urgent low that there will be.
    form = await go_on(follower, await begin(follower, name="Third"), low=72)
    assert form["step_id"] == "review"
    assert tried(await change_it(follower, made, **values)) == sport
    # The action is by those that there are.
    replayed = await follower.call("replay_thresholds", low_delay=0)
    assert replayed["replayed"] == replayed["current"]
    assert str(replayed["current"]["alerts"]) == sport[0]


@pytest.mark.parametrize("put_back", [True, False])
async def test_what_somebody_else_has_changed_meanwhile_is_asked_about(
    follower: Follower, put_back: bool
) -> None:
    await follower.start()
    await make(follower, low=80, low_delay=0, high=300)
    await follower.call("apply_profile", profile="Sport", duration=HOURS_2)
    edit(follower, "low", threshold={"units": "mg/dL", "value": 75}, enabled=False)
    await follower.house.pass_time(minutes=121)
    assert chosen(follower) == "none"
    low = follower.settings["low"]
    assert (low["threshold"]["value"], low["delay"], low["enabled"]) == (75, 10, False)
    assert follower.settings["high"]["threshold"]["value"] == 250
    issue = follower.issue("profile_conflict")
    assert issue is not None
    manager, form = await fix_flow(follower.house.hass, issue.issue_id)
    assert form["type"] is FlowResultType.MENU
    assert "70 mg/dL → **75 mg/dL**" in form["description_placeholders"]["conflicts"]
    await manager.async_configure(
        form["flow_id"], {"next_step_id": "put_back" if put_back else "keep"}
    )
    await follower.house.settle()
    assert follower.settings["low"]["threshold"]["value"] == (70 if put_back else 75)
    # What no profile had is nobody's to put back.
    assert follower.settings["low"]["enabled"] is False
    assert follower.issue("profile_conflict") is None


async def test_a_conflict_that_somebody_has_settled_is_none(follower: Follower) -> None:
    await follower.start()
    await make(follower, low=80)
    await follower.call("apply_profile", profile="Sport", duration=HOURS_2)
    edit(follower, "low", threshold={"units": "mg/dL", "value": 75})
    await follower.house.pass_time(minutes=121)
    issue = follower.issue("profile_conflict")
    assert issue is not None
    manager, form = await fix_flow(follower.house.hass, issue.issue_id)
    edit(follower, "low", threshold={"units": "mg/dL", "value": 70})
    await follower.house.pass_time(minutes=16)
    assert follower.issue("profile_conflict") is None
    assert form["type"] is FlowResultType.MENU
    assert manager is not None


async def test_what_does_not_fit_any_more_is_asked_about(follower: Follower) -> None:
    """Low cannot be put back below what urgent low is now."""
    await follower.start()
    await make(follower, low=90, high=300)
    await follower.call("apply_profile", profile="Sport", duration=HOURS_2)
    edit(follower, "urgentLow", threshold={"units": "mg/dL", "value": 75})
    await follower.house.pass_time(minutes=121)
    assert follower.settings["low"]["threshold"]["value"] == 90
    assert follower.settings["high"]["threshold"]["value"] == 250
    assert follower.issue("profile_conflict") is not None


async def test_a_lost_answer_is_asked_about_again(follower: Follower) -> None:
    await follower.start()
    before = deepcopy(follower.settings)
    await make(follower, low=80)
    follower.house.sim.faults.add("tidepool.write_alerts", CATALOGUE["503_bare"](), times=1)
    with pytest.raises(HomeAssistantError):
        await follower.call("apply_profile", profile="Sport")
    for _ in range(3):
        await follower.house.pass_time(minutes=5)
    assert follower.settings["low"]["threshold"]["value"] == 80
    assert follower.state("select", "profile").attributes["confirmed"] is True
    await choose(follower, "none")
    assert follower.settings == before


async def test_a_schedule_applies_it_each_time_it_turns_on(follower: Follower) -> None:
    hass = follower.house.hass
    hass.states.async_set(SCHEDULE, STATE_OFF)
    await follower.start()
    before = deepcopy(follower.settings)
    await make(follower, schedule=SCHEDULE, low=80)
    assert chosen(follower) == "none"
    hass.states.async_set(SCHEDULE, STATE_ON)
    await follower.house.settle()
    assert chosen(follower) == "Sport"
    # Whoever ends it by hand is not overruled until it turns on again, also over a restart.
    await choose(follower, "none")
    await restart(follower)
    assert chosen(follower) == "none"
    hass.states.async_set(SCHEDULE, STATE_UNAVAILABLE)
    await follower.house.settle()
    hass.states.async_set(SCHEDULE, STATE_OFF)
    await follower.house.settle()
    hass.states.async_set(SCHEDULE, STATE_ON)
    await follower.house.settle()
    assert chosen(follower) == "Sport"
    # It turned off while nobody looked.
    await follower.house.hass.config_entries.async_unload(follower.entry.entry_id)
    hass.states.async_set(SCHEDULE, STATE_OFF)
    await restart(follower)
    await follower.house.pass_time(minutes=1)
    assert follower.settings == before
    # What somebody has applied by hand is not the schedule's to end.
    hass.states.async_set(SCHEDULE, STATE_ON)
    await follower.house.settle()
    await follower.call("apply_profile", profile="Sport")
    hass.states.async_set(SCHEDULE, STATE_OFF)
    await follower.house.pass_time(minutes=1)
    assert chosen(follower) == "Sport"


async def test_without_its_schedule_what_that_has_applied_is_ended(follower: Follower) -> None:
    hass = follower.house.hass
    hass.states.async_set(SCHEDULE, STATE_ON)
    await follower.start()
    before = deepcopy(follower.settings)
    made = await make(follower, schedule=SCHEDULE, low=80)
    assert chosen(follower) == "Sport"
    await reconfigure(follower, made, low=80)
    await follower.house.pass_time(minutes=1)
    assert chosen(follower) == "none"
    assert follower.settings == before
    # One that it is given again applies it again.
    await reconfigure(follower, made, schedule=SCHEDULE, low=80)
    assert chosen(follower) == "Sport"
    # What somebody has applied by hand stays.
    await follower.call("apply_profile", profile="Sport")
    await reconfigure(follower, made, low=80)
    await follower.house.pass_time(minutes=20)
    assert chosen(follower) == "Sport"


async def reconfigure(
    follower: Follower, profile_id: str, schedule: str = "", **values: Any
) -> None:
    """Change a profile in its form."""
    form = await follower.house.hass.config_entries.subentries.async_init(
        (follower.entry.entry_id, "profile"),
        context={"source": SOURCE_RECONFIGURE, "subentry_id": profile_id},
    )
    form = await go_on(follower, form, name="Sport", **({"schedule": schedule} if schedule else {}))
    form = await go_on(follower, form, **values)
    await go_on(follower, form)


def repair(follower: Follower, kind: str, profile_id: str) -> ir.IssueEntry | None:
    """What is said of a profile that only a person can mend."""
    return ir.async_get(follower.house.hass).async_get_issue(
        DOMAIN, f"{kind}_{follower.entry.entry_id}_{profile_id}"
    )


@pytest.mark.parametrize("gone", [None, STATE_UNAVAILABLE])
async def test_a_schedule_that_does_not_say_whether_it_is_on_is_mended_by_somebody(
    follower: Follower, gone: str | None
) -> None:
    hass = follower.house.hass
    hass.states.async_set(SCHEDULE, STATE_ON)
    await follower.start()
    made = await make(follower, schedule=SCHEDULE, low=80)
    other = await make(follower, "Other", low=75)

    async def leave() -> None:
        if gone:
            hass.states.async_set(SCHEDULE, gone)
        else:
            hass.states.async_remove(SCHEDULE)
        await follower.house.settle()

    kind = "profile_schedule_silent"
    await leave()
    follower.house.freezer.tick(timedelta(minutes=10, seconds=-1))
    follower.entry.runtime_data.async_update_listeners()
    await follower.house.settle()
    # Home Assistant may just be starting.
    assert repair(follower, kind, made) is None
    follower.house.freezer.tick(timedelta(seconds=1))
    follower.entry.runtime_data.async_update_listeners()
    await follower.house.settle()
    issue = repair(follower, kind, made)
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["schedule"] == SCHEDULE
    assert issue.translation_placeholders["profile"] == "Sport"
    assert repair(follower, kind, other) is None
    assert chosen(follower) == "Sport"
    # It says so again, and so another absence is as long before it is told.
    hass.states.async_set(SCHEDULE, STATE_ON)
    await follower.house.settle()
    assert repair(follower, kind, made) is None
    await leave()
    assert repair(follower, kind, made) is None
    await follower.house.pass_time(minutes=20)
    assert repair(follower, kind, made) is not None
    # Without the schedule there is nothing to mend.
    await reconfigure(follower, made, low=80)
    await follower.house.pass_time(minutes=1)
    assert repair(follower, kind, made) is None
    assert chosen(follower) == "none"


async def test_what_a_schedule_cannot_apply_is_mended_by_somebody(
    follower: Follower, caplog: pytest.LogCaptureFixture
) -> None:
    hass = follower.house.hass
    hass.states.async_set(SCHEDULE, STATE_OFF)
    hass.config.language = "de"
    await follower.start()
    made = await make(follower, schedule=SCHEDULE, low=60)
    edit(follower, "urgentLow", threshold=threshold(60))
    await follower.house.pass_time(minutes=16)
    assert repair(follower, "profile_not_applied", made) is None
    hass.states.async_set(SCHEDULE, STATE_ON)
    await follower.house.settle()
    issue = repair(follower, "profile_not_applied", made)
    assert issue is not None
    said = issue.translation_placeholders
    assert said is not None
    assert (said["profile"], said["name"]) == ("Sport", "Jill")
    assert "Reihenfolge" in said["problem"]
    # It stays while Tidepool does not answer, and is logged once.
    follower.house.sim.faults.add("tidepool.alerts", CATALOGUE["503_bare"]())
    await follower.house.pass_time(minutes=1)
    follower.entry.runtime_data.async_update_listeners()
    await follower.house.settle()
    assert repair(follower, "profile_not_applied", made) is not None
    follower.house.sim.faults.clear()
    await follower.house.pass_time(minutes=61)
    assert repair(follower, "profile_not_applied", made) is not None
    assert caplog.text.count("a profile cannot be applied") == 1
    # It fits again.
    edit(follower, "urgentLow", threshold=threshold(55))
    await follower.house.pass_time(minutes=16)
    assert chosen(follower) == "Sport"
    assert repair(follower, "profile_not_applied", made) is None
    # Nor is anything left of a profile that is deleted, the last one.
    edit(follower, "urgentLow", threshold=threshold(60))
    for state in (STATE_OFF, STATE_ON):
        hass.states.async_set(SCHEDULE, state)
        await follower.house.pass_time(minutes=16)
    assert repair(follower, "profile_not_applied", made) is not None
    hass.config_entries.async_remove_subentry(follower.entry, made)
    await follower.house.pass_time(minutes=16)
    assert repair(follower, "profile_not_applied", made) is None


async def test_one_that_is_changed_or_removed_while_it_is_applied(follower: Follower) -> None:
    await follower.start()
    before = deepcopy(follower.settings)
    made = await make(follower, low=80)
    await choose(follower, "Sport")
    flow = follower.house.hass.config_entries.subentries
    form = await flow.async_init(
        (follower.entry.entry_id, "profile"),
        context={"source": SOURCE_RECONFIGURE, "subentry_id": made},
    )
    form = await go_on(follower, form, name="Swimming")
    assert suggested(form)["low"] == 80
    form = await go_on(follower, form, low=85)
    done = await go_on(follower, form)
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    await follower.house.settle()
    assert chosen(follower) == "Swimming"
    assert follower.settings["low"]["threshold"]["value"] == 85
    follower.house.hass.config_entries.async_remove_subentry(follower.entry, made)
    await follower.house.settle()
    await follower.house.pass_time(minutes=1)
    assert follower.settings == before
    assert chosen(follower) == "none"


async def test_without_thresholds_there_is_no_profile(follower: Follower) -> None:
    follower.jill.set_settings(follower.account, None)
    await follower.start()
    form = await begin(follower)
    assert (form["type"], form["reason"]) == (FlowResultType.ABORT, "no_thresholds_yet")
    await follower.house.hass.config_entries.async_unload(follower.entry.entry_id)
    form = await begin(follower)
    assert (form["type"], form["reason"]) == (FlowResultType.ABORT, "not_running")


@pytest.mark.parametrize("steps", [1, 2])
async def test_a_source_that_stops_meanwhile_saves_nothing(follower: Follower, steps: int) -> None:
    await follower.start()
    form = await begin(follower, name="Sport")
    if steps == 2:
        form = await go_on(follower, form, low=80)
    await follower.house.hass.config_entries.async_unload(follower.entry.entry_id)
    form = await go_on(follower, form, **({"low": 80} if steps == 1 else {}))
    assert (form["type"], form["reason"]) == (FlowResultType.ABORT, "not_running")
    assert follower.entry.subentries == {}


async def test_all_thresholds_of_a_profile_are_in_one_unit(follower: Follower) -> None:
    """And are written in the unit that each has."""
    edit(follower, "high", threshold={"units": "mmol/L", "value": 14.0})
    await follower.start()
    form = await begin(follower, name="Sport")
    assert suggested(form)["high"] == 252
    await make(follower, high=200)
    before = deepcopy(follower.settings)
    await choose(follower, "Sport")
    assert follower.settings["high"]["threshold"] == {"units": "mmol/L", "value": 11.1}
    await choose(follower, "none")
    assert follower.settings == before


async def test_only_who_has_thresholds_of_a_source_has_profiles(follower: Follower) -> None:
    assert await async_setup_component(follower.house.hass, DOMAIN, {})
    lumen = await follower.house.set_up(follower.house.entry())
    assert lumen.supported_subentry_types == {}
    await follower.start()
    assert set(follower.entry.supported_subentry_types) == {"profile"}
