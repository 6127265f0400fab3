"""Alerts for tests, in a line each."""

from datetime import UTC, datetime, timedelta
from typing import Any

from custom_components.care_alerts.alerts.alert import Alert, AlertState, Severity
from custom_components.care_alerts.alerts.freshness import Freshness, Status

START = datetime(2026, 5, 1, tzinfo=UTC)
FRESH = Freshness(
    status=Status.OK,
    silent=False,
    believable=True,
    last_contact=None,
    data_through=None,
    delay=None,
)


def hour(number: float) -> datetime:
    """A time so many hours after the start of the tests' world."""
    return START + timedelta(hours=number)


def alert(alert_id: str, observed: float, *, received: float | None = None, **more: Any) -> Alert:
    """An alert observed, and received, so many hours after the start (at once if not given)."""
    fields: dict[str, Any] = {
        "source": "lumen",
        "person_id": "person",
        "alert_type": "weight",
        "severity": Severity.HIGH,
        "state": AlertState.ACTIVE,
    }
    return Alert(
        alert_id=alert_id,
        observed_at=hour(observed),
        received_at=hour(observed if received is None else received),
        **fields | more,
    )
