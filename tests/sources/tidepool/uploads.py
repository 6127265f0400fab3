"""Somebody whose readings are uploaded one by one or in batches, and a house that asks, judges and listens for silence.

All of it pure: time goes from one thing that is due to the next, without Home Assistant and without a server.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from custom_components.care_alerts.alerts.alert import Alert
from custom_components.care_alerts.sources.tidepool.evaluation import EvaluationResult
from custom_components.care_alerts.sources.tidepool.evaluator import AlertEvaluator
from custom_components.care_alerts.sources.tidepool.mapping import data_freshness_of
from custom_components.care_alerts.sources.tidepool.people import OVERLAP, Followed, PollState
from custom_components.care_alerts.sources.tidepool.readings import HELD, Readings
from custom_components.care_alerts.sources.tidepool.records import Data, Reading
from custom_components.care_alerts.sources.tidepool.settings import KINDS, Settings

START = datetime(2026, 11, 18, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
JILL = "jill"


@dataclass(frozen=True, kw_only=True)
class Uploader:
    """How readings are made and reach the server.

    `every`: from one to the next. `lag`: from a reading, or from a batch, to the server; `jitter`: seconds more, in
    turn. `batch`: from one upload to the next, None if each goes up as it is made. `youngest`: what an upload holds is
    at least so old; `in_pieces`: it comes over some seconds, in any order.
    """

    every: timedelta
    lag: timedelta = 10 * SECOND
    jitter: Sequence[float] = (0,)
    batch: timedelta | None = None
    youngest: timedelta = timedelta()
    phase: timedelta = timedelta()
    in_pieces: bool = False

    def uploads(self, values: Sequence[float], first: datetime) -> list[tuple[datetime, Reading]]:
        """When each reading is on the server, oldest first; `values` in mg/dL, the first at `first`."""
        made = []
        for number, value in enumerate(values):
            time = first + number * self.every
            sent, upload = time + self.youngest, number
            if self.batch:
                begin = first + self.phase
                upload = -((begin - sent) // self.batch)
                sent = begin + upload * self.batch
            piece = number if self.in_pieces else upload
            late = self.lag + self.jitter[piece % len(self.jitter)] * SECOND
            made.append((sent + late, reading(time, value)))
        return made


def reading(time: datetime, mg_dl: float) -> Reading:
    """A sensor's reading."""
    return Reading(time=time, kind="cbg", device="sensor", value=mg_dl, unit="mg/dL")


def low_settings(delay: float) -> Settings:
    """Urgent low at 55, low at 70 for longer than a delay, and no communication for 30 minutes."""
    alerts: dict[str, dict[str, Any]] = {
        "urgent_low": {"threshold": {"units": "mg/dL", "value": 55}},
        "low": {"threshold": {"units": "mg/dL", "value": 70}, "delay": delay},
        "no_communication": {"delay": 30},
    }
    return Settings({KINDS[kind]: {"enabled": True, **alert} for kind, alert in alerts.items()})


@dataclass
class Watched:
    """A house that follows Jill from `begin` on."""

    settings: Settings
    uploads: list[tuple[datetime, Reading]]
    begin: datetime
    alerts: list[Alert] = field(default_factory=list)
    silences: list[datetime] = field(default_factory=list)
    recoveries: list[datetime] = field(default_factory=list)
    requests: list[datetime] = field(default_factory=list)
    shown: dict[datetime, datetime] = field(default_factory=dict)
    """When a reading was the newest here for the first time, by its time."""
    jill: Followed = field(init=False)

    def __post_init__(self) -> None:
        """Know nothing yet."""
        self.jill = Followed(
            name="Jill",
            since=self.begin,
            watch=AlertEvaluator(person_id=JILL),
            allows={"view", "follow"},
            allowed={"view", "follow"},
        )
        self._readings = Readings(covered_from=self.begin - HELD, heard_at=self.begin)
        self._judged = EvaluationResult()
        self._silent = False

    def until(self, end: datetime) -> None:
        """Go on until `end`."""
        now, due = self.begin, self.begin
        while now <= end:
            if due <= now:
                due = self._ask(now)
            self._judge(now)
            deadlines = [due, self._judged.changes_at, self._judged.ask_at, self._look(now)]
            if self._judged.ask_at:
                due = min(due, max(self._judged.ask_at, now + SECOND))
            now = max(
                min(deadline for deadline in deadlines if deadline and deadline > now), now + SECOND
            )

    def _ask(self, now: datetime) -> datetime:
        self.requests.append(now)
        newest = self._readings.heard_to
        start = newest - OVERLAP if newest else now - HELD
        first = bisect_left(self.uploads, start, key=lambda upload: upload[1].time)
        new = [one for at, one in self.uploads[first:] if at <= now]
        self._readings.add(Data(readings=tuple(new), loops=(), unreadable=0), now)
        self._readings.forget_before(now - HELD)
        if self._readings.newest:
            self.jill.glucose = self._readings.newest.as_glucose()
            self.shown.setdefault(self.jill.glucose.observed_at, now)
        self.jill.cadence.sampled(self._readings)
        self.jill.cadence.heard(self._readings.heard_to, now)
        return self.jill.cadence.next_due(self._readings.heard_to, now)

    def _judge(self, now: datetime) -> None:
        watch, first = self.jill.watch, not self.jill.watch.kinds
        self._judged = watch.evaluate(
            self.settings, self._readings, now, timedelta(), self.jill.cadence
        )
        if not first:
            self.alerts += self._judged.alerts

    def _look(self, now: datetime) -> datetime:
        """Listen for silence; when it will be one."""
        known = data_freshness_of(self.jill, PollState.due_at(now), now, judges=True)
        silent = now >= known.next_due
        if silent and not self._silent:
            self.silences.append(now)
        elif self._silent and not silent:
            self.recoveries.append(now)
        self._silent = silent
        return known.next_due

    def told(self, kind: str) -> list[Alert]:
        """What was told of one alert."""
        return [alert for alert in self.alerts if alert.alert_type == kind]
