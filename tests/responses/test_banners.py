"""Banners: what is on every page while a severe alert has nobody or a source is lost, and when it goes."""

from typing import Any

from homeassistant.auth.models import Group, User
from homeassistant.components.persistent_notification import _async_get_or_create_notifications
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.care_alerts.responses import banners
from custom_components.care_alerts.responses.banners import ALERTS
from custom_components.care_alerts.responses.message import markdown
from simulator import CATALOGUE
from tests.care import Care
from tests.conftest import House
from tests.sources.tidepool.conftest import Follower, follower

__all__ = ["follower"]


def shown(hass: HomeAssistant) -> dict[str, tuple[str | None, str]]:
    """The persistent notifications that are ours, with title and text."""
    return {
        which: (one["title"], one["message"])
        for which, one in _async_get_or_create_notifications(hass).items()
        if which.startswith(ALERTS)
    }


async def urgent_low(follower: Follower) -> None:
    """Jill is set up, and then urgently low."""
    follower.reads(90)
    await follower.start()
    await follower.house.pass_time(minutes=5)
    follower.reads(50)
    await follower.house.pass_time(seconds=30)


async def options(house: House, entry: Any, **changes: Any) -> None:
    """Save options of a source."""
    flows = house.hass.config_entries.options
    form = await flows.async_init(entry.entry_id)
    await flows.async_configure(form["flow_id"], {"judged": True, **changes})
    await house.settle()


async def test_a_severe_alert_is_on_every_page_until_somebody_has_it(follower: Follower) -> None:
    hass = follower.house.hass
    await urgent_low(follower)
    title, message = shown(hass)[ALERTS]
    assert title == "Jill: Urgent low"
    assert "Was observed at " in message
    assert "(0 min ago), high severity." in message
    assert "Glucose was 50 mg/dL" in message or "Glucose was 2.8 mmol/L" in message
    # It says how old it is, in place.
    await follower.house.pass_time(minutes=3)
    assert "(4 min ago)" in shown(hass)[ALERTS][1]
    assert len(shown(hass)) == 1
    await follower.call("acknowledge", response=False)
    assert shown(hass) == {}
    await follower.call("unacknowledge", response=False)
    assert list(shown(hass)) == [ALERTS]
    await follower.reads_on(90, 90, 90, 90)
    assert shown(hass) == {}


async def test_after_a_restart_it_is_there_again(follower: Follower) -> None:
    """Home Assistant has forgotten it."""
    hass = follower.house.hass
    await urgent_low(follower)
    _async_get_or_create_notifications(hass).clear()
    hass.data["care_alerts_responder"]._banners._shown.clear()
    await hass.config_entries.async_reload(follower.entry.entry_id)
    await follower.house.settle()
    assert shown(hass)[ALERTS][0] == "Jill: Urgent low"


async def test_who_wants_none_has_none(follower: Follower) -> None:
    hass = follower.house.hass
    await urgent_low(follower)
    assert shown(hass)
    await options(follower.house, follower.entry, persistent_notifications=False)
    assert follower.entry.options["persistent_notifications"] is False
    assert shown(hass) == {}
    await options(follower.house, follower.entry)
    assert "persistent_notifications" not in follower.entry.options
    assert list(shown(hass)) == [ALERTS]


async def test_several_are_one_and_the_worst_is_first(care: Care) -> None:
    await care.call("send_test_alert", care.sensor("flex"), severity="high")
    assert shown(care.hass)[ALERTS][0] == "DRILL: maria: Metabolic flexibility"
    await care.call("send_test_alert", care.sensor("weight"), severity="medium")
    assert len(shown(care.hass)) == 1
    await care.call("send_test_alert", care.sensor("medication"), severity="high")
    title, message = shown(care.hass)[ALERTS]
    assert title == "2 alerts"
    assert message.count("Nobody has it yet.") == 2
    assert "Weight" not in message


async def test_a_real_one_is_before_a_drill(follower: Follower) -> None:
    await urgent_low(follower)
    await follower.call("send_test_alert", alert_type="urgent_low", severity="high")
    message = shown(follower.house.hass)[ALERTS][1]
    assert message.index("**Jill: Urgent low**") < message.index("**DRILL: Jill: Urgent low**")


async def test_a_lost_source_until_it_is_back(care: Care) -> None:
    care.house.sim.faults.add("lumen.alerts", CATALOGUE["503_bare"]())
    for _ in range(30):
        await care.house.pass_time(hours=1)
    [(which, (title, message))] = shown(care.hass).items()
    assert which == f"{ALERTS}_{care.entry.entry_id}"
    assert "Lumen" in (title or "")
    assert "Not reachable" in message
    assert "/config/integrations/integration/care_alerts" in message
    care.house.sim.faults.clear()
    await care.house.pass_time(hours=3)
    assert shown(care.hass) == {}


async def test_a_dead_login_is_one_banner_at_once(care: Care) -> None:
    care.house.sim.lumen.rotate_key("another")
    for _ in range(40):
        await care.house.pass_time(hours=1)
    [(_, message)] = shown(care.hass).values()
    assert "Login failed" in message


def sees_only(user: User, *entity_ids: str) -> None:
    """Have a user see no other entities than these."""
    policy = {"entities": {"entity_ids": {one: {"read": True} for one in entity_ids}}}
    user.groups[:] = [Group(name=None, policy=policy)]
    user.invalidate_cache()


async def guest_of(hass: HomeAssistant, *entity_ids: str) -> User:
    """A guest who sees no other entities than these; whoever comes first owns the house, and sees all."""
    await hass.auth.async_create_user("Owner")
    guest = await hass.auth.async_create_user("Guest")
    sees_only(guest, *entity_ids)
    return guest


async def test_whom_not_everybody_may_see_is_not_named(follower: Follower) -> None:
    hass = follower.house.hass
    await guest_of(hass)
    await urgent_low(follower)
    title, message = shown(hass)[ALERTS]
    assert title == "Care Alerts"
    assert "Jill" not in message
    assert "low" not in message.casefold()
    assert "Somebody may need you." in message


async def test_whether_everybody_may_see_it_is_asked_of_its_sensor_or_else_of_the_event(
    follower: Follower,
) -> None:
    hass = follower.house.hass
    await urgent_low(follower)
    sensor, event = (
        follower.entity_id(platform, key)
        for platform, key in (("binary_sensor", "urgent_low"), ("event", "alert"))
    )

    async def is_named(*seen: str) -> bool:
        sees_only(guest, *seen)
        await follower.house.pass_time(minutes=2)
        return shown(hass)[ALERTS][0] == "Jill: Urgent low"

    guest = await guest_of(hass)
    assert await is_named(sensor)
    assert not await is_named(event)
    er.async_get(hass).async_remove(sensor)
    assert await is_named(event)
    assert not await is_named(sensor)


@pytest.mark.parametrize("is_system", [False, True])
async def test_who_may_not_log_in_sees_no_banner(follower: Follower, is_system: bool) -> None:
    hass = follower.house.hass
    guest = await guest_of(hass)
    if is_system:
        guest.system_generated = True
    else:
        await hass.auth.async_deactivate_user(guest)
    await urgent_low(follower)
    assert shown(hass)[ALERTS][0] == "Jill: Urgent low"


async def test_of_all_that_changes_at_once_it_is_looked_at_once(
    follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    hass = follower.house.hass
    await urgent_low(follower)
    asked = []

    async def dashboard(_: HomeAssistant) -> str | None:
        asked.append(True)
        return None

    monkeypatch.setattr(banners, "find_dashboard", dashboard)
    for _ in range(3):
        hass.data["care_alerts_responder"]._banners.show()
    await hass.async_block_till_done()
    assert asked == [True]


def test_a_name_is_no_markdown() -> None:
    assert markdown("[Mila](/x) *") == r"\[Mila\](/x) \*"
    assert markdown("3.9 mmol/L at 02:41") == "3.9 mmol/L at 02:41"
