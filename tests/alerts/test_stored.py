"""What is read of what was kept, or sent: times, and how deep it may be."""

from datetime import timedelta
from typing import Any

import pytest

from custom_components.care_alerts.alerts.stored import clamped, moment_or_none
from custom_components.care_alerts.alerts.tolerant import DEEPEST, is_shallow, read_each

from .build import hour


def test_a_time_that_is_still_to_come_was_noted_by_a_clock_that_was_ahead() -> None:
    now = hour(5)
    assert clamped(None, now) is None
    assert [clamped(hour(at), now) for at in (4, 5, 6)] == [hour(4), now, now]


@pytest.mark.parametrize(
    "odd", [None, 7, "soon", "2026-05-01T05:00:00", "0001-01-01T00:00:00+09:00"]
)
def test_what_is_no_time_is_none(odd: Any) -> None:
    assert moment_or_none(odd) is None


def test_a_time_of_another_zone_is_the_same_moment() -> None:
    found = moment_or_none("2026-05-01T07:00:00+02:00")
    assert found == hour(5)
    assert found is not None
    assert found.utcoffset() == timedelta()


@pytest.mark.parametrize(
    "around", [list, lambda inner: {"a": 1, "b": inner}, lambda inner: (1, inner)]
)
def test_what_is_nested_too_deep_is_not_shallow(around: Any) -> None:
    nested: Any = []
    for _ in range(DEEPEST - 2):
        nested = around([nested] if around is list else nested)
    assert is_shallow(nested)
    assert not is_shallow([1, nested])


def test_each_is_read_in_order_and_what_cannot_be_is_counted() -> None:
    assert read_each(["1", "x", "2", "", "0"], lambda one: int(one) or None) == ([1, 2], 2)
