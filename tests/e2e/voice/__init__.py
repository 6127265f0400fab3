"""An integration for the tests: `tts.voice`, a speech service without a network, whose sound is the text itself.

Home Assistant's own demo voice is no entity, which an automation could speak through.
"""

from typing import Any, override

from homeassistant.components.tts import TextToSpeechEntity, TtsAudioType
from homeassistant.components.tts.const import DATA_COMPONENT
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType

CONFIG_SCHEMA = cv.empty_config_schema("voice")


class Voice(TextToSpeechEntity):
    """The speech service."""

    _attr_name = "Voice"
    _attr_default_language = "en"

    @property
    @override
    def supported_languages(self) -> list[str]:
        return ["en"]

    @override
    async def async_get_tts_audio(
        self, message: str, language: str, options: dict[str, Any]
    ) -> TtsAudioType:
        return "mp3", message.encode()


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Add the entity."""
    await hass.data[DATA_COMPONENT].async_add_entities([Voice()])
    return True
