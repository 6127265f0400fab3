"""Somebody is watched: what the house shows and announces as their readings come, and when they do not."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
import logging
from typing import Any

from aiohttp import web
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, callback
from homeassistant.exceptions import HomeAssistantError
import orjson
import pytest

from custom_components.care_alerts.alerts.alert import AlertKey
from custom_components.care_alerts.const import DOMAIN
from simulator import CATALOGUE, Fault
from simulator.faults import Exchange, body
from tests.care import automate, trigger
from tests.conftest import NOON, House

from .conftest import SETTINGS, Follower


async def test_at_first_contact_history_fills_the_entities_and_announces_nothing(
    follower: Follower,
) -> None:
    for ago, mg_dl in ((60, 90), (55, 50), (50, 90), (3, 52)):
        follower.reads(mg_dl, ago=ago)
    await follower.start()
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON
    assert follower.state("binary_sensor", "low").state == STATE_OFF
    assert follower.state("sensor", "last_alert").state == "urgent_low"
    assert float(follower.state("sensor", "glucose").state) == pytest.approx(52, abs=0.1)
    assert follower.of_source("sensor", "status") == "ok"
    assert follower.of_source("binary_sensor", "silent") == STATE_OFF
    assert follower.announced == []


async def test_a_low_is_shown_and_announced_within_seconds(follower: Follower) -> None:
    follower.reads(90)
    await follower.start()
    await follower.house.pass_time(minutes=5)
    at = follower.reads(54)
    await follower.house.pass_time(seconds=20)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON
    (alert,) = follower.announced
    assert alert.attributes["event_type"] == "urgent_low"
    assert alert.attributes["observed_at"] == at.isoformat()
    assert alert.attributes["severity"] == "high"
    assert alert.attributes["late"] is False
    assert alert.attributes["source"] == "tidepool"
    assert alert.attributes["details"]["threshold_mg_dl"] == 55
    assert follower.state("sensor", "highest_severity").state == "high"


async def test_time_alone_makes_an_alert_of_a_low_that_lasts(follower: Follower) -> None:
    """After 10 minutes, when the reading that might end it does not come."""
    follower.reads(90)
    await follower.start()
    await follower.house.pass_time(minutes=5)
    follower.reads(65)
    for seconds in (20, 300, 280, 30, 10):
        await follower.house.pass_time(seconds=seconds)
        if seconds == 300:
            follower.reads(65, ago=20 / 60)
    assert follower.announced == []
    assert follower.state("binary_sensor", "low").state == STATE_OFF
    await follower.house.pass_time(seconds=40)
    assert follower.state("binary_sensor", "low").state == STATE_ON
    assert [one.attributes["event_type"] for one in follower.announced] == ["low"]


async def test_what_is_not_now_is_marked_and_then_not_shown(follower: Follower) -> None:
    follower.reads(90)
    await follower.start()
    await follower.is_known()
    read_at = follower.reads(52)
    await follower.house.pass_time(seconds=30)
    sensor = follower.state("binary_sensor", "urgent_low")
    assert (sensor.state, sensor.attributes["stale"]) == (STATE_ON, False)
    await follower.house.pass_time(minutes=16)
    sensor = follower.state("binary_sensor", "urgent_low")
    assert (sensor.state, sensor.attributes["stale"]) == (STATE_ON, True)
    assert follower.of_source("binary_sensor", "silent") == STATE_ON
    assert follower.of_source("sensor", "status") == "no_new_data"
    assert follower.state("sensor", "glucose").state == STATE_UNKNOWN
    await follower.house.pass_time(minutes=45)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_UNAVAILABLE
    assert follower.state("binary_sensor", "no_communication").state == STATE_ON
    last = follower.state("sensor", "last_reading")
    assert last.state == read_at.isoformat()
    assert last.attributes["value"] == pytest.approx(52 / 18.01559, abs=0.001)
    assert last.attributes["not_judged"]["urgent_low"] == "too_old"
    follower.reads(90)
    await follower.house.pass_time(minutes=5)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_OFF
    assert follower.of_source("binary_sensor", "silent") == STATE_OFF


async def test_nothing_is_said_by_a_server_that_does_not_answer(follower: Follower) -> None:
    """Not even that there is no communication; and it is asked again soon, however long it lasts."""
    follower.reads(90)
    await follower.start()
    follower.house.sim.faults.add("*", CATALOGUE["503_bare"]())
    for _ in range(59):
        await follower.house.pass_time(minutes=1)
    assert follower.of_source("sensor", "status") == "unreachable"
    assert follower.announced == []
    assert follower.state("binary_sensor", "no_communication").state == STATE_OFF
    for _ in range(3):
        await follower.house.pass_time(minutes=1)
    assert follower.state("binary_sensor", "no_communication").state == STATE_UNAVAILABLE
    for _ in range(240):
        await follower.house.pass_time(minutes=1)
    follower.house.sim.faults.clear()
    follower.reads(52)
    for _ in range(6):
        await follower.house.pass_time(minutes=1)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON
    assert [one.attributes["event_type"] for one in follower.announced] == ["urgent_low"]


async def test_readings_hours_late_are_told_late(follower: Follower) -> None:
    follower.reads(90, ago=1)
    await follower.start()
    for minutes in range(0, 30, 5):
        time = NOON + timedelta(minutes=minutes)
        follower.jill.add_reading(time, 3.0, uploaded_at=NOON + timedelta(hours=3))
    follower.jill.add_reading(
        NOON + timedelta(minutes=30), 5.0, uploaded_at=NOON + timedelta(hours=3)
    )
    for _ in range(190):
        await follower.house.pass_time(minutes=1)
    told = [one for one in follower.announced if one.attributes["event_type"] == "urgent_low"]
    (alert,) = told
    assert alert.attributes["late"] is True
    assert alert.attributes["observed_at"] == NOON.isoformat()
    assert follower.state("binary_sensor", "urgent_low").state == STATE_UNAVAILABLE


@pytest.mark.parametrize("pricks", [False, True])
async def test_a_gap_longer_than_the_look_back_is_asked_for_whole(
    follower: Follower, pricks: bool
) -> None:
    """All of it comes at once, to the poll of every hour that looks back further than the others."""
    house = follower.house
    follower.reads(90)
    await follower.start()
    for _ in range(9 * 12):
        if pricks:
            follower.reads(100, type="smbg")
        await house.pass_time(minutes=5)
    for minutes in range(5, 9 * 60, 5):
        follower.jill.add_reading(
            NOON + timedelta(minutes=minutes),
            2.8 if 10 <= minutes <= 60 else 5.5,
            uploaded_at=house.now,
            backfilled=True,
        )
    follower.entry.runtime_data.source._polls[follower.jill.user_id].looked_back_at = NOON
    for _ in range(3):
        await house.pass_time(minutes=5)
    told = [one for one in follower.announced if one.attributes["event_type"] == "urgent_low"]
    assert [one.attributes["observed_at"] for one in told] == [
        (NOON + timedelta(minutes=10)).isoformat()
    ]


async def test_a_look_back_that_failed_is_made_up_for(follower: Follower) -> None:
    house = follower.house
    follower.reads(90)
    await follower.start()
    attention = follower.entry.runtime_data.source._polls[follower.jill.user_id]
    attention.looked_back_at = NOON - timedelta(hours=1)
    late = NOON - timedelta(hours=2)
    follower.jill.add_reading(late, 2.8, uploaded_at=house.now, backfilled=True)
    house.sim.faults.add("tidepool.data", CATALOGUE["503_bare"](), times=1)
    await house.pass_time(minutes=6)
    assert follower.of_source("sensor", "status") == "unreachable"
    await house.pass_time(minutes=2)
    held = attention.readings.by_device().values()
    assert late in [one.observed_at for some in held for one in some]


async def test_nothing_is_lost_or_told_twice_over_a_restart(follower: Follower) -> None:
    house = follower.house
    follower.reads(90)
    await follower.start()
    await house.pass_time(minutes=5)
    follower.reads(50)
    await house.pass_time(seconds=30)
    assert len(follower.announced) == 1
    await house.hass.config_entries.async_unload(follower.entry.entry_id)
    for minutes, mg_dl in ((5, 50), (10, 90), (15, 50), (20, 90)):
        time = NOON + timedelta(minutes=5 + minutes)
        follower.jill.add_reading(time, mg_dl / 18.01559, uploaded_at=time)
    await house.pass_time(minutes=40)
    await house.set_up(follower.entry)
    assert [one.attributes["observed_at"] for one in follower.announced] == [
        (NOON + timedelta(minutes=5)).isoformat(),
        (NOON + timedelta(minutes=20)).isoformat(),
    ]
    assert follower.announced[1].attributes["late"] is True
    # The session went on: the password was sent once.
    assert follower.account.logins == 1


async def test_people_come_and_go(follower: Follower) -> None:
    house = follower.house
    await follower.start()
    tom = house.sim.tidepool.add_child("Tom")
    tom.share_with(follower.account, ["view"])
    await house.pass_time(minutes=61)
    await house.pass_time(minutes=1)
    assert (
        house.state("binary_sensor", "low", tom.user_id, follower.entry).state == STATE_UNAVAILABLE
    )
    last = house.state("sensor", "last_reading", tom.user_id, follower.entry)
    assert last.attributes["not_judged"]["low"] == "not_permitted"


@pytest.mark.parametrize("kept", [[], ["view"], ["follow"]])
async def test_a_permission_lost_says_so_and_comes_back_by_itself(
    follower: Follower, kept: list[str]
) -> None:
    house = follower.house
    follower.reads(90)
    await follower.start()
    assert follower.issue("permission_lost") is None
    follower.jill.change_permissions(follower.account, kept)
    for _ in range(62):
        await house.pass_time(minutes=1)
    issue = follower.issue("permission_lost")
    assert issue is not None
    assert issue.translation_placeholders == {"name": "Jill", "entry": "Tidepool"}
    assert follower.of_source("sensor", "status") == "permission_lost"
    assert follower.state("binary_sensor", "low").state == STATE_UNAVAILABLE
    threshold = follower.state("number", "low_threshold").state
    assert threshold == ("70" if "follow" in kept else STATE_UNAVAILABLE)
    follower.jill.share_with(follower.account)
    for _ in range(20):
        follower.reads(90)
        await house.pass_time(minutes=1)
    assert follower.issue("permission_lost") is None
    assert follower.of_source("sensor", "status") == "ok"
    assert follower.state("binary_sensor", "low").state == STATE_OFF
    assert follower.state("number", "low_threshold").state == "70"


async def test_without_evaluation_settings_still_work(house: House, follower: Follower) -> None:
    follower.entry = house.tidepool_entry(options={"judged": False})
    follower.reads(52)
    await house.set_up(follower.entry)
    assert house.sim.requests("tidepool.data") == []
    assert follower.state("binary_sensor", "urgent_low").state == STATE_UNAVAILABLE
    last = follower.state("sensor", "last_reading")
    assert last.attributes["not_judged"]["urgent_low"] == "not_judged"
    await follower.set_number("low_threshold", 75)
    assert follower.settings["low"]["threshold"]["value"] == 75
    for _ in range(120):
        await house.pass_time(minutes=1)
    assert house.sim.requests("tidepool.data") == []
    assert follower.of_source("sensor", "status") == "ok"


@pytest.mark.parametrize("odd", ["/12345", "../../../auth/logout"])
async def test_somebody_whose_id_is_none_is_in_nobodys_way(follower: Follower, odd: str) -> None:
    house = follower.house
    house.sim.tidepool.add_child("Jack", user_id=odd).share_with(follower.account)
    follower.reads(52)
    await house.set_up(follower.entry)
    assert list(follower.entry.runtime_data.data.people) == [follower.jill.user_id]
    assert follower.of_source("sensor", "status") == "ok"
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON
    # Once more for a curve of what came before.
    assert follower.asked == ["login", "people", "alerts", "data", "data"]


@pytest.mark.parametrize("place", ["new", "notLooping"])
async def test_settings_that_cannot_be_kept_are_left_out(follower: Follower, place: str) -> None:
    """What is nested too deep cannot go to disk: nothing would, and whoever starts would fail."""
    house, jill = follower.house, follower.jill.user_id
    ids = {"userId": follower.account.user_id, "followedUserId": jill}
    document = {**ids, **SETTINGS, place: {"enabled": True, "deep": None}}
    deep = orjson.dumps(document).replace(b"null", b"[" * 400 + b"]" * 400)
    house.sim.faults.add("tidepool.alerts", body(deep))
    follower.reads(52)
    await house.set_up(follower.entry)
    assert follower.entry.state is ConfigEntryState.LOADED
    assert follower.of_source("sensor", "status") == "ok"
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON
    assert follower.entry.runtime_data.source.followed[jill].settings == {
        name: value for name, value in (ids | SETTINGS).items() if name != place
    }
    house.sim.faults.clear()
    house.sim.faults.add("tidepool.alerts", body(deep), times=1)
    if place == "new":
        await follower.set_number("low_threshold", 75)
    else:
        # What cannot be read is not written over.
        with pytest.raises(HomeAssistantError):
            await follower.set_number("low_threshold", 75)
        assert house.sim.requests("tidepool.write_alerts") == []
    await house.hass.config_entries.async_reload(follower.entry.entry_id)
    await house.settle()
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON


async def test_settings_changed_elsewhere_are_noticed(follower: Follower) -> None:
    await follower.start()
    low = {**SETTINGS["low"], "threshold": {"units": "mg/dL", "value": 80}}
    follower.jill.set_settings(follower.account, {**SETTINGS, "low": low})
    for _ in range(17):
        await follower.house.pass_time(minutes=1)
    assert follower.state("number", "low_threshold").state == "80"


@dataclass
class Ends:
    """The ends of alerts that the house was told of: type, reason, minutes after noon."""

    follower: Follower
    told: list[tuple[str, str, float]] = field(default_factory=list)

    @callback
    def hear(self, event: Event[dict[str, Any]]) -> None:
        """Take note of one."""
        minutes = (self.follower.house.now - NOON) / timedelta(minutes=1)
        self.told.append((event.data["alert"]["alert_type"], event.data["end_reason"], minutes))


@pytest.fixture
async def low(follower: Follower) -> Ends:
    """Jill's urgent low of five past twelve was told."""
    ends = Ends(follower)
    follower.house.hass.bus.async_listen("care_alerts_alert_ended", ends.hear)
    follower.reads(90)
    await follower.start()
    await follower.house.pass_time(minutes=5)
    follower.reads(50)
    await follower.house.pass_time(seconds=30)
    assert [one.attributes["event_type"] for one in follower.announced] == ["urgent_low"]
    return ends


def is_waiting(follower: Follower) -> bool:
    """Whether somebody still has to take care of it."""
    case = follower.entry.runtime_data.data.episode(AlertKey(follower.jill.user_id, "urgent_low"))
    return bool(case.unacknowledged_since)


@pytest.mark.parametrize(
    ("kept", "ends"),
    [([], ["urgent_low"]), (["view"], ["urgent_low"]), (["follow"], ["urgent_low"])],
)
async def test_what_nobody_may_judge_any_more_ends_after_an_hour(
    follower: Follower, low: Ends, kept: list[str], ends: list[str]
) -> None:
    follower.jill.change_permissions(follower.account, kept)
    for _ in range(17):
        await follower.house.pass_time(minutes=5)
        assert is_waiting(follower) is not bool(low.told)
    # The last permission that is missed is that to see the settings: they are read every quarter of an hour.
    minutes = low.told[0][2]
    assert low.told == [(kind, "expired", minutes) for kind in ends]
    assert 60 < minutes <= 85


async def test_what_is_open_ends_when_nobody_answers_after_a_restart(
    follower: Follower, low: Ends
) -> None:
    house = follower.house
    house.sim.faults.add("*", CATALOGUE["503_bare"]())
    await house.hass.config_entries.async_reload(follower.entry.entry_id)
    for _ in range(14):
        await house.pass_time(minutes=5)
    assert [one[:2] for one in low.told] == [("urgent_low", "expired")]
    assert not is_waiting(follower)


@pytest.mark.parametrize("options", [{"judged": False}, {"followed": ["somebody-else"]}])
async def test_what_is_open_ends_at_once_when_it_is_chosen_so(
    follower: Follower, low: Ends, options: dict[str, Any]
) -> None:
    hass = follower.house.hass
    hass.config_entries.async_update_entry(follower.entry, options=options)
    await hass.config_entries.async_reload(follower.entry.entry_id)
    await follower.house.settle()
    assert low.told == [("urgent_low", "expired", 5.5)]


async def test_what_is_open_ends_with_the_device_of_somebody_gone(
    follower: Follower, low: Ends
) -> None:
    follower.jill.stop_sharing(follower.account)
    await follower.house.press("refresh", entry=follower.entry)
    assert low.told == []
    assert follower.entry.runtime_data.forget(follower.jill.user_id)
    await follower.house.settle()
    assert low.told == [("urgent_low", "expired", 5.5)]


async def test_no_sum_without_the_glucose_that_counts(follower: Follower, low: Ends) -> None:
    """A phone that died in a low: that nobody is out of reach yet is no "none"."""
    settings = {**SETTINGS, "noCommunication": {"enabled": True, "delay": 120}}
    follower.jill.set_settings(follower.account, settings)
    for _ in range(20):
        await follower.house.pass_time(minutes=5)
    assert ("urgent_low", "expired") in [one[:2] for one in low.told]
    assert follower.state("binary_sensor", "no_communication").state == STATE_OFF
    for key in ("highest_severity", "active_alerts"):
        assert follower.state("sensor", key).state == STATE_UNKNOWN
    follower.reads(100)
    await follower.house.pass_time(minutes=5)
    assert follower.state("sensor", "highest_severity").state == "none"
    assert follower.state("sensor", "active_alerts").state == "0"


async def test_late_is_what_is_later_than_usual(follower: Follower) -> None:
    """Somebody whose readings take an hour is not late for ever: nobody would be woken."""
    house = follower.house

    def add(minutes: int, mmol_l: float, after: int) -> None:
        time = NOON + timedelta(minutes=minutes)
        follower.jill.add_reading(time, mmol_l, uploaded_at=time + timedelta(minutes=after))

    for minutes in range(-120, 60, 5):
        add(minutes, 2.8 if minutes in (20, 25) else 6.0, 60)
    await follower.start()
    for _ in range(25):
        await house.pass_time(minutes=5)
    for minutes in range(65, 100, 5):
        add(minutes, 2.8 if minutes == 70 else 6.0, 120)
    for _ in range(20):
        await house.pass_time(minutes=5)
    told = [one.attributes for one in follower.announced]
    assert [one["late"] for one in told if one["event_type"] == "urgent_low"] == [False, True]


async def test_what_goes_on_is_news_however_long_ago_it_began(follower: Follower) -> None:
    """Nothing else would ring for an urgent low that began while Tidepool did not answer."""
    follower.reads(90)
    await follower.start()
    await follower.house.pass_time(minutes=5)
    follower.house.sim.faults.add("tidepool.data", CATALOGUE["503_bare"]())
    await follower.reads_on(*[50] * 8)
    assert follower.announced == []
    follower.house.sim.faults.clear()
    await follower.reads_on(50, 50)
    assert {one.attributes["event_type"] for one in follower.announced} == {"urgent_low", "low"}
    assert [one.attributes["late"] for one in follower.announced] == [False, False]


async def test_one_persons_failing_readings_slow_nobody_else(
    follower: Follower, caplog: pytest.LogCaptureFixture
) -> None:
    house = follower.house
    tom = house.sim.tidepool.add_child("Tom")
    tom.share_with(follower.account)
    follower.reads(90)
    await follower.start()

    async def fail(exchange: Exchange) -> web.StreamResponse:
        if tom.user_id in exchange.request.path:
            return web.Response(status=500)
        return await exchange.proceed()

    house.sim.faults.add("tidepool.data", Fault("one person's", fail))
    caplog.clear()
    for n in range(24):
        time = follower.reads(100 + n)
        for _ in range(10):
            await house.pass_time(seconds=30)
        last = follower.entry.runtime_data.data.people[follower.jill.user_id].last_glucose
        assert last.observed_at == time
    assert follower.of_source("sensor", "status") == "unreachable"
    # Whatever else there is to ask is asked all the same, and one line in the log is enough.
    assert follower.asked.count("alerts") >= 12
    assert follower.asked.count("people") >= 1
    said = [one for one in caplog.records if one.name.startswith("custom_components.care_alerts")]
    assert len([one for one in said if one.levelno >= logging.WARNING]) == 1
    house.sim.faults.clear()
    for _ in range(12):
        await house.pass_time(seconds=30)
    assert follower.of_source("sensor", "status") in {"ok", "no_new_data"}


def fails_for(*people: str, wait: bool = False) -> Fault:
    """Fail whatever is asked of some people; `wait`: the last one's answer says for how long, ten minutes."""

    async def fail(exchange: Exchange) -> web.StreamResponse:
        for person_id in people:
            if person_id in exchange.request.path:
                is_last = wait and person_id == people[-1]
                return web.Response(status=503, headers={"Retry-After": "600"} if is_last else {})
        return await exchange.proceed()

    return Fault("one person's", fail)


@pytest.mark.usefixtures("all_enabled")
async def test_one_persons_failing_settings_slow_nobody_else(
    follower: Follower, caplog: pytest.LogCaptureFixture
) -> None:
    """What was last known of them stays, and counts; new settings of the others are noticed."""
    house = follower.house
    tom = house.sim.tidepool.add_child("Tom")
    tom.share_with(follower.account)
    tom.set_settings(follower.account, SETTINGS)
    follower.reads(90)
    await follower.start()
    tom.set_settings(follower.account, {**SETTINGS, "urgentLow": {"enabled": False}})
    low = {**SETTINGS["low"], "threshold": {"units": "mg/dL", "value": 80}}
    follower.jill.set_settings(follower.account, {**SETTINGS, "low": low})
    house.sim.faults.add("tidepool.alerts", fails_for(tom.user_id))
    caplog.clear()
    for n in range(12):
        time = follower.reads(100 + n)
        tom.add_reading(time, 2.8, uploaded_at=time)
        for _ in range(10):
            await house.pass_time(seconds=30)
        people = follower.entry.runtime_data.data.people
        for child in (follower.jill, tom):
            assert people[child.user_id].last_glucose.observed_at == time
    assert follower.state("number", "low_threshold").state == "80"
    for platform, key, known in (
        ("number", "low_threshold", "70"),
        ("binary_sensor", "urgent_low", STATE_ON),
    ):
        assert house.state(platform, key, tom.user_id, follower.entry).state == known
    assert follower.of_source("sensor", "status") == "unreachable"
    last_contact = datetime.fromisoformat(follower.of_source("sensor", "last_contact"))
    assert house.now - last_contact < timedelta(minutes=5)
    said = [one for one in caplog.records if one.name.startswith("custom_components.care_alerts")]
    assert len([one for one in said if one.levelno >= logging.WARNING]) == 1
    # Not every time that somebody's readings are asked for.
    assert len([one for one in house.sim.requests("tidepool.alerts") if one.status == 503]) <= 15
    house.sim.faults.clear()
    for _ in range(12):
        follower.reads(100)
        await house.pass_time(seconds=30)
    assert house.state("switch", "urgent_low", tom.user_id, follower.entry).state == STATE_OFF
    assert follower.of_source("sensor", "status") in {"ok", "no_new_data"}


@pytest.mark.usefixtures("all_enabled")
async def test_last_contact_is_when_there_was_an_answer(follower: Follower) -> None:
    """Not when somebody's settings were asked for in vain, and nothing else was due."""
    house = follower.house
    tom = house.sim.tidepool.add_child("Tom")
    tom.share_with(follower.account)
    follower.entry = house.tidepool_entry(options={"judged": False})
    await follower.start()
    house.sim.faults.add("tidepool.alerts", fails_for(tom.user_id))
    answered_at, in_vain = house.now, 0
    for _ in range(90):
        await house.pass_time(minutes=1)
        statuses = {one.status for one in house.sim.log if one.endpoint != "tidepool.renew"}
        house.sim.log.clear()
        in_vain += statuses == {503}
        if 200 in statuses:
            answered_at = house.now
        assert follower.of_source("sensor", "last_contact") == answered_at.isoformat()
    assert in_vain > 5


async def test_somebody_whose_settings_never_came_keeps_nobody_waiting(follower: Follower) -> None:
    house = follower.house
    tom = house.sim.tidepool.add_child("Tom")
    tom.share_with(follower.account)
    house.sim.faults.add("tidepool.alerts", fails_for(tom.user_id))
    follower.reads(52)
    await follower.start()
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON
    assert follower.of_source("sensor", "status") == "unreachable"
    assert house.state("binary_sensor", "low", tom.user_id, follower.entry).state == (
        STATE_UNAVAILABLE
    )


@pytest.mark.parametrize("endpoint", ["data", "alerts"])
async def test_whoever_asks_us_to_wait_is_heard(follower: Follower, endpoint: str) -> None:
    """Though it is the second person whose answer says so; and that one keeps nobody from being asked for afterwards."""
    house = follower.house
    tom = house.sim.tidepool.add_child("Tom")
    tom.share_with(follower.account)
    tom.set_settings(follower.account, SETTINGS)
    ann = house.sim.tidepool.add_child("Ann")
    ann.share_with(follower.account)
    follower.reads(90)
    await follower.start()
    first, second, third = follower.entry.runtime_data.source.followed
    house.sim.faults.add(f"tidepool.{endpoint}", fails_for(first, second, wait=True))
    waits = False
    for _ in range(40):
        await house.pass_time(seconds=30)
        if waits := follower.entry.runtime_data.backoff.wait_until is not None:
            break
    assert waits
    assert follower.of_source("sensor", "status") == "unreachable"
    house.sim.log.clear()
    await house.pass_time(minutes=9)
    assert house.sim.log == []
    time = house.now
    children = {one.user_id: one for one in (follower.jill, tom, ann)}
    children[third].add_reading(time, 2.8, uploaded_at=time)
    await house.pass_time(minutes=2)
    known = follower.entry.runtime_data.data.people[third].last_glucose
    assert known.observed_at == time


@pytest.mark.parametrize("endpoint", ["data", "alerts"])
@pytest.mark.parametrize("status", [200, 403, 500])
async def test_somebody_forgotten_while_they_are_asked_for(
    follower: Follower, caplog: pytest.LogCaptureFixture, endpoint: str, status: int
) -> None:
    house = follower.house
    follower.reads(90)
    await follower.start()
    coordinator = follower.entry.runtime_data

    async def forget(exchange: Exchange) -> web.StreamResponse:
        response = await exchange.proceed()
        coordinator.source.followed[follower.jill.user_id].allows.clear()
        assert coordinator.forget(follower.jill.user_id)
        return response if status == 200 else web.Response(status=status)

    house.sim.faults.add(f"tidepool.{endpoint}", Fault("forget", forget), times=1)
    for _ in range(20):
        await house.pass_time(minutes=1)
    assert "while asking" not in caplog.text


async def test_who_is_always_late_or_never_spoke_hides_nobodys_silence(follower: Follower) -> None:
    house = follower.house
    late = house.sim.tidepool.add_child("Late")
    late.share_with(follower.account)
    house.sim.tidepool.add_child("Mute").share_with(follower.account)
    for minutes in range(-240, 360, 5):
        time = NOON + timedelta(minutes=minutes)
        late.add_reading(time, 6.0, uploaded_at=time + timedelta(hours=3))
    silences: list[datetime] = []
    house.hass.bus.async_listen(
        "care_alerts_source_silent", lambda event: silences.append(house.now)
    )
    follower.reads(90)
    await follower.start()
    for _ in range(12):
        follower.reads(100)
        await house.pass_time(minutes=5)
    assert follower.of_source("binary_sensor", "silent") == STATE_OFF
    last = house.now
    for _ in range(4):
        await house.pass_time(minutes=5)
    assert follower.of_source("binary_sensor", "silent") == STATE_ON
    assert [one for one in silences if one > last]


async def test_a_severe_alert_is_somebodys_for_an_hour(follower: Follower) -> None:
    """Who took it at night may have fallen asleep again."""
    house = follower.house
    follower.reads(100)
    await follower.start()
    await follower.reads_on(100, 50)
    rung = await automate(
        house.hass,
        trigger("alert_unacknowledged", after={"minutes": 10}, alert_types=["urgent_low"]),
    )
    await house.hass.services.async_call(
        DOMAIN,
        "acknowledge",
        {"entity_id": follower.entity_id("binary_sensor", "urgent_low")},
        blocking=True,
    )
    await follower.reads_on(*[45] * 11)
    assert follower.state("binary_sensor", "urgent_low").attributes["acknowledged"] is True
    await follower.reads_on(45)
    sensor = follower.state("binary_sensor", "urgent_low")
    assert (sensor.state, sensor.attributes["acknowledged"]) == (STATE_ON, False)
    assert rung.triggers == []
    await follower.reads_on(45, 45, 45)
    assert [one["waiting_minutes"] for one in rung.triggers] == [10]


@pytest.mark.parametrize("kept", [[], ["view"], ["follow"]])
async def test_who_no_longer_shares_is_silent(follower: Follower, kept: list[str]) -> None:
    """Nothing is judged any more, whatever still comes, and whoever else is heard of."""
    silences = silence(follower)
    tom = follower.house.sim.tidepool.add_child("Tom")
    tom.share_with(follower.account)
    follower.reads(100)
    tom.add_reading(NOON, 6.1)
    await follower.start()
    follower.jill.change_permissions(follower.account, kept)
    for _ in range(12):
        follower.reads(45)
        tom.add_reading(follower.house.now, 6.1)
        await follower.house.pass_time(minutes=5)
    assert [(one["reason"], one["silent_people"]) for one in silences] == [
        ("permission_lost", ["Jill"])
    ]
    assert follower.of_source("binary_sensor", "silent") == STATE_ON


async def test_one_answer_that_leaves_somebody_out_costs_minutes(follower: Follower) -> None:
    house = follower.house
    follower.reads(100)
    await follower.start()
    await follower.reads_on(*[100] * 12)

    async def nobody(_: Exchange) -> web.StreamResponse:
        return web.json_response([])

    house.sim.faults.add("tidepool.people", Fault("nobody", nobody), times=1)
    follower.entry.runtime_data.source._sharers.due = house.now
    house.sim.log.clear()
    for number in range(20):
        if number % 10 == 0:
            follower.reads(100)
        await house.pass_time(seconds=30)
    first, second = (one.at for one in house.sim.requests("tidepool.people"))
    assert second - first <= timedelta(minutes=1, seconds=10)
    assert follower.of_source("sensor", "status") == "ok"
    await follower.reads_on(45)
    assert [one.attributes["event_type"] for one in follower.announced][-1] == "urgent_low"


async def test_the_silence_of_each_is_told(follower: Follower) -> None:
    """Somebody whose sensor has been off for days hides nobody else's silence; not after a restart either."""
    silences, house = silence(follower), follower.house
    tom = house.sim.tidepool.add_child("Tom")
    tom.share_with(follower.account)
    tom.add_reading(NOON, 6.1)
    follower.reads(100)
    await follower.start()
    for number in range(10):
        await house.pass_time(minutes=5)
        follower.reads(100)
        if number < 4:
            tom.add_reading(house.now, 6.1)
    await house.hass.config_entries.async_reload(follower.entry.entry_id)
    await house.settle()
    await house.pass_time(minutes=5)
    assert [one["silent_people"] for one in silences] == [["Tom"]]
    for _ in range(6):
        await house.pass_time(minutes=5)
    assert [one["silent_people"] for one in silences] == [["Tom"], ["Jill", "Tom"]]
    recovered = silence(follower, "recovered")
    follower.reads(100)
    await house.pass_time(minutes=5)
    assert recovered == []
    follower.reads(100)
    tom.add_reading(house.now, 6.1)
    await house.pass_time(minutes=5)
    assert [one["silent_people"] for one in recovered] == [[]]


def silence(follower: Follower, what: str = "silent") -> list[dict[str, Any]]:
    """What is told of the source's silence, or its end, from now on."""
    told: list[dict[str, Any]] = []
    follower.house.hass.bus.async_listen(
        f"care_alerts_source_{what}", callback(lambda event: told.append({**event.data}))
    )
    return told


def loops(follower: Follower, *minutes_ago: float) -> None:
    """Loop decided something so long ago."""
    for ago in minutes_ago:
        time = follower.house.now - timedelta(minutes=ago)
        follower.jill.add_loop_decision(time)


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize(("ago", "state"), [(60, STATE_ON), (11 * 60, STATE_ON), (3, STATE_OFF)])
async def test_an_alert_for_loop_is_judged_as_soon_as_it_is_switched_on(
    follower: Follower, elsewhere: bool, ago: float, state: str
) -> None:
    """From here within seconds; from Tidepool's app as soon as its settings are read."""
    house = follower.house
    follower.reads(90)
    await follower.start()
    for _ in range(4):
        await follower.reads_on(100)
    loops(follower, ago)
    if elsewhere:
        settings = {**SETTINGS, "notLooping": {"enabled": True, "delay": 30}}
        follower.jill.set_settings(follower.account, settings)
        await follower.call("get_alert_thresholds")
    else:
        await follower.switch("not_looping", on=True)
    await house.settle()
    await house.pass_time(seconds=2)
    assert follower.state("binary_sensor", "not_looping").state == state
    told = [one.attributes["event_type"] for one in follower.announced]
    assert told == (["not_looping"] if state == STATE_ON else [])


async def test_nothing_is_concluded_of_decisions_that_nobody_asked_for(follower: Follower) -> None:
    """Loop went on while the alert for it was off."""
    house = follower.house
    settings = {**SETTINGS, "notLooping": {"enabled": True, "delay": 30}}
    follower.jill.set_settings(follower.account, settings)
    follower.reads(90)
    loops(follower, 1)
    await follower.start()
    await follower.switch("not_looping", on=False)
    for _ in range(12):
        loops(follower, 0)
        await follower.reads_on(100)
    house.sim.faults.add("tidepool.data", CATALOGUE["500_bare"](), times=1)
    await follower.switch("not_looping", on=True)
    await house.settle()
    assert follower.state("binary_sensor", "not_looping").state == STATE_UNAVAILABLE
    await house.pass_time(minutes=2)
    assert follower.state("binary_sensor", "not_looping").state == STATE_OFF
    assert follower.announced == []


async def test_an_alert_switched_off_and_on_while_it_lasts_is_told_again(
    follower: Follower, low: Ends
) -> None:
    """Whoever switches it on again hears of it, and somebody has to take care of it anew."""
    await follower.switch("urgent_low", on=False)
    await follower.house.settle()
    assert low.told == [("urgent_low", "expired", 5.5)]
    assert not is_waiting(follower)
    await follower.house.pass_time(minutes=1)
    await follower.switch("urgent_low", on=True)
    await follower.house.settle()
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON
    assert is_waiting(follower)
    first, second = follower.announced
    assert first.attributes["alert_id"] != second.attributes["alert_id"]
    assert second.attributes["late"] is False
    await follower.reads_on(50, 50, 90)
    told = [one.attributes["event_type"] for one in follower.announced]
    assert told.count("urgent_low") == 2
    assert [one[:2] for one in low.told if one[0] == "urgent_low"] == [
        ("urgent_low", "expired"),
        ("urgent_low", "source"),
    ]


@pytest.mark.parametrize("kept", [[], ["follow"], ["view"]])
async def test_what_goes_on_when_a_permission_comes_back_is_told_once(
    follower: Follower, low: Ends, kept: list[str]
) -> None:
    house = follower.house
    follower.jill.change_permissions(follower.account, kept)
    for _ in range(20):
        await follower.reads_on(50)
    assert "urgent_low" in {one[0] for one in low.told}
    assert not is_waiting(follower)
    follower.jill.share_with(follower.account)
    for _ in range(8):
        await follower.reads_on(50)
    assert is_waiting(follower)
    told = [one for one in follower.announced if one.attributes["event_type"] == "urgent_low"]
    assert len(told) == 2
    assert told[1].attributes["late"] is False
    assert house.now - datetime.fromisoformat(told[1].attributes["observed_at"]) < timedelta(
        hours=1
    )


async def test_trouble_with_a_part_is_logged_once_and_so_is_its_end(
    follower: Follower, caplog: pytest.LogCaptureFixture
) -> None:
    await follower.start()
    caplog.set_level(logging.INFO)

    def said(text: str) -> int:
        return sum(text in record.getMessage() for record in caplog.records)

    for time in 1, 2:
        follower.house.sim.faults.add("tidepool.alerts", CATALOGUE["503_bare"]())
        await follower.house.pass_time(hours=1)
        assert (said("no usable answer"), said("about everybody again")) == (time, time - 1)
        follower.house.sim.faults.clear()
        await follower.house.pass_time(hours=1)
        assert (said("no usable answer"), said("about everybody again")) == (time, time)
