"""For how much of an episode an acknowledgement holds."""

from datetime import datetime, timedelta

import pytest

from custom_components.care_alerts.alerts.acknowledgement import Acknowledgement, Actor, Via
from custom_components.care_alerts.alerts.alert import Severity
from custom_components.care_alerts.alerts.episode import EpisodeSpan, TimeSpan

from .build import alert, hour

LOW, MEDIUM, HIGH = Severity


def held(
    *, gap: float | None = None, expires: float | None = None, undone: datetime | None = None
) -> Acknowledgement:
    """Of something medium that was seen from the first to the third hour."""
    return Acknowledgement(
        span=TimeSpan(hour(1), hour(3)),
        severity=MEDIUM,
        by=Actor("Anna", Via.USER),
        at=hour(3),
        undone_at=undone,
        reacknowledge_after_gap=None if gap is None else timedelta(hours=gap),
        expires_at=None if expires is None else hour(expires),
    )


def episode(
    *, severity: Severity = MEDIUM, to: float = 4, ended: float | None = None
) -> EpisodeSpan:
    """One that goes on until an hour, or is over."""
    return EpisodeSpan(
        opened=alert("a", 1, severity=MEDIUM),
        last_seen=alert("b", to, severity=MEDIUM),
        severity=severity,
        ended_at=None if ended is None else hour(ended),
    )


@pytest.mark.parametrize(
    ("severity", "observed", "gap", "covered"),
    [
        # However late, unless there is a gap.
        (MEDIUM, 99, None, True),
        (MEDIUM, 4.99, 2, True),
        (MEDIUM, 5, 2, False),
        # Nothing more severe, whenever it was.
        (LOW, 4, 2, True),
        (HIGH, 4, None, False),
        (HIGH, 4, 2, False),
        (LOW, 5, 2, False),
        # What came late, from before.
        (MEDIUM, 0, 2, True),
    ],
)
def test_an_alert_is_covered_if_it_is_no_worse_and_not_after_a_gap(
    severity: Severity, observed: float, gap: float | None, covered: bool
) -> None:
    assert held(gap=gap).covers(alert("x", observed, severity=severity)) is covered


@pytest.mark.parametrize(
    ("expires", "ended", "now", "expired"),
    [
        (None, None, 99, False),
        (8, None, 7.99, False),
        (8, None, 8, True),
        # What was over before that, or at that moment.
        (8, 7.99, 99, False),
        (8, 8, 99, True),
    ],
)
def test_it_holds_for_as_long_as_it_was_said_to(
    expires: float | None, ended: float | None, now: float, expired: bool
) -> None:
    at = held(expires=expires).expired_at(episode(ended=ended), hour(now))
    assert at == (hour(8) if expired else None)


def test_an_episode_is_somebodys_as_long_as_nothing_is_against_it() -> None:
    now = hour(7)
    assert held(gap=2, expires=8).covers_all_of(episode(), now)
    assert not held(undone=hour(4)).covers_all_of(episode(), now)
    assert not held().covers_all_of(episode(severity=HIGH), now)
    assert not held(gap=2).covers_all_of(episode(to=5), now)
    assert not held(expires=7).covers_all_of(episode(), now)
