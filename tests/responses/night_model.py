"""The naive model of a plan at work (`model.py`), for nights: told what is so instead of what happens."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, override

from custom_components.care_alerts.alerts.alert import Severity
from custom_components.care_alerts.responses.log import Delivery, Receipt, StepRecord
from custom_components.care_alerts.responses.plan import Step

from .model import NEVER, Model


class Whenever:
    """All minutes, or none."""

    def __init__(self, is_so: Callable[[Any], bool]) -> None:
        self._is_so = is_so

    def __contains__(self, moment: Any) -> bool:
        return self._is_so(moment)

    def __len__(self) -> int:
        return 1


@dataclass
class Watch(Model):
    """The model of one plan for one episode, told what is so instead of what happens."""

    since: Any = None
    """Since when somebody has been needed."""
    waiting: dict[str, Any] = field(default_factory=dict)
    """Since when a step has been due that could not be done."""
    due_at: list[Any] = field(default_factory=list)
    """Of what it did."""
    outcome_of: Callable[[str], dict[str, Any]] = lambda part: {}
    """When it shows that a phone was not reached, by phone, None if it was; of a part that tells."""
    failed_at: dict[str, Any] = field(default_factory=dict)
    is_exact: bool = True
    """False once late alerts have joined it with another: then it is only held against what may never be."""

    def know(self, *, severity: Severity, is_taken: bool, is_quiet: bool, is_over: bool) -> None:
        """What is so of the episode now."""
        if severity.rank > self.worst:
            self.worst = severity.rank
            self.needed = False
        self.taken_until = NEVER if is_taken else -1
        self.snoozed = Whenever(lambda _: is_quiet)  # type: ignore[assignment]
        self.is_over = is_over

    @property
    def needs(self) -> bool:
        """Whether somebody is needed."""
        return (
            self.reached is not None
            and not self.is_over
            and self.taken_until < 0
            and 0 not in self.snoozed
        )

    def look(self, now: Any, *, is_on: bool) -> None:
        """Do what is due."""
        needed = self.needs
        if needed and not self.needed:
            self.this_time.clear()
            self.furthest = -1
            self.since = now
            self.waiting.clear()
        self.needed = needed
        redone: list[tuple[Any, int]] = []
        while needed and (due := self.first_due(now)):
            step, cause, parts = due
            if not is_on:
                self.waiting.setdefault(step.step_id, now)
                return
            if cause == "interrupted":
                # A new push stands for the one before, of which nobody knows any more.
                redone += [one for one in self.hurry if one[1] == step.after]
            self.did.append((now, step.step_id, cause, tuple(sorted(parts))))
            self.due_at.append(self.waiting.pop(step.step_id, now))
            self.begun.pop(step.step_id, None)
            self.parts.setdefault(step.step_id, set()).update(parts)
            self.last[step.step_id] = now
            self.this_time[step.step_id] += 1
            self.furthest = max(self.furthest, step.after)
            self.look_at_pushes(now, step, parts, set())
        self.hurry = [one for one in self.hurry if one not in redone]

    @override
    def look_at_pushes(self, now: Any, step: Step, parts: set[str], off: set[str]) -> None:
        told: dict[str, Any] = {}
        for part in sorted(parts):
            if part.startswith("tell:"):
                told |= self.outcome_of(part.removeprefix("tell:"))
        if self.worst == Severity.HIGH.rank:
            self.fail(
                {phone: now + at for phone, at in told.items() if at is not None},
                len(told),
                step.after,
            )

    def join(self, newer: Watch) -> None:
        """Late alerts have joined it, which was over, with a newer one: what was done about either was done about both."""
        for step_id, parts in newer.parts.items():
            self.parts.setdefault(step_id, set()).update(parts)
        self.last |= newer.last
        self.begun |= newer.begun
        self.this_time, self.furthest = newer.this_time, newer.furthest
        self.needed, self.since = newer.needed, newer.since
        self.waiting = newer.waiting
        self.hurry += newer.hurry
        self.worst = max(self.worst, newer.worst)
        for one, at in newer.failed_at.items():
            self.failed_at[one] = min(at, self.failed_at.get(one, NEVER))

    def fail(self, failed: dict[str, Any], told: int, after: int) -> None:
        """Know that pushes of a step fail, and when."""
        news = [at for one, at in failed.items() if at < self.failed_at.get(one, NEVER)]
        if news:
            self.hurry.append((min(news), after))
        elif failed and len(failed) == told:
            self.hurry.append((max(failed.values()), after))
        for one, at in failed.items():
            self.failed_at[one] = min(at, self.failed_at.get(one, NEVER))

    def restart(
        self,
        records: Sequence[StepRecord],
        receipts: Sequence[Receipt],
        minute: Callable[[datetime], Any],
    ) -> None:
        """Know what is on disk, and nothing else, after a crash."""
        for memory in self.parts, self.last, self.begun, self.this_time, self.failed_at:
            memory.clear()
        self.hurry.clear()
        self.furthest = -1
        newest = max((minute(record.since) for record in records), default=None)
        if newest is not None and (self.since is None or newest > self.since):
            # Of the moment in which it died nobody knew.
            self.since, self.needed = newest, True
            self.taken_until, self.snoozed = -1, range(0)
        for record in records:
            step_id = record.key.step_id
            parts = {f"{one.kind}:{one.target}" for one in record.parts}
            begun = minute(record.begun_at)
            if record.done_at is None:
                self.begun[step_id] = self.begun.get(step_id, set()) | parts
            else:
                self.parts.setdefault(step_id, set()).update(parts)
                self.last[step_id] = max(begun, self.last.get(step_id, begun))
                if self.since is not None and begun >= self.since:
                    self.this_time[step_id] += 1
                    self.furthest = max(self.furthest, record.after)
            theirs = [
                one for one in receipts if one.key == record.key and one.severity is Severity.HIGH
            ]
            failed = {}
            for one in theirs:
                if one.delivery is Delivery.FAILED:
                    failed[one.phone] = minute(one.settled_at)
                elif one.delivery is Delivery.SENT:
                    failed[one.phone] = minute(one.sent_at) + 1
            self.fail(failed, len(theirs), record.after)

    def moments(self, now: Any) -> Iterable[Any]:
        """When it may have something to do next."""
        if self.reached is None or self.is_over:
            return
        for step in self.plan.steps:
            yield self.reached + step.after
            if step.every and step.step_id in self.last:
                yield self.last[step.step_id] + step.every
        yield from (at for at, _ in self.hurry)
