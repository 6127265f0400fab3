"""The snapshot of a source: what its alerts add up to at one moment."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, Self

from .alert import Alert, AlertKey, Person, Severity
from .episode import EpisodeSpan, span_of
from .freshness import UNKNOWN, DataFreshness, Freshness, Status, evaluate, of_source
from .glucose import Glucose
from .response_log import Episode
from .testing import ends_at_of


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertStatus:
    """What the source last said of one alert type.

    `is_on` is None where nothing can be said. `current_alert` is the alert that its newest word holds, good
    news or bad; `episode` is the newest episode, over or not, `earlier` are those before it: as many as a
    provider finds the end worth announcing of, and no part of what is so now. `older` gives those before
    `earlier`: there may be weeks of them, derived only for whoever asks.
    """

    is_on: bool | None
    current_alert: Alert | None = None
    episode: EpisodeSpan | None = None
    earlier: Sequence[EpisodeSpan] = field(default=(), compare=False)
    older: Callable[[], Sequence[EpisodeSpan]] = field(default=tuple, compare=False, repr=False)
    stale: bool | None = None
    """Whether it is only known to have been so when last heard of; None where the source cannot say it of the present."""
    unavailable: str | None = None
    """Why there is nothing to be had of it."""
    has_data_gap: bool = False
    """Whether missing data may hide an alert: counts must then be unknown, not 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Something at the source that can be set: its value (None: not set yet), and what it may be."""

    value: bool | float | None
    unit: str | None = None
    lowest: float = 0
    highest: float = 0
    step: float = 1


class AppliedProfile(NamedTuple):
    """A profile that somebody's settings are switched to, `until` when (None: until further notice).

    `is_settled`: the source is known to have it.
    """

    profile_id: str
    name: str
    until: datetime | None
    is_settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSnapshot:
    """One person: a condition for each alert type there is for them, the last alert and the last glucose heard of.

    `episodes`: the newest of each topic, real or a drill. A source's own word leaves them out.
    """

    person: Person
    conditions: Mapping[str, AlertStatus]
    last_alert: Alert | None
    glucose: Glucose | None = None
    last_glucose: Glucose | None = None
    """The newest there was, however long ago; `glucose` may be left out when it no longer speaks of the present."""
    glucose_stale: bool | None = None
    """Whether `glucose` is shown though it no longer speaks of the present; None where it never does."""
    glucose_now_until: datetime | None = None
    """Until when the newest glucose speaks of the present; None where it never does, or did for the last time."""
    settings: Mapping[str, Setting] = field(default_factory=dict)
    """What can be set for them at the source, by the entity's key."""
    profile: AppliedProfile | None = None
    changes_at: datetime | None = None
    """When time alone will change it, but for its freshness."""
    data: DataFreshness | None = None
    """How far their data reach, by the source; None: it has never spoken of them."""
    looked_from: datetime | None = None
    """From when on the source has looked for their alerts: what was before is unknown; None: it looks for none."""
    freshness: Freshness = UNKNOWN
    episodes: Mapping[AlertKey, Episode] = field(default_factory=dict)

    @property
    def is_heard_of(self) -> bool:
        """Whether something is known of them, and no missing data may hide an alert: else counts are unknown, not 0."""
        conditions = self.conditions.values()
        return any(one.is_on is not None for one in conditions) and not any(
            one.has_data_gap for one in conditions
        )

    @property
    def active(self) -> list[Alert]:
        """The alerts whose condition is there, as far as the source's newest word goes."""
        return [
            condition.current_alert
            for condition in self.conditions.values()
            if condition.is_on and condition.current_alert
        ]

    def episode(self, alert_type: str) -> Episode | None:
        """What to show of an alert type: the newest episode, or a drill unless something real is going on."""
        real = self.episodes.get(AlertKey(self.person.person_id, alert_type))
        if real and real.is_open:
            return real
        drill = self.episodes.get(AlertKey(self.person.person_id, alert_type, drill=True))
        return drill if drill and drill.is_open else real

    def episode_of(self, alert: Alert) -> Episode | None:
        """The newest episode of an alert's topic, if the alert belongs to it."""
        newest = self.episodes.get(AlertKey.of(alert))
        return newest if newest and span_of(alert, (newest.span,)) else None

    @property
    def highest_severity(self) -> Severity | None:
        """Of the active alerts; None without any."""
        return highest(alert.severity for alert in self.active)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSnapshot:
    """A source and the people it speaks of, by person id, and the drills there were."""

    people: Mapping[str, PersonSnapshot]
    freshness: Freshness
    drills: Mapping[AlertKey, Sequence[EpisodeSpan]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        people: Mapping[str, PersonSnapshot],
        drills: Mapping[AlertKey, Sequence[EpisodeSpan]],
        own: DataFreshness | None,
        now: datetime,
        *,
        failure: Status | None,
        last_contact: datetime | None,
    ) -> Self:
        """A source's at one moment, each of its people as fresh as their data, and it as its worst person.

        `own`: how fresh it would be without people. `failure`: why it did not answer when it was last asked.
        """

        def fresh(data: DataFreshness | None) -> Freshness:
            return evaluate(now, data, failure=failure, last_contact=last_contact)

        evaluated = {who: replace(one, freshness=fresh(one.data)) for who, one in people.items()}
        freshness = of_source(fresh(own), {who: one.freshness for who, one in evaluated.items()})
        return cls(people=evaluated, freshness=freshness, drills=drills)

    @property
    def changes_at(self) -> datetime | None:
        """When time alone will change it."""
        deadlines = [
            self.freshness.changes_at,
            *(one.changes_at for one in self.people.values()),
            *(one.freshness.changes_at for one in self.people.values()),
            *(ends_at_of(spans[-1].opened) for spans in self.drills.values() if spans[-1].is_open),
        ]
        return min((deadline for deadline in deadlines if deadline), default=None)

    def episode(self, topic: AlertKey) -> Episode | None:
        """The newest episode of a topic."""
        person = self.people.get(topic.person_id)
        return person.episodes.get(topic) if person else None

    def spans_of(self, topic: AlertKey) -> Sequence[EpisodeSpan]:
        """All episodes of a topic, oldest first."""
        if topic.drill:
            return self.drills.get(topic, ())
        person = self.people.get(topic.person_id)
        condition = person.conditions.get(topic.alert_type) if person else None
        if condition is None or condition.episode is None:
            return ()
        return (*condition.older(), *condition.earlier, condition.episode)

    def spans_since(self, topic: AlertKey, since: datetime) -> Sequence[EpisodeSpan]:
        """The episodes of a topic that go on, or did since then, oldest first."""

        def reaches(span: EpisodeSpan) -> bool:
            ended_at = span.ended_at
            return ended_at is None or max(span.last_seen.observed_at, ended_at) >= since

        if topic.drill:
            return [one for one in self.drills.get(topic, ()) if reaches(one)]
        person = self.people.get(topic.person_id)
        condition = person.conditions.get(topic.alert_type) if person else None
        if condition is None or condition.episode is None:
            return ()
        spans = (*condition.earlier, condition.episode)
        # There may be weeks of older ones, worked out when they are asked for: not for a day.
        if reaches(spans[0]):
            spans = (*condition.older(), *spans)
        return [one for one in spans if reaches(one)]

    def spans(self) -> Iterator[tuple[AlertKey, Sequence[EpisodeSpan]]]:
        """Of each key the episodes whose end the source finds worth announcing, oldest first."""
        for person_id, person in self.people.items():
            for alert_type, condition in person.conditions.items():
                if condition.episode:
                    topic = AlertKey(person_id, alert_type)
                    yield topic, (*condition.earlier, condition.episode)
        for topic, spans in self.drills.items():
            if topic.person_id in self.people:
                yield topic, spans


def highest(severities: Iterable[Severity]) -> Severity | None:
    """The most severe, None of none."""
    return max(severities, key=lambda severity: severity.rank, default=None)
