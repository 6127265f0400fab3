"""What a provider tells the shell about its source."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from homeassistant.components.sensor import SensorEntityDescription

from ..alerts.model import Alert
from ..alerts.picture import PersonPicture
from .coordinator import SourceCoordinator


@dataclass(frozen=True, slots=True)
class Value:
    """A value and the alert that carried it: its age travels with it."""

    value: str | int | float | datetime | None
    alert: Alert


@dataclass(frozen=True, kw_only=True)
class PersonSensorDescription(SensorEntityDescription):
    """A sensor of a person that only this source has. `value_fn` gives None where there is nothing to show."""

    value_fn: Callable[[PersonPicture], Value | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A source: its name in the contract, its alert types, its coordinator and the sensors of its own."""

    source: str
    alert_types: tuple[str, ...]
    coordinator: type[SourceCoordinator]
    person_sensors: tuple[PersonSensorDescription, ...]
