"""Freshness: what is said of a source at one moment, by tables."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_components.care_alerts.alerts.freshness import (
    MEASURED_OVER,
    DataFreshness,
    Freshness,
    Status,
    evaluate,
    measured_delay,
    of_source,
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


def heard(until: float, **more: Any) -> Freshness:
    """Somebody of whom was heard until then, and nothing is wrong."""
    fine: dict[str, Any] = {
        "status": Status.OK,
        "silent": False,
        "believable": True,
        "last_contact": hour(9),
        "data_through": hour(until),
        "delay": None,
    }
    return Freshness(**fine | more)


SILENT: dict[str, Any] = {"status": Status.NO_NEW_DATA, "silent": True}
DOWN: dict[str, Any] = {"status": Status.UNREACHABLE}


@pytest.mark.parametrize(
    ("own", "people", "status", "silent", "troubled", "through", "behind"),
    [
        ({}, [heard(3), heard(5)], Status.OK, "", "", 3, "a"),
        ({}, [heard(5), heard(3), heard(3)], Status.OK, "", "", 3, "bc"),
        ({}, [heard(3), heard(1, **SILENT)], Status.NO_NEW_DATA, "b", "b", 1, "b"),
        # It would be silent by itself, and somebody's data are there.
        (SILENT, [heard(3)], Status.OK, "", "", 3, "a"),
        # What is worse than silence is said first; silent is silent.
        ({}, [heard(3, **DOWN), heard(4, **SILENT)], Status.UNREACHABLE, "b", "a", 3, "a"),
        ({}, [heard(3), heard(4, silent=True, **DOWN)], Status.UNREACHABLE, "b", "b", 3, "a"),
        # What is so of the source is nobody's.
        (DOWN, [heard(3, **DOWN), heard(4, **DOWN)], Status.UNREACHABLE, "", "", 3, "a"),
        (SILENT, [heard(3, **SILENT)], Status.NO_NEW_DATA, "", "", 3, "a"),
        ({}, [heard(2), heard(5)], Status.OK, "", "", 2, ""),
        # Who was never heard of does not reach less far.
        ({}, [heard(3, data_through=None), heard(4)], Status.OK, "", "", 4, "b"),
        ({}, [heard(3, data_through=None)], Status.OK, "", "", 2, ""),
    ],
)
def test_a_source_is_as_the_worst_of_its_people(
    own: dict[str, Any],
    people: list[Freshness],
    status: Status,
    silent: str,
    troubled: str,
    through: float,
    behind: str,
) -> None:
    source = of_source(heard(2, **own), dict(zip("abc", people, strict=False)))
    assert (source.status, source.silent) == (status, any(one.silent for one in people))
    assert (source.silent_people, source.troubled_people) == (
        frozenset(silent),
        frozenset(troubled),
    )
    assert (source.data_through, source.furthest_behind) == (hour(through), frozenset(behind))


def test_the_delay_of_a_source_is_the_longest_of_its_people() -> None:
    delays = [timedelta(minutes=9), None, timedelta(minutes=30)]
    people = {f"{number}": heard(3, delay=one) for number, one in enumerate(delays)}
    assert of_source(heard(3), people).delay == timedelta(minutes=30)
    assert of_source(heard(3, delay=delays[0]), {"a": heard(3)}).delay is None


@pytest.mark.parametrize(
    ("now", "believable"), [((4, 4), True), ((4, 48), True), ((48, 4), True), ((48, 48), False)]
)
def test_a_source_is_worth_showing_as_long_as_anybody_is(
    now: tuple[float, float], believable: bool
) -> None:
    own, first, second = (
        evaluate(hour(one), WORD, failure=None, last_contact=None) for one in (4, *now)
    )
    assert of_source(own, {"a": first, "b": second}).believable is believable
    assert of_source(own, {}) is own


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
