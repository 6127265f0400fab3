"""Somebody leaves, or we do, while their thresholds are a profile's: what was there before is put back, or said."""

from copy import deepcopy
import logging
from typing import Any

from aiohttp.web import StreamResponse
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.helpers.storage import Store
import pytest

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.sources.tidepool import leaving
from simulator import CATALOGUE
from simulator.faults import Exchange, Fault

from .conftest import SETTINGS, Follower, threshold
from .test_profiles_at_home import HOURS_2, choose, chosen, edit, fix_flow, make, restart

WRITES = "tidepool.write_alerts"


@pytest.fixture
async def sporty(follower: Follower) -> Follower:
    """Jill, whose thresholds are a profile's until further notice."""
    await follower.start()
    await make(follower, low=80, high=300)
    await choose(follower, "Sport")
    assert low(follower) == 80
    return follower


def low(follower: Follower) -> float:
    """Jill's low threshold at Tidepool."""
    value: float = follower.settings["low"]["threshold"]["value"]
    return value


async def follow(follower: Follower, *people: str) -> None:
    """Choose whom to follow; nobody: everybody."""
    entries = follower.house.hass.config_entries
    entries.async_update_entry(follower.entry, options={"followed": [*people]})
    await entries.async_reload(follower.entry.entry_id)
    await follower.house.settle()


async def hear(follower: Follower) -> None:
    """Ask Tidepool for all there is."""
    await follower.house.press("refresh", entry=follower.entry)
    await follower.house.settle()


def not_put_back(follower: Follower) -> list[ir.IssueEntry]:
    """What is said once the source is gone."""
    return [
        one
        for one in ir.async_get(follower.house.hass).issues.values()
        if one.translation_key == "profile_not_put_back" and follower.entry.entry_id in one.issue_id
    ]


async def remove(follower: Follower) -> None:
    """Delete the source."""
    await follower.house.hass.config_entries.async_remove(follower.entry.entry_id)
    await follower.house.settle()


# Followed no more


async def test_who_is_chosen_no_more_has_what_was_there_before(sporty: Follower) -> None:
    await follow(sporty, "somebody-else")
    assert sporty.settings == SETTINGS
    assert sporty.issue("profile_stuck") is None
    # Chosen again, a profile is not what it was.
    await follow(sporty)
    assert (chosen(sporty), sporty.settings) == ("none", SETTINGS)


async def test_what_somebody_else_has_changed_is_theirs_when_nobody_follows(
    sporty: Follower,
) -> None:
    edit(sporty, "low", threshold=threshold(75))
    await follow(sporty, "somebody-else")
    assert sporty.settings == {**SETTINGS, "low": {**SETTINGS["low"], "threshold": threshold(75)}}
    assert sporty.issue("profile_stuck") is None


async def test_a_write_that_fails_is_tried_again(
    sporty: Follower, caplog: pytest.LogCaptureFixture
) -> None:
    sporty.house.sim.faults.add(WRITES, CATALOGUE["503_bare"]())
    await follow(sporty, "somebody-else")
    await restart(sporty)
    assert (low(sporty), sporty.issue("profile_stuck") is not None) == (80, True)
    assert caplog.text.count("a repair says what it was") == 2  # Once in each life.
    sporty.house.sim.faults.clear()
    await sporty.house.pass_time(minutes=16)
    assert sporty.settings == SETTINGS
    assert sporty.issue("profile_stuck") is None


async def test_who_shares_no_more_is_said_and_taken_up_again(sporty: Follower) -> None:
    sporty.jill.stop_sharing(sporty.account)
    await hear(sporty)
    assert sporty.issue("profile_stuck") is not None
    # It is deleted meanwhile, and days later they share again.
    await sporty.house.pass_time(days=3)
    assert low(sporty) == 80
    sporty.house.hass.config_entries.async_remove_subentry(
        sporty.entry, next(iter(sporty.entry.subentries))
    )
    await sporty.house.settle()
    sporty.jill.share_with(sporty.account)
    await hear(sporty)
    await sporty.house.pass_time(minutes=16)
    assert sporty.issue("profile_stuck") is None
    assert (chosen(sporty), sporty.settings) == ("none", SETTINGS)


@pytest.mark.parametrize(("days", "is_put_back"), [(44, True), (46, False)])
async def test_who_comes_back_after_their_device_was_removed(
    sporty: Follower, days: int, is_put_back: bool
) -> None:
    sporty.jill.stop_sharing(sporty.account)
    await hear(sporty)
    assert sporty.entry.runtime_data.forget(sporty.jill.user_id)
    dr.async_get(sporty.house.hass).async_remove_device(sporty.device_id)
    await restart(sporty)
    assert sporty.issue("profile_stuck") is not None
    await sporty.house.pass_time(days=days)
    await restart(sporty)
    assert (sporty.issue("profile_stuck") is not None) is is_put_back
    sporty.jill.share_with(sporty.account)
    await hear(sporty)
    await sporty.house.pass_time(minutes=1)
    assert (sporty.settings == SETTINGS) is is_put_back
    assert chosen(sporty) == "none"
    assert sporty.issue("profile_stuck") is None


@pytest.mark.parametrize("is_gone", [False, True])
async def test_somebody_gives_it_up(sporty: Follower, is_gone: bool) -> None:
    sporty.jill.stop_sharing(sporty.account)
    await hear(sporty)
    if is_gone:
        assert sporty.entry.runtime_data.forget(sporty.jill.user_id)
        await restart(sporty)
    issue = sporty.issue("profile_stuck")
    assert issue is not None
    hass = sporty.house.hass
    manager, form = await fix_flow(hass, issue.issue_id)
    assert form["type"] is FlowResultType.FORM
    said = form["description_placeholders"]
    assert said["name"] == "Jill"
    assert said["settings"].splitlines() == [
        "- High threshold: 250 mg/dL → **300 mg/dL**",
        "- Low threshold: 70 mg/dL → **80 mg/dL**",
    ]
    done = await manager.async_configure(form["flow_id"], {})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert sporty.issue("profile_stuck") is None
    sporty.jill.share_with(sporty.account)
    await hear(sporty)
    await restart(sporty)
    assert (low(sporty), chosen(sporty)) == (80, "none")


async def test_there_may_be_nothing_to_give_up_any_more(sporty: Follower) -> None:
    sporty.jill.stop_sharing(sporty.account)
    await hear(sporty)
    issue = sporty.issue("profile_stuck")
    assert issue is not None
    manager, form = await fix_flow(sporty.house.hass, issue.issue_id)
    sporty.jill.share_with(sporty.account)
    await hear(sporty)
    assert sporty.issue("profile_stuck") is None
    # Whoever has the form open reads its texts yet.
    ir.async_get(sporty.house.hass).issues[DOMAIN, issue.issue_id] = issue
    done = await manager.async_configure(form["flow_id"], {})
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "settled")
    assert (low(sporty), chosen(sporty)) == (80, "Sport")


@pytest.mark.parametrize(("asked", "threshold"), [("tidepool.alerts", 80), (WRITES, 70)])
async def test_somebody_gives_it_up_while_it_is_put_back(
    sporty: Follower, caplog: pytest.LogCaptureFixture, asked: str, threshold: float
) -> None:
    """What was sent by then is done; after that nothing is."""
    faults = sporty.house.sim.faults
    faults.add(WRITES, CATALOGUE["503_bare"]())
    await follow(sporty, "somebody-else")
    issue = sporty.issue("profile_stuck")
    assert issue is not None
    manager, form = await fix_flow(sporty.house.hass, issue.issue_id)

    async def given_up(exchange: Exchange) -> StreamResponse:
        await manager.async_configure(form["flow_id"], {})
        return await exchange.proceed()

    faults.clear()
    faults.add(asked, Fault("given up", given_up), times=1)
    await sporty.house.pass_time(minutes=16)
    assert list(faults) == []
    assert low(sporty) == threshold
    assert sporty.issue("profile_stuck") is None
    assert [one.message for one in caplog.records if one.levelno >= logging.ERROR] == []
    # And nothing is asked of her from then on.
    sporty.house.sim.log.clear()
    await sporty.house.pass_time(minutes=61)
    assert {"alerts", "write_alerts"}.isdisjoint(sporty.asked)


async def test_who_leaves_while_a_profile_is_ended_has_it_yet(sporty: Follower) -> None:
    coordinator = sporty.entry.runtime_data

    async def left(exchange: Exchange) -> StreamResponse:
        answer = await exchange.proceed()
        sporty.jill.stop_sharing(sporty.account)
        await coordinator.async_refresh_now()
        assert coordinator.forget(sporty.jill.user_id)
        return answer

    sporty.house.sim.faults.add("tidepool.alerts", Fault("left", left), times=1)
    with pytest.raises(HomeAssistantError) as error:
        await sporty.call("apply_profile", profile="none")
    assert error.value.translation_key == "permission_lost"
    assert low(sporty) == 80


async def test_a_source_that_stops_meanwhile_gives_nothing_up(sporty: Follower) -> None:
    sporty.jill.stop_sharing(sporty.account)
    await hear(sporty)
    issue = sporty.issue("profile_stuck")
    assert issue is not None
    manager, form = await fix_flow(sporty.house.hass, issue.issue_id)
    await sporty.house.hass.config_entries.async_unload(sporty.entry.entry_id)
    sporty.entry.__dict__.pop("runtime_data", None)
    done = await manager.async_configure(form["flow_id"], {})
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "not_running")


# Judged no more, or its profile deleted


async def test_a_profile_goes_on_where_nothing_is_judged(sporty: Follower) -> None:
    """Whoever else reads these thresholds, Tidepool's own app first, still does."""
    await sporty.call("apply_profile", profile="Sport", duration=HOURS_2)
    entries = sporty.house.hass.config_entries
    entries.async_update_entry(sporty.entry, options={"judged": False})
    await entries.async_reload(sporty.entry.entry_id)
    await sporty.house.settle()
    assert low(sporty) == 80
    await sporty.house.pass_time(minutes=121)
    assert (chosen(sporty), sporty.settings) == ("none", SETTINGS)


@pytest.mark.parametrize("runs", [True, False])
async def test_deleting_the_profile_that_is_applied_puts_back_what_was_there(
    sporty: Follower, runs: bool
) -> None:
    hass = sporty.house.hass
    if runs:
        sporty.house.sim.faults.add("*", CATALOGUE["503_bare"]())
    else:
        await hass.config_entries.async_unload(sporty.entry.entry_id)
    hass.config_entries.async_remove_subentry(sporty.entry, next(iter(sporty.entry.subentries)))
    await sporty.house.settle()
    assert low(sporty) == 80
    sporty.house.sim.faults.clear()
    await restart(sporty)
    await sporty.house.pass_time(minutes=1)
    assert (chosen(sporty), sporty.settings) == ("none", SETTINGS)


# The source is removed


async def test_a_source_whose_address_is_none_to_send_a_password_to_leaves_nothing_behind(
    sporty: Follower, hass_storage: dict[str, Any]
) -> None:
    entries, entry = sporty.house.hass.config_entries, sporty.entry
    await entries.async_unload(entry.entry_id)
    entries.async_update_entry(
        entry, data={**entry.data, "environment": "http://tidepool.example.com"}
    )
    assert any(entry.entry_id in key for key in hass_storage)
    await remove(sporty)
    assert not any(entry.entry_id in key for key in hass_storage)


@pytest.mark.parametrize("runs", [True, False])
async def test_removing_the_source_puts_back_what_was_there(sporty: Follower, runs: bool) -> None:
    if not runs:
        await sporty.house.hass.config_entries.async_unload(sporty.entry.entry_id)
    await remove(sporty)
    assert sporty.settings == SETTINGS
    assert not_put_back(sporty) == []
    assert sporty.asked[-1] == "logout"


async def test_removing_the_source_asks_nothing_where_nothing_is_to_be_put_back(
    sporty: Follower,
) -> None:
    await choose(sporty, "none")
    sporty.house.sim.log.clear()
    await remove(sporty)
    assert sporty.asked == ["logout"]


@pytest.mark.parametrize("fault", ["503_bare", "403_bare"])
async def test_what_cannot_be_put_back_then_is_said(sporty: Follower, fault: str) -> None:
    sporty.house.sim.faults.add(WRITES, CATALOGUE[fault]())
    await remove(sporty)
    assert low(sporty) == 80
    [issue] = not_put_back(sporty)
    assert (issue.is_persistent, issue.is_fixable) == (True, True)
    assert issue.translation_placeholders == {
        "name": "Jill",
        "settings": "- High threshold: 250 mg/dL → **300 mg/dL**\n- Low threshold: 70 mg/dL → **80 mg/dL**",
    }
    manager, form = await fix_flow(sporty.house.hass, issue.issue_id)
    assert form["description_placeholders"] == issue.translation_placeholders
    done = await manager.async_configure(form["flow_id"], {})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert not_put_back(sporty) == []


async def test_nobody_waits_for_long_for_a_tidepool_that_hangs(
    sporty: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The loop's time stands still here.
    monkeypatch.setattr(leaving, "PUT_BACK_WITHIN", 0)
    await remove(sporty)
    assert len(not_put_back(sporty)) == 1


async def test_a_file_that_makes_no_sense_keeps_no_source_from_being_removed(
    sporty: Follower, hass_storage: dict[str, Any]
) -> None:
    hass = sporty.house.hass
    await hass.config_entries.async_unload(sporty.entry.entry_id)
    store: Store[dict[str, Any]] = Store(hass, 1, f"{DOMAIN}.{sporty.entry.entry_id}")
    stored = await store.async_load()
    assert stored is not None
    broken = deepcopy(stored)
    broken["state"]["provider"]["people"] = {"jill": {"since": "never"}}
    await store.async_save(broken)
    await remove(sporty)
    assert not_put_back(sporty) == []
    assert sporty.asked[-1] == "logout"
