"""A house for tests of responses: an episode that goes on, and a runner that does what is due, minute by minute."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
import json

from custom_components.care_alerts.alerts.acknowledgement import Actor, Via
from custom_components.care_alerts.alerts.alert import Alert, AlertKey, AlertState, Severity
from custom_components.care_alerts.alerts.episode import Ending, EndReason, derive_episodes
from custom_components.care_alerts.alerts.response_log import Episode, ResponseLog
from custom_components.care_alerts.responses.due import Cause, DueStep, Outlook
from custom_components.care_alerts.responses.log import Delivery, ResponseState, StepKey, StepRecord
from custom_components.care_alerts.responses.plan import PartKind, Plan, Step
from custom_components.care_alerts.responses.steps import outlook
from custom_components.care_alerts.responses.store import Kept

START = datetime(2026, 5, 1, 1, tzinfo=UTC)
ANNA = Actor("Anna", Via.NOTIFICATION)
LOW, MEDIUM, HIGH = Severity
KEY = AlertKey("mila", "urgent_low")
LAPSES_AFTER = 30
"""Minutes for which somebody has it who has it for a time."""


def minute(number: float) -> datetime:
    """A time so many minutes after the start of the night."""
    return START + timedelta(minutes=number)


def minutes(moment: datetime | None) -> float | None:
    """How many minutes after the start of the night a time is."""
    return None if moment is None else (moment - START) / timedelta(minutes=1)


def step(after: int, *tell: str, step_id: str | None = None, **more: object) -> Step:
    """A step called by its minutes unless it has an id."""
    fields = {"step_id": step_id or str(after), "after": after, "tell": tell}
    return Step(**fields | more)  # type: ignore[arg-type]


def plan(*steps: Step, **more: object) -> Plan:
    """A plan of these steps, else one of three that climbs."""
    given = steps or (
        step(0, "on_duty"),
        step(10, "everybody"),
        step(20, "everybody", lights=("light.hall",), every=5),
    )
    fields = {"plan_id": "plan", "name": "Night", "steps": given}
    return Plan(**fields | more)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Done:
    """A step that was done: when, which, what of it, why, and whether it is said that it may have been before."""

    at: float
    step_id: str
    cause: Cause
    parts: tuple[str, ...]
    redelivered: bool


@dataclass
class House:
    """One person's episode, a plan, and a runner that is called whenever somebody looks at it."""

    plan: Plan = field(default_factory=plan)
    zone: tzinfo = UTC
    alerts: list[Alert] = field(default_factory=list)
    ended: datetime | None = None
    handled: datetime | None = None
    """When the person answered it on their own device."""
    log: ResponseLog = field(default_factory=ResponseLog)
    state: ResponseState = field(default_factory=ResponseState)
    done: list[Done] = field(default_factory=list)
    silent_phones: set[str] = field(default_factory=set)
    """Those whose pushes fail."""

    def alert(self, at: float, severity: Severity = HIGH, **more: object) -> None:
        """An alert comes."""
        fields = {
            "alert_id": f"{at} {len(self.alerts)}",
            "source": "tidepool",
            "person_id": KEY.person_id,
            "alert_type": KEY.alert_type,
            "severity": severity,
            "state": AlertState.ACTIVE,
            "observed_at": minute(at),
            "received_at": minute(at),
        }
        self.alerts.append(Alert(**fields | more))  # type: ignore[arg-type]

    def episode(self, now: datetime) -> Episode:
        """The episode as it is."""
        endings = [Ending(self.ended, EndReason.SOURCE)] if self.ended else []
        (span,) = derive_episodes(self.alerts, endings, is_active=lambda _: True)
        span = replace(span, handled_at=self.handled)
        in_order = sorted(self.alerts, key=lambda alert: alert.observed_at)
        self.log.reconcile(KEY, [span], in_order)
        return self.log.episode(KEY, span, in_order, now)

    def acknowledge(self, at: float, *, lapses: bool = False) -> None:
        """Anna has it; for a time, or for good."""
        self.log.acknowledge(
            KEY,
            self.episode(minute(at)).span,
            by=ANNA,
            at=minute(at),
            expires_at=minute(at + LAPSES_AFTER) if lapses else None,
        )

    def unacknowledge(self, at: float) -> None:
        """Anna takes it back."""
        self.log.unacknowledge(KEY, self.episode(minute(at)).span, at=minute(at))

    def snooze(self, at: float, until: float) -> None:
        """Anna wants quiet."""
        span = self.episode(minute(at)).span
        self.log.snooze_episode(KEY, span, by=ANNA, since=minute(at), until=minute(until))

    def expire(self, at: float) -> None:
        """Nothing more was heard of it, and that was announced."""
        self.ended = minute(at)
        span = self.episode(minute(at)).span
        self.log.mark_end_announced(KEY, span, minute(at))

    def goes_on(self, at: float) -> None:
        """An alert comes by which it is not over after all."""
        self.ended = None
        self.alert(at)

    def restart(self) -> None:
        """All there is comes from disk again."""
        self.log = ResponseLog.from_dict(json.loads(json.dumps(self.log.to_dict())))
        self.state = Kept.from_dict(json.loads(json.dumps(Kept(state=self.state).to_dict()))).state
        assert not self.state.unreadable

    def outlook(self, at: float, running: Sequence[StepKey] = ()) -> Outlook:
        """What is due, and what comes next."""
        now = minute(at)
        episode = self.episode(now)
        return outlook(
            self.plan,
            episode,
            self.state.of(episode.ids),
            quiet=self.log.quiet(KEY, episode.severity, episode.ids),
            zone=self.zone,
            now=now,
            running=running,
        )

    def due(self, at: float) -> list[str]:
        """The ids of the steps that are due."""
        return [one.step.step_id for one in self.outlook(at).due]

    def run(self, at: float, *, crash_before_done: bool = False) -> None:
        """Do what is due; or begin the first and crash."""
        self.state.clamp(minute(at))
        while self.alerts and (due := self.outlook(at).due):
            record = self.begin(due[0], at)
            if crash_before_done:
                self.restart()
                return
            self.push(record, due[0], at)
            self.state.finish(record.key, minute(at))

    def begin(self, due: DueStep, at: float) -> StepRecord:
        """Write down a step and do it."""
        record = due.record(minute(at))
        self.state.begin(record)
        parts = tuple(sorted(f"{part.kind}:{part.target}" for part in due.parts))
        self.done.append(Done(at, due.step.step_id, due.cause, parts, due.redelivered))
        return record

    def push(self, record: StepRecord, due: DueStep, at: float) -> None:
        """Push to a phone for everybody who is to be told."""
        for phone in due.targets(PartKind.TELL):
            delivery = Delivery.FAILED if phone in self.silent_phones else Delivery.UNKNOWN
            severity = self.episode(minute(at)).severity
            self.state.pushed(record.key, phone, delivery, severity, minute(at))

    def run_until(self, until: int, since: int = 0) -> None:
        """Look at each minute."""
        for at in range(since, until + 1):
            self.run(at)

    @property
    def told(self) -> list[tuple[float, str]]:
        """When which step was done."""
        return [(one.at, one.step_id) for one in self.done]

    def edit(self, *steps: Step) -> None:
        """Change the steps of the plan."""
        self.plan = replace(self.plan, steps=steps)
