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
    Platform.SENSOR,
    Platform.SWITCH,
)
