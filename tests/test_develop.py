"""The demo home and the simulator that it was made for."""

import asyncio
from pathlib import Path
import sys

import pytest
from pytest_homeassistant_custom_component.common import flush_store
from yarl import URL

from scripts.develop import asked_ports
from scripts.real_home import ROOT, free_port

from .conftest import House

pytestmark = pytest.mark.real_files


async def test_a_home_of_another_simulator_is_refused(house: House, tmp_path: Path) -> None:
    """Its sources would ask a port where nobody answers, or somebody else does."""
    port = URL(house.sim.url).port
    house.entry().add_to_hass(house.hass)
    house.tidepool_entry().add_to_hass(house.hass)
    house.hass.config_entries._async_schedule_save()
    await flush_store(house.hass.config_entries._store)

    arguments = ["--home", str(tmp_path), "--port", str(free_port())]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "scripts.develop", *arguments),
        *("--simulator-port", str(free_port())),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, complaint = (text.decode() for text in await process.communicate())
    assert process.returncode == 1
    assert f"--simulator-port {port}" in complaint
    assert "--fresh" in complaint
    assert printed == ""


async def test_what_a_home_asks(house: House, tmp_path: Path) -> None:
    assert asked_ports(tmp_path) == set()
    house.entry().add_to_hass(house.hass)
    house.entry(data={"base_url": "https://lumen.example.com:8765"}).add_to_hass(house.hass)
    (await house.dexcom_entry()).add_to_hass(house.hass)
    house.hass.config_entries._async_schedule_save()
    await flush_store(house.hass.config_entries._store)
    assert asked_ports(tmp_path) == {URL(house.sim.url).port}
