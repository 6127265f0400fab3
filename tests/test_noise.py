"""What Activity shows, and what a device page holds: no line for a time that moves on, no entity that never says anything."""

from datetime import timedelta

from homeassistant.components.logbook.helpers import is_sensor_continuous
from homeassistant.const import STATE_UNKNOWN, Platform
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_registry import RegistryEntryDisabler

from tests.conftest import NOON, House
from tests.responses.house import household_entry, plan


async def test_a_time_is_left_out_of_the_history_of_activity_too(house: House) -> None:
    house.sim.load("demo")
    for entry in (house.entry(), house.tidepool_entry(), household_entry(plan("Plan"))):
        await house.set_up(entry)
    registry = er.async_get(house.hass)
    times = [
        one
        for one in registry.entities.values()
        if one.original_device_class == "timestamp" and one.domain == Platform.SENSOR
    ]
    assert {one.translation_key for one in times} >= {"data_through", "last_reading", "next_step"}
    for one in times:
        if not one.disabled:
            assert is_sensor_continuous(house.hass, registry, one.entity_id), one.entity_id


async def test_what_a_person_never_had_is_not_there_until_it_is_heard_of(house: House) -> None:
    account = house.sim.lumen.default
    maria = account.add_person("maria@example.com", granted_at=NOON - timedelta(days=20))
    entry = await house.set_up(house.entry())
    registry = er.async_get(house.hass)

    def made() -> set[str | None]:
        return {
            one.translation_key
            for one in er.async_entries_for_config_entry(registry, entry.entry_id)
            if f"_{maria.shared_user_id}_" in one.unique_id and one.domain == Platform.SENSOR
        }

    of_everybody = {
        *("last_alert", "last_alert_time", "active_alerts", "highest_severity", "data_through")
    }
    assert made() == of_everybody
    account.add_alert(maria, NOON.date(), "MEDICATION", "MISSED_DOSE_HIGH")
    await house.pass_time(hours=20)
    assert made() > of_everybody | {"medication_status", "missed_doses"}
    assert "weight" not in made()
    # Once there it stays, also where the newest analysis has none.
    await house.pass_time(days=1)
    await house.hass.config_entries.async_reload(entry.entry_id)
    await house.settle()
    assert house.state("sensor", "missed_doses", maria.shared_user_id).state == STATE_UNKNOWN


async def test_what_few_look_at_is_disabled(house: House) -> None:
    house.sim.load("demo")
    entry = await house.set_up(house.entry())
    disabled = {
        one.translation_key: one.disabled_by
        for one in er.async_entries_for_config_entry(er.async_get(house.hass), entry.entry_id)
        if one.disabled
    }
    assert disabled == dict.fromkeys(("last_contact", "delay"), RegistryEntryDisabler.INTEGRATION)
