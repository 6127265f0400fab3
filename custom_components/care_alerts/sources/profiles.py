"""The profiles of a source's people: parts of its entry, followed as they are changed, and as their schedules turn on and off."""

from collections.abc import Coroutine, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigSubentry,
)
from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import CALLBACK_TYPE, Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util import dt as dt_util

from ..alerts.snapshot import AppliedProfile
from ..const import LOGGER
from .http import ApiError
from .issues import Repairs
from .setting_text import why_not
from .settings import NotDoneError, Profile, SettingsKeeper
from .source import Repair

if TYPE_CHECKING:
    from .coordinator import CareAlertsConfigEntry

PROFILE: Final = "profile"
"""The type of the subentry."""

NO_PROFILE: Final = "none"
"""What stands for none where one is chosen."""

CONF_PERSON: Final = "person"
CONF_SCHEDULE: Final = "schedule"
CONF_UNIT: Final = "unit"
CONF_VALUES: Final = "values"
CONF_CONFIRMED: Final = "urgent_low_confirmed"

NOT_APPLIED: Final = "profile_not_applied"
SCHEDULE_SILENT: Final = "profile_schedule_silent"

MAY_BE_SILENT: Final = timedelta(minutes=10)
"""Ours: a schedule says nothing while Home Assistant starts, or reads its file anew."""


def profiles_of(entry: ConfigEntry[Any], person_id: str) -> dict[str, Profile]:
    """Somebody's profiles, by their ids."""
    return {
        one.subentry_id: profile_of(one)
        for one in entry.subentries.values()
        if one.subentry_type == PROFILE and one.data[CONF_PERSON] == person_id
    }


def profiles_by_name(entry: ConfigEntry[Any], person_id: str) -> dict[str, Profile]:
    """Somebody's profiles that can be chosen by their names: one that is called as none is, by something else than its form, cannot."""
    profiles = profiles_of(entry, person_id).values()
    return {one.name: one for one in profiles if one.name != NO_PROFILE}


def profile_of(subentry: ConfigSubentry) -> Profile:
    """A profile as its form has saved it."""
    data: Mapping[str, Any] = subentry.data
    return Profile(
        profile_id=subentry.subentry_id,
        name=subentry.title,
        values=dict(data[CONF_VALUES]),
        unit=data[CONF_UNIT],
        is_confirmed=bool(data.get(CONF_CONFIRMED)),
    )


@callback
def async_follow_profiles(hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
    """Do what schedules and changes of profiles ask for, from now on."""
    if keeper := entry.runtime_data.source.settings_keeper:
        _ProfileFollower(hass, entry, keeper).start()


class _ProfileFollower:
    """Looks at all there is to do, one at a time; what cannot be done now is tried again with the source's next news."""

    def __init__(
        self, hass: HomeAssistant, entry: CareAlertsConfigEntry, keeper: SettingsKeeper
    ) -> None:
        self._hass = hass
        self._entry = entry
        self._keeper = keeper
        self._coordinator = entry.runtime_data
        self._is_looking = False
        self._not_applied: dict[str, Repair] = {}
        """What cannot be done as it is, by the person or the profile that it was tried for: logged once."""
        self._silent_since: dict[str, datetime] = {}
        """The profiles whose schedule does not say whether it is on."""
        self._repairs = Repairs(self._hass, entry, (NOT_APPLIED, SCHEDULE_SILENT))
        self._untrack: CALLBACK_TYPE | None = None

    @callback
    def start(self) -> None:
        """Look now, and whenever something may have changed."""
        unload = self._entry.async_on_unload
        unload(async_dispatcher_connect(self._hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._on_entry))
        unload(self._coordinator.async_add_listener(self._look))
        unload(self._stop_tracking)
        self._track()
        self._look()

    @callback
    def _on_entry(self, change: ConfigEntryChange, entry: ConfigEntry[Any]) -> None:
        if change is ConfigEntryChange.UPDATED and entry.entry_id == self._entry.entry_id:
            self._track()
            # What can be chosen has changed.
            self._coordinator.async_update_listeners()

    @callback
    def _track(self) -> None:
        self._stop_tracking()
        if schedules := {
            schedule
            for one in self._entry.subentries.values()
            if one.subentry_type == PROFILE and (schedule := one.data.get(CONF_SCHEDULE))
        }:
            self._untrack = async_track_state_change_event(self._hass, schedules, self._on_schedule)

    @callback
    def _on_schedule(self, _: Event[EventStateChangedData]) -> None:
        self._look()

    @callback
    def _stop_tracking(self) -> None:
        if self._untrack:
            self._untrack()
            self._untrack = None

    @callback
    def _look(self) -> None:
        is_any = any(one.subentry_type == PROFILE for one in self._entry.subentries.values())
        if not is_any and all(
            one.profile is None for one in self._coordinator.data.people.values()
        ):
            self._repairs.show(())
            return
        if not self._is_looking and not self._coordinator.has_stopped:
            self._is_looking = True
            self._entry.async_create_task(self._hass, self._follow(), eager_start=False)

    async def _follow(self) -> None:
        before, self._not_applied = self._not_applied, {}
        silent: dict[str, datetime] = {}
        repairs: list[Repair] = []
        try:
            for person_id, person in [*self._coordinator.data.people.items()]:
                name = person.person.name
                profiles = profiles_of(self._entry, person_id)
                schedules = {one: self._schedule_of(one) for one in profiles}
                if applied := person.profile:
                    doing = self._keeper.async_follow_profiles(person_id, profiles)
                    await self._try(person_id, name, applied, doing, before)
                for profile_id, profile in profiles.items():
                    schedule = schedules[profile_id]
                    if (is_on := self._is_on(schedule)) is not None:
                        doing = self._keeper.async_schedule(person_id, profile, is_on=is_on)
                        await self._try(profile_id, name, profile, doing, before)
                        continue
                    now = dt_util.utcnow()
                    silent[profile_id] = self._silent_since.get(profile_id, now)
                    if now - silent[profile_id] >= MAY_BE_SILENT:
                        said = {"schedule": str(schedule)}
                        repairs.append(_repair(SCHEDULE_SILENT, name, profile, **said))
            self._silent_since = silent
            self._repairs.show([*self._not_applied.values(), *repairs])
        finally:
            self._is_looking = False

    def _schedule_of(self, profile_id: str) -> str | None:
        schedule: str | None = self._entry.subentries[profile_id].data.get(CONF_SCHEDULE)
        return schedule

    def _is_on(self, schedule: str | None) -> bool | None:
        """Whether a schedule is on; None while it does not say. Without one, what one has applied once is over."""
        if schedule is None:
            return False
        state = self._hass.states.get(schedule)
        return state.state == STATE_ON if state and state.state in (STATE_ON, STATE_OFF) else None

    async def _try(
        self,
        of: str,
        name: str,
        profile: Profile | AppliedProfile,
        doing: Coroutine[Any, Any, None],
        before: Mapping[str, Repair],
    ) -> None:
        try:
            await doing
        except ApiError as err:
            LOGGER.debug("A profile waits: %s", err)
            if of in before:
                self._not_applied[of] = before[of]
        except NotDoneError as err:
            if of not in before:
                LOGGER.warning(
                    "%s: a profile cannot be applied (%s)", self._coordinator.name, err.key
                )
            problem = await why_not(self._hass, err)
            self._not_applied[of] = _repair(NOT_APPLIED, name, profile, problem=problem)


def _repair(kind: str, name: str, profile: Profile | AppliedProfile, **placeholders: str) -> Repair:
    return Repair(
        kind=kind,
        of=profile.profile_id,
        key=kind,
        placeholders={"name": name, "profile": profile.name, **placeholders},
    )
