"""A plan at work in a real Home Assistant: real registrations of phones, their push service a sink on loopback."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from homeassistant.components.media_player.const import MediaPlayerState
from homeassistant.core import Context, CoreState, HomeAssistant, ServiceCall
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.care_alerts.alerts.acknowledgement import Actor, Via
from custom_components.care_alerts.alerts.alert import AlertKey, Severity
from custom_components.care_alerts.alerts.ledger import Ledger
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses import asking, phones
from custom_components.care_alerts.responses.due import DueStep, Outlook, Progress
from custom_components.care_alerts.responses.episodes import EpisodeRef
from custom_components.care_alerts.responses.log import Delivery, ResponseState
from custom_components.care_alerts.responses.phones import Phones
from custom_components.care_alerts.responses.plan import Caregiver, Plan
from custom_components.care_alerts.responses.push import push
from custom_components.care_alerts.responses.responder import NoHousehold
from custom_components.care_alerts.responses.runner import IN_ONE_GO, Runner
from custom_components.care_alerts.responses.store import ResponseStore
from tests.appliances import Bulb, Speaker, install, soon
from tests.care import automate, trigger
from tests.home import Home, Phone

from .house import ON_DUTY_THEN_ALL, Data, Household, caregiver, plan, set_up

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


async def test_it_does_so_at_once_though_a_lamp_of_the_step_hangs(home: Home) -> None:
    lamp = Bulb(hangs=True)
    await install(home.hass, {"hall": lamp})
    both: Data = {"step_id": "1", "after": 0, "tell": ["anna"], "lights": ["light.hall"]}
    _, annas, bens = await two(
        home, plan(steps=[both, {"step_id": "2", "after": 10, "tell": ["ben"]}])
    )
    home.outside.unreachable.add(annas.webhook)
    topic = AlertKey(home.care.maria.shared_user_id, "weight", True)
    await home.care.coordinator.care.drill([topic], severity=Severity.HIGH)
    await soon(lambda: bool(bens.rang))
    after = dt_util.utcnow() + timedelta(seconds=asking.ASKED_WITHIN + 1)
    async_fire_time_changed(home.hass, after)
    await home.house.settle()
    assert lamp.shown == []


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


# When it looks.


async def bare(hass: HomeAssistant) -> tuple[Runner, list[int]]:
    """A runner without a household, and how often it has looked: as many as there are in it."""
    store = ResponseStore(hass)
    runner = Runner(hass, store, Phones(hass, store), NoHousehold())
    looked: list[int] = []
    runner.changed = lambda: looked.append(1)
    return runner, looked


async def test_it_looks_once_for_all_who_ask_and_again_for_who_asks_meanwhile(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    runner, looked = await bare(hass)
    runner.look()
    runner.look()
    await hass.async_block_till_done()
    assert looked == [1]

    def changed() -> None:
        looked.append(1)
        if len(looked) < 3:
            runner.look()

    runner.changed = changed
    runner.look()
    await hass.async_block_till_done()
    assert looked == [1, 1, 1]
    runner.changed = lambda: looked.append(1)
    hass.set_state(CoreState.stopping)
    runner.look()
    await hass.async_block_till_done()
    assert len(looked) == 3
    hass.set_state(CoreState.running)


async def test_others_have_a_turn_while_it_looks_at_many(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, looked = await bare(hass)
    turns: list[int] = []
    episode = SimpleNamespace(episode=SimpleNamespace(episode_id="a"))
    of = SimpleNamespace(plan_id="plan")
    monkeypatch.setattr(runner, "_plans_and_episodes", lambda: [(of, episode)] * 2 * IN_ONE_GO)
    monkeypatch.setattr(runner, "outlook", lambda *_: Outlook(progress=Progress.RUNNING))
    runner.look()
    while not looked:
        await asyncio.sleep(0)
        turns.append(len(looked))
    # One after each that many, and the last after all: no more is waited for.
    assert turns == [0, 0, 1]


async def test_a_step_that_failed_in_the_middle_is_begun_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    household, annas, _ = await two(home)
    act = household.responder.runner._act
    failed: list[str] = []

    def fail_once(ref: EpisodeRef, step: DueStep, told: Sequence[Caregiver]) -> Any:
        if not failed:
            failed.append(step.key.plan_id)
            raise KeyError("somewhere else")
        return act(ref, step, told)

    monkeypatch.setattr(household.responder.runner, "_act", fail_once)
    await home.drill()
    await home.minutes(1)
    assert failed == ["plan"]
    assert records(household) == {"plan": True}
    assert annas.shown["message"].endswith("You may have been told before.")


async def test_whatever_is_wrong_it_looks_again_a_minute_later(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    freezer: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runner, looked = await bare(hass)
    is_wrong = True

    def clamp(self: ResponseState, now: datetime) -> None:
        if is_wrong:
            raise KeyError("somewhere else")

    monkeypatch.setattr(ResponseState, "clamp", clamp)

    async def after(**time: float) -> None:
        freezer.tick(timedelta(**time))
        async_fire_time_changed(hass, dt_util.utcnow())
        await hass.async_block_till_done()

    runner.look()
    await hass.async_block_till_done()
    await after(minutes=1)
    is_wrong = False
    await after(seconds=59)
    assert looked == []
    await after(seconds=1)
    assert looked == [1]
    # Now nothing is to be looked at; and it was said once.
    await after(hours=1)
    assert looked == [1]
    assert caplog.text.count("Unexpected KeyError") == 1
    is_wrong = True
    runner.look()
    await hass.async_block_till_done()
    assert caplog.text.count("Unexpected KeyError") == 2
    is_wrong = False
    await after(minutes=1)


async def test_what_is_next_is_done_to_the_second_whichever_plan_it_is_of(home: Home) -> None:
    """The household looks once a minute besides."""
    told: Data = {"tell": ["anna"]}
    _, annas, _ = await two(
        home,
        plan("Early", [{"step_id": "1", "after": 5} | told]),
        plan("Late", [{"step_id": "1", "after": 8} | told]),
    )
    start = home.house.now
    await home.house.until(start + timedelta(seconds=30))
    await home.drill()
    for minutes in 5, 8:
        await home.house.until(start + timedelta(minutes=minutes))
        before = len(annas.rang)
        await home.house.until(start + timedelta(minutes=minutes, seconds=29))
        assert len(annas.rang) == before
        await home.house.until(start + timedelta(minutes=minutes, seconds=30))
        assert len(annas.rang) == before + 1


# What is told, and when it is on disk.


async def test_what_is_not_on_disk_yet_is_nobodys_to_be_told_of(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    household, annas, _ = await two(home)
    ledger = home.care.coordinator.ledger
    held: frozenset[str] | None = None

    def those_held(self: Ledger) -> frozenset[str]:
        return frozenset(alert.alert_id for alert in ledger.alerts()) if held is None else held

    monkeypatch.setattr(Ledger, "held", those_held)
    await home.drill()
    await home.minutes(1)
    assert annas.pushed == []
    # One that is written is enough.
    held = frozenset({"another"})
    household.responder.look()
    await home.house.settle()
    assert len(annas.rang) == 1
    assert [doing.plan.plan_id for doing in household.responder.runner.next] == ["plan"]
    await home.care.call("acknowledge")
    await home.minutes(31)
    assert household.responder.runner.next == []


def records(household: Household) -> dict[str, bool]:
    """Which steps are on disk, by the id of their plan, and whether as done."""
    path = Path(household.home.hass.config.path(".storage", f"{DOMAIN}.responses"))
    state = json.loads(path.read_text())["data"]["state"]
    return {one["key"][1]: one["done_at"] is not None for one in state["records"]}


async def test_a_step_is_on_disk_before_it_rings_and_as_done_when_all_of_it_was(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two plans ring one phone with one push, and a third one another."""
    steps: list[Data] = [{"step_id": "1", "after": 0, "tell": ["on_duty"]}]
    others: list[Data] = [{"step_id": "1", "after": 0, "tell": ["ben"]}]
    household, annas, bens = await two(
        home, plan("One", steps), plan("Two", steps), plan("Other", others)
    )
    runner = household.responder.runner
    hangs = asyncio.Event()
    tried: list[str] = []

    async def slowly(hass: Any, phone: Any, *rest: Any) -> None:
        tried.append(phone.device_id)
        if phone.device_id == annas.device_id:
            assert records(household) == {"one": False, "two": False, "other": False}
            await hangs.wait()
        await push(hass, phone, *rest)

    monkeypatch.setattr(phones, "push", slowly)
    heard = await automate(home.hass, trigger("step_due"))
    care = home.care.coordinator.care
    await care.drill(
        [AlertKey(home.care.maria.shared_user_id, "weight", True)], severity=Severity.HIGH
    )
    try:
        await soon(lambda: bool(bens.rang) and records(household)["other"])
        assert records(household) == {"one": False, "two": False, "other": True}
        # Whoever looks meanwhile does not begin it again; and nobody takes the household away in the middle of it.
        for _ in range(3):
            runner.look()
            await soon(lambda: runner._looking is None)
        settled = asyncio.ensure_future(runner.settle())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not settled.done()
    finally:
        hangs.set()
    await home.house.settle()
    await settled
    assert records(household) == {"one": True, "two": True, "other": True}
    assert len(annas.rang) == len(bens.rang) == 1
    assert sorted(one["plan"] for one in heard.triggers) == ["One", "Other", "Two"]


@pytest.mark.parametrize(
    ("has_phone", "has_entity", "waits"),
    [(True, False, True), (False, True, True), (True, True, True), (False, False, False)],
)
async def test_only_who_has_nothing_by_which_to_hear_makes_the_next_step_due(
    home: Home, has_phone: bool, has_entity: bool, waits: bool
) -> None:
    sent: list[ServiceCall] = []
    home.hass.services.async_register("notify", "send_message", sent.append)
    home.hass.states.async_set("notify.sms", "unknown")
    annas, bens = await home.phone("Anna"), await home.phone("Ben")
    await set_up(
        home,
        caregiver(
            "Anna",
            phones=[annas.device_id] if has_phone else [],
            notify=["notify.sms"] if has_entity else [],
        ),
        caregiver("Ben", phones=[bens.device_id]),
        plan(
            steps=[
                {"step_id": "1", "after": 0, "tell": ["anna"]},
                {"step_id": "2", "after": 10, "tell": ["ben"]},
            ]
        ),
    )
    await home.drill()
    assert len(annas.rang) == has_phone
    assert len(sent) == has_entity
    assert bool(bens.rang) is not waits


@pytest.mark.parametrize("texts", [("full", "neutral"), ("neutral", "full"), ("full", "full")])
async def test_who_shares_a_notify_entity_gets_one_message(
    home: Home, texts: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[ServiceCall] = []
    home.hass.services.async_register("notify", "send_message", sent.append)
    home.hass.states.async_set("notify.family", "unknown")
    household = await set_up(
        home,
        caregiver("Anna", notify=["notify.family"], text=texts[0]),
        caregiver("Ben", notify=["notify.family"], text=texts[1]),
        plan(steps=[{"step_id": "1", "after": 0, "tell": ["everybody"]}]),
    )
    await home.drill()
    title = "DRILL: Care Alerts" if "neutral" in texts else "DRILL: maria: Weight"
    assert [call.data["title"] for call in sent] == [title]
    # None of what somebody has by the time that it is on disk.
    store = household.responder.store
    save = store.save

    async def slowly() -> None:
        await save()
        [topic] = home.care.coordinator.data.people[home.care.maria.shared_user_id].episodes
        await home.care.coordinator.care.acknowledge(
            [topic], by=Actor("Ben", Via.USER), note=None, context=Context()
        )

    await home.minutes(31)
    monkeypatch.setattr(store, "save", slowly)
    await home.drill()
    assert len(sent) == 1


async def test_a_step_lights_and_speaks_as_it_says(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    names = ("both", "light", "mute")
    lamps, speakers = [Bulb() for _ in names], [Speaker(tells=True) for _ in names]
    await install(
        home.hass,
        dict(zip(names, lamps, strict=True)),
        dict(zip(names, speakers, strict=True)),
    )

    def at_once(which: str, **more: Any) -> Any:
        return plan(which, [{"step_id": "1", "after": 0} | more])

    await set_up(
        home,
        caregiver("Anna"),
        at_once(
            "Both",
            lights=["light.both"],
            colour=[0, 0, 255],
            speakers=["media_player.both"],
            tts="tts.voice",
            volume=30,
        ),
        # A voice without a speaker, and a speaker without a voice, as only a file can have them.
        at_once("Light", lights=["light.light"], tts="tts.voice"),
        at_once("Mute", speakers=["media_player.mute"]),
    )
    care = home.care.coordinator.care
    topic = AlertKey(home.care.maria.shared_user_id, "weight", True)
    await care.drill([topic], severity=Severity.HIGH)
    await soon(lambda: bool(speakers[0].said))
    speakers[0].play(MediaPlayerState.IDLE)
    await home.house.settle()
    looks = [lamp.look and lamp.look["rgb_color"] for lamp in lamps]
    assert looks == [(0, 0, 255), (255, 0, 0), None]
    assert [[volume for _, volume in one.said] for one in speakers] == [[0.3], [], []]
    assert "Weight" in speakers[0].said[0][0]
    assert "Unexpected" not in caplog.text
    assert "did not do what it was asked" not in caplog.text
