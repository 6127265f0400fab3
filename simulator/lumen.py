"""Lumen's Partner API: identity mappings and one analysis a day."""

from bisect import bisect_right, insort
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
import re
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from aiohttp import web
import orjson

from .clock import Clock, utc
from .vendor import Vendor, read_moment, read_object

DEFAULT_KEY = "demo-lumen-key"
KEY_HEADER = "X-Partner-Api-Key"
RETENTION_DAYS = 14
GENERATION_TIME = time(3, 14, 22, tzinfo=UTC)

SEVERITIES: dict[tuple[str, str], str] = {
    ("WEIGHT", "IN_RANGE"): "LOW",
    ("WEIGHT", "TOO_SLOW"): "MEDIUM",
    ("WEIGHT", "TOO_FAST"): "HIGH",
    ("WEIGHT", "AT_GOAL"): "LOW",
    ("WEIGHT", "FIRST_LOG"): "LOW",
    ("FLEX", "DRAMATIC_DROP"): "HIGH",
    ("FLEX", "PLATEAU"): "MEDIUM",
    ("MEDICATION", "MISSED_DOSE_HIGH"): "HIGH",
}
"""The documented severity of each (type, subtype)."""

_RANKS = {"HIGH": 0, "MEDIUM": 1, "LOW": 2}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CODES = {
    400: "INVALID_INPUT",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "DATE_UNAVAILABLE",
    429: "RATE_LIMIT",
}


class LumenPerson:
    """One enrolled user: an id for life, a consent that comes and goes."""

    def __init__(
        self,
        email: str,
        shared_user_id: str,
        granted_at: datetime,
        clock: Clock,
        extra: dict[str, Any],
    ) -> None:
        """Give consent at `granted_at`; `extra`: further fields of the mapping."""
        self.email = email
        self.shared_user_id = shared_user_id
        self.extra = extra
        self._clock = clock
        self._consent: list[tuple[datetime, bool]] = [(granted_at, True)]

    @property
    def consented(self) -> bool:
        """Whether consent is given now."""
        return self.consented_at(self._clock.now())

    @property
    def granted_at(self) -> datetime:
        """When consent was last given; what was first planned if it never was yet."""
        now = self._clock.now()
        grants = [at for at, given in self._consent if given]
        return max((at for at in grants if at <= now), default=grants[0])

    @property
    def moments(self) -> Iterator[datetime]:
        """Iterate over the times at which consent changes."""
        return (at for at, _ in self._consent)

    def consented_at(self, now: datetime) -> bool:
        """Return whether consent was given at a time."""
        given = False
        for at, change in self._consent:
            if at > now:
                break
            given = change
        return given

    def change_consent(self, at: datetime, given: bool) -> None:
        """Give or withdraw consent; of two changes at one time the later call holds."""
        insort(self._consent, (at, given), key=lambda change: change[0])


@dataclass(frozen=True, slots=True)
class _Alert:
    """An alert as it is sent, and what decides whether it is."""

    person: LumenPerson
    generated_at: datetime
    record: dict[str, Any]

    def visible_at(self, now: datetime) -> bool:
        """Return whether the vendor shows it at a time."""
        return self.generated_at <= now and self.person.consented_at(now)


class LumenAccount:
    """One partner: a key, a time zone, people and their alerts."""

    def __init__(self, api_key: str, timezone: str, clock: Clock) -> None:
        """Begin without anybody."""
        self.api_key = api_key
        self.timezone = ZoneInfo(timezone)
        self.generation_days = 1
        """Day D is analysed so many days later, at 03:14:22 UTC; 0 = on day D."""
        self._clock = clock
        # Ids belong to the partnership and outlive its keys.
        self._partnership = api_key
        self._epoch = -1
        self._moments: list[datetime] | None = None
        self._bodies: dict[object, bytes] = {}
        self.reset()

    def reset(self) -> None:
        """Forget everybody."""
        self.extra: dict[str, Any] = {}
        """Further fields beside `mappings` and `alerts`."""
        self._people: dict[str, LumenPerson] = {}
        self._by_id: dict[str, LumenPerson] = {}
        self._alerts: dict[date, list[_Alert]] = {}
        self._changed()

    @property
    def people(self) -> list[LumenPerson]:
        """Everybody, consenting or not."""
        return list(self._people.values())

    def person(self, email: str) -> LumenPerson:
        """Return a person by e-mail; KeyError if there is none."""
        return self._people[email]

    def add_person(
        self,
        email: str,
        *,
        shared_user_id: str | None = None,
        granted_at: datetime | None = None,
        extra: dict[str, Any] | None = None,
    ) -> LumenPerson:
        """Enrol a person who consents at `granted_at` (now); ValueError if known already."""
        if shared_user_id is None:
            shared_user_id = str(uuid5(NAMESPACE_URL, f"{self._partnership}/{email}"))
        if email in self._people or shared_user_id in self._by_id:
            raise ValueError(f"{email} or {shared_user_id} is already there")
        person = LumenPerson(
            email, shared_user_id, self._second(granted_at), self._clock, extra or {}
        )
        self._people[email] = self._by_id[shared_user_id] = person
        self._changed()
        return person

    def revoke(self, person: LumenPerson, at: datetime | None = None) -> None:
        """Withdraw a person's consent (now, or at a time to come)."""
        person.change_consent(self._second(at), given=False)
        self._changed()

    def grant(self, person: LumenPerson, at: datetime | None = None) -> None:
        """Give consent again: same id, fresh time."""
        person.change_consent(self._second(at), given=True)
        self._changed()

    def add_alert(
        self,
        person: LumenPerson,
        day: date,
        alert_type: str,
        subtype: str,
        *,
        severity: str | None = None,
        details: dict[str, Any] | None = None,
        generated_at: datetime | None = None,
        extra: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Add an alert of a day, shown from `generated_at` on; return it as it is sent."""
        generated_at = self._second(generated_at or self.generation_of(day))
        record = {
            "sharedUserId": person.shared_user_id,
            "alertType": alert_type,
            "alertSubtype": subtype,
            "severity": severity or SEVERITIES.get((alert_type, subtype), "LOW"),
            "generatedAt": stamp(generated_at),
            "details": (default_details(day, alert_type, subtype) if details is None else details),
            **(extra or {}),
        }
        self._alerts.setdefault(day, []).append(_Alert(person, generated_at, record))
        self._changed()
        return record

    def generation_of(self, day: date) -> datetime:
        """Return when a day's analysis is done."""
        return datetime.combine(day + timedelta(days=self.generation_days), GENERATION_TIME)

    def today(self, now: datetime) -> date:
        """Return the calendar day in the account's time zone."""
        return now.astimezone(self.timezone).date()

    def newest_day(self, now: datetime) -> date:
        """Return the latest day whose alerts are there."""
        now = utc(now)
        today = self.today(now)
        done = (now + timedelta(days=-self.generation_days)).date()
        if self.generation_of(done) > now:
            done -= timedelta(days=1)
        newest = min(done, today)
        early = (
            day
            for day, alerts in self._alerts.items()
            if newest < day <= today and any(alert.visible_at(now) for alert in alerts)
        )
        return max(early, default=newest)

    def mappings_body(self, granted_after: datetime, now: datetime) -> bytes:
        """Return the answer of the mappings endpoint."""

        def build() -> dict[str, Any]:
            people = [
                person
                for person in self._people.values()
                if person.consented_at(now) and person.granted_at > granted_after
            ]
            people.sort(key=lambda person: person.granted_at)
            return {
                "mappings": [
                    {
                        "email": person.email,
                        "sharedUserId": person.shared_user_id,
                        "grantedAt": stamp(person.granted_at),
                        **person.extra,
                    }
                    for person in people
                ]
            }

        return self._body(granted_after, now, build)

    def alerts_body(self, day: date, now: datetime) -> bytes:
        """Return the answer of the alerts endpoint: each person's latest of each type."""

        def build() -> dict[str, Any]:
            latest: dict[tuple[str, str], _Alert] = {}
            for alert in self._alerts.get(day, ()):
                if not alert.visible_at(now):
                    continue
                key = (alert.person.shared_user_id, alert.record["alertType"])
                known = latest.get(key)
                if known is None or known.generated_at <= alert.generated_at:
                    latest[key] = alert
            # Sorting twice, since times only sort one way: stable, so severity comes first.
            newest = sorted(latest.values(), key=lambda alert: alert.generated_at, reverse=True)
            newest.sort(key=lambda alert: _RANKS.get(alert.record["severity"], 3))
            return {
                "date": day.isoformat(),
                "alerts": [alert.record for alert in newest],
            }

        return self._body(day, now, build)

    def _body(self, key: object, now: datetime, build: Callable[[], dict[str, Any]]) -> bytes:
        """Return the encoded answer, kept until something changes or time changes it."""
        if self._moments is None:
            self._moments = sorted(
                {moment for person in self.people for moment in person.moments}
                | {a.generated_at for alerts in self._alerts.values() for a in alerts}
            )
        epoch = bisect_right(self._moments, now)
        if epoch != self._epoch or len(self._bodies) >= 32:
            self._epoch = epoch
            self._bodies.clear()
        if key not in self._bodies:
            self._bodies[key] = orjson.dumps({"success": True, "data": build() | self.extra})
        return self._bodies[key]

    def _changed(self) -> None:
        """Drop what was encoded."""
        self._moments = None
        self._bodies.clear()

    def _second(self, moment: datetime | None) -> datetime:
        """Return a time (now) as exact as it is sent."""
        return utc(moment or self._clock.now()).replace(microsecond=0)


class Lumen(Vendor):
    """The service: every account behind two endpoints."""

    name = "lumen"
    endpoints = ("lumen.identity_mappings", "lumen.alerts")

    def __init__(self, clock: Clock) -> None:
        """Begin with one account."""
        self._clock = clock
        self._accounts: dict[str, LumenAccount] = {}
        self.default = self.add_account(DEFAULT_KEY)
        """The first account."""

    @property
    def api_key(self) -> str:
        """Return the first account's key."""
        return self.default.api_key

    def account(self, api_key: str) -> LumenAccount:
        """Return an account by its key; KeyError if there is none."""
        return self._accounts[api_key]

    def add_account(self, api_key: str, timezone: str = "UTC") -> LumenAccount:
        """Open another account; ValueError if the key is taken."""
        if api_key in self._accounts:
            raise ValueError(f"there is an account with key {api_key}")
        account = LumenAccount(api_key, timezone, self._clock)
        self._accounts[api_key] = account
        return account

    def rotate_key(self, new: str, account: LumenAccount | None = None) -> None:
        """Give an account (the first) another key; the old one is refused from now on."""
        account = account or self.default
        if new != account.api_key and new in self._accounts:
            raise ValueError(f"there is an account with key {new}")
        del self._accounts[account.api_key]
        account.api_key = new
        self._accounts[new] = account

    def reset(self) -> None:
        """Forget all people of all accounts."""
        for account in self._accounts.values():
            account.reset()

    def error(self, status: int) -> object:
        """Return the error envelope for a status."""
        code = _CODES.get(status, "INTERNAL_ERROR")
        return _envelope(code, code.replace("_", " ").capitalize() + ".")

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the endpoints; `*` because a wrong method is answered by the vendor."""
        v1 = f"/{self.name}/partners/v1"
        yield web.route(
            "*",
            f"{v1}/identity-mappings",
            self._endpoint("grantedAfter", self._mappings),
            name="lumen.identity_mappings",
        )
        yield web.route(
            "*",
            f"{v1}/alerts",
            self._endpoint("date", self._day),
            name="lumen.alerts",
        )

    def _mappings(self, account: LumenAccount, granted_after: str | None, now: datetime) -> bytes:
        """Answer who consented after a time."""
        if granted_after is None:
            return account.mappings_body(
                now.replace(hour=0, minute=0, second=0, microsecond=0), now
            )
        try:
            after = _point_in_time(granted_after)
        except (ValueError, OverflowError) as error:
            raise _RefusedError(400, "grantedAfter must be ISO 8601 with a time zone.") from error
        return account.mappings_body(after, now)

    def _day(self, account: LumenAccount, asked: str | None, now: datetime) -> bytes:
        """Answer a day's alerts; of a day not analysed yet, the newest there are."""
        newest = account.newest_day(now)
        if asked is None:
            return account.alerts_body(newest, now)
        try:
            day = _calendar_date(asked)
        except ValueError as error:
            raise _RefusedError(400, "date must be a calendar date, YYYY-MM-DD.") from error
        today = account.today(now)
        if not today - timedelta(days=RETENTION_DAYS) <= day <= today:
            raise _RefusedError(409, "date must be within the last 14 days.")
        return account.alerts_body(min(day, newest), now)

    def _endpoint(
        self,
        parameter: str,
        answer: Callable[[LumenAccount, str | None, datetime], bytes],
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Return a handler that checks what all endpoints check, then answers."""

        async def handle(request: web.Request) -> web.Response:
            try:
                account = self._partner(request, parameter)
                content = answer(account, request.query.get(parameter), self._clock.now())
            except _RefusedError as refusal:
                return web.Response(
                    status=refusal.status,
                    headers={"Allow": "GET"} if refusal.status == 405 else None,
                    body=orjson.dumps(_envelope(_CODES[refusal.status], str(refusal))),
                    content_type="application/json",
                    charset="utf-8",
                )
            return web.Response(body=content, content_type="application/json", charset="utf-8")

        return handle

    def _partner(self, request: web.Request, parameter: str) -> LumenAccount:
        """Return who asks; raise what any endpoint refuses."""
        if request.method != "GET":
            raise _RefusedError(405, "Only GET is supported.")
        account = self._accounts.get(request.headers.get(KEY_HEADER, ""))
        if account is None:
            raise _RefusedError(401, "Missing or invalid API key.")
        if set(request.query) - {parameter} or len(request.query) > 1:
            raise _RefusedError(400, f"The only parameter is {parameter}, once.")
        return account

    def control(self) -> Iterable[web.RouteDef]:
        """Return the control API: people, alerts, keys, accounts."""
        base = f"/control/{self.name}"
        yield web.get(f"{base}/people", self._get_people)
        yield web.post(f"{base}/people", self._post_person)
        yield web.post(f"{base}/people/revoke", self._post_consent)
        yield web.post(f"{base}/people/grant", self._post_consent)
        yield web.post(f"{base}/alerts", self._post_alert)
        yield web.post(f"{base}/key", self._post_key)
        yield web.post(f"{base}/accounts", self._post_account)

    async def _get_people(self, request: web.Request) -> web.Response:
        account = self.account(request.query.get("api_key", self.api_key))
        return web.json_response([_person_json(person) for person in account.people])

    async def _post_person(self, request: web.Request) -> web.Response:
        account, body = await self._control_body(request)
        person = account.add_person(
            body.pop("email"), granted_at=read_moment(body.pop("granted_at", None)), **body
        )
        return web.json_response(_person_json(person), status=201)

    async def _post_consent(self, request: web.Request) -> web.Response:
        account, body = await self._control_body(request)
        person = account.person(body.pop("email"))
        change = account.grant if request.path.endswith("grant") else account.revoke
        change(person, at=read_moment(body.pop("at", None)), **body)
        return web.json_response(_person_json(person))

    async def _post_alert(self, request: web.Request) -> web.Response:
        account, body = await self._control_body(request)
        day = body.pop("day", None)
        record = account.add_alert(
            account.person(body.pop("email")),
            date.fromisoformat(day) if day else account.newest_day(self._clock.now()),
            body.pop("alert_type"),
            body.pop("subtype"),
            generated_at=read_moment(body.pop("generated_at", None)),
            **body,
        )
        return web.json_response(record, status=201)

    async def _post_key(self, request: web.Request) -> web.Response:
        account, body = await self._control_body(request)
        self.rotate_key(body.pop("key"), account, **body)
        return web.json_response({"api_key": account.api_key})

    async def _post_account(self, request: web.Request) -> web.Response:
        account = self.add_account(**await read_object(request))
        return web.json_response({"api_key": account.api_key}, status=201)

    async def _control_body(self, request: web.Request) -> tuple[LumenAccount, dict[str, Any]]:
        """Return the account meant (`api_key`; the first) and the other fields."""
        body = await read_object(request)
        return self.account(body.pop("api_key", self.api_key)), body


class _RefusedError(Exception):
    """A request that the documentation forbids."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def _point_in_time(text: str) -> datetime:
    """Read ISO 8601 with a zone; ValueError for anything else."""
    if "T" not in text:
        raise ValueError(f"{text} is no point in time")
    return utc(datetime.fromisoformat(text))


def _calendar_date(text: str) -> date:
    """Read YYYY-MM-DD; ValueError for anything else, other forms of ISO 8601 too."""
    if not _DATE.fullmatch(text):
        raise ValueError(f"{text} is not YYYY-MM-DD")
    return date.fromisoformat(text)


def stamp(moment: datetime) -> str:
    """Return a time as Lumen writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def default_details(day: date, alert_type: str, subtype: str) -> dict[str, Any]:
    """Return plausible details that agree with the day and the subtype."""
    match alert_type:
        case "WEIGHT":
            change = {"TOO_FAST": -2.6, "TOO_SLOW": 0.1, "AT_GOAL": -0.3}
            first = subtype == "FIRST_LOG"
            return {
                "currentWeightKg": 78.4,
                "weeklyPctChange": None if first else change.get(subtype, -0.6),
                "logsUsed": 1 if first else 14,
                "lastLogDate": day.isoformat(),
            }
        case "FLEX":
            rate = {"PLATEAU": -0.05, "DRAMATIC_DROP": -1.8}
            return {
                "stage": subtype,
                "segmentStart": (day - timedelta(days=24)).isoformat(),
                "segmentEnd": day.isoformat(),
                "ratePctPerWeek": rate.get(subtype, 0.4),
            }
        case "MEDICATION":
            high = subtype == "MISSED_DOSE_HIGH"
            return dose_details(day, missed=5 if high else 1, in_a_row=4 if high else 0)
    return {}


def dose_details(day: date, *, missed: int, in_a_row: int) -> dict[str, Any]:
    """Return the details of a week with a dose a day, of which the last were missed."""
    taken = datetime.combine(day - timedelta(days=in_a_row), time(8, 11, tzinfo=UTC))
    return {
        "missedDoses7d": missed,
        "scheduledDoses7d": 7,
        "adherencePct7d": round(100 * (7 - missed) / 7, 1),
        "lastLoggedDoseAt": stamp(taken),
        "consecutiveMisses": in_a_row,
    }


def _envelope(code: str, message: str) -> dict[str, Any]:
    """Return an error as Lumen sends it."""
    return {"success": False, "error": {"code": code, "message": message}}


def _person_json(person: LumenPerson) -> dict[str, Any]:
    """Return a person for the control API."""
    return {
        "email": person.email,
        "shared_user_id": person.shared_user_id,
        "granted_at": stamp(person.granted_at),
        "consented": person.consented,
    }
