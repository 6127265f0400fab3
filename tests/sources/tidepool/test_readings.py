"""Readings as they come in: each once, none from the future."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from custom_components.care_alerts.alerts.glucose import OutOfRange, Trend
from custom_components.care_alerts.sources.tidepool.readings import Readings
from custom_components.care_alerts.sources.tidepool.records import Data, Reading

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def record(**changes: Any) -> dict[str, Any]:
    """A reading as Tidepool sends it."""
    return {
        "type": "cbg",
        "time": "2026-11-18T12:00:00.000Z",
        "value": 5.55074,
        "units": "mmol/L",
        "deviceId": "DexG7_1",
        "trend": "slowFall",
        "origin": {"name": "org.tidepool.Loop"},
    } | changes


def held(*readings: Reading, now: datetime = NOON) -> Readings:
    """Readings received at once."""
    all_ = Readings(covered_from=now - timedelta(hours=1), heard_at=now)
    all_.add(Data(readings=readings, loops=(), unreadable=0), now)
    return all_


def data(*readings: Reading, loops: tuple[datetime, ...] = ()) -> Data:
    """An answer."""
    return Data(readings=readings, loops=loops, unreadable=0)


def test_a_reading_is_kept_as_it_came() -> None:
    one = Reading.of(record())
    assert one == Reading(
        time=NOON,
        kind="cbg",
        device="DexG7_1",
        value=5.55074,
        unit="mmol/L",
        trend="slowFall",
        origin="org.tidepool.Loop",
    )
    newest = held(one).newest
    assert newest is not None
    glucose = newest.as_glucose()
    assert (glucose.value, glucose.unit, glucose.observed_at) == (5.55074, "mmol/L", NOON)
    assert glucose.trend is Trend.FALLING_SLIGHTLY


@pytest.mark.parametrize(
    ("changes", "value", "unit"),
    [
        ({"units": None}, 5.55074, "mmol/L"),
        ({"units": "mg/dL", "value": 100}, 100, "mg/dL"),
        ({"units": "mg/dl", "value": 100}, 100, "mg/dL"),
        ({"value": "5.5"}, 5.5, "mmol/L"),
    ],
)
def test_values_and_units(changes: dict[str, Any], value: float, unit: str) -> None:
    one = Reading.of(record(**changes))
    assert (one.value, one.unit) == (value, unit)


@pytest.mark.parametrize(
    "changes",
    [
        # A sensor's error is not a low.
        {"value": 0},
        {"value": -1},
        {"value": 100},
        {"value": None},
        {"value": True},
        {"value": "high"},
        {"value": float("nan")},
        {"value": 10**400},
        {"units": "g"},
        {"time": None},
        {"time": "yesterday"},
        {"time": "0001-01-01T00:00:00Z"},
    ],
)
def test_what_cannot_be_a_reading(changes: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        Reading.of(record(**changes))


@pytest.mark.parametrize(
    ("changes", "value", "unit"),
    [
        ({}, 5.55074, "mmol/L"),
        # Even without a number: the edge of the sensor's range, which is told in mg/dL.
        ({"value": None}, 38.0, "mg/dL"),
        ({"value": 0}, 38.0, "mg/dL"),
        ({"value": 0, "annotations": [{"code": "bg/out-of-range", "value": "low"}]}, 40.0, "mg/dL"),
    ],
)
def test_low_without_a_number_is_low(changes: dict[str, Any], value: float, unit: str) -> None:
    annotations = [{"code": "x"}, 7, {"code": "bg/out-of-range", "value": "low", "threshold": 38}]
    one = Reading.of(record(annotations=annotations) | changes)
    assert one.out_of_range is OutOfRange.LOW
    assert (one.value, one.unit) == (value, unit)


def test_what_a_newer_api_may_say_is_no_reason_to_drop_a_reading() -> None:
    one = Reading.of(
        record(
            trend="hovering",
            deviceId=17,
            origin="x",
            annotations={"a": 1},
            time="2026-11-18T13:00:00+01:00",
            backfilled=True,
        )
    )
    assert (one.device, one.origin, one.out_of_range, one.time) == ("", None, None, NOON)
    newest = held(one).newest
    assert newest is not None
    assert newest.as_glucose().trend is None


def test_each_reading_once_and_its_first_time_stays() -> None:
    all_ = held(Reading.of(record()))
    all_.add(data(Reading.of(record(value=6.0)), Reading.of(record(value=6.0))), NOON + MINUTE)
    (only,) = all_.by_device()["cbg", "DexG7_1"]
    assert only.received_at == NOON
    # What the server corrected is taken as it is now.
    assert only.reading.value == 6.0


def test_devices_are_kept_apart_and_in_order() -> None:
    times = [NOON - MINUTE * ago for ago in (0, 10, 5)]
    all_ = held(
        *(Reading.of(record(time=time.isoformat())) for time in times),
        Reading.of(record(deviceId="other", time=(NOON - MINUTE * 2).isoformat())),
        Reading.of(record(type="smbg", time=(NOON - MINUTE).isoformat(), deviceId="meter")),
    )
    of_sensor = all_.by_device()["cbg", "DexG7_1"]
    assert [one.observed_at for one in of_sensor] == sorted(times)
    assert all_.newest is of_sensor[-1]
    all_.forget_before(NOON - MINUTE * 3)
    assert [len(some) for some in all_.by_device().values()] == [1, 1, 1]
    assert all_.heard_to is not None
    all_.forget_before(NOON - MINUTE)
    assert set(all_.by_device()) == {("cbg", "DexG7_1"), ("smbg", "meter")}


def test_a_clock_a_little_ahead_speaks_of_when_it_was_heard() -> None:
    ahead = Reading.of(record(time=(NOON + MINUTE * 4).isoformat()))
    all_ = held(ahead)
    assert all_.newest is not None
    assert all_.newest.observed_at == NOON
    # It stays that: it is not the newest again when its time has come.
    all_.add(data(ahead), NOON + MINUTE * 4)
    assert all_.newest.observed_at == NOON


def test_a_reading_from_the_future_is_never_taken() -> None:
    future = Reading.of(record(time=(NOON + timedelta(hours=1)).isoformat()))
    all_ = held(future)
    assert all_.newest is None
    # Not even when its time has come: what it says is an hour old by then.
    all_.add(data(future), NOON + timedelta(hours=1))
    assert all_.newest is None


def test_loops_decisions() -> None:
    all_ = Readings(covered_from=NOON, heard_at=NOON)
    all_.add(data(loops=(NOON - MINUTE, NOON - MINUTE * 6)), NOON)
    assert all_.newest_loop == NOON - MINUTE
    all_.add(data(loops=(NOON - MINUTE * 7, NOON + timedelta(hours=3))), NOON + MINUTE)
    assert all_.newest_loop == NOON - MINUTE
    assert all_.heard_at == NOON + MINUTE
