"""On every page: the bell counts a severe alert that nobody has, and says what it is."""

from playwright.async_api import Browser, expect

from scripts.real_home import RealHome
from scripts.sources import set_up_lumen
from simulator import Simulator
from simulator.scenarios import MARIA

from .conftest import log_in, page_of, screenshot


async def test_the_bell_counts_a_severe_alert_until_somebody_has_it(
    home: RealHome, simulator: Simulator, browser: Browser
) -> None:
    simulator.load("demo")
    await set_up_lumen(home, simulator)
    maria = simulator.lumen.default.person(MARIA).shared_user_id
    sensor = await home.entity_id("binary_sensor", "care_alerts", f"lumen_{maria}_weight")
    everything = await home.entity_id("event", "care_alerts", f"lumen_{maria}_alert")
    await home.post("/api/services/care_alerts/acknowledge", {"entity_id": everything})
    await home.post(
        "/api/services/care_alerts/send_test_alert", {"entity_id": sensor, "severity": "high"}
    )
    page = await page_of(browser)
    await log_in(page, home)
    await page.goto(f"{home.url}/config/dashboard")
    await page.get_by_text("Notifications", exact=True).first.click()
    drawer = page.locator("notification-drawer")
    await expect(drawer.get_by_text("DRILL: maria.keller: Weight")).to_be_visible()
    await expect(drawer.get_by_text("Nobody has it yet.")).to_be_visible()
    await screenshot(page, "banners")
    await home.post("/api/services/care_alerts/acknowledge", {"entity_id": sensor})
    await expect(drawer.get_by_text("Nobody has it yet.")).to_be_hidden()
