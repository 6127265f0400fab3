"""Tidepool's API: everything we ask of it, and what it answers.

Vendor's documentation: the OpenAPI descriptions "Alerts", "Authentication", "Metadata", "Access Control" and "Data"
of github.com/tidepool-org/TidepoolApi. What its server does beyond them is said where it matters.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
import re
from typing import Any, Final, NamedTuple, Self

from aiohttp import ClientSession
from yarl import URL

from ...alerts.glucose import OutOfRange
from ..http import (
    Answer,
    ApiError,
    AuthError,
    ForeignRefusalError,
    RateLimitedError,
    RefusedError,
    UnexpectedAnswerError,
)
from ..parsing import UNREADABLE, can_be_kept, text, text_or_none, utc
from .http import request
from .session import TOKEN_HEADER, Session
from .settings import GLUCOSE_KINDS, KINDS
from .units import MG_DL, MMOL_L, converted, exact_unit, rounded

VIEW: Final = "view"
FOLLOW: Final = "follow"

CBG: Final = "cbg"
SMBG: Final = "smbg"
DOSING_DECISION: Final = "dosingDecision"

_EDGE: Final = {OutOfRange.LOW: 40.0, OutOfRange.HIGH: 400.0}
"""mg/dL at which a sensor stops telling values, where a record does not say it: a LOW without a number is still a LOW."""

_HIGHEST: Final = {MG_DL: 1000.0, MMOL_L: 55.0}
"""The server stores nothing above (platform: blood glucose validation)."""

_LOWEST_GLUCOSE: Final = 20
"""mg/dL below which no sensor tells glucose: Dexcom's, and what passes them on, send codes of trouble (1, 5, 10, 12) there."""


LONGEST_NAME: Final = 100
"""Letters: devices, and sentences, go by it."""


class SettingsUnreadableError(UnexpectedAnswerError):
    """What Tidepool has as settings makes no sense as a whole."""


@dataclass(frozen=True, slots=True)
class Sharer:
    """Somebody who shares with us: what they allow (`view`, `follow`...), and if it was told their name and their unit."""

    user_id: str
    permissions: frozenset[str]
    name: str | None = None
    unit: str | None = None

    @classmethod
    def of(cls, record: Any) -> Self | None:
        """Read an entry of the metadata; None for somebody with whom we share but who does not share with us."""
        granted = record.get("trustorPermissions")
        user_id = _user_id(record["userid"])
        if not granted:
            return None
        match record:
            case {"settings": {"units": {"bg": units}}}:
                unit = exact_unit(units)
            case _:
                unit = None
        return cls(user_id, frozenset(_mapping(granted)), _name_in(record.get("profile")), unit)


class Sender(NamedTuple):
    """Who sends records, by what they say of it and what does not change with each of them.

    A `device` says it all. Without one (xDrip+, AAPS, older Loop) there is at most the app's name, its `version`, which
    changes with an update, and the data set, of which AAPS makes a new one for every upload.
    """

    kind: str
    device: str = ""
    origin: str = ""
    version: str = ""
    data_set: str = ""

    @property
    def label(self) -> str:
        """What to call it where it is spoken of: empty if it has no name."""
        return ", ".join(one for one in (self.origin, self.device) if one)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A glucose reading as stored: `time` is the device's, `kind` `cbg` (sensor) or `smbg` (finger), the value in `unit`.

    `version`: of the app that `origin` names. `record_id`: a corrected reading has another.
    """

    time: datetime
    kind: str
    device: str
    value: float
    unit: str
    trend: str | None = None
    out_of_range: OutOfRange | None = None
    origin: str | None = None
    version: str | None = None
    data_set: str | None = None
    record_id: str | None = None
    sample_interval: timedelta | None = None
    """From one reading of the device to the next, where it says so."""

    @property
    def sender(self) -> Sender:
        """Who sent it."""
        if self.device:
            return Sender(self.kind, self.device, self.origin or "")
        return Sender(self.kind, "", self.origin or "", self.version or "", self.data_set or "")

    @property
    def key(self) -> str:
        """What no other reading of its sender has."""
        return f"{self.time.isoformat()} {self.record_id or ''}"

    @property
    def mg_dl(self) -> float:
        """Its value in mg/dL, not rounded."""
        return converted(self.value, self.unit, MG_DL)

    @property
    def is_glucose(self) -> bool:
        """Whether it is a value; else the sensor sent a code of its trouble in the place of one."""
        return (
            self.kind != CBG
            or self.out_of_range is not None
            or rounded(self.mg_dl, MG_DL) >= _LOWEST_GLUCOSE
        )

    @classmethod
    def of(cls, record: Any) -> Self:
        """Read a `cbg` or `smbg`. Values are mmol/L unless the record says otherwise."""
        beyond = _out_of_range_in(record.get("annotations"))
        try:
            value, unit = _value_in(record)
        except UNREADABLE:
            if beyond is None:
                raise
            value, unit = beyond[1], MG_DL
        origin = record.get("origin")
        origin = origin if isinstance(origin, Mapping) else {}
        return cls(
            time=utc(record["time"]),
            kind=record["type"],
            device=text_or_none(record.get("deviceId")) or "",
            value=value,
            unit=unit,
            trend=text_or_none(record.get("trend")),
            out_of_range=beyond and beyond[0],
            origin=text_or_none(origin.get("name")),
            version=text_or_none(origin.get("version")),
            data_set=text_or_none(record.get("uploadId")),
            record_id=text_or_none(record.get("id")),
            sample_interval=_interval_in(record.get("sampleInterval")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """A person's data: glucose readings and when Loop decided, in no order; `unreadable` counts what could not be read."""

    readings: tuple[Reading, ...]
    loops: tuple[datetime, ...]
    unreadable: int


class TidepoolClient:
    """Tidepool's API for one care partner.

    A token that has died is renewed and the request sent once more; a 403 may be just that (`/data` answers it
    for a dead token as well as for a missing permission), so then we ask who we are.
    """

    def __init__(self, http: ClientSession, base_url: URL, session: Session) -> None:
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
        records = (await self._call("GET", ("metadata", "users", me, "users"))).json()
        if not isinstance(records, list):
            raise UnexpectedAnswerError("the people are not a list")
        sharers: list[Sharer] = []
        unreadable = 0
        for record in records:
            try:
                sharer = Sharer.of(record)
            except UNREADABLE:
                unreadable += 1
                continue
            if sharer and sharer.user_id != me:
                sharers.append(sharer)
        if records and unreadable == len(records):
            raise UnexpectedAnswerError("no person can be read")
        return sharers, unreadable

    async def _groups(self, me: str) -> tuple[list[Sharer], int]:
        groups = (await self._call("GET", ("access", "groups", me))).json()
        if not isinstance(groups, dict):
            raise UnexpectedAnswerError("the groups are no object")
        sharers = [
            Sharer(user_id, frozenset(permissions))
            for user_id, permissions in groups.items()
            if user_id != me and _is_user_id(user_id) and isinstance(permissions, Mapping)
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
        if not _is_settings(document, person, me, whole=whole):
            # What is taken for settings is written back.
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
        """GET /data/{person}: glucose readings and Loop's decisions since `start`, those of the `types`.

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
        records = (await self._call("GET", ("data", person), params=params)).json()
        if not isinstance(records, list):
            raise UnexpectedAnswerError("the data are not a list")
        readings: list[Reading] = []
        loops: list[datetime] = []
        unreadable = 0
        for record in records:
            try:
                match record["type"]:
                    case "cbg" | "smbg":
                        readings.append(Reading.of(record))
                    case "dosingDecision":
                        if record.get("reason") == "loop":
                            loops.append(utc(record["time"]))
                    case str():
                        pass
                    case _:
                        unreadable += 1
            except UNREADABLE:
                unreadable += 1
        if records and unreadable == len(records):
            raise UnexpectedAnswerError("no record can be read")
        return Data(readings=tuple(readings), loops=tuple(loops), unreadable=unreadable)

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


def _is_settings(document: Any, person: str, me: str, *, whole: bool) -> bool:
    """Whether an answer is what we have set for a person: ours and theirs as far as it says so, with an alert as it must be.

    One odd alert must not keep the others from being judged, but nothing is written (`whole`) over what cannot be read.
    """
    if not isinstance(document, dict) or not document.keys() & {"userId", *KINDS.values()}:
        return False
    whose = (document.get("userId", me), document.get("followedUserId", person))
    fine = [
        isinstance(alert := document[name], dict)
        and can_be_kept(alert)
        and (kind not in GLUCOSE_KINDS or isinstance(alert.get("threshold"), dict))
        for kind, name in KINDS.items()
        if name in document
    ]
    return whose == (me, person) and (all(fine) if whole else any(fine) or not fine)


def _is_user_id(user_id: str) -> bool:
    """Whether it can be part of an address, and of that one only. Ten hexadecimal digits, or a UUID, as far as anybody knows."""
    return re.fullmatch(r"[\w-]{1,64}", user_id, re.ASCII) is not None


def _user_id(value: Any) -> str:
    if not _is_user_id(user_id := text(value)):
        raise ValueError
    return user_id


def _user_id_in(body: Any) -> str:
    try:
        return _user_id(body["userid"])
    except UNREADABLE:
        raise UnexpectedAnswerError("no user id in the answer") from None


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError
    return value


def _name_in(profile: Any) -> str | None:
    """The account's name; the patient's where the account belongs to somebody who looks after them. On one line, to be read."""
    match profile:
        case {"patient": {"isOtherPerson": True, "fullName": str(name)}} if name.strip():
            pass
        case {"fullName": str(name)} if name.strip():
            pass
        case _:
            return None
    return " ".join(name.split())[:LONGEST_NAME]


def _number(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not isfinite(number):
        raise ValueError
    return number


def _value_in(record: Any) -> tuple[float, str]:
    """A record's value and its unit: mmol/L unless it says otherwise."""
    unit = exact_unit(record.get("units") or MMOL_L)
    value = _number(record["value"])
    if unit is None or not 0 < value <= _HIGHEST[unit]:
        raise ValueError
    return value, unit


def _interval_in(milliseconds: Any) -> timedelta | None:
    """A sample interval, up to a day; None for what is none."""
    try:
        interval = timedelta(milliseconds=_number(milliseconds))
    except UNREADABLE:
        return None
    return interval if timedelta() < interval <= timedelta(days=1) else None


def _out_of_range_in(annotations: Any) -> tuple[OutOfRange, float] | None:
    """Whether a reading was beyond what its sensor can tell, and the edge in mg/dL (whatever unit the reading is in)."""
    for annotation in annotations if isinstance(annotations, list) else ():
        match annotation:
            case {"code": "bg/out-of-range", "value": "low" | "high" as direction}:
                side = OutOfRange(direction)
                try:
                    edge = _number(annotation["threshold"])
                except UNREADABLE:
                    edge = _EDGE[side]
                return side, edge if 0 < edge <= _HIGHEST[MG_DL] else _EDGE[side]
    return None
