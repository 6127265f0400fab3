"""The Lumen partner API: everything we ask of it, and what it answers.

Vendor's documentation: Lumen Partner API (beta), "Alerts" and "Conventions". Read-only, one analysis a day.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final, Self

from aiohttp import ClientSession
from mashumaro.config import BaseConfig
from mashumaro.mixins.dict import DataClassDictMixin
from yarl import URL

from ...alerts.tolerant import UNREADABLE, read_each
from ..http import (
    Answer,
    AuthError,
    LastAnswer,
    RefusedError,
    UnexpectedAnswerError,
    records_in,
    request,
)
from ..parsing import text, utc, utc_or_none, word

DAYS_AVAILABLE: Final = 14
"""How many days back, today among them, the alerts can be asked for (vendor: "last 14 days")."""

ALL_TIME: Final = datetime(2015, 1, 1, tzinfo=UTC)
"""Before any consent: the default of `grantedAfter` would only be today's."""


class DateUnavailableError(RefusedError):
    """The day asked for is in the future or no longer kept (409)."""


@dataclass(slots=True)
class IdentityMapping:
    """A person who gave consent: who they are, under which id their alerts come, since when."""

    email: str
    shared_user_id: str
    granted_at: datetime

    @classmethod
    def of(cls, record: Any) -> Self:
        """Read one; by hand, because there can be thousands of strangers in an answer."""
        return cls(text(record["email"]), text(record["sharedUserId"]), utc(record["grantedAt"]))


@dataclass(frozen=True, slots=True)
class LumenAlert(DataClassDictMixin):
    """One alert as Lumen sends it. Enums are open: unknown values pass through as they came."""

    shared_user_id: str = field(metadata={"alias": "sharedUserId"})
    alert_type: str = field(metadata={"alias": "alertType", "deserialize": word})
    alert_subtype: str = field(metadata={"alias": "alertSubtype", "deserialize": word})
    generated_at: datetime = field(metadata={"alias": "generatedAt"})
    severity: Any = None
    details: Any = None

    class Config(BaseConfig):
        """How it is read."""

        serialization_strategy = {  # noqa: RUF012 # mashumaro's way to be configured
            datetime: {"deserialize": utc},
            str: {"deserialize": text},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDay:
    """A day's alerts of the people asked for.

    `day` is the day the answer covers, which may not be the one asked for. `newest_generated_at` is over
    everybody's alerts, None on a day without any. `unfollowed` had alerts too but were not asked for.
    `garbled` are the people who had alerts that could not be read, None among them if it is not even
    known whose they were; `unreadable` counts those alerts.
    """

    day: date
    alerts: tuple[LumenAlert, ...]
    newest_generated_at: datetime | None
    unfollowed: frozenset[str]
    garbled: frozenset[str | None]
    unreadable: int


class LumenClient:
    """Lumen's partner API for one key."""

    def __init__(self, session: ClientSession, base_url: URL, api_key: str) -> None:
        """Ask `base_url` with `api_key` over the session given."""
        self._session = session
        self._base = base_url
        self._headers = {"X-Partner-Api-Key": api_key}
        self._mappings = LastAnswer[tuple[list[IdentityMapping], int]]()
        self._newest_day = LastAnswer[AlertDay]()

    async def identity_mappings(
        self, granted_after: datetime = ALL_TIME
    ) -> tuple[list[IdentityMapping], int]:
        """GET /partners/v1/identity-mappings: who gave consent strictly after then, and how many entries could not be read.

        Raises:
            ApiError: no usable answer.

        """
        answer = await self._get(
            "identity-mappings",
            {"grantedAfter": granted_after.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")},
        )
        return self._mappings.read(answer, _mappings_in)

    async def alerts(self, day: date | None = None, *, people: Iterable[str]) -> AlertDay:
        """GET /partners/v1/alerts: the newest day's alerts, or those of `day`, of the `people` (shared user ids).

        Other people's alerts are looked at once and not kept.

        Raises:
            DateUnavailableError: `day` is too old or in the future.
            ApiError: no usable answer.

        """
        answer = await self._get("alerts", {"date": day.isoformat()} if day else None)
        asked = frozenset(people)
        if day:
            return _day_in(answer, asked)
        return self._newest_day.read(answer, lambda answer: _day_in(answer, asked), asked=asked)

    async def _get(self, path: str, params: dict[str, str] | None) -> Answer:
        try:
            return await request(
                self._session,
                "GET",
                self._base / "partners" / "v1" / path,
                headers=self._headers,
                params=params,
                is_refusal=_is_refusal,
            )
        except RefusedError as err:
            if err.status == 409:
                raise DateUnavailableError(err.status, err.code) from None
            raise


def _data_in(answer: Answer) -> dict[str, Any]:
    match answer.json():
        case {"success": True, "data": dict(data)}:
            return data
        case {"success": False, "error": {"code": "UNAUTHORIZED"}}:
            raise AuthError("UNAUTHORIZED")
        case {"success": False}:
            raise UnexpectedAnswerError("success is false")
        case _:
            raise UnexpectedAnswerError("no data in the answer")


def _mappings_in(answer: Answer) -> tuple[list[IdentityMapping], int]:
    records = records_in(_data_in(answer).get("mappings"), "mappings")
    mappings, unreadable = read_each(records, IdentityMapping.of)
    if records and not mappings:
        raise UnexpectedAnswerError("no mapping can be read")
    return mappings, unreadable


def _day_in(answer: Answer, people: Container[str]) -> AlertDay:
    data = _data_in(answer)
    try:
        covers = date.fromisoformat(data["date"])
    except LookupError, TypeError, ValueError:
        raise UnexpectedAnswerError("no date in the answer") from None
    records = records_in(data.get("alerts"), "alerts")
    alerts: list[LumenAlert] = []
    unfollowed: set[str] = set()
    garbled: list[str | None] = []
    newest = ""
    for record in records:
        person = None
        try:
            person = text(record["sharedUserId"])
            generated_at = record["generatedAt"]
            # Compared as text: a look at each of thousands. Whatever is no time of ours is not the newest.
            if generated_at > newest and generated_at.startswith("20"):
                newest = generated_at
            if person in people:
                alerts.append(LumenAlert.from_dict(record))
            else:
                unfollowed.add(person)
        except UNREADABLE:
            garbled.append(person)
    if records and len(garbled) == len(records):
        raise UnexpectedAnswerError("no alert can be read")
    return AlertDay(
        day=covers,
        alerts=tuple(alerts),
        newest_generated_at=utc_or_none(newest)
        or max((alert.generated_at for alert in alerts), default=None),
        unfollowed=frozenset(unfollowed),
        garbled=frozenset(garbled),
        unreadable=len(garbled),
    )


def _is_refusal(error: Any, _: Mapping[str, str]) -> bool:
    """Whether an error is Lumen's (vendor: "Conventions")."""
    match error:
        case {"success": False, "error": {"code": str()}}:
            return True
        case _:
            return False
