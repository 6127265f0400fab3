"""Glucose readings as they are kept for curves: each once, by when it was observed; and the thresholds there were.

They are kept beside what is judged, by nobody: a judge has its own, with all that its source says of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from statistics import fmean
from typing import Any, Final, NamedTuple, Self

from .glucose import MG_DL, MMOL_L, OutOfRange, converted
from .tolerant import read_each

KEPT_FOR: Final = timedelta(days=14)

KEPT_AT_MOST: Final = 14 * 24 * 60
"""Readings of a person: ours, one a minute for as long as they are kept. No sensor that we know of reads more often."""

THRESHOLDS_KEPT: Final = 100
"""Changes of a person's thresholds: ours, because nobody tries more values in two weeks than a curve can show."""

AHEAD: Final = timedelta(minutes=5)
"""So far in the future a reading may be, by a clock that is ahead; else it would push out all others."""

HOUR: Final = 3600
"""Seconds."""

_EPOCH: Final = datetime.fromtimestamp(0, UTC)

HIGHEST: Final = 1000.0
"""mg/dL: nothing measures more."""


class KeptReading(NamedTuple):
    """A reading: `observed` and `received` in seconds since 1970, the value in mg/dL.

    `received` is None of what there was before its person was followed: when that came says nothing. `sender`: whose it is,
    as its source tells them apart; empty where that does not.
    """

    observed: int
    received: int | None
    mg_dl: float
    out_of_range: OutOfRange | None = None
    sender: str = ""

    @classmethod
    def of(
        cls,
        observed_at: datetime,
        received_at: datetime | None,
        value: float,
        unit: str,
        out_of_range: OutOfRange | None,
        sender: str = "",
    ) -> Self:
        """A reading as a source has it. A hundredth of a mg/dL is less than any unit shows."""
        return cls(
            int(observed_at.timestamp()),
            None if received_at is None else int(received_at.timestamp()),
            round(converted(value, unit, MG_DL), 2),
            out_of_range,
            sender,
        )

    @property
    def observed_at(self) -> datetime:
        """When it was observed."""
        return datetime.fromtimestamp(self.observed, UTC)

    @property
    def received_at(self) -> datetime | None:
        """When it came; None of what there was before."""
        return None if self.received is None else datetime.fromtimestamp(self.received, UTC)

    def value_in(self, unit: str) -> float:
        """The value in a unit, as exact as it is kept."""
        return round(converted(self.mg_dl, MG_DL, unit), 2)

    def corrects(self, other: KeptReading) -> bool:
        """Whether it says something else of the same moment than one that came before, or with it: then the lower counts."""
        if self.mg_dl == other.mg_dl and self.out_of_range is other.out_of_range:
            return False
        return (self.received or 0, -self.mg_dl) > (other.received or 0, -other.mg_dl)


class KeptThreshold(NamedTuple):
    """What a threshold was from `since` on (seconds since 1970), in the unit it was set in; `value` None: there was none, or it was off."""

    kind: str
    value: float | None
    unit: str
    since: int

    @property
    def since_at(self) -> datetime:
        """From when on."""
        return datetime.fromtimestamp(self.since, UTC)


class GlucoseHour(NamedTuple):
    """The glucose of an hour (`start`: aware UTC, on the hour), in mg/dL."""

    start: datetime
    mean: float
    lowest: float
    highest: float


class GlucoseLog:
    """The readings and thresholds of one person, bounded in age and number."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._readings: dict[int, KeptReading] = {}
        """By when they were observed, in the order in which they came."""
        self._thresholds: list[KeptThreshold] = []
        self.revision = 0
        """How many readings have come, or were corrected."""
        self.changes = 0
        """How often anything of it has changed."""

    def __len__(self) -> int:
        """How many readings it holds."""
        return len(self._readings)

    def add(self, readings: Iterable[KeptReading], now: datetime) -> bool:
        """Take up what came, in whatever order and however often; False if nothing is new.

        Of one second there is one reading: what came later corrects what came before.
        """
        before = self.revision
        oldest, latest = self._bounds(now)
        for one in readings:
            known = self._readings.get(one.observed)
            if oldest <= one.observed <= latest and (known is None or one.corrects(known)):
                self._readings.pop(one.observed, None)
                self._readings[one.observed] = one
                self.revision += 1
        if self.revision == before:
            return False
        self._forget(now)
        self.changes += 1
        return True

    def _bounds(self, now: datetime) -> tuple[float, float]:
        """The first and the last second of which a reading may be kept."""
        oldest = (now - KEPT_FOR).timestamp()
        if len(self._readings) >= KEPT_AT_MOST:
            oldest = max(oldest, sorted(self._readings)[-KEPT_AT_MOST])
        return oldest, (now + AHEAD).timestamp()

    def _forget(self, now: datetime) -> None:
        oldest, latest = self._bounds(now)
        for observed in [one for one in self._readings if not oldest <= one <= latest]:
            del self._readings[observed]

    def at(self, moment: datetime) -> KeptReading | None:
        """The reading that was observed in a second; None without one."""
        return self._readings.get(int(moment.timestamp()))

    def between(self, start: datetime, end: datetime) -> list[KeptReading]:
        """The readings with `start` <= observed < `end`, oldest first."""
        since, until = start.timestamp(), end.timestamp()
        return sorted(one for one in self._readings.values() if since <= one.observed < until)

    def changed_since(self, revision: int) -> list[KeptReading]:
        """What has come, or was corrected, since there was a revision; oldest first."""
        return sorted(islice(reversed(self._readings.values()), self.revision - revision))

    def hours_changed_since(self, revision: int, now: datetime) -> list[GlucoseHour]:
        """The hours of which something has come, or was corrected, since there was a revision; only those kept as a whole."""
        wanted = {one.observed // HOUR for one in self.changed_since(revision)}
        values: dict[int, list[float]] = {}
        for one in self._readings.values():
            if one.observed // HOUR in wanted:
                values.setdefault(one.observed // HOUR, []).append(one.mg_dl)
        oldest = (now - KEPT_FOR).timestamp()
        return [
            GlucoseHour(
                datetime.fromtimestamp(hour * HOUR, UTC), fmean(of_it), min(of_it), max(of_it)
            )
            for hour, of_it in sorted(values.items())
            if hour * HOUR >= oldest
        ]

    def differing_from(self, other: GlucoseLog) -> list[KeptReading]:
        """The readings that another log of the same person does not have; oldest first."""
        return sorted(
            one for observed, one in self._readings.items() if other._readings.get(observed) != one
        )

    @property
    def newest(self) -> KeptReading | None:
        """The reading that was observed last."""
        return self._readings[max(self._readings)] if self._readings else None

    # Thresholds.

    def set_threshold(self, kind: str, value: float | None, unit: str, now: datetime) -> bool:
        """Take note of a threshold as it is now; False if it was that already. Of none there was ever one."""
        last = next((one for one in reversed(self._thresholds) if one.kind == kind), None)
        if (last.value if last else None) == value and (last is None or last.unit == unit):
            return False
        self._thresholds.append(KeptThreshold(kind, value, unit, int(now.timestamp())))
        self._forget_thresholds(now)
        self.changes += 1
        return True

    def _forget_thresholds(self, now: datetime) -> None:
        """Let go of what was over before the oldest reading that may be kept."""
        since = (now - KEPT_FOR).timestamp()
        over: set[KeptThreshold] = set()
        for kind in {one.kind for one in self._thresholds}:
            of_kind = [one for one in self._thresholds if one.kind == kind]
            over.update(sooner for sooner, later in pairwise(of_kind) if later.since <= since)
        kept = [one for one in self._thresholds if one not in over]
        self._thresholds = kept[-THRESHOLDS_KEPT:]

    @property
    def thresholds(self) -> list[KeptThreshold]:
        """The thresholds there were, oldest first: of each kind the last is the one that there is."""
        return list(self._thresholds)

    # Storing.

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON: each reading and threshold is an array; of a reading's sender it has the place among `senders`."""
        senders = dict.fromkeys(one.sender for one in self._readings.values() if one.sender)
        places = {sender: place for place, sender in enumerate(senders)}
        return {
            "readings": [
                (*one[:4], places[one.sender]) if one.sender else one[:4]
                for one in self._readings.values()
            ],
            "senders": list(senders),
            "thresholds": list(self._thresholds),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], now: datetime) -> Self:
        """Read what `to_dict` gave; what makes no sense is left out, and what a clock that was ahead has noted.

        Raises:
            AttributeError, LookupError, TypeError, ValueError: nothing of it does.

        """
        log = cls()
        senders = [sender for sender in stored.get("senders", ()) if isinstance(sender, str)]
        readings, unreadable = read_each(
            stored["readings"], lambda reading: _reading(reading, senders)
        )
        if unreadable and not readings:
            raise ValueError
        log.add(readings, now)
        thresholds, _ = read_each(stored["thresholds"], _threshold)
        latest = int(now.timestamp())
        log._thresholds = sorted(
            (one._replace(since=min(one.since, latest)) for one in thresholds),
            key=lambda one: one.since,
        )
        log._forget_thresholds(now)
        return log


class GlucoseLogs:
    """The logs of a source's people, by their ids."""

    def __init__(self) -> None:
        """Keep nothing of anybody."""
        self._logs: dict[str, GlucoseLog] = {}
        self._forgotten = 0

    def of(self, person_id: str) -> GlucoseLog:
        """Somebody's log."""
        return self._logs.setdefault(person_id, GlucoseLog())

    def forget(self, person_id: str) -> None:
        """Keep nothing of somebody."""
        if self._logs.pop(person_id, None):
            self._forgotten += 1

    @property
    def revision(self) -> tuple[int, int]:
        """Another one after each change."""
        return self._forgotten, sum(log.changes for log in self._logs.values())

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {person_id: log.to_dict() for person_id, log in self._logs.items()}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], now: datetime) -> Self:
        """Read what `to_dict` gave; somebody whose log makes no sense has none.

        Raises:
            AttributeError, ValueError: nobody's does.

        """
        logs = cls()
        read, unreadable = read_each(
            stored.items(), lambda one: (one[0], GlucoseLog.from_dict(one[1], now))
        )
        if unreadable and not read:
            raise ValueError
        logs._logs.update(read)
        return logs


def _reading(stored: Any, senders: Sequence[str]) -> KeptReading:
    observed, received, mg_dl, out_of_range, *sender = stored
    if not 0 < mg_dl <= HIGHEST:
        raise ValueError
    return KeptReading(
        _second(observed),
        None if received is None else _second(received),
        float(mg_dl),
        None if out_of_range is None else OutOfRange(out_of_range),
        # Which it was matters less than that it was.
        next((senders[one] for one in sender if one in range(len(senders))), ""),
    )


def _threshold(stored: Any) -> KeptThreshold:
    kind, value, unit, since = stored
    if unit not in (MG_DL, MMOL_L) or not isinstance(kind, str):
        raise ValueError
    return KeptThreshold(kind, None if value is None else float(value), unit, _second(since))


def _second(stored: Any) -> int:
    """A second, of those that there are dates for."""
    if type(stored) is not int:
        raise TypeError
    # Of what is too far away, `fromtimestamp` raises what the platform says, arithmetic an OverflowError.
    _EPOCH + timedelta(seconds=stored)
    return stored
