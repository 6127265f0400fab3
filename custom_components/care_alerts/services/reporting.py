"""The action `get_report`: what there was of people in a time, who answered, and how much of it data cover."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_READ
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonValueType

from ..alerts import ledger, readings
from ..alerts.alert import Alert
from ..alerts.glucose import MG_DL, converted, rounded
from ..alerts.nights import night_of
from ..alerts.readings import KeptReading, KeptThreshold
from ..alerts.report import (
    BAND_LIMITS,
    HIGH,
    LOW,
    Band,
    EpisodeReport,
    GlucoseReport,
    GlucoseTime,
    NightReport,
    Outcome,
    Report,
    percent,
)
from ..responses.episodes import people_once, unit_of_person
from ..responses.permissions import may
from ..responses.person_report import AsOneHas, report_maker
from ..sources.targets import device_ref
from .history import ATTR_END, ATTR_START, SPAN_FIELDS, time_kept
from .targets import Targeted, aim_at_others, caller, meant_of, targeted

GET_REPORT: Final = "get_report"

GET_REPORT_SCHEMA = cv.make_entity_service_schema(SPAN_FIELDS)


async def get_report(call: ServiceCall) -> ServiceResponse:
    """Return `{start, end, alerts_kept_from, readings_kept_from, people}`, of `start` <= time < `end`.

    `start` and `end` are those asked for as far as anything is kept, and has been; `alerts_kept_from` and
    `readings_kept_from` are None unless more was asked for. Whoever several sources have is one person. A person has
    `glucose` (None of whom there never is any), `episodes`, `alerts`, `nights` and what is of all of these. Minutes and
    percentages have one decimal, and only nothing is 0 %, only all 100 %; each `..._percent` has a `coverage_percent` beside it, and is None where no data are.

    Raises:
        ServiceValidationError: the start is not before the end, or nothing of the time is kept; or as `targeted`.
        Unauthorized, UnknownUser: as `targeted`.

    """
    now = dt_util.utcnow()
    asked_from, until = _asked_for(call, now)
    found = await targeted(call, POLICY_READ)
    start, end = time_kept(asked_from, until, now, ledger.KEPT_FOR)
    alerts_from, readings_from = now - ledger.KEPT_FOR, now - readings.KEPT_FOR
    user = await caller(call)
    # All that is known, before anything is waited for: a source may be gone after that.
    asked = [
        _Asked.of(call.hass, parts, start, end, are_one=are_one)
        for parts, are_one in _people(call, found, user)
    ]
    reports = await call.hass.async_add_executor_job(lambda: [one.make() for one in asked])
    people: list[JsonValueType] = [
        one.about | _of_all(report, one.unit) for one, report in zip(asked, reports, strict=True)
    ]
    return {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "alerts_kept_from": alerts_from.isoformat() if asked_from < alerts_from else None,
        "readings_kept_from": readings_from.isoformat() if asked_from < readings_from else None,
        "people": people,
    }


def _asked_for(call: ServiceCall, now: datetime) -> tuple[datetime, datetime]:
    """The time asked for: the last night before its end, if there is no start."""
    start: datetime | None = call.data.get(ATTR_START)
    end: datetime | None = call.data.get(ATTR_END)
    until = end or now
    if start:
        return start, until
    begins, ends = night_of(until, dt_util.get_default_time_zone())
    return begins, until if end else ends


def _people(
    call: ServiceCall, found: Sequence[Targeted], user: User | None
) -> Iterator[tuple[list[AsOneHas], bool]]:
    """Each person who is meant once, with what all sources have of them that this user may see, and if several have them.

    What is exempt is left out, whichever source has it.
    """
    hass, others = call.hass, aim_at_others(call)
    exempt = {
        (one.coordinator.config_entry.entry_id, person_id): one.exempt.get(person_id, frozenset())
        for one in found
        for person_id in one.everybody
    }
    meant = (
        (one.coordinator, one.coordinator.data.people[person_id])
        for one in found
        for person_id in one.everybody
    )
    for theirs, are_one in people_once(hass, meant):
        known = [
            (coordinator, person, (coordinator.config_entry.entry_id, person.person.person_id))
            for coordinator, person in theirs
        ]
        # Another source's alert types have the same names.
        all_exempt = frozenset[str]().union(*(exempt.get(key, ()) for *_, key in known))
        parts = []
        for coordinator, person, key in known:
            there = meant_of(hass, others, coordinator, person)
            if key in exempt:
                parts.append(AsOneHas(coordinator, person, exempt[key]))
            elif there.is_whole and may(hass, user, POLICY_READ, there.where.device_id):
                parts.append(AsOneHas(coordinator, person, there.exempt | all_exempt))
        yield parts, are_one


@dataclass(frozen=True, slots=True)
class _Asked:
    """Somebody of whom a report is wanted: what is said of them, what makes it, and the unit of their glucose."""

    about: dict[str, Any]
    make: Callable[[], Report]
    unit: str

    @classmethod
    def of(
        cls,
        hass: HomeAssistant,
        parts: Sequence[AsOneHas],
        start: datetime,
        end: datetime,
        *,
        are_one: bool,
    ) -> Self:
        """What is known of them now; called and measured as by who speaks of the present."""
        coordinator, person = parts[0].coordinator, parts[0].person
        reach = [at for one in parts if (at := one.person.freshness.data_through)]
        about = {
            **device_ref(hass, coordinator, person).as_data,
            "device_ids": [
                device_ref(hass, one.coordinator, one.person).device_id for one in parts
            ],
            "source": ", ".join(one.coordinator.config_entry.title for one in parts),
            "data_through": _iso(max(reach, default=None)),
        }
        make = report_maker(parts, start=start, end=end, are_one=are_one)
        return cls(about, make, unit_of_person(hass, coordinator, person))


def _of_all(report: Report, unit: str) -> dict[str, JsonValueType]:
    glucose = report.glucose
    coverage = glucose.time.coverage if glucose else None
    return {
        "glucose": _glucose(glucose, unit) if glucose else None,
        "alerts": report.alerts,
        "alerts_per_night": _number(report.alerts_per_night),
        "whole_nights": len(report.whole_nights),
        "outcomes": {outcome.value: report.count(outcome) for outcome in Outcome},
        "unanswered_percent": _percent(report.unanswered),
        "coverage_percent": _percent(coverage),
        "episodes": [_episode(episode) for episode in report.episodes],
        "nights": [_night(night) for night in report.nights],
    }


def _glucose(glucose: GlucoseReport, unit: str) -> dict[str, JsonValueType]:
    return {
        "unit": unit,
        **_time(glucose.time),
        "bands": {
            band.value: {
                "minutes": _number(minutes),
                "percent": _percent(glucose.time.share(minutes)),
            }
            for band, minutes in glucose.time.bands.items()
        },
        "readings": glucose.readings,
        "lowest": _reading(glucose.lowest, unit),
        "highest": _reading(glucose.highest, unit),
        "counts_as_below": _limits(glucose.below, LOW, unit),
        "counts_as_above": _limits(glucose.above, HIGH, unit),
        "hours": [
            {"hour": one.hour, **_time(one.time), "days_below": one.days_below}
            for one in glucose.hours
        ],
    }


def _time(time: GlucoseTime) -> dict[str, JsonValueType]:
    return {
        "minutes": _number(time.minutes),
        "covered_minutes": _number(time.covered),
        "coverage_percent": _percent(time.coverage),
        "minutes_below": _number(time.below),
        "percent_below": _percent(time.share(time.below)),
        "minutes_above": _number(time.above),
        "percent_above": _percent(time.share(time.above)),
    }


def _reading(reading: KeptReading | None, unit: str) -> JsonValueType:
    if reading is None:
        return None
    return {
        "value": rounded(converted(reading.mg_dl, MG_DL, unit), unit),
        "observed_at": reading.observed_at.isoformat(),
        "out_of_range": reading.out_of_range and reading.out_of_range.value,
    }


def _limits(limits: Sequence[KeptThreshold | None], kind: str, unit: str) -> list[JsonValueType]:
    """What counted: the person's own thresholds (`own`: at or beyond them), or the consensus's (beyond them)."""
    band = Band.LOW if kind == LOW else Band.HIGH
    found: list[JsonValueType] = []
    for one in limits:
        own = one.value if one else None
        value = (
            converted(BAND_LIMITS[band], MG_DL, unit)
            if one is None or own is None
            else converted(own, one.unit, unit)
        )
        found.append(
            {
                "rule": "own" if one else "consensus",
                "value": rounded(value, unit),
                "since": _iso(one.since_at) if one else None,
            }
        )
    return found


def _episode(one: EpisodeReport) -> JsonValueType:
    episode, answer = one.episode, one.answer
    after = one.answered_after
    return {
        "episode_id": episode.episode_id,
        "ids": [*sorted(episode.ids)],
        "alert_type": episode.topic.alert_type,
        "severity": episode.severity.value,
        "opened_at": episode.opened.observed_at.isoformat(),
        "ended_at": _iso(episode.ended_at),
        "end_reason": episode.end_reason and episode.end_reason.value,
        "is_open": episode.is_open,
        "late": episode.is_late,
        "told_at": _iso(one.told_at),
        "answered_by": answer.by.name if answer else None,
        "answered_via": answer.by.via.value if answer else None,
        "answered_at": _iso(answer.at if answer else None),
        "answered_after_seconds": None if after is None else round(after.total_seconds()),
        "note": answer.note if answer else None,
        "outcome": one.outcome.value,
        "slept_through": one.outcome is Outcome.UNANSWERED,
        "witnesses": _witnesses(one),
    }


def _witnesses(one: EpisodeReport) -> list[JsonValueType]:
    """What each source has first said of it."""
    first: dict[Hashable, Alert] = {}
    for witness in sorted(one.witnesses, key=lambda known: known.episode.opened.observed_at):
        first.setdefault(witness.source, witness.episode.opened)
    return [
        {
            "source": alert.source,
            "observed_at": alert.observed_at.isoformat(),
            "received_at": alert.received_at.isoformat(),
        }
        for alert in first.values()
    ]


def _night(night: NightReport) -> JsonValueType:
    of_glucose: dict[str, Any] = _time(night.time) if night.time else {}
    return {
        "start": night.start.isoformat(),
        "end": night.end.isoformat(),
        "is_whole": night.is_whole,
        "alerts": night.alerts,
        **of_glucose,
    }


def _percent(share: float | None) -> float | None:
    return None if share is None else percent(share, 1)


def _number(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
