"""The records of Tidepool's API: who shares with us, and readings, as it has them. Pure.

Vendor's documentation: the OpenAPI descriptions "Metadata" and "Data" of github.com/tidepool-org/TidepoolApi.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
import re
from typing import Any, Final, NamedTuple, Self
from zlib import crc32

from ...alerts.glucose import MG_DL, MMOL_L, OutOfRange, converted, rounded
from ...alerts.tolerant import UNREADABLE, read_each
from ..parsing import name_or_none, text, text_or_none, utc, utc_or_none
from .units import HIGHEST, exact_unit

VIEW: Final = "view"
FOLLOW: Final = "follow"

CBG: Final = "cbg"
SMBG: Final = "smbg"
DOSING_DECISION: Final = "dosingDecision"
ALERT: Final = "alert"

_EDGE: Final = {OutOfRange.LOW: 40.0, OutOfRange.HIGH: 400.0}
"""mg/dL at which a sensor measures no further, where a record does not say it: a LOW without a number is a LOW."""

_LOWEST_GLUCOSE: Final = 20
"""mg/dL below which no sensor measures: Dexcom's, and what passes them on, send codes of trouble (1, 5, 10, 12)."""


@dataclass(frozen=True, slots=True)
class Sharer:
    """Somebody who shares with us: what they allow (`view`, `follow`...), their name and unit if they are known."""

    user_id: str
    permissions: frozenset[str]
    name: str | None = None
    unit: str | None = None

    @classmethod
    def of(cls, record: Any) -> Self | None:
        """Read an entry of the metadata; None for somebody with whom we share but who does not share with us."""
        granted = record.get("trustorPermissions")
        user_id = user_id_of(record["userid"])
        if not granted:
            return None
        match record:
            case {"settings": {"units": {"bg": units}}}:
                unit = exact_unit(units)
            case _:
                unit = None
        return cls(user_id, frozenset(granted.keys()), _name_in(record.get("profile")), unit)


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

    @property
    def kept_as(self) -> str:
        """What tells it from others where readings are kept: its kind, what names it, and what else there is of it."""
        name = self.device or self.origin
        rest = "\n".join(self[2:])
        return f"{self.kind} {crc32(name.encode()):08x} {crc32(rest.encode()):08x}"

    @classmethod
    def of_kept(cls, kept_as: str) -> Self:
        """A sender that is told from others as the one that was `kept_as` that; a sensor where nobody knows."""
        match kept_as.split():
            case [kind, name, rest]:
                return cls(kind, "", name, "", rest)
        return cls(CBG)


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
class DeviceAlert:
    """An alert on the person's own device: its class, when it was issued, and when it was answered there (None: not yet).

    One that was retracted is not answered by that: it may have gone by itself.
    """

    name: str
    issued_at: datetime
    answered_at: datetime | None

    @classmethod
    def of(cls, record: Any) -> Self | None:
        """Read an `alert`; None for what came through Dexcom and says that it is over, or nothing that we know."""
        issued_at = utc_or_none(record.get("issuedTime")) or utc(record["time"])
        answered_at = utc_or_none(record.get("acknowledgedTime"))
        match record.get("payload"):
            case {"alertState": "activeSnoozed"}:
                answered_at = answered_at or issued_at
            case {"alertState": state} if state != "activeAlarming":
                return None
        return cls(name=text(record["name"]), issued_at=issued_at, answered_at=answered_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """A person's data, in no order: readings, when Loop decided, alerts of their device.

    `unreadable` counts what could not be read; `is_nonsense`: nothing could, of what is judged.
    """

    readings: tuple[Reading, ...]
    loops: tuple[datetime, ...]
    unreadable: int
    alerts: tuple[DeviceAlert, ...] = ()
    is_nonsense: bool = False

    @classmethod
    def of(cls, records: Iterable[Any]) -> Self:
        """Read records; other types than these are left out."""
        of_device: list[Any] = []
        judged: list[Any] = []
        for record in records:
            (of_device if _type_in(record) == ALERT else judged).append(record)
        found, unreadable = read_each(judged, _reading_or_loop)
        alerts, odd = read_each(of_device, DeviceAlert.of)
        return cls(
            readings=tuple(one for one in found if isinstance(one, Reading)),
            loops=tuple(one for one in found if isinstance(one, datetime)),
            unreadable=unreadable + odd,
            alerts=tuple(alerts),
            is_nonsense=bool(judged) and unreadable == len(judged),
        )


def _type_in(record: Any) -> Any:
    return record.get("type") if isinstance(record, Mapping) else None


def _reading_or_loop(record: Any) -> Reading | datetime | None:
    """A reading, or when Loop decided; None for a record of another type."""
    match record["type"]:
        case "cbg" | "smbg":
            return Reading.of(record)
        case "dosingDecision" if record.get("reason") == "loop":
            return utc(record["time"])
        case str():
            return None
        case _:
            raise TypeError


def is_user_id(user_id: str) -> bool:
    """Whether it can be part of an address, and of that one only. Ten hexadecimal digits, or a UUID, as far as anybody knows."""
    return re.fullmatch(r"[\w-]{1,64}", user_id, re.ASCII) is not None


def user_id_of(value: Any) -> str:
    """A user id.

    Raises:
        ValueError: it is none.

    """
    if not is_user_id(user_id := text(value)):
        raise ValueError
    return user_id


def _name_in(profile: Any) -> str | None:
    """The account's name; the patient's where the account belongs to somebody who looks after them. On one line, to be read."""
    match profile:
        case {"patient": {"isOtherPerson": True, "fullName": name}} if found := name_or_none(name):
            return found
        case {"fullName": name}:
            return name_or_none(name)
        case _:
            return None


def _number(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not isfinite(number):
        raise ValueError
    return number


def _value_in(record: Any) -> tuple[float, str]:
    """A record's value and its unit: mmol/L unless it says otherwise."""
    unit = exact_unit(record.get("units") or MMOL_L)
    value = _number(record["value"])
    if unit is None or not 0 < value <= HIGHEST[unit]:
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
    """Whether a reading was beyond its sensor's range, and the edge in mg/dL (whatever unit the reading is in)."""
    for annotation in annotations if isinstance(annotations, list) else ():
        match annotation:
            case {"code": "bg/out-of-range", "value": "low" | "high" as direction}:
                side = OutOfRange(direction)
                try:
                    edge = _number(annotation["threshold"])
                except UNREADABLE:
                    edge = _EDGE[side]
                return side, edge if 0 < edge <= HIGHEST[MG_DL] else _EDGE[side]
    return None
