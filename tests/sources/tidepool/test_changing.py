"""Thresholds changed from the dashboard and by action: one way to Tidepool and back, whoever asks."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from unittest.mock import patch

from aiohttp import ClientSession, web
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.repairs import async_create_fix_flow
from custom_components.care_alerts.sources.tidepool.api import TidepoolClient
from simulator import CATALOGUE, Fault
from simulator.faults import Exchange, body
from simulator.tidepool import Account
from tests.conftest import House

from .conftest import SETTINGS, Follower, threshold


def changed(kind: str, **fields: Any) -> dict[str, Any]:
    """The settings with one alert's fields changed."""
    return {**SETTINGS, kind: {**SETTINGS[kind], **fields}}


def key_of(error: HomeAssistantError) -> tuple[str | None, str | None]:
    """What an error says: which message, about which field."""
    assert "{" not in str(error), "a placeholder is not filled in"
    return error.translation_key, (error.translation_placeholders or {}).get("field")


@pytest.mark.usefixtures("all_enabled")
async def test_settings_are_shown_as_tidepool_has_them(follower: Follower) -> None:
    await follower.start()
    number = follower.state("number", "low_threshold")
    assert number.state == "70"
    assert number.attributes["unit_of_measurement"] == "mg/dL"
    assert (number.attributes["min"], number.attributes["max"], number.attributes["step"]) == (
        0,
        1000,
        1,
    )
    assert follower.state("number", "low_delay").state == "10"
    assert follower.state("number", "high_repeat").state == "0"
    assert follower.state("switch", "low").state == STATE_ON
    assert follower.state("switch", "not_looping").state == STATE_OFF
    assert follower.state("number", "not_looping_delay").state == "0"


async def test_thresholds_in_mmol(follower: Follower) -> None:
    low = {"enabled": True, "threshold": threshold(4.2, "mmol/L")}
    follower.jill.set_settings(follower.account, {"low": low})
    await follower.start()
    number = follower.state("number", "low_threshold")
    assert (number.state, number.attributes["unit_of_measurement"]) == ("4.2", "mmol/L")
    assert (number.attributes["max"], number.attributes["step"]) == (55, 0.1)
    await follower.set_number("low_threshold", 4.4)
    assert follower.settings["low"]["threshold"] == threshold(4.4, "mmol/L")
    # The others are in the same unit, though they have no value yet.
    high = follower.state("number", "high_threshold")
    assert (high.state, high.attributes["unit_of_measurement"]) == (STATE_UNKNOWN, "mmol/L")
    await follower.set_number("high_threshold", 12.5)
    assert follower.settings["high"] == {
        "enabled": False,
        "threshold": threshold(12.5, "mmol/L"),
    }


@pytest.mark.parametrize("country", ["US", "GB"])
@pytest.mark.parametrize(("unit", "value"), [("mg/dL", 75), ("mmol/L", 4.2)])
async def test_glucose_is_shown_in_the_unit_of_the_thresholds(
    follower: Follower, country: str, unit: str, value: float
) -> None:
    """Not in that of the country: two units on one page are a trap."""
    follower.house.hass.config.country = country
    low = {"enabled": True, "threshold": threshold(value, unit)}
    follower.jill.set_settings(follower.account, {"low": low})
    follower.reads(90)
    await follower.start()
    glucose = follower.state("sensor", "glucose")
    assert glucose.attributes["unit_of_measurement"] == unit
    assert float(glucose.state) == pytest.approx(90 if unit == "mg/dL" else 5.0, abs=0.1)


async def test_a_number_changes_one_thing_with_one_post(follower: Follower) -> None:
    await follower.start()
    await follower.set_number("low_threshold", 75)
    assert follower.asked == ["alerts", "write_alerts", "alerts"]
    (post,) = follower.house.sim.requests("tidepool.write_alerts")
    assert post.json == {"low": {**SETTINGS["low"], "threshold": threshold(75)}}
    assert follower.settings == changed("low", threshold=threshold(75))
    assert follower.state("number", "low_threshold").state == "75"


async def test_a_switch_changes_one_thing(follower: Follower) -> None:
    follower.reads(52)
    await follower.start()
    await follower.switch("urgent_low", on=False)
    assert follower.settings == changed("urgentLow", enabled=False)
    assert follower.state("switch", "urgent_low").state == STATE_OFF
    assert follower.state("binary_sensor", "urgent_low").state == STATE_UNAVAILABLE
    await follower.switch("urgent_low", on=True)
    assert follower.settings == SETTINGS
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON


async def test_the_action_changes_what_is_given_and_returns_what_was_read_back(
    follower: Follower,
) -> None:
    await follower.start()
    answer = await follower.call(
        "set_alert_thresholds", low=80, low_delay=0, high_enabled=False, high_repeat=60
    )
    assert follower.settings == {
        **SETTINGS,
        "low": {"enabled": True, "repeat": 30, "threshold": threshold(80)},
        "high": {"enabled": False, "delay": 60, "repeat": 60, "threshold": threshold(250)},
    }
    assert answer == {
        "unit": "mg/dL",
        "urgent_low": 55,
        "urgent_low_enabled": True,
        "low": 80,
        "low_enabled": True,
        "low_delay": 0,
        "low_repeat": 30,
        "high": 250,
        "high_enabled": False,
        "high_delay": 60,
        "high_repeat": 60,
        "no_communication_enabled": True,
        "no_communication_delay": 30,
        "not_looping_enabled": False,
        "not_looping_delay": 0,
        "device_id": follower.device_id,
        "person": "Jill",
    }
    assert follower.state("number", "low_threshold").state == "80"
    assert await follower.call("get_alert_thresholds") == answer


async def test_a_value_in_the_other_unit_is_kept_in_that_of_the_settings(
    follower: Follower,
) -> None:
    await follower.start()
    answer = await follower.call("set_alert_thresholds", low=4.2, unit="mmol/L")
    assert (answer["low"], answer["unit"]) == (76, "mg/dL")
    assert follower.settings["low"]["threshold"] == threshold(76)


async def test_what_we_do_not_know_is_kept(follower: Follower) -> None:
    follower.house.sim.tidepool.keeps_unknown_fields = True
    stored = {**SETTINGS, "falling": {"rate": 2}, "low": {**SETTINGS["low"], "sound": {"a": [1]}}}
    follower.jill.set_settings(follower.account, stored)
    await follower.start()
    await follower.set_number("low_threshold", 75)
    assert follower.settings == {**stored, "low": {**stored["low"], "threshold": threshold(75)}}


async def test_what_is_so_already_is_not_written(follower: Follower) -> None:
    await follower.start()
    await follower.set_number("low_threshold", 70)
    assert follower.asked == ["alerts"]


async def test_somebody_elses_change_in_between_is_kept(follower: Follower) -> None:
    """It is changed on the phone after we last looked."""
    await follower.start()
    elsewhere = changed("low", delay=45)
    follower.jill.set_settings(follower.account, elsewhere)
    await follower.set_number("low_threshold", 75)
    low = {**elsewhere["low"], "threshold": threshold(75)}
    assert follower.settings == {**elsewhere, "low": low}
    assert follower.state("number", "low_delay").state == "45"


async def test_a_number_is_meant_in_the_unit_it_is_shown_in(follower: Follower) -> None:
    """Somebody has changed the unit on the phone after we last looked."""
    await follower.start()
    low = {"enabled": True, "threshold": threshold(3.9, "mmol/L")}
    follower.jill.set_settings(follower.account, {"low": low})
    await follower.set_number("low_threshold", 76)
    assert follower.settings["low"]["threshold"] == threshold(4.2, "mmol/L")
    assert follower.state("number", "low_threshold").state == "4.2"


@pytest.mark.parametrize(
    ("asked", "key", "field"),
    [
        ({"low": 55}, "settings_threshold_order", "low"),
        ({"low": 70.5}, "settings_threshold_step", "low"),
        ({"high": 1001}, "settings_threshold_range", "high"),
        ({"low_delay": 121}, "settings_delay_range", "low_delay"),
        ({"low_repeat": 5}, "settings_repeat_range", "low_repeat"),
        ({}, "nothing_asked", None),
    ],
)
async def test_what_cannot_be_written_is_named_and_not_sent(
    follower: Follower, asked: dict[str, Any], key: str, field: str | None
) -> None:
    await follower.start()
    with pytest.raises(ServiceValidationError) as refused:
        await follower.call("set_alert_thresholds", **asked)
    assert key_of(refused.value) == (key, field)
    assert follower.house.sim.requests("tidepool.write_alerts") == []
    assert follower.settings == SETTINGS


async def test_a_number_in_the_wrong_order_stays_as_it_was(follower: Follower) -> None:
    await follower.start()
    with pytest.raises(ServiceValidationError, match="urgent_low"):
        await follower.set_number("low_threshold", 50)
    assert follower.state("number", "low_threshold").state == "70"


async def test_one_person_at_a_time(follower: Follower) -> None:
    await follower.start()
    house = follower.house
    other = house.sim.tidepool.add_child("Tom")
    other.share_with(follower.account)
    await house.pass_time(minutes=61)
    await house.pass_time(minutes=1)
    with pytest.raises(ServiceValidationError) as refused:
        await house.hass.services.async_call(
            DOMAIN,
            "set_alert_thresholds",
            {"device_id": house.source_device(follower.entry).id, "low": 70},
            blocking=True,
        )
    assert refused.value.translation_key == "one_person_with_thresholds"


async def test_sources_without_thresholds(follower: Follower) -> None:
    house = follower.house
    house.sim.lumen.account(house.sim.lumen.api_key).add_person("maria@example.com")
    lumen = await house.set_up(house.entry())
    with pytest.raises(ServiceValidationError) as refused:
        await house.hass.services.async_call(
            DOMAIN,
            "get_alert_thresholds",
            {"device_id": house.source_device(lumen).id},
            blocking=True,
            return_response=True,
        )
    assert refused.value.translation_key == "one_person_with_thresholds"


# What is not there yet.


async def test_nobody_has_thresholds_from_the_beginning(follower: Follower) -> None:
    follower.jill.set_settings(follower.account, None)
    follower.reads(50)
    await follower.start()
    assert follower.state("number", "low_threshold").state == STATE_UNKNOWN
    assert follower.state("switch", "low").state == STATE_UNKNOWN
    assert follower.state("binary_sensor", "low").state == STATE_UNAVAILABLE
    assert follower.of_source("sensor", "status") == "ok"
    issue = follower.issue("no_thresholds")
    assert issue is not None
    assert issue.is_fixable
    with pytest.raises(ServiceValidationError) as refused:
        await follower.call("set_alert_thresholds", low=70)
    assert refused.value.translation_key == "settings_unit"
    for write in (
        follower.switch("low", on=True),
        follower.switch("no_communication", on=True),
        follower.set_number("low_threshold", 70),
    ):
        # One alone would look as if somebody were watched over.
        with pytest.raises(ServiceValidationError, match="Repairs") as refused:
            await write
        assert refused.value.translation_key == "settings_first"
        assert follower.jill.settings_of(follower.account) is None
    await follower.call("set_alert_thresholds", unit="mmol/L", urgent_low=3.1)
    assert follower.settings == {
        "urgentLow": {"enabled": False, "threshold": threshold(3.1, "mmol/L")}
    }
    await follower.set_number("low_threshold", 4.0)
    assert follower.issue("no_thresholds") is not None
    await follower.call("set_alert_thresholds", high=12.0)
    assert follower.issue("no_thresholds") is None


async def test_a_repair_proposes_what_is_missing_and_leaves_the_rest(follower: Follower) -> None:
    """In the unit of what there is; and it stays until there are all three thresholds."""
    low = {"enabled": True, "delay": 5, "threshold": threshold(4.2, "mmol/L")}
    follower.jill.set_settings(follower.account, {"low": low})
    await follower.start()
    issue = follower.issue("no_thresholds")
    assert issue is not None
    flow = await async_create_fix_flow(follower.house.hass, issue.issue_id, issue.data)
    flow.hass = follower.house.hass
    shown = await flow.async_step_init()  # type: ignore[attr-defined]
    proposed = shown["data_schema"]({})
    assert (proposed["urgent_low"], proposed["high"]) == (3.0, 14.0)
    assert not {name for name in proposed if name.startswith("low")}
    done = await flow.async_step_settings(proposed)  # type: ignore[attr-defined]
    assert done["type"] == "create_entry"
    assert follower.settings["low"] == low
    assert follower.settings["high"]["threshold"] == threshold(14.0, "mmol/L")
    assert follower.issue("no_thresholds") is None
    ended = await flow.async_step_settings()  # type: ignore[attr-defined]
    assert ended["reason"] == "settings_there"


async def test_a_repair_shows_thresholds_and_writes_what_becomes_of_them(
    follower: Follower,
) -> None:
    hass = follower.house.hass
    follower.jill.set_settings(follower.account, None)
    await follower.start()
    issue = follower.issue("no_thresholds")
    assert issue is not None
    flow = await async_create_fix_flow(hass, issue.issue_id, issue.data)
    flow.hass = hass
    shown = await flow.async_step_init()  # type: ignore[attr-defined]
    assert shown["step_id"] == "settings"
    assert shown["description_placeholders"] == {"name": "Jill", "problem": ""}
    schema = shown["data_schema"]
    proposed = schema({})
    assert (proposed["urgent_low"], proposed["low"], proposed["high"]) == (55, 70, 250)
    # Nothing is written by looking.
    assert follower.jill.settings_of(follower.account) is None
    refused = await flow.async_step_settings(proposed | {"low": 50})  # type: ignore[attr-defined]
    assert refused["errors"] == {"base": "not_written"}
    assert "urgent_low" in refused["description_placeholders"]["problem"]
    done = await flow.async_step_settings(proposed | {"low": 75})  # type: ignore[attr-defined]
    assert done["type"] == "create_entry"
    assert follower.settings == {
        "urgentLow": {"enabled": True, "threshold": threshold(55)},
        "low": {"enabled": True, "repeat": 30, "threshold": threshold(75)},
        "high": {"enabled": True, "delay": 60, "repeat": 120, "threshold": threshold(250)},
        "noCommunication": {"enabled": True, "delay": 30},
        "notLooping": {"enabled": False, "delay": 30},
    }
    assert follower.issue("no_thresholds") is None
    await hass.config_entries.async_unload(follower.entry.entry_id)
    ended = await flow.async_step_settings()  # type: ignore[attr-defined]
    assert ended["reason"] == "not_running"


async def test_thresholds_are_deleted(follower: Follower) -> None:
    await follower.start()
    await follower.call("delete_alert_thresholds", response=False)
    assert follower.jill.settings_of(follower.account) is None
    assert follower.state("number", "low_threshold").state == STATE_UNKNOWN
    assert follower.issue("no_thresholds") is not None


async def test_a_repair_writes_over_nothing(follower: Follower) -> None:
    """Whoever has set thresholds since the issue was raised, or while the form was open, keeps theirs."""
    follower.jill.set_settings(follower.account, None)
    await follower.start()
    issue = follower.issue("no_thresholds")
    assert issue is not None
    flow = await async_create_fix_flow(follower.house.hass, issue.issue_id, issue.data)
    flow.hass = follower.house.hass
    shown = await flow.async_step_init()  # type: ignore[attr-defined]
    follower.jill.set_settings(follower.account, SETTINGS)
    ended = await flow.async_step_settings(shown["data_schema"]({}))  # type: ignore[attr-defined]
    assert ended["reason"] == "settings_there"
    assert follower.settings == SETTINGS
    assert follower.issue("no_thresholds") is None
    assert follower.state("number", "low_threshold").state == "70"


async def test_thresholds_that_are_still_there_are_not_said_to_be_deleted(
    follower: Follower,
) -> None:
    await follower.start()
    follower.house.sim.faults.add("tidepool.delete_alerts", body(b"{}"), times=1)
    with pytest.raises(HomeAssistantError) as told:
        await follower.call("delete_alert_thresholds", response=False)
    assert told.value.translation_key == "settings_not_deleted"
    assert follower.state("number", "low_threshold").state == "70"


async def test_a_deletion_that_cannot_be_looked_at_says_so(follower: Follower) -> None:
    await follower.start()
    follower.house.sim.faults.add("tidepool.alerts", CATALOGUE["500_bare"](), times=1)
    with pytest.raises(HomeAssistantError) as told:
        await follower.call("delete_alert_thresholds", response=False)
    assert told.value.translation_key == "settings_not_confirmed"
    await follower.house.settle()
    assert follower.state("number", "low_threshold").state == STATE_UNKNOWN


# Many at once.


async def test_fifty_writers_at_once_and_somebody_else(follower: Follower) -> None:
    """Entities and actions change the same person, and another client other kinds: all of it is there in the end."""
    house = follower.house
    await follower.start()

    async def elsewhere() -> None:
        # Another client writes whole alert objects of other kinds, with its own token.
        token = follower.account.log_in()
        async with asyncio.timeout(60):
            for delay in range(1, 26):
                kind = ("noCommunication", "notLooping")[delay % 2]
                async with (
                    ClientSession() as session,
                    session.post(
                        f"{house.sim.tidepool.url}/v1/users/{follower.jill.user_id}"
                        f"/followers/{follower.account.user_id}/alerts",
                        json={kind: {"enabled": True, "delay": delay}},
                        headers={"X-Tidepool-Session-Token": token},
                    ) as response,
                ):
                    assert response.status == 200

    writers = []
    for n in range(10):
        writers += [
            follower.set_number("urgent_low_threshold", 50 + n),
            follower.set_number("low_delay", 10 + n),
            follower.switch("high", on=bool(n % 2)),
            follower.call("set_alert_thresholds", high_delay=100 + n, low=70 + n),
            follower.call("set_alert_thresholds", high_repeat=20 + n, low_repeat=30 + n),
        ]
    await asyncio.gather(elsewhere(), *writers)
    assert follower.settings == {
        "urgentLow": {"enabled": True, "threshold": threshold(59)},
        "low": {"enabled": True, "delay": 19, "repeat": 39, "threshold": threshold(79)},
        "high": {"enabled": True, "delay": 109, "repeat": 29, "threshold": threshold(250)},
        "noCommunication": {"enabled": True, "delay": 24},
        "notLooping": {"enabled": True, "delay": 25},
    }
    # One at a time: read, write, read back.
    ours = [one for one in house.sim.log if "authorization" not in one.headers]
    assert sum(one.endpoint == "tidepool.write_alerts" for one in ours) == 49 + 25


async def test_the_same_kind_from_both_sides_at_once(follower: Follower) -> None:
    """What is read back decides, and whose value did not stay is told."""
    await follower.start()

    async def overtaken(exchange: Exchange) -> web.StreamResponse:
        response = await exchange.proceed()
        follower.jill.set_settings(follower.account, changed("low", threshold=threshold(66)))
        return response

    follower.house.sim.faults.add("tidepool.write_alerts", Fault("overtaken", overtaken), times=1)
    with pytest.raises(HomeAssistantError) as told:
        await follower.set_number("low_threshold", 75)
    assert key_of(told.value) == ("settings_not_kept", "low")
    assert follower.state("number", "low_threshold").state == "66"


# What fails.


@pytest.mark.parametrize("name", ["applied_then_reset", "applied_then_500"])
async def test_a_change_that_came_through_in_spite_of_an_error_counts(
    follower: Follower, name: str
) -> None:
    await follower.start()
    follower.house.sim.faults.add("tidepool.write_alerts", CATALOGUE[name](), times=1)
    await follower.set_number("low_threshold", 75)
    assert follower.settings == changed("low", threshold=threshold(75))
    assert follower.state("number", "low_threshold").state == "75"


@pytest.mark.parametrize(
    ("endpoint", "name", "key"),
    [
        ("alerts", "500_bare", "unreachable"),
        ("alerts", "403_bare", "permission_lost"),
        ("alerts", "429_seconds", "rate_limited"),
        ("alerts", "401_bare", "login_failed"),
        ("write_alerts", "500_bare", "unreachable"),
        ("write_alerts", "reset", "unreachable"),
        ("write_alerts", "400_bare", "settings_refused"),
        ("write_alerts", "403_bare", "permission_lost"),
        ("write_alerts", "429_seconds", "rate_limited"),
    ],
)
async def test_a_change_that_failed_says_so(
    follower: Follower, endpoint: str, name: str, key: str
) -> None:
    await follower.start()
    follower.house.sim.faults.add(f"tidepool.{endpoint}", CATALOGUE[name]())
    with pytest.raises(HomeAssistantError) as told:
        await follower.set_number("low_threshold", 75)
    assert told.value.translation_key == key
    assert follower.settings == SETTINGS
    follower.house.sim.faults.clear()
    await follower.house.pass_time(minutes=3)
    await follower.set_number("low_threshold", 75)
    assert follower.state("number", "low_threshold").state == "75"


async def test_a_change_that_cannot_be_read_back_says_so(follower: Follower) -> None:
    await follower.start()

    async def then_break(exchange: Exchange) -> web.StreamResponse:
        follower.house.sim.faults.add("tidepool.alerts", CATALOGUE["500_bare"](), times=1)
        return await exchange.proceed()

    follower.house.sim.faults.add("tidepool.write_alerts", Fault("then", then_break), times=1)
    with pytest.raises(HomeAssistantError) as told:
        await follower.set_number("low_threshold", 75)
    assert told.value.translation_key == "settings_not_confirmed"
    # It was written, and is soon seen to be.
    await follower.house.settle()
    assert follower.state("number", "low_threshold").state == "75"


async def test_what_another_client_wrote_is_in_nobodys_way(follower: Follower) -> None:
    """If Tidepool takes it, it is written; if not, what is at fault is named, and changing that as well is the way out."""
    follower.jill.set_settings(follower.account, changed("low", repeat=5))
    await follower.start()
    # As it goes out today.
    with pytest.raises(HomeAssistantError) as told:
        await follower.set_number("low_threshold", 75)
    assert key_of(told.value) == ("settings_refused_for", "low_repeat")
    assert follower.settings == changed("low", repeat=5)
    await follower.call("set_alert_thresholds", low=75, low_repeat=15)
    assert follower.settings == changed("low", repeat=15, threshold=threshold(75))


@pytest.mark.usefixtures("all_enabled")
async def test_a_server_that_takes_more_than_we_know_is_let(
    follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulator.tidepool.settings.LONGEST_REPEAT", 720)
    odd = changed("noCommunication", repeat=720)
    follower.jill.set_settings(follower.account, odd)
    await follower.start()
    await follower.set_number("no_communication_delay", 45)
    assert follower.settings == {
        **SETTINGS,
        "noCommunication": {"enabled": True, "delay": 45, "repeat": 720},
    }


async def change_low(follower: Follower) -> None:
    """Set one threshold."""
    await follower.set_number("low_threshold", 75)


async def delete_all(follower: Follower) -> None:
    """Delete all thresholds."""
    await follower.call("delete_alert_thresholds", response=False)


@pytest.mark.parametrize(
    ("endpoint", "act", "shown"),
    [("write_alerts", change_low, "75"), ("delete_alerts", delete_all, STATE_UNKNOWN)],
)
@pytest.mark.parametrize("name", ["applied_then_reset", "applied_then_500"])
async def test_what_nobody_knows_is_not_said_to_have_failed(
    follower: Follower,
    endpoint: str,
    act: Callable[[Follower], Coroutine[Any, Any, None]],
    shown: str,
    name: str,
) -> None:
    """It came through, its answer was lost, and then nobody could look."""
    await follower.start()
    lost = CATALOGUE[name]()

    async def then_break(exchange: Exchange) -> web.StreamResponse:
        follower.house.sim.faults.add("tidepool.alerts", CATALOGUE["503_bare"](), times=1)
        return await lost.respond(exchange)

    follower.house.sim.faults.add(f"tidepool.{endpoint}", Fault("lost", then_break), times=1)
    with pytest.raises(HomeAssistantError) as told:
        await act(follower)
    assert told.value.translation_key == "settings_not_confirmed"
    await follower.house.settle()
    assert follower.state("number", "low_threshold").state == shown


@pytest.mark.parametrize("name", ["applied_then_reset", "applied_then_500"])
async def test_a_deletion_that_came_through_in_spite_of_an_error_counts(
    follower: Follower, name: str
) -> None:
    await follower.start()
    follower.house.sim.faults.add("tidepool.delete_alerts", CATALOGUE[name](), times=1)
    await delete_all(follower)
    assert follower.state("number", "low_threshold").state == STATE_UNKNOWN


async def test_a_deletion_that_failed_says_so(follower: Follower) -> None:
    await follower.start()
    follower.house.sim.faults.add("tidepool.delete_alerts", CATALOGUE["500_bare"](), times=1)
    with pytest.raises(HomeAssistantError) as told:
        await delete_all(follower)
    assert told.value.translation_key == "unreachable"
    assert follower.settings == SETTINGS
    assert follower.state("number", "low_threshold").state == "70"


@pytest.mark.parametrize("end", [Account.expire_access, Account.kill_sessions])
@pytest.mark.parametrize(
    ("endpoint", "times"), [("alerts", 1), ("alerts", 2), ("write_alerts", 1), ("write_alerts", 2)]
)
@pytest.mark.parametrize("after", [False, True])
async def test_a_token_may_die_at_any_point(
    follower: Follower, end: Callable[[Account], None], endpoint: str, times: int, after: bool
) -> None:
    """Before or after any request of a change: nobody notices, and nothing is written twice as something else."""
    await follower.start()
    seen = 0

    async def die(exchange: Exchange) -> web.StreamResponse:
        nonlocal seen
        seen += 1
        if seen == times and not after:
            end(follower.account)
        response = await exchange.proceed()
        if seen == times and after:
            end(follower.account)
        return response

    follower.house.sim.faults.add(f"tidepool.{endpoint}", Fault("die", die))
    await follower.set_number("low_threshold", 75)
    await follower.set_number("low_delay", 20)
    assert follower.settings == changed("low", threshold=threshold(75), delay=20)
    assert follower.state("number", "low_threshold").state == "75"
    assert follower.account.logins == (2 if end is Account.kill_sessions else 1)


async def test_nothing_is_asked_while_we_are_to_wait(follower: Follower) -> None:
    await follower.start()
    follower.house.sim.faults.add("tidepool.data", CATALOGUE["429_seconds"](), times=1)
    await follower.house.pass_time(minutes=6)
    follower.house.sim.log.clear()
    with pytest.raises(HomeAssistantError) as told:
        await follower.set_number("low_threshold", 75)
    assert told.value.translation_key == "asked_to_wait"
    assert follower.asked == []


async def test_settings_of_somebody_who_no_longer_lets_us_follow(
    house: House, follower: Follower
) -> None:
    await follower.start()
    follower.jill.change_permissions(follower.account, ["view"])
    with pytest.raises(HomeAssistantError) as told:
        await follower.call("set_alert_thresholds", low=75)
    assert told.value.translation_key == "permission_lost"


# The source goes while a change is under way.


async def under_way(follower: Follower, go: asyncio.Event) -> asyncio.Task[Any]:
    """A change of Jill's thresholds whose request has begun, and does not end before `go`."""
    write, begun = TidepoolClient.write_alerts, asyncio.Event()

    async def slowly(client: TidepoolClient, *args: Any) -> None:
        begun.set()
        await go.wait()
        await write(client, *args)

    with patch.object(TidepoolClient, "write_alerts", slowly):
        keeper = follower.entry.runtime_data.source.settings_keeper
        change = asyncio.create_task(
            keeper.async_change_settings(follower.jill.user_id, {"low": 75}, "mg/dL")
        )
        await begun.wait()
    return change


async def test_removed_meanwhile_nothing_comes_back(
    follower: Follower, hass_storage: dict[str, Any]
) -> None:
    await follower.start()
    await follower.reads_on(100)
    go = asyncio.Event()
    change = await under_way(follower, go)
    await follower.house.hass.config_entries.async_remove(follower.entry.entry_id)
    go.set()
    await asyncio.gather(change, return_exceptions=True)
    await follower.house.pass_time(minutes=6)
    assert not [key for key in hass_storage if follower.entry.entry_id in key]


async def test_reloaded_meanwhile_the_new_journal_stays(
    follower: Follower, hass_storage: dict[str, Any]
) -> None:
    await follower.start()
    await follower.reads_on(100)
    go = asyncio.Event()
    change = await under_way(follower, go)
    await follower.house.hass.config_entries.async_reload(follower.entry.entry_id)
    await follower.house.settle()
    go.set()
    await asyncio.gather(change, return_exceptions=True)
    # A low that is told, and stays on disk as told.
    await follower.reads_on(50)
    ledger = follower.entry.runtime_data.store.ledger
    assert len(ledger) > 0
    for _ in range(8):
        stored = hass_storage[f"{DOMAIN}.{follower.entry.entry_id}"]["data"]
        assert len(stored["ledger"]["lines"]) == len(ledger)
        await follower.house.pass_time(minutes=1)
