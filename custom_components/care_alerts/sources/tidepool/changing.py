"""Changing a follower's alert settings: only what was asked, and only what Tidepool takes. Pure.

Writing replaces an alert's object whole, so all its other fields go out as they came in, those we have no word for
among them.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from math import isfinite
from typing import Any, Final

from ...alerts.glucose import MG_DL, converted, rounded
from .profiles import Amount, amounts_of, in_mmol_l
from .settings import (
    FIELDS,
    GLUCOSE_KINDS,
    KINDS,
    LONGEST_DELAY,
    LONGEST_REPEAT,
    AlertSettings,
    Field,
    Settings,
    number_or_none,
)
from .units import HIGHEST, STEP, exact_unit

_LONGEST_STORED: Final = {"low": 120, "high": 360, "no_communication": 360, "not_looping": 120}
"""Minutes that the server takes (platform: alerts/config.go): what somebody else wrote goes back as it came."""

SHORTEST_REPEAT: Final = 15


class Problem(StrEnum):
    """What is wrong with a change; each has a message of its own."""

    UNIT = "unit"
    """Neither mg/dL nor mmol/L, or none known yet."""
    THRESHOLD_NEEDED = "threshold_needed"
    THRESHOLD_RANGE = "threshold_range"
    THRESHOLD_STEP = "threshold_step"
    THRESHOLD_ORDER = "threshold_order"
    DELAY_RANGE = "delay_range"
    REPEAT_RANGE = "repeat_range"
    NOT_KEPT = "not_kept"


class SettingsError(ValueError):
    """A change that cannot be written, or did not stay. `field` is the action's name of what is wrong."""

    def __init__(self, field: str, problem: Problem, **limits: float | str) -> None:
        """Keep what is wrong and the limits that would have been right."""
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem
        self.limits = limits


@dataclass(frozen=True, slots=True)
class Change:
    """What to send so that what was asked for becomes true, and what to look for in what is read back."""

    alerts: Mapping[str, Any]
    """Whole alert objects of the document, only those that change."""
    asked: Mapping[Field, bool | float]
    """Thresholds in the unit of the settings."""

    @property
    def odd(self) -> Field | None:
        """What goes out as somebody else wrote it, and may be why the server refuses: it does not say."""
        return next(
            (
                field
                for kind, name in KINDS.items()
                if name in self.alerts
                for field in (Field(kind, one) for one in ("threshold", "delay", "repeat"))
                if field not in self.asked and _is_odd(field, self.alerts[name])
            ),
            None,
        )

    def is_kept_in(self, read_back: Settings) -> bool:
        """Whether Tidepool has all that was asked for."""
        return all(read_back.value(field) == value for field, value in self.asked.items())

    def check_kept(self, read_back: Settings) -> None:
        """Compare with what Tidepool has now.

        Raises:
            SettingsError: something asked for did not stay (`not_kept`).

        """
        for field, value in self.asked.items():
            if read_back.value(field) != value:
                raise SettingsError(str(field), Problem.NOT_KEPT)


def starting(unit: str) -> dict[Field, bool | float]:
    """What to propose where there are no settings yet: a person sees and changes it before it is written.

    Thresholds are those that Tidepool's own app starts with.
    """
    urgent_low, low, high = (55, 70, 250) if unit == MG_DL else (3.0, 3.9, 14.0)
    proposed: dict[str, bool | float] = {
        "urgent_low_enabled": True,
        "urgent_low": urgent_low,
        "low_enabled": True,
        "low": low,
        "low_delay": 0,
        "low_repeat": 30,
        "high_enabled": True,
        "high": high,
        "high_delay": 60,
        "high_repeat": 120,
        "no_communication_enabled": True,
        "no_communication_delay": 30,
        # Not everybody loops.
        "not_looping_enabled": False,
        "not_looping_delay": 30,
    }
    return {FIELDS[name]: value for name, value in proposed.items()}


def change(
    settings: Settings,
    asked: Mapping[Field, bool | float],
    unit: str | None = None,
    *,
    is_all: bool = True,
) -> Change:
    """Work out how to make `asked` true, changing nothing else.

    `unit` is the one asked thresholds are in, None: that of the settings. They go out in the unit that the settings
    already use, `unit` only where there are none. `is_all`: nothing else changes at once, so that their order can be told.

    Raises:
        SettingsError: it cannot be written.

    """
    alerts: dict[str, dict[str, Any]] = {}
    wanted: dict[Field, bool | float] = {}
    for field, value in asked.items():
        known = settings.document.get(KINDS[field.kind])
        alert = alerts.setdefault(field.kind, dict(known) if isinstance(known, Mapping) else {})
        match field.name:
            case "threshold":
                own = settings.unit(field.kind) or exact_unit(unit)
                given = own if unit is None else exact_unit(unit)
                if own is None or given is None:
                    raise SettingsError("unit", Problem.UNIT)
                wanted[field] = (
                    value
                    if given == own and value == settings.value(field)
                    else _threshold(field, value, given, own)
                )
                before = alert.get("threshold")
                alert["threshold"] = {
                    **(before if isinstance(before, Mapping) else {}),
                    "units": own,
                    "value": wanted[field],
                }
            case "enabled":
                wanted[field] = alert["enabled"] = bool(value)
            case name:
                wanted[field] = value
                if value != settings.value(field):
                    wanted[field] = alert[name] = _minutes(field, value)
    changed = {field for field, value in wanted.items() if settings.value(field) != value}
    kinds = {field.kind for field in changed}
    result = Settings(
        {**settings.document, **{KINDS[kind]: alert for kind, alert in alerts.items()}}
    )
    for kind in kinds:
        _check(kind, alerts[kind], changed)
    if is_all:
        _check_order(result, lambda kind, _: Field(kind, "threshold") in changed)
    return Change({KINDS[kind]: alerts[kind] for kind in kinds}, wanted)


def put(settings: Settings, amounts: Mapping[str, Amount]) -> Change:
    """Work out how to have values exactly as they are given, by the names of their fields.

    What somebody else wrote once goes back as it came, whether we would write it or not; out of order only where one of both
    alerts is off, or beside what it was beside before.

    Raises:
        SettingsError: it cannot be written.

    """
    document = with_amounts(settings, amounts).document
    changed = {FIELDS[name]: one.value for name, one in amounts.items() if one.value is not None}
    alerts = {one.kind: dict(document[KINDS[one.kind]]) for one in changed}
    for kind, alert in alerts.items():
        _check(kind, alert, changed)
    made = Change({KINDS[kind]: alert for kind, alert in alerts.items()}, changed)
    result = Settings({**document, **made.alerts})
    there = in_mmol_l(amounts_of(result))

    def is_new(kind: str, other: str) -> bool:
        is_on = all(result.value(Field(one, "enabled")) for one in (kind, other))
        return is_on and kind in amounts and amounts[kind].beside.get(other) != there[other]

    _check_order(result, is_new)
    return made


def with_amounts(settings: Settings, amounts: Mapping[str, Amount]) -> Settings:
    """Return the settings with other values, by the names of their fields; None stands for none.

    Raises:
        SettingsError: an alert is not there to have one.

    """
    alerts: dict[str, dict[str, Any]] = {}
    for field, amount in ((FIELDS[name], amount) for name, amount in amounts.items()):
        if amount.value is None:
            continue
        name = KINDS[field.kind]
        known = settings.document.get(name)
        if not isinstance(known, Mapping):
            raise SettingsError(str(field), Problem.THRESHOLD_NEEDED)
        alert = alerts.setdefault(name, dict(known))
        if field.name == "threshold":
            before = alert.get("threshold")
            alert["threshold"] = {
                **(before if isinstance(before, Mapping) else {}),
                "units": amount.unit,
                "value": amount.value,
            }
        elif amount.said:
            alert[field.name] = amount.value
        else:
            alert.pop(field.name, None)
    return Settings({**settings.document, **alerts})


def _threshold(field: Field, value: float, given: str, own: str) -> float:
    """A threshold as it goes out, in the settings' `own` unit; the same number if it was given in that."""
    in_steps = rounded(value, given) if isfinite(value) else 0
    # 4.2 may have become 4.199999999999999 on its way.
    if not abs(value - in_steps) < 1e-6:
        raise SettingsError(str(field), Problem.THRESHOLD_STEP, step=STEP[given], unit=given)
    return rounded(converted(in_steps, given, own), own)


def _minutes(field: Field, value: float) -> int:
    whole = round(value) if isfinite(value) else -1
    if field.name == "repeat" and not (whole == value and _can_repeat(whole)):
        raise SettingsError(
            str(field), Problem.REPEAT_RANGE, shortest=SHORTEST_REPEAT, longest=LONGEST_REPEAT
        )
    if field.name == "delay" and not (whole == value and 0 <= whole <= LONGEST_DELAY):
        raise SettingsError(str(field), Problem.DELAY_RANGE, longest=LONGEST_DELAY)
    return whole


def _can_repeat(minutes: float) -> bool:
    return minutes == 0 or SHORTEST_REPEAT <= minutes <= LONGEST_REPEAT


def _check(kind: str, alert: dict[str, Any], changed: Collection[Field]) -> None:
    """Check an alert's threshold, which it must have. What somebody else wrote is not ours to refuse."""
    if kind not in GLUCOSE_KINDS:
        return
    threshold = Field(kind, "threshold")
    own = AlertSettings.of(alert)
    if own.threshold is None or own.unit is None:
        raise SettingsError(str(threshold), Problem.THRESHOLD_NEEDED)
    if threshold in changed and own.limit is None:
        raise SettingsError(
            str(threshold), Problem.THRESHOLD_RANGE, highest=HIGHEST[own.unit], unit=own.unit
        )
    # OpenAPI knows mg/dl as well; the server takes it from nobody.
    alert["threshold"] = {**alert["threshold"], "units": own.unit}


def _is_odd(field: Field, alert: Mapping[str, Any]) -> bool:
    """Whether the server would refuse an alert's object for one of its fields."""
    if field.name == "threshold":
        own = AlertSettings.of(alert)
        return own.threshold is not None and own.limit is None
    stored = alert.get(field.name)
    if stored is None:
        return False
    minutes = number_or_none(stored)
    if minutes is None:
        return True
    if field.name == "repeat":
        return not _can_repeat(minutes)
    return not 0 <= minutes <= _LONGEST_STORED.get(field.kind, minutes)


def _check_order(result: Settings, is_new: Callable[[str, str], bool]) -> None:
    """Urgent low below low below high, of an alert that `is_new` beside another one: what somebody else wrote is not ours to refuse."""
    thresholds = in_mmol_l(amounts_of(result))
    for lower, higher in combinations(thresholds, 2):
        if thresholds[lower] < thresholds[higher]:
            continue
        for kind, other in ((lower, higher), (higher, lower)):
            if is_new(kind, other):
                raise SettingsError(kind, Problem.THRESHOLD_ORDER, other=other)
