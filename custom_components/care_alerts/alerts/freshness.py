"""Freshness: how far the data of a person reach, and whether they have fallen silent; a source is as its worst person.

Observed is when the source says a thing happened, received is when we had it. Somebody is silent of whom nothing new
has come for longer than it should; the reason is as much as the source's answers let us know.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from statistics import median
from typing import Final

from .alert import Alert

MEASURED_OVER: Final = 20
"""Alerts: ours, enough that one odd one says nothing."""


class Status(StrEnum):
    """How the source answers, the better first."""

    OK = "ok"
    NO_NEW_DATA = "no_new_data"
    RATE_LIMITED = "rate_limited"
    UNREACHABLE = "unreachable"
    LOGIN_FAILED = "login_failed"
    PERMISSION_LOST = "permission_lost"

    @property
    def rank(self) -> int:
        """How bad it is: the higher the worse."""
        return list(Status).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFreshness:
    """How far the data of a person (or of a source without people) reach, when the next are due, until when they may be shown.

    `data_through` is None of whom nothing was ever heard. `trouble`: why there is less than there should be. `delay`: what
    their data usually need to us, None if it is not known yet.
    """

    data_through: datetime | None
    next_due: datetime
    valid_until: datetime
    trouble: Status | None = None
    delay: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """What can be said of a person's data, or of a source's, at one moment."""

    status: Status
    silent: bool
    believable: bool
    """Whether what was said is still worth showing as a state."""
    last_contact: datetime | None
    data_through: datetime | None
    delay: timedelta | None
    changes_at: datetime | None = None
    """When it will be something else if nothing more is heard."""
    silent_people: frozenset[str] = frozenset()
    """Of a source: of whom (by id) nothing new has come for longer than it should."""
    troubled_people: frozenset[str] = frozenset()
    """Of a source: whose status is its own, if that is not `ok`."""
    furthest_behind: frozenset[str] = frozenset()
    """Of a source: whose data reach no further than its own."""


UNKNOWN: Final = Freshness(
    status=Status.NO_NEW_DATA,
    silent=True,
    believable=False,
    last_contact=None,
    data_through=None,
    delay=None,
)
"""Of whom nothing was heard."""


def evaluate(
    now: datetime,
    data: DataFreshness | None,
    *,
    failure: Status | None,
    last_contact: datetime | None,
) -> Freshness:
    """Evaluate at `now`. `failure` is why the source's last answer was none; None if it answered.

    A source that never said anything is silent, and there is nothing to believe.
    """
    silent = data is None or now >= data.next_due
    deadlines = (data.next_due, data.valid_until) if data else ()
    trouble = failure or (data.trouble if data else None)
    return Freshness(
        status=trouble or (Status.NO_NEW_DATA if silent else Status.OK),
        silent=silent,
        believable=data is not None and now < data.valid_until,
        last_contact=last_contact,
        data_through=data.data_through if data else None,
        delay=data.delay if data else None,
        changes_at=min((deadline for deadline in deadlines if deadline > now), default=None),
    )


def of_source(own: Freshness, people: Mapping[str, Freshness]) -> Freshness:
    """How fresh a source is: as the worst of its people, by their ids; `own` without any.

    Nobody is named for what is so of the source as a whole: that it does not answer, or tells nothing of anybody.
    """
    if not people:
        return own
    silent = {who for who, one in people.items() if one.silent}
    statuses = [own.status, *(one.status for one in people.values())]
    said = (one for one in statuses if silent or one is not Status.NO_NEW_DATA)
    status = max(said, key=attrgetter("rank"))
    reached = [one.data_through for one in people.values() if one.data_through]
    data_through = min(reached, default=own.data_through)
    troubled = {who for who, one in people.items() if one.status is status is not Status.OK}
    behind = {who for who, one in people.items() if one.data_through == data_through}
    return Freshness(
        status=status,
        silent=bool(silent),
        believable=any(one.believable for one in people.values()),
        last_contact=own.last_contact,
        data_through=data_through,
        delay=max((one.delay for one in people.values() if one.delay is not None), default=None),
        silent_people=frozenset(() if own.silent else silent),
        troubled_people=frozenset(() if own.status is status else troubled),
        furthest_behind=frozenset(() if own.data_through == data_through else behind),
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
