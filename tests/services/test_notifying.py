"""The verb `notify` and the triggers of plans: what automations of one's own are made of."""

from typing import Any

from homeassistant.auth.const import GROUP_ID_READ_ONLY
from homeassistant.core import ServiceCall
from homeassistant.exceptions import ServiceValidationError, Unauthorized
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
import pytest

from scripts.real_home import ROOT
from tests.appliances import Bulb, install
from tests.care import automate, trigger
from tests.home import Home
from tests.responses.house import caregiver, plan, set_up

pytestmark = pytest.mark.real_files

EXAMPLES = ROOT / "docs" / "examples.md"


async def episode(home: Home) -> str:
    """Send a test alert, and return the id of its episode."""
    answer = await home.care.call("send_test_alert", severity="high")
    episode_id: str = answer["alerts"][0]["episode_id"]
    return episode_id


async def test_a_phone_is_notified_and_kept_up_to_date(home: Home) -> None:
    phone = await home.phone("Anna")
    which = await episode(home)
    answer = await home.care.call("notify", {"device_id": phone.device_id}, episode_id=which)
    assert answer == {"told": [phone.device_id], "failed": [], "reason": None}
    assert phone.shown["title"] == "DRILL: maria: Weight"
    await phone.press("I have it")
    assert "Anna has it" in phone.shown["message"]
    await home.minutes(31)
    assert phone.screen == {}


async def test_the_notify_entity_of_a_phone_stands_for_the_phone(home: Home) -> None:
    phone = await home.phone("Anna")
    which = await episode(home)
    [entity_id] = home.hass.states.async_entity_ids("notify")
    answer = await home.care.call("notify", entity_id, episode_id=which, text="neutral")
    assert answer["told"] == [phone.device_id]
    assert phone.shown["title"] == "DRILL: Care Alerts"


async def test_a_notify_entity_gets_title_and_text(home: Home) -> None:
    sent: list[dict[str, Any]] = []

    async def send(call: ServiceCall) -> None:
        sent.append(dict(call.data))

    home.hass.services.async_register("notify", "send_message", send)
    home.hass.states.async_set("notify.sms", "unknown")
    which = await episode(home)
    answer = await home.care.call(
        "notify", {"entity_id": ["notify.sms", "notify.gone"]}, episode_id=which
    )
    assert answer == {"told": ["notify.sms"], "failed": ["notify.gone"], "reason": None}
    [message] = sent
    assert message["title"] == "DRILL: maria: Weight"
    assert message["message"].startswith("Was observed at 13:00")


async def test_caregivers_are_named(home: Home) -> None:
    phone, other = await home.phone("Anna"), await home.phone("Ben")
    await set_up(
        home,
        caregiver("Anna", phones=[phone.device_id]),
        caregiver("Ben", phones=[other.device_id]),
    )
    which = await episode(home)
    await home.care.call("notify", {}, episode_id=which, caregivers=["ben"])
    assert phone.pushed == []
    assert other.shown
    with pytest.raises(ServiceValidationError, match="Cleo is no caregiver"):
        await home.care.call("notify", {}, episode_id=which, caregivers=["Cleo"])


async def test_what_is_over_or_acknowledged_or_unknown_is_no_error(home: Home) -> None:
    phone = await home.phone("Anna")
    target = {"device_id": phone.device_id}
    which = await episode(home)
    await home.care.call("acknowledge")
    answer = await home.care.call("notify", target, episode_id=which)
    assert answer == {"told": [], "failed": [], "reason": "acknowledged"}
    await home.minutes(31)
    assert (await home.care.call("notify", target, episode_id=which))["reason"] == "over"
    # Not every alert belongs to an episode: a trigger gives None then.
    for unknown in "none", None:
        answer = await home.care.call("notify", target, episode_id=unknown)
        assert answer["reason"] == "no_such_episode"
    assert phone.pushed == []


async def test_somebody_has_to_be_named(home: Home) -> None:
    which = await episode(home)
    with pytest.raises(ServiceValidationError, match="Nobody is given"):
        await home.care.call("notify", {}, episode_id=which)


async def test_a_phone_that_is_gone_is_said_to_be(home: Home) -> None:
    which = await episode(home)
    answer = await home.care.call("notify", {"device_id": "gone"}, episode_id=which)
    assert answer["failed"] == ["gone"]


async def test_who_may_only_look_sends_nothing(home: Home) -> None:
    phone = await home.phone("Anna")
    await home.hass.auth.async_create_user("Whoever owns the house")
    user = await home.hass.auth.async_create_user("Guest", group_ids=[GROUP_ID_READ_ONLY])
    which = await episode(home)
    with pytest.raises(Unauthorized):
        await home.care.call("notify", {"device_id": phone.device_id}, user=user, episode_id=which)


# Triggers.


async def test_each_step_is_heard_by_its_plan_and_number(home: Home) -> None:
    await set_up(home, caregiver("Anna"), plan("Night"))
    heard = await automate(home.hass, trigger("step_due"))
    await episode(home)
    await home.minutes(20)
    assert [(one["plan"], one["step"], one["after_minutes"]) for one in heard.triggers][:1] == [
        ("Night", 1, 0)
    ]
    assert {one["step"] for one in heard.triggers} == {1, 2, 3}
    assert all(one["episode_id"] for one in heard.triggers)


async def test_one_step_of_one_plan(home: Home) -> None:
    await set_up(home, caregiver("Anna"), plan("Night"))
    heard = await automate(home.hass, trigger("step_due", plan="night", step=2))
    await episode(home)
    await home.minutes(20)
    assert [one["step"] for one in heard.triggers] == [2]


async def test_an_alert_needs_somebody(home: Home) -> None:
    heard = await automate(home.hass, trigger("alert_needs_attention", repeat={"minutes": 10}))
    await episode(home)
    assert [one["reason"] for one in heard.triggers] == ["new"]
    await home.minutes(10)
    assert [one["reason"] for one in heard.triggers] == ["new", "reminder"]
    await home.care.call("snooze", duration={"minutes": 7})
    await home.minutes(6)
    assert len(heard.triggers) == 2
    await home.minutes(1)
    assert heard.triggers[-1]["reason"] == "snooze_over"
    await home.care.call("acknowledge")
    await home.minutes(12)
    assert len(heard.triggers) == 3


async def test_what_gets_worse_needs_somebody_again(home: Home) -> None:
    heard = await automate(home.hass, trigger("alert_needs_attention"))
    for day, severity in enumerate(("MEDIUM", "MEDIUM", "HIGH"), 1):
        home.care.alert(day, severity=severity)
        await home.care.morning(day)
    assert [one["reason"] for one in heard.triggers] == ["new", "worse"]
    assert heard.triggers[1]["severity"] == "high"


# An automation of one's own.

AMBER = {"brightness": 255, "rgb_color": (255, 170, 0)}


async def test_the_automation_of_the_examples(home: Home) -> None:
    """Ten lines at most: a caregiver's own."""
    text = EXAMPLES.read_text().partition("A phone and a lamp until")[2].partition("```yaml\n")[2]
    text = text.partition("```")[0]
    assert len(text.splitlines()) <= 10
    phone, lamp = await home.phone("Anna"), Bulb()
    await install(home.hass, {"hall": lamp})
    automation = parse_yaml(text.replace("0123456789abcdef", phone.device_id))
    assert isinstance(automation, dict)
    config = {"automation": [{"alias": "Mine"} | automation]}
    assert await async_setup_component(home.hass, "automation", config)
    await home.house.settle()
    home.care.alert(1)
    await home.care.morning(1)
    assert [one["title"] for one in phone.pushed] == ["maria: Weight"]
    assert lamp.look == AMBER
    await home.minutes(10)
    assert len(phone.rang) == 2
    assert lamp.look == AMBER

    await phone.press("I have it")
    assert home.care.attributes()["acknowledged_by"] == "Anna"
    assert "Anna has it since" in phone.shown["message"]
    assert lamp.look is None
    await home.minutes(30)
    assert len(phone.rang) == 2
    assert lamp.look is None
