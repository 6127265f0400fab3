"""The actions by which people take care of alerts: acknowledge, snooze, and both undone.

None of them fails because there was nothing to do: a button on a phone may be pressed late. What was done
is in the answer.
"""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonValueType
import voluptuous as vol

from ..alerts.alert import AlertKey
from ..alerts.response_log import Episode
from ..alerts.snooze import Snooze
from ..durations import length_of_time
from ..event_data import about_episode, about_snooze
from ..responses.attribution import resolve_actor
from ..responses.care import acknowledge as acknowledge_all, with_witnesses
from ..responses.episodes import find_episode
from ..sources.coordinator import SourceCoordinator
from .targets import Targeted, targeted, with_other_sources

ACKNOWLEDGE: Final = "acknowledge"
UNACKNOWLEDGE: Final = "unacknowledge"
SNOOZE: Final = "snooze"
UNSNOOZE: Final = "unsnooze"

ATTR_NOTE: Final = "note"
ATTR_DURATION: Final = "duration"
ATTR_EPISODE_ID: Final = "episode_id"

LONGEST_NOTE: Final = 255
SHORTEST_SNOOZE: Final = timedelta(minutes=1)
LONGEST_SNOOZE: Final = timedelta(hours=24)
"""A snooze is easily forgotten: nobody is to find out weeks later that nothing rang."""

STILL_ASKED_OF: Final = timedelta(days=1)
"""How long after its end an episode still counts among those of a person that somebody may want to acknowledge."""

TARGET_SCHEMA = cv.make_entity_service_schema({})
ACKNOWLEDGE_SCHEMA = cv.make_entity_service_schema(
    {
        vol.Optional(ATTR_NOTE): vol.All(cv.string, vol.Length(max=LONGEST_NOTE)),
        vol.Optional(ATTR_EPISODE_ID): cv.string,
    }
)
SNOOZE_SCHEMA = cv.make_entity_service_schema(
    {
        vol.Required(ATTR_DURATION): length_of_time(SHORTEST_SNOOZE, LONGEST_SNOOZE),
        vol.Optional(ATTR_EPISODE_ID): cv.string,
    }
)


async def acknowledge(call: ServiceCall) -> ServiceResponse:
    """Acknowledge episodes: a sensor's own whoever has acknowledged it before, of people those that nobody has."""
    by = await resolve_actor(call.hass, call.context)
    # An empty note is none: forms send one.
    note = call.data.get(ATTR_NOTE) or None
    only: str | None = call.data.get(ATTR_EPISODE_ID)
    meant = {}
    for one in await _targeted(call):
        theirs = unacknowledged(one.coordinator, one.people)
        topics = [*_meant(one), *_but_exempt(one, theirs)]
        meant[one.coordinator] = topics if only is None else _of_episode(call.hass, one, only)
    episodes = await acknowledge_all(call.hass, meant, by=by, note=note, context=call.context)
    done: list[JsonValueType] = [_answer(call.hass, *one) for one in episodes]
    return {"acknowledged": done}


async def unacknowledge(call: ServiceCall) -> ServiceResponse:
    """Take acknowledgements back."""
    by = await resolve_actor(call.hass, call.context)
    meant = {}
    for one in await _targeted(call):
        theirs = [topic for topic, _ in _asked_of(one.coordinator, one.people)]
        meant[one.coordinator] = [*_meant(one), *_but_exempt(one, theirs)]
    found = await with_witnesses(call.hass, meant, call.context)
    # All at once: what is still somebody's would be handed on to what is not any more.
    changed = await asyncio.gather(
        *(
            coordinator.care.unacknowledge(topics, by=by, context=call.context, announce=announce)
            for coordinator, topics, announce in found
        )
    )
    done: list[JsonValueType] = [
        _answer(call.hass, coordinator, episode)
        for (coordinator, *_), episodes in zip(found, changed, strict=True)
        for episode in episodes
    ]
    return {"unacknowledged": done}


async def snooze(call: ServiceCall) -> ServiceResponse:
    """Keep the open episodes of sensors quiet, and all but high severity of people and sources."""
    by = await resolve_actor(call.hass, call.context)
    until = dt_util.utcnow() + call.data[ATTR_DURATION]
    only: str | None = call.data.get(ATTR_EPISODE_ID)
    done: list[JsonValueType] = []
    found = await _targeted(call)
    meant = {
        one.coordinator: _meant(one) if only is None else _of_episode(call.hass, one, only)
        for one in found
    }
    scopes = {one.coordinator: _scopes(one) for one in found} if only is None else {}
    topics_of: dict[SourceCoordinator, list[AlertKey]] = {one.coordinator: [] for one in found}
    for coordinator, topics, _ in await with_witnesses(call.hass, meant, call.context):
        topics_of.setdefault(coordinator, []).extend(topics)
    for coordinator, topics in topics_of.items():
        snoozes = await coordinator.care.snooze(
            topics=topics,
            people=scopes.get(coordinator),
            until=until,
            by=by,
            context=call.context,
        )
        done += [_snooze_answer(call.hass, coordinator, snooze) for snooze in snoozes]
    return {"snoozed": done, "until": until.isoformat()}


async def unsnooze(call: ServiceCall) -> ServiceResponse:
    """Hear the alerts of sensors again; of people and sources all that was snoozed of them."""
    by = await resolve_actor(call.hass, call.context)
    done: list[JsonValueType] = []
    found = await _targeted(call)
    topics_of = {
        one.coordinator: [
            AlertKey(person_id, alert_type, drill)
            for person_id, (_, alert_types) in one.alerts.items()
            for alert_type in alert_types
            for drill in (False, True)
        ]
        for one in found
    }
    scopes = {one.coordinator: _scopes(one) for one in found}
    meant = {
        one.coordinator: [
            *topics_of[one.coordinator],
            *_but_exempt(one, (topic for topic, _ in _asked_of(one.coordinator, one.people))),
        ]
        for one in found
    }
    for coordinator, topics, _ in await with_witnesses(call.hass, meant, call.context):
        known = meant.get(coordinator, ())
        topics_of.setdefault(coordinator, []).extend(one for one in topics if one not in known)
    for coordinator, topics in topics_of.items():
        snoozes = await coordinator.care.unsnooze(
            topics=topics, people=scopes.get(coordinator), by=by, context=call.context
        )
        done += [_snooze_answer(call.hass, coordinator, snooze) for snooze in snoozes]
    return {"unsnoozed": done}


async def _targeted(call: ServiceCall) -> list[Targeted]:
    """What is meant: of people what all sources have of them."""
    return await with_other_sources(call, await targeted(call, POLICY_CONTROL), POLICY_CONTROL)


def unacknowledged(coordinator: SourceCoordinator, people: Iterable[str]) -> list[AlertKey]:
    """What nobody has acknowledged of people (by their ids), open or not long over."""
    return [
        topic
        for topic, episode in _asked_of(coordinator, people)
        if episode.acknowledgement is None
    ]


def _asked_of(
    coordinator: SourceCoordinator, people: Iterable[str]
) -> Iterator[tuple[AlertKey, Episode]]:
    """What is open or not long over of people (by their ids); somebody may be gone since they were aimed at."""
    now = dt_util.utcnow()
    for person_id in people:
        if snapshot := coordinator.data.people.get(person_id):
            for topic, episode in snapshot.episodes.items():
                ended_at = episode.ended_at
                if ended_at is None or now - ended_at <= STILL_ASKED_OF:
                    yield topic, episode


def _meant(one: Targeted) -> list[AlertKey]:
    """The topics that single sensors stand for."""
    return [
        topic
        for person_id, (_, alert_types) in one.alerts.items()
        for alert_type in alert_types
        for topic in _topics(one.coordinator, person_id, alert_type)
    ]


def _of_episode(hass: HomeAssistant, one: Targeted, episode_id: str) -> list[AlertKey]:
    """What an episode is of, if it is among what is targeted and nothing newer has begun: a button is pressed late."""
    ref = find_episode(hass, episode_id)
    return [
        topic
        for part in (ref.witnesses if ref else ())
        if part.coordinator is one.coordinator
        and (topic := part.episode.topic).person_id in one.everybody
        and (topic.person_id in one.people or topic.alert_type in one.alerts[topic.person_id][1])
        and not one.exempts(topic.person_id, topic.alert_type)
    ]


def _but_exempt(one: Targeted, topics: Iterable[AlertKey]) -> list[AlertKey]:
    return [topic for topic in topics if not one.exempts(topic.person_id, topic.alert_type)]


def _topics(coordinator: SourceCoordinator, person_id: str, alert_type: str) -> list[AlertKey]:
    """What is going on of an alert type, a drill and what is real; if nothing is, the newest that was."""
    topics = [AlertKey(person_id, alert_type, drill) for drill in (False, True)]
    going_on = [
        topic
        for topic in topics
        if (episode := coordinator.data.episode(topic)) and episode.is_open
    ]
    return going_on or topics[:1]


def _scopes(one: Targeted) -> dict[str | None, frozenset[str]]:
    """Whose snoozes, and the alert types that are exempt from each."""
    if one.is_whole:
        return {None: frozenset()}
    return {person_id: one.exempt.get(person_id, frozenset()) for person_id in one.people}


def _answer(
    hass: HomeAssistant, coordinator: SourceCoordinator, episode: Episode
) -> dict[str, JsonValueType]:
    said = about_episode(hass, coordinator, episode)
    return {
        **{
            name: said[name]
            for name in (ATTR_ENTITY_ID, "device_id", "person", "episode_id", "since")
        },
        "alert_type": episode.topic.alert_type,
        "drill": episode.topic.drill,
    }


def _snooze_answer(
    hass: HomeAssistant, coordinator: SourceCoordinator, snooze: Snooze
) -> dict[str, JsonValueType]:
    said = about_snooze(hass, coordinator, snooze)
    return {
        name: said.get(name)
        for name in ("scope", ATTR_ENTITY_ID, "device_id", "person", "alert_type", "drill")
    }
