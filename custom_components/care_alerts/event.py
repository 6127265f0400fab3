"""Event entities: one event for each new alert of a person."""

from typing import Any, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .alerts.model import OTHER, Announcement
from .alerts.response_log import Episode
from .entity import ALERT, PersonEntity, add_people
from .providers import PROVIDERS
from .providers.coordinator import CareAlertsConfigEntry
from .targets import event_of

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CareAlertsConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the event entities of a source's people."""
    coordinator = entry.runtime_data
    provider = PROVIDERS[coordinator.source]
    description = EventEntityDescription(
        key=ALERT,
        event_types=[*provider.alert_types, OTHER],
    )
    registry = er.async_get(hass)

    def is_disabled(person_id: str) -> bool:
        entity_id = event_of(hass, coordinator, person_id)
        registered = registry.async_get(entity_id) if entity_id else None
        return registered is not None and registered.disabled

    coordinator.announcing.announce_without(is_disabled)

    add_people(entry, async_add_entities, lambda _: [description], AlertEvent)


class AlertEvent(EventEntity, PersonEntity):
    """The alerts of a person, as they become known.

    Always available: a state that came back from `unavailable` would look like an alert.
    """

    _unrecorded_attributes = frozenset({"details"})

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        announcing = self.coordinator.announcing
        self.async_on_remove(announcing.announce_with(self.person_id, self._announce))

    @callback
    def _announce(self, announcement: Announcement, episode: Episode | None) -> None:
        alert: dict[str, Any] = announcement.alert.as_event(
            episode_id=episode.episode_id if episode else None, redelivered=announcement.redelivered
        )
        alert_type = announcement.alert.alert_type
        self._trigger_event(alert_type if alert_type in self.event_types else OTHER, alert)
        self.async_write_ha_state()
