"""Prints what of the component a run of the tests went through, as `.coverage` has it; fails if it is not enough."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
import json
from pathlib import Path
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import Any, Final

LINES: Final = 99
BRANCHES: Final = 97
"""Ours, in percent. What is left are refusals of what no vendor and no Home Assistant of today sends."""
MODULE: Final = 95
"""Of each module, lines and branches together: what Home Assistant's quality scale asks of all."""

COMPONENT: Final = "custom_components/care_alerts/"
FLOWS: Final = (
    "config_flow.py",
    "responses/*flow.py",
    "responses/part_flows.py",
    "sources/*/*flow.py",
)
"""Of these, all: whoever sets something up has nobody to ask."""


def percent(files: Iterable[Mapping[str, Any]], *kinds: str) -> float:
    """What was gone through of all files, of a kind of thing (`lines`, `branches`) or several."""
    totals = {"lines": "num_statements", "branches": "num_branches"}
    summaries = [one["summary"] for one in files]
    there = sum(one[totals[kind]] for one in summaries for kind in kinds)
    gone_through = sum(one[f"covered_{kind}"] for one in summaries for kind in kinds)
    return 100 * gone_through / there if there else 100


def is_flow(module: str) -> bool:
    """Whether a module is a flow."""
    return any(fnmatch(module, flow) for flow in FLOWS)


def report(files: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Print it, and return what is not enough. `files`: as coverage's JSON has them."""
    wrong = []
    for kind, least in (("lines", LINES), ("branches", BRANCHES)):
        found = percent(files.values(), kind)
        print(f"{kind:<10} {found:6.2f} %  (at least {least} %)")
        if found < least:
            wrong.append(f"{kind}: {found:.2f} %")
    for path, one in sorted(files.items()):
        module = path.partition(COMPONENT)[2]
        both = percent([one], "lines", "branches")
        least = 100 if is_flow(module) else MODULE
        if is_flow(module) or both < least:
            left = [*one["missing_lines"], *map(tuple, one["missing_branches"])]
            print(f"{module:<45} {both:6.2f} %  {left or ''}".rstrip())
        if both < least:
            wrong.append(f"{module}: {both:.2f} %, at least {least} %")
    return wrong


def main() -> None:
    """Read `.coverage`, print and judge."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "coverage.json")
        subprocess.run([sys.executable, "-m", "coverage", "json", "-q", "-o", path], check=True)
        files = json.loads(path.read_text())["files"]
    if wrong := report(files):
        sys.exit("not enough: " + "; ".join(wrong))


if __name__ == "__main__":
    main()
