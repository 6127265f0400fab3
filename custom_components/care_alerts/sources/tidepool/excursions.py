"""Excursions: readings out of range with none in range between. Pure; time is an argument.

Vendor: "at or below", "at or above". A false alarm is better than a missed one: a value counts as it is
and as it is shown, a LOW counts whatever the threshold, each device is evaluated by itself and what any of
them says counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import is_
from typing import Final

from ...alerts.glucose import converted, is_beyond
from .readings import NOW, Device, Observed, Readings

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
    scans: dict[Device, Scan] | None = None,
) -> list[Excursion]:
    """The excursions in the readings of all devices, oldest first; those at one time are one.

    An excursion is open while its device's newest reading belongs to it and is worth showing, and no other
    device has gone on without it. `believed_for`: how long the newest reading of all is worth showing. `scans`: what was
    found before by the same `out`, which is not looked for again.
    """
    newest = readings.newest
    if newest is None:
        return []
    current = newest.observed_at - NOW if now < newest.observed_at + believed_for else now
    whole_from = readings.covered_from + SILENCE
    scans = {} if scans is None else scans
    devices = readings.by_device()
    for gone in scans.keys() - devices.keys():
        del scans[gone]
    found: list[Excursion] = []
    for name, device in devices.items():
        scan = scans.get(name)
        if scan is None or not scan.goes_on_to(device, whole_from):
            scan = scans[name] = Scan(whole_from)
        scan.go_on(device, out)
        found += scan.excursions(current)
    merged: list[Excursion] = []
    for excursion in sorted(found, key=lambda one: one.first):
        if merged and excursion.first < merged[-1].over_at:
            merged[-1] = merged[-1].joined_with(excursion)
        else:
            merged.append(excursion)
    return merged


@dataclass(slots=True)
class Scan:
    """One device's excursions, as far as its readings were looked at; those that follow are looked at once.

    An excursion that begins before `whole_from` may have begun before all that is held.
    """

    whole_from: datetime
    _seen: Sequence[Observed] = ()
    _ended: list[Excursion] = field(default_factory=list)
    _beyond: list[Observed] = field(default_factory=list)
    _lasting_since: datetime | None = None

    def goes_on_to(self, readings: Sequence[Observed], whole_from: datetime) -> bool:
        """Whether these are those that were looked at, and what follows them."""
        return (
            whole_from == self.whole_from
            and len(readings) >= len(self._seen)
            and all(map(is_, self._seen, readings, strict=False))
        )

    def go_on(self, readings: Sequence[Observed], out: Callable[[Observed], bool]) -> None:
        """Look at what follows."""
        looked_at, self._seen = len(self._seen), readings
        for one in readings[looked_at:]:
            if self._beyond and one.observed_at - self._beyond[-1].observed_at >= SILENCE:
                self._ended.append(self._excursion(self._beyond[-1].observed_at + OVER_AFTER))
                self._lasting_since = self._lasting_since or self._beyond[0].observed_at
                self._beyond = []
            if out(one):
                self._beyond.append(one)
            else:
                if self._beyond:
                    self._ended.append(self._excursion(one.observed_at, broken=True))
                self._beyond, self._lasting_since = [], None

    def excursions(self, current: datetime) -> list[Excursion]:
        """All of them; one that reaches `current` is open."""
        if not self._beyond:
            return self._ended
        last = self._beyond[-1].observed_at
        return [*self._ended, self._excursion(last + OVER_AFTER, is_open=last >= current)]

    def _excursion(
        self, over_at: datetime, *, broken: bool = False, is_open: bool = False
    ) -> Excursion:
        first = self._beyond[0]
        return Excursion(
            readings=tuple(self._beyond),
            lasting_since=self._lasting_since or first.observed_at,
            over_at=over_at,
            broken=broken,
            open=is_open,
            cut=first is self._seen[0] and first.observed_at < self.whole_from,
        )
