"""What is kept of an episode: its id, the alert it was first known by, and what was done about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self
from uuid import UUID, uuid5

from .acknowledgement import Acknowledgement
from .alert import Alert, AlertKey
from .episode import EpisodeSpan, TimeSpan
from .stored import Stored

_IDENTITY: Final = UUID("7f6f5f0e-3b53-4f0a-9a55-5a3c0a7a64d1")


def episode_id_of(topic: AlertKey, alert: Alert) -> str:
    """The id of an episode first known by this alert: the same after a crash that lost its record."""
    return str(
        uuid5(_IDENTITY, f"{topic.person_id}\n{topic.alert_type}\n{topic.drill}\n{alert.alert_id}")
    )


@dataclass(slots=True, kw_only=True)
class EpisodeRecord(Stored):
    """What is kept of an episode.

    `known_by` is the id of the alert it was first known by, `known_at` when that was observed; both stay.
    `answer` is the first acknowledgement that nobody took back, also once it does not cover the episode any more.
    `span` is where the episode reached when it was last derived, `end_announced` the end that was announced, and
    `end_announced_at` when that was.
    """

    episode_id: str
    topic: AlertKey
    known_by: str
    known_at: datetime
    span: TimeSpan
    acknowledgement: Acknowledgement | None = None
    answer: Acknowledgement | None = None
    end_announced: datetime | None = None
    end_announced_at: datetime | None = None

    @classmethod
    def of(cls, topic: AlertKey, span: EpisodeSpan) -> Self:
        """The record of an episode that is new."""
        opened = span.opened
        return cls(
            episode_id=episode_id_of(topic, opened),
            topic=topic,
            known_by=opened.alert_id,
            known_at=opened.observed_at,
            span=TimeSpan.of(span),
        )


def first_answer(records: Iterable[EpisodeRecord]) -> Acknowledgement | None:
    """The first acknowledgement of an episode, whether it still covers all of it or not."""
    # What was kept before there was an `answer` has only the newest.
    answers = (
        record.answer or record.acknowledgement
        for record in records
        if record.answer or (record.acknowledgement and not record.acknowledgement.undone_at)
    )
    return min(filter(None, answers), key=lambda one: one.at, default=None)


def covering(
    records: Iterable[EpisodeRecord], span: EpisodeSpan, now: datetime
) -> Acknowledgement | None:
    """The newest acknowledgement that covers all of an episode."""
    return max(
        (
            held
            for record in records
            if (held := record.acknowledgement) and held.covers_all_of(span, now)
        ),
        key=lambda held: held.at,
        default=None,
    )


def unacknowledged_since(
    records: Iterable[EpisodeRecord], span: EpisodeSpan, announced: Sequence[Alert], now: datetime
) -> datetime:
    """Since it was announced, the acknowledgement was taken back or expired, or an alert came that it does not cover."""
    since = min(alert.received_at for alert in announced)
    for record in records:
        if not (held := record.acknowledgement):
            continue
        lost = [_joined_at(alert, held, announced) for alert in announced if not held.covers(alert)]
        if held.undone_at:
            lost.append(held.undone_at)
        if expired_at := held.expired_at(span, now):
            lost.append(expired_at)
        since = max(since, min(lost, default=since))
    return since


def _joined_at(alert: Alert, held: Acknowledgement, announced: Iterable[Alert]) -> datetime:
    """When an alert that an acknowledgement does not cover became part of its episode."""
    if alert.received_at > held.at:
        return alert.received_at
    # It was known, and of another episode, until a late alert joined the two.
    first, last = min(alert.observed_at, held.span.last), max(alert.observed_at, held.span.first)
    return min(
        (
            one.received_at
            for one in announced
            if one.received_at > held.at and first <= one.observed_at <= last
        ),
        default=held.at,
    )


def reopened_at(records: Iterable[EpisodeRecord], announced: Sequence[Alert]) -> datetime | None:
    """When an alert came by which an episode goes on that was said to be over, or joins one that was; None if none did.

    That end may have been announced only after the next episode had begun: what was observed after the end counts,
    whenever it came.
    """
    ends = [
        (one.end_announced_at, one.end_announced)
        for one in records
        if one.end_announced_at and one.end_announced
    ]
    if not ends:
        return None
    announced_at, ended_at = max(ends)
    return min(
        (
            one.received_at
            for one in announced
            if one.received_at > announced_at or one.observed_at > ended_at
        ),
        default=None,
    )
