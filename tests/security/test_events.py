"""Any user's phone may fire any event with any data: what we believe of it."""

import ast
from collections.abc import Iterator
import logging
from typing import Any, Final, cast

from homeassistant.auth.const import GROUP_ID_READ_ONLY
from homeassistant.core import Context, Event, EventOrigin, HomeAssistant, callback
from homeassistant.exceptions import Unauthorized
from homeassistant.setup import async_setup_component
from hypothesis import HealthCheck, given, settings, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.event_data import EVENT_ALERT_ENDED, EVENT_ALERT_RECEIVED
from custom_components.care_alerts.responses.attribution import resolve_actor
from custom_components.care_alerts.responses.episodes import all_episodes
from custom_components.care_alerts.responses.notification import (
    MOST_IDS,
    Verb,
    buttons_for,
    pressed,
)
from custom_components.care_alerts.responses.permissions import entities_of_person, forbidden
from custom_components.care_alerts.seal import Seal
from tests.appliances import Bulb, Speaker, install
from tests.care import Care
from tests.home import Home
from tests.responses.house import caregiver, plan, set_up
from tests.services.test_permissions import device_of, somebody
from tests.services.test_responding import HALL, KITCHEN
from tests.test_structure import COMPONENT, modules

AT_ONCE: Final = [{"step_id": "1", "after": 0, "tell": ["everybody"]}]
ACTION: Final = "mobile_app_notification_action"

BELIEVED: Final = {
    "EVENT_ALERT_RECEIVED": "sealed",
    "self._EVENT": "sealed",
    "EVENT_NOTIFICATION_ACTION": "only of a user who may control what it is of",
    "EVENT_NOTIFICATION_RECEIVED": "only of the phone's own user, with a receipt that was given to it",
    "EVENT_AUTOMATION_TRIGGERED": "a name, where no user is known",
    "EVENT_SCRIPT_STARTED": "a name, where no user is known",
    "EVENT_CALL_SERVICE": "that it is of the user whom Home Assistant says it is of",
    "dr.EVENT_DEVICE_REGISTRY_UPDATED": "nothing: the registry is looked at anew",
    "er.EVENT_ENTITY_REGISTRY_UPDATED": "nothing: the registry is looked at anew",
    "ar.EVENT_AREA_REGISTRY_UPDATED": "nothing: the registry is looked at anew",
    "EVENT_CORE_CONFIG_UPDATE": "nothing: which language is chosen is looked up",
    "EVENT_HOMEASSISTANT_CLOSE": "that Home Assistant stops: no push is listened to any more",
}
"""What is listened to on the bus, and what is believed of it."""


def _listened() -> Iterator[tuple[str, str]]:
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(attr="async_listen" | "async_listen_once")):
                    yield path.name, ast.unparse(node.args[0])


def test_what_is_listened_to() -> None:
    """Whoever listens to one more event says what is believed of it, and tries it below."""
    assert {event for _, event in _listened()} == BELIEVED.keys()
    for name, event in _listened():
        if BELIEVED[event] == "sealed":
            assert ".opened(event)" in (COMPONENT / name).read_text()


# Buttons.


@given(
    action=st.none()
    | st.text()
    | st.builds(
        "|".join,
        st.lists(
            st.sampled_from(["CARE_ALERTS", *Verb, "SNOOZE", "", ","]) | st.text(), max_size=5
        ),
    )
    | st.builds(
        lambda verb, ids: f"CARE_ALERTS|{verb}|{','.join(ids)}",
        st.sampled_from([*Verb, "OPEN"]),
        st.lists(st.text(max_size=3), max_size=2 * MOST_IDS),
    )
    | st.dictionaries(st.text(), st.text())
    | st.lists(st.integers())
)
def test_a_button_is_one_of_ours_or_none(action: Any) -> None:
    asked = pressed(action)
    if asked is not None:
        verb, ids = asked
        assert verb in set(Verb)
        assert len(ids) == len(set(ids)) <= MOST_IDS
        assert all(ids)


def _said(key: str, /, **_: str) -> str:
    return key


def test_a_button_that_names_more_than_any_of_ours_is_none() -> None:
    """Each id is looked for among all episodes."""
    ids = [str(number) for number in range(MOST_IDS)]
    for button, verb in zip(buttons_for(ids, _said), Verb, strict=True):
        assert pressed(button.action) == (verb, ids)
        assert pressed(f"{button.action},one more") is None
        # The same one twice is once.
        assert pressed(f"{button.action},0") == (verb, ids)


@pytest.mark.real_files
async def test_a_forged_button_does_nothing_and_fills_no_log(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    await home.hass.auth.async_create_user("Whoever owns the house")
    phone, mallorys = await home.phone("Anna"), await home.phone("Mallory")
    await set_up(home, caregiver("Anna", phones=[phone.device_id]), plan(steps=AT_ONCE))
    await home.drill()
    (ref,) = (one for one in all_episodes(home.hass) if one.episode.is_open)
    which = ref.episode.episode_id
    mallorys.user.groups.clear()
    mallorys.user.invalidate_cache()
    caplog.clear()
    for action in (
        f"CARE_ALERTS|ACKNOWLEDGE|{which}",
        f"CARE_ALERTS|SNOOZE|{','.join([which] * 1000)}",
        f"CARE_ALERTS|SNOOZE|{','.join(map(str, range(10_000)))},{which}",
        f"CARE_ALERTS|DELETE|{which}",
        f"CARE_ALERTS|ACKNOWLEDGE|{which}|{which}",
        {"CARE_ALERTS": which},
        [which],
        None,
    ):
        await mallorys.fire(ACTION, {"action": action})
        # Nor where nobody is behind it.
        home.hass.bus.async_fire(ACTION, {"action": action}, context=Context())
        await home.house.settle()
    (ref,) = (one for one in all_episodes(home.hass) if one.episode.is_open)
    assert ref.episode.acknowledgement is None
    assert ref.episode.snoozed_until is None
    ours = [one for one in caplog.records if one.name.startswith(f"custom_components.{DOMAIN}")]
    assert len([one for one in ours if one.levelno >= logging.WARNING]) == 4
    assert not any(which in one.getMessage() for one in ours)


@pytest.mark.real_files
async def test_a_confirmation_is_believed_of_the_phone_it_was_asked_of_alone(home: Home) -> None:
    phone, mallorys = await home.phone("Anna", os_name="Android"), await home.phone("Mallory")
    household = await set_up(home, caregiver("Anna", phones=[phone.device_id]), plan(steps=AT_ONCE))
    await home.drill()
    receipt = phone.shown["data"]["care_alerts_receipt"]

    def confirmed() -> list[str]:
        return [str(one) for one in household.responder.store.state.to_dict().values()]

    before = confirmed()
    said = {"care_alerts_receipt": receipt, "tag": phone.shown["data"]["tag"]}
    await mallorys.fire("mobile_app_notification_received", said)
    for odd in (None, "", "x" * 100_000, 7, [receipt], {"a": receipt}):
        await phone.fire("mobile_app_notification_received", {"care_alerts_receipt": odd})
    assert confirmed() == before
    await phone.fire("mobile_app_notification_received", said)
    assert confirmed() != before


@pytest.mark.real_files
@pytest.mark.parametrize(
    "event_type", ["automation_triggered", "script_started", "call_service", ACTION]
)
async def test_nobody_is_taken_for_another(home: Home, event_type: str) -> None:
    """Whose name stands beside an acknowledgement is whose login it was."""
    phone = await home.phone("Mallory")
    fired: list[Event] = []

    @callback
    def listen(event: Event) -> None:
        if event.context.user_id == phone.user.id:
            fired.append(event)

    home.hass.bus.async_listen(event_type, listen)
    await phone.fire(event_type, {"name": "Anna", "user_id": "anna", "context": {"user_id": "a"}})
    (event,) = fired
    assert (await resolve_actor(home.hass, event.context)).name == "Mallory"
    child = Context(parent_id=event.context.id)
    assert (await resolve_actor(home.hass, child)).name == "Mallory"


@given(
    data=st.dictionaries(
        st.sampled_from(["name", "action", "care_alerts_receipt", "device_id", "entity_id"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    ),
    event_type=st.sampled_from(
        [
            ACTION,
            "mobile_app_notification_received",
            "automation_triggered",
            "script_started",
            "call_service",
        ]
    ),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_an_event_says_nothing_falls_over(
    care: Care, caplog: pytest.LogCaptureFixture, data: dict[str, Any], event_type: str
) -> None:
    care.hass.bus.async_fire(event_type, data)
    await care.hass.async_block_till_done()
    assert "Traceback" not in caplog.text


# Who may have something said or shown.


@pytest.mark.parametrize(
    ("action", "what"),
    [
        ("light", {"entity_id": HALL}),
        ("speak", {"entity_id": KITCHEN, "tts": "tts.voice"}),
    ],
)
async def test_nobody_has_a_lamp_or_speaker_of_theirs_tell_of_whom_they_may_not_see(
    care: Care, action: str, what: dict[str, Any]
) -> None:
    hall = Bulb()
    await install(care.hass, {"hall": hall}, {"kitchen": Speaker()})
    await care.hass.auth.async_create_user("Whoever owns the house")
    await care.call("send_test_alert")
    data = what | {"episode_id": care.attributes()["episode_id"]}

    async def ask(user: Any) -> Any:
        return await care.hass.services.async_call(
            DOMAIN,
            action,
            data,
            blocking=True,
            return_response=True,
            context=Context(user_id=user.id),
        )

    theirs = {HALL: True, KITCHEN: True}
    with pytest.raises(Unauthorized):
        await ask(somebody(care.hass, entity_ids=theirs))
    assert hall.shown == []
    maria = {device_of(care.hass, care.sensor()): {"read": True}}
    answer = await ask(somebody(care.hass, entity_ids=theirs, device_ids=maria))
    assert answer["lit" if action == "light" else "spoken"] or answer["failed"]


async def test_who_has_left_no_trace_in_the_registry_is_not_for_everybody(
    care: Care, hass: HomeAssistant
) -> None:
    """Whoever has rights to some entities has none to somebody without any."""
    assert await async_setup_component(hass, "persistent_notification", {})
    await hass.auth.async_create_user("Whoever owns the house")
    looker = await hass.auth.async_create_user("Lou", group_ids=[GROUP_ID_READ_ONLY])
    assert entities_of_person(hass, None) == []
    guest = somebody(hass, entity_ids={care.sensor(): True})
    for permission in ("read", "control"):
        assert forbidden(guest, permission, [])
        assert forbidden(guest, permission, [care.sensor()]) is None
    assert forbidden(looker, "read", []) is None
    assert forbidden(looker, "control", [])
    looker.is_active = False
    assert forbidden(looker, "read", [])


async def test_a_seal_is_of_one_event_alone(hass: HomeAssistant) -> None:
    heard = async_capture_events(hass, EVENT_ALERT_RECEIVED)
    seal = Seal(hass)
    seal.fire(hass, EVENT_ALERT_RECEIVED, {"person": "Jill"}, None)
    [ours] = cast(list[Event], heard)
    same: dict[str, Any] = {"data": ours.data, "origin": ours.origin, "context": ours.context}
    assert seal.opened(Event(EVENT_ALERT_RECEIVED, **same)) == {"person": "Jill"}
    assert seal.opened(Event(EVENT_ALERT_ENDED, **same)) is None
    for other in (
        {"data": {**ours.data, "person": "Jack"}},
        {"data": {**ours.data, "more": 1}},
        {"origin": EventOrigin.remote},
        {"context": Context()},
    ):
        assert seal.opened(Event(EVENT_ALERT_RECEIVED, **same | other)) is None
    assert Seal(hass).opened(ours) is None
