"""What is history and what is news: only the first answer about somebody, and the days before it, are history."""

from datetime import date, datetime, timedelta
from unittest.mock import patch

from aiohttp.web import StreamResponse, json_response
from homeassistant.const import STATE_ON
from homeassistant.core import State
from hypothesis import HealthCheck, given, settings, strategies as st
import orjson
import pytest

from custom_components.care_alerts.sources.lumen.mapping import came_at
from simulator.faults import Exchange, Fault
from simulator.lumen import LumenPerson
from tests.conftest import NOON, House, coordinator_of, issues, told
from tests.world import HENK, add_alert, add_person, day, generation

SERVED = NOON.replace(hour=6) + timedelta(days=1, minutes=1)
"""When the analysis of day 1 is there for everybody, whatever time it says it was made at."""


def night(hour: int, minute: int = 0) -> datetime:
    """A time of the night in which day 1 is analysed."""
    return NOON.replace(hour=hour, minute=minute) + timedelta(days=1)


async def go_on(house: House, until: datetime) -> None:
    """Let time pass until then, in steps in which Lumen is asked at most once."""
    while house.now < until:
        await house.until(min(house.now + timedelta(minutes=30), until))


@pytest.mark.parametrize("set_up_at", [night(3, 15), night(3, 30), night(5, 59)])
@pytest.mark.parametrize("generated_at", [night(0, 5), night(3, 14)])
async def test_the_night_of_the_set_up_is_news(
    house: House, announced: list[State], set_up_at: datetime, generated_at: datetime
) -> None:
    maria = add_person(house)
    add_alert(house, maria, 0, "FLEX", "PLATEAU")
    await house.until(set_up_at)
    await house.set_up(house.entry())
    await go_on(house, SERVED)
    observed = add_alert(house, maria, 1, generated_at=generated_at)
    await go_on(house, SERVED + timedelta(hours=3))

    assert told(announced, "observed_at") == [observed]
    assert told(announced, "late") == [False]
    assert house.state("binary_sensor", "weight", maria.shared_user_id).state == STATE_ON


async def test_what_the_first_answer_has_of_a_night_is_history(
    house: House, announced: list[State]
) -> None:
    maria = add_person(house)
    add_alert(house, maria, 1, generated_at=night(3, 14))
    await house.until(night(3, 30))
    await house.set_up(house.entry())
    second = add_alert(house, maria, 1, "FLEX", "PLATEAU", generated_at=night(3, 14))
    await go_on(house, night(9))

    assert told(announced, "observed_at") == [second]
    assert told(announced, "alert_type") == ["flex"]


@pytest.mark.parametrize("granted_at", [night(3, 15), night(3, 30), night(5, 45), night(5, 59)])
async def test_the_night_of_a_consent_is_news(
    house: House, announced: list[State], granted_at: datetime
) -> None:
    add_person(house)
    await house.set_up(house.entry())
    await house.until(granted_at)
    henk = add_person(house, HENK, granted_at=granted_at)
    add_alert(house, henk, 0)
    await go_on(house, SERVED)
    observed = add_alert(house, henk, 1, generated_at=night(3, 14))
    await go_on(house, SERVED + timedelta(hours=3))

    assert told(announced, "observed_at") == [observed]


async def test_a_consent_heard_of_only_with_the_analysis_after_it_loses_nothing(
    house: House, announced: list[State]
) -> None:
    add_person(house)
    await house.set_up(house.entry())
    henk = add_person(house, HENK, granted_at=night(4))
    add_alert(house, henk, 0)
    observed = add_alert(house, henk, 1, generated_at=night(3, 14))
    await house.until(SERVED + timedelta(minutes=20))
    assert told(announced, "observed_at") == [observed]


async def test_a_day_that_was_over_before_a_consent_is_history(
    house: House, announced: list[State]
) -> None:
    add_person(house)
    await house.set_up(house.entry())
    await go_on(house, night(8))
    henk = add_person(house, HENK, granted_at=house.now)
    for number in (-3, 0, 1):
        add_alert(house, henk, number)
    await go_on(house, night(12))
    assert announced == []
    assert house.state("binary_sensor", "weight", henk.shared_user_id).state == STATE_ON


async def test_what_comes_late_about_an_older_day_is_news(
    house: House, announced: list[State]
) -> None:
    """The days before the newest one are read again for somebody new: what they had not is told, late."""
    maria = add_person(house)
    await house.set_up(house.entry())
    await house.pass_time(hours=2)
    observed = add_alert(house, maria, -4)
    add_person(house, HENK, granted_at=house.now)
    await house.pass_time(hours=1)
    assert told(announced, "observed_at") == [observed]
    assert told(announced, "late") == [True]


async def test_a_back_fill_that_was_broken_off_goes_on_as_history(
    house: House, announced: list[State]
) -> None:
    maria = add_person(house)
    for number in range(-13, 1):
        add_alert(house, maria, number)
    answer = house.sim.lumen.default.alerts_body

    def answer_some(one: date, now: datetime) -> bytes:
        return b"{" if one < day(-3) else answer(one, now)

    with patch.object(house.sim.lumen.default, "alerts_body", answer_some):
        entry = await house.set_up(house.entry())
        assert len(coordinator_of(entry).store.ledger) == 4
        await house.hass.config_entries.async_reload(entry.entry_id)
        await house.settle()
    await house.pass_time(hours=2)
    assert len(coordinator_of(entry).store.ledger) == 14
    assert announced == []


async def test_a_first_answer_that_could_not_be_read_is_not_the_first(
    house: House, announced: list[State]
) -> None:
    maria = add_person(house)
    record = house.sim.lumen.default.add_alert(maria, day(0), "WEIGHT", "TOO_FAST")
    subtype = record["alertSubtype"]
    record["alertSubtype"] = None
    await house.set_up(house.entry())
    record["alertSubtype"] = subtype
    house.sim.lumen.default._changed()
    await house.pass_time(hours=1)
    assert house.state("binary_sensor", "weight", maria.shared_user_id).state == STATE_ON
    assert announced == []


type Served = tuple[bool, int, int, int]
"""An alert: Henk's or Maria's, of which day, made and served how many minutes into the night after."""

ALERTS = st.lists(
    st.tuples(st.booleans(), st.integers(-1, 1), st.integers(0, 540), st.integers(0, 600)),
    min_size=1,
    max_size=6,
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(alerts=ALERTS, set_up=st.integers(0, 24 * 60), consent=st.integers(0, 24 * 60))
async def test_whatever_no_first_answer_had_is_announced_once(
    house: House, announced: list[State], alerts: list[Served], set_up: int, consent: int
) -> None:
    """Any set-up, any generation, several a day, people who appear later: held against what the answers really had."""
    await house.until(NOON)
    house.sim.lumen.reset()
    announced.clear()
    account = house.sim.lumen.default
    start = NOON + timedelta(minutes=set_up)
    granted_at = start + timedelta(minutes=consent)
    people = {False: add_person(house), True: add_person(house, HENK, granted_at=granted_at)}
    waiting: dict[datetime, list[tuple[LumenPerson, int, datetime]]] = {}
    for number, (whose, about, made, later) in enumerate(alerts):
        midnight = NOON.replace(hour=0) + timedelta(days=about)
        generated_at = midnight + timedelta(minutes=made, seconds=number)
        served_at = max(midnight + timedelta(minutes=max(made, later)), NOON)
        waiting.setdefault(served_at, []).append((people[whose], about, generated_at))

    serve = account.alerts_body
    first: dict[tuple[str, date], set[str]] = {}
    """What the first answer of each day had of somebody followed."""
    begun: dict[str, date] = {}
    all_had: dict[str, set[str]] = {}
    entry = house.entry()

    def watch(about: date, now: datetime) -> bytes:
        body = serve(about, now)
        records = orjson.loads(body)["data"]["alerts"]
        for person_id in entry.runtime_data.source.followed:
            had = {
                datetime.fromisoformat(record["generatedAt"]).isoformat()
                for record in records
                if record["sharedUserId"] == person_id
            }
            # The newest day is asked for first.
            begun.setdefault(person_id, about)
            first.setdefault((person_id, about), had)
            all_had.setdefault(person_id, set()).update(had)
        return body

    stops = sorted({start, *waiting, *(NOON + timedelta(hours=n) for n in range(60))})
    with patch.object(account, "alerts_body", watch):
        for stop in stops:
            await house.until(max(stop, house.now))
            for person, about, generated_at in waiting.get(stop, ()):
                add_alert(house, person, about, generated_at=generated_at)
            if stop == start:
                await house.set_up(entry)
        await house.pass_time(hours=1)

    followed = entry.runtime_data.source.followed
    for person_id, had in all_had.items():
        event = house.entity_id("event", "alert", person_id, entry)
        said = [one.attributes["observed_at"] for one in announced if one.entity_id == event]
        history = {
            one
            for (who, about), at_first in first.items()
            if who == person_id and about <= begun[person_id]
            for one in at_first
        }
        assert len(said) == len(set(said))
        assert had - history <= set(said) <= had
        # Of what was there at first only what may have come after they were followed.
        nights = {
            one
            for one in history
            if came_at(datetime.fromisoformat(one), house.now) > followed[person_id].since
        }
        assert set(said) & history <= nights
    assert issues(house) == {}
    await house.hass.config_entries.async_remove(entry.entry_id)
    await house.settle()


# Days that are lost, and days that are not.


async def test_a_late_analysis_that_was_had_is_no_lost_day(
    house: House, announced: list[State]
) -> None:
    """Made in the next morning, while the next day's was made in its night: asked for, answered, announced."""
    maria = add_person(house)
    entry = await house.set_up(house.entry())
    observed = add_alert(house, maria, 1, generated_at=night(8))
    await go_on(house, generation(3) + timedelta(hours=6))
    assert told(announced, "observed_at") == [observed]
    assert issues(house) == {}
    await house.hass.config_entries.async_reload(entry.entry_id)
    await house.settle()
    assert issues(house) == {}


@pytest.mark.parametrize("hours_late", [3, 5, 12, 20])
async def test_however_late_it_was(house: House, announced: list[State], hours_late: int) -> None:
    maria = add_person(house)
    await house.set_up(house.entry())
    late = generation(1) + timedelta(hours=hours_late)
    observed = add_alert(house, maria, 1, generated_at=late)
    await go_on(house, generation(3) + timedelta(hours=6))
    assert told(announced, "observed_at") == [observed]
    assert issues(house) == {}


async def test_a_day_that_was_lost_and_is_had_after_all_is_no_more(
    house: House, announced: list[State]
) -> None:
    maria = add_person(house)
    entry = await house.set_up(house.entry())
    await house.hass.config_entries.async_unload(entry.entry_id)
    observed = [add_alert(house, maria, number) for number in range(1, 6)]
    # Lumen says for a while that it has only the newest day.
    house.sim.faults.add("lumen.alerts", _unavailable())
    await house.pass_time(days=5)
    await house.set_up(entry)
    assert issues(house)["days_lost"] is not None
    await house.hass.config_entries.async_reload(entry.entry_id)
    await house.settle()
    assert issues(house)["days_lost"] is not None

    house.sim.faults.clear()
    await go_on(house, generation(6) + timedelta(hours=6))
    assert issues(house) == {}
    assert sorted(told(announced, "observed_at")) == observed


def _unavailable() -> Fault:
    async def answer(exchange: Exchange) -> StreamResponse:
        if "date" not in exchange.request.query:
            return await exchange.proceed()
        error = {"code": "DATE_UNAVAILABLE", "message": "Not kept."}
        return json_response({"success": False, "error": error}, status=409)

    return Fault("unavailable", answer)
