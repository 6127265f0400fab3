"""Buttons: *I have it* and *Snooze 30 min* on a phone, without any automation."""

import asyncio
from datetime import timedelta
from typing import Final

from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..alerts.alert import AlertKey
from ..const import LOGGER
from ..sources.coordinator import SourceCoordinator
from .attribution import EVENT_NOTIFICATION_ACTION, resolve_actor
from .care import may_control, with_witnesses
from .episodes import find_episode
from .notification import SNOOZE_MINUTES, Verb, pressed

ATTR_ACTION: Final = "action"


@callback
def async_setup_buttons(hass: HomeAssistant) -> None:
    """Do what is pressed, from now on."""

    async def heard(event: Event) -> None:
        if asked := pressed(event.data.get(ATTR_ACTION)):
            await _do(hass, *asked, event.context)

    hass.bus.async_listen(EVENT_NOTIFICATION_ACTION, heard)


async def _do(hass: HomeAssistant, verb: Verb, episode_ids: list[str], context: Context) -> None:
    """Do it for the episodes that the button was shown for, and for no newer one: it may be pressed late.

    Any user's phone can fire any event with any ids, so who presses must be allowed to control what it is of.
    """
    meant: dict[SourceCoordinator, list[AlertKey]] = {}
    is_refused = False
    for episode_id in episode_ids:
        ref = find_episode(hass, episode_id)
        for one in ref.witnesses if ref else ():
            if context.user_id is not None and await may_control(
                hass, one.coordinator, one.person, context
            ):
                meant.setdefault(one.coordinator, []).append(one.episode.topic)
            else:
                is_refused = True
    if is_refused:
        LOGGER.warning("A button was pressed by a user who may not control what it is of")
    if not meant:
        return
    found = await with_witnesses(hass, meant, context)
    by = await resolve_actor(hass, context)
    until = dt_util.utcnow() + timedelta(minutes=SNOOZE_MINUTES)
    # All at once: the disk that one source waits for keeps no other ringing.
    await asyncio.gather(
        *(
            coordinator.care.acknowledge(
                theirs, by=by, note=None, context=context, announce=announce
            )
            if verb is Verb.ACKNOWLEDGE
            else coordinator.care.snooze(topics=theirs, until=until, by=by, context=context)
            for coordinator, theirs, announce in found
        )
    )
