"""How many entities somebody who shares at Tidepool has, and how often they write their states."""

from collections import Counter

from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, EventStateChangedData, callback
from homeassistant.helpers import entity_registry as er

from custom_components.care_alerts.const import DOMAIN

from .conftest import Follower

RARE = {"low_repeat", "high_repeat", "no_communication_delay", "not_looping_delay"}


def entities(follower: Follower) -> list[er.RegistryEntry]:
    """All of Jill's."""
    return er.async_entries_for_device(
        er.async_get(follower.house.hass), follower.device_id, include_disabled_entities=True
    )


async def test_what_is_rarely_set_is_disabled_until_somebody_wants_it(follower: Follower) -> None:
    await follower.start()
    theirs = entities(follower)
    disabled = {one.translation_key for one in theirs if one.disabled}
    assert disabled == RARE
    assert (len(theirs), len(theirs) - len(disabled)) == (31, 27)
    # All can be set all the same.
    said = await follower.call("set_alert_thresholds", low_repeat=45, not_looping_delay=60)
    assert (said["low_repeat"], said["not_looping_delay"]) == (45, 60)

    registry = er.async_get(follower.house.hass)
    registry.async_update_entity(follower.entity_id("number", "low_repeat"), disabled_by=None)
    assert await follower.house.hass.config_entries.async_reload(follower.entry.entry_id)
    await follower.house.settle()
    assert follower.state("number", "low_repeat").state == "45"


async def test_who_has_them_keeps_them(follower: Follower) -> None:
    """A registry from before they were disabled by default."""
    hass = follower.house.hass
    follower.entry.add_to_hass(hass)
    me = follower.entry.data["user_id"]
    for key in RARE:
        er.async_get(hass).async_get_or_create(
            "number",
            DOMAIN,
            f"tidepool_{me}_{follower.jill.user_id}_{key}",
            config_entry=follower.entry,
        )
    await follower.start()
    assert not [one for one in entities(follower) if one.disabled]
    assert follower.state("number", "high_repeat").state == "0"


async def test_a_trend_that_stays_writes_no_states(follower: Follower) -> None:
    follower.reads(100, trend="constant")
    await follower.start()
    assert follower.state("sensor", "glucose_trend").state == "steady"
    written: Counter[str] = Counter()

    @callback
    def count(event: Event[EventStateChangedData]) -> None:
        written[event.data["entity_id"]] += 1

    follower.house.hass.bus.async_listen(EVENT_STATE_CHANGED, count)
    for _ in range(12):
        await follower.house.pass_time(minutes=5)
        follower.reads(100, trend="constant")
        await follower.house.pass_time(seconds=30)
    assert follower.state("sensor", "glucose_trend").state == "steady"
    assert written[follower.entity_id("sensor", "glucose_trend")] == 0
    assert written[follower.entity_id("sensor", "glucose")] == 12


async def test_durations_are_durations_in_whichever_unit_somebody_has_them(
    follower: Follower,
) -> None:
    await follower.start()
    registry = er.async_get(follower.house.hass)
    durations = {
        one.translation_key: one.original_device_class
        for one in entities(follower)
        if one.unit_of_measurement == "min"
    }
    assert durations == dict.fromkeys({"low_delay", "high_delay", "high_repeat"} | RARE, "duration")
    thresholds = [one for one in entities(follower) if one.unit_of_measurement == "mg/dL"]
    assert {one.original_device_class for one in thresholds if one.domain == "number"} == {None}

    registry.async_update_entity_options(
        follower.entity_id("number", "low_delay"), "number", {"unit_of_measurement": "h"}
    )
    await follower.house.settle()
    await follower.set_number("low_delay", 1.1)
    assert follower.settings["low"]["delay"] == 66
