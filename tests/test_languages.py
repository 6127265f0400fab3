"""Every language says all of it, and each house hears its own: words, values, days."""

from datetime import UTC, datetime, timedelta
import re
from typing import Any

from hassil.intents import Intents
from hassil.parse_expression import parse_sentence
from hassil.recognize import recognize_all
from hassil.sample import sample_sentence
from homeassistant.components import conversation
from homeassistant.components.conversation.trigger import has_no_punctuation, is_valid_sentence
from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.components.persistent_notification import _async_get_or_create_notifications
from homeassistant.core import Context
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.banners import ALERTS
from custom_components.care_alerts.responses.wording import (
    Localize,
    duration_text,
    number_text,
    time_text,
)

from .languages import ENGLISH, LANGUAGES, OTHERS, THERE, TRANSLATIONS, english_in, strings, texts
from .responses.house import caregiver, household_entry, plan
from .sources.tidepool.conftest import Follower, follower
from .spoken import placeholders_in, read_json
from .test_logbook import Lines

__all__ = ["follower"]

every_language = pytest.mark.parametrize("language", THERE)
every_other = pytest.mark.parametrize("language", OTHERS)

SAME_IN_ALL = re.compile(
    r"\{\w+\}|\b(Lumen|Dexcom|Tidepool|Care Alerts|Home Assistant|Android|API|UTC|mg/dL|mmol/L|min|h|s|dev1|qa1|qa2)\b"
)
"""Names, units, and what is filled in."""
SAME_AS_ENGLISH = {
    "de": "Alarm|Episode|Integration|Japan|Name|Person|Plan|Plateau|Region|Status|Text",
    "es": "Plan|{days} d {hours} h",
    "fr": "Date|E-mail|Glucose|Note|Plan|Plateau|Production|Sources|Volume",
    "it": "Caregiver|E-mail|Password|Plateau|Volume",
    "nl": "Alarm|Care Alerts: glucose|Details|E-mail|Episode|Glucose|Japan|Plan|Plateau|Status|Volume|Was",
    "pl": "Alarm|Alert|E-mail|Plan|Region|Status|{days} d {hours} h",
    "pt": "Volume|{days} d {hours} h",
    "sv": "Integration|Japan|Person|Plan|Region|Status|Text|{days} d {hours} h",
}
"""By language: texts that are written as in English."""
QUESTIONS = ("active", "night", "on_duty", "acknowledge")
ENGLISH_WORDS = re.compile(
    r"\b(the|this|that|with|nobody|somebody|from|which|whether|what|when)\b", re.IGNORECASE
)
"""Words of English sentences that none of the other languages has."""


def test_all_languages_are_there() -> None:
    assert set(THERE) == LANGUAGES


@every_other
def test_a_language_has_every_text_and_no_other(language: str) -> None:
    assert texts(language).keys() == texts(ENGLISH).keys()
    assert dict(strings(read_json(TRANSLATIONS / f"{language}.json"))) == texts(language)


@every_other
def test_a_text_has_the_placeholders_links_and_marks_of_the_english_one(language: str) -> None:
    def bones(text: str) -> dict[str, Any]:
        return {
            "placeholders": placeholders_in(text),
            "links": sorted(re.findall(r"\]\(([^)]*)\)", text)),
            "code": sorted(re.findall(r"`[^`]*`", text)),
            "bold": text.count("**"),
            "paragraphs": text.count("\n\n"),
            "points": len(re.findall(r"^- ", text, re.MULTILINE)),
        }

    wrong = {
        path: (bones(text), bones(texts(language)[path]))
        for path, text in texts(ENGLISH).items()
        if bones(text) != bones(texts(language)[path])
    }
    assert wrong == {}


@every_other
def test_nothing_is_left_in_english(language: str) -> None:
    may_be_left = set(SAME_AS_ENGLISH[language].split("|"))
    left = set()
    for path, text in texts(language).items():
        is_same = text == texts(ENGLISH)[path] and has_words(text)
        if is_same and text not in may_be_left:
            left.add((path, text))
        if ENGLISH_WORDS.search(re.sub(r"\{\w+\}", "", text)):
            left.add((path, text))
    assert left == set()
    assert may_be_left <= set(texts(language).values())


@every_other
def test_english_is_noticed_where_it_is_said(language: str) -> None:
    for path in ("common.dashboard_nobody_has_it", "config.step.user.title", "common.minutes"):
        for said_in, is_noticed in ((ENGLISH, "minutes" not in path), (language, False)):
            said = f"Oma: {texts(said_in)[path]} (14:05)"
            assert bool(english_in(said, language)) is is_noticed, said


def has_words(text: str) -> bool:
    """Whether a text has words, beside placeholders, names and units."""
    return any(map(str.isalpha, SAME_IN_ALL.sub(" ", text)))


@every_language
def test_texts_can_be_shown(language: str) -> None:
    """By the backend, which fills in placeholders, and by the frontend, which takes them for ICU messages."""
    for path, text in texts(language).items():
        assert text, path
        assert text == text.strip(), path
        assert "  " not in text, path
        assert "://" not in text, path
        assert "[%key:" not in text, path
        # Neither plurals nor formats: `{word}` is all that both understand.
        assert not re.search(r"[{}]", re.sub(r"\{\w+\}", "", text)), path
        # An apostrophe before these begins what ICU takes as it is, two of them are one, and tags are marks.
        assert not re.search(r"'[{}<'|#]|</?\w", text), path


@every_language
def test_states_fit_a_tile_and_cannot_be_misread(language: str) -> None:
    """A phone's tile shows about 20 characters of a state. Beside an alert, "High" is a glucose."""
    states = {path: text for path, text in texts(language).items() if ".state." in path}
    of_sensors = {
        path: text
        for path, text in states.items()
        if path.startswith(("entity.sensor.", "entity.binary_sensor."))
        and "state_attributes" not in path
    }
    assert len(of_sensors) > 10
    assert {path: text for path, text in of_sensors.items() if len(text) > 21} == {}
    alerts, severities = (
        {text for path, text in states.items() if path.startswith(f"entity.sensor.{key}.state.")}
        for key in ("last_alert", "highest_severity")
    )
    assert alerts
    assert severities
    assert alerts.isdisjoint(severities)


@every_language
def test_what_is_to_be_told_apart_has_different_words(language: str) -> None:
    """Two options, states or fields beside each other that have one word in this language, but not in English."""
    named: dict[tuple[str, str], set[str]] = {}
    for path, text in texts(language).items():
        group = path.rpartition(".")[0]
        if re.search(r"\.(options|state|data|menu_options)$", group):
            named.setdefault((group, text), set()).add(texts(ENGLISH)[path])
    assert {where: several for where, several in named.items() if len(several) > 1} == {}


@every_language
def test_sentences_are_such_as_a_voice_assistant_takes(language: str) -> None:
    said = {
        path: text.splitlines()
        for path, text in texts(language).items()
        if path.startswith("common.sentences_")
    }
    assert len(said) == 4
    for path, sentences in said.items():
        assert len(sentences) >= 2, path
        assert all(sentences), path
        assert has_no_punctuation(is_valid_sentence(sentences)) == sentences
    intents = Intents.from_dict(
        {
            "language": language,
            "intents": {path: {"data": [{"sentences": those}]} for path, those in said.items()},
        }
    )
    for path in said:
        for way in ways_to_say(texts(language)[path]):
            meant = {one.intent.name for one in recognize_all(f"{way.capitalize()}?", intents)}
            assert meant == {path}, way


def test_the_sentences_in_the_docs_are_understood() -> None:
    docs = (TRANSLATIONS.parents[2] / "docs" / "voice.md").read_text()
    rows = dict(re.findall(r"^\| \w+ \(`(\w\w)`\) \| \*(.*)\* \|$", docs, re.MULTILINE))
    assert sorted(rows) == OTHERS
    for language, row in rows.items():
        for question, said in zip(QUESTIONS, row.split("* | *"), strict=True):
            assert said in ways_to_say(texts(language)[f"common.sentences_{question}"])


def ways_to_say(sentences: str) -> list[str]:
    """Return all that is said by one or another of a text's sentences."""
    return [
        way.strip()
        for sentence in sentences.splitlines()
        for way in sample_sentence(parse_sentence(sentence))
    ]


WRITTEN = {
    "de": ("So 29. Nov. 14:05", "2,9"),
    "en": ("Sun 29 Nov 14:05", "2.9"),
    "es": ("dom 29 nov 14:05", "2,9"),
    "fr": ("dim. 29 nov. 14:05", "2,9"),
    "it": ("dom 29 nov 14:05", "2,9"),
    "nl": ("zo 29 nov 14:05", "2,9"),
    "pl": ("niedz. 29 lis 14:05", "2,9"),
    "pt": ("dom 29 nov 14:05", "2,9"),
    "sv": ("sön 29 nov. 14:05", "2,9"),
}
"""A time of another day and a value, as people write them."""
THEN = datetime(2026, 11, 29, 14, 5, tzinfo=UTC)


def said_in(language: str) -> Localize:
    """Return what gives the sentences of a language."""

    def said(key: str, /, **given: str) -> str:
        text = texts(language)[f"common.{key}"]
        assert placeholders_in(text) == set(given), key
        return re.sub(r"\{(\w+)\}", lambda found: given[found[1]], text)

    return said


@every_language
def test_times_values_and_durations_are_written_as_people_do(language: str) -> None:
    said = said_in(language)
    assert len(set(said("weekdays").split())) == 7
    assert len(said("weekdays").split()) == 7
    assert len(set(said("months").split())) == len(said("months").split()) == 12
    time, value = WRITTEN[language]
    assert time_text(said, THEN, THEN + timedelta(days=1), UTC) == time
    assert time_text(said, THEN, THEN + timedelta(hours=1), UTC) == "14:05"
    assert number_text(said, 2.94, 1) == value
    assert number_text(said, 53.6, 0) == "54"
    assert duration_text(said, timedelta(minutes=14)) == "14 min"
    for length, numbers in (
        (timedelta(hours=23, minutes=59), ["23", "59"]),
        (timedelta(days=13, hours=22), ["13", "22"]),
    ):
        told = duration_text(said, length)
        assert re.findall(r"\d+", told) == numbers
        # In brackets behind a time, on a phone.
        assert len(told) <= 12


def test_a_time_is_told_even_without_words() -> None:
    """As while a language is loaded: a key stands for its sentence."""

    def keys(key: str, /, **given: str) -> str:
        return " ".join([key, *given.values()])

    told = time_text(keys, THEN, THEN + timedelta(days=1), UTC)
    assert "29" in told
    assert "14:05" in told


@pytest.fixture
async def jill(follower: Follower) -> Follower:
    """A house that can be talked to, and Jill, who is urgently low, in mmol/L, since last night."""
    hass = follower.house.hass
    for component in ("homeassistant", "conversation"):
        assert await async_setup_component(hass, component, {})
    follower.reads(90)
    await follower.start()
    glucose = follower.entity_id("sensor", "glucose")
    er.async_get(hass).async_update_entity_options(
        glucose, "sensor", {"unit_of_measurement": "mmol/L"}
    )
    async_expose_entity(hass, "conversation", glucose, True)
    entry = household_entry(caregiver("Anna", duty="always"), plan())
    await follower.house.set_up(entry)
    duty = follower.house.entity_id("sensor", "on_duty", entry=entry)
    async_expose_entity(hass, "conversation", duty, True)
    await follower.house.pass_time(minutes=5)
    follower.reads(50)
    await follower.house.pass_time(seconds=30)
    return follower


async def heard_in(jill: Follower, lines: Lines, language: str, words: str) -> list[str]:
    """Have a house speak a language; return what it says: banner, voice and logbook. `words`: the language of our file."""
    hass = jill.house.hass
    await hass.config.async_update(language=language)
    await jill.house.settle()
    await jill.house.pass_time(minutes=1)
    shown = _async_get_or_create_notifications(hass)[ALERTS]
    told = [f"{shown['title']}\n{shown['message']}"]
    for question in QUESTIONS:
        asked = ways_to_say(texts(words)[f"common.sentences_{question}"])[0]
        answer = await conversation.async_converse(hass, asked, None, Context(), language=language)
        told.append(answer.response.speech["plain"]["speech"])
        assert ("Anna" if question == "on_duty" else "Jill") in told[-1], asked
    sensor = jill.entity_id("binary_sensor", "urgent_low")
    for action, data in (
        ("unacknowledge", {}),
        ("snooze", {"duration": "00:30"}),
        ("unsnooze", {}),
    ):
        await hass.services.async_call(DOMAIN, action, {"entity_id": sensor, **data}, blocking=True)
    await jill.house.settle()
    return told + lines.told


async def test_a_house_is_told_all_in_its_own_language(jill: Follower) -> None:
    """Also in one that was chosen a moment ago."""
    lines = Lines(jill.house.hass)
    for language in THERE:
        told = await heard_in(jill, lines, language, language)
        assert len(told) == 9
        value = number_text(said_in(language), 2.8, 1)
        assert f"{value} mmol/L" in told[0]
        assert f"{value} mmol/L" in told[1]
        if language != ENGLISH:
            assert english_in("\n".join(told), language) == []


@pytest.mark.parametrize("language", ["pt-BR", "gsw"])
async def test_a_language_without_a_file_gets_whole_english_sentences(
    jill: Follower, language: str
) -> None:
    """Home Assistant takes no language for another, also not of the same kind: half of each would be no better."""
    told = await heard_in(jill, Lines(jill.house.hass), language, ENGLISH)
    assert "Was observed at" in told[0]
    assert "Glucose was 2.8 mmol/L" in told[0]
