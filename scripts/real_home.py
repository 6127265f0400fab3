"""A real Home Assistant: its own process on its own configuration directory, spoken to over its public API.

    async with RealHome(directory) as home:
        flow = await home.start_flow("care_alerts")
        state = await home.state("sensor", "care_alerts", unique_id)
        await home.kill()
        await home.start()

It listens on loopback only and installs nothing. The demo, the browser tests and the benchmarks share it.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
import json
import os
from pathlib import Path
import signal
import socket
import sys
from typing import Any, ClassVar, Final, Literal, Protocol, Self

import aiohttp

ROOT: Final = Path(__file__).resolve().parent.parent
HOST: Final = "127.0.0.1"
PYTHON: Final = os.environ.get("HOME_PYTHON", sys.executable)
"""Which Python runs Home Assistant; `HOME_PYTHON` names that of another version's environment."""
RESTART_EXIT_CODE: Final = 100
"""What Home Assistant exits with when a user asked it to restart."""

type Json = dict[str, Any]
"""A JSON object as Home Assistant sent it."""

# No `http:` (deprecated in YAML: it puts the server on a five-minute trial) and no `my:` (it would send OAuth
# redirects through my.home-assistant.io).
CONFIGURATION: Final = """\
homeassistant:
  name: {name}
  time_zone: {time_zone}
  unit_system: metric
  currency: EUR
  country: NL
  language: en
frontend:
config:
history:
logbook:
recorder:
  commit_interval: 1{db_url}
system_health:
application_credentials:
automation: !include automations.yaml
script: !include scripts.yaml
template: !include templates.yaml
logger:
  default: warning
  logs:
    custom_components.care_alerts: {log_level}
    # Set up in every home, for cameras; there is neither FFmpeg nor a JPEG library here.
    haffmpeg: critical
    homeassistant.components.ffmpeg: critical
    homeassistant.components.camera.img_util: critical
"""

YAML_FILES: Final = {"automations.yaml": "[]\n", "scripts.yaml": "{}\n", "templates.yaml": "[]\n"}
"""What the configuration includes, and how each begins."""

# Home Assistant imports these to describe the services of voice assistants, in every home. They exist as source
# only, and a compiler is too much to ask for a demo without a microphone.
VOICE_PACKAGES: Final = {"pymicro_vad": "MicroVad", "pyspeex_noise": "AudioProcessor"}
"""Module -> the one class that is imported from it."""


class Process(Protocol):
    """What there is to do with a Home Assistant that runs."""

    @property
    def pid(self) -> int:
        """Its id."""

    @property
    def returncode(self) -> int | None:
        """Its exit code; None while it lives."""

    async def wait(self) -> int:
        """Return the exit code once it has ended."""

    def send_signal(self, signal: int, /) -> None:
        """Send it a signal."""

    def kill(self) -> None:
        """End it at once."""


class Spawn(Protocol):
    """Starts a Home Assistant."""

    async def __call__(
        self, arguments: Sequence[str], environment: Mapping[str, str], log_path: Path, /
    ) -> Process:
        """Start one that writes into a log."""


async def spawn(
    arguments: Sequence[str], environment: Mapping[str, str], log_path: Path
) -> Process:
    """Start a Home Assistant that writes into a log."""
    with log_path.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *(PYTHON, "-m", "homeassistant", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            # Ctrl-C on the terminal is for us; we then stop it in order.
            process_group=0,
        )


class HomeError(Exception):
    """Home Assistant did not start, died, or refused a request. The text says which, and why."""


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    """Return whether a server could listen on this loopback port."""
    with socket.socket() as probe:
        # As servers do: a connection of the last run that lingers is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def write_stand_ins(directory: Path) -> None:
    """Write modules that stand in for the packages of `VOICE_PACKAGES` that are not there."""
    directory.mkdir(exist_ok=True)
    for module, imported in VOICE_PACKAGES.items():
        if find_spec(module) is None:
            (directory / f"{module}.py").write_text(f"class {imported}:\n    pass\n")


class RealHome:
    """One Home Assistant on one configuration directory, which outlives the process.

    `port` None takes a free one. Errors of every method that speaks to it: `HomeError`.
    """

    spawn: ClassVar[Spawn] = staticmethod(spawn)
    """How the process is started."""

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        name: str = "Care Alerts",
        username: str = "demo",
        password: str = "demo",  # noqa: S107 - a login for loopback, printed on the screen
        time_zone: str = "UTC",
        log_level: str = "debug",
        environment: Mapping[str, str] | None = None,
        db_url: str | None = None,
    ) -> None:
        """Describe the home; nothing is written or started yet. `db_url` None: its history is in its directory."""
        self.directory = directory
        self.port = port or free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.client_id = f"{self.url}/"
        self.username = username
        self.password = password
        self.tokens: Json = {}
        """What /auth/token answered: what a browser keeps in `hassTokens`."""
        self._configuration = CONFIGURATION.format(
            name=name,
            time_zone=time_zone,
            log_level=log_level,
            db_url=f"\n  db_url: {db_url}" if db_url else "",
        )
        self._name = name
        self._environment = dict(environment or {})
        self._process: Process | None = None
        self._session: aiohttp.ClientSession | None = None
        self._websocket: _Websocket | None = None
        self._log_start = 0

    async def __aenter__(self) -> Self:
        """Prepare and start."""
        self.prepare()
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    # The process

    def prepare(self) -> None:
        """Write what a first start needs; a directory that has been used keeps all it knows."""
        storage = self.directory / ".storage"
        storage.mkdir(parents=True, exist_ok=True)
        (self.directory / "configuration.yaml").write_text(self._configuration)
        for file, content in YAML_FILES.items():
            if not (path := self.directory / file).exists():
                path.write_text(content)
        write_stand_ins(self._stand_ins)
        components = self.directory / "custom_components"
        if not components.exists():
            components.unlink(missing_ok=True)
            components.symlink_to(ROOT / "custom_components", target_is_directory=True)
        _write_store(
            storage / "http",
            2,
            2,
            {"stable": self._http_config(), "pending": None, "yaml_migration_done": True},
        )
        if not (storage / "onboarding").exists():
            # The steps left out would set up integrations that talk to the internet.
            _write_store(
                storage / "onboarding", 4, 1, {"done": ["core_config", "analytics", "integration"]}
            )

    def write_yaml(self, file: str, content: Json | list[Json]) -> None:
        """Write a file that the configuration includes; Home Assistant reads it when it starts or is told to reload."""
        (self.directory / file).write_text(json.dumps(content, indent=2))  # JSON is YAML

    @property
    def _stand_ins(self) -> Path:
        return self.directory / "stand_ins"

    def _http_config(self) -> Json:
        """Return the server's settings: loopback, our port, not on trial."""
        return {
            "server_host": [HOST],
            "server_port": self.port,
            "cors_allowed_origins": [],
            "login_attempts_threshold": -1,
            "ip_ban_enabled": False,
            "ssl_profile": "modern",
            "use_x_frame_options": True,
            "created_at": "2026-01-01T00:00:00+00:00",
            "error": None,
            "error_message": None,
        }

    async def start(self, timeout: float = 90) -> None:  # noqa: ASYNC109 - the promise is ours, not the caller's
        """Start the process, wait until everything is set up, and log in (on a first start: create the user)."""
        if self.running:
            raise HomeError("Home Assistant is running already")
        if not port_is_free(self.port):
            raise HomeError(f"port {self.port} is in use by something else")
        self._log_start = self._log_size()
        python_path = os.pathsep.join(
            filter(None, (str(self._stand_ins), os.environ.get("PYTHONPATH")))
        )
        arguments = ("-c", str(self.directory), "--skip-pip", "--log-no-color")
        environment = os.environ | {"PYTHONPATH": python_path} | self._environment
        self._process = await type(self).spawn(arguments, environment, self.log_path)
        self._session = aiohttp.ClientSession(self.url)
        try:
            async with asyncio.timeout(timeout):
                await self._wait_for(self._answers)
                await self._log_in()
                await self._wait_for(self._is_running)
                self._websocket = await _Websocket.open(self._session, self.token)
        except TimeoutError:
            await self.kill()
            raise HomeError(
                f"Home Assistant was not ready within {timeout:.0f} s:\n{self._log_end()}"
            ) from None
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        """Ask the process to end and wait for it; one that does not listen is killed."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End the process as a power cut would (SIGKILL)."""
        await self._end(signal.SIGKILL)

    async def restart(self) -> None:
        """Stop and start on the same directory."""
        await self.stop()
        await self.start()

    async def _end(self, by: signal.Signals) -> None:
        """Close our connections and end the process."""
        if self._websocket is not None:
            await self._websocket.close()
            self._websocket = None
        if self._session is not None:
            await self._session.close()
            self._session = None
        if (process := self._process) is None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(by)
        try:
            await asyncio.wait_for(process.wait(), 30)
        except TimeoutError:
            process.kill()
            await process.wait()
        self._process = None

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process id."""
        if self._process is None:
            raise HomeError("Home Assistant is not running")
        return self._process.pid

    async def wait(self) -> int:
        """Wait until the process ends by itself and return its exit code (`RESTART_EXIT_CODE`: wants to be started again)."""
        if self._process is None:
            raise HomeError("Home Assistant is not running")
        return await self._process.wait()

    async def _wait_for(self, condition: Any) -> None:
        """Ask until the condition holds; a process that died meanwhile is an error at once."""
        while not await condition():
            if not self.running:
                raise HomeError(f"Home Assistant ended while it was starting:\n{self._log_end()}")
            await asyncio.sleep(0.1)

    async def _answers(self) -> bool:
        """Return whether the web server is up."""
        try:
            async with self._http.get("/manifest.json") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def _is_running(self) -> bool:
        """Return whether every integration has had its turn."""
        return bool((await self.get("/api/config"))["state"] == "RUNNING")

    # Logging in

    async def _log_in(self) -> None:
        """Get tokens for our user, whom a home that has none yet is given."""
        code = await self._first_user()
        if code is None:
            code = await self._login_code(self.username, self.password)
        self.tokens = await self._tokens(code)

    async def _login_code(self, username: str, password: str) -> str:
        """Log in as the login page does."""
        flow = await self._post(
            "/auth/login_flow",
            {
                "client_id": self.client_id,
                "handler": ["homeassistant", None],
                "redirect_uri": self.client_id,
            },
        )
        answer = await self._post(
            f"/auth/login_flow/{flow['flow_id']}",
            {"client_id": self.client_id, "username": username, "password": password},
        )
        if answer["type"] != "create_entry":
            raise HomeError(f"login failed: {answer.get('errors')}")
        return str(answer["result"])

    async def _tokens(self, code: str) -> Json:
        """Exchange what a login gave."""
        form = {"grant_type": "authorization_code", "code": code, "client_id": self.client_id}
        async with self._http.post("/auth/token", data=form) as response:
            tokens: Json = await _answer(response)
            return tokens

    async def add_user(self, name: str) -> str:
        """Add somebody to the household, log in as them, and return their access token."""
        user = await self.ws(
            {"type": "config/auth/create", "name": name, "group_ids": ["system-users"]}
        )
        login = {"username": name.lower(), "password": name.lower()}
        await self.ws(
            {
                "type": "config/auth_provider/homeassistant/create",
                "user_id": user["user"]["id"],
                **login,
            }
        )
        return str((await self._tokens(await self._login_code(**login)))["access_token"])

    async def _first_user(self) -> str | None:
        """Create the owner of a new home and return a code to log in with; None if there is one."""
        async with self._http.get("/api/onboarding") as response:
            if response.status == 404:
                return None
            steps = await response.json()
        if any(step["step"] == "user" and step["done"] for step in steps):
            return None
        user = {"name": self.username.title(), "username": self.username, "password": self.password}
        answer = await self._post(
            "/api/onboarding/users", user | {"client_id": self.client_id, "language": "en"}
        )
        return str(answer["auth_code"])

    @property
    def token(self) -> str:
        """An access token, good for half an hour after the start."""
        return str(self.tokens["access_token"])

    # The API

    @property
    def _http(self) -> aiohttp.ClientSession:
        """The session of the running process."""
        if self._session is None:
            raise HomeError("Home Assistant is not running")
        return self._session

    async def get(self, path: str) -> Any:
        """Return the answer to a GET, such as `/api/states`."""
        async with self._http.get(path, headers=self._headers) as response:
            return await _answer(response)

    async def post(self, path: str, data: Json | None = None) -> Any:
        """Return the answer to a POST of JSON, such as `/api/services/button/press`."""
        return await self._post(path, data or {}, self._headers)

    async def delete(self, path: str) -> Any:
        """Return the answer to a DELETE, such as of a config entry."""
        async with self._http.delete(path, headers=self._headers) as response:
            return await _answer(response)

    async def ws(self, message: Json) -> Any:
        """Return the result of a websocket command, such as `{"type": "config/entity_registry/list"}`."""
        if self._websocket is None:
            raise HomeError("Home Assistant is not running")
        return await self._websocket.call(message)

    @asynccontextmanager
    async def listen(self, message: Json) -> AsyncGenerator[AsyncIterator[Json]]:
        """Subscribe, such as with `{"type": "subscribe_events", "event_type": "state_changed"}`, and yield the events."""
        websocket = await _Websocket.open(self._http, self.token)
        try:
            await websocket.call(message)
            yield websocket.events()
        finally:
            await websocket.close()

    @property
    def _headers(self) -> dict[str, str]:
        # A flow sends the browser back to where the frontend says it is.
        return {"Authorization": f"Bearer {self.token}", "HA-Frontend-Base": self.url}

    async def _post(self, path: str, data: Json, headers: dict[str, str] | None = None) -> Any:
        """POST JSON."""
        async with self._http.post(path, json=data, headers=headers) as response:
            return await _answer(response)

    # Config flows

    async def start_flow(self, handler: str, *, entry_id: str | None = None) -> Json:
        """Start a config flow as the UI does, to reconfigure when an entry is given; return its first step."""
        data: Json = {"handler": handler}
        if entry_id is not None:
            data["entry_id"] = entry_id
        return await self._step("/api/config/config_entries/flow", data)

    async def flow(self, flow_id: str) -> Json:
        """Return where a config flow is now, such as after the browser came back from a login page."""
        step: Json = await self.get(f"/api/config/config_entries/flow/{flow_id}")
        return step

    async def flow_step(self, flow_id: str, data: Json) -> Json:
        """Answer a step (of a menu: `{"next_step_id": ...}`) and return the next one."""
        return await self._step(f"/api/config/config_entries/flow/{flow_id}", data)

    async def start_options(self, entry_id: str) -> Json:
        """Start the options flow of an entry and return its first step."""
        return await self._step("/api/config/config_entries/options/flow", {"handler": entry_id})

    async def options_step(self, flow_id: str, data: Json) -> Json:
        """Answer a step of an options flow and return the next one."""
        return await self._step(f"/api/config/config_entries/options/flow/{flow_id}", data)

    async def add_subentry(self, entry_id: str, kind: str, data: Json) -> Json:
        """Add a part to an entry as its form does, and return the last step."""
        path = "/api/config/config_entries/subentries/flow"
        form = await self._step(path, {"handler": [entry_id, kind]})
        return await self._step(f"{path}/{form['flow_id']}", data)

    async def _step(self, path: str, data: Json) -> Json:
        step: Json = await self.post(path, data)
        return step

    async def entries(self, domain: str) -> list[Json]:
        """Return the config entries of an integration."""
        entries: list[Json] = await self.get(f"/api/config/config_entries/entry?domain={domain}")
        return entries

    # Registries and states

    async def devices(self) -> list[Json]:
        """Return the device registry."""
        devices: list[Json] = await self.ws({"type": "config/device_registry/list"})
        return devices

    async def entities(self, platform: str | None = None) -> list[Json]:
        """Return the entity registry, or one integration's part of it."""
        entities: list[Json] = await self.ws({"type": "config/entity_registry/list"})
        return [entity for entity in entities if platform in (None, entity["platform"])]

    async def entity_id(self, domain: str, platform: str, unique_id: str) -> str:
        """Return the id Home Assistant gave to the entity of this kind, integration and unique id."""
        for entity in await self.entities(platform):
            if entity["unique_id"] == unique_id and entity["entity_id"].startswith(f"{domain}."):
                return str(entity["entity_id"])
        raise HomeError(f"no {domain} of {platform} has the unique id {unique_id}")

    async def state(self, domain: str, platform: str, unique_id: str) -> Json:
        """Return an entity's state object (`state`, `attributes`, `last_changed`, ...)."""
        state: Json = await self.get(
            f"/api/states/{await self.entity_id(domain, platform, unique_id)}"
        )
        return state

    async def states(self, platform: str) -> dict[str, Json]:
        """Return the state objects of an integration's enabled entities, by `domain/unique_id`."""
        states = {state["entity_id"]: state for state in await self.get("/api/states")}
        return {
            f"{entity['entity_id'].partition('.')[0]}/{entity['unique_id']}": states[
                entity["entity_id"]
            ]
            for entity in await self.entities(platform)
            if entity["entity_id"] in states
        }

    # The log

    def log(self, runs: Literal["this", "all"] = "this") -> str:
        """Return what the process wrote since the last start, or since the directory was made."""
        if not self.log_path.exists():
            return ""
        content = self.log_path.read_bytes()
        return content[self._log_start if runs == "this" else 0 :].decode(errors="replace")

    @property
    def log_path(self) -> Path:
        """Where the process writes, from the first start on."""
        return self.directory / "output.log"

    def _log_size(self) -> int:
        return self.log_path.stat().st_size if self.log_path.exists() else 0

    def _log_end(self, lines: int = 20) -> str:
        return "\n".join(self.log().splitlines()[-lines:])


class _Websocket:
    """One authenticated websocket connection; one call at a time."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._last_id = 0
        self._lock = asyncio.Lock()

    @classmethod
    async def open(cls, session: aiohttp.ClientSession, token: str) -> Self:
        """Connect and authenticate."""
        socket = await session.ws_connect("/api/websocket", max_msg_size=0)
        await socket.receive_json()
        await socket.send_json({"type": "auth", "access_token": token})
        if (answer := await socket.receive_json())["type"] != "auth_ok":
            await socket.close()
            raise HomeError(f"the websocket refused the token: {answer}")
        return cls(socket)

    async def call(self, message: Json) -> Any:
        """Send a command and return its result."""
        async with self._lock:
            self._last_id += 1
            try:
                await self._socket.send_json({"id": self._last_id} | message)
                while (answer := await self._socket.receive_json())[
                    "id"
                ] != self._last_id or answer["type"] != "result":
                    pass
            except (aiohttp.ClientError, TypeError) as error:
                raise HomeError(f"{message['type']}: the connection is gone ({error})") from error
        if not answer["success"]:
            raise HomeError(
                f"{message['type']}: {answer['error']['code']}: {answer['error']['message']}"
            )
        return answer["result"]

    async def events(self) -> AsyncIterator[Json]:
        """Yield the events of a subscription until the connection ends."""
        async for message in self._socket:
            if (
                message.type is aiohttp.WSMsgType.TEXT
                and (content := message.json())["type"] == "event"
            ):
                yield content["event"]

    async def close(self) -> None:
        """Close the connection."""
        await self._socket.close()


def _write_store(path: Path, version: int, minor_version: int, data: Json) -> None:
    """Write a file as Home Assistant's storage keeps them."""
    store = {"version": version, "minor_version": minor_version, "key": path.name, "data": data}
    path.write_text(json.dumps(store, indent=2))


async def _answer(response: aiohttp.ClientResponse) -> Any:
    """Return the JSON of an answer, or raise with what Home Assistant said instead."""
    if not response.ok:
        raise HomeError(
            f"{response.method} {response.url.path}: {response.status} {await response.text()}"
        )
    return await response.json()
