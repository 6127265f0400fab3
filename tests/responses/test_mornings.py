"""The morning message: once a day, to those on duty, by the report; what it says, and how much a shared phone is told."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from homeassistant.core import HomeAssistant, ServiceCall
import pytest

from custom_components.care_alerts.alerts.glucose import MG_DL, MMOL_L, OutOfRange
from custom_components.care_alerts.alerts.readings import KeptReading
from custom_components.care_alerts.alerts.report import Report
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.answers import Known
from custom_components.care_alerts.responses.household import Household as CareHousehold
from custom_components.care_alerts.responses.morning import NightOf, morning_note
from custom_components.care_alerts.responses.mornings import Mornings
from custom_components.care_alerts.responses.plan import Text
from custom_components.care_alerts.responses.store import Kept, ResponseStore
from custom_components.care_alerts.responses.wording import Wording
from simulator import CATALOGUE
from tests.alerts.build import hour
from tests.alerts.test_report import episode, of_one_source
from tests.home import Home, Phone

from .house import caregiver, household_entry, plan, set_up

ALL_AT_ONCE: list[dict[str, Any]] = [{"after": 0, "tell": ["everybody"]}]
UTC_ZONE = ZoneInfo("UTC")
FILE = f"{DOMAIN}.responses"


async def house(home: Home, **of_plan: Any) -> tuple[Phone, Phone]:
    """Anna is on duty, Ben is not; it is noon by the house's clock."""
    await home.hass.config.async_set_time_zone("UTC")
    annas, bens = await home.phone("Anna"), await home.phone("Ben")
    home.hass.states.async_set("schedule.anna", "on")
    home.hass.states.async_set("schedule.ben", "off")
    await set_up(
        home,
        caregiver("Anna", name="Anna", phones=[annas.device_id], duty="schedule.anna"),
        caregiver("Ben", name="Ben", phones=[bens.device_id], duty="schedule.ben"),
        plan(steps=ALL_AT_ONCE, **of_plan),
    )
    return annas, bens


async def test_who_is_on_duty_is_told_once_a_day(home: Home) -> None:
    annas, bens = await house(home, morning="12:30:00")
    await home.minutes(29)
    assert annas.pushed == []
    await home.minutes(2)
    [note] = annas.pushed
    assert note["title"] == "How the night was"
    # By its report: there is no glucose of hers, and no all-clear.
    assert note["message"].startswith("maria: ")
    assert "%" not in note["message"]
    await home.minutes(90)
    await home.house.pass_time(hours=22)
    assert len(annas.pushed) == 1
    await home.house.pass_time(minutes=40)
    assert len(annas.pushed) == 2
    assert bens.pushed == []


async def test_by_itself_nobody_is_told(home: Home) -> None:
    annas, _ = await house(home)
    await home.house.pass_time(hours=1)
    await home.minutes(3)
    assert annas.pushed == []


async def test_who_starts_much_later_is_not_told_of_the_night(home: Home) -> None:
    annas, _ = await house(home, morning="10:59:00")
    await home.minutes(3)
    assert annas.pushed == []


async def test_what_was_told_is_on_disk_before_and_not_told_again(home: Home) -> None:
    annas, _ = await house(home, morning="11:30:00")
    await home.minutes(1)
    assert len(annas.pushed) == 1
    entry = home.hass.config_entries.async_get_entry("household")
    assert entry
    await home.hass.config_entries.async_reload(entry.entry_id)
    await home.minutes(2)
    assert len(annas.pushed) == 1


NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)


async def test_of_a_source_that_is_silent_it_says_so(home: Home) -> None:
    annas, _ = await house(home, morning="12:30:00")
    for route in ("lumen.alerts", "lumen.identity_mappings"):
        home.house.sim.faults.add(route, CATALOGUE["503_bare"]())
    await home.house.pass_time(hours=24)
    await home.house.pass_time(minutes=40)
    text = annas.pushed[-1]["message"]
    assert text.startswith("maria: no alert is known since Wed 18 Nov 22:00. Nothing new has come")
    assert " reaches to Wed 18 Nov 06:00 " in text


@pytest.mark.parametrize(
    ("seconds", "told", "is_due"),
    [
        (-1, None, False),
        (0, None, True),
        (3599, None, True),
        (3600, None, False),
        (0, "2026-11-17", True),
        (0, "2026-11-18", False),
    ],
)
async def test_when_it_is_due_and_that_it_is_written_down_then(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    seconds: int,
    told: str | None,
    is_due: bool,
) -> None:
    await hass.config.async_set_time_zone("UTC")
    store = ResponseStore(hass)
    before = {"gone": "2026-11-17"} | ({"plan": told} if told else {})
    store.kept.mornings = dict(before)
    of_house = CareHousehold(
        hass, household_entry(plan(steps=ALL_AT_ONCE, morning="12:00:00"), plan("Other")), store
    )
    await Mornings(hass, store).tell(of_house, NOON + timedelta(seconds=seconds), None)
    if is_due:
        # Without a plan that is gone.
        assert hass_storage[FILE]["data"]["mornings"] == {"plan": "2026-11-18"}
    else:
        assert FILE not in hass_storage
        assert store.kept.mornings == before


async def test_a_plan_that_is_for_nobody_says_nothing(home: Home) -> None:
    annas, _ = await house(home, morning="12:01:00", whose={"device_id": ["nobody"]})
    await home.minutes(3)
    assert annas.pushed == []


async def test_a_notify_entity_and_a_shared_phone(home: Home) -> None:
    await home.hass.config.async_set_time_zone("UTC")
    sent: list[ServiceCall] = []
    home.hass.services.async_register("notify", "send_message", sent.append)
    home.hass.states.async_set("notify.sms", "unknown")
    hall = await home.phone("Hall")
    await set_up(
        home,
        caregiver("Anna", notify=["notify.sms"]),
        caregiver("Hall", phones=[hall.device_id], text="neutral"),
        plan(steps=ALL_AT_ONCE, morning="12:01:00"),
    )
    await home.minutes(3)
    assert [call.data["title"] for call in sent] == ["How the night was"]
    [note] = hall.pushed
    assert note["message"] == "There is a report of the night. It is in Care Alerts."
    assert "maria" not in str(note).casefold()


def keys(key: str, /, **placeholders: str) -> str:
    """A key instead of its sentence."""
    return " ".join([key, *placeholders.values()])


def night(**more: Any) -> Report:
    """Ten hours with two lows."""
    return of_one_source(start=hour(0), end=hour(10), zone=UTC_ZONE, **{"readings": None} | more)


REACH = " answer_reach Mila Dexcom 09:00 hours 1 0"


def said(report: Report, unit: str = MG_DL, *also: Known) -> str:
    """What is told of it, but for how far the word of the first source reaches, which is always told."""
    wording = Wording(localize=keys, now=hour(10), zone=UTC_ZONE)
    first = Known(person="Mila", source="Dexcom", unit=unit, data_through=hour(9))
    nights = [NightOf(known=[first, *also], report=report)]
    note = morning_note(nights, Text.FULL, wording, tag="t", url="/care/report")
    assert (note.tag, note.url) == ("t", "/care/report")
    assert REACH in note.message
    return note.message.replace(REACH, "")


def readings(*values: float, out_of_range: OutOfRange | None = None) -> list[KeptReading]:
    """A reading every five minutes from the start on."""
    began = int(hour(0).timestamp())
    return [
        KeptReading(began + 300 * number, None, value, out_of_range)
        for number, value in enumerate(values)
    ]


def test_alerts_and_who_had_none_of_them() -> None:
    one, other = episode(2, 3), episode(4, 5, answered=4.5)
    alerts = {one.topic: [one.opened, other.opened, other.last_seen]}
    report = night(episodes=[one, other], alerts=alerts)
    assert said(report) == f"morning_alerts Mila {report.alerts} morning_unanswered 1 2"
    assert "unanswered" not in said(night(episodes=[episode(4, 5, answered=4.5)]))


@pytest.mark.parametrize(
    ("ended", "told"),
    [(0, ""), (5, "morning_unanswered 1 1"), (None, "morning_open 1")],
)
def test_what_went_on_from_the_evening_is_of_the_night(ended: float | None, told: str) -> None:
    before = episode(-0.2, ended)
    text = said(night(episodes=[before], alerts={before.topic: [before.opened]}))
    assert text == (f"morning_alerts Mila 1 {told}" if told else "answer_none_since Mila 00:00")


def test_there_are_never_fewer_alerts_than_that_nobody_had() -> None:
    before, later = episode(-0.2, 3), episode(4, 5)
    report = night(episodes=[before, later], alerts={later.topic: [before.opened, later.opened]})
    assert report.alerts == 1
    assert said(report) == "morning_alerts Mila 2 morning_unanswered 2 2"


def test_whoever_has_what_goes_on_it_is_not_waiting() -> None:
    assert said(night(episodes=[episode(2, None, answered=3)])) == "morning_alerts Mila 1"


def test_that_there_was_none_is_no_all_clear() -> None:
    assert said(night()) == "answer_none_since Mila 00:00"


def test_of_each_source_it_says_how_far_its_word_reaches() -> None:
    other = Known(person="Milly", source="Tidepool", trouble="Unreachable")
    assert said(night(), MG_DL, other) == (
        "answer_none_since Mila 00:00 source_trouble_people Milly Unreachable"
        " answer_no_reach Milly Tidepool"
    )


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([], "morning_covered 0"),
        ([100] * 60, "morning_lowest 100 mg/dL 00:00 morning_covered 50"),
        # 599 of 600 minutes are not all of them.
        ([100] * 119, "morning_lowest 100 mg/dL 00:00 morning_covered 99"),
        ([100] * 59 + [55] * 61, "morning_lowest 55 mg/dL 04:55 morning_covered 100"),
    ],
)
def test_the_lowest_and_how_much_data_cover(values: list[float], told: str) -> None:
    assert said(night(readings=readings(*values))) == f"answer_none_since Mila 00:00 {told}"


def test_below_what_a_sensor_measures_no_number_is_told() -> None:
    text = said(night(readings=readings(40, out_of_range=OutOfRange.LOW)), MMOL_L)
    assert "notification_glucose_low" in text
    assert "2.2" not in text


def test_which_mornings_were_told_is_kept() -> None:
    kept = Kept(mornings={"plan": "2026-11-18"})
    assert Kept.from_dict(kept.to_dict()).mornings == {"plan": "2026-11-18"}
    for odd in ({"plan": 3}, ["plan"], None, {"plan": "2026-11-18", "other": None}):
        assert Kept.from_dict({"mornings": odd}).mornings.keys() <= {"plan"}
