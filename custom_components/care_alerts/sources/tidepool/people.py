"""The people who share with us: what they allow, what they are asked for and when, and what is held of them."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self

from ...alerts.freshness import usual_delay
from ...alerts.glucose import Glucose
from ...alerts.stored import Stored, clamped
from ..http import ApiError, wait_after
from .cadence import PollCadence
from .clocks import Clock
from .device_words import DeviceWords
from .evaluation import EvaluationResult
from .evaluator import AlertEvaluator
from .profiles import Switched
from .readings import HELD, Readings
from .session import Refusals
from .settings import GLUCOSE_KINDS, Settings

LONGEST_RETRY: Final = timedelta(minutes=5)

PEOPLE_EVERY: Final = timedelta(hours=1)
"""How often we ask who shares."""

OVERLAP: Final = timedelta(minutes=15)
"""Asked again with every request: readings may come out of order."""

LOOK_BACK: Final = timedelta(hours=6)
LOOK_BACK_EVERY: Final = timedelta(hours=1)
"""Some are uploaded hours late."""
LOOK_BACK_SOONER: Final = timedelta(minutes=10)
"""Nothing new for so long, or as long again: what comes may be dated by a clock that was set back."""

ISSUED_BEFORE: Final = timedelta(hours=1)
"""So long before an alert begins here the device may have alarmed for it: its thresholds are its own (ours)."""

LONGEST_ABSENCE: Final = timedelta(days=7)
"""How far back is asked after an absence."""

SAMPLES: Final = 20
"""Of so many arrivals the usual delay is kept."""

NAMELESS: Final = "?"
"""Somebody whose name nobody told us yet."""


@dataclass(slots=True, kw_only=True)
class Followed(Stored):
    """Somebody who shares with us, or did: what they allow now, and what they ever did since they are followed."""

    name: str
    since: datetime
    watch: AlertEvaluator
    unit: str | None = None
    allows: set[str] = field(default_factory=set)
    allowed: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    """What is listed as allowed and refused all the same."""
    settings: dict[str, Any] | None = None
    settings_read: bool = False
    glucose: Glucose | None = None
    """The newest reading."""
    clocks: list[Clock] = field(default_factory=list)
    """Of whoever sends their readings."""
    delays: list[float] = field(default_factory=list)
    """Seconds from their readings to us, newest last."""
    cadence: PollCadence = field(default_factory=PollCadence)
    device_words: DeviceWords = field(default_factory=DeviceWords)
    switched: Switched = field(default_factory=Switched)
    """Which profile their settings are switched to, and what was there before."""

    def may(self, permission: str) -> bool:
        """Whether we are allowed something."""
        return permission in self.allows and permission not in self.refused

    def not_after(self, now: datetime) -> None:
        """Take nothing for known that a clock which was ahead has noted.

        Raises:
            TypeError: a time without a zone.

        """
        self.since = clamped(self.since, now)
        self.watch.judged_at = clamped(self.watch.judged_at, now)
        self.watch.history_to = clamped(self.watch.history_to, now)
        self.cadence.not_after(now)
        self.device_words.not_after(now)
        if self.glucose and self.glucose.observed_at > now:
            self.glucose = None
        for clock in self.clocks:
            clock.not_after(now)

    def begin_anew(self) -> None:
        """Forget when their readings come and what their clocks are like: it was learned by a clock of ours that was not right."""
        self.cadence = PollCadence(every=self.cadence.every)
        self.delays = []
        for clock in self.clocks:
            clock.begin_anew()

    @property
    def delay(self) -> timedelta | None:
        """What their readings usually need to us; None if it is not known yet."""
        return usual_delay(self.delays, needed=3)

    def hear(self, readings: Readings, before: datetime | None, now: datetime) -> None:
        """Learn from the readings after an answer at `now`; `before`: the newest of a sensor until then."""
        newest = readings.heard_to
        self.cadence.sampled(readings)
        self.cadence.heard(newest, now)
        if before and newest and newest > before:
            self.delays = [*self.delays, (now - newest).total_seconds()][-SAMPLES:]
        if glucose := readings.newest:
            self.glucose = glucose.as_glucose()

    @property
    def lost(self) -> set[str]:
        """What we were allowed and are not any more."""
        return (self.allowed - self.allows) | (self.allowed & self.refused)


@dataclass(slots=True, eq=False)
class PollSchedule:
    """Something asked of somebody again and again: when next, why there was no answer, and how often in a row."""

    due: datetime
    error: ApiError | None = None
    failures: int = 0

    def failed(self, error: ApiError, now: datetime) -> None:
        """Ask as soon as we may, or ever less often."""
        self.error = error
        self.failures += 1
        self.due = now + (error.retry_after or wait_after(self.failures, LONGEST_RETRY))

    def answered(self) -> None:
        """Forget that it ever failed."""
        self.error, self.failures = None, 0


@dataclass(slots=True)
class PollState:
    """What somebody is asked for, and what is held of them meanwhile; begins anew with every start."""

    data: PollSchedule
    settings: PollSchedule
    profile: PollSchedule
    """Of what is to be written or put back: not before, as it was not to be had."""
    looked_back_at: datetime | None = None
    hears_loop: bool = False
    """Whether Loop's decisions were asked for, too, when last asked."""
    readings: Readings | None = None
    result: EvaluationResult = field(default_factory=EvaluationResult)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Whoever changes the settings holds it from reading them to reading them back."""
    changes: int = 0

    @classmethod
    def due_at(cls, moment: datetime) -> Self:
        """Attention to somebody who is asked for everything then."""
        return cls(PollSchedule(moment), PollSchedule(moment), PollSchedule(moment))


@dataclass(slots=True, kw_only=True)
class TidepoolState(Stored):
    """Where the reading of Tidepool stands."""

    people: dict[str, Followed] = field(default_factory=dict)
    left: dict[str, Followed] = field(default_factory=dict)
    """Those who are followed no more (`since` then), and whose settings are still a profile's."""
    refusals: Refusals = field(default_factory=Refusals)

    def leave(self, person_id: str, now: datetime) -> None:
        """Follow somebody no more. A profile of theirs is over by that."""
        followed = self.people.pop(person_id, None)
        if followed and followed.switched.is_on:
            self.left[person_id] = Followed(
                name=followed.name,
                since=now,
                watch=AlertEvaluator(person_id=person_id),
                unit=followed.unit,
                switched=followed.switched.ended(now),
            )


def wants_loop(followed: Followed) -> bool:
    """Whether somebody's settings ask for an alert when Loop stops."""
    looping = Settings(followed.settings or {}).alert("not_looping")
    return looping is not None and looping.enabled


def asked_from(followed: Followed, attention: PollState, now: datetime) -> datetime:
    """From when on to ask for readings, so that few come twice and none is missed, however long there was none."""
    newest = followed.glucose.observed_at if followed.glucose else None
    if attention.readings:
        newest = attention.readings.asked_from() or newest
    if newest is None:
        return now - HELD
    start = min(newest - OVERLAP, _unanswered_from(followed, now))
    if attention.readings is None:
        start = newest - LOOK_BACK
    elif wants_loop(followed) and not attention.hears_loop:
        start = min(start, now - HELD)
    elif _looks_back(attention, now):
        start = min(start, now - LOOK_BACK)
    return max(start, now - LONGEST_ABSENCE)


def _unanswered_from(followed: Followed, now: datetime) -> datetime:
    """From when on to ask for what goes on and nobody has answered on the device: its record, which is as old as the alert, will say so."""
    issued = [
        at
        for kind in GLUCOSE_KINDS
        if (history := followed.watch.kinds.get(kind))
        and (episode := history.open)
        and (at := followed.device_words.unanswered_since(kind))
        and at >= episode.started - ISSUED_BEFORE
    ]
    return max(min(issued, default=now) - OVERLAP, now - LOOK_BACK)


def _looks_back(attention: PollState, now: datetime) -> bool:
    arrived_at = attention.readings.arrived_at if attention.readings else None
    is_quiet = arrived_at is not None and now >= arrived_at + LOOK_BACK_SOONER
    every = LOOK_BACK_SOONER if is_quiet else LOOK_BACK_EVERY
    return attention.looked_back_at is None or now >= attention.looked_back_at + every
