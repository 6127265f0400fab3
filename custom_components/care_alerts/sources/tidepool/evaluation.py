"""What there is to say of somebody's alerts, and why nothing can be said. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from ...alerts.alert import Alert

SOURCE: Final = "tidepool"


class Reason(StrEnum):
    """Why nothing can be said."""

    NO_SETTINGS = "no_settings"
    SETTINGS_UNKNOWN = "settings_unknown"
    """They were never had: there was no answer yet."""
    SETTINGS_UNREADABLE = "settings_unreadable"
    """They were had, and make no sense: nobody knows what is wanted."""
    DISABLED = "disabled"
    NO_READINGS = "no_readings"
    TOO_OLD = "too_old"
    NO_LOOP = "no_loop"
    SENSOR_TROUBLE = "sensor_trouble"
    NOT_PERMITTED = "not_permitted"
    NOT_JUDGED = "not_judged"


DATA_GAPS: Final = (
    Reason.SETTINGS_UNKNOWN,
    Reason.SETTINGS_UNREADABLE,
    Reason.NO_READINGS,
    Reason.TOO_OLD,
    Reason.SENSOR_TROUBLE,
    Reason.NOT_PERMITTED,
)
"""Why nothing can be said although somebody counts on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What can be said of an alert. `stale`: it was so when last heard of, which is more than 15 minutes ago."""

    is_on: bool | None
    reason: Reason | None = None
    stale: bool = False


@dataclass(slots=True)
class EvaluationResult:
    """What there is to say: a evaluation for each alert, and the alerts to be told.

    `changes_at`: when time alone will change it; `ask_at`: when an answer will, even one without a reading.
    """

    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    changes_at: datetime | None = None
    ask_at: datetime | None = None
