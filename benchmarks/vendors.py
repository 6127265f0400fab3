"""How long the simulator takes for the fullest answers there are: `python -m benchmarks.vendors`.

What Care Alerts costs is measured against it, so it must not be the slow part.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from statistics import median
import time

import aiohttp

from .world import ALERTS_A_DAY, DAYS_WORN, NOON, World

ROUNDS = 20
WEEK = timedelta(days=7)


async def main() -> None:
    """Measure and print."""
    world = World()
    tidepool = world.simulator.tidepool
    child = tidepool.add_child("Jill")
    child.share_with(tidepool.account)
    child.feed(lambda moment: 6.0, NOON - WEEK, NOON + WEEK)
    async with world.simulator, aiohttp.ClientSession() as session:
        worn = world.worn
        start, end = (_naive(moment) for moment in (NOON - timedelta(days=DAYS_WORN), NOON))
        for what, url, headers in (
            (
                f"Dexcom: {DAYS_WORN} days of {ALERTS_A_DAY} alerts a day",
                f"{worn.url}/v3/users/self/alerts?startDate={start}&endDate={end}",
                {"Authorization": f"Bearer {worn.key}"},
            ),
            (
                f"Dexcom: {DAYS_WORN} days of readings",
                f"{worn.url}/v3/users/self/egvs?startDate={start}&endDate={end}",
                {"Authorization": f"Bearer {worn.key}"},
            ),
            (
                "Tidepool: two weeks of readings",
                f"{tidepool.url}/data/{child.user_id}",
                {"X-Tidepool-Session-Token": tidepool.account.log_in()},
            ),
        ):
            took, size = await _timed(session, url, headers)
            print(f"{what:<45} {took * 1000:6.1f} ms {size / 2**20:6.1f} MiB", flush=True)


async def _timed(
    session: aiohttp.ClientSession, url: str, headers: Mapping[str, str]
) -> tuple[float, int]:
    """Return the median seconds of an answer, and its bytes.

    The first is not counted: it encodes the records.
    """
    seconds = []
    for _ in range(1 + ROUNDS):
        began = time.perf_counter()
        async with session.get(url, headers=headers) as response:
            response.raise_for_status()
            size = len(await response.read())
        seconds.append(time.perf_counter() - began)
    return median(seconds[1:]), size


def _naive(moment: datetime) -> str:
    """Return a time as Dexcom's queries say it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}"


if __name__ == "__main__":
    asyncio.run(main())
