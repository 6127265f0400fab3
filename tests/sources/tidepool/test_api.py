"""Tidepool's API as the client asks it and reads it, against the simulator; its sessions among it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientSession, web
from freezegun.api import FrozenDateTimeFactory
import orjson
import pytest

from custom_components.care_alerts.sources.http import (
    ApiError,
    AuthError,
    RateLimitedError,
    RefusedError,
    UnexpectedAnswerError,
    UnreachableError,
    base_url,
)
from custom_components.care_alerts.sources.tidepool.api import TidepoolClient
from custom_components.care_alerts.sources.tidepool.records import Sharer
from custom_components.care_alerts.sources.tidepool.session import (
    RENEWED_AFTER,
    TOKEN_HEADER,
    EmailNotVerifiedError,
    PasswordSession,
)
from simulator import CATALOGUE, Fault, Simulator
from simulator.faults import Exchange, body
from simulator.tidepool import Account, Child
from tests.conftest import NOON

PASSWORD = "demo-password-1"
TYPES = ("cbg", "smbg", "dosingDecision")
MG_DL_70 = {"units": "mg/dL", "value": 70}
ODD_IDS = (
    "/12345",
    "../../../auth/logout",
    ".",
    "1234567890?",
    "12345\n",
    "\u00e9t\u00e9",
    "a" * 65,
)
SETTINGS = {"low": {"enabled": True, "delay": 10, "threshold": MG_DL_70}}


@dataclass
class Partner:
    """A care partner with a client, and a child who shares with them."""

    sim: Simulator
    session: PasswordSession
    client: TidepoolClient
    child: Child

    @property
    def account(self) -> Account:
        """The account behind it."""
        return self.sim.tidepool.account

    @property
    def me(self) -> str:
        """Our user id."""
        return self.account.user_id

    @property
    def asked(self) -> list[str]:
        """What was asked, in order."""
        return [request.endpoint.removeprefix("tidepool.") for request in self.sim.log]

    async def settings(self) -> dict[str, Any] | None:
        """Ask for the settings of the child."""
        return await self.client.alerts(self.child.user_id, self.me)

    async def data(self) -> Any:
        """Ask for the data of the child."""
        return await self.client.data(self.child.user_id, NOON - timedelta(hours=1), TYPES)


@pytest.fixture
async def partner(sim: Simulator) -> AsyncGenerator[Partner]:
    """A care partner whom Jill shares with."""
    child = sim.tidepool.add_child("Jill")
    child.share_with(sim.tidepool.account)
    async with ClientSession() as http:
        url = base_url(sim.tidepool.url)
        session = PasswordSession(http, url, "carepartner@example.com", PASSWORD)
        yield Partner(sim, session, TidepoolClient(http, url, session), child)


async def test_who_we_are(partner: Partner) -> None:
    assert await partner.client.me() == partner.me
    assert partner.asked == ["login", "user"]
    login, user = partner.sim.log
    assert login.headers["authorization"].startswith("Basic ")
    assert login.headers.get("x-tidepool-session-token") is None
    assert user.headers["x-tidepool-session-token"].startswith("kc:")
    assert "authorization" not in user.headers


@pytest.mark.parametrize("status", [401, 404, 410])
async def test_a_login_that_is_refused(partner: Partner, status: int) -> None:
    if status == 401:
        partner.account.change_password("another")
    else:
        partner.sim.tidepool.legacy_login_gone = status
    with pytest.raises(AuthError if status == 401 else RefusedError):
        await partner.client.me()
    assert partner.asked == ["login"]


async def test_other_logins_that_are_refused(partner: Partner) -> None:
    partner.account.sso = True
    with pytest.raises(AuthError) as refused:
        await partner.client.me()
    assert not isinstance(refused.value, EmailNotVerifiedError)
    partner.account.sso = False
    partner.account.email_verified = False
    with pytest.raises(EmailNotVerifiedError):
        await partner.client.me()


@pytest.mark.parametrize("token", [None, "", "two words", "schlüssel", "tab\tbed"])
@pytest.mark.parametrize("endpoint", ["login", "renew"])
async def test_a_login_without_a_token_that_can_be_sent(
    partner: Partner, token: str | None, endpoint: str
) -> None:
    async def respond(exchange: Exchange) -> web.StreamResponse:
        headers = {} if token is None else {TOKEN_HEADER: token}
        return web.json_response({"userid": "1234567890"}, headers=headers)

    if endpoint == "renew":
        await partner.client.me()
        partner.account.expire_access()
    partner.sim.faults.add(f"tidepool.{endpoint}", Fault("no token", respond))
    with pytest.raises(UnexpectedAnswerError, match="no token"):
        await partner.client.me()


async def test_many_at_once_log_in_once(partner: Partner) -> None:
    await asyncio.gather(*(partner.settings() for _ in range(20)))
    assert partner.account.logins == 1
    partner.account.expire_access()
    await asyncio.gather(*(partner.settings() for _ in range(20)))
    assert (partner.account.logins, partner.account.renewals) == (1, 1)


async def test_a_session_is_renewed_in_time_and_without_the_password(
    partner: Partner, freezer: FrozenDateTimeFactory
) -> None:
    await partner.data()
    for _ in range(3):
        freezer.tick(RENEWED_AFTER)
        partner.sim.clock.advance(RENEWED_AFTER)
        await partner.data()
    assert partner.asked == ["login", "data", *["renew", "data"] * 3]
    assert (partner.account.logins, partner.account.renewals) == (1, 3)


async def test_a_login_only_when_renewing_is_refused(partner: Partner) -> None:
    await partner.settings()
    partner.account.kill_sessions()
    partner.sim.log.clear()
    assert await partner.settings() is None
    assert partner.asked == ["alerts", "renew", "login", "alerts"]


async def test_a_renewal_without_an_answer_is_no_reason_to_send_the_password(
    partner: Partner,
) -> None:
    await partner.settings()
    partner.account.expire_access()
    partner.sim.faults.add("tidepool.renew", CATALOGUE["503_bare"](), times=1)
    with pytest.raises(UnreachableError):
        await partner.settings()
    assert partner.account.logins == 1
    # The dead token is not forgotten, and renewed the next time.
    await partner.settings()
    assert (partner.account.logins, partner.account.renewals) == (1, 1)


@pytest.mark.parametrize("end", [Account.expire_access, Account.kill_sessions])
async def test_data_says_403_for_a_dead_token(
    partner: Partner, end: Callable[[Account], None]
) -> None:
    await partner.data()
    end(partner.account)
    partner.sim.log.clear()
    await partner.data()
    assert partner.asked[:2] == ["data", "user"]
    assert partner.asked[-1] == "data"


async def test_data_says_403_for_a_permission_that_is_not_there(partner: Partner) -> None:
    partner.child.change_permissions(partner.account, ["follow"])
    with pytest.raises(RefusedError) as refused:
        await partner.data()
    assert (refused.value.status, refused.value.code) == (403, "data_cant_view")
    assert partner.asked == ["login", "data", "user"]
    assert partner.account.renewals == 0


async def test_a_permission_is_not_lost_because_nobody_says_who_we_are(partner: Partner) -> None:
    partner.child.change_permissions(partner.account, ["follow"])
    partner.sim.faults.add("tidepool.user", CATALOGUE["503_bare"]())
    with pytest.raises(UnreachableError):
        await partner.data()


async def test_logging_out(partner: Partner) -> None:
    await partner.session.end()
    assert partner.asked == []
    await partner.client.me()
    token = await partner.session.token()
    await partner.session.end()
    assert partner.asked == ["login", "user", "logout"]
    assert not partner.account.opens(token)
    await partner.session.end()
    assert partner.asked == ["login", "user", "logout"]


# People.


async def test_who_shares_with_us(partner: Partner) -> None:
    tom = partner.sim.tidepool.add_child("Tom", other_person=True, units="mmol/L")
    tom.share_with(partner.account, ["follow"])
    partner.sim.tidepool.add_child("Somebody else")
    followed_by_us_only = partner.sim.tidepool.add_child("Grandma")
    partner.account.grant(followed_by_us_only.user_id)
    people, unreadable = await partner.client.people(partner.me)
    assert unreadable == 0
    assert people == [
        Sharer(partner.child.user_id, frozenset({"view", "follow"}), "Jill", "mg/dL"),
        Sharer(tom.user_id, frozenset({"follow"}), "Tom", None),
    ]


async def test_where_the_metadata_do_not_answer_the_groups_do(partner: Partner) -> None:
    for name in ("500_bare", "404_bare", "not_json"):
        partner.sim.faults.add("tidepool.people", CATALOGUE[name](), times=1)
        people, _ = await partner.client.people(partner.me)
        assert people == [Sharer(partner.child.user_id, frozenset({"view", "follow"}))], name
    for name in ("429_seconds", "401_bare"):
        partner.sim.faults.clear()
        partner.sim.faults.add("tidepool.people", CATALOGUE[name]())
        partner.sim.log.clear()
        with pytest.raises((RateLimitedError, AuthError)):
            await partner.client.people(partner.me)
        assert "groups" not in partner.asked


async def test_people_that_cannot_be_read(partner: Partner) -> None:
    good = {"userid": "1234567890", "trustorPermissions": {"view": {}}, "profile": {}}
    for records, count in (
        ([good, 7, {"userid": 3, "trustorPermissions": {"view": {}}}], 2),
        ([good, {"userid": "0987654321", "trustorPermissions": "view"}], 1),
        ([good, {"userid": "0987654321", "trustorPermissions": None}], 0),
        *(([good, good | {"userid": odd}], 1) for odd in ODD_IDS),
    ):
        partner.sim.faults.add("tidepool.people", body(orjson.dumps(records)), times=1)
        people, unreadable = await partner.client.people(partner.me)
        assert people == [Sharer("1234567890", frozenset({"view"}))]
        assert unreadable == count
    partner.sim.faults.add("tidepool.people", body(b"[7]"), times=1)
    people, _ = await partner.client.people(partner.me)
    # None of it can be read: then the groups say who there is.
    assert people == [Sharer(partner.child.user_id, frozenset({"view", "follow"}))]


@pytest.mark.parametrize("odd", ODD_IDS)
async def test_what_is_no_id_becomes_no_address(partner: Partner, odd: str) -> None:
    """It would be part of one, and might lead elsewhere."""
    granted: dict[str, Any] = {"view": {}}
    partner.sim.faults.add("tidepool.people", CATALOGUE["500_bare"](), times=1)
    groups = orjson.dumps({"1234567890": granted, odd: granted})
    partner.sim.faults.add("tidepool.groups", body(groups), times=1)
    people, unreadable = await partner.client.people(partner.me)
    assert people == [Sharer("1234567890", frozenset({"view"}))]
    assert unreadable == 1
    partner.sim.faults.add("tidepool.user", body(orjson.dumps({"userid": odd})), times=1)
    with pytest.raises(UnexpectedAnswerError, match="no user id"):
        await partner.client.me()


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        ({"fullName": "Jill Jellyfish"}, "Jill Jellyfish"),
        ({"fullName": "A Parent", "patient": {"fullName": "Jill"}}, "A Parent"),
        (
            {"fullName": "A Parent", "patient": {"isOtherPerson": True, "fullName": "Jill"}},
            "Jill",
        ),
        ({"fullName": "A Parent", "patient": {"isOtherPerson": True}}, "A Parent"),
        ({"fullName": "  "}, None),
        ({"fullName": " Jill\n\t Jellyfish\r\n"}, "Jill Jellyfish"),
        ({"fullName": "x" * 200}, "x" * 100),
        (
            {"fullName": "A", "patient": {"isOtherPerson": True, "fullName": "J\nill" + "l" * 200}},
            "J i" + "l" * 97,
        ),
        ({"fullName": 7}, None),
        ("Jill", None),
    ],
)
async def test_names(partner: Partner, profile: Any, name: str | None) -> None:
    record = {"userid": "1234567890", "trustorPermissions": {"view": {}}, "profile": profile}
    partner.sim.faults.add("tidepool.people", body(orjson.dumps([record])), times=1)
    ((sharer,), _) = await partner.client.people(partner.me)
    assert sharer.name == name


# Settings.


async def test_no_settings_yet(partner: Partner) -> None:
    assert await partner.settings() is None
    (request,) = partner.sim.requests("tidepool.alerts")
    assert request.path == (
        f"/tidepool/v1/users/{partner.child.user_id}/followers/{partner.me}/alerts"
    )


async def test_any_other_404_is_not_that(partner: Partner) -> None:
    partner.sim.faults.add("tidepool.alerts", CATALOGUE["404_bare"]())
    with pytest.raises(RefusedError):
        await partner.settings()


@pytest.mark.parametrize("single", [True, False])
async def test_settings_are_written_read_and_deleted(partner: Partner, single: bool) -> None:
    partner.sim.tidepool.single_error_object = single
    await partner.client.write_alerts(partner.child.user_id, partner.me, SETTINGS)
    (request,) = partner.sim.requests("tidepool.write_alerts")
    assert request.json == SETTINGS
    document = await partner.settings()
    assert document is not None
    assert document["low"] == SETTINGS["low"]
    assert (document["userId"], document["followedUserId"]) == (partner.me, partner.child.user_id)
    await partner.client.delete_alerts(partner.child.user_id, partner.me)
    assert await partner.settings() is None
    await partner.client.delete_alerts(partner.child.user_id, partner.me)


@pytest.mark.parametrize("single", [True, False])
async def test_settings_are_refused(partner: Partner, single: bool) -> None:
    partner.sim.tidepool.single_error_object = single
    with pytest.raises(RefusedError) as refused:
        await partner.client.write_alerts(
            partner.child.user_id, partner.me, {"low": {"enabled": True}}
        )
    assert (refused.value.status, refused.value.code) == (400, "json-malformed")
    partner.child.change_permissions(partner.account, ["view"])
    for ask in (
        partner.settings(),
        partner.client.write_alerts(partner.child.user_id, partner.me, SETTINGS),
        partner.client.delete_alerts(partner.child.user_id, partner.me),
    ):
        with pytest.raises(RefusedError) as refused:
            await ask
        assert (refused.value.status, refused.value.code) == (403, "unauthorized")


async def test_what_cannot_be_settings_is_not_taken_for_them(partner: Partner) -> None:
    """It would be written back."""
    ids = {"userId": partner.me, "followedUserId": partner.child.user_id}
    wrong: list[Any] = [
        [],
        {},
        {"success": False},
        ids | {"userId": None},
        ids | {"followedUserId": "0000000000"},
        ids | {"low": []},
        ids | {"high": "off"},
        ids | {"low": None},
        ids | {"low": {"enabled": True}},
    ]
    for document in wrong:
        partner.sim.faults.add("tidepool.alerts", body(orjson.dumps(document)), times=1)
        with pytest.raises(UnexpectedAnswerError):
            await partner.settings()
    right: list[Any] = [ids, {"low": {"threshold": {}}}, ids | {"notLooping": {}, "new": None}]
    for document in right:
        partner.sim.faults.add("tidepool.alerts", body(orjson.dumps(document)), times=1)
        assert await partner.settings() == document


# Data.


async def test_data(partner: Partner) -> None:
    child = partner.child
    child.add_reading(NOON - timedelta(hours=2), 4.0)
    child.add_reading(NOON - timedelta(minutes=10), 5.0, trend="slowFall")
    child.add_reading(NOON - timedelta(minutes=5), 6.0, type="smbg", device_id="meter")
    child.add_loop_decision(NOON - timedelta(minutes=4))
    child.add_loop_decision(NOON - timedelta(minutes=2), reason="bolus")
    child.add_reading(NOON - timedelta(minutes=1), 7.0, uploaded_at=NOON + timedelta(minutes=1))
    child.add_record("basal", NOON - timedelta(minutes=3), {"rate": 0.5})
    data = await partner.data()
    assert sorted((one.kind, one.device, one.value) for one in data.readings) == [
        ("cbg", child.device_id, 5.0),
        ("smbg", "meter", 6.0),
    ]
    assert data.loops == (NOON - timedelta(minutes=4),)
    assert data.unreadable == 0
    (request,) = partner.sim.requests("tidepool.data")
    assert request.path == f"/tidepool/data/{child.user_id}"
    assert request.query == {
        "type": "cbg,smbg,dosingDecision",
        "startDate": "2026-11-18T11:00:00.000Z",
        "dexcom": "true",
        "dosingDecision.reason": "loop",
    }


async def test_readings_beside_dexcoms_cloud_are_not_hidden(partner: Partner) -> None:
    cloud = partner.sim.tidepool.add_child("Kim", live=False)
    cloud.share_with(partner.account)
    for ago in (50, 30):
        cloud.add_reading(NOON - timedelta(minutes=ago), 5.0, uploaded_at=NOON)
    cloud.add_reading(
        NOON - timedelta(minutes=40), 4.0, uploaded_at=NOON, origin="org.tidepool.Loop"
    )
    data = await partner.client.data(cloud.user_id, NOON - timedelta(hours=1), ("cbg",))
    assert len(data.readings) == 3
    assert "dosingDecision.reason" not in partner.sim.requests("tidepool.data")[-1].query


async def test_records_that_cannot_be_read_are_counted(partner: Partner) -> None:
    good = {"type": "cbg", "time": "2026-11-18T11:55:00Z", "value": 5.0, "units": "mmol/L"}
    records = [good, 7, {"type": "cbg"}, {"type": 7}, good | {"value": 0}, {"type": "hologram"}]
    partner.sim.faults.add("tidepool.data", body(orjson.dumps(records)), times=1)
    data = await partner.data()
    assert (len(data.readings), data.unreadable) == (1, 4)
    partner.sim.faults.add("tidepool.data", body(b'[7, {"type": "cbg"}]'), times=1)
    with pytest.raises(UnexpectedAnswerError, match="no record"):
        await partner.data()
    partner.sim.faults.add("tidepool.data", body(b"{}"), times=1)
    with pytest.raises(UnexpectedAnswerError, match="not a list"):
        await partner.data()


@pytest.mark.parametrize("name", ["400_bare", "403_bare", "500_bare", "reset", "not_json"])
async def test_no_error_gives_anything_away(partner: Partner, name: str) -> None:
    """Not the password, a token, a name or an id."""
    partner.child.add_reading(datetime(2026, 11, 18, 11, 55, tzinfo=UTC), 5.0)
    partner.child.set_settings(partner.account, SETTINGS)
    await partner.client.me()
    secrets = (PASSWORD, await partner.session.token(), partner.me, partner.child.user_id, "Jill")
    partner.sim.faults.add("*", CATALOGUE[name]())
    for ask in (
        partner.settings(),
        partner.data(),
        partner.client.people(partner.me),
        partner.client.write_alerts(partner.child.user_id, partner.me, SETTINGS),
        partner.session.renewed(secrets[1]),
    ):
        try:
            await ask
        except ApiError as err:
            said = f"{err} {err!r} {err.__cause__!r}"
            assert not any(secret in said for secret in secrets)
