"""A source's life in Home Assistant: unloaded, reloaded, restarted, removed, with real files."""

from datetime import timedelta
import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import CoreState, HomeAssistant, State
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, get_system_health_info
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.care_alerts import async_remove_config_entry_device
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.responder import RESPONDER
from custom_components.care_alerts.sources.identifiers import source_identifier
from simulator import CATALOGUE
from simulator.scenarios import HENK, MARIA
from tests.conftest import House, coordinator_of
from tests.responses.house import household_entry, plan

pytestmark = pytest.mark.real_files


@pytest.fixture
def maria(house: House) -> str:
    """Load the demo's people; Maria's id."""
    house.sim.load("demo")
    return house.sim.lumen.default.person(MARIA).shared_user_id


def store(hass: HomeAssistant, entry: MockConfigEntry) -> Path:
    """Where a source's journal lies."""
    return Path(hass.config.path(".storage", f"{DOMAIN}.{entry.entry_id}"))


def _journals(hass: HomeAssistant) -> list[Path]:
    """All that we have stored."""
    return list(Path(hass.config.path(".storage")).glob(f"{DOMAIN}.*"))


def told(announced: list[State]) -> list[tuple[str, str, bool]]:
    """What was announced, in order: person, type, redelivered."""
    return [
        (
            state.name.partition(" ")[0],
            state.attributes["alert_type"],
            state.attributes["redelivered"],
        )
        for state in announced
    ]


TOMORROW = [
    ("henk.devries", "weight", False),
    ("maria.keller", "flex", False),
    ("maria.keller", "medication", False),
    ("maria.keller", "weight", False),
]
"""What the demo's next day brings."""


async def test_unload(house: House, maria: str) -> None:
    entry = await house.set_up(house.entry())
    assert house.state("binary_sensor", "medication", maria).state == STATE_ON
    assert await house.hass.config_entries.async_unload(entry.entry_id)
    assert entry.state is ConfigEntryState.NOT_LOADED
    assert house.state("binary_sensor", "medication", maria).state == STATE_UNAVAILABLE
    before = len(house.sim.log)
    await house.pass_time(days=3)
    assert len(house.sim.log) == before


async def test_a_reload_tells_nothing_twice(
    house: House, maria: str, announced: list[State]
) -> None:
    entry = await house.set_up(house.entry())
    assert announced == []
    await house.pass_time(days=1)
    assert sorted(told(announced)) == TOMORROW
    for _ in range(3):
        assert await house.hass.config_entries.async_reload(entry.entry_id)
        await house.settle()
    assert sorted(told(announced)) == TOMORROW
    last = house.state("event", "alert", maria)
    assert last.state != "unknown"
    assert last.attributes["alert_id"]
    before = len(house.sim.log)
    await house.pass_time(hours=1, seconds=2)
    assert len(house.sim.log) > before


async def test_what_a_restart_left_in_between_is_told_again(
    house: House, maria: str, announced: list[State]
) -> None:
    """Alerts that are written down before Home Assistant has started wait until somebody listens."""
    hass = house.hass
    entry = await house.set_up(house.entry())
    await hass.config_entries.async_unload(entry.entry_id)
    hass.set_state(CoreState.starting)
    await house.pass_time(days=1)
    await house.set_up(entry)
    assert house.state("binary_sensor", "medication", maria).state == STATE_ON
    assert announced == []

    await hass.config_entries.async_unload(entry.entry_id)
    hass.set_state(CoreState.running)
    await house.set_up(entry)
    assert sorted(told(announced)) == [(who, what, True) for who, what, _ in TOMORROW]
    assert len({state.attributes["alert_id"] for state in announced}) == 4
    assert all(state.attributes["late"] for state in announced)
    await hass.config_entries.async_reload(entry.entry_id)
    await house.settle()
    assert len(announced) == 4


async def test_nothing_is_told_before_home_assistant_has_started(
    house: House, maria: str, announced: list[State]
) -> None:
    """Not what was missed while it was off, and not what a poll brings meanwhile."""
    hass = house.hass
    entry = await house.set_up(house.entry())
    await hass.config_entries.async_unload(entry.entry_id)
    hass.set_state(CoreState.starting)
    await house.pass_time(days=1)
    await house.set_up(entry)
    await house.pass_time(days=1)
    assert len(entry.runtime_data.store.ledger.pending()) == 8
    assert announced == []
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await house.settle()
    assert sorted(told(announced)[:4]) == sorted(told(announced)[4:]) == TOMORROW
    days = [state.attributes["details"]["date"] for state in announced]
    assert days == ["2026-11-18"] * 4 + ["2026-11-19"] * 4


async def test_removal_leaves_nothing_behind(house: House, maria: str) -> None:
    hass = house.hass
    entry = await house.set_up(house.entry())
    other = house.sim.lumen.add_account("another-key")
    other.add_person("ines@example.com")
    kept = await house.set_up(house.entry(data={"api_key": other.api_key}))
    assert store(hass, entry).exists()
    hass.states.async_set("light.hall", "on")
    lamp = {"entity_id": "light.hall", "key": "night"}
    await hass.services.async_call(DOMAIN, "remember", lamp, blocking=True)
    memory = Path(hass.config.path(".storage", f"{DOMAIN}.memory"))
    assert memory in _journals(hass)
    assert await hass.config_entries.async_remove(entry.entry_id)
    await house.settle()
    assert set(_journals(hass)) == {store(hass, kept), memory}
    assert dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id) == []
    assert er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id) == []
    assert kept.state is ConfigEntryState.LOADED
    assert await hass.config_entries.async_remove(kept.entry_id)
    assert _journals(hass) == []


async def test_a_removed_source_comes_back_with_the_same_entities(
    house: House, maria: str, announced: list[State]
) -> None:
    """History is history again: automations go on, nothing old is announced."""
    hass = house.hass
    first = await house.set_up(house.entry())
    entity_id = house.entity_id("binary_sensor", "medication", maria)
    await hass.config_entries.async_remove(first.entry_id)
    await house.settle()
    await house.set_up(house.entry())
    assert house.entity_id("binary_sensor", "medication", maria) == entity_id
    assert announced == []


@pytest.mark.parametrize(
    "stored",
    [
        {},
        [],
        {"ledger": None, "state": {}},
        {"ledger": [], "state": {}},
        {"ledger": {"forgotten_to": "long ago", "lines": []}, "state": {}},
        {"ledger": {"forgotten_to": "2026-10-01T00:00:00+00:00", "lines": 7}, "state": {}},
        {"ledger": {"forgotten_to": "2026-10-01T00:00:00+00:00", "lines": [{}]}, "state": {}},
        {"ledger": {"forgotten_to": "2026-10-01T00:00:00+00:00", "lines": []}, "state": []},
    ],
)
async def test_a_journal_of_the_wrong_shape(
    house: House,
    maria: str,
    announced: list[State],
    caplog: pytest.LogCaptureFixture,
    stored: object,
) -> None:
    hass = house.hass
    entry = house.entry()
    await _write(hass, entry, json.dumps({"version": 1, "key": "", "data": stored}))

    await house.set_up(entry)

    assert entry.state is ConfigEntryState.LOADED
    assert house.state("sensor", "status").state == "ok"
    assert house.state("binary_sensor", "medication", maria).state == STATE_ON
    assert announced == []
    aside = store(hass, entry).with_name(f"{store(hass, entry).name}.corrupt")
    assert (await _read(hass, aside))["data"] == {"stored": stored}
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"journal_set_aside_{entry.entry_id}")
    assert issue is not None
    assert issue.translation_placeholders == {"file": aside.name}
    assert caplog.text.count("could not be read") == 1

    await house.pass_time(days=1)
    assert sorted(told(announced)) == TOMORROW
    assert await hass.config_entries.async_remove(entry.entry_id)
    assert not aside.exists()
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue.issue_id) is None


async def test_a_journal_of_a_version_to_come(
    house: House, maria: str, announced: list[State]
) -> None:
    """An older version of ours was put back: it begins anew, and leaves the other's file to it."""
    hass, entry = house.hass, house.entry()
    await _write(hass, entry, json.dumps({"version": 2, "key": "", "data": {"ledger": "chapters"}}))

    await house.set_up(entry)

    assert entry.state is ConfigEntryState.LOADED
    assert house.state("binary_sensor", "medication", maria).state == STATE_ON
    assert announced == []
    aside = store(hass, entry).with_name(f"{store(hass, entry).name}.corrupt")
    assert (await _read(hass, aside))["data"] == {"ledger": "chapters"}


@pytest.mark.parametrize("content", ["", "{", '{"version": 1, "data": {"ledger"', "\x00" * 64])
async def test_a_journal_that_is_no_json(
    house: House, maria: str, announced: list[State], content: str
) -> None:
    """Home Assistant itself sets such a file aside."""
    hass = house.hass
    entry = house.entry()
    await _write(hass, entry, content)
    await house.set_up(entry)
    assert entry.state is ConfigEntryState.LOADED
    assert house.state("binary_sensor", "medication", maria).state == STATE_ON
    assert announced == []
    path = store(hass, entry)
    assert len(list(path.parent.glob(f"{path.name}.corrupt*"))) == 1
    assert (await _read(hass, path))["data"]["ledger"]["lines"]


@pytest.mark.parametrize(
    "change",
    [
        {"state": {}},
        {"state": {"last_contact": 7, "wait_until": [], "provider": "none"}},
        {"state": {"last_contact": "then", "wait_until": "soon", "provider": {"people": 7}}},
        {"state": {"last_contact": "2026-11-18T12:00:00", "wait_until": "2026-13-45T12:00:00Z"}},
        {"state": {"provider": {"people": {}, "days": {"today": {}}, "unavailable": []}}},
    ],
)
async def test_a_state_that_cannot_be_read_is_first_contact(
    house: House, maria: str, announced: list[State], change: dict[str, Any]
) -> None:
    """The ledger is kept: what was announced stays announced, and who takes care of what."""
    hass = house.hass
    entry = await house.set_up(house.entry())
    await house.pass_time(days=1)
    assert len(announced) == 4
    medication = house.entity_id("binary_sensor", "medication", maria)
    await hass.services.async_call(DOMAIN, "acknowledge", {"entity_id": medication}, blocking=True)
    await hass.config_entries.async_unload(entry.entry_id)
    stored = await _read(hass, store(hass, entry))
    stored["data"] |= change
    await _write(hass, entry, json.dumps(stored))
    await house.set_up(entry)
    assert entry.state is ConfigEntryState.LOADED
    assert {one["delivery"] for one in entry.runtime_data.store.ledger.to_dict()["lines"]} == {
        *(line["delivery"] for line in stored["data"]["ledger"]["lines"])
    }
    assert house.state("binary_sensor", "medication", maria).attributes["acknowledged"]
    assert house.state("binary_sensor", "medication", maria).state == STATE_ON
    await house.pass_time(hours=2)
    assert len(announced) == 4


async def test_a_kept_time_without_a_zone_keeps_no_source_from_starting(
    house: House, maria: str
) -> None:
    """It cannot be compared with any other."""
    hass = house.hass
    entry = await house.set_up(house.entry())
    await house.pass_time(days=1)
    await hass.config_entries.async_unload(entry.entry_id)
    stored = await _read(hass, store(hass, entry))
    for heard in stored["data"]["state"]["provider"]["days"].values():
        heard["generated_at"] = heard["generated_at"].removesuffix("+00:00")
    await _write(hass, entry, json.dumps(stored))
    await house.set_up(entry)
    assert entry.state is ConfigEntryState.LOADED
    assert house.state("binary_sensor", "medication", maria).state == STATE_ON


async def test_a_line_that_cannot_be_read_does_not_cost_the_others(
    house: House, maria: str, announced: list[State], caplog: pytest.LogCaptureFixture
) -> None:
    hass = house.hass
    entry = await house.set_up(house.entry())
    await house.pass_time(days=1)
    await hass.config_entries.async_unload(entry.entry_id)
    stored = await _read(hass, store(hass, entry))
    lines = stored["data"]["ledger"]["lines"]
    lines[0]["alert"]["severity"] = "purple"
    lines[1]["alert"]["observed_at"] = None
    lines[2]["alert"]["details"] = {}
    lines.append({"delivery": "pending"})
    await _write(hass, entry, json.dumps(stored))
    await house.set_up(entry)
    assert entry.state is ConfigEntryState.LOADED
    assert len(announced) == 4
    assert "of the kept alerts could not be read" in caplog.text


async def _write(hass: HomeAssistant, entry: MockConfigEntry, content: str) -> None:
    """Put a journal into place."""
    path = store(hass, entry)

    def write() -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)

    await hass.async_add_executor_job(write)


async def _read(hass: HomeAssistant, path: Path) -> Any:
    """Read a storage file."""
    return json.loads(await hass.async_add_executor_job(path.read_text))


async def test_which_devices_can_be_removed(
    house: House, maria: str, hass_ws_client: WebSocketGenerator
) -> None:
    """Not the source, nobody the source speaks of; somebody it no longer speaks of, for good."""
    hass, account = house.hass, house.sim.lumen.default
    ines = account.add_person("ines@example.com", granted_at=house.now - timedelta(days=9))
    entry = await house.set_up(house.entry())
    assert await async_setup_component(hass, "config", {})
    client = await hass_ws_client(hass)

    async def remove(device: dr.DeviceEntry) -> bool:
        answer = await client.remove_device(device.id)
        await house.settle()
        return bool(answer["success"])

    assert not await remove(house.source_device(entry))
    assert not await remove(_device(house, entry, "maria.keller"))
    assert len(dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)) == 4

    account.revoke(ines)
    await house.pass_time(hours=2)
    assert await remove(_device(house, entry, "ines"))
    await house.pass_time(hours=2)
    await hass.config_entries.async_reload(entry.entry_id)
    await house.settle()
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    assert {device.name for device in devices} == {"Lumen", "maria.keller", "henk.devries"}

    # Whoever consents again is followed again.
    account.grant(ines)
    await house.pass_time(hours=2)
    assert _device(house, entry, "ines")


def _device(house: House, entry: MockConfigEntry, name: str) -> dr.DeviceEntry:
    """A device by its name."""
    (device,) = (
        device
        for device in dr.async_entries_for_config_entry(dr.async_get(house.hass), entry.entry_id)
        if device.name == name
    )
    return device


async def test_a_device_of_nobody_can_be_removed(house: House, maria: str) -> None:
    """What a failed migration or a restored backup may leave."""
    hass = house.hass
    entry = await house.set_up(house.entry())
    left_over = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={(DOMAIN, "lumen_gone")}, name="gone"
    )
    assert source_identifier(entry) not in left_over.identifiers
    await hass.config_entries.async_reload(entry.entry_id)
    await house.settle()
    # Nobody chose to follow them no longer: it is not ours to remove, but the user's.
    assert _device(house, entry, "gone")
    assert await async_remove_config_entry_device(hass, entry, left_over)


async def test_of_a_source_that_does_not_run_no_device_can_be_removed(
    house: House, maria: str
) -> None:
    """Whether it still speaks of somebody is not known."""
    entry = await house.set_up(house.entry())
    device = _device(house, entry, "maria.keller")
    await house.hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    await house.settle()
    assert not await async_remove_config_entry_device(house.hass, entry, device)


async def test_system_health(house: House, maria: str) -> None:
    hass = house.hass
    assert await async_setup_component(hass, "system_health", {})
    await house.set_up(house.entry())
    expected = {"sources": 1, "sources_silent": 0, "people": 2}
    assert await get_system_health_info(hass, DOMAIN) == expected
    house.sim.faults.add("*", CATALOGUE["503_bare"]())
    await house.pass_time(days=2)
    assert await get_system_health_info(hass, DOMAIN) == expected | {"sources_silent": 1}
    assert house.sim.lumen.default.person(HENK)


@pytest.mark.parametrize("is_source", [True, False], ids=["source", "household"])
async def test_what_could_not_be_unloaded_goes_on(house: House, is_source: bool) -> None:
    entry = house.entry() if is_source else household_entry(plan("Plan"))
    await house.set_up(entry)
    entries = house.hass.config_entries
    with patch.object(entries, "async_unload_platforms", return_value=False):
        assert not await entries.async_unload(entry.entry_id)
    assert entry.state is ConfigEntryState.FAILED_UNLOAD
    if is_source:
        assert not coordinator_of(entry).has_stopped
    else:
        assert house.hass.data[RESPONDER].household is not None
    # Nobody can get it out of that but by starting Home Assistant anew.
    entry.mock_state(house.hass, ConfigEntryState.LOADED)
    assert await entries.async_unload(entry.entry_id)
