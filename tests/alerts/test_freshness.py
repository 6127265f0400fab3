"""Freshness: what is said of a source at one moment, by tables."""

from dataclasses import replace
from datetime import timedelta

import pytest

from custom_components.care_alerts.alerts.freshness import (
    MEASURED_OVER,
    DataFreshness,
    Status,
    evaluate,
    measured_delay,
    usual_delay,
)

from .build import alert, hour

# Heard of until hour 3, due again by hour 26, worth showing until hour 48.
WORD = DataFreshness(
    data_through=hour(3), next_due=hour(26), valid_until=hour(48), delay=timedelta(hours=1)
)


@pytest.mark.parametrize(
    ("now", "failure", "status", "silent", "believable", "changes_at"),
    [
        (4, None, Status.OK, False, True, 26),
        (25.999, None, Status.OK, False, True, 26),
        (26, None, Status.NO_NEW_DATA, True, True, 48),
        (47.999, None, Status.NO_NEW_DATA, True, True, 48),
        (48, None, Status.NO_NEW_DATA, True, False, None),
        (500, None, Status.NO_NEW_DATA, True, False, None),
        # A failure says why, and takes nothing away before its time.
        (4, Status.UNREACHABLE, Status.UNREACHABLE, False, True, 26),
        (4, Status.RATE_LIMITED, Status.RATE_LIMITED, False, True, 26),
        (26, Status.LOGIN_FAILED, Status.LOGIN_FAILED, True, True, 48),
        (48, Status.PERMISSION_LOST, Status.PERMISSION_LOST, True, False, None),
    ],
)
def test_a_source_that_has_spoken(
    now: float,
    failure: Status | None,
    status: Status,
    silent: bool,
    believable: bool,
    changes_at: float | None,
) -> None:
    result = evaluate(
        hour(now),
        WORD,
        failure=failure,
        last_contact=hour(4),
    )

    assert result.status is status
    assert result.silent is silent
    assert result.believable is believable
    assert result.changes_at == (None if changes_at is None else hour(changes_at))
    assert result.data_through == hour(3)
    assert result.last_contact == hour(4)
    assert result.delay == timedelta(hours=1)


@pytest.mark.parametrize(
    ("failure", "status"),
    [(None, Status.NO_NEW_DATA), (Status.UNREACHABLE, Status.UNREACHABLE)],
)
def test_a_source_that_never_spoke_is_silent_and_not_believed(
    failure: Status | None, status: Status
) -> None:
    result = evaluate(hour(1), None, failure=failure, last_contact=None)

    assert result.status is status
    assert result.silent
    assert not result.believable
    assert result.data_through is None
    assert result.changes_at is None


@pytest.mark.parametrize(
    ("failure", "trouble", "status"),
    [
        (None, None, Status.OK),
        (None, Status.PERMISSION_LOST, Status.PERMISSION_LOST),
        # That there is no answer comes first.
        (Status.UNREACHABLE, Status.PERMISSION_LOST, Status.UNREACHABLE),
        (Status.UNREACHABLE, None, Status.UNREACHABLE),
    ],
)
def test_what_is_wrong_with_what_is_heard_of_somebody(
    failure: Status | None, trouble: Status | None, status: Status
) -> None:
    data = replace(WORD, trouble=trouble)
    assert evaluate(hour(4), data, failure=failure, last_contact=hour(4)).status is status


@pytest.mark.parametrize(
    ("delays", "expected"),
    [
        ([], None),
        ([2], 2),
        ([1, 2, 30], 2),
        ([1, 3], 2),
        # A clock of the source's that runs ahead of ours is no negative delay.
        ([-1], 0),
        # Only the newest count.
        ([99] * MEASURED_OVER + [1] * MEASURED_OVER, 1),
    ],
)
def test_the_usual_delay_is_the_median_of_the_newest(
    delays: list[float], expected: float | None
) -> None:
    alerts = [
        alert(f"{number}", number, received=number + delay) for number, delay in enumerate(delays)
    ]

    assert measured_delay(alerts) == (None if expected is None else timedelta(hours=expected))


@pytest.mark.parametrize(
    ("samples", "usual"),
    [([], None), ([60, 60, 60], None), ([60, 80, 100, 9000], 90), ([7200] * 96, 7200)],
)
def test_a_delay_is_usual_once_there_are_enough(samples: list[float], usual: int | None) -> None:
    expected = None if usual is None else timedelta(seconds=usual)
    assert usual_delay(samples, needed=4) == expected


def test_drills_say_nothing_of_the_delay() -> None:
    drills = [alert("drill", 9, drill=True)]

    assert measured_delay(drills) is None
    assert measured_delay([alert("a", 1, received=4), *drills]) == timedelta(hours=3)
