"""A backlog and the recorder: it writes what is told in portions, and alerts do not wait for one that is not well."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from homeassistant.components.recorder.core import Recorder
from homeassistant.core import Event, callback
import pytest

from custom_components.care_alerts.sources import announcer
from tests.conftest import House
from tests.sources.dexcom.test_source import fill
from tests.wear import wear

ALERTS = 4 * announcer.PORTION


@pytest.fixture
def recorder_config() -> dict[str, Any]:
    """A recorder that writes as at home, not each event by itself."""
    return {"commit_interval": 5}


@pytest.fixture
async def told(house: House) -> tuple[list[str], Callable[[], list[str]]]:
    """What is to be told of somebody, in order, and what was."""
    wearer = house.sim.dexcom.wearer("SandboxUser7")
    wear(wearer)
    await house.set_up(await house.dexcom_entry(wearer))
    heard: list[str] = []

    @callback
    def listen(event: Event) -> None:
        heard.append(event.data["alert"]["alert_id"])

    house.hass.bus.async_listen("care_alerts_alert_received", listen)
    return fill(wearer, ALERTS // 2, house.now), lambda: heard


async def test_the_recorder_writes_a_backlog_in_portions(
    house: House,
    told: tuple[list[str], Callable[[], list[str]]],
    recorder_mock: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected, heard = told
    written: list[int] = []
    commit = recorder_mock._commit_event_session

    def count() -> None:
        written.append(len(recorder_mock.event_session.new) if recorder_mock.event_session else 0)
        commit()

    monkeypatch.setattr(recorder_mock, "_commit_event_session", count)
    await house.pass_time(minutes=31)
    await recorder_mock.async_block_till_done()
    assert heard() == expected
    # An alert is an event, and a state with its attributes; so is its end. Beside them there is what the house does.
    assert max(written) <= 8 * announcer.PORTION
    assert sum(written) > 3 * ALERTS


async def test_alerts_do_not_wait_for_a_recorder_that_stands_still(
    house: House,
    told: tuple[list[str], Callable[[], list[str]]],
    recorder_mock: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected, heard = told
    waited = 0

    async def never() -> None:
        nonlocal waited
        waited += 1
        await asyncio.Event().wait()

    monkeypatch.setattr(announcer, "RECORDER_MAY_TAKE", timedelta(0))
    monkeypatch.setattr(recorder_mock, "async_block_till_done", never)
    await house.pass_time(minutes=31)
    assert heard() == expected
    assert waited == 1
