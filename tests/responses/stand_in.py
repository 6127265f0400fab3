"""Sources that say what a test has them say: all of ours is real, but nobody is asked anything."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, override

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.alerts.alert import Alert, AlertState, Person, Severity
from custom_components.care_alerts.alerts.episode import Ending, EndReason, derive_episodes
from custom_components.care_alerts.alerts.freshness import Freshness
from custom_components.care_alerts.alerts.reconcile import with_episodes
from custom_components.care_alerts.alerts.snapshot import (
    AlertStatus,
    PersonSnapshot,
    SourceSnapshot,
)
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.sources import SOURCES
from custom_components.care_alerts.sources.coordinator import SourceCoordinator
from custom_components.care_alerts.sources.identifiers import person_identifier
from tests.alerts.build import FRESH


class Running(MockConfigEntry):
    """An entry that runs as far as anybody sees: nothing of it was set up, so nothing is to be undone."""

    def __init__(self, **more: Any) -> None:
        """Be loaded."""
        super().__init__(state=ConfigEntryState.LOADED, **more)

    @override
    async def async_unload(self, *_: Any, **__: Any) -> bool:
        return True


def source(
    hass: HomeAssistant, title: str, *people: str, is_live: bool = False
) -> SourceCoordinator:
    """A source that runs, with people who are called what their ids are, each with a device."""
    lumen = SOURCES["lumen"]
    entry = Running(
        domain=DOMAIN,
        entry_id=title.lower(),
        title=title,
        data={"source": "lumen", "base_url": "http://127.0.0.1:1", "api_key": "key"},
    )
    entry.add_to_hass(hass)
    coordinator = SourceCoordinator(hass, entry, replace(lumen, is_live=is_live))
    coordinator.source_device_id = f"{title} itself"
    entry.runtime_data = coordinator
    for one in people:
        dr.async_get(hass).async_get_or_create(
            config_entry_id=entry.entry_id,
            identifiers={person_identifier(coordinator, one)},
            name=one,
        )
    says(coordinator, dict.fromkeys(people, ()))
    return coordinator


def device(hass: HomeAssistant, coordinator: SourceCoordinator, person: str) -> str:
    """The device of what a source has of somebody."""
    found = dr.async_get(hass).async_get_device_by_identifier(
        person_identifier(coordinator, person), coordinator.config_entry.entry_id
    )
    assert found
    return found.id


def alert(
    coordinator: SourceCoordinator,
    person: str,
    at: datetime,
    alert_type: str = "low",
    severity: Severity = Severity.HIGH,
    *,
    late: bool = False,
) -> Alert:
    """An alert that came as it was, or late."""
    return Alert(
        alert_id=f"{coordinator.config_entry.entry_id} {person} {alert_type} {at.isoformat()}",
        source="lumen",
        person_id=person,
        alert_type=alert_type,
        severity=severity,
        state=AlertState.ACTIVE,
        observed_at=at,
        received_at=at,
        late=late,
    )


def says(
    coordinator: SourceCoordinator,
    alerts: Mapping[str, Sequence[Alert]],
    *,
    over: Mapping[str, datetime] | None = None,
    freshness: Freshness = FRESH,
) -> None:
    """Have a source know this of people: all alerts since ever, and when those of a type were over."""
    ledger = coordinator.store.ledger
    people = {}
    for who, theirs in alerts.items():
        by_type: dict[str, list[Alert]] = {}
        for one in theirs:
            if one.alert_id not in ledger:
                ledger.add(one, announce=True)
                ledger.mark_announced(one.alert_id)
                ledger.release([one.alert_id])
            by_type.setdefault(one.alert_type, []).append(one)
        conditions = {}
        for alert_type, of_type in by_type.items():
            end = (over or {}).get(alert_type)
            endings = [Ending(end, EndReason.SOURCE)] if end else []
            *earlier, newest = derive_episodes(of_type, endings, is_active=lambda _: True)
            conditions[alert_type] = AlertStatus(
                is_on=newest.is_open, episode=newest, earlier=earlier
            )
        people[who] = PersonSnapshot(
            person=Person(who, who), conditions=conditions, last_alert=None, freshness=freshness
        )
    coordinator.data = with_episodes(
        SourceSnapshot(people=people, freshness=freshness),
        ledger,
        coordinator.store.responses,
        dt_util.utcnow(),
    )


def ago(**time: float) -> datetime:
    """A moment before now."""
    return dt_util.utcnow() - timedelta(**time)
