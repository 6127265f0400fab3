"""The dashboard: the browser gets the module that makes one of the people and sources there are."""

from pathlib import Path
from typing import Final

from homeassistant.components.frontend import DOMAIN as FRONTEND, add_extra_js_url
from homeassistant.components.http import StaticPathConfig  # type: ignore[attr-defined]  # as documented
from homeassistant.core import HomeAssistant
from homeassistant.loader import async_get_integration

from .const import DOMAIN

MODULE_URL: Final = f"/{DOMAIN}/care-alerts.js"
MODULE: Final = Path(__file__).parent / "frontend" / "care-alerts.js"


async def async_setup_dashboard(hass: HomeAssistant) -> None:
    """Serve the module and have every page load it; a Home Assistant without pages does without.

    Nothing is written: it is gone with the integration. The version in the address makes browsers fetch a new one;
    an address kept from before an upgrade answers, too.
    """
    if FRONTEND not in hass.config.components:
        return
    integration = await async_get_integration(hass, DOMAIN)
    await hass.http.async_register_static_paths(
        [StaticPathConfig(MODULE_URL, str(MODULE), cache_headers=True)]
    )
    add_extra_js_url(hass, f"{MODULE_URL}?v={integration.version}")
