"""A plan at work in a real Home Assistant: real registrations of phones, their push service a sink on loopback."""

from typing import Any

import pytest

from custom_components.care_alerts.responses.log import Delivery
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
