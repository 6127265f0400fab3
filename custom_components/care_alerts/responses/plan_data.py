"""The parts of a household as forms give them and as they are kept: strict towards people, tolerant towards disks.

A form with anything in it that may not be is refused, with the field (`vol.Invalid.path`) and the
translation key of what is wrong (`vol.Invalid.msg`). On disk what cannot be read is left at its default,
which never makes a house quieter, and is named; all else is kept.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, replace
from datetime import time
from enum import Enum
from typing import Any, Final
from uuid import uuid4

import voluptuous as vol

from .fields import CAREGIVER, PLAN, SAME_PERSON, STEP, Fields
from .plan import EVERYBODY, ON_DUTY, Caregiver, Plan, QuietHours, SamePerson, Step, proposed_plan

MOST_STEPS: Final = 20
"""Ours: more than anybody could follow."""


def caregiver_from_form(caregiver_id: str, data: Mapping[str, Any]) -> Caregiver:
    """A caregiver as a form gives them.

    Raises:
        vol.Invalid: something in it is not as it may be.

    """
    return Caregiver(caregiver_id=caregiver_id, **_strict(CAREGIVER, data, "name"))


def same_person_from_form(
    same_id: str, data: Mapping[str, Any], *, others: Collection[SamePerson]
) -> SamePerson:
    """Somebody whom several sources have, as a form gives them.

    Raises:
        vol.Invalid: something in it is not as it may be, it is not of two at least, or one is among `others`.

    """
    one = SamePerson(same_id=same_id, **_strict(SAME_PERSON, data, "name", "people"))
    if len(one.people) < 2:
        raise vol.Invalid("needs_two", path=["people"])
    if any(not set(one.people).isdisjoint(other.people) for other in others):
        raise vol.Invalid("is_another", path=["people"])
    return one


def plan_from_form(
    plan_id: str,
    data: Mapping[str, Any],
    *,
    caregivers: Collection[str],
    before: Plan | None = None,
) -> Plan:
    """A plan as a form gives it; its steps keep the ids that they had `before`.

    Raises:
        vol.Invalid: something in it is not as it may be, names a caregiver whose id is not among
            `caregivers`, or is a step that does nothing.

    """
    given = data.get("steps")
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise vol.Invalid("no_steps", path=["steps"])
    if len(given) > MOST_STEPS:
        raise vol.Invalid("too_many_steps", path=["steps"])
    known = {EVERYBODY, ON_DUTY, *caregivers}
    steps = []
    for number, one in enumerate(given):
        try:
            steps.append(_step(one, known))
        except vol.Invalid as error:
            error.prepend(["steps", number])
            raise
    others = {key: value for key, value in data.items() if key != "steps"}
    return Plan(plan_id=plan_id, steps=_with_ids(steps, before), **_strict(PLAN, others, "name"))


def _step(data: Any, known: Collection[str]) -> Step:
    if not isinstance(data, Mapping):
        raise vol.Invalid("no_step")
    step = Step(**{"step_id": ""} | _strict(STEP, data, "after"))
    if not step.parts:
        raise vol.Invalid("step_does_nothing")
    if not set(step.tell) <= set(known):
        raise vol.Invalid("no_such_caregiver", path=["tell"])
    if step.speakers and step.tts is None:
        raise vol.Invalid("speakers_need_tts", path=["tts"])
    if step.times is not None and step.every is None:
        raise vol.Invalid("times_need_every", path=["times"])
    return step


_ALIKE: Final[Sequence[Callable[[Step, Step], bool]]] = (
    lambda old, new: old.step_id == new.step_id,
    lambda old, new: replace(old, step_id="") == replace(new, step_id=""),
    lambda old, new: old.parts == new.parts,
    lambda old, new: not old.parts.isdisjoint(new.parts),
)
"""What makes a step the one that it was before, best first."""


def _with_ids(steps: Sequence[Step], before: Plan | None) -> tuple[Step, ...]:
    """Steps with the ids of those that they were; what is new gets one that no step ever had."""
    left = list(before.steps) if before else []
    found: dict[int, str] = {}
    for is_alike in _ALIKE:
        for number, step in enumerate(steps):
            if number in found:
                continue
            if old := next((old for old in left if is_alike(old, step)), None):
                found[number] = old.step_id
                left.remove(old)
    return tuple(
        replace(step, step_id=found.get(number) or uuid4().hex) for number, step in enumerate(steps)
    )


def _strict(table: Fields, data: Mapping[str, Any], *required: str) -> dict[str, Any]:
    for key in required:
        if key not in data:
            raise vol.Invalid("required", path=[key])
    found = {}
    for key, value in data.items():
        if key not in table:
            raise vol.Invalid("no_such_field", path=[key])
        try:
            found[key] = table[key](value)
        except vol.Invalid as error:
            error.prepend([key])
            raise
    return found


# What is kept.


def caregiver_from_data(caregiver_id: str, data: Any) -> tuple[Caregiver, list[str]]:
    """A caregiver as kept, and the fields that could not be read."""
    found, unreadable = _tolerant(CAREGIVER, data)
    return Caregiver(**{"name": caregiver_id} | found, caregiver_id=caregiver_id), unreadable


def same_person_from_data(same_id: str, data: Any) -> tuple[SamePerson, list[str]]:
    """Somebody whom several sources have, as kept, and the fields that could not be read: then nobody is one with anybody."""
    found, unreadable = _tolerant(SAME_PERSON, data)
    return SamePerson(**{"name": same_id} | found, same_id=same_id), unreadable


def plan_from_data(plan_id: str, data: Any) -> tuple[Plan, list[str]]:
    """A plan as kept, and what could not be read of it; with no readable step it has those of the proposal."""
    found, unreadable = _tolerant(PLAN, data)
    steps = []
    stored = data.get("steps") if isinstance(data, Mapping) else None
    for number, one in enumerate(stored if isinstance(stored, Sequence) else ()):
        fields_of, broken = _tolerant(STEP, one)
        unreadable += [f"steps.{number}.{key}" for key in broken]
        # Without its time it is not known when; then at once: rather too early than never.
        fallback: dict[str, Any] = {"step_id": str(number), "after": 0}
        step = Step(**fallback | fields_of)
        if step.parts:
            steps.append(step)
        else:
            unreadable.append(f"steps.{number}")
    if not steps:
        unreadable.append("steps")
    plan = proposed_plan(plan_id, plan_id)
    return replace(plan, **found, steps=tuple(steps) or plan.steps), unreadable


def _tolerant(table: Fields, data: Any) -> tuple[dict[str, Any], list[str]]:
    found: dict[str, Any] = {}
    unreadable = []
    for key, value in data.items() if isinstance(data, Mapping) else ():
        if key not in table:
            continue  # of a newer version, or an id
        try:
            found[key] = table[key](value)
        except vol.Invalid:
            unreadable.append(key)
    return found, unreadable


def as_data(kept: Plan | Caregiver | SamePerson | Step) -> dict[str, Any]:
    """As JSON values, which `plan_from_data` and its like read; without the id, which is the key."""
    data = {one.name: _json(getattr(kept, one.name)) for one in fields(kept)}
    ids = ("plan_id", "caregiver_id", "same_id")
    return {key: value for key, value in data.items() if key not in ids}


def _json(value: Any) -> Any:
    match value:
        case Step():
            return {one.name: _json(getattr(value, one.name)) for one in fields(value)}
        case QuietHours():
            return {"from": value.start.isoformat(), "to": value.end.isoformat()}
        case Enum():
            return value.value
        case frozenset():
            return sorted(_json(one) for one in value)
        case tuple():
            return [_json(one) for one in value]
        case time():
            return value.isoformat()
        case Mapping():
            return dict(value)
    return value
