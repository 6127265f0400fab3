"""Announcement: what happened, on the event bus, where the logbook and the triggers hear it."""

from datetime import datetime
from typing import Any, Final

from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID, Platform
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util

from .alerts.acknowledgement import Actor
from .alerts.alert import Alert, AlertKey, Person
from .alerts.domain_events import (
    AcknowledgementUndone,
    AlertAcknowledged,
    AlertEnded,
    AlertReceived,
    DomainEvent,
    Snoozed,
    SourceRecovered,
    SourceSilent,
    Unsnoozed,
)
from .alerts.freshness import Freshness
from .alerts.response_log import Episode
from .alerts.snapshot import PersonSnapshot
from .alerts.snooze import Snooze
from .const import DOMAIN
from .responses.localize import localize, localize_alert, localize_status
from .seal import SEAL
from .sources.coordinator import CareAlertsConfigEntry, SourceCoordinator
from .sources.identifiers import source_unique_id
from .sources.signals import SIGNAL_ANNOUNCED, SIGNAL_EPISODES_CHANGED, SIGNAL_REMIND
from .sources.targets import device_ref, event_of, sensor_of

EVENT_ALERT_RECEIVED: Final = "care_alerts_alert_received"
EVENT_ALERT_ENDED: Final = "care_alerts_alert_ended"
EVENT_ALERT_ACKNOWLEDGED: Final = "care_alerts_alert_acknowledged"
EVENT_ACKNOWLEDGEMENT_UNDONE: Final = "care_alerts_acknowledgement_undone"
EVENT_SNOOZED: Final = "care_alerts_snoozed"
EVENT_UNSNOOZED: Final = "care_alerts_unsnoozed"
EVENT_SOURCE_SILENT: Final = "care_alerts_source_silent"
EVENT_SOURCE_RECOVERED: Final = "care_alerts_source_recovered"


@callback
def async_fire_events(hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
    """Announce what happens to a source's alerts from now on."""
    coordinator = entry.runtime_data

    @callback
    def episodes_changed() -> None:
        async_dispatcher_send(hass, SIGNAL_EPISODES_CHANGED, coordinator)

    def announce(event: DomainEvent, context: Context | None) -> None:
        event_type, data = _event(hass, coordinator, event)
        hass.data[SEAL].fire(hass, event_type, data, context)
        async_dispatcher_send(hass, SIGNAL_ANNOUNCED, coordinator, event)

    def remind(since: datetime | None) -> None:
        async_dispatcher_send(hass, SIGNAL_REMIND, coordinator, since)

    coordinator.announcer.fire_with(announce, remind)
    entry.async_on_unload(coordinator.async_add_listener(episodes_changed))


def _event(
    hass: HomeAssistant, coordinator: SourceCoordinator, event: DomainEvent
) -> tuple[str, dict[str, Any]]:
    match event:
        case AlertReceived():
            announcement = event.announcement
            alert = announcement.alert
            data = about_alert(
                hass, coordinator, alert, event.episode, redelivered=announcement.redelivered
            )
            return EVENT_ALERT_RECEIVED, data | {
                "silenced": event.silenced,
                "opened_episode": event.episode is not None and event.episode.opened == alert,
            }
        case AlertEnded():
            return EVENT_ALERT_ENDED, about_episode(hass, coordinator, event.episode)
        case AlertAcknowledged():
            return EVENT_ALERT_ACKNOWLEDGED, about_episode(hass, coordinator, event.episode)
        case AcknowledgementUndone():
            data = about_episode(hass, coordinator, event.episode)
            return EVENT_ACKNOWLEDGEMENT_UNDONE, data | _by(event.by)
        case Snoozed():
            data = about_snooze(hass, coordinator, event.snooze)
            return EVENT_SNOOZED, data | _by(event.snooze.by)
        case Unsnoozed():
            data = about_snooze(hass, coordinator, event.snooze)
            return EVENT_UNSNOOZED, data | _by(event.by)
        case SourceSilent():
            return EVENT_SOURCE_SILENT, about_source(hass, coordinator, event.freshness)
        case SourceRecovered():
            return EVENT_SOURCE_RECOVERED, about_source(hass, coordinator, event.freshness)


def _by(actor: Actor) -> dict[str, Any]:
    return {"by": actor.name, "via": actor.via.value}


def about_episode(
    hass: HomeAssistant, coordinator: SourceCoordinator, episode: Episode
) -> dict[str, Any]:
    """What there is to say of an episode: its newest alert, and what has been done about it; late if all of it was."""
    return about_alert(hass, coordinator, episode.last_seen, episode) | {"late": episode.is_late}


def about_alert(
    hass: HomeAssistant,
    coordinator: SourceCoordinator,
    alert: Alert,
    episode: Episode | None,
    *,
    redelivered: bool = False,
) -> dict[str, Any]:
    """What there is to say of an alert, as triggers have it: strings, booleans, None, and the alert's event data."""
    person_id = alert.person_id
    where = device_ref(hass, coordinator, _snapshot_of(coordinator, person_id))
    event_entity_id = event_of(hass, coordinator, person_id)
    alert_name = localize_alert(hass, alert.alert_type)
    title = localize(hass, "alert_title", person=where.name, alert=alert_name)
    return {
        "alert": alert.as_event(
            episode_id=episode.episode_id if episode else None, redelivered=redelivered
        ),
        "alert_name": alert_name,
        "title": localize(hass, "drill_title", title=title) if alert.drill else title,
        "person": where.name,
        "source": coordinator.config_entry.title,
        ATTR_ENTITY_ID: sensor_of(hass, coordinator, person_id, alert.alert_type)
        or event_entity_id,
        "event_entity_id": event_entity_id,
        ATTR_DEVICE_ID: where.device_id,
        "source_device_id": where.source_device_id,
        "tag": where.tag(AlertKey.of(alert)),
        "late": alert.late,
        "severity": (episode.severity if episode else alert.severity).value,
        **response_to(episode),
    }


def response_to(episode: Episode | None) -> dict[str, Any]:
    """Which episode it is, when it was, and what has been done about it; all None without one."""
    acknowledgement = episode.acknowledgement if episode else None
    until = episode.snoozed_until if episode else None
    return {
        "episode_id": episode and episode.episode_id,
        "since": episode and episode.opened.observed_at.isoformat(),
        "last_seen": episode and episode.last_seen.observed_at.isoformat(),
        "ended_at": _iso(episode.ended_at if episode else None),
        "end_reason": episode and episode.end_reason and episode.end_reason.value,
        "handled_on_device_at": _iso(episode.handled_at if episode else None),
        "acknowledged": acknowledgement is not None,
        "acknowledged_by": acknowledgement and acknowledgement.by.name,
        "acknowledged_via": acknowledgement and acknowledgement.by.via.value,
        "acknowledged_at": _iso(acknowledgement.at if acknowledgement else None),
        "note": acknowledgement and acknowledgement.note,
        # The snapshot it is from may have been made before the snooze was over.
        "snoozed_until": _iso(until) if until and until > dt_util.utcnow() else None,
    }


def about_snooze(
    hass: HomeAssistant, coordinator: SourceCoordinator, snooze: Snooze
) -> dict[str, Any]:
    """What there is to say of a snooze: of one alert, of a person, or of a source; `tags`: of what it silences."""
    data: dict[str, Any] = {
        "source": coordinator.config_entry.title,
        "source_device_id": coordinator.source_device_id,
        "until": snooze.until.isoformat(),
        "tags": [
            device_ref(hass, coordinator, snapshot).tag(topic)
            for snapshot in coordinator.data.people.values()
            for topic, episode in snapshot.episodes.items()
            if episode.is_open and snooze.silences(topic, episode.severity, episode.ids)
        ],
    }
    person_id = snooze.topic.person_id if snooze.topic else snooze.person_id
    if person_id is None:
        return data | {
            "scope": "source",
            ATTR_ENTITY_ID: _silent_of(hass, coordinator),
            ATTR_DEVICE_ID: coordinator.source_device_id,
        }
    where = device_ref(hass, coordinator, _snapshot_of(coordinator, person_id))
    data |= where.as_data
    if snooze.topic is None:
        return data | {"scope": "person", ATTR_ENTITY_ID: event_of(hass, coordinator, person_id)}
    alert_type = snooze.topic.alert_type
    return data | {
        "scope": "alert",
        "alert_type": alert_type,
        "alert_name": localize_alert(hass, alert_type),
        "drill": snooze.topic.drill,
        ATTR_ENTITY_ID: sensor_of(hass, coordinator, person_id, alert_type)
        or event_of(hass, coordinator, person_id),
    }


def about_source(
    hass: HomeAssistant, coordinator: SourceCoordinator, freshness: Freshness
) -> dict[str, Any]:
    """What there is to say of a source that has fallen silent, or speaks again."""
    reason = freshness.status.value if freshness.silent else None
    return {
        "source": coordinator.config_entry.title,
        ATTR_DEVICE_ID: coordinator.source_device_id,
        "source_device_id": coordinator.source_device_id,
        ATTR_ENTITY_ID: _silent_of(hass, coordinator),
        "reason": reason,
        "reason_name": reason and localize_status(hass, reason),
        "silent_people": sorted(
            device_ref(hass, coordinator, _snapshot_of(coordinator, person_id)).name
            for person_id in freshness.silent_people
        ),
        "data_through": _iso(freshness.data_through),
        "last_contact": _iso(freshness.last_contact),
    }


def _snapshot_of(coordinator: SourceCoordinator, person_id: str) -> PersonSnapshot:
    """Somebody as last heard of; of those who are gone, nothing but that they were there."""
    return coordinator.data.people.get(person_id) or PersonSnapshot(
        person=Person(person_id, coordinator.config_entry.title), conditions={}, last_alert=None
    )


def _silent_of(hass: HomeAssistant, coordinator: SourceCoordinator) -> str | None:
    return er.async_get(hass).async_get_entity_id(
        Platform.BINARY_SENSOR, DOMAIN, source_unique_id(coordinator.config_entry, "silent")
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
