"""What happens to the house of a soak: drawn for each day from the seed and the day alone, before it begins."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Final

from simulator import CATALOGUE

from .people import DAY, HOUR, MINUTE

ENDPOINTS: Final = (
    "*",
    "lumen.identity_mappings",
    "lumen.alerts",
    "dexcom.token",
    "dexcom.alerts",
    "dexcom.egvs",
    "dexcom.devices",
    "dexcom.data_range",
    "tidepool.login",
    "tidepool.renew",
    "tidepool.user",
    "tidepool.people",
    "tidepool.groups",
    "tidepool.alerts",
    "tidepool.data",
)

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
    rng = Random(f"{seed}/{day}")  # noqa: S311 # no secret
    return sorted(_draw(rng, is_first=day == 1), key=lambda one: one.after)


def _draw(rng: Random, *, is_first: bool) -> Iterator[Happening]:
    def at() -> timedelta:
        return rng.random() * (DAY / 2 if is_first else DAY)

    def happens(often: float) -> bool:
        return rng.random() < often or is_first

    for _ in range(rng.randrange(1, 7)):
        endpoint = rng.choice(ENDPOINTS)
        fault = rng.choice(faults_of(endpoint))
        yield Happening(at(), "fault", rng.choice((0.1, 0.5, 1, 4)) * HOUR, (endpoint, fault))
    for _ in range(happens(0.4)):
        # At one of the next effects on what is outside, at once if there is none.
        down = rng.choice((0, 2, 30, 300)) * MINUTE
        yield Happening(at(), "kill", down, number=rng.randrange(40))
    for _ in range(happens(0.2)):
        yield Happening(at(), "restart", rng.choice((0, 2, 60, 600)) * MINUTE)
    for _ in range(rng.choice((0, 0, 1, 3))):
        yield Happening(at(), "reload", number=rng.randrange(12))
    for _ in range(happens(0.25)):
        minutes = rng.choice((-180, -45, -3, 2, 20, 180)) * rng.random()
        yield Happening(at(), "clock", rng.choice((0.2, 2, 6)) * HOUR, number=minutes)
    for _ in range(happens(0.25)):
        yield Happening(at(), "full disk", rng.choice((0.2, 1, 5)) * HOUR)
    for _ in range(happens(0.3)):
        yield Happening(at(), "acknowledge")
