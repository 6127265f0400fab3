"""The report of somebody, made of what their sources keep; whoever several have is one person."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from homeassistant.util import dt as dt_util

from ..alerts.alert import Alert, AlertKey
from ..alerts.coverage import NEARBY, of_one
from ..alerts.glucose import GLUCOSE_ALERT_TYPES
from ..alerts.joining import Joined, join
from ..alerts.ledger import Delivery
from ..alerts.readings import GlucoseLog
from ..alerts.report import Report, report_of
from ..alerts.snapshot import PersonSnapshot
from ..sources.coordinator import SourceCoordinator
from .episodes import witnesses_since

_AROUND: Final = timedelta(hours=NEARBY + 1)
"""Readings before and after, by which it is seen how often a sensor reads."""


@dataclass(frozen=True, slots=True)
class AsOneHas:
    """Somebody as one source has them. `exempt`: alert types that are not meant."""

    coordinator: SourceCoordinator
    person: PersonSnapshot
    exempt: frozenset[str] = frozenset()

    @property
    def log(self) -> GlucoseLog | None:
        """Their readings; None of whom there never are any."""
        has_glucose = not GLUCOSE_ALERT_TYPES.isdisjoint(self.person.conditions)
        person_id = self.person.person.person_id
        return self.coordinator.readings.of(person_id) if has_glucose else None

    @property
    def alerts(self) -> Iterator[tuple[Hashable, Alert]]:
        """The alerts that count, in order, with the kind of what they are witnesses of."""
        ledger, entry_id = self.coordinator.ledger, self.coordinator.config_entry.entry_id
        for alert in ledger.alerts():
            if (
                alert.person_id == self.person.person.person_id
                and ledger.delivery(alert.alert_id) is not Delivery.WITNESS
            ):
                yield (entry_id, AlertKey.of(alert)), alert


def report_maker(
    parts: Sequence[AsOneHas], *, start: datetime, end: datetime, are_one: bool
) -> Callable[[], Report]:
    """What makes the report of a person, of `start` <= time < `end` (aware UTC), in an executor: two weeks of readings are many.

    It is of what is known now. `parts`: what each source has of them, whose readings and thresholds count first before others;
    `are_one`: somebody has said that they are one person. Nights and hours of the day are by the house's clock.
    """
    now = dt_util.utcnow()
    exempt = {one.coordinator.config_entry.entry_id: one.exempt for one in parts}
    witnesses = [
        witness
        for witness, ref in witnesses_since(
            ((one.coordinator, one.person) for one in parts), start, now
        )
        if ref.episode.topic.alert_type not in exempt[ref.entry_id]
    ]
    alerts: defaultdict[Hashable, list[Alert]] = defaultdict(list)
    for one in parts:
        for kind, alert in one.alerts:
            if start <= alert.observed_at < end:
                alerts[kind].append(alert)
    logs = [log for one in parts if (log := one.log) is not None]
    readings = [log.between(start - _AROUND, end + _AROUND) for log in logs]
    thresholds = next((known for log in logs if (known := log.thresholds)), ())
    # Before anybody looked, nights are not quiet, but unknown.
    looked_from = [at for one in parts if (at := one.person.looked_from)]
    zone = dt_util.get_default_time_zone()

    def make() -> Report:
        return report_of(
            start=start,
            end=end,
            zone=zone,
            episodes=join(witnesses, now) if are_one else map(Joined.alone, witnesses),
            alerts=alerts,
            readings=of_one(readings) if logs else None,
            thresholds=thresholds,
            alerts_from=min(looked_from, default=now),
        )

    return make
