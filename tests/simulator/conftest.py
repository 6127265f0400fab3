"""The simulator is tested without Home Assistant."""

from collections.abc import AsyncIterator

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
