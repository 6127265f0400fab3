"""What is left to do after set-up: said by a repair while there is anything, and not again once all was done."""

from dataclasses import dataclass, field
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.dashboard_url import STRATEGY
from custom_components.care_alerts.responses.household import Household
from custom_components.care_alerts.responses.next_steps import ISSUE, NextStep, NextSteps
from custom_components.care_alerts.responses.store import ResponseStore
from tests.home import Home

from .house import caregiver, household_entry


@dataclass
class Dashboards:
    """The dashboards of the house: one that cannot be read, and `ours`, if it is there."""

    ours: bool = False
    dashboards: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.dashboards = {"broken": None, "home": self}

    async def async_load(self, _: bool) -> dict[str, Any]:
        """Say what it is made of."""
        return {"strategy": {"type": STRATEGY}} if self.ours else {}


@dataclass
class Steps:
    """A house, and what is done in it."""

    hass: HomeAssistant
    dashboards: Dashboards = field(default_factory=Dashboards)
    household: Household | None = None

    def __post_init__(self) -> None:
        self.hass.data["lovelace"] = self.dashboards
        self.store = ResponseStore(self.hass)
        self.next_steps = NextSteps(self.hass, self.store, lambda: self.household)

    def lives_here(self, *caregivers: dict[str, Any]) -> None:
        """Have a household of these."""
        parts = [caregiver(f"Caregiver {number}", **data) for number, data in enumerate(caregivers)]
        self.household = Household(self.hass, household_entry(*parts), self.store)

    async def said(self) -> bool:
        """Whether there is the repair, after a look."""
        self.next_steps.look()
        await self.hass.async_block_till_done()
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, ISSUE)
        assert issue is None or issue.is_fixable
        return issue is not None


SMS = {"notify": ["notify.sms"]}
PHONE = {"phones": ["phone"]}


@pytest.mark.parametrize(
    ("caregivers", "is_reached"),
    [
        (None, False),
        ([], False),
        ([{}], False),
        ([SMS], True),
        ([PHONE], True),
        ([{}, SMS], True),
        ([PHONE, {}], True),
    ],
)
async def test_what_is_left(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    caregivers: list[dict[str, Any]] | None,
    is_reached: bool,
) -> None:
    house = Steps(hass)
    if caregivers is not None:
        house.lives_here(*caregivers)
    phone = [] if is_reached else [NextStep.PHONE]
    assert await house.next_steps.left() == [NextStep.DASHBOARD, *phone, NextStep.TEST]
    house.dashboards.ours = True
    assert await house.next_steps.left() == [*phone, NextStep.TEST]
    house.store.kept.tried = True
    assert await house.next_steps.left() == phone


async def test_it_is_said_until_all_is_done_and_not_again(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    house = Steps(hass)
    # A household alone has nothing to show.
    household_entry().add_to_hass(hass)
    assert not await house.said()
    source = MockConfigEntry(domain=DOMAIN, data={"source": "lumen"})
    source.add_to_hass(hass)
    assert await house.said()
    house.lives_here(SMS)
    house.dashboards.ours = True
    assert await house.said()
    house.store.kept.tried = True
    assert not await house.said()
    # Whoever takes the dashboard away later, knows why.
    house.dashboards.ours = False
    assert not await house.said()
    # But whoever begins anew is helped anew.
    await hass.config_entries.async_remove(source.entry_id)
    assert not await house.said()
    MockConfigEntry(domain=DOMAIN, data={"source": "lumen"}).add_to_hass(hass)
    assert await house.said()


async def test_it_goes_with_the_last_source(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    house = Steps(hass)
    source = MockConfigEntry(domain=DOMAIN, data={"source": "lumen"})
    source.add_to_hass(hass)
    assert await house.said()
    await hass.config_entries.async_remove(source.entry_id)
    assert not await house.said()


@pytest.mark.real_files
async def test_that_a_test_alert_was_sent_is_on_disk(home: Home) -> None:
    async def tried() -> bool:
        again = ResponseStore(home.hass)
        await again.load()
        return again.kept.tried

    assert not await tried()
    await home.drill()
    assert await tried()
