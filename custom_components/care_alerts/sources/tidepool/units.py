"""The two units glucose comes in, and Tidepool's way from one to the other."""

from typing import Final

MG_DL: Final = "mg/dL"
MMOL_L: Final = "mmol/L"

MG_DL_PER_MMOL_L: Final = 18.01559
"""Tidepool's own factor (platform: `MmolLToMgdLConversionFactor`): 140 mg/dL is stored as 7.77105 mmol/L."""

STEP: Final = {MG_DL: 1.0, MMOL_L: 0.1}
"""The steps in which people speak of glucose, and OpenAPI's (mg/dL: integer)."""

HIGHEST: Final = {MG_DL: 1000, MMOL_L: 55}
"""Values that the server takes, of readings as of thresholds (platform: blood glucose validation, thresholds)."""

_DECIMALS: Final = {MG_DL: 0, MMOL_L: 1}


def exact_unit(text: object) -> str | None:
    """`mg/dL` or `mmol/L` for what means one of them in any case: the only spellings the server takes. None for anything else."""
    if not isinstance(text, str):
        return None
    return {"mg/dl": MG_DL, "mmol/l": MMOL_L}.get(text.lower())


def converted(value: float, unit: str, to_unit: str) -> float:
    """The value in the other unit, not rounded."""
    if unit == to_unit:
        return value
    return value * MG_DL_PER_MMOL_L if to_unit == MG_DL else value / MG_DL_PER_MMOL_L


def rounded(value: float, unit: str) -> float:
    """The value as people read it: whole mg/dL (as int: the server shows what it was sent), tenths of mmol/L."""
    decimals = _DECIMALS[unit]
    return round(value, decimals) if decimals else round(value)
