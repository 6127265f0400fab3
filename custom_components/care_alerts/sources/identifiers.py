"""Identifiers: how the devices and entities of sources and people are known in the registries."""

from typing import Any, Final

from homeassistant.config_entries import ConfigEntry

from ..const import DOMAIN
from .coordinator import SourceCoordinator

ALERT: Final = "alert"
"""The key of the event entity of a person's alerts."""


def source_identifier(entry: ConfigEntry[Any]) -> tuple[str, str]:
    """The device identifier of a source, or of the household."""
    return (DOMAIN, entry.entry_id)


def source_unique_id(entry: ConfigEntry[Any], key: str) -> str:
    """The unique id of a source's entity, or of the household's."""
    return f"{entry.entry_id}_{key}"


def person_identifier(coordinator: SourceCoordinator, person_id: str) -> tuple[str, str]:
    """The device identifier of a person: unique within the entry."""
    return (DOMAIN, f"{coordinator.source_type.key}_{person_id}")


def person_unique_id(coordinator: SourceCoordinator, person_id: str, key: str) -> str:
    """The unique id of a person's entity: stays the same if the source is removed and added again."""
    source_type = coordinator.source_type
    account = source_type.account_of(coordinator.config_entry.data)
    return "_".join(filter(None, (source_type.key, account, person_id, key)))
