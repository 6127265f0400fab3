"""How long a source is left alone, and what of that outlives a restart."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.care_alerts.alerts.freshness import Status
from custom_components.care_alerts.sources.backoff import NOT_EARLY, Backoff
from custom_components.care_alerts.sources.http import (
    LONGEST_WAIT,
    AuthError,
    RateLimitedError,
    UnreachableError,
)

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_it_is_asked_ever_more_seldom_and_at_once_again_after_an_answer() -> None:
    backoff = Backoff(longest=10 * MINUTE)
    waits = [backoff.failed(UnreachableError("no answer"), NOW) for _ in range(6)]
    assert [wait // MINUTE for wait in waits] == [1, 2, 4, 8, 10, 10]
    assert backoff.failure is Status.UNREACHABLE
    backoff.succeeded()
    assert backoff.failure is None
    assert backoff.failed(AuthError("no"), NOW) == MINUTE


@pytest.mark.parametrize(
    ("later", "waits"),
    [
        (timedelta(), True),
        (MINUTE, True),
        (LONGEST_WAIT + MINUTE, False),
        # The clock was ahead when it was written: nobody is left alone for so long.
        (-MINUTE, False),
        (timedelta(days=-400), False),
    ],
)
def test_a_wait_that_was_asked_for_outlives_a_restart_unless_it_cannot_be(
    later: timedelta, *, waits: bool
) -> None:
    before, after = Backoff(longest=10 * MINUTE), Backoff(longest=10 * MINUTE)
    wait = before.failed(RateLimitedError("too many", LONGEST_WAIT), NOW)
    assert wait == LONGEST_WAIT + NOT_EARLY
    after.load(before.dump(), NOW + later)
    assert after.failure is Status.RATE_LIMITED
    assert (after.waits(NOW + later) is not None) is waits


@pytest.mark.parametrize(
    "stored", [{}, {"failure": "no such"}, {"failure": 3, "wait_until": "soon"}]
)
def test_what_makes_no_sense_on_disk_is_no_wait(stored: dict[str, object]) -> None:
    backoff = Backoff(longest=10 * MINUTE)
    backoff.load(stored, NOW)
    assert backoff.failure is None
    assert not backoff.waits(NOW)
