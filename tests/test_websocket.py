"""What the cards follow: a person over a real websocket, told at once and after each change, and nobody else."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from homeassistant.auth.const import GROUP_ID_READ_ONLY
from homeassistant.auth.models import User
from homeassistant.auth.permissions.models import PermissionLookup
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockUser
from pytest_homeassistant_custom_component.typing import MockHAClientWebSocket

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.person_data import person_data
from tests.care import Care
from tests.conftest import House
from tests.responses.house import caregiver, household_entry
from tests.sources.tidepool.conftest import SETTINGS, Follower
from tests.wear import wear


@dataclass
class Browser:
    """Somebody's browser: what it was told, oldest first."""

    hass: HomeAssistant
    socket: MockHAClientWebSocket
    asked: int = 0
    told: list[dict[str, Any]] = field(default_factory=list)

    async def ask(self, **command: Any) -> dict[str, Any]:
        """Send a command and return its answer; what was told meanwhile is kept."""
        self.asked += 1
        await self.socket.send_json({"id": self.asked} | command)
        while True:
            answer: dict[str, Any] = await self.socket.receive_json()
            if answer["type"] != "event" and answer["id"] == self.asked:
                return answer
            self.told.append(answer)

    async def follow(self, device_id: str, **more: Any) -> dict[str, Any]:
        """Follow somebody: the answer."""
        return await self.ask(type=f"{DOMAIN}/subscribe_person", device_id=device_id, **more)

    async def hears(self) -> list[dict[str, Any]]:
        """What was told since the last time, once all that was under way is done."""
        await self.hass.async_block_till_done()
        # Whatever was told before is in front of the answer.
        assert (await self.ask(type="ping"))["type"] == "pong"
        told, self.told = self.told, []
        return [one["event"] for one in told]

    async def hears_one(self) -> dict[str, Any]:
        """The only thing that was told."""
        [event] = await self.hears()
        return event


@pytest.fixture
async def owner(hass: HomeAssistant) -> User:
    """Whose house it is: the first user there is, who may do all."""
    return await hass.auth.async_create_user("Olga")


@pytest.fixture
async def browse(
    hass: HomeAssistant, owner: User, hass_ws_client: Any
) -> Callable[[User], Awaitable[Browser]]:
    """Open somebody's browser."""
    assert await async_setup_component(hass, "websocket_api", {})

    async def open_browser(user: User) -> Browser:
        refresh_token = await hass.auth.async_create_refresh_token(user, "https://example.com/")
        token = hass.auth.async_create_access_token(refresh_token)
        return Browser(hass, await hass_ws_client(hass, token))

    return open_browser


type Browse = Callable[[User], Awaitable[Browser]]


@pytest.fixture
async def jill(house: House) -> Follower:
    """Jill, whose sensor has read for twenty minutes."""
    child = house.sim.tidepool.add_child("Jill")
    child.share_with(house.sim.tidepool.account)
    child.set_settings(house.sim.tidepool.account, SETTINGS)
    follower = Follower(house, child, house.tidepool_entry())
    await follower.start()
    await follower.is_known()
    return follower


async def test_all_is_told_at_once_and_then_what_changes(
    jill: Follower, owner: User, browse: Browse
) -> None:
    browser = await browse(owner)
    assert (await browser.follow(jill.device_id, hours=24))["success"]
    first = await browser.hears_one()
    person = first["person"]
    assert person | {"delay": 0, "glucose": None, "data_through": "", "thresholds": []} == {
        "device_id": jill.device_id,
        "name": "Jill",
        "source": "tidepool",
        "source_name": "Tidepool",
        "status": "ok",
        "silent": False,
        "silent_reason": None,
        "data_through": "",
        "delay": 0,
        "is_delayed": False,
        "unit": "mg/dL",
        "glucose": None,
        "thresholds": [],
        "on_duty": [],
        "same_as": [],
        "way_out": None,
    }
    assert [(one["kind"], one["value"]) for one in person["thresholds"]] == [
        ("urgent_low", 55),
        ("low", 70),
        ("high", 250),
    ]
    assert person["glucose"]["value"] == pytest.approx(90, abs=0.1)
    assert person["glucose"]["is_now"] is True
    assert [one["alert_type"] for one in first["episodes"]] == ["no_communication"]
    assert [(seconds % 300, round(mg_dl)) for seconds, _, mg_dl, _ in first["readings"]] == [
        (0, 90)
    ] * 4

    time = jill.reads(52)
    await jill.house.pass_time(seconds=30)
    *_, event = await browser.hears()
    [[observed, received, mg_dl, out_of_range]] = event["readings"]
    assert (observed, round(mg_dl), out_of_range) == (int(time.timestamp()), 52, None)
    assert observed <= received <= jill.house.now.timestamp()
    assert event["person"]["glucose"]["observed_at"] == time.isoformat()
    [urgent] = [one for one in event["episodes"] if one["alert_type"] == "urgent_low"]
    assert urgent | {"ids": [], "received_at": ""} == {
        "episode_id": jill.state("binary_sensor", "urgent_low").attributes["episode_id"],
        "ids": [],
        "alert_type": "urgent_low",
        "subtype": None,
        "severity": "high",
        "drill": False,
        "opened_at": time.isoformat(),
        "received_at": "",
        "last_seen_at": time.isoformat(),
        "ended_at": None,
        "end_reason": None,
        "is_open": True,
        "late": False,
        "acknowledged_by": None,
        "acknowledged_at": None,
        "snoozed_until": None,
        "handled_on_device_at": None,
        "needs_somebody": True,
        "entity_id": jill.entity_id("binary_sensor", "urgent_low"),
        "value": pytest.approx(52, abs=0.1),
        "out_of_range": None,
        "trend": None,
        "first": {"value": pytest.approx(52, abs=0.1), "out_of_range": None},
        "unit": "mg/dL",
        "is_worst": True,
        "source": "Tidepool",
        "is_live": True,
    }
    assert urgent["ids"] == [urgent["episode_id"]]


async def test_what_is_done_about_an_episode_is_told(
    jill: Follower, owner: User, browse: Browse
) -> None:
    browser = await browse(owner)
    await browser.follow(jill.device_id)
    jill.reads(52)
    await jill.house.pass_time(seconds=30)
    await browser.hears()
    await jill.call("acknowledge")
    event = await browser.hears_one()
    assert event["readings"] == []
    for one in event["episodes"]:
        assert one["needs_somebody"] is False
        assert one["acknowledged_at"] == jill.house.now.isoformat()
    await jill.call("unacknowledge")
    await browser.hears()
    await jill.house.hass.services.async_call(
        DOMAIN,
        "snooze",
        {
            "entity_id": jill.entity_id("binary_sensor", "urgent_low"),
            "duration": {"minutes": 10},
        },
        blocking=True,
    )
    [urgent] = [
        one for one in (await browser.hears_one())["episodes"] if one["alert_type"] == "urgent_low"
    ]
    assert urgent["needs_somebody"] is False
    assert urgent["snoozed_until"] == (jill.house.now + timedelta(minutes=10)).isoformat()


async def test_nothing_is_told_while_nothing_happens(
    care: Care, owner: User, browse: Browse
) -> None:
    """Asked again and again, and an episode gets too old to be told of: that is no news."""
    care.alert(1)
    await care.morning(1)
    browser = await browse(owner)
    device = er.async_get(care.hass).async_get(care.sensor())
    assert device
    assert device.device_id
    await browser.follow(device.device_id)
    assert len((await browser.hears_one())["episodes"]) == 1
    for _ in range(5):
        await care.coordinator.async_refresh_now()
        await care.house.pass_time(minutes=20)
        assert await browser.hears() == []


async def test_a_value_is_of_the_present_for_as_long_as_it_says(
    jill: Follower, owner: User, browse: Browse
) -> None:
    browser = await browse(owner)
    await browser.follow(jill.device_id)
    glucose = (await browser.hears_one())["person"]["glucose"]
    assert glucose["until"]
    await jill.house.pass_time(minutes=20)
    *_, event = await browser.hears()
    assert event["person"]["glucose"] == glucose | {"is_now": False, "until": None}


async def test_thresholds_are_there_before_any_reading(
    house: House, owner: User, browse: Browse
) -> None:
    child = house.sim.tidepool.add_child("Tom")
    child.share_with(house.sim.tidepool.account)
    child.set_settings(house.sim.tidepool.account, SETTINGS)
    tom = Follower(house, child, house.tidepool_entry())
    await tom.start()
    browser = await browse(owner)
    await browser.follow(tom.device_id, hours=24)
    person = (await browser.hears_one())["person"]
    assert person["glucose"] is None
    assert [one["value"] for one in person["thresholds"]] == [55, 70, 250]


async def test_a_late_source_never_speaks_of_the_present(
    house: House, owner: User, browse: Browse
) -> None:
    wearer = house.sim.dexcom.wearer("SandboxUser7")
    wear(wearer)
    entry = await house.set_up(await house.dexcom_entry(wearer, title="Anna"))
    await house.pass_time(minutes=30)
    browser = await browse(owner)
    await browser.follow(device_of(house, "sensor", "glucose", wearer.user_id, entry))
    person = (await browser.hears_one())["person"]
    # What is never of the present is the source, not the wearer.
    assert person["name"] == "Anna"
    assert person["source_name"] == "Dexcom cloud Anna"
    assert person["is_delayed"] is True
    assert person["glucose"]["value"] == 110
    assert person["glucose"]["is_now"] is False
    assert person["glucose"]["until"] is None


def device_of(house: House, platform: str, key: str, person: str, entry: Any) -> str:
    """Somebody's device."""
    entity = er.async_get(house.hass).async_get(house.entity_id(platform, key, person, entry))
    assert entity
    assert entity.device_id
    return entity.device_id


async def test_who_may_not_see_somebody_hears_nothing(
    jill: Follower, owner: User, browse: Browse
) -> None:
    """Rights are looked at again before each event; who has them again hears all that they missed."""
    hass = jill.house.hass
    lou = somebody(hass, device_ids={jill.device_id: {"read": True}})
    nobody = somebody(hass)
    stranger, looker = await browse(nobody), await browse(lou)
    answer = await stranger.follow(jill.device_id, hours=24)
    assert (answer["success"], answer["error"]["code"]) == (False, "unauthorized")
    assert (await looker.follow(jill.device_id, hours=24))["success"]
    known = (await looker.hears_one())["readings"]

    lou.mock_policy({"entities": {}})
    jill.reads(52)
    await jill.house.pass_time(seconds=30)
    assert await looker.hears() == []
    lou.mock_policy({"entities": {"device_ids": {jill.device_id: {"read": True}}}})
    await jill.call("acknowledge")
    event = await looker.hears_one()
    assert event["readings"][:-1] == known
    assert round(event["readings"][-1][2]) == 52
    assert await stranger.hears() == []

    lou.is_active = False
    await jill.call("unacknowledge")
    assert await looker.hears() == []


async def test_who_may_see_one_entity_does_not_see_the_person(
    jill: Follower, owner: User, browse: Browse
) -> None:
    hass = jill.house.hass
    user = somebody(hass, entity_ids={jill.entity_id("sensor", "glucose"): True})
    answer = await (await browse(user)).follow(jill.device_id)
    assert answer["error"]["code"] == "unauthorized"
    looker = await hass.auth.async_create_user("Lou", group_ids=[GROUP_ID_READ_ONLY])
    assert (await (await browse(looker)).follow(jill.device_id))["success"]


async def test_nobody_of_ours_is_not_found(jill: Follower, owner: User, browse: Browse) -> None:
    browser = await browse(owner)
    for device_id in ("", "nobody", jill.house.source_device(jill.entry).id):
        assert (await browser.follow(device_id))["error"]["code"] == "not_found"
    for hours in (-1, 337, "12", None, 1.5):
        assert (await browser.follow(jill.device_id, hours=hours))["error"]["code"] == (
            "invalid_format"
        )


async def test_a_source_that_stops_and_starts_again(
    jill: Follower, owner: User, browse: Browse
) -> None:
    """It is said that it does not run; what was known stays, and what was told is not told again."""
    browser = await browse(owner)
    await browser.follow(jill.device_id, hours=24)
    before = await browser.hears_one()
    hass = jill.house.hass
    await hass.config_entries.async_unload(jill.entry.entry_id)
    event = await browser.hears_one()
    person = event["person"]
    assert (person["status"], person["silent"], person["silent_reason"]) == (
        "not_running",
        True,
        "not_running",
    )
    assert person["way_out"].endswith(jill.entry.entry_id)
    assert person["glucose"] == before["person"]["glucose"] | {"is_now": False, "until": None}
    assert event["episodes"] == before["episodes"]
    # Who comes now is told as much as is known without it.
    late = await browse(owner)
    assert (await late.follow(jill.device_id, hours=24))["success"]
    assert (await late.hears_one())["person"]["status"] == "not_running"

    await hass.config_entries.async_setup(jill.entry.entry_id)
    events = await browser.hears()
    assert events[-1]["person"]["status"] == "ok"
    assert events[-1]["person"]["glucose"] == before["person"]["glucose"]
    assert [one for event in events for one in event["readings"]] == []
    for _ in range(2):
        await late.hears()
    assert (await browser.ask(type="unsubscribe_events", subscription=1))["success"]
    jill.reads(52)
    await jill.house.pass_time(seconds=30)
    assert await browser.hears() == []
    assert await late.hears() != []


async def test_somebody_who_goes(jill: Follower, owner: User, browse: Browse) -> None:
    """Once they do not share any more that is said; once their device is gone, nothing."""
    browser = await browse(owner)
    await browser.follow(jill.device_id)
    await browser.hears()
    jill.jill.stop_sharing(jill.account)
    await jill.house.pass_time(hours=1)
    *_, event = await browser.hears()
    assert event["person"]["status"] == "permission_lost"
    assert event["person"]["way_out"] == "/config/repairs"
    # What they do not show any more is not shown.
    assert event["person"]["glucose"] is None
    device_id = jill.device_id
    await jill.house.hass.config_entries.async_remove(jill.entry.entry_id)
    await browser.hears()
    assert (await browser.follow(device_id))["error"]["code"] == "not_found"


async def test_it_says_who_is_on_duty(jill: Follower, owner: User, browse: Browse) -> None:
    browser = await browse(owner)
    await browser.follow(jill.device_id)
    await browser.hears()
    entry = household_entry(caregiver("Anna"))
    await jill.house.set_up(entry)
    assert (await browser.hears())[-1]["person"]["on_duty"] == ["Anna"]


async def test_who_is_on_duty_is_told_to_whom_may_see_it(
    jill: Follower, owner: User, browse: Browse
) -> None:
    """Others are told of the person, and nothing when only somebody else is on duty."""
    hass = jill.house.hass
    hass.states.async_set("schedule.ben", "off")
    entry = household_entry(caregiver("Anna"), caregiver("Ben", duty="schedule.ben"))
    await jill.house.set_up(entry)
    [on_duty] = [
        one.entity_id
        for one in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
        if one.translation_key == "on_duty"
    ]
    hers = {jill.device_id: {"read": True}}
    users = {
        "all": owner,
        "person": somebody(hass, device_ids=hers),
        "both": somebody(hass, device_ids=hers, entity_ids={on_duty: {"read": True}}),
    }
    browsers = {name: await browse(user) for name, user in users.items()}

    async def heard() -> dict[str, list[list[str]]]:
        return {
            name: [event["person"]["on_duty"] for event in await browser.hears()]
            for name, browser in browsers.items()
        }

    for browser in browsers.values():
        await browser.follow(jill.device_id)
    first = await heard()
    assert {name: told[-1] for name, told in first.items()} == {
        "all": ["Anna"],
        "person": [],
        "both": ["Anna"],
    }
    hass.states.async_set("schedule.ben", "on")
    await jill.house.settle()
    both = [["Anna", "Ben"]]
    assert await heard() == {"all": both, "person": [], "both": both}
    await jill.call("send_test_alert")
    later = await heard()
    assert {name: told[-1] for name, told in later.items()} == {
        "all": both[0],
        "person": [],
        "both": both[0],
    }


async def test_the_unit_is_what_the_user_chose(jill: Follower, owner: User, browse: Browse) -> None:
    browser = await browse(owner)
    await browser.follow(jill.device_id)
    await browser.hears()
    er.async_get(jill.house.hass).async_update_entity_options(
        jill.entity_id("sensor", "glucose"), "sensor", {"unit_of_measurement": "mmol/L"}
    )
    person = (await browser.hears())[-1]["person"]
    assert person["unit"] == "mmol/L"
    assert person["glucose"]["value"] == pytest.approx(5, abs=0.05)
    assert person["thresholds"][0]["value"] == pytest.approx(3.05, abs=0.05)


async def test_a_change_is_worked_out_once_for_all_who_follow(
    jill: Follower, owner: User, browse: Browse
) -> None:
    browsers = [await browse(owner) for _ in range(3)]
    for browser in browsers:
        await browser.follow(jill.device_id, hours=24)
        await browser.hears()
    with patch(
        "custom_components.care_alerts.websocket.person_data", side_effect=person_data
    ) as made:
        await jill.call("send_test_alert")
    told = [await browser.hears() for browser in browsers]
    assert told[0] == told[1] == told[2]
    assert 0 < len(told[0]) <= made.call_count <= 4


def somebody(hass: HomeAssistant, **entities: Any) -> MockUser:
    """A user with a policy for entities."""
    user = MockUser()
    user.add_to_hass(hass)
    user.perm_lookup = PermissionLookup(er.async_get(hass), dr.async_get(hass))
    user.mock_policy({"entities": entities})
    return user
