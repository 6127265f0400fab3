"""How people are asked for: as often as is due, however often there is an answer."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

import pytest

from custom_components.care_alerts.sources.tidepool.asking import Question, ask, ask_all
from custom_components.care_alerts.sources.tidepool.people import PollSchedule
from tests.conftest import NOON

from .conftest import Follower


class Clock:
    """A host whose time stands still while it is asked: an answer may take no time at all."""

    def now(self) -> datetime:
        """Noon."""
        return NOON

    def start(self, asking: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Ask."""
        return asyncio.create_task(asking)

    def changed(self, *, write: bool = False) -> None:
        """Show nothing."""


@pytest.mark.parametrize("early", [0.0, 0.3, 1.0])
async def test_what_was_asked_a_moment_too_early_is_asked_again_when_it_is_due(
    early: float,
) -> None:
    schedule = PollSchedule(NOON + timedelta(seconds=early))
    asked = 0

    async def read() -> None:
        nonlocal asked
        asked += 1
        assert asked < 5
        # Nothing new: it is due when it was, or a moment later.
        schedule.due = NOON + timedelta(seconds=max(early, 0.1))

    async def question() -> None:
        await ask(schedule, read(), Clock())  # type: ignore[arg-type] # as much as it needs

    await ask_all(Clock(), lambda: [Question(schedule, question)])  # type: ignore[arg-type]
    assert asked == 1


async def test_silence_that_is_about_to_be_told_is_no_reason_to_ask_without_end(
    follower: Follower,
) -> None:
    """Asked a moment before there is no communication for half an hour, as Home Assistant's timer may."""
    house = follower.house
    follower.reads(100)
    await follower.start()
    await follower.reads_on(*[100] * 12)
    poll = follower.entry.runtime_data.source._polls[follower.jill.user_id]
    for _ in range(60):
        await house.pass_time(seconds=30)
        if (due := poll.result.ask_at) and due - house.now < timedelta(seconds=31):
            break
    assert due is not None
    await house.until(due - timedelta(seconds=0.6))
    house.sim.log.clear()
    async with asyncio.timeout(10):
        await follower.entry.runtime_data.async_refresh()
    assert follower.asked.count("data") <= 1
