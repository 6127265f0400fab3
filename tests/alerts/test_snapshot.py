"""The picture: what a person's conditions add up to, which episodes there are, and when time alone changes it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from custom_components.care_alerts.alerts.alert import AlertKey, Person, Severity
from custom_components.care_alerts.alerts.episode import EpisodeSpan
from custom_components.care_alerts.alerts.freshness import UNKNOWN as UNHEARD, DataFreshness
from custom_components.care_alerts.alerts.response_log import Episode, ResponseLog
from custom_components.care_alerts.alerts.snapshot import (
    AlertStatus,
    PersonSnapshot,
    SourceSnapshot,
    highest,
)
from custom_components.care_alerts.alerts.testing import make_test_alert

from .build import START, alert, hour

LOW, MEDIUM, HIGH = Severity.LOW, Severity.MEDIUM, Severity.HIGH


def snapshot(*conditions: AlertStatus) -> PersonSnapshot:
    """A person with these conditions."""
    return PersonSnapshot(
        person=Person("p", "Maria"),
        conditions={f"type{number}": condition for number, condition in enumerate(conditions)},
        last_alert=None,
    )


def on(alert_id: str, severity: Severity) -> AlertStatus:
    """A condition that is on."""
    return AlertStatus(is_on=True, current_alert=alert(alert_id, 0, severity=severity))


GOOD_NEWS = AlertStatus(is_on=False, current_alert=alert("good news", 0, severity=Severity.LOW))
NOTHING = AlertStatus(is_on=False)
UNKNOWN = AlertStatus(is_on=None)


@pytest.mark.parametrize(
    ("conditions", "heard_of", "active", "severity"),
    [
        ([], False, [], None),
        ([UNKNOWN, UNKNOWN], False, [], None),
        ([NOTHING, NOTHING], True, [], None),
        ([NOTHING, UNKNOWN], True, [], None),
        ([GOOD_NEWS], True, [], None),
        # It is, and no alert is known by which.
        ([AlertStatus(is_on=True), on("a", LOW)], True, ["a"], LOW),
        ([on("a", LOW)], True, ["a"], LOW),
        ([on("a", MEDIUM), on("b", HIGH), GOOD_NEWS], True, ["a", "b"], HIGH),
        ([on("a", MEDIUM), NOTHING, on("b", LOW)], True, ["a", "b"], MEDIUM),
    ],
)
def test_a_person(
    conditions: list[AlertStatus], heard_of: bool, active: list[str], severity: Severity | None
) -> None:
    person = snapshot(*conditions)

    assert person.is_heard_of is heard_of
    assert [one.alert_id for one in person.active] == active
    assert person.highest_severity is severity


@pytest.mark.parametrize(
    ("severities", "expected"),
    [([], None), ([LOW], LOW), ([LOW, HIGH, MEDIUM], HIGH), ([MEDIUM, LOW], MEDIUM)],
)
def test_highest(severities: Iterable[Severity], expected: Severity | None) -> None:
    assert highest(severities) is expected


# Episodes.

LOW_KEY = AlertKey("p", "low")
DRILL_KEY = replace(LOW_KEY, drill=True)


def span(opened: float, last: float, ended: float | None = None) -> EpisodeSpan:
    """An episode from an hour to another, over at a third."""
    first, newest = (alert(f"{at}", at, person_id="p", alert_type="low") for at in (opened, last))
    return EpisodeSpan(
        opened=first,
        last_seen=newest,
        severity=HIGH,
        ended_at=None if ended is None else hour(ended),
    )


def drill(begins: float, *, ended: bool = False) -> EpisodeSpan:
    """A drill of an hour."""
    now, hour_ = hour(begins), timedelta(hours=1)
    one = make_test_alert("lumen", DRILL_KEY, severity=HIGH, now=now, lasts=hour_)
    return EpisodeSpan(
        opened=one, last_seen=one, severity=HIGH, ended_at=now + hour_ if ended else None
    )


def episode(topic: AlertKey, of: EpisodeSpan) -> Episode:
    """An episode of which nothing was done."""
    return ResponseLog().episode(topic, of, (), START)


GOES_ON, OVER = span(1, 2), span(1, 2, 3)
DRILL, DRILL_OVER = drill(2), drill(2, ended=True)


@pytest.mark.parametrize(
    ("real", "drilled", "shown"),
    [
        (None, None, None),
        (GOES_ON, None, GOES_ON),
        (OVER, None, OVER),
        (None, DRILL, DRILL),
        (None, DRILL_OVER, None),
        # A drill is shown, unless something real goes on.
        (GOES_ON, DRILL, GOES_ON),
        (OVER, DRILL, DRILL),
        (OVER, DRILL_OVER, OVER),
    ],
)
def test_what_to_show_of_an_alert_type(
    real: EpisodeSpan | None, drilled: EpisodeSpan | None, shown: EpisodeSpan | None
) -> None:
    found = ((LOW_KEY, real), (DRILL_KEY, drilled))
    episodes = {topic: episode(topic, one) for topic, one in found if one}
    person = replace(snapshot(), episodes=episodes)
    episode_shown = person.episode("low")
    assert (episode_shown and episode_shown.span) == shown
    assert person.episode("high") is None


def test_the_newest_episode_is_that_of_an_alert_if_it_belongs_to_it() -> None:
    person = replace(snapshot(), episodes={LOW_KEY: episode(LOW_KEY, span(4, 6, 7))})
    for at, is_its in ((3, False), (4, True), (7, True), (8, False)):
        found = person.episode_of(alert("x", at, person_id="p", alert_type="low"))
        assert bool(found) is is_its
    assert person.episode_of(alert("x", 5, person_id="p", alert_type="high")) is None


def source(
    *,
    older: Iterable[EpisodeSpan] = (),
    earlier: Iterable[EpisodeSpan] = (),
    newest: EpisodeSpan | None = None,
    drills: Iterable[EpisodeSpan] = (),
) -> SourceSnapshot:
    """A source of one person, whose lows these are."""
    older, drills = tuple(older), tuple(drills)
    low = AlertStatus(is_on=None, episode=newest, earlier=tuple(earlier), older=lambda: older)
    person = replace(snapshot(), conditions={"low": low})
    return SourceSnapshot(
        people={"p": person}, freshness=UNHEARD, drills={DRILL_KEY: drills} if drills else {}
    )


def test_all_episodes_and_those_whose_end_is_worth_announcing() -> None:
    older, earlier, newest = span(1, 1, 2), span(3, 3, 4), span(5, 5)
    found = source(older=[older], earlier=[earlier], newest=newest, drills=[DRILL])
    assert found.spans_of(LOW_KEY) == (older, earlier, newest)
    assert found.spans_of(DRILL_KEY) == (DRILL,)
    assert dict(found.spans()) == {LOW_KEY: (earlier, newest), DRILL_KEY: (DRILL,)}
    for nobody in (AlertKey("q", "low"), AlertKey("p", "high"), AlertKey("q", "low", drill=True)):
        assert [*found.spans_of(nobody), *found.spans_since(nobody, START)] == []
    nothing = source()
    assert [
        *nothing.spans(),
        *nothing.spans_of(LOW_KEY),
        *nothing.spans_since(LOW_KEY, START),
    ] == []
    # A drill of somebody who is not there any more.
    assert [*replace(found, people={}).spans()] == []


@pytest.mark.parametrize(
    ("since", "number"),
    [
        # What goes on is there whenever it began; what was over then is not.
        (99, 1),
        (6.01, 1),
        (6, 2),
        (4.01, 2),
        (4, 3),
        (2.01, 3),
        (2, 4),
        (0, 4),
    ],
)
def test_episodes_that_go_on_or_did_since_a_time(since: float, number: int) -> None:
    spans = [span(1, 1, 2), span(3, 3, 4), span(5, 6, 6), span(7, 7)]
    found = source(older=spans[:2], earlier=spans[2:3], newest=spans[3])
    assert found.spans_since(LOW_KEY, hour(since)) == spans[-number:]


def test_what_is_older_is_not_worked_out_for_a_day() -> None:
    def older() -> list[EpisodeSpan]:
        raise AssertionError

    low = AlertStatus(is_on=None, episode=span(5, 5), earlier=(span(3, 3, 4),), older=older)
    found = replace(source(), people={"p": replace(snapshot(), conditions={"low": low})})
    assert found.spans_since(LOW_KEY, hour(4.5)) == [low.episode]


def test_drills_since_a_time() -> None:
    over, goes_on = drill(2, ended=True), drill(3)
    found = source(drills=[over, goes_on])
    assert found.spans_since(DRILL_KEY, hour(3)) == [over, goes_on]
    assert found.spans_since(DRILL_KEY, hour(3.01)) == [goes_on]


@pytest.mark.parametrize("missing", range(5))
def test_it_changes_at_the_first_of_all_there_is(missing: int) -> None:
    """Of the source, of a person, of their freshness, and when a drill is over."""
    moments: list[datetime | None] = [hour(at) for at in (1, 2, 3, 4)]
    moments[:missing] = [None] * missing
    of_source, of_person, of_data, of_drill = moments
    found = source(drills=[drill(1, ended=True), drill(3, ended=of_drill is None)])
    person = replace(
        found.people["p"],
        changes_at=of_person,
        freshness=replace(UNHEARD, changes_at=of_data),
    )
    found = replace(found, freshness=replace(UNHEARD, changes_at=of_source), people={"p": person})
    assert found.changes_at == (hour(missing + 1) if missing < 4 else None)


def test_a_topics_newest_episode_is_that_of_its_person() -> None:
    kept = episode(LOW_KEY, GOES_ON)
    person = replace(snapshot(), episodes={LOW_KEY: kept})
    found = replace(source(), people={"p": person})
    assert found.episode(LOW_KEY) is kept
    assert found.episode(DRILL_KEY) is None
    assert found.episode(AlertKey("q", "low")) is None


def test_each_is_as_fresh_as_their_data_and_the_source_as_the_worst() -> None:
    fresh = DataFreshness(data_through=hour(1), next_due=hour(9), valid_until=hour(20))
    late = replace(fresh, next_due=hour(4), data_through=hour(0))
    people = {who: replace(snapshot(), data=data) for who, data in (("a", fresh), ("b", late))}
    found = SourceSnapshot.of(people, {}, fresh, hour(5), failure=None, last_contact=hour(5))
    assert [one.freshness.silent for one in found.people.values()] == [False, True]
    assert found.freshness.silent_people == {"b"}
    assert found.freshness.last_contact == hour(5)


@pytest.mark.parametrize(
    ("conditions", "heard_of"),
    [
        ([NOTHING, replace(NOTHING, has_data_gap=True)], False),
        ([UNKNOWN, replace(NOTHING, has_data_gap=True)], False),
        ([on("a", LOW)], True),
    ],
)
def test_missing_data_may_hide_an_alert(conditions: list[AlertStatus], heard_of: bool) -> None:
    assert snapshot(*conditions).is_heard_of is heard_of
