"""How a Dexcom wearer is followed: in a real Home Assistant, against the simulator over real HTTP."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
import logging
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, State, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, get_system_health_info

from custom_components.care_alerts import async_remove_config_entry_device
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.sources import announcer
from custom_components.care_alerts.sources.dexcom.mapping import ALERT_TYPES
from simulator import CATALOGUE
from simulator.dexcom import Wearer
from simulator.server import LoggedRequest
from tests.conftest import NOON, House, told
from tests.wear import live, minutes, wear

pytestmark = pytest.mark.usefixtures("all_enabled")

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)

NOT_ON_ONE_PLUS = {"urgent_low", "urgent_low_soon", "rise", "fall"}


@pytest.fixture
def oma(house: House) -> Wearer:
    """Somebody who has worn a sensor for a day and goes on; her phone's data are there an hour later."""
    wearer = house.sim.dexcom.wearer("SandboxUser7")
    wear(wearer)
    return wearer


class Follow:
    """A wearer set up in a house."""

    def __init__(self, house: House, wearer: Wearer, entry: MockConfigEntry) -> None:
        """See what the house says of them."""
        self.house = house
        self.wearer = wearer
        self.entry = entry

    def state(self, platform: str, key: str) -> State:
        """The state of an entity of the wearer's."""
        return self.house.state(platform, key, self.wearer.user_id, self.entry)

    def source(self, platform: str, key: str) -> State:
        """The state of an entity of the source's."""
        return self.house.state(platform, key, entry=self.entry)

    def alert(self, key: str) -> State:
        """The state of an alert's binary sensor."""
        return self.state("binary_sensor", key)

    @property
    def status(self) -> str:
        """How the source answers."""
        return self.source("sensor", "status").state

    @property
    def silent(self) -> str:
        """Whether the source has fallen silent."""
        return self.source("binary_sensor", "silent").state

    async def away(self, amount: timedelta) -> None:
        """Stop, let time pass, and start again."""
        await self.house.hass.config_entries.async_unload(self.entry.entry_id)
        await self.house.until(self.house.now + amount)
        self.house.sim.log.clear()
        await self.house.set_up(self.entry)


async def follow(house: House, wearer: Wearer, **more: Any) -> Follow:
    """Set up a wearer."""
    entry = await house.set_up(await house.dexcom_entry(wearer, **more))
    return Follow(house, wearer, entry)


def windows(requests: list[LoggedRequest]) -> list[tuple[datetime, datetime]]:
    """The windows that were asked for."""
    return [
        (
            datetime.fromisoformat(request.query["startDate"] + "Z"),
            datetime.fromisoformat(request.query["endDate"] + "Z"),
        )
        for request in requests
    ]


def reauths(house: House) -> int:
    """How often a person is asked to log in again."""
    return len(house.hass.config_entries.flow.async_progress_by_handler(DOMAIN))


# First contact, and the alerts after.


async def test_first_contact_fills_everything_and_announces_nothing(
    house: House, oma: Wearer, announced: list[State]
) -> None:
    oma.add_alert("high", NOON - 20 * DAY)
    oma.add_alert("low", NOON - minutes(70))

    it = await follow(house, oma)
    await live(house, 3 * HOUR)

    assert announced == []
    assert it.entry.title == "Dexcom"
    names = {device.name for device in dr.async_get(house.hass).devices}
    assert names == {"Dexcom", "Dexcom cloud"}
    last = it.state("sensor", "last_alert")
    assert (last.state, last.attributes["severity"]) == ("low", "medium")
    assert it.state("sensor", "last_alert_time").state == (NOON - minutes(70)).isoformat()
    assert len(it.entry.runtime_data.store.ledger) == 2
    [first, *later] = windows(house.sim.requests("dexcom.alerts"))
    assert first == (NOON - 30 * DAY, NOON)
    assert {end - start for start, end in later} <= {
        timedelta(hours=48) + minutes(extra) for extra in range(60, 200, 5)
    }


async def test_an_alert_is_announced_once_with_the_glucose_at_its_time(
    house: House, oma: Wearer, announced: list[State]
) -> None:
    it = await follow(house, oma)
    at = NOON + minutes(12)
    oma.add_egv(at - minutes(1), 48, trend="singleDown")
    record = oma.add_alert("urgentLow", at)

    await live(house, 3 * HOUR)

    assert told(announced, "alert_id") == [record["recordId"]]
    said = announced[0].attributes
    assert {key: said[key] for key in ("event_type", "source", "alert_type", "severity")} == {
        "event_type": "urgent_low",
        "source": "dexcom",
        "alert_type": "urgent_low",
        "severity": "high",
    }
    assert (said["state"], said["late"], said["redelivered"], said["drill"]) == (
        "active",
        False,
        False,
        False,
    )
    assert said["observed_at"] == at.isoformat()
    received = datetime.fromisoformat(said["received_at"])
    assert HOUR <= received - at <= HOUR + minutes(30)
    details = said["details"]
    assert details["glucose_mg_dl"] == 48
    assert details["glucose_trend"] == "falling"
    assert details["glucose_observed_at"] == (at - minutes(1)).isoformat()
    assert details["glucose_out_of_range"] is None
    assert (details["alert_name"], details["alert_state"]) == ("urgentLow", "activeAlarming")
    assert details["display_device"] == "iOS"
    assert "user_id" not in details

    sensor = it.alert("urgent_low")
    assert sensor.state == STATE_OFF
    assert sensor.attributes["end_reason"] == "expired"


async def test_alerts_of_one_poll_are_each_told_in_the_order_they_happened(
    house: House, oma: Wearer, announced: list[State]
) -> None:
    await follow(house, oma)
    names = ["fall", "urgentLowSoon", "low", "urgentLow", "fixedLow", "high", "rise"]
    records = [
        oma.add_alert(name, NOON + minutes(number), uploaded_at=NOON + minutes(100 - number))
        for number, name in enumerate(names)
    ]
    await live(house, 4 * HOUR)
    assert told(announced, "alert_id") == [record["recordId"] for record in records]


@pytest.mark.parametrize("style", ["space", "receiver_space"])
async def test_times_with_a_space_are_read(
    house: House, oma: Wearer, announced: list[State], style: str
) -> None:
    it = await follow(house, oma)
    oma.add_egv(NOON + minutes(2), 48, time_style=style)
    oma.add_alert("urgentLow", NOON + minutes(2), time_style=style)
    await live(house, minutes(90))
    assert told(announced, "observed_at") == [(NOON + minutes(2)).isoformat()]
    assert announced[0].attributes["details"]["glucose_mg_dl"] == 48
    assert it.alert("urgent_low").state == STATE_ON


async def test_glucose_and_trend_with_their_age(house: House, oma: Wearer) -> None:
    it = await follow(house, oma)
    glucose = it.state("sensor", "glucose")
    assert glucose.state == "110"
    assert glucose.attributes["observed_at"] == NOON - HOUR
    assert glucose.attributes["out_of_range"] is None
    assert glucose.attributes["unit_of_measurement"] == "mg/dL"
    trend = it.state("sensor", "glucose_trend")
    assert (trend.state, trend.attributes["observed_at"]) == ("steady", NOON - HOUR)

    oma.add_egv(NOON + minutes(1), 39, trend="doubleDown")
    await house.until(NOON + HOUR + minutes(2))
    await it.entry.runtime_data.async_refresh()
    glucose = it.state("sensor", "glucose")
    assert (glucose.state, glucose.attributes["out_of_range"]) == ("39", "low")
    assert it.state("sensor", "glucose_trend").state == "falling_quickly"


async def test_mmol_where_people_speak_of_mmol(house: House, oma: Wearer) -> None:
    house.hass.config.country = "NL"
    it = await follow(house, oma)
    glucose = it.state("sensor", "glucose")
    assert glucose.attributes["unit_of_measurement"] == "mmol/L"
    assert round(float(glucose.state), 1) == 6.1


# How an alert stands, and ends.


async def test_an_alert_stands_until_it_has_been_held_long_enough_by_time_alone(
    house: House, oma: Wearer
) -> None:
    """No poll has to come."""
    oma.add_alert("high", NOON - minutes(65))
    oma.add_alert("low", NOON - minutes(62))
    oma.add_alert("low", NOON - minutes(100), state="inactive")
    it = await follow(house, oma, pref_disable_polling=True)
    house.sim.log.clear()

    assert (it.alert("high").state, it.alert("low").state) == (STATE_ON, STATE_ON)
    assert it.state("sensor", "active_alerts").state == "2"
    assert it.state("sensor", "highest_severity").state == "medium"
    # Longer than two hours from when it was observed, if need be: an hour from when we had it.
    await house.until(NOON + HOUR - SECOND)
    assert (it.alert("high").state, it.alert("low").state) == (STATE_ON, STATE_ON)
    await house.until(NOON + HOUR)
    assert (it.alert("high").state, it.alert("low").state) == (STATE_OFF, STATE_OFF)
    assert it.state("sensor", "active_alerts").state == "0"
    assert it.state("sensor", "highest_severity").state == "none"
    ended = it.alert("high").attributes
    assert (ended["end_reason"], ended["ended_at"]) == ("expired", NOON + HOUR)
    assert house.sim.log == []


async def test_the_hold_time_is_an_option(house: House, oma: Wearer) -> None:
    oma.add_alert("high", NOON - minutes(65))
    it = await follow(house, oma, pref_disable_polling=True, options={"hold_time": 180})
    end = NOON - minutes(65) + minutes(180)
    await house.until(end - SECOND)
    assert it.alert("high").state == STATE_ON
    await house.until(end)
    assert it.alert("high").state == STATE_OFF


async def test_inactive_ends_an_alert_and_is_told(
    house: House, oma: Wearer, announced: list[State]
) -> None:
    it = await follow(house, oma)
    oma.add_alert("high", NOON + minutes(10))
    await live(house, minutes(95))
    assert it.alert("high").state == STATE_ON
    assert it.alert("high").attributes["state"] == "active"
    assert it.alert("high").attributes["since"] == NOON + minutes(10)
    assert it.alert("low").state == STATE_OFF

    oma.add_alert("high", NOON + minutes(40), state="inactive")
    await live(house, minutes(30))
    assert it.alert("high").state == STATE_OFF
    ended = it.alert("high").attributes
    assert (ended["end_reason"], ended["ended_at"]) == ("source", NOON + minutes(40))
    assert told(announced, "state") == ["active", "ended"]
    assert it.state("sensor", "active_alerts").state == "0"


async def test_snoozed_on_the_wearers_device_is_still_there(
    house: House, oma: Wearer, announced: list[State]
) -> None:
    it = await follow(house, oma)
    oma.add_alert("low", NOON + minutes(5))
    oma.add_alert("low", NOON + minutes(15), state="activeSnoozed")
    await live(house, minutes(90))
    low = it.alert("low")
    assert (low.state, low.attributes["state"]) == (STATE_ON, "snoozed")
    assert low.attributes["observed_at"] == NOON + minutes(15)
    assert low.attributes["since"] == NOON + minutes(5)
    assert told(announced, "state") == ["active", "snoozed"]


@pytest.mark.parametrize(("kind", "is_nobodys"), [("urgentLow", True), ("high", False)])
async def test_a_severe_alert_long_after_what_somebody_acknowledged_is_nobodys(
    house: House, oma: Wearer, kind: str, is_nobodys: bool
) -> None:
    """Dexcom may never have told of the end of the first: as like as not, this is another low."""
    it = await follow(house, oma)
    key = "urgent_low" if kind == "urgentLow" else kind
    oma.add_alert(kind, NOON + minutes(5))
    await live(house, minutes(90))
    sensor = it.alert(key).entity_id
    await house.hass.services.async_call(
        DOMAIN, "acknowledge", {"entity_id": sensor}, blocking=True
    )
    # The phone goes on alarming: of that they know.
    oma.add_alert(kind, NOON + minutes(30))
    await live(house, minutes(30))
    assert it.alert(key).attributes["observed_at"] == NOON + minutes(30)
    assert it.alert(key).attributes["acknowledged"] is True
    oma.add_alert(kind, NOON + minutes(60))
    await live(house, minutes(30))
    assert it.alert(key).state == STATE_ON
    assert it.alert(key).attributes["observed_at"] == NOON + minutes(60)
    assert it.alert(key).attributes["since"] == NOON + minutes(5)
    assert it.alert(key).attributes["acknowledged"] is not is_nobodys


async def test_an_empty_window_is_no_all_clear(house: House, oma: Wearer) -> None:
    it = await follow(house, oma)
    oma.add_alert("low", NOON + minutes(10))
    await live(house, minutes(95))
    assert it.alert("low").state == STATE_ON
    # Dexcom has nothing to say of it any more.
    oma._records["alert"].clear()
    await live(house, minutes(30))
    assert it.alert("low").state == STATE_ON


# Late, and away.


async def test_an_alert_that_comes_late_says_so_and_turns_nothing_on(
    house: House, oma: Wearer, announced: list[State]
) -> None:
    it = await follow(house, oma)
    await live(house, 2 * HOUR)
    assert it.source("sensor", "delay").state not in (STATE_UNKNOWN, STATE_UNAVAILABLE)
    at = house.now
    on_time = oma.add_alert("high", at)
    late = oma.add_alert("low", at, uploaded_at=at + minutes(150))
    await live(house, minutes(149))
    assert told(announced, "alert_id") == [on_time["recordId"]]
    await live(house, minutes(20))
    assert told(announced, "alert_id") == [on_time["recordId"], late["recordId"]]
    assert told(announced, "late") == [False, True]
    assert it.alert("low").state == STATE_OFF


async def test_a_phone_that_was_off_for_days_uploads_at_last(
    house: House, oma: Wearer, announced: list[State]
) -> None:
    """Older than what is asked for again at every poll: once a day all that can be asked for is."""
    it = await follow(house, oma)
    record = oma.add_alert("low", NOON - 5 * DAY, uploaded_at=NOON + HOUR)
    await live(house, 20 * HOUR, step=HOUR)
    assert announced == []
    await live(house, 5 * HOUR, step=HOUR)
    assert told(announced, "alert_id") == [record["recordId"]]
    assert told(announced, "late") == [True]
    assert it.alert("low").state == STATE_OFF
    spans = [end - start for start, end in windows(house.sim.requests("dexcom.alerts"))]
    assert spans.count(30 * DAY) == 2


@pytest.mark.parametrize(
    ("absence", "ages", "late"),
    [
        (HOUR, [100, 62], [False, False]),
        (3 * DAY, [3 * 24 * 60, 2000, 300, 90], [True, True, True, False]),
        (40 * DAY, [39 * 24 * 60, 30 * 24 * 60, 15 * 24 * 60, 90], [True, True, True, False]),
    ],
)
async def test_what_happened_while_we_were_away(
    house: House,
    oma: Wearer,
    announced: list[State],
    absence: timedelta,
    ages: list[float],
    late: list[bool],
) -> None:
    """`ages`: how many minutes ago each alert was observed when we are back."""
    it = await follow(house, oma)
    await live(house, HOUR)
    back = house.now + absence
    wear(oma, max(NOON + 2 * DAY, back - 3 * HOUR), back)
    records = [oma.add_alert("high", back - minutes(age)) for age in ages]

    await it.away(absence)
    assert it.alert("high").state == STATE_ON
    await live(house, HOUR)

    assert told(announced, "alert_id") == [record["recordId"] for record in records]
    assert told(announced, "late") == late
    assert set(told(announced, "redelivered")) == {False}
    asked = windows(house.sim.requests("dexcom.alerts"))
    assert all(end - start <= 30 * DAY for start, end in asked)


async def test_sent_twice_and_sent_unasked_is_told_once(
    house: House, oma: Wearer, announced: list[State]
) -> None:
    await follow(house, oma)
    house.sim.dexcom.sloppy = True
    records = [oma.add_alert("high", NOON + minutes(5 * number)) for number in range(20)]
    await live(house, 5 * HOUR)
    assert told(announced, "alert_id") == [record["recordId"] for record in records]


# What is asked for besides does no harm when it fails.


@pytest.mark.parametrize("fault", ["500_bare", "not_json", "400_bare", "401_bare", "429_bare"])
async def test_an_alert_is_told_without_its_glucose(
    house: House, oma: Wearer, announced: list[State], fault: str
) -> None:
    it = await follow(house, oma)
    record = oma.add_alert("low", NOON + minutes(10))
    house.sim.faults.add("dexcom.egvs", CATALOGUE[fault]())
    await live(house, 2 * HOUR)
    assert told(announced, "alert_id") == [record["recordId"]]
    assert "glucose_mg_dl" not in announced[0].attributes["details"]
    assert it.alert("low").state == STATE_ON
    assert it.status == ("rate_limited" if fault == "429_bare" else "unreachable")
    assert reauths(house) == 0
    house.sim.faults.clear()
    await live(house, 2 * HOUR)
    assert told(announced, "alert_id") == [record["recordId"]]
    assert it.status == "ok"


async def test_glucose_that_never_came_keeps_no_alert_from_being_told(
    house: House, oma: Wearer, announced: list[State]
) -> None:
    """From the first contact on."""
    house.sim.faults.add("dexcom.egvs", CATALOGUE["not_json"]())
    oma.add_alert("high", NOON - minutes(90))
    it = await follow(house, oma)
    record = oma.add_alert("low", NOON + minutes(10))
    await live(house, 3 * HOUR)
    assert it.status == "unreachable"
    assert told(announced, "alert_id") == [record["recordId"]]


@pytest.mark.parametrize("endpoint", ["data_range", "devices"])
@pytest.mark.parametrize("fault", ["500_bare", "not_json", "400_bare", "401_bare", "403_bare"])
async def test_what_is_only_asked_to_be_sure_does_no_harm(
    house: House, oma: Wearer, announced: list[State], endpoint: str, fault: str
) -> None:
    house.sim.faults.add(f"dexcom.{endpoint}", CATALOGUE[fault]())
    it = await follow(house, oma)
    record = oma.add_alert("low", NOON + minutes(10))
    # No new reading for a while: so how far the data reach is asked.
    oma._records["egv"] = [egv for egv in oma._records["egv"] if egv.at < NOON + minutes(30)]
    await live(house, 2 * HOUR)
    assert house.sim.requests(f"dexcom.{endpoint}")
    assert told(announced, "alert_id") == [record["recordId"]]
    assert it.status == "ok"
    assert reauths(house) == 0


# How fresh it is.


async def test_data_through_and_the_delay_that_is_measured(house: House, oma: Wearer) -> None:
    it = await follow(house, oma)
    assert it.source("sensor", "data_through").state == (NOON - HOUR).isoformat()
    assert it.source("sensor", "last_contact").state == NOON.isoformat()
    assert it.source("sensor", "delay").state == STATE_UNKNOWN
    await live(house, 3 * HOUR, step=minutes(5))
    assert it.source("sensor", "data_through").state >= (house.now - minutes(80)).isoformat()
    delay = it.source("sensor", "delay")
    assert delay.attributes["unit_of_measurement"] == "min"
    assert 60 <= float(delay.state) <= 66


async def test_polling_follows_the_measured_delay(house: House, oma: Wearer) -> None:
    await follow(house, oma)
    await live(house, 6 * HOUR, step=minutes(1))
    asked = [request.at for request in house.sim.requests("dexcom.alerts")]
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    # A few times within the delay: three hours until it is measured.
    assert set(gaps[:3]) == {minutes(30)}
    assert all(minutes(15) <= gap <= minutes(18) for gap in gaps[4:])


@pytest.mark.parametrize("delay", [HOUR, 2.5 * HOUR])
async def test_silence_is_judged_by_the_wearers_own_delay(
    house: House, oma: Wearer, announced: list[State], delay: timedelta
) -> None:
    off, on = NOON + 4 * HOUR, NOON + 12 * HOUR
    opa = house.sim.dexcom.add_wearer("Opa", delay=delay)
    wear(opa, NOON - 6 * HOUR, off)
    wear(opa, on, on + 6 * HOUR)
    last = off - minutes(5)
    it = await follow(house, opa)
    opa.add_alert("high", off - minutes(30))

    await live(house, last + delay + minutes(50) - house.now)
    assert it.source("sensor", "data_through").state == last.isoformat()
    measured = minutes(float(it.source("sensor", "delay").state))
    assert delay <= measured <= delay + minutes(10)
    assert (it.silent, it.status) == (STATE_OFF, "ok")

    await house.until(last + measured + HOUR)
    silent = it.source("binary_sensor", "silent")
    assert (silent.state, silent.attributes["reason"]) == (STATE_ON, "no_new_data")
    assert it.status == "no_new_data"
    # What was said is still worth showing, for a while.
    assert it.alert("low").state == STATE_OFF
    await house.until(last + measured + 3 * HOUR - SECOND)
    assert it.alert("low").state == STATE_OFF
    assert it.state("sensor", "glucose").state == "110"
    await house.until(last + measured + 3 * HOUR)
    for platform, key in [
        ("binary_sensor", "low"),
        ("binary_sensor", "high"),
        ("sensor", "glucose"),
        ("sensor", "glucose_trend"),
        ("sensor", "active_alerts"),
        ("sensor", "highest_severity"),
    ]:
        assert it.state(platform, key).state == STATE_UNAVAILABLE, key
    assert it.state("sensor", "last_alert").state == "high"
    assert it.state("event", "alert").state != STATE_UNAVAILABLE

    await live(house, on + delay + HOUR - house.now)
    assert (it.silent, it.status) == (STATE_OFF, "ok")
    assert it.alert("low").state == STATE_OFF
    assert it.state("sensor", "glucose").state == "110"
    assert len(announced) == 1


async def test_data_other_than_readings_are_a_word_too(house: House) -> None:
    """A sensor that warms up gives no readings; what was calibrated or noted says that the phone uploads."""
    opa = house.sim.dexcom.add_wearer("Opa")
    wear(opa, NOON - 6 * HOUR, NOON)
    it = await follow(house, opa)
    await live(house, 2 * HOUR)
    opa._records["calibration"] = opa._records["egv"][-1:]
    newest = opa._records["egv"][-1].at
    assert it.source("sensor", "data_through").state == newest.isoformat()
    opa._records["event"] = []
    wearer_says = opa.add_egv(NOON + HOUR, 100)
    opa._records["event"] = [opa._records["egv"].pop()]
    assert wearer_says["systemTime"].startswith((NOON + HOUR).strftime("%Y-%m-%dT%H:%M"))
    await live(house, HOUR)
    assert it.source("sensor", "data_through").state == (NOON + HOUR).isoformat()


async def test_nobody_has_worn_anything_yet(house: House, announced: list[State]) -> None:
    opa = house.sim.dexcom.add_wearer("Opa")
    it = await follow(house, opa)
    assert (it.silent, it.status) == (STATE_ON, "no_new_data")
    assert it.alert("low").state == STATE_UNAVAILABLE
    wear(opa, NOON, NOON + 6 * HOUR)
    record = opa.add_alert("low", NOON + minutes(10))
    await live(house, 2 * HOUR)
    assert (it.silent, it.status) == (STATE_OFF, "ok")
    assert told(announced, "alert_id") == [record["recordId"]]
    assert it.alert("low").state == STATE_ON


async def test_the_wearer_is_called_what_the_entry_is(house: House) -> None:
    """Also when it is renamed while it runs."""
    opa = house.sim.dexcom.add_wearer("Opa")
    wear(opa, NOON - HOUR, NOON + 6 * HOUR)
    it = await follow(house, opa)
    house.hass.config_entries.async_update_entry(it.entry, title="Grandpa")
    await live(house, HOUR)
    assert it.entry.runtime_data.data.people[opa.user_id].person.name == "Grandpa"


# What is worn.


async def test_a_one_plus_and_the_g7_after_it(
    house: House, announced: list[State], caplog: pytest.LogCaptureFixture
) -> None:
    opa = house.sim.dexcom.add_wearer("Opa", variant="d1+", display_app="D1G7")
    wear(opa, NOON - 6 * HOUR, NOON + HOUR)
    it = await follow(house, opa)
    entities = er.async_get(house.hass)

    def alerts_there() -> set[str]:
        prefix = f"dexcom_{opa.user_id}_"
        return {
            entity.unique_id.removeprefix(prefix)
            for entity in er.async_entries_for_config_entry(entities, it.entry.entry_id)
            if entity.domain == "binary_sensor" and entity.unique_id.startswith(prefix)
        } - {"silent"}

    assert alerts_there() == set(ALERT_TYPES) - NOT_ON_ONE_PLUS
    assert it.state("event", "alert").attributes["event_types"] == [*ALERT_TYPES, "other"]

    opa.change_device(NOON + HOUR, generation="g7", variant="g7", display_app="G7")
    wear(opa, NOON + HOUR, NOON + 12 * HOUR)
    record = opa.add_alert("urgentLow", NOON + 2 * HOUR)
    setups = caplog.text.count("Setting up care_alerts")
    await live(house, minutes(110))
    assert alerts_there() == set(ALERT_TYPES) - NOT_ON_ONE_PLUS
    await live(house, minutes(30))
    assert alerts_there() == set(ALERT_TYPES)
    assert it.alert("urgent_low").state == STATE_OFF
    await live(house, HOUR)
    assert it.alert("urgent_low").state == STATE_ON
    assert told(announced, "alert_id") == [record["recordId"]]
    assert caplog.text.count("Setting up care_alerts") == setups


async def test_a_one_plus_that_says_so_only_in_its_devices(house: House) -> None:
    opa = house.sim.dexcom.add_wearer("Opa", variant="d1+", display_app="D1G7")
    omitted = ("transmitterGenerationVariant", "displayApp")
    for number in range(20):
        opa.add_egv(NOON - 2 * HOUR + minutes(5 * number), 110, omit=omitted)
    it = await follow(house, opa)
    conditions = it.entry.runtime_data.data.people[opa.user_id].conditions
    assert set(conditions) == {*ALERT_TYPES, "other"} - NOT_ON_ONE_PLUS


async def test_a_receiver_without_a_zone(house: House, announced: list[State]) -> None:
    opa = house.sim.dexcom.add_wearer("Opa", display_device="receiver", delay=timedelta())
    opa.add_egv(NOON - minutes(10), 80)
    it = await follow(house, opa)
    opa.add_egv(NOON + minutes(8), 60)
    record = opa.add_alert("low", NOON + minutes(10))
    assert record["systemTime"] == "2026-11-18T12:10:00"
    await live(house, HOUR)
    assert told(announced, "observed_at") == [(NOON + minutes(10)).isoformat()]
    details = announced[0].attributes["details"]
    assert details["glucose_mg_dl"] == 60
    # Local and without a zone: kept as the text it is.
    assert details["display_time"] == record["displayTime"] == "2026-11-18T04:10:00"
    assert it.alert("low").state == STATE_ON


async def test_a_phone_whose_clock_is_ahead(
    house: House, oma: Wearer, announced: list[State]
) -> None:
    it = await follow(house, oma)
    ahead = oma.add_alert("low", NOON + 2 * DAY, uploaded_at=NOON + minutes(20))
    oma.add_egv(NOON + 2 * DAY, 55, uploaded_at=NOON + minutes(20))
    await live(house, 2 * HOUR)
    assert announced == []
    assert it.state("sensor", "glucose").state == "110"
    assert it.source("sensor", "data_through").state <= house.now.isoformat()
    await live(house, 2 * DAY, step=HOUR)
    assert told(announced, "alert_id") == [ahead["recordId"]]


async def test_our_clock_was_ahead(house: House, oma: Wearer, hass_storage: dict[str, Any]) -> None:
    it = await follow(house, oma)
    await house.hass.config_entries.async_unload(it.entry.entry_id)
    stored = hass_storage[f"{DOMAIN}.{it.entry.entry_id}"]["data"]["state"]
    stored["last_contact"] = (NOON + 3 * DAY).isoformat()
    house.sim.faults.add("*", CATALOGUE["503_bare"]())
    await house.set_up(it.entry)
    assert it.source("sensor", "last_contact").state == house.now.isoformat()


async def test_a_newer_api(house: House, oma: Wearer, announced: list[State]) -> None:
    """Names, states and fields that nobody has documented."""
    it = await follow(house, oma)
    oma.add_alert("ketones", NOON + minutes(5), extra={"ketoneLevel": {"value": 3.1}})
    oma.add_alert("low", NOON + minutes(6), state="acknowledgedByFollower")
    oma.add_alert("unknown", NOON + minutes(7), state="unknown")
    oma.add_alert("high", NOON + minutes(8), display_device="smartGlasses")
    oma.add_egv(NOON + minutes(9), 100, trend="sideways", status="shaky")
    await live(house, 2 * HOUR)

    assert told(announced, "event_type") == ["other", "low", "other", "high"]
    assert told(announced, "alert_type") == ["other", "low", "other", "high"]
    assert told(announced, "state") == ["active", "unknown", "unknown", "active"]
    details = announced[0].attributes["details"]
    assert details["alert_name"] == "ketones"
    assert details["ketone_level"] == {"value": 3.1}
    assert announced[1].attributes["details"]["alert_state"] == "acknowledgedByFollower"
    # What is not understood turns nothing on, and nothing off.
    assert (it.alert("low").state, it.alert("high").state) == (STATE_OFF, STATE_ON)
    assert it.status == "ok"


async def test_records_that_lack_what_they_should_have(
    house: House, oma: Wearer, announced: list[State], caplog: pytest.LogCaptureFixture
) -> None:
    it = await follow(house, oma)
    good = oma.add_alert("low", NOON + minutes(5), omit=("displayApp", "transmitterId"))
    oma.add_alert("low", NOON + minutes(6), omit=("alertState",))
    oma.add_alert("low", NOON + minutes(7), systemTime="this morning")
    oma.add_alert("low", NOON + minutes(8), recordId=None)
    empty = oma.add_alert("high", NOON + minutes(9), transmitterId="")
    await live(house, 3 * HOUR)
    assert told(announced, "alert_id") == [good["recordId"], empty["recordId"]]
    assert it.status == "ok"
    assert it.entry.runtime_data.unreadable_records == 3
    said = [r for r in caplog.records if "could not be read" in r.getMessage()]
    assert [r.getMessage() for r in said] == [
        "3 record(s) from Dexcom could not be read and were left out"
    ]


# Side by side.


async def test_two_wearers_in_two_regions(house: House, announced: list[State]) -> None:
    both: list[Follow] = []
    for region, name in (("us", "Oma"), ("ous", "Opa")):
        wearer = house.sim.dexcom.region(region).wearer("SandboxUser7")
        wear(wearer)
        both.append(await follow(house, wearer, region=region, title=name))
    oma, opa = both
    assert oma.wearer.user_id != opa.wearer.user_id
    names = {device.name for device in dr.async_get(house.hass).devices}
    assert names == {"Oma", "Opa", "Dexcom cloud Oma", "Dexcom cloud Opa"}

    oma.wearer.add_alert("low", NOON + minutes(10))
    opa.wearer.add_alert("high", NOON + minutes(10))
    house.sim.faults.add("dexcom.alerts", CATALOGUE["500_bare"]())
    await live(house, 4 * HOUR)
    assert told(announced, "alert_type") == ["high"]
    assert (oma.status, opa.status) == ("unreachable", "ok")
    assert opa.alert("low").state == STATE_OFF
    house.sim.faults.clear()
    await live(house, HOUR)
    assert told(announced, "alert_type") == ["high", "low"]
    assert (oma.status, opa.status) == ("ok", "ok")

    assert await async_setup_component(house.hass, "system_health", {})
    assert await get_system_health_info(house.hass, DOMAIN) == {
        "sources": 2,
        "sources_silent": 0,
        "people": 2,
    }
    # Each region was asked for its own wearer only, with tokens of its own.
    tokens = {
        region: {
            request.headers["authorization"] for request in house.sim.requests(f"{region}.alerts")
        }
        for region in ("dexcom", "dexcom-ous")
    }
    assert not tokens["dexcom"] & tokens["dexcom-ous"]
    statuses = {r.status for r in house.sim.log if r.endpoint.startswith("dexcom-ous")}
    assert statuses == {200}


async def test_get_alerts(house: House, oma: Wearer) -> None:
    oma.add_alert("high", NOON - 3 * DAY)
    low = oma.add_alert("low", NOON - minutes(70))
    oma.add_alert("noReadings", NOON - minutes(65))
    it = await follow(house, oma)
    device = house.source_device(it.entry)
    answer = await house.hass.services.async_call(
        DOMAIN,
        "get_alerts",
        {
            "device_id": device.id,
            "start": (NOON - DAY).isoformat(),
            "least_severity": "medium",
        },
        blocking=True,
        return_response=True,
    )
    assert answer is not None
    assert isinstance(answer["alerts"], list)
    [alert] = answer["alerts"]
    assert isinstance(alert, dict)
    assert (alert["alert_id"], alert["person"]) == (low["recordId"], "Dexcom")
    assert answer["unavailable"] == []


# Limits, and a login that comes and goes.


@pytest.mark.parametrize("form", ["seconds", "http_date"])
@pytest.mark.parametrize("code", ["429", "503"])
async def test_asked_to_wait(house: House, oma: Wearer, code: str, form: str) -> None:
    it = await follow(house, oma)
    fault = CATALOGUE[f"{code}_{form}"](retry_after=1000)
    house.sim.faults.add("dexcom.alerts", fault, times=1)
    await house.pass_time(minutes=31)
    assert it.status == ("rate_limited" if code == "429" else "unreachable")
    asked_at = house.sim.requests("dexcom.alerts")[-1].at
    house.sim.log.clear()
    await house.until(asked_at + timedelta(seconds=999))
    assert house.sim.log == []
    await house.until(asked_at + timedelta(seconds=1002))
    assert it.status == "ok"


async def test_the_apps_calls_are_used_up(house: House, oma: Wearer) -> None:
    """The limit is the app's: whatever else it calls for counts too."""
    it = await follow(house, oma)
    house.sim.dexcom.rate_limit = 0
    await house.pass_time(minutes=31)
    assert it.status == "rate_limited"
    house.sim.dexcom.rate_limit = 60_000
    await house.pass_time(minutes=2)
    assert it.status == "ok"


async def test_a_token_that_is_refused_is_renewed_once(house: House, oma: Wearer) -> None:
    it = await follow(house, oma)
    house.sim.dexcom.expire_access_tokens()
    await house.pass_time(minutes=31)
    assert it.status == "ok"
    assert [request.grant_type for request in house.sim.dexcom.token_log] == ["refresh_token"]
    assert [r.status for r in house.sim.requests("dexcom.alerts")][-2:] == [401, 200]
    assert reauths(house) == 0


async def test_a_login_that_ended_and_came_back(
    house: House, oma: Wearer, announced: list[State], caplog: pytest.LogCaptureFixture
) -> None:
    """It is asked for once, said once, tried every hour, and nothing that happened meanwhile is lost."""
    it = await follow(house, oma)
    caplog.clear()
    house.sim.faults.add("dexcom.token", CATALOGUE["400_bare"]())
    house.sim.dexcom.expire_access_tokens()
    record = oma.add_alert("high", NOON + minutes(30))
    await house.pass_time(minutes=31)
    # Dexcom refuses, but does not say that the login is dead.
    assert (it.status, reauths(house)) == ("unreachable", 0)
    house.sim.faults.clear()
    house.sim.dexcom.revoke(oma)
    await live(house, 3 * HOUR)
    assert (it.status, reauths(house)) == ("login_failed", 1)
    assert it.entry.state.value == "loaded"
    assert announced == []
    asked = [r for r in house.sim.requests("dexcom.token") if r.at > NOON + HOUR]
    assert len(asked) <= 4

    token = house.sim.dexcom.grant(oma)
    token |= {"expires_at": house.now.timestamp() + 7200, "redirect_uri": "https://example.com"}
    data = {**it.entry.data, "token": {**it.entry.data["token"], **token}}
    house.hass.config_entries.async_update_entry(it.entry, data=data)
    await live(house, HOUR + minutes(1))
    assert (it.status, reauths(house)) == ("ok", 0)
    assert told(announced, "alert_id") == [record["recordId"]]
    errors = [r for r in caplog.records if r.levelno >= logging.WARNING and "Dexcom" in r.msg]
    assert len(errors) <= 1


@pytest.mark.parametrize("status", ["401_bare", "403_bare", "500_bare", "429_bare"])
async def test_trouble_with_the_token_is_no_dead_login(
    house: House, oma: Wearer, status: str
) -> None:
    """Only `invalid_grant` says that it is."""
    it = await follow(house, oma)
    house.sim.dexcom.expire_access_tokens()
    house.sim.faults.add("dexcom.token", CATALOGUE[status]())
    await house.pass_time(minutes=31)
    assert it.status not in ("ok", "login_failed")
    assert reauths(house) == 0
    house.sim.faults.clear()
    await live(house, HOUR + minutes(1))
    assert it.status == "ok"


# A place in the house.


async def test_polling_goes_on_when_every_entity_is_disabled(house: House, oma: Wearer) -> None:
    it = await follow(house, oma)
    registry = er.async_get(house.hass)
    for entity in er.async_entries_for_config_entry(registry, it.entry.entry_id):
        registry.async_update_entity(entity.entity_id, disabled_by=er.RegistryEntryDisabler.USER)
    await house.hass.config_entries.async_reload(it.entry.entry_id)
    await house.settle()
    house.sim.log.clear()
    await live(house, 2 * HOUR)
    assert len(house.sim.requests("dexcom.alerts")) >= 4


@pytest.fixture
def files(house: House) -> Callable[[], set[str]]:
    """What we keep on disk, by name."""

    def names() -> set[str]:
        folder = Path(house.hass.config.path(STORAGE_DIR))
        return {path.name for path in folder.glob(f"{DOMAIN}.*")}

    return names


async def test_removal_leaves_nothing_behind(
    house: House, oma: Wearer, hass_storage: dict[str, Any], files: Callable[[], set[str]]
) -> None:
    it = await follow(house, oma)
    house.sim.dexcom.expire_access_tokens()
    await house.pass_time(minutes=31)
    ours = {key for key in hass_storage if key.startswith(DOMAIN)}
    kept = f"{DOMAIN}.{it.entry.entry_id}"
    assert ours == {kept, f"{kept}.readings", f"{kept}.token", f"{DOMAIN}_seal"}

    await house.hass.config_entries.async_remove(it.entry.entry_id)
    await live(house, 2 * HOUR)
    assert not {key for key in hass_storage if key.startswith(DOMAIN)}
    assert not [name for name in files() if it.entry.entry_id in name]
    assert [d for d in dr.async_get(house.hass).devices if "Dexcom" in str(d.name)] == []
    assert [s for s in house.hass.states.async_all() if "dexcom" in s.entity_id] == []


async def test_a_wearers_device_stays(house: House, oma: Wearer) -> None:
    it = await follow(house, oma)
    [device] = [d for d in dr.async_get(house.hass).devices if d.name == "Dexcom"]
    assert not await async_remove_config_entry_device(house.hass, it.entry, device)


async def test_a_renamed_entry_renames_nothing_that_was_named_by_hand(
    house: House, oma: Wearer
) -> None:
    it = await follow(house, oma)
    devices = dr.async_get(house.hass)
    [device] = [d for d in devices.devices if d.name == "Dexcom"]
    devices.async_update_device(device.id, name_by_user="Oma")
    house.hass.config_entries.async_update_entry(it.entry, title="Grandma")
    await house.hass.config_entries.async_reload(it.entry.entry_id)
    await house.settle()
    renamed = devices.async_get(device.id)
    assert renamed is not None
    assert (renamed.name, renamed.name_by_user) == ("Grandma", "Oma")


# Much to tell at once.


def fill(wearer: Wearer, pairs: int, now: datetime) -> list[str]:
    """Have a phone upload alerts and their ends just now, ten minutes from pair to pair; return the alerts' ids in order."""
    ids = []
    for number in range(pairs):
        begun = now - (pairs - number) * minutes(10)
        for state, moment in (("activeAlarming", begun), ("inactive", begun + minutes(5))):
            record = wearer.add_alert("low", moment, state=state, uploaded_at=now)
            ids.append(record["recordId"])
    return ids


class Heard:
    """What is told of alerts from now on, in order: kind and id of the alert that was told, or that began what has ended."""

    def __init__(self, house: House, at_the: int = 0, do: Callable[[], None] | None = None) -> None:
        """Listen, and do something at the so-many-th telling."""
        self.told: list[tuple[str, str]] = []

        @callback
        def listen(event: Event) -> None:
            kind = str(event.event_type).removeprefix(f"{DOMAIN}_alert_")
            self.told.append((kind, event.data["alert"]["alert_id"]))
            if do and len(self.told) == at_the:
                do()

        for kind in ("received", "ended"):
            house.hass.bus.async_listen(f"{DOMAIN}_alert_{kind}", listen)

    def of(self, kind: str) -> list[str]:
        """The alerts of one kind of telling."""
        return [alert_id for told, alert_id in self.told if told == kind]


@pytest.fixture
def short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine so slow that each telling takes a turn."""
    monkeypatch.setattr(announcer, "TURN", timedelta(0))


@pytest.mark.usefixtures("short_turns")
async def test_much_to_tell_is_told_once_and_in_order_while_others_have_their_turns(
    house: House, oma: Wearer
) -> None:
    entry = await house.set_up(await house.dexcom_entry(oma))
    ids = fill(oma, 250, house.now)
    deadlines: list[int] = []

    def begin() -> None:
        # Somebody else has something to announce meanwhile.
        entry.runtime_data.announcer.start()
        deadline()

    def deadline() -> None:
        deadlines.append(len(heard.told))
        if len(heard.told) < 750:
            house.hass.loop.call_soon(deadline)

    heard = Heard(house, 10, begin)
    await house.pass_time(minutes=31)

    assert heard.of("received") == ids
    assert [kind for kind, _ in heard.told] == ["received", "received", "ended"] * 250 or [
        kind for kind, _ in heard.told
    ] == ["received", "ended", "received"] * 250
    assert len(set(heard.of("ended"))) == 250
    assert max(later - earlier for earlier, later in pairwise(deadlines)) <= 1


@pytest.mark.usefixtures("short_turns")
async def test_what_was_not_told_before_a_source_stopped_is_told_after_it(
    house: House, oma: Wearer
) -> None:
    entry = await house.set_up(await house.dexcom_entry(oma))
    ids = fill(oma, 250, house.now)

    def stop() -> None:
        house.hass.async_create_task(house.hass.config_entries.async_unload(entry.entry_id))

    heard = Heard(house, 100, stop)
    await house.pass_time(minutes=31)
    before = len(heard.of("received"))
    assert before < 250
    assert entry.state is ConfigEntryState.NOT_LOADED

    await house.set_up(entry)
    assert len(heard.of("received")) > before
    assert heard.of("received") == ids
