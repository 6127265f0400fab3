"""The journal's file when the disk is slow and somebody goes in the middle: real files, written by real threads."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
import threading
from typing import Any
from unittest.mock import patch

from homeassistant.core import State
from homeassistant.util.file import write_utf8_file_atomic
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.alerts.alert import AlertKey, Severity
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.sources.lumen.source import LumenSource
from simulator.lumen import LumenPerson
from tests.conftest import House, coordinator_of, issues
from tests.world import add_alert, add_person, generation

pytestmark = pytest.mark.real_files


class SlowDisk:
    """A disk on which the next write of a file takes until it is let through."""

    def __init__(self) -> None:
        """Begin with a write that waits."""
        self._begun, self._go, self._done = (threading.Event() for _ in range(3))

    @contextmanager
    def writes(self, key: str) -> Generator[None]:
        """Be the disk for the storage file of this key."""

        def slowly(path: str, *args: Any, **more: Any) -> None:
            is_first = Path(path).name == key and not self._begun.is_set()
            if is_first:
                self._begun.set()
                assert self._go.wait(20)
            write_utf8_file_atomic(path, *args, **more)
            if is_first:
                self._done.set()

        with patch("homeassistant.helpers.storage.write_utf8_file_atomic", slowly):
            yield

    async def has_begun(self) -> None:
        """Wait until it writes."""
        assert await asyncio.to_thread(self._begun.wait, 10)

    async def ends(self) -> None:
        """Let the write through, and wait until it is done."""
        self._go.set()
        assert await asyncio.to_thread(self._done.wait, 10)


@pytest.fixture
def maria(house: House) -> LumenPerson:
    """Somebody who is followed."""
    return add_person(house)


@pytest.fixture
async def entry(house: House, maria: LumenPerson) -> MockConfigEntry:
    """A source that has an alert to tell, and nothing to write."""
    entry = await house.set_up(house.entry())
    await house.until(generation(1) - timedelta(minutes=30))
    add_alert(house, maria, 1)
    await house.until(generation(1) + timedelta(seconds=5))
    await coordinator_of(entry).save()
    return entry


@pytest.fixture
async def disk(entry: MockConfigEntry) -> AsyncGenerator[SlowDisk]:
    """Where the next write of the source's journal is slow."""
    slow = SlowDisk()
    with slow.writes(f"{DOMAIN}.{entry.entry_id}"):
        yield slow


def files(house: House, entry: MockConfigEntry) -> list[str]:
    """The storage files of a source."""
    storage = Path(house.hass.config.path(".storage"))
    return [path.name for path in storage.glob(f"{DOMAIN}.{entry.entry_id}*")]


def asked_by_itself(house: House, entry: MockConfigEntry) -> None:
    """Poll as the timer does."""
    poll = coordinator_of(entry)._handle_refresh_interval()
    entry.async_create_background_task(house.hass, poll, "poll")


async def test_removed_in_the_middle_of_a_write_nothing_is_left(
    house: House, entry: MockConfigEntry, disk: SlowDisk
) -> None:
    asked_by_itself(house, entry)
    await disk.has_begun()
    removing = house.hass.async_create_task(house.hass.config_entries.async_remove(entry.entry_id))
    await asyncio.sleep(0)
    await disk.ends()
    await removing
    assert files(house, entry) == []


async def test_unloaded_in_the_middle_of_a_write_that_succeeds(
    house: House, entry: MockConfigEntry, disk: SlowDisk
) -> None:
    asked_by_itself(house, entry)
    await disk.has_begun()
    unloading = house.hass.async_create_task(house.hass.config_entries.async_unload(entry.entry_id))
    await asyncio.sleep(0)
    await disk.ends()
    await unloading
    assert issues(house) == {}


async def test_taken_and_reloaded_in_the_middle_of_the_write(
    house: House, maria: LumenPerson, entry: MockConfigEntry
) -> None:
    await coordinator_of(entry).async_refresh()
    await house.settle()
    sensor = house.entity_id("binary_sensor", "weight", maria.shared_user_id)
    disk = SlowDisk()
    with disk.writes(f"{DOMAIN}.{entry.entry_id}"):
        taking = house.hass.async_create_task(
            house.hass.services.async_call(
                DOMAIN, "acknowledge", {"entity_id": sensor}, blocking=True
            )
        )
        await disk.has_begun()
        reloading = house.hass.async_create_task(
            house.hass.config_entries.async_reload(entry.entry_id)
        )
        await asyncio.sleep(0)
        await disk.ends()
        await asyncio.gather(taking, reloading)
    await house.settle()
    state = house.hass.states.get(sensor)
    assert state is not None
    assert state.attributes["acknowledged"] is True


@pytest.mark.parametrize("what", ["a drill", "a question"])
async def test_who_asked_is_stopped_in_the_middle_of_the_write(
    house: House,
    maria: LumenPerson,
    entry: MockConfigEntry,
    disk: SlowDisk,
    announced: list[State],
    what: str,
) -> None:
    """As an automation is that is restarted."""
    coordinator = coordinator_of(entry)
    topics = [AlertKey(maria.shared_user_id, "weight", drill=True)]
    asking = asyncio.create_task(
        coordinator.care.drill(topics, severity=Severity.HIGH)
        if what == "a drill"
        else coordinator.async_refresh_now()
    )
    await disk.has_begun()
    asking.cancel()
    await disk.ends()
    await house.settle()
    assert len(announced) == 1
    assert issues(house) == {}


async def test_a_picture_that_cannot_be_drawn_keeps_nothing_from_being_told(
    house: House, entry: MockConfigEntry, announced: list[State]
) -> None:
    with patch.object(LumenSource, "people", side_effect=ValueError):
        await coordinator_of(entry).async_refresh()
        await house.settle()
        await coordinator_of(entry).async_refresh()
    await house.settle()
    assert len(announced) == 1
