"""One alert at one moment: its edges, what is waited for of who uploads how, and what it says when readings are gone."""

from datetime import timedelta
from typing import Any

import pytest

from custom_components.care_alerts.alerts.episode import EndReason
from custom_components.care_alerts.sources.tidepool.cadence import PollCadence
from custom_components.care_alerts.sources.tidepool.evaluation import (
    Evaluation,
    EvaluationResult,
    Reason,
)
from custom_components.care_alerts.sources.tidepool.history import KindHistory
from custom_components.care_alerts.sources.tidepool.kind_evaluator import KindEvaluator
from custom_components.care_alerts.sources.tidepool.readings import Readings
from custom_components.care_alerts.sources.tidepool.settings import KINDS, AlertSettings, Settings

from .test_evaluator import (
    NO_MORE_NOW,
    Night,
    alert_settings,
    at,
    data,
    minute_of,
    reading,
    runs_told,
    series,
)

TOO_OLD = Evaluation(is_on=None, reason=Reason.TOO_OLD, stale=True)


def judged(night: Night, minute: float, cadence: PollCadence | None = None) -> EvaluationResult:
    """What is found at a minute of what there is, by how they upload."""
    result = night.watch.evaluate(night.settings, night.readings, at(minute), None, cadence)
    night.told += result.alerts
    return result


# How long, and what for.


@pytest.mark.parametrize(
    ("ages", "minutes"),
    [
        (None, 60),
        ([300] * 3, 60),
        # Who uploads more rarely is believed until the next is overdue: of nobody knows whom, that is an hour and five minutes.
        ([], 65),
        ([5400] * 3, 112.5),
        # Never for longer than two hours and a half.
        ([7000] * 3, 145.833),
        ([10800] * 3, 150),
    ],
)
def test_how_long_the_newest_reading_is_believed(ages: list[float] | None, minutes: float) -> None:
    cadence = None if ages is None else PollCadence(ages=ages)
    night = Night(alert_settings("urgent_low"))
    night.evaluate(0, reading(0, 50))
    before = judged(night, minutes - 0.1, cadence)
    assert before.evaluations["urgent_low"] == Evaluation(is_on=True, stale=True)
    assert [one.is_open for one in runs_told(night, "urgent_low")] == [True]
    assert judged(night, minutes + 0.1, cadence).evaluations["urgent_low"] == TOO_OLD
    assert [one.is_open for one in runs_told(night, "urgent_low")] == [False]


def test_what_is_not_believed_any_more_is_given_up_and_what_is_over_is_not() -> None:
    for readings, is_given_up in (([reading(0, 50)], True), (series(-5, 50, 120), False)):
        night = Night(alert_settings("urgent_low"))
        night.evaluate(-5)
        night.evaluate(0, *readings)
        assert night.evaluate(60).evaluations["urgent_low"] == TOO_OLD
        [told] = night.watch.kinds["urgent_low"].told
        assert told.given_up is is_given_up
        assert told.end_reason is (EndReason.EXPIRED if is_given_up else EndReason.SOURCE)


def test_a_reading_that_may_end_it_is_waited_for_if_it_is_to_come_soon() -> None:
    """Every five minutes one is there after some seconds."""
    for comes, told in ((120, []), (60, [(10, 0, 0)])):
        night = Night(alert_settings("low", delay=10))
        cadence = PollCadence()
        night.readings.add(data(*series(0, 60, 60)), at(5.2))
        assert judged(night, 6, cadence).changes_at == at(10.95)
        assert judged(night, 10.9, cadence).evaluations["low"].is_on is False
        night.readings.add(data(reading(10, comes)), at(10.92))
        judged(night, 10.95, cadence)
        assert night.summary() == told
    # None comes: then it has lasted as far as anybody knows; without a cadence, at once.
    for by, minute in ((PollCadence(), 10.95), (None, 10.25)):
        night = Night(alert_settings("low", delay=10))
        night.readings.add(data(*series(0, 60, 60)), at(5.2))
        assert judged(night, minute - 0.01, by).evaluations["low"].is_on is False
        assert judged(night, minute, by).evaluations["low"].is_on is True


def test_nothing_is_waited_for_of_what_is_over() -> None:
    night = Night(alert_settings("low", delay=15))
    night.evaluate(-5)
    night.readings.add(data(*series(0, 60, 60, 60), reading(15.5, 120)), at(15.6))
    judged(night, 15.6, PollCadence())
    assert night.summary() == [(10, 0, 0)]


@pytest.mark.parametrize(("ends", "told"), [(10.25, []), (10.26, [(10, 0, 0)])])
def test_what_is_over_the_moment_it_has_lasted_is_not_told(ends: float, told: Any) -> None:
    night = Night(alert_settings("low", delay=10))
    night.evaluate(-5)
    night.evaluate(11, *series(0, 60, 60, 60), reading(ends, 120))
    assert night.summary() == told


@pytest.mark.parametrize(
    ("readings", "delay", "now", "changes_at"),
    [
        # It will not have lasted while its readings are now.
        (series(0, 60), 30, 16, at(60)),
        (series(0, 60), 10, 5, at(10.25)),
        # It was over before.
        (series(-5, 60, 120), 10, 1, NO_MORE_NOW),
    ],
)
def test_when_it_will_have_lasted_is_looked_again(
    readings: Any, delay: float, now: float, changes_at: Any
) -> None:
    night = Night(alert_settings("low", delay=delay))
    night.evaluate(-6)
    assert night.evaluate(now, *readings).changes_at == changes_at


# Again.


def test_it_is_told_again_as_long_after_it_was_told_and_while_it_is_now() -> None:
    night = Night(alert_settings("low", delay=10, repeat=5))
    night.evaluate(-5)
    # Looked at late, it was told then.
    assert night.evaluate(12, *series(0, 60, 60, 60)).changes_at == at(17)
    assert night.evaluate(16.9).alerts == []
    assert [one.details["repetition"] for one in night.evaluate(17).alerts] == [1]
    night = Night(alert_settings("low", repeat=15))
    night.evaluate(0, reading(0, 60))
    assert len(night.evaluate(15).alerts) == 1
    assert len(night.evaluate(30).alerts) == 0


@pytest.mark.parametrize(("minute", "late"), [(15, False), (15.1, True)])
def test_what_goes_on_is_not_late_while_its_newest_reading_is_now(
    minute: float, late: bool
) -> None:
    night = Night(alert_settings("urgent_low"), delay=timedelta(0))
    night.evaluate(-20)
    night.evaluate(minute, reading(-10, 50), reading(0, 50))
    assert [one.late for one in night.told] == [late]


def test_what_went_on_while_it_was_given_up_is_on_but_not_told_before_it_is_now() -> None:
    night = Night(alert_settings("urgent_low"))
    readings = series(0, *[50] * 20)
    night.run(readings[:3], 0, 90)
    result = night.evaluate(101, *readings[3:16])
    assert result.evaluations["urgent_low"] == Evaluation(is_on=True, stale=True)
    assert result.alerts == []


def test_what_seemed_over_and_goes_on_by_a_late_reading_is_the_same() -> None:
    """Another device had gone on without it."""
    night = Night(alert_settings("urgent_low"))
    night.evaluate(0, reading(0, 50))
    night.evaluate(21, reading(21, 120, device="other"))
    assert [one.is_open for one in runs_told(night, "urgent_low")] == [False]
    night.evaluate(22, reading(10, 50))
    assert [one.is_open for one in runs_told(night, "urgent_low")] == [True]
    assert len(night.told) == 1


def test_a_low_of_one_device_that_lasts_by_another_s_readings_shows_its_own() -> None:
    night = Night(alert_settings("low", delay=20))
    night.evaluate(14, reading(0, 60), reading(14, 120, device="other"))
    night.evaluate(20.3)
    assert night.summary() == [(0, 0, 0)]


@pytest.mark.parametrize(("delay", "shown"), [(14.75, 0), (14.8, 20)])
def test_in_a_gap_the_reading_before_it_shows_it_for_as_long_as_it_is_now(
    delay: float, shown: int
) -> None:
    night = Night(alert_settings("low", delay=delay))
    night.evaluate(-5)
    night.evaluate(20, reading(0, 60), reading(20, 60))
    assert night.summary() == [(shown, 0, 0)]


HIDDEN = reading(14, 120, device="other")
"""Another device is newer: what goes on without it may be as old again as what is now."""


@pytest.mark.parametrize(("minute", "told"), [(21, [True, False]), (21.1, [True])])
def test_what_was_told_late_is_told_as_news_if_its_own_reading_is_new(
    minute: float, told: list[bool]
) -> None:
    night = Night(alert_settings("low"), delay=timedelta(0))
    night.evaluate(-20)
    night.evaluate(20, reading(0, 60), HIDDEN)
    night.evaluate(minute, reading(6, 60))
    assert [one.late for one in night.told] == told


def test_what_is_told_again_by_an_old_reading_is_late() -> None:
    night = Night(alert_settings("low", repeat=15), delay=timedelta(0))
    night.evaluate(0, reading(0, 60))
    night.evaluate(14, HIDDEN)
    night.evaluate(20)
    assert [one.late for one in night.told] == [False, True]


@pytest.mark.parametrize(("more", "told"), [([], []), ([reading(6, 60)], [(6, 0, 0)])])
def test_what_was_over_in_the_first_answer_is_no_news(more: Any, told: Any) -> None:
    """But for what came of it after that."""
    night = Night(alert_settings("low", delay=10))
    night.readings.add(data(*series(0, 60, 60)), at(10.9))
    judged(night, 10.9, PollCadence())
    night.readings.add(data(reading(10.5, 120), *more), at(10.92))
    judged(night, 10.92, PollCadence())
    assert night.summary() == told


def test_of_what_was_over_it_is_news_if_any_of_it_came_after_the_settings() -> None:
    night = Night(alert_settings("low", 50))
    night.evaluate(0, reading(0, 100))
    night.evaluate(10, reading(5, 60))
    night.settings = alert_settings("low", 70)
    night.evaluate(13, reading(12, 100))
    assert night.told == []
    night.evaluate(14, reading(8, 60))
    assert night.summary() == [(8, 5, 0)]


# Without readings.


def test_what_is_told_is_given_up_when_all_readings_are_gone() -> None:
    night = Night(alert_settings("urgent_low"))
    night.evaluate(0, reading(0, 50))
    night.readings = Readings(covered_from=at(0), heard_at=at(0))
    result = night.evaluate(30)
    assert result.evaluations["urgent_low"] == Evaluation(is_on=None, reason=Reason.NO_READINGS)
    [run] = runs_told(night, "urgent_low")
    assert (run.ended_at, run.end_reason) == (at(30), EndReason.EXPIRED)


@pytest.mark.parametrize(
    ("code_at", "reason"),
    [
        (None, Reason.TOO_OLD),
        (-10, Reason.TOO_OLD),
        (0, Reason.TOO_OLD),
        (10, Reason.SENSOR_TROUBLE),
    ],
)
def test_a_sensor_in_trouble_since_its_last_reading_is_said_to_be(
    code_at: float | None, reason: Reason
) -> None:
    night = Night(alert_settings("urgent_low"))
    codes = [] if code_at is None else [reading(code_at, 5, device="other")]
    result = night.evaluate(61, reading(0, 100), *codes)
    assert result.evaluations["urgent_low"] == Evaluation(is_on=None, reason=reason, stale=True)
    if codes:
        night = Night(alert_settings("urgent_low"))
        result = night.evaluate(61, *codes)
        assert result.evaluations["urgent_low"].reason is Reason.SENSOR_TROUBLE


# Silence.


@pytest.mark.parametrize("kind", ["no_communication", "not_looping"])
def test_a_silence_is_judged_for_an_hour_after_an_answer(kind: str) -> None:
    night = Night(alert_settings(kind, delay=90))
    assert night.evaluate(0, reading(0, 100), loops=[0]).changes_at == at(60)
    assert judged(night, 59.9).evaluations[kind] == Evaluation(is_on=False)
    assert judged(night, 60).evaluations[kind] == TOO_OLD


def test_who_has_no_reading_at_all_is_silent_since_we_look() -> None:
    night = Night(alert_settings("no_communication", delay=10))
    night.evaluate(0)
    assert [one.details["started"] for one in night.told] == [at(-1440).isoformat()]


def test_a_silence_is_none_of_glucose_whatever_its_settings_have() -> None:
    odd = {"enabled": True, "delay": 10, "threshold": {"units": "mg/dL", "value": 70}}
    night = Night(Settings({KINDS["no_communication"]: odd}))
    night.evaluate(0, reading(0, 100))
    assert night.evaluate(11).evaluations["no_communication"] == Evaluation(is_on=True)


def test_a_silence_that_is_found_late_is_told_as_of_when_it_began_to_count() -> None:
    """And it is no late alert: it goes on."""
    night = Night(alert_settings("no_communication", delay=10))
    night.evaluate(0, reading(0, 100))
    [told] = night.evaluate(45).alerts
    assert (told.observed_at, told.late) == (at(11), False)
    # Since the settings are these; never after now, by a clock that was set back.
    for since, now, observed in ((30, 45, 30), (50, 45, 45)):
        night = Night(alert_settings("no_communication", delay=10))
        night.evaluate(0, reading(0, 100))
        night.watch.kinds["no_communication"].since = at(since)
        [told] = night.evaluate(now).alerts
        assert told.observed_at == at(observed)


def test_a_silence_that_was_none_by_how_they_upload_and_goes_on_is_the_same() -> None:
    night = Night(alert_settings("no_communication", delay=10))
    night.evaluate(0, reading(0, 100))
    night.evaluate(11)
    night.evaluate(12, reading(12, 100))
    night.evaluate(23)
    rarely = PollCadence(ages=[3600] * 3)
    assert judged(night, 24, rarely).evaluations["no_communication"] == Evaluation(is_on=False)
    assert [one.is_open for one in runs_told(night, "no_communication")] == [False, False]
    assert judged(night, 25).evaluations["no_communication"] == Evaluation(is_on=True)
    assert [one.is_open for one in runs_told(night, "no_communication")] == [False, True]
    assert [minute_of(one.observed_at) for one in night.told] == [11, 23]


def test_a_silence_that_is_given_up_again_and_again_is_another_each_time() -> None:
    night = Night(alert_settings("no_communication", delay=10))
    night.evaluate(0, reading(0, 100))
    for minute in (11, 20, 30):
        night.evaluate(minute)
        night.watch.pause(at(minute + 5), at_once=True)
    assert len({one.alert_id for one in night.told}) == 3
    # It begins after the one before it was over, though it counts from before that.
    assert [one.observed_at for one in night.told] == [
        at(11),
        at(16) + timedelta.resolution,
        at(25) + timedelta.resolution,
    ]


def test_glucose_without_a_threshold_is_not_judged_as_a_silence() -> None:
    readings = Readings(covered_from=at(-60), heard_at=at(0))
    evaluator = KindEvaluator(
        person_id="jill",
        kind="low",
        settings=AlertSettings.of({"enabled": True}),
        history=KindHistory(),
        now=at(0),
        in_time=timedelta(minutes=15),
        goes_on_for=timedelta(minutes=60),
        history_to=None,
        cadence=PollCadence(),
    )
    assert evaluator.evaluate(readings) == Evaluation(is_on=None, reason=Reason.NO_SETTINGS)
