"""A person's readings as they come in, and the rhythm they come in. Pure; time is an argument."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from ...alerts.glucose import Glucose, Trend
from .api import CBG, Data, Reading

NOW: Final = timedelta(minutes=15)
"""How old a reading may be and still speak of the present."""

HELD: Final = timedelta(hours=24)

AHEAD: Final = timedelta(minutes=10)
"""How far a device's clock may be ahead of ours: its readings are then taken as observed when they came."""

_TRENDS: Final = {
    "rapidRise": Trend.RISING_QUICKLY,
    "moderateRise": Trend.RISING,
    "slowRise": Trend.RISING_SLIGHTLY,
    "constant": Trend.STEADY,
    "slowFall": Trend.FALLING_SLIGHTLY,
    "moderateFall": Trend.FALLING,
    "rapidFall": Trend.FALLING_QUICKLY,
}
"""Tidepool's trends ("Glucose Trend"); of any other, nothing is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A reading, when it was observed, and when we first had it."""

    reading: Reading
    observed_at: datetime
    received_at: datetime

    def as_glucose(self) -> Glucose:
        """The same in the words all sources share."""
        return Glucose(
            observed_at=self.observed_at,
            value=self.reading.value,
            unit=self.reading.unit,
            trend=_TRENDS.get(self.reading.trend or ""),
            out_of_range=self.reading.out_of_range,
        )


type Device = tuple[str, str]
"""What readings come from: their kind (`cbg`, `smbg`) and its id."""


@dataclass(slots=True)
class Readings:
    """What is held of a person's readings: each once, whatever order they came in and however often.

    `covered_from`: how far back we asked; `heard_at`: when we last had an answer. A reading from the future is never taken, not even once its time has
    come: it would pass for a fresh one.
    """

    covered_from: datetime
    heard_at: datetime
    newest_loop: datetime | None = None
    _held: dict[Device, dict[datetime, Observed]] = field(default_factory=dict)
    _future: set[tuple[Device, datetime]] = field(default_factory=set)

    def add(self, data: Data, now: datetime) -> int:
        """Take up what was received at `now`; return how many readings are from the future."""
        self.heard_at = now
        for reading in data.readings:
            device = (reading.kind, reading.device)
            known = self._held.setdefault(device, {})
            if reading.time > now + AHEAD or (device, reading.time) in self._future:
                self._future.add((device, reading.time))
                continue
            before = known.get(reading.time)
            known[reading.time] = Observed(
                reading=reading,
                observed_at=before.observed_at if before else min(reading.time, now),
                received_at=before.received_at if before else now,
            )
        loops = [min(loop, now) for loop in data.loops if loop <= now + AHEAD]
        if self.newest_loop:
            loops.append(self.newest_loop)
        self.newest_loop = max(loops, default=None)
        return len(self._future)

    def forget_before(self, moment: datetime) -> None:
        """Let go of what is older."""
        for known in self._held.values():
            for time in [time for time, one in known.items() if one.observed_at < moment]:
                del known[time]
        self._held = {device: known for device, known in self._held.items() if known}
        self._future = {one for one in self._future if one[1] >= moment}
        self.covered_from = max(self.covered_from, moment)

    def by_device(self) -> dict[Device, list[Observed]]:
        """The readings of each device, in order. Two sensors at once are never mixed: one would break the other's runs."""
        return {
            device: sorted(known.values(), key=_observed_at)
            for device, known in self._held.items()
            if known
        }

    @property
    def newest(self) -> Observed | None:
        """The newest reading of all."""
        return _newest(one for known in self._held.values() for one in known.values())

    @property
    def heard_to(self) -> datetime | None:
        """The newest reading's time of a sensor: a finger prick says nothing of whether the sensor is heard."""
        newest = _newest(
            one for (kind, _), known in self._held.items() if kind == CBG for one in known.values()
        )
        return newest.observed_at if newest else None


def _observed_at(one: Observed) -> datetime:
    return one.observed_at


def _newest(some: Iterable[Observed]) -> Observed | None:
    return max(some, key=_observed_at, default=None)


def usual_delay(delays: Sequence[float]) -> timedelta | None:
    """The usual one of the seconds that readings needed to us; None if not known yet."""
    return timedelta(seconds=round(median(delays))) if len(delays) >= 3 else None
