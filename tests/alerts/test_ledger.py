"""The ledger: every alert once, remembered over restarts, bounded, and robust against a broken file."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
import orjson
import pytest

from custom_components.care_alerts.alerts.alert import (
    Alert,
    AlertKey,
    Announcement,
    Severity,
    in_order,
)
from custom_components.care_alerts.alerts.ledger import (
    KEPT_FOR,
    CorruptLedgerError,
    Delivery,
    Ledger,
)
from custom_components.care_alerts.alerts.testing import make_test_alert

from .build import START, alert, hour


def stored(ledger: Ledger) -> Any:
    """The ledger as it comes back from its file."""
    return orjson.loads(orjson.dumps(ledger.to_dict()))


def restarted(ledger: Ledger) -> Ledger:
    """The ledger after a restart."""
    return Ledger.from_dict(stored(ledger))


def ids(ledger: Ledger) -> list[str]:
    """The ids of what it holds, in order."""
    return [held.alert_id for held in ledger.alerts()]


def pending(ledger: Ledger) -> list[tuple[str, bool]]:
    """What waits to be announced: id, redelivered."""
    return [(waiting.alert.alert_id, waiting.redelivered) for waiting in ledger.pending()]


def test_an_alert_is_written_down_once_and_its_first_version_stays() -> None:
    ledger = Ledger()
    first = alert("a", 1)

    assert ledger.add(first, announce=True)
    assert not ledger.add(alert("a", 2, received=9, late=True), announce=True)
    assert ledger.alerts() == [first]
    assert len(ledger) == 1
    assert "a" in ledger


def test_history_never_becomes_news() -> None:
    ledger = Ledger()
    ledger.add(alert("a", 1), announce=False)

    assert not ledger.add(alert("a", 1), announce=True)
    assert pending(ledger) == []
    assert pending(restarted(ledger)) == []
    assert ids(ledger) == ["a"]


def test_what_is_announced_is_not_pending_any_more() -> None:
    ledger = Ledger()
    for one in (alert("late", 9), alert("b", 3), alert("a", 3)):
        ledger.add(one, announce=True)

    assert pending(ledger) == [("a", False), ("b", False), ("late", False)]
    ledger.mark_announced("b")
    assert pending(ledger) == [("a", False), ("late", False)]
    assert not ledger.add(alert("b", 3), announce=True)
    assert pending(ledger) == [("a", False), ("late", False)]


def test_marking_what_is_not_there_does_nothing() -> None:
    ledger = Ledger()

    ledger.mark_announced("unknown")

    assert len(ledger) == 0


def test_after_a_restart_only_what_was_not_marked_is_announced_again_and_says_so() -> None:
    ledger = Ledger()
    for one in (alert("told", 1), alert("untold", 2)):
        ledger.add(one, announce=True)
    ledger.add(alert("history", 3), announce=False)
    ledger.mark_announced("told")

    again = restarted(ledger)
    again.add(alert("new", 4), announce=True)

    assert pending(again) == [("untold", True), ("new", False)]
    assert again.alerts()[:3] == ledger.alerts()
    assert again.unreadable == 0


def test_a_witness_is_known_but_not_announced() -> None:
    ledger = Ledger()
    ledger.add(alert("told", 1), announce=True)
    ledger.add(alert("witness", 2), announce=True, witness=True)
    for held in (ledger, Ledger.from_dict(orjson.loads(orjson.dumps(ledger.to_dict())))):
        assert [one.alert.alert_id for one in held.pending()] == ["told"]
        assert [one.alert_id for one in held.excluding_backfill()] == ["told", "witness"]
        assert held.delivery("witness") is Delivery.WITNESS
        held.announce("witness")
        assert pending(held)[1:] == [("witness", False)]
        assert "witness" in held.held()
        assert held.delivery("witness") is Delivery.PENDING


def test_what_is_not_saved_yet_is_held_until_it_is() -> None:
    ledger = Ledger()
    for number in range(3):
        ledger.add(alert(f"{number}", number), announce=True)
    ledger.add(alert("history", 3), announce=False)
    assert ledger.held() == {"0", "1", "2"}
    ledger.release(["0", "1"])
    assert ledger.held() == {"2"}
    assert [one.held for one in ledger.pending()] == [False, False, True]
    # What is forgotten waits for nothing.
    assert ledger.prune(hour(10), at_most=0) == 4
    assert ledger.held() == frozenset()
    # What was loaded has been saved.
    ledger.add(alert("new", 11), announce=True)
    assert restarted(ledger).held() == frozenset()


def test_by_topic_there_is_what_the_house_has_heard_or_is_about_to() -> None:
    ledger = Ledger()
    assert ledger.announced_by_key() == {}
    for one in (alert("b", 2), alert("a", 1), alert("other", 3, alert_type="pulse")):
        ledger.add(one, announce=True)
    ledger.add(alert("history", 4), announce=False)

    def by_topic() -> dict[str, list[str]]:
        return {
            topic.alert_type: [one.alert_id for one in theirs]
            for topic, theirs in ledger.announced_by_key().items()
        }

    assert by_topic() == {"weight": ["a", "b"], "pulse": ["other"]}
    # Whatever changes, it is of now.
    ledger.add(alert("witness", 5), announce=True, witness=True)
    assert by_topic() == {"weight": ["a", "b", "witness"], "pulse": ["other"]}
    ledger.prune(hour(10), at_most=2)
    assert by_topic() == {"weight": ["witness"]}


def test_a_forgotten_witness_is_not_counted() -> None:
    ledger = Ledger()
    for number in range(4):
        ledger.add(alert(str(number), number), announce=True, witness=number % 2 == 1)
    assert ledger.prune(hour(10), keep=timedelta(hours=1)) == 4
    assert [*ledger.forgotten.values()] == [2]


def test_what_was_followed_live_is_all_but_history() -> None:
    ledger = Ledger()
    ledger.add(alert("announced", 5), announce=True)
    ledger.add(alert("history", 4), announce=False)
    ledger.add(alert("pending", 3), announce=True)
    ledger.mark_announced("announced")

    assert [one.alert_id for one in ledger.excluding_backfill()] == ["pending", "announced"]


def test_alerts_are_kept_45_days_and_what_is_forgotten_never_comes_back() -> None:
    ledger = Ledger()
    day = 24
    ledger.add(alert("at the limit", 0), announce=False)
    ledger.add(alert("just inside", 0.001), announce=False)
    ledger.add(alert("pending", 2 * day), announce=True)

    assert ledger.prune(hour(45 * day)) == 1
    assert ids(ledger) == ["just inside", "pending"]
    for known in (ledger, restarted(ledger)):
        assert not known.add(alert("at the limit", 0), announce=True)
    assert ledger.prune(hour(45 * day)) == 0


def test_the_oldest_go_when_there_are_too_many_and_never_come_back() -> None:
    ledger = Ledger()
    for number in range(5):
        ledger.add(alert(f"{number}", number), announce=False)

    assert ledger.prune(hour(10), at_most=3) == 2
    assert ids(ledger) == ["2", "3", "4"]
    assert not restarted(ledger).add(alert("1", 1), announce=True)
    assert ledger.prune(hour(10), at_most=3) == 0


def drill(number: float, *, lasts: float = 1) -> Alert:
    """A test alert that was sent at an hour."""
    return make_test_alert(
        "lumen",
        AlertKey("person", "weight", drill=True),
        severity=Severity.HIGH,
        now=hour(number),
        lasts=timedelta(hours=lasts),
    )


def test_drills_are_forgotten_when_they_have_long_been_over_and_nothing_real_with_them() -> None:
    ledger = Ledger()
    early, long = drill(3), drill(4, lasts=4)
    for one in (alert("a", 1), early, long):
        ledger.add(one, announce=True)

    for at in (10, 24 + 3.9, 24 + 4):
        assert ledger.prune(hour(at)) == 0
    assert ledger.prune(hour(24 + 8)) == 1
    assert ids(ledger) == ["a", long.alert_id]
    # After a start, it may not have been told yet that it is over.
    ledger = restarted(ledger)
    assert ledger.prune(hour(100)) == 0
    assert ledger.prune(hour(100)) == 1
    # But not for longer than what is real.
    for age, gone in ((KEPT_FOR - timedelta(seconds=1), 0), (KEPT_FOR, 1)):
        damaged = Ledger()
        damaged.add(drill(4), announce=True)
        assert damaged.prune(hour(4) + age) == gone
    # They make nothing real old that comes late.
    for known in (ledger, restarted(ledger)):
        assert known.add(alert("late", 2), announce=True)


def test_drills_push_nothing_real_out() -> None:
    ledger = Ledger()
    for one in (alert("a", 1), alert("b", 2), *map(drill, range(3, 9))):
        ledger.add(one, announce=True)

    assert ledger.prune(hour(10), at_most=2) == 4
    assert [one.observed_at for one in ledger.alerts()] == [hour(at) for at in (1, 2, 7, 8)]
    # Nor does what is real.
    for number in range(3):
        ledger.add(alert(str(number), 9 + number), announce=True)
    assert ledger.prune(hour(10), at_most=2) == 3
    assert [one.observed_at for one in ledger.alerts()] == [hour(at) for at in (7, 8, 10, 11)]


def test_a_clock_set_back_forgets_nothing_more_and_remembers_what_it_forgot() -> None:
    ledger = Ledger()
    ledger.add(alert("old", 0), announce=False)
    ledger.prune(hour(50 * 24))

    assert ledger.prune(hour(1)) == 0
    assert not ledger.add(alert("old", 0), announce=True)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        "ledger",
        {},
        {"lines": []},
        {"forgotten_to": "2026-05-01T00:00:00+00:00"},
        {"forgotten_to": None, "lines": []},
        {"forgotten_to": "2026-05-01T00:00:00+00:00", "lines": {}},
        {"forgotten_to": "yesterday", "lines": []},
        {"forgotten_to": "2026-05-01T00:00:00", "lines": []},
        {"forgotten_to": "2026-05-01T00:00:00+00:00", "lines": ["not one that can be read"]},
    ],
)
def test_what_is_no_ledger_is_said_to_be_corrupt(broken: Any) -> None:
    with pytest.raises(CorruptLedgerError):
        Ledger.from_dict(broken)


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.pop("delivery"),
        lambda line: line.update(delivery="shouted"),
        lambda line: line.pop("alert"),
        lambda line: line.update(alert=None),
        lambda line: line.update(alert="a"),
        lambda line: line.update(alert=[1]),
        lambda line: line["alert"].pop("alert_id"),
        lambda line: line["alert"].update(severity="terrible"),
        lambda line: line["alert"].update(state=7),
        lambda line: line["alert"].update(observed_at="soon"),
        lambda line: line["alert"].update(observed_at="2026-05-01T00:00:00"),
        lambda line: line["alert"].update(received_at="2026-05-01T00:00:00"),
    ],
)
def test_a_line_that_cannot_be_read_is_left_out_and_counted(change: Any) -> None:
    ledger = Ledger()
    for one in (alert("good", 1), alert("broken", 2)):
        ledger.add(one, announce=True)
    content = stored(ledger)
    change(content["lines"][1])

    again = Ledger.from_dict(content)

    assert again.unreadable == 1
    assert pending(again) == [("good", True)]


def test_lines_that_are_no_objects_are_left_out_and_counted() -> None:
    ledger = Ledger()
    ledger.add(alert("good", 1), announce=False)
    content = stored(ledger)
    content["lines"] += [None, 3, "line", []]

    again = Ledger.from_dict(content)

    assert again.unreadable == 4
    assert ids(again) == ["good"]


def test_an_empty_ledger_comes_back_empty() -> None:
    for empty in (Ledger(), restarted(Ledger())):
        assert (len(empty), empty.unreadable, "a" in empty) == (0, 0, False)


class LedgerAgainstNaiveModel(RuleBasedStateMachine):
    """Whatever is done to a ledger, it holds what lists and sets say that it must hold.

    A crash goes back to what was last saved; a restart saves first.
    """

    def __init__(self) -> None:
        """Begin with nothing and an empty file."""
        super().__init__()
        self.ledger = Ledger()
        self.now = START
        self.alerts: dict[str, Alert] = {}
        self.delivery: dict[str, Delivery] = {}
        self.doubtful: set[str] = set()
        self.gone: set[datetime] = set()

    @initialize()
    def save(self) -> None:
        """Save the ledger and remember what the model was then."""
        self.file = orjson.dumps(self.ledger.to_dict())
        self.saved = (dict(self.alerts), dict(self.delivery), set(self.gone))

    @rule(number=st.integers(0, 30), announce=st.booleans())
    def add(self, number: int, announce: bool) -> None:
        """Receive one of a handful of alerts, some for the second time, some at the same instant."""
        one = alert(f"{number}", number // 2 * 12)
        if one.observed_at <= self.now - KEPT_FOR:
            return
        forgotten = any(one.observed_at <= gone for gone in self.gone)
        new = one.alert_id not in self.alerts and not forgotten
        assert self.ledger.add(one, announce=announce) is new
        if new:
            self.alerts[one.alert_id] = one
            self.delivery[one.alert_id] = Delivery.PENDING if announce else Delivery.HISTORY

    @precondition(lambda self: Delivery.PENDING in self.delivery.values())
    @rule(share=st.floats(0, 1))
    def announce(self, share: float) -> None:
        """Announce and mark some of what waits, oldest first."""
        waiting = self.ledger.pending()
        for one in waiting[: max(1, round(share * len(waiting)))]:
            self.ledger.mark_announced(one.alert.alert_id)
            self.delivery[one.alert.alert_id] = Delivery.ANNOUNCED

    @rule(hours=st.integers(0, 30 * 24), at_most=st.integers(1, 12))
    def prune(self, hours: int, at_most: int) -> None:
        """Let time pass and forget."""
        self.now += timedelta(hours=hours)
        kept = [
            one
            for one in sorted(self.alerts.values(), key=in_order)
            if one.observed_at > self.now - KEPT_FOR
        ]
        if len(kept) > at_most:
            # What happened at the same instant goes together, or one half of it could come back as new.
            limit = kept[-at_most - 1].observed_at
            kept = [one for one in kept if one.observed_at > limit]
        gone = self.alerts.keys() - {one.alert_id for one in kept}

        assert self.ledger.prune(self.now, at_most=at_most) == len(gone)

        for alert_id in gone:
            self.gone.add(self.alerts.pop(alert_id).observed_at)
            del self.delivery[alert_id]

    @rule()
    def restart(self) -> None:
        """Save, stop, start."""
        self.save()
        self.crash()

    @rule()
    def crash(self) -> None:
        """Start again from what was last saved."""
        self.ledger = Ledger.from_dict(orjson.loads(self.file))
        alerts, delivery, gone = self.saved
        self.alerts, self.delivery, self.gone = dict(alerts), dict(delivery), set(gone)
        self.doubtful = {
            alert_id for alert_id, far in self.delivery.items() if far is Delivery.PENDING
        }

    @invariant()
    def holds_what_it_must(self) -> None:
        """The same alerts, in the same order, and the same of them waiting."""
        expected = sorted(self.alerts.values(), key=in_order)
        assert self.ledger.alerts() == expected
        assert len(self.ledger) == len(expected)
        assert self.ledger.pending() == [
            Announcement(one, one.alert_id in self.doubtful)
            for one in expected
            if self.delivery[one.alert_id] is Delivery.PENDING
        ]
        assert self.ledger.excluding_backfill() == [
            one for one in expected if self.delivery[one.alert_id] is not Delivery.HISTORY
        ]


TestLedgerAgainstNaiveModel = LedgerAgainstNaiveModel.TestCase
TestLedgerAgainstNaiveModel.settings = settings(
    max_examples=200, stateful_step_count=25, deadline=None
)


def test_times_in_the_file_have_their_zone() -> None:
    ledger = Ledger()
    ledger.add(alert("a", 0), announce=False)
    ledger.prune(hour(24))

    content = stored(ledger)

    assert datetime.fromisoformat(content["forgotten_to"]).tzinfo is not None
    assert datetime.fromisoformat(content["lines"][0]["alert"]["observed_at"]) == datetime(
        2026, 5, 1, tzinfo=UTC
    )


def test_what_was_announced_after_what_a_screen_shows() -> None:
    ledger = Ledger()
    assert ledger.announced_since("person", "a", hour(1)) is None
    for number, received in enumerate((1, 2, 2, 3)):
        ledger.add(alert(f"{number}", number, received=received), announce=True)
        ledger.mark_announced(f"{number}")
    ledger.add(alert("waits", 9), announce=True)
    ledger.add(alert("history", 9), announce=False)
    ledger.add(alert("of another", 9, person_id="another"), announce=True)
    ledger.mark_announced("of another")
    newest = ledger.alerts()[3]
    assert newest.alert_id == "3"

    # What is shown is known: was there anything after it?
    assert ledger.announced_since("person", "2", None) is newest
    assert ledger.announced_since("person", "3", None) is None
    # What is shown is not known, or nothing is: then its time tells.
    for shown in (None, 7, "forgotten", ["2"]):
        assert ledger.announced_since("person", shown, None) is newest
    # Nothing that can be read was shown: then its time says nothing either.
    assert ledger.announced_since("person", None, hour(9)) is newest
    assert ledger.announced_since("person", "forgotten", hour(2.9)) is newest
    assert ledger.announced_since("person", "forgotten", hour(3)) is None
    assert ledger.announced_since("person", "forgotten", hour(3.1)) is None


def test_how_many_are_not_held_any_more_is_kept_with_them() -> None:
    ledger = Ledger()
    for number in range(3):
        ledger.add(alert(f"{number}", number), announce=False)
    assert ledger.prune(hour(1.5) + KEPT_FOR) == 2
    assert ledger.forgotten.total() == 2
    assert restarted(ledger).forgotten == ledger.forgotten
    for unreadable in ([{"alerts": "?"}], [7], None, 7):
        assert Ledger.from_dict(stored(ledger) | {"forgotten": unreadable}).forgotten == {}
    before = stored(ledger)
    del before["forgotten"]
    assert Ledger.from_dict(before).forgotten == {}


def test_only_those_are_counted_that_count() -> None:
    ledger = Ledger()
    for number in range(4):
        ledger.add(alert(f"{number}", number), announce=False)
    assert ledger.prune(hour(10), at_most=1, counts=lambda one: one.alert_id != "1") == 3
    assert ledger.forgotten == {AlertKey("person", "weight"): 2}
