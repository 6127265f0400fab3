"""Mila, whom two sources have: Tidepool live, Dexcom hours late; in a house with Anna, who is on duty, and Ben."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from homeassistant.helpers import device_registry as dr
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.episodes import EpisodeRef, all_episodes
from custom_components.care_alerts.responses.household import SAME_PERSON
from simulator.dexcom import EVERY, Wearer
from simulator.dexcom.wearer import Thresholds
from simulator.tidepool import Child
from tests.conftest import House
from tests.home import Home, Phone

from .house import Household, _subentry, caregiver, plan, set_up

MG_DL_PER_MMOL_L = 18.01559
LATE = timedelta(hours=2)


def _threshold(value: float) -> dict[str, Any]:
    return {"units": "mg/dL", "value": value}


SETTINGS: dict[str, Any] = {
    "urgentLow": {"enabled": True, "threshold": _threshold(55)},
    "low": {"enabled": True, "delay": 0, "repeat": 0, "threshold": _threshold(70)},
    "high": {"enabled": True, "delay": 0, "repeat": 0, "threshold": _threshold(250)},
    "noCommunication": {"enabled": False},
    "notLooping": {"enabled": False},
}

type Curve = Callable[[datetime], float]


@dataclass
class Mila:
    """She, and who looks after her."""

    home: Home
    child: Child
    wearer: Wearer
    tidepool: MockConfigEntry
    dexcom: MockConfigEntry
    household: Household
    annas: Phone
    bens: Phone

    @classmethod
    async def moves_in(cls, home: Home, *, is_one: bool = True, **of_plan: Any) -> Self:
        """Her house; `is_one`: somebody has said that both sources have her."""
        house = home.house
        child = house.sim.tidepool.add_child("Mila")
        child.share_with(house.sim.tidepool.account)
        child.set_settings(house.sim.tidepool.account, SETTINGS)
        wearer = house.sim.dexcom.add_wearer(delay=LATE)
        # Lows and highs, and nothing that is by itself.
        wearer.thresholds = Thresholds(rise=99, fall=99, soon=timedelta(0))
        start = house.now - timedelta(hours=6)
        mila = cls(
            home,
            child,
            wearer,
            house.tidepool_entry(),
            await house.dexcom_entry(wearer, title="Mila"),
            None,  # type: ignore[arg-type]
            await home.phone("Anna"),
            await home.phone("Ben"),
        )
        mila.live(start, house.now, lambda _: 110)
        await house.set_up(mila.tidepool)
        await house.set_up(mila.dexcom)
        home.hass.states.async_set("schedule.ben", "off")
        same = [_subentry(SAME_PERSON, "Mila", {"people": mila.devices})] if is_one else []
        mila.household = await set_up(
            home,
            caregiver("Anna", phones=[mila.annas.device_id]),
            caregiver("Ben", phones=[mila.bens.device_id], duty="schedule.ben"),
            plan("Plan", **{"whose": {"device_id": mila.devices}} | of_plan),
            *same,
        )
        return mila

    @property
    def house(self) -> House:
        """Home Assistant and its clock."""
        return self.home.house

    def device(self, entry: MockConfigEntry) -> str:
        """What a source has of her."""
        [device] = [
            one
            for one in dr.async_entries_for_config_entry(
                dr.async_get(self.house.hass), entry.entry_id
            )
            if one.via_device_id
        ]
        return device.id

    @property
    def devices(self) -> list[str]:
        """What both have."""
        return [self.device(self.tidepool), self.device(self.dexcom)]

    def live(
        self,
        start: datetime,
        end: datetime,
        curve: Curve,
        *,
        delay: Callable[[datetime], timedelta] | None = None,
        reaches: Callable[[datetime], timedelta] = lambda _: timedelta(seconds=20),
    ) -> None:
        """Have glucose in [start, end), of which Dexcom tells after `delay` and Tidepool after `reaches`."""
        self.wearer.add_session(start, end, curve, delay=delay)
        moment = start
        while moment < end:
            self.reads(moment, curve, reaches(moment))
            moment += EVERY

    def reads(
        self, moment: datetime, curve: Curve, reaches: timedelta = timedelta(seconds=20)
    ) -> None:
        """Have Tidepool tell of the glucose of a moment, after so long."""
        value = round(curve(moment) / MG_DL_PER_MMOL_L, 5)
        self.child.add_reading(moment, value, uploaded_at=moment + reaches)

    async def minutes(self, count: int) -> None:
        """Let minutes pass."""
        end = self.house.now + timedelta(minutes=count)
        while self.house.now < end:
            await self.house.until(min(self.house.now + timedelta(minutes=1), end))

    def episodes(self, alert_type: str) -> list[EpisodeRef]:
        """What the household has of a type."""
        return [
            one
            for one in all_episodes(self.house.hass)
            if one.episode.topic.alert_type == alert_type
        ]

    def entity(self, entry: MockConfigEntry, key: str) -> str:
        """One of her entities, as a source has her."""
        who = self.child.user_id if entry is self.tidepool else self.wearer.user_id
        return self.house.entity_id("binary_sensor", key, who, entry)

    async def call(self, action: str, **data: Any) -> Any:
        """Call an action."""
        answer = await self.house.hass.services.async_call(
            DOMAIN, action, data, blocking=True, return_response=True
        )
        await self.house.settle()
        return answer


def dip(start: datetime, lowest: float, minutes: int) -> Curve:
    """110 mg/dL, but from `start` on `lowest` for so many minutes."""
    end = start + timedelta(minutes=minutes)
    return lambda moment: lowest if start <= moment < end else 110
