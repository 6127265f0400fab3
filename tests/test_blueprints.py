"""What each blueprint promises, kept by a real automation made of it.

The blueprint comes over HTTP through Home Assistant's importer. Phones are of the real `mobile_app`, their push
service a sink on loopback. Lamps and speakers are things outside of Home Assistant, with entities of their own: they
keep on shining, and stay as loud as they are, when it is killed.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
import re
from typing import Any
from urllib.parse import quote

from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint.importer import fetch_blueprint_from_url
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    floor_registry as fr,
    label_registry as lr,
)
from homeassistant.util.yaml import load_yaml_dict, parse_yaml
import pytest

from scripts.real_home import ROOT
from simulator.dexcom.wearer import Wearer
from simulator.faults import CATALOGUE
from tests.appliances import Json

from .conftest import NOON
from .home import BLUEPRINTS, CLEAR, Home, Oma, Outside, Phone
from .wear import live

pytestmark = pytest.mark.real_files

NAMES = sorted(path.stem for path in BLUEPRINTS.glob("*.yaml"))
TEXTS = "custom_components/care_alerts/translations/en.json"


@pytest.mark.parametrize("name", NAMES)
async def test_is_a_blueprint_that_says_what_it_cannot_do(
    name: str, hass: HomeAssistant, outside: Outside
) -> None:
    imported = await fetch_blueprint_from_url(hass, f"{outside.url}/blueprints/{name}.yaml")
    # As it is written to disk, and read again after a restart.
    blueprint = Blueprint(
        parse_yaml(imported.blueprint.yaml()),  # type: ignore[arg-type]
        expected_domain="automation",
        schema=AUTOMATION_BLUEPRINT_SCHEMA,
    )
    assert blueprint.validate() is None
    description = blueprint.metadata["description"]
    assert "What it cannot do" in description
    assert "no medical device" in description.replace("\n", " ")
    for label in blueprint.inputs.values():
        assert label["name"]


@pytest.mark.parametrize("name", NAMES)
def test_is_imported_by_a_click(name: str) -> None:
    path = BLUEPRINTS / f"{name}.yaml"
    data = parse_yaml(path.read_text())
    assert isinstance(data, dict)
    # From GitHub, where the importer takes the path after `blob` for that of the file.
    url = f"https://github.com/care-alerts/care-alerts/blob/main/{path.relative_to(ROOT)}"
    assert data["blueprint"]["source_url"] == url
    link = "https://my.home-assistant.io/redirect/blueprint_import/?blueprint_url="
    for page in "README.md", "docs/blueprints.md":
        assert f"({link}{quote(url, safe='')})" in (ROOT / page).read_text()


MOST_LINES, MOST_BESIDES_INPUTS = 650, 80
"""What nobody has to read is not wrong: all of them together, and each without its inputs."""


def test_they_are_thin() -> None:
    """And listen to nothing but our triggers and the clock: what is on the bus anybody may have fired."""
    lines = {name: (BLUEPRINTS / f"{name}.yaml").read_text().splitlines() for name in NAMES}
    assert sum(len(one) for one in lines.values()) <= MOST_LINES
    for name, text in lines.items():
        inputs = text[text.index("  input:") :]
        assert len(text) - inputs.index("") <= MOST_BESIDES_INPUTS, name
        blueprint = load_yaml_dict(str(BLUEPRINTS / f"{name}.yaml"))
        kinds = {trigger["trigger"].partition(".")[0] for trigger in blueprint["triggers"]}
        assert kinds <= {"care_alerts", "time"}
        assert not [line for line in text if re.match(r"\s*(- )?(wait_|delay)", line)]


# Phones


@pytest.fixture
async def anna(home: Home) -> Phone:
    """Anna's phone."""
    return await home.phone("Anna")


@pytest.fixture
async def ben(home: Home) -> Phone:
    """Ben's phone."""
    return await home.phone("Ben")


async def test_a_phone_is_told_what_was_and_when(home: Home, anna: Phone) -> None:
    await home.automate("phone", phones=[anna.device_id])
    home.care.alert(1)
    await home.care.morning(1)

    [told] = anna.pushed
    assert told["title"] == "maria: Weight"
    assert told["message"].splitlines() == [
        "Was observed at 04:14 (3 h 16 min ago), high severity.",
        "Nobody has it yet.",
    ]
    data = told["data"]
    # Both kinds of phones in one go.
    assert data["push"] == {"interruption-level": "time-sensitive", "sound": "default"}
    assert data["channel"] == "Care Alerts"
    # Also to a phone that is without network for a moment.
    assert (data["ttl"], data["priority"]) == (1800, "high")
    assert data["when"] == datetime.fromisoformat("2026-11-19T03:14:22+00:00").timestamp()
    assert [button["title"] for button in data["actions"]] == ["I have it", "Snooze 30 min"]


@pytest.mark.parametrize(
    ("blueprint", "phones", "others"),
    [("phone", "phones", "private_phones"), ("escalate", "first_phones", "second_phones")],
)
async def test_what_is_severe_breaks_through_silent_mode_but_not_an_analysis_of_the_day_before(
    home: Home, anna: Phone, ben: Phone, oma: Oma, blueprint: str, phones: str, others: str
) -> None:
    inputs: dict[str, Any] = {phones: [anna.device_id], others: [ben.device_id]}
    await home.automate(blueprint, **inputs)
    await oma.is_low()
    for told in anna.shown, *ben.screen.values():
        assert told["data"]["push"] == {
            "interruption-level": "critical",
            "sound": {"name": "default", "critical": 1, "volume": 1.0},
        }
        assert told["data"]["channel"] == "alarm_stream"
    await anna.press("I have it")
    heard = len(anna.rang), len(ben.rang)
    home.care.alert(1)
    await home.care.morning(1)
    await home.minutes(16)
    for phone, before in zip((anna, ben), heard, strict=True):
        assert len(phone.rang) > before
        told = phone.rang[-1]
        assert told["data"]["push"] == {"interruption-level": "time-sensitive", "sound": "default"}
        assert told["data"]["channel"] == "Care Alerts"


async def test_everybody_reads_who_has_taken_it(home: Home, anna: Phone, ben: Phone) -> None:
    await home.automate("phone", phones=[anna.device_id, ben.device_id])
    home.care.alert(1)
    await home.care.morning(1)
    assert anna.shown["data"] | {} == ben.shown["data"]

    await anna.press("I have it")
    attributes = home.care.attributes()
    assert attributes["acknowledged"] is True
    assert attributes["acknowledged_by"] == "Anna"
    for phone in anna, ben:
        assert len(phone.pushed) == 2
        assert phone.shown["message"].splitlines() == [
            "Was observed at 04:14 (3 h 16 min ago), high severity.",
            "Anna has it since 07:30. That does not mean that it is over.",
        ]
        assert phone.shown["data"]["push"]["sound"] == "none"
        assert "actions" not in phone.shown["data"] or phone.shown["data"]["actions"] == []
    await home.minutes(60)
    assert len(ben.pushed) == 2


async def test_what_is_over_leaves_the_screen(home: Home, anna: Phone) -> None:
    await home.automate("phone", phones=[anna.device_id])
    home.care.alert(1)
    home.care.alert(2, "FLEX", "PLATEAU")
    await home.care.morning(1)
    [weight] = anna.screen
    await home.care.morning(2)
    assert [one["message"] for one in anna.pushed if one["data"]["tag"] == weight][-1] == CLEAR
    assert anna.shown["title"] == "maria: Metabolic flexibility"


@pytest.mark.parametrize("taken", [False, True])
@pytest.mark.parametrize("blueprint", ["phone", "escalate"])
async def test_what_nobody_took_stays_when_nothing_more_is_heard(
    home: Home, anna: Phone, ben: Phone, oma: Oma, blueprint: str, taken: bool
) -> None:
    inputs: dict[str, dict[str, Any]] = {
        "phone": {"phones": [anna.device_id], "private_phones": [ben.device_id]},
        "escalate": {"first_phones": [anna.device_id], "second_phones": [ben.device_id]},
    }
    await home.automate(blueprint, **inputs[blueprint])
    await oma.is_low()
    while not ben.screen:
        await home.house.pass_time(minutes=5)
    if taken:
        await anna.press("I have it")
    await live(home.house, timedelta(hours=3))

    if taken:
        assert anna.screen == ben.screen == {}
        return
    said = anna.shown["message"].splitlines()
    assert said[0].startswith("Was observed at 13:00 (")
    lost = r"Nothing more was heard of it by \d\d:\d\d\. That does not mean that it is over\."
    assert re.fullmatch(lost, said[-2])
    assert said[-1] == "Nobody has it yet."
    assert anna.shown["data"]["push"]["sound"] == ben.shown["data"]["push"]["sound"] == "none"
    if blueprint == "phone":
        assert "urgent low" not in str(ben.shown).casefold()
    else:
        assert ben.shown["message"] == anna.shown["message"]


async def test_severe_ones_are_repeated_until_taken(home: Home, anna: Phone) -> None:
    await home.automate("phone", phones=[anna.device_id])
    home.care.alert(1)
    home.care.alert(1, "FLEX", "PLATEAU")
    await home.care.morning(1)
    assert sorted(one["title"] for one in anna.pushed) == [
        "maria: Metabolic flexibility",
        "maria: Weight",
    ]
    await home.minutes(46)
    assert [one["title"] for one in anna.rang[2:]] == ["maria: Weight"] * 3
    # It is the same notification, with the age it has by then.
    assert len(anna.screen) == 2
    assert anna.rang[-1]["message"].startswith("Was observed at 04:14 (4 h 1 min ago)")
    assert anna.rang[-1]["data"]["push"]["sound"] == "default"
    await home.care.call("acknowledge")
    said = len(anna.rang)
    await home.minutes(46)
    assert len(anna.rang) == said


async def test_what_somebody_has_taken_rings_no_more(home: Home, anna: Phone) -> None:
    await home.automate("phone", phones=[anna.device_id])
    home.care.alert(1)
    home.care.alert(2)
    await home.care.morning(1)
    await anna.press("I have it")
    said = len(anna.rang)
    # The next analysis says it again: the same episode, and Anna has it.
    await home.care.morning(2)
    await home.minutes(31)
    assert anna.shown["message"].splitlines()[1].startswith("Anna has it since Thu 19 Nov 07:30.")
    assert home.care.attributes()["acknowledged_by"] == "Anna"
    assert len(anna.rang) == said


async def test_a_snooze_is_half_an_hour(home: Home, anna: Phone, ben: Phone) -> None:
    await home.automate("phone", phones=[anna.device_id, ben.device_id])
    home.care.alert(1, "FLEX", "PLATEAU")
    await home.care.morning(1)
    await home.minutes(3)
    await anna.press("Snooze 30 min")
    assert home.care.attributes("flex")["snoozed_until"] == home.house.now + timedelta(minutes=30)
    assert home.care.attributes("flex")["acknowledged"] is False
    await home.minutes(29)
    assert len(ben.rang) == 1
    # Not severe enough to be repeated, but who wanted quiet for half an hour wants to hear of it then.
    await home.minutes(2)
    assert len(ben.rang) == len(anna.rang) == 2
    assert ben.shown["message"].endswith("Nobody has it yet.")
    await home.minutes(60)
    assert len(ben.rang) == 2


@pytest.mark.parametrize("whose", ["alert", "person"])
async def test_what_is_not_repeated_is_heard_after_any_snooze(
    home: Home, anna: Phone, whose: str
) -> None:
    """Also after one that is shorter than the time between reminders, and of what came while it was on."""
    await home.automate("phone", phones=[anna.device_id], remind_every=240)
    home.care.alert(1, "FLEX", "PLATEAU")
    target: Json = {"entity_id": home.care.sensor("flex")}
    if whose == "person":
        target = {"device_id": home.person}
        await home.care.call("snooze", target, duration={"hours": 23})
    await home.care.morning(1)
    said = len(anna.rang)
    assert said == (1 if whose == "alert" else 0)
    await home.care.call("snooze", target, duration={"minutes": 8})
    await home.minutes(7)
    assert len(anna.rang) == said
    await home.minutes(100)
    assert len(anna.rang) == said + 1
    assert anna.shown["message"].endswith("Nobody has it yet.")


async def test_good_news_need_nobody(home: Home, anna: Phone) -> None:
    await home.automate("phone", phones=[anna.device_id], least_severity="low")
    home.care.alert(1, "WEIGHT", "IN_RANGE")
    await home.care.morning(1)
    assert anna.pushed == []


async def test_late_ones_sound_no_alarm(home: Home, anna: Phone, oma: Oma) -> None:
    home.hass.config_entries.async_update_entry(oma.entry, options={"hold_time": 480})
    await home.hass.config_entries.async_reload(oma.entry.entry_id)
    await home.automate("phone", phones=[anna.device_id])
    await oma.is_low(hours_ago=4)
    told = anna.pushed[0]
    assert "It reached us late, at " in told["message"]
    assert told["data"]["push"]["interruption-level"] == "time-sensitive"
    assert told["data"]["channel"] == "Care Alerts"


async def test_what_is_over_when_it_reaches_the_house_rings_nobody(
    home: Home, anna: Phone, oma: Oma
) -> None:
    await home.automate("phone", phones=[anna.device_id])
    oma.wearer.add_alert(
        "urgentLow", home.house.now - timedelta(hours=4), uploaded_at=home.house.now
    )
    await live(home.house, timedelta(hours=2))
    event = home.hass.states.get(
        home.house.entity_id("event", "alert", oma.wearer.user_id, oma.entry)
    )
    assert event is not None
    assert event.attributes["late"] is True
    assert anna.pushed == []


async def test_a_drill_says_so(home: Home, anna: Phone, ben: Phone, oma: Oma) -> None:
    await home.automate("phone", phones=[anna.device_id], private_phones=[ben.device_id])
    await home.drill(oma.sensor)
    assert anna.shown["title"] == "DRILL: Dexcom: Urgent low"
    assert anna.shown["data"]["channel"] == "alarm_stream"
    assert ben.shown["title"] == "DRILL: Care Alerts"
    await anna.press("I have it")
    assert anna.shown["title"] == "DRILL: Dexcom: Urgent low"
    assert "Anna has it since" in anna.shown["message"]
    await home.minutes(31)
    assert anna.screen == ben.screen == {}


async def test_other_phones_show_no_health_data(home: Home, anna: Phone, ben: Phone) -> None:
    await home.automate("phone", phones=[anna.device_id], private_phones=[ben.device_id])
    home.care.alert(1)
    await home.care.morning(1)
    told = ben.shown
    assert told["title"] == "Care Alerts"
    assert told["message"].splitlines() == ["Somebody may need you.", "Nobody has it yet."]
    text = str({**told, "push_token": ""}).lower()
    assert not {word for word in ("maria", "weight", "lumen", "observed") if word in text}
    await anna.press("I have it")
    assert "Anna has it since" in ben.shown["message"]


async def test_one_phone_that_is_gone_keeps_nothing_from_the_others(
    home: Home, anna: Phone, ben: Phone
) -> None:
    carla = await home.phone("Carla")
    dora = await home.phone("Dora", is_local=True)
    gone = ["a-device-that-was", carla.device_id, dora.device_id, anna.device_id]
    await home.automate("phone", phones=[*gone, ben.device_id])
    await home.hass.config_entries.async_unload("phone-Carla")
    home.outside.unreachable.add(anna.webhook)
    home.care.alert(1)
    await home.care.morning(1)
    assert ben.shown["title"] == "maria: Weight"


@pytest.mark.parametrize("button", ["I have it", "Snooze 30 min"])
async def test_the_button_of_a_test_takes_nothing_real(
    home: Home, anna: Phone, button: str
) -> None:
    """A phone that was away may still show it hours later."""
    await home.automate("phone", phones=[anna.device_id])
    await home.drill()
    drill = anna.shown
    home.care.alert(1)
    await home.care.morning(1)
    await anna.press(button, drill)
    said = home.care.attributes()
    assert (said["acknowledged"], said["snoozed_until"]) == (False, None)


async def test_an_old_notification_takes_no_new_alert(home: Home, anna: Phone) -> None:
    await home.automate("phone", phones=[anna.device_id])
    home.care.alert(1)
    home.care.alert(3)
    await home.care.morning(1)
    old = anna.shown
    await home.care.morning(3)
    await anna.press("I have it", old)
    assert home.care.attributes()["acknowledged"] is False
    await anna.press("I have it")
    assert home.care.attributes()["acknowledged_by"] == "Anna"


async def test_a_button_takes_nothing_but_what_it_is_about(home: Home, anna: Phone) -> None:
    """Also of what has no sensor of its own."""
    await home.automate("phone", phones=[anna.device_id])
    home.care.alert(1)
    home.care.alert(1, "SLEEP", "SHORT_NIGHT", severity="HIGH")
    await home.care.morning(1)
    notes = {one["title"]: one for one in anna.screen.values()}
    assert set(notes) == {"maria: Other", "maria: Weight"}
    await anna.press("I have it", notes["maria: Other"])
    said = home.care.attributes()
    assert (said["acknowledged"], said["snoozed_until"]) == (False, None)
    answer = await home.care.call("get_alerts", home.care.sensor())
    assert {one["alert_type"]: one["acknowledged"] for one in answer["episodes"]} == {
        "other": True,
        "weight": False,
    }


async def test_who_has_it_is_read_on_the_phones_of_every_automation(
    home: Home, anna: Phone, ben: Phone
) -> None:
    await home.automate("phone", "Annas", phones=[anna.device_id])
    await home.automate("phone", "Bens", phones=[ben.device_id])
    home.care.alert(1)
    await home.care.morning(1)
    await ben.press("I have it")
    assert "Ben has it since" in anna.shown["message"]


async def test_all_of_many_at_once_are_told(home: Home, anna: Phone) -> None:
    await home.automate("phone", phones=[anna.device_id])
    home.care.alert(1)
    home.care.alert(1, "FLEX", "DRAMATIC_DROP")
    home.care.alert(1, "MEDICATION", "MISSED_DOSE_HIGH")
    await home.care.morning(1)
    assert {one["title"] for one in anna.screen.values()} == {
        "maria: Weight",
        "maria: Metabolic flexibility",
        "maria: Medication",
    }


async def test_only_what_was_asked_for_is_told(home: Home, anna: Phone) -> None:
    who = {"entity_id": [home.care.sensor("flex")]}
    await home.automate("phone", phones=[anna.device_id], who=who)
    home.care.alert(1)
    home.care.alert(1, "FLEX", "DRAMATIC_DROP")
    await home.care.morning(1)
    assert anna.shown["title"] == "maria: Metabolic flexibility"


# A source that is silent


async def test_silence_is_told_and_its_end(home: Home, anna: Phone) -> None:
    await home.automate("silence", phones=[anna.device_id])
    home.house.sim.faults.add("lumen.alerts", CATALOGUE["503_bare"]())
    await home.house.until(NOON.replace(hour=7) + timedelta(days=1))
    assert anna.pushed == []
    await home.house.until(NOON.replace(hour=7, minute=59) + timedelta(days=1))
    await home.minutes(2)
    [told] = anna.pushed
    assert told["title"] == "Lumen is silent"
    assert told["message"] == (
        "Its data reach to 2026-11-18 07:00. Status: Not reachable. Until it speaks again there are no alerts"
        " from it, which says nothing about how anybody is."
    )

    # Said again the next morning: 09:00 in this house.
    await home.house.until(NOON.replace(hour=7, minute=58) + timedelta(days=2))
    assert anna.pushed == [told]
    await home.minutes(4)
    assert anna.pushed[-1]["title"] == "Lumen is still silent"
    assert anna.pushed[-1]["message"].startswith(
        "Until it speaks again there are no alerts from it,"
    )

    home.house.sim.faults.clear()
    await home.house.pass_time(hours=2)
    assert anna.pushed[-1]["title"] == "Lumen speaks again"
    assert anna.pushed[-1]["message"].endswith("Alerts from the time in between may come late.")
    said = len(anna.pushed)
    await home.house.until(NOON.replace(hour=8, minute=5) + timedelta(days=3))
    assert len(anna.pushed) == said


async def test_a_login_that_is_needed_is_said(home: Home, anna: Phone) -> None:
    await home.automate("silence", phones=[anna.device_id], remind=False)
    for endpoint in "lumen.alerts", "lumen.identity_mappings":
        home.house.sim.faults.add(endpoint, CATALOGUE["401_bare"]())
    for hour in range(7, 22):
        await home.house.until(NOON + timedelta(hours=hour))
    [told] = anna.pushed
    assert "It needs somebody" in told["message"]
    await home.house.pass_time(days=1)
    await home.minutes(2)
    assert anna.pushed == [told]


async def test_one_phone_that_is_not_reached_keeps_no_other_in_the_dark(
    home: Home, anna: Phone, ben: Phone
) -> None:
    """Of source and digest alike: also two phones of one name are told, each by itself."""
    carla = await home.phone("Carla", name="Ben's phone")
    await home.automate(
        "silence",
        phones=["a-device-that-was", anna.device_id, carla.device_id, ben.device_id],
    )
    home.outside.unreachable.add(anna.webhook)
    home.house.sim.faults.add("lumen.alerts", CATALOGUE["503_bare"]())
    await home.house.until(NOON.replace(hour=7, minute=59) + timedelta(days=1))
    await home.minutes(1)
    for phone in ben, carla:
        assert [one["title"] for one in phone.pushed] == ["Lumen is silent"]


async def test_the_silence_of_another_source_is_not_told(home: Home, anna: Phone) -> None:
    dexcom = await home.house.set_up(await home.house.dexcom_entry())
    who = {"device_id": [home.house.source_device(home.care.entry).id]}
    await home.automate("silence", phones=[anna.device_id], who=who)
    await home.house.pass_time(hours=12)
    await home.house.until(NOON.replace(hour=7, minute=59) + timedelta(days=1))
    assert home.house.state("binary_sensor", "silent", entry=dexcom).state == "on"
    await home.minutes(2)
    assert anna.pushed == []


@pytest.mark.parametrize("chosen", ["device_id", "entity_id", "area_id", "floor_id", "label_id"])
async def test_only_the_silence_that_is_told_is_repeated(
    home: Home, anna: Phone, chosen: str
) -> None:
    await home.house.set_up(await home.house.dexcom_entry())
    device = home.house.source_device(home.care.entry)
    floor = fr.async_get(home.hass).async_create("Upstairs")
    area = ar.async_get(home.hass).async_create("Bedroom", floor_id=floor.floor_id)
    label = lr.async_get(home.hass).async_create("Watched")
    dr.async_get(home.hass).async_update_device(device.id, area_id=area.id, labels={label.label_id})
    who = {
        "device_id": device.id,
        "entity_id": home.house.entity_id("sensor", "status", entry=home.care.entry),
        "area_id": area.id,
        "floor_id": floor.floor_id,
        "label_id": label.label_id,
    }
    await home.automate("silence", phones=[anna.device_id], who={chosen: [who[chosen]]})
    for endpoint in "lumen.alerts", "dexcom.alerts", "dexcom.egvs":
        home.house.sim.faults.add(endpoint, CATALOGUE["503_bare"]())
    await home.house.until(NOON.replace(hour=7, minute=59) + timedelta(days=1))
    await home.house.until(NOON.replace(hour=7, minute=59) + timedelta(days=2))
    assert home.house.state("binary_sensor", "silent").state == "on"
    assert anna.pushed[-1]["title"] == "Lumen is silent"
    await home.minutes(2)
    assert anna.pushed[-1]["title"] == "Lumen is still silent"


# The morning


async def test_the_morning_tells_of_the_night_and_the_newest_analysis(
    home: Home, anna: Phone
) -> None:
    vendor = home.house.sim.dexcom
    wearer = vendor.wearer("SandboxUser7")
    await home.house.set_up(await home.house.dexcom_entry(wearer))
    home.care.alert(1)
    home.care.alert(1, "FLEX", "PLATEAU")
    evening, night = NOON.replace(hour=18, minute=20), NOON.replace(hour=23, minute=10)
    wearer.add_session(NOON - timedelta(hours=4), NOON + timedelta(hours=20), lambda _: 120)
    wearer.add_alert("high", evening)
    wearer.add_alert("urgentLow", night)
    wearer.add_alert("urgentLow", night + timedelta(minutes=20), state="activeSnoozed")
    wearer.add_alert("urgentLow", night + timedelta(minutes=40), state="inactive")
    # A day old when the phone uploads it.
    wearer.add_alert("low", NOON - timedelta(days=1), uploaded_at=night)
    await home.automate("digest", phones=[anna.device_id])
    for hour in range(1, 20):
        await home.house.until(NOON + timedelta(hours=hour))
    await home.house.until(NOON.replace(hour=7, minute=31) + timedelta(days=1))
    assert anna.pushed[-1]["title"] == "Last night"
    assert anna.pushed[-1]["message"].splitlines() == [
        "Since 21:00:",
        "Dexcom: Urgent low, observed at 00:10 to 00:30",
        # An hour of the night has not arrived yet.
        "Dexcom: data cover 87.6% of the night, lowest 120 mg/dL",
        "Reached us late:",
        "Dexcom: Low, observed on 2026-11-17 at 13:00",
        "Lumen about 2026-11-18:",
        "maria: Weight, too fast (high)",
        "maria: Metabolic flexibility, plateau (medium)",
    ]


DIGEST = NOON.replace(hour=7, minute=31) + timedelta(days=1)


async def wearing(home: Home, glucose: Callable[[datetime], float]) -> Wearer:
    """Somebody at Dexcom, with a sensor on for two days."""
    wearer = home.house.sim.dexcom.wearer("SandboxUser7")
    await home.house.set_up(await home.house.dexcom_entry(wearer))
    wearer.add_session(NOON - timedelta(hours=4), NOON + timedelta(hours=44), glucose)
    return wearer


async def digest_at(home: Home, phone: Phone, moment: datetime) -> list[str]:
    """What the digest says until then, after hours that passed one by one."""
    while (later := home.house.now + timedelta(hours=1)) < moment:
        await home.house.until(later)
    await home.house.until(moment)
    message: str = phone.pushed[-1]["message"]
    return message.splitlines()


async def test_what_the_digest_before_could_not_know_is_in_the_next(
    home: Home, anna: Phone
) -> None:
    """Dexcom is hours late each day: so what came after the digest is in the next, once, though nothing of it was late."""
    wearer = await wearing(home, lambda _: 120)
    for kind, hour in (("high", 5), ("urgentLow", 6), ("low", 8)):
        wearer.add_alert(kind, DIGEST.replace(hour=hour, minute=15))
    await home.automate("digest", phones=[anna.device_id])
    first = await digest_at(home, anna, DIGEST)
    assert first[:2] == ["Since 21:00:", "Dexcom: High, observed at 06:15"]
    assert "Dexcom: Urgent low" not in " ".join(first)
    second = await digest_at(home, anna, DIGEST + timedelta(days=1))
    assert second[0] == "Since 21:00 no alert has reached us. That is no all-clear."
    # The high was in it; the low was observed after it, and came as soon as ever.
    assert [line for line in second if "observed" in line] == [
        "Dexcom: Urgent low, observed on 2026-11-19 at 07:15"
    ]


@pytest.mark.parametrize(
    ("least", "said"),
    [("high", "no alert of high severity"), ("medium", "no alert of medium or high severity")],
)
async def test_what_is_too_slight_to_be_told_has_reached_us_all_the_same(
    home: Home, anna: Phone, least: str, said: str
) -> None:
    wearer = await wearing(home, lambda _: 120)
    kind = {"high": "low", "medium": "outOfRange"}[least]
    wearer.add_alert(kind, NOON.replace(hour=23, minute=10))
    await home.automate("digest", phones=[anna.device_id], least_severity=least)
    [first, *_] = await digest_at(home, anna, DIGEST)
    assert first == f"Since 21:00 {said} has reached us. That is no all-clear."


@pytest.mark.parametrize(
    ("country", "lowest", "said"),
    [("US", 39, "LOW"), ("US", 45, "45 mg/dL"), ("NL", 70, "3.9 mmol/L")],
)
async def test_the_lowest_is_that_of_the_time_that_is_told_of(
    home: Home, anna: Phone, country: str, lowest: float, said: str
) -> None:
    """Alerts and lowest alike are since the night began for whoever made the automation."""
    await home.hass.config.async_update(country=country)
    begin = NOON.replace(hour=20, minute=10)
    end = begin + timedelta(minutes=30)
    wearer = await wearing(home, lambda moment: lowest if begin <= moment < end else 120)
    wearer.add_alert("urgentLow", begin)
    await home.automate("digest", phones=[anna.device_id])
    lines = await digest_at(home, anna, DIGEST)
    assert lines[0] == "Since 21:00:"
    assert "Dexcom: Urgent low, observed at 21:10" in lines
    [known] = [line for line in lines if "data cover" in line]
    assert known.endswith(f"of the night, lowest {said}")


@pytest.mark.parametrize(
    "chosen", ["person", "source", "entity_id", "area_id", "floor_id", "label_id"]
)
async def test_a_morning_without_alerts_is_no_all_clear(
    home: Home, anna: Phone, chosen: str
) -> None:
    """Nor is one without an answer; what is silent is told of who was chosen, whatever stands for them."""
    dexcom = await home.house.set_up(await home.house.dexcom_entry())
    floor = fr.async_get(home.hass).async_create("Upstairs")
    area = ar.async_get(home.hass).async_create("Bedroom", floor_id=floor.floor_id)
    label = lr.async_get(home.hass).async_create("Watched")
    dr.async_get(home.hass).async_update_device(
        home.person, area_id=area.id, labels={label.label_id}
    )
    who = {
        "person": {"device_id": home.person},
        "source": {"device_id": [home.house.source_device(home.care.entry).id]},
        "entity_id": {"entity_id": [home.care.sensor()]},
        "area_id": {"area_id": [area.id]},
        "floor_id": {"floor_id": [floor.floor_id]},
        "label_id": {"label_id": [label.label_id]},
    }
    await home.automate("digest", phones=[anna.device_id], who=who[chosen])
    home.house.sim.faults.add("lumen.alerts", CATALOGUE["503_bare"]())
    await home.house.until(NOON.replace(hour=7) + timedelta(days=1))
    await home.house.until(NOON.replace(hour=7, minute=31) + timedelta(days=1))
    assert home.house.state("binary_sensor", "silent", entry=dexcom).state == "on"
    assert anna.pushed[-1]["message"].splitlines() == [
        "Since 21:00 no alert has reached us. That is no all-clear.",
        "About yesterday not all is known yet.",
    ]
    await home.house.until(NOON + timedelta(days=1))
    await home.house.until(NOON.replace(hour=7, minute=31) + timedelta(days=2))
    silent = "Lumen" if chosen == "source" else "maria"
    assert anna.pushed[-1]["message"].splitlines()[-1] == (
        f"Silent: {silent}. There are no alerts then."
    )
