"""The file that somebody downloads and sends us gives nobody away: neither what is ours in it nor what is Home Assistant's."""

from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.care_alerts.const import DOMAIN

from .conftest import Follower


async def test_a_downloaded_file_gives_nobody_away(
    follower: Follower, hass_client: ClientSessionGenerator
) -> None:
    """Home Assistant adds the issues there are: somebody without thresholds, and somebody who lets us look no more."""
    house, account = follower.house, follower.account
    jack = house.sim.tidepool.add_child("Jack")
    jack.share_with(account)
    follower.reads(52)
    await follower.start()
    follower.jill.change_permissions(account, ["follow"])
    await house.pass_time(minutes=16)
    issues = {
        issue.translation_key: issue
        for (domain, _), issue in ir.async_get(house.hass).issues.items()
        if domain == DOMAIN
    }
    assert issues.keys() == {"no_thresholds", "permission_lost", "next_steps"}
    data = {
        "entry_id": follower.entry.entry_id,
        "person_id": jack.user_id,
        "kind": "no_thresholds",
    }
    assert issues["no_thresholds"].data == data

    assert await async_setup_component(house.hass, "diagnostics", {})
    client = await hass_client()
    answer = await client.get(f"/api/diagnostics/config_entry/{follower.entry.entry_id}")
    assert answer.status == 200
    text = await answer.text()
    assert issues["no_thresholds"].issue_id in text
    secrets = [
        follower.jill.user_id,
        jack.user_id,
        "Jill",
        "Jack",
        account.user_id,
        account.username,
        account.password,
        "127.0.0.1",
    ]
    assert [secret for secret in secrets if secret in text] == []
