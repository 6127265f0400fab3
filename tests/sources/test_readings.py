"""What is kept of glucose, over restarts: from whatever its source sends, on disk now and then, and asked for by an action."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from homeassistant.core import Context
from homeassistant.exceptions import ServiceValidationError, Unauthorized
from homeassistant.helpers import device_registry as dr
import orjson
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.sources.store import READINGS_WITHIN
from simulator import Fault
from simulator.dexcom import Wearer
from simulator.faults import Exchange
from simulator.tidepool.children import out_of_range
from tests.care import Care
from tests.conftest import NOON, House, coordinator_of
from tests.sources.tidepool.conftest import MG_DL_PER_MMOL_L, SETTINGS, Follower
from tests.test_websocket import somebody
from tests.wear import wear


@pytest.fixture
async def jill(house: House) -> Follower:
    """Jill shares with us; not set up yet."""
    child = house.sim.tidepool.add_child("Jill")
    child.share_with(house.sim.tidepool.account)
    child.set_settings(house.sim.tidepool.account, SETTINGS)
    return Follower(house, child, house.tidepool_entry())


@pytest.fixture
def oma(house: House) -> Wearer:
    """Somebody who has worn a Dexcom for three weeks."""
    wearer = house.sim.dexcom.wearer("SandboxUser7")
    wear(wearer, NOON - timedelta(days=21), NOON + timedelta(days=2))
    return wearer


async def readings(house: House, device_id: str, **data: Any) -> list[dict[str, Any]]:
    """What the action says of a person."""
    answer = await house.hass.services.async_call(
        DOMAIN,
        "get_readings",
        {"device_id": device_id, **data},
        blocking=True,
        return_response=True,
    )
    found: Any = answer
    [person] = found["people"]
    assert all(one["unit"] == person["unit"] for one in person["readings"])
    return list(person["readings"])


def stored(storage: dict[str, Any], entry: MockConfigEntry) -> Any:
    """What is on disk of a source's readings; None while there is nothing."""
    file = storage.get(f"{DOMAIN}.{entry.entry_id}.readings")
    return file and file["data"]


async def test_each_reading_is_there_as_it_was_sent(jill: Follower) -> None:
    house = jill.house
    before = [jill.reads(150 + ago, ago=ago) for ago in (30, 25, 20)]
    began = jill.house.now
    await jill.start()
    await jill.is_known()
    time = jill.reads(39, annotations=[out_of_range("low", 40)])
    await house.pass_time(seconds=30)
    await jill.reads_on(*[90] * 12)
    late = jill.reads(77, ago=42, after=42 * 60)
    await house.pass_time(minutes=30)
    found = await readings(house, jill.device_id)
    assert [one["observed_at"] for one in found] == sorted(one["observed_at"] for one in found)
    by_time = {datetime.fromisoformat(one["observed_at"]): one for one in found}
    for moment, mg_dl in zip(before, (180, 175, 170), strict=True):
        assert by_time[moment]["value"] == pytest.approx(mg_dl, abs=0.01)
        # When they came says nothing: it is when we began.
        assert by_time[moment]["received_at"] is None
    assert by_time[time] | {"received_at": ""} == {
        "observed_at": time.isoformat(),
        "received_at": "",
        "value": pytest.approx(40, abs=1.5),
        "unit": "mg/dL",
        "out_of_range": "low",
    }
    assert by_time[late]["value"] == pytest.approx(77, abs=0.01)
    delay = datetime.fromisoformat(by_time[late]["received_at"]) - late
    assert timedelta(minutes=42) <= delay <= timedelta(minutes=75)
    # Only what was asked for.
    some = await readings(house, jill.device_id, start=before[0].isoformat(), end=began.isoformat())
    assert [one["observed_at"] for one in some] == [one.isoformat() for one in before]


@pytest.mark.parametrize("is_another_record", [False, True])
async def test_a_corrected_reading_comes_in_the_place_of_the_other(
    jill: Follower, is_another_record: bool
) -> None:
    await jill.start()
    await jill.is_known()
    time = jill.reads(60)
    await jill.house.pass_time(minutes=1)
    [wrong] = [one for one in jill.jill.records if one.time == time]
    if is_another_record:
        jill.jill._recorded.remove(wrong)
        jill.reads(95, ago=1)
    else:
        value = round(95 / MG_DL_PER_MMOL_L, 5)
        wrong._encoded = orjson.dumps(wrong.body | {"value": value})
    await jill.house.pass_time(minutes=10)
    [found] = [
        one
        for one in await readings(jill.house, jill.device_id)
        if one["observed_at"] == time.isoformat()
    ]
    assert found["value"] == pytest.approx(95, abs=0.01)


async def test_two_sensors_of_one_second_do_not_take_turns(jill: Follower) -> None:
    await jill.start()
    for _ in range(3):
        jill.reads(90)
        jill.reads(120, device_id="another")
        await jill.house.pass_time(minutes=5)
    revision = coordinator_of(jill.entry).readings.revision
    for _ in range(3):
        await coordinator_of(jill.entry).async_refresh_now()
    assert coordinator_of(jill.entry).readings.revision == revision


async def test_they_are_written_now_and_then_and_read_after_a_restart(
    jill: Follower, hass_storage: dict[str, Any]
) -> None:
    await jill.start()
    await jill.house.pass_time(seconds=READINGS_WITHIN)
    before = stored(hass_storage, jill.entry)
    await jill.reads_on(90)
    assert stored(hass_storage, jill.entry) == before
    await jill.house.pass_time(seconds=READINGS_WITHIN)
    assert stored(hass_storage, jill.entry) != before
    await jill.reads_on(91, 92)
    known = await readings(jill.house, jill.device_id)
    # What waits is written when the source stops.
    await jill.house.hass.config_entries.async_unload(jill.entry.entry_id)
    jill.jill._recorded.clear()
    await jill.house.set_up(jill.entry)
    assert await readings(jill.house, jill.device_id) == known
    kinds = {"urgent_low", "low", "high"}
    log = coordinator_of(jill.entry).readings.of(jill.jill.user_id)
    assert {one.kind for one in log.thresholds} == kinds


@pytest.mark.parametrize(
    "damaged",
    [
        {"jill": 5},
        [],
        {"jill": {"readings": ["x"], "thresholds": []}},
    ],
)
async def test_a_damaged_file_is_set_aside_and_keeping_starts_anew(
    jill: Follower, hass_storage: dict[str, Any], damaged: Any
) -> None:
    await jill.start()
    await jill.is_known()
    await jill.house.hass.config_entries.async_unload(jill.entry.entry_id)
    key = f"{DOMAIN}.{jill.entry.entry_id}.readings"
    hass_storage[key] = hass_storage[key] | {"data": damaged}
    await jill.house.set_up(jill.entry)
    assert hass_storage[f"{key}.corrupt"]["data"] == {"stored": damaged}
    assert len(await readings(jill.house, jill.device_id)) == 4
    await jill.house.hass.config_entries.async_unload(jill.entry.entry_id)
    assert len(stored(hass_storage, jill.entry)[jill.jill.user_id]["readings"]) == 4


class _Folder:
    """A folder, for a test that waits for nothing."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def write(self, name: str, content: str) -> None:
        """Write a file."""
        (self._path / name).write_text(content)

    def has(self, pattern: str) -> bool:
        """Whether there is such a file."""
        return any(self._path.glob(pattern))


@pytest.mark.real_files
@pytest.mark.parametrize("content", ["", "{", "[1]", '{"version": 9, "key": "x", "data": {}}'])
async def test_a_file_that_is_none_of_ours(jill: Follower, content: str) -> None:
    await jill.start()
    await jill.is_known()
    await jill.house.hass.config_entries.async_unload(jill.entry.entry_id)
    storage = _Folder(jill.house.hass.config.path(".storage"))
    name = f"{DOMAIN}.{jill.entry.entry_id}.readings"
    storage.write(name, content)
    await jill.house.set_up(jill.entry)
    assert len(await readings(jill.house, jill.device_id)) == 4
    assert storage.has(f"{name}.corrupt*")
    await jill.house.hass.config_entries.async_remove(jill.entry.entry_id)
    await jill.house.settle()
    assert not storage.has(f"{DOMAIN}.{jill.entry.entry_id}*")


async def test_home_assistant_that_stops_writes_them(
    jill: Follower, hass_storage: dict[str, Any]
) -> None:
    await jill.start()
    await jill.is_known()
    await jill.house.hass.async_stop()
    assert len(stored(hass_storage, jill.entry)[jill.jill.user_id]["readings"]) == 4


async def test_nothing_is_kept_of_whoever_is_removed(
    jill: Follower, hass_storage: dict[str, Any]
) -> None:
    await jill.start()
    await jill.is_known()
    device_id = jill.device_id
    jill.jill.stop_sharing(jill.account)
    await jill.house.pass_time(hours=1)
    device = dr.async_get(jill.house.hass).async_get(device_id)
    assert device
    assert coordinator_of(jill.entry).forget(jill.jill.user_id)
    await jill.house.settle()
    await jill.house.hass.config_entries.async_unload(jill.entry.entry_id)
    assert jill.jill.user_id not in (stored(hass_storage, jill.entry) or {})


async def test_thresholds_are_known_with_when_they_changed(jill: Follower) -> None:
    await jill.start()
    began = jill.house.now
    await jill.house.pass_time(hours=2)
    await jill.call("set_alert_thresholds", low=80)
    changed = jill.house.now
    await jill.house.pass_time(hours=1)
    await jill.call("set_alert_thresholds", low_enabled=False)
    log = coordinator_of(jill.entry).readings.of(jill.jill.user_id)
    lows = [(one.value, one.since_at) for one in log.thresholds if one.kind == "low"]
    assert lows == [(70, began), (80, changed), (None, jill.house.now)]


async def test_tidepools_curve_is_there_after_set_up(jill: Follower) -> None:
    """Two weeks of it, of which no more is judged than before."""
    for days in range(1, 17):
        jill.reads(50 + days, ago=days * 24 * 60 - 10)
    jill.reads(90, ago=2)
    await jill.start()
    everything = {"start": (jill.house.now - timedelta(days=20)).isoformat()}
    found = await readings(jill.house, jill.device_id, **everything)
    values = [*range(64, 50, -1), 90]
    assert [one["value"] for one in found] == pytest.approx(values, abs=0.01)
    assert {one["received_at"] for one in found} == {None}
    alerts = coordinator_of(jill.entry).ledger.alerts()
    assert {one.observed_at for one in alerts} <= {jill.house.now - timedelta(days=1, minutes=-10)}
    # After a restart it is on disk.
    await jill.house.hass.config_entries.async_reload(jill.entry.entry_id)
    await jill.house.settle()
    assert jill.asked.count("data") == 1
    assert await readings(jill.house, jill.device_id, **everything) == found


async def test_whoever_has_no_history_is_followed_all_the_same(jill: Follower) -> None:
    answers = 0

    async def fail(exchange: Exchange) -> web.StreamResponse:
        nonlocal answers
        answers += 1
        return await exchange.proceed() if answers == 1 else web.Response(status=500)

    jill.house.sim.faults.add("tidepool.data", Fault("the second", fail))
    jill.reads(52, ago=1)
    await jill.start()
    assert answers == 2
    assert jill.state("binary_sensor", "urgent_low").state == "on"
    assert jill.of_source("sensor", "status") == "ok"
    assert len(await readings(jill.house, jill.device_id)) == 1


async def test_dexcoms_curve_is_there_after_set_up(house: House, oma: Wearer) -> None:
    """Two weeks of it, by when it was observed; and what comes, with how late it came."""
    entry = await house.set_up(await house.dexcom_entry(oma))
    [device] = [d for d in dr.async_get(house.hass).devices if d.name == "Dexcom"]
    everything = {"start": (house.now - timedelta(days=20)).isoformat()}
    found = await readings(house, device.id, **everything)
    assert len(found) >= 14 * 24 * 12 - 40
    assert datetime.fromisoformat(found[0]["observed_at"]) >= house.now - timedelta(days=14)
    assert {one["received_at"] for one in found} == {None}
    began = house.now
    await house.pass_time(hours=1)
    new = (await readings(house, device.id))[-5:]
    for one in new:
        received = datetime.fromisoformat(one["received_at"])
        assert began < received
        observed = datetime.fromisoformat(one["observed_at"])
        assert timedelta(minutes=30) <= received - observed <= timedelta(hours=2)
    # Each is asked for once, but for the newest.
    await coordinator_of(entry).async_refresh_now()
    asked = [one for one in house.sim.log if one.endpoint == "dexcom.egvs"]
    assert len(asked) <= 10


async def test_what_a_dexcom_sends_late_is_found_within_a_day(house: House, oma: Wearer) -> None:
    await house.set_up(await house.dexcom_entry(oma))
    [device] = [d for d in dr.async_get(house.hass).devices if d.name == "Dexcom"]
    await house.pass_time(hours=1)
    late = house.now - timedelta(hours=5, minutes=2, seconds=30)
    oma.add_egv(late, 63, uploaded_at=house.now)
    for _ in range(25):
        await house.pass_time(hours=1)
    found = await readings(house, device.id, start=late.isoformat())
    assert (found[0]["observed_at"], found[0]["value"]) == (late.isoformat(), 63)


async def test_who_has_no_glucose_has_no_readings(care: Care) -> None:
    answer = await care.call("get_readings")
    assert [(one["person"], one["readings"]) for one in answer["people"]] == [("maria", [])]
    assert answer == await care.call(
        "get_readings", start="0001-01-01 00:00:00", end="9999-12-31 23:59:59"
    )


async def test_who_may_not_see_somebody_gets_no_readings(jill: Follower) -> None:
    await jill.start()
    await jill.house.hass.auth.async_create_user("Olga")
    hass = jill.house.hass
    for allowed, user in (
        (False, somebody(hass)),
        (False, somebody(hass, entity_ids={jill.entity_id("sensor", "glucose"): True})),
        (True, somebody(hass, device_ids={jill.device_id: {"read": True}})),
    ):
        asking = hass.services.async_call(
            DOMAIN,
            "get_readings",
            {"device_id": jill.device_id},
            blocking=True,
            return_response=True,
            context=Context(user_id=user.id),
        )
        if allowed:
            assert await asking
        else:
            with pytest.raises(Unauthorized):
                await asking


async def test_what_cannot_be_asked(jill: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
    await jill.start()
    await jill.is_known()
    now = jill.house.now.isoformat()
    with pytest.raises(ServiceValidationError) as said:
        await readings(jill.house, jill.device_id, start=now, end=now)
    assert said.value.translation_key == "start_after_end"
    monkeypatch.setattr("custom_components.care_alerts.services.readings.READINGS_AT_MOST", 3)
    with pytest.raises(ServiceValidationError) as said:
        await readings(jill.house, jill.device_id)
    assert said.value.translation_key == "too_many_readings"
