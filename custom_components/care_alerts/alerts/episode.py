"""Episodes: alerts of one type for one person that belong together.

`derive_episodes` works them out from the alerts each time: whatever order the alerts came in, the episodes
are the same. `response_log` gives each its id and what was done about it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any, Self

from .alert import Alert, AlertState, Severity, in_order
from .stored import Stored


class EndReason(StrEnum):
    """Why an episode is over. None of them means that the person is well."""

    SOURCE = "source"  # the source said so
    NEWER_DAY = "newer_day"  # a newer complete day has no such alert
    EXPIRED = "expired"  # nothing more was heard of it for too long


@dataclass(frozen=True, slots=True)
class Ending:
    """Whatever began before `at` is over then, on one of the person's devices or (None) on all.

    `seen_until`: when the source last saw it, where that is later than its newest alert.
    """

    at: datetime
    reason: EndReason
    device: Hashable = None
    seen_until: datetime | None = None


@dataclass(frozen=True, slots=True, order=True)
class DeviceWord(Stored):
    """What the person's own device said of an alert: it alarmed, or somebody there answered it (`is_answer`)."""

    at: datetime
    is_answer: bool


def handled_at(words: Iterable[DeviceWord]) -> datetime | None:
    """Since when an alert counts as handled on the device; None if nobody answered, or it has alarmed there again.

    Of one instant, the answer is to the alarm.
    """
    since: datetime | None = None
    for word in sorted(words):
        since = (since or word.at) if word.is_answer else None
    return since


@dataclass(frozen=True, slots=True)
class TimeSpan(Stored):
    """When the first and the newest alert of an episode were observed, both included."""

    first: datetime
    last: datetime

    @classmethod
    def of(cls, span: EpisodeSpan) -> Self:
        """Where an episode reaches now."""
        return cls(span.opened.observed_at, span.last_seen.observed_at)

    def touches(self, other: TimeSpan) -> bool:
        """Whether the two have a moment in common."""
        return self.first <= other.last and other.first <= self.last

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies within."""
        return self.first <= moment <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeSpan:
    """An episode as its alerts give it: the first and the newest of them, and the worst severity of all.

    `handled_at`: when somebody answered it on the person's own device; what the house has to do about it stays.
    `seen_until`: of what is over, when its source last saw it, where that is later than the newest alert.
    """

    opened: Alert
    last_seen: Alert
    severity: Severity
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    handled_at: datetime | None = None
    seen_until: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether no end of it is known."""
        return self.ended_at is None

    def holds(self, alert: Alert) -> bool:
        """Whether an alert of the same type and person belongs to it."""
        return TimeSpan.of(self).holds(alert.observed_at)

    def its_own(self, alerts: Sequence[Alert]) -> Sequence[Alert]:
        """Those that it `holds` of alerts of its type and person, which are in order."""
        when = attrgetter("observed_at")
        return alerts[
            bisect_left(alerts, when(self.opened), key=when) : bisect_right(
                alerts, when(self.last_seen), key=when
            )
        ]


def derive_episodes(
    alerts: Iterable[Alert],
    endings: Iterable[Ending] = (),
    *,
    is_active: Callable[[Alert], bool | None],
    device: Callable[[Alert], Hashable] = lambda _: None,
) -> list[EpisodeSpan]:
    """The episodes of one person's alerts of one type, oldest first.

    `is_active` says what an alert means: True that the condition is there, False that it is over,
    None nothing either way. An ending closes what began before it; at the same instant the alert
    comes first. `device` says which of the person's devices an alert speaks for: an episode is over
    when it is over on all of them.
    """
    timeline: list[tuple[tuple[Any, ...], Alert | Ending]] = [
        ((alert.observed_at, False, in_order(alert)), alert) for alert in alerts
    ]
    timeline += [((ending.at, True, ending.reason), ending) for ending in endings]
    timeline.sort(key=lambda moment: moment[0])

    found: list[EpisodeSpan] = []
    open_span: EpisodeSpan | None = None
    active_on: set[Hashable] = set()
    for _, what in timeline:
        if isinstance(what, Alert):
            active = is_active(what)
            if active is None:
                continue
            if active:
                open_span = _joined(open_span, what)
                active_on.add(device(what))
                continue
            ending = Ending(what.observed_at, EndReason.SOURCE)
            active_on.discard(device(what))
        else:
            ending = what
            if ending.device is None:
                active_on.clear()
            active_on.discard(ending.device)
        if open_span is not None and not active_on:
            found.append(
                replace(
                    open_span,
                    ended_at=ending.at,
                    end_reason=ending.reason,
                    seen_until=ending.seen_until,
                )
            )
            open_span = None
    if open_span is not None:
        found.append(open_span)
    return found


def _joined(span: EpisodeSpan | None, alert: Alert) -> EpisodeSpan:
    if span is None:
        return EpisodeSpan(opened=alert, last_seen=alert, severity=alert.severity)
    worst = max(span.severity, alert.severity, key=lambda severity: severity.rank)
    return replace(span, last_seen=alert, severity=worst)


def span_of(alert: Alert, spans: Sequence[EpisodeSpan]) -> EpisodeSpan | None:
    """The episode, of those of its person and type (oldest first), that an alert belongs to.

    The record that ends an episode belongs to it, too, also if it had expired before that; and so does
    what came in between.
    """
    before = bisect_right(spans, alert.observed_at, key=lambda span: span.opened.observed_at)
    # Test alerts of one instant are episodes of their own.
    for span in reversed(spans[:before]):
        if alert.drill and span.opened.alert_id != alert.alert_id:
            continue
        if (
            alert.state is AlertState.ENDED
            or span.holds(alert)
            or span.ended_at is None
            or alert.observed_at <= span.ended_at
        ):
            return span
        break
    return None
