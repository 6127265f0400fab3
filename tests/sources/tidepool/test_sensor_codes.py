"""Codes that a sensor sends in the place of glucose: its trouble, nobody's low."""

from datetime import timedelta

from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
import pytest

from custom_components.care_alerts.sources.tidepool.records import Reading
from simulator.tidepool import out_of_range, xdrip

from .conftest import MG_DL_PER_MMOL_L, Follower
from .test_senders import told


@pytest.mark.parametrize(
    ("value", "units", "is_glucose"),
    [
        (1, "mg/dL", False),
        (5, "mg/dL", False),
        (12, "mg/dL", False),
        (19, "mg/dL", False),
        (20, "mg/dL", True),
        (39, "mg/dL", True),
        (round(5 / MG_DL_PER_MMOL_L, 5), "mmol/L", False),
        (round(10 / MG_DL_PER_MMOL_L, 5), None, False),
        (round(19 / MG_DL_PER_MMOL_L, 5), "mmol/L", False),
        (round(20 / MG_DL_PER_MMOL_L, 5), "mmol/L", True),
        (1.2, "mmol/L", True),
    ],
)
@pytest.mark.parametrize("kind", ["cbg", "smbg"])
def test_what_is_glucose(value: float, units: str | None, is_glucose: bool, kind: str) -> None:
    """A LOW is one whatever its number, and a meter sends no codes."""
    record = {"type": kind, "time": "2026-11-18T12:00:00Z", "value": value, "units": units}
    assert Reading.of(record).is_glucose is (is_glucose or kind == "smbg")
    assert Reading.of(record | {"annotations": [out_of_range("low", 40)]}).is_glucose


@pytest.mark.parametrize("codes", [(5,), (10, 10, 1), (12, 5, 10, 9, 6)])
async def test_a_code_is_no_low_and_no_end_of_one(follower: Follower, codes: tuple[float]) -> None:
    """It is as if nothing had been read."""
    follower.reads(100)
    await follower.start()
    await follower.reads_on(100, 100, *codes, 100)
    assert told(follower, "urgent_low") == []
    await follower.reads_on(50, *codes[:2], 49)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON
    assert len(told(follower, "urgent_low")) == 1


async def test_a_sensor_that_sends_codes_only_is_silent_and_says_why(
    follower: Follower, caplog: pytest.LogCaptureFixture
) -> None:
    """No value is no value: it is missed as if nobody were heard, but it is not unreadable."""
    house = follower.house
    follower.reads(100)
    await follower.start()
    await follower.reads_on(100, *[10] * 14)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_UNAVAILABLE
    assert follower.state("sensor", "glucose").state == STATE_UNKNOWN
    assert follower.state("sensor", "highest_severity").state == STATE_UNKNOWN
    last = follower.state("sensor", "last_reading")
    assert last.state == (house.now - timedelta(minutes=75)).isoformat()
    assert last.attributes["not_judged"]["urgent_low"] == "sensor_trouble"
    assert follower.state("binary_sensor", "no_communication").state == STATE_ON
    assert follower.of_source("binary_sensor", "silent") == STATE_ON
    assert [one["event_type"] for one in told(follower, "no_communication")] == ["no_communication"]
    assert "could not be read" not in caplog.text
    await follower.reads_on(100)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_OFF
    assert "urgent_low" not in follower.state("sensor", "last_reading").attributes["not_judged"]


async def test_who_has_never_sent_anything_else(follower: Follower) -> None:
    follower.reads(5)
    await follower.start()
    last = follower.state("sensor", "last_reading")
    assert (last.state, last.attributes["value"]) == (STATE_UNKNOWN, None)
    assert last.attributes["not_judged"]["low"] == "sensor_trouble"
    assert follower.announced == []


async def test_a_low_without_a_number_stays_a_low(follower: Follower) -> None:
    follower.reads(100)
    await follower.start()
    await follower.reads_on(100)
    follower.reads(10, annotations=[out_of_range("low", 40)], by=xdrip())
    await follower.house.pass_time(seconds=30)
    (alert,) = told(follower, "urgent_low")
    assert alert["details"]["out_of_range"] == "low"
