"""Tidepool's steps of the config flow: environment, user name and password, checked with a real login."""

from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

from homeassistant.config_entries import ConfigFlow, ConfigFlowResult, OptionsFlowWithReload
from homeassistant.const import CONF_PASSWORD, CONF_SOURCE, CONF_USERNAME
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.util.hass_dict import HassKey
import voluptuous as vol

from ...const import DOMAIN, LOGGER
from ..banners import BANNERS_FIELD, banners_option
from ..errors import log_unexpected
from ..http import ApiError, AuthError, InvalidUrlError, RateLimitedError, RefusedError, base_url
from ..servers import ServerChoice
from .api import TidepoolClient
from .environments import CONF_ENVIRONMENT, ENVIRONMENTS, host_of
from .evaluation import SOURCE
from .session import EmailNotVerifiedError, PasswordSession
from .source import CONF_FOLLOWED, CONF_JUDGED, TidepoolSource

if TYPE_CHECKING:
    from ..coordinator import CareAlertsConfigEntry

NAME = "Tidepool"

_PRODUCTION = "production"

SESSIONS: HassKey[dict[str, PasswordSession]] = HassKey(f"{DOMAIN}_tidepool_sessions")
"""Sessions by their entries' ids: they outlive a reload, and end when the entry is removed."""

_USERNAME = TextSelector(TextSelectorConfig(type=TextSelectorType.EMAIL, autocomplete="username"))
_PASSWORD = TextSelector(
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="current-password")
)
_LOGIN = vol.Schema(
    {vol.Required(CONF_USERNAME): _USERNAME, vol.Required(CONF_PASSWORD): _PASSWORD}
)


class TidepoolSteps(ConfigFlow):
    """Set-up, reauthentication and reconfiguration of a care partner's account."""

    async def async_step_tidepool(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the environment and the login."""
        errors: dict[str, str] = {}
        if user_input is not None and (done := await self._logged_in(user_input, errors)):
            data, session = done
            # It was only a check; the entry logs in for itself.
            await _log_out(session)
            await self.async_set_unique_id(data["user_id"])
            self._abort_if_unique_id_configured()
            return self.async_create_entry(title=self._title(), data=data)
        return await self._login_form("tidepool", user_input, errors)

    def _title(self) -> str:
        """A title that no other entry has. Not the address: titles are in logs, entity ids and notifications."""
        taken = {entry.title for entry in self._async_current_entries()}
        free = (title for number in count(2) if (title := f"{NAME} {number}") not in taken)
        return NAME if NAME not in taken else next(free)

    async def async_step_tidepool_reauth(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for a login that works."""
        entry = self._get_reauth_entry()
        return await self._log_in_anew("tidepool_reauth", entry, user_input)

    async def async_step_tidepool_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for another environment or login of the same account."""
        entry = self._get_reconfigure_entry()
        return await self._log_in_anew("tidepool_reconfigure", entry, user_input)

    async def _log_in_anew(
        self,
        step_id: str,
        entry: CareAlertsConfigEntry,
        user_input: dict[str, Any] | None,
    ) -> ConfigFlowResult:
        errors: dict[str, str] = {}
        given = {**entry.data, **(user_input or {})}
        if user_input is not None and (done := await self._logged_in(given, errors)):
            data, session = done
            await self.async_set_unique_id(data["user_id"])
            if data["user_id"] != entry.unique_id:
                await _log_out(session)
            self._abort_if_unique_id_mismatch(reason="wrong_account")
            # The entry goes on with it: a password that was refused before is not asked about again.
            self.hass.data.setdefault(SESSIONS, {})[entry.entry_id] = session
            return self.async_update_reload_and_abort(entry, data=data)
        return await self._login_form(step_id, given, errors)

    async def _login_form(
        self, step_id: str, shown: Mapping[str, Any] | None, errors: dict[str, str]
    ) -> ConfigFlowResult:
        choice = await self._environments()
        schema = _LOGIN
        if step_id != "tidepool_reauth":
            environment = vol.Required(CONF_ENVIRONMENT, default=_PRODUCTION)
            schema = vol.Schema({environment: choice.selector, **_LOGIN.schema})
        shown = {CONF_ENVIRONMENT: _PRODUCTION} | {
            key: value for key, value in (shown or {}).items() if key != CONF_PASSWORD
        }
        shown[CONF_ENVIRONMENT] = choice.shown(shown[CONF_ENVIRONMENT])
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            errors=errors,
        )

    async def _environments(self) -> ServerChoice:
        return await ServerChoice.load(self.hass, CONF_ENVIRONMENT, ENVIRONMENTS)

    async def _logged_in(
        self, given: Mapping[str, Any], errors: dict[str, str]
    ) -> tuple[dict[str, Any], PasswordSession] | None:
        """The entry's data and the session if a login with them works; else what is wrong is in `errors`."""
        username = given[CONF_USERNAME].strip()
        environment = (await self._environments()).chosen(given[CONF_ENVIRONMENT])
        http = async_get_clientsession(self.hass)
        try:
            url = base_url(host_of(environment))
            session = PasswordSession(http, url, username, given[CONF_PASSWORD])
            user_id = await TidepoolClient(http, url, session).me()
        except InvalidUrlError:
            errors[CONF_ENVIRONMENT] = "invalid_url"
        except EmailNotVerifiedError:
            errors["base"] = "email_not_verified"
        except AuthError:
            errors["base"] = "invalid_auth"
        except RateLimitedError:
            errors["base"] = "rate_limited"
        except RefusedError as err:
            errors["base"] = "invalid_auth" if err.status == 400 else "no_password_login"
        except ApiError:
            errors["base"] = "cannot_connect"
        except Exception as err:  # noqa: BLE001 # a flow must end in a sentence
            log_unexpected(err, "Tidepool")
            errors["base"] = "unknown"
        else:
            data = {
                CONF_SOURCE: SOURCE,
                CONF_ENVIRONMENT: environment if environment in ENVIRONMENTS else str(url),
                CONF_USERNAME: username,
                CONF_PASSWORD: given[CONF_PASSWORD],
                "user_id": user_id,
            }
            return data, session
        return None


async def _log_out(session: PasswordSession) -> None:
    """End a session that nobody goes on with."""
    try:
        await session.end()
    except ApiError as err:
        LOGGER.debug("Tidepool: no logout: %s", err)


class TidepoolOptionsFlow(OptionsFlowWithReload):
    """Whom to follow, and whether to judge their readings here."""

    async def async_step_tidepool(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the options."""
        if user_input is not None:
            return self.async_create_entry(
                data={
                    CONF_FOLLOWED: user_input.get(CONF_FOLLOWED, []),
                    CONF_JUDGED: user_input[CONF_JUDGED],
                    **banners_option(user_input),
                }
            )
        schema = vol.Schema(
            {
                vol.Optional(CONF_FOLLOWED): SelectSelector(
                    SelectSelectorConfig(
                        options=await self._people(),
                        multiple=True,
                        mode=SelectSelectorMode.DROPDOWN,
                    )
                ),
                vol.Required(CONF_JUDGED, default=True): BooleanSelector(),
                **BANNERS_FIELD,
            }
        )
        return self.async_show_form(
            step_id="tidepool",
            data_schema=self.add_suggested_values_to_schema(schema, self.config_entry.options),
        )

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Begin."""
        return await self.async_step_tidepool()

    async def _people(self) -> list[SelectOptionDict]:
        """Everybody who shares, as far as it can be had now, and everybody chosen."""
        source = getattr(getattr(self.config_entry, "runtime_data", None), "source", None)
        names = dict.fromkeys(self.config_entry.options.get(CONF_FOLLOWED, ()), "?")
        if isinstance(source, TidepoolSource):
            names |= await source.names()
        return [
            SelectOptionDict(value=person_id, label=name)
            for person_id, name in sorted(names.items(), key=lambda item: item[1].casefold())
        ]
