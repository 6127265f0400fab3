"""What automations wait for: each trigger, whose alerts, which of them, and what must not trigger."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event, EventOrigin, State
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    label_registry as lr,
)
from homeassistant.helpers.trigger import async_validate_trigger_config
import pytest
import voluptuous as vol

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.event_data import EVENT_ALERT_RECEIVED
from custom_components.care_alerts.sources.announcer import _RESTED_AT
from simulator import CATALOGUE
from tests.care import Care, Heard, automate, trigger
from tests.conftest import House
from tests.world import HENK, add_alert, add_person, generation

MINUTES_10 = {"minutes": 10}


# An alert is received.


async def test_an_alert_is_received(care: Care) -> None:
    heard = await automate(care.hass, trigger("alert_received"))
    care.alert(1)
    await care.morning(1)

    [told] = heard.triggers
    alert = told.pop("alert")
    event = care.house.state("event", "alert", care.maria.shared_user_id)
    assert alert == {key: event.attributes[key] for key in alert}
    assert alert["alert_type"] == "weight"
    assert alert["observed_at"] == generation(1).isoformat()
    assert alert["episode_id"] == care.attributes()["episode_id"]
    device = er.async_get(care.hass).async_get(care.sensor()).device_id  # type: ignore[union-attr]
    assert told == {
        "id": "0",
        "idx": "0",
        "alias": None,
        "platform": "care_alerts.alert_received",
        "description": "maria: Weight",
        "title": "maria: Weight",
        "alert_name": "Weight",
        "person": "maria",
        "source": "Lumen",
        "entity_id": care.sensor(),
        "event_entity_id": event.entity_id,
        "device_id": device,
        "source_device_id": care.house.source_device(care.entry).id,
        "tag": f"care_alerts_{device}_weight",
        "late": False,
        "severity": "high",
        "episode_id": alert["episode_id"],
        "since": generation(1).isoformat(),
        "last_seen": generation(1).isoformat(),
        "ended_at": None,
        "end_reason": None,
        "acknowledged": False,
        "acknowledged_by": None,
        "acknowledged_via": None,
        "acknowledged_at": None,
        "note": None,
        "snoozed_until": None,
        "handled_on_device_at": None,
        "silenced": False,
        "opened_episode": True,
    }


async def test_somebody_is_called_what_the_user_calls_them_whatever_that_is(care: Care) -> None:
    heard = await automate(care.hass, trigger("alert_received"))
    device_id = er.async_get(care.hass).async_get(care.sensor()).device_id  # type: ignore[union-attr]
    assert device_id is not None
    dr.async_get(care.hass).async_update_device(device_id, name_by_user="{alert}{nothing}")
    care.alert(1)
    await care.morning(1)
    assert [told["title"] for told in heard.triggers] == ["{alert}{nothing}: Weight"]


@pytest.mark.parametrize(
    "name", ["alert_received", "alert_acknowledged", "alert_ended", "source_silent"]
)
@pytest.mark.parametrize("origin", list(EventOrigin))
async def test_what_somebody_else_fires_is_not_believed(
    care: Care, name: str, origin: EventOrigin
) -> None:
    """A phone's app may fire any event, whoever has logged in there, and so may a script."""
    told: list[Event] = []
    stop = care.hass.bus.async_listen(EVENT_ALERT_RECEIVED, told.append)
    care.alert(1)
    await care.morning(1)
    stop()
    heard = await automate(care.hass, trigger(name))
    care.hass.bus.async_fire(f"{DOMAIN}_{name}", told[0].data, origin)
    await care.house.settle()
    assert heard.triggers == []


async def test_every_alert_once_and_none_again_after_a_reload(care: Care) -> None:
    heard = await automate(care.hass, trigger("alert_received"))
    for number in (1, 2):
        care.alert(number)
        care.alert(number, "FLEX", "PLATEAU")
    await care.morning(1)
    await care.morning(2)
    await care.reload()

    told = [(one["alert"]["alert_type"], one["opened_episode"]) for one in heard.triggers]
    assert sorted(told) == [("flex", False), ("flex", True), ("weight", False), ("weight", True)]
    assert len({one["alert"]["alert_id"] for one in heard.triggers}) == len(heard.triggers) == 4


async def test_what_nobody_has_a_sensor_for_is_received_too(care: Care) -> None:
    heard = await automate(care.hass, trigger("alert_received", alert_types=["other"]))
    care.alert(1, "GLUCOSE", "SPIKE", severity="HIGH")
    await care.morning(1)
    [told] = heard.triggers
    assert told["title"] == "maria: Other"
    assert told["entity_id"] == told["event_entity_id"]


async def test_also_when_the_event_entity_is_disabled(care: Care) -> None:
    event = care.house.entity_id("event", "alert", care.maria.shared_user_id)
    er.async_get(care.hass).async_update_entity(event, disabled_by=er.RegistryEntryDisabler.USER)
    await care.reload()
    heard = await automate(care.hass, trigger("alert_received"))
    care.alert(1)
    await care.morning(1)
    assert len(heard.triggers) == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["flex", "medication", "weight"]),
        ({"alert_types": ["weight"]}, ["weight"]),
        ({"alert_types": "weight"}, ["weight"]),
        ({"alert_types": []}, ["flex", "medication", "weight"]),
        ({"least_severity": "high"}, ["medication", "weight"]),
        ({"alert_types": ["weight", "flex"], "least_severity": "high"}, ["weight"]),
    ],
)
async def test_which_alerts(care: Care, options: dict[str, Any], expected: list[str]) -> None:
    heard = await automate(care.hass, trigger("alert_received", **options))
    care.alert(1)
    care.alert(1, "FLEX", "PLATEAU")
    care.alert(1, "MEDICATION", "MISSED_DOSE_HIGH")
    await care.morning(1)
    assert sorted(one["alert"]["alert_type"] for one in heard.triggers) == expected


async def test_late_alerts_only_if_wanted(care: Care) -> None:
    heard = await automate(
        care.hass,
        trigger("alert_received") | {"id": "new"},
        trigger("alert_received", include_late=True) | {"id": "all"},
    )
    await care.hass.config_entries.async_unload(care.entry.entry_id)
    for number in (1, 2, 3):
        care.alert(number)
    await care.morning(3)
    await care.house.set_up(care.entry)
    told = [(one["id"], one["alert"]["observed_at"]) for one in heard.triggers]
    assert told == [
        ("all", generation(1).isoformat()),
        ("all", generation(2).isoformat()),
        ("new", generation(3).isoformat()),
        ("all", generation(3).isoformat()),
    ]


async def test_what_may_have_been_told_is_told_again_unless_somebody_has_it(care: Care) -> None:
    heard = await automate(care.hass, trigger("alert_received"))
    care.alert(1)
    care.alert(1, "MEDICATION", "MISSED_DOSE_HIGH")
    await care.morning(1)
    await care.call("acknowledge", care.sensor("medication"))
    heard.clear()

    # As a crash leaves it between the telling and the mark.
    ledger = care.coordinator.store.ledger
    ledger._pending = {alert.alert_id: False for alert in ledger.alerts()}
    await care.coordinator.save()
    await care.reload()
    [told] = heard.triggers
    assert told["alert"]["redelivered"] is True
    assert told["alert"]["alert_type"] == "weight"


async def test_further_alerts_of_what_somebody_has_only_if_wanted(care: Care) -> None:
    heard = await automate(
        care.hass,
        trigger("alert_received") | {"id": "all"},
        trigger("alert_received", include_acknowledged=False) | {"id": "nobodys"},
    )
    care.alert(1, subtype="TOO_SLOW", severity="MEDIUM")
    await care.morning(1)
    await care.call("acknowledge")
    heard.clear()
    care.alert(2, subtype="TOO_SLOW", severity="MEDIUM")
    await care.morning(2)
    assert [(one["id"], one["acknowledged"]) for one in heard.triggers] == [("all", True)]
    heard.clear()
    care.alert(3)
    await care.morning(3)
    assert {(one["id"], one["acknowledged"]) for one in heard.triggers} == {
        ("all", False),
        ("nobodys", False),
    }


async def test_what_is_snoozed_is_not_received_but_kept(care: Care, announced: list[State]) -> None:
    heard = await automate(care.hass, trigger("alert_received"))
    care.alert(1)
    await care.morning(1)
    await care.call("snooze", duration={"hours": 24})
    heard.clear()
    announced.clear()
    care.alert(2)
    care.alert(2, "MEDICATION", "MISSED_DOSE_HIGH")
    await care.house.until(generation(2) + timedelta(hours=2))
    # The snooze was of that one alert: the other is heard.
    assert [one["alert"]["alert_type"] for one in heard.triggers] == ["medication"]
    assert sorted(state.attributes["event_type"] for state in announced) == [
        "medication",
        "weight",
    ]


async def test_a_snoozed_person_is_still_heard_of_when_it_is_severe(care: Care) -> None:
    heard = await automate(care.hass, trigger("alert_received"))
    await care.house.until(generation(1) - timedelta(hours=1))
    await care.call(
        "snooze",
        care.house.entity_id("event", "alert", care.maria.shared_user_id),
        duration={"hours": 12},
    )
    care.alert(1)
    care.alert(1, "FLEX", "PLATEAU")
    await care.morning(1)
    assert [one["alert"]["alert_type"] for one in heard.triggers] == ["weight"]


# Whose.


def _sensor(care: Care) -> dict[str, Any]:
    return {"entity_id": care.sensor()}


def _other_sensor(care: Care) -> dict[str, Any]:
    return {"entity_id": care.sensor("flex")}


def _other_entity(care: Care) -> dict[str, Any]:
    return {"entity_id": care.house.entity_id("sensor", "last_alert", care.maria.shared_user_id)}


def _person(care: Care) -> dict[str, Any]:
    entity = er.async_get(care.hass).async_get(care.sensor())
    assert entity is not None
    return {"device_id": entity.device_id}


def _source(care: Care) -> dict[str, Any]:
    return {"device_id": [care.house.source_device(care.entry).id]}


def _entity_of_the_source(care: Care) -> dict[str, Any]:
    return {"entity_id": care.house.entity_id("sensor", "status")}


def _area(care: Care) -> dict[str, Any]:
    area = ar.async_get(care.hass).async_create("Granny flat")
    dr.async_get(care.hass).async_update_device(_person(care)["device_id"], area_id=area.id)
    return {"area_id": area.id}


def _area_of_the_sensor(care: Care) -> dict[str, Any]:
    area = ar.async_get(care.hass).async_create("Bedroom")
    er.async_get(care.hass).async_update_entity(care.sensor(), area_id=area.id)
    return {"area_id": area.id}


def _label(care: Care) -> dict[str, Any]:
    label = lr.async_get(care.hass).async_create("Parents")
    dr.async_get(care.hass).async_update_device(_person(care)["device_id"], labels={label.label_id})
    return {"label_id": label.label_id}


def _nobody(care: Care) -> dict[str, Any]:
    return {"area_id": ar.async_get(care.hass).async_create("Shed").id}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (None, {("maria", "weight"), ("maria", "medication"), ("henk", "weight")}),
        (_sensor, {("maria", "weight")}),
        (_other_sensor, set()),
        (_other_entity, {("maria", "weight"), ("maria", "medication")}),
        (_person, {("maria", "weight"), ("maria", "medication")}),
        (_source, {("maria", "weight"), ("maria", "medication"), ("henk", "weight")}),
        (_entity_of_the_source, {("maria", "weight"), ("maria", "medication"), ("henk", "weight")}),
        (_area, {("maria", "weight"), ("maria", "medication")}),
        (_area_of_the_sensor, {("maria", "weight")}),
        (_label, {("maria", "weight"), ("maria", "medication")}),
        (_nobody, set()),
    ],
)
async def test_whose_alerts(
    house: House, target: Callable[[Care], dict[str, Any]] | None, expected: set[tuple[str, str]]
) -> None:
    maria, henk = add_person(house), add_person(house, HENK)
    care = Care(house, await house.set_up(house.entry()), maria)
    aim = target(care) if target else None
    heard = await automate(
        care.hass,
        trigger("alert_received", aim),
        trigger("alert_ended", aim),
        trigger("alert_acknowledged", aim),
        trigger("alert_unacknowledged", aim, after=MINUTES_10),
    )
    care.alert(1)
    care.alert(1, "MEDICATION", "MISSED_DOSE_HIGH")
    add_alert(house, henk, 1)
    await care.morning(1)
    assert {(one["person"], one["alert"]["alert_type"]) for one in heard.triggers} == expected
    heard.clear()
    await house.pass_time(minutes=15)
    assert {
        (one["person"], one["alert"]["alert_type"]) for one in heard.of("alert_unacknowledged")
    } == expected
    heard.clear()
    await care.call("acknowledge", _source(care))
    assert {
        (one["person"], one["alert"]["alert_type"]) for one in heard.of("alert_acknowledged")
    } == expected
    heard.clear()
    await care.morning(2)
    assert {(one["person"], one["alert"]["alert_type"]) for one in heard.of("alert_ended")} == (
        expected
    )


async def test_a_target_may_change_while_somebody_waits(care: Care) -> None:
    heard = await automate(care.hass, trigger("alert_received", _nobody(care)))
    care.alert(1)
    await care.morning(1)
    assert heard.triggers == []
    shed = ar.async_get(care.hass).async_get_area_by_name("Shed")
    assert shed is not None
    dr.async_get(care.hass).async_update_device(_person(care)["device_id"], area_id=shed.id)
    care.alert(2)
    await care.morning(2)
    assert len(heard.triggers) == 1


# An alert is over.


async def test_an_alert_is_over_once(care: Care) -> None:
    heard = await automate(care.hass, trigger("alert_ended"))
    care.alert(1)
    await care.morning(1)
    assert heard.triggers == []
    await care.morning(2)
    await care.reload()
    [told] = heard.triggers
    assert told["alert"]["observed_at"] == told["since"] == generation(1).isoformat()
    assert told["ended_at"] == generation(2).replace(hour=6, minute=0, second=0).isoformat()
    assert told["end_reason"] == "newer_day"
    assert told["entity_id"] == care.sensor()


async def test_what_was_over_while_we_were_away_is_told_then(care: Care) -> None:
    heard = await automate(care.hass, trigger("alert_received"), trigger("alert_ended"))
    care.alert(1)
    await care.morning(1)
    heard.clear()
    await care.hass.config_entries.async_unload(care.entry.entry_id)
    # One ends, and another begins and ends.
    care.alert(3)
    await care.morning(5)
    await care.house.set_up(care.entry)
    assert [(one["platform"], one["since"]) for one in heard.triggers] == [
        ("care_alerts.alert_ended", generation(1).isoformat()),
        ("care_alerts.alert_ended", generation(3).isoformat()),
    ]


async def test_one_is_over_before_the_next_begins(care: Care) -> None:
    """Or a lamp that the new one lit would be put out by the end of the old one."""
    heard = await automate(
        care.hass, trigger("alert_received", include_late=True), trigger("alert_ended")
    )
    care.alert(1)
    await care.morning(1)
    heard.clear()
    await care.hass.config_entries.async_unload(care.entry.entry_id)
    care.alert(3)
    await care.morning(3)
    await care.house.set_up(care.entry)
    assert [(one["platform"], one["since"]) for one in heard.triggers] == [
        ("care_alerts.alert_ended", generation(1).isoformat()),
        ("care_alerts.alert_received", generation(3).isoformat()),
    ]


async def test_the_end_of_what_was_only_late_unless_told_otherwise(care: Care) -> None:
    heard = await automate(
        care.hass,
        *(trigger(name) for name in ("alert_ended", "alert_acknowledged")),
        *(
            trigger(name, include_late=False) | {"id": "new"}
            for name in ("alert_ended", "alert_acknowledged")
        ),
    )
    await care.hass.config_entries.async_unload(care.entry.entry_id)
    care.alert(1)
    await care.house.until(generation(1) + timedelta(hours=12))
    await care.house.set_up(care.entry)
    await care.call("acknowledge")
    await care.morning(2)
    assert [one["platform"].removeprefix("care_alerts.") for one in heard.triggers] == [
        "alert_acknowledged",
        "alert_ended",
    ]
    assert all(one["late"] and one["id"] != "new" for one in heard.triggers)


async def test_the_end_of_what_was_only_history_is_no_news(house: House) -> None:
    maria = add_person(house)
    add_alert(house, maria, 0)
    care = Care(house, await house.set_up(house.entry()), maria)
    heard = await automate(
        care.hass,
        trigger("alert_ended"),
        trigger("alert_unacknowledged", after=MINUTES_10, include_late=True),
    )
    await care.morning(1)
    assert heard.triggers == []


async def test_what_was_snoozed_is_over_too(care: Care) -> None:
    heard = await automate(care.hass, trigger("alert_ended"))
    care.alert(1)
    await care.morning(1)
    await care.call("snooze", duration={"hours": 24})
    await care.morning(2)
    assert len(heard.triggers) == 1


async def test_a_journal_from_before_ends_were_told_tells_of_none(
    care: Care, hass_storage: dict[str, Any]
) -> None:
    care.alert(1)
    await care.morning(1)
    await care.morning(2)
    await care.hass.config_entries.async_unload(care.entry.entry_id)
    del hass_storage[f"{DOMAIN}.{care.entry.entry_id}"]["data"]["responses"]
    heard = await automate(care.hass, trigger("alert_ended"), trigger("source_recovered"))
    await care.house.set_up(care.entry)
    assert heard.triggers == []
    care.alert(3)
    await care.morning(3)
    await care.morning(4)
    assert len(heard.triggers) == 1


# Somebody takes it, or nobody does.


async def test_somebody_acknowledges(care: Care) -> None:
    heard = await automate(care.hass, trigger("alert_acknowledged"))
    care.alert(1)
    await care.morning(1)
    await care.call("acknowledge", note="Called her")
    [told] = heard.triggers
    assert told["acknowledged"] is True
    assert told["note"] == "Called her"
    assert told["acknowledged_at"] == care.house.now.isoformat()
    await care.call("acknowledge", note="Called her")
    assert len(heard.triggers) == 1


async def minutes(care: Care, heard: Heard, number: int) -> list[int]:
    """Let minutes pass one by one, and return after how many it rang."""
    rang = []
    for minute in range(1, number + 1):
        before = len(heard.triggers)
        await care.house.pass_time(minutes=1)
        rang += [minute] * (len(heard.triggers) - before)
    return rang


@pytest.fixture
async def waiting(care: Care) -> Care:
    """Maria's house just when an alert has been received."""
    care.alert(1)
    await care.morning(1)
    assert care.attributes()["received_at"] == care.house.now
    return care


async def test_nobody_acknowledges(waiting: Care) -> None:
    heard = await automate(waiting.hass, trigger("alert_unacknowledged", after=MINUTES_10))
    assert await minutes(waiting, heard, 40) == [10]
    [told] = heard.triggers
    assert (told["waiting_minutes"], told["count"]) == (10, 1)
    assert told["title"] == "maria: Weight"
    assert told["acknowledged"] is False


async def test_nobody_acknowledges_again_and_again(waiting: Care) -> None:
    heard = await automate(
        waiting.hass, trigger("alert_unacknowledged", after=MINUTES_10, every={"minutes": 15})
    )
    assert await minutes(waiting, heard, 45) == [10, 25, 40]
    assert [one["count"] for one in heard.triggers] == [1, 2, 3]
    assert [one["waiting_minutes"] for one in heard.triggers] == [10, 25, 40]
    await waiting.call("acknowledge")
    assert await minutes(waiting, heard, 30) == []
    # Given back, it waits anew.
    await waiting.call("unacknowledge")
    assert await minutes(waiting, heard, 30) == [10, 25]


async def test_what_is_over_does_not_ring(waiting: Care) -> None:
    heard = await automate(waiting.hass, trigger("alert_unacknowledged", after={"hours": 25}))
    await waiting.morning(2)
    await waiting.house.pass_time(hours=4)
    assert heard.triggers == []


async def test_a_snooze_puts_it_off(waiting: Care) -> None:
    heard = await automate(
        waiting.hass, trigger("alert_unacknowledged", after=MINUTES_10, every=MINUTES_10)
    )
    await waiting.call("snooze", duration={"minutes": 25})
    assert await minutes(waiting, heard, 45) == [25, 30, 40]
    assert [one["snoozed_until"] for one in heard.triggers] == [None] * 3


async def test_the_end_of_a_snooze_lets_it_ring_at_once(waiting: Care) -> None:
    heard = await automate(waiting.hass, trigger("alert_unacknowledged", after=MINUTES_10))
    await waiting.call("snooze", duration={"hours": 10})
    assert await minutes(waiting, heard, 20) == []
    await waiting.call("unsnooze")
    assert len(heard.triggers) == 1
    assert await minutes(waiting, heard, 20) == []


async def test_a_trigger_does_not_answer_for_what_was_before_it(waiting: Care) -> None:
    await waiting.house.pass_time(minutes=20)
    heard = await automate(
        waiting.hass,
        trigger("alert_unacknowledged", after=MINUTES_10) | {"id": "once"},
        trigger("alert_unacknowledged", after=MINUTES_10, every={"minutes": 15}) | {"id": "again"},
    )
    assert await minutes(waiting, heard, 20) == [5, 20]
    assert {one["id"] for one in heard.triggers} == {"again"}


async def test_a_reload_neither_repeats_nor_forgets(waiting: Care) -> None:
    heard = await automate(
        waiting.hass, trigger("alert_unacknowledged", after=MINUTES_10, every=MINUTES_10)
    )
    assert await minutes(waiting, heard, 12) == [10]
    await waiting.reload()
    assert await minutes(waiting, heard, 4) == []
    await waiting.hass.config_entries.async_unload(waiting.entry.entry_id)
    # Nobody looks after it now: it does not ring with what nobody knows any more.
    assert await minutes(waiting, heard, 15) == []
    await waiting.house.set_up(waiting.entry)
    assert len(heard.triggers) == 2
    assert await minutes(waiting, heard, 10) == [9]


async def test_a_clock_that_was_ahead_keeps_nothing_from_ringing(
    waiting: Care, freezer: FrozenDateTimeFactory
) -> None:
    heard = await automate(
        waiting.hass, trigger("alert_unacknowledged", after=MINUTES_10, every=MINUTES_10)
    )
    now = waiting.house.now
    freezer.move_to(now + timedelta(hours=5))
    # Whatever comes from the source, they look at what is due.
    waiting.coordinator.async_update_listeners()
    await waiting.house.settle()
    heard.clear()
    freezer.move_to(now)
    waiting.coordinator.async_update_listeners()
    assert await minutes(waiting, heard, 20) == [10, 20]


async def test_one_set_back_a_little_rings_nothing_again(
    waiting: Care, freezer: FrozenDateTimeFactory
) -> None:
    heard = await automate(waiting.hass, trigger("alert_unacknowledged", after=MINUTES_10))
    assert await minutes(waiting, heard, 10) == [10]
    freezer.move_to(waiting.house.now - timedelta(minutes=5))
    waiting.coordinator.async_update_listeners()
    assert await minutes(waiting, heard, 10) == []


async def test_a_clock_that_was_ahead_before_a_restart_keeps_nothing_from_ringing(
    waiting: Care, hass_storage: dict[str, Any]
) -> None:
    heard = await automate(
        waiting.hass, trigger("alert_unacknowledged", after=MINUTES_10, every=MINUTES_10)
    )
    await waiting.hass.config_entries.async_unload(waiting.entry.entry_id)
    waiting.hass.data[_RESTED_AT].clear()
    store = hass_storage[f"{DOMAIN}.{waiting.entry.entry_id}"]
    ahead = waiting.house.now + timedelta(days=365)
    store["data"]["responses"]["reminders_done_until"] = ahead.isoformat()
    await waiting.house.set_up(waiting.entry)
    assert await minutes(waiting, heard, 20) == [10, 20]


async def test_late_ones_ring_only_if_wanted(care: Care) -> None:
    heard = await automate(
        care.hass,
        trigger("alert_unacknowledged", after=MINUTES_10) | {"id": "new"},
        trigger("alert_unacknowledged", after=MINUTES_10, include_late=True) | {"id": "all"},
    )
    await care.hass.config_entries.async_unload(care.entry.entry_id)
    care.alert(1)
    await care.house.until(generation(1) + timedelta(hours=12))
    await care.house.set_up(care.entry)
    assert await minutes(care, heard, 12) == [10]
    assert [one["id"] for one in heard.triggers] == ["all"]


async def test_a_trigger_that_is_taken_away_is_still(waiting: Care) -> None:
    heard = await automate(
        waiting.hass,
        trigger("alert_unacknowledged", after=MINUTES_10),
        trigger("alert_received"),
    )
    await waiting.hass.services.async_call(
        "automation", "turn_off", {"entity_id": "automation.watch"}, blocking=True
    )
    waiting.alert(2)
    assert await minutes(waiting, heard, 12) == []
    await waiting.morning(2)
    assert heard.triggers == []


# A source falls silent.


async def test_a_source_falls_silent_and_speaks_again(care: Care) -> None:
    heard = await automate(care.hass, trigger("source_silent"), trigger("source_recovered"))
    await care.house.pass_time(hours=1)
    care.house.sim.faults.add("lumen.alerts", CATALOGUE["503_bare"]())
    for _ in range(30):
        await care.house.pass_time(hours=1)
    [told] = heard.triggers
    assert told["platform"] == "care_alerts.source_silent"
    assert told["source"] == told["description"] == "Lumen"
    assert told["entity_id"] == care.house.entity_id("binary_sensor", "silent")
    assert told["device_id"] == care.house.source_device(care.entry).id
    assert (told["reason"], told["reason_name"]) == ("unreachable", "Not reachable")
    assert told["data_through"] is not None
    await care.reload()
    assert len(heard.triggers) == 1

    care.house.sim.faults.clear()
    await care.house.pass_time(hours=2)
    await care.reload()
    assert [one["platform"] for one in heard.triggers] == [
        "care_alerts.source_silent",
        "care_alerts.source_recovered",
    ]
    assert heard.triggers[1]["reason"] is None


async def test_a_source_that_fell_silent_while_we_were_away(care: Care) -> None:
    heard = await automate(care.hass, trigger("source_silent"))
    await care.hass.config_entries.async_unload(care.entry.entry_id)
    care.house.sim.faults.add("lumen.alerts", CATALOGUE["503_bare"]())
    await care.house.pass_time(hours=40)
    await care.house.set_up(care.entry)
    assert len(heard.triggers) == 1


# Their configuration.


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("alert_received", {"alert_types": ["glucose"]}),
        ("alert_received", {"least_severity": "purple"}),
        ("alert_received", {"after": 10}),
        ("alert_ended", {"include_acknowledged": True}),
        ("alert_unacknowledged", {}),
        ("alert_unacknowledged", {"after": "soon"}),
        ("alert_unacknowledged", {"after": 60, "every": {"seconds": 1}}),
        ("source_silent", {"least_severity": "high"}),
        ("no_such_trigger", {}),
    ],
)
async def test_what_makes_no_sense(care: Care, name: str, options: dict[str, Any]) -> None:
    config: dict[str, Any] = {"platform": f"{DOMAIN}.{name}"}
    if options:
        config["options"] = options
    with pytest.raises(vol.Invalid):
        await async_validate_trigger_config(care.hass, [config])


async def test_what_only_goes_on_or_is_over_is_no_alert_received(house: House) -> None:
    """A sensor says that it is snoozed, and that it is over: nobody is to be called for that."""
    wearer = house.sim.dexcom.add_wearer("Wearer")
    await house.set_up(await house.dexcom_entry(wearer))
    heard = await automate(house.hass, trigger("alert_received"))
    begun = house.now
    for state, after in (("activeAlarming", 0), ("activeSnoozed", 10), ("inactive", 20)):
        at = begun + timedelta(minutes=after)
        wearer.add_alert("low", at, state=state, uploaded_at=at + timedelta(hours=1))
    await house.pass_time(hours=1, minutes=1)
    await house.pass_time(hours=1)
    assert [one["alert"]["state"] for one in heard.triggers] == ["active"]
