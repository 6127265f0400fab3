"""The control API: what a test or the demo changes over HTTP."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.typedefs import Handler

from .faults import CATALOGUE, ActiveFault
from .scenarios import SCENARIOS
from .vendor import read_object

if TYPE_CHECKING:
    from .server import LoggedRequest, Simulator


async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 400 with the reason when a control request makes no sense."""
    try:
        return await handler(request)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)


class Control:
    """The paths that belong to no vendor."""

    def __init__(self, sim: Simulator) -> None:
        """Control a simulator."""
        self._sim = sim

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes."""
        yield web.get("/control/clock", self._get_clock)
        yield web.post("/control/clock", self._post_clock)
        yield web.get("/control/log", self._get_log)
        yield web.delete("/control/log", self._delete_log)
        yield web.get("/control/faults", self._get_faults)
        yield web.post("/control/faults", self._post_fault)
        yield web.delete("/control/faults", self._delete_faults)
        yield web.get("/control/scenario", self._get_scenarios)
        yield web.post("/control/scenario", self._post_scenario)

    async def _get_clock(self, request: web.Request) -> web.Response:
        return web.json_response(_clock_json(self._sim))

    async def _post_clock(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        if unknown := set(body) - {"now", "advance_seconds", "speed"}:
            raise ValueError(f"unknown {sorted(unknown)}")
        clock = self._sim.clock
        if "speed" in body:
            clock.speed = float(body["speed"])
        if "now" in body:
            clock.set(datetime.fromisoformat(body["now"]))
        if "advance_seconds" in body:
            clock.advance(timedelta(seconds=body["advance_seconds"]))
        return web.json_response(_clock_json(self._sim))

    async def _get_log(self, request: web.Request) -> web.Response:
        endpoint = request.query.get("endpoint")
        entries = self._sim.log if endpoint is None else self._sim.requests(endpoint)
        return web.json_response([_entry_json(entry) for entry in entries])

    async def _delete_log(self, request: web.Request) -> web.Response:
        self._sim.log.clear()
        return web.json_response([])

    async def _get_faults(self, request: web.Request) -> web.Response:
        return web.json_response({"active": self._active(), "catalogue": list(CATALOGUE)})

    async def _post_fault(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        endpoint, times = body.pop("endpoint"), body.pop("times", None)
        make = CATALOGUE[body.pop("name")]
        self._sim.faults.add(endpoint, make(**body), times)
        return web.json_response(self._active(), status=201)

    async def _delete_faults(self, request: web.Request) -> web.Response:
        self._sim.faults.clear(request.query.get("endpoint"))
        return web.json_response(self._active())

    async def _get_scenarios(self, request: web.Request) -> web.Response:
        return web.json_response(list(SCENARIOS))

    async def _post_scenario(self, request: web.Request) -> web.Response:
        name = (await read_object(request))["name"]
        self._sim.load(name)
        return web.json_response({"name": name})

    def _active(self) -> list[dict[str, object]]:
        """Return the faults that are switched on."""
        return [_fault_json(active) for active in self._sim.faults]


def _clock_json(sim: Simulator) -> dict[str, object]:
    """Return the clock's state."""
    return {
        "now": sim.clock.now().isoformat(),
        "speed": sim.clock.speed,
        "frozen": sim.clock.frozen,
    }


def _entry_json(entry: LoggedRequest) -> dict[str, object]:
    """Return a logged request."""
    body = None if entry.body is None else entry.body.decode(errors="replace")
    return {**asdict(entry), "at": entry.at.isoformat(), "body": body}


def _fault_json(active: ActiveFault) -> dict[str, object]:
    """Return a fault that is switched on."""
    return {
        "endpoint": active.endpoint,
        "name": active.fault.name,
        "left": active.left,
        "hits": active.hits,
    }
