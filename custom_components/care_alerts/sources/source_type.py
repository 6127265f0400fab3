"""What Home Assistant has to know of a kind of source: its names, its options, the entities of its own."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from homeassistant.components.number import NumberEntityDescription
from homeassistant.components.sensor import SensorEntityDescription
from homeassistant.components.switch import SwitchEntityDescription
from homeassistant.config_entries import OptionsFlow
from homeassistant.core import HomeAssistant

from ..alerts.snapshot import PersonSnapshot
from .settings import NotPutBack, SettingsKeeper
from .source import Host, Source

if TYPE_CHECKING:
    from .coordinator import CareAlertsConfigEntry


@dataclass(frozen=True, slots=True)
class Value:
    """A value and, where it has an age of its own, when it was observed."""

    value: str | int | float | datetime | None
    observed_at: datetime | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PersonSensorDescription(SensorEntityDescription):
    """A sensor of a person. `value_fn` gives None where there is nothing to show.

    `says_now`: it speaks of the present, so it needs a word to believe. `name_text`: what it is called here if that is not
    what its key is called everywhere (in `common` of the translations).
    """

    value_fn: Callable[[PersonSnapshot], Value | None]
    says_now: bool = True
    once_heard_of: bool = False
    """Made when there is first something to show: many people never have it."""
    name_text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceType:
    """A kind of source. A new one is a folder, and a line in `SOURCES`.

    A person has binary sensors for those of the alert types that their snapshot has, and numbers and switches for what it
    has settings for. `create` opens the source of a config entry, `remove` leaves nothing of a removed one behind. `put_back` comes
    before that: by the state that its source had, people's settings become what they were before we changed them for a while;
    what could not be is returned.
    """

    key: str
    """Its name in the contract."""
    name: str
    model: str
    """What of the vendor's is asked."""
    website: str
    """Where the account is looked after."""
    alert_types: tuple[str, ...]
    create: Callable[[HomeAssistant, CareAlertsConfigEntry, Host], Source]
    remove: Callable[[HomeAssistant, CareAlertsConfigEntry], Coroutine[Any, Any, None]] | None = (
        None
    )
    put_back: (
        Callable[
            [HomeAssistant, CareAlertsConfigEntry, dict[str, Any]],
            Coroutine[Any, Any, list[NotPutBack]],
        ]
        | None
    ) = None
    options_flow: type[OptionsFlow]
    safe_options: frozenset[str]
    """The options that are no names or ids: diagnostics have them as they are."""
    repairs: tuple[str, ...] = ()
    """The kinds of what its sources may ask a person to mend."""
    is_live: bool = False
    """Whether what it says may be of the present: else it is never shown as if it were."""
    judges: bool = False
    """Whether its alerts are judged here: no source has said them."""
    person_sensors: tuple[PersonSensorDescription, ...]
    person_numbers: tuple[NumberEntityDescription, ...] = ()
    person_switches: tuple[SwitchEntityDescription, ...] = ()
    settings_keeper: type[SettingsKeeper] | None = None
    device_name: Callable[[str], str] = str
    """What the source's device is called, by the entry's title."""
    account_of: Callable[[Mapping[str, Any]], str | None] = lambda _: None
    """Whose account an entry's data are, where several may follow the same person."""
    longest_retry: timedelta = timedelta(hours=1)
    reacknowledge_after_gap: timedelta | None = None
    """A severe alert so long after the newest acknowledged one is one to wake people for, though the episode goes on."""
    acknowledgement_expires_after: timedelta | None = None
    """What is severe and still goes on so long after somebody acknowledged it is nobody's again."""
