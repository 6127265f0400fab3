"""Settings that make no sense, as a whole or in part: what is said of them, and that all others are judged as ever."""

from typing import Any

from aiohttp.web import Response, StreamResponse
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.exceptions import HomeAssistantError
import orjson
import pytest

from simulator import CATALOGUE
from simulator.faults import Exchange, Fault

from .conftest import SETTINGS, Follower, threshold


def answer_with(follower: Follower, settings: Any) -> None:
    """Have Tidepool answer so when it is asked for settings."""
    body = settings if isinstance(settings, bytes) else orjson.dumps(settings)

    async def answer(exchange: Exchange) -> StreamResponse:
        return Response(body=body, content_type="application/json")

    follower.house.sim.faults.add("tidepool.alerts", Fault("settings", answer))


async def live(follower: Follower, minutes: int) -> None:
    """Let minutes pass one by one: what is due in each is asked for."""
    for _ in range(minutes):
        await follower.house.pass_time(minutes=1)


def reasons(follower: Follower) -> dict[str, str]:
    """Why which alerts are not judged."""
    found: dict[str, str] = follower.state("sensor", "last_reading").attributes["not_judged"]
    return found


OTHERS = {"not_looping": "disabled"}
UNREADABLE = "settings_unreadable"

NO_THRESHOLDS: dict[str, Any] = {
    "a string": "70",
    "none": None,
    "nothing in it": {},
    "a string as value": {"units": "mg/dL", "value": "70"},
    "true as value": {"units": "mg/dL", "value": True},
    "null as value": {"units": "mg/dL", "value": None},
    "no value": {"units": "mg/dL"},
    "negative": threshold(-1),
    "beyond all glucose": threshold(1001),
    "no unit": {"value": 70},
    "another unit": {"units": "g/L", "value": 0.7},
    "a number as unit": {"units": 1, "value": 70},
}


@pytest.mark.parametrize("kind", ["low", "high"])
@pytest.mark.parametrize("value", NO_THRESHOLDS.values(), ids=NO_THRESHOLDS)
async def test_an_enabled_alert_without_a_threshold_that_can_be_read_is_said(
    follower: Follower, kind: str, value: Any
) -> None:
    answer_with(follower, {**SETTINGS, kind: {"enabled": True, "threshold": value}})
    follower.reads(50)
    await follower.start()

    assert reasons(follower) == OTHERS | {kind: UNREADABLE}
    assert follower.state("binary_sensor", kind).state == STATE_UNAVAILABLE
    assert follower.of_source("sensor", "status") == "unreachable"
    assert follower.issue("thresholds_unreadable")
    # Nobody can say how bad it is; what can be judged is.
    assert follower.state("sensor", "active_alerts").state == STATE_UNKNOWN
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON

    follower.house.sim.faults.clear()
    await follower.house.press("refresh", entry=follower.entry)
    assert reasons(follower).keys() & {kind} == set()
    assert follower.of_source("sensor", "status") != "unreachable"
    assert not follower.issue("thresholds_unreadable")


@pytest.mark.parametrize(
    "alert",
    [
        [],
        "on",
        7,
        {"enabled": "true", "threshold": threshold(70)},
        {"enabled": 1, "threshold": threshold(70)},
    ],
)
async def test_an_alert_that_may_be_enabled_is_said(follower: Follower, alert: Any) -> None:
    answer_with(follower, {**SETTINGS, "low": alert})
    await follower.start()
    assert reasons(follower)["low"] == UNREADABLE
    assert follower.of_source("sensor", "status") == "unreachable"
    assert follower.issue("thresholds_unreadable")


async def test_an_alert_that_is_off_may_be_as_it_likes(follower: Follower) -> None:
    answer_with(follower, {**SETTINGS, "low": {"enabled": False, "threshold": "70"}})
    follower.reads(50)
    await follower.start()
    assert reasons(follower) == OTHERS | {"low": "disabled"}
    assert follower.of_source("sensor", "status") == "ok"
    assert not follower.issue("thresholds_unreadable")


NO_SETTINGS: dict[str, Any] = {
    "a list": [],
    "a string": "settings",
    "null": None,
    "somebody else's": {"userId": "0123456789", **SETTINGS},
    "a page": {"title": "Welcome"},
    "each without a threshold": {
        name: {"enabled": True, "threshold": "70"} for name in ("urgentLow", "low", "high")
    },
    "no alert at all": dict.fromkeys(SETTINGS, "on"),
}


@pytest.mark.parametrize("settings", NO_SETTINGS.values(), ids=NO_SETTINGS)
async def test_settings_that_cannot_be_read_as_a_whole_are_said(
    follower: Follower, settings: Any
) -> None:
    answer_with(follower, settings)
    follower.reads(50)
    await follower.start()

    assert reasons(follower) == dict.fromkeys(reasons(follower), UNREADABLE)
    assert len(reasons(follower)) == 5
    assert follower.of_source("sensor", "status") == "unreachable"
    assert follower.issue("thresholds_unreadable")
    with pytest.raises(HomeAssistantError) as told:
        await follower.call("set_alert_thresholds", low=75)
    assert told.value.translation_key == "settings_unreadable"

    follower.house.sim.faults.clear()
    follower.reads(50)
    await live(follower, 6)
    assert reasons(follower) == OTHERS
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON
    assert not follower.issue("thresholds_unreadable")


async def test_settings_that_were_read_once_are_judged_by_until_they_can_be_again(
    follower: Follower,
) -> None:
    follower.reads(100)
    await follower.start()
    answer_with(follower, "no settings")
    await live(follower, 16)
    assert follower.issue("thresholds_unreadable")
    assert follower.of_source("sensor", "status") == "unreachable"
    follower.reads(50)
    await live(follower, 6)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON

    follower.house.sim.faults.clear()
    await live(follower, 6)
    assert not follower.issue("thresholds_unreadable")


async def test_settings_that_were_never_had_are_not_called_missing_readings(
    follower: Follower,
) -> None:
    follower.house.sim.faults.add("tidepool.alerts", CATALOGUE["503_bare"]())
    follower.reads(50)
    await follower.start()
    assert set(reasons(follower).values()) == {"settings_unknown"}
    assert not follower.issue("thresholds_unreadable")
    assert follower.state("sensor", "active_alerts").state == STATE_UNKNOWN


async def test_what_runs_is_over_when_its_threshold_cannot_be_read_any_more(
    follower: Follower,
) -> None:
    follower.reads(50)
    await follower.start()
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON
    answer_with(follower, {**SETTINGS, "urgentLow": {"enabled": True, "threshold": {"value": 55}}})
    await live(follower, 16)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_UNAVAILABLE
    assert follower.state("binary_sensor", "high").state == STATE_OFF


# Whom somebody lets do what.


async def test_who_only_lets_us_view_never_let_us_follow(follower: Follower) -> None:
    follower.jill.change_permissions(follower.account, ("view",))
    follower.reads(100)
    await follower.start()
    for action in ("get_alert_thresholds", "set_alert_thresholds"):
        more: dict[str, Any] = {"low": 75} if action.startswith("set") else {}
        with pytest.raises(HomeAssistantError) as told:
            await follower.call(action, **more)
        assert told.value.translation_key == "not_shared"


async def test_who_let_us_follow_once_does_no_more(follower: Follower) -> None:
    await follower.start()
    follower.jill.change_permissions(follower.account, ("view",))
    await follower.house.press("refresh", entry=follower.entry)
    with pytest.raises(HomeAssistantError) as told:
        await follower.call("get_alert_thresholds")
    assert told.value.translation_key == "permission_lost"


# Too long out of touch.


async def test_what_can_be_set_is_unavailable_once_the_source_is_not_believed(
    follower: Follower,
) -> None:
    await follower.start()
    follower.house.sim.faults.add("*", CATALOGUE["503_bare"]())

    def settable() -> set[str]:
        return {
            state.state
            for state in follower.house.hass.states.async_all(("number", "switch"))
            if "jill" in state.entity_id
        }

    await follower.house.pass_time(minutes=20)
    assert STATE_UNAVAILABLE not in settable()
    await follower.house.pass_time(minutes=45)
    assert settable() == {STATE_UNAVAILABLE}
    await follower.house.pass_time(days=3)
    assert settable() == {STATE_UNAVAILABLE}
    assert await follower.house.hass.config_entries.async_reload(follower.entry.entry_id)
    await follower.house.settle()
    assert settable() == {STATE_UNAVAILABLE}

    follower.house.sim.faults.clear()
    await live(follower, 6)
    assert STATE_UNAVAILABLE not in settable()
