"""Long-term statistics: alerts a day by type, per person, filled in from what the ledger holds.

They are external statistics, so that an alert that reached us late is counted when it was observed. Without
the recorder there are none.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import slugify

from .alerts.alert import Alert, AlertKey
from .alerts.counts import Hour, changed_since, hours
from .alerts.ledger import Delivery
from .const import DOMAIN
from .responses.localize import localize, localize_alert
from .sources.coordinator import CareAlertsConfigEntry
from .sources.targets import DeviceRef, device_ref

if TYPE_CHECKING:
    from homeassistant.components.recorder.models import StatisticData, StatisticMetaData

COUNTED_WITHIN: Final = 30
"""Seconds."""


@callback
def async_keep_statistics(hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
    """Count a source's alerts, those there were and those to come."""
    if "recorder" in hass.config.components:
        entry.async_on_unload(_Counting(hass, entry).start())


class _Counting:
    """The counts of a source's alerts, as far as the recorder has them."""

    def __init__(self, hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
        self._hass = hass
        self._entry = entry
        self._coordinator = entry.runtime_data
        self._ledger = self._coordinator.store.ledger
        self._counted: dict[AlertKey, list[Hour]] = {}
        self._seen: object = None
        self._cancel: CALLBACK_TYPE | None = None

    @callback
    def start(self) -> CALLBACK_TYPE:
        """Count, and go on counting; returns the way to end that."""
        self._count()
        stop_listening = self._coordinator.async_add_listener(self._count_soon)

        @callback
        def stop() -> None:
            stop_listening()
            if self._cancel:
                self._cancel()

        return stop

    @callback
    def _count_soon(self) -> None:
        # Whoever waits for an alert goes first.
        if self._cancel is None and self._ledger.alerts() is not self._seen:
            self._cancel = async_call_later(self._hass, COUNTED_WITHIN, self._count)

    @callback
    def _count(self, _: datetime | None = None) -> None:
        self._cancel, self._seen = None, (alerts := self._ledger.alerts())
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
            "statistic_id": _statistic_id(self._entry, topic),
            "source": DOMAIN,
            "name": localize(self._hass, "alert_title", person=who.name, alert=what),
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


def _statistic_id(entry: CareAlertsConfigEntry, topic: AlertKey) -> str:
    return f"{_prefix(entry)}{slugify(topic.person_id)}_{topic.alert_type}"
