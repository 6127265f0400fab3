"""Application credentials: the developer app through which a person's Dexcom account is read."""

from homeassistant.components.application_credentials import ClientCredential
from homeassistant.core import HomeAssistant

from .providers.dexcom.oauth import RegionalImplementation, host_of


async def async_get_auth_implementation(
    hass: HomeAssistant, auth_domain: str, credential: ClientCredential
) -> RegionalImplementation:
    """Return what asks for tokens with a credential; the config flow and the entry say in which region."""
    return RegionalImplementation(hass, auth_domain, credential, host_of("us"))


async def async_get_description_placeholders(hass: HomeAssistant) -> dict[str, str]:
    """Return what the dialog for a new credential tells."""
    return {
        "portal_url": "https://developer.dexcom.com",
        "redirect_uri": "https://my.home-assistant.io/redirect/oauth",
    }
