"""Triggers: what automations can wait for."""

from abc import abstractmethod
from contextlib import ExitStack
from typing import Any, ClassVar, override

from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.trigger import (
    Trigger,
    TriggerActionRunner,
    TriggerConfig,
    TriggerNotTriggeredReporter,
)
import voluptuous as vol

from .alert_filter import FILTER_FIELDS, AlertFilter, target_schema
from .alerts.alert import AlertState, Severity
from .const import ATTR_INCLUDE_ACKNOWLEDGED, ATTR_INCLUDE_LATE
from .event_data import (
    EVENT_ALERT_ACKNOWLEDGED,
    EVENT_ALERT_ENDED,
    EVENT_ALERT_RECEIVED,
    EVENT_SOURCE_RECOVERED,
    EVENT_SOURCE_SILENT,
)
from .reminders import (
    ALERT_FIELDS,
    AlertNeedsAttentionTrigger,
    AlertUnacknowledgedTrigger,
    CareTrigger,
    StepDueTrigger,
)
from .seal import SEAL


class _EventTrigger(CareTrigger):
    """Fires when something is announced."""

    _EVENT: ClassVar[str]

    @abstractmethod
    def _fires(self, data: dict[str, Any]) -> bool:
        """Whether this is what the user waits for; the target is right already."""

    def _description(self, data: dict[str, Any]) -> str:
        title: str = data["title"]
        return title

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        @callback
        def heard(event: Event) -> None:
            data = self._hass.data[SEAL].opened(event)
            if data is None:
                # Any user's phone can fire any event.
                return
            if self._fires(data) and self._is_aimed_at(data):
                run_action(data, self._description(data), event.context)

        stops = ExitStack()
        stops.callback(self._hass.bus.async_listen(self._EVENT, heard))
        stops.callback(self._aiming.async_track())
        return stops.close


class _AlertTrigger(_EventTrigger):
    """Fires for alerts that the filter takes; for late ones, too, by default: what was begun has to be ended."""

    _SCHEMA = target_schema(
        {**FILTER_FIELDS, vol.Optional(ATTR_INCLUDE_LATE, default=True): cv.boolean}
    )

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Take up a validated configuration."""
        super().__init__(hass, config)
        self._filter = AlertFilter.of(self._options)

    @override
    def _fires(self, data: dict[str, Any]) -> bool:
        if data["late"] and not self._options[ATTR_INCLUDE_LATE]:
            return False
        alert = data["alert"]
        # An alert is judged by itself, what is done about an episode by the worst it has come to.
        severity = Severity(data["severity"])
        return self._filter.takes(alert["alert_type"], severity, drill=alert["drill"])


class AlertReceivedTrigger(_AlertTrigger):
    """An alert is announced that nobody wanted kept quiet.

    One that may have been announced before a crash is announced again, unless somebody has acknowledged it:
    nobody can know whether it was heard. Records that only say that a condition is over, or that it was snoozed on
    the wearer's device after it was announced, are no alarms.
    """

    _EVENT = EVENT_ALERT_RECEIVED
    _SCHEMA = target_schema(
        {**ALERT_FIELDS, vol.Optional(ATTR_INCLUDE_ACKNOWLEDGED, default=True): cv.boolean}
    )

    @override
    def _fires(self, data: dict[str, Any]) -> bool:
        alert = data["alert"]
        if data["silenced"] or (data["late"] and not self._options[ATTR_INCLUDE_LATE]):
            return False
        if data["acknowledged"] and (
            alert["redelivered"] or not self._options[ATTR_INCLUDE_ACKNOWLEDGED]
        ):
            return False
        match alert["state"]:
            case AlertState.ENDED:
                return False
            case AlertState.SNOOZED if not data["opened_episode"]:
                return False
        return self._filter.takes(
            alert["alert_type"], Severity(alert["severity"]), drill=alert["drill"]
        )


class AlertEndedTrigger(_AlertTrigger):
    """An episode that was announced is over."""

    _EVENT = EVENT_ALERT_ENDED


class AlertAcknowledgedTrigger(_AlertTrigger):
    """Somebody has acknowledged an episode."""

    _EVENT = EVENT_ALERT_ACKNOWLEDGED


class _SourceTrigger(_EventTrigger):
    """Fires for a source."""

    _SCHEMA = target_schema({})

    @override
    def _fires(self, data: dict[str, Any]) -> bool:
        return True

    @override
    def _description(self, data: dict[str, Any]) -> str:
        source: str = data["source"]
        return source


class SourceSilentTrigger(_SourceTrigger):
    """A source has said nothing for longer than it should."""

    _EVENT = EVENT_SOURCE_SILENT


class SourceRecoveredTrigger(_SourceTrigger):
    """A source that was silent speaks again."""

    _EVENT = EVENT_SOURCE_RECOVERED


TRIGGERS: dict[str, type[Trigger]] = {
    "alert_received": AlertReceivedTrigger,
    "alert_ended": AlertEndedTrigger,
    "alert_acknowledged": AlertAcknowledgedTrigger,
    "alert_unacknowledged": AlertUnacknowledgedTrigger,
    "alert_needs_attention": AlertNeedsAttentionTrigger,
    "step_due": StepDueTrigger,
    "source_silent": SourceSilentTrigger,
    "source_recovered": SourceRecoveredTrigger,
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers."""
    return TRIGGERS
