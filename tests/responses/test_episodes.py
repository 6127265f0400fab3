"""Whether an episode needs somebody."""

from dataclasses import replace

import pytest

from custom_components.care_alerts.responses.episodes import Need, need_at

from .build import House, minute


@pytest.mark.parametrize(
    ("over", "taken", "snoozed", "need"),
    [
        (False, False, None, Need.NEEDED),
        (False, False, 9, Need.NEEDED),
        (False, False, 9.1, Need.SNOOZED),
        (False, True, 20, Need.ACKNOWLEDGED),
        (True, True, 20, Need.OVER),
        (True, False, None, Need.OVER),
    ],
)
def test_who_needs_somebody(over: bool, taken: bool, snoozed: float | None, need: Need) -> None:
    house = House()
    house.alert(0)
    if taken:
        house.acknowledge(1)
    house.ended = minute(5) if over else None
    episode = house.episode(minute(9))
    until = None if snoozed is None else minute(snoozed)
    assert need_at(replace(episode, snoozed_until=until), minute(9)) is need
