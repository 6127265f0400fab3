"""The actions: what scripts and people can ask of all sources alike."""

from homeassistant.core import HomeAssistant, SupportsResponse, callback

from ..const import DOMAIN
from . import (
    acknowledging,
    history,
    notifying,
    profiles,
    readings,
    reporting,
    responding,
    snapshots,
    testing,
    thresholds,
)


@callback
def async_setup_actions(hass: HomeAssistant) -> None:
    """Register the actions."""
    register = hass.services.async_register
    for name, action, schema in (
        (history.GET_ALERTS, history.get_alerts, history.GET_ALERTS_SCHEMA),
        (readings.GET_READINGS, readings.get_readings, readings.GET_READINGS_SCHEMA),
        (reporting.GET_REPORT, reporting.get_report, reporting.GET_REPORT_SCHEMA),
        (notifying.EXPLAIN, notifying.explain, notifying.EXPLAIN_SCHEMA),
        (thresholds.GET_THRESHOLDS, thresholds.get_thresholds, acknowledging.TARGET_SCHEMA),
        (
            thresholds.REPLAY_THRESHOLDS,
            thresholds.replay_thresholds,
            thresholds.REPLAY_THRESHOLDS_SCHEMA,
        ),
    ):
        register(DOMAIN, name, action, schema=schema, supports_response=SupportsResponse.ONLY)
    for name, action, schema in (
        (acknowledging.ACKNOWLEDGE, acknowledging.acknowledge, acknowledging.ACKNOWLEDGE_SCHEMA),
        (acknowledging.UNACKNOWLEDGE, acknowledging.unacknowledge, acknowledging.TARGET_SCHEMA),
        (acknowledging.SNOOZE, acknowledging.snooze, acknowledging.SNOOZE_SCHEMA),
        (acknowledging.UNSNOOZE, acknowledging.unsnooze, acknowledging.TARGET_SCHEMA),
        (testing.SEND_TEST_ALERT, testing.send_test_alert, testing.SEND_TEST_ALERT_SCHEMA),
        (profiles.APPLY_PROFILE, profiles.apply_profile, profiles.APPLY_PROFILE_SCHEMA),
        (thresholds.SET_THRESHOLDS, thresholds.set_thresholds, thresholds.SET_THRESHOLDS_SCHEMA),
        (responding.LIGHT, responding.light, responding.LIGHT_SCHEMA),
        (responding.SPEAK, responding.speak, responding.SPEAK_SCHEMA),
        (notifying.NOTIFY, notifying.notify, notifying.NOTIFY_SCHEMA),
        (notifying.TAKE_DUTY, notifying.take_duty, notifying.TAKE_DUTY_SCHEMA),
        (snapshots.REMEMBER, snapshots.remember, snapshots.REMEMBER_SCHEMA),
        (snapshots.RESTORE, snapshots.restore, snapshots.RESTORE_SCHEMA),
    ):
        register(DOMAIN, name, action, schema=schema, supports_response=SupportsResponse.OPTIONAL)
    register(
        DOMAIN,
        thresholds.DELETE_THRESHOLDS,
        thresholds.delete_thresholds,
        schema=acknowledging.TARGET_SCHEMA,
    )
