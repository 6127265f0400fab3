"""System health: whether each source answers."""

from typing import Any

from homeassistant.components import system_health
from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN


@callback
def async_register(hass: HomeAssistant, register: system_health.SystemHealthRegistration) -> None:
    """Register the information."""
    register.async_register_info(_info)


async def _info(hass: HomeAssistant) -> dict[str, Any]:
    pictures = [
        entry.runtime_data.data for entry in hass.config_entries.async_loaded_entries(DOMAIN)
    ]
    return {
        "sources": len(pictures),
        "sources_silent": sum(snapshot.freshness.silent for snapshot in pictures),
        "people": sum(len(snapshot.people) for snapshot in pictures),
    }
