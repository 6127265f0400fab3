"""What earlier versions kept on disk is read without loss: files as they wrote them, in tests/fixtures/stored-VERSION.

They are frozen, never written anew: what a later version cannot read any more is lost to everybody who updates. Another set
is frozen with each release: `pytest tests/freeze_stored.py`. The vendors are out of reach, so all that is known is from disk.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
import json
from pathlib import Path
import re
import shutil
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.bootstrap import async_load_base_functionality
from homeassistant.core import CoreState, Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_test_home_assistant

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.event_data import EVENT_ALERT_RECEIVED

from .appliances import Bulb, install
from .lives import killed

FIXTURES = Path(__file__).parent / "fixtures"
STORED = sorted(FIXTURES.glob("stored-*"))
KNOWN = "known.json"
LASTING = re.compile(
    r"acknowledged\w*|alert_id|drill|end\w+|episode_id|note|\w+ed_at|severity|since|snoozed_until|step|subtype"
)
"""The attributes that must not be lost; others say what is so now."""

pytestmark = [pytest.mark.real_files, pytest.mark.usefixtures("_voice_packages", "socket_enabled")]

type Json = dict[str, Any]


@pytest.fixture
def expected_lingering_timers() -> bool:
    """The house is left as it runs: a process that ends has no timers."""
    return True


@asynccontextmanager
async def woken(files: Path) -> AsyncGenerator[HomeAssistant]:
    """Start a house on the files that it has, as Home Assistant does; stop it without a further write of ours."""
    async with async_test_home_assistant(
        config_dir=str(files), initial_state=CoreState.not_running, load_registries=False
    ) as hass:
        hass.data.pop(DATA_CUSTOM_COMPONENTS)
        announced: list[str] = []

        @callback
        def listen(event: Event[Any]) -> None:
            announced.append(event.data["title"])

        hass.bus.async_listen(EVENT_ALERT_RECEIVED, listen)
        assert await async_load_base_functionality(hass)
        await hass.config.async_set_time_zone("Europe/Amsterdam")
        await install(hass, {"hall": Bulb()})
        for name in ("application_credentials", "mobile_app", DOMAIN):
            assert await async_setup_component(hass, name, {})
        await hass.async_block_till_done(wait_background_tasks=True)
        await hass.async_start()
        await hass.async_block_till_done(wait_background_tasks=True)
        assert announced == [], "it was told before"
        yield hass
        with killed():
            for entry in hass.config_entries.async_entries(DOMAIN):
                await hass.config_entries.async_unload(entry.entry_id)
            await hass.async_stop(force=True)


async def known(hass: HomeAssistant) -> Json:
    """What a house knows, as JSON has it: its entities, and what its actions answer."""
    entries = hass.config_entries.async_entries(DOMAIN)
    people = [
        device.id
        for entry in entries
        for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        if entry.data["source"] in ("dexcom", "tidepool")
    ]
    answers = {
        action: await hass.services.async_call(
            DOMAIN, action, {"device_id": people} | more, blocking=True, return_response=True
        )
        for action, more in (
            ("get_alerts", {"include_drills": True}),
            ("get_readings", {"start": "2026-11-01T00:00:00+00:00"}),
        )
    }
    entities = {
        f"{one.domain}/{one.unique_id}": {
            "entity_id": one.entity_id,
            "name": one.name,
            "enabled": one.disabled_by is None,
            "state": state.state if (state := hass.states.get(one.entity_id)) else None,
            "lasting": {
                key: value
                for key, value in (state.attributes if state else {}).items()
                if LASTING.fullmatch(key)
            },
        }
        for one in er.async_get(hass).entities.values()
        if one.platform == DOMAIN
    }
    told = {
        "entities": entities,
        **answers,
        "entries": {one.entry_id: one.title for one in entries},
    }
    as_json: Json = json.loads(json.dumps(told, default=str, sort_keys=True))
    return as_json


def lost(before: Any, after: Any, path: str = "") -> list[str]:
    """Return where something that was known is not known any more; more may be."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            one
            for key, value in before.items()
            for one in lost(value, after.get(key, "nothing"), f"{path}/{key}")
        ]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [one for number, pair in pairs for one in lost(*pair, f"{path}/{number}")]
    return [] if before == after else [f"{path}: {before} is {after}"]


@pytest.fixture(params=STORED, ids=lambda path: path.name)
def stored(
    request: pytest.FixtureRequest, tmp_path: Path, freezer: FrozenDateTimeFactory
) -> tuple[Path, Json]:
    """Files of a version, in a directory of their own; and what was known of them then. It is the time at which they were frozen."""
    files: Path = request.param
    shutil.copytree(files, tmp_path / "home" / ".storage", ignore=lambda *_: [KNOWN])
    told: Json = json.loads((files / KNOWN).read_text())
    freezer.move_to(datetime.fromisoformat(told.pop("at")))
    return tmp_path / "home", told


def test_there_is_something_stored() -> None:
    assert STORED
    for files in STORED:
        kinds = {path.name.rpartition(".")[2] for path in files.glob(f"{DOMAIN}.*")}
        assert {"readings", "token", "responses", "memory"} <= kinds
        assert (files / f"{DOMAIN}_seal").exists()


async def test_a_start_reads_what_was_stored_without_loss(stored: tuple[Path, Json]) -> None:
    files, told = stored
    async with woken(files) as hass:
        assert lost(told, await known(hass)) == []


def newer(path: Path) -> None:
    """Have a file of the storage as a version to come may write it, of a minor version that is not known yet."""
    content = json.loads(path.read_text())
    content["minor_version"] += 1
    if path.name.endswith(".readings"):
        for person in content["data"].values():
            person["of_a_version_to_come"] = [1]
    elif path.name.startswith(DOMAIN):
        content["data"]["of_a_version_to_come"] = {"more": [1]}
    if path.name == "core.config_entries":
        for entry in content["data"]["entries"]:
            if entry["domain"] == DOMAIN:
                entry["minor_version"] += 1
                entry["data"]["of_a_version_to_come"] = True
        content["minor_version"] -= 1
    path.write_text(json.dumps(content))


async def test_a_downgrade_is_harmless(stored: tuple[Path, Json]) -> None:
    """Home Assistant's rule: what is of a newer minor version can be read, whatever more there is."""
    files, told = stored
    storage = files / ".storage"
    for path in (*storage.glob(f"{DOMAIN}*"), storage / "core.config_entries"):
        newer(path)
    async with woken(files) as hass:
        assert lost(told, await known(hass)) == []
    assert list(storage.glob("*.corrupt*")) == []
