"""Who we are to Tidepool: session tokens, from a password today. Imports nothing of Home Assistant.

Tidepool means to replace this way in by OAuth2, which needs a client that it has not given us: whatever gives tokens
and new ones for dead ones can take the place of `PasswordSession`.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from aiohttp import ClientSession
from yarl import URL

from ...alerts.stored import Stored, clamped
from ..http import (
    Answer,
    ApiError,
    AuthError,
    LoginEndedError,
    RefusedError,
    UnexpectedAnswerError,
    is_credential,
)
from .http import request

TOKEN_HEADER: Final = "X-Tidepool-Session-Token"  # noqa: S105 # a header's name

RENEWED_AFTER: Final = timedelta(minutes=9)
"""A token's short-lived part lives about ten minutes (vendor: "Authentication"); finding it dead costs three requests."""


SENT_AT_MOST: Final = 2
"""How often a password is sent that is refused: the second time tells a hiccup from a password that is wrong."""

SENT_AGAIN_AFTER: Final = timedelta(days=1)
"""Then: often enough for an account that comes back by itself, and too rarely to have one locked (ours)."""


class EmailNotVerifiedError(AuthError):
    """The account's owner has not answered Tidepool's e-mail yet (403)."""


@dataclass(slots=True, kw_only=True)
class Refusals(Stored):
    """How often in a row a password was refused, and when last; `of` is a mark of the password, never the password."""

    of: str = ""
    times: int = 0
    last_at: datetime | None = None

    def forbid(self, now: datetime) -> bool:
        """Whether the password may not be sent now."""
        return (
            self.times >= SENT_AT_MOST
            and self.last_at is not None
            and now < self.last_at + SENT_AGAIN_AFTER
        )


class PasswordSession:
    """Tokens for a user name and a password: logged in once, renewed without the password for as long as that works.

    However many ask at a time, there is one login or renewal. A password that was refused is sent no more than
    `SENT_AT_MOST` times, and then once in `SENT_AGAIN_AFTER`.
    """

    def __init__(
        self,
        http: ClientSession,
        base_url: URL,
        username: str,
        password: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Log in at `base_url` over `http` when a token is asked for."""
        self._http = http
        self._url = base_url.joinpath("auth", "login")
        self._logout_url = base_url.joinpath("auth", "logout")
        credentials = b64encode(f"{username}:{password}".encode()).decode()
        self._authorization = {"Authorization": f"Basic {credentials}"}
        # So short that whoever guesses finds it in too many passwords.
        secret = "\n".join((str(self._url), username, password))
        self.refusals = Refusals(of=sha256(secret.encode()).hexdigest()[:6])
        self._now = now
        self._lock = asyncio.Lock()
        self._failed: ApiError | None = None
        self._token: str | None = None
        self._since = now()

    def is_for(self, other: PasswordSession) -> bool:
        """Whether both are for the same account, with the same password."""
        return (self._url, self._authorization) == (other._url, other._authorization)

    def remember(self, refusals: Refusals) -> None:
        """Take up what was kept of a life before, if it is about this password and that was not taken since."""
        is_news = refusals.of == self.refusals.of and refusals.times > self.refusals.times
        if is_news and self._token is None:
            self.refusals = replace(refusals, last_at=clamped(refusals.last_at, self._now()))

    async def token(self) -> str:
        """A token that is thought to be alive: the newest one, renewed in time.

        Raises:
            AuthError: the password is not accepted (any more).
            ApiError: no usable answer.

        """
        async with self._alone():
            if self._token is None:
                return await self._log_in()
            age = self._now() - self._since
            if timedelta() <= age < RENEWED_AFTER:
                return self._token
            return await self._renew(self._token)

    async def renewed(self, dead: str) -> str:
        """A token in place of one that was found dead; the newest one if that is another.

        Raises:
            AuthError: the password is not accepted (any more).
            ApiError: no usable answer.

        """
        async with self._alone():
            if self._token is not None and self._token != dead:
                return self._token
            return await self._renew(dead)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Let one at a time ask for a token. Who waited while a login failed gets the same error, and asks nothing."""
        failed_before = self._failed
        async with self._lock:
            if self._failed and self._failed is not failed_before:
                raise self._failed
            yield

    async def end(self) -> None:
        """Log out, if we are in.

        Raises:
            ApiError: no usable answer; the token dies by itself.

        """
        async with self._lock:
            if self._token is None:
                return
            token, self._token = self._token, None
            await request(self._http, "POST", self._logout_url, headers={TOKEN_HEADER: token})

    async def _renew(self, token: str) -> str:
        try:
            answer = await request(self._http, "GET", self._url, headers={TOKEN_HEADER: token})
        except AuthError, RefusedError:
            return await self._log_in()
        return self._kept(answer)

    async def _log_in(self) -> str:
        self._token = None
        refusals = self.refusals
        if refusals.forbid(self._now()):
            raise LoginEndedError("the password was refused before")
        try:
            answer = await self._ask_for_token()
        except ApiError as err:
            self._failed = err
            if isinstance(err, AuthError):
                refusals.times += 1
                refusals.last_at = self._now()
            raise
        refusals.times, refusals.last_at = 0, None
        self._failed = None
        return self._kept(answer)

    async def _ask_for_token(self) -> Answer:
        try:
            return await request(self._http, "POST", self._url, headers=self._authorization)
        except RefusedError as err:
            if err.status == 403:
                raise EmailNotVerifiedError(str(err)) from None
            raise

    def _kept(self, answer: Answer) -> str:
        token = answer.headers.get(TOKEN_HEADER)
        if not is_credential(token):
            raise UnexpectedAnswerError("no token in the answer")
        self._token = token
        self._since = self._now()
        return token
