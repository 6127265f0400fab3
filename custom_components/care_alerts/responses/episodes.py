"""Episodes of the house: whatever sources they come from, found by their ids, and whether they need somebody.

Somebody whom several sources have (`SamePerson`) has one episode of each thing here, of which each source is a witness.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..alerts.acknowledgement import Acknowledgement
from ..alerts.alert import AlertKey
from ..alerts.glucose import GLUCOSE_ALERT_TYPES
from ..alerts.joining import Condition, Witness, condition_of, join
from ..alerts.response_log import Episode
from ..alerts.snapshot import PersonSnapshot, SourceSnapshot
from ..alerts.snooze import Span, joined
from ..const import DOMAIN
from ..sources.coordinator import SourceCoordinator
from ..sources.targets import device_ref, person_of, sources, unit_of
from .log import ResponseState
from .plan import SamePerson
from .same_people import are_of_one_source

LOOKED_BACK: Final = timedelta(days=1)
"""Ours: what was over for longer before what goes on now began is no witness of it."""


@dataclass(frozen=True, slots=True)
class EpisodeRef:
    """An episode, whose it is, and the source that it comes from.

    Of one that several sources have, that is the one with the worst; `parts`: what each has of it, those heard of first
    before others. `loudest`: those whose snooze silences it. `inherited`: who has them who acknowledged another of them.
    """

    coordinator: SourceCoordinator
    person: PersonSnapshot
    episode: Episode
    parts: tuple[EpisodeRef, ...] = ()
    loudest: tuple[EpisodeRef, ...] = ()
    inherited: tuple[tuple[EpisodeRef, Acknowledgement], ...] = ()

    @property
    def entry_id(self) -> str:
        """The config entry of its source."""
        return self.coordinator.config_entry.entry_id

    @property
    def witnesses(self) -> tuple[EpisodeRef, ...]:
        """What each source has of it."""
        return self.parts or (self,)

    @property
    def is_newest(self) -> bool:
        """Whether nothing newer of its key has begun."""
        newest = self.person.episodes.get(self.episode.topic)
        return newest is not None and newest.span == self.episode.span

    @property
    def quiet(self) -> list[Span]:
        """When it was and will be snoozed."""
        return joined(
            span
            for one in self.loudest or (self,)
            for span in one.coordinator.store.responses.quiet(
                one.episode.topic, one.episode.severity, one.episode.ids
            )
        )

    @property
    def held(self) -> frozenset[str]:
        """The ids of alerts that are not on disk yet, of all its sources."""
        return frozenset[str]().union(*(one.coordinator.ledger.held() for one in self.witnesses))


class Need(StrEnum):
    """Whether an episode needs somebody."""

    NEEDED = "needed"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    OVER = "over"
    UNKNOWN = "unknown"  # its source is not running just now

    @property
    def goes_on(self) -> bool:
        """Whether what is done for it goes on: nothing says that nobody is needed any more."""
        return self in (Need.NEEDED, Need.UNKNOWN)


class SamePeople:
    """Who is one person in several sources, and what they come to together: joined once for each of their snapshots."""

    def __init__(
        self,
        hass: HomeAssistant,
        links: Callable[[], Sequence[SamePerson]],
        state: Callable[[], ResponseState],
    ) -> None:
        """Know of those that `links` gives at the moment, and which episodes were one from what is kept."""
        self._hass = hass
        self._links = links
        self._state = state
        self._joined: dict[str, tuple[Sequence[tuple[str, SourceSnapshot]], list[EpisodeRef]]] = {}

    def links(self) -> list[SamePerson]:
        """Who they are, at the moment: nobody of whom a source says that they are several."""
        return [one for one in self._links() if not are_of_one_source(self._hass, one.people)]

    def of(self, device_id: str | None) -> list[tuple[SourceCoordinator, PersonSnapshot]]:
        """What the sources that run have of somebody, by the device of what one of them has; empty if it is one alone."""
        link = next((one for one in self.links() if device_id in one.people), None)
        return self._people(link) if link else []

    def devices(self, device_id: str) -> Sequence[str]:
        """The devices of what all sources have of somebody, running or not; one alone is by itself."""
        return next((one.people for one in self.links() if device_id in one.people), (device_id,))

    def _people(self, link: SamePerson) -> list[tuple[SourceCoordinator, PersonSnapshot]]:
        return [found for one in link.people if (found := person_of(self._hass, one))]

    def episodes(self) -> Iterator[tuple[set[tuple[str, str]], list[EpisodeRef]]]:
        """Of each: who is it, by entry and person, and the episodes with the newest of each of their alert keys."""
        for link in self.links():
            people = self._people(link)
            who = {(one.config_entry.entry_id, person.person.person_id) for one, person in people}
            made_of = [(one.config_entry.entry_id, one.data) for one, _ in people]
            known = self._joined.get(link.same_id)
            if known is None or not _is_same(known[0], made_of):
                found = [
                    one
                    for one in self._join(people)
                    if any(part.is_newest for part in one.witnesses)
                ]
                known = self._joined[link.same_id] = made_of, found
            yield who, known[1]

    def _join(
        self, people: Collection[tuple[SourceCoordinator, PersonSnapshot]]
    ) -> list[EpisodeRef]:
        now = dt_util.utcnow()
        newest = [episode for _, person in people for episode in person.episodes.values()]
        since = min([now, *(one.opened.observed_at for one in newest if one.is_open)]) - LOOKED_BACK
        found = refs_since(people, since, now, are_one=True)
        spans = [part.episode.span for one in found for part in one.witnesses]
        found += [
            EpisodeRef(coordinator, person, episode)
            for coordinator, person in people
            for episode in person.episodes.values()
            if episode.span not in spans
        ]
        visible = {which for one in found for which in one.episode.ids}
        state = self._state()
        for number, one in enumerate(found):
            # Of a source that is away.
            if away := state.known_as_one(one.episode.ids) - visible:
                also = one.episode.also_known_as | away
                found[number] = replace(one, episode=replace(one.episode, also_known_as=also))
        return found


def _is_same(
    one: Sequence[tuple[str, SourceSnapshot]], other: Sequence[tuple[str, SourceSnapshot]]
) -> bool:
    return len(one) == len(other) and all(
        entry == other_entry and data is other_data
        for (entry, data), (other_entry, other_data) in zip(one, other, strict=True)
    )


SAME_PEOPLE: HassKey[SamePeople] = HassKey(f"{DOMAIN}_same_people")


def witnesses_since(
    people: Iterable[tuple[SourceCoordinator, PersonSnapshot]], since: datetime, now: datetime
) -> Iterator[tuple[Witness, EpisodeRef]]:
    """The episodes of people that go on, or did since then, as each source has them, and as they are joined."""
    for coordinator, person in people:
        through = person.freshness.data_through
        for episode in episodes_since(coordinator, person.person.person_id, since, now):
            is_of_signal = condition_of(episode.topic) is Condition.SIGNAL
            witness = Witness(
                episode=episode,
                source=coordinator.config_entry.entry_id,
                is_live=coordinator.source_type.is_live,
                # That nothing comes is known until now.
                known_to=now if is_of_signal else through or episode.last_seen.observed_at,
            )
            yield witness, EpisodeRef(coordinator, person, episode)


def refs_since(
    people: Iterable[tuple[SourceCoordinator, PersonSnapshot]],
    since: datetime,
    now: datetime,
    *,
    are_one: bool,
) -> list[EpisodeRef]:
    """The episodes of people that go on, or did since then; as the household has them if they `are_one` person."""
    found = list(witnesses_since(people, since, now))
    if not are_one:
        return [ref for _, ref in found]
    refs = {id(witness): ref for witness, ref in found}
    return [
        replace(
            refs[id(one.worst)],
            episode=one.episode,
            parts=tuple(refs[id(part)] for part in one.witnesses),
            loudest=tuple(refs[id(part)] for part in one.loudest),
            inherited=tuple((refs[id(part)], held) for part, held in one.inherited),
        )
        if len(one.witnesses) > 1
        else refs[id(one.worst)]
        for one in join((witness for witness, _ in found), now)
    ]


def elsewhere_since(
    people: Collection[tuple[SourceCoordinator, PersonSnapshot]], since: datetime, now: datetime
) -> dict[str, list[Episode]]:
    """By the id of each episode of one person that goes on, or did since then, as one source has it: as the others do."""
    if len(people) == 1:
        return {}
    return {
        one.episode.episode_id: [
            other.episode for other in ref.parts if other.entry_id != one.entry_id
        ]
        for ref in refs_since(people, since - LOOKED_BACK, now, are_one=True)
        for one in ref.parts
    }


def episodes_since(
    coordinator: SourceCoordinator, person_id: str, since: datetime, now: datetime
) -> Iterator[Episode]:
    """The episodes of a person, as one source has them, that go on, or did since then."""
    snapshot = coordinator.data
    announced = coordinator.ledger.announced_by_key()
    real = [AlertKey(person_id, one) for one in snapshot.people[person_id].conditions]
    drills = [topic for topic in snapshot.drills if topic.person_id == person_id]
    for topic in (*real, *drills):
        for span in snapshot.spans_since(topic, since):
            yield coordinator.store.responses.episode(topic, span, announced.get(topic, ()), now)


def people_as(
    hass: HomeAssistant, coordinator: SourceCoordinator, person: PersonSnapshot
) -> list[tuple[SourceCoordinator, PersonSnapshot]]:
    """What all sources that run have of somebody whom one of them has."""
    same = hass.data.get(SAME_PEOPLE)
    found = same.of(device_ref(hass, coordinator, person).device_id) if same else []
    return found or [(coordinator, person)]


def unit_of_person(
    hass: HomeAssistant, coordinator: SourceCoordinator, person: PersonSnapshot
) -> str:
    """The one unit of somebody's glucose, whichever source it is of: that of who speaks of the present."""
    theirs = [
        one
        for one in people_as(hass, coordinator, person)
        if not GLUCOSE_ALERT_TYPES.isdisjoint(one[1].conditions)
    ] or [(coordinator, person)]
    first, known = min(theirs, key=lambda one: not one[0].source_type.is_live)
    return unit_of(hass, first, known.person.person_id)


def people_once(
    hass: HomeAssistant, people: Iterable[tuple[SourceCoordinator, PersonSnapshot]]
) -> Iterator[tuple[list[tuple[SourceCoordinator, PersonSnapshot]], bool]]:
    """Each person once: what all sources that run have of them, who speaks of the present first; and if several have them.

    Also where only one of these runs: what it has of them is then as it is for the household.
    """
    same = hass.data.get(SAME_PEOPLE)
    seen: set[Sequence[str | None]] = set()
    for coordinator, person in people:
        device_id = device_ref(hass, coordinator, person).device_id
        devices = tuple(same.devices(device_id)) if same and device_id else (device_id,)
        if device_id is None or devices not in seen:
            seen.add(devices)
            theirs = people_as(hass, coordinator, person)
            theirs.sort(key=lambda one: not one[0].source_type.is_live)
            yield theirs, len(devices) > 1


def all_episodes(hass: HomeAssistant) -> Iterator[EpisodeRef]:
    """The newest episode of each alert key, open or over, of all sources that are running; those that are one as one."""
    same = hass.data.get(SAME_PEOPLE)
    joined_people: set[tuple[str, str]] = set()
    for who, refs in same.episodes() if same else ():
        joined_people |= who
        yield from refs
    for coordinator in sources(hass):
        entry_id = coordinator.config_entry.entry_id
        for person_id, person in coordinator.data.people.items():
            if (entry_id, person_id) not in joined_people:
                for episode in person.episodes.values():
                    yield EpisodeRef(coordinator, person, episode)


def find_episode(hass: HomeAssistant, episode_id: str) -> EpisodeRef | None:
    """Find an episode by any id that it has or had; None if it is not the newest of its key, or nobody's."""
    return next((one for one in all_episodes(hass) if episode_id in one.episode.ids), None)


def episodes_by_id(hass: HomeAssistant) -> dict[str, EpisodeRef]:
    """All of them, by each id that they have or had: for whoever looks for many."""
    return {which: ref for ref in all_episodes(hass) for which in ref.episode.ids}


def is_gone(hass: HomeAssistant, entry_id: str) -> bool:
    """Whether an episode that is not to be found is no more: its source runs without it, or was taken away.

    A source that is reloaded or does not start has not taken its episodes with it; one that was removed or
    disabled has.
    """
    entry = hass.config_entries.async_get_entry(entry_id)
    return entry is None or bool(entry.disabled_by) or entry.state is ConfigEntryState.LOADED


def need_at(episode: Episode, now: datetime) -> Need:
    """Whether an episode needs somebody, of a source that is running."""
    if not episode.is_open:
        return Need.OVER
    if episode.acknowledgement is not None:
        return Need.ACKNOWLEDGED
    if episode.snoozed_until is not None and episode.snoozed_until > now:
        return Need.SNOOZED
    return Need.NEEDED


def need_of(hass: HomeAssistant, episode_id: str, entry_id: str, now: datetime) -> Need:
    """Whether an episode of the source with a config entry needs somebody now.

    What is not to be found is over if it `is_gone`, else nobody knows.
    """
    if found := find_episode(hass, episode_id):
        return need_at(found.episode, now)
    return Need.OVER if is_gone(hass, entry_id) else Need.UNKNOWN


def as_now(hass: HomeAssistant, ref: EpisodeRef, now: datetime) -> EpisodeRef | None:
    """An episode as it is by now, for whoever had to wait; None if it needs nobody any more."""
    if not need_of(hass, ref.episode.episode_id, ref.entry_id, now).goes_on:
        return None
    return find_episode(hass, ref.episode.episode_id) or ref
