"""The simulator is tested without Home Assistant."""

from collections.abc import AsyncIterator
from typing import Any

from aiohttp import ClientSession
import pytest

from simulator import Simulator

from .dexcom_client import NOW, Client


@pytest.fixture(autouse=True)
def _load_care_alerts() -> None:
    """Take the place of the fixture that starts a Home Assistant for each test."""


@pytest.fixture
async def dexcom(socket_enabled: None) -> AsyncIterator[Client]:
    """A client of a Dexcom that stands still."""
    async with Simulator(NOW, 0) as sim, ClientSession() as session:
        yield Client(sim, session)


class Control:
    """A client of the control API."""

    def __init__(self, sim: Simulator, session: ClientSession) -> None:
        """Control a simulator."""
        self.sim = sim
        self.session = session

    async def __call__(self, method: str, path: str, json: object = None) -> tuple[int, Any]:
        """Return status and JSON."""
        url = f"{self.sim.url}/control/{path}"
        async with self.session.request(method, url, json=json) as response:
            return response.status, await response.json()


@pytest.fixture
async def control(socket_enabled: None) -> AsyncIterator[Control]:
    """Return the control of a world that stands still."""
    async with Simulator(NOW, 0, "demo") as sim, ClientSession() as session:
        yield Control(sim, session)
