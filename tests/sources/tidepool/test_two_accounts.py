"""Two parents with a login each, in one house, who follow the same child: each by their own thresholds."""

from dataclasses import dataclass

from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from .conftest import SETTINGS, Follower, threshold


@dataclass
class Parents:
    """Jill's parents: the first wants to hear of 55 mg/dL, the second of 60 already."""

    first: Follower
    second: MockConfigEntry

    @property
    def entries(self) -> list[MockConfigEntry]:
        """The accounts of both."""
        return [self.first.entry, self.second]

    def entities(self) -> list[set[str]]:
        """The entities of each."""
        registry = er.async_get(self.first.house.hass)
        return [
            {one.entity_id for one in er.async_entries_for_config_entry(registry, entry.entry_id)}
            for entry in self.entries
        ]

    def urgent_low(self) -> list[str]:
        """Whether it is so, to each."""
        house, jill = self.first.house, self.first.jill.user_id
        return [
            house.state("binary_sensor", "urgent_low", jill, entry).state for entry in self.entries
        ]

    def told(self) -> list[int]:
        """How often each was told of an urgent low since this was asked last."""
        house, jill, heard = self.first.house, self.first.jill.user_id, self.first.announced
        urgent = [one.entity_id for one in heard if one.attributes["event_type"] == "urgent_low"]
        heard.clear()
        return [
            urgent.count(house.entity_id("event", "alert", jill, entry)) for entry in self.entries
        ]


@pytest.fixture
async def parents(follower: Follower) -> Parents:
    """Both are set up, and Jill is well."""
    house = follower.house
    account = house.sim.tidepool.add_account("second@example.com", "secret-2")
    follower.jill.share_with(account)
    settings = {**SETTINGS, "urgentLow": {"enabled": True, "threshold": threshold(60)}}
    follower.jill.set_settings(account, settings)
    follower.reads(100)
    await follower.start()
    second = await house.set_up(house.tidepool_entry(account))
    await house.pass_time(minutes=5)
    return Parents(follower, second)


async def test_each_has_the_child_with_their_own_thresholds(
    parents: Parents, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = parents.entities()
    assert len(first) == len(second)
    assert not first & second
    assert "unique ID" not in caplog.text
    await parents.first.reads_on(90, 58)
    assert parents.urgent_low() == [STATE_OFF, STATE_ON]
    assert parents.told() == [0, 1]
    await parents.first.reads_on(50)
    assert parents.urgent_low() == [STATE_ON, STATE_ON]
    assert parents.told() == [1, 0]


async def test_nothing_is_told_again_in_whatever_order_they_start(
    parents: Parents,
) -> None:
    hass = parents.first.house.hass
    await parents.first.reads_on(50, 100)
    assert parents.told() == [1, 1]
    before = parents.entities()
    for entry in parents.entries:
        await hass.config_entries.async_unload(entry.entry_id)
    for entry in reversed(parents.entries):
        await parents.first.house.set_up(entry)
    assert parents.entities() == before
    assert parents.told() == [0, 0]
    await parents.first.reads_on(50)
    assert parents.told() == [1, 1]


@pytest.mark.parametrize("gone", [0, 1])
async def test_one_goes_and_the_other_hears_on(parents: Parents, gone: int) -> None:
    stays = parents.entries[1 - gone]
    await parents.first.house.hass.config_entries.async_remove(parents.entries[gone].entry_id)
    await parents.first.reads_on(90, 50)
    jill = parents.first.jill.user_id
    assert parents.first.house.state("binary_sensor", "urgent_low", jill, stays).state == STATE_ON
    told = [one.attributes["event_type"] for one in parents.first.announced]
    assert told.count("urgent_low") == 1
