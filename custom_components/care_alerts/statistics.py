"""Long-term statistics: alerts a day by type, per person, filled in from what the ledger holds.

They are external statistics, so that an alert that reached us late is counted when it was observed. Without
the recorder there are none.
"""

from typing import TYPE_CHECKING

from homeassistant.core import HomeAssistant, callback
from homeassistant.util import slugify

from .alerts.counts import Hour, changed_since, hours
from .alerts.model import Alert, Topic
from .const import DOMAIN
from .providers.coordinator import CareAlertsConfigEntry
from .targets import whereabouts
from .words import alert_in_words, say

if TYPE_CHECKING:
    from homeassistant.components.recorder.models import StatisticData, StatisticMetaData


@callback
def async_keep_statistics(hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
    """Count a source's alerts, those there were and those to come."""
    if "recorder" not in hass.config.components:
        return
    from homeassistant.components.recorder.models import StatisticMeanType
    from homeassistant.components.recorder.statistics import async_add_external_statistics

    coordinator = entry.runtime_data
    ledger = coordinator.journal.ledger
    counted: dict[Topic, list[Hour]] = {}
    seen: object = None

    @callback
    def count() -> None:
        nonlocal seen
        alerts = ledger.alerts()
        if alerts is seen:
            return
        seen = alerts
        by_topic: dict[Topic, list[Alert]] = {}
        for alert in alerts:
            if coordinator.counts(alert):
                by_topic.setdefault(Topic.of(alert), []).append(alert)
        for topic, theirs in by_topic.items():
            picture = coordinator.data.people.get(topic.person_id)
            if picture is None:
                continue
            now = hours(theirs, before=ledger.forgotten[topic])
            changed = changed_since(now, counted.get(topic, []))
            counted[topic] = now
            if not changed:
                continue
            who = whereabouts(hass, coordinator, picture).name
            what = alert_in_words(hass, topic.alert_type)
            metadata: StatisticMetaData = {
                "statistic_id": _statistic_id(entry, topic),
                "source": DOMAIN,
                "name": say(hass, "alert_title", person=who, alert=what),
                "mean_type": StatisticMeanType.NONE,
                "has_sum": True,
                "unit_class": None,
                "unit_of_measurement": say(hass, "alerts"),
            }
            rows: list[StatisticData] = [
                {"start": hour.start, "state": hour.total, "sum": hour.total} for hour in changed
            ]
            async_add_external_statistics(hass, metadata, rows)

    entry.async_on_unload(coordinator.async_add_listener(count))
    count()


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


def _statistic_id(entry: CareAlertsConfigEntry, topic: Topic) -> str:
    return f"{_prefix(entry)}{slugify(topic.person_id)}_{topic.alert_type}"
