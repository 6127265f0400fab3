"""One of the five alerts, judged at one moment: nobody else evaluates a follower's settings. Pure; time is an argument."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from ...alerts.alert import Alert, AlertState, Severity
from ...alerts.episode import EndReason
from .cadence import PollCadence
from .evaluation import SOURCE, Evaluation, Reason
from .excursions import JUST_AFTER, SILENCE, Excursion, excursions_of, is_out
from .history import AnnouncedEpisode, KindHistory
from .readings import NOW, Observed, Readings
from .settings import AlertSettings
from .units import MG_DL, MMOL_L

SEVERITIES: Final = {
    "urgent_low": Severity.HIGH,
    "low": Severity.MEDIUM,
    "high": Severity.MEDIUM,
    "no_communication": Severity.LOW,
    "not_looping": Severity.MEDIUM,
}

DELAY_OF_ZERO: Final = {
    "no_communication": timedelta(minutes=5),
    "not_looping": timedelta(minutes=30),
}
"""What a delay of 0 means (vendor's evaluator)."""

ON_ITS_WAY: Final = timedelta(minutes=1)
"""What a reading needs from the device to us: before that it is not missing."""

LONGEST: Final = 24 * 60
"""Minutes that a delay or a repeat counts for at most: the server takes less, and no clock takes what it might send."""

LONGEST_BELIEVED: Final = timedelta(hours=2.5)
"""However rarely somebody uploads: batches of an hour with nothing younger than a quarter need two and a quarter. What comes
three hours late never speaks of the present."""

WANDERS: Final = timedelta(seconds=15)
"""A run has to last longer than its delay, not as long: by more than a sensor's readings wander by (ours: seconds, of a minute at least)."""

_IDENTITY: Final = UUID("5b0f5f5c-9d57-4a5b-8d53-5d9a3a6f2c11")

_KEYS: Final = {MG_DL: "mg_dl", MMOL_L: "mmol_l"}


@dataclass(slots=True)
class KindEvaluator:
    """Judges one alert at one moment; `alerts` and `deadlines` gather what there is to tell and when to look again."""

    person_id: str
    kind: str
    settings: AlertSettings
    memory: KindHistory
    now: datetime
    in_time: timedelta
    history_to: datetime | None
    cadence: PollCadence | None
    alerts: list[Alert]
    deadlines: list[datetime]

    def glucose(self, readings: Readings) -> Evaluation:
        """At or beyond the threshold for longer than the delay; told again every `repeat` minutes while it lasts."""
        threshold, unit = self.settings.threshold, self.settings.unit
        newest = readings.newest
        if threshold is None or unit is None:
            return Evaluation(is_on=None, reason=Reason.NO_SETTINGS)
        if newest is None:
            self._expire_lost(set())
            trouble = Reason.SENSOR_TROUBLE if readings.trouble_at else Reason.NO_READINGS
            return Evaluation(is_on=None, reason=trouble)
        fresh_until = newest.observed_at + NOW
        believed_until = self._believed_until(newest.observed_at)
        runs = excursions_of(
            readings,
            self.now,
            lambda one: is_out(self.kind, one, threshold, unit),
            believed_until - newest.observed_at,
        )
        lasting = [run for run in runs if self._follow(run, fresh_until, believed_until)]
        self._expire_lost({told.started for run in runs if (told := self.memory.of(run))})
        self.deadlines += (fresh_until + JUST_AFTER, believed_until)
        if self.now >= believed_until:
            is_trouble = readings.trouble_at and readings.trouble_at > newest.observed_at
            reason = Reason.SENSOR_TROUBLE if is_trouble else Reason.TOO_OLD
            return Evaluation(is_on=None, reason=reason, stale=True)
        return Evaluation(is_on=any(run.open for run in lasting), stale=self.now > fresh_until)

    def _believed_until(self, newest: datetime) -> datetime:
        """Until when their newest reading is worth showing: an hour, or until who uploads more rarely is silent."""
        believed_until = newest + SILENCE
        if self.cadence:
            overdue_at = self.cadence.overdue_at(newest)
            believed_until = max(believed_until, min(overdue_at, newest + LONGEST_BELIEVED))
        return believed_until

    def _follow(self, run: Excursion, fresh_until: datetime, believed_until: datetime) -> bool:
        """Tell of a run what is to be told; whether it has lasted for longer than the delay."""
        told, before = self.memory.of(run), None
        due = self._due(run)
        settled = due if told else self._settled(run, due)
        until = (
            min(self.now, fresh_until)
            if run.open
            else min(run.over_at - JUST_AFTER, run.last + NOW)
        )
        has_lasted = due <= until and settled <= self.now
        is_now = run.open and self.now <= fresh_until
        if told and told.given_up:
            if not is_now:
                return has_lasted
            told, before = None, told
        if has_lasted and told is None:
            moment = until if before else min(max(due, self.memory.since or due), until)
            told = self._tell(run, moment, until, before)
        elif has_lasted and told and is_now:
            self._repeat(told, run)
        elif run.open and due <= fresh_until:
            self.deadlines.append(settled)
        if told is None:
            return has_lasted
        told.last = max(told.last, run.last)
        if not run.open:
            if not run.broken and self.now >= believed_until:
                told.give_up(run.over_at)
            else:
                told.end(run.over_at, EndReason.SOURCE if run.broken else EndReason.EXPIRED)
            return has_lasted
        told.ended_at = told.end_reason = None
        if self.settings.repeat:
            self.deadlines.append(told.told_at + self._minutes(self.settings.repeat))
        return has_lasted

    def _due(self, run: Excursion) -> datetime:
        """When a run has lasted for longer than the delay."""
        if self.kind == "urgent_low" or not self.settings.delay:
            return run.first
        return max(run.lasting_since + self._minutes(self.settings.delay) + WANDERS, run.first)

    def _settled(self, run: Excursion, due: datetime) -> datetime:
        """When it is known that a run goes on at `due`: a reading that may end it by then is waited for, if it comes soon."""
        if self.cadence and run.open and due > run.last:
            return self.cadence.settled_at(run.last, due)
        return due

    def _tell(
        self, run: Excursion, moment: datetime, until: datetime, before: AnnouncedEpisode | None
    ) -> AnnouncedEpisode | None:
        """Tell of a run for the first time since anybody looks, as it was at `moment`; `before`: what was given up."""
        had_at, history_to = max(one.received_at for one in run.readings), self.history_to
        if not run.open and (
            # Nothing new: what was over before the settings were these is not judged by them,
            (self.memory.since is not None and had_at <= self.memory.since)
            # what was over in the first answer is history,
            or (history_to is not None and max(had_at, run.over_at) <= history_to)
            # and what goes back beyond all that is held was judged when it was not.
            or run.cut
        ):
            return None
        until_then = [one for one in run.readings if one.observed_at <= moment]
        after = run.readings[len(until_then) :]
        # In a gap, the reading before it is not now any more: the next one shows that it has lasted.
        is_now = bool(until_then) and moment - until_then[-1].observed_at <= NOW
        shown = until_then[-1] if is_now or not after else after[0]
        told = AnnouncedEpisode(
            started=run.first, last=run.last, told_at=until if run.open else moment
        )
        observed_at = shown.observed_at
        if run.open:
            observed_at = self._begin(told, before, observed_at)
        else:
            self.memory.told.append(told)
        # What is going on is news, however long ago it began: after an outage, nothing else would ring for it.
        goes_on = run.open and self.now - run.last <= self.in_time
        self._add(told, observed_at, shown, goes_on=goes_on)
        return told

    def _begin(
        self, told: AnnouncedEpisode, before: AnnouncedEpisode | None, observed_at: datetime
    ) -> datetime:
        """Remember what goes on and is told of; return when it is to be told as observed.

        Whoever was told that what was `before` is over would not see it open otherwise: after any end told of.
        """
        ends = [one.ended_at + JUST_AFTER for one in self.memory.told if one.ended_at]
        self.memory.told.append(told)
        if before:
            told.again = before.again + 1
        return max([observed_at, *ends])

    def _repeat(self, told: AnnouncedEpisode, run: Excursion) -> None:
        repeat = self._minutes(self.settings.repeat)
        is_due = repeat and self.now >= told.told_at + repeat
        # Told as late, while the newest readings were still to come, it may have woken nobody.
        is_news = told.late and self.now - run.last <= self.in_time
        if is_due or is_news:
            told.times += 1
            told.told_at = self.now
            self._add(told, run.last, run.readings[-1], goes_on=False)

    def _expire_lost(self, seen: Collection[datetime]) -> None:
        """End what was told of and is in the readings no more: other settings, or nothing heard for too long."""
        for one in self.memory.told:
            if one.ended_at is None and one.started not in seen:
                one.give_up(min(self.now, one.last + SILENCE))

    def silence(self, readings: Readings) -> tuple[Evaluation, datetime | None]:
        """No reading, or no decision of Loop's, for the delay; and when the next answer will say so, if it does not yet.

        Judged by what the answers said: while nobody answers, nothing is known of this.
        """
        told = self.memory.open
        self.deadlines.append(readings.heard_at + SILENCE)
        if self.now >= readings.heard_at + SILENCE:
            return Evaluation(is_on=None, reason=Reason.TOO_OLD, stale=True), None
        if self.kind == "no_communication":
            heard = readings.heard_to or readings.covered_from
        elif readings.newest_loop is not None:
            heard = readings.newest_loop
        elif told:
            return Evaluation(is_on=True), None
        else:
            return Evaluation(is_on=None, reason=Reason.NO_LOOP), None
        delay = self._minutes(self.settings.delay) or DELAY_OF_ZERO[self.kind]
        due = heard + delay + ON_ITS_WAY
        if self.cadence:
            due = self.cadence.missing_at(heard, delay, ON_ITS_WAY)
        if readings.heard_at < due:
            if told:
                told.end(heard, EndReason.SOURCE)
            return Evaluation(is_on=False), due
        if told is None:
            told = next((one for one in reversed(self.memory.told) if one.started == heard), None)
        if told is None or told.given_up:
            before, told = told, AnnouncedEpisode(started=heard, last=self.now, told_at=self.now)
            since = min(max(due, self.memory.since or due), self.now)
            self._add(told, self._begin(told, before, since), None, goes_on=True)
        told.last = self.now
        told.ended_at = told.end_reason = None
        return Evaluation(is_on=True), None

    def _add(
        self,
        told: AnnouncedEpisode,
        observed_at: datetime,
        shown: Observed | None,
        *,
        goes_on: bool,
    ) -> None:
        told.observed_at = observed_at
        told.late = not goes_on and self.now - observed_at > self.in_time
        identity = [self.person_id, self.kind, told.started.isoformat(), str(told.times)]
        if told.again:
            identity.append(str(told.again))
        self.alerts.append(
            Alert(
                alert_id=str(uuid5(_IDENTITY, "\n".join(identity))),
                source=SOURCE,
                person_id=self.person_id,
                alert_type=self.kind,
                severity=SEVERITIES[self.kind],
                state=AlertState.ACTIVE,
                observed_at=observed_at,
                received_at=self.now,
                late=told.late,
                details=self._details(told, shown),
            )
        )

    def _details(self, told: AnnouncedEpisode, shown: Observed | None) -> dict[str, Any]:
        details: dict[str, Any] = {
            "started": told.started.isoformat(),
            "repetition": told.times - 1,
        }
        if shown is not None:
            reading = shown.reading
            details[f"value_{_KEYS[reading.unit]}"] = reading.value
            if reading.out_of_range:
                details["out_of_range"] = reading.out_of_range.value
            if self.settings.unit:
                details[f"threshold_{_KEYS[self.settings.unit]}"] = self.settings.threshold
        if self.kind != "urgent_low":
            details["delay_minutes"] = self.settings.delay
        return details

    @staticmethod
    def _minutes(number: float) -> timedelta:
        return timedelta(minutes=min(number, LONGEST))
