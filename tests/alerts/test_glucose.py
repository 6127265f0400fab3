"""A glucose value: in both units, beside a threshold, and as an alert has it."""

from math import inf, nan
from typing import Any

import pytest

from custom_components.care_alerts.alerts.glucose import (
    MG_DL,
    MG_DL_PER_MMOL_L,
    MMOL_L,
    Glucose,
    OutOfRange,
    converted,
    glucose_in,
    is_beyond,
    rounded,
    usual_unit,
)
from custom_components.care_alerts.alerts.tolerant import UNREADABLE

from .build import START


def test_a_value_in_the_other_unit() -> None:
    assert converted(140, MG_DL, MG_DL) == 140
    assert converted(7.77105, MMOL_L, MG_DL) == pytest.approx(140, abs=0.001)
    assert converted(140, MG_DL, MMOL_L) == pytest.approx(7.77105, abs=0.0001)


def test_a_value_as_people_read_it() -> None:
    assert (rounded(69.6, MG_DL), rounded(3.86, MMOL_L)) == (70, 3.9)
    # The server shows what it was sent.
    assert isinstance(rounded(69.6, MG_DL), int)


@pytest.mark.parametrize(
    ("kind", "threshold", "value", "unit", "beyond"),
    [
        ("low", 70, 70, MG_DL, True),
        ("low", 70, 71, MG_DL, False),
        ("low", 3.9, 3.9, MMOL_L, True),
        ("high", 180, 180, MG_DL, True),
        ("high", 180, 179, MG_DL, False),
        # As people read it, or exact.
        ("low", 70, 70.4, MG_DL, True),
        ("low", 70, 70.6, MG_DL, False),
        ("low", 69.8, 69.7, MG_DL, True),
        ("high", 180, 179.6, MG_DL, True),
        ("high", 180, 179.4, MG_DL, False),
        ("high", 180.2, 180.3, MG_DL, True),
        ("high", 70 / MG_DL_PER_MMOL_L, 3.9, MMOL_L, True),
    ],
)
def test_at_a_threshold_is_beyond_it(
    kind: str, threshold: float, value: float, unit: str, beyond: bool
) -> None:
    assert is_beyond(kind, threshold, value, unit, None) is beyond


@pytest.mark.parametrize(
    ("kind", "side", "beyond"),
    [
        ("low", OutOfRange.LOW, True),
        ("urgent_low", OutOfRange.LOW, True),
        ("high", OutOfRange.LOW, False),
        ("low", OutOfRange.HIGH, False),
        ("high", OutOfRange.HIGH, True),
    ],
)
def test_what_a_sensor_cannot_measure_is_beyond_every_threshold_of_that_side(
    kind: str, side: OutOfRange, beyond: bool
) -> None:
    for value in (1, 999):
        assert is_beyond(kind, 100, value, MG_DL, side) is beyond


@pytest.mark.parametrize(
    ("details", "found"),
    [
        ({}, None),
        ({"glucose_mg_dl": 61}, (61, MG_DL)),
        ({"glucose_mmol_l": 3.4}, (3.4, MMOL_L)),
        ({"value_mg_dl": 61.5}, (61.5, MG_DL)),
        ({"value_mmol_l": 3}, (3, MMOL_L)),
        # The glucose before what an alert was about; a number before what is none.
        ({"value_mg_dl": 70, "glucose_mmol_l": 3.4}, (3.4, MMOL_L)),
        ({"glucose_mg_dl": "low", "value_mg_dl": 70}, (70, MG_DL)),
        ({"glucose_mg_dl": None}, None),
    ],
)
def test_the_glucose_of_an_alert(details: dict[str, Any], found: tuple[float, str] | None) -> None:
    assert glucose_in(details) == found


@pytest.mark.parametrize(
    ("country", "unit"),
    [("NL", MMOL_L), ("GB", MMOL_L), ("DE", MG_DL), ("US", MG_DL), (None, MG_DL)],
)
def test_the_unit_that_a_country_is_used_to(country: str | None, unit: str) -> None:
    assert usual_unit(country) == unit


def test_a_value_that_is_kept_comes_back() -> None:
    for unit in (MG_DL, MMOL_L):
        glucose = Glucose(observed_at=START, value=5, unit=unit, out_of_range=OutOfRange.LOW)
        assert Glucose.from_dict(glucose.to_dict()) == glucose


@pytest.mark.parametrize(
    "odd",
    [
        {"unit": "g/l"},
        {"unit": None},
        {"value": inf},
        {"value": nan},
        {"observed_at": "2026-05-01T00:00:00"},
    ],
)
def test_a_value_of_which_nothing_can_be_made_does_not(odd: dict[str, Any]) -> None:
    stored = Glucose(observed_at=START, value=140, unit=MG_DL).to_dict()
    with pytest.raises(UNREADABLE):
        Glucose.from_dict(stored | odd)
