"""The responder: when it looks, what it forgets, what is on disk, and what a household that goes leaves behind."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
from typing import Any

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntryDisabler
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.dispatcher import async_dispatcher_connect, async_dispatcher_send
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.alerts.ledger import KEPT_FOR
from custom_components.care_alerts.alerts.testing import LASTS
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.duty import Duty
from custom_components.care_alerts.responses.episodes import SAME_PEOPLE, all_episodes
from custom_components.care_alerts.responses.household import SAME_PERSON
from custom_components.care_alerts.responses.log import StepKey, StepRecord
from custom_components.care_alerts.responses.plan import Caregiver
from custom_components.care_alerts.responses.responder import (
    DRILL_ENDS_AFTER,
    PRUNED_EVERY,
    RESPONDER,
    SIGNAL_RESPONSES,
    NoHousehold,
    Responder,
    async_forget_responses,
    async_setup_responder,
)
from custom_components.care_alerts.sources.signals import SIGNAL_ANNOUNCED, SIGNAL_EPISODES_CHANGED
from tests.appliances import soon
from tests.home import Home, Oma

from .house import _subentry, caregiver, household_entry, plan, set_up

FILE = f"{DOMAIN}.responses"
MINUTE = timedelta(minutes=1)


async def looks(hass: HomeAssistant) -> list[int]:
    """How often it has looked from now on: as many as there are in it."""
    seen: list[int] = []
    async_dispatcher_connect(hass, SIGNAL_RESPONSES, lambda: seen.append(1))
    return seen


async def start(hass: HomeAssistant) -> Responder:
    """A house without sources."""
    await async_setup_responder(hass)
    await hass.async_block_till_done()
    return hass.data[RESPONDER]


async def test_it_looks_once_home_assistant_has_started_and_not_before(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    seen = await looks(hass)
    hass.set_state(CoreState.starting)
    responder = await start(hass)
    responder.look()
    async_dispatcher_send(hass, str(SIGNAL_EPISODES_CHANGED), None)
    await hass.async_block_till_done()
    assert seen == []
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()
    assert seen == [1]


@pytest.mark.parametrize(
    ("signal", "told"),
    [
        (SIGNAL_EPISODES_CHANGED, (None,)),
        (SIGNAL_ANNOUNCED, (None, None)),
        (SIGNAL_CONFIG_ENTRY_CHANGED, (None, None)),
    ],
)
async def test_it_looks_whenever_something_may_have_changed(
    hass: HomeAssistant, hass_storage: dict[str, Any], signal: Any, told: tuple[None, ...]
) -> None:
    await start(hass)
    seen = await looks(hass)
    async_dispatcher_send(hass, signal, *told)
    await hass.async_block_till_done()
    assert seen == [1]
    # Nothing is written because somebody has looked.
    assert FILE not in hass_storage


def done_at(moment: datetime, which: str) -> StepRecord:
    """A step that was done."""
    return StepRecord(
        key=StepKey(which, "plan", "1", 0),
        after=0,
        parts=frozenset(),
        since=moment,
        begun_at=moment,
        done_at=moment,
    )


async def test_what_was_done_long_ago_is_forgotten_at_the_start_and_once_a_day(
    hass: HomeAssistant, hass_storage: dict[str, Any], freezer: Any
) -> None:
    freezer.move_to(datetime(2026, 5, 1, 12, tzinfo=UTC))
    begun = dt_util.utcnow()
    ages = {
        "old": KEPT_FOR + MINUTE,
        "oldest kept": KEPT_FOR,
        "newer": KEPT_FOR - timedelta(days=1),
    }
    records = [done_at(begun - age, which).to_dict() for which, age in ages.items()]
    hass_storage[FILE] = {"version": 1, "key": FILE, "data": {"state": {"records": records}}}
    responder = await start(hass)

    def kept() -> list[str]:
        return [which for which in ages if responder.store.state.of([which]).records]

    async def look() -> None:
        responder.look()
        await hass.async_block_till_done()

    assert kept() == ["oldest kept", "newer"]
    freezer.move_to(begun + PRUNED_EVERY - MINUTE)
    await look()
    assert kept() == ["oldest kept", "newer"]
    freezer.move_to(begun + PRUNED_EVERY)
    await look()
    assert kept() == ["newer"]
    # A day after that, and no sooner.
    freezer.move_to(begun + 2 * PRUNED_EVERY - MINUTE)
    await look()
    assert kept() == ["newer"]
    freezer.move_to(begun + 2 * PRUNED_EVERY)
    await look()
    assert kept() == []


async def test_a_clock_that_was_a_day_ahead_keeps_nothing_from_being_forgotten(
    hass: HomeAssistant, hass_storage: dict[str, Any], freezer: Any
) -> None:
    freezer.move_to(datetime(2026, 5, 3, 12, tzinfo=UTC))
    responder = await start(hass)
    freezer.move_to(datetime(2026, 5, 1, 12, tzinfo=UTC))
    responder.store.state.begin(done_at(dt_util.utcnow() - KEPT_FOR - MINUTE, "old"))
    responder.look()
    await hass.async_block_till_done()
    assert not responder.store.state.of(["old"]).records


@dataclass
class Dashboards:
    """What knows the dashboards, and is slow: it is asked each time that somebody might be told of a source."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0

    @property
    def dashboards(self) -> dict[str, Any]:
        """One, without anything of ours."""
        return {"home": self}

    async def async_load(self, _: bool) -> dict[str, Any]:
        """Say what it is made of."""
        self.asked += 1
        await self.opened.wait()
        return {}


async def test_what_is_told_of_sources_is_told_once_at_a_time_and_only_where_there_is_anything(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    responder = await start(hass)
    hass.data["lovelace"] = slow = Dashboards()
    responder.look()
    await hass.async_block_till_done()
    assert slow.asked == 0
    # Without a household only what was told is taken away.
    responder.store.kept.silent = {("notify.sms", "gone"): "unreachable"}
    for _ in range(3):
        responder.look()
        await soon(lambda: responder.runner._looking is None)
        await soon(lambda: slow.asked == 1)
    slow.opened.set()
    await hass.async_block_till_done()
    assert slow.asked == 1
    assert responder.store.kept.silent == {}
    assert hass_storage[FILE]["data"]["silent"] == []


async def test_whom_several_sources_have_counts_while_the_household_is_not_set_up(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    await start(hass)
    links = hass.data[SAME_PEOPLE].links
    assert links() == []
    people = ["one", "other"]
    entry = household_entry(_subentry(SAME_PERSON, "Mila", {"people": people}))
    MockConfigEntry(domain=DOMAIN, data={"source": "lumen"}).add_to_hass(hass)
    entry.add_to_hass(hass)
    assert [(one.name, list(one.people)) for one in links()] == [("Mila", people)]
    await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    assert links() == []


@pytest.mark.parametrize("is_running", [True, False])
async def test_nothing_is_left_behind(
    hass: HomeAssistant, hass_storage: dict[str, Any], is_running: bool
) -> None:
    hass_storage[FILE] = {"version": 1, "key": FILE, "data": {"tried": True}}
    if is_running:
        responder = await start(hass)
        assert responder.store.kept.tried
    await async_forget_responses(hass)
    assert FILE not in hass_storage
    if is_running:
        assert not responder.store.kept.tried


def test_without_a_household_nobody_is_anybodys() -> None:
    nobody = NoHousehold()
    assert nobody.duty(dt_util.utcnow()) == Duty({})
    assert nobody.phones_of(Caregiver(caregiver_id="anna", name="Anna", phones=("phone",))) == []
    assert nobody.is_meant(None, None) is False  # type: ignore[arg-type]


# With a household.


def on_disk(home: Home) -> dict[str, Any]:
    """What a crash would leave."""
    stored = json.loads(Path(home.hass.config.path(".storage", FILE)).read_text())
    assert isinstance(stored["data"], dict)
    return stored["data"]


@pytest.mark.real_files
async def test_what_is_switched_is_on_disk_when_it_is_said_to_be(home: Home) -> None:
    household = await set_up(home, caregiver("Anna"), plan("Night"))
    responder = household.responder
    [night] = responder.household.all_plans  # type: ignore[union-attr]
    for is_off, off in (True, ["night"]), (True, ["night"]), (False, []), (False, []):
        await responder.async_switch(night, is_off=is_off)
        assert on_disk(home)["off"] == off


@pytest.mark.real_files
async def test_a_household_that_is_unloaded_rings_nobody_and_asks_for_nothing(home: Home) -> None:
    phone = await home.phone("Anna")
    home.hass.states.async_set("schedule.anna", "off")
    household = await set_up(
        home, caregiver("Anna", phones=[phone.device_id], duty="schedule.anna"), plan("Night")
    )
    assert household.issues() == {"duty_nobody"}
    assert await home.hass.config_entries.async_unload(household.entry.entry_id)
    assert household.issues() == set()
    await home.house.settle()
    seen = await looks(home.hass)
    home.hass.states.async_set("schedule.anna", "on")
    await home.minutes(2)
    assert seen == []
    await home.drill()
    assert phone.pushed == []
    assert await household.responder.async_drill() == []


def steps(*minutes: int) -> list[dict[str, Any]]:
    """Steps after so many minutes."""
    return [{"step_id": f"{after}", "after": after, "tell": ["everybody"]} for after in minutes]


ENDS_AFTER = int(DRILL_ENDS_AFTER / MINUTE)
SHORT = int(LASTS / MINUTE)


@pytest.mark.real_files
@pytest.mark.parametrize(
    ("plans", "lasts"),
    [
        ([(0,)], SHORT),
        ([(0, SHORT - ENDS_AFTER)], SHORT),
        ([(0, SHORT - ENDS_AFTER + 1)], SHORT + 1),
        # A test alert that two plans are for lasts as long as the longer of them.
        ([(60, 5), (0, 20)], 60 + ENDS_AFTER),
        ([(0, 20), (5, 60)], 60 + ENDS_AFTER),
    ],
)
async def test_a_drill_goes_on_until_somebody_could_have_answered_the_last_step(
    home: Home, plans: list[tuple[int, ...]], lasts: int
) -> None:
    household = await set_up(
        home,
        caregiver("Anna"),
        *(plan(f"Plan {number}", steps(*after)) for number, after in enumerate(plans)),
    )
    began = home.house.now
    [episode_id] = await household.responder.async_drill()
    # Also if all ends now.
    assert on_disk(home)["drill"] == {
        "began_at": began.isoformat(),
        "episode_ids": [episode_id],
    }
    await home.house.settle()

    def is_open() -> bool:
        [ref] = all_episodes(home.hass)
        assert ref.episode.episode_id == episode_id
        return ref.episode.is_open

    await home.house.until(began + timedelta(minutes=lasts - 1))
    assert is_open()
    await home.house.until(began + timedelta(minutes=lasts, seconds=5))
    assert not is_open()


@pytest.mark.real_files
async def test_a_drill_goes_down_each_plan_whichever_source_it_is_for(oma: Oma) -> None:
    home = oma.home
    phone = await home.phone("Anna")
    household = await set_up(
        home,
        caregiver("Anna", phones=[phone.device_id]),
        plan("Sugar", steps(0), alert_types=["urgent_low"]),
        plan("Weight", steps(0), alert_types=["weight"]),
        plan("Nobody", steps(0), whose={"device_id": ["gone"]}),
    )
    ids = await household.responder.async_drill()
    await home.house.settle()
    found = {
        ref.episode.topic.alert_type: ref.episode.episode_id for ref in all_episodes(home.hass)
    }
    assert found.keys() == {"urgent_low", "weight"}
    assert set(ids) == set(found.values())
    assert len(ids) == 2
    # Once each, though it is looked at again and again.
    assert len(phone.rang) == 2


@pytest.mark.real_files
async def test_without_anybody_a_plan_is_for_there_is_no_drill(home: Home) -> None:
    household = await set_up(home, caregiver("Anna"), plan("Nobody", whose={"device_id": ["gone"]}))
    assert await household.responder.async_drill() == []
    assert household.responder.store.kept.drill is None


@pytest.mark.real_files
async def test_issues_are_about_the_household_that_there_is(home: Home) -> None:
    household = await set_up(home, caregiver("Anna"), plan("Night"))
    assert "heard_no_phone" in household.issues()
    await home.hass.config_entries.async_remove(household.entry.entry_id)
    await home.house.settle()
    assert not [
        issue_id
        for domain, issue_id in ir.async_get(home.hass).issues
        if domain == DOMAIN and issue_id.startswith("household_")
    ]
