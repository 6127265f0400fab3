"""What has been done about episodes, and what came of it: kept on disk.

A step is written down (`begin`) and the state saved before it is done, and marked (`finish`) after. What is
begun and not finished after a restart may have been done: it is done again, marked `redelivered`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
import json
from typing import Any, Final, NamedTuple, Self

from ..alerts.alert import Severity
from ..alerts.stored import Stored, clamped
from ..alerts.tolerant import read_each
from .duty import Takeover
from .fields import LARGEST_TIMES
from .plan import Part

KEPT_A_STEP: Final = 2 * LARGEST_TIMES
"""Ours: of a step that is done again and again the newest so many are kept, more than `times` may count."""


class StepKey(NamedTuple):
    """Which doing of which step: `number` counts the times that a step was done for one episode, from 0."""

    episode_id: str
    plan_id: str
    step_id: str
    number: int

    def __str__(self) -> str:
        """As phones give it back: `parse` reads it."""
        return json.dumps(self)

    @classmethod
    def parse(cls, text: Any) -> Self | None:
        """The key that a phone has given back; None if it is none."""
        try:
            match json.loads(text):
                case [str(episode_id), str(plan_id), str(step_id), int(number)]:
                    return cls(episode_id, plan_id, step_id, number)
        except TypeError, ValueError, RecursionError:
            return None
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord(Stored):
    """That a step was begun, and done.

    `after` is the step's as it was then, in minutes; `since` what it answers: since when the episode had
    needed somebody without a break. `redelivered`: it may have been done before; `unsure`: what else may have
    been, before a crash, and was not done again.
    """

    key: StepKey
    after: int
    parts: frozenset[Part]
    since: datetime
    begun_at: datetime
    done_at: datetime | None = None
    redelivered: bool = False
    unsure: frozenset[Part] = frozenset()


class Delivery(StrEnum):
    """What is known of a push. Nothing here says that anybody heard it."""

    SENT = "sent"  # on its way to a phone that confirms
    FAILED = "failed"  # the push service refused it, or there is no such phone
    RECEIVED = "received"  # the phone has confirmed
    UNKNOWN = "unknown"  # on its way to a phone that cannot confirm


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Stored):
    """What is known of one push to one phone.

    `phone` is a device or notify entity, or a caregiver's id where they have none: that is `failed`, too.
    `severity` is the episode's when it was sent, `settled_at` when `delivery` last changed.
    """

    key: StepKey
    phone: str
    severity: Severity
    delivery: Delivery
    sent_at: datetime
    settled_at: datetime


@dataclass(frozen=True, slots=True)
class EpisodeResponse:
    """What has been done about one episode, and what came of it; in the order in which it was begun."""

    records: tuple[StepRecord, ...] = ()
    receipts: tuple[Receipt, ...] = ()


@dataclass(slots=True)
class _Kept:
    records: dict[StepKey, StepRecord] = field(default_factory=dict)
    receipts: dict[tuple[StepKey, str], Receipt] = field(default_factory=dict)


@dataclass
class ResponseState:
    """All that is kept of responses. `unreadable`: how many records on disk could not be read."""

    takeover: Takeover | None = None
    unreadable: int = 0
    _episodes: dict[str, _Kept] = field(default_factory=dict)
    _as_one: list[frozenset[str]] = field(default_factory=list)

    def of(self, episode_ids: Collection[str]) -> EpisodeResponse:
        """What was done about an episode, by all ids that it has or had."""
        kept = [one for episode_id in episode_ids if (one := self._episodes.get(episode_id))]
        records = [record for one in kept for record in one.records.values()]
        return EpisodeResponse(
            tuple(sorted(records, key=lambda record: record.begun_at)),
            tuple(receipt for one in kept for receipt in one.receipts.values()),
        )

    def _kept(self, key: StepKey) -> _Kept:
        return self._episodes.setdefault(key.episode_id, _Kept())

    def begin(self, record: StepRecord) -> None:
        """Write a step down before it is done; once more what a crash has interrupted."""
        kept = self._kept(record.key)
        kept.records[record.key] = record
        of_step = [key for key in kept.records if key[:3] == record.key[:3]]
        # What is gone was done, and so was what came after.
        outdated = {record.key, *of_step[:-KEPT_A_STEP]}
        for key in outdated - {record.key}:
            del kept.records[key]
        for which in [which for which in kept.receipts if which[0] in outdated]:
            del kept.receipts[which]

    def finish(self, key: StepKey, now: datetime) -> None:
        """Mark a step as done; one that was forgotten meanwhile stays so."""
        kept = self._episodes.get(key.episode_id)
        if kept and (record := kept.records.get(key)):
            kept.records[key] = replace(record, done_at=now)

    def pushed(
        self, key: StepKey, phone: str, delivery: Delivery, severity: Severity, now: datetime
    ) -> None:
        """Note what became of a push when it was sent."""
        self._kept(key).receipts[key, phone] = Receipt(
            key=key,
            phone=phone,
            severity=severity,
            delivery=delivery,
            sent_at=now,
            settled_at=now,
        )

    def confirmed(self, key: StepKey, phone: str, now: datetime) -> bool:
        """Note that a phone has a push, whatever was thought of it; False if nobody sent it one, or it is known."""
        kept = self._episodes.get(key.episode_id)
        receipt = kept.receipts.get((key, phone)) if kept else None
        if kept is None or receipt is None or receipt.delivery is Delivery.RECEIVED:
            return False
        kept.receipts[key, phone] = replace(receipt, delivery=Delivery.RECEIVED, settled_at=now)
        return True

    # Episodes of several sources that are one for the household.

    def known_as_one(self, episode_ids: Collection[str]) -> frozenset[str]:
        """The ids of what was one with an episode when all its sources were last there."""
        return frozenset[str]().union(
            *(one for one in self._as_one if not one.isdisjoint(episode_ids))
        )

    def note_as_one(self, episode_ids: frozenset[str]) -> bool:
        """Note which ids an episode of the household has: a source may be away the next time. False if that is known."""
        if episode_ids in self._as_one:
            return False
        before = self._as_one
        self._as_one = [one for one in before if one.isdisjoint(episode_ids)]
        if len(episode_ids) > 1:
            self._as_one.append(episode_ids)
        return self._as_one != before

    def clamp(self, now: datetime) -> None:
        """Bring back what a clock noted that was ahead: a repeat must not wait until it is that late again."""
        for kept in self._episodes.values():
            for key, one in kept.records.items():
                if one.begun_at > now:
                    kept.records[key] = replace(
                        one, begun_at=now, done_at=clamped(one.done_at, now)
                    )
            for which, receipt in kept.receipts.items():
                if receipt.settled_at > now:
                    kept.receipts[which] = replace(
                        receipt, sent_at=clamped(receipt.sent_at, now), settled_at=now
                    )

    def prune(self, before: datetime) -> None:
        """Forget the episodes about which nothing was done since a moment."""
        self._episodes = {
            which: one
            for which, one in self._episodes.items()
            if any(record.begun_at >= before for record in one.records.values())
        }
        self._as_one = [one for one in self._as_one if not one.isdisjoint(self._episodes)]

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        kept = self._episodes.values()
        return {
            "records": [record.to_dict() for one in kept for record in one.records.values()],
            "receipts": [receipt.to_dict() for one in kept for receipt in one.receipts.values()],
            "takeover": self.takeover.to_dict() if self.takeover else None,
            "as_one": [sorted(one) for one in self._as_one],
        }

    @classmethod
    def from_dict(cls, stored: Any) -> Self:
        """Read what `to_dict` gave; None if nothing was kept yet.

        What cannot be read is left out and counted: then it counts as not done, and is done again.
        """
        state = cls()
        if not isinstance(stored, Mapping):
            return state
        records, unreadable = read_each(_list_in(stored, "records"), StepRecord.from_dict)
        for record in records:
            state._kept(record.key).records[record.key] = record
        state.unreadable += unreadable
        receipts, unreadable = read_each(_list_in(stored, "receipts"), Receipt.from_dict)
        for receipt in receipts:
            state._kept(receipt.key).receipts[receipt.key, receipt.phone] = receipt
        state.unreadable += unreadable
        as_one = _list_in(stored, "as_one")
        state._as_one = [
            frozenset(str(which) for which in one) for one in as_one if isinstance(one, list)
        ]
        takeover = stored.get("takeover")
        takeovers, unreadable = read_each([takeover] if takeover else [], Takeover.from_dict)
        state.takeover = takeovers[0] if takeovers else None
        state.unreadable += unreadable
        return state


def _list_in(stored: Mapping[str, Any], name: str) -> list[Any]:
    value = stored.get(name)
    return value if isinstance(value, list) else []
