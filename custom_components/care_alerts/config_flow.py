"""The config flow: which source, then that source's own steps."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.config_entries import ConfigEntry, ConfigFlowResult, OptionsFlow
from homeassistant.const import CONF_SOURCE
from homeassistant.core import callback

from .const import DOMAIN
from .sources import SOURCES
from .sources.dexcom.flow import DexcomSteps
from .sources.lumen.flow import LumenSteps
from .sources.tidepool.flow import TidepoolSteps


class CareAlertsConfigFlow(LumenSteps, TidepoolSteps, DexcomSteps, domain=DOMAIN):
    """Set up a source, renew its login, change its address."""

    VERSION = 1

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        return SOURCES[config_entry.data[CONF_SOURCE]].options_flow()

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose the source."""
        return self.async_show_menu(step_id="user", menu_options=list(SOURCES))

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
