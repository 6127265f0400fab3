"""Application credentials: the developer app through which a person's Dexcom account is read."""

from homeassistant.components.application_credentials import ClientCredential
from homeassistant.core import HomeAssistant
from homeassistant.helpers.config_entry_oauth2_flow import AUTH_CALLBACK_PATH, MY_AUTH_CALLBACK_PATH
from homeassistant.helpers.network import NoURLAvailableError, get_url

from .sources.dexcom.oauth import RegionalImplementation, host_of


async def async_get_auth_implementation(
    hass: HomeAssistant, auth_domain: str, credential: ClientCredential
) -> RegionalImplementation:
    """Return what asks for tokens with a credential; the config flow and the entry say in which region."""
    return RegionalImplementation(hass, auth_domain, credential, host_of("us"))


async def async_get_description_placeholders(hass: HomeAssistant) -> dict[str, str]:
    """Return what the dialog for a new credential tells."""
    return {
        "portal_url": "https://developer.dexcom.com",
        "redirect_uri": _redirect_uri(hass),
    }


def _redirect_uri(hass: HomeAssistant) -> str:
    """Where Dexcom will send the person back to; only the browser knows for sure where there is no My Home Assistant."""
    if "my" in hass.config.components:
        return MY_AUTH_CALLBACK_PATH
    try:
        return get_url(hass, prefer_external=True) + AUTH_CALLBACK_PATH
    except NoURLAvailableError:
        return MY_AUTH_CALLBACK_PATH
