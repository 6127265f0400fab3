"""Glucose: a value as a source gives it, with the time it was observed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from .stored import Stored

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Glucose(Stored):
    """A glucose value as received: `unit` is `mg/dL` or `mmol/L`, `observed_at` aware UTC."""

    observed_at: datetime
    value: float
    unit: str
    trend: Trend | None = None
    out_of_range: OutOfRange | None = None


MMOL_COUNTRIES: Final = frozenset(
    # A list would be a line for each.
    "AU BG CA CH CN CZ DK EE FI GB HK HR HU IE IS LT LV MT MY NL NO NZ RU SE SG SI SK UA ZA".split()  # noqa: SIM905
)
"""Where people speak of their glucose in mmol/L."""


def usual_unit(country: str | None) -> str:
    """The unit that people of a country (ISO 3166, as Home Assistant has it) are used to."""
    if country in MMOL_COUNTRIES:
        return "mmol/L"
    return "mg/dL"
