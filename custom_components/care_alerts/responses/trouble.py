"""Trouble of sources: whoever is on duty is told that one has fallen silent, or does not let us in any more."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from homeassistant.core import HomeAssistant

from ..alerts.freshness import Status
from ..const import DOMAIN, LOGGER
from ..sources.coordinator import SourceCoordinator
from ..sources.targets import names_of, sources
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


TRIED_AGAIN_AFTER: Final = timedelta(minutes=5)
"""Ours: a phone that is off for a while is told soon after, and the log is not full of it."""


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


class Troubles:
    """Who was told of which trouble: until each of them was told that it is over, or it went."""

    def __init__(self, hass: HomeAssistant, store: ResponseStore) -> None:
        """Know of what is kept in the store."""
        self._hass = hass
        self._store = store
        self._tried_at: dict[tuple[str, str], datetime] = {}

    async def tell(self, household: Household | None, now: datetime) -> None:
        """Tell whoever is on duty what is new, and take away what is over. It rings, but breaks no silence.

        What a phone did not take is tried again, not with every look.
        """
        current = troubles(self._hass)
        wanted = self._wanted(household, current, now) if household else {}
        told = self._store.kept.silent
        news = {which: status for which, status in wanted.items() if told.get(which) != status}
        over = [which for which in told if which[1] not in current and self._is_over(which[1])]
        work = [which for which in (*news, *over) if self._may_be_tried(which, now)]
        # One that hangs keeps no other from being told.
        done = await asyncio.gather(
            *(
                self._take_away(which)
                if which in over
                else self._tell(household, which, current[which[1]][0], news[which], now)
                for which in work
            )
        )
        for which, is_done in zip(work, done, strict=True):
            if not is_done:
                self._tried_at[which] = now
                continue
            self._tried_at.pop(which, None)
            if which in over:
                del told[which]
            else:
                told[which] = news[which]
        if any(done):
            await self._store.save()

    def _may_be_tried(self, which: tuple[str, str], now: datetime) -> bool:
        at = self._tried_at.get(which)
        return at is None or abs(now - at) >= TRIED_AGAIN_AFTER

    def _wanted(
        self,
        household: Household,
        current: Mapping[str, tuple[SourceCoordinator, str]],
        now: datetime,
    ) -> dict[tuple[str, str], str]:
        """What each phone and notify entity of those on duty is to know: by its id and that of the source's entry."""
        on_duty = household.duty(now).on_duty
        recipients = [
            which
            for caregiver in household.caregivers
            if caregiver.caregiver_id in on_duty
            for which in (*household.phones_of(caregiver), *caregiver.notify)
        ]
        return {
            (which, entry_id): status
            for entry_id, (coordinator, status) in current.items()
            if _is_meant(household, coordinator)
            for which in recipients
        }

    def _is_over(self, entry_id: str) -> bool:
        """Whether a source that is in no trouble runs, or is no more; one that is reloaded says nothing."""
        return any(one.config_entry.entry_id == entry_id for one in sources(self._hass)) or (
            self._hass.config_entries.async_get_entry(entry_id) is None
        )

    async def _tell(
        self,
        household: Household | None,
        which: tuple[str, str],
        coordinator: SourceCoordinator,
        status: str,
        now: datetime,
    ) -> bool:
        recipient = which[0]
        text = text_for(household, recipient) if household else Text.FULL
        note = note_of(self._hass, coordinator, status, text, now)
        if is_entity(recipient):
            return await send(self._hass, recipient, note)
        return await push_note(self._hass, recipient, note)

    async def _take_away(self, which: tuple[str, str]) -> bool:
        recipient, entry_id = which
        if is_entity(recipient) or phone_of(self._hass, recipient) is None:
            return True
        return await push_note(
            self._hass, recipient, Notification(tag=_tag(entry_id), is_cleared=True)
        )


def text_for(household: Household, recipient: str) -> Text:
    """How much a phone or notify entity is told: no health data if it is anybody's who wants none there."""
    is_neutral = any(
        one.text is Text.NEUTRAL
        for one in household.caregivers
        if recipient in (*household.phones_of(one), *one.notify)
    )
    return Text.NEUTRAL if is_neutral else Text.FULL


def is_entity(recipient: str) -> bool:
    """Whether it is a notify entity, and no phone."""
    return "." in recipient


def _is_meant(household: Household, coordinator: SourceCoordinator) -> bool:
    return any(
        plan.source_silent and household.is_for_somebody(plan, [coordinator])
        for plan in household.plans
    )


def _tag(entry_id: str) -> str:
    return f"{DOMAIN}_source_{entry_id}"


def note_of(
    hass: HomeAssistant, coordinator: SourceCoordinator, status: str, text: Text, now: datetime
) -> Notification:
    """What there is to tell of a source that is in trouble."""
    tag = _tag(coordinator.config_entry.entry_id)
    source = coordinator.config_entry.title
    title = localize(hass, "source_trouble_title", source=source)
    if text is Text.NEUTRAL:
        return Notification(
            tag=tag,
            title=localize(hass, "notification_neutral_title"),
            message=localize(hass, "source_trouble_neutral"),
            level=Level.RINGING,
        )
    freshness = coordinator.data.freshness
    reason = localize_status(hass, status)
    if people := names_of(hass, coordinator, freshness.silent_people):
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


async def push_note(hass: HomeAssistant, device_id: str, note: Notification) -> bool:
    """Push to a phone; False if it was not told."""
    if (phone := phone_of(hass, device_id)) is None:
        return False
    try:
        await push(hass, phone, mobile_app(note), lambda: None)
    except PushError as err:
        LOGGER.debug("A phone was not told: %s", err)
        return False
    return True
