"""What would keep an alert from being heard, as far as the house can tell. Nothing found is no promise."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from .household import Household, name_of_entity
from .plan import EVERYBODY, ON_DUTY, Caregiver, Plan
from .push import MOBILE_APP, phone_of

NOT_SEEN_FOR: Final = timedelta(days=1)
"""The design's: an app that is running tells something of its phone several times a day."""

# The app's own sensors, if the user has enabled them; without them nothing is known, and nothing said.
_DO_NOT_DISTURB: Final = "dnd_sensor"
_ALARM_VOLUME: Final = "volume_alarm"
_LETS_NOTHING_THROUGH: Final = ("total_silence",)
"""Alarms ring in all other modes of Android."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What would keep an alert from being heard: the key of its sentence, and what that needs to say which.

    `is_broken`: it will not go away by itself, so somebody has to mend it.
    """

    key: str
    placeholders: Mapping[str, str] = field(default_factory=dict)
    is_broken: bool = False


def obstacles(hass: HomeAssistant, household: Household, now: datetime) -> list[Obstacle]:
    """All there are, each once: of the caregivers and their phones, and of what the plans light and speak with."""
    found = [
        *(
            one
            for caregiver in household.caregivers
            for one in of_caregiver(hass, household, caregiver, now)
        ),
        *(one for plan in household.plans for one in of_plan(hass, household, plan)),
    ]
    if not household.caregivers:
        found.append(Obstacle("heard_no_caregivers", is_broken=True))
    if not household.all_plans:
        found.append(Obstacle("heard_no_plan"))
    found += [
        Obstacle("heard_plan_off", {"plan": plan.name})
        for plan in household.all_plans
        if plan not in household.plans
    ]
    return [one for number, one in enumerate(found) if one not in found[:number]]


def of_caregiver(
    hass: HomeAssistant, household: Household, caregiver: Caregiver, now: datetime
) -> Iterator[Obstacle]:
    """What would keep a caregiver from hearing."""
    who = {"name": caregiver.name}
    devices = household.phones_of(caregiver)
    if not devices and not caregiver.notify:
        yield Obstacle("heard_no_phone", who, is_broken=True)
    for device_id in devices:
        yield from _of_phone(hass, device_id, who, now)
    for entity_id in caregiver.notify:
        yield from _of_entity(hass, entity_id, who)


def _of_phone(
    hass: HomeAssistant, device_id: str, who: Mapping[str, str], now: datetime
) -> Iterator[Obstacle]:
    phone = phone_of(hass, device_id)
    if phone is None:
        yield Obstacle("heard_phone_gone", who, is_broken=True)
        return
    which = {**who, "phone": phone.name}
    if not phone.takes_pushes:
        yield Obstacle("heard_phone_takes_no_pushes", which, is_broken=True)
    entities = er.async_entries_for_device(er.async_get(hass), device_id)
    seen = [
        state.last_reported
        for entity in entities
        if entity.domain != "notify" and (state := hass.states.get(entity.entity_id))
    ]
    if seen and now - max(seen) > NOT_SEEN_FOR:
        yield Obstacle("heard_phone_not_seen", which)
    for entity in entities:
        if entity.platform != MOBILE_APP or (state := hass.states.get(entity.entity_id)) is None:
            continue
        sensor = entity.unique_id.removeprefix(f"{phone.webhook_id}_")
        if sensor == _DO_NOT_DISTURB and state.state in _LETS_NOTHING_THROUGH:
            yield Obstacle("heard_phone_silent", which)
        if sensor == _ALARM_VOLUME and state.state in ("0", "0.0"):
            yield Obstacle("heard_alarm_volume_off", which)


def of_plan(hass: HomeAssistant, household: Household, plan: Plan) -> Iterator[Obstacle]:
    """What would keep a plan's lamps and speakers from being noticed, and whom it names that is not there."""
    which = {"plan": plan.name}
    named: Sequence[str] = [one for step in plan.steps for one in step.tell]
    if any(one not in (EVERYBODY, ON_DUTY) and not household.caregiver(one) for one in named):
        yield Obstacle("heard_caregiver_gone", which, is_broken=True)
    for step in plan.steps:
        for entity_id in (*step.lights, *step.speakers, *([step.tts] if step.tts else [])):
            yield from _of_entity(hass, entity_id, which)


def _of_entity(hass: HomeAssistant, entity_id: str, which: Mapping[str, str]) -> Iterator[Obstacle]:
    state = hass.states.get(entity_id)
    name = which.get("plan") or which["name"]
    if state is None and er.async_get(hass).async_get(entity_id) is None:
        yield Obstacle("heard_entity_gone", {"entity": entity_id, "of": name}, is_broken=True)
    elif state is None or state.state == STATE_UNAVAILABLE:
        yield Obstacle(
            "heard_entity_unavailable", {"entity": name_of_entity(hass, entity_id), "of": name}
        )
