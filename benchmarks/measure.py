"""Measuring: what a stretch of asynchronous work costs, and for how long it held the event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
import gc
import time
import tracemalloc


@dataclass(frozen=True, slots=True)
class Cost:
    """What work cost, in seconds: on the clock, and of this process's CPU (all threads).

    `held` and `held_cpu` are the event loop's longest callback, on the clock and in its thread's CPU time. They are
    the same on a machine with nothing else to do. `held_working` is the longest if Python's garbage collector, which
    now and then walks through all that Home Assistant has in memory, is not counted.
    """

    wall: float
    cpu: float
    held: float
    held_cpu: float
    held_working: float


async def cost_of(
    work: Callable[[], Awaitable[None]], afterwards: Callable[[], Awaitable[None]]
) -> Cost:
    """Run `work`; what it leaves behind (`afterwards` waits for it) counts as CPU only.

    Each callback is timed around `asyncio.Handle._run`, which every step of every task goes through: the longest
    of them is how long nothing else could run.
    """
    held = held_cpu = held_working = collecting = began_collecting = 0.0
    run = asyncio.Handle._run

    def timed(handle: asyncio.Handle) -> None:
        nonlocal held, held_cpu, held_working
        collected, cpu, began = collecting, time.thread_time(), time.perf_counter()
        run(handle)
        took = time.perf_counter() - began
        held = max(held, took)
        held_cpu = max(held_cpu, time.thread_time() - cpu)
        held_working = max(held_working, took - (collecting - collected))

    def collects(phase: str, _: object) -> None:
        # One that another thread has begun may end after the callback.
        nonlocal collecting, began_collecting
        if phase == "start":
            began_collecting = time.perf_counter()
        elif began_collecting:
            collecting += time.perf_counter() - began_collecting

    gc.collect()
    gc.callbacks.append(collects)
    asyncio.Handle._run = timed  # type: ignore[assignment,method-assign]
    try:
        cpu, wall = time.process_time(), time.perf_counter()
        # The work begins in a callback that is timed.
        await asyncio.sleep(0)
        await work()
        wall = time.perf_counter() - wall
    finally:
        asyncio.Handle._run = run  # type: ignore[method-assign]
        gc.callbacks.remove(collects)
    await afterwards()
    return Cost(wall, time.process_time() - cpu, held, held_cpu, held_working)


async def peak_of(work: Callable[[], Awaitable[None]]) -> int:
    """Run `work` and return how many bytes Python held at its worst moment beyond what it held before."""
    gc.collect()
    tracemalloc.start()
    try:
        await work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
