"""An integration for the tests: a lamp, `light.hall`, a speaker, `media_player.kitchen`, and a speech service, `tts.voice`.

What a lamp and a speaker are is in a file each, `hall.json` and `kitchen.json`: as things do, they stay as they are
when Home Assistant is killed. What the speaker was given to say, and how loud it was then, are lines of
`said.jsonl`.
"""

import json
from pathlib import Path
from typing import Any, override

from homeassistant.components.light import LightEntity
from homeassistant.components.light.const import DATA_COMPONENT as LIGHTS, ColorMode
from homeassistant.components.media_player import MediaPlayerEntity
from homeassistant.components.media_player.const import MediaPlayerEntityFeature, MediaPlayerState
from homeassistant.components.tts import TextToSpeechEntity
from homeassistant.components.tts.const import DATA_COMPONENT as VOICES
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_component import DATA_INSTANCES
from homeassistant.helpers.typing import ConfigType
from homeassistant.util.file import write_utf8_file_atomic
from yarl import URL

CONFIG_SCHEMA = cv.empty_config_schema("appliances")

type Json = dict[str, Any]

LOOK = ("brightness", "rgb_color", "color_temp_kelvin")


class _Thing(Entity):
    """What a file says it is."""

    _attr_should_poll = False

    def __init__(self, directory: Path, name: str, at_first: Json) -> None:
        self._attr_name = self._attr_unique_id = name
        self._file = directory / f"{name}.json"
        self._is = json.loads(self._file.read_text()) if self._file.exists() else at_first
        self._write()

    def _become(self, now: Json) -> None:
        self._is = now
        self._write()
        self.schedule_update_ha_state()

    def _write(self) -> None:
        # At once or not at all: the test reads it at any time, and so may a life cut short.
        write_utf8_file_atomic(str(self._file), json.dumps(self._is))


class Lamp(_Thing, LightEntity):
    """A lamp of any colour."""

    @property
    @override
    def supported_color_modes(self) -> set[ColorMode]:
        return {ColorMode.RGB, ColorMode.COLOR_TEMP}

    @property
    @override
    def color_mode(self) -> ColorMode:
        return ColorMode.COLOR_TEMP if self.color_temp_kelvin else ColorMode.RGB

    @property
    @override
    def is_on(self) -> bool:
        return bool(self._is["on"])

    @property
    @override
    def brightness(self) -> int | None:
        return self._is.get("brightness")

    @property
    @override
    def rgb_color(self) -> tuple[int, int, int] | None:
        return tuple(self._is["rgb_color"]) if "rgb_color" in self._is else None

    @property
    @override
    def color_temp_kelvin(self) -> int | None:
        return self._is.get("color_temp_kelvin")

    @override
    def turn_on(self, **kwargs: Any) -> None:
        look = {name: kwargs[name] for name in LOOK if name in kwargs}
        is_recoloured = {"rgb_color", "color_temp_kelvin"} & look.keys()
        kept = {"brightness": 255} | self._is
        if is_recoloured:
            kept = {"brightness": kept["brightness"]}
        self._become(kept | look | {"on": True})

    @override
    def turn_off(self, **kwargs: Any) -> None:
        self._become(self._is | {"on": False})


class Speaker(_Thing, MediaPlayerEntity):
    """A speaker that keeps what it was given to say."""

    _attr_state = MediaPlayerState.IDLE
    _attr_supported_features = (
        MediaPlayerEntityFeature.PLAY_MEDIA
        | MediaPlayerEntityFeature.VOLUME_SET
        | MediaPlayerEntityFeature.VOLUME_MUTE
    )

    @property
    @override
    def volume_level(self) -> float:
        return float(self._is["volume"])

    @property
    @override
    def is_volume_muted(self) -> bool:
        return bool(self._is["muted"])

    @override
    def set_volume_level(self, volume: float) -> None:
        self._become(self._is | {"volume": volume})

    @override
    def mute_volume(self, mute: bool) -> None:
        self._become(self._is | {"muted": mute})

    @override
    def play_media(self, media_type: str, media_id: str, **kwargs: Any) -> None:
        said = {"said": URL(media_id).query["message"], **self._is}
        with self._file.with_name("said.jsonl").open("a") as lines:
            lines.write(f"{json.dumps(said)}\n")


class Voice(TextToSpeechEntity):
    """A speech service."""

    _attr_name = _attr_unique_id = "voice"
    _attr_default_language = "en"

    def __init__(self) -> None:
        self._attr_supported_languages = ["en"]


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Add them."""
    directory = Path(hass.config.config_dir)

    def look() -> tuple[Lamp, Speaker]:
        evening = {"on": True, "brightness": 90, "color_temp_kelvin": 2700}
        return Lamp(directory, "hall", evening), Speaker(
            directory, "kitchen", {"volume": 0.2, "muted": False}
        )

    lamp, speaker = await hass.async_add_executor_job(look)
    await hass.data[LIGHTS].async_add_entities([lamp])
    await hass.data[DATA_INSTANCES]["media_player"].async_add_entities([speaker])
    await hass.data[VOICES].async_add_entities([Voice()])
    return True
