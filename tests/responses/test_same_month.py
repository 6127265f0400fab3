"""Days of one wearer in both sources against what truly was: Dexcom one to three hours late, Tidepool live with gaps.

`pytest tests/responses/test_same_month.py --thorough -s` tries a month and prints its figures, and why somebody was told
anew of what they had been told of; `SEED=8` before it tries another. Otherwise it is two days.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
import os
from random import Random

import pytest

from custom_components.care_alerts.alerts.joining import Condition, condition_of
from custom_components.care_alerts.responses.episodes import EpisodeRef, people_as, refs_since
from custom_components.care_alerts.responses.notification import pressed
from custom_components.care_alerts.sources.targets import person_of
from simulator.dexcom import EVERY
from simulator.dexcom.wearer import Thresholds
from tests.home import Home

from .mila import Mila

pytestmark = [pytest.mark.real_files, pytest.mark.timeout(0)]

SEED = int(os.environ.get("SEED", "7"))
FALLS = 1.5
"""mg/dL a minute: two thresholds are crossed some minutes apart."""
URGENT = 55
MINUTE = timedelta(minutes=1)
SECONDS = timedelta(seconds=5)
AROUND = 20 * MINUTE
AHEAD = 20 * MINUTE
"""How far Dexcom foretells."""
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Was:
    """What truly was: from when to when glucose was out of range, and how far."""

    condition: Condition
    start: datetime
    end: datetime
    extreme: float

    def at(self, moment: datetime) -> float | None:
        """The glucose at a time; None where it has nothing to do with this."""
        edge = min(moment - self.start, self.end - moment) / MINUTE
        limit = 70 if self.condition is Condition.LOW else 250
        way = -1 if self.condition is Condition.LOW else 1
        value = limit + way * FALLS * edge
        if way * (value - 110) <= 0:
            return None
        return max(value, self.extreme) if way < 0 else min(value, self.extreme)

    def __str__(self) -> str:
        """For who reads the figures."""
        return (
            f"{self.condition}, {self.extreme} mg/dL, {self.start:%d %H:%M} to {self.end:%d %H:%M}"
        )


@dataclass
class Truth:
    """All that truly was, what each source said of it and when, and who took it."""

    start: datetime
    days: int
    random: Random
    was: list[Was] = field(init=False)
    takings: list[tuple[datetime, frozenset[str]]] = field(default_factory=list)
    """When somebody said that they have it, and which episodes that was said of."""

    def __post_init__(self) -> None:
        """Have it happen."""
        self.was = list(self._story())
        self._late = [
            timedelta(minutes=self.random.randrange(60, 180)) for _ in range(self.days * 8 + 1)
        ]
        self._gaps = []
        for day in range(self.days):
            begin = self.start + timedelta(days=day, minutes=self.random.randrange(24 * 60))
            self._gaps.append((begin, begin + timedelta(minutes=self.random.randrange(30, 240))))

    def _story(self) -> Iterator[Was]:
        """Three things a day, an hour at least between two."""
        for day in range(self.days):
            for hour in (2, 10, 18):
                begin = self.start + timedelta(
                    days=day, hours=hour, minutes=5 * self.random.randrange(36)
                )
                is_low = hour == 2 or self.random.random() < 0.6
                extreme = self.random.choice((45, 58, 64)) if is_low else 280
                lasts = 5 * self.random.randrange(6, 18)
                condition = Condition.LOW if is_low else Condition.HIGH
                yield Was(condition, begin, begin + lasts * MINUTE, extreme)

    @property
    def end(self) -> datetime:
        """When it is over."""
        return self.start + timedelta(days=self.days)

    def glucose(self, moment: datetime) -> float:
        """What it was."""
        return next((value for one in self.was if (value := one.at(moment)) is not None), 110)

    def dexcom(self, moment: datetime) -> timedelta:
        """After how long Dexcom tells of a moment."""
        return self._late[int((moment - self.start) / timedelta(hours=3))]

    def tidepool(self, moment: datetime) -> timedelta:
        """After how long Tidepool does."""
        until = next((end for begin, end in self._gaps if begin <= moment < end), None)
        return until - moment if until else timedelta(seconds=20)

    def is_eventful(self, now: datetime) -> bool:
        """Whether something happens."""
        return any(one.start - AROUND <= now <= one.end + AROUND for one in self.was)

    # What the house could know.

    def _readings(self, was: Was) -> Sequence[datetime]:
        first = self.start + (was.start - 2 * AROUND - self.start) // EVERY * EVERY
        return [first + number * EVERY for number in range((was.end - first) // EVERY + 5)]

    def _is_foretold(self, moment: datetime) -> bool:
        now, before = round(self.glucose(moment)), round(self.glucose(moment - EVERY))
        return now > URGENT >= now + (now - before) * (AHEAD / EVERY)

    def is_urgent(self, was: Was, at: datetime) -> bool:
        """Whether a source had said that it is urgent, or Dexcom alone what it would come to."""
        moments = self._readings(was)
        live = max(one for one in moments if one + self.tidepool(one) <= at or one == moments[0])
        return any(
            (self.glucose(one) <= URGENT and one + min(self.dexcom(one), self.tidepool(one)) <= at)
            or (self._is_foretold(one) and one + self.dexcom(one) <= at and live < one + AHEAD)
            for one in moments
        )

    def is_still_urgent(self, was: Was, at: datetime) -> bool:
        """Whether it is as far as anybody knows: the source that is live, or the one whose word is newest."""
        moments = self._readings(was)
        live = [one for one in moments if one + self.tidepool(one) <= at]
        late = [one for one in moments if one + self.dexcom(one) <= at]
        return any(
            self.glucose(max(known, default=moments[0])) <= URGENT for known in (live, live + late)
        )

    def was_urgent_in_time(self, was: Was) -> bool:
        """Whether Tidepool told that it is urgent while it was so for some time yet."""
        return any(
            self.glucose(one) <= URGENT >= self.glucose(one + self.tidepool(one) + 2 * EVERY)
            for one in self._readings(was)
        )

    def reasons(
        self, was: Was, told: Iterable[datetime], ids: frozenset[str]
    ) -> Iterator[tuple[datetime, str | None]]:
        """Why it was right to tell of it each time; None where it was not.

        It is told, told once more when it is urgent, and again each time that it is urgent still an hour after somebody
        took it.
        """
        known: bool | None = None
        last: datetime | None = None
        for at in told:
            taken = [
                when
                for when, which in self.takings
                if not which.isdisjoint(ids) and (last or was.start) <= when <= at - HOUR
            ]
            is_urgent = self.is_urgent(was, at)
            reason = None
            if known is None:
                reason = "urgent" if is_urgent else "new"
            elif is_urgent > known:
                reason = "urgent now"
            elif known and taken and self.is_still_urgent(was, at):
                reason = f"urgent still, an hour after {max(taken):%H:%M}, when somebody took it"
            yield at, reason
            known, last = known or is_urgent, at


@dataclass
class Figures:
    """What the household made of it."""

    rightly: int = 0
    wrongly_joined: int = 0
    wrongly_parted: int = 0
    told: int = 0
    told_anew: int = 0
    told_twice: int = 0
    over_before_told: int = 0
    not_told: list[str] = field(default_factory=list)


async def test_the_household_has_what_truly_was(home: Home, request: pytest.FixtureRequest) -> None:
    days = 30 if request.config.getoption("--thorough") else 2
    random = Random(SEED)  # noqa: S311 # the same each time
    mila = await Mila.moves_in(
        home, steps=[{"step_id": "1", "after": 0, "tell": ["on_duty"]}], include_late=True
    )
    # It would take each leap of the clock for a callback that was slow, and keep where each task was made.
    mila.house.hass.loop.set_debug(False)
    truth = Truth(mila.house.now, days, random)
    mila.wearer.thresholds = Thresholds(low=75, rise=99, fall=99)
    mila.live(truth.start, truth.end, truth.glucose, delay=truth.dexcom, reaches=truth.tidepool)
    # A reading is there half a minute after it was taken.
    await mila.house.until(truth.start + MINUTE / 2)
    while mila.house.now < truth.end:
        await mila.house.until(
            mila.house.now + (5 if truth.is_eventful(mila.house.now) else 20) * MINUTE - SECONDS
        )
        # Whoever does something does it when the newest reading is known, and what comes of it in time comes then, too.
        await mila.house.pass_time(seconds=SECONDS.seconds)
        for shown in list(mila.annas.screen.values()):
            actions = shown["data"].get("actions")
            if actions and random.random() < 0.3:
                await mila.annas.press("I have it", shown)
                if asked := pressed(actions[0]["action"]):
                    truth.takings.append((mila.house.now, frozenset(asked[1])))

    figures = compared(mila, truth)
    print(f"\n{days} days, seed {SEED}: {len(truth.was)} lows and highs; {figures}")  # noqa: T201 # what it is for
    assert figures.wrongly_joined == figures.told_twice == 0
    assert figures.not_told == []
    assert figures.rightly + figures.wrongly_parted >= len(truth.was) - 1
    assert figures.wrongly_parted <= len(truth.was) // 10


def compared(mila: Mila, truth: Truth) -> Figures:
    """The episodes of the household against what truly was; says of each that was told anew why."""
    now = mila.house.now
    found = person_of(mila.house.hass, mila.devices[0])
    assert found
    refs = [
        ref
        for ref in refs_since(people_as(mila.house.hass, *found), truth.start, now, are_one=True)
        if condition_of(ref.episode.topic) in (Condition.LOW, Condition.HIGH)
    ]

    def is_of(ref: EpisodeRef, was: Was) -> bool:
        opened = [one.episode.opened.observed_at for one in ref.witnesses]
        return condition_of(ref.episode.topic) is was.condition and any(
            was.start - 2 * AROUND <= at <= was.end + AROUND for at in opened
        )

    figures = Figures()
    for ref in refs:
        figures.wrongly_joined += sum(is_of(ref, was) for was in truth.was) > 1
    state = mila.household.responder.store.state
    for was in truth.was:
        theirs = [ref for ref in refs if is_of(ref, was)]
        if now - was.end < timedelta(hours=3, minutes=30):
            # Dexcom has not told yet.
            figures.rightly += 1
            continue
        sources = {one.entry_id for ref in theirs for one in ref.witnesses}
        figures.rightly += len(theirs) == 1 and len(sources) == 2
        figures.wrongly_parted += len(theirs) > 1
        ids = frozenset[str]().union(*(ref.episode.ids for ref in theirs))
        told = [record.begun_at for record in state.of(ids).records]
        reasons = list(truth.reasons(was, told, ids))
        anew = [reason for _, reason in reasons if reason is None or "still" in reason]
        figures.told += len(told)
        figures.told_anew += len(anew) - anew.count(None)
        figures.told_twice += anew.count(None)
        if anew:
            print("\n".join(["", *_account(was, reasons, theirs)]))  # noqa: T201 # what it is for
        if not told:
            # What had ended before any source said it rings for nobody.
            alerts = [
                one for ref in theirs for part in ref.witnesses for one in part.episode.announced
            ]
            if min((alert.received_at for alert in alerts), default=was.start) >= was.end:
                figures.over_before_told += 1
            else:
                figures.not_told.append(f"{was}")
        elif truth.was_urgent_in_time(was) and not truth.is_urgent(was, max(told)):
            figures.not_told.append(f"urgent: {was}")
    return figures


def _account(
    was: Was, reasons: Iterable[tuple[datetime, str | None]], refs: Iterable[EpisodeRef]
) -> Iterator[str]:
    yield f"{was}"
    for at, reason in reasons:
        yield f"  told at {at:%H:%M:%S}: {reason or 'FOR NO REASON'}"
    for ref in refs:
        for part in ref.witnesses:
            episode = part.episode
            over = episode.ended_at and f"{episode.ended_at:%H:%M}, {episode.end_reason}"
            yield f"  {part.coordinator.source_type.key} {episode.topic.alert_type}, over: {over}"
            for alert in episode.announced:
                yield f"    {alert.state} {alert.observed_at:%H:%M}, came {alert.received_at:%H:%M}"
