"""The household: its caregivers and plans, as the subentries of its config entry have them."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_SOURCE

from .plan import Caregiver, Plan
from .plan_data import caregiver_from_data, plan_from_data

HOUSEHOLD: Final = "household"
"""As `CONF_SOURCE` of its config entry, of which there is one at most: it is no source."""
CAREGIVER: Final = "caregiver"
"""The type of a caregiver's subentry; its id is the caregiver's."""
PLAN: Final = "plan"
"""The type of a plan's subentry; its id is the plan's."""


def is_household(data: Mapping[str, Any]) -> bool:
    """Whether a config entry with these data is the household, not a source."""
    return data.get(CONF_SOURCE) == HOUSEHOLD


def caregivers_of(entry: ConfigEntry) -> list[Caregiver]:
    """The caregivers of a household, in the order in which they were added; called what their subentries are."""
    return [
        caregiver_from_data(one.subentry_id, one.data | {"name": one.title})[0]
        for one in entry.get_subentries_of_type(CAREGIVER)
    ]


def plans_of(entry: ConfigEntry) -> list[Plan]:
    """The plans of a household, in the order in which they were added; called what their subentries are."""
    return [
        plan_from_data(one.subentry_id, one.data | {"name": one.title})[0]
        for one in entry.get_subentries_of_type(PLAN)
    ]
