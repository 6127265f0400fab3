"""Lamps show the worst episode that needs somebody, and are then exactly as they were, whatever comes in between."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.light.const import ColorMode
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
import voluptuous as vol

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses import asking, lights
from custom_components.care_alerts.responses.episodes import find_episode
from custom_components.care_alerts.responses.lights import LIGHTS
from custom_components.care_alerts.responses.snapshots import HELD_FOR
from simulator import Simulator
from simulator.faults import CATALOGUE
from tests.appliances import Bulb, Json, install, soon
from tests.care import Care
from tests.lives import Lifetimes

pytestmark = pytest.mark.real_files

HALL, STAIRS = "light.hall", "light.stairs"
EVENING: Json = {"brightness": 90, "color_temp_kelvin": 2700}
RED, AMBER, BLUE = (255, 0, 0), (255, 170, 0), (0, 90, 255)


def bright(colour: tuple[int, int, int]) -> Json:
    """How a bulb looks in a colour of ours."""
    return {"brightness": 255, "rgb_color": colour}


@dataclass
class Rooms:
    """Maria's house with two lamps: the hall's in its evening light, the stairs' dark."""

    care: Care
    hall: Bulb = field(default_factory=lambda: Bulb(look=dict(EVENING)))
    stairs: Bulb = field(default_factory=Bulb)

    async def furnish(self) -> None:
        """Put the lamps up."""
        await install(self.care.hass, {"hall": self.hall, "stairs": self.stairs})

    @property
    def now(self) -> tuple[Json | None, Json | None]:
        """What the lamps look like."""
        return self.hall.look, self.stairs.look

    @property
    def are_as_before(self) -> bool:
        """Whether they look as if nothing had been."""
        return self.now == (EVENING, None)

    def episode(self, key: str = "weight") -> str:
        """The newest episode of an alert type."""
        episode_id = self.care.attributes(key)["episode_id"]
        assert isinstance(episode_id, str)
        return episode_id

    async def alert(self, key: str = "weight", severity: str = "high") -> str:
        """Have an episode begin; return its id."""
        await self.care.call("send_test_alert", self.care.sensor(key), severity=severity)
        return self.episode(key)

    async def light(
        self,
        episode_id: str | None,
        *lamps: str,
        colour: tuple[int, int, int] = RED,
        flash: bool = False,
    ) -> dict[str, Any]:
        """Call the action, for both lamps if none are given."""
        return await self.care.call(
            "light",
            {"entity_id": list(lamps or (HALL, STAIRS))},
            episode_id=episode_id,
            colour=list(colour),
            flash=flash,
        )

    async def acknowledge(self, key: str = "weight") -> None:
        """Somebody has it."""
        await self.care.call("acknowledge", self.care.sensor(key))

    async def minutes(self, count: float) -> None:
        """Let time pass."""
        await self.care.house.pass_time(minutes=count)


@pytest.fixture
async def rooms(care: Care) -> Rooms:
    """Maria's house, lit."""
    rooms = Rooms(care)
    await rooms.furnish()
    return rooms


async def test_lamps_show_it_until_somebody_has_it(rooms: Rooms) -> None:
    episode = await rooms.alert()
    assert await rooms.light(episode) == {"lit": [HALL, STAIRS], "failed": []}
    assert rooms.hall.look == rooms.stairs.look == bright(RED)
    await rooms.acknowledge()
    assert rooms.are_as_before
    # And nothing of ours touches them after.
    shown = len(rooms.hall.shown), len(rooms.stairs.shown)
    await rooms.minutes(90)
    assert (len(rooms.hall.shown), len(rooms.stairs.shown)) == shown


async def test_lamps_go_back_when_it_is_over(rooms: Rooms) -> None:
    await rooms.light(await rooms.alert())
    await rooms.minutes(31)
    assert rooms.are_as_before


@pytest.mark.parametrize("whose", ["alert", "person", "source"])
async def test_a_snooze_gives_lamps_back_and_its_end_takes_none(rooms: Rooms, whose: str) -> None:
    """Lighting again is for whoever decides it: a plan, an automation."""
    await rooms.light(await rooms.alert("weight", "medium"))
    device = rooms.care.house.source_device(rooms.care.entry)
    target = {
        "alert": {"entity_id": rooms.care.sensor()},
        "person": {
            "entity_id": rooms.care.house.entity_id(
                "event", "alert", rooms.care.maria.shared_user_id
            )
        },
        "source": {"device_id": device.id},
    }[whose]
    await rooms.care.call("snooze", target, duration={"minutes": 5})
    assert rooms.are_as_before
    await rooms.minutes(6)
    assert rooms.are_as_before
    # It can be lit again.
    await rooms.light(rooms.episode())
    assert rooms.hall.look == bright(RED)


@pytest.mark.parametrize("first", ["worst", "milder"])
@pytest.mark.parametrize("gone", ["worst", "milder"])
async def test_the_worst_wins_whichever_came_first(rooms: Rooms, first: str, gone: str) -> None:
    worst, milder = await rooms.alert("weight", "high"), await rooms.alert("flex", "low")
    order = [(worst, RED), (milder, BLUE)]
    for episode, colour in order if first == "worst" else reversed(order):
        await rooms.light(episode, HALL, colour=colour)
        await rooms.minutes(1)
    assert rooms.hall.look == bright(RED)
    await rooms.acknowledge("weight" if gone == "worst" else "flex")
    assert rooms.hall.look == bright(BLUE if gone == "worst" else RED)
    await rooms.acknowledge("flex" if gone == "worst" else "weight")
    assert rooms.are_as_before


async def test_each_lamp_goes_back_when_nothing_is_shown_on_it(rooms: Rooms) -> None:
    await rooms.light(await rooms.alert("weight", "high"), HALL)
    await rooms.light(await rooms.alert("flex", "low"), HALL, STAIRS, colour=BLUE)
    assert (rooms.hall.look, rooms.stairs.look) == (bright(RED), bright(BLUE))
    await rooms.acknowledge("flex")
    assert (rooms.hall.look, rooms.stairs.look) == (bright(RED), None)
    await rooms.acknowledge("weight")
    assert rooms.are_as_before


async def test_one_that_gets_worse_wins_from_then_on(rooms: Rooms) -> None:
    care = rooms.care
    for number, severity in (1, "MEDIUM"), (2, "HIGH"):
        care.alert(number, "FLEX", "PLATEAU", severity=severity)
        care.alert(number, "WEIGHT", "TOO_SLOW", severity="MEDIUM")
    await care.morning(1)
    await rooms.light(rooms.episode("flex"), HALL, colour=AMBER)
    await rooms.light(rooms.episode("weight"), HALL, colour=BLUE)
    # Of two as bad, what was asked for last.
    assert rooms.hall.look == bright(BLUE)
    await care.morning(2)
    assert rooms.hall.look == bright(AMBER)


async def test_a_step_that_comes_later_changes_the_colour(rooms: Rooms) -> None:
    episode = await rooms.alert()
    await rooms.light(episode, HALL, colour=BLUE)
    await rooms.light(episode, HALL, STAIRS, colour=RED)
    assert rooms.hall.look == rooms.stairs.look == bright(RED)
    await rooms.acknowledge()
    assert rooms.are_as_before


@pytest.mark.parametrize("state", ["acknowledged", "snoozed", "over", "not_found", "none"])
async def test_what_needs_nobody_lights_nothing(rooms: Rooms, state: str) -> None:
    episode: str | None = await rooms.alert()
    match state:
        case "acknowledged":
            await rooms.acknowledge()
        case "snoozed":
            await rooms.care.call("snooze", duration={"minutes": 5})
        case "over":
            await rooms.minutes(31)
        case "not_found":
            episode = "never was"
        case "none":
            episode = None
    reason = "not_found" if state == "none" else state
    assert await rooms.light(episode) == {"lit": [], "failed": [], "reason": reason}
    assert rooms.hall.shown == rooms.stairs.shown == []


# Lamps as they are in a house.


@pytest.fixture
def quickly() -> Generator[None]:
    """Flashes that take no time."""
    with patch.object(lights, "FLASH_ON", 0), patch.object(lights, "FLASH_OFF", 0):
        yield


@pytest.mark.usefixtures("quickly")
async def test_they_flash_first(rooms: Rooms) -> None:
    assert await rooms.light(await rooms.alert(), STAIRS, flash=True) == {
        "lit": [STAIRS],
        "failed": [],
    }
    assert rooms.stairs.shown == [bright(RED), *[None, bright(RED)] * 3]
    await rooms.acknowledge()
    assert rooms.are_as_before


def test_flashing_is_no_strobe() -> None:
    """At most one a second: three are the limit with photosensitive epilepsy."""
    assert lights.FLASH_ON + lights.FLASH_OFF >= 1
    assert min(lights.FLASH_ON, lights.FLASH_OFF) >= 0.25


async def test_nobody_waits_for_the_flashing_and_it_ends_when_somebody_has_it(
    rooms: Rooms,
) -> None:
    hass, episode = rooms.care.hass, await rooms.alert()
    data = {"entity_id": [HALL, STAIRS], "episode_id": episode, "flash": True}
    with patch.object(lights, "FLASH_ON", 0), patch.object(lights, "FLASH_OFF", 3600):
        await hass.services.async_call(DOMAIN, "light", data, blocking=True)
        assert rooms.stairs.shown == [bright(RED)]
        await soon(lambda: rooms.stairs.look is None)
        await hass.services.async_call(
            DOMAIN, "acknowledge", {"entity_id": rooms.care.sensor()}, blocking=True
        )
        await hass.async_block_till_done()
        assert rooms.are_as_before
        for _ in range(4):
            async_fire_time_changed(hass, dt_util.utcnow() + timedelta(hours=2))
            await hass.async_block_till_done()
    assert rooms.are_as_before
    assert rooms.stairs.shown == [bright(RED), None]


@pytest.mark.usefixtures("quickly")
async def test_a_flash_on_a_lamp_that_flashes_adds_none(rooms: Rooms) -> None:
    one, two = await rooms.alert("weight"), await rooms.alert("flex")
    await asyncio.gather(rooms.light(one, STAIRS, flash=True), rooms.light(two, STAIRS, flash=True))
    assert rooms.stairs.shown.count(None) in (3, 6)
    assert rooms.stairs.look == bright(RED)
    for key in "weight", "flex":
        await rooms.acknowledge(key)
    assert rooms.are_as_before


@pytest.mark.parametrize("mode", [ColorMode.BRIGHTNESS, ColorMode.ONOFF])
async def test_a_lamp_without_colours_shines_white_and_bright(care: Care, mode: ColorMode) -> None:
    rooms = Rooms(care, hall=Bulb(look={"brightness": 10}, modes=frozenset({mode})))
    await rooms.furnish()
    if mode is ColorMode.ONOFF:
        rooms.hall.look = None
    await rooms.light(await rooms.alert(), HALL)
    assert rooms.hall.look is not None
    assert rooms.hall.look["brightness"] == 255
    await rooms.acknowledge()
    if mode is ColorMode.BRIGHTNESS:
        assert rooms.hall.look == {"brightness": 10}


async def test_of_a_group_each_lamp_is_asked(rooms: Rooms) -> None:
    group = MockConfigEntry(
        domain="group",
        title="All",
        options={"group_type": "light", "name": "All", "entities": [HALL, STAIRS], "all": False},
    )
    group.add_to_hass(rooms.care.hass)
    assert await rooms.care.hass.config_entries.async_setup(group.entry_id)
    await rooms.care.house.settle()
    assert (await rooms.light(await rooms.alert(), "light.all"))["lit"] == [HALL, STAIRS]
    assert rooms.hall.look == rooms.stairs.look == bright(RED)
    await rooms.acknowledge()
    assert rooms.are_as_before


async def test_of_a_group_of_nothing_none_is_asked(rooms: Rooms) -> None:
    hass = rooms.care.hass
    hass.states.async_set("light.nothing", "off", {"entity_id": []})
    ref = find_episode(hass, await rooms.alert())
    assert ref
    for flash in (False, True):
        outcome = await hass.data[LIGHTS].light(
            ref, ["light.nothing"], colour=RED, flash=flash, context=Context()
        )
        assert outcome == {}


async def test_a_lamp_that_was_taken_down_is_told_of(rooms: Rooms) -> None:
    await rooms.light(await rooms.alert("weight"), HALL)
    rooms.care.hass.states.async_remove(HALL)
    answer = await rooms.light(await rooms.alert("flex"), HALL)
    assert answer == {"lit": [], "failed": [{"entity_id": HALL, "reason": "unavailable"}]}


@pytest.mark.parametrize(
    "trouble", [HomeAssistantError, TimeoutError, vol.Invalid("its own"), asyncio.CancelledError]
)
async def test_one_that_fails_is_told_of_and_keeps_no_other(rooms: Rooms, trouble: Any) -> None:
    rooms.stairs.trouble = trouble() if isinstance(trouble, type) else trouble
    answer = await rooms.light(await rooms.alert())
    reason = "timed_out" if trouble is TimeoutError else "failed"
    assert answer == {"lit": [HALL], "failed": [{"entity_id": STAIRS, "reason": reason}]}
    assert rooms.hall.look == bright(RED)
    await rooms.acknowledge()
    assert rooms.are_as_before


async def test_one_that_hangs_keeps_nobody(rooms: Rooms) -> None:
    rooms.stairs.hangs = True
    asked = asyncio.ensure_future(rooms.light(await rooms.alert()))
    await soon(lambda: rooms.hall.look == bright(RED))
    assert not asked.done()
    async_fire_time_changed(
        rooms.care.hass, dt_util.utcnow() + timedelta(seconds=asking.ASKED_WITHIN + 1)
    )
    answer = await asked
    assert answer == {"lit": [HALL], "failed": [{"entity_id": STAIRS, "reason": "timed_out"}]}
    await rooms.acknowledge()
    assert rooms.are_as_before


async def test_a_lamp_that_is_back_shows_it_and_goes_back(rooms: Rooms) -> None:
    rooms.hall.reach(False)
    episode = await rooms.alert()
    answer = await rooms.light(episode)
    assert answer == {"lit": [STAIRS], "failed": [{"entity_id": HALL, "reason": "unavailable"}]}
    await rooms.minutes(5)
    assert rooms.hall.look == EVENING
    rooms.hall.reach(True)
    await rooms.care.house.settle()
    assert rooms.hall.look == bright(RED)
    await rooms.acknowledge()
    assert rooms.are_as_before


async def test_a_lamp_that_was_away_shows_it_again(rooms: Rooms) -> None:
    """Its switch on the wall was used: it comes back as it likes to."""
    await rooms.light(await rooms.alert())
    rooms.hall.reach(False)
    await rooms.care.house.settle()
    rooms.hall.look = dict(EVENING)
    rooms.hall.reach(True)
    await rooms.care.house.settle()
    assert rooms.hall.look == bright(RED)
    rooms.hall.reach(False)
    await rooms.acknowledge()
    assert rooms.hall.look == bright(RED)
    rooms.hall.reach(True)
    await rooms.care.house.settle()
    assert rooms.are_as_before


async def test_an_automation_of_ones_own_that_remembers_the_same_lamp(rooms: Rooms) -> None:
    hass = rooms.care.hass
    episode = await rooms.alert()
    await hass.services.async_call(
        DOMAIN, "remember", {"entity_id": HALL, "key": "mine"}, blocking=True
    )
    await rooms.light(episode, HALL)
    await rooms.acknowledge()
    # It holds it still.
    assert rooms.hall.look == bright(RED)
    await hass.services.async_call(DOMAIN, "restore", {"key": "mine"}, blocking=True)
    await rooms.care.house.settle()
    assert rooms.are_as_before


# Episodes as they are.


async def test_an_episode_may_go_on_for_days(rooms: Rooms, freezer: FrozenDateTimeFactory) -> None:
    care = rooms.care
    for number in range(1, 5):
        care.alert(number)
    await care.morning(1)
    await rooms.light(rooms.episode())
    for number in range(2, 5):
        await care.morning(number)
    assert timedelta(days=3) > HELD_FOR
    # Others that remember something do not have it dropped.
    await care.hass.services.async_call(
        DOMAIN, "remember", {"entity_id": STAIRS, "key": "x"}, blocking=True
    )
    await care.hass.services.async_call(DOMAIN, "restore", {"key": "x"}, blocking=True)
    assert rooms.hall.look == bright(RED)
    await rooms.acknowledge()
    assert rooms.are_as_before


async def test_an_episode_that_was_joined_lets_go_of_all(rooms: Rooms) -> None:
    """An id that it had before finds it."""
    care = rooms.care
    care.alert(1, "FLEX", "PLATEAU")
    await care.morning(1)
    episode = rooms.episode("flex")
    await rooms.light(episode, HALL)
    coordinator = care.coordinator
    (person,) = coordinator.data.people.values()
    (newest,) = person.episodes.values()
    # What late alerts do: another id is its own, the old one is among those that it had.
    joined = type(newest)(
        **{
            name: getattr(newest, name)
            for name in newest.__slots__
            if name not in ("episode_id", "also_known_as")
        },
        episode_id="older",
        also_known_as=frozenset({episode}),
    )
    with patch.dict(person.episodes, {newest.topic: joined}):
        coordinator.async_update_listeners()
        await care.house.settle()
        assert rooms.hall.look == bright(RED)
        await rooms.light("older", STAIRS)
    await rooms.acknowledge("flex")
    assert rooms.are_as_before


async def test_a_source_that_is_reloaded_gives_no_lamp_back(rooms: Rooms) -> None:
    await rooms.light(await rooms.alert())
    shown = len(rooms.hall.shown)
    await rooms.care.reload()
    assert len(rooms.hall.shown) == shown
    assert rooms.hall.look == bright(RED)
    await rooms.acknowledge()
    assert rooms.are_as_before


async def test_a_source_that_does_not_start_gives_none_back(rooms: Rooms) -> None:
    care = rooms.care
    await rooms.light(await rooms.alert())
    await care.hass.config_entries.async_unload(care.entry.entry_id)
    with patch(
        "custom_components.care_alerts.SourceCoordinator.async_start", side_effect=ZeroDivisionError
    ):
        await care.hass.config_entries.async_setup(care.entry.entry_id)
        await care.house.settle()
    assert care.entry.state is ConfigEntryState.SETUP_ERROR
    assert rooms.hall.look == bright(RED)
    await care.house.pass_time(minutes=31)
    assert rooms.hall.look == bright(RED)
    # It was over meanwhile.
    await care.reload()
    assert rooms.are_as_before


async def test_what_is_given_back_for_good_is_not_taken_again(rooms: Rooms) -> None:
    """Whatever goes on: nothing of ours stays in a house."""
    await rooms.light(await rooms.alert())
    await rooms.care.hass.data[lights.LIGHTS].release_all()
    assert rooms.are_as_before
    for reachable in (False, True):
        rooms.hall.reach(reachable)
        await rooms.care.house.settle()
    assert rooms.are_as_before


@pytest.mark.parametrize("others", [False, True])
async def test_a_source_that_is_removed_gives_its_lamps_back(rooms: Rooms, others: bool) -> None:
    care = rooms.care
    if others:
        MockConfigEntry(domain=DOMAIN, data={"source": "household"}).add_to_hass(care.hass)
    await rooms.light(await rooms.alert())
    await care.hass.config_entries.async_remove(care.entry.entry_id)
    await care.house.settle()
    assert rooms.are_as_before


async def test_a_source_that_is_disabled_gives_its_lamps_back(rooms: Rooms) -> None:
    care = rooms.care
    await rooms.light(await rooms.alert())
    await care.hass.config_entries.async_set_disabled_by(
        care.entry.entry_id, ConfigEntryDisabler.USER
    )
    await care.house.settle()
    assert rooms.are_as_before


async def test_a_source_that_does_not_answer_holds_its_lamps(rooms: Rooms) -> None:
    await rooms.light(await rooms.alert())
    rooms.care.house.sim.faults.add("lumen.alerts", CATALOGUE["503_bare"]())
    await rooms.minutes(20)
    assert rooms.hall.look == bright(RED)
    await rooms.minutes(11)
    assert rooms.are_as_before


# Over a restart.


class Lives(Lifetimes):
    """Lives of a house; its lamps are not killed with it."""

    hall: Bulb
    stairs: Bulb

    @asynccontextmanager
    async def live(self) -> AsyncGenerator[Rooms]:
        """Start the house, and kill it in the end."""
        async with self.care() as care:
            rooms = Rooms(care, self.hall, self.stairs)
            await rooms.furnish()
            await care.hass.async_start()
            await care.house.settle()
            yield rooms


@pytest.fixture
def lives(
    tmp_path: Path, hass: HomeAssistant, sim: Simulator, freezer: FrozenDateTimeFactory
) -> Lives:
    """Lives on files of their own."""
    lives = Lives(tmp_path, sim, freezer)
    lives.hall, lives.stairs = Bulb(look=dict(EVENING)), Bulb()
    return lives


async def test_it_goes_on_after_a_restart(lives: Lives) -> None:
    async with lives.live() as rooms:
        await rooms.light(await rooms.alert("weight", "high"), colour=RED)
        await rooms.light(await rooms.alert("flex", "low"), HALL, colour=BLUE)
    async with lives.live() as rooms:
        assert rooms.hall.look == rooms.stairs.look == bright(RED)
        await rooms.acknowledge("weight")
        assert rooms.now == (bright(BLUE), None)
    async with lives.live() as rooms:
        assert rooms.now == (bright(BLUE), None)
        await rooms.acknowledge("flex")
        assert rooms.are_as_before
    async with lives.live() as rooms:
        assert rooms.are_as_before


async def test_what_was_over_while_it_was_off_is_given_back(lives: Lives) -> None:
    async with lives.live() as rooms:
        await rooms.light(await rooms.alert())
    lives.sleep(minutes=31)
    async with lives.live() as rooms:
        assert rooms.are_as_before


async def test_a_lamp_that_was_switched_on_in_between_is_given_back_as_before(
    lives: Lives,
) -> None:
    async with lives.live() as rooms:
        await rooms.light(await rooms.alert())
    lives.hall.look = {"brightness": 12, "rgb_color": (1, 2, 3)}
    async with lives.live() as rooms:
        assert rooms.hall.look == bright(RED)
        await rooms.acknowledge()
        assert rooms.are_as_before


async def test_a_note_that_cannot_be_read_holds_nothing(lives: Lives) -> None:
    async with lives.live() as rooms:
        await rooms.light(await rooms.alert())
    file = lives.files / ".storage" / f"{DOMAIN}.memory"
    file.write_text(file.read_text().replace('"severity"', '"sev"'))
    async with lives.live() as rooms:
        assert rooms.are_as_before


class Killed(asyncio.CancelledError):
    """The process is no more."""


class Death:
    """A process that ends at a step, and does nothing more."""

    def __init__(self, last: int | None) -> None:
        """Live until then; for ever, if None."""
        self.last = last
        self.steps = 0

    def step(self) -> None:
        """Come to a step, or to the end."""
        if self.last is not None and self.steps >= self.last:
            raise Killed
        self.steps += 1


@asynccontextmanager
async def dying(last: int | None) -> AsyncGenerator[Death]:
    """Have the process die at a step: before or after a write, before or after a lamp changes."""
    death = Death(last)
    write, show = Store._async_write_data, Bulb.show

    async def write_ours(store: Store[Any], data: dict[str, Any]) -> None:
        if not store.key.startswith(DOMAIN):
            await write(store, data)
            return
        death.step()
        await write(store, data)
        death.step()

    def show_it(bulb: Bulb, look: Json | None) -> None:
        death.step()
        show(bulb, look)
        death.step()

    with patch.object(Store, "_async_write_data", write_ours), patch.object(Bulb, "show", show_it):
        yield death


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("expected_lingering_timers", [True])
async def test_it_may_be_killed_at_any_step(
    tmp_path: Path, hass: HomeAssistant, sim: Simulator, freezer: FrozenDateTimeFactory
) -> None:
    """Lit by two, one acknowledged, then the other: wherever it ends, the next life leaves all as before."""
    lives = Lives(tmp_path, sim, freezer)
    for last in count():
        lives.files = tmp_path / str(last)
        lives.files.mkdir()
        lives.hall, lives.stairs = Bulb(look=dict(EVENING)), Bulb()
        async with lives.live() as rooms:
            one, two = await rooms.alert("weight", "high"), await rooms.alert("flex", "low")
            async with dying(last) as death:
                with suppress(asyncio.CancelledError):
                    await rooms.light(one, flash=True)
                    await rooms.light(two, HALL, colour=BLUE)
                    await rooms.acknowledge("weight")
                    await rooms.acknowledge("flex")
                await rooms.care.house.settle()
        async with lives.live() as rooms:
            for key in "weight", "flex":
                if not rooms.care.attributes(key)["acknowledged"]:
                    await rooms.acknowledge(key)
            assert rooms.are_as_before, last
        if death.steps < last:
            break
    # Writes and lamps, each before and after.
    assert last > 20
