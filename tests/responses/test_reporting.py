"""What is told of duty and of drills: every sentence, with the names that the house has."""

from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.care_alerts.alerts.alert import Severity
from custom_components.care_alerts.responses.duty import ENTITY, UNTIL
from custom_components.care_alerts.responses.log import Delivery, StepKey, StepRecord
from custom_components.care_alerts.responses.plan import Part, PartKind
from custom_components.care_alerts.responses.reporting import drill_report, drill_summary, readable
from tests.home import Home

from .house import Household, caregiver, plan, set_up

AT_ONCE = [{"step_id": "1", "after": 0, "tell": ["anna"]}]


async def drilled(home: Home) -> tuple[Household, str]:
    """A household that has begun a drill at 13:00, and its episode."""
    phone = await home.phone("Anna")
    household = await set_up(
        home, caregiver("Anna", phones=[phone.device_id]), plan("Night", AT_ONCE)
    )
    assert drill_report(home.hass, household.responder) == []
    assert drill_summary(home.hass, household.responder) == []
    await household.responder.async_drill()
    await home.house.settle()
    drill = household.responder.store.kept.drill
    assert drill
    [episode_id] = drill.episode_ids
    return household, episode_id


async def test_all_that_came_of_a_drill(home: Home) -> None:
    household, episode_id = await drilled(home)
    responder, began = household.responder, home.house.now
    [report] = drill_report(home.hass, responder)
    assert (report["person"], report["answered_by"]) == ("maria", None)
    assert [one["told"][0]["who"] for one in report["steps"]] == ["Anna's phone"]
    assert drill_summary(home.hass, responder) == [
        "maria: nobody has answered yet.",
        "13:00 Anna's phone: sent",
    ]
    home.hass.states.async_set("light.hall", "on", {"friendly_name": "Hall"})

    def key(step: str) -> StepKey:
        return StepKey(episode_id, "night", step, 0)

    for step, minutes, parts, redelivered in (
        ("2", 10, {Part(PartKind.TELL, "anna"), Part(PartKind.LIGHT, "light.hall")}, True),
        ("3", 20, {Part(PartKind.SPEAKER, "media_player.gone")}, False),
    ):
        begun = began + timedelta(minutes=minutes)
        record = StepRecord(
            key=key(step),
            after=minutes,
            parts=frozenset(parts),
            since=began,
            begun_at=begun,
            redelivered=redelivered,
        )
        responder.store.state.begin(record)
    sent = began + timedelta(minutes=10)
    for phone in ("anna", "night"):
        responder.store.state.pushed(key("2"), phone, Delivery.SENT, Severity.HIGH, sent)
    responder.store.state.confirmed(key("2"), "anna", sent + timedelta(seconds=7))
    responder.store.state.pushed(key("3"), "notify.gone", Delivery.FAILED, Severity.HIGH, sent)
    maybe = "(may have been done before)"
    assert drill_summary(home.hass, responder)[2:] == [
        f"13:10 Anna: arrived, after 7 s {maybe}",
        f"13:10 Night: sent, not confirmed {maybe}",
        f"13:10 Hall {maybe}",
        "13:20 notify.gone: not reached",
        "13:20 media_player.gone",
    ]


async def test_what_is_no_more_is_not_reported(home: Home) -> None:
    household, episode_id = await drilled(home)
    drill = household.responder.store.kept.drill
    assert drill
    drill.episode_ids = ["gone", episode_id]
    [report] = drill_report(home.hass, household.responder)
    assert report["person"] == "maria"
    assert len(drill_summary(home.hass, household.responder)) == 2


@pytest.mark.parametrize(
    ("placeholders", "read"),
    [
        ({}, {}),
        ({"names": "Anna"}, {"names": "Anna"}),
        ({ENTITY: "calendar.care"}, {ENTITY: "Care"}),
        ({ENTITY: "calendar.gone"}, {ENTITY: "calendar.gone"}),
        ({ENTITY: ""}, {ENTITY: ""}),
        ({UNTIL: "soon"}, {UNTIL: "soon"}),
        ({UNTIL: ""}, {UNTIL: ""}),
    ],
)
async def test_how_placeholders_are_read(
    hass: HomeAssistant, placeholders: dict[str, str], read: dict[str, Any]
) -> None:
    hass.states.async_set("calendar.care", "on", {"friendly_name": "Care"})
    assert readable(hass, placeholders) == read
