"""Any night: alerts, also after it was over, acknowledgements, snoozes, edits of the plan, dead phones, absences, crashes.

What is done is held against a naive model, and against what may never be, whatever the model says.
"""

from collections import Counter
from datetime import time
from typing import Any

from hypothesis import event, given, settings, strategies as st

from custom_components.care_alerts.alerts.alert import Severity
from custom_components.care_alerts.responses.due import Cause, Progress
from custom_components.care_alerts.responses.plan import Plan, QuietHours, Step

from .build import HIGH, LAPSES_AFTER, LOW, MEDIUM, House, minute, minutes, plan
from .model import NEVER, Model

LAST = 90
"""Minutes. Much longer than an acknowledgement lasts."""
QUIET = range(15, 40)
LOOKED_AFTER = QuietHours(time(1, 15), time(1, 40))
"""`QUIET`, by the clock of the house."""

WHO = ("on_duty", "everybody", "anna", "ben")


@st.composite
def steps(draw: st.DrawFn) -> tuple[Step, ...]:
    """Steps of a plan; those of one id are changes of one another."""
    found = []
    for step_id in draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True)):
        tell = tuple(draw(st.lists(st.sampled_from(WHO), max_size=2, unique=True)))
        every = draw(st.sampled_from((None, None, 3, 7)))
        found.append(
            Step(
                step_id=step_id,
                after=draw(st.sampled_from((0, 0, 5, 10, 20, 45))),
                tell=tell,
                lights=draw(st.sampled_from(((), ("light.hall",)))) if tell else ("light.hall",),
                every=every,
                times=draw(st.sampled_from((None, 2))) if every else None,
            )
        )
    return tuple(found)


happenings = st.one_of(
    st.tuples(st.just("alert"), st.sampled_from((LOW, MEDIUM, HIGH))),
    st.tuples(st.just("acknowledge"), st.booleans()),
    st.tuples(st.just("unacknowledge"), st.none()),
    st.tuples(st.just("snooze"), st.sampled_from((1, 5, 30))),
    st.tuples(st.just("unsnooze"), st.none()),
    st.tuples(st.just("edit"), steps()),
    st.tuples(st.just("phones"), st.sets(st.sampled_from(WHO), max_size=2)),
    st.tuples(st.just("crash"), st.none()),
    st.tuples(st.just("gap"), st.integers(1, 30)),
    st.tuples(st.just("away"), st.integers(1, 40)),
)
nights = st.builds(
    lambda found, over: (*sorted(found, key=lambda one: one[0]), *over),
    st.lists(
        # Close to when steps are due, mostly.
        st.tuples(
            st.sampled_from((0, 1, 5, 6, 10, 11, 12, 20, 21, 25, 30, 40, 41, 60)), happenings
        ),
        min_size=1,
        max_size=12,
    ),
    st.just(()) | st.tuples(st.tuples(st.integers(60, LAST), st.just(("over", None)))),
)
ABOUT_WHAT_GOES_ON = ("acknowledge", "unacknowledge", "snooze", "unsnooze", "gap", "over")
type Happens = tuple[tuple[int, tuple[str, Any]], ...]


class Night:
    """The house and its model, in the same night."""

    def __init__(self, first: tuple[Step, ...], severity: Any) -> None:
        """An alert comes at minute 0."""
        self.house = House(plan=plan(*first, quiet_hours=LOOKED_AFTER))
        self.model = Model(self.house.plan, QUIET)
        self.house.alert(0, severity)
        self.model.alert(severity)
        self.off_until = 0
        self.will_crash = False
        self.expected: float | None = None
        self.has_expired = False
        self.goes_on_at: int | None = None

    def alert(self, at: int, severity: Severity) -> None:
        """An alert comes."""
        if self.has_expired:
            self.has_expired = self.model.is_over = False
            self.house.ended = None
        self.house.alert(at, severity)
        self.model.alert(severity)

    def acknowledge(self, at: int, lapses: bool) -> None:
        """Anna has it."""
        self.house.acknowledge(at, lapses=lapses)
        self.model.acknowledge(at + LAPSES_AFTER if lapses else NEVER)

    def unacknowledge(self, at: int, _: None) -> None:
        """Anna takes it back."""
        self.house.unacknowledge(at)
        self.model.unacknowledge(at)

    def snooze(self, at: int, how_long: int) -> None:
        """Anna wants quiet."""
        self.house.snooze(at, at + how_long)
        self.model.snooze(at, at + how_long)

    def unsnooze(self, at: int, _: None) -> None:
        """Anna wants to hear again."""
        self.house.log.unsnooze(minute(at))
        self.model.unsnooze(at)

    def edit(self, _: int, changed: tuple[Step, ...]) -> None:
        """Somebody changes the plan."""
        self.house.edit(*changed)
        self.model.plan = self.house.plan

    def phones(self, _: int, off: set[str]) -> None:
        """From now on the pushes to these fail."""
        self.house.silent_phones = off

    def away(self, at: int, how_long: int) -> None:
        """The house is down."""
        self.off_until = at + how_long
        self.house.restart()

    def crash(self, _: int, __: None) -> None:
        """A crash comes in the middle of the next step that is done."""
        self.will_crash = True

    def gap(self, at: int, how_long: int) -> None:
        """Nothing more is heard of it, so it is over; until an alert comes that is no worse."""
        if at:
            self.house.expire(at)
            self.has_expired = self.model.is_over = True
            self.goes_on_at = at + how_long

    def over(self, at: int, _: None) -> None:
        """The source says that it is over."""
        self.house.ended = minute(at)
        self.model.is_over = True

    def passes(self, night: Happens) -> None:
        """Minute by minute."""
        for at in range(LAST):
            now: list[tuple[str, Any]] = []
            if at >= self.off_until and (self.has_expired or not self.model.is_over):
                now = [one for when, one in night if when == at]
            if (
                self.has_expired
                and self.goes_on_at is not None
                and self.goes_on_at <= at >= self.off_until
            ):
                now = [("alert", LOW), *now]
            for what, how in now:
                if self.has_expired and what in ABOUT_WHAT_GOES_ON:
                    continue
                getattr(self, what)(at, how)
            is_on = at >= self.off_until
            crashes = self.will_crash and is_on and bool(self.house.due(at))
            if is_on and not now and self.expected is not None:
                assert bool(self.house.due(at)) is (self.expected <= at), "what was said to be next"
            self.model.minute(at, is_on=is_on, off=self.house.silent_phones, crashes=crashes)
            self.expected = None
            if is_on:
                self.does(at, crashes=crashes)

    def does(self, at: int, *, crashes: bool) -> None:
        """What the house does in a minute."""
        before = self.house.outlook(at)
        assert not before.due or before.progress is Progress.RUNNING
        self.house.run(at, crash_before_done=crashes)
        after = self.house.outlook(at)
        if crashes:
            self.will_crash = False
            assert [one for one in after.due if one.redelivered]
        else:
            assert not after.due, "all that is due was done"
        if not after.due:
            self.expected = NEVER if after.next_at is None else minutes(after.next_at)


@given(first=steps(), severity=st.sampled_from((LOW, MEDIUM, HIGH)), night=nights)
@settings(max_examples=200, deadline=None)
def test_any_night_is_as_the_model_has_it(
    first: tuple[Step, ...], severity: Any, night: Happens
) -> None:
    both = Night(first, severity)
    both.passes(night)
    house = both.house
    for one in house.done:
        event(one.cause)
    assert [(one.at, one.step_id, one.cause.value, one.parts) for one in house.done] == (
        both.model.did
    )


@given(first=steps(), severity=st.sampled_from((MEDIUM, HIGH)), night=nights)
@settings(max_examples=120, deadline=None)
def test_what_is_done_is_a_prefix_of_the_plan_each_once_or_marked(
    first: tuple[Step, ...], severity: Any, night: Happens
) -> None:
    """Whatever the model says: of the plan as it is when a step is done."""
    both = Night(first, severity)
    house = both.house
    plans: dict[int, Plan] = {}

    def do(due: Any, at: float) -> Any:
        plans[len(house.done)] = house.plan
        return begin(due, at)

    begin = house.begin
    house.begin = do  # type: ignore[method-assign]
    both.passes(night)

    had: dict[str, set[str]] = {}
    for number, one in enumerate(house.done):
        of_it = had.setdefault(one.step_id, set())
        if one.cause in (Cause.TIME, Cause.ADDED):
            assert one.redelivered or of_it.isdisjoint(one.parts), "done once"
        elif one.cause is Cause.INTERRUPTED:
            assert one.redelivered
        if one.redelivered:
            assert not of_it.isdisjoint(one.parts), "marked only where it may be"
        (step,) = (step for step in plans[number].steps if step.step_id == one.step_id)
        for earlier in plans[number].climb:
            if earlier.after < step.after:
                tells = {f"tell:{who}" for who in earlier.tell}
                assert tells <= had.get(earlier.step_id, set()), "a prefix"
        of_it |= set(one.parts)

    records = house.state.of(house.episode(minute(LAST)).ids).records
    begun = Counter(one.step_id for one in house.done)
    marked = Counter(one.step_id for one in house.done if one.cause is Cause.INTERRUPTED)
    written = Counter(one.key.step_id for one in records)
    assert begun - marked == written, "each doing is written down once, a second one is marked"


@given(first=steps(), back=st.integers(1, 90), at=st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_a_clock_that_is_set_back_doubles_nothing_and_loses_nothing(
    first: tuple[Step, ...], back: int, at: int
) -> None:
    house = House(plan=plan(*first))
    house.alert(0)
    house.run_until(at)
    began = len(house.done)
    # Once something was done, all else comes in its time from then on; before, the clock has to catch up.
    latest = at - back + 45 if began else 45
    house.run_until(latest, since=at - back)
    once = Counter(one.step_id for one in house.done if one.cause is not Cause.REPEAT)
    assert once == {step.step_id: 1 for step in first}
    last = {one.step_id: min(one.at, at - back) for one in house.done[:began]}
    for one in house.done[began:]:
        (step,) = (step for step in first if step.step_id == one.step_id)
        if one.cause is Cause.REPEAT:
            assert step.every is not None
            # As if it had been done when the clock was set, and its time has to come again by the new one.
            due = last[one.step_id] + step.every
            assert due <= one.at <= due + back
        last[one.step_id] = one.at
