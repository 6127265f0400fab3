"""What an action is aimed at, and whether the user who calls may."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Self

from homeassistant.auth.models import User
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_EXCLUDE
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import ServiceValidationError, Unauthorized, UnknownUser
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.target import (
    SelectedEntities,
    TargetSelection,
    async_extract_referenced_entity_ids,
)

from ..alerts.snapshot import PersonSnapshot
from ..const import DOMAIN
from ..responses.episodes import EpisodeRef, people_as
from ..responses.permissions import entities_of_person, forbidden, may
from ..responses.snapshots import DOMAINS, MEMORY
from ..sources.coordinator import CareAlertsConfigEntry, SourceCoordinator
from ..sources.targets import (
    DeviceRef,
    ResolvedTarget,
    aim_at,
    aim_at_or_everybody,
    device_ref,
    exempted_by,
    sensor_of,
    sources,
    without_exclude,
)


@dataclass(frozen=True, slots=True)
class Targeted:
    """What an action is aimed at in one source: all of it, people as a whole, and single alerts of others."""

    coordinator: SourceCoordinator
    is_whole: bool
    people: Mapping[str, DeviceRef]
    exempt: Mapping[str, frozenset[str]]
    """The alert types that are not meant of those who are among `people`, by person id."""
    alerts: Mapping[str, tuple[DeviceRef, list[str]]]
    """Somebody and their alert types, by person id; not of those who are among `people`."""

    @property
    def everybody(self) -> dict[str, DeviceRef]:
        """Everybody concerned: an alert stands for its person."""
        return {**self.people, **{who: where for who, (where, _) in self.alerts.items()}}

    def with_person(self, person_id: str, where: DeviceRef, exempt: frozenset[str]) -> Self:
        """The same, with somebody as a whole, but for alert types that are `exempt`."""
        return replace(
            self,
            people={**self.people, person_id: where},
            exempt={**self.exempt, person_id: exempt} if exempt else self.exempt,
            alerts={who: known for who, known in self.alerts.items() if who != person_id},
        )

    def exempts(self, person_id: str, alert_type: str) -> bool:
        """Whether alerts of a type are not meant, though their person is."""
        return alert_type in self.exempt.get(person_id, ())


async def caller(call: ServiceCall) -> User | None:
    """The user who calls; None where none does, as in an automation."""
    user_id = call.context.user_id
    return await call.hass.auth.async_get_user(user_id) if user_id else None


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
    if entity_id := forbidden(user, permission, entity_ids):
        raise Unauthorized(context=call.context, entity_id=entity_id, permission=permission)


async def check_episode(call: ServiceCall, ref: EpisodeRef, permission: str) -> None:
    """Whoever has something to do with an episode must have a permission for all entities of its person.

    Raises:
        Unauthorized: the user does not.
        UnknownUser: there is no such user any more.

    """
    device_id = device_ref(call.hass, ref.coordinator, ref.person).device_id
    await check_permission(call, permission, entities_of_person(call.hass, device_id))


def appliances(call: ServiceCall) -> tuple[list[str], list[str]]:
    """The lights and speakers of a target, groups among them; and those meant, of groups each member."""
    selection = TargetSelection(without_exclude(call.data))
    selected = _appliances(async_extract_referenced_entity_ids(call.hass, selection))
    exempt = _appliances(exempted_by(call.hass, call.data))
    each = call.hass.data[MEMORY].each
    left_out = {*exempt, *each(exempt)}
    return selected, [one for one in each(selected) if one not in left_out]


def _appliances(found: SelectedEntities) -> list[str]:
    return sorted(
        one
        for one in found.referenced | found.indirectly_referenced
        if one.partition(".")[0] in DOMAINS
    )


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


async def with_other_sources(
    call: ServiceCall, found: Iterable[Targeted], permission: str
) -> list[Targeted]:
    """The same, with what other sources have of the people among them, as far as the user has the permission for that.

    Not of those of a source that is meant as a whole: who is to hear nothing of one source did not say so of another.
    """
    user = await caller(call)
    others = aim_at_others(call)
    whole = {one.coordinator: one for one in found}
    for one in list(whole.values()):
        for person_id in () if one.is_whole else one.people:
            # They may be gone since they were aimed at.
            snapshot = one.coordinator.data.people.get(person_id)
            theirs = people_as(call.hass, one.coordinator, snapshot) if snapshot else ()
            for coordinator, person in theirs:
                known = whole.get(coordinator) or Targeted(coordinator, False, {}, {}, {})
                which = person.person.person_id
                meant = meant_of(call.hass, others, coordinator, person)
                if (
                    which not in known.people
                    and meant.is_whole
                    and may(call.hass, user, permission, meant.where.device_id)
                ):
                    exempt = meant.exempt | one.exempt.get(person_id, frozenset())
                    whole[coordinator] = known.with_person(which, meant.where, exempt)
    return list(whole.values())


def aim_at_others(call: ServiceCall) -> ResolvedTarget:
    """At what other sources have of whoever is meant: all that is not exempt."""
    return aim_at_or_everybody(call.hass, {CONF_EXCLUDE: call.data.get(CONF_EXCLUDE)})


@dataclass(frozen=True, slots=True)
class Meant:
    """What a target means of somebody: `is_whole`, or single alert types; and those `exempt` of what there is."""

    where: DeviceRef
    is_whole: bool
    types: list[str]
    exempt: frozenset[str]


def meant_of(
    hass: HomeAssistant,
    aim: ResolvedTarget,
    coordinator: SourceCoordinator,
    snapshot: PersonSnapshot,
) -> Meant:
    """What is meant of somebody, as one source has them."""
    source, where = coordinator.source_device_id, device_ref(hass, coordinator, snapshot)
    types = [
        alert_type
        for alert_type in snapshot.conditions
        if aim.takes(
            source,
            where.device_id,
            sensor_of(hass, coordinator, snapshot.person.person_id, alert_type),
        )
    ]
    is_whole = aim.takes(source, where.device_id, None)
    return Meant(where, is_whole, types, frozenset(snapshot.conditions.keys() - types))


def _aimed_at(hass: HomeAssistant, aim: ResolvedTarget, entry: CareAlertsConfigEntry) -> list[str]:
    """The entities of an entry that a target holds, whether the entry is running or not."""
    return [
        entity.entity_id
        for entity in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
        if aim.takes(None, entity.device_id, entity.entity_id)
    ]


def _entities_of(hass: HomeAssistant, found: Iterable[Targeted]) -> Iterator[str]:
    """The entities that stand for what was found: a source's for all of it, a person's for all of theirs."""
    for one in found:
        if one.is_whole:
            for entity in er.async_entries_for_config_entry(
                er.async_get(hass), one.coordinator.config_entry.entry_id
            ):
                yield entity.entity_id
        for where in () if one.is_whole else one.everybody.values():
            yield from entities_of_person(hass, where.device_id)


def _targeted(hass: HomeAssistant, aim: ResolvedTarget) -> list[Targeted]:
    found = []
    for coordinator in sources(hass):
        people: dict[str, DeviceRef] = {}
        exempt: dict[str, frozenset[str]] = {}
        alerts: dict[str, tuple[DeviceRef, list[str]]] = {}
        for person_id, snapshot in coordinator.data.people.items():
            meant = meant_of(hass, aim, coordinator, snapshot)
            if meant.is_whole:
                people[person_id] = meant.where
                if meant.exempt:
                    exempt[person_id] = meant.exempt
            elif meant.types:
                alerts[person_id] = meant.where, meant.types
        if people or alerts:
            is_whole = (
                aim.takes(coordinator.source_device_id, None, None)
                and not exempt
                and people.keys() == coordinator.data.people.keys()
            )
            found.append(Targeted(coordinator, is_whole, people, exempt, alerts))
    return found
