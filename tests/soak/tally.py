"""What came of a soak, as it is printed, and what has to be so."""

from collections import Counter
from collections.abc import Callable
import ctypes
from dataclasses import dataclass, field
from datetime import timedelta
import gc
import os
from pathlib import Path
from statistics import median

from simulator import CATALOGUE

CHANNELS = ("event entity", "event bus")
"""The ways a house hears of an alert: both have to tell it."""

PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 2**20


@dataclass(frozen=True)
class Gauge:
    """What a process holds at a quiet moment."""

    rss: int
    houses: int
    tasks: int
    listeners: int
    targets: int
    descriptors: int
    kept: int
    """Alerts and readings that the component keeps, as it should."""


def resident() -> int:
    """Bytes of memory that are in use, once what is garbage is gone: glibc keeps for itself what an answer of 64 MiB took."""
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE


def descriptors() -> int:
    """Files and connections that are open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@dataclass
class Tally:
    """What came of it."""

    days: float = 0
    people: int = 0
    made: Counter[str] = field(default_factory=Counter)
    received: int = 0
    redelivered: int = 0
    after_full_disk: int = 0
    told_anew: int = 0
    heard_after: dict[str, timedelta] = field(default_factory=dict)
    """The longest that an alert was on its way, by source, without any trouble."""
    happened: Counter[str] = field(default_factory=Counter)
    faults_met: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    explained_lines: int = 0
    gauges: list[Gauge] = field(default_factory=list)
    states_compared: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    not_met: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    not_flat: list[str] = field(default_factory=list)

    @property
    def complaints(self) -> dict[str, list[str]]:
        """What may not be, by name."""
        return {
            "lost": self.lost,
            "announced twice, unmarked": self.doubled,
            "announced, never made": self.unknown,
            "announced too late, as late, ended or of another time, without a reason": self.untrue,
            "unexplained exceptions and errors in the log": self.errors,
            "faults of the catalogue never met": self.not_met,
            "entities wrong in the end": self.wrong,
            "not flat": self.not_flat,
        }

    def judge_gauges(self) -> list[str]:
        """Compare the first and the last tenth; return a line for each thing that was measured."""
        if len(self.gauges) < 2:
            return [f"measured {len(self.gauges)} times: too seldom to compare"]
        tenth = max(len(self.gauges) // 10, 1)
        first, last = self.gauges[:tenth], self.gauges[-tenth:]
        lines: list[str] = []

        def compare(
            name: str, of: Callable[[Gauge], float], most: Callable[[float], float], unit: str = ""
        ) -> None:
            before, after = median(map(of, first)), median(map(of, last))
            limit = most(before)
            if after > limit:
                self.not_flat.append(f"{name}: {before:.0f} -> {after:.0f}, at most {limit:.0f}")
            lines.append(f"{name}: {before:.0f} -> {after:.0f}{unit}")

        kept = [median(one.kept for one in some) for some in (first, last)]
        # Ours: what is kept of an alert or a reading, in the house and in the file being written, is well below 8 KiB.
        may_grow = max(kept[1] - kept[0], 0) * 8 / 1024 + 32
        compare("MiB resident", lambda one: one.rss / MIB, lambda was: was + may_grow)
        lines[-1] += f" (alerts and readings kept: {kept[0]:.0f} -> {kept[1]:.0f})"
        # Ours: one that has just ended may still be held by a timer of its own that was cancelled.
        compare("Home Assistants in memory", lambda one: one.houses, lambda was: was + 2)
        # Ours: a connection that is kept open, or a timer's task, is there or is not at a given moment.
        compare("asyncio tasks", lambda one: one.tasks, lambda was: was + 10)
        compare("bus listeners", lambda one: one.listeners, lambda was: was + 5)
        compare("dispatcher targets", lambda one: one.targets, lambda was: was + 5)
        # Of a single moment: whoever was just asked for has a connection that is kept for a while, at both ends.
        kept_open = 12 if tenth > 1 else 2 * self.people
        compare("file descriptors", lambda one: one.descriptors, lambda was: was + kept_open)
        return lines

    def lines(self) -> list[str]:
        """As printed."""
        made = ", ".join(f"{name} {number}" for name, number in sorted(self.made.items()))
        flat = self.judge_gauges()
        happened = ", ".join(f"{name} {n}" for name, n in sorted(self.happened.items()))
        rows = {
            "simulated days, people": f"{self.days:.1f}, {self.people}",
            "alerts made": f"{self.made.total()} ({made})",
            "received": f"{self.received}",
            "told again, marked redelivered": f"{self.redelivered}",
            "told again after a full disk": f"{self.after_full_disk}",
            "told anew, after late or ended by trouble": f"{self.told_anew}",
            "heard at the latest after, without trouble": ", ".join(
                f"{name} {after // timedelta(minutes=1)} min"
                for name, after in sorted(self.heard_after.items())
            ),
            "happened": happened,
            "faults of the catalogue met": f"{len(self.faults_met)} of {len(CATALOGUE)}, in {self.faults_met.total()} of {self.requests} requests",
            "errors logged that a fault explains": f"{self.explained_lines}",
            "first and last tenth": flat[0],
            **{f"  {number}": line for number, line in enumerate(flat[1:], 2)},
            "states compared in the end": f"{self.states_compared}",
            **{name: f"{len(found)}" for name, found in self.complaints.items()},
        }
        width = max(map(len, rows))
        return [f"{name:<{width}}  {value}" for name, value in rows.items()]
