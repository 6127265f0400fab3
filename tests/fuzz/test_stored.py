"""What may be on disk: cut off, of other types, older. What is read is what can be read, and the source goes on with it."""

import asyncio
from datetime import timedelta
from functools import cache
import json
from typing import Any

from homeassistant.helpers.json import json_bytes
from hypothesis import assume, given, strategies as st
import pytest

from custom_components.care_alerts.alerts.acknowledgement import Actor, Via
from custom_components.care_alerts.alerts.alert import AlertKey
from custom_components.care_alerts.alerts.ledger import CorruptLedgerError, Ledger
from custom_components.care_alerts.alerts.readings import GlucoseLogs
from custom_components.care_alerts.alerts.reconcile import with_episodes
from custom_components.care_alerts.alerts.response_log import ResponseLog
from custom_components.care_alerts.alerts.snapshot import SourceSnapshot
from custom_components.care_alerts.alerts.snooze import Snooze
from custom_components.care_alerts.alerts.tolerant import UNREADABLE, is_shallow
from custom_components.care_alerts.responses.log import StepKey, StepRecord
from custom_components.care_alerts.responses.plan import Part, PartKind, Text
from custom_components.care_alerts.responses.screens import Shown
from custom_components.care_alerts.responses.snapshots import _Notes
from custom_components.care_alerts.responses.store import Drill, Kept

from .rooms import DOCUMENTS, NOON, OPEN, Room, alone, answering, assert_in_order, poll
from .strategies import Json, wrong
from .test_answers import FUZZ


@cache
def kept_by(name: str) -> Json:
    """What a source has on disk after two polls, as its store writes it."""

    async def live() -> Json:
        source, room = alone(name)
        for _ in range(2):
            with answering(name, DOCUMENTS[name]):
                assert await poll(source, room) is None
            room.clock += timedelta(minutes=5)
        responses = ResponseLog()
        by = Actor("Anna", Via.USER)
        for snapshot in source.people(room.clock, room.ledger.alerts()).values():
            topic = AlertKey(snapshot.person.person_id, "low")
            responses.snooze(
                Snooze(
                    person_id=topic.person_id, by=by, since=NOON, until=NOON + timedelta(hours=1)
                )
            )
        return json.loads(
            json_bytes(
                {
                    "ledger": room.ledger.to_dict(),
                    "responses": responses.to_dict(),
                    "state": source.dump(),
                    "readings": room.readings.to_dict(),
                }
            )
        )

    return asyncio.run(live())


@pytest.mark.parametrize("name", OPEN)
@given(data=st.data())
@FUZZ
def test_a_source_starts_with_whatever_is_on_disk(name: str, data: st.DataObject) -> None:
    """A state that cannot be read raises what the coordinator expects; one that can be is lived with."""
    stored = kept_by(name)
    part = data.draw(
        st.sampled_from(["state", "state", "state", "ledger", "responses", "readings"])
    )
    damaged = stored | {part: data.draw(wrong(stored[part]))}
    # We have written nothing that is deeper.
    assume(is_shallow(damaged))

    async def live() -> None:
        room = Room(NOON + timedelta(hours=1))
        try:
            room.ledger = Ledger.from_dict(damaged["ledger"])
        except CorruptLedgerError:
            assert part == "ledger"
        room.from_disk = {alert.alert_id for alert in room.ledger.alerts()}
        try:
            room.readings = GlucoseLogs.from_dict(damaged["readings"], room.clock)
        except UNREADABLE:
            assert part == "readings"
        responses = ResponseLog.from_dict(damaged["responses"])
        source = OPEN[name](room)
        try:
            assert isinstance(damaged["state"], dict)
            source.load(damaged["state"], room.clock)
        except (*UNREADABLE, AssertionError):
            # The coordinator begins anew.
            assert part == "state"
            source = OPEN[name](room)
            source.load({}, room.clock)
        assert_in_order(source, room)
        for _ in range(2):
            with answering(name, DOCUMENTS[name]):
                assert await poll(source, room) is None
            snapshot = SourceSnapshot.of(
                source.people(room.clock, room.ledger.alerts()),
                {},
                source.data_freshness(),
                room.clock,
                failure=None,
                last_contact=room.clock,
            )
            with_episodes(snapshot, room.ledger, responses, room.clock)
            responses.changes_at(room.clock)
            json_bytes(responses.to_dict())
            room.clock += timedelta(minutes=5)

    asyncio.run(live())


KEY = StepKey("episode", "plan", "step", 0)


def _house() -> Json:
    """What a house has on disk that has told a phone."""
    kept = Kept(off={"plan"}, silent={("phone", "entry"): "unreachable"}, tried=True)
    kept.drill = Drill(NOON, ["episode"])
    kept.state.begin(
        StepRecord(
            key=KEY,
            after=0,
            parts=frozenset({Part(PartKind.TELL, "on_duty")}),
            since=NOON,
            begun_at=NOON,
        )
    )
    screen = kept.screens.of("phone")
    screen.shown["tag"] = Shown(episode_id="episode", entry_id="entry", tells="x", text=Text.FULL)
    screen.on_it.add("tag")
    return json.loads(json_bytes(kept.to_dict()))


@given(stored=wrong(_house()))
@FUZZ
def test_a_house_starts_with_whatever_is_on_disk(stored: Any) -> None:
    assume(isinstance(stored, dict) and is_shallow(stored))
    kept = Kept.from_dict(stored)
    kept.state.clamp(NOON)
    kept.state.prune(NOON - timedelta(days=1))
    again = Kept.from_dict(json.loads(json_bytes(kept.to_dict())))
    assert again.state.unreadable == again.screens.unreadable == 0


MEMORY: Json = {
    "holders": {
        "night": [{"alarm": "a", "since": NOON.isoformat(), "note": {"colour": [1, 2, 3]}}]
    },
    "kept": {
        "light.hall": {"was": {"state": "on", "attributes": {"brightness": 5}}, "keys": ["night"]}
    },
    "owed": {"light.hall": {"was": {"state": "off", "attributes": {}}, "since": NOON.isoformat()}},
}


@given(stored=wrong(MEMORY))
@FUZZ
def test_what_lights_were_is_read_or_not(stored: Any) -> None:
    assume(is_shallow(stored))
    try:
        notes = _Notes.from_dict(stored)
    except UNREADABLE:
        return
    _Notes.from_dict(json.loads(json_bytes(notes.to_dict())))
