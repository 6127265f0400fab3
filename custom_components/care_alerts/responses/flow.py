"""The household's steps of the config flow: a proposal that only needs a "yes"."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from homeassistant.config_entries import ConfigFlow, ConfigFlowResult, ConfigSubentryData
from homeassistant.const import CONF_SOURCE
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
from homeassistant.helpers.translation import async_load_integrations
import voluptuous as vol

from ..const import DOMAIN
from .household import CAREGIVER, HOUSEHOLD, PLAN
from .localize import localize
from .part_flows import TTS_FIELD, entities_field
from .plan import Caregiver, Plan, proposed_plan
from .plan_data import as_data
from .push import phones_of_user

CAREGIVERS: Final = "caregivers"


class HouseholdSteps(ConfigFlow):
    """Set-up of the household: who looks after somebody here, and what can be seen and heard at night."""

    async def async_step_household(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Propose caregivers and a plan."""
        # A proposal that was left open in another window is in nobody's way.
        await self.async_set_unique_id(HOUSEHOLD, raise_on_progress=False)
        self._abort_if_unique_id_configured()
        # This may be the first that this house hears of us.
        await async_load_integrations(self.hass, {DOMAIN})
        people = sorted(
            self.hass.states.async_all("person"), key=lambda person: person.name.casefold()
        )
        phones = {person.entity_id: _phones_of(self.hass, person) for person in people}
        errors: dict[str, str] = {}
        if user_input is not None:
            if not user_input.get("speakers") or user_input.get("tts"):
                chosen = [one for one in people if one.entity_id in user_input[CAREGIVERS]]
                return self._household(chosen, user_input)
            errors["tts"] = "speakers_need_tts"
        schema = vol.Schema(
            {
                vol.Required(
                    CAREGIVERS, default=[entity_id for entity_id, found in phones.items() if found]
                ): _people_field(self.hass, people, phones),
                vol.Optional("lights"): entities_field("light"),
                vol.Optional("speakers"): entities_field("media_player"),
                vol.Optional("tts"): TTS_FIELD,
            }
        )
        shown = {"tts": _proposed_tts(self.hass)} if user_input is None else user_input
        note = "" if any(phones.values()) else localize(self.hass, "household_no_phones")
        return self.async_show_form(
            step_id=HOUSEHOLD,
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            errors=errors,
            description_placeholders={"note": note, "where": ""},
        )

    async def async_step_household_reconfigure(
        self, _: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say where it is changed: it has nothing but its caregivers and plans."""
        return self.async_abort(reason="household_has_parts")

    def _household(self, people: Iterable[State], given: Mapping[str, Any]) -> ConfigFlowResult:
        speakers = tuple(given.get("speakers", ()))
        plan = proposed_plan(
            "",
            localize(self.hass, "plan_name"),
            lights=tuple(given.get("lights", ())),
            speakers=speakers,
            tts=given.get("tts") if speakers else None,
        )
        caregivers = [
            Caregiver(caregiver_id="", name=one.name, person=one.entity_id) for one in people
        ]
        return self.async_create_entry(
            title=localize(self.hass, "household_name"),
            data={CONF_SOURCE: HOUSEHOLD},
            description=HOUSEHOLD,
            subentries=[
                *(_subentry(CAREGIVER, caregiver) for caregiver in caregivers),
                _subentry(PLAN, plan),
            ],
        )


def _subentry(subentry_type: str, kept: Plan | Caregiver) -> ConfigSubentryData:
    return ConfigSubentryData(
        data=as_data(kept), subentry_type=subentry_type, title=kept.name, unique_id=None
    )


def _phones_of(hass: HomeAssistant, person: State) -> list[str]:
    """What the phones of a person's user are called."""
    user_id = person.attributes.get("user_id")
    return [phone.name for phone in phones_of_user(hass, user_id)] if user_id else []


def _people_field(
    hass: HomeAssistant, people: Iterable[State], phones: Mapping[str, Sequence[str]]
) -> SelectSelector:
    def label(person: State) -> str:
        if found := phones[person.entity_id]:
            return localize(hass, "household_person", name=person.name, phones=", ".join(found))
        return localize(hass, "household_person_without_phone", name=person.name)

    return SelectSelector(
        SelectSelectorConfig(
            options=[SelectOptionDict(value=one.entity_id, label=label(one)) for one in people],
            multiple=True,
            mode=SelectSelectorMode.LIST,
        )
    )


def _proposed_tts(hass: HomeAssistant) -> str | None:
    """The speech service that Home Assistant would take: its own cloud's, else the first."""
    there = sorted(hass.states.async_entity_ids("tts"))
    registry = er.async_get(hass)
    for entity_id in there:
        if (entity := registry.async_get(entity_id)) and entity.platform == "cloud":
            return entity_id
    return next(iter(there), None)
