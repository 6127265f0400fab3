"""Tidepool's stories and its control API."""

from datetime import UTC, datetime, timedelta

import pytest

from simulator import Simulator
from simulator.scenarios import SCENARIOS
from simulator.tidepool import MG_DL_PER_MMOL_L, Child
from simulator.tidepool.stories import JONAS, MILA

from .conftest import Control

NOW = datetime(2026, 5, 5, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def story(scenario: str, now: datetime = NOW) -> tuple[Simulator, Child]:
    """Return a world and Mila in it."""
    sim = Simulator(now, 0, scenario)
    return sim, sim.tidepool.child(MILA)


def mg_dl(child: Child, start: datetime, end: datetime) -> list[int]:
    """Return what a child's sensor measures."""
    return [
        round(record.fields["value"] * MG_DL_PER_MMOL_L)
        for record in child.records
        if record.type == "cbg" and start <= record.time < end
    ]


@pytest.mark.parametrize("hour", [0, 3, 9, 23])
@pytest.mark.parametrize("scenario", ["demo", *(n for n in SCENARIOS if n.startswith("tidepool"))])
def test_a_live_child_is_live_at_any_hour(scenario: str, hour: int) -> None:
    now = NOW.replace(hour=hour, minute=7)
    _, mila = story(scenario, now)
    newest = datetime.fromisoformat(mila.readings_visible(now)[-1]["time"])
    assert timedelta(0) <= now - newest <= 6 * MINUTE


def test_demo_has_lows_in_the_nights_to_come() -> None:
    sim, mila = story("demo")
    account = sim.tidepool.account
    thresholds = mila.settings_of(account)
    assert thresholds is not None
    assert thresholds["urgentLow"]["threshold"] == {"units": "mmol/L", "value": 3.0}
    tonight = mg_dl(mila, NOW + 12 * HOUR, NOW + 24 * HOUR)
    assert min(tonight) < 55
    assert min(mg_dl(mila, NOW, NOW + 12 * HOUR)) > 72
    assert max(mg_dl(mila, NOW + 48 * HOUR, NOW + 72 * HOUR)) > 250
    assert {record.type for record in mila.records} == {"cbg", "dosingDecision", "alert"}
    assert mila.grants(account, "view")
    assert mila.grants(account, "follow")


def test_demo_has_a_child_whose_data_are_hours_late() -> None:
    sim, _ = story("demo")
    jonas = sim.tidepool.child(JONAS)
    newest = datetime.fromisoformat(jonas.readings_visible(NOW)[-1]["time"])
    assert HOUR <= NOW - newest <= 4 * HOUR
    assert jonas.settings_of(sim.tidepool.account) is None
    assert min(mg_dl(jonas, NOW, NOW + timedelta(days=4))) < 70
    assert jonas.display_name == JONAS != jonas.full_name


def test_a_pressed_sensor_falls_alone_and_comes_back_at_once() -> None:
    _, mila = story("tidepool_compression_low")
    before = mg_dl(mila, NOW, NOW + 30 * MINUTE)
    pressed = mg_dl(mila, NOW + 40 * MINUTE, NOW + 50 * MINUTE)
    after = mg_dl(mila, NOW + 55 * MINUTE, NOW + 120 * MINUTE)
    assert min(before) > 100
    assert set(pressed) == {43}
    assert min(after) > 100


def test_a_gap_and_an_hour_offline() -> None:
    _, mila = story("tidepool_gap")
    assert mg_dl(mila, NOW + MINUTE, NOW + 50 * MINUTE) == []
    assert len(mg_dl(mila, NOW + 50 * MINUTE, NOW + 180 * MINUTE)) == 26
    offline = NOW + 3 * HOUR
    assert min(mg_dl(mila, offline, offline + HOUR)) < 60
    seen = [len(mila.readings_visible(offline + minutes * MINUTE)) for minutes in (1, 59, 61)]
    assert seen[0] == seen[1] == seen[2] - 12


def test_permissions_are_lost_and_come_back() -> None:
    sim, mila = story("tidepool_permissions")
    seen = []
    for _ in range(4):
        seen.append(mila.permissions.get(sim.tidepool.account.user_id))
        sim.clock.advance(HOUR)
    assert seen == [("view", "follow"), ("follow",), None, ("view", "follow")]


def test_newer_api_says_what_nobody_documents() -> None:
    sim, mila = story("newer_api")
    settings = mila.settings_of(sim.tidepool.account)
    assert settings is not None
    assert settings["predictedLow"] == {"enabled": True, "horizon": 20}
    assert settings["low"]["sound"] == "bells"
    assert sim.tidepool.keeps_unknown_fields
    assert "drifting" in {record.fields.get("trend") for record in mila.records}
    assert {record.type for record in mila.records} > {"cbg", "dosingDecision"}


def test_another_story_replaces_the_children_and_keeps_the_accounts() -> None:
    sim, mila = story("newer_api")
    account = sim.tidepool.account
    token = account.log_in()
    sim.load("demo")
    assert [child.name for child in sim.tidepool.children] == [MILA, JONAS]
    assert sim.tidepool.child(MILA).user_id == mila.user_id
    assert not sim.tidepool.keeps_unknown_fields
    assert account.opens(token)
    sim.load("quiet_week")
    assert sim.tidepool.children == []


async def test_control_people_and_permissions(control: Control) -> None:
    account = control.sim.tidepool.account
    new = {"name": "Ben", "live": False, "delay_seconds": 7200, "permissions": ["follow"]}
    status, ben = await control("POST", "tidepool/people", new)
    assert status == 201
    assert ben["permissions"] == {account.user_id: ["follow"]}
    assert control.sim.tidepool.child("Ben").delay == 2 * HOUR
    status, people = await control("GET", "tidepool/people")
    assert [person["name"] for person in people] == [MILA, JONAS, "Ben"]
    change = {"person": ben["user_id"], "permissions": ["view"]}
    _, ben = await control("POST", "tidepool/permissions", change)
    assert ben["permissions"] == {account.user_id: ["view"]}
    later = {"person": "Ben", "permissions": [], "at": "2026-05-05T10:00:00Z"}
    _, ben = await control("POST", "tidepool/permissions", later)
    assert ben["permissions"] == {account.user_id: ["view"]}
    control.sim.clock.advance(HOUR)
    assert control.sim.tidepool.child("Ben").permissions == {}


async def test_control_readings(control: Control) -> None:
    mila = control.sim.tidepool.child(MILA)
    status, answer = await control(
        "POST", "tidepool/readings", {"person": MILA, "mg_dl": 54, "trend": "rapidFall"}
    )
    assert status == 201
    assert answer["record"] == mila.readings_visible(NOW)[-1]
    assert answer["record"]["value"] == 2.9974
    assert answer["uploaded_at"] == "2026-05-05T09:00:00.000Z"
    later = {"person": MILA, "mmol_l": 4.2, "time": "2026-05-05T09:01:00Z", "type": "smbg"}
    _, answer = await control("POST", "tidepool/readings", later)
    assert answer["record"]["value"] == 4.2


async def test_control_settings(control: Control) -> None:
    _, settings = await control("GET", f"tidepool/settings?person={MILA}")
    assert settings["low"]["threshold"]["value"] == 4.0
    assert await control("GET", f"tidepool/settings?person={JONAS}") == (200, None)
    settings["low"]["delay"] = 20
    new = {"person": JONAS, "settings": settings}
    assert await control("PUT", "tidepool/settings", new) == (200, settings)
    gone = {"person": JONAS, "settings": None}
    assert await control("PUT", "tidepool/settings", gone) == (200, None)


async def test_control_sessions(control: Control) -> None:
    account = control.sim.tidepool.account
    token = account.log_in()
    assert await control("POST", "tidepool/expire_access") == (200, {})
    assert not account.opens(token)
    fresh = account.renew(token)
    assert fresh is not None
    assert await control("POST", f"tidepool/kill_sessions?username={account.username}") == (200, {})
    assert account.renew(fresh) is None


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "people", {"name": MILA}),
        ("POST", "people", {"nom": "Ben"}),
        ("POST", "permissions", {"person": "Nobody", "permissions": []}),
        ("POST", "readings", {"person": MILA}),
        ("POST", "readings", {"person": MILA, "mmol_l": 5, "time": "2026-05-05T09:00:00"}),
        ("PUT", "settings", {"person": MILA}),
        ("POST", "kill_sessions?username=nobody@example.com", None),
        ("GET", "settings?person=Nobody", None),
    ],
)
async def test_control_says_what_makes_no_sense(
    control: Control, method: str, path: str, body: object
) -> None:
    status, answer = await control(method, f"tidepool/{path}", body)
    assert status == 400
    assert answer["error"]


async def test_the_log_shows_what_was_sent(control: Control) -> None:
    url = f"{control.sim.tidepool.url}/auth/logout"
    async with control.session.post(url, data="né".encode()) as response:
        assert response.status == 200
    _, (entry,) = await control("GET", "log")
    assert (entry["endpoint"], entry["body"]) == ("tidepool.logout", "né")
