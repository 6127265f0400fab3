"""Messages by notify entities: ntfy, Telegram, SMS. They take title and text, once; nothing can be updated or taken away."""

import asyncio
from typing import Final

from homeassistant.const import ATTR_ENTITY_ID, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..const import LOGGER
from .episodes import EpisodeRef
from .message import notifications
from .notices import notice_of, wording_of
from .notification import Notification
from .plan import Caregiver

SENT_WITHIN: Final = 30.0
"""Seconds after which a service that hangs counts as one that has not sent it: some wait for a modem."""


async def send_message(
    hass: HomeAssistant,
    entity_id: str,
    ref: EpisodeRef,
    caregiver: Caregiver,
    *,
    redelivered: bool,
) -> bool:
    """Send what there is to say of an episode to a notify entity; False if it did not take it."""
    notice = notice_of(hass, ref, redelivered=redelivered)
    note = notifications([notice], caregiver, wording_of(hass, dt_util.utcnow()), ())[0]
    return await send(hass, entity_id, note)


async def send(hass: HomeAssistant, entity_id: str, note: Notification) -> bool:
    """Send title and text to a notify entity; False if it did not take it."""
    state = hass.states.get(entity_id)
    if state is None or state.state == STATE_UNAVAILABLE:
        # The action leaves out what is not there, without a word.
        return False
    try:
        async with asyncio.timeout(SENT_WITHIN):
            await hass.services.async_call(
                "notify",
                "send_message",
                {ATTR_ENTITY_ID: entity_id, "title": note.title, "message": note.message},
                blocking=True,
            )
    except Exception as err:  # noqa: BLE001 # its integration may raise anything that its library does
        LOGGER.debug("A notify entity was not reached: %s", type(err).__name__)
        return False
    return True
