"""Where the reading of Dexcom stands. Pure."""

from dataclasses import dataclass, field
from datetime import datetime

from ...alerts.glucose import Glucose
from ...alerts.stored import Stored, clamped


@dataclass(slots=True, kw_only=True)
class State(Stored):
    """Where the reading of Dexcom stands. All times are systemTimes, or ours if they say so."""

    followed_since: datetime | None = None
    """When (ours) the alerts of before had been read."""
    alerts_to: datetime | None = None
    """How far the data reached when the alerts were last read."""
    data_through: datetime | None = None
    looked_back_at: datetime | None = None
    devices_asked_at: datetime | None = None
    glucose: Glucose | None = None
    one_plus: bool = False
    delays: list[float] = field(default_factory=list)
    """Seconds from glucose values to us, newest last."""

    def not_after(self, now: datetime) -> None:
        """Take nothing for known that a clock which was ahead has noted.

        Raises:
            TypeError: a time without a zone.

        """
        self.followed_since = clamped(self.followed_since, now)
        self.alerts_to = clamped(self.alerts_to, now)
        self.data_through = clamped(self.data_through, now)
        self.looked_back_at = clamped(self.looked_back_at, now)
        self.devices_asked_at = clamped(self.devices_asked_at, now)
        if self.glucose and self.glucose.observed_at > now:
            self.glucose = None
