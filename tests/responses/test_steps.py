"""Which steps are due, case by case: each rule of `steps`, and what keeps it."""

from dataclasses import replace
from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from custom_components.care_alerts.alerts.alert import Alert
from custom_components.care_alerts.alerts.response_log import ResponseLog
from custom_components.care_alerts.responses.due import Cause, Outlook, Progress
from custom_components.care_alerts.responses.log import Delivery, StepKey
from custom_components.care_alerts.responses.plan import PartKind, QuietHours
from custom_components.care_alerts.responses.steps import outlook

from .build import HIGH, LOW, MEDIUM, House, minute, minutes, plan, step

BERLIN = ZoneInfo("Europe/Berlin")
"""The night starts at 03:00 there."""


def house(*steps: Any, **more: Any) -> House:
    """A house with a plan of these steps, and an alert at minute 0."""
    found = House(plan=plan(*steps, **more))
    found.alert(0)
    return found


# 6: handled on the device.


@pytest.mark.parametrize(
    ("handled_at", "wait", "told"),
    [
        # Off, as it is unless somebody wants it.
        (-1, 0, [(0, "0"), (10, "10"), (20, "20"), (25, "20"), (30, "20"), (35, "20")]),
        # Before it was told here: all comes later, and it comes.
        (-1, 5, [(5, "0"), (15, "10"), (25, "20"), (30, "20"), (35, "20")]),
        # What was begun stays begun, and what is repeated goes on.
        (4, 5, [(0, "0"), (15, "10"), (25, "20"), (30, "20"), (35, "20")]),
        (22, 5, [(0, "0"), (10, "10"), (20, "20"), (25, "20"), (30, "20"), (35, "20")]),
    ],
)
def test_what_was_handled_on_the_device_waits_a_little_longer_and_never_stops(
    handled_at: int, wait: int, told: list[tuple[int, str]]
) -> None:
    home = house(handled_wait=wait)
    if handled_at > 0:
        home.run_until(handled_at)
    home.handled = minute(handled_at)
    home.run_until(37, since=max(handled_at, 0))
    assert home.told == told
    assert home.outlook(37).progress is Progress.RUNNING


def test_what_comes_next_is_known_while_it_waits() -> None:
    home = house(handled_wait=5)
    home.handled = minute(-1)
    coming = home.outlook(0)
    assert (coming.due, coming.next_step, minutes(coming.next_at)) == ((), home.plan.steps[0], 5)
    (due,) = home.outlook(7).due
    assert (due.cause, minutes(due.due_at)) == (Cause.TIME, 5)


def test_what_alarms_on_the_device_again_waits_no_longer() -> None:
    home = house(handled_wait=30)
    home.handled = minute(-1)
    home.run_until(12)
    assert home.told == []
    home.handled = None
    home.run(13)
    assert home.told == [(13, "0"), (13, "10")]


def test_what_a_crash_left_does_not_wait() -> None:
    home = house(step(0, "on_duty"), handled_wait=30)
    (due,) = home.outlook(0).due
    home.state.begin(due.record(minute(0)))
    home.handled = minute(1)
    home.restart()
    assert [one.cause for one in home.outlook(2).due] == [Cause.INTERRUPTED]


def test_a_push_that_may_not_have_come_through_makes_nothing_wait() -> None:
    home = house(handled_wait=30)
    home.run(0)
    home.handled = minute(1)
    home.run(2)
    (begun,) = home.state.of(home.episode(minute(2)).ids).records
    home.state.pushed(begun.key, "on_duty", Delivery.FAILED, HIGH, minute(2))
    home.run_until(5, since=2)
    assert home.told == [(0, "0"), (2, "10")]


def test_what_is_repeated_waits_no_longer_for_what_was_handled_on_the_device() -> None:
    home = house(step(0, "on_duty"), step(10, "everybody", every=5), handled_wait=10)
    home.run_until(12)
    home.handled = minute(12)
    assert home.due(14) == []
    assert minutes(home.outlook(14).next_at) == 15
    (due,) = home.outlook(17).due
    assert (due.cause, minutes(due.due_at)) == (Cause.REPEAT, 15)


# 1 and 2: each step once, in its time, until somebody answers.


def test_since_when_what_is_due_is_and_when_the_next_comes() -> None:
    home = house()
    assert minutes(home.outlook(3).next_at) == 0
    home.run(3)
    coming = home.outlook(9)
    assert (coming.due, minutes(coming.next_at)) == ((), 10)
    late = home.outlook(12)
    assert (len(late.due), minutes(late.next_at)) == (1, 10)
    home.run_until(21, since=20)
    assert [minutes(home.outlook(at).next_at) for at in (21, 25, 27)] == [25, 25, 25]
    home.acknowledge(28, lapses=True)
    assert minutes(home.outlook(29).next_at) == 58
    home.unacknowledge(30)
    home.acknowledge(31)
    assert home.outlook(32).next_at is None


def test_it_climbs() -> None:
    home = house()
    home.run_until(32)
    assert home.told == [(0, "0"), (10, "10"), (20, "20"), (25, "20"), (30, "20")]
    assert [one.cause for one in home.done] == [Cause.TIME] * 3 + [Cause.REPEAT] * 2


def test_it_counts_from_when_it_reached_the_house() -> None:
    home = House()
    home.alert(0, received_at=minute(90))
    assert home.outlook(90).due[0].due_at == minute(90)
    home.run(90)
    assert minutes(home.outlook(90).next_at) == 100


@pytest.mark.parametrize("stop", ["acknowledge", "over", "snooze"])
def test_nothing_is_due_once_somebody_answers(stop: str) -> None:
    home = house()
    home.run_until(10)
    if stop == "acknowledge":
        home.acknowledge(12)
        expected = Progress.ACKNOWLEDGED
    elif stop == "over":
        home.ended = minute(12)
        expected = Progress.OVER
    else:
        home.snooze(12, 600)
        expected = Progress.SNOOZED
    home.run_until(300, since=12)
    assert home.told == [(0, "0"), (10, "10")]
    assert home.outlook(300).progress is expected


def test_what_is_next_is_known() -> None:
    home = house()
    assert (home.outlook(0).next_step, home.outlook(0).next_at) == (home.plan.steps[0], minute(0))
    home.run(0)
    for at in (0, 3, 9.5):
        coming = home.outlook(at)
        assert (coming.due, coming.next_step) == ((), home.plan.steps[1])
        assert minutes(coming.next_at) == 10
    home.run_until(22)
    assert minutes(home.outlook(22).next_at) == 25
    home.snooze(22, 52)
    assert minutes(home.outlook(22).next_at) == 52
    home.acknowledge(23)
    assert home.outlook(23).next_at is None


def test_an_acknowledgement_lapses_also_while_nobody_looks_anew_at_the_episode() -> None:
    home = house(step(0, "on_duty"))
    home.run(0)
    home.acknowledge(2, lapses=True)
    looked_at = home.episode(minute(2))

    def later(at: float) -> Outlook:
        response = home.state.of(looked_at.ids)
        return outlook(home.plan, looked_at, response, quiet=(), zone=BERLIN, now=minute(at))

    assert later(31.9).progress is Progress.ACKNOWLEDGED
    assert later(32).due[0].targets(PartKind.TELL) == ["on_duty"]
    assert later(32).due[0].targets(PartKind.LIGHT) == []
    (due,) = later(32).due
    assert (due.cause, due.due_at, due.since) == (Cause.AGAIN, minute(32), minute(32))


def test_what_comes_next_when_an_acknowledgement_lapses_is_known() -> None:
    home = house()
    home.run(0)
    home.acknowledge(2, lapses=True)
    coming = home.outlook(2)
    assert (coming.progress, coming.due) == (Progress.ACKNOWLEDGED, ())
    assert (coming.next_step, minutes(coming.next_at)) == (home.plan.steps[1], 32)


def test_after_an_absence_what_came_due_is_done_once_and_in_order() -> None:
    home = house()
    home.run(0)
    home.restart()
    home.run(200)
    home.run(201)
    assert home.told == [(0, "0"), (200, "10"), (200, "20")]
    assert minutes(home.outlook(201).next_at) == 205


def test_repeats_end() -> None:
    home = house(step(0, "on_duty", every=5, times=3))
    home.run_until(60)
    assert home.told == [(0, "0"), (5, "0"), (10, "0")]


def test_only_what_is_bad_enough_and_not_late() -> None:
    home = House(plan=plan(alert_types=frozenset({"urgent_low"})))
    home.alert(0, LOW)
    assert home.outlook(0).progress is Progress.NOT_MEANT
    home.alert(30, late=True)
    # That not all of it is late is known since before.
    home.run_until(35, since=30)
    assert home.told == [(30, "0")]
    assert minutes(home.outlook(35).next_at) == 40
    home.plan = replace(home.plan, alert_types=frozenset({"high"}))
    assert home.outlook(60).progress is Progress.NOT_MEANT


def test_what_is_late_counts_only_for_a_plan_that_includes_it() -> None:
    home = House(plan=plan(include_late=True))
    home.alert(0, late=True)
    assert home.due(0) == ["0"]
    home.plan = replace(home.plan, include_late=False)
    assert home.outlook(0).progress is Progress.NOT_MEANT
    home.alert(7, LOW)
    assert home.due(7) == ["0"]


# 3: it starts again at the step for now.


@pytest.mark.parametrize("why", ["lapsed", "taken back", "snooze over", "worse"])
@pytest.mark.parametrize(("until", "for_now"), [(5, "0"), (15, "10"), (21, "20")])
def test_it_starts_again_at_the_step_for_now(why: str, until: int, for_now: str) -> None:
    home = House(plan=plan(step(0, "on_duty"), step(10, "everybody"), step(20, "ben")))
    home.alert(0, MEDIUM)
    home.run_until(until)
    before = len(home.done)
    if why == "lapsed":
        home.acknowledge(until, lapses=True)
        at = until + 30
        home.plan = replace(home.plan, steps=home.plan.steps[: home_steps(until)])
    elif why == "taken back":
        home.acknowledge(until)
        at = until + 1
        home.unacknowledge(at)
    elif why == "snooze over":
        at = until + 2
        home.snooze(until, at)
    else:
        at = until + 1
        home.alert(at, HIGH)
    home.run_until(at, since=until + 1)
    again = [(one.at, one.step_id, one.cause) for one in home.done[before:]]
    assert again == [(at, for_now, Cause.AGAIN)]
    home.run(at + 1)
    home.run(at + 1.5)
    assert len(home.done) == before + 1


def home_steps(until: int) -> int:
    """How many of three steps had come by then."""
    return 1 + (until >= 10) + (until >= 20)


def test_what_came_due_while_somebody_had_it_is_not_skipped() -> None:
    home = house(step(0, "on_duty"), step(10, "everybody"), step(20, "ben"))
    home.run(0)
    home.acknowledge(2, lapses=True)
    home.run_until(70, since=3)
    assert home.told == [(0, "0"), (32, "10"), (32, "20")]


def test_a_milder_alert_starts_nothing() -> None:
    home = house(step(0, "on_duty"))
    home.run(0)
    home.alert(3, LOW)
    home.alert(4, HIGH)
    home.run_until(10, since=1)
    assert home.told == [(0, "0")]


def test_an_older_alert_that_comes_late_starts_nothing() -> None:
    home = house(step(0, "on_duty"))
    home.run(0)
    home.alert(-30, received_at=minute(3), late=True)
    home.run_until(10, since=1)
    assert home.told == [(0, "0")]


def test_times_count_anew_each_time_it_starts() -> None:
    home = house(step(0, "on_duty", every=5, times=2))
    home.run_until(20)
    home.snooze(20, 30)
    home.run_until(60, since=21)
    assert home.told == [(0, "0"), (5, "0"), (30, "0"), (35, "0")]


# A change of the plan.


def test_what_was_done_is_not_done_again_later() -> None:
    home = house()
    home.run_until(10)
    home.edit(step(2, "on_duty", step_id="0"), step(15, "everybody", step_id="10"))
    home.run_until(40, since=11)
    assert home.told == [(0, "0"), (10, "10")]


def test_what_a_change_makes_due_is_not_skipped() -> None:
    home = house(step(0, "on_duty"), step(30, "everybody"))
    home.run_until(12)
    home.edit(*home.plan.steps, step(5, "ben"))
    home.run(13)
    home.edit(step(0, "on_duty"), step(10, "everybody", step_id="30"))
    home.run_until(20, since=14)
    assert home.told == [(0, "0"), (13, "5"), (14, "30")]


def test_only_what_a_change_adds_to_a_step_is_done() -> None:
    home = house(step(0, "anna"))
    home.run(0)
    home.edit(step(0, "anna", "ben", lights=("light.hall",)))
    home.run_until(10)
    assert [(one.cause, one.parts) for one in home.done] == [
        (Cause.TIME, ("tell:anna",)),
        (Cause.ADDED, ("light:light.hall", "tell:ben")),
    ]


# 5: evidence.


def pushed(home: House, at: float, **deliveries: Delivery) -> StepKey:
    """The step that is due is done, with these pushes."""
    (due,) = home.outlook(at).due
    record = home.begin(due, at)
    for phone, delivery in deliveries.items():
        home.state.pushed(
            record.key, phone, delivery, home.episode(minute(at)).severity, minute(at)
        )
    home.state.finish(record.key, minute(at))
    return record.key


@pytest.mark.parametrize(
    ("delivery", "next_at"),
    [
        (Delivery.FAILED, 0),
        (Delivery.SENT, 1),
        (Delivery.UNKNOWN, 10),
        (Delivery.RECEIVED, 10),
    ],
)
def test_the_next_step_does_not_wait_where_nobody_may_have_been_reached(
    delivery: Delivery, next_at: float
) -> None:
    home = house()
    pushed(home, 0, pixel=delivery)
    coming = home.outlook(0)
    assert (coming.next_step, minutes(coming.next_at)) == (home.plan.steps[1], next_at)
    if next_at:
        assert home.due(next_at - 1 / 60) == []
    assert home.due(next_at) == ["10"]


def test_only_for_severity_high() -> None:
    home = House()
    home.alert(0, MEDIUM)
    pushed(home, 0, pixel=Delivery.FAILED)
    assert home.due(5) == []


def test_what_is_confirmed_in_time_waits() -> None:
    home = house()
    key = pushed(home, 0, pixel=Delivery.SENT, other=Delivery.SENT)
    assert home.state.confirmed(key, "pixel", minute(0.5))
    assert not home.state.confirmed(key, "pixel", minute(0.6))
    assert not home.state.confirmed(key, "stranger", minute(0.6))
    assert home.due(1) == ["10"], "the other has not"
    assert home.state.confirmed(key, "other", minute(0.9))
    home.restart()
    assert home.due(1) == []


def test_a_phone_that_is_off_moves_it_on_once_but_a_step_that_reached_nobody_always() -> None:
    home = house()
    pushed(home, 0, off=Delivery.FAILED)
    pushed(home, 0, off=Delivery.FAILED, fine=Delivery.RECEIVED)
    assert home.due(5) == []
    home = house()
    pushed(home, 0, off=Delivery.FAILED)
    pushed(home, 0, off=Delivery.FAILED, also_off=Delivery.SENT)
    assert home.due(0) == []
    assert home.due(1) == ["20"]
    home = house()
    pushed(home, 0, off=Delivery.FAILED)
    pushed(home, 0, off=Delivery.FAILED)
    assert home.due(0) == ["20"]
    # That nobody was reached is known when the last has failed.
    home = house()
    pushed(home, 0, off=Delivery.FAILED, also_off=Delivery.FAILED)
    pushed(home, 0, off=Delivery.FAILED, also_off=Delivery.SENT)
    assert home.due(0.9) == []
    assert home.due(1) == ["20"]


def test_what_does_not_wait_comes_after_all_that_is_before_it() -> None:
    home = house()
    pushed(home, 0, off=Delivery.FAILED)
    pushed(home, 0, off=Delivery.FAILED)
    home.edit(*home.plan.steps, step(5, "ben"), step(8, "anna"))
    assert home.due(0) == ["5", "8", "20"]


# 6: crashes.


def test_what_a_crash_left_is_done_again_and_marked() -> None:
    home = house()
    home.run(0, crash_before_done=True)
    (due,) = home.outlook(1).due
    assert (due.redelivered, due.key.number) == (True, 0)
    home.run(1)
    (record,) = home.state.of(home.episode(minute(1)).ids).records
    assert record.redelivered
    home.run_until(10, since=2)
    assert home.told == [(0, "0"), (1, "0"), (10, "10")]


def test_what_is_being_done_is_no_crash() -> None:
    home = house()
    record = home.begin(home.outlook(0).due[0], 0)
    assert home.outlook(0.5, running=[record.key]).due == ()
    assert home.due(0.5) == ["0"]


def test_what_a_crash_left_is_not_done_again_once_somebody_has_it() -> None:
    home = house()
    home.run(0, crash_before_done=True)
    home.acknowledge(1)
    home.run_until(30, since=1)
    assert home.told == [(0, "0")]


def test_what_a_crash_left_is_marked_also_when_only_some_of_it_is_done_again_at_first() -> None:
    home = quiet_house(MEDIUM)
    home.plan = replace(home.plan, steps=(step(0, "on_duty", lights=("light.hall",)),))
    home.plan = replace(home.plan, quiet_hours=QuietHours(time(3, 10), time(3, 30)))
    home.run(0, crash_before_done=True)
    home.snooze(1, 15)
    home.run_until(29, since=1)
    home.restart()
    home.run_until(40, since=30)
    assert [(one.at, one.cause, one.parts, one.redelivered) for one in home.done[1:]] == [
        (15, Cause.INTERRUPTED, ("tell:on_duty",), True),
        (30, Cause.ADDED, ("light:light.hall",), True),
    ]


def test_what_an_edit_has_taken_out_of_what_a_crash_left_is_not_done() -> None:
    home = house(step(0, lights=("light.hall",)))
    home.run(0, crash_before_done=True)
    home.edit(step(0, "on_duty"))
    home.run(1)
    home.edit(step(0, "on_duty", lights=("light.hall",)))
    home.run(2)
    assert [(one.cause, one.parts, one.redelivered) for one in home.done[1:]] == [
        (Cause.TIME, ("tell:on_duty",), False),
        (Cause.INTERRUPTED, ("light:light.hall",), True),
    ]


def test_a_repeat_that_a_crash_left_is_done_again_with_what_an_edit_has_added() -> None:
    home = house(step(0, "on_duty", every=5))
    home.run(0)
    home.run(5, crash_before_done=True)
    assert minutes(home.outlook(6).due[0].due_at) == 5
    home.edit(step(0, "on_duty", lights=("light.hall",), every=5))
    home.run(6)
    assert [(one.at, one.cause, one.parts) for one in home.done[2:]] == [
        (6, Cause.INTERRUPTED, ("light:light.hall", "tell:on_duty"))
    ]


def test_the_next_repeat_counts_from_the_last() -> None:
    home = house(step(0, "on_duty", every=5))
    home.run_until(6)
    assert home.told == [(0, "0"), (5, "0")]
    assert minutes(home.outlook(6).next_at) == 10


def test_episodes_that_become_one_have_done_what_both_have() -> None:
    home = House(plan=plan(step(0, "on_duty"), step(30, "everybody")))
    home.alert(0)
    home.alert(20, observed_at=minute(20))
    apart = home.alerts.pop()
    home.run(0)
    # The later one was an episode of its own until now, whose step a crash has interrupted.
    other = House(plan=home.plan, alerts=[apart])
    other.run(20, crash_before_done=True)
    for record in other.state.of(other.episode(minute(20)).ids).records:
        home.state.begin(record)
    home.alerts.append(apart)
    home.log = joined_log(home, other)
    home.run_until(29, since=21)
    assert home.told == [(0, "0"), (21, "0")]
    assert home.done[-1].cause is Cause.INTERRUPTED


def joined_log(first: House, second: House) -> ResponseLog:
    """One log with the records of both."""
    kept = first.log.to_dict()
    kept["episodes"] += second.log.to_dict()["episodes"]
    return ResponseLog.from_dict(kept)


# Clocks.


def test_what_goes_on_after_it_was_over_starts_again_at_the_step_for_now() -> None:
    """Nobody has answered, and all of the plan was done long before: somebody has to hear of it again."""
    home = house(step(0, "on_duty"), step(10, "everybody", every=5, times=2))
    home.run_until(40)
    home.expire(60)
    home.run_until(70, since=60)
    assert home.told == [(0, "0"), (10, "10"), (15, "10")]
    home.goes_on(71)
    home.restart()
    home.run_until(80, since=71)
    assert home.told[3:] == [(71, "10"), (76, "10")]
    assert home.done[3].cause is Cause.AGAIN
    home.alert(81)
    home.run_until(90, since=81)
    assert len(home.told) == 5, "it goes on, and was not over in between"


def test_a_clock_that_is_set_back_neither_repeats_nor_waits_for_itself() -> None:
    home = house()
    home.run_until(10)
    assert home.told == [(0, "0"), (10, "10")]
    home.run(-60)
    assert home.told == [(0, "0"), (10, "10")]
    assert minutes(home.outlook(-60).next_at) == -40
    home.run_until(-34, since=-59)
    assert home.told[2:] == [(-40, "20"), (-35, "20")]


def test_a_clock_that_is_set_back_before_anything_was_done() -> None:
    home = house()
    home.run(-60)
    assert home.told == [(-60, "0")]


# Quiet hours.


def quiet_house(severity: Any = MEDIUM) -> House:
    """A house in which it is 03:00, with quiet hours until 03:30."""
    home = House(
        plan=plan(
            step(0, "on_duty"),
            step(10, "everybody", lights=("light.hall",)),
            step(20, lights=("light.bed",), speakers=("media_player.bed",), tts="tts.house"),
            quiet_hours=QuietHours(time(22), time(3, 30)),
        ),
        zone=BERLIN,
    )
    home.alert(0, severity)
    return home


def test_lamps_wait_for_the_end_of_quiet_hours() -> None:
    home = quiet_house()
    home.run_until(20)
    assert [one.parts for one in home.done] == [("tell:on_duty",), ("tell:everybody",)]
    assert minutes(home.outlook(20).next_at) == 30
    home.run_until(40, since=21)
    assert [(one.at, one.cause, one.parts) for one in home.done[2:]] == [
        (30, Cause.ADDED, ("light:light.hall",)),
        (30, Cause.TIME, ("light:light.bed", "speaker:media_player.bed")),
    ]


def test_severity_high_is_not_quiet() -> None:
    home = quiet_house(HIGH)
    home.run_until(25)
    assert home.told == [(0, "0"), (10, "10"), (20, "20")]


def test_it_got_worse_in_quiet_hours() -> None:
    home = quiet_house()
    home.run_until(22)
    home.alert(23, HIGH)
    home.run_until(29, since=23)
    assert [(one.at, one.cause, one.parts) for one in home.done[2:]] == [
        (23, Cause.ADDED, ("light:light.hall",)),
        (23, Cause.TIME, ("light:light.bed", "speaker:media_player.bed")),
    ]


def test_the_begin_of_quiet_hours_rings_nobody() -> None:
    home = quiet_house()
    home.plan = replace(home.plan, quiet_hours=QuietHours(time(3, 40), time(4)))
    home.run_until(25)
    home.snooze(25, 35)
    home.run_until(59, since=26)
    assert home.told == [(0, "0"), (10, "10"), (20, "20"), (35, "20")]


def test_what_was_done_further_on_is_not_gone_back_from_in_quiet_hours() -> None:
    """The first repeats, the last is lamps only: the one between is not done again because they are not for now."""
    home = quiet_house()
    home.plan = plan(
        step(0, "on_duty", every=5),
        step(10, "everybody"),
        step(20, lights=("light.bed",)),
        quiet_hours=QuietHours(time(3, 40), time(4)),
    )
    home.run_until(22)
    home.snooze(22, 30)
    home.run_until(59, since=23)
    assert [one for one in home.told if one[0] >= 30 and one[1] != "0"] == [(30, "20")]


def test_a_night_of_repeats() -> None:
    home = house(step(0, "on_duty", every=1))
    for at in range(200):
        pushed(home, at, pixel=Delivery.RECEIVED)
    assert home.due(199.5) == []
    assert home.due(200) == ["0"]
    assert home.state.of(home.episode(minute(200)).ids).records[-1].key.number == 199


def test_a_long_episode_of_many_alerts() -> None:
    home = House()
    home.alert(0)
    more = [
        replace(home.alerts[0], alert_id=str(n), observed_at=minute(n), received_at=minute(n))
        for n in range(1, 200)
    ]
    assert all(isinstance(one, Alert) for one in more)
    home.alerts += more
    home.run_until(12)
    assert home.told == [(0, "0"), (10, "10")]
    assert home.outlook(12).next_at == minute(0) + timedelta(minutes=20)
