"""The flows of a household's parts: caregivers, plans and whom several sources have, added and changed one by one.

What a form may give is decided in `fields` and `plan_data`; here is what it looks like.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, Final, override

from homeassistant.config_entries import ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import PERCENTAGE, UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import section
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import (
    BooleanSelector,
    ColorRGBSelector,
    DeviceFilterSelectorConfig,
    DeviceSelector,
    DeviceSelectorConfig,
    EntityFilterSelectorConfig,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    ObjectSelector,
    ObjectSelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TargetSelector,
    TargetSelectorConfig,
    TextSelector,
    TimeSelector,
)
from homeassistant.helpers.translation import async_load_integrations
import voluptuous as vol

from ..alerts.alert import OTHER, Severity
from ..const import DOMAIN
from ..sources import ALERT_TYPES
from .household import caregivers_of, plans_of, same_people_of
from .localize import localize, localize_duty, localize_step_field, localize_tell
from .overlaps import overlaps_of
from .plan import ALWAYS, EVERYBODY, ON_DUTY, Caregiver, Plan, SamePerson, Step, Text, proposed_plan
from .plan_data import as_data, caregiver_from_form, plan_from_form, same_person_from_form
from .push import MOBILE_APP
from .same_people import are_of_one_source, known_people, proposed

STEPS: Final = "steps"
QUIET_HOURS: Final = "quiet_hours"

_SEVERITIES: Final = [severity.value for severity in Severity]
_MINUTES: Final = NumberSelector(
    NumberSelectorConfig(mode=NumberSelectorMode.BOX, unit_of_measurement=UnitOfTime.MINUTES.value)
)
TTS_FIELD: Final = EntitySelector(EntitySelectorConfig(domain="tts"))
_QUIET_HOURS: Final = section(
    vol.Schema({vol.Optional("from"): TimeSelector(), vol.Optional("to"): TimeSelector()}),
    {"collapsed": True},
)


def entities_field(domain: str, without: Sequence[str] = ()) -> EntitySelector:
    """The field for entities of a domain, but for some."""
    return EntitySelector(
        EntitySelectorConfig(domain=domain, multiple=True, exclude_entities=list(without))
    )


class _PartFlow[Part: (Caregiver, Plan, SamePerson)](ConfigSubentryFlow):
    """Add a part of the household, or change it."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Add one."""
        await async_load_integrations(self.hass, {DOMAIN})
        return self._step("user", None, user_input)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change one."""
        await async_load_integrations(self.hass, {DOMAIN})
        subentry_id = self._get_reconfigure_subentry().subentry_id
        return self._step("reconfigure", self._parts()[subentry_id], user_input)

    def _step(
        self, step_id: str, before: Part | None, user_input: dict[str, Any] | None
    ) -> SubentryFlowResult:
        schema = self._schema(before)
        errors: dict[str, str] = {}
        where = ""
        if user_input is not None:
            try:
                part = self._from_form(user_input, before)
            except vol.Invalid as error:
                field = str(error.path[0]) if error.path else "base"
                errors[field if field in schema.schema else "base"] = error.msg
                where = _where(self.hass, error.path)
            else:
                return self._save(part, before)
        shown = self._shown(before) if user_input is None else user_input
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            errors=errors,
            description_placeholders=self._said(before) | {"where": where},
        )

    def _save(self, part: Part, before: Part | None) -> SubentryFlowResult:
        if before is None:
            return self.async_create_entry(title=part.name, data=as_data(part))
        return self.async_update_and_abort(
            self._get_entry(),
            self._get_reconfigure_subentry(),
            title=part.name,
            data=as_data(part),
        )

    def _said(self, _: Part | None) -> dict[str, str]:
        """What the form says besides."""
        return {}

    @abstractmethod
    def _parts(self) -> dict[str, Part]:
        """Those there are, by their ids."""

    @abstractmethod
    def _schema(self, before: Part | None) -> vol.Schema:
        """The fields, with what they hold if nobody says."""

    @abstractmethod
    def _shown(self, before: Part | None) -> dict[str, Any]:
        """What the fields hold when the form is opened."""

    @abstractmethod
    def _from_form(self, given: Mapping[str, Any], before: Part | None) -> Part:
        """What the form gives; `vol.Invalid` where it may not be."""


def _where(hass: HomeAssistant, path: Sequence[Any]) -> str:
    """Which step of a plan is meant, and which field of it; nothing outside of steps."""
    match path:
        case [_, int(index), str(field), *_]:
            named = localize_step_field(hass, field)
            return f"{localize(hass, 'form_step_field', number=str(index + 1), field=named)} "
        case [_, int(index)]:
            return f"{localize(hass, 'form_step', number=str(index + 1))} "
    return ""


class DutyField(SelectSelector):
    """When it is a caregiver's turn. A rota that is not there yet may be meant: `fields` decides."""

    @override
    def __call__(self, data: Any) -> Any:
        """Take it as it is."""
        return data


class CaregiverFlow(_PartFlow[Caregiver]):
    """Who can be told, when it is their turn, and how."""

    @override
    def _parts(self) -> dict[str, Caregiver]:
        return {one.caregiver_id: one for one in caregivers_of(self._get_entry())}

    @override
    def _schema(self, before: Caregiver | None) -> vol.Schema:
        shown = before or Caregiver(caregiver_id="", name="")
        # Phones are told in their own way, with buttons.
        of_phones = {
            entity.entity_id
            for entity in er.async_get(self.hass).entities.values()
            if entity.domain == "notify" and entity.platform == MOBILE_APP
        }
        return vol.Schema(
            {
                vol.Optional("name"): TextSelector(),
                vol.Optional("person"): EntitySelector(EntitySelectorConfig(domain="person")),
                vol.Optional("phones"): DeviceSelector(
                    DeviceSelectorConfig(
                        filter=[DeviceFilterSelectorConfig(integration=MOBILE_APP)], multiple=True
                    )
                ),
                vol.Optional("notify"): entities_field(
                    "notify", without=sorted(of_phones - set(shown.notify))
                ),
                vol.Required("duty", default=shown.duty): self._duty_field(shown.duty),
                vol.Required(
                    "break_through", default=as_data(shown)["break_through"]
                ): SelectSelector(
                    SelectSelectorConfig(
                        options=_SEVERITIES,
                        multiple=True,
                        mode=SelectSelectorMode.LIST,
                        translation_key="severity",
                    )
                ),
                vol.Required("text", default=shown.text.value): SelectSelector(
                    SelectSelectorConfig(
                        options=[text.value for text in Text],
                        mode=SelectSelectorMode.LIST,
                        translation_key="text",
                    )
                ),
                vol.Required("live_status", default=shown.live_status): BooleanSelector(),
            }
        )

    def _duty_field(self, now: str) -> DutyField:
        rotas = self.hass.states.async_all(("schedule", "calendar"))
        offered = {ALWAYS: localize_duty(self.hass, ALWAYS)}
        offered |= {state.entity_id: state.name for state in rotas}
        # One that is gone, or away for the moment, is still what was chosen.
        offered.setdefault(now, now)
        return DutyField(
            SelectSelectorConfig(
                options=[
                    SelectOptionDict(value=value, label=label) for value, label in offered.items()
                ],
                mode=SelectSelectorMode.DROPDOWN,
                translation_key="duty",
            )
        )

    @override
    def _shown(self, before: Caregiver | None) -> dict[str, Any]:
        return _filled(as_data(before)) if before else {}

    @override
    def _from_form(self, given: Mapping[str, Any], before: Caregiver | None) -> Caregiver:
        data = dict(given)
        if "name" not in data and (person := self.hass.states.get(data.get("person", ""))):
            data["name"] = person.name
        return caregiver_from_form(before.caregiver_id if before else "", data)


class StepsField(ObjectSelector):
    """The steps of a plan. A step may bring the id that it has, which is not shown."""

    def __init__(self, hass: HomeAssistant, caregivers: Iterable[Caregiver]) -> None:
        """Offer these caregivers by their names."""
        # What is in a step is not looked up in the translations by the form.
        whom = [
            *((key, localize_tell(hass, key)) for key in (ON_DUTY, EVERYBODY)),
            *((one.caregiver_id, one.name) for one in caregivers),
        ]
        tell = SelectSelector(
            SelectSelectorConfig(
                options=[SelectOptionDict(value=value, label=label) for value, label in whom],
                multiple=True,
                mode=SelectSelectorMode.LIST,
            )
        )
        plain = NumberSelector(NumberSelectorConfig(mode=NumberSelectorMode.BOX))
        percent = NumberSelector(
            NumberSelectorConfig(mode=NumberSelectorMode.BOX, unit_of_measurement=PERCENTAGE)
        )
        first = as_data(Step(step_id="", after=0))
        super().__init__(
            ObjectSelectorConfig(
                fields={
                    "after": {"selector": _MINUTES, "required": True, "default": 0},
                    "tell": {"selector": tell},
                    "lights": {"selector": entities_field("light")},
                    "colour": {"selector": ColorRGBSelector(), "default": first["colour"]},
                    "flash": {"selector": BooleanSelector(), "default": first["flash"]},
                    "speakers": {"selector": entities_field("media_player")},
                    "tts": {"selector": TTS_FIELD},
                    "volume": {"selector": percent, "default": first["volume"]},
                    "every": {"selector": _MINUTES},
                    "times": {"selector": plain},
                },
                multiple=True,
                label_field="after",
                description_field="lights",
                translation_key="step",
            )
        )

    @override
    def __call__(self, data: Any) -> Any:
        """Check each field, of which those that were cleared may be there and empty."""
        if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
            return super().__call__(data)
        steps = [_filled(one) for one in data]
        super().__call__([{k: v for k, v in one.items() if k != "step_id"} for one in steps])
        return steps


def _filled(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that hold something."""
    return {key: value for key, value in data.items() if value not in (None, "", [], {})}


class PlanFlow(_PartFlow[Plan]):
    """Which alerts, and what is done about them until somebody answers."""

    @override
    def _parts(self) -> dict[str, Plan]:
        return {one.plan_id: one for one in plans_of(self._get_entry())}

    def _proposed(self) -> Plan:
        name = localize(self.hass, "plan_name")
        there = {plan.name for plan in self._parts().values()}
        names = (name if number == 1 else f"{name} {number}" for number in count(1))
        return proposed_plan("", next(one for one in names if one not in there))

    @override
    def _schema(self, before: Plan | None) -> vol.Schema:
        shown = before or self._proposed()
        caregivers = caregivers_of(self._get_entry())
        ours: EntityFilterSelectorConfig = {"integration": DOMAIN}
        target = TargetSelectorConfig(
            entity=ours, device=DeviceFilterSelectorConfig(integration=DOMAIN)
        )
        # What an older or newer version knows stays what was chosen.
        types = sorted({*ALERT_TYPES, OTHER, *shown.alert_types})
        return vol.Schema(
            {
                vol.Required("name", default=shown.name): TextSelector(),
                vol.Optional("whose"): TargetSelector(target),
                vol.Optional("alert_types"): SelectSelector(
                    SelectSelectorConfig(
                        options=types,
                        multiple=True,
                        mode=SelectSelectorMode.DROPDOWN,
                        translation_key="alert_types",
                    )
                ),
                vol.Required("least_severity", default=shown.least_severity.value): SelectSelector(
                    SelectSelectorConfig(
                        options=_SEVERITIES,
                        mode=SelectSelectorMode.LIST,
                        translation_key="severity",
                    )
                ),
                vol.Required(STEPS, default=_steps_shown(shown, caregivers)): StepsField(
                    self.hass, caregivers
                ),
                vol.Optional(QUIET_HOURS): _QUIET_HOURS,
                vol.Required("include_late", default=shown.include_late): BooleanSelector(),
                vol.Required("source_silent", default=shown.source_silent): BooleanSelector(),
                vol.Required("handled_wait", default=shown.handled_wait): _MINUTES,
                vol.Optional("morning"): TimeSelector(),
            }
        )

    @override
    def _shown(self, before: Plan | None) -> dict[str, Any]:
        shown = _filled(as_data(before or self._proposed()))
        # Required fields have it as their default.
        optional = ("whose", "alert_types", QUIET_HOURS, "morning")
        return {key: shown[key] for key in optional if key in shown}

    @override
    def _from_form(self, given: Mapping[str, Any], before: Plan | None) -> Plan:
        data = dict(given)
        if hours := _filled(data.pop(QUIET_HOURS, {})):
            data[QUIET_HOURS] = hours
        return plan_from_form(
            before.plan_id if before else "",
            data,
            caregivers=[one.caregiver_id for one in caregivers_of(self._get_entry())],
            before=before,
        )

    @override
    def _save(self, part: Plan, before: Plan | None) -> SubentryFlowResult:
        if before is None and (others := self._overlapping(part)):
            return self.async_create_entry(
                title=part.name,
                data=as_data(part),
                description="overlapping",
                description_placeholders={"plans": others},
            )
        return super()._save(part, before)

    @override
    def _said(self, before: Plan | None) -> dict[str, str]:
        plan = before or self._proposed()
        others = self._overlapping(plan)
        return {
            "steps": _told(self.hass, plan, caregivers_of(self._get_entry())),
            "overlap": localize(self.hass, "plan_overlaps", plans=others) if others else "",
        }

    def _overlapping(self, plan: Plan) -> str:
        """The names of the other plans that overlap with one."""
        others = [one for one in plans_of(self._get_entry()) if one.plan_id != plan.plan_id]
        pairs = overlaps_of(self.hass, [plan, *others])
        return ", ".join(other.name for one, other in pairs if one is plan)


class SamePersonFlow(_PartFlow[SamePerson]):
    """Who is one person, though several sources have them."""

    @override
    def _parts(self) -> dict[str, SamePerson]:
        return {one.same_id: one for one in same_people_of(self._get_entry())}

    @override
    def _schema(self, before: SamePerson | None) -> vol.Schema:
        known = {
            one.device_id: localize(self.hass, "person_of_source", name=one.name, source=one.source)
            for one in known_people(self.hass)
        }
        # Who is gone is still who was chosen.
        offered = {which: which for which in (before.people if before else ())} | known
        return vol.Schema(
            {
                vol.Optional("name"): TextSelector(),
                vol.Required("people"): SelectSelector(
                    SelectSelectorConfig(
                        options=[
                            SelectOptionDict(value=value, label=label)
                            for value, label in offered.items()
                        ],
                        multiple=True,
                        mode=SelectSelectorMode.LIST,
                    )
                ),
            }
        )

    @override
    def _shown(self, before: SamePerson | None) -> dict[str, Any]:
        shown = before or next(iter(proposed(self.hass, self._parts().values())), None)
        return _filled(as_data(shown)) if shown else {}

    @override
    def _from_form(self, given: Mapping[str, Any], before: SamePerson | None) -> SamePerson:
        names = {one.device_id: one.name for one in known_people(self.hass)}
        chosen = (names[one] for one in given["people"] if one in names)
        same_id = before.same_id if before else ""
        same = same_person_from_form(
            same_id,
            # Called as the first source calls them, unless it is said.
            {"name": next(chosen, "")} | _filled(given) | {"people": given["people"]},
            others=[one for which, one in self._parts().items() if which != same_id],
        )
        if are_of_one_source(self.hass, same.people):
            raise vol.Invalid("one_source", path=["people"])
        return same


def _steps_shown(plan: Plan, caregivers: Iterable[Caregiver]) -> list[dict[str, Any]]:
    """The steps as a form has them; a caregiver who was removed is no longer in them."""
    known = {ON_DUTY, EVERYBODY, *(one.caregiver_id for one in caregivers)}
    steps = [
        replace(step, tell=tuple(one for one in step.tell if one in known)) for step in plan.steps
    ]
    return [_filled(as_data(step)) for step in steps]


def _told(hass: HomeAssistant, plan: Plan, caregivers: Iterable[Caregiver]) -> str:
    """What the steps do, a line each in Markdown: a form shows of a step only its time and its lights."""
    names = {key: localize_tell(hass, key) for key in (ON_DUTY, EVERYBODY)}
    names |= {one.caregiver_id: one.name for one in caregivers}

    def name_of(entity_id: str) -> str:
        state = hass.states.get(entity_id)
        return state.name if state else entity_id

    lines = []
    for number, step in enumerate(plan.steps, 1):
        what = [
            *(names[one] for one in step.tell if one in names),
            *(name_of(one) for one in (*step.lights, *step.speakers)),
        ]
        when = (
            localize(hass, "plan_step_after", after=str(step.after))
            if step.after
            else localize(hass, "plan_step_now")
        )
        key = "plan_step" if step.every is None else "plan_step_every"
        given = {"number": str(number), "when": when, "what": ", ".join(what)}
        lines.append(localize(hass, key, every=str(step.every), **given))
    return "\n".join(lines)
