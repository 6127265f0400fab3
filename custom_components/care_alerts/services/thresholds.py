"""What can be asked of a source that keeps settings: reading, changing and deleting somebody's alert thresholds."""

from typing import Any, Final

from homeassistant.auth.permissions.const import POLICY_CONTROL, POLICY_READ
from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from ..const import DOMAIN
from ..sources import SOURCES
from ..sources.coordinator import SourceCoordinator
from ..sources.settings import SettingsKeeper
from .targets import targeted

GET_THRESHOLDS: Final = "get_alert_thresholds"
SET_THRESHOLDS: Final = "set_alert_thresholds"
DELETE_THRESHOLDS: Final = "delete_alert_thresholds"
ATTR_UNIT: Final = "unit"

_KEEPERS: Final = [
    source_type.settings_keeper for source_type in SOURCES.values() if source_type.settings_keeper
]

SET_THRESHOLDS_SCHEMA = cv.make_entity_service_schema(
    {
        vol.Optional(ATTR_UNIT): vol.In([unit for keeper in _KEEPERS for unit in keeper.units]),
        **{
            vol.Optional(name): cv.boolean if kind is bool else vol.Coerce(float)
            for keeper in _KEEPERS
            for name, kind in keeper.fields.items()
        },
    }
)


async def get_thresholds(call: ServiceCall) -> ServiceResponse:
    """Return somebody's settings by the names of `set_alert_thresholds`, with `device_id` and `person`."""
    coordinator, keeper, person_id, who = await _person(call, POLICY_READ)
    with coordinator.answering():
        return await keeper.async_settings_of(person_id) | who


async def set_thresholds(call: ServiceCall) -> ServiceResponse:
    """Change what is given, and return the settings as read back."""
    coordinator, keeper, person_id, who = await _person(call, POLICY_CONTROL)
    asked = {name: call.data[name] for name in keeper.fields if name in call.data}
    if not asked:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="nothing_asked")
    unit: str | None = call.data.get(ATTR_UNIT)
    with coordinator.answering():
        return await keeper.async_change_settings(person_id, asked, unit) | who


async def delete_thresholds(call: ServiceCall) -> None:
    """Delete somebody's settings."""
    coordinator, keeper, person_id, _ = await _person(call, POLICY_CONTROL)
    with coordinator.answering():
        await keeper.async_delete_settings(person_id)


async def _person(
    call: ServiceCall, permission: str
) -> tuple[SourceCoordinator, SettingsKeeper, str, dict[str, Any]]:
    """The one person aimed at: nobody's thresholds are to be changed by an area that holds two.

    Raises:
        ServiceValidationError: it is not one, or of a source that keeps no settings.
        Unauthorized, UnknownUser: as `targeted`.

    """
    found = [
        (aimed.coordinator, keeper, person_id, where.as_data)
        for aimed in await targeted(call, permission)
        for person_id, where in aimed.everybody.items()
        if (keeper := aimed.coordinator.source.settings_keeper)
    ]
    if len(found) != 1:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="one_person_with_thresholds"
        )
    return found[0]
