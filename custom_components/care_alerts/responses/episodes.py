"""Episodes of the house: whatever sources they come from, found by their ids, and whether they need somebody."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from ..alerts.alert import AlertKey
from ..alerts.response_log import Episode
from ..alerts.snapshot import PersonSnapshot
from ..sources.coordinator import SourceCoordinator
from ..sources.targets import sources


@dataclass(frozen=True, slots=True)
class EpisodeRef:
    """An episode, whose it is, and the source that it comes from."""

    coordinator: SourceCoordinator
    person: PersonSnapshot
    episode: Episode

    @property
    def entry_id(self) -> str:
        """The config entry of its source."""
        return self.coordinator.config_entry.entry_id


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


def all_episodes(hass: HomeAssistant) -> Iterator[EpisodeRef]:
    """The newest episode of each alert key, open or over, of all sources that are running."""
    for coordinator in sources(hass):
        for person in coordinator.data.people.values():
            for episode in person.episodes.values():
                yield EpisodeRef(coordinator, person, episode)


def episodes_since(
    coordinator: SourceCoordinator, person_id: str, since: datetime, now: datetime
) -> Iterator[Episode]:
    """The episodes of a person that go on, or did since then."""
    snapshot = coordinator.data
    announced = coordinator.ledger.announced_by_key()
    real = [AlertKey(person_id, one) for one in snapshot.people[person_id].conditions]
    drills = [topic for topic in snapshot.drills if topic.person_id == person_id]
    for topic in (*real, *drills):
        for span in snapshot.spans_since(topic, since):
            yield coordinator.store.responses.episode(topic, span, announced.get(topic, ()), now)


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
