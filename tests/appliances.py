"""Lamps, speakers and a voice that are outside of Home Assistant: they keep on shining, and stay as loud as they are, when it is killed."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, override

from homeassistant.components.light import LightEntity
from homeassistant.components.light.const import ColorMode
from homeassistant.components.media_player import MediaPlayerEntity
from homeassistant.components.media_player.const import MediaPlayerEntityFeature, MediaPlayerState
from homeassistant.components.tts import TextToSpeechEntity
from homeassistant.components.tts.const import DATA_COMPONENT
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity import Entity
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import (
    MockModule,
    mock_integration,
    setup_test_component_platform,
)
from yarl import URL

type Json = dict[str, Any]

COLOURED = frozenset({ColorMode.RGB, ColorMode.COLOR_TEMP})


@dataclass(kw_only=True)
class Appliance:
    """What somebody's hand, or a lost radio, may change. `trouble`: what comes of asking it, if not what was asked."""

    trouble: BaseException | None = None
    hangs: bool = False
    reachable: bool = True
    entities: list[Entity] = field(default_factory=list)
    """What stood for it in Home Assistant, the newest last."""

    def reach(self, reachable: bool) -> None:
        """Have Home Assistant reach it from now on, or not."""
        self.reachable = reachable
        self.entities[-1].async_write_ha_state()

    async def meet(self) -> None:
        """Be asked something."""
        if self.hangs:
            await asyncio.Event().wait()
        if self.trouble:
            raise self.trouble


@dataclass
class Bulb(Appliance):
    """What shines, whether Home Assistant lives or not; and every colour it has shown, None when dark."""

    look: Json | None = None
    shown: list[Json | None] = field(default_factory=list)
    modes: frozenset[ColorMode] = COLOURED

    def show(self, look: Json | None) -> None:
        """Shine so from now on."""
        self.look = look
        self.shown.append(look)


class BulbLight(LightEntity):
    """Home Assistant's light of a bulb."""

    _attr_should_poll = False

    def __init__(self, name: str, bulb: Bulb) -> None:
        self._attr_supported_color_modes = set(bulb.modes)
        self._attr_name = name
        self._attr_unique_id = f"bulb-{name}"
        self._bulb = bulb
        bulb.entities.append(self)
        self._take_over()

    @property
    @override
    def available(self) -> bool:
        return self._bulb.reachable

    def _take_over(self) -> None:
        look = self._bulb.look or {}
        self._attr_is_on = self._bulb.look is not None
        self._attr_brightness = look.get("brightness")
        self._attr_rgb_color = look.get("rgb_color")
        self._attr_color_temp_kelvin = look.get("color_temp_kelvin")
        if self._bulb.modes != COLOURED:
            (self._attr_color_mode,) = self._bulb.modes
        else:
            self._attr_color_mode = (
                ColorMode.COLOR_TEMP if self.color_temp_kelvin else ColorMode.RGB
            )

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        await self._bulb.meet()
        look = dict(self._bulb.look or {"brightness": 255, "rgb_color": (255, 255, 255)})
        if {"rgb_color", "color_temp_kelvin"} & kwargs.keys():
            look.pop("rgb_color", None)
            look.pop("color_temp_kelvin", None)
        for name in ("brightness", "rgb_color", "color_temp_kelvin"):
            if name in kwargs:
                look[name] = kwargs[name]
        self._bulb.show(look)
        self._take_over()
        self.async_write_ha_state()

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self._bulb.meet()
        self._bulb.show(None)
        self._take_over()
        self.async_write_ha_state()


@dataclass
class Speaker(Appliance):
    """What makes sounds, whether Home Assistant lives or not; and what it has said, how loud.

    `tells`: it says when it plays, and ends when it is told to.
    """

    volume: float = 0.2
    muted: bool = False
    tells: bool = False
    said: list[tuple[str, float]] = field(default_factory=list)

    def play(self, state: MediaPlayerState) -> None:
        """Say what it does."""
        player = self.entities[-1]
        assert isinstance(player, SpeakerPlayer)
        player.turn(state)


class SpeakerPlayer(MediaPlayerEntity):
    """Home Assistant's media player of a speaker."""

    _attr_supported_features = (
        MediaPlayerEntityFeature.PLAY_MEDIA
        | MediaPlayerEntityFeature.VOLUME_SET
        | MediaPlayerEntityFeature.VOLUME_MUTE
    )
    _attr_should_poll = False
    _attr_state = MediaPlayerState.IDLE

    def __init__(self, name: str, speaker: Speaker) -> None:
        self._attr_name = name
        self._attr_unique_id = f"speaker-{name}"
        self._speaker = speaker
        speaker.entities.append(self)
        self._take_over()

    @property
    @override
    def available(self) -> bool:
        return self._speaker.reachable

    def _take_over(self) -> None:
        self._attr_volume_level = self._speaker.volume
        self._attr_is_volume_muted = self._speaker.muted

    def turn(self, state: MediaPlayerState) -> None:
        """Do something else from now on."""
        self._attr_state = state
        self.async_write_ha_state()

    @override
    async def async_set_volume_level(self, volume: float) -> None:
        await self._speaker.meet()
        self._speaker.volume = volume
        self._take_over()
        self.async_write_ha_state()

    @override
    async def async_mute_volume(self, mute: bool) -> None:
        await self._speaker.meet()
        self._speaker.muted = mute
        self._take_over()
        self.async_write_ha_state()

    @override
    async def async_play_media(self, media_type: str, media_id: str, **kwargs: Any) -> None:
        await self._speaker.meet()
        message = URL(media_id).query["message"]
        self._speaker.said.append((message, 0 if self._speaker.muted else self._speaker.volume))
        if self._speaker.tells:
            self.turn(MediaPlayerState.PLAYING)


class Voice(TextToSpeechEntity):
    """A speech service; what it would say is in what speakers are given to play."""

    _attr_name = "voice"
    _attr_default_language = "en"

    def __init__(self) -> None:
        self._attr_supported_languages = ["en"]


async def install(
    hass: HomeAssistant,
    bulbs: Mapping[str, Bulb] | None = None,
    speakers: Mapping[str, Speaker] | None = None,
) -> None:
    """Have lights and speakers by these names, and a voice."""
    await async_setup_component(hass, "homeassistant", {})
    for domain, entities in (
        ("light", [BulbLight(*one) for one in (bulbs or {}).items()]),
        ("media_player", [SpeakerPlayer(*one) for one in (speakers or {}).items()]),
    ):
        mock_integration(hass, MockModule("test"), built_in=False)
        setup_test_component_platform(hass, domain, entities)
        assert await async_setup_component(hass, domain, {domain: {"platform": "test"}})
    assert await async_setup_component(hass, "tts", {})
    await hass.data[DATA_COMPONENT].async_add_entities([Voice()])
    await hass.async_block_till_done()


async def soon(is_so: Callable[[], bool]) -> None:
    """Wait, without letting time pass, until something is so."""
    for _ in range(100_000):
        if is_so():
            return
        await asyncio.sleep(0)
    raise AssertionError("waited in vain")
