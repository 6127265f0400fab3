"""Where a tap on a notification leads: the dashboard at the person, or else their entity."""

from contextlib import suppress
from typing import Any, Final

from homeassistant.core import HomeAssistant

from ..sources.targets import device_ref, event_of, sensor_of
from .episodes import EpisodeRef

LOVELACE: Final = "lovelace"
STRATEGY: Final = "custom:care-alerts"


async def find_dashboard(hass: HomeAssistant) -> str | None:
    """The path of the first dashboard that is made by ours; None without one."""
    dashboards: dict[str | None, Any] = getattr(hass.data.get(LOVELACE), "dashboards", {})
    for path, dashboard in dashboards.items():
        # Each is read from a file that anybody may have written.
        with suppress(Exception):
            config = await dashboard.async_load(False)
            if config["strategy"]["type"] == STRATEGY:
                return path or LOVELACE
    return None


def url_of(hass: HomeAssistant, dashboard: str | None, ref: EpisodeRef) -> str | None:
    """The address, as the app understands it: its own page of a person, or what there is to know of an entity."""
    person_id = ref.person.person.person_id
    where = device_ref(hass, ref.coordinator, ref.person)
    if dashboard and where.device_id:
        return f"/{dashboard}/{where.device_id}"
    entity_id = sensor_of(
        hass, ref.coordinator, person_id, ref.episode.topic.alert_type
    ) or event_of(hass, ref.coordinator, person_id)
    return f"entityId:{entity_id}" if entity_id else None
