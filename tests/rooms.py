"""Rooms with lights and players in them: Home Assistant's own of the demo."""

from typing import Any
from unittest.mock import patch

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.const import DOMAIN

LAMP, OTHER_LAMP = "light.bed_light", "light.ceiling_lights"


async def furnish(hass: HomeAssistant) -> None:
    """Put Home Assistant's own demo lights and players into the house, and us."""
    with patch(
        "homeassistant.components.demo.COMPONENTS_WITH_CONFIG_ENTRY_DEMO_PLATFORM",
        [Platform.LIGHT, Platform.MEDIA_PLAYER],
    ):
        await async_setup_component(hass, "homeassistant", {})
        entry = MockConfigEntry(domain="demo")
        entry.add_to_hass(hass)
        await hass.config_entries.async_setup(entry.entry_id)
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()


async def call(hass: HomeAssistant, service: str, entity_id: str, **data: Any) -> None:
    """Turn something on, off, up or down."""
    await hass.services.async_call(
        entity_id.partition(".")[0], service, {"entity_id": entity_id, **data}, blocking=True
    )
    await hass.async_block_till_done()


def shown(hass: HomeAssistant, entity_id: str) -> tuple[str, dict[str, Any]]:
    """All that there is to see of something."""
    state = hass.states.get(entity_id)
    assert state is not None
    return state.state, dict(state.attributes)
