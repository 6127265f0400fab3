"""System health: whether each source answers."""

from typing import Any

from homeassistant.components import system_health
from homeassistant.core import HomeAssistant, callback

from .sources.targets import sources


@callback
def async_register(hass: HomeAssistant, register: system_health.SystemHealthRegistration) -> None:
    """Register the information."""
    register.async_register_info(_info)


async def _info(hass: HomeAssistant) -> dict[str, Any]:
    snapshots = [coordinator.data for coordinator in sources(hass)]
    return {
        "sources": len(snapshots),
        "sources_silent": sum(snapshot.freshness.silent for snapshot in snapshots),
        "people": sum(len(snapshot.people) for snapshot in snapshots),
    }
