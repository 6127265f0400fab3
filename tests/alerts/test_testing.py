"""Drills: over by themselves, or when the next one of their kind begins."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_components.care_alerts.alerts.alert import Alert, AlertKey, Severity
from custom_components.care_alerts.alerts.episode import EndReason
from custom_components.care_alerts.alerts.testing import (
    LASTS,
    ends_at_of,
    make_test_alert,
    test_alerts_by_key as drills_by_key,
)

from .build import alert, hour

LOW, HIGH = (AlertKey("person", kind, drill=True) for kind in ("low", "high"))


def drill(at: float, *, topic: AlertKey = LOW, lasts: float = 1) -> Alert:
    """A drill that begins at an hour."""
    return make_test_alert(
        "lumen", topic, severity=Severity.HIGH, now=hour(at), lasts=timedelta(hours=lasts)
    )


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        # The first is over when the second begins; this one after its hour.
        (2, [None]),
        (2.5, [2.5, None]),
        (3.49, [2.5, None]),
        (3.5, [2.5, 3.5]),
    ],
)
def test_a_drill_is_over_after_its_time_or_when_the_next_begins(
    now: float, ends: list[float | None]
) -> None:
    drills = [drill(2, lasts=8), drill(2.5)][: len(ends)]
    other = drill(1, topic=HIGH, lasts=9)
    found = drills_by_key([other, alert("real", 2), *drills], hour(now))
    assert [one.opened for one in found[HIGH]] == [other]
    assert found.keys() == {LOW, HIGH}
    assert [one.opened for one in found[LOW]] == [one.last_seen for one in found[LOW]] == drills
    assert [one.ended_at for one in found[LOW]] == [
        end if end is None else hour(end) for end in ends
    ]
    assert [one.end_reason for one in found[LOW]] == [
        None if end is None else EndReason.EXPIRED for end in ends
    ]


@pytest.mark.parametrize(
    ("stored", "ends"),
    [
        ("2026-05-01T03:00:00+00:00", hour(3)),
        ("2026-05-01T03:00:00", hour(3)),
        ("2026-05-01T05:00:00+02:00", hour(3)),
        (None, hour(2) + LASTS),
        (7, hour(2) + LASTS),
        ("soon", hour(2) + LASTS),
    ],
)
def test_a_drill_is_always_over_at_some_time(stored: Any, ends: Any) -> None:
    assert ends_at_of(replace(drill(2), details={"ends_at": stored})) == ends
    assert ends_at_of(replace(drill(2), details={})) == hour(2) + LASTS
