"""Every fault of the catalogue, as a plain client sees it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
import json
import re
from typing import Any
import zlib

import aiohttp
from freezegun.api import FrozenDateTimeFactory
import pytest

from simulator import CATALOGUE, Fault, Simulator
from simulator.faults import BAD_RECORDS, WRONG_TYPES, Exchange

NOW = datetime(2026, 5, 5, 9, tzinfo=UTC)
STATUSES = [400, 401, 403, 404, 409, 429, 500, 502, 503, 504]
PAGES = [302, 401, 403, 405, 407, 451, 511]
ENDPOINTS = {
    "lumen.alerts": "alerts",
    "lumen.identity_mappings": "identity-mappings",
}


class World:
    """A running simulator and a client."""

    def __init__(self, sim: Simulator, session: aiohttp.ClientSession) -> None:
        """Let three people have an alert each."""
        self.sim = sim
        self.session = session
        account = sim.lumen.default
        for number in range(3):
            person = account.add_person(f"user{number}@example.com")
            account.add_alert(person, date(2026, 5, 4), "WEIGHT", "TOO_FAST")

    def get(
        self, endpoint: str = "lumen.alerts", **options: Any
    ) -> aiohttp.client._RequestContextManager:
        """Ask an endpoint."""
        return self.session.get(
            f"{self.sim.lumen.url}/partners/v1/{ENDPOINTS[endpoint]}",
            headers={"X-Partner-Api-Key": self.sim.lumen.api_key},
            **options,
        )

    async def good(self, endpoint: str = "lumen.alerts") -> Any:
        """Return the JSON of a good answer."""
        async with self.get(endpoint) as response:
            assert response.status == 200
            return await response.json()


@pytest.fixture
async def world(socket_enabled: None) -> AsyncIterator[World]:
    """Return a world that stands still."""
    async with Simulator(NOW, 0) as sim, aiohttp.ClientSession() as session:
        yield World(sim, session)


def watched(fault: Fault) -> tuple[Fault, asyncio.Event, asyncio.Event]:
    """Return a fault that says when it begins and when it is over."""
    begun, over = asyncio.Event(), asyncio.Event()

    async def respond(exchange: Exchange) -> aiohttp.web.StreamResponse:
        begun.set()
        try:
            return await fault.respond(exchange)
        finally:
            over.set()

    return Fault(fault.name, respond), begun, over


def test_the_catalogue_holds_what_is_tested_here() -> None:
    assert set(CATALOGUE) == (
        {f"{s}_{form}" for s in STATUSES for form in ("bare", "seconds", "http_date")}
        | {f"429_{form}" for form in ("garbage", "negative", "past", "enormous")}
        | {"slow", "hang", "hang_body", "reset", "cut_body", "huge_body", "zip_bomb"}
        | {"applied_then_reset", "applied_then_500"}
        | {f"page_{status}" for status in PAGES}
        | {"wrong_content_type", "redirect", "success_false", *USELESS}
        | {"wrong_types", *(f"wrong_types_{name}" for name in WRONG_TYPES)}
        | {"bad_record", *(f"bad_record_{name}" for name in BAD_RECORDS)}
    )
    for name, make in CATALOGUE.items():
        assert make().name.startswith(name)


@pytest.mark.parametrize("form", ["bare", "seconds", "http_date"])
@pytest.mark.parametrize("status", STATUSES)
async def test_status(world: World, status: int, form: str) -> None:
    for endpoint in ENDPOINTS:
        world.sim.faults.add(endpoint, CATALOGUE[f"{status}_{form}"](), times=1)
        async with world.get(endpoint) as response:
            assert response.status == status
            retry_after = response.headers.get("Retry-After")
            if status < 502:
                body = await response.json()
                assert body["success"] is False
                assert re.fullmatch("[A-Z_]+", body["error"]["code"])
            else:
                assert response.content_type == "text/html"
        match form:
            case "bare":
                assert retry_after is None
            case "seconds":
                assert retry_after == "120"
            case "http_date":
                assert retry_after is not None
                assert parsedate_to_datetime(retry_after) == NOW + timedelta(minutes=2)
                assert parsedate_to_datetime(response.headers["Date"]) == NOW
        assert world.sim.requests(endpoint)[0].status == status
        assert (await world.good(endpoint))["success"] is True


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("429_garbage", "soon"),
        ("429_negative", "-5"),
        ("429_past", "Wed, 21 Oct 2015 07:28:00 GMT"),
        ("429_enormous", "9" * 30),
    ],
)
async def test_retry_after_of_no_use(world: World, name: str, value: str) -> None:
    world.sim.faults.add("*", CATALOGUE[name]())
    async with world.get() as response:
        assert (response.status, response.headers["Retry-After"]) == (429, value)


USELESS: dict[str, bytes] = {
    "empty_body": b"",
    "empty_object": b"{}",
    "null": b"null",
    "not_json": b"Service is fine, thank you.",
    "half_json": b'{"success":true,"data":{',
    "not_utf8": b'{"success":true,"data":"\xff\xfe"}',
    "deep_json": b"[" * 100_000 + b"]" * 100_000,
}


@pytest.mark.parametrize("name", USELESS)
async def test_a_body_of_no_use(world: World, name: str) -> None:
    world.sim.faults.add("*", CATALOGUE[name]())
    async with world.get() as response:
        assert (response.status, response.content_type) == (200, "application/json")
        assert await response.read() == USELESS[name]


@pytest.mark.parametrize("status", PAGES)
async def test_pages(world: World, status: int) -> None:
    world.sim.faults.add("*", CATALOGUE[f"page_{status}"](), times=1)
    async with world.get(allow_redirects=False) as response:
        assert (response.status, response.content_type) == (status, "text/html")
        assert (await response.text()).startswith("<!DOCTYPE html>")
    assert (await world.good())["success"] is True


async def test_login_page(world: World) -> None:
    world.sim.faults.add("*", CATALOGUE["wrong_content_type"]())
    async with world.get() as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert "sign in" in await response.text()


async def test_success_false(world: World) -> None:
    world.sim.faults.add("*", CATALOGUE["success_false"]())
    assert (await world.good())["error"]["code"] == "INTERNAL_ERROR"


async def test_slow_is_right_but_late(world: World) -> None:
    world.sim.faults.add("*", CATALOGUE["slow"](seconds=0.01), times=1)
    assert len((await world.good())["data"]["alerts"]) == 3


@pytest.mark.parametrize("name", ["hang", "slow"])
async def test_silence_lasts_until_the_client_goes(world: World, name: str) -> None:
    fault, begun, over = watched(CATALOGUE[name](**({"seconds": 3600} if name == "slow" else {})))
    world.sim.faults.add("lumen.alerts", fault)
    asking = asyncio.create_task(world.good())
    await begun.wait()
    # Whoever asks later for something else is answered.
    await world.good("lumen.identity_mappings")
    assert not over.is_set()
    asking.cancel()
    await over.wait()
    assert world.sim.log[0].status is None


async def test_a_time_out_while_time_is_frozen(
    world: World, freezer: FrozenDateTimeFactory
) -> None:
    world.sim.faults.add("*", CATALOGUE["hang"](), times=1)

    async def ask() -> None:
        async with world.get(timeout=aiohttp.ClientTimeout(30)):
            pass

    asking = asyncio.create_task(ask())
    entry = await world.sim.arrival("lumen.alerts")
    assert entry.at == NOW
    freezer.tick(31)
    with pytest.raises(TimeoutError):
        await asking
    assert len((await world.good())["data"]["alerts"]) == 3


@pytest.mark.parametrize("name", ["hang", "hang_body"])
async def test_silence_ends_with_the_server(world: World, name: str) -> None:
    fault, begun, _ = watched(CATALOGUE[name]())
    world.sim.faults.add("*", fault)

    async def ask() -> None:
        async with world.get() as response:
            await response.read()

    asking = asyncio.create_task(ask())
    await begun.wait()
    await world.sim.stop()
    with pytest.raises(aiohttp.ClientError):
        await asking


async def test_reset(world: World) -> None:
    # Until cleared: aiohttp itself asks once more after a lost connection.
    world.sim.faults.add("*", CATALOGUE["reset"]())
    with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)) as error:
        await world.good()
    assert not isinstance(error.value, aiohttp.ClientConnectorError)
    assert {entry.status for entry in world.sim.log} == {None}


async def test_cut_body(world: World) -> None:
    world.sim.faults.add("*", CATALOGUE["cut_body"](), times=1)
    async with world.get() as response:
        assert (response.status, world.sim.log[0].status) == (200, 200)
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_hang_body_sends_half(world: World) -> None:
    whole = json.dumps(await world.good(), separators=(",", ":"))
    world.sim.faults.add("*", CATALOGUE["hang_body"]())
    async with world.get() as response:
        half = await response.content.readany()
        assert whole.encode().startswith(half)
        assert response.content_length == len(whole)


@pytest.mark.parametrize("name", ["huge_body", "zip_bomb"])
async def test_huge_body_is_json(world: World, name: str) -> None:
    world.sim.faults.add("*", CATALOGUE[name](size=3_000_000))
    async with world.get() as response:
        body = await response.read()
    assert len(body) == 3_000_000
    assert json.loads(body)["success"] is True


async def test_zip_bomb_is_small_on_the_wire(world: World) -> None:
    world.sim.faults.add("*", CATALOGUE["zip_bomb"](size=3_000_000))
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        world.session = session
        async with world.get() as response:
            body = await response.read()
    assert len(body) < 30_000
    assert len(zlib.decompress(body, wbits=31)) == 3_000_000


async def test_huge_body_ends_when_the_client_goes(world: World) -> None:
    fault, _, over = watched(CATALOGUE["huge_body"](size=2**50))
    world.sim.faults.add("*", fault)
    async with world.get() as response:
        await response.content.readexactly(100_000)
        response.close()
    await over.wait()


async def test_huge_body_ends_with_the_server(world: World) -> None:
    world.sim.faults.add("*", CATALOGUE["huge_body"](size=2**50))
    async with world.get() as response:
        await response.content.readexactly(100_000)
        await world.sim.stop()


async def test_redirect_shows_whether_the_key_followed(world: World) -> None:
    world.sim.faults.add("*", CATALOGUE["redirect"]())
    async with world.get(allow_redirects=False) as response:
        assert response.status == 302
    assert world.sim.requests("elsewhere") == []
    async with world.get() as response:
        assert response.status == 200
    (followed,) = world.sim.requests("elsewhere")
    assert "x-partner-api-key" in followed.headers


def records_of(body: Any) -> list[Any]:
    """Return the records of a Lumen answer."""
    records = body["data"].get("alerts", body["data"].get("mappings"))
    assert isinstance(records, list)
    return records


SHAPES: dict[str, Callable[[Any], bool]] = {
    "top_is_list": lambda body: isinstance(body, list),
    "top_is_string": lambda body: isinstance(body, str),
    "data_is_list": lambda body: isinstance(body["data"], list),
    "data_is_string": lambda body: isinstance(body["data"], str),
    "data_is_null": lambda body: body["data"] is None,
    "data_is_empty": lambda body: body["data"] == {},
    "list_is_object": lambda body: any(
        isinstance(value, dict) and len(value) == 3 for value in body["data"].values()
    ),
    "list_is_string": lambda body: "records" in body["data"].values(),
    "list_is_null": lambda body: None in body["data"].values(),
    "records_are_strings": lambda body: records_of(body) == ["record"] * 3,
    "records_are_lists": lambda body: all(isinstance(record, list) for record in records_of(body)),
    "records_are_null": lambda body: records_of(body) == [None] * 3,
    "numbers_are_strings": lambda body: all(
        isinstance(record.get("details", {}).get("logsUsed", ""), str)
        for record in records_of(body)
    ),
    "strings_are_numbers": lambda body: all(
        isinstance(record["sharedUserId"], int) for record in records_of(body)
    ),
    "values_are_null": lambda body: all(
        record["sharedUserId"] is None for record in records_of(body)
    ),
    "values_are_lists": lambda body: all(
        isinstance(record["sharedUserId"], list) for record in records_of(body)
    ),
}


@pytest.mark.parametrize("variant", SHAPES)
async def test_wrong_types(world: World, variant: str) -> None:
    assert set(SHAPES) == set(WRONG_TYPES)
    for endpoint in ENDPOINTS:
        good = await world.good(endpoint)
        world.sim.faults.add(endpoint, CATALOGUE[f"wrong_types_{variant}"](), times=1)
        assert SHAPES[variant](await world.good(endpoint))
        assert await world.good(endpoint) == good


@pytest.mark.parametrize("variant", BAD_RECORDS)
async def test_bad_record(world: World, variant: str) -> None:
    for endpoint in ENDPOINTS:
        good = records_of(await world.good(endpoint))
        world.sim.faults.add(endpoint, CATALOGUE[f"bad_record_{variant}"]())
        spoilt = records_of(await world.good(endpoint))
        assert len(spoilt) == 4
        broken = spoilt.pop(1)
        assert spoilt == good
        assert broken not in good


async def test_bad_record_alone_when_there_is_no_good_one(world: World) -> None:
    world.sim.lumen.reset()
    world.sim.faults.add("*", CATALOGUE["bad_record_null"]())
    assert records_of(await world.good()) == [None]


async def test_an_error_stays_as_it_is(world: World) -> None:
    world.sim.faults.add("*", CATALOGUE["bad_record"]())
    async with world.get(params={"date": "never"}) as response:
        assert response.status == 400
        assert (await response.json())["error"]["code"] == "INVALID_INPUT"


async def test_faults_are_met_in_order_each_as_often_as_told(world: World) -> None:
    faults = world.sim.faults
    faults.add("lumen.alerts", CATALOGUE["500_bare"](), times=2)
    faults.add("*", CATALOGUE["429_bare"]())
    seen = []
    for endpoint in ("lumen.alerts", "lumen.identity_mappings") * 3:
        async with world.get(endpoint) as response:
            seen.append(response.status)
    assert seen == [500, 429, 500, 429, 429, 429]
    assert [(active.fault.name, active.hits) for active in faults] == [("429_bare", 4)]
    faults.clear("lumen.alerts")
    assert len(list(faults)) == 1
    faults.clear()
    assert (await world.good())["success"] is True


async def test_a_fault_that_could_never_happen_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match=r"lumen\.alert'"):
        world.sim.faults.add("lumen.alert", CATALOGUE["hang"]())
    with pytest.raises(ValueError, match="once"):
        world.sim.faults.add("*", CATALOGUE["hang"](), times=0)
