"""What each blueprint promises, kept by a real automation made of it.

The blueprint comes over HTTP through Home Assistant's importer. Phones are of the real `mobile_app`, their push
service a sink on loopback. Lamps and speakers are things outside of Home Assistant, with entities of their own: they
keep on shining, and stay as loud as they are, when it is killed.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
import json
from pathlib import Path
import re
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth.const import GROUP_ID_USER
from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint.importer import fetch_blueprint_from_url
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.config import async_hass_config_yaml
from homeassistant.core import Event, EventOrigin, HomeAssistant, callback
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    label_registry as lr,
)
from homeassistant.helpers.template import Template
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict, parse_yaml
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.care_alerts.responses.snapshots import Snapshots
from scripts.real_home import ROOT
from simulator import Simulator
from simulator.dexcom import Wearer
from simulator.faults import CATALOGUE
from tests.appliances import Bulb, Json, Speaker, install, soon
from tests.lives import Lifetimes, killed

from .conftest import NOON
from .home import BLUEPRINTS, CLEAR, Client, Home, Outside, Phone, lie_down, move_in
from .wear import live, wear
from .world import generation

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


@pytest.mark.parametrize("name", NAMES)
async def test_knows_every_alert_type_by_its_name(
    name: str, hass: HomeAssistant, outside: Outside
) -> None:
    imported = await fetch_blueprint_from_url(hass, f"{outside.url}/blueprints/{name}.yaml")
    names = json.loads((ROOT / TEXTS).read_text())["selector"]["alert_types"]
    if chosen := imported.blueprint.inputs.get("alert_types"):
        options = chosen["selector"]["select"]["options"]
        assert {one["value"]: one["label"] for one in options} == names["options"]
    if name == "digest":
        [told] = [
            step["variables"]["names"]
            for step in imported.blueprint.data["actions"]
            if "names" in step.get("variables", {})
        ]
        assert told == names["options"]


@pytest.mark.parametrize("name", ["phone", "escalate"])
@pytest.mark.parametrize(
    ("observed", "now", "minutes"),
    [
        ("2026-10-25T00:30:00+00:00", "2026-10-25T01:25:00+00:00", 55),
        ("2027-03-28T00:50:00+00:00", "2027-03-28T01:05:00+00:00", 15),
    ],
)
async def test_the_age_is_right_in_the_night_in_which_clocks_change(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    name: str,
    observed: str,
    now: str,
    minutes: int,
) -> None:
    await hass.config.async_set_time_zone("Europe/Amsterdam")
    freezer.move_to(now)
    steps = load_yaml_dict(str(BLUEPRINTS / f"{name}.yaml"))["actions"]
    templates = [
        step["variables"][each]
        for step in steps
        for each in ("observed", "spoken")
        if each in step.get("variables", {})
    ]
    assert templates
    for template in templates:
        told = Template(template, hass).async_render(
            {"trigger": {"title": "Jill: Urgent low", "alert": {"observed_at": observed}}}
        )
        assert f" {minutes} min" in told
        assert "hour" not in told
        assert " h " not in told


# Phones


@pytest.fixture
async def anna(home: Home) -> Phone:
    """Anna's phone."""
    return await home.phone("Anna")


@pytest.fixture
async def ben(home: Home) -> Phone:
    """Ben's phone."""
    return await home.phone("Ben")


@dataclass
class Oma:
    """Somebody with a CGM of Dexcom's, in the same house."""

    home: Home
    wearer: Wearer
    entry: MockConfigEntry

    @property
    def sensor(self) -> str:
        """Her sensor of urgent lows."""
        return self.home.house.entity_id(
            "binary_sensor", "urgent_low", self.wearer.user_id, self.entry
        )

    async def is_low(self, *, hours_ago: int = 0) -> None:
        """Be urgently low, now or hours ago, and let it be told: an hour after it was known at Dexcom."""
        now = self.home.house.now
        self.wearer.add_alert("urgentLow", now - timedelta(hours=hours_ago), uploaded_at=now)
        while not self.home.outside.pushed:
            await self.home.house.pass_time(minutes=5)


@pytest.fixture
async def oma(home: Home) -> Oma:
    """She, with her sensor on."""
    wearer = home.house.sim.dexcom.wearer("SandboxUser7")
    wear(wearer)
    return Oma(home, wearer, await home.house.set_up(await home.house.dexcom_entry(wearer)))


async def test_a_phone_is_told_what_was_and_when(home: Home, anna: Phone) -> None:
    await home.automate("phone", phones=[anna.device_id])
    home.care.alert(1)
    await home.care.morning(1)

    [told] = anna.pushed
    assert told["title"] == "maria: Weight"
    assert told["message"] == (
        "Observed at 04:14, 3 h 15 min ago, about 2026-11-18. Severity: high. Source: Lumen."
    )
    data = told["data"]
    # Both kinds of phones in one go.
    assert data["push"] == {"interruption-level": "time-sensitive", "sound": "default"}
    assert data["channel"] == "Care Alerts"
    # Also to a phone that is without network for a moment.
    assert (data["ttl"], data["priority"]) == (1800, "high")
    assert data["when"] == datetime.fromisoformat("2026-11-19T03:14:22+00:00").timestamp()
    assert [button["title"] for button in data["actions"]] == ["Acknowledge", "Snooze 30 min"]


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
    await anna.press("Acknowledge")
    home.care.alert(1)
    await home.care.morning(1)
    await home.minutes(16)
    theirs = [one for phone in (anna, ben) for one in phone.screen.values()]
    analysis = [one for one in theirs if one["data"]["tag"].endswith("_weight")]
    assert len(analysis) == 2
    for told in analysis:
        assert told["data"]["push"] == {"interruption-level": "time-sensitive", "sound": "default"}
        assert told["data"]["channel"] == "Care Alerts"


async def test_everybody_reads_who_has_taken_it(home: Home, anna: Phone, ben: Phone) -> None:
    await home.automate("phone", phones=[anna.device_id, ben.device_id])
    home.care.alert(1)
    await home.care.morning(1)
    assert anna.shown["data"] | {} == ben.shown["data"]

    await anna.press("Acknowledge")
    attributes = home.care.attributes()
    assert attributes["acknowledged"] is True
    assert attributes["acknowledged_by"] == "Anna"
    for phone in anna, ben:
        assert len(phone.pushed) == 2
        assert phone.shown["message"] == (
            "Anna acknowledged this at 07:30. That does not mean that it is over."
            " Observed at 04:14, 3 h 15 min ago, about 2026-11-18. Severity: high. Source: Lumen."
        )
        assert phone.shown["data"]["push"]["sound"] == "none"
        assert "actions" not in phone.shown["data"] or phone.shown["data"]["actions"] == []
    await home.minutes(60)
    assert len(ben.pushed) == 2


async def test_taken_somewhere_else_with_a_note(home: Home, anna: Phone) -> None:
    await home.automate("phone", phones=[anna.device_id])
    home.care.alert(1)
    await home.care.morning(1)
    carla = await home.hass.auth.async_create_user("Carla", group_ids=[GROUP_ID_USER])
    await home.care.call("acknowledge", user=carla, note="I'll call her")
    assert anna.shown["message"].startswith(
        'Carla acknowledged this at 07:30 ("I\'ll call her"). That does not mean that it is over.'
    )


@pytest.mark.parametrize("when", ["clear", "say"])
async def test_what_is_over_leaves_the_screen(home: Home, anna: Phone, when: str) -> None:
    await home.automate("phone", phones=[anna.device_id], when_ended=when)
    home.care.alert(1)
    home.care.alert(2, "FLEX", "PLATEAU")
    await home.care.morning(1)
    [weight] = anna.screen
    await home.care.morning(2)
    flex = anna.screen[f"{weight.removesuffix('weight')}flex"]
    assert flex["title"] == "maria: Metabolic flexibility"
    if when == "clear":
        assert [one["message"] for one in anna.pushed if one["data"]["tag"] == weight][-1] == CLEAR
        assert list(anna.screen.values()) == [flex]
    else:
        assert anna.screen[weight]["message"].startswith(
            "The newest analysis does not report this any more. Nobody acknowledged it."
        )
        assert anna.screen[weight]["data"]["push"]["sound"] == "none"


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
        await anna.press("Acknowledge")
    await live(home.house, timedelta(hours=3))

    if taken:
        assert anna.screen == ben.screen == {}
        return
    assert re.match(
        r"Nothing more was heard of this by \d\d:\d\d. Nobody acknowledged it. Observed at 13:00, \d h",
        anna.shown["message"],
    )
    assert anna.shown["data"]["push"]["sound"] == ben.shown["data"]["push"]["sound"] == "none"
    if blueprint == "phone":
        assert ben.shown["message"] == "Please look after Dexcom."
    else:
        assert ben.shown["message"] == anna.shown["message"]


async def test_it_is_removed_when_taken_if_you_like(home: Home, anna: Phone) -> None:
    await home.automate("phone", phones=[anna.device_id], when_acknowledged="clear")
    home.care.alert(1)
    await home.care.morning(1)
    await anna.press("Acknowledge")
    assert anna.screen == {}


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
    assert [one["title"] for one in anna.pushed[2:]] == ["maria: Weight"] * 3
    # It is the same notification, with the age it has by then.
    assert len(anna.screen) == 2
    assert anna.pushed[-1]["message"].startswith(
        "Nobody has acknowledged this for 45 min. Observed at 04:14, 4 h"
    )
    await home.care.call("acknowledge")
    said = len(anna.pushed)
    await home.minutes(46)
    assert len(anna.pushed) == said


async def test_what_somebody_has_taken_rings_no_more(home: Home, anna: Phone) -> None:
    await home.automate("phone", phones=[anna.device_id])
    home.care.alert(1)
    home.care.alert(2)
    await home.care.morning(1)
    await anna.press("Acknowledge")
    said = len(anna.pushed)
    # The next analysis says it again: the same episode, and Anna has it.
    await home.care.morning(2)
    await home.minutes(31)
    assert home.care.attributes()["acknowledged_by"] == "Anna"
    assert len(anna.pushed) == said


async def test_a_snooze_is_half_an_hour(home: Home, anna: Phone, ben: Phone) -> None:
    await home.automate("phone", phones=[anna.device_id, ben.device_id])
    home.care.alert(1, "FLEX", "PLATEAU")
    await home.care.morning(1)
    await home.minutes(3)
    await anna.press("Snooze 30 min")
    assert home.care.attributes("flex")["snoozed_until"] == home.house.now + timedelta(minutes=30)
    assert home.care.attributes("flex")["acknowledged"] is False
    await home.minutes(29)
    assert len(ben.pushed) == 1
    # Not severe enough to be repeated, but who wanted quiet for half an hour wants to hear of it then.
    await home.minutes(2)
    assert len(ben.pushed) == len(anna.pushed) == 2
    assert "Nobody has acknowledged this" in ben.shown["message"]
    await home.minutes(60)
    assert len(ben.pushed) == 2


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
    said = len(anna.pushed)
    assert said == (1 if whose == "alert" else 0)
    await home.care.call("snooze", target, duration={"minutes": 8})
    await home.minutes(7)
    assert len(anna.pushed) == said
    await home.minutes(100)
    assert len(anna.pushed) == said + 1
    assert "Nobody has acknowledged this" in anna.shown["message"]


async def test_good_news_make_no_sound(home: Home, anna: Phone) -> None:
    await home.automate("phone", phones=[anna.device_id])
    home.care.alert(1, "WEIGHT", "IN_RANGE")
    await home.care.morning(1)
    assert anna.shown["data"]["push"] == {"interruption-level": "passive", "sound": "none"}


async def test_late_ones_sound_no_alarm(home: Home, anna: Phone, oma: Oma) -> None:
    await home.automate("phone", phones=[anna.device_id])
    await oma.is_low(hours_ago=4)
    told = anna.pushed[0]
    assert "It reached us late" in told["message"]
    assert told["data"]["push"]["interruption-level"] == "time-sensitive"
    assert told["data"]["channel"] == "Care Alerts"


async def test_a_drill_says_so(home: Home, anna: Phone, ben: Phone, oma: Oma) -> None:
    await home.automate("phone", phones=[anna.device_id], private_phones=[ben.device_id])
    await home.drill(oma.sensor)
    assert anna.shown["title"] == "DRILL: Dexcom: Urgent low"
    assert anna.shown["data"]["channel"] == "alarm_stream"
    assert ben.shown["title"] == "DRILL"
    await anna.press("Acknowledge")
    assert anna.shown["title"] == "DRILL: Dexcom: Urgent low"
    assert anna.shown["message"].startswith("Anna acknowledged this")
    await home.minutes(31)
    assert anna.screen == {}


async def test_other_phones_show_no_health_data(home: Home, anna: Phone, ben: Phone) -> None:
    await home.automate("phone", phones=[anna.device_id], private_phones=[ben.device_id])
    home.care.alert(1)
    await home.care.morning(1)
    told = ben.shown
    assert (told["title"], told["message"]) == ("Care Alerts", "Please look after maria.")
    assert "actions" not in told["data"]
    text = str({**told, "data": {**told["data"], "tag": ""}}).lower()
    assert not {word for word in ("weight", "lumen", "observed") if word in text}
    await anna.press("Acknowledge")
    assert ben.screen == {}


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


async def test_an_old_notification_takes_no_new_alert(home: Home, anna: Phone) -> None:
    await home.automate("phone", phones=[anna.device_id])
    home.care.alert(1)
    home.care.alert(3)
    await home.care.morning(1)
    old = anna.shown
    await home.care.morning(3)
    await anna.press("Acknowledge", old)
    assert home.care.attributes()["acknowledged"] is False
    await anna.press("Acknowledge")
    assert home.care.attributes()["acknowledged_by"] == "Anna"


@pytest.mark.parametrize(
    ("blueprint", "phones"), [("phone", "phones"), ("escalate", "first_phones")]
)
@pytest.mark.parametrize("button", ["Acknowledge", "Snooze 30 min"])
async def test_the_button_of_a_test_takes_nothing_real(
    home: Home, anna: Phone, ben: Phone, blueprint: str, phones: str, button: str
) -> None:
    """A phone that was away may still show it hours later."""
    inputs: dict[str, Any] = {phones: [anna.device_id]}
    if blueprint == "escalate":
        inputs["second_phones"] = [ben.device_id]
    await home.automate(blueprint, **inputs)
    await home.drill()
    drill = anna.shown
    home.care.alert(1)
    await home.care.morning(1)
    await anna.press(button, drill)
    said = home.care.attributes()
    assert (said["acknowledged"], said["snoozed_until"]) == (False, None)


@pytest.mark.parametrize(
    ("blueprint", "phones"), [("phone", "phones"), ("escalate", "first_phones")]
)
async def test_a_button_takes_nothing_but_what_it_is_about(
    home: Home, anna: Phone, ben: Phone, blueprint: str, phones: str
) -> None:
    inputs: dict[str, Any] = {phones: [anna.device_id], "least_severity": "medium"}
    if blueprint == "escalate":
        inputs["second_phones"] = [ben.device_id]
    await home.automate(blueprint, **inputs)
    home.care.alert(1)
    home.care.alert(1, "SLEEP", "SHORT_NIGHT", severity="HIGH")
    await home.care.morning(1)
    buttons = {
        one["title"]: [button["title"] for button in one["data"].get("actions", [])]
        for one in anna.screen.values()
    }
    both = ["Acknowledge", "Snooze 30 min"]
    assert buttons == {"maria: Other": both, "maria: Weight": both}
    # It has no sensor of its own: the entity that it names stands for all of hers.
    (other,) = (one for one in anna.screen.values() if one["title"] == "maria: Other")
    await anna.press("Snooze 30 min", other)
    await anna.press("Acknowledge", other)
    said = home.care.attributes()
    assert (said["acknowledged"], said["snoozed_until"]) == (False, None)
    answer = await home.care.call("get_alerts", home.care.sensor())
    assert {one["alert_type"]: one["acknowledged"] for one in answer["episodes"]} == {
        "other": True,
        "weight": False,
    }


async def test_two_automations_answer_for_their_own_buttons(
    home: Home, anna: Phone, ben: Phone
) -> None:
    await home.automate("phone", "Annas", phones=[anna.device_id])
    await home.automate("phone", "Bens", phones=[ben.device_id])
    calls: list[Any] = []
    home.hass.bus.async_listen(
        "call_service",
        lambda event: calls.append(event.data) if event.data["service"] == "acknowledge" else None,
    )
    home.care.alert(1)
    await home.care.morning(1)
    await ben.press("Acknowledge")
    assert len(calls) == 1
    assert anna.shown["message"].startswith("Ben acknowledged this")


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
    await home.automate(
        "phone",
        phones=[anna.device_id],
        who={"entity_id": [home.care.sensor(), home.care.sensor("flex")]},
        alert_types=["flex", "medication"],
    )
    home.care.alert(1)
    home.care.alert(1, "FLEX", "DRAMATIC_DROP")
    home.care.alert(1, "MEDICATION", "MISSED_DOSE_HIGH")
    await home.care.morning(1)
    assert anna.shown["title"] == "maria: Metabolic flexibility"


# A source that is silent


async def test_silence_is_told_and_its_end(home: Home, anna: Phone) -> None:
    await home.automate("silence", phones=[anna.device_id])
    home.house.sim.faults.add("lumen.alerts", CATALOGUE["503_bare"]())
    await home.house.until(NOON.replace(hour=7) + timedelta(days=1))
    assert anna.screen == {}
    await home.house.until(NOON.replace(hour=7, minute=59) + timedelta(days=1))
    await home.minutes(2)
    told = anna.shown
    assert told["title"] == "Lumen is silent"
    assert told["message"] == (
        "Its data reach to 2026-11-18 07:00. Status: Not reachable. Until it speaks again there are no alerts"
        " from it, which says nothing about how anybody is."
    )
    assert told["data"]["push"]["interruption-level"] == "time-sensitive"

    # Said again the next morning: 09:00 in this house.
    await home.house.until(NOON.replace(hour=7, minute=58) + timedelta(days=2))
    assert anna.shown == told
    await home.minutes(4)
    assert anna.shown["title"] == "Lumen is still silent"

    home.house.sim.faults.clear()
    await home.house.pass_time(hours=2)
    assert anna.shown["title"] == "Lumen speaks again"
    assert anna.shown["message"].endswith("Alerts from the time in between may come late.")
    said = len(anna.pushed)
    await home.house.until(NOON.replace(hour=8, minute=5) + timedelta(days=3))
    assert len(anna.pushed) == said


async def test_a_login_that_is_needed_is_said(home: Home, anna: Phone) -> None:
    await home.automate("silence", phones=[anna.device_id], critical=True, remind=False)
    for endpoint in "lumen.alerts", "lumen.identity_mappings":
        home.house.sim.faults.add(endpoint, CATALOGUE["401_bare"]())
    for hour in range(7, 22):
        await home.house.until(NOON + timedelta(hours=hour))
    assert "It needs somebody" in anna.shown["message"]
    assert anna.shown["data"]["channel"] == "alarm_stream"
    said = len(anna.pushed)
    await home.house.pass_time(days=1)
    await home.minutes(2)
    assert len(anna.pushed) == said


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
    assert anna.shown["title"] == "Lumen is silent"
    await home.minutes(2)
    assert anna.shown["title"] == "Lumen is still silent"


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
    assert anna.shown["title"] == "Last night"
    assert anna.shown["message"].splitlines() == [
        "Since 21:00:",
        "Dexcom: Urgent low, observed at 00:10 to 00:30",
        "Reached us late:",
        "Dexcom: Low, observed on 2026-11-17 at 13:00",
        "Lumen about 2026-11-18:",
        "maria: Weight, too fast (high)",
        "maria: Metabolic flexibility, plateau (medium)",
    ]


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
    assert anna.shown["message"].splitlines() == [
        "Since 21:00 no alert has reached us. That is no all-clear.",
        "About yesterday not all is known yet.",
    ]
    await home.house.until(NOON + timedelta(days=1))
    await home.house.until(NOON.replace(hour=7, minute=31) + timedelta(days=2))
    assert anna.shown["message"].splitlines()[-1] == (
        "Silent: Lumen. There are no alerts from there."
    )


# Lights

RED: Json = {"brightness": 255, "rgb_color": (255, 0, 0)}
AMBER: Json = {"brightness": 255, "rgb_color": (255, 170, 0)}
EVENING: Json = {"brightness": 90, "color_temp_kelvin": 2700}
HALL, STAIRS = "light.hall", "light.stairs"


@dataclass
class Lamps:
    """Two lamps: the hall's in its evening light, the stairs' dark."""

    hall: Bulb
    stairs: Bulb

    @property
    def now(self) -> tuple[Json | None, Json | None]:
        """What they look like."""
        return self.hall.look, self.stairs.look

    @property
    def are_as_before(self) -> bool:
        """Whether they look as if nothing had been."""
        return self.now == (EVENING, None)


@pytest.fixture
async def lamps(home: Home) -> Lamps:
    """Two lamps."""
    lamps = Lamps(Bulb(look=dict(EVENING)), Bulb())
    await install(home.hass, {"hall": lamps.hall, "stairs": lamps.stairs})
    return lamps


async def test_lamps_show_an_alert_until_it_is_taken(home: Home, lamps: Lamps) -> None:
    await home.automate("lights", lights=[HALL, STAIRS])
    home.care.alert(1)
    await home.through(home.care.morning(1))
    assert lamps.now == (RED, RED)
    assert lamps.stairs.shown == [RED, None, RED, None, RED, None, RED]
    await home.care.call("acknowledge")
    assert lamps.are_as_before


async def test_lamps_show_the_worst_and_go_back_after_the_last(home: Home, lamps: Lamps) -> None:
    await home.automate("lights", lights=[HALL, STAIRS], flash=False)
    home.care.alert(1, "FLEX", "PLATEAU")
    await home.care.morning(1)
    assert lamps.now == (AMBER, AMBER)
    await home.drill("weight", "high")
    assert lamps.now == (RED, RED)
    # One that is less severe does not hide the worse one.
    await home.drill("medication", "medium")
    assert lamps.now == (RED, RED)
    await home.care.call("acknowledge")
    assert lamps.now == (AMBER, AMBER)
    await home.minutes(6)
    assert lamps.now == (AMBER, AMBER)
    await home.care.call("acknowledge", home.care.sensor("medication"))
    assert lamps.now == (AMBER, AMBER)
    await home.care.call("acknowledge", home.care.sensor("flex"))
    assert lamps.are_as_before
    assert lamps.hall.shown[-1] == EVENING
    await home.minutes(35)
    assert lamps.are_as_before


async def test_lamps_go_back_when_it_is_over(home: Home, lamps: Lamps) -> None:
    await home.automate("lights", lights=[HALL, STAIRS], flash=False)
    await home.drill()
    assert lamps.now == (RED, RED)
    await home.minutes(31)
    assert lamps.are_as_before


@pytest.mark.parametrize("whose", ["alert", "person", "source"])
async def test_a_snooze_makes_lamps_quiet_for_as_long(home: Home, lamps: Lamps, whose: str) -> None:
    await home.automate("lights", lights=[HALL, STAIRS], flash=False)
    home.care.alert(1, "FLEX", "PLATEAU")
    await home.care.morning(1)
    target = {
        "alert": {"entity_id": home.care.sensor("flex")},
        "person": {"device_id": home.person},
        "source": {"device_id": home.house.source_device(home.care.entry).id},
    }[whose]
    await home.care.call("snooze", target, duration={"minutes": 30})
    assert lamps.are_as_before
    await home.minutes(29)
    assert lamps.are_as_before
    await home.minutes(2)
    assert lamps.now == (AMBER, AMBER)


async def test_a_lamp_of_two_automations_goes_back_after_the_last(home: Home, lamps: Lamps) -> None:
    for name, key in ("one", "weight"), ("other", "flex"):
        await home.automate(
            "lights", name, lights=[HALL], flash=False, who={"entity_id": home.care.sensor(key)}
        )
    await home.drill("weight", "high")
    await home.drill("flex", "medium")
    assert lamps.hall.look == RED
    await home.care.call("acknowledge")
    assert lamps.hall.look == AMBER
    await home.care.call("acknowledge", home.care.sensor("flex"))
    assert lamps.are_as_before


@pytest.mark.parametrize("first", ["weight", "flex", "medication"])
async def test_many_alerts_at_once_do_not_flash_for_minutes(
    home: Home, lamps: Lamps, first: str
) -> None:
    await home.automate("lights", lights=[STAIRS])
    home.care.alert(1)
    home.care.alert(1, "FLEX", "DRAMATIC_DROP")
    home.care.alert(1, "MEDICATION", "MISSED_DOSE_HIGH")
    await home.through(home.care.morning(1))
    # Three times for the last one; the first may have begun before the others came.
    assert lamps.stairs.shown.count(None) in (3, 6)
    for key in sorted(("weight", "flex", "medication"), key=lambda key: key != first):
        assert lamps.stairs.look == RED
        await home.care.call("acknowledge", home.care.sensor(key))
    assert lamps.are_as_before


# Speech

KITCHEN, BEDROOM, VOICE = "media_player.kitchen", "media_player.bedroom", "tts.voice"


@dataclass
class Sounds:
    """Two speakers: the kitchen's low, the bedroom's muted; and the stairs' lamp."""

    kitchen: Speaker
    bedroom: Speaker
    stairs: Bulb

    @property
    def are_as_before(self) -> bool:
        """Whether the speakers are as if nothing had been."""
        return (self.kitchen.volume, self.kitchen.muted) == (0.2, False) and (
            self.bedroom.volume,
            self.bedroom.muted,
        ) == (0.4, True)


@pytest.fixture
async def sounds(home: Home) -> Sounds:
    """Two speakers and a lamp."""
    sounds = Sounds(Speaker(), Speaker(volume=0.4, muted=True), Bulb())
    await install(
        home.hass,
        {"stairs": sounds.stairs},
        {"kitchen": sounds.kitchen, "bedroom": sounds.bedroom},
    )
    return sounds


async def test_speakers_say_it_loud_and_get_their_volume_back(home: Home, sounds: Sounds) -> None:
    await home.automate("speak", speakers=[KITCHEN, BEDROOM], tts=VOICE)
    home.care.alert(1)
    await home.through(home.care.morning(1))
    text = "maria: Weight. Was observed at 04:14 ({}), high severity. Nobody has it yet."
    assert sounds.kitchen.said == sounds.bedroom.said == [(text.format("3 h 16 min ago"), 0.6)]
    assert sounds.are_as_before
    # Repeated, because it is severe.
    await home.through(home.minutes(11))
    assert sounds.kitchen.said[1:] == [(text.format("3 h 26 min ago"), 0.6)]
    await home.care.call("acknowledge")
    await home.through(home.minutes(30))
    assert len(sounds.kitchen.said) == 2
    assert sounds.are_as_before


async def test_the_volume_is_back_as_soon_as_somebody_has_it(home: Home, sounds: Sounds) -> None:
    await home.automate("speak", speakers=[KITCHEN], tts=VOICE)
    await home.care.morning(1)
    alarm = asyncio.ensure_future(home.drill())
    await soon(lambda: bool(sounds.kitchen.said))
    assert sounds.kitchen.volume == 0.6
    before = home.house.now
    await home.care.call("acknowledge")
    await alarm
    assert home.house.now == before
    assert sounds.are_as_before


async def test_a_phone_cannot_end_the_speech(home: Home, anna: Phone, sounds: Sounds) -> None:
    """By saying that somebody has acknowledged: only what this house says itself counts."""
    await home.automate("speak", speakers=[KITCHEN], tts=VOICE)
    await home.care.morning(1)
    event_type, forged = "care_alerts_alert_acknowledged", asyncio.Event()

    @callback
    def listen(event: Event) -> None:
        if event.origin is EventOrigin.remote:
            forged.set()

    home.hass.bus.async_listen(event_type, listen)
    alarm = asyncio.ensure_future(home.drill())
    await soon(lambda: bool(sounds.kitchen.said))
    maria = er.async_get(home.hass).async_get(home.care.sensor())
    assert maria is not None
    tag = f"care_alerts_{maria.device_id}_weight_drill"
    lie = asyncio.ensure_future(anna.fire(event_type, {"tag": tag}))
    await soon(forged.is_set)
    for _ in range(100):
        await asyncio.sleep(0)
    assert sounds.kitchen.volume == 0.6
    before = home.house.now
    await home.care.call("acknowledge")
    await alarm
    await lie
    assert home.house.now == before
    assert sounds.are_as_before


async def test_two_at_once_are_said_one_after_the_other(home: Home, sounds: Sounds) -> None:
    await home.automate("speak", speakers=[KITCHEN], tts=VOICE, remind_times=0)
    home.care.alert(1)
    home.care.alert(1, "FLEX", "DRAMATIC_DROP")
    await home.through(home.care.morning(1))
    assert {message.partition(".")[0] for message, _ in sounds.kitchen.said} == {
        "maria: Weight",
        "maria: Metabolic flexibility",
    }
    assert [volume for _, volume in sounds.kitchen.said] == [0.6, 0.6]
    began = generation(1).replace(hour=6, minute=30, second=0)
    assert home.house.now - began > timedelta(seconds=25)
    assert sounds.are_as_before


async def test_at_night_only_severe_ones_are_said(home: Home, sounds: Sounds, oma: Oma) -> None:
    await home.automate("speak", speakers=[KITCHEN], tts=VOICE, remind_times=0)
    # 23:30 in this house.
    await home.house.until(NOON.replace(hour=22, minute=30))
    await home.drill("flex", "medium")
    assert sounds.kitchen.said == []
    # However severe, an analysis of the day before wakes nobody.
    await home.through(home.drill("weight", "high"))
    assert sounds.kitchen.said == []
    await home.through(home.drill(oma.sensor))
    assert len(sounds.kitchen.said) == 1
    assert sounds.kitchen.said[0][0].startswith("DRILL: Dexcom: Urgent low.")
    # Over at seven.
    await home.house.until(NOON.replace(hour=6, minute=1) + timedelta(days=1))
    await home.through(home.drill("flex", "medium"))
    assert len(sounds.kitchen.said) == 2
    assert sounds.are_as_before


async def test_the_same_time_twice_is_no_night(home: Home, sounds: Sounds) -> None:
    midnight = "00:00:00"
    await home.automate(
        "speak", speakers=[KITCHEN], tts=VOICE, quiet_from=midnight, quiet_to=midnight
    )
    await home.through(home.drill("flex", "medium"))
    assert len(sounds.kitchen.said) == 1


async def test_what_is_not_severe_is_said_once_and_again_after_a_snooze(
    home: Home, sounds: Sounds
) -> None:
    await home.automate("speak", speakers=[KITCHEN], tts=VOICE)
    await home.through(home.drill("flex", "medium"))
    await home.through(home.minutes(12))
    assert len(sounds.kitchen.said) == 1
    await home.care.call("snooze", home.care.sensor("flex"), duration={"minutes": 5})
    await home.through(home.minutes(6))
    assert len(sounds.kitchen.said) == 2


async def test_severe_ones_are_said_only_so_often(home: Home, sounds: Sounds) -> None:
    await home.automate("speak", speakers=[KITCHEN], tts=VOICE, remind_every=5, remind_times=2)
    await home.through(home.drill())
    await home.through(home.minutes(25))
    assert len(sounds.kitchen.said) == 3


@pytest.mark.parametrize(
    ("blueprint", "inputs"),
    [
        ("lights", {"lights": ["light.stairs"], "flash": False}),
        ("escalate", {"lights": ["light.stairs"], "house_after": 1, "least_severity": "medium"}),
    ],
)
async def test_a_phone_cannot_say_that_something_was_snoozed(
    home: Home, anna: Phone, sounds: Sounds, blueprint: str, inputs: Json
) -> None:
    if blueprint == "escalate":
        inputs = {"first_phones": [anna.device_id], "second_phones": [], **inputs}
    await home.automate(blueprint, **inputs)
    told: list[Event] = []
    stop = home.hass.bus.async_listen("care_alerts_snoozed", told.append)
    # At night, when it is seen and not heard.
    await home.house.until(NOON.replace(hour=22, minute=30))

    async def alarm() -> None:
        await home.drill("flex", "medium")
        await home.minutes(2)
        assert sounds.stairs.look is not None

    await alarm()
    await home.care.call("snooze", home.care.sensor("flex"), duration={"minutes": 1})
    assert sounds.stairs.look is None
    stop()
    await home.minutes(20)
    await alarm()
    await anna.fire("care_alerts_snoozed", dict(told[0].data))
    assert sounds.stairs.look is not None
    await home.care.call("snooze", home.care.sensor("flex"), duration={"minutes": 1})
    assert sounds.stairs.look is None


async def test_a_speech_service_that_is_gone_leaves_the_volume_alone(
    home: Home, sounds: Sounds
) -> None:
    await home.automate("speak", speakers=[KITCHEN], tts="tts.gone")
    await home.drill()
    assert sounds.are_as_before


# Escalation

ALOUD: Json = {"speakers": [KITCHEN], "tts": [VOICE]}


async def escalation(home: Home, anna: Phone, ben: Phone, **more: Any) -> None:
    """Have Anna told, then Ben, then whoever sees the lamp on the stairs."""
    await home.automate(
        "escalate",
        first_phones=[anna.device_id],
        second_phones=[ben.device_id],
        lights=[STAIRS],
        **more,
    )


async def test_one_after_the_other_is_told_until_somebody_takes_it(
    home: Home, anna: Phone, ben: Phone, sounds: Sounds
) -> None:
    await escalation(home, anna, ben, **ALOUD)
    home.care.alert(1)
    await home.care.morning(1)
    assert anna.shown["message"].startswith("Observed at 04:14")
    assert ben.screen == {}

    await home.minutes(9)
    assert ben.screen == {}
    await home.minutes(1)
    assert ben.shown["message"].startswith("Nobody has acknowledged this for 10 min. Observed")
    assert sounds.stairs.look is None

    await home.minutes(9)
    assert (sounds.stairs.look, sounds.kitchen.said) == (None, [])
    await home.through(home.minutes(1))
    assert sounds.stairs.look == RED
    [(said, volume)] = sounds.kitchen.said
    assert said.startswith("maria: Weight.")
    assert volume == 0.6
    assert sounds.are_as_before
    told = len(anna.pushed), len(ben.pushed)
    await home.through(home.minutes(5))
    assert (len(anna.pushed), len(ben.pushed)) == (told[0] + 1, told[1] + 1)
    assert len(sounds.kitchen.said) == 2

    await ben.press("Acknowledge")
    assert home.care.attributes()["acknowledged_by"] == "Ben"
    assert sounds.stairs.look is None
    for phone in anna, ben:
        assert phone.shown["message"].startswith("Ben acknowledged this at 07:55.")
    told = len(anna.pushed), len(ben.pushed)
    await home.minutes(60)
    assert (len(anna.pushed), len(ben.pushed), len(sounds.kitchen.said)) == (*told, 2)
    await home.care.morning(2)
    assert anna.screen == ben.screen == {}


async def test_a_test_alert_gets_to_the_last_step(
    home: Home, anna: Phone, ben: Phone, sounds: Sounds
) -> None:
    await escalation(home, anna, ben, **ALOUD)
    await home.house.press("test_alert")
    await home.through(home.minutes(20))
    assert ben.shown["message"].startswith("Nobody has acknowledged this for 20 min.")
    assert sounds.stairs.look == RED
    assert sounds.kitchen.said[0][0].startswith("DRILL: maria: Weight.")
    await home.through(home.minutes(10))
    assert sounds.stairs.look is None
    assert anna.screen == ben.screen == {}


async def test_it_stops_wherever_somebody_takes_it(
    home: Home, anna: Phone, ben: Phone, sounds: Sounds
) -> None:
    await escalation(home, anna, ben)
    home.care.alert(1)
    await home.care.morning(1)
    await home.minutes(5)
    await home.care.call("acknowledge")
    await home.minutes(60)
    assert not [one for one in ben.pushed if one["data"].get("actions")]
    assert sounds.stairs.shown == []


async def test_whoever_takes_it_need_not_wait_for_the_end_of_the_speech(
    home: Home, anna: Phone, ben: Phone, sounds: Sounds
) -> None:
    await escalation(home, anna, ben, longest=60, **ALOUD)
    home.care.alert(1)
    await home.care.morning(1)
    await home.minutes(19)
    speech = asyncio.ensure_future(home.minutes(1))
    await soon(lambda: bool(sounds.kitchen.said))
    before = home.house.now
    await anna.press("Acknowledge")
    await speech
    assert home.house.now == before
    assert home.care.attributes()["acknowledged_by"] == "Anna"
    assert sounds.stairs.look is None
    assert sounds.are_as_before


# Two lives of one house, the first one killed


class Lives(Lifetimes):
    """Lives of a house with lamps, speakers and phones: those are not killed with it."""

    def __init__(
        self,
        files: Path,
        sim: Simulator,
        freezer: FrozenDateTimeFactory,
        outside: Outside,
        client: Client,
    ) -> None:
        """Begin with no files and nobody."""
        super().__init__(files, sim, freezer)
        self._outside = outside
        self._client = client
        self.lamps = Lamps(Bulb(look=dict(EVENING)), Bulb())
        self.kitchen = Speaker()

    @asynccontextmanager
    async def live(self) -> AsyncGenerator[tuple[Home, Phone, Phone]]:
        """Start the house, and kill it in the end: what is not written by then is lost."""
        async with self.care() as care:
            hass = care.hass
            home = await move_in(hass, care, self._outside, self._client)
            anna, ben = await home.phone("Anna"), await home.phone("Ben")
            await install(
                hass,
                {"hall": self.lamps.hall, "stairs": self.lamps.stairs},
                {"kitchen": self.kitchen},
            )
            if (self.files / "configuration.yaml").exists():
                config = await async_hass_config_yaml(hass)
                assert await async_setup_component(hass, "automation", config)
            await hass.async_start()
            await care.house.settle()
            yield home, anna, ben
            with killed():
                await lie_down(hass)


@pytest.fixture
def lives(
    tmp_path: Path,
    _voice_packages: None,
    hass: HomeAssistant,
    sim: Simulator,
    freezer: FrozenDateTimeFactory,
    outside: Outside,
    aiohttp_client: Client,
) -> Lives:
    """Lives on files of their own."""
    return Lives(tmp_path, sim, freezer, outside, aiohttp_client)


async def test_lamps_are_as_before_after_a_restart_in_between(lives: Lives) -> None:
    async with lives.live() as (home, _, _):
        await home.automate("lights", lights=[HALL, STAIRS], flash=False)
        home.care.alert(1)
        await home.care.morning(1)
        assert lives.lamps.now == (RED, RED)
    lives.sleep(minutes=2)
    async with lives.live() as (home, _, _):
        assert lives.lamps.now == (RED, RED)
        await home.care.call("acknowledge")
        assert lives.lamps.are_as_before
        await home.minutes(10)
        assert lives.lamps.are_as_before


async def test_lamps_go_back_if_it_was_over_before_the_restart(lives: Lives) -> None:
    async with lives.live() as (home, _, _):
        await home.automate("lights", lights=[HALL, STAIRS], flash=False)
        home.care.alert(1)
        await home.care.morning(1)
        assert lives.lamps.now == (RED, RED)
    lives.sleep(days=1)
    async with lives.live() as (home, _, _):
        await home.house.settle()
        assert lives.lamps.are_as_before


async def test_a_restart_while_lamps_flash(lives: Lives) -> None:
    async with lives.live() as (home, _, _):
        await home.automate("lights", lights=[HALL, STAIRS])
        await home.house.settle()
        alarm = asyncio.ensure_future(home.drill())
        await soon(lambda: bool(lives.lamps.stairs.shown))
        alarm.cancel()
    async with lives.live() as (home, _, _):
        await home.through(home.minutes(6))
        assert lives.lamps.now == (RED, RED)
        await home.care.call("acknowledge")
        assert lives.lamps.are_as_before


async def test_the_volume_is_back_after_a_restart_in_the_middle_of_a_speech(lives: Lives) -> None:
    # What is killed does not tidy up.
    with patch.object(Snapshots, "restore", side_effect=asyncio.CancelledError):
        async with lives.live() as (home, _, _):
            await home.automate("speak", speakers=[KITCHEN], tts=VOICE)
            alarm = asyncio.ensure_future(home.drill())
            await soon(lambda: bool(lives.kitchen.said))
            alarm.cancel()
            assert lives.kitchen.volume == 0.6
    assert lives.kitchen.volume == 0.6
    async with lives.live() as (home, _, _):
        assert lives.kitchen.volume == 0.2


async def test_escalation_goes_on_after_a_restart(lives: Lives) -> None:
    async with lives.live() as (home, anna, ben):
        await escalation(home, anna, ben)
        home.care.alert(1)
        await home.care.morning(1)
        await home.minutes(4)
        assert ben.screen == {}
    lives.sleep(minutes=2)
    async with lives.live() as (home, anna, ben):
        assert len(anna.pushed) == 1
        await home.minutes(3)
        assert ben.screen == {}
        await home.minutes(1)
        assert ben.shown["message"].startswith("Nobody has acknowledged this for 10 min.")
    # The next step was due meanwhile.
    lives.sleep(minutes=12)
    async with lives.live() as (home, anna, ben):
        assert lives.lamps.stairs.look == RED
        await ben.press("Acknowledge")
        assert lives.lamps.stairs.look is None
        assert anna.shown["message"].startswith("Ben acknowledged this")
    lives.sleep(minutes=30)
    async with lives.live() as (home, anna, ben):
        said = len(anna.pushed)
        await home.minutes(30)
        assert len(anna.pushed) == said


async def test_a_reminder_goes_to_the_phone_after_a_restart(lives: Lives) -> None:
    async with lives.live() as (home, anna, _):
        await home.automate("phone", phones=[anna.device_id])
        home.care.alert(1)
        await home.care.morning(1)
        old = anna.shown
    lives.sleep(minutes=20)
    async with lives.live() as (home, anna, _):
        assert anna.shown["message"].startswith("Nobody has acknowledged this for 20 min.")
        # The notification of the life before is as good.
        await anna.press("Acknowledge", old)
        assert home.care.attributes()["acknowledged_by"] == "Anna"
        assert anna.shown["message"].startswith("Anna acknowledged this")
