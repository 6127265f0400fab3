"""A house that follows somebody at Tidepool."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from homeassistant.core import State
from homeassistant.helpers import device_registry as dr, issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.const import DOMAIN
from simulator.tidepool import Account, Child
from tests.conftest import House

MG_DL_PER_MMOL_L = 18.01559


def threshold(value: float, units: str = "mg/dL") -> dict[str, Any]:
    """A threshold as Tidepool has it."""
    return {"units": units, "value": value}


SETTINGS: dict[str, Any] = {
    "urgentLow": {"enabled": True, "threshold": threshold(55)},
    "low": {"enabled": True, "delay": 10, "repeat": 30, "threshold": threshold(70)},
    "high": {"enabled": True, "delay": 60, "threshold": threshold(250)},
    "noCommunication": {"enabled": True, "delay": 30},
    "notLooping": {"enabled": False},
}


@dataclass
class Follower:
    """A care partner's house, and Jill, who shares with them."""

    house: House
    jill: Child
    entry: MockConfigEntry
    announced: list[State] = field(default_factory=list)

    @property
    def account(self) -> Account:
        """The care partner's account."""
        return self.house.sim.tidepool.account

    async def start(self) -> None:
        """Set up, and forget what was asked for it."""
        await self.house.set_up(self.entry)
        self.house.sim.log.clear()

    def reads(self, mg_dl: float, *, ago: float = 0, after: float = 0, **more: Any) -> datetime:
        """Jill's sensor reads a value so many minutes ago; it is on the server at once, or `after` seconds."""
        time = self.house.now - timedelta(minutes=ago)
        self.jill.add_reading(
            time,
            round(mg_dl / MG_DL_PER_MMOL_L, 5),
            uploaded_at=time + timedelta(seconds=after),
            **more,
        )
        return time

    async def reads_on(self, *values: float) -> None:
        """Jill's sensor goes on, a value every five minutes, the first one now; time passes to half a minute after the last."""
        for value in values:
            self.reads(value)
            await self.house.pass_time(seconds=30)
            await self.house.pass_time(minutes=4, seconds=30)
        # What is due in between is asked for as it would be.

    async def is_known(self) -> None:
        """Jill's sensor has read every five minutes until now: what comes later than that is late."""
        await self.reads_on(90, 90, 90, 90)

    def state(self, platform: str, key: str) -> State:
        """Jill's entity."""
        return self.house.state(platform, key, self.jill.user_id, self.entry)

    def of_source(self, platform: str, key: str) -> str:
        """What an entity of the source says."""
        return self.house.state(platform, key, entry=self.entry).state

    def entity_id(self, platform: str, key: str) -> str:
        """The id of Jill's entity."""
        return self.house.entity_id(platform, key, self.jill.user_id, self.entry)

    @property
    def device_id(self) -> str:
        """Jill's device."""
        device = dr.async_get(self.house.hass).async_get_device_by_identifier(
            (DOMAIN, f"tidepool_{self.jill.user_id}"), self.entry.entry_id
        )
        assert device is not None
        return device.id

    @property
    def asked(self) -> list[str]:
        """What was asked, in order."""
        return [one.endpoint.removeprefix("tidepool.") for one in self.house.sim.log]

    @property
    def settings(self) -> dict[str, Any]:
        """What Tidepool has stored."""
        stored = self.jill.settings_of(self.account)
        assert stored is not None
        return stored

    def issue(self, name: str) -> ir.IssueEntry | None:
        """The issue about Jill."""
        who = sha256(self.jill.user_id.encode()).hexdigest()[:12]
        return ir.async_get(self.house.hass).async_get_issue(
            DOMAIN, f"{name}_{self.entry.entry_id}_{who}"
        )

    async def call(self, action: str, *, response: bool = True, **data: Any) -> Any:
        """Call an action on Jill's device."""
        result = await self.house.hass.services.async_call(
            DOMAIN,
            action,
            {"device_id": self.device_id, **data},
            blocking=True,
            return_response=response,
        )
        await self.house.settle()
        return result

    async def set_number(self, key: str, value: float) -> None:
        """Set a number as somebody does on the dashboard."""
        await self.house.hass.services.async_call(
            "number",
            "set_value",
            {"entity_id": self.entity_id("number", key), "value": value},
            blocking=True,
        )

    async def switch(self, key: str, *, on: bool) -> None:
        """Use a switch."""
        await self.house.hass.services.async_call(
            "switch",
            "turn_on" if on else "turn_off",
            {"entity_id": self.entity_id("switch", key)},
            blocking=True,
        )


@pytest.fixture
def follower(house: House, announced: list[State]) -> Follower:
    """Jill shares with us and we have thresholds for her; not set up yet."""
    jill = house.sim.tidepool.add_child("Jill")
    jill.share_with(house.sim.tidepool.account)
    jill.set_settings(house.sim.tidepool.account, SETTINGS)
    return Follower(house, jill, house.tidepool_entry(), announced)
