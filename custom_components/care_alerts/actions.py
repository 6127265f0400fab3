"""The actions: what scripts and people can ask of all sources alike."""

from datetime import date, datetime
from typing import Any, Final

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import (
    config_validation as cv,
    device_registry as dr,
    entity_registry as er,
)
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonValueType
import voluptuous as vol

from .alerts.ledger import KEPT_FOR
from .alerts.model import OTHER, Alert, Severity
from .const import DOMAIN
from .entity import person_identifier, source_identifier
from .providers import PROVIDERS
from .providers.coordinator import AlertsBetween, SourceCoordinator

GET_ALERTS: Final = "get_alerts"
ATTR_START: Final = "start"
ATTR_END: Final = "end"
ATTR_DATE: Final = "date"
ATTR_ALERT_TYPES: Final = "alert_types"
ATTR_LEAST_SEVERITY: Final = "least_severity"

ALERT_TYPES = sorted({kind for p in PROVIDERS.values() for kind in p.alert_types} | {OTHER})

GET_ALERTS_SCHEMA = cv.make_entity_service_schema(
    {
        vol.Exclusive(ATTR_DATE, "when"): cv.date,
        vol.Optional(ATTR_START): cv.datetime,
        vol.Optional(ATTR_END): cv.datetime,
        vol.Optional(ATTR_ALERT_TYPES): vol.All(cv.ensure_list, [vol.In(ALERT_TYPES)]),
        vol.Optional(ATTR_LEAST_SEVERITY, default=Severity.LOW.value): vol.In(
            [severity.value for severity in Severity]
        ),
    }
)


@callback
def async_setup_actions(hass: HomeAssistant) -> None:
    """Register the actions."""
    hass.services.async_register(
        DOMAIN,
        GET_ALERTS,
        _get_alerts,
        schema=GET_ALERTS_SCHEMA,
        supports_response=SupportsResponse.ONLY,
    )


async def _get_alerts(call: ServiceCall) -> ServiceResponse:
    """Return `{alerts: [event data + device_id, person], unavailable: [ISO dates]}`, oldest alert first."""
    wanted = set(call.data.get(ATTR_ALERT_TYPES, ALERT_TYPES))
    least = Severity(call.data[ATTR_LEAST_SEVERITY])
    found: list[tuple[Alert, dict[str, Any]]] = []
    unavailable: set[str] = set()
    for coordinator, people in targeted(call).items():
        between = await _alerts_asked_for(coordinator, call)
        unavailable.update(between.unavailable)
        found += [
            (alert, people[alert.person_id])
            for alert in between.alerts
            if alert.person_id in people
            and alert.alert_type in wanted
            and alert.severity.rank >= least.rank
        ]
    found.sort(key=lambda item: item[0].observed_at)
    alerts: list[JsonValueType] = [alert.as_event() | person for alert, person in found]
    days: list[JsonValueType] = [*sorted(unavailable)]
    return {"alerts": alerts, "unavailable": days}


async def _alerts_asked_for(coordinator: SourceCoordinator, call: ServiceCall) -> AlertsBetween:
    day: date | None = call.data.get(ATTR_DATE)
    start: datetime | None = call.data.get(ATTR_START)
    end: datetime | None = call.data.get(ATTR_END)
    if day is not None:
        if start or end:
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="date_or_start")
        return await coordinator.async_alerts_of(day)
    until = dt_util.as_utc(end) if end else dt_util.utcnow()
    since = dt_util.as_utc(start) if start else until - KEPT_FOR
    if since >= until:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="start_after_end")
    return await coordinator.async_alerts_between(since, until)


def targeted(call: ServiceCall) -> dict[SourceCoordinator, dict[str, dict[str, Any]]]:
    """The people an action is aimed at, by their source: a source's device or entity stands for all its people.

    Raises:
        ServiceValidationError: the target holds nobody of ours.

    """
    hass = call.hass
    selection = TargetSelection(call.data)
    selected = async_extract_referenced_entity_ids(hass, selection)
    registry = er.async_get(hass)
    device_ids = set(selected.referenced_devices)
    for entity_id in selected.referenced | selected.indirectly_referenced:
        entity = registry.async_get(entity_id)
        if entity and entity.platform == DOMAIN and entity.device_id:
            device_ids.add(entity.device_id)

    devices = dr.async_get(hass)
    targeted: dict[SourceCoordinator, dict[str, dict[str, Any]]] = {}
    for entry in hass.config_entries.async_loaded_entries(DOMAIN):
        coordinator: SourceCoordinator = entry.runtime_data
        source = devices.async_get_device_by_identifier(source_identifier(entry), entry.entry_id)
        all_of_them = source is not None and source.id in device_ids
        people: dict[str, dict[str, Any]] = {}
        for person_id, picture in coordinator.data.people.items():
            device = devices.async_get_device_by_identifier(
                person_identifier(coordinator, person_id), entry.entry_id
            )
            if device and (all_of_them or device.id in device_ids):
                people[person_id] = {
                    ATTR_DEVICE_ID: device.id,
                    "person": device.name_by_user or picture.person.name,
                }
        if people:
            targeted[coordinator] = people
    if not targeted:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="nobody_targeted")
    return targeted
