"""Stories to load: people and alerts around the clock's present, the newest analysed day being day 0."""

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from .dexcom import stories as dexcom_stories
from .lumen import LumenAccount, LumenPerson, dose_details
from .tidepool import stories as tidepool_stories

if TYPE_CHECKING:
    from .server import Simulator

MARIA = "maria.keller@example.com"
HENK = "henk.devries@example.com"
ANA = "ana.silva@example.com"


class _Story:
    """A person's days in numbers, told as the alerts that follow from them."""

    def __init__(self, sim: Simulator, email: str, granted_days_ago: int) -> None:
        """Enrol the person."""
        now = sim.clock.now()
        self.account: LumenAccount = sim.lumen.default
        self.newest = self.account.newest_day(now)
        self.person: LumenPerson = self.account.add_person(
            email, granted_at=now - timedelta(days=granted_days_ago)
        )

    def weight(
        self,
        days: Iterable[int],
        scale: Callable[[int], float],
        at_goal: Container[int] = (),
    ) -> None:
        """Tell the weight (kg by day) as the documented bands of its weekly change."""
        for offset in days:
            now, week_ago = round(scale(offset), 1), round(scale(offset - 7), 1)
            change = round(100 * (now / week_ago - 1), 1)
            if offset in at_goal:
                subtype = "AT_GOAL"
            elif change < -2.0:
                subtype = "TOO_FAST"
            else:
                subtype = "TOO_SLOW" if change > -0.1 else "IN_RANGE"
            details = {
                "currentWeightKg": now,
                "weeklyPctChange": change,
                "logsUsed": 14,
                "lastLogDate": self.date(offset),
            }
            self.tell(offset, "WEIGHT", subtype, details)

    def flex(self, days: Iterable[int], subtype: str, rate: float, *, since: int) -> None:
        """Tell a stretch of metabolic flexibility that began on day `since`."""
        for offset in days:
            self.tell(
                offset,
                "FLEX",
                subtype,
                {
                    "stage": subtype,
                    "segmentStart": self.date(since),
                    "segmentEnd": self.date(offset),
                    "ratePctPerWeek": rate,
                },
            )

    def doses(self, days: Iterable[int], missed: set[int]) -> None:
        """Tell a dose a day, some missed: an alert while a week lacks three or more."""
        for offset in days:
            week = sum(day in missed for day in range(offset - 6, offset + 1))
            in_a_row = 0
            while offset - in_a_row in missed:
                in_a_row += 1
            if week >= 3:
                day = self.newest + timedelta(days=offset)
                details = dose_details(day, missed=week, in_a_row=in_a_row)
                self.tell(offset, "MEDICATION", "MISSED_DOSE_HIGH", details)

    def tell(
        self,
        offset: int,
        alert_type: str,
        subtype: str,
        details: Mapping[str, object],
        *,
        severity: str | None = None,
        extra: dict[str, object] | None = None,
    ) -> None:
        """Add an alert of a day."""
        self.account.add_alert(
            self.person,
            self.newest + timedelta(days=offset),
            alert_type,
            subtype,
            severity=severity,
            details=dict(details),
            extra=extra,
        )

    def date(self, offset: int) -> str:
        """Return a day as it is sent."""
        return (self.newest + timedelta(days=offset)).isoformat()


def _steady(kg: float, per_day: float) -> Callable[[int], float]:
    """Return a weight that was `kg` on day 0 and changes evenly."""
    return lambda offset: kg + per_day * offset


def _marias_weight(offset: int) -> float:
    """Return a weight that sinks gently, then fast for a week, and settles again."""
    if offset <= -7:
        return 80.5 - 0.05 * (offset + 7)
    if offset <= 1:
        return 78.4 - 0.3 * offset
    return 78.1 - 0.04 * (offset - 1)


def demo(sim: Simulator) -> None:
    """Two weeks behind, ten days ahead: Maria needs somebody today, Henk is well; a wearer's bad night."""
    maria = _Story(sim, MARIA, granted_days_ago=30)
    days = range(-13, 11)
    maria.weight(days, _marias_weight)
    maria.flex(range(-5, 5), "PLATEAU", -0.05, since=-24)
    maria.flex(range(8, 10), "DRAMATIC_DROP", -1.8, since=5)
    maria.doses(days, missed={-5, -3, -2, -1, 0, 1})

    henk = _Story(sim, HENK, granted_days_ago=30)
    told = [day for day in days if day not in (-9, -4, 3)]
    henk.weight(told, _steady(91.0, -0.1), at_goal={0, 8, 9, 10})

    dexcom_stories.demo(sim)
    tidepool_stories.demo(sim)


def quiet_week(sim: Simulator) -> None:
    """Seven days of good news for everybody."""
    for email, kg in ((MARIA, 80.5), (HENK, 91.0)):
        _Story(sim, email, granted_days_ago=30).weight(range(-6, 1), _steady(kg, -0.06))


def bad_night(sim: Simulator) -> None:
    """A week that turns bad for Maria on its last day, while Henk's stays good."""
    maria = _Story(sim, MARIA, granted_days_ago=30)
    maria.weight(range(-6, 1), lambda day: 80.5 - 0.06 * day if day < 0 else 78.4)
    maria.flex([0], "DRAMATIC_DROP", -1.8, since=-3)
    maria.doses(range(-6, 1), missed={-4, -1, 0})
    henk = _Story(sim, HENK, granted_days_ago=30)
    henk.weight(range(-6, 1), _steady(91.0, -0.06))


def consent(sim: Simulator) -> None:
    """Maria's stays; Henk's was gone and came back an hour ago; Ana's goes tomorrow, for two days."""
    now = sim.clock.now()
    for email, kg in ((MARIA, 80.5), (HENK, 91.0), (ANA, 64.0)):
        story = _Story(sim, email, granted_days_ago=10)
        story.weight(range(-6, 8), _steady(kg, -0.05))
        if email == HENK:
            story.account.revoke(story.person, now - timedelta(days=5))
            story.account.grant(story.person, now - timedelta(hours=1))
        if email == ANA:
            story.account.revoke(story.person, now + timedelta(days=1))
            story.account.grant(story.person, now + timedelta(days=3))


def newer_api(sim: Simulator) -> None:
    """Types, subtypes, severities and fields that are not documented today."""
    maria = _Story(sim, MARIA, granted_days_ago=30)
    maria.person.extra["locale"] = "de-AT"
    maria.account.extra["model"] = {"version": "2.1", "beta": False}
    night = datetime.combine(maria.newest, time(5, 50, tzinfo=UTC))
    maria.tell(
        0,
        "SLEEP",
        "SHORT_NIGHT",
        {"minutesAsleep": 262, "awakeAt": [night.isoformat()]},
        severity="MEDIUM",
    )
    maria.tell(
        0,
        "WEIGHT",
        "REBOUND",
        {"currentWeightKg": 78.4, "weeklyPctChange": 1.2, "trend": {"days": 9}},
        severity="CRITICAL",
        extra={"confidence": 0.93, "tags": ["new"]},
    )
    henk = _Story(sim, HENK, granted_days_ago=30)
    henk.tell(
        0,
        "MEDICATION",
        "ON_TRACK",
        {**dose_details(henk.newest, missed=0, in_a_row=0), "regimen": "weekly"},
    )
    henk.weight(range(-2, 1), _steady(91.0, -0.06))
    dexcom_stories.newer_api(sim)
    tidepool_stories.newer_api(sim)


SCENARIOS: Mapping[str, Callable[[Simulator], None]] = {
    scenario.__name__: scenario
    for scenario in (
        *(demo, quiet_week, bad_night, consent, newer_api),
        dexcom_stories.dexcom_bad_night,
        dexcom_stories.dexcom_one_plus,
        dexcom_stories.dexcom_late_uploads,
        tidepool_stories.tidepool_compression_low,
        tidepool_stories.tidepool_gap,
        tidepool_stories.tidepool_permissions,
    )
}
"""Every scenario by name."""
