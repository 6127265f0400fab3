"""Where the reading of Lumen stands, and who is followed. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, Self

from ...alerts.stored import Stored, clamped
from .api import IdentityMapping
from .mapping import DayHeard

CONF_FOLLOWED: Final = "followed"
CONF_FOLLOW_LATER: Final = "follow_later"
CONF_CHOSEN_AT: Final = "chosen_at"
CONF_ON_FROM: Final = "on_from"


@dataclass(frozen=True, slots=True)
class Selection:
    """Who is followed: `emails` (and later consents if `later`, since `chosen_at`), or everybody if None were chosen."""

    emails: frozenset[str]
    later: bool
    chosen_at: datetime | None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Selection:
        """The selection in an entry's options."""
        chosen_at = options.get(CONF_CHOSEN_AT)
        return cls(
            frozenset(email.casefold() for email in options.get(CONF_FOLLOWED, [])),
            options.get(CONF_FOLLOW_LATER, True),
            datetime.fromisoformat(chosen_at) if chosen_at else None,
        )

    @property
    def is_everybody(self) -> bool:
        """Whether nobody has chosen."""
        return not self.emails

    def names(self, email: str) -> bool:
        """Whether somebody was chosen by name."""
        return email.casefold() in self.emails

    def takes(self, mapping: IdentityMapping) -> bool:
        """Whether somebody is to be followed: chosen by name, for having consented later, or because nobody was chosen."""
        return (
            self.is_everybody
            or self.names(mapping.email)
            or (self.later and self.chosen_at is not None and mapping.granted_at > self.chosen_at)
        )

    @property
    def fingerprint(self) -> str:
        """Changes when the selection does."""
        return repr((sorted(self.emails), self.later, self.chosen_at))


@dataclass(slots=True)
class Followed(Stored):
    """A followed person as Lumen knows them; `since` is when we first did.

    `backfill`: the days whose first reading is history, fewer with each that was read; None before the first answer.
    """

    email: str
    since: datetime
    backfill: list[date] | None = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class State(Stored):
    """Where the reading of Lumen stands."""

    selection: str = ""
    selected_at: datetime | None = None
    granted_to: datetime | None = None
    read_since: datetime | None = None
    """Days last read before then were read without somebody who is followed now."""
    people: dict[str, Followed]
    more_people: bool = False
    days: dict[date, DayHeard]
    unavailable: list[date]
    lost: list[date]
    """Days that passed while we were away and that Lumen no longer kept."""

    @classmethod
    def empty(cls) -> Self:
        """Nothing read yet."""
        return cls(people={}, days={}, unavailable=[], lost=[])

    def not_after(self, now: datetime) -> None:
        """Take nothing for known that a clock which was ahead has noted.

        Raises:
            TypeError: a time without a zone.

        """
        for followed in self.people.values():
            followed.since = clamped(followed.since, now)
        self.selected_at = clamped(self.selected_at, now)
        self.granted_to = clamped(self.granted_to, now)
        self.read_since = clamped(self.read_since, now)
        self.days = {
            day: heard
            for day, heard in self.days.items()
            if heard.last_read <= now and heard.first_read <= now
        }
