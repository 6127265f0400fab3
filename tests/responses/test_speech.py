"""Speakers say it, loud, and are then as loud as before, whatever hangs, fails, or ends in between."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.media_player.const import MediaPlayerState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.asking import ASKED_WITHIN
from custom_components.care_alerts.responses.speech import BEGINS_WITHIN
from simulator import Simulator
from tests.appliances import Speaker, Voice, install, soon
from tests.care import Care
from tests.lives import Lifetimes

pytestmark = pytest.mark.real_files

KITCHEN, BEDROOM, VOICE = "media_player.kitchen", "media_player.bedroom", "tts.voice"


@dataclass
class Sounds:
    """Maria's house with two speakers: the kitchen's low, the bedroom's muted. Both say when they play."""

    care: Care
    kitchen: Speaker = field(default_factory=lambda: Speaker(tells=True))
    bedroom: Speaker = field(default_factory=lambda: Speaker(volume=0.4, muted=True, tells=True))

    @property
    def hass(self) -> HomeAssistant:
        """Home Assistant."""
        return self.care.hass

    async def furnish(self) -> None:
        """Put them up."""
        await install(self.hass, speakers={"kitchen": self.kitchen, "bedroom": self.bedroom})

    @property
    def are_as_before(self) -> bool:
        """Whether the speakers are as if nothing had been."""
        now = [(one.volume, one.muted) for one in (self.kitchen, self.bedroom)]
        return now == [(0.2, False), (0.4, True)]

    async def alert(self, key: str = "weight") -> str:
        """Have an episode begin; return its id."""
        await self.care.call("send_test_alert", self.care.sensor(key), severity="high")
        episode_id = self.care.attributes(key)["episode_id"]
        assert isinstance(episode_id, str)
        return episode_id

    def speak(
        self, episode_id: str, *players: str, tts: str = VOICE, volume: int | None = 60
    ) -> asyncio.Task[Any]:
        """Call the action, for both if none are given."""
        data: dict[str, Any] = {
            "entity_id": list(players or (KITCHEN, BEDROOM)),
            "episode_id": episode_id,
            "tts": tts,
        }
        if volume is not None:
            data["volume"] = volume
        return self.hass.async_create_background_task(
            self.hass.services.async_call(
                DOMAIN, "speak", data, blocking=True, return_response=True
            ),
            "speak",
        )

    def later(self, seconds: float) -> None:
        """Fire what is due in so many seconds."""
        async_fire_time_changed(self.hass, dt_util.utcnow() + timedelta(seconds=seconds))


@pytest.fixture
async def sounds(care: Care) -> Sounds:
    """Maria's house with sounds."""
    sounds = Sounds(care)
    await sounds.furnish()
    return sounds


async def test_they_say_it_loud_and_are_as_before_once_it_is_said(sounds: Sounds) -> None:
    speaking = sounds.speak(await sounds.alert())
    await soon(lambda: bool(sounds.kitchen.said and sounds.bedroom.said))
    text = sounds.kitchen.said[0][0]
    assert text.startswith("DRILL: maria: Weight. Was observed at ")
    assert text.endswith(" (0 min ago), high severity. Nobody has it yet.")
    assert sounds.kitchen.said == sounds.bedroom.said == [(text, 0.6)]
    # Each by itself.
    sounds.kitchen.play(MediaPlayerState.IDLE)
    await soon(lambda: sounds.kitchen.volume == 0.2)
    assert (sounds.bedroom.volume, sounds.bedroom.muted) == (0.6, False)
    sounds.bedroom.play(MediaPlayerState.IDLE)
    answer = await speaking
    assert answer == {"spoken": [BEDROOM, KITCHEN], "failed": []}
    assert sounds.are_as_before


async def test_without_a_volume_only_what_is_muted_is_changed(sounds: Sounds) -> None:
    speaking = sounds.speak(await sounds.alert(), volume=None)
    await soon(lambda: bool(sounds.kitchen.said and sounds.bedroom.said))
    assert (sounds.kitchen.said[0][1], sounds.bedroom.said[0][1]) == (0.2, 0.4)
    for one in sounds.kitchen, sounds.bedroom:
        one.play(MediaPlayerState.IDLE)
    await speaking
    assert sounds.are_as_before


async def test_one_that_does_not_say_when_it_is_done_is_waited_for_only_so_long(
    sounds: Sounds,
) -> None:
    sounds.kitchen.tells = False
    speaking = sounds.speak(await sounds.alert(), KITCHEN)
    await soon(lambda: bool(sounds.kitchen.said))
    await asyncio.sleep(0)
    sounds.later(BEGINS_WITHIN)
    for _ in range(100):
        await asyncio.sleep(0)
    assert sounds.kitchen.volume == 0.6
    sounds.later(60)
    assert (await speaking)["spoken"] == [KITCHEN]
    assert sounds.are_as_before


async def test_somebody_who_has_it_makes_it_quiet_at_once(sounds: Sounds) -> None:
    speaking = sounds.speak(await sounds.alert(), KITCHEN)
    await soon(lambda: bool(sounds.kitchen.said))
    await sounds.hass.services.async_call(
        DOMAIN, "acknowledge", {"entity_id": sounds.care.sensor()}, blocking=True
    )
    assert (await speaking)["spoken"] == [KITCHEN]
    assert sounds.are_as_before


async def test_two_are_said_one_after_the_other_but_not_what_somebody_has_meanwhile(
    sounds: Sounds,
) -> None:
    one, two, three = [await sounds.alert(key) for key in ("weight", "flex", "medication")]
    first = sounds.speak(one, KITCHEN)
    await soon(lambda: bool(sounds.kitchen.said))
    second, third = sounds.speak(two, KITCHEN), sounds.speak(three, KITCHEN)
    await sounds.hass.services.async_call(
        DOMAIN, "acknowledge", {"entity_id": sounds.care.sensor("flex")}, blocking=True
    )
    assert len(sounds.kitchen.said) == 1
    sounds.kitchen.play(MediaPlayerState.IDLE)
    assert (await first)["spoken"] == [KITCHEN]
    assert (await second)["failed"] == [{"entity_id": KITCHEN, "reason": "not_needed"}]
    await soon(lambda: len(sounds.kitchen.said) == 2)
    assert sounds.kitchen.said[1][1] == 0.6
    assert "Medication" in sounds.kitchen.said[1][0]
    sounds.kitchen.play(MediaPlayerState.IDLE)
    await third
    assert sounds.are_as_before


@pytest.mark.parametrize("trouble", [HomeAssistantError, TimeoutError, KeyError])
async def test_one_that_fails_keeps_no_other(sounds: Sounds, trouble: type[Exception]) -> None:
    sounds.bedroom.trouble = trouble()
    speaking = sounds.speak(await sounds.alert())
    await soon(lambda: bool(sounds.kitchen.said))
    sounds.kitchen.play(MediaPlayerState.IDLE)
    answer = await speaking
    reason = "timed_out" if trouble is TimeoutError else "failed"
    assert answer == {"spoken": [KITCHEN], "failed": [{"entity_id": BEDROOM, "reason": reason}]}
    assert sounds.are_as_before


async def test_one_that_is_not_there_is_told_of(sounds: Sounds) -> None:
    sounds.bedroom.reach(False)
    answer = await sounds.speak(await sounds.alert(), BEDROOM, "media_player.none")
    assert answer == {
        "spoken": [],
        "failed": [
            {"entity_id": BEDROOM, "reason": "unavailable"},
            {"entity_id": "media_player.none", "reason": "unavailable"},
        ],
    }


async def test_without_a_voice_nothing_is_touched(sounds: Sounds) -> None:
    answer = await sounds.speak(await sounds.alert(), KITCHEN, tts="tts.gone")
    assert answer["failed"] == [{"entity_id": KITCHEN, "reason": "no_voice"}]
    assert sounds.are_as_before


async def test_a_speech_service_that_hangs_holds_nobody_up(sounds: Sounds) -> None:
    asked = asyncio.Event()

    async def hang(*_: Any, **__: Any) -> None:
        asked.set()
        await asyncio.Event().wait()

    episode = await sounds.alert()
    with patch.object(Voice, "async_speak", hang):
        speaking = sounds.speak(episode, KITCHEN)
        await asked.wait()
        assert sounds.kitchen.volume == 0.6
        sounds.later(ASKED_WITHIN + 1)
        answer = await speaking
    assert answer["failed"] == [{"entity_id": KITCHEN, "reason": "timed_out"}]
    assert sounds.are_as_before


async def test_an_automation_that_is_stopped_leaves_nothing_loud(sounds: Sounds) -> None:
    speaking = sounds.speak(await sounds.alert(), KITCHEN)
    await soon(lambda: bool(sounds.kitchen.said))
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking
    await sounds.care.house.settle()
    assert sounds.are_as_before


async def test_what_needs_nobody_is_not_said(sounds: Sounds) -> None:
    episode = await sounds.alert()
    await sounds.care.call("acknowledge")
    answer = await sounds.speak(episode)
    assert answer == {"spoken": [], "failed": [], "reason": "acknowledged"}
    assert sounds.kitchen.said == []


class Lives(Lifetimes):
    """Lives of a house; its speakers are not killed with it."""

    kitchen: Speaker

    @asynccontextmanager
    async def live(self) -> AsyncGenerator[Sounds]:
        """Start the house, and kill it in the end."""
        async with self.care() as care:
            sounds = Sounds(care, self.kitchen)
            await sounds.furnish()
            await care.hass.async_start()
            await care.house.settle()
            yield sounds


async def test_after_a_restart_nobody_is_speaking(
    tmp_path: Path, hass: HomeAssistant, sim: Simulator, freezer: FrozenDateTimeFactory
) -> None:
    lives = Lives(tmp_path, sim, freezer)
    lives.kitchen = Speaker(tells=True)
    async with lives.live() as sounds:
        speaking = sounds.speak(await sounds.alert(), KITCHEN)
        await soon(lambda: bool(sounds.kitchen.said))
        with patch(
            "custom_components.care_alerts.responses.snapshots.Snapshots.restore",
            side_effect=asyncio.CancelledError,
        ):
            speaking.cancel()
            await asyncio.wait([speaking])
        assert sounds.kitchen.volume == 0.6
    async with lives.live() as sounds:
        assert sounds.kitchen.volume == 0.2
        # The next one finds it as any other.
        speaking = sounds.speak(sounds.care.attributes()["episode_id"], KITCHEN)
        await soon(lambda: len(sounds.kitchen.said) == 2)
        sounds.kitchen.play(MediaPlayerState.IDLE)
        await speaking
        assert sounds.are_as_before
