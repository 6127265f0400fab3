"""What can be asked of a source that keeps settings: reading, changing, deleting and trying somebody's alert thresholds."""

from typing import Any, Final

from homeassistant.auth.permissions.const import POLICY_CONTROL, POLICY_READ
from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..alerts.readings import KEPT_FOR
from ..const import DOMAIN
from ..durations import FIRST
from ..sources import SOURCES
from ..sources.coordinator import SourceCoordinator
from ..sources.replaying import async_replay
from ..sources.settings import SettingsKeeper
from .history import ATTR_END, ATTR_START, SPAN_FIELDS, time_kept
from .targets import targeted

GET_THRESHOLDS: Final = "get_alert_thresholds"
SET_THRESHOLDS: Final = "set_alert_thresholds"
DELETE_THRESHOLDS: Final = "delete_alert_thresholds"
REPLAY_THRESHOLDS: Final = "replay_thresholds"
ATTR_UNIT: Final = "unit"

_KEEPERS: Final = [
    source_type.settings_keeper for source_type in SOURCES.values() if source_type.settings_keeper
]

_UNIT_FIELD: Final = {
    vol.Optional(ATTR_UNIT): vol.In([unit for keeper in _KEEPERS for unit in keeper.units])
}
_FIELDS: Final = {
    name: cv.boolean if kind is bool else vol.Coerce(float)
    for keeper in _KEEPERS
    for name, kind in keeper.fields.items()
}

SET_THRESHOLDS_SCHEMA = cv.make_entity_service_schema(
    _UNIT_FIELD | {vol.Optional(name): check for name, check in _FIELDS.items()}
)

REPLAY_THRESHOLDS_SCHEMA = cv.make_entity_service_schema(
    SPAN_FIELDS
    | _UNIT_FIELD
    | {vol.Optional(name): _FIELDS[name] for keeper in _KEEPERS for name in keeper.replayed}
)


async def get_thresholds(call: ServiceCall) -> ServiceResponse:
    """Return somebody's settings by the names of `set_alert_thresholds`, with `device_id` and `person`."""
    coordinator, keeper, person_id, who = await one_person(call, POLICY_READ)
    with coordinator.answering():
        return await keeper.async_settings_of(person_id) | who


async def set_thresholds(call: ServiceCall) -> ServiceResponse:
    """Change what is given, and return the settings as read back."""
    coordinator, keeper, person_id, who = await one_person(call, POLICY_CONTROL)
    asked = {name: call.data[name] for name in keeper.fields if name in call.data}
    if not asked:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="nothing_asked")
    unit: str | None = call.data.get(ATTR_UNIT)
    with coordinator.answering():
        return await keeper.async_change_settings(person_id, asked, unit) | who


async def delete_thresholds(call: ServiceCall) -> None:
    """Delete somebody's settings."""
    coordinator, keeper, person_id, _ = await one_person(call, POLICY_CONTROL)
    with coordinator.answering():
        await keeper.async_delete_settings(person_id)


async def replay_thresholds(call: ServiceCall) -> ServiceResponse:
    """Return what would have been told from `start` to before `end` (the last 14 days), had the thresholds been these.

    `start` and `end` are those asked for as far as readings are kept, and have been.
    `alerts`: that, oldest first. `replayed`: how many these are, `current`: how many by the thresholds there are, `told`: how
    many were told; each with `alerts`, `at_night` and `by_type`. `nights`: those of which there are readings; `coverage_percent`:
    for how much of all nights of that time readings stand, None of no night.

    Raises:
        ServiceValidationError: the start is not before the end, nothing of the time is kept, or such thresholds cannot be; or as
            `one_person`.
        Unauthorized, UnknownUser: as `targeted`.

    """
    coordinator, keeper, person_id, who = await one_person(call, POLICY_READ)
    now = dt_util.utcnow()
    start, end = time_kept(
        call.data.get(ATTR_START, FIRST), call.data.get(ATTR_END, now), now, KEPT_FOR
    )
    asked = {name: call.data[name] for name in keeper.replayed if name in call.data}
    with coordinator.answering():
        replayed = await async_replay(
            coordinator,
            keeper,
            person_id,
            asked,
            call.data.get(ATTR_UNIT),
            start=start,
            end=end,
        )
    return {
        **who,
        "start": start.isoformat(),
        "end": end.isoformat(),
        "nights": len(replayed.nights),
        "coverage_percent": None if replayed.covered is None else round(100 * replayed.covered, 1),
        "replayed": replayed.count(replayed.alerts),
        "current": replayed.count(replayed.current),
        "told": replayed.count(replayed.told),
        "alerts": [
            alert.as_event() | {"at_night": replayed.is_at_night(alert)}
            for alert in replayed.alerts
        ],
    }


async def one_person(
    call: ServiceCall, permission: str
) -> tuple[SourceCoordinator, SettingsKeeper, str, dict[str, Any]]:
    """The one person aimed at: nobody's thresholds are to be changed by an area that holds two.

    Raises:
        ServiceValidationError: it is not one, or of a source that keeps no settings.
        Unauthorized, UnknownUser: as `targeted`.

    """
    found = [
        (aimed.coordinator, keeper, person_id, where.as_data)
        for aimed in await targeted(call, permission)
        for person_id, where in aimed.everybody.items()
        if (keeper := aimed.coordinator.source.settings_keeper)
    ]
    if len(found) != 1:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="one_person_with_thresholds"
        )
    return found[0]
