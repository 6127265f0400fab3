"""Counts: how many alerts there have been, hour by hour, as long-term statistics want to know it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Final

from .alert import Alert

HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Hour:
    """How many alerts there had been by the end of an hour (`start`: aware UTC, on the hour)."""

    start: datetime
    total: int


def hours(alerts: Iterable[Alert], *, before: int = 0) -> list[Hour]:
    """The hours in which alerts were observed, in order, after one without any; `before`: how many there were until then."""
    by_hour = Counter(
        alert.observed_at.replace(minute=0, second=0, microsecond=0) for alert in alerts
    )
    starts = sorted(by_hour)
    totals = accumulate((by_hour[start] for start in starts), initial=before)
    # Or the first alerts of all would be a rise from nowhere.
    starts = [start - HOUR for start in starts[:1]] + starts
    return [Hour(start, total) for start, total in zip(starts, totals, strict=False)]


def changed_since(now: list[Hour], then: list[Hour]) -> list[Hour]:
    """The hours that have changed, or follow one that has."""
    for number, (new, old) in enumerate(zip(now, then, strict=False)):
        if new != old:
            return now[number:]
    return now[len(then) :]
