"""Lights and speakers are as they were before an alarm: nested, overlapping, out of reach, over a restart; exactly once."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.demo.light import DemoLight
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.snapshots import HELD_FOR, OWED_FOR
from tests.lives import home_assistant
from tests.rooms import LAMP, OTHER_LAMP, call, furnish, shown

pytestmark = pytest.mark.real_files

SPEAKER = "media_player.bedroom"
KITCHEN = "media_player.kitchen"


@pytest.fixture
async def rooms(hass: HomeAssistant) -> HomeAssistant:
    """A furnished house."""
    await furnish(hass)
    return hass


async def remember(
    hass: HomeAssistant, *entity_ids: str, key: str = "night", **more: str
) -> list[str]:
    """Call the action."""
    answer = await hass.services.async_call(
        DOMAIN,
        "remember",
        {"entity_id": list(entity_ids), "key": key, **more},
        blocking=True,
        return_response=True,
    )
    assert isinstance(answer, dict)
    found = answer["remembered"]
    assert isinstance(found, list)
    return found  # type: ignore[return-value]


async def restore(hass: HomeAssistant, key: str = "night", **more: str) -> list[str]:
    """Call the action."""
    answer = await hass.services.async_call(
        DOMAIN, "restore", {"key": key, **more}, blocking=True, return_response=True
    )
    await hass.async_block_till_done()
    assert isinstance(answer, dict)
    found = answer["restored"]
    assert isinstance(found, list)
    return found  # type: ignore[return-value]


async def alarm(hass: HomeAssistant, *entity_ids: str) -> None:
    """Light it up in red."""
    for entity_id in entity_ids:
        await call(hass, "turn_on", entity_id, rgb_color=[255, 0, 0], brightness=255)


def calls(hass: HomeAssistant) -> list[str]:
    """What is called from now on, but our own actions."""
    heard: list[str] = []

    @callback
    def listen(event: Event) -> None:
        if event.data["domain"] != DOMAIN:
            heard.append(f"{event.data['domain']}.{event.data['service']}")

    hass.bus.async_listen("call_service", listen)
    return heard


@pytest.mark.parametrize(
    "before",
    [
        None,
        {"brightness": 40, "color_temp_kelvin": 3000},
        {"brightness": 200, "hs_color": [120, 70]},
        {"brightness": 10, "hs_color": [300, 30], "effect": "rainbow"},
        {"brightness": 10, "hs_color": [300, 30], "effect": "off"},
    ],
)
async def test_a_light_is_as_it_was(rooms: HomeAssistant, before: dict[str, Any] | None) -> None:
    if before is None:
        await call(rooms, "turn_off", LAMP)
    else:
        await call(rooms, "turn_on", LAMP, **before)
    was = shown(rooms, LAMP)
    assert await remember(rooms, LAMP) == [LAMP]
    await alarm(rooms, LAMP)
    await call(rooms, "turn_on", LAMP, effect="rainbow")
    assert shown(rooms, LAMP) != was
    assert await restore(rooms) == [LAMP]
    assert shown(rooms, LAMP) == was


async def test_an_effect_is_ended(rooms: HomeAssistant) -> None:
    """Without a word it would go on."""
    plain = {"brightness": 10, "color_mode": "brightness", "effect": None}
    rooms.states.async_set(LAMP, "on", plain)
    await remember(rooms, LAMP)
    rooms.states.async_set(LAMP, "on", plain | {"effect": "rainbow"})
    with patch("homeassistant.components.demo.light.DemoLight.async_turn_on") as turn_on:
        await restore(rooms)
    assert turn_on.call_args.kwargs == {"brightness": 10, "effect": "off"}


async def test_a_speaker_is_as_it_was(rooms: HomeAssistant) -> None:
    await call(rooms, "volume_set", SPEAKER, volume_level=0.2)
    await call(rooms, "volume_mute", SPEAKER, is_volume_muted=True)
    was = shown(rooms, SPEAKER)
    await remember(rooms, SPEAKER)
    await call(rooms, "volume_set", SPEAKER, volume_level=0.9)
    await call(rooms, "volume_mute", SPEAKER, is_volume_muted=False)
    await call(rooms, "media_pause", SPEAKER)
    await restore(rooms)
    assert shown(rooms, SPEAKER)[0] == was[0] == "playing"
    for name in ("volume_level", "is_volume_muted"):
        assert shown(rooms, SPEAKER)[1][name] == was[1][name]


async def test_a_speaker_that_was_off_goes_off_and_one_turned_off_stays_so(
    rooms: HomeAssistant,
) -> None:
    await call(rooms, "turn_off", SPEAKER)
    await remember(rooms, SPEAKER, KITCHEN)
    await call(rooms, "turn_on", SPEAKER)
    await call(rooms, "turn_off", KITCHEN)
    await restore(rooms)
    assert shown(rooms, SPEAKER)[0] == "off"
    assert shown(rooms, KITCHEN)[0] == "off"


async def test_what_is_as_it_was_is_left_alone(rooms: HomeAssistant) -> None:
    await remember(rooms, LAMP, SPEAKER)
    heard = calls(rooms)
    assert await restore(rooms) == [LAMP, SPEAKER]
    assert heard == []


async def test_exactly_once(rooms: HomeAssistant) -> None:
    await remember(rooms, LAMP)
    await alarm(rooms, LAMP)
    assert await restore(rooms) == [LAMP]
    await alarm(rooms, LAMP)
    red = shown(rooms, LAMP)
    assert await restore(rooms) == []
    assert shown(rooms, LAMP) == red


async def test_alarms_within_alarms(rooms: HomeAssistant) -> None:
    """Each counts; what is put back is what was before all of them."""
    was = shown(rooms, LAMP)
    await remember(rooms, LAMP)
    await alarm(rooms, LAMP)
    await remember(rooms, LAMP)
    assert await restore(rooms) == []
    assert shown(rooms, LAMP) != was
    assert await restore(rooms) == [LAMP]
    assert shown(rooms, LAMP) == was


async def test_an_alarm_holds_once_however_often_it_says_so(rooms: HomeAssistant) -> None:
    for name in ("low", "low"):
        await remember(rooms, LAMP, alarm=name)
    assert await restore(rooms, alarm="low") == [LAMP]
    for name in ("low", "high", "low"):
        await remember(rooms, LAMP, alarm=name)
    assert await restore(rooms, alarm="low") == []
    assert await restore(rooms, alarm="low") == []
    assert await restore(rooms, alarm="never was") == []
    assert await restore(rooms, alarm="high") == [LAMP]


async def test_without_a_name_a_key_is_let_go_by_all(rooms: HomeAssistant) -> None:
    await remember(rooms, LAMP, alarm="low")
    await remember(rooms, LAMP, alarm="high")
    await remember(rooms, LAMP)
    assert await restore(rooms) == []
    assert await restore(rooms) == [LAMP]


async def test_more_may_join(rooms: HomeAssistant) -> None:
    assert await remember(rooms, LAMP, alarm="low") == [LAMP]
    assert await remember(rooms, OTHER_LAMP, alarm="low") == [LAMP, OTHER_LAMP]
    assert await restore(rooms, alarm="low") == [LAMP, OTHER_LAMP]


async def test_two_automations_and_one_lamp(rooms: HomeAssistant) -> None:
    """Whichever is done first: the lamp is put back when neither needs it any more."""
    was = shown(rooms, LAMP)
    await remember(rooms, LAMP, key="one")
    await alarm(rooms, LAMP)
    await remember(rooms, LAMP, OTHER_LAMP, key="two")
    assert await restore(rooms, key="one") == []
    assert await restore(rooms, key="two") == [LAMP, OTHER_LAMP]
    assert shown(rooms, LAMP) == was


async def test_an_alarm_that_never_lets_go_is_dropped_after_a_day(
    rooms: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """Its automation may be gone: what others do must not depend on it for ever."""
    was = shown(rooms, LAMP)
    await remember(rooms, LAMP, key="gone", alarm="low")
    await remember(rooms, LAMP, alarm="low")
    await remember(rooms, LAMP, alarm="high")
    await alarm(rooms, LAMP)
    freezer.tick(HELD_FOR / 2)
    await remember(rooms, LAMP, alarm="high")
    freezer.tick(HELD_FOR / 2)
    assert await restore(rooms, alarm="high") == [LAMP]
    assert shown(rooms, LAMP) == was
    assert await restore(rooms, "gone", alarm="low") == []
    assert await restore(rooms, alarm="low") == []


async def test_what_only_a_lost_alarm_held_stays_as_somebody_wants_it(
    rooms: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    await remember(rooms, LAMP, key="gone", alarm="low")
    await call(rooms, "turn_on", LAMP, rgb_color=[0, 0, 255], brightness=77)
    wanted = shown(rooms, LAMP)
    freezer.tick(HELD_FOR)
    await remember(rooms, LAMP, alarm="high")
    await alarm(rooms, LAMP)
    assert await restore(rooms, alarm="high") == [LAMP]
    assert shown(rooms, LAMP) == wanted


async def test_a_long_alarm_gives_back_what_it_took(
    rooms: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    was = shown(rooms, LAMP)
    await remember(rooms, LAMP, alarm="low")
    await alarm(rooms, LAMP)
    freezer.tick(2 * HELD_FOR)
    assert await restore(rooms, alarm="low") == [LAMP]
    assert shown(rooms, LAMP) == was


async def test_what_a_clock_that_was_ahead_has_noted_holds_nothing(
    rooms: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    now = dt_util.utcnow()
    freezer.move_to(now + 9 * HELD_FOR)
    await remember(rooms, LAMP, alarm="low")
    freezer.move_to(now)
    await remember(rooms, LAMP, alarm="high")
    assert await restore(rooms, alarm="high") == [LAMP]


async def test_of_a_group_each_member_is_remembered(rooms: HomeAssistant) -> None:
    group = MockConfigEntry(
        domain="group",
        title="All",
        options={
            "group_type": "light",
            "name": "All",
            "entities": [LAMP, OTHER_LAMP],
            "all": False,
        },
    )
    group.add_to_hass(rooms)
    assert await rooms.config_entries.async_setup(group.entry_id)
    await rooms.async_block_till_done()
    await call(rooms, "turn_off", LAMP)
    was = [shown(rooms, one) for one in (LAMP, OTHER_LAMP)]
    assert await remember(rooms, "light.all", LAMP) == [LAMP, OTHER_LAMP]
    await alarm(rooms, "light.all")
    await restore(rooms)
    assert [shown(rooms, one) for one in (LAMP, OTHER_LAMP)] == was


async def test_what_is_out_of_reach_is_given_its_due_when_it_is_back(
    rooms: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    was = shown(rooms, LAMP)
    await remember(rooms, LAMP)
    await alarm(rooms, LAMP)
    red = shown(rooms, LAMP)
    rooms.states.async_set(LAMP, "unavailable")
    await restore(rooms)
    freezer.tick(OWED_FOR)
    rooms.states.async_set(LAMP, *red)
    await rooms.async_block_till_done()
    assert shown(rooms, LAMP) == was
    await alarm(rooms, LAMP)
    await rooms.async_block_till_done()
    assert shown(rooms, LAMP) == red


async def test_but_not_after_hours(rooms: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    await remember(rooms, LAMP)
    await alarm(rooms, LAMP)
    red = shown(rooms, LAMP)
    rooms.states.async_set(LAMP, "unavailable")
    await restore(rooms)
    freezer.tick(OWED_FOR.total_seconds() + 1)
    rooms.states.async_set(LAMP, *red)
    await rooms.async_block_till_done()
    assert shown(rooms, LAMP) == red


async def test_what_is_owed_when_the_next_alarm_comes_is_what_was_before_both(
    rooms: HomeAssistant,
) -> None:
    was = shown(rooms, LAMP)
    await remember(rooms, LAMP)
    await alarm(rooms, LAMP)
    red = shown(rooms, LAMP)
    rooms.states.async_set(LAMP, "unavailable")
    await restore(rooms)
    await remember(rooms, LAMP)
    rooms.states.async_set(LAMP, *red)
    await rooms.async_block_till_done()
    assert shown(rooms, LAMP) == red
    await restore(rooms)
    assert shown(rooms, LAMP) == was


async def test_one_that_fails_does_not_keep_the_others(rooms: HomeAssistant) -> None:
    was = shown(rooms, OTHER_LAMP)
    await remember(rooms, LAMP, OTHER_LAMP)
    await alarm(rooms, LAMP, OTHER_LAMP)
    with patch(
        "homeassistant.components.demo.light.DemoLight.async_turn_off",
        side_effect=HomeAssistantError,
    ):
        await restore(rooms)
    assert shown(rooms, OTHER_LAMP) == was
    assert shown(rooms, LAMP)[0] == "on"
    # It is tried again as soon as anything is heard of it.
    rooms.states.async_set(LAMP, "on", {"brightness": 254})
    await rooms.async_block_till_done()
    assert shown(rooms, LAMP)[0] == "off"


@pytest.mark.parametrize(
    "trouble", [TimeoutError, vol.Invalid("a lamp's own"), KeyError, asyncio.CancelledError]
)
async def test_whatever_is_wrong_with_one_is_nothing_to_the_others(
    rooms: HomeAssistant, trouble: Any
) -> None:
    was = shown(rooms, OTHER_LAMP)
    await remember(rooms, LAMP, OTHER_LAMP)
    await alarm(rooms, LAMP, OTHER_LAMP)
    with patch.object(DemoLight, "async_turn_off", side_effect=trouble):
        assert await restore(rooms) == [LAMP, OTHER_LAMP]
    assert shown(rooms, OTHER_LAMP) == was
    rooms.states.async_set(LAMP, "on", {"brightness": 254})
    await rooms.async_block_till_done()
    assert shown(rooms, LAMP)[0] == "off"


async def test_one_that_hangs_is_left_after_a_while(
    rooms: HomeAssistant,
) -> None:
    """Alone: with so little time anything may come too late."""

    async def hang(*_: Any, **more: Any) -> None:
        await asyncio.Event().wait()

    await remember(rooms, LAMP)
    await alarm(rooms, LAMP)
    with (
        patch("custom_components.care_alerts.responses.snapshots.SET_BACK_WITHIN", 0.01),
        patch.object(DemoLight, "async_turn_off", hang),
    ):
        assert await restore(rooms) == [LAMP]
    rooms.states.async_set(LAMP, "on", {"brightness": 254})
    await rooms.async_block_till_done()
    assert shown(rooms, LAMP)[0] == "off"


async def test_an_automation_stopped_in_the_middle_leaves_nothing_half_done(
    rooms: HomeAssistant,
) -> None:
    """What it has let go of is put back all the same: nobody else would."""
    under_way, slow = asyncio.Event(), asyncio.Event()
    turn_off = DemoLight.async_turn_off

    async def turn_off_slowly(lamp: DemoLight, **more: Any) -> None:
        under_way.set()
        await slow.wait()
        await turn_off(lamp, **more)

    was = shown(rooms, LAMP)
    await remember(rooms, LAMP)
    await alarm(rooms, LAMP)
    with patch.object(DemoLight, "async_turn_off", turn_off_slowly):
        automation = asyncio.create_task(restore(rooms))
        await under_way.wait()
        automation.cancel()
        with pytest.raises(asyncio.CancelledError):
            await automation
        slow.set()
        await rooms.async_block_till_done()
    assert shown(rooms, LAMP)[0] == was[0] == "off"
    # It is done with, not stuck: the next alarm finds it as any other.
    await alarm(rooms, LAMP)
    assert await remember(rooms, LAMP) == [LAMP]
    red = shown(rooms, LAMP)
    await call(rooms, "turn_off", LAMP)
    await restore(rooms)
    assert shown(rooms, LAMP) == red


async def test_what_cannot_be_seen_is_not_remembered(rooms: HomeAssistant) -> None:
    rooms.states.async_set(LAMP, "unavailable")
    assert await remember(rooms, LAMP, "light.no_such_lamp", alarm="low") == []
    rooms.states.async_set(LAMP, "on")
    # Who holds nothing keeps nobody from putting it back.
    assert await remember(rooms, LAMP, alarm="high") == [LAMP]
    assert await restore(rooms, alarm="low") == []
    assert await restore(rooms, alarm="high") == [LAMP]


async def test_what_makes_no_sense(rooms: HomeAssistant) -> None:
    with pytest.raises(ServiceValidationError) as caught:
        await remember(rooms, "switch.heating")
    assert caught.value.translation_key == "nothing_to_remember"
    with pytest.raises(vol.Invalid):
        await remember(rooms, LAMP, key="")
    with pytest.raises(vol.Invalid):
        await restore(rooms, entity_id=LAMP)


# Over a restart.


@asynccontextmanager
async def live(files: Path) -> AsyncGenerator[HomeAssistant]:
    """Start a furnished house. It ends as if it were killed: nobody lets go of anything."""
    async with home_assistant(files) as hass:
        await furnish(hass)
        yield hass
        await hass.async_stop(force=True)


async def test_what_was_before_is_known_after(tmp_path: Path, hass: HomeAssistant) -> None:
    async with live(tmp_path) as first:
        await first.async_start()
        was = shown(first, LAMP)
        await remember(first, LAMP, alarm="low")
        await remember(first, LAMP, alarm="high")
        assert await restore(first, alarm="low") == []
    async with live(tmp_path) as second:
        await second.async_start()
        await alarm(second, LAMP)
        assert await restore(second, alarm="high") == [LAMP]
        assert shown(second, LAMP) == was
    async with live(tmp_path) as third:
        await third.async_start()
        assert await restore(third, alarm="high") == []


async def test_what_was_owed_is_given_back_after_the_start(
    tmp_path: Path, hass: HomeAssistant
) -> None:
    async with live(tmp_path) as first:
        await first.async_start()
        was = shown(first, LAMP)
        await remember(first, LAMP)
        first.states.async_set(LAMP, "unavailable")
        await restore(first)
    async with live(tmp_path) as second:
        await alarm(second, LAMP)
        assert shown(second, LAMP) != was
        await second.async_start()
        await second.async_block_till_done()
        assert shown(second, LAMP) == was


async def test_a_file_without_times_is_read(
    tmp_path: Path, hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """As it was written before it was noted since when an alarm holds."""
    (tmp_path / ".storage").mkdir(exist_ok=True)
    file = tmp_path / ".storage" / f"{DOMAIN}.memory"
    was = {"state": "off", "attributes": {}}
    notes = {
        "holders": {"night": ["low", "", "high"]},
        "kept": {LAMP: {"was": was, "keys": ["night"]}},
        "owed": {},
    }
    file.write_text(json.dumps({"version": 1, "key": f"{DOMAIN}.memory", "data": notes}))
    async with live(tmp_path) as house:
        await house.async_start()
        await alarm(house, LAMP)
        assert await restore(house, alarm="low") == []
        assert await restore(house) == []
        freezer.tick(HELD_FOR / 2)
        assert await restore(house, alarm="high") == [LAMP]
        assert shown(house, LAMP)[0] == "off"


HOLDERS_WITHOUT_ZONE = {"holders": {"night": [{"alarm": "", "since": "2026-11-18T12:00:00"}]}}
WITHOUT_ZONE = {
    "owed": {
        LAMP: {"was": {"state": "on", "attributes": {}}, "since": "2026-11-18T12:00:00"},
    }
}


def stored(data: Any, version: int = 1) -> dict[str, Any]:
    """What is in the memory's file."""
    return {"version": version, "minor_version": 1, "key": f"{DOMAIN}.memory", "data": data}


@pytest.mark.parametrize(
    "nonsense",
    [
        stored({"kept": 3}),
        stored([]),
        stored({"owed": {LAMP: {}}}),
        stored(WITHOUT_ZONE),
        stored(HOLDERS_WITHOUT_ZONE),
        stored({}, version=2),
        stored({}, version=0),
        {"version": 1},
        {"key": f"{DOMAIN}.memory"},
        [],
        "text",
    ],
)
async def test_a_damaged_file_is_no_reason_not_to_start(
    tmp_path: Path, hass: HomeAssistant, nonsense: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ".storage").mkdir(exist_ok=True)
    file = tmp_path / ".storage" / f"{DOMAIN}.memory"
    file.write_text(json.dumps(nonsense))
    async with live(tmp_path) as house:
        await house.async_start()
        assert await remember(house, LAMP) == [LAMP]
    assert "before alarms could not be read" in caplog.text
