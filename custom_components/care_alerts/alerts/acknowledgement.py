"""Acknowledgements: who has an episode, and for how much of it. Never that the condition is over."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from .alert import Alert, Severity
from .episode import EpisodeSpan, TimeSpan
from .stored import Stored


class Via(StrEnum):
    """How somebody let us know."""

    USER = "user"
    NOTIFICATION = "notification"
    AUTOMATION = "automation"
    VOICE = "voice"  # of whoever is in a room
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Actor(Stored):
    """Who did something: the name of a person or an automation, None if nobody knows."""

    name: str | None
    via: Via


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement(Stored):
    """Somebody has acknowledged an episode.

    `span` and `severity`: its alerts and the worst of them at that time. The acknowledgement stops covering
    the episode when a later alert is more severe, is observed `reacknowledge_after_gap` or more after the
    newest acknowledged one (None: however late), or at `expires_at` (None: never). `undone_at`: when
    somebody took it back.
    """

    span: TimeSpan
    severity: Severity
    by: Actor
    at: datetime
    note: str | None = None
    undone_at: datetime | None = None
    reacknowledge_after_gap: timedelta | None = None
    expires_at: datetime | None = None

    def expired_at(self, span: EpisodeSpan, now: datetime) -> datetime | None:
        """When its episode had gone on for as long as it holds; None if it has not."""
        expires_at = self.expires_at
        return expires_at if expires_at and (span.ended_at or now) >= expires_at else None

    def covers(self, alert: Alert) -> bool:
        """Whether an alert of its episode was acknowledged with it."""
        gap = self.reacknowledge_after_gap
        return alert.severity.rank <= self.severity.rank and (
            gap is None or alert.observed_at < self.span.last + gap
        )

    def covers_all_of(self, span: EpisodeSpan, now: datetime) -> bool:
        """Whether nobody needs to acknowledge the episode (again) as it is at `now`."""
        return (
            self.undone_at is None
            and self.severity.rank >= span.severity.rank
            and self.covers(span.last_seen)
            and not self.expired_at(span, now)
        )
