"""Duty: who is told first, and why. It is never empty while there is a caregiver.

| what is known                                             | who is on duty                          |
|-----------------------------------------------------------|-----------------------------------------|
| somebody has taken over, and the time is not up           | they alone                              |
| the schedule or calendar of anybody cannot be asked       | everybody: it may be anybody's turn     |
| nobody is by their schedule or calendar                   | everybody                               |
| else                                                      | whoever is always, or just now          |

Whatever keeps the house from knowing is a `trouble`, for a repair, also while somebody has taken over.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
import re
from typing import Final

from ..alerts.stored import Stored
from .plan import ALWAYS, EVERYBODY, ON_DUTY, Caregiver

ENTITY: Final = "entity"
NAMES: Final = "names"
SUMMARY: Final = "summary"
UNTIL: Final = "until"


class Why(StrEnum):
    """Why somebody is on duty. The values are keys of translations."""

    ALWAYS = "duty_always"
    SCHEDULE = "duty_schedule"
    CALENDAR = "duty_calendar"
    TOOK_OVER = "duty_took_over"
    EVERYBODY = "duty_everybody"  # because nobody could be told apart: see the troubles


class TroubleKind(StrEnum):
    """What is wrong with the duty of a house. The values are keys of translations."""

    NO_CAREGIVERS = "duty_no_caregivers"
    UNAVAILABLE = "duty_unavailable"
    UNKNOWN_NAME = "duty_unknown_name"
    NOBODY = "duty_nobody"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong, with what its sentence needs to say which."""

    kind: TroubleKind
    placeholders: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why somebody is on duty, with what its sentence needs: `entity`, `summary`, or `until` (ISO, UTC)."""

    why: Why
    placeholders: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover(Stored):
    """Somebody has said "I take over", from `since` to before `until`."""

    caregiver_id: str
    since: datetime
    until: datetime

    def lasts(self, now: datetime) -> bool:
        """Whether it is on. A clock that was set back does not end it."""
        return now < self.until


@dataclass(frozen=True, slots=True)
class Rota:
    """What schedules and calendars say now, by entity id; what is missing or None cannot be asked.

    A schedule is on or off; a calendar has the summaries of the events that are on.
    """

    schedules: Mapping[str, bool | None] = field(default_factory=dict)
    calendars: Mapping[str, Sequence[str] | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is on duty now and why, in the order of the caregivers, and what is wrong."""

    on_duty: Mapping[str, Reason]
    troubles: Sequence[Trouble] = ()


def on_duty(
    caregivers: Sequence[Caregiver], rota: Rota, takeover: Takeover | None, now: datetime
) -> Duty:
    """Work out who is on duty, by the id of the caregiver."""
    if not caregivers:
        return Duty({}, [Trouble(TroubleKind.NO_CAREGIVERS)])
    reasons = {one.caregiver_id: _reason(one, rota) for one in caregivers}
    found = {who: why for who, why in reasons.items() if why is not None}
    troubles = _troubles(caregivers, rota, is_empty=not found)
    if (
        takeover is not None
        and takeover.lasts(now)
        and any(one.caregiver_id == takeover.caregiver_id for one in caregivers)
    ):
        why = Reason(Why.TOOK_OVER, {UNTIL: takeover.until.isoformat()})
        return Duty({takeover.caregiver_id: why}, troubles)
    if troubles:
        return Duty(
            {who: why or Reason(Why.EVERYBODY) for who, why in reasons.items()},
            troubles,
        )
    return Duty(found)


def told(caregivers: Sequence[Caregiver], targets: Collection[str], duty: Duty) -> list[Caregiver]:
    """Whom a step tells, as its `tell` or the targets of its parts have it: each once.

    Where it names somebody who is no caregiver any more, it tells everybody: it must not fall silent by that.
    """
    known = {EVERYBODY, ON_DUTY, *(one.caregiver_id for one in caregivers)}
    is_for_all = EVERYBODY in targets or not known.issuperset(targets)
    return [
        one
        for one in caregivers
        if is_for_all
        or one.caregiver_id in targets
        or (ON_DUTY in targets and one.caregiver_id in duty.on_duty)
    ]


def _reason(caregiver: Caregiver, rota: Rota) -> Reason | None:
    entity_id = caregiver.duty
    if entity_id == ALWAYS:
        return Reason(Why.ALWAYS)
    if rota.schedules.get(entity_id):
        return Reason(Why.SCHEDULE, {ENTITY: entity_id})
    for summary in rota.calendars.get(entity_id) or ():
        if is_named(caregiver.name, summary):
            return Reason(Why.CALENDAR, {ENTITY: entity_id, SUMMARY: summary})
    return None


def is_named(name: str, summary: str) -> bool:
    """Whether an event's summary has a name in it, as a whole: Ann is not in "Anna", but in "ann & Ben"."""
    return re.search(rf"(?<!\w){re.escape(name.strip())}(?!\w)", summary, re.IGNORECASE) is not None


def _troubles(caregivers: Sequence[Caregiver], rota: Rota, *, is_empty: bool) -> list[Trouble]:
    entities = dict.fromkeys(one.duty for one in caregivers if one.duty != ALWAYS)
    known = {**rota.schedules, **rota.calendars}
    troubles = [
        Trouble(TroubleKind.UNAVAILABLE, {ENTITY: entity_id})
        for entity_id in entities
        if known.get(entity_id) is None
    ]
    if troubles or not is_empty:
        return troubles
    # An event is on, but whom it means nobody knows: more likely misspelt than nobody's turn.
    unknown = [
        Trouble(
            TroubleKind.UNKNOWN_NAME,
            {
                ENTITY: entity_id,
                SUMMARY: summary,
                NAMES: ", ".join(one.name for one in caregivers if one.duty == entity_id),
            },
        )
        for entity_id in entities
        for summary in rota.calendars.get(entity_id) or ()
    ]
    return unknown or [Trouble(TroubleKind.NOBODY)]
