"""What the blueprints for lights, speech and escalation promise, kept by real automations made of them.

Lamps and speakers are things outside of Home Assistant, with entities of their own: they keep on shining, and stay as
loud as they are, when it is killed.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config import async_hass_config_yaml
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest

from simulator import Simulator
from tests.appliances import Bulb, Json, Speaker, install, soon
from tests.lives import Lifetimes, killed

from .conftest import NOON
from .home import Client, Home, Oma, Outside, Phone, lie_down, move_in
from .world import generation

pytestmark = pytest.mark.real_files


@pytest.fixture
async def anna(home: Home) -> Phone:
    """Anna's phone."""
    return await home.phone("Anna")


@pytest.fixture
async def ben(home: Home) -> Phone:
    """Ben's phone."""
    return await home.phone("Ben")


# Lights

RED: Json = {"brightness": 255, "rgb_color": (255, 0, 0)}
AMBER: Json = {"brightness": 255, "rgb_color": (255, 170, 0)}
EVENING: Json = {"brightness": 90, "color_temp_kelvin": 2700}
HALL, STAIRS = "light.hall", "light.stairs"


@dataclass
class Lamps:
    """Two lamps: the hall's in its evening light, the stairs' dark."""

    hall: Bulb
    stairs: Bulb

    @property
    def now(self) -> tuple[Json | None, Json | None]:
        """What they look like."""
        return self.hall.look, self.stairs.look

    @property
    def are_as_before(self) -> bool:
        """Whether they look as if nothing had been."""
        return self.now == (EVENING, None)


@pytest.fixture
async def lamps(home: Home) -> Lamps:
    """Two lamps."""
    lamps = Lamps(Bulb(look=dict(EVENING)), Bulb())
    await install(home.hass, {"hall": lamps.hall, "stairs": lamps.stairs})
    return lamps


async def test_lamps_show_an_alert_until_it_is_taken(home: Home, lamps: Lamps) -> None:
    await home.automate("lights", lights=[HALL, STAIRS])
    home.care.alert(1)
    await home.through(home.care.morning(1))
    assert lamps.now == (RED, RED)
    assert lamps.stairs.shown == [RED, None, RED, None, RED, None, RED]
    await home.care.call("acknowledge")
    assert lamps.are_as_before


async def test_lamps_show_the_worst_and_go_back_after_the_last(home: Home, lamps: Lamps) -> None:
    await home.automate("lights", lights=[HALL, STAIRS], flash=False)
    home.care.alert(1, "FLEX", "PLATEAU")
    await home.care.morning(1)
    assert lamps.now == (AMBER, AMBER)
    await home.drill("weight", "high")
    assert lamps.now == (RED, RED)
    # One that is less severe does not hide the worse one.
    await home.drill("medication", "medium")
    assert lamps.now == (RED, RED)
    await home.care.call("acknowledge")
    assert lamps.now == (AMBER, AMBER)
    await home.minutes(6)
    assert lamps.now == (AMBER, AMBER)
    await home.care.call("acknowledge", home.care.sensor("medication"))
    assert lamps.now == (AMBER, AMBER)
    await home.care.call("acknowledge", home.care.sensor("flex"))
    assert lamps.are_as_before
    assert lamps.hall.shown[-1] == EVENING
    await home.minutes(35)
    assert lamps.are_as_before


@pytest.mark.parametrize("whose", ["alert", "person", "source"])
async def test_a_snooze_makes_lamps_quiet_for_as_long(home: Home, lamps: Lamps, whose: str) -> None:
    await home.automate("lights", lights=[HALL, STAIRS], flash=False)
    home.care.alert(1, "FLEX", "PLATEAU")
    await home.care.morning(1)
    target = {
        "alert": {"entity_id": home.care.sensor("flex")},
        "person": {"device_id": home.person},
        "source": {"device_id": home.house.source_device(home.care.entry).id},
    }[whose]
    await home.care.call("snooze", target, duration={"minutes": 30})
    assert lamps.are_as_before
    await home.minutes(29)
    assert lamps.are_as_before
    await home.minutes(2)
    assert lamps.now == (AMBER, AMBER)


async def test_a_lamp_of_two_automations_goes_back_after_the_last(home: Home, lamps: Lamps) -> None:
    for name, key in ("one", "weight"), ("other", "flex"):
        await home.automate(
            "lights", name, lights=[HALL], flash=False, who={"entity_id": home.care.sensor(key)}
        )
    await home.drill("weight", "high")
    await home.drill("flex", "medium")
    assert lamps.hall.look == RED
    await home.care.call("acknowledge")
    assert lamps.hall.look == AMBER
    await home.care.call("acknowledge", home.care.sensor("flex"))
    assert lamps.are_as_before


@pytest.mark.parametrize("first", ["weight", "flex", "medication"])
async def test_many_alerts_at_once_do_not_flash_for_minutes(
    home: Home, lamps: Lamps, first: str
) -> None:
    await home.automate("lights", lights=[STAIRS])
    home.care.alert(1)
    home.care.alert(1, "FLEX", "DRAMATIC_DROP")
    home.care.alert(1, "MEDICATION", "MISSED_DOSE_HIGH")
    await home.through(home.care.morning(1))
    # Three times for the last one; the first may have begun before the others came.
    assert lamps.stairs.shown.count(None) in (3, 6)
    for key in sorted(("weight", "flex", "medication"), key=lambda key: key != first):
        assert lamps.stairs.look == RED
        await home.care.call("acknowledge", home.care.sensor(key))
    assert lamps.are_as_before


# Speech

KITCHEN, BEDROOM, VOICE = "media_player.kitchen", "media_player.bedroom", "tts.voice"


@dataclass
class Sounds:
    """Two speakers: the kitchen's low, the bedroom's muted; and the stairs' lamp."""

    kitchen: Speaker
    bedroom: Speaker
    stairs: Bulb

    @property
    def are_as_before(self) -> bool:
        """Whether the speakers are as if nothing had been."""
        return (self.kitchen.volume, self.kitchen.muted) == (0.2, False) and (
            self.bedroom.volume,
            self.bedroom.muted,
        ) == (0.4, True)


@pytest.fixture
async def sounds(home: Home) -> Sounds:
    """Two speakers and a lamp."""
    sounds = Sounds(Speaker(), Speaker(volume=0.4, muted=True), Bulb())
    await install(
        home.hass,
        {"stairs": sounds.stairs},
        {"kitchen": sounds.kitchen, "bedroom": sounds.bedroom},
    )
    return sounds


async def test_speakers_say_it_loud_and_get_their_volume_back(home: Home, sounds: Sounds) -> None:
    await home.automate("speak", speakers=[KITCHEN, BEDROOM], tts=VOICE)
    home.care.alert(1)
    await home.through(home.care.morning(1))
    text = "maria: Weight. Was observed at 04:14 ({}), high severity. Nobody has it yet."
    assert sounds.kitchen.said == sounds.bedroom.said == [(text.format("3 h 16 min ago"), 0.6)]
    assert sounds.are_as_before
    # Repeated, because it is severe.
    await home.through(home.minutes(11))
    assert sounds.kitchen.said[1:] == [(text.format("3 h 26 min ago"), 0.6)]
    await home.care.call("acknowledge")
    await home.through(home.minutes(30))
    assert len(sounds.kitchen.said) == 2
    assert sounds.are_as_before


async def test_two_at_once_are_said_one_after_the_other(home: Home, sounds: Sounds) -> None:
    await home.automate("speak", speakers=[KITCHEN], tts=VOICE, remind_times=0)
    home.care.alert(1)
    home.care.alert(1, "FLEX", "DRAMATIC_DROP")
    await home.through(home.care.morning(1))
    assert {message.partition(".")[0] for message, _ in sounds.kitchen.said} == {
        "maria: Weight",
        "maria: Metabolic flexibility",
    }
    assert [volume for _, volume in sounds.kitchen.said] == [0.6, 0.6]
    began = generation(1).replace(hour=6, minute=30, second=0)
    assert home.house.now - began > timedelta(seconds=25)
    assert sounds.are_as_before


async def test_at_night_only_severe_ones_are_said(home: Home, sounds: Sounds, oma: Oma) -> None:
    await home.automate("speak", speakers=[KITCHEN], tts=VOICE, remind_times=0)
    # 23:30 in this house.
    await home.house.until(NOON.replace(hour=22, minute=30))
    await home.drill("flex", "medium")
    assert sounds.kitchen.said == []
    # However severe, an analysis of the day before wakes nobody.
    await home.through(home.drill("weight", "high"))
    assert sounds.kitchen.said == []
    await home.through(home.drill(oma.sensor))
    assert len(sounds.kitchen.said) == 1
    assert sounds.kitchen.said[0][0].startswith("DRILL: Dexcom: Urgent low.")
    # Over at seven.
    await home.house.until(NOON.replace(hour=6, minute=1) + timedelta(days=1))
    await home.through(home.drill("flex", "medium"))
    assert len(sounds.kitchen.said) == 2
    assert sounds.are_as_before


async def test_the_same_time_twice_is_no_night(home: Home, sounds: Sounds) -> None:
    midnight = "00:00:00"
    await home.automate(
        "speak", speakers=[KITCHEN], tts=VOICE, quiet_from=midnight, quiet_to=midnight
    )
    await home.through(home.drill("flex", "medium"))
    assert len(sounds.kitchen.said) == 1


async def test_what_is_not_severe_is_said_once_and_again_after_a_snooze(
    home: Home, sounds: Sounds
) -> None:
    await home.automate("speak", speakers=[KITCHEN], tts=VOICE)
    await home.through(home.drill("flex", "medium"))
    await home.through(home.minutes(12))
    assert len(sounds.kitchen.said) == 1
    await home.care.call("snooze", home.care.sensor("flex"), duration={"minutes": 5})
    await home.through(home.minutes(6))
    assert len(sounds.kitchen.said) == 2


async def test_severe_ones_are_said_only_so_often(home: Home, sounds: Sounds) -> None:
    await home.automate("speak", speakers=[KITCHEN], tts=VOICE, remind_every=5, remind_times=2)
    await home.through(home.drill())
    await home.through(home.minutes(25))
    assert len(sounds.kitchen.said) == 3


# Escalation

ALOUD: Json = {"speakers": [KITCHEN], "tts": [VOICE]}


async def escalation(home: Home, anna: Phone, ben: Phone, **more: Any) -> None:
    """Have Anna told, then Ben, then whoever sees the lamp on the stairs."""
    await home.automate(
        "escalate",
        first_phones=[anna.device_id],
        second_phones=[ben.device_id],
        lights=[STAIRS],
        **more,
    )


async def test_one_after_the_other_is_told_until_somebody_takes_it(
    home: Home, anna: Phone, ben: Phone, sounds: Sounds
) -> None:
    await escalation(home, anna, ben, **ALOUD)
    home.care.alert(1)
    await home.care.morning(1)
    assert anna.shown["message"].startswith("Was observed at 04:14 (3 h 16 min ago)")
    assert ben.screen == {}

    await home.minutes(9)
    assert ben.screen == {}
    await home.minutes(1)
    assert ben.shown["message"].splitlines() == [
        "Was observed at 04:14 (3 h 26 min ago), high severity.",
        "Nobody has it yet.",
    ]
    assert (len(anna.rang), len(ben.rang)) == (2, 1)
    assert sounds.stairs.look is None

    await home.minutes(9)
    assert (sounds.stairs.look, sounds.kitchen.said) == (None, [])
    await home.through(home.minutes(1))
    assert sounds.stairs.look == RED
    [(said, volume)] = sounds.kitchen.said
    assert said.startswith("maria: Weight.")
    assert volume == 0.6
    assert sounds.are_as_before
    told = len(anna.rang), len(ben.rang)
    await home.through(home.minutes(5))
    assert (len(anna.rang), len(ben.rang)) == (told[0] + 1, told[1] + 1)
    assert len(sounds.kitchen.said) == 2

    await ben.press("I have it")
    assert home.care.attributes()["acknowledged_by"] == "Ben"
    assert sounds.stairs.look is None
    for phone in anna, ben:
        assert "Ben has it since 07:55." in phone.shown["message"]
    told = len(anna.rang), len(ben.rang)
    await home.minutes(60)
    assert (len(anna.rang), len(ben.rang), len(sounds.kitchen.said)) == (*told, 2)
    await home.care.morning(2)
    assert anna.screen == ben.screen == {}


async def test_a_test_alert_gets_to_the_last_step(
    home: Home, anna: Phone, ben: Phone, sounds: Sounds
) -> None:
    await escalation(home, anna, ben, **ALOUD)
    await home.house.press("test_alert")
    await home.through(home.minutes(20))
    assert ben.shown["message"].endswith("Nobody has it yet.")
    assert sounds.stairs.look == RED
    assert sounds.kitchen.said[0][0].startswith("DRILL: maria: Weight.")
    await home.through(home.minutes(10))
    assert sounds.stairs.look is None
    assert anna.screen == ben.screen == {}


async def test_it_stops_wherever_somebody_takes_it(
    home: Home, anna: Phone, ben: Phone, sounds: Sounds
) -> None:
    await escalation(home, anna, ben)
    home.care.alert(1)
    await home.care.morning(1)
    await home.minutes(5)
    await home.care.call("acknowledge")
    await home.minutes(60)
    assert ben.pushed == []
    assert sounds.stairs.shown == []


@pytest.mark.parametrize(
    ("minutes", "told", "is_lit"), [(2, (2, 0), False), (12, (3, 2), False), (30, (2, 1), True)]
)
async def test_after_a_snooze_it_goes_on_at_the_step_for_now(
    home: Home,
    anna: Phone,
    ben: Phone,
    sounds: Sounds,
    minutes: int,
    told: tuple[int, int],
    is_lit: bool,
) -> None:
    await escalation(home, anna, ben, house_after=30, house_every=30)
    home.care.alert(1)
    await home.care.morning(1)
    # A minute before the snooze is over.
    await home.minutes(11 if minutes == 12 else 1)
    await home.care.call("snooze", duration={"minutes": minutes})
    await home.minutes(minutes)
    assert (len(anna.rang), len(ben.rang)) == told
    assert (sounds.stairs.look is not None) == is_lit


async def test_whoever_takes_it_need_not_wait_for_the_end_of_the_speech(
    home: Home, anna: Phone, ben: Phone, sounds: Sounds
) -> None:
    await escalation(home, anna, ben, **ALOUD)
    home.care.alert(1)
    await home.care.morning(1)
    await home.minutes(19)
    speech = asyncio.ensure_future(home.minutes(1))
    await soon(lambda: bool(sounds.kitchen.said))
    before = home.house.now
    await anna.press("I have it")
    await speech
    assert home.house.now == before
    assert home.care.attributes()["acknowledged_by"] == "Anna"
    assert sounds.stairs.look is None
    assert sounds.are_as_before


# Two lives of one house, the first one killed


class Lives(Lifetimes):
    """Lives of a house with lamps, speakers and phones: those are not killed with it."""

    def __init__(
        self,
        files: Path,
        sim: Simulator,
        freezer: FrozenDateTimeFactory,
        outside: Outside,
        client: Client,
    ) -> None:
        """Begin with no files and nobody."""
        super().__init__(files, sim, freezer)
        self._outside = outside
        self._client = client
        self.lamps = Lamps(Bulb(look=dict(EVENING)), Bulb())
        self.kitchen = Speaker()

    @asynccontextmanager
    async def live(self) -> AsyncGenerator[tuple[Home, Phone, Phone]]:
        """Start the house, and kill it in the end: what is not written by then is lost."""
        async with self.care() as care:
            hass = care.hass
            home = await move_in(hass, care, self._outside, self._client)
            anna, ben = await home.phone("Anna"), await home.phone("Ben")
            await install(
                hass,
                {"hall": self.lamps.hall, "stairs": self.lamps.stairs},
                {"kitchen": self.kitchen},
            )
            if (self.files / "configuration.yaml").exists():
                config = await async_hass_config_yaml(hass)
                assert await async_setup_component(hass, "automation", config)
            await hass.async_start()
            await care.house.settle()
            yield home, anna, ben
            with killed():
                await lie_down(hass)


@pytest.fixture
def lives(
    tmp_path: Path,
    _voice_packages: None,
    hass: HomeAssistant,
    sim: Simulator,
    freezer: FrozenDateTimeFactory,
    outside: Outside,
    aiohttp_client: Client,
) -> Lives:
    """Lives on files of their own."""
    return Lives(tmp_path, sim, freezer, outside, aiohttp_client)


async def test_lamps_are_as_before_after_a_restart_in_between(lives: Lives) -> None:
    async with lives.live() as (home, _, _):
        await home.automate("lights", lights=[HALL, STAIRS], flash=False)
        home.care.alert(1)
        await home.care.morning(1)
        assert lives.lamps.now == (RED, RED)
    lives.sleep(minutes=2)
    async with lives.live() as (home, _, _):
        assert lives.lamps.now == (RED, RED)
        await home.care.call("acknowledge")
        assert lives.lamps.are_as_before
        await home.minutes(10)
        assert lives.lamps.are_as_before


async def test_a_restart_while_lamps_flash(lives: Lives) -> None:
    async with lives.live() as (home, _, _):
        await home.automate("lights", lights=[HALL, STAIRS])
        await home.house.settle()
        alarm = asyncio.ensure_future(home.drill())
        await soon(lambda: bool(lives.lamps.stairs.shown))
        alarm.cancel()
    async with lives.live() as (home, _, _):
        await home.through(home.minutes(6))
        assert lives.lamps.now == (RED, RED)
        await home.care.call("acknowledge")
        assert lives.lamps.are_as_before


async def test_escalation_goes_on_after_a_restart(lives: Lives) -> None:
    async with lives.live() as (home, anna, ben):
        await escalation(home, anna, ben)
        home.care.alert(1)
        await home.care.morning(1)
        await home.minutes(4)
        assert ben.screen == {}
    lives.sleep(minutes=2)
    async with lives.live() as (home, anna, ben):
        assert len(anna.rang) == 1
        await home.minutes(3)
        assert ben.screen == {}
        await home.minutes(1)
        assert ben.shown["message"].endswith("Nobody has it yet.")
    # The next step was due meanwhile.
    lives.sleep(minutes=12)
    async with lives.live() as (home, anna, ben):
        assert lives.lamps.stairs.look == RED
        await ben.press("I have it")
        assert lives.lamps.stairs.look is None
        assert "Ben has it since" in anna.shown["message"]
    lives.sleep(minutes=30)
    async with lives.live() as (home, anna, ben):
        said = len(anna.pushed)
        await home.minutes(30)
        assert len(anna.pushed) == said


async def test_a_reminder_goes_to_the_phone_after_a_restart(lives: Lives) -> None:
    async with lives.live() as (home, anna, _):
        await home.automate("phone", phones=[anna.device_id])
        home.care.alert(1)
        await home.care.morning(1)
        old = anna.shown
    lives.sleep(minutes=20)
    async with lives.live() as (home, anna, _):
        assert len(anna.rang) == 2
        # The notification of the life before is as good.
        await anna.press("I have it", old)
        assert home.care.attributes()["acknowledged_by"] == "Anna"
        assert "Anna has it since" in anna.shown["message"]
