"""How long it takes from an alert in the ledger to an automation's first action: `python -m benchmarks.acting`."""

import asyncio
from statistics import median

from .houses import MOST_AT_ONCE
from .report import Table, contestant
from .world import World

SINGLE = 200
AT_ONCE = 9


async def against_bare_automations(world: World, table: Table) -> None:
    """(e): alerts, from the ledger over the disk to the first action; against states that change, and nothing else."""
    async with contestant("acting", world.small) as house:
        await house.cost("set_up")
        # The first of each pays for what is only ever done once.
        for what in ("alerts", "states"):
            await house(what, count=1)
            await house(what, count=MOST_AT_ONCE)
        singles: list[list[float]] = [[], []]
        for _ in range(SINGLE):
            singles[0].append(await house("alerts", count=1))
            singles[1].append(await house("states", count=1))
        many: list[list[float]] = [[], []]
        for _ in range(AT_ONCE):
            many[0].append(await house("alerts", count=MOST_AT_ONCE))
            many[1].append(await house("states", count=MOST_AT_ONCE))
    table.section(
        "(e) from an alert in the ledger to an automation's first action; "
        "against a state that changes"
    )
    for name, aim, of_many in (("median", "< 50 ms", median), ("worst", "", max)):
        both = [of_many(one) * 1000 for one in singles]
        table.ratio(f"one alert, {name} of {SINGLE}", both, "ms", aim=aim, digits=1)
    for name, aim, of_many in (("median", "< 1 s", median), ("worst", "", max)):
        both = [of_many(one) * 1000 for one in many]
        table.ratio(
            f"{MOST_AT_ONCE} at once, the last of them, {name} of {AT_ONCE}",
            both,
            "ms",
            aim=aim,
            digits=1,
        )


async def against_pushing_by_automation(world: World, table: Table) -> None:
    """(f): alerts, from the ledger over the disk to the push of a plan; against an automation with the app's own action."""
    results: list[tuple[list[float], list[float]]] = []
    for kind in ("pushing", "pushing_by_automation"):
        async with contestant(kind, world.small) as house:
            await house.cost("set_up")
            for count in (1, MOST_AT_ONCE):
                await house("pushes", count=count)
            singles = [await house("pushes", count=1) for _ in range(SINGLE)]
            many = [await house("pushes", count=MOST_AT_ONCE) for _ in range(AT_ONCE)]
            results.append((singles, many))
    table.section(
        "(f) from an alert in the ledger to the last push that leaves, by a plan; "
        "against an automation with the app's own action"
    )
    for which, what, aim in (
        (0, f"one alert, {{}} of {SINGLE}", "< 50 ms"),
        (1, f"{MOST_AT_ONCE} at once, {{}} of {AT_ONCE}", "< 1 s"),
    ):
        for name, its_aim, of_many in (("median", aim, median), ("worst", "", max)):
            both = [of_many(one[which]) * 1000 for one in results]
            table.ratio(what.format(name), both, "ms", aim=its_aim, digits=1)


async def main() -> None:
    """Measure this alone and print."""
    world = World()
    table = Table()
    async with world.simulator:
        await against_bare_automations(world, table)
        await against_pushing_by_automation(world, table)


if __name__ == "__main__":
    asyncio.run(main())
