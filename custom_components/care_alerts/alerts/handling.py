"""Handling: who has taken an episode, what is to be kept quiet until when, and what the house has been told of it.

Episodes are worked out anew each time and an alert that comes late can change where one begins. So what
was done about an episode is kept by person, alert type and the stretch of time it covered, never by an
alert's id: it goes with whatever episode has alerts in that stretch.

Acknowledged means that somebody knows. It never means that the condition is over.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from .episodes import Episode
from .model import Alert, Severity, Topic
from .stored import Stored, moment_or_none

_BEGINNING = datetime.min.replace(tzinfo=UTC)


class Via(StrEnum):
    """How somebody let us know."""

    USER = "user"
    NOTIFICATION = "notification"
    AUTOMATION = "automation"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Actor(Stored):
    """Who did something: the name of a person or an automation, None if nobody knows."""

    name: str | None
    via: Via


@dataclass(frozen=True, slots=True)
class Stretch(Stored):
    """The alerts an episode had at some moment: when its first and its newest were observed."""

    first: datetime
    last: datetime

    @classmethod
    def of(cls, episode: Episode) -> Self:
        """Where an episode reaches now."""
        return cls(episode.opened.observed_at, episode.last_seen.observed_at)

    def touches(self, other: Stretch) -> bool:
        """Whether the two have a moment in common."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement(Stored):
    """Somebody has taken an episode. `severity` is the worst it had come to by then; `undone_at` when it was given back.

    `again_after`: what is observed so long after the newest there was is not what they have taken; None: all of it is.
    `until`: what still goes on then is nobody's again; None: it is theirs until it is over.
    """

    topic: Topic
    stretch: Stretch
    severity: Severity
    by: Actor
    at: datetime
    note: str | None = None
    undone_at: datetime | None = None
    again_after: timedelta | None = None
    until: datetime | None = None

    def has_lapsed(self, episode: Episode, now: datetime) -> bool:
        """Whether its episode has gone on for longer than it holds."""
        return self.until is not None and (episode.ended_at or now) >= self.until

    def covers(self, alert: Alert) -> bool:
        """Whether an alert of its episode was taken with it: it is no worse than what there was, nor too long after."""
        return alert.severity.rank <= self.severity.rank and (
            self.again_after is None or alert.observed_at < self.stretch.last + self.again_after
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Snooze(Stored):
    """Quiet from `since` to before `until`: one episode (`topic`, `stretch`), or a person, or the whole source (no `person_id`)."""

    topic: Topic | None = None
    stretch: Stretch | None = None
    person_id: str | None = None
    by: Actor
    since: datetime
    until: datetime

    def silences(self, topic: Topic, severity: Severity, episode: Episode | None) -> bool:
        """Whether it is meant for an alert of this severity. High is only ever silenced by a snooze of its own episode."""
        if self.topic is not None:
            return (
                self.topic == topic
                and episode is not None
                and self.stretch is not None
                and self.stretch.touches(Stretch.of(episode))
            )
        return severity is not Severity.HIGH and self.person_id in (None, topic.person_id)

    def lasts(self, now: datetime) -> bool:
        """Whether it is on."""
        return self.since <= now < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The newest episode of a topic and what has been done about it.

    `told` are its alerts that the house has heard, or is about to: none if all of it is history.
    `waiting_since`: since when it is nobody's, None if it is over, taken, or was never told.
    """

    topic: Topic
    episode: Episode
    told: Sequence[Alert]
    acknowledgement: Acknowledgement | None
    snoozed_until: datetime | None
    waiting_since: datetime | None

    @property
    def severity(self) -> Severity:
        """The worst it has come to."""
        return self.episode.severity

    @property
    def is_late(self) -> bool:
        """Whether all that was told of it came late."""
        return bool(self.told) and all(alert.late for alert in self.told)


class Handling:
    """What has been done about the episodes of one source, and which of their ends have been told."""

    def __init__(self) -> None:
        """Nothing done yet."""
        self._acknowledgements: list[Acknowledgement] = []
        self._snoozes: list[Snooze] = []
        self._ends_told: dict[Topic, datetime] = {}
        self.silence_told: bool | None = None
        """Whether the house was last told that the source is silent; None if nothing was told yet."""
        self.silence_told_of: frozenset[str] = frozenset()
        """Of whom it was silent then."""
        self.awake_to: datetime | None = None
        """Until when whatever was due has been done: when this was last saved."""

    # Taking.

    def acknowledge(
        self,
        topic: Topic,
        episode: Episode,
        *,
        by: Actor,
        at: datetime,
        note: str | None = None,
        again_after: timedelta | None = None,
        until: datetime | None = None,
    ) -> bool:
        """Take an episode, from whoever has it; False if there is nothing to tell: they have it, and there is no new note.

        Then they have it as it is now, and for as long as if they had just taken it.
        """
        held = self.acknowledgement(topic, episode, at)
        has_it = held is not None and held.by == by and note in (None, held.note)
        self._acknowledgements = [
            one for one in self._acknowledgements if not _concerns(one, topic, episode)
        ]
        self._acknowledgements.append(
            Acknowledgement(
                topic=topic,
                stretch=Stretch.of(episode),
                severity=episode.severity,
                by=by,
                at=held.at if held and has_it else at,
                note=held.note if held and has_it else note,
                again_after=again_after,
                until=until,
            )
        )
        return not has_it

    def unacknowledge(self, topic: Topic, episode: Episode, *, at: datetime) -> bool:
        """Give an episode back: it is nobody's again; False if it was."""
        if self.acknowledgement(topic, episode, at) is None:
            return False
        self._acknowledgements = [
            replace(one, undone_at=one.undone_at or at) if _concerns(one, topic, episode) else one
            for one in self._acknowledgements
        ]
        return True

    def acknowledgement(
        self, topic: Topic, episode: Episode, now: datetime
    ) -> Acknowledgement | None:
        """Who has the episode. An alert that the acknowledgement does not cover makes it nobody's again, as time may."""
        for one in reversed(self._acknowledgements):
            if (
                _concerns(one, topic, episode)
                and one.undone_at is None
                and one.severity.rank >= episode.severity.rank
                and one.covers(episode.last_seen)
                and not one.has_lapsed(episode, now)
            ):
                return one
        return None

    def waiting_since(
        self, topic: Topic, episode: Episode, told: Sequence[Alert], now: datetime
    ) -> datetime | None:
        """Since when an open episode is nobody's: since it was told, given back, or became other than what was taken."""
        if not told or not episode.is_open or self.acknowledgement(topic, episode, now):
            return None
        since = min(alert.received_at for alert in told)
        for one in self._acknowledgements:
            if not _concerns(one, topic, episode):
                continue
            lost = [alert.received_at for alert in told if not one.covers(alert)]
            if one.undone_at:
                lost.append(one.undone_at)
            if one.until and one.has_lapsed(episode, now):
                lost.append(one.until)
            since = max(since, min(lost, default=since))
        return since

    # Quiet.

    def snooze(self, snooze: Snooze) -> None:
        """Keep quiet; the same thing snoozed again is snoozed until the new time, and was from when it was first."""
        replaced = [
            one
            for one in self._snoozes
            if one.since <= snooze.since <= one.until and _same_scope(one, snooze)
        ]
        self._snoozes = [one for one in self._snoozes if one not in replaced]
        since = min([snooze.since, *(one.since for one in replaced)])
        self._snoozes.append(replace(snooze, since=since))

    def unsnooze(
        self,
        now: datetime,
        *,
        person_id: str | None = None,
        topics: Iterable[Topic] | None = None,
    ) -> list[Snooze]:
        """End the snoozes of these topics, or else of a person and all their alerts, or else all; return those ended."""
        wanted = None if topics is None else set(topics)

        def is_meant(one: Snooze) -> bool:
            if wanted is not None:
                return one.topic in wanted
            whose = one.topic.person_id if one.topic else one.person_id
            return person_id is None or whose == person_id

        ended = [one for one in self._snoozes if one.lasts(now) and is_meant(one)]
        self._snoozes = [replace(one, until=now) if one in ended else one for one in self._snoozes]
        return ended

    def snoozed_until(
        self, topic: Topic, severity: Severity, episode: Episode | None, now: datetime
    ) -> datetime | None:
        """Until when an alert is silenced; None if it is not."""
        return next(
            (
                until
                for since, until in self.quiet(topic, severity, episode)
                if since <= now < until
            ),
            None,
        )

    def quiet(
        self, topic: Topic, severity: Severity, episode: Episode | None
    ) -> list[tuple[datetime, datetime]]:
        """When an alert is silenced, past and to come: from, and to before; in order, none touches the next."""
        spans = sorted(
            (one.since, one.until)
            for one in self._snoozes
            if one.since < one.until and one.silences(topic, severity, episode)
        )
        joined: list[tuple[datetime, datetime]] = []
        for since, until in spans:
            if joined and since <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], until))
            else:
                joined.append((since, until))
        return joined

    # Telling.

    def end_is_told(self, topic: Topic, ended_at: datetime) -> bool:
        """Whether the house was told of this end, or of a later one."""
        return ended_at <= self._ends_told.get(topic, _BEGINNING)

    def mark_end_told(self, topic: Topic, ended_at: datetime) -> None:
        """Remember that the house was told of an end, and of those before it."""
        self._ends_told[topic] = max(ended_at, self._ends_told.get(topic, _BEGINNING))

    def case(self, topic: Topic, episode: Episode, told: Sequence[Alert], now: datetime) -> Case:
        """The case of an episode; `told` are the alerts of the topic that are no history, in order."""
        of_it = episode.its_own(told)
        return Case(
            topic=topic,
            episode=episode,
            told=of_it,
            acknowledgement=self.acknowledgement(topic, episode, now),
            snoozed_until=self.snoozed_until(topic, episode.severity, episode, now),
            waiting_since=self.waiting_since(topic, episode, of_it, now),
        )

    def changes_at(self, now: datetime) -> datetime | None:
        """When a snooze is over next, or an acknowledgement."""
        turns = [one.until for one in self._snoozes if one.lasts(now)]
        turns += [one.until for one in self._acknowledgements if one.until and one.until > now]
        return min(turns, default=None)

    # Keeping.

    def prune(self, before: datetime) -> None:
        """Forget what concerns nothing after this moment."""
        self._acknowledgements = [
            one for one in self._acknowledgements if max(one.stretch.last, one.at) > before
        ]
        self._snoozes = [one for one in self._snoozes if one.until > before]
        self._ends_told = {topic: at for topic, at in self._ends_told.items() if at > before}

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "acknowledgements": [one.to_dict() for one in self._acknowledgements],
            "snoozes": [one.to_dict() for one in self._snoozes],
            "ends_told": [
                topic.to_dict() | {"at": at.isoformat()} for topic, at in self._ends_told.items()
            ],
            "silence_told": self.silence_told,
            "silence_told_of": sorted(self.silence_told_of),
            "awake_to": self.awake_to and self.awake_to.isoformat(),
        }

    @classmethod
    def from_dict(cls, stored: Any) -> Self:
        """Read what `to_dict` gave; None if nothing was kept yet. What cannot be read is left out: then it rings again."""
        handling = cls()
        if not isinstance(stored, Mapping):
            return handling
        handling._acknowledgements = _readable(Acknowledgement, stored.get("acknowledgements"))
        handling._snoozes = _readable(Snooze, stored.get("snoozes"))
        for one in _readable(_EndTold, stored.get("ends_told")):
            handling.mark_end_told(Topic(one.person_id, one.alert_type, one.drill), one.at)
        silence_told = stored.get("silence_told")
        handling.silence_told = silence_told if isinstance(silence_told, bool) else None
        told_of = stored.get("silence_told_of")
        if isinstance(told_of, list):
            handling.silence_told_of = frozenset(one for one in told_of if isinstance(one, str))
        handling.awake_to = moment_or_none(stored.get("awake_to"))
        return handling


@dataclass(frozen=True, slots=True)
class _EndTold(Stored):
    person_id: str
    alert_type: str
    drill: bool
    at: datetime


def _concerns(one: Acknowledgement, topic: Topic, episode: Episode) -> bool:
    return one.topic == topic and one.stretch.touches(Stretch.of(episode))


def _same_scope(one: Snooze, other: Snooze) -> bool:
    if one.topic != other.topic or one.person_id != other.person_id:
        return False
    return one.stretch is None or other.stretch is None or one.stretch.touches(other.stretch)


def _readable[T: Stored](kind: type[T], stored: Any) -> list[T]:
    found: list[T] = []
    for one in stored if isinstance(stored, list) else ():
        try:
            found.append(kind.from_dict(one))
        except AttributeError, LookupError, TypeError, ValueError:
            continue
    return found


def next_ring(
    waiting_since: datetime,
    *,
    after: timedelta,
    every: timedelta | None,
    quiet: Sequence[tuple[datetime, datetime]],
    later_than: datetime,
) -> datetime | None:
    """When an alert that is nobody's rings next; None if it does not ring any more.

    It rings `after` it began to wait and again `every` so long; and once it has waited so long, at the end of each
    time of quiet (`quiet` as `Handling.quiet` gives it) instead of within.
    """
    first = waiting_since + after
    if every is None:
        due = [first]
    else:
        upcoming = max(0, (later_than - first) // every + 1)
        # One that was due before may be heard only now, when it is quiet no longer.
        due = [first + number * every for number in (max(0, upcoming - 1), upcoming)]
    heard = [moment for moment in due if not any(since <= moment < until for since, until in quiet)]
    heard += [until for _, until in quiet if until >= first]
    return min((moment for moment in heard if moment > later_than), default=None)
