"""Voice: what somebody may ask of a voice assistant, and "I have it".

It speaks only of people who are exposed to the assistant, by any of their entities, and whom whoever asks may see.
A voice in a room is nobody's in particular: it may see what is exposed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_CONTROL, POLICY_READ
from homeassistant.components.homeassistant.exposed_entities import async_should_expose
from homeassistant.const import CONF_SOURCE
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import area_registry as ar, device_registry as dr
from homeassistant.util import dt as dt_util

from .alerts.acknowledgement import Actor, Via
from .alerts.alert import AlertKey
from .alerts.nights import night_of
from .const import DOMAIN
from .person_data import PersonRef, find_person
from .responses.answers import Known, acknowledged_text, active_text, night_text
from .responses.care import acknowledge as acknowledge_all
from .responses.episodes import SAME_PEOPLE, find_episode, refs_since
from .responses.localize import localize
from .responses.message import Notice
from .responses.notices import known_of, notice_of, wording_of
from .responses.permissions import entities_of_person, forbidden
from .responses.reporting import duty_reasons
from .responses.responder import RESPONDER
from .sources import SOURCES
from .sources.coordinator import SourceCoordinator


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks: by which assistant, from which device, as which user; None where it is a voice in a room."""

    assistant: str
    user: User | None = None
    device_id: str | None = None
    context: Context = field(default_factory=Context)

    def may(self, permission: str, entity_ids: list[str]) -> bool:
        """Whether they have a permission for entities."""
        return self.user is None or forbidden(self.user, permission, entity_ids) is None


async def asker_of(
    hass: HomeAssistant, assistant: str, context: Context | None, device_id: str | None
) -> Asker | None:
    """Who asks; None if it is a user who is not there any more."""
    context = context or Context()
    user = None
    if context.user_id is not None:
        user = await hass.auth.async_get_user(context.user_id)
        if user is None:
            return None
    return Asker(assistant=assistant, user=user, device_id=device_id, context=context)


def active(hass: HomeAssistant, asker: Asker) -> str:
    """What goes on."""
    now = dt_util.utcnow()
    return active_text(
        _all_known(hass, people_for(hass, asker, POLICY_READ), now, since=now),
        wording_of(hass, now),
    )


def night(hass: HomeAssistant, asker: Asker) -> str:
    """How the night was."""
    now = dt_util.utcnow()
    since, until = night_of(now, dt_util.get_default_time_zone())
    return night_text(
        _all_known(hass, people_for(hass, asker, POLICY_READ), now, since=since, until=until),
        wording_of(hass, now),
        since,
    )


def who_is_on_duty(hass: HomeAssistant, asker: Asker) -> str:
    """Who is on duty, and why."""
    household = hass.data[RESPONDER].household
    if household is None:
        return localize(hass, "answer_no_household")
    # Not by any entity: a plan's switch is exposed by default, as all switches are.
    entity_ids = household.on_duty_entities
    if not _is_exposed(hass, asker, entity_ids) or not asker.may(POLICY_READ, entity_ids):
        return localize(hass, "answer_nobody_exposed")
    reasons = duty_reasons(hass, household, household.duty(dt_util.utcnow()))
    return " ".join(one if one.endswith(".") else f"{one}." for one in reasons)


async def acknowledge(hass: HomeAssistant, asker: Asker) -> str:
    """Acknowledge what goes on and nobody has, as who asks, or as the room that they are in."""
    by = Actor(asker.user.name, Via.USER) if asker.user else Actor(_room(hass, asker), Via.VOICE)
    people = list(people_for(hass, asker, POLICY_CONTROL))
    meant: dict[SourceCoordinator, list[AlertKey]] = {}
    for person in people:
        if (coordinator := person.coordinator) is None or (snapshot := person.snapshot) is None:
            continue
        meant.setdefault(coordinator, []).extend(
            topic
            for topic, episode in snapshot.episodes.items()
            if episode.is_open and episode.acknowledgement is None
        )
    done = await acknowledge_all(hass, meant, by=by, note=None, context=asker.context)
    now = dt_util.utcnow()
    refs = {
        ref.episode.episode_id: ref
        for _, episode in done
        if (ref := find_episode(hass, episode.episode_id))
    }
    return acknowledged_text(
        [notice_of(hass, ref) for ref in refs.values()],
        _all_known(hass, people, now, since=now),
        wording_of(hass, now),
    )


def people_for(hass: HomeAssistant, asker: Asker, permission: str) -> Iterator[PersonRef]:
    """The people of whom somebody may be told, by name; also those whose source does not run."""
    found: list[PersonRef] = []
    for entry in hass.config_entries.async_entries(DOMAIN, include_disabled=False):
        if entry.data.get(CONF_SOURCE) not in SOURCES:
            continue
        for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id):
            entity_ids = entities_of_person(hass, device.id)
            if (
                (ref := find_person(hass, device.id))
                and _is_exposed(hass, asker, entity_ids)
                and asker.may(permission, entity_ids)
            ):
                found.append(ref)
    return iter(sorted(found, key=lambda ref: (ref.name, ref.device.id)))


def _is_exposed(hass: HomeAssistant, asker: Asker, entity_ids: list[str]) -> bool:
    return any(async_should_expose(hass, asker.assistant, one) for one in entity_ids)


def _room(hass: HomeAssistant, asker: Asker) -> str | None:
    """The room of the device that was spoken to, or what that is called."""
    devices = dr.async_get(hass)
    device = devices.async_get(asker.device_id) if asker.device_id else None
    if device is None:
        return None
    area_id = dr.async_get_effective_area_id(hass, device)
    area = ar.async_get(hass).async_get_area(area_id) if area_id else None
    return area.name if area else device.name_by_user or device.name


def _all_known(
    hass: HomeAssistant,
    people: Iterable[PersonRef],
    now: datetime,
    *,
    since: datetime,
    until: datetime | None = None,
) -> list[Known]:
    """What is known of people, with their episodes that were between two times; what several sources have of one as one."""
    same: dict[tuple[str, ...], list[PersonRef]] = {}
    for one in people:
        same.setdefault(tuple(hass.data[SAME_PEOPLE].devices(one.device.id)), []).append(one)
    found: list[Known] = []
    for theirs in same.values():
        # One alone has its own, whatever else its source has of them.
        are_one = len(hass.data[SAME_PEOPLE].devices(theirs[0].device.id)) > 1
        running = [
            (ref.coordinator, ref.snapshot) for ref in theirs if ref.coordinator and ref.snapshot
        ]
        notices = [
            notice_of(hass, ref)
            for ref in refs_since(running, since, now, are_one=are_one)
            if until is None or ref.episode.opened.observed_at <= until
        ]
        # Of whoever has a source that runs, something is known.
        theirs.sort(key=lambda ref: ref.snapshot is None)
        found += [
            _known(hass, ref, notices=() if number else notices, is_also=number > 0)
            for number, ref in enumerate(theirs)
        ]
    return found


def _known(
    hass: HomeAssistant, ref: PersonRef, *, notices: Sequence[Notice], is_also: bool
) -> Known:
    """What is known of somebody as one source has them."""
    coordinator, snapshot = ref.coordinator, ref.snapshot
    if coordinator is None or snapshot is None:
        trouble = localize(hass, "answer_not_running")
        return Known(person=ref.name, source=ref.entry.title, trouble=trouble, is_also=is_also)
    return known_of(hass, coordinator, snapshot, notices=notices, is_also=is_also)
