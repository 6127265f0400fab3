"""What a card, a script or a person may ask: answered, or refused in words; nothing falls over."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from hypothesis import HealthCheck, given, settings, strategies as st
import pytest
import voluptuous as vol

from custom_components.care_alerts.const import DOMAIN
from tests.care import Care
from tests.conftest import House
from tests.services.test_permissions import device_of
from tests.sources.tidepool.conftest import SETTINGS, Follower
from tests.test_websocket import Browser, browse, jill, owner

from . import EXAMPLES
from .strategies import ANYTHING, nearly

__all__ = ["browse", "jill", "owner"]

FUZZ = settings(
    max_examples=EXAMPLES,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

type Browse = Callable[[Any], Awaitable[Browser]]


@pytest.fixture
async def browser(jill: Follower, owner: Any, browse: Browse) -> Browser:
    """The owner's, in a house with somebody to follow."""
    return await browse(owner)


@given(data=st.data())
@FUZZ
async def test_a_card_may_ask_whatever_it_likes(
    browser: Browser, jill: Follower, caplog: pytest.LogCaptureFixture, data: st.DataObject
) -> None:
    good = {
        "type": f"{DOMAIN}/subscribe_person",
        "device_id": jill.device_id,
        "hours": data.draw(st.sampled_from([0, 3, 336])),
    }
    command = data.draw(nearly(good))
    if not isinstance(command, dict) or not isinstance(command.get("type"), str):
        command = good | {"hours": data.draw(ANYTHING)}
    command.pop("id", None)
    if command["type"] != good["type"]:
        command["type"] = good["type"]
    answer = await browser.ask(**command)
    if answer["success"]:
        # Nobody is told for ever.
        assert (await browser.ask(type="unsubscribe_events", subscription=answer["id"]))["success"]
    else:
        assert answer["error"]["code"] in {"invalid_format", "not_found", "unauthorized"}
    assert "Traceback" not in caplog.text


NEARLY_ANY = {
    "note": "on my way",
    "duration": {"minutes": 5},
    "episode_id": "episode",
    "alert_type": "low",
    "severity": "high",
    "start": "2026-11-18 10:00:00",
    "end": "2026-11-18 11:00:00",
    "date": "2026-11-18",
    "low": 75,
    "high": 250,
    "urgent_low": 55,
    "low_enabled": True,
    "low_delay": 10,
    "unit": "mg/dL",
    "caregiver": "anna",
    "caregivers": ["anna"],
    "break_through": ["high"],
    "text": "full",
    "colour": [255, 0, 0],
    "flash": True,
    "tts": "tts.voice",
    "volume": 50,
    "key": "night",
    "alarm": "alarm",
    "alert_types": ["low"],
    "least_severity": "low",
}


@pytest.fixture
async def house_of_two(care: Care, house: House) -> tuple[HomeAssistant, list[dict[str, Any]]]:
    """A house with a late source and a live one, and what can be aimed at in it."""
    child = house.sim.tidepool.add_child("Jill")
    child.share_with(house.sim.tidepool.account)
    child.set_settings(house.sim.tidepool.account, SETTINGS)
    follower = Follower(house, child, house.tidepool_entry())
    sensor = care.sensor()
    await follower.start()
    return care.hass, [
        {"entity_id": sensor},
        {"device_id": follower.device_id},
        {"device_id": device_of(care.hass, sensor)},
        {"entity_id": "light.nowhere"},
        {"area_id": "nowhere"},
        {},
    ]


@given(data=st.data())
@FUZZ
async def test_an_action_may_be_called_with_whatever_there_is(
    house_of_two: tuple[HomeAssistant, list[dict[str, Any]]],
    caplog: pytest.LogCaptureFixture,
    data: st.DataObject,
) -> None:
    hass, targets = house_of_two
    services = hass.services.async_services_for_domain(DOMAIN)
    for name in data.draw(st.lists(st.sampled_from(sorted(services)), min_size=3, max_size=3)):
        # As many fields as the action knows, and one that it may not.
        known = services[name].schema
        fields = {
            field: value
            for field, value in NEARLY_ANY.items()
            if known is None or field in str(known)
        }
        given = data.draw(nearly(fields) if fields else st.just({}))
        given = given if isinstance(given, dict) else {"note": given}
        target = data.draw(st.sampled_from(targets) | nearly(targets[0]))
        call = (target if isinstance(target, dict) else {}) | given
        with suppress(vol.Invalid, HomeAssistantError):
            await hass.services.async_call(
                DOMAIN,
                name,
                call,
                blocking=True,
                return_response=services[name].supports_response.value != "none",
                context=Context(),
            )
        await hass.async_block_till_done()
    assert "Traceback" not in caplog.text
