"""What all entities share: which device they belong to, what they show, and when they write it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityCapabilityAttribute,
)
from homeassistant.const import MATCH_ALL, EntityCategory
from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .alerts.alert import Person
from .alerts.snapshot import PersonSnapshot, Setting
from .sources.coordinator import CareAlertsConfigEntry, SourceCoordinator
from .sources.identifiers import (
    person_identifier,
    person_unique_id,
    source_identifier,
    source_unique_id,
)


@dataclass(frozen=True, slots=True)
class RenderedState:
    """What an entity shows at one moment."""

    value: Any
    attributes: Mapping[str, Any] | None = None
    available: bool = True
    within: Setting | None = None


class RenderedEntity(Entity):
    """An entity that writes its state only when what it shows has changed."""

    _attr_has_entity_name = True
    _rendered = RenderedState(None)
    # A row of each set of them that differs by a time or an id, for nobody to look at: the ledger keeps what there was.
    _unrecorded_attributes = frozenset({MATCH_ALL})

    def _render(self) -> RenderedState:
        """What there is to show now; nothing where Home Assistant itself keeps the state."""
        return RenderedState(None)

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self._rendered = self._render()

    @callback
    def _show(self) -> None:
        """Write what there is to show, if it is something else than before."""
        shown = self._render()
        if shown != self._rendered:
            self._rendered = shown
            self.async_write_ha_state()

    @property
    @override
    def available(self) -> bool:
        return self._rendered.available

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        return self._rendered.attributes


class QuietTimeSensor(SensorEntity):
    """A time that moves on is no news: Home Assistant's Activity leaves it out.

    It does so with all that have a state class, and asks for the key alone. Of a time there is none to give.
    """

    @property
    @override
    def capability_attributes(self) -> dict[str, Any] | None:
        if self.device_class is SensorDeviceClass.TIMESTAMP:
            return {SensorEntityCapabilityAttribute.STATE_CLASS: None}
        return super().capability_attributes


class CareAlertsEntity(RenderedEntity, CoordinatorEntity[SourceCoordinator]):
    """An entity of what a source knows."""

    def __init__(self, coordinator: SourceCoordinator, description: EntityDescription) -> None:
        """Show what the description says of the coordinator's snapshot."""
        super().__init__(coordinator)
        self.entity_description = description
        self._attr_translation_key = description.translation_key or description.key

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        self._show()


class SourceEntity(CareAlertsEntity):
    """An entity of a source's device."""

    def __init__(self, coordinator: SourceCoordinator, description: EntityDescription) -> None:
        """Belong to the source's device."""
        super().__init__(coordinator, description)
        entry = coordinator.config_entry
        self._attr_unique_id = source_unique_id(entry, description.key)
        self._attr_device_info = DeviceInfo(identifiers={source_identifier(entry)})


class PersonEntity(CareAlertsEntity):
    """An entity of a person's device."""

    def __init__(
        self,
        coordinator: SourceCoordinator,
        description: EntityDescription,
        person: Person,
    ) -> None:
        """Belong to the person's device, under the source's."""
        super().__init__(coordinator, description)
        self.person_id = person.person_id
        self._attr_unique_id = person_unique_id(coordinator, person.person_id, description.key)
        self._attr_device_info = DeviceInfo(
            entry_type=DeviceEntryType.SERVICE,
            identifiers={person_identifier(coordinator, person.person_id)},
            manufacturer=coordinator.source_type.name,
            model=f"{coordinator.source_type.name} account",
            name=person.name,
            via_device_id=coordinator.source_device_id,
        )

    @property
    def snapshot(self) -> PersonSnapshot | None:
        """The person as last heard of; None once they are not followed any more."""
        return self.coordinator.data.people.get(self.person_id)


class SettingEntity(PersonEntity):
    """A setting that the source keeps for a person. What it shows is what the source has, never what was only asked for."""

    _attr_entity_category = EntityCategory.CONFIG

    @property
    def setting(self) -> Setting | None:
        """What there is to set; None where it cannot be."""
        if self.snapshot is None:
            return None
        return self.snapshot.settings.get(self.entity_description.key)

    @override
    def _render(self) -> RenderedState:
        setting = self.setting
        if self.snapshot is None or setting is None or not self.snapshot.freshness.believable:
            return RenderedState(None, available=False)
        # Its unit and limits are no attributes of ours, but a change of them is one to be written.
        return RenderedState(setting.value, within=setting)

    async def async_set(self, value: bool | float) -> None:
        """Have the source keep another value.

        Raises:
            HomeAssistantError: it does not.

        """
        if keeper := self.coordinator.source.settings_keeper:
            unit = self.setting.unit if self.setting else None
            with self.coordinator.answering():
                await keeper.async_set(self.person_id, self.entity_description.key, value, unit)


def with_settings[DescriptionT: EntityDescription](
    descriptions: Sequence[DescriptionT],
) -> Callable[[PersonSnapshot], list[DescriptionT]]:
    """Those of the descriptions that a person has settings for."""
    return lambda snapshot: [one for one in descriptions if one.key in snapshot.settings]


def add_people[DescriptionT: EntityDescription](
    entry: CareAlertsConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    descriptions_of: Callable[[PersonSnapshot], Iterable[DescriptionT]],
    entity: Callable[[SourceCoordinator, DescriptionT, Person], Entity],
) -> None:
    """Add the entities that everybody's snapshot asks for, now and whenever somebody or something new appears."""
    coordinator = entry.runtime_data
    known: set[tuple[str, str]] = set()

    @callback
    def add_new() -> None:
        people = coordinator.data.people
        known.intersection_update({one for one in known if one[0] in people})
        new = [
            entity(coordinator, description, snapshot.person)
            for person_id, snapshot in people.items()
            for description in descriptions_of(snapshot)
            if (person_id, description.key) not in known
        ]
        if new:
            known.update(
                (person_id, description.key)
                for person_id, snapshot in people.items()
                for description in descriptions_of(snapshot)
            )
            async_add_entities(new)

    # A coordinator polls only while it is listened to: this goes on when every entity is disabled.
    entry.async_on_unload(coordinator.async_add_listener(add_new))
    add_new()
