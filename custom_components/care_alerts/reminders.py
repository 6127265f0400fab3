"""Triggers of what goes on: reminders of alerts that nobody has acknowledged, and steps of plans."""

from abc import ABC
from collections.abc import Callable
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
from .alerts.alert import Alert
from .alerts.ledger import KEPT_FOR
from .alerts.response_log import Episode
from .alerts.snooze import next_reminder
from .const import ATTR_INCLUDE_LATE
from .durations import length_of_time
from .event_data import EVENT_ALERT_RECEIVED, about_episode
from .responses.due import DueStep
from .responses.episodes import EpisodeRef, all_episodes, find_episode
from .responses.plan import Plan
from .responses.responder import SIGNAL_STEP_DUE
from .seal import SEAL
from .sources.coordinator import SourceCoordinator
from .sources.signals import SIGNAL_EPISODES_CHANGED, SIGNAL_REMIND
from .sources.targets import TargetResolver, sources

ATTR_AFTER: Final = "after"
ATTR_EVERY: Final = "every"
ATTR_REPEAT: Final = "repeat"
ATTR_PLAN: Final = "plan"
ATTR_STEP: Final = "step"

SHORTEST_REPEAT: Final = timedelta(minutes=1)

LONGEST_SET_BACK: Final = timedelta(hours=1)
"""How far a clock is set back at most that was only a little wrong."""

ALERT_FIELDS: VolDictType = {
    **FILTER_FIELDS,
    vol.Optional(ATTR_INCLUDE_LATE, default=False): cv.boolean,
}


class CareTrigger(Trigger, ABC):
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


class AlertUnacknowledgedTrigger(CareTrigger):
    """Nobody has acknowledged an alert for so long.

    The moments at which it rings follow from what is on disk. What passed while nobody looked rings once
    when the source is looked after again; what passed before the trigger was set up does not.
    """

    _SCHEMA = target_schema(
        {
            **ALERT_FIELDS,
            vol.Required(ATTR_AFTER): length_of_time(timedelta(), KEPT_FOR),
            vol.Optional(ATTR_EVERY): length_of_time(SHORTEST_REPEAT, KEPT_FOR),
        }
    )

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Take up a validated configuration."""
        super().__init__(hass, config)
        self._filter = AlertFilter.of(self._options)
        self._after = timedelta()
        self._every: timedelta | None = None
        self._read_times()

    def _read_times(self) -> None:
        """After how long it rings first, and every how long again."""
        self._after = self._options[ATTR_AFTER]
        self._every = self._options.get(ATTR_EVERY)

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
        for ref in all_episodes(self._hass):
            # Of what several sources have, the one that had it first looks after it.
            if (
                ref.witnesses[0].coordinator is not coordinator
                or ref.episode.unacknowledged_since is None
                or not self._is_wanted(ref.episode)
            ):
                continue
            data = about_episode(self._hass, ref.coordinator, ref.episode)
            if not self._is_aimed_at(data) and not any(
                self._is_aimed_at(about_episode(self._hass, one.coordinator, one.episode))
                for one in ref.parts
            ):
                continue
            due = self._next_ring(ref, later_than)
            if due is not None and due <= now:
                has_rung = True
                if (more := self._told(ref, due, now)) is not None:
                    run_action(data | more, data["title"])
                due = self._next_ring(ref, now)
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

    def _next_ring(self, ref: EpisodeRef, later_than: datetime) -> datetime | None:
        if ref.episode.unacknowledged_since is None:
            return None
        return next_reminder(
            ref.episode.unacknowledged_since,
            after=self._after,
            every=self._every,
            quiet=ref.quiet,
            later_than=later_than,
        )

    def _told(self, ref: EpisodeRef, due: datetime, now: datetime) -> dict[str, Any] | None:
        """What there is to say of a reminder besides its alert; None if it is none of this trigger's."""
        since = ref.episode.unacknowledged_since or due
        return self._waiting(since, now) | {
            "snooze_over": any(until == due for _, until in ref.quiet)
        }

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


class AlertNeedsAttentionTrigger(AlertUnacknowledgedTrigger):
    """An alert needs somebody: it is new, it got worse, an acknowledgement has lapsed, a snooze is over, or still nobody has it.

    `reason` says which: `new`, `worse`, `lapsed`, `snooze_over`, `reminder`. Reminders come every `repeat`.
    """

    _SCHEMA = target_schema(
        {
            **ALERT_FIELDS,
            vol.Optional(ATTR_REPEAT): length_of_time(SHORTEST_REPEAT, KEPT_FOR),
        }
    )

    @override
    def _read_times(self) -> None:
        self._after = timedelta()
        self._every = self._options.get(ATTR_REPEAT)

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        @callback
        def heard(event: Event) -> None:
            data = self._hass.data[SEAL].opened(event)
            if data is None or data["silenced"] or data["acknowledged"]:
                return
            ref = find_episode(self._hass, data["episode_id"] or "")
            if ref is None or not self._is_wanted(ref.episode) or not self._is_aimed_at(data):
                return
            if reason := _news(ref.episode, data["alert"]["alert_id"]):
                now = dt_util.utcnow()
                since = ref.episode.unacknowledged_since or now
                run_action(data | self._waiting(since, now) | {"reason": reason}, data["title"])

        stops = ExitStack()
        stops.callback(self._hass.bus.async_listen(EVENT_ALERT_RECEIVED, heard))
        stops.callback(await super().async_attach_runner(run_action, did_not_trigger))
        return stops.close

    @override
    def _told(self, ref: EpisodeRef, due: datetime, now: datetime) -> dict[str, Any] | None:
        episode = ref.episode
        told = super()._told(ref, due, now) or {}
        if told.pop("snooze_over", False):
            return told | {"reason": "snooze_over"}
        if due != episode.unacknowledged_since:
            return told | {"reason": "reminder"}
        # That it is new is heard when it is announced.
        is_new = due <= min(alert.received_at for alert in episode.announced)
        return None if is_new else told | {"reason": "lapsed"}


def _news(episode: Episode, alert_id: str) -> str | None:
    """Whether an alert that is announced makes its episode need somebody: as its first, or as one that is worse."""
    before: list[Alert] = []
    for alert in sorted(episode.announced, key=lambda one: one.received_at):
        if alert.alert_id == alert_id:
            if not before:
                return "new"
            is_worse = alert.severity.rank > max(one.severity.rank for one in before)
            return "worse" if is_worse else None
        before.append(alert)
    return None


class StepDueTrigger(CareTrigger):
    """A step of a plan is begun: for a call, a siren, a door. The plan itself does all else."""

    _SCHEMA = target_schema(
        {
            vol.Optional(ATTR_PLAN, default=list): vol.All(cv.ensure_list, [cv.string]),
            vol.Optional(ATTR_STEP): vol.All(vol.Coerce(int), vol.Range(min=1)),
        }
    )

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        @callback
        def begun(due: DueStep, plan: Plan, ref: EpisodeRef) -> None:
            number = 1 + [one.step_id for one in plan.climb].index(due.step.step_id)
            wanted = {name.casefold() for name in self._options[ATTR_PLAN]}
            if wanted and wanted.isdisjoint({plan.plan_id.casefold(), plan.name.casefold()}):
                return
            if self._options.get(ATTR_STEP) not in (None, number):
                return
            data = about_episode(self._hass, ref.coordinator, ref.episode)
            if self._is_aimed_at(data):
                data |= {
                    "plan": plan.name,
                    "step": number,
                    "after_minutes": due.step.after,
                    "cause": due.cause.value,
                    "redelivered": due.redelivered,
                }
                run_action(data, f"{plan.name}: {data['title']}")

        stops = ExitStack()
        stops.callback(async_dispatcher_connect(self._hass, SIGNAL_STEP_DUE, begun))
        stops.callback(self._aiming.async_track())
        return stops.close
