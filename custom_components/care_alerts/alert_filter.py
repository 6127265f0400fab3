"""The options that triggers, conditions and actions share: which alerts are meant."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from homeassistant.const import CONF_OPTIONS, CONF_TARGET
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import VolDictType
import voluptuous as vol

from .alerts.alert import OTHER, Severity
from .const import ATTR_ALERT_TYPES, ATTR_INCLUDE_DRILLS, ATTR_LEAST_SEVERITY
from .sources import ALERT_TYPES


def filter_fields(*, drills: bool) -> VolDictType:
    """The fields of `AlertFilter`, and whether drills are meant if nobody says."""
    return {
        vol.Optional(ATTR_ALERT_TYPES, default=list): vol.All(
            cv.ensure_list, [vol.In([*sorted(ALERT_TYPES), OTHER])]
        ),
        vol.Optional(ATTR_LEAST_SEVERITY, default=Severity.LOW.value): vol.In(
            [severity.value for severity in Severity]
        ),
        vol.Optional(ATTR_INCLUDE_DRILLS, default=drills): cv.boolean,
    }


FILTER_FIELDS: VolDictType = filter_fields(drills=True)


def target_schema(options: VolDictType) -> vol.Schema:
    """A target, everybody if there is none, and options."""
    return vol.Schema(
        {
            vol.Optional(CONF_TARGET, default=dict): cv.TARGET_FIELDS,
            vol.Optional(CONF_OPTIONS, default=dict): options,
        }
    )


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts somebody wants to hear of; no types are all types."""

    alert_types: frozenset[str]
    least: Severity
    drills: bool

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Read validated options."""
        return cls(
            frozenset(options[ATTR_ALERT_TYPES]),
            Severity(options[ATTR_LEAST_SEVERITY]),
            options[ATTR_INCLUDE_DRILLS],
        )

    def takes(self, alert_type: str, severity: Severity, *, drill: bool) -> bool:
        """Whether an alert is one of them."""
        return (
            (not self.alert_types or alert_type in self.alert_types)
            and severity.rank >= self.least.rank
            and (self.drills or not drill)
        )
