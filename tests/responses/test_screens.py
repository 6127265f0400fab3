"""What is kept of a phone's screen."""

from datetime import timedelta

from custom_components.care_alerts.responses.plan import Text
from custom_components.care_alerts.responses.screens import Shown

from .build import minute


def test_a_phone_that_refuses_is_tried_for_a_day_and_each_quarter_of_an_hour() -> None:
    shown: Shown | None = Shown(episode_id="e", entry_id="s", tells="x", text=Text.FULL)
    waits = []
    at = minute(0)
    while shown and (shown := shown.refused(at)):
        assert shown.tells == ""
        assert shown.try_at
        waits.append((shown.try_at - at) / timedelta(minutes=1))
        # It is asked more often than it would be for itself: each step rings it.
        at += timedelta(minutes=3)
        shown = Shown.from_dict(shown.to_dict())
    assert waits[:6] == [1, 2, 4, 8, 15, 15]
    assert set(waits[5:]) == {15}
    assert at == minute(24 * 60)
