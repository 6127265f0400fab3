"""A person's five alerts, evaluated here: nobody else does it for a follower. Pure; time is an argument."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ...alerts.stored import Stored
from .cadence import PollCadence
from .evaluation import Evaluation, EvaluationResult, Reason
from .excursions import SILENCE
from .history import KindHistory
from .kind_evaluator import KindEvaluator
from .readings import NOW, Readings
from .settings import KINDS, AlertSettings, Settings


@dataclass(slots=True, kw_only=True)
class AlertEvaluator(Stored):
    """Evaluates one person's alerts, and stores what was announced of each.

    `judged_at`: when they were last evaluated. `history_to`: what was received by then is backfill.
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
        delay: timedelta | None = None,
        cadence: PollCadence | None = None,
    ) -> EvaluationResult:
        """Evaluate all readings held by the settings; an alert is in the result once, however often this is called.

        `delay`: what their readings usually need to us, None if it is not known yet. What comes no later is not late,
        if it is not too old by the clock to be believed: nobody is to be woken by what was hours ago, however usual that is.
        `cadence`: when the next readings are due; without it, none are waited for.
        """
        self.judged_at = now
        history_to = self.history_to
        self.history_to = history_to or now
        result = EvaluationResult()
        deadlines: list[datetime] = []
        in_time = min((delay or timedelta()) + NOW, SILENCE)
        for kind in KINDS:
            history = self.kinds.setdefault(kind, KindHistory())
            alert = settings.alert(kind) if settings else None
            history.begin(alert, now)
            is_unreadable = settings is not None and kind in settings.unreadable
            if is_unreadable or alert is None or not alert.enabled:
                if history.open:
                    history.open.give_up(now)
                result.evaluations[kind] = _not_evaluated(alert, is_unreadable=is_unreadable)
                continue
            evaluator = KindEvaluator(
                person_id=self.person_id,
                kind=kind,
                settings=alert,
                history=history,
                now=now,
                in_time=in_time,
                # Unknown is not none: what still goes on by readings that may be as new as any is not late.
                goes_on_for=SILENCE if delay is None else in_time,
                history_to=history_to,
                cadence=cadence,
            )
            result.evaluations[kind] = evaluator.evaluate(readings)
            result.alerts += evaluator.alerts
            result.ask_at = min(filter(None, (result.ask_at, evaluator.ask_at)), default=None)
            deadlines += evaluator.deadlines
        result.changes_at = min((one for one in deadlines if one > now), default=None)
        return result

    def pause(self, now: datetime, *, at_once: bool = False) -> EvaluationResult:
        """Evaluate nothing, for want of readings or permission; what is open ends after an hour, or `at_once`."""
        announced = [episode for history in self.kinds.values() if (episode := history.open)]
        if not announced:
            return EvaluationResult()
        self.judged_at = self.judged_at or now
        over_at = now if at_once else self.judged_at + SILENCE
        if now < over_at:
            return EvaluationResult(changes_at=over_at)
        for episode in announced:
            episode.give_up(over_at)
        return EvaluationResult()


def _not_evaluated(alert: AlertSettings | None, *, is_unreadable: bool) -> Evaluation:
    reason = Reason.DISABLED if alert else Reason.NO_SETTINGS
    return Evaluation(is_on=None, reason=Reason.SETTINGS_UNREADABLE if is_unreadable else reason)
