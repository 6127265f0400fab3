"""The entities: what there is, what each of them says, and when it says nothing."""

import asyncio
from collections import Counter
from datetime import timedelta
import logging
from typing import Any

from aiohttp.web import StreamResponse
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.const import (
    EVENT_STATE_CHANGED,
    EVENT_STATE_REPORTED,
    STATE_OFF,
    STATE_ON,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    EntityCategory,
)
from homeassistant.core import Event, HomeAssistant, State, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.device_registry import DeviceEntryType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.const import DOMAIN
from simulator import CATALOGUE
from simulator.faults import Exchange, Fault
from simulator.scenarios import HENK, MARIA
from tests.conftest import NOON, House

pytestmark = pytest.mark.usefixtures("all_enabled")

SOURCE = {
    ("sensor", "status"): SensorDeviceClass.ENUM,
    ("sensor", "last_contact"): SensorDeviceClass.TIMESTAMP,
    ("sensor", "data_through"): SensorDeviceClass.TIMESTAMP,
    ("sensor", "delay"): SensorDeviceClass.DURATION,
    ("binary_sensor", "silent"): BinarySensorDeviceClass.PROBLEM,
    ("button", "refresh"): None,
    ("button", "test_alert"): None,
}

PERSON = {
    ("event", "alert"): None,
    ("button", "acknowledge_all"): None,
    ("sensor", "last_alert"): SensorDeviceClass.ENUM,
    ("sensor", "last_alert_time"): SensorDeviceClass.TIMESTAMP,
    ("sensor", "active_alerts"): None,
    ("sensor", "highest_severity"): SensorDeviceClass.ENUM,
    ("sensor", "data_through"): SensorDeviceClass.TIMESTAMP,
    ("binary_sensor", "silent"): BinarySensorDeviceClass.PROBLEM,
    ("binary_sensor", "weight"): BinarySensorDeviceClass.PROBLEM,
    ("binary_sensor", "flex"): BinarySensorDeviceClass.PROBLEM,
    ("binary_sensor", "medication"): BinarySensorDeviceClass.PROBLEM,
    ("sensor", "weight_status"): SensorDeviceClass.ENUM,
    ("sensor", "flex_status"): SensorDeviceClass.ENUM,
    ("sensor", "medication_status"): SensorDeviceClass.ENUM,
    ("sensor", "weight"): SensorDeviceClass.WEIGHT,
    ("sensor", "weekly_weight_change"): None,
    ("sensor", "flex_rate"): None,
    ("sensor", "missed_doses"): None,
    ("sensor", "scheduled_doses"): None,
    ("sensor", "adherence"): None,
    ("sensor", "consecutive_misses"): None,
    ("sensor", "last_dose"): SensorDeviceClass.TIMESTAMP,
}

FRESHNESS = {("sensor", "data_through"), ("binary_sensor", "silent")}

OF_WEIGHT = {
    ("sensor", "weight_status"),
    ("sensor", "weight"),
    ("sensor", "weekly_weight_change"),
}

DETAILS = set(list(PERSON)[11:])
"""Made once there is an alert to have them from."""

OF_THE_PRESENT = {
    ("sensor", "active_alerts"),
    ("sensor", "highest_severity"),
    *(key for key in list(PERSON)[8:]),
}
"""What cannot be said any more once the source has been out of touch for too long."""


@pytest.fixture
async def entry(house: House) -> MockConfigEntry:
    """Lumen, set up with the demo's people."""
    house.sim.load("demo")
    return await house.set_up(house.entry())


@pytest.fixture
def maria(house: House, entry: MockConfigEntry) -> str:
    """Maria's id."""
    return house.sim.lumen.default.person(MARIA).shared_user_id


@pytest.fixture
def henk(house: House, entry: MockConfigEntry) -> str:
    """Henk's id."""
    return house.sim.lumen.default.person(HENK).shared_user_id


async def test_the_entities_there_are(
    house: House, entry: MockConfigEntry, maria: str, henk: str
) -> None:
    registered = {
        (entity.domain, entity.unique_id): entity
        for entity in er.async_entries_for_config_entry(er.async_get(house.hass), entry.entry_id)
    }
    expected = {
        (platform, f"{entry.entry_id}_{key}"): (key, device_class)
        for (platform, key), device_class in SOURCE.items()
    } | {
        (platform, f"lumen_{person}_{key}"): (key, device_class)
        for person, never_heard_of in ((maria, set()), (henk, DETAILS - OF_WEIGHT))
        for (platform, key), device_class in PERSON.items()
        if (platform, key) not in never_heard_of
    }
    assert set(registered) == set(expected)
    for identity, (key, device_class) in expected.items():
        entity = registered[identity]
        assert entity.translation_key == key
        assert entity.original_device_class == device_class
        assert entity.has_entity_name
        assert not entity.disabled
        of_source = identity[1].startswith(entry.entry_id)
        is_diagnostic = of_source or (identity[0], key) in FRESHNESS
        assert entity.entity_category is (EntityCategory.DIAGNOSTIC if is_diagnostic else None)


async def test_the_devices(house: House, entry: MockConfigEntry, maria: str) -> None:
    devices = {
        device.name: device
        for device in dr.async_entries_for_config_entry(dr.async_get(house.hass), entry.entry_id)
    }
    assert set(devices) == {"Lumen", "maria.keller", "henk.devries"}
    source = devices["Lumen"]
    assert source.identifiers == {(DOMAIN, entry.entry_id)}
    assert source.entry_type is DeviceEntryType.SERVICE
    assert source.via_device_id is None
    assert (source.manufacturer, source.model) == ("Lumen", "Partner API")
    assert source.configuration_url == "https://partners.lumen.me"
    assert {devices[name].model for name in set(devices) - {"Lumen"}} == {"Lumen account"}
    assert devices["maria.keller"].identifiers == {(DOMAIN, f"lumen_{maria}")}
    for name in ("maria.keller", "henk.devries"):
        assert devices[name].via_device_id == source.id
        assert devices[name].entry_type is DeviceEntryType.SERVICE
    entity = er.async_get(house.hass).async_get(house.entity_id("event", "alert", maria))
    assert entity is not None
    assert entity.device_id == devices["maria.keller"].id


async def test_what_they_say(house: House, maria: str, henk: str) -> None:
    said = {
        key: house.state(platform, key, maria).state
        for platform, key in PERSON
        if platform == "sensor"
    }
    last = said.pop("last_alert")
    assert said == {
        "last_alert_time": "2026-11-18T03:14:22+00:00",
        "active_alerts": "3",
        "highest_severity": "high",
        "data_through": "2026-11-18T03:14:22+00:00",
        "weight_status": "too_fast",
        "flex_status": "plateau",
        "medication_status": "missed_dose_high",
        "weight": "78.4",
        "weekly_weight_change": "-2.6",
        "flex_rate": "-0.05",
        "missed_doses": "5",
        "scheduled_doses": "7",
        "adherence": "28.6",
        "consecutive_misses": "4",
        "last_dose": "2026-11-13T08:11:00+00:00",
    }
    # Three came at the same second.
    assert last in {"weight", "flex", "medication"}
    last_alert = house.state("sensor", "last_alert", maria).attributes
    assert last_alert["alert_type"] == last
    assert last_alert["observed_at"] == "2026-11-18T03:14:22+00:00"
    weight = house.state("binary_sensor", "weight", maria)
    assert weight.state == STATE_ON
    assert {
        key: weight.attributes[key]
        for key in ("severity", "subtype", "state", "ended_at", "end_reason")
    } == {
        "severity": "high",
        "subtype": "too_fast",
        "state": "active",
        "ended_at": None,
        "end_reason": None,
    }
    assert weight.attributes["observed_at"] == NOON.replace(hour=3, minute=14, second=22)
    assert weight.attributes["received_at"] == NOON
    assert weight.attributes["since"] < weight.attributes["observed_at"]
    assert house.state("sensor", "weight", maria).attributes["observed_at"] is not None

    # Good news is no problem, but it is shown.
    assert house.state("binary_sensor", "weight", henk).state == STATE_OFF
    assert house.state("binary_sensor", "weight", henk).attributes["severity"] == "low"
    assert house.state("sensor", "weight_status", henk).state == "at_goal"
    assert house.state("sensor", "highest_severity", henk).state == "none"
    assert house.state("sensor", "active_alerts", henk).state == "0"


async def test_what_the_source_says(house: House, entry: MockConfigEntry) -> None:
    assert house.state("sensor", "status").state == "ok"
    assert house.state("sensor", "last_contact").state == NOON.isoformat()
    assert house.state("sensor", "data_through").state == "2026-11-18T03:14:22+00:00"
    assert house.state("sensor", "delay").state == STATE_UNKNOWN
    silent = house.state("binary_sensor", "silent")
    assert (silent.state, silent.attributes["reason"]) == (STATE_OFF, None)
    await house.until(NOON.replace(hour=6, minute=10) + timedelta(days=1))
    # From 03:14:22 to 06:10, in minutes.
    assert float(house.state("sensor", "delay").state) == pytest.approx(175.6, abs=0.1)
    assert house.state("sensor", "delay").attributes["unit_of_measurement"] == "min"


async def test_an_episode_that_ends(house: House, maria: str) -> None:
    """The plateau is told until the fifth day from now, then a newer day has none."""
    await house.pass_time(days=4)
    assert house.state("binary_sensor", "flex", maria).state == STATE_ON
    await house.pass_time(days=1)
    flex = house.state("binary_sensor", "flex", maria)
    assert flex.state == STATE_OFF
    assert flex.attributes["end_reason"] == "newer_day"
    assert flex.attributes["ended_at"] == NOON.replace(day=23, hour=6)
    assert flex.attributes["severity"] is None
    assert house.state("sensor", "flex_status", maria).state == STATE_UNKNOWN


def record_writes(hass: HomeAssistant) -> Counter[str]:
    """Count what is written to the state machine from now on, changed or not, by entity."""
    writes: Counter[str] = Counter()

    @callback
    def count(event: Event[Any]) -> None:
        writes[event.data["entity_id"]] += 1

    @callback
    def everything(_: Any) -> bool:
        return True

    hass.bus.async_listen(EVENT_STATE_CHANGED, count)
    hass.bus.async_listen(EVENT_STATE_REPORTED, count, event_filter=everything)
    return writes


async def test_a_poll_that_brought_nothing_writes_nothing(
    house: House, entry: MockConfigEntry
) -> None:
    writes = record_writes(house.hass)
    before = len(house.sim.log)
    for _ in range(5):
        await house.pass_time(hours=1, seconds=2)
    assert len(house.sim.log) - before == 10
    assert writes == {house.entity_id("sensor", "last_contact"): 5}


async def test_polls_that_fail_write_once(
    house: House, entry: MockConfigEntry, maria: str, henk: str
) -> None:
    house.sim.faults.add("*", CATALOGUE["503_bare"]())
    writes = record_writes(house.hass)
    for _ in range(5):
        await house.pass_time(hours=1, seconds=2)
    assert writes == {
        house.entity_id("sensor", "status"): 1,
        **{house.entity_id("binary_sensor", "silent", person): 1 for person in (maria, henk)},
    }


async def test_one_persons_news_writes_only_theirs(
    house: House, entry: MockConfigEntry, maria: str, henk: str
) -> None:
    writes = record_writes(house.hass)
    account = house.sim.lumen.default
    account.add_alert(
        account.person(HENK),
        NOON.date() - timedelta(days=1),
        "FLEX",
        "DRAMATIC_DROP",
        generated_at=NOON + timedelta(minutes=5),
    )
    await house.pass_time(hours=1, seconds=2)
    expected = [
        ("binary_sensor", "flex"),
        ("event", "alert"),
        ("sensor", "last_alert"),
        ("sensor", "last_alert_time"),
        ("sensor", "active_alerts"),
        ("sensor", "highest_severity"),
        ("sensor", "flex_status"),
        ("sensor", "flex_rate"),
    ]
    of_source = [("sensor", key) for key in ("last_contact", "data_through", "delay")]
    assert writes == {
        **{house.entity_id(platform, key, henk): 1 for platform, key in expected},
        **{house.entity_id(platform, key): 1 for platform, key in of_source},
        # What came is as fresh as the analysis, and that is everybody's.
        **{house.entity_id("sensor", "data_through", person): 1 for person in (maria, henk)},
    }
    assert house.state("binary_sensor", "flex", henk).state == STATE_ON
    assert house.state("sensor", "highest_severity", henk).state == "high"


async def test_an_alert_is_shown_before_it_is_announced(
    house: House, entry: MockConfigEntry, maria: str
) -> None:
    """An automation that hears of an alert finds the sensors up to date."""
    seen: list[tuple[str, str | None]] = []

    @callback
    def look(event: Event[Any]) -> None:
        new: State = event.data["new_state"]
        if new.domain == "event":
            seen.append(
                (
                    new.attributes["subtype"],
                    house.state("sensor", "weight_status", maria).state,
                )
            )

    house.hass.bus.async_listen(EVENT_STATE_CHANGED, look)
    account = house.sim.lumen.default
    account.add_alert(
        account.person(MARIA),
        NOON.date() - timedelta(days=1),
        "WEIGHT",
        "TOO_SLOW",
        generated_at=NOON + timedelta(minutes=5),
    )
    await house.pass_time(hours=1, seconds=2)
    assert seen == [("too_slow", "too_slow")]


async def test_the_event_is_the_contract(house: House, maria: str, announced: list[State]) -> None:
    await house.until(NOON.replace(hour=6, minute=10) + timedelta(days=1))
    event = next(state for state in announced if state.attributes["alert_type"] == "medication")
    assert event.entity_id == house.entity_id("event", "alert", maria)
    assert event.attributes["event_types"] == ["weight", "flex", "medication", "other"]
    contract = {
        "event_type": "medication",
        "source": "lumen",
        "alert_type": "medication",
        "subtype": "missed_dose_high",
        "severity": "high",
        "state": "active",
        "observed_at": "2026-11-19T03:14:22+00:00",
        "received_at": "2026-11-19T06:10:00+00:00",
        "late": False,
        "redelivered": False,
        "drill": False,
    }
    assert {key: event.attributes[key] for key in contract} == contract
    assert event.attributes["details"]["scheduled_doses_7d"] == 7
    assert len(event.attributes["alert_id"]) == 36
    last_alert = house.state("sensor", "last_alert", maria).attributes
    assert set(contract) - {"event_type"} < set(last_alert)


async def test_out_of_touch_for_too_long(house: House, entry: MockConfigEntry, maria: str) -> None:
    """Nothing says "off" that is not known; what was heard last stays readable."""
    await house.pass_time(days=1)
    event_before = house.state("event", "alert", maria)
    house.sim.faults.add("*", CATALOGUE["503_bare"]())
    states = {key: house.state(*key, maria).state for key in PERSON}
    assert states["binary_sensor", "silent"] == STATE_OFF
    states["binary_sensor", "silent"] = STATE_ON
    await house.until(NOON.replace(hour=6) + timedelta(days=3) - timedelta(seconds=1))
    assert {key: house.state(*key, maria).state for key in PERSON} == states
    await house.until(NOON.replace(hour=6) + timedelta(days=3))
    for key in PERSON:
        expected = STATE_UNAVAILABLE if key in OF_THE_PRESENT else states[key]
        assert house.state(*key, maria).state == expected, key
    assert house.state("event", "alert", maria).attributes == event_before.attributes
    for key in SOURCE:
        assert house.state(*key).state != STATE_UNAVAILABLE
    assert house.state("sensor", "data_through").state == "2026-11-19T03:14:22+00:00"
    assert house.state("sensor", "last_contact").state == "2026-11-19T12:00:00+00:00"


async def test_somebody_never_heard_of(house: House) -> None:
    """Consent without an alert says nothing about a person: not even that all is well."""
    house.sim.load("demo")
    ines = house.sim.lumen.default.add_person("ines@example.com")
    await house.set_up(house.entry())
    for key in PERSON.keys() - FRESHNESS - DETAILS:
        assert house.state(*key, ines.shared_user_id).state == STATE_UNKNOWN, key


async def test_what_a_newer_api_sends_is_shown_as_it_came(
    house: House, announced: list[State]
) -> None:
    house.sim.load("newer_api")
    account = house.sim.lumen.default
    maria = account.person(MARIA)
    await house.set_up(house.entry())
    assert house.state("sensor", "weight_status", maria.shared_user_id).state == "rebound"
    weight = house.state("binary_sensor", "weight", maria.shared_user_id)
    assert weight.state == STATE_ON
    assert weight.attributes["severity"] == "medium"
    options = house.state("sensor", "weight_status", maria.shared_user_id).attributes["options"]
    assert "rebound" in options

    day = NOON.date()
    account.add_alert(
        maria, day, "SLEEP", "SHORT_NIGHT", severity="CRITICAL", details={"minutesAsleep": 9}
    )
    await house.pass_time(days=1)
    (event,) = announced
    assert event.attributes["event_type"] == "other"
    assert event.attributes["alert_type"] == "other"
    assert event.attributes["subtype"] == "short_night"
    assert event.attributes["severity"] == "medium"
    assert event.attributes["details"] == {
        "date": day.isoformat(),
        "alert_type": "SLEEP",
        "minutes_asleep": 9,
        "severity": "CRITICAL",
    }
    assert house.state("sensor", "last_alert", maria.shared_user_id).state == "other"


@pytest.mark.parametrize(
    ("details", "shown"),
    [
        ({"currentWeightKg": "78.4"}, STATE_UNKNOWN),
        ({"currentWeightKg": None}, STATE_UNKNOWN),
        ({"currentWeightKg": True}, STATE_UNKNOWN),
        ({"currentWeightKg": {"kg": 78.4}}, STATE_UNKNOWN),
        ({}, STATE_UNKNOWN),
        ({"currentWeightKg": 78}, "78"),
        ({"currentWeightKg": 78.45}, "78.45"),
    ],
)
async def test_a_detail_that_is_not_what_it_should_be(
    house: House, details: dict[str, Any], shown: str
) -> None:
    account = house.sim.lumen.default
    person = account.add_person(MARIA)
    account.add_alert(
        person, NOON.date() - timedelta(days=1), "WEIGHT", "TOO_FAST", details=details
    )
    await house.set_up(house.entry())
    assert house.state("sensor", "weight", person.shared_user_id).state == shown
    assert house.state("binary_sensor", "weight", person.shared_user_id).state == STATE_ON


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("2026-11-13T08:11:00Z", "2026-11-13T08:11:00+00:00"),
        ("2026-11-13T09:11:00+01:00", "2026-11-13T08:11:00+00:00"),
        ("2026-11-13T08:11:00", "2026-11-13T08:11:00+00:00"),
        ("last week", STATE_UNKNOWN),
        ("2026-02-30T08:11:00Z", STATE_UNKNOWN),
        ("2026-11-13T08:11:00+99:00", STATE_UNKNOWN),
        ("0001-01-01T00:00:00+14:00", STATE_UNKNOWN),
        ("9999-12-31T23:59:59-14:00", STATE_UNKNOWN),
        (20261113, STATE_UNKNOWN),
        (None, STATE_UNKNOWN),
    ],
)
async def test_the_last_dose(
    house: House, told: object, shown: str, caplog: pytest.LogCaptureFixture
) -> None:
    account = house.sim.lumen.default
    person = account.add_person(MARIA)
    account.add_alert(
        person,
        NOON.date() - timedelta(days=1),
        "MEDICATION",
        "MISSED_DOSE_HIGH",
        details={"lastLoggedDoseAt": told},
    )
    await house.set_up(house.entry())
    assert house.state("sensor", "last_dose", person.shared_user_id).state == shown
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_subtype_of_any_length_can_be_shown(
    house: House, announced: list[State], caplog: pytest.LogCaptureFixture
) -> None:
    """Home Assistant writes a state that is too long into its log: nobody's health belongs there."""
    account = house.sim.lumen.default
    person = account.add_person(MARIA)
    await house.set_up(house.entry())
    account.add_alert(person, NOON.date(), "WEIGHT", "SECRET " * 50)
    await house.pass_time(days=1)
    state = house.state("sensor", "weight_status", person.shared_user_id)
    assert state.state == ("secret " * 50)[:100]
    assert [event.attributes["subtype"] for event in announced] == [state.state]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_disabled_event_entity_saves_nothing_up(
    house: House, entry: MockConfigEntry, maria: str, announced: list[State]
) -> None:
    hass, registry = house.hass, er.async_get(house.hass)
    entity_id = house.entity_id("event", "alert", maria)
    registry.async_update_entity(entity_id, disabled_by=er.RegistryEntryDisabler.USER)
    await house.settle()
    await house.pass_time(days=1)
    assert {state.name for state in announced} == {"henk.devries Alert"}
    assert entry.runtime_data.store.ledger.pending() == []
    assert house.state("sensor", "weight_status", maria).state == "too_fast"

    announced.clear()
    registry.async_update_entity(entity_id, disabled_by=None)
    await house.settle()
    await house.pass_time(minutes=1)
    await hass.config_entries.async_reload(entry.entry_id)
    await house.settle()
    assert hass.states.get(entity_id) is not None
    assert announced == []
    await house.pass_time(days=1)
    assert "maria.keller Alert" in {state.name for state in announced}
    days = {state.attributes["details"]["date"] for state in announced}
    assert days == {"2026-11-19"}


async def test_polling_goes_on_when_every_entity_is_disabled(
    house: House, entry: MockConfigEntry, announced: list[State]
) -> None:
    registry = er.async_get(house.hass)
    for entity in er.async_entries_for_config_entry(registry, entry.entry_id):
        registry.async_update_entity(entity.entity_id, disabled_by=er.RegistryEntryDisabler.USER)
    await house.settle()
    assert [state for state in house.hass.states.async_all() if "keller" in state.entity_id] == []
    for _ in range(2):
        before = len(house.sim.log)
        await house.pass_time(hours=1, seconds=2)
        assert len(house.sim.log) > before
        await house.hass.config_entries.async_reload(entry.entry_id)
        await house.settle()
    await house.pass_time(days=1)
    assert len(entry.runtime_data.store.ledger.excluding_backfill()) == 4
    assert announced == []


async def test_the_refresh_button(house: House, entry: MockConfigEntry) -> None:
    await house.pass_time(minutes=10)
    before = len(house.sim.log)

    async def press() -> None:
        await house.press("refresh")
        await house.settle()

    await press()
    assert len(house.sim.log) - before == 2
    assert house.state("sensor", "last_contact").state == house.now.isoformat()

    house.sim.faults.add("*", CATALOGUE["500_bare"](), times=1)
    with pytest.raises(HomeAssistantError) as caught:
        await press()
    assert caught.value.translation_key == "unreachable"
    assert house.state("sensor", "status").state == "unreachable"
    house.sim.faults.add("*", CATALOGUE["429_seconds"](retry_after=130), times=1)
    with pytest.raises(HomeAssistantError) as caught:
        await press()
    assert caught.value.translation_key == "rate_limited"
    before = len(house.sim.log)
    with pytest.raises(HomeAssistantError) as caught:
        await press()
    assert caught.value.translation_key == "asked_to_wait"
    assert caught.value.translation_placeholders == {"minutes": "3"}
    assert len(house.sim.log) == before
    await house.pass_time(minutes=3)
    assert house.state("sensor", "status").state == "ok"


async def test_whoever_takes_alerts_need_not_wait_for_the_source(
    house: House, entry: MockConfigEntry, maria: str
) -> None:
    """Somebody who has pressed "Refresh" before may wait for a server that hangs."""
    asked, answer = asyncio.Event(), asyncio.Event()

    async def hang(exchange: Exchange) -> StreamResponse:
        asked.set()
        await answer.wait()
        return await exchange.proceed()

    house.sim.faults.add("*", Fault("hang", hang))
    refresh = asyncio.create_task(house.press("refresh"))
    await asked.wait()
    taking = asyncio.create_task(house.press("acknowledge_all", maria))
    for _ in range(100):
        await asyncio.sleep(0)
    done = taking.done(), refresh.done()
    answer.set()
    await asyncio.gather(refresh, taking)
    assert done == (True, False)
    assert house.state("binary_sensor", "weight", maria).attributes["acknowledged"] is True
