"""Happenings: what there is to tell the house."""

from dataclasses import dataclass

from .freshness import Freshness
from .handling import Actor, Case, Snooze
from .model import Announcement


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertReceived:
    """An alert is announced. `case`: the episode it belongs to, if it is the newest of its topic; `silenced`: a snooze keeps it quiet."""

    announcement: Announcement
    case: Case | None
    silenced: bool


@dataclass(frozen=True, slots=True)
class AlertEnded:
    """An episode that was announced is over, as far as its source goes."""

    case: Case


@dataclass(frozen=True, slots=True)
class AlertAcknowledged:
    """Somebody has taken an episode."""

    case: Case


@dataclass(frozen=True, slots=True)
class AcknowledgementUndone:
    """Somebody has made an episode nobody's again."""

    case: Case
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


type Happening = (
    AlertReceived
    | AlertEnded
    | AlertAcknowledged
    | AcknowledgementUndone
    | Snoozed
    | Unsnoozed
    | SourceSilent
    | SourceRecovered
)
