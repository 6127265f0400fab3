"""The sources there are. A new one is a folder beside this file and a line in `PROVIDERS`."""

from .base import PersonSensorDescription, Provider, Value
from .dexcom.provider import DEXCOM
from .lumen.provider import LUMEN
from .tidepool.provider import TIDEPOOL

__all__ = ["ALERT_TYPES", "PROVIDERS", "PersonSensorDescription", "Provider", "Value"]

PROVIDERS: dict[str, Provider] = {
    provider.source: provider for provider in (LUMEN, DEXCOM, TIDEPOOL)
}

ALERT_TYPES: frozenset[str] = frozenset(
    alert_type for provider in PROVIDERS.values() for alert_type in provider.alert_types
)
"""All alert types that there are sensors for."""
