"""Which plans follow which episodes, of a source that stands in."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest

from custom_components.care_alerts.alerts.alert import Severity
from custom_components.care_alerts.responses.household import Household
from custom_components.care_alerts.responses.phones import Phones
from custom_components.care_alerts.responses.runner import Runner
from custom_components.care_alerts.responses.store import ResponseStore

from .house import Data, caregiver, household_entry, plan
from .stand_in import ago, alert, device, says, source

LATER: list[Data] = [{"step_id": "1", "after": 90, "tell": ["anna"]}]


async def test_each_plan_follows_what_it_is_for(
    hass: HomeAssistant,
    hass_storage: Data,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lumen = source(hass, "Lumen", "mila", "ben")
    bens = {"device_id": [device(hass, lumen, "ben")]}
    entry = household_entry(
        caregiver("Anna"),
        plan("Bens", LATER, whose=bens),
        plan("Severe", LATER, least_severity="high"),
        plan("All", LATER, least_severity="low"),
    )
    store = ResponseStore(hass)
    runner = Runner(hass, store, Phones(hass, store), Household(hass, entry, store))
    mila = [alert(lumen, "mila", ago(minutes=5), severity=Severity.LOW)]
    ben = [alert(lumen, "ben", ago(minutes=5))]

    async def follow() -> list[tuple[str, str]]:
        runner.look()
        await hass.async_block_till_done()
        return [(one.ref.person.person.name, one.plan.plan_id) for one in runner.next]

    his = [("ben", "bens"), ("ben", "severe"), ("ben", "all")]
    says(lumen, {"mila": mila, "ben": ben})
    assert await follow() == [("mila", "all"), *his]
    # What is over keeps nobody from what goes on, nor does what is not on disk yet.
    says(lumen, {"mila": mila, "ben": []}, over={"low": ago(minutes=1)})
    over = lumen.data.people["mila"]
    assert await follow() == []
    says(lumen, {"mila": [], "ben": ben})
    lumen.data = type(lumen.data)(
        people={"mila": over, "ben": lumen.data.people["ben"]}, freshness=lumen.data.freshness
    )
    assert await follow() == his
    says(lumen, {"mila": mila, "ben": ben})
    monkeypatch.setattr(lumen.ledger, "held", lambda: frozenset({mila[0].alert_id}))
    assert await follow() == his
    says(lumen, {})
    assert await follow() == []
