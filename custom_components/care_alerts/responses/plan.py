"""Plans: which alerts a house acts on, whom it tells, how loud, and when it climbs.

Times of a plan count from when an episode reached the house (`Plan.reached_at`), not from when it was
observed: some sources are hours late, and nobody could be told before.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import combinations
from typing import Any, Final

from ..alerts.alert import Severity
from ..alerts.response_log import Episode
from ..alerts.stored import Stored

EVERYBODY: Final = "everybody"
"""In `Step.tell`: all caregivers, on duty or not."""
ON_DUTY: Final = "on_duty"
"""In `Step.tell`: whoever is on duty at that moment."""
ALWAYS: Final = "always"
"""As `Caregiver.duty`: on duty day and night."""

_DAY: Final = timedelta(days=1)


class Text(StrEnum):
    """How much a notification says."""

    FULL = "full"
    NEUTRAL = "neutral"  # no health data: for shared phones and lock screens


@dataclass(frozen=True, slots=True, kw_only=True)
class Caregiver:
    """Somebody who can be told.

    `person` is the entity of a Home Assistant person, `phones` are device ids of mobile_app, `notify` are
    notify entities. `duty` is `always` or the id of a schedule or calendar entity. `break_through`: the
    severities that ring through silent mode. `live_status`: while an episode is open, phones that can show it
    as a status that stays on the screen, too.
    """

    caregiver_id: str
    name: str
    person: str | None = None
    phones: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()
    duty: str = ALWAYS
    break_through: frozenset[Severity] = frozenset({Severity.HIGH})
    text: Text = Text.FULL
    live_status: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SamePerson:
    """Somebody whom several sources have: `people` are the device ids of what each has of them, the first for show."""

    same_id: str
    name: str
    people: tuple[str, ...] = ()


class PartKind(StrEnum):
    """What can be done in a step."""

    TELL = "tell"
    LIGHT = "light"
    SPEAKER = "speaker"


@dataclass(frozen=True, slots=True, order=True)
class Part(Stored):
    """The smallest thing a step does: tell those, light that lamp, speak there.

    What was done is kept by its parts, so after a change of a plan only what is new is left to do.
    """

    kind: PartKind
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rung: what is done `after` so many minutes without an answer.

    `tell` holds `on_duty`, `everybody` or ids of caregivers; `colour` is red, green, blue from 0 to 255;
    `volume` is in percent. Done again `every` so many minutes (None: once), `times` in all each time the
    plan starts (None: until somebody answers). `step_id` stays when the step is changed.
    """

    step_id: str
    after: int
    tell: tuple[str, ...] = ()
    lights: tuple[str, ...] = ()
    colour: tuple[int, int, int] = (255, 0, 0)
    flash: bool = False
    speakers: tuple[str, ...] = ()
    tts: str | None = None
    volume: int = 60
    every: int | None = None
    times: int | None = None

    @property
    def parts(self) -> frozenset[Part]:
        """All that it does."""
        return frozenset(
            Part(kind, target)
            for kind, targets in (
                (PartKind.TELL, self.tell),
                (PartKind.LIGHT, self.lights),
                (PartKind.SPEAKER, self.speakers),
            )
            for target in targets
        )


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Each night from `start` to before `end` by the house's clock: lights and speakers only for severity high.

    A time that the clock shows twice counts the first time. One that it leaps over counts as if it had
    not leapt: half past two is then half past three.
    """

    start: time
    end: time

    def ends_at(self, now: datetime, zone: tzinfo) -> datetime | None:
        """When the quiet that is on at `now` is over, in UTC; None if there is none now."""
        today = now.astimezone(zone).date()
        # Of two nights, as the clock may be past midnight; of the day after, where the end leaps over it.
        for day in (today - _DAY, today):
            ends_on = day if self.start < self.end else day + _DAY
            end = _instant(ends_on, self.end, zone)
            if _instant(day, self.start, zone) <= now < end:
                return end
        return None


def _instant(day: date, clock: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is done about which alerts.

    `whose` is a target of Home Assistant (empty: everybody), `alert_types` is empty for all. Only alerts of
    `least_severity` count, and late ones only with `include_late`: who is told at night of what was over
    hours ago does not look the next time. `source_silent`: who is on duty is also told that a source has
    fallen silent or refuses its login. `handled_wait`: so many minutes later come the steps of what somebody
    has answered on the person's own device (0: no later). `morning`: when who is on duty is told each day how the
    night was, by the house's clock; None: they are not.
    """

    plan_id: str
    name: str
    whose: Mapping[str, Any] = field(default_factory=dict)
    alert_types: frozenset[str] = frozenset()
    least_severity: Severity = Severity.MEDIUM
    include_late: bool = False
    quiet_hours: QuietHours | None = None
    source_silent: bool = True
    handled_wait: int = 0
    morning: time | None = None
    steps: tuple[Step, ...] = ()

    @property
    def climb(self) -> Sequence[Step]:
        """Its steps in the order in which they come."""
        return sorted(self.steps, key=lambda step: step.after)

    def reached_at(self, episode: Episode) -> datetime | None:
        """When an episode became one of this plan; None while it is not.

        That is when the first alert came with which it was bad enough, and not all of it late.
        """
        bad_enough = timely = False
        for alert in sorted(episode.announced, key=lambda alert: alert.received_at):
            # What is one for the household may be of several types.
            if self.alert_types and alert.alert_type not in self.alert_types:
                continue
            bad_enough |= alert.severity.rank >= self.least_severity.rank
            timely |= self.include_late or not alert.late
            if bad_enough and timely:
                return alert.received_at
        return None

    def parts_now(
        self, step: Step, severity: Severity, now: datetime, zone: tzinfo
    ) -> frozenset[Part]:
        """What of a step may be done at `now`: in quiet hours nobody is woken by a lamp for less than high."""
        parts = step.parts
        if (
            self.quiet_hours is None
            or severity is Severity.HIGH
            or self.quiet_hours.ends_at(now, zone) is None
        ):
            return parts
        return frozenset(part for part in parts if part.kind is PartKind.TELL)


def plans_for(
    plans: Iterable[Plan], episode: Episode, is_meant: Callable[[Plan], bool]
) -> list[Plan]:
    """The plans that an episode is one of; `is_meant` says whether a plan's `whose` holds its person and type.

    All of them are followed, each by itself.
    """
    return [plan for plan in plans if plan.reached_at(episode) and is_meant(plan)]


def overlapping(
    plans: Iterable[Plan], whose: Mapping[str, Collection[str]]
) -> list[tuple[Plan, Plan]]:
    """Pairs of plans that could both act on one alert, each told twice.

    `whose` gives, by plan id, what its target comes to now: anything that stands for the same person
    alike in both. Severities always meet, at high.
    """
    return [
        (one, other)
        for one, other in combinations(plans, 2)
        if (
            not one.alert_types
            or not other.alert_types
            or not one.alert_types.isdisjoint(other.alert_types)
        )
        and not set(whose.get(one.plan_id, ())).isdisjoint(whose.get(other.plan_id, ()))
    ]


def proposed_plan(
    plan_id: str,
    name: str,
    *,
    lights: tuple[str, ...] = (),
    speakers: tuple[str, ...] = (),
    tts: str | None = None,
) -> Plan:
    """The plan that only needs a "yes".

    The minutes are ours. 0: an alert may be late already. 10: long enough to get up and look, short enough
    for an urgent low. 20, every 5: by then two rounds of phones went unheard; a lamp or a voice is noticed
    from another room, and 5 minutes let somebody who was woken reach a phone. All phones ring with the last
    step, too: without lights and speakers it would be no step.
    """
    return Plan(
        plan_id=plan_id,
        name=name,
        steps=(
            Step(step_id="1", after=0, tell=(ON_DUTY,)),
            Step(step_id="2", after=10, tell=(EVERYBODY,)),
            Step(
                step_id="3",
                after=20,
                tell=(EVERYBODY,),
                lights=lights,
                speakers=speakers if tts else (),
                tts=tts,
                every=5,
            ),
        ),
    )
