"""What a provider declares of its source."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from homeassistant.components.number import NumberEntityDescription
from homeassistant.components.sensor import SensorEntityDescription
from homeassistant.components.switch import SwitchEntityDescription
from homeassistant.config_entries import OptionsFlow

from ..alerts.snapshot import PersonSnapshot
from .coordinator import SourceCoordinator
from .settings import SettingsKeeper


@dataclass(frozen=True, slots=True)
class Value:
    """A value and, where it has an age of its own, when it was observed."""

    value: str | int | float | datetime | None
    observed_at: datetime | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PersonSensorDescription(SensorEntityDescription):
    """A sensor of a person. `value_fn` gives None where there is nothing to show.

    `says_now`: it speaks of the present, so it needs a word to believe.
    """

    value_fn: Callable[[PersonSnapshot], Value | None]
    says_now: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceType:
    """A source: its name in the contract, its alert types, its coordinator, its options and the sensors of its own.

    A person has binary sensors for those of the alert types that their snapshot has conditions for, and numbers and
    switches for what their snapshot has settings for. `settings_keeper`: what a coordinator of its keeps them with.
    """

    source: str
    alert_types: tuple[str, ...]
    coordinator: type[SourceCoordinator]
    options_flow: type[OptionsFlow]
    safe_options: frozenset[str]
    """The options that are no names or ids: diagnostics have them as they are."""
    person_sensors: tuple[PersonSensorDescription, ...]
    person_numbers: tuple[NumberEntityDescription, ...] = ()
    person_switches: tuple[SwitchEntityDescription, ...] = ()
    settings_keeper: type[SettingsKeeper] | None = None
