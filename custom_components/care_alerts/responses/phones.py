"""Phones: what is pushed to them when a step rings, and their notifications kept up to date until all is over."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import uuid4

from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..alerts.alert import Severity
from ..const import LOGGER
from .episodes import EpisodeRef, as_now, episodes_by_id, find_episode, is_gone
from .log import Delivery, StepKey
from .message import SUMMARY_TAG, Notice, notifications, tag_of
from .notices import notice_of, wording_of
from .notification import Level, Notification, mobile_app
from .plan import Caregiver, Text
from .push import Phone, PushError, phone_of, push
from .screens import Push, Screen, Shown, fingerprint
from .store import ResponseStore

EVENT_NOTIFICATION_RECEIVED: Final = "mobile_app_notification_received"
ATTR_RECEIPT: Final = "care_alerts_receipt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """An episode that a phone is to ring for, and how: as a caregiver wants it.

    `key`: of the step that it is; None where it is none of a plan. `redelivered`: it may have been told before.
    """

    ref: EpisodeRef
    caregiver: Caregiver
    key: StepKey | None = None
    redelivered: bool = False


@dataclass(frozen=True, slots=True)
class _Line:
    """A notice, the tag that it has on a phone, and the episode and source that it is of."""

    notice: Notice
    tag: str
    ref: EpisodeRef
    rings: Sequence[Ring]


class Phones:
    """The phones of the house, as far as anything of ours is on them."""

    def __init__(self, hass: HomeAssistant, store: ResponseStore) -> None:
        """Know of what is kept in the store."""
        self._hass = hass
        self._store = store
        self._one_at_a_time: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._refused: dict[str, frozenset[str]] = {}
        """What those that refused were to be told, as `fingerprint` says it: of what is news they are asked at once."""
        self.url_of: Callable[[EpisodeRef], str | None] = lambda ref: None
        """What a tap on a notification opens."""
        self.settled: Callable[[], None] = lambda: None
        """Called when it has turned out what became of a push."""
        hass.bus.async_listen(EVENT_NOTIFICATION_RECEIVED, self._received)

    # Before.

    @callback
    def note(self, device_id: str, rings: Iterable[Ring]) -> None:
        """Note what a phone is about to show, to be saved before it is pushed: it will have to be taken away."""
        rings = list(rings)
        shown = self._store.screens.of(device_id).shown
        text = self._text(device_id, rings)
        for ring in rings:
            tag = tag_of(notice_of(self._hass, ring.ref), text)
            before = shown.get(tag)
            if before is None or before.episode_id not in ring.ref.episode.ids:
                is_new = before is None
                shown[tag] = replace(
                    _shown(ring.ref, "", text),
                    is_new=is_new,
                    is_live=ring.caregiver.live_status,
                )

    def _text(self, device_id: str, rings: Iterable[Ring]) -> Text:
        """How much may be said on a phone: it is neutral if it is for anybody."""
        texts = [one.text for one in self._store.screens.of(device_id).shown.values()]
        texts += [ring.caregiver.text for ring in rings]
        return Text.NEUTRAL if Text.NEUTRAL in texts else Text.FULL

    # Showing.

    async def show(self, device_id: str, rings: Sequence[Ring] = ()) -> None:
        """Have a phone ring, and bring all else on it up to date.

        What becomes of each ring that is a step's is noted as its receipt.
        """
        async with self._one_at_a_time[device_id]:
            # By the time that it is its turn, all may have been said.
            if rings or device_id in self.outdated(dt_util.utcnow()):
                await self._show_all(device_id, rings)

    async def ring(self, device_id: str, rings: Sequence[Ring]) -> bool:
        """Have a phone ring, noted before: `note`, `show`, and no update of what is noted in between; False if refused."""
        async with self._one_at_a_time[device_id]:
            self.note(device_id, rings)
            await self._store.save()
            return await self._show_all(device_id, rings)

    async def _show_all(self, device_id: str, rings: Sequence[Ring]) -> bool:
        is_shown = False
        if phone := phone_of(self._hass, device_id):
            is_shown = await self._show(phone, rings)
        else:
            self._receipts(device_id, _keys(rings), Delivery.FAILED)
            self._not_taken(device_id, rings)
        await self._store.save()
        return is_shown

    async def _show(self, phone: Phone, rings: Sequence[Ring]) -> bool:
        now = dt_util.utcnow()
        screen = self._store.screens.of(phone.device_id)
        rings = list(self._still_needed(screen, rings, now))
        caregiver = Caregiver(
            caregiver_id="",
            name="",
            break_through=frozenset[Severity]().union(
                *(ring.caregiver.break_through for ring in rings)
            ),
            text=self._text(phone.device_id, rings),
        )
        lines = self._lines(screen, rings, caregiver.text)
        summed_up = {tag for tag, shown in screen.shown.items() if shown.is_summed_up}
        self._forget_gone(screen, lines)
        before = set(screen.on_it)
        notes = notifications(
            [line.notice for line in lines.values()],
            caregiver,
            wording_of(self._hass, now),
            before,
        )
        changed = {
            tag
            for tag, line in lines.items()
            if line.rings or screen.tells(tag) != fingerprint(line.ref.episode)
        }
        is_shown = True
        # What rings waits for nothing that does not.
        for note in sorted(notes, key=lambda note: tuple(Level).index(note.level)):
            about = [
                line
                for line in lines.values()
                if line.tag == note.tag or (note.tag == SUMMARY_TAG and line.ref.episode.is_open)
            ]
            tags = {line.tag for line in about}
            is_news = note.is_cleared or note.tag not in before
            if note.tag == SUMMARY_TAG:
                # Also without what is over.
                is_news |= tags != summed_up
            if not is_news and changed.isdisjoint(tags):
                continue
            if not is_shown and note.level is Level.SILENT:
                # Not now: one that hangs keeps the next ring waiting. And what a summary would take away stays.
                continue
            is_shown &= await self._show_one(phone, note, about, caregiver.text, now)
        for tag in lines.keys() - {note.tag for note in notes}:
            # Over, and it was a line of the summary only.
            if not lines[tag].ref.episode.is_open:
                screen.shown.pop(tag, None)
        for tag in screen.on_it - screen.belong():
            if is_shown:
                is_shown = await self._push(phone, Notification(tag=tag, is_cleared=True), (), now)
        return is_shown

    def _forget_gone(self, screen: Screen, lines: Mapping[str, _Line]) -> None:
        """Forget what is no more, or is shown under another tag by now: a phone has become one for all to see."""
        moved = frozenset[str]().union(*(line.ref.episode.ids for line in lines.values()))
        screen.shown = {
            tag: shown
            for tag, shown in screen.shown.items()
            if tag in lines
            or shown.is_over
            or shown.is_new
            or not (shown.episode_id in moved or is_gone(self._hass, shown.entry_id))
        }

    async def _show_one(
        self,
        phone: Phone,
        note: Notification,
        about: Sequence[_Line],
        text: Text,
        now: datetime,
    ) -> bool:
        """Push one, and note what the phone shows then; False if it was refused."""
        screen = self._store.screens.of(phone.device_id)
        is_live = note.tag != SUMMARY_TAG and (
            any(ring.caregiver.live_status for line in about for ring in line.rings)
            or any(one.is_live for line in about if (one := screen.shown.get(line.tag)))
        )
        if not await self._push(phone, note, about, now):
            return False
        for line in about:
            is_open = line.ref.episode.is_open
            if not note.is_cleared:
                screen.shown[line.tag] = replace(
                    _shown(line.ref, fingerprint(line.ref.episode), text),
                    is_live=is_live and is_open,
                    is_summed_up=note.tag == SUMMARY_TAG,
                    is_over=not is_open,
                )
            elif not is_open:
                screen.shown.pop(line.tag, None)
        if is_live and not note.is_cleared and any(line.ref.episode.is_open for line in about):
            # Beside it, and no reason to count it as refused. What has no right to be there goes after.
            await self._push(phone, note.as_live_status(), (), now)
        return True

    def _still_needed(self, screen: Screen, rings: Iterable[Ring], now: datetime) -> Iterator[Ring]:
        """The rings for what still needs somebody, now that the disk has written and it is their turn."""
        for ring in rings:
            if ref := as_now(self._hass, ring.ref, now):
                yield replace(ring, ref=ref)
                continue
            for tag, shown in screen.shown.items():
                if shown.episode_id in ring.ref.episode.ids:
                    screen.shown[tag] = replace(shown, is_new=False)

    def _lines(self, screen: Screen, rings: Sequence[Ring], text: Text) -> dict[str, _Line]:
        """What a phone is to show, by tag."""
        lines: dict[str, _Line] = {}
        for ring in rings:
            notice = notice_of(
                self._hass,
                ring.ref,
                url=self.url_of(ring.ref),
                redelivered=ring.redelivered,
            )
            tag = tag_of(notice, text)
            others = lines[tag].rings if tag in lines else ()
            lines[tag] = _Line(notice, tag, ring.ref, (*others, ring))
        for shown in screen.shown.values():
            if shown.is_new:
                continue
            if ref := find_episode(self._hass, shown.episode_id):
                notice = notice_of(self._hass, ref, url=self.url_of(ref), rings=False)
                tag = tag_of(notice, text)
                lines.setdefault(tag, _Line(notice, tag, ref, ()))
        return lines

    async def _push(
        self, phone: Phone, note: Notification, about: Sequence[_Line], now: datetime
    ) -> bool:
        """Push one, and note what became of it for the steps that it did; False if it was refused."""
        rings = [] if note.is_cleared else [ring for line in about for ring in line.rings]
        keys = _keys(rings)
        receipt = None
        screen = self._store.screens.of(phone.device_id)
        if keys:
            # First: a phone may confirm it before the push service has answered.
            sent = Delivery.SENT if phone.confirms else Delivery.UNKNOWN
            self._receipts(phone.device_id, keys, sent)
            screen.prune(now)
            if phone.confirms:
                receipt = uuid4().hex
                screen.pushes[receipt] = Push(keys=tuple(keys), sent_at=now)

        def refused() -> None:
            self._receipts(phone.device_id, keys, Delivery.FAILED)
            self._not_taken(phone.device_id, rings)
            for line in about:
                if shown := screen.shown.get(line.tag):
                    screen.shown[line.tag] = replace(shown, tells="")
            self._store.save_later()
            self.settled()

        try:
            await push(self._hass, phone, mobile_app(note, receipt), refused)
        except PushError as err:
            LOGGER.debug("A phone was not reached: %s", err)
            self._receipts(phone.device_id, keys, Delivery.FAILED)
            self._not_taken(phone.device_id, rings)
            if keys:
                self.settled()
            return False
        screen.taken()
        (screen.on_it.discard if note.is_cleared else screen.on_it.add)(note.tag)
        return True

    def _not_taken(self, device_id: str, rings: Iterable[Ring]) -> None:
        """Have it shown later, without a sound."""
        screen = self._store.screens.of(device_id)
        ids = frozenset[str]().union(*(ring.ref.episode.ids for ring in rings))
        for tag, shown in screen.shown.items():
            if shown.episode_id in ids:
                screen.shown[tag] = replace(shown, is_new=False)
        screen.refused(dt_util.utcnow())
        self._refused[device_id] = _fingerprints(screen, episodes_by_id(self._hass))

    # Receipts.

    def _receipts(self, phone: str, keys: dict[StepKey, Severity], delivery: Delivery) -> None:
        now = dt_util.utcnow()
        for key, severity in keys.items():
            self._store.state.pushed(key, phone, delivery, severity, now)

    @callback
    def _received(self, event: Event) -> None:
        """Believe a phone that it has a push, if it is one that was sent to it."""
        receipt = event.data.get(ATTR_RECEIPT)
        now = dt_util.utcnow()
        for device_id, screen in self._store.screens.by_phone.items():
            sent = screen.pushes.get(receipt) if isinstance(receipt, str) else None
            if sent is None:
                continue
            phone = phone_of(self._hass, device_id)
            if phone is None or phone.user_id != event.context.user_id:
                return
            for key in sent.keys:
                self._store.state.confirmed(key, device_id, now)
            self._store.save_later()
            self.settled()
            return

    # Up to date.

    @callback
    def outdated(self, now: datetime) -> list[str]:
        """The phones on which something is not as it is now, but for those that were asked in vain just before."""
        episodes = episodes_by_id(self._hass)
        return [
            device_id
            for device_id, screen in self._store.screens.by_phone.items()
            if (
                screen.on_it - screen.belong()
                or any(self._is_old(shown, episodes) for shown in screen.shown.values())
            )
            and (screen.may_be_asked(now) or self._is_news(device_id, screen, episodes))
        ]

    def _is_news(self, device_id: str, screen: Screen, episodes: Mapping[str, EpisodeRef]) -> bool:
        """Whether there is something to tell that a phone was not asked in vain to take."""
        refused = self._refused.get(device_id)
        return refused is not None and not refused.issuperset(_fingerprints(screen, episodes))

    def _is_old(self, shown: Shown, episodes: Mapping[str, EpisodeRef]) -> bool:
        if shown.is_new:
            return False
        if ref := episodes.get(shown.episode_id):
            return fingerprint(ref.episode) != shown.tells
        return not shown.is_over and is_gone(self._hass, shown.entry_id)


def _fingerprints(screen: Screen, episodes: Mapping[str, EpisodeRef]) -> frozenset[str]:
    return frozenset(
        fingerprint(ref.episode)
        for shown in screen.shown.values()
        if (ref := episodes.get(shown.episode_id))
    )


def _shown(ref: EpisodeRef, tells: str, text: Text) -> Shown:
    return Shown(episode_id=ref.episode.episode_id, entry_id=ref.entry_id, tells=tells, text=text)


def _keys(rings: Iterable[Ring]) -> dict[StepKey, Severity]:
    """The steps that are done by rings, and how severe their episodes are now."""
    return {ring.key: ring.ref.episode.severity for ring in rings if ring.key}
