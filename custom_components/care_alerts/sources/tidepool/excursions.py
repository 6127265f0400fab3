"""Excursions: readings out of range with none in range between. Pure; time is an argument.

Vendor: "at or below", "at or above". A false alarm is better than a missed one: a value counts as it is
and as it is shown, a LOW counts whatever the threshold, each device is evaluated by itself and what any of
them says counts.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from ...alerts.glucose import converted, is_beyond
from .readings import NOW, Observed, Readings

SILENCE: Final = timedelta(hours=1)
"""After so long without a reading the last one is not believed any more, and what comes next is news."""

JUST_AFTER: Final = timedelta.resolution

OVER_AFTER: Final = NOW + JUST_AFTER
"""How long the last reading of a device that falls silent speaks of the present."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excursion:
    """Readings out of range with none in range between.

    `lasting_since`: as `first`; where only silence parts it from the excursion before, as that one's.
    `over_at`: the time of the reading that ended it (`broken`), or when its newest no longer spoke of the
    present.
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
        """When its oldest reading was observed."""
        return self.readings[0].observed_at

    @property
    def last(self) -> datetime:
        """When its newest reading was observed."""
        return self.readings[-1].observed_at

    def joined_with(self, other: Excursion) -> Excursion:
        """Both as one: two devices show the same."""
        readings = sorted((*self.readings, *other.readings), key=lambda one: one.observed_at)
        return replace(
            max(self, other, key=lambda one: one.over_at),
            readings=tuple(readings),
            lasting_since=min(self.lasting_since, other.lasting_since),
            open=self.open or other.open,
            cut=min(self, other, key=lambda one: one.first).cut,
        )


def is_out(kind: str, one: Observed, threshold: float, unit: str) -> bool:
    """Whether a reading is at or beyond the threshold."""
    reading = one.reading
    value = converted(reading.value, reading.unit, unit)
    return is_beyond(kind, threshold, value, unit, reading.out_of_range)


def excursions_of(
    readings: Readings,
    now: datetime,
    out: Callable[[Observed], bool],
    believed_for: timedelta = SILENCE,
) -> list[Excursion]:
    """The excursions in the readings of all devices, oldest first; those at one time are one.

    An excursion is open while its device's newest reading belongs to it and is worth showing, and no other
    device has gone on without it. `believed_for`: how long the newest reading of all is worth showing.
    """
    newest = readings.newest
    if newest is None:
        return []
    current = newest.observed_at - NOW if now < newest.observed_at + believed_for else now
    whole_from = readings.covered_from + SILENCE
    found = [
        excursion
        for device in readings.by_device().values()
        for excursion in _excursions_of_device(device, out, whole_from, current)
    ]
    merged: list[Excursion] = []
    for excursion in sorted(found, key=lambda one: one.first):
        if merged and excursion.first < merged[-1].over_at:
            merged[-1] = merged[-1].joined_with(excursion)
        else:
            merged.append(excursion)
    return merged


def _excursions_of_device(
    readings: list[Observed],
    out: Callable[[Observed], bool],
    whole_from: datetime,
    current: datetime,
) -> Iterable[Excursion]:
    """One device's excursions.

    One that reaches `current` is open. One that begins before `whole_from` may have begun before all that is held.
    """
    beyond: list[Observed] = []
    lasting_since: datetime | None = None

    def ended(over_at: datetime, *, broken: bool = False, is_open: bool = False) -> Excursion:
        return Excursion(
            readings=tuple(beyond),
            lasting_since=lasting_since or beyond[0].observed_at,
            over_at=over_at,
            broken=broken,
            open=is_open,
            cut=beyond[0] is readings[0] and beyond[0].observed_at < whole_from,
        )

    for one in readings:
        if beyond and one.observed_at - beyond[-1].observed_at >= SILENCE:
            yield ended(beyond[-1].observed_at + OVER_AFTER)
            lasting_since = lasting_since or beyond[0].observed_at
            beyond = []
        if out(one):
            beyond.append(one)
        else:
            if beyond:
                yield ended(one.observed_at, broken=True)
            beyond, lasting_since = [], None
    if beyond:
        last = beyond[-1].observed_at
        yield ended(last + OVER_AFTER, is_open=last >= current)
