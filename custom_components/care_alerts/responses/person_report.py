"""The report of somebody, made of what their source keeps."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from homeassistant.util import dt as dt_util

from ..alerts.alert import Alert, AlertKey
from ..alerts.coverage import NEARBY
from ..alerts.glucose import GLUCOSE_ALERT_TYPES
from ..alerts.ledger import Delivery
from ..alerts.report import Report, report_of
from ..sources.coordinator import SourceCoordinator
from .episodes import episodes_since

_AROUND: Final = timedelta(hours=NEARBY + 1)
"""Readings before and after, by which it is seen how often a sensor reads."""


def report_maker(
    coordinator: SourceCoordinator,
    person_id: str,
    *,
    start: datetime,
    end: datetime,
    exempt: frozenset[str] = frozenset(),
) -> Callable[[], Report]:
    """What makes the report of a person, of `start` <= time < `end` (aware UTC), in an executor: two weeks of readings are many.

    It is of what is known now. `exempt`: alert types that are not meant. Nights and hours of the day are by the house's clock.
    """
    now = dt_util.utcnow()
    conditions = coordinator.data.people[person_id].conditions
    ledger, log = coordinator.ledger, coordinator.readings.of(person_id)
    alerts: defaultdict[AlertKey, list[Alert]] = defaultdict(list)
    for alert in ledger.alerts():
        if (
            alert.person_id == person_id
            and start <= alert.observed_at < end
            and ledger.delivery(alert.alert_id) is not Delivery.WITNESS
        ):
            alerts[AlertKey.of(alert)].append(alert)
    episodes = [
        one
        for one in episodes_since(coordinator, person_id, start, now)
        if one.topic.alert_type not in exempt
    ]
    has_glucose = not GLUCOSE_ALERT_TYPES.isdisjoint(conditions)
    readings = log.between(start - _AROUND, end + _AROUND) if has_glucose else None
    # What is judged here was not, before somebody asked for it: those nights are not quiet, but unknown.
    entry = coordinator.config_entry
    alerts_from = entry.created_at if coordinator.source_type.judges else None
    thresholds, zone = log.thresholds, dt_util.get_default_time_zone()

    def make() -> Report:
        return report_of(
            start=start,
            end=end,
            zone=zone,
            episodes=episodes,
            alerts=alerts,
            readings=readings,
            thresholds=thresholds,
            alerts_from=alerts_from,
        )

    return make
