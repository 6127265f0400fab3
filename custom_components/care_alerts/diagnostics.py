"""Diagnostics: how the source does, without anybody's name, key, id or health value."""

from typing import Any

from homeassistant.core import HomeAssistant

from .providers.coordinator import CareAlertsConfigEntry


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: CareAlertsConfigEntry
) -> dict[str, Any]:
    """Return counts, times and states: everything that is said is listed here, so nothing else gets out."""
    coordinator = entry.runtime_data
    freshness = coordinator.data.freshness
    ledger = coordinator.journal.ledger
    return {
        "source": coordinator.source,
        "options": {
            key: len(value) if isinstance(value, list) else value
            for key, value in entry.options.items()
        },
        "polling_disabled": entry.pref_disable_polling,
        "poll_every_seconds": (
            coordinator.update_interval and coordinator.update_interval.total_seconds()
        ),
        "status": freshness.status,
        "silent": freshness.silent,
        "believable": freshness.believable,
        "last_contact": freshness.last_contact,
        "data_through": freshness.data_through,
        "delay_seconds": freshness.delay and freshness.delay.total_seconds(),
        "last_error": type(coordinator.last_exception).__name__
        if coordinator.last_exception
        else None,
        "unreadable_records": coordinator.unreadable_records,
        "ledger": {
            "alerts": len(ledger),
            "pending": len(ledger.pending()),
            "unreadable": ledger.unreadable,
        },
        "people": [
            {
                "heard_of": picture.is_heard_of,
                "conditions_on": sum(
                    condition.is_on is True for condition in picture.conditions.values()
                ),
                "has_last_alert": picture.last_alert is not None,
            }
            for picture in coordinator.data.people.values()
        ],
    }
