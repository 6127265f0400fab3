"""Signals: by what the parts of the house hear of a source."""

from datetime import datetime

from homeassistant.util.signal_type import SignalType

from ..alerts.domain_events import DomainEvent
from ..const import DOMAIN
from .coordinator import SourceCoordinator

SIGNAL_EPISODES_CHANGED: SignalType[SourceCoordinator] = SignalType(f"{DOMAIN}_cases_changed")
"""The episodes of a source may have changed."""

SIGNAL_REMIND: SignalType[SourceCoordinator, datetime | None] = SignalType(f"{DOMAIN}_remind")
"""A source is looked after again, and until when it last was (None if never), or no longer."""

SIGNAL_ANNOUNCED: SignalType[SourceCoordinator, DomainEvent] = SignalType(f"{DOMAIN}_announced")
"""Something of a source was announced."""
