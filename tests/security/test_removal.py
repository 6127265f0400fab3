"""What is left when a source, or all of it, is taken away."""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from homeassistant.components.application_credentials import DATA_COMPONENT as CREDENTIALS
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from homeassistant.helpers.json import json_bytes
import pytest

from custom_components.care_alerts.const import DOMAIN
from simulator import CATALOGUE
from tests.conftest import NOON
from tests.home import Home
from tests.responses.house import caregiver, plan, set_up
from tests.responses.test_banners import shown
from tests.sources.tidepool.conftest import SETTINGS
from tests.wear import wear

pytestmark = pytest.mark.real_files

AT_ONCE: Final = [{"step_id": "1", "after": 0, "tell": ["everybody"]}]


def _files(hass: HomeAssistant) -> dict[str, str]:
    return {
        path.name: path.read_text(errors="replace")
        for path in Path(hass.config.path(".storage")).iterdir()
        if path.is_file()
    }


def _issues(hass: HomeAssistant) -> list[str]:
    return [which for domain, which in ir.async_get(hass).issues if domain == DOMAIN]


async def test_nothing_of_anybody_is_left(home: Home) -> None:
    """Three sources and a household that have all told, asked and kept what they can."""
    hass, house = home.hass, home.house
    phone = await home.phone("Anna")
    household = await set_up(
        home,
        caregiver("Anna", phones=[phone.device_id]),
        plan(steps=AT_ONCE),
        plan("Another", steps=AT_ONCE),
    )
    jill = house.sim.tidepool.add_child("Jill Quillfeather")
    jill.share_with(house.sim.tidepool.account)
    jill.set_settings(
        house.sim.tidepool.account, SETTINGS | {"high": {"enabled": True, "threshold": {}}}
    )
    jill.add_reading(house.now, 2.2, uploaded_at=house.now)
    wearer = house.sim.dexcom.wearer("SandboxUser7")
    wear(wearer, NOON - timedelta(days=2), NOON)
    shared = await house.set_up(house.tidepool_entry())
    worn = await house.set_up(await house.dexcom_entry(wearer))
    await home.drill()
    hass.states.async_set("light.hall", "on")
    await hass.services.async_call(
        DOMAIN, "remember", {"entity_id": "light.hall", "key": "night"}, blocking=True
    )
    house.sim.dexcom.expire_access_tokens()
    await house.pass_time(minutes=20)
    house.sim.faults.add("tidepool.login", CATALOGUE["401_bare"]())
    house.sim.faults.add("lumen.alerts", CATALOGUE["401_bare"]())
    await house.pass_time(hours=2)

    entries = [home.care.entry, shared, worn, household.entry]
    secrets = [
        house.sim.lumen.api_key,
        house.sim.tidepool.account.password,
        worn.data["token"]["refresh_token"],
        "Quillfeather",
    ]
    kept = {name for name in _files(hass) if name.startswith(DOMAIN)}
    for entry in entries:
        if entry is not household.entry:
            assert f"{DOMAIN}.{entry.entry_id}" in kept
    assert {f"{DOMAIN}.responses", f"{DOMAIN}.memory", f"{DOMAIN}_seal"} <= kept
    assert f"{DOMAIN}.{worn.entry_id}.token" in kept
    assert shown(hass)
    assert len(_issues(hass)) >= 2
    assert phone.screen

    for entry in entries:
        await hass.config_entries.async_remove(entry.entry_id)
        await house.settle()
        assert not [which for which in _issues(hass) if entry.entry_id in which]
        assert not [which for which in shown(hass) if entry.entry_id in which]
        assert not [name for name in _files(hass) if entry.entry_id in name]
        assert not dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        assert not er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)

    await house.pass_time(minutes=10)
    assert [name for name in _files(hass) if name.startswith(DOMAIN)] == []
    assert _issues(hass) == []
    assert shown(hass) == {}
    assert phone.screen == {}
    assert [one for one in hass.states.async_all() if one.name.startswith("Jill")] == []
    assert [
        one for one in hass.config_entries.flow.async_progress() if one["handler"] == DOMAIN
    ] == []
    # Home Assistant's own files are written by and by.
    assert not _found(secrets, json_bytes([entry.as_dict() for entry in _entries(hass)]).decode())
    for name, text in _files(hass).items():
        if name.startswith(("core.config_entries", DOMAIN)):
            assert not _found(secrets, text), name
    # What the person entered at Home Assistant itself is for them to delete there.
    assert [one["domain"] for one in hass.data[CREDENTIALS].async_items()] == [DOMAIN]


async def test_keys_are_in_no_file_but_these(home: Home) -> None:
    """What a thief of the folder finds, and nobody else."""
    hass, house = home.hass, home.house
    house.sim.lumen.rotate_key("swordfish-of-lumen")
    lumen = house.entry(data={"api_key": "swordfish-of-lumen"})
    wearer = house.sim.dexcom.wearer("SandboxUser7")
    wear(wearer)
    house.sim.dexcom.client.client_secret = "swordfish-of-the-app"
    house.sim.tidepool.account.password = "swordfish-of-tidepool"
    jill = house.sim.tidepool.add_child("Jill")
    jill.share_with(house.sim.tidepool.account)
    worn = await house.dexcom_entry(wearer)
    for entry in (lumen, worn, house.tidepool_entry()):
        await house.set_up(entry)
    house.sim.dexcom.expire_access_tokens()
    await house.pass_time(hours=2)
    for known in hass.config_entries.async_entries(DOMAIN):
        await hass.config_entries.async_reload(known.entry_id)
    token = worn.data["token"]
    keys = ["swordfish", token["access_token"], token["refresh_token"]]
    folder = Path(hass.config.path(".storage"))
    ours = {name: text for name, text in _files(hass).items() if name.startswith(DOMAIN)}
    assert len(ours) >= 4
    assert {name for name, text in ours.items() if _found(keys, text)} == {
        f"{DOMAIN}.{worn.entry_id}.token"
    }
    assert {name: oct((folder / name).stat().st_mode)[-3:] for name in ours} == dict.fromkeys(
        ours, "600"
    )
    everywhere = str([one.as_dict() for one in hass.states.async_all()])
    assert not _found(keys, everywhere)


def _entries(hass: HomeAssistant) -> list[Any]:
    return hass.config_entries.async_entries()


def _found(secrets: list[str], text: str) -> list[str]:
    return [secret for secret in secrets if secret in text]
