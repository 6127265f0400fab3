"""Lumen as Home Assistant knows it: how it is opened, and its sensors beside those every person has."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import UnitOfMass, UnitOfRatio
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from ...alerts.alert import Severity
from ...alerts.snapshot import PersonSnapshot
from ..http import base_url
from ..parsing import utc_or_none
from ..source import Host
from ..source_type import PersonSensorDescription, SourceType, Value
from .api import LumenClient
from .flow import LumenOptionsFlow
from .mapping import ALERT_TYPES, SOURCE
from .source import LumenSource
from .state import CONF_CHOSEN_AT, CONF_FOLLOW_LATER, CONF_ON_FROM, Selection

if TYPE_CHECKING:
    from ..coordinator import CareAlertsConfigEntry

SUBTYPES: dict[str, list[str]] = {
    "weight": ["in_range", "too_slow", "too_fast", "at_goal", "first_log"],
    "flex": ["dramatic_drop", "plateau"],
    "medication": ["missed_dose_high"],
}


_HIGHEST: Final = 1_000_000
"""Of kilograms, per cent or doses. Ours: more is none, and Home Assistant would keep it in its statistics for ever."""


def _number(value: Any) -> int | float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and abs(value) <= _HIGHEST else None


def _detail(
    alert_type: str, field: str, read: Callable[[Any], int | float | datetime | None]
) -> Callable[[PersonSnapshot], Value | None]:
    """Read a field of the current alert's details; something that is not what it should be is not shown."""

    def value_of(snapshot: PersonSnapshot) -> Value | None:
        alert = snapshot.conditions[alert_type].current_alert
        return Value(read(alert.details.get(field)), alert.observed_at) if alert else None

    return value_of


def _subtype(alert_type: str) -> Callable[[PersonSnapshot], Value | None]:
    def value_of(snapshot: PersonSnapshot) -> Value | None:
        alert = snapshot.conditions[alert_type].current_alert
        return Value(alert.subtype, alert.observed_at) if alert else None

    return value_of


def _create(hass: HomeAssistant, entry: CareAlertsConfigEntry, host: Host) -> LumenSource:
    """Open the source of an entry with `base_url` and `api_key`."""
    return LumenSource(
        LumenClient(
            async_get_clientsession(hass), base_url(entry.data["base_url"]), entry.data["api_key"]
        ),
        host,
        selection=Selection.of(entry.options),
        on_from=Severity(entry.options.get(CONF_ON_FROM, Severity.MEDIUM)),
        # Not every house at the same second.
        spread=timedelta(seconds=sum(entry.entry_id.encode()) % 300),
    )


LUMEN = SourceType(
    key=SOURCE,
    name="Lumen",
    model="Partner API",
    website="https://partners.lumen.me",
    alert_types=ALERT_TYPES,
    create=_create,
    options_flow=LumenOptionsFlow,
    repairs=("choose_people", "days_lost"),
    safe_options=frozenset({CONF_CHOSEN_AT, CONF_FOLLOW_LATER, CONF_ON_FROM}),
    person_sensors=(
        *(
            PersonSensorDescription(
                key=f"{alert_type}_status",
                device_class=SensorDeviceClass.ENUM,
                options=SUBTYPES[alert_type],
                value_fn=_subtype(alert_type),
                once_heard_of=True,
            )
            for alert_type in ALERT_TYPES
        ),
        PersonSensorDescription(
            key="weight",
            device_class=SensorDeviceClass.WEIGHT,
            state_class=SensorStateClass.MEASUREMENT,
            native_unit_of_measurement=UnitOfMass.KILOGRAMS,
            suggested_display_precision=1,
            value_fn=_detail("weight", "current_weight_kg", _number),
            once_heard_of=True,
        ),
        PersonSensorDescription(
            key="weekly_weight_change",
            state_class=SensorStateClass.MEASUREMENT,
            native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
            suggested_display_precision=1,
            value_fn=_detail("weight", "weekly_pct_change", _number),
            once_heard_of=True,
        ),
        PersonSensorDescription(
            key="flex_rate",
            state_class=SensorStateClass.MEASUREMENT,
            native_unit_of_measurement="%/week",
            suggested_display_precision=2,
            value_fn=_detail("flex", "rate_pct_per_week", _number),
            once_heard_of=True,
        ),
        PersonSensorDescription(
            key="missed_doses",
            state_class=SensorStateClass.MEASUREMENT,
            value_fn=_detail("medication", "missed_doses_7d", _number),
            once_heard_of=True,
        ),
        PersonSensorDescription(
            key="scheduled_doses",
            state_class=SensorStateClass.MEASUREMENT,
            value_fn=_detail("medication", "scheduled_doses_7d", _number),
            once_heard_of=True,
        ),
        PersonSensorDescription(
            key="adherence",
            state_class=SensorStateClass.MEASUREMENT,
            native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
            suggested_display_precision=1,
            value_fn=_detail("medication", "adherence_pct_7d", _number),
            once_heard_of=True,
        ),
        PersonSensorDescription(
            key="consecutive_misses",
            state_class=SensorStateClass.MEASUREMENT,
            value_fn=_detail("medication", "consecutive_misses", _number),
            once_heard_of=True,
        ),
        PersonSensorDescription(
            key="last_dose",
            device_class=SensorDeviceClass.TIMESTAMP,
            value_fn=_detail("medication", "last_logged_dose_at", utc_or_none),
            once_heard_of=True,
        ),
    ),
)
