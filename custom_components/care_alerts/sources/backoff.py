"""Why a source does not answer, and when it may be asked again. Pure; time is an argument."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ..alerts.freshness import Status
from ..alerts.stored import moment_or_none
from .http import LONGEST_WAIT, ApiError, AskedToWaitError, LoginEndedError, status_of, wait_after

LONGEST_LOGIN_RETRY: Final = timedelta(hours=1)
"""No vendor likes a wrong password every few minutes; but a login that comes back by itself must be noticed."""

NOT_EARLY: Final = timedelta(seconds=1)
"""Home Assistant's coordinator rounds its timer down to the second: too early for a vendor who said how long to wait."""


@dataclass(slots=True, kw_only=True)
class Backoff:
    """What a source's failures in a row amount to. `longest`: how long it is left alone at most.

    `failure` is None if it answered; `wait_until` is until when it asked us to wait, if it did.
    """

    longest: timedelta
    failure: Status | None = None
    failures: int = 0
    wait_until: datetime | None = None

    def waits(self, now: datetime) -> timedelta | None:
        """How long it still wants us to wait; None if it does not."""
        if self.wait_until and now < self.wait_until:
            return self.wait_until - now
        return None

    def check(self, now: datetime) -> None:
        """Ask nothing while it wants us to wait.

        Raises:
            AskedToWaitError: it does.

        """
        if wait := self.waits(now):
            raise AskedToWaitError("asked to wait", wait)

    def keep_wait(self, error: ApiError, now: datetime) -> None:
        """Keep a wait that came with an answer to something asked between two polls."""
        if error.retry_after:
            self.wait_until = now + error.retry_after

    def succeeded(self) -> None:
        """Forget that it ever failed."""
        self.failure, self.failures, self.wait_until = None, 0, None

    def failed(self, error: ApiError, now: datetime) -> timedelta:
        """Note a failure; return how long to leave the source alone."""
        self.failures += 1
        self.failure = status_of(error)
        self.wait_until = None
        if error.retry_after:
            self.wait_until = now + error.retry_after
            return error.retry_after + NOT_EARLY
        longest = LONGEST_LOGIN_RETRY if self.failure is Status.LOGIN_FAILED else self.longest
        # A login that only a person can renew is not tried sooner than that; others may have been a hiccup.
        return longest if isinstance(error, LoginEndedError) else wait_after(self.failures, longest)

    def load(self, stored: Mapping[str, Any], now: datetime) -> None:
        """Take up what `dump` gave before a restart."""
        if stored.get("failure") in tuple(Status):
            self.failure = Status(stored["failure"])
        self.wait_until = moment_or_none(stored.get("wait_until"))
        if self.wait_until and self.wait_until > now + LONGEST_WAIT:
            self.wait_until = None

    def dump(self) -> dict[str, Any]:
        """What to keep over a restart, as JSON values."""
        return {
            "wait_until": self.wait_until and self.wait_until.isoformat(),
            "failure": self.failure,
        }
