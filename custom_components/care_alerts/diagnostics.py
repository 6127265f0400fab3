"""Diagnostics: how a source or the household does, without anybody's name, key, id or health value."""

from typing import Any

from homeassistant.components.diagnostics import REDACTED
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_SOURCE
from homeassistant.core import HomeAssistant

from .responses.household import HOUSEHOLD, caregivers_of, is_household, plans_of
from .sources import SOURCES
from .sources.banners import CONF_BANNERS
from .sources.coordinator import CareAlertsConfigEntry, SourceCoordinator
from .sources.http import ApiError


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: CareAlertsConfigEntry
) -> dict[str, Any]:
    """Return counts, times and states: everything that is said is listed here, so nothing else gets out."""
    if is_household(entry.data):
        return _household(entry)
    source = entry.data[CONF_SOURCE]
    safe = SOURCES[source].safe_options | {CONF_BANNERS}
    settings = {
        "source": source,
        "options": {
            key: value if key in safe else _count(value) for key, value in entry.options.items()
        },
        "polling_disabled": entry.pref_disable_polling,
        "entry": entry.state.value,
    }
    if entry.state is not ConfigEntryState.LOADED:
        return settings | {"not_loaded_because": entry.error_reason_translation_key}
    coordinator = entry.runtime_data
    freshness = coordinator.data.freshness
    ledger = coordinator.store.ledger
    return settings | {
        "poll_every_seconds": (
            coordinator.update_interval and coordinator.update_interval.total_seconds()
        ),
        "status": freshness.status,
        "silent": freshness.silent,
        "believable": freshness.believable,
        "last_contact": freshness.last_contact,
        "data_through": freshness.data_through,
        "delay_seconds": freshness.delay and freshness.delay.total_seconds(),
        "last_error": _error_of(coordinator),
        "unreadable_records": coordinator.unreadable_records,
        "ledger": {
            "alerts": len(ledger),
            "pending": len(ledger.pending()),
            "unreadable": ledger.unreadable,
        },
        "people": [
            {
                "heard_of": snapshot.is_heard_of,
                "conditions_on": sum(
                    condition.is_on is True for condition in snapshot.conditions.values()
                ),
                "has_last_alert": snapshot.last_alert is not None,
            }
            for snapshot in coordinator.data.people.values()
        ],
    }


def _household(entry: CareAlertsConfigEntry) -> dict[str, Any]:
    """How much there is of a household."""
    caregivers, plans = caregivers_of(entry), plans_of(entry)
    return {
        "source": HOUSEHOLD,
        "entry": entry.state.value,
        "caregivers": len(caregivers),
        "phones": sum(len(caregiver.phones) for caregiver in caregivers),
        "plans": len(plans),
        "steps": sum(len(plan.steps) for plan in plans),
    }


def _count(value: Any) -> Any:
    """Of a list how long it is, of anything else only that it is there."""
    return len(value) if isinstance(value, list) else REDACTED


def _error_of(coordinator: SourceCoordinator) -> str | None:
    """The kind of error that the source last failed with, its status and its code."""
    error = coordinator.last_exception and coordinator.last_exception.__cause__
    if coordinator.failure is None or not isinstance(error, ApiError):
        return None
    return f"{type(error).__name__}: {error}"
