"""The simulated Dexcom in a few words: what is worn, what it says, what was asked."""

from datetime import datetime, timedelta

from simulator.dexcom import EVERY, Wearer

from .conftest import NOON, House

QUARTER = timedelta(minutes=15)
BEFORE = timedelta(days=1)


def wear(
    wearer: Wearer,
    start: datetime = NOON - BEFORE,
    end: datetime = NOON + timedelta(days=2),
    *,
    value: int = 110,
) -> None:
    """Let somebody wear a sensor: a reading every 5 minutes in [start, end)."""
    while start < end:
        wearer.add_egv(start, value)
        start += EVERY


def minutes(number: float) -> timedelta:
    """So many minutes."""
    return timedelta(minutes=number)


async def live(house: House, amount: timedelta, *, step: timedelta = QUARTER) -> None:
    """Let time pass in steps in which Dexcom is asked at most once."""
    end = house.now + amount
    while house.now < end:
        await house.until(min(house.now + step, end))
