"""Announcer: telling the house what has been written down, once, in the order it happened, and what has ended."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.helpers.recorder import get_instance
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..alerts.alert import AlertKey, Announcement
from ..alerts.domain_events import (
    AlertEnded,
    AlertReceived,
    DomainEvent,
    SourceRecovered,
    SourceSilent,
)
from ..alerts.reconcile import ends_unannounced, episode_of
from ..alerts.response_log import Episode
from ..alerts.snapshot import SourceSnapshot
from ..const import DOMAIN
from .store import SourceStore

if TYPE_CHECKING:
    from .coordinator import CareAlertsConfigEntry

ANNOUNCED_IN_ONE_GO: Final = 50
"""Ours: this many are told in the turn in which they are so, which is over before anybody notices. More are a backlog."""

TURN: Final = timedelta(milliseconds=20)
"""Ours: how long a backlog is told before others have a turn; Home Assistant and its automations go on meanwhile."""

PORTION: Final = 100
"""Ours: what is told of a backlog before the recorder has to have written it. It sorts what it commits at once in
quadratic time: 9,000 alerts cost 53 s of CPU in one piece, 9 s in portions of 100, and smaller ones save nothing."""

RECORDER_MAY_TAKE: Final = timedelta(seconds=10)
"""Ours: a portion takes it a tenth of a second. One that takes longer is not well, and alerts do not wait for it."""

_RESTED_AT: HassKey[dict[str, datetime]] = HassKey(f"{DOMAIN}_rested_at")
"""Until when sources that are not running just now were looked after, by their entries' ids."""


class Owner(Protocol):
    """Whose alerts are announced."""

    store: SourceStore
    is_polling: bool

    def snapshot(self) -> SourceSnapshot:
        """The snapshot with all that is in the store."""

    async def save(self) -> None:
        """Write the store with all that goes with it."""


class Announcer:
    """The announcing of a source's alerts, from when Home Assistant has started until the source stops.

    An alert is on disk before it is announced, and marked after: what a crash leaves in between is announced again. An end
    and silence are written with their marks. While the owner polls, nothing is said of what may be otherwise once there
    is an answer: an end, silence.
    """

    def __init__(self, hass: HomeAssistant, entry: CareAlertsConfigEntry, owner: Owner) -> None:
        """Announce what the owner's store holds, as seen in its snapshot."""
        self._hass = hass
        self._entry = entry
        self._owner = owner
        self._by_person: dict[str, Callable[[Announcement, Episode | None], None]] = {}
        self._needs_no_entity: Callable[[str], bool] = lambda person_id: False
        self._remind: Callable[[datetime | None], None] = lambda since: None
        self.fire: Callable[[DomainEvent, Context | None], None] = lambda event, context: None
        """Tell the house of one thing, on somebody's account if on anybody's."""
        self._one_at_a_time = asyncio.Lock()
        self._may_announce = False
        self.is_awake = False
        """Whether all is done that is due."""

    # Who is told.

    @callback
    def announce_with(
        self, person_id: str, announcer: Callable[[Announcement, Episode | None], None]
    ) -> CALLBACK_TYPE:
        """Have a person's alerts announced by `announcer`, what waited for it first; returns the way to end that."""
        self._by_person[person_id] = announcer
        self.soon()

        def stop() -> None:
            self._by_person.pop(person_id, None)

        return stop

    @callback
    def announce_without(self, needs_no_entity: Callable[[str], bool]) -> None:
        """Say who (by person id) has no announcer and will have none: the house is told of their alerts all the same."""
        self._needs_no_entity = needs_no_entity

    @callback
    def fire_with(
        self,
        fire: Callable[[DomainEvent, Context | None], None],
        remind: Callable[[datetime | None], None],
    ) -> None:
        """Have the house told by `tell`, on whose account if anybody's, and reminders worked out by `remind`.

        That is called when telling begins, with until when whatever was due had been done (None if that is
        not known), and when it is over.
        """
        self.fire, self._remind = fire, remind

    # When.

    @callback
    def start(self) -> None:
        """Announce from now on. Before Home Assistant has started, nobody would hear it: automations sleep."""
        self._may_announce = True
        self._entry.async_create_task(self._hass, self._resume(), eager_start=False)

    async def _resume(self) -> None:
        """Tell what there is, then have those who count the minutes look at what went by since we last did."""
        rested_at = self._hass.data.setdefault(_RESTED_AT, {}).pop(self._entry.entry_id, None)
        await self.now()
        if not self._may_announce:
            return
        self.is_awake = True
        self._remind(rested_at or self._owner.store.responses.reminders_done_until)

    @callback
    def rest(self) -> None:
        """Remember that all was done until now: if the source is only reloaded, it goes on from here."""
        if self.is_awake:
            self.is_awake = False
            rested_at = self._hass.data.setdefault(_RESTED_AT, {})
            rested_at[self._entry.entry_id] = dt_util.utcnow()

    async def stop(self) -> None:
        """Announce no more, and return when the last of it is on disk."""
        self._may_announce = False
        async with self._one_at_a_time:
            pass

    @callback
    def end(self) -> None:
        """Have nobody count the minutes any more: the source has stopped."""
        self._remind(None)

    @callback
    def note_rung(self) -> None:
        """Remember that what was due until now has been done."""
        self._entry.async_create_task(self._hass, self._owner.save(), eager_start=False)

    @callback
    def soon(self) -> None:
        """Announce once what is running now is done: an entity being added has no state yet to change from."""
        if self._may_announce:
            self._entry.async_create_task(self._hass, self.now(), eager_start=False)

    async def now(self) -> None:
        """Announce, and note it on disk, whatever becomes of who asked for it: a poll is cancelled when a source is unloaded."""
        await asyncio.shield(self._entry.async_create_task(self._hass, self._announce_and_note()))

    async def _announce_and_note(self) -> None:
        async with self._one_at_a_time:
            if await self._announce():
                await self._owner.save()

    # What.

    async def _announce(self) -> bool:
        """Tell what has not been told, in the order it happened, and mark it; False if there was nothing to mark.

        An alert whose announcer is not there yet waits for it, and so does the end of its episode. Who comes
        between must not tell the same: one at a time.
        """
        # What is announced while all is stopping, nobody hears.
        if not self._may_announce or self._hass.is_stopping:
            return False
        now = dt_util.utcnow()
        responses = self._owner.store.responses
        is_first = responses.silence_announced is None
        unannounced: list[tuple[datetime, bool, Announcement | Episode]] = [
            (announcement.alert.observed_at, True, announcement)
            for announcement in self._owner.store.ledger.pending()
            if self._is_due(announcement)
        ]
        if len(unannounced) > ANNOUNCED_IN_ONE_GO:
            # Not in the turn in which weeks of it were worked out.
            await asyncio.sleep(0)
        is_settled = not self._owner.is_polling
        for episode in self._ends_unannounced(now) if is_settled else ():
            ended_at = episode.ended_at or now
            if is_first:
                # What was over before anything was kept of ends is no news.
                responses.mark_end_announced(episode.topic, episode.span, now)
            else:
                # Before the alerts of that moment, which begin the next one, unless one of its own is among them.
                is_with_its_own = episode.last_seen.observed_at >= ended_at
                unannounced.append((ended_at, is_with_its_own, episode))
        unannounced.sort(key=lambda one: one[:2])
        if not await self._announce_in_order([what for _, _, what in unannounced], now):
            return True
        if not is_settled or self._owner.is_polling:
            return bool(unannounced)
        has_turned = self._announce_silence(is_first=is_first)
        return bool(unannounced) or has_turned

    def _announce_silence(self, *, is_first: bool) -> bool:
        """Tell that the source has fallen silent, or of somebody more, or speaks again; False if all is as it was told."""
        responses, freshness = self._owner.store.responses, self._owner.snapshot().freshness
        was = responses.silence_announced, responses.silence_announced_of
        responses.silence_announced = freshness.silent
        responses.silence_announced_of = freshness.silent_people
        if is_first:
            return True
        if freshness.silent and (not was[0] or freshness.silent_people - was[1]):
            self.fire(SourceSilent(freshness), None)
        elif was[0] and not freshness.silent:
            self.fire(SourceRecovered(freshness), None)
        return was != (responses.silence_announced, responses.silence_announced_of)

    async def _announce_in_order(
        self, unannounced: Sequence[Announcement | Episode], now: datetime
    ) -> bool:
        """Tell and mark one after the other, while others have their turns; False if all is stopping."""
        unheard: set[str] = set()
        is_backlog = len(unannounced) > ANNOUNCED_IN_ONE_GO
        turn_ends = self._hass.loop.time() + TURN.total_seconds()
        waits_for_recorder = "recorder" in self._hass.config.components
        for number, what in enumerate(unannounced):
            is_portion_told = waits_for_recorder and number and number % PORTION == 0
            if is_portion_told or (is_backlog and self._hass.loop.time() >= turn_ends):
                if is_portion_told:
                    waits_for_recorder = await self._is_recorded()
                else:
                    await asyncio.sleep(0)
                if not self._may_announce or self._hass.is_stopping:
                    return False
                turn_ends = self._hass.loop.time() + TURN.total_seconds()
            if isinstance(what, Announcement):
                if self._is_due(what):
                    self._announce_alert(what, now)
                else:
                    unheard.add(what.alert.person_id)
            elif what.topic.person_id not in unheard:
                self._announce_end(what, now)
        return True

    async def _is_recorded(self) -> bool:
        """Wait until the recorder has written what was told; False if it does not get there."""
        try:
            async with asyncio.timeout(RECORDER_MAY_TAKE.total_seconds()):
                await get_instance(self._hass).async_block_till_done()
        except TimeoutError:
            return False
        return True

    def _is_due(self, announcement: Announcement) -> bool:
        """Whether it may be told, and there is somebody to hear it."""
        person_id = announcement.alert.person_id
        return not announcement.held and (
            person_id in self._by_person or self._needs_no_entity(person_id)
        )

    def _announce_alert(self, announcement: Announcement, now: datetime) -> None:
        alert = announcement.alert
        store = self._owner.store
        episode = episode_of(alert, self._owner.snapshot(), store.ledger, store.responses, now)
        if announcer := self._by_person.get(alert.person_id):
            announcer(announcement, episode)
        store.ledger.mark_announced(alert.alert_id)
        until = store.responses.snoozed_until(
            AlertKey.of(alert), alert.severity, episode.ids if episode else (), now
        )
        self.fire(
            AlertReceived(announcement=announcement, episode=episode, silenced=until is not None),
            None,
        )

    @callback
    def announce_ends(self, now: datetime) -> None:
        """Tell at once what has ended: who is about to go cannot wait for a turn."""
        if self._may_announce and not self._hass.is_stopping:
            for episode in self._ends_unannounced(now):
                self._announce_end(episode, now)

    def _announce_end(self, episode: Episode, now: datetime) -> None:
        responses = self._owner.store.responses
        if episode.ended_at and not responses.is_end_announced(episode.topic, episode.ended_at):
            self.fire(AlertEnded(episode), None)
            responses.mark_end_announced(episode.topic, episode.span, now)

    def _ends_unannounced(self, now: datetime) -> list[Episode]:
        ledger, responses = self._owner.store.ledger, self._owner.store.responses
        waiting = {one.alert.person_id for one in ledger.pending() if not self._is_due(one)}
        return ends_unannounced(self._owner.snapshot(), ledger, responses, waiting=waiting, now=now)
