"""How a glucose value is shown: in the unit of the country, with the decimals of that unit."""

from homeassistant.helpers import entity_registry as er
import pytest

from .conftest import House


@pytest.mark.parametrize(
    ("country", "unit", "decimals"), [("NL", "mmol/L", 1), ("DE", "mg/dL", 0), (None, "mg/dL", 0)]
)
async def test_the_country_decides_unit_and_decimals(
    house: House, country: str | None, unit: str, decimals: int
) -> None:
    house.hass.config.country = country
    house.sim.load("demo")
    entry = await house.set_up(await house.dexcom_entry())

    glucose = house.state("sensor", "glucose", entry.unique_id)
    assert glucose.attributes["unit_of_measurement"] == unit
    registered = er.async_get(house.hass).async_get(glucose.entity_id)
    assert registered is not None
    assert registered.options["sensor"]["suggested_display_precision"] == decimals


async def test_what_is_late_says_so_and_has_no_statistics(house: House) -> None:
    """Their hours would be those in which it arrived."""
    house.sim.load("demo")
    entry = await house.set_up(await house.dexcom_entry())
    for key, name in (("glucose", "Glucose"), ("glucose_trend", "Glucose trend")):
        state = house.state("sensor", key, entry.unique_id)
        assert state.name == f"Dexcom {name} (delayed)"
        assert state.attributes["delayed"] is True
        assert state.attributes["observed_at"] < house.now
        assert "state_class" not in state.attributes
        registered = er.async_get(house.hass).async_get(state.entity_id)
        assert registered is not None
        assert registered.translation_key == key


async def test_what_is_live_has_statistics(house: House) -> None:
    child = house.sim.tidepool.add_child("Jill")
    child.share_with(house.sim.tidepool.account)
    child.add_reading(house.now, 5.5)
    entry = await house.set_up(house.tidepool_entry())
    state = house.state("sensor", "glucose", child.user_id, entry)
    assert (state.name, state.attributes["state_class"]) == ("Jill Glucose", "measurement")
    assert "delayed" not in state.attributes
