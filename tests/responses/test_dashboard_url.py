"""Where a tap on a notification leads: which dashboard is ours, and what is opened without one."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest

from custom_components.care_alerts.responses.dashboard_url import STRATEGY, find_dashboard, url_of
from custom_components.care_alerts.responses.episodes import find_episode
from custom_components.care_alerts.sources.targets import device_ref
from tests.care import Care

OURS = {"strategy": {"type": STRATEGY}}
"""What a dashboard says that is made by ours."""


@dataclass
class Dashboard:
    """A dashboard as it was last read: reading the file anew is for who edits it."""

    config: Any

    async def async_load(self, force: bool) -> Any:
        """Say what it is made of."""
        assert not force
        if isinstance(self.config, Exception):
            raise self.config
        return self.config


@pytest.mark.parametrize(
    ("dashboards", "path"),
    [
        ({}, None),
        ({"home": {"views": []}}, None),
        ({"home": {"strategy": {"type": "areas"}}, "care": OURS, "more": OURS}, "care"),
        # The one that is there from the beginning has no path of its own.
        ({None: OURS}, "lovelace"),
        # What somebody has written that cannot be read keeps no other from being found.
        ({"a": ValueError(), "b": None, "c": {"strategy": "x"}, "d": {}, "care": OURS}, "care"),
    ],
)
async def test_the_first_dashboard_of_ours(
    hass: HomeAssistant, dashboards: dict[str | None, Any], path: str | None
) -> None:
    hass.data["lovelace"] = SimpleNamespace(
        dashboards={which: Dashboard(config) for which, config in dashboards.items()}
    )
    assert await find_dashboard(hass) == path


async def test_without_any_dashboards_there_is_none(hass: HomeAssistant) -> None:
    assert await find_dashboard(hass) is None


async def test_what_is_opened(care: Care) -> None:
    await care.call("send_test_alert", care.sensor("weight"))
    ref = find_episode(care.hass, care.attributes("weight")["episode_id"])
    assert ref
    device_id = device_ref(care.hass, ref.coordinator, ref.person).device_id
    assert device_id
    assert url_of(care.hass, "care", ref) == f"/care/{device_id}"
    sensor = care.sensor("weight")
    assert url_of(care.hass, None, ref) == f"entityId:{sensor}"
    registry = er.async_get(care.hass)
    registry.async_remove(sensor)
    event = care.house.entity_id("event", "alert", care.maria.shared_user_id)
    assert url_of(care.hass, None, ref) == f"entityId:{event}"
    registry.async_remove(event)
    assert url_of(care.hass, None, ref) is None
    # Without a device there is no page of theirs on any dashboard.
    dr.async_get(care.hass).async_remove_device(device_id)
    assert url_of(care.hass, "care", ref) is None
