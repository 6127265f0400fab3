"""One person whom two sources have, in the browser: one line, one section, one alert with both as witnesses."""

from datetime import datetime, timedelta
import re
from typing import Any, Final

from playwright.async_api import Browser, Page, expect

from scripts.real_home import RealHome
from scripts.sources import add_dashboard, set_up_dexcom, set_up_tidepool
from simulator import Simulator
from simulator.dexcom import EVERY
from simulator.dexcom.wearer import Thresholds

from .conftest import TEXTS, does_not_scroll_sideways, log_in, page_of, screenshot, until
from .pages import line, need, section
from .test_first_screen import nothing_is_cut
from .test_report import no_word_is_broken

URL_PATH: Final = "care-same"
SAYS: Final[dict[str, str]] = TEXTS["common"]
SOURCES: Final = ["Tidepool", "Dexcom cloud Mila"]
MG_DL_PER_MMOL_L: Final = 18.01559


def is_low_in_both(simulator: Simulator) -> Any:
    """Have Mila be low for an hour and a half: Tidepool knows until now, Dexcom up to an hour ago."""
    now = simulator.clock.now()
    start = now - timedelta(minutes=90)

    def glucose(moment: datetime) -> float:
        return 62 if moment >= start else 112

    child = simulator.tidepool.add_child("Mila")
    child.share_with(simulator.tidepool.account)
    settings = {
        "urgentLow": {"enabled": True, "threshold": {"units": "mg/dL", "value": 54}},
        "low": {
            "enabled": True,
            "delay": 0,
            "repeat": 0,
            "threshold": {"units": "mg/dL", "value": 70},
        },
    }
    child.set_settings(simulator.tidepool.account, settings)
    moment = now - timedelta(hours=10)
    while moment <= now:
        child.add_reading(moment, glucose(moment) / MG_DL_PER_MMOL_L, uploaded_at=moment)
        moment += EVERY
    wearer = simulator.dexcom.add_wearer("SandboxUser6")
    wearer.thresholds = Thresholds(fall=99)
    wearer.add_session(now - timedelta(hours=10), now - timedelta(minutes=61), glucose)
    return wearer


async def the_report_says_who_else_has_seen_it(page: Page) -> None:
    """See one report, an alert with the other source beside it: on a screen, on a phone, and on paper."""
    report = page.locator("care-alerts-report")
    await expect(report).to_have_count(1)
    await report.get_by_role("button", name=SAYS["dashboard_choice_days"].format(days=14)).click()
    await expect(report).to_contain_text(", ".join(SOURCES))
    alerts = report.get_by_role("table", name=SAYS["dashboard_report_alerts"], exact=True)
    also = alerts.locator("tbody tr").get_by_text(
        re.compile(r"^Also recorded by (Dexcom|Tidepool) at .*\d\d:\d\d")
    )
    await expect(also).to_have_count(1)
    await nothing_is_cut(page)
    await no_word_is_broken(page)
    await screenshot(report, "report-same-person")
    await page.set_viewport_size({"width": 320, "height": 1300})
    await nothing_is_cut(page)
    await no_word_is_broken(page)
    await screenshot(report, "report-same-person-320")
    await page.evaluate("dispatchEvent(new Event('beforeprint'))")
    await page.emulate_media(media="print")
    await page.set_viewport_size({"width": 660, "height": 960})
    await expect(
        page.locator("care-alerts-print").get_by_text(re.compile("^Also recorded"))
    ).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await no_word_is_broken(page)
    await screenshot(page, "report-same-person-print", full_page=True)
    await page.emulate_media(media="screen")
    await page.evaluate("dispatchEvent(new Event('afterprint'))")
    await page.set_viewport_size({"width": 1280, "height": 1300})


async def test_one_person_is_one_on_the_dashboard(
    home: RealHome, simulator: Simulator, browser: Browser
) -> None:
    wearer = is_low_in_both(simulator)
    await set_up_tidepool(home, simulator)
    await set_up_dexcom(home, simulator.dexcom, wearer, "Mila")
    flow = await home.start_flow("care_alerts")
    flow = await home.flow_step(flow["flow_id"], {"next_step_id": "household"})
    flow = await home.flow_step(flow["flow_id"], {"caregivers": []})
    assert flow["type"] == "create_entry"
    await add_dashboard(home, URL_PATH)

    async def proposed() -> bool:
        issues = (await home.ws({"type": "repairs/list_issues"}))["issues"]
        return any(one["translation_key"] == "same_person_proposed" for one in issues)

    await until(proposed, "the repair that proposes that both are one")
    page = await page_of(browser, width=1280, height=1300)
    await log_in(page, home)
    await page.goto(f"{home.url}/{URL_PATH}/now")
    await expect(need(page, "Mila: Low")).to_have_count(2)

    # It is said where it is proposed.
    await page.goto(f"{home.url}/config/repairs")
    await page.get_by_text(re.compile(r"Is Mila one person in")).click()
    await expect(page.get_by_text(re.compile("told once and acknowledged once"))).to_be_visible()
    await page.get_by_role("button", name="Submit").click()
    await expect(page.get_by_text("Repair")).not_to_have_count(0)

    async def is_said() -> bool:
        return bool(await home.ws({"type": "care_alerts/same_people"}))

    await until(is_said, "that both are one")
    await page.goto(f"{home.url}/{URL_PATH}/now")
    low = need(page, "Mila: Low")
    await expect(low).to_have_count(1)
    await expect(low).to_contain_text(
        re.compile(r"Tidepool .*\d\d:\d\d live; Dexcom .*\d\d:\d\d, arrived .*\d\d:\d\d")
    )
    await expect(line(page, "Mila")).to_have_count(1)
    await expect(section(page, "Mila")).to_have_count(1)
    timeline = page.locator("care-alerts-timeline").first
    await expect(timeline.locator("article")).to_have_count(1)
    await expect(timeline).to_contain_text("arrived")
    await does_not_scroll_sideways(page)
    # Each curve says whose it is, in one unit.
    curves = section(page, "Mila").locator("care-alerts-glucose")
    await expect(curves.locator("h2")).to_have_text(SOURCES)
    for number in range(len(SOURCES)):
        await expect(curves.nth(number)).to_contain_text("mg/dL")
    await screenshot(page, "dashboard-same-person", in_readme=True)

    # All there is about her is in one place, and there is one report.
    await page.goto(f"{home.url}/{URL_PATH}/details")
    await expect(page.locator("care-alerts-timeline")).to_have_count(1)
    for source in SOURCES:
        await expect(page.get_by_text(f"{source} · {SAYS['dashboard_details']}")).to_be_visible()
    await does_not_scroll_sideways(page)
    await screenshot(page, "details-same-person")
    await page.goto(f"{home.url}/{URL_PATH}/report")
    await the_report_says_who_else_has_seen_it(page)
    await page.goto(f"{home.url}/{URL_PATH}/now")

    await low.get_by_role("button", name=SAYS["dashboard_acknowledge"]).click()
    await expect(low).to_contain_text(re.compile(r"Demo has it since"))
    await expect(need(page, "Mila: Low")).to_have_count(1)
