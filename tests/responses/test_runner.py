"""A plan at work in a real Home Assistant: real registrations of phones, their push service a sink on loopback."""

from datetime import datetime
from typing import Any

from homeassistant.core import ServiceCall
import pytest

from custom_components.care_alerts.responses.due import Outlook
from custom_components.care_alerts.responses.episodes import EpisodeRef
from custom_components.care_alerts.responses.log import Delivery
from custom_components.care_alerts.responses.plan import Caregiver, Plan
from tests.home import Home, Phone

from .house import ON_DUTY_THEN_ALL, Household, caregiver, plan, set_up

pytestmark = pytest.mark.real_files


async def two(home: Home, *plans: Any, **anna: Any) -> tuple[Household, Phone, Phone]:
    """Anna, who is always on duty, and Ben, who never is; each with a phone."""
    annas, bens = await home.phone("Anna"), await home.phone("Ben")
    home.hass.states.async_set("schedule.ben", "off")
    household = await set_up(
        home,
        caregiver("Anna", phones=[annas.device_id], **anna),
        caregiver("Ben", phones=[bens.device_id], duty="schedule.ben"),
        *(plans or (plan(),)),
    )
    return household, annas, bens


async def test_who_is_on_duty_is_told_at_once_and_everybody_later(home: Home) -> None:
    _, annas, bens = await two(home)
    await home.drill()
    assert len(annas.pushed) == 1
    assert bens.pushed == []
    assert annas.shown["title"] == "DRILL: maria: Weight"
    await home.minutes(9)
    assert len(annas.pushed) == 1
    await home.minutes(1)
    assert len(annas.pushed) == 2
    assert len(bens.pushed) == 1
    await home.minutes(15)
    # At 20 and 25 minutes.
    assert len(annas.pushed) == 4
    assert len(bens.pushed) == 3


async def test_a_button_stops_it_and_all_phones_say_who_has_it(home: Home) -> None:
    _, annas, bens = await two(home)
    await home.drill()
    await home.minutes(10)
    await bens.press("I have it")
    for phone in (annas, bens):
        assert "Ben has it" in phone.shown["message"]
        assert phone.shown["data"]["importance"] == "low"
    count = len(annas.pushed)
    await home.minutes(15)
    assert len(annas.pushed) == count


async def test_when_it_is_over_the_notifications_go(home: Home) -> None:
    _, annas, bens = await two(home)
    await home.drill()
    await home.minutes(10)
    assert bens.shown
    await home.minutes(25)
    assert annas.screen == bens.screen == {}


async def test_a_push_that_is_refused_makes_the_next_step_due(home: Home) -> None:
    household, annas, bens = await two(home)
    home.outside.unreachable.add(annas.webhook)
    await home.drill()
    assert annas.pushed == []
    assert len(bens.pushed) == 1
    [episode] = household.responder.runner.next
    receipts = household.responder.store.state.of(episode.ref.episode.ids).receipts
    assert {(one.phone, one.delivery) for one in receipts} == {
        (annas.device_id, Delivery.FAILED),
        (bens.device_id, Delivery.UNKNOWN),
    }


async def test_a_snooze_is_over_at_the_step_for_now(home: Home) -> None:
    _, annas, bens = await two(home)
    await home.drill()
    await annas.press("Snooze 30 min")
    assert "Snoozed until" in annas.shown["message"]
    await home.minutes(29)
    assert bens.pushed == []


async def test_entities(home: Home) -> None:
    household, *_ = await two(home)
    on_duty = household.state("sensor", "on_duty")
    assert on_duty.state == "Anna"
    assert on_duty.attributes["why"] == ["Anna is always on duty"]
    assert household.state("sensor", "next_step", "plan").state == "unknown"
    await home.drill()
    step = household.state("sensor", "next_step", "plan")
    assert step.attributes["step"] == 2
    assert step.attributes["after_minutes"] == ON_DUTY_THEN_ALL[1]["after"]
    assert step.attributes["tells"] == ["Anna", "Ben"]
    assert household.state("switch", "plan", "plan").state == "on"


async def test_what_is_wrong_with_one_step_is_said_once_and_it_is_done_again(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    household, annas, _ = await two(home)
    phones_of = household.responder.household.phones_of  # type: ignore[union-attr]
    fails = True

    def phones(who: Caregiver) -> list[str]:
        if fails:
            raise KeyError("somewhere else")
        return phones_of(who)

    monkeypatch.setattr(household.responder.household, "phones_of", phones)
    await home.drill()
    await home.minutes(3)
    assert annas.pushed == []
    # Once for the step, once for what the household shows: not once a minute.
    assert caplog.text.count("Unexpected KeyError") == 2
    fails = False
    await home.minutes(1)
    assert annas.shown["message"].endswith("You may have been told before.")


async def test_one_plan_that_is_wrong_keeps_no_other_from_working(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    household, annas, _ = await two(home, plan("Bad"), plan("Good"))
    runner = household.responder.runner
    outlook = runner.outlook

    def of(plan: Plan, ref: EpisodeRef, now: datetime) -> Outlook:
        if plan.plan_id == "bad":
            raise ValueError
        return outlook(plan, ref, now)

    monkeypatch.setattr(runner, "outlook", of)
    await home.drill()
    assert annas.shown


async def test_a_notify_entity_that_raises_anything_makes_the_next_step_due(home: Home) -> None:
    bens = await home.phone("Ben")

    async def send(call: ServiceCall) -> None:
        raise KeyError("chat_id")

    home.hass.services.async_register("notify", "send_message", send)
    home.hass.states.async_set("notify.anna", "unknown")
    await set_up(
        home,
        caregiver("Anna", notify=["notify.anna"]),
        caregiver("Ben", phones=[bens.device_id]),
        plan(
            steps=[
                {"step_id": "1", "after": 0, "tell": ["anna"]},
                {"step_id": "2", "after": 10, "tell": ["ben"]},
            ]
        ),
    )
    await home.drill()
    assert bens.shown


async def test_who_shares_a_notify_entity_gets_one_message(home: Home) -> None:
    sent: list[ServiceCall] = []
    home.hass.services.async_register("notify", "send_message", sent.append)
    home.hass.states.async_set("notify.family", "unknown")
    await set_up(
        home,
        caregiver("Anna", notify=["notify.family"]),
        caregiver("Ben", notify=["notify.family"], text="neutral"),
        plan(steps=[{"step_id": "1", "after": 0, "tell": ["everybody"]}]),
    )
    await home.drill()
    assert [call.data["title"] for call in sent] == ["DRILL: Care Alerts"]
