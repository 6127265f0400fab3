"""Each language as somebody sees it who has no other: the dashboard, a flow and a notification, whole and without English."""

from collections.abc import AsyncGenerator
from html import escape
from pathlib import Path
import re
from typing import Final

from playwright.async_api import Browser, Page, expect
import pytest

from scripts.real_home import Json, RealHome
from scripts.sources import set_up_dexcom, set_up_tidepool
from simulator import Simulator

from ..languages import OTHERS, english_in, texts
from .conftest import log_in, page_of, screenshot, stillness
from .outside import Outside, Phone
from .test_care_dashboard import URL_PATH, act, find, take_over, tell_glucose
from .test_first_screen import FIND, add_people, ask, nothing_is_cut

SAID: Final = """() => {
  const isShown = one => one.checkVisibility({ visibilityProperty: true }) || getComputedStyle(one).display === "contents";
  const within = one => one.tagName === "SLOT" && one.assignedNodes().length ? one.assignedNodes() : (one.shadowRoot ?? one).childNodes;
  const said = one => {
    if (one.nodeType === Node.TEXT_NODE) return [one.data];
    if (one.nodeType !== Node.ELEMENT_NODE || /^(style|script|svg)$/i.test(one.tagName) || !isShown(one)) return [];
    return [one.ariaLabel, one.placeholder, ...[...within(one)].flatMap(said)];
  };
  return said(document.body).map(text => (text ?? "").trim()).filter(Boolean).join("\\n");
}"""
"""All that is read on the page, also inside of elements, and by a screen reader."""


async def speak(home: RealHome, page: Page, language: str) -> None:
    """Have the house, and its user, speak a language."""
    await home.ws({"type": "config/core/update", "language": language})
    await home.ws(
        {
            "type": "frontend/set_user_data",
            "key": "language",
            "value": {
                "language": language,
                "number_format": "language",
                "time_format": "language",
                "date_format": "language",
                "first_weekday": "language",
                "time_zone": "server",
            },
        }
    )
    for entry in await home.entries("care_alerts"):
        # What entities are called is looked up when they are made.
        await home.post(f"/api/config/config_entries/entry/{entry['entry_id']}/reload")
    await page.evaluate(
        "language => localStorage.selectedLanguage = JSON.stringify(language)", language
    )


async def english_on(page: Page, language: str) -> list[str]:
    """Return what of the page is English of ours; names are the same everywhere."""
    await stillness(page)
    said = str(await page.evaluate(SAID))
    return english_in(re.sub(r"Care Alerts|Home Assistant", "", said), language)


async def go_to(page: Page, path: str) -> None:
    """Go there as a link on the page does."""
    await page.evaluate(
        "path => { history.pushState(null, '', path); dispatchEvent(new CustomEvent('location-changed', { detail: { replace: false } })); }",
        path,
    )


async def cut_on(page: Page) -> list[str]:
    """Return what of the page does not fit where it stands."""
    try:
        await nothing_is_cut(page)
    except AssertionError as error:
        return [str(error)]
    ellipses: list[str] = await page.evaluate(
        "() => {"
        + FIND
        + """
          return find(document, "hui-view").flatMap(view => find(view, "*"))
            .filter(one => getComputedStyle(one).textOverflow === "ellipsis" && one.scrollWidth > one.clientWidth + 1)
            .map(one => one.innerText || one.outerHTML.slice(0, 200));
        }"""
    )
    return ellipses


async def household(home: RealHome) -> str:
    """Say yes to the household, in the language of the house; return the id of its entry."""
    flow = await home.start_flow("care_alerts")
    flow = await home.flow_step(flow["flow_id"], {"next_step_id": "household"})
    made = await home.flow_step(flow["flow_id"], {"caregivers": ["person.anna"]})
    return str(made["result"]["entry_id"])


def as_notification(language: str, note: Json) -> str:
    """Draw a notification as a phone does: one line of its title."""
    buttons = "".join(f"<button>{escape(one['title'])}</button>" for one in note["data"]["actions"])
    return (
        f"<article lang={language}><b>{escape(note['title'])}</b>"
        f"<p>{escape(note['message'])}</p>{buttons}</article>"
    )


NOTIFICATION_STYLE: Final = """
  body { font: 14px Roboto, sans-serif; width: 340px; background: #ddd; }
  article { background: #fff; border-radius: 12px; margin: 10px 0; padding: 10px; }
  b { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  p { white-space: pre-line; margin: 4px 0 8px; }
"""


@pytest.fixture
async def home(tmp_path: Path) -> AsyncGenerator[RealHome]:
    """Anna's, who has a phone."""
    home = RealHome(tmp_path / "home", username="anna")
    home.prepare()
    with (tmp_path / "home" / "configuration.yaml").open("a") as file:
        file.write("mobile_app: {}\nperson: {}\n")
    try:
        await home.start()
        yield home
    finally:
        await home.stop()


async def test_each_language_is_whole_and_fits(
    home: RealHome, simulator: Simulator, browser: Browser
) -> None:
    add_people(simulator, ["Anna", "Zoe"])
    await set_up_dexcom(home, simulator.dexcom, tell_glucose(simulator), "Oma")
    await set_up_tidepool(home, simulator)
    await take_over(home)
    simulator.tidepool.child("Zoe").add_reading(simulator.clock.now(), 2.8)
    await ask(home)
    page = await page_of(browser, width=400, height=860)
    await log_in(page, home)
    await page.goto(f"{home.url}/profile")
    english: dict[str, list[str]] = {}
    cut: dict[str, list[str]] = {}
    notifications: list[str] = []
    async with Outside() as outside:
        phone = await Phone.register(home, outside, "Pixel", os_name="Android")
        for language in OTHERS:
            said = texts(language)
            await speak(home, page, language)

            entry_id = await household(home)
            outside.pushed.clear()
            urgent = await find(home, "binary_sensor", "urgent_low", "Zoe")
            state = await home.get(f"/api/states/{urgent}")
            episode_id = state["attributes"]["episode_id"]
            await act(home, "notify", device_id=phone.device_id, episode_id=episode_id)
            [note] = phone.screen
            notifications.append(as_notification(language, note))
            told = [
                note["title"],
                note["message"],
                *(one["title"] for one in note["data"]["actions"]),
            ]
            english[f"{language} phone"] = english_in("\n".join(told), language)
            assert re.search(r"\d,\d mmol/L", note["message"]), note["message"]

            await page.goto(f"{home.url}/{URL_PATH}/now")
            needs = page.locator("care-alerts-needs-you article").first
            await expect(needs).to_contain_text("Zoe")
            await expect(page.locator("hui-tile-card").first).to_be_attached()
            english[f"{language} dashboard"] = await english_on(page, language)
            offers = "customStrategies.concat(customCards).map(({ description }) => description)"
            offered = await page.evaluate(offers)
            assert said["common.dashboard_offer"] in offered
            assert said["common.dashboard_card_needs_you_text"] in offered
            for width in (320, 400):
                await page.set_viewport_size({"width": width, "height": 860})
                cut[f"{language} {width}"] = await cut_on(page)
                await screenshot(page, f"language-{language}-{width}", full_page=True)
            await home.delete(f"/api/config/config_entries/entry/{entry_id}")

            await go_to(page, "/config/integrations/dashboard/add?domain=care_alerts")
            await page.locator("dialog-box ha-button:not([appearance=plain])").last.click()
            dialog = page.locator("dialog-data-entry-flow")
            menu = dialog.get_by_text(said["config.step.user.menu_options.household"], exact=True)
            await expect(menu).to_be_visible()
            english[f"{language} menu"] = await english_on(page, language)
            await menu.click()
            title = said["config.step.household.title"]
            await expect(dialog.get_by_text(title, exact=True)).to_be_visible()
            english[f"{language} form"] = await english_on(page, language)
            await screenshot(page, f"language-{language}-form")
    await page.set_content(f"<style>{NOTIFICATION_STYLE}</style>{''.join(notifications)}")
    await screenshot(page, "language-notifications", full_page=True)
    titles = page.locator("b")
    await expect(titles).to_have_count(len(OTHERS))
    for language, shown in zip(OTHERS, await titles.all(), strict=True):
        if await shown.evaluate("one => one.scrollWidth > one.clientWidth"):
            cut[f"{language} phone"] = [await shown.inner_text()]
    assert {where: found for where, found in english.items() if found} == {}
    assert {where: found for where, found in cut.items() if found} == {}
