"""One person in several sources: their episodes of one condition that overlap in time are one for the household.

Each source goes on having its own episodes, with what was done about them; what they come to together is worked out
from them each time, so nothing is lost where later data part them again, or somebody undoes it. The rules:

| case                                    | what it comes to                                                        |
|-----------------------------------------|-------------------------------------------------------------------------|
| lows; highs; signal loss                | one condition each (`CONDITION_OF`), whatever the severity               |
| all else; test alerts                   | never joined                                                            |
| two of one type of one source           | the source says that they are two: joined only by another that spans both |
| they have a moment in common            | joined, and so is whoever has one with either                           |
| they have none, but begin close by      | joined, the closest first, if no source has two of one type (`ONSET`)    |
| one got worse, or a worse one comes late | severity is that of the worst; nobody has it until somebody had that    |
| one that is as bad or milder comes late | whoever had it when it went on has this, too; nobody is told again       |
| an urgent low was foretold               | it is no worse than what a live source saw come of it (`FORESEEN`)      |
| the live source says that it is over    | so is what was said before that by another and is as bad                |
| the live source was lost                | whatever was said before that by another, as bad or milder, is lost, too |
| any other goes on                       | it goes on                                                              |
| all were over or somebody's, one is new | it begins anew: what is `announced` counts from there                   |
| later data part them                    | each is its own again, with what was done about it                      |
| who answered it                         | the first who had what was as bad as the worst that came in time        |
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import islice
from typing import Final, Self

from .acknowledgement import Acknowledgement
from .alert import Alert, AlertKey, in_order
from .episode import EndReason, EpisodeSpan
from .response_log import Episode
from .stored import moment_or_none

ONSET: Final = timedelta(minutes=30)
"""Ours: how far apart two sources may see one thing begin. Their thresholds differ, and glucose that falls by 1 mg/dL a
minute is at 80 and at 55 within that; a signal is missed sooner by one app than by another."""


class Condition(StrEnum):
    """What is one thing, whatever a source calls it."""

    LOW = "low"
    HIGH = "high"
    SIGNAL = "signal"


FORECAST: Final = "urgent_low_soon"
"""What is foretold: who has acknowledged that has not acknowledged that it came."""

FORESEEN: Final = timedelta(minutes=20)
"""How far it looks ahead (Dexcom's): whoever looked on that long knows what came of it."""

CONDITION_OF: Final[Mapping[str, Condition]] = {
    FORECAST: Condition.LOW,
    "urgent_low": Condition.LOW,
    "fixed_low": Condition.LOW,
    "low": Condition.LOW,
    "high": Condition.HIGH,
    "out_of_range": Condition.SIGNAL,
    "no_readings": Condition.SIGNAL,
    "no_communication": Condition.SIGNAL,
}
"""By alert type; what is not among them is never one with anything."""


def condition_of(topic: AlertKey) -> Condition | None:
    """What an alert key is of; None: it is never one with another."""
    return None if topic.drill else CONDITION_OF.get(topic.alert_type)


@dataclass(frozen=True, kw_only=True)
class Witness:
    """An episode as one source has it. `is_live`: it speaks of the present; `known_to`: until when its word reaches."""

    episode: Episode
    source: Hashable
    is_live: bool
    known_to: datetime

    @property
    def condition(self) -> Condition | None:
        """What it is of; None: it is never one with another."""
        return condition_of(self.episode.topic)

    @property
    def kind(self) -> Hashable:
        """What its source never has two of at a time."""
        return self.source, self.episode.topic

    @property
    def rank(self) -> int:
        """How severe it is."""
        return self.episode.severity.rank

    @property
    def is_forecast(self) -> bool:
        """Whether it has only been foretold."""
        return self.episode.topic.alert_type == FORECAST

    @cached_property
    def begin(self) -> datetime:
        """When it began: an alert may come some time after, and say so."""
        opened = self.episode.opened
        return min(
            moment_or_none(opened.details.get("started")) or opened.observed_at, opened.observed_at
        )

    @cached_property
    def reach(self) -> datetime:
        """The last moment at which its source says that it was so: never a guess of ours when it was over."""
        episode = self.episode
        last = max(episode.last_seen.observed_at, self.begin)
        if episode.ended_at is None:
            return max(last, self.known_to) if self.is_live else last
        if episode.end_reason is EndReason.EXPIRED:
            return max(last, episode.span.seen_until or last)
        return max(last, episode.ended_at)

    @cached_property
    def reached_at(self) -> datetime:
        """When the house first heard of it."""
        alerts = self.episode.announced or [self.episode.opened]
        return min(alert.received_at for alert in alerts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """An episode of the household: as one, and its witnesses, those known first before others.

    `worst`: the witness that it is called after. `loudest`: the worst of those that go on: only a snooze of one of these
    silences it, so nothing urgent is silenced with something milder. `inherited`: what each witness has of what somebody
    said of another.
    """

    episode: Episode
    witnesses: tuple[Witness, ...]
    worst: Witness
    loudest: tuple[Witness, ...]
    inherited: tuple[tuple[Witness, Acknowledgement], ...] = ()

    @classmethod
    def alone(cls, one: Witness) -> Self:
        """What only one source has, as it has it."""
        return cls(episode=one.episode, witnesses=(one,), worst=one, loudest=(one,))

    @property
    def told_at(self) -> datetime | None:
        """When the house was first told of it; None if it never was."""
        told = (one.reached_at for one in self.witnesses if one.episode.announced)
        return min(told, default=None)


def join(witnesses: Iterable[Witness], now: datetime) -> list[Joined]:
    """What one person's episodes, of whatever sources, are for the household; in no order."""
    found = []
    for group in _groups(list(witnesses)):
        if len(group) == 1:
            found.append(Joined.alone(group[0]))
        else:
            found.append(_joined(group, now))
    return found


# Which are one.


class _Groups:
    """Which witnesses are one: each by itself, until two are united."""

    def __init__(self, witnesses: Iterable[Witness]) -> None:
        self._of = {id(one): [one] for one in witnesses}

    def of(self, one: Witness) -> list[Witness]:
        """All that are one with it."""
        return self._of[id(one)]

    def unite(self, one: Witness, other: Witness) -> None:
        """Have two be one, and all that are one with either."""
        kept, gone = self.of(one), self.of(other)
        if kept is not gone:
            kept += gone
            self._of.update((id(moved), kept) for moved in gone)

    def all(self) -> list[list[Witness]]:
        """Each group once."""
        return list({id(group): group for group in self._of.values()}.values())


def _groups(witnesses: Sequence[Witness]) -> list[list[Witness]]:
    groups = _Groups(witnesses)
    close = []
    for one, other in _near(witnesses):
        if _meet(one, other):
            groups.unite(one, other)
        elif one.source != other.source:
            # They do not meet, so they are near because they begin close by.
            close.append((one, other))
    for one, other in sorted(close, key=lambda pair: pair[1].begin - pair[0].begin):
        kinds = {each.kind for each in groups.of(one)}
        if kinds.isdisjoint(each.kind for each in groups.of(other)):
            groups.unite(one, other)
    return groups.all()


def _near(witnesses: Iterable[Witness]) -> Iterator[tuple[Witness, Witness]]:
    """Pairs of one condition that have a moment in common or begin close by, which began first before the other."""
    by_condition: dict[Condition, list[Witness]] = {}
    for one in sorted(witnesses, key=_order):
        if one.condition:
            by_condition.setdefault(one.condition, []).append(one)
    for theirs in by_condition.values():
        for number, one in enumerate(theirs, 1):
            until = max(one.reach, one.begin + ONSET)
            for other in islice(theirs, number, None):
                if other.begin > until:
                    break
                yield one, other


def _order(one: Witness) -> tuple[datetime, str, str]:
    return one.begin, str(one.source), one.episode.episode_id


def _meet(one: Witness, other: Witness) -> bool:
    """Whether two of one condition have a moment in common, and their source does not say that they are two."""
    return one.kind != other.kind and one.begin <= other.reach and other.begin <= one.reach


def _is_of_one(one: Witness, other: Witness) -> bool:
    """Whether two of a group are one by themselves, and not through a third."""
    return _meet(one, other) or (
        one.source != other.source and abs(one.begin - other.begin) <= ONSET
    )


# What they are as one.


def _joined(group: list[Witness], now: datetime) -> Joined:
    group.sort(key=lambda one: (one.reached_at, _order(one)))
    told = [one for one in group if not _is_of_the_past(one, group)]
    ends = [_end(one, group) for one in told]
    going_on = [one for one, end in zip(told, ends, strict=True) if end is None]
    worst = max(
        told, key=lambda one: (one.rank, not one.is_forecast, one.episode.last_seen.observed_at)
    )
    held = {id(one): _held(one, group, now) for one in group}
    unanswered = [one for one in going_on if held[id(one)] is None]
    # Of what is over, somebody had it who had the worst of it.
    asked = going_on or [one for one in told if one.rank == worst.rank]
    answers = [answer for one in asked if (answer := held[id(one)])]
    highest = max(one.rank for one in asked)
    loudest = tuple(one for one in asked if one.rank == highest)
    ended_at, end_reason = (
        (None, None) if going_on else max(filter(None, ends), key=lambda end: end[0])
    )
    first, *others = [one.episode for one in group]
    ids = frozenset[str]().union(*(one.ids for one in (first, *others)))
    episode = Episode(
        episode_id=first.episode_id,
        also_known_as=ids - {first.episode_id},
        topic=worst.episode.topic,
        span=EpisodeSpan(
            opened=min(group, key=_order).episode.opened,
            last_seen=worst.episode.last_seen,
            severity=worst.episode.severity,
            ended_at=ended_at,
            end_reason=end_reason,
            handled_at=worst.episode.handled_at,
        ),
        announced=_announced(told, unanswered),
        acknowledgement=max(answers, key=lambda answer: answer.at)
        if len(answers) == len(asked)
        else None,
        snoozed_until=max(
            (until for one in loudest if (until := one.episode.snoozed_until)), default=None
        ),
        unacknowledged_since=min(
            (since for one in unanswered if (since := one.episode.unacknowledged_since)),
            default=None,
        ),
        reopened_at=max((at for one in going_on if (at := one.episode.reopened_at)), default=None),
        answer=_answer(told, group, ended_at),
    )
    return Joined(
        episode=episode,
        witnesses=tuple(group),
        worst=worst,
        loudest=loudest,
        inherited=tuple(
            (one, answer)
            for one in group
            if one.episode.is_open
            and (answer := held[id(one)])
            and one.episode.acknowledgement is None
        ),
    )


def _is_of_the_past(one: Witness, group: Iterable[Witness]) -> bool:
    """Whether it was foretold only, and a live source has seen what came of it."""
    return one.is_forecast and any(
        other.is_live
        and not other.is_forecast
        and (
            other.reach >= one.begin + FORESEEN
            or (other.episode.end_reason is EndReason.SOURCE and other.reach >= one.begin)
        )
        for other in group
    )


def _end(one: Witness, group: Sequence[Witness]) -> tuple[datetime, EndReason | None] | None:
    """When and why it is over; None if it goes on.

    What a source does not say any more of is over, too, once a live one has said so of what is as bad: it was there when
    the other had said its last. And what that one saw of it until it was lost itself is no news when another tells of it
    later. Never the other way round: what was said before is no news of what goes on now.
    """
    episode = one.episode
    if episode.ended_at and episode.end_reason is not EndReason.EXPIRED:
        return episode.ended_at, episode.end_reason
    over = [
        other
        for other in group
        if other.is_live and other.source != one.source and other.reach >= one.reach
    ]
    said = [_ended(other, EndReason.SOURCE) for other in over if other.rank == one.rank]
    lost = [_ended(other, EndReason.EXPIRED) for other in over if other.rank >= one.rank]
    if ended_at := max(filter(None, said), default=None):
        return ended_at, EndReason.SOURCE
    ended_at = episode.ended_at or max(filter(None, lost), default=None)
    return (ended_at, EndReason.EXPIRED) if ended_at else None


def _ended(one: Witness, reason: EndReason) -> datetime | None:
    """When it ended, if that was the reason."""
    return one.episode.ended_at if one.episode.end_reason is reason else None


def _held(one: Witness, group: Sequence[Witness], now: datetime) -> Acknowledgement | None:
    """Who has it: whoever acknowledged it, or another that is one with it by itself, when that had come."""
    if own := one.episode.acknowledgement:
        return own
    return max(
        (
            held
            for other in group
            if (held := other.episode.acknowledgement)
            # What it has from another does not go on to a third.
            and held.at >= other.reached_at
            and _is_of_one(one, other)
            and (one.is_forecast or not other.is_forecast)
            and held.covers_all_of(one.episode.span, now)
        ),
        key=lambda held: held.at,
        default=None,
    )


def _answer(
    told: Sequence[Witness], group: Iterable[Witness], ended_at: datetime | None
) -> Acknowledgement | None:
    """The first acknowledgement of what is as bad as the worst that came before it was over; who has what is milder has not answered that."""
    in_time = [one for one in told if ended_at is None or one.reached_at < ended_at] or told
    rank = max(one.rank for one in in_time)
    is_foretold = all(one.is_forecast for one in in_time)
    return min(
        (
            answer
            for one in group
            if (answer := one.episode.answer)
            and answer.severity.rank >= rank
            and (is_foretold or not one.is_forecast)
        ),
        key=lambda answer: answer.at,
        default=None,
    )


def _announced(group: Sequence[Witness], unanswered: Sequence[Witness]) -> Sequence[Alert]:
    """The alerts since it needs somebody as it does now, in order: what was over, or somebody's, before that is no part of it."""
    since = min(
        (alert.received_at for one in unanswered for alert in one.episode.announced), default=None
    )
    return sorted(
        (
            alert
            for one in group
            for alert in one.episode.announced
            if since is None or alert.received_at >= since
        ),
        key=in_order,
    )
