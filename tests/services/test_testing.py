"""Test alerts: all the way real ones go, marked wherever somebody reads them, gone by themselves, never anybody's health."""

import asyncio
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from homeassistant.auth.models import User
from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import State
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.storage import Store
import pytest
import voluptuous as vol

from custom_components.care_alerts.sources.lumen.api import LumenClient
from tests.care import Care, automate, trigger
from tests.conftest import House
from tests.world import HENK, add_person, generation

ALL = ("alert_received", "alert_ended", "alert_acknowledged")


def drills_announced(announced: list[State]) -> list[State]:
    """The drills that event entities announced."""
    return [state for state in announced if state.attributes["drill"]]


async def test_a_drill_goes_the_whole_way_and_is_over_by_itself(
    care: Care, announced: list[State]
) -> None:
    heard = await automate(care.hass, *map(trigger, ALL))
    answer = await care.call("send_test_alert")
    [sent] = answer["alerts"]
    assert sent["drill"] is True
    assert (sent["alert_type"], sent["severity"]) == ("weight", "high")

    [state] = drills_announced(announced)
    assert {key: state.attributes[key] for key in sent} == sent
    [told] = heard.triggers
    assert told["alert"] == sent
    assert told["title"] == told["description"] == "DRILL: maria: Weight"
    assert told["tag"].endswith("_weight_drill")
    assert told["entity_id"] == care.sensor()
    assert care.attributes()["drill"] is True
    assert care.attributes()["acknowledged"] is False

    heard.clear()
    await care.house.pass_time(minutes=29)
    assert heard.triggers == []
    await care.house.pass_time(minutes=1)
    [told] = heard.triggers
    assert told["platform"] == "care_alerts.alert_ended"
    assert told["title"] == "DRILL: maria: Weight"
    assert care.attributes()["drill"] is False
    assert care.attributes()["acknowledged"] is None


async def test_it_says_nothing_of_anybodys_health(care: Care) -> None:
    care.alert(1, "FLEX", "PLATEAU")
    await care.morning(1)
    states = {
        state.entity_id: (state.state, {k: v for k, v in state.attributes.items() if k != "drill"})
        for state in care.hass.states.async_all(("sensor", "binary_sensor"))
    }
    before = care.coordinator.data.freshness
    await care.call("send_test_alert")
    after = {
        state.entity_id: (state.state, {k: v for k, v in state.attributes.items() if k != "drill"})
        for state in care.hass.states.async_all(("sensor", "binary_sensor"))
    }
    # Only what is done about it shows.
    sensor = care.sensor()
    assert after.pop(sensor) == (
        states[sensor][0],
        states.pop(sensor)[1]
        | {"acknowledged": False, "episode_id": care.attributes()["episode_id"]},
    )
    assert after == states
    assert care.coordinator.data.freshness == before
    assert care.house.state("sensor", "last_alert", care.maria.shared_user_id).state == "flex"
    await care.house.pass_time(minutes=1)
    answer = await care.call("get_alerts")
    assert not any(alert["drill"] for alert in answer["alerts"])
    answer = await care.call("get_alerts", include_drills=True)
    assert [alert["alert_type"] for alert in answer["alerts"] if alert["drill"]] == ["weight"]


async def test_what_kind_of_drill(care: Care) -> None:
    answer = await care.call(
        "send_test_alert",
        care.house.entity_id("sensor", "last_alert", care.maria.shared_user_id),
        alert_type="medication",
        severity="low",
        duration={"minutes": 5},
    )
    [sent] = answer["alerts"]
    assert (sent["alert_type"], sent["severity"]) == ("medication", "low")
    heard = await automate(care.hass, trigger("alert_ended"))
    await care.house.pass_time(minutes=5)
    assert len(heard.triggers) == 1


async def test_of_the_sensor_that_was_chosen(care: Care) -> None:
    answer = await care.call("send_test_alert", care.sensor("flex"))
    assert [alert["alert_type"] for alert in answer["alerts"]] == ["flex"]


async def test_a_type_the_source_does_not_have(care: Care) -> None:
    with pytest.raises(ServiceValidationError) as caught:
        await care.call("send_test_alert", alert_type="urgent_low")
    assert caught.value.translation_key == "no_such_alert_type"


async def test_the_button_tests_for_everybody(house: House) -> None:
    maria, _ = add_person(house), add_person(house, HENK)
    care = Care(house, await house.set_up(house.entry()), maria)
    heard = await automate(care.hass, trigger("alert_received", least_severity="high"))
    await house.press("test_alert")
    await house.settle()
    assert {one["title"] for one in heard.triggers} == {
        "DRILL: maria: Weight",
        "DRILL: henk: Weight",
    }


@pytest.mark.parametrize("by", ["button", "action"])
async def test_of_what_the_person_has_a_sensor_of(house: House, by: str) -> None:
    """A Dexcom ONE+ knows no urgent low: a test of that could be acknowledged nowhere."""
    opa = house.sim.dexcom.add_wearer("Opa", variant="d1+", display_app="D1G7")
    opa.add_egv(house.now - timedelta(hours=2), 110)
    await house.set_up(await house.dexcom_entry(opa))
    heard = await automate(house.hass, trigger("alert_received"))
    if by == "button":
        await house.press("test_alert")
    else:
        target = {"entity_id": house.entity_id("sensor", "active_alerts", opa.user_id)}
        await house.hass.services.async_call(
            "care_alerts", "send_test_alert", target, blocking=True
        )
    await house.settle()
    [told] = heard.triggers
    assert told["title"] == "DRILL: Dexcom: Low"
    sensor = house.state("binary_sensor", "low", opa.user_id)
    assert told["entity_id"] == sensor.entity_id
    assert sensor.attributes["drill"] is True


async def test_who_wants_no_drills_hears_none(care: Care) -> None:
    options: dict[str, Any] = {"include_drills": False}
    heard = await automate(
        care.hass,
        *(trigger(name, **options) for name in ALL),
        trigger("alert_unacknowledged", after={"minutes": 1}, **options),
    )
    await care.call("send_test_alert")
    await care.call("acknowledge")
    await care.call("unacknowledge")
    for _ in range(35):
        await care.house.pass_time(minutes=1)
    assert heard.triggers == []


async def test_a_drill_is_acknowledged_and_reminds_like_a_real_alert(
    care: Care, anna: User
) -> None:
    heard = await automate(
        care.hass, trigger("alert_unacknowledged", after={"minutes": 2}, every={"minutes": 2})
    )
    await care.call("send_test_alert")
    for _ in range(5):
        await care.house.pass_time(minutes=1)
    assert [one["title"] for one in heard.triggers] == ["DRILL: maria: Weight"] * 2
    answer = await care.call("acknowledge", user=anna)
    assert [one["drill"] for one in answer["acknowledged"]] == [True]
    assert care.attributes()["acknowledged_by"] == "Anna"
    heard.clear()
    for _ in range(30):
        await care.house.pass_time(minutes=1)
    assert heard.triggers == []


async def test_what_is_real_goes_before_a_drill(care: Care, anna: User) -> None:
    care.alert(1)
    await care.morning(1)
    await care.call("acknowledge", user=anna)
    await care.call("send_test_alert")
    assert care.attributes()["drill"] is False
    assert care.attributes()["acknowledged_by"] == "Anna"
    assert care.house.state("binary_sensor", "weight", care.maria.shared_user_id).state == STATE_ON
    # Both are going on, and both are meant.
    answer = await care.call("snooze", duration={"minutes": 5})
    assert [one["drill"] for one in answer["snoozed"]] == [False, True]


async def test_taking_a_drill_does_not_take_over_what_was_before(
    care: Care, anna: User, ben: User
) -> None:
    care.alert(1)
    await care.morning(1)
    await care.call("acknowledge", user=anna)
    await care.morning(2)
    await care.call("send_test_alert")
    await care.call("acknowledge", user=ben)
    assert care.attributes()["acknowledged_by"] == "Ben"
    await care.house.pass_time(minutes=30)
    assert care.attributes()["acknowledged_by"] == "Anna"
    assert care.house.state("binary_sensor", "weight", care.maria.shared_user_id).state == STATE_OFF


async def test_a_second_drill_is_a_new_alarm(care: Care, anna: User) -> None:
    heard = await automate(care.hass, *map(trigger, ALL))
    await care.call("send_test_alert")
    await care.call("acknowledge", user=anna)
    await care.house.pass_time(minutes=5)
    await care.call("send_test_alert")
    assert care.attributes()["acknowledged"] is False
    # The first is over before the second begins.
    assert [one["platform"].removeprefix("care_alerts.") for one in heard.triggers] == [
        "alert_received",
        "alert_acknowledged",
        "alert_ended",
        "alert_received",
    ]
    await care.house.pass_time(minutes=30)
    assert len(heard.of("alert_ended")) == 2


async def test_a_drill_is_over_after_a_restart_too(care: Care) -> None:
    heard = await automate(care.hass, trigger("alert_ended"))
    await care.call("send_test_alert")
    await care.hass.config_entries.async_unload(care.entry.entry_id)
    await care.house.pass_time(minutes=35)
    await care.house.set_up(care.entry)
    [told] = heard.triggers
    assert told["alert"]["drill"] is True
    assert care.attributes()["drill"] is False
    await care.house.pass_time(days=46)
    assert len(care.coordinator.store.ledger) == 0


async def test_one_that_was_over_while_we_were_away_is_told_to_be_over(care: Care) -> None:
    """However long that was: something may still be held for it."""
    heard = await automate(care.hass, trigger("alert_ended"))
    await care.call("send_test_alert")
    await care.hass.config_entries.async_unload(care.entry.entry_id)
    await care.house.pass_time(days=2)
    assert heard.triggers == []
    await care.house.set_up(care.entry)
    assert [told["alert"]["drill"] for told in heard.triggers] == [True]


async def test_drills_are_forgotten(care: Care) -> None:
    for _ in range(3):
        await care.call("send_test_alert")
        await care.house.pass_time(minutes=31)
    assert len((await care.call("get_alerts", include_drills=True))["alerts"]) == 3
    await care.house.pass_time(days=1)
    await care.house.pass_time(days=1)
    assert (await care.call("get_alerts", include_drills=True))["alerts"] == []


async def test_it_is_told_while_a_source_hangs(care: Care, announced: list[State]) -> None:
    arrived, gate = asyncio.Event(), asyncio.Event()
    ask = LumenClient._get

    async def hang(client: LumenClient, *args: Any) -> Any:
        answer = await ask(client, *args)
        arrived.set()
        await gate.wait()
        return answer

    care.alert(1)
    care.house.sim.clock.set(generation(1))
    with patch.object(LumenClient, "_get", hang):
        poll = care.hass.async_create_task(care.coordinator.async_refresh())
        await arrived.wait()
        await care.hass.services.async_call(
            "care_alerts", "send_test_alert", {"entity_id": care.sensor()}, blocking=True
        )
        assert len(drills_announced(announced)) == len(announced) == 1
        gate.set()
        await poll


async def test_it_is_on_disk_before_it_is_told(care: Care, announced: list[State]) -> None:
    gate = asyncio.Event()
    write = Store._async_write_data

    async def slowly(store: Store[Any], data: dict[str, Any]) -> None:
        await gate.wait()
        await write(store, data)

    with patch.object(Store, "_async_write_data", slowly):
        sending = care.hass.async_create_task(
            care.hass.services.async_call(
                "care_alerts", "send_test_alert", {"entity_id": care.sensor()}, blocking=True
            )
        )
        await asyncio.sleep(0)
        # What an entity that is being added asks for meanwhile.
        await care.coordinator.announcer.now()
        assert announced == []
        gate.set()
        await sending
    assert len(announced) == 1


@pytest.mark.parametrize("action", ["send_test_alert", "snooze"])
@pytest.mark.parametrize("too_long", [86_400e9, {"days": 10**9}, {"hours": 10**15}, "99999:00"])
async def test_what_would_last_longer_than_any_clock_goes_is_refused(
    care: Care, action: str, too_long: object
) -> None:
    with pytest.raises(vol.Invalid):
        await care.call(action, duration=too_long)
