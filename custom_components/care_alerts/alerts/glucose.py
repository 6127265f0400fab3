"""Glucose: a value as a source gives it, with the time it was observed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import isfinite
from typing import Any, Final, Self, override

from .stored import Stored

MG_DL: Final = "mg/dL"
MMOL_L: Final = "mmol/L"

MG_DL_PER_MMOL_L: Final = 18.01559
"""Tidepool's own factor (platform: `MmolLToMgdLConversionFactor`): 140 mg/dL is stored as 7.77105 mmol/L."""


def converted(value: float, unit: str, to_unit: str) -> float:
    """The value in the other unit, not rounded."""
    if unit == to_unit:
        return value
    return value * MG_DL_PER_MMOL_L if to_unit == MG_DL else value / MG_DL_PER_MMOL_L


GLUCOSE_ALERT_TYPES: Final = frozenset(
    ("urgent_low", "urgent_low_soon", "low", "fixed_low", "high", "rise", "fall")
)
"""The alert types, of whatever source, that a glucose value belongs to."""


class Trend(StrEnum):
    """Which way glucose was going: every source's arrows are one of these."""

    RISING_QUICKLY = "rising_quickly"
    RISING = "rising"
    RISING_SLIGHTLY = "rising_slightly"
    STEADY = "steady"
    FALLING_SLIGHTLY = "falling_slightly"
    FALLING = "falling"
    FALLING_QUICKLY = "falling_quickly"


class OutOfRange(StrEnum):
    """A sensor measured beyond its range: the value is the edge of it."""

    LOW = "low"
    HIGH = "high"


_DECIMALS: Final = {MG_DL: 0, MMOL_L: 1}


def rounded(value: float, unit: str) -> float:
    """The value as people read it: whole mg/dL (as int: the server shows what it was sent), tenths of mmol/L."""
    decimals = _DECIMALS[unit]
    return round(value, decimals) if decimals else round(value)


def is_beyond(
    kind: str, threshold: float, value: float, unit: str, out_of_range: OutOfRange | None
) -> bool:
    """Whether a value is at or beyond a threshold of a kind (`high`, or one of the lows), both in `unit`: exact, or as people read it."""
    if out_of_range:
        return (kind == "high") is (out_of_range is OutOfRange.HIGH)
    shown = rounded(value, unit)
    if kind == "high":
        return max(value, shown) >= threshold
    return min(value, shown) <= threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Glucose(Stored):
    """A glucose value as received: `unit` is `mg/dL` or `mmol/L`, `observed_at` aware UTC."""

    observed_at: datetime
    value: float
    unit: str
    trend: Trend | None = None
    out_of_range: OutOfRange | None = None

    @classmethod
    @override
    def __post_deserialize__(cls, obj: Self) -> Self:
        """Look at the unit and the value: nothing can be made of others."""
        if obj.unit not in (MG_DL, MMOL_L) or not isfinite(obj.value):
            raise ValueError
        return super().__post_deserialize__(obj)


def glucose_in(details: Mapping[str, Any]) -> tuple[float, str] | None:
    """The value that an alert's details have, and its unit: the glucose at its time; None where there is none."""
    for key in ("glucose", "value"):
        for unit, suffix in ((MG_DL, "mg_dl"), (MMOL_L, "mmol_l")):
            value = details.get(f"{key}_{suffix}")
            if isinstance(value, int | float):
                return value, unit
    return None


MMOL_COUNTRIES: Final = frozenset(
    # A list would be a line for each.
    "AU BG CA CH CN CZ DK EE FI GB HK HR HU IE IS LT LV MT MY NL NO NZ RU SE SG SI SK UA ZA".split()  # noqa: SIM905
)
"""Where people speak of their glucose in mmol/L."""


def usual_unit(country: str | None) -> str:
    """The unit that people of a country (ISO 3166, as Home Assistant has it) are used to."""
    if country in MMOL_COUNTRIES:
        return MMOL_L
    return MG_DL
