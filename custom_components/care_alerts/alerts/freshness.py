"""Freshness: how old a source's data are, and whether it has fallen silent.

Observed is when the source says a thing happened, received is when we had it. A source is silent when it
has said nothing new for longer than it should; the reason is as much as its answers let us know.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

from .alert import Alert

MEASURED_OVER = 20


class Status(StrEnum):
    """How the source answers."""

    OK = "ok"
    NO_NEW_DATA = "no_new_data"
    RATE_LIMITED = "rate_limited"
    UNREACHABLE = "unreachable"
    LOGIN_FAILED = "login_failed"
    PERMISSION_LOST = "permission_lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFreshness:
    """How far the data of a source reach, when the next are due, until when they may be shown.

    `data_through`: how far its data reach. `next_due`: it is silent if nothing newer came by then.
    `valid_until`: after that what it said is no longer worth showing as a state. `people_due`: by person id, when
    something newer of each should be there, where the source has each one's readings.
    """

    data_through: datetime
    next_due: datetime
    valid_until: datetime
    people_due: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """What can be said of a source at one moment."""

    status: Status
    silent: bool
    silent_people: frozenset[str]
    """Of whom nothing new has come for longer than it should, as far as the source can tell them apart."""
    believable: bool
    last_contact: datetime | None
    data_through: datetime | None
    delay: timedelta | None
    changes_at: datetime | None
    """When it will be something else if nothing more is heard."""


def evaluate(
    now: datetime,
    *,
    data_freshness: DataFreshness | None,
    failure: Status | None,
    last_contact: datetime | None,
    delay: timedelta | None,
) -> Freshness:
    """Judge a source at `now`. `failure` is why its last answer was none; None if it answered.

    A source that never said anything is silent, and there is nothing to believe.
    """
    silent = data_freshness is None or now >= data_freshness.next_due
    believable = data_freshness is not None and now < data_freshness.valid_until
    people_due = data_freshness.people_due if data_freshness else {}
    deadlines = (
        (data_freshness.next_due, data_freshness.valid_until, *people_due.values())
        if data_freshness
        else ()
    )
    return Freshness(
        status=failure or (Status.NO_NEW_DATA if silent else Status.OK),
        silent=silent,
        silent_people=frozenset(one for one, due in people_due.items() if now >= due),
        believable=believable,
        last_contact=last_contact,
        data_through=data_freshness.data_through if data_freshness else None,
        delay=delay,
        changes_at=min((deadline for deadline in deadlines if deadline > now), default=None),
    )


def measured_delay(alerts: Iterable[Alert]) -> timedelta | None:
    """The usual time from observed to received: the median of the newest alerts, None without any.

    `alerts` are in the order they happened, without history, whose delay says nothing.
    """
    newest = [alert for alert in alerts if not alert.drill][-MEASURED_OVER:]
    return usual_delay(
        [(alert.received_at - alert.observed_at).total_seconds() for alert in newest]
    )


def usual_delay(samples: Sequence[float], *, needed: int = 1) -> timedelta | None:
    """The median of delays (seconds), None while there are fewer than `needed`. A clock ahead of ours is no negative delay."""
    if len(samples) < needed:
        return None
    return timedelta(seconds=round(max(median(samples), 0)))
