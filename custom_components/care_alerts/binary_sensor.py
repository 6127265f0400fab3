"""Binary sensors: who has fallen silent, of a source and of each person, and one per alert type for each person."""

from typing import Any, override

from homeassistant.components.binary_sensor import BinarySensorEntity, BinarySensorEntityDescription
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .alerts.freshness import Freshness
from .entity import PersonEntity, RenderedState, SourceEntity, add_people
from .household_entity import MayNotBeHeardSensor, add_household
from .responses.household import is_household
from .sources.coordinator import CareAlertsConfigEntry
from .sources.targets import names_of

PARALLEL_UPDATES = 0

SILENT = BinarySensorEntityDescription(
    key="silent",
    device_class=BinarySensorDeviceClass.PROBLEM,
    entity_category=EntityCategory.DIAGNOSTIC,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CareAlertsConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the binary sensors of a source and its people, or of the household."""
    if is_household(entry.data):
        add_household(
            hass,
            entry,
            async_add_entities,
            Platform.BINARY_SENSOR,
            of_household={"may_not_be_heard": MayNotBeHeardSensor},
        )
        return
    coordinator = entry.runtime_data
    source_type = coordinator.source_type
    async_add_entities([SilentSensor(coordinator, SILENT)])

    descriptions = [
        BinarySensorEntityDescription(key=alert_type, device_class=BinarySensorDeviceClass.PROBLEM)
        for alert_type in source_type.alert_types
    ]
    add_people(
        entry,
        async_add_entities,
        lambda snapshot: [one for one in descriptions if one.key in snapshot.conditions],
        AlertSensor,
    )
    add_people(entry, async_add_entities, lambda _: (SILENT,), PersonSilentSensor)


class _BinarySensor(BinarySensorEntity):
    """The state of a binary sensor that shows something."""

    _rendered: RenderedState

    @property
    @override
    def is_on(self) -> bool | None:
        value: bool | None = self._rendered.value
        return value


class SilentSensor(_BinarySensor, SourceEntity):
    """On when the source has said nothing for longer than it should. Always available: that is what it is for."""

    @override
    def _render(self) -> RenderedState:
        freshness = self.coordinator.data.freshness
        names = names_of(self.hass, self.coordinator, freshness.silent_people)
        return _silence(freshness, people=names)


class PersonSilentSensor(_BinarySensor, PersonEntity):
    """On when nothing new of a person has come for longer than it should; `status` says at once what is wrong."""

    @override
    def _render(self) -> RenderedState:
        if self.snapshot is None:
            return RenderedState(None, available=False)
        freshness = self.snapshot.freshness
        return _silence(freshness, status=freshness.status.value)


def _silence(freshness: Freshness, **more: Any) -> RenderedState:
    reason = freshness.status.value if freshness.silent else None
    return RenderedState(freshness.silent, {"reason": reason, **more})


class AlertSensor(_BinarySensor, PersonEntity):
    """On when the source's newest word has an alert of this type that means something is wrong."""

    @override
    def _render(self) -> RenderedState:
        if self.snapshot is None or not self.snapshot.freshness.believable:
            return RenderedState(None, available=False)
        condition = self.snapshot.conditions.get(self.entity_description.key)
        if condition is None or condition.unavailable:
            return RenderedState(None, available=False)
        alert, span = condition.current_alert, condition.episode
        episode = self.snapshot.episode(self.entity_description.key)
        acknowledgement = episode.acknowledgement if episode else None
        stale = {} if condition.stale is None else {"stale": condition.stale}
        return RenderedState(
            condition.is_on,
            stale
            | {
                "observed_at": alert and alert.observed_at,
                "received_at": alert and alert.received_at,
                "severity": alert and alert.severity.value,
                "subtype": alert and alert.subtype,
                "state": alert and alert.state.value,
                "episode_id": episode and episode.episode_id,
                "since": span and span.opened.observed_at,
                "ended_at": span and span.ended_at,
                "end_reason": span and span.end_reason and span.end_reason.value,
                "acknowledged": acknowledgement is not None if episode else None,
                "acknowledged_by": acknowledgement and acknowledgement.by.name,
                "acknowledged_at": acknowledgement and acknowledgement.at,
                "note": acknowledgement and acknowledgement.note,
                "snoozed_until": episode and episode.snoozed_until,
                "handled_on_device_at": episode and episode.handled_at,
                "drill": episode is not None and episode.topic.drill,
            },
        )
