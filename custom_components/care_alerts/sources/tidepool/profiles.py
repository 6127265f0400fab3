"""Threshold profiles: other thresholds for a while, and then exactly what was there before. Pure; time is an argument.

What a profile puts in the place of something is kept, with what was there, before anything is written: whatever becomes of
an answer, of this house or of a day away, what is at Tidepool later says what is still to be done. A value that is neither
what was there before nor one of ours is somebody else's: it is never written over. Where it stands in the place of what is
to be put back, a person is asked.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Self

from ...alerts.glucose import MG_DL, MMOL_L, converted, rounded
from ...alerts.stored import Stored
from ..settings import Profile, setting_value
from .settings import FIELDS, GLUCOSE_KINDS, KINDS, Settings

LOWEST_URGENT_LOW: Final = {MG_DL: 54, MMOL_L: 3.0}
"""Below that nobody lowers urgent low unasked: level 2 hypoglycaemia begins there (international consensus)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount(Stored):
    """The value of a field, of a threshold with its unit; None: there is no such alert.

    `said`: whether the document has the field, which else counts as off or 0; the same value is the same all the same.
    `beside`: of a threshold that is to be put back, all of them as they were then, in mmol/L, by their alerts.
    """

    value: bool | float | None = field(metadata={"deserialize": setting_value})
    unit: str | None = None
    said: bool = field(default=True, compare=False)
    beside: dict[str, float] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Stored):
    """What was there `before`, and what may stand in its place that is `ours`: several while nobody knows what was written."""

    before: Amount
    ours: tuple[Amount, ...]

    def knows(self, there: Amount) -> bool:
        """Whether what is there is one of these, and nobody else's."""
        return there in (*self.ours, self.before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict(Stored):
    """What was there `before`, and what somebody else has put in its place (`theirs`): nobody but a person can decide."""

    before: Amount
    theirs: Amount


def is_risky(values: Mapping[str, bool | float], unit: str) -> bool:
    """Whether urgent low would be off by these, or lower than 54 mg/dL (3.0 mmol/L)."""
    lowest = LOWEST_URGENT_LOW[unit]
    # What is no number is not as high, either.
    return not values.get("urgent_low_enabled", True) or not (
        values.get("urgent_low", lowest) >= lowest
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What to write so that a profile, or none, holds; by the names of the fields.

    `after`: what is held while that is under way.
    """

    write: dict[str, Amount]
    after: Switched


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched(Stored):
    """Which profile somebody's thresholds are switched to (None: to none), until when (None: until further notice).

    `by_schedule`: a schedule switched to it. `held`: what is to be put back, by field. `is_settled`: Tidepool is known to
    have what it should. `conflicts`: what could not be put back. `scheduled`: the profiles whose schedule was on when
    somebody last looked.
    """

    profile: Profile | None = None
    until: datetime | None = None
    by_schedule: bool = False
    held: dict[str, Held] = field(default_factory=dict)
    is_settled: bool = True
    conflicts: dict[str, Conflict] = field(default_factory=dict)
    scheduled: tuple[str, ...] = ()

    @property
    def is_on(self) -> bool:
        """Whether anything is to be put back yet, or may be."""
        return self.profile is not None or not self.is_settled

    def due(self, now: datetime) -> datetime | None:
        """When something is to be written; None if nothing is."""
        if not self.is_settled:
            return now
        return self.until if self.profile else None

    def is_over(self, now: datetime) -> bool:
        """Whether the profile's time is."""
        return self.until is not None and self.until <= now

    def is_of(self, profile: Profile) -> bool:
        """Whether it is this profile, whatever has become of it."""
        return self.profile is not None and self.profile.profile_id == profile.profile_id

    def ended(self, now: datetime) -> Self:
        """The same, where the profile's time is over, or was before `now`."""
        if self.profile is None or self.is_over(now):
            return self
        return replace(self, until=now)

    def own(self, settings: Settings) -> dict[str, Amount]:
        """The value of every field without a profile: what was there before, wherever one of ours stands in its place."""
        now = amounts_of(settings)
        mine = {name: one.before for name, one in self.held.items() if now[name] in one.ours}
        beside = in_mmol_l(now | mine)
        return {
            name: replace(there, beside=beside) if name in beside else there
            for name, there in now.items()
        } | mine

    def switch(
        self,
        profile: Profile | None,
        settings: Settings,
        *,
        until: datetime | None = None,
        by_schedule: bool = False,
        but: Collection[str] = (),
    ) -> Step:
        """Switch to a profile, or to none, where the settings are these, `but` for some fields that stay as they are.

        What somebody else has made of a field is what is put back later, and a person is asked whether it shall be.
        """
        now, conflicts = amounts_of(settings), dict(self.conflicts)
        own, wanted = self.own(settings), _wanted(profile, settings)
        held = {name: mine for name, mine in self.held.items() if name in but}
        write: dict[str, Amount] = {}
        for name in sorted({*self.held, *wanted} - {*but}):
            there, before, mine = now[name], own[name], self.held.get(name)
            if mine and not mine.knows(there):
                conflicts[name] = Conflict(before=mine.before, theirs=there)
                if name not in wanted:
                    continue
            target = _as_written(before, wanted.get(name, before))
            if target != there:
                write[name] = target
            if target != there or target != before:
                ours = mine.ours if mine and there in mine.ours else ()
                held[name] = Held(
                    before=before, ours=_each(*ours, *([target] if name in wanted else []))
                )
        after = replace(
            self,
            profile=profile,
            until=until,
            by_schedule=by_schedule,
            held=held,
            is_settled=False,
            conflicts=conflicts,
        )
        return Step(write=write, after=after)

    def change(self, profile: Profile, settings: Settings) -> Step:
        """Go on with what has become of the profile: what it wants as before stays, where somebody else has changed it."""
        now, old, new = (
            amounts_of(settings),
            _wanted(self.profile, settings),
            _wanted(profile, settings),
        )
        theirs = [
            name
            for name, wanted in new.items()
            if old.get(name) == wanted != now[name]
            and not ((mine := self.held.get(name)) and mine.knows(now[name]))
        ]
        return self.switch(
            profile, settings, until=self.until, by_schedule=self.by_schedule, but=theirs
        )

    def again(self, settings: Settings) -> Step:
        """Go on with what was not settled: nobody knows what was written, or it was not. What is neither ours nor was there stays."""
        if self.profile is None:
            return self.switch(None, settings)
        now, wanted = amounts_of(settings), _wanted(self.profile, settings)
        write = {
            name: _as_written(mine.before, wanted[name])
            for name, mine in self.held.items()
            if name in wanted and now[name] != wanted[name] and mine.knows(now[name])
        }
        put_back = self.only(self.held.keys() - wanted.keys()).switch(None, settings)
        kept = {name: mine for name, mine in self.held.items() if name in wanted}
        return Step(
            write=write | put_back.write,
            after=replace(
                self, held=kept | put_back.after.held, conflicts=put_back.after.conflicts
            ),
        )

    def only(self, names: Iterable[str]) -> Self:
        """The same, with only some of what is held."""
        some = set(names)
        return replace(self, held={name: one for name, one in self.held.items() if name in some})

    def settled(self, settings: Settings, write: Mapping[str, Amount]) -> Self:
        """What is held once some fields were written, and read back as `settings`: Tidepool may not have kept what it took."""
        now = amounts_of(settings)
        wanted = _wanted(self.profile, settings)
        lost = {
            name
            for name, mine in self.held.items()
            if name in write and now[name] != write[name] and mine.knows(now[name])
        }
        held = {
            name: mine if name in lost else replace(mine, ours=(wanted[name],))
            for name, mine in self.held.items()
            if name in lost or wanted.get(name, mine.before) != mine.before
        }
        conflicts = self.conflicts | {
            name: Conflict(before=mine.before, theirs=now[name])
            for name, mine in self.held.items()
            if name not in wanted and name not in lost and now[name] != mine.before
        }
        until = self.until if self.profile else None
        return replace(self, until=until, held=held, is_settled=not lost, conflicts=conflicts)

    def refused(self, names: Iterable[str], settings: Settings) -> Self:
        """What is held once some of it can be put back no more, because of what else there is now: a person is asked."""
        now, some = amounts_of(settings), self.held.keys() & set(names)
        conflicts = {
            name: Conflict(before=self.held[name].before, theirs=now[name]) for name in some
        }
        return replace(
            self,
            held={name: one for name, one in self.held.items() if name not in some},
            conflicts=self.conflicts | conflicts,
        )

    def seen(self, settings: Settings) -> Self:
        """What is in conflict yet, where the settings are these."""
        if not self.conflicts:
            return self
        now = amounts_of(settings)
        conflicts: dict[str, Conflict] = {}
        for name, one in self.conflicts.items():
            if name in self.held:
                # A profile's own value stands in both their places.
                conflicts[name] = one
            elif now[name] != one.before:
                conflicts[name] = replace(one, theirs=now[name])
        return replace(self, conflicts=conflicts)

    def resolve(self, *, put_back: bool, but: Collection[str] = ()) -> Step:
        """Do what a person has decided of all conflicts `but` some: put back what was there, or leave what is. Under a profile, that is for later."""
        conflicts = {name: one for name, one in self.conflicts.items() if name in but}
        if not put_back:
            return Step(write={}, after=replace(self, conflicts=conflicts))
        before = {name: one.before for name, one in self.conflicts.items() if name not in but}
        held = {
            name: replace(one, before=before[name]) if name in before else one
            for name, one in self.held.items()
        }
        write = {name: one for name, one in before.items() if name not in held}
        return Step(write=write, after=replace(self, held=held, conflicts=conflicts))


def amounts_of(settings: Settings) -> dict[str, Amount]:
    """The value of every field."""
    return {name: _amount(settings, name) for name in FIELDS}


def in_mmol_l(amounts: Mapping[str, Amount]) -> dict[str, float]:
    """The thresholds among them, by their alerts."""
    return {
        kind: converted(one.value, one.unit, MMOL_L)
        for kind in GLUCOSE_KINDS
        if (one := amounts[kind]).value is not None and one.unit
    }


def _amount(settings: Settings, name: str) -> Amount:
    one = FIELDS[name]
    alert = settings.document.get(KINDS[one.kind])
    own = settings.alert(one.kind)
    return Amount(
        value=settings.value(one),
        unit=own.unit if own and one.name == "threshold" else None,
        said=isinstance(alert, Mapping) and one.name in alert,
    )


def _wanted(profile: Profile | None, settings: Settings) -> dict[str, Amount]:
    """What a profile wants, in the units that the settings have."""
    wanted: dict[str, Amount] = {}
    for name, value in (profile.values if profile else {}).items():
        if (one := FIELDS.get(name)) is None or profile is None:
            continue
        unit = None
        if one.name == "threshold":
            unit = settings.unit(one.kind) or profile.unit
            value = rounded(converted(value, profile.unit, unit), unit)
        wanted[name] = Amount(value=value, unit=unit)
    return wanted


def _as_written(before: Amount, wanted: Amount) -> Amount:
    """What is wanted; as it was written before, where that is the same."""
    return before if before == wanted else wanted


def _each(*some: Amount) -> tuple[Amount, ...]:
    return tuple(dict.fromkeys(some))
