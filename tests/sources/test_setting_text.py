"""Settings as a person reads them."""

from homeassistant.core import HomeAssistant
import pytest

from custom_components.care_alerts.alerts.snapshot import Setting
from custom_components.care_alerts.sources.setting_text import setting_lines, why_not
from custom_components.care_alerts.sources.settings import NotDoneError, SettingConflict


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


@pytest.mark.parametrize(
    ("language", "begin"),
    [
        ("en", "Low threshold: this would not be in order with Urgent low threshold."),
        ("de", "Grenzwert Niedrig: "),
    ],
)
async def test_why_something_was_not_done_names_settings_as_a_dashboard_does(
    hass: HomeAssistant, language: str, begin: str
) -> None:
    hass.config.language = language
    why = NotDoneError("settings_threshold_order", field="low", other="urgent_low")
    assert (await why_not(hass, why)).startswith(begin)
    why = NotDoneError("settings_delay_range", field="low_delay", longest="120")
    assert "low_delay" not in await why_not(hass, why)


async def test_what_has_no_words_is_said_by_its_key(hass: HomeAssistant) -> None:
    assert await why_not(hass, NotDoneError("not_thought_of", field="a_field")) == "not_thought_of"
    why = NotDoneError("settings_not_kept", field="a_field")
    assert (await why_not(hass, why)).startswith("a_field: ")
