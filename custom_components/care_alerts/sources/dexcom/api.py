"""The Dexcom API v3: everything we ask of it, and what it answers.

Vendor's documentation: Dexcom Developer API v3. Everything is read-only and one to three hours late.
"""

import asyncio
from collections.abc import Awaitable, Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import batched
import re
from typing import Any, Final, Self

from aiohttp import ClientSession, ClientTimeout
from yarl import URL

from ...alerts.tolerant import UNREADABLE, read_each
from ..http import AuthError, LoginEndedError, UnexpectedAnswerError, records_in, request
from ..parsing import snake_case, text, text_or_none, utc, word

APP_REFUSED: Final = frozenset({"invalid_client", "unauthorized_client"})
"""What the token endpoint says of an app whose credentials are wrong (RFC 6749, 5.2)."""

LONGEST_WINDOW: Final = timedelta(days=30)
"""Between `startDate` and `endDate` (vendor: at most 30 days)."""

SLOW_ANSWERS: Final = ClientTimeout(total=150, sock_connect=10, sock_read=100)
"""Dexcom takes a minute on its bad days."""

GLUCOSE_UNITS: Final = frozenset({"mg/dL", "mmol/L"})
"""The units of glucose values that are shown; Dexcom lists `unknown`, too."""

# Python reads more than Dexcom writes: a bare date, a week, a time without minutes; and +05:99 as +06:39.
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?"
    r"(Z|[+-]\d\d(:?[0-5]\d(:?[0-5]\d)?)?)?",
    re.ASCII,
)

_AT_A_TIME: Final = 500
"""Records read before others may have a turn."""


def instant(value: Any) -> datetime:
    """The instant a `systemTime` means, in UTC.

    Phones give an offset, one with seconds among them; receivers give none, and their `systemTime` is UTC.
    A space may stand for the `T`, as Tidepool's importer reads it.

    Raises:
        TypeError, ValueError, OverflowError: it is no time that Dexcom can mean.

    """
    if not _INSTANT.fullmatch(value):
        raise ValueError
    return utc(value)


@dataclass(slots=True)
class DexcomAlert:
    """An alert record. Enums are open: unknown values pass through as they came; `record` is all that came."""

    record_id: str
    system_time: datetime
    alert_name: str
    alert_state: str
    record: Mapping[str, Any] = field(repr=False)

    @property
    def other(self) -> dict[str, Any]:
        """What has no field of its own, named in snake_case."""
        return {name: self.record[key] for key, name in _names(tuple(self.record))}

    @classmethod
    def of(cls, record: dict[str, Any]) -> Self:
        """Read one; by hand, because an answer can hold thousands."""
        return cls(
            text(record["recordId"]),
            instant(record["systemTime"]),
            word(record["alertName"]),
            word(record["alertState"]),
            record,
        )


_NAMED = frozenset({"recordId", "systemTime", "alertName", "alertState"})


@lru_cache(maxsize=100)
def _names(keys: tuple[str, ...]) -> list[tuple[str, str]]:
    """The keys of a record that have no field of their own, with their names: nearly all records have the same."""
    return [(key, snake_case(key)) for key in keys if key not in _NAMED]


@dataclass(slots=True)
class Egv:
    """An estimated glucose value. `value` 39 and 401 mean below and above the sensor's range (in mg/dL)."""

    system_time: datetime
    value: float
    unit: str
    record: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def status(self) -> str | None:
        """Whether the value is beyond the sensor's range."""
        return text_or_none(self.record.get("status"))

    @property
    def trend(self) -> str | None:
        """Which way it goes."""
        return text_or_none(self.record.get("trend"))

    @property
    def made_for(self) -> MadeFor:
        """Which system it comes from."""
        return MadeFor.of(self.record)

    @classmethod
    def of(cls, record: dict[str, Any]) -> Self | None:
        """Read one; None where the sensor had no value, or one in another unit than `GLUCOSE_UNITS`."""
        value, unit = record["value"], text(record.get("unit", "mg/dL"))
        if value is None or unit not in GLUCOSE_UNITS:
            return None
        if type(value) not in (int, float) or not 0 < value < 1000:
            raise ValueError
        return cls(instant(record["systemTime"]), value, unit, record)


@dataclass(frozen=True, slots=True)
class MadeFor:
    """Which system a record comes from, as far as it says."""

    variant: str
    app: str

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """Read it from any record; what is not there is empty."""
        return cls(
            text_or_none(record.get("transmitterGenerationVariant")) or "",
            text_or_none(record.get("displayApp")) or "",
        )


@dataclass(frozen=True, slots=True)
class Device:
    """A display device of the person. `last_upload` is None where Dexcom does not say."""

    last_upload: datetime | None
    made_for: MadeFor

    @classmethod
    def of(cls, record: dict[str, Any]) -> Self:
        """Read one."""
        last_upload = record.get("lastUploadDate")
        return cls(None if last_upload is None else instant(last_upload), MadeFor.of(record))


@dataclass(frozen=True, slots=True)
class Records[RecordT]:
    """The records of an answer, in the order they came, and how many more could not be read."""

    records: list[RecordT]
    unreadable: int


@dataclass(frozen=True, slots=True)
class DataRange:
    """Whose data they are (an id of the account for this client) and how far they reach (None: there are none)."""

    user_id: str
    newest: datetime | None


class DexcomClient:
    """The API for one wearer.

    `access_token` gives a valid token; `renewed_token` one in place of a token that was refused.
    """

    def __init__(
        self,
        session: ClientSession,
        base_url: URL,
        access_token: Callable[[], Awaitable[str]],
        renewed_token: Callable[[str], Awaitable[str]],
    ) -> None:
        """Ask `base_url`, the host of the account's region, over the session given."""
        self._session = session
        self._base = base_url
        self._access_token = access_token
        self._renewed_token = renewed_token

    async def alerts(
        self, start: datetime, end: datetime, *, known: Container[str] = ()
    ) -> Records[DexcomAlert]:
        """GET /v3/users/self/alerts: the alerts with `start` <= systemTime < `end`, at most 30 days apart.

        Those whose ids are `known` are left out unread. Dexcom has been seen to send others too: they are dropped.

        Raises:
            ApiError: no usable answer.

        """

        def read(record: dict[str, Any]) -> DexcomAlert | None:
            return None if record["recordId"] in known else DexcomAlert.of(record)

        found = await self._records("alerts", read, _window(start, end))
        inside = [alert for alert in found.records if start <= alert.system_time < end]
        return Records(inside, found.unreadable)

    async def egvs(self, start: datetime, end: datetime) -> Records[Egv]:
        """GET /v3/users/self/egvs: glucose values, as `alerts`."""
        found = await self._records("egvs", Egv.of, _window(start, end))
        inside = [egv for egv in found.records if start <= egv.system_time < end]
        return Records(inside, found.unreadable)

    async def devices(self) -> Records[Device]:
        """GET /v3/users/self/devices: what the person wears and carries.

        Raises:
            ApiError: no usable answer.

        """
        return await self._records("devices", Device.of, None)

    async def data_range(self) -> DataRange:
        """GET /v3/users/self/dataRange: from when to when there are data, alerts not among them.

        Raises:
            ApiError: no usable answer.

        """
        body = await self._get("dataRange", None)
        try:
            user_id = text(body["userId"])
            ends = [
                instant(body[kind]["end"]["systemTime"])
                for kind in ("egvs", "events", "calibrations")
                if body.get(kind) is not None
            ]
        except UNREADABLE:
            raise UnexpectedAnswerError("no data range in the answer") from None
        return DataRange(user_id, max(ends, default=None))

    async def _records[RecordT](
        self,
        path: str,
        read: Callable[[dict[str, Any]], RecordT | None],
        params: dict[str, str] | None,
    ) -> Records[RecordT]:
        body = await self._get(path, params)
        match body:
            case {"records": list() as records}:
                listed = records_in(records, "records")
            case {"recordType": str(), "userId": str(), "records": None}:
                # Whose records of which kind they are is said; there are none of them.
                listed = []
            case _:
                raise UnexpectedAnswerError("no records in the answer")
        found: list[RecordT] = []
        unreadable = 0
        for some in batched(listed, _AT_A_TIME, strict=False):
            of_some, unreadable_of_some = read_each(some, read)
            found += of_some
            unreadable += unreadable_of_some
            await asyncio.sleep(0)
        # One alone may be a bad record among good ones; more of them are another language.
        if len(listed) > 1 and unreadable == len(listed):
            raise UnexpectedAnswerError("no record can be read")
        return Records(found, unreadable)

    async def _get(self, path: str, params: dict[str, str] | None) -> Any:
        """Ask; where the token is refused, once more with a renewed one."""
        token = await self._access_token()
        try:
            return await self._get_with(token, path, params)
        except AuthError:
            token = await self._renewed_token(token)
        try:
            return await self._get_with(token, path, params)
        except AuthError as err:
            raise LoginEndedError(str(err), code=err.code) from None

    async def _get_with(self, token: str, path: str, params: dict[str, str] | None) -> Any:
        answer = await request(
            self._session,
            "GET",
            self._base / "v3" / "users" / "self" / path,
            headers={"Authorization": f"Bearer {token}"},
            params=params,
            limits=SLOW_ANSWERS,
        )
        return answer.json()


def windows(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The time from `start` to `end` in pieces that Dexcom answers for, oldest first.

    They are of whole seconds; the one that has only begun is left to the next time, or 30 days were two requests.
    """
    start, end = start.replace(microsecond=0), end.replace(microsecond=0)
    while start < end:
        until = min(start + LONGEST_WINDOW, end)
        yield start, until
        start = until


def _window(start: datetime, end: datetime) -> dict[str, str]:
    """The window as Dexcom wants it: UTC, without a zone."""
    return {
        "startDate": start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "endDate": end.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
    }
