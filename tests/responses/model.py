"""A naive model of a plan at work: told what happens minute by minute, it remembers, and never looks back.

`steps` is the other way round: it remembers nothing and works all out anew from what is on disk. Both have
to do the same things in the same minutes.
"""

from collections import Counter
from dataclasses import dataclass, field

from custom_components.care_alerts.alerts.alert import Severity
from custom_components.care_alerts.responses.plan import Plan, Step

NEVER = 10**9


@dataclass
class Model:
    """A runner with a memory. `quiet` is when lamps are only for severity high, in minutes."""

    plan: Plan
    quiet: range = range(0)
    did: list[tuple[int, str, str, tuple[str, ...]]] = field(default_factory=list)

    worst: int = -1
    reached: int | None = None
    taken_until: int = -1
    taken_severity: int = -1
    snoozed: range = range(0)
    is_over: bool = False
    needed: bool = False

    parts: dict[str, set[str]] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    begun: dict[str, set[str]] = field(default_factory=dict)
    """What a crash left."""
    this_time: Counter[str] = field(default_factory=Counter)
    furthest: int = -1
    failed: set[str] = field(default_factory=set)
    hurry: list[tuple[int, int]] = field(default_factory=list)

    # What happens.

    def alert(self, severity: Severity) -> None:
        """An alert comes; one that is worse makes the episode need somebody anew."""
        if severity.rank > self.worst:
            self.worst = severity.rank
            self.needed = False  # anew
            if self.worst > self.taken_severity:
                self.taken_until = -1

    def acknowledge(self, until: int) -> None:
        """Somebody has it as bad as it is."""
        self.taken_until, self.taken_severity = until, self.worst

    def unacknowledge(self, now: int) -> None:
        """They take it back: somebody is needed anew."""
        if now < self.taken_until:
            self.needed = False
        self.taken_until = -1

    def snooze(self, now: int, until: int) -> None:
        """Quiet; what is snoozed again is so until the new time."""
        lasts = now in self.snoozed or now == self.snoozed.stop
        self.snoozed = range(self.snoozed.start if lasts and len(self.snoozed) else now, until)

    def unsnooze(self, now: int) -> None:
        """No more quiet."""
        if now in self.snoozed:
            self.snoozed = range(self.snoozed.start, now)

    # What is done about it.

    def minute(self, now: int, *, is_on: bool, off: set[str], crashes: bool = False) -> None:
        """One minute; `off` are phones whose pushes fail."""
        if self.reached is None and self.worst >= self.plan.least_severity.rank:
            self.reached = now
        needed = (
            self.reached is not None
            and not self.is_over
            and now >= self.taken_until
            and now not in self.snoozed
        )
        if needed and not self.needed:
            self.this_time.clear()
            self.furthest = -1
        self.needed = needed
        while needed and is_on and (due := self.first_due(now)):
            step, cause, parts = due
            self.did.append((now, step.step_id, cause, tuple(sorted(parts))))
            if crashes:
                self.begun[step.step_id] = parts
                return
            self.begun.pop(step.step_id, None)
            self.parts.setdefault(step.step_id, set()).update(parts)
            self.last[step.step_id] = now
            self.this_time[step.step_id] += 1
            self.furthest = max(self.furthest, step.after)
            self.look_at_pushes(now, step, parts, off)

    def look_at_pushes(self, now: int, step: Step, parts: set[str], off: set[str]) -> None:
        """Whether the next step must not wait."""
        told = {part.removeprefix("tell:") for part in parts if part.startswith("tell:")}
        failing = told & off
        if self.worst == Severity.HIGH.rank and failing:
            if failing - self.failed or failing == told:
                self.hurry.append((now, step.after))
            self.failed |= failing

    def first_due(self, now: int) -> tuple[Step, str, set[str]] | None:
        """The first step that is due, why, and what of it."""
        steps = []
        for step in sorted(self.plan.steps, key=lambda step: step.after):
            lamps = self.worst == Severity.HIGH.rank or now not in self.quiet
            may = {
                f"{part.kind}:{part.target}" for part in step.parts if lamps or part.kind == "tell"
            }
            if self.has_come(step, now) and may:
                steps.append((step, may))
        for step, may in steps:
            had = self.parts.get(step.step_id, set())
            begun = self.begun.get(step.step_id)
            if begun and begun & may:
                return step, "interrupted", (begun & may) | (may - had)
            if step.step_id not in self.last:
                return step, "time", may
            if (
                not self.this_time[step.step_id]
                and step.after == steps[-1][0].after
                and step.after >= self.furthest
            ):
                return step, "again", may
            if (
                step.every
                and self.this_time[step.step_id] < (step.times or NEVER)
                and now >= self.last[step.step_id] + step.every
            ):
                return step, "repeat", may
            if may - had:
                return step, "added", may - had
        return None

    def has_come(self, step: Step, now: int) -> bool:
        """Whether its time has come, or that of a later one, or a push before it has failed."""
        assert self.reached is not None
        afters = sorted(one.after for one in self.plan.steps)
        if any(self.reached + after <= now for after in afters if after >= step.after):
            return True
        for since, after in self.hurry:
            following = [one for one in afters if one > after]
            if since <= now and following and step.after <= following[0]:
                return True
        return False
