"""When to ask for somebody's next reading."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, strategies as st

from custom_components.care_alerts.providers.tidepool.cadence import (
    CADENCE,
    FEW_SECONDS,
    SOON,
    PollCadence,
)

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_the_next_request_is_due_a_few_seconds_after_the_next_reading_is() -> None:
    cadence = PollCadence()
    due = cadence.next_due(NOON, NOON + SECOND * 20)
    assert NOON + CADENCE < due <= NOON + CADENCE + SECOND * 20


def test_every_half_minute_for_three_and_then_less_often_down_to_five() -> None:
    cadence = PollCadence()
    asked = [cadence.next_due(NOON, NOON)]
    while asked[-1] < NOON + timedelta(hours=4):
        asked.append(cadence.next_due(NOON, asked[-1]))
    waits = [later - sooner for sooner, later in pairwise(asked)]
    assert waits[:6] == [SOON] * 6
    assert waits[6:] == sorted(waits[6:])
    assert waits[6] > SOON
    assert max(waits) == CADENCE
    # From when its readings are no longer now.
    silent = [moment for moment in asked if moment > NOON + timedelta(minutes=15)]
    in_an_hour = [moment for moment in silent if moment <= silent[0] + timedelta(hours=1)]
    assert len(in_an_hour) <= 15


def test_somebody_without_readings_is_asked_for_every_five_minutes() -> None:
    assert PollCadence().next_due(None, NOON) == NOON + CADENCE


def test_what_comes_hours_late_is_asked_for_every_five_minutes() -> None:
    assert PollCadence().next_due(NOON - timedelta(hours=3), NOON) == NOON + CADENCE


@given(st.floats(0, 100))
def test_the_cadence_learns_how_long_readings_take(upload_takes: float) -> None:
    """About one in four is asked for twice, and none is waited for much longer than it takes."""
    cadence = PollCadence()
    newest = NOON
    now = NOON + timedelta(seconds=upload_takes)
    requests, waited = 0, []
    for n in range(200):
        there = newest + CADENCE + timedelta(seconds=upload_takes)
        while True:
            now = cadence.next_due(newest, now)
            requests += n >= 100
            heard = newest + CADENCE if now >= there else newest
            cadence.heard(newest, heard)
            if heard != newest:
                break
        newest = heard
        if n >= 100:
            waited.append((now - there).total_seconds())
    assert requests <= 150
    assert sorted(waited)[50] <= 15
    assert max(waited) <= 40
    assert cadence.lag <= timedelta(seconds=upload_takes + 10)


def test_a_gap_teaches_nothing() -> None:
    cadence = PollCadence()
    before = cadence.lag
    for _ in range(5):
        cadence.heard(NOON, NOON)
    cadence.heard(NOON, NOON + timedelta(minutes=30))
    assert cadence.lag == before
    cadence.heard(None, NOON)
    assert cadence.lag == before
    cadence.heard(NOON, NOON + CADENCE)
    assert cadence.lag == before - SECOND * 2
    assert timedelta() < FEW_SECONDS
