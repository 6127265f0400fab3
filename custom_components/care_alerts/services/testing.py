"""The action `send_test_alert`: a drill, all the way a real alert goes."""

from collections.abc import Collection
from datetime import timedelta
from typing import Final

from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonValueType
import voluptuous as vol

from ..alerts.alert import AlertKey, Severity
from ..alerts.snapshot import PersonSnapshot
from ..alerts.testing import LASTS
from ..const import DOMAIN
from ..durations import length_of_time
from ..sources import ALERT_TYPES
from ..sources.coordinator import SourceCoordinator
from .targets import targeted

SEND_TEST_ALERT: Final = "send_test_alert"
ATTR_ALERT_TYPE: Final = "alert_type"
ATTR_SEVERITY: Final = "severity"
ATTR_DURATION: Final = "duration"

SHORTEST: Final = timedelta(minutes=1)
LONGEST: Final = timedelta(hours=4)

SEND_TEST_ALERT_SCHEMA = cv.make_entity_service_schema(
    {
        vol.Optional(ATTR_ALERT_TYPE): vol.In(sorted(ALERT_TYPES)),
        vol.Optional(ATTR_SEVERITY, default=Severity.HIGH.value): vol.Coerce(Severity),
        vol.Optional(ATTR_DURATION, default=LASTS): length_of_time(SHORTEST, LONGEST),
    }
)


async def send_test_alert(call: ServiceCall) -> ServiceResponse:
    """Send a test alert of one type: the one given, that of the sensor, or the person's first."""
    wanted: str | None = call.data.get(ATTR_ALERT_TYPE)
    sent: list[JsonValueType] = []
    topics: dict[SourceCoordinator, list[AlertKey]] = {}
    for one in await targeted(call, POLICY_CONTROL):
        for person_id in one.people:
            snapshot = one.coordinator.data.people[person_id]
            alert_type = wanted or first_type(
                one.coordinator, snapshot, one.exempt.get(person_id, ())
            )
            if not one.exempts(person_id, alert_type):
                topics.setdefault(one.coordinator, []).append(AlertKey(person_id, alert_type, True))
        for person_id, (_, alert_types) in one.alerts.items():
            topics.setdefault(one.coordinator, []).extend(
                AlertKey(person_id, alert_type, True)
                for alert_type in ([wanted] if wanted else alert_types)
            )
    for coordinator, theirs in topics.items():
        known = coordinator.source_type.alert_types
        for topic in theirs:
            if topic.alert_type not in known:
                raise ServiceValidationError(
                    translation_domain=DOMAIN, translation_key="no_such_alert_type"
                )
    for coordinator, theirs in topics.items():
        alerts = await coordinator.care.drill(
            theirs, severity=call.data[ATTR_SEVERITY], lasts=call.data[ATTR_DURATION]
        )
        now = dt_util.utcnow()
        for alert in alerts:
            episode = coordinator.episode_of(alert, now)
            sent.append(alert.as_event(episode_id=episode.episode_id if episode else None))
    return {"alerts": sent}


def first_type(
    coordinator: SourceCoordinator, person: PersonSnapshot, exempt: Collection[str] = ()
) -> str:
    """The alert type that a test is of if nobody says: the source's first that this person has a sensor of.

    Without a sensor there is nothing to acknowledge. Of those that are exempt only if there is no other.
    """
    types = sorted(coordinator.source_type.alert_types, key=lambda one: one in exempt)
    return next((alert_type for alert_type in types if alert_type in person.conditions), types[0])
