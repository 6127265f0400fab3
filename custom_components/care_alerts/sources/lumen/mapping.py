"""What Lumen's answers mean: its alerts as ours, and what its days say of a person.

Lumen analyses once a day and is done by 06:00 UTC; a day holds at most one alert of a type for a person.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from ...alerts.alert import OTHER, Alert, AlertState, Person, Severity
from ...alerts.episode import Ending, EndReason, derive_episodes
from ...alerts.freshness import DataFreshness
from ...alerts.snapshot import AlertStatus, PersonSnapshot
from ...alerts.stored import Stored
from ..parsing import can_be_kept, snake_case
from .api import DAYS_AVAILABLE, LumenAlert

SOURCE: Final = "lumen"
ALERT_TYPES: Final = ("weight", "flex", "medication")

DONE_BY: Final = time(6, tzinfo=UTC)
"""When the day's analysis is complete (vendor: "completes by 06:00 UTC")."""

USUAL_DELAY: Final = timedelta(minutes=90)
"""From there to us, asking every hour."""

SILENT_AFTER: Final = timedelta(hours=26)
"""From one day's analysis: the next one is two hours overdue."""

SHOWN_FOR: Final = timedelta(hours=48)
"""From one day's analysis: a whole one has been missed."""

_SEVERITY_OF: Final = {
    "in_range": Severity.LOW,
    "too_slow": Severity.MEDIUM,
    "too_fast": Severity.HIGH,
    "at_goal": Severity.LOW,
    "first_log": Severity.LOW,
    "dramatic_drop": Severity.HIGH,
    "plateau": Severity.MEDIUM,
    "missed_dose_high": Severity.HIGH,
}
"""Lumen's documented subtypes ("Alert types"); it asks to show any other as LOW."""

ANYBODY: Final = "*"

LONGEST_SUBTYPE: Final = 100
"""More is no word. What is longer than a state may be Home Assistant writes out in its log."""

_IDENTITY: Final = UUID("0c7c2f0e-58c1-4f5c-8a3e-3a5d3a4c9a01")


@dataclass(frozen=True, slots=True, kw_only=True)
class DayHeard(Stored):
    """A day that Lumen has answered for: when we first and last read it, and when it was generated (None: no alerts)."""

    day: date
    first_read: datetime
    last_read: datetime
    generated_at: datetime | None
    garbled: list[str] = field(default_factory=list)
    """Whose alerts could not be read at the last reading; `ANYBODY` if that is not known."""

    def is_whole_for(self, person_id: str) -> bool:
        """Whether all that the day holds of a person could be read."""
        return person_id not in self.garbled and ANYBODY not in self.garbled

    def read_again(self, other: DayHeard) -> DayHeard:
        """The same day after one more reading, whichever came first."""
        generated = [d.generated_at for d in (self, other) if d.generated_at]
        return DayHeard(
            day=self.day,
            first_read=min(self.first_read, other.first_read),
            last_read=max(self.last_read, other.last_read),
            generated_at=max(generated, default=None),
            garbled=max(self, other, key=lambda read: read.last_read).garbled,
        )


def _next_done(moment: datetime) -> datetime:
    done = datetime.combine(moment.astimezone(UTC).date(), DONE_BY)
    return done if done >= moment else done + timedelta(days=1)


def _expected(generated_at: datetime) -> datetime:
    """When an alert can be read at the latest: with the rest of its night's analysis, at once if that is over."""
    done = _next_done(generated_at)
    return done if done - generated_at < timedelta(hours=12) else generated_at


def came_at(generated_at: datetime, now: datetime) -> datetime:
    """When an alert that is there `now` came at the latest: with the rest of its night's analysis, once that is over.

    Lumen may serve at 06:00 what it says it generated at 03:14: who was followed in between could not have had it.
    """
    expected = _expected(generated_at)
    return expected if expected <= now else min(generated_at, now)


def runs_of_days(days: Iterable[date]) -> list[list[date]]:
    """Days in order, those that follow each other together."""
    runs: list[list[date]] = []
    for day in sorted(days):
        if runs and day - runs[-1][-1] == timedelta(days=1):
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def next_analysis(now: datetime) -> datetime:
    """When the next daily analysis will be complete."""
    return _next_done(now + timedelta(microseconds=1))


class Calendar:
    """When the analyses of the days heard of were complete, and which of the days were read after that."""

    def __init__(self, days: Mapping[date, DayHeard]) -> None:
        """Learn from the days with alerts how long after its date a day is analysed: a day, or less."""
        self._days = days
        lags = [
            _next_done(heard.generated_at).date() - heard.day
            for heard in days.values()
            if heard.generated_at
        ]
        # One analysis that was late says nothing of the others.
        self._lag = min([timedelta(days=1), *lags])

    @property
    def newest(self) -> DayHeard | None:
        """The newest day heard of."""
        return self._days[max(self._days)] if self._days else None

    def complete_at(self, heard: DayHeard) -> datetime:
        """The 06:00 UTC at which the analysis of a day was done."""
        if heard.generated_at:
            return _next_done(heard.generated_at)
        return datetime.combine(heard.day + self._lag, DONE_BY)

    def complete(self) -> list[DayHeard]:
        """The days read after they were complete, oldest first: only then does what a day lacks mean anything."""
        return sorted(
            (heard for heard in self._days.values() if heard.last_read >= self.complete_at(heard)),
            key=lambda heard: heard.day,
        )

    def known(self) -> set[date]:
        """The days of which all is known, for everybody."""
        return {heard.day for heard in self.complete() if not heard.garbled}

    def looked_from(self, followed_since: datetime) -> datetime | None:
        """When the analysis began of the oldest day that was read of somebody; None where none was."""
        days = [heard for heard in self._days.values() if heard.last_read >= followed_since]
        oldest = min(days, key=lambda heard: heard.day, default=None)
        return self.complete_at(oldest) - timedelta(days=1) if oldest else None

    def days_between(self, start: datetime, end: datetime) -> list[date]:
        """The days whose analysis was made at some time from `start` to `end`, oldest first."""
        first, last = start.date() - self._lag, end.date() - self._lag
        return [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]

    def to_ask_for(
        self, unavailable: Container[date], read_since: datetime | None = None
    ) -> list[date]:
        """The days Lumen still keeps before the newest one and that we have not read whole since then, newest first."""
        if self.newest is None:
            return []
        had = {
            heard.day
            for heard in self.complete()
            if read_since is None or heard.last_read >= read_since
        }
        before = (self.newest.day - timedelta(days=ago) for ago in range(1, DAYS_AVAILABLE + 1))
        return [day for day in before if day not in had and day not in unavailable]

    def is_out_of_reach(self, day: date) -> bool:
        """Whether a day is older than any that Lumen keeps: it is not asked for."""
        return self.newest is not None and day < self.newest.day - timedelta(days=DAYS_AVAILABLE)

    def data_freshness(self, delay: timedelta | None = None) -> DataFreshness | None:
        """How fresh the newest day is, `delay` being the usual one; None if Lumen never answered."""
        if self.newest is None:
            return None
        complete_at = self.complete_at(self.newest)
        return DataFreshness(
            data_through=self.newest.generated_at or min(complete_at, self.newest.first_read),
            next_due=complete_at + SILENT_AFTER,
            valid_until=complete_at + SHOWN_FOR,
            delay=delay,
        )


def alert_of(record: LumenAlert, day: date, received_at: datetime) -> Alert:
    """Lumen's alert of `day` as ours. What the contract has no word for is kept in `details` as it came."""
    lumen_type = record.alert_type.lower()
    known = lumen_type in ALERT_TYPES
    details: dict[str, Any] = {}
    if not known:
        details["alert_type"] = record.alert_type
    if isinstance(record.details, dict) and can_be_kept(record.details):
        details |= {snake_case(key): value for key, value in record.details.items()}
    details["date"] = day.isoformat()
    subtype = record.alert_subtype.lower()[:LONGEST_SUBTYPE]
    severity = _severity(record.severity, subtype)
    told = record.severity
    if told is not None and can_be_kept(told) and str(told).lower() != severity:
        details["severity"] = told
    identity = (
        record.shared_user_id,
        record.alert_type,
        record.alert_subtype,
        record.generated_at.isoformat(),
    )
    return Alert(
        alert_id=str(uuid5(_IDENTITY, "\n".join(identity))),
        source=SOURCE,
        person_id=record.shared_user_id,
        alert_type=lumen_type if known else OTHER,
        subtype=subtype,
        severity=severity,
        state=AlertState.ACTIVE,
        # A clock that is ahead must not make an alert the newest for ever.
        observed_at=min(record.generated_at, received_at),
        received_at=received_at,
        late=received_at > _expected(record.generated_at) + USUAL_DELAY,
        details=details,
    )


def _severity(told: Any, subtype: str) -> Severity:
    """Lumen's severity; by the subtype where it sends none. A severity we do not know may be worse than any we do."""
    if told is None:
        return _SEVERITY_OF.get(subtype, Severity.LOW)
    try:
        return Severity(str(told).lower())
    except ValueError:
        return _SEVERITY_OF.get(subtype, Severity.MEDIUM)


def day_of(alert: Alert) -> date:
    """The day an alert is about, in the account's time zone."""
    try:
        return date.fromisoformat(alert.details["date"])
    except LookupError, TypeError, ValueError:
        # Lines of a damaged ledger are no reason not to start.
        return alert.observed_at.date()


def snapshot_of(
    person: Person,
    alerts: Iterable[Alert],
    calendar: Calendar,
    *,
    on_from: Severity,
    data: DataFreshness | None = None,
    followed_since: datetime | None = None,
) -> PersonSnapshot:
    """What Lumen's days say of a person.

    `alerts` are this person's, in order; `data`: how fresh they are, as everybody's; days read before `followed_since` were read without them; `on_from` is the least severity that means something is wrong.
    The newest day decides, and it can say that there is nothing only once it is complete. Of somebody who
    has not been heard of for as long as Lumen keeps alerts, nothing can be said.
    """
    # An alert may be replaced within its day: the newest of a day stands for it.
    by_day: dict[str, dict[date, Alert]] = {alert_type: {} for alert_type in (*ALERT_TYPES, OTHER)}
    last_alert = None
    for alert in alerts:
        last_alert = alert
        if (of_type := by_day.get(alert.alert_type)) is None:
            continue
        day = day_of(alert)
        if alert.alert_type == OTHER and day in of_type:
            # Several types that we have no word for: the worst stands for them.
            alert = max(of_type[day], alert, key=lambda one: one.severity.rank)
        of_type[day] = alert
    complete = [heard for heard in calendar.complete() if heard.is_whole_for(person.person_id)]
    newest = calendar.newest
    heard_of = (
        last_alert is not None
        and newest is not None
        and newest.day - day_of(last_alert) < timedelta(days=DAYS_AVAILABLE)
    )
    return PersonSnapshot(
        person=person,
        conditions={
            alert_type: _condition(of_type, calendar, complete, heard_of, on_from)
            for alert_type, of_type in by_day.items()
        },
        last_alert=last_alert,
        data=data,
        looked_from=calendar.looked_from(followed_since) if followed_since else None,
    )


def _condition(
    by_day: Mapping[date, Alert],
    calendar: Calendar,
    complete: list[DayHeard],
    heard_of: bool,
    on_from: Severity,
) -> AlertStatus:
    def is_active(alert: Alert) -> bool:
        return alert.severity.rank >= on_from.rank

    newest = max(by_day, default=None)
    if newest and complete and complete[-1].day > newest:
        newest = None
    current_alert = by_day[newest] if newest else None
    endings = [
        Ending(calendar.complete_at(heard), EndReason.NEWER_DAY)
        for heard in complete
        if heard.day not in by_day
    ]
    spans = derive_episodes(by_day.values(), endings, is_active=is_active)
    return AlertStatus(
        is_on=(current_alert is not None and is_active(current_alert)) if heard_of else None,
        current_alert=current_alert,
        episode=spans[-1] if spans else None,
        earlier=spans[:-1],
    )
