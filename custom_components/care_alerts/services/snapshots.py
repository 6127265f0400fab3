"""The actions `remember` and `restore`: lights and speakers as they were before an alarm."""

from collections.abc import Iterable
from typing import Final

from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util.json import JsonValueType
import voluptuous as vol

from ..const import DOMAIN
from ..responses.snapshots import MEMORY
from .targets import appliances, check_permission

REMEMBER: Final = "remember"
RESTORE: Final = "restore"
ATTR_KEY: Final = "key"
ATTR_ALARM: Final = "alarm"

_NAME = vol.All(cv.string, vol.Length(min=1, max=255))

_FIELDS = {
    vol.Required(ATTR_KEY): _NAME,
    vol.Optional(ATTR_ALARM): _NAME,
}
REMEMBER_SCHEMA = cv.make_entity_service_schema(_FIELDS)
RESTORE_SCHEMA = vol.Schema(_FIELDS)


async def remember(call: ServiceCall) -> ServiceResponse:
    """Keep what the targeted lights and speakers are; return `{remembered: [entity ids]}`, all that the key keeps.

    Raises:
        ServiceValidationError: the target holds none.
        Unauthorized, UnknownUser: as `_check`.

    """
    selected, each = appliances(call)
    if not each:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="nothing_to_remember"
        )
    await _check(call, [*selected, *each])
    remembered: list[JsonValueType] = [
        *await call.hass.data[MEMORY].remember(
            each, key=call.data[ATTR_KEY], alarm=call.data.get(ATTR_ALARM)
        )
    ]
    return {"remembered": remembered}


async def restore(call: ServiceCall) -> ServiceResponse:
    """Let an alarm go of what it holds; return `{restored: [entity ids]}`, what is set back by that.

    Raises:
        Unauthorized, UnknownUser: as `_check`.

    """
    await _check(call)
    restored: list[JsonValueType] = [
        *await call.hass.data[MEMORY].restore(
            key=call.data[ATTR_KEY], alarm=call.data.get(ATTR_ALARM), context=call.context
        )
    ]
    return {"restored": restored}


async def _check(call: ServiceCall, entity_ids: Iterable[str] = ()) -> None:
    """Whoever has lights and speakers remembered or set back must be allowed to control them.

    Also what a key keeps already: one more that holds it keeps that from being set back. And all before
    anything is owed: that is given back later, on nobody's account.

    Raises:
        Unauthorized: the user may not control all of them.
        UnknownUser: there is no such user any more.

    """
    memory = call.hass.data[MEMORY]
    if concerned := [*entity_ids, *memory.kept_for(call.data[ATTR_KEY])]:
        await check_permission(call, POLICY_CONTROL, concerned)
