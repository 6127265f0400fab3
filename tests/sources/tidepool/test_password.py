"""A password that is refused: sent twice, then only when somebody enters one, or once a day. Accounts get locked."""

from datetime import timedelta
import json
from typing import Any

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.sources.tidepool.flow import SESSIONS
from simulator import CATALOGUE

from .conftest import Follower

NEW = "a-new-password-7"


def sent(follower: Follower) -> int:
    """How often a password was sent since the log was last cleared."""
    return follower.asked.count("login")


async def refuse(follower: Follower, fault: str | None = None) -> None:
    """Have the password refused from now on, and no token open anything."""
    if fault is None:
        follower.account.change_password(NEW)
    else:
        follower.house.sim.faults.add("tidepool.login", CATALOGUE[fault]())
    follower.account.kill_sessions()


async def hours(follower: Follower, number: int) -> None:
    """Let hours pass one by one: so often a dead login is looked after."""
    for _ in range(number):
        await follower.house.pass_time(hours=1, seconds=2)


def answers(follower: Follower) -> bool:
    """Whether Tidepool answers, with news or without."""
    return follower.of_source("sensor", "status") in ("ok", "no_new_data")


async def restart(follower: Follower) -> None:
    """Stop, forget all that is only in memory, and start again."""
    hass = follower.house.hass
    await hass.config_entries.async_unload(follower.entry.entry_id)
    hass.data[SESSIONS].clear()
    await follower.house.set_up(follower.entry)


@pytest.mark.parametrize("fault", [None, "401_bare", "403_bare"])
async def test_a_refused_password_is_sent_twice_and_then_once_a_day(
    follower: Follower, fault: str | None
) -> None:
    await follower.start()
    await refuse(follower, fault)
    await hours(follower, 23)
    assert sent(follower) == 2
    assert follower.of_source("sensor", "status") == "login_failed"
    assert (
        len(list(follower.entry.async_get_active_flows(follower.house.hass, {SOURCE_REAUTH}))) == 1
    )
    await hours(follower, 3 * 24)
    assert sent(follower) == 5


async def test_reloads_and_restarts_send_it_no_more_often(
    follower: Follower, hass_storage: dict[str, Any]
) -> None:
    await follower.start()
    await refuse(follower)
    for number in range(12):
        if number % 2:
            await follower.house.hass.config_entries.async_reload(follower.entry.entry_id)
        else:
            await restart(follower)
        await hours(follower, 1)
        with pytest.raises(HomeAssistantError):
            await follower.house.press("refresh", entry=follower.entry)
    assert sent(follower) == 2
    # What is kept of it is no password, and nothing it could be worked out from.
    kept = json.dumps(hass_storage[f"{DOMAIN}.{follower.entry.entry_id}"])
    assert follower.entry.data["password"] not in kept
    assert follower.account.username not in kept


async def test_at_the_first_set_up_too(follower: Follower) -> None:
    await refuse(follower)
    await follower.house.set_up(follower.entry)
    assert follower.entry.state is ConfigEntryState.SETUP_ERROR
    for _ in range(5):
        follower.house.hass.data[SESSIONS].clear()
        await follower.house.hass.config_entries.async_reload(follower.entry.entry_id)
        await follower.house.settle()
    assert sent(follower) == 2


@pytest.mark.parametrize("is_new", [True, False])
async def test_a_password_that_somebody_enters_is_sent_at_once(
    follower: Follower, is_new: bool
) -> None:
    """Also the old one, which works again: the account had been locked."""
    await follower.start()
    before = follower.account.password
    await refuse(follower)
    await hours(follower, 2)
    follower.house.sim.log.clear()

    flow = await follower.entry.start_reauth_flow(follower.house.hass)
    login = {"username": follower.account.username, "password": "not-this-one"}
    flows = follower.house.hass.config_entries.flow
    wrong = await flows.async_configure(flow["flow_id"], login)
    assert wrong["type"] is FlowResultType.FORM
    assert sent(follower) == 1
    if not is_new:
        follower.account.change_password(before)
    password = NEW if is_new else before
    done = await flows.async_configure(flow["flow_id"], login | {"password": password})
    assert done["type"] is FlowResultType.ABORT
    await follower.house.settle()

    assert answers(follower)
    # The entry goes on with the session that the form began.
    assert sent(follower) == 2


async def test_a_password_that_is_taken_again_within_a_day_is_noticed(follower: Follower) -> None:
    await follower.start()
    before = follower.account.password
    await refuse(follower)
    await hours(follower, 2)
    follower.account.change_password(before)
    await hours(follower, 24)
    assert answers(follower)
    assert not list(follower.entry.async_get_active_flows(follower.house.hass, {SOURCE_REAUTH}))
    # And if it is refused anew, it is sent twice again.
    follower.house.sim.log.clear()
    await refuse(follower)
    await hours(follower, 20)
    assert sent(follower) == 2


async def test_one_refusal_is_a_hiccup(follower: Follower) -> None:
    await follower.start()
    follower.house.sim.faults.add("tidepool.login", CATALOGUE["401_bare"](), times=1)
    follower.account.kill_sessions()
    await hours(follower, 1)
    assert answers(follower)
    assert sent(follower) == 2


async def test_without_an_answer_it_is_not_refused(follower: Follower) -> None:
    await follower.start()
    await refuse(follower, "503_bare")
    await hours(follower, 2)
    assert follower.of_source("sensor", "status") == "unreachable"
    follower.house.sim.faults.clear()
    await follower.house.pass_time(minutes=6)
    assert answers(follower)


async def test_a_clock_that_was_ahead_keeps_it_no_longer(
    follower: Follower, hass_storage: dict[str, Any]
) -> None:
    await follower.start()
    before = follower.account.password
    await refuse(follower)
    await hours(follower, 1)
    await follower.house.hass.config_entries.async_unload(follower.entry.entry_id)
    stored = hass_storage[f"{DOMAIN}.{follower.entry.entry_id}"]["data"]["state"]["provider"]
    ahead = follower.house.now + timedelta(days=400)
    stored["refusals"]["last_at"] = ahead.isoformat()
    follower.account.change_password(before)
    follower.house.hass.data[SESSIONS].clear()
    await follower.house.set_up(follower.entry)
    await hours(follower, 25)
    assert answers(follower)
