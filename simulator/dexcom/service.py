"""Dexcom's API v3: alerts, readings and devices of wearers, an hour or three late, by region."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta, tzinfo
import re
from typing import Any

from aiohttp import hdrs, web
import orjson

from ..clock import Clock, utc
from ..vendor import Vendor, read_object
from .oauth import Authority, DexcomClient, Holder, TokenRequest
from .wearer import Record, Wearer

CLIENT_ID = "demo-dexcom-client"
CLIENT_SECRET = "demo-dexcom-secret"  # noqa: S105
DELAYS = {
    "us": timedelta(hours=1),
    "ous": timedelta(hours=3),
    "jp": timedelta(hours=3),
    "sandbox": timedelta(hours=1),
}
"""Every region, and how late it shows what a phone uploads."""
SANDBOX_USERS = tuple(f"SandboxUser{number}" for number in range(1, 8))
LONGEST_WINDOW = timedelta(days=30)
OLDEST_SYNC = timedelta(days=100)
RATE_LIMIT = 60_000
RATE_SPAN = timedelta(hours=1)

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_ERRORS = {
    400: "invalid_request",
    401: "invalid_token",
    403: "insufficient_scope",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    429: "rate_limit_exceeded",
}
_ENDPOINTS = {
    "alerts": "alert",
    "egvs": "egv",
    "events": "event",
    "calibrations": "calibration",
}
"""The endpoints that take a window, and the record type of each."""

type _Answer = Callable[[Wearer, Holder, web.Request], bytes]


class DexcomRegion(Vendor):
    """One region: its own host, accounts, apps and tokens."""

    def __init__(self, region: str, clock: Clock) -> None:
        """Begin with the sandbox's users, whom nothing has happened to yet."""
        self.name = "dexcom" if region == "us" else f"dexcom-{region}"
        suffix = self.name.removeprefix("dexcom")
        self.client = DexcomClient(CLIENT_ID + suffix, CLIENT_SECRET + suffix)
        """The developer's app."""
        self.delay = DELAYS[region]
        self.endpoints = tuple(
            f"{self.name}.{endpoint}"
            for endpoint in ("login", "token", *_ENDPOINTS, "devices", "data_range")
        )
        self.rate_limit = RATE_LIMIT
        """Calls of an app in an hour."""
        self.sloppy = False
        """Send records just outside the window too, and some twice."""
        self.plural_record_types = False
        """Say `alerts` where production says `alert`, as the documentation's samples do."""
        self._clock = clock
        self._calls: dict[str, deque[datetime]] = {}
        self.oauth = Authority(self.name, clock, self.client, lambda: self._wearers)
        self.reset()

    def reset(self) -> None:
        """Leave the sandbox's users, and nothing of what happened to anybody; tokens stay."""
        self.extra: dict[str, Any] = {}
        """Further fields beside `records`."""
        self._wearers: dict[str, Wearer] = {}
        for name in SANDBOX_USERS[:-1]:
            self.add_wearer(name, generation="g6", variant="g6", display_app="G6")
        self.add_wearer(SANDBOX_USERS[-1])

    @property
    def client_id(self) -> str:
        """The developer app's id."""
        return self.client.client_id

    @property
    def client_secret(self) -> str:
        """The developer app's secret."""
        return self.client.client_secret

    @property
    def token_log(self) -> list[TokenRequest]:
        """What the token endpoint was asked, oldest first."""
        return self.oauth.token_log

    @property
    def used_refresh_tokens(self) -> set[str]:
        """The refresh tokens that have been used up."""
        return self.oauth.used_refresh_tokens

    @property
    def wearers(self) -> list[Wearer]:
        """Everybody who may log in."""
        return list(self._wearers.values())

    def wearer(self, name: str) -> Wearer:
        """Return a wearer by name; KeyError if there is none."""
        return self._wearers[name]

    def add_wearer(
        self,
        name: str = SANDBOX_USERS[-1],
        *,
        generation: str = "g7",
        variant: str = "g7",
        display_app: str = "G7",
        display_device: str = "iOS",
        delay: timedelta | None = None,
        utc_offset: timedelta | str | tzinfo = timedelta(hours=-8),
    ) -> Wearer:
        """Add a wearer, in the place of one of the same name; `delay` None: the region's."""
        wearer = self._wearers[name] = Wearer(
            name,
            self.name,
            self.client_id,
            generation=generation,
            variant=variant,
            display_app=display_app,
            display_device=display_device,
            delay=self.delay if delay is None else delay,
            utc_offset=utc_offset,
        )
        return wearer

    def add_client(self, client_id: str, client_secret: str) -> DexcomClient:
        """Register another app; ValueError if the id is taken."""
        if client_id in self.oauth.clients:
            raise ValueError(f"there is an app {client_id}")
        client = self.oauth.clients[client_id] = DexcomClient(client_id, client_secret)
        return client

    def grant(self, wearer: Wearer, client: DexcomClient | None = None) -> dict[str, Any]:
        """Return tokens as if a wearer had just logged in for an app (the first)."""
        return self.oauth.issue(Holder((client or self.client).client_id, wearer.name))

    def revoke(self, wearer: Wearer) -> None:
        """Let all tokens of a wearer be dead, as when access is withdrawn in Dexcom's app."""
        self.oauth.revoke(wearer.name)

    def expire_access_tokens(self) -> None:
        """Let all access tokens be too old; refresh tokens stay good."""
        self.oauth.expire_access_tokens()

    def error(self, status: int) -> object:
        """Return the error for a status: OAuth's form, which both parts understand."""
        return {"error": _ERRORS.get(status, "server_error")}

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the endpoints; `*` because a wrong method is answered by the vendor."""
        oauth, own = f"/{self.name}/v3/oauth2", f"/{self.name}/v3/users/self"
        yield web.route("*", f"{oauth}/login", self.oauth.login, name=f"{self.name}.login")
        yield web.route("*", f"{oauth}/token", self.oauth.token, name=f"{self.name}.token")
        for path, kind in _ENDPOINTS.items():
            yield web.route(
                "*", f"{own}/{path}", self._endpoint(self._window(kind)), name=f"{self.name}.{path}"
            )
        yield web.route(
            "*", f"{own}/devices", self._endpoint(self._devices), name=f"{self.name}.devices"
        )
        yield web.route(
            "*", f"{own}/dataRange", self._endpoint(self._range), name=f"{self.name}.data_range"
        )

    def _endpoint(self, answer: _Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Return a handler that checks what all data endpoints check, then answers."""

        async def handle(request: web.Request) -> web.Response:
            try:
                holder = self._caller(request)
                content = answer(self._wearers[holder.wearer], holder, request)
            except _RefusedError as refusal:
                body: dict[str, Any] = {"error": _ERRORS[refusal.status], "message": str(refusal)}
                return web.Response(
                    status=refusal.status,
                    headers={hdrs.ALLOW: "GET"} if refusal.status == 405 else None,
                    body=orjson.dumps(body),
                    content_type="application/json",
                    charset="utf-8",
                )
            return web.Response(body=content, content_type="application/json", charset="utf-8")

        return handle

    def _caller(self, request: web.Request) -> Holder:
        """Return who asks for whose data; raise what any endpoint refuses."""
        if request.method != hdrs.METH_GET:
            raise _RefusedError(405, "Only GET is supported.")
        scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        holder = self.oauth.holder(token) if scheme.lower() == "bearer" else None
        if holder is None:
            raise _RefusedError(401, "The access token is missing, invalid or expired.")
        now = self._clock.now()
        calls = self._calls.setdefault(holder.client_id, deque())
        while calls and calls[0] <= now - RATE_SPAN:
            calls.popleft()
        if len(calls) >= self.rate_limit:
            raise _RefusedError(429, "This app has made too many calls within an hour.")
        calls.append(now)
        return holder

    def _window(self, kind: str) -> _Answer:
        """Return what answers the records of a kind in a window."""

        def answer(wearer: Wearer, holder: Holder, request: web.Request) -> bytes:
            start, end = _point(request, "startDate"), _point(request, "endDate")
            if start >= end:
                raise _RefusedError(400, "startDate must be before endDate.")
            if end - start > LONGEST_WINDOW:
                raise _RefusedError(400, "The window must not be longer than 30 days.")
            now = self._clock.now()
            records = [record.encoded for record in wearer.window(kind, start, end, now)]
            if self.sloppy:
                before = wearer.window(kind, start - RATE_SPAN, start, now)
                after = wearer.window(kind, end, end + RATE_SPAN, now)
                records = [
                    *(record.encoded for record in after),
                    *records,
                    *(record.encoded for record in before),
                    *records[::10],
                ]
            return self._envelope(kind, wearer, holder, records)

        return answer

    def _devices(self, wearer: Wearer, holder: Holder, request: web.Request) -> bytes:
        """Answer what is and was worn, the newest first; a window is ignored."""
        now = self._clock.now()
        upload = wearer.last_upload(now)
        worn = [
            d for d in wearer.devices if d is wearer.devices[0] or d.since + wearer.delay <= now
        ]
        records = []
        for device, until in zip(worn, [*(d.since for d in worn[1:]), None], strict=True):
            uploaded = upload if until is None or upload is None else min(upload, until)
            records.append(
                orjson.dumps(
                    ({} if uploaded is None else {"lastUploadDate": f"{_stamp(uploaded)}Z"})
                    | device.fields()
                    | {"alertSchedules": _schedules(wearer, device.lacks, device.display_device)}
                )
            )
        return self._envelope("device", wearer, holder, records[::-1])

    def _range(self, wearer: Wearer, holder: Holder, request: web.Request) -> bytes:
        """Answer how far the data reach (those uploaded since a time)."""
        now, since = self._clock.now(), None
        if (text := request.query.get("lastSyncTime")) is not None:
            since = _zoned(text)
            if now - since > OLDEST_SYNC:
                raise _RefusedError(400, "lastSyncTime must be within 100 days.")

        def ends(kind: str) -> dict[str, Any] | None:
            span = wearer.span(kind, now, since)
            return None if span is None else {"start": _times(span[0]), "end": _times(span[1])}

        return orjson.dumps(
            {
                "recordType": "dataRange",
                "recordVersion": "3.0",
                "userId": wearer.user_id_for(holder.client_id),
                **{f"{kind}s": ends(kind) for kind in ("calibration", "egv", "event")},
                **self.extra,
            }
        )

    def _envelope(
        self, kind: str, wearer: Wearer, holder: Holder, records: Iterable[bytes]
    ) -> bytes:
        """Return an answer around records that are encoded already."""
        head = orjson.dumps(
            {
                "recordType": kind + "s" * self.plural_record_types,
                "recordVersion": "3.0",
                "userId": wearer.user_id_for(holder.client_id),
                **self.extra,
                "records": [],
            }
        )
        return head.removesuffix(b"]}") + b",".join(records) + b"]}"

    def control(self) -> Iterable[web.RouteDef]:
        """Return the control API: wearers, records, tokens."""
        base = f"/control/{self.name}"
        yield web.get(f"{base}/wearers", self._get_wearers)
        yield web.post(f"{base}/wearers", self._post_wearer)
        yield web.post(f"{base}/alerts", self._post_alert)
        yield web.post(f"{base}/egvs", self._post_egv)
        yield web.post(f"{base}/grant", self._post_grant)
        yield web.post(f"{base}/revoke", self._post_revoke)
        yield web.post(f"{base}/expire", self._post_expire)

    async def _get_wearers(self, request: web.Request) -> web.Response:
        return web.json_response([_wearer_json(wearer) for wearer in self.wearers])

    async def _post_wearer(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        if (delay := body.pop("delay_seconds", None)) is not None:
            body["delay"] = timedelta(seconds=delay)
        return web.json_response(_wearer_json(self.add_wearer(**body)), status=201)

    async def _post_alert(self, request: web.Request) -> web.Response:
        wearer, system_time, body = await self._control_record(request)
        record = wearer.add_alert(body.pop("alert_name"), system_time, **body)
        return web.json_response(record, status=201)

    async def _post_egv(self, request: web.Request) -> web.Response:
        wearer, system_time, body = await self._control_record(request)
        record = wearer.add_egv(system_time, body.pop("value"), **body)
        return web.json_response(record, status=201)

    async def _post_grant(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        return web.json_response(self.grant(self.wearer(body["wearer"])), status=201)

    async def _post_revoke(self, request: web.Request) -> web.Response:
        wearer = self.wearer((await read_object(request))["wearer"])
        self.revoke(wearer)
        return web.json_response(_wearer_json(wearer))

    async def _post_expire(self, request: web.Request) -> web.Response:
        self.expire_access_tokens()
        return web.json_response({})

    async def _control_record(
        self, request: web.Request
    ) -> tuple[Wearer, datetime, dict[str, Any]]:
        """Return whose record it is, its time (one that would just arrive) and the other fields."""
        body = await read_object(request)
        wearer = self.wearer(body.pop("wearer"))
        text, uploaded = body.pop("system_time", None), body.pop("uploaded_at", None)
        if uploaded is not None:
            body["uploaded_at"] = datetime.fromisoformat(uploaded)
        if text is not None:
            return wearer, datetime.fromisoformat(text), body
        return wearer, self._clock.now() - wearer.delay, body


class Dexcom(DexcomRegion):
    """The whole service; it is itself the region `us`."""

    def __init__(self, clock: Clock) -> None:
        """Open every region."""
        super().__init__("us", clock)
        self.regions: dict[str, DexcomRegion] = {"us": self}
        self.regions |= {name: DexcomRegion(name, clock) for name in DELAYS if name != "us"}

    def region(self, name: str) -> DexcomRegion:
        """Return a region by name: `us`, `ous`, `jp`, `sandbox`."""
        return self.regions[name]


class _RefusedError(Exception):
    """A request that the documentation forbids."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def _point(request: web.Request, parameter: str) -> datetime:
    """Return a date of the query: UTC to the second, without a zone."""
    given = request.query.getall(parameter, [])
    if len(given) != 1 or not _TIME.fullmatch(given[0]):
        raise _RefusedError(400, f"{parameter} is required once, as YYYY-MM-DDTHH:MM:SS.")
    try:
        return datetime.fromisoformat(given[0]).replace(tzinfo=UTC)
    except ValueError as error:
        raise _RefusedError(400, f"{parameter} is no date.") from error


def _zoned(text: str) -> datetime:
    """Return an RFC 3339 time of the query."""
    refusal = _RefusedError(400, "lastSyncTime must be RFC 3339 with a zone.")
    if not _RFC3339.fullmatch(text):
        raise refusal
    try:
        return utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise refusal from error


def _stamp(moment: datetime) -> str:
    """Return a UTC time to the second, without its zone."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")


def _times(record: Record) -> dict[str, Any]:
    """Return the times of a record as the data range repeats them."""
    return {name: record.fields.get(name) for name in ("systemTime", "displayTime")}


def _schedules(wearer: Wearer, lacks: Iterable[str], display_device: str) -> list[dict[str, Any]]:
    """Return the alert schedules of a device; a receiver tells none."""
    if display_device == "receiver":
        return []
    limits = wearer.thresholds
    settings: dict[str, tuple[float, str]] = {
        "urgentLow": (limits.urgent_low, "mg/dL"),
        "urgentLowSoon": (limits.urgent_low, "mg/dL"),
        "low": (limits.low, "mg/dL"),
        "high": (limits.high, "mg/dL"),
        "rise": (limits.rise, "mg/dL/min"),
        "fall": (limits.fall, "mg/dL/min"),
        "outOfRange": (limits.signal_loss / timedelta(minutes=1), "minutes"),
        "noReadings": (20, "minutes"),
    }
    return [
        {
            "alertScheduleSettings": {
                "alertScheduleName": "",
                "isEnabled": True,
                "isDefaultSchedule": True,
                "startTime": "00:00",
                "endTime": "00:00",
                "daysOfWeek": [
                    *("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
                ],
                "isActive": True,
                "override": {"isOverrideEnabled": False, "mode": "unknown", "endTime": None},
            },
            "alertSettings": [
                {
                    "alertName": name,
                    "value": value,
                    "unit": unit,
                    "snooze": 30 if unit == "mg/dL" else None,
                    "enabled": True,
                    "soundTheme": "modern",
                    "soundOutputMode": "sound",
                }
                for name, (value, unit) in settings.items()
                if name not in lacks
            ],
        }
    ]


def _wearer_json(wearer: Wearer) -> dict[str, Any]:
    """Return a wearer for the control API."""
    device = wearer.device
    return {
        "name": wearer.name,
        "user_id": wearer.user_id,
        "generation": device.generation,
        "variant": device.variant,
        "display_app": device.display_app,
        "display_device": device.display_device,
        "delay_seconds": wearer.delay.total_seconds(),
    }
