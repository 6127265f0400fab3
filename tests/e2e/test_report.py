"""The report page: a fortnight's figures against the simulator's truth, on a phone, on paper, and in a spreadsheet."""

import csv
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
import re
from typing import Final

from playwright.async_api import Browser, Locator, Page, expect
import pytest

from scripts.real_home import RealHome
from scripts.sources import set_up_tidepool
from simulator import Simulator

from ..languages import texts
from .conftest import OUTPUT, TEXTS, in_colours, screenshot
from .test_care_dashboard import URL_PATH, act, find, opened, take_over
from .test_first_screen import FIND, axe_finds_nothing, nothing_is_cut
from .test_languages import speak

SAYS: Final[dict[str, str]] = TEXTS["common"]
FIVE: Final = timedelta(minutes=5)
MG_DL: Final = 18.0156


def level(number: int) -> float:
    """A fortnight's glucose in mmol/L, from the newest reading back: waves, low now and then, and high."""
    wave = 8 + 5 * ((number // 12 % 24) / 12 - 1) * (1 if number // 288 % 2 else -1)
    return round(2.8 if number % 977 < 4 else wave, 1)


def tell_of_mila(simulator: Simulator) -> dict[datetime, float]:
    """A child with two weeks of readings, two long gaps and some readings lost; return what her sensor read."""
    tidepool, now = simulator.tidepool, simulator.clock.now().replace(microsecond=0)
    child = tidepool.add_child("Mila")
    child.share_with(tidepool.account)
    child.set_settings(
        tidepool.account,
        {
            "urgentLow": {"enabled": True, "threshold": {"units": "mmol/L", "value": 3.0}},
            "low": {"enabled": True, "delay": 0, "threshold": {"units": "mmol/L", "value": 3.9}},
            "high": {"enabled": True, "delay": 60, "threshold": {"units": "mmol/L", "value": 12.0}},
        },
    )
    truth = {}
    for number in range(14 * 288 - 2):
        if 700 <= number < 800 or 2000 <= number < 2150 or number % 97 == 50:
            continue
        at = now - timedelta(minutes=2) - number * FIVE
        truth[at] = level(number)
        child.add_reading(at, truth[at])
    return truth


def reports(page: Page) -> Locator:
    """The reports of the page."""
    return page.locator("care-alerts-report")


def numbers(text: str | None) -> list[float]:
    """The numbers in a text."""
    return [float(one) for one in re.findall(r"\d+(?:\.\d+)?", text or "")]


async def no_word_is_broken(page: Page) -> None:
    """See each word of each table in one line: numbers with their units, too, as long as they have no space."""
    broken: list[str] = await page.evaluate(
        """() => {"""
        + FIND
        + """
          const words = node => [...node.data.matchAll(/\\S+/g)].map(({ 0: text, index }) => {
            const range = document.createRange();
            range.setStart(node, index);
            range.setEnd(node, index + text.length);
            return { text, lines: new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size };
          });
          const texts = one => [...one.childNodes].flatMap(node => node.nodeType === Node.TEXT_NODE ? words(node) : texts(node));
          return find(document, "care-alerts-report, care-alerts-print")
            .flatMap(card => find(card.shadowRoot, "th, td")).flatMap(texts)
            .filter(({ text, lines }) => lines > 1 && !/[-\u2013]/.test(text)).map(({ text }) => text);
        }"""
    )
    assert broken == []


async def test_a_fortnight_is_read_printed_and_taken_along(
    home: RealHome, simulator: Simulator, browser: Browser
) -> None:
    truth = tell_of_mila(simulator)
    await set_up_tidepool(home, simulator)
    await take_over(home)
    await act(home, "acknowledge", entity_id=await find(home, "binary_sensor", "urgent_low"))
    page = await opened(browser, home, "report", width=320, height=640)
    card = reports(page).first
    await expect(card.get_by_role("heading", name="Report: Mila")).to_be_visible()
    await expect(card).to_contain_text("Data cover")
    for colours in ("dark", "light"):
        await in_colours(page, colours)
        await axe_finds_nothing(page)
    await nothing_is_cut(page)
    await screenshot(page, "report-night-320", full_page=True)

    await card.get_by_role("button", name="14 days").click()
    bands = card.get_by_role("table", name=SAYS["dashboard_report_bands"])
    await expect(bands).to_be_visible()
    await nothing_is_cut(page)
    await no_word_is_broken(page)
    for shade in ("dark", "light"):
        await in_colours(page, shade)
        await axe_finds_nothing(page)
        await screenshot(card, f"report-en-320-{shade}")
    # As a table, however its lines stand.
    await expect(bands.get_by_role("columnheader")).to_have_count(4)
    await expect(bands.get_by_role("rowheader")).to_have_count(5)
    await page.set_viewport_size({"width": 1280, "height": 2000})
    await nothing_is_cut(page)
    await no_word_is_broken(page)

    # What stands there is what the sensor read.
    known = list(truth.values())
    covered = 100 * len(known) / (14 * 288)
    for row, (lowest, highest) in zip(
        (await bands.locator("tbody tr").all()),
        ((14.0, 99), (10.1, 13.9), (3.9, 10.0), (3.0, 3.8), (0, 2.9)),
        strict=True,
    ):
        cells = [await one.text_content() for one in await row.locator("td").all()]
        count = len([one for one in known if lowest <= one <= highest])
        assert numbers(cells[0])[0] == pytest.approx(100 * count / len(known), abs=0.15)
        # Beside each percentage stands how much data cover.
        assert numbers(cells[2])[0] == pytest.approx(covered, abs=0.3)
    limits = card.get_by_role("table", name=SAYS["dashboard_report_limits"]).locator("tbody tr")
    for place, count in (
        (0, len([one for one in known if one <= 3.9])),
        (1, len([one for one in known if one >= 12])),
    ):
        share = await limits.nth(place).locator("td").first.text_content()
        assert numbers(share)[0] == pytest.approx(100 * count / len(known), abs=0.15)
    await expect(card).to_contain_text("Lowest: 2.8 mmol/L")
    nights = card.get_by_role("table", name=SAYS["dashboard_report_nights"]).locator("tbody tr")
    assert await nights.count() in (14, 15)
    # Of the nights before she was followed nobody says that they were quiet.
    await expect(nights.first.locator("td").first).to_have_text("\u2013")
    for night in await nights.all():
        await expect(night.locator("td").last).to_contain_text("%")
    await screenshot(card, "report-fortnight", in_readme=True)

    # A table for a spreadsheet: the same.
    async with page.expect_download() as saving:
        await card.get_by_role("button", name=SAYS["dashboard_report_csv"]).click()
    saved = await saving.value
    assert saved.suggested_filename.startswith("Mila ")
    text = Path(await saved.path()).read_text("utf-8-sig")  # noqa: ASYNC240 # nothing else runs here
    rows = list(csv.DictReader(StringIO(text)))
    [of_all] = [one for one in rows if one["what"] == "glucose"]
    assert float(of_all["coverage_percent"]) == pytest.approx(covered, abs=0.3)
    assert [one["name"] for one in rows if one["what"] == "hour"] == [str(one) for one in range(24)]
    assert all(
        one["coverage_percent"]
        for one in rows
        if one["percent"] or one["percent_below"] or one["percent_above"]
    )

    # On paper there is the report and nothing of the page.
    OUTPUT.mkdir(exist_ok=True)
    pdf = await page.pdf(path=OUTPUT / "report.pdf", prefer_css_page_size=True)
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") + pdf.count(b"/Type/Page/") <= 4
    assert await page.locator("care-alerts-print").count() == 0
    await page.evaluate("dispatchEvent(new Event('beforeprint'))")
    await page.emulate_media(media="print")
    await page.set_viewport_size({"width": 660, "height": 960})
    assert await page.locator("home-assistant").is_hidden()
    paper = page.locator("care-alerts-print")
    await expect(paper.get_by_role("heading", name="Report: Mila")).to_be_visible()
    assert await paper.get_by_role("button").count() == 0
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await no_word_is_broken(page)
    await screenshot(page, "report-print", in_readme=True, full_page=True)
    await page.emulate_media(media="screen")
    for language in ("de", "pl"):
        await reads_well_in(language, home, page)


async def reads_well_in(language: str, home: RealHome, page: Page) -> None:
    """See the report in a language of long words, on a phone, a tablet, a screen, and on paper."""
    await speak(home, page, language)
    await page.goto(f"{home.url}/{URL_PATH}/report")
    said = texts(language)
    card = reports(page).first
    await card.get_by_role(
        "button", name=said["common.dashboard_choice_days"].format(days=14)
    ).click()
    nights = card.get_by_role("table", name=said["common.dashboard_report_nights"])
    for width in (320, 768, 1280):
        await page.set_viewport_size({"width": width, "height": 1000})
        await expect(nights).to_be_visible()
        await nothing_is_cut(page)
        await no_word_is_broken(page)
        await screenshot(card, f"report-{language}-{width}")
    await page.evaluate("dispatchEvent(new Event('beforeprint'))")
    await page.emulate_media(media="print")
    await page.set_viewport_size({"width": 660, "height": 960})
    await no_word_is_broken(page)
    await screenshot(page, f"report-{language}-print", full_page=True)
    await page.emulate_media(media="screen")
