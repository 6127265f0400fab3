"""A short soak; `python -m tests.soak --days 30 --seed 1` is a long one, which gives this test `SOAK` (days, seed, people)."""

import os
from pathlib import Path
import sys

from freezegun.api import FrozenDateTimeFactory
import pytest

from .soak.soak import Soak

pytestmark = [pytest.mark.real_files, pytest.mark.usefixtures("socket_enabled", "hass")]


async def test_soak(freezer: FrozenDateTimeFactory, tmp_path: Path) -> None:
    days, seed, people = map(int, os.environ.get("SOAK", "2,8,6").split(","))
    soak = Soak(freezer, tmp_path, days=days, seed=seed, people=people)
    tally = await soak.run()
    sys.stdout.write("\n".join(["", *tally.lines(), ""]))
    wrong = [f"{name}: {one}" for name, found in tally.complaints.items() for one in found]
    assert not wrong, "\n".join([f"seed {seed}, {days} days", *wrong[:40]])
