"""After set-up: what is left to do is a repair, until it is done or somebody leaves it."""

from types import SimpleNamespace
from typing import Any

from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.dashboard_url import LOVELACE, STRATEGY
from custom_components.care_alerts.responses.next_steps import ISSUE
from tests.conftest import House
from tests.flows import answer, begin
from tests.responses.house import caregiver, household_entry, plan

PHONE = caregiver("Anna", notify=["notify.anna"])


def add_dashboard(house: House) -> None:
    """Somebody adds our dashboard."""

    async def load(force: bool) -> dict[str, Any]:
        return {"strategy": {"type": STRATEGY}}

    dashboards = {"care": SimpleNamespace(async_load=load)}
    house.hass.data[LOVELACE] = SimpleNamespace(dashboards=dashboards)


class Guide:
    """The flow of the repair, as somebody walks through it."""

    def __init__(self, house: House) -> None:
        """Have it opened by `open`."""
        self.hass = house.hass
        self.house = house

    async def open(self) -> Any:
        """Open the repair."""
        assert await async_setup_component(self.hass, "repairs", {})
        manager = self.hass.data["repairs"]["flow_manager"]
        return await manager.async_init(DOMAIN, context={"issue_id": ISSUE})

    async def go(self, step: Any, **typed: Any) -> Any:
        """Choose, or fill in a form."""
        manager = self.hass.data["repairs"]["flow_manager"]
        result = await manager.async_configure(step["flow_id"], typed)
        await self.house.settle()
        return result


@pytest.fixture
def guide(house: House) -> Guide:
    """The guide of a house with the demo's people."""
    house.sim.load("demo")
    return Guide(house)


def issue(house: House) -> ir.IssueEntry | None:
    """The repair, as it is."""
    return ir.async_get(house.hass).async_get_issue(DOMAIN, ISSUE)


async def test_the_last_step_of_the_set_up_and_a_repair_say_how_to_go_on(
    house: House, guide: Guide
) -> None:
    assert issue(house) is None
    form = await begin(house, "lumen")
    given = {"base_url": house.sim.lumen.url, "api_key": house.sim.lumen.api_key}
    result = await answer(house, form, **given)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert (found := issue(house)) is not None
    assert found.is_fixable
    await house.hass.config_entries.async_remove(result["result"].entry_id)
    await house.settle()
    assert issue(house) is None


async def test_it_leads_through_until_all_is_done(house: House, guide: Guide) -> None:
    entry = await house.set_up(house.entry())
    menu = await guide.open()
    assert menu["menu_options"] == ["dashboard", "phone", "test", "dismiss"]

    form = await guide.go(menu, next_step_id="dashboard")
    assert form["description_placeholders"] == {"dashboards": "/config/lovelace/dashboards"}
    form = await guide.go(form)
    assert form["errors"] == {"base": "no_dashboard"}
    add_dashboard(house)
    menu = await guide.go(form)
    assert menu["menu_options"] == ["phone", "test", "dismiss"]

    form = await guide.go(menu, next_step_id="test")
    menu = await guide.go(form)
    assert menu["menu_options"] == ["phone", "dismiss"]
    drills = [one for one in entry.runtime_data.ledger.alerts() if one.drill]
    assert len(drills) == 1

    ended = await guide.go(menu, next_step_id="phone")
    assert (ended["type"], ended["reason"]) == (FlowResultType.ABORT, "goes_on")
    kind, flow_id = ended["next_flow"]
    assert kind == "config_flow"
    assert house.hass.config_entries.flow.async_get(flow_id)["step_id"] == "household"
    assert issue(house) is not None
    await house.set_up(household_entry(PHONE, plan()))
    await house.pass_time(minutes=1)
    assert issue(house) is None


async def test_a_household_without_a_phone_gets_a_caregiver(house: House, guide: Guide) -> None:
    await house.set_up(house.entry())
    household = await house.set_up(household_entry(caregiver("Anna"), plan()))
    ended = await guide.go(await guide.open(), next_step_id="phone")
    kind, flow_id = ended["next_flow"]
    assert kind == "config_subentries_flow"
    flow = house.hass.config_entries.subentries.async_get(flow_id)
    assert flow["handler"] == (household.entry_id, "caregiver")
    assert flow["step_id"] == "user"


async def test_a_test_alert_goes_down_the_plans(house: House, guide: Guide) -> None:
    await house.set_up(house.entry())
    await house.set_up(household_entry(PHONE, plan()))
    menu = await guide.go(await guide.go(await guide.open(), next_step_id="test"))
    assert menu["menu_options"] == ["dashboard", "dismiss"]
    add_dashboard(house)
    done = await guide.go(await guide.go(menu, next_step_id="dashboard"))
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert issue(house) is None
    await house.pass_time(hours=1)
    assert issue(house) is None


async def test_a_test_without_anybody(house: House, guide: Guide) -> None:
    house.sim.lumen.default.reset()
    await house.set_up(house.entry())
    ended = await guide.go(await guide.go(await guide.open(), next_step_id="test"))
    assert ended["reason"] == "nobody_yet"


async def test_who_leaves_it_is_left_alone(house: House, guide: Guide) -> None:
    entry = await house.set_up(house.entry())
    ended = await guide.go(await guide.open(), next_step_id="dismiss")
    assert ended["reason"] == "dismissed"
    await house.hass.config_entries.async_reload(entry.entry_id)
    await house.pass_time(hours=2)
    assert (found := issue(house)) is not None
    assert found.dismissed_version is not None
