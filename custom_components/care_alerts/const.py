"""What every part of Care Alerts shares."""

import logging
from typing import Final

from homeassistant.const import Platform

DOMAIN: Final = "care_alerts"
LOGGER = logging.getLogger(__package__)

PLATFORMS: Final = (
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
)

HOUSEHOLD_PLATFORMS: Final = (
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.SENSOR,
    Platform.SWITCH,
)

ATTR_ALERT_TYPES: Final = "alert_types"
ATTR_LEAST_SEVERITY: Final = "least_severity"
ATTR_INCLUDE_DRILLS: Final = "include_drills"
ATTR_INCLUDE_LATE: Final = "include_late"
ATTR_INCLUDE_ACKNOWLEDGED: Final = "include_acknowledged"
