"""What is kept of responses: as it was after a restart, and what can be read when not all can."""

import json
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.care_alerts.responses.duty import Takeover
from custom_components.care_alerts.responses.log import (
    KEPT_A_STEP,
    Delivery,
    ResponseState,
    StepKey,
    StepRecord,
)
from custom_components.care_alerts.responses.plan import Part, PartKind

from .build import HIGH, minute

KEY = StepKey("episode", "plan", "step", 0)


def record(key: StepKey = KEY, **more: Any) -> StepRecord:
    """A step that was begun at minute 1."""
    fields: dict[str, Any] = {
        "key": key,
        "after": 0,
        "parts": frozenset({Part(PartKind.TELL, "on_duty")}),
        "since": minute(0),
        "begun_at": minute(1),
    }
    return StepRecord(**fields | more)


def again(state: ResponseState) -> ResponseState:
    """It as it is after a restart."""
    return ResponseState.from_dict(json.loads(json.dumps(state.to_dict())))


def test_it_is_kept() -> None:
    state = ResponseState(takeover=Takeover(caregiver_id="anna", since=minute(0), until=minute(60)))
    state.begin(record())
    state.begin(record(KEY._replace(step_id="next")))
    state.finish(KEY, minute(2))
    state.pushed(KEY, "phone", Delivery.SENT, HIGH, minute(2))
    assert again(state) == state
    found = again(state).of({"episode", "another"})
    assert [(one.key.step_id, one.done_at) for one in found.records] == [
        ("step", minute(2)),
        ("next", None),
    ]
    (receipt,) = found.receipts
    assert (receipt.key, receipt.phone, receipt.delivery) == (KEY, "phone", Delivery.SENT)
    assert again(state).of({"another"}).records == ()
    assert ResponseState.from_dict(None) == ResponseState()


def test_what_is_begun_again_forgets_its_pushes() -> None:
    state = ResponseState()
    state.begin(record())
    state.pushed(KEY, "phone", Delivery.FAILED, HIGH, minute(1))
    state.begin(record(begun_at=minute(5), redelivered=True))
    found = state.of({"episode"})
    assert [(one.begun_at, one.redelivered) for one in found.records] == [(minute(5), True)]
    assert found.receipts == ()


def test_a_confirmation_stays() -> None:
    state = ResponseState()
    state.begin(record())
    for delivery in (Delivery.SENT, Delivery.FAILED, Delivery.UNKNOWN):
        state.pushed(KEY, "phone", delivery, HIGH, minute(1))
        assert state.confirmed(KEY, "phone", minute(3))
        (receipt,) = state.of({"episode"}).receipts
        assert (receipt.delivery, receipt.sent_at, receipt.settled_at) == (
            Delivery.RECEIVED,
            minute(1),
            minute(3),
        )


def test_a_clock_that_was_ahead_is_forgotten() -> None:
    state = ResponseState()
    state.begin(record(begun_at=minute(50)))
    state.finish(KEY, minute(51))
    state.pushed(KEY, "phone", Delivery.SENT, HIGH, minute(51))
    state.pushed(KEY, "other", Delivery.SENT, HIGH, minute(5))
    state.clamp(minute(10))
    found = state.of({"episode"})
    assert [(one.begun_at, one.done_at) for one in found.records] == [(minute(10), minute(10))]
    assert [one.sent_at for one in found.receipts] == [minute(10), minute(5)]
    before = again(state)
    state.clamp(minute(11))
    assert state == before


def test_what_several_ids_have_is_in_the_order_in_which_it_was_begun() -> None:
    state = ResponseState()
    other = KEY._replace(episode_id="other")
    state.begin(record(other, begun_at=minute(2)))
    state.begin(record(KEY, begun_at=minute(1)))
    assert [one.key for one in state.of(["other", "episode"]).records] == [KEY, other]


def test_what_was_done_long_ago_is_forgotten() -> None:
    state = ResponseState()
    other = KEY._replace(episode_id="other")
    for key, begun_at in ((KEY, minute(0)), (other, minute(2))):
        state.begin(record(key, begun_at=begun_at))
        state.pushed(key, "phone", Delivery.SENT, HIGH, minute(1))
    state.prune(minute(1))
    assert [one.key for one in state.of({"episode", "other"}).records] == [other]
    assert [one.key for one in state.of({"episode", "other"}).receipts] == [other]
    state.finish(KEY, minute(9))
    assert state.of({"episode"}).records == ()
    # Of what goes on, what was done first stays with what was done last.
    state.begin(record(other._replace(number=1), begun_at=minute(5)))
    state.prune(minute(5))
    assert len(state.of({"other"}).records) == 2


def test_what_cannot_be_read_is_counted_and_the_rest_kept() -> None:
    state = ResponseState()
    state.begin(record())
    state.begin(record(KEY._replace(number=1)))
    state.pushed(KEY, "phone", Delivery.SENT, HIGH, minute(1))
    stored = state.to_dict()
    stored["records"][0]["begun_at"] = "2026-05-01T01:00:00"
    stored["records"].append("nonsense")
    stored["receipts"].append({"key": 1})
    stored["takeover"] = {"caregiver_id": "anna"}
    found = ResponseState.from_dict(stored)
    assert [one.key.number for one in found.of({"episode"}).records] == [1]
    assert len(found.of({"episode"}).receipts) == 1
    assert found.takeover is None
    assert found.unreadable == 4


@given(key=st.builds(StepKey, st.text(), st.text(), st.text(), st.integers()))
@settings(max_examples=50)
def test_a_phone_gives_a_key_back(key: StepKey) -> None:
    assert StepKey.parse(str(key)) == key


@pytest.mark.parametrize("text", [None, 1, "", "[]", '["a", "b", "c"]', "[1, 2, 3, 4]", "[" * 9999])
def test_what_is_no_key_is_none(text: Any) -> None:
    assert StepKey.parse(text) is None


def test_of_what_is_done_again_and_again_the_newest_are_kept() -> None:
    state = ResponseState()
    for number in range(3 * KEPT_A_STEP):
        key = KEY._replace(number=number)
        state.begin(record(key, begun_at=minute(number)))
        state.pushed(key, "phone", Delivery.SENT, HIGH, minute(number))
    kept = state.of({"episode"})
    assert len(kept.records) == len(kept.receipts) == KEPT_A_STEP
    assert kept.records[-1].key.number == 3 * KEPT_A_STEP - 1


A, B, C = "a", "b", "c"


def test_what_was_one_is_known_as_one_while_a_source_is_away() -> None:
    state = ResponseState()
    assert not state.note_as_one(frozenset({A}))
    assert state.note_as_one(frozenset({A, B}))
    assert not state.note_as_one(frozenset({A, B}))
    for known in ({A}, {B}, {B, C}):
        assert state.known_as_one(known) == {A, B}
    assert state.known_as_one({C}) == frozenset()
    # It has one more, is another, or each is its own again.
    assert state.note_as_one(frozenset({A, B, C}))
    assert state.known_as_one({A}) == {A, B, C}
    assert state.note_as_one(frozenset({B, C}))
    assert state.known_as_one({A}) == frozenset()
    assert again(state).known_as_one({C}) == {B, C}
    assert state.note_as_one(frozenset({B}))
    assert state.known_as_one({C}) == frozenset()


def test_what_was_one_is_forgotten_with_what_was_done_about_it() -> None:
    state = ResponseState()
    state.begin(record(KEY._replace(episode_id=A), begun_at=minute(1)))
    for ids in ({A, B}, {C, "d"}):
        state.note_as_one(frozenset(ids))
    state.prune(minute(1))
    assert [state.known_as_one({one}) for one in (A, C)] == [{A, B}, frozenset()]
    state.prune(minute(2))
    assert state.known_as_one({A}) == frozenset()
