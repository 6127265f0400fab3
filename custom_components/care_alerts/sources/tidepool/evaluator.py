"""A person's five alerts, judged here: nobody else evaluates a follower's settings. Pure; time is an argument."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ...alerts.ledger import KEPT_FOR
from ...alerts.stored import Stored
from .cadence import PollCadence
from .evaluation import Evaluation, EvaluationResult, Reason
from .excursions import SILENCE
from .history import KindHistory
from .kind_evaluator import KindEvaluator
from .readings import NOW, Readings
from .settings import GLUCOSE_KINDS, KINDS, Settings


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
            evaluator = KindEvaluator(
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
