"""The alerts document as Tidepool's server reads, stores and shows it: stricter and laxer than its OpenAPI.

The five alerts each have `enabled` and `repeat` (minutes, 0 or 15 to 240), some a `delay` (minutes)
and some a `threshold` (`units` exactly `mg/dL` or `mmol/L`, `value`).
"""

from collections.abc import Mapping
from copy import deepcopy
import json
from typing import Any

type Document = dict[str, Any]
"""Alerts by their names in JSON."""

IDS = ("uploadId", "userId", "followedUserId")
DELAYS = {"low": 120, "high": 360, "notLooping": 120, "noCommunication": 360}
"""The longest delay (minutes) of the alerts that have one."""
THRESHOLDS = ("urgentLow", "low", "high")
ALERTS = ("urgentLow", "low", "high", "notLooping", "noCommunication")
LIMITS = {"mg/dL": 1000, "mmol/L": 55}
"""The highest threshold by unit."""
SHORTEST_REPEAT, LONGEST_REPEAT = 15, 240
_MINUTES = ("delay", "repeat")


class MalformedError(ValueError):
    """The server takes no part of such a document, and does not say why."""


def read(content: bytes, *, unknown: bool) -> Document:
    """Return the alerts of a request's body as they are stored; MalformedError.

    `unknown`: keep alerts and fields that nobody documents, as a newer server would.
    """
    try:
        document = json.loads(content, parse_constant=_refuse)
    except ValueError as error:
        raise MalformedError from error
    if not isinstance(document, dict):
        raise MalformedError
    alerts: Document = {
        name: _alert(name, document[name], unknown=unknown)
        for name in ALERTS
        if document.get(name) is not None
    }
    if unknown:
        alerts |= {name: value for name, value in document.items() if name not in (*ALERTS, *IDS)}
    return alerts


def shown(stored: Mapping[str, Any], *, unknown: bool = True) -> Document:
    """Return stored alerts as GET shows them: without the ids, in whole minutes, none if there are none.

    `unknown`: with the alerts and fields that nobody documents.
    """
    document: Document = {}
    for name, alert in stored.items():
        if name in ALERTS and isinstance(alert, dict):
            document[name] = {
                field: _shown(field, value, unknown=unknown)
                for field, value in alert.items()
                if (unknown or field in _fields(name)) and (field not in _MINUTES or value)
            }
        elif unknown and name not in IDS:
            document[name] = deepcopy(alert)
    return document


def _shown(field: str, value: Any, *, unknown: bool) -> Any:
    """Return a field of an alert as GET shows it."""
    if field in _MINUTES:
        return int(value)
    if field == "threshold" and not unknown:
        return {name: value[name] for name in ("units", "value")}
    return deepcopy(value)


def _fields(name: str) -> tuple[str, ...]:
    """Return what the server knows of an alert."""
    return (
        "enabled",
        "repeat",
        *(("delay",) if name in DELAYS else ()),
        *(("threshold",) if name in THRESHOLDS else ()),
    )


def _alert(name: str, alert: object, *, unknown: bool) -> Document:
    """Read one alert."""
    if not isinstance(alert, dict):
        raise MalformedError
    enabled = alert.get("enabled")
    if not isinstance(enabled, bool | None):
        raise MalformedError
    read: Document = {"enabled": bool(enabled)}
    if name in THRESHOLDS:
        read["threshold"] = _threshold(alert.get("threshold"), unknown=unknown)
    if name in DELAYS:
        read["delay"] = _minutes(alert.get("delay"), DELAYS[name])
    read["repeat"] = _minutes(alert.get("repeat"), LONGEST_REPEAT)
    if 0 < read["repeat"] < SHORTEST_REPEAT:
        raise MalformedError
    rest = {field: value for field, value in alert.items() if field not in read}
    return read | rest if unknown else read


def _threshold(threshold: object, *, unknown: bool) -> Document:
    """Read a threshold, in whatever precision it came."""
    if not isinstance(threshold, dict):
        raise MalformedError
    units, value = threshold.get("units"), threshold.get("value")
    # A missing number is Go's zero.
    value = 0 if value is None else value
    if not isinstance(units, str) or units not in LIMITS:
        raise MalformedError
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MalformedError
    if not 0 <= value <= LIMITS[units]:
        raise MalformedError
    read: Document = {"units": units, "value": value}
    return threshold | read if unknown else read


def _minutes(value: object, most: int) -> float:
    """Read minutes: a number, fractions too, or null for none."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise MalformedError
    return value


def _refuse(constant: str) -> object:
    """Refuse what is no JSON, such as NaN."""
    raise MalformedError(constant)
