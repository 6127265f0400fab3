"""Dexcom's steps of the config flow: the region, then OAuth2 at its host, then whose account it is."""

from datetime import timedelta
import logging
from typing import Any, override

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    ConfigFlowResult,
    OptionsFlowWithReload,
)
from homeassistant.const import CONF_NAME, CONF_SOURCE, UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ImplementationUnavailableError
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.config_entry_oauth2_flow import (
    AbstractOAuth2FlowHandler,
    async_get_implementations,
)
from homeassistant.helpers.selector import NumberSelector, NumberSelectorConfig, TextSelector
from homeassistant.util.hass_dict import HassKey
import voluptuous as vol

from ...const import DOMAIN, LOGGER
from ..banners import BANNERS_FIELD, banners_option
from ..http import ApiError, InvalidUrlError, RateLimitedError
from ..servers import ServerChoice
from .api import APP_REFUSED, DexcomClient
from .mapping import HOLD_TIME, SOURCE
from .oauth import CONF_REGION, REGIONS, RegionalImplementation, host_of
from .source import CONF_HOLD_TIME

NAME = "Dexcom"

_TYPED: HassKey[dict[str, str]] = HassKey(f"{DOMAIN}_dexcom_typed")
"""Region and name as last typed, until they are of use: a flow that ends on the way begins again without its own."""


class DexcomSteps(AbstractOAuth2FlowHandler):
    """Set-up, reauthentication and reconfiguration of a wearer's account."""

    DOMAIN = DOMAIN

    _region: str
    _name: str = NAME

    @property
    @override
    def logger(self) -> logging.Logger:
        return LOGGER

    async def async_step_dexcom(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the region: accounts, apps and tokens belong to one."""
        if user_input is None:
            if not await self._has_an_app():
                # Home Assistant asks for its credentials, and everything begins again: so before anything is typed.
                return await self.async_step_pick_implementation()
            shown = {CONF_REGION: _region_of_the_home(self.hass)} | self.hass.data.get(_TYPED, {})
        else:
            self._name = user_input.get(CONF_NAME, "").strip() or NAME
            self.hass.data[_TYPED] = shown = user_input
        return await self._region_step(
            "dexcom", {vol.Optional(CONF_NAME): TextSelector()}, user_input, shown
        )

    async def _has_an_app(self) -> bool:
        try:
            return bool(await async_get_implementations(self.hass, DOMAIN))
        except ImplementationUnavailableError:
            return False

    async def async_step_dexcom_reauth(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say why the person has to log in again."""
        entry = self._get_reauth_entry()
        if user_input is None:
            return self.async_show_form(
                step_id="dexcom_reauth", description_placeholders={"name": entry.title}
            )
        self._region = entry.data[CONF_REGION]
        return await self.async_step_pick_implementation(
            {"implementation": entry.data["auth_implementation"]}
        )

    async def async_step_dexcom_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for another region, app or login of the same account: credentials that are in use cannot be changed."""
        shown = user_input or {CONF_REGION: self._get_reconfigure_entry().data[CONF_REGION]}
        return await self._region_step("dexcom_reconfigure", {}, user_input, shown)

    async def _region_step(
        self,
        step_id: str,
        more: dict[vol.Marker, Any],
        user_input: dict[str, Any] | None,
        shown: dict[str, Any],
    ) -> ConfigFlowResult:
        errors: dict[str, str] = {}
        choice = await ServerChoice.load(self.hass, CONF_REGION, REGIONS)
        if user_input is not None:
            region = choice.chosen(user_input[CONF_REGION])
            try:
                host = host_of(region)
            except InvalidUrlError:
                errors[CONF_REGION] = "invalid_url"
            else:
                self._region = region if region in REGIONS else str(host)
                return await self.async_step_pick_implementation()
        field = vol.Required(CONF_REGION, default=_region_of_the_home(self.hass))
        schema = vol.Schema({field: choice.selector, **more})
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                schema, {**shown, CONF_REGION: choice.shown(shown[CONF_REGION])}
            ),
            errors=errors,
        )

    @override
    async def async_step_auth(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Send the person to Dexcom's login page in their region."""
        if user_input is None and isinstance(self.flow_impl, RegionalImplementation):
            self.flow_impl = self.flow_impl.at(host_of(self._region))
        return await super().async_step_auth(user_input)

    @override
    async def async_step_authorize_rejected(self, data: None = None) -> ConfigFlowResult:
        """End where the person said no on Dexcom's page."""
        return self.async_abort(reason="access_refused")

    @override
    async def async_step_creation(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Fetch the token for the code that Dexcom's page gave, and what is needed to set up an entry."""
        try:
            return await super().async_step_creation(user_input)
        except RateLimitedError:
            return self.async_abort(reason="rate_limited")
        except ApiError as err:
            if err.code in APP_REFUSED:
                return self.async_abort(reason="wrong_client")
            if err.code == "invalid_grant":
                return self.async_abort(reason="code_refused")
            return self.async_abort(reason="cannot_connect")

    @override
    async def async_oauth_create_entry(self, data: dict[str, Any]) -> ConfigFlowResult:
        """Create or renew the entry, if it is the account it should be.

        Raises:
            ApiError: Dexcom does not say whose account it is.

        """
        token: str = data["token"]["access_token"]
        if "refresh_token" not in data["token"]:
            # It would be over in two hours.
            return self.async_abort(reason="no_refresh_token")

        async def access_token() -> str:
            return token

        async def renewed_token(refused: str) -> str:
            return token

        client = DexcomClient(
            async_get_clientsession(self.hass), host_of(self._region), access_token, renewed_token
        )
        data_range = await client.data_range()
        await self.async_set_unique_id(data_range.user_id)
        data |= {CONF_SOURCE: SOURCE, CONF_REGION: self._region}
        if self.source == SOURCE_REAUTH:
            self._abort_if_unique_id_mismatch(reason="wrong_account")
            return self.async_update_reload_and_abort(self._get_reauth_entry(), data=data)
        if self.source == SOURCE_RECONFIGURE:
            self._abort_if_unique_id_mismatch(reason="wrong_account")
            return self.async_update_reload_and_abort(self._get_reconfigure_entry(), data=data)
        self.hass.data.pop(_TYPED, None)
        self._abort_if_unique_id_configured()
        return self.async_create_entry(title=self._name, data=data)


def _region_of_the_home(hass: HomeAssistant) -> str:
    """The region that an account made in this country is most likely of."""
    return {"US": "us", "JP": "jp"}.get(hass.config.country or "", "ous")


class DexcomOptionsFlow(OptionsFlowWithReload):
    """How long an alert stands."""

    async def async_step_dexcom(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the options."""
        if user_input is not None:
            return self.async_create_entry(
                data={CONF_HOLD_TIME: round(user_input[CONF_HOLD_TIME])}
                | banners_option(user_input)
            )
        minutes = NumberSelector(
            NumberSelectorConfig(min=15, max=720, step=5, unit_of_measurement=UnitOfTime.MINUTES)
        )
        schema = vol.Schema(
            {
                vol.Required(CONF_HOLD_TIME, default=HOLD_TIME // timedelta(minutes=1)): minutes,
                **BANNERS_FIELD,
            }
        )
        return self.async_show_form(
            step_id="dexcom",
            data_schema=self.add_suggested_values_to_schema(schema, self.config_entry.options),
        )

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Begin."""
        return await self.async_step_dexcom()
