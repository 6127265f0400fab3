"""The dashboard in the oldest Chromium in which Home Assistant itself starts, by its legacy build."""

from pathlib import Path
import re

import pytest

from scripts.old_chromium import CHROMIUM, VERSION
from scripts.real_home import RealHome
from scripts.sources import set_up_dexcom, set_up_lumen
from simulator import Simulator

from .conftest import OUTPUT, TEXTS, login_script, until
from .old_chromium import OldPage, old_page
from .test_care_dashboard import URL_PATH, take_over, tell_glucose

SAYS = TEXTS["common"]


async def shows(page: OldPage, selector: str, pattern: str) -> None:
    """Wait until an element shows what is looked for."""
    seen: list[str] = []

    async def found() -> bool:
        seen[:] = await page.texts(selector)
        return any(re.search(pattern, text) for text in seen)

    try:
        await until(found, f"{pattern} in {selector}")
    except pytest.fail.Exception:
        pytest.fail(f"{pattern!r} is not in {seen}; the page's errors: {page.errors}")


async def test_the_dashboard_shows_alerts_and_acts_on_them(
    home: RealHome, simulator: Simulator, tmp_path: Path
) -> None:
    assert CHROMIUM.exists(), "scripts/test fetches it, as does: python -m scripts.old_chromium"
    simulator.load("demo")
    wearer = tell_glucose(simulator)
    await set_up_lumen(home, simulator)
    await set_up_dexcom(home, simulator.dexcom, wearer, "Anna")
    await take_over(home)
    # Narrow: beside its sidebar Home Assistant's own layout asks for a younger browser.
    async with old_page(
        tmp_path / "profile", script=login_script(home), width=800, height=2400
    ) as page:
        await page.goto(f"{home.url}/{URL_PATH}/now")
        await shows(page, "article", r"Anna : Low.*Was 3\.8 mmol/L at .* \(1 h 1\d min ago\)")
        agent, latest = await page.evaluate("[navigator.userAgent, !!window.latestJS]")
        assert f"Chrome/{VERSION} " in agent
        assert not latest, "this is the legacy build"

        await shows(page, "article", "Low · medium severity.*Glucose then")
        await shows(page, "article", "Weight: Losing fast · high severity")
        await shows(page, "li", r"Anna.*3\.7 mmol/L.*was at .*1 h")
        await shows(page, "care-alerts-glucose", r"Last known: 3\.7 mmol/L")
        assert await page.evaluate("shown('canvas').length"), "a curve"
        await shows(page, "hui-tile-card", "Send test alert")

        await page.click("button", SAYS["dashboard_acknowledge"])
        await shows(page, "article", "Demo has it since")
        OUTPUT.mkdir(exist_ok=True)
        await page.screenshot(OUTPUT / "dashboard-chromium-80.png")
        assert [error for error in page.errors if "care" in error] == []
