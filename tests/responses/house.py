"""A house with a household: phones, lamps, a speaker, caregivers and plans, in a real Home Assistant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigSubentryData
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.household import CAREGIVER, HOUSEHOLD, PLAN
from custom_components.care_alerts.responses.responder import RESPONDER, Responder
from tests.appliances import Bulb, Speaker
from tests.home import Home

type Data = dict[str, Any]

ON_DUTY_THEN_ALL: list[Data] = [
    {"step_id": "1", "after": 0, "tell": ["on_duty"]},
    {"step_id": "2", "after": 10, "tell": ["everybody"]},
    {"step_id": "3", "after": 20, "tell": ["everybody"], "every": 5},
]


def caregiver(which: str, **data: Any) -> ConfigSubentryData:
    """A caregiver's subentry."""
    return _subentry(CAREGIVER, which, data)


def plan(which: str = "Plan", steps: list[Data] | None = None, **data: Any) -> ConfigSubentryData:
    """A plan's subentry; without steps, whoever is on duty at once, all after 10 minutes and every 5 after 20."""
    return _subentry(PLAN, which, data | {"steps": ON_DUTY_THEN_ALL if steps is None else steps})


def _subentry(kind: str, which: str, data: Mapping[str, Any]) -> ConfigSubentryData:
    return {
        "data": MappingProxyType(dict(data)),
        "subentry_id": which.lower(),
        "subentry_type": kind,
        "title": which,
        "unique_id": None,
    }  # type: ignore[typeddict-unknown-key]


@dataclass
class Household:
    """Maria's house with a household."""

    home: Home
    entry: MockConfigEntry
    bulb: Bulb = field(default_factory=Bulb)
    speaker: Speaker = field(default_factory=Speaker)

    @property
    def responder(self) -> Responder:
        """What acts in it."""
        return self.home.hass.data[RESPONDER]

    def state(self, domain: str, key: str, plan: str = "") -> Any:
        """The state of one of its entities."""
        unique_id = f"{self.entry.entry_id}_{plan + '_' if plan else ''}{key}"
        entity_id = er.async_get(self.home.hass).async_get_entity_id(domain, DOMAIN, unique_id)
        assert entity_id, unique_id
        state = self.home.hass.states.get(entity_id)
        assert state is not None
        return state

    def issues(self) -> set[str]:
        """What it asks a person to mend, by the keys of the texts."""
        return {
            issue.translation_key or ""
            for (domain, issue_id), issue in ir.async_get(self.home.hass).issues.items()
            if domain == DOMAIN and issue_id.startswith("household_")
        }


def household_entry(*subentries: ConfigSubentryData, **more: Any) -> MockConfigEntry:
    """The household's entry, not yet set up."""
    return MockConfigEntry(
        domain=DOMAIN,
        entry_id="household",
        title="Household",
        unique_id=HOUSEHOLD,
        data={"source": HOUSEHOLD},
        subentries_data=subentries,
        **more,
    )


async def set_up(home: Home, *subentries: ConfigSubentryData) -> Household:
    """Have a household."""
    entry = household_entry(*subentries)
    entry.add_to_hass(home.hass)
    assert await home.hass.config_entries.async_setup(entry.entry_id)
    await home.house.settle()
    return Household(home, entry)
