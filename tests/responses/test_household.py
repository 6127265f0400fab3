"""The household in a real Home Assistant: duty, drills, what may not be heard, and what a person is asked to mend."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from homeassistant.auth.const import GROUP_ID_READ_ONLY
from homeassistant.core import ServiceCall, ServiceResponse, SupportsResponse
from homeassistant.exceptions import ServiceValidationError, Unauthorized
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util.json import JsonValueType
import pytest

from custom_components.care_alerts.alerts.alert import AlertKey, Severity
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.episodes import all_episodes
from custom_components.care_alerts.responses.heard import NOT_SEEN_FOR
from custom_components.care_alerts.responses.household import (
    CAREGIVER,
    PLAN,
    Household as CareHousehold,
)
from custom_components.care_alerts.responses.household_issues import LASTS
from custom_components.care_alerts.responses.plan import Text
from custom_components.care_alerts.responses.store import ResponseStore
from custom_components.care_alerts.responses.trouble import note_of
from simulator.faults import CATALOGUE
from tests.appliances import Bulb, Speaker, install
from tests.home import Home, Phone

from .house import Household, caregiver, household_entry, plan, set_up

pytestmark = pytest.mark.real_files

ALL_AT_ONCE = [{"step_id": "1", "after": 0, "tell": ["everybody"]}]
ON_DUTY_AT_ONCE = [{"step_id": "1", "after": 0, "tell": ["on_duty"]}]


async def rota(home: Home, **states: str) -> tuple[Household, Phone, Phone]:
    """Anna and Ben, each with a schedule."""
    annas, bens = await home.phone("Anna"), await home.phone("Ben")
    for name, state in states.items():
        home.hass.states.async_set(f"schedule.{name}", state)
    household = await set_up(
        home,
        caregiver("Anna", phones=[annas.device_id], duty="schedule.anna"),
        caregiver("Ben", phones=[bens.device_id], duty="schedule.ben"),
        plan(steps=ON_DUTY_AT_ONCE),
    )
    return household, annas, bens


def on_duty(household: Household) -> tuple[str, list[str]]:
    """Who is on duty, and why."""
    state = household.state("sensor", "on_duty")
    return state.state, state.attributes["why"]


# Duty.


async def test_whose_turn_it_is_follows_the_schedules(home: Home) -> None:
    household, annas, bens = await rota(home, anna="on", ben="off")
    assert on_duty(household) == ("Anna", ["Anna is on duty because anna is on"])
    home.hass.states.async_set("schedule.anna", "off")
    home.hass.states.async_set("schedule.ben", "on")
    await home.house.settle()
    assert on_duty(household)[0] == "Ben"
    await home.drill()
    assert annas.pushed == []
    assert bens.shown


@pytest.mark.parametrize(
    ("states", "issue"),
    [
        ({"anna": "off", "ben": "off"}, "duty_nobody"),
        ({"anna": "unavailable", "ben": "off"}, "duty_unavailable"),
        ({"ben": "on"}, "duty_unavailable"),
    ],
)
async def test_duty_is_never_empty_and_a_repair_says_why(
    home: Home, states: dict[str, str], issue: str
) -> None:
    household, annas, bens = await rota(home, **states)
    assert on_duty(household)[0] == "Anna, Ben"
    assert household.issues() == {issue}
    await home.drill()
    assert annas.shown
    assert bens.shown
    home.hass.states.async_set("schedule.anna", "on")
    home.hass.states.async_set("schedule.ben", "off")
    await home.house.settle()
    assert household.issues() == set()
    assert on_duty(household)[0] == "Anna"


async def test_somebody_takes_over_for_a_while(home: Home) -> None:
    household, _, bens = await rota(home, anna="on", ben="off")
    answer = await home.care.call("take_duty", {}, caregiver="ben", duration={"hours": 2})
    assert answer == {
        "caregiver": "Ben",
        "until": (home.house.now + timedelta(hours=2)).isoformat(),
    }
    assert on_duty(household)[0] == "Ben"
    await home.drill()
    assert bens.shown
    await home.hass.config_entries.async_reload(household.entry.entry_id)
    await home.house.settle()
    assert on_duty(household)[0] == "Ben"
    await home.house.pass_time(hours=2)
    assert on_duty(household)[0] == "Anna"


async def test_whoever_calls_takes_over_without_saying_their_name(home: Home) -> None:
    household, annas, _ = await rota(home, anna="off", ben="on")
    with pytest.raises(ServiceValidationError, match="no caregiver"):
        await home.care.call("take_duty", {}, duration={"hours": 1})
    home.hass.states.async_set("person.anna", "home", {"user_id": annas.user.id})
    entry = household.entry
    [anna, _] = entry.get_subentries_of_type(CAREGIVER)
    home.hass.config_entries.async_update_subentry(
        entry, anna, data={**anna.data, "person": "person.anna"}
    )
    await home.house.settle()
    await home.care.call("take_duty", {}, user=annas.user, duration={"hours": 1})
    assert on_duty(household)[0] == "Anna"


async def test_calendars_say_whose_turn_it_is(home: Home) -> None:
    events: list[JsonValueType] = [{"summary": "Ben and Cleo"}]
    home.hass.states.async_set("calendar.rota", "on")

    async def get_events(call: ServiceCall) -> ServiceResponse:
        return {"calendar.rota": {"events": [*events]}}

    home.hass.services.async_register(
        "calendar", "get_events", get_events, supports_response=SupportsResponse.ONLY
    )
    household = await set_up(
        home,
        caregiver("Ann", duty="calendar.rota"),
        caregiver("Ben", duty="calendar.rota"),
        plan(),
    )
    assert on_duty(household) == (
        "Ben",
        ['Ben is on duty because of "Ben and Cleo" in rota'],
    )
    events[:] = [{"summary": "Anna"}]
    await home.house.pass_time(minutes=1)
    assert on_duty(household)[0] == "Ann, Ben"
    assert "duty_unknown_name" in household.issues()
    home.hass.services.async_remove("calendar", "get_events")
    await home.house.pass_time(minutes=1)
    assert "duty_unavailable" in household.issues()


async def test_a_calendar_that_raises_anything_makes_it_everybodys_turn(home: Home) -> None:
    phones = {name: await home.phone(name) for name in ("Anna", "Ben")}
    home.hass.states.async_set("calendar.rota", "on")
    fails = False

    async def get_events(call: ServiceCall) -> ServiceResponse:
        if fails:
            raise OSError("connection reset")
        return {"calendar.rota": {"events": [{"summary": "Anna"}]}}

    home.hass.services.async_register(
        "calendar", "get_events", get_events, supports_response=SupportsResponse.ONLY
    )
    household = await set_up(
        home,
        *(
            caregiver(name, phones=[phone.device_id], duty="calendar.rota")
            for name, phone in phones.items()
        ),
        plan(steps=ON_DUTY_AT_ONCE),
    )
    assert on_duty(household)[0] == "Anna"
    fails = True
    await home.minutes(1)
    assert on_duty(household)[0] == "Anna, Ben"
    assert household.issues() == {"duty_unavailable"}
    await home.hass.config_entries.async_reload(household.entry.entry_id)
    await home.house.settle()
    await home.drill()
    assert phones["Ben"].shown


async def test_a_reload_rings_nobody_who_is_not_on_duty(home: Home) -> None:
    phones = {name: await home.phone(name) for name in ("Anna", "Ben")}
    home.hass.states.async_set("calendar.rota", "on")
    answers = asyncio.Event()
    answers.set()

    async def get_events(call: ServiceCall) -> ServiceResponse:
        await answers.wait()
        return {"calendar.rota": {"events": [{"summary": "Anna"}]}}

    home.hass.services.async_register(
        "calendar", "get_events", get_events, supports_response=SupportsResponse.ONLY
    )
    household = await set_up(
        home,
        *(
            caregiver(name, phones=[phone.device_id], duty="calendar.rota")
            for name, phone in phones.items()
        ),
        plan(steps=ON_DUTY_AT_ONCE),
    )
    answers.clear()
    reload = asyncio.ensure_future(home.hass.config_entries.async_reload(household.entry.entry_id))
    for _ in range(100):
        await asyncio.sleep(0)
    await home.care.coordinator.care.drill(
        [AlertKey(home.care.maria.shared_user_id, "weight", True)], severity=Severity.HIGH
    )
    answers.set()
    await reload
    await home.house.settle()
    assert phones["Anna"].shown
    assert phones["Ben"].pushed == []


async def test_who_may_only_look_sends_nobody_home(home: Home) -> None:
    household, annas, _ = await rota(home, anna="on", ben="off")
    await home.hass.auth.async_create_user("Whoever owns the house")
    guest = await home.hass.auth.async_create_user("Guest", group_ids=[GROUP_ID_READ_ONLY])
    with pytest.raises(Unauthorized):
        await home.care.call("take_duty", {}, user=guest, caregiver="Ben", duration={"days": 7})
    assert on_duty(household)[0] == "Anna"
    assert annas


# Drills.


async def test_a_drill_goes_down_the_plan_and_its_report_says_what_came_of_it(home: Home) -> None:
    bulb, speaker = Bulb(), Speaker()
    await install(home.hass, {"lamp": bulb}, {"speaker": speaker})
    annas, bens = await home.phone("Anna", os_name="Android"), await home.phone("Ben")
    household = await set_up(
        home,
        caregiver("Anna", phones=[annas.device_id]),
        caregiver("Ben", phones=[bens.device_id], duty="schedule.ben"),
        plan(
            steps=[
                {"step_id": "1", "after": 0, "tell": ["anna"]},
                {
                    "step_id": "2",
                    "after": 10,
                    "tell": ["everybody"],
                    "lights": ["light.lamp"],
                    "speakers": ["media_player.speaker"],
                    "tts": "tts.voice",
                    "volume": 70,
                },
            ]
        ),
    )
    button = er.async_get(home.hass).async_get_entity_id(
        "button", DOMAIN, f"{household.entry.entry_id}_drill"
    )
    await home.hass.services.async_call("button", "press", {"entity_id": button}, blocking=True)
    await home.house.settle()
    await annas.fire("mobile_app_notification_received", annas.shown["data"])
    await home.through(home.minutes(10))
    assert bulb.look == {"brightness": 255, "rgb_color": (255, 0, 0)}
    assert [volume for _, volume in speaker.said] == [0.7]
    assert "maria" in speaker.said[0][0]
    await bens.press("I have it")
    assert bulb.look is None
    assert (speaker.volume, speaker.muted) == (0.2, False)
    drill = household.state("sensor", "last_drill")
    [report] = drill.attributes["report"]
    assert report["answered_by"] == "Ben"
    assert report["answered_after_seconds"] == pytest.approx(600, abs=30)
    told = [[(one["who"], one["delivery"]) for one in step["told"]] for step in report["steps"]]
    assert told[0] == [("Anna's phone", "received")]
    assert ("Ben's phone", "unknown") in told[-1]
    assert report["steps"][-1]["lights"] == ["lamp"]
    summary = drill.attributes["summary"]
    assert summary[0].startswith("maria: Ben answered after 10 min")
    assert any("Anna's phone: arrived" in line for line in summary)
    assert household.issues() == {"duty_unavailable"}


async def test_a_drill_that_nobody_answered_is_a_repair(home: Home) -> None:
    phone = await home.phone("Anna")
    household = await set_up(
        home, caregiver("Anna", phones=[phone.device_id]), plan(steps=ALL_AT_ONCE)
    )
    await household.responder.async_drill()
    await home.minutes(29)
    assert household.issues() == set()
    await home.minutes(3)
    assert household.issues() == {"drill_unanswered"}
    assert household.state("sensor", "last_drill").attributes["summary"][0] == (
        "maria: nobody answered."
    )
    await household.responder.async_drill()
    await home.house.settle()
    await phone.press("I have it")
    assert household.issues() == set()


async def test_without_a_plan_for_anybody_there_is_no_drill(home: Home) -> None:
    household = await set_up(home, caregiver("Anna"))
    button = er.async_get(home.hass).async_get_entity_id(
        "button", DOMAIN, f"{household.entry.entry_id}_drill"
    )
    with pytest.raises(ServiceValidationError, match="No plan"):
        await home.hass.services.async_call("button", "press", {"entity_id": button}, blocking=True)


# Plans.


async def test_a_plan_that_is_switched_off_does_nothing_also_after_a_reload(home: Home) -> None:
    phone = await home.phone("Anna")
    household = await set_up(
        home, caregiver("Anna", phones=[phone.device_id]), plan(steps=ALL_AT_ONCE)
    )
    switch = household.state("switch", "plan", "plan").entity_id
    await home.hass.services.async_call("switch", "turn_off", {"entity_id": switch}, blocking=True)
    await home.hass.config_entries.async_reload(household.entry.entry_id)
    await home.house.settle()
    await home.drill()
    assert phone.pushed == []
    assert household.state("binary_sensor", "may_not_be_heard").state == "on"
    await home.hass.services.async_call("switch", "turn_on", {"entity_id": switch}, blocking=True)
    await home.house.settle()
    # It goes on, so somebody is needed.
    assert phone.shown


async def test_a_plan_is_only_for_those_whom_it_is_for(home: Home) -> None:
    phone = await home.phone("Anna")
    other = await home.somebody("tom")
    await set_up(
        home,
        caregiver("Anna", phones=[phone.device_id]),
        plan(steps=ALL_AT_ONCE, whose={"device_id": [home.person]}),
    )
    await home.drill(other)
    assert phone.pushed == []
    await home.drill()
    assert phone.shown


async def test_what_is_one_for_the_household_is_of_a_plan_for_what_any_witness_has(
    home: Home,
) -> None:
    await home.drill("weight")
    [weight] = all_episodes(home.hass)
    topic = replace(weight.episode.topic, alert_type="flex")
    flex = replace(weight, episode=replace(weight.episode, topic=topic))
    for key, is_meant in (("weight", True), ("flex", True), ("medication", False)):
        of_one = plan(whose={"entity_id": [home.care.sensor(key)]})
        household = CareHousehold(home.hass, household_entry(of_one), ResponseStore(home.hass))
        both = replace(weight, parts=(weight, flex))
        assert household.is_meant(household.all_plans[0], both) is is_meant


async def test_a_plan_that_is_removed_takes_its_entities_with_it(home: Home) -> None:
    household = await set_up(home, caregiver("Anna"), plan("Plan"), plan("Other"))
    registry = er.async_get(home.hass)
    before = er.async_entries_for_config_entry(registry, household.entry.entry_id)
    home.hass.config_entries.async_remove_subentry(household.entry, "other")
    await home.house.settle()
    after = er.async_entries_for_config_entry(registry, household.entry.entry_id)
    gone = {one.unique_id for one in before} - {one.unique_id for one in after}
    assert gone == {"household_other_plan", "household_other_next_step"}


async def test_people_are_called_as_the_user_calls_them(home: Home) -> None:
    hass = home.hass
    dr.async_get(hass).async_update_device(home.person, name_by_user="Granny")
    phone = await home.phone("Anna")
    household = await set_up(
        home,
        caregiver("Anna", phones=[phone.device_id]),
        plan(steps=[*ALL_AT_ONCE, {"step_id": "2", "after": 10, "tell": ["everybody"]}]),
    )
    await household.responder.async_drill()
    await home.house.settle()
    assert household.state("sensor", "next_step", "plan").attributes["person"] == "Granny"
    drill = household.state("sensor", "last_drill").attributes
    assert [one["person"] for one in drill["report"]] == ["Granny"]
    assert drill["summary"][0].startswith("Granny")
    # So are those of whom a source says nothing.
    coordinator = home.care.coordinator
    who = frozenset({home.care.maria.shared_user_id, "gone"})
    freshness = replace(coordinator.data.freshness, silent_people=who, troubled_people=who)
    coordinator.async_set_updated_data(replace(coordinator.data, freshness=freshness))
    for domain, key in ("binary_sensor", "silent"), ("sensor", "status"):
        state = hass.states.get(home.house.entity_id(domain, key))
        assert state
        assert state.attributes["people"] == ["Granny"]
    note = note_of(hass, coordinator, "unreachable", Text.FULL, home.house.now)
    assert "Granny: " in note.message


async def test_plans_that_overlap_are_a_repair(home: Home) -> None:
    household = await set_up(home, caregiver("Anna"), plan("Plan"), plan("Other"))
    assert "plans_overlap" in household.issues()
    home.hass.config_entries.async_remove_subentry(household.entry, "other")
    await home.house.settle()
    assert "plans_overlap" not in household.issues()


async def test_an_edit_in_the_middle_does_what_is_new_and_repeats_nothing(home: Home) -> None:
    annas, bens = await home.phone("Anna"), await home.phone("Ben")
    household = await set_up(
        home,
        caregiver("Anna", phones=[annas.device_id]),
        caregiver("Ben", phones=[bens.device_id]),
        plan(steps=[{"step_id": "1", "after": 0, "tell": ["anna"]}]),
    )
    await home.drill()
    [kept] = household.entry.get_subentries_of_type(PLAN)
    home.hass.config_entries.async_update_subentry(
        household.entry,
        kept,
        data={**kept.data, "steps": [{"step_id": "1", "after": 0, "tell": ["anna", "ben"]}]},
    )
    await home.house.settle()
    assert len(annas.pushed) == 1
    assert bens.shown


async def test_a_step_that_tells_somebody_who_is_gone_tells_everybody(home: Home) -> None:
    annas, bens = await home.phone("Anna"), await home.phone("Ben")
    household = await set_up(
        home,
        caregiver("Anna", phones=[annas.device_id]),
        caregiver("Ben", phones=[bens.device_id]),
        plan(steps=[{"step_id": "1", "after": 0, "tell": ["anna"]}]),
    )
    home.hass.config_entries.async_remove_subentry(household.entry, "anna")
    await home.house.settle()
    await home.drill()
    assert bens.shown
    assert "heard_caregiver_gone" in household.issues()


async def test_a_plan_for_nobody_is_a_repair(home: Home) -> None:
    household = await set_up(
        home, caregiver("Anna"), plan(whose={"device_id": ["gone"]}), plan("Other")
    )
    assert "plan_for_nobody" in household.issues()


async def test_what_cannot_be_read_is_a_repair_and_makes_nothing_quieter(home: Home) -> None:
    phone = await home.phone("Anna")
    household = await set_up(
        home,
        caregiver("Anna", phones=[phone.device_id], duty=7),
        plan(steps=[{"step_id": "1", "after": "soon", "tell": ["everybody"]}]),
    )
    assert "part_unreadable" in household.issues()
    await home.drill()
    assert phone.shown


# What may not be heard.


async def test_what_would_keep_it_from_being_heard_is_said(home: Home) -> None:
    bulb = Bulb()
    await install(home.hass, {"lamp": bulb})
    phone = await home.phone("Anna")
    household = await set_up(
        home,
        caregiver("Anna", phones=[phone.device_id]),
        plan(
            steps=[
                {"step_id": "1", "after": 0, "tell": ["anna", "nobody"]},
                {"step_id": "2", "after": 1, "lights": ["light.lamp", "light.gone"]},
            ]
        ),
    )
    sensors = er.async_get(home.hass)
    for sensor, state in (("dnd_sensor", "total_silence"), ("volume_alarm", "0")):
        entity = sensors.async_get_or_create(
            "sensor",
            "mobile_app",
            f"{phone.webhook}_{sensor}",
            device_id=phone.device_id,
            config_entry=home.hass.config_entries.async_get_entry("phone-Anna"),
        )
        home.hass.states.async_set(entity.entity_id, state)
    home.hass.states.async_set("light.lamp", "unavailable")
    await home.minutes(1)
    said = household.state("binary_sensor", "may_not_be_heard").attributes["reasons"]
    assert said == [
        "Anna's phone of Anna lets nothing through, not even alarms.",
        "The alarm volume of Anna's phone of Anna is off.",
        "The plan Plan tells a caregiver who is not there any more.",
        "lamp cannot be reached just now (Plan).",
        "light.gone is not there any more (Plan).",
    ]
    assert household.issues() == {"heard_caregiver_gone", "heard_entity_gone"}
    await home.minutes(int(LASTS / timedelta(minutes=1)))
    assert household.issues() == {
        "heard_caregiver_gone",
        "heard_entity_gone",
        "heard_phone_silent",
        "heard_alarm_volume_off",
        "heard_entity_unavailable",
    }
    answer = await home.care.call("explain", home.care.sensor())
    assert answer["people"][0]["plans"][0]["may_not_be_heard"] == said
    await home.house.pass_time(seconds=NOT_SEEN_FOR.total_seconds())
    await home.minutes(1)
    said = household.state("binary_sensor", "may_not_be_heard").attributes["reasons"]
    assert "Anna's phone of Anna was not heard of for a day." in said


async def test_what_would_happen_can_be_asked(home: Home) -> None:
    annas = await home.phone("Anna")
    home.hass.states.async_set("schedule.ben", "off")
    await set_up(
        home,
        caregiver("Anna", phones=[annas.device_id]),
        caregiver("Ben", notify=["notify.sms"], duty="schedule.ben"),
        plan(),
    )
    answer = await home.care.call("explain", home.care.sensor(), severity="high")
    [about] = answer["people"]
    assert (about["person"], about["alert_type"]) == ("maria", "weight")
    assert about["on_duty"] == ["Anna is always on duty"]
    [its_plan] = about["plans"]
    assert [
        (step["after_minutes"], [one["who"] for one in step["tell"]], step["every_minutes"])
        for step in its_plan["steps"]
    ] == [(0, ["Anna"], None), (10, ["Anna", "Ben"], None), (20, ["Anna", "Ben"], 5)]
    assert its_plan["steps"][1]["tell"][1] == {
        "who": "Ben",
        "phones": [],
        "notify": ["notify.sms"],
    }
    low = await home.care.call("explain", home.care.sensor(), severity="low")
    assert low["people"][0]["plans"] == []


async def test_without_a_household_there_is_nothing_to_explain(home: Home) -> None:
    with pytest.raises(ServiceValidationError, match="no household"):
        await home.care.call("explain", home.care.sensor())


# Trouble of sources.


async def test_who_is_on_duty_hears_that_a_source_is_in_trouble(home: Home) -> None:
    _, annas, bens = await rota(home, anna="on", ben="off")
    home.house.sim.faults.add("*", CATALOGUE["401_bare"]())
    await home.house.pass_time(hours=7)
    assert annas.shown["title"] == "Lumen is silent"
    assert "Nothing new has come: Login failed." in annas.shown["message"]
    assert annas.shown["data"]["push"]["interruption-level"] == "time-sensitive"
    assert bens.pushed == []
    await home.house.pass_time(hours=2)
    assert len(annas.pushed) == 1
    home.house.sim.faults.clear()
    await home.house.pass_time(hours=2)
    assert annas.screen == {}


async def test_who_has_no_phone_hears_it_by_a_notify_entity(home: Home) -> None:
    sent: list[ServiceCall] = []
    home.hass.services.async_register("notify", "send_message", sent.append)
    home.hass.states.async_set("notify.sms", "unknown")
    await set_up(home, caregiver("Anna", notify=["notify.sms"]), plan(steps=ALL_AT_ONCE))
    home.house.sim.faults.add("*", CATALOGUE["401_bare"]())
    await home.house.pass_time(hours=7)
    assert [call.data["title"] for call in sent] == ["Lumen is silent"]


async def test_what_a_phone_did_not_take_of_it_is_tried_again_and_taken_away(home: Home) -> None:
    _, annas, _ = await rota(home, anna="on", ben="off")
    home.outside.unreachable.add(annas.webhook)
    home.house.sim.faults.add("*", CATALOGUE["401_bare"]())
    await home.house.pass_time(hours=7)
    home.outside.unreachable.clear()
    await home.minutes(6)
    assert annas.shown["title"] == "Lumen is silent"
    home.outside.unreachable.add(annas.webhook)
    home.house.sim.faults.clear()
    await home.house.pass_time(hours=2)
    assert annas.screen
    home.outside.unreachable.clear()
    await home.minutes(6)
    assert annas.screen == {}


async def test_a_phone_for_all_to_see_reads_no_name_of_a_source(home: Home) -> None:
    phone = await home.phone("Anna")
    household = await set_up(
        home,
        caregiver("Anna", phones=[phone.device_id]),
        caregiver("Hall", phones=[phone.device_id], text="neutral"),
        plan(steps=ALL_AT_ONCE),
    )
    home.hass.config_entries.async_update_entry(home.care.entry, title="Maria Smith")
    home.house.sim.faults.add("*", CATALOGUE["401_bare"]())
    await home.house.pass_time(hours=7)
    [note] = phone.pushed
    assert "maria" not in str(note).casefold()
    assert note["message"] == "Alerts may be missing. Please look at Home Assistant."
    # Nor does it stay when there is no household any more.
    await home.hass.config_entries.async_remove(household.entry.entry_id)
    home.house.sim.faults.clear()
    await home.house.pass_time(hours=2)
    assert phone.screen == {}


async def test_a_plan_may_leave_that_out(home: Home) -> None:
    phone = await home.phone("Anna")
    await set_up(
        home,
        caregiver("Anna", phones=[phone.device_id]),
        plan(steps=ALL_AT_ONCE, source_silent=False),
    )
    home.house.sim.faults.add("*", CATALOGUE["401_bare"]())
    await home.house.pass_time(hours=7)
    assert phone.pushed == []
