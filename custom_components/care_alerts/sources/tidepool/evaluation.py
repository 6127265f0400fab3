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
    """There was no answer about them yet."""
    SETTINGS_UNREADABLE = "settings_unreadable"
    """There was an answer, but it makes no sense: nobody knows what is to be announced."""
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
"""Reasons for which missing data may hide an alert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Whether one alert is on; None if nothing can be said, with the `reason`.

    `stale`: it was so by the newest reading, which is more than 15 minutes old.
    """

    is_on: bool | None
    reason: Reason | None = None
    stale: bool = False


@dataclass(slots=True)
class EvaluationResult:
    """An evaluation of each alert, and the alerts to announce.

    `changes_at`: when time alone will change it; `ask_at`: when an answer will, even one without a reading.
    """

    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    changes_at: datetime | None = None
    ask_at: datetime | None = None
