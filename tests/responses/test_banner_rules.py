"""Banners by themselves, of sources that stand in: whom they name, of which sources they are, and when they are brought up to date."""

from collections.abc import AsyncGenerator
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components import persistent_notification
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockUser, async_fire_time_changed

from custom_components.care_alerts.alerts.alert import Severity
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.banners import ALERTS, Banners
from custom_components.care_alerts.responses.episodes import SAME_PEOPLE, SamePeople
from custom_components.care_alerts.responses.log import ResponseState
from custom_components.care_alerts.responses.plan import SamePerson
from custom_components.care_alerts.sources.coordinator import SourceCoordinator
from custom_components.care_alerts.sources.identifiers import person_unique_id

from .stand_in import ago, alert, device, says, source
from .test_banners import shown
from .test_localize import loaded

__all__ = ["loaded"]


class Shown:
    """Banners of a house with two sources."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Have people with an event entity, by which it is known who may see them."""
        self.hass = hass
        self.one, self.other = source(hass, "One", "mila"), source(hass, "Other", "ben")
        self.banners = Banners(hass)
        for coordinator, who in ((self.one, "mila"), (self.other, "ben")):
            self.entity(coordinator, who)

    def entity(self, coordinator: SourceCoordinator, who: str) -> None:
        """Have an event entity of somebody."""
        unique_id = person_unique_id(coordinator, who, "alert")
        er.async_get(self.hass).async_get_or_create(
            "event", DOMAIN, unique_id, suggested_object_id=who
        )

    def user(self, name: str, sees: bool | dict[str, Any], **more: Any) -> None:
        """Have somebody who may log in."""
        user = MockUser(id=name, **more)
        user.add_to_hass(self.hass)
        user.mock_policy({"entities": sees})

    def low(self, coordinator: SourceCoordinator, *people: str, **of: Any) -> None:
        """Have people be low."""
        says(
            coordinator,
            {one: [alert(coordinator, one, ago(minutes=5), **of)] for one in people},
        )

    async def titles(self) -> dict[str, str | None]:
        """Which there are, with their titles."""
        self.banners.show()
        await self.hass.async_block_till_done()
        return {which: title for which, (title, _) in shown(self.hass).items()}


@pytest.fixture
async def house(
    hass: HomeAssistant, loaded: set[str], freezer: FrozenDateTimeFactory
) -> AsyncGenerator[Shown]:
    """Two sources with somebody each."""
    loaded.add("en")
    house = Shown(hass)
    yield house
    for one in (house.one, house.other):
        one.store.responses.silence_announced = False
        says(one, {})
    await house.titles()


async def test_of_whom_it_is_not_known_who_may_see_them_nobody_reads_more(house: Shown) -> None:
    hass = house.hass
    house.low(house.one, "mila")
    house.low(house.other, "ben", severity=Severity.MEDIUM)
    assert await house.titles() == {ALERTS: "mila: Low"}
    house.user("who was here", False, is_active=False)
    house.user("the system", False, system_generated=True)
    house.user("owner", True)
    assert await house.titles() == {ALERTS: "mila: Low"}
    house.user("guest", {"entity_ids": {"event.mila": True}})
    assert await house.titles() == {ALERTS: "mila: Low"}
    # Of whom there is no entity.
    er.async_get(hass).async_remove("event.mila")
    assert await house.titles() == {ALERTS: "Care Alerts"}
    house.entity(house.one, "mila")
    house.user("another", {"entity_ids": {"event.ben": True}})
    assert await house.titles() == {ALERTS: "Care Alerts"}
    says(house.one, {"mila": []})
    assert await house.titles() == {}


async def test_of_what_two_sources_have_all_is_to_be_seen(house: Shown) -> None:
    hass = house.hass
    people = (device(hass, house.one, "mila"), device(hass, house.other, "ben"))
    links = [SamePerson(same_id="1", name="Mila", people=people)]
    hass.data[SAME_PEOPLE] = SamePeople(hass, lambda: links, ResponseState)
    house.low(house.one, "mila")
    house.low(house.other, "ben")
    house.user("owner", True)
    assert len(await house.titles()) == 1
    assert shown(hass)[ALERTS][0] != "Care Alerts"
    house.user("guest", {"entity_ids": {"event.mila": True}})
    assert await house.titles() == {ALERTS: "Care Alerts"}


async def test_each_lost_source_has_its_own_that_wants_one(house: Shown) -> None:
    for one in (house.one, house.other):
        one.store.responses.silence_announced = True
        entry = one.config_entry
        assert await house.titles() == (
            {f"{ALERTS}_one": "One is silent"}
            | ({f"{ALERTS}_other": "Other is silent"} if one is house.other else {})
        )
    for entry, left in ((house.one.config_entry, "other"), (house.other.config_entry, "one")):
        house.hass.config_entries.async_update_entry(
            entry, options={"persistent_notifications": False}
        )
        assert list(await house.titles()) == [f"{ALERTS}_{left}"]
        house.hass.config_entries.async_update_entry(entry, options={})
    house.one.store.responses.silence_announced = False
    assert list(await house.titles()) == [f"{ALERTS}_other"]


async def test_a_lost_source_names_whom_all_may_see(house: Shown) -> None:
    says(house.one, {"mila": [], "zoe": []})
    house.one.store.responses.silence_announced = True
    house.user("owner", True)
    # Of Zoe there is no entity.
    assert await house.titles() == {f"{ALERTS}_one": "Care Alerts"}
    house.entity(house.one, "zoe")
    assert await house.titles() == {f"{ALERTS}_one": "One is silent"}
    house.user("guest", {"entity_ids": {"event.zoe": True}})
    assert await house.titles() == {f"{ALERTS}_one": "Care Alerts"}


async def test_it_is_brought_up_to_date_a_minute_after_it_last_was(
    house: Shown, freezer: FrozenDateTimeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    hass = house.hass
    made: list[str] = []
    create = persistent_notification.async_create

    def note(hass: HomeAssistant, message: str, *rest: Any) -> None:
        made.append(message)
        create(hass, message, *rest)

    monkeypatch.setattr(persistent_notification, "async_create", note)

    async def after(seconds: float) -> int:
        freezer.tick(seconds)
        async_fire_time_changed(hass, dt_util.utcnow())
        await hass.async_block_till_done()
        return len(made)

    house.low(house.one, "mila")
    house.banners.show()
    # Once for all that changes now.
    house.banners.show()
    await hass.async_block_till_done()
    assert len(made) == 1
    await house.titles()
    assert len(made) == 1
    await after(45)
    await house.titles()
    already = len(made)
    # Nobody else asks for it: the minute begins anew.
    assert await after(30) == already
    assert await after(30) == already + 1
    assert await after(59) == already + 1
    assert await after(1) == already + 2
    says(house.one, {"mila": []})
    assert await after(60) == already + 2
    assert shown(hass) == {}
