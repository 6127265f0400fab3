"""The blueprints in a real Home Assistant: imported by their URL, set up in the editor, and through a bad night.

The importer is the real one; that it fetches from loopback instead of GitHub is all that is not. The phones are of
the real `mobile_app`: their push service is a sink on loopback, and buttons are pressed as the app reports it. Lamp,
speaker and speech service are those of `appliances`.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import timedelta
import json
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from playwright.async_api import Browser, Page, Route, expect
import pytest

from scripts.real_home import ROOT, RealHome
from scripts.sources import set_up_lumen
from simulator import Simulator

from .conftest import TEXTS, log_in, page_of, screenshot, until

BLUEPRINTS = ROOT / "blueprints" / "automation" / "care_alerts"
EVENING = {"on": True, "brightness": 90, "color_temp_kelvin": 2700}
RED = {"on": True, "brightness": 255, "rgb_color": [255, 0, 0]}

type Json = dict[str, Any]


@dataclass
class Phone:
    """A phone with the app."""

    name: str
    device_id: str
    webhook: str
    pushed: list[Json] = field(default_factory=list)
    """What was pushed to it, oldest first."""


@dataclass
class House:
    """A running home with a source, things to act on, phones, and an outside world."""

    home: RealHome
    simulator: Simulator
    outside: str
    phones: dict[str, Phone]

    def is_now(self, thing: str) -> Json:
        """What a lamp or a speaker is, whether Home Assistant lives or not."""
        path = self.home.directory / f"{thing}.json"
        now: Json = json.loads(path.read_text())
        return now

    @property
    def said(self) -> list[Json]:
        """What the speaker was given to say, and how loud."""
        path = self.home.directory / "said.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    async def register(self, name: str) -> Phone:
        """Register a phone, as the app does."""
        registration = {
            "app_id": "io.example.app",
            "app_name": "App",
            "app_version": "1.0",
            "device_id": name,
            "device_name": f"{name}s phone",
            "manufacturer": "Example",
            "model": "Phone",
            "os_name": "OS",
            "os_version": "1.0",
            "supports_encryption": False,
            "app_data": {"push_token": name, "push_url": f"{self.outside}/push"},
        }
        webhook = (await self.home.post("/api/mobile_app/registrations", registration))[
            "webhook_id"
        ]
        [device_id] = [
            device["id"]
            for device in await self.home.devices()
            if ["mobile_app", name] in device["identifiers"]
        ]
        phone = self.phones[name] = Phone(name, device_id, webhook)
        return phone

    async def press(self, phone: Phone, title: str) -> None:
        """Press a button of the newest notification."""
        [action] = [
            one["action"] for one in phone.pushed[-1]["data"]["actions"] if one["title"] == title
        ]
        report = {
            "type": "fire_event",
            "data": {
                "event_type": "mobile_app_notification_action",
                "event_data": {"action": action, "tag": phone.pushed[-1]["data"]["tag"]},
            },
        }
        async with (
            aiohttp.ClientSession() as app,
            app.post(f"{self.home.url}/api/webhook/{phone.webhook}", json=report) as response,
        ):
            assert response.status == 200

    async def is_on(self, automation_id: str) -> None:
        """Wait until an automation is set up."""

        async def is_on() -> bool:
            found = await self.home.states("automation")
            return found.get(f"automation/{automation_id}", {}).get("state") == "on"

        await until(is_on, f"{automation_id} is set up")

    async def automate(self, blueprint: str, **inputs: Any) -> None:
        """Import a blueprint over the websocket, and make an automation of it."""
        imported = await self.home.ws(
            {"type": "blueprint/import", "url": f"{self.outside}/blueprints/{blueprint}.yaml"}
        )
        assert imported["validation_errors"] is None
        path = imported["suggested_filename"]
        await self.home.ws(
            {
                "type": "blueprint/save",
                "domain": "automation",
                "path": path,
                "yaml": imported["raw_data"],
                "source_url": f"{self.outside}/blueprints/{blueprint}.yaml",
            }
        )
        config = {
            "alias": blueprint,
            "use_blueprint": {"path": f"{path}.yaml", "input": inputs},
        }
        await self.home.post(f"/api/config/automation/config/{blueprint}", config)
        await self.is_on(blueprint)


@pytest.fixture
async def house(tmp_path: Path, simulator: Simulator) -> AsyncGenerator[House]:
    """A running home that follows Maria, with a lamp, a speaker, and two phones."""
    phones: dict[str, Phone] = {}

    async def push(request: web.Request) -> web.Response:
        message = await request.json()
        phones[message["push_token"]].pushed.append(message)
        return web.json_response({"target": "somewhere"}, status=201)

    app = web.Application()
    app.router.add_static("/blueprints", BLUEPRINTS)
    app.router.add_post("/push", push)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]

    simulator.lumen.default.add_person(
        "maria@example.com", granted_at=simulator.clock.now() - timedelta(days=30)
    )
    home = RealHome(tmp_path / "home")
    components = home.directory / "custom_components"
    components.mkdir(parents=True)
    # A package proper, or that of the working directory comes first.
    (components / "__init__.py").touch()
    (components / "care_alerts").symlink_to(ROOT / "custom_components" / "care_alerts")
    (components / "appliances").symlink_to(Path(__file__).parent / "appliances")
    home.prepare()
    with (home.directory / "configuration.yaml").open("a") as configuration:
        configuration.write("appliances:\nmobile_app:\n")
    try:
        await home.start()
        house = House(home, simulator, f"http://{host}:{port}", phones)
        await set_up_lumen(home, simulator)
        await house.register("Anna")
        await house.register("Ben")
        # Home Assistant writes its registries seconds later, or when it stops.
        await home.restart()
        simulator.clock.advance(timedelta(seconds=2))
        yield house
    finally:
        await home.stop()
        await runner.cleanup()


REQUIRED: dict[str, dict[str, str]] = {
    "phone": {"Phones": "Annas phone"},
    "lights": {"Lights": "hall"},
    "speak": {"Speakers": "kitchen", "Speech service": "voice"},
    "escalate": {"First": "Annas phone", "Then": "Bens phone"},
    "silence": {"Phones": "Annas phone"},
    "digest": {"Phones": "Annas phone"},
}
"""What a user has to choose, by the labels of the form."""


async def pick(page: Page, label: str, name: str) -> None:
    """Choose an entity or a device in a row of the form."""
    row = page.locator("ha-settings-row").filter(
        has=page.locator("[slot=heading]").get_by_text(label, exact=True)
    )
    await row.locator("ha-picker-field").first.click()
    search = page.locator("ha-picker-combo-box input").last
    await search.fill(name)
    found = page.locator("ha-combo-box-item").filter(has_text=name).first
    await expect(found).to_be_visible()
    await found.click()
    await expect(row).to_contain_text(name)


async def no_picture(route: Route) -> None:
    """Answer with a picture of nothing."""
    nothing = '<svg xmlns="http://www.w3.org/2000/svg"/>'
    await route.fulfill(content_type="image/svg+xml", body=nothing)


async def test_each_is_imported_by_its_url_and_set_up_in_the_editor(
    house: House, browser: Browser
) -> None:
    assert sorted(REQUIRED) == sorted(path.stem for path in BLUEPRINTS.glob("*.yaml"))
    home = house.home
    page = await page_of(browser)
    await log_in(page, home)
    # Home Assistant fetches pictures of other brands from elsewhere: here is nothing but this machine.
    await page.route("**/brands/**", no_picture)
    for blueprint, choices in REQUIRED.items():
        await page.goto(f"{home.url}/config/blueprint/dashboard")
        await page.get_by_text("Import blueprint").first.click()
        dialog = page.locator("ha-dialog-import-blueprint")
        await dialog.locator("input").first.fill(f"{house.outside}/blueprints/{blueprint}.yaml")
        await dialog.get_by_text("Preview").first.click()
        await expect(dialog).to_contain_text("this is no medical device")
        await dialog.get_by_role("button", name="Import blueprint").click()
        # It holds the blueprint's name, too, for as long as it is there.
        await expect(dialog).not_to_contain_text("this is no medical device")
        names: list[str] = []

        async def is_imported(names: list[str] = names, file: str = f"/{blueprint}.yaml") -> bool:
            imported = await home.ws({"type": "blueprint/list", "domain": "automation"})
            names += [
                one["metadata"]["name"] for path, one in imported.items() if path.endswith(file)
            ]
            return bool(names)

        # The dialog closes before the file is written.
        await until(is_imported, f"{blueprint} is imported")
        name = names[0]

        await page.get_by_text(name, exact=True).first.click()
        await expect(page.get_by_text("What it cannot do:", exact=True)).to_be_visible()
        for label, choice in choices.items():
            await pick(page, label, choice)
        await screenshot(page, f"blueprint-{blueprint}", in_readme=blueprint == "phone")
        await page.get_by_role("button", name="Save").last.click()
        await expect(page.get_by_text("Traces")).to_be_visible()

        # Saved, loaded, and without a complaint: its defaults are as good as they look.
        automation_id = page.url.rpartition("/")[2]
        await house.is_on(automation_id)
        stored = await home.get(f"/api/config/automation/config/{automation_id}")
        assert len(stored["use_blueprint"]["input"]) == len(choices)
    for problem in ("[homeassistant.components.automation", "[homeassistant.components.blueprint"):
        assert problem not in home.log()


async def test_the_editor_offers_every_trigger_and_condition_by_its_name(
    house: House, browser: Browser
) -> None:
    home = house.home
    page = await page_of(browser)
    await log_in(page, home)
    offered = [
        (kind, *one) for kind in ("trigger", "condition") for one in TEXTS[f"{kind}s"].items()
    ]
    for kind, key, one in offered:
        await page.set_viewport_size({"width": 1280, "height": 1250 if "fields" in one else 640})
        await page.goto(f"{home.url}/config/automation/edit/new")
        await page.get_by_role("button", name=f"Add {kind}").first.click()
        dialog = page.locator("add-automation-element-dialog")
        await dialog.locator("ha-input-search input, ha-input input, input").first.fill(one["name"])
        await dialog.get_by_text(one["name"], exact=True).first.click()
        sidebar = page.locator("ha-automation-sidebar")
        await expect(sidebar).to_contain_text(one["description"])
        for option in one.get("fields", {}).values():
            await expect(sidebar).to_contain_text(option["name"])
            await expect(sidebar).to_contain_text(option["description"])
        await expect(page.locator(f"ha-automation-{kind}-row")).to_contain_text(one["name"])
        await screenshot(page, f"{kind}-{key.replace('_', '-')}", in_readme=True)


async def test_a_bad_night_in_which_home_assistant_is_killed(house: House) -> None:
    home, simulator = house.home, house.simulator
    anna, ben = house.phones["Anna"], house.phones["Ben"]
    await house.automate("phone", phones=[anna.device_id])
    await house.automate("lights", lights=["light.hall"])
    await house.automate(
        "speak",
        speakers=["media_player.kitchen"],
        tts="tts.voice",
        quiet_from="00:00:00",
        quiet_to="00:00:00",
    )
    await house.automate(
        "escalate", first_phones=[anna.device_id], second_phones=[ben.device_id], second_after=0.7
    )
    maria = simulator.lumen.default.people[0]
    now = simulator.clock.now()
    simulator.lumen.default.add_alert(
        maria, now.date() - timedelta(days=1), "WEIGHT", "TOO_FAST", generated_at=now
    )
    simulator.clock.advance(timedelta(seconds=2))
    entry = (await home.entries("care_alerts"))[0]
    ask = await home.entity_id("button", "care_alerts", f"{entry['entry_id']}_refresh")
    await home.post("/api/services/button/press", {"entity_id": ask})

    await until(lambda: bool(anna.pushed), "the phone is told")
    assert anna.pushed[0]["title"] == "maria: Weight"
    assert anna.pushed[0]["message"].startswith("Was observed at ")
    assert anna.pushed[0]["data"]["push"]["sound"] == "default"
    await until(lambda: house.is_now("hall") == RED, "the lamp is red")
    await until(lambda: bool(house.said), "it is said")
    assert house.said[0]["said"].startswith("maria: Weight. Was observed at ")
    assert house.said[0]["volume"] == 0.6
    # In the middle of the speech.
    assert house.is_now("kitchen")["volume"] == 0.6

    await home.kill()
    assert (house.is_now("hall"), ben.pushed) == (RED, [])
    await home.start()

    await until(lambda: house.is_now("kitchen")["volume"] == 0.2, "the volume is back")
    await until(lambda: bool(ben.pushed), "the next person is told")
    assert ben.pushed[0]["message"].endswith("Nobody has it yet.")
    assert house.is_now("hall") == RED
    told = len(anna.pushed)
    await house.press(ben, "I have it")
    await until(lambda: house.is_now("hall") == EVENING, "the lamp is as before")
    await until(lambda: len(anna.pushed) > told, "the others read of it")
    assert "Demo has it since" in anna.pushed[-1]["message"]
    state = await home.state("binary_sensor", "care_alerts", f"lumen_{maria.shared_user_id}_weight")
    assert state["attributes"]["acknowledged"] is True
    assert state["attributes"]["acknowledged_by"] == "Demo"
    assert state["state"] == "on"
