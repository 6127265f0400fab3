"""Two children of one account, one live and one two hours late, in every state that a source can be in: read on the dashboard."""

from contextlib import suppress
from datetime import timedelta
import json
import re

from aiohttp import web
from playwright.async_api import Browser, Page, expect

from scripts.real_home import HomeError, RealHome
from scripts.sources import add_dashboard, set_up_tidepool
from simulator import CATALOGUE, Fault, Simulator
from simulator.faults import Exchange
from simulator.tidepool import Child

from .conftest import TEXTS, log_in, page_of, screenshot
from .pages import line, needs_you, section

SAYS = TEXTS["common"]
LATE = timedelta(hours=2)


def add_children(simulator: Simulator, *, stopped: timedelta = timedelta()) -> tuple[Child, Child]:
    """Jill, whose readings come live (until so long ago), and Tom, whose come two hours late."""
    tidepool, now = simulator.tidepool, simulator.clock.now()
    jill, tom = tidepool.add_child("Jill"), tidepool.add_child("Tom")
    low = {"enabled": True, "threshold": {"units": "mmol/L", "value": 3.9}}
    for child, late, newest in ((jill, timedelta(), stopped), (tom, LATE, LATE)):
        child.share_with(tidepool.account)
        child.set_settings(tidepool.account, {"low": low})
        for minutes in range(0, 360, 5):
            time = now - newest - timedelta(minutes=minutes)
            child.add_reading(time, 6.1, uploaded_at=time + late)
    return jill, tom


def fails_for(child: Child) -> Fault:
    """No answer about one of them."""

    async def fail(exchange: Exchange) -> web.StreamResponse:
        if child.user_id in exchange.request.path:
            return web.Response(status=503)
        return await exchange.proceed()

    return Fault("one child's", fail)


class Dashboard:
    """What it says of both, as somebody reads it."""

    def __init__(self, home: RealHome, page: Page) -> None:
        """Read a page that is open."""
        self._home = home
        self.page = page

    async def ask(self) -> None:
        """Press "Ask now"; that it fails is what is looked at."""
        entities = await self._home.entities("care_alerts")
        (button,) = (one["entity_id"] for one in entities if one["translation_key"] == "refresh")
        call = {"type": "call_service", "domain": "button", "service": "press"}
        with suppress(HomeError):
            await self._home.ws(call | {"target": {"entity_id": button}})

    async def reads(self, name: str, trouble: str | None) -> None:
        """Somebody's line says that there is this trouble, with the last value and its time, or that there is none."""
        person = line(self.page, name)
        # Of whom they may see nothing any more there is no value.
        known = re.compile(r"(6\.1 mmol/L.*at|Data to) (\w{3} )?\d\d:\d\d", re.DOTALL)
        await expect(person).to_contain_text(known)
        troubles = person.locator(".trouble")
        if trouble is None:
            await expect(troubles).to_have_count(0)
        else:
            await expect(troubles).to_contain_text(f"{trouble}.")
            await expect(
                needs_you(self.page).locator(".trouble", has_text=trouble)
            ).to_contain_text(re.compile(rf"Not known: .*{name}.*Data to ", re.DOTALL))

    async def picture(self, name: str) -> None:
        """Keep what it looks like."""
        await screenshot(self.page, f"two-children-{name}")


async def opened(home: RealHome, browser: Browser) -> Dashboard:
    """The dashboard on a phone turned on its side: both children beside each other."""
    await add_dashboard(home, "care-people")
    page = await page_of(browser, width=1000, height=900)
    await log_in(page, home)
    await page.goto(f"{home.url}/care-people/now")
    return Dashboard(home, page)


async def test_what_is_wrong_shows_at_whom_it_is(
    home: RealHome, simulator: Simulator, browser: Browser
) -> None:
    _, tom = add_children(simulator)
    await set_up_tidepool(home, simulator)
    dashboard = await opened(home, browser)
    silent = TEXTS["entity"]["binary_sensor"]["silent"]
    cause: dict[str, str] = silent["state_attributes"]["status"]["state"]

    await dashboard.reads("Jill", None)
    await dashboard.reads("Tom", None)
    await dashboard.picture("live")

    simulator.faults.add("tidepool.data", fails_for(tom))
    await dashboard.ask()
    await dashboard.reads("Jill", None)
    await dashboard.reads("Tom", cause["unreachable"])
    await dashboard.picture("one-unreachable")
    simulator.faults.clear()

    tom.change_permissions(simulator.tidepool.account, [])
    await dashboard.ask()
    await dashboard.reads("Jill", None)
    await dashboard.reads("Tom", cause["permission_lost"])
    await dashboard.picture("one-permission-lost")
    tom.share_with(simulator.tidepool.account)

    for name, code in (
        ("unreachable", "503_bare"),
        ("rate_limited", "429_bare"),
        # The last one: a password that was refused is not sent again.
        ("login_failed", "401_bare"),
    ):
        await dashboard.ask()
        await dashboard.reads("Tom", None)
        simulator.faults.add("*", CATALOGUE[code]())
        await dashboard.ask()
        for child in ("Jill", "Tom"):
            await dashboard.reads(child, cause[name])
        await dashboard.picture(name.replace("_", "-"))
        simulator.faults.clear()


async def test_who_has_fallen_silent_is_named(
    home: RealHome, simulator: Simulator, browser: Browser
) -> None:
    """Jill's sensor stopped 40 minutes ago. That her readings come every five minutes is known from before."""
    jill, _ = add_children(simulator, stopped=timedelta(minutes=40))
    entry_id = await set_up_tidepool(home, simulator)
    await home.stop()
    path = home.directory / ".storage" / f"care_alerts.{entry_id}"
    stored = json.loads(path.read_text())
    cadence = stored["data"]["state"]["provider"]["people"][jill.user_id]["cadence"]
    cadence["ages"] = [320.0] * 6
    path.write_text(json.dumps(stored))
    await home.start()
    dashboard = await opened(home, browser)
    await dashboard.reads("Jill", "No new data")
    await dashboard.reads("Tom", None)
    sources = section(dashboard.page, "Tidepool").locator("ha-alert")
    await expect(sources).to_contain_text(SAYS["dashboard_silent_about"].format(people="Jill"))
    await dashboard.picture("one-silent")
