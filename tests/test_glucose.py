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
