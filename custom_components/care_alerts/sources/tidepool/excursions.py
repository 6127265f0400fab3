"""Excursions: readings out of range with none in range between. Pure; time is an argument.

Vendor: "at or below", "at or above". A false alarm is better than a missed one: a value counts as it is and as it is
shown, a LOW counts whatever the threshold, each device is judged by itself and what any of them says counts.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ...alerts.glucose import OutOfRange
from .readings import NOW, Observed, Readings
from .units import converted, rounded

SILENCE: Final = timedelta(hours=1)
"""Without a reading for so long, what was said before is not believed any more, and what comes after is told anew."""

JUST_AFTER: Final = timedelta.resolution

OVER_AFTER: Final = NOW + JUST_AFTER
"""A device that falls silent speaks of the present for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excursion:
    """Readings out of range with none in range between.

    `lasting_since`: the same as `first`, but for a run that only silence parts from the one before.
    `over_at`: when it was over: at the reading that broke it (`broken`), or when its newest no longer spoke of the present.
    `cut`: it begins with the oldest reading held, and may have begun before.
    """

    readings: tuple[Observed, ...]
    lasting_since: datetime
    over_at: datetime
    broken: bool
    open: bool
    cut: bool

    @property
    def first(self) -> datetime:
        """Its oldest reading."""
        return self.readings[0].observed_at

    @property
    def last(self) -> datetime:
        """Its newest reading."""
        return self.readings[-1].observed_at

    def with_(self, other: Excursion) -> Excursion:
        """Both as one: two devices speak of the same."""
        newest = max(self, other, key=lambda run: run.over_at)
        return Excursion(
            readings=tuple(
                sorted((*self.readings, *other.readings), key=lambda one: one.observed_at)
            ),
            lasting_since=min(self.lasting_since, other.lasting_since),
            over_at=newest.over_at,
            broken=newest.broken,
            open=self.open or other.open,
            cut=min(self, other, key=lambda run: run.first).cut,
        )


def is_out(kind: str, one: Observed, threshold: float, unit: str) -> bool:
    """Whether a reading is at or beyond the threshold."""
    reading = one.reading
    if reading.out_of_range:
        return (kind == "high") is (reading.out_of_range is OutOfRange.HIGH)
    value = converted(reading.value, reading.unit, unit)
    shown = rounded(value, unit)
    if kind == "high":
        return max(value, shown) >= threshold
    return min(value, shown) <= threshold


def excursions_of(
    readings: Readings,
    now: datetime,
    out: Callable[[Observed], bool],
    believed_for: timedelta = SILENCE,
) -> list[Excursion]:
    """The runs in the readings of all devices, oldest first; those of several devices at the same time are one.

    A run is open while its device's newest reading belongs to it and is worth showing, and no other device has gone
    on without it. `believed_for`: how long the newest reading of all is worth showing.
    """
    newest = readings.newest
    if newest is None:
        return []
    current = newest.observed_at - NOW if now < newest.observed_at + believed_for else now
    merged: list[Excursion] = []
    for run in sorted(
        (
            run
            for device in readings.by_device().values()
            for run in _runs_of_device(device, out, readings.covered_from + SILENCE, current)
        ),
        key=lambda run: run.first,
    ):
        if merged and run.first < merged[-1].over_at:
            merged[-1] = merged[-1].with_(run)
        else:
            merged.append(run)
    return merged


def _runs_of_device(
    readings: list[Observed],
    out: Callable[[Observed], bool],
    whole_from: datetime,
    current: datetime,
) -> Iterable[Excursion]:
    run: list[Observed] = []
    lasting_since: datetime | None = None

    def ended(over_at: datetime, *, broken: bool = False, is_open: bool = False) -> Excursion:
        return Excursion(
            readings=tuple(run),
            lasting_since=lasting_since or run[0].observed_at,
            over_at=over_at,
            broken=broken,
            open=is_open,
            cut=run[0] is readings[0] and run[0].observed_at < whole_from,
        )

    for one in readings:
        if run and one.observed_at - run[-1].observed_at >= SILENCE:
            yield ended(run[-1].observed_at + OVER_AFTER)
            lasting_since = lasting_since or run[0].observed_at
            run = []
        if out(one):
            run.append(one)
        else:
            if run:
                yield ended(one.observed_at, broken=True)
            run, lasting_since = [], None
    if run:
        last = run[-1].observed_at
        yield ended(last + OVER_AFTER, is_open=last >= current)
