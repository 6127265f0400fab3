"""Tools for language models: they may ask what a voice may be asked, and do nothing."""

from collections.abc import Callable
from typing import Final, override

from homeassistant.auth.permissions.const import POLICY_READ
from homeassistant.components.llm import LLMTools
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.llm import (
    LLM_API_ASSIST,
    LLMContext,
    Tool,
    ToolAnnotations,
    ToolInput,
    ToolResult,
)

from . import voice
from .const import DOMAIN
from .voice import Asker, asker_of

PROMPT: Final = (
    "What the care_alerts tools answer was observed in the past. With each thing that you tell of it say when it was "
    "observed and by which source, as the answer does. Never say that all is well, or that nothing is wrong: only that "
    "nothing is known, and until when the data reach. Give no medical advice. Who has an alert has only said so: it "
    "does not mean that it is over."
)


class CareTool(Tool):
    """A question that can be asked of the people who are looked after."""

    annotations = ToolAnnotations(
        read_only=True, destructive=False, idempotent=True, open_world=False
    )
    integration = DOMAIN

    def __init__(
        self, name: str, title: str, description: str, ask: Callable[[HomeAssistant, Asker], str]
    ) -> None:
        """Have a question and the way to answer it."""
        self.name = f"{DOMAIN}__{name}"
        self.title = title
        self.description = description
        self._ask = ask

    @override
    async def async_call(
        self, hass: HomeAssistant, tool_input: ToolInput, llm_context: LLMContext
    ) -> ToolResult:
        """Answer, as far as it is for who asks."""
        self.parameters(tool_input.tool_args)
        asker = await _asker(hass, llm_context)
        if asker is None:
            return ToolResult(data={"error": "Unknown user"}, error=True)
        return ToolResult(data={"answer": self._ask(hass, asker)})


async def _asker(hass: HomeAssistant, context: LLMContext) -> Asker | None:
    return await asker_of(hass, context.assistant, context.context, context.device_id)


_TOOLS: Final = (
    (
        "get_active_alerts",
        "Get active health alerts",
        "What health alerts are active of the people who are looked after, who has them, and how old that is.",
        voice.active,
    ),
    (
        "get_night",
        "Get the alerts of the night",
        "What health alerts there were in the last night (22:00 to 08:00), when, who had them and after how long.",
        voice.night,
    ),
    (
        "get_on_duty",
        "Get who is on duty",
        "Which caregiver is on duty now, and why.",
        voice.who_is_on_duty,
    ),
)


@callback
def async_get_tools(hass: HomeAssistant, llm_context: LLMContext, api_id: str) -> LLMTools | None:
    """Return the tools, if anybody is exposed to the assistant."""
    asker = Asker(assistant=llm_context.assistant)
    if api_id != LLM_API_ASSIST or not any(voice.people_for(hass, asker, POLICY_READ)):
        return None
    tools: list[Tool] = [CareTool(*one) for one in _TOOLS]
    return LLMTools(tools=tools, prompt=PROMPT)
