"""What a vendor may answer: nothing falls over, the bad record is left out, the rest is kept, and it recovers by itself."""

import asyncio
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from . import EXAMPLES
from .rooms import (
    DEXCOM_ALERT,
    DOCUMENTS,
    EGV,
    JILL,
    LUMEN_ALERT,
    READING,
    SHARER,
    Room,
    alone,
    answering,
    poll,
)
from .strategies import Json, among, wrong

FUZZ = settings(
    max_examples=EXAMPLES,
    report_multiple_bugs=False,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ],
)

WHICH = [(source, which) for source, documents in DOCUMENTS.items() for which in documents]


@pytest.mark.parametrize(("name", "which"), WHICH)
@given(data=st.data())
@FUZZ
def test_whatever_is_answered(name: str, which: str, data: st.DataObject) -> None:
    """First nearly right, then all well, then wrong again, then well: it is as if it had been well all the time."""
    usual = DOCUMENTS[name]
    first, second = (usual | {which: data.draw(wrong(usual[which]))} for _ in range(2))

    async def live() -> None:
        source, room = alone(name)
        for documents in (first, usual, second, usual):
            with answering(name, documents):
                error = await poll(source, room)
            assert documents is not usual or error is None
            room.clock += timedelta(minutes=5)
        assert source.people(room.clock, room.ledger.alerts())

    asyncio.run(live())


def _lists(name: str, which: str, records: list[Json]) -> dict[str, Json]:
    usual = DOCUMENTS[name]
    match usual[which]:
        case {"data": dict(data)}:
            (key,) = (key for key, value in data.items() if isinstance(value, list))
            changed: Json = {"success": True, "data": {**data, key: records}}
        case {"records": _}:
            changed = usual[which] | {"records": records}
        case _:
            changed = records
    return usual | {which: changed}


@pytest.mark.parametrize(
    ("name", "which", "record", "names"),
    [
        ("lumen", "alerts", LUMEN_ALERT, "alertSubtype"),
        ("dexcom", "alerts", DEXCOM_ALERT, "recordId"),
        ("dexcom", "egvs", EGV, "systemTime"),
        ("tidepool", "data", READING, "time"),
        ("tidepool", "users", SHARER, "userid"),
    ],
)
@given(data=st.data())
@FUZZ
def test_the_good_ones_are_kept(
    name: str, which: str, record: Any, names: str, data: st.DataObject
) -> None:
    """Whatever stands among them."""
    good = [
        record | {names: what}
        for what in {
            "alertSubtype": ["TOO_FAST", "TOO_SLOW"],
            "recordId": ["good-1", "good-2"],
            "systemTime": ["2026-11-18T09:00:00Z", "2026-11-18T09:05:00Z"],
            "time": ["2026-11-18T11:50:00Z", "2026-11-18T11:55:00Z"],
            "userid": [JILL, "fedcba9876"],
        }[names]
    ]
    records = [
        *data.draw(among(record | {names: "odd"})),
        good[0],
        *data.draw(among(record)),
        good[1],
    ]

    async def live() -> None:
        source, room = alone(name)
        with answering(name, _lists(name, which, records)):
            assert await poll(source, room) is None
        match name, which:
            case "lumen", _:
                kept = {alert.subtype for alert in room.ledger.alerts()}
                assert kept >= {"too_fast", "too_slow"}
            case "dexcom", "alerts":
                assert {"good-1", "good-2"} <= {one.alert_id for one in room.ledger.alerts()}
            case "dexcom", _:
                log = room.readings.of("wearer")
                assert _minutes(log) >= {540, 545}
            case _, "data":
                assert _minutes(room.readings.of(JILL)) >= {710, 715}
            case _:
                people = source.people(room.clock, [])
                assert {JILL, "fedcba9876"} <= set(people)

    asyncio.run(live())


def _minutes(log: Any) -> set[int]:
    """The minutes of the day at which there are readings."""
    return {
        one.observed_at.hour * 60 + one.observed_at.minute
        for one in log.between(*(Room().clock + timedelta(days=days) for days in (-14, 1)))
    }
