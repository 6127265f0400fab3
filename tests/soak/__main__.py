"""Run a soak as a test, for only there a Home Assistant can be had.   python -m tests.soak --days 365 --seed 1."""

import argparse
import os
from pathlib import Path
import sys


def main() -> None:
    """Read how long it is to be, and what it is drawn from."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30, help="simulated days, at least 2")
    parser.add_argument("--seed", type=int, default=1, help="of all that is drawn")
    parser.add_argument("--people", type=int, default=30, help="a third of them of each source")
    given = parser.parse_args()
    os.environ["SOAK"] = f"{given.days},{given.seed},{given.people}"
    test = f"{Path(__file__).parent.with_name('test_soak.py')}::test_soak"
    options = ["-q", "-s", "--timeout", "0", "-p", "no:cacheprovider", "-p", "no:logging"]
    # A new process: the test kit comes before Home Assistant.
    os.execv(sys.executable, [sys.executable, "-m", "pytest", test, *options])  # noqa: S606 # no shell is wanted


if __name__ == "__main__":
    main()
