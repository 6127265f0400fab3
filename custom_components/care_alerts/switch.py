"""Switches: which alerts a source has enabled for a person."""

from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import SettingEntity, add_people, with_settings
from .household_entity import PlanSwitch, add_household
from .responses.household import is_household
from .sources.coordinator import CareAlertsConfigEntry

PARALLEL_UPDATES = 1


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CareAlertsConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the switches of a source's people, or of the household."""
    if is_household(entry.data):
        add_household(
            hass,
            entry,
            async_add_entities,
            Platform.SWITCH,
            of_plans={"plan": PlanSwitch},
        )
        return
    switches = entry.runtime_data.source_type.person_switches
    add_people(entry, async_add_entities, with_settings(switches), SettingSwitch)


class SettingSwitch(SettingEntity, SwitchEntity):
    """Whether an alert is enabled at the source."""

    entity_description: SwitchEntityDescription

    @property
    @override
    def is_on(self) -> bool | None:
        value: bool | None = self._rendered.value
        return value

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        await self.async_set(True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self.async_set(False)
