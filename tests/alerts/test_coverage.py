"""For which time readings stand, against sensors of which it is known when they read."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from random import Random

from hypothesis import assume, given, strategies as st
import pytest

from custom_components.care_alerts.alerts.coverage import (
    LONGEST_STEP,
    SAME,
    USUAL_STEP,
    Stretch,
    covered_share,
    of_one,
    stretches,
)
from custom_components.care_alerts.alerts.readings import KeptReading

MINUTE = 60
HOUR = 3600
DAY = 24 * HOUR
BEGAN = 1_777_593_600
"""1 May 2026, midnight, in UTC."""


def readings(times: Sequence[int], mg_dl: float = 100) -> list[KeptReading]:
    """Readings so many seconds after it began."""
    return [KeptReading(BEGAN + one, None, mg_dl) for one in sorted(set(times))]


def sensor(step: int, start: int, end: int, *, uneven: int = 0, seed: int = 0) -> list[int]:
    """When a sensor reads, each time up to `uneven` seconds sooner or later."""
    random = Random(seed)  # noqa: S311 # no secret
    return [one + random.randint(-uneven, uneven) for one in range(start, end, step)]


def minutes(found: Sequence[Stretch]) -> float:
    """How long they are together."""
    return sum(one.end - one.start for one in found) / MINUTE


def known_of(*sensors: tuple[int, Sequence[int]]) -> float:
    """How many minutes one reading or another stands, second by second: by sensors that say how often they read."""
    seconds: set[int] = set()
    for step, times in sensors:
        for one in times:
            seconds.update(range(one, one + step))
    return len(seconds) / MINUTE


def no_two_overlap(found: Sequence[Stretch]) -> bool:
    """Whether they are in order, each for some time."""
    return all(one.start < one.end for one in found) and all(
        one.end <= other.start for one, other in pairwise(found)
    )


STEPS = st.sampled_from([MINUTE, 5 * MINUTE, 15 * MINUTE])


@given(
    step=STEPS,
    offset=st.integers(0, 15 * MINUTE),
    gaps=st.lists(st.tuples(st.integers(0, DAY), st.integers(HOUR // 2, 6 * HOUR)), max_size=4),
)
def test_a_sensor_with_gaps(step: int, offset: int, gaps: list[tuple[int, int]]) -> None:
    times = [
        one
        for one in sensor(step, offset, DAY)
        if not any(start <= one < start + length for start, length in gaps)
    ]
    found = stretches(readings(times))
    assert no_two_overlap(found)
    # What is left between two gaps may be too short to show how often the sensor reads.
    lone = (len(gaps) + 2) * 4 * 30 if len(times) < 30 * HOUR // step else 0
    assert abs(minutes(found) - known_of((step, times))) <= lone


@pytest.mark.parametrize("step", [1, 3, 5, 10, 15, 30])
@pytest.mark.parametrize("missing", [0, 0.1, 0.3, 0.5])
def test_what_is_missing_here_and_there_is_a_gap(step: int, missing: float) -> None:
    random = Random(step)  # noqa: S311 # no secret
    every = step * MINUTE
    times = [
        one
        for one in sensor(every, 0, 4 * DAY, uneven=every // 60, seed=step)
        if random.random() >= missing
    ]
    assert minutes(stretches(readings(times))) == pytest.approx(
        len(times) * step, rel=0.02 + missing**3 / 2
    )


@given(
    steps=st.tuples(STEPS, STEPS),
    offset=st.integers(1, 15 * MINUTE),
    times=st.lists(st.integers(0, DAY // 2), min_size=4, max_size=4),
)
def test_two_sensors_at_once_do_not_count_twice(
    steps: tuple[int, int], offset: int, times: list[int]
) -> None:
    """Whether the source tells them apart or not."""
    one = sensor(steps[0], min(times[:2]), max(times[:2]) + 3 * HOUR)
    other = sensor(steps[1], min(times[2:]) + offset, max(times[2:]) + 3 * HOUR)
    known = known_of((steps[0], one), (steps[1], other))
    found = stretches(readings([*one, *other]))
    assert no_two_overlap(found)
    # Where one of them begins or ends, its last readings may be taken for the other's: fewer than a row, or than `ALONE` says.
    assert abs(known - minutes(found)) <= 2 * max(14 * min(steps), 4 * max(steps)) / MINUTE
    # Of one second there is one reading.
    assume({*one}.isdisjoint(other))
    by_time = {each.observed: each._replace(sender="one") for each in readings(one)}
    by_time |= {each.observed: each._replace(sender="other") for each in readings(other)}
    told_apart = stretches(sorted(by_time.values()))
    assert no_two_overlap(told_apart)
    assert abs(known - minutes(told_apart)) <= 15


@pytest.mark.parametrize("offset", [1, 30, 60, 120, 150, 180, 240, 299])
def test_one_sensor_goes_on_when_the_other_is_over(offset: int) -> None:
    one, other = sensor(300, 0, 12 * HOUR), sensor(300, offset, 24 * HOUR)
    known = known_of((300, one), (300, other))
    assert minutes(stretches(readings([*one, *other]))) == pytest.approx(known, abs=5)


def test_three_sensors_that_read_within_half_a_minute_are_no_row_by_that() -> None:
    three = [one for offset in (0, 10, 31) for one in sensor(300, offset, DAY)]
    assert minutes(stretches(readings(three))) == pytest.approx(DAY / MINUTE, abs=5)


def test_the_newer_reading_stands_and_then_the_others() -> None:
    slow = [KeptReading(BEGAN + one, None, 100) for one in sensor(900, -4 * HOUR, 4 * HOUR)]
    fast = [KeptReading(BEGAN + one, None, 60) for one in sensor(60, 930, 960 + 5 * MINUTE)]
    found = stretches(sorted([*slow, *fast]))
    assert no_two_overlap(found)
    of_fast = [one for one in found if one.reading.mg_dl == 60]
    assert (of_fast[0].start, of_fast[-1].end) == (BEGAN + 930, BEGAN + 1290)
    # After the last of the fast one, the slow one's still stands.
    assert [(one.start, one.end) for one in found if one.start == BEGAN + 1290] == [
        (BEGAN + 1290, BEGAN + 1800)
    ]
    assert minutes(found) == 8 * 60


def test_of_two_that_say_no_more_at_the_same_time_the_newer_stands() -> None:
    """After the last of a third, which reads more often."""
    rows = {
        "rare": (900, 100, -4500, 1),
        "more": (500, 80, -1600, 401),
        "often": (60, 60, 230, 471),
    }
    found = stretches(
        sorted(
            KeptReading(BEGAN + at, None, mg_dl, sender=sender)
            for sender, (step, mg_dl, start, end) in rows.items()
            for at in range(start, end, step)
        )
    )
    assert no_two_overlap(found)
    [after] = [one for one in found if one.start == BEGAN + 530]
    assert (after.end, after.reading.mg_dl) == (BEGAN + 900, 80)


def test_two_that_say_no_more_at_the_same_time_end_together() -> None:
    slow = [KeptReading(BEGAN + one, None, 100, sender="slow") for one in sensor(900, -8100, 1)]
    fast = [KeptReading(BEGAN + one, None, 60, sender="fast") for one in sensor(100, 300, 801)]
    found = stretches(sorted([*slow, *fast]))
    assert no_two_overlap(found)
    assert (found[-1].end, found[-1].reading.mg_dl) == (BEGAN + 900, 60)


@pytest.mark.parametrize(
    ("row", "lone", "stands"),
    [
        # Twelve hours before, and after, a row says how often the sensor reads; else what is usual does.
        (0, 13 * HOUR - 1, 60),
        (0, 13 * HOUR, 300),
        (12 * HOUR, 0, 60),
        (13 * HOUR, HOUR - 1, 300),
    ],
)
def test_a_row_says_how_often_a_sensor_reads_half_a_day_around_it(
    row: int, lone: int, stands: float
) -> None:
    usual = sensor(300, 40 * HOUR, 44 * HOUR)
    found = stretches(readings([lone, *sensor(60, row, row + 5 * MINUTE), *usual]))
    [it] = [one for one in found if one.start == BEGAN + lone]
    assert it.end - it.start == stands


LONE = [hours * HOUR for hours in (5, 7, 9, 11)]
"""Readings that no other is near, in the half of a day after others."""


@pytest.mark.parametrize(
    ("times", "known"),
    [
        ([], 0),
        ([0], USUAL_STEP),
        ([0, 600], 1200),
        # The rarest that a sensor reads; what is rarer is no sensor's.
        ([0, LONGEST_STEP], 2 * LONGEST_STEP),
        ([0, LONGEST_STEP + 1], 2 * USUAL_STEP),
        # Somebody pricks a finger four times a day.
        ([0, 6 * HOUR, 12 * HOUR, 18 * HOUR], 4 * USUAL_STEP),
        # A reading that comes a little late leaves no gap; one that is missing does.
        ([0, 300, 600, 900, 1350], 1350 + 300),
        ([0, 300, 600, 900, 1351], 1200 + 300),
        # One that is missing in a long row.
        ([one for one in range(0, 2 * HOUR, 300) if one != HOUR], 23 * 300),
        # A row says how long those stand that are by themselves, also if it is a sixth uneven or 15 seconds,
        ([0, 600, 1290, 1800, *LONE], (4 + 4) * 600),
        ([0, 600, 1301, 1800, *LONE], (4 + 4) * USUAL_STEP),
        ([0, 60, 133, 180, *LONE], (4 + 4) * 60),
        # whatever is between, if it is further from where the next one is due,
        ([0, 600, 1120, 1200, 1830, *LONE], (4 + 4) * 610),
        # and if it is of the rarest that a sensor reads, but not of what is rarer.
        ([0, 1800, 3600, 5400, *LONE], (4 + 4) * 1800),
        ([0, 1801, 3602, 5403, *LONE], (4 + 4) * USUAL_STEP),
        # Another sensor, which reads more rarely: by a row of four, and if it is as long as fourteen steps.
        ([*range(0, 3600, 900), *range(6 * HOUR, 7 * HOUR, 60)], 4 * 900 + HOUR),
        ([*range(0, 2700, 900), *range(6 * HOUR, 7 * HOUR, 60)], 3 * 60 + HOUR),
        ([*range(0, 2400, 120), *range(6 * HOUR, 7 * HOUR, 60)], 20 * 120 + HOUR),
        ([*range(0, 2160, 108), *range(6 * HOUR, 7 * HOUR, 60)], 20 * 60 + HOUR),
        # The same readings by two phones, some seconds apart.
        ([*range(0, 3000, 300), *range(3, 3000, 300)], 3002),
    ],
)
def test_few(times: list[int], known: float) -> None:
    found = stretches(readings(times))
    assert no_two_overlap(found)
    assert minutes(found) * MINUTE == pytest.approx(known)


def test_a_sensor_that_reads_more_rarely_than_the_one_before() -> None:
    times = [*sensor(300, 0, 12 * HOUR), *sensor(900, 12 * HOUR, 24 * HOUR)]
    assert minutes(stretches(readings(times))) == 24 * 60


def test_two_weeks_of_a_reading_a_minute_are_no_long_work() -> None:
    """Half of them missing: then rows are looked for the longest."""
    random = Random(1)  # noqa: S311 # no secret
    times = [one for one in range(0, 14 * DAY, MINUTE) if random.random() < 0.5]
    assert minutes(stretches(readings(times))) == pytest.approx(len(times), rel=0.05)


# How much of some times is known


@pytest.mark.parametrize(
    ("times", "share"),
    [
        ([], None),
        ([(10, 10)], None),
        ([(0, 60)], 1),
        # Within a reading's time, over the end of one, before and after all.
        ([(2, 3)], 1),
        ([(3, 7)], 1),
        ([(-60, 0)], 0),
        ([(60, 90)], 0),
        ([(-30, 30)], 0.5),
        ([(-2, 2)], 0.5),
        ([(58, 62)], 0.5),
        ([(-60, 180)], 0.25),
        # Of several together, the longer counts more.
        ([(0, 10), (20, 30)], 1),
        ([(0, 10), (60, 90)], 0.25),
        ([(-10, 0), (10, 40), (55, 65)], 0.7),
        ([(5, 5), (50, 60), (70, 80)], 0.5),
    ],
)
def test_of_how_much_of_some_times_something_is_known(
    times: list[tuple[float, float]], share: float | None
) -> None:
    """A sensor reads for an hour."""

    def at(minute: float) -> datetime:
        return datetime.fromtimestamp(BEGAN + minute * MINUTE, UTC)

    moments = [(at(begins), at(ends)) for begins, ends in times]
    found = covered_share(readings(sensor(300, 0, HOUR)), moments)
    assert found == (None if share is None else pytest.approx(share))
    assert covered_share([], moments) == (None if share is None else 0)


# One person's readings of several sources


ROWS = st.lists(st.integers(0, 6 * HOUR), max_size=40).map(readings)


@given(ROWS, ROWS)
def test_of_one_person_another_source_has_only_what_the_first_has_not(
    first: list[KeptReading], other: list[KeptReading]
) -> None:
    found = of_one([first, other])
    assert found == sorted(found)
    assert [one for one in found if not one.sender] == first

    def is_known(one: KeptReading) -> bool:
        return any(abs(one.observed - known.observed) <= SAME for known in first)

    added = [one.observed for one in found if one.sender]
    assert added == [one.observed for one in other if not is_known(one)]
    assert of_one([first, first]) == of_one([first, []]) == of_one([first]) == first
    assert of_one([]) == []


def test_the_same_sensor_in_two_sources_is_counted_once_and_its_gaps_are_filled() -> None:
    """Live, with a gap of two hours; and all of it hours late, some seconds apart."""
    times = sensor(USUAL_STEP, 0, 6 * HOUR)
    live = readings([one for one in times if not 2 * HOUR <= one < 4 * HOUR])
    late = readings([one + 20 for one in times], mg_dl=101)
    found = of_one([live, late])
    assert len(found) == len(times)
    assert minutes(stretches(found)) == pytest.approx(6 * 60, abs=1)
    assert no_two_overlap(stretches(found))


@pytest.mark.parametrize(("apart", "count"), [(SAME, 1), (SAME + 1, 2)])
def test_what_is_the_same_reading_again(apart: float, count: int) -> None:
    for one in (apart, -apart):
        assert len(of_one([readings([HOUR]), readings([int(HOUR + one)])])) == count
