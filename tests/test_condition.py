"""What automations ask: whether an alert is active, whether a source is silent."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import condition, entity_registry as er
import pytest
import voluptuous as vol

from custom_components.care_alerts.const import DOMAIN
from simulator import CATALOGUE
from tests.care import Care
from tests.conftest import House
from tests.world import HENK, add_person


async def holds(
    hass: HomeAssistant, name: str, target: dict[str, Any] | None = None, **options: Any
) -> bool:
    """Whether a condition of ours holds."""
    config: dict[str, Any] = {"condition": f"{DOMAIN}.{name}"}
    if target is not None:
        config["target"] = target
    if options:
        config["options"] = options
    validated = await condition.async_validate_condition_config(hass, config)
    checker = await condition.async_from_config(hass, validated)
    try:
        return bool(checker.async_check())
    finally:
        checker.async_unload()


@pytest.fixture
async def ill(house: House) -> Care:
    """Maria's weight is a high alert and her flex a medium one; Henk has none."""
    maria, _ = add_person(house), add_person(house, HENK)
    care = Care(house, await house.set_up(house.entry()), maria)
    care.alert(1)
    care.alert(1, "FLEX", "PLATEAU")
    await care.morning(1)
    return care


async def test_without_alerts_none_is_active(care: Care) -> None:
    assert not await holds(care.hass, "alert_active")


async def test_an_alert_is_active(ill: Care) -> None:
    hass = ill.hass
    assert await holds(hass, "alert_active")
    for key, expected in (("weight", True), ("flex", True), ("medication", False)):
        assert await holds(hass, "alert_active", {"entity_id": ill.sensor(key)}) is expected
        assert await holds(hass, "alert_active", alert_types=[key]) is expected
    henk = ill.house.sim.lumen.default.person(HENK).shared_user_id
    henks = er.async_get(hass).async_get(ill.house.entity_id("event", "alert", henk))
    marias = er.async_get(hass).async_get(ill.sensor())
    assert henks is not None
    assert marias is not None
    assert not await holds(hass, "alert_active", {"device_id": henks.device_id})
    assert await holds(hass, "alert_active", {"device_id": marias.device_id})
    source = {"device_id": ill.house.source_device(ill.entry).id}
    assert await holds(hass, "alert_active", source)
    flex = {"entity_id": ill.sensor("flex")}
    assert await holds(hass, "alert_active", flex, least_severity="medium")
    assert not await holds(hass, "alert_active", flex, least_severity="high")


async def test_what_somebody_has_is_active_unless_told_otherwise(ill: Care) -> None:
    await ill.call("acknowledge")
    target = {"entity_id": ill.sensor()}
    assert await holds(ill.hass, "alert_active", target)
    assert not await holds(ill.hass, "alert_active", target, include_acknowledged=False)
    assert await holds(ill.hass, "alert_active", include_acknowledged=False)


async def test_a_drill_is_active_unless_told_otherwise(care: Care) -> None:
    await care.call("send_test_alert", severity="medium")
    assert await holds(care.hass, "alert_active")
    assert await holds(care.hass, "alert_active", {"entity_id": care.sensor()})
    assert not await holds(care.hass, "alert_active", {"entity_id": care.sensor("flex")})
    assert not await holds(care.hass, "alert_active", include_drills=False)
    assert not await holds(care.hass, "alert_active", least_severity="high")
    await care.call("acknowledge")
    assert not await holds(care.hass, "alert_active", include_acknowledged=False)
    await care.house.pass_time(minutes=30)
    assert not await holds(care.hass, "alert_active")


async def test_of_what_nobody_can_know_nothing_is_active(ill: Care) -> None:
    ill.house.sim.faults.add("lumen.alerts", CATALOGUE["503_bare"]())
    for _ in range(72):
        await ill.house.pass_time(hours=1)
    assert ill.house.state("binary_sensor", "weight", ill.maria.shared_user_id).state == (
        "unavailable"
    )
    assert not await holds(ill.hass, "alert_active")


async def test_a_source_is_silent(care: Care) -> None:
    target = {"entity_id": care.house.entity_id("binary_sensor", "silent")}
    assert not await holds(care.hass, "source_silent")
    care.house.sim.faults.add("lumen.alerts", CATALOGUE["503_bare"]())
    for _ in range(30):
        await care.house.pass_time(hours=1)
    assert await holds(care.hass, "source_silent")
    assert await holds(care.hass, "source_silent", target)
    assert not await holds(care.hass, "source_silent", {"entity_id": "light.kitchen"})


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("alert_active", {"alert_types": ["glucose"]}),
        ("alert_active", {"include_late": True}),
        ("source_silent", {"least_severity": "low"}),
        ("no_such_condition", {}),
    ],
)
async def test_what_makes_no_sense(care: Care, name: str, options: dict[str, Any]) -> None:
    with pytest.raises(vol.Invalid):
        await holds(care.hass, name, **options)
