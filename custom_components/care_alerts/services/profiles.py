"""The action `apply_profile`: somebody's thresholds are others for a while."""

from datetime import datetime, timedelta
from typing import Final

from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..const import DOMAIN
from ..durations import length_of_time
from ..sources.profiles import NO_PROFILE, profiles_by_name, profiles_of
from .thresholds import one_person

APPLY_PROFILE: Final = "apply_profile"
ATTR_PROFILE: Final = "profile"
ATTR_DURATION: Final = "duration"

SHORTEST: Final = timedelta(minutes=1)
LONGEST: Final = timedelta(days=30)
"""Ours: what is meant for longer is until further notice."""

APPLY_PROFILE_SCHEMA = cv.make_entity_service_schema(
    {
        vol.Required(ATTR_PROFILE): cv.string,
        vol.Optional(ATTR_DURATION): length_of_time(SHORTEST, LONGEST),
    }
)


async def apply_profile(call: ServiceCall) -> ServiceResponse:
    """Switch to a profile by its name or id, for a duration or until further notice, or to `none`.

    Return the settings as read back, with `profile` (None: none), `until` (None: until further notice), `device_id` and
    `person`.

    Raises:
        ServiceValidationError: there is no such profile, or it cannot be applied; or as `one_person`.
        Unauthorized, UnknownUser: as `targeted`.

    """
    coordinator, keeper, person_id, who = await one_person(call, POLICY_CONTROL)
    asked: str = call.data[ATTR_PROFILE]
    duration: timedelta | None = call.data.get(ATTR_DURATION)
    until: datetime | None = dt_util.utcnow() + duration if duration else None
    profiles = profiles_by_name(coordinator.config_entry, person_id)
    chosen = profiles.get(asked) or profiles_of(coordinator.config_entry, person_id).get(asked)
    if chosen is None and asked != NO_PROFILE:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="no_such_profile",
            translation_placeholders={
                "profile": asked,
                "name": keeper.name_of(person_id),
                "profiles": ", ".join(sorted(profiles)) or "-",
            },
        )
    with coordinator.answering():
        settings = await keeper.async_switch(person_id, chosen, until=until)
    return {
        **settings,
        **who,
        "profile": chosen.name if chosen else None,
        "until": until.isoformat() if until and chosen else None,
    }
