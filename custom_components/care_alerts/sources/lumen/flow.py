"""Lumen's steps of the config flow: address and key, checked with a real call."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from homeassistant.config_entries import ConfigFlow, ConfigFlowResult, OptionsFlowWithReload
from homeassistant.const import CONF_SOURCE
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ...alerts.alert import Severity
from ..banners import BANNERS_FIELD, banners_option
from ..errors import log_unexpected
from ..http import ApiError, AuthError, InvalidUrlError, RateLimitedError, base_url
from ..store import SourceStore
from .api import LumenClient
from .mapping import SOURCE
from .source import FOLLOWED_AT_MOST, LumenSource
from .state import CONF_CHOSEN_AT, CONF_FOLLOW_LATER, CONF_FOLLOWED, CONF_ON_FROM, State

if TYPE_CHECKING:
    from ..coordinator import CareAlertsConfigEntry

CONF_BASE_URL = "base_url"
CONF_API_KEY = "api_key"

MOST_TO_LIST = 500
"""With more people than that, e-mail addresses are typed instead of picked."""

_URL_FIELD = TextSelector(TextSelectorConfig(type=TextSelectorType.URL))
_KEY_FIELD = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off"))
_KEY_ONLY = vol.Schema({vol.Required(CONF_API_KEY): _KEY_FIELD})
_URL_AND_KEY = vol.Schema(
    {vol.Required(CONF_BASE_URL): _URL_FIELD, vol.Required(CONF_API_KEY): _KEY_FIELD}
)


class LumenSteps(ConfigFlow):
    """Set-up, reauthentication and reconfiguration of a Lumen account."""

    _people: dict[str, str]
    """Who the key last tried speaks of: shared user id -> e-mail."""

    _asked_at: datetime
    """When it said so: whoever consents after that consents later."""

    _data: dict[str, Any]

    async def async_step_lumen(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for address and key."""
        errors: dict[str, str] = {}
        if user_input is not None and (data := await self._checked(user_input, errors)):
            if await self._is_set_up(data):
                return self.async_abort(reason="already_configured")
            await self.async_set_unique_id(_fingerprint(data))
            self._abort_if_unique_id_configured()
            self._data = data
            if len(self._people) > FOLLOWED_AT_MOST:
                return await self.async_step_lumen_people()
            return self._create({})
        return self._form("lumen", _URL_AND_KEY, user_input, errors)

    async def async_step_lumen_people(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whom to follow, where there are too many to follow everybody."""
        errors: dict[str, str] = {}
        placeholders = {"count": str(len(self._people)), "strangers": ""}
        if user_input is not None:
            options = _chosen(user_input, self._people, self._asked_at, errors, placeholders)
            if not options[CONF_FOLLOWED]:
                errors[CONF_FOLLOWED] = "nobody_chosen"
            if not errors:
                return self._create(options)
        schema = vol.Schema(_people_fields(self._people.values(), required=True))
        return self.async_show_form(
            step_id="lumen_people",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
            description_placeholders=placeholders,
        )

    def _create(self, options: dict[str, Any]) -> ConfigFlowResult:
        return self.async_create_entry(title="Lumen", data=self._data, options=options)

    async def async_step_lumen_reauth(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for a key that works."""
        entry = self._get_reauth_entry()
        errors: dict[str, str] = {}
        if user_input is not None and (
            data := await self._checked({**entry.data, **user_input}, errors)
        ):
            if not await self._speaks_of_the_same(entry):
                return self.async_abort(reason="wrong_account")
            if await self._is_set_up(data, but=entry):
                return self.async_abort(reason="already_configured")
            return self.async_update_reload_and_abort(entry, data=data)
        return self._form("lumen_reauth", _KEY_ONLY, None, errors)

    async def async_step_lumen_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for another address or key of the same account."""
        entry = self._get_reconfigure_entry()
        errors: dict[str, str] = {}
        if user_input is not None and (data := await self._checked(user_input, errors)):
            if not await self._speaks_of_the_same(entry):
                return self.async_abort(reason="wrong_account")
            if await self._is_set_up(data, but=entry):
                return self.async_abort(reason="already_configured")
            return self.async_update_reload_and_abort(entry, data=data)
        shown = user_input or {CONF_BASE_URL: entry.data[CONF_BASE_URL]}
        return self._form("lumen_reconfigure", _URL_AND_KEY, shown, errors)

    def _form(
        self,
        step_id: str,
        schema: vol.Schema,
        shown: Mapping[str, Any] | None,
        errors: dict[str, str],
    ) -> ConfigFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            errors=errors,
        )

    async def _checked(
        self, given: Mapping[str, Any], errors: dict[str, str]
    ) -> dict[str, Any] | None:
        """The entry's data if a real call with them works; else what is wrong is in `errors`."""
        asked_at = dt_util.utcnow()
        try:
            url = base_url(given[CONF_BASE_URL])
            client = LumenClient(
                async_get_clientsession(self.hass), url, given[CONF_API_KEY].strip()
            )
            mappings, _ = await client.identity_mappings()
        except InvalidUrlError:
            errors[CONF_BASE_URL] = "invalid_url"
        except AuthError:
            errors[CONF_API_KEY] = "invalid_auth"
        except RateLimitedError:
            errors["base"] = "rate_limited"
        except ApiError:
            errors["base"] = "cannot_connect"
        except Exception as err:  # noqa: BLE001 # a flow must end in a sentence
            log_unexpected(err, "Lumen")
            errors["base"] = "unknown"
        else:
            self._people = {mapping.shared_user_id: mapping.email for mapping in mappings}
            self._asked_at = asked_at
            return {
                CONF_SOURCE: SOURCE,
                CONF_BASE_URL: str(url),
                CONF_API_KEY: given[CONF_API_KEY].strip(),
            }
        return None

    async def _is_set_up(
        self, data: dict[str, Any], *, but: CareAlertsConfigEntry | None = None
    ) -> bool:
        """Whether an entry, `but` for one, has this key, or another that speaks of the same people: ids are the account's own."""
        for entry in self._async_current_entries():
            if (
                entry.data[CONF_SOURCE] == SOURCE
                and entry is not but
                and (
                    entry.data == data or self._people.keys() & await followed_of(self.hass, entry)
                )
            ):
                return True
        return False

    async def _speaks_of_the_same(self, entry: CareAlertsConfigEntry) -> bool:
        """Whether the key tried can be the entry's account's. Where either side has no people there is no telling."""
        followed = await followed_of(self.hass, entry)
        return not (followed and self._people) or bool(followed.keys() & self._people.keys())


def _fingerprint(data: Mapping[str, Any]) -> str:
    """An account has no id in the API; its address and first key stand for it, not readable back."""
    text = f"{data[CONF_BASE_URL]}\n{data[CONF_API_KEY]}"
    return sha256(text.encode()).hexdigest()[:32]


class LumenOptionsFlow(OptionsFlowWithReload):
    """Whom to follow, and from which severity on something counts as wrong."""

    _followed: dict[str, str]
    """Who is followed now: shared user id -> e-mail."""

    _people: dict[str, str] | None
    """Everybody who gave consent, and those followed; None if Lumen did not say."""

    _asked_at: datetime

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the options."""
        errors: dict[str, str] = {}
        placeholders = {"most": str(FOLLOWED_AT_MOST), "strangers": ""}
        if user_input is None:
            await self._ask()
        else:
            options = _chosen(user_input, self._people, self._asked_at, errors, placeholders)
            if not errors:
                return self.async_create_entry(
                    data=options
                    | {CONF_ON_FROM: user_input[CONF_ON_FROM]}
                    | banners_option(user_input)
                )
        on_from = SelectSelector(
            SelectSelectorConfig(
                options=[Severity.MEDIUM.value, Severity.LOW.value],
                mode=SelectSelectorMode.LIST,
                translation_key="on_from",
            )
        )
        schema = vol.Schema(
            {
                **_people_fields((self._people or self._followed).values(), required=False),
                vol.Required(CONF_ON_FROM, default=Severity.MEDIUM.value): on_from,
                **BANNERS_FIELD,
            }
        )
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(schema, user_input or self._now()),
            errors=errors,
            description_placeholders=placeholders,
        )

    def _now(self) -> dict[str, Any]:
        """The options as they are; whoever consented later counts as chosen."""
        options = dict(self.config_entry.options)
        if options.get(CONF_FOLLOWED) and self._followed:
            options[CONF_FOLLOWED] = list(self._followed.values())
        return options

    async def _ask(self) -> None:
        """Ask who gave consent. Those we follow may have withdrawn it, and may stay all the same."""
        data = self.config_entry.data
        self._followed = await followed_of(self.hass, self.config_entry)
        self._asked_at = dt_util.utcnow()
        try:
            url = base_url(data[CONF_BASE_URL])
            client = LumenClient(async_get_clientsession(self.hass), url, data[CONF_API_KEY])
            mappings, _ = await client.identity_mappings()
        except ApiError, InvalidUrlError:
            self._people = None
            chosen_at = self.config_entry.options.get(CONF_CHOSEN_AT)
            if chosen_at and (before := dt_util.parse_datetime(chosen_at)):
                self._asked_at = before
            return
        self._people = self._followed | {
            mapping.shared_user_id: mapping.email for mapping in mappings
        }


@callback
def _people_fields(emails: Any, *, required: bool) -> dict[vol.Marker, Any]:
    offered = sorted(emails)
    followed = SelectSelector(
        SelectSelectorConfig(
            options=offered if len(offered) <= MOST_TO_LIST else [],
            multiple=True,
            custom_value=True,
            mode=SelectSelectorMode.DROPDOWN,
        )
    )
    marker = vol.Required if required else vol.Optional
    return {
        marker(CONF_FOLLOWED): followed,
        vol.Required(CONF_FOLLOW_LATER, default=True): BooleanSelector(),
    }


def _chosen(
    user_input: Mapping[str, Any],
    people: Mapping[str, str] | None,
    asked_at: datetime,
    errors: dict[str, str],
    placeholders: dict[str, str],
) -> dict[str, Any]:
    """The options that follow whom was chosen; names that gave no consent go to `errors`."""
    known = {email.casefold() for email in people.values()} if people is not None else None
    followed = [email.strip() for email in user_input.get(CONF_FOLLOWED, [])]
    strangers = [email for email in followed if known is not None and email.casefold() not in known]
    if strangers:
        errors[CONF_FOLLOWED] = "no_consent"
        placeholders["strangers"] = ", ".join(strangers)
    return {
        CONF_FOLLOWED: followed,
        CONF_FOLLOW_LATER: user_input[CONF_FOLLOW_LATER],
        CONF_CHOSEN_AT: asked_at.isoformat(),
    }


async def followed_of(hass: HomeAssistant, entry: CareAlertsConfigEntry) -> dict[str, str]:
    """Whom an entry follows, shared user id -> e-mail, also while it is not running."""
    source = getattr(getattr(entry, "runtime_data", None), "source", None)
    if isinstance(source, LumenSource):
        people = source.followed
    else:
        stored = (await SourceStore(hass, entry.entry_id).load()).get("provider")
        try:
            people = State.from_dict(stored).people if stored else {}
        except AttributeError, LookupError, TypeError, ValueError:
            people = {}
    return {person_id: followed.email for person_id, followed in people.items()}
