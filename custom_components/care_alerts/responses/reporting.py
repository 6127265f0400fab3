"""What is told of duty and of drills, in the house's language, with the names that the house has."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util

from ..sources.targets import device_ref
from .duty import ENTITY, UNTIL, Duty, Reason
from .episodes import EpisodeRef, find_episode
from .household import Household, name_of_entity
from .localize import localize, localize_duration, localize_time
from .log import Delivery, EpisodeResponse, StepRecord
from .plan import PartKind
from .report import report

if TYPE_CHECKING:
    from .responder import Responder


_DELIVERIES: Final = {
    Delivery.SENT: "delivery_sent",
    Delivery.FAILED: "delivery_failed",
    Delivery.RECEIVED: "delivery_received",
    Delivery.UNKNOWN: "delivery_unknown",
}


def duty_reasons(hass: HomeAssistant, household: Household, duty: Duty) -> list[str]:
    """Why each of those on duty is, in the order of the caregivers, and what is wrong."""
    reasons = [
        f"{one.name} {_sentence(hass, duty.on_duty[one.caregiver_id])}"
        for one in household.caregivers
        if one.caregiver_id in duty.on_duty
    ]
    troubles = [
        localize(hass, one.kind.value, **readable(hass, dict(one.placeholders)))
        for one in duty.troubles
    ]
    return [*reasons, *troubles]


def _sentence(hass: HomeAssistant, reason: Reason) -> str:
    return localize(hass, reason.why.value, **readable(hass, dict(reason.placeholders)))


def readable(hass: HomeAssistant, placeholders: dict[str, str]) -> dict[str, str]:
    """Placeholders of duty as people read them: the names of entities, times by the house's clock."""
    if entity_id := placeholders.get(ENTITY):
        placeholders[ENTITY] = name_of_entity(hass, entity_id)
    if until := placeholders.get(UNTIL):
        moment = dt_util.parse_datetime(until)
        placeholders[UNTIL] = localize_time(hass, moment, dt_util.utcnow()) if moment else until
    return placeholders


def name_of(hass: HomeAssistant, household: Household | None) -> Callable[[str], str]:
    """What a phone, entity, caregiver or plan is called; its id where nobody knows."""
    names: dict[str, str] = {}
    if household:
        names |= {one.caregiver_id: one.name for one in household.caregivers}
        names |= {one.plan_id: one.name for one in household.all_plans}
    devices = dr.async_get(hass)

    def name(which: str) -> str:
        if which in names:
            return names[which]
        if device := devices.async_get(which):
            return device.name_by_user or device.name or which
        return name_of_entity(hass, which)

    return name


def drill_report(hass: HomeAssistant, responder: Responder) -> list[dict[str, Any]]:
    """What came of the newest drill, by its episodes; empty before the first."""
    drill = responder.store.kept.drill
    found = []
    for episode_id in drill.episode_ids if drill else ():
        if ref := find_episode(hass, episode_id):
            response = responder.store.state.of(ref.episode.ids)
            said = report(ref.episode, response, name_of(hass, responder.household))
            found.append({"person": _person_of(hass, ref), **said})
    return found


def drill_summary(hass: HomeAssistant, responder: Responder) -> list[str]:
    """The same as sentences: for each person whether somebody answered, and what was done, with what came of it."""
    lines: list[str] = []
    now = dt_util.utcnow()
    drill = responder.store.kept.drill
    name = name_of(hass, responder.household)
    for episode_id in drill.episode_ids if drill else ():
        ref = find_episode(hass, episode_id)
        if ref is None:
            continue
        response = responder.store.state.of(ref.episode.ids)
        lines += [
            _answer(hass, ref, response),
            *(
                line
                for record in response.records
                for line in _done(hass, record, response, name, now)
            ),
        ]
    return lines


def _answer(hass: HomeAssistant, ref: EpisodeRef, response: EpisodeResponse) -> str:
    person = _person_of(hass, ref)
    held = ref.episode.acknowledgement
    began = min((one.begun_at for one in response.records), default=ref.episode.opened.received_at)
    if held:
        who = held.by.name or localize(hass, "somebody")
        age = localize_duration(hass, held.at - began)
        return localize(hass, "report_answered", person=person, who=who, age=age)
    if ref.episode.is_open:
        return localize(hass, "report_waiting", person=person)
    return localize(hass, "report_unanswered", person=person)


def _person_of(hass: HomeAssistant, ref: EpisodeRef) -> str:
    return device_ref(hass, ref.coordinator, ref.person).name


def _done(
    hass: HomeAssistant,
    record: StepRecord,
    response: EpisodeResponse,
    name: Callable[[str], str],
    now: datetime,
) -> Iterator[str]:
    time = localize_time(hass, record.begun_at, now)
    found = []
    for one in response.receipts:
        if one.key == record.key:
            texts = {
                "time": time,
                "who": name(one.phone),
                "delivery": localize(hass, _DELIVERIES[one.delivery]),
            }
            if one.delivery is Delivery.RECEIVED:
                seconds = f"{(one.settled_at - one.sent_at).total_seconds():.0f}"
                found.append(localize(hass, "report_told_after", **texts, seconds=seconds))
            else:
                found.append(localize(hass, "report_told", **texts))
    found += [
        localize(hass, "report_acted", time=time, what=name(part.target))
        for part in sorted(record.parts)
        if part.kind is not PartKind.TELL
    ]
    for line in found:
        yield localize(hass, "report_redelivered", line=line) if record.redelivered else line
