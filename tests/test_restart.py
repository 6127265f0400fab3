"""What outlives Home Assistant: two lives of it on the same real files, one after the other.

Automations are there only once all has started, as in a real house; the first life may be killed.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth.const import GROUP_ID_USER
from homeassistant.core import HomeAssistant
import pytest

from simulator import Simulator
from tests.care import Care, Heard, automate, trigger
from tests.lives import Lifetimes

pytestmark = pytest.mark.real_files


class Lives(Lifetimes):
    """Lives of a house with an automation."""

    @asynccontextmanager
    async def live(self, *triggers: dict[str, Any]) -> AsyncGenerator[tuple[Care, Heard]]:
        """Start the house with an automation, and kill it in the end."""
        async with self.care() as care:
            heard = await automate(care.hass, *triggers)
            await care.hass.async_start()
            await care.house.settle()
            yield care, heard


@pytest.fixture
def lives(
    tmp_path: Path, sim: Simulator, freezer: FrozenDateTimeFactory, hass: HomeAssistant
) -> Lives:
    """Lives on files of their own."""
    return Lives(tmp_path, sim, freezer)


async def test_who_has_it_and_what_is_quiet(lives: Lives) -> None:
    async with lives.live() as (care, _):
        care.alert(1)
        care.alert(1, "FLEX", "PLATEAU")
        await care.morning(1)
        anna = await care.hass.auth.async_create_user("Anna", group_ids=[GROUP_ID_USER])
        await care.call("acknowledge", user=anna, note="Called her")
        await care.call("snooze", care.sensor("flex"), user=anna, duration={"hours": 2})
        weight, flex = care.attributes(), care.attributes("flex")
        assert weight["acknowledged_by"] == "Anna"
    async with lives.live() as (care, _):
        assert care.attributes() == weight
        assert care.attributes("flex") == flex
        assert flex["snoozed_until"] == care.house.now + timedelta(hours=2)


REMIND = trigger("alert_unacknowledged", after={"minutes": 10}, every={"minutes": 10})


async def test_reminders_go_on(lives: Lives) -> None:
    async with lives.live(REMIND) as (care, heard):
        care.alert(1)
        await care.morning(1)
        for _ in range(12):
            await care.house.pass_time(minutes=1)
        assert len(heard.triggers) == 1
    # Nothing was due meanwhile: what rang is not told again.
    async with lives.live(REMIND) as (care, heard):
        assert heard.triggers == []
        await care.house.pass_time(minutes=7)
        assert heard.triggers == []
        await care.house.pass_time(minutes=1)
        assert [one["count"] for one in heard.triggers] == [2]
        await care.house.pass_time(minutes=4)
    # Three were.
    lives.sleep(minutes=33)
    async with lives.live(REMIND) as (care, heard):
        assert [(one["count"], one["waiting_minutes"]) for one in heard.triggers] == [(5, 57)]
        await care.house.pass_time(minutes=3)
        assert [one["count"] for one in heard.triggers] == [5, 6]
        await care.call("acknowledge")
    lives.sleep(minutes=33)
    async with lives.live(REMIND) as (care, heard):
        await care.house.pass_time(minutes=33)
        assert heard.triggers == []


async def test_the_only_reminder_is_not_forgotten(lives: Lives) -> None:
    once = trigger("alert_unacknowledged", after={"minutes": 10})
    async with lives.live(once) as (care, heard):
        care.alert(1)
        await care.morning(1)
        await care.house.pass_time(minutes=5)
        assert heard.triggers == []
    lives.sleep(minutes=30)
    async with lives.live(once) as (_, heard):
        assert len(heard.triggers) == 1
    async with lives.live(once) as (care, heard):
        await care.house.pass_time(minutes=30)
        assert heard.triggers == []


async def test_a_snooze_that_was_over_meanwhile(lives: Lives) -> None:
    once = trigger("alert_unacknowledged", after={"minutes": 10})
    async with lives.live(once) as (care, heard):
        care.alert(1)
        await care.morning(1)
        await care.call("snooze", duration={"minutes": 30})
        await care.house.pass_time(minutes=15)
        assert heard.triggers == []
    lives.sleep(minutes=5)
    async with lives.live(once) as (care, heard):
        assert heard.triggers == []
        await care.house.pass_time(minutes=9)
        assert heard.triggers == []
    lives.sleep(minutes=30)
    async with lives.live(once) as (care, heard):
        assert len(heard.triggers) == 1


async def test_what_came_and_went_meanwhile(lives: Lives) -> None:
    both = trigger("alert_received", include_late=True), trigger("alert_ended")
    async with lives.live(*both) as (care, heard):
        care.alert(1)
        await care.morning(1)
        assert len(heard.of("alert_received")) == 1
        care.alert(3)
    lives.sleep(days=4)
    async with lives.live(*both) as (_, heard):
        assert [one["platform"].removeprefix("care_alerts.") for one in heard.triggers] == [
            "alert_ended",
            "alert_received",
            "alert_ended",
        ]
    async with lives.live(*both) as (_, heard):
        assert heard.triggers == []
