"""Evidence that somebody may not have been reached, by itself: which pushes are, from when on, and how often a phone is."""

from datetime import datetime

import pytest

from custom_components.care_alerts.alerts.alert import Severity
from custom_components.care_alerts.responses.evidence import CONFIRM_WITHIN, evidence, fails_at
from custom_components.care_alerts.responses.log import Delivery, Receipt, StepKey, StepRecord

from .build import HIGH, MEDIUM, minute


def key(after: int) -> StepKey:
    """The step after so many minutes, done once."""
    return StepKey("episode", "plan", str(after), 0)


def record(after: int) -> StepRecord:
    """It was begun in time."""
    at = minute(after)
    return StepRecord(
        key=key(after), after=after, parts=frozenset(), since=minute(0), begun_at=at, done_at=at
    )


def receipt(
    after: int,
    phone: str,
    failed_at: float | None,
    *,
    delivery: Delivery = Delivery.FAILED,
    severity: Severity = HIGH,
) -> Receipt:
    """A push of a step to a phone, that failed at a minute; or that arrived."""
    return Receipt(
        key=key(after),
        phone=phone,
        severity=severity,
        delivery=Delivery.RECEIVED if failed_at is None else delivery,
        sent_at=minute(after),
        settled_at=minute(after if failed_at is None else failed_at),
    )


@pytest.mark.parametrize(
    ("delivery", "moment"),
    [
        (Delivery.FAILED, minute(2)),
        (Delivery.SENT, minute(1) + CONFIRM_WITHIN),
        (Delivery.RECEIVED, None),
        # Who cannot confirm is no evidence.
        (Delivery.UNKNOWN, None),
    ],
)
def test_when_it_shows_that_a_push_did_not_arrive(
    delivery: Delivery, moment: datetime | None
) -> None:
    one = Receipt(
        key=key(0),
        phone="phone",
        severity=HIGH,
        delivery=delivery,
        sent_at=minute(1),
        settled_at=minute(2),
    )
    assert fails_at(one) == moment


@pytest.mark.parametrize(
    ("receipts", "found"),
    [
        ([], []),
        ([receipt(0, "a", None)], []),
        ([receipt(0, "a", 1)], [(0, 1)]),
        # Only what is severe.
        ([receipt(0, "a", 1, severity=MEDIUM)], []),
        # The first of several.
        ([receipt(0, "a", 3), receipt(0, "b", 2), receipt(0, "c", None)], [(0, 2)]),
        # A phone is evidence once, if others were reached by the next step;
        ([receipt(0, "a", 1), receipt(10, "a", 11), receipt(10, "b", None)], [(0, 1)]),
        # another phone is, too;
        ([receipt(0, "a", 1), receipt(10, "a", 11), receipt(10, "b", 12)], [(0, 1), (10, 12)]),
        # if none was reached, it is always: from when the last of them has failed.
        ([receipt(0, "a", 1), receipt(10, "a", 11)], [(0, 1), (10, 11)]),
        (
            [receipt(0, "a", 1), receipt(0, "b", 2), receipt(10, "a", 13), receipt(10, "b", 12)],
            [(0, 1), (10, 13)],
        ),
        # It may turn out sooner of a later push than of the one before.
        (
            [receipt(0, "a", 15), receipt(10, "a", 11), receipt(10, "b", None)],
            [(0, 15), (10, 11)],
        ),
        # And is no news of the next, whichever was first.
        (
            [
                receipt(0, "a", 15),
                *(receipt(after, "a", at) for after, at in ((10, 11), (20, 14))),
                *(receipt(after, "b", None) for after in (10, 20)),
            ],
            [(0, 15), (10, 11)],
        ),
    ],
)
def test_after_which_step_the_next_is_due_and_when(
    receipts: list[Receipt], found: list[tuple[int, float]]
) -> None:
    records = [record(after) for after in (0, 10, 20)]
    assert list(evidence(records, receipts)) == [(after, minute(at)) for after, at in found]
