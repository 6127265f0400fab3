"""Lives of one house, one after the other: Home Assistant on the same real files, killed in the end of each."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import frame
from homeassistant.helpers.storage import Store
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
from pytest_homeassistant_custom_component.common import async_test_home_assistant

from custom_components.care_alerts.const import DOMAIN
from simulator import Simulator
from simulator.lumen import LumenPerson
from tests.care import Care
from tests.conftest import House
from tests.world import add_person


@asynccontextmanager
async def home_assistant(files: Path) -> AsyncGenerator[HomeAssistant]:
    """A Home Assistant on these files, not yet started."""
    async with async_test_home_assistant(
        config_dir=str(files), initial_state=CoreState.not_running
    ) as hass:
        hass.data.pop(DATA_CUSTOM_COMPONENTS)
        # Whose code it is that does something, Home Assistant looks up in the one that lives.
        frame.async_setup(hass)
        yield hass


@contextmanager
def killed() -> Generator[None]:
    """Keep what is stopped from writing: it stops as if it were killed."""
    write = Store._async_write_data

    async def write_theirs(store: Store[Any], data: dict[str, Any]) -> None:
        # The registries of a real house have been on the disk for long.
        if not store.key.startswith(DOMAIN):
            await write(store, data)

    with patch.object(Store, "_async_write_data", write_theirs):
        yield


class Lifetimes:
    """Lives of Maria's house, on the same files, with the same people."""

    def __init__(self, files: Path, sim: Simulator, freezer: FrozenDateTimeFactory) -> None:
        """Begin with no files and nobody."""
        self.files = files
        self._sim = sim
        self._freezer = freezer
        self._maria: LumenPerson | None = None

    def sleep(self, **amount: float) -> None:
        """Let time pass between two lives."""
        moment = self._sim.clock.now() + timedelta(**amount)
        self._sim.clock.set(moment)
        self._freezer.move_to(moment)

    @asynccontextmanager
    async def care(self) -> AsyncGenerator[Care]:
        """Make the house, with its source but not yet started, and kill it in the end."""
        async with home_assistant(self.files) as hass:
            house = House(hass, self._sim, self._freezer)
            self._maria = self._maria or add_person(house)
            entry = await house.set_up(house.entry(entry_id="the-entry"))
            yield Care(house, entry, self._maria)
            with killed():
                await hass.config_entries.async_unload(entry.entry_id)
                await hass.async_stop(force=True)
