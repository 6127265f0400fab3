"""The form of a profile: whose it is, its thresholds, and what they would have told of the last 14 nights."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from homeassistant.config_entries import ConfigEntryState, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ...alerts.glucose import converted, rounded
from ...alerts.readings import KEPT_FOR
from ...alerts.snapshot import Setting
from ..issues import unlinked
from ..profiles import (
    CONF_CONFIRMED,
    CONF_PERSON,
    CONF_SCHEDULE,
    CONF_UNIT,
    CONF_VALUES,
    NO_PROFILE,
    profiles_of,
)
from ..replaying import async_replay
from ..setting_field import setting_field
from ..settings import SettingsKeeper
from .units import HIGHEST, STEP

if TYPE_CHECKING:
    from ..coordinator import SourceCoordinator

CONF_NAME: Final = "name"


class ProfileFlow(ConfigSubentryFlow):
    """Make a profile, or change one."""

    def __init__(self) -> None:
        """Know nothing of it yet."""
        self._title = ""
        self._data: dict[str, Any] = {}

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask what it is called, whose it is, and when it is on by itself."""
        return self._begin("user", user_input, {})

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask the same of one that there is, but for whose it is."""
        subentry = self._get_reconfigure_subentry()
        return self._begin("reconfigure", user_input, {CONF_NAME: subentry.title, **subentry.data})

    def _begin(
        self, step_id: str, given: dict[str, Any] | None, before: Mapping[str, Any]
    ) -> SubentryFlowResult:
        if (running := self._running()) is None:
            return self.async_abort(reason="not_running")
        people = self._people()
        if not people or before.get(CONF_PERSON, next(iter(people))) not in people:
            return self.async_abort(reason="no_thresholds_yet")
        errors: dict[str, str] = {}
        if given is not None:
            person_id = before.get(CONF_PERSON) or given[CONF_PERSON]
            if not (name := given[CONF_NAME].strip()):
                errors[CONF_NAME] = "name_needed"
            elif self._is_taken(person_id, name):
                errors[CONF_NAME] = "name_taken"
            else:
                self._title = name
                self._data = {**before, CONF_PERSON: person_id}
                self._data.pop(CONF_NAME, None)
                self._data.pop(CONF_SCHEDULE, None)
                if schedule := given.get(CONF_SCHEDULE):
                    self._data[CONF_SCHEDULE] = schedule
                return self._values(running)
        person = SelectSelector(
            SelectSelectorConfig(
                options=[SelectOptionDict(value=who, label=label) for who, label in people.items()],
                mode=SelectSelectorMode.DROPDOWN,
            )
        )
        first = next(iter(people))
        fields: dict[vol.Marker, Any] = {vol.Required(CONF_NAME): TextSelector()}
        if step_id == "user":
            fields[vol.Required(CONF_PERSON, default=first)] = person
        fields[vol.Optional(CONF_SCHEDULE)] = EntitySelector(
            EntitySelectorConfig(domain="schedule")
        )
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(fields), before if given is None else given
            ),
            errors=errors,
        )

    async def async_step_values(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for its thresholds, beginning with what they are today without a profile."""
        if (found := self._running()) is None:
            return self.async_abort(reason="not_running")
        if not user_input:
            return self._values(found, errors={"base": "nothing_given"})
        values = {
            name: value if isinstance(value, bool) else rounded_as(value)
            for name, value in user_input.items()
        }
        coordinator, keeper = found
        now = dt_util.utcnow()
        try:
            with coordinator.answering():
                tried = await async_replay(
                    coordinator,
                    keeper,
                    self._data[CONF_PERSON],
                    values,
                    self._data[CONF_UNIT],
                    start=now - KEPT_FOR,
                    end=now,
                    own=True,
                )
        except HomeAssistantError as err:
            return self._values(found, user_input, {"base": "not_possible"}, str(err))
        self._data[CONF_VALUES] = values
        self._tried = {
            # As few of none are known as of none at all.
            "coverage": f"{100 * (tried.covered or 0):.0f}",
            "days": str(KEPT_FOR // timedelta(days=1)),
            **{
                f"{which}_{when}": str(tried.count(alerts)[when])
                for which, alerts in (("replayed", tried.alerts), ("current", tried.current))
                for when in ("alerts", "at_night")
            },
        }
        return await self.async_step_review()

    async def async_step_review(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say what it would have told, and save it; what is risky needs a word of its own."""
        if (found := self._running()) is None:
            return self.async_abort(reason="not_running")
        is_risky = found[1].is_risky(self._data[CONF_VALUES], self._data[CONF_UNIT])
        errors = {}
        if user_input is not None:
            if not is_risky or user_input.get(CONF_CONFIRMED):
                self._data[CONF_CONFIRMED] = is_risky
                return self._save()
            errors[CONF_CONFIRMED] = "urgent_low_unconfirmed"
        fields = {vol.Required(CONF_CONFIRMED, default=False): BooleanSelector()}
        return self.async_show_form(
            step_id="review",
            data_schema=vol.Schema(fields if is_risky else {}),
            errors=errors,
            description_placeholders=self._tried,
        )

    def _save(self) -> SubentryFlowResult:
        if self.source == "user":
            return self.async_create_entry(title=self._title, data=self._data)
        return self.async_update_and_abort(
            self._get_entry(),
            self._get_reconfigure_subentry(),
            title=self._title,
            data=self._data,
        )

    def _values(
        self,
        running: tuple[SourceCoordinator, SettingsKeeper],
        given: Mapping[str, Any] | None = None,
        errors: dict[str, str] | None = None,
        problem: str = "",
    ) -> SubentryFlowResult:
        _, keeper = running
        person_id = self._data[CONF_PERSON]
        today = keeper.own_settings(person_id)
        unit = str(self._data.setdefault(CONF_UNIT, today["urgent_low"].unit))
        shown = {name: _value_in(unit, one) for name, one in today.items()}
        shown = {**shown, **self._data.get(CONF_VALUES, {})} if given is None else dict(given)
        return self.async_show_form(
            step_id="values",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(
                    {
                        vol.Optional(name): setting_field(
                            _limits_in(unit, one), is_flag=keeper.fields[name] is bool
                        )
                        for name, one in today.items()
                    }
                ),
                {name: value for name, value in shown.items() if value is not None},
            ),
            errors=errors or {},
            description_placeholders={
                "name": unlinked(keeper.name_of(person_id)),
                "problem": unlinked(problem),
            },
        )

    def _running(self) -> tuple[SourceCoordinator, SettingsKeeper] | None:
        entry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return None
        coordinator: SourceCoordinator = entry.runtime_data
        keeper = coordinator.source.settings_keeper
        return (coordinator, keeper) if keeper else None

    def _people(self) -> dict[str, str]:
        """The names of those who have thresholds, by their ids."""
        people = self._get_entry().runtime_data.data.people
        return {
            who: one.person.name
            for who, one in people.items()
            if any(setting.value is not None for setting in one.settings.values())
        }

    def _is_taken(self, person_id: str, name: str) -> bool:
        own = None if self.source == "user" else self._get_reconfigure_subentry().subentry_id
        return name == NO_PROFILE or any(
            one.name == name and profile_id != own
            for profile_id, one in profiles_of(self._get_entry(), person_id).items()
        )


def rounded_as(value: float) -> float:
    """A number as a form gives it: whole ones as such."""
    return int(value) if value.is_integer() else value


def _value_in(unit: str, setting: Setting) -> bool | float | None:
    value = setting.value
    if value is None or isinstance(value, bool) or setting.unit in (unit, "min"):
        return value
    return rounded(converted(value, setting.unit or unit, unit), unit)


def _limits_in(unit: str, setting: Setting) -> Setting:
    if setting.unit in (unit, "min", None):
        return setting
    return Setting(value=None, unit=unit, highest=HIGHEST[unit], step=STEP[unit])
