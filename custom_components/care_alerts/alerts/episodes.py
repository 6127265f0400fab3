"""Episodes: runs of alerts of one type for one person.

They are worked out from the alerts each time, never kept beside them: whatever order the alerts came in,
the episodes are the same.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from operator import attrgetter

from .model import Alert, Severity, in_order


class EndReason(StrEnum):
    """Why an episode is over. None of them means that the person is well."""

    SOURCE = "source"  # the source said so
    NEWER_DAY = "newer_day"  # a newer complete day has no such alert
    EXPIRED = "expired"  # nothing more was heard of it for too long


@dataclass(frozen=True, slots=True)
class Ending:
    """Word that whatever ran before `at` is over then."""

    at: datetime
    reason: EndReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A run of alerts. `opened` and `last_seen` are its first and newest alert, `severity` is that of its worst."""

    opened: Alert
    last_seen: Alert
    severity: Severity
    ended_at: datetime | None = None
    end_reason: EndReason | None = None

    @property
    def is_open(self) -> bool:
        """No end of it has been heard of."""
        return self.ended_at is None

    def holds(self, alert: Alert) -> bool:
        """Whether an alert of the same type and person is of its run."""
        return self.opened.observed_at <= alert.observed_at <= self.last_seen.observed_at

    def its_own(self, alerts: Sequence[Alert]) -> Sequence[Alert]:
        """Those that it `holds` of alerts of its type and person, which are in order."""
        when = attrgetter("observed_at")
        return alerts[
            bisect_left(alerts, when(self.opened), key=when) : bisect_right(
                alerts, when(self.last_seen), key=when
            )
        ]


def episodes(
    alerts: Iterable[Alert],
    endings: Iterable[Ending] = (),
    *,
    tells: Callable[[Alert], bool | None],
) -> list[Episode]:
    """The episodes of one person's alerts of one type, oldest first.

    `tells` says what an alert means: True that the condition is there, False that it is over,
    None nothing either way. An ending closes what began before it; at the same instant the alert
    comes first.
    """
    timeline: list[tuple[tuple[datetime, int, str], Alert | Ending]] = [
        ((alert.observed_at, 0, in_order(alert)[1]), alert) for alert in alerts
    ]
    timeline += [((ending.at, 1, ending.reason), ending) for ending in endings]
    timeline.sort(key=lambda moment: moment[0])

    found: list[Episode] = []
    run: Episode | None = None
    for _, what in timeline:
        if isinstance(what, Alert):
            told = tells(what)
            if told is None:
                continue
            if told:
                run = _joined(run, what)
                continue
            ending = Ending(what.observed_at, EndReason.SOURCE)
        else:
            ending = what
        if run is not None:
            found.append(replace(run, ended_at=ending.at, end_reason=ending.reason))
            run = None
    if run is not None:
        found.append(run)
    return found


def _joined(run: Episode | None, alert: Alert) -> Episode:
    if run is None:
        return Episode(opened=alert, last_seen=alert, severity=alert.severity)
    worst = max(run.severity, alert.severity, key=lambda severity: severity.rank)
    return replace(run, last_seen=alert, severity=worst)
