"""What the tests share: a real Home Assistant in process, the simulator on loopback, and one clock for both."""

from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import SystemRandom
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth.const import GROUP_ID_USER
from homeassistant.auth.models import User
from homeassistant.components.application_credentials import (
    ClientCredential,
    async_import_client_credential,
)
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, State, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from homeassistant.helpers.entity import Entity
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    mock_storage,
)
from pytest_socket import socket_allow_hosts

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.sources.coordinator import SourceCoordinator
from custom_components.care_alerts.sources.identifiers import source_identifier
from custom_components.care_alerts.sources.tidepool.history import AnnouncedEpisode
from simulator import Simulator
from simulator.dexcom import Wearer
from simulator.tidepool import Account

from .databases import _database_server, add_option, database
from .home import _voice_packages, home, oma, outside
from .spoken import Spoken

if TYPE_CHECKING:
    from .care import Care

__all__ = ["_database_server", "_voice_packages", "database", "home", "oma", "outside"]
"""Fixtures that are made elsewhere."""

# A Wednesday noon: Tuesday has been analysed.
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)

# Mashumaro reads what a class that holds itself is made of when it is first used: not in frozen time, whose datetime is another.
AnnouncedEpisode.from_dict(AnnouncedEpisode(started=NOON, last=NOON, told_at=NOON).to_dict())


ONE_IN: Final = 8
"""Of the tables of faults, so many are tried on every run: each fault at some request, each request with many faults."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let all of it be tried, and elsewhere."""
    add_option(parser)
    parser.addoption(
        "--thorough",
        action="store_true",
        help="every fault at every request, not one in eight",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out most of the tables of faults, the same on every run, unless all are wanted or one is named."""
    if config.getoption("--thorough") or any("::" in one for one in config.args):
        return
    tables: dict[str, int] = {}
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        marker = item.get_closest_marker("table_of_faults")
        if marker is None or not isinstance(item, pytest.Function):
            kept.append(item)
            continue
        table = tables.setdefault(item.originalname, len(tables))
        where = sum(item.callspec.indices.values()) + table
        (left_out if where % ONE_IN else kept).append(item)
    if left_out:
        items[:] = kept
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(autouse=True)
def _load_care_alerts(request: pytest.FixtureRequest) -> None:
    """Let Home Assistant load the component of this checkout; a recorder has to be there before it."""
    if "recorder_mock" in request.fixturenames:
        request.getfixturevalue("recorder_mock")
    request.getfixturevalue("enable_custom_integrations")


@pytest.fixture
def recorder_db_url(socket_enabled: None, database: str | None, recorder_db_url: str) -> str:
    """Where the recorder writes: by itself SQLite, in memory; a server is spoken to over its Unix socket."""
    socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
    return database or recorder_db_url


@pytest.fixture(autouse=True)
def _ids_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have registries give each entity an id of its own: Hypothesis seeds what they draw from anew for each example."""
    monkeypatch.setattr("homeassistant.util.uuid.getrandbits", SystemRandom().getrandbits)


@pytest.fixture(autouse=True)
def _words_for_all_that_is_said(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Fail a test in which a person would have read a text that is not there, or one with a gap."""
    spoken = Spoken()
    spoken.listen(monkeypatch)
    yield
    assert spoken.wrong == []


@pytest.fixture
def hass_storage(request: pytest.FixtureRequest) -> Generator[dict[str, Any]]:
    """What is stored, and stands in for the files, if a test is not marked `real_files`."""
    if request.node.get_closest_marker("real_files"):
        yield {}
        return
    with mock_storage() as stored:
        yield stored


@pytest.fixture
def hass_config_dir(request: pytest.FixtureRequest, hass_config_dir: str) -> str:
    """The kit's configuration; for a test marked `real_files` one of its own, in `tmp_path`."""
    if request.node.get_closest_marker("real_files"):
        return str(request.getfixturevalue("tmp_path"))
    return hass_config_dir


@pytest.fixture
async def sim(socket_enabled: None, freezer: FrozenDateTimeFactory) -> AsyncGenerator[Simulator]:
    """The vendors, at the same frozen time as Home Assistant."""
    freezer.move_to(NOON)
    async with Simulator(start=NOON, speed=0) as simulator:
        yield simulator


@dataclass
class House:
    """A Home Assistant and the vendors it asks, moved through time together."""

    hass: HomeAssistant
    sim: Simulator
    freezer: FrozenDateTimeFactory

    @property
    def now(self) -> datetime:
        """The time it is."""
        return self.sim.clock.now()

    async def pass_time(self, **amount: float) -> None:
        """Let time pass and everything happen that is due then."""
        await self.until(self.now + timedelta(**amount))

    async def until(self, moment: datetime) -> None:
        """Go to a moment, and let everything happen that is due by then."""
        self.sim.clock.set(moment)
        self.freezer.move_to(moment)
        async_fire_time_changed(self.hass, moment)
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        await self.hass.async_block_till_done(wait_background_tasks=True)

    def entry(self, **more: Any) -> MockConfigEntry:
        """An entry for the simulator's Lumen account, not yet set up."""
        data = {
            "source": "lumen",
            "base_url": self.sim.lumen.url,
            "api_key": self.sim.lumen.api_key,
        }
        return MockConfigEntry(
            domain=DOMAIN, title="Lumen", data=data | more.pop("data", {}), **more
        )

    async def dexcom_entry(
        self, wearer: Wearer | None = None, *, region: str = "us", **more: Any
    ) -> MockConfigEntry:
        """An entry for a wearer of the simulator's Dexcom, logged in but not yet set up."""
        vendor = self.sim.dexcom.region(region)
        wearer = wearer or vendor.wearer("SandboxUser7")
        assert await async_setup_component(self.hass, "application_credentials", {})
        credential = ClientCredential(vendor.client_id, vendor.client_secret, region)
        await async_import_client_credential(self.hass, DOMAIN, credential, f"app-{region}")
        token = vendor.grant(wearer)
        data = {
            "source": "dexcom",
            "region": vendor.url,
            "auth_implementation": f"app-{region}",
            "token": token
            | {
                "expires_at": self.now.timestamp() + token["expires_in"],
                "redirect_uri": "https://example.com/auth/external/callback",
            },
        }
        return MockConfigEntry(
            domain=DOMAIN,
            title=more.pop("title", "Dexcom"),
            unique_id=wearer.user_id,
            data=data | more.pop("data", {}),
            **more,
        )

    def tidepool_entry(self, account: Account | None = None, **more: Any) -> MockConfigEntry:
        """An entry for a care partner of the simulator's Tidepool, not yet set up."""
        account = account or self.sim.tidepool.account
        data = {
            "source": "tidepool",
            "environment": self.sim.tidepool.url,
            "username": account.username,
            "password": account.password,
            "user_id": account.user_id,
        }
        return MockConfigEntry(
            domain=DOMAIN,
            title="Tidepool",
            unique_id=account.user_id,
            data=data | more.pop("data", {}),
            **more,
        )

    async def set_up(self, entry: MockConfigEntry) -> MockConfigEntry:
        """Add an entry and set it up."""
        if entry.entry_id not in {e.entry_id for e in self.hass.config_entries.async_entries()}:
            entry.add_to_hass(self.hass)
        await self.hass.config_entries.async_setup(entry.entry_id)
        await self.settle()
        return entry

    def entity_id(
        self,
        platform: str,
        key: str,
        person: str | None = None,
        entry: MockConfigEntry | None = None,
    ) -> str:
        """The id of an entity, found by its unique id."""
        entry = entry or self.hass.config_entries.async_entries(DOMAIN)[0]  # type: ignore[assignment]
        assert entry is not None
        source = entry.data["source"]
        if source == "tidepool":
            source = f"{source}_{entry.data['user_id']}"
        unique_id = f"{source}_{person}_{key}" if person else f"{entry.entry_id}_{key}"
        entity_id = er.async_get(self.hass).async_get_entity_id(platform, DOMAIN, unique_id)
        assert entity_id is not None, unique_id
        return entity_id

    def state(
        self,
        platform: str,
        key: str,
        person: str | None = None,
        entry: MockConfigEntry | None = None,
    ) -> State:
        """The state of an entity, found by its unique id."""
        state = self.hass.states.get(self.entity_id(platform, key, person, entry))
        assert state is not None
        return state

    async def press(
        self, key: str, person: str | None = None, entry: MockConfigEntry | None = None
    ) -> None:
        """Press a button; return as soon as it has done what it does."""
        button = self.entity_id("button", key, person, entry)
        await self.hass.services.async_call("button", "press", {"entity_id": button}, blocking=True)

    def source_device(self, entry: MockConfigEntry) -> dr.DeviceEntry:
        """The device of a source."""
        device = dr.async_get(self.hass).async_get_device_by_identifier(
            source_identifier(entry),
            entry.entry_id,
        )
        assert device is not None
        return device


@pytest.fixture
def house(hass: HomeAssistant, sim: Simulator, freezer: FrozenDateTimeFactory) -> House:
    """Home Assistant, the vendors and their clock."""
    return House(hass, sim, freezer)


@pytest.fixture
def announced(hass: HomeAssistant) -> list[State]:
    """What the event entities announce, as an automation would hear it."""
    heard: list[State] = []

    @callback
    def listen(event: Event[EventStateChangedData]) -> None:
        new, old = event.data["new_state"], event.data["old_state"]
        if (
            new is not None
            and old is not None
            and new.domain == "event"
            and STATE_UNAVAILABLE not in (old.state, new.state)
            and new.state != old.state
        ):
            heard.append(new)

    hass.bus.async_listen("state_changed", listen)
    return heard


def told(announced: list[State], key: str) -> list[Any]:
    """One attribute of everything announced."""
    return [state.attributes[key] for state in announced]


def coordinator_of(entry: MockConfigEntry) -> SourceCoordinator:
    """The coordinator of a source that is set up."""
    coordinator = entry.runtime_data
    assert isinstance(coordinator, SourceCoordinator)
    return coordinator


def issues(house: House) -> dict[str, dict[str, str] | None]:
    """The repair issues: translation key -> placeholders."""
    return {
        issue.translation_key or "": issue.translation_placeholders
        for issue in ir.async_get(house.hass).issues.values()
        if issue.domain == DOMAIN
        and issue.active
        # What is left to do after set-up is so in nearly all tests; it has its own.
        and issue.translation_key != "next_steps"
    }


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests of the simulator's faults saw: each way it went, and the faults that went that way."""
    tables: dict[tuple[str, ...], dict[tuple[str, ...], list[str]]] = {}
    for report in terminalreporter.getreports("passed"):
        for name, outcome in report.user_properties:
            if name == "fault" and isinstance(outcome, dict):
                rest = dict(outcome)
                fault = rest.pop("fault")
                faults = tables.setdefault(tuple(rest), {})
                faults.setdefault(tuple(rest.values()), []).append(fault)
    for columns, faults in tables.items():
        _print_faults(terminalreporter, columns, faults)


def _print_faults(
    terminalreporter: pytest.TerminalReporter,
    columns: tuple[str, ...],
    faults: dict[tuple[str, ...], list[str]],
) -> None:
    rows = [columns, *sorted(faults)]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    terminalreporter.section("faults")
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        terminalreporter.write_line(line.rstrip(), bold=True)
        if row in faults:
            names = ", ".join(sorted(faults[row]))
            indent = " " * 4
            terminalreporter.write_line(
                fill(names, 110, initial_indent=indent, subsequent_indent=indent)
            )


@pytest.fixture
async def care(house: House) -> Care:
    """Maria's house, set up, nothing announced yet."""
    from .care import Care  # it needs the house that is made here

    return await Care.of(house)


@pytest.fixture
async def anna(hass: HomeAssistant) -> User:
    """Somebody of the household."""
    return await hass.auth.async_create_user("Anna", group_ids=[GROUP_ID_USER])


@pytest.fixture
async def ben(hass: HomeAssistant) -> User:
    """Somebody else."""
    return await hass.auth.async_create_user("Ben", group_ids=[GROUP_ID_USER])


@pytest.fixture
def all_enabled() -> Generator[None]:
    """Entities that are disabled by default, as somebody has them who enabled all."""
    with patch.object(Entity, "entity_registry_enabled_default", True):
        yield
