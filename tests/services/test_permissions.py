"""Who may do what: Home Assistant's entity permissions hold for the actions, and automations may do all."""

from typing import Any

from homeassistant.auth.const import GROUP_ID_READ_ONLY
from homeassistant.auth.models import User
from homeassistant.auth.permissions.models import PermissionLookup
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import Unauthorized, UnknownUser
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.care_alerts.const import DOMAIN
from tests.care import Care, automate
from tests.conftest import House
from tests.home import Home
from tests.rooms import LAMP, OTHER_LAMP, call, furnish, shown
from tests.sources.tidepool.conftest import SETTINGS, Follower
from tests.world import HENK, add_person

MINUTES_5 = {"minutes": 5}

CONTROLLING: list[tuple[str, dict[str, Any]]] = [
    ("acknowledge", {}),
    ("unacknowledge", {}),
    ("snooze", {"duration": MINUTES_5}),
    ("unsnooze", {}),
    ("send_test_alert", {}),
]


@pytest.fixture(autouse=True)
async def owner(hass: HomeAssistant) -> User:
    """Whose house it is: the first user there is, who may do all."""
    return await hass.auth.async_create_user("Olga")


@pytest.fixture
async def looker(hass: HomeAssistant, owner: User) -> User:
    """Somebody who may look and touch nothing."""
    return await hass.auth.async_create_user("Lou", group_ids=[GROUP_ID_READ_ONLY])


@pytest.fixture
async def ill(care: Care) -> Care:
    """Maria's house in the morning after a bad night."""
    care.alert(1)
    await care.morning(1)
    return care


def somebody(hass: HomeAssistant, **entities: Any) -> User:
    """A user with a policy for entities."""
    user = MockUser()
    user.add_to_hass(hass)
    user.perm_lookup = PermissionLookup(er.async_get(hass), dr.async_get(hass))
    user.mock_policy({"entities": entities})
    return user


def device_of(hass: HomeAssistant, entity_id: str) -> str:
    """The device of an entity."""
    entity = er.async_get(hass).async_get(entity_id)
    assert entity is not None
    assert entity.device_id is not None
    return entity.device_id


@pytest.mark.parametrize(("action", "data"), CONTROLLING)
@pytest.mark.parametrize("aim", ["sensor", "person", "source", "status"])
async def test_who_may_only_look_can_do_nothing(
    ill: Care,
    looker: User,
    anna: User,
    owner: User,
    action: str,
    data: dict[str, Any],
    aim: str,
) -> None:
    target = {
        "sensor": {"entity_id": ill.sensor()},
        "person": {"device_id": device_of(ill.hass, ill.sensor())},
        "source": {"device_id": ill.house.source_device(ill.entry).id},
        "status": {"entity_id": ill.house.entity_id("sensor", "status")},
    }[aim]
    before = ill.attributes()
    with pytest.raises(Unauthorized):
        await ill.call(action, target, user=looker, **data)
    assert ill.attributes() == before
    for user in (anna, owner):
        await ill.call(action, target, user=user, **data)


async def test_who_may_only_look_can_look(ill: Care, looker: User) -> None:
    answer = await ill.call("get_alerts", user=looker)
    assert [one["alert_type"] for one in answer["alerts"]] == ["weight"]


async def test_nobody_reads_what_they_may_not_see(ill: Care) -> None:
    user = somebody(ill.hass, entity_ids={ill.sensor(): True})
    # Alerts are a person's, whatever stands for them.
    for target in (ill.sensor(), ill.house.entity_id("sensor", "status")):
        with pytest.raises(Unauthorized):
            await ill.call("get_alerts", target, user=user)
    user = somebody(ill.hass, device_ids={device_of(ill.hass, ill.sensor()): {"read": True}})
    assert (await ill.call("get_alerts", user=user))["alerts"]
    with pytest.raises(Unauthorized):
        await ill.call("acknowledge", user=user)
    with pytest.raises(Unauthorized):
        await ill.call("get_alerts", ill.house.entity_id("sensor", "status"), user=user)


async def test_what_is_allowed_of_one_person_is_not_of_another(house: House) -> None:
    maria, henk = add_person(house), add_person(house, HENK)
    care = Care(house, await house.set_up(house.entry()), maria)
    henks = house.entity_id("binary_sensor", "weight", henk.shared_user_id)
    user = somebody(house.hass, device_ids={device_of(house.hass, care.sensor()): True})
    await care.call("send_test_alert", user=user)
    for target in (
        {"entity_id": henks},
        {"entity_id": [care.sensor(), henks]},
        {"device_id": house.source_device(care.entry).id},
    ):
        with pytest.raises(Unauthorized):
            await care.call("acknowledge", target, user=user)
    assert care.attributes()["acknowledged"] is False
    await care.call("acknowledge", user=user)
    assert care.attributes()["acknowledged"] is True


async def test_what_is_disabled_is_not_for_everybody(ill: Care) -> None:
    """Who may touch nothing of a person does not get at them because there is nothing to see."""
    device_id = device_of(ill.hass, ill.sensor())
    registry = er.async_get(ill.hass)
    for entity in er.async_entries_for_device(registry, device_id):
        registry.async_update_entity(entity.entity_id, disabled_by=er.RegistryEntryDisabler.USER)
    await ill.reload()
    with pytest.raises(Unauthorized):
        await ill.call("get_alerts", {"device_id": device_id}, user=somebody(ill.hass))


async def test_a_user_who_is_gone(ill: Care) -> None:
    with pytest.raises(UnknownUser):
        await ill.hass.services.async_call(
            DOMAIN,
            "acknowledge",
            {"entity_id": ill.sensor()},
            blocking=True,
            context=Context(user_id="gone"),
        )
    assert ill.attributes()["acknowledged"] is False


async def test_an_automation_may_do_all_whoever_set_it_off(ill: Care, looker: User) -> None:
    """It is whoever wrote it who said what happens; so it is in all of Home Assistant."""
    actions = [
        {"action": f"{DOMAIN}.{action}", "target": {"entity_id": ill.sensor()}, "data": data}
        for action, data in CONTROLLING
    ]
    heard = await automate(
        ill.hass,
        {"trigger": "event", "event_type": "button_pressed"},
        actions=[*actions, {"action": "test.heard", "data": {"trigger": "{{ trigger }}"}}],
    )
    ill.hass.bus.async_fire("button_pressed", context=Context(user_id=looker.id))
    await ill.house.settle()
    assert len(heard.calls) == 1
    # But a script is whose it is that runs it.
    script = {"doctor": {"sequence": actions[:1]}}
    assert await async_setup_component(ill.hass, "script", {"script": script})
    with pytest.raises(Unauthorized):
        await ill.hass.services.async_call(
            "script", "doctor", blocking=True, context=Context(user_id=looker.id)
        )


@pytest.mark.parametrize(
    ("action", "data", "may"),
    [
        ("get_alert_thresholds", {}, True),
        ("replay_thresholds", {}, True),
        ("set_alert_thresholds", {"low": 75}, False),
        ("delete_alert_thresholds", {}, False),
    ],
)
async def test_thresholds(
    house: House, looker: User, action: str, data: dict[str, Any], may: bool
) -> None:
    jill = house.sim.tidepool.add_child("Jill")
    jill.share_with(house.sim.tidepool.account)
    jill.set_settings(house.sim.tidepool.account, SETTINGS)
    follower = Follower(house, jill, house.tidepool_entry(), [])
    await follower.start()

    async def ask_as(user: User) -> Any:
        return await house.hass.services.async_call(
            DOMAIN,
            action,
            {"device_id": follower.device_id, **data},
            blocking=True,
            return_response=action != "delete_alert_thresholds",
            context=Context(user_id=user.id),
        )

    with pytest.raises(Unauthorized):
        await ask_as(somebody(house.hass))
    if may:
        assert (await ask_as(looker))["person"] == "Jill"
    else:
        with pytest.raises(Unauthorized):
            await ask_as(looker)
    assert follower.settings == SETTINGS


# Phones.


@pytest.mark.real_files
async def test_nobody_reaches_a_phone_of_another_by_us(home: Home) -> None:
    phone = await home.phone("Anna")
    answer = await home.care.call("send_test_alert", severity="high")
    which = answer["alerts"][0]["episode_id"]
    maria = device_of(home.hass, home.care.sensor())
    [entity_id] = [
        one.entity_id
        for one in er.async_entries_for_device(er.async_get(home.hass), phone.device_id)
        if one.domain == "notify"
    ]
    targets = {"device_id": [phone.device_id]}, {"entity_id": [entity_id]}
    nobody, reads = (
        somebody(home.hass, device_ids={maria: True}),
        somebody(home.hass, device_ids={maria: True}, entity_ids={entity_id: {"read": True}}),
    )
    own = somebody(home.hass, device_ids={maria: True}, entity_ids={entity_id: True})

    async def told(target: dict[str, Any], user: User) -> Any:
        return (await home.care.call("notify", target, user=user, episode_id=which))["told"]

    for target in targets:
        for user in (nobody, reads):
            with pytest.raises(Unauthorized):
                await told(target, user)
        assert phone.pushed == []
    for count, target in enumerate(targets, 1):
        assert await told(target, own) == [phone.device_id]
        assert len(phone.pushed) == count
    # Nor where nothing of it is left to see.
    er.async_get(home.hass).async_remove(entity_id)
    with pytest.raises(Unauthorized):
        await told(targets[0], own)
    assert len(phone.pushed) == len(targets)


# Lights and speakers.


async def ask(
    hass: HomeAssistant, action: str, *entity_ids: str, user: User | None = None, key: str = "night"
) -> None:
    """Have something remembered or restored."""
    target = {"entity_id": list(entity_ids)} if entity_ids else {}
    await hass.services.async_call(
        DOMAIN,
        action,
        target | {"key": key},
        blocking=True,
        context=Context(user_id=user.id) if user else None,
    )
    await hass.async_block_till_done()


@pytest.fixture
async def lit(hass: HomeAssistant) -> HomeAssistant:
    """A house with two lamps, the second off."""
    await furnish(hass)
    await call(hass, "turn_on", LAMP)
    await call(hass, "turn_off", OTHER_LAMP)
    return hass


async def test_nobody_turns_on_what_they_may_not_by_having_it_remembered(
    lit: HomeAssistant, looker: User
) -> None:
    with pytest.raises(Unauthorized):
        await ask(lit, "remember", LAMP, user=looker)
    await call(lit, "turn_off", LAMP)
    await ask(lit, "restore")
    assert shown(lit, LAMP)[0] == "off"


async def test_nobody_lets_go_of_what_they_may_not_touch(lit: HomeAssistant, looker: User) -> None:
    await ask(lit, "remember", LAMP)
    await call(lit, "turn_off", LAMP)
    with pytest.raises(Unauthorized):
        await ask(lit, "restore", user=looker)
    # Not even later, when it is heard of again.
    lit.states.async_set(LAMP, "off", {"brightness": 1})
    await lit.async_block_till_done()
    assert shown(lit, LAMP)[0] == "off"
    await ask(lit, "restore")
    assert shown(lit, LAMP)[0] == "on"


async def test_lamps_of_ones_own(lit: HomeAssistant) -> None:
    mine = somebody(lit, entity_ids={LAMP: True, "light.all": True})
    lit.states.async_set("light.all", "on", {"entity_id": [LAMP, OTHER_LAMP]})
    await ask(lit, "remember", LAMP, user=mine, key="mine")
    await call(lit, "turn_off", LAMP)
    await ask(lit, "restore", user=mine, key="mine")
    assert shown(lit, LAMP)[0] == "on"
    for not_mine in (OTHER_LAMP, "light.all"):
        with pytest.raises(Unauthorized):
            await ask(lit, "remember", not_mine, user=mine, key="mine")
    # Nor is another kept from being set back.
    await ask(lit, "remember", OTHER_LAMP)
    with pytest.raises(Unauthorized):
        await ask(lit, "remember", LAMP, user=mine)
    await call(lit, "turn_on", OTHER_LAMP)
    await ask(lit, "restore")
    assert shown(lit, OTHER_LAMP)[0] == "off"
