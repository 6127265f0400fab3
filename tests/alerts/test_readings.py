"""What is kept of glucose: whatever order it comes in and however often, the same; bounded; the same after a restart."""

from datetime import UTC, datetime, timedelta
from typing import Any

from homeassistant.helpers.json import json_bytes
from hypothesis import given, settings, strategies as st
import orjson
import pytest

from custom_components.care_alerts.alerts.glucose import MG_DL, MMOL_L, OutOfRange
from custom_components.care_alerts.alerts.readings import (
    AHEAD,
    KEPT_AT_MOST,
    KEPT_FOR,
    THRESHOLDS_KEPT,
    GlucoseLog,
    GlucoseLogs,
    KeptReading,
)

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
SECOND = int(NOW.timestamp())
MINUTE = 60

values = st.sampled_from((39.0, 55.0, 99.09, 140.0, 401.0))
beyond = st.sampled_from((None, OutOfRange.LOW, OutOfRange.HIGH))


def _when(drawn: tuple[Any, ...]) -> tuple[Any, ...]:
    return drawn[:2]


@st.composite
def readings(draw: st.DrawFn) -> list[KeptReading]:
    """Readings of the last weeks, some of the same second: each of these came at another time."""
    drawn = draw(
        st.lists(
            st.tuples(
                st.integers(-16 * 24 * 60, 10), st.none() | st.integers(0, 600), values, beyond
            ),
            max_size=30,
            unique_by=_when,
        )
    )
    return [
        KeptReading(
            SECOND + minutes * MINUTE,
            None if late is None else SECOND + (minutes + late) * MINUTE,
            value,
            side,
        )
        for minutes, late, value, side in drawn
    ]


def filled(*some: list[KeptReading]) -> GlucoseLog:
    """A log that has heard of all these, one answer after the other."""
    log = GlucoseLog()
    for one in some:
        log.add(one, NOW)
    return log


def all_of(log: GlucoseLog) -> list[KeptReading]:
    """Whatever it holds."""
    return log.between(NOW - timedelta(days=100), NOW + timedelta(days=100))


def again(log: GlucoseLog, now: datetime = NOW) -> GlucoseLog:
    """The same after a restart."""
    return GlucoseLog.from_dict(orjson.loads(json_bytes(log.to_dict())), now)


@given(st.data())
def test_each_is_kept_once_whatever_order_they_come_in(data: st.DataObject) -> None:
    some = data.draw(
        readings().map(lambda drawn: list({one.observed: one for one in drawn}.values()))
    )
    shuffled = data.draw(st.permutations(some + some[: data.draw(st.integers(0, 30))]))
    at = data.draw(st.integers(0, len(shuffled)))
    expected = sorted(one for one in some if NOW - KEPT_FOR <= one.observed_at <= NOW + AHEAD)
    log = filled(shuffled[:at], shuffled[at:])
    assert all_of(log) == expected
    assert log.newest == (expected[-1] if expected else None)
    revision = log.revision
    assert not log.add(shuffled, NOW)
    assert log.changed_since(revision) == []


@given(readings(), st.data())
def test_what_came_later_corrects_what_came_before(
    some: list[KeptReading], data: st.DataObject
) -> None:
    in_order = sorted(some, key=lambda one: one.received or 0)
    log = filled(*([one] for one in in_order))
    newest: dict[int, tuple[float, OutOfRange | None]] = {}
    for one in in_order:
        newest[one.observed] = (one.mg_dl, one.out_of_range)
    assert {one.observed: (one.mg_dl, one.out_of_range) for one in all_of(log)} == {
        one.observed: newest[one.observed] for one in all_of(log)
    }
    # An answer may repeat what was corrected since.
    repeated = data.draw(st.lists(st.sampled_from(in_order))) if in_order else []
    known = all_of(log)
    log.add(repeated, NOW)
    assert [one[::2] for one in all_of(log)] == [one[::2] for one in known]


def test_a_reading_as_it_is_kept() -> None:
    """In mg/dL, to a hundredth and to the second."""
    later = NOW + timedelta(seconds=90.9)
    kept = KeptReading.of(NOW, later, 7.77105, MMOL_L, OutOfRange.HIGH, "phone")
    assert kept == KeptReading(SECOND, SECOND + 90, 140.0, OutOfRange.HIGH, "phone")
    assert (kept.observed_at, kept.received_at) == (NOW, NOW + timedelta(seconds=90))
    assert (kept.value_in(MG_DL), kept.value_in(MMOL_L)) == (140.0, 7.77)
    before = KeptReading.of(NOW, None, 140.123, MG_DL, None)
    assert (before.received, before.received_at, before.mg_dl) == (None, None, 140.12)


@pytest.mark.parametrize(
    ("one", "other", "corrects"),
    [
        # The same, however often it comes.
        ((9, 100, None), (1, 100, None), False),
        ((9, 100, OutOfRange.LOW), (1, 100, OutOfRange.LOW), False),
        # What came later, of whatever it says something else.
        ((9, 100, None), (1, 90, None), True),
        ((9, 100, OutOfRange.LOW), (1, 100, None), True),
        ((1, 100, None), (9, 90, None), False),
        # With it: the lower counts.
        ((9, 90, None), (9, 100, None), True),
        ((9, 100, None), (9, 90, None), False),
        ((9, 100, None), (9, 100, OutOfRange.LOW), False),
        # What there was before its person was followed came before all else.
        ((None, 90, None), (1, 100, None), False),
        ((1, 100, None), (None, 90, None), True),
        ((None, 90, None), (None, 100, None), True),
    ],
)
def test_which_of_two_of_one_moment_counts(
    one: tuple[int | None, float, OutOfRange | None],
    other: tuple[int | None, float, OutOfRange | None],
    corrects: bool,
) -> None:
    assert KeptReading(SECOND, *one).corrects(KeptReading(SECOND, *other)) is corrects


def test_each_answer_is_one_change_and_only_what_it_brought_is_told() -> None:
    log = GlucoseLog()
    assert (log.revision, log.changes, log.at(NOW)) == (0, 0, None)
    first, second = (KeptReading(SECOND + one, SECOND, 100.0) for one in (0, 300))
    assert log.add([second, first], NOW + timedelta(minutes=5))
    assert (log.revision, log.changes) == (2, 1)
    assert log.at(NOW + timedelta(milliseconds=900)) == first
    # What is corrected is new, whatever was kept in between.
    corrected = KeptReading(SECOND, SECOND + 9, 90.0)
    log.add([corrected], NOW)
    assert (log.revision, log.changes) == (3, 2)
    assert log.changed_since(2) == [corrected]


@given(st.lists(readings(), max_size=4))
def test_whoever_hears_each_change_knows_all(answers: list[list[KeptReading]]) -> None:
    log, heard = GlucoseLog(), dict[int, KeptReading]()
    for answer in answers:
        revision = log.revision
        log.add(answer, NOW)
        heard |= {one.observed: one for one in log.changed_since(revision)}
    assert all_of(log) == sorted(one for one in heard.values() if one.observed_at >= NOW - KEPT_FOR)


@given(readings(), readings())
def test_it_is_the_same_after_a_restart(some: list[KeptReading], more: list[KeptReading]) -> None:
    log = filled(some)
    after = again(log)
    assert all_of(after) == all_of(log)
    assert after.differing_from(log) == []
    log.add(more, NOW)
    after.add(more, NOW)
    assert all_of(after) == all_of(log)


@given(st.integers(0, 40))
@settings(max_examples=20)
def test_it_is_bounded_in_number_and_age(days: int) -> None:
    every_half_minute = [
        KeptReading(SECOND - number * 30, None, 100.0) for number in range(KEPT_AT_MOST + 50)
    ]
    log = filled(every_half_minute)
    assert len(log) == KEPT_AT_MOST
    assert all_of(log)[-1].observed == SECOND
    log.add([KeptReading(SECOND + days * 86_400, None, 90.0)], NOW + timedelta(days=days))
    assert len(log) <= KEPT_AT_MOST
    oldest = all_of(log)[0].observed_at
    assert oldest >= NOW + timedelta(days=days) - KEPT_FOR


def test_a_clock_that_is_ahead_pushes_nothing_out() -> None:
    log = filled([KeptReading(SECOND + 86_400, SECOND, 90.0), KeptReading(SECOND, SECOND, 80.0)])
    assert [one.mg_dl for one in all_of(log)] == [80.0]
    # Nor one of ours that was ahead when it noted them.
    later = NOW + timedelta(days=2)
    log.add([KeptReading(int(later.timestamp()), None, 90.0)], later)
    log.set_threshold("low", 70, MG_DL, later)
    after = again(log)
    assert [one.mg_dl for one in all_of(after)] == [80.0]
    assert [one.since for one in after.thresholds] == [SECOND]


changes = st.lists(
    st.tuples(
        st.integers(0, 60 * 24 * 3),
        st.sampled_from(("low", "high")),
        st.sampled_from((None, 70.0, 3.9)),
    ),
    max_size=40,
)


@given(changes)
def test_thresholds_are_known_for_as_long_as_readings(
    drawn: list[tuple[int, str, float | None]],
) -> None:
    log, now = GlucoseLog(), NOW
    then: list[tuple[datetime, str, float | None]] = []
    for minutes, kind, value in drawn:
        now += timedelta(minutes=minutes)
        log.set_threshold(kind, value, MMOL_L if value == 3.9 else MG_DL, now)
        then.append((now, kind, value))
    for kept in (log, again(log, now)):
        for moment in [NOW, *(at for at, *_ in then)]:
            if moment < now - KEPT_FOR:
                continue
            for kind in ("low", "high"):
                was = [value for at, one, value in then if one == kind and at <= moment]
                found = [
                    one.value
                    for one in kept.thresholds
                    if one.kind == kind and one.since_at <= moment
                ]
                assert (found[-1] if found else None) == (was[-1] if was else None)
        assert len(kept.thresholds) <= 2 + sum(at > now - KEPT_FOR for at, *_ in then)


def test_a_threshold_is_another_if_its_value_or_its_unit_is() -> None:
    log = GlucoseLog()
    assert not log.set_threshold("low", None, MG_DL, NOW)
    assert log.set_threshold("low", 4, MG_DL, NOW)
    assert not log.set_threshold("low", 4, MG_DL, NOW)
    assert log.set_threshold("low", 4, MMOL_L, NOW)
    assert log.set_threshold("high", 4, MMOL_L, NOW)
    assert log.set_threshold("low", None, MMOL_L, NOW)
    assert log.changes == 4
    assert [(one.kind, one.value, one.unit) for one in log.thresholds] == [
        ("low", 4, MG_DL),
        ("low", 4, MMOL_L),
        ("high", 4, MMOL_L),
        ("low", None, MMOL_L),
    ]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_threshold_that_was_over_before_all_readings_is_forgotten(restarts: bool) -> None:
    log, second, day = GlucoseLog(), timedelta(seconds=1), timedelta(days=1)
    for kind, value, at in (
        ("low", 70, NOW),
        ("high", 200, NOW),
        ("low", 80, NOW + day),
        ("low", 75, NOW + day + second),
    ):
        log.set_threshold(kind, value, MG_DL, at)
    now = NOW + day + KEPT_FOR
    if restarts:
        log = again(log, now)
    else:
        log.set_threshold("high", 210, MG_DL, now)
    # That of the high was until now; of the low there was another as the oldest reading came.
    kept = [(one.kind, one.value) for one in log.thresholds]
    assert kept[:3] == [("high", 200), ("low", 80), ("low", 75)]


def test_thresholds_are_bounded_in_number() -> None:
    log = GlucoseLog()
    for number in range(3 * THRESHOLDS_KEPT):
        log.set_threshold("low", 60 + number % 7, MG_DL, NOW + timedelta(seconds=number))
    assert len(log.thresholds) == THRESHOLDS_KEPT


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        {"jill": None},
        {"jill": {"readings": []}},
        {"jill": {"readings": 5, "thresholds": []}},
        {"jill": {"readings": [["x", None, 1.0, None]], "thresholds": []}},
    ],
)
def test_what_is_no_log_at_all_is_refused(stored: Any) -> None:
    with pytest.raises((AttributeError, ValueError)):
        GlucoseLogs.from_dict(stored, NOW)


def test_a_house_without_readings_has_no_logs() -> None:
    assert GlucoseLogs.from_dict({}, NOW).to_dict() == {}


@pytest.mark.parametrize("damaged", [None, 5, {"readings": []}, {"readings": 5, "thresholds": []}])
def test_somebodys_log_that_makes_no_sense_costs_nobody_else_theirs(damaged: Any) -> None:
    logs = GlucoseLogs()
    logs.of("ben").set_threshold("low", 70, MG_DL, NOW)
    stored = {"jill": damaged} | logs.to_dict() | {"zoe": damaged}
    assert GlucoseLogs.from_dict(stored, NOW).to_dict() == logs.to_dict()


@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=5),
            max_leaves=8,
        ),
        max_size=5,
    )
)
def test_a_line_that_makes_no_sense_is_left_out(lines: list[Any]) -> None:
    good = [SECOND, SECOND, 100.0, "low"]
    log = GlucoseLog.from_dict({"readings": [good, *lines], "thresholds": lines}, NOW)
    assert KeptReading(SECOND, SECOND, 100.0, OutOfRange.LOW) in all_of(log)
    assert all(NOW - KEPT_FOR <= one.observed_at <= NOW + AHEAD for one in all_of(log))
    assert again(log).differing_from(log) == []


@pytest.mark.parametrize("far", [sign * 10**power for sign in (-1, 1) for power in range(12, 25)])
def test_a_time_that_is_none_is_left_out(far: int) -> None:
    good, line = [SECOND, None, 90.0, None], [far, None, 100.0, None]
    thresholds = [["low", 70, MG_DL, SECOND], ["low", 80, MG_DL, far]]
    log = GlucoseLog.from_dict({"readings": [line, good], "thresholds": thresholds}, NOW)
    assert [one.mg_dl for one in all_of(log)] == [90]
    assert [one.value for one in log.thresholds] == [70]


@pytest.mark.parametrize(
    "damaged", [["low", 70, "mg", SECOND], [5, 70, MG_DL, SECOND], ["low", 70, MG_DL]]
)
def test_a_threshold_that_makes_no_sense_is_left_out(damaged: list[Any]) -> None:
    good = ["low", 65, MG_DL, SECOND]
    log = GlucoseLog.from_dict({"readings": [], "thresholds": [damaged, good]}, NOW)
    assert [(one.kind, one.value) for one in log.thresholds] == [("low", 65)]


def test_what_is_written_of_a_reading() -> None:
    """Whoever reads it years from now, or before, finds it."""
    log = filled(
        [
            KeptReading(SECOND, None, 100.0),
            KeptReading(SECOND + 1, SECOND + 9, 90.0, OutOfRange.LOW, "phone"),
        ]
    )
    assert log.to_dict() == {
        "readings": [(SECOND, None, 100.0, None), (SECOND + 1, SECOND + 9, 90.0, "low", 0)],
        "senders": ["phone"],
        "thresholds": [],
    }
    assert [one.sender for one in all_of(again(log))] == ["", "phone"]


@pytest.mark.parametrize(
    ("mg_dl", "is_read"), [(0, False), (0.5, True), (1000, True), (1000.5, False), (-5, False)]
)
def test_what_nothing_measures_is_left_out(mg_dl: float, is_read: bool) -> None:
    lines = [[SECOND, None, 100.0, None], [SECOND + 1, None, mg_dl, None]]
    log = GlucoseLog.from_dict({"readings": lines, "thresholds": []}, NOW)
    assert len(log) == 1 + is_read


def test_whoever_is_forgotten_is() -> None:
    logs = GlucoseLogs()
    logs.of("jill").add([KeptReading(SECOND, SECOND, 100.0)], NOW)
    revision = logs.revision
    logs.forget("jill")
    assert logs.revision != revision
    assert logs.to_dict() == {}
    # Nor is what comes then what there was, however alike.
    logs.of("jill").add([KeptReading(SECOND, SECOND, 100.0)], NOW)
    revision, before = logs.revision, revision
    assert revision != before
    logs.forget("nobody")
    assert logs.revision == revision


@given(readings(), readings())
def test_the_hours_that_change_are_worked_out_anew(
    some: list[KeptReading], more: list[KeptReading]
) -> None:
    log = filled(some)
    revision = log.revision
    log.add(more, NOW)
    changed = {one.observed_at.replace(minute=0, second=0) for one in log.changed_since(revision)}
    found = log.hours_changed_since(revision, NOW)
    assert [one.start for one in found] == sorted(one for one in changed if one >= NOW - KEPT_FOR)
    for one in found:
        values = [other.mg_dl for other in log.between(one.start, one.start + timedelta(hours=1))]
        assert (one.lowest, one.highest) == (min(values), max(values))
        assert one.mean == pytest.approx(sum(values) / len(values))


@pytest.mark.parametrize(("later", "count"), [(0, 1), (1, 0)])
def test_an_hour_is_told_of_as_long_as_it_is_kept_as_a_whole(later: int, count: int) -> None:
    first = SECOND - int(KEPT_FOR.total_seconds())
    log = filled([KeptReading(first + MINUTE, None, 100.0)])
    assert len(log.hours_changed_since(0, NOW + timedelta(seconds=later))) == count
