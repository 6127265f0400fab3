"""The actions that reach caregivers: notify them of an episode, take over, and ask what would happen."""

from datetime import timedelta
from typing import Any, Final

from homeassistant.auth.permissions.const import POLICY_CONTROL, POLICY_READ
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv, entity_registry as er
from homeassistant.helpers.target import (
    SelectedEntities,
    TargetSelection,
    async_extract_referenced_entity_ids,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..alerts.alert import Severity
from ..const import DOMAIN
from ..durations import length_of_time
from ..responses.episodes import find_episode, need_of
from ..responses.explain import explain as explained
from ..responses.household import Household
from ..responses.plan import EVERYBODY, ON_DUTY, Caregiver, Text
from ..responses.push import MOBILE_APP, phone_of
from ..responses.responder import RESPONDER
from ..sources import ALERT_TYPES
from ..sources.targets import exempted_by, without_exclude
from .targets import check_episode, check_permission, targeted
from .testing import first_type

NOTIFY: Final = "notify"
TAKE_DUTY: Final = "take_duty"
EXPLAIN: Final = "explain"

ATTR_EPISODE_ID: Final = "episode_id"
ATTR_CAREGIVERS: Final = "caregivers"
ATTR_CAREGIVER: Final = "caregiver"
ATTR_BREAK_THROUGH: Final = "break_through"
ATTR_TEXT: Final = "text"
ATTR_DURATION: Final = "duration"
ATTR_ALERT_TYPE: Final = "alert_type"
ATTR_SEVERITY: Final = "severity"

SHORTEST_DUTY: Final = timedelta(minutes=1)
LONGEST_DUTY: Final = timedelta(days=7)
"""Ours: who takes over for longer changes the schedule. Forgotten, it would leave others out for good."""

NOTIFY_SCHEMA = vol.Schema(
    {
        **cv.TARGET_SERVICE_FIELDS,
        # Not every alert belongs to an episode: a trigger gives None then.
        vol.Required(ATTR_EPISODE_ID): vol.Any(None, cv.string),
        vol.Optional(ATTR_CAREGIVERS, default=list): vol.All(cv.ensure_list, [cv.string]),
        vol.Optional(ATTR_BREAK_THROUGH, default=[Severity.HIGH.value]): vol.All(
            cv.ensure_list, [vol.Coerce(Severity)]
        ),
        vol.Optional(ATTR_TEXT, default=Text.FULL.value): vol.Coerce(Text),
    }
)
TAKE_DUTY_SCHEMA = vol.Schema(
    {
        vol.Optional(ATTR_CAREGIVER): cv.string,
        vol.Required(ATTR_DURATION): length_of_time(SHORTEST_DUTY, LONGEST_DUTY),
    }
)
EXPLAIN_SCHEMA = cv.make_entity_service_schema(
    {
        vol.Optional(ATTR_ALERT_TYPE): vol.In(sorted(ALERT_TYPES)),
        vol.Optional(ATTR_SEVERITY, default=Severity.HIGH.value): vol.Coerce(Severity),
    }
)


async def notify(call: ServiceCall) -> ServiceResponse:
    """Notify phones, notify entities or caregivers of an episode, while it needs somebody.

    Return `{told: [ids], failed: [ids], reason}`; `reason` says why nobody was told, where that is so. An
    automation may be late: an episode that is over or acknowledged is no error.

    Raises:
        ServiceValidationError: nobody is named, or somebody who is no caregiver.
        Unauthorized, UnknownUser: the user may not control what the episode is of, or what is targeted.

    """
    responder = call.hass.data[RESPONDER]
    phones, entities = _targeted(call)
    own = Caregiver(
        caregiver_id="",
        name="",
        phones=phones,
        notify=entities,
        break_through=frozenset(call.data[ATTR_BREAK_THROUGH]),
        text=call.data[ATTR_TEXT],
    )
    caregivers = _caregivers(responder.household, call.data[ATTR_CAREGIVERS])
    if not caregivers and not own.phones and not own.notify:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="nobody_to_notify")
    if own.notify:
        await check_permission(call, POLICY_CONTROL, own.notify)
    for phone in own.phones:
        await check_permission(call, POLICY_CONTROL, _notify_entities(call.hass, phone))
    episode_id = call.data[ATTR_EPISODE_ID]
    ref = find_episode(call.hass, episode_id) if episode_id else None
    if ref is None:
        return {"told": [], "failed": [], "reason": "no_such_episode"}
    await check_episode(call, ref, POLICY_CONTROL)
    need = need_of(call.hass, ref.episode.episode_id, ref.entry_id, dt_util.utcnow())
    if not need.goes_on:
        return {"told": [], "failed": [], "reason": need.value}
    told, failed = await responder.async_notify(ref, [own, *caregivers])
    return {"told": [*told], "failed": [*failed], "reason": None}


async def take_duty(call: ServiceCall) -> ServiceResponse:
    """Have a caregiver be on duty alone for a while; return `{caregiver, until}`. Without one, whoever calls is meant.

    Raises:
        ServiceValidationError: there is no household, or no such caregiver in it.
        Unauthorized, UnknownUser: the user is another, and may not control who is on duty.

    """
    household = _household(call.hass)
    if wanted := call.data.get(ATTR_CAREGIVER):
        [caregiver] = _caregivers(household, [wanted])
        if household.user_id_of(caregiver) != call.context.user_id:
            # Who sends somebody else home must be allowed to.
            await check_permission(call, POLICY_CONTROL, household.on_duty_entities)
    else:
        user_id = call.context.user_id
        own = [one for one in household.caregivers if household.user_id_of(one) == user_id]
        if user_id is None or not own:
            raise ServiceValidationError(
                translation_domain=DOMAIN, translation_key="you_are_no_caregiver"
            )
        caregiver = own[0]
    until = await household.take_duty(caregiver, call.data[ATTR_DURATION])
    call.hass.data[RESPONDER].look()
    return {"caregiver": caregiver.name, "until": until.isoformat()}


async def explain(call: ServiceCall) -> ServiceResponse:
    """Tell what would happen now about an alert of each person who is targeted; as `explain.explain` has it.

    Raises:
        ServiceValidationError: there is no household, or nobody is targeted.
        Unauthorized, UnknownUser: the user may not read what is targeted.

    """
    household = _household(call.hass)
    now = dt_util.utcnow()
    found: list[dict[str, Any]] = []
    for one in await targeted(call, POLICY_READ):
        for person_id, where in one.everybody.items():
            person = one.coordinator.data.people[person_id]
            types = one.alerts[person_id][1] if person_id in one.alerts else []
            alert_type = (
                call.data.get(ATTR_ALERT_TYPE)
                or next(iter(types), None)
                or first_type(one.coordinator, person, one.exempt.get(person_id, ()))
            )
            found.append(
                {
                    **where.as_data,
                    "alert_type": alert_type,
                    "severity": call.data[ATTR_SEVERITY].value,
                    **explained(
                        call.hass,
                        household,
                        one.coordinator,
                        person,
                        alert_type=alert_type,
                        severity=call.data[ATTR_SEVERITY],
                        now=now,
                    ),
                }
            )
    return {"people": [*found]}


def _targeted(call: ServiceCall) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The phones and the notify entities of a target; the notify entity of a phone stands for the phone."""
    selection = TargetSelection(without_exclude(call.data))
    phones, entities = _among(call.hass, async_extract_referenced_entity_ids(call.hass, selection))
    # Whoever names a phone that is gone is to be told so; of an area, what is no phone is not meant.
    phones = dict.fromkeys((*cv.ensure_list(call.data.get(ATTR_DEVICE_ID) or []), *phones))
    exempt = exempted_by(call.hass, call.data)
    exempt_phones, exempt_entities = _among(call.hass, exempt)
    return (
        tuple(one for one in phones if one not in {*exempt_phones, *exempt.referenced_devices}),
        tuple(one for one in entities if one not in exempt_entities),
    )


def _among(hass: HomeAssistant, selected: SelectedEntities) -> tuple[dict[str, None], list[str]]:
    phones = dict.fromkeys(
        device_id for device_id in selected.referenced_devices if phone_of(hass, device_id)
    )
    entities: list[str] = []
    registry = er.async_get(hass)
    for entity_id in sorted(selected.referenced | selected.indirectly_referenced):
        if entity_id.partition(".")[0] != NOTIFY:
            continue
        entity = registry.async_get(entity_id)
        if entity and entity.platform == MOBILE_APP and entity.device_id:
            phones[entity.device_id] = None
        else:
            entities.append(entity_id)
    return phones, entities


def _notify_entities(hass: HomeAssistant, device_id: str) -> list[str]:
    """What Home Assistant reaches a phone by: whoever may not control that does not reach it by us."""
    return [
        entity.entity_id
        for entity in er.async_entries_for_device(
            er.async_get(hass), device_id, include_disabled_entities=True
        )
        if entity.domain == NOTIFY
    ]


def _household(hass: HomeAssistant) -> Household:
    household = hass.data[RESPONDER].household
    if household is None:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_household")
    return household


def _caregivers(household: Household | None, wanted: list[str]) -> list[Caregiver]:
    """The caregivers of these names or ids, or who is on duty, or everybody."""
    known = household.caregivers if household else ()
    on_duty = household.duty(dt_util.utcnow()).on_duty if household else {}
    found: dict[str, Caregiver] = {}
    for name in wanted:
        meant = [
            one
            for one in known
            if name == EVERYBODY
            or (name == ON_DUTY and one.caregiver_id in on_duty)
            or name == one.caregiver_id
            or name.casefold() == one.name.casefold()
        ]
        if not meant:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="no_such_caregiver",
                translation_placeholders={"name": name},
            )
        found |= {one.caregiver_id: one for one in meant}
    return list(found.values())
