"""Freezes what today's code keeps on disk, for tests/test_stored.py: `pytest tests/freeze_stored.py`, once for each release.

A simulated house with all there is: three sources, a household, phones, alerts that somebody has, that are quiet and that are
over, a drill, a plan that is off, names that a user gave, a lamp that is to be given back. All of it is invented.
"""

from datetime import timedelta
import json
from pathlib import Path
import shutil

from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.care_alerts.const import DOMAIN
from scripts.release import version

from .appliances import Bulb, install
from .home import Home, Oma
from .responses.house import caregiver, plan, set_up
from .sources.tidepool.conftest import SETTINGS, Follower
from .test_stored import FIXTURES, KNOWN, known, woken

NOWHERE = "http://127.0.0.1:9"
"""Where the vendors of the frozen house are."""
ITS_OWN = ("core.config_entries", "core.device_registry", "core.entity_registry")


@pytest.fixture
def expected_lingering_timers() -> bool:
    """The house that is woken is left as it runs."""
    return True


@pytest.mark.real_files
async def test_freeze(home: Home, oma: Oma, tmp_path: Path) -> None:
    house, hass, care = home.house, home.hass, home.care
    anna, ben = await home.phone("Anna", os_name="Android"), await home.phone("Ben")
    await install(hass, {"hall": Bulb()})
    household = await set_up(
        home,
        caregiver("Anna", name="Anna", phones=[anna.device_id]),
        caregiver("Ben", name="Ben", phones=[ben.device_id], text="neutral"),
        plan("Nights"),
        plan("Days", least_severity="low", whose={"device_id": [home.person]}),
    )
    days = er.async_get(hass).async_get_entity_id("switch", DOMAIN, "household_days_plan")
    await hass.services.async_call("switch", "turn_off", {"entity_id": days}, blocking=True)

    mila = house.sim.tidepool.add_child("Mila")
    mila.share_with(house.sim.tidepool.account)
    mila.set_settings(house.sim.tidepool.account, SETTINGS)
    follower = Follower(house, mila, house.tidepool_entry(entry_id="tidepool"))
    await follower.start()
    await follower.is_known()
    await follower.reads_on(68, 66, 64, 62, 90, 95, 52)

    oma.wearer.add_alert("urgentLow", house.now - timedelta(hours=1), uploaded_at=house.now)
    await house.pass_time(hours=2)
    care.alert(1)
    care.alert(1, "FLEX", "PLATEAU")
    await care.morning(1)
    shown = next(one for one in anna.screen.values() if "actions" in one["data"])
    await anna.press("I have it", shown)
    await care.call("acknowledge", user=anna.user, note="Called her")
    await care.call("snooze", care.sensor("flex"), duration={"hours": 20})
    await home.drill()
    await care.call("remember", "light.hall", key="hall", alarm="night")
    registry = er.async_get(hass)
    registry.async_update_entity(care.sensor(), name="Grandmother's weight")
    registry.async_update_entity(
        house.entity_id("number", "low_repeat", mila.user_id, follower.entry), disabled_by=None
    )
    await house.pass_time(minutes=12)
    assert household.state("sensor", "on_duty").state == "Anna, Ben"

    await hass.config_entries._store.async_save(hass.config_entries._data_to_save())
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await house.settle()

    frozen = FIXTURES / f"stored-{version()}"
    shutil.rmtree(frozen, ignore_errors=True)
    frozen.mkdir(parents=True)
    vendors = (house.sim.lumen.url, house.sim.dexcom.region("us").url, house.sim.tidepool.url)
    for path in sorted((tmp_path / ".storage").iterdir()):
        if path.name in (*ITS_OWN, "application_credentials") or path.name.startswith(DOMAIN):
            text = json.dumps(json.loads(path.read_text()))
            for url in (*vendors, home.outside.url):
                text = text.replace(url, NOWHERE)
            (frozen / path.name).write_text(f"{text}\n")
    again = tmp_path / "again"
    shutil.copytree(frozen, again / ".storage")
    async with woken(again) as there:
        told = await known(there)
    (frozen / KNOWN).write_text(json.dumps({"at": house.now.isoformat()} | told) + "\n")
