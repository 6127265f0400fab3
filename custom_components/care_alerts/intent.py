"""Intents: the questions of `voice`, for sentences of one's own in `custom_sentences`, and those that are ours.

Home Assistant takes an integration's sentences only as those of a trigger; they are in the translations.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, override

from homeassistant.const import EVENT_CORE_CONFIG_UPDATE
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import intent
from homeassistant.helpers.translation import async_load_integrations

from . import voice
from .const import DOMAIN
from .responses.localize import localize
from .voice import Asker, asker_of

type Answer = Callable[[HomeAssistant, Asker], Awaitable[str]]


def _at_once(ask: Callable[[HomeAssistant, Asker], str]) -> Answer:
    async def answer(hass: HomeAssistant, asker: Asker) -> str:
        return ask(hass, asker)

    return answer


QUESTIONS: Final[dict[str, tuple[str, str, Answer]]] = {
    "CareAlertsActive": (
        "sentences_active",
        "Says what health alerts are active",
        _at_once(voice.active),
    ),
    "CareAlertsNight": (
        "sentences_night",
        "Says what health alerts there were in the night",
        _at_once(voice.night),
    ),
    "CareAlertsOnDuty": (
        "sentences_on_duty",
        "Says which caregiver is on duty",
        _at_once(voice.who_is_on_duty),
    ),
    "CareAlertsAcknowledge": (
        "sentences_acknowledge",
        "Acknowledges the active health alerts that nobody has",
        voice.acknowledge,
    ),
}
"""By intent: where its sentences are in the translations, what it is, and how it is answered."""

_CONVERSATION: Final = "conversation"


async def async_setup_intents(hass: HomeAssistant) -> None:
    """Have the intents there."""
    for intent_type, (_, description, answer) in QUESTIONS.items():
        intent.async_register(hass, CareIntent(intent_type, description, answer))


class CareIntent(intent.IntentHandler):
    """One of the questions."""

    def __init__(self, intent_type: str, description: str, answer: Answer) -> None:
        """Have a question and the way to answer it."""
        self.intent_type = intent_type
        self.description = description
        self._answer = answer

    @override
    async def async_handle(self, intent_obj: intent.Intent) -> intent.IntentResponse:
        """Answer, as far as it is for who asks."""
        hass = intent_obj.hass
        asker = await asker_of(
            hass,
            intent_obj.assistant or _CONVERSATION,
            intent_obj.context,
            intent_obj.device_id,
        )
        response = intent_obj.create_response()
        response.async_set_speech(
            await self._answer(hass, asker) if asker else localize(hass, "answer_nobody_exposed")
        )
        return response


@callback
def async_setup_sentences(hass: HomeAssistant) -> None:
    """Have our sentences understood in the house's language, where there is a conversation to be had."""
    if _CONVERSATION not in hass.config.components:
        return
    understood = _register(hass)

    @callback
    def is_of_language(data: Mapping[str, Any]) -> bool:
        return "language" in data

    async def language_chosen(_: Event) -> None:
        nonlocal understood
        await async_load_integrations(hass, {DOMAIN})
        for forget in understood:
            forget()
        understood = _register(hass)

    hass.bus.async_listen(EVENT_CORE_CONFIG_UPDATE, language_chosen, event_filter=is_of_language)


def _register(hass: HomeAssistant) -> list[CALLBACK_TYPE]:
    """Register the sentences in the house's language; return what takes each question's back."""
    # With all that hangs on it: only where it is there already.
    from homeassistant.components.conversation.agent_manager import get_agent_manager

    manager = get_agent_manager(hass)

    def registered(sentences: str, answer: Answer) -> CALLBACK_TYPE:
        async def said(user_input: Any, _: Any) -> str:
            asker = await asker_of(hass, _CONVERSATION, user_input.context, user_input.device_id)
            return await answer(hass, asker) if asker else localize(hass, "answer_nobody_exposed")

        return manager.register_trigger(localize(hass, sentences).splitlines(), said)

    return [registered(sentences, answer) for sentences, _, answer in QUESTIONS.values()]
