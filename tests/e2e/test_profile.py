"""A profile of Tidepool's thresholds as a person lives with it: made, tried, applied, over, and what somebody else made of it."""

from datetime import UTC, datetime, timedelta
import json
import re
from typing import Any, Final

from playwright.async_api import Browser, Locator, Page, expect

from scripts.real_home import RealHome
from scripts.sources import set_up_tidepool
from simulator import Simulator
from simulator.tidepool import Child
from simulator.tidepool.stories import curve

from .conftest import TEXTS, log_in, page_of, screenshot, until
from .pages import Flow

PROFILE: Final = TEXTS["config_subentries"]["profile"]
CONFLICT: Final = TEXTS["issues"]["profile_conflict"]
SELECT: Final = TEXTS["entity"]["select"]["profile"]
NIGHTS: Final = 14
LOW_NIGHTS: Final = (-13, -9, -6, -2)
NEARLY_LOW_NIGHTS: Final = (-12, -10, -7, -4, -3)
"""Nights, counted back from the coming one, in which a low of 4.0 mmol/L tells, and in which one of 5.0 would."""
HOUR: Final = timedelta(hours=1)


def tell_of_mila(simulator: Simulator) -> Child:
    """A child with two weeks of readings, whose nights are not all quiet."""
    tidepool, now = simulator.tidepool, simulator.clock.now()
    tonight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    mila = tidepool.add_child("Mila", units="mmol/L")
    mila.share_with(tidepool.account)
    mila.set_settings(
        tidepool.account,
        {
            "urgentLow": {"enabled": True, "threshold": {"units": "mmol/L", "value": 3.0}},
            "low": {"enabled": True, "delay": 10, "threshold": {"units": "mmol/L", "value": 4.0}},
            "high": {"enabled": True, "delay": 60, "threshold": {"units": "mmol/L", "value": 13.9}},
            "noCommunication": {"enabled": True, "delay": 30},
            "notLooping": {"enabled": False},
        },
    )
    dips = [
        (tonight + timedelta(days=night) + 3 * HOUR, depth, timedelta(minutes=40))
        for nights, depth in ((LOW_NIGHTS, -2.9), (NEARLY_LOW_NIGHTS, -2.0))
        for night in nights
    ]
    lost = tonight - timedelta(days=5)
    mila.feed(
        curve(6.6, *dips),
        now - timedelta(days=NIGHTS),
        now + HOUR,
        loop=False,
        gaps=[(lost - HOUR, lost + 6 * HOUR)],
    )
    return mila


class Threshold:
    """Mila's thresholds at the simulator."""

    def __init__(self, simulator: Simulator, mila: Child) -> None:
        """Follow them."""
        self._account = simulator.tidepool.account
        self._mila = mila

    @property
    def all(self) -> dict[str, Any]:
        """All that is there."""
        settings = self._mila.settings_of(self._account)
        assert settings is not None
        return settings

    def value(self, kind: str) -> float:
        """The value of one."""
        value: float = self.all[kind]["threshold"]["value"]
        return value

    async def become(self, **values: float) -> None:
        """Wait until they are these."""
        await until(
            lambda: {kind: self.value(kind) for kind in values} == values, f"thresholds {values}"
        )

    def edit(self, kind: str, mmol_l: float) -> None:
        """Have somebody change one on another device."""
        threshold = {"threshold": {"units": "mmol/L", "value": mmol_l}}
        self._mila.set_settings(self._account, self.all | {kind: self.all[kind] | threshold})


async def knows_since(home: RealHome, entity_id: str, start: datetime) -> bool:
    """Whether there are readings of the day after a time of who has an entity."""
    end = start + timedelta(days=1)
    answer = await home.post(
        "/api/services/care_alerts/get_readings?return_response",
        {"entity_id": entity_id, "start": start.isoformat(), "end": end.isoformat()},
    )
    return any(person["readings"] for person in answer["service_response"]["people"])


async def choose(page: Page, select: Locator, name: str) -> None:
    """Choose a profile on the page of Mila's device."""
    await select.locator("ha-select").click()
    await select.get_by_text(name, exact=True).last.click()


async def apply(page: Page, home: RealHome, device_id: str, **data: Any) -> None:
    """Apply a profile in the developer tools, seen in the form first."""
    action = {"action": "care_alerts.apply_profile", "target": {"device_id": device_id}}
    await page.goto(f"{home.url}/config/tools/action")
    await page.get_by_text("YAML mode").click()
    await page.locator("ha-code-editor .cm-content").first.fill(json.dumps(action | {"data": data}))
    await page.get_by_text("UI mode").click()
    await expect(page.locator("ha-service-control")).to_contain_text("Duration")
    await page.get_by_role("button", name="Perform action").click()


async def test_a_profile_is_made_tried_applied_and_put_back(
    home: RealHome, simulator: Simulator, browser: Browser
) -> None:
    mila = tell_of_mila(simulator)
    thresholds = Threshold(simulator, mila)
    before = thresholds.all
    await set_up_tidepool(home, simulator)
    account, user = simulator.tidepool.account.user_id, mila.user_id
    select_id = await home.entity_id("select", "care_alerts", f"tidepool_{account}_{user}_profile")
    [device] = [one["id"] for one in await home.devices() if one["name"] == "Mila"]
    page = await page_of(browser, height=1500)
    await log_in(page, home)

    begin = simulator.clock.now() - timedelta(days=NIGHTS)
    await until(
        lambda: knows_since(home, select_id, begin), "readings from before she was followed"
    )

    # It is made, and tried on the past.
    await page.goto(f"{home.url}/config/integrations/integration/care_alerts")
    await page.get_by_role("button", name=PROFILE["initiate_flow"]["user"]).first.click()
    flow = Flow(page)
    steps = PROFILE["step"]
    await flow.shows(steps["user"]["description"])
    await flow.dialog.locator("ha-selector-text input").first.fill("Sport")
    await screenshot(flow.frame, "tidepool-profile-name")
    await flow.submit()
    await flow.shows(steps["values"]["description"])
    labels = steps["values"]["data"]
    for name, today, other in (("low", "4", "5"), ("high", "13.9", "16")):
        field = flow.dialog.get_by_role("spinbutton", name=labels[name], exact=True)
        await expect(field).to_have_value(today)
        await field.fill(other)
    await screenshot(flow.frame, "tidepool-profile-thresholds")
    await flow.submit()
    count, instead_of = len(LOW_NIGHTS + NEARLY_LOW_NIGHTS), len(LOW_NIGHTS)
    tried = f"Alerts in the last {NIGHTS} nights: {count} instead of {instead_of}."
    await expect(flow.dialog).to_contain_text(tried)
    await expect(flow.dialog).to_contain_text(re.compile(r"Of these nights, 9[3-7]% have readings"))
    await screenshot(flow.frame, "tidepool-profile-tried", in_readme=True)
    await flow.submit()
    await flow.is_done()
    assert simulator.requests("tidepool.write_alerts") == []

    # Applied by the action, it is over by itself.
    applied_at = datetime.now(UTC)
    await apply(page, home, device, profile="Sport", duration={"minutes": 1})
    await thresholds.become(low=5, high=16)
    await page.goto(f"{home.url}/config/devices/device/{device}")
    card = page.locator("ha-device-entities-card", has_text=SELECT["name"]).first
    select = card.locator("hui-select-entity-row")
    await expect(select).to_contain_text("Sport")
    await screenshot(card, "tidepool-profile-applied", in_readme=True)
    await thresholds.become(low=4, high=13.9)
    assert datetime.now(UTC) - applied_at >= timedelta(minutes=1)
    assert thresholds.all == before
    await expect(select).to_contain_text(SELECT["state"]["none"])

    # Applied until further notice; somebody changes a threshold elsewhere, and it ends.
    await choose(page, select, "Sport")
    await thresholds.become(low=5, high=16)
    thresholds.edit("low", 4.6)
    await choose(page, select, SELECT["state"]["none"])
    await thresholds.become(low=4.6, high=13.9)
    await page.goto(f"{home.url}/config/repairs")
    title = CONFLICT["title"].format(name="Mila")
    await page.get_by_text(title).click()
    step = CONFLICT["fix_flow"]["step"]["init"]
    await flow.shows(step["title"].format(name="Mila"))
    await expect(flow.dialog).to_contain_text("Low threshold: 4 mmol/L → 4.6 mmol/L")
    for option in step["menu_options"].values():
        await expect(flow.dialog).to_contain_text(option)
    await screenshot(flow.frame, "tidepool-profile-conflict", in_readme=True)
    assert thresholds.value("low") == 4.6
    await flow.dialog.get_by_text(step["menu_options"]["put_back"]).click()
    await thresholds.become(low=4, high=13.9)
    assert thresholds.all == before
    await expect(page.get_by_text(title)).to_have_count(0)
