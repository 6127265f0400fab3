"""Episodes keep their ids and what was done about them, whatever late records do to them."""

from dataclasses import replace
from datetime import timedelta
import json

from hypothesis import given, strategies as st
import pytest

from custom_components.care_alerts.alerts.acknowledgement import Actor, Via
from custom_components.care_alerts.alerts.alert import Alert, AlertKey, AlertState, Person
from custom_components.care_alerts.alerts.episode import (
    Ending,
    EndReason,
    EpisodeSpan,
    derive_episodes,
    span_of,
)
from custom_components.care_alerts.alerts.episode_record import episode_id_of
from custom_components.care_alerts.alerts.freshness import UNKNOWN
from custom_components.care_alerts.alerts.ledger import Ledger
from custom_components.care_alerts.alerts.reconcile import (
    ends_unannounced,
    episode_of,
    with_episodes,
)
from custom_components.care_alerts.alerts.response_log import Episode, ResponseLog
from custom_components.care_alerts.alerts.snapshot import (
    AlertStatus,
    PersonSnapshot,
    SourceSnapshot,
)

from .build import alert, hour

ANNA = Actor("Anna", Via.USER)
WEIGHT = AlertKey("person", "weight")
HOLD = timedelta(minutes=120)


def is_active(one: Alert) -> bool | None:
    return one.state is AlertState.ACTIVE


def spans_of(alerts: list[Alert]) -> list[EpisodeSpan]:
    """What a source with a hold time makes of them: each stands for two hours unless another comes."""
    alerts = sorted(alerts, key=lambda one: (one.observed_at, one.alert_id))
    endings = []
    for number, one in enumerate(alerts):
        until = one.observed_at + HOLD
        if is_active(one) and not any(other.observed_at <= until for other in alerts[number + 1 :]):
            endings.append(Ending(until, EndReason.EXPIRED))
    return derive_episodes(alerts, endings, is_active=is_active)


class House:
    """A response log and the alerts it is about, in the order they came."""

    def __init__(self) -> None:
        self.log = ResponseLog()
        self.alerts: list[Alert] = []

    def receive(self, *alerts: Alert) -> list[Episode]:
        """Alerts come; the episodes there are then."""
        self.alerts += [one for one in alerts if one not in self.alerts]
        self.log.reconcile(WEIGHT, spans_of(self.alerts), self._in_order())
        return self.episodes()

    def _in_order(self) -> list[Alert]:
        return sorted(self.alerts, key=lambda one: one.observed_at)

    def episodes(self) -> list[Episode]:
        """The episodes there are."""
        return [
            self.log.episode(WEIGHT, span, self._in_order(), hour(100))
            for span in spans_of(self.alerts)
        ]

    def restart(self) -> None:
        """Nothing is known but what is on disk."""
        self.log = ResponseLog.from_dict(json.loads(json.dumps(self.log.to_dict())))

    def acknowledge(self, episode: Episode) -> None:
        """Anna acknowledges an episode."""
        self.log.acknowledge(WEIGHT, episode.span, by=ANNA, at=hour(50))

    def snooze(self, episode: Episode) -> None:
        """Anna snoozes an episode."""
        self.log.snooze_episode(WEIGHT, episode.span, by=ANNA, since=hour(50), until=hour(200))


A, B, C = alert("a", 0), alert("b", 1.5), alert("c", 3)
IN_BETWEEN = alert("over", 2, state=AlertState.ENDED)


def done(episode: Episode) -> tuple[bool, bool]:
    return episode.acknowledgement is not None, episode.snoozed_until is not None


@pytest.mark.parametrize("restarts", [False, True])
def test_lengthened_at_either_end_it_stays_the_same(restarts: bool) -> None:
    house = House()
    (before,) = house.receive(B)
    house.acknowledge(before)
    house.snooze(before)
    if restarts:
        house.restart()
    (after,) = house.receive(A, C)
    assert after.episode_id == before.episode_id
    assert (after.opened, after.last_seen) == (A, C)
    assert done(after) == (True, True)


def test_lows_at_0_90_and_150_minutes_are_one_episode_in_any_order() -> None:
    lows = [alert("0", 0), alert("90", 1.5), alert("150", 2.5)]
    for first in range(3):
        house = House()
        house.receive(lows[first])
        house.receive(*lows)
        (episode,) = house.episodes()
        assert episode.opened is lows[0]
        assert episode.last_seen is lows[2]


@pytest.mark.parametrize("acknowledged", [0, 1])
def test_joined_it_has_the_id_of_the_oldest_and_is_found_by_both(acknowledged: int) -> None:
    house = House()
    first, second = house.receive(A, C)
    house.acknowledge((first, second)[acknowledged])
    house.snooze((first, second)[acknowledged])
    (joined,) = house.receive(B)
    assert joined.episode_id == first.episode_id
    assert joined.ids == {first.episode_id, second.episode_id}
    assert done(joined) == (True, True)


def test_parted_the_part_with_its_first_known_alert_keeps_the_id_and_both_what_was_done() -> None:
    house = House()
    (whole,) = house.receive(A, B, C)
    house.acknowledge(whole)
    house.snooze(whole)
    first, second = house.receive(IN_BETWEEN)
    assert first.episode_id == whole.episode_id
    assert second.episode_id == episode_id_of(WEIGHT, C)
    assert [done(first), done(second)] == [(True, True)] * 2


def test_parted_again_each_part_has_its_own_id_and_only_what_was_done_about_it() -> None:
    house = House()
    first, second = house.receive(A, C)
    house.acknowledge(second)
    house.receive(B)
    parts = house.receive(IN_BETWEEN)
    assert [one.episode_id for one in parts] == [first.episode_id, second.episode_id]
    assert [done(one) for one in parts] == [(False, False), (True, False)]


def test_what_came_after_it_was_acknowledged_is_not_when_it_is_parted() -> None:
    house = House()
    (before,) = house.receive(A, B)
    house.acknowledge(before)
    house.receive(C)
    first, second = house.receive(IN_BETWEEN)
    assert [done(first), done(second)] == [(True, False), (False, False)]


def test_it_is_the_same_when_its_oldest_alert_is_forgotten() -> None:
    house = House()
    (before,) = house.receive(A, B, C)
    house.acknowledge(before)
    house.alerts.remove(A)
    house.restart()
    (after,) = house.receive(alert("d", 4))
    assert after.episode_id == before.episode_id
    assert done(after) == (True, False)


def test_history_has_an_id_too_and_keeps_it_once_something_is_done_about_it() -> None:
    log, span = ResponseLog(), spans_of([B])[0]
    log.reconcile(WEIGHT, [span], [])
    assert log.to_dict()["episodes"] == []
    # Until then it is called after its first alert, also if that came last.
    (longer,) = spans_of([A, B])
    log.reconcile(WEIGHT, [longer], [])
    assert log.episode(WEIGHT, longer, [], hour(3)).episode_id == episode_id_of(WEIGHT, A)
    before = log.episode(WEIGHT, span, [], hour(3))
    assert before.episode_id == episode_id_of(WEIGHT, B)
    log.acknowledge(WEIGHT, span, by=ANNA, at=hour(3))
    (longer,) = spans_of([A, B])
    assert log.episode(WEIGHT, longer, [], hour(3)).episode_id == before.episode_id


RECORDS = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from([AlertState.ACTIVE, AlertState.ENDED])),
    max_size=14,
    unique_by=lambda one: one[0],
)


@given(records=RECORDS, data=st.data())
def test_any_order_gives_the_same_episodes_and_ids_but_for_the_joins_of_the_table(
    records: list[tuple[int, AlertState]], data: st.DataObject
) -> None:
    """Acknowledged, snoozed, restarted and received again in between, an episode is what it is in order.

    Its id is that of one of its own alerts, no other has it, and whoever has an id of it still finds it.
    """
    alerts = [alert(f"{number:02}", number / 2, state=state) for number, state in sorted(records)]
    in_order, house = House(), House()
    for one in alerts:
        in_order.receive(one)
    used: set[str] = set()
    for one in data.draw(st.permutations(alerts)):
        house.receive(one)
        for episode in house.receive(*data.draw(st.lists(st.sampled_from(house.alerts)))):
            used.add(episode.episode_id)
            for do_something in data.draw(
                st.sets(st.sampled_from([house.acknowledge, house.snooze]))
            ):
                do_something(episode)
        if data.draw(st.booleans()):
            house.restart()
    found, expected = house.episodes(), in_order.episodes()
    assert [one.span for one in found] == [one.span for one in expected]
    for kept, ordered in zip(found, expected, strict=True):
        own = {episode_id_of(WEIGHT, each) for each in alerts if kept.span.holds(each)}
        assert kept.ids <= own
        assert used & own <= kept.ids
        # Only what was lengthened at the front has another than in order.
        assert ordered.episode_id in (kept.episode_id, episode_id_of(WEIGHT, kept.opened))


@given(records=RECORDS)
def test_every_alert_of_an_episode_finds_it(records: list[tuple[int, AlertState]]) -> None:
    alerts = [alert(f"{number:02}", number / 2, state=state) for number, state in records]
    spans = spans_of(alerts)
    for one in alerts:
        span = span_of(one, spans)
        holding = [each for each in spans if each.holds(one) or each.ended_at == one.observed_at]
        if one.state is AlertState.ENDED and not holding:
            # It had expired before its source said that it was over.
            holding = [each for each in spans if each.opened.observed_at < one.observed_at][-1:]
        assert span in holding or (span is None and not holding)


# A source as a whole.


class Source:
    """People whose weights are followed: what their alerts add up to, and what is kept of it."""

    def __init__(self, *people: str) -> None:
        self.ledger, self.log = Ledger(), ResponseLog()
        self.people = people or ("person",)

    def add(self, *alerts: Alert, announce: bool = True, witness: bool = False) -> None:
        """Alerts come; what is no history is told."""
        for one in alerts:
            self.ledger.add(one, announce=announce, witness=witness)
            self.ledger.mark_announced(one.alert_id)

    def spans(self, who: str = "person") -> list[EpisodeSpan]:
        """Somebody's episodes."""
        return spans_of([one for one in self.ledger.alerts() if one.person_id == who])

    def snapshot(self) -> SourceSnapshot:
        """What there is, of all who have anything."""
        people = {}
        for who in self.people:
            spans = self.spans(who)
            condition = AlertStatus(
                is_on=None, episode=spans[-1] if spans else None, earlier=spans[:-1]
            )
            people[who] = PersonSnapshot(
                person=Person(who, who), conditions={"weight": condition}, last_alert=None
            )
        return SourceSnapshot(people=people, freshness=UNKNOWN)

    def unannounced(self, *waiting: str) -> list[str]:
        """The first alerts of the episodes whose end is to be told."""
        snapshot = self.snapshot()
        found = ends_unannounced(snapshot, self.ledger, self.log, waiting=waiting, now=hour(100))
        return [one.opened.alert_id for one in found]


def over(alert_id: str, at: float, who: str = "person") -> list[Alert]:
    """An alert, and an hour later that it is over."""
    ended = alert(f"end of {alert_id}", at + 1, person_id=who, state=AlertState.ENDED)
    return [alert(alert_id, at, person_id=who), ended]


def test_the_newest_episode_of_each_is_in_the_snapshot() -> None:
    source = Source("person", "henk", "nobody")
    source.add(*over("a", 1), *over("b", 5), *over("c", 3, "henk"))
    found = with_episodes(source.snapshot(), source.ledger, source.log, hour(9))
    newest = {
        who: [one.opened.alert_id for one in person.episodes.values()]
        for who, person in found.people.items()
    }
    assert newest == {"person": ["b"], "henk": ["c"], "nobody": []}
    # And a record of each of them is kept.
    assert len(source.log.to_dict()["episodes"]) == 3


def test_the_episode_of_an_alert() -> None:
    source = Source()
    first, second = over("a", 1), over("b", 5)
    source.add(*first, *second)
    for one, opened in ((first[0], "a"), (first[1], "a"), (second[0], "b")):
        found = episode_of(one, source.snapshot(), source.ledger, source.log, hour(9))
        assert found
        assert found.opened.alert_id == opened
        assert [each.alert_id for each in found.announced] == [opened]
    nothing = alert("x", 4)
    assert episode_of(nothing, source.snapshot(), source.ledger, source.log, hour(9)) is None


def test_the_ends_that_are_to_be_told() -> None:
    source = Source("history", "waits", "person", "henk")
    source.add(*over("long ago", 1, "history"), announce=False)
    source.add(*over("waits", 1, "waits"), *over("c", 3, "henk"))
    source.add(*over("a", 1), *over("b", 5))
    assert source.unannounced("waits") == ["b", "a", "c"]
    assert source.unannounced() == ["waits", "b", "a", "c"]
    # What is over before one that was told, was told with it.
    source.log.mark_end_announced(WEIGHT, source.spans()[0], hour(50))
    assert source.unannounced("waits") == ["b", "c"]
    source.log.mark_end_announced(WEIGHT, source.spans()[1], hour(50))
    assert source.unannounced("waits") == ["c"]


def test_the_end_of_what_was_before_what_goes_on_is_told() -> None:
    source = Source()
    source.add(*over("a", 1), alert("b", 5))
    ended, newest = source.spans()
    goes_on = replace(newest, ended_at=None, end_reason=None)
    condition = AlertStatus(is_on=True, episode=goes_on, earlier=(ended,))
    person = replace(source.snapshot().people["person"], conditions={"weight": condition})
    found = ends_unannounced(
        replace(source.snapshot(), people={"person": person}),
        source.ledger,
        source.log,
        waiting=(),
        now=hour(9),
    )
    assert [one.opened.alert_id for one in found] == ["a"]


def test_the_end_of_what_the_house_was_never_told_of_is_no_news() -> None:
    source = Source()
    source.add(*over("a", 1), announce=False)
    source.add(*over("b", 5))
    assert source.unannounced() == ["b"]


@pytest.mark.parametrize(
    ("told_to", "newest_is_witness", "is_news"),
    [
        # The end has only moved, by what another device said of it.
        (4, True, False),
        (1, True, False),
        # It was not told, or of one before; or more was told since.
        (0.5, True, True),
        (None, True, True),
        (4, False, True),
    ],
)
def test_an_end_that_only_a_witness_has_moved_is_not_told_again(
    told_to: float | None, newest_is_witness: bool, is_news: bool
) -> None:
    source = Source()
    first = alert("a", 1)
    source.add(first)
    if told_to is not None:
        ended = EpisodeSpan(
            opened=first, last_seen=first, severity=first.severity, ended_at=hour(told_to)
        )
        source.log.mark_end_announced(WEIGHT, ended, hour(5))
    source.add(alert("witness", 2.5), witness=newest_is_witness)
    source.add(alert("end", 4.1, state=AlertState.ENDED))
    assert source.unannounced() == (["a"] if is_news else [])


def test_what_only_witnesses_said_is_told_when_it_is_over() -> None:
    source = Source()
    source.add(alert("a", 1), witness=True)
    assert source.unannounced() == ["a"]
