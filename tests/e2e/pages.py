"""Home Assistant's pages as a person uses them: the dialog of a flow, a vendor's login page, the page of the integration."""

import re
from typing import Final

from playwright.async_api import Browser, Locator, Page, expect

from scripts.real_home import RealHome

from .conftest import TEXTS, page_of

CONFIG: Final = TEXTS["config"]

INTEGRATION: Final = "/config/integrations/integration/care_alerts"

# Home Assistant's own words.
REAUTHENTICATED: Final = "Re-authentication was successful"
RECONFIGURED: Final = "Reconfiguration was successful"


class Flow:
    """The dialog of a flow in the browser."""

    def __init__(self, page: Page) -> None:
        """Be on a page, where the dialog may open later."""
        self.page = page
        self.dialog: Locator = page.locator("dialog-data-entry-flow")

    @property
    def frame(self) -> Locator:
        """The visible part of the dialog."""
        return self.dialog.locator("dialog, .mdc-dialog__surface").first

    async def shows(self, text: str) -> None:
        """See a sentence of the translations in the dialog, word for word but for its Markdown."""
        for part in filter(None, re.split(r"\s*\n+(?:- )?|\*+|\[|\]\([^)]*\)|\{\w+\}", text)):
            await expect(self.dialog.get_by_text(part.strip(), exact=False).first).to_be_visible()

    async def choose(self, source: str) -> None:
        """Choose a source in the menu, and see its first step."""
        step = CONFIG["step"]["user"]
        await self.shows(step["description"])
        await self.shows(step["menu_option_descriptions"][source])
        await self.dialog.get_by_text(step["menu_options"][source], exact=True).click()
        await self.shows(CONFIG["step"][source]["description"])

    async def fill(self, step: str, **fields: str) -> None:
        """Fill in text fields of a step's form."""
        for name, value in fields.items():
            label = re.escape(CONFIG["step"][step]["data"][name])
            field = self.dialog.locator("ha-selector-text", has_text=re.compile(rf"^\s*{label}"))
            await field.locator("input").fill(value)

    async def type_choice(self, value: str) -> None:
        """Type what is not in the list of the form's only choice."""
        choice = self.dialog.locator("ha-selector-select")
        await choice.click()
        await self.dialog.get_by_placeholder("Add custom item").fill(value)
        await self.dialog.get_by_text(f'"{value}"').click()
        # What is entered before the list has closed is lost.
        await expect(self.dialog.get_by_placeholder("Add custom item")).to_be_hidden()
        await expect(choice).to_contain_text(value)

    async def pick(self, option: str) -> None:
        """Take one of the options of the form's only choice."""
        choice = self.dialog.locator("ha-selector-select, ha-select, ha-form-select").first
        radio = choice.get_by_label(option)
        if not await radio.count():
            await choice.click()
        await self.dialog.get_by_text(option, exact=True).last.click()

    async def submit(self) -> None:
        """Send the form."""
        await self.dialog.get_by_role("button", name="Submit").click()

    async def enter(self, step: str, **fields: str) -> None:
        """Fill in text fields of the form that is shown, and send it."""
        await self.fill(step, **fields)
        await self.submit()

    async def is_done(self) -> None:
        """See that an entry has been made."""
        done = self.dialog.get_by_role("button", name=re.compile("Finish|Skip and finish"))
        await expect(done).to_be_visible()

    async def login_page(self) -> Page:
        """Send the form and return the window that opens for it."""
        async with self.page.expect_popup() as window:
            await self.submit()
        return await window.value


async def opened(told: str, browser: Browser) -> Page:
    """The address that was printed, opened and logged in at as was printed."""
    found = re.search(r"Open +(\S+)\n +Log in as +user (\S+), password (\S+)", told)
    assert found, told
    address, user, password = found.groups()
    page = await page_of(browser, height=1250)
    await page.goto(address)
    await page.get_by_label("Username").fill(user)
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_role("button", name="Log in").click()
    return page


def section(page: Page, title: str) -> Locator:
    """What the dashboard says of somebody."""
    heading = page.locator("hui-heading-card").get_by_text(title, exact=True)
    return page.locator("hui-grid-section").filter(has=heading)


def needs_you(page: Page) -> Locator:
    """The card of who needs somebody."""
    return page.locator("care-alerts-needs-you").first


def need(page: Page, alert: str) -> Locator:
    """What it says of an alert, such as "Anna: Low", whether somebody has it or not."""
    return needs_you(page).locator("article", has_text=alert)


def line(page: Page, name: str) -> Locator:
    """How somebody is, in a line."""
    return page.locator("care-alerts-person").first.locator("li", has_text=name)


async def ask_now(page: Page, source: str) -> None:
    """Press a source's button on the dashboard."""
    sources = page.locator("hui-grid-section").last
    headings = sources.locator("hui-heading-card")
    await expect(headings.get_by_text(source)).to_be_visible()
    named = [await heading.get_by_text(source).count() for heading in await headings.all()]
    await sources.locator("hui-tile-card", has_text="Ask now").nth(named.index(1)).click()


async def add_care_alerts(page: Page, home: RealHome) -> Flow:
    """Begin to add the integration; the menu of sources is next."""
    await page.goto(f"{home.url}/config/integrations/dashboard/add?domain=care_alerts")
    await page.get_by_role("button", name="OK").click()
    return Flow(page)


async def begin_reauth(page: Page) -> Flow:
    """Do as Home Assistant asks on the integration's page."""
    await (
        page.get_by_role("button", name="Reconfigure")
        .or_(page.get_by_text("Reconfigure", exact=True))
        .first.click()
    )
    return Flow(page)


async def begin_reconfigure(page: Page, home: RealHome) -> Flow:
    """Choose "Reconfigure" in the menu of the only source."""
    await page.goto(f"{home.url}{INTEGRATION}")
    await (
        page.locator("ha-config-entry-row")
        .get_by_label(re.compile("Menu|Overflow|menu"))
        .first.click()
    )
    await page.get_by_text("Reconfigure", exact=True).first.click()
    return Flow(page)


async def press(page: Page, entity_id: str) -> None:
    """Press a button entity as the person in the browser would, so that what it says is shown there."""
    await expect(page.locator("home-assistant-main")).to_be_attached()
    await page.evaluate(
        """async entity_id => {
             const app = document.querySelector("home-assistant");
             await app.hass.callService("button", "press", {entity_id}).catch(() => null);
           }""",
        entity_id,
    )
