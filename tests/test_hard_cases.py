"""Cases that would break a caregiver's trust without anybody noticing: each once went wrong on the way here."""

import asyncio
from datetime import date, timedelta
from typing import Any, Protocol
from unittest.mock import patch

from aiohttp.web import StreamResponse, json_response
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError
import pytest

from custom_components.care_alerts.alerts.freshness import Status
from custom_components.care_alerts.alerts.ledger import Ledger
from custom_components.care_alerts.alerts.snapshot import SourceSnapshot
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.sources.coordinator import SourceCoordinator
from custom_components.care_alerts.sources.lumen.api import LumenAlert
from custom_components.care_alerts.sources.lumen.mapping import alert_of
from custom_components.care_alerts.sources.lumen.source import LumenSource
from simulator import CATALOGUE
from simulator.faults import Exchange, Fault
from simulator.lumen import LumenPerson
from simulator.tidepool import Child

from .conftest import NOON, House, coordinator_of, told
from .world import HENK, MARIA, add_alert, add_person, day

LOW_AT_70 = {"enabled": True, "delay": 0, "threshold": {"units": "mg/dL", "value": 70}}


async def _get_alerts(house: House, person: LumenPerson, **data: Any) -> dict[str, Any]:
    answer = await house.hass.services.async_call(
        DOMAIN,
        "get_alerts",
        {"entity_id": house.entity_id("event", "alert", person.shared_user_id), **data},
        blocking=True,
        return_response=True,
    )
    assert answer is not None
    return answer


def _status(house: House) -> str:
    return house.state("sensor", "status").state


@pytest.mark.parametrize("absurd", ["0001-01-01", "2026-10-03", "2026-11-20", "9999-12-31"])
async def test_an_absurd_day_is_not_believed(house: House, absurd: str) -> None:
    """All days since then would be taken for lost, with a message to say so."""

    async def answer(exchange: Exchange) -> StreamResponse:
        data = {"date": absurd, "alerts": []}
        return json_response({"success": True, "data": data})

    maria = add_person(house)
    add_alert(house, maria, 0)
    await house.set_up(house.entry())
    house.sim.faults.add("lumen.alerts", Fault("absurd", answer), times=1)
    await house.pass_time(hours=1, seconds=2)
    assert _status(house) == "unreachable"
    assert house.state("binary_sensor", "weight", maria.shared_user_id).state == STATE_ON
    await house.pass_time(hours=1)
    assert _status(house) == "ok"
    assert {issue_id for _, issue_id in ir.async_get(house.hass).issues} == {"next_steps"}


@pytest.mark.parametrize(
    "absurd", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "zzz", "20zz"]
)
async def test_an_absurd_time_of_a_stranger_hides_nobodys_alert(
    house: House, announced: list[State], absurd: str
) -> None:
    maria = add_person(house)
    await house.set_up(
        house.entry(options={"followed": [MARIA], "chosen_at": "2026-01-01T00:00:00+00:00"})
    )
    stranger = add_person(house, HENK)
    add_alert(house, maria, 1, "MEDICATION", "MISSED_DOSE_HIGH")
    house.sim.lumen.default.add_alert(
        stranger, day(1), "WEIGHT", "TOO_FAST", extra={"generatedAt": absurd}
    )

    await house.pass_time(hours=19)

    assert told(announced, "alert_type") == ["medication"]
    assert _status(house) == "ok"
    assert house.state("binary_sensor", "medication", maria.shared_user_id).state == STATE_ON


async def test_a_fault_of_our_own_does_not_look_like_health(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    add_person(house)
    await house.set_up(house.entry())
    with patch.object(LumenSource, "_catch_up", side_effect=ZeroDivisionError("maria")):
        await house.pass_time(hours=1)
        assert _status(house) == "unreachable"
        await house.pass_time(hours=1)
    complaints = [line for line in caplog.messages if "ZeroDivisionError" in line]
    assert len(complaints) == 1
    assert "maria" not in complaints[0]

    await house.pass_time(hours=1)
    assert _status(house) == "ok"


async def test_a_fault_of_our_own_is_said_again_after_a_restart(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    add_person(house)
    entry = await house.set_up(house.entry())
    with patch.object(LumenSource, "_catch_up", side_effect=ZeroDivisionError):
        await house.pass_time(hours=1)
        caplog.clear()
        await house.hass.config_entries.async_reload(entry.entry_id)
        await house.settle()
    assert len([line for line in caplog.messages if "ZeroDivisionError" in line]) == 1


async def test_days_of_which_nothing_is_known_are_not_quiet_days(house: House) -> None:
    maria = add_person(house)
    await house.set_up(house.entry())
    house.sim.faults.add("*", CATALOGUE["503_bare"]())
    await house.pass_time(days=3)

    answer = await _get_alerts(house, maria, date="2026-11-19")
    assert answer == {"alerts": [], "episodes": [], "unavailable": ["2026-11-19"]}
    answer = await _get_alerts(house, maria, start="2026-11-16 00:00:00+00:00")
    assert answer["unavailable"] == ["2026-11-18", "2026-11-19", "2026-11-20"]
    # A range beyond all reason is cut to what can be kept.
    answer = await _get_alerts(
        house, maria, start="0001-01-02 00:00:00+00:00", end="9999-01-01 00:00:00+00:00"
    )
    assert len(answer["unavailable"]) < 50


async def test_a_question_is_not_asked_while_the_source_wants_us_to_wait(house: House) -> None:
    maria = add_person(house)
    await house.set_up(house.entry())
    house.sim.faults.add("*", CATALOGUE["429_seconds"](retry_after=7200))
    await house.pass_time(days=3)
    asked = len(house.sim.log)
    coordinator = house.hass.config_entries.async_entries(DOMAIN)[0].runtime_data
    coordinator.source._state.days.pop(date(2026, 11, 15))

    answer = await _get_alerts(house, maria, date="2026-11-15")
    assert answer == {"alerts": [], "episodes": [], "unavailable": ["2026-11-15"]}
    assert len(house.sim.log) == asked


async def test_somebody_quiet_whose_device_is_deleted_is_not_lost(
    house: House, announced: list[State]
) -> None:
    maria, henk = add_person(house), add_person(house, HENK)
    add_alert(house, maria, 0)
    options = {"followed": [MARIA, HENK], "chosen_at": "2026-01-01T00:00:00+00:00"}
    entry = await house.set_up(house.entry(options=options))
    coordinator = entry.runtime_data

    assert not coordinator.forget(maria.shared_user_id)
    assert coordinator.forget(henk.shared_user_id)
    device = dr.async_get(house.hass).async_get_device_by_identifier(
        (DOMAIN, f"lumen_{henk.shared_user_id}"), entry.entry_id
    )
    assert device is not None
    dr.async_get(house.hass).async_remove_device(device.id)
    await house.settle()
    await house.pass_time(hours=1)
    add_alert(house, henk, 1)
    await house.pass_time(hours=18)

    assert told(announced, "alert_type") == ["weight"]


async def test_a_write_that_fails_is_said(house: House, announced: list[State]) -> None:
    maria = add_person(house)
    entry = await house.set_up(house.entry())
    add_alert(house, maria, 1)
    issues = ir.async_get(house.hass)
    issue = f"journal_not_written_{entry.entry_id}"

    with patch.object(Store, "_async_write_data", side_effect=WriteError("full")):
        await house.pass_time(hours=19)
    # Told all the same: better twice than never.
    assert told(announced, "alert_type") == ["weight"]
    assert issues.async_get_issue(DOMAIN, issue)

    await house.pass_time(hours=1)
    assert issues.async_get_issue(DOMAIN, issue) is None


async def test_a_source_that_is_reloaded_while_the_disk_is_full_knows_what_it_told(
    house: House, announced: list[State]
) -> None:
    maria = add_person(house)
    entry = await house.set_up(house.entry())
    add_alert(house, maria, 1)

    with patch.object(Store, "_async_write_data", side_effect=WriteError("full")):
        await house.pass_time(hours=19)
        [episode_id] = told(announced, "episode_id")
        weight = house.entity_id("binary_sensor", "weight", maria.shared_user_id)
        await house.hass.services.async_call(
            DOMAIN, "acknowledge", {"entity_id": weight}, blocking=True
        )
        for _ in range(2):
            await house.hass.config_entries.async_reload(entry.entry_id)
            await house.settle()
    assert house.state("binary_sensor", "weight", maria.shared_user_id).attributes[
        "acknowledged_at"
    ]
    issue = f"journal_not_written_{entry.entry_id}"
    await house.pass_time(minutes=6)
    assert ir.async_get(house.hass).async_get_issue(DOMAIN, issue) is None

    await house.hass.config_entries.async_reload(entry.entry_id)
    await house.pass_time(hours=1)
    assert told(announced, "episode_id") == [episode_id]
    assert house.state("binary_sensor", "weight", maria.shared_user_id).attributes[
        "acknowledged_at"
    ]


async def test_a_journal_that_cannot_be_put_into_words_is_said(
    house: House, announced: list[State]
) -> None:
    maria = add_person(house)
    entry = await house.set_up(house.entry())
    add_alert(house, maria, 1)
    issues = ir.async_get(house.hass)
    issue = f"journal_not_written_{entry.entry_id}"
    deep: Any = []
    for _ in range(300):
        deep = [deep]

    with patch.object(Ledger, "to_dict", lambda _: {"lines": deep}):
        await house.pass_time(hours=19)
        assert issues.async_get_issue(DOMAIN, issue)
    assert told(announced, "alert_type") == ["weight"]

    await house.pass_time(hours=1)
    assert issues.async_get_issue(DOMAIN, issue) is None


@pytest.mark.parametrize("depth", [20, 40, 190, 245])
async def test_a_record_that_is_too_deep_keeps_nothing_from_being_told(
    house: House, announced: list[State], depth: int
) -> None:
    maria = add_person(house)
    entry = await house.set_up(house.entry())
    deep: Any = "deep"
    for _ in range(depth):
        deep = [deep]
    add_alert(house, maria, 1, details={"nested": deep})
    await house.pass_time(hours=19)
    assert told(announced, "alert_type") == ["weight"]
    assert ("nested" in announced[0].attributes["details"]) == (depth < 32)
    issue = f"journal_not_written_{entry.entry_id}"
    assert not ir.async_get(house.hass).async_get_issue(DOMAIN, issue)


def test_details_that_cannot_be_written_do_not_keep_the_rest_from_the_disk() -> None:
    nested: Any = "deep"
    for _ in range(300):
        nested = [nested]
    record = LumenAlert("id", "WEIGHT", "TOO_FAST", NOON, nested, {"nested": nested})

    assert alert_of(record, NOON.date(), NOON).details == {"date": "2026-11-18"}


@pytest.mark.parametrize("fault", ["401_bare", "503_bare"])
async def test_a_source_that_died_long_ago_says_so_after_a_restart(
    house: House, fault: str
) -> None:
    maria = add_person(house)
    add_alert(house, maria, 0)
    entry = await house.set_up(house.entry())
    await house.hass.config_entries.async_unload(entry.entry_id)
    house.sim.faults.add("*", CATALOGUE[fault]())
    await house.pass_time(days=4)

    await house.set_up(entry)

    assert entry.state is ConfigEntryState.LOADED
    silent = house.state("binary_sensor", "silent")
    status = {"401_bare": "login_failed", "503_bare": "unreachable"}[fault]
    assert (silent.state, silent.attributes["reason"]) == (STATE_ON, status)
    assert house.state("binary_sensor", "weight", maria.shared_user_id).state == STATE_UNAVAILABLE
    assert house.state("event", "alert", maria.shared_user_id).state != STATE_UNAVAILABLE

    house.sim.faults.clear()
    await house.pass_time(hours=1, minutes=1)
    assert _status(house) == "ok"
    assert house.state("binary_sensor", "silent").state == STATE_OFF
    assert not house.hass.config_entries.flow.async_progress_by_handler(DOMAIN)


async def test_another_accounts_key_is_refused_while_the_entry_is_not_running(
    house: House,
) -> None:
    add_person(house)
    other = house.sim.lumen.add_account("another-key")
    other.add_person(HENK)
    entry = await house.set_up(house.entry())
    await house.hass.config_entries.async_unload(entry.entry_id)
    flow = await entry.start_reauth_flow(house.hass)

    ended = await house.hass.config_entries.flow.async_configure(
        flow["flow_id"], {"api_key": "another-key"}
    )

    assert ended["reason"] == "wrong_account"
    assert entry.data["api_key"] == house.sim.lumen.api_key


async def test_a_consent_between_the_form_and_the_save_is_a_later_one(house: House) -> None:
    hass = house.hass
    add_person(house)
    entry = await house.set_up(house.entry())
    form = await hass.config_entries.options.async_init(entry.entry_id)
    await house.pass_time(minutes=5)
    henk = add_person(house, HENK, granted_at=house.now)
    await house.pass_time(minutes=5)
    await hass.config_entries.options.async_configure(
        form["flow_id"], {"followed": [MARIA], "follow_later": True, "on_from": "medium"}
    )
    await house.settle()
    await house.pass_time(hours=1)

    assert henk.shared_user_id in entry.runtime_data.source.followed


async def test_an_address_is_not_called_a_stranger_while_lumen_does_not_answer(
    house: House,
) -> None:
    hass = house.hass
    add_person(house)
    entry = await house.set_up(house.entry())
    house.sim.faults.add("*", CATALOGUE["503_bare"]())
    form = await hass.config_entries.options.async_init(entry.entry_id)

    ended = await hass.config_entries.options.async_configure(
        form["flow_id"], {"followed": [MARIA, HENK], "follow_later": True, "on_from": "medium"}
    )
    assert ended["type"] == "create_entry"


async def test_a_lost_journal_does_not_take_the_devices_along(
    house: House, hass_storage: dict[str, Any]
) -> None:
    people = [add_person(house, f"person{number}@example.com") for number in range(20)]
    entry = await house.set_up(house.entry())
    await house.hass.config_entries.async_unload(entry.entry_id)
    for number in range(20, 30):
        add_person(house, f"person{number}@example.com")
    del hass_storage[f"{DOMAIN}.{entry.entry_id}"]

    await house.set_up(entry)

    devices = dr.async_entries_for_config_entry(dr.async_get(house.hass), entry.entry_id)
    assert len(devices) == len(people) + 1
    issues = ir.async_get(house.hass)
    assert issues.async_get_issue(DOMAIN, f"choose_people_{entry.entry_id}")
    await house.hass.config_entries.async_remove(entry.entry_id)
    assert issues.async_get_issue(DOMAIN, f"choose_people_{entry.entry_id}") is None


async def test_two_people_of_one_name_can_be_told_apart(house: House) -> None:
    add_person(house, "maria@one.example.com")
    add_person(house, "maria@two.example.com")
    add_person(house, HENK)
    entry = await house.set_up(house.entry())

    devices = dr.async_entries_for_config_entry(dr.async_get(house.hass), entry.entry_id)
    assert {device.name for device in devices} == {
        "Lumen",
        "henk",
        "maria@one.example.com",
        "maria@two.example.com",
    }


async def test_ask_now_leaves_nothing_behind_after_removal(
    house: House, hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    add_person(house)
    entry = await house.set_up(house.entry())
    coordinator = entry.runtime_data
    await hass.config_entries.async_remove(entry.entry_id)
    await coordinator.async_refresh()
    await coordinator.save()

    assert not [key for key in hass_storage if key.startswith(f"{DOMAIN}.")]


async def test_a_clock_that_was_ahead_hides_nothing(
    house: House, announced: list[State], hass_storage: dict[str, Any]
) -> None:
    maria = add_person(house)
    add_alert(house, maria, 0)
    entry = await house.set_up(house.entry())
    await house.hass.config_entries.async_unload(entry.entry_id)
    stored = hass_storage[f"{DOMAIN}.{entry.entry_id}"]["data"]["state"]
    ahead = (house.now + timedelta(days=400)).isoformat()
    stored["wait_until"] = stored["last_contact"] = ahead
    stored["provider"]["selected_at"] = stored["provider"]["granted_to"] = ahead
    for followed in stored["provider"]["people"].values():
        followed["since"] = ahead
    for heard in stored["provider"]["days"].values():
        heard["last_read"] = ahead

    await house.set_up(entry)
    add_alert(house, maria, 1, "FLEX", "PLATEAU")
    await house.pass_time(hours=19)

    assert told(announced, "alert_type") == ["flex"]


class SetClock(Protocol):
    """Has the house's clock be so far ahead, once some time has passed for all, and the source asked."""

    async def __call__(self, by: timedelta, *, after: timedelta = timedelta()) -> None:
        """Set it."""


@pytest.fixture
def set_clock(house: House, monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Set the house's clock, not the loop's."""
    loop = house.hass.loop

    async def ahead(by: timedelta, *, after: timedelta = timedelta()) -> None:
        was, time = loop.time(), loop.time
        house.sim.clock.advance(after)
        house.freezer.move_to(house.now + by)
        shift = was + after.total_seconds() - time()
        monkeypatch.setattr(loop, "time", lambda: time() + shift)
        [entry] = house.hass.config_entries.async_entries(DOMAIN)
        for _ in range(2):
            await entry.runtime_data.async_refresh()
            await house.settle()

    return ahead


async def test_who_asked_to_wait_by_a_clock_that_was_ahead_is_not_waited_for_until_then(
    house: House, announced: list[State], set_clock: SetClock
) -> None:
    maria = add_person(house)
    add_alert(house, maria, 0)
    entry = await house.set_up(house.entry())
    house.sim.faults.add("*", CATALOGUE["429_seconds"]())
    await set_clock(timedelta(days=60))
    assert coordinator_of(entry).failure is Status.RATE_LIMITED

    house.sim.faults.clear()
    await set_clock(timedelta())
    assert coordinator_of(entry).failure is None
    add_alert(house, maria, 1, "FLEX", "PLATEAU")
    await house.pass_time(hours=19)
    assert told(announced, "alert_type") == ["flex"]


@pytest.fixture
async def jill(house: House) -> Child:
    """Jill, whose readings come, and who has a threshold."""
    account = house.sim.tidepool.account
    child = house.sim.tidepool.add_child("Jill")
    child.share_with(account)
    child.set_settings(account, {"low": LOW_AT_70})
    await house.set_up(house.tidepool_entry())
    await _read(house, child, 6.0, 6.0)
    return child


async def _read(house: House, child: Child, *values: float) -> None:
    for value in values:
        child.add_reading(house.now, value, uploaded_at=house.now)
        await house.pass_time(minutes=5)


async def test_settings_that_change_after_a_clock_was_ahead_are_soon_heard_of(
    house: House, jill: Child, set_clock: SetClock
) -> None:
    for by in (timedelta(days=60), timedelta()):
        await set_clock(by)
    threshold = {"units": "mg/dL", "value": 80}
    jill.set_settings(house.sim.tidepool.account, {"low": LOW_AT_70 | {"threshold": threshold}})
    await house.pass_time(hours=2)
    [entry] = house.hass.config_entries.async_entries(DOMAIN)
    person = entry.runtime_data.data.people[jill.user_id]
    assert person.settings["low_threshold"].value == 80


@pytest.mark.parametrize("is_down", [False, True])
@pytest.mark.parametrize("off", [-123, -20, 20, 123, 60 * 24 * 60])
async def test_a_low_after_a_clock_was_wrong_is_of_when_it_was_and_not_late(
    house: House,
    jill: Child,
    announced: list[State],
    set_clock: SetClock,
    off: int,
    is_down: bool,
) -> None:
    await set_clock(timedelta(minutes=off))
    for number in range(5):
        if is_down and number == 3:
            # What is read goes on, and is had when it is up again.
            house.sim.faults.add("tidepool.data", CATALOGUE["500_bare"]())
        jill.add_reading(house.now, 6.0, uploaded_at=house.now)
        await set_clock(timedelta(minutes=off), after=timedelta(minutes=5))
    await set_clock(timedelta())
    house.sim.faults.clear()
    await _read(house, jill, 6.0)
    begun = house.now
    await _read(house, jill, 3.0, 3.0)
    [low] = announced
    assert low.attributes["observed_at"] == begun.isoformat()
    assert low.attributes["late"] is False


@pytest.mark.parametrize("off", [-163, -17, 17, 163])
async def test_a_low_that_was_told_is_not_many_by_another_clock(
    house: House, jill: Child, announced: list[State], set_clock: SetClock, off: int
) -> None:
    await _read(house, jill, *[6.0] * 36, *[3.0] * 6, *[6.0] * 26)
    announced.clear()
    await set_clock(timedelta(minutes=off))
    for _ in range(3):
        jill.add_reading(house.now, 6.0, uploaded_at=house.now)
        await set_clock(timedelta(minutes=off), after=timedelta(minutes=5))
    await set_clock(timedelta())
    await _read(house, jill, 6.0, 6.0)
    # By that clock it was at another time, and so it may be another one that nobody was told of.
    assert [one.attributes["late"] for one in announced] in ([], [True])


@pytest.mark.parametrize("off", [-245 * 24 * 60, -163])
async def test_a_low_that_lay_in_the_future_of_a_wrong_clock_is_told(
    house: House, jill: Child, announced: list[State], set_clock: SetClock, off: int
) -> None:
    begun = house.now
    for minutes, value in enumerate((3.0, 3.0, 3.0, 6.0, 6.0)):
        time = begun + timedelta(minutes=5 * minutes)
        jill.add_reading(time, value, uploaded_at=time)
    await set_clock(timedelta(minutes=off), after=timedelta(minutes=25))
    announced.clear()
    await set_clock(timedelta())
    await _read(house, jill, 6.0, 6.0)
    assert begun.isoformat() in [one.attributes["observed_at"] for one in announced]


async def test_how_late_a_source_is_is_not_known_by_a_clock_that_was_wrong(
    house: House, set_clock: SetClock
) -> None:
    wearer = house.sim.dexcom.wearer("SandboxUser7")
    entry = await house.set_up(await house.dexcom_entry(wearer))

    def delay() -> timedelta | None:
        freshness = coordinator_of(entry).source.data_freshness()
        return freshness.delay if freshness else None

    for _ in range(12):
        wearer.add_egv(house.now, 100, uploaded_at=house.now)
        await set_clock(timedelta(hours=5), after=timedelta(minutes=5))
    assert (delay() or timedelta()) > timedelta(hours=5)
    await set_clock(timedelta(), after=timedelta(minutes=5))
    assert delay() is None


async def test_a_low_while_a_clock_was_wrong_is_not_told_of_another_day(
    house: House, jill: Child, announced: list[State], set_clock: SetClock
) -> None:
    off = timedelta(hours=-30)
    await set_clock(off)
    begun = house.now
    for value in (3.0, 3.0, 6.0):
        jill.add_reading(house.now, value, uploaded_at=house.now + timedelta(minutes=5))
        house.sim.clock.advance(timedelta(minutes=5))
        house.freezer.move_to(house.now + off)
    await set_clock(off)
    announced.clear()
    await set_clock(timedelta())
    await _read(house, jill, 6.0, 6.0)
    assert {one.attributes["observed_at"] for one in announced} <= {begun.isoformat()}
    [entry] = house.hass.config_entries.async_entries(DOMAIN)
    glucose = entry.runtime_data.data.people[jill.user_id].glucose
    assert glucose.observed_at == house.now - timedelta(minutes=5)


async def test_a_time_that_is_past_is_waited_for_but_once_a_second(house: House) -> None:
    """Or whatever is wrong with it would hold the whole house."""
    add_person(house)
    past = property(lambda _: NOON - timedelta(hours=1))
    with (
        patch.object(SourceSnapshot, "changes_at", past),
        patch.object(
            SourceCoordinator, "rebuild", autospec=True, side_effect=SourceCoordinator.rebuild
        ) as draw,
    ):
        entry = await house.set_up(house.entry())
        drawn = draw.call_count
        for _ in range(50):
            await asyncio.sleep(0)
        assert draw.call_count == drawn
        await house.pass_time(seconds=2)
        assert draw.call_count == drawn + 1
        await house.hass.config_entries.async_unload(entry.entry_id)
