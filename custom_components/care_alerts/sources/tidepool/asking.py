"""How several people are asked for at a time: nobody waits for somebody else, and readings come first."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ..http import ApiError, AuthError, RateLimitedError
from ..source import Host
from .cadence import EARLY
from .people import PollSchedule

AT_ONCE: Final = 6
"""How many questions are asked at a time: what a browser would ask of one server. Few follow more than six people."""

LOOKS_EVERY: Final = 2
"""Seconds until it is looked for who became due while others are asked for: no more than an answer usually takes."""

FOR_READINGS: Final = 2
"""How many of these nothing but readings may take."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something to ask, when, and how."""

    schedule: PollSchedule
    ask: Callable[[], Coroutine[Any, Any, None]]
    is_reading: bool = False


async def ask_all(host: Host, questions: Callable[[], Iterable[Question]]) -> None:
    """Ask whatever is due of the `questions`, and what becomes due meanwhile; show what comes while others are asked for.

    Raises:
        ApiError: nothing is to be asked now.

    """
    asked: dict[asyncio.Task[None], PollSchedule] = {}
    answered: set[PollSchedule] = set()
    errors: list[BaseException] = []
    try:
        while True:
            if not errors:
                for question in _due(questions(), host.now(), asked.values(), answered):
                    asked[host.start(question.ask())] = question.schedule
            if not asked:
                break
            done, _ = await asyncio.wait(
                asked, timeout=LOOKS_EVERY, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                answered.add(asked.pop(task))
                if error := task.exception():
                    errors.append(error)
            if done and asked:
                host.changed()
    finally:
        for task in asked:
            task.cancel()
    if errors:
        raise errors[0]


def _due(
    questions: Iterable[Question],
    now: datetime,
    asked: Collection[PollSchedule],
    answered: Collection[PollSchedule],
) -> list[Question]:
    """What to ask now beside what is `asked` already: readings first, who waits longest first.

    Nobody has to wait behind somebody who gets no answer, and no readings behind what is no hurry. What was `answered` a
    moment too early is not asked again before it is due: that would be as often as Tidepool can answer.
    """
    due = [
        one
        for one in questions
        if one.schedule not in asked
        and one.schedule.due <= (now if one.schedule in answered else now + EARLY)
    ]
    due.sort(key=lambda one: (not one.is_reading, one.schedule.due))
    found: list[Question] = []
    for one in due:
        most = AT_ONCE if one.is_reading else AT_ONCE - FOR_READINGS
        if len(asked) + len(found) < most:
            found.append(one)
    return found


async def ask(schedule: PollSchedule, asking: Coroutine[Any, Any, None], host: Host) -> bool:
    """Ask a question, ever less often while there is no answer: all others keep their own cadence.

    Return whether it was answered.

    Raises:
        ApiError: it says that nothing is to be asked now.

    """
    try:
        await asking
    except AuthError:
        raise
    except ApiError as err:
        schedule.failed(err, host.now())
        if isinstance(err, RateLimitedError) or err.retry_after:
            # It is about all of them.
            raise
        return False
    schedule.answered()
    return True
