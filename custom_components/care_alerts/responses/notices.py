"""Notices: what the house knows of an episode, put together for those who tell it."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..alerts.freshness import Status
from ..alerts.glucose import GLUCOSE_ALERT_TYPES, Glucose
from ..alerts.snapshot import PersonSnapshot
from ..sources.coordinator import SourceCoordinator
from ..sources.targets import device_ref
from .answers import Known
from .episodes import EpisodeRef, people_as, unit_of_person
from .localize import localize, localize_alert, localize_status
from .message import Notice, Testimony
from .wording import Wording


def notice_of(
    hass: HomeAssistant,
    ref: EpisodeRef,
    *,
    url: str | None = None,
    rings: bool = True,
    redelivered: bool = False,
) -> Notice:
    """What there is to tell of an episode; `url`, `rings` and `redelivered` as `Notice` has them."""
    topic = ref.episode.topic
    is_of_glucose = topic.alert_type in GLUCOSE_ALERT_TYPES
    # Whatever it gets to be called, and whoever else has seen it, it stays where it is on a screen.
    first = ref.witnesses[0]
    return Notice(
        episode=ref.episode,
        person=device_ref(hass, ref.coordinator, ref.person).name,
        alert=localize_alert(hass, topic.alert_type),
        tag=device_ref(hass, first.coordinator, first.person).tag(first.episode.topic),
        url=url,
        glucose=_newest_glucose(hass, ref) if is_of_glucose else None,
        unit=unit_of_person(hass, ref.coordinator, ref.person) if is_of_glucose else None,
        rings=rings,
        redelivered=redelivered,
        witnesses=_witnesses(ref),
    )


def _newest_glucose(hass: HomeAssistant, ref: EpisodeRef) -> Glucose | None:
    """The newest that any source has of them."""
    found = (
        person.last_glucose or person.glucose
        for _, person in people_as(hass, ref.coordinator, ref.person)
    )
    return max(filter(None, found), key=lambda one: one.observed_at, default=None)


def _witnesses(ref: EpisodeRef) -> tuple[Testimony, ...]:
    """What each of several sources has first said of it."""
    first: dict[str, Testimony] = {}
    for one in ref.parts:
        opened = one.episode.opened
        said = Testimony(
            source=one.coordinator.source_type.name,
            observed_at=opened.observed_at,
            received_at=opened.received_at,
            is_live=one.coordinator.source_type.is_live and not opened.late,
        )
        known = first.setdefault(one.entry_id, said)
        if said.observed_at < known.observed_at:
            first[one.entry_id] = said
    return tuple(first.values())


def known_of(
    hass: HomeAssistant,
    coordinator: SourceCoordinator,
    person: PersonSnapshot,
    *,
    notices: Sequence[Notice] = (),
    is_also: bool = False,
) -> Known:
    """What is known of somebody as one source has them; `notices` and `is_also` as `Known` has them."""
    freshness = person.freshness
    return Known(
        person=device_ref(hass, coordinator, person).name,
        source=coordinator.config_entry.title,
        notices=notices,
        glucose=person.last_glucose or person.glucose,
        unit=unit_of_person(hass, coordinator, person),
        data_through=freshness.data_through,
        trouble=None
        if freshness.status is Status.OK
        else localize_status(hass, freshness.status.value),
        is_also=is_also,
    )


def wording_of(hass: HomeAssistant, now: datetime) -> Wording:
    """How it is told: in the house's language, by its clock."""
    return Wording(localize=partial(localize, hass), now=now, zone=dt_util.get_default_time_zone())
