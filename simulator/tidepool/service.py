"""Tidepool's API: sign-in, whom somebody follows, alert thresholds, data."""

from base64 import b64decode
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from random import Random
import re
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from aiohttp import hdrs, web
import orjson

from ..clock import Clock, utc
from ..vendor import Vendor, read_moment, read_object
from . import settings
from .accounts import Account
from .children import MG_DL_PER_MMOL_L, Child, Record, stamp

DEFAULT_USERNAME = "carepartner@example.com"
DEFAULT_PASSWORD = "demo-password-1"  # noqa: S105
TOKEN_HEADER = "X-Tidepool-Session-Token"  # noqa: S105
TRACE_HEADER = "X-Tidepool-Trace-Request"

_NEEDS_VIEW = ("view", "upload", "custodian")
"""Any of these lets a follower see somebody's units."""
_LATEST_TYPES = (
    "basal",
    "bloodKetone",
    "bolus",
    "cbg",
    "cgmSettings",
    "deviceEvent",
    "food",
    "insulin",
    "physicalActivity",
    "pumpSettings",
    "reportedState",
    "smbg",
    "upload",
    "wizard",
)
"""What `latest` means if no type is named."""
_RFC_3339 = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")
_NO_TOKEN = f"No {TOKEN_HEADER.lower()} was found"
_REASONS = {
    400: "Missing id and/or password",
    401: "Not authorized for requested operation",
    403: "The user hasn't verified this account yet",
    404: "Not Found",
    410: "Gone",
}
"""What the older services say to a status."""
_ALERT_CODES = {
    400: "json-malformed",
    401: "unauthenticated",
    403: "unauthorized",
    404: "resource-not-found",
    429: "too-many-requests",
}
_ALERT_DETAILS = {
    "json-malformed": "JSON is malformed",
    "unauthenticated": "Auth token is invalid",
    "unauthorized": "Auth token is not authorized for requested action",
    "value-not-exists": "Value does not exist",
}
_DATA_CODES = {
    400: "invalid_parameters",
    401: "unauthorized",
    403: "data_cant_view",
    404: "not_found",
    429: "too_many_requests",
}
_DATA_MESSAGES = {
    "data_cant_view": "user is not authorized to view data",
    "invalid_parameters": "one or more parameters are invalid",
}


class Tidepool(Vendor):
    """The service: accounts, and the people they follow."""

    name = "tidepool"
    endpoints = (
        "tidepool.login",
        "tidepool.renew",
        "tidepool.logout",
        "tidepool.user",
        "tidepool.people",
        "tidepool.groups",
        "tidepool.profile",
        "tidepool.alerts",
        "tidepool.write_alerts",
        "tidepool.delete_alerts",
        "tidepool.data",
        "tidepool.info",
    )

    def __init__(self, clock: Clock) -> None:
        """Begin with one care partner whom nobody shares with."""
        self.legacy_login_gone: bool | int = False
        """Whether signing in by password is no more: True answers 410, a number that status."""
        self.single_error_object = False
        """Whether the alerts' errors come as one object instead of a list."""
        self._clock = clock
        self._accounts: dict[str, Account] = {}
        self.account = self.add_account(DEFAULT_USERNAME, DEFAULT_PASSWORD)
        """The first account."""
        self.reset()

    def reset(self) -> None:
        """Forget all children; be today's server again."""
        self._children: dict[str, Child] = {}
        self.keeps_unknown_fields = False
        """Whether the server stores and shows what nobody documents; today's drops it."""
        self._answers = 0

    @property
    def children(self) -> list[Child]:
        """Everybody who could share."""
        return list(self._children.values())

    @property
    def accounts(self) -> list[Account]:
        """Every care partner."""
        return list(self._accounts.values())

    def child(self, name: str) -> Child:
        """Return a child by name or user id; KeyError if there is none."""
        for child in self._children.values():
            if name in (child.name, child.user_id):
                return child
        raise KeyError(name)

    def add_account(
        self,
        username: str,
        password: str,
        *,
        email_verified: bool = True,
        sso: bool = False,
        user_id: str | None = None,
    ) -> Account:
        """Open a care partner's account; ValueError if the name is taken."""
        if username.lower() in self._accounts:
            raise ValueError(f"there is an account {username}")
        account = Account(
            username,
            password,
            self._clock,
            email_verified=email_verified,
            sso=sso,
            user_id=user_id,
        )
        self._accounts[username.lower()] = account
        return account

    def add_child(
        self,
        name: str,
        *,
        user_id: str | None = None,
        full_name: str | None = None,
        other_person: bool = False,
        live: bool = True,
        delay: timedelta | None = None,
        jitter: timedelta = timedelta(seconds=20),
        units: str = "mg/dL",
        timezone: str = "UTC",
        seed: int = 0,
    ) -> Child:
        """Add somebody to follow, see Child; ValueError if the id is taken."""
        child = Child(
            name,
            self._clock,
            user_id=user_id,
            full_name=full_name,
            other_person=other_person,
            live=live,
            delay=delay,
            jitter=jitter,
            units=units,
            timezone=timezone,
            seed=seed,
        )
        if child.user_id in self._children:
            raise ValueError(f"there is somebody with id {child.user_id}")
        self._children[child.user_id] = child
        return child

    def error(self, status: int) -> object:
        """Return the error of the older services."""
        return self._error("", status)

    def error_at(self, endpoint: str, status: int) -> object:
        """Return the error of the service behind an endpoint."""
        return self._error(endpoint, status)

    def _error(self, endpoint: str, status: int, message: str | None = None) -> object:
        """Return an error; `message`: the code where the service has codes, else the reason."""
        if endpoint == "tidepool.data":
            code = message or _DATA_CODES.get(status, "data_store_error")
            return {
                "status": status,
                "id": self._made_up_trace(),
                "code": code,
                "message": _DATA_MESSAGES.get(code, code.replace("_", " ")),
            }
        if endpoint.endswith("alerts"):
            code = message or _ALERT_CODES.get(status, "internal-server-failure")
            detail = _ALERT_DETAILS.get(code, code.replace("-", " ").capitalize())
            error = {"code": code, "title": detail.lower(), "detail": detail}
            if self.single_error_object:
                return error
            # This one has no status of its own, and so none in the body.
            own_status = {} if code == "value-not-exists" else {"status": str(status)}
            return {
                "errors": [error | own_status],
                "meta": {"trace": {"request": self._made_up_trace()}},
            }
        reason = message or _REASONS.get(status, "Internal Server Error")
        return {"code": status, "reason": reason}

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the endpoints."""
        alerts = "/v1/users/{user_id}/followers/{follower_id}/alerts"
        for endpoint, method, path, answer in (
            ("login", hdrs.METH_POST, "/auth/login", self._login),
            ("renew", hdrs.METH_GET, "/auth/login", self._renew),
            ("logout", hdrs.METH_POST, "/auth/logout", self._logout),
            ("user", hdrs.METH_GET, "/auth/user", self._user),
            ("people", hdrs.METH_GET, "/metadata/users/{user_id}/users", self._people),
            ("profile", hdrs.METH_GET, "/metadata/{user_id}/profile", self._profile),
            ("groups", hdrs.METH_GET, "/access/groups/{user_id}", self._groups),
            ("alerts", hdrs.METH_GET, alerts, self._get_alerts),
            ("write_alerts", hdrs.METH_POST, alerts, self._post_alerts),
            ("delete_alerts", hdrs.METH_DELETE, alerts, self._delete_alerts),
            ("data", hdrs.METH_GET, "/data/{user_id}", self._data),
            ("info", hdrs.METH_GET, "/info", self._info),
        ):
            yield web.route(
                method,
                f"/{self.name}{path}",
                self._endpoint(f"{self.name}.{endpoint}", answer),
                name=f"{self.name}.{endpoint}",
            )

    def _endpoint(
        self, endpoint: str, answer: Callable[[web.Request], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Return a handler that says what is refused in the endpoint's own words."""

        async def handle(request: web.Request) -> web.Response:
            try:
                response = await answer(request)
            except _RefusedError as refusal:
                body = self._error(endpoint, refusal.status, refusal.message)
                response = _json(orjson.dumps(body), refusal.status)
            response.headers[TRACE_HEADER] = self._trace(request)
            return response

        return handle

    # Signing in.

    async def _login(self, request: web.Request) -> web.Response:
        """Begin a session for name and password."""
        self._check_login_is_there()
        username, password = _basic(request.headers.get(hdrs.AUTHORIZATION, ""))
        account = self._accounts.get(username.lower())
        if account is None or account.sso or account.password != password:
            if account is not None:
                account.refused_logins += 1
            raise _RefusedError(401, "No user matched the given details")
        if not account.email_verified:
            account.refused_logins += 1
            raise _RefusedError(403)
        return _with_token(account.profile(), account.log_in())

    async def _renew(self, request: web.Request) -> web.Response:
        """Give a fresh token for one whose session is not over."""
        self._check_login_is_there()
        token = request.headers.get(TOKEN_HEADER, "")
        for account in self.accounts:
            if (fresh := account.renew(token)) is not None:
                expires = int(account.expires_at(fresh).timestamp())
                data = {"isserver": False, "userid": account.user_id, "expires_at": expires}
                return _with_token(data, fresh)
        raise _RefusedError(401, _NO_TOKEN)

    async def _logout(self, request: web.Request) -> web.Response:
        """End a session; content with one that does not exist."""
        for account in self.accounts:
            account.log_out(request.headers.get(TOKEN_HEADER, ""))
        return web.Response()

    async def _user(self, request: web.Request) -> web.Response:
        """Tell whose token it is."""
        return _json(orjson.dumps(self._signed_in(request).profile()))

    def _check_login_is_there(self) -> None:
        """Refuse once signing in by password has been taken away."""
        if (gone := self.legacy_login_gone) is not False:
            raise _RefusedError(410 if gone is True else gone)

    def _signed_in(self, request: web.Request, *, own: bool = False) -> Account:
        """Return whose token it is; 401 for none, 403 if the path must be (`own`) about them but is not."""
        token = request.headers.get(TOKEN_HEADER)
        account = next((a for a in self.accounts if token and a.opens(token)), None)
        if account is None:
            raise _RefusedError(401)
        if own and request.match_info["user_id"] != account.user_id:
            raise _RefusedError(403, _REASONS[401])
        return account

    # Whom somebody follows.

    async def _people(self, request: web.Request) -> web.Response:
        """List everybody who shares with the account or whom it shares with."""
        account = self._signed_in(request, own=True)
        wanted = request.query.get("trustorPermissions")
        people = []
        for child in self.children:
            granted = child.permissions.get(account.user_id, ())
            if _wanted(wanted, granted) and (granted or child.user_id in account.trustees):
                people.append(self._person(child, account))
        people += [
            {
                "userid": other.user_id,
                "profile": {"fullName": other.full_name},
                "trusteePermissions": _permissions(account.trustees[other.user_id]),
            }
            for other in self.accounts
            if other.user_id in account.trustees and _wanted(wanted, ())
        ]
        return _json(orjson.dumps(people))

    def _person(self, child: Child, account: Account) -> dict[str, Any]:
        """Return somebody as a follower, or somebody followed, is told about them."""
        granted = child.permissions.get(account.user_id, ())
        person: dict[str, Any] = {
            "userid": child.user_id,
            "username": child.username,
            "emails": [child.username],
            "emailVerified": True,
            "termsAccepted": "2025-02-03T12:19:54+01:00",
        }
        if granted:
            person["trustorPermissions"] = _permissions(granted)
        if trusted := account.trustees.get(child.user_id):
            person["trusteePermissions"] = _permissions(trusted)
        person["profile"] = _profile(child, patient=bool(granted))
        if any(name in granted for name in _NEEDS_VIEW):
            person["settings"] = {"units": {"bg": child.units}}
        return person | child.extra

    async def _profile(self, request: web.Request) -> web.Response:
        """Tell somebody's profile to themselves and their followers."""
        account = self._signed_in(request)
        user_id = request.match_info["user_id"]
        if user_id == account.user_id:
            return _json(orjson.dumps({"fullName": account.full_name}))
        child = self._children.get(user_id)
        if child is None or account.user_id not in child.permissions:
            raise _RefusedError(401)
        return _json(orjson.dumps(_profile(child, patient=True)))

    async def _groups(self, request: web.Request) -> web.Response:
        """Tell what everybody grants the account."""
        account = self._signed_in(request, own=True)
        groups: dict[str, Any] = {account.user_id: {"root": {}}} | {
            child.user_id: _permissions(child.permissions[account.user_id])
            for child in self.children
            if account.user_id in child.permissions
        }
        return _json(orjson.dumps(groups))

    # Alert thresholds.

    async def _get_alerts(self, request: web.Request) -> web.Response:
        """Show a follower's alerts."""
        account = self._follower(request)
        child = self._followed(request, account)
        stored = child.settings_of(account)
        if stored is None:
            raise _RefusedError(404, "value-not-exists")
        document = {
            "userId": account.user_id,
            "followedUserId": child.user_id,
            # Nothing sets it on today's server.
            "uploadId": "",
            **settings.shown(stored, unknown=self.keeps_unknown_fields),
        }
        return _json(orjson.dumps(document))

    async def _post_alerts(self, request: web.Request) -> web.Response:
        """Store the alerts that are sent, each whole, and keep the others."""
        account = self._follower(request)
        try:
            alerts = settings.read(await request.read(), unknown=self.keeps_unknown_fields)
        except settings.MalformedError as error:
            raise _RefusedError(400) from error
        self._followed(request, account).merge_settings(account, alerts)
        return web.Response()

    async def _delete_alerts(self, request: web.Request) -> web.Response:
        """Take a follower's alerts away, if there are any."""
        account = self._follower(request)
        self._followed(request, account).set_settings(account, None)
        return web.Response()

    def _follower(self, request: web.Request) -> Account:
        """Return whose alerts these are, who must be who asks; 401, 403."""
        account = self._signed_in(request)
        if request.match_info["follower_id"] != account.user_id:
            raise _RefusedError(403)
        return account

    def _followed(self, request: web.Request, account: Account) -> Child:
        """Return whose data the alerts are about, who must let `account` follow; 403."""
        child = self._children.get(request.match_info["user_id"])
        if child is None or not child.grants(account, "follow"):
            raise _RefusedError(403)
        return child

    # Data.

    async def _data(self, request: web.Request) -> web.Response:
        """Send the records asked for, in no order."""
        user_id = request.match_info["user_id"]
        query = request.query
        try:
            start, end = (_rfc_3339(query.get(name)) for name in ("startDate", "endDate"))
            latest = _flag(query, "latest")
            # The old name of the parameter means the opposite.
            cbg_filter = _flag(query, "cbgFilter", default=not _flag(query, "dexcom"))
            shortest = int(query.get("sampleIntervalMinimum", 0))
        except ValueError as error:
            raise _RefusedError(500, "invalid_parameters") from error
        try:
            account = self._signed_in(request)
        except _RefusedError as refusal:
            # Here a dead token and a permission that is not there look the same.
            raise _RefusedError(403) from refusal
        child = self._children.get(user_id)
        if user_id != account.user_id and (child is None or not child.grants(account, "view")):
            raise _RefusedError(403)
        if child is None:
            return _json(b"[]")
        types = _list(query.get("type"))
        records: Iterable[Record] = child.matching(
            self._clock.now(),
            start=start,
            end=end,
            types=_LATEST_TYPES if latest and types is None else types,
            cbg_filter=cbg_filter and not query.get("uploadId"),
        )
        records = _filtered(child, records, query, shortest)
        if latest:
            records = {record.type: record for record in records}.values()
        found = [record.encoded for record in records]
        self._answers += 1
        Random(f"{child.seed}/{self._answers}").shuffle(found)
        return _json(b"[" + b",".join(found) + b"]")

    async def _info(self, request: web.Request) -> web.Response:
        """Tell where the identity provider is."""
        identity = f"{self.base}/identity"
        return _json(
            orjson.dumps(
                {
                    "auth": {
                        "realm": "tidepool",
                        "url": identity,
                        "issuerURL": f"{identity}/realms/tidepool",
                    },
                    "versions": {"loop": {"minimumSupported": "2.0.0", "criticalUpdateNeeded": []}},
                }
            )
        )

    def _trace(self, request: web.Request) -> str:
        """Return what a request is called in the server's log."""
        return request.headers.get(TRACE_HEADER) or self._made_up_trace()

    def _made_up_trace(self) -> str:
        """Return a request's name for the server's log."""
        self._answers += 1
        return uuid5(NAMESPACE_URL, f"trace/{self._answers}").hex

    # The control API.

    def control(self) -> Iterable[web.RouteDef]:
        """Return the control API: people, readings, settings, permissions, sessions."""
        base = f"/control/{self.name}"
        yield web.get(f"{base}/people", self._control_people)
        yield web.post(f"{base}/people", self._control_add_child)
        yield web.post(f"{base}/permissions", self._control_permissions)
        yield web.post(f"{base}/readings", self._control_reading)
        yield web.get(f"{base}/settings", self._control_settings)
        yield web.put(f"{base}/settings", self._control_set_settings)
        yield web.post(f"{base}/kill_sessions", self._control_sessions)
        yield web.post(f"{base}/expire_access", self._control_sessions)

    async def _control_people(self, request: web.Request) -> web.Response:
        return web.json_response([_child_json(child) for child in self.children])

    async def _control_add_child(self, request: web.Request) -> web.Response:
        account, body = await self._control_body(request)
        permissions = body.pop("permissions", ["view", "follow"])
        for span in ("delay", "jitter"):
            if (seconds := body.pop(f"{span}_seconds", None)) is not None:
                body[span] = timedelta(seconds=seconds)
        child = self.add_child(body.pop("name"), **body)
        child.change_permissions(account, permissions)
        return web.json_response(_child_json(child), status=201)

    async def _control_permissions(self, request: web.Request) -> web.Response:
        account, body = await self._control_body(request)
        child = self.child(body.pop("person"))
        at = read_moment(body.pop("at", None))
        child.change_permissions(account, body.pop("permissions"), at, **body)
        return web.json_response(_child_json(child))

    async def _control_reading(self, request: web.Request) -> web.Response:
        _, body = await self._control_body(request)
        child = self.child(body.pop("person"))
        time = read_moment(body.pop("time", None)) or self._clock.now()
        if "mg_dl" in body:
            body["mmol_l"] = round(body.pop("mg_dl") / MG_DL_PER_MMOL_L, 5)
        record = child.add_reading(
            time,
            body.pop("mmol_l"),
            uploaded_at=read_moment(body.pop("uploaded_at", None)),
            **body,
        )
        return web.json_response(
            {"uploaded_at": stamp(record.uploaded_at), "record": record.body}, status=201
        )

    async def _control_settings(self, request: web.Request) -> web.Response:
        account = self._named(request.query.get("username"))
        return web.json_response(self.child(request.query["person"]).settings_of(account))

    async def _control_set_settings(self, request: web.Request) -> web.Response:
        account, body = await self._control_body(request)
        child = self.child(body["person"])
        child.set_settings(account, body["settings"])
        return web.json_response(child.settings_of(account))

    async def _control_sessions(self, request: web.Request) -> web.Response:
        account = self._named(request.query.get("username"))
        if request.path.endswith("kill_sessions"):
            account.kill_sessions()
        else:
            account.expire_access()
        return web.json_response({})

    async def _control_body(self, request: web.Request) -> tuple[Account, dict[str, Any]]:
        """Return the account meant (`username`; the first) and the other fields."""
        body = await read_object(request)
        return self._named(body.pop("username", None)), body

    def _named(self, username: str | None) -> Account:
        """Return an account by its name; the first one if none is given."""
        return self.account if username is None else self._accounts[username.lower()]


class _RefusedError(Exception):
    """A request that is refused, with the code or reason if it is not the status' usual one."""

    def __init__(self, status: int, message: str | None = None) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message


def _basic(header: str) -> tuple[str, str]:
    """Return the name and password of an Authorization header; 400 if one is missing."""
    scheme, _, coded = header.partition(" ")
    try:
        username, _, password = b64decode(coded, validate=True).decode().partition(":")
    except ValueError as error:
        raise _RefusedError(400) from error
    if scheme.lower() != "basic" or not (username or password):
        raise _RefusedError(400)
    return username, password


def _json(content: bytes, status: int = 200) -> web.Response:
    """Return an answer in JSON."""
    return web.Response(
        body=content, status=status, content_type="application/json", charset="utf-8"
    )


def _with_token(content: object, token: str) -> web.Response:
    """Return an answer whose header bears a token."""
    response = _json(orjson.dumps(content))
    response.headers[TOKEN_HEADER] = token
    return response


def _permissions(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return permissions as they are sent."""
    return {name: {} for name in names}


def _wanted(asked: str | None, granted: Collection[str]) -> bool:
    """Return whether somebody who grants this is asked for: `any`, `none` or a list of permissions."""
    match asked:
        case None:
            return True
        case "any":
            return bool(granted)
        case "none":
            return not granted
    return set(asked.split(",")) <= set(granted)


def _profile(child: Child, *, patient: bool) -> dict[str, Any]:
    """Return a profile; `patient`: with what only followers see."""
    profile: dict[str, Any] = {"fullName": child.full_name}
    if patient:
        profile["patient"] = {
            "birthday": "2016-03-04",
            "diagnosisDate": "2021-09-01",
            "targetTimezone": child.timezone.key,
        }
        if child.other_person:
            profile["patient"] |= {"isOtherPerson": True, "fullName": child.name}
    return profile


def _rfc_3339(text: str | None) -> datetime | None:
    """Read a time of a query; ValueError."""
    if not text:
        return None
    if not _RFC_3339.fullmatch(text):
        raise ValueError(f"{text} is no RFC 3339 time")
    return utc(datetime.fromisoformat(text))


def _list(text: str | None) -> Collection[str] | None:
    """Read a list of a query; None: everything."""
    return set(text.split(",")) if text else None


def _flag(query: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    """Read a truth value of a query as Go does; ValueError."""
    text = query.get(name)
    if text is None:
        return default
    if text in ("1", "t", "T", "TRUE", "true", "True"):
        return True
    if text in ("0", "f", "F", "FALSE", "false", "False"):
        return False
    raise ValueError(f"{name} is no truth value")


def _filtered(
    child: Child, records: Iterable[Record], query: Mapping[str, str], shortest: int
) -> Iterator[Record]:
    """Iterate over the records that have what else is asked for; `shortest` sample interval in ms."""
    subtypes = _list(query.get("subType"))
    reasons = _list(query.get("dosingDecision.reason"))
    upload_id, device_id = query.get("uploadId"), query.get("deviceId")
    for record in records:
        fields = record.fields
        if subtypes is not None and fields.get("subType") not in subtypes:
            continue
        if (
            reasons is not None
            and record.type == "dosingDecision"
            and fields.get("reason") not in reasons
        ):
            continue
        if record.type == "cbg" and fields.get("sampleInterval", shortest) < shortest:
            continue
        if device_id and record.device_id != device_id:
            continue
        if upload_id and child.upload_id(record.origin) != upload_id:
            continue
        yield record


def _child_json(child: Child) -> dict[str, Any]:
    """Return somebody for the control API."""
    return {
        "name": child.name,
        "user_id": child.user_id,
        "full_name": child.full_name,
        "live": child.live,
        "permissions": {who: list(names) for who, names in child.permissions.items()},
    }
