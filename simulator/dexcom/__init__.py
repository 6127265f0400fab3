"""Dexcom: regions and their logins, wearers, and what their sensors tell."""

from .service import SANDBOX_USERS, Dexcom, DexcomRegion
from .times import TIME_STYLES, TimeStyle
from .wearer import EVERY, Record, Thresholds, Wearer

__all__ = [
    "EVERY",
    "SANDBOX_USERS",
    "TIME_STYLES",
    "Dexcom",
    "DexcomRegion",
    "Record",
    "Thresholds",
    "TimeStyle",
    "Wearer",
]
