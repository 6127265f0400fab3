"""The report of a person, against sums that are made minute by minute, without any of its code."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
import pytest

from custom_components.care_alerts.alerts.acknowledgement import Acknowledgement, Actor, Via
from custom_components.care_alerts.alerts.alert import Alert, AlertKey, AlertState, Severity
from custom_components.care_alerts.alerts.episode import EndReason, EpisodeSpan, TimeSpan
from custom_components.care_alerts.alerts.glucose import MG_DL, MMOL_L, OutOfRange
from custom_components.care_alerts.alerts.joining import Joined, Witness, join
from custom_components.care_alerts.alerts.nights import nights_between
from custom_components.care_alerts.alerts.readings import KeptReading, KeptThreshold
from custom_components.care_alerts.alerts.report import (
    Band,
    GlucoseReport,
    GlucoseTime,
    Outcome,
    Report,
    band_of,
    percent,
    report_of,
)
from custom_components.care_alerts.alerts.response_log import Episode, ResponseLog

from .build import START, alert, hour

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
KATHMANDU = ZoneInfo("Asia/Kathmandu")  # 5:45 ahead
KEY = AlertKey("person", "low")
NOBODY = Actor(None, Via.UNKNOWN)


def local(text: str) -> datetime:
    """A time in Amsterdam, as aware UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM).astimezone(UTC)


def of_one_source(
    *,
    episodes: Sequence[Episode] = (),
    alerts: Mapping[AlertKey, Sequence[Alert]] = {},
    **more: Any,
) -> Report:
    """A report of what only one source has."""
    return report_of(
        episodes=[
            Joined.alone(Witness(episode=one, source="", is_live=True, known_to=START))
            for one in episodes
        ],
        alerts={("", key): found for key, found in alerts.items()},
        **more,
    )


def report(start: datetime, end: datetime, **more: Any) -> Report:
    """The same in Amsterdam, of whom there is glucose."""
    given: dict[str, Any] = {"zone": AMSTERDAM, "readings": []}
    return of_one_source(start=start, end=end, **given | more)


def glucose_of(found: Report) -> GlucoseReport:
    """What there is of glucose."""
    assert found.glucose
    return found.glucose


# Glucose


@dataclass(frozen=True)
class Minute:
    """What is known of a minute; `mg_dl` None: nothing."""

    at: datetime
    mg_dl: int | None


@dataclass(frozen=True)
class Life:
    """Some days of somebody with a sensor that reads every `step` minutes, but for gaps."""

    start: datetime
    end: datetime
    step: int
    readings: Sequence[KeptReading]
    minutes: Sequence[Minute]


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Days about the change of the clocks, of a sensor that is worn from before and on after."""
    day = draw(st.sampled_from(["2026-03-28", "2026-10-24", "2026-06-01"]))
    start = local(f"{day}T00:00") + timedelta(minutes=draw(st.integers(0, 1440)))
    end = start + timedelta(minutes=draw(st.integers(1, 3 * 1440)))
    step = draw(st.sampled_from([1, 5, 15]))
    worn_from, worn_to = start - timedelta(hours=12), end + timedelta(hours=3)
    gaps = draw(st.lists(st.tuples(st.integers(0, 5000), st.integers(60, 900)), max_size=3))
    levels = draw(st.lists(st.integers(40, 330), min_size=3, max_size=8))
    readings: list[KeptReading] = []
    minutes: list[Minute] = []
    stands = 0
    mg_dl = 0
    for number in range(int((worn_to - worn_from) / timedelta(minutes=1))):
        moment = worn_from + timedelta(minutes=number)
        is_gap = any(began <= number < began + length for began, length in gaps)
        if number % step == 0 and not is_gap:
            mg_dl = levels[number // 97 % len(levels)]
            readings.append(KeptReading(int(moment.timestamp()), None, mg_dl))
            stands = step
        if start <= moment < end:
            minutes.append(Minute(moment, mg_dl if stands > 0 else None))
        stands -= 1
    return Life(start, end, step, readings, minutes)


def sums(minutes: Sequence[Minute], low: int, high: int) -> dict[str, int]:
    """The minutes there are, those with a value, and those at or beyond thresholds."""
    known = [one.mg_dl for one in minutes if one.mg_dl is not None]
    return {
        "minutes": len(minutes),
        "covered": len(known),
        "below": len([one for one in known if one <= low]),
        "above": len([one for one in known if one >= high]),
    }


def as_sums(time: GlucoseTime) -> dict[str, Any]:
    """The same of a report, to whole minutes."""
    names = ("minutes", "covered", "below", "above")
    return {name: pytest.approx(getattr(time, name), abs=0.01) for name in names}


THRESHOLDS = [KeptThreshold("low", 75, MG_DL, 0), KeptThreshold("high", 240, MG_DL, 0)]


@given(lives())
def test_all_sums_are_those_of_the_minutes(life: Life) -> None:
    found = report(life.start, life.end, readings=life.readings, thresholds=THRESHOLDS)
    glucose = glucose_of(found)
    if len({one.observed // 3600 for one in life.readings}) < 8:
        # Mostly gap: how often it reads is hardly seen.
        return
    assert sums(life.minutes, 75, 240) == as_sums(glucose.time)
    known = [one.mg_dl for one in life.minutes if one.mg_dl is not None]
    for band, lowest, highest in (
        (Band.VERY_LOW, 0, 53),
        (Band.LOW, 54, 69),
        (Band.IN_RANGE, 70, 180),
        (Band.HIGH, 181, 250),
        (Band.VERY_HIGH, 251, 999),
    ):
        minutes = len([one for one in known if lowest <= one <= highest])
        assert glucose.time.bands[band] == pytest.approx(minutes, abs=0.01)
    # The hours of the day: one is twice in autumn, and one is not in spring.
    for one in glucose.hours:
        of_hour = [m for m in life.minutes if m.at.astimezone(AMSTERDAM).hour == one.hour]
        assert sums(of_hour, 75, 240) == as_sums(one.time)
        days = {
            m.at.astimezone(AMSTERDAM).date()
            for m in of_hour
            if m.mg_dl is not None and m.mg_dl <= 75
        }
        assert one.days_below == len(days)
    # The nights.
    by_night: dict[str, list[Minute]] = {}
    for minute in life.minutes:
        clock = minute.at.astimezone(AMSTERDAM)
        if clock.hour >= 22 or clock.hour < 8:
            morning = clock.date() + timedelta(days=clock.hour >= 22)
            by_night.setdefault(str(morning), []).append(minute)
    assert [sums(one, 75, 240) for one in by_night.values()] == [
        as_sums(one.time) for one in found.nights if one.time
    ]
    # What was read.
    here = [
        one
        for one in life.readings
        if life.start.timestamp() <= one.observed < life.end.timestamp()
    ]
    assert glucose.readings == len(here)
    if here:
        assert glucose.lowest
        assert glucose.highest
        values = [one.mg_dl for one in here]
        assert (glucose.lowest.mg_dl, glucose.highest.mg_dl) == (min(values), max(values))
        assert glucose.lowest == here[values.index(min(values))]
        assert glucose.highest == here[values.index(max(values))]


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)]
)
def test_a_day_has_as_many_hours_as_it_has(day: str, hours: int) -> None:
    start = local(f"{day}T00:00")
    end = local((datetime.fromisoformat(day) + timedelta(days=1)).isoformat())
    readings = [
        KeptReading(int(start.timestamp()) + one, None, 100)
        for one in range(-7200, hours * 3600, 300)
    ]
    found = glucose_of(report(start, end, readings=readings)).time
    assert (found.minutes, found.covered) == (hours * 60, hours * 60)
    assert found.coverage == 1


@pytest.mark.parametrize(
    ("mg_dl", "band"),
    [
        (53.4, Band.VERY_LOW),
        (53.6, Band.LOW),
        # 3.0, 3.8 and 3.9 mmol/L.
        (54.05, Band.LOW),
        (68.46, Band.LOW),
        (70.26, Band.IN_RANGE),
        (70, Band.IN_RANGE),
        # 10.0 and 10.1 mmol/L.
        (180.16, Band.IN_RANGE),
        (181.96, Band.HIGH),
        # 13.9 and 14.0 mmol/L.
        (250.42, Band.HIGH),
        (252.22, Band.VERY_HIGH),
    ],
)
def test_bands_are_of_values_as_people_read_them(mg_dl: float, band: Band) -> None:
    assert band_of(KeptReading(0, None, mg_dl)) is band


def test_beyond_what_a_sensor_measures_is_in_the_outer_bands() -> None:
    assert band_of(KeptReading(0, None, 60, OutOfRange.LOW)) is Band.VERY_LOW
    assert band_of(KeptReading(0, None, 200, OutOfRange.HIGH)) is Band.VERY_HIGH


def test_own_thresholds_count_as_they_were_and_the_bands_where_there_were_none() -> None:
    began = int(START.timestamp())
    readings = [KeptReading(began + 300 * one, None, 80) for one in range(-12, 48)]
    thresholds = [
        # Not yet noted in the first hour: the first there is counts.
        KeptThreshold("low", 4.5, MMOL_L, began + 3600),
        KeptThreshold("urgent_low", 90, MG_DL, began + 3600),
        KeptThreshold("low", None, MMOL_L, began + 7200),
        KeptThreshold("low", 80, MG_DL, began + 10800),
        KeptThreshold("low", 60, MG_DL, began + 14400),
    ]
    glucose = glucose_of(report(hour(0), hour(4), readings=readings, thresholds=thresholds))
    assert glucose.time.below == 3 * 60
    assert list(glucose.below) == [thresholds[0], None, thresholds[3]]
    assert list(glucose.above) == [None]


def test_where_there_are_no_own_thresholds_the_bands_count() -> None:
    began = int(START.timestamp())
    readings = [KeptReading(began + 300 * one, None, 60 if one < 12 else 200) for one in range(36)]
    time = glucose_of(report(hour(0), hour(3), readings=readings)).time
    assert (time.below, time.above) == (60, 120)


def test_without_data_there_is_no_share() -> None:
    found = report(hour(0), hour(24))
    glucose = glucose_of(found)
    assert (glucose.time.coverage, glucose.time.share(0)) == (0, None)
    assert (glucose.lowest, glucose.highest, glucose.readings) == (None, None, 0)
    assert GlucoseTime().coverage is None
    assert GlucoseTime(minutes=400, covered=200).share(50) == 0.25
    assert report(hour(0), hour(24), readings=None).glucose is None
    assert found.unanswered is None
    # A night is only whole if none of it is outside.
    assert report(hour(0), hour(8)).alerts_per_night is None


@pytest.mark.parametrize(
    ("share", "digits", "told"),
    [
        (0, 1, 0),
        (1e-6, 1, 0.1),
        (0.0014, 1, 0.1),
        (0.0016, 1, 0.2),
        (0.5, 1, 50),
        (0.9984, 1, 99.8),
        (1 - 1e-6, 1, 99.9),
        (1, 1, 100),
        # Sums of minutes.
        (1 - 1e-12, 1, 100),
        (1 + 1e-12, 1, 100),
        (1e-6, 0, 1),
        (0.016, 0, 2),
        (0.994, 0, 99),
        (1 - 1e-6, 0, 99),
        (1, 0, 100),
    ],
)
def test_only_nothing_is_0_percent_and_only_all_is_100(
    share: float, digits: int, told: float
) -> None:
    assert percent(share, digits) == told


@given(st.integers(0, 20160), st.integers(0, 1))
def test_a_percentage_is_that_of_the_share(minutes: int, digits: int) -> None:
    told = percent(minutes / 20160, digits)
    assert told == round(told, digits)
    assert abs(told - 100 * minutes / 20160) <= 10**-digits
    assert (told == 0) is (minutes == 0)
    assert (told == 100) is (minutes == 20160)


@pytest.mark.parametrize("is_low", [True, False])
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 0, 1)])
def test_out_of_range_is_beyond_its_number(order: tuple[int, ...], is_low: bool) -> None:
    value, beyond = (40, OutOfRange.LOW) if is_low else (400, OutOfRange.HIGH)
    kinds = (None, beyond, beyond)
    began = int(hour(0).timestamp())
    readings = [
        KeptReading(began + 300 * place, None, value, kinds[kind])
        for place, kind in enumerate(order)
    ]
    glucose = glucose_of(report(hour(0), hour(1), readings=readings))
    found, first = (
        glucose.lowest if is_low else glucose.highest,
        next(one for one in readings if one.out_of_range),
    )
    assert found is first


def test_a_number_beyond_it_comes_before_out_of_range() -> None:
    began = int(hour(0).timestamp())
    readings = [
        KeptReading(began, None, 40, OutOfRange.LOW),
        KeptReading(began + 300, None, 39, None),
        KeptReading(began + 600, None, 400, OutOfRange.HIGH),
        KeptReading(began + 900, None, 401, None),
    ]
    glucose = glucose_of(report(hour(0), hour(1), readings=readings))
    assert glucose.lowest is readings[1]
    assert glucose.highest is readings[3]


def test_the_interval_is_half_open() -> None:
    began = int(START.timestamp())
    readings = [KeptReading(began + 300 * one, None, 100 + one) for one in range(-12, 24)]
    glucose = glucose_of(report(hour(0), hour(1), readings=readings))
    assert (glucose.lowest, glucose.highest) == (readings[12], readings[23])
    assert (glucose.time.minutes, glucose.time.covered) == (60, 60)


# Nights


@given(
    st.datetimes(datetime(2026, 3, 20), datetime(2026, 4, 5), timezones=st.just(UTC)),  # noqa: DTZ001 # they get a zone
    st.integers(1, 20_000),
    st.sampled_from([AMSTERDAM, KATHMANDU, ZoneInfo("America/New_York"), UTC]),
)
def test_nights_are_those_that_have_a_minute_of_the_time(
    start: datetime, minutes: int, zone: ZoneInfo
) -> None:
    start = start.replace(second=0, microsecond=0)
    end = start + timedelta(minutes=minutes)
    naive = set()
    moment = start
    while moment < end:
        clock = moment.astimezone(zone)
        if clock.hour >= 22 or clock.hour < 8:
            naive.add(clock.date() + timedelta(days=clock.hour >= 22))
        moment += timedelta(minutes=1)
    found = nights_between(start, end, zone)
    assert {ends.astimezone(zone).date() for _, ends in found} == naive
    assert found == sorted(found)
    for begins, ends in found:
        assert begins.astimezone(zone).hour == 22
        assert ends.astimezone(zone).hour == 8


def test_a_time_that_ends_as_a_night_begins_has_nothing_of_it() -> None:
    ends, begins = local("2026-06-01T08:00"), local("2026-06-01T22:00")
    minute = timedelta(minutes=1)
    assert nights_between(ends, begins, AMSTERDAM) == []
    assert len(nights_between(ends - minute, begins, AMSTERDAM)) == 1
    assert len(nights_between(ends, begins + minute, AMSTERDAM)) == 1


# Episodes


def episode(
    opened: float,
    ended: float | None,
    *,
    told: float | None = 0,
    answered: float | None = None,
    drill: bool = False,
) -> Episode:
    """An episode by hours since the start; the house was told so long after, and answered then."""
    first = alert(f"a{opened}", opened, alert_type="low", drill=drill)
    announced = [] if told is None else [alert("a", opened, received=opened + told)]
    answer = None
    if answered is not None:
        answer = Acknowledgement(
            span=TimeSpan(hour(opened), hour(opened)),
            severity=Severity.HIGH,
            by=Actor("Anna", Via.USER),
            at=hour(answered),
        )
    return Episode(
        episode_id=f"e{opened}",
        also_known_as=frozenset(),
        topic=AlertKey("person", "low", drill),
        span=EpisodeSpan(
            opened=first,
            last_seen=first,
            severity=Severity.HIGH,
            ended_at=None if ended is None else hour(ended),
            end_reason=None if ended is None else EndReason.SOURCE,
        ),
        announced=announced,
        acknowledgement=answer,
        snoozed_until=None,
        unacknowledged_since=None,
        answer=answer,
    )


@pytest.mark.parametrize(
    ("one", "outcome", "after"),
    [
        (episode(2, 3, answered=2.5), Outcome.ANSWERED, 0.5),
        (episode(2, None, answered=2.5), Outcome.ANSWERED, 0.5),
        (episode(2, 3), Outcome.UNANSWERED, None),
        # At its very end nobody had it.
        (episode(2, 3, answered=3), Outcome.UNANSWERED, 1),
        (episode(2, 3, answered=9), Outcome.UNANSWERED, 7),
        (episode(2, None), Outcome.OPEN, None),
        (episode(2, 3, told=0.99), Outcome.UNANSWERED, None),
        (episode(2, 3, told=1), Outcome.OVER_BEFORE_TOLD, None),
        (episode(2, 3, told=2, answered=5), Outcome.OVER_BEFORE_TOLD, 1),
        (episode(2, 3, told=None), Outcome.NOT_TOLD, None),
        (episode(2, 3, told=None, answered=2.5), Outcome.NOT_TOLD, None),
    ],
)
def test_what_became_of_an_episode(one: Episode, outcome: Outcome, after: float | None) -> None:
    [found] = report(hour(0), hour(24), episodes=[one]).episodes
    assert found.outcome is outcome
    assert found.answered_after == (None if after is None else timedelta(hours=after))


@pytest.mark.parametrize(
    ("opened", "ended", "is_in"),
    [
        # Over as the time begins.
        (2, 4, False),
        (0, 4.01, True),
        (4, 4, True),
        (0, None, True),
        (7.99, None, True),
        (8, 9, False),
    ],
)
def test_which_episodes_are_of_a_time(opened: float, ended: float | None, is_in: bool) -> None:
    found = report(hour(4), hour(8), episodes=[episode(opened, ended)])
    assert bool(found.episodes) is is_in


def test_the_share_of_those_that_somebody_could_have_answered() -> None:
    episodes = [
        episode(5, 6),
        episode(1, 2, answered=1.5),
        episode(3, 4),
        episode(7, 8, told=1),
        episode(9, None),
        episode(10, 11, told=None),
        episode(12, 13, drill=True),
        episode(14, 15, answered=14.1),
    ]
    found = report(hour(0), hour(24), episodes=episodes)
    assert [one.episode.opened.observed_at for one in found.episodes] == sorted(
        one.opened.observed_at for one in episodes if not one.topic.drill
    )
    assert found.unanswered == 0.5
    assert found.count(Outcome.UNANSWERED) == 2


def test_alerts_are_counted_by_the_night_they_were_observed_in() -> None:
    start, end = local("2026-06-01T12:00"), local("2026-06-03T12:00")
    times = [local(f"2026-06-{one}") for one in ("01T21:59", "01T22:00", "02T07:59", "02T08:00")]
    times += [local("2026-06-02T23:00"), local("2026-06-03T12:00")]
    hours = [(one - START) / timedelta(hours=1) for one in times]
    alerts = [alert(f"a{one}", one, alert_type="low") for one in hours]
    ended = alert("b", hours[4] + 0.5, alert_type="low", state=AlertState.ENDED)
    span = EpisodeSpan(opened=alerts[0], last_seen=alerts[-1], severity=Severity.HIGH)
    one = replace(episode(hours[0], None), span=span)
    found = report(
        start,
        end,
        episodes=[one],
        alerts={KEY: sorted([*alerts, ended], key=lambda a: a.observed_at)},
    )
    assert found.alerts == 5
    assert [(one.alerts, one.is_whole) for one in found.nights] == [(2, True), (1, True)]
    assert found.alerts_per_night == 1.5
    partly = report(times[1] + timedelta(minutes=1), end, episodes=[one], alerts={KEY: alerts})
    assert [(one.alerts, one.is_whole) for one in partly.nights] == [(1, False), (1, True)]
    assert partly.alerts_per_night == 1
    first, second = found.nights[0], timedelta(seconds=1)
    for begins, ends, is_whole in (
        (first.start, first.end, True),
        (first.start + second, first.end, False),
        (first.start, first.end - second, False),
    ):
        assert [one.is_whole for one in report(begins, ends).nights] == [is_whole]
    # Before somebody looked for alerts, a night is not quiet, but unknown.
    for looked_from, counts in (
        (found.nights[1].start, [None, 1]),
        (found.nights[0].start + timedelta(seconds=1), [None, 1]),
        (found.nights[0].start, [2, 1]),
    ):
        known = report(start, end, episodes=[one], alerts={KEY: alerts}, alerts_from=looked_from)
        assert [night.alerts for night in known.nights] == counts
        assert known.whole_nights == [count for count in counts if count is not None]


# Who was the first to answer


def log_with(*acts: tuple[str, float]) -> Episode:
    """A severe episode that goes on for six hours, and what was done about it, hour by hour: by whom, or `undone`."""
    log = ResponseLog()
    alerts = [alert(f"a{number}", number) for number in range(7)]
    span = EpisodeSpan(opened=alerts[0], last_seen=alerts[0], severity=Severity.HIGH)
    key = AlertKey.of(alerts[0])
    log.reconcile(key, [span], alerts[:1])
    for who, at in acts:
        if who == "undone":
            log.unacknowledge(key, span, at=hour(at))
            continue
        log.acknowledge(
            key,
            span,
            by=Actor(who, Via.USER),
            at=hour(at),
            reacknowledge_after_gap=timedelta(hours=1),
            expires_at=hour(at + 1),
        )
    span = EpisodeSpan(opened=alerts[0], last_seen=alerts[6], severity=Severity.HIGH)
    stored = ResponseLog.from_dict(log.to_dict())
    stored.reconcile(key, [span], alerts)
    return stored.episode(key, span, alerts, hour(7))


@pytest.mark.parametrize(
    ("acts", "who", "at"),
    [
        ((), None, None),
        ((("Anna", 0.5),), "Anna", 0.5),
        # It goes on, nobody has it any more, and somebody else takes it: Anna was the first.
        ((("Anna", 0.5), ("Ben", 3)), "Anna", 0.5),
        ((("Anna", 0.5), ("Anna", 0.7)), "Anna", 0.5),
        ((("Anna", 0.5), ("undone", 0.6)), None, None),
        ((("Anna", 0.5), ("undone", 0.6), ("Ben", 0.7)), "Ben", 0.7),
        ((("Anna", 0.5), ("Ben", 0.7), ("undone", 0.8)), "Anna", 0.5),
    ],
)
def test_the_first_who_answered(
    acts: Sequence[tuple[str, float]], who: str | None, at: float | None
) -> None:
    answer = log_with(*acts).answer
    assert (answer and answer.by.name, answer and answer.at) == (
        who,
        None if at is None else hour(at),
    )


def test_what_was_kept_before_has_the_newest() -> None:
    stored = ResponseLog()
    first = alert("a", 0)
    span = EpisodeSpan(opened=first, last_seen=first, severity=Severity.HIGH)
    key = AlertKey.of(first)
    stored.acknowledge(key, span, by=Actor("Anna", Via.USER), at=hour(1))
    kept = stored.to_dict()
    for record in kept["episodes"]:
        del record["answer"]
    log = ResponseLog.from_dict(kept)
    found = log.episode(key, span, [first], hour(2)).answer
    assert found
    assert found.at == hour(1)
    log.unacknowledge(key, span, at=hour(3))
    assert log.episode(key, span, [first], hour(4)).answer is None


# What several sources have of one person


def seen(
    source: str,
    opened: float,
    ended: float | None,
    *,
    told: float = 0,
    answered: float | None = None,
    alert_type: str = "low",
    count: int = 1,
) -> tuple[Witness, list[Alert]]:
    """What a source has of a low, by hours since the start, and its alerts; `tidepool` is live."""
    severity = Severity.MEDIUM if alert_type == "low" else Severity.HIGH
    alerts = [
        alert(
            f"{source} {alert_type} {opened} {number}",
            opened + number / 100,
            received=opened + told,
            source=source,
            alert_type=alert_type,
            severity=severity,
            person_id=source,
        )
        for number in range(count)
    ]
    key = AlertKey(source, alert_type)
    one = episode(opened, ended, told=told, answered=answered)
    answer = one.answer and replace(one.answer, severity=severity)
    return Witness(
        episode=replace(
            one,
            episode_id=alerts[0].alert_id,
            topic=key,
            span=replace(one.span, opened=alerts[0], last_seen=alerts[-1], severity=severity),
            announced=alerts,
            answer=answer,
            acknowledgement=answer,
        ),
        source=source,
        is_live=source == "tidepool",
        known_to=hour(opened),
    ), alerts


def household(*found: tuple[Witness, list[Alert]]) -> Report:
    """The report of a day."""
    alerts: dict[Hashable, list[Alert]] = {}
    for one, theirs in sorted(found, key=lambda pair: pair[0].begin):
        alerts.setdefault(one.kind, []).extend(theirs)
    return report_of(
        start=hour(0),
        end=hour(24),
        zone=AMSTERDAM,
        episodes=join([one for one, _ in found], hour(24)),
        alerts=alerts,
        readings=None,
    )


def test_what_several_sources_have_is_one_and_counted_once() -> None:
    found = household(
        seen("tidepool", 2, 3, answered=2.5),
        seen("dexcom", 2.1, 3, told=2, count=3),
        seen("dexcom", 10, 11, told=2),
    )
    low, late = found.episodes
    assert (low.outcome, low.told_at, low.answered_after) == (
        Outcome.ANSWERED,
        hour(2),
        timedelta(hours=0.5),
    )
    assert [one.source for one in low.witnesses] == ["tidepool", "dexcom"]
    assert late.outcome is Outcome.OVER_BEFORE_TOLD
    # As many as the source with most of them has told.
    assert found.alerts == 4


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        # Whoever had the milder one had not the worse one,
        (
            (
                seen("tidepool", 2, 3, answered=2.1),
                seen("tidepool", 2.2, 2.9, alert_type="urgent_low"),
            ),
            Outcome.UNANSWERED,
        ),
        (
            (
                seen("tidepool", 2, 3),
                seen("tidepool", 2.2, 2.9, alert_type="urgent_low", answered=2.5),
            ),
            Outcome.ANSWERED,
        ),
        # unless that came only when all was over.
        (
            (
                seen("tidepool", 2, 3, answered=2.1),
                seen("dexcom", 2.2, 2.9, told=0.8, alert_type="urgent_low"),
            ),
            Outcome.ANSWERED,
        ),
        (
            (
                seen("tidepool", 2, 3, answered=2.1),
                seen("dexcom", 2.2, 2.9, told=0.79, alert_type="urgent_low"),
            ),
            Outcome.UNANSWERED,
        ),
        # Whoever knew what was foretold did not know that it came.
        (
            (
                seen("dexcom", 2, 2.2, alert_type="urgent_low_soon", answered=2.1),
                seen("tidepool", 2.2, 2.9, alert_type="urgent_low"),
            ),
            Outcome.UNANSWERED,
        ),
        (
            (
                seen("dexcom", 2, 3, alert_type="urgent_low_soon", answered=2.1),
                seen("nightscout", 2, 3, alert_type="urgent_low_soon"),
            ),
            Outcome.ANSWERED,
        ),
    ],
)
def test_who_answered_has_had_the_worst(
    found: tuple[tuple[Witness, list[Alert]], ...], outcome: Outcome
) -> None:
    [one] = household(*found).episodes
    assert one.outcome is outcome


@st.composite
def _told(draw: st.DrawFn) -> list[tuple[Witness, list[Alert]]]:
    lows = draw(st.lists(st.integers(0, 40), min_size=1, max_size=5, unique=True))
    return [
        seen(
            draw(st.sampled_from(["tidepool", "dexcom"])),
            low / 2,
            draw(st.none() | st.just(low / 2 + 0.4)),
            told=draw(st.sampled_from([0, 0.3, 2])),
            answered=draw(st.none() | st.just(low / 2 + 0.35)),
            alert_type=draw(st.sampled_from(["low", "urgent_low"])),
            count=draw(st.integers(1, 3)),
        )
        for low in lows
    ]


@given(_told())
def test_one_person_is_never_more_and_never_less_than_their_sources(
    found: list[tuple[Witness, list[Alert]]],
) -> None:
    whole = household(*found)
    alone = {
        source: household(*(one for one in found if one[0].source == source))
        for source in ("tidepool", "dexcom")
    }
    assert max(one.alerts for one in alone.values()) <= whole.alerts
    assert whole.alerts <= sum(one.alerts for one in alone.values())
    assert len(whole.episodes) <= len(found)
    assert sorted(part.episode.episode_id for one in whole.episodes for part in one.witnesses) == (
        sorted(one.episode.episode_id for one, _ in found)
    )
    # Its outcomes are all of the episodes, each once.
    assert sum(whole.count(outcome) for outcome in Outcome) == len(whole.episodes)
    for one in whole.episodes:
        if one.outcome is Outcome.ANSWERED:
            assert one.answer in [part.episode.answer for part in one.witnesses]
