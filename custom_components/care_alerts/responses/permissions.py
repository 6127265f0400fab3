"""Permissions: whether a user may see, or do something about, somebody who is looked after.

The one rule for whatever is asked of us: by an action, a card, a voice or a button on a phone.
"""

from collections.abc import Iterable

from homeassistant.auth.models import User
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from ..const import DOMAIN


def forbidden(user: User, permission: str, entity_ids: Iterable[str]) -> str | None:
    """The first of entities that a user does not have a permission for; None if they have it for all.

    Where there are none, only who has it for everything has it: nothing says whose it would be.
    """
    permissions = user.permissions
    if user.is_active and permissions.access_all_entities(permission):
        return None
    for entity_id in [*entity_ids] or [f"{DOMAIN}.nobody"]:
        if not (user.is_active and permissions.check_entity(entity_id, permission)):
            return entity_id
    return None


def may(hass: HomeAssistant, user: User | None, permission: str, device_id: str | None) -> bool:
    """Whether a user has a permission for all of somebody, by their device; what no user does, as an automation, may do all."""
    return user is None or forbidden(user, permission, entities_of_person(hass, device_id)) is None


def entities_of_person(hass: HomeAssistant, device_id: str | None) -> list[str]:
    """The entities that stand for somebody, by their device.

    Also those that are disabled: who may not see somebody's does not get at them where there is nothing to see.
    """
    if device_id is None:
        return []
    return [
        entity.entity_id
        for entity in er.async_entries_for_device(
            er.async_get(hass), device_id, include_disabled_entities=True
        )
        if entity.platform == DOMAIN
    ]
