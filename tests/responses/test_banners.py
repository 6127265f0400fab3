"""Banners: what is on every page while a severe alert has nobody or a source is lost, and when it goes."""

from typing import Any

from homeassistant.auth.const import GROUP_ID_USER
from homeassistant.auth.models import User
from homeassistant.auth.permissions import PolicyPermissions
from homeassistant.auth.permissions.models import PermissionLookup
from homeassistant.components.persistent_notification import _async_get_or_create_notifications
from homeassistant.core import HomeAssistant
import pytest

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


async def test_whom_not_everybody_may_see_is_not_named(
    follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    hass = follower.house.hass
    guest = await hass.auth.async_create_user("Guest", group_ids=[GROUP_ID_USER])
    monkeypatch.setattr(
        User,
        "permissions",
        property(
            lambda user: PolicyPermissions(
                {"entities": user is not guest and user.id != guest.id},
                PermissionLookup(None, None),  # type: ignore[arg-type]
            )
        ),
    )
    await urgent_low(follower)
    title, message = shown(hass)[ALERTS]
    assert title == "Care Alerts"
    assert "Jill" not in message
    assert "low" not in message.casefold()
    assert "Somebody may need you." in message


def test_a_name_is_no_markdown() -> None:
    assert markdown("[Mila](/x) *") == r"\[Mila\](/x) \*"
    assert markdown("3.9 mmol/L at 02:41") == "3.9 mmol/L at 02:41"
