"""Repairs that can be done here: settings that somebody has none of yet, seen and changed before they are written."""

from collections.abc import Mapping
from typing import Any

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
)
import voluptuous as vol

from .alerts.snapshot import Setting
from .const import LOGGER
from .sources.coordinator import SourceCoordinator


class FirstSettingsFlow(RepairsFlow):
    """Proposes settings and has the source keep what the person makes of them."""

    def __init__(self, entry_id: str, person_id: str) -> None:
        """Know whose settings are missing."""
        self._entry_id = entry_id
        self._person_id = person_id

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_settings()

    async def async_step_settings(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Show what is proposed, and write what was made of it."""
        entry = self.hass.config_entries.async_get_known_entry(self._entry_id)
        coordinator: SourceCoordinator | None = getattr(entry, "runtime_data", None)
        if coordinator is None or (keeper := coordinator.source.settings_keeper) is None:
            return self.async_abort(reason="not_running")
        problem = ""
        proposed = keeper.proposed_settings(self._person_id)
        units = [one.unit for one in proposed.values() if one.unit in keeper.units]
        if not units:
            return self.async_abort(reason="settings_there")
        if user_input is not None:
            try:
                with coordinator.answering():
                    await keeper.async_change_settings(
                        self._person_id, user_input, units[0], first=True
                    )
            except HomeAssistantError as err:
                if err.translation_key == "settings_there":
                    return self.async_abort(reason="settings_there")
                LOGGER.debug("Settings were not written: %s", err.translation_key)
                problem = str(err)
            else:
                return self.async_create_entry(data={})
        return self.async_show_form(
            step_id="settings",
            data_schema=self.add_suggested_values_to_schema(_form(proposed), user_input or {}),
            errors={"base": "not_written"} if problem else {},
            description_placeholders={
                "name": keeper.name_of(self._person_id),
                "problem": problem,
            },
        )


def _form(proposed: Mapping[str, Setting]) -> vol.Schema:
    return vol.Schema(
        {vol.Required(name, default=one.value): _selector(one) for name, one in proposed.items()}
    )


def _selector(setting: Setting) -> BooleanSelector | NumberSelector:
    if isinstance(setting.value, bool):
        return BooleanSelector()
    config = NumberSelectorConfig(
        min=setting.lowest,
        max=setting.highest,
        step=setting.step,
        mode=NumberSelectorMode.BOX,
    )
    if setting.unit:
        config["unit_of_measurement"] = setting.unit
    return NumberSelector(config)


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Create the flow that fixes an issue."""
    data = data or {}
    return FirstSettingsFlow(str(data["entry_id"]), str(data["person_id"]))
