"""The actions: what scripts and people can ask of all sources alike."""

from homeassistant.core import HomeAssistant, SupportsResponse, callback

from ..const import DOMAIN
from .acknowledging import (
    ACKNOWLEDGE,
    ACKNOWLEDGE_SCHEMA,
    SNOOZE,
    SNOOZE_SCHEMA,
    TARGET_SCHEMA,
    UNACKNOWLEDGE,
    UNSNOOZE,
    acknowledge,
    snooze,
    unacknowledge,
    unsnooze,
)
from .history import GET_ALERTS, GET_ALERTS_SCHEMA, get_alerts
from .snapshots import REMEMBER, REMEMBER_SCHEMA, RESTORE, RESTORE_SCHEMA, remember, restore
from .testing import SEND_TEST_ALERT, SEND_TEST_ALERT_SCHEMA, send_test_alert
from .thresholds import (
    DELETE_THRESHOLDS,
    GET_THRESHOLDS,
    SET_THRESHOLDS,
    SET_THRESHOLDS_SCHEMA,
    delete_thresholds,
    get_thresholds,
    set_thresholds,
)


@callback
def async_setup_actions(hass: HomeAssistant) -> None:
    """Register the actions."""
    register = hass.services.async_register
    for name, action, schema in (
        (GET_ALERTS, get_alerts, GET_ALERTS_SCHEMA),
        (GET_THRESHOLDS, get_thresholds, TARGET_SCHEMA),
    ):
        register(DOMAIN, name, action, schema=schema, supports_response=SupportsResponse.ONLY)
    for name, action, schema in (
        (ACKNOWLEDGE, acknowledge, ACKNOWLEDGE_SCHEMA),
        (UNACKNOWLEDGE, unacknowledge, TARGET_SCHEMA),
        (SNOOZE, snooze, SNOOZE_SCHEMA),
        (UNSNOOZE, unsnooze, TARGET_SCHEMA),
        (SEND_TEST_ALERT, send_test_alert, SEND_TEST_ALERT_SCHEMA),
        (SET_THRESHOLDS, set_thresholds, SET_THRESHOLDS_SCHEMA),
        (REMEMBER, remember, REMEMBER_SCHEMA),
        (RESTORE, restore, RESTORE_SCHEMA),
    ):
        register(DOMAIN, name, action, schema=schema, supports_response=SupportsResponse.OPTIONAL)
    register(DOMAIN, DELETE_THRESHOLDS, delete_thresholds, schema=TARGET_SCHEMA)
