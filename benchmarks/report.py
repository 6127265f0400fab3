"""What all benchmarks share: contestants in processes of their own, and the table that is printed."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
import sys
from typing import Any

import orjson

from .measure import Cost
from .world import Account

ROOT = Path(__file__).parent.parent


class Worker:
    """A contestant in its own process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Speak to a process that was started."""
        self._process = process

    async def __call__(self, do: str, **arguments: Any) -> Any:
        """Have a method called and return its answer; RuntimeError if the process died of it."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(orjson.dumps({"do": do, **arguments}) + b"\n")
        if not (line := await self._process.stdout.readline()):
            raise RuntimeError(f"{do} failed; see above")
        return orjson.loads(line)

    async def cost(self, do: str) -> Cost:
        """Have something done and return what it cost."""
        return Cost(**await self(do))


@asynccontextmanager
async def contestant(kind: str, account: Account) -> AsyncGenerator[Worker]:
    """Start a contestant and open it for an account."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.houses", kind), stdin=pipe, stdout=pipe, cwd=ROOT
    )
    try:
        worker = Worker(process)
        await worker("open", account=asdict(account))
        yield worker
        await worker("close")
    finally:
        if process.stdin:
            process.stdin.close()
        await process.wait()


class Table:
    """What was measured, printed as it comes."""

    def __init__(self) -> None:
        """Begin with the head."""
        self._row("", "Care Alerts", "compared with", "ratio", "aim")
        self._row("-" * 60, "-" * 15, "-" * 15, "-" * 7, "-" * 8)

    def section(self, title: str) -> None:
        """Print a title."""
        print(f"\n{title}", flush=True)

    def ratio(
        self, what: str, both: Iterable[float], unit: str = "", *, aim: str = "", digits: int = 0
    ) -> None:
        """Print two values and their ratio."""
        ours, theirs = both
        shown = [f"{value:,.{digits}f} {unit}".rstrip() for value in (ours, theirs)]
        self._row(what, *shown, f"{ours / theirs:.2f}" if theirs else "-", aim)

    def _row(self, what: str, *cells: str) -> None:
        ours, theirs, ratio, aim = cells
        print(f"{what:<60} {ours:>15} {theirs:>15} {ratio:>7}  {aim}".rstrip(), flush=True)
