"""What phones show: pushed through the real mobile_app to a push service on loopback, read back as a screen."""

import asyncio
from dataclasses import replace
from datetime import timedelta
import json
from pathlib import Path
from typing import Any

from homeassistant.core import Context
from homeassistant.helpers import device_registry
from homeassistant.util import dt as dt_util
import pytest

from custom_components.care_alerts.alerts.acknowledgement import Actor, Via
from custom_components.care_alerts.alerts.alert import AlertKey, Severity
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses import phones
from custom_components.care_alerts.responses.episodes import all_episodes
from custom_components.care_alerts.responses.log import Delivery
from custom_components.care_alerts.responses.phones import Phones, Ring
from custom_components.care_alerts.responses.plan import Caregiver, Text
from custom_components.care_alerts.responses.push import PushError, phone_of, push
from custom_components.care_alerts.responses.screens import Shown
from custom_components.care_alerts.responses.store import ResponseStore
from custom_components.care_alerts.sources.targets import sources
from simulator.dexcom import Wearer
from tests.appliances import soon
from tests.home import CLEAR, Home, Phone
from tests.wear import live, wear

from .house import Household, caregiver, plan, set_up

pytestmark = pytest.mark.real_files

LATER = [{"step_id": "2", "after": 10, "tell": ["anna"]}]
AT_ONCE = [{"step_id": "1", "after": 0, "tell": ["everybody"]}]
CONFIRMED = "mobile_app_notification_received"


def receipts(household: Household) -> dict[str, Delivery]:
    """What is known of the pushes of the newest episode of each phone."""
    runner = household.responder.runner
    state = household.responder.store.state
    return {
        one.phone: one.delivery
        for doing in runner.next
        for one in state.of(doing.ref.episode.ids).receipts
    }


async def with_phones(home: Home, *names: str, **data: Any) -> tuple[Household, list[Phone]]:
    """Caregivers who are told at once, each with a phone."""
    phones = [await home.phone(name) for name in names]
    household = await set_up(
        home,
        *(
            caregiver(name, phones=[phone.device_id], **data)
            for name, phone in zip(names, phones, strict=True)
        ),
        plan(steps=AT_ONCE),
    )
    return household, phones


async def test_it_says_what_was_when_how_old_and_who_has_it(home: Home) -> None:
    _, [phone] = await with_phones(home, "Anna")
    await home.drill()
    note = phone.shown
    assert note["title"] == "DRILL: maria: Weight"
    assert note["message"].splitlines() == [
        "Was observed at 13:00 (0 min ago), high severity.",
        "Nobody has it yet.",
    ]
    assert [one["title"] for one in note["data"]["actions"]] == ["I have it", "Snooze 30 min"]
    assert note["data"]["confirmation"] is True
    assert note["data"]["url"] == note["data"]["clickAction"]
    assert note["data"]["url"].startswith("entityId:binary_sensor.")


async def test_two_phones_of_one_name_are_each_told(home: Home) -> None:
    """Home Assistant's action for them is one: of two registrations only the last has it."""
    first = await home.phone("Anna")
    second = await home.phone("Ben", name="Anna's phone")
    await set_up(
        home,
        caregiver("Anna", phones=[first.device_id]),
        caregiver("Ben", phones=[second.device_id], text="neutral"),
        plan(steps=AT_ONCE),
    )
    await home.drill()
    assert first.shown["title"] == "DRILL: maria: Weight"
    neutral = second.shown
    assert neutral["title"] == "DRILL: Care Alerts"
    said = str(neutral).casefold()
    assert "maria" not in said
    assert "weight" not in said
    await first.press("I have it")
    assert "Anna has it" in first.shown["message"]
    assert "Anna has it" in second.shown["message"]


async def test_a_persons_phones_are_found(home: Home) -> None:
    phone = await home.phone("Anna")
    home.hass.states.async_set("person.anna", "home", {"user_id": phone.user.id})
    await set_up(home, caregiver("Anna", person="person.anna"), plan(steps=AT_ONCE))
    await home.drill()
    assert phone.shown


async def test_an_android_phone_that_confirms_is_believed_and_nobody_else(home: Home) -> None:
    phone = await home.phone("Anna", os_name="Android")
    stranger = await home.phone("Ben")
    household = await set_up(home, caregiver("Anna", phones=[phone.device_id]), plan(steps=AT_ONCE))
    await home.drill()
    assert receipts(household) == {phone.device_id: Delivery.SENT}
    data = phone.shown["data"]
    settled: list[Delivery] = []
    household.responder.phones.settled = lambda: settled.extend(receipts(household).values())
    await stranger.fire(CONFIRMED, data)
    assert receipts(household) == {phone.device_id: Delivery.SENT}
    await phone.fire(CONFIRMED, data)
    assert receipts(household) == {phone.device_id: Delivery.RECEIVED}
    # What waits for it looks at once.
    assert settled == [Delivery.RECEIVED]


async def test_a_phone_that_takes_no_pushes_is_not_pushed_to(home: Home) -> None:
    found = phone_of(home.hass, (await home.phone("Anna")).device_id)
    assert found
    with pytest.raises(PushError, match="not registered"):
        await push(home.hass, replace(found, takes_pushes=False), {}, lambda: None)


async def test_what_is_not_confirmed_within_a_minute_makes_the_next_step_due(home: Home) -> None:
    phone = await home.phone("Anna", os_name="Android")
    others = await home.phone("Ben")
    await set_up(
        home,
        caregiver("Anna", phones=[phone.device_id]),
        caregiver("Ben", phones=[others.device_id]),
        plan(
            steps=[
                {"step_id": "1", "after": 0, "tell": ["anna"]},
                {"step_id": "2", "after": 10, "tell": ["ben"]},
            ]
        ),
    )
    await home.drill()
    await home.house.pass_time(seconds=59)
    assert others.pushed == []
    await home.house.pass_time(seconds=1)
    assert others.shown


async def test_more_than_three_are_one_summary_and_fewer_are_not(home: Home) -> None:
    household, [phone] = await with_phones(home, "Anna")
    people = [await home.somebody(name) for name in ("tom", "jill", "zoe")]
    await home.drill()
    for sensor in people[:2]:
        await home.drill(sensor)
    assert len(phone.screen) == 3
    await home.drill(people[2])
    assert [one["title"] for one in phone.screen.values()] == ["DRILL: 4 alerts"]
    summary = phone.shown
    assert "maria: Weight" in summary["message"]
    await phone.press("I have it")
    assert "Anna has it" in phone.shown["message"]
    await home.minutes(31)
    assert phone.screen == {}
    assert not list(household.responder.store.screens.episodes())


async def test_a_summary_is_without_what_is_over(home: Home) -> None:
    _, [phone] = await with_phones(home, "Anna")
    for key in ("weight", "flex", "medication", await home.somebody("Henk")):
        await home.drill(key)
        await home.minutes(1)
    await home.drill(await home.somebody("Els"))
    assert phone.shown["title"] == "DRILL: 5 alerts"
    # Half an hour after it began the first is over.
    await home.minutes(26)
    assert phone.shown["title"] == "DRILL: 4 alerts"
    assert phone.shown["message"].count("Nobody has it yet.") == 4


async def test_a_hundred_at_once_are_one_push_a_phone(home: Home) -> None:
    _, [phone] = await with_phones(home, "Anna")
    sensors = [await home.somebody(f"p{number}") for number in range(20)]
    await home.care.call("send_test_alert", {"entity_id": sensors}, severity="high")
    assert len(phone.screen) == 1
    assert len(phone.pushed) <= 5


async def test_what_nobody_took_and_nothing_more_was_heard_of_says_so(home: Home) -> None:
    """A real one: a drill is over when it is over."""
    _, [phone] = await with_phones(home, "Anna")
    home.care.alert(1)
    await home.care.morning(1)
    await home.house.settle()
    assert phone.shown["title"] == "maria: Weight"


async def test_of_a_phone_that_was_deleted_everybody_else_is_told(home: Home) -> None:
    household, [annas, bens] = await with_phones(home, "Anna", "Ben")
    await home.hass.config_entries.async_remove("phone-Anna")
    await home.drill()
    assert bens.shown
    assert receipts(household)[annas.device_id] is Delivery.FAILED
    await home.minutes(1)
    assert household.issues() == {"heard_phone_gone"}


async def test_a_phone_whose_registration_did_not_run_shows_it_when_it_does(home: Home) -> None:
    _, [phone] = await with_phones(home, "Anna")
    await home.hass.config_entries.async_unload("phone-Anna")
    await home.drill()
    assert phone.pushed == []
    await home.hass.config_entries.async_setup("phone-Anna")
    await home.minutes(1)
    assert phone.shown
    assert phone.rang == []


async def test_what_a_phone_shows_is_on_disk_as_soon_as_it_was_taken(home: Home) -> None:
    _, [phone] = await with_phones(home, "Anna")

    def told() -> list[str]:
        path = Path(home.hass.config.path(".storage", f"{DOMAIN}.responses"))
        screens = json.loads(path.read_text())["data"]["screens"]
        return [shown["tells"] for one in screens.values() for shown in one["shown"].values()]

    await home.drill()
    assert len(told()) == 1
    await phone.press("I have it")
    assert "Anna" in told()[0]
    await home.minutes(31)
    assert told() == []


async def test_a_caregiver_without_a_phone_is_a_repair(home: Home) -> None:
    phone = await home.phone("Ben")
    household = await set_up(
        home, caregiver("Anna"), caregiver("Ben", phones=[phone.device_id]), plan(steps=AT_ONCE)
    )
    await home.drill()
    assert phone.shown
    assert receipts(household)["anna"] is Delivery.FAILED
    assert household.issues() == {"heard_no_phone"}
    assert household.state("binary_sensor", "may_not_be_heard").attributes["reasons"] == [
        "Anna has no phone and nothing else to be told by."
    ]
    await home.hass.config_entries.async_unload(household.entry.entry_id)
    assert household.issues() == set()


async def test_a_reload_or_restart_of_the_household_rings_nothing_again(home: Home) -> None:
    household, [phone] = await with_phones(home, "Anna")
    await home.drill()
    await home.hass.config_entries.async_reload(household.entry.entry_id)
    await home.house.settle()
    assert len(phone.pushed) == 1
    await phone.press("I have it")
    assert "Anna has it" in phone.shown["message"]


async def test_a_source_that_is_reloaded_takes_nothing_off_the_screen(home: Home) -> None:
    _, [phone] = await with_phones(home, "Anna")
    await home.drill()
    await home.care.reload()
    assert len(phone.pushed) == 1
    assert phone.shown


async def test_a_source_that_is_removed_does(home: Home) -> None:
    _, [phone] = await with_phones(home, "Anna")
    await home.drill()
    await home.hass.config_entries.async_remove(home.care.entry.entry_id)
    await home.house.settle()
    assert phone.screen == {}


async def test_an_update_that_is_refused_is_tried_again(home: Home) -> None:
    _, [annas, bens] = await with_phones(home, "Anna", "Ben")
    await home.drill()
    home.outside.unreachable.add(annas.webhook)
    await bens.press("I have it")
    assert "Nobody has it" in annas.shown["message"]
    home.outside.unreachable.clear()
    await home.minutes(1)
    assert "Ben has it" in annas.shown["message"]


async def test_a_phone_that_is_back_after_an_hour_says_what_is_so(home: Home) -> None:
    _, [annas, bens] = await with_phones(home, "Anna", "Ben")
    await home.drill()
    home.outside.unreachable.add(annas.webhook)
    await bens.press("I have it")
    await home.minutes(60)
    assert annas.screen
    home.outside.unreachable.clear()
    await home.minutes(15)
    assert annas.screen == {}


async def test_only_a_ring_may_come_too_late_an_update_waits_for_its_phone(home: Home) -> None:
    _, [phone] = await with_phones(home, "Anna")
    await home.drill()
    assert phone.shown["data"]["ttl"] == 1800
    await phone.press("I have it")
    assert "ttl" not in phone.shown["data"]


async def test_what_somebody_has_meanwhile_rings_no_phone_that_waits_for_the_disk(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    household, [phone] = await with_phones(home, "Anna")
    store = household.responder.store
    # Else that a test alert was tried is written, too, before anything rings.
    store.kept.tried = True
    save = store.save

    async def slowly() -> None:
        await save()
        [topic] = home.care.coordinator.data.people[home.care.maria.shared_user_id].episodes
        await home.care.coordinator.care.acknowledge(
            [topic], by=Actor("Ben", Via.USER), note=None, context=Context()
        )

    monkeypatch.setattr(store, "save", slowly)
    await home.drill()
    assert "Ben has it" in phone.shown["message"]
    assert {one["data"]["importance"] for one in phone.pushed} == {"low"}


async def wears(home: Home) -> Wearer:
    """Somebody whose alerts are real."""
    wearer = home.house.sim.dexcom.wearer("SandboxUser7")
    wear(wearer)
    await home.house.set_up(await home.house.dexcom_entry(wearer))
    return wearer


async def test_a_live_status_is_not_forgotten_over_a_new_episode_that_is_refused(
    home: Home,
) -> None:
    _, [phone] = await with_phones(home, "Anna", live_status=True)
    await home.drill()
    home.outside.unreachable.add(phone.webhook)
    await home.drill()
    await home.minutes(31)
    assert len(phone.screen) == 2
    home.outside.unreachable.clear()
    await home.minutes(15)
    assert phone.screen == {}


async def test_a_button_of_two_sources_does_it_for_both_though_the_disk_of_one_hangs(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, [phone] = await with_phones(home, "Anna")
    wearer = await wears(home)
    wearer.add_alert("urgentLow", home.house.now, uploaded_at=home.house.now)
    await live(home.house, timedelta(hours=1))
    await home.drill()
    ids = [ref.episode.episode_id for ref in all_episodes(home.hass) if ref.episode.is_open]
    assert len(ids) == 2
    waits = asyncio.Event()
    for coordinator in sources(home.hass):
        monkeypatch.setattr(coordinator, "save", waits.wait)
    home.hass.bus.async_fire(
        "mobile_app_notification_action",
        {"action": f"CARE_ALERTS|ACKNOWLEDGE|{','.join(ids)}"},
        context=Context(user_id=phone.user.id),
    )
    await soon(
        lambda: sum(bool(one.episode.acknowledgement) for one in all_episodes(home.hass)) == 2
    )
    waits.set()
    await home.house.settle()


async def test_when_nothing_more_is_heard_only_the_live_status_goes(home: Home) -> None:
    _, [phone] = await with_phones(home, "Anna", live_status=True)
    wearer = await wears(home)
    wearer.add_alert("urgentLow", home.house.now, uploaded_at=home.house.now)
    await live(home.house, timedelta(hours=1))
    assert len(phone.screen) == 2
    await live(home.house, timedelta(hours=2))
    assert "Nothing more was heard" in phone.shown["message"]


async def test_that_it_was_handled_on_the_device_is_said_without_a_sound_and_rings_go_on(
    home: Home,
) -> None:
    phone = await home.phone("Anna")
    await set_up(
        home,
        caregiver("Anna", phones=[phone.device_id]),
        plan(handled_wait=30, steps=[*AT_ONCE, {"step_id": "2", "after": 60, "tell": ["anna"]}]),
    )
    wearer, low = await wears(home), home.house.now
    wearer.add_alert("urgentLow", low, uploaded_at=low)
    await live(home.house, timedelta(minutes=31))
    assert "Handled" not in phone.shown["message"]
    handled = home.house.now
    wearer.add_alert("urgentLow", handled, state="activeSnoozed", uploaded_at=handled)
    # The second would have come by now.
    await live(home.house, timedelta(minutes=57))
    assert len(phone.rang) == 1
    said = f"Handled on the device at {dt_util.as_local(handled):%H:%M}."
    assert phone.shown["message"].splitlines()[-2:] == [said, "Nobody has it yet."]
    await live(home.house, timedelta(minutes=32))
    assert len(phone.rang) == 2


async def test_what_goes_on_after_nothing_more_was_heard_rings_again(home: Home) -> None:
    annas, bens = await home.phone("Anna"), await home.phone("Ben")
    await set_up(
        home,
        caregiver("Anna", phones=[annas.device_id]),
        caregiver("Ben", phones=[bens.device_id]),
        plan(steps=[{"step_id": "1", "after": 0, "tell": ["everybody"]}, *LATER]),
    )
    wearer, low = await wears(home), home.house.now
    wearer.add_alert("urgentLow", low, uploaded_at=low)
    await live(home.house, timedelta(minutes=150))
    for phone in (annas, bens):
        assert "Nothing more was heard" in phone.shown["message"]
    count = len(annas.pushed)
    # Uploaded late; by it the episode has not been over.
    wearer.add_alert("urgentLow", low + timedelta(hours=1), uploaded_at=home.house.now)
    await live(home.house, timedelta(minutes=30))
    assert len(annas.pushed) == count + 1
    assert annas.shown["data"]["channel"] != "Care Alerts, without a sound"
    for phone in (annas, bens):
        assert "Nothing more" not in phone.shown["message"]
        assert "Nobody has it yet." in phone.shown["message"]


async def test_a_live_status_stands_beside_it_and_goes_with_it(home: Home) -> None:
    _, [phone] = await with_phones(home, "Anna", live_status=True)
    await home.drill()
    live = [one for one in phone.screen.values() if one["data"].get("live_update")]
    assert len(live) == 1
    assert len(phone.screen) == 2
    assert live[0]["data"]["chronometer"] is True
    await home.minutes(31)
    assert phone.screen == {}


async def test_a_local_phone_that_is_not_connected_is_not_reached(home: Home) -> None:
    phone = await home.phone("Anna", is_local=True)
    household = await set_up(home, caregiver("Anna", phones=[phone.device_id]), plan(steps=AT_ONCE))
    await home.drill()
    assert receipts(household) == {phone.device_id: Delivery.FAILED}


async def test_what_is_refused_after_the_phone_in_the_house_did_not_confirm_it_reached_nobody(
    home: Home,
) -> None:
    # It is there once its packages are, see `home`.
    from homeassistant.components.mobile_app.push_notification import (
        PUSH_CONFIRM_TIMEOUT,
        PushChannel,
    )

    household, [phone] = await with_phones(home, "Anna")
    channels = home.hass.data["mobile_app"]["push_channel"]
    seen: list[dict[str, Any]] = []
    channels[phone.webhook] = PushChannel(
        home.hass, phone.webhook, True, seen.append, lambda: channels.pop(phone.webhook)
    )
    home.outside.unreachable.add(phone.webhook)
    await home.drill()
    assert len(seen) == 1
    assert receipts(household) == {phone.device_id: Delivery.UNKNOWN}
    await home.house.pass_time(seconds=PUSH_CONFIRM_TIMEOUT + 1)
    assert receipts(household) == {phone.device_id: Delivery.FAILED}


async def test_who_may_not_control_the_person_presses_in_vain(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    await home.hass.auth.async_create_user("Whoever owns the house")
    _, [phone] = await with_phones(home, "Anna")
    await home.drill()
    phone.user.groups.clear()
    phone.user.invalidate_cache()
    await phone.press("I have it")
    assert "Nobody has it" in phone.shown["message"]
    assert "A button was pressed by a user who may not control what it is of" in caplog.messages


async def test_a_button_of_an_episode_that_is_over_acts_on_no_newer_one(home: Home) -> None:
    _, [phone] = await with_phones(home, "Anna")
    await home.drill()
    old = phone.shown
    await home.minutes(31)
    await home.drill()
    await phone.press("I have it", old)
    assert "Nobody has it" in phone.shown["message"]


async def test_the_age_stands_beside_it_when_it_is_told_again(home: Home) -> None:
    phone = await home.phone("Anna")
    await set_up(
        home,
        caregiver("Anna", phones=[phone.device_id]),
        plan(steps=[{"step_id": "1", "after": 0, "tell": ["anna"], "every": 5}]),
    )
    await home.drill()
    await home.house.pass_time(minutes=5)
    assert "Was observed at 13:00 (5 min ago)" in phone.shown["message"]


async def test_nothing_that_home_assistant_will_take_away_is_used(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks through the stack each time somebody does: some milliseconds, for each look at a phone."""
    used: list[Any] = []
    monkeypatch.setattr(device_registry, "report_usage", lambda what, **_: used.append(what))
    _, [phone] = await with_phones(home, "Anna")
    await home.drill()
    assert phone.shown
    assert used == []


async def test_a_push_service_that_hangs_gets_the_ring_first_and_no_queue_of_updates(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each update that hangs would keep the ring of the next step waiting for ten seconds."""
    household, _ = await with_phones(home, "Anna")
    for key in ("weight", "flex"):
        await home.drill(key)
    tried: list[str] = []
    hangs = asyncio.Event()

    async def push(hass: Any, phone: Any, notification: dict[str, Any], refused: Any) -> None:
        tried.append(notification["data"].get("importance", "alarm"))
        await hangs.wait()
        raise PushError("it hangs")

    monkeypatch.setattr(phones, "push", push)
    care = home.care.coordinator.care
    topics = list(home.care.coordinator.data.people[home.care.maria.shared_user_id].episodes)
    await care.acknowledge(topics, by=Actor("Ben", Via.USER), note=None, context=Context())
    await soon(lambda: bool(tried))
    for _ in range(5):
        household.responder.look()
        await soon(lambda: household.responder.runner._looking is None)
    await care.drill([replace(topics[0], alert_type="medication")], severity=Severity.HIGH)
    await soon(lambda: household.responder.runner._looking is None)
    hangs.set()
    await home.house.settle()
    assert tried == ["low", "alarm"]


async def long_drill(home: Home, hours: int = 12) -> None:
    """A test alert that goes on for hours."""
    await home.care.coordinator.care.drill(
        [AlertKey(home.care.maria.shared_user_id, "weight", True)],
        severity=Severity.HIGH,
        lasts=timedelta(hours=hours),
    )
    await home.house.settle()


async def test_a_phone_that_refuses_for_hours_keeps_no_other_from_being_told(home: Home) -> None:
    annas, bens, carls = [await home.phone(name) for name in ("Anna", "Ben", "Carl")]
    household = await set_up(
        home,
        *(
            caregiver(name, phones=[phone.device_id])
            for name, phone in (("Anna", annas), ("Ben", bens), ("Carl", carls))
        ),
        plan(steps=[{"step_id": "1", "after": 0, "tell": ["everybody"], "every": 1}]),
    )
    home.outside.unreachable.add(annas.webhook)
    await long_drill(home)
    await home.minutes(60)
    await bens.press("I have it")
    await home.minutes(1)
    assert "Ben has it" in carls.shown["message"]
    assert len(household.responder.runner.next) == 1
    # It is soon told once it is back.
    home.outside.unreachable.clear()
    await home.minutes(16)
    assert "Ben has it" in annas.shown["message"]


async def test_of_news_a_phone_that_refused_is_asked_at_once(home: Home) -> None:
    annas, bens = await home.phone("Anna"), await home.phone("Ben")
    await set_up(
        home,
        caregiver("Anna", phones=[annas.device_id]),
        caregiver("Ben", phones=[bens.device_id]),
        plan(steps=AT_ONCE),
    )
    home.outside.unreachable.add(annas.webhook)
    await home.drill()
    home.outside.unreachable.clear()
    await bens.press("I have it")
    assert "Ben has it" in annas.shown["message"]


async def four_alerts(home: Home) -> tuple[Household, Phone]:
    """A phone that shows a summary, after three notifications of their own."""
    household, [phone] = await with_phones(home, "Anna")
    sensors = [home.care.sensor(), *[await home.somebody(name) for name in ("tom", "jill", "zoe")]]
    for sensor in sensors[:3]:
        await home.drill(sensor)
    assert len(phone.screen) == 3
    return household, phone


async def test_a_summary_goes_though_its_end_was_refused(home: Home) -> None:
    _, phone = await four_alerts(home)
    await home.drill(home.house.entity_id("binary_sensor", "weight", home.last_person))
    assert len(phone.screen) == 1
    await home.minutes(20)
    home.outside.unreachable.add(phone.webhook)
    await home.minutes(15)
    assert phone.screen
    home.outside.unreachable.clear()
    await home.minutes(16)
    assert phone.screen == {}


async def test_what_is_summed_up_goes_though_taking_it_away_was_refused(home: Home) -> None:
    _, phone = await four_alerts(home)
    home.outside.refuse_next = lambda message: message["message"] == CLEAR
    await home.drill(home.house.entity_id("binary_sensor", "weight", home.last_person))
    assert len(phone.screen) == 4
    home.outside.refuse_next = None
    await home.minutes(2)
    assert len(phone.screen) == 1
    await home.minutes(31)
    assert phone.screen == {}


async def test_of_two_that_ring_the_second_does_though_the_first_was_refused(home: Home) -> None:
    _, [phone] = await with_phones(home, "Anna")
    asked: list[Any] = []

    def refuses_the_first(message: dict[str, Any]) -> bool:
        asked.append(message)
        return len(asked) == 1

    home.outside.refuse_next = refuses_the_first
    sensors = [home.care.sensor("weight"), home.care.sensor("flex")]
    await home.care.call("send_test_alert", {"entity_id": sensors}, severity="high")
    assert [one["title"] for one in asked[:2]] != [asked[0]["title"]] * 2
    assert [one["title"] for one in phone.rang] == [asked[1]["title"]]
    home.outside.refuse_next = None
    await home.minutes(1)
    # What was refused comes without a sound.
    assert {one["title"] for one in phone.screen.values()} == {one["title"] for one in asked[:2]}
    assert len(phone.rang) == 1


async def test_only_what_has_changed_is_pushed_again(home: Home) -> None:
    _, [phone] = await with_phones(home, "Anna")
    for key in ("weight", "flex"):
        await home.drill(key)
    assert len(phone.pushed) == 2
    await home.care.call("acknowledge", home.care.sensor("flex"))
    await home.house.settle()
    assert len(phone.pushed) == 3


async def test_what_nobody_has_is_updated_without_a_sound(home: Home) -> None:
    _, [phone] = await with_phones(home, "Anna")
    await home.drill()
    await phone.press("Snooze 30 min")
    assert "Snoozed" in phone.shown["message"]
    assert len(phone.rang) == 1
    assert len(phone.pushed) == 2


async def test_a_phone_that_becomes_one_for_all_to_see_while_the_source_is_away(home: Home) -> None:
    household, [phone] = await with_phones(home, "Anna")
    await home.drill()
    [ref] = [one for one in all_episodes(home.hass) if one.episode.is_open]
    await home.hass.config_entries.async_unload(home.care.entry.entry_id)
    hall = Caregiver(caregiver_id="hall", name="Hall", text=Text.NEUTRAL)
    await household.responder.phones.ring(phone.device_id, [Ring(ref=ref, caregiver=hall)])
    assert phone.shown["title"] == "DRILL: Care Alerts"


async def test_a_phone_that_becomes_one_for_all_to_see_shows_no_name_any_more(home: Home) -> None:
    phone = await home.phone("Anna")
    await set_up(
        home,
        caregiver("Anna", phones=[phone.device_id]),
        caregiver("Hall", phones=[phone.device_id], text="neutral"),
        plan(
            steps=[
                {"step_id": "1", "after": 0, "tell": ["anna"]},
                {"step_id": "2", "after": 10, "tell": ["hall"]},
            ]
        ),
    )
    await home.drill()
    assert phone.shown["title"] == "DRILL: maria: Weight"
    await home.minutes(10)
    assert phone.shown["title"] == "DRILL: Care Alerts"


async def test_what_is_about_to_be_shown_is_new_unless_another_episode_was_there(
    home: Home,
) -> None:
    household, [phone] = await with_phones(home, "Anna")
    await home.drill()
    [(tag, shown)] = household.responder.store.screens.of(phone.device_id).shown.items()
    [ref] = all_episodes(home.hass)
    anna = Caregiver(caregiver_id="anna", name="Anna", live_status=True)

    def noted(**before: Shown) -> Shown:
        store = ResponseStore(home.hass)
        store.screens.of("phone").shown = dict(before)
        Phones(home.hass, store).note("phone", [Ring(ref=ref, caregiver=anna)])
        [now] = store.screens.of("phone").shown.values()
        assert now.episode_id == ref.episode.episode_id
        return now

    assert [noted().is_new, noted().is_live, noted().tells] == [True, True, ""]
    other = noted(**{tag: replace(shown, episode_id="older")})
    assert [other.is_new, other.is_live] == [False, True]
    # It stays as it was told.
    assert noted(**{tag: shown}) is shown
    # Until it has rung it is nothing that is to be brought up to date.
    screen = household.responder.store.screens.of(phone.device_id)
    for is_new in (False, True):
        screen.shown = {tag: replace(shown, tells="", is_new=is_new)}
        outdated = household.responder.phones.outdated(home.house.now)
        assert outdated == ([] if is_new else [phone.device_id])
