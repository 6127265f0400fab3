"""Settings as a person reads them."""

from homeassistant.core import HomeAssistant
import pytest

from custom_components.care_alerts.alerts.snapshot import Setting
from custom_components.care_alerts.sources.setting_text import setting_lines
from custom_components.care_alerts.sources.settings import SettingConflict


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "- Low threshold: 4 mmol/L → **4.6 mmol/L**"),
        ("de", "- Grenzwert Niedrig: 4 mmol/L → **4,6 mmol/L**"),
        ("xx", "- Low threshold: 4 mmol/L → **4.6 mmol/L**"),
    ],
)
async def test_numbers_are_as_the_language_writes_them(
    hass: HomeAssistant, language: str, line: str
) -> None:
    hass.config.language = language
    was, now = Setting(value=4.0, unit="mmol/L"), Setting(value=4.6, unit="mmol/L")
    assert await setting_lines(hass, [SettingConflict("low_threshold", was, now)]) == line
