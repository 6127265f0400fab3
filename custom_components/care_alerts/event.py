"""Event entities: one event for each new alert of a person."""

from typing import Any, override

from homeassistant.components.event import EventEntity, EventEntityDescription, EventExtraStoredData
from homeassistant.core import HomeAssistant, State, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .alerts.alert import EVENT_DATA, OTHER, Alert, Announcement
from .alerts.response_log import Episode
from .entity import PersonEntity, add_people
from .sources.coordinator import CareAlertsConfigEntry
from .sources.identifiers import ALERT
from .sources.targets import event_of

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CareAlertsConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the event entities of a source's people."""
    coordinator = entry.runtime_data
    source_type = coordinator.source_type
    description = EventEntityDescription(
        key=ALERT,
        event_types=[*source_type.alert_types, OTHER],
    )
    registry = er.async_get(hass)

    def is_disabled(person_id: str) -> bool:
        entity_id = event_of(hass, coordinator, person_id)
        registered = registry.async_get(entity_id) if entity_id else None
        return registered is not None and registered.disabled

    coordinator.announcer.announce_without(is_disabled)

    add_people(entry, async_add_entities, lambda _: [description], AlertEvent)


class AlertEvent(EventEntity, PersonEntity):
    """The alerts of a person, as they become known.

    Always available: a state that came back from `unavailable` would look like an alert.
    """

    # All but its type, which Activity reads.
    _unrecorded_attributes = frozenset(EVENT_DATA)

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        announcer = self.coordinator.announcer
        self.async_on_remove(announcer.announce_with(self.person_id, self._announce))

    # Home Assistant saves states every quarter of an hour: after a crash, the ledger knows better.

    @override
    async def async_get_last_state(self) -> State | None:
        saved = await super().async_get_last_state()
        if alert := self._announced_since(saved):
            return State(self.entity_id, alert.received_at.isoformat(timespec="milliseconds"))
        return saved

    @override
    async def async_get_last_event_data(self) -> EventExtraStoredData | None:
        alert = self._announced_since(await super().async_get_last_state())
        if alert is None:
            return await super().async_get_last_event_data()
        episode = self.snapshot.episode_of(alert) if self.snapshot else None
        return EventExtraStoredData(self._type_of(alert), _as_event(alert, episode))

    def _announced_since(self, saved: State | None) -> Alert | None:
        """The alert announced last, if what was saved shows an earlier one or none."""
        ledger = self.coordinator.store.ledger
        if saved is None:
            return ledger.announced_since(self.person_id, None, None)
        alert_id, at = saved.attributes.get("alert_id"), dt_util.parse_datetime(saved.state)
        return ledger.announced_since(self.person_id, alert_id, at)

    def _type_of(self, alert: Alert) -> str:
        return alert.alert_type if alert.alert_type in self.event_types else OTHER

    @callback
    def _announce(self, announcement: Announcement, episode: Episode | None) -> None:
        alert = announcement.alert
        self._trigger_event(
            self._type_of(alert), _as_event(alert, episode, redelivered=announcement.redelivered)
        )
        self.async_write_ha_state()


def _as_event(
    alert: Alert, episode: Episode | None, *, redelivered: bool = False
) -> dict[str, Any]:
    return alert.as_event(
        episode_id=episode.episode_id if episode else None, redelivered=redelivered
    )
