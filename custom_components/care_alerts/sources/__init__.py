"""The sources there are. A new one is a folder beside this file and a line in `SOURCES`."""

from .dexcom.source_type import DEXCOM
from .lumen.source_type import LUMEN
from .source_type import PersonSensorDescription, SourceType, Value
from .tidepool.source_type import TIDEPOOL

__all__ = ["ALERT_TYPES", "SOURCES", "PersonSensorDescription", "SourceType", "Value"]

SOURCES: dict[str, SourceType] = {
    source_type.key: source_type for source_type in (LUMEN, DEXCOM, TIDEPOOL)
}

ALERT_TYPES: frozenset[str] = frozenset(
    alert_type for source_type in SOURCES.values() for alert_type in source_type.alert_types
)
"""All alert types that there are sensors for."""
