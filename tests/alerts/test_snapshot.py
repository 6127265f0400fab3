"""The picture: what a person's conditions add up to."""

from collections.abc import Iterable

import pytest

from custom_components.care_alerts.alerts.alert import Person, Severity
from custom_components.care_alerts.alerts.snapshot import AlertStatus, PersonSnapshot, highest

from .build import alert

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
