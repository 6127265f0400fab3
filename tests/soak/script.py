"""What happens to the house of a soak: drawn for each day from the seed and the day alone, before it begins."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Final

from simulator import CATALOGUE

from .people import DAY, HOUR, MINUTE

ENDPOINTS: Final = {
    "*": 2,
    "lumen.identity_mappings": 2,
    "lumen.alerts": 3,
    "dexcom.token": 2,
    "dexcom.alerts": 4,
    "dexcom.egvs": 4,
    "dexcom.devices": 1,
    "dexcom.data_range": 1,
    "tidepool.login": 1,
    "tidepool.renew": 2,
    "tidepool.user": 1,
    "tidepool.people": 1,
    "tidepool.groups": 1,
    "tidepool.alerts": 4,
    "tidepool.data": 6,
}
"""How often each has a fault, compared with others: more often where more is asked."""

MEANS_SOMETHING: Final = {
    # Lumen's way to say that it keeps the day no more: what was in it is gone, and that is no fault.
    "lumen.alerts": ("409",),
    # "There are no alert settings" is an answer as any: a house that has none judges nothing.
    "tidepool.alerts": (
        "404",
        "bad_record",
        "wrong_types",
        "empty_object",
        "null",
        "success_false",
    ),
}
"""Faults that some endpoints do not have: of what they say, alerts may be lost by right."""


MINUTES_OFF: Final = [number * MINUTE for number in (-180, -45, -3, 2, 20, 180)]
DAYS_OFF: Final = [number * DAY for number in (-400, -30, -2, 2, 30, 60)]
"""How far a clock may jump: set by hand, corrected by the network, or without a battery."""


@dataclass(frozen=True)
class Happening:
    """Something that happens so long after a day began."""

    after: timedelta
    what: str
    lasts: timedelta = timedelta()
    how: tuple[str, ...] = ()
    number: float = 0

    def __str__(self) -> str:
        """Name it in a report."""
        parts = [self.what, *self.how]
        if self.number:
            parts.append(f"{self.number:+.0f}")
        if self.lasts:
            parts.append(f"for {self.lasts // MINUTE} min")
        return " ".join(parts)


def faults_of(endpoint: str) -> list[str]:
    """The faults that an endpoint may have."""
    means = tuple(
        name for one, names in MEANS_SOMETHING.items() if endpoint in ("*", one) for name in names
    )
    return [name for name in CATALOGUE if not name.startswith(means or "none such")]


def draw(seed: int, day: int) -> list[Happening]:
    """What happens on a day, in order; on the first one some of everything, so that no soak is too short for it."""
    dice = _Dice(f"{seed}/{day}", is_first=day == 1)
    happenings = (*_faults(dice), *_ends(dice), *_clocks(dice), *_disks(dice))
    return sorted(happenings, key=lambda one: one.after)


class _Dice:
    """What a day is drawn with."""

    def __init__(self, seed: str, *, is_first: bool) -> None:
        self.rng = Random(seed)  # noqa: S311 # no secret
        self._is_first = is_first

    def at(self) -> timedelta:
        """When something happens."""
        return self.rng.random() * (DAY / 2 if self._is_first else DAY)

    def times(self, often: float) -> range:
        """Whether it does."""
        return range(int(self.rng.random() < often or self._is_first))


def _faults(dice: _Dice) -> Iterator[Happening]:
    rng = dice.rng
    for endpoint in rng.choices([*ENDPOINTS], [*ENDPOINTS.values()], k=rng.randrange(4, 11)):
        # Which of its faults, the soak says: of those that were not met yet, the next one.
        yield Happening(dice.at(), "fault", rng.choice((0.2, 0.5, 1, 4)) * HOUR, (endpoint,))


def _ends(dice: _Dice) -> Iterator[Happening]:
    rng = dice.rng
    for _ in dice.times(0.4):
        # At one of the next effects on what is outside, at once if there is none.
        down = rng.choice((0, 2, 30, 300)) * MINUTE
        yield Happening(dice.at(), "kill", down, number=rng.randrange(40))
    for _ in dice.times(0.2):
        yield Happening(dice.at(), "restart", rng.choice((0, 2, 60, 600)) * MINUTE)
    for _ in (*range(rng.choice((0, 0, 1, 3))), *dice.times(0)):
        yield Happening(dice.at(), "reload", number=rng.randrange(12))
    for _ in dice.times(0.3):
        yield Happening(dice.at(), "acknowledge")


def _clocks(dice: _Dice) -> Iterator[Happening]:
    for jumps, often, longest in ((MINUTES_OFF, 0.25, 6), (DAYS_OFF, 0.05, 2)):
        for _ in dice.times(often):
            minutes = dice.rng.choice(jumps) / MINUTE * dice.rng.uniform(0.2, 1)
            lasts = dice.rng.choice((0.2, 1, longest)) * HOUR
            yield Happening(dice.at(), "clock", lasts, number=minutes)


def _disks(dice: _Dice) -> Iterator[Happening]:
    rng = dice.rng
    for _ in dice.times(0.25):
        yield Happening(dice.at(), "full disk", rng.choice((0.2, 1, 5)) * HOUR)
    for _ in dice.times(0.1):
        full, lasts = dice.at(), rng.choice((1, 5)) * HOUR
        yield Happening(full, "full disk", lasts)
        yield Happening(full + rng.random() * lasts, "kill", number=rng.randrange(40))
