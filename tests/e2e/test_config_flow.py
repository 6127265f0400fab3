"""The config flow as a person meets it: every wrong turn says what to do, and the right one is found."""

from playwright.async_api import Browser, expect

from scripts.real_home import RealHome
from scripts.sources import set_up_lumen
from simulator import CATALOGUE, Simulator

from .conftest import TEXTS, log_in, page_of, screenshot, until
from .pages import (
    CONFIG,
    INTEGRATION,
    REAUTHENTICATED,
    RECONFIGURED,
    Flow,
    add_care_alerts,
    begin_reauth,
    begin_reconfigure,
    press,
)

ERRORS = CONFIG["error"]


async def test_setting_lumen_up(home: RealHome, simulator: Simulator, browser: Browser) -> None:
    simulator.load("demo")
    page = await page_of(browser)
    await log_in(page, home)
    flow = await add_care_alerts(page, home)
    await flow.shows(CONFIG["step"]["user"]["description"])
    await screenshot(flow.frame, "setup-source", in_readme=True)
    await flow.choose("lumen")
    await screenshot(flow.frame, "setup-lumen", in_readme=True)
    url, key = simulator.lumen.url, simulator.lumen.api_key

    await flow.enter("lumen", base_url="ftp://lumen.example", api_key=key)
    await flow.shows(ERRORS["invalid_url"])
    await flow.enter("lumen", base_url="http://lumen.example", api_key=key)
    await flow.shows(ERRORS["invalid_url"])
    assert simulator.log == []

    await flow.enter("lumen", base_url=url, api_key="not-the-key")
    await flow.shows(ERRORS["invalid_auth"])
    await screenshot(flow.frame, "setup-wrong-key")
    simulator.faults.add("*", CATALOGUE["429_seconds"](), times=1)
    await flow.enter("lumen", base_url=url, api_key=key)
    await flow.shows(ERRORS["rate_limited"])
    # Nothing listens there.
    await flow.enter("lumen", base_url="http://127.0.0.1:9", api_key=key)
    await flow.shows(ERRORS["cannot_connect"])

    await flow.enter("lumen", base_url=url, api_key=key)
    await flow.is_done()
    await flow.shows(CONFIG["create_entry"]["default"])
    assert [entry["state"] for entry in await home.entries("care_alerts")] == ["loaded"]
    await screenshot(flow.frame, "setup-done")

    flow = await add_care_alerts(page, home)
    await flow.choose("lumen")
    await flow.enter("lumen", base_url=url, api_key=key)
    await flow.shows(CONFIG["abort"]["already_configured"])
    assert len(await home.entries("care_alerts")) == 1


async def test_what_is_left_to_do_after_the_set_up(
    home: RealHome, simulator: Simulator, browser: Browser
) -> None:
    simulator.load("demo")
    await set_up_lumen(home, simulator)
    issue = TEXTS["issues"]["next_steps"]
    steps = issue["fix_flow"]["step"]
    page = await page_of(browser, width=400, height=860)
    await log_in(page, home)
    await page.goto(f"{home.url}/config/repairs")
    await page.get_by_text(issue["title"]).click()
    flow = Flow(page)
    await flow.shows(steps["init"]["description"])
    await screenshot(flow.frame, "next-steps")
    await flow.dialog.get_by_text(steps["init"]["menu_options"]["dashboard"]).click()
    await flow.shows(steps["dashboard"]["description"])
    await flow.submit()
    await flow.shows(issue["fix_flow"]["error"]["no_dashboard"])
    await screenshot(flow.frame, "next-steps-dashboard")
    await page.goto(f"{home.url}/config/repairs")
    await page.get_by_text(issue["title"]).click()
    await flow.dialog.get_by_text(steps["init"]["menu_options"]["phone"]).click()
    # It goes on with the household.
    await flow.shows(CONFIG["step"]["household"]["title"])
    await screenshot(flow.frame, "next-steps-phone")


async def test_a_key_that_stops_working_and_a_new_address(
    home: RealHome, simulator: Simulator, browser: Browser
) -> None:
    simulator.load("demo")
    entry_id = await set_up_lumen(home, simulator)
    other = simulator.lumen.add_account("key-of-another-account")
    other.add_person("ana.silva@example.com")
    page = await page_of(browser)
    await log_in(page, home)

    # The key stops working: Home Assistant asks for another one.
    simulator.lumen.rotate_key("the-new-key")
    refresh = await home.entity_id("button", "care_alerts", f"{entry_id}_refresh")
    await page.goto(f"{home.url}{INTEGRATION}")
    await press(page, refresh)
    await expect(
        page.get_by_text(TEXTS["exceptions"]["login_failed"]["message"]).first
    ).to_be_visible()
    status = await home.state("sensor", "care_alerts", f"{entry_id}_status")
    assert status["state"] == "login_failed"
    flow = await begin_reauth(page)
    await flow.shows(CONFIG["step"]["lumen_reauth"]["description"])
    await flow.enter("lumen_reauth", api_key="still-wrong")
    await flow.shows(ERRORS["invalid_auth"])
    await flow.enter("lumen_reauth", api_key="the-new-key")
    await flow.shows(REAUTHENTICATED)

    async def answers() -> bool:
        status = await home.state("sensor", "care_alerts", f"{entry_id}_status")
        return bool(status["state"] == "ok")

    await until(answers, "the source answers again")

    # Another account is refused, the same account at another address is not.
    flow = await begin_reconfigure(page, home)
    await flow.shows(CONFIG["step"]["lumen_reconfigure"]["description"])
    await flow.enter(
        "lumen_reconfigure", base_url=simulator.lumen.url, api_key="key-of-another-account"
    )
    await flow.shows(CONFIG["abort"]["wrong_account"])
    flow = await begin_reconfigure(page, home)
    address = simulator.lumen.url.replace("127.0.0.1", "localhost")
    await flow.enter("lumen_reconfigure", base_url=address, api_key="the-new-key")
    await flow.shows(RECONFIGURED)
    await until(answers, "the source answers at its new address")
