"""What is outside of Home Assistant and lives on when it is killed: the phones' push service, and lamps.

async with Outside() as outside:
    phone = await Phone.register(home, outside, "Anna's phone")
    await phone.press("Acknowledge")
    outside.lamps["bedside"].shown
"""

from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from aiohttp import web
from yarl import URL

from scripts.real_home import HOST, Json, RealHome

CLEAR: Final = "clear_notification"
"""The message that takes a notification off the screen."""

type Look = dict[str, Any]
"""What a lamp shows: `on`, `brightness` (0-255), and either `rgb` (three of 0-255) or `kelvin`; the other is None."""


@dataclass
class Lamp:
    """A lamp with a small API of its own; it shines whether Home Assistant lives or not."""

    look: Look
    shown: list[Look] = field(default_factory=list)
    """What it was told to show, oldest first."""

    def show(self, change: Look) -> None:
        """Do as told; a colour and a white replace each other."""
        other = {"rgb": "kelvin", "kelvin": "rgb"}
        self.look = self.look | {other[name]: None for name in change if name in other} | change
        self.shown.append(self.look)


class Outside:
    """A server on loopback."""

    def __init__(self) -> None:
        """Have no lamps and nothing pushed."""
        self.unreachable: set[str] = set()
        """The push tokens of phones that the push service gives up."""
        self.pushed: list[Json] = []
        self.lamps: dict[str, Lamp] = {}
        self.url = ""
        app = web.Application()
        app.router.add_post("/push", self._push)
        app.router.add_get("/lamps/{lamp}", self._look)
        app.router.add_post("/lamps/{lamp}", self._render)
        self._runner = web.AppRunner(app, access_log=None)

    async def __aenter__(self) -> Self:
        """Listen."""
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, 0).start()
        self.url = f"http://{HOST}:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        """Stop."""
        await self._runner.cleanup()

    async def _push(self, request: web.Request) -> web.Response:
        """Take a notification as the app's push service does."""
        message = await request.json()
        if message["push_token"] in self.unreachable:
            return web.json_response({"errorMessage": "Gone"}, status=410)
        self.pushed.append(message)
        return web.json_response({"target": "somewhere"}, status=201)

    async def _look(self, request: web.Request) -> web.Response:
        return web.json_response(self.lamps[request.match_info["lamp"]].look)

    async def _render(self, request: web.Request) -> web.Response:
        lamp = self.lamps[request.match_info["lamp"]]
        lamp.show(await request.json())
        return web.json_response(lamp.look)

    def configuration(self) -> tuple[Json, list[Json]]:
        """Return what `configuration.yaml` needs besides for the lamps, and the content of `templates.yaml`."""
        lamp_url = f"{self.url}/lamps/{{{{ lamp }}}}"
        commands = {
            "look_at_lamp": {"url": lamp_url},
            "show_on_lamp": {
                "url": lamp_url,
                "method": "post",
                "content_type": "application/json",
                "payload": "{{ look | to_json }}",
            },
        }
        return {"rest_command": commands}, [_template_light(name) for name in self.lamps]


def _template_light(name: str) -> Json:
    """Return the template light of a lamp: it looks at the lamp at the start, and afterwards each change says the look.

    Looking after each change would not do: Home Assistant does not look while it is looking, and has no look then.
    """

    def show(look: str) -> list[Json]:
        # Whatever is set, the lamp goes on; the brightness is given only with some of the ways to turn it on.
        white = "dict({'brightness': brightness} if brightness | default(none) is not none else {}"
        return [
            {
                "action": "rest_command.show_on_lamp",
                "data": {"lamp": name, "look": f"{{{{ {white}, {look}) }}}}"},
                "response_variable": "lamp",
            },
            {
                "event": "lamp_changed",
                "event_data": {"lamp": name, "look": "{{ lamp.content }}"},
            },
        ]

    look = "(trigger.event.data.look if trigger.platform == 'event' else lamp.content)"
    return {
        "triggers": [
            {"trigger": "homeassistant", "event": "start"},
            {"trigger": "event", "event_type": "lamp_changed", "event_data": {"lamp": name}},
        ],
        "actions": [
            {
                "if": "{{ trigger.platform != 'event' }}",
                "then": {
                    "action": "rest_command.look_at_lamp",
                    "data": {"lamp": name},
                    "response_variable": "lamp",
                },
            }
        ],
        "light": [
            {
                "name": name,
                "unique_id": f"lamp_{name}",
                "state": f"{{{{ {look}.on }}}}",
                "level": f"{{{{ {look}.brightness }}}}",
                "rgb": f"{{{{ {look}.rgb }}}}",
                "temperature": f"{{{{ (1000000 / {look}.kelvin) | round if {look}.kelvin else none }}}}",
                "turn_on": show("on=true"),
                "turn_off": show("on=false"),
                "set_level": show("on=true"),
                "set_rgb": show("on=true, rgb=[r | int, g | int, b | int]"),
                "set_temperature": show("on=true, kelvin=color_temp_kelvin"),
            }
        ],
    }


@dataclass
class Phone:
    """A phone with the app, registered in a real home."""

    outside: Outside
    name: str
    device_id: str
    """Of Home Assistant's device registry."""
    webhook: URL

    @classmethod
    async def register(
        cls,
        home: RealHome,
        outside: Outside,
        name: str,
        token: str | None = None,
        *,
        os_name: str = "OS",
        push_token: str = "",
    ) -> Self:
        """Register it as the app does after the login of its owner, the home's user if no token is given.

        `push_token`: what tells it from another of the same name.
        """
        push_token = push_token or name
        registration = {
            "app_id": "io.example.app",
            "app_name": "App",
            "app_version": "1.0",
            "device_id": f"device-{push_token}",
            "device_name": name,
            "manufacturer": "Example",
            "model": "Phone",
            "os_name": os_name,
            "os_version": "1.0",
            "supports_encryption": False,
            "app_data": {"push_token": push_token, "push_url": f"{outside.url}/push"},
        }
        headers = {"Authorization": f"Bearer {token or home.token}"}
        async with (
            aiohttp.ClientSession(headers=headers, raise_for_status=True) as app,
            app.post(f"{home.url}/api/mobile_app/registrations", json=registration) as response,
        ):
            webhook = URL(home.url) / "api/webhook" / (await response.json())["webhook_id"]
        [device_id] = [
            device["id"]
            for device in await home.devices()
            if ["mobile_app", f"device-{push_token}"] in device["identifiers"]
        ]
        return cls(outside, push_token, device_id, webhook)

    @property
    def pushed(self) -> list[Json]:
        """Everything that was sent to it, oldest first."""
        return [one for one in self.outside.pushed if one["push_token"] == self.name]

    @property
    def screen(self) -> list[Json]:
        """The notifications on its screen: each replaces the last one of its tag."""
        shown: dict[str, Json] = {}
        for one in self.pushed:
            tag = one["data"]["tag"]
            shown.pop(tag, None)
            if one["message"] != CLEAR:
                shown[tag] = one
        return list(shown.values())

    async def press(self, title: str) -> None:
        """Press a button of the only notification on the screen, and tell Home Assistant as the app does."""
        [notification] = self.screen
        [action] = [one for one in notification["data"]["actions"] if one["title"] == title]
        await self._fire(
            "mobile_app_notification_action",
            {"action": action["action"], "tag": notification["data"]["tag"]},
        )

    async def confirm(self) -> None:
        """Say that the newest notification has come, as an Android phone does that is asked to."""
        await self._fire("mobile_app_notification_received", self.pushed[-1]["data"])

    async def _fire(self, event_type: str, event_data: Json) -> None:
        message = {
            "type": "fire_event",
            "data": {"event_type": event_type, "event_data": event_data},
        }
        async with (
            aiohttp.ClientSession(raise_for_status=True) as app,
            app.post(self.webhook, json=message),
        ):
            pass
