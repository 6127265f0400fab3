"""Coverage: for which time a reading stands, and so how much of a time is known of.

A reading stands until the next one, but no longer than its sensor takes from one to the next: what is missing is a gap.
How often a sensor reads is seen from its readings: they are a row of even steps, also where some are missing elsewhere,
or another's are between them that the source does not tell apart.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice, pairwise
from statistics import median
from typing import Final, NamedTuple

from .readings import HOUR, KeptReading

ROW: Final = 4
"""Readings in even steps that make a row. Ours: three are often chance where two sensors read, or some are missing."""

LONGEST_ROW: Final = 8
"""As many as are looked for. Ours: that is seen from it what `ALONE` asks for."""

ALONE: Final = 14
"""Steps of the closest row nearby: a row of larger steps that lasts as long with nothing between is another sensor's.

Ours: of one that reads twice as often, every other reading would have to be missing seven times.
"""

LONGEST_STEP: Final = 30 * 60
"""Seconds from one reading to the next: no sensor that we know of reads more rarely."""

USUAL_STEP: Final = 5 * 60
"""Seconds, where nothing shows how often a sensor reads: what most sensors do."""

UNEVEN: Final = 1 / 6
UNEVEN_SECONDS: Final = 15
"""How much a step may differ from the first of its row: ours, because sensors take a little longer or shorter each time."""

LATE: Final = 1.5
"""Steps: what comes within so many leaves no gap. Ours: half-way to where one reading is missing."""

NEARBY: Final = 12
"""Hours, before and after, in which rows say how often somebody's sensor reads. Ours: with half of its readings missing,
some are in a row."""


SAME: Final = USUAL_STEP / 2
"""Seconds within which a reading of another source is the same again. Ours: half of what most sensors take to the next."""


def of_one(sources: Sequence[Sequence[KeptReading]]) -> list[KeptReading]:
    """One person's readings (oldest first) of several sources as one: another's only where those before it have none."""
    found: list[KeptReading] = []
    for number, readings in enumerate(sources):
        times = [one.observed for one in found]
        missing = [
            # Senders are told apart by their source alone.
            one._replace(sender=f"{number} {one.sender}") if number else one
            for one in readings
            if bisect_left(times, one.observed - SAME) == bisect_right(times, one.observed + SAME)
        ]
        found = sorted(found + missing)
    return found


class Stretch(NamedTuple):
    """The time `start` <= t < `end` (seconds since 1970) for which a reading stands."""

    start: float
    end: float
    reading: KeptReading


def stretches(readings: Sequence[KeptReading]) -> list[Stretch]:
    """For which time each of somebody's readings stands; `readings` and stretches are oldest first, and no two overlap.

    Two sensors at once do not count twice: the newer reading stands. Where its sensor says no more, the other's does, for
    as long as it would have alone.
    """
    steps = [0.0] * len(readings)
    of_sender: dict[str, list[int]] = {}
    for place, one in enumerate(readings):
        of_sender.setdefault(one.sender, []).append(place)
    for places in of_sender.values():
        own = _steps([readings[place].observed for place in places])
        for place, step in zip(places, own, strict=True):
            steps[place] = step
    return list(_stretches(readings, steps))


def covered_share(
    readings: Sequence[KeptReading], times: Sequence[tuple[datetime, datetime]]
) -> float | None:
    """For how much of some times that do not overlap, oldest first, readings stand (0 to 1); None of no time at all.

    `readings` are oldest first, those from shortly before each time among them.
    """
    spans = [(begins.timestamp(), ends.timestamp()) for begins, ends in times]
    whole = sum(ends - begins for begins, ends in spans)
    if not whole:
        return None
    known = stretches(readings)
    covered = 0.0
    for begins, ends in spans:
        first = max(bisect_right(known, begins, key=_begins) - 1, 0)
        for one in islice(known, first, bisect_left(known, ends, key=_begins)):
            covered += max(0.0, min(one.end, ends) - max(one.start, begins))
    return covered / whole


def _begins(one: Stretch) -> float:
    return one.start


def _stretches(readings: Sequence[KeptReading], steps: Sequence[float]) -> Iterator[Stretch]:
    older: Stretch | None = None
    nexts = [*(one.observed for one in readings[1:]), float("inf")]
    for one, step, following in zip(readings, steps, nexts, strict=False):
        is_followed = following - one.observed <= step * LATE
        end = following if is_followed else one.observed + step
        yield Stretch(one.observed, end, one)
        if older and end < following and end < older.end:
            yield Stretch(end, min(older.end, following), older.reading)
        own = Stretch(one.observed, max(end, one.observed + step), one)
        if older is None or own.end >= older.end:
            older = own


def _steps(times: Sequence[int]) -> list[float]:
    """How long the sensor of each reading takes to the next, in seconds.

    As in the closest row nearby: of its own, some may be missing. Unless it is in one with nothing between that shows
    another sensor. Without any row, what there usually is from one reading to the next.
    """
    alone = [(0.0, 0.0)] * len(times)
    """The longest row with nothing between that a reading is in, and its step."""
    closest: dict[int, float] = {}
    """The step of the closest row of each hour."""
    for first in range(len(times)):
        if not (row := _closest_row(times, first)):
            continue
        step = (times[row[-1]] - times[first]) / (len(row) - 1)
        for place in row:
            hour = times[place] // HOUR
            closest[hour] = min(closest.get(hour, step), step)
        own = [place for count, place in enumerate(row) if place == first + count]
        if len(own) >= ROW:
            lasts = times[own[-1]] - times[first]
            for place in own:
                alone[place] = max(alone[place], (lasts, lasts / (len(own) - 1)))
    gaps = [later - sooner for sooner, later in pairwise(times)]
    usual = median(closest.values() or gaps) if gaps else USUAL_STEP
    if usual > LONGEST_STEP:
        usual = USUAL_STEP
    found: list[float] = []
    for moment, (long, step) in zip(times, alone, strict=True):
        hours = range(moment // HOUR - NEARBY, moment // HOUR + NEARBY + 1)
        near = min((closest[one] for one in hours if one in closest), default=usual)
        found.append(step if long >= ALONE * near else near)
    return found


def _closest_row(times: Sequence[int], first: int) -> list[int]:
    """The places of the closest row that begins with a reading; none if there is no row."""
    for second in range(first + 1, len(times)):
        if times[second] - times[first] > LONGEST_STEP:
            break
        if len(row := _row(times, first, second)) >= ROW:
            return row
    return []


def _row(times: Sequence[int], first: int, second: int) -> list[int]:
    """The places of what begins with two readings and goes on in even steps, as far as is looked for."""
    row = [first, second]
    step = times[second] - times[first]
    uneven = max(UNEVEN_SECONDS, step * UNEVEN)
    while len(row) < LONGEST_ROW:
        due = times[row[-1]] + step
        place = bisect_left(times, due - uneven, row[-1] + 1)
        near = range(place, bisect_right(times, due + uneven, place))
        if not near:
            break
        row.append(min(near, key=lambda one: abs(times[one] - due)))
    return row
