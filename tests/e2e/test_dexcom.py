"""Dexcom's OAuth2 as a person meets it: app, login page, two regions side by side, and every way to be sent back."""

from datetime import timedelta

from playwright.async_api import Browser, Page, expect

from scripts.real_home import Json, RealHome
from scripts.sources import add_credentials, set_up_dexcom
from simulator import Simulator
from simulator.dexcom import DexcomRegion

from .conftest import log_in, page_of, screenshot, until
from .pages import CONFIG, INTEGRATION, REAUTHENTICATED, Flow, add_care_alerts, begin_reauth, press

ABORT = CONFIG["abort"]


async def choose_user(login: Page, user: str) -> None:
    """Log in on Dexcom's page, whose window closes by itself when Home Assistant has heard of it."""
    await login.get_by_label("User").select_option(user)
    async with login.expect_event("close"):
        await login.get_by_role("button", name="Log in").click()


async def refuse(login: Page) -> None:
    """Say no on Dexcom's page."""
    async with login.expect_event("close"):
        await login.get_by_role("button", name="Cancel").click()


async def enter_app(page: Page, region: DexcomRegion, *, secret: str | None = None) -> None:
    """Enter a developer app in Home Assistant's own dialog."""
    dialog = page.locator("dialog-add-application-credential")
    await expect(dialog.get_by_text("registered in its developer portal")).to_be_visible()
    fields = dialog.locator("input")
    for index, value in enumerate(
        (f"{region.name} app", region.client_id, secret or region.client_secret)
    ):
        await fields.nth(index).fill(value)
    await dialog.get_by_role("button", name="Add", exact=True).click()


async def enter_wearer(flow: Flow, address: str, name: str) -> None:
    """Fill in Dexcom's form."""
    await flow.choose("dexcom")
    await flow.type_choice(address)
    await flow.fill("dexcom", name=name)


async def ask_now(home: RealHome, entry_id: str) -> None:
    """Have a source asked, and wait until that is over."""
    button = await home.entity_id("button", "care_alerts", f"{entry_id}_refresh")
    await home.post("/api/services/button/press", {"entity_id": button})


async def status_of(home: RealHome, entry_id: str) -> str:
    """How a source answers."""
    state = await home.state("sensor", "care_alerts", f"{entry_id}_status")
    return str(state["state"])


async def entry_of(home: RealHome, title: str) -> Json:
    """The entry of a wearer."""
    entries = {entry["title"]: entry for entry in await home.entries("care_alerts")}
    return entries[title]


def refreshes(region: DexcomRegion) -> list[tuple[str | None, int]]:
    """The refresh tokens that a region was sent, and how it answered."""
    return [
        (asked.refresh_token, asked.status)
        for asked in region.token_log
        if asked.grant_type == "refresh_token"
    ]


async def test_two_regions_each_with_its_own_app_login_and_host(
    home: RealHome, simulator: Simulator, browser: Browser
) -> None:
    simulator.load("demo")
    us, ous = simulator.dexcom.region("us"), simulator.dexcom.region("ous")
    page = await page_of(browser)
    await log_in(page, home)

    # The app is asked for first where there is none, and then everything begins again.
    flow = await add_care_alerts(page, home)
    await flow.dialog.get_by_text("Dexcom", exact=True).click()
    await enter_app(page, us)
    await flow.choose("dexcom")
    offered = flow.dialog.locator("ha-selector-select")
    await expect(offered).to_contain_text("Outside the United States")
    await screenshot(flow.frame, "setup-dexcom")
    await flow.type_choice(us.url)
    await flow.fill("dexcom", name="Robin")
    login = await flow.login_page()
    await flow.shows(CONFIG["step"]["auth"]["description"])
    await screenshot(flow.frame, "setup-dexcom-auth")
    await expect(login.get_by_role("heading")).to_have_text("Dexcom (simulated)")
    await screenshot(login, "setup-dexcom-login")
    await choose_user(login, "SandboxUser7")
    await flow.is_done()

    # Another region under another name: its own app, and tokens that are always about to expire.
    elsewhere = ous.url.replace("127.0.0.1", "localhost")
    ous.wearer("SandboxUser3").add_egv(simulator.clock.now() - ous.delay, 118)
    ous.oauth.access_lifetime = timedelta(seconds=15)
    await add_credentials(home, ous)
    flow = await add_care_alerts(page, home)
    await enter_wearer(flow, elsewhere, "Sam")
    await flow.submit()
    await flow.shows(CONFIG["step"]["pick_implementation"]["title"])
    await flow.pick("Demo app, dexcom-ous")
    login = await flow.login_page()
    assert login.url.startswith(f"{elsewhere}/v3/oauth2/login?")
    await choose_user(login, "SandboxUser3")
    await flow.is_done()
    robin, sam = await entry_of(home, "Robin"), await entry_of(home, "Sam")
    assert (robin["state"], sam["state"]) == ("loaded", "loaded")

    # One host refuses a token that the clock takes for good; the other's are refreshed in time.
    assert refreshes(us) == []
    us.expire_access_tokens()
    sams = len(refreshes(ous))
    for entry in (robin, sam):
        await ask_now(home, entry["entry_id"])
        assert await status_of(home, entry["entry_id"]) == "ok"
    assert [status for _, status in refreshes(us)] == [200]
    assert len(refreshes(ous)) > sams
    for region in (us, ous):
        used = [token for token, _ in refreshes(region)]
        assert len(used) == len(set(used))
        assert {status for _, status in refreshes(region)} == {200}
    hosts = {
        (request.endpoint.partition(".")[0], request.headers["host"].partition(":")[0])
        for request in simulator.log
        if request.path != "/favicon.ico"  # the browser's wish
    }
    assert hosts == {("dexcom", "127.0.0.1"), ("dexcom-ous", "localhost")}


async def test_a_login_that_ends_and_every_answer_to_the_question_for_another(
    home: RealHome, simulator: Simulator, browser: Browser
) -> None:
    simulator.load("demo")
    region = simulator.dexcom
    wearer = region.wearer("SandboxUser7")
    entry_id = await set_up_dexcom(home, region, wearer, "Robin")
    page = await page_of(browser)
    await log_in(page, home)
    refresh = await home.entity_id("button", "care_alerts", f"{entry_id}_refresh")

    async def asked_to_log_in() -> Page:
        await page.goto(f"{home.url}{INTEGRATION}")
        await press(page, refresh)
        flow = await begin_reauth(page)
        await flow.shows(CONFIG["step"]["dexcom_reauth"]["description"])
        return await flow.login_page()

    flow = Flow(page)
    region.revoke(wearer)
    login = await asked_to_log_in()
    await screenshot(page, "dexcom-login-ended")
    assert await status_of(home, entry_id) == "login_failed"
    await refuse(login)
    await flow.shows(ABORT["access_refused"])
    await screenshot(flow.frame, "dexcom-access-refused")

    await choose_user(await asked_to_log_in(), "SandboxUser1")
    await flow.shows(ABORT["wrong_account"])
    assert await status_of(home, entry_id) == "login_failed"

    # What happens meanwhile is not lost.
    wearer.add_alert("fall", simulator.clock.now() - wearer.delay)
    await choose_user(await asked_to_log_in(), "SandboxUser7")
    await flow.shows(REAUTHENTICATED)

    async def heard() -> bool:
        last = await home.state("sensor", "care_alerts", f"dexcom_{wearer.user_id}_last_alert")
        return bool(last["state"] == "fall")

    await until(heard, "the alert of the time without a login is there")
    assert await status_of(home, entry_id) == "ok"
    assert len(await home.entries("care_alerts")) == 1
    await page.goto(f"{home.url}{INTEGRATION}")
    await expect(page.get_by_text("Reconfigure", exact=True)).to_have_count(0)


async def test_a_set_up_that_is_refused_or_has_a_wrong_secret(
    home: RealHome, simulator: Simulator, browser: Browser
) -> None:
    region = simulator.dexcom
    page = await page_of(browser)
    await log_in(page, home)
    await home.ws(
        {
            "type": "application_credentials/create",
            "domain": "care_alerts",
            "client_id": region.client_id,
            "client_secret": "mistyped",
            "name": "Mistyped app",
        }
    )
    flow = await add_care_alerts(page, home)
    await enter_wearer(flow, region.url, "Robin")
    await refuse(await flow.login_page())
    await flow.shows(ABORT["access_refused"])

    flow = await add_care_alerts(page, home)
    await enter_wearer(flow, region.url, "Robin")
    await choose_user(await flow.login_page(), "SandboxUser7")
    await flow.shows(ABORT["wrong_client"])
    await screenshot(flow.frame, "dexcom-wrong-secret")
    assert await home.entries("care_alerts") == []
