"""Which plans act on an episode, when it is quiet, and what the proposal says."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.care_alerts.responses.plan import (
    EVERYBODY,
    ON_DUTY,
    PartKind,
    QuietHours,
    overlapping,
    plans_for,
    proposed_plan,
)

from .build import HIGH, LOW, MEDIUM, House, minute, plan

BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
"""Its clock is changed by half an hour."""


def local(zone: ZoneInfo, *parts: int, fold: int = 0) -> datetime:
    """A moment by the clock of a zone, in UTC."""
    return datetime(*parts, tzinfo=zone, fold=fold).astimezone(UTC)  # type: ignore[misc,arg-type]


NIGHT = QuietHours(time(22), time(7))


@pytest.mark.parametrize(
    ("hours", "day", "hour", "ends"),
    [
        (NIGHT, 5, 21, None),
        (NIGHT, 5, 22, (6, 7)),
        (NIGHT, 6, 0, (6, 7)),
        (NIGHT, 6, 6, (6, 7)),
        (NIGHT, 6, 7, None),
        (QuietHours(time(13), time(15)), 6, 12, None),
        (QuietHours(time(13), time(15)), 6, 13, (6, 15)),
        (QuietHours(time(13), time(15)), 6, 15, None),
        (QuietHours(time(22), time(0)), 6, 23, (7, 0)),
        (QuietHours(time(22), time(0)), 6, 0, None),
        (QuietHours(time(0), time(6)), 6, 0, (6, 6)),
    ],
)
def test_quiet_hours(hours: QuietHours, day: int, hour: int, ends: tuple[int, int] | None) -> None:
    now = local(BERLIN, 2026, 5, day, hour)
    expected = ends and local(BERLIN, 2026, 5, ends[0], ends[1])
    assert hours.ends_at(now, BERLIN) == expected


@pytest.mark.parametrize(
    ("hours", "starts", "ends"),
    [
        # The clock goes from 02:00 to 03:00 on 29 March 2026: what it leaps over comes an hour later by it.
        (NIGHT, (2026, 3, 28, 22), (2026, 3, 29, 7)),
        (QuietHours(time(22), time(2, 30)), (2026, 3, 28, 22), (2026, 3, 29, 3, 30)),
        (QuietHours(time(2, 30), time(6)), (2026, 3, 29, 3, 30), (2026, 3, 29, 6)),
        # And from 03:00 back to 02:00 on 25 October: the first 02:30 counts.
        (NIGHT, (2026, 10, 24, 22), (2026, 10, 25, 7)),
        (QuietHours(time(22), time(2, 30)), (2026, 10, 24, 22), (2026, 10, 25, 2, 30)),
        (QuietHours(time(2, 30), time(6)), (2026, 10, 25, 2, 30), (2026, 10, 25, 6)),
    ],
)
def test_quiet_hours_when_the_clock_is_changed(
    hours: QuietHours, starts: tuple[int, ...], ends: tuple[int, ...]
) -> None:
    start, end = local(BERLIN, *starts), local(BERLIN, *ends)
    quarter = timedelta(minutes=15)
    for number in range(-8, round((end - start) / quarter) + 8):
        now = start + number * quarter
        assert hours.ends_at(now, BERLIN) == (end if start <= now < end else None), now


@given(
    start=st.times(),
    length=st.integers(1, 24 * 60 - 1),
    zone=st.sampled_from((BERLIN, LORD_HOWE, ZoneInfo("America/St_Johns"))),
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
@settings(max_examples=300)
def test_quiet_is_unbroken_and_ends(
    start: time, length: int, zone: ZoneInfo, now: datetime
) -> None:
    at = datetime.combine(datetime(2026, 1, 1), start)  # noqa: DTZ001
    hours = QuietHours(start, (at + timedelta(minutes=length)).time())
    ends = hours.ends_at(now, zone)
    if ends is None:
        return
    assert now < ends
    assert ends - now <= timedelta(minutes=length + 60)
    halfway = now + (ends - now) / 2
    assert hours.ends_at(halfway, zone) == ends, "quiet until then, without a break"
    assert hours.ends_at(ends, zone) != ends


def test_lamps_and_speakers_only_for_high_in_quiet_hours() -> None:
    night = replace(proposed_plan("p", "P", lights=("light.a",)), quiet_hours=NIGHT)
    last = night.steps[-1]
    asleep, awake = local(BERLIN, 2026, 5, 6, 2), local(BERLIN, 2026, 5, 6, 12)
    for severity, now, lit in (
        (HIGH, asleep, True),
        (MEDIUM, asleep, False),
        (MEDIUM, awake, True),
        (LOW, awake, True),
    ):
        kinds = {part.kind for part in night.parts_now(last, severity, now, BERLIN)}
        assert PartKind.TELL in kinds
        assert (PartKind.LIGHT in kinds) is lit


def test_the_proposal() -> None:
    proposed = proposed_plan(
        "p", "P", lights=("light.a",), speakers=("media_player.a",), tts="tts.a"
    )
    assert [(one.after, one.tell, one.every, one.times) for one in proposed.steps] == [
        (0, (ON_DUTY,), None, None),
        (10, (EVERYBODY,), None, None),
        (20, (EVERYBODY,), 5, None),
    ]
    assert [len(one.lights) + len(one.speakers) for one in proposed.steps] == [0, 0, 2]
    assert proposed.least_severity is MEDIUM
    assert not proposed.include_late
    # A house without lamps and speakers, or without a voice, still has three steps that do something.
    bare = proposed_plan("p", "P", speakers=("media_player.a",))
    assert [bool(one.parts) for one in bare.steps] == [True] * 3
    assert bare.steps[-1].speakers == ()


@pytest.mark.parametrize(
    ("more", "reached"),
    [
        # As soon as it is bad enough, of what the plan is for, and not all of it was late.
        ({"least_severity": LOW}, 2),
        ({"least_severity": MEDIUM}, 2),
        ({"least_severity": HIGH}, 3),
        ({"least_severity": HIGH, "alert_types": ("urgent_low",)}, 3),
        ({"least_severity": LOW, "alert_types": ("urgent_low",)}, 2),
        ({"least_severity": LOW, "alert_types": ("low",)}, None),
        ({"least_severity": HIGH, "alert_types": ("low",)}, None),
        ({"least_severity": LOW, "include_late": True}, 1),
    ],
)
def test_when_an_episode_became_one_of_a_plan(more: dict[str, Any], reached: float | None) -> None:
    house = House()
    house.alert(1, LOW, late=True)
    house.alert(2, MEDIUM)
    house.alert(3, HIGH, late=True)
    house.alert(4, HIGH)
    episode = house.episode(minute(9))
    kinds = ("low", "urgent_low", "urgent_low", "urgent_low")
    announced = [
        replace(one, alert_type=kind) for one, kind in zip(episode.announced, kinds, strict=True)
    ]
    found = plan(**more).reached_at(replace(episode, announced=announced))
    assert found == (None if reached is None else minute(reached))


def test_all_plans_that_an_episode_is_one_of() -> None:
    home = House()
    home.alert(0, MEDIUM)
    episode = home.episode(minute(0))
    mine, others = plan(plan_id="mine"), plan(plan_id="others")
    severe = plan(plan_id="severe", least_severity=HIGH)
    both = plan(plan_id="both", alert_types=frozenset({"urgent_low", "low"}))
    found = plans_for([mine, others, severe, both], episode, lambda one: one is not others)
    assert found == [mine, both]


def test_overlapping_plans() -> None:
    lows = plan(plan_id="lows", alert_types=frozenset({"low", "urgent_low"}))
    highs = plan(plan_id="highs", alert_types=frozenset({"high"}))
    every = plan(plan_id="every")
    henks = plan(plan_id="henks")
    whose = {"lows": {"mila"}, "highs": {"mila"}, "every": {"mila", "jo"}, "henks": {"henk"}}
    assert overlapping([lows, highs, every, henks], whose) == [(lows, every), (highs, every)]
    # A target that nobody is found for meets none.
    assert overlapping([every, henks], {}) == []
