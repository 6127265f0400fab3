"""Whatever way alerts come in, the house ends up knowing the same and has been told of each once."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from homeassistant.core import State
from hypothesis import HealthCheck, given, settings, strategies as st
import orjson
import pytest

from custom_components.care_alerts.alerts.alert import Alert, Person, Severity, in_order
from custom_components.care_alerts.alerts.episode import EpisodeSpan
from custom_components.care_alerts.alerts.ledger import Ledger
from custom_components.care_alerts.alerts.snapshot import AlertStatus, PersonSnapshot
from custom_components.care_alerts.sources.coordinator import SourceCoordinator
from custom_components.care_alerts.sources.lumen.api import LumenAlert
from custom_components.care_alerts.sources.lumen.mapping import (
    Calendar,
    DayHeard,
    alert_of,
    snapshot_of,
)
from simulator.faults import CATALOGUE

from .conftest import NOON, House
from .world import add_alert, add_person, generation

DAYS = 20
FIRST = date(2026, 5, 1)
THE_END = datetime(2026, 5, 1, 12, tzinfo=UTC) + timedelta(days=DAYS + 3)
PEOPLE = ("ana", "henk", "maria")
SUBTYPES = {
    "WEIGHT": ["IN_RANGE", "TOO_SLOW", "TOO_FAST"],
    "FLEX": ["PLATEAU", "DRAMATIC_DROP"],
    "MEDICATION": ["MISSED_DOSE_HIGH"],
    "SLEEP": ["SHORT"],
}
KINDS = [(kind, subtype) for kind, subtypes in SUBTYPES.items() for subtype in subtypes]

type Record = tuple[date, LumenAlert]


@st.composite
def records(draw: st.DrawFn) -> Record:
    """An alert about one of the days, generated in the night after."""
    day = FIRST + timedelta(days=draw(st.integers(0, DAYS - 1)))
    minute = draw(st.sampled_from([0, 194, 359]))
    generated = datetime.combine(day + timedelta(days=1), time(), UTC) + timedelta(minutes=minute)
    kind, subtype = draw(st.sampled_from(KINDS))
    return day, LumenAlert(
        shared_user_id=draw(st.sampled_from(PEOPLE)),
        alert_type=kind,
        alert_subtype=subtype,
        generated_at=generated,
        details={"currentWeightKg": 78.4},
    )


@dataclass(frozen=True)
class Poll:
    """An answer and what happens after it."""

    day: date
    alerts: tuple[LumenAlert, ...]
    tells: bool = True
    restarts: bool = False


@st.composite
def deliveries(draw: st.DrawFn, world: list[Record]) -> list[Poll]:
    """The same alerts in some other order: each day in any number of parts, some of them more than once."""
    parts = draw(st.permutations(world + draw(st.lists(st.sampled_from(world), max_size=20))))
    polls: list[Poll] = []
    while parts:
        day = parts[0][0]
        size = draw(st.integers(1, 4))
        taken = [part for part in parts if part[0] == day][:size]
        for part in taken:
            parts.remove(part)
        polls.append(
            Poll(
                day,
                tuple(record for _, record in taken),
                tells=draw(st.booleans()),
                restarts=draw(st.booleans()),
            )
        )
    return polls


class Receiver:
    """What a coordinator does with answers, without anything around it."""

    def __init__(self, since: datetime) -> None:
        """Follow everybody since a time."""
        self.since = since
        self.ledger = Ledger()
        self.days: dict[date, DayHeard] = {}
        self.told: list[str] = []

    def receive(self, poll: Poll, now: datetime) -> None:
        """Take an answer in."""
        for record in poll.alerts:
            alert = alert_of(record, poll.day, now)
            self.ledger.add(alert, announce=alert.observed_at > self.since)
        generated = max((record.generated_at for record in poll.alerts), default=None)
        heard = DayHeard(day=poll.day, first_read=now, last_read=now, generated_at=generated)
        before = self.days.get(poll.day)
        self.days[poll.day] = before.read_again(heard) if before else heard
        if poll.tells:
            self.tell()
        if poll.restarts:
            self.restart()

    def tell(self) -> None:
        """Announce what waits, in order, and mark it."""
        waiting = self.ledger.pending()
        assert [one.alert for one in waiting] == sorted(
            (one.alert for one in waiting), key=in_order
        )
        for one in waiting:
            self.told.append(one.alert.alert_id)
            self.ledger.mark_announced(one.alert.alert_id)

    def restart(self) -> None:
        """Come back from what was written."""
        self.ledger = Ledger.from_dict(orjson.loads(orjson.dumps(self.ledger.to_dict())))
        stored = orjson.loads(orjson.dumps([heard.to_dict() for heard in self.days.values()]))
        self.days = {heard.day: heard for heard in map(DayHeard.from_dict, stored)}

    def read_all(self, world: Iterable[Record]) -> None:
        """Read every day once more in the end, when all are complete: the empty ones too."""
        for number in range(DAYS):
            day = FIRST + timedelta(days=number)
            self.receive(Poll(day, tuple(one for about, one in world if about == day)), THE_END)

    def pictures(self) -> dict[str, Any]:
        """What it all amounts to, but for when it came."""
        calendar = Calendar(self.days)
        return {
            person: _comparable(
                snapshot_of(
                    Person(person, person),
                    [one for one in self.ledger.alerts() if one.person_id == person],
                    calendar,
                    on_from=Severity.MEDIUM,
                )
            )
            for person in PEOPLE
        }


def _bare(alert: Alert) -> Alert:
    """An alert without when it came."""
    return replace(alert, received_at=alert.observed_at, late=False)


def _comparable(snapshot: PersonSnapshot) -> dict[str, Any]:
    """What a picture says, but for when its alerts came."""

    def bare(condition: AlertStatus) -> AlertStatus:
        current_alert, episode = condition.current_alert, condition.episode
        return replace(
            condition,
            current_alert=current_alert and _bare(current_alert),
            episode=episode and bare_run(episode),
            earlier=[bare_run(run) for run in condition.earlier],
        )

    def bare_run(run: EpisodeSpan) -> EpisodeSpan:
        return replace(run, opened=_bare(run.opened), last_seen=_bare(run.last_seen))

    last = snapshot.last_alert
    return {kind: bare(condition) for kind, condition in snapshot.conditions.items()} | {
        "last_alert": last and _bare(last)
    }


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    data=st.data(),
    world=st.lists(
        records(),
        min_size=1,
        max_size=40,
        unique_by=lambda one: alert_of(one[1], one[0], THE_END).alert_id,
    ),
    since=st.integers(-1, DAYS),
)
def test_order_repetition_delay_splitting_and_restarts_change_nothing(
    data: st.DataObject, world: list[Record], since: int
) -> None:
    followed_since = datetime.combine(FIRST + timedelta(days=since), time(12), UTC)
    straight = Receiver(followed_since)
    straight.read_all(world)

    crooked = Receiver(followed_since)
    now = datetime.combine(FIRST + timedelta(days=DAYS), time(12), UTC)
    for poll in data.draw(deliveries(world)):
        now += timedelta(minutes=data.draw(st.integers(0, 40)))
        crooked.receive(poll, min(now, THE_END))
    crooked.read_all(world)
    crooked.restart()
    crooked.tell()

    everything = {alert_of(record, day, THE_END).alert_id for day, record in world}
    news = {
        alert_of(record, day, THE_END).alert_id
        for day, record in world
        if record.generated_at > followed_since
    }
    assert [_bare(one) for one in crooked.ledger.alerts()] == [
        _bare(one) for one in straight.ledger.alerts()
    ]
    assert {one.alert_id for one in crooked.ledger.alerts()} == everything
    assert crooked.pictures() == straight.pictures()
    assert Counter(crooked.told) == Counter(straight.told) == dict.fromkeys(news, 1)


# The same through the real coordinator, in a real Home Assistant, against the simulator.


@dataclass(frozen=True)
class Trouble:
    """What the house goes through for some hours: nothing, a restart, switched off, the server down, one question unanswered."""

    hours: int
    kind: str


LOST = {"a day": "lumen.alerts", "the consents": "lumen.identity_mappings"}

TROUBLES = st.lists(
    st.builds(
        Trouble,
        st.integers(1, 60),
        st.sampled_from(["none", "restart", "off", "down", *LOST]),
    ),
    min_size=1,
    max_size=12,
)
ALERTS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(0, 11),
        st.sampled_from(KINDS),
        st.sampled_from([0, 40, 140]),
    ),
    min_size=1,
    max_size=20,
    unique=True,
)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(alerts=ALERTS, troubles=TROUBLES)
async def test_twelve_days_of_troubles_end_as_twelve_quiet_days_would(
    house: House,
    announced: list[State],
    alerts: list[tuple[int, int, tuple[str, str], int]],
    troubles: list[Trouble],
) -> None:
    await house.until(NOON)
    announced.clear()
    house.sim.lumen.reset()
    people = [add_person(house, f"{name}@example.com") for name in ("ana", "henk")]
    last_of: dict[tuple[int, int, str], tuple[str, str, str]] = {}
    for person, day, (kind, subtype), minutes in sorted(alerts, key=lambda one: one[3]):
        generated = generation(day) + timedelta(minutes=minutes)
        add_alert(house, people[person], day, kind, subtype, generated_at=generated)
        # A later alert of a type replaces the earlier ones of its day: they may have been seen or not.
        last_of[person, day, kind] = (
            people[person].shared_user_id,
            subtype.lower(),
            generated.isoformat(),
        )
    news = {one for one in last_of.values() if one[2] > NOON.isoformat()}

    entry = await house.set_up(house.entry())
    end = NOON + timedelta(days=12)
    for trouble in troubles:
        if house.now + timedelta(hours=trouble.hours) > end:
            break
        if trouble.kind == "off":
            await house.hass.config_entries.async_unload(entry.entry_id)
        if trouble.kind == "down":
            house.sim.faults.add("*", CATALOGUE["503_bare"]())
        if trouble.kind in LOST:
            house.sim.faults.add(LOST[trouble.kind], CATALOGUE["500_bare"](), times=1)
        await house.pass_time(hours=trouble.hours)
        house.sim.faults.clear()
        if trouble.kind in ("restart", "off"):
            await house.hass.config_entries.async_unload(entry.entry_id)
            await house.set_up(entry)
    await house.until(end)
    await house.pass_time(hours=1)
    await house.pass_time(hours=1)

    told = Counter(
        (
            _person_of(house, state),
            state.attributes["subtype"],
            state.attributes["observed_at"],
        )
        for state in announced
    )
    assert set(told.values()) <= {1}
    assert not any(state.attributes["redelivered"] for state in announced)
    assert news <= told.keys()
    assert all(observed > NOON.isoformat() for _, _, observed in told)
    lived_through = _comparables(entry.runtime_data)

    await house.hass.config_entries.async_remove(entry.entry_id)
    fresh = await house.set_up(house.entry())
    assert lived_through == _comparables(fresh.runtime_data)
    await house.hass.config_entries.async_remove(fresh.entry_id)


def _person_of(house: House, state: State) -> str:
    """The shared user id behind an event entity."""
    for person in house.sim.lumen.default.people:
        if house.entity_id("event", "alert", person.shared_user_id) == state.entity_id:
            return person.shared_user_id
    pytest.fail(f"{state.entity_id} is nobody's")


def _comparables(coordinator: SourceCoordinator) -> dict[str, Any]:
    """What everybody's picture says, but for when the alerts came."""
    return {
        person_id: _comparable(snapshot) for person_id, snapshot in coordinator.data.people.items()
    }
