"""Whoever acknowledges or snoozes: by which way, what every screen shows of it, and that it is not forgotten."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from homeassistant.auth.models import User
from homeassistant.const import STATE_ON
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
import voluptuous as vol

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.attribution import REMEMBERED
from custom_components.care_alerts.services.targets import Targeted
from custom_components.care_alerts.sources.targets import DeviceRef
from tests.care import Care
from tests.conftest import NOON, House
from tests.world import HENK, add_alert, add_person, generation

OWNED = ("acknowledged", "acknowledged_by", "acknowledged_at", "note", "snoozed_until", "drill")
NOBODYS = dict.fromkeys(OWNED) | {"acknowledged": False, "drill": False}


@pytest.fixture
async def ill(care: Care) -> Care:
    """Maria's house in the morning after a bad night: weight is high, flex medium, medication high."""
    care.alert(1)
    care.alert(1, "FLEX", "PLATEAU")
    care.alert(1, "MEDICATION", "MISSED_DOSE_HIGH")
    await care.morning(1)
    return care


def owned(care: Care, key: str = "weight") -> dict[str, Any]:
    """What a sensor says of who takes care."""
    attributes = care.attributes(key)
    return {name: attributes[name] for name in OWNED}


def person(care: Care) -> dict[str, Any]:
    """Maria's device as a target."""
    entity = er.async_get(care.hass).async_get(care.sensor())
    assert entity is not None
    return {"device_id": entity.device_id}


def source(care: Care) -> dict[str, Any]:
    """The source's device as a target."""
    return {"device_id": care.house.source_device(care.entry).id}


def events(hass: HomeAssistant, name: str) -> list[Event]:
    """What is told on the bus from now on."""
    heard: list[Event] = []

    @callback
    def listen(event: Event) -> None:
        heard.append(event)

    hass.bus.async_listen(f"{DOMAIN}_{name}", listen)
    return heard


# Taking.


async def test_without_an_alert_there_is_nothing_to_take(care: Care) -> None:
    assert owned(care) == dict.fromkeys(OWNED) | {"drill": False}
    assert await care.call("acknowledge") == {"acknowledged": []}
    assert await care.call("unacknowledge") == {"unacknowledged": []}
    assert (await care.call("snooze", duration={"minutes": 5}))["snoozed"] == []
    assert await care.call("unsnooze") == {"unsnoozed": []}
    assert owned(care)["acknowledged"] is None


async def test_a_sensor_is_acknowledged(ill: Care, anna: User) -> None:
    told = events(ill.hass, "alert_acknowledged")
    assert owned(ill) == NOBODYS
    answer = await ill.call("acknowledge", user=anna, note="Called her")
    assert answer == {
        "acknowledged": [
            {
                "entity_id": ill.sensor(),
                **person(ill),
                "person": "maria",
                "alert_type": "weight",
                "episode_id": ill.attributes()["episode_id"],
                "since": generation(1).isoformat(),
                "drill": False,
            }
        ]
    }
    assert owned(ill) == NOBODYS | {
        "acknowledged": True,
        "acknowledged_by": "Anna",
        "acknowledged_at": ill.house.now,
        "note": "Called her",
    }
    # It is not over.
    assert ill.house.state("binary_sensor", "weight", ill.maria.shared_user_id).state == STATE_ON
    assert owned(ill, "flex") == NOBODYS
    [event] = told
    assert event.context.user_id == anna.id
    assert event.data["acknowledged_by"] == "Anna"
    assert event.data["acknowledged_via"] == "user"


async def test_it_is_undone(ill: Care, anna: User, ben: User) -> None:
    await ill.call("acknowledge", user=anna)
    told = events(ill.hass, "acknowledgement_undone")
    answer = await ill.call("unacknowledge", user=ben)
    assert [one["entity_id"] for one in answer["unacknowledged"]] == [ill.sensor()]
    assert owned(ill) == NOBODYS
    assert [event.data["by"] for event in told] == ["Ben"]
    assert await ill.call("unacknowledge", user=ben) == {"unacknowledged": []}


async def test_a_sensor_is_taken_over_but_a_person_only_where_nobody_has_it(
    ill: Care, anna: User, ben: User
) -> None:
    await ill.call("acknowledge", user=anna)
    answer = await ill.call("acknowledge", person(ill), user=ben)
    assert {one["alert_type"] for one in answer["acknowledged"]} == {"flex", "medication"}
    assert owned(ill)["acknowledged_by"] == "Anna"
    assert owned(ill, "flex")["acknowledged_by"] == "Ben"
    await ill.call("acknowledge", user=ben)
    assert owned(ill)["acknowledged_by"] == "Ben"


async def test_a_source_stands_for_all_its_people(house: House, anna: User) -> None:
    maria, henk = add_person(house), add_person(house, HENK)
    care = Care(house, await house.set_up(house.entry()), maria)
    for one in (maria, henk):
        add_alert(house, one, 1)
    await care.morning(1)
    answer = await care.call("acknowledge", source(care), user=anna)
    assert {one["person"] for one in answer["acknowledged"]} == {"maria", "henk"}
    answer = await care.call("unacknowledge", source(care), user=anna)
    assert {one["person"] for one in answer["unacknowledged"]} == {"maria", "henk"}


@pytest.mark.parametrize("as_a_whole", [True, False])
@pytest.mark.parametrize(
    ("action", "event"),
    [
        ("acknowledge", "alert_acknowledged"),
        ("unacknowledge", "acknowledgement_undone"),
        ("snooze", "snoozed"),
    ],
)
async def test_somebody_goes_while_others_are_seen_to(
    ill: Care, action: str, event: str, as_a_whole: bool
) -> None:
    house = ill.house
    account = house.sim.lumen.add_account("another-key")
    ines = account.add_person("ines@example.com", granted_at=NOON - timedelta(days=30))
    second = Care(house, await house.set_up(house.entry(data={"api_key": account.api_key})), ines)
    entity_id = house.entity_id("binary_sensor", "weight", ines.shared_user_id, second.entry)
    targets = [{"entity_id": ill.sensor()}, {"entity_id": entity_id}]
    if as_a_whole:
        targets = [source(ill), source(second)]
    target = {key: [one[key] for one in targets] for key in targets[0]}
    if action == "unacknowledge":
        await ill.call("acknowledge", targets[0])

    @callback
    def go(_: Event) -> None:
        second.coordinator.data = replace(second.coordinator.data, people={})

    ill.hass.bus.async_listen(f"{DOMAIN}_{event}", go)
    data: dict[str, Any] = {"duration": {"minutes": 5}} if action == "snooze" else {}
    answer = await ill.call(action, target, **data)
    assert not second.coordinator.data.people
    assert any(answer.values())


async def test_what_is_over_can_still_be_taken(ill: Care, anna: User) -> None:
    """By its sensor always, with its person for a day."""
    await ill.morning(2)
    answer = await ill.call("acknowledge", user=anna)
    assert len(answer["acknowledged"]) == 1
    assert owned(ill)["acknowledged_by"] == "Anna"
    assert ill.house.state("binary_sensor", "weight", ill.maria.shared_user_id).state == "off"
    answer = await ill.call("acknowledge", person(ill), user=anna)
    assert len(answer["acknowledged"]) == 2
    await ill.call("unacknowledge", person(ill), user=anna)
    await ill.house.pass_time(hours=25)
    assert await ill.call("acknowledge", person(ill), user=anna) == {"acknowledged": []}
    assert len((await ill.call("acknowledge", user=anna))["acknowledged"]) == 1


async def test_a_new_episode_is_a_new_alarm(ill: Care, anna: User) -> None:
    await ill.call("acknowledge", user=anna)
    await ill.call("snooze", duration={"hours": 24})
    await ill.morning(2)
    ill.alert(3)
    await ill.morning(3)
    assert owned(ill) == NOBODYS


async def test_what_goes_on_stays_taken_until_it_gets_worse(care: Care, anna: User) -> None:
    care.alert(1, subtype="TOO_SLOW", severity="MEDIUM")
    care.alert(2, subtype="TOO_SLOW", severity="MEDIUM")
    care.alert(3)
    await care.morning(1)
    await care.call("acknowledge", user=anna)
    await care.morning(2)
    assert owned(care)["acknowledged_by"] == "Anna"
    await care.morning(3)
    assert owned(care) == NOBODYS


async def test_the_button_takes_all_that_nobody_has(ill: Care, anna: User, ben: User) -> None:
    button = ill.house.entity_id("button", "acknowledge_all", ill.maria.shared_user_id)

    async def press(user: User) -> None:
        await ill.hass.services.async_call(
            "button",
            "press",
            {"entity_id": button},
            blocking=True,
            context=Context(user_id=user.id),
        )
        await ill.house.settle()

    await ill.call("acknowledge", user=anna)
    await press(ben)
    await press(anna)
    by = {key: owned(ill, key)["acknowledged_by"] for key in ("weight", "flex", "medication")}
    assert by == {"weight": "Anna", "flex": "Ben", "medication": "Ben"}


# Who it was.


async def watch(hass: HomeAssistant, *actions: dict[str, Any], **triggers: Any) -> None:
    """Set up an automation called Night watch."""
    config = {"alias": "Night watch", "triggers": triggers, "actions": list(actions)}
    assert await async_setup_component(hass, "automation", {"automation": config})
    await hass.async_block_till_done()


def acknowledging(care: Care) -> dict[str, Any]:
    """The action, in an automation."""
    return {"action": f"{DOMAIN}.acknowledge", "target": {"entity_id": care.sensor()}}


async def test_somebody_answers_a_notification(ill: Care, anna: User) -> None:
    await watch(
        ill.hass,
        acknowledging(ill),
        trigger="event",
        event_type="mobile_app_notification_action",
        event_data={"action": "TAKE"},
    )
    told = events(ill.hass, "alert_acknowledged")
    ill.hass.bus.async_fire(
        "mobile_app_notification_action", {"action": "TAKE"}, context=Context(user_id=anna.id)
    )
    await ill.house.settle()
    assert owned(ill)["acknowledged_by"] == "Anna"
    assert told[0].data["acknowledged_via"] == "notification"


async def test_an_automation_does_it_by_itself(ill: Care) -> None:
    await watch(ill.hass, acknowledging(ill), trigger="event", event_type="door_opened")
    told = events(ill.hass, "alert_acknowledged")
    ill.hass.bus.async_fire("door_opened")
    await ill.house.settle()
    assert owned(ill)["acknowledged_by"] == "Night watch"
    assert told[0].data["acknowledged_via"] == "automation"


async def test_somebody_sets_off_an_automation(ill: Care, anna: User) -> None:
    await watch(ill.hass, acknowledging(ill), trigger="event", event_type="never")
    await ill.hass.services.async_call(
        "automation",
        "trigger",
        {"entity_id": "automation.night_watch"},
        blocking=True,
        context=Context(user_id=anna.id),
    )
    await ill.house.settle()
    assert owned(ill)["acknowledged_by"] == "Anna"


async def test_an_automation_runs_a_script(ill: Care, anna: User) -> None:
    script = {"doctor": {"alias": "Doctor", "sequence": [acknowledging(ill)]}}
    assert await async_setup_component(ill.hass, "script", {"script": script})
    await watch(ill.hass, {"action": "script.doctor"}, trigger="event", event_type="button_pressed")
    ill.hass.bus.async_fire("button_pressed")
    await ill.house.settle()
    assert owned(ill)["acknowledged_by"] == "Night watch"
    await ill.hass.services.async_call(
        "script", "doctor", blocking=True, context=Context(user_id=anna.id)
    )
    await ill.house.settle()
    assert owned(ill)["acknowledged_by"] == "Anna"


async def test_nobody_knows_who(ill: Care) -> None:
    await ill.call("acknowledge")
    assert owned(ill) == NOBODYS | {"acknowledged": True, "acknowledged_at": ill.house.now}
    # Or they are no user any more, when what they set off runs.
    await ill.call("unacknowledge")
    ill.hass.bus.async_fire("call_service", {}, context=(gone := Context(user_id="gone")))
    await ill.hass.services.async_call(
        DOMAIN,
        "acknowledge",
        {"entity_id": ill.sensor()},
        blocking=True,
        context=Context(parent_id=gone.id),
    )
    assert owned(ill) == NOBODYS | {"acknowledged": True, "acknowledged_at": ill.house.now}


async def test_a_busy_house_remembers_only_the_newest_calls(ill: Care, anna: User) -> None:
    for _ in range(REMEMBERED + 1):
        ill.hass.bus.async_fire("call_service", {}, context=Context(user_id=anna.id))
    first = Context(user_id=anna.id)
    ill.hass.bus.async_fire("call_service", {}, context=first)
    await ill.hass.services.async_call(
        DOMAIN,
        "acknowledge",
        {"entity_id": ill.sensor()},
        blocking=True,
        context=Context(parent_id=first.id),
    )
    assert owned(ill)["acknowledged_by"] == "Anna"


# Quiet.


async def test_a_sensor_is_snoozed(ill: Care, anna: User) -> None:
    told = events(ill.hass, "snoozed")
    until = ill.house.now + timedelta(minutes=30)
    answer = await ill.call("snooze", user=anna, duration={"minutes": 30})
    assert answer["until"] == until.isoformat()
    assert answer["snoozed"] == [
        {
            "scope": "alert",
            "entity_id": ill.sensor(),
            **person(ill),
            "person": "maria",
            "alert_type": "weight",
            "drill": False,
        }
    ]
    assert owned(ill) == NOBODYS | {"snoozed_until": until}
    assert owned(ill, "medication") == NOBODYS
    assert [(event.data["by"], event.data["scope"]) for event in told] == [("Anna", "alert")]
    # What is snoozed is nobody's all the same, and the screens show when it is over.
    await ill.house.pass_time(minutes=30)
    assert owned(ill) == NOBODYS


@pytest.mark.parametrize("target", [person, source])
async def test_a_snooze_of_a_person_or_source_leaves_what_is_severe(
    ill: Care, anna: User, target: Any
) -> None:
    until = ill.house.now + timedelta(minutes=30)
    answer = await ill.call("snooze", target(ill), user=anna, duration={"minutes": 30})
    assert [one["scope"] for one in answer["snoozed"]] == [target.__name__]
    assert owned(ill, "flex")["snoozed_until"] == until
    assert owned(ill)["snoozed_until"] is None
    assert owned(ill, "medication")["snoozed_until"] is None


async def test_a_snooze_is_ended(ill: Care, anna: User) -> None:
    told = events(ill.hass, "unsnoozed")
    await ill.call("snooze", duration={"minutes": 30})
    await ill.call("snooze", person(ill), duration={"minutes": 30})
    answer = await ill.call("unsnooze", user=anna)
    assert [one["scope"] for one in answer["unsnoozed"]] == ["alert"]
    assert owned(ill)["snoozed_until"] is None
    assert owned(ill, "flex")["snoozed_until"] is not None
    await ill.call("snooze", duration={"minutes": 30})
    answer = await ill.call("unsnooze", source(ill), user=anna)
    assert {one["scope"] for one in answer["unsnoozed"]} == {"alert", "person"}
    assert owned(ill, "flex")["snoozed_until"] is None
    assert [event.data["by"] for event in told] == ["Anna"] * 3


async def test_what_is_over_is_not_snoozed(ill: Care) -> None:
    await ill.morning(2)
    assert (await ill.call("snooze", duration={"minutes": 5}))["snoozed"] == []


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("snooze", {}),
        ("snooze", {"duration": {"seconds": 30}}),
        ("snooze", {"duration": {"days": 8}}),
        ("snooze", {"duration": "long"}),
        ("acknowledge", {"note": "x" * 256}),
        ("acknowledge", {"by": "Anna"}),
    ],
)
async def test_what_makes_no_sense(ill: Care, action: str, data: dict[str, Any]) -> None:
    with pytest.raises(vol.Invalid):
        await ill.call(action, **data)


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("acknowledge", {}),
        ("unacknowledge", {}),
        ("snooze", {"duration": 60}),
        ("unsnooze", {}),
        ("send_test_alert", {}),
    ],
)
async def test_strangers(ill: Care, action: str, data: dict[str, Any]) -> None:
    for target in ("light.kitchen", {"device_id": "no-such-device"}):
        with pytest.raises(ServiceValidationError) as caught:
            await ill.call(action, target, **data)
        assert caught.value.translation_key == "nobody_targeted"


async def test_nothing_of_it_is_lost_by_a_reload(ill: Care, anna: User) -> None:
    await ill.call("acknowledge", user=anna, note="Called her")
    await ill.call("snooze", ill.sensor("medication"), user=anna, duration={"hours": 3})
    await ill.call("snooze", person(ill), user=anna, duration={"hours": 2})
    before = [owned(ill, key) for key in ("weight", "flex", "medication")]
    await ill.house.pass_time(minutes=30)
    await ill.reload()
    assert [owned(ill, key) for key in ("weight", "flex", "medication")] == before
    assert before[0]["note"] == "Called her"
    assert all(one["snoozed_until"] for one in before[1:])


def test_who_is_meant_as_a_whole_is_not_among_single_alerts_too(care: Care) -> None:
    where = DeviceRef("device", "Maria", "source")
    sensors = {"maria": (where, ["weight"]), "olga": (where, ["flex"])}
    one = Targeted(care.coordinator, False, {}, {}, sensors)
    whole = one.with_person("maria", where, frozenset({"flex"}))
    assert (whole.people, whole.exempt) == ({"maria": where}, {"maria": frozenset({"flex"})})
    assert whole.alerts == {"olga": sensors["olga"]}
    assert one.with_person("maria", where, frozenset()).exempt == {}
