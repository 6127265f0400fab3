"""Steps: what of a plan is due for an episode now, and what comes next and when.

A pure function of the plan, the episode, its times of quiet, what was done and the time. The rules:

1. **Nothing is due** when the episode is over, acknowledged or snoozed, or is not one of the plan.
2. **Each step is done once**, `after` its minutes: never before the steps that come before it. What is on
   disk as done is not done again. What a change of the plan adds to a step that was done is due by itself.
3. **It starts again at the step for now** - the last one whose time has come - each time that the episode
   needs somebody anew: it got worse, the acknowledgement lapsed or was taken back, a snooze is over, or it
   goes on after it was over: a late alert may join it with one that nobody answered hours ago. The minutes
   count on from the beginning: what has come due meanwhile is due at once.
4. **Repeats** come `every` so long after the step was last begun, so after an absence there is one, not
   many; `times` counts anew with each start.
5. **Evidence** that a push may not have reached its phone makes the step after it due now: `evidence`.
6. **Handled on the person's own device**, what was not begun comes a little later, if the plan says so
   (`handled_wait`), and then it comes: nobody in the house has it.
7. **Begun and not done** is what a crash left: it is done again, marked `redelivered`, unless `running`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import cached_property
from itertools import accumulate

from ..alerts.response_log import Episode
from ..alerts.snooze import Span
from .due import Cause, DueStep, Outlook, Progress
from .evidence import evidence
from .log import EpisodeResponse, StepKey, StepRecord
from .plan import Part, Plan, Step


def outlook(
    plan: Plan,
    episode: Episode,
    response: EpisodeResponse,
    *,
    quiet: Sequence[Span],
    zone: tzinfo,
    now: datetime,
    running: Collection[StepKey] = (),
) -> Outlook:
    """Work out what is due for an episode.

    `quiet` is when it was and will be snoozed (`ResponseLog.quiet`), `response` what was done
    (`ResponseState.of(episode.ids)`), `running` what is being done at this moment.
    """
    reached = plan.reached_at(episode)
    if reached is None:
        return Outlook(progress=Progress.NOT_MEANT)
    if not episode.is_open:
        return Outlook(progress=Progress.OVER)
    climb = _Climb(plan, episode, response, quiet, zone, reached, now, frozenset(running))
    progress = climb.progress(now)
    for moment in (now, *climb.moments()):
        if due := climb.due(moment):
            return Outlook(
                progress=progress,
                due=due if moment == now else (),
                next_step=due[0].step,
                next_at=due[0].due_at if moment == now else moment,
            )
    return Outlook(progress=progress)


@dataclass(frozen=True)
class _Climb:
    plan: Plan
    episode: Episode
    response: EpisodeResponse
    quiet: Sequence[Span]
    zone: tzinfo
    reached: datetime
    now: datetime
    running: frozenset[StepKey]

    def progress(self, at: datetime) -> Progress:
        held = self.episode.acknowledgement
        if held and held.covers_all_of(self.episode.span, at):
            return Progress.ACKNOWLEDGED
        if any(since <= at < until for since, until in self.quiet):
            return Progress.SNOOZED
        return Progress.RUNNING

    @cached_property
    def records(self) -> Sequence[StepRecord]:
        return [one for one in self.response.records if one.key.plan_id == self.plan.plan_id]

    @cached_property
    def done(self) -> Sequence[StepRecord]:
        return [one for one in self.records if self.is_done(one)]

    def is_done(self, record: StepRecord) -> bool:
        """Whether it was done, or is being done; else a crash came in between."""
        return record.done_at is not None or record.key in self.running

    @cached_property
    def started(self) -> Sequence[datetime]:
        """When the episode needed somebody anew, but for the ends of snoozes."""
        moments = [self.reached]
        episode = self.episode
        moments += [at for at in (episode.unacknowledged_since, episode.reopened_at) if at]
        worst = -1
        for alert in sorted(self.episode.announced, key=lambda alert: alert.received_at):
            if alert.severity.rank > worst:
                worst = alert.severity.rank
                moments.append(alert.received_at)
        return moments

    def since(self, at: datetime) -> datetime:
        """Since when the episode has needed somebody, as of a moment when it does."""
        moments = [*self.started, *(until for _, until in self.quiet if until <= at)]
        # It may have expired since the episode was looked at.
        held = self.episode.acknowledgement
        if held and held.expires_at and held.expires_at <= at:
            moments.append(held.expires_at)
        return max(moments)

    @cached_property
    def times(self) -> Sequence[tuple[Step, datetime]]:
        """The steps in order, and when the time of each comes: none later than that of the next."""
        # What answers this episode was begun after it came; where it says before, the clock was set back.
        begun = (one.begun_at for one in self.records if one.since >= self.reached)
        begin = min([self.reached, self.now, *begun])
        steps = self.plan.climb
        known = {one.key.step_id for one in self.records if one.since >= self.reached}
        wait = timedelta(minutes=self.plan.handled_wait if self.episode.handled_at else 0)
        times = [
            begin + timedelta(minutes=step.after) + (timedelta() if step.step_id in known else wait)
            for step in steps
        ]
        for after, moment in evidence(self.records, self.response.receipts):
            following = next((step.after for step in steps if step.after > after), None)
            times = [
                min(time, moment) if step.after == following else time
                for step, time in zip(steps, times, strict=True)
            ]
        times.reverse()
        return list(zip(steps, reversed(list(accumulate(times, min))), strict=True))

    def due(self, at: datetime) -> Sequence[DueStep]:
        if self.progress(at) is not Progress.RUNNING:
            return ()
        severity = self.episode.severity
        ready = [
            (step, time, parts)
            for step, time in self.times
            if time <= at and (parts := self.plan.parts_now(step, severity, at, self.zone))
        ]
        since = self.since(at)
        # What was done this time may be further on: lamps that are not for quiet hours.
        reached = max((one.after for one in self.done if one.since >= since), default=0)
        found = (
            self._due(
                step, time, parts, at, since, is_for_now=step.after == ready[-1][0].after >= reached
            )
            for step, time, parts in ready
        )
        return [one for one in found if one]

    def _due(
        self,
        step: Step,
        time: datetime,
        parts: frozenset[Part],
        at: datetime,
        since: datetime,
        *,
        is_for_now: bool,
    ) -> DueStep | None:
        records = [one for one in self.records if one.key.step_id == step.step_id]
        done = [one for one in records if self.is_done(one)]
        had = frozenset[Part]().union(*(one.parts for one in done))
        missing = parts - had
        left = frozenset[Part]().union(*(one.unsure for one in records)) - had
        number = max((one.key.number + 1 for one in records), default=0)
        new_key = StepKey(self.episode.episode_id, self.plan.plan_id, step.step_id, number)

        def due(
            cause: Cause,
            from_when: datetime,
            what: frozenset[Part] = parts,
            interrupted: StepRecord | None = None,
        ) -> DueStep:
            begun = interrupted.parts | interrupted.unsure if interrupted else frozenset[Part]()
            return DueStep(
                key=interrupted.key if interrupted else new_key,
                step=step,
                parts=what,
                cause=cause,
                due_at=min(max(from_when, since), at),
                since=since,
                redelivered=bool(what & (begun | left)),
                unsure=begun - what,
            )

        for record in records:
            if not self.is_done(record) and record.parts & parts:
                again = (record.parts & parts) | missing
                return due(Cause.INTERRUPTED, record.begun_at, again, record)
        if not done:
            return due(Cause.TIME, time)
        this_time = sum(one.since >= since for one in done)
        if is_for_now and not this_time:
            return due(Cause.AGAIN, time)
        if step.every and (step.times is None or this_time < step.times):
            repeat_at = max(one.begun_at for one in done) + timedelta(minutes=step.every)
            if repeat_at <= at:
                return due(Cause.REPEAT, repeat_at)
        return due(Cause.ADDED, at, missing) if missing else None

    def moments(self) -> Sequence[datetime]:
        """When something may be due next: what lies between two of them changes nothing."""
        moments = {time for _, time in self.times} | {until for _, until in self.quiet}
        held = self.episode.acknowledgement
        if held and held.expires_at:
            moments.add(held.expires_at)
        for step in self.plan.steps:
            begun = [one.begun_at for one in self.done if one.key.step_id == step.step_id]
            if step.every and begun:
                moments.add(max(begun) + timedelta(minutes=step.every))
        if self.plan.quiet_hours:
            ends = [self.plan.quiet_hours.ends_at(one, self.zone) for one in (self.now, *moments)]
            moments |= {one for one in ends if one}
        return sorted(one for one in moments if one > self.now)
