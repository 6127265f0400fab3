"""Thresholds tried on the past: what would have been told with others, and what was, counted alike."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from homeassistant.util import dt as dt_util

from ..alerts.alert import Alert
from ..alerts.coverage import covered_share
from ..alerts.ledger import Delivery
from ..alerts.nights import nights_between

if TYPE_CHECKING:
    from .coordinator import SourceCoordinator
    from .settings import SettingsKeeper

HOUR: Final = timedelta(hours=1)
"""Before the beginning: longer than any reading stands."""

type Nights = list[tuple[datetime, datetime]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """The alerts there would have been, oldest first, and those by the thresholds there are and those that were told.

    `types`: those that were looked at; `nights`: those of which there are readings; `covered`: for how much of all nights
    readings stand (0 to 1), None of no night.
    """

    types: Collection[str]
    nights: Nights
    covered: float | None
    alerts: list[Alert]
    current: list[Alert]
    told: list[Alert]

    def is_at_night(self, alert: Alert) -> bool:
        """Whether something was observed at night."""
        return any(begins <= alert.observed_at < ends for begins, ends in self.nights)

    def count(self, alerts: Iterable[Alert]) -> dict[str, Any]:
        """Count some of the alerts: all of them, those at night, and each type's."""
        some = list(alerts)
        by_type = dict.fromkeys(self.types, 0)
        for alert in some:
            by_type[alert.alert_type] += 1
        at_night = sum(self.is_at_night(alert) for alert in some)
        return {"alerts": len(some), "at_night": at_night, "by_type": by_type}


async def async_replay(
    coordinator: SourceCoordinator,
    keeper: SettingsKeeper,
    person_id: str,
    asked: Mapping[str, bool | float],
    unit: str | None,
    *,
    start: datetime,
    end: datetime,
    own: bool = False,
) -> Replayed:
    """Try thresholds on what was observed from `start` to before `end`: those `asked` for, in `unit`, the others as they are.

    `own`: as they are without a profile.

    Raises:
        NotDoneError: what is asked for cannot be.

    """
    replay = keeper.replay_of(person_id, asked, unit, until=end, own=own)
    replay_current = keeper.replay_of(person_id, {}, until=end, own=own)
    nights = nights_between(start, end, dt_util.get_default_time_zone())
    log = coordinator.readings.of(person_id)
    readings = log.between(start - HOUR, end)
    parts = [(max(begins, start), min(ends, end)) for begins, ends in nights]
    # Thousands of readings, judged as often: beside the loop, and one after the other.
    alerts, current, covered = await coordinator.hass.async_add_executor_job(
        lambda: (replay(), replay_current(), covered_share(readings, parts))
    )
    types = list(dict.fromkeys(keeper.replayed.values()))
    ledger = coordinator.ledger
    told = [
        alert
        for alert in ledger.alerts()
        if alert.person_id == person_id
        and alert.alert_type in types
        and not alert.drill
        and ledger.delivery(alert.alert_id) is not Delivery.HISTORY
    ]
    return Replayed(
        types=types,
        nights=[night for night in nights if log.between(*night)],
        covered=covered,
        alerts=_between(alerts, start, end),
        current=_between(current, start, end),
        told=_between(told, start, end),
    )


def _between(alerts: Iterable[Alert], start: datetime, end: datetime) -> list[Alert]:
    return [alert for alert in alerts if start <= alert.observed_at < end]
