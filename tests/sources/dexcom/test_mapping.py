"""What Dexcom's records mean: its tables, how long an alert stands, and what they say of the wearer."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from homeassistant.helpers.json import json_bytes
from hypothesis import given, settings, strategies as st
import orjson
import pytest

from custom_components.care_alerts.alerts.alert import Alert, AlertState, Person, Severity, in_order
from custom_components.care_alerts.alerts.episode import EndReason, EpisodeSpan
from custom_components.care_alerts.alerts.glucose import Glucose, OutOfRange, Trend
from custom_components.care_alerts.alerts.ledger import Ledger
from custom_components.care_alerts.alerts.snapshot import AlertStatus, PersonSnapshot
from custom_components.care_alerts.sources.dexcom import mapping as module
from custom_components.care_alerts.sources.dexcom.api import DexcomAlert, Egv, MadeFor
from custom_components.care_alerts.sources.dexcom.devices import told_apart
from custom_components.care_alerts.sources.dexcom.mapping import (
    ALERT_TYPES,
    EPISODES_OF,
    NOT_ON_ONE_PLUS,
    Values,
    alert_of,
    data_freshness,
    glucose_of,
    is_one_plus,
    kept_of,
    snapshot_of,
    stands_until,
)

LOW, MEDIUM, HIGH = Severity.LOW, Severity.MEDIUM, Severity.HIGH
START = datetime(2026, 5, 4, tzinfo=UTC)
USUAL = timedelta(hours=1)
HOLD = timedelta(minutes=120)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
PERSON = Person("wearer", "Ana")
ALARMS, SNOOZED, ENDED = "activeAlarming", "activeSnoozed", "inactive"
PHONE: dict[str, Any] = {
    "displayDevice": "iOS",
    "displayApp": "G7",
    "transmitterGeneration": "g7",
    "transmitterId": "a",
}
RECEIVER = PHONE | {"displayDevice": "receiver"}


def at(hours: float) -> datetime:
    """A time, in hours."""
    return START + timedelta(hours=hours)


def record(name: str, hours: float, state: str = "activeAlarming", **other: Any) -> DexcomAlert:
    """An alert as Dexcom sends it."""
    return DexcomAlert.of(
        {
            "recordId": f"{name} {state} {hours}",
            "systemTime": at(hours).isoformat(),
            "alertName": name,
            "alertState": state,
        }
        | other
    )


def alert(
    name: str,
    hours: float,
    state: str = "activeAlarming",
    *,
    after: timedelta = USUAL,
    values: Sequence[Egv] = (),
    **other: Any,
) -> Alert:
    """The same as ours, received so long after."""
    return alert_of(
        record(name, hours, state, **other),
        PERSON.person_id,
        at(hours) + after,
        usual=USUAL,
        values=Values(values),
    )


def egv(hours: float, value: float = 62, unit: str = "mg/dL", **more: Any) -> Egv:
    """A glucose value."""
    time = at(hours).isoformat()
    found = Egv.of({"systemTime": time, "value": value, "unit": unit, "trend": "flat"} | more)
    assert found is not None
    return found


def run(*alerts: Alert, **end: Any) -> EpisodeSpan:
    """An episode of these alerts."""
    worst = max((one.severity for one in alerts), key=lambda severity: severity.rank)
    return EpisodeSpan(opened=alerts[0], last_seen=alerts[-1], severity=worst, **end)


def snapshot(
    alerts: Sequence[Alert],
    now: datetime,
    *,
    hold: timedelta = HOLD,
    one_plus: bool = False,
    glucose: Glucose | None = None,
) -> PersonSnapshot:
    """What alerts say at a time, in whatever order they came."""
    return snapshot_of(
        PERSON, sorted(alerts, key=in_order), now, hold=hold, one_plus=one_plus, glucose=glucose
    )


# One alert.


@pytest.mark.parametrize(
    ("name", "alert_type", "severity"),
    [
        ("urgentLow", "urgent_low", HIGH),
        ("urgentLowSoon", "urgent_low_soon", HIGH),
        ("fixedLow", "fixed_low", HIGH),
        ("low", "low", MEDIUM),
        ("high", "high", MEDIUM),
        ("rise", "rise", MEDIUM),
        ("fall", "fall", MEDIUM),
        ("outOfRange", "out_of_range", LOW),
        ("noReadings", "no_readings", LOW),
        ("unknown", "other", MEDIUM),
        ("signalLossSoon", "other", MEDIUM),
        ("URGENTLOW", "other", MEDIUM),
    ],
)
def test_names(name: str, alert_type: str, severity: Severity) -> None:
    one = alert(name, 5)
    assert (one.alert_type, one.severity) == (alert_type, severity)
    assert one.details["alert_name"] == name
    assert (one.source, one.person_id, one.subtype, one.drill) == ("dexcom", "wearer", None, False)


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ("activeAlarming", AlertState.ACTIVE),
        ("activeSnoozed", AlertState.SNOOZED),
        ("inactive", AlertState.ENDED),
        ("unknown", AlertState.UNKNOWN),
        ("paused", AlertState.UNKNOWN),
        ("Inactive", AlertState.UNKNOWN),
    ],
)
def test_states(told: str, state: AlertState) -> None:
    one = alert("low", 5, told)
    assert one.state is state
    assert one.details["alert_state"] == told


def test_identity_and_times() -> None:
    one = alert("low", 5)
    assert one.alert_id == "low activeAlarming 5"
    assert (one.observed_at, one.received_at) == (at(5), at(6))


def test_what_we_have_no_word_for_is_kept() -> None:
    one = alert("low", 5, displayApp="G7", transmitterId="", displayTime="02:00", mood={"a": [1]})
    assert one.details == {
        "alert_name": "low",
        "alert_state": "activeAlarming",
        "display_app": "G7",
        "transmitter_id": "",
        "display_time": "02:00",
        "mood": {"a": [1]},
    }
    assert len(one.details) == 6


def test_what_cannot_be_written_to_disk_is_left_out() -> None:
    deep: list[Any] = []
    for _ in range(400):
        deep = [deep]
    assert alert("low", 5, deep=deep).details == {
        "alert_name": "low",
        "alert_state": "activeAlarming",
    }


@pytest.mark.parametrize(
    ("after", "late"),
    [
        (timedelta(), False),
        (2 * HOUR, False),
        (2 * HOUR + MINUTE, True),
        (timedelta(days=3), True),
    ],
)
def test_an_hour_more_than_usual_is_late(after: timedelta, late: bool) -> None:
    assert alert("low", 5, after=after).late is late


def test_a_clock_that_is_ahead_makes_no_alert_of_the_future() -> None:
    one = alert("low", 5, after=-3 * HOUR)
    assert one.observed_at == one.received_at == at(2)
    assert not one.late
    # Whatever comes later is newer.
    later = alert("low", 4, "inactive", after=timedelta())
    assert snapshot([one, later], at(4)).conditions["low"].is_on is False


# Glucose.


@pytest.mark.parametrize(
    ("told", "trend"),
    [
        ("doubleUp", Trend.RISING_QUICKLY),
        ("singleUp", Trend.RISING),
        ("fortyFiveUp", Trend.RISING_SLIGHTLY),
        ("flat", Trend.STEADY),
        ("fortyFiveDown", Trend.FALLING_SLIGHTLY),
        ("singleDown", Trend.FALLING),
        ("doubleDown", Trend.FALLING_QUICKLY),
        ("none", None),
        ("unknown", None),
        ("notComputable", None),
        ("rateOutOfRange", None),
        ("sideways", None),
        (None, None),
    ],
)
def test_trends(told: str | None, trend: Trend | None) -> None:
    assert glucose_of(egv(5, trend=told)).trend is trend


@pytest.mark.parametrize(
    ("value", "unit", "status", "out_of_range"),
    [
        (39, "mg/dL", None, OutOfRange.LOW),
        (39, "mg/dL", "low", OutOfRange.LOW),
        (40, "mg/dL", None, None),
        (40, "mg/dL", "ok", None),
        (400, "mg/dL", None, None),
        (400, "mg/dL", "unknown", None),
        (401, "mg/dL", None, OutOfRange.HIGH),
        (401, "mg/dL", "high", OutOfRange.HIGH),
        (3.4, "mmol/L", None, None),
        (22.1, "mmol/L", None, None),
        (2.2, "mmol/L", "low", OutOfRange.LOW),
        (22.3, "mmol/L", "high", OutOfRange.HIGH),
    ],
)
def test_values_and_the_edges_of_a_sensor(
    value: float, unit: str, status: str | None, out_of_range: OutOfRange | None
) -> None:
    assert glucose_of(egv(5, value, unit, status=status)) == Glucose(
        observed_at=at(5), value=value, unit=unit, trend=Trend.STEADY, out_of_range=out_of_range
    )


def test_a_value_is_kept_for_the_curve() -> None:
    low = kept_of(egv(5, 39), at(6))
    assert (low.observed_at, low.received, low.mg_dl) == (at(5), at(6).timestamp(), 39)
    assert low.out_of_range is OutOfRange.LOW
    before = kept_of(egv(5, 5.5, "mmol/L"), None)
    assert (before.received, before.out_of_range) == (None, None)
    assert before.mg_dl == pytest.approx(99.1, abs=0.1)


def test_an_alert_has_the_value_at_its_time() -> None:
    values = [egv(4.75, 80), egv(5.25, 40), egv(4.95, 39, trend="singleDown"), egv(4.85, 75)]
    details = alert("low", 5, values=values).details
    assert details["glucose_mg_dl"] == 39
    assert details["glucose_observed_at"] == at(4.95).isoformat()
    assert details["glucose_trend"] == "falling"
    assert details["glucose_out_of_range"] == "low"


def test_in_the_unit_it_came_in() -> None:
    details = alert("low", 5, values=[egv(5, 3.4, "mmol/L", trend=None)]).details
    assert details["glucose_mmol_l"] == 3.4
    assert "glucose_mg_dl" not in details
    assert details["glucose_trend"] is details["glucose_out_of_range"] is None


@pytest.mark.parametrize(
    ("seconds", "found"),
    [(-601, False), (-600, True), (0, True), (60, True), (61, False), (3600, False)],
)
def test_a_value_too_old_or_of_later_is_not_the_one_at_the_time(seconds: int, found: bool) -> None:
    one = egv(5 + seconds / 3600, 70)
    assert (Values([one]).at(at(5)) is not None) is found


def test_the_newest_value_is_none_of_the_future() -> None:
    values = Values([egv(5, 70), egv(4, 80), egv(9, 90)])
    assert (newest := values.newest(at(5.5))) is not None
    assert newest.value == 70
    # A clock may be a minute ahead.
    for seconds, found in ((60, True), (61, False)):
        assert (Values([egv(5)]).newest(at(5) - timedelta(seconds=seconds)) is not None) is found
    assert Values([egv(9)]).newest(at(5)) is None
    assert Values([]).newest(at(5)) is None


def test_how_long_data_count() -> None:
    said = data_freshness(at(5), USUAL)
    assert (said.data_through, said.next_due, said.valid_until) == (at(5), at(7), at(9))


@pytest.mark.parametrize(
    ("variant", "app", "one_plus"),
    [
        ("d1+", "", True),
        ("D1+", "", True),
        ("", "D1G7", True),
        ("", "d1g7android", True),
        ("g7", "G7", False),
        ("g715day", "", False),
        ("", "DexcomOne", False),
        ("", "", False),
    ],
)
def test_who_wears_a_one_plus(variant: str, app: str, one_plus: bool) -> None:
    assert is_one_plus(MadeFor(variant, app)) is one_plus


# How long an alert stands.


@pytest.mark.parametrize(
    ("after", "hold", "until"),
    [
        # Two hours after it was observed,
        (timedelta(), HOLD, 7),
        (HOUR, HOLD, 7),
        # at least an hour after we had it,
        (1.5 * HOUR, HOLD, 7.5),
        (2 * HOUR, HOLD, 8),
        (HOUR, timedelta(minutes=15), 7),
        # but for one that came late: it never stands for being new.
        (2.5 * HOUR, HOLD, 7),
        (timedelta(days=3), HOLD, 7),
        (timedelta(days=3), timedelta(hours=12), 17),
    ],
)
def test_how_long_an_alert_stands(after: timedelta, hold: timedelta, until: float) -> None:
    one = alert("low", 5, after=after)
    assert stands_until(one, hold) == at(until)
    now = one.received_at
    assert bool(snapshot([one], now, hold=hold).conditions["low"].is_on) is (now < at(until))
    before, then = at(until) - MINUTE, at(until)
    assert snapshot([one], before, hold=hold).conditions["low"].is_on is True
    assert snapshot([one], then, hold=hold).conditions["low"].is_on is False


# The picture.


def test_nobody_alarmed() -> None:
    seen = snapshot([], at(5))
    assert dict.fromkeys((*ALERT_TYPES, "other"), AlertStatus(is_on=False)) == seen.conditions
    assert (seen.last_alert, seen.changes_at, seen.active, seen.highest_severity) == (
        None,
        None,
        [],
        None,
    )


def test_the_newest_record_of_a_name_decides() -> None:
    alarming, snoozed = alert("low", 5), alert("low", 5.2, "activeSnoozed")
    over = alert("low", 5.4, "inactive")

    condition = snapshot([alarming], at(6.5)).conditions["low"]
    assert condition == AlertStatus(is_on=True, current_alert=alarming, episode=run(alarming))
    # Snoozed on the wearer's device is still there.
    handled = run(alarming, snoozed, handled_at=snoozed.observed_at)
    condition = snapshot([alarming, snoozed], at(6.5)).conditions["low"]
    assert condition == AlertStatus(is_on=True, current_alert=snoozed, episode=handled)
    condition = snapshot([alarming, snoozed, over], at(6.5)).conditions["low"]
    assert condition == AlertStatus(
        is_on=False,
        episode=replace(handled, ended_at=over.observed_at, end_reason=EndReason.SOURCE),
    )


def test_age_ends_an_episode_with_that_reason() -> None:
    one = alert("low", 5)
    condition = snapshot([one], at(7)).conditions["low"]
    assert condition.episode == run(one, ended_at=at(7), end_reason=EndReason.EXPIRED)
    # A word that it is over, later than that, changes nothing of it.
    over = alert("low", 8, "inactive")
    assert snapshot([one, over], at(9)).conditions["low"] == condition


def test_a_new_run_is_a_new_episode() -> None:
    first, second = alert("low", 5), alert("low", 7.1)
    condition = snapshot([first, second], at(8)).conditions["low"]
    assert condition.episode == run(second)
    assert list(condition.earlier) == [run(first, ended_at=at(7), end_reason=EndReason.EXPIRED)]


@pytest.mark.parametrize("hours", [5.1, 6.9, 7])
def test_one_that_is_told_while_the_last_still_stands_is_of_its_run(hours: float) -> None:
    first, second = alert("low", 5), alert("low", hours)
    assert snapshot([first, second], at(hours + 1)).conditions["low"] == AlertStatus(
        is_on=True, current_alert=second, episode=run(first, second)
    )


@pytest.mark.parametrize("state", ["unknown", "paused"])
def test_a_record_of_an_unknown_state_says_nothing_of_the_condition(state: str) -> None:
    alarming, strange = alert("low", 5), alert("low", 5.3, state)
    seen = snapshot([alarming, strange], at(6.5))
    assert seen.conditions["low"].current_alert == alarming
    assert snapshot([strange], at(6.5)).conditions["low"] == AlertStatus(is_on=False)
    # But it is the last that was heard.
    assert seen.last_alert == strange


def test_names_do_not_end_each_other() -> None:
    seen = snapshot(
        [alert("low", 5), alert("urgentLow", 5.1), alert("low", 5.2, "inactive")], at(6.5)
    )
    assert seen.conditions["low"].is_on is False
    assert seen.conditions["urgent_low"].is_on is True
    assert seen.highest_severity is HIGH
    assert [one.alert_type for one in seen.active] == ["urgent_low"]


def test_what_stands_shortest_changes_the_picture_first() -> None:
    seen = snapshot([alert("low", 5), alert("high", 4.5), alert("fall", 5.5)], at(6))
    assert seen.changes_at == at(6.5)
    assert len(seen.active) == 3


def test_of_two_devices_the_more_alarming_stands_and_of_these_the_newer() -> None:
    phone, snoozed = alert("low", 5, **PHONE), alert("low", 5.2, SNOOZED, **PHONE)
    other = alert("low", 5.1, **RECEIVER)
    low = snapshot([phone, other, snoozed], at(6)).conditions["low"]
    assert low.current_alert == other
    assert snapshot([phone, other], at(6)).conditions["low"].current_alert == other
    later = alert("low", 5.3, SNOOZED, **RECEIVER)
    low = snapshot([phone, other, snoozed, later], at(6)).conditions["low"]
    assert low.current_alert == later


def test_an_unknown_name_counts_too() -> None:
    seen = snapshot([alert("signalLossSoon", 5)], at(6))
    assert [one.alert_type for one in seen.active] == ["other"]
    assert seen.highest_severity is MEDIUM


def test_a_late_one_is_told_but_never_stands_for_being_new() -> None:
    seen = snapshot([alert("urgentLow", 5, after=timedelta(days=3))], at(5) + timedelta(days=3))
    assert seen.conditions["urgent_low"].is_on is False
    assert seen.changes_at is None
    assert seen.last_alert is not None


def test_a_one_plus_has_four_conditions_less() -> None:
    keys = snapshot([], at(5), one_plus=True).conditions.keys()
    assert {*ALERT_TYPES, "other"} - keys == NOT_ON_ONE_PLUS
    assert {"urgent_low", "urgent_low_soon", "rise", "fall"} == NOT_ON_ONE_PLUS


def test_what_was_alarmed_before_a_one_plus_or_by_one_after_all_is_not_hidden() -> None:
    seen = snapshot([alert("urgentLow", 5)], at(6), one_plus=True)
    assert seen.conditions["urgent_low"].is_on is True
    assert "rise" not in seen.conditions


# How much of the past is looked at.


@pytest.mark.parametrize(
    ("first", "last_word"),
    [
        # When it was last seen: that it expired later is our word.
        ([(0, ALARMS)], 0),
        ([(0, ALARMS), (1, SNOOZED)], 1),
        ([(0, ALARMS), (1.5, ENDED)], 1.5),
        # What is told of it after that is no word of its.
        ([(0, ALARMS), (2.5, ENDED)], 0),
    ],
)
def test_an_episode_before_the_newest_is_looked_at_for_three_days_after_its_last_word(
    first: list[tuple[float, str]], last_word: float
) -> None:
    alerts = [alert("low", hours, state) for hours, state in (*first, (10, ALARMS))]
    last = at(last_word) + EPISODES_OF
    for now, is_near in ((last, True), (last + MINUTE, False), (last + 30 * EPISODES_OF, False)):
        condition = snapshot(alerts, now).conditions["low"]
        assert condition.episode is not None
        assert condition.episode.opened == alerts[-1]
        assert [one.opened for one in condition.earlier] == ([alerts[0]] if is_near else [])
        assert [one.opened for one in condition.older()] == ([] if is_near else [alerts[0]])


def test_the_word_of_another_device_is_none_of_the_one_that_expired() -> None:
    """The receiver was quiet before the phone was given up."""
    phone, receiver = alert("low", 0, **PHONE), alert("low", 0.5, **RECEIVER)
    quiet, newest = alert("low", 1.9, ENDED, **RECEIVER), alert("low", 10, **PHONE)
    for hours, is_near in ((0.5, True), (0.6, False)):
        now = at(hours) + EPISODES_OF
        condition = snapshot([phone, receiver, quiet, newest], now).conditions["low"]
        assert [one.opened for one in condition.earlier] == ([phone] if is_near else [])
        [first] = (*condition.older(), *condition.earlier)
        assert (first.ended_at, first.end_reason) == (at(2), EndReason.EXPIRED)


@pytest.mark.parametrize(
    ("first", "between", "last", "hold"),
    [
        # Had late, it stands for an hour from then, on one device; whatever the other says meanwhile.
        ((0, 2), (1, ALARMS), 2.5, timedelta(minutes=15)),
        ((0, 2), (1, ENDED), 3, timedelta(minutes=15)),
        # What comes in the very moment in which it expires goes on with it.
        ((0, 0), (0, ENDED), 24, timedelta(hours=24)),
        ((0, 0), (11, ENDED), 12, timedelta(hours=12)),
    ],
)
def test_an_episode_is_whole_however_long_ago_it_began(
    first: tuple[float, float], between: tuple[float, str], last: float, hold: timedelta
) -> None:
    hours, after = first
    opened = alert("low", hours, after=after * HOUR, **PHONE)
    other = alert("low", *between, after=timedelta(), **RECEIVER)
    newest = alert("low", last, after=timedelta(), **PHONE)
    # Only the newest is of the last three days.
    for now in (at(last), at(last) + EPISODES_OF):
        episode = snapshot([opened, other, newest], now, hold=hold).conditions["low"].episode
        assert episode is not None
        assert (episode.opened, episode.last_seen) == (opened, newest)


DAYS = 24 * 30
OVER_AND_OVER = [(0, ALARMS), (0.5, SNOOZED), (1, ENDED)]
OF_THREE_DAYS = 3 * 72 // 2
ALL = 3 * DAYS // 2 - 2


@pytest.mark.parametrize(
    ("every", "hold", "said", "looked_at"),
    [
        # Episodes of an hour, each over before the next begins: those of three days,
        (OVER_AND_OVER, HOLD, PHONE, OF_THREE_DAYS),
        # however long they would stand.
        (OVER_AND_OVER, timedelta(hours=12), PHONE, OF_THREE_DAYS),
        # Nobody says that they are over: each is one with the next, as far back as there is any.
        ([(0, ALARMS)], HOLD, PHONE, DAYS // 2),
        # Until one had expired.
        ([(0, ALARMS)], timedelta(minutes=119), PHONE, 72 // 2),
        # All that says the same is of one device if nothing is said, or all but the transmitter.
        (OVER_AND_OVER, HOLD, {}, OF_THREE_DAYS),
        (OVER_AND_OVER, HOLD, PHONE | {"transmitterId": ""}, OF_THREE_DAYS),
        # Else what has ended may be another's.
        (OVER_AND_OVER, HOLD, PHONE | {"transmitterGeneration": ""}, ALL),
        (OVER_AND_OVER, HOLD, {"displayDevice": "iOS"}, ALL),
        (OVER_AND_OVER, HOLD, {"transmitterId": "a"}, ALL),
    ],
)
def test_of_weeks_only_the_newest_days_are_looked_at_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
    every: list[tuple[float, str]],
    hold: timedelta,
    said: dict[str, Any],
    looked_at: int,
) -> None:
    """Of whom something comes every two hours for a month."""
    numbers: list[int] = []

    def count(alerts: Sequence[Alert]) -> dict[str, int]:
        numbers.append(len(alerts))
        return told_apart(alerts)

    monkeypatch.setattr(module, "told_apart", count)
    alerts = [
        alert("low", start + hours, state, after=timedelta(), **said)
        for start in range(0, DAYS, 2)
        for hours, state in every
    ]
    now = at(DAYS - 2)
    condition = snapshot(alerts[: 1 - len(every) or None], now, hold=hold).conditions["low"]
    [number] = filter(None, numbers)
    assert looked_at <= number <= looked_at + 4
    # All of them are there for whoever asks.
    assert condition.episode is not None
    opened = [one.opened for one in (*condition.older(), *condition.earlier, condition.episode)]
    assert opened[0] == alerts[0]


# Whatever there was.

TYPES = ("low", "urgentLow", "newName")
STATES = ("activeAlarming", "activeSnoozed", "inactive", "unknown")
HOLDS = st.sampled_from([timedelta(minutes=minutes) for minutes in (15, 60, 120, 720)])


@st.composite
def stories(draw: st.DrawFn) -> list[Alert]:
    """Alerts of some hours, received a while later, some of them much later."""
    told = draw(
        st.lists(
            st.tuples(
                st.sampled_from(TYPES),
                st.integers(0, 200),
                st.sampled_from(STATES),
                st.sampled_from([0, 1, 12, 15, 23, 25, 60]),
            ),
            max_size=25,
            unique_by=lambda one: one[:3],
        )
    )
    # In steps of five minutes: ends and beginnings do meet.
    return [
        alert(name, step / 12, state, after=timedelta(minutes=5 * after))
        for name, step, state, after in told
    ]


@st.composite
def moments(draw: st.DrawFn, story: list[Alert]) -> datetime:
    """A time by which everything had been received."""
    heard = max((one.received_at for one in story), default=at(0))
    return heard + timedelta(minutes=5 * draw(st.one_of(st.integers(0, 60), st.integers(0, 1200))))


def _ended(episode: EpisodeSpan, moment: datetime, reason: EndReason) -> EpisodeSpan:
    """An episode that ends then, if it had not ended before."""
    return replace(episode, ended_at=moment, end_reason=reason) if episode.is_open else episode


def naively(alerts: Sequence[Alert], now: datetime, hold: timedelta) -> list[EpisodeSpan]:
    """The episodes of a type, told step by step from the first alert."""
    told: list[EpisodeSpan] = []
    for one in sorted(alerts, key=in_order):
        if one.state is AlertState.UNKNOWN:
            continue
        if told and (until := stands_until(told[-1].last_seen, hold)) < one.observed_at:
            told[-1] = _ended(told[-1], until, EndReason.EXPIRED)
        if one.state is AlertState.ENDED:
            told[-1:] = [_ended(it, one.observed_at, EndReason.SOURCE) for it in told[-1:]]
        else:
            if told and told[-1].is_open:
                told[-1] = replace(told[-1], last_seen=one)
            else:
                told.append(run(one))
            handled_at = None
            if one.state is AlertState.SNOOZED:
                handled_at = told[-1].handled_at or one.observed_at
            told[-1] = replace(told[-1], handled_at=handled_at)
    if told and (until := stands_until(told[-1].last_seen, hold)) <= now:
        told[-1] = _ended(told[-1], until, EndReason.EXPIRED)
    return told


def _last_word(episode: EpisodeSpan) -> datetime:
    """When Dexcom last said something of an episode that is over."""
    if episode.end_reason is EndReason.SOURCE and episode.ended_at:
        return episode.ended_at
    return episode.last_seen.observed_at


@settings(max_examples=400, deadline=None)
@given(st.data(), stories(), HOLDS)
def test_the_picture_is_what_all_alerts_amount_to(
    data: st.DataObject, story: list[Alert], hold: timedelta
) -> None:
    now = data.draw(moments(story))
    seen = snapshot(story, now, hold=hold)
    for alert_type, condition in seen.conditions.items():
        told = naively([one for one in story if one.alert_type == alert_type], now, hold)
        assert condition.episode == (told[-1] if told else None)
        assert condition.is_on is bool(told and told[-1].is_open)
        assert condition.current_alert == (told[-1].last_seen if condition.is_on else None)
        assert list(condition.earlier) == [
            one for one in told[:-1] if _last_word(one) >= now - EPISODES_OF
        ]
        assert [*condition.older(), *condition.earlier] == told[:-1]


@settings(max_examples=150, deadline=None)
@given(st.data(), stories(), HOLDS)
def test_the_order_in_which_they_come_never_matters(
    data: st.DataObject, story: list[Alert], hold: timedelta
) -> None:
    now = data.draw(moments(story))
    repeated = story + data.draw(
        st.lists(st.sampled_from(story), max_size=5) if story else st.just([])
    )
    ledger = Ledger()
    for one in data.draw(st.permutations(repeated)):
        ledger.add(one, announce=True)
    seen = snapshot_of(PERSON, ledger.alerts(), now, hold=hold, one_plus=False, glucose=None)
    assert seen == snapshot(story, now, hold=hold)


@settings(max_examples=200, deadline=None)
@given(st.data(), stories(), HOLDS)
def test_runs_that_are_over_never_matter(
    data: st.DataObject, story: list[Alert], hold: timedelta
) -> None:
    now = data.draw(moments(story))
    seen = snapshot(story, now, hold=hold)
    kept = [
        one
        for one in story
        if (episode := seen.conditions[one.alert_type].episode) is None
        or one.observed_at >= episode.opened.observed_at
    ]
    assert snapshot(kept, now, hold=hold).conditions == seen.conditions


@settings(max_examples=400, deadline=None)
@given(st.data(), stories(), HOLDS)
def test_time_alone_changes_the_picture_just_when_it_says(
    data: st.DataObject, story: list[Alert], hold: timedelta
) -> None:
    now = data.draw(moments(story))
    seen = snapshot(story, now, hold=hold)
    while (deadline := seen.changes_at) is not None:
        assert deadline > now
        between = now + (deadline - now) * data.draw(st.floats(0, 0.9))
        for moment in (between, deadline - timedelta(microseconds=1)):
            assert snapshot(story, moment, hold=hold) == seen
        now, before = deadline, seen
        seen = snapshot(story, now, hold=hold)
        assert seen != before
        assert len(seen.active) < len(before.active)
    assert snapshot(story, now + timedelta(days=400), hold=hold) == seen
    assert seen.active == []


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 60 * 24 * 40),
    st.integers(0, 60 * 24 * 40),
    st.integers(1, 300),
    st.lists(st.integers(0, 200), max_size=20),
)
def test_any_alert_is_ours_in_the_right_terms(
    observed: int, after: int, usual: int, values: list[int]
) -> None:
    system_time, received_at = at(observed / 60), at((observed + after) / 60)
    one = alert_of(
        record("low", observed / 60),
        PERSON.person_id,
        received_at,
        usual=usual * MINUTE,
        values=Values([egv((observed + minute - 100) / 60) for minute in values]),
    )
    assert one.observed_at == system_time
    assert one.late is (after > usual + 60)
    at_the_time = [minute - 100 for minute in values if -10 <= minute - 100 <= 1]
    if at_the_time:
        newest = system_time + max(at_the_time) * MINUTE
        told = datetime.fromisoformat(one.details["glucose_observed_at"])
        assert abs(told - newest) < timedelta(seconds=1)
    else:
        assert "glucose_mg_dl" not in one.details


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(), parts, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(
    other=st.dictionaries(st.sampled_from(["displayTime", "alert_name"]) | st.text(), json_values),
    reading=st.dictionaries(st.sampled_from(["status", "trend", "record"]), json_values),
)
def test_whatever_a_record_holds_its_details_can_be_written(
    other: dict[str, Any], reading: dict[str, Any]
) -> None:
    """They are made when the journal is written: one that cannot be would keep all others from the disk."""
    known = {"recordId": "a", "systemTime": at(0).isoformat()}
    named = {"alertName": "low", "alertState": "inactive"}
    egv = Egv.of(known | {"value": 39, "unit": "mg/dL"} | reading)
    assert egv is not None
    one = alert_of(
        DexcomAlert.of(other | known | named), "ana", at(2), usual=USUAL, values=Values([egv])
    )
    written = orjson.loads(json_bytes(one.details))
    assert written == one.as_event()["details"]
    assert (written["alert_name"], written["glucose_mg_dl"]) == ("low", 39)
