"""What is kept of Dexcom's reading after a clock that was ahead."""

from datetime import timedelta

import pytest

from custom_components.care_alerts.alerts.glucose import Glucose
from custom_components.care_alerts.sources.dexcom.state import State
from tests.conftest import NOON


@pytest.mark.parametrize("hours", [-1, 1])
def test_nothing_is_known_of_what_has_not_been(hours: int) -> None:
    moment = NOON + timedelta(hours=hours)
    state = State(alerts_to=moment, glucose=Glucose(observed_at=moment, value=100, unit="mg/dL"))
    state.not_after(NOON)
    assert state.alerts_to == min(moment, NOON)
    assert (state.glucose is None) is (hours > 0)
