"""What each blueprint promises, kept by a real automation made of it.

The blueprint comes over HTTP through Home Assistant's importer. Phones are of the real `mobile_app`, their push
service a sink on loopback; lights are template lights, speakers those of the demo integration.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
import sys
from types import ModuleType
from typing import Any

from aiohttp import web
from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.automation.helpers import async_get_blueprints
from homeassistant.components.blueprint.importer import fetch_blueprint_from_url
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import dump
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from scripts.real_home import VOICE_PACKAGES

from .acting.conftest import Care
from .conftest import House
from .world import add_person, generation

BLUEPRINTS = Path(__file__).parent.parent / "blueprints" / "automation" / "care_alerts"
NAMES = sorted(path.stem for path in BLUEPRINTS.glob("*.yaml"))

type Json = dict[str, Any]


@pytest.fixture
def hass_config_dir(tmp_path: Path) -> str:
    """A configuration of its own: blueprints are written into it."""
    return str(tmp_path)


@dataclass
class Outside:
    """What is outside of the house: where blueprints are found, and the service that pushes to phones."""

    url: str
    pushed: list[Json] = field(default_factory=list)


@pytest.fixture
async def outside(sim: object) -> AsyncGenerator[Outside]:
    """It, on loopback."""
    outside = Outside("")

    async def push(request: web.Request) -> web.Response:
        outside.pushed.append(await request.json())
        return web.json_response({"target": "somewhere"}, status=201)

    app = web.Application()
    app.router.add_static("/blueprints", BLUEPRINTS)
    app.router.add_post("/push", push)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    outside.url = f"http://{host}:{port}"
    yield outside
    await runner.cleanup()


@dataclass
class Phone:
    """A phone with the app."""

    home: Home
    name: str
    user_id: str
    device_id: str
    webhook: str

    @property
    def pushed(self) -> list[Json]:
        """Everything that was sent to it, oldest first."""
        return [one for one in self.home.outside.pushed if one["push_token"] == self.webhook]

    @property
    def screen(self) -> dict[str, Json]:
        """The notifications on its screen by tag: each replaces the last one of its tag."""
        shown: dict[str, Json] = {}
        for one in self.pushed:
            tag = one["data"]["tag"]
            shown.pop(tag, None)
            if one["message"] != "clear_notification":
                shown[tag] = one
        return shown

    async def press(self, button: int, notification: Json | None = None) -> None:
        """Press a button of a notification, the only one on the screen if none is given, as the app reports it."""
        if notification is None:
            [notification] = self.screen.values()
        action = notification["data"]["actions"][button]["action"]
        response = await (await self.home.client()).post(
            f"/api/webhook/{self.webhook}",
            json={
                "type": "fire_event",
                "data": {
                    "event_type": "mobile_app_notification_action",
                    "event_data": {"action": action, "tag": notification["data"]["tag"]},
                },
            },
        )
        assert response.status == 200
        await self.home.care.house.settle()


@dataclass
class Home:
    """Maria's house, with what the blueprints act on."""

    care: Care
    outside: Outside
    client: ClientSessionGenerator

    @property
    def hass(self) -> HomeAssistant:
        """Home Assistant."""
        return self.care.hass

    async def phone(self, name: str, owner: str, *, loads: bool = True) -> Phone:
        """A phone, registered as the app does."""
        user = await self.hass.auth.async_create_user(owner)
        webhook = f"webhook-{name}"
        entry = MockConfigEntry(
            domain="mobile_app",
            title=name,
            data={
                "app_data": {"push_token": webhook, "push_url": f"{self.outside.url}/push"},
                "app_id": "io.example.app",
                "app_name": "App",
                "app_version": "1.0",
                "device_id": f"device-{name}",
                "device_name": name,
                "manufacturer": "Example",
                "model": "Phone",
                "os_name": "OS",
                "os_version": "1.0",
                "supports_encryption": False,
                "user_id": user.id,
                "webhook_id": webhook,
            },
        )
        entry.add_to_hass(self.hass)
        assert await self.hass.config_entries.async_setup(entry.entry_id)
        await self.hass.async_block_till_done()
        device = dr.async_get(self.hass).async_get_device_by_identifier(
            ("mobile_app", f"device-{name}"), entry.entry_id
        )
        assert device
        return Phone(self, name, user.id, device.id, webhook)

    async def automate(self, blueprint: str, **inputs: Any) -> str:
        """Import a blueprint, make an automation of it, and return its entity id."""
        blueprints = async_get_blueprints(self.hass)
        imported = await fetch_blueprint_from_url(
            self.hass, f"{self.outside.url}/blueprints/{blueprint}.yaml"
        )
        path = f"{imported.suggested_filename}.yaml"
        await blueprints.async_add_blueprint(imported.blueprint, path, allow_override=True)
        config = {
            "id": blueprint,
            "alias": blueprint,
            "use_blueprint": {"path": path, "input": inputs},
        }
        directory = Path(self.hass.config.config_dir)
        (directory / "configuration.yaml").write_text("automation: !include automations.yaml\n")
        (directory / "automations.yaml").open("a").write(dump([config]))
        assert await async_setup_component(self.hass, "automation", {})
        await self.hass.services.async_call("automation", "reload", blocking=True)
        await self.care.house.settle()
        entity_id = f"automation.{blueprint}"
        state = self.hass.states.get(entity_id)
        assert state
        assert state.state == "on"
        return entity_id

    @property
    def spoken(self) -> list[Json]:
        return []


@pytest.fixture
def _voice_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Home Assistant imports along with `mobile_app`, to listen: nobody talks to it here."""
    for module, imported in VOICE_PACKAGES.items():
        if find_spec(module) is None:
            stand_in = ModuleType(module)
            setattr(stand_in, imported, type(imported, (), {}))
            monkeypatch.setitem(sys.modules, module, stand_in)


@pytest.fixture
async def home(
    _voice_packages: None,
    house: House,
    outside: Outside,
    hass_client_no_auth: ClientSessionGenerator,
) -> AsyncGenerator[Home]:
    """Maria's house."""
    maria = add_person(house)
    care = Care(house, await house.set_up(house.entry()), maria)
    await house.hass.config.async_set_time_zone("Europe/Amsterdam")
    assert await async_setup_component(house.hass, "mobile_app", {})
    yield Home(care, outside, hass_client_no_auth)
    if house.hass.services.has_service("automation", "turn_off"):
        # What waits for an alert that nobody takes would wait on.
        await house.hass.services.async_call(
            "automation", "turn_off", {"entity_id": "all"}, blocking=True
        )


@pytest.mark.parametrize("name", NAMES)
async def test_is_a_blueprint_that_says_what_it_cannot_do(
    name: str, hass: HomeAssistant, outside: Outside
) -> None:
    imported = await fetch_blueprint_from_url(hass, f"{outside.url}/blueprints/{name}.yaml")
    blueprint = Blueprint(
        imported.blueprint.data, expected_domain="automation", schema=AUTOMATION_BLUEPRINT_SCHEMA
    )
    assert blueprint.validate() is None
    description = blueprint.metadata["description"]
    assert "What it cannot do" in description
    assert "no medical device" in description


async def test_phone_tells_when_it_was(home: Home) -> None:
    anna = await home.phone("Annas phone", "Anna")
    await home.automate("phone", phones=[anna.device_id])
    home.care.alert(1)
    await home.care.morning(1)

    import tracedump

    tracedump.dump(home.hass)
    [told] = anna.pushed
    print(told)
    assert told["title"] == "maria: Weight"
    assert told["message"] == (
        "Observed at 04:14, 3 h 16 min ago, about 2026-11-18. Severity: high. Source: Lumen."
    )
    await anna.press(0)
    print(anna.pushed[1:])
    print(home.care.attributes())
