"""The archive of a release, put into a clean home as HACS does it, and a source set up there in the browser."""

from collections.abc import AsyncGenerator
from pathlib import Path
import re
from typing import Final
from zipfile import ZipFile

from playwright.async_api import Browser, expect
import pytest

from scripts.real_home import RealHome
from scripts.release import build
from scripts.sources import add_dashboard
from simulator import Simulator

from .conftest import TEXTS, log_in, page_of, screenshot
from .pages import CONFIG, add_care_alerts, needs_you

COMPONENT: Final = Path("custom_components") / "care_alerts"


@pytest.fixture
async def clean_home(tmp_path: Path) -> AsyncGenerator[RealHome]:
    """A home with nothing of ours but what the archive holds."""
    archive = tmp_path / "care_alerts.zip"
    build(archive)
    directory = tmp_path / "home"
    (directory / COMPONENT).mkdir(parents=True)
    with ZipFile(archive) as packed:
        packed.extractall(directory / COMPONENT)
    async with RealHome(directory) as home:
        yield home


async def test_the_archive_is_installed_and_a_source_set_up(
    clean_home: RealHome, simulator: Simulator, browser: Browser
) -> None:
    simulator.load("demo")
    page = await page_of(browser)
    await log_in(page, clean_home)
    flow = await add_care_alerts(page, clean_home)
    await flow.choose("lumen")
    await flow.enter("lumen", base_url=simulator.lumen.url, api_key=simulator.lumen.api_key)
    await flow.is_done()
    await flow.shows(CONFIG["create_entry"]["default"])
    [entry] = await clean_home.entries("care_alerts")
    assert entry["state"] == "loaded"

    # The browser part is in the archive, too.
    await page.goto(await add_dashboard(clean_home))
    await expect(needs_you(page)).to_contain_text(
        TEXTS["entity"]["sensor"]["weight_status"]["name"].split()[0]
    )
    await screenshot(page, "release")
    # Home Assistant says once that it loads something that is not its own.
    trouble = [
        line
        for line in clean_home.log().splitlines()
        if re.search(r" (WARNING|ERROR) .*care_alerts", line) and "not been tested" not in line
    ]
    assert trouble == []
