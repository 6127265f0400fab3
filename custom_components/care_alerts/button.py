"""Buttons: ask a source now."""

from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import Shown, SourceEntity
from .providers.coordinator import CareAlertsConfigEntry

# One request at a time: they all go to the same server.
PARALLEL_UPDATES = 1

REFRESH = ButtonEntityDescription(key="refresh", entity_category=EntityCategory.DIAGNOSTIC)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CareAlertsConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the buttons of a source."""
    async_add_entities([RefreshButton(entry.runtime_data, REFRESH)])


class RefreshButton(SourceEntity, ButtonEntity):
    """Asks the source at once, unless it told us to wait."""

    @override
    def _show(self) -> Shown:
        return Shown(None)

    @override
    async def async_press(self) -> None:
        await self.coordinator.async_refresh_now()
