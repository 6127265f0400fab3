"""Reports: what was done about an episode, step by step, and what came of it. Nothing here says that anybody heard it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ..alerts.response_log import Episode
from .log import EpisodeResponse, StepRecord
from .plan import Part, PartKind

type NameOf = Callable[[str], str]
"""What a phone, entity, caregiver or plan is called, by its id."""


def report(episode: Episode, response: EpisodeResponse, name_of: NameOf) -> dict[str, Any]:
    """What was done, in the order in which it was begun.

    `{episode_id, since, ended_at, answered_by, answered_at, answered_after_seconds, steps: [...]}`; each step
    `{plan, after, begun_at, done_at, redelivered, told: [{who, delivery, after_seconds}], lights, speakers}`.
    Times are ISO, in UTC.
    """
    began = min((one.begun_at for one in response.records), default=None)
    held = episode.acknowledgement
    return {
        "episode_id": episode.episode_id,
        "drill": episode.topic.drill,
        "since": _iso(episode.opened.received_at),
        "ended_at": _iso(episode.ended_at),
        "answered_by": held and held.by.name,
        "answered_at": held and _iso(held.at),
        "answered_after_seconds": (
            round((held.at - began).total_seconds()) if held and began else None
        ),
        "steps": [_step(one, response, name_of) for one in response.records],
    }


def _step(record: StepRecord, response: EpisodeResponse, name_of: NameOf) -> Mapping[str, Any]:
    return {
        "plan": name_of(record.key.plan_id),
        "after_minutes": record.after,
        "begun_at": _iso(record.begun_at),
        "done_at": _iso(record.done_at),
        "redelivered": record.redelivered,
        "told": [
            {
                "who": name_of(one.phone),
                "delivery": one.delivery.value,
                "after_seconds": round((one.settled_at - one.sent_at).total_seconds(), 1),
            }
            for one in response.receipts
            if one.key == record.key
        ],
        "lights": _targets(record.parts, PartKind.LIGHT, name_of),
        "speakers": _targets(record.parts, PartKind.SPEAKER, name_of),
    }


def _targets(parts: frozenset[Part], kind: PartKind, name_of: NameOf) -> Sequence[str]:
    return sorted(name_of(part.target) for part in parts if part.kind is kind)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
