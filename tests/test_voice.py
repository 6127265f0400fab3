"""What a voice assistant answers: only of whom it may speak, with the age and the source of each, and "I have it"."""

from datetime import timedelta
import re
from typing import Any

from homeassistant.auth.models import User
from homeassistant.components import conversation
from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.components.llm import async_get_tools
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    intent,
    llm,
)
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import orjson
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.llm import async_get_tools as async_get_our_tools
from custom_components.care_alerts.responses.episodes import all_episodes
from custom_components.care_alerts.sources.targets import sources
from scripts.real_home import ROOT
from simulator.tidepool import Child
from tests.conftest import House
from tests.responses.house import caregiver, household_entry, plan

COMPONENT = ROOT / "custom_components" / DOMAIN
THRESHOLD = {"units": "mg/dL", "value": 70}
NOBODY = "Nobody of whom I may speak is looked after here."


@pytest.fixture
async def assist(hass: HomeAssistant, house: House) -> House:
    """A house with a voice assistant, which is asked in English."""
    for component in ("homeassistant", "conversation"):
        assert await async_setup_component(hass, component, {})
    return house


@pytest.fixture
async def jill(assist: House) -> Child:
    """Jill, who has been low for some minutes."""
    account = assist.sim.tidepool.account
    child = assist.sim.tidepool.add_child("Jill")
    child.share_with(account)
    child.set_settings(account, {"urgentLow": {"enabled": True, "threshold": THRESHOLD}})
    await assist.set_up(assist.tidepool_entry())
    for value in (5.0, 5.0, 3.0):
        child.add_reading(assist.now, value, uploaded_at=assist.now)
        await assist.pass_time(seconds=30)
        await assist.pass_time(minutes=4, seconds=30)
    return child


def expose(house: House, key: str = "glucose", domain: str = "sensor") -> None:
    """Let the assistant speak of whoever has such an entity."""
    for entity in er.async_get(house.hass).entities.values():
        if entity.platform == DOMAIN and (entity.domain, entity.translation_key) == (domain, key):
            async_expose_entity(house.hass, "conversation", entity.entity_id, True)


async def ask(house: House, text: str, **more: Any) -> str:
    """Say something to the assistant, and hear what it says."""
    result = await conversation.async_converse(
        house.hass,
        text,
        None,
        more.pop("context", None) or Context(),
        **{"language": "en"} | more,
    )
    speech: str = result.response.speech["plain"]["speech"]
    return speech


async def test_of_whom_it_may_not_speak_it_does_not(assist: House, jill: Child) -> None:
    for text in ("What alerts are active?", "how was the night", "I have it", "who is on duty"):
        said = await ask(assist, text)
        assert "Jill" not in said
        # Nor does it sound as if there were nothing.
        assert said.startswith(NOBODY if text != "who is on duty" else "There is no household")
    assert (await ask(assist, "are there any alerts")).startswith(NOBODY)
    (ref,) = all_episodes(assist.hass)
    assert ref.episode.acknowledgement is None


async def test_what_is_active_with_value_age_and_source(assist: House, jill: Child) -> None:
    expose(assist)
    said = await ask(assist, "Are there any alerts?")
    assert said.startswith("Jill: Urgent low. Was observed at ")
    assert "(5 min ago), high severity. Nobody has it yet." in said
    assert "Glucose of Jill was 54 mg/dL at " in said
    assert "of Jill reaches to " in said


async def test_without_an_alert_it_does_not_say_that_all_is_well(
    assist: House, jill: Child
) -> None:
    expose(assist)
    jill.add_reading(assist.now, 7.0, uploaded_at=assist.now)
    await assist.pass_time(minutes=5)
    said = await ask(assist, "which alerts are active")
    assert said.startswith("Jill: no active alert is known.")
    assert "Glucose of Jill was 126 mg/dL at " in said


async def test_how_the_night_was(assist: House, jill: Child) -> None:
    expose(assist)
    local = assist.now.astimezone(dt_util.get_default_time_zone())
    await assist.until(local.replace(hour=23, minute=0))
    jill.add_reading(assist.now, 7.0, uploaded_at=assist.now)
    await assist.pass_time(minutes=5)
    jill.add_reading(assist.now, 3.1, uploaded_at=assist.now)
    jill.add_device_alert(assist.now, "urgentLow", acknowledged=assist.now + timedelta(minutes=2))
    await assist.pass_time(minutes=5)
    said = await ask(assist, "which alerts are active")
    assert "Handled on the device at 23:07. Nobody has it yet." in said
    await ask(assist, "I have it")
    jill.add_reading(assist.now, 8.0, uploaded_at=assist.now)
    await assist.pass_time(minutes=5)
    await assist.pass_time(hours=9)
    said = await ask(assist, "How was the night?")
    assert said.startswith("Jill: Urgent low. Was observed at 23:05 (")
    assert "The alert ended at " in said
    assert "Handled on the device at 23:07." in said
    assert "had it from " in said
    assert "Alerts may be missing." in said


async def test_a_night_in_which_nobody_had_it(assist: House, jill: Child) -> None:
    """It went on for so long that there was more than one alert of it."""
    expose(assist)
    jill.set_settings(
        assist.sim.tidepool.account,
        {"low": {"enabled": True, "delay": 0, "repeat": 15, "threshold": THRESHOLD}},
    )
    local = assist.now.astimezone(dt_util.get_default_time_zone())
    await assist.until(local.replace(hour=23, minute=0))
    for value in (7.0, 3.3, 3.3, 3.3, 3.3, 3.3, 8.0):
        jill.add_reading(assist.now, value, uploaded_at=assist.now)
        await assist.pass_time(minutes=5)
    await assist.pass_time(hours=9)
    said = await ask(assist, "How was the night?")
    assert "It was first observed at 23:05." in said
    assert "Nobody acknowledged it." in said


async def test_what_a_source_that_does_not_run_says_nobody_takes(
    assist: House, jill: Child
) -> None:
    expose(assist)
    [entry] = assist.hass.config_entries.async_entries(DOMAIN)
    assert await assist.hass.config_entries.async_unload(entry.entry_id)
    assert (await ask(assist, "I have it")).startswith("No alert is known that nobody has.")
    assert await assist.hass.config_entries.async_setup(entry.entry_id)
    await assist.settle()
    (ref,) = all_episodes(assist.hass)
    assert ref.episode.acknowledgement is None


async def test_a_language_that_is_chosen_later_is_understood(assist: House, jill: Child) -> None:
    expose(assist)
    assert "Jill" not in await ask(assist, "gibt es gerade Warnungen", language="de")
    await assist.hass.config.async_update(language="de")
    await assist.settle()
    said = await ask(assist, "gibt es gerade Warnungen", language="de")
    assert said.startswith("Jill: Akut niedrig.")


async def test_who_is_on_duty_and_why(hass: HomeAssistant, assist: House, jill: Child) -> None:
    assert (await ask(assist, "who is on duty")).startswith("There is no household")
    entry = household_entry(caregiver("Anna", duty="always"), plan())
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert (await ask(assist, "who is on duty")).startswith(NOBODY)
    expose(assist, "on_duty")
    assert await ask(assist, "who is on duty") == "Anna is always on duty."


async def test_i_have_it_is_the_rooms(hass: HomeAssistant, assist: House, jill: Child) -> None:
    expose(assist)
    satellite = MockConfigEntry(domain="test")
    satellite.add_to_hass(hass)
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=satellite.entry_id, identifiers={("test", "puck")}, name="Puck"
    )
    kitchen = ar.async_get(hass).async_create("Kitchen")
    dr.async_get(hass).async_update_device(device.id, area_id=kitchen.id)
    said = await ask(assist, "I've got it", device_id=device.id)
    assert said.startswith("Jill: Urgent low.")
    assert "Kitchen has it since " in said
    assert "That does not mean that it is over." in said
    (ref,) = all_episodes(hass)
    assert ref.episode.acknowledgement is not None
    by = ref.episode.acknowledgement.by
    assert (by.name, by.via.value) == ("Kitchen", "voice")
    again = await ask(assist, "I have it", device_id=device.id)
    assert again.startswith("No alert is known that nobody has. What Tidepool says of Jill reaches")


async def test_i_have_it_is_the_users_who_types_it(assist: House, jill: Child, anna: User) -> None:
    expose(assist)
    said = await ask(assist, "I have it", context=Context(user_id=anna.id))
    assert "Anna has it since " in said


async def test_a_user_without_the_right_hears_nothing_and_takes_nothing(
    hass: HomeAssistant, assist: House, jill: Child, anna: User
) -> None:
    expose(assist)
    # The first user of all is the owner.
    assert anna.is_owner
    guest = await hass.auth.async_create_user("Guest", group_ids=[])
    context = Context(user_id=guest.id)
    for text in ("are there any alerts", "how was the night", "I have it"):
        assert "Jill" not in await ask(assist, text, context=context)
    (ref,) = all_episodes(hass)
    assert ref.episode.acknowledgement is None
    gone = Context(user_id="somebody who was deleted")
    assert (await ask(assist, "are there any alerts", context=gone)).startswith(NOBODY)


async def test_a_source_that_does_not_run_is_not_all_well(assist: House, jill: Child) -> None:
    expose(assist)
    (coordinator,) = sources(assist.hass)
    entry = coordinator.config_entry
    assert await assist.hass.config_entries.async_unload(entry.entry_id)
    said = await ask(assist, "are there any alerts")
    assert "Nothing new has come of Jill: its source does not run." in said


async def test_the_tools_of_a_language_model_only_read(
    hass: HomeAssistant, assist: House, jill: Child
) -> None:
    context = llm.LLMContext("test", Context(), "en", "conversation", None)
    assert not await ours(hass, context)
    expose(assist)
    tools = {tool.name: tool for tool in await ours(hass, context)}
    assert sorted(tools) == [
        "care_alerts__get_active_alerts",
        "care_alerts__get_night",
        "care_alerts__get_on_duty",
    ]
    assert all(tool.annotations.read_only for tool in tools.values())
    answers = {
        name: await tool.async_call(hass, llm.ToolInput(name, {}), context)
        for name, tool in tools.items()
    }
    said = answers["care_alerts__get_active_alerts"]
    assert isinstance(said, llm.ToolResult)
    assert str(said.data["answer"]).startswith("Jill: Urgent low.")
    prompt = (await async_get_tools(hass, context, llm.LLM_API_ASSIST)).prompt
    assert prompt is not None
    assert "Give no medical advice." in prompt


async def test_a_tool_answers_nobody_who_is_not_there_any_more(
    hass: HomeAssistant, assist: House, jill: Child
) -> None:
    expose(assist)
    context = llm.LLMContext("test", Context(user_id="gone"), "en", "conversation", None)
    for tool in await ours(hass, context):
        said = await tool.async_call(hass, llm.ToolInput(tool.name, {}), context)
        assert isinstance(said, llm.ToolResult)
        assert said.error
        assert "Jill" not in str(said.data)


async def test_the_tools_are_for_the_assistant_alone(
    hass: HomeAssistant, assist: House, jill: Child
) -> None:
    expose(assist)
    context = llm.LLMContext("test", Context(), "en", "conversation", None)
    assert async_get_our_tools(hass, context, llm.LLM_API_ASSIST) is not None
    assert async_get_our_tools(hass, context, "another") is None


async def ours(hass: HomeAssistant, context: llm.LLMContext) -> list[llm.Tool]:
    """The tools of ours that an assistant is offered."""
    offered = await async_get_tools(hass, context, llm.LLM_API_ASSIST)
    return [tool for tool in offered.tools if tool.integration == DOMAIN]


async def test_the_intents_are_there_for_sentences_of_ones_own(
    hass: HomeAssistant, assist: House, jill: Child
) -> None:
    expose(assist)
    response = await intent.async_handle(hass, "test", "CareAlertsActive", assistant="conversation")
    assert response.speech["plain"]["speech"].startswith("Jill: Urgent low.")


def test_the_sentences_in_the_docs_are_understood() -> None:
    texts = orjson.loads((COMPONENT / "translations" / "en.json").read_bytes())["common"]
    known = {
        sentence
        for key, text in texts.items()
        if key.startswith("sentences_")
        for sentence in text.splitlines()
    }
    docs = (ROOT / "docs" / "voice.md").read_text()
    table = re.findall(r"^\| (\*.*?) \|", docs, re.MULTILINE)
    said = {sentence for row in table for sentence in re.findall(r"\*(.+?)\*", row)}
    assert len(said) > 6
    assert said <= known
