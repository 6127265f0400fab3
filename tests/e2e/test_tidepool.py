"""Tidepool's thresholds as a person changes them: on the dashboard, by the action, and the first ones by a repair."""

import json
import re
from typing import Any, Final

import aiohttp
from playwright.async_api import Browser, Locator, Page, expect

from scripts.real_home import RealHome
from scripts.sources import set_up_tidepool
from simulator import Simulator

from .conftest import TEXTS, log_in, page_of, screenshot, until
from .pages import Flow, ask_now, line, need, opened, section

REPAIR: Final = TEXTS["issues"]["no_thresholds"]

type Document = dict[str, Any]
"""Alert settings as Tidepool has them."""


class Control:
    """The simulator of a running demo, spoken to from outside."""

    def __init__(self, session: aiohttp.ClientSession, told: str) -> None:
        """Find it in what the demo printed."""
        found = re.search(r"What was asked +(\S+)/log\n", told)
        assert found, told
        self._url = found[1]
        self._session = session

    async def written(self) -> list[Document]:
        """The bodies of all requests that changed settings."""
        assert await self._get("log?endpoint=tidepool.delete_alerts") == []
        return [
            json.loads(entry["body"])
            for entry in await self._get("log?endpoint=tidepool.write_alerts")
        ]

    async def settings(self, person: str) -> Document:
        """What a person's settings are now."""
        settings: Document = await self._get(f"tidepool/settings?person={person}")
        return settings

    async def reads(self, person: str, mmol_l: float, **more: str) -> None:
        """Let a person's sensor read a value now."""
        reading = {"person": person, "mmol_l": mmol_l} | more
        async with self._session.post(f"{self._url}/tidepool/readings", json=reading) as answer:
            answer.raise_for_status()

    async def _get(self, path: str) -> Any:
        async with self._session.get(f"{self._url}/{path}") as answer:
            answer.raise_for_status()
            return await answer.json()


def as_shown(settings: Document) -> Document:
    """Settings as Tidepool shows what was written: a delay of 0 is left out."""
    return {
        kind: {name: value for name, value in alert.items() if (name, value) != ("delay", 0)}
        for kind, alert in settings.items()
    }


async def perform(page: Page, **data: float) -> None:
    """Change Mila's thresholds in the developer tools."""
    mila = await page.evaluate(
        """() => Object.values(document.querySelector("home-assistant").hass.devices)
             .find(device => device.name === "Mila").id"""
    )
    action = {"action": "care_alerts.set_alert_thresholds", "target": {"device_id": mila}}
    await page.goto(re.sub(r"(?<=\d)/.*", "/config/tools/action", page.url))
    await page.get_by_text("YAML mode").click()
    await page.locator("ha-code-editor .cm-content").first.fill(json.dumps(action | {"data": data}))
    await page.get_by_text("UI mode").click()
    await expect(page.locator("ha-service-control")).to_contain_text("Low threshold")
    await screenshot(page, "tidepool-action", in_readme=True)
    await page.get_by_role("button", name="Perform action").click()


async def test_a_threshold_is_changed_on_the_dashboard_and_by_the_action(
    develop: str, browser: Browser
) -> None:
    page = await opened(develop, browser)
    mila = section(page, "Mila")
    low_alert = need(page, "Mila: Low")
    await expect(mila).to_be_visible()
    now = page.url
    details = now.removesuffix("/now") + "/details"

    async with aiohttp.ClientSession() as session:
        control = Control(session, develop)
        wanted = await control.settings("Mila")
        assert set(wanted) == {"urgentLow", "low", "high", "notLooping", "noCommunication"}

        async def is_written(*bodies: Document) -> None:
            """Nothing but this has been asked for, and nothing but this is different."""

            async def done() -> bool:
                return len(await control.written()) >= len(bodies)

            await until(done, f"request {len(bodies)} that changes settings")
            assert await control.written() == [*bodies]
            assert await control.settings("Mila") == as_shown(wanted)

        await page.goto(details)
        # "Urgent low threshold" stands before it.
        field = mila.locator("hui-number-entity-row", has_text="Low threshold").last
        await expect(field.locator("input")).to_have_value("4")
        await field.locator("input").fill("4.2")
        await field.locator("input").press("Enter")
        first = wanted["low"] | {"threshold": {"units": "mmol/L", "value": 4.2}}
        wanted["low"] = first
        await is_written({"low": first})

        await control.reads("Mila", 5.5)
        await page.goto(now)
        await ask_now(page, "Tidepool")
        await expect(line(page, "Mila")).to_contain_text("5.5 mmol/L")
        await expect(low_alert).to_have_count(0)

        await perform(page, low=4.7, low_delay=0)
        second = first | {"delay": 0, "threshold": {"units": "mmol/L", "value": 4.7}}
        wanted["low"] = second
        await is_written({"low": first}, {"low": second})

        await page.goto(details)
        await expect(field.locator("input")).to_have_value("4.7")
        # Of another sensor, whose readings those of the demo do not interrupt.
        await control.reads("Mila", 4.6, device_id="DexG7_another")
        await page.goto(now)
        await ask_now(page, "Tidepool")
        await expect(low_alert).to_contain_text("Low · medium severity")
        await expect(mila.locator("article").first).to_contain_text(
            re.compile(r"Low · medium severity.*Glucose then: 4\.6 mmol/L")
        )
        await is_written({"low": first}, {"low": second})

    await page.set_viewport_size({"width": 1280, "height": 2600})
    await page.goto(details)
    await expect(field.locator("input")).to_have_value("4.7")
    await expect(mila.locator("article").first).to_contain_text("Low")
    await screenshot(mila, "tidepool-thresholds", in_readme=True)


async def test_first_thresholds_are_seen_before_they_are_saved(
    home: RealHome, simulator: Simulator, browser: Browser
) -> None:
    simulator.load("demo")
    await set_up_tidepool(home, simulator)
    jonas = simulator.tidepool.child("Jonas")
    page = await page_of(browser, height=1500)
    await log_in(page, home)
    await page.goto(f"{home.url}/config/repairs")
    title = REPAIR["title"].format(name="Jonas")
    await page.get_by_text(title).click()

    flow = Flow(page)
    step = REPAIR["fix_flow"]["step"]["settings"]
    await flow.shows(step["description"])

    def field(key: str) -> Locator:
        label = f"{step['data'][key]}*"
        return flow.dialog.get_by_role("spinbutton", name=label, exact=True)

    shown = {
        "urgent_low": "3",
        "low": "3.9",
        "low_delay": "0",
        "low_repeat": "30",
        "high": "14",
        "high_delay": "60",
        "high_repeat": "120",
    }
    for key, value in shown.items():
        await expect(field(key)).to_have_value(value)
    await screenshot(flow.frame, "tidepool-first-thresholds")
    assert simulator.requests("tidepool.write_alerts") == []
    assert jonas.settings_of(simulator.tidepool.account) is None

    await field("low").fill("4.1")
    await flow.submit()
    await expect(page.get_by_text(title)).to_have_count(0)
    (written,) = simulator.requests("tidepool.write_alerts")
    assert jonas.settings_of(simulator.tidepool.account) == as_shown(written.json)
    assert set(written.json) == {"urgentLow", "low", "high", "notLooping", "noCommunication"}
    assert written.json["urgentLow"]["threshold"] == {"units": "mmol/L", "value": 3}
    assert written.json["low"]["threshold"] == {"units": "mmol/L", "value": 4.1}
    assert written.json["high"]["threshold"] == {"units": "mmol/L", "value": 14}
    key = f"tidepool_{simulator.tidepool.account.user_id}_{jonas.user_id}_low_threshold"
    number = await home.state("number", "care_alerts", key)
    assert number["state"] == "4.1"
