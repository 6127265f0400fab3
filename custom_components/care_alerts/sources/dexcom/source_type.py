"""Dexcom as the shell sees it: its sensors beside those every person has."""

from homeassistant.const import UnitOfBloodGlucoseConcentration

from ..base import SourceType
from ..glucose import glucose_sensors
from .coordinator import CONF_HOLD_TIME, DexcomCoordinator
from .flow import DexcomOptionsFlow
from .mapping import ALERT_TYPES, SOURCE

DEXCOM = SourceType(
    source=SOURCE,
    alert_types=ALERT_TYPES,
    coordinator=DexcomCoordinator,
    options_flow=DexcomOptionsFlow,
    safe_options=frozenset({CONF_HOLD_TIME}),
    person_sensors=glucose_sensors(UnitOfBloodGlucoseConcentration.MILLIGRAMS_PER_DECILITER),
)
