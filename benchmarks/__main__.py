"""Run everything side by side and print one table: `python -m benchmarks`."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
import sys
import tomllib

from .acting import against_bare_automations, against_pushing_by_automation
from .imports import BARE, BARE_ROUNDS, HOME, ROUNDS, import_times
from .measure import Cost
from .report import Table, Worker, contestant
from .world import NOON, World

SET_UPS = 3
UPDATES = 15
SLOW_UPDATES = 5
DEFAULT_SCAN = timedelta(seconds=30)
STATISTICS_A_DAY = 24 * 12 + 24
"""Home Assistant's own rows for each entity with a state class: one every five minutes and one an hour."""


async def alternate(workers: Sequence[Worker], do: str, times: int) -> list[list[Cost]]:
    """Have each do something, in turn and in turning order; return each one's costs."""
    costs: list[list[Cost]] = [[] for _ in workers]
    for turn in range(times):
        order = range(len(workers)) if turn % 2 else reversed(range(len(workers)))
        for number in order:
            costs[number].append(await workers[number].cost(do))
    return costs


def ms(
    costs: Sequence[Sequence[Cost]],
    field: str,
    of_many: Callable[[Iterable[float]], float] = median,
) -> list[float]:
    """Each one's median of a field, in milliseconds."""
    return [of_many(getattr(cost, field) for cost in one) * 1000 for one in costs]


async def against_the_floor(world: World, table: Table) -> None:
    """(a): 10,000 people and alerts, 20 followed, against reading the same JSON."""
    account = world.large
    async with contestant("floor", account) as floor, contestant("care_alerts", account) as care:
        first: list[list[Cost]] = [[], []]
        for _ in range(SET_UPS):
            world.take_requests()
            first[0].append(await care.cost("set_up"))
            await floor("ask_for", requests=(first_requests := world.take_requests()))
            first[1].append(await floor.cost("set_up"))
            await care("close")
            await care("open", account=asdict(account))
        peaks_first = await care("peak", what="set_up"), await floor("peak", what="set_up")
        world.take_requests()
        await care("update")
        await floor("ask_for", requests=(requests := world.take_requests()))
        await floor("update")
        steady = await alternate([care, floor], "update", UPDATES)
        peaks = await care("peak", what="update"), await floor("peak", what="update")
        news: list[list[Cost]] = [[], []]
        for _ in range(UPDATES):
            world.analyse_anew()
            # The simulator writes an answer when it is first asked for.
            await floor("update")
            for costs, of_one in zip(
                news, await alternate([care, floor], "update", 1), strict=True
            ):
                costs += of_one
        peaks_news = await care("peak", what="update"), await floor("peak", what="update")

    aims = {"an update": "<= 1.5", "an update that says something new": "<= 3"}
    for title, both, memory, asked in (
        ("an update", steady, peaks, requests),
        ("an update that says something new", news, peaks_news, requests),
        ("the first sync", first, peaks_first, first_requests),
    ):
        steadily = both is not first
        table.section(
            f"(a) {title}: 10,000 people, 10,000 alerts a day, 20 followed; "
            f"against reading the same {len(asked)} answers"
        )
        table.ratio("time", ms(both, "wall"), "ms", aim=aims.get(title, ""), digits=1)
        table.ratio("CPU", ms(both, "cpu"), "ms", digits=1)
        table.ratio("event loop held at longest", ms(both, "held"), "ms", digits=1)
        table.ratio(
            f"  its CPU time, worst of {len(both[0])}",
            ms(both, "held_cpu", max),
            "ms",
            aim="<= 50 ms" if steadily else "",
            digits=1,
        )
        table.ratio("peak memory", [peak / 2**20 for peak in memory], "MiB", digits=1)


async def against_the_dexcom_floor(world: World, table: Table) -> None:
    """(d): a month of 300 alerts a day, against reading the same JSON."""
    account = world.worn
    async with contestant("dexcom_floor", account) as floor, contestant("dexcom", account) as care:
        world.take_requests()
        await care("set_up")
        parts = (
            ("the daily look back over a month, all of it known", "look_back", UPDATES),
            ("a month read for the first time", "begin_anew", SLOW_UPDATES),
            # Once: the recorder then writes 9,000 states, which takes it half a minute.
            ("back after a month: all of it announced", "forget", 1),
        )
        for title, before, times in parts:
            costs: list[list[Cost]] = [[], []]
            for _ in range(times):
                await care(before)
                world.take_requests()
                costs[0].append(await care.cost("update"))
                await floor("ask_for", requests=(requests := world.take_requests()))
                costs[1].append(await floor.cost("update"))
            _print_month(table, title, len(requests), costs, has_aim=times > 1)


def _print_month(
    table: Table, title: str, requests: int, costs: Sequence[Sequence[Cost]], *, has_aim: bool
) -> None:
    table.section(
        f"(d) {title}: 30 days of 300 alerts; against reading the same {requests} answer(s)"
    )
    table.ratio("time", ms(costs, "wall"), "ms", aim="<= 3" if has_aim else "", digits=1)
    table.ratio("CPU", ms(costs, "cpu"), "ms", digits=1)
    table.ratio("event loop held at longest", ms(costs, "held"), "ms", digits=1)
    table.ratio(
        f"  its CPU time, worst of {len(costs[0])}",
        ms(costs, "held_cpu", max),
        "ms",
        aim="<= 50 ms" if has_aim else "",
        digits=1,
    )
    if not has_aim:
        table.ratio(
            "  without Python's garbage collector",
            ms(costs, "held_working"),
            "ms",
            aim="<= 50 ms",
            digits=1,
        )


async def against_rest(world: World, table: Table) -> None:
    """(b): the same 20 people through `rest` sensors and template binary sensors."""
    for account, updates in ((world.small, UPDATES), (world.large, SLOW_UPDATES)):
        table.section(
            f"(b) 20 people of an account of {account.people:,}; "
            "against rest sensors + template binary sensors"
        )
        async with contestant("care_alerts", account) as care, contestant("rest", account) as rest:
            both = [care, rest]
            set_ups: list[list[Cost]] = [[], []]
            for turn in range(SET_UPS if account.people == len(account.followed) else 1):
                if turn:
                    for worker in both:
                        await worker("close")
                        await worker("open", account=asdict(account))
                for own, worker in zip(set_ups, both, strict=True):
                    own.append(await worker.cost("set_up"))
            costs = await alternate(both, "update", updates)
            table.ratio("time to set up", ms(set_ups, "wall"), "ms", digits=1)
            table.ratio("CPU of an update", ms(costs, "cpu"), "ms", digits=1)
            table.ratio("event loop held at longest", ms(costs, "held"), "ms", digits=1)
            if account.people == len(account.followed):
                await _writes_and_rows(world, table, both, ms(costs, "cpu"))


async def _writes_and_rows(
    world: World, table: Table, both: Sequence[Worker], cpu_ms: Sequence[float]
) -> None:
    entities, unchanged, changed = zip(*[await worker("writes") for worker in both], strict=True)
    table.ratio("entities", entities)
    table.ratio("lines of YAML to write", [await worker("lines") for worker in both])
    table.ratio("states written as they were, by an update without news", unchanged, aim="0")
    table.ratio("states changed by it (ours: last contact)", changed)

    world.tell_the_day_to_come()
    days = [await _day(world, worker) for worker in both]
    updates = [day.pop("updates") for day in days]
    table.ratio("updates a day (rest: hourly)", updates)
    table.ratio("database rows a day", [sum(day.values()) for day in days])
    for name in days[0]:
        table.ratio(f"  of these {name}", [day[name] for day in days])
    statistics = [STATISTICS_A_DAY * await worker("measured") for worker in both]
    table.ratio("statistics rows a day besides (computed)", statistics)
    ours, hourly = (cpu * number / 1000 for cpu, number in zip(cpu_ms, updates, strict=True))
    by_default = cpu_ms[1] * (timedelta(days=1) / DEFAULT_SCAN) / 1000
    table.ratio("CPU a day (computed; rest: hourly)", [ours, hourly], "s", digits=2)
    table.ratio(
        "CPU a day (computed; rest: its default, every 30 s)", [ours, by_default], "s", digits=2
    )


async def _day(world: World, worker: Worker) -> dict[str, int]:
    """Let a day pass from noon to noon, asking as often as the house would; return what was added."""
    before = await worker("rows")
    now = NOON
    updates = 0
    while (now := now + timedelta(seconds=await worker("seconds_to_next"))) <= NOON + timedelta(1):
        world.simulator.clock.set(now)
        await worker("move_to", now=now.isoformat())
        await worker("update")
        updates += 1
    after = await worker("rows")
    world.simulator.clock.set(NOON)
    return {"updates": updates} | {name: after[name] - before[name] for name in after}


def against_withings(table: Table) -> None:
    """(c): import times."""
    table.section("(c) importing the component and its platforms; against core's withings")
    for where, before, rounds in (
        ("in a running home", HOME, ROUNDS),
        ("after homeassistant.core alone", BARE, BARE_ROUNDS),
    ):
        both = [seconds * 1000 for seconds in import_times(before, rounds)]
        table.ratio(f"{where}, median of {rounds}", both, "ms", digits=1)


def missing() -> list[str]:
    """Return which packages that only the compared need are not installed."""
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    absent = []
    for package in project["dependency-groups"]["benchmarks"]:
        try:
            version(package)
        except PackageNotFoundError:
            absent.append(package)
    return absent


async def main() -> None:
    """Measure and print."""
    if absent := missing():
        sys.exit(f"{', '.join(absent)}: not installed; scripts/setup --benchmarks installs them")
    world = World()
    table = Table()
    async with world.simulator:
        await against_the_floor(world, table)
        await against_rest(world, table)
        await against_the_dexcom_floor(world, table)
        await against_bare_automations(world, table)
        await against_pushing_by_automation(world, table)
    against_withings(table)


if __name__ == "__main__":
    asyncio.run(main())
