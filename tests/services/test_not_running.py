"""Actions at a source that is not running: they say so, and not that the target holds nobody."""

from typing import Any

from homeassistant.auth.models import User
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import Context
from homeassistant.exceptions import ServiceValidationError, Unauthorized
import pytest

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.sources.store import SourceStore
from simulator import CATALOGUE
from tests.care import Care

ACTIONS: list[tuple[str, dict[str, Any]]] = [
    ("acknowledge", {}),
    ("unacknowledge", {}),
    ("snooze", {"duration": {"minutes": 5}}),
    ("unsnooze", {}),
    ("send_test_alert", {}),
    ("get_alerts", {}),
    ("get_readings", {}),
    ("get_report", {}),
    ("get_alert_thresholds", {}),
    ("replay_thresholds", {}),
]


async def stop(care: Care, how: str) -> None:
    """Stop the source in one of the ways there are."""
    entries = care.hass.config_entries
    entry = care.entry
    if how == "disabled":
        await entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
        return
    await entries.async_unload(entry.entry_id)
    if how == "not_loaded":
        return
    # Nothing is known of it any more, and it does not answer.
    await SourceStore(care.hass, entry.entry_id).remove()
    fault = {"setup_retry": "503_bare", "setup_error": "401_bare"}[how]
    care.house.sim.faults.add("*", CATALOGUE[fault]())
    await care.house.set_up(entry)
    assert entry.state.value == how


@pytest.mark.parametrize("how", ["not_loaded", "disabled", "setup_retry", "setup_error"])
async def test_a_source_that_is_not_running_is_named(care: Care, how: str) -> None:
    house = care.house
    sensor = care.sensor()
    source = house.source_device(care.entry).id
    await stop(care, how)
    for action, more in ACTIONS:
        for target in ({"entity_id": sensor}, {"device_id": source}):
            with pytest.raises(ServiceValidationError) as said:
                await house.hass.services.async_call(
                    DOMAIN, action, target | more, blocking=True, return_response=True
                )
            assert said.value.translation_key == "not_running", action
            assert said.value.translation_placeholders == {"entry": "Lumen"}


async def test_who_is_not_there_at_all_is_still_nobody(care: Care) -> None:
    await stop(care, "not_loaded")
    with pytest.raises(ServiceValidationError) as said:
        await care.hass.services.async_call(
            DOMAIN, "acknowledge", {"device_id": "no-such-device"}, blocking=True
        )
    assert said.value.translation_key == "nobody_targeted"


async def test_only_who_may_use_it_is_told_what_does_not_run(care: Care, ben: User) -> None:
    sensor = care.sensor()
    await stop(care, "not_loaded")
    stranger = await care.hass.auth.async_create_user("Stranger")
    with pytest.raises(Unauthorized):
        await care.hass.services.async_call(
            DOMAIN,
            "acknowledge",
            {"entity_id": sensor},
            blocking=True,
            context=Context(user_id=stranger.id),
        )
