"""The actions by which people take care of alerts: acknowledge, snooze, and both undone.

None of them fails because there was nothing to do: a button on a phone may be pressed late. What was done
is in the answer.
"""

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
from ..sources.coordinator import SourceCoordinator
from .targets import Targeted, targeted

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
    done: list[JsonValueType] = []
    for one in await targeted(call, POLICY_CONTROL):
        theirs = unacknowledged(one.coordinator, one.people)
        topics = [*_meant(one), *_but_exempt(one, theirs)]
        episodes = await one.coordinator.care.acknowledge(
            topics if only is None else _of_episode(one, only),
            by=by,
            note=note,
            context=call.context,
        )
        done += [_answer(call.hass, one.coordinator, episode) for episode in episodes]
    return {"acknowledged": done}


async def unacknowledge(call: ServiceCall) -> ServiceResponse:
    """Take acknowledgements back."""
    by = await resolve_actor(call.hass, call.context)
    done: list[JsonValueType] = []
    for one in await targeted(call, POLICY_CONTROL):
        theirs = [topic for topic, _ in _asked_of(one.coordinator, one.people)]
        episodes = await one.coordinator.care.unacknowledge(
            [*_meant(one), *_but_exempt(one, theirs)], by=by, context=call.context
        )
        done += [_answer(call.hass, one.coordinator, episode) for episode in episodes]
    return {"unacknowledged": done}


async def snooze(call: ServiceCall) -> ServiceResponse:
    """Keep the open episodes of sensors quiet, and all but high severity of people and sources."""
    by = await resolve_actor(call.hass, call.context)
    until = dt_util.utcnow() + call.data[ATTR_DURATION]
    only: str | None = call.data.get(ATTR_EPISODE_ID)
    done: list[JsonValueType] = []
    for one in await targeted(call, POLICY_CONTROL):
        snoozes = await one.coordinator.care.snooze(
            topics=_meant(one) if only is None else _of_episode(one, only),
            people=_scopes(one) if only is None else None,
            until=until,
            by=by,
            context=call.context,
        )
        done += [_snooze_answer(call.hass, one.coordinator, snooze) for snooze in snoozes]
    return {"snoozed": done, "until": until.isoformat()}


async def unsnooze(call: ServiceCall) -> ServiceResponse:
    """Hear the alerts of sensors again; of people and sources all that was snoozed of them."""
    by = await resolve_actor(call.hass, call.context)
    done: list[JsonValueType] = []
    for one in await targeted(call, POLICY_CONTROL):
        topics = [
            AlertKey(person_id, alert_type, drill)
            for person_id, (_, alert_types) in one.alerts.items()
            for alert_type in alert_types
            for drill in (False, True)
        ]
        snoozes = await one.coordinator.care.unsnooze(
            topics=topics, people=_scopes(one), by=by, context=call.context
        )
        done += [_snooze_answer(call.hass, one.coordinator, snooze) for snooze in snoozes]
    return {"unsnoozed": done}


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


def _of_episode(one: Targeted, episode_id: str) -> list[AlertKey]:
    """What an episode is of, if it is among what is targeted and nothing newer has begun: a button is pressed late."""
    return [
        topic
        for person_id in one.everybody
        if (snapshot := one.coordinator.data.people.get(person_id))
        for topic, episode in snapshot.episodes.items()
        if episode_id in episode.ids
        and (person_id in one.people or topic.alert_type in one.alerts[person_id][1])
        and not one.exempts(person_id, topic.alert_type)
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
