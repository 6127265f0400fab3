"""The options: whom to follow, from which severity on something is wrong, and for how long it stands."""

from datetime import timedelta
from functools import partial
from typing import Any

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.sources.identifiers import source_identifier
from simulator import CATALOGUE
from simulator.scenarios import HENK, MARIA
from tests.conftest import NOON, House
from tests.flows import suggested
from tests.wear import wear

INES = "ines@example.com"


@pytest.fixture
async def entry(house: House) -> MockConfigEntry:
    """Lumen, set up with everybody followed."""
    house.sim.load("demo")
    return await house.set_up(house.entry())


async def choose(house: House, entry: MockConfigEntry, **typed: Any) -> ConfigFlowResult:
    """Open the options and save them."""
    flows = house.hass.config_entries.options
    form = await flows.async_init(entry.entry_id)
    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == "init"
    answer = {"follow_later": True, "on_from": "medium"} | typed
    result = await flows.async_configure(form["flow_id"], answer)
    await house.settle()
    return result


def people(house: House, entry: MockConfigEntry) -> set[str | None]:
    """The names of the people's devices."""
    devices = dr.async_entries_for_config_entry(dr.async_get(house.hass), entry.entry_id)
    return {device.name for device in devices if source_identifier(entry) not in device.identifiers}


async def shown(house: House, entry: MockConfigEntry) -> dict[str, Any]:
    """What the options' form holds when it is opened."""
    flows = house.hass.config_entries.options
    form = await flows.async_init(entry.entry_id)
    assert form["data_schema"] is not None
    flows.async_abort(form["flow_id"])
    offered = form["data_schema"].schema["followed"].config["options"]
    return suggested(form) | {"offered": offered}


async def test_unfollowing_removes_the_device(house: House, entry: MockConfigEntry) -> None:
    assert people(house, entry) == {"maria.keller", "henk.devries"}
    assert await shown(house, entry) == {"offered": [HENK, MARIA]}

    result = await choose(house, entry, followed=[MARIA])

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.state is ConfigEntryState.LOADED
    assert people(house, entry) == {"maria.keller"}
    unique_ids = {
        registered.unique_id
        for registered in er.async_entries_for_config_entry(
            er.async_get(house.hass), entry.entry_id
        )
    }
    henk = house.sim.lumen.default.person(HENK).shared_user_id
    assert [unique_id for unique_id in unique_ids if henk in unique_id] == []
    assert house.state("sensor", "status").state == "ok"
    assert await shown(house, entry) == {
        "followed": [MARIA],
        "follow_later": True,
        "on_from": "medium",
        "offered": [HENK, MARIA],
    }


async def test_following_again_tells_no_old_news(
    house: House, entry: MockConfigEntry, announced: list[Any]
) -> None:
    await choose(house, entry, followed=[MARIA])
    await house.pass_time(days=2)
    announced.clear()
    await choose(house, entry, followed=[MARIA, HENK])
    assert people(house, entry) == {"maria.keller", "henk.devries"}
    henk = house.sim.lumen.default.person(HENK).shared_user_id
    assert house.state("sensor", "weight_status", henk).state == "in_range"
    assert announced == []
    await house.pass_time(days=1)
    assert HENK.partition("@")[0] not in {s.attributes["friendly_name"] for s in announced}
    assert house.state("sensor", "last_alert", henk).attributes["received_at"] <= str(house.now)


async def test_nobody_chosen_is_everybody(house: House, entry: MockConfigEntry) -> None:
    await choose(house, entry, followed=[HENK])
    assert people(house, entry) == {"henk.devries"}
    await choose(house, entry, followed=[])
    assert people(house, entry) == {"maria.keller", "henk.devries"}
    await choose(house, entry)
    assert people(house, entry) == {"maria.keller", "henk.devries"}


async def test_somebody_who_gave_no_consent(house: House, entry: MockConfigEntry) -> None:
    form = await choose(house, entry, followed=[MARIA, "nobody@example.com"])
    assert form["type"] is FlowResultType.FORM
    assert form["errors"] == {"followed": "no_consent"}
    assert form["description_placeholders"] is not None
    assert form["description_placeholders"]["strangers"] == "nobody@example.com"
    flows = house.hass.config_entries.options
    result = await flows.async_configure(
        form["flow_id"], {"followed": [MARIA], "follow_later": True, "on_from": "medium"}
    )
    await house.settle()
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert people(house, entry) == {"maria.keller"}


async def test_somebody_followed_who_withdrew_can_stay(
    house: House, entry: MockConfigEntry
) -> None:
    """Another option can be changed without losing them and what was heard of them."""
    await choose(house, entry, followed=[MARIA, HENK])
    house.sim.lumen.default.revoke(house.sim.lumen.default.person(HENK))
    held = await shown(house, entry)
    assert sorted(held["followed"]) == [HENK, MARIA]
    result = await choose(house, entry, followed=held["followed"], on_from="low")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert people(house, entry) == {"maria.keller", "henk.devries"}


@pytest.mark.parametrize("follow_later", [True, False])
async def test_people_who_consent_later(
    house: House, entry: MockConfigEntry, follow_later: bool
) -> None:
    await choose(house, entry, followed=[MARIA], follow_later=follow_later)
    await house.pass_time(hours=2)
    house.sim.lumen.default.add_person(INES)
    await house.pass_time(hours=2)
    expected = {"maria.keller", "ines"} if follow_later else {"maria.keller"}
    assert people(house, entry) == expected
    assert await house.hass.config_entries.async_reload(entry.entry_id)
    await house.settle()
    assert people(house, entry) == expected

    # Whoever came later counts as chosen when the options are opened again.
    held = await shown(house, entry)
    assert sorted(held["followed"]) == ([INES, MARIA] if follow_later else [MARIA])
    await choose(house, entry, followed=held["followed"], follow_later=False)
    assert people(house, entry) == expected


async def test_good_news_can_count_too(house: House, entry: MockConfigEntry) -> None:
    henk = house.sim.lumen.default.person(HENK).shared_user_id
    assert house.state("binary_sensor", "weight", henk).state == STATE_OFF
    assert house.state("sensor", "active_alerts", henk).state == "0"
    await choose(house, entry, on_from="low")
    assert house.state("binary_sensor", "weight", henk).state == STATE_ON
    assert house.state("sensor", "active_alerts", henk).state == "1"
    assert house.state("sensor", "highest_severity", henk).state == "low"
    assert people(house, entry) == {"maria.keller", "henk.devries"}
    await choose(house, entry, on_from="medium")
    assert house.state("binary_sensor", "weight", henk).state == STATE_OFF


async def test_options_while_lumen_is_down(house: House, entry: MockConfigEntry) -> None:
    """Those known are offered."""
    house.sim.faults.add("lumen.identity_mappings", CATALOGUE["503_bare"]())
    assert (await shown(house, entry))["offered"] == [HENK, MARIA]
    result = await choose(house, entry, followed=[HENK])
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.state is ConfigEntryState.LOADED
    assert people(house, entry) == {"henk.devries"}


async def test_when_people_were_chosen_stays_so_while_lumen_is_down(
    house: House, entry: MockConfigEntry
) -> None:
    """Whoever consents meanwhile is somebody who came later."""
    await choose(house, entry, followed=[HENK])
    chosen_at = entry.options["chosen_at"]
    house.sim.faults.add("lumen.identity_mappings", CATALOGUE["503_bare"]())
    await house.pass_time(minutes=10)
    await choose(house, entry, followed=[HENK], on_from="low")
    assert entry.options["chosen_at"] == chosen_at
    house.sim.faults.clear()
    await choose(house, entry, followed=[HENK])
    assert entry.options["chosen_at"] > chosen_at


@pytest.mark.parametrize("is_readable", [True, False])
async def test_options_while_neither_it_nor_lumen_runs(
    house: House, entry: MockConfigEntry, hass_storage: dict[str, Any], is_readable: bool
) -> None:
    """Those kept are offered, as far as they can be read."""
    await house.hass.config_entries.async_unload(entry.entry_id)
    await house.settle()
    kept = hass_storage[f"{DOMAIN}.{entry.entry_id}"]["data"]["state"]["provider"]
    if not is_readable:
        kept["people"] = 7
    house.sim.faults.add("*", CATALOGUE["503_bare"]())
    assert (await shown(house, entry))["offered"] == ([HENK, MARIA] if is_readable else [])


async def test_options_before_lumen_ever_answered(house: House) -> None:
    house.sim.faults.add("*", CATALOGUE["503_bare"]())
    entry = await house.set_up(house.entry())
    before = entry.state
    assert before is ConfigEntryState.SETUP_RETRY
    assert (await shown(house, entry))["offered"] == []
    result = await choose(house, entry, on_from="low")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options["on_from"] == "low"
    house.sim.faults.clear()
    house.sim.load("demo")
    await house.pass_time(minutes=2)
    assert entry.state is ConfigEntryState.LOADED


async def test_how_long_an_alert_of_dexcoms_stands(house: House) -> None:
    wearer = house.sim.dexcom.wearer("SandboxUser7")
    wear(wearer, NOON - timedelta(hours=2), NOON + timedelta(hours=8))
    wearer.add_alert("high", NOON - timedelta(minutes=65))
    entry = await house.set_up(await house.dexcom_entry())
    flows = house.hass.config_entries.options

    form = await flows.async_init(entry.entry_id)
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "dexcom")
    assert form["data_schema"] is not None
    assert form["data_schema"]({}) == {"hold_time": 120, "persistent_notifications": True}
    for refused in (14, 721, "long"):
        with pytest.raises(InvalidData):
            await flows.async_configure(form["flow_id"], {"hold_time": refused})
    result = await flows.async_configure(form["flow_id"], {"hold_time": 180.0})
    await house.settle()
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options == {"hold_time": 180}
    assert isinstance(entry.options["hold_time"], int)
    assert entry.state is ConfigEntryState.LOADED

    form = await flows.async_init(entry.entry_id)
    assert form["data_schema"] is not None
    hold_time, _ = form["data_schema"].schema
    assert hold_time.description == {"suggested_value": 180}
    flows.async_abort(form["flow_id"])

    await house.pass_time(minutes=90)
    high = partial(house.state, "binary_sensor", "high", wearer.user_id)
    assert high().state == STATE_ON
    await house.pass_time(minutes=30)
    assert high().state == STATE_OFF
