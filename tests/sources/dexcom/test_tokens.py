"""Dexcom's tokens: refresh tokens work once, so none may be lost, used twice, or used before it is on disk."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from aiohttp import web
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.core import State
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import Store
import orjson
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.sources.dexcom.oauth import Tokens
from custom_components.care_alerts.sources.http import ApiError, LoginEndedError
from simulator import CATALOGUE, Fault
from simulator.dexcom import Wearer
from simulator.faults import Exchange, body
from tests.conftest import NOON, House

pytestmark = pytest.mark.real_files

HOUR = timedelta(hours=1)
TOO_LONG = pytest.param("x" * 9000, id="too long")
LONG_NUMBER = pytest.param("9" * 5000, id="long number")
DATA = ("alerts", "egvs", "devices", "data_range")


@pytest.fixture
def ana(house: House) -> Wearer:
    """Somebody with a reading every five minutes, always at 120 mg/dL."""
    ana = house.sim.dexcom.add_wearer("ana")
    ana.add_session(NOON - 3 * HOUR, NOON + 12 * HOUR, lambda moment: 120)
    return ana


@pytest.fixture
async def entry(house: House, ana: Wearer) -> MockConfigEntry:
    """Ana's entry, logged in and known to Home Assistant, but not set up."""
    entry = await house.dexcom_entry(ana)
    entry.add_to_hass(house.hass)
    return entry


class Gate:
    """A fault that holds an answer back until it may go."""

    def __init__(self, status: int = 200) -> None:
        """Begin closed; what is held back is the true answer, or one with another status."""
        self._status = status
        self._open = asyncio.Event()
        self.fault = Fault("gate", self._respond)

    def open(self) -> None:
        """Let everything through."""
        self._open.set()

    async def _respond(self, exchange: Exchange) -> web.StreamResponse:
        answer = (
            await exchange.proceed() if self._status == 200 else web.Response(status=self._status)
        )
        await self._open.wait()
        return answer


def refreshes(house: House) -> list[int]:
    """The statuses of all refreshes that Dexcom was asked for, oldest first."""
    return [one.status for one in house.sim.dexcom.token_log if one.grant_type == "refresh_token"]


def reauths(house: House) -> int:
    """How many reauth flows wait for somebody."""
    flows = house.hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    return sum(flow["context"]["source"] == SOURCE_REAUTH for flow in flows)


def token_file(house: House, entry: MockConfigEntry) -> Path:
    """Where the newest token is kept beside the entry."""
    return Path(house.hass.config.path(".storage", f"{DOMAIN}.{entry.entry_id}.token"))


def files_of(house: House, entry: MockConfigEntry) -> list[str]:
    """Everything on disk that has to do with an entry."""
    return [path.name for path in token_file(house, entry).parent.glob(f"*{entry.entry_id}*")]


def copy_of(data: Any) -> dict[str, Any]:
    """The entry's data as a file of them would give them back."""
    copied: dict[str, Any] = orjson.loads(orjson.dumps(dict(data)))
    return copied


def token_expires(house: House, entry: MockConfigEntry) -> None:
    """Let the token be too old by the clock."""
    token = {**entry.data["token"], "expires_at": house.now.timestamp() - 1}
    house.hass.config_entries.async_update_entry(entry, data={**entry.data, "token": token})


def log_in_again(house: House, entry: MockConfigEntry, ana: Wearer) -> None:
    """What the reauth flow leaves in the entry; it goes on as after that flow."""
    token = house.sim.dexcom.grant(ana)
    token |= {"expires_at": house.now.timestamp() + token["expires_in"]}
    data = {**entry.data, "token": {**entry.data["token"], **token}}
    house.hass.config_entries.async_update_entry(entry, data=data)


# Many at once.


async def test_twenty_tasks_asking_for_a_token_are_one_refresh(
    house: House, entry: MockConfigEntry
) -> None:
    token_expires(house, entry)
    old = entry.data["token"]
    tokens = Tokens(house.hass, entry)

    got = await asyncio.gather(*(tokens.access_token() for _ in range(20)))

    assert refreshes(house) == [200]
    assert set(got) == {entry.data["token"]["access_token"]}
    assert old["access_token"] not in got
    assert house.sim.dexcom.used_refresh_tokens == {old["refresh_token"]}
    (request,) = house.sim.requests("dexcom.token")
    assert "authorization" not in request.headers


async def test_twenty_tasks_with_the_same_refused_token_are_one_refresh(
    house: House, entry: MockConfigEntry
) -> None:
    refused = entry.data["token"]["access_token"]
    tokens = Tokens(house.hass, entry)

    got = await asyncio.gather(*(tokens.renewed_token(refused) for _ in range(20)))

    assert refreshes(house) == [200]
    assert set(got) == {entry.data["token"]["access_token"]}
    # Whoever hears of the refusal later gets what there is by then.
    assert await tokens.renewed_token(refused) == got[0]
    assert await tokens.access_token() == got[0]
    assert refreshes(house) == [200]


async def test_those_who_ask_while_a_refresh_is_under_way_wait_for_it(
    house: House, entry: MockConfigEntry
) -> None:
    refused = entry.data["token"]["access_token"]
    tokens = Tokens(house.hass, entry)
    gate = Gate()
    house.sim.faults.add("dexcom.token", gate.fault, times=1)

    first = asyncio.create_task(tokens.renewed_token(refused))
    await house.sim.arrival("dexcom.token")
    others = [
        asyncio.create_task(ask())
        for ask in (tokens.access_token, lambda: tokens.renewed_token(refused)) * 10
    ]
    await asyncio.sleep(0)
    gate.open()

    new = await first
    assert {await other for other in others} == {new}
    assert refreshes(house) == [200]


async def test_a_refresh_that_fails_fails_for_all_who_wait_for_it(
    house: House, entry: MockConfigEntry
) -> None:
    token_expires(house, entry)
    tokens = Tokens(house.hass, entry)
    gate = Gate(500)
    house.sim.faults.add("dexcom.token", gate.fault, times=1)

    asking = [asyncio.create_task(tokens.access_token()) for _ in range(20)]
    await house.sim.arrival("dexcom.token")
    for _ in asking:
        await asyncio.sleep(0)
    gate.open()
    got = await asyncio.gather(*asking, return_exceptions=True)

    assert all(isinstance(one, ApiError) for one in got)
    assert len(house.sim.requests("dexcom.token")) == 1
    assert await tokens.access_token()
    assert refreshes(house) == [200]


async def test_one_of_those_who_wait_may_give_up(house: House, entry: MockConfigEntry) -> None:
    token_expires(house, entry)
    tokens = Tokens(house.hass, entry)
    gate = Gate()
    house.sim.faults.add("dexcom.token", gate.fault, times=1)
    impatient = asyncio.create_task(tokens.access_token())
    patient = asyncio.create_task(tokens.access_token())
    await house.sim.arrival("dexcom.token")

    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    gate.open()

    assert await patient == entry.data["token"]["access_token"]
    assert refreshes(house) == [200]


# On disk before it is used.


async def test_a_new_token_is_on_disk_before_it_is_first_used(
    house: House, entry: MockConfigEntry
) -> None:
    """Dexcom itself looks into the file whenever it is asked for data."""
    first = entry.data["token"]["access_token"]
    seen: set[str] = set()

    async def look(exchange: Exchange) -> web.StreamResponse:
        token = exchange.request.headers["authorization"].removeprefix("Bearer ")
        seen.add(token)
        if token != first:
            content = await asyncio.to_thread(token_file(house, entry).read_bytes)
            kept = orjson.loads(content)["data"]
            assert kept["token"]["access_token"] == token
            assert kept["token"]["refresh_token"] not in house.sim.dexcom.used_refresh_tokens
            assert kept["replaces"] in house.sim.dexcom.used_refresh_tokens
        return await exchange.proceed()

    for endpoint in DATA:
        house.sim.faults.add(f"dexcom.{endpoint}", Fault("look", look))
    await house.set_up(entry)
    for hours in range(8):
        await house.pass_time(hours=1)
        if hours == 4:
            house.sim.dexcom.expire_access_tokens()
            await house.pass_time(minutes=31)

    statuses = {request.status for name in DATA for request in house.sim.requests(f"dexcom.{name}")}
    assert statuses == {200, 401}
    assert len(seen) == 1 + len(refreshes(house)) > 4
    assert set(refreshes(house)) == {200}
    assert reauths(house) == 0


async def test_what_is_on_disk_is_for_nobody_elses_eyes(
    house: House, entry: MockConfigEntry
) -> None:
    token_expires(house, entry)
    await Tokens(house.hass, entry).access_token()
    assert token_file(house, entry).stat().st_mode & 0o777 == 0o600


# Crashes.


class Killed(asyncio.CancelledError):
    """The process is no more. Nobody may catch it, and Home Assistant does not report it."""


def dying(*, written: bool) -> Any:
    """The process dies just before, or after, a token's file is written."""
    write = Store._async_write_data

    async def write_and_die(store: Store[Any], data: dict[str, Any]) -> None:
        if not store.key.endswith(".token"):
            await write(store, data)
            return
        if written:
            await write(store, data)
        raise Killed

    return patch.object(Store, "_async_write_data", write_and_die)


async def dies_refreshing(house: House, entry: MockConfigEntry, *, written: bool) -> None:
    """Live until a refresh has been answered, die, and lie there as the files do."""
    await house.set_up(entry)
    on_disk = copy_of(entry.data)
    house.sim.dexcom.expire_access_tokens()
    with dying(written=written):
        await house.pass_time(minutes=31)
    assert refreshes(house) == [200]
    await house.hass.config_entries.async_unload(entry.entry_id)
    await house.settle()
    # The file of the entries is written a second after they have changed: that second did not come.
    house.hass.config_entries.async_update_entry(entry, data=on_disk)


async def test_a_crash_before_the_entry_is_written_is_nothing(
    house: House, ana: Wearer, entry: MockConfigEntry, announced: list[State]
) -> None:
    ana.add_alert("low", NOON - timedelta(minutes=30))
    await dies_refreshing(house, entry, written=True)
    assert entry.data["token"]["refresh_token"] in house.sim.dexcom.used_refresh_tokens

    await house.set_up(entry)

    assert entry.state is ConfigEntryState.LOADED
    assert reauths(house) == 0
    assert refreshes(house) == [200]
    assert entry.data["token"]["refresh_token"] not in house.sim.dexcom.used_refresh_tokens
    assert house.state("sensor", "status", entry=entry).state == "ok"
    await house.pass_time(hours=3)
    assert set(refreshes(house)) == {200}
    assert [state.attributes["event_type"] for state in announced] == ["low"]


async def test_a_crash_before_the_token_is_written_is_one_reauth_and_no_alert_lost(
    house: House, ana: Wearer, entry: MockConfigEntry, announced: list[State]
) -> None:
    ana.add_alert("low", NOON - timedelta(minutes=50))
    ana.add_alert("low", NOON + timedelta(minutes=30), state="inactive")
    ana.add_alert("urgentLow", NOON + timedelta(hours=4))
    await dies_refreshing(house, entry, written=False)

    await house.set_up(entry)

    # What was said before is still to be seen; nobody can help the login but the person.
    assert entry.state is ConfigEntryState.LOADED
    assert house.state("sensor", "status", entry=entry).state == "login_failed"
    assert reauths(house) == 1
    for _ in range(4):
        await house.pass_time(hours=1)
    assert reauths(house) == 1
    assert announced == []

    log_in_again(house, entry, ana)
    await house.hass.config_entries.async_reload(entry.entry_id)
    await house.settle()
    await house.pass_time(hours=2)

    assert reauths(house) == 0
    assert house.state("sensor", "status", entry=entry).state == "ok"
    assert [(state.attributes["event_type"], state.attributes["late"]) for state in announced] == [
        ("low", True),
        ("low", True),
        ("urgent_low", False),
    ]


async def test_the_newest_login_counts_more_than_a_token_of_an_older_one(
    house: House, ana: Wearer, entry: MockConfigEntry
) -> None:
    await dies_refreshing(house, entry, written=True)
    log_in_again(house, entry, ana)
    new = entry.data["token"]

    await house.set_up(entry)

    assert entry.data["token"] == new
    assert house.sim.requests("dexcom.alerts")[-1].headers["authorization"] == (
        f"Bearer {new['access_token']}"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b'{"version": 1}',
        b'{"version": 1, "minor_version": 1, "key": "k", "data": {"replaces": 1, "token": 2}}',
        b'{"version": 9, "minor_version": 1, "key": "k", "data": {}}',
    ],
)
async def test_a_token_file_that_makes_no_sense_keeps_nobody_from_going_on(
    house: House, entry: MockConfigEntry, content: bytes
) -> None:
    path = token_file(house, entry)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)

    await house.set_up(entry)
    house.sim.dexcom.expire_access_tokens()
    await house.pass_time(minutes=31)

    assert house.state("sensor", "status", entry=entry).state == "ok"
    assert refreshes(house) == [200]
    kept = orjson.loads(path.read_bytes())["data"]["token"]
    assert kept["access_token"] == entry.data["token"]["access_token"]
    await house.hass.config_entries.async_remove(entry.entry_id)
    assert files_of(house, entry) == []


# What a refresh may be answered with.


async def test_a_dead_refresh_token_is_one_reauth_and_no_alert_lost(
    house: House, ana: Wearer, entry: MockConfigEntry, announced: list[State]
) -> None:
    await house.set_up(entry)
    ana.add_alert("low", NOON + timedelta(minutes=20))
    house.sim.dexcom.revoke(ana)

    await house.pass_time(minutes=31)
    assert house.state("sensor", "status", entry=entry).state == "login_failed"
    assert reauths(house) == 1
    for _ in range(3):
        await house.pass_time(hours=2)
    assert reauths(house) == 1
    assert set(refreshes(house)) == {400}
    # Asked about once an hour, not with every question.
    assert len(refreshes(house)) <= 4

    log_in_again(house, entry, ana)
    await house.hass.config_entries.async_reload(entry.entry_id)
    await house.settle()
    assert reauths(house) == 0
    assert [state.attributes["event_type"] for state in announced] == ["low"]


def _error(status: int, code: str) -> Fault:
    async def respond(exchange: Exchange) -> web.StreamResponse:
        return web.json_response({"error": code}, status=status)

    return Fault(f"{status} {code}", respond)


RETRIED = {
    "wrong client": _error(400, "invalid_client"),
    # As OAuth 2 would have it (RFC 6749, 5.2).
    "wrong client 401": _error(401, "invalid_client"),
    "invalid_request": _error(400, "invalid_request"),
    "unauthorized_client": _error(400, "unauthorized_client"),
    **{
        name: CATALOGUE[name]()
        for name in ("429_seconds", "500_bare", "503_http_date", "reset", "redirect", "half_json")
    },
    "no access token": body(b'{"expires_in": 7200, "refresh_token": "new"}'),
    "an error in a 200": body(b'{"error": "invalid_grant"}'),
}


@pytest.mark.parametrize("fault", RETRIED.values(), ids=RETRIED.keys())
async def test_whatever_else_a_refresh_meets_is_tried_again(
    house: House,
    ana: Wearer,
    entry: MockConfigEntry,
    announced: list[State],
    caplog: pytest.LogCaptureFixture,
    fault: Fault,
) -> None:
    await house.set_up(entry)
    ana.add_alert("low", NOON + timedelta(minutes=10))
    house.sim.dexcom.expire_access_tokens()
    house.sim.faults.add("dexcom.token", fault)
    for _ in range(3):
        await house.pass_time(minutes=30)

    assert house.state("sensor", "status", entry=entry).state not in ("ok", "login_failed")
    assert reauths(house) == 0
    assert refreshes(house) == []
    assert len(house.sim.requests("dexcom.token")) >= 2

    house.sim.faults.clear()
    await house.pass_time(hours=1)
    assert house.state("sensor", "status", entry=entry).state == "ok"
    assert refreshes(house) == [200]
    assert [state.attributes["event_type"] for state in announced] == ["low"]
    token = entry.data["token"]
    for secret in (house.sim.dexcom.client_secret, token["access_token"], token["refresh_token"]):
        assert secret not in caplog.text


async def test_a_refresh_that_brings_no_refresh_token_ends_in_a_reauth(
    house: House, entry: MockConfigEntry
) -> None:
    async def respond(exchange: Exchange) -> web.StreamResponse:
        answer = await exchange.proceed()
        assert isinstance(answer, web.Response)
        assert isinstance(answer.body, bytes)
        told = orjson.loads(answer.body) | {
            "refresh_token": "",
            "redirect_uri": "https://example.com",
        }
        return web.json_response(told)

    await house.set_up(entry)
    redirect_uri = entry.data["token"]["redirect_uri"]
    house.sim.dexcom.expire_access_tokens()
    house.sim.faults.add("dexcom.token", Fault("none", respond), times=1)
    await house.pass_time(minutes=30)
    assert house.state("sensor", "status", entry=entry).state == "ok"
    assert entry.data["token"]["redirect_uri"] == redirect_uri

    house.sim.dexcom.expire_access_tokens()
    await house.pass_time(hours=1)
    assert house.state("sensor", "status", entry=entry).state == "login_failed"
    assert reauths(house) == 1


def apps_refused(house: House) -> list[dict[str, str] | None]:
    """What the repairs about an app say."""
    return [
        issue.translation_placeholders
        for issue in ir.async_get(house.hass).issues.values()
        if issue.translation_key == "app_refused" and issue.active
    ]


async def test_an_app_whose_secret_was_changed_is_a_repair_until_it_is_right(
    house: House, entry: MockConfigEntry
) -> None:
    await house.set_up(entry)
    clients = house.sim.dexcom.oauth.clients
    ours = house.sim.dexcom.client
    clients[ours.client_id] = replace(ours, client_secret="changed")
    await house.pass_time(hours=3)
    assert house.state("sensor", "status", entry=entry).state == "unreachable"
    assert apps_refused(house) == [{"entry": entry.title}]
    assert reauths(house) == 0

    house.sim.faults.add("dexcom.token", CATALOGUE["500_bare"](), times=1)
    await house.pass_time(hours=1)
    # Another failure does not make the app right.
    assert apps_refused(house) == [{"entry": entry.title}]

    clients[ours.client_id] = ours
    await house.pass_time(hours=1)
    assert house.state("sensor", "status", entry=entry).state == "ok"
    assert apps_refused(house) == []


async def test_what_else_goes_wrong_is_not_said_of_the_app(
    house: House, entry: MockConfigEntry
) -> None:
    await house.set_up(entry)
    house.sim.dexcom.expire_access_tokens()
    house.sim.faults.add("dexcom.token", _error(400, "invalid_request"))
    await house.pass_time(hours=1)
    assert house.state("sensor", "status", entry=entry).state == "unreachable"
    assert apps_refused(house) == []


@pytest.mark.parametrize("code", ["invalid_client", "unauthorized_client"])
async def test_the_repair_of_an_app_goes_with_its_entry(
    house: House, entry: MockConfigEntry, code: str
) -> None:
    await house.set_up(entry)
    house.sim.dexcom.expire_access_tokens()
    house.sim.faults.add("dexcom.token", _error(401, code))
    await house.pass_time(hours=1)
    assert apps_refused(house)
    await house.hass.config_entries.async_remove(entry.entry_id)
    assert apps_refused(house) == []


async def test_a_refresh_without_an_answer_ends_and_is_tried_again(
    house: House, entry: MockConfigEntry
) -> None:
    await house.set_up(entry)
    house.sim.dexcom.expire_access_tokens()
    house.sim.faults.add("dexcom.token", CATALOGUE["hang"](), times=1)
    coordinator = entry.runtime_data
    asked = asyncio.create_task(coordinator.async_refresh())
    await house.sim.arrival("dexcom.token")
    house.freezer.tick(160)
    await asked
    assert house.state("sensor", "status", entry=entry).state == "unreachable"
    assert reauths(house) == 0
    house.sim.clock.advance(timedelta(seconds=160))

    await house.pass_time(minutes=5)
    assert house.state("sensor", "status", entry=entry).state == "ok"
    assert refreshes(house) == [200]


@pytest.mark.parametrize("fault", ["cut_body", "wrong_types_top_is_list"])
async def test_an_answer_lost_on_its_way_is_one_reauth(
    house: House, entry: MockConfigEntry, fault: str
) -> None:
    """Dexcom has used the token up and we have none: nobody can help that."""
    await house.set_up(entry)
    house.sim.dexcom.expire_access_tokens()
    house.sim.faults.add("dexcom.token", CATALOGUE[fault](), times=1)
    await house.pass_time(minutes=31)
    assert reauths(house) == 0
    for _ in range(3):
        await house.pass_time(hours=1)
    assert reauths(house) == 1
    assert house.state("sensor", "status", entry=entry).state == "login_failed"


@pytest.mark.parametrize(
    "lives", ["7200", 7200.0, None, "long", -1, 0, 1e300, [1], {}, True, "nan", LONG_NUMBER]
)
async def test_a_token_is_not_thrown_away_for_how_long_it_says_it_lives(
    house: House, entry: MockConfigEntry, lives: Any
) -> None:
    """Its refresh token is the only one there is."""

    async def answer(exchange: Exchange) -> web.StreamResponse:
        token = house.sim.dexcom.grant(house.sim.dexcom.wearer("ana")) | {"expires_in": lives}
        if lives is None:
            del token["expires_in"]
        return web.json_response(token)

    await house.set_up(entry)
    house.sim.dexcom.expire_access_tokens()
    house.sim.faults.add("dexcom.token", Fault("lives", answer), times=1)
    await house.pass_time(hours=1)
    assert house.state("sensor", "status", entry=entry).state == "ok"
    for _ in range(3):
        await house.pass_time(hours=1)
        assert house.state("sensor", "status", entry=entry).state == "ok"
    assert reauths(house) == 0
    # Not with each question.
    assert len(refreshes(house)) <= 3


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
@pytest.mark.parametrize("told", ["new\r\nline", "\x07", "schlüssel", TOO_LONG, 17, ["a"], {}])
async def test_a_refresh_that_brings_what_can_be_no_token_ends_in_a_reauth(
    house: House,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    name: str,
    told: Any,
) -> None:
    """The one there was has been used up."""

    async def respond(exchange: Exchange) -> web.StreamResponse:
        answer = await exchange.proceed()
        assert isinstance(answer, web.Response)
        assert isinstance(answer.body, bytes)
        return web.json_response(orjson.loads(answer.body) | {name: told})

    await house.set_up(entry)
    house.sim.dexcom.expire_access_tokens()
    house.sim.faults.add("dexcom.token", Fault("no token", respond), times=1)
    await house.pass_time(minutes=31)
    assert house.state("sensor", "status", entry=entry).state == "unreachable"
    assert entry.data["token"][name] != told
    await house.pass_time(hours=1)
    assert house.state("sensor", "status", entry=entry).state == "login_failed"
    assert reauths(house) == 1
    assert "while asking" not in caplog.text


@pytest.mark.parametrize(
    ("lacks", "status"),
    [
        ({"refresh_token": None}, "login_failed"),
        ({"refresh_token": "a\nb"}, "login_failed"),
        ({"redirect_uri": None}, "ok"),
        ({"expires_at": None}, "ok"),
        ({"expires_at": "soon"}, "ok"),
        ({"access_token": None}, "ok"),
        ({"access_token": "a\nb"}, "ok"),
        ({"refresh_token": None, "access_token": None}, "login_failed"),
    ],
)
async def test_what_an_earlier_version_kept_is_renewed_or_asked_for(
    house: House,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    lacks: dict[str, Any],
    status: str,
) -> None:
    """None: it is not there. It took whatever a token server said."""
    token = {**entry.data["token"], **lacks, "expires_at": lacks.get("expires_at", 0)}
    token = {key: value for key, value in token.items() if value is not None}
    await house.set_up(entry)
    await house.hass.config_entries.async_unload(entry.entry_id)
    house.hass.config_entries.async_update_entry(entry, data={**entry.data, "token": token})
    await house.set_up(entry)
    assert house.state("sensor", "status", entry=entry).state == status
    assert reauths(house) == (status == "login_failed")
    assert "while asking" not in caplog.text


async def test_an_answer_may_leave_the_refresh_token_as_it_was(
    house: House, ana: Wearer, entry: MockConfigEntry
) -> None:
    async def answer(exchange: Exchange) -> web.StreamResponse:
        token = house.sim.dexcom.grant(ana)
        del token["refresh_token"]
        return web.json_response(token)

    old = entry.data["token"]["refresh_token"]
    house.sim.faults.add("dexcom.token", Fault("no refresh token", answer), times=1)
    token_expires(house, entry)
    tokens = Tokens(house.hass, entry)
    await tokens.access_token()
    assert entry.data["token"]["refresh_token"] == old
    token_expires(house, entry)
    await tokens.access_token()
    assert refreshes(house) == [200]


async def test_the_app_may_be_gone(house: House, entry: MockConfigEntry) -> None:
    data = {**entry.data, "auth_implementation": "another"}
    house.hass.config_entries.async_update_entry(entry, data=data)
    with pytest.raises(LoginEndedError, match="no credentials"):
        await Tokens(house.hass, entry).access_token()


# In the middle of a refresh.


async def poll_until_refreshing(house: House) -> None:
    """Let a poll come, which Dexcom keeps waiting for its new token."""
    moment = house.now + timedelta(minutes=31)
    house.sim.clock.set(moment)
    house.freezer.move_to(moment)
    asked = house.sim.arrival("dexcom.token")
    async_fire_time_changed(house.hass, moment)
    await asked


@pytest.fixture
async def gate(house: House, entry: MockConfigEntry) -> Gate:
    """What holds back the answer to a refresh that a poll waits for."""
    await house.set_up(entry)
    house.sim.dexcom.expire_access_tokens()
    gate = Gate()
    house.sim.faults.add("dexcom.token", gate.fault, times=1)
    await poll_until_refreshing(house)
    return gate


async def _turns(number: int = 30) -> None:
    """Give others a few turns."""
    for _ in range(number):
        await asyncio.sleep(0)


async def _with_patience_at_an_end(house: House, doing: Awaitable[Any]) -> Any:
    """Do what waits for a refresh only so long, and let that time be over."""
    task = asyncio.ensure_future(doing)
    await _turns()
    assert not task.done()
    house.freezer.tick(15)
    return await task


async def test_an_unload_waits_for_the_refresh_under_way(
    house: House, entry: MockConfigEntry, gate: Gate
) -> None:
    old = entry.data["token"]["refresh_token"]
    unloading = asyncio.create_task(house.hass.config_entries.async_unload(entry.entry_id))
    await _turns()
    gate.open()
    assert await unloading
    assert entry.data["token"]["refresh_token"] != old

    await house.set_up(entry)
    assert refreshes(house) == [200]
    assert house.state("sensor", "status", entry=entry).state == "ok"


async def test_a_reload_that_could_not_wait_takes_up_the_refresh_under_way(
    house: House, entry: MockConfigEntry, gate: Gate
) -> None:
    """Home Assistant gives whoever unloads ten seconds; Dexcom takes a minute at times."""
    old = entry.data["token"]["refresh_token"]
    await _with_patience_at_an_end(house, house.hass.config_entries.async_unload(entry.entry_id))
    setting_up = asyncio.create_task(house.hass.config_entries.async_setup(entry.entry_id))
    await _turns()
    gate.open()
    assert await setting_up
    await house.settle()

    assert refreshes(house) == [200]
    assert entry.data["token"]["refresh_token"] != old
    assert house.state("sensor", "status", entry=entry).state == "ok"
    await house.pass_time(hours=3)
    assert set(refreshes(house)) == {200}
    assert reauths(house) == 0


async def test_a_refresh_that_outlives_its_entry_fails_without_a_word(
    house: House, entry: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    await house.set_up(entry)
    house.sim.dexcom.expire_access_tokens()
    gate = Gate()

    async def fails(exchange: Exchange) -> web.StreamResponse:
        await gate._open.wait()
        return web.json_response({"error": "server_error"}, status=500)

    house.sim.faults.add("dexcom.token", Fault("late failure", fails), times=1)
    await poll_until_refreshing(house)
    unloading = asyncio.create_task(house.hass.config_entries.async_unload(entry.entry_id))
    await _turns()
    gate.open()
    assert await unloading
    await house.settle()
    assert "Traceback" not in caplog.text

    await house.set_up(entry)
    assert refreshes(house) == [200]
    assert reauths(house) == 0


@pytest.mark.parametrize("patient", [True, False])
async def test_removal_in_the_middle_of_a_refresh_leaves_no_file(
    house: House, entry: MockConfigEntry, gate: Gate, patient: bool
) -> None:
    removal = house.hass.config_entries.async_remove(entry.entry_id)
    if patient:
        removing = asyncio.create_task(removal)
        await _turns()
        gate.open()
        await removing
    else:
        await _with_patience_at_an_end(house, removal)
        gate.open()
    await house.settle()
    assert files_of(house, entry) == []


async def test_removal_leaves_no_file(house: House, entry: MockConfigEntry) -> None:
    await house.set_up(entry)
    await house.pass_time(hours=3)
    assert sorted(files_of(house, entry)) == [
        f"{DOMAIN}.{entry.entry_id}",
        f"{DOMAIN}.{entry.entry_id}.readings",
        f"{DOMAIN}.{entry.entry_id}.token",
    ]
    await house.hass.config_entries.async_remove(entry.entry_id)
    await house.settle()
    assert files_of(house, entry) == []


async def test_stopping_home_assistant_waits_for_the_refresh_under_way(
    house: House, entry: MockConfigEntry, gate: Gate
) -> None:
    old = entry.data["token"]["refresh_token"]
    stopping = asyncio.create_task(house.hass.async_stop())
    await _turns()
    gate.open()
    await stopping
    assert entry.data["token"]["refresh_token"] != old
    kept = orjson.loads(await asyncio.to_thread(token_file(house, entry).read_bytes))["data"]
    assert kept["token"]["refresh_token"] == entry.data["token"]["refresh_token"]
