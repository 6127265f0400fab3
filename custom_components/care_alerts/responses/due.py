"""What is due of a plan, as data: `steps` works it out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .log import StepKey, StepRecord
from .plan import Part, PartKind, Step


class Progress(StrEnum):
    """Where a plan is with an episode."""

    NOT_MEANT = "not_meant"  # the episode is not one of the plan
    RUNNING = "running"
    SNOOZED = "snoozed"
    ACKNOWLEDGED = "acknowledged"
    OVER = "over"


class Cause(StrEnum):
    """Why a step is due."""

    TIME = "time"  # its time has come, or evidence has made it come
    AGAIN = "again"  # it got worse, or an acknowledgement or a snooze is over
    REPEAT = "repeat"
    ADDED = "added"  # the step was done, but not all that it does now
    INTERRUPTED = "interrupted"  # a crash came in between


@dataclass(frozen=True, slots=True, kw_only=True)
class DueStep:
    """A step to be done: which `parts` of it, since when it is `due_at`, and since when somebody is needed.

    `redelivered`: some of it may have been done before; `unsure`: what else a crash left of it that is not
    done again now.
    """

    key: StepKey
    step: Step
    parts: frozenset[Part]
    cause: Cause
    due_at: datetime
    since: datetime
    redelivered: bool
    unsure: frozenset[Part]

    def targets(self, kind: PartKind) -> list[str]:
        """Whom to tell, which lamps to light, or where to speak."""
        return sorted(part.target for part in self.parts if part.kind is kind)

    def record(self, now: datetime) -> StepRecord:
        """What to write down before it is done."""
        return StepRecord(
            key=self.key,
            after=self.step.after,
            parts=self.parts,
            since=self.since,
            begun_at=now,
            redelivered=self.redelivered,
            unsure=self.unsure,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is due now, in order, and what comes next (`next_step`, at `next_at`) if nobody does anything.

    While something is due, that is the next. At `next_at` it is to be worked out anew.
    """

    progress: Progress
    due: Sequence[DueStep] = ()
    next_step: Step | None = None
    next_at: datetime | None = None
