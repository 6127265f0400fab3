"""The simulator's clock: it can be set, run fast and stand still."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
import time


class Clock:
    """Time as the simulated vendors see it: aware UTC.

    `speed` is simulated seconds per real second; at 0 the clock stands still and
    never looks at the machine's time.
    """

    def __init__(
        self,
        start: datetime | None = None,
        speed: float = 1.0,
        # Bound here, once, so that a test that freezes `time` does not stop a running clock.
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start at `start` (aware; None: the machine's time)."""
        self._monotonic = monotonic
        self._speed = _checked_speed(speed)
        self.set(datetime.now(UTC) if start is None else start)

    def now(self) -> datetime:
        """Return the simulated time."""
        if self.frozen:
            return self._base
        return self._base + timedelta(seconds=self._speed * (self._monotonic() - self._mark))

    def set(self, now: datetime) -> None:
        """Jump to a time; ValueError without a time zone."""
        self._base = utc(now)
        self._mark = self._monotonic()

    def advance(self, by: timedelta) -> None:
        """Jump by a span of time."""
        self.set(self.now() + by)

    @property
    def speed(self) -> float:
        """Simulated seconds per real second."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        speed = _checked_speed(speed)
        self.set(self.now())
        self._speed = speed

    @property
    def frozen(self) -> bool:
        """Whether the clock stands still."""
        return self._speed == 0


def utc(moment: datetime) -> datetime:
    """Return an aware time in UTC; ValueError without a time zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    return moment.astimezone(UTC)


def _checked_speed(speed: float) -> float:
    """Return the speed; ValueError if time would run backwards or be undefined."""
    if not 0 <= speed < float("inf"):
        raise ValueError(f"a clock cannot run at speed {speed}")
    return speed
