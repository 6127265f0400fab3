"""Maria's house, with phones and automations: what the tests of blueprints, verbs and plans act on.

Blueprints come over HTTP through Home Assistant's importer. Phones are of the real `mobile_app`, their push service a
sink on loopback.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.test_utils import TestClient
from homeassistant.auth.const import GROUP_ID_USER
from homeassistant.auth.models import User
from homeassistant.components.automation.helpers import async_get_blueprints
from homeassistant.components.blueprint.importer import fetch_blueprint_from_url
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import dump
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from scripts.real_home import ROOT, VOICE_PACKAGES
from simulator import Simulator
from simulator.dexcom import Wearer

if TYPE_CHECKING:
    from .care import Care
    from .conftest import House

BLUEPRINTS = ROOT / "blueprints" / "automation" / "care_alerts"
CLEAR = "clear_notification"

type Json = dict[str, Any]
type Client = Callable[[web.Application], Coroutine[Any, Any, TestClient[Any, Any]]]


@pytest.fixture
def _voice_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Home Assistant imports along with `mobile_app`, to listen: nobody talks to it here."""
    for module, imported in VOICE_PACKAGES.items():
        if find_spec(module) is None:
            stand_in = ModuleType(module)
            setattr(stand_in, imported, type(imported, (), {}))
            monkeypatch.setitem(sys.modules, module, stand_in)


@dataclass
class Outside:
    """What is outside of the house: where blueprints are found, and the service that pushes to phones."""

    url: str
    pushed: list[Json] = field(default_factory=list)
    unreachable: set[str] = field(default_factory=set)
    refuse_next: Callable[[Json], bool] | None = None
    """Which pushes are refused besides."""


@pytest.fixture
async def outside(sim: Simulator) -> AsyncGenerator[Outside]:
    """It, on loopback."""
    outside = Outside("")

    async def push(request: web.Request) -> web.Response:
        message = await request.json()
        refuses = outside.refuse_next and outside.refuse_next(message)
        if refuses or message["push_token"] in outside.unreachable:
            return web.json_response({"errorMessage": "Gone"}, status=410)
        outside.pushed.append(message)
        return web.json_response({"target": "somewhere"}, status=201)

    app = web.Application()
    app.router.add_static("/blueprints", BLUEPRINTS)
    app.router.add_post("/push", push)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    outside.url = f"http://{host}:{port}"
    yield outside
    await runner.cleanup()


@dataclass
class Phone:
    """A phone with the app."""

    home: Home
    user: User
    device_id: str
    webhook: str

    @property
    def pushed(self) -> list[Json]:
        """Everything that was sent to it, oldest first."""
        return [one for one in self.home.outside.pushed if one["push_token"] == self.webhook]

    @property
    def rang(self) -> list[Json]:
        """What it rang for, oldest first; all else is an update of what is on its screen."""
        return [
            one
            for one in self.pushed
            if one["message"] != CLEAR and one["data"]["push"]["sound"] != "none"
        ]

    @property
    def screen(self) -> dict[str, Json]:
        """The notifications on its screen by tag: each replaces the last one of its tag."""
        shown: dict[str, Json] = {}
        for one in self.pushed:
            tag = one["data"]["tag"]
            shown.pop(tag, None)
            if one["message"] != CLEAR:
                shown[tag] = one
        return shown

    @property
    def shown(self) -> Json:
        """The only notification on its screen."""
        [notification] = self.screen.values()
        return notification

    async def press(self, title: str, notification: Json | None = None) -> None:
        """Press a button of a notification, the only one on the screen if none is given, as the app reports it."""
        notification = notification or self.shown
        [action] = [one for one in notification["data"]["actions"] if one["title"] == title]
        await self.fire(
            "mobile_app_notification_action",
            {"action": action["action"], "tag": notification["data"]["tag"]},
        )

    async def fire(self, event_type: str, event_data: Json) -> None:
        """Have an event fired, as the app may of any type."""
        client = await self.home.client(self.home.hass.http.app)
        response = await client.post(
            f"/api/webhook/{self.webhook}",
            json={
                "type": "fire_event",
                "data": {"event_type": event_type, "event_data": event_data},
            },
        )
        assert response.status == 200
        await self.home.house.settle()


@dataclass
class Home:
    """Maria's house, with what the blueprints act on."""

    care: Care
    outside: Outside
    client: Client
    last_person: str = ""
    """Whoever came last to be looked after."""

    @property
    def hass(self) -> HomeAssistant:
        """Home Assistant."""
        return self.care.hass

    @property
    def house(self) -> House:
        """Home Assistant and its clock."""
        return self.care.house

    async def through[T](self, happening: Coroutine[Any, Any, T]) -> T:
        """Let seconds pass while something happens that takes its time: what flashes or speaks."""
        task = asyncio.ensure_future(happening)
        while not task.done():
            self.house.sim.clock.advance(timedelta(seconds=0.2))
            self.house.freezer.move_to(self.house.now)
            async_fire_time_changed(self.hass, self.house.now)
            for _ in range(50):
                await asyncio.sleep(0)
                # However slow the disk is, no time passes while it is written to.
                while jobs := [
                    one
                    for one in self.hass._tasks | self.hass._background_tasks
                    if not isinstance(one, asyncio.Task)
                ]:
                    await asyncio.wait(jobs)
        return task.result()

    async def minutes(self, count: int) -> None:
        """Let minutes pass, one after the other."""
        for _ in range(count):
            await self.house.pass_time(minutes=1)

    async def phone(
        self, owner: str, *, is_local: bool = False, name: str = "", os_name: str = "OS"
    ) -> Phone:
        """Somebody's phone, registered as the app does; `is_local`: it can only be told while it is connected."""
        users = {user.name: user for user in await self.hass.auth.async_get_users()}
        user = users.get(owner) or await self.hass.auth.async_create_user(
            owner, group_ids=[GROUP_ID_USER]
        )
        name = name or f"{owner}'s phone"
        webhook = f"webhook-{owner}"
        entry = MockConfigEntry(
            domain="mobile_app",
            entry_id=f"phone-{owner}",
            title=name,
            data={
                "app_data": {"push_websocket_channel": True}
                if is_local
                else {"push_token": webhook, "push_url": f"{self.outside.url}/push"},
                "app_id": "io.example.app",
                "app_name": "App",
                "app_version": "1.0",
                "device_id": f"device-{owner}",
                "device_name": name,
                "manufacturer": "Example",
                "model": "Phone",
                "os_name": os_name,
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
            ("mobile_app", f"device-{owner}"), entry.entry_id
        )
        assert device
        return Phone(self, user, device.id, webhook)

    async def automate(self, blueprint: str, name: str = "", **inputs: Any) -> str:
        """Import a blueprint, make an automation of it, and return its entity id."""
        name = name or blueprint
        blueprints = async_get_blueprints(self.hass)
        imported = await fetch_blueprint_from_url(
            self.hass, f"{self.outside.url}/blueprints/{blueprint}.yaml"
        )
        path = f"{imported.suggested_filename}.yaml"
        await blueprints.async_add_blueprint(imported.blueprint, path, allow_override=True)
        directory = Path(self.hass.config.config_dir)
        with (directory / "automations.yaml").open("a") as automations:
            config = {
                "id": name,
                "alias": name,
                "use_blueprint": {"path": path, "input": inputs},
            }
            automations.write(dump([config]))
        (directory / "configuration.yaml").write_text("automation: !include automations.yaml\n")
        assert await async_setup_component(self.hass, "automation", {})
        await self.hass.services.async_call("automation", "reload", blocking=True)
        await self.house.settle()
        return self.automation(name)

    def automation(self, name: str) -> str:
        """The entity of an automation that is on."""
        entity_id = er.async_get(self.hass).async_get_entity_id("automation", "automation", name)
        assert entity_id
        state = self.hass.states.get(entity_id)
        assert state
        assert state.state == "on"
        return entity_id

    @property
    def person(self) -> str:
        """Maria's device."""
        entity = er.async_get(self.hass).async_get(self.care.sensor())
        assert entity
        assert entity.device_id
        return entity.device_id

    async def somebody(self, name: str) -> str:
        """Somebody else to look after: the id of their weight sensor."""
        from .world import add_person  # it needs the house of conftest, which needs this

        person = add_person(self.house, f"{name}@example.com")
        self.last_person = person.shared_user_id
        await self.care.coordinator.async_refresh_now()
        await self.house.settle()
        return self.house.entity_id("binary_sensor", "weight", person.shared_user_id)

    async def drill(self, key: str = "weight", severity: str = "high") -> None:
        """Send a test alert, of Maria's sensor of that type or of a sensor by its id."""
        sensor = key if "." in key else self.care.sensor(key)
        await self.care.call("send_test_alert", sensor, severity=severity)


async def move_in(hass: HomeAssistant, care: Care, outside: Outside, client: Client) -> Home:
    """Set up what every house here has."""
    await hass.config.async_set_time_zone("Europe/Amsterdam")
    assert await async_setup_component(hass, "mobile_app", {})
    await hass.async_block_till_done()
    return Home(care, outside, client)


async def lie_down(hass: HomeAssistant) -> None:
    """Switch off what waits for an alert that nobody takes: it would wait on."""
    if hass.services.has_service("automation", "turn_off"):
        await hass.services.async_call(
            "automation", "turn_off", {"entity_id": "all"}, blocking=True
        )


@pytest.fixture
async def home(
    _voice_packages: None, care: Care, outside: Outside, aiohttp_client: Client
) -> AsyncGenerator[Home]:
    """Maria's house."""
    yield await move_in(care.hass, care, outside, aiohttp_client)
    await lie_down(care.hass)


@dataclass
class Oma:
    """Somebody with a CGM of Dexcom's, in the same house."""

    home: Home
    wearer: Wearer
    entry: MockConfigEntry

    @property
    def sensor(self) -> str:
        """Her sensor of urgent lows."""
        return self.home.house.entity_id(
            "binary_sensor", "urgent_low", self.wearer.user_id, self.entry
        )

    async def is_low(self, *, hours_ago: int = 0) -> None:
        """Be urgently low, now or hours ago, and let it be told: an hour after it was known at Dexcom."""
        now = self.home.house.now
        self.wearer.add_alert("urgentLow", now - timedelta(hours=hours_ago), uploaded_at=now)
        while not self.home.outside.pushed:
            await self.home.house.pass_time(minutes=5)


@pytest.fixture
async def oma(home: Home) -> Oma:
    """She, with her sensor on."""
    from .wear import wear  # it needs the house of conftest, which needs this

    wearer = home.house.sim.dexcom.wearer("SandboxUser7")
    wear(wearer)
    return Oma(home, wearer, await home.house.set_up(await home.house.dexcom_entry(wearer)))
