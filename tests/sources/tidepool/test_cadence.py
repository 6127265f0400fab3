"""Cadence: when the next reading is asked for, when it is missing, and what is waited for before a delay is over."""

from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from hypothesis import (
    HealthCheck,
    example,
    given,
    settings as hypothesis_settings,
    strategies as st,
)
import pytest

from custom_components.care_alerts.sources.tidepool.cadence import (
    RAREST,
    SOON,
    SOON_FOR,
    UNKNOWN_FOR,
    PollCadence,
)
from custom_components.care_alerts.sources.tidepool.kind_evaluator import WANDERS

from .uploads import HOUR, MINUTE, SECOND, START, Uploader, Watched, low_settings

uploaders = st.builds(
    Uploader,
    every=st.integers(1, 30).map(lambda minutes: minutes * MINUTE),
    lag=st.integers(0, 90).map(lambda seconds: seconds * SECOND),
    jitter=st.lists(st.floats(0, 20), min_size=1, max_size=7),
    batch=st.none() | st.integers(2, 60).map(lambda minutes: minutes * MINUTE),
    youngest=st.sampled_from([timedelta(), 15 * MINUTE, 3 * HOUR]),
    phase=st.integers(0, 60).map(lambda minutes: minutes * MINUTE),
)
thorough = hypothesis_settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def watched(
    uploader: Uploader,
    values: list[float],
    *,
    delay: float = 10,
    after: timedelta = timedelta(),
) -> Watched:
    """A house that begins to follow somebody so long after the first of these readings."""
    return Watched(low_settings(delay), uploader.uploads(values, START), START + after)


@given(uploaders, st.integers(0, 240))
# Every upload is a minute older than the one before, until one has nothing at all.
@example(Uploader(every=19 * MINUTE, batch=18 * MINUTE), 180)
@thorough
def test_no_silence_is_told_that_was_none_and_a_real_one_is(uploader: Uploader, after: int) -> None:
    """Somebody new: whenever they are first heard of, and however they upload."""
    # Long enough for many batches, short where there are many readings.
    hours = (6 if uploader.every < 5 * MINUTE else 10) * HOUR + after * MINUTE
    values = [100.0] * (hours // uploader.every)
    house = watched(uploader, values, after=after * MINUTE + uploader.youngest)
    last_at = max(at for at, _ in house.uploads)
    house.until(last_at)
    assert house.silences == []
    assert house.told("no_communication") == []
    assert house.begin + 4 * HOUR < last_at

    house.begin = last_at
    house.until(last_at + 8 * HOUR)
    (silence,) = house.silences
    assert len(house.told("no_communication")) == 1
    # What is usual, one reading and a quarter more, and the seconds between two requests.
    usual = (uploader.batch or timedelta()) + 2 * uploader.every + uploader.youngest + 5 * MINUTE
    assert silence - house.uploads[-1][1].time <= 1.25 * usual + 15 * MINUTE + 1.5 * uploader.every


@given(uploaders, st.integers(0, 240))
@thorough
def test_a_silence_is_told_of_somebody_new_too(uploader: Uploader, after: int) -> None:
    """Whoever falls silent before anything is known of how they upload."""
    values = [100.0] * (1 + after * MINUTE // uploader.every)
    house = watched(uploader, values, after=after * MINUTE + uploader.youngest)
    house.until(house.begin + 10 * HOUR)
    assert len(house.silences) - len(house.recoveries) == 1
    last = max(at for at, _ in house.uploads)
    late = last - house.uploads[-1][1].time
    assert house.silences[-1] <= max(last, house.begin) + 3 * UNKNOWN_FOR + late


@st.composite
def nights(draw: st.DrawFn) -> tuple[Uploader, list[float], float]:
    """An uploader, six hours of their readings, and a delay, which is often a whole number of readings."""
    uploader = draw(uploaders)
    every = uploader.every // MINUTE
    delay = draw(st.sampled_from([0, every, 2 * every, 3 * every, 10, 15, 20]))
    values: list[float] = [100.0] * (2 * HOUR // uploader.every + 4)
    while len(values) * uploader.every < 6 * HOUR:
        values += [draw(st.sampled_from([50.0, 65.0]))] * draw(st.integers(1, 5))
        values += [100.0] * draw(st.integers(1, 6))
    return uploader, [*values, *[100.0] * (3 * HOUR // uploader.every)], min(delay, 120)


def lasted(house: Watched, threshold: float, delay: float) -> list[datetime]:
    """When what lasted for longer than a delay began: at or below the threshold until in range, or no longer now."""
    found, run = [], []
    for _, one in house.uploads:
        if one.value <= threshold:
            run.append(one.time)
        elif run:
            span = min(one.time, run[-1] + 15 * MINUTE) - run[0]
            if not delay or span > delay * MINUTE + WANDERS:
                found.append(run[0])
            run = []
    return found


@given(nights())
@example(
    (
        Uploader(every=30 * MINUTE, lag=0 * SECOND, batch=46 * MINUTE, phase=24 * MINUTE),
        [*[100.0] * 8, *[50.0] * 3, *[100.0] * 7],
        0,
    )
)
@thorough
def test_every_low_is_told_once(night: tuple[Uploader, list[float], float]) -> None:
    uploader, values, delay = night
    house = watched(uploader, values, delay=delay, after=HOUR + uploader.youngest)
    house.until(max(at for at, _ in house.uploads) + 6 * MINUTE)
    for kind, threshold, its_delay in (("urgent_low", 55, 0.0), ("low", 70, delay)):
        alerts = house.told(kind)
        # What was late and goes on is told once more, as news.
        again = [alert for alert in alerts if alert.details["repetition"]]
        late = [alert.details["started"] for alert in alerts if alert.late]
        assert all(not one.late and one.details["started"] in late for one in again)
        told = [
            datetime.fromisoformat(alert.details["started"])
            for alert in alerts
            if not alert.details["repetition"]
        ]
        # Each as it is found to have begun, never twice.
        truth = lasted(house, threshold, its_delay)
        assert len(set(told)) == len(told)
        assert set(truth) <= set(told)
        # A false alarm is better than a missed one: the next batch may show that it was over.
        if uploader.batch is None and not uploader.youngest:
            assert told == truth
    assert house.silences == []


@given(
    every=st.integers(1, 15),
    readings=st.integers(1, 6),
    lag=st.integers(0, 120),
    jitter=st.lists(st.floats(0, 20), min_size=1, max_size=5),
)
@thorough
def test_a_dip_as_long_as_the_delay_is_not_told(
    every: int, readings: int, lag: int, jitter: list[float]
) -> None:
    """The reading that ends it is waited for, while it is on its way; one reading more, and it is told."""
    for dip, told in ((readings, 0), (readings + 1, 1)):
        uploader = Uploader(every=every * MINUTE, lag=lag * SECOND, jitter=jitter)
        values = [*[100.0] * 40, *[65.0] * dip, *[100.0] * 5]
        house = watched(uploader, values, delay=every * readings, after=2 * every * MINUTE)
        house.until(house.uploads[-1][0] + MINUTE)
        assert len(house.told("low")) == told


def test_what_is_waited_for_and_does_not_come_keeps_nobody_waiting() -> None:
    """The sensor is lost in a low: it is told as soon as the reading that might end it has had its time."""
    uploader = Uploader(every=5 * MINUTE, lag=8 * SECOND)
    values = [*[100.0] * 30, 65.0, 65.0]
    house = watched(uploader, values, delay=10, after=HOUR)
    house.until(house.uploads[-1][0] + 20 * MINUTE)
    (alert,) = house.told("low")
    over = house.uploads[-1][1].time + 5 * MINUTE
    assert over < alert.received_at <= over + 90 * SECOND


@pytest.mark.parametrize("every", [1, 5, 15, 30])
@pytest.mark.parametrize("lag", [2, 20, 100])
def test_one_by_one_is_asked_for_little_more_than_once_each(every: int, lag: int) -> None:
    uploader = Uploader(every=every * MINUTE, lag=lag * SECOND, jitter=(0, 13, 7, 20, 3))
    house = watched(uploader, [100.0] * 300, after=3 * every * MINUTE)
    house.until(house.uploads[-1][0])
    learned = house.uploads[100:-1]
    waits = [
        (house.shown[one.time] - at).total_seconds()
        for at, one in learned
        if one.time in house.shown
    ]
    asked = [at for at in house.requests if at > learned[0][0]]
    assert len(waits) >= 0.9 * len(learned)
    assert median(waits) <= 20
    assert sorted(waits)[int(len(waits) * 0.95)] <= 40
    assert len(asked) <= 1.6 * len(learned)


@pytest.mark.parametrize(
    ("every", "batch", "youngest"), [(5, 20, 15), (1, 20, 0), (5, 60, 0), (5, 5, 180), (15, 45, 0)]
)
@pytest.mark.parametrize("in_pieces", [False, True])
def test_batches_are_asked_for_when_they_are_due(
    every: int, batch: int, youngest: int, in_pieces: bool
) -> None:
    uploader = Uploader(
        every=every * MINUTE,
        batch=batch * MINUTE,
        youngest=youngest * MINUTE,
        jitter=(0, 13, 7, 20, 3),
        in_pieces=in_pieces,
    )
    house = watched(
        uploader, [100.0] * (30 * HOUR // uploader.every), after=2 * HOUR + youngest * MINUTE
    )
    house.until(house.uploads[-1][0])
    begin = START + 20 * HOUR
    learned = [(at, one) for at, one in house.uploads if begin < at < house.uploads[-1][0] - HOUR]
    waits = [
        (house.shown[one.time] - at).total_seconds()
        for at, one in learned
        if one.time in house.shown
    ]
    batches = (learned[-1][0] - begin) / (batch * MINUTE)
    asked = [at for at in house.requests if begin < at < learned[-1][0]]
    assert len(waits) >= 0.9 * batches
    assert median(waits) <= 40
    assert len(asked) <= 3.5 * batches


def test_who_uploads_one_by_one_again_is_noticed() -> None:
    before = Uploader(every=5 * MINUTE, batch=HOUR).uploads([100.0] * 120, START)
    after = Uploader(every=5 * MINUTE).uploads([100.0] * 60, START + 600 * MINUTE)
    house = Watched(low_settings(10), [*before, *after], START + HOUR)
    house.until(after[-1][0])
    noticed = after[0][0] + HOUR
    waits = [(house.shown[one.time] - at).total_seconds() for at, one in after[:-1] if at > noticed]
    assert max(waits) <= 60


def test_every_half_minute_for_three_and_then_less_often_down_to_five() -> None:
    cadence = PollCadence()
    asked = [cadence.next_due(START, START)]
    while asked[-1] < START + timedelta(hours=4):
        asked.append(cadence.next_due(START, asked[-1]))
    # Once more just before they are called silent.
    silent_at = cadence.overdue_at(START)
    assert asked[-1] > silent_at
    assert min(abs(silent_at - SOON - moment) for moment in asked) < SECOND
    waits = [later - sooner for sooner, later in pairwise(asked) if later < silent_at - SOON]
    assert waits[: SOON_FOR // SOON] == [SOON] * (SOON_FOR // SOON)
    assert waits[6:] == sorted(waits[6:])
    assert waits[6] > SOON
    assert max(waits) == RAREST
    # From when its readings are no longer now.
    silent = [moment for moment in asked if moment > START + timedelta(minutes=15)]
    in_an_hour = [moment for moment in silent if moment <= silent[0] + timedelta(hours=1)]
    assert len(in_an_hour) <= 15


def test_somebody_without_readings_is_asked_for_every_five_minutes() -> None:
    assert PollCadence().next_due(None, START) == START + RAREST


def test_an_absence_of_ours_teaches_nothing() -> None:
    """Home Assistant was off, or Tidepool did not answer: what came meanwhile may have come any time."""
    cadence = PollCadence()
    now = START
    for _ in range(10):
        cadence.heard(now, now + 10 * SECOND)
        now = now + 5 * MINUTE
        cadence.next_due(cadence.newest, now)
    learned = PollCadence.from_dict(cadence.to_dict())
    cadence.heard(now + HOUR, now + HOUR + 10 * SECOND)
    assert (cadence.ages, cadence.lag) == (learned.ages, learned.lag)
    learned.not_after(now + HOUR)
    learned.heard(now + HOUR, now + HOUR + 10 * SECOND)
    assert (cadence.ages, cadence.lag) == (learned.ages, learned.lag)
