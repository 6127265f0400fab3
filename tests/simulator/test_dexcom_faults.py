"""Every fault of the catalogue at every endpoint of Dexcom: it happens, and is over when it is over."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
import json
from typing import Any

import aiohttp
import pytest

from simulator import CATALOGUE
from simulator.faults import BAD_RECORDS, WRONG_TYPES

from .dexcom_client import NOW, Client, dates

HOUR = timedelta(hours=1)
DATA = {"alerts": "alerts", "egvs": "egvs", "devices": "devices", "data_range": "dataRange"}
ENDPOINTS = ["login", "token", *DATA]
STATUSES = [name for name in CATALOGUE if name[:3].isdecimal()]
SILENT = ["hang", "slow"]
BROKEN = ["reset", "cut_body"]
HALF = ["hang_body"]
APPLIED = ["applied_then_reset", "applied_then_500"]
HUGE = ["huge_body", "zip_bomb"]
PAGES = [name for name in CATALOGUE if name.startswith("page_")]
SHAPES = [name for name in CATALOGUE if name.startswith(("wrong_types_", "bad_record_"))]
USELESS = [
    *("empty_body", "empty_object", "null", "not_json", "half_json", "not_utf8", "deep_json"),
    *("wrong_content_type", "success_false"),
]


def request(dexcom: Client, endpoint: str, **options: Any) -> aiohttp.client._RequestContextManager:
    """Make a good request."""
    base = f"{dexcom.region.url}/v3"
    if endpoint == "login":
        return dexcom.session.get(f"{base}/oauth2/login", params=dexcom.query(), **options)
    if endpoint == "token":
        return dexcom.session.post(f"{base}/oauth2/token", data=dexcom.refresh_form(), **options)
    return dexcom.session.get(
        f"{base}/users/self/{DATA[endpoint]}",
        params=dates(NOW - 24 * HOUR, NOW),
        headers={"Authorization": f"Bearer {dexcom.tokens['access_token']}"},
        **options,
    )


async def is_well(dexcom: Client, endpoint: str) -> None:
    """Check that a good request is answered well, with a fresh refresh token."""
    dexcom.tokens = dexcom.region.grant(dexcom.wearer)
    async with request(dexcom, endpoint) as response:
        assert response.status == 200
        assert await response.read()


@pytest.fixture
def world(dexcom: Client) -> Client:
    """Some records."""
    for hours in (5, 4, 3):
        dexcom.wearer.add_alert("low", NOW - hours * HOUR)
        dexcom.wearer.add_egv(NOW - hours * HOUR, 66)
    return dexcom


def test_nothing_of_the_catalogue_is_left_out() -> None:
    tested = {
        *STATUSES,
        *SILENT,
        *BROKEN,
        *HALF,
        *APPLIED,
        *HUGE,
        *SHAPES,
        *USELESS,
        *PAGES,
        "redirect",
    }
    assert tested == set(CATALOGUE) - {"wrong_types", "bad_record"}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_pages(world: Client, endpoint: str, name: str) -> None:
    world.sim.faults.add(f"dexcom.{endpoint}", CATALOGUE[name](), times=1)
    async with request(world, endpoint, allow_redirects=False) as response:
        assert response.status == int(name.removeprefix("page_"))
        assert response.content_type == "text/html"
    await is_well(world, endpoint)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_statuses(world: Client, endpoint: str) -> None:
    for name in STATUSES:
        world.sim.faults.add(f"dexcom.{endpoint}", CATALOGUE[name](), times=1)
        async with request(world, endpoint) as response:
            assert response.status == int(name[:3])
            if response.status < 502:
                assert set(await response.json()) == {"error"}
    await is_well(world, endpoint)
    # A fault that comes first has spent no refresh token.
    assert len(world.region.token_log) == (endpoint == "token")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_a_400_at_the_token_endpoint_is_not_yet_a_dead_token(
    world: Client, endpoint: str
) -> None:
    world.sim.faults.add("*", CATALOGUE["400_bare"](), times=1)
    async with request(world, endpoint) as response:
        assert await response.json() == {"error": "invalid_request"}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_silence(world: Client, endpoint: str) -> None:
    for name in SILENT:
        parameters = {"seconds": 3600} if name == "slow" else {}
        world.sim.faults.add(f"dexcom.{endpoint}", CATALOGUE[name](**parameters), times=1)
        asking = asyncio.ensure_future(request(world, endpoint))
        await world.sim.arrival(f"dexcom.{endpoint}")
        # Whoever asks later is answered.
        await is_well(world, endpoint)
        assert not asking.done()
        asking.cancel()


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_broken_connections(world: Client, endpoint: str) -> None:
    for name in BROKEN:
        world.sim.faults.add(f"dexcom.{endpoint}", CATALOGUE[name]())
        with pytest.raises(aiohttp.ClientError):
            async with request(world, endpoint) as response:
                await response.read()
        world.sim.faults.clear()
        world.tokens = world.region.grant(world.wearer)
    await is_well(world, endpoint)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_half_a_body_and_then_silence(world: Client, endpoint: str) -> None:
    for name in HALF:
        world.sim.faults.add(f"dexcom.{endpoint}", CATALOGUE[name](), times=1)
        async with request(world, endpoint) as response:
            assert response.content_length
            await response.content.readexactly(response.content_length // 2)
            await is_well(world, endpoint)
            assert not response.content.is_eof()
            assert response.content.exception() is None


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_useless_and_huge_bodies(world: Client, endpoint: str) -> None:
    for name in USELESS:
        world.sim.faults.add(f"dexcom.{endpoint}", CATALOGUE[name](), times=1)
        async with request(world, endpoint) as response:
            assert response.status == 200
            body = await response.read()
        assert b"records" not in body
        assert b"access_token" not in body
    for name in HUGE:
        world.sim.faults.add(f"dexcom.{endpoint}", CATALOGUE[name](size=100_000), times=1)
        async with request(world, endpoint) as response:
            assert len(await response.read()) == 100_000
    await is_well(world, endpoint)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_redirects(world: Client, endpoint: str) -> None:
    world.sim.faults.add(f"dexcom.{endpoint}", CATALOGUE["redirect"](), times=1)
    async with request(world, endpoint) as response:
        assert response.status == 200
    assert len(world.sim.requests("elsewhere")) == 1
    await is_well(world, endpoint)


@pytest.mark.parametrize("endpoint", DATA)
async def test_wrong_shapes_of_data(world: Client, endpoint: str) -> None:
    async with request(world, endpoint) as response:
        good = await response.json()
    for name in SHAPES:
        world.sim.faults.add(f"dexcom.{endpoint}", CATALOGUE[name](), times=1)
        async with request(world, endpoint) as response:
            assert response.status == 200
            spoilt = await response.json()
        # Neither alerts nor the data range say a number.
        if name != "wrong_types_numbers_are_strings" or endpoint in ("egvs", "devices"):
            assert spoilt != good, name
    for variant in BAD_RECORDS:
        if endpoint in ("alerts", "egvs"):
            world.sim.faults.add("*", CATALOGUE[f"bad_record_{variant}"](), times=1)
            async with request(world, endpoint) as response:
                records = (await response.json())["records"]
            broken = records.pop(1)
            assert (records, broken in records) == (good["records"], False)
    await is_well(world, endpoint)


TOKEN_SHAPES: dict[str, Callable[[Any], bool]] = {
    "top_is_list": lambda body: isinstance(body, list) and "access_token" in body[0],
    "top_is_string": lambda body: isinstance(body, str),
    "data_is_list": lambda body: isinstance(body, list) and 7200 in body,
    "data_is_string": lambda body: isinstance(body, str),
    "data_is_null": lambda body: body is None,
    "data_is_empty": lambda body: body == {},
    "list_is_object": lambda body: set(body) == {"0"},
    "list_is_string": lambda body: isinstance(body, str),
    "list_is_null": lambda body: body is None,
    "records_are_strings": lambda body: isinstance(body, str),
    "records_are_lists": lambda body: isinstance(body, list),
    "records_are_null": lambda body: body is None,
    "numbers_are_strings": lambda body: body["expires_in"] == "7200",
    "strings_are_numbers": lambda body: isinstance(body["access_token"], int),
    "values_are_null": lambda body: set(body.values()) == {None},
    "values_are_lists": lambda body: body["expires_in"] == [7200],
}


async def test_wrong_shapes_of_tokens(world: Client) -> None:
    assert set(TOKEN_SHAPES) == set(WRONG_TYPES)
    for variant, is_wrong in TOKEN_SHAPES.items():
        world.sim.faults.add("dexcom.token", CATALOGUE[f"wrong_types_{variant}"](), times=1)
        async with request(world, "token") as response:
            assert response.status == 200
            assert is_wrong(await response.json()), variant
        world.tokens = world.region.grant(world.wearer)
    for variant in BAD_RECORDS:
        world.sim.faults.add("dexcom.token", CATALOGUE[f"bad_record_{variant}"](), times=1)
        async with request(world, "token") as response:
            body = await response.json()
        # Nothing in a token answer is a time.
        assert (variant == "times") == (
            isinstance(body, dict) and isinstance(body.get("access_token"), str)
        ), variant
        world.tokens = world.region.grant(world.wearer)
    await is_well(world, "token")


async def test_an_answer_lost_on_its_way_has_spent_the_token(world: Client) -> None:
    world.sim.faults.add("dexcom.token", CATALOGUE["cut_body"](), times=1)
    with pytest.raises(aiohttp.ClientPayloadError):
        async with request(world, "token") as response:
            await response.read()
    assert await world.token(world.refresh_form()) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize("fault", APPLIED)
async def test_a_token_spent_behind_a_failure(world: Client, fault: str) -> None:
    world.sim.faults.add("dexcom.token", CATALOGUE[fault](), times=1)
    with pytest.raises(aiohttp.ClientError):
        async with request(world, "token", raise_for_status=True):
            pass
    assert await world.token(world.refresh_form()) == (400, {"error": "invalid_grant"})


async def test_a_fault_stays_in_its_region(world: Client) -> None:
    world.sim.faults.add("dexcom-ous.alerts", CATALOGUE["500_bare"]())
    abroad = Client(world.sim, world.session, world.sim.dexcom.region("ous"))
    assert (await abroad.ask("alerts"))[0] == 500
    assert (await world.ask("devices"))[0] == 200
    with pytest.raises(ValueError, match=r"dexcom\.range"):
        world.sim.faults.add("dexcom.range", CATALOGUE["500_bare"]())


async def test_twenty_at_once(world: Client) -> None:
    """Of twenty that refresh with one token, one is lucky."""
    answers = await asyncio.gather(*(world.token(world.refresh_form()) for _ in range(20)))
    assert sorted(status for status, _ in answers) == [200] + [400] * 19
    assert json.dumps([entry.status for entry in world.region.token_log]).count("200") == 1
