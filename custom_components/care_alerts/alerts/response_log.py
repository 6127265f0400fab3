"""The response log: which id an episode has, who acknowledged it, what is snoozed, what was announced.

Episodes are derived from the alerts again and again (`episode.derive_episodes`), and an alert that comes late
may change where one begins. So each episode that is announced or acknowledged has a record, tied for good to
the alert that opened it when it was first known:

| what late alerts do          | id                                  | acknowledgement and snoozes             |
|------------------------------|-------------------------------------|-----------------------------------------|
| lengthen it, at either end   | stays                               | stay; what the acknowledgement does not |
|                              |                                     | cover makes it unacknowledged           |
| join several                 | that of the one known by the oldest | those of each count for all of it       |
|                              | alert; the others' still find it    |                                         |
| part it                      | stays with the part that has its    | stay; another part has those, too, that |
|                              | first known alert; another part has | were made when the episode had alerts   |
|                              | its own again, or a new one         | of that part                            |
| none: its oldest alerts were | stays                               | stay                                    |
| forgotten after 45 days      |                                     |                                         |
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, Final, Self

from .acknowledgement import Acknowledgement, Actor
from .alert import Alert, AlertKey, Severity
from .episode import EndReason, EpisodeSpan, TimeSpan
from .episode_record import (
    EpisodeRecord,
    covering,
    episode_id_of,
    first_answer,
    reopened_at,
    unacknowledged_since,
)
from .snooze import Snooze, Span, joined
from .stored import moment_or_none
from .tolerant import read_each

_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)

_known_at: Final = attrgetter("known_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """An episode with its id and what has been done about it.

    `also_known_as`: ids it had before late alerts joined it. `announced`: its alerts that were announced,
    or are about to be; empty if all of it is from before we followed the person. `answer`: the first acknowledgement, also
    once it does not cover all of it any more; None if it was taken back. `unacknowledged_since`:
    None if it is over, acknowledged, or was never announced. `reopened_at`: when an alert came by which it goes
    on after it was announced to be over; None if it is over, or never was.
    """

    episode_id: str
    also_known_as: frozenset[str]
    topic: AlertKey
    span: EpisodeSpan
    announced: Sequence[Alert]
    acknowledgement: Acknowledgement | None
    snoozed_until: datetime | None
    unacknowledged_since: datetime | None
    reopened_at: datetime | None = None
    answer: Acknowledgement | None = None

    @property
    def ids(self) -> frozenset[str]:
        """All ids by which it can be found."""
        return self.also_known_as | {self.episode_id}

    @property
    def opened(self) -> Alert:
        """Its first alert."""
        return self.span.opened

    @property
    def last_seen(self) -> Alert:
        """Its newest alert."""
        return self.span.last_seen

    @property
    def severity(self) -> Severity:
        """That of its worst alert."""
        return self.span.severity

    @property
    def is_open(self) -> bool:
        """Whether no end of it is known."""
        return self.span.is_open

    @property
    def ended_at(self) -> datetime | None:
        """When it was over; None while it is open."""
        return self.span.ended_at

    @property
    def end_reason(self) -> EndReason | None:
        """Why it is over; None while it is open."""
        return self.span.end_reason

    @property
    def handled_at(self) -> datetime | None:
        """When somebody answered it on the person's own device; None if nobody did, as far as is known."""
        return self.span.handled_at

    @property
    def is_late(self) -> bool:
        """Whether all that was announced of it came late."""
        return bool(self.announced) and all(alert.late for alert in self.announced)


@dataclass
class ResponseLog:
    """What has been done about the episodes of one source, and what was announced of them.

    `silence_announced`: whether what was last announced is that the source is silent (None: nothing yet), and
    `silence_announced_of` of whom. `reminders_done_until`: until when all that was due has been done.
    """

    silence_announced: bool | None = None
    silence_announced_of: frozenset[str] = frozenset()
    reminders_done_until: datetime | None = None
    _records: dict[AlertKey, list[EpisodeRecord]] = field(default_factory=dict)
    _snoozes: list[Snooze] = field(default_factory=list)

    # Episodes.

    def reconcile(
        self, topic: AlertKey, spans: Sequence[EpisodeSpan], announced: Sequence[Alert]
    ) -> None:
        """Bring the records of a topic in line with its episodes as they are derived now, oldest first.

        `announced` are the topic's alerts that are announced, in order: only what holds some of them needs a
        record.
        """
        for span in spans:
            if not self._records_of(topic, span) and span.its_own(announced):
                self._recorded(topic, span, spans)
        # Only now: where they reached before says what belonged together.
        for span in spans:
            for record in self._records_of(topic, span):
                record.span = TimeSpan.of(span)

    def _recorded(
        self, topic: AlertKey, span: EpisodeSpan, spans: Iterable[EpisodeSpan]
    ) -> EpisodeRecord:
        """A record for an episode without one, with what was done about it while it was part of another."""
        here = TimeSpan.of(span)
        records = self._records.setdefault(topic, [])
        others = [record for record in records if record.span.touches(here)]
        for record in others:
            if not topic.drill and not any(record in self._records_of(topic, one) for one in spans):
                # The alert that it was known by is forgotten.
                record.known_by, record.known_at = span.opened.alert_id, span.opened.observed_at
                return record
        new = EpisodeRecord.of(topic, span)
        for record in others:
            held = record.acknowledgement
            if held and held.span.touches(here):
                new.acknowledgement = held
                new.answer = record.answer
            self._snoozes += [
                replace(snooze, episode_id=new.episode_id)
                for snooze in self._snoozes
                if snooze.episode_id == record.episode_id
                and snooze.span
                and snooze.span.touches(here)
            ]
        records.append(new)
        records.sort(key=_known_at)
        return new

    def episode(
        self, topic: AlertKey, span: EpisodeSpan, announced: Sequence[Alert], now: datetime
    ) -> Episode:
        """An episode as it is at `now`; `announced` as for `reconcile`."""
        records = self._records_of(topic, span)
        ids = [record.episode_id for record in records] or [episode_id_of(topic, span.opened)]
        of_it = span.its_own(announced)
        acknowledgement = covering(records, span, now)
        is_waiting = of_it and span.is_open and not acknowledgement
        return Episode(
            episode_id=ids[0],
            also_known_as=frozenset(ids[1:]),
            topic=topic,
            span=span,
            announced=of_it,
            acknowledgement=acknowledgement,
            snoozed_until=self.snoozed_until(topic, span.severity, ids, now),
            unacknowledged_since=unacknowledged_since(records, span, of_it, now)
            if is_waiting
            else None,
            reopened_at=reopened_at(records, of_it) if span.is_open else None,
            answer=first_answer(records),
        )

    def _records_for(self, topic: AlertKey, span: EpisodeSpan) -> list[EpisodeRecord]:
        return self._records_of(topic, span) or [self._recorded(topic, span, (span,))]

    def _records_of(self, topic: AlertKey, span: EpisodeSpan) -> list[EpisodeRecord]:
        """The records of those alerts that belong to an episode, oldest first."""
        records = self._records.get(topic, [])
        here = TimeSpan.of(span)
        found = records[
            bisect_left(records, here.first, key=_known_at) : bisect_right(
                records, here.last, key=_known_at
            )
        ]
        if topic.drill:
            # Several may be sent in one moment; each is an episode of its own.
            return [record for record in found if record.known_by == span.opened.alert_id]
        return found

    # Acknowledging.

    def acknowledge(
        self,
        topic: AlertKey,
        span: EpisodeSpan,
        *,
        by: Actor,
        at: datetime,
        note: str | None = None,
        reacknowledge_after_gap: timedelta | None = None,
        expires_at: datetime | None = None,
    ) -> bool:
        """Acknowledge an episode, whoever had; False if there is nothing to announce: they had, and there is no new note.

        Then it is acknowledged as it is now, and for as long as if they had just done so.
        """
        records = self._records_for(topic, span)
        held = covering(records, span, at)
        own = held if held and held.by == by and note in (None, held.note) else None
        acknowledgement = Acknowledgement(
            span=TimeSpan.of(span),
            severity=span.severity,
            by=by,
            at=own.at if own else at,
            note=own.note if own else note,
            reacknowledge_after_gap=reacknowledge_after_gap,
            expires_at=expires_at,
        )
        for record in records:
            record.acknowledgement = acknowledgement
            record.answer = record.answer or acknowledgement
        return own is None

    def inherit(self, topic: AlertKey, span: EpisodeSpan, held: Acknowledgement) -> None:
        """Keep of an episode who has it, since they have what it is one with for the household."""
        inherited = replace(held, span=TimeSpan.of(span), severity=span.severity)
        for record in self._records_for(topic, span):
            record.acknowledgement = inherited

    def unacknowledge(self, topic: AlertKey, span: EpisodeSpan, *, at: datetime) -> bool:
        """Take an acknowledgement back; False if there was none."""
        records = self._records_of(topic, span)
        if covering(records, span, at) is None:
            return False
        for record in records:
            if held := record.acknowledgement:
                record.acknowledgement = replace(held, undone_at=held.undone_at or at)
                if record.answer and record.answer.at == held.at:
                    record.answer = None
        return True

    # Snoozing.

    def snooze_episode(
        self, topic: AlertKey, span: EpisodeSpan, *, by: Actor, since: datetime, until: datetime
    ) -> Snooze:
        """Keep an episode quiet, whatever its severity."""
        record, *_ = self._records_for(topic, span)
        snooze = Snooze(
            episode_id=record.episode_id,
            topic=topic,
            span=TimeSpan.of(span),
            by=by,
            since=since,
            until=until,
        )
        self.snooze(snooze)
        return snooze

    def snooze(self, snooze: Snooze) -> None:
        """Keep quiet; the same thing snoozed again is snoozed until the new time, and was from when it was first."""
        replaced = [
            one
            for one in self._snoozes
            if one.since <= snooze.since <= one.until and one.has_scope_of(snooze)
        ]
        self._snoozes = [one for one in self._snoozes if one not in replaced]
        since = min([snooze.since, *(one.since for one in replaced)])
        self._snoozes.append(replace(snooze, since=since))

    def unsnooze(
        self,
        now: datetime,
        *,
        person_id: str | None = None,
        exempt: Collection[str] = (),
        topics: Iterable[AlertKey] | None = None,
    ) -> list[Snooze]:
        """End the snoozes of these topics, or else of a person and all their alerts, or else all; return those ended.

        A snooze of a single alert of a type that is `exempt` stays.
        """
        wanted = None if topics is None else set(topics)

        def is_meant(one: Snooze) -> bool:
            if wanted is not None:
                return one.topic in wanted
            if one.topic and one.topic.alert_type in exempt:
                return False
            whose = one.topic.person_id if one.topic else one.person_id
            return person_id is None or whose == person_id

        ended = [one for one in self._snoozes if one.lasts(now) and is_meant(one)]
        self._snoozes = [replace(one, until=now) if one in ended else one for one in self._snoozes]
        return ended

    def snoozed_until(
        self, topic: AlertKey, severity: Severity, episode_ids: Iterable[str], now: datetime
    ) -> datetime | None:
        """Until when an alert is silenced; None if it is not."""
        return next(
            (
                until
                for since, until in self.quiet(topic, severity, episode_ids)
                if since <= now < until
            ),
            None,
        )

    def quiet(self, topic: AlertKey, severity: Severity, episode_ids: Iterable[str]) -> list[Span]:
        """When an alert is silenced, past and to come, in order; none touches the next."""
        ids = frozenset(episode_ids)
        return joined(
            (one.since, one.until)
            for one in self._snoozes
            if one.since < one.until and one.silences(topic, severity, ids)
        )

    # Announcing.

    def is_end_announced(self, topic: AlertKey, ended_at: datetime) -> bool:
        """Whether this end of an episode was announced, or a later one of its topic."""
        return any(
            ended_at <= (record.end_announced or _BEGINNING)
            for record in reversed(self._records.get(topic, ()))
        )

    def mark_end_announced(self, topic: AlertKey, span: EpisodeSpan, now: datetime) -> None:
        """Remember that the end of an episode was announced, and with it those before."""
        for record in self._records_for(topic, span):
            record.end_announced_at = now
            record.end_announced = max(
                span.ended_at or _BEGINNING, record.end_announced or _BEGINNING
            )

    def changes_at(self, now: datetime) -> datetime | None:
        """When a snooze is over next, or an acknowledgement."""
        moments = [one.until for one in self._snoozes if one.lasts(now)]
        moments += [
            held.expires_at
            for records in self._records.values()
            for record in records
            if (held := record.acknowledgement) and held.expires_at and held.expires_at > now
        ]
        return min(moments, default=None)

    # Storing.

    def prune(self, before: datetime) -> None:
        """Forget what concerns nothing after this moment."""

        def is_kept(record: EpisodeRecord) -> bool:
            held = record.acknowledgement
            return max(record.span.last, held.at if held else record.span.last) > before

        self._records = {
            topic: kept
            for topic, records in self._records.items()
            if (kept := [record for record in records if is_kept(record)])
        }
        self._snoozes = [one for one in self._snoozes if one.until > before]

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "episodes": [
                record.to_dict() for records in self._records.values() for record in records
            ],
            "snoozes": [one.to_dict() for one in self._snoozes],
            "silence_announced": self.silence_announced,
            "silence_announced_of": sorted(self.silence_announced_of),
            "reminders_done_until": self.reminders_done_until
            and self.reminders_done_until.isoformat(),
        }

    @classmethod
    def from_dict(cls, stored: Any) -> Self:
        """Read what `to_dict` gave; None if nothing was kept yet.

        What cannot be read is left out: then it counts as unacknowledged and not snoozed.
        """
        log = cls()
        if not isinstance(stored, Mapping):
            return log
        records, _ = read_each(_list_in(stored, "episodes"), EpisodeRecord.from_dict)
        for record in records:
            log._records.setdefault(record.topic, []).append(record)
        for records in log._records.values():
            records.sort(key=_known_at)
        log._snoozes, _ = read_each(_list_in(stored, "snoozes"), Snooze.from_dict)
        announced = stored.get("silence_announced")
        log.silence_announced = announced if isinstance(announced, bool) else None
        of_whom = _list_in(stored, "silence_announced_of")
        log.silence_announced_of = frozenset(one for one in of_whom if isinstance(one, str))
        log.reminders_done_until = moment_or_none(stored.get("reminders_done_until"))
        return log


def _list_in(stored: Mapping[str, Any], name: str) -> list[Any]:
    value = stored.get(name)
    return value if isinstance(value, list) else []
