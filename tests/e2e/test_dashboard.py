"""What a newcomer sees after `scripts/develop`."""

import re

import aiohttp
from playwright.async_api import Browser, Locator, Page, expect

from .conftest import screenshot
from .pages import opened


async def test_a_newcomer_sees_the_alerts_of_the_demo_people(
    develop: str, browser: Browser
) -> None:
    page = await opened(develop, browser)
    await sees_the_wearers_night(page)
    # What the welcome offers to try.
    tried = re.search(r"A new alert +curl -X POST (\S+) -d '(.+)'\n", develop)
    assert tried, develop
    async with aiohttp.ClientSession() as session:
        (await session.post(tried[1], data=tried[2])).raise_for_status()
    await sees_a_new_alert(page)
    await page.set_viewport_size({"width": 1280, "height": 1222})
    await page.get_by_role("tab", name="Lumen").click()
    await sees_what_lumen_found(page)


def row_of(person: Locator, alert: str) -> Locator:
    """The row of an alert in the table of a person's night."""
    return person.locator("tr").filter(has=person.page.get_by_text(alert, exact=True))


async def sees_the_wearers_night(page: Page) -> None:
    """Which alerts, when they were observed, how old they are, and the glucose at the time."""
    robin = page.locator("hui-grid-section", has_text="Robin").first
    for alert, severity, observed, glucose, then in (
        ("High", "medium", "20:15", "13.9 mmol/L rising slightly", "snoozed 20:25 over 22:40"),
        ("Falling fast", "medium", "22:35", "14.1 mmol/L falling quickly", "over 22:50"),
        ("Urgent low soon", "high", "02:20", "4.2 mmol/L steady", "snoozed 02:30 over 02:40"),
        ("Low", "medium", "02:25", "3.9 mmol/L steady", "over 03:25"),
        ("Urgent low", "high", "02:40", "3.0 mmol/L steady", "snoozed 02:50 over 03:15"),
        ("Signal loss", "low", "05:45", "no value", "over 06:15"),
        ("No readings", "low", "07:30", "7.2 mmol/L steady", "over 07:45"),
    ):
        cells = row_of(robin, alert).locator("td")
        await expect(cells).to_have_count(4)
        texts = [" ".join((await cell.inner_text()).split()) for cell in await cells.all()]
        assert texts[0] == f"{alert} {severity} severity"
        # When it was, and how long ago.
        assert re.fullmatch(rf"\w{{3}} {observed} \d+ (day|hour)s?.* ago", texts[1]), texts
        assert texts[2].endswith(glucose)
        assert texts[3] == then
    await expect(robin.locator("tbody tr")).to_have_count(7)
    await expect(robin).to_contain_text(
        re.compile(
            r"data reach to \w{3} \d\d:\d\d, 1 hour ago. What has happened since is not known"
        )
    )
    newest = robin.locator("hui-tile-card", has_text="Glucose").first
    await expect(newest).to_contain_text(re.compile(r"\d\.\d mmol/L · \d+ \w+ \d{4} at \d\d:\d\d"))
    tile = robin.locator("hui-tile-card").filter(has=page.get_by_text("Low alert", exact=True))
    await expect(tile).to_contain_text("None going on, as far as known")
    await expect(page.get_by_text("not a medical device").first).to_be_visible()
    await screenshot(page, "dexcom-night", in_readme=True)


async def sees_a_new_alert(page: Page) -> None:
    """It is there as soon as the source is asked, on a phone as well."""
    robin = page.locator("hui-grid-section", has_text="Robin").first
    cloud = page.locator("hui-grid-section", has_text="Dexcom cloud")
    await cloud.locator("hui-button-entity-row", has_text="Ask now").get_by_text("Press").click()
    await expect(robin.locator("tbody tr")).to_have_count(8)
    newest = robin.locator("tbody tr").first
    await expect(newest).to_contain_text("Low")
    await expect(newest).to_contain_text("1 hour")
    await expect(newest).to_contain_text("nothing heard")
    tile = robin.locator("hui-tile-card").filter(has=page.get_by_text("Low alert", exact=True))
    await expect(tile).to_contain_text("Alerted")

    await page.set_viewport_size({"width": 400, "height": 2000})
    await expect(row_of(robin, "Urgent low").locator("td").last).to_be_in_viewport(ratio=1)
    await screenshot(page, "dexcom-night-phone")


async def sees_what_lumen_found(page: Page) -> None:
    """Somebody needs help, and somebody is well as far as is known."""
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
