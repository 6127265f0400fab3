"""Event entities after a crash: Home Assistant saved their states up to a quarter of an hour before; the ledger knows better."""

from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, State
from homeassistant.helpers.restore_state import StoredState, async_get as restored
from homeassistant.util import dt as dt_util
import pytest

from custom_components.care_alerts.event_data import EVENT_ALERT_RECEIVED
from tests.care import Care, automate, trigger
from tests.world import generation


def event_of(care: Care) -> str:
    """Maria's event entity."""
    return care.house.entity_id("event", "alert", care.maria.shared_user_id)


def shown(care: Care) -> State:
    """What it shows."""
    state = care.hass.states.get(event_of(care))
    assert state is not None
    return state


async def kill_and_start(care: Care, saved: StoredState | None) -> None:
    """Stop the source, have nothing but this of its event entity, and start it again."""
    await care.hass.config_entries.async_unload(care.entry.entry_id)
    last = restored(care.hass).last_states
    last.pop(event_of(care), None)
    if saved:
        last[event_of(care)] = saved
    await care.house.set_up(care.entry)


def saved_now(care: Care) -> StoredState:
    """What Home Assistant would save of it now."""
    state = shown(care)
    attributes = dict(state.attributes)
    event_type = attributes.pop("event_type", None)
    for name in ("event_types", "friendly_name"):
        attributes.pop(name, None)
    data = {"last_event_type": event_type, "last_event_attributes": attributes}
    extra = type("Extra", (), {"as_dict": lambda _: data})()
    return StoredState(state, extra, dt_util.utcnow())


@pytest.mark.parametrize("saved", ["nothing", "unknown", "unavailable", "older"])
async def test_it_shows_what_the_ledger_announced_last(care: Care, saved: str) -> None:
    unknown = saved_now(care)
    assert unknown.state.state == STATE_UNKNOWN
    care.alert(1)
    await care.morning(1)
    older = saved_now(care)
    care.alert(2, "FLEX", "PLATEAU")
    await care.morning(2)
    newest = shown(care)
    gone = StoredState(State(event_of(care), STATE_UNAVAILABLE), None, dt_util.utcnow())
    heard = await automate(
        care.hass,
        trigger("alert_received"),
        {
            "trigger": "event.received",
            "target": {"entity_id": event_of(care)},
            "options": {"event_type": ["weight", "flex"]},
        },
    )
    told: list[Event] = []
    care.hass.bus.async_listen(EVENT_ALERT_RECEIVED, told.append)

    kept = {"nothing": None, "unknown": unknown, "unavailable": gone, "older": older}[saved]
    await kill_and_start(care, kept)

    back = shown(care)
    assert dict(back.attributes) == dict(newest.attributes)
    assert back.attributes["event_type"] == "flex"
    moment = dt_util.parse_datetime(back.state)
    assert moment is not None
    assert generation(2) < moment <= care.house.now
    assert heard.calls == []
    assert told == []
    # And whatever comes now is another one.
    care.alert(3)
    await care.morning(3)
    assert shown(care).attributes["event_type"] == "weight"
    assert shown(care).state > back.state
    # Of ours, and of Home Assistant's own.
    assert len(heard.calls) == 2


async def test_what_was_saved_of_the_newest_stays_as_it_was(care: Care) -> None:
    care.alert(1)
    await care.morning(1)
    newest = shown(care)
    await care.house.pass_time(hours=1)
    await kill_and_start(care, saved_now(care))
    assert (shown(care).state, shown(care).attributes) == (newest.state, newest.attributes)


async def test_history_is_no_event(care: Care) -> None:
    """What was there before anybody followed was never announced."""
    await kill_and_start(care, None)
    assert shown(care).state == STATE_UNKNOWN


async def test_a_test_alert_that_the_ledger_has_dropped_is_not_shown_for_ever(care: Care) -> None:
    care.alert(1)
    await care.morning(1)
    await care.call("send_test_alert")
    drill = saved_now(care)
    assert drill.state.attributes["drill"] is True
    care.alert(2)
    for number in (2, 3, 4):
        await care.morning(number)
    await kill_and_start(care, drill)
    assert shown(care).attributes["drill"] is False
