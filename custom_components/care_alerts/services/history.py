"""The action `get_alerts`: alerts held, and Lumen's days."""

from datetime import date, datetime, timedelta
from typing import Any, Final

from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_READ
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonValueType
import voluptuous as vol

from ..alert_filter import AlertFilter, filter_fields
from ..alerts.alert import Alert
from ..alerts.ledger import KEPT_FOR
from ..alerts.response_log import Episode
from ..const import DOMAIN
from ..durations import DAYS, moment
from ..event_data import response_to
from ..responses.episodes import elsewhere_since, people_as
from ..responses.news import is_news
from ..responses.permissions import may
from ..sources.coordinator import SourceCoordinator
from ..sources.source import AlertsBetween
from ..sources.targets import device_ref
from .targets import Targeted, caller, targeted

GET_ALERTS: Final = "get_alerts"
ATTR_START: Final = "start"
ATTR_END: Final = "end"
ATTR_DATE: Final = "date"

SPAN_FIELDS: Final = {vol.Optional(ATTR_START): moment, vol.Optional(ATTR_END): moment}
"""From when on, and before when: aware UTC."""

GET_ALERTS_SCHEMA = cv.make_entity_service_schema(
    {
        vol.Optional(ATTR_DATE): vol.All(cv.date, DAYS),
        **SPAN_FIELDS,
        **filter_fields(drills=False),
    }
)


def time_kept(
    start: datetime, end: datetime, now: datetime, kept_for: timedelta
) -> tuple[datetime, datetime]:
    """What of the time from `start` to before `end` has been, and is kept.

    Raises:
        ServiceValidationError: the start is not before the end, or nothing of it is.

    """
    if start >= end:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="start_after_end")
    start, end = max(start, now - kept_for), min(end, now)
    if start >= end:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="nothing_kept",
            translation_placeholders={"days": str(kept_for.days)},
        )
    return start, end


async def get_alerts(call: ServiceCall) -> ServiceResponse:
    """Return `{alerts, episodes, unavailable}`.

    `alerts`: event data + `device_id`, `person`, `is_news` and what is known of the episode, oldest first; `episodes`:
    theirs, each with the `severity` of its worst alert; `unavailable`: days that could not be had
    (ISO dates).
    """
    now = dt_util.utcnow()
    wanted = AlertFilter.of(call.data)
    found: list[tuple[Alert, dict[str, Any]]] = []
    episodes: dict[str, dict[str, JsonValueType]] = {}
    unavailable: set[str] = set()
    user = await caller(call)
    for one in await targeted(call, POLICY_READ):
        between = await _alerts_asked_for(one.coordinator, call)
        people = one.everybody
        unavailable.update(between.unavailable)
        since = min((alert.observed_at for alert in between.alerts), default=now)
        elsewhere = _elsewhere(call.hass, user, one, since, now)
        for alert in between.alerts:
            if (
                alert.person_id not in people
                or one.exempts(alert.person_id, alert.alert_type)
                or not wanted.takes(alert.alert_type, alert.severity, drill=alert.drill)
            ):
                continue
            person = people[alert.person_id].as_data
            episode = one.coordinator.episode_of(alert, now)
            response = response_to(episode)
            others = elsewhere.get(episode.episode_id, ()) if episode else ()
            news = {"is_news": is_news(alert, others)}
            found.append((alert, alert.as_event() | person | response | news))
            if episode and episode.episode_id not in episodes:
                episodes[episode.episode_id] = {
                    "source": alert.source,
                    "alert_type": alert.alert_type,
                    "drill": alert.drill,
                    "severity": episode.severity.value,
                    **person,
                    **response,
                }
    # Of one moment the worst first.
    found.sort(key=lambda item: (item[0].observed_at, -item[0].severity.rank))
    return {
        "alerts": [alert for _, alert in found],
        "episodes": [*episodes.values()],
        "unavailable": [*sorted(unavailable)],
    }


def _elsewhere(
    hass: HomeAssistant, user: User | None, targeted: Targeted, since: datetime, now: datetime
) -> dict[str, list[Episode]]:
    """What other sources have of episodes here, by their ids, as far as the user may see it."""
    found: dict[str, list[Episode]] = {}
    for person_id, person in targeted.coordinator.data.people.items():
        if person_id in targeted.everybody:
            theirs = [
                (coordinator, known)
                for coordinator, known in people_as(hass, targeted.coordinator, person)
                if may(hass, user, POLICY_READ, device_ref(hass, coordinator, known).device_id)
            ]
            found |= elsewhere_since(theirs, since, now)
    return found


async def _alerts_asked_for(coordinator: SourceCoordinator, call: ServiceCall) -> AlertsBetween:
    day: date | None = call.data.get(ATTR_DATE)
    start: datetime | None = call.data.get(ATTR_START)
    end: datetime | None = call.data.get(ATTR_END)
    if day is not None:
        if start or end:
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="date_or_start")
        return await _alerts_of(coordinator, day)
    until = end or dt_util.utcnow()
    since = start or until - KEPT_FOR
    if since >= until:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="start_after_end")
    return await _alerts_between(coordinator, since, until)


async def _alerts_between(
    coordinator: SourceCoordinator, start: datetime, end: datetime
) -> AlertsBetween:
    """The alerts with `start` <= `observed_at` < `end`: what is held, and what the source's archive has besides."""
    held = [alert for alert in coordinator.ledger.alerts() if start <= alert.observed_at < end]
    if archive := coordinator.source.archive:
        more = await archive.between(start, end)
        return AlertsBetween([*held, *more.alerts], more.unavailable)
    return AlertsBetween(held, [])


async def _alerts_of(coordinator: SourceCoordinator, day: date) -> AlertsBetween:
    """The alerts of a calendar day here; a source with an archive may have days of its own."""
    if archive := coordinator.source.archive:
        return await archive.of(day)
    start, end = map(dt_util.start_of_local_day, (day, day + timedelta(days=1)))
    return await _alerts_between(coordinator, dt_util.as_utc(start), dt_util.as_utc(end))
