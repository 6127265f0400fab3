"""Every fault of the simulator against every request of every source: what is shown, logged and asked, and how it ends."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
import logging
from typing import Any, ClassVar, override

from aiohttp import web
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import CoreState, State
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.alerts.freshness import Status
from custom_components.care_alerts.const import DOMAIN
from simulator import CATALOGUE, Fault
from simulator.faults import Exchange
from simulator.scenarios import HENK, MARIA
from tests.conftest import NOON, House

OUR_LOGGER = "custom_components.care_alerts"

HOURLY = timedelta(hours=1, seconds=2)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
TOLD_TO_WAIT = timedelta(seconds=120)
"""What the catalogue's faults put into `Retry-After`."""

NOT_SAID = "slow", "wrong_types_numbers_are_strings"
"""Faults that nobody need hear of."""


@dataclass(frozen=True)
class Request:
    """One of the requests we make: its endpoint, and whether it names a day."""

    name: str
    endpoint: str
    dated: bool = False

    def __str__(self) -> str:
        """Name it in messages and in the table."""
        return self.name


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a fault of a request amounts to while the source is running.

    `lasting`: the status when it has lasted; `kept`: entities go on for as long as it lasts;
    `log`: the least and most lines it may leave; `login_lost`: only a new login helps when all works again.
    """

    status: Status
    lasting: Status
    kept: bool
    log: tuple[int, int]
    login_lost: bool = False


class Source(ABC):
    """A vendor as its faults meet it."""

    requests: ClassVar[tuple[Request, ...]]
    lost_patience: ClassVar[timedelta]
    """A little more than we wait for an answer."""
    outlasted: ClassVar[timedelta]
    """After that, what was said before is no longer worth showing."""
    login_tried_after: ClassVar[timedelta]
    goes_on: ClassVar = False
    """Whether one fault after the other can be met in one story."""

    def __init__(self, house: House) -> None:
        """Stand before a house that knows nothing of it."""
        self.house = house
        self.begun: datetime = house.now
        """When the present story began."""

    @abstractmethod
    async def begin(self) -> MockConfigEntry:
        """Begin a story at the present; return an entry that is not set up yet."""

    @abstractmethod
    def go_on(self) -> None:
        """Let something happen in the time to come."""

    @abstractmethod
    async def come_to(self, asked: Request) -> None:
        """Let time pass until a request has been made."""

    @abstractmethod
    def prepare(self, asked: Request) -> None:
        """See to it that the first set-up makes a request."""

    @abstractmethod
    def expected(self, asked: Request, name: str) -> Expected:
        """What a fault of a request amounts to."""

    @abstractmethod
    def shows_something(self, asked: Request, status: Status) -> bool:
        """Whether there is something to show when a request fails at the first set-up."""

    @abstractmethod
    async def log_in(self, entry: ConfigEntry) -> None:
        """Answer the question for a login that works."""

    @property
    @abstractmethod
    def witness(self) -> State:
        """An entity that speaks of the present."""

    @property
    @abstractmethod
    def secrets(self) -> list[str]:
        """What must not be said."""

    @abstractmethod
    def happened(self, asked: Request, name: str) -> tuple[str, list[Any]]:
        """What should have been announced by now: an attribute, and its values."""


class Lumen(Source):
    """Lumen: whose alerts there may be, the newest day, and the days that were missed."""

    CONSENTS = Request("consents", "lumen.identity_mappings")
    NEWEST_DAY = Request("newest day", "lumen.alerts")
    BACK_FILL = Request("back-fill", "lumen.alerts", dated=True)

    requests = (CONSENTS, NEWEST_DAY, BACK_FILL)
    lost_patience = timedelta(seconds=62)
    outlasted = 2 * DAY
    # It may be a hiccup.
    login_tried_after = timedelta(minutes=1)

    _HARMLESS = ("slow", "bad_record", "wrong_types_numbers_are_strings")

    @override
    async def begin(self) -> MockConfigEntry:
        # The same time of day each, or its days would not be the same.
        self.begun = NOON + (max(self.house.now - NOON, timedelta()) // DAY + 1) * DAY
        await self.house.until(self.begun)
        self.house.sim.load("demo")
        return self.house.entry()

    @override
    def go_on(self) -> None:
        # The demo has days enough.
        pass

    @override
    async def come_to(self, asked: Request) -> None:
        # A day is asked for by its date only after an absence.
        await self.house.pass_time(**_seconds(3 * DAY if asked is self.BACK_FILL else HOURLY))

    @override
    def prepare(self, asked: Request) -> None:
        pass

    @override
    def expected(self, asked: Request, name: str) -> Expected:
        status = self._status_of(asked, name)
        lines = 0 if name in NOT_SAID else 1
        return Expected(
            status=status,
            lasting=status,
            kept=self._is_kept_up(asked, status),
            log=(lines, lines),
        )

    def _status_of(self, asked: Request, name: str) -> Status:
        if name.startswith("409") and asked is self.BACK_FILL:
            # Lumen's way to say that it no longer keeps the day.
            return Status.OK
        return Status.OK if name.startswith(self._HARMLESS) else status_of(name)

    def _is_kept_up(self, asked: Request, status: Status) -> bool:
        """Whether the newest day is read all the same."""
        match asked:
            case self.BACK_FILL:
                return True
            case self.CONSENTS:
                # A vendor that told us to wait, or to go, is not asked for anything else.
                return status not in (Status.RATE_LIMITED, Status.LOGIN_FAILED)
            case _:
                return status is Status.OK

    @override
    def shows_something(self, asked: Request, status: Status) -> bool:
        return asked is self.BACK_FILL

    @override
    async def log_in(self, entry: ConfigEntry) -> None:
        flows = self.house.hass.config_entries.flow
        [flow] = flows.async_progress_by_handler(DOMAIN)
        await flows.async_configure(flow["flow_id"], {"api_key": self.house.sim.lumen.api_key})
        await self.house.settle()

    @property
    @override
    def witness(self) -> State:
        maria = self.house.sim.lumen.default.person(MARIA)
        return self.house.state("binary_sensor", "medication", maria.shared_user_id)

    @property
    @override
    def secrets(self) -> list[str]:
        account = self.house.sim.lumen.default
        names = [MARIA, HENK, MARIA.partition("@")[0], HENK.partition("@")[0]]
        return [account.api_key, *(person.shared_user_id for person in account.people), *names]

    @override
    def happened(self, asked: Request, name: str) -> tuple[str, list[Any]]:
        days = self.house.sim.lumen.default._alerts.values()
        since = self.begun
        if name.startswith("409") and asked is self.BACK_FILL and self.house.now > since + DAY:
            # The days of the absence are gone, but for the newest.
            since += 2 * DAY
        return "observed_at", [
            alert.generated_at.isoformat()
            for alerts in days
            for alert in alerts
            if since < alert.generated_at <= self.house.now
        ]


class Dexcom(Source):
    """Dexcom: the token, the alerts, the readings; and what is asked to be sure."""

    TOKEN = Request("token", "dexcom.token")
    ALERTS = Request("alerts", "dexcom.alerts")
    READINGS = Request("readings", "dexcom.egvs")
    DEVICES = Request("devices", "dexcom.devices")
    DATA_RANGE = Request("data range", "dexcom.data_range")

    requests = (TOKEN, ALERTS, READINGS, DEVICES, DATA_RANGE)
    lost_patience = timedelta(seconds=152)
    outlasted = timedelta(hours=9)
    # The token was renewed in between.
    login_tried_after = timedelta(hours=1)
    goes_on = True

    _NO_RECORDS = ("wrong_types_list_is_null", "wrong_types_data_is_null")
    """There are none of them, says the answer."""

    _HARMLESS: ClassVar = {
        # A token that is altered is none, unless nothing of it is.
        TOKEN: ("slow", "bad_record_times", "wrong_types_numbers_are_strings"),
        ALERTS: ("slow", "bad_record", "wrong_types_numbers_are_strings", *_NO_RECORDS),
        READINGS: ("slow", "bad_record", *_NO_RECORDS),
    }

    _SPENT = ("bad_record", "wrong_types", "cut_body", "hang_body", "applied_then")
    """The refresh token has been used, and the answer with the new one is lost."""
    _NEVER_HEARD = ("cut_body", "hang_body", "applied_then")
    """And what Dexcom answers to the next attempt is lost as well."""

    @override
    async def begin(self) -> MockConfigEntry:
        begun = self.begun = self.house.now
        wearer = self.wearer = self.house.sim.dexcom.add_wearer(f"Wearer at {begun:%d %H:%M}")
        self._told_to = begun - timedelta(hours=6)
        self.go_on()
        return await self.house.dexcom_entry(wearer)

    @override
    def go_on(self) -> None:
        # Three readings and an alert each hour.
        names = ("low", "high", "rise", "urgentLow")
        while self._told_to < self.house.now + 2 * DAY:
            self._told_to += timedelta(hours=1)
            for ago in (0, 20, 40):
                self.wearer.add_egv(self._told_to - ago * MINUTE, 110)
            self.wearer.add_alert(names[self._told_to.hour % 4], self._told_to + 5 * MINUTE)

    @override
    async def come_to(self, asked: Request) -> None:
        self.go_on()
        match asked:
            case self.DATA_RANGE:
                # Asked for as there is no new reading.
                await self.house.pass_time(minutes=5)
                [entry] = self.house.hass.config_entries.async_loaded_entries(DOMAIN)
                await entry.runtime_data.async_refresh()
                await self.house.settle()
            case self.DEVICES:
                await self.house.pass_time(days=1, seconds=2)
            case _:
                self.prepare(asked)
                await self.house.pass_time(minutes=30, seconds=2)

    @override
    def prepare(self, asked: Request) -> None:
        match asked:
            case self.TOKEN:
                self.house.sim.dexcom.expire_access_tokens()
            case self.DATA_RANGE:
                egvs = self.wearer._records["egv"]
                egvs[:] = [egv for egv in egvs if egv.at > self.begun]

    @override
    def expected(self, asked: Request, name: str) -> Expected:
        harmless = self._HARMLESS.get(asked)
        if name.startswith(harmless) if harmless else status_of(name) is not Status.RATE_LIMITED:
            ok = Status.OK
            return Expected(status=ok, lasting=ok, kept=True, log=(0, 0 if name in NOT_SAID else 1))
        status = status_of(name)
        if status is Status.LOGIN_FAILED and asked is not self.ALERTS:
            # The token endpoint means the app; the others cannot mean what the alerts do not.
            status = Status.UNREACHABLE
        lasting, login_lost = status, False
        if asked is self.TOKEN and name.startswith(self._SPENT):
            lasting = status if name.startswith(self._NEVER_HEARD) else Status.LOGIN_FAILED
            login_lost = True
        if asked is self.DATA_RANGE:
            # There are new readings: it is not asked for any more.
            lasting = Status.OK
        return Expected(
            status=status,
            lasting=lasting,
            kept=asked not in (self.TOKEN, self.ALERTS),
            log=(1, 1),
            login_lost=login_lost,
        )

    @override
    def shows_something(self, asked: Request, status: Status) -> bool:
        return asked not in (self.TOKEN, self.ALERTS)

    @override
    async def log_in(self, entry: ConfigEntry) -> None:
        """Leave what the flow leaves: a new token, and a reload."""
        hass = self.house.hass
        [flow] = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        hass.config_entries.flow.async_abort(flow["flow_id"])
        token = self.house.sim.dexcom.grant(self.wearer)
        expires = {"expires_at": self.house.now.timestamp() + token["expires_in"]}
        renewed = {**entry.data["token"], **token, **expires}
        hass.config_entries.async_update_entry(entry, data={**entry.data, "token": renewed})
        await hass.config_entries.async_reload(entry.entry_id)
        await self.house.settle()

    @property
    @override
    def witness(self) -> State:
        return self.house.state("binary_sensor", "fall", self.wearer.user_id)

    @property
    @override
    def secrets(self) -> list[str]:
        dexcom = self.house.sim.dexcom
        used = [request.refresh_token for request in dexcom.token_log if request.refresh_token]
        return [dexcom.client_secret, self.wearer.user_id, self.wearer.name, *used]

    @override
    def happened(self, asked: Request, name: str) -> tuple[str, list[Any]]:
        return "alert_id", [
            record.fields["recordId"]
            for record in self.wearer._records["alert"]
            if self.begun < record.uploaded_at <= self.house.now
        ]


def status_of(name: str) -> Status:
    """What a fault amounts to that leaves no answer to go on with."""
    match name.partition("_")[0]:
        case "401":
            return Status.LOGIN_FAILED
        case "403":
            return Status.PERMISSION_LOST
        case "429":
            return Status.RATE_LIMITED
    return Status.UNREACHABLE


def wait_after(name: str, status: Status, source: Source) -> timedelta:
    """How long the vendor is left alone after the first failure."""
    if status is Status.LOGIN_FAILED:
        return source.login_tried_after
    if name == "429_enormous":
        return DAY
    heeded = name.startswith(("429_", "5")) and name.endswith(("_seconds", "_http_date"))
    return TOLD_TO_WAIT if heeded else MINUTE


def _seconds(amount: timedelta) -> dict[str, float]:
    return {"seconds": amount.total_seconds()}


@dataclass
class Trouble:
    """A house with a source, and faults that can be switched on for one of its requests."""

    house: House
    caplog: pytest.LogCaptureFixture
    announced: list[State]
    source: Source

    def fail(self, asked: Request, name: str) -> None:
        """Let a request fail until `mend`."""
        fault = CATALOGUE[name]()
        lost = self.source.lost_patience
        waits = {"slow": timedelta(seconds=3), "hang": lost, "hang_body": lost}

        async def respond(exchange: Exchange) -> web.StreamResponse:
            if ("date" in exchange.request.query) is not asked.dated and (
                asked.endpoint == "lumen.alerts"
            ):
                return await exchange.proceed()
            if name in waits:
                self.house.hass.loop.call_soon(self._let_wait, waits[name])
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
        self.source.go_on()
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
    def witness(self) -> str:
        """What an entity says that speaks of the present."""
        return self.source.witness.state

    @property
    def reauth_flows(self) -> int:
        """How often the user is asked for a new login."""
        return len(self.house.hass.config_entries.flow.async_progress_by_handler(DOMAIN))

    @property
    def complaints(self) -> list[str]:
        """What was logged for the user to read."""
        return [
            record.getMessage()
            for record in self.caplog.records
            if record.name.startswith(OUR_LOGGER) and record.levelno >= logging.WARNING
        ]

    def assert_complained(self, log: tuple[int, int]) -> None:
        """There are so many lines in the log, and none of them is of something that nobody thought of."""
        least, most = log
        assert least <= len(self.complaints) <= most, self.complaints
        assert [line for line in self.complaints if "Unexpected" in line] == []

    def assert_discreet(self) -> None:
        """Nothing that was logged, at any level, gives anybody away."""
        said = "\n".join(
            record.getMessage() + str(record.exc_info or "")
            for record in self.caplog.records
            if record.name.startswith(OUR_LOGGER)
        )
        assert [secret for secret in self.source.secrets if secret in said] == []

    def assert_told(self, asked: Request, name: str, *, less: bool = False) -> None:
        """What happened has been announced, each alert once; `less`: not all of it need have been."""
        key, values = self.source.happened(asked, name)
        told = Counter(state.attributes[key] for state in self.announced)
        assert told <= Counter(values) if less else told == Counter(values)
        assert {state.attributes["redelivered"] for state in self.announced} <= {False}

    async def begin(self) -> MockConfigEntry:
        """Begin a story anew; return an entry that is not set up yet."""
        self.mend()
        hass = self.house.hass
        for old in hass.config_entries.async_entries(DOMAIN):
            await hass.config_entries.async_remove(old.entry_id)
        entry = await self.source.begin()
        self.announced.clear()
        self.caplog.clear()
        self.house.sim.log.clear()
        return entry


@contextmanager
def told_of(asked: Request) -> Generator[None]:
    """Say of which request it was if something is wrong."""
    try:
        yield
    except Exception as err:
        err.add_note(f"The request that failed: {asked}")
        raise


def troubled(
    house: House, caplog: pytest.LogCaptureFixture, announced: list[State], source: type[Source]
) -> Trouble:
    """A house before its source is set up."""
    caplog.set_level(logging.DEBUG, OUR_LOGGER)
    # There are hundreds of these stories, and what is said of entities and tasks takes half of their time.
    caplog.set_level(logging.WARNING, "homeassistant")
    house.hass.loop.set_debug(False)
    return Trouble(house, caplog, announced, source(house))


@pytest.fixture(params=[Lumen, Dexcom], ids=lambda source: source.__name__)
def trouble(
    request: pytest.FixtureRequest,
    house: House,
    caplog: pytest.LogCaptureFixture,
    announced: list[State],
) -> Trouble:
    """A house before a source is set up."""
    return troubled(house, caplog, announced, request.param)


@pytest.fixture
def with_lumen(house: House, caplog: pytest.LogCaptureFixture, announced: list[State]) -> Trouble:
    """A house before Lumen is set up."""
    house.sim.load("demo")
    return troubled(house, caplog, announced, Lumen)


type Record = Callable[[str, object], None]

_by_name = pytest.mark.parametrize("name", CATALOGUE)


def every_fault[**P, T](test: Callable[P, T]) -> Callable[P, T]:
    """Try a test with each fault; on most runs with some of them (`--thorough`)."""
    decorated: Callable[P, T] = _by_name(pytest.mark.table_of_faults(test))
    return decorated


@every_fault
async def test_a_fault_while_running(trouble: Trouble, name: str, record_property: Record) -> None:
    for asked in trouble.source.requests:
        with told_of(asked):
            record_property("fault", await _fails_while_running(trouble, asked, name))


async def _fails_while_running(trouble: Trouble, asked: Request, name: str) -> dict[str, str]:
    house, expected = trouble.house, trouble.source.expected(asked, name)
    if asked is trouble.source.requests[0] or not trouble.source.goes_on:
        await house.set_up(await trouble.begin())
    [entry] = house.hass.config_entries.async_loaded_entries(DOMAIN)
    since = house.now
    trouble.caplog.clear()
    trouble.fail(asked, name)
    await trouble.source.come_to(asked)

    assert trouble.status == expected.status
    assert trouble.witness in (STATE_ON, STATE_OFF)
    trouble.assert_complained(expected.log)

    again = "as usual"
    if expected.status is not Status.OK:
        wait = wait_after(name, expected.status, trouble.source)
        again = f"{wait.total_seconds():.0f} s"
        before = trouble.asked
        await trouble.wait(wait - timedelta(seconds=5))
        assert trouble.asked == before
        await trouble.wait(timedelta(seconds=10))
        assert trouble.asked > before
        if wait < trouble.source.outlasted:
            assert trouble.witness in (STATE_ON, STATE_OFF)

    # It goes on beyond the time for which what was said before is worth showing.
    patience = DAY + timedelta(hours=1) if name == "429_enormous" else 2 * HOURLY
    await trouble.wait(patience)
    await trouble.wait(patience)
    await trouble.wait(max(since + trouble.source.outlasted - house.now, HOURLY))

    assert (trouble.witness == STATE_UNAVAILABLE) is not expected.kept
    silent = house.state("binary_sensor", "silent")
    assert (silent.state, silent.attributes["reason"]) == (
        (STATE_OFF, None) if expected.kept else (STATE_ON, expected.lasting)
    )
    assert trouble.status == expected.lasting
    assert trouble.reauth_flows == (expected.lasting is Status.LOGIN_FAILED)
    trouble.assert_complained(expected.log)

    trouble.mend()
    await trouble.wait(patience)
    recovery = "by itself" if expected.status is not Status.OK else "not needed"
    if expected.login_lost:
        recovery = "new login"
        assert trouble.status == Status.LOGIN_FAILED
        assert trouble.reauth_flows == 1
        await trouble.source.log_in(entry)

    assert trouble.status == Status.OK
    assert trouble.witness in (STATE_ON, STATE_OFF)
    assert house.state("binary_sensor", "silent").state == STATE_OFF
    assert trouble.reauth_flows == 0
    trouble.assert_complained(expected.log)
    trouble.assert_told(asked, name)
    trouble.assert_discreet()
    return {
        "fault": name,
        "source": type(trouble.source).__name__,
        "request": str(asked),
        "status": " -> ".join(dict.fromkeys((expected.status.value, expected.lasting.value))),
        "entities": "kept" if expected.kept else "kept, unavailable in the end",
        "log": "once" if trouble.complaints else "nothing",
        "asked again": again,
        "recovery": recovery,
    }


@every_fault
async def test_a_fault_at_the_first_set_up(
    trouble: Trouble, name: str, record_property: Record
) -> None:
    for asked in trouble.source.requests:
        with told_of(asked):
            record_property("fault", await _fails_at_the_first_set_up(trouble, asked, name))


async def _fails_at_the_first_set_up(trouble: Trouble, asked: Request, name: str) -> dict[str, str]:
    house, expected = trouble.house, trouble.source.expected(asked, name)
    status = expected.status
    entry = await trouble.begin()
    trouble.source.prepare(asked)
    trouble.fail(asked, name)

    await house.set_up(entry)

    if status is Status.OK or trouble.source.shows_something(asked, status):
        state = ConfigEntryState.LOADED
        assert trouble.status == status
        assert trouble.witness in (STATE_ON, STATE_OFF)
    elif status is Status.LOGIN_FAILED:
        state = ConfigEntryState.SETUP_ERROR
        assert trouble.reauth_flows == 1
    else:
        state = ConfigEntryState.SETUP_RETRY
        assert entry.error_reason_translation_key == status
    assert entry.state is state
    trouble.assert_complained((0, 1))

    recovery = "not needed"
    if status is not Status.OK and status is not Status.LOGIN_FAILED:
        recovery = "by itself"
        wait = wait_after(name, status, trouble.source)
        before = trouble.asked
        if wait > MINUTE:
            await trouble.wait(wait - timedelta(seconds=5))
            assert trouble.asked == before
        trouble.mend()
        await trouble.wait(timedelta(seconds=100))
        assert trouble.asked > before
    if status is Status.LOGIN_FAILED or expected.login_lost:
        recovery = "new login"
        trouble.mend()
        assert trouble.reauth_flows == 1
        await trouble.source.log_in(entry)
    assert entry.state is ConfigEntryState.LOADED
    assert trouble.status == Status.OK
    assert trouble.witness in (STATE_ON, STATE_OFF)
    assert trouble.reauth_flows == 0
    # What the first answer holds may be history, whenever it comes.
    trouble.assert_told(asked, name, less=state is not ConfigEntryState.LOADED)
    trouble.assert_discreet()
    return {
        "fault": name,
        "source": type(trouble.source).__name__,
        "request": f"{asked}, first set-up",
        "status": status.value if state is ConfigEntryState.LOADED else state.value,
        "entities": "there" if state is ConfigEntryState.LOADED else "none yet",
        "log": "once" if trouble.complaints else "nothing",
        "asked again": "",
        "recovery": recovery,
    }


@pytest.mark.parametrize("status", [302, 401, 403, 405, 407, 451, 511])
async def test_a_page_in_a_vendors_place_says_nothing_of_logins_and_permissions(
    trouble: Trouble, status: int
) -> None:
    house = trouble.house
    await house.set_up(await trouble.begin())
    house.sim.faults.add("*", CATALOGUE[f"page_{status}"]())
    if isinstance(trouble.source, Dexcom):
        house.sim.dexcom.expire_access_tokens()
    await trouble.wait(HOURLY)
    for _ in range(10):
        await trouble.wait(timedelta(minutes=10))
        assert trouble.status == Status.UNREACHABLE
        assert trouble.reauth_flows == 0
    assert house.sim.dexcom.used_refresh_tokens == set()

    trouble.mend()
    await trouble.wait(HOURLY)
    assert trouble.status == Status.OK
    trouble.assert_complained((1, 1))
    trouble.assert_discreet()


async def test_back_off_doubles_up_to_an_hour(with_lumen: Trouble) -> None:
    def asked() -> int:
        return len(with_lumen.house.sim.requests(Lumen.NEWEST_DAY.endpoint))

    await with_lumen.house.set_up(with_lumen.house.entry())
    with_lumen.fail(Lumen.NEWEST_DAY, "500_bare")
    await with_lumen.wait(HOURLY)
    for minutes in (1, 2, 4, 8, 16, 32, 60, 60):
        before = asked()
        await with_lumen.wait(timedelta(minutes=minutes) - timedelta(seconds=5))
        assert asked() == before, minutes
        await with_lumen.wait(timedelta(seconds=7))
        assert asked() == before + 1, minutes

    # One answer, and it begins anew.
    with_lumen.mend()
    await with_lumen.wait(HOURLY)
    with_lumen.fail(Lumen.NEWEST_DAY, "500_bare")
    await with_lumen.wait(HOURLY)
    before = asked()
    await with_lumen.wait(MINUTE + timedelta(seconds=2))
    assert asked() == before + 1


@pytest.mark.parametrize("asked", [Lumen.CONSENTS, Lumen.NEWEST_DAY], ids=str)
async def test_one_401_is_no_dead_login(with_lumen: Trouble, asked: Request) -> None:
    house = with_lumen.house
    await house.set_up(house.entry())
    house.sim.faults.add(asked.endpoint, CATALOGUE["401_bare"](), times=1)
    before = with_lumen.asked
    await with_lumen.wait(HOURLY)
    assert with_lumen.asked > before
    assert with_lumen.status == Status.OK
    assert with_lumen.reauth_flows == 0
    assert with_lumen.complaints == []


async def test_a_401_that_could_not_be_confirmed_is_no_dead_login(with_lumen: Trouble) -> None:
    house = with_lumen.house
    await house.set_up(house.entry())
    house.sim.faults.add(Lumen.CONSENTS.endpoint, CATALOGUE["401_bare"](), times=1)
    house.sim.faults.add(Lumen.CONSENTS.endpoint, CATALOGUE["503_seconds"](), times=1)
    await with_lumen.wait(HOURLY)
    assert with_lumen.status == Status.UNREACHABLE
    assert with_lumen.reauth_flows == 0
    before = with_lumen.asked
    await with_lumen.wait(TOLD_TO_WAIT - timedelta(seconds=5))
    assert with_lumen.asked == before


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
async def test_a_day_that_cannot_be_read_ends_nothing(with_lumen: Trouble, name: str) -> None:
    await with_lumen.house.set_up(with_lumen.house.entry())
    assert with_lumen.witness == STATE_ON
    with_lumen.fail(Lumen.NEWEST_DAY, name)
    await with_lumen.wait(timedelta(hours=23))
    assert with_lumen.witness == STATE_ON


async def test_a_restart_while_the_vendor_is_down(
    with_lumen: Trouble, announced: list[State]
) -> None:
    house = with_lumen.house
    maria = house.sim.lumen.default.person(MARIA).shared_user_id
    entry = await house.set_up(house.entry())
    hass = house.hass

    # Home Assistant starts, the next day's alerts are written down, and it dies before automations listen.
    await hass.config_entries.async_unload(entry.entry_id)
    hass.set_state(CoreState.starting)
    await with_lumen.wait(timedelta(days=1))
    await house.set_up(entry)
    assert announced == []
    await hass.config_entries.async_unload(entry.entry_id)

    port = int(house.sim.url.rpartition(":")[2])
    await house.sim.stop()
    hass.set_state(CoreState.running)
    with_lumen.caplog.clear()
    await house.set_up(entry)

    assert entry.state is ConfigEntryState.LOADED
    assert with_lumen.status == Status.UNREACHABLE
    assert with_lumen.witness == STATE_ON
    assert house.state("sensor", "weight", maria).state == "78.1"
    assert len(with_lumen.complaints) == 1
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
    await with_lumen.wait(MINUTE + timedelta(seconds=2))
    assert with_lumen.status == Status.OK
    assert len(announced) == 4
    with_lumen.assert_discreet()


async def test_a_wait_outlives_a_restart(with_lumen: Trouble) -> None:
    house = with_lumen.house
    entry = await house.set_up(house.entry())
    with_lumen.fail(Lumen.CONSENTS, "429_seconds")
    await with_lumen.wait(HOURLY)
    with_lumen.mend()
    before = with_lumen.asked
    assert await house.hass.config_entries.async_reload(entry.entry_id)
    await with_lumen.wait(TOLD_TO_WAIT - timedelta(seconds=5))
    assert with_lumen.asked == before
    assert with_lumen.status == Status.RATE_LIMITED
    await with_lumen.wait(timedelta(seconds=10))
    assert with_lumen.asked > before
    assert with_lumen.status == Status.OK


async def test_a_redirect_is_not_followed(with_lumen: Trouble) -> None:
    await with_lumen.house.set_up(with_lumen.house.entry())
    with_lumen.fail(Lumen.NEWEST_DAY, "redirect")
    await with_lumen.wait(HOURLY)
    assert with_lumen.status == Status.UNREACHABLE
    assert with_lumen.house.sim.requests("elsewhere") == []


async def test_time_alone_turns_a_source_silent(with_lumen: Trouble) -> None:
    """No poll has to answer, nor even to fail: the deadline is enough."""
    house = with_lumen.house
    entry = house.entry(pref_disable_polling=True)
    await house.set_up(entry)
    before = with_lumen.asked
    complete_at = NOON.replace(hour=6)
    await house.until(complete_at + timedelta(hours=26) - timedelta(seconds=1))
    assert house.state("binary_sensor", "silent").state == STATE_OFF
    await house.until(complete_at + timedelta(hours=26))
    silent = house.state("binary_sensor", "silent")
    assert (silent.state, silent.attributes["reason"]) == (STATE_ON, Status.NO_NEW_DATA)
    assert with_lumen.status == Status.NO_NEW_DATA
    assert with_lumen.witness == STATE_ON
    await house.until(complete_at + timedelta(hours=48))
    assert with_lumen.witness == STATE_UNAVAILABLE
    assert with_lumen.asked == before
