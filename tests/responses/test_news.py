"""What is news: an alert that no other source has told of by then, as bad or worse."""

import pytest

from custom_components.care_alerts.alerts.alert import Severity
from custom_components.care_alerts.alerts.joining import FORECAST
from custom_components.care_alerts.responses.news import is_news
from tests.alerts.build import alert
from tests.alerts.test_joining import witness

LOW, MEDIUM, HIGH = Severity


@pytest.mark.parametrize(
    ("told", "type_then", "severity_then", "alert_type", "is_it"),
    [
        (119, "low", MEDIUM, "low", False),
        (119, "urgent_low", HIGH, "low", False),
        (119, "low", LOW, "low", True),
        (120, "low", MEDIUM, "low", True),
        (121, "low", MEDIUM, "low", True),
        (119, FORECAST, HIGH, "low", True),
        (119, FORECAST, HIGH, FORECAST, False),
        (119, "urgent_low", HIGH, FORECAST, False),
    ],
)
def test_it_is_none_if_another_source_had_told_as_much(
    told: float, type_then: str, severity_then: Severity, alert_type: str, is_it: bool
) -> None:
    elsewhere = witness(type_then, 0, received=told, severity=severity_then).episode
    late = alert("late", 0, received=2, alert_type=alert_type, severity=MEDIUM)
    assert is_news(late, [elsewhere]) is is_it
    assert is_news(late, [witness("low", 0, received=300).episode, elsewhere]) is is_it


def test_it_is_news_if_no_other_source_has_it() -> None:
    assert is_news(alert("only", 0), [])
