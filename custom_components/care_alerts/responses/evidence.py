"""Evidence: whether somebody may not have been reached, so that the next step must not wait for its time.

A push of severity high that failed, or that a phone which confirms has not confirmed within
`CONFIRM_WITHIN`, makes the next step due. A phone does so once in an episode: one that is switched off
would else have every lamp on in a minute, though others were reached. But where a step reached no phone
at all, the next is due always. A confirmed push is no evidence that anybody heard it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from ..alerts.alert import Severity
from .log import Delivery, Receipt, StepKey, StepRecord

CONFIRM_WITHIN: Final = timedelta(seconds=60)
"""The design's: a phone that is awake confirms in seconds, and a minute is a tenth of what the next step waits."""


def evidence(
    records: Iterable[StepRecord], receipts: Iterable[Receipt]
) -> Sequence[tuple[int, datetime]]:
    """After which step, by its minutes, the next is due, and when that shows.

    `records`: of one plan and episode, in the order in which they were begun. A push that waits for its
    confirmation is evidence at the end of that wait, if none comes.
    """
    pushes: dict[StepKey, list[Receipt]] = {}
    for receipt in receipts:
        if receipt.severity is Severity.HIGH:
            pushes.setdefault(receipt.key, []).append(receipt)
    found = []
    failed_at: dict[str, datetime] = {}
    for record in records:
        of_it = pushes.get(record.key, [])
        failed = [(one.phone, at) for one in of_it if (at := fails_at(one))]
        news = [at for phone, at in failed if phone not in failed_at or at < failed_at[phone]]
        if news:
            found.append((record.after, min(news)))
        elif failed and len(failed) == len(of_it):
            found.append((record.after, max(at for _, at in failed)))
        for phone, at in failed:
            failed_at[phone] = min(at, failed_at.get(phone, at))
    return found


def fails_at(receipt: Receipt) -> datetime | None:
    """When it shows that a push did not reach its phone; None if it did, or nobody can know."""
    match receipt.delivery:
        case Delivery.FAILED:
            return receipt.settled_at
        case Delivery.SENT:
            return receipt.sent_at + CONFIRM_WITHIN
    return None
