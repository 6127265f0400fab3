"""Every fault of the simulator against every request to Tidepool: what is shown, logged and said, and how it ends."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
import logging

from aiohttp import web
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.care_alerts.alerts.freshness import Status
from custom_components.care_alerts.const import DOMAIN
from simulator import CATALOGUE, Fault
from simulator.faults import Exchange

from .conftest import SETTINGS, Follower, threshold

OUR_LOGGER = "custom_components.care_alerts"
LOST_PATIENCE = timedelta(seconds=62)
WAITS = {"slow": timedelta(seconds=3), "hang": LOST_PATIENCE, "hang_body": LOST_PATIENCE}

SHAPES = ("wrong_types", "bad_record", "empty_object", "success_false")
"""JSON that may still be read, as far as it goes."""

NOT_SURE = {"settings_not_confirmed", "settings_not_kept"}
"""What is said when nobody knows what has become of a change, or what is read back is something else."""

_by_name = pytest.mark.parametrize("name", CATALOGUE)


def every_fault[**P, T](test: Callable[P, T]) -> Callable[P, T]:
    """Try a test with each fault; on most runs with some of them (`--thorough`)."""
    decorated: Callable[P, T] = _by_name(pytest.mark.table_of_faults(test))
    return decorated


def statuses_of(name: str, request: str) -> set[Status]:
    """What a fault may amount to."""
    match name.partition("_")[0], request:
        case (_, _) if name == "slow":
            return {Status.OK}
        case ("429", _):
            return {Status.RATE_LIMITED}
        # The password is the way in when a token cannot be renewed.
        case ("400" | "401" | "403" | "404" | "409", "renew"):
            return {Status.OK}
        # A token that is not known there, either, is renewed.
        case ("400" | "401" | "403" | "404" | "409", "user"):
            return {Status.OK}
        case ("401", _):
            return {Status.LOGIN_FAILED}
        # Where the metadata say nothing of people, the groups do.
        case (_, "people"):
            return {Status.OK}
        case ("403", _):
            return {Status.PERMISSION_LOST}
    if name.startswith(SHAPES):
        return {Status.OK, Status.UNREACHABLE}
    return {Status.UNREACHABLE}


def fail(follower: Follower, request: str, name: str) -> None:
    """Let a request fail until all faults are cleared."""
    fault = CATALOGUE[name]()
    house = follower.house

    def let_wait() -> None:
        house.sim.clock.advance(WAITS[name])
        house.freezer.tick(WAITS[name])

    async def respond(exchange: Exchange) -> web.StreamResponse:
        if name in WAITS:
            # Time stands still, and with it the client's time-out: move on.
            house.hass.loop.call_soon(let_wait)
        return await fault.respond(exchange)

    house.sim.faults.add(f"tidepool.{request}", Fault(name, respond))


def fail_once_asked(follower: Follower, request: str, name: str) -> None:
    """Let the settings be read until a request to change them has come, and fail from then on."""
    house = follower.house

    async def respond(exchange: Exchange) -> web.StreamResponse:
        house.sim.faults.clear(f"tidepool.{request}")
        fail(follower, "alerts", name)
        return await exchange.proceed()

    house.sim.faults.add(f"tidepool.{request}", Fault("then", respond))


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged for the user to read."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith(OUR_LOGGER) and record.levelno >= logging.WARNING
    ]


def assert_discreet(follower: Follower, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing that was logged, at any level, gives anybody or anything away."""
    said = "\n".join(
        record.getMessage() + str(record.exc_info or "")
        for record in caplog.records
        if record.name.startswith(OUR_LOGGER)
    )
    account = follower.account
    secrets = [
        account.username,
        account.password,
        account.user_id,
        follower.jill.user_id,
        "Jill",
        "kc:",
    ]
    assert [secret for secret in secrets if secret in said] == []


async def ask_everything(follower: Follower) -> None:
    """Press the button."""
    with suppress(HomeAssistantError):
        await follower.house.press("refresh", entry=follower.entry)
    await follower.house.settle()


@pytest.fixture(autouse=True)
def _quickly(follower: Follower, caplog: pytest.LogCaptureFixture) -> None:
    """There are hundreds of these tests, and the loop's own debugging takes half of their time."""
    caplog.set_level(logging.DEBUG, OUR_LOGGER)
    follower.house.hass.loop.set_debug(False)


@every_fault
@pytest.mark.parametrize("request_", ["people", "alerts", "data", "renew", "user"])
async def test_a_fault_while_watching(
    follower: Follower,
    caplog: pytest.LogCaptureFixture,
    name: str,
    request_: str,
    record_property: Callable[[str, object], None],
) -> None:
    house = follower.house
    expected = statuses_of(name, request_)
    follower.reads(100)
    await follower.start()
    caplog.clear()
    fail(follower, request_, name)
    if request_ in ("renew", "user"):
        # The data are refused then, as if it were for a permission: who we are tells the two apart.
        follower.account.expire_access()

    await ask_everything(follower)

    assert house.sim.requests(f"tidepool.{request_}")
    status = Status(follower.of_source("sensor", "status"))
    assert status in expected
    shown = follower.state("binary_sensor", "urgent_low").state
    if status is Status.PERMISSION_LOST:
        assert shown == STATE_UNAVAILABLE
    elif request_ != "alerts" or not name.startswith(SHAPES):
        assert shown == STATE_OFF
    assert follower.announced == []
    flows = [*follower.entry.async_get_active_flows(house.hass, {SOURCE_REAUTH})]
    assert bool(flows) is (status is Status.LOGIN_FAILED)

    # It goes on: nothing looks alive that is not, and one line in the log is enough.
    await house.pass_time(minutes=16)
    await house.pass_time(minutes=50)
    assert follower.state("binary_sensor", "urgent_low").state in (STATE_UNAVAILABLE, STATE_OFF)
    assert follower.of_source("binary_sensor", "silent") == STATE_ON
    assert len(complaints(caplog)) <= 2, complaints(caplog)
    assert "while asking" not in caplog.text

    house.sim.faults.clear()
    for _ in range(2):
        # As long as we were asked to wait, or as a dead login is left alone.
        await house.pass_time(hours=25 if name == "429_enormous" else 1, seconds=10)
    follower.reads(100)
    await house.pass_time(minutes=5)
    await house.pass_time(minutes=5)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_OFF
    follower.reads(50)
    for _ in range(6):
        await house.pass_time(minutes=1)
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON
    assert follower.of_source("sensor", "status") == Status.OK
    told = [one.attributes["event_type"] for one in follower.announced]
    assert told.count("urgent_low") == 1
    assert not [*follower.entry.async_get_active_flows(house.hass, {SOURCE_REAUTH})]
    assert_discreet(follower, caplog)
    record_property(
        "fault",
        {
            "fault": name,
            "request": f"Tidepool's {request_}",
            "status": status.value,
            "entities": "kept, unavailable after 1 h" if status is not Status.OK else "kept",
            "log": "once" if complaints(caplog) else "nothing",
            "asked again": "",
            "recovery": "by itself" if status is not Status.OK else "not needed",
        },
    )


@pytest.mark.parametrize("status", [302, 401, 403, 405, 407, 451, 511])
async def test_no_password_is_sent_to_what_stands_in_tidepools_place(
    follower: Follower, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    house = follower.house
    follower.reads(100)
    await follower.start()
    house.sim.faults.add("*", CATALOGUE[f"page_{status}"]())
    for _ in range(30):
        await house.pass_time(minutes=2)
        assert follower.of_source("sensor", "status") in (Status.OK, Status.UNREACHABLE)
    assert follower.of_source("sensor", "status") == Status.UNREACHABLE
    assert house.sim.requests("tidepool.renew")
    assert house.sim.requests("tidepool.login") == []
    assert not [*follower.entry.async_get_active_flows(house.hass, {SOURCE_REAUTH})]
    assert follower.issue("permission_lost") is None

    house.sim.faults.clear()
    follower.reads(50)
    for _ in range(3):
        await house.pass_time(minutes=2)
    assert follower.of_source("sensor", "status") == Status.OK
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON
    assert house.sim.requests("tidepool.login") == []
    assert_discreet(follower, caplog)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("request_", ["people", "alerts", "data"])
async def test_one_path_that_is_blocked_is_no_lost_permission(
    follower: Follower, request_: str, status: int
) -> None:
    house = follower.house
    follower.reads(100)
    await follower.start()
    house.sim.faults.add(f"tidepool.{request_}", CATALOGUE[f"page_{status}"]())
    house.sim.faults.add("tidepool.groups", CATALOGUE[f"page_{status}"]())
    for _ in range(10):
        await house.pass_time(minutes=3)
    await ask_everything(follower)
    assert follower.of_source("sensor", "status") == Status.UNREACHABLE
    assert follower.issue("permission_lost") is None
    assert house.sim.requests("tidepool.login") == []
    assert not [*follower.entry.async_get_active_flows(house.hass, {SOURCE_REAUTH})]


@every_fault
@pytest.mark.parametrize("request_", ["login", "people", "alerts", "data"])
async def test_a_fault_at_the_first_set_up(
    follower: Follower, caplog: pytest.LogCaptureFixture, name: str, request_: str
) -> None:
    house = follower.house
    follower.reads(50)
    fail(follower, request_, name)
    entry = await house.set_up(follower.entry)
    assert entry.state in (
        ConfigEntryState.LOADED,
        ConfigEntryState.SETUP_RETRY,
        ConfigEntryState.SETUP_ERROR,
    )
    if request_ == "login" and name.startswith("401"):
        assert entry.state is ConfigEntryState.SETUP_ERROR
    assert len(complaints(caplog)) <= 2, complaints(caplog)
    assert "while asking" not in caplog.text
    assert follower.announced == []

    house.sim.faults.clear()
    if entry.state is ConfigEntryState.SETUP_ERROR:
        # Only a person can help, and does.
        [flow] = entry.async_get_active_flows(house.hass, {SOURCE_REAUTH})
        login = {"username": follower.account.username, "password": follower.account.password}
        await house.hass.config_entries.flow.async_configure(flow["flow_id"], login)
    for _ in range(2):
        await house.pass_time(hours=25 if name == "429_enormous" else 1, seconds=10)
    follower.reads(50)
    for _ in range(6):
        await house.pass_time(minutes=1)
    assert entry.state is ConfigEntryState.LOADED
    assert follower.state("binary_sensor", "urgent_low").state == STATE_ON
    assert follower.state("number", "low_threshold").state == "70"
    assert_discreet(follower, caplog)


@every_fault
@pytest.mark.parametrize("request_", ["alerts", "write_alerts", "read_back"])
async def test_a_fault_while_a_threshold_is_changed(
    follower: Follower, caplog: pytest.LogCaptureFixture, name: str, request_: str
) -> None:
    """Either it is as asked for, or somebody is told that it may not be; and what is shown is what Tidepool has."""
    house = follower.house
    await follower.start()
    if request_ == "read_back":
        fail_once_asked(follower, "write_alerts", name)
    else:
        fail(follower, request_, name)
    failure: HomeAssistantError | None = None
    try:
        await follower.set_number("low_threshold", 75)
    except HomeAssistantError as err:
        failure = err
    house.sim.faults.clear()
    changed = {**SETTINGS, "low": {**SETTINGS["low"], "threshold": threshold(75)}}
    if request_ == "read_back":
        assert follower.settings == changed
        # It was changed: nobody is told that it was not.
        assert failure is None or failure.translation_key in NOT_SURE
    else:
        assert follower.settings == changed or (failure and follower.settings == SETTINGS)
    await wait_as_asked(follower, name)
    value = follower.settings["low"]["threshold"]["value"]
    assert follower.state("number", "low_threshold").state == str(value)
    assert_discreet(follower, caplog)


@every_fault
@pytest.mark.parametrize("request_", ["alerts", "delete_alerts"])
async def test_a_fault_while_thresholds_are_deleted(
    follower: Follower, caplog: pytest.LogCaptureFixture, name: str, request_: str
) -> None:
    """Either they are gone, or somebody is told that they may not be; and what is shown is what Tidepool has."""
    await follower.start()
    fail(follower, request_, name)
    failure: HomeAssistantError | None = None
    try:
        await follower.call("delete_alert_thresholds", response=False)
    except HomeAssistantError as err:
        failure = err
    follower.house.sim.faults.clear()
    left = follower.jill.settings_of(follower.account)
    assert left is None or (failure and left == SETTINGS)
    if request_ == "alerts":
        # They are gone: nobody is told that they are not.
        assert left is None
        assert failure is None or failure.translation_key in NOT_SURE
    await wait_as_asked(follower, name)
    shown = follower.state("number", "low_threshold").state
    assert shown == ("70" if left else STATE_UNKNOWN)
    assert (follower.issue("no_thresholds") is None) is bool(left)
    assert_discreet(follower, caplog)


@every_fault
async def test_a_fault_at_the_logout(
    follower: Follower, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """It is no reason to stay, or to say anything: the session ends by itself."""
    house = follower.house
    await follower.start()
    caplog.clear()
    fail(follower, "logout", name)
    await house.hass.config_entries.async_remove(follower.entry.entry_id)
    await house.settle()
    assert len(house.sim.requests("tidepool.logout")) == 1
    assert house.hass.config_entries.async_entries(DOMAIN) == []
    assert complaints(caplog) == []
    assert_discreet(follower, caplog)


async def wait_as_asked(follower: Follower, name: str) -> None:
    """Let the time pass for which a fault asked to be left alone: nothing is asked meanwhile."""
    await follower.house.pass_time(hours=25 if name == "429_enormous" else 1)
    await follower.house.pass_time(minutes=1)
    await follower.house.pass_time(minutes=1)
