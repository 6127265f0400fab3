"""Freshness of each person: whoever is live is not called late because somebody else is, and what is wrong shows at whom."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from homeassistant.components.logbook.helpers import _is_state_filtered
from homeassistant.core import Event, EventStateChangedData, callback
from hypothesis import given, strategies as st
import pytest

from custom_components.care_alerts.alerts.freshness import (
    DataFreshness,
    Status,
    evaluate,
    of_source,
)
from simulator.faults import status
from simulator.tidepool import Child
from tests.alerts.build import hour
from tests.test_logbook import Lines

from .conftest import Follower
from .test_watching import fails_for, silence


async def with_tom(follower: Follower) -> Child:
    """Jill is live; Tom's phone uploads an hour and a half late."""
    tom = follower.house.sim.tidepool.add_child("Tom")
    tom.share_with(follower.account)
    tom.set_settings(
        follower.account, {"low": {"enabled": True, "threshold": {"units": "mg/dL", "value": 70}}}
    )
    for minutes in range(-240, 600, 5):
        time = follower.house.now + timedelta(minutes=minutes)
        tom.add_reading(time, 6.0, uploaded_at=time + timedelta(minutes=90))
    follower.reads(100)
    await follower.start()
    return tom


def shown(follower: Follower, person: Child, key: str = "silent") -> Any:
    """A person's `silent` with its attributes."""
    return follower.house.state("binary_sensor", key, person.user_id, follower.entry)


def reach(follower: Follower, person: Child | None = None) -> datetime:
    """How far the data of somebody reach, or of the source."""
    person_id = person.user_id if person else None
    return datetime.fromisoformat(
        follower.house.state("sensor", "data_through", person_id, follower.entry).state
    )


async def test_somebody_late_says_nothing_of_somebody_live(follower: Follower) -> None:
    """Each reaches as far as their own data, and the source as far as the worst of them, by name."""
    house = follower.house
    silences = silence(follower)
    tom = await with_tom(follower)
    for _ in range(30):
        follower.reads(100)
        await house.pass_time(minutes=5)
    assert house.now - reach(follower, follower.jill) <= timedelta(minutes=10)
    assert house.now - reach(follower, tom) >= timedelta(minutes=90)
    assert reach(follower) == reach(follower, tom)
    through = house.state("sensor", "data_through", entry=follower.entry)
    assert through.attributes["people"] == ["Tom"]
    for person in (follower.jill, tom):
        assert shown(follower, person).state == "off"
        assert shown(follower, person).attributes["status"] == "ok"
    assert silences == []
    # Jill falls silent: she is, he is not.
    for _ in range(8):
        await house.pass_time(minutes=5)
    assert shown(follower, follower.jill).state == "on"
    assert shown(follower, follower.jill).attributes["reason"] == "no_new_data"
    assert shown(follower, tom).state == "off"
    source = house.state("binary_sensor", "silent", entry=follower.entry)
    assert (source.state, source.attributes["people"]) == ("on", ["Jill"])
    assert house.state("sensor", "status", entry=follower.entry).attributes["people"] == ["Jill"]


@pytest.mark.parametrize(
    ("endpoint", "code", "reason"),
    [
        ("tidepool.data", 503, "unreachable"),
        ("*", 503, "unreachable"),
        ("*", 429, "rate_limited"),
        ("*", 401, "login_failed"),
    ],
)
async def test_what_is_wrong_with_all_shows_at_each(
    follower: Follower, endpoint: str, code: int, reason: str
) -> None:
    """At once, with its cause, long before anybody is overdue; and it goes by itself."""
    house = follower.house
    tom = await with_tom(follower)
    follower.reads(100)
    await house.pass_time(minutes=5)
    house.sim.faults.add(endpoint, status(code))
    for _ in range(3):
        follower.reads(100)
        await house.pass_time(minutes=5)
    for person in (follower.jill, tom):
        assert shown(follower, person).attributes["status"] == reason
    assert shown(follower, tom).state == "off"
    assert follower.of_source("sensor", "status") == reason
    house.sim.faults.clear()
    # A password that was refused twice is sent again after a day.
    until = (
        timedelta(days=1, hours=1) if reason == "login_failed" else timedelta(hours=1, minutes=15)
    )
    await house.pass_time(seconds=(until - timedelta(minutes=15)).total_seconds())
    for _ in range(3):
        follower.reads(100)
        await house.pass_time(minutes=5)
    assert shown(follower, follower.jill).attributes["status"] == "ok"


async def test_what_is_wrong_with_one_shows_at_that_one(follower: Follower) -> None:
    house = follower.house
    tom = await with_tom(follower)
    for _ in range(2):
        follower.reads(100)
        await house.pass_time(minutes=5)
    tom.change_permissions(follower.account, [])
    for _ in range(16):
        follower.reads(100)
        await house.pass_time(minutes=5)
    assert shown(follower, tom).attributes["status"] == "permission_lost"
    assert shown(follower, tom).state == "on"
    assert shown(follower, follower.jill).attributes["status"] == "ok"
    assert shown(follower, follower.jill).state == "off"
    assert follower.of_source("sensor", "status") == "permission_lost"
    assert house.state("sensor", "status", entry=follower.entry).attributes["people"] == ["Tom"]


async def test_what_was_said_of_one_is_believed_no_longer_than_of_that_one(
    follower: Follower,
) -> None:
    """Only Tom's readings are not to be had: his go after an hour, hers stay."""
    house = follower.house
    tom = await with_tom(follower)
    follower.reads(100)
    await house.pass_time(minutes=5)

    house.sim.faults.add("tidepool.data", fails_for(tom.user_id))
    for _ in range(14):
        follower.reads(100)
        await house.pass_time(minutes=5)
    assert shown(follower, tom).attributes["status"] == "unreachable"
    assert house.state("binary_sensor", "low", tom.user_id, follower.entry).state == "unavailable"
    assert follower.state("binary_sensor", "low").state == "off"
    assert shown(follower, follower.jill).attributes["status"] == "ok"


async def test_somebody_new_is_not_late_before_it_is_known(follower: Follower) -> None:
    """An app that uploads nothing younger than a quarter: its first low is one to wake people for."""
    house = follower.house
    for ago in range(240, 15, -5):
        follower.reads(100, ago=ago, after=60 * min(ago - 1, 20))
    await follower.start()
    uploaded_at = house.now + timedelta(minutes=36)
    for minutes in range(2, 22, 5):
        time = house.now + timedelta(minutes=minutes)
        follower.jill.add_reading(time, 2.8, uploaded_at=uploaded_at)
    for _ in range(40):
        await house.pass_time(minutes=1)
    (low,) = [one for one in follower.announced if one.attributes["event_type"] == "urgent_low"]
    assert low.attributes["late"] is False


# Of any people.

_TROUBLE = [one for one in Status if one not in (Status.OK, Status.NO_NEW_DATA)]

freshnesses = st.builds(
    DataFreshness,
    data_through=st.none() | st.integers(0, 10).map(hour),
    next_due=st.integers(5, 15).map(hour),
    valid_until=st.integers(10, 20).map(hour),
    trouble=st.none() | st.sampled_from(_TROUBLE),
    delay=st.none() | st.integers(0, 300).map(lambda minutes: timedelta(minutes=minutes)),
)


@given(
    st.dictionaries(st.sampled_from("abc"), freshnesses, min_size=1),
    st.integers(0, 20).map(hour),
    st.none() | st.sampled_from(_TROUBLE),
)
def test_a_source_is_as_its_worst_person(
    people: dict[str, DataFreshness], now: datetime, failure: Status | None
) -> None:
    def fresh(data: DataFreshness | None) -> Any:
        return evaluate(now, data, failure=failure, last_contact=None)

    theirs = {who: fresh(data) for who, data in people.items()}
    # It answers, and would for long be waited for.
    own = DataFreshness(data_through=hour(21), next_due=hour(30), valid_until=hour(30))
    source = of_source(fresh(own), theirs)
    assert source.silent == any(one.silent for one in theirs.values())
    assert source.silent_people == {who for who, one in theirs.items() if one.silent}
    worst = max((one.status for one in theirs.values()), key=_rank)
    assert source.status is worst
    assert source.troubled_people == (
        {who for who, one in theirs.items() if one.status is worst}
        if failure is None and worst is not Status.OK
        else set()
    )
    reached = [one.data_through for one in theirs.values() if one.data_through]
    assert source.data_through == min(reached, default=hour(21))
    assert source.believable == any(one.believable for one in theirs.values())


def test_what_is_so_of_all_is_nobodys() -> None:
    """A source that tells nothing of anybody names nobody: there may be 25."""
    data = DataFreshness(data_through=hour(1), next_due=hour(2), valid_until=hour(9))
    one = evaluate(hour(3), data, failure=None, last_contact=None)
    source = of_source(one, {"a": one, "b": one})
    assert (source.silent, source.status) == (True, Status.NO_NEW_DATA)
    assert not source.silent_people | source.troubled_people | source.furthest_behind


_rank: Callable[[Status], int] = list(Status).index


async def test_half_an_hour_of_readings_gives_activity_no_line(follower: Follower) -> None:
    hass = follower.house.hass
    await follower.is_known()
    await follower.start()
    lines: list[str] = []

    @callback
    def hear(event: Event[EventStateChangedData]) -> None:
        old, new = event.data["old_state"], event.data["new_state"]
        if old and new and not _is_state_filtered(new, old):
            lines.append(f"{new.entity_id}: {new.state}")

    hass.bus.async_listen("state_changed", hear)
    ours = Lines(hass)
    reading = follower.state("sensor", "last_reading").state
    reached = follower.state("sensor", "data_through").state
    await follower.reads_on(100, 100, 100, 100, 100, 100)
    assert follower.state("sensor", "last_reading").state > reading
    assert follower.state("sensor", "data_through").state > reached
    assert lines == []
    assert ours.told == []
