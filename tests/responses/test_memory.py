"""The memory by itself: who holds what and how long, what is set back and how, what is on disk, and when it is done with it."""

import asyncio
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import Context, CoreState, HomeAssistant, ServiceCall
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.care_alerts.responses import snapshots
from custom_components.care_alerts.responses.snapshots import (
    HELD_FOR,
    MEMORY,
    SET_BACK_WITHIN,
    Snapshots,
    async_forget_snapshots,
    async_setup_snapshots,
)
from tests.appliances import soon

LAMP, STAIRS, SPEAKER = "light.hall", "light.stairs", "media_player.hall"

type Json = dict[str, Any]


class Memory(Snapshots):
    """The memory, with what it calls: the service and its data, without the entity."""

    def __init__(self, hass: HomeAssistant, stored: Json) -> None:
        """Remember nothing, among appliances that do nothing."""
        super().__init__(hass)
        self.hass = hass
        self.called: list[tuple[str, Json]] = []
        self.stored = stored

        async def note(call: ServiceCall) -> None:
            self.called.append(
                (call.service, {k: v for k, v in call.data.items() if k != "entity_id"})
            )

        player = ("volume_set", "volume_mute", "media_play", "turn_off")
        for domain, services in {"light": ("turn_on", "turn_off"), "media_player": player}.items():
            for service in services:
                hass.services.async_register(domain, service, note)

    async def keep(self, *entity_ids: str, key: str = "k", **more: Any) -> list[str]:
        """Remember."""
        return await self.remember(entity_ids, **{"key": key, "alarm": None} | more)

    async def let_go(self, key: str = "k", alarm: str | None = None) -> list[str]:
        """Restore."""
        return await self.restore(key=key, alarm=alarm, context=Context())

    @property
    def on_disk(self) -> Json:
        """What is written down, by its part the ids."""
        data = self.stored["care_alerts.memory"]["data"]
        return {part: sorted(data[part]) for part in data}

    @property
    def listeners(self) -> int:
        """How many hear of states."""
        return self.hass.bus.async_listeners().get("state_changed", 0)


@pytest.fixture
def memory(hass: HomeAssistant, hass_storage: Json) -> Memory:
    """The memory of a house with two lamps and a speaker."""
    hass.states.async_set(LAMP, "off")
    hass.states.async_set(STAIRS, "on", {"brightness": 9, "friendly_name": "Stairs"})
    hass.states.async_set(SPEAKER, "playing", {"volume_level": 0.2, "media_title": "private"})
    return Memory(hass, hass_storage)


# Who holds what, and how long.


async def test_who_has_left_a_note_holds_it_until_they_let_go(
    memory: Memory, freezer: FrozenDateTimeFactory
) -> None:
    note = {"colour": [1, 2, 3]}
    await memory.keep(LAMP, key="light/1", alarm="1", note=note)
    # Also where there is nothing to keep: what comes back later is theirs.
    assert await memory.keep("light.away", key="light/2", alarm="2", note=note) == []
    assert await memory.keep("light.away", key="other/3", alarm="3") == []
    await memory.keep(STAIRS, key="light/4", alarm="4")
    assert memory.noted("light/") == [("light/1", "1", note), ("light/2", "2", note)]
    assert memory.noted("other") == []
    assert memory.on_disk["holders"] == ["light/1", "light/2", "light/4"]
    freezer.tick(3 * HELD_FOR)
    await memory.keep(SPEAKER, key="new", alarm="5")
    assert memory.noted("light/") == [("light/1", "1", note), ("light/2", "2", note)]
    assert memory.on_disk == {
        "holders": ["light/1", "light/2", "new"],
        "kept": [LAMP, SPEAKER],
        "owed": [],
    }
    # Whoever says it again has the note that they left last.
    await memory.keep(LAMP, key="light/1", alarm="1", note={"colour": []})
    assert memory.noted("light/1") == [("light/1", "1", {"colour": []})]
    assert await memory.let_go("light/1", "1") == [LAMP]
    assert await memory.let_go("light/2", "2") == []
    assert memory.on_disk["holders"] == ["new"]


async def test_without_a_name_each_call_counts(memory: Memory) -> None:
    for alarm in (None, ""):
        await memory.keep(LAMP, alarm=alarm)
        await memory.keep(LAMP, alarm=alarm)
        assert await memory.let_go() == []
        assert await memory.let_go(alarm="never was") == []
        assert await memory.let_go() == [LAMP]
        assert await memory.let_go() == []
    # Who says no name where all have one means all of them.
    await memory.keep(LAMP, alarm="1")
    await memory.keep(LAMP, alarm="2")
    assert await memory.let_go() == [LAMP]
    assert memory.on_disk == {"holders": [], "kept": [], "owed": []}


async def test_an_alarm_holds_for_less_than_a_day_after_it_last_said_so(
    memory: Memory, freezer: FrozenDateTimeFactory
) -> None:
    await memory.keep(LAMP, key="a", alarm="1")
    await memory.keep(STAIRS, key="b", alarm="2")
    freezer.tick(HELD_FOR - timedelta(seconds=1))
    await memory.keep(LAMP, key="a", alarm="1")
    assert memory.kept_for("a") == [LAMP]
    assert memory.kept_for("b") == [STAIRS]
    freezer.tick(1)
    await memory.keep(SPEAKER, key="c", alarm="3")
    assert memory.kept_for("a") == [LAMP]
    assert memory.kept_for("b") == []
    assert [memory.keeps(one) for one in (LAMP, STAIRS, SPEAKER)] == [True, False, True]
    # A clock that was far ahead is believed no more than one that is behind.
    freezer.tick(-2 * HELD_FOR)
    await memory.keep(STAIRS, key="d", alarm="4")
    assert memory.on_disk["holders"] == ["d"]


async def test_lamps_and_speakers_are_found_in_groups_of_groups(memory: Memory) -> None:
    states = memory.hass.states
    states.async_set("group.all", "on", {"entity_id": ["light.floor", "switch.heating", LAMP]})
    states.async_set("light.floor", "on", {"entity_id": (STAIRS, "group.all", SPEAKER)})
    states.async_set("light.odd", "on", {"entity_id": "light.odd"})
    found = memory.each(["group.all", LAMP, "sensor.x", "light.nowhere", "light.odd"])
    assert found == [LAMP, "light.nowhere", "light.odd", STAIRS, SPEAKER]
    assert memory.each(["sensor.x"]) == []


@pytest.mark.parametrize("state", ["unavailable", "unknown", None])
async def test_what_nobody_sees_is_not_kept_and_keeps_no_other(
    memory: Memory, state: str | None
) -> None:
    memory.hass.states.async_remove(LAMP)
    if state:
        memory.hass.states.async_set(LAMP, state)
    assert await memory.keep(LAMP, STAIRS) == [STAIRS]
    assert await memory.keep(LAMP, key="none") == []
    assert await memory.let_go("none") == []
    assert memory.on_disk == {"holders": ["k"], "kept": [STAIRS], "owed": []}


# How it is set back.


async def set_back(memory: Memory, entity_id: str, was: Any, now: Any) -> list[tuple[str, Json]]:
    """What is called for something to be as it was: its state, and some of its attributes."""
    memory.called.clear()
    memory.hass.states.async_set(entity_id, *was)
    await memory.keep(entity_id)
    memory.hass.states.async_set(entity_id, *now)
    await memory.let_go()
    await memory.hass.async_block_till_done()
    return memory.called


async def test_how_a_lamp_is_set_back(memory: Memory) -> None:
    dim, bright = {"brightness": 9, "color_mode": "brightness"}, {"brightness": 255}
    table: list[tuple[Any, Any, list[tuple[str, Json]]]] = [
        (("off", {}), ("on", bright), [("turn_off", {})]),
        (("off", {}), ("on", bright | {"effect": "rainbow"}), [("turn_off", {})]),
        (("on", dim), ("on", bright), [("turn_on", {"brightness": 9})]),
        (("on", dim), ("off", {}), [("turn_on", {"brightness": 9})]),
        (
            ("on", dim),
            ("on", bright | {"effect": "rainbow"}),
            [("turn_on", {"brightness": 9, "effect": "off"})],
        ),
        (
            ("on", dim | {"effect": "sun"}),
            ("on", bright | {"effect": "rainbow"}),
            [("turn_on", {"brightness": 9, "effect": "sun"})],
        ),
        (("on", dim | {"effect": None}), ("on", bright), [("turn_on", {"brightness": 9})]),
    ]
    for was, now, called in table:
        assert await set_back(memory, LAMP, was, now) == called, (was, now)


async def test_how_a_speaker_is_set_back(memory: Memory) -> None:
    quiet, loud = {"volume_level": 0.2}, {"volume_level": 0.9}
    muted, heard = {"is_volume_muted": True}, {"is_volume_muted": False}
    table: list[tuple[Any, Any, list[tuple[str, Json]]]] = [
        (("idle", quiet | muted), ("idle", quiet | muted), []),
        (("idle", quiet), ("playing", loud), [("volume_set", quiet)]),
        (("idle", loud | muted), ("idle", loud | heard), [("volume_mute", muted)]),
        (
            ("idle", quiet | heard),
            ("idle", loud | muted),
            [("volume_set", quiet), ("volume_mute", heard)],
        ),
        # Of what it never said how loud it was, nothing can be put back.
        (("idle", {}), ("idle", loud | muted), []),
        (("idle", {"volume_level": 0.0}), ("idle", loud), [("volume_set", {"volume_level": 0.0})]),
        (("off", {}), ("playing", loud), [("turn_off", {})]),
        (("playing", quiet), ("idle", quiet), [("media_play", {})]),
        (("playing", quiet), ("playing", quiet), []),
        (("paused", quiet), ("idle", quiet), []),
        (("playing", quiet), ("off", {}), []),
    ]
    for was, now, called in table:
        assert await set_back(memory, SPEAKER, was, now) == called, (was, now)


# What is owed.


async def test_what_was_given_back_is_crossed_out_on_disk_and_nobody_listens(
    memory: Memory,
) -> None:
    before = memory.listeners
    await memory.keep(LAMP, STAIRS)
    assert memory.listeners == before
    memory.hass.states.async_set(LAMP, "unavailable")
    assert await memory.let_go() == [LAMP, STAIRS]
    assert memory.on_disk == {"holders": [], "kept": [], "owed": [LAMP]}
    assert memory.listeners == before + 1
    # What is still out of reach is not written down again.
    written = memory.stored.pop("care_alerts.memory")
    memory.hass.states.async_set(LAMP, "unknown")
    await memory.hass.async_block_till_done()
    assert "care_alerts.memory" not in memory.stored
    memory.stored["care_alerts.memory"] = written
    memory.called.clear()
    memory.hass.states.async_set(LAMP, "on", {"brightness": 1})
    await memory.hass.async_block_till_done()
    assert memory.called == [("turn_off", {})]
    assert memory.on_disk["owed"] == []
    assert memory.listeners == before


async def test_what_the_next_alarm_takes_over_is_owed_no_more(memory: Memory) -> None:
    before = memory.listeners
    await memory.keep(LAMP)
    memory.hass.states.async_set(LAMP, "unavailable")
    await memory.let_go()
    assert await memory.keep(LAMP) == [LAMP]
    assert memory.on_disk == {"holders": ["k"], "kept": [LAMP], "owed": []}
    assert memory.listeners == before


async def test_who_forgets_all_listens_to_nothing(memory: Memory) -> None:
    before = memory.listeners
    await memory.keep(LAMP)
    memory.hass.states.async_set(LAMP, "unavailable")
    await memory.let_go()
    assert memory.listeners == before + 1
    await memory.forget()
    assert memory.listeners == before
    assert "care_alerts.memory" not in memory.stored
    memory.hass.states.async_set(LAMP, "on")
    await memory.hass.async_block_till_done()
    assert memory.called == []


@pytest.mark.parametrize("is_running", [True, False])
async def test_when_we_are_removed_nothing_is_left(memory: Memory, is_running: bool) -> None:
    await memory.keep(LAMP)
    assert "care_alerts.memory" in memory.stored
    if is_running:
        memory.hass.data[MEMORY] = memory
    await async_forget_snapshots(memory.hass)
    assert "care_alerts.memory" not in memory.stored
    assert memory.keeps(LAMP) is not is_running


async def test_one_that_is_not_there_at_all_is_owed_and_no_failure(
    memory: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    await memory.keep(LAMP)
    memory.hass.states.async_remove(LAMP)
    with caplog.at_level("DEBUG", "custom_components.care_alerts"):
        assert await memory.let_go() == [LAMP]
    assert "could not be set back" not in caplog.text
    assert memory.on_disk["owed"] == [LAMP]


async def test_one_that_fails_is_in_the_log_by_its_kind_and_owed(
    memory: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(call: ServiceCall) -> None:
        raise KeyError("its own")

    await memory.keep(LAMP, STAIRS)
    memory.hass.services.async_register("light", "turn_off", fail)
    memory.hass.states.async_set(LAMP, "on")
    with caplog.at_level("DEBUG", "custom_components.care_alerts"):
        assert await memory.let_go() == [LAMP, STAIRS]
    assert "A light could not be set back: KeyError" in caplog.text
    assert caplog.text.count("could not be set back") == 1
    assert memory.on_disk["owed"] == [LAMP]


async def test_a_speaker_that_fails_is_owed(memory: Memory) -> None:
    async def fail(call: ServiceCall) -> None:
        raise KeyError("its own")

    memory.hass.services.async_register("media_player", "volume_set", fail)
    await memory.keep(SPEAKER)
    memory.hass.states.async_set(SPEAKER, "playing", {"volume_level": 0.9})
    assert await memory.let_go() == [SPEAKER]
    assert memory.on_disk["owed"] == [SPEAKER]


async def test_it_waits_for_who_changes_it_and_is_done_once(memory: Memory) -> None:
    """Whatever is heard of it meanwhile."""
    await memory.keep(LAMP)
    memory.hass.states.async_set(LAMP, "on")
    async with memory.turn(LAMP):
        letting_go = asyncio.create_task(memory.let_go())
        for number in range(3):
            for _ in range(20):
                await asyncio.sleep(0)
            memory.hass.states.async_set(LAMP, "on", {"brightness": number})
        assert memory.called == []
    assert await letting_go == [LAMP]
    await memory.hass.async_block_till_done()
    assert memory.called == [("turn_off", {})]


async def test_one_that_hung_and_was_heard_of_meanwhile_is_asked_once_more(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have come back, and say nothing more."""
    asked: list[str] = []

    async def hang_once(call: ServiceCall) -> None:
        asked.append(call.service)
        if len(asked) == 1:
            await asyncio.Event().wait()

    memory.hass.services.async_register("light", "turn_off", hang_once)
    await memory.keep(LAMP)
    memory.hass.states.async_set(LAMP, "on")
    letting_go = asyncio.create_task(memory.let_go())
    await soon(lambda: bool(asked))
    monkeypatch.setattr(snapshots, "SET_BACK_WITHIN", 3 * SET_BACK_WITHIN)
    memory.hass.states.async_set(LAMP, "on", {"brightness": 1})
    for _ in range(20):
        await asyncio.sleep(0)
    assert asked == ["turn_off"]
    after = dt_util.utcnow() + timedelta(seconds=SET_BACK_WITHIN + 1)
    async_fire_time_changed(memory.hass, after)
    assert await letting_go == [LAMP]
    await memory.hass.async_block_till_done()
    assert asked == ["turn_off"] * 2
    assert memory.on_disk["owed"] == []


async def test_what_is_taken_over_while_it_waits_is_not_set_back(memory: Memory) -> None:
    await memory.keep(LAMP)
    memory.hass.states.async_set(LAMP, "on")
    async with memory.turn(LAMP):
        letting_go = asyncio.create_task(memory.let_go())
        for _ in range(20):
            await asyncio.sleep(0)
        assert await memory.keep(LAMP, key="next") == [LAMP]
    assert await letting_go == [LAMP]
    assert memory.called == []
    assert await memory.let_go("next") == [LAMP]
    assert memory.called == [("turn_off", {})]


async def test_who_says_it_again_has_the_lost_ones_dropped_too(
    memory: Memory, freezer: FrozenDateTimeFactory
) -> None:
    await memory.keep(LAMP, key="a", alarm="1", note={})
    await memory.keep(LAMP, STAIRS, key="b", alarm="2")
    assert memory.kept_for("b") == [LAMP, STAIRS]
    freezer.tick(HELD_FOR)
    await memory.keep(LAMP, key="a", alarm="1", note={})
    assert memory.kept_for("b") == []
    assert memory.on_disk == {"holders": ["a"], "kept": [LAMP], "owed": []}


async def test_who_lets_go_is_kept_from_it_by_nobody_who_was_lost(
    memory: Memory, freezer: FrozenDateTimeFactory
) -> None:
    await memory.keep(LAMP, key="a", alarm="1")
    freezer.tick(HELD_FOR / 2)
    await memory.keep(LAMP, STAIRS, key="b", alarm="2")
    assert await memory.keep(key="c", alarm="3") == []
    freezer.tick(HELD_FOR / 2)
    assert await memory.let_go("b", "2") == [LAMP, STAIRS]
    assert memory.on_disk["holders"] == []
    # But for two that are believed each counts.
    await memory.keep(LAMP, key="a", alarm="1")
    await memory.keep(LAMP, key="b", alarm="2")
    assert await memory.let_go("b", "2") == []
    assert await memory.let_go("a", "1") == [LAMP]


async def test_what_is_read_is_given_back_once_all_has_started(memory: Memory) -> None:
    await memory.load()
    assert memory.noted("") == []
    await memory.keep(LAMP, key="a", alarm="1", note={"of": "a"})
    await memory.keep(STAIRS)
    memory.hass.states.async_set(STAIRS, "unavailable")
    await memory.let_go()
    memory.hass.states.async_set(STAIRS, "off")
    hass = memory.hass
    hass.set_state(CoreState.starting)
    await async_setup_snapshots(hass)
    again = hass.data[MEMORY]
    await hass.async_block_till_done()
    assert again.noted("") == [("a", "1", {"of": "a"})]
    memory.called.clear()
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()
    assert memory.called == [("turn_on", {"brightness": 9})]
    assert memory.on_disk["owed"] == []


async def test_a_holder_without_a_time_holds_from_now_and_what_makes_no_sense_is_none(
    memory: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    def stored(holders: Json) -> None:
        data = {"holders": holders, "kept": {}, "owed": {}}
        memory.stored["care_alerts.memory"] = {"version": 1, "data": data}

    stored({"k": ["low"]})
    await memory.load()
    await memory.keep(LAMP, alarm="high")
    assert await memory.let_go(alarm="high") == []
    assert "could not be read" not in caplog.text
    stored({"k": 1})
    again = Snapshots(memory.hass)
    await again.load()
    assert "before alarms could not be read" in caplog.text
    assert again.kept_for("k") == []
