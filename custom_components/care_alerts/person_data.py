"""A person as cards have them: how they are, how old that is, what goes on, and where trouble is mended."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from homeassistant.const import CONF_SOURCE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, issue_registry as ir

from .alerts.alert import Alert
from .alerts.freshness import Status
from .alerts.glucose import glucose_in, usual_unit
from .alerts.readings import GlucoseLog
from .alerts.response_log import Episode
from .alerts.snapshot import PersonSnapshot
from .const import DOMAIN
from .responses.episodes import SAME_PEOPLE, EpisodeRef, Need, need_at, refs_since, unit_of_person
from .responses.responder import RESPONDER
from .sources import SOURCES
from .sources.coordinator import CareAlertsConfigEntry, SourceCoordinator
from .sources.glucose import in_unit
from .sources.source_type import SourceType
from .sources.targets import sensor_of, sources, unit_of

NOT_RUNNING: Final = "not_running"

INTEGRATION_PAGE: Final = f"/config/integrations/integration/{DOMAIN}#config_entry="
REPAIRS_PAGE: Final = "/config/repairs"


@dataclass(frozen=True, slots=True)
class PersonRef:
    """Somebody who is looked after: their device and the entry of their source, with what it knows if it runs."""

    device: dr.DeviceEntry
    entry: CareAlertsConfigEntry
    person_id: str
    coordinator: SourceCoordinator | None

    @property
    def source_type(self) -> SourceType:
        """Which kind of source it is."""
        return SOURCES[self.entry.data[CONF_SOURCE]]

    @property
    def name(self) -> str:
        """What the user calls them."""
        return self.device.name_by_user or self.device.name or ""

    @property
    def snapshot(self) -> PersonSnapshot | None:
        """What is known of them; None while their source does not run, or once it speaks of them no more."""
        return self.coordinator.data.people.get(self.person_id) if self.coordinator else None

    @property
    def log(self) -> GlucoseLog | None:
        """Their readings; None while their source does not run."""
        return self.coordinator.readings.of(self.person_id) if self.coordinator else None


def find_person(hass: HomeAssistant, device_id: str) -> PersonRef | None:
    """Find somebody by their device, whether their source runs or not; None if it is nobody's."""
    device = dr.async_get(hass).async_get(device_id)
    if not isinstance(device, dr.DeviceEntry):
        return None
    entry = hass.config_entries.async_get_entry(device.config_entry_id)
    if entry is None or entry.domain != DOMAIN:
        return None
    running = {one.config_entry.entry_id: one for one in sources(hass)}
    kind = entry.data[CONF_SOURCE]
    for domain, identifier in device.identifiers:
        if domain == DOMAIN and identifier.startswith(f"{kind}_"):
            person_id = identifier.removeprefix(f"{kind}_")
            return PersonRef(device, entry, person_id, running.get(entry.entry_id))
    return None


def on_duty(hass: HomeAssistant, now: datetime) -> list[str]:
    """The names of whoever is on duty, as `sensor.on_duty` has them; nobody without a household."""
    household = hass.data[RESPONDER].household
    return household.names_on_duty(now) if household else []


def person_data(
    hass: HomeAssistant, ref: PersonRef, now: datetime, before: dict[str, Any] | None
) -> dict[str, Any]:
    """What there is to say of a person, for JSON; `before`: what was said when their source last ran."""
    status, silent = NOT_RUNNING, True
    snapshot = ref.snapshot
    if snapshot:
        status, silent = snapshot.freshness.status.value, snapshot.freshness.silent
    elif ref.coordinator:
        own = ref.coordinator.data.freshness.status
        status = (own if own.rank > Status.NO_NEW_DATA.rank else Status.NO_NEW_DATA).value
    if ref.coordinator:
        unit = (
            unit_of_person(hass, ref.coordinator, snapshot)
            if snapshot
            else unit_of(hass, ref.coordinator, ref.person_id)
        )
    else:
        unit = before["unit"] if before else usual_unit(hass.config.country)
    data = {
        "device_id": ref.device.id,
        "name": ref.name,
        "source": ref.source_type.key,
        "source_name": ref.source_type.device_name(ref.entry.title),
        "status": status,
        "silent": silent,
        "silent_reason": status if silent else None,
        "is_delayed": not ref.source_type.is_live,
        "unit": unit,
        "same_as": same_as(hass, ref),
        "way_out": _way_out(hass, ref.entry, status),
    }
    if snapshot:
        freshness = snapshot.freshness
        delay = freshness.delay
        return data | {
            "data_through": _iso(freshness.data_through),
            "delay": None if delay is None else delay.total_seconds(),
            "glucose": _glucose(ref, snapshot, unit, now),
            "thresholds": _thresholds(ref.log, unit),
        }
    known = before or {"data_through": None, "delay": None, "glucose": None, "thresholds": []}
    glucose = known["glucose"]
    return data | {
        "data_through": known["data_through"],
        "delay": known["delay"],
        "glucose": glucose and glucose | {"is_now": False, "until": None},
        "thresholds": known["thresholds"],
    }


def _glucose(
    ref: PersonRef, snapshot: PersonSnapshot, unit: str, now: datetime
) -> dict[str, Any] | None:
    glucose = snapshot.last_glucose or snapshot.glucose
    if glucose is None:
        return None
    kept = ref.log.at(glucose.observed_at) if ref.log is not None else None
    until = snapshot.glucose_now_until if ref.source_type.is_live else None
    is_now = until is not None and now < until and snapshot.freshness.believable
    return {
        "value": in_unit(glucose.value, glucose.unit, unit),
        "trend": glucose.trend and glucose.trend.value,
        "out_of_range": glucose.out_of_range and glucose.out_of_range.value,
        "observed_at": glucose.observed_at.isoformat(),
        "received_at": _iso(kept.received_at if kept else None),
        "is_now": is_now,
        "until": _iso(until) if is_now else None,
    }


def _thresholds(log: GlucoseLog | None, unit: str) -> list[dict[str, Any]]:
    return [
        {
            "kind": one.kind,
            "value": None if one.value is None else in_unit(one.value, one.unit, unit),
            "since": one.since_at.isoformat(),
        }
        for one in (log.thresholds if log is not None else ())
    ]


def _way_out(hass: HomeAssistant, entry: CareAlertsConfigEntry, status: str) -> str | None:
    """Where trouble is mended; None where there is none, or it has to be waited for."""
    if status in (Status.OK, Status.NO_NEW_DATA, Status.RATE_LIMITED):
        return None
    if status == Status.PERMISSION_LOST or any(
        domain == DOMAIN
        and entry.entry_id in issue_id
        and issue.active
        and issue.severity is ir.IssueSeverity.ERROR
        for (domain, issue_id), issue in ir.async_get(hass).issues.items()
    ):
        return REPAIRS_PAGE
    return f"{INTEGRATION_PAGE}{entry.entry_id}"


def episodes_data(
    hass: HomeAssistant, ref: PersonRef, unit: str, since: datetime, now: datetime
) -> list[dict[str, Any]]:
    """The episodes of a person that go on, or did since then, for JSON; oldest first."""
    if ref.coordinator is None or ref.snapshot is None:
        return []
    people = hass.data[SAME_PEOPLE].of(ref.device.id)
    own = [
        (one, part.episode)
        for one in refs_since(
            people or [(ref.coordinator, ref.snapshot)], since, now, are_one=bool(people)
        )
        for part in one.witnesses
        if part.coordinator is ref.coordinator and part.person.person.person_id == ref.person_id
    ]
    own.sort(key=lambda one: (one[1].opened.observed_at, one[1].topic))
    return [_episode(hass, ref.coordinator, one, episode, unit, now) for one, episode in own]


def same_as(hass: HomeAssistant, ref: PersonRef) -> list[str]:
    """The devices of what all sources have of somebody; empty if one alone has them."""
    devices = hass.data[SAME_PEOPLE].devices(ref.device.id)
    return [*devices] if len(devices) > 1 else []


def _episode(
    hass: HomeAssistant,
    coordinator: SourceCoordinator,
    of: EpisodeRef,
    episode: Episode,
    unit: str,
    now: datetime,
) -> dict[str, Any]:
    """An episode as its source has it, with what has been done about that which it is of the household."""
    topic, first, newest = episode.topic, episode.opened, episode.last_seen
    worst = first if newest.severity is not episode.severity is first.severity else newest
    need = need_at(of.episode, now)
    acknowledgement = of.episode.acknowledgement
    return {
        "episode_id": of.episode.episode_id,
        "ids": sorted(of.episode.ids),
        "alert_type": topic.alert_type,
        "subtype": worst.subtype and worst.subtype.lower(),
        "severity": episode.severity.value,
        "drill": topic.drill,
        "opened_at": episode.opened.observed_at.isoformat(),
        "received_at": episode.opened.received_at.isoformat(),
        "last_seen_at": newest.observed_at.isoformat(),
        "ended_at": _iso(of.episode.ended_at),
        "end_reason": of.episode.end_reason and of.episode.end_reason.value,
        "is_open": of.episode.is_open,
        "late": episode.is_late,
        "handled_on_device_at": _iso(episode.handled_at),
        "acknowledged_by": acknowledgement and acknowledgement.by.name,
        "acknowledged_at": _iso(acknowledgement.at if acknowledgement else None),
        "snoozed_until": _iso(of.episode.snoozed_until if need is Need.SNOOZED else None),
        "needs_somebody": need is Need.NEEDED,
        "entity_id": sensor_of(hass, coordinator, topic.person_id, topic.alert_type),
        **_glucose_of(newest, unit),
        "trend": newest.details.get("glucose_trend"),
        "first": _glucose_of(first, unit),
        "unit": unit,
        "is_worst": of.coordinator is coordinator and of.episode.topic == topic,
        "source": coordinator.source_type.name,
        "is_live": coordinator.source_type.is_live and not first.late,
    }


def _glucose_of(alert: Alert, unit: str) -> dict[str, Any]:
    """The glucose at the time of an alert, as far as its details have it."""
    details = alert.details
    glucose = glucose_in(details)
    return {
        "value": glucose and in_unit(*glucose, unit),
        "out_of_range": details.get("glucose_out_of_range", details.get("out_of_range")),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
