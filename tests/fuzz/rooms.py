"""A source alone in a room: it asks as in a house, whoever answers, and nothing else is there."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
import json
import math
import time
from typing import Any, Final
from unittest.mock import patch

from aiohttp import ClientSession
from homeassistant.helpers.json import json_bytes
import orjson
from yarl import URL

from custom_components.care_alerts.alerts.alert import Alert, Severity, in_order
from custom_components.care_alerts.alerts.ledger import Ledger
from custom_components.care_alerts.alerts.readings import GlucoseLogs
from custom_components.care_alerts.sources import SOURCES
from custom_components.care_alerts.sources.dexcom import api as dexcom
from custom_components.care_alerts.sources.dexcom.source import DexcomSource, Settings
from custom_components.care_alerts.sources.http import Answer, ApiError, RefusedError
from custom_components.care_alerts.sources.lumen import api as lumen
from custom_components.care_alerts.sources.lumen.source import LumenSource
from custom_components.care_alerts.sources.lumen.state import Selection
from custom_components.care_alerts.sources.source import Source
from custom_components.care_alerts.sources.tidepool import api as tidepool, session
from custom_components.care_alerts.sources.tidepool.source import TidepoolSource

from .strategies import Json

NOON: Final = datetime(2026, 11, 18, 12, tzinfo=UTC)
BASE: Final = URL("https://vendor.example.com")
ME: Final = "0123456789"
JILL: Final = "abcdef0123"

LARGEST_EVENT: Final = 32 * 1024
"""Bytes that the recorder takes of an event's data."""

LONGEST: Final = 5.0
"""Seconds of this process for what is asked in one poll (ours: a hundred times what it takes)."""


class Room:
    """The house, as a source sees it."""

    def __init__(self, now: datetime = NOON) -> None:
        """Begin empty."""
        self.clock = now
        self.last_contact: datetime | None = None
        self.ledger = Ledger()
        self.readings = GlucoseLogs()
        self.title = "Somebody"
        self.country: str | None = None
        self.unreadable = 0
        self.tasks: list[asyncio.Task[None]] = []
        self.from_disk: set[str] = set()
        """The alerts that a vendor may never have sent like that."""

    def now(self) -> datetime:
        """The time."""
        return self.clock

    def left_out(self, unreadable: int) -> None:
        """Count what could not be read."""
        assert unreadable >= 0
        self.unreadable += unreadable

    def start(self, asking: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Ask beside."""
        self.tasks.append(task := asyncio.ensure_future(asking))
        return task

    async def save(self) -> None:
        """Write nothing."""

    def changed(self, *, write: bool = False) -> None:
        """Show nothing."""

    def ask_soon(self) -> None:
        """Poll nothing."""

    def check_wait(self) -> None:
        """Never wait."""

    def wait_as_told(self, error: ApiError) -> None:
        """Never wait."""


class NoTokens:
    """What needs no token."""

    async def settle(self) -> None:
        """Have nothing under way."""


async def _token(*_: str) -> str:
    return "token"


HTTP: Final = ClientSession.__new__(ClientSession)
"""Nothing is sent by it."""


def open_lumen(room: Room) -> LumenSource:
    """Everybody's alerts."""
    client = lumen.LumenClient(HTTP, BASE, "key")
    everybody = Selection.of({})
    return LumenSource(
        client, room, selection=everybody, on_from=Severity.MEDIUM, spread=timedelta()
    )


def open_dexcom(room: Room) -> DexcomSource:
    """A wearer's alerts."""
    client = dexcom.DexcomClient(HTTP, BASE, _token, _token)
    return DexcomSource(client, NoTokens(), room, "wearer", Settings.of("us", {}))


def open_tidepool(room: Room) -> TidepoolSource:
    """A care partner's alerts."""
    in_already = session.PasswordSession(HTTP, BASE, "anna", "password", now=room.now)
    in_already._token = "token"
    client = tidepool.TidepoolClient(HTTP, BASE, in_already)
    return TidepoolSource(client, in_already, room, user_id=ME, judges=True, chosen=())


OPEN: Final[dict[str, Callable[[Room], Source]]] = {
    "lumen": open_lumen,
    "dexcom": open_dexcom,
    "tidepool": open_tidepool,
}


def alone(name: str, now: datetime = NOON) -> tuple[Source, Room]:
    """A source in a room, at first contact."""
    room = Room(now)
    source = OPEN[name](room)
    source.load({}, now)
    return source, room


# What the vendors answer when all is well.


def _at(minutes: float, *, ago: bool = True) -> str:
    moment = NOON - timedelta(minutes=minutes) if ago else NOON + timedelta(minutes=minutes)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


LUMEN_ALERT: Final[Json] = {
    "sharedUserId": "maria-1",
    "alertType": "WEIGHT",
    "alertSubtype": "TOO_FAST",
    "severity": "HIGH",
    "generatedAt": "2026-11-18T03:14:22Z",
    "details": {"currentWeightKg": 91.4, "weeklyPctChange": -3.8, "lastLoggedDoseAt": _at(900)},
}
DEXCOM_ALERT: Final[Json] = {
    "recordId": "alert-1",
    "systemTime": _at(150),
    "displayTime": _at(90),
    "alertName": "urgentLow",
    "alertState": "activeAlarming",
    "displayDevice": "iOS",
    "transmitterGeneration": "g7",
    "transmitterId": "feed" * 16,
    "displayApp": "G7",
    "transmitterTicks": 12345,
}
EGV: Final[Json] = {
    "recordId": "egv-1",
    "systemTime": _at(150),
    "displayTime": _at(90),
    "value": 52,
    "unit": "mg/dL",
    "trend": "flat",
    "trendRate": 0.1,
    "status": None,
    "displayApp": "G7",
}
DEVICE: Final[Json] = {
    "lastUploadDate": _at(90),
    "transmitterGeneration": "g7",
    "displayApp": "G7",
    "alertSchedules": [{"alertScheduleSettings": {"alertScheduleName": "Default"}}],
}
READING: Final[Json] = {
    "type": "cbg",
    "time": _at(2),
    "value": 2.9,
    "units": "mmol/L",
    "id": "reading-1",
    "deviceId": "DexG7_x",
    "uploadId": "upload-1",
    "trend": "constant",
    "origin": {"name": "org.tidepool.Loop", "version": "3.4"},
    "annotations": [{"code": "bg/out-of-range", "value": "low", "threshold": 40}],
    "sampleInterval": 300000,
}
LOOP: Final[Json] = {"type": "dosingDecision", "reason": "loop", "time": _at(3), "id": "loop-1"}
PHONE_ALERT: Final[Json] = {
    "type": "alert",
    "name": "CGM.lowGlucose",
    "time": _at(40),
    "issuedTime": _at(40),
    "acknowledgedTime": _at(30),
    "retractedTime": _at(20),
    "priority": "timeSensitive",
    "payload": {"alertState": "activeAlarming"},
    "id": "alert-1",
}
SHARER: Final[Json] = {
    "userid": JILL,
    "trustorPermissions": {"view": {}, "follow": {}, "note": {}},
    "profile": {"fullName": "Jill", "patient": {"isOtherPerson": False, "fullName": "Jill"}},
    "settings": {"units": {"bg": "mg/dL"}},
}
SETTINGS: Final[Json] = {
    "userId": ME,
    "followedUserId": JILL,
    "uploadId": "upload-1",
    "urgentLow": {"enabled": True, "threshold": {"units": "mg/dL", "value": 55}},
    "low": {
        "enabled": True,
        "delay": 0,
        "repeat": 30,
        "threshold": {"units": "mg/dL", "value": 70},
    },
    "high": {"enabled": True, "delay": 60, "threshold": {"units": "mg/dL", "value": 250}},
    "noCommunication": {"enabled": True, "delay": 30},
    "notLooping": {"enabled": True, "delay": 30},
}

DOCUMENTS: Final[dict[str, dict[str, Json]]] = {
    "lumen": {
        "identity-mappings": {
            "success": True,
            "data": {
                "mappings": [
                    {
                        "email": "maria@example.com",
                        "sharedUserId": "maria-1",
                        "grantedAt": "2026-08-01T00:00:00Z",
                    }
                ]
            },
        },
        "alerts": {"success": True, "data": {"date": "2026-11-17", "alerts": [LUMEN_ALERT]}},
    },
    "dexcom": {
        "alerts": {"recordType": "alert", "userId": "u", "records": [DEXCOM_ALERT]},
        "egvs": {"recordType": "egv", "userId": "u", "records": [EGV]},
        "devices": {"recordType": "device", "userId": "u", "records": [DEVICE]},
        "dataRange": {
            "userId": "u",
            "egvs": {"start": {"systemTime": _at(9000)}, "end": {"systemTime": _at(90)}},
        },
    },
    "tidepool": {
        "users": [SHARER],
        "alerts": SETTINGS,
        "data": [
            *(
                READING
                | {"id": f"reading-{number}", "time": _at(5 * number + 2), "value": 2.9 + number}
                for number in range(6)
            ),
            LOOP,
            PHONE_ALERT,
        ],
        "user": {"userid": ME},
        "login": {"userid": ME},
        "groups": {JILL: {"view": {}, "follow": {}}},
    },
}


def answering(source: str, documents: Mapping[str, Json]) -> ExitStack:
    """Have a source's requests answered with these."""

    async def answer(_: object, method: str, url: URL, **more: Any) -> Answer:
        document = documents[next(one for one in reversed(url.parts) if one in documents)]
        asked = (more.get("params") or {}).get("date")
        if asked and document == DOCUMENTS["lumen"]["alerts"]:
            date.fromisoformat(asked)
            raise lumen.DateUnavailableError(409, "DATE_UNAVAILABLE")
        if document is None and method == "GET":
            raise RefusedError(404, "value-not-exists")
        # Not by orjson: it does not survive all of these.
        headers = {session.TOKEN_HEADER: "token"}
        return Answer(headers, "application/json", json.dumps(document).encode())

    stack = ExitStack()
    for module in {"lumen": (lumen,), "dexcom": (dexcom,), "tidepool": (tidepool, session)}[source]:
        stack.enter_context(patch.object(module, "request", answer))
    return stack


async def poll(source: Source, room: Room) -> ApiError | None:
    """Have it ask, and be shown to be in order whatever came; the error that is documented, if there was one."""
    error: ApiError | None = None
    began = time.process_time()
    try:
        await source.poll(room.clock, everything=True)
        room.last_contact = room.clock
    except ApiError as err:
        error = err
        _assert_discreet(err)
    if room.tasks:
        await asyncio.gather(*room.tasks)
        room.tasks.clear()
    source.evaluate_due(room.clock)
    assert_in_order(source, room)
    assert time.process_time() - began < LONGEST
    return error


def _assert_discreet(error: ApiError) -> None:
    """It says what kind it is, in words of ours."""
    said = str(error)
    assert said.isprintable()
    assert len(said) < 80


def assert_in_order(source: Source, room: Room) -> None:
    """What came of it can be shown, told, kept and read again."""
    now = room.clock
    alerts = room.ledger.alerts()
    assert list(alerts) == sorted(alerts, key=in_order)
    for alert in alerts:
        if alert.alert_id not in room.from_disk:
            _assert_can_be_told(alert, now)
    kind = SOURCES[next(name for name, opened in OPEN.items() if name in type(source).__module__)]
    for person in source.people(now, alerts).values():
        assert person.person.name
        for description in kind.person_sensors:
            value = description.value_fn(person)
            if value and isinstance(value.value, int | float):
                assert math.isfinite(value.value)
                assert abs(value.value) <= 1_000_000
        if person.glucose:
            assert math.isfinite(person.glucose.value)
    source.data_freshness()
    for repair in source.repairs():
        assert repair.issue_id("entry").isprintable()
        assert all(isinstance(one, str) for one in repair.placeholders.values())
    assert now <= source.next_poll(now) <= now + timedelta(days=1)
    assert_can_be_kept(source, room)


def _assert_can_be_told(alert: Alert, now: datetime) -> None:
    assert alert.observed_at <= alert.received_at <= now
    event = json_bytes(alert.as_event())
    assert len(event) < LARGEST_EVENT
    assert orjson.loads(event)["alert_id"] == alert.alert_id
    for said in (alert.alert_id, alert.person_id, alert.alert_type, alert.subtype or "-"):
        assert said
        assert said.isprintable()
        assert len(said) <= 255


def assert_can_be_kept(source: Source, room: Room) -> None:
    """What is written down is read again, the same."""
    ledger = Ledger.from_dict(orjson.loads(json_bytes(room.ledger.to_dict())))
    assert (len(ledger), ledger.unreadable) == (len(room.ledger), 0)
    logs = orjson.loads(json_bytes(room.readings.to_dict()))
    assert orjson.loads(json_bytes(GlucoseLogs.from_dict(logs, room.clock).to_dict())) == logs
    kept = json_bytes(source.dump())
    again = Room(room.clock)
    again.ledger, again.readings = room.ledger, room.readings
    after = OPEN[next(name for name in OPEN if name in type(source).__module__)](again)
    after.load(orjson.loads(kept), room.clock)
    assert orjson.loads(json_bytes(after.dump())).keys() == orjson.loads(kept).keys()
