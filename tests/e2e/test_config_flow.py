"""The config flow as a person meets it: every wrong turn says what to do, and the right one is found."""

import re

from playwright.async_api import Browser, Locator, Page, expect

from scripts.real_home import RealHome
from scripts.sources import set_up_lumen
from simulator import CATALOGUE, Simulator

from .conftest import TEXTS, log_in, page_of, screenshot, until

CONFIG = TEXTS["config"]
ADDRESS, KEY = "base_url", "api_key"


class Flow:
    """The dialog of a flow in the browser."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.dialog: Locator = page.locator("dialog-data-entry-flow")

    async def shows(self, text: str) -> None:
        """See a sentence of the translations in the dialog, word for word."""
        await expect(self.dialog.get_by_text(text, exact=False).first).to_be_visible()

    async def enter(self, **fields: str) -> None:
        """Fill in the fields of the form that is shown, and submit it."""
        for name, value in fields.items():
            label = CONFIG["step"]["lumen"]["data"][name]
            field = self.dialog.locator("ha-selector-text", has_text=re.compile(rf"^\s*{label}"))
            await field.locator("input").fill(value)
        await self.dialog.get_by_role("button", name="Submit").click()

    async def close(self) -> None:
        """Close the dialog after its last page."""
        await self.dialog.get_by_role(
            "button", name=re.compile("Close|Finish|Skip and finish")
        ).last.click()
        await expect(self.dialog.get_by_role("button").first).to_be_hidden()


async def add_care_alerts(page: Page, home: RealHome) -> Flow:
    """Begin to add the integration, as far as the first page of Lumen."""
    flow = Flow(page)
    await page.goto(f"{home.url}/config/integrations/dashboard/add?domain=care_alerts")
    await page.get_by_role("button", name="OK").click()
    step = CONFIG["step"]["user"]
    await flow.shows(step["description"])
    await flow.shows(step["menu_option_descriptions"]["lumen"])
    await screenshot(await frame_of(flow), "setup-source", in_readme=True)
    await flow.dialog.get_by_text(step["menu_options"]["lumen"], exact=True).click()
    await flow.shows(CONFIG["step"]["lumen"]["description"])
    return flow


async def frame_of(flow: Flow) -> Locator:
    """The visible part of the dialog."""
    return flow.dialog.locator("dialog, .mdc-dialog__surface").first


async def test_setting_lumen_up(home: RealHome, simulator: Simulator, browser: Browser) -> None:
    simulator.load("demo")
    page = await page_of(browser)
    await log_in(page, home)
    flow = await add_care_alerts(page, home)
    await screenshot(await frame_of(flow), "setup-lumen", in_readme=True)
    errors = CONFIG["error"]
    url, key = simulator.lumen.url, simulator.lumen.api_key

    await flow.enter(base_url="ftp://lumen.example", api_key=key)
    await flow.shows(errors["invalid_url"])
    await flow.enter(base_url="http://lumen.example", api_key=key)
    await flow.shows(errors["invalid_url"])
    assert simulator.log == []

    await flow.enter(base_url=url, api_key="not-the-key")
    await flow.shows(errors["invalid_auth"])
    await screenshot(await frame_of(flow), "setup-wrong-key")
    simulator.faults.add("*", CATALOGUE["429_seconds"](), times=1)
    await flow.enter(base_url=url, api_key=key)
    await flow.shows(errors["rate_limited"])
    # Nothing listens there.
    await flow.enter(base_url="http://127.0.0.1:9", api_key=key)
    await flow.shows(errors["cannot_connect"])

    await flow.enter(base_url=url, api_key=key)
    await expect(
        flow.dialog.get_by_role("button", name=re.compile("Finish|Skip and finish"))
    ).to_be_visible()
    assert [entry["state"] for entry in await home.entries("care_alerts")] == ["loaded"]
    await screenshot(await frame_of(flow), "setup-done")

    flow = await add_care_alerts(page, home)
    await flow.enter(base_url=url, api_key=key)
    await flow.shows(CONFIG["abort"]["already_configured"])
    assert len(await home.entries("care_alerts")) == 1


async def test_a_key_that_stops_working_and_a_new_address(
    home: RealHome, simulator: Simulator, browser: Browser
) -> None:
    simulator.load("demo")
    entry_id = await set_up_lumen(home, simulator)
    other = simulator.lumen.add_account("key-of-another-account")
    other.add_person("ana.silva@example.com")
    page = await page_of(browser)
    await log_in(page, home)
    flow = Flow(page)

    # The key stops working: Home Assistant asks for another one.
    simulator.lumen.rotate_key("the-new-key")
    refresh = await home.entity_id("button", "care_alerts", f"{entry_id}_refresh")
    await page.goto(f"{home.url}/config/integrations/integration/care_alerts")
    await press(page, home, refresh)
    await expect(
        page.get_by_text(TEXTS["exceptions"]["login_failed"]["message"]).first
    ).to_be_visible()
    status = await home.state("sensor", "care_alerts", f"{entry_id}_status")
    assert status["state"] == "login_failed"
    await (
        page.get_by_role("button", name="Reconfigure")
        .or_(page.get_by_text("Reconfigure", exact=True))
        .first.click()
    )
    await flow.shows(CONFIG["step"]["lumen_reauth"]["description"])
    await flow.enter(api_key="still-wrong")
    await flow.shows(CONFIG["error"]["invalid_auth"])
    await flow.enter(api_key="the-new-key")
    # Home Assistant's own words.
    await flow.shows("Re-authentication was successful")

    async def answers() -> bool:
        status = await home.state("sensor", "care_alerts", f"{entry_id}_status")
        return bool(status["state"] == "ok")

    await until(answers, "the source answers again")

    # Another account is refused, the same account at another address is not.
    await reconfigure(page, home)
    await flow.shows(CONFIG["step"]["lumen_reconfigure"]["description"])
    await flow.enter(base_url=simulator.lumen.url, api_key="key-of-another-account")
    await flow.shows(CONFIG["abort"]["wrong_account"])
    await reconfigure(page, home)
    address = simulator.lumen.url.replace("127.0.0.1", "localhost")
    await flow.enter(base_url=address, api_key="the-new-key")
    await flow.shows("Reconfiguration was successful")
    await until(answers, "the source answers at its new address")


async def press(page: Page, home: RealHome, entity_id: str) -> None:
    """Press a button entity as the person in the browser would, so that what it says is shown there."""
    await expect(page.locator("home-assistant-main")).to_be_attached()
    await page.evaluate(
        """async entity_id => {
             const app = document.querySelector("home-assistant");
             await app.hass.callService("button", "press", {entity_id}).catch(() => null);
           }""",
        entity_id,
    )


async def reconfigure(page: Page, home: RealHome) -> None:
    """Choose "Reconfigure" in the menu of the source."""
    await page.goto(f"{home.url}/config/integrations/integration/care_alerts")
    await (
        page.locator("ha-config-entry-row")
        .get_by_label(re.compile("Menu|Overflow|menu"))
        .first.click()
    )
    await page.get_by_text("Reconfigure", exact=True).first.click()
