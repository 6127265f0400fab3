"""The actions `light` and `speak`: who may, and what they refuse."""

from typing import Any

from homeassistant.auth.const import GROUP_ID_READ_ONLY
from homeassistant.core import Context
from homeassistant.exceptions import ServiceValidationError, Unauthorized
import pytest
import voluptuous as vol

from custom_components.care_alerts.const import DOMAIN
from tests.appliances import Bulb, Speaker, install
from tests.care import Care

HALL, KITCHEN, VOICE = "light.hall", "media_player.kitchen", "tts.voice"
SPEECH = {"entity_id": KITCHEN, "tts": VOICE}


@pytest.fixture
async def hall(care: Care) -> Bulb:
    """A lamp, and a speaker."""
    hall = Bulb()
    await install(care.hass, {"hall": hall}, {"kitchen": Speaker()})
    return hall


async def call(care: Care, action: str, data: dict[str, Any], **more: Any) -> Any:
    """Call an action without anything of its own."""
    return await care.hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=True, **more
    )


@pytest.mark.parametrize(("action", "data"), [("light", {"entity_id": HALL}), ("speak", SPEECH)])
async def test_who_may_only_look_changes_nothing(
    care: Care, hall: Bulb, action: str, data: dict[str, Any]
) -> None:
    await care.hass.auth.async_create_user("Olga")
    looker = await care.hass.auth.async_create_user("Lou", group_ids=[GROUP_ID_READ_ONLY])
    await care.call("send_test_alert")
    data = data | {"episode_id": care.attributes()["episode_id"]}
    with pytest.raises(Unauthorized):
        await call(care, action, data, context=Context(user_id=looker.id))
    # Nor is told whether there is such an episode.
    with pytest.raises(Unauthorized):
        await call(care, action, data | {"episode_id": "x"}, context=Context(user_id=looker.id))
    assert hall.shown == []


@pytest.mark.parametrize(
    ("action", "data", "error"),
    [
        ("light", {"entity_id": KITCHEN}, "no_lights_targeted"),
        ("light", {"area_id": "nowhere"}, "no_lights_targeted"),
        ("speak", SPEECH | {"entity_id": HALL}, "no_media_players_targeted"),
    ],
)
async def test_a_target_without_any(
    care: Care, hall: Bulb, action: str, data: dict[str, Any], error: str
) -> None:
    with pytest.raises(ServiceValidationError) as caught:
        await call(care, action, data | {"episode_id": "x"})
    assert caught.value.translation_key == error


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("light", {"entity_id": HALL}),
        ("light", {"entity_id": HALL, "episode_id": "x", "colour": [255, 0]}),
        ("light", {"entity_id": HALL, "episode_id": "x", "colour": [0, 0, 256]}),
        ("speak", {"entity_id": KITCHEN, "episode_id": "x"}),
        ("speak", SPEECH | {"episode_id": "x", "tts": HALL}),
        ("speak", SPEECH | {"episode_id": "x", "volume": 101}),
        ("speak", SPEECH | {"episode_id": "x", "volume": 0}),
    ],
)
async def test_what_makes_no_sense(
    care: Care, hall: Bulb, action: str, data: dict[str, Any]
) -> None:
    with pytest.raises(vol.Invalid):
        await call(care, action, data)


@pytest.mark.parametrize("episode_id", ["never was", "", None])
async def test_an_automation_may_be_late(care: Care, hall: Bulb, episode_id: str | None) -> None:
    told = {"failed": [], "reason": "not_found"}
    data = {"entity_id": HALL, "episode_id": episode_id}
    assert await call(care, "light", data) == {"lit": []} | told
    assert await call(care, "speak", SPEECH | {"episode_id": episode_id}) == {"spoken": []} | told
    assert hall.shown == []


async def test_without_asking_for_an_answer(care: Care, hall: Bulb) -> None:
    await care.call("send_test_alert")
    episode_id = care.attributes()["episode_id"]
    await care.hass.services.async_call(
        DOMAIN, "light", {"entity_id": HALL, "episode_id": episode_id}, blocking=True
    )
    assert hall.look == {"brightness": 255, "rgb_color": (255, 0, 0)}
