"""The action `get_alerts`: whose alerts, of when, which of them, and what cannot be had."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from homeassistant.const import STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.durations import FIRST, LAST, moment
from simulator import CATALOGUE
from simulator.scenarios import HENK, MARIA
from tests.conftest import NOON, House

NEWEST = date(2026, 11, 17)


@pytest.fixture
async def entry(house: House) -> MockConfigEntry:
    """Lumen, set up with the demo's people."""
    house.sim.load("demo")
    return await house.set_up(house.entry())


async def ask(hass: HomeAssistant, **data: Any) -> dict[str, Any]:
    """Call the action."""
    answer = await hass.services.async_call(
        DOMAIN, "get_alerts", data, blocking=True, return_response=True
    )
    assert isinstance(answer, dict)
    assert set(answer) == {"alerts", "episodes", "unavailable"}
    return answer


def person_id(house: House, email: str) -> str:
    """The shared user id of a person."""
    return house.sim.lumen.default.person(email).shared_user_id


def device(house: House, entry: MockConfigEntry, name: str) -> dr.DeviceEntry:
    """A device by its name."""
    (found,) = (
        found
        for found in dr.async_entries_for_config_entry(dr.async_get(house.hass), entry.entry_id)
        if found.name == name
    )
    return found


def summary(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Who, what, of which day."""
    return [(a["person"], a["alert_type"], a["details"]["date"]) for a in answer["alerts"]]


def of_episode(alert: dict[str, Any]) -> dict[str, Any]:
    """What an alert says of its episode."""
    names = ("since", "last_seen", "ended_at", "end_reason", "note", "snoozed_until")
    return {
        name: value
        for name, value in alert.items()
        if name in names or name.startswith(("acknowledged", "handled"))
    }


async def test_of_a_person_on_a_day(house: House, entry: MockConfigEntry) -> None:
    maria = device(house, entry, "maria.keller")
    answer = await ask(house.hass, device_id=maria.id, date=NEWEST)
    assert sorted(summary(answer)) == [
        ("maria.keller", "flex", "2026-11-17"),
        ("maria.keller", "medication", "2026-11-17"),
        ("maria.keller", "weight", "2026-11-17"),
    ]
    assert answer["unavailable"] == []
    weight = next(a for a in answer["alerts"] if a["alert_type"] == "weight")
    assert weight.pop("alert_id")
    [episode] = [e for e in answer["episodes"] if e["alert_type"] == "weight"]
    assert episode == {
        "episode_id": weight["episode_id"],
        "source": "lumen",
        "alert_type": "weight",
        "drill": False,
        "severity": "high",
        "device_id": maria.id,
        "person": "maria.keller",
    } | of_episode(weight)
    assert of_episode(weight) == {
        "since": "2026-11-17T03:14:22+00:00",
        "last_seen": "2026-11-18T03:14:22+00:00",
        "ended_at": None,
        "end_reason": None,
        "acknowledged": False,
        "acknowledged_by": None,
        "acknowledged_via": None,
        "acknowledged_at": None,
        "note": None,
        "snoozed_until": None,
        "handled_on_device_at": None,
    }
    sensor = house.state("binary_sensor", "weight", person_id(house, MARIA))
    assert sensor.attributes["episode_id"] == weight.pop("episode_id")
    weight = {name: value for name, value in weight.items() if name not in of_episode(weight)}
    assert weight == {
        "device_id": maria.id,
        "person": "maria.keller",
        "source": "lumen",
        "alert_type": "weight",
        "subtype": "too_fast",
        "severity": "high",
        "state": "active",
        "observed_at": "2026-11-18T03:14:22+00:00",
        "received_at": "2026-11-18T12:00:00+00:00",
        "late": True,
        "redelivered": False,
        "drill": False,
        "details": {
            "date": "2026-11-17",
            "current_weight_kg": 78.4,
            "weekly_pct_change": -2.6,
            "logs_used": 14,
            "last_log_date": "2026-11-17",
        },
        "is_news": True,
    }


async def test_of_a_source(house: House, entry: MockConfigEntry) -> None:
    answer = await ask(house.hass, device_id=house.source_device(entry).id, date="2026-11-17")
    assert {who for who, _, _ in summary(answer)} == {"maria.keller", "henk.devries"}
    assert len(answer["alerts"]) == 4


@pytest.mark.parametrize(
    ("platform", "key"), [("binary_sensor", "weight"), ("event", "alert"), ("sensor", "weight")]
)
async def test_of_an_entitys_person(
    house: House, entry: MockConfigEntry, platform: str, key: str
) -> None:
    henk = house.entity_id(platform, key, person_id(house, HENK))
    answer = await ask(house.hass, entity_id=henk, date=NEWEST)
    assert summary(answer) == [("henk.devries", "weight", "2026-11-17")]


async def test_of_an_entity_of_the_source(house: House, entry: MockConfigEntry) -> None:
    status = house.entity_id("sensor", "status")
    assert len((await ask(house.hass, entity_id=status, date=NEWEST))["alerts"]) == 4


async def test_of_an_area(house: House, entry: MockConfigEntry) -> None:
    hass = house.hass
    area = ar.async_get(hass).async_create("Granny flat")
    maria = device(house, entry, "maria.keller")
    dr.async_get(hass).async_update_device(maria.id, area_id=area.id)
    answer = await ask(hass, area_id=area.id, date=NEWEST)
    assert {a["device_id"] for a in answer["alerts"]} == {maria.id}

    # One entity in the area stands for its person, too.
    dr.async_get(hass).async_update_device(maria.id, area_id=None)
    henk = house.entity_id("binary_sensor", "weight", person_id(house, HENK))
    er.async_get(hass).async_update_entity(henk, area_id=area.id)
    answer = await ask(hass, area_id=area.id, date=NEWEST)
    assert {who for who, _, _ in summary(answer)} == {"henk.devries"}


async def test_several_targets_count_once(house: House, entry: MockConfigEntry) -> None:
    maria = device(house, entry, "maria.keller")
    entity_id = house.entity_id("sensor", "weight", person_id(house, MARIA))
    answer = await ask(
        house.hass,
        device_id=[maria.id, house.source_device(entry).id],
        entity_id=[entity_id],
        date=NEWEST,
    )
    assert len(answer["alerts"]) == 4


async def test_only_the_source_that_was_meant(house: House, entry: MockConfigEntry) -> None:
    other = house.sim.lumen.add_account("another-key")
    ines = other.add_person("ines@example.com", granted_at=NOON - timedelta(days=30))
    other.add_alert(ines, NEWEST, "FLEX", "PLATEAU")
    second = await house.set_up(house.entry(data={"api_key": other.api_key}))
    both = [house.source_device(entry).id, house.source_device(second).id]
    assert len((await ask(house.hass, device_id=both, date=NEWEST))["alerts"]) == 5
    answer = await ask(house.hass, device_id=both[1], date=NEWEST)
    assert summary(answer) == [("ines", "flex", "2026-11-17")]
    await house.hass.config_entries.async_unload(second.entry_id)
    assert len((await ask(house.hass, device_id=both, date=NEWEST))["alerts"]) == 4
    with pytest.raises(ServiceValidationError):
        await ask(house.hass, device_id=both[1], date=NEWEST)


async def test_a_person_is_called_what_the_user_calls_them(
    house: House, entry: MockConfigEntry
) -> None:
    maria = device(house, entry, "maria.keller")
    dr.async_get(house.hass).async_update_device(maria.id, name_by_user="Mum")
    answer = await ask(house.hass, device_id=maria.id, date=NEWEST)
    assert {who for who, _, _ in summary(answer)} == {"Mum"}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"alert_types": ["flex"]}, ["flex"]),
        ({"alert_types": "flex"}, ["flex"]),
        ({"alert_types": ["flex", "weight"]}, ["flex", "weight"]),
        ({"alert_types": ["other"]}, []),
        ({"alert_types": []}, ["flex", "medication", "weight"]),
        ({"least_severity": "high"}, ["medication", "weight"]),
        ({"least_severity": "medium"}, ["flex", "medication", "weight"]),
        ({"least_severity": "high", "alert_types": ["weight", "flex"]}, ["weight"]),
    ],
)
async def test_filters(
    house: House, entry: MockConfigEntry, filters: dict[str, Any], expected: list[str]
) -> None:
    maria = device(house, entry, "maria.keller")
    answer = await ask(house.hass, device_id=maria.id, date=NEWEST, **filters)
    assert sorted(a["alert_type"] for a in answer["alerts"]) == expected


async def test_from_start_to_end(house: House, entry: MockConfigEntry) -> None:
    """The start counts, the end does not; oldest first."""
    maria = device(house, entry, "maria.keller")
    generated = datetime.fromisoformat("2026-11-16T03:14:22+00:00")
    answer = await ask(
        house.hass,
        device_id=maria.id,
        alert_types=["weight"],
        start=generated,
        end=generated + timedelta(days=2),
    )
    assert [a["observed_at"][:10] for a in answer["alerts"]] == ["2026-11-16", "2026-11-17"]
    assert answer["unavailable"] == []


async def test_a_time_without_a_zone_is_the_houses(house: House, entry: MockConfigEntry) -> None:
    """In the tests' Home Assistant it is eight hours earlier than in UTC."""
    maria = device(house, entry, "maria.keller")
    for start, count in (("2026-11-17 19:14:22", 3), ("2026-11-17 19:14:23", 0)):
        answer = await ask(house.hass, device_id=maria.id, start=start)
        assert len(answer["alerts"]) == count


async def test_without_a_time_it_is_all_there_is(house: House, entry: MockConfigEntry) -> None:
    maria = device(house, entry, "maria.keller")
    answer = await ask(house.hass, device_id=maria.id)
    days = [day for _, kind, day in summary(answer) if kind == "weight"]
    assert days[0] <= "2026-11-04"
    assert days[-1] == "2026-11-17"
    assert days == sorted(days)
    # 45 days are held; those before the first contact are not Lumen's to give any more.
    assert "2026-10-10" in answer["unavailable"]
    assert answer["unavailable"] == sorted(set(answer["unavailable"]))
    assert max(answer["unavailable"]) < days[0]


async def test_a_day_the_ledger_lacks_is_asked_for(house: House) -> None:
    """What could not be had when it was due may be had now."""
    house.sim.load("demo")
    sim = house.sim
    entry = await house.set_up(house.entry(options={"followed": [HENK], "follow_later": False}))
    coordinator = entry.runtime_data
    day = date(2026, 11, 14)
    del coordinator.source._state.days[day]
    for alert in coordinator.store.ledger.alerts():
        if alert.details["date"] == day.isoformat():
            del coordinator.store.ledger._alerts[alert.alert_id]
    coordinator.store.ledger._in_order = None
    sim.log.clear()

    henk = device(house, entry, "henk.devries")
    answer = await ask(house.hass, device_id=henk.id, date=day)
    assert summary(answer) == [("henk.devries", "weight", "2026-11-14")]
    assert [request.query for request in sim.log] == [{"date": "2026-11-14"}]
    answer = await ask(
        house.hass,
        device_id=henk.id,
        start=NOON - timedelta(days=4),
        end=NOON - timedelta(days=2),
    )
    assert summary(answer) == [
        ("henk.devries", "weight", "2026-11-14"),
        ("henk.devries", "weight", "2026-11-15"),
    ]
    # A question is no poll: nothing is announced or changed by it.
    assert day not in coordinator.source._state.days

    sim.faults.add("lumen.alerts", CATALOGUE["503_bare"]())
    answer = await ask(house.hass, device_id=henk.id, date=day)
    assert answer == {"alerts": [], "episodes": [], "unavailable": ["2026-11-14"]}
    del coordinator.source._state.days[day - timedelta(days=1)]
    sim.log.clear()
    answer = await ask(
        house.hass,
        device_id=henk.id,
        start=NOON - timedelta(days=5),
        end=NOON - timedelta(days=2),
    )
    # What is held is told, and a source that does not answer is not asked again and again.
    assert ("henk.devries", "weight", "2026-11-15") in summary(answer)
    assert answer["unavailable"] == ["2026-11-13", "2026-11-14"]
    assert len(sim.log) == 1
    sim.faults.clear()
    sim.faults.add("lumen.alerts", CATALOGUE["409_bare"]())
    answer = await ask(house.hass, device_id=henk.id, date=day)
    assert answer == {"alerts": [], "episodes": [], "unavailable": ["2026-11-14"]}


async def test_days_that_are_held_are_not_asked_for(house: House, entry: MockConfigEntry) -> None:
    maria = device(house, entry, "maria.keller")
    house.sim.log.clear()
    await ask(house.hass, device_id=maria.id, date=NEWEST)
    await ask(house.hass, device_id=maria.id, date=NEWEST + timedelta(days=5))
    await ask(house.hass, device_id=maria.id, start=NOON - timedelta(days=7))
    assert house.sim.log == []


async def test_days_that_are_not_to_be_had(house: House, entry: MockConfigEntry) -> None:
    maria = device(house, entry, "maria.keller")
    answer = await ask(house.hass, device_id=maria.id, date=NEWEST - timedelta(days=20))
    assert answer == {"alerts": [], "episodes": [], "unavailable": ["2026-10-28"]}


async def test_the_house_is_not_asked_to_look_at_strangers(
    house: House, entry: MockConfigEntry
) -> None:
    with pytest.raises(ServiceValidationError) as caught:
        await ask(house.hass, entity_id="light.kitchen", date=NEWEST)
    assert caught.value.translation_key == "nobody_targeted"
    with pytest.raises(ServiceValidationError) as caught:
        await ask(house.hass, device_id="no-such-device")
    assert caught.value.translation_key == "nobody_targeted"
    assert "Choose a person's or a source's device" in str(caught.value)


async def test_a_date_or_a_start(house: House, entry: MockConfigEntry) -> None:
    maria = device(house, entry, "maria.keller")
    for more in ({"start": NOON}, {"end": NOON}, {"start": NOON, "end": NOON}):
        with pytest.raises(ServiceValidationError) as caught:
            await ask(house.hass, device_id=maria.id, date=NEWEST, **more)
        assert caught.value.translation_key == "date_or_start"


async def test_the_start_is_before_the_end(house: House, entry: MockConfigEntry) -> None:
    maria = device(house, entry, "maria.keller")
    for start, end in ((NOON, NOON), (NOON, NOON - timedelta(hours=1))):
        with pytest.raises(ServiceValidationError) as caught:
            await ask(house.hass, device_id=maria.id, start=start, end=end)
        assert caught.value.translation_key == "start_after_end"
    with pytest.raises(ServiceValidationError) as caught:
        await ask(house.hass, device_id=maria.id, start=NOON + timedelta(days=1))
    assert caught.value.translation_key == "start_after_end"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"device_id": "x", "date": "yesterday"},
        {"device_id": "x", "date": "0001-01-01"},
        {"device_id": "x", "date": "9999-12-31"},
        {"device_id": "x", "start": "soon"},
        {"device_id": "x", "alert_types": ["glucose"]},
        {"device_id": "x", "least_severity": "purple"},
        {"device_id": "x", "days": 3},
    ],
)
async def test_what_makes_no_sense(
    house: House, entry: MockConfigEntry, data: dict[str, Any]
) -> None:
    with pytest.raises(vol.Invalid):
        await ask(house.hass, **data)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("0001-01-01 00:00:00", FIRST),
        ("0001-01-01T00:00:00+14:00", FIRST),
        ("1969-12-31T23:59:59+00:00", FIRST),
        ("2026-11-20T12:00:00+01:00", datetime(2026, 11, 20, 11, tzinfo=UTC)),
        ("2200-01-01T00:00:01+00:00", LAST),
        ("9999-12-31 23:59:59", LAST),
        ("9999-12-31T23:59:59-12:00", LAST),
    ],
)
def test_a_time_beyond_all_others_is_as_far_as_can_be(given: str, taken: datetime) -> None:
    assert moment(given) == taken
    assert moment(given).tzinfo is UTC


async def test_all_of_time_is_all_there_is(house: House, entry: MockConfigEntry) -> None:
    maria = device(house, entry, "maria.keller")
    answer = await ask(
        house.hass, device_id=maria.id, start="0001-01-01 00:00:00", end="9999-12-31 23:59:59"
    )
    assert answer["alerts"] == (await ask(house.hass, device_id=maria.id))["alerts"] != []
    for beyond in ("0001-01-01 00:00:00", "9999-12-31 23:59:59"):
        with pytest.raises(ServiceValidationError) as caught:
            await ask(house.hass, device_id=maria.id, start=beyond, end=beyond)
        assert caught.value.translation_key == "start_after_end"
    assert (await ask(house.hass, device_id=maria.id, end="0001-01-01 00:00:00"))["alerts"] == []


async def test_a_question_changes_nothing(house: House, entry: MockConfigEntry) -> None:
    maria = device(house, entry, "maria.keller")
    before = [state.last_updated for state in house.hass.states.async_all()]
    await ask(house.hass, device_id=maria.id)
    assert [state.last_updated for state in house.hass.states.async_all()] == before
    assert house.state("binary_sensor", "weight", person_id(house, MARIA)).state == STATE_ON
