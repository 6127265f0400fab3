"""Asking: lights and speakers are asked each by itself; whatever is wrong with one keeps no other waiting."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import Context, HomeAssistant

from ..const import LOGGER
from .snapshots import NOT_THERE

ASKED_WITHIN: Final = 10.0
"""Seconds after which one that has not done it is given up: ours, because a mesh of lamps tries a lost
command again for some seconds, and whoever waits for ten has lost a sixth of the first minute."""


class Failure(StrEnum):
    """Why something did not do what it was asked."""

    UNAVAILABLE = "unavailable"  # Home Assistant does not reach it, or does not know how it is
    TIMED_OUT = "timed_out"
    FAILED = "failed"  # it refused, or something is wrong with it
    NO_VOICE = "no_voice"  # the speech service is not there
    NOT_NEEDED = "not_needed"  # before its turn came, the episode needed nobody any more


type Outcome = Mapping[str, Failure | None]
"""What became of it, by entity id; None: it did what it was asked."""


def is_there(hass: HomeAssistant, entity_id: str) -> bool:
    """Whether something can be asked, and how it is is known."""
    state = hass.states.get(entity_id)
    return state is not None and state.state not in NOT_THERE


async def ask(
    hass: HomeAssistant, service: str, entity_id: str, *, data: Mapping[str, Any], context: Context
) -> None:
    """Call a service of an entity's own domain, and wait until it has been done.

    Raises:
        TimeoutError: it hangs.
        Exception: whatever else its integration raises.

    """
    async with asyncio.timeout(ASKED_WITHIN):
        await hass.services.async_call(
            entity_id.partition(".")[0],
            service,
            {ATTR_ENTITY_ID: entity_id, **data},
            blocking=True,
            context=context,
        )


async def each(
    entity_ids: Iterable[str], do: Callable[[str], Coroutine[Any, Any, Failure | None]]
) -> dict[str, Failure | None]:
    """Do it to all at once, and say of each what became of it; whatever one raises is its failure."""
    ids = list(entity_ids)
    results = await asyncio.gather(*map(do, ids), return_exceptions=True)
    return {
        one: _failure(one, result) if isinstance(result, BaseException) else result
        for one, result in zip(ids, results, strict=True)
    }


def _failure(entity_id: str, error: BaseException) -> Failure:
    LOGGER.debug(
        "A %s did not do what it was asked: %s", entity_id.partition(".")[0], type(error).__name__
    )
    return Failure.TIMED_OUT if isinstance(error, TimeoutError) else Failure.FAILED
