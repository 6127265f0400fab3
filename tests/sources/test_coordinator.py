"""How Lumen is followed over days: in a real Home Assistant, against the simulator over real HTTP."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
import logging
from typing import Any
from unittest.mock import patch

from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNKNOWN
from homeassistant.core import State
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.storage import Store
from homeassistant.helpers.translation import async_get_translations
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.alerts.alert import Announcement
from custom_components.care_alerts.alerts.response_log import Episode
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.event import AlertEvent
from custom_components.care_alerts.sources.http import Answer
from custom_components.care_alerts.sources.lumen.api import LumenClient
from simulator.faults import CATALOGUE
from simulator.lumen import LumenPerson
from tests.conftest import NOON, House, coordinator_of, issues, told
from tests.world import HENK, MARIA, add_alert, add_person, day, days_asked, generation

SECOND = timedelta(seconds=1)


async def away(house: House, entry: MockConfigEntry, **amount: float) -> None:
    """Stop the source, let time pass, clear the log and start it again."""
    await house.hass.config_entries.async_unload(entry.entry_id)
    await house.pass_time(**amount)
    house.sim.log.clear()
    await house.set_up(entry)


async def hours(house: House, number: int, *, step: int = 1) -> None:
    """Let hours pass step by step: Lumen is asked once in each."""
    for _ in range(0, number, step):
        await house.pass_time(hours=step)


def weight_is(house: House, person: LumenPerson) -> str:
    """The state of a person's weight alert."""
    return house.state("binary_sensor", "weight", person.shared_user_id).state


# First contact, and the days after.


async def test_first_contact_fills_everything_and_announces_nothing(
    house: House, announced: list[State]
) -> None:
    maria = add_person(house)
    for number in range(-13, 1):
        add_alert(house, maria, number)

    entry = await house.set_up(house.entry())
    await hours(house, 3)

    assert announced == []
    assert len(coordinator_of(entry).store.ledger) == 14
    assert weight_is(house, maria) == STATE_ON
    since = house.state("binary_sensor", "weight", maria.shared_user_id).attributes["since"]
    assert since == generation(-13)
    assert days_asked(house)[:15] == [None, *(day(-n) for n in range(1, 15))]
    # Each day once: after that, only the newest.
    assert days_asked(house)[15:] == [None] * 3
    first = house.sim.requests("lumen.identity_mappings")[0]
    assert first.query == {"grantedAfter": "2015-01-01T00:00:00Z"}


async def test_a_new_alert_is_announced_once_and_not_late(
    house: House, announced: list[State]
) -> None:
    maria = add_person(house)
    add_alert(house, maria, 0)
    observed = add_alert(house, maria, 1)
    await house.set_up(house.entry())

    await hours(house, 24)

    assert told(announced, "observed_at") == [observed]
    [state] = announced
    assert state.attributes["event_type"] == "weight"
    assert state.attributes["late"] is False
    assert state.attributes["redelivered"] is False
    assert datetime.fromisoformat(state.attributes["received_at"]) < generation(1) + timedelta(
        hours=3
    )


async def test_alerts_of_one_poll_are_each_an_event_of_their_own(
    house: House, announced: list[State]
) -> None:
    maria, henk = add_person(house), add_person(house, HENK)
    for person in (maria, henk):
        add_alert(house, person, 1)
        add_alert(house, person, 1, "FLEX", "PLATEAU")
        add_alert(house, person, 1, "MEDICATION", "MISSED_DOSE_HIGH")
    await house.set_up(house.entry())

    await hours(house, 24, step=6)

    assert len(set(told(announced, "alert_id"))) == len(announced) == 6
    assert (
        sorted(told(announced, "event_type")) == ["flex"] * 2 + ["medication"] * 2 + ["weight"] * 2
    )


async def test_lumen_is_asked_every_hour_and_soon_after_each_analysis(house: House) -> None:
    add_person(house)
    await house.set_up(house.entry())
    house.sim.log.clear()

    for _ in range(24 * 6):
        await house.pass_time(minutes=10)

    asked = [request.at for request in house.sim.requests("lumen.alerts")]
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    soon_after = generation(1).replace(hour=6, minute=5, second=0)
    assert max(gaps) <= timedelta(hours=1, minutes=10)
    assert 24 <= len(asked) <= 26
    assert any(soon_after <= at <= soon_after + timedelta(minutes=15) for at in asked)


@pytest.mark.parametrize("number", range(3))
async def test_not_every_house_asks_at_the_same_second(house: House, number: int) -> None:
    add_person(house)
    await house.until(generation(1).replace(hour=5, minute=30, second=0))
    entry = await house.set_up(house.entry(entry_id="entry" + "z" * number))

    interval = coordinator_of(entry).update_interval

    analysed = timedelta(minutes=30)
    spread = sum(entry.entry_id.encode()) % 300
    assert interval == analysed + timedelta(minutes=5, seconds=spread)


async def test_what_is_announced_is_on_disk_even_if_told_to_announce_halfway_through_a_poll(
    house: House, announced: list[State], hass_storage: dict[str, Any]
) -> None:
    maria = add_person(house)
    entry = await house.set_up(house.entry())
    observed = [add_alert(house, maria, number) for number in (1, 2, 3)]
    announce, ask = AlertEvent._announce, LumenClient._get

    def announce_what_is_on_disk(
        event: AlertEvent, announcement: Announcement, episode: Episode | None
    ) -> None:
        lines = hass_storage[f"{DOMAIN}.{entry.entry_id}"]["data"]["ledger"]["lines"]
        assert announcement.alert.alert_id in {line["alert"]["alert_id"] for line in lines}
        announce(event, announcement, episode)

    async def ask_and_be_interrupted(client: LumenClient, *args: Any) -> Answer:
        answer = await ask(client, *args)
        coordinator_of(entry).announcer.start()
        await house.hass.async_add_executor_job(lambda: None)
        return answer

    with (
        patch.object(AlertEvent, "_announce", announce_what_is_on_disk),
        patch.object(LumenClient, "_get", ask_and_be_interrupted),
    ):
        await house.until(generation(3) + timedelta(hours=4))

    assert told(announced, "observed_at") == observed


# Before the analysis is complete.


async def test_before_six_nothing_is_ended_and_after_it_is(house: House) -> None:
    maria = add_person(house)
    add_alert(house, maria, 0)
    await house.set_up(house.entry())

    await hours(house, 17)
    # 05:00 UTC: the new day is there since 03:14, without an alert so far.
    assert house.state("sensor", "data_through").state > generation(1).isoformat()
    assert weight_is(house, maria) == STATE_ON

    await hours(house, 2)
    assert weight_is(house, maria) == STATE_OFF
    attributes = house.state("binary_sensor", "weight", maria.shared_user_id).attributes
    assert attributes["end_reason"] == "newer_day"
    assert attributes["ended_at"] == generation(1).replace(hour=6, minute=0, second=0)


async def test_an_alert_replaced_within_the_day_is_announced_and_stands(
    house: House, announced: list[State]
) -> None:
    maria = add_person(house)
    add_alert(house, maria, 0, subtype="IN_RANGE")
    first = add_alert(house, maria, 1)
    await house.set_up(house.entry())
    await hours(house, 16)
    assert weight_is(house, maria) == STATE_ON

    second = add_alert(
        house, maria, 1, subtype="IN_RANGE", generated_at=generation(1) + timedelta(hours=1)
    )
    await hours(house, 4)

    assert told(announced, "observed_at") == [first, second]
    assert weight_is(house, maria) == STATE_OFF


@pytest.mark.parametrize(
    ("generation_days", "zone", "home"),
    [
        # Analysed in the day's own night, which for Lumen may be its afternoon.
        (0, "UTC", "US/Pacific"),
        (0, "Pacific/Kiritimati", "Europe/Amsterdam"),
        (0, "Asia/Tokyo", "Asia/Kathmandu"),
        # Analysed in the night after.
        (1, "UTC", "Asia/Kathmandu"),
        (1, "Pacific/Kiritimati", "US/Pacific"),
        (1, "Pacific/Honolulu", "Pacific/Kiritimati"),
        (1, "Europe/Amsterdam", "Europe/Amsterdam"),
    ],
)
async def test_a_week_goes_the_same_in_every_time_zone(
    house: House, announced: list[State], generation_days: int, zone: str, home: str
) -> None:
    """Alerts on days 1, 2 and 4: two episodes, each alert announced once, the last one over in the end."""
    await house.hass.config.async_set_time_zone(home)
    account = house.sim.lumen.add_account("key", zone)
    account.generation_days = generation_days
    maria = account.add_person(MARIA, granted_at=NOON - timedelta(days=90))
    today = account.newest_day(NOON)
    account.add_alert(maria, today, "WEIGHT", "IN_RANGE")
    expected = [
        account.generation_of(today + timedelta(days=number)).isoformat() for number in (1, 2, 4)
    ]
    for number in (1, 2, 4):
        account.add_alert(maria, today + timedelta(days=number), "WEIGHT", "TOO_FAST")
    await house.set_up(house.entry(data={"api_key": "key"}))

    seen = [weight_is(house, maria)]
    for _ in range(7 * 8):
        await house.pass_time(hours=3)
        if (state := weight_is(house, maria)) != seen[-1]:
            seen.append(state)

    assert told(announced, "observed_at") == expected
    assert set(told(announced, "late")) == {False}
    assert seen == [STATE_OFF, STATE_ON, STATE_OFF, STATE_ON, STATE_OFF]


async def test_a_change_to_summer_time_changes_nothing(
    house: House, announced: list[State]
) -> None:
    """The clocks in Amsterdam go forward on 28 March 2027."""
    await house.hass.config.async_set_time_zone("Europe/Amsterdam")
    await house.until(datetime(2027, 3, 26, 12, tzinfo=UTC))
    account = house.sim.lumen.add_account("key", "Europe/Amsterdam")
    maria = account.add_person(MARIA, granted_at=NOON)
    days = [date(2027, 3, number) for number in (25, 26, 27, 28, 29)]
    for one in days:
        account.add_alert(maria, one, "WEIGHT", "TOO_FAST")
    await house.set_up(house.entry(data={"api_key": "key"}))

    await hours(house, 4 * 24, step=4)

    assert told(announced, "observed_at") == [
        account.generation_of(one).isoformat() for one in days[1:]
    ]
    assert not any(told(announced, "late"))


# Away.


async def test_after_a_week_each_missed_day_is_asked_for_and_announced_once(
    house: House, announced: list[State]
) -> None:
    maria = add_person(house)
    add_alert(house, maria, 0)
    entry = await house.set_up(house.entry())
    has_data_gap = [add_alert(house, maria, number) for number in range(1, 8)]

    await away(house, entry, days=7)

    assert days_asked(house) == [None, *(day(number) for number in range(6, 0, -1))]
    assert told(announced, "observed_at") == has_data_gap
    assert told(announced, "late") == [True] * 7
    assert told(announced, "redelivered") == [False] * 7
    assert issues(house) == {}
    since = house.state("binary_sensor", "weight", maria.shared_user_id).attributes["since"]
    assert since == generation(0)

    await hours(house, 4)
    await away(house, entry, hours=1)
    assert days_asked(house) == [None]
    assert len(announced) == 7


async def test_a_week_without_the_server_is_no_other_than_a_week_without_us(
    house: House, announced: list[State]
) -> None:
    maria = add_person(house)
    await house.set_up(house.entry())
    has_data_gap = [add_alert(house, maria, number) for number in range(1, 8)]

    house.sim.faults.add("*", CATALOGUE["503_bare"]())
    await hours(house, 7 * 24, step=12)
    assert announced == []
    house.sim.faults.clear()
    house.sim.log.clear()
    await hours(house, 3)

    assert told(announced, "observed_at") == has_data_gap
    assert told(announced, "late") == [True] * 7
    assert [asked for asked in days_asked(house) if asked] == [
        day(number) for number in range(6, 0, -1)
    ]


async def test_days_that_fail_on_the_way_back_are_asked_for_again(
    house: House, announced: list[State]
) -> None:
    maria = add_person(house)
    entry = await house.set_up(house.entry())
    has_data_gap = [add_alert(house, maria, number) for number in range(1, 8)]
    await house.hass.config_entries.async_unload(entry.entry_id)
    await house.pass_time(days=7)

    # One day gets through, the next fails, and so on: each poll gets a day further.
    asked = 0
    respond = house.sim.lumen.default.alerts_body

    def every_third_fails(one: date, now: datetime) -> bytes:
        nonlocal asked
        asked += 1
        return b"{" if asked % 3 == 0 else respond(one, now)

    with patch.object(house.sim.lumen.default, "alerts_body", every_third_fails):
        await house.set_up(entry)
        await hours(house, 12)

    assert sorted(told(announced, "observed_at")) == has_data_gap
    assert set(told(announced, "late")) == {True}


@pytest.mark.parametrize(
    ("generation_days", "days", "lost"),
    [
        (1, 14, []),
        (0, 15, []),
        (1, 15, [1]),
        (0, 16, [1]),
        (1, 20, [1, 2, 3, 4, 5, 6]),
    ],
)
async def test_days_that_lumen_no_longer_keeps_are_said_to_be_lost_once(
    house: House,
    announced: list[State],
    caplog: pytest.LogCaptureFixture,
    generation_days: int,
    days: int,
    lost: list[int],
) -> None:
    account = house.sim.lumen.default
    account.generation_days = generation_days
    # Newest at noon: yesterday, or today where a day is analysed in its own night.
    newest = 1 - generation_days
    maria = add_person(house)
    add_alert(house, maria, newest, subtype="IN_RANGE")
    entry = await house.set_up(house.entry())
    has_data_gap = [add_alert(house, maria, newest + number) for number in range(1, days + 1)]

    await away(house, entry, days=days)
    await hours(house, 30, step=10)
    await away(house, entry, hours=1)

    assert told(announced, "observed_at") == has_data_gap[len(lost) :]
    assert set(told(announced, "late")) == {True}
    warnings = [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.WARNING and record.name.startswith("custom_components.care")
    ]
    if not lost:
        assert issues(house) == {}
        assert warnings == []
        return
    said = issues(house)["days_lost"]
    assert said == {
        "entry": "Lumen",
        "first": day(newest + lost[0]).isoformat(),
        "last": day(newest + lost[-1]).isoformat(),
    }
    assert len(warnings) == 1
    assert day(newest + lost[0]).isoformat() in warnings[0]


async def test_a_day_half_read_before_a_long_absence_is_lost_too(house: House) -> None:
    """What came after our last reading of it is not to be had any more, and silence would look like health."""
    maria = add_person(house)
    await house.until(generation(1) + timedelta(minutes=15))
    entry = await house.set_up(house.entry())
    add_alert(house, maria, 1, generated_at=generation(1) + timedelta(hours=1))

    await away(house, entry, days=14)

    said = issues(house)["days_lost"]
    assert said is not None
    assert said["first"] == said["last"] == day(1).isoformat()


async def test_a_409_ends_the_back_fill_without_a_word(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """Before the night's analysis the newest day is the day before yesterday: the last of its 14 is out of reach."""
    maria = add_person(house)
    await house.until(NOON + timedelta(hours=14))
    for number in range(-13, 1):
        add_alert(house, maria, number)
    house.sim.log.clear()

    entry = await house.set_up(house.entry())

    statuses = [request.status for request in house.sim.requests("lumen.alerts")]
    assert statuses == [200] * 13 + [409]
    assert len(coordinator_of(entry).store.ledger) == 13
    assert house.state("sensor", "status").state == "ok"
    assert issues(house) == {}
    assert not [r for r in caplog.records if "care_alerts" in r.name and r.levelno > logging.INFO]
    house.sim.log.clear()
    await hours(house, 1)
    assert days_asked(house) == [None]


async def test_one_late_analysis_after_quiet_weeks_makes_no_day_lost(house: House) -> None:
    maria = add_person(house)
    await house.set_up(house.entry())
    add_alert(house, maria, 20, generated_at=generation(20) + timedelta(hours=4))

    await hours(house, 20 * 24, step=12)

    assert weight_is(house, maria) == STATE_ON
    assert issues(house) == {}


# Consent.


async def test_without_the_consents_at_first_contact_the_history_comes_later(
    house: House, announced: list[State]
) -> None:
    maria = add_person(house)
    for number in range(-13, 1):
        add_alert(house, maria, number)
    house.sim.faults.add("lumen.identity_mappings", CATALOGUE["500_bare"](), times=1)

    entry = await house.set_up(house.entry())
    await hours(house, 2)

    assert len(coordinator_of(entry).store.ledger) == 14
    assert announced == []


async def test_a_consent_given_while_away_and_heard_of_late_loses_nothing(
    house: House, announced: list[State]
) -> None:
    add_person(house)
    entry = await house.set_up(house.entry())
    henk = add_person(house, HENK, granted_at=NOON + timedelta(hours=1))
    observed = [add_alert(house, henk, number) for number in range(1, 8)]
    house.sim.faults.add("lumen.identity_mappings", CATALOGUE["500_bare"](), times=1)

    await away(house, entry, days=7)
    await hours(house, 2)

    assert told(announced, "observed_at") == observed


async def test_a_later_consent_brings_a_person_without_a_reload(
    house: House, announced: list[State]
) -> None:
    add_person(house)
    entry = await house.set_up(house.entry())
    await house.pass_time(minutes=30)
    henk = add_person(house, HENK, granted_at=house.now)
    add_alert(house, henk, 0)

    await house.pass_time(hours=1)

    assert dr.async_get(house.hass).async_get_device_by_identifier(
        (DOMAIN, f"lumen_{henk.shared_user_id}"), entry.entry_id
    )
    assert weight_is(house, henk) == STATE_ON
    assert announced == []

    observed = add_alert(house, henk, 1)
    await hours(house, 24, step=6)
    assert told(announced, "observed_at") == [observed]


async def test_a_consent_given_while_away_counts_from_then_on(
    house: House, announced: list[State]
) -> None:
    add_person(house)
    entry = await house.set_up(house.entry())
    henk = add_person(house, HENK, granted_at=NOON + timedelta(days=3))
    observed = [add_alert(house, henk, number) for number in range(1, 8)]

    await away(house, entry, days=7)

    # Consent was given at noon of day 4: what was analysed before is from before it.
    assert told(announced, "observed_at") == observed[3:]
    assert set(told(announced, "late")) == {True}


async def test_mappings_are_asked_for_with_an_overlap_from_the_last_consent_on(
    house: House,
) -> None:
    add_person(house, granted_at=NOON - timedelta(days=10))
    entry = await house.set_up(house.entry())
    add_person(house, HENK, granted_at=NOON - timedelta(hours=2))

    await house.pass_time(hours=1)
    await away(house, entry, hours=1)

    asked = [
        datetime.fromisoformat(request.query["grantedAfter"])
        for request in house.sim.requests("lumen.identity_mappings")
    ]
    assert asked == [NOON - timedelta(hours=2, days=1)]


async def test_a_consent_revoked_leaves_the_person_as_last_heard_from(house: House) -> None:
    maria, henk = add_person(house), add_person(house, HENK)
    for number in range(20):
        add_alert(house, maria, number, subtype="IN_RANGE")
    add_alert(house, henk, 0)
    await house.set_up(house.entry())
    house.sim.lumen.default.revoke(henk)

    await hours(house, 24, step=6)
    assert weight_is(house, henk) == STATE_OFF
    heard = house.state("sensor", "last_alert_time", henk.shared_user_id).state
    assert heard == generation(0).isoformat()

    for number in range(2, 14):
        await house.until(NOON + timedelta(days=number))
    assert weight_is(house, henk) == STATE_OFF
    await house.until(NOON + timedelta(days=14))
    assert weight_is(house, henk) == STATE_UNKNOWN
    assert house.state("sensor", "active_alerts", henk.shared_user_id).state == STATE_UNKNOWN
    assert house.state("sensor", "highest_severity", henk.shared_user_id).state == STATE_UNKNOWN
    assert house.state("sensor", "last_alert_time", henk.shared_user_id).state == heard
    assert house.state("sensor", "last_alert", henk.shared_user_id).state == "weight"
    assert not [s for s in house.hass.states.async_all() if "revoked" in str(s.as_dict())]


async def test_a_consent_given_again_is_the_same_person(
    house: House, announced: list[State]
) -> None:
    henk = add_person(house, HENK)
    await house.set_up(house.entry())
    devices = len(dr.async_get(house.hass).devices)
    house.sim.lumen.default.revoke(henk)
    await hours(house, 48, step=6)
    house.sim.lumen.default.grant(henk)
    observed = add_alert(house, henk, 3)

    await hours(house, 24, step=6)

    assert told(announced, "observed_at") == [observed]
    assert weight_is(house, henk) == STATE_ON
    assert len(dr.async_get(house.hass).devices) == devices


# Many people.


async def test_with_25_people_everybody_is_followed(house: House) -> None:
    for number in range(25):
        add_person(house, f"person{number}@example.com")

    entry = await house.set_up(house.entry())

    assert len(coordinator_of(entry).data.people) == 25
    assert issues(house) == {}


async def test_with_more_nobody_new_is_followed_and_it_is_said(
    house: House, announced: list[State]
) -> None:
    people = [add_person(house, f"person{number}@example.com") for number in range(25)]
    entry = await house.set_up(house.entry())
    stranger = add_person(house, HENK, granted_at=house.now)
    observed = add_alert(house, people[0], 1)
    add_alert(house, stranger, 1)

    await hours(house, 24, step=6)
    await away(house, entry, hours=1)

    assert set(coordinator_of(entry).data.people) == {p.shared_user_id for p in people}
    assert issues(house) == {"choose_people": {"entry": "Lumen", "most": "25"}}
    assert told(announced, "observed_at") == [observed]

    house.hass.config_entries.async_update_entry(
        entry, options={"followed": [HENK], "chosen_at": house.now.isoformat()}
    )
    await away(house, entry, seconds=1)
    assert set(coordinator_of(entry).data.people) == {stranger.shared_user_id}
    assert issues(house) == {}


async def test_chosen_by_email_whatever_its_case_and_however_many_others(house: House) -> None:
    for number in range(40):
        add_person(house, f"person{number}@example.com")
    entry = await house.set_up(
        house.entry(options={"followed": ["Person7@Example.com", "person9@example.com"]})
    )

    followed = {one.person.name for one in coordinator_of(entry).data.people.values()}
    assert followed == {"person7", "person9"}
    assert issues(house) == {}


@pytest.mark.parametrize(
    ("follow_later", "followed"), [(True, {"maria", "new"}), (False, {"maria"})]
)
async def test_people_who_consent_later_are_followed_if_asked_for(
    house: House, announced: list[State], follow_later: bool, followed: set[str]
) -> None:
    add_person(house)
    add_person(house, "old@example.com", granted_at=NOON - timedelta(hours=1))
    entry = await house.set_up(
        house.entry(
            options={
                "followed": [MARIA],
                "follow_later": follow_later,
                "chosen_at": NOON.isoformat(),
            }
        )
    )
    await house.pass_time(hours=2)
    new = add_person(house, "new@example.com", granted_at=house.now)
    observed = add_alert(house, new, 1)

    await hours(house, 24, step=6)

    assert {one.person.name for one in coordinator_of(entry).data.people.values()} == followed
    assert told(announced, "observed_at") == ([observed] if follow_later else [])


@pytest.mark.parametrize("at_once", [5, 30])
async def test_of_those_who_consent_later_too_only_so_many_are_followed(
    house: House, at_once: int
) -> None:
    """Whoever can have people give consent must not fill a house with their devices."""
    chosen = {add_person(house, f"chosen{number}@example.com").email for number in range(30)}
    options: dict[str, Any] = {"followed": sorted(chosen), "chosen_at": NOON.isoformat()}
    entry = await house.set_up(house.entry(options=options))
    assert len(coordinator_of(entry).data.people) == 30
    assert issues(house) == {}

    for number in range(30):
        if number % at_once == 0:
            await house.pass_time(hours=1, seconds=2)
        add_person(house, f"later{number}@example.com", granted_at=house.now)
    await house.pass_time(hours=1, seconds=2)
    followed = 25 if at_once == 5 else 0
    assert len(coordinator_of(entry).data.people) == 30 + followed
    assert issues(house) == {"choose_people": {"entry": "Lumen", "most": "25"}}

    # It lasts until somebody chooses. Those chosen by name are followed as ever.
    late = add_person(house, "chosen.too@example.com", granted_at=house.now)
    options["followed"].append(late.email)
    house.hass.config_entries.async_update_entry(entry, options=options)
    await away(house, entry, seconds=1)
    assert late.shared_user_id in coordinator_of(entry).data.people


async def test_somebody_chosen_later_brings_the_days_that_are_still_kept(
    house: House, announced: list[State]
) -> None:
    add_person(house)
    henk = add_person(house, HENK)
    add_alert(house, henk, -5)
    entry = await house.set_up(
        house.entry(options={"followed": [MARIA], "chosen_at": NOON.isoformat()})
    )
    await hours(house, 2)

    house.hass.config_entries.async_update_entry(
        entry, options={"followed": [MARIA, HENK], "chosen_at": house.now.isoformat()}
    )
    await away(house, entry, seconds=1)

    assert announced == []
    heard = house.state("sensor", "last_alert_time", henk.shared_user_id).state
    assert heard == generation(-5).isoformat()


async def test_strangers_make_us_ask_for_all_consents_again_but_once_a_day(house: House) -> None:
    """A consent that the hourly question missed, because it is dated long before it showed up."""
    add_person(house)
    entry = await house.set_up(house.entry())
    has_data_gap = add_person(house, HENK, granted_at=NOON - timedelta(days=200))
    for number in (0, 1):
        add_alert(house, has_data_gap, number)

    await hours(house, 24)
    assert has_data_gap.shared_user_id not in coordinator_of(entry).data.people
    await hours(house, 2)
    assert has_data_gap.shared_user_id in coordinator_of(entry).data.people
    assert weight_is(house, has_data_gap) == STATE_ON

    # Somebody whose mapping never comes: not asked for every hour.
    house.sim.lumen.default.add_person("broken@example.com", extra={"grantedAt": None})
    ghost = house.sim.lumen.default.person("broken@example.com")
    for number in range(1, 5):
        add_alert(house, ghost, number)
    house.sim.log.clear()
    await hours(house, 48)
    full = [
        request
        for request in house.sim.requests("lumen.identity_mappings")
        if request.query["grantedAfter"] < "2016"
    ]
    assert 1 <= len(full) <= 2


# What cannot be read, and what is measured.


async def test_a_record_that_cannot_be_read_is_counted_and_logged_once(
    house: House, announced: list[State], caplog: pytest.LogCaptureFixture
) -> None:
    maria = add_person(house)
    add_person(house, HENK)
    entry = await house.set_up(house.entry())
    observed = add_alert(house, maria, 1)
    add_alert(house, maria, 1, "FLEX", "PLATEAU", extra={"alertSubtype": None})

    await hours(house, 20)

    assert told(announced, "observed_at") == [observed]
    assert coordinator_of(entry).unreadable_records == 1

    def said(text: str) -> int:
        return sum(text in record.getMessage() for record in caplog.records)

    assert (said("1 record(s) from"), said("can be read again")) == (1, 0)
    # The next day's have nothing odd.
    await hours(house, 48)
    assert coordinator_of(entry).unreadable_records == 0
    assert (said("1 record(s) from"), said("can be read again")) == (1, 1)


@pytest.mark.usefixtures("all_enabled")
async def test_the_delay_is_measured_on_what_came_live(house: House) -> None:
    maria = add_person(house)
    add_alert(house, maria, 0)
    await house.set_up(house.entry())
    assert house.state("sensor", "delay").state == STATE_UNKNOWN
    add_alert(house, maria, 1)

    await house.until(generation(1) + timedelta(minutes=40))

    state = house.state("sensor", "delay")
    assert state.attributes["unit_of_measurement"] == "min"
    assert float(state.state) == pytest.approx(40, abs=0.1)


# Asked by hand.


async def test_the_button_asks_at_once(house: House, announced: list[State]) -> None:
    maria = add_person(house)
    await house.set_up(house.entry())
    await house.until(generation(1) - timedelta(minutes=1))
    observed = add_alert(house, maria, 1)
    house.sim.clock.set(generation(1) + SECOND)
    house.freezer.move_to(generation(1) + SECOND)

    await house.press("refresh")
    await house.settle()

    assert told(announced, "observed_at") == [observed]


async def test_the_button_obeys_retry_after_and_says_how_long(house: House) -> None:
    add_person(house)
    await house.set_up(house.entry())
    house.sim.faults.add("*", CATALOGUE["429_seconds"](retry_after=600), times=1)

    with pytest.raises(HomeAssistantError) as limited:
        await house.press("refresh")
    assert limited.value.translation_key == "rate_limited"
    asked = len(house.sim.log)

    house.freezer.tick(61)
    with pytest.raises(HomeAssistantError) as waiting:
        await house.press("refresh")
    assert waiting.value.translation_domain == DOMAIN
    assert waiting.value.translation_key == "asked_to_wait"
    assert waiting.value.translation_placeholders == {"minutes": "9"}
    assert len(house.sim.log) == asked

    await house.pass_time(minutes=11)
    assert house.state("sensor", "status").state == "ok"
    await house.press("refresh")


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        ("500_bare", "unreachable"),
        ("403_bare", "permission_lost"),
        ("not_json", "unreachable"),
        ("401_bare", "login_failed"),
    ],
)
async def test_the_button_says_what_went_wrong(house: House, fault: str, key: str) -> None:
    add_person(house)
    await house.set_up(house.entry())
    house.sim.faults.add("*", CATALOGUE[fault]())

    with pytest.raises(HomeAssistantError) as error:
        await house.press("refresh")

    assert error.value.translation_domain == DOMAIN
    assert error.value.translation_key == key
    texts = await async_get_translations(house.hass, "en", "exceptions", [DOMAIN])
    assert str(error.value) == texts[f"component.{DOMAIN}.exceptions.{key}.message"].rstrip(".")


# What is written when.


async def test_what_brings_no_news_is_written_at_leisure(house: House) -> None:
    maria = add_person(house)
    entry = await house.set_up(house.entry())
    await house.pass_time(minutes=10)
    written: list[str] = []
    write = Store._async_write_data

    async def count(store: Store[Any], data: dict[str, Any]) -> None:
        written.append(store.key)
        await write(store, data)

    with patch.object(Store, "_async_write_data", count):
        for _ in range(3):
            await coordinator_of(entry).async_refresh()
        assert written == []
        await house.pass_time(minutes=5)
        assert written == [f"{DOMAIN}.{entry.entry_id}"]
        await house.pass_time(minutes=10)
        assert len(written) == 1

        # What waits does not outlive the source: the next life of it reads the file.
        await coordinator_of(entry).async_refresh()
        await house.hass.config_entries.async_unload(entry.entry_id)
        assert len(written) == 2
        await house.pass_time(minutes=10)
        assert len(written) == 2

        await house.set_up(entry)
        add_alert(house, maria, 1)
        await house.until(generation(1) - timedelta(minutes=10))
        await house.pass_time(minutes=5)
        written.clear()
        await house.until(generation(1) + timedelta(hours=2))
        # Before it is told, and once it is.
        assert len(written) == 2
