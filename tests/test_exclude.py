"""The `exclude` block of a target: what is in it is neither acknowledged nor silenced, asked about, lit or told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from homeassistant.const import CONF_EXCLUDE, CONF_TARGET, EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import (
    area_registry as ar,
    condition as condition_helper,
    config_validation as cv,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    label_registry as lr,
)
from homeassistant.helpers.trigger import models as trigger_helper
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.care_alerts.condition import CONDITIONS
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.overlaps import overlaps_of
from custom_components.care_alerts.trigger import TRIGGERS
from simulator import CATALOGUE
from simulator.lumen import LumenPerson

from .care import Care, automate, trigger
from .conftest import House
from .home import Home
from .responses.house import caregiver, plan, set_up
from .responses.mila import Mila
from .rooms import LAMP, OTHER_LAMP, furnish
from .test_condition import holds
from .world import HENK, add_alert, add_person, generation

HAS_EXCLUDE = any(str(key) == CONF_EXCLUDE for key in cv.TARGET_FIELDS)
"""Home Assistant since 2026.11. Before, nobody can write one: the schemas refuse it."""

EXCLUDE = vol.Schema({vol.Optional(str): vol.All(cv.ensure_list, [str])})


def _taking_exclude(schema: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The schema as it is since 2026.11."""

    def validate(value: Mapping[str, Any]) -> Any:
        where = value.get(CONF_TARGET, value)
        if CONF_EXCLUDE not in where:
            return schema(value)
        rest = {kind: chosen for kind, chosen in where.items() if kind != CONF_EXCLUDE}
        valid = schema({**value, CONF_TARGET: rest} if CONF_TARGET in value else rest)
        target = valid[CONF_TARGET] if CONF_TARGET in value else valid
        target[CONF_EXCLUDE] = EXCLUDE(where[CONF_EXCLUDE])
        return valid

    return validate


@pytest.fixture
def exclude(monkeypatch: pytest.MonkeyPatch) -> Callable[[HomeAssistant], None]:
    """Let targets of ours have the block, whatever the version of Home Assistant."""

    def take(hass: HomeAssistant) -> None:
        if HAS_EXCLUDE:
            return
        for service in hass.services.async_services_internal()[DOMAIN].values():
            if service.schema:
                monkeypatch.setattr(service, "schema", _taking_exclude(service.schema))
        for module, name in (
            (trigger_helper, "_TRIGGER_SCHEMA"),
            (condition_helper, "_CONDITION_SCHEMA"),
        ):
            monkeypatch.setattr(module, name, _taking_exclude(getattr(module, name)))
        for one in {*TRIGGERS.values(), *CONDITIONS.values()}:
            monkeypatch.setattr(one, "_SCHEMA", _taking_exclude(one._SCHEMA))  # type: ignore[attr-defined]

    return take


@dataclass
class Two:
    """Maria and Henk, each with a weight alert (high), a flex one (medium) and a medication one (high)."""

    care: Care
    henk: LumenPerson

    def device(self, person: LumenPerson) -> str:
        """Somebody's device."""
        house = self.care.house
        entity_id = house.entity_id("event", "alert", person.shared_user_id)
        entity = er.async_get(house.hass).async_get(entity_id)
        assert entity
        assert entity.device_id
        return entity.device_id

    @property
    def maria(self) -> str:
        """Her device."""
        return self.device(self.care.maria)

    @property
    def source(self) -> str:
        """Theirs."""
        return self.care.house.source_device(self.care.entry).id

    async def acknowledged(self, target: dict[str, Any]) -> set[tuple[str, str]]:
        """Acknowledge, and return of whom what was."""
        answer = await self.care.call("acknowledge", target)
        return {(one["person"], one["alert_type"]) for one in answer["acknowledged"]}


TYPES = ("weight", "flex", "medication")


@pytest.fixture
async def two(house: House, exclude: Callable[[HomeAssistant], None]) -> Two:
    """Two people in the morning after a bad night."""
    maria, henk = add_person(house), add_person(house, HENK)
    care = Care(house, await house.set_up(house.entry()), maria)
    exclude(house.hass)
    for person in (maria, henk):
        for kind, subtype in (
            ("WEIGHT", "TOO_FAST"),
            ("FLEX", "PLATEAU"),
            ("MEDICATION", "MISSED_DOSE_HIGH"),
        ):
            add_alert(house, person, 1, kind, subtype)
    await care.morning(1)
    return Two(care, henk)


async def test_a_source_but_for_somebody(two: Two) -> None:
    target = {"device_id": two.source, CONF_EXCLUDE: {"device_id": [two.maria]}}
    assert await two.acknowledged(target) == {("henk", one) for one in TYPES}


async def test_somebody_but_for_an_alert(two: Two) -> None:
    target = {
        "device_id": two.maria,
        CONF_EXCLUDE: {"entity_id": [two.care.sensor("flex")]},
    }
    assert await two.acknowledged(target) == {("maria", "weight"), ("maria", "medication")}
    await two.care.call("acknowledge", {"device_id": two.maria})
    answer = await two.care.call("unacknowledge", target)
    assert {one["alert_type"] for one in answer["unacknowledged"]} == {"weight", "medication"}


async def test_what_is_named_and_exempt_is_exempt(two: Two) -> None:
    both = [two.care.sensor("flex"), two.care.sensor()]
    target = {"entity_id": both, CONF_EXCLUDE: {"device_id": [two.maria]}}
    with pytest.raises(ServiceValidationError) as caught:
        await two.care.call("acknowledge", target)
    assert caught.value.translation_key == "nobody_targeted"
    target = {"entity_id": both, CONF_EXCLUDE: {"entity_id": [both[0]]}}
    assert await two.acknowledged(target) == {("maria", "weight")}


async def test_an_area_or_a_label_is_exempt_with_what_is_hidden(two: Two) -> None:
    hass = two.care.hass
    attic, cellar = (ar.async_get(hass).async_create(name) for name in ("Attic", "Cellar"))
    label = lr.async_get(hass).async_create("Not now")
    devices, entities = dr.async_get(hass), er.async_get(hass)
    devices.async_update_device(two.maria, area_id=attic.id)
    everybody = {"device_id": two.source}
    henks = {("henk", one) for one in TYPES}
    assert await two.acknowledged(everybody | {CONF_EXCLUDE: {"area_id": [attic.id]}}) == henks
    await two.care.call("unacknowledge", everybody)
    devices.async_update_device(two.maria, area_id=None, labels={label.label_id})
    by_label = everybody | {CONF_EXCLUDE: {"label_id": [label.label_id]}}
    assert await two.acknowledged(by_label) == henks
    await two.care.call("unacknowledge", everybody)
    devices.async_update_device(two.maria, labels=set())
    for labels, area, exempt in (
        ({label.label_id}, None, {"label_id": [label.label_id]}),
        (set(), cellar.id, {"area_id": [cellar.id]}),
    ):
        entities.async_update_entity(
            two.care.sensor(),
            labels=labels,
            area_id=area,
            hidden_by=er.RegistryEntryHider.USER,
        )
        found = await two.acknowledged(everybody | {CONF_EXCLUDE: exempt})
        assert found == henks | {("maria", "flex"), ("maria", "medication")}
        await two.care.call("unacknowledge", everybody)


def silenced(two: Two, person: LumenPerson) -> set[str]:
    """What of somebody's alerts is quiet now."""
    snapshot = two.care.coordinator.data.people[person.shared_user_id]
    return {
        topic.alert_type for topic, episode in snapshot.episodes.items() if episode.snoozed_until
    }


async def test_who_is_exempt_is_not_silenced(two: Two) -> None:
    target = {"device_id": two.source, CONF_EXCLUDE: {"device_id": [two.maria]}}
    answer = await two.care.call("snooze", target, duration={"hours": 2})
    assert [(one["scope"], one["person"]) for one in answer["snoozed"]] == [("person", "henk")]
    # Of a person, never what is severe.
    assert (silenced(two, two.care.maria), silenced(two, two.henk)) == (set(), {"flex"})
    await two.care.call("unsnooze", target)
    assert silenced(two, two.henk) == set()


async def test_an_alert_that_is_exempt_is_not_silenced_whenever_it_comes(two: Two) -> None:
    care = two.care
    everything = {"device_id": two.maria}
    target = everything | {CONF_EXCLUDE: {"entity_id": [care.sensor("flex")]}}
    await care.call("snooze", target, duration={"hours": 24})
    assert silenced(two, care.maria) == set(), "the others are severe"
    heard = await automate(care.hass, trigger("alert_received"))
    await care.reload()
    for kind, subtype in (("WEIGHT", "TOO_SLOW"), ("FLEX", "DRAMATIC_DROP")):
        care.alert(2, kind, subtype)
    await care.house.until(generation(2) + timedelta(hours=3))
    assert "flex" in {one["alert"]["alert_type"] for one in heard.triggers}
    # One of its own is another one.
    await care.call("snooze", everything, duration={"hours": 24})
    await care.call("snooze", care.sensor("flex"), duration={"hours": 2})
    await care.call("unsnooze", target)
    assert silenced(two, care.maria) == {"flex"}


async def test_triggers_pass_over_it(two: Two) -> None:
    care = two.care
    targets = {
        "all but her": {"device_id": [two.source], CONF_EXCLUDE: {"device_id": [two.maria]}},
        "her, but not that": {
            "device_id": [two.maria],
            CONF_EXCLUDE: {"entity_id": [care.sensor()]},
        },
    }
    heard = await automate(
        care.hass,
        *(trigger("alert_received", target) | {"id": name} for name, target in targets.items()),
    )
    for person in (care.maria, two.henk):
        for kind, subtype in (("WEIGHT", "TOO_SLOW"), ("FLEX", "DRAMATIC_DROP")):
            add_alert(care.house, person, 2, kind, subtype)
    await care.morning(2)
    found: dict[str, set[tuple[str, str]]] = {}
    for one in heard.triggers:
        found.setdefault(one["id"], set()).add((one["person"], one["alert"]["alert_type"]))
    assert found == {
        "all but her": {("henk", "weight"), ("henk", "flex")},
        "her, but not that": {("maria", "flex")},
    }


async def test_conditions_pass_over_it(two: Two) -> None:
    hass, everybody = two.care.hass, {"device_id": [two.source]}
    both = {"device_id": [two.maria, two.device(two.henk)]}
    assert await holds(hass, "alert_active", everybody)
    assert not await holds(hass, "alert_active", everybody | {CONF_EXCLUDE: both})
    assert await holds(hass, "alert_active", everybody | {CONF_EXCLUDE: {"device_id": [two.maria]}})
    mine = {"device_id": [two.maria], CONF_EXCLUDE: {"entity_id": [two.care.sensor()]}}
    assert await holds(hass, "alert_active", mine)
    assert not await holds(hass, "alert_active", mine, alert_types=["weight"])
    two.care.house.sim.faults.add("lumen.alerts", CATALOGUE["503_bare"]())
    for _ in range(30):
        await two.care.house.pass_time(hours=1)
    for exempt, expected in ({"device_id": [two.maria]}, True), (everybody, False):
        target = everybody | {CONF_EXCLUDE: exempt}
        assert await holds(hass, "source_silent", target) is expected


async def test_what_is_asked_and_tried_leaves_it_out(two: Two) -> None:
    target = {"device_id": two.maria, CONF_EXCLUDE: {"entity_id": [two.care.sensor()]}}
    answer = await two.care.call("get_alerts", target)
    assert {one["alert_type"] for one in answer["alerts"]} == {"flex", "medication"}
    start = (two.care.house.now - timedelta(days=2)).isoformat()
    [person] = (await two.care.call("get_report", target, start=start))["people"]
    assert {one["alert_type"] for one in person["episodes"]} == {"flex", "medication"}
    answer = await two.care.call("send_test_alert", target)
    assert [one["alert_type"] for one in answer["alerts"]] == ["flex"]
    assert (await two.care.call("send_test_alert", target, alert_type="weight"))["alerts"] == []


@pytest.fixture
async def lamps(hass: HomeAssistant, exclude: Callable[[HomeAssistant], None]) -> HomeAssistant:
    """A house with two lamps, which are hidden in a group of both."""
    await furnish(hass)
    exclude(hass)
    group = MockConfigEntry(
        domain="group",
        title="All",
        options={
            "group_type": "light",
            "name": "All",
            "entities": [LAMP, OTHER_LAMP],
            "all": False,
        },
    )
    group.add_to_hass(hass)
    assert await hass.config_entries.async_setup(group.entry_id)
    await hass.async_block_till_done()
    for lamp in LAMP, OTHER_LAMP:
        er.async_get(hass).async_update_entity(
            lamp, name=lamp, hidden_by=er.RegistryEntryHider.INTEGRATION, device_id=None
        )
    return hass


async def remembered(hass: HomeAssistant, exempt: dict[str, Any]) -> Any:
    """The lamps of all but those that are exempt."""
    answer = await hass.services.async_call(
        DOMAIN,
        "remember",
        {"entity_id": ["light.all"], CONF_EXCLUDE: exempt, "key": "night"},
        blocking=True,
        return_response=True,
    )
    assert answer
    return answer["remembered"]


async def test_a_lamp_of_a_group_is_left_as_it_is(lamps: HomeAssistant) -> None:
    assert await remembered(lamps, {"entity_id": [LAMP]}) == [OTHER_LAMP]
    with pytest.raises(ServiceValidationError):
        await remembered(lamps, {"entity_id": ["light.all"]})


@pytest.mark.parametrize("category", [None, EntityCategory.CONFIG])
@pytest.mark.parametrize("kind", ["area", "label", "device", "area of its device", "floor"])
async def test_a_lamp_that_is_hidden_is_exempt_wherever_it_is(
    lamps: HomeAssistant, kind: str, category: EntityCategory | None
) -> None:
    entities, devices = er.async_get(lamps), dr.async_get(lamps)
    areas = ar.async_get(lamps)
    nursery, attic = areas.async_create("Nursery"), areas.async_create("Attic")
    floor = fr.async_get(lamps).async_create("Above")
    areas.async_update(nursery.id, floor_id=floor.floor_id)
    label = lr.async_get(lamps).async_create("Not now")
    entry = MockConfigEntry()
    entry.add_to_hass(lamps)
    device = devices.async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={("test", "lamp")}
    )
    entities.async_update_entity(LAMP, device_id=device.id, entity_category=category)
    # Of the same device, but elsewhere.
    entities.async_update_entity(OTHER_LAMP, device_id=device.id, area_id=attic.id)
    exempt = {"area_id": [nursery.id]}
    match kind:
        case "area" | "floor":
            entities.async_update_entity(LAMP, area_id=nursery.id)
            if kind == "floor":
                exempt = {"floor_id": [floor.floor_id]}
        case "label":
            entities.async_update_entity(LAMP, labels={label.label_id})
            exempt = {"label_id": [label.label_id]}
        case "area of its device":
            devices.async_update_device(device.id, area_id=nursery.id)
        case _:
            entities.async_update_entity(OTHER_LAMP, device_id=None)
            exempt = {"device_id": [device.id]}
    assert await remembered(lamps, exempt) == [OTHER_LAMP]


@pytest.mark.real_files
async def test_a_phone_is_not_told(home: Home, exclude: Callable[[HomeAssistant], None]) -> None:
    exclude(home.hass)
    phone, other = await home.phone("Anna"), await home.phone("Ben")
    answer = await home.care.call("send_test_alert", severity="high")
    which = answer["alerts"][0]["episode_id"]
    answer = await home.care.call(
        "notify",
        {
            "device_id": [phone.device_id, other.device_id],
            CONF_EXCLUDE: {"device_id": [phone.device_id]},
        },
        episode_id=which,
    )
    assert answer["told"] == [other.device_id]
    attic = ar.async_get(home.hass).async_create("Attic")
    entities = er.async_get(home.hass)
    [entity] = [
        one
        for one in er.async_entries_for_device(entities, phone.device_id)
        if one.domain == "notify"
    ]
    entities.async_update_entity(
        entity.entity_id, name="Hers", area_id=attic.id, hidden_by=er.RegistryEntryHider.USER
    )
    answer = await home.care.call(
        "notify",
        {
            "device_id": [phone.device_id, other.device_id, "gone"],
            CONF_EXCLUDE: {"area_id": [attic.id], "device_id": ["gone"]},
        },
        episode_id=which,
    )
    assert (answer["told"], answer["failed"]) == ([other.device_id], [])
    assert phone.pushed == []


@pytest.mark.real_files
async def test_a_plan_is_not_for_who_is_exempt(home: Home) -> None:
    maria = home.care.maria.shared_user_id
    entity = er.async_get(home.hass).async_get(home.care.sensor())
    assert entity
    but_weight = {"exclude": {"entity_id": [entity.entity_id], "area_id": []}}
    house = await set_up(
        home,
        caregiver("Anna", phones=[(await home.phone("Anna")).device_id]),
        plan("Hers", whose={"device_id": [entity.device_id], **but_weight}),
        plan("All", whose=but_weight),
        plan("Weight", whose={"entity_id": [entity.entity_id]}),
        plan(
            "Nobody",
            whose={
                "device_id": [entity.device_id],
                "exclude": {"area_id": ["a"], "device_id": entity.device_id},
            },
        ),
        plan("Odd", whose={"exclude": ["of which nobody knows what it is"]}),
    )
    household = house.responder.household
    assert household
    coordinator = home.care.coordinator
    person = coordinator.data.people[maria]
    assert {
        one.name: {
            alert_type
            for alert_type in TYPES
            if household.is_for(one, coordinator, person, alert_type)
        }
        for one in household.all_plans
    } == {
        "Hers": {"flex", "medication"},
        "All": {"flex", "medication"},
        "Weight": {"weight"},
        "Nobody": set(),
        "Odd": set(TYPES),
    }
    assert [
        {one.name, other.name} for one, other in overlaps_of(home.hass, household.all_plans[:4])
    ] == [{"Hers", "All"}]


@pytest.mark.real_files
async def test_what_another_source_has_of_somebody_is_exempt(
    home: Home, exclude: Callable[[HomeAssistant], None]
) -> None:
    mila = await Mila.moves_in(home)
    exclude(home.hass)
    tidepool, dexcom = mila.devices
    mila.wearer.add_alert("high", home.house.now, uploaded_at=home.house.now)
    for _ in range(4):
        await home.house.pass_time(minutes=10)
    high = mila.entity(mila.dexcom, "high")
    source = home.house.source_device(mila.dexcom).id

    async def done(action: str, answer: str, target: list[str], **data: Any) -> Any:
        found = await mila.call(action, device_id=target, **data)
        return {(one["device_id"], one["alert_type"]) for one in found[answer]}

    two_hours, all_of_her = {"duration": {"hours": 2}}, mila.devices
    for exempt in ({"device_id": [dexcom]}, {"device_id": [source]}):
        for target in ([tidepool], all_of_her):
            but = {CONF_EXCLUDE: exempt}
            assert await done("acknowledge", "acknowledged", target, **but) == set()
            assert await done("snooze", "snoozed", target, **but, **two_hours) == {(tidepool, None)}
        start = (home.house.now - timedelta(days=1)).isoformat()
        [person] = (await mila.call("get_report", device_id=tidepool, start=start, **but))["people"]
        assert person["device_ids"] == [tidepool]
        assert person["episodes"] == []
    await done("unsnooze", "unsnoozed", all_of_her)
    but = {CONF_EXCLUDE: {"entity_id": [high]}}
    for target in ([tidepool], all_of_her):
        assert await done("acknowledge", "acknowledged", target, **but) == set()
        found = await done("snooze", "snoozed", target, **but, **two_hours)
        assert found == {(tidepool, None), (dexcom, None)}
        [person] = (await mila.call("get_report", device_id=target, start=start, **but))["people"]
        assert person["device_ids"] == [tidepool, dexcom]
        assert person["episodes"] == []
    state = home.hass.states.get(high)
    assert state
    assert (state.attributes["acknowledged"], state.attributes["snoozed_until"]) == (False, None)
    assert await done("acknowledge", "acknowledged", [tidepool]) == {(dexcom, "high")}
    assert await done("unacknowledge", "unacknowledged", [tidepool], **but) == set()
