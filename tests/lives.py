"""Lives of one house, one after the other: Home Assistant on the same real files, killed in the end of each."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from aiohttp import ClientResponse, ClientSession
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import frame
from homeassistant.helpers.storage import Store
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
from pytest_homeassistant_custom_component.common import async_test_home_assistant

from custom_components.care_alerts.alerts.ledger import Ledger
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.event import AlertEvent
from custom_components.care_alerts.sources.lumen.api import LumenClient
from simulator import Simulator
from simulator.lumen import LumenPerson
from tests.care import Care
from tests.conftest import House
from tests.world import add_person


class Killed(asyncio.CancelledError):
    """The process is no more. Nobody may catch it, and Home Assistant does not report it."""


class Life:
    """A process that ends when it comes to its step number `last` (None: it does not)."""

    def __init__(self, last: int | None) -> None:
        """Begin to live."""
        self.steps: list[str] = []
        self.over = False
        self._last = last

    def kill_within(self, steps: int) -> None:
        """End at one of the next steps."""
        self._last = len(self.steps) + steps

    def step(self, name: str) -> None:
        """Come to a step, or to the end."""
        if not self.over:
            self.over = len(self.steps) == self._last
            self.steps.append(name)
        if self.over:
            raise Killed

    def sync[**P, T](self, name: str, do: Callable[P, T]) -> Callable[P, T]:
        """A function with a step before it and one after."""

        def done(*args: P.args, **kwargs: P.kwargs) -> T:
            self.step(f"before {name}")
            result = do(*args, **kwargs)
            self.step(f"after {name}")
            return result

        return done

    def wait[**P, T](self, name: str, do: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        """A coroutine function with a step before it and one after."""

        async def done(*args: P.args, **kwargs: P.kwargs) -> T:
            self.step(f"before {name}")
            result = await do(*args, **kwargs)
            self.step(f"after {name}")
            return result

        return done


@contextmanager
def living(last: int | None) -> Generator[Life]:
    """Run what follows as a life that ends at a step."""
    life = Life(last)
    write, trigger = Store._async_write_data, AlertEvent._trigger_event
    send = ClientSession._request

    async def write_ours(store: Store[Any], data: dict[str, Any]) -> None:
        if store.hass.state is CoreState.stopped:
            # The timer of a life before: with its process, it would have ended.
            return
        if not store.key.startswith("care_alerts."):
            await write(store, data)
            return
        life.step("before a write")
        try:
            # The rename that makes a new file of the temporary one is the moment that counts.
            life.step("in the middle of a write")
        except Killed:
            half = Path(store.path).with_name("half-written.tmp")
            await store.hass.async_add_executor_job(half.write_bytes, b'{"version": 1, "da')
            raise
        await write(store, data)
        life.step("after a write")

    async def send_alive(*args: Any, **kwargs: Any) -> ClientResponse:
        if life.over:
            # A token that the dead use up would be lost to those who come after them.
            raise Killed
        return await send(*args, **kwargs)

    with (
        patch.object(Store, "_async_write_data", write_ours),
        patch.object(ClientSession, "_request", send_alive),
        patch.object(LumenClient, "_get", life.wait("a request", LumenClient._get)),
        # What was said is heard, its state written, by the step before its mark.
        patch.object(AlertEvent, "_trigger_event", life.sync("saying it", trigger)),
        patch.object(Ledger, "mark_announced", life.sync("a mark", Ledger.mark_announced)),
        patch.object(Ledger, "prune", life.sync("pruning", Ledger.prune)),
    ):
        yield life


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
