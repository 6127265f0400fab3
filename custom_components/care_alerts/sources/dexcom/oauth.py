"""Dexcom's OAuth2: an authorization server per region, and refresh tokens that work once."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
import time
from typing import TYPE_CHECKING, Any, Final, override

from homeassistant.components.application_credentials import (
    AuthImplementation,
    AuthorizationServer,
    ClientCredential,
)
from homeassistant.core import HassJob, HomeAssistant, callback
from homeassistant.exceptions import (
    ImplementationUnavailableError,
    UnknownImplementationError,
    UnsupportedStorageVersionError,
)
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.config_entry_oauth2_flow import (
    OAuth2Session,
    async_get_config_entry_implementation,
)
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey
from yarl import URL

from ...alerts.tolerant import UNREADABLE
from ...const import DOMAIN
from ..http import (
    AuthError,
    LoginEndedError,
    RefusedError,
    UnexpectedAnswerError,
    UnreachableError,
    base_url,
    is_credential,
    request,
)
from .api import SLOW_ANSWERS

if TYPE_CHECKING:
    from ..coordinator import CareAlertsConfigEntry

CONF_REGION: Final = "region"

REGIONS: Final = {
    "us": "https://api.dexcom.com",
    "ous": "https://api.dexcom.eu",
    "jp": "https://api.dexcom.jp",
    "sandbox": "https://sandbox-api.dexcom.com",
}
"""The regions and their hosts: accounts, apps and their credentials belong to one of them."""

SCOPE: Final = "offline_access"

USUAL_LIFETIME: Final = 7200
"""Seconds that a token lives (vendor: two hours)."""

_LIFETIMES: Final = range(1, 24 * 3600 + 1)
"""Seconds that can be meant. Ours, because two hours in milliseconds are longer."""

_REFRESHES: Final = HassKey[dict[str, asyncio.Task[None]]](f"{DOMAIN}_dexcom_refreshes")
"""The refreshes under way by entry id: one may outlive the set-up of its entry that began it."""


def host_of(region: str) -> URL:
    """The base URL of a region, which may be a base URL itself.

    Raises:
        InvalidUrlError: it is neither.

    """
    return base_url(REGIONS.get(region, region))


class RegionalImplementation(AuthImplementation):
    """A developer app's credentials at the authorization server of a region.

    Its requests raise `ApiError`: `RefusedError` with OAuth2's own code where Dexcom says no.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        auth_domain: str,
        credential: ClientCredential,
        host: URL,
        keep: Callable[[str, dict[str, Any]], Awaitable[None]] | None = None,
    ) -> None:
        """Speak to `host`; `keep` is given a used refresh token and the new token before anybody has that."""
        server = AuthorizationServer(
            authorize_url=str(host / "v3" / "oauth2" / "login"),
            token_url=str(host / "v3" / "oauth2" / "token"),
        )
        super().__init__(hass, auth_domain, credential, server)
        self._credential = credential
        self._keep = keep

    def at(
        self,
        host: URL,
        keep: Callable[[str, dict[str, Any]], Awaitable[None]] | None = None,
    ) -> RegionalImplementation:
        """The same credentials at another region's host."""
        return RegionalImplementation(self.hass, self.domain, self._credential, host, keep)

    @property
    @override
    def extra_authorize_data(self) -> dict[str, str]:
        return {"scope": SCOPE}

    @override
    async def async_resolve_external_data(self, external_data: Any) -> dict[str, Any]:
        token = await super().async_resolve_external_data(external_data)
        # A refresh wants it too, and then there is no browser to tell it from.
        return {**token, "redirect_uri": external_data["state"]["redirect_uri"]}

    @override
    async def _async_refresh_token(self, token: dict[str, Any]) -> dict[str, Any]:
        used = token.get("refresh_token")
        if not is_credential(used):
            raise LoginEndedError("no refresh token")
        kept = {"refresh_token": used}
        if "redirect_uri" in token:
            kept["redirect_uri"] = token["redirect_uri"]
        try:
            new_token = kept | await self._token_request({"grant_type": "refresh_token", **kept})
        except RefusedError as err:
            if err.code == "invalid_grant":
                raise LoginEndedError(str(err), code=err.code) from None
            raise
        if self._keep:
            await self._keep(used, new_token)
        return new_token

    @override
    async def _token_request(self, data: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = await request(
                async_get_clientsession(self.hass),
                "POST",
                URL(self.token_url),
                headers={},
                form={**data, "client_id": self.client_id, "client_secret": self.client_secret},
                limits=SLOW_ANSWERS,
                is_refusal=_is_refusal,
            )
        except AuthError as err:
            # Said here, it is about the app (RFC 6749, 5.2): the person's login may be as good as ever.
            raise RefusedError(401, err.code) from None
        # Whatever else it says is not kept.
        match answer.json():
            case {"access_token": access, **more} if is_credential(access):
                token = {"access_token": access, "expires_in": _lifetime(more.get("expires_in"))}
                refresh = more.get("refresh_token")
                if refresh in (None, ""):
                    return token
                if is_credential(refresh):
                    return token | {"refresh_token": refresh}
        raise UnexpectedAnswerError("no token in the answer")


def _is_refusal(error: Any, _: Mapping[str, str]) -> bool:
    """Whether an error is a token endpoint's (RFC 6749, 5.2)."""
    return isinstance(error, dict) and isinstance(error.get("error"), str)


def _lifetime(expires_in: Any) -> int:
    """For how many seconds a token is good. One that does not say so is not thrown away: its refresh token is the only one."""
    try:
        seconds = int(expires_in)
    except UNREADABLE:
        return USUAL_LIFETIME
    return seconds if seconds in _LIFETIMES else USUAL_LIFETIME


class Tokens:
    """The tokens of an entry. Home Assistant keeps and refreshes them; here no refresh is ever lost or doubled."""

    def __init__(self, hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
        """Serve an entry with `region`, `auth_implementation` and `token` in its data."""
        self._hass = hass
        self._entry = entry
        self._store = _store(hass, entry)
        self._oauth: OAuth2Session | None = None
        self._opening = asyncio.Lock()
        self._refreshes = hass.data.setdefault(_REFRESHES, {})

    async def access_token(self) -> str:
        """A token that is valid by the clock.

        Raises:
            LoginEndedError: nobody but the person can get one.
            ApiError: Dexcom did not give one now.

        """
        oauth = await self._opened()
        if not oauth.valid_token:
            await asyncio.shield(self._refresh(oauth))
        token: str = oauth.token["access_token"]
        return token

    async def renewed_token(self, refused: str) -> str:
        """A token in place of one that was refused, as `access_token`."""
        oauth = await self._opened()
        if oauth.token.get("access_token") == refused:
            self._keep_in_entry({**oauth.token, "expires_at": 0})
        return await self.access_token()

    async def settle(self) -> None:
        """Wait for the refresh under way."""
        if refresh := self._refreshes.get(self._entry.entry_id):
            await asyncio.wait([refresh])

    def _refresh(self, oauth: OAuth2Session) -> asyncio.Task[None]:
        """The refresh under way, or a new one.

        It ends whatever becomes of who asked for it: the old token is worth nothing once it has begun.
        """
        entry_id = self._entry.entry_id
        if entry_id in self._refreshes:
            return self._refreshes[entry_id]
        refresh = self._hass.async_create_task(oauth.async_ensure_token_valid())
        # Home Assistant stops without waiting for tasks, but for these jobs.
        done_before_stopping = self._hass.async_add_shutdown_job(HassJob(self.settle))

        @callback
        def ended(refresh: asyncio.Task[None]) -> None:
            done_before_stopping()
            del self._refreshes[entry_id]
            if not refresh.cancelled():
                # Or asyncio complains where nobody is left to hear of a failure.
                refresh.exception()

        self._refreshes[entry_id] = refresh
        refresh.add_done_callback(ended)
        return refresh

    async def _opened(self) -> OAuth2Session:
        async with self._opening:
            if self._oauth is None:
                self._oauth = await self._open()
            return self._oauth

    async def _open(self) -> OAuth2Session:
        try:
            app = await async_get_config_entry_implementation(self._hass, self._entry)
        except UnknownImplementationError:
            raise LoginEndedError("no credentials") from None
        except ImplementationUnavailableError:
            raise UnreachableError("credentials not loaded") from None
        if not isinstance(app, RegionalImplementation):
            raise LoginEndedError("credentials of something else")
        try:
            stored = await self._store.async_load()
        except (*UNREADABLE, UnsupportedStorageVersionError):
            # JSON, but nothing of ours: the entry's own token may well be good.
            stored = None
        match stored:
            # Home Assistant writes its entries a second later: a crash may have come in between.
            case {"replaces": used, "token": dict(token)} if used == self._entry.data["token"].get(
                "refresh_token"
            ):
                self._keep_in_entry(token)
        match self._entry.data["token"]:
            case {"access_token": access, "expires_at": int() | float()} if is_credential(access):
                pass
            case token:
                # Nothing to ask with, but a refresh may help.
                self._keep_in_entry({**token, "expires_at": 0})
        host = host_of(self._entry.data[CONF_REGION])
        return OAuth2Session(self._hass, self._entry, app.at(host, self._keep_on_disk))

    def _keep_in_entry(self, token: dict[str, Any]) -> None:
        self._hass.config_entries.async_update_entry(
            self._entry, data={**self._entry.data, "token": token}
        )

    async def _keep_on_disk(self, used: str, token: dict[str, Any]) -> None:
        kept = {**token, "expires_at": time.time() + token["expires_in"]}
        await self._store.async_save({"replaces": used, "token": kept})

    @staticmethod
    async def forget(hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
        """Remove what is on disk beside the entry, and let nothing come after."""
        if refresh := hass.data.get(_REFRESHES, {}).get(entry.entry_id):
            refresh.cancel()
            await asyncio.wait([refresh])
        await _store(hass, entry).async_remove()


def _store(hass: HomeAssistant, entry: CareAlertsConfigEntry) -> Store[dict[str, Any]]:
    return Store(hass, 1, f"{DOMAIN}.{entry.entry_id}.token", private=True, atomic_writes=True)
