"""An alert as every source's alerts look to the rest of the house."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self

from .stored import Stored

OTHER: Final = "other"
"""The alert type of whatever a newer API may send."""


class Severity(StrEnum):
    """How bad an alert is. `rank` orders them; the names' own order means nothing."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """0 for the least severe."""
        return tuple(Severity).index(self)


class AlertState(StrEnum):
    """What the source said of the condition when it recorded the alert."""

    ACTIVE = "active"
    SNOOZED = "snoozed"
    ENDED = "ended"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert(Stored):
    """One alert of one person, as it was first received.

    Two alerts are the same alert exactly when their `alert_id` is the same. All times are aware UTC.
    `alert_type` is one of the source's known types, or `other`. `details` holds the source's own
    fields: snake_case names with the unit in them, values as they came.
    """

    alert_id: str
    source: str
    person_id: str
    alert_type: str
    subtype: str | None = None
    severity: Severity
    state: AlertState
    observed_at: datetime
    received_at: datetime
    late: bool = False
    drill: bool = False
    device: tuple[str, ...] = ()
    """Which of the person's devices recorded it, in what words the source has for that; empty where it says nothing."""
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_event(
        self, *, episode_id: str | None = None, redelivered: bool = False
    ) -> dict[str, Any]:
        """The event data of the public contract: strings, booleans and `details`, ready for JSON."""
        return {
            "alert_id": self.alert_id,
            "episode_id": episode_id,
            "source": self.source,
            "alert_type": self.alert_type,
            "subtype": self.subtype,
            "severity": self.severity.value,
            "state": self.state.value,
            "observed_at": self.observed_at.isoformat(),
            "received_at": self.received_at.isoformat(),
            "late": self.late,
            "redelivered": redelivered,
            "drill": self.drill,
            "details": dict(self.details),
        }


EVENT_DATA: Final = (
    *("alert_id", "episode_id", "source", "alert_type", "subtype", "severity", "state"),
    *("observed_at", "received_at", "late", "redelivered", "drill", "details"),
)
"""The fields of `Alert.as_event`."""


@dataclass(frozen=True, slots=True, order=True)
class AlertKey(Stored):
    """What episodes are of: one alert type of one person, drills apart from what is real."""

    person_id: str
    alert_type: str
    drill: bool = False

    @classmethod
    def of(cls, alert: Alert) -> Self:
        """The topic of an alert."""
        return cls(alert.person_id, alert.alert_type, alert.drill)


_PLACE: Final = {state: place for place, state in enumerate(AlertState)}


def in_order(alert: Alert) -> tuple[datetime, int, str, str, tuple[str, ...], str]:
    """Sort key: the order in which alerts happened, the same whatever order they came in and however ids are spelled.

    Of one instant, what is active comes before what is snoozed and what has ended. Ids only tell apart what is the
    same in all else.
    """
    return (
        alert.observed_at,
        _PLACE[alert.state],
        alert.alert_type,
        alert.subtype or "",
        alert.device,
        alert.alert_id,
    )


@dataclass(frozen=True, slots=True)
class Announcement:
    """An alert to announce. `redelivered`: it may have been announced before; `held`: it may not be announced yet."""

    alert: Alert
    redelivered: bool
    held: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose alerts are followed."""

    person_id: str
    name: str
