"""Days of one wearer in both sources against what truly was: Dexcom one to three hours late, Tidepool live with gaps.

`pytest tests/responses/test_same_month.py --thorough -s` tries a month and prints its figures; otherwise it is two days.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import pytest

from custom_components.care_alerts.alerts.joining import Condition, condition_of
from custom_components.care_alerts.responses.episodes import EpisodeRef, people_as, refs_since
from custom_components.care_alerts.sources.targets import person_of
from simulator.dexcom.wearer import Thresholds
from tests.home import Home

from .mila import Mila

pytestmark = [pytest.mark.real_files, pytest.mark.timeout(0)]

SEED = 7
FALLS = 1.5
"""mg/dL a minute: two thresholds are crossed some minutes apart."""
MINUTE = timedelta(minutes=1)
AROUND = 20 * MINUTE


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


@dataclass
class Figures:
    """What the household made of it."""

    rightly: int = 0
    wrongly_joined: int = 0
    wrongly_parted: int = 0
    told: int = 0
    told_twice: int = 0
    over_before_told: list[Was] = field(default_factory=list)
    not_told: list[Was] = field(default_factory=list)


def story(random: Random, start: datetime, days: int) -> list[Was]:
    """Three things a day, an hour at least between two."""
    found = []
    for day in range(days):
        for hour in (2, 10, 18):
            begin = start + timedelta(days=day, hours=hour, minutes=5 * random.randrange(36))
            is_low = hour == 2 or random.random() < 0.6
            extreme = random.choice((45, 58, 64)) if is_low else 280
            lasts = 5 * random.randrange(6, 18)
            condition = Condition.LOW if is_low else Condition.HIGH
            found.append(Was(condition, begin, begin + lasts * MINUTE, extreme))
    return found


async def test_the_household_has_what_truly_was(home: Home, request: pytest.FixtureRequest) -> None:
    days = 30 if request.config.getoption("--thorough") else 2
    random = Random(SEED)  # noqa: S311 # the same each time
    mila = await Mila.moves_in(
        home, steps=[{"step_id": "1", "after": 0, "tell": ["on_duty"]}], include_late=True
    )
    start = mila.house.now
    truth = story(random, start, days)
    mila.wearer.thresholds = Thresholds(low=75, rise=99, fall=99)

    def curve(moment: datetime) -> float:
        return next((value for one in truth if (value := one.at(moment)) is not None), 110)

    lateness = [timedelta(minutes=random.randrange(60, 180)) for _ in range(days * 8 + 1)]
    gaps = []
    for day in range(days):
        begin = start + timedelta(days=day, minutes=random.randrange(24 * 60))
        gaps.append((begin, begin + timedelta(minutes=random.randrange(30, 240))))

    def reaches(moment: datetime) -> timedelta:
        until = next((end for begin, end in gaps if begin <= moment < end), None)
        return until - moment if until else timedelta(seconds=20)

    end = start + timedelta(days=days)
    mila.live(
        start,
        end,
        curve,
        delay=lambda moment: lateness[int((moment - start) / timedelta(hours=3))],
        reaches=reaches,
    )
    while mila.house.now < end:
        now = mila.house.now
        is_eventful = any(one.start - AROUND <= now <= one.end + AROUND for one in truth)
        await mila.house.until(now + (5 if is_eventful else 20) * MINUTE)
        for shown in list(mila.annas.screen.values()):
            if shown["data"].get("actions") and random.random() < 0.3:
                await mila.annas.press("I have it", shown)

    figures = compared(mila, truth, start)
    print(f"\n{days} days, seed {SEED}: {len(truth)} lows and highs; {figures}")  # noqa: T201 # what it is for
    assert figures.wrongly_joined == figures.told_twice == 0
    assert figures.not_told == []
    assert figures.rightly + figures.wrongly_parted >= len(truth) - 1
    assert figures.wrongly_parted <= len(truth) // 10


def compared(mila: Mila, truth: list[Was], start: datetime) -> Figures:
    """The episodes of the household against what truly was."""
    hass = mila.house.hass
    found = person_of(hass, mila.devices[0])
    assert found
    refs = [
        ref
        for ref in refs_since(people_as(hass, *found), start, mila.house.now, are_one=True)
        if condition_of(ref.episode.topic) in (Condition.LOW, Condition.HIGH)
    ]

    def is_of(ref: EpisodeRef, was: Was) -> bool:
        opened = [one.episode.opened.observed_at for one in ref.witnesses]
        return condition_of(ref.episode.topic) is was.condition and any(
            was.start - 2 * AROUND <= at <= was.end + AROUND for at in opened
        )

    figures = Figures()
    for ref in refs:
        figures.wrongly_joined += sum(is_of(ref, was) for was in truth) > 1
    state = mila.household.responder.store.state
    for was in truth:
        theirs = [ref for ref in refs if is_of(ref, was)]
        if mila.house.now - was.end < timedelta(hours=3, minutes=30):
            # Dexcom has not told yet.
            figures.rightly += 1
            continue
        sources = {one.entry_id for ref in theirs for one in ref.witnesses}
        figures.rightly += len(theirs) == 1 and len(sources) == 2
        figures.wrongly_parted += len(theirs) > 1
        tellings = [record for ref in theirs for record in state.of(ref.episode.ids).records]
        worse = set[int]()
        alerts = sorted(
            (alert for ref in theirs for one in ref.witnesses for alert in one.episode.announced),
            key=lambda alert: alert.received_at,
        )
        for alert in alerts:
            if alert.severity.rank >= 1 and alert.severity.rank > max(worse, default=-1):
                worse.add(alert.severity.rank)
        figures.told += len(tellings)
        figures.told_twice += max(0, len(tellings) - len(worse))
        if not tellings:
            # What had ended before any source said it rings for nobody.
            heard_at = min((alert.received_at for alert in alerts), default=was.start)
            (figures.over_before_told if heard_at >= was.end else figures.not_told).append(was)
    return figures
