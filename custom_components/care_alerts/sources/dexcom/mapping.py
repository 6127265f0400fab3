"""What Dexcom's records mean: its alerts and glucose values as ours, and what they say of the wearer."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from operator import attrgetter
from typing import Any, Final, override

from ...alerts.alert import OTHER, Alert, AlertState, Person, Severity, in_order
from ...alerts.episode import (
    DeviceWord,
    Ending,
    EndReason,
    EpisodeSpan,
    derive_episodes,
    handled_at,
)
from ...alerts.freshness import DataFreshness
from ...alerts.glucose import Glucose, OutOfRange, Trend
from ...alerts.readings import KeptReading
from ...alerts.snapshot import AlertStatus, PersonSnapshot
from ..parsing import can_be_kept, snake_case
from .api import DexcomAlert, Egv, MadeFor
from .devices import device_in, told_apart

SOURCE: Final = "dexcom"

SEVERITY_OF: Final = {
    "urgent_low": Severity.HIGH,
    "urgent_low_soon": Severity.HIGH,
    "low": Severity.MEDIUM,
    "fixed_low": Severity.HIGH,
    "high": Severity.MEDIUM,
    "rise": Severity.MEDIUM,
    "fall": Severity.MEDIUM,
    "out_of_range": Severity.LOW,
    "no_readings": Severity.LOW,
}
"""How bad each of Dexcom's alerts is to us: Dexcom does not say."""

ALERT_TYPES: Final = tuple(SEVERITY_OF)

NOT_ON_ONE_PLUS: Final = frozenset({"urgent_low", "urgent_low_soon", "rise", "fall"})
"""What a Dexcom ONE+ does not alert to (vendor: alerts, "Notes")."""

STATE_OF: Final = {
    "activeAlarming": AlertState.ACTIVE,
    "activeSnoozed": AlertState.SNOOZED,
    "inactive": AlertState.ENDED,
}

TREND_OF: Final[Mapping[str | None, Trend]] = {
    "doubleUp": Trend.RISING_QUICKLY,
    "singleUp": Trend.RISING,
    "fortyFiveUp": Trend.RISING_SLIGHTLY,
    "flat": Trend.STEADY,
    "fortyFiveDown": Trend.FALLING_SLIGHTLY,
    "singleDown": Trend.FALLING,
    "doubleDown": Trend.FALLING_QUICKLY,
}

HOLD_TIME: Final = timedelta(minutes=120)
"""How long after it was observed an alert stands if Dexcom says nothing more of it."""

HOLD_TIME_HERE: Final = timedelta(minutes=60)
"""And how long after we had it, unless it came late."""

MORE_THAN_USUAL: Final = timedelta(hours=1)
"""So much later than usual is late for an alert, and silence for a source."""

SHOWN_FOR: Final = timedelta(hours=3)
"""So much later than usual, what the source said is no longer shown as a state."""

STANDS_AT_MOST: Final = timedelta(days=1)
"""So long after it was observed, at most, an alert stands that did not come late, whatever the hold time (ours)."""

EPISODES_OF: Final = timedelta(days=3)
"""How far back episodes are looked at one by one, beside the newest of each type."""

VALUE_BEFORE: Final = timedelta(minutes=10)
"""How old a glucose value may be to be the one at the time of an alert: one reading may be missing."""

_GLUCOSE_KEY: Final = {"mg/dL": "glucose_mg_dl", "mmol/L": "glucose_mmol_l"}

_CLOCK_SKEW: Final = timedelta(minutes=1)

_MOMENT: Final = timedelta.resolution


def data_freshness(
    data_through: datetime, usual: timedelta, delay: timedelta | None = None
) -> DataFreshness:
    """How long data that reach so far count. `usual`: what they need to us, as `delay` if that was measured."""
    return DataFreshness(
        data_through=data_through,
        next_due=data_through + usual + MORE_THAN_USUAL,
        valid_until=data_through + usual + SHOWN_FOR,
        delay=delay,
    )


def is_one_plus(made_for: MadeFor) -> bool:
    """Whether a record comes from a Dexcom ONE+."""
    return made_for.variant.casefold() == "d1+" or made_for.app.casefold().startswith("d1")


def glucose_of(egv: Egv) -> Glucose:
    """Dexcom's value as ours. Below 40 and above 400 mg/dL it only says so."""
    return Glucose(
        observed_at=egv.system_time,
        value=egv.value,
        unit=egv.unit,
        trend=TREND_OF.get(egv.trend),
        out_of_range=_out_of_range(egv),
    )


def kept_of(egv: Egv, received_at: datetime | None) -> KeptReading:
    """Dexcom's value for a curve; `received_at` as there."""
    return KeptReading.of(egv.system_time, received_at, egv.value, egv.unit, _out_of_range(egv))


def _out_of_range(egv: Egv) -> OutOfRange | None:
    status = egv.status
    if status == "low" or (egv.unit == "mg/dL" and egv.value < 40):
        return OutOfRange.LOW
    if status == "high" or egv.value > 400:
        return OutOfRange.HIGH
    return None


class Values:
    """Glucose values by time."""

    def __init__(self, egvs: Iterable[Egv]) -> None:
        """Hold them, in whatever order they came."""
        self._egvs = sorted(egvs, key=attrgetter("system_time"))
        self._times = [egv.system_time for egv in self._egvs]

    def at(self, moment: datetime) -> Egv | None:
        """The value that was there at a moment; None if there was none."""
        index = bisect_right(self._times, moment + _CLOCK_SKEW)
        if index and moment - self._times[index - 1] <= VALUE_BEFORE:
            return self._egvs[index - 1]
        return None

    def newest(self, now: datetime) -> Egv | None:
        """The newest value that is not of the future."""
        index = bisect_right(self._times, now + _CLOCK_SKEW)
        return self._egvs[index - 1] if index else None


def alert_of(
    record: DexcomAlert, person_id: str, received_at: datetime, *, usual: timedelta, values: Values
) -> Alert:
    """Dexcom's alert as ours, with the glucose value at its time. What the contract has no word for is kept in `details`."""
    alert_type = snake_case(record.alert_name)
    if alert_type not in SEVERITY_OF:
        alert_type = OTHER
    # A clock that is ahead must not make an alert the newest for ever.
    observed_at = min(record.system_time, received_at)
    return Alert(
        alert_id=record.record_id,
        source=SOURCE,
        person_id=person_id,
        alert_type=alert_type,
        # A name we do not know may be worse than any we do.
        severity=SEVERITY_OF.get(alert_type, Severity.MEDIUM),
        state=STATE_OF.get(record.alert_state, AlertState.UNKNOWN),
        observed_at=observed_at,
        received_at=received_at,
        late=received_at - observed_at > usual + MORE_THAN_USUAL,
        device=device_in(record.record),
        details=_Details(record, values.at(record.system_time)),
    )


class _Details(Mapping[str, Any]):
    """An alert's details, made when they are first asked for: a month's history has thousands that nobody asks for."""

    __slots__ = ("_made",)

    def __init__(self, record: DexcomAlert, egv: Egv | None) -> None:
        """Keep what they are made of: an alert, and the glucose value at its time."""
        self._made: dict[str, Any] | tuple[DexcomAlert, Egv | None] = (record, egv)

    def as_dict(self) -> dict[str, Any]:
        """All of them; Home Assistant asks for it where it writes JSON, in another thread."""
        made = self._made
        if isinstance(made, tuple):
            self._made = made = _details_of(*made)
        return made

    @override
    def __getitem__(self, name: str) -> Any:
        return self.as_dict()[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self.as_dict())

    @override
    def __len__(self) -> int:
        return len(self.as_dict())


def _details_of(record: DexcomAlert, egv: Egv | None) -> dict[str, Any]:
    details = record.other if can_be_kept(record.record) else {}
    details["alert_name"] = record.alert_name
    details["alert_state"] = record.alert_state
    if egv:
        details[_GLUCOSE_KEY[egv.unit]] = egv.value
        details["glucose_observed_at"] = egv.system_time.isoformat()
        details["glucose_trend"] = TREND_OF.get(egv.trend)
        details["glucose_out_of_range"] = _out_of_range(egv)
    return details


def is_active(alert: Alert) -> bool | None:
    """What a record says of its condition; one of an unknown state says nothing."""
    match alert.state:
        case AlertState.ACTIVE | AlertState.SNOOZED:
            return True
        case AlertState.ENDED:
            return False
        case _:
            return None


def stands_until(alert: Alert, hold: timedelta) -> datetime:
    """Until when an alert stands if nothing more is said of it. One that came late never stands for being new."""
    until = alert.observed_at + hold
    return until if alert.late else max(until, alert.received_at + HOLD_TIME_HERE)


def snapshot_of(
    person: Person,
    alerts: Sequence[Alert],
    now: datetime,
    *,
    hold: timedelta,
    one_plus: bool,
    glucose: Glucose | None,
    data: DataFreshness | None = None,
    looked_from: datetime | None = None,
) -> PersonSnapshot:
    """What Dexcom's alerts, in order, say of the wearer: each device's newest record of a type decides, for as long as it stands."""
    of_type: dict[str, list[Alert]] = {alert_type: [] for alert_type in (*ALERT_TYPES, OTHER)}
    for alert in alerts:
        if alert.alert_type in of_type:
            of_type[alert.alert_type].append(alert)
    conditions = {
        alert_type: _condition(theirs, now, hold)
        for alert_type, theirs in of_type.items()
        if theirs or not (one_plus and alert_type in NOT_ON_ONE_PLUS)
    }
    return PersonSnapshot(
        person=person,
        conditions=conditions,
        last_alert=alerts[-1] if alerts else None,
        glucose=glucose,
        data=data,
        looked_from=looked_from,
        changes_at=min(
            (
                stands_until(condition.current_alert, hold)
                for condition in conditions.values()
                if condition.current_alert
            ),
            default=None,
        ),
    )


def _condition(alerts: Sequence[Alert], now: datetime, hold: timedelta) -> AlertStatus:
    since = now - EPISODES_OF
    spans, current_alert = _episodes(_recent(alerts, since, hold), now, hold)
    if not spans:
        return AlertStatus(is_on=False)
    earlier = [span for span in spans[:-1] if _last_word(span) >= since]

    @cache
    def older() -> Sequence[EpisodeSpan]:
        return episodes_of(alerts, now, hold)[: -len(earlier) - 1]

    return AlertStatus(
        is_on=spans[-1].is_open,
        current_alert=current_alert,
        episode=spans[-1],
        earlier=tuple(earlier),
        older=older,
    )


def episodes_of(alerts: Sequence[Alert], now: datetime, hold: timedelta) -> list[EpisodeSpan]:
    """The episodes of alerts of one type, in order, oldest first: each lasts as long as any of the wearer's devices alarms."""
    return _episodes(alerts, now, hold)[0]


def _episodes(
    alerts: Sequence[Alert], now: datetime, hold: timedelta
) -> tuple[list[EpisodeSpan], Alert | None]:
    """The episodes, and the alert that stands now: of the devices' newest, the most alarming and of these the newest."""
    devices = told_apart(alerts)
    then: dict[int, datetime] = {}
    current_alert: list[Alert] = []
    endings: list[Ending] = []
    for alert in reversed(alerts):
        told = is_active(alert)
        if told is None:
            continue
        device = devices[alert.alert_id]
        # One that comes in the very moment in which the one before expires goes on with it.
        if told and (until := stands_until(alert, hold)) < then.get(device, now + _MOMENT):
            endings.append(Ending(until, EndReason.EXPIRED, device))
        elif told and device not in then:
            current_alert.append(alert)
        then[device] = alert.observed_at
    spans = derive_episodes(
        alerts, endings, is_active=is_active, device=lambda alert: devices[alert.alert_id]
    )
    if any(alert.state is AlertState.SNOOZED for alert in alerts):
        spans = [replace(one, handled_at=_handled_at(one.its_own(alerts))) for one in spans]
    return spans, max(
        current_alert,
        key=lambda alert: (alert.state is AlertState.ACTIVE, in_order(alert)),
        default=None,
    )


def _handled_at(alerts: Iterable[Alert]) -> datetime | None:
    """When the wearer answered an episode on a device: Dexcom calls an alert that was answered there snoozed."""
    return handled_at(
        DeviceWord(alert.observed_at, alert.state is AlertState.SNOOZED)
        for alert in alerts
        if is_active(alert)
    )


def _last_word(episode: EpisodeSpan) -> datetime:
    """When something was last said of an episode."""
    if episode.end_reason is EndReason.SOURCE and episode.ended_at:
        return episode.ended_at
    return episode.last_seen.observed_at


def _recent(alerts: Sequence[Alert], since: datetime, hold: timedelta) -> Sequence[Alert]:
    """The alerts since then, and whole the episodes of these, and the newest one; there are weeks of older ones."""
    reach = max(hold, STANDS_AT_MOST)
    begin = len(alerts)
    begun = False
    ended_at: dict[tuple[str, ...], datetime] = {}
    for number in reversed(range(len(alerts))):
        alert = alerts[number]
        told = is_active(alert)
        if told is None:
            continue
        until = stands_until(alert, hold)
        if _is_sure(alert.device):
            until = min(until, ended_at.get(alert.device, until))
            if not told:
                ended_at[alert.device] = alert.observed_at
        is_of_it = begun and told and until >= alerts[begin].observed_at
        if is_of_it or not begun or alert.observed_at >= since:
            begin = number
        elif alerts[begin].observed_at - alert.observed_at > reach:
            break
        begun = begun or told
    return alerts[begin:]


def _is_sure(device: Sequence[str]) -> bool:
    """Whether all that says the same of its device is of one: what is left out may be anything."""
    return not any(device) or all(device[:-1])
