"""The logbook, as it is read from a real recorder's database, and names that not every database takes as they are."""

from datetime import timedelta
from typing import Any

from homeassistant.auth.models import User
from homeassistant.components.logbook.helpers import async_determine_event_types
from homeassistant.components.logbook.processor import EventProcessor
from homeassistant.components.recorder.statistics import valid_statistic_id
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.recorder import get_instance
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)

from custom_components.care_alerts.statistics import _statistic_id
from tests.care import Care
from tests.conftest import NOON
from tests.test_statistics import a_day, series

pytestmark = pytest.mark.usefixtures("recorder_mock")

ODD_NAMES = {
    "odd": "Zoë 💙 O'Neill \\u0000 %s :name",
    "long": "M" * 400,
    "wide": "💙" * 254 + "\0",
    "nul": "Ann\0a",
}


async def rename(hass: HomeAssistant, name: str) -> None:
    """Let everybody's device be called this."""
    registry = dr.async_get(hass)
    for device in list(registry.devices):
        registry.async_update_device(device.id, name_by_user=name)


async def lines(hass: HomeAssistant) -> list[str]:
    """What the logbook has of us, oldest first."""
    await async_wait_recording_done(hass)
    processor = EventProcessor(hass, async_determine_event_types(hass, None, None))
    # All happens at one instant, and the logbook's end is not in it.
    day = timedelta(days=1)
    found = await get_instance(hass).async_add_executor_job(
        processor.get_events, NOON - day, dt_util.utcnow() + day
    )
    return [
        f"{line['name']} {line['message']}" for line in found if line.get("domain") == "care_alerts"
    ]


async def test_the_logbook_is_read_from_the_database(care: Care, anna: User) -> None:
    assert await async_setup_component(care.hass, "logbook", {})
    care.alert(1)
    await care.morning(1)
    note = "Called {her} 💙, 100 % O'Neill"
    await care.call("acknowledge", user=anna, note=note)
    await care.morning(2)
    assert await lines(care.hass) == [
        "maria had an alert at 19:14: Weight, high severity. It reached us 3 h 16 min later",
        f"maria Weight of Wed 18 Nov 19:14 was acknowledged by Anna. That does not mean it is over. Note: {note}",
        "maria Weight of Wed 18 Nov 19:14 was not in the analysis of 22:00 any more",
    ]


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES)
async def test_what_is_said_is_known_to_be_ours_whatever_it_says(care: Care, name: str) -> None:
    """PostgreSQL's texts end at a NUL, and what was sealed does with them."""
    assert await async_setup_component(care.hass, "logbook", {})
    await rename(care.hass, name)
    care.alert(1)
    await care.morning(1)
    await care.call("acknowledge", note=f"{name[:240]} and more")
    told = await lines(care.hass)
    assert len(told) == 2
    shown = name.partition("\0")[0]
    assert told[0].startswith(f"{shown} had an alert at 19:14")
    assert f"Note: {shown[:240]}" in told[1]


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES)
async def test_statistics_have_a_name_that_every_database_takes(care: Care, name: str) -> None:
    await rename(care.hass, name)
    care.alert(1)
    await care.morning(1)
    [called] = await series(care.hass)
    assert called.endswith(": Weight")
    assert called.removesuffix(": Weight") == name.partition("\0")[0][: 255 - len(": Weight")]
    assert await a_day(care.hass, called) == {"11-18": 1}
    await care.hass.config_entries.async_remove(care.entry.entry_id)
    assert await series(care.hass) == {}


def test_an_id_fits_whoever_it_is_of() -> None:
    """Two of them, who differ at the end alone; an id that fits stays as it is."""
    entry: Any = MockConfigEntry(domain="care_alerts", entry_id="entry")
    there = {_statistic_id(entry, f"{'i' * 300}-{number}", "weight") for number in range(2)}
    assert len(there) == 2
    assert all(len(one) <= 255 and valid_statistic_id(one) for one in there)
    assert _statistic_id(entry, "A-B", "weight") == "care_alerts:entry_a_b_weight"
