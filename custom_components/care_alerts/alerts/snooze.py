"""Snoozes, and when an alert that nobody acknowledged is announced again."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .acknowledgement import Actor
from .alert import AlertKey, Severity
from .episode import TimeSpan
from .stored import Stored

type Span = tuple[datetime, datetime]
"""From, and to before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snooze(Stored):
    """Quiet from `since` to before `until`.

    Of one episode (`episode_id`; `topic` and `span` say what it was), of a person (`person_id`; but for alerts
    of the types `exempt`), or of the whole source (neither).
    """

    episode_id: str | None = None
    topic: AlertKey | None = None
    span: TimeSpan | None = None
    person_id: str | None = None
    exempt: frozenset[str] = frozenset()
    by: Actor
    since: datetime
    until: datetime

    def silences(self, topic: AlertKey, severity: Severity, episode_ids: Collection[str]) -> bool:
        """Whether it is meant for an alert of this severity, in the episode with these ids.

        Severity high is only ever silenced by a snooze of its own episode.
        """
        if self.episode_id is not None:
            return self.episode_id in episode_ids
        return (
            severity is not Severity.HIGH
            and self.person_id in (None, topic.person_id)
            and topic.alert_type not in self.exempt
        )

    def lasts(self, now: datetime) -> bool:
        """Whether it is on."""
        return self.since <= now < self.until

    def has_scope_of(self, other: Snooze) -> bool:
        """Whether both silence the same."""
        return (self.episode_id, self.person_id, self.exempt) == (
            other.episode_id,
            other.person_id,
            other.exempt,
        )


def joined(spans: Iterable[Span]) -> list[Span]:
    """The spans in order, those that touch as one."""
    found: list[Span] = []
    for since, until in sorted(spans):
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until))
        else:
            found.append((since, until))
    return found


def next_reminder(
    unacknowledged_since: datetime,
    *,
    after: timedelta,
    every: timedelta | None,
    quiet: Sequence[Span],
    later_than: datetime,
) -> datetime | None:
    """When an unacknowledged alert is announced again next; None if it is not any more.

    That is `after` nobody had acknowledged it for so long and again `every` so long; and from then on at the
    end of each time of quiet (`quiet` as `ResponseLog.quiet` gives it) instead of within.
    """
    due = first = unacknowledged_since + after
    if every and later_than >= first:
        due += ((later_than - first) // every + 1) * every
    heard = [until for _, until in quiet if until > first]
    if not any(since <= due < until for since, until in quiet):
        heard.append(due)
    return min((moment for moment in heard if moment > later_than), default=None)
