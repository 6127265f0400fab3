"""The logbook tells what happened in plain words: what was, when, how old it was, and who did what."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from homeassistant.auth.models import User
from homeassistant.components.logbook.models import LazyEventPartialState, async_event_to_row
from homeassistant.core import Context, Event, EventOrigin, HomeAssistant, callback
from homeassistant.helpers.json import json_bytes
from homeassistant.setup import async_setup_component
from homeassistant.util.ulid import ulid_to_bytes
from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.care_alerts import event_data, logbook
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.localize import localize_duration
from custom_components.care_alerts.seal import async_setup_seal
from simulator import CATALOGUE
from tests.care import Care


def from_database(event: Event) -> LazyEventPartialState:
    """An event as a row of the recorder's: its data are JSON, and nothing is said of who fired it."""
    data = json_bytes(event.data).decode()
    context = ulid_to_bytes(event.context.id)
    row: Any = (1, event.event_type, data, event.time_fired_timestamp, context, *[None] * 7)
    return LazyEventPartialState(row, {})


class Lines:
    """The lines that the logbook would show for what is told on the bus."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Listen from now on."""
        self.all: list[dict[str, Any]] = []
        self.events: list[Event] = []
        self._describe: dict[str, Callable[[LazyEventPartialState], dict[str, Any]]] = {}

        def describe(
            domain: str,
            event_type: str,
            line: Callable[[LazyEventPartialState], dict[str, Any]],
        ) -> None:
            assert domain == "care_alerts"
            self._describe[event_type] = line
            hass.bus.async_listen(event_type, self.show)

        logbook.async_describe_events(hass, describe)

    @callback
    def show(self, event: Event) -> None:
        """Have the line of an event, the same whether it is of now or read from the database."""
        self.events.append(event)
        line = self._describe[str(event.event_type)]
        self.all.append(line(LazyEventPartialState(async_event_to_row(event), {})))
        assert line(from_database(event)) == self.all[-1]

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
        "maria had an alert at 19:14: Weight, high severity. It reached us 3 h 16 min later"
    ]
    await care.call("acknowledge", user=anna, note="Called {her}")
    await care.call("unacknowledge", user=ben)
    await care.call("acknowledge")
    assert lines.told == [
        "maria Weight of 19:14 was acknowledged by Anna. That does not mean it is over. Note: Called {her}",
        "maria Weight of 19:14 is not acknowledged any more: Ben took that back",
        "maria Weight of 19:14 was acknowledged by somebody. That does not mean it is over.",
    ]
    await care.morning(2)
    assert lines.told == [
        "maria Weight of Wed 18 Nov 19:14 was not in the analysis of 22:00 any more"
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
        f"Lumen {everything} until Thu 19 Nov 01:30 by Anna",
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
    assert silent == "Lumen has fallen silent. Its data reach to Tue 17 Nov 22:00: Not reachable"
    assert recovered.startswith("Lumen speaks again. Its data now reach to ")


EVENTS = [value for name, value in vars(event_data).items() if name.startswith("EVENT_")]

NOT_OURS = (
    "Care Alerts something was said in our name that this house did not say. It was not believed"
)

FORGED: list[dict[str, Any]] = [
    {},
    {"alert": "low"},
    {"alert": None, "source": None},
    {"source": "Lumen", "scope": "alert", "by": "Mallory"},
    {"source": "Lumen", "person": "maria", "until": 7, "scope": ["alert"], "by": {}},
    {"source": "Lumen", "reason_name": 5, "data_through": "yesterday", "seal": 5},
    {"seal": "", "alert": {"drill": True}},
    {"seal": "\u00e9", "alert": {"drill": True}},
]


@pytest.mark.parametrize("event_type", EVENTS)
@pytest.mark.parametrize("origin", list(EventOrigin))
async def test_what_somebody_else_fires_in_our_name_is_not_believed(
    care: Care, lines: Lines, anna: User, event_type: str, origin: EventOrigin
) -> None:
    for data in FORGED:
        care.hass.bus.async_fire(event_type, data, origin, context=Context(user_id=anna.id))
    assert lines.told == [NOT_OURS] * len(FORGED)


@given(
    data=st.dictionaries(
        st.sampled_from(
            ["alert", "alert_name", "source", "person", "seal", "until", "scope", "by"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2)
            ),
            max_leaves=4,
        ),
    ),
    event_type=st.sampled_from(EVENTS),
)
@settings(
    max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
async def test_whatever_it_says(
    care: Care, lines: Lines, data: dict[str, Any], event_type: str
) -> None:
    care.hass.bus.async_fire(event_type, data, EventOrigin.remote)
    assert lines.told == [NOT_OURS]


async def test_what_was_ours_once_is_not_ours_when_it_is_fired_again(
    care: Care, lines: Lines, anna: User
) -> None:
    await care.call("send_test_alert")
    await care.call("acknowledge", user=anna)
    assert NOT_OURS not in lines.told
    ours = tuple(lines.events)
    assert len(ours) == 2
    for event in ours:
        for origin in EventOrigin:
            care.hass.bus.async_fire(event.event_type, event.data, origin)
        changed = {**event.data, "person": "Mallory"}
        care.hass.bus.async_fire(event.event_type, changed, context=event.context)
    assert lines.told == [NOT_OURS] * 6


async def test_our_own_are_known_after_a_restart(care: Care, lines: Lines) -> None:
    await care.call("send_test_alert")
    before = lines.told
    await async_setup_seal(care.hass)
    lines.show(lines.events[0])
    assert lines.told == before


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
    assert localize_duration(hass, duration) == words
