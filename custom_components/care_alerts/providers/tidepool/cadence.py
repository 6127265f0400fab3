"""When somebody's next reading is due, and when to ask for it. Pure; time is an argument."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

CADENCE: Final = timedelta(minutes=5)
"""From one reading of a sensor to the next."""

SOON: Final = timedelta(seconds=30)
"""How soon to ask again for a reading that is not there yet."""

SOON_FOR: Final = timedelta(minutes=3)

FEW_SECONDS: Final = timedelta(seconds=3)
"""Asking this much after a reading usually is on the server."""


@dataclass(slots=True)
class PollCadence:
    """When to ask for the next reading: soon after it usually is on the server, and ever less often while it is not.

    `lag`: from a reading's time to when it can be had, as learned. It is tried a little sooner after each reading that
    was there at the first try, and later after one that was not: about one in four is asked for twice.
    """

    lag: timedelta = timedelta(seconds=12)
    _tries: int = 0

    def heard(self, before: datetime | None, newest: datetime | None) -> None:
        """Learn from an answer: the newest reading of the sensor `before` it and now."""
        self._tries += 1
        if newest is None or newest == before:
            return
        tries, self._tries = self._tries, 0
        if before is None or newest - before > CADENCE * 1.5:
            # After a gap nothing is usual.
            return
        if tries == 1:
            self.lag = max(self.lag - timedelta(seconds=2), timedelta())
        else:
            self.lag = min(self.lag + timedelta(seconds=6), CADENCE / 2)

    def next_due(self, newest: datetime | None, now: datetime) -> datetime:
        """When to ask after an answer at `now` whose newest reading is that."""
        if newest is None:
            return now + CADENCE
        due = newest + CADENCE + self.lag + FEW_SECONDS
        if now < due:
            return due
        waited = now - due
        if waited < SOON_FOR:
            return now + SOON
        return now + min(max(waited / 2, SOON), CADENCE)
