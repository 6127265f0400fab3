"""Words of the house's language, and what is said where one is not there: it must not keep an alert from anybody."""

from collections.abc import Callable

from homeassistant.core import HomeAssistant
import pytest

from custom_components.care_alerts.responses.localize import (
    localize,
    localize_alert,
    localize_duty,
    localize_status,
    localize_step_field,
    localize_tell,
)
from tests.conftest import House

WORDS: list[tuple[Callable[[HomeAssistant, str], str], str, str, str]] = [
    (localize_alert, "urgent_low", "Urgent low", "Akut niedrig"),
    (localize_status, "login_failed", "Login failed", "Anmeldung abgelehnt"),
    (localize_duty, "always", "Always", "Immer"),
    (localize_tell, "everybody", "Everybody", "Alle"),
    (localize_step_field, "lights", "Lights", "Leuchten"),
]


@pytest.mark.parametrize(("word_for", "key", "english", "german"), WORDS)
async def test_a_word_is_of_the_house_s_language_in_english_until_that_is_loaded_and_else_its_key(
    house: House, word_for: Callable[[HomeAssistant, str], str], key: str, english: str, german: str
) -> None:
    hass = house.hass
    assert word_for(hass, key) == key
    await house.set_up(house.entry())
    assert word_for(hass, key) == english
    hass.config.language = "de"
    assert word_for(hass, key) == english
    await hass.config.async_update(language="de")
    await house.settle()
    assert word_for(hass, key) == german
    assert word_for(hass, "a vendor's new one") == "a vendor's new one"


async def test_a_sentence_that_is_not_there_still_says_what_it_is_about(house: House) -> None:
    assert localize(house.hass, "no_such", person="Oma", alert="Low") == "no_such Oma Low"


async def test_a_name_with_braces_stays_as_it_is(house: House) -> None:
    await house.set_up(house.entry())
    assert localize(house.hass, "alert_title", person="{alert}", alert="Low") == "{alert}: Low"
    assert localize(house.hass, "alert_title", person="Oma") == "Oma: {alert}"
