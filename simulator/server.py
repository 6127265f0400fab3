"""The server: every vendor below its own path, with one clock, one log and one set of faults."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import partial
import json
from types import TracebackType
from typing import Any, Self

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from . import scenarios
from .clock import Clock
from .control import Control, guarded
from .dexcom import Dexcom
from .faults import ELSEWHERE, Exchange, Faults
from .lumen import Lumen
from .tidepool import Tidepool
from .vendor import Vendor

LOG_LIMIT = 10_000


@dataclass(slots=True)
class LoggedRequest:
    """A request as it came; `status` None: it got no answer."""

    endpoint: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case; secrets as sent, since they are invented here."""
    at: datetime
    status: int | None = None
    body: bytes | None = None

    @property
    def json(self) -> Any:
        """The body's JSON; ValueError if it is none."""
        return json.loads(self.body or b"")


_ENTRY = web.RequestKey("entry", LoggedRequest)


class Simulator:
    """The simulated vendors and the world they tell about."""

    def __init__(
        self,
        start: datetime | None = None,
        speed: float = 1.0,
        scenario: str | None = None,
    ) -> None:
        """Begin at `start` (aware; None: now); KeyError if there is no such scenario."""
        self.clock = Clock(start, speed)
        self.lumen = Lumen(self.clock)
        self.dexcom = Dexcom(self.clock)
        self.tidepool = Tidepool(self.clock)
        vendors: list[Vendor] = [self.lumen, *self.dexcom.regions.values(), self.tidepool]
        self.vendors = {vendor.name: vendor for vendor in vendors}
        self.faults = Faults(
            {name for vendor in self.vendors.values() for name in vendor.endpoints}
        )
        self.log: list[LoggedRequest] = []
        self.url = ""
        """Address while running, such as `http://127.0.0.1:8765`."""
        self.watchers: list[Callable[[LoggedRequest, web.StreamResponse], None]] = []
        """Told of every answer to a vendor's request as it goes out."""
        self._awaited: dict[str, list[asyncio.Future[LoggedRequest]]] = {}
        self._runner: web.AppRunner | None = None
        self._stopping = asyncio.Event()
        if scenario is not None:
            self.load(scenario)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen (port 0: any free one); OSError if that is impossible."""
        if self._runner is not None:
            raise RuntimeError("the simulator runs already")
        self._stopping = asyncio.Event()
        runner = web.AppRunner(
            self._application(),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=1,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        address = f"[{host}]" if ":" in host else host
        self.url = f"http://{address}:{runner.addresses[0][1]}"
        for vendor in self.vendors.values():
            vendor.base = self.url

    async def stop(self) -> None:
        """Stop, answering nobody who still waits."""
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        """Start on a free port."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        await self.stop()

    def load(self, scenario: str) -> None:
        """Replace everybody by the people of a scenario; KeyError if there is none such."""
        fill = scenarios.SCENARIOS[scenario]
        for vendor in self.vendors.values():
            vendor.reset()
        fill(self)

    def requests(self, endpoint: str) -> list[LoggedRequest]:
        """Return what an endpoint was asked, oldest first."""
        return [entry for entry in self.log if entry.endpoint == endpoint]

    async def arrival(self, endpoint: str) -> LoggedRequest:
        """Wait for the next request to an endpoint: with time frozen, the moment to move it."""
        future: asyncio.Future[LoggedRequest] = asyncio.get_running_loop().create_future()
        self._awaited.setdefault(endpoint, []).append(future)
        return await future

    def _application(self) -> web.Application:
        """Build the web application."""
        app = web.Application(middlewares=[self._middleware])
        app.on_response_prepare.append(self._on_prepare)
        app.add_routes(Control(self).routes())
        for vendor in self.vendors.values():
            app.add_routes(vendor.control())
            app.add_routes(vendor.routes())
            app.router.add_route(
                "*",
                f"/{vendor.name}/{{tail:.*}}",
                self._unknown,
                name=f"{vendor.name}.unknown",
            )
        app.router.add_route("*", ELSEWHERE, self._elsewhere, name="elsewhere")
        app.router.add_route("*", "/{tail:.*}", self._unknown, name="unknown")
        return app

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Log a vendor's request and let it meet its fault, if there is one."""
        endpoint = request.match_info.route.name
        if endpoint is None:
            return await guarded(request, handler)
        entry = request[_ENTRY] = LoggedRequest(
            endpoint=endpoint,
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            at=self.clock.now(),
            body=await request.read() if request.can_read_body else None,
        )
        self.log.append(entry)
        del self.log[:-LOG_LIMIT]
        for future in self._awaited.pop(endpoint, ()):
            if not future.done():
                future.set_result(entry)
        vendor = self.vendors.get(endpoint.partition(".")[0])
        if vendor is None or endpoint not in vendor.endpoints:
            return await handler(request)
        fault = self.faults.take(endpoint)
        if fault is None:
            return await handler(request)

        async def proceed() -> web.StreamResponse:
            return await handler(request)

        return await fault.respond(
            Exchange(
                request, self.clock, self._stopping, proceed, partial(vendor.error_at, endpoint)
            )
        )

    async def _on_prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """Date an answer by our clock and log its status when it really goes out."""
        response.headers[hdrs.DATE] = format_datetime(self.clock.now(), usegmt=True)
        entry = request.get(_ENTRY)
        if entry and request.transport and not request.transport.is_closing():
            entry.status = response.status
            for watch in self.watchers:
                watch(entry, response)

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        """Answer a path that nobody documents."""
        endpoint = request.match_info.route.name or ""
        vendor = self.vendors.get(endpoint.partition(".")[0])
        if vendor is None:
            raise web.HTTPNotFound
        return web.json_response(vendor.error(404), status=404)

    async def _elsewhere(self, request: web.Request) -> web.StreamResponse:
        """Answer where redirects lead."""
        return web.json_response({"success": True, "data": {}})
