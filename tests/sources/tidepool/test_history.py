"""Announced excursions that late readings have shown to be one."""

import pytest

from custom_components.care_alerts.alerts.episode import EndReason
from custom_components.care_alerts.sources.tidepool.history import AnnouncedEpisode

from .test_evaluator import at


@pytest.mark.parametrize(
    ("ends", "ended"),
    [
        ((30, 50), (50, EndReason.EXPIRED)),
        ((50, 30), (50, EndReason.SOURCE)),
        ((30, None), None),
        ((None, 30), None),
    ],
)
def test_two_become_one(
    ends: tuple[float | None, ...], ended: tuple[float, EndReason] | None
) -> None:
    """It is over when the later of them was, for its reason; and goes on if either does."""
    one = AnnouncedEpisode(started=at(0), last=at(20), told_at=at(10), times=2, observed_at=at(5))
    other = AnnouncedEpisode(started=at(22), last=at(28), told_at=at(25))
    for episode, end, reason in zip(
        (one, other), ends, (EndReason.SOURCE, EndReason.EXPIRED), strict=True
    ):
        if end is not None:
            episode.end(at(end), reason)
    one.take_in(other)
    assert (one.started, one.last, one.told_at, one.times) == (at(0), at(28), at(25), 2)
    assert one.observed_at == at(5)
    assert one.taken_in == [other]
    found = (one.ended_at, one.end_reason)
    assert found == ((at(ended[0]), ended[1]) if ended else (None, None))
