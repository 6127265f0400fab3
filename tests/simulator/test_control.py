"""The control API and the command."""

import asyncio
from datetime import UTC, datetime
import os
from pathlib import Path
import signal
import sys

from aiohttp import ClientSession
import pytest

from simulator import CATALOGUE, Simulator
from simulator.scenarios import HENK, MARIA, SCENARIOS

from .conftest import Control

NOW = datetime(2026, 5, 5, 9, tzinfo=UTC)


async def test_clock(control: Control) -> None:
    assert await control("GET", "clock") == (
        200,
        {"now": "2026-05-05T09:00:00+00:00", "speed": 0, "frozen": True},
    )
    moved = await control(
        "POST", "clock", {"now": "2026-05-06T02:00:00+02:00", "advance_seconds": 60}
    )
    assert moved[1]["now"] == "2026-05-06T00:01:00+00:00"
    assert (await control("POST", "clock", {"speed": 60}))[1]["frozen"] is False
    assert control.sim.clock.speed == 60


async def test_log(control: Control) -> None:
    url = f"{control.sim.lumen.url}/partners/v1/alerts?date=2026-05-04"
    async with control.session.get(url) as response:
        assert response.status == 401
    status, (entry,) = await control("GET", "log?endpoint=lumen.alerts")
    assert status == 200
    assert entry["query"] == {"date": "2026-05-04"}
    assert entry["at"] == "2026-05-05T09:00:00+00:00"
    assert await control("GET", "log?endpoint=elsewhere") == (200, [])
    assert await control("DELETE", "log") == (200, [])
    assert control.sim.log == []


async def test_faults(control: Control) -> None:
    asked = {
        "endpoint": "lumen.alerts",
        "name": "429_seconds",
        "times": 2,
        "retry_after": 5,
    }
    added = {"endpoint": "lumen.alerts", "name": "429_seconds", "left": 2, "hits": 0}
    assert await control("POST", "faults", asked) == (201, [added])
    url = f"{control.sim.lumen.url}/partners/v1/alerts"
    async with control.session.get(url) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "5")
    assert await control("GET", "faults") == (
        200,
        {"active": [{**added, "left": 1, "hits": 1}], "catalogue": list(CATALOGUE)},
    )
    assert await control("DELETE", "faults") == (200, [])


async def test_scenario(control: Control) -> None:
    assert await control("GET", "scenario") == (200, list(SCENARIOS))
    assert (await control("POST", "scenario", {"name": "quiet_week"}))[0] == 200
    people = (await control("GET", "lumen/people"))[1]
    assert [person["email"] for person in people] == [MARIA, HENK]


async def test_lumen_people(control: Control) -> None:
    status, person = await control(
        "POST",
        "lumen/people",
        {"email": "new@example.com", "granted_at": "2026-05-01T10:00:00Z"},
    )
    assert status == 201
    assert person == {
        "email": "new@example.com",
        "shared_user_id": person["shared_user_id"],
        "granted_at": "2026-05-01T10:00:00Z",
        "consented": True,
    }
    asked = {"email": "new@example.com"}
    revoked = (await control("POST", "lumen/people/revoke", asked))[1]
    assert revoked == {**person, "consented": False}
    granted = (await control("POST", "lumen/people/grant", asked))[1]
    assert granted == {**person, "granted_at": "2026-05-05T09:00:00Z"}


async def test_lumen_alerts(control: Control) -> None:
    status, alert = await control(
        "POST",
        "lumen/alerts",
        {"email": HENK, "alert_type": "FLEX", "subtype": "PLATEAU"},
    )
    assert (status, alert["details"]["segmentEnd"]) == (201, "2026-05-04")
    _, alert = await control(
        "POST",
        "lumen/alerts",
        {
            "email": HENK,
            "alert_type": "SLEEP",
            "subtype": "SHORT",
            "day": "2026-05-03",
            "severity": "ODD",
            "details": {"hours": 4},
            "generated_at": "2026-05-04T05:00:00Z",
            "extra": {"confidence": 1},
        },
    )
    assert alert == {
        "sharedUserId": control.sim.lumen.default.person(HENK).shared_user_id,
        "alertType": "SLEEP",
        "alertSubtype": "SHORT",
        "severity": "ODD",
        "generatedAt": "2026-05-04T05:00:00Z",
        "details": {"hours": 4},
        "confidence": 1,
    }


async def test_lumen_accounts_and_keys(control: Control) -> None:
    other = {"api_key": "other", "timezone": "Pacific/Auckland"}
    assert await control("POST", "lumen/accounts", other) == (201, {"api_key": "other"})
    asked = {"api_key": "other", "email": "theirs@example.com"}
    assert (await control("POST", "lumen/people", asked))[0] == 201
    assert len((await control("GET", "lumen/people?api_key=other"))[1]) == 1
    rotated = await control("POST", "lumen/key", {"key": "new"})
    assert rotated == (200, {"api_key": "new"})
    assert control.sim.lumen.api_key == "new"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clock", {"now": "2026-05-05T09:00:00"}),
        ("clock", {"when": "2026-05-05T09:00:00Z"}),
        ("clock", {"speed": -1}),
        ("clock", []),
        ("faults", {"endpoint": "lumen.alerts", "name": "flood"}),
        ("faults", {"endpoint": "lumen.nothing", "name": "hang"}),
        ("faults", {"endpoint": "*", "name": "hang", "seconds": 3}),
        ("scenario", {"name": "no such story"}),
        ("lumen/people", {"email": MARIA}),
        ("lumen/people", {"email": "x@example.com", "age": 3}),
        ("lumen/people/revoke", {"email": "nobody@example.com"}),
        ("lumen/alerts", {"email": MARIA, "alert_type": "FLEX"}),
        ("lumen/key", {}),
        ("lumen/accounts", {"api_key": "demo-lumen-key"}),
        ("lumen/accounts", {"api_key": "x", "timezone": "Nowhere/None"}),
    ],
)
async def test_nonsense_is_refused_with_a_reason(control: Control, path: str, body: object) -> None:
    status, answer = await control("POST", path, body)
    assert status == 400
    assert answer["error"]


async def test_control_is_neither_logged_nor_disturbed(control: Control) -> None:
    control.sim.faults.add("*", CATALOGUE["500_bare"]())
    assert (await control("GET", "clock"))[0] == 200
    assert control.sim.log == []


async def test_start_and_stop(socket_enabled: None) -> None:
    sim = Simulator(NOW, 0)
    await sim.stop()
    await sim.start()
    first = sim.url
    with pytest.raises(RuntimeError):
        await sim.start()
    other = Simulator(NOW, 0)
    with pytest.raises(OSError, match="address already in use"):
        await other.start(port=int(first.rpartition(":")[2]))
    await sim.stop()
    await sim.start()
    assert sim.lumen.url == f"{sim.url}/lumen"
    await sim.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_command(socket_enabled: None, number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "simulator",
        *("--port", "0", "--scenario", "quiet_week", "--start", "2026-05-05T09:00:00Z"),
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONUNBUFFERED": ""},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(20):
        line = (await process.stdout.readline()).decode()
        url = line.split()[1]
        assert url.startswith("http://127.0.0.1:")
        async with (
            ClientSession() as session,
            session.get(f"{url}/control/clock") as response,
        ):
            assert (await response.json())["now"].startswith("2026-05-05T09:00:")
        process.send_signal(number)
        rest, errors = await process.communicate()
    assert (process.returncode, rest, errors) == (0, b"", b"")


async def test_command_says_what_is_wrong(socket_enabled: None) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "simulator", "--port", "0", "--start", "2026-05-05T09:00:00"),
        cwd=Path(__file__).parents[2],
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(20):
        _, errors = await process.communicate()
    assert process.returncode == 1
    assert errors == b"simulator: 2026-05-05T09:00:00 has no time zone\n"
