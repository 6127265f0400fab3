"""The five alerts, judged here: nobody else evaluates a follower's settings. Pure; time is an argument.

Vendor: "at or below", "at or above". A false alarm is better than a missed one: a value counts as it is and as it is
shown, a LOW counts whatever the threshold, each device is judged by itself and what any of them says counts.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid5

from ...alerts.alert import Alert, AlertState, Severity
from ...alerts.episode import Ending, EndReason
from ...alerts.glucose import OutOfRange
from ...alerts.stored import Stored
from .cadence import PollCadence
from .readings import NOW, Observed, Readings
from .settings import GLUCOSE_KINDS, KINDS, AlertSettings, Settings
from .units import MG_DL, MMOL_L, converted, rounded

SOURCE: Final = "tidepool"

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

SILENCE: Final = timedelta(hours=1)
"""Without a reading for so long, what was said before is not believed any more, and what comes after is told anew."""

LONGEST_BELIEVED: Final = timedelta(hours=2.5)
"""However rarely somebody uploads: batches of an hour with nothing younger than a quarter need two and a quarter. What comes
three hours late never speaks of the present."""

KEPT_FOR: Final = timedelta(days=45)
"""As long as the alerts themselves."""

_IDENTITY: Final = UUID("5b0f5f5c-9d57-4a5b-8d53-5d9a3a6f2c11")

_JUST_AFTER: Final = timedelta.resolution

WANDERS: Final = timedelta(seconds=15)
"""A run has to last longer than its delay, not as long: by more than a sensor's readings wander by (ours: seconds, of a minute at least)."""

OVER_AFTER: Final = NOW + _JUST_AFTER
"""A device that falls silent speaks of the present for so long."""


_KEYS: Final = {MG_DL: "mg_dl", MMOL_L: "mmol_l"}


class Reason(StrEnum):
    """Why nothing can be said."""

    NO_SETTINGS = "no_settings"
    SETTINGS_UNKNOWN = "settings_unknown"
    """They were never had: there was no answer yet."""
    SETTINGS_UNREADABLE = "settings_unreadable"
    """They were had, and make no sense: nobody knows what is wanted."""
    DISABLED = "disabled"
    NO_READINGS = "no_readings"
    TOO_OLD = "too_old"
    NO_LOOP = "no_loop"
    SENSOR_TROUBLE = "sensor_trouble"
    NOT_PERMITTED = "not_permitted"
    NOT_JUDGED = "not_judged"


DATA_GAPS: Final = (
    Reason.SETTINGS_UNKNOWN,
    Reason.SETTINGS_UNREADABLE,
    Reason.NO_READINGS,
    Reason.TOO_OLD,
    Reason.SENSOR_TROUBLE,
    Reason.NOT_PERMITTED,
)
"""Why nothing can be said although somebody counts on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What can be said of an alert. `stale`: it was so when last heard of, which is more than 15 minutes ago."""

    is_on: bool | None
    reason: Reason | None = None
    stale: bool = False


@dataclass(slots=True, kw_only=True)
class AnnouncedEpisode(Stored):
    """A run that was told of: its identity `started`, its newest reading, when and how often it was told, its end.

    `observed_at`, `late`: those of its newest alert. `given_up`: it ended because nobody looked or nothing was to be seen any more,
    whatever became of it; if it still goes on when it is seen again, that is told as another run, the same one `again`.
    """

    started: datetime
    last: datetime
    told_at: datetime
    observed_at: datetime | None = None
    late: bool = False
    times: int = 1
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    given_up: bool = False
    again: int = 0
    taken_in: list[AnnouncedEpisode] = field(default_factory=list)
    """Others that this was found to be one with."""

    def give_up(self, at: datetime) -> None:
        """Nobody looks any more, or there is nothing to see: for whoever was told it is over, for good."""
        self.end(at, EndReason.EXPIRED)
        self.given_up = True

    def end(self, at: datetime, reason: EndReason) -> None:
        """It is over: never before its newest alert, whose episode would not end by that."""
        self.ended_at, self.end_reason = max(at, self.observed_at or at), reason

    def take_in(self, other: AnnouncedEpisode) -> None:
        """Be what both were."""
        self.last = max(self.last, other.last)
        self.told_at = max(self.told_at, other.told_at)
        self.times = max(self.times, other.times)
        self.observed_at = max(filter(None, (self.observed_at, other.observed_at)), default=None)
        if self.ended_at and other.ended_at:
            later = max(self, other, key=lambda one: one.ended_at or one.last)
            self.ended_at, self.end_reason = later.ended_at, later.end_reason
        else:
            self.ended_at = self.end_reason = None
        self.taken_in += [other, *other.taken_in]
        other.taken_in = []


@dataclass(slots=True, kw_only=True)
class KindHistory(Stored):
    """What is remembered of one alert: its settings since when (None: since ever), and the runs told of."""

    settings: str | None = None
    since: datetime | None = None
    told: list[AnnouncedEpisode] = field(default_factory=list)

    @property
    def open(self) -> AnnouncedEpisode | None:
        """The run that was told of and is not over."""
        return next((one for one in reversed(self.told) if one.ended_at is None), None)

    def of(self, run: Excursion) -> AnnouncedEpisode | None:
        """The run told of that this is. Late readings may show that it began sooner, or broke off for a while.

        They may show, too, that what was told of as two was one: the first goes on as both, unless even later ones
        show that it was two after all.
        """
        ours = [one for one in self.told if run.first <= one.last and run.last >= one.started]
        looked_at = [one for one in ours if not one.given_up]
        if not looked_at:
            return ours[-1] if ours else self._parted(run)
        first, *others = looked_at
        for other in others:
            first.take_in(other)
            self.told.remove(other)
        return first

    def _parted(self, run: Excursion) -> AnnouncedEpisode | None:
        for one in self.told:
            for other in one.taken_in:
                if run.first <= other.last and run.last >= other.started:
                    one.taken_in.remove(other)
                    self.told.append(other)
                    return other
        return None

    def part(self) -> None:
        """What is over by the settings that were is no part of what goes on by others: whoever took that did not take this."""
        for one in self.told:
            one.given_up = one.given_up or one.ended_at is not None

    def endings(self) -> list[Ending]:
        """The ends of runs, for their episodes."""
        return [
            Ending(one.ended_at, one.end_reason)
            for one in self.told
            if one.ended_at and one.end_reason
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Excursion:
    """Readings out of range with none in range between.

    `lasting_since`: the same as `first`, but for a run that only silence parts from the one before.
    `over_at`: when it was over: at the reading that broke it (`broken`), or when its newest no longer spoke of the present.
    `cut`: it begins with the oldest reading held, and may have begun before.
    """

    readings: tuple[Observed, ...]
    lasting_since: datetime
    over_at: datetime
    broken: bool
    open: bool
    cut: bool

    @property
    def first(self) -> datetime:
        """Its oldest reading."""
        return self.readings[0].observed_at

    @property
    def last(self) -> datetime:
        """Its newest reading."""
        return self.readings[-1].observed_at

    def with_(self, other: Excursion) -> Excursion:
        """Both as one: two devices speak of the same."""
        newest = max(self, other, key=lambda run: run.over_at)
        return Excursion(
            readings=tuple(
                sorted((*self.readings, *other.readings), key=lambda one: one.observed_at)
            ),
            lasting_since=min(self.lasting_since, other.lasting_since),
            over_at=newest.over_at,
            broken=newest.broken,
            open=self.open or other.open,
            cut=min(self, other, key=lambda run: run.first).cut,
        )


def is_out(kind: str, one: Observed, threshold: float, unit: str) -> bool:
    """Whether a reading is at or beyond the threshold."""
    reading = one.reading
    if reading.out_of_range:
        return (kind == "high") is (reading.out_of_range is OutOfRange.HIGH)
    value = converted(reading.value, reading.unit, unit)
    shown = rounded(value, unit)
    if kind == "high":
        return max(value, shown) >= threshold
    return min(value, shown) <= threshold


def excursions_of(
    readings: Readings,
    now: datetime,
    out: Callable[[Observed], bool],
    believed_for: timedelta = SILENCE,
) -> list[Excursion]:
    """The runs in the readings of all devices, oldest first; those of several devices at the same time are one.

    A run is open while its device's newest reading belongs to it and is worth showing, and no other device has gone
    on without it. `believed_for`: how long the newest reading of all is worth showing.
    """
    newest = readings.newest
    if newest is None:
        return []
    current = newest.observed_at - NOW if now < newest.observed_at + believed_for else now
    merged: list[Excursion] = []
    for run in sorted(
        (
            run
            for device in readings.by_device().values()
            for run in _runs_of_device(device, out, readings.covered_from + SILENCE, current)
        ),
        key=lambda run: run.first,
    ):
        if merged and run.first < merged[-1].over_at:
            merged[-1] = merged[-1].with_(run)
        else:
            merged.append(run)
    return merged


def _runs_of_device(
    readings: list[Observed],
    out: Callable[[Observed], bool],
    whole_from: datetime,
    current: datetime,
) -> Iterable[Excursion]:
    run: list[Observed] = []
    lasting_since: datetime | None = None

    def ended(over_at: datetime, *, broken: bool = False, is_open: bool = False) -> Excursion:
        return Excursion(
            readings=tuple(run),
            lasting_since=lasting_since or run[0].observed_at,
            over_at=over_at,
            broken=broken,
            open=is_open,
            cut=run[0] is readings[0] and run[0].observed_at < whole_from,
        )

    for one in readings:
        if run and one.observed_at - run[-1].observed_at >= SILENCE:
            yield ended(run[-1].observed_at + OVER_AFTER)
            lasting_since = lasting_since or run[0].observed_at
            run = []
        if out(one):
            run.append(one)
        else:
            if run:
                yield ended(one.observed_at, broken=True)
            run, lasting_since = [], None
    if run:
        last = run[-1].observed_at
        yield ended(last + OVER_AFTER, is_open=last >= current)


@dataclass(slots=True)
class EvaluationResult:
    """What there is to say: a evaluation for each alert, and the alerts to be told.

    `changes_at`: when time alone will change it; `ask_at`: when an answer will, even one without a reading.
    """

    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    changes_at: datetime | None = None
    ask_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class AlertEvaluator(Stored):
    """One person watched: what has been told of them, when they were last judged, and what there is to say now.

    `history_to`: what was received by then was in the first answer, or before it.
    """

    person_id: str
    kinds: dict[str, KindHistory] = field(default_factory=dict)
    judged_at: datetime | None = None
    history_to: datetime | None = None

    def evaluate(
        self,
        settings: Settings | None,
        readings: Readings,
        now: datetime,
        delay: timedelta = timedelta(),
        cadence: PollCadence | None = None,
    ) -> EvaluationResult:
        """Judge everything held by the settings; what is to be told is told once, however often this is asked.

        `delay`: what their readings usually need to us. What comes no later is not late, if it is not too old by the
        clock to be believed: nobody is to be woken by what was hours ago, however usual that is.
        `cadence`: when the next are due; without it, nothing is waited for.
        """
        self.judged_at = now
        history_to = self.history_to
        self.history_to = history_to or now
        result = EvaluationResult()
        deadlines: list[datetime] = []
        unreadable = settings.unreadable if settings else ()
        for kind in KINDS:
            memory = self.kinds.setdefault(kind, KindHistory())
            memory.told = [one for one in memory.told if one.last > now - KEPT_FOR]
            alert = settings.alert(kind) if settings else None
            if memory.settings != repr(alert):
                memory.since = None if memory.settings is None else now
                memory.settings = repr(alert)
                memory.part()
            is_unreadable = kind in unreadable
            if is_unreadable or alert is None or not alert.enabled:
                if memory.open:
                    memory.open.give_up(now)
                reason = Reason.DISABLED if alert else Reason.NO_SETTINGS
                result.evaluations[kind] = Evaluation(
                    is_on=None, reason=Reason.SETTINGS_UNREADABLE if is_unreadable else reason
                )
                continue
            evaluator = _Evaluator(
                self.person_id,
                kind,
                alert,
                memory,
                now,
                min(delay + NOW, SILENCE),
                history_to,
                cadence,
                result.alerts,
                deadlines,
            )
            if kind in GLUCOSE_KINDS:
                result.evaluations[kind] = evaluator.glucose(readings)
            else:
                result.evaluations[kind], due = evaluator.silence(readings)
                if due and (result.ask_at is None or due < result.ask_at):
                    result.ask_at = due
        result.changes_at = min(
            (deadline for deadline in deadlines if deadline > now), default=None
        )
        return result

    def pause(self, now: datetime, *, at_once: bool = False) -> EvaluationResult:
        """Say nothing, for want of readings or of permission; what runs is over after too long, or `at_once`."""
        running = [told for memory in self.kinds.values() if (told := memory.open)]
        if not running:
            return EvaluationResult()
        self.judged_at = self.judged_at or now
        over_at = now if at_once else self.judged_at + SILENCE
        if now < over_at:
            return EvaluationResult(changes_at=over_at)
        for told in running:
            told.give_up(over_at)
        return EvaluationResult()


@dataclass(slots=True)
class _Evaluator:
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
        self.deadlines += (fresh_until + _JUST_AFTER, believed_until)
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
            else min(run.over_at - _JUST_AFTER, run.last + NOW)
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
        ends = [one.ended_at + _JUST_AFTER for one in self.memory.told if one.ended_at]
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
