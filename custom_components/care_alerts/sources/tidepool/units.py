"""The two units glucose comes in, as Tidepool takes and people read them."""

from typing import Final

from ...alerts.glucose import MG_DL, MMOL_L

STEP: Final = {MG_DL: 1.0, MMOL_L: 0.1}
"""The steps in which people speak of glucose, and OpenAPI's (mg/dL: integer)."""

HIGHEST: Final = {MG_DL: 1000, MMOL_L: 55}
"""Values that the server takes, of readings as of thresholds (platform: blood glucose validation, thresholds)."""


def exact_unit(text: object) -> str | None:
    """`mg/dL` or `mmol/L` for what means one of them in any case: the only spellings the server takes. None for anything else."""
    if not isinstance(text, str):
        return None
    return {"mg/dl": MG_DL, "mmol/l": MMOL_L}.get(text.lower())
