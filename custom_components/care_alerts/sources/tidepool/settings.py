"""A follower's alert settings: reading Tidepool's document, and what can be set. Pure.

The document has an object for each kind of alert, beside ids and whatever a newer server adds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, Self

from ...alerts.snapshot import Setting
from ..parsing import can_be_kept
from .units import HIGHEST, STEP, exact_unit

KINDS: Final = {
    "urgent_low": "urgentLow",
    "low": "low",
    "high": "high",
    "no_communication": "noCommunication",
    "not_looping": "notLooping",
}
"""The five alerts: our names and the document's."""

GLUCOSE_KINDS: Final = ("urgent_low", "low", "high")
"""In the order of their thresholds."""

MINUTES: Final = "min"

LONGEST_DELAY: Final = 120
"""Minutes that may be written (OpenAPI)."""

LONGEST_REPEAT: Final = 240
"""Minutes of `repeat`, or 0 for never (platform: alerts/config.go)."""


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that can be set: of a kind of alert its `threshold`, `delay`, `repeat`, or whether it is `enabled`."""

    kind: str
    name: str

    def __str__(self) -> str:
        """Its name in the action: a threshold goes by the name of its alert."""
        return self.kind if self.name == "threshold" else f"{self.kind}_{self.name}"

    @property
    def key(self) -> str:
        """The key of its entity: a switch goes by the name of its alert."""
        return self.kind if self.name == "enabled" else f"{self.kind}_{self.name}"


FIELDS: Final = {
    str(field): field
    for kind, names in {
        "urgent_low": ("threshold", "enabled"),
        "low": ("threshold", "enabled", "delay", "repeat"),
        "high": ("threshold", "enabled", "delay", "repeat"),
        "no_communication": ("enabled", "delay"),
        "not_looping": ("enabled", "delay"),
    }.items()
    for field in (Field(kind, name) for name in names)
}
"""All that can be set, by the names of `set_alert_thresholds`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """One alert's settings: what the document leaves out is off or 0. `delay` and `repeat` in minutes."""

    enabled: bool = False
    threshold: float | None = None
    unit: str | None = None
    delay: float = 0
    repeat: float = 0

    @classmethod
    def of(cls, alert: Mapping[str, Any]) -> Self:
        """Read an alert's object; a field that is not what it should be counts as left out."""
        threshold = alert.get("threshold")
        unit = value = None
        if isinstance(threshold, Mapping):
            unit, value = exact_unit(threshold.get("units")), number_or_none(threshold.get("value"))
        if unit is None or value is None:
            unit = value = None
        return cls(
            enabled=alert.get("enabled") is True,
            threshold=value,
            unit=unit,
            delay=max(number_or_none(alert.get("delay")) or 0, 0),
            repeat=max(number_or_none(alert.get("repeat")) or 0, 0),
        )

    @property
    def limit(self) -> tuple[float, str] | None:
        """The threshold and its unit; None without one, and with one that the server does not take."""
        if self.threshold is None or self.unit is None:
            return None
        return (self.threshold, self.unit) if 0 <= self.threshold <= HIGHEST[self.unit] else None


def _is_unreadable(kind: str, alert: Any) -> bool:
    """Whether an alert may be enabled and has no threshold that the server would take, or is no alert at all."""
    if alert is None:
        return False
    if not isinstance(alert, Mapping):
        return True
    match alert.get("enabled"):
        case None | False:
            return False
        case True:
            return kind in GLUCOSE_KINDS and AlertSettings.of(alert).limit is None
        case _:
            return True


def number_or_none(value: Any) -> float | None:
    """A number if it is one: no bool, no text, finite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return value


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings one follower has for one person, as Tidepool has them; an empty document if there are none yet."""

    document: Mapping[str, Any]

    def alert(self, kind: str) -> AlertSettings | None:
        """The settings of a kind of alert; None if the document has none."""
        alert = self.document.get(KINDS[kind])
        return AlertSettings.of(alert) if isinstance(alert, Mapping) else None

    @property
    def missing(self) -> list[str]:
        """The kinds that the document has nothing of."""
        return [kind for kind, name in KINDS.items() if self.document.get(name) is None]

    @property
    def lacks_thresholds(self) -> bool:
        """Whether urgent low, low or high is missing."""
        return not set(GLUCOSE_KINDS).isdisjoint(self.missing)

    @property
    def unreadable(self) -> list[str]:
        """The kinds whose alert is enabled, or may be, and cannot be judged by what the document says."""
        return [
            kind for kind, name in KINDS.items() if _is_unreadable(kind, self.document.get(name))
        ]

    def value(self, field: Field) -> bool | float | None:
        """The value of a field, None where there is none."""
        alert = self.alert(field.kind)
        value: bool | float | None = getattr(alert, field.name) if alert else None
        return value

    def threshold(self, kind: str) -> tuple[float | None, str | None]:
        """What a kind of glucose alert is judged by, and its unit: no value where it is off, or makes no sense."""
        alert = self.alert(kind)
        if alert is None:
            return None, None
        return (alert.limit if alert.enabled else None) or (None, alert.unit)

    def unit(self, kind: str | None = None) -> str | None:
        """The unit of a kind's threshold, of the others where it has none, of all if no kind is given."""
        kinds = sorted(GLUCOSE_KINDS, key=lambda one: one != kind)
        units = (alert.unit for one in kinds if (alert := self.alert(one)))
        return next((unit for unit in units if unit), None)

    def as_response(self) -> dict[str, Any]:
        """What the actions answer: every field by its name, None where there is none; thresholds as Tidepool has them.

        `unit` is theirs; where one has another, that is beside it.
        """
        response: dict[str, Any] = {"unit": self.unit()}
        for name, field in FIELDS.items():
            response[name] = self.value(field)
            own = self.alert(field.kind)
            if field.name == "threshold" and own and own.unit != response["unit"]:
                response[f"{name}_unit"] = own.unit
        return response


def setting_of(field: Field, value: bool | float | None, unit: str) -> Setting:
    """A setting as it is shown; `unit` is that of a threshold."""
    match field.name:
        case "threshold":
            return Setting(value=value, unit=unit, highest=HIGHEST[unit], step=STEP[unit])
        case "enabled":
            return Setting(value=value)
        case name:
            longest = LONGEST_DELAY if name == "delay" else LONGEST_REPEAT
            return Setting(value=value, unit=MINUTES, highest=longest)


def is_settings(document: Any, person: str, me: str, *, whole: bool) -> bool:
    """Whether an answer is what we have set for a person: ours and theirs as far as it says so, with an alert as it must be.

    One odd alert must not keep the others from being judged, but nothing is written (`whole`) over what cannot be read.
    """
    if not isinstance(document, dict) or not document.keys() & {"userId", *KINDS.values()}:
        return False
    whose = (document.get("userId", me), document.get("followedUserId", person))
    fine = [
        isinstance(alert := document[name], dict)
        and can_be_kept(alert)
        and (kind not in GLUCOSE_KINDS or isinstance(alert.get("threshold"), dict))
        for kind, name in KINDS.items()
        if name in document
    ]
    return whose == (me, person) and (all(fine) if whole else any(fine) or not fine)
