"""What would happen now, step by step: who would be told and why, by which phones, and what may keep it from being heard."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..alerts.alert import Severity
from ..alerts.snapshot import PersonSnapshot
from ..sources.coordinator import SourceCoordinator
from .duty import told
from .heard import Obstacle, of_caregiver, of_plan
from .household import Household
from .localize import localize
from .plan import PartKind, Plan, Step
from .reporting import duty_reasons, name_of


def explain(
    hass: HomeAssistant,
    household: Household,
    coordinator: SourceCoordinator,
    person: PersonSnapshot,
    *,
    alert_type: str,
    severity: Severity,
    now: datetime,
) -> dict[str, Any]:
    """What would be done about an alert that came now, if nobody answered.

    `{on_duty: [sentences], plans: [{plan, steps: [{after_minutes, tell: [{who, on_duty, phones, notify}],
    lights, speakers, every_minutes, times}], may_not_be_heard: [sentences]}]}`; without a plan that is for it,
    `plans` is empty.
    """
    duty = household.duty(now)
    return {
        "on_duty": duty_reasons(hass, household, duty),
        "plans": [
            {
                "plan": plan.name,
                "steps": [_step(hass, household, plan, step, severity, now) for step in plan.climb],
                "may_not_be_heard": _sentences(hass, _obstacles(hass, household, plan, now)),
            }
            for plan in household.plans
            if (not plan.alert_types or alert_type in plan.alert_types)
            and severity.rank >= plan.least_severity.rank
            and household.is_for(plan, coordinator, person, alert_type)
        ],
    }


def _step(
    hass: HomeAssistant,
    household: Household,
    plan: Plan,
    step: Step,
    severity: Severity,
    now: datetime,
) -> Mapping[str, Any]:
    at = now + timedelta(minutes=step.after)
    parts = plan.parts_now(step, severity, at, dt_util.get_default_time_zone())
    name = name_of(hass, household)
    return {
        "after_minutes": step.after,
        "tell": [
            {
                "who": one.name,
                "phones": [name(phone) for phone in household.phones_of(one)],
                "notify": [name(entity_id) for entity_id in one.notify],
            }
            for one in told(household.caregivers, step.tell, household.duty(now))
        ],
        "lights": sorted(name(one.target) for one in parts if one.kind is PartKind.LIGHT),
        "speakers": sorted(name(one.target) for one in parts if one.kind is PartKind.SPEAKER),
        "every_minutes": step.every,
        "times": step.times,
    }


def _obstacles(
    hass: HomeAssistant, household: Household, plan: Plan, now: datetime
) -> Iterator[Obstacle]:
    everybody = {
        one.caregiver_id: one
        for step in plan.steps
        for one in told(household.caregivers, step.tell, household.duty(now))
    }
    for caregiver in everybody.values():
        yield from of_caregiver(hass, household, caregiver, now)
    yield from of_plan(hass, household, plan)


def _sentences(hass: HomeAssistant, obstacles: Iterator[Obstacle]) -> list[str]:
    return list(dict.fromkeys(localize(hass, one.key, **one.placeholders) for one in obstacles))
