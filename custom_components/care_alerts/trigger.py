"""Triggers: what automations can wait for."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, cast, override

from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.helpers.trigger import (
    Trigger,
    TriggerActionRunner,
    TriggerConfig,
    TriggerNotTriggeredReporter,
)
from homeassistant.helpers.typing import ConfigType, VolDictType
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .alert_filter import FILTER_FIELDS, AlertFilter, target_schema
from .alerts.alert import AlertState, Severity
from .alerts.response_log import Episode
from .alerts.snooze import next_reminder
from .const import ATTR_INCLUDE_ACKNOWLEDGED, ATTR_INCLUDE_LATE
from .event_data import (
    EVENT_ALERT_ACKNOWLEDGED,
    EVENT_ALERT_ENDED,
    EVENT_ALERT_RECEIVED,
    EVENT_SOURCE_RECOVERED,
    EVENT_SOURCE_SILENT,
    about_episode,
)
from .seal import SEAL
from .sources.coordinator import SourceCoordinator
from .sources.signals import SIGNAL_EPISODES_CHANGED, SIGNAL_REMIND
from .sources.targets import TargetResolver, sources

ATTR_AFTER: Final = "after"
ATTR_EVERY: Final = "every"

SHORTEST_REPEAT: Final = timedelta(minutes=1)

LONGEST_SET_BACK: Final = timedelta(hours=1)
"""How far a clock is set back at most that was only a little wrong."""

_ALERT_FIELDS: VolDictType = {
    **FILTER_FIELDS,
    vol.Optional(ATTR_INCLUDE_LATE, default=False): cv.boolean,
}


class _CareTrigger(Trigger, ABC):
    """A trigger with a target of ours."""

    _SCHEMA: ClassVar[vol.Schema]

    @classmethod
    @override
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        return cast("ConfigType", cls._SCHEMA(config))

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Take up a validated configuration."""
        super().__init__(hass, config)
        self._aiming = TargetResolver(hass, config.target)
        self._options: dict[str, Any] = config.options or {}

    def _is_aimed_at(self, data: dict[str, Any]) -> bool:
        return self._aiming.takes(
            data["source_device_id"], data[ATTR_DEVICE_ID], data[ATTR_ENTITY_ID]
        )


class _EventTrigger(_CareTrigger):
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
        {**_ALERT_FIELDS, vol.Optional(ATTR_INCLUDE_ACKNOWLEDGED, default=True): cv.boolean}
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


class AlertUnacknowledgedTrigger(_CareTrigger):
    """Nobody has acknowledged an alert for so long.

    The moments at which it rings follow from what is on disk. What passed while nobody looked rings once
    when the source is looked after again; what passed before the trigger was set up does not.
    """

    _SCHEMA = target_schema(
        {
            **_ALERT_FIELDS,
            vol.Required(ATTR_AFTER): cv.positive_time_period,
            vol.Optional(ATTR_EVERY): vol.All(
                cv.positive_time_period, vol.Range(min=SHORTEST_REPEAT)
            ),
        }
    )

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Take up a validated configuration."""
        super().__init__(hass, config)
        self._filter = AlertFilter.of(self._options)
        self._after: timedelta = self._options[ATTR_AFTER]
        self._every: timedelta | None = self._options.get(ATTR_EVERY)

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        timers: dict[str, _ReminderTimer] = {}
        stops = ExitStack()
        since = dt_util.utcnow()

        @callback
        def look(coordinator: SourceCoordinator, resumed_from: datetime | None = None) -> None:
            entry_id = coordinator.config_entry.entry_id
            if entry_id not in timers:
                timers[entry_id] = _ReminderTimer(self._hass, since)
                stops.callback(timers[entry_id].stop)
            timers[entry_id].look(
                resumed_from,
                lambda later_than: self._ring(coordinator, later_than, run_action),
            )

        stops.callback(async_dispatcher_connect(self._hass, SIGNAL_EPISODES_CHANGED, look))
        stops.callback(async_dispatcher_connect(self._hass, SIGNAL_REMIND, look))
        stops.callback(self._aiming.async_track())
        for coordinator in sources(self._hass):
            look(coordinator)
        return stops.close

    def _ring(
        self, coordinator: SourceCoordinator, later_than: datetime, run_action: TriggerActionRunner
    ) -> datetime | None:
        """Ring for what was due since then, and return when the next will be."""
        if coordinator.has_stopped:
            return None
        now = dt_util.utcnow()
        upcoming: list[datetime] = []
        has_rung = False
        for snapshot in coordinator.data.people.values():
            for episode in snapshot.episodes.values():
                if episode.unacknowledged_since is None or not self._is_wanted(episode):
                    continue
                data = about_episode(self._hass, coordinator, episode)
                if not self._is_aimed_at(data):
                    continue
                due = self._next_ring(coordinator, episode, later_than)
                if due is not None and due <= now:
                    has_rung = True
                    waiting = self._waiting(episode.unacknowledged_since, now)
                    quiet = self._quiet(coordinator, episode)
                    is_over = {"snooze_over": any(until == due for _, until in quiet)}
                    run_action(data | waiting | is_over, data["title"])
                    due = self._next_ring(coordinator, episode, now)
                if due is not None:
                    upcoming.append(due)
        if has_rung:
            coordinator.announcer.note_rung()
        return min(upcoming, default=None)

    def _is_wanted(self, episode: Episode) -> bool:
        topic = episode.topic
        return self._filter.takes(topic.alert_type, episode.severity, drill=topic.drill) and (
            self._options[ATTR_INCLUDE_LATE] or not episode.is_late
        )

    def _next_ring(
        self, coordinator: SourceCoordinator, episode: Episode, later_than: datetime
    ) -> datetime | None:
        if episode.unacknowledged_since is None:
            return None
        return next_reminder(
            episode.unacknowledged_since,
            after=self._after,
            every=self._every,
            quiet=self._quiet(coordinator, episode),
            later_than=later_than,
        )

    def _quiet(
        self, coordinator: SourceCoordinator, episode: Episode
    ) -> Sequence[tuple[datetime, datetime]]:
        return coordinator.store.responses.quiet(episode.topic, episode.severity, episode.ids)

    def _waiting(self, since: datetime, now: datetime) -> dict[str, Any]:
        repeats = (now - since - self._after) // self._every if self._every else 0
        return {
            "waiting_since": since.isoformat(),
            "waiting_minutes": (now - since) // timedelta(minutes=1),
            "count": 1 + repeats,
        }


class _ReminderTimer:
    """One source as an unacknowledged trigger looks at it: until when it has, and when it will again."""

    def __init__(self, hass: HomeAssistant, since: datetime) -> None:
        """Answer for what is due from now on."""
        self._hass = hass
        self._rung_to = since
        self._cancel: CALLBACK_TYPE | None = None

    @callback
    def look(
        self, resumed_from: datetime | None, ring: Callable[[datetime], datetime | None]
    ) -> None:
        """Ring what was due since the last look, or since nobody looked any more."""
        self.stop()
        now = dt_util.utcnow()
        later_than = _believed(resumed_from or self._rung_to, now)
        self._rung_to = max(_believed(self._rung_to, now), now)
        due = ring(later_than)

        @callback
        def look_again(_: datetime) -> None:
            self._cancel = None
            self.look(None, ring)

        if due is not None:
            self._cancel = async_track_point_in_utc_time(self._hass, look_again, due)

    @callback
    def stop(self) -> None:
        """Look no more."""
        if self._cancel:
            self._cancel()
            self._cancel = None


def _believed(rung_to: datetime, now: datetime) -> datetime:
    """Until when was looked: what has rung must not ring again, nor a clock that was far ahead keep all quiet until then."""
    return now if rung_to - now > LONGEST_SET_BACK else rung_to


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
    "source_silent": SourceSilentTrigger,
    "source_recovered": SourceRecoveredTrigger,
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers."""
    return TRIGGERS
