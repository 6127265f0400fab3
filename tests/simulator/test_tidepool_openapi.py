"""The simulated Tidepool against Tidepool's own OpenAPI; see tests/tidepool_openapi.py for how to get and give it.

Where the servers' source says otherwise than the description, the simulator follows the servers, and a test here
names the difference.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, encode_basic_auth
import pytest

from simulator import Simulator
from simulator.tidepool import DEXCOM_CLOUD, out_of_range
from tests.tidepool_openapi import KNOWN, TidepoolOpenApi, known

NOW = datetime(2026, 5, 5, 9, tzinfo=UTC)
TOKEN = "X-Tidepool-Session-Token"
SHARED = {"a token must contain backslashes", "user ids are read-only, in paths too"}


class World:
    """A care partner who is signed in, two children, and the description that watches."""

    def __init__(self, sim: Simulator, session: ClientSession, openapi: TidepoolOpenApi) -> None:
        """Sign in without the request."""
        self.sim, self.session, self.openapi = sim, session, openapi
        sim.watchers.append(openapi.watch)
        self.account = sim.tidepool.account
        self.child = sim.tidepool.add_child("Jill")
        self.child.share_with(self.account)
        self.token = self.account.log_in()
        self.alerts = f"/v1/users/{self.child.user_id}/followers/{self.account.user_id}/alerts"
        self.data = f"/data/{self.child.user_id}"

    async def ask(self, path: str, method: str = "GET", **more: Any) -> int:
        """Return the status."""
        headers = {TOKEN: self.token} | more.pop("headers", {})
        url = f"{self.sim.tidepool.url}{path}"
        async with self.session.request(method, url, headers=headers, **more) as response:
            await response.read()
            self.token = response.headers.get(TOKEN, self.token)
            return response.status

    @property
    def differences(self) -> set[str | None]:
        """The known differences that were met (None: something else), but for what nearly every request meets."""
        return {known(complaint) for _, complaint in self.openapi.complaints} - SHARED


@pytest.fixture
async def world(socket_enabled: None, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Return a world that stands still."""
    openapi = TidepoolOpenApi(request.config.getoption("--tidepool-openapi"))
    async with Simulator(NOW, 0) as sim, ClientSession() as session:
        yield World(sim, session, openapi)
    assert openapi.surprises == []


def threshold(value: float, units: str = "mg/dL") -> dict[str, Any]:
    """Return a threshold."""
    return {"units": units, "value": value}


SETTINGS: dict[str, Any] = {
    "urgentLow": {"enabled": True, "threshold": threshold(55)},
    "low": {"enabled": True, "delay": 15, "repeat": 30, "threshold": threshold(4.2, "mmol/L")},
    "high": {"enabled": True, "delay": 120, "repeat": 240, "threshold": threshold(250)},
    "notLooping": {"enabled": False, "delay": 30},
    "noCommunication": {"enabled": False},
}


async def test_everything_that_a_follower_asks(world: World) -> None:
    login = {"Authorization": encode_basic_auth(world.account.username, world.account.password)}
    wrong = {"Authorization": encode_basic_auth(world.account.username, "wrong")}
    me = world.account.user_id
    late = world.sim.tidepool.add_child("Late", other_person=True)
    late.share_with(world.account, ["follow"])
    world.account.grant(world.child.user_id)
    world.child.feed(lambda moment: 6.0, NOW - timedelta(hours=1), NOW)
    world.child.add_reading(NOW, 2.1, annotations=[out_of_range("low", 40)], backfilled=True)
    world.child.add_reading(NOW, 5.6, type="smbg")
    world.child.set_settings(world.account, SETTINGS)
    window = {"startDate": "2026-05-05T08:00:00Z", "endDate": "2026-05-05T09:00:00+00:00"}
    looped = {"type": "cbg,smbg,dosingDecision", "dosingDecision.reason": "loop"}
    for status, method, path, more in (
        (200, "POST", "/auth/login", {"headers": login}),
        (401, "POST", "/auth/login", {"headers": wrong}),
        (200, "GET", "/auth/login", {}),
        (200, "GET", "/auth/user", {}),
        (200, "GET", f"/metadata/users/{me}/users", {}),
        (200, "GET", f"/metadata/{late.user_id}/profile", {}),
        (200, "GET", f"/access/groups/{me}", {}),
        (200, "POST", world.alerts, {"json": SETTINGS}),
        (403, "GET", world.alerts.replace(me, late.user_id), {}),
        (200, "DELETE", world.alerts, {}),
        (404, "GET", world.alerts, {}),
        (200, "GET", world.data, {"params": {**window, **looped, "dexcom": "true"}}),
        (200, "GET", world.data, {"params": {"latest": "true"}}),
        (200, "POST", "/auth/logout", {}),
        (401, "GET", world.alerts, {}),
        (401, "GET", "/auth/user", {}),
        (401, "GET", f"/metadata/users/{me}/users", {}),
        (401, "GET", f"/access/groups/{me}", {}),
    ):
        assert (await world.ask(path, method, **more), method, path) == (status, method, path)
    assert {name for name, _ in world.openapi.seen} == set(world.sim.tidepool.endpoints) - {
        "tidepool.info"
    }
    assert world.differences == set()
    assert {known(complaint) for _, complaint in world.openapi.complaints} == SHARED


async def test_settings_are_shown_with_an_upload_id_that_nothing_sets(world: World) -> None:
    world.child.set_settings(world.account, SETTINGS)
    assert await world.ask(world.alerts) == 200
    assert world.differences == {"an upload id that nothing sets"}


@pytest.mark.parametrize(
    ("document", "difference"),
    [
        ({}, "a write without any alert"),
        ({"high": SETTINGS["high"] | {"delay": 360}}, "delays up to six hours"),
        ({"noCommunication": {"delay": 360}}, "delays up to six hours"),
        ({"urgentLow": {"threshold": threshold(54.5)}}, "fractions of mg/dL"),
        ({"notLooping": {"delay": 7.5}}, "fractions of minutes"),
    ],
)
async def test_what_the_server_takes_and_the_description_does_not(
    world: World, document: dict[str, Any], difference: str
) -> None:
    assert await world.ask(world.alerts, "POST", json=document) == 200
    assert world.differences == {difference}


@pytest.mark.parametrize(
    "document",
    [
        {"low": SETTINGS["low"] | {"repeat": 14}},
        {"low": SETTINGS["low"] | {"threshold": threshold(70, "mg/dl")}},
        {"low": SETTINGS["low"] | {"threshold": threshold(4.2, "mmol/l")}},
        {"low": SETTINGS["low"] | {"threshold": threshold(56, "mmol/L")}},
        {"notLooping": {"repeat": 5}},
    ],
)
async def test_what_the_description_takes_and_the_server_does_not(
    world: World, document: dict[str, Any]
) -> None:
    assert await world.ask(world.alerts, "POST", json=document) == 400
    assert world.differences == set()


@pytest.mark.parametrize(
    "document",
    [
        {"low": SETTINGS["low"] | {"delay": 121}},
        {"low": SETTINGS["low"] | {"repeat": 241}},
        {"low": {"enabled": True}},
        {"low": SETTINGS["low"] | {"enabled": "yes"}},
        {"low": SETTINGS["low"] | {"threshold": threshold(-1)}},
    ],
)
async def test_what_neither_takes(world: World, document: dict[str, Any]) -> None:
    assert await world.ask(world.alerts, "POST", json=document) == 400
    assert world.differences == {None}
    assert {complaint[:8] for _, complaint in world.openapi.surprises} == {"request:"}
    world.openapi.complaints.clear()


async def test_data_that_are_not_described(world: World) -> None:
    assert await world.ask(world.data) == 200
    assert world.differences == {"no data at all"}
    world.child.add_reading(NOW, 5.0, origin=DEXCOM_CLOUD)
    assert await world.ask(world.data) == 200
    assert world.differences == {
        "no data at all",
        "what Dexcom's cloud brings bears only an id",
    }


async def test_datas_errors_that_are_not_described(world: World) -> None:
    assert await world.ask(world.data, params={"latest": "perhaps"}) == 500
    world.child.stop_sharing(world.account)
    assert await world.ask(world.data) == 403
    assert world.differences == {
        "data's wrong parameters are its own failure",
        "data's errors have a code in words",
        None,
    }
    ((_, surprise),) = world.openapi.surprises
    assert surprise.startswith("request: query parameter latest: ")
    world.openapi.complaints.clear()


async def test_a_token_that_is_not_there(world: World) -> None:
    world.account.kill_sessions()
    assert await world.ask("/auth/login") == 401
    assert world.differences == {"a missing token is told in small letters"}


async def test_a_record_is_held_against_its_own_type(world: World) -> None:
    world.child.add_reading(NOW, 5.0, trend="drifting")
    world.child.add_reading(NOW, 5.0, type="smbg", extra={"units": "mg"})
    assert await world.ask(world.data) == 200
    complaints = sorted(complaint for _, complaint in world.openapi.surprises)
    assert len(complaints) == 2
    assert any("trend 'drifting' is not one of" in complaint for complaint in complaints)
    assert any("units 'mg' is not one of" in complaint for complaint in complaints)
    world.openapi.complaints.clear()


def test_nobody_describes_everything(request: pytest.FixtureRequest) -> None:
    directory: Path = request.config.getoption("--tidepool-openapi")
    with pytest.raises(LookupError):
        TidepoolOpenApi(directory).validate("GET", "/info", 200, None, b"{}")
    assert known("answer: something else") is None
    assert len(KNOWN) == 12
