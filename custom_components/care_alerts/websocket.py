"""What the cards follow: a person and their episodes and readings, told at once and after each change.

One subscription a person, whoever looks: a person is looked at once for all who follow them, and only where somebody
does. Nothing is told while nothing changes, and nothing to whom it is not for.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_READ
from homeassistant.components.websocket_api import async_register_command
from homeassistant.components.websocket_api.connection import ActiveConnection
from homeassistant.components.websocket_api.const import ERR_NOT_FOUND, ERR_UNAUTHORIZED
from homeassistant.components.websocket_api.decorators import websocket_command
from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.json import json_bytes
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey
import voluptuous as vol

from .alerts.alert import Alert, AlertKey
from .alerts.readings import KEPT_FOR, GlucoseLog, KeptReading
from .alerts.response_log import Episode
from .alerts.snapshot import AlertStatus, SourceSnapshot
from .const import DOMAIN
from .person_data import PersonRef, episodes_data, find_person, on_duty, person_data
from .responses.episodes import SAME_PEOPLE
from .responses.household import is_household
from .responses.permissions import entities_of_person, forbidden
from .responses.responder import RESPONDER, SIGNAL_RESPONSES
from .sources.coordinator import SourceCoordinator
from .sources.signals import SIGNAL_EPISODES_CHANGED

ATTR_HOURS: Final = "hours"

LONGEST: Final = int(KEPT_FOR / timedelta(hours=1))
"""Hours of readings that may be wanted: there are no more."""

EPISODES_FOR: Final = 24
"""Hours of episodes that everybody has: ours, a night and the day before it."""


@callback
def async_setup_websocket(hass: HomeAssistant) -> None:
    """Let cards follow people."""
    hass.data[_FOLLOWERS] = Followers(hass)
    async_register_command(hass, subscribe_person)
    async_register_command(hass, same_people)


@websocket_command({vol.Required("type"): f"{DOMAIN}/same_people"})
@callback
def same_people(hass: HomeAssistant, connection: ActiveConnection, msg: dict[str, Any]) -> None:
    """Tell which devices are of one person, as several sources have them: `[[device ids]]`, of those the user may hear of.

    Who speaks of the present comes first.
    """

    def is_late(device_id: str) -> bool:
        ref = find_person(hass, device_id)
        return ref is None or not ref.source_type.is_live

    found = [
        sorted(
            (
                one
                for one in link.people
                if _may_hear(connection.user, entities_of_person(hass, one))
            ),
            key=is_late,
        )
        for link in hass.data[SAME_PEOPLE].links()
    ]
    connection.send_result(msg["id"], [one for one in found if len(one) > 1])


@websocket_command(
    {
        vol.Required("type"): f"{DOMAIN}/subscribe_person",
        vol.Required(ATTR_DEVICE_ID): str,
        vol.Optional(ATTR_HOURS, default=0): vol.All(int, vol.Range(min=0, max=LONGEST)),
    }
)
@callback
def subscribe_person(
    hass: HomeAssistant, connection: ActiveConnection, msg: dict[str, Any]
) -> None:
    """Tell somebody of a person, by their device, from now on: `{person, episodes, readings}`.

    `hours`: how far back readings are wanted. Every event has all of the person and their episodes; the first one all
    readings, the others what is new or corrected.
    """
    device_id: str = msg[ATTR_DEVICE_ID]
    if find_person(hass, device_id) is None:
        connection.send_error(msg["id"], ERR_NOT_FOUND, "Nobody of ours")
        return
    if not _may_hear(connection.user, entities_of_person(hass, device_id)):
        connection.send_error(msg["id"], ERR_UNAUTHORIZED, "Unauthorized")
        return
    follower = Follower(connection, msg["id"], msg[ATTR_HOURS])
    connection.subscriptions[msg["id"]] = hass.data[_FOLLOWERS].add(device_id, follower)
    connection.send_result(msg["id"])


def _may_hear(user: User, entity_ids: Sequence[str]) -> bool:
    """Whether somebody may hear of a person with these entities."""
    return forbidden(user, POLICY_READ, entity_ids) is None


@dataclass(slots=True, eq=False)
class Follower:
    """Somebody who follows a person: by a connection, with the readings of so many hours."""

    connection: ActiveConnection
    message_id: int
    hours: int
    knows_all: bool = False
    """Whether they were told of all there was until the last change."""
    on_duty: Sequence[str] = ()
    """Who is on duty, as they were told: nobody, if they may not see it."""

    def tell(self, event: bytes) -> None:
        """Send an event."""
        self.connection.send_message(
            b'{"id":%d,"type":"event","event":%b}' % (self.message_id, event)
        )


class Followers:
    """All who follow anybody, and whom they follow."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin with nobody: then nothing is listened to."""
        self._hass = hass
        self._feeds: dict[str, _Feed] = {}
        self._due: dict[str, None] = {}
        """Whom to look at, in turn."""
        self._on_duty: list[str] = []
        self._stops: list[CALLBACK_TYPE] = []

    @callback
    def add(self, device_id: str, follower: Follower) -> CALLBACK_TYPE:
        """Tell somebody of a person, soon and from then on; returns the way to end that."""
        if not self._feeds:
            self._listen()
        feed = self._feeds.setdefault(device_id, _Feed(self._hass, device_id))
        feed.followers.append(follower)
        self._look_soon([device_id])

        @callback
        def stop() -> None:
            feed.followers.remove(follower)
            if not feed.followers:
                del self._feeds[device_id]
            if not self._feeds:
                while self._stops:
                    self._stops.pop()()

        return stop

    def _listen(self) -> None:
        hass = self._hass

        @callback
        def changed(coordinator: SourceCoordinator) -> None:
            self._look_soon(self._of(coordinator.config_entry))

        @callback
        def entry_changed(_: Any, entry: ConfigEntry[Any]) -> None:
            if entry.domain == DOMAIN:
                # The household says who is one person.
                self._look_soon(self._feeds if is_household(entry.data) else self._of(entry))

        @callback
        def duty_changed() -> None:
            if (names := on_duty(hass, dt_util.utcnow())) != self._on_duty:
                self._on_duty = names
                self._look_soon(self._feeds)

        @callback
        def device_changed(event: Any) -> None:
            self._look_soon([event.data["device_id"]])

        @callback
        def entity_changed(event: Any) -> None:
            entity = er.async_get(hass).async_get(event.data["entity_id"])
            if entity and entity.device_id:
                self._look_soon([entity.device_id])

        self._on_duty = on_duty(hass, dt_util.utcnow())
        self._stops += [
            async_dispatcher_connect(hass, SIGNAL_EPISODES_CHANGED, changed),
            async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, entry_changed),
            async_dispatcher_connect(hass, SIGNAL_RESPONSES, duty_changed),
            hass.bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, device_changed),
            hass.bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, entity_changed),
        ]

    def _of(self, entry: ConfigEntry[Any]) -> list[str]:
        """Whom an entry has of those who are followed, also as another source has them."""
        same = self._hass.data[SAME_PEOPLE]
        return [
            device_id
            for device_id, feed in self._feeds.items()
            if feed.entry_id == entry.entry_id
            or any(one.config_entry.entry_id == entry.entry_id for one, _ in same.of(device_id))
        ]

    @callback
    def _look_soon(self, device_ids: Iterable[str]) -> None:
        """Look at people once what is running now is done: whoever waits for an alert goes first."""
        is_idle = not self._due
        self._due |= dict.fromkeys(one for one in device_ids if one in self._feeds)
        if is_idle and self._due:
            self._hass.loop.call_soon(self._look)

    @callback
    def _look(self) -> None:
        """Look at the next one, and let others have a turn."""
        device_id = next(iter(self._due))
        del self._due[device_id]
        if self._due:
            self._hass.loop.call_soon(self._look)
        if feed := self._feeds.get(device_id):
            feed.look(dt_util.utcnow())


_FOLLOWERS: HassKey[Followers] = HassKey(f"{DOMAIN}_followers")


@dataclass(frozen=True, slots=True)
class _MadeOf:
    """What somebody's episodes are made of: two weeks of them are not made anew because data have come."""

    conditions: Mapping[str, AlertStatus]
    episodes: Mapping[AlertKey, Episode]
    alerts: Sequence[Alert]
    names: tuple[str, ...]
    others: Sequence[SourceSnapshot]
    """What other sources have, if they have the same person."""

    def is_same_as(self, other: _MadeOf) -> bool:
        """Whether the same episodes are made of both; the ledger gives another list once it has another alert."""
        return (
            self.alerts is other.alerts
            and self.names == other.names
            and [*map(id, self.others)] == [*map(id, other.others)]
            and self.conditions == other.conditions
            and self.episodes == other.episodes
        )


@dataclass(slots=True)
class _Feed:
    """A person who is followed: what was last told of them."""

    hass: HomeAssistant
    device_id: str
    followers: list[Follower] = field(default_factory=list)
    entry_id: str | None = None
    _person: dict[str, Any] | None = None
    _episodes: Sequence[dict[str, Any]] = ()
    _made_of: _MadeOf | None = None
    _log: GlucoseLog | None = None
    _revision: int = 0

    def look(self, now: datetime) -> None:
        """Look at the person, and tell whoever follows them what has changed."""
        ref = find_person(self.hass, self.device_id)
        if ref is None:
            return
        self.entry_id = ref.entry.entry_id
        entity_ids = entities_of_person(self.hass, self.device_id)
        allowed = []
        for one in self.followers:
            if _may_hear(one.connection.user, entity_ids):
                allowed.append(one)
            else:
                # Whatever happens until they may again, they have not heard.
                one.knows_all = False
        is_changed = self._take_up(ref, entity_ids, now)
        readings = self._new_readings(ref)
        names = on_duty(self.hass, now)
        household = self.hass.data[RESPONDER].household
        entities_of_duty = household.on_duty_entities if household else ()
        events = _Events(self, readings, now)
        for one in allowed:
            theirs = names if _may_hear(one.connection.user, entities_of_duty) else []
            if not one.knows_all or is_changed or (readings and one.hours) or theirs != one.on_duty:
                one.on_duty = theirs
                one.tell(events.of(one))
                one.knows_all = True

    def _take_up(self, ref: PersonRef, entity_ids: Sequence[str], now: datetime) -> bool:
        person = person_data(self.hass, ref, now, self._person)
        episodes = self._episodes
        if ref.coordinator and (snapshot := ref.snapshot):
            made_of = _MadeOf(
                snapshot.conditions,
                snapshot.episodes,
                ref.coordinator.ledger.alerts(),
                (person["unit"], *entity_ids, *person["same_as"]),
                [
                    one.data
                    for one, _ in self.hass.data[SAME_PEOPLE].of(self.device_id)
                    if one is not ref.coordinator
                ],
            )
            if self._made_of is None or not made_of.is_same_as(self._made_of):
                since = now - timedelta(hours=LONGEST)
                episodes = episodes_data(self.hass, ref, person["unit"], since, now)
            self._made_of = made_of
        is_changed = person != self._person or episodes != self._episodes
        self._person, self._episodes = person, episodes
        return is_changed

    def _new_readings(self, ref: PersonRef) -> list[KeptReading]:
        log, before = ref.log, self._log
        if log is None:
            return []
        if before is None or log is before:
            new = log.changed_since(self._revision)
        else:
            # The source has started anew; what it had before was told.
            new = log.differing_from(before)
        self._log, self._revision = log, log.revision
        return new

    @property
    def told(self) -> tuple[dict[str, Any] | None, Sequence[dict[str, Any]], GlucoseLog | None]:
        """What there is to tell: the person, their episodes, and where their readings are."""
        return self._person, self._episodes, self._log


class _Events:
    """The events of one change: each part is written once, whoever is told."""

    def __init__(self, feed: _Feed, readings: Sequence[KeptReading], now: datetime) -> None:
        self._person, self._episodes, self._log = feed.told
        self._new = readings
        self._now = now
        self._parts: dict[tuple[Hashable, ...], bytes] = {}

    def of(self, follower: Follower) -> bytes:
        """The event for somebody."""
        hours, is_first = follower.hours, not follower.knows_all
        return b'{"person":%b,"episodes":%b,"readings":%b}' % (
            self._part("person", 0, *follower.on_duty),
            self._part("episodes", max(hours, EPISODES_FOR)),
            self._part("all" if is_first else "new", hours) if hours else b"[]",
        )

    def _part(self, name: str, hours: int, *on_duty: str) -> bytes:
        key = (name, hours, *on_duty)
        if (part := self._parts.get(key)) is None:
            part = self._parts[key] = json_bytes(self._made(name, hours, on_duty))
        return part

    def _made(self, name: str, hours: int, on_duty: Sequence[str]) -> Any:
        since = self._now - timedelta(hours=hours)
        match name:
            case "person":
                return {**(self._person or {}), "on_duty": [*on_duty]}
            case "episodes":
                then = since.isoformat()
                return [
                    one
                    for one in self._episodes
                    if one["is_open"] or max(one["last_seen_at"], one["ended_at"] or "") >= then
                ]
            case "all":
                # What is a little ahead of our clock is there, too.
                until = self._now + timedelta(days=1)
                return _points(self._log.between(since, until)) if self._log else []
            case _:
                return _points(one for one in self._new if one.observed >= since.timestamp())


def _points(readings: Iterable[KeptReading]) -> list[tuple[Any, ...]]:
    """What a curve needs of readings: `observed`, `received`, `mg_dl`, `out_of_range`; not which device has sent them."""
    return [one[:4] for one in readings]
