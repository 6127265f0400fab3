"""The announcer by itself: who is told what, in which order, once; what it waits for; and what nobody hears any more."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from homeassistant.core import CoreState, HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.alerts.acknowledgement import Actor, Via
from custom_components.care_alerts.alerts.alert import AlertKey, AlertState, Person, Severity
from custom_components.care_alerts.alerts.domain_events import (
    AlertEnded,
    AlertReceived,
    DomainEvent,
    SourceRecovered,
    SourceSilent,
)
from custom_components.care_alerts.alerts.episode import derive_episodes
from custom_components.care_alerts.alerts.freshness import Freshness
from custom_components.care_alerts.alerts.ledger import Delivery, Ledger
from custom_components.care_alerts.alerts.reconcile import with_episodes
from custom_components.care_alerts.alerts.response_log import ResponseLog
from custom_components.care_alerts.alerts.snapshot import (
    AlertStatus,
    PersonSnapshot,
    SourceSnapshot,
)
from custom_components.care_alerts.alerts.snooze import Snooze
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.sources import announcer as module
from custom_components.care_alerts.sources.announcer import ANNOUNCED_IN_ONE_GO, PORTION, Announcer
from tests.alerts.build import FRESH, alert, hour

WHO = "person"


@dataclass
class Store:
    """What an announcer knows of its owner's store."""

    ledger: Ledger = field(default_factory=Ledger)
    responses: ResponseLog = field(default_factory=ResponseLog)


@dataclass
class Owner:
    """A source whose alerts are announced: what it holds, and what was told of it, in order."""

    hass: HomeAssistant
    entry: MockConfigEntry
    store: Any = field(default_factory=Store)
    is_polling: bool = False
    freshness: Freshness = FRESH
    people: tuple[str, ...] = (WHO, "other")
    told: list[str] = field(default_factory=list)
    events: list[DomainEvent] = field(default_factory=list)
    reminded: list[datetime | None] = field(default_factory=list)
    saves: int = 0
    may_save: asyncio.Event = field(default_factory=asyncio.Event)
    announcer: Announcer = field(init=False)

    def __post_init__(self) -> None:
        """Have everybody's alerts told."""
        self.may_save.set()
        self.store.responses.silence_announced = False
        self.open()

    def open(self) -> None:
        """Begin anew, as after a reload."""
        self.announcer = Announcer(self.hass, self.entry, self)
        self.announcer.fire_with(self._hears, self.reminded.append)
        self.announcer.announce_without(lambda person_id: person_id == WHO)

    def _hears(self, event: DomainEvent, context: object) -> None:
        assert context is None
        self.events.append(event)
        match event:
            case AlertReceived():
                self.told.append(event.announcement.alert.alert_id)
            case AlertEnded():
                self.told.append(f"end of {event.episode.opened.alert_id}")
            case SourceSilent():
                self.told.append("silent")
            case SourceRecovered():
                self.told.append("recovered")

    def snapshot(self) -> SourceSnapshot:
        """What there is."""
        people = {}
        for who in self.people:
            alerts = [one for one in self.store.ledger.alerts() if one.person_id == who]
            spans = derive_episodes(alerts, is_active=lambda one: one.state is AlertState.ACTIVE)
            status = AlertStatus(
                is_on=None, episode=spans[-1] if spans else None, earlier=spans[:-1]
            )
            people[who] = PersonSnapshot(
                person=Person(who, who), conditions={"weight": status}, last_alert=None
            )
        snapshot = SourceSnapshot(people=people, freshness=self.freshness)
        return with_episodes(snapshot, self.store.ledger, self.store.responses, dt_util.utcnow())

    async def save(self) -> None:
        """Write it, as soon as the disk lets it."""
        await self.may_save.wait()
        self.saves += 1

    def add(self, name: str, observed: float, *, ended: bool = False, **more: Any) -> None:
        """Something comes and is on disk."""
        state = AlertState.ENDED if ended else AlertState.ACTIVE
        self.store.ledger.add(alert(name, observed, state=state, **more), announce=True)
        self.store.ledger.release([name])

    async def settle(self) -> None:
        """Let all happen that was begun."""
        await self.hass.async_block_till_done()

    async def start(self) -> None:
        """Home Assistant has started."""
        self.announcer.start()
        await self.settle()


@pytest.fixture
async def owner(hass: HomeAssistant) -> AsyncGenerator[Owner]:
    """A source with nothing to tell yet."""
    entry = MockConfigEntry(domain=DOMAIN)
    entry.add_to_hass(hass)
    owner = Owner(hass, entry)
    yield owner
    owner.may_save.set()
    await owner.announcer.stop()
    hass.set_state(CoreState.running)


# Once, in order, on disk.


async def test_what_there_is_waits_for_the_start_and_is_told_once_in_order(owner: Owner) -> None:
    for number in (2, 1, 3):
        owner.add(f"{number}", number)
    owner.announcer.soon()
    await owner.settle()
    assert (owner.told, owner.saves) == ([], 0)
    owner.announcer.start()
    # Whoever starts it goes on first.
    assert owner.told == []
    await owner.settle()
    assert (owner.told, owner.saves) == (["1", "2", "3"], 1)
    assert {owner.store.ledger.delivery(one) for one in "123"} == {Delivery.ANNOUNCED}
    await owner.announcer.now()
    owner.announcer.soon()
    await owner.settle()
    assert (owner.told, owner.saves) == (["1", "2", "3"], 1)


async def test_what_is_not_on_disk_yet_is_not_told(owner: Owner) -> None:
    await owner.start()
    owner.store.ledger.add(alert("1", 1), announce=True)
    await owner.announcer.now()
    assert owner.told == []
    owner.store.ledger.release(["1"])
    owner.announcer.soon()
    await owner.settle()
    assert owner.told == ["1"]


async def test_two_who_come_at_once_tell_it_once(owner: Owner) -> None:
    await owner.start()
    for number in range(ANNOUNCED_IN_ONE_GO + 1):
        owner.add(f"{number}", number)
    await asyncio.gather(owner.announcer.now(), owner.announcer.now())
    assert len(owner.told) == len(set(owner.told)) == ANNOUNCED_IN_ONE_GO + 1


async def test_who_asked_for_it_may_go_it_is_told_and_written_all_the_same(owner: Owner) -> None:
    await owner.start()
    owner.add("1", 1)
    owner.may_save.clear()
    asking = asyncio.ensure_future(owner.announcer.now())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (owner.told, owner.saves) == (["1"], 0)
    asking.cancel()
    owner.may_save.set()
    await owner.settle()
    assert owner.saves == 1


async def test_it_stops_once_the_last_is_on_disk_and_then_nobody_is_told(owner: Owner) -> None:
    await owner.start()
    owner.add("1", 1)
    owner.may_save.clear()
    owner.announcer.soon()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    stopping = asyncio.ensure_future(owner.announcer.stop())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not stopping.done()
    owner.may_save.set()
    await stopping
    assert owner.saves == 1
    owner.add("2", 2)
    owner.add("over", 3, ended=True)
    owner.announcer.soon()
    await owner.announcer.now()
    owner.announcer.announce_ends(dt_util.utcnow())
    await owner.settle()
    assert owner.told == ["1"]


async def test_while_home_assistant_stops_nobody_is_told(owner: Owner) -> None:
    await owner.start()
    owner.add("1", 1)
    owner.add("over", 2, ended=True)
    owner.hass.set_state(CoreState.stopping)
    await owner.announcer.now()
    owner.announcer.announce_ends(dt_util.utcnow())
    assert (owner.told, owner.saves) == ([], 0)
    owner.hass.set_state(CoreState.running)
    await owner.announcer.now()
    assert owner.told == ["1", "end of 1", "over"]


# Who is told.


async def test_an_alert_waits_for_whoever_announces_it_and_so_does_its_end(owner: Owner) -> None:
    await owner.start()
    owner.add("1", 1, person_id="other")
    owner.add("over", 2, person_id="other", ended=True)
    owner.add("2", 3)
    await owner.announcer.now()
    assert owner.told == ["2"]
    heard: list[tuple[str, str | None]] = []
    stop = owner.announcer.announce_with(
        "other",
        lambda one, episode: heard.append(
            (one.alert.alert_id, episode.opened.alert_id if episode else None)
        ),
    )
    assert heard == []
    await owner.settle()
    assert heard == [("1", "1"), ("over", "1")]
    assert owner.told == ["2", "1", "end of 1", "over"]
    stop()
    owner.add("3", 4, person_id="other")
    await owner.announcer.now()
    assert len(heard) == 2
    owner.announcer.announce_without(lambda person_id: True)
    await owner.announcer.now()
    assert (len(heard), owner.told[-1]) == (2, "3")


async def test_of_an_announcer_that_goes_meanwhile_neither_alert_nor_end_is_lost(
    owner: Owner,
) -> None:
    await owner.start()
    owner.people = (WHO, "other")
    stop = owner.announcer.announce_with("other", lambda one, episode: None)
    await owner.settle()
    hears = owner.announcer.fire

    def hears_and_goes(event: DomainEvent, context: Any) -> None:
        hears(event, context)
        stop()

    owner.announcer.fire = hears_and_goes
    owner.add("1", 1)
    owner.add("2", 2, person_id="other")
    owner.add("over", 3, person_id="other", ended=True)
    await owner.announcer.now()
    assert owner.told == ["1"]
    assert owner.store.ledger.delivery("2") is Delivery.PENDING
    owner.announcer.fire = hears
    owner.announcer.announce_with("other", lambda one, episode: None)
    await owner.settle()
    assert owner.told == ["1", "2", "end of 2", "over"]


async def test_whether_it_is_snoozed_and_told_again_goes_with_it(owner: Owner) -> None:
    await owner.start()
    now = dt_util.utcnow()
    until = now + timedelta(hours=1)
    snooze = Snooze(person_id=WHO, by=Actor("Anna", Via.USER), since=now, until=until)
    owner.store.responses.snooze(snooze)
    owner.add("severe", 1)
    owner.add("mild", 5, severity=Severity.MEDIUM, person_id="other")
    owner.add("milder", 6, severity=Severity.MEDIUM, alert_type="flex")
    owner.announcer.announce_without(lambda person_id: True)
    await owner.announcer.now()
    silenced = {
        event.announcement.alert.alert_id: event.silenced
        for event in owner.events
        if isinstance(event, AlertReceived)
    }
    assert silenced == {"severe": False, "mild": False, "milder": True}
    assert [e.episode is None for e in owner.events if isinstance(e, AlertReceived)] == [
        False,
        False,
        True,
    ]


# Ends.


@pytest.mark.parametrize(
    ("comes", "told"),
    [
        # What is observed in the very moment of the end belongs to it.
        (["1 a", "2 -b", "2 c"], ["a", "c", "-b", "end of a"]),
        (["1 a", "2 -b", "3 c"], ["a", "end of a", "-b", "c"]),
        (["1 a", "2 -b", "3 c", "4 -d"], ["a", "end of a", "-b", "c", "end of c", "-d"]),
    ],
)
async def test_an_end_comes_after_its_own_alerts_and_before_the_next_one(
    owner: Owner, comes: Sequence[str], told: list[str]
) -> None:
    await owner.start()
    for one in comes:
        at, _, name = one.partition(" ")
        owner.add(name, float(at), ended=name.startswith("-"))
    await owner.announcer.now()
    assert owner.told == told
    await owner.announcer.now()
    assert owner.told == told


async def test_while_it_is_asked_nothing_is_said_of_ends_or_silence(owner: Owner) -> None:
    await owner.start()
    owner.is_polling = True
    owner.freshness = replace(FRESH, silent=True)
    owner.add("1", 1)
    owner.add("over", 2, ended=True)
    await owner.announcer.now()
    assert (owner.told, owner.saves) == (["1", "over"], 1)
    await owner.announcer.now()
    assert owner.saves == 1
    owner.is_polling = False
    await owner.announcer.now()
    assert owner.told == ["1", "over", "end of 1", "silent"]
    assert owner.saves == 2


async def test_a_poll_that_begins_meanwhile_keeps_silence_unsaid(owner: Owner) -> None:
    await owner.start()
    hears = owner.announcer.fire

    def hears_and_asks(event: DomainEvent, context: Any) -> None:
        hears(event, context)
        owner.is_polling = True

    owner.announcer.fire = hears_and_asks
    owner.freshness = replace(FRESH, silent=True)
    owner.add("1", 1)
    await owner.announcer.now()
    assert (owner.told, owner.saves) == (["1"], 1)


async def test_a_poll_that_ends_meanwhile_leaves_ends_and_silence_for_the_next_time(
    owner: Owner,
) -> None:
    """Of one answer the ends come first."""
    await owner.start()
    hears = owner.announcer.fire

    def hears_the_answer(event: DomainEvent, context: Any) -> None:
        hears(event, context)
        owner.is_polling = False

    owner.announcer.fire = hears_the_answer
    owner.is_polling = True
    owner.freshness = replace(FRESH, silent=True)
    owner.add("1", 1)
    owner.add("over", 2, ended=True)
    await owner.announcer.now()
    assert owner.told == ["1", "over"]
    await owner.announcer.now()
    assert owner.told == ["1", "over", "end of 1", "silent"]


async def test_what_was_over_before_anything_was_kept_of_ends_is_no_news(owner: Owner) -> None:
    owner.store.responses.silence_announced = None
    owner.freshness = replace(FRESH, silent=True, silent_people=frozenset({WHO}))
    owner.add("1", 1)
    owner.add("over", 2, ended=True)
    await owner.start()
    assert (owner.told, owner.saves) == (["1", "over"], 1)
    assert owner.store.responses.is_end_announced(AlertKey(WHO, "weight"), hour(2))
    assert owner.store.responses.silence_announced is True
    owner.add("2", 3)
    owner.add("over again", 4, ended=True)
    await owner.announcer.now()
    assert owner.told[2:] == ["2", "end of 2", "over again"]


async def test_how_a_source_is_at_first_is_written_down_and_no_news(owner: Owner) -> None:
    owner.store.responses.silence_announced = None
    owner.freshness = replace(FRESH, silent=True)
    await owner.start()
    assert (owner.told, owner.saves) == ([], 1)
    await owner.announcer.now()
    assert (owner.told, owner.saves) == ([], 1)


async def test_an_end_can_be_told_at_once_and_is_told_once(owner: Owner) -> None:
    await owner.start()
    owner.add("1", 1)
    await owner.announcer.now()
    owner.add("over", 2, ended=True)
    owner.store.ledger.mark_announced("over")
    owner.announcer.announce_ends(dt_util.utcnow())
    assert owner.told == ["1", "end of 1"]
    owner.announcer.announce_ends(dt_util.utcnow())
    await owner.announcer.now()
    assert owner.told == ["1", "end of 1"]


async def test_an_end_that_is_told_at_once_while_a_backlog_is_told_is_told_once(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TURN", timedelta(0))
    await owner.start()
    owner.add("1", 1)
    await owner.announcer.now()
    owner.add("over", 1000, ended=True)
    owner.store.ledger.mark_announced("over")
    for one in range(ANNOUNCED_IN_ONE_GO):
        owner.add(f"flex {one}", 2 + one, alert_type="flex")
    telling = asyncio.ensure_future(owner.announcer.now())
    for _ in range(8):
        await asyncio.sleep(0)
    assert 1 < len(owner.told) < ANNOUNCED_IN_ONE_GO
    owner.announcer.announce_ends(dt_util.utcnow())
    assert owner.told[-1] == "end of 1"
    await telling
    assert len(owner.told) == len(set(owner.told)) == ANNOUNCED_IN_ONE_GO + 2


# Silence.

ANNA, BEN = frozenset({"anna"}), frozenset({"ben"})


@pytest.mark.parametrize(
    ("was", "was_of", "silent", "of", "told"),
    [
        (False, (), False, (), []),
        (False, (), True, (), ["silent"]),
        (False, (), True, ANNA, ["silent"]),
        (True, (), True, (), []),
        (True, ANNA, True, ANNA, []),
        (True, ANNA, True, ANNA | BEN, ["silent"]),
        (True, ANNA, True, BEN, ["silent"]),
        # Somebody speaks again, and somebody else does not.
        (True, ANNA | BEN, True, ANNA, []),
        (True, ANNA, True, (), []),
        (True, ANNA, False, (), ["recovered"]),
        (True, (), False, (), ["recovered"]),
    ],
)
async def test_silence_is_told_when_it_is_new_or_of_somebody_more(
    owner: Owner,
    was: bool,
    was_of: Sequence[str],
    silent: bool,
    of: Sequence[str],
    told: list[str],
) -> None:
    await owner.start()
    responses = owner.store.responses
    responses.silence_announced, responses.silence_announced_of = was, frozenset(was_of)
    saves = owner.saves
    owner.freshness = replace(FRESH, silent=silent, silent_people=frozenset(of))
    await owner.announcer.now()
    assert owner.told == told
    is_other = (was, frozenset(was_of)) != (silent, frozenset(of))
    assert owner.saves - saves == is_other
    assert (responses.silence_announced, responses.silence_announced_of) == (silent, frozenset(of))
    await owner.announcer.now()
    assert (owner.told, owner.saves - saves) == (told, is_other)


# Those who count the minutes.


async def test_minutes_are_counted_from_when_all_was_done_last(owner: Owner) -> None:
    assert not owner.announcer.is_awake
    # Nothing was done yet: there is nothing to go on from.
    owner.announcer.rest()
    owner.store.responses.reminders_done_until = hour(1)
    await owner.start()
    assert owner.announcer.is_awake
    assert owner.reminded == [hour(1)]
    before = dt_util.utcnow()
    owner.announcer.rest()
    assert not owner.announcer.is_awake
    await owner.announcer.stop()
    owner.announcer.end()
    assert owner.reminded == [hour(1), None]
    owner.open()
    await owner.start()
    assert owner.reminded[2] is not None
    assert before <= owner.reminded[2] <= dt_util.utcnow()
    # That holds for one reload.
    owner.open()
    await owner.start()
    assert owner.reminded[3] == hour(1)


async def test_who_is_stopped_while_it_begins_reminds_nobody(owner: Owner) -> None:
    owner.add("1", 1)
    owner.may_save.clear()
    owner.announcer.start()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    stopping = asyncio.ensure_future(owner.announcer.stop())
    await asyncio.sleep(0)
    owner.may_save.set()
    await stopping
    await owner.settle()
    assert (owner.reminded, owner.announcer.is_awake) == ([], False)


async def test_that_somebody_was_reminded_is_written_down(owner: Owner) -> None:
    await owner.start()
    owner.announcer.note_rung()
    # After whoever reminded them.
    assert owner.saves == 0
    await owner.settle()
    assert owner.saves == 1


# A backlog.


@pytest.mark.parametrize(
    ("number", "waits"),
    [
        (ANNOUNCED_IN_ONE_GO, 0),
        (PORTION, 0),
        (PORTION + 1, 1),
        (2 * PORTION, 1),
        (2 * PORTION + 1, 2),
    ],
)
async def test_a_backlog_waits_for_the_recorder_between_its_portions(
    owner: Owner, monkeypatch: pytest.MonkeyPatch, number: int, waits: int
) -> None:
    told_by_then: list[int] = []

    class Recorder:
        async def async_block_till_done(self) -> None:
            told_by_then.append(len(owner.told))

    monkeypatch.setattr(module, "get_instance", lambda hass: Recorder())
    owner.hass.config.components.add("recorder")
    await owner.start()
    for one in range(number):
        owner.add(f"{one}", one)
    await owner.announcer.now()
    assert owner.told == [f"{one}" for one in range(number)]
    assert told_by_then == [PORTION * (one + 1) for one in range(waits)]


async def test_a_house_without_a_recorder_waits_for_none(owner: Owner) -> None:
    await owner.start()
    for one in range(PORTION + 1):
        owner.add(f"{one}", one)
    await owner.announcer.now()
    assert len(owner.told) == PORTION + 1


async def test_a_backlog_is_told_in_long_turns(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others have theirs before, after each portion, and not more often than that."""

    class Recorder:
        async def async_block_till_done(self) -> None:
            await asyncio.sleep(0)

    monkeypatch.setattr(module, "get_instance", lambda hass: Recorder())
    monkeypatch.setattr(module, "TURN", timedelta(hours=1))
    owner.hass.config.components.add("recorder")
    await owner.start()
    for one in range(2 * PORTION + 1):
        owner.add(f"{one}", one)
    telling = asyncio.ensure_future(owner.announcer.now())
    told_by_turn = []
    while not telling.done():
        told_by_turn.append(len(owner.told))
        await asyncio.sleep(0)
    await telling
    assert sorted({*told_by_turn}) == [0, PORTION, 2 * PORTION, 2 * PORTION + 1]


async def test_a_recorder_that_hangs_is_waited_for_once(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    class Recorder:
        async def async_block_till_done(self) -> None:
            nonlocal asked
            asked += 1
            await asyncio.Event().wait()

    monkeypatch.setattr(module, "get_instance", lambda hass: Recorder())
    monkeypatch.setattr(module, "RECORDER_MAY_TAKE", timedelta(milliseconds=1))
    owner.hass.config.components.add("recorder")
    await owner.start()
    for one in range(3 * PORTION):
        owner.add(f"{one}", one)
    await owner.announcer.now()
    assert (len(owner.told), asked) == (3 * PORTION, 1)


@pytest.mark.parametrize("how", ["stop", "stopping"])
async def test_a_backlog_lets_others_have_their_turns_and_ends_when_all_is_stopping(
    owner: Owner, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(module, "TURN", timedelta(0))
    await owner.start()
    owner.freshness = replace(FRESH, silent=True)
    for one in range(ANNOUNCED_IN_ONE_GO + 20):
        owner.add(f"{one}", one)
    telling = asyncio.ensure_future(owner.announcer.now())
    for _ in range(8):
        await asyncio.sleep(0)
    assert 1 < len(owner.told) < ANNOUNCED_IN_ONE_GO
    if how == "stop":
        await owner.announcer.stop()
    else:
        owner.hass.set_state(CoreState.stopping)
    await telling
    assert 1 < len(owner.told) < ANNOUNCED_IN_ONE_GO
    assert "silent" not in owner.told
    # What was told is marked on disk.
    assert owner.saves == 1
    assert len(owner.store.ledger.pending()) == ANNOUNCED_IN_ONE_GO + 20 - len(owner.told)


@pytest.mark.parametrize(
    ("number", "turn", "told_by_turn"),
    [
        # At once, however long it takes.
        (ANNOUNCED_IN_ONE_GO, timedelta(0), [ANNOUNCED_IN_ONE_GO]),
        # More not in the turn in which weeks of it were worked out.
        (ANNOUNCED_IN_ONE_GO + 1, timedelta(hours=1), [0, ANNOUNCED_IN_ONE_GO + 1]),
    ],
)
async def test_what_is_few_is_told_in_one_turn_and_at_once(
    owner: Owner,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    turn: timedelta,
    told_by_turn: list[int],
) -> None:
    monkeypatch.setattr(module, "TURN", turn)
    await owner.start()
    for one in range(number):
        owner.add(f"{one}", one)
    owner.may_save.clear()
    telling = asyncio.ensure_future(owner.announcer.now())
    for told in told_by_turn:
        await asyncio.sleep(0)
        assert len(owner.told) == told
    owner.may_save.set()
    await telling
