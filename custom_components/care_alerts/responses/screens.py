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
from .plan import Text

CONFIRMED_WITHIN: Final = timedelta(hours=1)
"""Ours: how long a push can be confirmed. A phone that was off for longer confirms what is no evidence any more."""
TRIED_FOR: Final = timedelta(days=1)
"""Ours: how long it is tried to bring a notification up to date that its phone refuses."""
TRIED_AGAIN_WITHIN: Final = timedelta(minutes=15)
"""Ours: so long, at most, a phone that is back says what was so before."""


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
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown(Stored):
    """A notification on a phone: of which episode, from the source of which config entry, and what it tells of it.

    `text`: how much it says. `is_over`: it says for good that nothing more was heard of it. `is_live`: it has a live status beside it. `is_summed_up`: it is a line of the summary, not a notification of its own.
    `tries`: how often it could not be brought up to date, `refused_since` since when, and `try_at` when it is to be
    tried again: after 1, 2, 4 ... minutes. `is_new`: it is about to be shown for the first time.
    """

    episode_id: str
    entry_id: str
    tells: str
    text: Text
    is_live: bool = False
    is_summed_up: bool = False
    is_over: bool = False
    tries: int = 0
    refused_since: datetime | None = None
    try_at: datetime | None = None
    is_new: bool = False

    @property
    def will_ring(self) -> bool:
        """Whether the push that is to show it waits for its turn: nothing else is to show it before."""
        return self.is_new and not self.tries

    def refused(self, now: datetime) -> Self | None:
        """It, after it could not be brought up to date once more; None if that is given up."""
        since = min(self.refused_since or now, now)
        if now - since >= TRIED_FOR:
            return None
        wait = min(timedelta(minutes=2 ** min(self.tries, 10)), TRIED_AGAIN_WITHIN)
        return replace(self, tells="", tries=self.tries + 1, refused_since=since, try_at=now + wait)


@dataclass(frozen=True, slots=True, kw_only=True)
class Push(Stored):
    """A push that its phone is asked to confirm: which steps it did."""

    keys: tuple[StepKey, ...]
    sent_at: datetime


@dataclass
class Screen:
    """What one phone shows, by tag, and which pushes it may still confirm, by the receipts that it was given."""

    shown: dict[str, Shown] = field(default_factory=dict)
    pushes: dict[str, Push] = field(default_factory=dict)
    has_summary: bool = False

    @property
    def tags(self) -> set[str]:
        """The tags that are on it."""
        single = {
            tag for tag, shown in self.shown.items() if not shown.is_summed_up and not shown.is_new
        }
        return single | ({SUMMARY_TAG} if self.has_summary else set())

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

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            phone: {
                "shown": {tag: shown.to_dict() for tag, shown in screen.shown.items()},
                "pushes": {receipt: push.to_dict() for receipt, push in screen.pushes.items()},
                "has_summary": screen.has_summary,
            }
            for phone, screen in self.by_phone.items()
            if screen.shown or screen.pushes or screen.has_summary
        }

    @classmethod
    def from_dict(cls, stored: Any) -> Self:
        """Read what `to_dict` gave; what cannot be read is left out and counted."""
        screens = cls()
        for phone, one in _items(stored):
            screen = screens.of(phone)
            shown, unreadable = read_each(
                _items(_in(one, "shown")), lambda item: (item[0], _read(item[1]))
            )
            screen.shown = dict(shown)
            screens.unreadable += unreadable
            pushes, unreadable = read_each(
                _items(_in(one, "pushes")), lambda item: (item[0], Push.from_dict(item[1]))
            )
            screen.pushes = dict(pushes)
            screens.unreadable += unreadable
            screen.has_summary = _in(one, "has_summary") is True
        return screens


def _read(stored: Any) -> Shown:
    """What was about to be shown before a restart may be there."""
    return replace(Shown.from_dict(stored), is_new=False)


def _in(stored: Any, name: str) -> Any:
    return stored.get(name) if isinstance(stored, Mapping) else None


def _items(stored: Any) -> list[tuple[str, Any]]:
    return list(stored.items()) if isinstance(stored, Mapping) else []
