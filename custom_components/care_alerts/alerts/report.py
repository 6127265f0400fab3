"""The report of a person: what there was in a time, who answered, and how their glucose was, as far as data cover it.

It counts and says nothing of what that means. Every share is one of the time that data cover (`GlucoseTime`), and so
never without how much that is.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Final, Self

from .acknowledgement import Acknowledgement
from .alert import Alert, AlertState
from .coverage import Stretch, stretches
from .glucose import MG_DL, OutOfRange, converted, is_beyond, rounded
from .joining import Joined, Witness
from .nights import nights_between
from .readings import KeptReading, KeptThreshold
from .response_log import Episode

QUARTER: Final = 900
"""Seconds: the clock of every zone is set by whole quarters of an hour, so that each is of one hour of the day."""

LOW: Final = "low"
HIGH: Final = "high"


class Band(StrEnum):
    """The ranges that doctors compare: international consensus on time in range, Diabetes Care 2019;42(8):1593-1603."""

    VERY_LOW = "very_low"
    LOW = "low"
    IN_RANGE = "in_range"
    HIGH = "high"
    VERY_HIGH = "very_high"


BAND_LIMITS: Final = {Band.VERY_LOW: 54, Band.LOW: 70, Band.HIGH: 180, Band.VERY_HIGH: 250}
"""Whole mg/dL, as people read them: below 54, below 70, above 180, above 250."""

BELOW: Final = (Band.VERY_LOW, Band.LOW)
ABOVE: Final = (Band.HIGH, Band.VERY_HIGH)


def band_of(reading: KeptReading) -> Band:
    """The band of a reading, by its value as people read it: so it is the same in both units."""
    mg_dl = rounded(reading.mg_dl, MG_DL)
    if reading.out_of_range is OutOfRange.LOW or mg_dl < BAND_LIMITS[Band.VERY_LOW]:
        return Band.VERY_LOW
    if reading.out_of_range is OutOfRange.HIGH or mg_dl > BAND_LIMITS[Band.VERY_HIGH]:
        return Band.VERY_HIGH
    if mg_dl < BAND_LIMITS[Band.LOW]:
        return Band.LOW
    return Band.HIGH if mg_dl > BAND_LIMITS[Band.HIGH] else Band.IN_RANGE


def percent(share: float, digits: int) -> float:
    """A share (0 to 1) in percent, rounded; only none of it is 0, and only all of it is 100."""
    # Of minutes that add up to the whole, the sum may be a hair beside it.
    share = round(share, 9)
    if share in (0, 1):
        return 100 * share
    least = 10.0**-digits
    return round(min(max(100 * share, least), 100 - least), digits)


@dataclass(slots=True)
class GlucoseTime:
    """How many minutes a time has, for how many of them a reading stands, and of these where glucose was."""

    minutes: float = 0
    covered: float = 0
    below: float = 0
    above: float = 0
    bands: dict[Band, float] = field(default_factory=lambda: dict.fromkeys(Band, 0.0))

    def add(self, other: GlucoseTime) -> None:
        """Take up another time."""
        self.minutes += other.minutes
        self.covered += other.covered
        self.below += other.below
        self.above += other.above
        for band, minutes in other.bands.items():
            self.bands[band] += minutes

    @classmethod
    def of(cls, times: Iterable[GlucoseTime]) -> Self:
        """All of these as one."""
        total = cls()
        for one in times:
            total.add(one)
        return total

    @property
    def coverage(self) -> float | None:
        """The share of the time that data cover (0 to 1); None of no time."""
        return self.covered / self.minutes if self.minutes else None

    def share(self, minutes: float) -> float | None:
        """What share of the time that data cover some minutes of it are (0 to 1); None where no data are."""
        return minutes / self.covered if self.covered else None


class Limits:
    """What counts as below and above at a time: somebody's own thresholds as they were, and bands where there were none.

    Own ones (`low`, `high`) are kept from when they were first read: before that, the first one counts. At or beyond
    them counts, as for alerts.
    """

    def __init__(self, thresholds: Iterable[KeptThreshold]) -> None:
        """Take thresholds, oldest first."""
        self._of_kind: dict[str, list[KeptThreshold]] = {LOW: [], HIGH: []}
        for one in thresholds:
            if one.kind in self._of_kind:
                self._of_kind[one.kind].append(one)

    def own(self, kind: str, moment: float) -> KeptThreshold | None:
        """Somebody's own threshold at a moment (seconds since 1970); None where there was none, or it was off."""
        of_kind = self._of_kind[kind]
        last = of_kind[0] if of_kind else None
        for one in of_kind:
            if one.since <= moment:
                last = one
        return last if last and last.value is not None else None

    def in_force(self, kind: str, start: float, end: float) -> list[KeptThreshold | None]:
        """Those that counted at some time with `start` <= time < `end`, oldest first; None is the band."""
        since = [one.since for one in self._of_kind[kind] if start < one.since < end]
        found = [self.own(kind, moment) for moment in (start, *since)]
        return [one for place, one in enumerate(found) if one not in found[:place]]

    def counts(self, kind: str, reading: KeptReading) -> bool:
        """Whether a reading is below, or above."""
        own = self.own(kind, reading.observed)
        if own is None or own.value is None:
            return band_of(reading) in (BELOW if kind == LOW else ABOVE)
        value = converted(reading.mg_dl, MG_DL, own.unit)
        return is_beyond(kind, own.value, value, own.unit, reading.out_of_range)


@dataclass(frozen=True, slots=True)
class HourOfDay:
    """An hour of the day by the house's clock, over all days; on how many of them glucose was below in it."""

    hour: int
    time: GlucoseTime
    days_below: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GlucoseReport:
    """How glucose was. `lowest`, `highest`: the first such reading, one that is out of range before its number; None without any."""

    time: GlucoseTime
    readings: int
    lowest: KeptReading | None
    highest: KeptReading | None
    below: Sequence[KeptThreshold | None]
    above: Sequence[KeptThreshold | None]
    """What counted as below and above: own thresholds, oldest first, None for the band."""
    hours: Sequence[HourOfDay]


class Outcome(StrEnum):
    """What became of an episode."""

    ANSWERED = "answered"  # somebody had it before it was over
    UNANSWERED = "unanswered"  # nobody had it before it was over
    OPEN = "open"  # nobody has it yet
    OVER_BEFORE_TOLD = "over_before_told"  # it came late: nobody could have answered in time
    NOT_TOLD = "not_told"  # from before the person was followed


@dataclass(frozen=True, slots=True)
class EpisodeReport:
    """An episode as the house has it, when that was told of it, and who was the first to answer, also if that was after its end.

    `witnesses`: what each source has of it, those heard of first before others.
    """

    episode: Episode
    witnesses: Sequence[Witness]
    told_at: datetime | None
    answer: Acknowledgement | None
    outcome: Outcome

    @classmethod
    def of(cls, one: Joined) -> Self:
        """What became of an episode."""
        episode, told_at = one.episode, one.told_at
        ended_at, answer = episode.ended_at, episode.answer
        if told_at is None:
            outcome = Outcome.NOT_TOLD
        elif ended_at and told_at >= ended_at:
            outcome = Outcome.OVER_BEFORE_TOLD
        elif answer and (ended_at is None or answer.at < ended_at):
            outcome = Outcome.ANSWERED
        else:
            outcome = Outcome.UNANSWERED if ended_at else Outcome.OPEN
        return cls(episode, one.witnesses, told_at, answer, outcome)

    @property
    def answered_after(self) -> timedelta | None:
        """How long after the house was told somebody answered; None if nobody did, or nobody was told."""
        if self.told_at is None or self.answer is None:
            return None
        return max(self.answer.at - self.told_at, timedelta())


@dataclass(frozen=True, slots=True, kw_only=True)
class NightReport:
    """A night: how many alerts were observed in it, and how much of its glucose is known.

    `is_whole`: none of it is outside the report. `alerts` is None where nobody looked for any yet.
    """

    start: datetime
    end: datetime
    is_whole: bool
    alerts: int | None
    time: GlucoseTime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What there was of a person with `start` <= time < `end`; no `glucose` of whom there never is any."""

    start: datetime
    end: datetime
    glucose: GlucoseReport | None
    episodes: Sequence[EpisodeReport]
    alerts: int
    nights: Sequence[NightReport]

    @property
    def whole_nights(self) -> Sequence[int]:
        """How many alerts each whole night had in which somebody looked for them."""
        return [one.alerts for one in self.nights if one.is_whole and one.alerts is not None]

    @property
    def alerts_per_night(self) -> float | None:
        """The mean of whole nights; None without any."""
        whole = self.whole_nights
        return sum(whole) / len(whole) if whole else None

    def count(self, outcome: Outcome) -> int:
        """How many episodes came to this."""
        return sum(one.outcome is outcome for one in self.episodes)

    @property
    def unanswered(self) -> float | None:
        """The share (0 to 1) of episodes that nobody had until they were over, of those that somebody could have; None of none."""
        unanswered = self.count(Outcome.UNANSWERED)
        of_all = unanswered + self.count(Outcome.ANSWERED)
        return unanswered / of_all if of_all else None


def report_of(
    *,
    start: datetime,
    end: datetime,
    zone: tzinfo,
    episodes: Iterable[Joined],
    alerts: Mapping[Hashable, Sequence[Alert]],
    readings: Sequence[KeptReading] | None,
    thresholds: Iterable[KeptThreshold] = (),
    alerts_from: datetime | None = None,
) -> Report:
    """The report of a person, of `start` <= time < `end` (aware UTC); what was tried out (drills) is not in it.

    `alerts`: of each `Witness.kind` in order, those that count; of what several sources have told, those of the one that has
    told most of it. `readings`: oldest first, also some from before and after, by which
    it is seen how often a sensor reads and what was known at the start; None of whom there never are any. `alerts_from`: of
    what was before, nobody looked for alerts; None where there are all.
    """
    here = [
        one for one in episodes if not one.episode.topic.drill and _is_in(one.episode, start, end)
    ]
    here.sort(key=lambda one: (one.episode.opened.observed_at, one.episode.topic))
    times = sorted(_alert_times(here, alerts, start, end))
    quarters: dict[int, GlucoseTime] | None = None
    glucose = None
    if readings is not None:
        limits = Limits(thresholds)
        quarters = _quarters(stretches(readings), limits, start.timestamp(), end.timestamp())
        glucose = _glucose(readings, limits, quarters, start, end, zone)
    return Report(
        start=start,
        end=end,
        glucose=glucose,
        episodes=[EpisodeReport.of(one) for one in here],
        alerts=len(times),
        nights=[
            NightReport(
                start=begins,
                end=ends,
                is_whole=start <= begins and ends <= end,
                alerts=None
                if alerts_from and begins < alerts_from
                else sum(begins <= one < ends for one in times),
                time=None if quarters is None else _between(quarters, begins, ends),
            )
            for begins, ends in nights_between(start, end, zone)
        ],
    )


def _is_in(episode: Episode, start: datetime, end: datetime) -> bool:
    opened = episode.opened.observed_at
    if opened >= end:
        return False
    return opened >= start or episode.ended_at is None or episode.ended_at > start


def _alert_times(
    episodes: Iterable[Joined],
    alerts: Mapping[Hashable, Sequence[Alert]],
    start: datetime,
    end: datetime,
) -> Iterator[datetime]:
    for episode in episodes:
        told: defaultdict[Hashable, list[datetime]] = defaultdict(list)
        for one in episode.witnesses:
            told[one.source] += [
                alert.observed_at
                for alert in one.episode.span.its_own(alerts.get(one.kind, ()))
                if start <= alert.observed_at < end and alert.state is not AlertState.ENDED
            ]
        yield from max(told.values(), key=len)


def _glucose(
    readings: Iterable[KeptReading],
    limits: Limits,
    quarters: Mapping[int, GlucoseTime],
    start: datetime,
    end: datetime,
    zone: tzinfo,
) -> GlucoseReport:
    since, until = start.timestamp(), end.timestamp()
    here = [one for one in readings if since <= one.observed < until]
    return GlucoseReport(
        time=GlucoseTime.of(quarters.values()),
        readings=len(here),
        lowest=_first(here, OutOfRange.LOW, lambda one: one.mg_dl),
        highest=_first(here, OutOfRange.HIGH, lambda one: -one.mg_dl),
        below=limits.in_force(LOW, since, until),
        above=limits.in_force(HIGH, since, until),
        hours=_hours(quarters, zone),
    )


def _first(
    readings: Iterable[KeptReading], beyond: OutOfRange, value: Callable[[KeptReading], float]
) -> KeptReading | None:
    """The reading of the least `value`, the first of several; one `beyond` what a sensor measures is beyond its number."""
    return min(
        readings,
        key=lambda one: (value(one), one.out_of_range is not beyond, one.observed),
        default=None,
    )


def _quarters(
    known: Iterable[Stretch], limits: Limits, start: float, end: float
) -> dict[int, GlucoseTime]:
    """The time of each quarter of an hour (by its number since 1970) with `start` <= time < `end`."""
    found = {quarter: GlucoseTime(minutes=minutes) for quarter, minutes in _parts(start, end)}
    for one in known:
        band = band_of(one.reading)
        is_below, is_above = limits.counts(LOW, one.reading), limits.counts(HIGH, one.reading)
        for quarter, minutes in _parts(max(one.start, start), min(one.end, end)):
            time = found[quarter]
            time.covered += minutes
            time.bands[band] += minutes
            time.below += minutes * is_below
            time.above += minutes * is_above
    return found


def _parts(start: float, end: float) -> Iterator[tuple[int, float]]:
    """The quarters of an hour that a time is in, each with its minutes there."""
    while start < end:
        quarter = int(start // QUARTER)
        until = min(end, (quarter + 1) * QUARTER)
        yield quarter, (until - start) / 60
        start = until


def _between(quarters: Mapping[int, GlucoseTime], start: datetime, end: datetime) -> GlucoseTime:
    """The time of all quarters from one that begins at `start` to one that ends at `end`, as far as they are there."""
    first, last = (int(one.timestamp() // QUARTER) for one in (start, end))
    return GlucoseTime.of(quarters[one] for one in range(first, last) if one in quarters)


def _hours(quarters: Mapping[int, GlucoseTime], zone: tzinfo) -> list[HourOfDay]:
    times: dict[int, GlucoseTime] = defaultdict(GlucoseTime)
    below: dict[int, set[date]] = defaultdict(set)
    for quarter, time in quarters.items():
        local = datetime.fromtimestamp(quarter * QUARTER, UTC).astimezone(zone)
        times[local.hour].add(time)
        if time.below:
            below[local.hour].add(local.date())
    return [HourOfDay(hour, times[hour], len(below[hour])) for hour in range(24)]
