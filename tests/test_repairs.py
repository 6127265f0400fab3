"""Repairs: each can be acted on, and what only the source's own app can tell is done once somebody has looked there."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component

from custom_components.care_alerts.const import DOMAIN

from .care import Care
from .conftest import House
from .spoken import COMPONENT, read_json
from .world import add_person


def issues(hass: HomeAssistant, key: str) -> list[ir.IssueEntry]:
    """Ours of a kind that somebody is shown."""
    return [
        issue
        for (domain, _), issue in ir.async_get(hass).issues.items()
        if domain == DOMAIN
        and issue.translation_key == key
        and issue.active
        and not issue.dismissed_version
    ]


async def look(hass: HomeAssistant, key: str) -> Any:
    """Open the repair, and confirm to have looked."""
    assert await async_setup_component(hass, "repairs", {})
    [issue] = issues(hass, key)
    assert issue.is_fixable
    manager = hass.data["repairs"]["flow_manager"]
    step = await manager.async_init(DOMAIN, context={"issue_id": issue.issue_id})
    assert step["step_id"] == "confirm"
    assert step["description_placeholders"] == issue.translation_placeholders
    return await manager.async_configure(step["flow_id"], {})


async def test_lost_days_are_looked_up_once(house: House) -> None:
    add_person(house)
    entry = await house.set_up(house.entry())
    await house.hass.config_entries.async_unload(entry.entry_id)
    await house.pass_time(days=20)
    await house.set_up(entry)
    result = await look(house.hass, "days_lost")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "looked"
    for _ in range(2):
        assert issues(house.hass, "days_lost") == []
        await house.hass.config_entries.async_reload(entry.entry_id)
        await house.settle()
    # Others are another thing to look up.
    await house.hass.config_entries.async_unload(entry.entry_id)
    await house.pass_time(days=20)
    await house.set_up(entry)
    assert issues(house.hass, "days_lost")


async def test_what_was_set_aside_is_looked_up_each_time(care: Care) -> None:
    for _ in range(2):
        await care.coordinator.store.set_aside({"of": "no sense"})
        result = await look(care.hass, "journal_set_aside")
        assert result["type"] is FlowResultType.CREATE_ENTRY
        assert issues(care.hass, "journal_set_aside") == []


def test_each_can_be_acted_on() -> None:
    """It has a flow, or its text says what to do in a paragraph of its own."""
    for key, texts in read_json(COMPONENT / "translations" / "en.json")["issues"].items():
        if "fix_flow" not in texts:
            _, *way_out = texts["description"].split("\n\n")
            assert way_out, key
            assert not any("nothing needs" in one.casefold() for one in way_out), key
