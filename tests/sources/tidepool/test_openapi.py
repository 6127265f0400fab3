"""What the component asks of Tidepool, against Tidepool's own OpenAPI; see tests/tidepool_openapi.py for how to run it.

What is sent keeps to the description even where the servers are laxer; where they are stricter, the settings' own tests
say so (exact units, repeats from 15 minutes).
"""

from datetime import timedelta

import pytest

from simulator import CATALOGUE
from simulator.tidepool import out_of_range
from tests.conftest import House
from tests.tidepool_openapi import TidepoolOpenApi, known

from .conftest import SETTINGS, Follower, threshold

OF_THE_DESCRIPTION_ITSELF = {
    "a token must contain backslashes",
    "user ids are read-only, in paths too",
}


@pytest.fixture
def openapi(request: pytest.FixtureRequest, house: House) -> TidepoolOpenApi:
    """The description, watching all that is asked."""
    openapi = TidepoolOpenApi(request.config.getoption("--tidepool-openapi"))
    house.sim.watchers.append(openapi.watch)
    return openapi


@pytest.mark.usefixtures("all_enabled")
async def test_a_life_with_tidepool(follower: Follower, openapi: TidepoolOpenApi) -> None:
    house = follower.house
    tom = house.sim.tidepool.add_child("Tom", other_person=True, units="mmol/L")
    tom.share_with(follower.account)
    looping = {**SETTINGS, "notLooping": {"enabled": True, "delay": 30}}
    follower.jill.set_settings(follower.account, looping)
    follower.jill.feed(lambda _: 6.0, house.now - timedelta(hours=2), house.now)
    follower.reads(39, annotations=[out_of_range("low", 40)], backfilled=True)
    follower.reads(60, type="smbg", device_id="meter")
    await house.set_up(follower.entry)

    # Every kind of change, in both units, and the settings that the repair proposes.
    await follower.set_number("low_threshold", 75)
    await follower.set_number("high_delay", 120)
    await follower.set_number("high_repeat", 240)
    await follower.switch("not_looping", on=False)
    await follower.call("set_alert_thresholds", unit="mmol/L", low=4.2, high=13.9)
    keeper = follower.entry.runtime_data.source.settings_keeper
    proposed = {
        name: setting.value for name, setting in keeper.proposed_settings(tom.user_id).items()
    }
    await keeper.async_change_settings(tom.user_id, proposed, "mmol/L")
    stored = tom.settings_of(follower.account)
    assert stored is not None
    assert stored["low"]["threshold"] == threshold(3.9, "mmol/L")

    # Time: renewed tokens, people read again; then a dead token, a lost permission, nothing left.
    for _ in range(14):
        await house.pass_time(minutes=5)
    follower.account.kill_sessions()
    await house.pass_time(minutes=5)
    tom.change_permissions(follower.account, ["follow"])
    await house.pass_time(minutes=5)
    await follower.call("delete_alert_thresholds", response=False)
    await follower.call("get_alert_thresholds")
    await house.hass.config_entries.async_remove(follower.entry.entry_id)

    assert openapi.surprises == []
    asked = {name.removeprefix("tidepool.") for name, _ in openapi.seen}
    assert asked == {
        "login",
        "renew",
        "user",
        "people",
        "alerts",
        "write_alerts",
        "delete_alerts",
        "data",
        "logout",
    }
    ours = {
        known(complaint) for _, complaint in openapi.complaints if complaint.startswith("request: ")
    }
    assert ours <= OF_THE_DESCRIPTION_ITSELF


async def test_the_groups_are_asked_where_people_are_not_told(
    follower: Follower, openapi: TidepoolOpenApi
) -> None:
    follower.house.sim.faults.add("tidepool.people", CATALOGUE["404_bare"]())
    await follower.house.set_up(follower.entry)
    assert ("tidepool.groups", 200) in openapi.seen
    assert [one for one in openapi.surprises if "groups" in one[0]] == []


async def test_one_parameter_is_the_servers_own(
    follower: Follower, openapi: TidepoolOpenApi
) -> None:
    """`dosingDecision.reason` is in tide-whisperer, not in the description: without it long forecasts come along."""
    follower.jill.set_settings(follower.account, {"notLooping": {"enabled": True, "delay": 30}})
    await follower.house.set_up(follower.entry)
    (request,) = follower.house.sim.requests("tidepool.data")
    assert openapi.surprises == []
    assert request.query.keys() == {
        "type",
        "startDate",
        "dexcom",
        "dosingDecision.reason",
    }
