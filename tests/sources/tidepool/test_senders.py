"""Several who send somebody's readings at once: each is judged by itself, whatever it says of itself, and a low is told once."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from homeassistant.const import STATE_OFF, STATE_ON
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st
import pytest

from custom_components.care_alerts.sources.tidepool.records import Reading
from simulator.tidepool import Uploader, aaps, old_loop, xdrip
from tests.conftest import NOON

from .conftest import Follower
from .test_evaluator import Night, alert_settings, at, data

PAIRS = {
    "xDrip+ twice": (xdrip(data_set="one"), xdrip(data_set="other")),
    "xDrip+ and AAPS": (xdrip(), aaps()),
    "AAPS and xDrip+": (aaps(), xdrip()),
    "two versions": (old_loop(), old_loop(version="3.0.1")),
    "Loop and a bridge": (old_loop(), Uploader(origin="org.example.bridge")),
    "with and without a device": (xdrip(), Uploader(origin="x", device_id="DexG7_1")),
    "two devices": (Uploader(device_id="DexG7_1"), Uploader(device_id="DexG7_2")),
    "one device, two apps": (
        Uploader(device_id="DexG7_1", origin="org.example.a"),
        Uploader(device_id="DexG7_1", origin="org.example.b"),
    ),
}


def told(follower: Follower, kind: str) -> list[dict[str, Any]]:
    """What the house was told of one kind of alert."""
    alerts = [dict(one.attributes) for one in follower.announced]
    return [one for one in alerts if one["event_type"] == kind]


async def reads_both(
    follower: Follower,
    pair: tuple[Uploader, Uploader],
    first: float,
    second: float,
    times: int,
    *,
    apart: float = 2,
) -> None:
    """One sensor reads a value and the other, `apart` minutes later, another, so many times."""
    for _ in range(times):
        follower.reads(first, by=pair[0])
        await follower.house.pass_time(seconds=20)
        await follower.house.pass_time(minutes=apart, seconds=-20)
        follower.reads(second, by=pair[1])
        await follower.house.pass_time(seconds=20)
        await follower.house.pass_time(minutes=5 - apart, seconds=-20)


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
async def test_a_low_beside_a_sensor_in_range_is_told(
    follower: Follower, pair: tuple[Uploader, Uploader]
) -> None:
    await follower.start()
    await reads_both(follower, pair, 100, 105, 2)
    await reads_both(follower, pair, 65, 85, 4)
    assert follower.state("binary_sensor", "low").state == STATE_ON
    (alert,) = told(follower, "low")
    assert alert["late"] is False
    await reads_both(follower, pair, 85, 85, 1)
    assert follower.state("binary_sensor", "low").state == STATE_OFF


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
@pytest.mark.parametrize("low_first", [True, False])
async def test_an_urgent_low_beside_a_sensor_in_range_is_told_once(
    follower: Follower, pair: tuple[Uploader, Uploader], low_first: bool
) -> None:
    await follower.start()
    await reads_both(follower, pair, 100, 100, 2)
    values = (50, 85) if low_first else (85, 50)
    await reads_both(follower, pair, *values, times=8)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON
    assert len(told(follower, "urgent_low")) == 1
    await reads_both(follower, pair, 90, 90, 1)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_OFF


@pytest.mark.parametrize("gap", [5, 20, 40])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (old_loop(), old_loop(version="3.0.1")),
        (xdrip(data_set="one"), xdrip(data_set="other")),
        (old_loop(), old_loop(data_set="other")),
    ],
    ids=["version", "data set", "reinstalled"],
)
async def test_an_update_breaks_no_low(
    follower: Follower, before: Uploader, after: Uploader, gap: int
) -> None:
    """What a sender says of itself changes once, and it goes on as it was."""
    await follower.start()
    for value, by in ((100, before), (50, before), (48, before)):
        follower.reads(value, by=by)
        await follower.house.pass_time(seconds=20)
        await follower.house.pass_time(minutes=5, seconds=-20)
    for _ in range(gap // 5 - 1):
        await follower.house.pass_time(minutes=5)
    for value in (47, 46, 45):
        follower.reads(value, by=after)
        await follower.house.pass_time(seconds=20)
        await follower.house.pass_time(minutes=5, seconds=-20)
    assert len(told(follower, "urgent_low")) == 1
    follower.reads(90, by=after)
    await follower.house.pass_time(seconds=20)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_OFF


async def test_who_uploads_hours_late_is_heard_beside_one_who_is_live(follower: Follower) -> None:
    """Its readings are asked for with every answer, not once an hour."""
    house, late = follower.house, aaps()
    for minutes in range(-300, 120, 5):
        time = NOON + timedelta(minutes=minutes)
        uploaded_at = max(time + timedelta(hours=3), NOON - timedelta(minutes=1))
        mmol_l = 2.8 if 0 <= minutes - -130 < 15 else 6.0
        follower.jill.add_reading(time, mmol_l, uploaded_at=uploaded_at, by=late)
    await follower.start()
    heard: datetime | None = None
    for _ in range(20):
        follower.reads(100, by=xdrip())
        await house.pass_time(seconds=30)
        await house.pass_time(minutes=4, seconds=30)
        if told(follower, "urgent_low") and heard is None:
            heard = house.now
    (alert,) = told(follower, "urgent_low")
    assert alert["late"] is True
    assert heard is not None
    assert heard - (NOON + timedelta(minutes=50)) <= timedelta(minutes=10)


# Any number of them.


@st.composite
def senders(draw: st.DrawFn) -> list[tuple[dict[str, str], int, list[int]]]:
    """Senders: what each says of itself, the phase it reads in (seconds), and its values, one every five minutes."""
    names = draw(
        st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "device": st.sampled_from(["a", "b"]),
                    "origin": st.sampled_from(["Loop", "xDrip"]),
                    "version": st.sampled_from(["1", "2"]),
                    "data_set": st.sampled_from(["m", "n"]),
                },
            ),
            min_size=1,
            max_size=4,
            unique_by=_sender,
        )
    )
    phases = draw(
        st.lists(st.integers(0, 299), min_size=len(names), max_size=len(names), unique=True)
    )
    length = draw(st.integers(6, 30))
    values = st.lists(st.sampled_from([50, 90, 90]), min_size=length, max_size=length)
    return [(name, phase, [90, *draw(values)]) for name, phase in zip(names, phases, strict=True)]


def _sender(name: dict[str, str]) -> object:
    return named(0, 90, name).sender


def named(minute: float, mg_dl: float, name: dict[str, str]) -> Reading:
    """A reading of a sender who says that of itself."""
    of_sender: dict[str, Any] = {"device": "", **name}
    return Reading(time=at(minute), kind="cbg", value=mg_dl, unit="mg/dL", **of_sender)


def episodes_of(lows: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Lows of any sensor (begin, when it is over), those at the same time as one."""
    merged: list[tuple[float, float]] = []
    for begin, over in sorted(lows):
        if merged and begin < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(over, merged[-1][1]))
        else:
            merged.append((begin, over))
    return merged


@given(senders())
@hypothesis_settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_number_of_senders(some: list[tuple[dict[str, str], int, list[int]]]) -> None:
    """Each urgent low of any of them is told when it begins, and once; so it is by who comes later to judge it."""
    readings: list[Reading] = []
    lows: list[tuple[float, float]] = []
    for name, phase, values in some:
        begin: float | None = None
        for n, value in enumerate(values):
            minute = n * 5 + phase / 60
            readings.append(named(minute, value, name))
            if value == 50 and begin is None:
                begin = minute
            if value == 90 and begin is not None:
                lows.append((begin, minute))
                begin = None
        if begin is not None:
            lows.append((begin, minute + 15))
    readings.sort(key=lambda one: one.time)
    night = Night(alert_settings("urgent_low", 55))
    for one in readings:
        night.readings.add(data(one), one.time)
        result = night.watch.evaluate(night.settings, night.readings, one.time)
        night.told += result.alerts
    truth = [round(begin, 6) for begin, _ in episodes_of(lows)]
    alerts = [round((alert.observed_at - at(0)) / timedelta(minutes=1), 6) for alert in night.told]
    assert alerts == truth
    assert all(later > sooner for sooner, later in pairwise(truth))
