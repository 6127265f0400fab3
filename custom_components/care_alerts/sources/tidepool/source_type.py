"""Tidepool as the shell sees it: its sensors beside those every person has, and what can be set."""

from typing import Final

from homeassistant.components.number import NumberEntityDescription, NumberMode
from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.components.switch import SwitchEntityDescription
from homeassistant.const import EntityCategory, UnitOfBloodGlucoseConcentration

from ...alerts.snapshot import PersonSnapshot
from ..base import PersonSensorDescription, SourceType, Value
from ..glucose import glucose_sensors
from .coordinator import CONF_JUDGED, TidepoolCoordinator
from .evaluation import SOURCE
from .flow import TidepoolOptionsFlow
from .settings import FIELDS, KINDS
from .thresholds import ThresholdKeeper


def _last_reading(snapshot: PersonSnapshot) -> Value:
    """When the newest reading was made, its value, and which alerts it cannot be judged by, and why."""
    glucose = snapshot.last_glucose
    not_judged = {
        kind: condition.unavailable
        for kind, condition in snapshot.conditions.items()
        if condition.unavailable
    }
    observed_at = glucose.observed_at if glucose else None
    return Value(
        observed_at,
        observed_at,
        {
            "value": glucose and glucose.value,
            "unit": glucose and glucose.unit,
            "not_judged": not_judged,
        },
    )


RARELY_SET: Final = ("low_repeat", "high_repeat", "no_communication_delay", "not_looping_delay")
"""Disabled until somebody wants them on a dashboard: the action sets them as well."""

LAST_READING: Final = PersonSensorDescription(
    key="last_reading",
    device_class=SensorDeviceClass.TIMESTAMP,
    entity_category=EntityCategory.DIAGNOSTIC,
    value_fn=_last_reading,
    says_now=False,
)

TIDEPOOL = SourceType(
    source=SOURCE,
    alert_types=tuple(KINDS),
    coordinator=TidepoolCoordinator,
    options_flow=TidepoolOptionsFlow,
    safe_options=frozenset({CONF_JUDGED}),
    settings_keeper=ThresholdKeeper,
    person_sensors=(
        *glucose_sensors(UnitOfBloodGlucoseConcentration.MILLIMOLE_PER_LITER, is_now=True),
        LAST_READING,
    ),
    person_numbers=tuple(
        NumberEntityDescription(
            key=field.key,
            mode=NumberMode.BOX,
            entity_registry_enabled_default=str(field) not in RARELY_SET,
        )
        for field in FIELDS.values()
        if field.name != "enabled"
    ),
    person_switches=tuple(SwitchEntityDescription(key=kind) for kind in KINDS),
)
