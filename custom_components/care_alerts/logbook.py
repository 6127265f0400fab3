"""Logbook lines: what happened to alerts, in plain words.

They say what was, when, and how old it was: never what is.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from homeassistant.components.logbook.const import (
    LOGBOOK_ENTRY_ENTITY_ID,
    LOGBOOK_ENTRY_MESSAGE,
    LOGBOOK_ENTRY_NAME,
)
from homeassistant.components.logbook.models import LazyEventPartialState
from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .event_data import (
    EVENT_ACKNOWLEDGEMENT_UNDONE,
    EVENT_ALERT_ACKNOWLEDGED,
    EVENT_ALERT_ENDED,
    EVENT_ALERT_RECEIVED,
    EVENT_SNOOZED,
    EVENT_SOURCE_RECOVERED,
    EVENT_SOURCE_SILENT,
    EVENT_UNSNOOZED,
)
from .responses.localize import localize, localize_duration, localize_time
from .seal import SEAL
from .sources import SOURCES

NAME: Final = "Care Alerts"

SEVERITIES: Final = {
    "high": "severity_high",
    "medium": "severity_medium",
    "low": "severity_low",
}

type Describe = Callable[[HomeAssistant, Mapping[str, Any]], str]


@callback
def async_describe_events(
    hass: HomeAssistant,
    async_describe_event: Callable[
        [str, str, Callable[[LazyEventPartialState], dict[str, Any]]], None
    ],
) -> None:
    """Describe our events."""

    def describe_with(describe: Describe) -> Callable[[Any], dict[str, Any]]:
        @callback
        def line(event: LazyEventPartialState) -> dict[str, Any]:
            data = hass.data[SEAL].opened(event)
            if data is None:
                # A line has to be given. What somebody else says in our name is not in it.
                return {
                    LOGBOOK_ENTRY_NAME: NAME,
                    LOGBOOK_ENTRY_MESSAGE: localize(hass, "log_not_ours"),
                }
            message = describe(hass, data)
            if data.get("drill") or data.get("alert", {}).get("drill"):
                message = localize(hass, "log_drill", message=message)
            return {
                LOGBOOK_ENTRY_NAME: data.get("person") or data["source"],
                LOGBOOK_ENTRY_MESSAGE: message,
                LOGBOOK_ENTRY_ENTITY_ID: data.get(ATTR_ENTITY_ID),
            }

        return line

    for event_type, describe in (
        (EVENT_ALERT_RECEIVED, _received),
        (EVENT_ALERT_ENDED, _ended),
        (EVENT_ALERT_ACKNOWLEDGED, _acknowledged),
        (EVENT_ACKNOWLEDGEMENT_UNDONE, _undone),
        (EVENT_SNOOZED, _snoozed),
        (EVENT_UNSNOOZED, _unsnoozed),
        (EVENT_SOURCE_SILENT, _silent),
        (EVENT_SOURCE_RECOVERED, _recovered),
    ):
        async_describe_event(DOMAIN, event_type, describe_with(describe))


def _received(hass: HomeAssistant, data: Mapping[str, Any]) -> str:
    alert = data["alert"]
    observed, received = (
        datetime.fromisoformat(alert[name]) for name in ("observed_at", "received_at")
    )
    message = localize(
        hass,
        "log_received",
        time=localize_time(hass, observed, received),
        alert=data["alert_name"],
        # "Low (High)" would be read as two values.
        severity=localize(hass, SEVERITIES[alert["severity"]]),
        age=localize_duration(hass, received - observed),
    )
    if alert["redelivered"]:
        message = localize(hass, "log_redelivered", message=message)
    return localize(hass, "log_silenced", message=message) if data["silenced"] else message


def _ended(hass: HomeAssistant, data: Mapping[str, Any]) -> str:
    keys = {"newer_day": "log_ended_newer_day", "expired": "log_ended_expired"}
    said = "log_ended_by_readings" if SOURCES[data["alert"]["source"]].judges else "log_ended"
    return localize(
        hass,
        keys.get(data["end_reason"], said),
        alert=data["alert_name"],
        since=_time(hass, data["since"]),
        time=_time(hass, data["ended_at"]),
    )


def _acknowledged(hass: HomeAssistant, data: Mapping[str, Any]) -> str:
    message = localize(
        hass,
        "log_acknowledged",
        alert=data["alert_name"],
        time=_time(hass, data["since"]),
        by=data["acknowledged_by"] or localize(hass, "somebody"),
    )
    if data["note"]:
        return localize(hass, "log_note", message=message, note=data["note"])
    return message


def _undone(hass: HomeAssistant, data: Mapping[str, Any]) -> str:
    return localize(
        hass,
        "log_acknowledgement_undone",
        alert=data["alert_name"],
        time=_time(hass, data["since"]),
        by=_by(hass, data),
    )


def _snoozed(hass: HomeAssistant, data: Mapping[str, Any]) -> str:
    until, by = _time(hass, data["until"]), _by(hass, data)
    if data["scope"] == "alert":
        return localize(hass, "log_snoozed_alert", alert=data["alert_name"], until=until, by=by)
    return localize(hass, "log_snoozed_person", until=until, by=by)


def _unsnoozed(hass: HomeAssistant, data: Mapping[str, Any]) -> str:
    by = _by(hass, data)
    if data["scope"] == "alert":
        return localize(hass, "log_unsnoozed_alert", alert=data["alert_name"], by=by)
    return localize(hass, "log_unsnoozed_person", by=by)


def _silent(hass: HomeAssistant, data: Mapping[str, Any]) -> str:
    return localize(
        hass,
        "log_source_silent",
        time=_time(hass, data["data_through"]),
        reason=data["reason_name"] or "",
    )


def _recovered(hass: HomeAssistant, data: Mapping[str, Any]) -> str:
    return localize(hass, "log_source_recovered", time=_time(hass, data["data_through"]))


def _by(hass: HomeAssistant, data: Mapping[str, Any]) -> str:
    return data["by"] or localize(hass, "somebody")


def _time(hass: HomeAssistant, moment: str | None) -> str:
    if moment is None:
        return localize(hass, "never")
    return localize_time(hass, datetime.fromisoformat(moment), dt_util.utcnow())
