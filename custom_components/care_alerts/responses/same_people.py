"""Whom several sources may have: who there is, and which of them are called the same. It is proposed, and somebody has to say so."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import CONF_SOURCE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from ..const import DOMAIN
from ..sources import SOURCES
from ..sources.targets import person_of
from .plan import SamePerson


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """Somebody as one source has them: their device, what the user calls it, and what the source is called."""

    device_id: str
    name: str
    entry_id: str
    source: str

    @property
    def words(self) -> list[str]:
        """The name as it is compared with others."""
        return self.name.casefold().split()


def known_people(hass: HomeAssistant) -> list[KnownPerson]:
    """Everybody whom a source has, whether it runs or not, by name."""
    found = [
        KnownPerson(
            device.id, device.name_by_user or device.name or "", entry.entry_id, entry.title
        )
        for entry in hass.config_entries.async_entries(DOMAIN, include_disabled=False)
        for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        if _is_person(entry, device)
    ]
    return sorted(found, key=lambda one: (one.words, one.source, one.device_id))


def _is_person(entry: ConfigEntry[Any], device: dr.DeviceEntry) -> bool:
    kind = entry.data[CONF_SOURCE]
    return kind in SOURCES and any(
        domain == DOMAIN and identifier.startswith(f"{kind}_")
        for domain, identifier in device.identifiers
    )


def proposed(hass: HomeAssistant, links: Iterable[SamePerson]) -> list[SamePerson]:
    """Who is called the same in several sources, and of whom nobody has said yet that they are one.

    A name that only goes on, as with a family name, is the same.
    """
    linked = {which for link in links for which in link.people}
    groups: list[list[KnownPerson]] = []
    for person in known_people(hass):
        if person.device_id in linked or not person.words:
            continue
        for group in groups:
            first = group[0]
            is_same = person.words[: len(first.words)] == first.words
            if is_same and all(one.entry_id != person.entry_id for one in group):
                group.append(person)
                break
        else:
            groups.append([person])
    return [
        SamePerson(
            same_id="", name=group[0].name, people=tuple(sorted(one.device_id for one in group))
        )
        for group in groups
        if len(group) > 1
    ]


def are_of_one_source(hass: HomeAssistant, people: Iterable[str]) -> bool:
    """Whether a source has several of these devices: by its word they are several people."""
    registry = dr.async_get(hass)
    devices = (registry.async_get(which) for which in people)
    entries = [one.config_entry_id for one in devices if isinstance(one, dr.DeviceEntry)]
    return len(set(entries)) < len(entries)


def gone(hass: HomeAssistant, links: Sequence[SamePerson]) -> Iterator[SamePerson]:
    """Those of whom a source has nobody any more: as long as a source does not run, nobody knows."""
    registry = dr.async_get(hass)
    for link in links:
        for which in link.people:
            device = registry.async_get(which)
            entry = (
                hass.config_entries.async_get_entry(device.config_entry_id)
                if isinstance(device, dr.DeviceEntry)
                else None
            )
            is_running = entry is not None and entry.state is ConfigEntryState.LOADED
            if entry is None or (is_running and person_of(hass, which) is None):
                yield link
                break
