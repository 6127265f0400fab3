"""Rota: what the schedules and calendars of a house say now."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from homeassistant.const import ATTR_ENTITY_ID, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN, Platform
from homeassistant.core import HomeAssistant

from ..const import LOGGER
from .duty import Rota

ANSWERS_WITHIN: Final = 10.0
"""Seconds. A calendar in the cloud may be slow; whose turn it is, is asked beforehand, so no step waits for it."""

_GET_EVENTS: Final = "get_events"
_NOT_THERE: Final = (STATE_UNAVAILABLE, STATE_UNKNOWN)


async def read_rota(hass: HomeAssistant, entities: Iterable[str], now: datetime) -> Rota:
    """Ask schedules and calendars, all at once; None where one cannot be asked.

    The state of a calendar tells of one event only, though several may be on: so its events are asked for.
    """
    schedules: dict[str, bool | None] = {}
    calendars: dict[str, Sequence[str] | None] = {}
    asked = []
    for entity_id in entities:
        state = hass.states.get(entity_id)
        if state and state.state in _NOT_THERE:
            state = None
        if entity_id.partition(".")[0] == Platform.CALENDAR:
            calendars[entity_id] = None
            if state:
                asked.append(entity_id)
        else:
            schedules[entity_id] = state.state == STATE_ON if state else None
    answers = await asyncio.gather(*(_summaries(hass, entity_id, now) for entity_id in asked))
    calendars.update(zip(asked, answers, strict=True))
    return Rota(schedules, calendars)


async def _summaries(hass: HomeAssistant, entity_id: str, now: datetime) -> list[str] | None:
    """The summaries of the events that are on; None if the calendar does not tell."""
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            answer = await hass.services.async_call(
                Platform.CALENDAR,
                _GET_EVENTS,
                {
                    ATTR_ENTITY_ID: entity_id,
                    "start_date_time": now.isoformat(),
                    "end_date_time": (now + timedelta(seconds=1)).isoformat(),
                },
                blocking=True,
                return_response=True,
            )
        events: object = answer[entity_id]["events"]  # type: ignore[index, call-overload]
        return [str(event.get("summary", "")) for event in events]  # type: ignore[attr-defined]
    except Exception as err:  # noqa: BLE001 # a calendar's integration may raise anything its library does
        LOGGER.debug("A calendar did not tell its events: %s", type(err).__name__)
        return None
