"""Long-term statistics: alerts a day by type, and the glucose of late sources, per person, filled in from what is held.

They are external statistics, so that what reached us late counts when it was observed. Without the recorder there are none.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final, override

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util, slugify
from homeassistant.util.unit_conversion import BloodGlucoseConcentrationConverter

from .alerts.alert import Alert, AlertKey
from .alerts.counts import Hour, changed_since, hours
from .alerts.glucose import MG_DL
from .alerts.ledger import Delivery
from .alerts.readings import GlucoseLog
from .const import DOMAIN
from .responses.localize import localize, localize_alert
from .sources.coordinator import CareAlertsConfigEntry
from .sources.targets import DeviceRef, device_ref

if TYPE_CHECKING:
    from homeassistant.components.recorder.models import StatisticData, StatisticMetaData

COUNTED_WITHIN: Final = 30
"""Seconds."""

LONGEST: Final = 255
"""Characters of an id or a name: the recorder's columns. SQLite takes more, every other database refuses all there is to tell."""


@callback
def async_keep_statistics(hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
    """Count a source's alerts, those there were and those to come."""
    if "recorder" in hass.config.components:
        entry.async_on_unload(_Counting(hass, entry).start())
        if not entry.runtime_data.source_type.is_live:
            entry.async_on_unload(_Glucose(hass, entry).start())


class _Recording(ABC):
    """Something of a source that the recorder is told of, soon after it has changed."""

    def __init__(self, hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
        self._hass = hass
        self._entry = entry
        self._coordinator = entry.runtime_data
        self._cancel: CALLBACK_TYPE | None = None

    @callback
    def start(self) -> CALLBACK_TYPE:
        """Tell what there is, and go on; returns the way to end that."""
        self._tell()
        stop_listening = self._coordinator.async_add_listener(self._tell_soon)

        @callback
        def stop() -> None:
            stop_listening()
            if self._cancel:
                self._cancel()

        return stop

    @callback
    def _tell_soon(self) -> None:
        # Whoever waits for an alert goes first.
        if self._cancel is None and self._has_changed():
            self._cancel = async_call_later(self._hass, COUNTED_WITHIN, self._tell)

    @callback
    def _tell(self, _: datetime | None = None) -> None:
        self._cancel = None
        self._record_changes()

    @abstractmethod
    def _has_changed(self) -> bool:
        """Whether there is something to tell."""

    @abstractmethod
    def _record_changes(self) -> None:
        """Tell it."""


class _Glucose(_Recording):
    """The glucose of a late source by the hour in which it was observed: Home Assistant's own would have when it came."""

    def __init__(self, hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
        super().__init__(hass, entry)
        self._told: dict[str, tuple[GlucoseLog, int]] = {}

    @override
    def _has_changed(self) -> bool:
        return any(self._news_of(person_id) for person_id in self._coordinator.data.people)

    def _news_of(self, person_id: str) -> int:
        """How many readings the recorder has not been told of."""
        log = self._coordinator.readings.of(person_id)
        told, revision = self._told.get(person_id, (log, 0))
        return log.revision - (revision if told is log else 0)

    @override
    def _record_changes(self) -> None:
        from homeassistant.components.recorder.models import StatisticMeanType
        from homeassistant.components.recorder.statistics import async_add_external_statistics

        for person_id, snapshot in self._coordinator.data.people.items():
            log = self._coordinator.readings.of(person_id)
            before = log.revision - self._news_of(person_id)
            hours_changed = log.hours_changed_since(before, dt_util.utcnow())
            self._told[person_id] = log, log.revision
            if not hours_changed:
                continue
            who = device_ref(self._hass, self._coordinator, snapshot)
            what = localize(self._hass, "glucose_delayed")
            metadata: StatisticMetaData = {
                "statistic_id": _statistic_id(self._entry, person_id, "glucose"),
                "source": DOMAIN,
                "name": _name(self._hass, who, what),
                "mean_type": StatisticMeanType.ARITHMETIC,
                "has_sum": False,
                "unit_class": BloodGlucoseConcentrationConverter.UNIT_CLASS,
                "unit_of_measurement": MG_DL,
            }
            rows: list[StatisticData] = [
                {"start": one.start, "mean": one.mean, "min": one.lowest, "max": one.highest}
                for one in hours_changed
            ]
            async_add_external_statistics(self._hass, metadata, rows)


class _Counting(_Recording):
    """The counts of a source's alerts, as far as the recorder has them."""

    def __init__(self, hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
        super().__init__(hass, entry)
        self._ledger = self._coordinator.store.ledger
        self._counted: dict[AlertKey, list[Hour]] = {}
        self._seen: object = None

    @override
    def _has_changed(self) -> bool:
        return self._ledger.alerts() is not self._seen

    @override
    def _record_changes(self) -> None:
        self._seen = alerts = self._ledger.alerts()
        by_topic: dict[AlertKey, list[Alert]] = {}
        for alert in alerts:
            # What two devices recorded is one alert.
            is_witness = self._ledger.delivery(alert.alert_id) is Delivery.WITNESS
            if self._coordinator.counts(alert) and not is_witness:
                by_topic.setdefault(AlertKey.of(alert), []).append(alert)
        for topic, theirs in by_topic.items():
            snapshot = self._coordinator.data.people.get(topic.person_id)
            if snapshot is None:
                continue
            now = hours(theirs, before=self._ledger.forgotten[topic])
            changed = changed_since(now, self._counted.get(topic, []))
            self._counted[topic] = now
            if changed:
                self._record(topic, device_ref(self._hass, self._coordinator, snapshot), changed)

    def _record(self, topic: AlertKey, who: DeviceRef, changed: Sequence[Hour]) -> None:
        from homeassistant.components.recorder.models import StatisticMeanType
        from homeassistant.components.recorder.statistics import async_add_external_statistics

        what = localize_alert(self._hass, topic.alert_type)
        metadata: StatisticMetaData = {
            "statistic_id": _statistic_id(self._entry, topic.person_id, topic.alert_type),
            "source": DOMAIN,
            "name": _name(self._hass, who, what),
            "mean_type": StatisticMeanType.NONE,
            "has_sum": True,
            "unit_class": None,
            "unit_of_measurement": None,
        }
        rows: list[StatisticData] = [
            {"start": hour.start, "state": hour.total, "sum": hour.total} for hour in changed
        ]
        async_add_external_statistics(self._hass, metadata, rows)


async def async_forget_statistics(hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
    """Leave nothing behind."""
    if "recorder" not in hass.config.components:
        return
    from homeassistant.components.recorder.statistics import async_list_statistic_ids
    from homeassistant.helpers.recorder import get_instance

    ours = _prefix(entry)
    statistic_ids = [
        one["statistic_id"]
        for one in await async_list_statistic_ids(hass)
        if one["statistic_id"].startswith(ours)
    ]
    if statistic_ids:
        get_instance(hass).async_clear_statistics(statistic_ids)


def _prefix(entry: CareAlertsConfigEntry) -> str:
    return f"{DOMAIN}:{slugify(entry.entry_id)}_"


def _statistic_id(entry: CareAlertsConfigEntry, person_id: str, what: str) -> str:
    before, who = _prefix(entry), slugify(person_id)
    if len(f"{before}{who}_{what}") > LONGEST:
        who = sha256(person_id.encode()).hexdigest()
    return f"{before}{who}_{what}"


def _name(hass: HomeAssistant, who: DeviceRef, what: str) -> str:
    """Whose statistics of what they are; a name that is too long is cut, as PostgreSQL cuts texts at a NUL."""
    person = who.name.partition("\0")[0]
    too_long = len(localize(hass, "alert_title", person=person, alert=what)) - LONGEST
    if too_long > 0:
        person = person[:-too_long]
    return localize(hass, "alert_title", person=person, alert=what)
