"""Who has an episode and what is kept quiet: in single cases, and any sequence of what can happen against a naive model."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
import json
from typing import Any

from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
import pytest

from custom_components.care_alerts.alerts.acknowledgement import Actor, Via
from custom_components.care_alerts.alerts.alert import Alert, AlertKey, Severity
from custom_components.care_alerts.alerts.episode import (
    Ending,
    EndReason,
    EpisodeSpan,
    derive_episodes,
)
from custom_components.care_alerts.alerts.response_log import ResponseLog
from custom_components.care_alerts.alerts.snooze import Snooze, joined, next_reminder

from .build import START, alert, hour

ANNA, BEN = Actor("Anna", Via.USER), Actor("Ben", Via.NOTIFICATION)
LOW, MEDIUM, HIGH = Severity
WEIGHT, FLEX = AlertKey("person", "weight"), AlertKey("person", "flex")
HENKS = AlertKey("henk", "weight")
MINUTE = timedelta(minutes=1)


def run(*alerts: Alert, ended: float | None = None) -> EpisodeSpan:
    """The episode of some alerts, over at an hour if one is given."""
    endings = [] if ended is None else [Ending(hour(ended), EndReason.SOURCE)]
    (found,) = derive_episodes(alerts, endings, is_active=lambda _: True)
    return found


def again(log: ResponseLog) -> ResponseLog:
    """It as it is after a restart."""
    return ResponseLog.from_dict(json.loads(json.dumps(log.to_dict())))


def snooze(
    log: ResponseLog, topic: AlertKey, episode: EpisodeSpan, since: float, until: float
) -> None:
    """Snooze one episode."""
    made = log.snooze_episode(topic, episode, by=ANNA, since=hour(since), until=hour(until))
    assert (made.topic, made.until) == (topic, hour(until))


def silenced(
    log: ResponseLog,
    topic: AlertKey,
    severity: Severity,
    episode: EpisodeSpan | None,
    now: datetime,
) -> datetime | None:
    """Until when an alert is silenced."""
    ids = log.episode(topic, episode, (), now).ids if episode else ()
    return log.snoozed_until(topic, severity, ids, now)


def quiet(
    log: ResponseLog, topic: AlertKey, severity: Severity, episode: EpisodeSpan
) -> list[tuple[datetime, datetime]]:
    """When an alert of an episode is silenced."""
    return log.quiet(topic, severity, log.episode(topic, episode, (), START).ids)


def by(
    log: ResponseLog, episode: EpisodeSpan, topic: AlertKey = WEIGHT, *, now: datetime = START
) -> str | None:
    """Who has an episode."""
    held = log.episode(topic, episode, (), now).acknowledgement
    return held.by.name if held else None


# Taking.


def test_taking_and_giving_back() -> None:
    log, episode = ResponseLog(), run(alert("a", 1))
    assert by(log, episode) is None
    assert log.acknowledge(WEIGHT, episode, by=ANNA, at=hour(2), note="Called her")
    held = again(log).episode(WEIGHT, episode, (), hour(9)).acknowledgement
    assert held is not None
    assert (held.by, held.at, held.note) == (ANNA, hour(2), "Called her")

    assert log.unacknowledge(WEIGHT, episode, at=hour(3))
    assert not log.unacknowledge(WEIGHT, episode, at=hour(3))
    assert by(again(log), episode) is None


def test_who_gives_it_back_has_not_answered_but_whoever_had_it_before_has() -> None:
    log, episode = ResponseLog(), run(alert("a", 1))

    def who_answered() -> str | None:
        answer = again(log).episode(WEIGHT, episode, (), hour(9)).answer
        return answer.by.name if answer else None

    log.acknowledge(WEIGHT, episode, by=ANNA, at=hour(2))
    log.unacknowledge(WEIGHT, episode, at=hour(3))
    assert who_answered() is None
    log.acknowledge(WEIGHT, episode, by=ANNA, at=hour(4))
    log.acknowledge(WEIGHT, episode, by=BEN, at=hour(5))
    assert who_answered() == "Anna"
    log.unacknowledge(WEIGHT, episode, at=hour(6))
    assert (who_answered(), by(log, episode)) == ("Anna", None)


@pytest.mark.parametrize("is_undone", [False, True])
def test_of_what_was_kept_without_an_answer_whoever_has_it_answered(is_undone: bool) -> None:
    log, episode = ResponseLog(), run(alert("a", 1))
    log.acknowledge(WEIGHT, episode, by=ANNA, at=hour(2))
    if is_undone:
        log.unacknowledge(WEIGHT, episode, at=hour(3))
    stored = log.to_dict()
    for record in stored["episodes"]:
        del record["answer"]
    answer = ResponseLog.from_dict(stored).episode(WEIGHT, episode, (), hour(9)).answer
    assert (answer.by if answer else None) == (None if is_undone else ANNA)


def test_taking_twice_changes_nothing_but_taking_over_does() -> None:
    log, episode = ResponseLog(), run(alert("a", 1))
    assert log.acknowledge(WEIGHT, episode, by=ANNA, at=hour(2), note="Called her")
    assert not log.acknowledge(WEIGHT, episode, by=ANNA, at=hour(3))
    assert not log.acknowledge(WEIGHT, episode, by=ANNA, at=hour(3), note="Called her")
    assert log.acknowledge(WEIGHT, episode, by=ANNA, at=hour(3), note="She is here")
    assert log.acknowledge(WEIGHT, episode, by=BEN, at=hour(4))
    held = log.episode(WEIGHT, episode, (), hour(9)).acknowledgement
    assert held is not None
    assert (held.by, held.at, held.note) == (BEN, hour(4), None)


def test_only_that_episode_of_that_person_type_and_drill_is_taken() -> None:
    log, first = ResponseLog(), run(alert("a", 1), ended=2)
    log.acknowledge(WEIGHT, first, by=ANNA, at=hour(3))
    assert by(log, first) == "Anna"
    assert by(log, run(alert("b", 4))) is None
    for other in (FLEX, HENKS, replace(WEIGHT, drill=True)):
        assert by(log, first, other) is None


def test_alerts_that_come_later_belong_to_what_was_taken() -> None:
    log = ResponseLog()
    log.acknowledge(WEIGHT, run(alert("b", 5)), by=ANNA, at=hour(6))
    # An older one, which came late, and a newer one.
    assert by(log, run(alert("a", 1), alert("b", 5))) == "Anna"
    assert by(log, run(alert("b", 5), alert("c", 9))) == "Anna"
    assert by(log, run(alert("a", 1), alert("b", 5), alert("c", 9), ended=10)) == "Anna"


def test_a_worse_alert_makes_it_nobodys_again() -> None:
    log, episode = ResponseLog(), run(alert("a", 1, severity=MEDIUM))
    log.acknowledge(WEIGHT, episode, by=ANNA, at=hour(2))
    worse = run(alert("a", 1, severity=MEDIUM), alert("b", 3, severity=HIGH))
    assert by(log, run(alert("a", 1, severity=MEDIUM), alert("b", 3, severity=LOW))) == "Anna"
    assert by(log, worse) is None
    assert not log.unacknowledge(WEIGHT, worse, at=hour(4))
    assert log.acknowledge(WEIGHT, worse, by=ANNA, at=hour(4))
    assert by(again(log), worse) == "Anna"


def test_another_alert_long_after_what_was_taken_makes_it_nobodys_again() -> None:
    """However late all of them came: what somebody knew of counts, not when."""
    log, first = ResponseLog(), alert("a", 1, received=2)
    log.acknowledge(WEIGHT, run(first), by=ANNA, at=hour(3), reacknowledge_after_gap=30 * MINUTE)
    log = again(log)
    assert by(log, run(alert("0", 0.1, received=4), first)) == "Anna"
    assert by(log, run(first, alert("b", 1.4, received=4))) == "Anna"
    told = [first, alert("b", 1.5, received=4.5), alert("c", 1.6, received=4.6)]
    assert by(log, run(*told)) is None
    assert log.episode(WEIGHT, run(*told), told, hour(9)).unacknowledged_since == hour(4.5)
    # Whoever takes that, has it again.
    assert log.acknowledge(
        WEIGHT, run(*told), by=ANNA, at=hour(5), reacknowledge_after_gap=30 * MINUTE
    )
    assert by(log, run(*told, alert("d", 2.0))) == "Anna"
    assert by(log, run(*told, alert("d", 2.0), alert("e", 2.1))) is None


def test_what_somebody_has_for_a_while_is_nobodys_if_it_goes_on() -> None:
    log, told = ResponseLog(), [alert("a", 1)]
    going_on = run(*told)
    log.acknowledge(WEIGHT, going_on, by=ANNA, at=hour(2), expires_at=hour(3))
    log = again(log)
    before, then = hour(3) - MINUTE, hour(3)
    assert by(log, going_on, now=before) == "Anna"
    assert log.changes_at(before) == then
    assert by(log, going_on, now=then) is None
    assert log.changes_at(then) is None
    assert log.episode(WEIGHT, going_on, told, hour(5)).unacknowledged_since == then
    # What was over by then, they have had to its end.
    assert by(log, run(*told, ended=2.9), now=hour(5)) == "Anna"
    assert by(log, run(*told, ended=3.1), now=hour(5)) is None
    assert log.acknowledge(WEIGHT, going_on, by=ANNA, at=hour(4), expires_at=hour(5))
    assert by(log, going_on, now=hour(4.5)) == "Anna"
    # Who takes it again before, has it for as long again: nobody needs to be told.
    assert not log.acknowledge(WEIGHT, going_on, by=ANNA, at=hour(4.5), expires_at=hour(5.5))
    assert by(log, going_on, now=hour(5)) == "Anna"
    assert by(log, going_on, now=hour(5.5)) is None


def test_it_changes_at_the_first_that_is_over() -> None:
    log = ResponseLog()
    assert log.changes_at(hour(1)) is None
    for topic, expires in ((WEIGHT, 5), (FLEX, 4)):
        log.acknowledge(topic, run(alert("a", 1)), by=ANNA, at=hour(2), expires_at=hour(expires))
    for person, since, until in (("henk", 2, 6), ("person", 3, 7), (None, 6.5, 8)):
        log.snooze(Snooze(person_id=person, by=ANNA, since=hour(since), until=hour(until)))
    for now, then in ((2, 4), (4, 5), (5, 6), (6, 7), (7, 8), (8, None)):
        assert log.changes_at(hour(now)) == (None if then is None else hour(then))


def test_since_when_it_is_nobodys() -> None:
    log = ResponseLog()
    alerts = [alert("a", 1, received=3, severity=MEDIUM), alert("b", 2, severity=MEDIUM)]
    episode = run(*alerts)

    def since(episode: EpisodeSpan = episode, told: list[Alert] = alerts) -> datetime | None:
        return again(log).episode(WEIGHT, episode, told, hour(9)).unacknowledged_since

    # When the house heard of it first, not when it began.
    assert since() == hour(2)
    assert since(told=[]) is None
    assert since(run(*alerts, ended=4)) is None
    log.acknowledge(WEIGHT, episode, by=ANNA, at=hour(4))
    assert since() is None
    log.unacknowledge(WEIGHT, episode, at=hour(5))
    assert since() == hour(5)
    log.acknowledge(WEIGHT, episode, by=BEN, at=hour(6))
    assert since() is None
    worse = [*alerts, alert("c", 7, received=8, severity=HIGH)]
    assert since(run(*worse), worse) == hour(8)


# Quiet.


def test_a_snooze_of_one_alert_silences_its_episode_whatever_its_severity() -> None:
    log, episode = ResponseLog(), run(alert("a", 1))
    snooze(log, WEIGHT, episode, 2, 4)
    for severity in Severity:
        assert silenced(log, WEIGHT, severity, episode, hour(2)) == hour(4)
        assert silenced(log, WEIGHT, severity, episode, hour(1.9)) is None
        assert silenced(log, WEIGHT, severity, episode, hour(4)) is None
    new = run(alert("b", 3))
    assert silenced(log, WEIGHT, HIGH, new, hour(3)) is None
    assert silenced(log, WEIGHT, HIGH, None, hour(3)) is None
    assert silenced(log, FLEX, HIGH, episode, hour(3)) is None
    assert silenced(log, replace(WEIGHT, drill=True), HIGH, episode, hour(3)) is None


@pytest.mark.parametrize("person_id", ["person", None])
def test_a_snooze_of_a_person_or_a_source_never_silences_high(person_id: str | None) -> None:
    log, episode = ResponseLog(), run(alert("a", 1))
    log.snooze(Snooze(person_id=person_id, by=ANNA, since=hour(2), until=hour(4)))
    log = again(log)
    for topic in (WEIGHT, FLEX, replace(WEIGHT, drill=True)):
        assert silenced(log, topic, HIGH, episode, hour(3)) is None
        for severity in (LOW, MEDIUM):
            assert silenced(log, topic, severity, episode, hour(3)) == hour(4)
            assert silenced(log, topic, severity, None, hour(3)) == hour(4)
    others = None if person_id else hour(4)
    assert silenced(log, HENKS, LOW, episode, hour(3)) == others


def test_snoozing_again_counts_from_then() -> None:
    log, episode = ResponseLog(), run(alert("a", 1))
    snooze(log, WEIGHT, episode, 2, 9)
    snooze(log, WEIGHT, episode, 3, 4)
    assert silenced(log, WEIGHT, HIGH, episode, hour(3)) == hour(4)
    assert quiet(log, WEIGHT, HIGH, episode) == [(hour(2), hour(4))]


@pytest.mark.parametrize("minutes", [-1, 30, 90])
def test_one_thing_snoozed_again_and_again_is_kept_once(minutes: int) -> None:
    """However long each is, also if it is over before the next: what was quiet in all is the same."""
    log, episode = ResponseLog(), run(alert("a", 1))
    for person in (None, "person", "henk"):
        for since in range(2, 50):
            log.snooze(
                Snooze(
                    person_id=person,
                    by=ANNA,
                    since=hour(since),
                    until=hour(since + 1) + minutes * MINUTE,
                )
            )
    for since in range(2, 50):
        snooze(log, FLEX, episode, since, since + 1 + minutes / 60)
    kept = 48 if minutes < 0 else 1
    assert len(again(log).to_dict()["snoozes"]) == 4 * kept
    assert len(quiet(log, WEIGHT, LOW, episode)) == kept
    assert quiet(log, FLEX, HIGH, episode)[0][0] == hour(2)
    assert quiet(log, FLEX, HIGH, episode)[-1][1] == hour(50) + minutes * MINUTE


def test_what_ends_with_unsnooze() -> None:
    episode = run(alert("a", 1))

    def snoozed() -> ResponseLog:
        log = ResponseLog()
        snooze(log, WEIGHT, episode, 2, 9)
        snooze(log, FLEX, episode, 2, 9)
        snooze(log, HENKS, episode, 2, 9)
        log.snooze(Snooze(person_id="person", by=ANNA, since=hour(2), until=hour(9)))
        log.snooze(Snooze(by=ANNA, since=hour(2), until=hour(9)))
        return log

    assert len(snoozed().unsnooze(hour(3), topics=[WEIGHT])) == 1
    assert len(snoozed().unsnooze(hour(3), person_id="person")) == 3
    # What is exempt of somebody goes on being quiet; a snooze of all of them is none of one alert.
    left = snoozed().unsnooze(hour(3), person_id="person", exempt={FLEX.alert_type})
    assert sorted(str(one.topic and one.topic.alert_type) for one in left) == ["None", "weight"]
    log = snoozed()
    assert len(log.unsnooze(hour(3))) == 5
    assert log.unsnooze(hour(3)) == []
    assert silenced(log, WEIGHT, LOW, episode, hour(3)) is None
    # What it kept quiet stays known: a reminder that fell into it is due at its end.
    assert quiet(log, WEIGHT, LOW, episode) == [(hour(2), hour(3))]
    # What ends as it begins was never quiet.
    log = snoozed()
    log.unsnooze(hour(2))
    assert quiet(log, WEIGHT, LOW, episode) == []


# Keeping.


@pytest.mark.parametrize(("taken_at", "gone_at"), [(None, 2), (1.5, 2), (5, 5)])
def test_an_episode_is_kept_as_long_as_anything_of_it_is_new(
    taken_at: float | None, gone_at: float
) -> None:
    log, alerts = ResponseLog(), [alert("a", 1), alert("b", 2)]
    log.reconcile(WEIGHT, [run(*alerts)], alerts)
    if taken_at:
        log.acknowledge(WEIGHT, run(*alerts), by=ANNA, at=hour(taken_at))
    log.prune(hour(gone_at - 0.01))
    assert len(log.to_dict()["episodes"]) == 1
    log.prune(hour(gone_at))
    assert log.to_dict()["episodes"] == []


def test_what_is_old_is_forgotten() -> None:
    log, episode = ResponseLog(), run(alert("a", 1), ended=3)
    log.acknowledge(WEIGHT, episode, by=ANNA, at=hour(2))
    snooze(log, WEIGHT, episode, 2, 3)
    log.mark_end_announced(WEIGHT, episode, hour(3))
    log.prune(hour(1))
    assert by(log, episode) == "Anna"
    assert log.is_end_announced(WEIGHT, hour(3))
    log.prune(hour(3))
    assert again(log).to_dict() == ResponseLog().to_dict()


def test_a_damaged_file_loses_what_cannot_be_read_and_nothing_else() -> None:
    log, episode = ResponseLog(), run(alert("a", 1), ended=3)
    log.acknowledge(WEIGHT, episode, by=ANNA, at=hour(2))
    snooze(log, WEIGHT, episode, 2, 4)
    log.mark_end_announced(FLEX, episode, hour(3))
    log.silence_announced = True
    log.reminders_done_until = hour(5)
    stored = json.loads(json.dumps(log.to_dict()))
    damage: Any
    for damage in (None, 3, "x", {}, {"at": "2026-05-01T00:00:00"}, []):
        for part in ("episodes", "snoozes"):
            stored[part].append(damage)
    naive = json.loads(json.dumps(stored["episodes"][0]))
    naive["span"]["first"] = "2026-05-01T00:00:00"
    stored["episodes"].append(naive)
    read = ResponseLog.from_dict(stored)
    assert read.to_dict() == log.to_dict()

    nonsense: Any
    for nonsense in (
        None,
        3,
        "x",
        [],
        {"episodes": 3, "reminders_done_until": 5, "silence_announced": 2},
    ):
        assert ResponseLog.from_dict(nonsense).to_dict() == ResponseLog().to_dict()


def test_ends_are_announced_once_and_in_order() -> None:
    log = ResponseLog()
    assert not log.is_end_announced(WEIGHT, hour(1))
    log.mark_end_announced(WEIGHT, run(alert("b", 2), ended=3), hour(3))
    log.mark_end_announced(WEIGHT, run(alert("a", 1), ended=1.5), hour(3))
    log = again(log)
    assert log.is_end_announced(WEIGHT, hour(1))
    assert log.is_end_announced(WEIGHT, hour(3))
    # Also while another goes on.
    log.reconcile(WEIGHT, [run(alert("c", 5))], [alert("c", 5)])
    assert not log.is_end_announced(WEIGHT, hour(4))
    assert not log.is_end_announced(FLEX, hour(1))


@pytest.mark.parametrize("announced_at", [5, 6, 7])
def test_an_episode_goes_on_since_what_is_beyond_the_end_came(announced_at: float) -> None:
    log = ResponseLog()
    over, newer, newest = alert("a", 1), alert("b", 5, received=6), alert("d", 8)
    log.reconcile(WEIGHT, [run(over, ended=3)], [over])
    # The house was down: the end may be announced with what comes after it, or later.
    log.mark_end_announced(WEIGHT, run(over, ended=3), hour(announced_at))
    alerts = [over, alert("late", 2, received=9), newer, newest]
    found = again(log).episode(WEIGHT, run(*alerts), alerts, hour(9))
    assert found.reopened_at == hour(6)


def test_what_a_late_alert_joins_with_something_worse_needs_somebody_since_then() -> None:
    log = ResponseLog()
    worse, milder = alert("a", 1), alert("b", 5, severity=MEDIUM)
    for episode, of_it in ((run(worse, ended=3), worse), (run(milder), milder)):
        log.reconcile(WEIGHT, [episode], [of_it])
    log.acknowledge(WEIGHT, run(milder), by=ANNA, at=hour(6))
    goes_on = alert("d", 7, severity=MEDIUM)
    alerts = [worse, alert("late", 3, received=8, severity=MEDIUM), milder, goes_on]
    found = again(log).episode(WEIGHT, run(*alerts), alerts, hour(9))
    assert found.acknowledgement is None
    assert found.unacknowledged_since == hour(8)


@pytest.mark.parametrize(
    ("worse_received", "milder_received"), [(1, 5), (6, 5), (1, 6)], ids=["", "worse", "milder"]
)
def test_what_came_as_somebody_took_it_was_known_to_them(
    worse_received: float, milder_received: float
) -> None:
    """Who has one of two that are joined later, has the other no sooner than by the first that joins them."""
    log = ResponseLog()
    worse = alert("a", 1, received=worse_received)
    milder = alert("b", 5, received=milder_received, severity=MEDIUM)
    for episode, of_it in ((run(worse, ended=3), worse), (run(milder), milder)):
        log.reconcile(WEIGHT, [episode], [of_it])
    log.acknowledge(WEIGHT, run(milder), by=ANNA, at=hour(6))
    late = [alert(f"late{at}", at, received=at + 5, severity=MEDIUM) for at in (3, 4)]
    alerts = [worse, *late, milder]
    assert log.episode(WEIGHT, run(*alerts), alerts, hour(9)).unacknowledged_since == hour(8)


def test_the_last_end_that_was_announced_counts() -> None:
    log = ResponseLog()
    first, second = alert("a", 1), alert("b", 5)
    for one, ended, told in ((first, 3, 5), (second, 6, 7)):
        log.reconcile(WEIGHT, [run(one, ended=ended)], [one])
        log.mark_end_announced(WEIGHT, run(one, ended=ended), hour(told))
    # Neither what was observed as it ended, nor what came as that was announced.
    known = [first, second, alert("c", 6, received=7)]
    assert log.episode(WEIGHT, run(*known), known, hour(9)).reopened_at is None
    late = [first, alert("late", 4, received=9), *known[1:]]
    assert log.episode(WEIGHT, run(*late), late, hour(9)).reopened_at == hour(9)
    # What was kept without the one or the other tells nothing.
    for lost in ("end_announced", "end_announced_at"):
        kept = json.loads(json.dumps(log.to_dict()))
        for record in kept["episodes"]:
            record[lost] = None
        found = ResponseLog.from_dict(kept).episode(WEIGHT, run(*late), late, hour(9))
        assert found.reopened_at is None


# Joined, parted, forgotten.


def test_of_two_that_are_joined_the_newest_has_it_and_the_first_answered() -> None:
    log = ResponseLog()
    first, second = run(alert("a", 1), ended=2), run(alert("b", 5))
    log.reconcile(WEIGHT, [second], [alert("b", 5)])
    # The older one came late.
    log.reconcile(WEIGHT, [first, second], [alert("a", 1), alert("b", 5)])
    ids = [log.episode(WEIGHT, one, (), START).episode_id for one in (first, second)]
    assert len(set(ids)) == 2
    log.acknowledge(WEIGHT, first, by=ANNA, at=hour(2))
    log.acknowledge(WEIGHT, second, by=BEN, at=hour(6))
    found = again(log).episode(WEIGHT, run(alert("a", 1), alert("b", 5)), (), hour(9))
    assert found.episode_id == ids[0]
    assert found.ids == set(ids)
    assert found.acknowledgement
    assert found.answer
    assert (found.acknowledgement.by, found.answer.by) == (BEN, ANNA)


@pytest.mark.parametrize("taken", [True, False])
def test_of_one_that_is_parted_both_are_whoevers_it_was(taken: bool) -> None:
    log = ResponseLog()
    alerts = [alert("a", 1), alert("b", 5)]
    log.reconcile(WEIGHT, [run(*alerts)], alerts)
    if taken:
        log.acknowledge(WEIGHT, run(*alerts), by=ANNA, at=hour(6))
    # It was over in between.
    parts = [run(alerts[0], ended=3), run(alerts[1])]
    log.reconcile(WEIGHT, parts, alerts)
    assert [by(log, one) for one in parts] == ["Anna" if taken else None] * 2
    assert len({log.episode(WEIGHT, one, (), START).episode_id for one in parts}) == 2


def test_of_one_that_is_parted_each_is_quiet_as_it_was_when_it_had_alerts_of_that_part() -> None:
    log = ResponseLog()
    alerts = [alert("a", 1), alert("b", 5)]
    log.snooze(Snooze(person_id="person", by=ANNA, since=hour(1), until=hour(40)))
    snooze(log, FLEX, run(alert("c", 4), alert("d", 6)), 6, 30)
    for span, since, until in ((run(alerts[0]), 1, 2), (run(*alerts), 6, 20)):
        log.reconcile(WEIGHT, [span], alerts)
        snooze(log, WEIGHT, span, since, until)
    parts = [run(alerts[0], ended=3), run(alerts[1])]
    log.reconcile(WEIGHT, parts, alerts)
    both, first = (hour(6), hour(20)), (hour(1), hour(2))
    assert [quiet(log, WEIGHT, HIGH, one) for one in parts] == [[first, both], [both]]


def test_what_was_given_back_before_is_nobodys_since_then() -> None:
    log = ResponseLog()
    alerts = [alert("a", 1), alert("b", 5)]
    parts, whole = [run(alerts[0], ended=2), run(alerts[1])], run(*alerts)
    log.reconcile(WEIGHT, parts, alerts)
    log.acknowledge(WEIGHT, parts[1], by=BEN, at=hour(6))
    log.unacknowledge(WEIGHT, parts[1], at=hour(7))
    log.acknowledge(WEIGHT, parts[0], by=ANNA, at=hour(8))
    # Joined, they are Anna's, who gives them back; and then it turns out that they were two.
    log.reconcile(WEIGHT, [whole], alerts)
    assert log.unacknowledge(WEIGHT, whole, at=hour(9))
    log.reconcile(WEIGHT, parts, alerts)
    found = log.episode(WEIGHT, parts[1], alerts, hour(10))
    assert found.unacknowledged_since == hour(7)


def test_an_episode_stays_the_same_when_its_first_alert_is_forgotten() -> None:
    alerts = [alert("a", 1), alert("b", 5), alert("c", 9)]
    for reconciled in (True, False):
        log = ResponseLog()
        log.reconcile(WEIGHT, [run(*alerts)], alerts)
        before = log.episode(WEIGHT, run(*alerts), alerts, START).episode_id
        if reconciled:
            log.reconcile(WEIGHT, [run(*alerts[1:])], alerts[1:])
        log.acknowledge(WEIGHT, run(*alerts[1:]), by=BEN, at=hour(10))
        after = log.episode(WEIGHT, run(*alerts[1:]), alerts[1:], hour(10))
        assert after.ids == {before}
        assert after.acknowledgement


def test_test_alerts_of_one_instant_are_told_apart() -> None:
    log, topic = ResponseLog(), replace(WEIGHT, drill=True)
    drills = [alert(name, 1, drill=True) for name in "ab"]
    log.reconcile(topic, [run(one) for one in drills], drills)
    log.acknowledge(topic, run(drills[0]), by=ANNA, at=hour(2))
    assert [by(log, run(one), topic) for one in drills] == ["Anna", None]
    # Nor is one what another was that is forgotten.
    later = alert("c", 1, drill=True)
    ids = {log.episode(topic, run(one), (), START).episode_id for one in drills}
    log.reconcile(topic, [run(later)], [later])
    assert log.episode(topic, run(later), (), START).ids.isdisjoint(ids)


@pytest.mark.parametrize(
    ("late", "is_late"),
    [([], False), ([True], True), ([True, True], True), ([True, False], False), ([False], False)],
)
def test_an_episode_is_late_if_all_that_was_told_of_it_was(late: list[bool], is_late: bool) -> None:
    told = [alert(str(number), number, late=one) for number, one in enumerate(late)]
    handled = replace(run(alert("0", 0), alert("9", 9)), handled_at=hour(3))
    found = ResponseLog().episode(WEIGHT, handled, told, hour(9))
    assert found.is_late is is_late
    assert found.handled_at == hour(3)


@pytest.mark.parametrize(
    ("spans", "as_one"),
    [
        ([(3, 4), (1, 2)], [(1, 2), (3, 4)]),
        ([(1, 2), (2, 3)], [(1, 3)]),
        ([(1, 3), (2, 4)], [(1, 4)]),
        ([(1, 4), (2, 3)], [(1, 4)]),
    ],
)
def test_times_of_quiet_that_touch_are_one(
    spans: list[tuple[int, int]], as_one: list[tuple[int, int]]
) -> None:
    found = joined((hour(since), hour(until)) for since, until in spans)
    assert found == [(hour(since), hour(until)) for since, until in as_one]


# Reminding.


def rings(
    after: int, every: int | None, quiet: list[tuple[int, int]], to: int = 600
) -> Iterator[datetime]:
    """All rings there are, minute by minute and by hand: the naive way."""
    asked = False
    for minute in range(to):
        since_first = minute - after
        if since_first == 0 or (every and since_first > 0 and since_first % every == 0):
            asked = True
        if minute >= after and any(end == minute for _, end in quiet):
            asked = True
        if asked and not any(begin <= minute < end for begin, end in quiet):
            asked = False
            yield START + minute * MINUTE


@given(
    after=st.integers(0, 60),
    every=st.none() | st.integers(1, 60),
    edges=st.lists(st.integers(0, 400), max_size=8, unique=True).map(sorted),
    later_than=st.integers(-10, 300),
)
def test_reminders_come_when_they_would_minute_by_minute(
    after: int, every: int | None, edges: list[int], later_than: int
) -> None:
    # Times of quiet that do not touch: what `ResponseLog.quiet` gives.
    quiet = list(pairwise(edges))[::2]
    expected = list(rings(after, every, quiet))
    now = START + later_than * MINUTE
    found: list[datetime] = []
    while (
        ring := next_reminder(
            START,
            after=after * MINUTE,
            every=every * MINUTE if every else None,
            quiet=[(START + begin * MINUTE, START + end * MINUTE) for begin, end in quiet],
            later_than=now,
        )
    ) and ring < START + 500 * MINUTE:
        found.append(ring)
        now = ring
    assert found == [
        ring for ring in expected if START + later_than * MINUTE < ring < START + 500 * MINUTE
    ]


# Any sequence, against a naive model.


@dataclass
class Naive:
    """One condition as somebody would keep it with pencil and paper: whatever happens is done to what there is now."""

    severity: Severity | None = None
    is_open: bool = False
    taken_by: str | None = None
    taken_at: Severity | None = None
    taken_to: datetime | None = None
    taken_until: datetime | None = None
    note: str | None = None
    waiting_since: datetime | None = None
    snoozed_until: datetime | None = None

    def hears(self, severity: Severity, now: datetime, observed_at: datetime) -> None:
        """An alert comes."""
        self.lapses(now)
        if not self.is_open:
            self.__init__(severity, is_open=True, waiting_since=now)  # type: ignore[misc]
            return
        assert self.severity is not None
        self.severity = max(self.severity, severity, key=lambda one: one.rank)
        is_worse = self.taken_at and severity.rank > self.taken_at.rank
        if is_worse or (self.taken_to and observed_at >= self.taken_to):
            self.taken_by = self.taken_at = self.taken_to = self.note = None
            self.waiting_since = now

    def lapses(self, now: datetime) -> None:
        """Time passes."""
        if self.is_open and self.taken_by and self.taken_until and now >= self.taken_until:
            self.taken_by = self.taken_at = self.taken_to = self.note = None
            self.waiting_since = self.taken_until

    def is_taken(
        self,
        who: str,
        note: str | None,
        now: datetime,
        to: datetime | None,
        until: datetime | None,
    ) -> None:
        """Somebody takes it, with all that happens before a moment, and for a while, if that is not for good."""
        self.lapses(now)
        if self.severity is None:
            return
        self.taken_to, self.taken_until = to, until
        if self.taken_by != who or note not in (None, self.note):
            self.taken_by, self.taken_at, self.note = who, self.severity, note

    def is_given_back(self, now: datetime) -> None:
        """Somebody gives it back."""
        self.lapses(now)
        if self.taken_by:
            self.taken_by = self.taken_at = self.taken_to = self.note = None
            self.waiting_since = now


@dataclass
class Scopes:
    """Until when people, and the source as a whole, are snoozed."""

    until: dict[str | None, datetime] = field(default_factory=dict)


TOPICS = {"weight": WEIGHT, "flex": FLEX, "henk": HENKS, "drill": replace(WEIGHT, drill=True)}
NAMES = st.sampled_from(sorted(TOPICS))
SEVERITIES = st.sampled_from(list(Severity))
NOTES = st.sampled_from([None, "one", "two"])
PEOPLE = st.sampled_from(["person", "henk", None])
A_WHILE = st.none() | st.integers(1, 60).map(lambda minutes: minutes * MINUTE)


class AnySequence(RuleBasedStateMachine):
    """Alerts, ends, acknowledgements, snoozes, their undoing and restarts, in any order."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.now = START
        self.log = ResponseLog()
        self.alerts: dict[str, list[Alert]] = {name: [] for name in TOPICS}
        self.endings: dict[str, list[Ending]] = {name: [] for name in TOPICS}
        self.naive = {name: Naive() for name in TOPICS}
        self.snoozed: dict[str | None, datetime] = {}

    def newest(self, name: str) -> EpisodeSpan | None:
        """The newest episode."""
        found = derive_episodes(self.alerts[name], self.endings[name], is_active=lambda _: True)
        return found[-1] if found else None

    def add(self, name: str, severity: Severity, observed_at: datetime) -> None:
        """Have an alert, received now."""
        topic = TOPICS[name]
        one = alert(
            f"{name}{len(self.alerts[name])}",
            0,
            person_id=topic.person_id,
            alert_type=topic.alert_type,
            drill=topic.drill,
            severity=severity,
        )
        self.alerts[name].append(replace(one, observed_at=observed_at, received_at=self.now))

    @rule()
    def time_passes(self) -> None:
        """A minute: no two things happen at once."""
        self.now += MINUTE

    @rule(minutes=st.integers(5, 90))
    def much_time_passes(self, minutes: int) -> None:
        """Until snoozes are over."""
        self.now += minutes * MINUTE

    @rule(name=NAMES, severity=SEVERITIES)
    def an_alert_comes(self, name: str, severity: Severity) -> None:
        """Of an episode that goes on, or of a new one."""
        self.now += MINUTE
        self.add(name, severity, self.now)
        self.naive[name].hears(severity, self.now, self.now)

    @rule(name=NAMES, severity=SEVERITIES)
    def an_older_alert_of_it_comes_late(self, name: str, severity: Severity) -> None:
        """The episode has begun earlier than it seemed."""
        episode = self.newest(name)
        if episode is None or not episode.is_open or TOPICS[name].drill:
            # A test alert is an episode of its own.
            return
        self.now += MINUTE
        earlier = episode.opened.observed_at - timedelta(seconds=1)
        if any(one.observed_at == earlier for one in self.alerts[name]):
            return
        self.add(name, severity, earlier)
        self.naive[name].hears(severity, self.now, earlier)

    @rule(name=NAMES)
    def it_ends(self, name: str) -> None:
        """The source says that it is over."""
        self.now += MINUTE
        self.endings[name].append(Ending(self.now, EndReason.SOURCE))
        self.naive[name].lapses(self.now)
        self.naive[name].is_open = False

    @rule(
        name=NAMES,
        who=st.sampled_from([ANNA, BEN]),
        note=NOTES,
        again_after=A_WHILE,
        lasts=A_WHILE,
    )
    def somebody_takes_it(
        self,
        name: str,
        who: Actor,
        note: str | None,
        again_after: timedelta | None,
        lasts: timedelta | None,
    ) -> None:
        """Open or over, taken or not."""
        self.now += MINUTE
        episode = self.newest(name)
        until = self.now + lasts if lasts else None
        if episode:
            self.log.acknowledge(
                TOPICS[name],
                episode,
                by=who,
                at=self.now,
                note=note,
                reacknowledge_after_gap=again_after,
                expires_at=until,
            )
        assert who.name is not None
        to = episode.last_seen.observed_at + again_after if episode and again_after else None
        self.naive[name].is_taken(who.name, note, self.now, to, until)

    @rule(name=NAMES)
    def somebody_gives_it_back(self, name: str) -> None:
        """Taken or not."""
        self.now += MINUTE
        if episode := self.newest(name):
            self.log.unacknowledge(TOPICS[name], episode, at=self.now)
        self.naive[name].is_given_back(self.now)

    @rule(name=NAMES, minutes=st.integers(1, 60))
    def one_is_snoozed(self, name: str, minutes: int) -> None:
        """If it is open."""
        episode = self.newest(name)
        if episode is None or not episode.is_open:
            return
        until = self.now + minutes * MINUTE
        self.log.snooze_episode(TOPICS[name], episode, by=ANNA, since=self.now, until=until)
        self.naive[name].snoozed_until = until

    @rule(person_id=PEOPLE, minutes=st.integers(1, 60))
    def somebody_is_snoozed(self, person_id: str | None, minutes: int) -> None:
        """Or the whole source."""
        until = self.now + minutes * MINUTE
        self.log.snooze(Snooze(person_id=person_id, by=ANNA, since=self.now, until=until))
        self.snoozed[person_id] = until

    @rule(name=NAMES)
    def the_snooze_of_one_ends(self, name: str) -> None:
        """Snoozed or not."""
        self.log.unsnooze(self.now, topics=[TOPICS[name]])
        self.naive[name].snoozed_until = None

    @rule(person_id=PEOPLE)
    def the_snoozes_of_somebody_end(self, person_id: str | None) -> None:
        """With those of their alerts; of the source, all."""
        self.log.unsnooze(self.now, person_id=person_id)
        for name, topic in TOPICS.items():
            if person_id in (None, topic.person_id):
                self.naive[name].snoozed_until = None
        for one in list(self.snoozed):
            if person_id in (None, one):
                del self.snoozed[one]

    @rule()
    def home_assistant_restarts(self) -> None:
        """And nothing has changed."""
        self.log = again(self.log)

    @invariant()
    def all_is_as_on_paper(self) -> None:
        """Who has what, since when it is nobody's, and what is silenced until when."""
        for name, topic in TOPICS.items():
            naive, episode = self.naive[name], self.newest(name)
            naive.lapses(self.now)
            assert (episode is not None and episode.is_open) == naive.is_open
            if episode is None:
                continue
            kept = self.log.episode(topic, episode, self.alerts[name], self.now)
            held = kept.acknowledgement
            assert (held and held.by.name) == naive.taken_by
            assert (held and held.note) == naive.note
            assert kept.severity is naive.severity
            waits = naive.is_open and not naive.taken_by
            assert kept.unacknowledged_since == (naive.waiting_since if waits else None)
            own = naive.snoozed_until
            assert self.is_silenced(topic, HIGH, episode) == (own is not None and own > self.now)
            assert self.is_silenced(topic, LOW, episode) == any(
                until is not None and until > self.now
                for until in (own, self.snoozed.get(topic.person_id), self.snoozed.get(None))
            )

    def is_silenced(self, topic: AlertKey, severity: Severity, episode: EpisodeSpan) -> bool:
        """Whether an alert would be."""
        return silenced(self.log, topic, severity, episode, self.now) is not None


TestAnySequence: Any = AnySequence.TestCase
TestAnySequence.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
