"""Domain events: what is announced."""

from dataclasses import dataclass

from .acknowledgement import Actor
from .alert import Announcement
from .freshness import Freshness
from .response_log import Episode
from .snooze import Snooze


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertReceived:
    """An alert is announced. `episode`: the one it belongs to, if to any; `silenced`: a snooze keeps it quiet."""

    announcement: Announcement
    episode: Episode | None
    silenced: bool


@dataclass(frozen=True, slots=True)
class AlertEnded:
    """An episode that was announced is over, as far as its source goes."""

    episode: Episode


@dataclass(frozen=True, slots=True)
class AlertAcknowledged:
    """Somebody has acknowledged an episode."""

    episode: Episode


@dataclass(frozen=True, slots=True)
class AcknowledgementUndone:
    """Somebody has taken an acknowledgement back."""

    episode: Episode
    by: Actor


@dataclass(frozen=True, slots=True)
class Snoozed:
    """Somebody wants quiet."""

    snooze: Snooze


@dataclass(frozen=True, slots=True)
class Unsnoozed:
    """Somebody wants to hear again."""

    snooze: Snooze
    by: Actor


@dataclass(frozen=True, slots=True)
class SourceSilent:
    """A source has said nothing for longer than it should."""

    freshness: Freshness


@dataclass(frozen=True, slots=True)
class SourceRecovered:
    """A source that was silent speaks again."""

    freshness: Freshness


type DomainEvent = (
    AlertReceived
    | AlertEnded
    | AlertAcknowledged
    | AcknowledgementUndone
    | Snoozed
    | Unsnoozed
    | SourceSilent
    | SourceRecovered
)
