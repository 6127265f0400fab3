"""The config flow: which source or the household, then its own steps."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.config_entries import ConfigFlowResult, ConfigSubentryFlow, OptionsFlow
from homeassistant.const import CONF_SOURCE
from homeassistant.core import callback
from homeassistant.data_entry_flow import UnknownHandler

from .const import DOMAIN
from .responses.flow import HouseholdSteps
from .responses.household import CAREGIVER, HOUSEHOLD, PLAN, SAME_PERSON, is_household
from .responses.part_flows import CaregiverFlow, PlanFlow, SamePersonFlow
from .sources import SOURCES
from .sources.coordinator import CareAlertsConfigEntry
from .sources.dexcom.flow import DexcomSteps
from .sources.lumen.flow import LumenSteps
from .sources.profiles import PROFILE
from .sources.tidepool.flow import TidepoolSteps
from .sources.tidepool.profile_flow import ProfileFlow


class CareAlertsConfigFlow(LumenSteps, TidepoolSteps, DexcomSteps, HouseholdSteps, domain=DOMAIN):
    """Set up a source, renew its login, change its address; set up the household."""

    VERSION = 1

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: CareAlertsConfigEntry) -> OptionsFlow:
        if is_household(config_entry.data):
            raise UnknownHandler
        return SOURCES[config_entry.data[CONF_SOURCE]].options_flow()

    @classmethod
    @callback
    @override
    def async_supports_options_flow(cls, config_entry: CareAlertsConfigEntry) -> bool:
        return not is_household(config_entry.data)

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: CareAlertsConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        if is_household(config_entry.data):
            return {CAREGIVER: CaregiverFlow, PLAN: PlanFlow, SAME_PERSON: SamePersonFlow}
        if SOURCES[config_entry.data[CONF_SOURCE]].settings_keeper:
            return {PROFILE: ProfileFlow}
        return {}

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose the source, or the household."""
        return self.async_show_menu(step_id="user", menu_options=[*SOURCES, HOUSEHOLD])

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Renew the login of a source."""
        return await self._step_of(entry_data[CONF_SOURCE], "reauth")

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change how a source is reached."""
        source = self._get_reconfigure_entry().data[CONF_SOURCE]
        return await self._step_of(source, "reconfigure")

    async def _step_of(self, source: str, purpose: str) -> ConfigFlowResult:
        step = getattr(self, f"async_step_{source}_{purpose}")
        result: ConfigFlowResult = await step()
        return result
