"""Targets: whom and which alerts an area, a label, a device or an entity stands for."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import ATTR_DEVICE_ID, Platform
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import ServiceValidationError, Unauthorized, UnknownUser
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids

from .alerts.snapshot import PersonSnapshot
from .const import DOMAIN
from .entity import ALERT, person_identifier, person_unique_id
from .sources import ALERT_TYPES
from .sources.coordinator import SourceCoordinator


@dataclass(frozen=True, slots=True)
class ResolvedTarget:
    """What a target comes to: `devices` of sources and people as a whole, `sensors` of single alerts."""

    devices: frozenset[str]
    sensors: frozenset[str]

    def takes(
        self, source_device_id: str | None, device_id: str | None, entity_id: str | None
    ) -> bool:
        """Whether an alert is meant, given the devices of its source and person and its sensor."""
        return (
            source_device_id in self.devices
            or device_id in self.devices
            or entity_id in self.sensors
        )


def aim_at(hass: HomeAssistant, target: Mapping[str, Any]) -> ResolvedTarget:
    """Work out a target.

    A sensor of an alert type stands for that alert, any other entity for its device; a person's device
    stands for all their alerts, a source's for all its people.
    """
    selected = async_extract_referenced_entity_ids(
        hass, TargetSelection(dict(target)), primary_entities_only=False
    )
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
            sensors.add(entity_id)
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
            self._aim = aim_at(self._hass, self._target)
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


def sources(hass: HomeAssistant) -> Iterator[SourceCoordinator]:
    """The sources that are set up."""
    for entry in hass.config_entries.async_loaded_entries(DOMAIN):
        yield entry.runtime_data


@dataclass(frozen=True, slots=True)
class Targeted:
    """What an action is aimed at in one source: all of it, people as a whole, and single alerts of others."""

    coordinator: SourceCoordinator
    is_whole: bool
    people: Mapping[str, DeviceRef]
    alerts: Mapping[str, tuple[DeviceRef, list[str]]]
    """Somebody and their alert types, by person id; not of those who are among `people`."""

    @property
    def everybody(self) -> dict[str, DeviceRef]:
        """Everybody concerned: an alert stands for its person."""
        return {**self.people, **{who: where for who, (where, _) in self.alerts.items()}}


async def check_permission(call: ServiceCall, permission: str, entity_ids: Iterable[str]) -> None:
    """Hold Home Assistant's entity permissions: what is not called by a user, as by an automation, may do all.

    Raises:
        Unauthorized: the user does not have the permission for all of them.
        UnknownUser: there is no such user any more.

    """
    if call.context.user_id is None:
        return
    user = await call.hass.auth.async_get_user(call.context.user_id)
    if user is None:
        raise UnknownUser(context=call.context)
    for entity_id in entity_ids:
        if not user.permissions.check_entity(entity_id, permission):
            raise Unauthorized(context=call.context, entity_id=entity_id, permission=permission)


async def targeted(call: ServiceCall, permission: str) -> list[Targeted]:
    """Work out the target of an action that needs a permission for all entities of everybody concerned.

    Raises:
        ServiceValidationError: it holds nobody of ours, or only of a source that is not running.
        Unauthorized: it holds somebody who is not for the user who calls.
        UnknownUser: there is no such user any more.

    """
    aim = aim_at(call.hass, call.data)
    if found := _targeted(call.hass, aim):
        await check_permission(call, permission, _entities_of(call.hass, found))
        return found
    for entry in call.hass.config_entries.async_entries(DOMAIN):
        if entry.state is not ConfigEntryState.LOADED and (
            meant := _aimed_at(call.hass, aim, entry)
        ):
            await check_permission(call, permission, meant)
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="not_running",
                translation_placeholders={"entry": entry.title},
            )
    raise ServiceValidationError(translation_domain=DOMAIN, translation_key="nobody_targeted")


def _aimed_at(hass: HomeAssistant, aim: ResolvedTarget, entry: ConfigEntry) -> list[str]:
    """The entities of an entry that a target holds, whether the entry is running or not."""
    return [
        entity.entity_id
        for entity in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
        if aim.takes(None, entity.device_id, entity.entity_id)
    ]


def _entities_of(hass: HomeAssistant, found: Iterable[Targeted]) -> Iterator[str]:
    """The entities that stand for what was found: a source's for all of it, a person's for all of theirs.

    Also those that are disabled: who may not see somebody's does not get at them where there is nothing to see.
    """
    for one in found:
        devices = {where.device_id for where in one.everybody.values()}
        for entity in er.async_entries_for_config_entry(
            er.async_get(hass), one.coordinator.config_entry.entry_id
        ):
            if one.is_whole or entity.device_id in devices:
                yield entity.entity_id


def _targeted(hass: HomeAssistant, aim: ResolvedTarget) -> list[Targeted]:
    found = []
    for coordinator in sources(hass):
        is_whole = coordinator.source_device_id in aim.devices
        people: dict[str, DeviceRef] = {}
        alerts: dict[str, tuple[DeviceRef, list[str]]] = {}
        for person_id, snapshot in coordinator.data.people.items():
            where = device_ref(hass, coordinator, snapshot)
            if is_whole or where.device_id in aim.devices:
                people[person_id] = where
            elif types := [
                alert_type
                for alert_type in snapshot.conditions
                if sensor_of(hass, coordinator, person_id, alert_type) in aim.sensors
            ]:
                alerts[person_id] = where, types
        if people or alerts:
            found.append(Targeted(coordinator, is_whole, people, alerts))
    return found
