"""What is outside of a house at night, and the lives of its Home Assistant, one after the other.

The disk, the phones, lamps and speakers, and the vendor keep on being what they are when Home Assistant is
killed. All time is frozen; whoever drives it moves it (`Lives.go_to`). No process, no socket: a life takes a
tenth of a second.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
import json
from typing import Any, override
from unittest.mock import patch

from aiohttp import ClientError
from freezegun.api import FrozenDateTimeFactory
from homeassistant import bootstrap, loader
from homeassistant.config_entries import ConfigEntry, ConfigSubentryData
from homeassistant.const import (
    EVENT_HOMEASSISTANT_CLOSE,
    EVENT_HOMEASSISTANT_FINAL_WRITE,
    EVENT_HOMEASSISTANT_STARTED,
    EVENT_HOMEASSISTANT_STOP,
)
from homeassistant.core import Context, CoreState, HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    category_registry as cr,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    frame,
    issue_registry as ir,
    label_registry as lr,
    restore_state as rs,
)
from homeassistant.helpers.json import json_bytes
from homeassistant.helpers.storage import Store
from homeassistant.setup import async_setup_component
from homeassistant.util.async_ import get_scheduled_timer_handles
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockUser,
    async_test_home_assistant,
)

from custom_components.care_alerts.alerts.alert import Alert, Person
from custom_components.care_alerts.alerts.freshness import DataFreshness
from custom_components.care_alerts.alerts.snapshot import PersonSnapshot
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.responder import RESPONDER, Responder
from custom_components.care_alerts.sources import SOURCES
from custom_components.care_alerts.sources.coordinator import SourceCoordinator
from custom_components.care_alerts.sources.dexcom.mapping import snapshot_of
from custom_components.care_alerts.sources.source import Host, Repair, Source
from tests.appliances import Bulb, Json, Speaker, install

from .house import household_entry

SECOND = timedelta(seconds=1)
MOBILE_APP = "mobile_app"
"""What it imports to listen is not there in all houses, so it is imported late."""
HOLD = timedelta(minutes=45)
"""How long an alert stands of which nothing more is heard, so that late ones may join two episodes."""
CLEAR = "clear_notification"
SILENT_CHANNEL = "Care Alerts, without a sound"
SHOWN_FOR_EVER = timedelta(days=28)
"""How long push services keep what has no `ttl`."""


class Killed(asyncio.CancelledError):
    """The process is no more."""


class Life:
    """One process: dead from its `last` effect on what is outside on (None: it lives)."""

    def __init__(self) -> None:
        """Begin to live."""
        self.last: int | None = None
        self.count = 0
        self.is_over = False

    def kill_within(self, steps: int) -> None:
        """Die at one of the next effects."""
        self.last = self.count + steps

    def step(self) -> None:
        """Have an effect on what is outside, or be dead."""
        if not self.is_over:
            self.is_over = self.count == self.last
            self.count += 1
        if self.is_over:
            raise Killed


@dataclass
class Disk:
    """What is on disk, as JSON, by key; `slow`: how long a write takes."""

    files: dict[str, bytes] = field(default_factory=dict)
    slow: float = 0.0

    @contextmanager
    def mounted(self, world: World) -> Any:
        """Have Home Assistant's stores there."""

        async def load(store: Store[Any]) -> Any:
            if store._data is None:
                if (kept := self.files.get(store.key)) is None:
                    store._load_task = None  # type: ignore[attr-defined]
                    return None
                store._data = json.loads(kept)
            return await store._async_load_data()  # type: ignore[no-untyped-call]

        async def write(store: Store[Any], data: dict[str, Any]) -> None:
            if "data_func" in data:
                data["data"] = data.pop("data_func")()
            kept = json_bytes(data)
            if store.key.startswith(DOMAIN):
                world.life.step()
                if self.slow:
                    await asyncio.sleep(self.slow)
                    world.life.step()
            self.files[store.key] = kept
            if store.key.startswith(DOMAIN):
                world.life.step()

        async def remove(store: Store[Any]) -> None:
            self.files.pop(store.key, None)

        with (
            patch.object(Store, "_async_load", load),
            patch.object(Store, "_async_write_data", write),
            patch.object(Store, "async_remove", remove),
        ):
            yield

    def read(self, key: str) -> Any:
        """What a file holds; None if there is none."""
        kept = self.files.get(key)
        return json.loads(kept)["data"] if kept else None


@dataclass(frozen=True)
class Attempt:
    """A push that left the house: when, and what it was; `reaches`: it will be shown, sooner or later."""

    at: datetime
    phone: Handset
    note: Json
    reaches: bool

    @property
    def rings(self) -> bool:
        """Whether it makes a sound."""
        note = self.note
        return bool(note["message"] != CLEAR and note["data"].get("channel") != SILENT_CHANNEL)


@dataclass(eq=False)
class Handset:
    """A phone, wherever it is: `trouble` is the push service's, `is_on` whether it is in reach of anything.

    `trouble`: `refused`, `hangs`, `error` or none.
    """

    owner: str
    is_android: bool = True
    is_local: bool = False
    confirms_after: float | None = 1.0
    is_on: bool = True
    trouble: str | None = None
    screen: dict[str, Json] = field(default_factory=dict)
    waiting: list[tuple[datetime, Json]] = field(default_factory=list)
    device_id: str = ""

    @property
    def user_id(self) -> str:
        """Whose it is."""
        return f"user-{self.owner}"

    @property
    def webhook(self) -> str:
        """Its way in."""
        return f"webhook-{self.owner}"

    def show(self, note: Json) -> None:
        """Show, or take away."""
        tag = note["data"]["tag"]
        self.screen.pop(tag, None)
        if note["message"] != CLEAR:
            self.screen[tag] = note

    def take_up(self, now: datetime) -> list[Json]:
        """Be back in reach: what the push service still keeps, it gives now."""
        waiting, self.waiting = self.waiting, []
        fresh = [note for until, note in waiting if until >= now]
        for note in fresh:
            self.show(note)
        return fresh


class Nightly(Source):
    """A vendor whose alerts are uploaded when the script of the night has them."""

    def __init__(self, host: Host, person_id: str, uploads: Sequence[Upload]) -> None:
        """Ask for a person's."""
        self._host = host
        self._person_id = person_id
        self._uploads = uploads
        self._has_begun = False
        self._asked_at: datetime | None = None

    @override
    async def poll(self, now: datetime, *, everything: bool) -> bool:
        for one in self._uploads:
            if one.at <= now and one.alert.person_id == self._person_id:
                observed = one.alert.observed_at
                alert = replace(
                    one.alert, received_at=now, late=now - observed > timedelta(minutes=60)
                )
                self._host.ledger.add(alert, announce=self._has_begun)
        self._has_begun = True
        self._asked_at = now
        return True

    @override
    def next_poll(self, now: datetime) -> datetime:
        return now + timedelta(hours=1)

    @override
    def people(self, now: datetime, alerts: Sequence[Alert]) -> Mapping[str, PersonSnapshot]:
        person = Person(self._person_id, self._person_id.title())
        return {
            self._person_id: snapshot_of(
                person,
                alerts,
                now,
                hold=HOLD,
                one_plus=False,
                glucose=None,
                data=self.data_freshness(),
            )
        }

    @override
    def data_freshness(self) -> DataFreshness | None:
        if self._asked_at is None:
            return None
        later = self._asked_at + timedelta(days=2)
        return DataFreshness(data_through=self._asked_at, next_due=later, valid_until=later)

    @override
    def repairs(self) -> Sequence[Repair]:
        return ()

    @override
    def load(self, stored: dict[str, Any], now: datetime) -> None:
        self._has_begun = bool(stored.get("has_begun"))

    @override
    def dump(self) -> dict[str, Any]:
        return {"has_begun": self._has_begun}


@dataclass(frozen=True)
class Upload:
    """An alert, and from when on the vendor has it."""

    at: datetime
    alert: Alert


@dataclass
class _Answer:
    status: int
    body: Json

    async def json(self) -> Json:
        return self.body


class _Session:
    """The way to the push service."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def post(self, url: str, *, json: Json) -> _Answer:
        """Take a push."""
        world = self._world
        phone = next(one for one in world.phones if one.webhook == json["push_token"])
        world.life.step()
        status = world.push(phone, json)
        if status is None:
            await asyncio.sleep(3600)
        if status == 0:
            raise ClientError
        world.life.step()
        assert status is not None
        return _Answer(status, {"errorMessage": "Gone"} if status >= 400 else {})


class _Bulb(Bulb):
    life: Callable[[], Life]

    @override
    async def meet(self) -> None:
        self.life().step()
        await super().meet()


class _Speaker(Speaker):
    life: Callable[[], Life]

    @override
    async def meet(self) -> None:
        self.life().step()
        await super().meet()


@dataclass
class World:
    """All of it. `heard`: called with each push that reaches a phone that is on."""

    freezer: FrozenDateTimeFactory
    now: datetime
    phones: list[Handset]
    people: list[str]
    subentries: list[ConfigSubentryData] = field(default_factory=list)
    uploads: list[Upload] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    disk: Disk = field(default_factory=Disk)
    life: Life = field(default_factory=Life)
    attempts: list[Attempt] = field(default_factory=list)
    heard: Callable[[Handset, Json], None] = lambda phone, note: None
    attempted: Callable[[Attempt], None] = lambda attempt: None
    acknowledgement_expires_after: timedelta | None = None

    def __post_init__(self) -> None:
        """Put lamps and a speaker into the rooms."""
        self.bulbs: dict[str, Bulb] = {"hall": _Bulb(), "bedroom": _Bulb()}
        self.speaker: Speaker = _Speaker()
        for one in (*self.bulbs.values(), self.speaker):
            one.life = lambda: self.life  # type: ignore[attr-defined]

    def push(self, phone: Handset, note: Json) -> int | None:
        """Have a push leave the house; the status of the push service's answer, 0 or None if there is none."""
        reaches = phone.trouble is None
        attempt = Attempt(self.now, phone, note, reaches)
        self.attempts.append(attempt)
        self.attempted(attempt)
        match phone.trouble:
            case "refused":
                return HTTPStatus.GONE
            case "hangs":
                return None
            case "error":
                return 0
        self.reach(phone, note)
        return HTTPStatus.CREATED

    def reach(self, phone: Handset, note: Json) -> None:
        """Have it come to a phone, now or when it is on."""
        if phone.is_on:
            phone.show(note)
            self.heard(phone, note)
        else:
            ttl = note["data"].get("ttl")
            lasts = SHOWN_FOR_EVER if ttl is None else timedelta(seconds=ttl)
            phone.waiting.append((self.now + lasts, note))

    def local_push(self, phone: Handset, hass: HomeAssistant, note: Json) -> None:
        """Have a push go to a phone in the house."""
        self.life.step()
        reaches = phone.is_on and phone.trouble is None
        attempt = Attempt(self.now, phone, note, reaches)
        self.attempts.append(attempt)
        self.attempted(attempt)
        if reaches:
            phone.show(note)
            self.heard(phone, note)
            channel = hass.data[MOBILE_APP]["push_channel"][phone.webhook]
            # Not before it is known what is to be confirmed.
            hass.loop.call_soon(channel.async_confirm_notification, note["hass_confirm_id"])
        self.life.step()

    def create_source(self, hass: HomeAssistant, entry: ConfigEntry, host: Host) -> Source:
        """Open the source of a person."""
        assert entry.unique_id
        return Nightly(host, entry.unique_id, self.uploads)


class Lives:
    """The lives of the house's Home Assistant: `hass` is the one that lives, if any does."""

    def __init__(self, world: World) -> None:
        """Not yet alive."""
        self.world = world
        self._hass: HomeAssistant | None = None
        self._stack = AsyncExitStack()
        self.loop = asyncio.get_running_loop()
        # A move of frozen time is exact to the microsecond, the loop's clock is a float of seconds since 1970.
        self.loop._clock_resolution = 1e-3  # type: ignore[attr-defined]
        self.loop.set_debug(False)

    @property
    def hass(self) -> HomeAssistant:
        """The one that lives."""
        assert self._hass
        return self._hass

    @property
    def is_alive(self) -> bool:
        """Whether one does."""
        return self._hass is not None and not self.world.life.is_over

    @property
    def responder(self) -> Responder:
        """What acts in it."""
        return self.hass.data[RESPONDER]

    @property
    def household(self) -> ConfigEntry:
        """Its household."""
        entry = self.hass.config_entries.async_get_entry("household")
        assert entry
        return entry

    def coordinator(self, person: str) -> SourceCoordinator | None:
        """The source of a person, if it is running."""
        entry = self.hass.config_entries.async_get_entry(f"source-{person}")
        assert entry
        coordinator = getattr(entry, "runtime_data", None)
        return coordinator if isinstance(coordinator, SourceCoordinator) else None

    # Time.

    async def settle(self) -> None:
        """Let all happen that needs no time."""
        idle = 0
        while idle < 3:
            await asyncio.sleep(0)
            jobs = [
                one
                for one in (self._hass._tasks | self._hass._background_tasks if self._hass else ())
                if not isinstance(one, asyncio.Task)
            ]
            if jobs:
                await asyncio.wait(jobs)
            idle = 0 if jobs or self.loop._ready else idle + 1  # type: ignore[attr-defined]

    def next_timer(self) -> datetime | None:
        """When something waits for next, to the whole second after it."""
        whens = [
            one.when() for one in get_scheduled_timer_handles(self.loop) if not one.cancelled()
        ]
        if not whens:
            return None
        seconds = -(-(min(whens) - self.loop.time() - 1e-3) // 1)
        return self.world.now + max(1, int(seconds)) * SECOND

    async def go_to(self, moment: datetime) -> None:
        """Go there in time."""
        self.world.now = moment
        self.world.freezer.move_to(moment)
        await self.settle()

    # Life.

    async def begin(self) -> None:
        """Start a Home Assistant from what is on disk."""
        from homeassistant.components.light import reproduce_state  # noqa: F401 # not in a thread later, for which nobody waits
        from homeassistant.components.mobile_app import notify as push_module

        world = self.world
        world.life = Life()
        stack = self._stack = AsyncExitStack()
        stack.enter_context(world.disk.mounted(world))
        stack.enter_context(
            patch.object(push_module, "async_get_clientsession", lambda hass: _Session(world))
        )
        source_type = replace(
            SOURCES["dexcom"],
            create=world.create_source,
            remove=None,
            acknowledgement_expires_after=world.acknowledgement_expires_after,
        )
        stack.enter_context(patch.dict(SOURCES, {"dexcom": source_type}))
        self._hass = hass = await stack.enter_async_context(
            async_test_home_assistant(load_registries=False, initial_state=CoreState.not_running)
        )
        hass.data.pop(loader.DATA_CUSTOM_COMPONENTS)
        frame.async_setup(hass)
        dr.async_setup(hass)
        for registry in (ar, cr, dr, er, fr, ir, lr, rs):
            await registry.async_load(hass)
        hass.data[bootstrap.DATA_REGISTRIES_LOADED] = None
        await hass.config.async_set_time_zone("Europe/Amsterdam")
        for phone in world.phones:
            MockUser(id=phone.user_id, name=phone.owner, is_owner=True).add_to_hass(hass)
        for entity_id, state in world.states.items():
            hass.states.async_set(entity_id, state)
        assert await async_setup_component(hass, MOBILE_APP, {})
        for phone in world.phones:
            await self._register(phone)
        await install(hass, world.bulbs, {"kitchen": world.speaker})
        for handle in get_scheduled_timer_handles(self.loop):
            # Of trackers of old, each five seconds.
            if "async_update_stale" in repr(handle):
                handle.cancel()

    async def start(self) -> None:
        """Set up what is ours, and have started."""
        hass, world = self.hass, self.world
        assert await async_setup_component(hass, DOMAIN, {})
        for person in world.people:
            entry = MockConfigEntry(
                domain=DOMAIN,
                entry_id=f"source-{person}",
                title=person.title(),
                unique_id=person,
                data={"source": "dexcom", "region": "us"},
            )
            entry.add_to_hass(hass)
            await hass.config_entries.async_setup(entry.entry_id)
        household = household_entry(*world.subentries)
        household.add_to_hass(hass)
        await hass.config_entries.async_setup(household.entry_id)
        hass.set_state(CoreState.running)
        hass.bus.async_fire_internal(EVENT_HOMEASSISTANT_STARTED)
        await self.settle()

    async def _register(self, phone: Handset) -> None:
        hass = self.hass
        app: Json = {"push_token": phone.webhook, "push_url": "https://push.example.com/push"}
        entry = MockConfigEntry(
            domain=MOBILE_APP,
            entry_id=f"phone-{phone.owner}",
            title=f"{phone.owner}'s phone",
            data={
                "app_data": {"push_websocket_channel": True} if phone.is_local else app,
                "app_id": "io.example.app",
                "app_name": "App",
                "app_version": "1.0",
                "device_id": f"device-{phone.owner}",
                "device_name": f"{phone.owner}'s phone",
                "manufacturer": "Example",
                "model": "Phone",
                "os_name": "Android" if phone.is_android else "iOS",
                "os_version": "1.0",
                "supports_encryption": False,
                "user_id": phone.user_id,
                "webhook_id": phone.webhook,
            },
        )
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        device = dr.async_get(hass).async_get_device_by_identifier(
            (MOBILE_APP, f"device-{phone.owner}"), entry.entry_id
        )
        assert device
        assert phone.device_id in ("", device.id)
        phone.device_id = device.id
        self.connect(phone)

    def connect(self, phone: Handset) -> None:
        """Have a phone in the house listen, if it can."""
        from homeassistant.components.mobile_app.push_notification import PushChannel

        hass = self.hass
        channels = hass.data[MOBILE_APP]["push_channel"]

        class Channel(PushChannel):
            @override
            def async_send_notification(self, data: Json, fallback_send: Any) -> None:
                async def no_other_way(note: Json) -> None:
                    """A phone that is in the house only has none."""

                super().async_send_notification(data, no_other_way)  # type: ignore[no-untyped-call]

        if phone.is_local and phone.is_on and phone.webhook not in channels:
            channels[phone.webhook] = Channel(
                hass,
                phone.webhook,
                True,
                lambda note: self.world.local_push(phone, hass, note),
                lambda: channels.pop(phone.webhook, None),
            )

    def disconnect(self, phone: Handset) -> None:
        """Have a phone leave the house."""
        self.hass.data[MOBILE_APP]["push_channel"].pop(phone.webhook, None)

    async def end(self, *, is_killed: bool) -> None:
        """End it: it is killed, or has the time to write down what it has to."""
        hass = self.hass
        if not is_killed:
            for state, event in (
                (CoreState.stopping, EVENT_HOMEASSISTANT_STOP),
                (CoreState.final_write, EVENT_HOMEASSISTANT_FINAL_WRITE),
            ):
                hass.set_state(state)
                hass.bus.async_fire_internal(event)
                await self.settle()
        self.world.life.is_over = True
        for registry in dr.async_get(hass), er.async_get(hass):
            # They have been on the disk for long.
            store = registry._store
            self.world.disk.files[store.key] = json_bytes(
                {
                    "version": store.version,
                    "minor_version": store.minor_version,
                    "key": store.key,
                    "data": registry._data_to_save(),
                }
            )
        hass.set_state(CoreState.stopped)
        hass.bus.async_fire_internal(EVENT_HOMEASSISTANT_CLOSE)
        me = asyncio.current_task()
        for _ in range(3):
            tasks = [one for one in asyncio.all_tasks() if one is not me]
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)
        for handle in get_scheduled_timer_handles(self.loop):
            handle.cancel()
        hass.import_executor.shutdown(wait=False)
        self._hass = None
        await self._stack.aclose()


def context_of(phone: Handset) -> Context:
    """In which a phone does something."""
    return Context(user_id=phone.user_id)
