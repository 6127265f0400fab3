"""Drills: test alerts that go the way of real ones, marked, and are over by themselves.

They are kept in the ledger, but no source's snapshot is ever made of them.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from .alert import Alert, AlertKey, AlertState, Severity
from .episode import EndReason, EpisodeSpan

LASTS: Final = timedelta(minutes=30)
"""Longer than an escalation takes to its last step, as the blueprint has it unless it is changed."""

_ENDS_AT: Final = "ends_at"


def make_test_alert(
    source: str, topic: AlertKey, *, severity: Severity, now: datetime, lasts: timedelta = LASTS
) -> Alert:
    """A test alert, observed and received now; `details` has the time at which it will be over."""
    return Alert(
        alert_id=f"drill-{uuid4()}",
        source=source,
        person_id=topic.person_id,
        alert_type=topic.alert_type,
        severity=severity,
        state=AlertState.ACTIVE,
        observed_at=now,
        received_at=now,
        drill=True,
        details={_ENDS_AT: (now + lasts).isoformat()},
    )


def without_test_alerts(alerts: Sequence[Alert]) -> Sequence[Alert]:
    """What is real, in the same order."""
    return [alert for alert in alerts if not alert.drill]


def test_alerts_by_key(alerts: Iterable[Alert], now: datetime) -> dict[AlertKey, list[EpisodeSpan]]:
    """The drills of each topic, oldest first, each an episode of its own: over after its time, or when the next begins."""
    theirs: dict[AlertKey, list[Alert]] = {}
    for alert in alerts:
        if alert.drill:
            theirs.setdefault(AlertKey.of(alert), []).append(alert)
    return {topic: _episodes(drills, now) for topic, drills in theirs.items()}


def _episodes(drills: list[Alert], now: datetime) -> list[EpisodeSpan]:
    found = []
    followers: list[Alert | None] = [*drills[1:], None]
    for alert, follower in zip(drills, followers, strict=True):
        ends_at = ends_at_of(alert)
        if follower is not None:
            ends_at = min(ends_at, follower.observed_at)
        is_over = ends_at <= now
        found.append(
            EpisodeSpan(
                opened=alert,
                last_seen=alert,
                severity=alert.severity,
                ended_at=ends_at if is_over else None,
                end_reason=EndReason.EXPIRED if is_over else None,
            )
        )
    return found


def ends_at_of(drill: Alert) -> datetime:
    """When a drill is over by itself."""
    stored: Any = drill.details.get(_ENDS_AT)
    try:
        ends_at = datetime.fromisoformat(stored)
    except TypeError, ValueError:
        # Lines of a damaged ledger: a drill without an end would never be over.
        return drill.observed_at + LASTS
    return ends_at if ends_at.tzinfo else ends_at.replace(tzinfo=UTC)
