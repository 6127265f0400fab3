"""Screens: what phones show of episodes, kept on disk, so that what is over or acknowledged is brought up to date."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self

from ..alerts.response_log import Episode
from ..alerts.stored import Stored
from ..alerts.tolerant import read_each
from .log import StepKey
from .message import SUMMARY_TAG
from .notification import live_tag
from .plan import Text

CONFIRMED_WITHIN: Final = timedelta(hours=1)
"""Ours: how long a push can be confirmed. A phone that was off for longer confirms what is no evidence any more."""
TRIED_FOR: Final = timedelta(days=1)
"""Ours: how long it is tried to bring a notification up to date that its phone refuses."""
TRIED_AGAIN_WITHIN: Final = timedelta(minutes=15)
"""Ours: so long, at most, a phone that is back says what was so before."""


_DOUBLED_AT_MOST: Final = 4
"""2 to the power of it is over a quarter of an hour; of much more it is no time any more."""


def fingerprint(episode: Episode) -> str:
    """What of an episode a notification tells: another one needs another text."""
    held = episode.acknowledgement
    return "|".join(
        str(one)
        for one in (
            episode.severity,
            episode.last_seen.alert_id,
            held and (held.by.name, held.at),
            episode.snoozed_until,
            episode.ended_at,
            episode.end_reason,
            # What was noted before there was this says the same without it.
            *filter(None, (episode.handled_at,)),
            # Another witness has come.
            *sorted(episode.ids if len(episode.ids) > 1 else ()),
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown(Stored):
    """An episode that a phone was told of: of the source of which config entry, and what was told.

    `tells`: its fingerprint then; "" if that is not known. `text`: how much it says. `is_live`: it has a live
    status beside it. `is_summed_up`: it is a line of the summary, not a notification of its own. `is_over`: it
    says for good that nothing more was heard. `is_new`: the push that is to show it first waits for its turn.
    """

    episode_id: str
    entry_id: str
    tells: str
    text: Text
    is_live: bool = False
    is_summed_up: bool = False
    is_over: bool = False
    is_new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Push(Stored):
    """A push that its phone is asked to confirm: which steps it did."""

    keys: tuple[StepKey, ...]
    sent_at: datetime


@dataclass
class Screen:
    """What one phone shows, and which pushes it may still confirm, by the receipts that it was given.

    `shown`: the episodes it was told of, by tag. `on_it`: the tags that are on its screen, or may be: from a push
    that was taken until one that takes it away was. `tries`: how often it refused to be brought up to date since
    it last did not, `refused_since` since when, and `try_again_at` when it is asked again.
    """

    shown: dict[str, Shown] = field(default_factory=dict)
    on_it: set[str] = field(default_factory=set)
    pushes: dict[str, Push] = field(default_factory=dict)
    tries: int = 0
    refused_since: datetime | None = None
    try_again_at: datetime | None = None

    def belong(self) -> set[str]:
        """The tags that have a right to be on it, as far as it was told."""
        single = {tag for tag, shown in self.shown.items() if not shown.is_summed_up}
        live = {live_tag(tag) for tag, shown in self.shown.items() if shown.is_live}
        return single | live | ({SUMMARY_TAG} if len(single) < len(self.shown) else set())

    def may_be_asked(self, now: datetime) -> bool:
        """Whether it is time to bring it up to date; a time that a clock noted which was ahead is none."""
        at = self.try_again_at
        return at is None or at <= now or at > now + TRIED_AGAIN_WITHIN

    def taken(self) -> None:
        """Note that it took a push."""
        self.tries, self.refused_since, self.try_again_at = 0, None, None

    def refused(self, now: datetime) -> None:
        """Note that it did not: it is asked again after 1, 2, 4 ... minutes, and given up after a day."""
        self.refused_since = min(self.refused_since or now, now)
        if now - self.refused_since >= TRIED_FOR:
            self.shown.clear()
            self.on_it.clear()
            self.taken()
            return
        wait = timedelta(minutes=2 ** min(self.tries, _DOUBLED_AT_MOST))
        self.try_again_at = now + min(wait, TRIED_AGAIN_WITHIN)
        self.tries += 1

    def tells(self, tag: str) -> str | None:
        """What it tells under a tag, as `fingerprint` says it; None where that is not known."""
        shown = self.shown.get(tag)
        return shown.tells if shown else None

    def prune(self, now: datetime) -> None:
        """Forget the pushes that cannot be confirmed any more."""
        self.pushes = {
            receipt: push
            for receipt, push in self.pushes.items()
            if now - push.sent_at < CONFIRMED_WITHIN
        }


@dataclass
class Screens:
    """The screens of all phones, by device id. `unreadable`: how many records on disk could not be read."""

    by_phone: dict[str, Screen] = field(default_factory=dict)
    unreadable: int = 0

    def of(self, phone: str) -> Screen:
        """The screen of a phone."""
        return self.by_phone.setdefault(phone, Screen())

    def episodes(self) -> Iterator[tuple[str, str, Shown]]:
        """Phone, tag and what is shown there, of all."""
        for phone, screen in self.by_phone.items():
            for tag, shown in screen.shown.items():
                yield phone, tag, shown

    def next_try(self, now: datetime) -> datetime | None:
        """When a phone is to be asked again that refused to be brought up to date; None if none did."""
        tries = (one.try_again_at for one in self.by_phone.values())
        return min((at for at in tries if at and at > now), default=None)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            phone: {
                "shown": {tag: shown.to_dict() for tag, shown in screen.shown.items()},
                "pushes": {receipt: push.to_dict() for receipt, push in screen.pushes.items()},
                "on_it": sorted(screen.on_it),
            }
            for phone, screen in self.by_phone.items()
            if screen.shown or screen.pushes or screen.on_it
        }

    @classmethod
    def from_dict(cls, stored: Any) -> Self:
        """Read what `to_dict` gave; what cannot be read is left out and counted."""
        screens = cls()
        for phone, one in _items(stored):
            screen = screens.of(phone)
            shown, unreadable = read_each(
                _items(_in(one, "shown")), lambda item: (item[0], Shown.from_dict(item[1]))
            )
            screen.shown = dict(shown)
            screens.unreadable += unreadable
            pushes, unreadable = read_each(
                _items(_in(one, "pushes")), lambda item: (item[0], Push.from_dict(item[1]))
            )
            screen.pushes = dict(pushes)
            screens.unreadable += unreadable
            on_it = _in(one, "on_it")
            screen.on_it = {str(tag) for tag in on_it} if isinstance(on_it, list) else set()
            # What was about to be shown may be there.
            for tag, noted in screen.shown.items():
                if noted.is_new:
                    screen.on_it |= {tag, live_tag(tag)} if noted.is_live else {tag}
            screen.shown = {
                tag: replace(shown, is_new=False) for tag, shown in screen.shown.items()
            }
        return screens


def _in(stored: Any, name: str) -> Any:
    return stored.get(name) if isinstance(stored, Mapping) else None


def _items(stored: Any) -> list[tuple[str, Any]]:
    return list(stored.items()) if isinstance(stored, Mapping) else []
