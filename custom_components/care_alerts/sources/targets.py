"""Targets: whom and which alerts an area, a label, a device or an entity stands for."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from homeassistant.const import ATTR_DEVICE_ID, CONF_EXCLUDE, Platform
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
from homeassistant.helpers.target import (
    SelectedEntities,
    TargetSelection,
    async_extract_referenced_entity_ids,
)

from ..alerts.alert import AlertKey
from ..alerts.glucose import usual_unit
from ..alerts.snapshot import PersonSnapshot
from ..const import DOMAIN
from . import ALERT_TYPES
from .coordinator import SourceCoordinator
from .glucose import glucose_unit_of
from .identifiers import ALERT, person_identifier, person_unique_id


@dataclass(frozen=True, slots=True)
class ResolvedTarget:
    """What a target comes to: `devices` of sources and people as a whole, `sensors` of single alerts.

    `is_everybody`: whoever there is, now and later. `exempt`: what is not meant, though it is among all that.
    """

    devices: frozenset[str] = frozenset()
    sensors: frozenset[str] = frozenset()
    is_everybody: bool = False
    exempt: ResolvedTarget | None = None

    def takes(
        self, source_device_id: str | None, device_id: str | None, entity_id: str | None
    ) -> bool:
        """Whether an alert is meant, given the devices of its source and person and its sensor."""
        is_among = (
            self.is_everybody
            or source_device_id in self.devices
            or device_id in self.devices
            or entity_id in self.sensors
        )
        is_exempt = self.exempt and self.exempt.takes(source_device_id, device_id, entity_id)
        return is_among and not is_exempt


def without_exclude(target: Mapping[str, Any]) -> dict[str, Any]:
    """A target without its `exclude` block."""
    return {kind: chosen for kind, chosen in target.items() if kind != CONF_EXCLUDE}


def exempted_by(hass: HomeAssistant, target: Mapping[str, Any]) -> SelectedEntities:
    """What the `exclude` block of a target holds.

    Of areas, labels and devices also what is hidden, and what configures or diagnoses, as Home Assistant has it.
    """
    selection = TargetSelection(dict(target.get(CONF_EXCLUDE) or {}))
    selected = async_extract_referenced_entity_ids(hass, selection, primary_entities_only=False)
    registry, devices = er.async_get(hass), dr.async_get(hass)
    of_areas = {
        device.id
        for area_id in selected.referenced_areas
        for device in dr.async_entries_for_area(devices, area_id)
    } - selection.device_ids
    entities = [
        *chain.from_iterable(
            er.async_entries_for_label(registry, one) for one in selection.label_ids
        ),
        *chain.from_iterable(
            er.async_entries_for_area(registry, one) for one in selected.referenced_areas
        ),
        # What belongs to a device of an area may be in another.
        *(
            entity
            for device_id in selected.referenced_devices
            for entity in er.async_entries_for_device(registry, device_id)
            if device_id not in of_areas or not entity.area_id
        ),
    ]
    selected.indirectly_referenced |= {entity.entity_id for entity in entities}
    return selected


def aim_at(hass: HomeAssistant, target: Mapping[str, Any]) -> ResolvedTarget:
    """Work out a target.

    A sensor of an alert type stands for that alert, any other entity for its device; a person's device
    stands for all their alerts, a source's for all its people. In an `exclude` block (Home Assistant has it since
    2026.11) they stand for the same.
    """
    selection = TargetSelection(without_exclude(target))
    selected = async_extract_referenced_entity_ids(hass, selection, primary_entities_only=False)
    return replace(_resolve(hass, selected), exempt=_resolve(hass, exempted_by(hass, target)))


def aim_at_or_everybody(hass: HomeAssistant, target: Mapping[str, Any] | None) -> ResolvedTarget:
    """The same where everybody is meant if there is no target; one that only exempts exempts of everybody."""
    target = target or {}
    return replace(aim_at(hass, target), is_everybody=not without_exclude(target))


def _resolve(hass: HomeAssistant, selected: SelectedEntities) -> ResolvedTarget:
    registry = er.async_get(hass)
    devices = set(selected.referenced_devices)
    sensors = set()
    for entity_id in selected.referenced | selected.indirectly_referenced:
        entity = registry.async_get(entity_id)
        if (
            entity is None
            or entity.platform != DOMAIN
            or entity.device_id is None
            or entity.device_id in selected.referenced_devices
        ):
            continue
        if entity.domain == Platform.BINARY_SENSOR and entity.translation_key in ALERT_TYPES:
            sensors.add(entity.entity_id)
        else:
            devices.add(entity.device_id)
    return ResolvedTarget(frozenset(devices), frozenset(sensors))


class TargetResolver:
    """The aim of a trigger: worked out when it is needed, and again once areas, devices or entities have changed."""

    def __init__(self, hass: HomeAssistant, target: Mapping[str, Any] | None) -> None:
        """Aim at a target; at everybody if there is none."""
        self._hass = hass
        self._target = target
        self._aim: ResolvedTarget | None = None

    @callback
    def async_track(self) -> CALLBACK_TYPE:
        """Notice changes from now on; returns the way to end that."""

        @callback
        def forget(_: Any) -> None:
            self._aim = None

        bus = self._hass.bus
        stops = ExitStack()
        stops.callback(bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, forget))
        stops.callback(bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, forget))
        stops.callback(bus.async_listen(ar.EVENT_AREA_REGISTRY_UPDATED, forget))
        return stops.close

    def takes(
        self, source_device_id: str | None, device_id: str | None, entity_id: str | None
    ) -> bool:
        """Whether an alert is meant."""
        if not self._target:
            return True
        if self._aim is None:
            self._aim = aim_at_or_everybody(self._hass, self._target)
        return self._aim.takes(source_device_id, device_id, entity_id)


@dataclass(frozen=True, slots=True)
class DeviceRef:
    """Where somebody is found in the house: their device and its name, and the source's device."""

    device_id: str | None
    name: str
    source_device_id: str

    @property
    def as_data(self) -> dict[str, Any]:
        """As answers of actions have it."""
        return {ATTR_DEVICE_ID: self.device_id, "person": self.name}

    def tag(self, topic: AlertKey) -> str:
        """The same for all episodes of a topic: what shows one of them, or holds something for it, goes by it."""
        drill = ["drill"] if topic.drill else []
        return "_".join((DOMAIN, self.device_id or "", topic.alert_type, *drill))


def device_ref(
    hass: HomeAssistant, coordinator: SourceCoordinator, snapshot: PersonSnapshot
) -> DeviceRef:
    """Find somebody's device, called what the user calls it."""
    device = dr.async_get(hass).async_get_device_by_identifier(
        person_identifier(coordinator, snapshot.person.person_id),
        coordinator.config_entry.entry_id,
    )
    return DeviceRef(
        device.id if device else None,
        (device and device.name_by_user) or snapshot.person.name,
        coordinator.source_device_id,
    )


def names_of(
    hass: HomeAssistant, coordinator: SourceCoordinator, people: Iterable[str]
) -> list[str]:
    """What the user calls people, by their ids; sorted, without those who have gone."""
    known = coordinator.data.people
    return sorted(device_ref(hass, coordinator, known[who]).name for who in people if who in known)


def person_of(
    hass: HomeAssistant, device_id: str
) -> tuple[SourceCoordinator, PersonSnapshot] | None:
    """Find somebody by their device; None while their source does not run, and if it speaks of them no more."""
    device = dr.async_get(hass).async_get(device_id)
    for coordinator in sources(hass):
        # Two accounts may follow the same person.
        if device is None or coordinator.config_entry.entry_id != device.config_entry_id:
            continue
        for person_id, person in coordinator.data.people.items():
            if person_identifier(coordinator, person_id) in device.identifiers:
                return coordinator, person
    return None


def sensor_of(
    hass: HomeAssistant, coordinator: SourceCoordinator, person_id: str, alert_type: str
) -> str | None:
    """The id of the sensor of an alert type, None if there is none."""
    return er.async_get(hass).async_get_entity_id(
        Platform.BINARY_SENSOR, DOMAIN, person_unique_id(coordinator, person_id, alert_type)
    )


def event_of(hass: HomeAssistant, coordinator: SourceCoordinator, person_id: str) -> str | None:
    """The id of somebody's event entity, None if there is none."""
    return er.async_get(hass).async_get_entity_id(
        Platform.EVENT, DOMAIN, person_unique_id(coordinator, person_id, ALERT)
    )


def unit_of(hass: HomeAssistant, coordinator: SourceCoordinator, person_id: str) -> str:
    """The unit of somebody's glucose: that of `sensor.glucose` as the user has it, else the usual one of the country."""
    registry = er.async_get(hass)
    unique_id = person_unique_id(coordinator, person_id, "glucose")
    entity_id = registry.async_get_entity_id(Platform.SENSOR, DOMAIN, unique_id)
    if entity_id and (entity := registry.async_get(entity_id)):
        options: Mapping[str, Mapping[str, Any]] = entity.options
        chosen = options.get("sensor", {}).get("unit_of_measurement")
        # As it was suggested when the entity was made.
        suggested = options.get("sensor.private", {}).get("suggested_unit_of_measurement")
        if unit := chosen or suggested:
            return str(unit)
    snapshot = coordinator.data.people.get(person_id)
    own = glucose_unit_of(snapshot) if snapshot else None
    return own or usual_unit(hass.config.country)


def sources(hass: HomeAssistant) -> Iterator[SourceCoordinator]:
    """The sources that are set up."""
    for entry in hass.config_entries.async_loaded_entries(DOMAIN):
        # The household is no source.
        coordinator = getattr(entry, "runtime_data", None)
        if isinstance(coordinator, SourceCoordinator):
            yield coordinator
