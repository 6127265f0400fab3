"""How often somebody's readings are made and uploaded: when the next is due, when it is missing. Pure; time is an argument."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final

from ...alerts.stored import Stored, clamped
from .readings import NOW, Readings
from .records import CBG

CADENCE: Final = timedelta(minutes=5)
"""From one reading to the next, of somebody whose cadence nobody knows: what most sensors do."""

SHORTEST: Final = timedelta(minutes=1)
LONGEST: Final = timedelta(minutes=30)
"""No sensor that we know of reads more often, no bridge uploads single readings more rarely."""

SOON: Final = timedelta(seconds=30)
"""How soon to ask again for a reading that is not there yet."""

SOON_FOR: Final = timedelta(minutes=3)

RAREST: Final = timedelta(minutes=5)
"""How rarely what is overdue is asked for."""

AWAY: Final = timedelta(minutes=10)
"""Who asks so much later than was meant, or has no answer so long, does not know when something came."""

FEW_SECONDS: Final = timedelta(seconds=3)
"""Asking this much after a reading usually is on the server."""

EARLY: Final = timedelta(seconds=1)
"""Who is asked for so much too early is not asked for again in a moment: Home Assistant's coordinator rounds its timer down."""

SOONER: Final = timedelta(seconds=2)
LATER: Final = timedelta(seconds=6)
"""How much sooner or later the next is tried: three of the one make up for one of the other."""

SETTLED: Final = timedelta(seconds=45)
"""So long after a reading usually is on the server it was asked for twice and read: it is waited for no longer."""

REMEMBERED: Final = 20
"""Arrivals that speak of somebody's uploads: an hour and a half of live ones, a day of the rarest batches."""

LATELY: Final = 5
"""Arrivals that say when to ask: what changed is noticed after three, two that are odd change nothing."""

NEEDED: Final = 3
"""Arrivals without which nothing is known: one may be chance, and two may be a gap and what came after it."""

UNKNOWN_FOR: Final = timedelta(minutes=65)
"""How long somebody is given of whom nothing is known yet: the longest batches are an hour, and one may be a little late."""

LATEST: Final = timedelta(hours=6)
"""An older newest reading is overdue with any uploader: Dexcom's cloud (up to 3 h late, asked every 2 h) is the slowest."""


@dataclass(slots=True, kw_only=True)
class PollCadence(Stored):
    """One person's cadence, learned from their readings and from when these arrive.

    `every`: from one reading to the next. `lag`: from a reading's time to when it can be had, of readings that arrive
    one by one: tried a little sooner after each that was there at the first try, and later after one that was not, so
    that about one in four is asked for twice. `ages`: how old (seconds) the newest reading had become each time before
    something newer came, newest last. `newest` came at `received_at`.
    """

    every: timedelta = CADENCE
    lag: timedelta = timedelta(seconds=12)
    ages: list[float] = field(default_factory=list)
    newest: datetime | None = None
    received_at: datetime | None = None
    answered_at: datetime | None = None
    planned: datetime | None = None
    """When the next was due to be asked for; None: nobody counted on an answer."""
    asks_at: datetime | None = None
    """When it was to be asked for again."""
    _arrived_at: datetime | None = None
    """When the newest could first be had, as far as our asking shows."""
    _lags: list[float] = field(default_factory=list)
    _gaps: list[float] = field(default_factory=list)
    """Seconds from one arrival to the next."""
    _rest_until: datetime | None = None
    """Up to when what comes next is the rest of a batch of which some is missing."""
    _tries: int = 0

    # Learning.

    def sampled(self, readings: Readings) -> None:
        """Learn from the readings how often there is one."""
        if every := sampled_every(readings):
            self.every = min(max(every, SHORTEST), LONGEST)

    def heard(self, newest: datetime | None, now: datetime) -> None:
        """Learn from an answer at `now`, whose newest reading of a sensor is of the time `newest`."""
        before, answered_at, planned = self.newest, self.answered_at, self.planned
        self.answered_at = now
        if planned is None or now >= planned - EARLY:
            self._tries += 1
        if newest is None or newest == before:
            return
        tries, self._tries = self._tries, 0
        self.newest, self.received_at = newest, now
        is_rest, self._rest_until = bool(self._rest_until and newest <= self._rest_until), None
        if is_rest:
            return
        arrived_before, self._arrived_at = self._arrived_at, None
        if not (before and answered_at and planned) or newest < before:
            return
        if now > (self.asks_at or planned) + AWAY:
            # We were away: who knows when it came.
            return
        self.ages = [*self.ages, (now - before).total_seconds()][-REMEMBERED:]
        # A batch that was there at the first try may have been there for minutes.
        sooner = SOON if self.batch_every else SOONER
        self._arrived_at = max(answered_at if tries > 1 else now - FEW_SECONDS - sooner, newest)
        self._learn_batches(before, newest, arrived_before, is_early=now < planned - SOON)
        self._learn_lag(self._arrived_at - newest, newest - before, is_late=tries > 1)

    def _learn_batches(
        self, before: datetime, newest: datetime, arrived_before: datetime | None, *, is_early: bool
    ) -> None:
        if is_early:
            # It is asked for as what comes one by one until more is known.
            self._gaps = []
        elif batch := self.batch_every:
            whole = before + batch + self.every / 2
            self._rest_until = whole if newest < whole - self.every else None
        if arrived_before and self._arrived_at:
            gap = (self._arrived_at - arrived_before).total_seconds()
            self._gaps = [*self._gaps, gap][-LATELY:]

    def _learn_lag(self, lag: timedelta, step: timedelta, *, is_late: bool) -> None:
        self._lags = [*self._lags, lag.total_seconds()][-LATELY:]
        usual = timedelta(seconds=median(self._lags))
        if len(self._lags) >= NEEDED and abs(usual - self.lag) > timedelta(minutes=1):
            self.lag = usual
        elif step > self.every * 1.5:
            # After a gap nothing is usual.
            pass
        elif is_late:
            self.lag += LATER
        else:
            self.lag = max(self.lag - SOONER, timedelta())

    def not_after(self, now: datetime) -> None:
        """Begin anew after a restart, and believe nothing that a clock which was ahead has noted."""
        self.planned = self._arrived_at = self._rest_until = None
        self.newest = clamped(self.newest, now)
        self.received_at = clamped(self.received_at, now)
        self.answered_at = clamped(self.answered_at, now)

    # Asking.

    @property
    def batch_every(self) -> timedelta | None:
        """From one upload to the next, of somebody whose readings come several at a time; None of who sends them one by one.

        Rather too short than too long: what comes sooner is then not asked for too late.
        """
        if len(self._gaps) < NEEDED:
            return None
        gap = timedelta(seconds=sorted(self._gaps)[len(self._gaps) // 4])
        return gap if gap >= 1.5 * self.every else None

    def _arrives(self, reading: datetime) -> datetime:
        """When a reading of that time should be on the server, of all that have not come yet."""
        batch = self.batch_every
        if batch and self._arrived_at:
            return self._arrived_at + batch
        return reading + self.lag

    def next_due(self, newest: datetime | None, now: datetime) -> datetime:
        """When to ask after an answer at `now` whose newest reading is that."""
        if newest is None:
            self.asks_at, self.planned = now + CADENCE, None
            return self.asks_at
        self.asks_at = self._next_due(newest, now)
        # Nobody is called silent who was not asked for just before.
        at_last = self.overdue_at(newest) - SOON
        if at_last > now:
            self.asks_at = min(self.asks_at, at_last)
        return self.asks_at

    def _next_due(self, newest: datetime, now: datetime) -> datetime:
        self.planned = due = self._arrives(newest + self.every) + FEW_SECONDS
        if self._rest_until and self.received_at == now:
            return now + SOON
        if now < due - EARLY:
            batch = self.batch_every
            # If they came one by one by now, nobody would notice.
            halfway = due - batch / 2 if batch else due
            return halfway if now < halfway - EARLY else due
        waited = now - due
        if waited < SOON_FOR:
            return now + SOON
        return now + min(max(waited / 2, SOON), RAREST)

    # What is due, and what is missing.

    def settled_at(self, newest: datetime, moment: datetime) -> datetime:
        """When it is known how things were at `moment`: after the last reading due by then, if that is to come soon.

        It is waited for as long as it is asked for every half a minute; without any due, or one that comes later, at `moment`.
        """
        due = newest + (moment - newest) // self.every * self.every
        if due <= newest:
            return moment
        settled = self._arrives(due) + SETTLED
        return settled if moment < settled <= moment + SOON_FOR else moment

    @property
    def usual_age(self) -> timedelta | None:
        """How old their newest reading becomes before the next one comes; None if it is not known yet.

        The oldest of late; of many, one in eight is left out: a gap in the signal is not their way of uploading.
        """
        if len(self.ages) < NEEDED:
            return None
        age = timedelta(seconds=sorted(self.ages)[-1 - len(self.ages) // 8])
        return min(age, LATEST)

    def overdue_at(self, newest: datetime) -> datetime:
        """When somebody has fallen silent whose newest reading is of that time.

        Never while it speaks of the present; one reading may be missed, and an upload come a quarter later than usual.
        """
        age = self.usual_age
        if age is None:
            return self._unknown_until(newest)
        return newest + max(age + max(age / 4, self.every * 1.5), self.lag + NOW)

    def missing_at(self, newest: datetime, delay: timedelta, on_its_way: timedelta) -> datetime:
        """When there is no communication for `delay`: whatever that is, what is not due yet is not missing.

        `on_its_way`: what a reading needs from the device to us.
        """
        asked = newest + delay + on_its_way
        age = self.usual_age
        if age is None:
            return max(asked, self._unknown_until(newest))
        spare = max(age / 4, on_its_way)
        if age > 1.25 * self.every:
            # Who does not upload each reading at once may have one more to come: how old the newest becomes wanders by that.
            spare = max(spare, self.every)
        return max(asked, newest + age + spare)

    def _unknown_until(self, newest: datetime) -> datetime:
        """Until when nothing is said of somebody new. Who uploads late is given as much longer."""
        received_at = max(self.received_at or newest, newest)
        return min(received_at + UNKNOWN_FOR + (received_at - newest), newest + LATEST)


def sampled_every(readings: Readings) -> timedelta | None:
    """The time from one reading of a sensor to the next, of the one that reads most often; None if that is not known.

    As the newest readings have it; where there are too few, as the newest says of itself.
    """
    newest = readings.heard_to
    if newest is None:
        return None
    found: list[timedelta] = []
    for (kind, *_), some in readings.by_device().items():
        if kind != CBG or some[-1].observed_at < newest - 2 * LONGEST:
            continue
        times = [one.reading.time for one in some[-13:]]
        gaps = [(later - sooner).total_seconds() for sooner, later in pairwise(times)]
        if len(gaps) >= NEEDED:
            found.append(timedelta(seconds=median(gaps)))
        elif said := some[-1].reading.sample_interval:
            found.append(said)
    return min(found, default=None)
