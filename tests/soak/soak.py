"""A soak: a house with people from three vendors, in simulated time, under all that may happen to it.

Home Assistant, the component, the files and the connections are real; the vendors are the simulator on loopback.
Whatever is drawn comes from the seed: what happens is printed, and happens again with it.

Two clocks: the vendors' is right, the house's may be wrong for some hours. A third, the loop's, only goes on.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
import errno
from functools import partial
import heapq
from itertools import count
import logging
from pathlib import Path
from random import Random
import sys
from typing import Any, Final, override
from unittest.mock import Mock, patch
from weakref import WeakSet

from aiohttp import web
from atomicwrites import AtomicWriter  # type: ignore[import-untyped]
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import (
    EVENT_HOMEASSISTANT_FINAL_WRITE,
    EVENT_STATE_CHANGED,
    STATE_ON,
    STATE_UNAVAILABLE,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import aiohttp_client, entity_registry as er, translation
from homeassistant.helpers.dispatcher import DATA_DISPATCHER
from homeassistant.util.async_ import get_scheduled_timer_handles

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.event_data import EVENT_ALERT_ENDED, EVENT_ALERT_RECEIVED
from custom_components.care_alerts.sources.coordinator import SourceCoordinator
from custom_components.care_alerts.sources.http import LONGEST_WAIT
from simulator import CATALOGUE, Fault, LoggedRequest, Simulator
from simulator.faults import Exchange
from tests.conftest import House
from tests.lives import Life, home_assistant, living

from .people import (
    DAY,
    HOUR,
    MINUTE,
    REMEMBERED,
    DexcomPeople,
    Following,
    LumenPeople,
    TidepoolPeople,
    Truth,
)
from .script import Happening, draw, faults_of
from .tally import CHANNELS, Gauge, Tally, descriptors, resident

BERLIN: Final = "Europe/Berlin"

SOURCES: Final = ("lumen", "dexcom", "tidepool")

STARTS: Final = (
    # Noons before the nights in which the clocks of Berlin are changed.
    datetime(2026, 10, 24, 12, tzinfo=UTC),
    datetime(2027, 3, 27, 12, tzinfo=UTC),
)

STEPS: Final = (1, 5, 15, 30, 45, 45)
"""Minutes that pass at once: what is due within is done late, as on a busy machine. Ours: what a soak costs, its steps cost."""

QUIET_END: Final = timedelta(hours=30)
"""What passes without new trouble before entities have to be right: a day of Lumen's, and a look back of Dexcom's."""

WAITS: Final = {
    "slow": timedelta(seconds=3),
    "hang": timedelta(seconds=152),
    "hang_body": timedelta(seconds=152),
}
"""A little more than any client waits for an answer."""

ASKS_TO_WAIT: Final = {"429_enormous": LONGEST_WAIT}
"""Faults that ask for more than they last: nothing is asked meanwhile, and so nothing heard."""

EXPLAINS_FOR: Final = HOUR
"""How long after a trouble is over it may still be spoken of: the longest between two questions to one vendor."""

ALL_ARE_MET_IN: Final = 30
"""Days in which every fault of the catalogue has to have been met."""

VENDORS_FULL: Final = 40
"""Days after which the vendors, which are in this process, too, forget what is older: longer than anybody looks back, twice
what is `REMEMBERED` here."""

WELL_AGAIN_AFTER: Final = 2 * HOUR
"""How long it may take after trouble until all is told when it comes: as long as anybody waits before asking again."""

IN_TIME: Final = 10 * MINUTE
"""Beyond what is usual: well within what the house still takes for the present."""

KILLED_WITHIN: Final = HOUR
"""A house that has no effect on anything for so long is killed all the same."""

WRITTEN_WITHIN: Final = 10 * MINUTE
"""After a disk has refused, all that is kept is written again within half of that."""


class _Errors(logging.Handler):
    """What is logged as an error, and not explained by a trouble there was."""

    def __init__(self, soak: Soak) -> None:
        super().__init__(logging.ERROR)
        self._soak = soak

    @override
    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        soak = self._soak
        if soak.life.over:
            # Of a process that was killed nobody reads the log.
            return
        error = record.exc_info[1] if record.exc_info else None
        is_full_disk = isinstance(error, OSError) and error.errno == errno.ENOSPC
        is_expected = (error is None or is_full_disk) and "nexpected" not in message
        if is_expected and soak.now <= soak.explained_until:
            soak.tally.explained_lines += 1
            return
        trouble = f" {error!r}" if error else ""
        soak.complain(soak.tally.errors, f"{record.name}: {message}{trouble}")


class Soak:
    """One soak: `run` lets it happen, `tally` says what came of it."""

    def __init__(
        self, freezer: FrozenDateTimeFactory, files: Path, *, days: int, seed: int, people: int
    ) -> None:
        """Stand before a house that does not exist yet."""
        self.seed, self.days, self._people = seed, days, people
        self.start = STARTS[seed % len(STARTS)]
        self.now = self.start
        self.tally = Tally(days=days)
        self.life = Life(None)
        self._troubled_until = dict.fromkeys(SOURCES, self.start)
        self._faults_drawn: Counter[str] = Counter()
        self._ended: dict[tuple[str, str], list[datetime]] = defaultdict(list)
        """When the house said that something had ended for want of news, by person and type."""
        self._rng = Random(f"{seed}/steps")  # noqa: S311 # no secret
        self._freezer, self._files = freezer, files
        self._ahead = timedelta()
        self._clock_set_at = self._waited_at = self.start
        self._heard_to = self.start
        """Until when the house could have asked before the time that has just passed."""
        self._asked_at: dict[str, datetime] = {}
        """When it last asked for somebody's readings: of whom they come in batches, as they do here in long steps, more rarely."""
        self._elapsed = 0.0
        self._sim = Simulator(start=self.start, speed=0)
        self._stack = AsyncExitStack()
        self._hass: HomeAssistant | None = None
        self._houses: WeakSet[HomeAssistant] = WeakSet()
        self._kept: dict[str, dict[str, Any]] = {}
        self._faults: list[tuple[str, Fault]] = []
        self._is_disk_full = False
        self._full_until = self.start
        self._unwritten: set[str] = set()
        self._down = timedelta()
        """How long Home Assistant stays away once it has ended."""
        self._ahead_then = timedelta()
        """By how much its clock was ahead when it ended."""
        self._queue: list[tuple[datetime, int, str, Callable[[], Coroutine[Any, Any, None]]]] = []
        self._order = count()
        self._persons: dict[str, str] = {}
        self._following: tuple[Following, ...] = ()

    # What is said.

    def say(self, what: str) -> None:
        """Print what happened, for who looks for what is wrong."""
        sys.stdout.write(f"{self.now:%m-%d %H:%M:%S} {what}\n")
        sys.stdout.flush()

    def complain(self, where: list[str], what: str) -> None:
        """Note that something is as it may not be."""
        where.append(f"{self.now:%m-%d %H:%M:%S} {what}")
        self.say(f"WRONG {what}")

    def _troubled(self, *sources: str, until: datetime | None = None) -> None:
        """Something goes on (`until` then), with all sources if none is named, that explains what is said and logged of them."""
        explains_until = (until or self.now) + EXPLAINS_FOR
        for source in sources or SOURCES:
            self._troubled_until[source] = max(self._troubled_until[source], explains_until)

    @property
    def explained_until(self) -> datetime:
        """Until when some trouble may be spoken of in the log."""
        return max(self._troubled_until.values())

    # Time.

    def _move(self, amount: timedelta) -> None:
        self.now += amount
        self._elapsed += amount.total_seconds()
        self._sim.clock.set(self.now)
        self._freezer.move_to(self.now + self._ahead)

    async def _pass(self, amount: timedelta) -> None:
        self._heard_to = self.now
        self._move(amount)
        await self._settle()

    async def _settle(self) -> None:
        if self._hass is not None:
            # Twice: a task that is done may have begun others with its last breath.
            for _ in range(2):
                await self._hass.async_block_till_done(wait_background_tasks=True)
        self._sim.log.clear()

    def _later(self, at: datetime, what: str, do: Callable[[], Coroutine[Any, Any, None]]) -> None:
        heapq.heappush(self._queue, (at, next(self._order), what, do))

    # The way of it.

    async def run(self) -> Tally:
        """Let it happen."""
        loop = asyncio.get_running_loop()
        self._elapsed = loop.time()
        self._freezer.move_to(self.start)
        loop._clock_resolution = 1e-3  # type: ignore[attr-defined]
        loop.set_debug(False)
        errors = _Errors(self)
        logging.getLogger().addHandler(errors)
        logging.disable(logging.INFO)
        try:
            with (
                patch.object(loop, "time", lambda: self._elapsed),
                self._disk(),
            ):
                async with self._sim:
                    await self._soak()
                    if self._hass is not None:
                        await self._end(is_killed=False)
        finally:
            logging.disable(logging.NOTSET)
            logging.getLogger().removeHandler(errors)
            await self._stack.aclose()
            self._forget_process()
        return self.tally

    async def _soak(self) -> None:
        sim = self._sim
        sim.watchers.append(self._count)
        of_each = self._people // 3
        self._following = (
            LumenPeople(sim, of_each),
            DexcomPeople(sim, of_each),
            TidepoolPeople(sim, of_each),
        )
        self.tally.people = sum(len(list(one.people)) for one in self._following)
        self._tell(0)
        await self._live()
        end = self.start + self.days * DAY
        for day in range(1, self.days + 1):
            begun = self.start + (day - 1) * DAY
            for happening in draw(self.seed, day):
                if begun + happening.after < end - QUIET_END:
                    do = getattr(self, f"_happens_{happening.what.replace(' ', '_')}")
                    self._later(
                        begun + happening.after,
                        str(happening),
                        partial(do, happening),
                    )
            self._tell(day)
            await self._until(min(begun + DAY, end - 10 * MINUTE))
            self.say(f"day {day}: {self.tally.requests} requests")
            self._settle_accounts(self.now - REMEMBERED)
            if self.days > 2 * VENDORS_FULL and day == VENDORS_FULL:
                # Until then what the vendors have, in this process, grows by the day.
                self.tally.gauges.clear()
            self._measure()
        await self._come_to_an_end(end)

    def _tell(self, day: int) -> None:
        """Have the people live through a day; the last one ends with what goes on."""
        begins = self.start + day * DAY
        rng = Random(f"{self.seed}/people/{day}")  # noqa: S311 # no secret
        if day < self.days:
            for one in self._following:
                one.tell(begins, rng, is_last=day == self.days - 1)
                one.forget(self.now - VENDORS_FULL * DAY)

    async def _until(self, moment: datetime) -> None:
        while self.now < moment:
            self._check_life()
            step = self._rng.choice(STEPS) * MINUTE
            upto = min(self.now + step, moment)
            if self._queue:
                upto = min(upto, max(self._queue[0][0], self.now))
            if upto > self.now:
                await self._pass(upto - self.now)
            if self.life.over and self._hass is not None:
                await self._die()
            while self._queue and self._queue[0][0] <= self.now:
                _, _, what, do = heapq.heappop(self._queue)
                self.say(what)
                await do()
                await self._settle()
                if self.life.over and self._hass is not None:
                    await self._die()
            await self._log_in()

    def _check_life(self) -> None:
        if self._hass is None and not self._queue:
            raise AssertionError("nobody will start Home Assistant")

    async def _come_to_an_end(self, end: datetime) -> None:
        while self.now < end:
            await self._pass(MINUTE)
        self._settle_accounts(None)
        for one in self._hass.config_entries.async_entries(DOMAIN) if self._hass else ():
            # Somebody looks: Dexcom is asked twice an hour.
            await one.runtime_data.async_refresh_now()
        await self._settle()
        self._compare()
        if self.days >= ALL_ARE_MET_IN:
            for name in CATALOGUE.keys() - self.tally.faults_met.keys():
                self.complain(self.tally.not_met, name)

    # Lives.

    async def _live(self) -> None:
        """Have Home Assistant start from the files as they lie there."""
        stack = self._stack = AsyncExitStack()
        self.life = stack.enter_context(living(None))
        self._hass = hass = await stack.enter_async_context(home_assistant(self._files))
        self._houses.add(hass)
        self._persons.clear()
        await hass.config.async_set_time_zone(BERLIN)
        house = House(hass, self._sim, self._freezer)
        for event_type, hear in (
            (EVENT_ALERT_RECEIVED, self._hear_event),
            (EVENT_ALERT_ENDED, self._hear_end),
            (EVENT_STATE_CHANGED, self._hear_state),
        ):
            hass.bus.async_listen(event_type, partial(self._hear_if_alive, hass, hear))
        for following in self._following:
            for entry in await following.entries(house, self._kept):
                entry.add_to_hass(hass)
                await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_start()
        await self._settle()

    async def _end(self, *, is_killed: bool) -> None:
        """Have it end: what is not on the disk of a killed one is lost."""
        hass = self._hass
        assert hass is not None
        self.life.over = is_killed
        self._kept = {
            entry.entry_id: dict(entry.data) for entry in hass.config_entries.async_entries(DOMAIN)
        }
        self._forget_unwritten()
        self._ahead_then = self._ahead
        if is_killed:
            for entry in hass.config_entries.async_loaded_entries(DOMAIN):
                await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_stop(force=True)
        self._hass = None
        await self._stack.aclose()
        self._forget_process()
        self._later(self.now + self._down, "starts", self._come_back)

    @staticmethod
    def _forget_process() -> None:
        """Forget what ends with a process, and here has its loop and the test kit: timers, and what stand-ins were called with."""
        for handle in get_scheduled_timer_handles(asyncio.get_running_loop()):
            handle.cancel()
        for called in (
            aiohttp_client._async_make_resolver,
            translation._async_get_component_strings,
        ):
            assert isinstance(called, Mock)
            called.reset_mock()

    async def _die(self) -> None:
        """Be killed."""
        self.say("is dead")
        await self._end(is_killed=True)

    async def _come_back(self) -> None:
        if self._hass is None:
            self._troubled()
            if self._ahead != self._ahead_then:
                # For a house that was away meanwhile, its clock is set now.
                self._clock_set_at = self.now
            await self._live()

    def _forget_unwritten(self) -> None:
        """What a full disk has refused is not known any more, nor that it was told."""
        for following in self._following:
            for key in self._unwritten & following.truths.keys():
                following.truths[key].may_repeat = True
        self._unwritten.clear()

    # What happens.

    async def _happens_fault(self, one: Happening) -> None:
        (endpoint,) = one.how
        name = min(faults_of(endpoint), key=self._how_well_known)
        self._faults_drawn[name] += 1
        self.say(f"{endpoint}: {name}")
        source = endpoint.partition(".")[0]
        sources = (source,) if source in SOURCES else SOURCES
        fault = endpoint, self._fault(name, sources, self.now + one.lasts)
        self._faults.append(fault)
        self._show_faults()
        self.tally.happened["fault"] += 1

        async def mend() -> None:
            self._troubled(*sources)
            self._faults.remove(fault)
            self._show_faults()

        self._later(self.now + one.lasts, f"{name} is over", mend)

    def _how_well_known(self, name: str) -> tuple[bool, int, float]:
        """In which order the faults of the catalogue are to be met: all, before any is met anew."""
        place = Random(f"{self.seed}/{name}").random()  # noqa: S311 # no secret
        return self.tally.faults_met[name] > 0, self._faults_drawn[name], place

    def _fault(self, name: str, sources: tuple[str, ...], until: datetime) -> Fault:
        fault = CATALOGUE[name]()

        def wait() -> None:
            self._move(WAITS[name])
            self._waited_at = self.now

        async def respond(exchange: Exchange) -> web.StreamResponse:
            if self.now >= until:
                # Time has passed while others were asked, and waited in vain.
                return await exchange.proceed()
            # Also between two questions: who is asked to wait asks nothing.
            waits_until = self.now + ASKS_TO_WAIT.get(name, timedelta())
            self._troubled(*sources, until=max(until, waits_until))
            self.tally.faults_met[name] += 1
            if name in WAITS:
                # Time stands still, and with it the client's time-out: move on.
                asyncio.get_running_loop().call_soon(wait)
            return await fault.respond(exchange)

        return Fault(name, respond)

    def _show_faults(self) -> None:
        self._sim.faults.clear()
        for endpoint, fault in self._faults:
            self._sim.faults.add(endpoint, fault)

    async def _happens_kill(self, one: Happening) -> None:
        if self._hass is None:
            return
        self.tally.happened["kill -9"] += 1
        life, self._down = self.life, one.lasts
        life.kill_within(int(one.number))

        async def kill() -> None:
            if self.life is life and self._hass is not None:
                await self._die()

        self._later(self.now + KILLED_WITHIN, "killed at last", kill)

    async def _happens_restart(self, one: Happening) -> None:
        if self._hass is None:
            return
        self.tally.happened["restart"] += 1
        self._down = one.lasts
        await self._end(is_killed=False)

    async def _happens_reload(self, one: Happening) -> None:
        hass = self._hass
        if hass is None:
            return
        self.tally.happened["reload"] += 1
        entries = hass.config_entries.async_entries(DOMAIN)
        entry_id = entries[int(one.number) % len(entries)].entry_id
        before, was_well = self._listening(hass), self._is_all_well(hass)
        await hass.config_entries.async_reload(entry_id)
        await self._settle()
        if was_well and self._is_all_well(hass) and self._hass is hass:
            for what, number in (self._listening(hass) - before).items():
                self.complain(self.tally.not_flat, f"a reload leaves {number} more of {what}")

    @staticmethod
    def _listening(hass: HomeAssistant) -> Counter[tuple[str, str]]:
        """How many listen to what; but for the stores that have something to write, which change."""
        listeners = hass.bus._listeners
        return Counter(
            {
                ("event", str(what)): len(some)
                for what, some in listeners.items()
                if what != EVENT_HOMEASSISTANT_FINAL_WRITE
            }
            | {
                ("signal", str(what)): len(some)
                for what, some in hass.data.get(DATA_DISPATCHER, {}).items()
            }
        )

    @staticmethod
    def _is_all_well(hass: HomeAssistant) -> bool:
        """Whether all sources are there."""
        entries = hass.config_entries.async_entries(DOMAIN)
        return all(entry.state is ConfigEntryState.LOADED for entry in entries)

    async def _happens_clock(self, one: Happening) -> None:
        self.tally.happened["clock jump"] += 1
        jump = timedelta(minutes=one.number)
        self._set_clock(jump)

        async def mend() -> None:
            self._troubled()
            if self._ahead == jump:
                self._set_clock(timedelta())

        self._later(self.now + one.lasts, "the clock is right", mend)

    def _set_clock(self, ahead: timedelta) -> None:
        self._ahead, self._clock_set_at = ahead, self.now

    async def _happens_full_disk(self, one: Happening) -> None:
        self.tally.happened["full disk"] += 1
        self._is_disk_full = True
        self._full_until = max(self._full_until, self.now + one.lasts)
        self._troubled()

        async def mend() -> None:
            self._troubled()
            if self.now >= self._full_until:
                self._is_disk_full = False
                self._later(self.now + WRITTEN_WITHIN, "all is written", written)

        async def written() -> None:
            if not self._is_disk_full:
                self._unwritten.clear()

        self._later(self.now + one.lasts, "the disk has room", mend)

    async def _happens_acknowledge(self, one: Happening) -> None:
        hass = self._hass
        if hass is None:
            return
        going_on = [
            state.entity_id
            for state in hass.states.async_all("binary_sensor")
            if state.state == STATE_ON and state.attributes.get("episode_id")
        ]
        if going_on:
            self.tally.happened["acknowledgement"] += 1
            await hass.services.async_call(
                DOMAIN, "acknowledge", {"entity_id": going_on}, blocking=True, return_response=True
            )

    @contextmanager
    def _disk(self) -> Iterator[None]:
        """Have a disk that may be full."""
        do_open = AtomicWriter.open

        def open_file(writer: AtomicWriter) -> Any:
            if self._is_disk_full and f"{DOMAIN}." in str(writer._path):
                self._troubled()
                raise OSError(errno.ENOSPC, "No space left on device")
            return do_open(writer)

        with patch.object(AtomicWriter, "open", open_file):
            yield

    async def _log_in(self) -> None:
        """Answer whatever login is asked for, once all works: the vendor had ended it."""
        hass = self._hass
        if hass is None:
            return
        for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN):
            entry = hass.config_entries.async_get_entry(flow["context"].get("entry_id", ""))
            if entry is None:
                continue
            if self._faults:
                # Until somebody logs in, nothing is heard.
                self._troubled(entry.data["source"])
                continue
            self.tally.happened["login"] += 1
            self.say(f"login of {entry.entry_id}")
            if entry.data["source"] == "dexcom":
                await self._log_in_at_dexcom(entry, flow["flow_id"])
            else:
                given = {
                    key: value
                    for key, value in entry.data.items()
                    if key in ("api_key", "username", "password")
                }
                await hass.config_entries.flow.async_configure(flow["flow_id"], given)
            await self._settle()

    async def _log_in_at_dexcom(self, entry: ConfigEntry, flow_id: str) -> None:
        """Leave what the flow leaves: a new token, and a reload."""
        hass = self._hass
        assert hass is not None
        _, dexcom, _ = self._following
        assert isinstance(dexcom, DexcomPeople)
        with suppress(HomeAssistantError):
            hass.config_entries.flow.async_abort(flow_id)
        token = self._sim.dexcom.grant(dexcom.wearer_of(entry.entry_id))
        expires_at = (self.now + self._ahead).timestamp() + token["expires_in"]
        token = {**entry.data["token"], **token, "expires_at": expires_at}
        hass.config_entries.async_update_entry(entry, data={**entry.data, "token": token})
        await hass.config_entries.async_reload(entry.entry_id)

    # What is heard.

    def _count(self, request: LoggedRequest, answer: web.StreamResponse) -> None:
        self.tally.requests += 1
        if request.endpoint == "tidepool.data":
            self._asked_at[request.path.rpartition("/")[2]] = self.now

    @callback
    def _hear_if_alive(
        self, hass: HomeAssistant, hear: Callable[[Event[Any]], None], event: Event[Any]
    ) -> None:
        # The timers of one that has stopped are the loop's, which goes on here.
        if hass is self._hass and not self.life.over:
            hear(event)

    @callback
    def _hear_event(self, event: Event) -> None:
        alert = event.data["alert"]
        self._hear("event bus", event.data["event_entity_id"], alert)

    @callback
    def _hear_state(self, event: Event[Any]) -> None:
        new, old = event.data["new_state"], event.data["old_state"]
        if (
            new is not None
            and old is not None
            and new.domain == "event"
            and "alert_id" in new.attributes
            and STATE_UNAVAILABLE not in (old.state, new.state)
            # In one frozen moment there may be several.
            and (new.state, new.attributes["alert_id"])
            != (old.state, old.attributes.get("alert_id"))
        ):
            self._hear("event entity", new.entity_id, new.attributes)

    @callback
    def _hear_end(self, event: Event) -> None:
        if event.data["end_reason"] != "expired":
            return
        following, person_id = self._whose(event.data["event_entity_id"])
        alert_type = event.data["alert"]["alert_type"]
        self._ended[person_id, alert_type].append(self.now)
        heard_to = min(self._heard_to, self._asked_at.get(person_id, self._heard_to))
        has_news = not following.may_have_ended(person_id, heard_to, self.now)
        if self._is_well(following.source) and has_news:
            through = following.data_through(person_id, heard_to)
            there = f"data until {through:%H:%M} were there at {heard_to:%H:%M}"
            what = f"{alert_type} of {person_id} has ended, it says, and {there}"
            self.complain(self.tally.untrue, what)

    def _is_well(self, source: str, for_long: timedelta = timedelta()) -> bool:
        """Whether nothing ails what is between a vendor and the house, and nothing did for so long."""
        return self.now > self._troubled_until[source] + for_long and not self._ahead

    def _hear(self, channel: str, entity_id: str, alert: Any) -> None:
        following, person_id = self._whose(entity_id)
        key = following.recognise(person_id, alert, self._ahead)
        if key is None:
            about = f"{alert['alert_type']} of {alert['observed_at']} ({alert['alert_id']})"
            self.complain(self.tally.unknown, f"{channel}: {entity_id} {about}")
            return
        truth, alert_id = following.truths[key], str(alert["alert_id"])
        truth.channels.add(channel)
        if alert["redelivered"]:
            self.tally.redelivered += 1
        elif truth.heard[channel, alert_id] and not truth.may_repeat:
            self.complain(self.tally.doubled, f"{channel}: {key} of {alert['observed_at']}")
        else:
            self.tally.after_full_disk += truth.heard[channel, alert_id] > 0
            truth.heard[channel, alert_id] += 1
        if alert_id not in truth.late:
            self._hear_of(following, key, alert)
        elif truth.may_repeat:
            # It is judged anew, with what has come since.
            truth.said_at = datetime.fromisoformat(alert["observed_at"])
        if self._is_disk_full:
            self._unwritten.add(key)

    def _hear_of(self, following: Following, key: str, alert: Any) -> None:
        """Hear of a truth, by an alert that was not there before."""
        truth, source = following.truths[key], following.source
        observed_at = datetime.fromisoformat(alert["observed_at"])
        is_first = not truth.late
        # While somebody is waited for, nobody else is asked, as it is here.
        has_waited = self.now <= self._waited_at + WELL_AGAIN_AFTER
        if is_first and not has_waited and self._is_well(source, WELL_AGAIN_AFTER):
            after = self.now - truth.there_at
            self.tally.heard_after[source] = max(
                after, self.tally.heard_after.get(source, timedelta())
            )
            if after > following.PROMPT:
                self.complain(self.tally.untrue, f"{key} was heard {after} after it was there")
            if alert["late"] and self.now - truth.at <= following.USUAL + IN_TIME:
                self.complain(self.tally.untrue, f"{key} came in time, and is late, it says")
        # Whose clock was wrong takes that of others to be wrong, until some more of theirs has come.
        # And while somebody is waited for, time passes between a question and its answer.
        is_waiting = any(fault.name in WAITS for _, fault in self._faults)
        is_clock_right = (
            not self._ahead and not is_waiting and self.now > self._clock_set_at + WELL_AGAIN_AFTER
        )
        if is_clock_right and observed_at not in following.times_of(truth, is_first=is_first):
            self.complain(self.tally.untrue, f"{key} was at {observed_at}, it says")
        if truth.told_at:
            self.tally.told_anew += 1
            # What was told as late may have woken nobody, and by another clock it was at another time.
            is_new = all(truth.late.values()) or truth.told_at <= self._clock_set_at
            if not (is_new or truth.may_repeat):
                truth.anew.append((truth.told_at, self.now + MINUTE))
        truth.late[str(alert["alert_id"])] = alert["late"]
        truth.said_at, truth.told_at = observed_at, self.now

    def _whose(self, entity_id: str) -> tuple[Following, str]:
        person_id = self._person_of(entity_id)
        return next(one for one in self._following if person_id in one.people), person_id

    def _person_of(self, entity_id: str) -> str:
        if entity_id not in self._persons:
            assert self._hass is not None
            entry = er.async_get(self._hass).async_get(entity_id)
            assert entry is not None
            self._persons[entity_id] = next(
                person_id
                for following in self._following
                for person_id in following.people
                if f"_{person_id}_" in entry.unique_id
            )
        return self._persons[entity_id]

    # What came of it.

    def _settle_accounts(self, before: datetime | None) -> None:
        """Count what is old enough (None: all that there is), and forget it."""
        for following in self._following:
            due = [
                (key, truth)
                for key, truth in following.truths.items()
                if truth.there_at < (before or self.now - HOUR)
            ]
            for key, truth in due:
                self._settle_account(following.source, key, truth)
                if before:
                    del following.truths[key]

    def _settle_account(self, source: str, key: str, truth: Truth) -> None:
        self.tally.made[source] += 1
        ended = self._ended[truth.person_id, truth.alert_type]
        for since, until in truth.anew:
            # What trouble has ended, and goes on after all, is told anew; nothing else is.
            if not any(since <= one <= until for one in ended):
                self.complain(self.tally.doubled, f"{key} was told anew at {until:%m-%d %H:%M}")
        if missing := [one for one in CHANNELS if one not in truth.channels]:
            self.complain(
                self.tally.lost,
                f"{key} of {truth.at:%m-%d %H:%M}, there at {truth.there_at:%m-%d %H:%M}: {missing}",
            )
        else:
            self.tally.received += 1

    def _measure(self) -> None:
        """Take the measures of a quiet moment."""
        hass = self._hass
        if hass is None or self._faults or self._ahead or not self._is_all_well(hass):
            return
        coordinators = [one.runtime_data for one in hass.config_entries.async_entries(DOMAIN)]
        assert all(isinstance(one, SourceCoordinator) for one in coordinators)
        listening = self._listening(hass)
        self.tally.gauges.append(
            Gauge(
                rss=resident(),
                houses=len(self._houses),
                tasks=len(asyncio.all_tasks()),
                listeners=sum(number for (kind, _), number in listening.items() if kind == "event"),
                targets=sum(number for (kind, _), number in listening.items() if kind == "signal"),
                descriptors=descriptors(),
                kept=sum(
                    len(one.ledger) + sum(map(len, one.readings._logs.values()))
                    for one in coordinators
                ),
            )
        )

    def _compare(self) -> None:
        """Compare every entity of every person with what it should show."""
        hass = self._hass
        if hass is None:
            self.complain(self.tally.wrong, "nobody is alive")
            return
        states: Counter[str] = Counter()
        registry = er.async_get(hass)
        ids = {
            (entry.domain, entry.unique_id): entry.entity_id for entry in registry.entities.values()
        }
        for following in self._following:
            for person_id in following.people:
                for (platform, key), wanted in following.expected(person_id, self.now).items():
                    states["compared"] += 1
                    found = next(
                        (
                            hass.states.get(entity_id)
                            for (domain, unique_id), entity_id in ids.items()
                            if domain == platform and unique_id.endswith(f"_{person_id}_{key}")
                        ),
                        None,
                    )
                    if found is None or found.state not in wanted:
                        is_now = found.state if found else "not there"
                        what = f"{following.source} {platform} {key} of {person_id[:10]}"
                        expected = " or ".join(wanted)
                        self.complain(self.tally.wrong, f"{what} is {is_now}, should be {expected}")
        self.tally.states_compared = states["compared"]
