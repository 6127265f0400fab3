"""Tidepool's API: everything we ask of it, and what it answers.

Vendor's documentation: the OpenAPI descriptions "Alerts", "Authentication", "Metadata", "Access Control" and "Data"
of github.com/tidepool-org/TidepoolApi. What its server does beyond them is said where it matters.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import ClientSession
from yarl import URL

from ...alerts.tolerant import UNREADABLE, read_each
from ..http import (
    Answer,
    ApiError,
    AuthError,
    ForeignRefusalError,
    RateLimitedError,
    RefusedError,
    UnexpectedAnswerError,
    records_in,
)
from ..parsing import can_be_kept
from .http import request
from .records import DOSING_DECISION, Data, Sharer, is_user_id, user_id_of
from .session import TOKEN_HEADER, PasswordSession
from .settings import is_settings


class SettingsUnreadableError(UnexpectedAnswerError):
    """What Tidepool has as settings makes no sense as a whole."""


class TidepoolClient:
    """Tidepool's API for one care partner.

    A token that has died is renewed and the request sent once more; a 403 may be just that (`/data` answers it
    for a dead token as well as for a missing permission), so then we ask who we are.
    """

    def __init__(self, http: ClientSession, base_url: URL, session: PasswordSession) -> None:
        """Ask `base_url` over `http`, with the tokens of `session`."""
        self._http = http
        self._base = base_url
        self._session = session

    async def me(self) -> str:
        """GET /auth/user: our user id.

        Raises:
            ApiError: no usable answer.

        """
        answer = await self._call("GET", ("auth", "user"))
        return _user_id_in(answer.json())

    async def people(self, me: str) -> tuple[list[Sharer], int]:
        """GET /metadata/users/{me}/users: who shares with us, and how many entries could not be read.

        Where that does not answer, GET /access/groups/{me}: the same without names.

        Raises:
            ApiError: no usable answer.

        """
        try:
            return await self._metadata(me)
        except AuthError, RateLimitedError:
            raise
        except ApiError:
            return await self._groups(me)

    async def _metadata(self, me: str) -> tuple[list[Sharer], int]:
        answer = await self._call("GET", ("metadata", "users", me, "users"))
        records = records_in(answer.json(), "people")
        sharers, unreadable = read_each(records, Sharer.of)
        if records and unreadable == len(records):
            raise UnexpectedAnswerError("no person can be read")
        return [sharer for sharer in sharers if sharer.user_id != me], unreadable

    async def _groups(self, me: str) -> tuple[list[Sharer], int]:
        groups = (await self._call("GET", ("access", "groups", me))).json()
        if not isinstance(groups, dict):
            raise UnexpectedAnswerError("the groups are no object")
        sharers = [
            Sharer(user_id, frozenset(permissions))
            for user_id, permissions in groups.items()
            if user_id != me and is_user_id(user_id) and isinstance(permissions, Mapping)
        ]
        return sharers, len(groups) - len(sharers) - (me in groups)

    async def alerts(self, person: str, me: str, *, whole: bool = False) -> dict[str, Any] | None:
        """GET the alert settings we have for a person, as far as they can be kept; None if there are none yet.

        `whole`: no alert may be odd.

        Raises:
            RefusedError: 403, they do not let us follow them (any more).
            SettingsUnreadableError: what there is makes no sense.
            ApiError: no usable answer.

        """
        try:
            document = (await self._call("GET", _alerts_path(person, me))).json()
        except RefusedError as err:
            if err.status == 404 and err.code == "value-not-exists":
                return None
            raise
        if not is_settings(document, person, me, whole=whole):
            # What is returned as settings is written back.
            raise SettingsUnreadableError("no settings")
        return {name: value for name, value in document.items() if can_be_kept(value)}

    async def write_alerts(self, person: str, me: str, alerts: Mapping[str, Any]) -> None:
        """POST alert objects of the settings: each replaces the stored one whole, those not sent stay as they are.

        Raises:
            RefusedError: 403 as above; 400 for anything the server does not like, without saying what.
            ApiError: no usable answer; it may have been written all the same.

        """
        await self._call("POST", _alerts_path(person, me), json=alerts)

    async def delete_alerts(self, person: str, me: str) -> None:
        """DELETE the settings; fine if there were none.

        Raises:
            ApiError: as for writing.

        """
        await self._call("DELETE", _alerts_path(person, me))

    async def data(self, person: str, start: datetime, types: Collection[str]) -> Data:
        """GET /data/{person}: readings, Loop's decisions and alerts of their device since `start`, those of the `types`.

        Without the `dexcom` flag the server hides a sensor's readings wherever it also has Dexcom's cloud, hours later.

        Raises:
            RefusedError: 403, they do not let us see their data (any more).
            ApiError: no usable answer.

        """
        params = {
            "type": ",".join(types),
            "startDate": f"{start.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z",
            "dexcom": "true",
        }
        if DOSING_DECISION in types:
            # Others hold long forecasts. Not in the OpenAPI description, but in the server (tide-whisperer).
            params["dosingDecision.reason"] = "loop"
        answer = await self._call("GET", ("data", person), params=params)
        records = records_in(answer.json(), "data")
        data = Data.of(records)
        if data.is_nonsense:
            raise UnexpectedAnswerError("no record can be read")
        return data

    async def _call(
        self,
        method: str,
        path: Collection[str],
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> Answer:
        token = await self._session.token()
        try:
            return await self._send(token, method, path, params, json)
        except AuthError:
            pass
        except (RefusedError, ForeignRefusalError) as err:
            # Not every service's words for a dead token are known.
            if err.status != 403 and not (
                isinstance(err, ForeignRefusalError) and err.status == 401
            ):
                raise
            try:
                _user_id_in((await self._send(token, "GET", ("auth", "user"))).json())
            except AuthError, RefusedError:
                pass
            else:
                # It knows us: what is missing is the permission, or the way to it.
                raise
        return await self._send(await self._session.renewed(token), method, path, params, json)

    async def _send(
        self,
        token: str,
        method: str,
        path: Collection[str],
        params: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> Answer:
        return await request(
            self._http,
            method,
            self._base.joinpath(*path),
            headers={TOKEN_HEADER: token},
            params=params,
            json=json,
        )


def _alerts_path(person: str, me: str) -> tuple[str, ...]:
    return ("v1", "users", person, "followers", me, "alerts")


def _user_id_in(body: Any) -> str:
    try:
        return user_id_of(body["userid"])
    except UNREADABLE:
        raise UnexpectedAnswerError("no user id in the answer") from None
