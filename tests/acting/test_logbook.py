"""The logbook tells what happened in plain words: what was, when, how old it was, and who did what."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from homeassistant.auth.models import User
from homeassistant.components.logbook.models import LazyEventPartialState
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.setup import async_setup_component
import pytest

from custom_components.care_alerts import logbook
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.words import duration_in_words
from simulator import CATALOGUE

from .conftest import Care


class Lines:
    """The lines that the logbook would show for what is told on the bus."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Listen from now on."""
        self.all: list[dict[str, Any]] = []

        def describe(
            domain: str,
            event_type: str,
            line: Callable[[LazyEventPartialState], dict[str, Any]],
        ) -> None:
            @callback
            def listen(event: Event) -> None:
                self.all.append(line(event))  # type: ignore[arg-type]

            assert domain == "care_alerts"
            hass.bus.async_listen(event_type, listen)

        logbook.async_describe_events(hass, describe)

    @property
    def told(self) -> list[str]:
        """Who, and what of them, since it was last asked."""
        lines = [f"{line['name']} {line['message']}" for line in self.all]
        self.all.clear()
        return lines


@pytest.fixture
async def lines(care: Care) -> Lines:
    """The logbook of Maria's house, on a clock eight hours behind UTC."""
    return Lines(care.hass)


async def test_an_alert_comes_and_goes(care: Care, lines: Lines, anna: User, ben: User) -> None:
    care.alert(1)
    await care.morning(1)
    [line] = lines.all
    assert line["entity_id"] == care.sensor()
    # 03:14 and 06:30 UTC.
    assert lines.told == [
        "maria had an alert at 19:14: Weight (High). It reached us 3 h 16 min later"
    ]
    await care.call("acknowledge", user=anna, note="Called {her}")
    await care.call("unacknowledge", user=ben)
    await care.call("acknowledge")
    assert lines.told == [
        "maria Weight of 19:14 was acknowledged by Anna. That does not mean it is over. Note: Called {her}",
        "maria Weight of 19:14 is nobody's again: Ben took the acknowledgement back",
        "maria Weight of 19:14 was acknowledged by somebody. That does not mean it is over.",
    ]
    await care.morning(2)
    assert lines.told == [
        "maria Weight of 2026-11-18 19:14 was not in the analysis of 22:00 any more"
    ]


async def test_quiet(care: Care, lines: Lines, anna: User) -> None:
    care.alert(1)
    await care.morning(1)
    lines.all.clear()
    person = care.house.entity_id("event", "alert", care.maria.shared_user_id)
    source = care.house.entity_id("sensor", "status")
    await care.call("snooze", user=anna, duration={"minutes": 30})
    await care.call("unsnooze", user=anna)
    await care.call("snooze", person, user=anna, duration={"minutes": 30})
    await care.call("snooze", source, user=anna, duration={"hours": 3})
    await care.call("unsnooze", source, user=anna)
    everything = "all alerts but those of high severity were snoozed"
    assert lines.told == [
        "maria Weight was snoozed until 23:00 by Anna",
        "maria the snooze of Weight was ended by Anna",
        f"maria {everything} until 23:00 by Anna",
        f"Lumen {everything} until 2026-11-19 01:30 by Anna",
        "maria the snooze of all alerts was ended by Anna",
        "Lumen the snooze of all alerts was ended by Anna",
    ]


async def test_a_drill_says_that_it_is_one(care: Care, lines: Lines, anna: User) -> None:
    await care.call("send_test_alert")
    await care.call("acknowledge", user=anna)
    await care.call("snooze", user=anna, duration={"minutes": 5})
    await care.house.pass_time(minutes=30)
    told = lines.told
    assert len(told) == 4
    assert all(line.startswith("maria DRILL: ") for line in told)
    assert told[3] == "maria DRILL: nothing more was heard of Weight of 04:00 by 04:30"


async def test_what_is_kept_quiet_says_so(care: Care, lines: Lines) -> None:
    person = care.house.entity_id("event", "alert", care.maria.shared_user_id)
    await care.house.pass_time(hours=14)
    await care.call("snooze", person, duration={"hours": 6})
    lines.all.clear()
    care.alert(1, "FLEX", "PLATEAU")
    await care.morning(1)
    [line] = lines.told
    assert line.endswith(". It was kept quiet: snoozed")


async def test_a_source_falls_silent(care: Care, lines: Lines) -> None:
    care.house.sim.faults.add("lumen.alerts", CATALOGUE["503_bare"]())
    for _ in range(30):
        await care.house.pass_time(hours=1)
    care.house.sim.faults.clear()
    await care.house.pass_time(hours=3)
    silent, recovered = lines.told
    assert silent == "Lumen has fallen silent. Its data reach to 2026-11-17 22:00: Not reachable"
    assert recovered.startswith("Lumen speaks again. Its data now reach to ")


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(seconds=-5), "0 min"),
        (timedelta(minutes=59, seconds=29), "59 min"),
        (timedelta(minutes=59, seconds=31), "1 h 0 min"),
        (timedelta(hours=23, minutes=59), "23 h 59 min"),
        (timedelta(days=9, hours=5, minutes=50), "9 d 5 h"),
    ],
)
async def test_how_long_in_words(hass: HomeAssistant, duration: timedelta, words: str) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    assert duration_in_words(hass, duration) == words
