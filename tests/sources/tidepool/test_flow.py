"""Tidepool's steps: setting up, logging in anew, choosing whom to follow, and leaving nothing behind."""

from unittest.mock import patch

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, issue_registry as ir
import pytest

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.sources.tidepool.api import TidepoolClient
from simulator import CATALOGUE
from tests.conftest import House
from tests.flows import answer, begin, suggested

from .conftest import SETTINGS, Follower

EMAIL = "carepartner@example.com"
PASSWORD = "demo-password-1"


def typed(house: House, **changes: str) -> dict[str, str]:
    """What a person types."""
    return {
        "environment": house.sim.tidepool.url,
        "username": EMAIL,
        "password": PASSWORD,
    } | changes


async def test_two_minutes_to_tidepool(house: House, follower: Follower) -> None:
    form = await begin(house, "tidepool")
    result = await answer(
        house,
        form,
        **typed(house, environment=f" {house.sim.tidepool.url}/ ", username=f" {EMAIL} "),
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Tidepool"
    assert result["data"] == {
        "source": "tidepool",
        **typed(house),
        "user_id": follower.account.user_id,
    }
    entry = result["result"]
    assert entry.state is ConfigEntryState.LOADED
    assert entry.unique_id == follower.account.user_id
    assert {device.name for device in dr.async_get(house.hass).devices} == {"Tidepool", "Jill"}
    # The check has ended its session.
    assert [one.endpoint for one in house.sim.log][:3] == [
        "tidepool.login",
        "tidepool.user",
        "tidepool.logout",
    ]


async def test_an_environment_goes_by_its_name(house: House) -> None:
    form = await begin(house, "tidepool")
    schema = form["data_schema"]
    assert schema is not None
    assert schema(typed(house) | {"environment": "qa1"})["environment"] == "qa1"
    with patch.object(TidepoolClient, "me", return_value="1234567890"):
        result = await house.hass.config_entries.flow.async_configure(
            form["flow_id"], typed(house, environment="integration")
        )
    assert result["data"]["environment"] == "integration"
    await house.hass.config_entries.async_remove(result["result"].entry_id)


@pytest.mark.parametrize(
    ("endpoint", "fault", "error"),
    [
        ("login", "401_bare", "invalid_auth"),
        ("login", "400_bare", "invalid_auth"),
        ("login", "403_bare", "email_not_verified"),
        ("login", "404_bare", "no_password_login"),
        ("login", "429_seconds", "rate_limited"),
        ("login", "500_bare", "cannot_connect"),
        ("login", "reset", "cannot_connect"),
        ("login", "redirect", "cannot_connect"),
        ("user", "500_bare", "cannot_connect"),
        ("user", "not_json", "cannot_connect"),
        ("user", "401_bare", "invalid_auth"),
        *(
            (endpoint, f"page_{status}", "cannot_connect")
            for endpoint in ("login", "user")
            for status in (302, 401, 403, 405, 407, 451, 511)
        ),
    ],
)
async def test_an_error_and_its_way_out(
    house: House, endpoint: str, fault: str, error: str
) -> None:
    form = await begin(house, "tidepool")
    house.sim.faults.add(f"tidepool.{endpoint}", CATALOGUE[fault]())
    form = await answer(house, form, **typed(house))
    assert form["errors"] == {"base": error}
    assert suggested(form) == {"environment": house.sim.tidepool.url, "username": EMAIL}
    house.sim.faults.clear()
    result = await answer(house, form, **typed(house))
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_accounts_that_cannot_be_used(house: House) -> None:
    tidepool = house.sim.tidepool
    tidepool.add_account("sso@example.com", PASSWORD, sso=True)
    tidepool.add_account("new@example.com", PASSWORD, email_verified=False)
    form = await begin(house, "tidepool")
    for changes, errors in (
        ({"password": "wrong"}, {"base": "invalid_auth"}),
        ({"username": "sso@example.com"}, {"base": "invalid_auth"}),
        ({"username": "new@example.com"}, {"base": "email_not_verified"}),
        ({"environment": "http://api.example.com"}, {"environment": "invalid_url"}),
    ):
        form = await answer(house, form, **typed(house, **changes))
        assert form["errors"] == errors, changes
    tidepool.legacy_login_gone = True
    form = await answer(house, form, **typed(house))
    assert form["errors"] == {"base": "no_password_login"}


async def test_the_environment_is_read_as_words(house: House) -> None:
    form = await begin(house, "tidepool")
    assert suggested(form) == {"environment": "Production"}
    form = await answer(house, form, **typed(house, environment="Production", password="wrong"))
    assert suggested(form) == {"environment": "Production", "username": EMAIL}


async def test_an_error_of_our_own(house: House, caplog: pytest.LogCaptureFixture) -> None:
    form = await begin(house, "tidepool")
    with patch.object(TidepoolClient, "me", side_effect=ZeroDivisionError):
        form = await answer(house, form, **typed(house))
    assert form["errors"] == {"base": "unknown"}
    assert "Unexpected ZeroDivisionError while asking Tidepool" in caplog.text
    assert PASSWORD not in caplog.text


async def test_the_same_account_once(house: House, follower: Follower) -> None:
    await follower.start()
    form = await begin(house, "tidepool")
    result = await answer(house, form, **typed(house))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")


async def test_a_second_account_can_be_told_from_the_first(
    house: House, follower: Follower
) -> None:
    await follower.start()
    house.sim.tidepool.add_account("second@example.com", "secret-2")
    login = typed(house, username="second@example.com", password="secret-2")
    result = await answer(house, await begin(house, "tidepool"), **login)
    # Without an address: titles are in logs and entity ids.
    assert result["title"] == "Tidepool 2"
    devices = dr.async_entries_for_config_entry(dr.async_get(house.hass), result["result"].entry_id)
    assert [device.name for device in devices] == ["Tidepool 2"]


async def test_a_password_that_was_changed(house: House, follower: Follower) -> None:
    await follower.start()
    follower.account.change_password("another")
    follower.account.kill_sessions()
    await house.pass_time(minutes=6)
    assert follower.of_source("sensor", "status") == "login_failed"
    (flow,) = follower.entry.async_get_active_flows(house.hass, {SOURCE_REAUTH})
    form = await house.hass.config_entries.flow.async_configure(flow["flow_id"])
    assert form["step_id"] == "tidepool_reauth"
    assert suggested(form) == {"username": EMAIL}
    form = await answer(house, form, username=EMAIL, password="wrong")
    assert form["errors"] == {"base": "invalid_auth"}
    result = await answer(house, form, username=EMAIL, password="another")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reauth_successful")
    assert follower.of_source("sensor", "status") == "ok"
    assert follower.entry.data["password"] == "another"


async def test_a_login_that_works_again_by_itself(house: House, follower: Follower) -> None:
    await follower.start()
    follower.account.change_password("another")
    follower.account.kill_sessions()
    await house.pass_time(minutes=6)
    assert [*follower.entry.async_get_active_flows(house.hass, {SOURCE_REAUTH})]
    follower.account.change_password(PASSWORD)
    for _ in range(24):
        await house.pass_time(hours=1, seconds=5)
    # Nothing has been read meanwhile, but it answers.
    assert follower.of_source("sensor", "status") == "no_new_data"
    assert not [*follower.entry.async_get_active_flows(house.hass, {SOURCE_REAUTH})]


async def test_the_login_of_another_account(house: House, follower: Follower) -> None:
    house.sim.tidepool.add_account("other@example.com", PASSWORD)
    await follower.start()
    for result in (
        await follower.entry.start_reauth_flow(house.hass),
        await follower.entry.start_reconfigure_flow(house.hass),
    ):
        given = {"username": "other@example.com", "password": PASSWORD}
        if result["step_id"] == "tidepool_reconfigure":
            given["environment"] = house.sim.tidepool.url
        refused = await answer(house, result, **given)
        assert (refused["type"], refused["reason"]) == (FlowResultType.ABORT, "wrong_account")
    assert follower.entry.data["username"] == EMAIL


async def test_reconfiguring(house: House, follower: Follower) -> None:
    await follower.start()
    form = await follower.entry.start_reconfigure_flow(house.hass)
    assert form["step_id"] == "tidepool_reconfigure"
    assert suggested(form) == {"environment": house.sim.tidepool.url, "username": EMAIL}
    form = await answer(house, form, **typed(house, environment="http://example.com"))
    assert form["errors"] == {"environment": "invalid_url"}
    result = await answer(house, form, **typed(house))
    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "reconfigure_successful",
    )


async def test_choosing_whom_to_follow(house: House, follower: Follower) -> None:
    tom = house.sim.tidepool.add_child("Tom")
    tom.share_with(follower.account)
    await follower.start()
    options = house.hass.config_entries.options
    form = await options.async_init(follower.entry.entry_id)
    assert form["step_id"] == "tidepool"
    schema = form["data_schema"]
    assert schema is not None
    offered = schema.schema["followed"].config["options"]
    assert offered == [
        {"value": follower.jill.user_id, "label": "Jill"},
        {"value": tom.user_id, "label": "Tom"},
    ]
    await options.async_configure(
        form["flow_id"], {"followed": [follower.jill.user_id], "judged": True}
    )
    await house.settle()
    assert {device.name for device in dr.async_get(house.hass).devices} == {"Tidepool", "Jill"}
    # Whoever is not followed can be chosen again.
    form = await options.async_init(follower.entry.entry_id)
    schema = form["data_schema"]
    assert schema is not None
    assert len(schema.schema["followed"].config["options"]) == 2
    await options.async_configure(form["flow_id"], {"judged": False})
    await house.settle()
    assert {device.name for device in dr.async_get(house.hass).devices} == {
        "Tidepool",
        "Jill",
        "Tom",
    }


async def test_whom_to_follow_without_an_answer(house: House, follower: Follower) -> None:
    await follower.start()
    house.sim.faults.add("*", CATALOGUE["500_bare"]())
    form = await house.hass.config_entries.options.async_init(follower.entry.entry_id)
    schema = form["data_schema"]
    assert schema is not None
    assert schema.schema["followed"].config["options"] == [
        {"value": follower.jill.user_id, "label": "Jill"}
    ]


async def test_whom_to_follow_while_it_does_not_run(house: House, follower: Follower) -> None:
    await follower.start()
    hass = house.hass
    chosen = [follower.jill.user_id]
    hass.config_entries.async_update_entry(follower.entry, options={"followed": chosen})
    await hass.config_entries.async_unload(follower.entry.entry_id)
    form = await hass.config_entries.options.async_init(follower.entry.entry_id)
    schema = form["data_schema"]
    assert schema is not None
    assert [one["value"] for one in schema.schema["followed"].config["options"]] == chosen


async def test_a_check_whose_logout_fails(house: House, follower: Follower) -> None:
    house.sim.faults.add("tidepool.logout", CATALOGUE["500_bare"]())
    result = await answer(house, await begin(house, "tidepool"), **typed(house))
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_nothing_stays_behind(house: House, follower: Follower) -> None:
    follower.jill.set_settings(follower.account, None)
    await follower.start()
    assert follower.issue("no_thresholds") is not None
    await house.hass.config_entries.async_remove(follower.entry.entry_id)
    await house.settle()
    assert follower.asked[-1] == "logout"
    assert not ir.async_get(house.hass).issues
    assert not dr.async_get(house.hass).devices


async def test_a_logout_that_fails_is_no_reason_to_stay(house: House, follower: Follower) -> None:
    await follower.start()
    house.sim.faults.add("tidepool.logout", CATALOGUE["500_bare"]())
    await house.hass.config_entries.async_remove(follower.entry.entry_id)
    assert not house.hass.config_entries.async_entries(DOMAIN)


async def test_the_device_of_somebody_gone_can_be_removed(house: House, follower: Follower) -> None:
    await follower.start()
    device = dr.async_get(house.hass).async_get(follower.device_id)
    assert device is not None
    coordinator = follower.entry.runtime_data
    assert not coordinator.forget(follower.jill.user_id)
    follower.jill.stop_sharing(follower.account)
    await house.pass_time(minutes=61)
    await house.pass_time(seconds=5)
    assert follower.issue("permission_lost") is not None
    assert coordinator.forget(follower.jill.user_id)
    await house.settle()
    assert follower.issue("permission_lost") is None
    assert coordinator.data.people == {}
    assert follower.settings == SETTINGS
