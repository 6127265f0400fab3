"""Conditions: what automations can ask."""

from abc import ABC
from typing import Any, ClassVar, Unpack, cast, override

from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.condition import Condition, ConditionCheckParams, ConditionConfig
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from .alert_filter import FILTER_FIELDS, AlertFilter, target_schema
from .alerts.alert import AlertKey, Severity
from .alerts.response_log import Episode
from .alerts.snapshot import PersonSnapshot
from .const import ATTR_INCLUDE_ACKNOWLEDGED
from .sources.coordinator import SourceCoordinator
from .sources.targets import ResolvedTarget, aim_at_or_everybody, device_ref, sensor_of, sources


class _CareCondition(Condition, ABC):
    """A condition with a target of ours."""

    _SCHEMA: ClassVar[vol.Schema]

    @classmethod
    @override
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        return cast("ConfigType", cls._SCHEMA(config))

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Take up a validated configuration."""
        super().__init__(hass, config)
        self._target = config.target
        self._options: dict[str, Any] = config.options or {}

    def _aim(self) -> ResolvedTarget:
        """Whom it is about now."""
        return aim_at_or_everybody(self._hass, self._target)


class AlertActiveCondition(_CareCondition):
    """An alert is active: as its sensor says, or as a drill goes on. What nobody can know is not."""

    _SCHEMA = target_schema(
        {**FILTER_FIELDS, vol.Optional(ATTR_INCLUDE_ACKNOWLEDGED, default=True): cv.boolean}
    )

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Take up a validated configuration."""
        super().__init__(hass, config)
        self._filter = AlertFilter.of(self._options)

    @override
    def _async_check(self, **kwargs: Unpack[ConditionCheckParams]) -> bool:
        aim = self._aim()
        return any(
            self._is_active(coordinator, snapshot, aim)
            for coordinator in sources(self._hass)
            for snapshot in coordinator.data.people.values()
        )

    def _is_active(
        self, coordinator: SourceCoordinator, snapshot: PersonSnapshot, aim: ResolvedTarget
    ) -> bool:
        person_id = snapshot.person.person_id
        active: list[tuple[str, Severity, Episode | None]] = [
            (episode.topic.alert_type, episode.severity, episode)
            for episode in snapshot.episodes.values()
            if episode.topic.drill and episode.is_open
        ]
        if coordinator.data.freshness.believable:
            active += [
                (alert.alert_type, alert.severity, snapshot.episodes.get(AlertKey.of(alert)))
                for alert in snapshot.active
            ]
        for alert_type, severity, episode in active:
            is_drill = episode is not None and episode.topic.drill
            if not self._filter.takes(alert_type, severity, drill=is_drill):
                continue
            if (
                not self._options[ATTR_INCLUDE_ACKNOWLEDGED]
                and episode is not None
                and episode.acknowledgement
            ):
                continue
            if aim.takes(
                coordinator.source_device_id,
                device_ref(self._hass, coordinator, snapshot).device_id,
                sensor_of(self._hass, coordinator, person_id, alert_type),
            ):
                return True
        return False


class SourceSilentCondition(_CareCondition):
    """A source has said nothing for longer than it should."""

    _SCHEMA = target_schema({})

    @override
    def _async_check(self, **kwargs: Unpack[ConditionCheckParams]) -> bool:
        aim = self._aim()
        return any(
            coordinator.data.freshness.silent
            for coordinator in sources(self._hass)
            if aim.takes(coordinator.source_device_id, None, None)
        )


CONDITIONS: dict[str, type[Condition]] = {
    "alert_active": AlertActiveCondition,
    "source_silent": SourceSilentCondition,
}


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions."""
    return CONDITIONS
