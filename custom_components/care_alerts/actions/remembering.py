"""The actions `remember` and `restore`: lights and speakers as they were before an alarm."""

from typing import Final

from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids
from homeassistant.util.json import JsonValueType
import voluptuous as vol

from ..const import DOMAIN
from ..memory import DOMAINS, MEMORY

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

    """
    selected = async_extract_referenced_entity_ids(call.hass, TargetSelection(call.data))
    entity_ids = sorted(
        entity_id
        for entity_id in selected.referenced | selected.indirectly_referenced
        if entity_id.partition(".")[0] in DOMAINS
    )
    if not entity_ids:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="nothing_to_remember"
        )
    remembered: list[JsonValueType] = [
        *await call.hass.data[MEMORY].remember(
            entity_ids, key=call.data[ATTR_KEY], alarm=call.data.get(ATTR_ALARM)
        )
    ]
    return {"remembered": remembered}


async def restore(call: ServiceCall) -> ServiceResponse:
    """Let an alarm go of what it holds; return `{restored: [entity ids]}`, what is set back by that."""
    restored: list[JsonValueType] = [
        *await call.hass.data[MEMORY].restore(
            key=call.data[ATTR_KEY], alarm=call.data.get(ATTR_ALARM), context=call.context
        )
    ]
    return {"restored": restored}
