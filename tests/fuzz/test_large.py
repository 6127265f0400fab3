"""Answers that are as large as they may be, and made to take long: they end in time."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
import time
from typing import Final
from unittest.mock import patch

import pytest

from custom_components.care_alerts.sources import http

from .rooms import (
    DEXCOM_ALERT,
    DOCUMENTS,
    EGV,
    JILL,
    LUMEN_ALERT,
    NOON,
    READING,
    SHARER,
    alone,
    answering,
    poll,
)
from .strategies import Json

MANY: Final = 2_000
"""Records, of `MOST_RECORDS`: what takes four times as long for twice as many takes far too long for all."""

MOST_SECONDS: Final = 8.0
"""Ours: for these, on a slow machine that is busy."""


def _at(number: int) -> str:
    return (NOON - timedelta(seconds=20 * number)).isoformat()


MADE: Final[dict[str, tuple[str, str, Callable[[int], Json]]]] = {
    "everybody in one day": (
        "lumen",
        "alerts",
        lambda n: LUMEN_ALERT | {"alertSubtype": f"SUB_{n}"},
    ),
    "strangers": ("lumen", "alerts", lambda n: LUMEN_ALERT | {"sharedUserId": f"stranger-{n}"}),
    "alerts": (
        "dexcom",
        "alerts",
        lambda n: DEXCOM_ALERT | {"recordId": f"r-{n}", "systemTime": _at(n)},
    ),
    "alerts of many devices": (
        "dexcom",
        "alerts",
        lambda n: (
            DEXCOM_ALERT | {"recordId": f"r-{n}", "systemTime": _at(n), "transmitterId": f"{n:064}"}
        ),
    ),
    "alerts of one instant": ("dexcom", "alerts", lambda n: DEXCOM_ALERT | {"recordId": f"r-{n}"}),
    "values": ("dexcom", "egvs", lambda n: EGV | {"systemTime": _at(n)}),
    "readings": ("tidepool", "data", lambda n: READING | {"id": f"r-{n}", "time": _at(n)}),
    "readings of one instant": ("tidepool", "data", lambda n: READING | {"id": f"r-{n}"}),
    "readings of the future": (
        "tidepool",
        "data",
        lambda n: READING | {"id": f"r-{n}", "time": (NOON + timedelta(minutes=n)).isoformat()},
    ),
    "senders": (
        "tidepool",
        "data",
        lambda n: READING | {"id": f"r-{n}", "time": _at(n), "deviceId": f"device-{n}"},
    ),
    "senders without a name": (
        "tidepool",
        "data",
        lambda n: (
            READING | {"id": f"r-{n}", "time": _at(n % 100), "deviceId": None, "uploadId": f"u-{n}"}
        ),
    ),
    "people": ("tidepool", "users", lambda n: SHARER | {"userid": f"person{n:06}"}),
}


def _answer(which: str, count: int) -> dict[str, Json]:
    name, path, make = MADE[which]
    usual = DOCUMENTS[name]
    records = [make(number) for number in range(count)]
    match usual[path]:
        case {"data": dict(data)}:
            changed: Json = {"success": True, "data": data | {"alerts": records}}
        case {"records": _}:
            changed = usual[path] | {"records": records}
        case _:
            changed = records
    return usual | {path: changed}


@pytest.mark.parametrize("which", [one for one in MADE if one != "people"])
def test_many_records_end_in_time(which: str) -> None:
    name, _, _ = MADE[which]

    async def live() -> None:
        source, room = alone(name)
        for start in (0, 1):
            documents = _answer(which, MANY + start)
            with answering(name, documents):
                assert await poll(source, room) is None
            room.clock += timedelta(minutes=5)

    began = time.process_time()
    asyncio.run(live())
    assert time.process_time() - began < MOST_SECONDS


@pytest.mark.parametrize("which", MADE)
def test_more_records_than_anybody_has_are_not_read(which: str) -> None:
    name, _, _ = MADE[which]

    async def live() -> None:
        source, room = alone(name)
        with answering(name, DOCUMENTS[name]):
            assert await poll(source, room) is None

        def kept() -> tuple[set[str], set[str], int]:
            ids = {one.alert_id for one in room.ledger.alerts() if one.source != "tidepool"}
            return ids, set(source.people(room.clock, [])), len(room.readings.of(JILL))

        before = kept()
        room.clock += timedelta(hours=2)
        with answering(name, _answer(which, 51)):
            await poll(source, room)
        assert kept() == before

    with patch.object(http, "MOST_RECORDS", 50):
        asyncio.run(live())
