"""What the person's own phone says of its alerts: which of ours it is about, and what counts as handled there."""

from datetime import timedelta
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.care_alerts.alerts.episode import DeviceWord, handled_at
from custom_components.care_alerts.alerts.ledger import KEPT_FOR
from custom_components.care_alerts.sources.tidepool.device_words import (
    KEPT_AT_MOST,
    DeviceWords,
    kinds_of,
)
from custom_components.care_alerts.sources.tidepool.records import Data, DeviceAlert
from tests.conftest import NOON

from .conftest import Follower

MINUTE = timedelta(minutes=1)


def alert(
    issued: float, answered: float | None = None, name: str = "CGM.lowGlucose"
) -> DeviceAlert:
    """An alert of the phone, in minutes of the day."""
    return DeviceAlert(
        name=name,
        issued_at=NOON + issued * MINUTE,
        answered_at=None if answered is None else NOON + answered * MINUTE,
    )


def heard(*alerts: DeviceAlert, now: float = 600) -> DeviceWords:
    """The words of these alerts, all in one answer."""
    words = DeviceWords()
    words.hear(alerts, NOON + now * MINUTE)
    return words


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("CGM.lowGlucose", {"low"}),
        ("low", {"low"}),
        ("LOW", {"low"}),
        ("CGM.urgentLowGlucose", {"low", "urgent_low"}),
        ("urgent_low", {"low", "urgent_low"}),
        ("fixedLow", {"low", "urgent_low"}),
        ("CGM.highGlucose", {"high"}),
        ("high", {"high"}),
        # It is not low yet, or something else, or whatever a newer phone may say.
        ("urgentLowSoon", set()),
        ("noReadings", set()),
        ("lowReservoir", set()),
        ("low.battery", set()),
        ("", set()),
    ],
)
def test_which_of_our_alerts_it_speaks_of(name: str, kinds: set[str]) -> None:
    assert set(kinds_of(name)) == kinds


RECORD = {
    "type": "alert",
    "name": "CGM.lowGlucose",
    "time": "2026-11-18T12:01:00Z",
    "issuedTime": "2026-11-18T12:00:00Z",
}


@pytest.mark.parametrize(
    ("more", "issued", "answered"),
    [
        ({}, 0, None),
        ({"acknowledgedTime": "2026-11-18T12:19:00Z"}, 0, 19),
        ({"acknowledgedTime": "2026-11-18T13:19:00+01:00"}, 0, 19),
        ({"acknowledgedTime": "2026-11-18T12:19:00"}, 0, 19),
        # Retracted may be by itself.
        ({"retractedTime": "2026-11-18T12:19:00Z"}, 0, None),
        ({"acknowledgedTime": "soon"}, 0, None),
        ({"acknowledgedTime": 7}, 0, None),
        ({"issuedTime": None}, 1, None),
        ({"issuedTime": "soon"}, 1, None),
        ({"payload": "?"}, 0, None),
        ({"payload": {}}, 0, None),
        # As Dexcom has it, whose records of alerts Tidepool passes on.
        ({"payload": {"alertState": "activeAlarming"}}, 0, None),
        ({"payload": {"alertState": "activeSnoozed"}}, 0, 0),
        (
            {
                "payload": {"alertState": "activeSnoozed"},
                "acknowledgedTime": "2026-11-18T12:19:00Z",
            },
            0,
            19,
        ),
    ],
)
def test_an_alert_of_the_phone_is_read(
    more: dict[str, Any], issued: int, answered: int | None
) -> None:
    data = Data.of([RECORD | more])
    assert (data.unreadable, data.is_nonsense) == (0, False)
    assert data.alerts == (alert(issued, answered),)


@pytest.mark.parametrize("state", ["inactive", "unknown", "newer", 7])
def test_what_dexcom_says_beside_that_it_alarms_is_no_alarm(state: object) -> None:
    data = Data.of([RECORD | {"payload": {"alertState": state}}])
    assert (data.alerts, data.unreadable) == ((), 0)


@pytest.mark.parametrize(
    "wrong", [{"name": None}, {"name": ""}, {"name": 7}, {"issuedTime": None, "time": None}]
)
def test_one_that_makes_no_sense_is_counted_and_is_no_reason_not_to_believe_the_rest(
    wrong: dict[str, Any],
) -> None:
    data = Data.of([RECORD | wrong])
    assert (data.alerts, data.unreadable, data.is_nonsense) == ((), 1, False)
    assert Data.of([RECORD | wrong, {"type": "cbg"}]).is_nonsense
    assert not Data.of([RECORD, {"type": "cbg"}, {"type": "food"}]).is_nonsense


def test_only_an_answer_while_it_went_on_counts() -> None:
    words = heard(alert(0, 5), alert(20, 25))
    begun, over = NOON + 20 * MINUTE, NOON + 25 * MINUTE
    assert words.handled_at("low", begun, None) == over
    assert words.handled_at("low", begun, over) == over
    assert words.handled_at("low", begun, over - MINUTE) is None
    assert words.handled_at("low", over, None) == over
    assert words.handled_at("low", over + MINUTE, None) is None
    assert words.handled_at("high", begun, None) is None


def test_who_answered_a_low_has_not_answered_an_urgent_one() -> None:
    low, urgent = heard(alert(0, 5)), heard(alert(0, 5, "urgentLow"))
    assert low.handled_at("urgent_low", NOON, None) is None
    assert urgent.handled_at("urgent_low", NOON, None) == NOON + 5 * MINUTE
    assert urgent.handled_at("low", NOON, None) == NOON + 5 * MINUTE
    # That it is urgently low by now is more than was answered.
    worse = heard(alert(0, 5), alert(7, name="urgentLow"))
    assert worse.handled_at("low", NOON, None) is None


def test_what_the_phone_still_alarms_of_is_known() -> None:
    assert heard().unanswered_since("low") is None
    assert heard(alert(0)).unanswered_since("low") == NOON
    assert heard(alert(0, 5)).unanswered_since("low") is None
    assert heard(alert(0, 5), alert(7)).unanswered_since("low") == NOON + 7 * MINUTE


def test_what_is_of_the_future_waits_for_its_time() -> None:
    told = alert(0, 10)
    words = heard(told, now=9)
    assert words.handled_at("low", NOON, None) is None
    words.hear([told], NOON + 10 * MINUTE)
    assert words.handled_at("low", NOON, None) == NOON + 10 * MINUTE
    # A clock that was ahead has noted it.
    words.not_after(NOON + 9 * MINUTE)
    assert words.handled_at("low", NOON, None) is None


def test_no_more_is_kept_than_of_the_alerts_themselves() -> None:
    old, new = alert(0, 1), alert(5)
    words = heard(old, new)
    words.not_after(NOON + KEPT_FOR + MINUTE)
    assert words.by_kind["low"] == [DeviceWord(NOON + 5 * MINUTE, is_answer=False)]
    many = heard(*(alert(number / 10) for number in range(KEPT_AT_MOST + 3)))
    assert len(many.by_kind["low"]) == KEPT_AT_MOST
    assert many.by_kind["low"][0].at == NOON + timedelta(minutes=0.3)


TIMES = st.integers(0, 60)
ALERTS = st.lists(
    st.builds(
        lambda issued, after, name: alert(issued, after and issued + after, name),
        TIMES,
        st.none() | st.integers(1, 20),
        st.sampled_from(["low", "urgentLow", "high", "lowReservoir"]),
    ),
    max_size=8,
)


@settings(max_examples=200, deadline=None)
@given(ALERTS, st.data(), TIMES, st.none() | TIMES)
def test_it_does_not_matter_in_how_many_answers_and_in_what_order_they_come(
    alerts: list[DeviceAlert], data: st.DataObject, since: int, until: int | None
) -> None:
    expected = {
        kind: [
            word
            for one in alerts
            if kind in kinds_of(one.name)
            for word in (
                DeviceWord(one.issued_at, is_answer=False),
                *([DeviceWord(one.answered_at, is_answer=True)] if one.answered_at else ()),
            )
        ]
        for kind in ("low", "urgent_low", "high")
    }
    words = DeviceWords()
    for one in data.draw(st.permutations([*alerts, *alerts])):
        words.hear([one], NOON + 600 * MINUTE)
    words = DeviceWords.from_dict(words.to_dict())
    begun = NOON + since * MINUTE
    over = None if until is None else NOON + until * MINUTE
    for kind, said in expected.items():
        there = [one for one in said if one.at >= begun and (over is None or one.at <= over)]
        assert words.handled_at(kind, begun, over) == handled_at(there)


# In the house.


async def test_the_phone_s_own_answer_is_shown_with_its_time(follower: Follower) -> None:
    """The phone alarmed before it had lasted long enough here, and is asked about until somebody answers."""
    await follower.start()
    await follower.is_known()
    issued = follower.reads(65)
    answered = issued + 44 * MINUTE
    follower.jill.add_device_alert(issued, acknowledged=answered, retracted=answered + MINUTE)
    for _ in range(8):
        await follower.house.pass_time(minutes=5)
        follower.reads(65)
    await follower.house.pass_time(seconds=30)
    sensor = follower.state("binary_sensor", "low")
    assert (sensor.state, sensor.attributes["handled_on_device_at"]) == ("on", None)
    await follower.house.pass_time(minutes=5)
    follower.reads(65)
    await follower.house.pass_time(seconds=30)
    handled = follower.state("binary_sensor", "low").attributes["handled_on_device_at"]
    assert handled == answered
    assert follower.state("binary_sensor", "low").attributes["acknowledged"] is False
    # Now nothing older is asked for than anyway.
    await follower.house.pass_time(minutes=5)
    *_, asked = follower.house.sim.requests("tidepool.data")
    assert asked.query["startDate"] > (answered - 20 * MINUTE).isoformat()
    await follower.house.hass.config_entries.async_reload(follower.entry.entry_id)
    handled = follower.state("binary_sensor", "low").attributes["handled_on_device_at"]
    assert handled == answered


async def test_an_answer_to_what_began_before_is_none_to_what_begins_now(
    follower: Follower,
) -> None:
    await follower.start()
    await follower.is_known()
    follower.jill.add_device_alert(
        follower.house.now - 10 * MINUTE, acknowledged=follower.house.now - MINUTE
    )
    await follower.reads_on(50)
    sensor = follower.state("binary_sensor", "urgent_low")
    assert (sensor.state, sensor.attributes["handled_on_device_at"]) == ("on", None)
