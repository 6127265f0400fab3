"""Words of the house's language, and what is said where one is not there: it must not keep an alert from anybody."""

from collections.abc import Callable

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import recursive_flatten
import pytest

from custom_components.care_alerts.responses import localize as localizing
from custom_components.care_alerts.responses.localize import (
    localize,
    localize_alert,
    localize_duty,
    localize_status,
    localize_step_field,
    localize_tell,
)
from tests.spoken import COMPONENT, read_json

WORDS: list[tuple[Callable[[HomeAssistant, str], str], str, str, str]] = [
    (localize_alert, "urgent_low", "Urgent low", "Akut niedrig"),
    (localize_status, "login_failed", "Login failed", "Anmeldung abgelehnt"),
    (localize_duty, "always", "Always", "Immer"),
    (localize_tell, "everybody", "Everybody", "Alle"),
    (localize_step_field, "lights", "Lights", "Leuchten"),
]


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The languages that Home Assistant has loaded, none yet."""
    languages: set[str] = set()

    def cached(hass: HomeAssistant, language: str, category: str, domain: str) -> dict[str, str]:
        if language not in languages:
            return {}
        texts = read_json(COMPONENT / "translations" / f"{language}.json")[category]
        return dict(recursive_flatten(f"component.{domain}.{category}.", texts))

    monkeypatch.setattr(localizing, "async_get_cached_translations", cached)
    return languages


@pytest.mark.parametrize(("word_for", "key", "english", "german"), WORDS)
def test_a_word_is_in_the_house_s_language_in_english_until_that_is_loaded_and_its_key_if_there_is_none(
    hass: HomeAssistant,
    loaded: set[str],
    word_for: Callable[[HomeAssistant, str], str],
    key: str,
    english: str,
    german: str,
) -> None:
    hass.config.language = "de"
    assert word_for(hass, key) == key
    loaded.add("en")
    assert word_for(hass, key) == english
    loaded.add("de")
    assert word_for(hass, key) == german
    assert word_for(hass, "a vendor's new one") == "a vendor's new one"


def test_a_sentence_says_what_it_is_about_though_it_is_not_there(
    hass: HomeAssistant, loaded: set[str]
) -> None:
    assert localize(hass, "alert_title", person="Oma", alert="Low") == "alert_title Oma Low"
    loaded.add("en")
    assert localize(hass, "alert_title", person="Oma", alert="Low") == "Oma: Low"


def test_a_name_with_braces_stays_as_it_is(hass: HomeAssistant, loaded: set[str]) -> None:
    loaded.add("en")
    assert localize(hass, "alert_title", person="{alert}", alert="Low") == "{alert}: Low"
    assert localize(hass, "alert_title", person="Oma") == "Oma: {alert}"
