"""What a newcomer sees after `scripts/develop`."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
import re
import signal

from playwright.async_api import Browser, expect
import pytest

from scripts.real_home import ROOT, free_port

from .conftest import page_of, screenshot


@pytest.fixture
async def develop(tmp_path: Path) -> AsyncGenerator[str]:
    """What the real `scripts/develop` prints, while it runs."""
    process = await asyncio.create_subprocess_exec(
        str(ROOT / "scripts" / "develop"),
        *("--home", str(tmp_path / "demo")),
        *("--port", str(free_port()), "--simulator-port", str(free_port())),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout
    printed = ""
    try:
        async with asyncio.timeout(120):
            while "Ctrl-C stops it" not in printed:
                line = await process.stdout.readline()
                assert line, printed
                printed += line.decode()
        yield printed
    finally:
        process.send_signal(signal.SIGINT)
        rest = await process.communicate()
    assert process.returncode == 0, rest


async def test_a_newcomer_sees_the_alerts_of_the_demo_person(
    develop: str, browser: Browser
) -> None:
    told = re.search(r"Open +(\S+)\n +Log in as +user (\S+), password (\S+)", develop)
    assert told, develop
    address, user, password = told.groups()
    page = await page_of(browser, height=1222)
    await page.goto(address)
    await page.get_by_label("Username").fill(user)
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_role("button", name="Log in").click()

    maria = page.locator("hui-grid-section", has_text="maria.keller")
    await expect(maria).to_be_visible()
    for alert, severity in (
        ("Weight: Losing fast", "high"),
        ("Metabolic flexibility: Plateau", "medium"),
        ("Medication: Many doses not logged", "high"),
    ):
        row = maria.locator("tr", has_text=alert)
        await expect(row).to_contain_text(severity)
        # How long ago, and when.
        await expect(row).to_contain_text(
            re.compile(r"(hours?|minutes?|day|seconds?) ago, \w{3} \d\d:\d\d")
        )
    for tile in ("Weight alert", "Metabolic flexibility alert", "Medication alert"):
        await expect(maria.locator("hui-tile-card", has_text=tile)).to_contain_text(
            "In the newest analysis"
        )
    for detail, value in (
        ("Weight trend", "Losing fast"),
        ("Weight change in a week", "-2.6"),
        ("Metabolic flexibility rate", "-0.05"),
        ("Doses not logged in 7 days", "5 doses"),
        ("Adherence in 7 days", "28.6"),
        ("Doses not logged in a row", "4 doses"),
        ("Last logged dose", "ago"),
    ):
        rows = maria.locator("hui-sensor-entity-row", has_text=detail)
        await expect(rows.filter(has_text=value)).to_be_visible()

    henk = page.locator("hui-grid-section", has_text="henk.devries")
    await expect(henk).to_contain_text(
        "The newest analysis reports no problem. That is all it says."
    )
    await expect(henk).to_contain_text("Goal reached")
    await expect(page.get_by_text("not a medical device").first).to_be_visible()
    await screenshot(page, "dashboard", in_readme=True)

    await page.set_viewport_size({"width": 400, "height": 2000})
    await expect(maria.locator("tr", has_text="Weight: Losing fast")).to_be_visible()
    await screenshot(page, "dashboard-phone")
