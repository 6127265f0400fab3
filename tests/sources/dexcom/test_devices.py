"""A phone and a receiver: one condition is announced once, and is over when no device alarms."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import State
from homeassistant.helpers.json import json_bytes
from hypothesis import HealthCheck, given, settings, strategies as st
import orjson
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.care_alerts.alerts.alert import Alert, AlertState, Person, in_order
from custom_components.care_alerts.alerts.ledger import Delivery, Ledger
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.sources.dexcom.api import DexcomAlert
from custom_components.care_alerts.sources.dexcom.devices import add, told_apart
from custom_components.care_alerts.sources.dexcom.mapping import (
    Values,
    alert_of,
    episodes_of,
    is_active,
    snapshot_of,
    stands_until,
)
from simulator.dexcom import Wearer
from tests.conftest import NOON, House, told
from tests.wear import live, minutes, wear

HOUR = timedelta(hours=1)
START = datetime(2026, 5, 4, tzinfo=UTC)
USUAL = HOUR
HOLD = timedelta(minutes=120)
PERSON = Person("wearer", "Ana")

PHONE: dict[str, Any] = {"display_device": "iOS", "displayApp": "G7"}
RECEIVER: dict[str, Any] = {"display_device": "receiver", "displayApp": ""}


# In a house.


@pytest.fixture
async def oma(house: House) -> Wearer:
    """Somebody with a phone and a receiver, set up in the house."""
    wearer = house.sim.dexcom.wearer("SandboxUser7")
    wear(wearer)
    await house.set_up(await house.dexcom_entry(wearer))
    return wearer


def sensor(house: House, oma: Wearer, key: str = "low") -> State:
    """The state of an alert's binary sensor."""
    return house.state("binary_sensor", key, oma.user_id)


async def test_one_condition_on_two_devices_is_announced_once_and_lasts_until_both_are_quiet(
    house: House, oma: Wearer, announced: list[State]
) -> None:
    ended = async_capture_events(house.hass, "care_alerts_alert_ended")
    received = async_capture_events(house.hass, "care_alerts_alert_received")
    oma.add_alert("low", NOON + minutes(1), **PHONE)
    oma.add_alert("low", NOON + minutes(3), **RECEIVER)
    oma.add_alert("low", NOON + minutes(20), state="inactive", **PHONE)

    await live(house, HOUR + minutes(30))
    assert told(announced, "state") == ["active"]
    assert [event.data["opened_episode"] for event in received] == [True]
    low = sensor(house, oma)
    assert (low.state, low.attributes["state"]) == (STATE_ON, "active")
    assert low.attributes["since"] == NOON + minutes(1)
    assert house.state("sensor", "active_alerts", oma.user_id).state == "1"
    assert ended == []

    oma.add_alert("low", NOON + minutes(50), state="inactive", **RECEIVER)
    await live(house, minutes(30))
    assert told(announced, "state") == ["active", "ended"]
    assert sensor(house, oma).state == STATE_OFF
    assert sensor(house, oma).attributes["ended_at"] == NOON + minutes(50)
    assert len(ended) == 1

    # No record is lost.
    answer = await house.hass.services.async_call(
        DOMAIN,
        "get_alerts",
        {"entity_id": house.entity_id("event", "alert", oma.user_id)},
        blocking=True,
        return_response=True,
    )
    assert str(answer).count("'alert_id'") == 4


@pytest.mark.parametrize("phone_ends_first", [True, False])
async def test_a_receiver_that_is_read_out_later_is_no_second_alert(
    house: House, oma: Wearer, announced: list[State], phone_ends_first: bool
) -> None:
    ended = async_capture_events(house.hass, "care_alerts_alert_ended")
    first, last = (30, 35) if phone_ends_first else (35, 30)
    later = NOON + HOUR + minutes(55)
    oma.add_alert("low", NOON + minutes(6), **PHONE)
    oma.add_alert("low", NOON + minutes(first), state="inactive", **PHONE)
    oma.add_alert("low", NOON + minutes(5), uploaded_at=later, **RECEIVER)
    oma.add_alert("low", NOON + minutes(last), state="inactive", uploaded_at=later, **RECEIVER)
    await live(house, 4 * HOUR)
    assert told(announced, "state") == ["active", "ended"]
    assert sensor(house, oma).state == STATE_OFF
    assert len(ended) == 1


async def test_snoozed_on_the_phone_while_the_receiver_alarms_is_still_alarming(
    house: House, oma: Wearer
) -> None:
    oma.add_alert("urgentLow", NOON + minutes(1), **PHONE)
    oma.add_alert("urgentLow", NOON + minutes(2), **RECEIVER)
    oma.add_alert("urgentLow", NOON + minutes(5), state="activeSnoozed", **PHONE)
    await live(house, HOUR + minutes(30))
    assert sensor(house, oma, "urgent_low").attributes["state"] == "active"
    oma.add_alert("urgentLow", NOON + minutes(31), state="inactive", **RECEIVER)
    await live(house, minutes(30))
    assert sensor(house, oma, "urgent_low").attributes["state"] == "snoozed"


async def test_what_the_other_device_records_after_the_end_is_another_alert(
    house: House, oma: Wearer, announced: list[State]
) -> None:
    oma.add_alert("low", NOON + minutes(1), **PHONE)
    oma.add_alert("low", NOON + minutes(10), state="inactive", **PHONE)
    oma.add_alert("low", NOON + minutes(14), **RECEIVER)
    await live(house, HOUR + minutes(30))
    assert told(announced, "state") == ["active", "ended", "active"]
    assert sensor(house, oma).state == STATE_ON


async def test_a_phone_that_falls_silent_leaves_it_to_the_receiver_to_go_on(
    house: House, oma: Wearer, announced: list[State]
) -> None:
    """Each sounds again within half an hour: what only one of them says then is news."""
    for number in (0, 25):
        oma.add_alert("urgentLow", NOON + minutes(number), **PHONE)
    for number in (1, 26, 56, 81):
        oma.add_alert("urgentLow", NOON + minutes(number), **RECEIVER)
    await live(house, 3 * HOUR)
    assert told(announced, "observed_at") == [
        (NOON + minutes(number)).isoformat() for number in (0, 25, 56, 81)
    ]


async def test_names_that_nobody_knows_are_each_announced(
    house: House, oma: Wearer, announced: list[State]
) -> None:
    oma.add_alert("signalLossSoon", NOON + minutes(1), **PHONE)
    oma.add_alert("transmitterFailed", NOON + minutes(1), **RECEIVER)
    oma.add_alert("transmitterFailed", NOON + minutes(2), **PHONE)
    await live(house, 2 * HOUR)
    assert Counter(one["alert_name"] for one in told(announced, "details")) == {
        "signalLossSoon": 1,
        "transmitterFailed": 1,
    }


async def test_a_witness_stays_one_over_a_restart(
    house: House, oma: Wearer, announced: list[State]
) -> None:
    oma.add_alert("low", NOON + minutes(1), **PHONE)
    oma.add_alert("low", NOON + minutes(3), **RECEIVER)
    await live(house, HOUR + minutes(30))
    [entry] = house.hass.config_entries.async_entries(DOMAIN)
    await house.hass.config_entries.async_reload(entry.entry_id)
    await house.settle()
    oma.add_alert("low", NOON + minutes(20), state="inactive", **PHONE)
    await live(house, minutes(30))
    assert told(announced, "state") == ["active"]
    assert sensor(house, oma).state == STATE_ON
    event = house.state("event", "alert", oma.user_id)
    assert event.attributes["details"]["display_device"] == "iOS"


@pytest.mark.parametrize("ids", [("a", "b", "c"), ("c", "b", "a"), ("b", "c", "a")])
async def test_records_of_one_instant_go_by_what_they_say(
    house: House, oma: Wearer, announced: list[State], ids: tuple[str, str, str]
) -> None:
    """However their ids are spelled."""
    at = NOON + minutes(5)
    for record_id, state in zip(ids, ("inactive", "activeSnoozed", "activeAlarming"), strict=True):
        oma.add_alert("low", at, state=state, record_id=record_id, **PHONE)
        oma.add_alert("high", at, state=state, record_id=f"{record_id} high", **PHONE)
    await live(house, 2 * HOUR)
    assert [(one.attributes["alert_type"], one.attributes["state"]) for one in announced] == [
        ("high", "active"),
        ("low", "active"),
        ("high", "snoozed"),
        ("low", "snoozed"),
        ("high", "ended"),
        ("low", "ended"),
    ]
    assert sensor(house, oma).state == STATE_OFF
    assert sensor(house, oma, "high").state == STATE_OFF


@pytest.mark.parametrize("ids", [("a", "b"), ("b", "a")])
async def test_which_of_two_devices_speaks_does_not_depend_on_ids(
    house: House, oma: Wearer, announced: list[State], ids: tuple[str, str]
) -> None:
    at = NOON + minutes(5)
    oma.add_alert("low", at, record_id=ids[0], **PHONE)
    oma.add_alert("low", at, record_id=ids[1], **RECEIVER)
    await live(house, 2 * HOUR)
    assert [one["display_device"] for one in told(announced, "details")] == ["iOS"]


# Which device.


def alert(
    at: float,
    state: str = "activeAlarming",
    *,
    name: str = "low",
    record_id: str | None = None,
    received: float | None = None,
    **fields: Any,
) -> Alert:
    """An alert observed so many minutes after the start, and received at once or then."""
    record = {
        "recordId": record_id or f"{name} {at} {state} {sorted(fields.items())}",
        "systemTime": (START + minutes(at)).isoformat(),
        "alertName": name,
        "alertState": state,
        **fields,
    }
    return alert_of(
        DexcomAlert.of(record),
        PERSON.person_id,
        START + minutes(at if received is None else received),
        usual=USUAL,
        values=Values([]),
    )


def said(device: str, app: str = "", generation: str = "", transmitter: str = "") -> dict[str, str]:
    """What a record says of its device, where it says something; `-` where it says that it does not know."""
    given = {
        "displayDevice": device,
        "displayApp": app,
        "transmitterGeneration": generation,
        "transmitterId": transmitter,
    }
    return {name: value.strip("-") for name, value in given.items() if value}


FULL = said("iOS", "G7", "g7", "aaaa")


@pytest.mark.parametrize(
    ("records", "devices"),
    [
        ([FULL, FULL], 1),
        ([{}, {}], 1),
        # What comes and goes.
        ([FULL, said("iOS", "G7", "g7", "-"), said("iOS", "-", "g7", "aaaa"), said("iOS")], 1),
        ([said("iOS"), FULL, said("iOS", "G7")], 1),
        ([said("iOS", "G7"), said("iOS", "", "g7"), said("iOS", "", "", "aaaa")], 1),
        ([FULL, said("", "G7", "g7", "aaaa")], 1),
        # What does not fit.
        ([FULL, said("receiver", "", "g7", "aaaa")], 2),
        ([FULL, said("android", "G7", "g7", "aaaa")], 2),
        ([FULL, said("unknown", "G7", "g7", "aaaa")], 2),
        ([FULL, said("iOS", "G6", "g6", "bbbb")], 2),
        ([FULL, said("iOS", "G7", "g7", "bbbb")], 2),
        ([said("iOS"), said("receiver"), said("iOS"), said("receiver")], 2),
        # Nothing that could be compared.
        ([FULL, {}], 2),
        ([said("iOS"), said("", "", "", "aaaa")], 2),
    ],
)
def test_devices_are_told_apart_by_what_is_there(
    records: list[dict[str, Any]], devices: int
) -> None:
    alerts = [alert(number, **fields) for number, fields in enumerate(records)]
    assert len({*told_apart(alerts).values()}) == devices


def naively_told_apart(alerts: Sequence[Alert]) -> list[int]:
    """The number of each one's device: that which agrees in most fields and differs in none, the last heard of first."""
    devices: list[list[str]] = []
    found: list[int] = []
    for one in alerts:
        best, alike = None, -1
        for number in sorted(range(len(devices)), key=found[::-1].index):
            both = [(a, b) for a, b in zip(devices[number], one.device, strict=True) if a and b]
            nothing_said = not any(devices[number]) and not any(one.device)
            if all(a == b for a, b in both) and (both or nothing_said) and len(both) > alike:
                best, alike = number, len(both)
        if best is None:
            best = len(devices)
            devices.append([*one.device])
        devices[best] = [a or b for a, b in zip(devices[best], one.device, strict=True)]
        found.append(best)
    return found


@given(
    st.lists(
        st.tuples(*(st.sampled_from(["", "", "a", "b"]) for _ in range(4))).map(
            lambda fields: said(*fields)
        ),
        max_size=12,
    )
)
@settings(deadline=None)
def test_devices_are_told_apart_as_a_naive_reading_would(records: list[dict[str, Any]]) -> None:
    alerts = [alert(number, **fields) for number, fields in enumerate(records)]
    assert [*told_apart(alerts).values()] == naively_told_apart(alerts)


def test_half_a_hash_is_enough_and_odd_values_do_no_harm() -> None:
    one = alert(
        0, displayDevice="iOS", transmitterId="a" * 64, displayApp=7, transmitterGeneration=["g7"]
    )
    assert one.device == ("iOS", "", "", "a" * 32)


# Whatever the devices, and however their records come.

DEVICES = (
    said("iOS", "G7", "g7", "aaaa"),
    said("receiver", "", "g7", "aaaa"),
    said("android", "G7", "g7", "aaaa"),
    said("iOS", "G6", "g6", "bbbb"),
)
NAMES = ("low", "urgentLow")


@dataclass(frozen=True)
class Sent:
    """A record: what it says, whose it is in truth, and when it may first be had."""

    at: int
    name: str
    state: str
    device: int
    fields: dict[str, Any] = field(compare=False)
    arrives: int = field(compare=False)

    @property
    def record_id(self) -> str:
        """Its id."""
        return f"{self.name} {self.at} {self.state} {self.device}"


@st.composite
def spelled(draw: st.DrawFn, device: int) -> dict[str, str]:
    """What a device says of itself in one record: what tells it from the others is there, the rest comes and goes."""
    fields = dict(DEVICES[device])
    if "transmitterId" in fields:
        fields["transmitterId"] = draw(st.sampled_from([fields["transmitterId"], ""]))
    if device in (1, 2):
        for name in ("displayApp", "transmitterGeneration"):
            if draw(st.booleans()):
                fields.pop(name, None)
    return fields


class Kept:
    """What is done with answers, without a house around it."""

    def __init__(self) -> None:
        """Know nothing."""
        self.ledger = Ledger()
        self.announced: list[str] = []
        self.news: list[str] = []
        self.records: dict[str, Sent] = {}

    def receive(self, sent: Sequence[Sent], now: int) -> None:
        """Read an answer, announce what is news, and restart."""
        new = {one.record_id: one for one in sent if one.record_id not in self.ledger}
        alerts = [
            alert(
                one.at,
                one.state,
                name=one.name,
                record_id=one.record_id,
                received=now,
                **one.fields,
            )
            for one in sorted(new.values(), key=lambda one: one.at)
        ]
        episodes = partial(episodes_of, now=START + minutes(now), hold=HOLD)
        add(alerts, self.ledger, is_active=is_active, episodes_of=episodes)
        self.records |= new
        self.news = [one.alert.alert_id for one in self.ledger.pending()]
        self.announced += self.news
        for one in self.ledger.pending():
            self.ledger.mark_announced(one.alert.alert_id)
        self.ledger = Ledger.from_dict(orjson.loads(json_bytes(self.ledger.to_dict())))

    def assert_right(self, now: int) -> None:
        """Each sensor is on just as long as a device alarms, and of each episode there is the house has been told."""
        moment = START + minutes(now)
        alerts = self.ledger.alerts()
        seen = snapshot_of(PERSON, alerts, moment, hold=HOLD, one_plus=False, glucose=None)
        for alert_type, condition in seen.conditions.items():
            theirs = [one for one in alerts if one.alert_type == alert_type]
            newest = {
                self.records[one.alert_id].device: one
                for one in theirs
                if one.state is not AlertState.UNKNOWN
            }
            alarming = [
                one
                for one in newest.values()
                if is_active(one) and stands_until(one, HOLD) > moment
            ]
            assert condition.is_on is bool(alarming)
            if condition.current_alert:
                assert condition.current_alert in alarming
                states = [one.state for one in alarming]
                assert (condition.current_alert.state is AlertState.ACTIVE) is (
                    AlertState.ACTIVE in states
                )
            for episode in (
                *condition.earlier,
                *([condition.episode] if condition.episode else ()),
            ):
                alarms = {one.alert_id for one in episode.its_own(theirs) if is_active(one)}
                assert alarms & {*self.announced}
                if episode.is_open:
                    # Nobody is told that it is over.
                    assert not {
                        one.alert_id
                        for one in theirs
                        if one.alert_id in self.news
                        and one.state is AlertState.ENDED
                        and one.observed_at >= episode.opened.observed_at
                    }


def sent(at: int, device: int, state: str = "activeAlarming") -> Sent:
    """A record of a low."""
    return Sent(at, "low", state, device, DEVICES[device], at)


@pytest.mark.parametrize(
    ("answers", "news"),
    [
        # The second device was none of the first one's: that had ended before it began.
        (
            [[sent(0, 0), sent(20, 1)], [sent(5, 0, "inactive")]],
            [{"low 0 activeAlarming 0"}, {"low 20 activeAlarming 1", "low 5 inactive 0"}],
        ),
        # The end comes before its beginning, and looks like another device's word for the end of an earlier one.
        (
            [
                [sent(0, 0), sent(10, 0, "inactive")],
                [sent(300, 1, "inactive")],
                [sent(280, 1)],
            ],
            [
                {"low 0 activeAlarming 0", "low 10 inactive 0"},
                set(),
                {"low 280 activeAlarming 1", "low 300 inactive 1"},
            ],
        ),
        # Of several ends the last one is it.
        (
            [[sent(0, 0), sent(0, 1), sent(30, 0, "inactive"), sent(35, 1, "inactive")]],
            [{"low 0 activeAlarming 0", "low 35 inactive 1"}],
        ),
        # The one that ended first is heard of last.
        (
            [[sent(0, 0), sent(0, 1)], [sent(35, 1, "inactive")], [sent(30, 0, "inactive")]],
            [{"low 0 activeAlarming 0"}, set(), {"low 30 inactive 0"}],
        ),
        # It goes on after the house was told that it is over.
        (
            [
                [sent(0, 0), sent(10, 0, "inactive")],
                [sent(5, 1)],
                [sent(12, 1)],
                [sent(20, 1, "inactive")],
            ],
            [
                {"low 0 activeAlarming 0", "low 10 inactive 0"},
                set(),
                {"low 12 activeAlarming 1"},
                {"low 20 inactive 1"},
            ],
        ),
    ],
)
def test_what_the_house_is_told_of(answers: list[list[Sent]], news: list[set[str]]) -> None:
    house = Kept()
    told: list[set[str]] = []
    for number, answer in enumerate(answers):
        house.receive(answer, 310 + number if answer[0].at > 250 else 40 + number)
        house.assert_right(340 if answer[0].at > 250 else 40 + number)
        told.append({*house.news})
    assert told == news


@st.composite
def worlds(draw: st.DrawFn) -> list[Sent]:
    """Records of any devices, in any state, at any time; each may be there late."""
    found = draw(
        st.lists(
            st.tuples(
                st.integers(0, 120),
                st.sampled_from(NAMES),
                st.sampled_from(["activeAlarming", "activeSnoozed", "inactive", "unknown"]),
                st.integers(0, len(DEVICES) - 1),
                st.sampled_from([0, 1, 12, 25, 60]),
            ),
            min_size=1,
            max_size=30,
            unique_by=lambda one: one[:4],
        )
    )
    return [
        Sent(5 * at, name, state, device, draw(spelled(device)), 5 * (at + after))
        for at, name, state, device, after in found
    ]


def delivered(draw: st.DrawFn, world: list[Sent]) -> list[tuple[int, list[Sent]]]:
    """When the house asks, and what it gets then: what has arrived, some of it again, in any order."""
    asked = sorted(draw(st.sets(st.integers(0, 200), max_size=8)))
    answers = []
    for moment in [5 * one for one in asked] + [5 * 200]:
        there = [one for one in world if one.arrives <= moment]
        answers.append((moment, draw(st.permutations(there))))
    return answers


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), world=worlds())
def test_the_sensor_is_off_only_when_no_device_alarms_and_no_episode_is_missed(
    data: st.DataObject, world: list[Sent]
) -> None:
    house = Kept()
    for now, answer in data.draw(st.composite(delivered)(world)):
        house.receive(answer, now)
        house.assert_right(now)
    assert len(house.ledger) == len(world)
    assert set(Counter(house.announced).values()) <= {1}


@dataclass(frozen=True)
class Truth:
    """An episode as it was, and what the devices recorded of it."""

    number: int
    sent: tuple[Sent, ...]


@st.composite
def truths(draw: st.DrawFn) -> list[Truth]:
    """Episodes hours apart, each on some devices at about the same time; a device may be snoozed early."""
    found: list[Truth] = []
    for number in range(draw(st.integers(1, 3))):
        begin, sent = 600 * number, list[Sent]()
        name = draw(st.sampled_from(NAMES))
        for device in draw(st.sets(st.integers(0, len(DEVICES) - 1), min_size=1)):
            first = begin + draw(st.integers(0, 20))
            records = [(first, "activeAlarming")]
            if draw(st.booleans()):
                records.append((first + draw(st.integers(1, 9)), "activeSnoozed"))
            records.append((begin + draw(st.integers(30, 100)), "inactive"))
            for at, state in records:
                arrives = at + draw(st.sampled_from([0, 5, 60, 100, 400, 1500]))
                sent.append(Sent(at, name, state, device, draw(spelled(device)), arrives))
        found.append(Truth(number, tuple(sent)))
    return found


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), story=truths())
def test_each_episode_is_told_by_one_device_and_its_end_once(
    data: st.DataObject, story: list[Truth]
) -> None:
    house = Kept()
    world = [one for truth in story for one in truth.sent]
    last = max(one.arrives for one in world)
    asked = data.draw(st.sets(st.integers(0, last), max_size=10))
    for now in [*sorted(asked), last]:
        there = [one for one in world if one.arrives <= now]
        house.receive(data.draw(st.permutations(there)), now)
        house.assert_right(now)
    for truth in story:
        of_it = [one for one in truth.sent if one.record_id in house.announced]
        assert len({one.device for one in of_it if one.state != "inactive"}) == 1
        assert len([one for one in of_it if one.state == "inactive"]) == 1
    assert len(house.ledger) == len(world)
    deliveries = {house.ledger.delivery(one.record_id) for one in world}
    assert deliveries <= {Delivery.ANNOUNCED, Delivery.WITNESS}


@settings(max_examples=200, deadline=None)
@given(data=st.data(), world=worlds())
def test_no_spelling_of_ids_changes_anything(data: st.DataObject, world: list[Sent]) -> None:
    def alerts(ids: Sequence[str]) -> list[Alert]:
        return sorted(
            (
                alert(one.at, one.state, name=one.name, record_id=record_id, **one.fields)
                for one, record_id in zip(world, ids, strict=True)
            ),
            key=in_order,
        )

    def bare(alerts: Sequence[Alert]) -> list[tuple[Any, ...]]:
        return [(one.observed_at, one.alert_type, one.state, one.device) for one in alerts]

    some = [str(number) for number in range(len(world))]
    others = data.draw(st.permutations(some))
    assert bare(alerts(some)) == bare(alerts(others))
