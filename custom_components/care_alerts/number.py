"""Numbers: thresholds, delays and repeats that a source keeps for a person."""

from typing import override

from homeassistant.components.number import NumberEntity, NumberEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import SettingEntity, add_people, with_settings
from .sources.coordinator import CareAlertsConfigEntry

PARALLEL_UPDATES = 1


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CareAlertsConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the numbers of a source's people."""
    numbers = entry.runtime_data.source_type.person_numbers
    add_people(entry, async_add_entities, with_settings(numbers), SettingNumber)


class SettingNumber(SettingEntity, NumberEntity):
    """A number kept by the source, in the unit it is kept in: converting it to another and back would change it."""

    entity_description: NumberEntityDescription

    @property
    @override
    def native_value(self) -> float | None:
        value: float | None = self._rendered.value
        return value

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        return self.setting.unit if self.setting else super().native_unit_of_measurement

    @property
    @override
    def native_min_value(self) -> float:
        return self.setting.lowest if self.setting else super().native_min_value

    @property
    @override
    def native_max_value(self) -> float:
        return self.setting.highest if self.setting else super().native_max_value

    @property
    @override
    def native_step(self) -> float | None:
        return self.setting.step if self.setting else super().native_step

    @override
    async def async_set_native_value(self, value: float) -> None:
        # Minutes out of hours that somebody has it in are whole ones again.
        await self.async_set(round(value, 6))
