"""Tidepool: care partners, the people who share with them, their data and alert thresholds."""

from .accounts import Account
from .children import (
    DEXCOM_CLOUD,
    LOOP,
    MG_DL_PER_MMOL_L,
    Child,
    Record,
    Uploader,
    aaps,
    old_loop,
    out_of_range,
    xdrip,
)
from .service import DEFAULT_PASSWORD, DEFAULT_USERNAME, Tidepool

__all__ = [
    "DEFAULT_PASSWORD",
    "DEFAULT_USERNAME",
    "DEXCOM_CLOUD",
    "LOOP",
    "MG_DL_PER_MMOL_L",
    "Account",
    "Child",
    "Record",
    "Tidepool",
    "Uploader",
    "aaps",
    "old_loop",
    "out_of_range",
    "xdrip",
]
