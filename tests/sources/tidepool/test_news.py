"""What is news of somebody who is followed from now on: all that was not in the first answer; and what of it is late."""

from datetime import datetime, timedelta
from typing import Any

from homeassistant.const import STATE_ON
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st
import pytest

from tests.conftest import NOON
from tests.test_logbook import Lines

from .conftest import Follower
from .test_evaluator import Night, alert_settings, at, minute_of, reading, series


def urgent(follower: Follower) -> list[dict[str, Any]]:
    """The urgent lows that the house was told of."""
    told = [one.attributes for one in follower.announced]
    return [dict(one) for one in told if one["event_type"] == "urgent_low"]


@pytest.mark.parametrize("newest", [5, 16, 30, 55, 120, 600])
@pytest.mark.parametrize("minutes", [0, 3])
async def test_an_urgent_low_uploaded_after_the_set_up_that_goes_on_is_told(
    follower: Follower, newest: int, minutes: int
) -> None:
    """However old the newest reading was at the set-up, and wherever in the gap the low began."""
    house = follower.house
    for ago in range(newest, newest + 60, 5):
        follower.reads(100, ago=ago)
    await follower.start()
    await house.pass_time(minutes=minutes)
    lows = min(newest, 30)
    for n, ago in enumerate(range(lows - 5, -1, -5)):
        time = house.now - timedelta(minutes=ago)
        follower.jill.add_reading(time, (54 - n) / 18.01559, uploaded_at=house.now)
    for _ in range(12):
        await house.pass_time(seconds=30)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON
    (alert,) = urgent(follower)
    assert alert["late"] is False
    await follower.reads_on(45, 44, 100)
    assert len(urgent(follower)) == 1


async def test_what_was_over_before_the_set_up_and_comes_after_it_is_told_late(
    follower: Follower,
) -> None:
    house = follower.house
    follower.reads(100, ago=180)
    await follower.start()
    began = NOON - timedelta(minutes=150)
    for ago, mg_dl in ((150, 50), (145, 50), (140, 90), (5, 100)):
        time = NOON - timedelta(minutes=ago)
        follower.jill.add_reading(time, mg_dl / 18.01559, uploaded_at=NOON + timedelta(minutes=2))
    for _ in range(12):
        await house.pass_time(seconds=30)
    (alert,) = urgent(follower)
    assert (alert["observed_at"], alert["late"]) == (began.isoformat(), True)


async def test_what_the_first_answer_held_is_never_news(follower: Follower) -> None:
    """Not after a restart, which asks further back than the first answer did; not by other thresholds, either."""
    house = follower.house
    for minutes_ago, mg_dl in ((25, 50), (20, 90), (19.5, 50), (19.2, 90), (19.1, 65), (19, 90)):
        follower.reads(mg_dl, ago=minutes_ago * 60)
    follower.reads(90, ago=24.5 * 60)
    await follower.start()
    low = {**follower.settings["low"], "threshold": {"units": "mg/dL", "value": 80}, "delay": 0}
    follower.jill.set_settings(follower.account, {**follower.settings, "low": low})
    await follower.call("get_alert_thresholds")
    for _ in range(2):
        await house.hass.config_entries.async_reload(follower.entry.entry_id)
        await house.settle()
    assert follower.announced == []


@given(
    newest=st.integers(0, 300),
    values=st.lists(st.sampled_from([50, 50, 90]), min_size=1, max_size=40),
    uploads=st.lists(st.tuples(st.integers(1, 60), st.integers(1, 20)), min_size=1, max_size=6),
    known=st.lists(st.sampled_from([50, 90, 90]), min_size=1, max_size=10),
)
@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_comes_after_the_first_answer(
    newest: int, values: list[int], uploads: list[tuple[int, int]], known: list[int]
) -> None:
    """Every urgent low that has a reading of after the first answer is told; what the first answer held is not."""
    setup = 1000
    first = [
        reading(setup - newest - 5 * ago, mg_dl) for ago, mg_dl in enumerate(reversed([90, *known]))
    ]
    night = Night(alert_settings("urgent_low", 55))
    night.evaluate(setup, *first)
    history = len(night.told)
    later = series(setup - newest + 5, *values)
    minute, rest = setup, later
    for gap, size in [*uploads, (1, len(later))]:
        minute += gap
        batch, rest = rest[:size], rest[size:]
        # Not from the future.
        while batch and batch[-1].time > at(minute):
            minute += 5
        night.evaluate(minute, *batch)
    everything = sorted([*first, *later], key=lambda one: one.time)
    episodes: list[list[datetime]] = []
    before = None
    for one in everything:
        low = one.value < 4
        if low and (before is None or not before):
            episodes.append([])
        if low:
            episodes[-1].append(one.time)
        before = low
    known_to = first[0].time
    told = [datetime.fromisoformat(alert.details["started"]) for alert in night.told[history:]]
    assert len({alert.alert_id for alert in night.told}) == len(night.told)
    for episode in episodes:
        alerts = [one for one in told if episode[0] <= one <= episode[-1]]
        if episode[-1] <= known_to:
            assert alerts == [], [minute_of(one) for one in episode]
        elif episode[0] > known_to:
            assert len(alerts) >= 1, [minute_of(one) for one in episode]


@pytest.mark.parametrize(
    ("takes", "late"),
    # xDrip+ at its slowest, bridges, AAPS, Dexcom's cloud.
    [(20, False), (40, False), (75, True), (180, True), (300, True)],
)
async def test_late_is_late_by_the_clock_not_by_habit_alone(
    follower: Follower, takes: int, late: bool
) -> None:
    """Nobody is woken by what is hours old, however usual that is."""
    house = follower.house
    for minutes in range(-12 * 60, 120, 5):
        time = NOON + timedelta(minutes=minutes)
        follower.jill.add_reading(
            time,
            2.8 if minutes in (20, 25) else 6.0,
            uploaded_at=time + timedelta(minutes=takes),
        )
    await follower.start()
    for _ in range((takes + 60) // 5):
        await house.pass_time(minutes=5)
    (alert,) = urgent(follower)
    assert alert["late"] is late


async def test_what_was_judged_here_is_not_said_to_be_the_sources_word(follower: Follower) -> None:
    lines = Lines(follower.house.hass)
    follower.reads(90)
    await follower.start()
    await follower.house.pass_time(minutes=5)
    await follower.reads_on(50, 90, 90, 90, 90)
    came, ended = lines.told
    assert came.startswith("Jill had an alert at ")
    assert ": Urgent low, high severity." in came
    assert ended.startswith("Jill Urgent low of ")
    assert ended.endswith(", by the readings there were")
