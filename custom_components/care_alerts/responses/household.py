"""The household: its caregivers and plans, as the subentries of its config entry have them, and who is on duty."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_SOURCE
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event, async_track_time_interval
from homeassistant.util import dt as dt_util

from ..alerts.alert import AlertKey
from ..alerts.snapshot import PersonSnapshot
from ..sources.coordinator import SourceCoordinator
from ..sources.targets import TargetResolver, device_ref, sensor_of
from .duty import Duty, Rota, Takeover, on_duty
from .episodes import EpisodeRef, people_as
from .plan import ALWAYS, Caregiver, Plan, SamePerson
from .plan_data import caregiver_from_data, plan_from_data, same_person_from_data
from .push import phones_of_user
from .rota import read_rota
from .store import ResponseStore

HOUSEHOLD: Final = "household"
"""As `CONF_SOURCE` of its config entry, of which there is one at most: it is no source."""
CAREGIVER: Final = "caregiver"
"""The type of a caregiver's subentry; its id is the caregiver's."""
PLAN: Final = "plan"
"""The type of a plan's subentry; its id is the plan's."""
SAME_PERSON: Final = "same_person"
"""The type of the subentry that says that several sources have one person."""

LOOKED_AT_EVERY: Final = timedelta(minutes=1)
"""Ours: who is on duty is known to the minute, and so is what would keep a phone from being heard."""

type HouseholdConfigEntry = ConfigEntry[Household]


def is_household(data: Mapping[str, Any]) -> bool:
    """Whether a config entry with these data is the household, not a source."""
    return data.get(CONF_SOURCE) == HOUSEHOLD


def caregivers_of(entry: ConfigEntry[Any]) -> list[Caregiver]:
    """The caregivers of a household, in the order in which they were added; called what their subentries are."""
    return [_caregiver(one)[0] for one in entry.get_subentries_of_type(CAREGIVER)]


def plans_of(entry: ConfigEntry[Any]) -> list[Plan]:
    """The plans of a household, in the order in which they were added; called what their subentries are."""
    return [_plan(one)[0] for one in entry.get_subentries_of_type(PLAN)]


def same_people_of(entry: ConfigEntry[Any]) -> list[SamePerson]:
    """Whom several sources have, as somebody said; called what their subentries are."""
    return [_same_person(one)[0] for one in entry.get_subentries_of_type(SAME_PERSON)]


def unreadable_of(entry: ConfigEntry[Any]) -> dict[str, list[str]]:
    """The fields of its parts that cannot be read and are left at what never makes a house quieter, by title."""
    read: list[tuple[Caregiver | Plan | SamePerson, list[str]]] = [
        *map(_caregiver, entry.get_subentries_of_type(CAREGIVER)),
        *map(_plan, entry.get_subentries_of_type(PLAN)),
        *map(_same_person, entry.get_subentries_of_type(SAME_PERSON)),
    ]
    return {one.name: fields for one, fields in read if fields}


def _caregiver(part: ConfigSubentry) -> tuple[Caregiver, list[str]]:
    return caregiver_from_data(part.subentry_id, part.data | {"name": part.title})


def _plan(part: ConfigSubentry) -> tuple[Plan, list[str]]:
    return plan_from_data(part.subentry_id, part.data | {"name": part.title})


def _same_person(part: ConfigSubentry) -> tuple[SamePerson, list[str]]:
    return same_person_from_data(part.subentry_id, part.data | {"name": part.title})


class Household:
    """A household that is set up: `all_plans`, `plans` without those that are switched off, and `caregivers`."""

    def __init__(
        self, hass: HomeAssistant, entry: HouseholdConfigEntry, store: ResponseStore
    ) -> None:
        """Read the subentries; `async_start` does the rest."""
        self._hass = hass
        self._store = store
        self.entry = entry
        self.caregivers: Sequence[Caregiver] = caregivers_of(entry)
        self.all_plans: Sequence[Plan] = plans_of(entry)
        self.same_people: Sequence[SamePerson] = same_people_of(entry)
        self.unreadable = unreadable_of(entry)
        self._targets = {one.plan_id: TargetResolver(hass, one.whose) for one in self.all_plans}
        self._rota = Rota()
        self._stops: list[CALLBACK_TYPE] = []

    @property
    def plans(self) -> Sequence[Plan]:
        """The plans that are followed."""
        return [one for one in self.all_plans if one.plan_id not in self._store.kept.off]

    async def async_start(self, changed: CALLBACK_TYPE) -> None:
        """Know whose turn it is, from now on; `changed` is called when that may be another's, or a minute has passed."""
        entities = sorted({one.duty for one in self.caregivers if one.duty != ALWAYS})

        async def ask() -> None:
            self._rota = await read_rota(self._hass, entities, dt_util.utcnow())
            changed()

        @callback
        def ask_soon(_: Event[Any] | datetime) -> None:
            # Not before Home Assistant has started: a calendar that is only being set up is not unavailable.
            self.entry.async_create_task(self._hass, ask(), eager_start=False)

        self._stops += [one.async_track() for one in self._targets.values()]
        if entities:
            self._stops.append(async_track_state_change_event(self._hass, entities, ask_soon))
        self._stops.append(async_track_time_interval(self._hass, ask_soon, LOOKED_AT_EVERY))
        await ask()

    @callback
    def async_stop(self) -> None:
        """Know nothing any more."""
        while self._stops:
            self._stops.pop()()

    # Who.

    def duty(self, now: datetime) -> Duty:
        """Who is on duty."""
        return on_duty(self.caregivers, self._rota, self._store.state.takeover, now)

    def names_on_duty(self, now: datetime) -> list[str]:
        """Their names, in the order of the caregivers."""
        found = self.duty(now).on_duty
        return [one.name for one in self.caregivers if one.caregiver_id in found]

    @property
    def on_duty_entities(self) -> list[str]:
        """What shows that: by it Home Assistant says who may know, and who may change it."""
        registry = er.async_get(self._hass)
        return [
            entity.entity_id
            for entity in er.async_entries_for_config_entry(registry, self.entry.entry_id)
            if entity.translation_key == "on_duty"
        ]

    def caregiver(self, caregiver_id: str) -> Caregiver | None:
        """The caregiver with an id; None if there is none."""
        return next((one for one in self.caregivers if one.caregiver_id == caregiver_id), None)

    async def take_duty(self, caregiver: Caregiver, duration: timedelta) -> datetime:
        """Have somebody take over, alone; return until when."""
        now = dt_util.utcnow()
        until = now + duration
        self._store.state.takeover = Takeover(
            caregiver_id=caregiver.caregiver_id, since=now, until=until
        )
        await self._store.save()
        return until

    def phones_of(self, caregiver: Caregiver) -> list[str]:
        """The devices of a caregiver's phones: those that are named, and those that their person has registered."""
        found = dict.fromkeys(caregiver.phones)
        if user_id := self.user_id_of(caregiver):
            found |= dict.fromkeys(phone.device_id for phone in phones_of_user(self._hass, user_id))
        return list(found)

    def user_id_of(self, caregiver: Caregiver) -> str | None:
        """The user that a caregiver's person is; None if there is none."""
        state = self._hass.states.get(caregiver.person) if caregiver.person else None
        user_id = state.attributes.get("user_id") if state else None
        return user_id if isinstance(user_id, str) else None

    # Whose.

    def is_meant(self, plan: Plan, ref: EpisodeRef) -> bool:
        """Whether a plan is for whoever an episode is of."""
        return any(
            self.is_for(plan, one.coordinator, one.person, one.episode.topic.alert_type)
            for one in ref.witnesses
        )

    def is_for(
        self,
        plan: Plan,
        coordinator: SourceCoordinator,
        person: PersonSnapshot,
        alert_type: str,
    ) -> bool:
        """Whether a plan is for a person, as far as an alert type goes: as any source has them."""
        return not plan.whose or any(
            self._targets[plan.plan_id].takes(
                one.source_device_id,
                device_ref(self._hass, one, theirs).device_id,
                sensor_of(self._hass, one, theirs.person.person_id, alert_type),
            )
            for one, theirs in people_as(self._hass, coordinator, person)
        )

    def is_for_somebody(self, plan: Plan, coordinators: Iterable[SourceCoordinator]) -> bool:
        """Whether a plan is for anybody of these sources."""
        return any(
            self.test_key(plan, coordinator, person)
            for coordinator in coordinators
            for person in coordinator.data.people.values()
        )

    def test_key(
        self, plan: Plan, coordinator: SourceCoordinator, person: PersonSnapshot
    ) -> AlertKey | None:
        """What a test alert for a plan would be of; None if the plan is not for that person."""
        types = [*coordinator.source_type.alert_types]
        types.sort(key=lambda one: one not in person.conditions)
        for alert_type in types:
            if (not plan.alert_types or alert_type in plan.alert_types) and self.is_for(
                plan, coordinator, person, alert_type
            ):
                return AlertKey(person.person.person_id, alert_type)
        return None


def name_of_entity(hass: HomeAssistant, entity_id: str) -> str:
    """What an entity is called; its id where it is not there."""
    state = hass.states.get(entity_id)
    return state.name if state else entity_id
