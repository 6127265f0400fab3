"""What a newcomer sees after `scripts/develop`: the dashboard that every user gets."""

import re

import aiohttp
from playwright.async_api import Browser, Page, expect

from .conftest import TEXTS, does_not_scroll_sideways, screenshot
from .pages import ask_now, line, need, needs_you, opened, section


async def test_a_newcomer_sees_the_alerts_of_the_demo_people(
    develop: str, browser: Browser
) -> None:
    page = await opened(develop, browser)
    await page.set_viewport_size({"width": 1280, "height": 2600})
    await sees_the_wearers_night(page)
    await sees_what_lumen_found(page)
    # What the welcome offers to try.
    tried = re.search(r"A new alert +curl -X POST (\S+) -d '(.+)'\n", develop)
    assert tried, develop
    async with aiohttp.ClientSession() as session:
        (await session.post(tried[1], data=tried[2])).raise_for_status()
    await sees_a_new_alert(page)


async def sees_the_wearers_night(page: Page) -> None:
    """Which alerts, when they were observed, and the glucose at the time."""
    robin = section(page, "Robin")
    night = [
        ("07:30", "No readings", "Glucose then: 7.2 mmol/L. The alert ended at 07:45."),
        ("05:45", "Signal loss", "The alert ended at 06:15."),
        ("02:40", "Urgent low · high severity", "Glucose then: 3.0 mmol/L. The alert ended"),
        ("02:25", "Low · medium severity", "Glucose then: 3.9 mmol/L. The alert ended at 03:25."),
        ("02:20", "Urgent low soon · high severity", "Glucose then: 4.2 mmol/L. The alert ended"),
        ("22:35", "Falling fast · medium severity", "Glucose then: 14.1 mmol/L. The alert ended"),
        ("20:15", "High · medium severity", "Glucose then: 13.9 mmol/L. Observed until"),
    ]
    lines = robin.locator("care-alerts-timeline article")
    await expect(lines).to_have_count(len(night))
    for shown, expected in zip(await lines.all(), night, strict=True):
        text = await shown.inner_text()
        for part in expected:
            assert part in text
    await expect(line(page, "Robin")).to_contain_text(re.compile(r"was at .*1 h \d+ min ago"))
    await expect(line(page, "Robin").locator("s")).to_contain_text(re.compile(r"\d\.\d mmol/L"))
    await expect(page.get_by_text("not a medical device")).to_be_visible()
    await screenshot(robin.locator("care-alerts-timeline"), "dexcom-night", in_readme=True)


async def sees_what_lumen_found(page: Page) -> None:
    """Somebody needs help, and of somebody else no alert is known."""
    maria, henk = section(page, "maria.keller"), section(page, "henk.devries")
    for alert in (
        "Weight: Losing fast · high severity",
        "Medication: Many not logged · high severity",
        "Metabolic flexibility: Plateau · medium severity",
    ):
        box = need(page, f"maria.keller: {alert}")
        await expect(box).to_contain_text(re.compile(r"Was observed at .*ago\)"))
        await expect(box).to_contain_text(TEXTS["common"]["dashboard_nobody_has_it"])
    await expect(need(page, "henk.devries")).to_have_count(0)
    await expect(line(page, "henk.devries")).to_contain_text(re.compile(r"Data to .*ago\)"))
    await expect(henk).to_contain_text(TEXTS["common"]["dashboard_timeline_empty"])
    await screenshot(needs_you(page), "lumen-person", in_readme=True)

    await page.get_by_role("tab", name="Details").click()
    for detail, value in (
        ("Weight trend", "Losing fast"),
        ("Weight change in a week", "-2.6"),
        ("Metabolic flexibility rate", "-0.05"),
        ("Doses not logged in 7 days", "5 doses"),
        ("Adherence in 7 days", "28.6"),
        ("Doses not logged in a row", "4 doses"),
        # Home Assistant's words, which change at the weekend.
        ("Last logged dose", re.compile("ago|last week", re.IGNORECASE)),
    ):
        rows = maria.locator("hui-sensor-entity-row", has_text=detail)
        await expect(rows.filter(has_text=value)).to_be_visible()
    await page.get_by_role("tab", name="Now").click()


async def sees_a_new_alert(page: Page) -> None:
    """It is there as soon as the source is asked, on a phone as well."""
    robin = section(page, "Robin")
    await ask_now(page, "Dexcom")
    newest = robin.locator("care-alerts-timeline article").first
    await expect(newest).to_contain_text("Low · medium severity")
    alert = need(page, "Robin: Low · medium severity")
    await expect(alert).to_contain_text(re.compile(r"Was \d\.\d mmol/L at .*\(1 h"))

    await page.set_viewport_size({"width": 400, "height": 2000})
    await expect(alert).to_be_visible()
    await does_not_scroll_sideways(page)
    await screenshot(page, "develop-phone")
