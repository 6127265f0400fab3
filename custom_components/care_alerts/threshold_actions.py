"""The actions for settings that a source keeps: reading, changing and deleting somebody's alert thresholds."""

from typing import Any, Final

from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from .actions import targeted
from .const import DOMAIN
from .providers.settings import SettingsKeeper
from .providers.tidepool.settings import FIELDS
from .providers.tidepool.units import MG_DL, MMOL_L

GET_THRESHOLDS: Final = "get_alert_thresholds"
SET_THRESHOLDS: Final = "set_alert_thresholds"
DELETE_THRESHOLDS: Final = "delete_alert_thresholds"
ATTR_UNIT: Final = "unit"

TARGET_SCHEMA = cv.make_entity_service_schema({})
SET_SCHEMA = cv.make_entity_service_schema(
    {
        vol.Optional(ATTR_UNIT): vol.In([MG_DL, MMOL_L]),
        **{
            vol.Optional(name): cv.boolean if field.name == "enabled" else vol.Coerce(float)
            for name, field in FIELDS.items()
        },
    }
)


@callback
def async_setup_threshold_actions(hass: HomeAssistant) -> None:
    """Register the actions."""
    hass.services.async_register(
        DOMAIN,
        GET_THRESHOLDS,
        _get,
        schema=TARGET_SCHEMA,
        supports_response=SupportsResponse.ONLY,
    )
    hass.services.async_register(
        DOMAIN,
        SET_THRESHOLDS,
        _set,
        schema=SET_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )
    hass.services.async_register(DOMAIN, DELETE_THRESHOLDS, _delete, schema=TARGET_SCHEMA)


async def _get(call: ServiceCall) -> ServiceResponse:
    """Return somebody's settings by the names of `set_alert_thresholds`, with `device_id` and `person`."""
    keeper, person_id, who = _person(call)
    return await keeper.async_settings_of(person_id) | who


async def _set(call: ServiceCall) -> ServiceResponse:
    """Change what is given, and return the settings as read back."""
    keeper, person_id, who = _person(call)
    asked = {name: call.data[name] for name in FIELDS if name in call.data}
    if not asked:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="nothing_asked")
    unit: str | None = call.data.get(ATTR_UNIT)
    return await keeper.async_change_settings(person_id, asked, unit) | who


async def _delete(call: ServiceCall) -> None:
    """Delete somebody's settings."""
    keeper, person_id, _ = _person(call)
    await keeper.async_delete_settings(person_id)


def _person(call: ServiceCall) -> tuple[SettingsKeeper, str, dict[str, Any]]:
    """The one person aimed at: nobody's thresholds are to be changed by an area that holds two.

    Raises:
        ServiceValidationError: it is not one, or of a source that keeps no settings.

    """
    found = [
        (coordinator, person_id, who)
        for coordinator, people in targeted(call).items()
        for person_id, who in people.items()
        if isinstance(coordinator, SettingsKeeper)
    ]
    if len(found) != 1:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="one_person_with_thresholds"
        )
    return found[0]
