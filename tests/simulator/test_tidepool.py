"""Tidepool, as a plain client sees it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientOSError, ClientSession, encode_basic_auth
import pytest

from simulator import CATALOGUE, Simulator
from simulator.tidepool import (
    DEXCOM_CLOUD,
    LOOP,
    MG_DL_PER_MMOL_L,
    Account,
    Child,
    Tidepool,
    out_of_range,
)

NOW = datetime(2026, 5, 5, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TOKEN = "X-Tidepool-Session-Token"
LOW = {
    "enabled": True,
    "delay": 15,
    "repeat": 30,
    "threshold": {"units": "mg/dL", "value": 70},
}


class World:
    """A child who shares with a care partner, and a client that is signed in."""

    def __init__(self, sim: Simulator, session: ClientSession) -> None:
        """Sign in without the request."""
        self.sim = sim
        self.session = session
        self.tidepool: Tidepool = sim.tidepool
        self.account: Account = sim.tidepool.account
        self.child: Child = sim.tidepool.add_child("Jill")
        self.child.share_with(self.account)
        self.token = self.account.log_in()

    @property
    def alerts(self) -> str:
        """The path of the child's alerts."""
        return f"/v1/users/{self.child.user_id}/followers/{self.account.user_id}/alerts"

    @property
    def data(self) -> str:
        """The path of the child's data."""
        return f"/data/{self.child.user_id}"

    async def ask(
        self, path: str, method: str = "GET", *, token: str | None = "", **more: Any
    ) -> tuple[int, Any]:
        """Return status and JSON (the text, if it is empty); `token` None: without any."""
        headers = {} if token is None else {TOKEN: token or self.token}
        headers |= more.pop("headers", {})
        url = f"{self.tidepool.url}{path}"
        async with self.session.request(method, url, headers=headers, **more) as response:
            text = await response.text()
            if fresh := response.headers.get(TOKEN):
                self.token = fresh
            return response.status, await response.json() if text else text

    async def log_in(self, username: str, password: str) -> tuple[int, Any]:
        """Sign in by name and password."""
        credentials = {"Authorization": encode_basic_auth(username, password)}
        return await self.ask("/auth/login", "POST", token=None, headers=credentials)

    async def write(self, document: object) -> tuple[int, Any]:
        """Send alerts."""
        return await self.ask(self.alerts, "POST", json=document)

    async def read(self) -> Any:
        """Return the alerts, which must be there."""
        status, document = await self.ask(self.alerts)
        assert status == 200
        return document

    async def records(self, **query: str) -> list[Any]:
        """Return the child's data, oldest first."""
        status, records = await self.ask(self.data, params=query)
        assert status == 200
        return sorted(records, key=lambda record: record["time"])


@pytest.fixture
async def world(socket_enabled: None) -> AsyncIterator[World]:
    """Return a world that stands still."""
    async with Simulator(NOW, 0) as sim, ClientSession() as session:
        yield World(sim, session)


# Sessions.


async def test_logging_in(world: World) -> None:
    status, user = await world.log_in("CarePartner@example.com", "demo-password-1")
    assert (status, user["userid"]) == (200, world.account.user_id)
    assert user["emailVerified"] is True
    assert len(world.account.user_id) == 10
    kind, access, refresh = world.token.split(":")
    assert (kind, len(access) > 500, len(refresh) > 500) == ("kc", True, True)
    assert await world.ask("/auth/user") == (200, user)
    assert world.account.logins == 2


@pytest.mark.parametrize(
    ("username", "password", "status", "reason"),
    [
        ("", "", 400, "Missing id and/or password"),
        ("carepartner@example.com", "wrong", 401, "No user matched the given details"),
        ("nobody@example.com", "demo-password-1", 401, "No user matched the given details"),
        ("sso@example.com", "secret", 401, "No user matched the given details"),
        ("new@example.com", "secret", 403, "The user hasn't verified this account yet"),
    ],
)
async def test_a_login_refused(
    world: World, username: str, password: str, status: int, reason: str
) -> None:
    world.tidepool.add_account("sso@example.com", "secret", sso=True)
    world.tidepool.add_account("new@example.com", "secret", email_verified=False)
    assert await world.log_in(username, password) == (
        status,
        {"code": status, "reason": reason},
    )
    assert world.account.logins == 1
    assert (await world.ask("/auth/login", "POST", token=None))[0] == 400


async def test_a_changed_password_leaves_sessions_alone(world: World) -> None:
    world.account.change_password("another")
    assert (await world.ask("/auth/user"))[0] == 200
    assert (await world.log_in("carepartner@example.com", "demo-password-1"))[0] == 401
    assert world.account.refused_logins == 1
    assert (await world.log_in("carepartner@example.com", "another"))[0] == 200


async def test_access_ends_after_ten_minutes_and_is_renewed_once_by_each_token(
    world: World,
) -> None:
    first = world.token
    world.sim.clock.advance(10 * MINUTE - timedelta(seconds=1))
    assert (await world.ask("/auth/user"))[0] == 200
    world.sim.clock.advance(timedelta(seconds=1))
    assert (await world.ask("/auth/user"))[0] == 401
    status, data = await world.ask("/auth/login")
    expires = world.sim.clock.now() + 10 * MINUTE
    assert (status, data) == (
        200,
        {
            "isserver": False,
            "userid": world.account.user_id,
            "expires_at": expires.timestamp(),
        },
    )
    assert world.token != first
    assert (await world.ask("/auth/user"))[0] == 200
    assert (await world.ask("/auth/user", token=first))[0] == 401
    assert (await world.ask("/auth/login", token=first))[0] == 401
    assert (world.account.logins, world.account.renewals) == (1, 1)


async def test_a_session_ends_after_a_day_however_often_it_is_renewed(world: World) -> None:
    for _ in range(23):
        world.sim.clock.advance(timedelta(hours=1))
        assert (await world.ask("/auth/login"))[0] == 200
    world.sim.clock.advance(timedelta(minutes=55))
    status, data = await world.ask("/auth/login")
    # No access outlives its session.
    assert (status, data["expires_at"]) == (200, (NOW + timedelta(days=1)).timestamp())
    world.sim.clock.advance(5 * MINUTE)
    assert (await world.ask("/auth/user"))[0] == 401
    assert (await world.ask("/auth/login"))[0] == 401


async def test_renewing_can_be_impossible(world: World) -> None:
    world.account.expire_access()
    world.account.renewable = False
    assert (await world.ask("/auth/user"))[0] == 401
    assert (await world.ask("/auth/login"))[0] == 401
    world.account.renewable = True
    assert (await world.ask("/auth/login"))[0] == 200


async def test_a_dead_session(world: World) -> None:
    world.account.kill_sessions()
    for path in ("/auth/user", "/auth/login", world.alerts):
        assert (await world.ask(path))[0] == 401
    status, error = await world.ask(world.data)
    assert (status, error["code"]) == (403, "data_cant_view")


async def test_logging_out_ends_all_tokens_of_that_session(world: World) -> None:
    first, other = world.token, world.account.log_in()
    await world.ask("/auth/login")
    assert await world.ask("/auth/logout", "POST", token=first) == (200, "")
    assert (await world.ask("/auth/user"))[0] == 401
    assert (await world.ask("/auth/user", token=other))[0] == 200
    assert (await world.ask("/auth/logout", "POST", token=None))[0] == 200


@pytest.mark.parametrize(("gone", "status"), [(True, 410), (404, 404)])
async def test_passwords_may_be_no_more_one_day(world: World, gone: int, status: int) -> None:
    world.tidepool.legacy_login_gone = gone
    assert (await world.log_in("carepartner@example.com", "demo-password-1"))[0] == status
    assert (await world.ask("/auth/login"))[0] == status
    assert (await world.ask("/auth/user"))[0] == 200


# People.


async def test_people_who_share(world: World) -> None:
    ben = world.tidepool.add_child("Ben", other_person=True, units="mmol/L")
    ben.share_with(world.account, ["follow"])
    world.tidepool.add_child("Nobody's")
    me = world.account.user_id
    status, people = await world.ask(f"/metadata/users/{me}/users")
    assert status == 200
    jill, bens_parent = people
    assert jill["userid"] == world.child.user_id
    assert jill["trustorPermissions"] == {"view": {}, "follow": {}}
    assert jill["profile"]["fullName"] == "Jill"
    assert jill["settings"] == {"units": {"bg": "mg/dL"}}
    assert bens_parent["profile"]["fullName"] == "Parent of Ben"
    assert bens_parent["profile"]["patient"]["fullName"] == ben.display_name == "Ben"
    assert bens_parent["profile"]["patient"]["isOtherPerson"] is True
    assert "settings" not in bens_parent
    assert await world.ask(f"/access/groups/{me}") == (
        200,
        {
            me: {"root": {}},
            world.child.user_id: {"view": {}, "follow": {}},
            ben.user_id: {"follow": {}},
        },
    )
    _, viewed = await world.ask(
        f"/metadata/users/{me}/users", params={"trustorPermissions": "view"}
    )
    assert viewed == [jill]
    assert await world.ask(f"/metadata/{ben.user_id}/profile") == (200, bens_parent["profile"])


async def test_who_only_sees_the_account_is_not_followed(world: World) -> None:
    world.child.stop_sharing(world.account)
    other = world.tidepool.add_account("grandma@example.com", "secret")
    world.account.grant(world.child.user_id)
    world.account.grant(other.user_id)
    me = world.account.user_id
    _, (jill, grandma) = await world.ask(f"/metadata/users/{me}/users")
    for person in (jill, grandma):
        assert person["trusteePermissions"] == {"view": {}}
        assert "trustorPermissions" not in person
        assert "patient" not in person["profile"]
    for wanted, count in (("none", 2), ("any", 0)):
        _, people = await world.ask(
            f"/metadata/users/{me}/users", params={"trustorPermissions": wanted}
        )
        assert len(people) == count
    assert (await world.ask(f"/metadata/{world.child.user_id}/profile"))[0] == 401


async def test_permissions_come_and_go_now_and_at_times_to_come(world: World) -> None:
    world.child.set_settings(world.account, {"low": LOW})
    seen = []
    world.child.change_permissions(world.account, ["view"])
    world.child.change_permissions(world.account, ["follow"], at=NOW + MINUTE)
    world.child.stop_sharing(world.account, at=NOW + 2 * MINUTE)
    world.child.share_with(world.account, at=NOW + 3 * MINUTE)
    for _ in range(4):
        alerts, data = await world.ask(world.alerts), await world.ask(world.data)
        seen.append((alerts[0], data[0]))
        world.sim.clock.advance(MINUTE)
    assert seen == [(403, 200), (200, 403), (403, 403), (200, 200)]


@pytest.mark.parametrize("path", ["/metadata/users/{}/users", "/access/groups/{}"])
async def test_only_ones_own_people(world: World, path: str) -> None:
    assert (await world.ask(path.format(world.child.user_id)))[0] == 403
    assert (await world.ask(path.format(world.account.user_id), token="kc:a:b"))[0] == 401


# Alert thresholds.


async def test_no_alerts_yet(world: World) -> None:
    status, error = await world.ask(world.alerts)
    assert status == 404
    assert error["errors"] == [
        {
            "code": "value-not-exists",
            "title": "value does not exist",
            "detail": "Value does not exist",
        }
    ]
    assert await world.ask(world.alerts, "DELETE") == (200, "")
    assert world.child.settings_of(world.account) is None


async def test_a_write_creates_merges_and_replaces(world: World) -> None:
    assert await world.write({"low": LOW}) == (200, "")
    urgent = {"enabled": True, "threshold": {"units": "mmol/L", "value": 3.1}}
    assert await world.write({"urgentLow": urgent}) == (200, "")
    assert await world.read() == {
        "userId": world.account.user_id,
        "followedUserId": world.child.user_id,
        "uploadId": "",
        "low": LOW,
        "urgentLow": urgent,
    }
    # An alert that is sent is replaced whole: what it lacks is lost.
    await world.write({"low": {"threshold": LOW["threshold"]}})
    assert world.child.settings_of(world.account) == {
        "low": {"enabled": False, "threshold": LOW["threshold"]},
        "urgentLow": urgent,
    }
    assert await world.ask(world.alerts, "DELETE") == (200, "")
    assert (await world.ask(world.alerts))[0] == 404


async def test_ids_in_a_write_are_ignored_and_nothing_is_a_null(world: World) -> None:
    await world.write({"low": LOW})
    body = {"userId": "x", "followedUserId": 5, "uploadId": "y", "low": None, "high": None}
    assert await world.write(body | {"predictedLow": {"enabled": True}}) == (200, "")
    assert world.child.settings_of(world.account) == {"low": LOW}


async def test_minutes_that_are_none_are_left_out(world: World) -> None:
    for minutes in (0, None):
        await world.write({"low": LOW | {"delay": minutes, "repeat": minutes}})
        assert (await world.read())["low"] == {"enabled": True, "threshold": LOW["threshold"]}
    await world.write({"low": LOW | {"delay": 7.9}})
    assert (await world.read())["low"]["delay"] == 7


GOOD: list[dict[str, Any]] = [
    {},
    {"low": LOW | {"delay": 120, "repeat": 240}},
    {"low": LOW | {"repeat": 15}},
    {"high": LOW | {"delay": 360}},
    {"notLooping": {"enabled": True, "delay": 120, "repeat": 15}},
    {"noCommunication": {"enabled": None, "delay": 360}},
    {"urgentLow": {"threshold": {"units": "mg/dL", "value": 1000}}},
    {"urgentLow": {"threshold": {"units": "mmol/L", "value": 55.0}, "repeat": 20}},
    {"urgentLow": {"threshold": {"units": "mg/dL", "value": 54.5}}},
    {"urgentLow": {"threshold": {"units": "mg/dL"}}},
]


@pytest.mark.parametrize("document", GOOD)
async def test_what_the_server_takes(world: World, document: dict[str, Any]) -> None:
    assert await world.write(document) == (200, "")


MALFORMED: list[object] = [
    [],
    "low",
    None,
    {"low": []},
    {"low": {}},
    {"low": LOW | {"enabled": "true"}},
    {"low": LOW | {"enabled": 1}},
    {"low": LOW | {"delay": 121}},
    {"low": LOW | {"delay": -1}},
    {"low": LOW | {"delay": "15"}},
    {"low": LOW | {"delay": True}},
    {"low": LOW | {"repeat": 14}},
    {"low": LOW | {"repeat": 241}},
    {"low": LOW | {"threshold": None}},
    {"low": LOW | {"threshold": 70}},
    {"low": LOW | {"threshold": {"units": "mg/dl", "value": 70}}},
    {"low": LOW | {"threshold": {"units": "mmol/l", "value": 4}}},
    {"low": LOW | {"threshold": {"units": "mg/dL", "value": 1001}}},
    {"low": LOW | {"threshold": {"units": "mg/dL", "value": -1}}},
    {"low": LOW | {"threshold": {"units": "mmol/L", "value": 55.1}}},
    {"low": LOW | {"threshold": {"units": "mmol/L", "value": "4.2"}}},
    {"low": LOW | {"threshold": {"units": "mmol/L", "value": True}}},
    {"low": LOW | {"threshold": {"value": 4.2}}},
    {"high": LOW | {"delay": 361}},
    {"notLooping": {"delay": 121}},
    {"noCommunication": {"delay": 361}},
]


@pytest.mark.parametrize("document", MALFORMED)
async def test_what_the_server_refuses_without_saying_why(world: World, document: object) -> None:
    await world.write({"high": LOW})
    status, error = await world.write(document)
    assert (status, error["errors"][0]["code"]) == (400, "json-malformed")
    assert error["errors"][0]["status"] == "400"
    assert world.child.settings_of(world.account) == {"high": LOW}


@pytest.mark.parametrize("body", [b"", b"{", b'{"low": NaN}', b"\xff"])
async def test_a_body_that_is_no_json(world: World, body: bytes) -> None:
    assert (await world.ask(world.alerts, "POST", data=body))[0] == 400


async def test_nothing_of_a_malformed_write_is_stored(world: World) -> None:
    assert (await world.write({"high": LOW, "low": LOW | {"repeat": 1}}))[0] == 400
    assert world.child.settings_of(world.account) is None


async def test_whose_alerts(world: World) -> None:
    other = world.tidepool.add_account("other@example.com", "secret")
    world.child.share_with(other)
    stranger = world.tidepool.add_child("Stranger")
    for path in (
        world.alerts.replace(world.account.user_id, other.user_id),
        world.alerts.replace(world.child.user_id, stranger.user_id),
        world.alerts.replace(world.child.user_id, "0123456789"),
    ):
        for method in ("GET", "POST", "DELETE"):
            status, error = await world.ask(path, method, json={})
            assert (status, error["errors"][0]["code"]) == (403, "unauthorized")
    status, error = await world.ask(world.alerts, token=None)
    assert (status, error["errors"][0]["code"]) == (401, "unauthenticated")
    world.tidepool.single_error_object = True
    assert (await world.ask(world.alerts, token=None))[1]["code"] == "unauthenticated"


async def test_the_body_is_looked_at_before_the_permission(world: World) -> None:
    world.child.change_permissions(world.account, ["view"])
    assert (await world.write({"low": 1}))[0] == 400
    assert (await world.write({"low": LOW}))[0] == 403


async def test_a_newer_server_keeps_what_this_one_drops(world: World) -> None:
    threshold: dict[str, Any] = {"units": "mg/dL", "value": 70, "source": "clinic"}
    newer: dict[str, Any] = {
        "low": LOW | {"sound": "bells", "threshold": threshold},
        "predictedLow": {"enabled": True, "horizon": 20},
    }
    world.child.set_settings(world.account, newer)
    assert (await world.read())["low"] == LOW
    world.tidepool.keeps_unknown_fields = True
    seen = await world.read()
    assert seen.items() >= newer.items()
    await world.write({"low": newer["low"] | {"enabled": False}})
    assert world.child.settings_of(world.account) == newer | {
        "low": newer["low"] | {"enabled": False}
    }
    world.tidepool.keeps_unknown_fields = False
    await world.write({"low": newer["low"]})
    assert world.child.settings_of(world.account) == newer | {"low": LOW}


async def test_what_was_sent_is_in_the_log(world: World) -> None:
    await world.write({"low": LOW})
    await world.read()
    (write,) = world.sim.requests("tidepool.write_alerts")
    assert (write.method, write.json) == ("POST", {"low": LOW})
    assert world.sim.requests("tidepool.alerts")[0].body is None


# Data.


async def test_a_window_includes_both_ends(world: World) -> None:
    for minutes in range(5):
        world.child.add_reading(NOW - minutes * MINUTE, 5 + minutes)
    found = await world.records(
        startDate="2026-05-05T08:57:00Z", endDate="2026-05-05T10:59:00.000+02:00"
    )
    assert [record["value"] for record in found] == [8, 7, 6]
    assert len(await world.records()) == 5


async def test_a_record(world: World) -> None:
    child = world.tidepool.add_child("Ben", timezone="America/Los_Angeles")
    child.share_with(world.account)
    world.child = child
    child.add_reading(
        NOW,
        2.2,
        trend="rapidFall",
        annotations=[out_of_range("low", 40)],
        backfilled=True,
        extra={"noise": 1, "guid": None},
    )
    (record,) = await world.records()
    assert [record] == child.readings_visible(NOW)
    assert {name: record[name] for name in ("type", "time", "deviceTime", "timezoneOffset")} == {
        "type": "cbg",
        "time": "2026-05-05T09:00:00.000Z",
        "deviceTime": "2026-05-05T02:00:00",
        "timezoneOffset": -420,
    }
    assert (record["value"], record["units"], record["trend"]) == (2.2, "mmol/L", "rapidFall")
    assert record["annotations"] == [{"code": "bg/out-of-range", "value": "low", "threshold": 40}]
    assert (record["origin"]["name"], record["backfilled"], record["noise"]) == (LOOP, True, 1)
    assert "guid" not in record


async def test_a_record_shows_once_it_is_uploaded(world: World) -> None:
    world.child.add_reading(NOW, 5.5, uploaded_at=NOW + 3 * MINUTE)
    world.child.add_loop_decision(NOW)
    assert [record["type"] for record in await world.records()] == ["dosingDecision"]
    assert world.child.readings_visible(NOW) == []
    world.sim.clock.advance(3 * MINUTE)
    assert len(await world.records()) == 2


async def test_an_alert_of_the_device_is_there_anew_with_each_word_of_it(world: World) -> None:
    world.child.add_device_alert(
        NOW, acknowledged=NOW + 4 * MINUTE, retracted=NOW + 6 * MINUTE, late=MINUTE
    )
    assert await world.records(type="alert") == []
    said: list[dict[str, Any]] = []
    for minutes in (1, 3, 1, 2):
        world.sim.clock.advance(minutes * MINUTE)
        [record] = await world.records(type="alert")
        said.append(
            {key: record.get(key, "")[11:16] for key in ("time", "issuedTime", "acknowledgedTime")}
        )
        assert record["name"] == "CGM.lowGlucose"
    now, later = f"{NOW:%H:%M}", f"{NOW + 4 * MINUTE:%H:%M}"
    issued = {"time": now, "issuedTime": now}
    assert said == [issued | {"acknowledgedTime": one} for one in ("", "", later, later)]
    assert record["retractedTime"]
    assert {one.body["id"] for one in world.child.records} == {record["id"]}


async def test_types_reasons_and_the_latest(world: World) -> None:
    world.child.add_reading(NOW - 5 * MINUTE, 5)
    world.child.add_reading(NOW, 6)
    world.child.add_reading(NOW, 7, type="smbg")
    world.child.add_loop_decision(NOW)
    world.child.add_loop_decision(NOW - MINUTE, reason="normalBolus")

    async def found(**query: str) -> list[Any]:
        return [record.get("value", "?") for record in await world.records(**query)]

    assert await found(type="cbg") == [5, 6]
    assert sorted(await found(type="cbg,smbg")) == [5, 6, 7]
    assert await found(type="smbg", subType="manual") == [7]
    assert await found(type="smbg", subType="linked,scanned") == []
    assert await found(type="dosingDecision") == ["?", "?"]
    looped = {"type": "cbg,dosingDecision", "dosingDecision.reason": "loop"}
    assert sorted(await found(**looped), key=str) == [5, 6, "?"]
    assert sorted(await found(latest="true")) == [6, 7]
    assert await found(latest="1", type="dosingDecision") == ["?"]
    assert await found(latest="false", type="cbg", sampleIntervalMinimum="900000") == [5, 6]


async def test_what_dexcoms_cloud_covers_is_hidden_from_others(world: World) -> None:
    child = world.child
    for minutes, origin in ((20, DEXCOM_CLOUD), (10, DEXCOM_CLOUD)):
        child.add_reading(NOW - minutes * MINUTE, minutes, origin=origin)
    for minutes in (25, 15, 5):
        child.add_reading(NOW - minutes * MINUTE, minutes, device_id="phone")
    child.add_reading(NOW - 15 * MINUTE, 16, type="smbg")

    async def found(**query: str) -> list[Any]:
        return [record["value"] for record in await world.records(**query)]

    assert await found() == [25, 20, 16, 10, 5]
    for query in ({"dexcom": "true"}, {"cbgFilter": "false"}):
        assert sorted(await found(**query)) == [5, 10, 15, 16, 20, 25]
    assert await found(uploadId=child.upload_id(LOOP), type="cbg") == [25, 15, 5]
    assert await found(deviceId="phone", dexcom="t") == [25, 15, 5]
    (cloud,) = await world.records(startDate="2026-05-05T08:50:00Z", endDate="2026-05-05T08:50:00Z")
    assert set(cloud["origin"]) == {"id"}
    assert cloud["payload"]["transmitterGeneration"] == "g7"


@pytest.mark.parametrize(
    "query",
    [
        {"startDate": "yesterday"},
        {"startDate": "2026-05-05"},
        {"endDate": "2026-05-05T09:00:00"},
        {"endDate": "2026-05-05T09:00:00 02:00"},
        {"startDate": "2026-13-05T09:00:00Z"},
        {"latest": "yes"},
        {"dexcom": ""},
        {"sampleIntervalMinimum": "5 min"},
    ],
)
async def test_a_query_that_is_wrong(world: World, query: dict[str, str]) -> None:
    status, error = await world.ask(world.data, params=query)
    assert (status, error["code"], error["status"]) == (500, "invalid_parameters", 500)


async def test_who_may_see_data(world: World) -> None:
    stranger = world.tidepool.add_child("Stranger")
    for path in (f"/data/{stranger.user_id}", "/data/0123456789"):
        status, error = await world.ask(path)
        assert (status, error["status"], error["code"]) == (403, 403, "data_cant_view")
    assert (await world.ask(world.data, token=None))[0] == 403
    assert await world.ask(f"/data/{world.account.user_id}") == (200, [])


async def test_a_feed_is_uploaded_as_it_is_measured(world: World) -> None:
    child = world.child
    child.feed(
        lambda moment: 5.0 if moment < NOW else 5.5,
        NOW,
        NOW + 60 * MINUTE,
        gaps=[(NOW + 20 * MINUTE, NOW + 30 * MINUTE)],
        offline=[(NOW + 40 * MINUTE, NOW + 50 * MINUTE)],
    )
    cbg = [record for record in child.records if record.type == "cbg"]
    assert [(record.time - NOW) // MINUTE for record in cbg] == [
        *(0, 5, 10, 15),
        *(30, 35, 40, 45, 50, 55),
    ]
    for record in cbg:
        from_phone = timedelta() <= record.uploaded_at - record.time <= timedelta(seconds=20)
        offline = NOW + 40 * MINUTE <= record.time < NOW + 50 * MINUTE
        assert from_phone is not offline
        assert record.body.get("backfilled", False) is offline
        if offline:
            assert record.uploaded_at >= NOW + 50 * MINUTE
    loops = [record for record in child.records if record.type == "dosingDecision"]
    assert [loop.time - reading.time for loop, reading in zip(loops, cbg, strict=True)] == [
        timedelta(seconds=8)
    ] * 10
    assert {loop.fields["reason"] for loop in loops} == {"loop"}
    # A sensor measures whole mg/dL, and the server keeps mmol/L.
    assert {record.fields["value"] for record in cbg} == {round(99 / MG_DL_PER_MMOL_L, 5)}


async def test_a_feed_beyond_what_the_sensor_can_measure(world: World) -> None:
    values = iter((2.0, 25.0, 6.0, 7.0, 6.9, 5.0))
    world.child.feed(lambda moment: next(values), NOW - 30 * MINUTE, NOW - MINUTE, loop=False)
    low, high, *others = world.child.readings_visible(NOW)
    assert low["annotations"] == [out_of_range("low", 40)]
    assert low["value"] == round(39 / MG_DL_PER_MMOL_L, 5)
    assert high["annotations"] == [out_of_range("high", 400)]
    assert high["value"] == round(401 / MG_DL_PER_MMOL_L, 5)
    assert [record["trend"] for record in others] == [
        "rapidFall",
        "rapidRise",
        "constant",
        "rapidFall",
    ]
    assert not any("annotations" in record for record in others)


async def test_a_late_childs_data_come_from_dexcom_every_two_hours(world: World) -> None:
    late = world.tidepool.add_child("Late", live=False)
    late.feed(lambda moment: 6.0, NOW - timedelta(hours=6), NOW, loop=False)
    for record in late.records:
        assert record.uploaded_at - record.time >= timedelta(hours=1)
        assert record.uploaded_at.hour % 2 == 0
        assert (record.uploaded_at.minute, record.uploaded_at.second // 20) == (0, 0)
    newest = late.readings_visible(NOW)[-1]
    assert newest["time"] == "2026-05-05T07:00:00.000Z"
    assert newest["deviceId"].startswith("DexcomG7")


def test_the_same_seed_tells_the_same_story() -> None:
    def uploads(seed: int) -> list[datetime]:
        child = Simulator(NOW, 0).tidepool.add_child("Jill", seed=seed)
        child.feed(lambda moment: 6.0, NOW, NOW + timedelta(hours=3))
        return [record.uploaded_at for record in child.records]

    assert uploads(1) == uploads(1)
    assert uploads(1) != uploads(2)


async def test_data_come_in_no_order(world: World) -> None:
    world.child.feed(lambda moment: 6.0, NOW - timedelta(hours=3), NOW)
    _, first = await world.ask(world.data)
    _, second = await world.ask(world.data)
    times = [record["time"] for record in first]
    assert times != sorted(times)
    assert times != [record["time"] for record in second]
    assert sorted(times) == sorted(record["time"] for record in second)


# Faults.


async def test_a_write_applied_whose_answer_is_lost(world: World) -> None:
    world.sim.faults.add("tidepool.write_alerts", CATALOGUE["applied_then_reset"](), times=1)
    with pytest.raises(ClientOSError):
        await world.write({"low": LOW})
    assert world.child.settings_of(world.account) == {"low": LOW}
    assert len(world.sim.requests("tidepool.write_alerts")) == 1


async def test_a_write_applied_and_called_a_failure(world: World) -> None:
    world.sim.faults.add("tidepool.write_alerts", CATALOGUE["applied_then_500"](), times=1)
    assert (await world.write({"low": LOW}))[0] == 500
    assert world.child.settings_of(world.account) == {"low": LOW}
    world.sim.faults.add("tidepool.write_alerts", CATALOGUE["500_bare"](), times=1)
    assert (await world.write({"high": LOW}))[0] == 500
    assert world.child.settings_of(world.account) == {"low": LOW}


async def test_faults_speak_as_the_service_behind_the_endpoint(world: World) -> None:
    me = world.account.user_id
    paths = {
        "tidepool.login": ("POST", "/auth/login"),
        "tidepool.renew": ("GET", "/auth/login"),
        "tidepool.logout": ("POST", "/auth/logout"),
        "tidepool.user": ("GET", "/auth/user"),
        "tidepool.people": ("GET", f"/metadata/users/{me}/users"),
        "tidepool.profile": ("GET", f"/metadata/{world.child.user_id}/profile"),
        "tidepool.groups": ("GET", f"/access/groups/{me}"),
        "tidepool.alerts": ("GET", world.alerts),
        "tidepool.write_alerts": ("POST", world.alerts),
        "tidepool.delete_alerts": ("DELETE", world.alerts),
        "tidepool.data": ("GET", world.data),
        "tidepool.info": ("GET", "/info"),
    }
    assert set(paths) == set(world.tidepool.endpoints)
    for status in (400, 401, 403, 404, 409, 429, 500):
        for endpoint, (method, path) in paths.items():
            world.sim.faults.add(endpoint, CATALOGUE[f"{status}_bare"](), times=1)
            got, error = await world.ask(path, method)
            assert got == status
            match endpoint:
                case "tidepool.data":
                    assert error["status"] == status
                    assert error["code"] != "value-not-exists"
                case "tidepool.alerts" | "tidepool.write_alerts" | "tidepool.delete_alerts":
                    assert error["errors"][0]["status"] == str(status)
                case _:
                    assert error["code"] == status
                    assert error["reason"]
    assert list(world.sim.faults) == []


async def test_broken_people_data_and_settings(world: World) -> None:
    world.child.add_reading(NOW, 5.0)
    world.child.add_reading(NOW - MINUTE, 6.0)
    world.child.set_settings(world.account, {"low": LOW, "high": LOW, "notLooping": {}})
    world.sim.faults.add("*", CATALOGUE["bad_record_null"]())
    _, records = await world.ask(world.data)
    assert (len(records), records[1]) == (3, None)
    _, people = await world.ask(f"/metadata/users/{world.account.user_id}/users")
    assert people[0] is None
    _, settings = await world.ask(world.alerts)
    assert (settings["low"], settings["high"]) == (LOW, None)
    assert await world.write({"low": LOW}) == (200, "")


async def test_a_broken_answer_still_bears_its_token(world: World) -> None:
    world.sim.faults.add("tidepool.renew", CATALOGUE["wrong_types_top_is_list"](), times=1)
    before = world.token
    status, body = await world.ask("/auth/login")
    assert (status, body[0]["userid"]) == (200, world.account.user_id)
    assert world.token != before


async def test_what_nobody_documents_is_not_there(world: World) -> None:
    assert (await world.ask("/v2/users"))[0] == 404
    assert (await world.ask(world.alerts, "PUT"))[0] == 404


async def test_where_the_identity_provider_is(world: World) -> None:
    _, info = await world.ask("/info", token=None)
    assert info["auth"]["issuerURL"].endswith("/realms/tidepool")


async def test_requests_are_traced(world: World) -> None:
    url = f"{world.tidepool.url}/info"
    async with world.session.get(url) as response:
        assert response.headers["X-Tidepool-Trace-Request"]
    mine = {"X-Tidepool-Trace-Request": "mine"}
    async with world.session.get(url, headers=mine) as response:
        assert response.headers["X-Tidepool-Trace-Request"] == "mine"
