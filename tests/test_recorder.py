"""What a day costs in the recorder's database: a row of a state for each that changed, and no more for what it says besides."""

from typing import Any

from homeassistant.components.recorder.core import Recorder
from homeassistant.components.recorder.db_schema import EventData, Events, StateAttributes, States
from homeassistant.core import HomeAssistant
from homeassistant.helpers.recorder import get_instance, session_scope
import pytest
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)
from sqlalchemy import func, select

from .care import Care
from .conftest import House
from .world import HENK, add_alert, add_person


@pytest.fixture
def enable_custom_integrations(recorder_mock: Recorder, hass: HomeAssistant) -> None:
    """The recorder comes first."""
    from homeassistant.loader import DATA_CUSTOM_COMPONENTS

    hass.data.pop(DATA_CUSTOM_COMPONENTS)


async def rows(hass: HomeAssistant) -> dict[str, int]:
    """How many rows the tables have."""
    await async_wait_recording_done(hass)

    def count() -> dict[str, int]:
        with session_scope(hass=hass, read_only=True) as session:
            return {
                table.__tablename__: session.execute(
                    select(func.count()).select_from(table)
                ).scalar_one()
                for table in (States, StateAttributes, Events, EventData)
            }

    return await get_instance(hass).async_add_executor_job(count)


async def test_a_day_of_two_people(house: House) -> None:
    maria, henk = add_person(house), add_person(house, HENK)
    care = Care(house, await house.set_up(house.entry()), maria)

    async def a_day(number: int) -> dict[str, Any]:
        before = await rows(house.hass)
        for person in (maria, henk):
            add_alert(house, person, number)
        await care.morning(number)
        after = await rows(house.hass)
        return {table: after[table] - before[table] for table in after}

    await a_day(1)
    assert await a_day(2) == {
        # Of each: the event, the last alert and when it was, how far the data reach, the sensor of the alert and what
        # it was, the weight and its change; and how far the source's data reach.
        "states": 2 * 8 + 1,
        "state_attributes": 0,
        "events": 2,
        "event_data": 2,
    }
