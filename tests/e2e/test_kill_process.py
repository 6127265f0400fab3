"""A real process killed in the middle of an update: what its automations hear before and after, and what is shown.

The automation writes down what it hears within the announcement itself, so that a kill comes before or after.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import groupby
import json
import os
from pathlib import Path
import signal
from typing import Any, Final

import aiohttp
import pytest
from yarl import URL

from scripts.real_home import ROOT, HomeError, Json, RealHome
from scripts.sources import set_up_lumen
from simulator import CATALOGUE, Simulator

from .conftest import until

PEOPLE: Final = [f"person{number}@example.com" for number in range(6)]
ALERT_TYPES: Final = ["WEIGHT", "FLEX", "MEDICATION", *(f"TYPE_{number}" for number in range(7))]
ALERTS: Final = len(PEOPLE) * len(ALERT_TYPES)
"""In each update: enough that the announcing takes a while."""


@dataclass(frozen=True, slots=True)
class House:
    """A home with the witness in it, and what can be seen of it from outside while it lives and after."""

    home: RealHome
    simulator: Simulator
    entry_id: str

    def heard(self) -> list[Json]:
        """What the automation heard in all lives so far: `subtype`, `alert_id`, `redelivered`."""
        path = self.home.directory / "heard.jsonl"
        # The last line may just be being written.
        whole, _, _ = path.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def kept(self) -> bytes:
        """The file of kept alerts as it lies there."""
        return (self.home.directory / ".storage" / f"care_alerts.{self.entry_id}").read_bytes()

    def new_alerts(self, name: str) -> set[str]:
        """Give everybody an alert of each type, generated now; return their subtypes, each only once in the world."""
        account = self.simulator.lumen.default
        now = self.simulator.clock.now()
        subtypes = set()
        for number, email in enumerate(PEOPLE):
            for alert_type in ALERT_TYPES:
                record = account.add_alert(
                    account.person(email),
                    account.newest_day(now),
                    alert_type,
                    f"{name}_{number}_{alert_type}".upper(),
                    severity="HIGH",
                    generated_at=now,
                )
                subtypes.add(record["alertSubtype"].lower())
        return subtypes

    async def press_refresh(self) -> None:
        """Have the source asked, and wait until that is over."""
        button = await self.home.entity_id("button", "care_alerts", f"{self.entry_id}_refresh")
        await self.home.post("/api/services/button/press", {"entity_id": button})

    async def kill_when(self, moment: Callable[[], bool]) -> None:
        """Ask the source and kill the process as soon as the moment has come."""
        update = asyncio.create_task(self.press_refresh())
        async with asyncio.timeout(30):
            while not moment():
                assert self.home.running
                await asyncio.sleep(0)
        os.kill(self.home.pid, signal.SIGKILL)
        await self.home.kill()
        with suppress(HomeError, aiohttp.ClientError):
            await update


@pytest.fixture
async def house(tmp_path: Path, simulator: Simulator) -> AsyncGenerator[House]:
    """A running home that follows an account, and whose automation tells the witness of every alert."""
    for email in PEOPLE:
        simulator.lumen.default.add_person(
            email, granted_at=simulator.clock.now() - timedelta(days=30)
        )
    home = RealHome(tmp_path / "home")
    components = home.directory / "custom_components"
    components.mkdir(parents=True)
    # A package proper, or that of the working directory comes first.
    (components / "__init__.py").touch()
    (components / "care_alerts").symlink_to(ROOT / "custom_components" / "care_alerts")
    (components / "witness").symlink_to(Path(__file__).parent / "witness")
    home.prepare()
    with (home.directory / "configuration.yaml").open("a") as configuration:
        configuration.write("witness:\n")
    try:
        await home.start()
        house = House(home, simulator, await set_up_lumen(home, simulator))
        await tell_the_witness(home)
        # Home Assistant writes its registries seconds later, or when it stops.
        await home.restart()
        # What is generated from now on is later than the set-up by the second, the vendor's unit: no history.
        simulator.clock.advance(timedelta(seconds=2))
        yield house
    finally:
        await home.stop()


async def tell_the_witness(home: RealHome) -> None:
    """Add the automation, as the editor would."""
    events = [
        entity["entity_id"]
        for entity in await home.entities("care_alerts")
        if entity["entity_id"].startswith("event.")
    ]
    assert len(events) == len(PEOPLE)
    attribute = "{{{{ trigger.to_state.attributes.{} }}}}"
    automation = {
        "alias": "Tell the witness",
        "mode": "parallel",
        "max": 1000,
        "triggers": [
            {
                "trigger": "event.received",
                "target": {"entity_id": events},
                "options": {"event_type": ["weight", "flex", "medication", "other"]},
            }
        ],
        "actions": [
            {
                "action": "witness.heard",
                "data": {
                    name: attribute.format(name) for name in ("alert_id", "subtype", "redelivered")
                },
            }
        ],
    }
    await home.post("/api/config/automation/config/witness", automation)

    async def awake() -> bool:
        return any(
            state["entity_id"].startswith("automation.") and state["state"] == "on"
            for state in await home.get("/api/states")
        )

    await until(awake, "the automation is set up")


def asked(endpoint: str) -> Callable[[House, set[str]], bool]:
    """While the answer to this request is awaited."""
    return lambda house, _: bool(house.simulator.requests(endpoint))


def told(part: float) -> Callable[[House, set[str]], bool]:
    """When so much of the alerts has been announced."""
    return lambda house, new: (
        len(new & {line["subtype"] for line in house.heard()}) >= part * len(new)
    )


def written_down(house: House, _: set[str]) -> bool:
    """When the file has the alerts and not one is marked; found out quickly, for it does not last."""
    return b'"pending"' in house.kept()


def marked(house: House, new: set[str]) -> bool:
    """When the file has all of the alerts as announced."""
    lines = json.loads(house.kept())["data"]["ledger"]["lines"]
    announced = {line["alert"]["subtype"] for line in lines if line["delivery"] == "announced"}
    return new <= announced


MOMENTS: Final[dict[str, tuple[str | None, Callable[[House, set[str]], bool]]]] = {
    "asks_for_consents": ("lumen.identity_mappings", asked("lumen.identity_mappings")),
    "asks_for_alerts": ("lumen.alerts", asked("lumen.alerts")),
    "written_down": (None, written_down),
    "first_told": (None, told(0.01)),
    "half_told": (None, told(0.5)),
    "all_told": (None, told(1)),
    "marked": (None, marked),
}
"""When to kill, in the order of an update, and which request hangs so that the moment lasts."""


async def test_a_kill_at_any_moment_loses_nothing_and_repeats_nothing_unmarked(
    house: House,
) -> None:
    """One home through one kill after the other, each time as the last one left it."""
    for name, (hanging, moment) in MOMENTS.items():
        told_earlier = len(house.heard())
        new = house.new_alerts(name)
        if hanging:
            house.simulator.log.clear()
            house.simulator.faults.add(hanging, CATALOGUE["hang"]())
        await house.kill_when(partial(moment, house, new))
        house.simulator.faults.clear()
        before = house.heard()[told_earlier:]

        await house.home.start()
        await house.press_refresh()
        await until(partial(marked, house, new), "all alerts are marked")
        heard = house.heard()[told_earlier:]

        assert {line["subtype"] for line in heard} == new, name
        for alert_id, lines in groupby(sorted(heard, key=by_alert), key=by_alert):
            again = [line["redelivered"] for line in lines]
            assert len(again) == 1 or again == [False, True], (name, alert_id, again)
        if hanging:
            assert before == [], name
        if name == "marked":
            assert heard == before, "what has been marked is not told again"
    care_alerts = [line for line in house.home.log("all").splitlines() if "care_alerts" in line]
    assert not [line for line in care_alerts if " ERROR " in line]


def by_alert(line: Json) -> str:
    """What an automation tells two alerts apart by."""
    alert_id: str = line["alert_id"]
    return alert_id


async def test_what_was_heard_is_shown_while_the_source_is_down(house: House) -> None:
    house.new_alerts("before")
    await house.press_refresh()
    shown = await people_of(house)
    assert sum(state == "on" for state, _ in shown.values()) == 3 * len(PEOPLE)

    await house.home.kill()
    await house.simulator.stop()
    await house.home.start()
    assert await people_of(house) == shown
    assert await status_of(house) == "unreachable"

    port = URL(house.simulator.url).port
    assert port
    await house.simulator.start(port=port)
    await house.press_refresh()
    assert await people_of(house) == shown
    assert await status_of(house) == "ok"
    assert len(house.heard()) == ALERTS


async def people_of(house: House) -> dict[str, tuple[str, Any]]:
    """What the people's sensors show: state and time of observation."""
    return {
        key: (state["state"], state["attributes"].get("observed_at"))
        for key, state in (await house.home.states("care_alerts")).items()
        # How far the data reach goes on with each answer.
        if "sensor/lumen_" in key and not key.endswith("_data_through")
    }


async def status_of(house: House) -> str:
    """How the source answers."""
    state = await house.home.state("sensor", "care_alerts", f"{house.entry_id}_status")
    return str(state["state"])
