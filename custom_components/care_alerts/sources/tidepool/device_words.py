"""What the person's own device said of the alerts that are judged here: when it alarmed, and when somebody there answered. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
import re
from typing import Final

from ...alerts.episode import DeviceWord, handled_at
from ...alerts.ledger import KEPT_FOR
from ...alerts.stored import Stored
from .records import DeviceAlert

KEPT_AT_MOST: Final = 500
"""Words of one kind (ours: ten a day, for as long as alerts are kept)."""

_LOW: Final = ("low",)
_URGENT_LOW: Final = ("urgent_low", "low")
"""Who has answered that it is urgently low has answered that it is low, and not the other way."""
_HIGH: Final = ("high",)

_KINDS: Final = {
    "low": _LOW,
    "lowglucose": _LOW,
    "urgentlow": _URGENT_LOW,
    "urgentlowglucose": _URGENT_LOW,
    "fixedlow": _URGENT_LOW,
    "high": _HIGH,
    "highglucose": _HIGH,
}
"""What a class of alerts is about: Loop's (`CGM.lowGlucose`) and Dexcom's (`urgentLow`)."""

_at = attrgetter("at")


def kinds_of(name: str) -> Collection[str]:
    """Which of a person's alerts a class of alerts of their device speaks of; none of a class that we do not know."""
    last = name.rpartition(".")[2]
    return _KINDS.get(re.sub(r"[^a-z]", "", last.lower()), ())


@dataclass(slots=True, kw_only=True)
class DeviceWords(Stored):
    """The words of the device, by kind, oldest first."""

    by_kind: dict[str, list[DeviceWord]] = field(default_factory=dict)

    def hear(self, alerts: Iterable[DeviceAlert], now: datetime) -> None:
        """Take up what an answer has: each word once, and what is of the future when its time has come."""
        for alert in alerts:
            for kind in kinds_of(alert.name):
                words = {*self.by_kind.get(kind, ()), DeviceWord(alert.issued_at, is_answer=False)}
                if alert.answered_at:
                    words.add(DeviceWord(alert.answered_at, is_answer=True))
                self.by_kind[kind] = sorted(words)
        self.not_after(now)

    def not_after(self, now: datetime) -> None:
        """Keep what is of the past, and not from before all alerts that are kept."""
        for kind, words in self.by_kind.items():
            kept = words[bisect_right(words, now - KEPT_FOR, key=_at) : _until(words, now)]
            self.by_kind[kind] = kept[-KEPT_AT_MOST:]

    def handled_at(self, kind: str, since: datetime, until: datetime | None) -> datetime | None:
        """Since when an alert that went on from `since` to `until` (None: it still does) counts as handled there."""
        words = self.by_kind.get(kind, ())
        return handled_at(words[bisect_left(words, since, key=_at) : _until(words, until)])

    def unanswered_since(self, kind: str) -> datetime | None:
        """When the device alarmed last, if nobody has answered that."""
        words = self.by_kind.get(kind)
        return words[-1].at if words and not words[-1].is_answer else None


def _until(words: Sequence[DeviceWord], moment: datetime | None) -> int:
    """How many of the words were said by then."""
    return len(words) if moment is None else bisect_right(words, moment, key=_at)
