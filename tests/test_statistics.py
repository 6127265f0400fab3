"""Alerts a day by type and person, in a real recorder's long-term statistics."""

from datetime import datetime, timedelta
from typing import Any

from homeassistant.components.recorder.statistics import (
    async_list_statistic_ids,
    statistics_during_period,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.recorder import get_instance
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)

from custom_components.care_alerts.statistics import COUNTED_WITHIN
from tests.care import Care
from tests.conftest import NOON, House
from tests.wear import wear
from tests.world import add_alert, add_person, generation

pytestmark = pytest.mark.usefixtures("recorder_mock")


async def series(hass: HomeAssistant) -> dict[str, str]:
    """Our statistics: id by name."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=COUNTED_WITHIN))
    await hass.async_block_till_done()
    await async_wait_recording_done(hass)
    return {
        one["name"]: one["statistic_id"]
        for one in await async_list_statistic_ids(hass)
        if one["source"] == "care_alerts"
    }


async def a_day(hass: HomeAssistant, name: str) -> dict[str, float]:
    """Alerts of each day, as a statistics graph asks for them."""
    statistic_id = (await series(hass))[name]
    found: dict[str, list[Any]] = await get_instance(hass).async_add_executor_job(
        statistics_during_period,
        hass,
        NOON - timedelta(days=60),
        None,
        {statistic_id},
        "day",
        None,
        {"change"},
    )
    return {
        f"{datetime.fromtimestamp(row['start'], NOON.tzinfo):%m-%d}": row["change"]
        for row in found[statistic_id]
        if row["change"]
    }


async def test_what_was_and_what_comes(house: House) -> None:
    maria = add_person(house)
    for number in (-3, -2, 0):
        add_alert(house, maria, number)
    add_alert(house, maria, -1, "WEIGHT", "IN_RANGE", severity="LOW")
    add_alert(house, maria, 0, "FLEX", "PLATEAU")
    care = Care(house, await house.set_up(house.entry()), maria)
    # The days are those of the house, eight hours behind UTC.
    assert await a_day(house.hass, "maria: Weight") == {"11-14": 1, "11-15": 1, "11-17": 1}
    assert await a_day(house.hass, "maria: Metabolic flexibility") == {"11-17": 1}

    care.alert(1)
    await care.morning(1)
    expected = {"11-14": 1, "11-15": 1, "11-17": 1, "11-18": 1}
    assert await a_day(house.hass, "maria: Weight") == expected
    # Nobody's health is drilled.
    await care.call("send_test_alert")
    assert await a_day(house.hass, "maria: Weight") == expected
    await care.reload()
    assert await a_day(house.hass, "maria: Weight") == expected


async def test_what_comes_late_is_counted_when_it_was(care: Care) -> None:
    care.alert(2)
    await care.morning(2)
    assert await a_day(care.hass, "maria: Weight") == {"11-19": 1}
    await care.hass.config_entries.async_unload(care.entry.entry_id)
    care.alert(3)
    care.alert(5)
    await care.morning(6)
    await care.house.set_up(care.entry)
    assert await a_day(care.hass, "maria: Weight") == {"11-19": 1, "11-20": 1, "11-22": 1}


async def test_what_the_ledger_has_forgotten_stays_counted(care: Care) -> None:
    care.alert(1)
    await care.morning(1)
    await care.house.until(generation(50))
    await care.house.pass_time(hours=2)
    assert len(care.coordinator.store.ledger) == 0
    await care.reload()
    care.alert(51)
    await care.morning(51)
    days = await a_day(care.hass, "maria: Weight")
    assert list(days.values()) == [1, 1]


async def test_a_removed_source_leaves_none(care: Care) -> None:
    care.alert(1)
    await care.morning(1)
    assert set(await series(care.hass)) == {"maria: Weight"}
    await care.hass.config_entries.async_remove(care.entry.entry_id)
    assert await series(care.hass) == {}


async def test_the_glucose_of_a_late_source_is_of_the_hour_in_which_it_was(house: House) -> None:
    """Two weeks of it at once, and what comes later where it belongs; a live one has Home Assistant's own."""
    wearer = house.sim.dexcom.wearer("SandboxUser7")
    wear(wearer, NOON - timedelta(days=20), NOON, value=110)
    entry = await house.set_up(await house.dexcom_entry(wearer))

    async def hours() -> dict[datetime, tuple[float, float, float]]:
        statistic_id = (await series(house.hass))["Dexcom: Glucose (delayed)"]
        found: dict[str, list[Any]] = await get_instance(house.hass).async_add_executor_job(
            statistics_during_period,
            house.hass,
            NOON - timedelta(days=30),
            None,
            {statistic_id},
            "hour",
            None,
            {"mean", "min", "max"},
        )
        return {
            datetime.fromtimestamp(row["start"], NOON.tzinfo): (row["mean"], row["min"], row["max"])
            for row in found[statistic_id]
        }

    known = await hours()
    assert set(known.values()) == {(110, 110, 110)}
    assert min(known) == NOON - timedelta(days=14)
    assert len(known) >= 14 * 24 - 2

    late = NOON - timedelta(hours=5) + timedelta(minutes=2)
    wearer.add_egv(late, 50, uploaded_at=NOON + timedelta(hours=1))
    for _ in range(26):
        await house.pass_time(hours=1)
    mean = (12 * 110 + 50) / 13
    assert (await hours())[late.replace(minute=0)] == pytest.approx((mean, 50, 110))

    await house.hass.config_entries.async_remove(entry.entry_id)
    assert await series(house.hass) == {}


async def test_a_live_source_has_no_other_statistics_of_glucose(house: House) -> None:
    child = house.sim.tidepool.add_child("Jill")
    child.share_with(house.sim.tidepool.account)
    child.add_reading(house.now, 5.5)
    await house.set_up(house.tidepool_entry())
    assert await series(house.hass) == {}
