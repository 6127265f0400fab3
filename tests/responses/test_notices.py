"""What is told of an episode: whose it is as the house calls them, the newest glucose value, the house's clock."""

from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util
import pytest

from custom_components.care_alerts.alerts.glucose import GLUCOSE_ALERT_TYPES
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.episodes import EpisodeRef, all_episodes
from custom_components.care_alerts.responses.message import spoken_text
from custom_components.care_alerts.responses.notices import notice_of, wording_of
from custom_components.care_alerts.sources import ALERT_TYPES
from tests.care import Care
from tests.conftest import House

THRESHOLD = {"units": "mg/dL", "value": 55}


@pytest.fixture
async def jill(house: House) -> House:
    """A house that follows Jill, who is urgently low at 3.0 mmol/L."""
    child = house.sim.tidepool.add_child("Jill")
    child.share_with(house.sim.tidepool.account)
    child.set_settings(
        house.sim.tidepool.account, {"urgentLow": {"enabled": True, "threshold": THRESHOLD}}
    )
    await house.set_up(house.tidepool_entry())
    for value in (5.0, 5.0, 5.0, 3.0):
        child.add_reading(house.now, value, uploaded_at=house.now)
        await house.pass_time(seconds=30)
        await house.pass_time(minutes=4, seconds=30)
    return house


def the_only(house: House) -> EpisodeRef:
    """The only episode there is."""
    (ref,) = all_episodes(house.hass)
    return ref


async def test_it_has_the_newest_glucose_value(jill: House) -> None:
    ref = the_only(jill)
    notice = notice_of(jill.hass, ref, url="/care", redelivered=True)
    assert (notice.person, notice.alert) == ("Jill", "Urgent low")
    assert notice.episode is ref.episode
    assert notice.glucose is not None
    assert notice.glucose.value == 3
    # As their thresholds are, and so the sensor.
    assert notice.unit == "mg/dL"
    assert (notice.url, notice.rings, notice.redelivered) == ("/care", True, True)


async def test_they_are_called_what_the_user_calls_them(jill: House) -> None:
    notice = notice_of(jill.hass, the_only(jill))
    registry = dr.async_get(jill.hass)
    (entry,) = jill.hass.config_entries.async_entries(DOMAIN)
    devices = dr.async_entries_for_config_entry(registry, entry.entry_id)
    device = next(one for one in devices if one.name == "Jill")
    registry.async_update_device(device.id, name_by_user="Our Jill")
    renamed = notice_of(jill.hass, the_only(jill))
    assert renamed.person == "Our Jill"
    assert renamed.tag == notice.tag


async def test_the_unit_is_the_one_the_user_has_chosen_for_the_sensor(jill: House) -> None:
    registry = er.async_get(jill.hass)
    [person] = jill.hass.config_entries.async_entries(DOMAIN)[0].runtime_data.data.people
    registry.async_update_entity_options(
        jill.entity_id("sensor", "glucose", person), "sensor", {"unit_of_measurement": "mmol/L"}
    )
    assert notice_of(jill.hass, the_only(jill)).unit == "mmol/L"


async def test_what_is_not_about_glucose_has_none(care: Care) -> None:
    care.alert(1)
    await care.morning(1)
    notice = notice_of(care.hass, the_only(care.house), rings=False)
    assert notice.glucose is None
    assert not notice.rings


async def test_it_is_told_by_the_clock_of_the_house(care: Care) -> None:
    await care.hass.config.async_set_time_zone("Europe/Amsterdam")
    care.alert(1)
    await care.morning(1)
    notice = notice_of(care.hass, the_only(care.house))
    assert spoken_text(notice, wording_of(care.hass, dt_util.utcnow())) == (
        "maria: Weight. Was observed at 04:14 (3 h 16 min ago), high severity. Nobody has it yet."
    )


def test_the_alert_types_of_glucose_are_alert_types() -> None:
    assert GLUCOSE_ALERT_TYPES < ALERT_TYPES
