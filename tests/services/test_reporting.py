"""The action `get_report`: a fortnight against sums made by hand, nights by the house's clock, and what is not known."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from homeassistant.exceptions import ServiceValidationError, Unauthorized
from homeassistant.helpers import device_registry as dr
import pytest

from custom_components.care_alerts.alerts.ledger import Delivery
from custom_components.care_alerts.const import DOMAIN
from tests.care import Care
from tests.conftest import House, coordinator_of
from tests.services.test_permissions import device_of, somebody
from tests.sources.tidepool.conftest import SETTINGS, Follower
from tests.wear import wear

ZONE = "Europe/Amsterdam"
MINUTE = timedelta(minutes=1)
STEP = timedelta(minutes=5)
DAYS_14 = timedelta(days=14)


@pytest.fixture(autouse=True)
async def _in_amsterdam(house: House) -> None:
    await house.hass.config.async_set_time_zone(ZONE)


@pytest.fixture
async def jill(house: House) -> Follower:
    """Jill shares with us; not set up yet."""
    child = house.sim.tidepool.add_child("Jill")
    child.share_with(house.sim.tidepool.account)
    child.set_settings(house.sim.tidepool.account, SETTINGS)
    return Follower(house, child, house.tidepool_entry())


def level(number: int) -> int:
    """A fortnight's glucose, in mg/dL: slow waves, some lows, and highs."""
    return 50 + (number * 7 // 5 % 97) + (number // 40 % 5) * 45


def truth(jill: Follower, start: datetime, end: datetime) -> dict[datetime, int]:
    """What the sensor says in each minute of a time; none while it is off."""
    known: dict[datetime, int] = {}
    for number in range(int((end - start) / STEP)):
        moment = start + number * STEP
        # Off for some hours every third day, and now and then a reading is lost.
        hours = number * 5 // 60
        if (hours // 24 % 3 == 1 and hours % 24 < 7) or number % 53 == 0:
            continue
        jill.reads(level(number), ago=(jill.house.now - moment) / MINUTE)
        for minute in range(5):
            known[moment + minute * MINUTE] = level(number)
    return known


def sums(minutes: Sequence[datetime], known: dict[datetime, int]) -> dict[str, Any]:
    """What there is to say of minutes, counted one by one."""
    values = [known[one] for one in minutes if one in known]
    below = len([one for one in values if one <= 70])
    above = len([one for one in values if one >= 250])

    def percent(part: int, whole: int) -> Any:
        return pytest.approx(100 * part / whole, abs=0.06) if whole else None

    return {
        "minutes": len(minutes),
        "covered_minutes": len(values),
        "coverage_percent": percent(len(values), len(minutes)),
        "minutes_below": below,
        "percent_below": percent(below, len(values)),
        "minutes_above": above,
        "percent_above": percent(above, len(values)),
    }


async def test_a_fortnight_against_sums_by_hand(jill: Follower) -> None:
    """Every figure of glucose there is, of all, of each night and of each hour of the day."""
    house, zone = jill.house, ZoneInfo(ZONE)
    end = house.now
    start = end - DAYS_14 + timedelta(hours=1)
    known = truth(jill, start, end)
    await jill.start()
    answer = await jill.call("get_report", start=start.isoformat(), end=end.isoformat())
    assert (answer["start"], answer["end"]) == (start.isoformat(), end.isoformat())
    assert (answer["alerts_kept_from"], answer["readings_kept_from"]) == (None, None)
    [person] = answer["people"]
    glucose = person["glucose"]
    minutes = [start + number * MINUTE for number in range(int((end - start) / MINUTE))]
    wanted = sums(minutes, known)
    assert {key: glucose[key] for key in wanted} == wanted
    assert person["coverage_percent"] == glucose["coverage_percent"]
    for name, lowest, highest in (
        ("very_low", 0, 53),
        ("low", 54, 69),
        ("in_range", 70, 180),
        ("high", 181, 250),
        ("very_high", 251, 999),
    ):
        count = len([one for one in known.values() if lowest <= one <= highest])
        assert glucose["bands"][name] == {
            "minutes": count,
            "percent": pytest.approx(100 * count / len(known), abs=0.06),
        }
    assert glucose["readings"] == len(known) / 5
    for name, value in (("lowest", min(known.values())), ("highest", max(known.values()))):
        first = min(moment for moment, one in known.items() if one == value)
        assert glucose[name]["value"] == pytest.approx(value, abs=0.01)
        assert glucose[name]["observed_at"] == first.isoformat()
    # By what is counted: her care partner's thresholds.
    assert glucose["counts_as_below"] == [{"rule": "own", "value": 70, "since": end.isoformat()}]
    for one in glucose["hours"]:
        of_hour = [m for m in minutes if m.astimezone(zone).hour == one["hour"]]
        days = {m.astimezone(zone).date() for m in of_hour if m in known and known[m] <= 70}
        assert one == {"hour": one["hour"], "days_below": len(days), **sums(of_hour, known)}
    assert [one["hour"] for one in glucose["hours"]] == list(range(24))
    nights: dict[Any, list[datetime]] = {}
    for minute in minutes:
        clock = minute.astimezone(zone)
        if clock.hour >= 22 or clock.hour < 8:
            nights.setdefault(clock.date() + timedelta(days=clock.hour >= 22), []).append(minute)
    assert len(person["nights"]) == len(nights) == 14
    # Nobody judged her readings before she was followed.
    assert {night["alerts"] for night in person["nights"]} == {None}
    assert (person["whole_nights"], person["alerts_per_night"]) == (0, None)
    for one, (morning, of_night) in zip(person["nights"], nights.items(), strict=True):
        begins, ends = (
            datetime.fromisoformat(one[key]).astimezone(zone) for key in ("start", "end")
        )
        assert (begins.hour, ends.hour, ends.date()) == (22, 8, morning)
        wanted = sums(of_night, known)
        assert {key: one[key] for key in wanted} == wanted
        assert one["is_whole"] is (len(of_night) == 600)


async def test_a_night_with_a_low_that_somebody_answered_and_one_nobody_did(jill: Follower) -> None:
    house = jill.house
    # From the evening on.
    evening = house.now.astimezone(ZoneInfo(ZONE)).replace(hour=22, minute=0).astimezone(UTC)
    await house.until(evening)
    await jill.start()
    await jill.is_known()
    lows = []
    for answer in (True, False):
        lows.append(house.now)
        await jill.reads_on(50, 50)
        if answer:
            await jill.call("acknowledge", note="Juice")
        await jill.reads_on(50, *[100] * 6)
    await house.until(evening + timedelta(hours=11))
    report = await jill.call("get_report")
    assert report["start"] == evening.isoformat()
    assert report["end"] == (evening + timedelta(hours=10)).isoformat()
    [person] = report["people"]
    urgent = [one for one in person["episodes"] if one["alert_type"] == "urgent_low"]
    assert [one["opened_at"] for one in urgent] == [one.isoformat() for one in lows]
    first, second = urgent
    assert first["outcome"] == "answered"
    assert first["note"] == "Juice"
    assert first["answered_via"] == "unknown"
    told, answered = (datetime.fromisoformat(first[key]) for key in ("told_at", "answered_at"))
    assert first["answered_after_seconds"] == (answered - told).total_seconds()
    assert timedelta(minutes=9) < answered - told <= timedelta(minutes=10)
    assert second["outcome"] == "unanswered"
    assert (first["slept_through"], second["slept_through"]) == (False, True)
    assert second["answered_by"] is second["answered_after_seconds"] is None
    assert person["outcomes"]["answered"] == len(
        [one for one in person["episodes"] if one["outcome"] == "answered"]
    )
    answered_or_not = person["outcomes"]["answered"] + person["outcomes"]["unanswered"]
    assert person["unanswered_percent"] == round(
        100 * person["outcomes"]["unanswered"] / answered_or_not, 1
    )
    [night] = person["nights"]
    alerts = await jill.call("get_alerts", start=report["start"], end=report["end"])
    told_of = [one for one in alerts["alerts"] if one["state"] != "ended"]
    assert night["alerts"] == person["alerts"] == len(told_of) > 2
    assert person["alerts_per_night"] == night["alerts"]


async def test_two_weeks_and_more_say_from_when_on_there_is_something(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    wearer = house.sim.dexcom.wearer("SandboxUser7")
    wear(wearer, house.now - timedelta(days=20), house.now)
    await house.set_up(await house.dexcom_entry(wearer))
    [device] = [one for one in dr.async_get(house.hass).devices if one.name == "Dexcom"]

    async def ask(**data: Any) -> Any:
        return await house.hass.services.async_call(
            DOMAIN,
            "get_report",
            {"device_id": device.id, **data},
            blocking=True,
            return_response=True,
        )

    now = house.now
    for days, alerts_from, readings_from in ((14, None, None), (15, None, 14), (60, 45, 14)):
        answer = await ask(start=(now - timedelta(days=days)).isoformat())
        assert answer["start"] == (now - timedelta(days=min(days, 45))).isoformat()
        for key, kept in (("alerts_kept_from", alerts_from), ("readings_kept_from", readings_from)):
            assert answer[key] == (kept and (now - timedelta(days=kept)).isoformat())
        [person] = answer["people"]
        glucose = person["glucose"]
        # Two weeks of readings do not cover more than two weeks.
        assert glucose["minutes"] == min(days, 45) * 1440
        assert glucose["covered_minutes"] <= 14 * 1440
        assert glucose["counts_as_below"] == [{"rule": "consensus", "value": 70, "since": None}]
        assert glucose["counts_as_above"] == [{"rule": "consensus", "value": 180, "since": None}]
        # Dexcom was first asked for a month: nobody looked before.
        assert person["whole_nights"] == min(days, 30)
    # What has not been yet is not to be covered.
    answer = await ask(
        start=(now - timedelta(hours=4)).isoformat(), end=(now + timedelta(days=1)).isoformat()
    )
    assert answer["end"] == now.isoformat()
    for start, end, wrong in (
        (now, now, "start_after_end"),
        (now - timedelta(days=60), now - timedelta(days=45), "nothing_kept"),
        (now, now + timedelta(hours=1), "nothing_kept"),
    ):
        with pytest.raises(ServiceValidationError) as said:
            await ask(start=start.isoformat(), end=end.isoformat())
        assert said.value.translation_key == wrong
    answer = await ask(start="0001-01-01 00:00:00", end="9999-12-31 23:59:59")
    assert answer["start"] == (now - timedelta(days=45)).isoformat()
    assert answer["end"] == now.isoformat()
    with pytest.raises(ServiceValidationError) as said:
        await ask(end="0001-01-01 00:00:00")
    assert said.value.translation_key == "nothing_kept"


async def test_nights_that_lumen_no_longer_kept_are_unknown(care: Care) -> None:
    care.alert(1)
    await care.morning(1)
    start = (care.house.now - timedelta(days=40)).isoformat()
    [person] = (await care.call("get_report", start=start))["people"]
    known = [one["alerts"] for one in person["nights"] if one["alerts"] is not None]
    assert sum(known) == 1
    assert person["whole_nights"] == 14


@pytest.mark.parametrize("has_thresholds", [True, False])
async def test_nights_of_a_child_whom_nobody_watched_yet_are_unknown(
    house: House, has_thresholds: bool
) -> None:
    await house.hass.config.async_set_time_zone("UTC")
    account = house.sim.tidepool.account
    old, new = (house.sim.tidepool.add_child(name) for name in ("Old", "New"))
    old.share_with(account)
    old.set_settings(account, SETTINGS)
    first = Follower(house, old, house.tidepool_entry())
    await first.start()
    await house.pass_time(days=2)
    for night in (0, 1):
        low_at = house.now.replace(hour=2) - timedelta(days=night)
        new.add_reading(low_at, 2.5, uploaded_at=low_at)
    new.share_with(account)
    if has_thresholds:
        new.set_settings(account, SETTINGS)
    shared_at = house.now
    for _ in range(5):
        await house.pass_time(hours=5)
    follower = Follower(house, new, first.entry)
    answer: Any = await house.hass.services.async_call(
        DOMAIN,
        "get_report",
        {
            "device_id": follower.device_id,
            "start": (shared_at - timedelta(days=2)).isoformat(),
        },
        blocking=True,
        return_response=True,
    )
    [person] = answer["people"]
    assert [one["alerts"] is None for one in person["nights"]] == [True, True, not has_thresholds]
    assert person["whole_nights"] == has_thresholds
    assert (person["alerts_per_night"] is None) is not has_thresholds


async def test_of_whom_there_is_no_glucose_nothing_is_said_of_it(care: Care) -> None:
    care.alert(1)
    await care.morning(1)
    answer = await care.call("get_report", start=(care.house.now - DAYS_14).isoformat())
    [person] = answer["people"]
    assert (person["glucose"], person["coverage_percent"]) == (None, None)
    assert [one["alert_type"] for one in person["episodes"]] == ["weight"]
    assert all("coverage_percent" not in night for night in person["nights"])
    assert sum(night["alerts"] for night in person["nights"]) == person["alerts"] == 1


async def test_who_may_not_see_somebody_gets_no_report(care: Care) -> None:
    await care.hass.auth.async_create_user("Olga")
    only_a_sensor = somebody(care.hass, entity_ids={care.sensor(): True})
    with pytest.raises(Unauthorized):
        await care.call("get_report", user=only_a_sensor)
    device_id = device_of(care.hass, care.sensor())
    whole = somebody(care.hass, device_ids={device_id: {"read": True}})
    assert (await care.call("get_report", user=whole))["people"]


async def test_a_test_alert_is_not_in_it(care: Care) -> None:
    await care.call("send_test_alert")
    [person] = (await care.call("get_report", end=(care.house.now + MINUTE).isoformat()))["people"]
    assert (person["episodes"], person["alerts"]) == ([], 0)


async def test_what_another_sensor_said_of_the_same_is_not_counted_twice(care: Care) -> None:
    """A witness is kept with what was announced."""
    care.alert(1)
    await care.morning(1)
    coordinator = coordinator_of(care.entry)
    [alert] = [one for one in coordinator.ledger.alerts() if one.alert_type == "weight"]
    coordinator.ledger._unannounced[alert.alert_id] = Delivery.WITNESS
    [person] = (await care.call("get_report", start=(care.house.now - DAYS_14).isoformat()))[
        "people"
    ]
    assert person["alerts"] == 0
