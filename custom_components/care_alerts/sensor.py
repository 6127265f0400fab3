"""Sensors: how fresh a source is, what each person's alerts add up to, and what only their source knows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory, Platform, UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .alerts.alert import OTHER, Alert, Person, Severity
from .alerts.freshness import Freshness, Status
from .alerts.glucose import usual_unit
from .alerts.snapshot import PersonSnapshot
from .const import DOMAIN
from .entity import PersonEntity, QuietTimeSensor, RenderedState, SourceEntity, add_people
from .household_entity import LastDrillSensor, NextStepSensor, OnDutySensor, add_household
from .responses.household import is_household
from .responses.localize import localize
from .sources import PersonSensorDescription, Value
from .sources.coordinator import CareAlertsConfigEntry, SourceCoordinator
from .sources.glucose import glucose_unit_of
from .sources.identifiers import person_unique_id
from .sources.targets import names_of

PARALLEL_UPDATES = 0

NO_SEVERITY = "none"


@dataclass(frozen=True, kw_only=True)
class SourceSensorDescription(SensorEntityDescription):
    """A sensor of a source."""

    value_fn: Callable[[Freshness], Any]
    people_fn: Callable[[Freshness], Iterable[str]] | None = None
    """Whose it is (by id), as the worst of all; None: nobody's in particular."""
    entity_category: EntityCategory | None = EntityCategory.DIAGNOSTIC


SOURCE_SENSORS: tuple[SourceSensorDescription, ...] = (
    SourceSensorDescription(
        key="status",
        device_class=SensorDeviceClass.ENUM,
        options=[status.value for status in Status],
        value_fn=lambda freshness: freshness.status.value,
        people_fn=lambda freshness: freshness.troubled_people,
    ),
    SourceSensorDescription(
        key="last_contact",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda freshness: freshness.last_contact,
        entity_registry_enabled_default=False,
    ),
    SourceSensorDescription(
        key="data_through",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda freshness: freshness.data_through,
        people_fn=lambda freshness: freshness.furthest_behind,
    ),
    SourceSensorDescription(
        key="delay",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        suggested_unit_of_measurement=UnitOfTime.MINUTES,
        suggested_display_precision=0,
        entity_registry_enabled_default=False,
        value_fn=lambda freshness: (
            None if freshness.delay is None else freshness.delay.total_seconds()
        ),
    ),
)


def _last_alert(snapshot: PersonSnapshot, alert: Alert) -> dict[str, Any]:
    episode = snapshot.episode_of(alert)
    return alert.as_event(episode_id=episode.episode_id if episode else None)


LAST_ALERT = PersonSensorDescription(
    key="last_alert",
    device_class=SensorDeviceClass.ENUM,
    value_fn=lambda snapshot: (
        Value(snapshot.last_alert.alert_type, attributes=_last_alert(snapshot, snapshot.last_alert))
        if snapshot.last_alert
        else None
    ),
    says_now=False,
)

SUMMARY: tuple[PersonSensorDescription, ...] = (
    PersonSensorDescription(
        key="data_through",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda snapshot: Value(snapshot.freshness.data_through),
        says_now=False,
    ),
    PersonSensorDescription(
        key="last_alert_time",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda snapshot: (
            Value(snapshot.last_alert.observed_at) if snapshot.last_alert else None
        ),
        says_now=False,
    ),
    PersonSensorDescription(
        key="active_alerts",
        # A number: "1 alerts" needs no unit, and Activity no line for each.
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda snapshot: Value(len(snapshot.active)) if snapshot.is_heard_of else None,
    ),
    PersonSensorDescription(
        key="highest_severity",
        device_class=SensorDeviceClass.ENUM,
        options=[NO_SEVERITY, *(severity.value for severity in Severity)],
        value_fn=lambda snapshot: (
            Value(snapshot.highest_severity or NO_SEVERITY) if snapshot.is_heard_of else None
        ),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CareAlertsConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the sensors of a source and its people, or of the household."""
    if is_household(entry.data):
        add_household(
            hass,
            entry,
            async_add_entities,
            Platform.SENSOR,
            of_household={"on_duty": OnDutySensor, "last_drill": LastDrillSensor},
            of_plans={"next_step": NextStepSensor},
        )
        return
    coordinator = entry.runtime_data
    source_type = coordinator.source_type
    of_people = (
        replace(LAST_ALERT, options=[*source_type.alert_types, OTHER]),
        *SUMMARY,
        *source_type.person_sensors,
    )
    async_add_entities(SourceSensor(coordinator, description) for description in SOURCE_SENSORS)
    registry = er.async_get(hass)

    def is_made(one: PersonSensorDescription, snapshot: PersonSnapshot) -> bool:
        if not one.once_heard_of or one.value_fn(snapshot) is not None:
            return True
        # It was, before Home Assistant started anew.
        unique_id = person_unique_id(coordinator, snapshot.person.person_id, one.key)
        return registry.async_get_entity_id(Platform.SENSOR, DOMAIN, unique_id) is not None

    add_people(
        entry,
        async_add_entities,
        lambda snapshot: [one for one in of_people if is_made(one, snapshot)],
        PersonSensor,
    )


class _Sensor(QuietTimeSensor):
    """The state of a sensor that shows something."""

    _rendered: RenderedState

    @property
    @override
    def native_value(self) -> Any:
        return self._rendered.value

    @property
    @override
    def options(self) -> list[str] | None:
        known = super().options
        if known is None or self.native_value in (None, *known):
            return known
        # A newer API may send what we have no word for: it is shown as it came.
        return [*known, self.native_value]


class SourceSensor(_Sensor, SourceEntity):
    """How fresh the source is: never unavailable, because it must speak when the source does not."""

    entity_description: SourceSensorDescription

    @override
    def _render(self) -> RenderedState:
        freshness, description = self.coordinator.data.freshness, self.entity_description
        value = description.value_fn(freshness)
        if description.people_fn is None:
            return RenderedState(value)
        names = names_of(self.hass, self.coordinator, description.people_fn(freshness))
        return RenderedState(value, {"people": names})


class PersonSensor(_Sensor, PersonEntity):
    """What a person's alerts add up to, or only this source knows of them."""

    entity_description: PersonSensorDescription

    def __init__(
        self, coordinator: SourceCoordinator, description: PersonSensorDescription, person: Person
    ) -> None:
        """Show what the description says of a person."""
        super().__init__(coordinator, description, person)
        if description.name_text:
            self._attr_name = localize(coordinator.hass, description.name_text)

    @override
    def _render(self) -> RenderedState:
        if self.snapshot is None or (
            self.entity_description.says_now and not self.snapshot.freshness.believable
        ):
            return RenderedState(None, available=False)
        value = self.entity_description.value_fn(self.snapshot)
        if value is None:
            return RenderedState(None)
        observed = {"observed_at": value.observed_at} if value.observed_at else {}
        return RenderedState(value.value, {**observed, **value.attributes})

    @property
    @override
    def suggested_unit_of_measurement(self) -> str | None:
        if self.device_class is SensorDeviceClass.BLOOD_GLUCOSE_CONCENTRATION:
            own = glucose_unit_of(self.snapshot) if self.snapshot else None
            return own or usual_unit(self.hass.config.country)
        return super().suggested_unit_of_measurement
