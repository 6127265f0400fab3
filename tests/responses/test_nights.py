"""Some simulated nights.

As many as you like, and with what happened before a fault: `python -m tests.responses.nights --nights 1000
--seed 1`, which gives this test `NIGHTS` (first, how many, seed, after how many with faults it stops).
"""

import os
import sys

from freezegun.api import FrozenDateTimeFactory
import pytest

from .nights import pass_nights

pytestmark = pytest.mark.usefixtures("_voice_packages")


async def test_nights(freezer: FrozenDateTimeFactory) -> None:
    asked = os.environ.get("NIGHTS", "0,12,1,1")
    first, nights, seed, stop_at = map(int, asked.split(","))
    tally = await pass_nights(freezer, range(first, first + nights), seed, stop_at=stop_at)
    sys.stdout.write("\n".join(["", *tally.lines(), ""]))
    assert not tally.faults
    assert tally.nights == nights
