"""The five alerts, judged: tables of readings worked out by hand, and a second, naive judge to agree with.

Times are minutes after a midnight; readings are mg/dL of one sensor unless said otherwise. Everything is judged every
minute, as the house does it when something is due.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings as hypothesis_settings, strategies as st
import pytest

from custom_components.care_alerts.alerts.alert import Alert, Severity
from custom_components.care_alerts.alerts.episode import EndReason, EpisodeSpan, derive_episodes
from custom_components.care_alerts.alerts.glucose import OutOfRange
from custom_components.care_alerts.sources.tidepool.evaluation import (
    Evaluation,
    EvaluationResult,
    Reason,
)
from custom_components.care_alerts.sources.tidepool.evaluator import AlertEvaluator
from custom_components.care_alerts.sources.tidepool.readings import Readings
from custom_components.care_alerts.sources.tidepool.records import Data, Reading
from custom_components.care_alerts.sources.tidepool.settings import KINDS, Settings

MIDNIGHT = datetime(2026, 11, 18, tzinfo=UTC)
MG_DL_PER_MMOL_L = 18.01559


def at(minute: float) -> datetime:
    """A time so many minutes after midnight."""
    return MIDNIGHT + timedelta(minutes=minute)


def minute_of(moment: datetime) -> float:
    """The reverse."""
    return (moment - MIDNIGHT) / timedelta(minutes=1)


def alert_settings(kind: str, threshold: float = 70, units: str = "mg/dL", **more: Any) -> Settings:
    """Settings with one alert enabled."""
    alert: dict[str, Any] = {"enabled": True, **more}
    if kind in ("urgent_low", "low", "high"):
        alert["threshold"] = {"units": units, "value": threshold}
    return Settings({KINDS[kind]: alert})


def reading(
    minute: float,
    mg_dl: float,
    *,
    kind: str = "cbg",
    device: str = "sensor",
    out_of_range: str | None = None,
) -> Reading:
    """A reading as Tidepool stores it: mmol/L to five decimals."""
    return Reading(
        time=at(minute),
        kind=kind,
        device=device,
        value=round(mg_dl / MG_DL_PER_MMOL_L, 5),
        unit="mmol/L",
        out_of_range=OutOfRange(out_of_range) if out_of_range else None,
    )


def data(*readings: Reading, loops: Iterable[float] = ()) -> Data:
    """An answer."""
    return Data(readings=readings, loops=tuple(at(minute) for minute in loops), unreadable=0)


@dataclass
class Night:
    """A person watched minute by minute; what was told, and what was said when."""

    settings: Settings | None
    readings: Readings = field(
        default_factory=lambda: Readings(covered_from=at(-1440), heard_at=at(-1440))
    )
    watch: AlertEvaluator = field(default_factory=lambda: AlertEvaluator(person_id="person"))
    told: list[Alert] = field(default_factory=list)
    delay: timedelta | None = None

    def evaluate(
        self, minute: float, *more: Reading, loops: Iterable[float] = ()
    ) -> EvaluationResult:
        """Judge at a minute, after an answer with these."""
        now = at(minute)
        self.readings.add(data(*more, loops=loops), now)
        # As it is after any restart: what is kept is read again.
        self.watch = AlertEvaluator.from_dict(self.watch.to_dict())
        result = self.watch.evaluate(self.settings, self.readings, now, self.delay)
        self.told += result.alerts
        return result

    def run(self, readings: Sequence[Reading], start: int, end: int) -> list[EvaluationResult]:
        """Judge every minute, each reading received when it is made."""
        return [
            self.evaluate(
                minute, *(one for one in readings if at(minute - 1) < one.time <= at(minute))
            )
            for minute in range(start, end + 1)
        ]

    def summary(self) -> list[tuple[float, float, int]]:
        """What was told: when it was, the run's start, the how manieth time again."""
        return [
            (
                minute_of(alert.observed_at),
                minute_of(datetime.fromisoformat(alert.details["started"])),
                alert.details["repetition"],
            )
            for alert in self.told
        ]


def runs_told(night: Night, kind: str) -> list[EpisodeSpan]:
    """The episodes of an alert, as the house has them."""
    return derive_episodes(
        night.told,
        night.watch.kinds[kind].endings(),
        is_active=lambda alert: alert.alert_type == kind,
    )


def series(start: int, *values: float, every: int = 5) -> list[Reading]:
    """Readings every five minutes."""
    return [reading(start + n * every, value) for n, value in enumerate(values)]


def on_minutes(result: list[EvaluationResult], kind: str, start: int = 0) -> list[int]:
    """The minutes in which an alert was on."""
    return [start + n for n, one in enumerate(result) if one.evaluations[kind].is_on]


# When to look again.

NO_MORE_NOW = at(15) + timedelta.resolution
"""When the reading of midnight does not speak of the present any more."""


@pytest.mark.parametrize(
    ("more", "now", "changes_at"),
    [
        # When its newest reading is not now any more, and when it is not believed any more.
        ({}, 0, NO_MORE_NOW),
        ({}, 15, NO_MORE_NOW),
        ({}, 16, at(60)),
        ({}, 60, None),
        # When it has lasted, and a little; not if nobody will know by then.
        ({"delay": 10}, 0, at(10.25)),
        ({"delay": 10}, 11, NO_MORE_NOW),
        ({"delay": 14.75}, 0, at(15)),
        ({"delay": 15}, 0, NO_MORE_NOW),
        # When it is told again.
        ({"repeat": 5}, 0, at(5)),
        ({"repeat": 30}, 0, NO_MORE_NOW),
        ({"delay": 10, "repeat": 2}, 0, at(10.25)),
    ],
)
def test_when_to_look_again_at_what_goes_on(
    more: dict[str, Any], now: float, changes_at: datetime | None
) -> None:
    night = Night(alert_settings("low", **more))
    night.evaluate(-1)
    assert night.evaluate(now, reading(0, 50)).changes_at == changes_at


def test_when_to_ask_again_for_what_is_missing() -> None:
    kinds = (("no_communication", 5), ("not_looping", 30))
    for order in (kinds, kinds[::-1]):
        settings = Settings(
            {KINDS[kind]: {"enabled": True, "delay": delay} for kind, delay in order}
        )
        result = Night(settings).evaluate(3, reading(0, 100), loops=[1])
        assert result.ask_at == at(5 + 1)


@pytest.mark.parametrize(("usual", "in_time"), [(None, 15), (0, 15), (20, 35), (45, 60), (120, 60)])
def test_what_comes_no_later_than_usual_is_in_time_if_it_is_to_be_believed(
    usual: float | None, in_time: float
) -> None:
    for more, late in ((0, False), (0.1, True)):
        night = Night(alert_settings("urgent_low"))
        night.delay = None if usual is None else timedelta(minutes=usual)
        night.evaluate(-1)
        night.evaluate(in_time + more, reading(0, 50), reading(0.5, 120))
        assert [one.late for one in night.told] == [late]


@pytest.mark.parametrize(("usual", "late"), [(None, False), (0, True), (40, False)])
def test_what_goes_on_is_news_where_nobody_knows_how_late_it_usually_is(
    usual: float | None, late: bool
) -> None:
    night = Night(alert_settings("urgent_low"))
    night.delay = None if usual is None else timedelta(minutes=usual)
    night.evaluate(-1)
    night.evaluate(50, reading(0, 50))
    assert [one.late for one in night.told] == [late]


def test_what_was_there_at_the_first_look_stays_what_was_there() -> None:
    night = Night(alert_settings("urgent_low"))
    for minute in (1, 2):
        night.evaluate(minute)
        assert (night.watch.history_to, night.watch.judged_at) == (at(1), at(minute))


# Urgent low: at once.


def test_urgent_low_is_told_at_once_and_once() -> None:
    night = Night(alert_settings("urgent_low", 55))
    result = night.run(series(0, 60, 55, 50, 52, 56, 60), 0, 30)
    assert night.summary() == [(5, 5, 0)]
    assert on_minutes(result, "urgent_low") == list(range(5, 20))
    assert night.told[0].severity is Severity.HIGH
    assert night.told[0].alert_type == "urgent_low"
    assert not night.told[0].late
    assert night.told[0].details == {
        "started": at(5).isoformat(),
        "repetition": 0,
        "value_mmol_l": 3.05291,
        "threshold_mg_dl": 55,
    }


def test_urgent_low_knows_neither_delay_nor_repeat() -> None:
    night = Night(alert_settings("urgent_low", 55, delay=30, repeat=0))
    night.run(series(0, 50, 50, 50, 50), 0, 20)
    assert night.summary() == [(0, 0, 0)]


@pytest.mark.parametrize(
    ("kind", "threshold", "units", "mg_dl", "is_on"),
    [
        # At the threshold, in the unit the device measured.
        ("low", 70, "mg/dL", 70, True),
        ("low", 70, "mg/dL", 71, False),
        ("high", 180, "mg/dL", 180, True),
        ("high", 180, "mg/dL", 179, False),
        # Every whole mg/dL comes back from mmol/L as what it was, these too: 3.94103 and 9.99134 mmol/L.
        ("low", 71, "mg/dL", 71, True),
        ("high", 181, "mg/dL", 181, True),
        # In mmol/L as it is and as it is shown: 71 mg/dL is 3.941, shown as 3.9.
        ("low", 3.9, "mmol/L", 71, True),
        ("low", 3.9, "mmol/L", 72, False),
        # 179 mg/dL is 9.936, shown as 9.9; 180 is 9.991, shown as 10.0.
        ("high", 10.0, "mmol/L", 180, True),
        ("high", 10.0, "mmol/L", 179, False),
        ("urgent_low", 3.0, "mmol/L", 54, True),
        ("urgent_low", 3.0, "mmol/L", 55, False),
        # A threshold finer than what is shown.
        ("high", 70.4, "mg/dL", 70.4, True),
        ("low", 70.4, "mg/dL", 70.6, False),
    ],
)
def test_at_the_threshold(
    kind: str, threshold: float, units: str, mg_dl: float, is_on: bool
) -> None:
    result = Night(alert_settings(kind, threshold, units)).evaluate(1, reading(0, mg_dl))
    assert result.evaluations[kind] == Evaluation(is_on=is_on)


def test_all_whole_values_are_at_their_own_threshold() -> None:
    for mg_dl in range(40, 401):
        for kind in ("low", "high"):
            result = Night(alert_settings(kind, mg_dl)).evaluate(0, reading(0, mg_dl))
            assert result.evaluations[kind].is_on, (kind, mg_dl)


# Low and high: after the delay.


def test_a_low_has_to_last_for_longer_than_its_delay() -> None:
    night = Night(alert_settings("low", 70, delay=12))
    result = night.run(series(0, 80, 70, 69, 68, 67, 75), 0, 30)
    # From minute 5; longer than 12 minutes is after 17, before the reading of 20; the reading of 15 shows it.
    assert night.summary() == [(15, 5, 0)]
    assert on_minutes(result, "low") == list(range(18, 25))
    assert result[17].changes_at == at(17.25)
    assert night.told[0].severity is Severity.MEDIUM
    assert night.told[0].received_at == at(18)
    assert night.told[0].details["delay_minutes"] == 12


def test_time_alone_passes_the_delay_but_not_beyond_what_is_now() -> None:
    night = Night(alert_settings("high", 180, delay=15))
    result = night.run([reading(0, 200)], 0, 70)
    # Longer than 15 minutes it never was as far as anybody knows.
    assert night.told == []
    assert on_minutes(result, "high") == []
    night = Night(alert_settings("high", 180, delay=14))
    result = night.run([reading(0, 200)], 0, 70)
    assert night.summary() == [(0, 0, 0)]
    # It keeps its last state, marked stale, until it is no longer worth showing.
    assert on_minutes(result, "high") == list(range(15, 60))
    assert [one.evaluations["high"].stale for one in result[:17]] == [False] * 16 + [True]
    assert result[60].evaluations["high"] == Evaluation(
        is_on=None, reason=Reason.TOO_OLD, stale=True
    )


def test_one_reading_breaks_a_run() -> None:
    night = Night(alert_settings("low", 70, delay=10))
    result = night.run(series(0, 69, 69, 71, 69, 69, 69, 69), 0, 30)
    # 0-5 and then from 15: longer than 10 minutes after 25.
    assert night.summary() == [(25, 15, 0)]
    assert on_minutes(result, "low") == list(range(26, 31))


def test_a_new_run_is_a_new_alert() -> None:
    night = Night(alert_settings("urgent_low", 55))
    night.run(series(0, 50, 60, 50, 60, 50), 0, 20)
    assert night.summary() == [(0, 0, 0), (10, 10, 0), (20, 20, 0)]
    assert len({alert.alert_id for alert in night.told}) == 3
    endings = night.watch.kinds["urgent_low"].endings()
    assert [(minute_of(end.at), end.reason) for end in endings] == [
        (5, EndReason.SOURCE),
        (15, EndReason.SOURCE),
    ]


def test_it_is_told_again_every_so_often_while_it_lasts() -> None:
    night = Night(alert_settings("high", 180, delay=10, repeat=15))
    night.run(series(0, *[200] * 12, 150, 150, 150, 150), 0, 75)
    # First after minute 10, which is 11; then 15 minutes after each: 26, 41, 56. In range at 60.
    assert night.summary() == [(10, 0, 0), (25, 0, 1), (40, 0, 2), (55, 0, 3)]
    assert [minute_of(alert.received_at) for alert in night.told] == [11, 26, 41, 56]
    assert len({alert.alert_id for alert in night.told}) == 4


def test_it_is_not_told_again_from_readings_that_are_not_now() -> None:
    night = Night(alert_settings("high", 180, repeat=15))
    night.run([reading(0, 200), reading(5, 200), reading(50, 200)], 0, 60)
    # 15 is within 15 minutes of the reading of 5; 30 and 45 are not; the next reading says it again.
    assert night.summary() == [(0, 0, 0), (5, 0, 1), (50, 0, 2)]


# Gaps and silence.


def test_a_gap_does_not_break_a_run() -> None:
    night = Night(alert_settings("low", 70, delay=30))
    result = night.run([reading(0, 65), reading(5, 65), reading(45, 65)], 0, 50)
    # As far as was known it lasted 20 minutes; at 45 it has lasted for 45.
    assert night.summary() == [(45, 0, 0)]
    assert on_minutes(result, "low") == list(range(45, 51))


def test_what_comes_after_an_hour_of_silence_is_told_anew() -> None:
    night = Night(alert_settings("urgent_low", 55))
    result = night.run([reading(0, 50), reading(70, 50)], 0, 75)
    assert night.summary() == [(0, 0, 0), (70, 70, 0)]
    assert on_minutes(result, "urgent_low") == [*range(60), *range(70, 76)]
    (ending,) = night.watch.kinds["urgent_low"].endings()
    assert ending.reason is EndReason.EXPIRED


def test_a_low_before_and_after_the_silence_has_lasted_through_it() -> None:
    """A false alarm is better than a missed one."""
    night = Night(alert_settings("low", 70, delay=30))
    result = night.run([reading(0, 65), reading(70, 65), reading(75, 71)], 0, 80)
    assert night.summary() == [(70, 70, 0)]
    assert on_minutes(result, "low") == list(range(70, 75))


def test_a_reading_in_range_says_so_at_once() -> None:
    night = Night(alert_settings("high", 180))
    result = night.run([reading(0, 200), reading(40, 150)], 0, 45)
    assert result[39].evaluations["high"] == Evaluation(is_on=True, stale=True)
    assert result[40].evaluations["high"] == Evaluation(is_on=False)


def test_nothing_is_said_of_somebody_without_readings() -> None:
    result = Night(alert_settings("low")).evaluate(0)
    assert result.evaluations["low"] == Evaluation(is_on=None, reason=Reason.NO_READINGS)


# Settings that are not there, off, or change.


def test_without_settings_nothing_is_judged() -> None:
    for settings, reason in (
        (None, Reason.NO_SETTINGS),
        (Settings({}), Reason.NO_SETTINGS),
        (Settings({"low": {"enabled": False, "threshold": {}}}), Reason.DISABLED),
        (Settings({"low": {"enabled": True}}), Reason.SETTINGS_UNREADABLE),
    ):
        night = Night(settings)
        assert night.evaluate(0, reading(0, 40)).evaluations["low"] == Evaluation(
            is_on=None, reason=reason
        )
        assert night.told == []


def test_a_threshold_that_moves_is_judged_from_then_on() -> None:
    night = Night(alert_settings("high", 200))
    night.run(series(0, 190, 210, 190, 190), 0, 15)
    assert night.summary() == [(5, 5, 0)]
    night.settings = alert_settings("high", 180)
    result = night.run(series(20, 190), 16, 20)
    # It is above the new one, and has been since 0. What was told of is over: this is told as another.
    assert on_minutes(result, "high", 16) == [16, 17, 18, 19, 20]
    assert night.summary() == [(5, 5, 0), (15, 0, 0)]
    assert [run.is_open for run in runs_told(night, "high")] == [False, True]


def test_a_threshold_that_moves_does_not_join_what_goes_on_to_what_is_over() -> None:
    """Whoever took the first low did not take the second."""
    night = Night(alert_settings("urgent_low", 55))
    night.run(series(0, 50, 60, 60, 50), 0, 15)
    assert [run.is_open for run in runs_told(night, "urgent_low")] == [False, True]
    night.settings = alert_settings("urgent_low", 61)
    night.run(series(20, 50), 16, 20)
    over, now = runs_told(night, "urgent_low")
    assert (over.is_open, minute_of(over.last_seen.observed_at)) == (False, 0)
    assert (now.is_open, minute_of(now.opened.observed_at)) == (True, 15)
    assert night.summary() == [(0, 0, 0), (15, 15, 0)]


def test_what_was_told_late_and_goes_on_is_told_as_news() -> None:
    """A phone that had no network uploads in two parts: only the second says that it is so now."""
    night = Night(alert_settings("urgent_low", 55), delay=timedelta(seconds=30))
    night.evaluate(0, reading(0, 100))
    night.evaluate(60, *series(5, 100, 50, 50, 50, 50, 50))
    night.evaluate(62, *series(35, 50, 50, 50, 50, 50))
    night.run(series(65, 50, 50), 63, 70)
    assert [alert.late for alert in night.told] == [True, False]
    assert night.summary() == [(10, 10, 0), (55, 10, 1)]
    [run] = runs_told(night, "urgent_low")
    assert run.is_open


def test_what_was_over_is_not_judged_by_new_settings() -> None:
    night = Night(alert_settings("low", 60))
    night.run(series(0, 65, 65, 80, 80), 0, 15)
    night.settings = alert_settings("low", 70)
    night.run(series(20, 80), 16, 20)
    assert night.told == []
    night.evaluate(25, reading(25, 65))
    assert night.summary() == [(25, 25, 0)]


def test_an_alert_switched_on_while_it_is_so_is_told() -> None:
    night = Night(Settings({"low": {"enabled": False}}))
    night.run(series(0, 65, 65, 65), 0, 12)
    night.settings = alert_settings("low", 70, delay=5)
    night.evaluate(13)
    assert night.summary() == [(10, 0, 0)]
    night.settings = Settings({"low": {"enabled": False}})
    assert night.evaluate(14).evaluations["low"].reason is Reason.DISABLED
    assert night.watch.kinds["low"].open is None


def off(kind: str) -> Settings:
    """Settings with one alert disabled."""
    return alert_settings(kind, 70, enabled=False)


@pytest.mark.parametrize("on_again", [13, 21, 62])
def test_an_alert_switched_off_and_on_while_it_is_so_is_told_as_another(on_again: int) -> None:
    night = Night(alert_settings("low", 70, repeat=15))
    readings = series(0, 80, *[65] * 14, 80)
    night.run(readings, 0, 11)
    night.settings = off("low")
    night.run(readings, 12, on_again - 1)
    night.settings = alert_settings("low", 70, repeat=15)
    night.run(readings, on_again, 80)
    first, second = night.told[0], night.told[1]
    assert minute_of(first.observed_at) == 5
    assert minute_of(second.observed_at) == pytest.approx(max(12, on_again - on_again % 5))
    assert second.received_at == at(on_again)
    assert second.details["repetition"] == 0
    assert not second.late
    runs = runs_told(night, "low")
    assert [(run.opened, run.ended_at) for run in runs] == [(first, at(12)), (second, at(75))]
    assert len({one.alert_id for one in night.told}) == len(night.told)


def test_what_was_over_before_it_was_switched_on_again_is_not_told_again() -> None:
    """Not even if more of it comes to light."""
    night = Night(alert_settings("low", 70))
    readings = series(0, 80, 65, 65, 65, 65, 80, 80, 80, 80)
    night.run([*readings[:3], *readings[4:]], 0, 11)
    night.settings = off("low")
    night.run(readings[4:], 12, 30)
    night.settings = alert_settings("low", 70)
    night.run(readings, 31, 32)
    night.evaluate(33, readings[3])
    night.evaluate(34)
    assert night.summary() == [(5, 5, 0)]
    assert [run.ended_at for run in runs_told(night, "low")] == [at(12)]


def test_a_silence_switched_off_and_on_is_told_as_another() -> None:
    night = Night(alert_settings("no_communication", delay=15))
    night.run(series(0, 100), 0, 20)
    night.settings = off("no_communication")
    night.run([], 21, 24)
    night.settings = alert_settings("no_communication", delay=15)
    night.run([], 25, 30)
    first, second = night.told
    assert [minute_of(one.observed_at) for one in night.told] == [16, 25]
    assert first.alert_id != second.alert_id
    assert [run.is_open for run in runs_told(night, "no_communication")] == [False, True]


def test_what_nobody_looked_at_for_too_long_is_told_as_another() -> None:
    night = Night(alert_settings("urgent_low", 70))
    readings = series(0, *[65] * 40)
    night.run(readings, 0, 10)
    for minute in range(11, 90):
        night.watch.pause(at(minute))
    night.evaluate(90, *readings[3:19])
    night.run(readings, 91, 120)
    assert [(minute_of(one.observed_at), one.late) for one in night.told] == [
        (0, False),
        (90, False),
    ]
    assert [run.is_open for run in runs_told(night, "urgent_low")] == [False, True]


def test_what_nobody_looks_at_is_given_up_after_an_hour_or_at_once() -> None:
    for looked_at, at_once, over_at in ((10, False, 70), (10, True, 11), (None, False, 71)):
        night = Night(alert_settings("urgent_low", 70))
        # Nothing is told: nothing is to be given up.
        assert night.watch.pause(at(5)) == EvaluationResult()
        night.run(series(0, 65, 65, 65), 0, 10)
        night.watch.judged_at = None if looked_at is None else at(looked_at)
        first = night.watch.pause(at(11), at_once=at_once)
        if not at_once:
            assert first == EvaluationResult(changes_at=at(over_at))
            assert night.watch.pause(at(over_at - 0.1)) == first
            assert night.watch.kinds["urgent_low"].open is not None
        assert night.watch.pause(at(over_at)) == EvaluationResult()
        [run] = runs_told(night, "urgent_low")
        assert (run.ended_at, run.end_reason) == (at(over_at), EndReason.EXPIRED)


def test_what_was_over_before_the_settings_changed_is_told_if_it_was_heard_of_after() -> None:
    """Nobody could have judged it by those before."""
    night = Night(alert_settings("low", 60))
    night.evaluate(0, reading(0, 100))
    night.settings = alert_settings("low", 70)
    night.evaluate(13)
    for received, told in ((13, []), (14, [(10, 5, 0)])):
        again = Night(night.settings, night.readings, night.watch)
        again.watch = AlertEvaluator.from_dict(night.watch.to_dict())
        again.readings = Readings(covered_from=at(-1440), heard_at=at(-1440))
        again.readings.add(data(reading(0, 100), *series(5, 65, 65, 100)), at(received))
        again.told += again.watch.evaluate(again.settings, again.readings, at(20), None).alerts
        assert again.summary() == told


def test_what_was_given_up_for_silence_and_goes_on_is_told_as_another() -> None:
    """A phone out of reach over an urgent low, which is told but once: nothing else would ring for it."""
    night = Night(alert_settings("urgent_low", 70))
    readings = series(0, *[65] * 40)
    night.run(readings[:3], 0, 90)
    assert [run.is_open for run in runs_told(night, "urgent_low")] == [False]
    # All of the gap but what is now: it may be over.
    night.evaluate(101, *readings[3:16])
    assert len(night.told) == 1
    night.evaluate(102, *readings[16:21])
    assert [(minute_of(one.observed_at), one.late) for one in night.told] == [
        (0, False),
        (100, False),
    ]
    assert [run.is_open for run in runs_told(night, "urgent_low")] == [False, True]


def test_what_began_before_it_was_switched_off_is_told_after_that() -> None:
    """Its only reading is as old as the end that was told of."""
    night = Night(alert_settings("urgent_low", 70))
    night.run([reading(0, 90), reading(1, 65)], 0, 60)
    night.settings = off("urgent_low")
    night.evaluate(61, reading(61, 65))
    night.settings = alert_settings("urgent_low", 70)
    night.evaluate(66)
    assert [run.is_open for run in runs_told(night, "urgent_low")] == [False, True]


def test_a_threshold_that_moves_away_and_back_is_told_as_another() -> None:
    night = Night(alert_settings("low", 70))
    readings = series(0, *[65] * 10)
    night.run(readings, 0, 11)
    night.settings = alert_settings("low", 60)
    night.run(readings, 12, 13)
    night.settings = alert_settings("low", 70)
    night.run(readings, 14, 20)
    assert [minute_of(one.received_at) for one in night.told] == [0, 14]
    assert [run.is_open for run in runs_told(night, "low")] == [False, True]


def test_a_value_that_is_within_the_new_threshold_is_over() -> None:
    night = Night(alert_settings("low", 70))
    night.evaluate(0, reading(0, 68))
    night.settings = alert_settings("low", 65)
    assert night.evaluate(1).evaluations["low"] == Evaluation(is_on=False)
    assert night.watch.kinds["low"].open is None


# What sensors and people do.


def test_low_and_high_without_a_number_count_whatever_the_threshold() -> None:
    for kind, threshold, side, is_on in (
        ("urgent_low", 30, "low", True),
        ("low", 35, "low", True),
        ("high", 450, "high", True),
        ("high", 30, "low", False),
        ("low", 450, "high", False),
    ):
        night = Night(alert_settings(kind, threshold))
        one = reading(0, 39 if side == "low" else 401, out_of_range=side)
        assert night.evaluate(0, one).evaluations[kind].is_on is is_on, (kind, side)
        if is_on:
            assert night.told[0].details["out_of_range"] == side


def test_two_devices_are_judged_each_by_itself() -> None:
    """One that says all is well does not break the run of the other."""
    night = Night(alert_settings("low", 70, delay=10))
    readings = series(0, 65, 65, 65, 65, 65) + [
        reading(minute, 80, device="other") for minute in range(2, 24, 5)
    ]
    result = night.run(readings, 0, 24)
    assert night.summary() == [(10, 0, 0)]
    assert on_minutes(result, "low") == list(range(11, 25))


def test_the_same_low_of_two_devices_is_one_alert() -> None:
    night = Night(alert_settings("urgent_low", 55))
    readings = series(0, 50, 50, 50, 60, 60) + [
        reading(minute, 50, device="other") for minute in (3, 8, 13, 18)
    ]
    result = night.run([*readings, reading(23, 60, device="other")], 0, 25)
    assert night.summary() == [(0, 0, 0)]
    assert on_minutes(result, "urgent_low") == list(range(23))


def test_a_new_sensor_takes_over() -> None:
    night = Night(alert_settings("urgent_low", 55))
    readings = [*series(0, 50, 50), *(reading(m, 90, device="new") for m in (25, 30, 35))]
    result = night.run(readings, 0, 36)
    # What the old one said counts until it is no longer now, seen from the new one's first reading.
    assert on_minutes(result, "urgent_low") == list(range(25))
    again = night.evaluate(40, reading(40, 50, device="new"))
    assert again.evaluations["urgent_low"].is_on
    assert night.summary() == [(0, 0, 0), (40, 40, 0)]


def test_a_finger_prick_counts_and_a_sensor_stays_heard() -> None:
    night = Night(alert_settings("urgent_low", 55))
    prick = reading(7, 48, kind="smbg", device="meter")
    result = night.run([*series(0, 70, 70, 70, 70, 70, 70), prick], 0, 25)
    assert night.summary() == [(7, 7, 0)]
    # The sensor goes on at 80: the prick speaks of the present for 15 minutes.
    assert on_minutes(result, "urgent_low") == list(range(7, 25))
    night = Night(alert_settings("no_communication", delay=10))
    night.evaluate(0, reading(0, 100))
    late = night.evaluate(12, reading(12, 100, kind="smbg", device="meter"))
    assert late.evaluations["no_communication"].is_on


def test_readings_that_come_late_are_told_late() -> None:
    night = Night(alert_settings("low", 70, delay=10))
    night.evaluate(0, reading(0, 80))
    night.evaluate(180, *series(5, 65, 65, 65, 65, 80, 80))
    assert night.summary() == [(15, 5, 0)]
    assert night.told[0].late
    assert night.watch.kinds["low"].open is None
    # They come again with every answer.
    night.evaluate(185, *series(5, 65, 65, 65, 65, 80, 80))
    assert len(night.told) == 1


def test_backfilled_readings_do_not_tell_twice() -> None:
    night = Night(alert_settings("urgent_low", 55))
    night.evaluate(0, reading(0, 60))
    night.evaluate(30, reading(30, 50))
    assert night.summary() == [(30, 30, 0)]
    # It had begun at 10; and was in range for a moment, before it was told.
    night.evaluate(31, *series(5, 60, 50, 50, 50, 50))
    assert night.summary() == [(30, 30, 0)]
    night.evaluate(40, reading(35, 60), reading(40, 60))
    night.evaluate(45, reading(45, 60))
    assert night.summary() == [(30, 30, 0)]


def test_what_is_two_after_all_is_not_told_again() -> None:
    """Readings that come late, in any order: two runs, then one, then two again."""
    night = Night(alert_settings("low", 70))
    night.evaluate(75, reading(0, 90), reading(75, 60))
    night.evaluate(76, reading(15, 60))
    assert night.summary() == [(75, 75, 0), (15, 15, 0)]
    night.evaluate(77, reading(60, 60))
    assert len(runs_told(night, "low")) == 1
    night.evaluate(78, reading(55, 90), reading(70, 90))
    assert night.summary() == [(75, 75, 0), (15, 15, 0), (60, 60, 0)]
    assert len({alert.alert_id for alert in night.told}) == 3
    runs = [(minute_of(run.opened.observed_at), run.is_open) for run in runs_told(night, "low")]
    assert runs == [(15, False), (60, False), (75, True)]


def test_a_run_that_lasts_for_days_is_one_alert() -> None:
    night = Night(alert_settings("high", 180))
    for minute in range(0, 60 * 24 * 3, 30):
        night.readings.forget_before(at(minute) - timedelta(hours=24))
        assert night.evaluate(minute, reading(minute, 200)).evaluations["high"].is_on
    assert night.summary() == [(0, 0, 0)]


def test_what_goes_back_beyond_what_is_held_is_not_told_again() -> None:
    night = Night(alert_settings("high", 180))
    night.run(series(0, 200, 200, 200, 150), 0, 15)
    assert night.summary() == [(0, 0, 0)]
    # After a restart only the end of it is asked for.
    night.readings = Readings(covered_from=at(3), heard_at=at(3))
    night.watch.kinds["high"].told.clear()
    night.evaluate(20, *series(5, 200, 200, 150))
    assert night.summary() == [(0, 0, 0)]


def test_at_first_contact_all_that_is_held_is_told_for_the_record() -> None:
    night = Night(alert_settings("urgent_low", 55))
    night.evaluate(300, *series(0, 90, 50, 90), *series(295, 90, 50))
    assert night.summary() == [(5, 5, 0), (300, 300, 0)]


# No communication, not looping.


def test_no_communication() -> None:
    night = Night(alert_settings("no_communication", delay=20))
    result = night.run([reading(0, 100), reading(30, 100)], 0, 35)
    # A minute is what a reading may need to come here.
    assert on_minutes(result, "no_communication") == list(range(21, 30))
    assert night.summary() == [(21, 0, 0)]
    assert night.told[0].severity is Severity.LOW
    assert result[5].ask_at == at(21)
    (ending,) = night.watch.kinds["no_communication"].endings()
    assert (ending.at, ending.reason) == (at(30), EndReason.SOURCE)


def test_no_communication_without_a_delay_means_five_minutes() -> None:
    night = Night(alert_settings("no_communication"))
    result = night.run(series(0, 100, 100, 100), 0, 20)
    assert on_minutes(result, "no_communication") == list(range(16, 21))


@pytest.mark.parametrize("minutes", [1e300, 1e9, 1441])
def test_minutes_that_no_clock_knows_are_a_day(minutes: float) -> None:
    """Whoever wrote them: all else goes on."""
    night = Night(alert_settings("no_communication", delay=minutes))
    night.evaluate(0, reading(0, 100))
    assert night.evaluate(1440).evaluations["no_communication"] == Evaluation(is_on=False)
    assert night.evaluate(1441).evaluations["no_communication"] == Evaluation(is_on=True)
    for delay, repeat, told in ((minutes, 0, []), (0, minutes, [(0, 0, 0)])):
        night = Night(alert_settings("low", delay=delay, repeat=repeat))
        night.run(series(0, *[60] * 12), 0, 60)
        assert night.summary() == told


def test_nobody_is_out_of_reach_because_we_are() -> None:
    """Only an answer without a reading says that there is none."""
    night = Night(alert_settings("no_communication", delay=10))
    night.evaluate(0, reading(0, 100))
    assert not night.watch.evaluate(night.settings, night.readings, at(50)).alerts
    assert night.evaluate(51).evaluations["no_communication"].is_on


def test_readings_that_are_always_late_are_one_silence() -> None:
    night = Night(alert_settings("no_communication", delay=30))
    for minute in range(120, 600, 60):
        result = night.evaluate(minute, *series(minute - 120, *[100] * 12))
        assert result.evaluations["no_communication"].is_on
    assert len(night.told) == 1


def test_not_looping() -> None:
    night = Night(alert_settings("not_looping", delay=20))
    assert night.evaluate(0, loops=[0]).evaluations["not_looping"] == Evaluation(is_on=False)
    assert night.evaluate(20).evaluations["not_looping"].is_on is False
    assert night.evaluate(21).evaluations["not_looping"].is_on
    assert night.summary() == [(21, 0, 0)]
    assert night.told[0].severity is Severity.MEDIUM
    assert night.evaluate(22).evaluations["not_looping"].is_on
    assert night.evaluate(25, loops=[24]).evaluations["not_looping"].is_on is False
    assert len(night.told) == 1


def test_not_looping_without_a_delay_means_half_an_hour() -> None:
    night = Night(alert_settings("not_looping"))
    night.evaluate(0, loops=[0])
    assert night.evaluate(30).evaluations["not_looping"].is_on is False
    assert night.evaluate(31).evaluations["not_looping"].is_on


def test_somebody_who_never_looped_is_not_said_to_have_stopped() -> None:
    night = Night(alert_settings("not_looping"))
    result = night.evaluate(60, reading(60, 100))
    assert result.evaluations["not_looping"] == Evaluation(is_on=None, reason=Reason.NO_LOOP)


def test_a_loop_that_stopped_long_ago_is_still_stopped() -> None:
    night = Night(alert_settings("not_looping", delay=20))
    night.evaluate(0, loops=[0])
    night.evaluate(30)
    night.readings = Readings(covered_from=at(100), heard_at=at(100))
    assert night.evaluate(2000).evaluations["not_looping"].is_on
    assert len(night.told) == 1


# Summer time.


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_an_hour_more_or_less_on_the_clock_changes_nothing(day: date) -> None:
    """Minutes are minutes: times in the device's zone jump, what is judged does not."""
    midnight = datetime.combine(day, time(), UTC)
    berlin = ZoneInfo("Europe/Berlin")
    night = Night(alert_settings("low", 70, delay=60))
    readings = Readings(covered_from=midnight, heard_at=midnight)
    watch = AlertEvaluator(person_id="person")
    on: list[int] = []
    # Clocks change at 01:00 UTC.
    for minute in range(0, 121, 5):
        now = midnight + timedelta(minutes=minute)
        told = {"type": "cbg", "time": now.astimezone(berlin).isoformat(), "value": 3.5}
        readings.add(data(Reading.of(told)), now)
        result = watch.evaluate(night.settings, readings, now)
        night.told += result.alerts
        if result.evaluations["low"].is_on:
            on.append(minute)
    assert on == list(range(65, 121, 5))
    assert [alert.observed_at - midnight for alert in night.told] == [timedelta(minutes=60)]


# A second judge.


@dataclass
class Naive:
    """Judges glucose of one sensor as somebody would with pencil and paper, all over each time."""

    kind: str
    threshold: int
    delay: int
    repeat: int
    told: list[tuple[float, int, int]] = field(default_factory=list)
    """When, the run's start, the how manieth time again."""
    _open: int | None = None
    _told_at: float = 0
    _times: int = 0

    def out(self, mg_dl: int) -> bool:
        """Out of range."""
        return mg_dl >= self.threshold if self.kind == "high" else mg_dl <= self.threshold

    def evaluate(self, minute: float, readings: dict[int, int]) -> tuple[bool | None, bool]:
        """State and staleness at a minute, knowing these readings."""
        times = sorted(one for one in readings if one <= minute)
        if not times:
            return None, False
        newest = times[-1]
        stale = minute > newest + 15
        if minute >= newest + 60:
            self._open = None
            return None, True
        if not self.out(readings[newest]):
            self._open = None
            return False, stale
        # Back through the readings, as long as they are out of range.
        start, since, silent = newest, newest, False
        for earlier in reversed(times[:-1]):
            if not self.out(readings[earlier]):
                break
            silent = silent or since - earlier >= 60
            since = earlier
            if not silent:
                start = earlier
        known_until = min(minute, newest + 15)
        lasts = self.kind == "urgent_low" or self.delay == 0 or known_until - since > self.delay
        if not lasts:
            self._open = None
            return False, stale
        if self._open != start:
            self._open, self._told_at, self._times = start, minute, 0
            self.told.append((minute, start, 0))
        elif self.repeat and not stale and minute - self._told_at >= self.repeat:
            self._told_at, self._times = minute, self._times + 1
            self.told.append((minute, start, self._times))
        return True, stale


gaps = st.sampled_from([5, 5, 5, 5, 5, 5, 4, 6, 10, 15, 16, 20, 40, 59, 60, 61, 90])
values = st.sampled_from([50, 65, 69, 70, 71, 75, 90])


@st.composite
def nights(draw: st.DrawFn) -> dict[int, int]:
    """Readings of one sensor, minute -> mg/dL; the first in range."""
    readings, minute = {0: 90}, 0
    for gap, value in draw(st.lists(st.tuples(gaps, values), min_size=3, max_size=30)):
        minute += gap
        readings[minute] = value
    return {m: v for m, v in readings.items() if m < 500}


@given(
    nights(),
    st.sampled_from(["urgent_low", "low", "high"]),
    st.sampled_from([0, 3, 5, 10, 12, 15, 30]),
    st.sampled_from([0, 15, 20, 30]),
)
@hypothesis_settings(max_examples=150, deadline=None)
def test_the_two_judges_agree(readings: dict[int, int], kind: str, delay: int, repeat: int) -> None:
    repeat = 0 if kind == "urgent_low" else repeat
    night = Night(alert_settings(kind, 70, delay=delay, repeat=repeat))
    naive = Naive(kind, 70, delay, repeat)
    for half in range(2 * max(readings) + 140):
        minute = half / 2
        more = [reading(minute, readings[half // 2])] if minute in readings else []
        now = at(minute)
        night.readings.add(data(*more), now)
        result = night.watch.evaluate(night.settings, night.readings, now)
        night.told += result.alerts
        verdict = result.evaluations[kind]
        assert (verdict.is_on, verdict.stale) == naive.evaluate(minute, readings), minute
    assert [
        (minute_of(alert.received_at), started, again)
        for alert, (_, started, again) in zip(night.told, night.summary(), strict=True)
    ] == naive.told


uploads = st.lists(
    st.tuples(st.integers(1, 90), st.integers(0, 70), st.sampled_from([50, 90])),
    min_size=2,
    max_size=15,
)
"""Minutes since the upload before, how old what comes is, what it reads."""


@pytest.mark.parametrize("kind", ["no_communication", "not_looping", "urgent_low"])
@given(uploads=uploads)
@hypothesis_settings(max_examples=100, deadline=None)
def test_what_is_not_so_any_more_has_no_open_episode(
    kind: str, uploads: list[tuple[int, int, int]]
) -> None:
    """However late what comes is: an episode that stays open rings on for ever."""
    night = Night(alert_settings(kind, 70, delay=20))
    night.evaluate(0, reading(0, 90), loops=[0])
    minute = 0
    # What a sensor has read it does not take back.
    values: dict[int, int] = {}
    for gap, age, told in uploads:
        for quiet in range(minute + 5, minute + gap, 5):
            night.evaluate(quiet)
        minute += gap
        observed = max(minute - age, 1)
        mg_dl = values.setdefault(observed, told)
        verdict = night.evaluate(minute, reading(observed, mg_dl), loops=[observed]).evaluations[
            kind
        ]
        runs = derive_episodes(
            night.told, night.watch.kinds[kind].endings(), is_active=lambda _: True
        )
        is_open = bool(runs and runs[-1].is_open)
        assert bool(verdict.is_on) is is_open or (verdict.stale and not is_open), minute


@pytest.mark.parametrize("kind", ["no_communication", "not_looping", "urgent_low", "low"])
@given(
    steps=st.lists(
        st.tuples(
            st.integers(1, 40),
            st.sampled_from([50, 90, None]),
            st.sampled_from(["on", "off", "rest"]),
        ),
        min_size=2,
        max_size=15,
    )
)
@hypothesis_settings(max_examples=100, deadline=None)
def test_whenever_somebody_looks_again_what_goes_on_is_told(
    kind: str, steps: list[tuple[int, int | None, str]]
) -> None:
    """Switched off and on, or not to be looked at for a while: what is on has an open episode, each with an alert of its own."""
    night = Night(alert_settings(kind, 70, delay=10, repeat=15))
    night.evaluate(0, reading(0, 90), loops=[0])
    minute = 0
    for gap, mg_dl, what in steps:
        night.settings = (
            off(kind) if what == "off" else alert_settings(kind, 70, delay=10, repeat=15)
        )
        for between in range(minute + 5, minute + gap, 5):
            if what == "rest":
                night.watch.pause(at(between))
            else:
                night.evaluate(between)
        minute += gap
        if what == "rest":
            night.watch.pause(at(minute))
            continue
        more = () if mg_dl is None else (reading(minute, mg_dl),)
        verdict = night.evaluate(
            minute, *more, loops=[one.time.hour * 60 + one.time.minute for one in more]
        ).evaluations[kind]
        runs = runs_told(night, kind)
        if not verdict.stale:
            assert bool(verdict.is_on) is bool(runs and runs[-1].is_open), minute
    assert len({one.alert_id for one in night.told}) == len(night.told)
    opened = [run.opened.alert_id for run in runs_told(night, kind)]
    assert len(set(opened)) == len(opened)


@given(
    nights(),
    st.sampled_from(["urgent_low", "low", "high"]),
    st.sampled_from([0, 5, 10, 30]),
    st.randoms(use_true_random=False),
)
@hypothesis_settings(max_examples=150, deadline=None)
def test_whatever_order_readings_come_in_no_run_is_lost_and_none_told_twice(
    readings: dict[int, int], kind: str, delay: int, random: Any
) -> None:
    """Told live or hours late, in any batches: the runs are those that somebody sees who has all of it at once."""
    settings = alert_settings(kind, 70, delay=delay)
    whole = Night(settings)
    end = max(readings) + 120
    whole.evaluate(end, *(reading(minute, mg_dl) for minute, mg_dl in readings.items()))

    broken = Night(settings)
    # The first is there from the beginning: what comes before it is not known to be missing.
    broken.evaluate(1, reading(0, readings[0]))
    rest = [reading(minute, mg_dl) for minute, mg_dl in readings.items() if minute]
    random.shuffle(rest)
    minute = max(readings)
    while rest:
        size = random.randint(1, 5)
        batch, rest = rest[:size], rest[size:]
        minute += random.randint(0, 2)
        broken.evaluate(minute, *batch, *batch[:1])
    broken.evaluate(max(minute, end), *(reading(m, v) for m, v in readings.items()))

    assert len({alert.alert_id for alert in broken.told}) == len(broken.told)
    remembered = broken.watch.kinds[kind].told
    for told in whole.watch.kinds[kind].told:
        covering = [
            one for one in remembered if one.started <= told.last and one.last >= told.started
        ]
        assert covering, (told, remembered)
