"""Buttons: *I have it* and *Snooze 30 min* on a phone, without any automation."""

import asyncio
from datetime import timedelta
from typing import Final

from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..alerts.alert import AlertKey
from ..const import LOGGER
from ..sources.coordinator import SourceCoordinator
from ..sources.targets import device_ref
from .attribution import EVENT_NOTIFICATION_ACTION, resolve_actor
from .episodes import EpisodeRef, find_episode
from .notification import SNOOZE_MINUTES, Verb, pressed
from .permissions import entities_of_person, forbidden

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
    topics: dict[SourceCoordinator, list[AlertKey]] = {}
    is_refused = False
    for episode_id in episode_ids:
        ref = find_episode(hass, episode_id)
        if ref is None:
            continue
        if not await _may(hass, ref, context):
            is_refused = True
            continue
        topics.setdefault(ref.coordinator, []).append(ref.episode.topic)
    if is_refused:
        LOGGER.warning("A button was pressed by a user who may not control what it is of")
    if not topics:
        return
    by = await resolve_actor(hass, context)
    until = dt_util.utcnow() + timedelta(minutes=SNOOZE_MINUTES)
    # All at once: the disk that one source waits for keeps no other ringing.
    await asyncio.gather(
        *(
            coordinator.care.acknowledge(theirs, by=by, note=None, context=context)
            if verb is Verb.ACKNOWLEDGE
            else coordinator.care.snooze(topics=theirs, until=until, by=by, context=context)
            for coordinator, theirs in topics.items()
        )
    )


async def _may(hass: HomeAssistant, ref: EpisodeRef, context: Context) -> bool:
    if context.user_id is None or (user := await hass.auth.async_get_user(context.user_id)) is None:
        return False
    device_id = device_ref(hass, ref.coordinator, ref.person).device_id
    return forbidden(user, POLICY_CONTROL, entities_of_person(hass, device_id)) is None
