"""The clocks of those who send readings, and when each reading was observed by ours. Pure; time is an argument.

Of a sender's clock nothing is known but the times it gives its readings and when these arrive: a reading that has just
come was made before that, so one from the future shows how far the clock is ahead. A clock that is behind looks like
readings that are uploaded late, and is taken for that, unless we see it set back: it tells times again.
"""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any, Final, override

from ...alerts.stored import Stored
from .records import Sender

UNBROKEN: Final = timedelta(minutes=15)
"""Readings without a longer gap go on: no sensor and no bridge that we know of reads more rarely."""

AHEAD: Final = timedelta(minutes=10)
"""How far ahead a reading may be whose arrival nobody saw, and still be taken as observed when it was first had."""

WRONG: Final = timedelta(minutes=5)
"""How far ahead a clock has to be to be named as wrong. Ours, because what it shifts is less than one reading's age."""

EXACT: Final = timedelta(minutes=1)
"""How far ahead a clock may be and its times be taken as they are."""

STEP: Final = timedelta(minutes=7, seconds=30)
"""Less than one and a half readings: what comes as late as that is on time, and what goes on after that has no gap."""

ARRIVALS: Final = 3
"""Of so many the one that came soonest tells the clock: one that comes late does not make it right."""

KEPT: Final = timedelta(hours=7)
"""How far before the newest reading dates are kept on disk: a restart asks for six hours again."""


@dataclass(slots=True, kw_only=True)
class Date(Stored):
    """When a reading was made by its sender's clock (`time`) and by ours, and when we had it."""

    time: datetime
    observed_at: datetime
    received_at: datetime

    @property
    def newest(self) -> datetime:
        """Until when the server may send it again, whichever time it is asked for by."""
        return max(self.time, self.observed_at)


@dataclass(slots=True, kw_only=True)
class Clock(Stored):
    """The clock of one sender, and the dates of its readings by their keys.

    `ahead`: how far it is ahead of ours; less than none: behind. `newest`: the newest time it told. `undated` has those from the future whose
    arrival nobody saw: they may have been lying there for long, and are dated when the sender is heard to go on.
    """

    sender: Sender
    ahead: timedelta = timedelta()
    newest: datetime | None = None
    heard_at: datetime | None = None
    """When something new last came."""
    leads: list[timedelta] = field(default_factory=list)
    """How far ahead of ours the newest reading of each of the last arrivals was, newest last."""
    set_back: timedelta | None = None
    """How far ahead (less than none) of ours it was when it told times again; None: it does not."""
    dates: dict[str, Date] = field(default_factory=dict)
    undated: dict[str, Date] = field(default_factory=dict)

    @property
    def is_wrong(self) -> bool:
        """Whether somebody should set it right."""
        return abs(self.ahead) >= WRONG

    def date(self, times: Mapping[str, datetime], now: datetime, *, is_seen: bool) -> None:
        """Date what is new of an answer's readings (key -> time).

        `is_seen`: there was an answer shortly before, so that what is new has just arrived.
        """
        new = {
            key: Date(time=time, observed_at=now, received_at=now)
            for key, time in times.items()
            if key not in self.dates and key not in self.undated
        }
        if not new:
            return
        arrived = [one.time for one in new.values()]
        is_known = is_seen or self.ahead > timedelta() or not _is_vague(arrived, now)
        if is_known:
            self._hear(arrived, now)
            if self.ahead:
                new |= self.undated
                self.undated = {}
        for key, one in new.items():
            one.observed_at = min(one.time - self.ahead, one.received_at)
            is_dated = is_known or one.time <= now
            (self.dates if is_dated else self.undated)[key] = one

    def replace(self, old: str, new: str) -> None:
        """Take a reading for another version of one that is known."""
        for known in (self.dates, self.undated):
            if old in known:
                known[new] = known.pop(old)

    def _hear(self, times: Collection[datetime], now: datetime) -> None:
        """Learn from what has just arrived."""
        lead = max(times) - now
        before = self.newest
        is_in_order = before is None or max(times) > before
        goes_on = before is not None and before < min(times) <= before + STEP
        self.newest = max(times) if before is None else max(before, *times)
        elapsed = now - (self.heard_at or now)
        self.heard_at = now
        if not is_in_order and lead <= -STEP and self._fill_gap(times):
            # They say nothing of the clock.
            return
        was_live = max(self.leads, default=-STEP) > -STEP
        is_now = -STEP < lead <= timedelta() and lead < self.ahead - STEP
        if not is_in_order or (is_now and not goes_on):
            # It was set.
            self.leads = []
            self.newest = max(times)
            # Without a device's name it may be somebody else's: another app of the same name.
            is_back = lead <= -STEP and was_live and self.sender.device
            self.set_back = lead if is_back else None
        elif lead > -STEP or (
            self.ahead >= timedelta() and self.set_back and abs(lead - self.set_back) > STEP
        ):
            self.set_back = None
        elif self.set_back and before and max(times) - before > elapsed + EXACT:
            # No clock runs like that: what was left out is being sent, a part at a time.
            return
        self.leads = [*self.leads, lead][-ARRIVALS:]
        ahead = max(self.leads)
        is_behind = self.set_back is not None and len(self.leads) > 1
        self.ahead = ahead if ahead > EXACT or is_behind else timedelta()

    def _fill_gap(self, times: Collection[datetime]) -> bool:
        """Whether times lie where some were missing: a clock that was set back tells those again that it told before."""
        told = sorted(one.time for one in self.dates.values())
        gaps = [(later - sooner).total_seconds() for sooner, later in pairwise(told)]
        if not gaps:
            return False
        near = timedelta(seconds=0.6 * median(gaps))
        return all(told[0] < time < told[-1] and _is_apart(time, told, near) for time in times)

    def forget_before(self, moment: datetime) -> None:
        """Let go of the dates of what is older, and is not sent again."""
        self.dates = {key: one for key, one in self.dates.items() if one.newest >= moment}
        self.undated = {key: one for key, one in self.undated.items() if one.newest >= moment}

    def not_after(self, now: datetime) -> None:
        """Believe nothing that our own clock, when it was ahead, has noted."""
        self.dates = {key: one for key, one in self.dates.items() if one.received_at <= now}
        self.undated = {key: one for key, one in self.undated.items() if one.received_at <= now}
        if self.heard_at and self.heard_at > now:
            self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what it was like by our clock, which was not right, and what was dated by that: it is asked for again."""
        self.dates, self.undated = {}, {}
        self.ahead, self.newest, self.heard_at, self.leads = timedelta(), None, None, []
        self.set_back = None

    @override
    def __post_serialize__(self, d: dict[Any, Any]) -> dict[Any, Any]:
        """Keep the dates of what may be asked for again."""
        newest = max((one.observed_at for one in self.dates.values()), default=None)
        if newest:
            kept = {key for key, one in self.dates.items() if one.newest > newest - KEPT}
            d["dates"] = {key: one for key, one in d["dates"].items() if key in kept}
        return d


def _is_apart(time: datetime, told: Sequence[datetime], near: timedelta) -> bool:
    """Whether a time that lies between others, which are in order, is near none of them."""
    later = bisect_right(told, time)
    return time - told[later - 1] > near and told[later] - time > near


def _is_vague(times: Collection[datetime], now: datetime) -> bool:
    """Whether what is from the future may have been lying there for long: it does not go on from what is not."""
    if max(times) <= now + AHEAD:
        return False
    for later, earlier in pairwise(sorted(times, reverse=True)):
        if later - earlier > UNBROKEN:
            return True
        if earlier <= now:
            return False
    return True
