"""Readings in batches or rarely, dips as long as the delay, and somebody who takes long: in a real house."""

import asyncio
from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

from aiohttp import web
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNKNOWN
from homeassistant.core import Event, callback
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.care_alerts.sources.tidepool.asking import AT_ONCE
from simulator import Fault
from simulator.faults import Exchange
from simulator.tidepool.children import xdrip

from .conftest import Follower
from .uploads import HOUR, MINUTE


def heard(follower: Follower, *events: str) -> list[Event[Any]]:
    """What the house is told from now on."""
    told: list[Event[Any]] = []

    @callback
    def hear(event: Event[Any]) -> None:
        told.append(event)

    for event in events:
        follower.house.hass.bus.async_listen(f"care_alerts_{event}", hear)
    return told


@pytest.mark.parametrize(
    "how",
    [
        {"batch": 20 * MINUTE, "youngest": 15 * MINUTE, "by": xdrip()},
        {"batch": HOUR},
        {"every": 15 * MINUTE},
        {"every": MINUTE},
        {"every": 30 * MINUTE, "batch": 45 * MINUTE},
    ],
    ids=[
        "20 minutes, none younger than 15",
        "an hour",
        "every 15",
        "every minute",
        "every 30, 45 minutes",
    ],
)
async def test_whoever_uploads_in_their_own_way_is_not_silent(
    follower: Follower, how: dict[str, Any]
) -> None:
    """Of somebody new, in the six hours after the set-up; once nothing comes any more, it is told."""
    house, told = follower.house, heard(follower, "source_silent", "source_recovered")
    end = house.now + 6 * HOUR
    follower.jill.feed(lambda _: 6.0, house.now - 3 * HOUR, end, loop=False, **how)
    await follower.start()
    shown = 0
    while house.now < end:
        await house.pass_time(minutes=2)
        shown += follower.state("sensor", "glucose").state != STATE_UNKNOWN
    assert told == []
    assert follower.announced == []
    assert follower.of_source("binary_sensor", "silent") == STATE_OFF
    last = follower.state("sensor", "last_reading")
    assert last.state > (end - 2 * HOUR).isoformat()
    # Also of who sends nothing that is *now*: with its time, and marked.
    assert shown > 120
    glucose = follower.state("sensor", "glucose")
    if how.get("youngest"):
        assert glucose.attributes["stale"] is True
        assert glucose.attributes["observed_at"].isoformat() == last.state
    while house.now < end + 4 * HOUR:
        await house.pass_time(minutes=10)
    assert [one.event_type for one in told] == ["care_alerts_source_silent"]
    assert [one.attributes["event_type"] for one in follower.announced] == ["no_communication"]
    assert follower.state("sensor", "glucose").state == STATE_UNKNOWN


async def test_the_cadence_is_known_after_a_restart(follower: Follower) -> None:
    house = follower.house
    follower.jill.feed(
        lambda _: 6.0, house.now - 3 * HOUR, house.now + 12 * HOUR, loop=False, batch=40 * MINUTE
    )
    await follower.start()
    for _ in range(60):
        await house.pass_time(minutes=4)
    known = follower.entry.runtime_data.source.followed[follower.jill.user_id].cadence
    await house.hass.config_entries.async_reload(follower.entry.entry_id)
    await house.settle()
    again = follower.entry.runtime_data.source.followed[follower.jill.user_id].cadence
    assert again is not known
    assert again.usual_age == known.usual_age
    assert again.usual_age > 30 * MINUTE


@pytest.mark.parametrize("readings", [2, 3])
async def test_a_dip_as_long_as_the_delay_is_not_told(follower: Follower, readings: int) -> None:
    """The reading that ends it was on the server eight seconds after the delay was over."""
    house = follower.house
    values = [90, 90, 90, 90, *[65] * readings, 90, 90]
    for number, mg_dl in enumerate(values):
        time = house.now + number * 5 * MINUTE
        follower.jill.add_reading(time, mg_dl / 18.01559, uploaded_at=time + timedelta(seconds=8))
    await follower.start()
    for _ in range(len(values) * 60):
        await house.pass_time(seconds=5)
    told = [one.attributes["event_type"] for one in follower.announced]
    assert told == ["low"] * (readings - 2)


@pytest.fixture
def go_on() -> Generator[asyncio.Event]:
    """What slow answers wait for; a test that fails leaves none waiting."""
    event = asyncio.Event()
    yield event
    event.set()


def slow(is_meant: Callable[[Exchange], bool], go_on: asyncio.Event) -> Fault:
    """Keep some waiting until `go_on` is set."""

    async def answer(exchange: Exchange) -> web.StreamResponse:
        if is_meant(exchange):
            await go_on.wait()
        return await exchange.proceed()

    return Fault("slow", answer)


def move(follower: Follower, **amount: float) -> None:
    """Let time pass and all that is due begin, without waiting for any of it."""
    house = follower.house
    moment = house.now + timedelta(**amount)
    house.sim.clock.set(moment)
    house.freezer.move_to(moment)
    async_fire_time_changed(house.hass, moment)


async def comes(condition: Callable[[], Any]) -> bool:
    """Whether something comes true while others have their turns: a second of them, or more."""
    for _ in range(20_000):
        if condition():
            return True
        await asyncio.sleep(0)
    return False


async def test_one_slow_person_keeps_nobody_waiting(
    follower: Follower, go_on: asyncio.Event
) -> None:
    """Whoever becomes due meanwhile is asked for; what is read is shown and announced."""
    house = follower.house
    tom = house.sim.tidepool.add_child("Tom")
    tom.share_with(follower.account)
    tom.add_reading(house.now - timedelta(seconds=20), 6.0)
    follower.reads(90)
    await follower.start()
    house.sim.faults.add("tidepool.data", slow(lambda one: tom.user_id in one.request.path, go_on))
    tom.add_reading(house.now + 4 * MINUTE + timedelta(seconds=50), 6.0)
    follower.jill.add_reading(house.now + 5 * MINUTE, 2.8)
    toms = house.sim.arrival("tidepool.data")
    move(follower, minutes=4, seconds=57)
    await toms
    move(follower, seconds=20)
    assert await comes(lambda: follower.announced)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON
    assert float(follower.state("sensor", "glucose").state) == pytest.approx(50.4, abs=0.1)
    go_on.set()
    await house.settle()
    assert [one.attributes["event_type"] for one in follower.announced] == ["urgent_low"]
    # Nor afterwards: the next is asked for as soon as it is due.
    follower.jill.add_reading(house.now + 4 * MINUTE + timedelta(seconds=43), 2.6)
    await house.pass_time(minutes=5)
    assert float(follower.state("sensor", "glucose").state) == pytest.approx(46.8, abs=0.1)


async def test_only_so_many_are_asked_for_at_a_time(
    follower: Follower, go_on: asyncio.Event
) -> None:
    house = follower.house
    for number in range(2 * AT_ONCE):
        house.sim.tidepool.add_child(f"Child {number}").share_with(follower.account)
    await follower.start()
    asked: list[str] = []

    def ask(exchange: Exchange) -> bool:
        asked.append(exchange.request.path)
        return True

    house.sim.faults.add("tidepool.data", slow(ask, go_on))
    move(follower, minutes=6)
    assert await comes(lambda: len(asked) == AT_ONCE)
    assert not await comes(lambda: len(asked) > AT_ONCE)
    go_on.set()
    await house.settle()
    assert len(set(asked)) == 2 * AT_ONCE + 1


async def test_a_login_that_is_refused_is_refused_once_for_all(follower: Follower) -> None:
    house = follower.house
    for number in range(4):
        child = house.sim.tidepool.add_child(f"Child {number}")
        child.share_with(follower.account)
        child.add_reading(house.now, 6.0)
    follower.reads(90)
    await follower.start()
    follower.account.kill_sessions()
    follower.account.change_password("another")
    await house.pass_time(minutes=5, seconds=30)
    # Once, and once more to be sure.
    refused = [one for one in house.sim.requests("tidepool.login") if one.status == 401]
    assert len(refused) == 2
    assert follower.of_source("sensor", "status") == "login_failed"
