"""Trouble of sources: whoever is on duty is told that one has fallen silent, or does not let us in any more."""

import asyncio
from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Final

from homeassistant.core import HomeAssistant

from ..alerts.freshness import Status
from ..const import DOMAIN, LOGGER
from ..sources.coordinator import SourceCoordinator
from ..sources.targets import sources
from .household import Household
from .localize import localize, localize_status
from .messages import send
from .notices import wording_of
from .notification import Level, Notification, mobile_app
from .plan import Text
from .push import PushError, phone_of, push
from .store import ResponseStore

NEEDS_SOMEBODY: Final = (Status.LOGIN_FAILED, Status.PERMISSION_LOST)
"""They do not go away by themselves, so nobody waits until the source counts as silent."""


def troubles(hass: HomeAssistant) -> Mapping[str, tuple[SourceCoordinator, str]]:
    """The sources that are in trouble, by the ids of their entries, and what it is: a status.

    That one is silent is said once the house has announced it, so never of what a poll may put right.
    """
    found = {}
    for coordinator in sources(hass):
        status = coordinator.failure or coordinator.data.freshness.status
        if status in NEEDS_SOMEBODY or coordinator.store.responses.silence_announced:
            found[coordinator.config_entry.entry_id] = coordinator, status.value
    return found


async def tell_of_troubles(
    hass: HomeAssistant, store: ResponseStore, household: Household, now: datetime
) -> None:
    """Tell whoever is on duty what is new of it, and take away what is over. It rings, but breaks no silence."""
    current = troubles(hass)
    told = store.kept.silent
    news = {
        entry_id: status
        for entry_id, (coordinator, status) in current.items()
        if told.get(entry_id) != status and _is_meant(household, coordinator)
    }
    running = {one.config_entry.entry_id for one in sources(hass)}
    over = [
        entry_id
        for entry_id in told
        if entry_id not in current
        and (entry_id in running or hass.config_entries.async_get_entry(entry_id) is None)
    ]
    if not news and not over:
        return
    told.update(news)
    for entry_id in over:
        del told[entry_id]
    await store.save()
    duty = household.duty(now)
    work: list[Awaitable[object]] = []
    for caregiver in household.caregivers:
        phones = household.phones_of(caregiver)
        work += [_push(hass, phone, _cleared(entry_id)) for entry_id in over for phone in phones]
        if caregiver.caregiver_id not in duty.on_duty:
            continue
        for entry_id, status in news.items():
            note = _note(hass, current[entry_id][0], status, caregiver.text, now)
            work += [_push(hass, phone, note) for phone in phones]
            work += [send(hass, entity_id, note) for entity_id in caregiver.notify]
    # One that hangs keeps no other from being told.
    await asyncio.gather(*work)


def _is_meant(household: Household, coordinator: SourceCoordinator) -> bool:
    return any(
        plan.source_silent and household.is_for_somebody(plan, [coordinator])
        for plan in household.plans
    )


def _tag(entry_id: str) -> str:
    return f"{DOMAIN}_source_{entry_id}"


def _cleared(entry_id: str) -> Notification:
    return Notification(tag=_tag(entry_id), is_cleared=True)


def _note(
    hass: HomeAssistant, coordinator: SourceCoordinator, status: str, text: Text, now: datetime
) -> Notification:
    tag = _tag(coordinator.config_entry.entry_id)
    source = coordinator.config_entry.title
    title = localize(hass, "source_trouble_title", source=source)
    if text is Text.NEUTRAL:
        return Notification(
            tag=tag,
            title=localize(hass, "notification_neutral_title"),
            message=title,
            level=Level.RINGING,
        )
    freshness = coordinator.data.freshness
    reason = localize_status(hass, status)
    if people := coordinator.data.names_of(freshness.silent_people):
        lines = [localize(hass, "source_trouble_people", people=", ".join(people), reason=reason)]
    else:
        lines = [localize(hass, "source_trouble", reason=reason)]
    if through := freshness.data_through:
        wording = wording_of(hass, now)
        lines.append(
            localize(
                hass,
                "source_trouble_reach",
                time=wording.at(through),
                age=wording.age(through),
            )
        )
    return Notification(
        tag=tag, title=title, message="\n".join(lines), level=Level.RINGING, when=through
    )


async def _push(hass: HomeAssistant, device_id: str, note: Notification) -> None:
    if phone := phone_of(hass, device_id):
        try:
            await push(hass, phone, mobile_app(note), lambda: None)
        except PushError as err:
            LOGGER.debug("A phone was not told of a source: %s", err)
