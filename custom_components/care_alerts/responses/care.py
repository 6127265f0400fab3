"""Care of what several sources have: what somebody does about one witness of an episode is done about all."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping

from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.core import Context, HomeAssistant

from ..alerts.acknowledgement import Actor
from ..alerts.alert import AlertKey
from ..alerts.response_log import Episode
from ..alerts.snapshot import PersonSnapshot
from ..sources.coordinator import SourceCoordinator
from ..sources.targets import device_ref
from .episodes import all_episodes
from .permissions import may


async def with_witnesses(
    hass: HomeAssistant, meant: Mapping[SourceCoordinator, Iterable[AlertKey]], context: Context
) -> list[tuple[SourceCoordinator, list[AlertKey], bool]]:
    """The newest episodes that are meant, with those that are one with them, by source; and whether it is announced.

    Of those that are one it is announced once, of the worst that is meant. What else a source has is left out where the user
    whose context it is may not control it.
    """
    asked = {
        (one.config_entry.entry_id, topic) for one, topics in meant.items() for topic in topics
    }
    found: defaultdict[tuple[SourceCoordinator, bool], list[AlertKey]] = defaultdict(list)
    for ref in all_episodes(hass):
        parts = [one for one in ref.witnesses if one.is_newest]
        of_it = [one for one in parts if (one.entry_id, one.episode.topic) in asked]
        if not of_it:
            continue
        loud = max(of_it, key=lambda one: one.episode.severity.rank)
        for one in parts:
            if one in of_it or await may_control(hass, one.coordinator, one.person, context):
                found[one.coordinator, one is loud].append(one.episode.topic)
    return [(coordinator, topics, announce) for (coordinator, announce), topics in found.items()]


async def may_control(
    hass: HomeAssistant, coordinator: SourceCoordinator, person: PersonSnapshot, context: Context
) -> bool:
    """Whether whoever does something may do it about somebody; what no user does, as an automation, may do all."""
    if context.user_id is None:
        return True
    user = await hass.auth.async_get_user(context.user_id)
    device_id = device_ref(hass, coordinator, person).device_id
    return user is not None and may(hass, user, POLICY_CONTROL, device_id)


async def acknowledge(
    hass: HomeAssistant,
    meant: Mapping[SourceCoordinator, Iterable[AlertKey]],
    *,
    by: Actor,
    note: str | None,
    context: Context,
) -> list[tuple[SourceCoordinator, Episode]]:
    """Acknowledge the newest episodes that are meant, and those that are one with them; return what has changed by that."""
    found = await with_witnesses(hass, meant, context)
    # All at once: the disk that one source waits for keeps no other ringing.
    changed = await asyncio.gather(
        *(
            coordinator.care.acknowledge(
                topics, by=by, note=note, context=context, announce=announce
            )
            for coordinator, topics, announce in found
        )
    )
    return [
        (coordinator, episode)
        for (coordinator, *_), episodes in zip(found, changed, strict=True)
        for episode in episodes
    ]
