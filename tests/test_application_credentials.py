"""The dialog for a developer app: where to register it, and where the vendor sends people back to."""

from homeassistant.components.application_credentials import (
    ClientCredential,
    async_import_client_credential,
)
from homeassistant.core import HomeAssistant
from homeassistant.core_config import async_process_ha_core_config
from homeassistant.helpers.config_entry_oauth2_flow import async_get_implementations
from homeassistant.setup import async_setup_component
import pytest

from custom_components.care_alerts import application_credentials
from custom_components.care_alerts.const import DOMAIN

MY = "https://my.home-assistant.io/redirect/oauth"


@pytest.mark.parametrize(
    ("has_my", "url", "expected"),
    [
        (True, "https://home.example.com", MY),
        (False, "https://home.example.com", "https://home.example.com/auth/external/callback"),
        (False, None, MY),
    ],
)
async def test_where_people_come_back_to(
    hass: HomeAssistant, has_my: bool, url: str | None, expected: str
) -> None:
    await async_process_ha_core_config(hass, {"external_url": url} if url else {})
    if has_my:
        hass.config.components.add("my")
    if url is None:
        hass.config.api = None
    said = await application_credentials.async_get_description_placeholders(hass)
    assert said == {"portal_url": "https://developer.dexcom.com", "redirect_uri": expected}


async def test_an_app_asks_in_its_region(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, "application_credentials", {})
    await async_import_client_credential(hass, DOMAIN, ClientCredential("id", "secret"), "app")
    implementations = await async_get_implementations(hass, DOMAIN)
    [implementation] = implementations.values()
    assert implementation.authorize_url.startswith("https://api.dexcom.com/")  # type: ignore[attr-defined]
