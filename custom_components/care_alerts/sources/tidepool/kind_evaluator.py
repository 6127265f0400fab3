"""One of a person's five alerts, evaluated at one moment. Pure; time is an argument."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from ...alerts.alert import Alert, AlertState, Severity
from ...alerts.episode import EndReason
from ...alerts.glucose import MG_DL, MMOL_L
from .cadence import PollCadence
from .evaluation import SOURCE, Evaluation, Reason
from .excursions import JUST_AFTER, SILENCE, Excursion, excursions_of, is_out
from .history import AnnouncedEpisode, KindHistory
from .readings import NOW, Observed, Readings
from .settings import GLUCOSE_KINDS, AlertSettings

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
"""Minutes that a delay or a repeat counts for at most (ours: the server takes less, and no time can be reckoned with
whatever it might send)."""

LONGEST_BELIEVED: Final = timedelta(hours=2.5)
"""How long a reading is believed at most, however rarely somebody uploads (ours: batches of an hour with
nothing younger than a quarter need two and a quarter; what comes three hours late is never the present)."""

WANDERS: Final = timedelta(seconds=15)
"""How much longer than its delay an excursion has to last (ours: more than readings wander by, which is
seconds, and less than a minute, the shortest time between two of them)."""

_IDENTITY: Final = UUID("5b0f5f5c-9d57-4a5b-8d53-5d9a3a6f2c11")

_KEYS: Final = {MG_DL: "mg_dl", MMOL_L: "mmol_l"}


@dataclass(slots=True, kw_only=True)
class KindEvaluator:
    """Evaluates one alert at one moment.

    `in_time`: how old what is observed may be when it is announced, and not be late; `goes_on_for`: the same for the newest
    reading of what goes on. Gathered meanwhile: the
    `alerts` to announce, the `deadlines` after which to evaluate again, and when to ask again (`ask_at`).
    """

    person_id: str
    kind: str
    settings: AlertSettings
    history: KindHistory
    now: datetime
    in_time: timedelta
    goes_on_for: timedelta
    history_to: datetime | None
    cadence: PollCadence | None
    alerts: list[Alert] = field(default_factory=list)
    deadlines: list[datetime] = field(default_factory=list)
    ask_at: datetime | None = None

    def evaluate(self, readings: Readings) -> Evaluation:
        """Say whether the alert is on, and gather what is to be done about it."""
        if self.kind not in GLUCOSE_KINDS:
            return self._evaluate_silence(readings)
        if (limit := self.settings.limit) is None:
            return Evaluation(is_on=None, reason=Reason.NO_SETTINGS)
        return self._evaluate_glucose(readings, *limit)

    # Glucose.

    def _evaluate_glucose(self, readings: Readings, threshold: float, unit: str) -> Evaluation:
        """At or beyond the threshold for longer than the delay; announced every `repeat` minutes while it lasts."""
        newest = readings.newest
        if newest is None:
            self._give_up_lost(set())
            trouble = Reason.SENSOR_TROUBLE if readings.trouble_at else Reason.NO_READINGS
            return Evaluation(is_on=None, reason=trouble)
        fresh_until = newest.observed_at + NOW
        believed_until = self._believed_until(newest.observed_at)
        excursions = excursions_of(
            readings,
            self.now,
            lambda one: is_out(self.kind, one, threshold, unit),
            believed_until - newest.observed_at,
            readings.scans_by(self.kind, threshold, unit),
        )
        lasting = [one for one in excursions if self._follow(one, fresh_until, believed_until)]
        episodes = [self.history.episode_of(one) for one in excursions]
        self._give_up_lost({episode.started for episode in episodes if episode})
        self.deadlines += (fresh_until + JUST_AFTER, believed_until)
        if self.now >= believed_until:
            is_trouble = readings.trouble_at and readings.trouble_at > newest.observed_at
            reason = Reason.SENSOR_TROUBLE if is_trouble else Reason.TOO_OLD
            return Evaluation(is_on=None, reason=reason, stale=True)
        return Evaluation(is_on=any(one.open for one in lasting), stale=self.now > fresh_until)

    def _believed_until(self, newest: datetime) -> datetime:
        """Until when their newest reading is worth showing: an hour, or until who uploads more rarely is silent."""
        believed_until = newest + SILENCE
        if self.cadence:
            overdue_at = self.cadence.overdue_at(newest)
            believed_until = max(believed_until, min(overdue_at, newest + LONGEST_BELIEVED))
        return believed_until

    def _follow(
        self, excursion: Excursion, fresh_until: datetime, believed_until: datetime
    ) -> bool:
        """Announce of an excursion what is due; return whether it has lasted for longer than the delay."""
        episode, given_up = self.history.episode_of(excursion), None
        due = self._due(excursion)
        settled = due if episode else self._settled(excursion, due)
        until = (
            min(self.now, fresh_until)
            if excursion.open
            else min(excursion.over_at - JUST_AFTER, excursion.last + NOW)
        )
        has_lasted = due <= until and settled <= self.now
        is_now = excursion.open and self.now <= fresh_until
        if episode and episode.given_up:
            if not is_now:
                return has_lasted
            episode, given_up = None, episode
        if has_lasted and episode is None:
            moment = until if given_up else min(max(due, self.history.since or due), until)
            episode = self._announce(excursion, moment, until, given_up)
        elif has_lasted and episode and is_now:
            self._repeat(episode, excursion)
        elif excursion.open and due <= fresh_until:
            self.deadlines.append(settled)
        if episode:
            self._keep_up(episode, excursion, believed_until)
        return has_lasted

    def _keep_up(
        self, episode: AnnouncedEpisode, excursion: Excursion, believed_until: datetime
    ) -> None:
        """Have an announced episode go on, or be over, as its excursion does."""
        episode.last = max(episode.last, excursion.last)
        if excursion.open:
            episode.reopen()
            if self.settings.repeat:
                self.deadlines.append(episode.told_at + _minutes(self.settings.repeat))
        elif not excursion.broken and self.now >= believed_until:
            episode.give_up(excursion.over_at)
        else:
            reason = EndReason.SOURCE if excursion.broken else EndReason.EXPIRED
            episode.end(excursion.over_at, reason)

    def _due(self, excursion: Excursion) -> datetime:
        """When an excursion has lasted for longer than the delay."""
        if self.kind == "urgent_low" or not self.settings.delay:
            return excursion.first
        lasted_at = excursion.lasting_since + _minutes(self.settings.delay) + WANDERS
        return max(lasted_at, excursion.first)

    def _settled(self, excursion: Excursion, due: datetime) -> datetime:
        """When it is known that it goes on at `due`: a reading that may end it by then is waited for, if soon."""
        if self.cadence and excursion.open:
            return self.cadence.settled_at(excursion.last, due)
        return due

    def _announce(
        self,
        excursion: Excursion,
        moment: datetime,
        until: datetime,
        given_up: AnnouncedEpisode | None,
    ) -> AnnouncedEpisode | None:
        """Announce an excursion as it was at `moment`, for the first time or the first after it was `given_up`."""
        if not excursion.open and self._is_no_news(excursion):
            return None
        until_then = [one for one in excursion.readings if one.observed_at <= moment]
        after = excursion.readings[len(until_then) :]
        # In a gap, the reading before it is not now any more: the next one shows that it has lasted.
        is_now = moment - until_then[-1].observed_at <= NOW
        shown = until_then[-1] if is_now or not after else after[0]
        episode = AnnouncedEpisode(
            started=excursion.first,
            last=excursion.last,
            told_at=until if excursion.open else moment,
        )
        observed_at = shown.observed_at
        if excursion.open:
            observed_at = self._open(episode, given_up, observed_at)
        else:
            self.history.told.append(episode)
        # What is going on is news, however long ago it began: after an outage, nothing else would ring for it.
        goes_on = excursion.open and self.now - excursion.last <= self.goes_on_for
        self._add_alert(episode, observed_at, shown, goes_on=goes_on)
        return episode

    def _is_no_news(self, excursion: Excursion) -> bool:
        """Whether an excursion that is over is not to be announced any more."""
        had_at, since = max(one.received_at for one in excursion.readings), self.history.since
        return (
            # What was over before the settings were these is not evaluated by them,
            (since is not None and had_at <= since)
            # what was over in the first answer is backfill,
            or (self.history_to is not None and max(had_at, excursion.over_at) <= self.history_to)
            # and what goes back beyond all that is held was evaluated when it was not.
            or excursion.cut
        )

    def _repeat(self, episode: AnnouncedEpisode, excursion: Excursion) -> None:
        """Announce what goes on once more, if that is due."""
        repeat = _minutes(self.settings.repeat)
        is_due = repeat and self.now >= episode.told_at + repeat
        # Announced as late, while the newest readings were still to come, it may have woken nobody.
        is_news = episode.late and self.now - excursion.last <= self.goes_on_for
        if is_due or is_news:
            episode.times += 1
            episode.told_at = self.now
            self._add_alert(episode, excursion.last, excursion.readings[-1], goes_on=False)

    def _give_up_lost(self, seen: Collection[datetime]) -> None:
        """Close what is in the readings no more: the settings changed, or nothing was heard for too long."""
        for episode in self.history.told:
            if episode.ended_at is None and episode.started not in seen:
                episode.give_up(min(self.now, episode.last + SILENCE))

    # Silence.

    def _evaluate_silence(self, readings: Readings) -> Evaluation:
        """No reading, or no decision of Loop's, for the delay.

        Evaluated by what the answers said: while nobody answers, nothing is known of this.
        """
        episode = self.history.open
        self.deadlines.append(readings.heard_at + SILENCE)
        if self.now >= readings.heard_at + SILENCE:
            return Evaluation(is_on=None, reason=Reason.TOO_OLD, stale=True)
        if self.kind == "no_communication":
            heard = readings.heard_to or readings.covered_from
        elif readings.newest_loop is not None:
            heard = readings.newest_loop
        elif episode:
            return Evaluation(is_on=True)
        else:
            return Evaluation(is_on=None, reason=Reason.NO_LOOP)
        delay = _minutes(self.settings.delay) or DELAY_OF_ZERO[self.kind]
        due = heard + delay + ON_ITS_WAY
        if self.cadence:
            due = self.cadence.missing_at(heard, delay, ON_ITS_WAY)
        if readings.heard_at < due:
            if episode:
                episode.end(heard, EndReason.SOURCE)
            self.ask_at = due
            return Evaluation(is_on=False)
        if episode is None:
            same = (one for one in reversed(self.history.told) if one.started == heard)
            episode = next(same, None)
        if episode is None or episode.given_up:
            given_up, episode = (
                episode,
                AnnouncedEpisode(started=heard, last=self.now, told_at=self.now),
            )
            since = min(max(due, self.history.since or due), self.now)
            self._add_alert(episode, self._open(episode, given_up, since), None, goes_on=True)
        episode.last = self.now
        episode.reopen()
        return Evaluation(is_on=True)

    # Announcing.

    def _open(
        self, episode: AnnouncedEpisode, given_up: AnnouncedEpisode | None, observed_at: datetime
    ) -> datetime:
        """Add an episode that goes on, and return when its alert is to count as observed.

        That is after any end announced: an earlier one would belong to an episode that is over.
        """
        ends = [one.ended_at + JUST_AFTER for one in self.history.told if one.ended_at]
        self.history.told.append(episode)
        if given_up:
            episode.again = given_up.again + 1
        return max([observed_at, *ends])

    def _add_alert(
        self,
        episode: AnnouncedEpisode,
        observed_at: datetime,
        shown: Observed | None,
        *,
        goes_on: bool,
    ) -> None:
        """Add an alert of an episode; `shown`: the reading it is about, `goes_on`: it is not late, whenever it was."""
        episode.observed_at = observed_at
        episode.late = not goes_on and self.now - observed_at > self.in_time
        identity = [self.person_id, self.kind, episode.started.isoformat(), str(episode.times)]
        if episode.again:
            identity.append(str(episode.again))
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
                late=episode.late,
                details=self._details(episode, shown),
            )
        )

    def _details(self, episode: AnnouncedEpisode, shown: Observed | None) -> dict[str, Any]:
        details: dict[str, Any] = {
            "started": episode.started.isoformat(),
            "repetition": episode.times - 1,
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


def _minutes(number: float) -> timedelta:
    return timedelta(minutes=min(number, LONGEST))
