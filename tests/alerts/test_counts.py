"""Counting alerts hour by hour: the same whatever order they came in, and through forgetting."""

from datetime import timedelta

from hypothesis import given, strategies as st

from custom_components.care_alerts.alerts.alert import AlertKey
from custom_components.care_alerts.alerts.counts import Hour, changed_since, hours
from custom_components.care_alerts.alerts.ledger import Ledger

from .build import START, alert, hour

TOPIC = AlertKey("person", "weight")


def test_hour_by_hour() -> None:
    alerts = [alert("a", 3.9), alert("b", 3.1), alert("c", 7), alert("d", 0.5)]
    assert hours(alerts) == [
        Hour(hour(-1), 0),
        Hour(hour(0), 1),
        Hour(hour(3), 3),
        Hour(hour(7), 4),
    ]
    assert [one.total for one in hours(alerts, before=10)] == [10, 11, 13, 14]
    assert hours([]) == []


def test_only_what_has_changed() -> None:
    then = hours([alert("a", 1), alert("b", 5)])
    assert changed_since(then, then) == []
    assert changed_since(then, []) == then
    later = hours([alert("a", 1), alert("b", 5), alert("c", 9)])
    assert changed_since(later, then) == [Hour(hour(9), 3)]
    between = hours([alert("a", 1), alert("b", 5), alert("c", 3)])
    assert changed_since(between, then) == [Hour(hour(3), 2), Hour(hour(5), 3)]


@given(
    observed=st.lists(st.integers(0, 300), max_size=40),
    at_most=st.integers(1, 40),
)
def test_forgetting_changes_no_total(observed: list[int], at_most: int) -> None:
    ledger = Ledger()
    for number, at in enumerate(observed):
        ledger.add(alert(str(number), at), announce=True)
    before = {one.start: one.total for one in hours(ledger.alerts())}
    ledger.prune(START + timedelta(days=30), at_most=at_most)
    ledger = Ledger.from_dict(_stored(ledger))
    after = hours(ledger.alerts(), before=ledger.forgotten[TOPIC])
    # The first is the hour before, which may have been one that is forgotten now.
    for one in after[1:]:
        assert before[one.start] == one.total


def _stored(ledger: Ledger) -> object:
    import orjson

    return orjson.loads(orjson.dumps(ledger.to_dict()))
