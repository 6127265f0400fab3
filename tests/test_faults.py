"""Every fault of the simulator against every request: what is shown, logged and asked, and how it ends."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
import logging

from aiohttp import web
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import CoreState, State
import pytest

from custom_components.care_alerts.alerts.freshness import Status
from custom_components.care_alerts.const import DOMAIN
from simulator import CATALOGUE, Fault
from simulator.faults import Exchange
from simulator.scenarios import HENK, MARIA
from tests.conftest import NOON, House

OUR_LOGGER = "custom_components.care_alerts"

HOURLY = timedelta(hours=1, seconds=2)
LOST_PATIENCE = timedelta(seconds=62)
"""A little more than a client waits for an answer."""

WAITS = {"slow": timedelta(seconds=3), "hang": LOST_PATIENCE, "hang_body": LOST_PATIENCE}

MINUTE = timedelta(minutes=1)
TOLD_TO_WAIT = timedelta(seconds=120)
"""What the catalogue's faults put into `Retry-After`."""


@dataclass(frozen=True)
class Request:
    """One of the requests we make: its endpoint, and whether it names a day."""

    name: str
    endpoint: str
    dated: bool = False

    def __str__(self) -> str:
        """Name the test."""
        return self.name


CONSENTS = Request("consents", "lumen.identity_mappings")
NEWEST_DAY = Request("newest day", "lumen.alerts")
BACK_FILL = Request("back-fill", "lumen.alerts", dated=True)

every_request = pytest.mark.parametrize("asked", [CONSENTS, NEWEST_DAY, BACK_FILL], ids=str)
every_fault = pytest.mark.parametrize("name", CATALOGUE)

_HARMLESS = ("slow", "bad_record", "wrong_types_numbers_are_strings")


def status_of(name: str, asked: Request) -> Status:
    """What a fault amounts to."""
    match name.partition("_")[0]:
        case "401":
            return Status.LOGIN_FAILED
        case "403":
            return Status.PERMISSION_LOST
        case "429":
            return Status.RATE_LIMITED
        case "409" if asked is BACK_FILL:
            # Lumen's way to say that it no longer keeps the day.
            return Status.OK
    return Status.OK if name.startswith(_HARMLESS) else Status.UNREACHABLE


def wait_after(name: str, asked: Request) -> timedelta:
    """How long the vendor is left alone after the first failure."""
    if status_of(name, asked) is Status.LOGIN_FAILED:
        return timedelta(hours=1)
    if name == "429_enormous":
        return timedelta(days=1)
    heeded = name.startswith(("429_", "5")) and name.endswith(("_seconds", "_http_date"))
    return TOLD_TO_WAIT if heeded else MINUTE


def is_kept_up(status: Status, asked: Request) -> bool:
    """Whether the newest day is read all the same, so that entities go on for as long as the fault lasts."""
    match asked.name:
        case "back-fill":
            return True
        case "consents":
            # A vendor that told us to wait, or to go, is not asked for anything else.
            return status not in (Status.RATE_LIMITED, Status.LOGIN_FAILED)
        case _:
            return status is Status.OK


def complaints_about(name: str, asked: Request) -> int:
    """How many lines a fault may leave in the log, however long it lasts."""
    return 0 if name in ("slow", "wrong_types_numbers_are_strings") else 1


@dataclass
class Trouble:
    """A house with Lumen set up, and faults that can be switched on for one request."""

    house: House
    caplog: pytest.LogCaptureFixture
    maria: str

    def fail(self, asked: Request, name: str) -> None:
        """Let a request fail until `mend`."""
        fault = CATALOGUE[name]()

        async def respond(exchange: Exchange) -> web.StreamResponse:
            if ("date" in exchange.request.query) is not asked.dated and (
                asked.endpoint == "lumen.alerts"
            ):
                return await exchange.proceed()
            if name in WAITS:
                self.house.hass.loop.call_soon(self._let_wait, WAITS[name])
            return await fault.respond(exchange)

        self.house.sim.faults.add(asked.endpoint, Fault(name, respond))

    def _let_wait(self, amount: timedelta) -> None:
        """Time stands still, and with it the client's time-out: move on."""
        self.house.sim.clock.advance(amount)
        self.house.freezer.tick(amount)

    def mend(self) -> None:
        """Let everything work again."""
        self.house.sim.faults.clear()

    async def wait(self, amount: timedelta) -> None:
        """Let time pass."""
        await self.house.until(self.house.now + amount)

    @property
    def asked(self) -> int:
        """How many requests the vendor got."""
        return len(self.house.sim.log)

    @property
    def status(self) -> str:
        """What the status sensor says."""
        return self.house.state("sensor", "status").state

    @property
    def medication(self) -> State:
        """An entity that speaks of the present."""
        return self.house.state("binary_sensor", "medication", self.maria)

    @property
    def reauth_flows(self) -> int:
        """How often the user is asked for a new key."""
        return len(self.house.hass.config_entries.flow.async_progress_by_handler(DOMAIN))

    @property
    def complaints(self) -> list[str]:
        """What was logged for the user to read."""
        return [
            record.getMessage()
            for record in self.caplog.records
            if record.name.startswith(OUR_LOGGER) and record.levelno >= logging.WARNING
        ]

    def assert_discreet(self) -> None:
        """Nothing that was logged, at any level, gives anybody away."""
        said = "\n".join(
            record.getMessage() + str(record.exc_info or "")
            for record in self.caplog.records
            if record.name.startswith(OUR_LOGGER)
        )
        account = self.house.sim.lumen.default
        secrets = [account.api_key, *(person.shared_user_id for person in account.people)]
        secrets += [MARIA, HENK, MARIA.partition("@")[0], HENK.partition("@")[0]]
        assert [secret for secret in secrets if secret in said] == []


@pytest.fixture
def trouble(house: House, caplog: pytest.LogCaptureFixture) -> Trouble:
    """A house before its source is set up."""
    caplog.set_level(logging.DEBUG, OUR_LOGGER)
    # There are hundreds of these tests, and the loop's own debugging takes half of their time.
    house.hass.loop.set_debug(False)
    house.sim.load("demo")
    return Trouble(house, caplog, house.sim.lumen.default.person(MARIA).shared_user_id)


@every_request
@every_fault
async def test_a_fault_while_running(
    trouble: Trouble,
    name: str,
    asked: Request,
    record_property: Callable[[str, object], None],
) -> None:
    house, expected = trouble.house, status_of(name, asked)
    await house.set_up(house.entry())
    trouble.caplog.clear()
    trouble.fail(asked, name)

    # A day is asked for by its date only after an absence.
    await trouble.wait(timedelta(days=3) if asked is BACK_FILL else HOURLY)

    assert trouble.status == expected
    assert trouble.medication.state in (STATE_ON, STATE_OFF)
    assert len(trouble.complaints) == complaints_about(name, asked), trouble.complaints

    again = "as usual"
    if expected is not Status.OK:
        wait = wait_after(name, asked)
        again = f"{wait.total_seconds():.0f} s"
        before = trouble.asked
        await trouble.wait(wait - timedelta(seconds=5))
        assert trouble.asked == before
        await trouble.wait(timedelta(seconds=10))
        assert trouble.asked > before
        assert trouble.medication.state in (STATE_ON, STATE_OFF)

    # It goes on beyond the time for which Tuesday's word is worth showing.
    patience = timedelta(days=1, hours=1) if name == "429_enormous" else 2 * HOURLY
    await trouble.wait(patience)
    await trouble.wait(patience)
    await trouble.wait(NOON + timedelta(days=2) - house.now if house.now.day < 20 else HOURLY)

    kept = is_kept_up(expected, asked)
    assert (trouble.medication.state == STATE_UNAVAILABLE) is not kept
    silent = house.state("binary_sensor", "silent")
    assert (silent.state, silent.attributes["reason"]) == (
        (STATE_OFF, None) if kept else (STATE_ON, expected)
    )
    assert trouble.status == expected
    assert trouble.reauth_flows == (expected is Status.LOGIN_FAILED)
    assert len(trouble.complaints) == complaints_about(name, asked), trouble.complaints

    trouble.mend()
    await trouble.wait(patience)

    assert trouble.status == Status.OK
    assert trouble.medication.state in (STATE_ON, STATE_OFF)
    assert house.state("binary_sensor", "silent").state == STATE_OFF
    assert trouble.reauth_flows == 0
    assert len(trouble.complaints) == complaints_about(name, asked), trouble.complaints
    trouble.assert_discreet()
    record_property(
        "fault",
        {
            "fault": name,
            "request": str(asked),
            "status": expected.value,
            "entities": "kept" if kept else "kept, unavailable after 48 h",
            "log": "once" if trouble.complaints else "nothing",
            "asked again": again,
            "recovery": "by itself" if expected is not Status.OK else "not needed",
        },
    )


@every_request
@every_fault
async def test_a_fault_at_the_first_set_up(
    trouble: Trouble,
    name: str,
    asked: Request,
    record_property: Callable[[str, object], None],
) -> None:
    house, expected = trouble.house, status_of(name, asked)
    trouble.fail(asked, name)

    entry = await house.set_up(house.entry())

    has_something_to_show = expected is Status.OK or asked is BACK_FILL
    if has_something_to_show:
        state = ConfigEntryState.LOADED
        assert trouble.status == expected
        assert trouble.medication.state == STATE_ON
    elif expected is Status.LOGIN_FAILED:
        state = ConfigEntryState.SETUP_ERROR
        assert trouble.reauth_flows == 1
    else:
        state = ConfigEntryState.SETUP_RETRY
        assert entry.error_reason_translation_key == expected
    assert entry.state is state
    assert len(trouble.complaints) <= 1, trouble.complaints

    recovery = "not needed"
    if expected is Status.LOGIN_FAILED:
        recovery = "new key"
        trouble.mend()
        await _enter_the_key(trouble)
    elif expected is not Status.OK:
        recovery = "by itself"
        wait = wait_after(name, asked)
        before = trouble.asked
        if wait > MINUTE:
            await trouble.wait(wait - timedelta(seconds=5))
            assert trouble.asked == before
        trouble.mend()
        await trouble.wait(timedelta(seconds=100))
        assert trouble.asked > before
    assert entry.state is ConfigEntryState.LOADED
    assert trouble.status == Status.OK
    assert trouble.medication.state == STATE_ON
    assert trouble.reauth_flows == 0
    trouble.assert_discreet()
    record_property(
        "fault",
        {
            "fault": name,
            "request": f"{asked}, first set-up",
            "status": expected.value if state is ConfigEntryState.LOADED else state.value,
            "entities": "there" if state is ConfigEntryState.LOADED else "none yet",
            "log": "once" if trouble.complaints else "nothing",
            "asked again": "",
            "recovery": recovery,
        },
    )


async def _enter_the_key(trouble: Trouble) -> None:
    """Answer the question for a key that works."""
    flows = trouble.house.hass.config_entries.flow
    (flow,) = flows.async_progress_by_handler(DOMAIN)
    await flows.async_configure(flow["flow_id"], {"api_key": trouble.house.sim.lumen.api_key})
    await trouble.house.settle()


async def test_back_off_doubles_up_to_an_hour(trouble: Trouble) -> None:
    def asked() -> int:
        return len(trouble.house.sim.requests(NEWEST_DAY.endpoint))

    await trouble.house.set_up(trouble.house.entry())
    trouble.fail(NEWEST_DAY, "500_bare")
    await trouble.wait(HOURLY)
    for minutes in (1, 2, 4, 8, 16, 32, 60, 60):
        before = asked()
        await trouble.wait(timedelta(minutes=minutes) - timedelta(seconds=5))
        assert asked() == before, minutes
        await trouble.wait(timedelta(seconds=7))
        assert asked() == before + 1, minutes

    # One answer, and it begins anew.
    trouble.mend()
    await trouble.wait(HOURLY)
    trouble.fail(NEWEST_DAY, "500_bare")
    await trouble.wait(HOURLY)
    before = asked()
    await trouble.wait(MINUTE + timedelta(seconds=2))
    assert asked() == before + 1


@pytest.mark.parametrize("asked", [CONSENTS, NEWEST_DAY], ids=str)
async def test_one_401_is_no_dead_login(trouble: Trouble, asked: Request) -> None:
    house = trouble.house
    await house.set_up(house.entry())
    house.sim.faults.add(asked.endpoint, CATALOGUE["401_bare"](), times=1)
    before = trouble.asked
    await trouble.wait(HOURLY)
    assert trouble.asked > before
    assert trouble.status == Status.OK
    assert trouble.reauth_flows == 0
    assert trouble.complaints == []


async def test_a_401_that_could_not_be_confirmed_is_no_dead_login(trouble: Trouble) -> None:
    house = trouble.house
    await house.set_up(house.entry())
    house.sim.faults.add(CONSENTS.endpoint, CATALOGUE["401_bare"](), times=1)
    house.sim.faults.add(CONSENTS.endpoint, CATALOGUE["503_seconds"](), times=1)
    await trouble.wait(HOURLY)
    assert trouble.status == Status.UNREACHABLE
    assert trouble.reauth_flows == 0
    before = trouble.asked
    await trouble.wait(TOLD_TO_WAIT - timedelta(seconds=5))
    assert trouble.asked == before


@pytest.mark.parametrize(
    "name",
    [
        "wrong_types_records_are_strings",
        "wrong_types_records_are_null",
        "wrong_types_values_are_lists",
        "bad_record_values_null",
        "success_false",
        "cut_body",
    ],
)
async def test_a_day_that_cannot_be_read_ends_nothing(trouble: Trouble, name: str) -> None:
    await trouble.house.set_up(trouble.house.entry())
    assert trouble.medication.state == STATE_ON
    trouble.fail(NEWEST_DAY, name)
    await trouble.wait(timedelta(hours=23))
    assert trouble.medication.state == STATE_ON


async def test_a_restart_while_the_vendor_is_down(trouble: Trouble, announced: list[State]) -> None:
    house = trouble.house
    entry = await house.set_up(house.entry())
    hass = house.hass

    # Home Assistant starts, the next day's alerts are written down, and it dies before automations listen.
    await hass.config_entries.async_unload(entry.entry_id)
    hass.set_state(CoreState.starting)
    await trouble.wait(timedelta(days=1))
    await house.set_up(entry)
    assert announced == []
    await hass.config_entries.async_unload(entry.entry_id)

    port = int(house.sim.url.rpartition(":")[2])
    await house.sim.stop()
    hass.set_state(CoreState.running)
    trouble.caplog.clear()
    await house.set_up(entry)

    assert entry.state is ConfigEntryState.LOADED
    assert trouble.status == Status.UNREACHABLE
    assert trouble.medication.state == STATE_ON
    assert house.state("sensor", "weight", trouble.maria).state == "78.1"
    assert len(trouble.complaints) == 1
    told = [
        (state.attributes["alert_type"], state.attributes["redelivered"]) for state in announced
    ]
    assert sorted(told) == [
        ("flex", True),
        ("medication", True),
        ("weight", True),
        ("weight", True),
    ]

    await house.sim.start(port=port)
    await trouble.wait(MINUTE + timedelta(seconds=2))
    assert trouble.status == Status.OK
    assert len(announced) == 4
    trouble.assert_discreet()


async def test_a_wait_outlives_a_restart(trouble: Trouble) -> None:
    house = trouble.house
    entry = await house.set_up(house.entry())
    trouble.fail(CONSENTS, "429_seconds")
    await trouble.wait(HOURLY)
    trouble.mend()
    before = trouble.asked
    assert await house.hass.config_entries.async_reload(entry.entry_id)
    await trouble.wait(TOLD_TO_WAIT - timedelta(seconds=5))
    assert trouble.asked == before
    assert trouble.status == Status.RATE_LIMITED
    await trouble.wait(timedelta(seconds=10))
    assert trouble.asked > before
    assert trouble.status == Status.OK


async def test_a_redirect_is_not_followed(trouble: Trouble) -> None:
    await trouble.house.set_up(trouble.house.entry())
    trouble.fail(NEWEST_DAY, "redirect")
    await trouble.wait(HOURLY)
    assert trouble.status == Status.UNREACHABLE
    assert trouble.house.sim.requests("elsewhere") == []


async def test_time_alone_turns_a_source_silent(trouble: Trouble) -> None:
    """No poll has to answer, nor even to fail: the deadline is enough."""
    house = trouble.house
    entry = house.entry(pref_disable_polling=True)
    await house.set_up(entry)
    before = trouble.asked
    complete_at = NOON.replace(hour=6)
    await house.until(complete_at + timedelta(hours=26) - timedelta(seconds=1))
    assert house.state("binary_sensor", "silent").state == STATE_OFF
    await house.until(complete_at + timedelta(hours=26))
    silent = house.state("binary_sensor", "silent")
    assert (silent.state, silent.attributes["reason"]) == (STATE_ON, Status.NO_NEW_DATA)
    assert trouble.status == Status.NO_NEW_DATA
    assert trouble.medication.state == STATE_ON
    await house.until(complete_at + timedelta(hours=48))
    assert trouble.medication.state == STATE_UNAVAILABLE
    assert trouble.asked == before
