"""The action `get_readings`: the glucose readings that are kept, by when they were observed."""

from datetime import datetime, timedelta
from typing import Final

from homeassistant.auth.permissions.const import POLICY_READ
from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonValueType

from ..alerts.readings import KEPT_AT_MOST, KeptReading
from ..const import DOMAIN
from ..sources.targets import unit_of
from .history import ATTR_END, ATTR_START, SPAN_FIELDS
from .targets import targeted

GET_READINGS: Final = "get_readings"

USUAL_LENGTH: Final = timedelta(days=1)
"""Before the end, where no start is given: ours, because a day is what somebody asks about, and a short answer."""

READINGS_AT_MOST: Final = 2 * KEPT_AT_MOST
"""In one answer: ours, all of two people at the most. More is better asked for by person or by day."""

GET_READINGS_SCHEMA = cv.make_entity_service_schema(SPAN_FIELDS)


async def get_readings(call: ServiceCall) -> ServiceResponse:
    """Return `{people: [{device_id, person, unit, readings}]}`.

    `readings`: with `start` <= observed < `end`, oldest first. Their `value` is in `unit`: the one that somebody's glucose is
    shown in; `received_at` is None of what there was before they were followed.

    Raises:
        ServiceValidationError: the start is not before the end, or there are too many; or as `targeted`.
        Unauthorized, UnknownUser: as `targeted`.

    """
    start: datetime | None = call.data.get(ATTR_START)
    end: datetime | None = call.data.get(ATTR_END)
    until = end or dt_util.utcnow()
    since = start or until - USUAL_LENGTH
    people: list[JsonValueType] = []
    count = 0
    for one in await targeted(call, POLICY_READ):
        if since >= until:
            raise ServiceValidationError(
                translation_domain=DOMAIN, translation_key="start_after_end"
            )
        for person_id, where in one.everybody.items():
            readings = one.coordinator.readings.of(person_id).between(since, until)
            count += len(readings)
            if count > READINGS_AT_MOST:
                raise ServiceValidationError(
                    translation_domain=DOMAIN,
                    translation_key="too_many_readings",
                    translation_placeholders={"most": str(READINGS_AT_MOST)},
                )
            unit = unit_of(call.hass, one.coordinator, person_id)
            people.append(
                where.as_data
                | {"unit": unit, "readings": [_response(reading, unit) for reading in readings]}
            )
    return {"people": people}


def _response(reading: KeptReading, unit: str) -> JsonValueType:
    received_at = reading.received_at
    return {
        "observed_at": reading.observed_at.isoformat(),
        "received_at": received_at.isoformat() if received_at else None,
        "value": reading.value_in(unit),
        "unit": unit,
        "out_of_range": reading.out_of_range and reading.out_of_range.value,
    }
