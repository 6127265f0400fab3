"""The actions `light` and `speak`: the house responds to an episode, for as long as it needs somebody."""

from collections.abc import Iterable
from typing import Final

from homeassistant.auth.permissions.const import POLICY_CONTROL, POLICY_READ
from homeassistant.const import Platform
from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonValueType
import voluptuous as vol

from ..const import DOMAIN
from ..responses.asking import Outcome
from ..responses.episodes import EpisodeRef, Need, find_episode, need_of
from ..responses.lights import LIGHTS
from ..responses.message import spoken_text
from ..responses.notices import notice_of, wording_of
from ..responses.speech import speak as speak_on
from .targets import appliances, check_episode, check_permission

LIGHT: Final = "light"
SPEAK: Final = "speak"
ATTR_EPISODE_ID: Final = "episode_id"
ATTR_COLOUR: Final = "colour"
ATTR_FLASH: Final = "flash"
ATTR_TTS: Final = "tts"
ATTR_VOLUME: Final = "volume"

# Not every alert belongs to an episode: a trigger gives None then.
_EPISODE = {vol.Required(ATTR_EPISODE_ID): vol.Any(None, cv.string)}

LIGHT_SCHEMA = cv.make_entity_service_schema(
    _EPISODE
    | {
        vol.Optional(ATTR_COLOUR, default=[255, 0, 0]): vol.All(
            vol.Coerce(tuple), vol.ExactSequence((cv.byte,) * 3)
        ),
        vol.Optional(ATTR_FLASH, default=False): cv.boolean,
    }
)
SPEAK_SCHEMA = cv.make_entity_service_schema(
    _EPISODE
    | {
        vol.Required(ATTR_TTS): cv.entity_domain("tts"),
        vol.Optional(ATTR_VOLUME): vol.All(vol.Coerce(int), vol.Range(min=1, max=100)),
    }
)


async def light(call: ServiceCall) -> ServiceResponse:
    """Have lights show a colour for an episode; return `{lit: [entity ids], failed: [...]}`, see `_answer`.

    Raises:
        ServiceValidationError: the target holds no lights.
        Unauthorized, UnknownUser: as `check_permission`, and as `_needed`.

    """
    lights = await _targeted(call, Platform.LIGHT, "no_lights_targeted")
    found = await _needed(call)
    if isinstance(found, str):
        return {"lit": [], "failed": [], "reason": found}
    outcome = await call.hass.data[LIGHTS].light(
        found,
        lights,
        colour=call.data[ATTR_COLOUR],
        flash=call.data[ATTR_FLASH],
        context=call.context,
    )
    return _answer("lit", outcome)


async def speak(call: ServiceCall) -> ServiceResponse:
    """Have speakers tell of an episode, once they have; return `{spoken: [entity ids], failed: [...]}`, see `_answer`.

    Raises:
        ServiceValidationError: the target holds no media players.
        Unauthorized, UnknownUser: as `check_permission`, and as `_needed`.

    """
    players = await _targeted(call, Platform.MEDIA_PLAYER, "no_media_players_targeted")
    found = await _needed(call)
    if isinstance(found, str):
        return {"spoken": [], "failed": [], "reason": found}
    hass = call.hass
    outcome = await speak_on(
        hass,
        found,
        players,
        message=spoken_text(notice_of(hass, found), wording_of(hass, dt_util.utcnow())),
        tts=call.data[ATTR_TTS],
        volume=call.data.get(ATTR_VOLUME),
        context=call.context,
    )
    return _answer("spoken", outcome)


async def _targeted(call: ServiceCall, platform: Platform, nothing: str) -> list[str]:
    """What is targeted of a platform, of groups each member.

    Raises:
        ServiceValidationError: there is none.
        Unauthorized, UnknownUser: as `check_permission`.

    """
    selected, each = appliances(call)
    members = _of_platform(each, platform)
    if not members:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key=nothing)
    await check_permission(call, POLICY_CONTROL, [*_of_platform(selected, platform), *members])
    return members


def _of_platform(entity_ids: Iterable[str], platform: Platform) -> list[str]:
    return sorted(one for one in entity_ids if one.partition(".")[0] == platform)


async def _needed(call: ServiceCall) -> EpisodeRef | str:
    """The episode; or why it needs nobody: an automation may be late.

    Raises:
        Unauthorized, UnknownUser: as `check_episode`. What is said aloud of somebody is for who may see them.

    """
    episode_id: str | None = call.data[ATTR_EPISODE_ID]
    found = find_episode(call.hass, episode_id) if episode_id else None
    if found is None or episode_id is None:
        return "not_found"
    await check_episode(call, found, POLICY_READ)
    need = need_of(call.hass, episode_id, found.entry_id, dt_util.utcnow())
    return found if need is Need.NEEDED else need.value


def _answer(done: str, outcome: Outcome) -> dict[str, JsonValueType]:
    """As actions answer: what was done, and what was not with why (`Failure`)."""
    return {
        done: [one for one, failure in outcome.items() if failure is None],
        "failed": [
            {"entity_id": one, "reason": failure.value}
            for one, failure in outcome.items()
            if failure is not None
        ],
    }
