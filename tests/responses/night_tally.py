"""What came of simulated nights, as it is printed."""

from dataclasses import dataclass, field
from statistics import median


@dataclass
class Tally:
    """What came of all nights."""

    nights: int = 0
    episodes: int = 0
    high: int = 0
    acknowledged: int = 0
    steps: int = 0
    doubled: int = 0
    lost: int = 0
    kills: int = 0
    restarts: int = 0
    pushes: int = 0
    joined: int = 0
    delays: list[float] = field(default_factory=list)
    """Seconds, of a house that lives, from when a step was due to when its last push has left."""
    down: list[float] = field(default_factory=list)
    """Seconds, of steps that were due while the house was down, or its disk or its household busy."""
    held: list[float] = field(default_factory=list)
    """Seconds of the real clock for which one moment of a night kept the loop."""
    faults: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """As printed."""

        def seconds(found: list[float]) -> str:
            if not found:
                return "none"
            return f"{len(found)}: median {median(found):.0f} s, worst {max(found):.0f} s"

        rows = {
            "nights": f"{self.nights}",
            "episodes": f"{self.episodes} ({self.high} of severity high, {self.joined} joined by late alerts)",
            "acknowledged by a person": f"{self.acknowledged}",
            "kills, restarts": f"{self.kills}, {self.restarts}",
            "pushes": f"{self.pushes}",
            "steps done": f"{self.steps}",
            "doubled, each marked": f"{self.doubled}",
            "lost": f"{self.lost}",
            "delay, house running": seconds(self.delays),
            "delay, house down or busy": seconds(self.down),
            "a moment's work, real": (
                f"median {median(self.held) * 1000:.1f} ms, worst {max(self.held) * 1000:.0f} ms"
                if self.held
                else "none"
            ),
            "nights with faults": f"{len(self.faults)}",
        }
        width = max(map(len, rows))
        return [f"{name:<{width}}  {value}" for name, value in rows.items()]
