"""Who is behind a call: whoever set off what made it, as far as it is known."""

from typing import Any

from homeassistant.auth.models import User
from homeassistant.core import Context, HomeAssistant
import pytest

from custom_components.care_alerts.alerts.acknowledgement import Actor, Via
from custom_components.care_alerts.responses.attribution import (
    EVENT_AUTOMATION_TRIGGERED as AUTOMATION,
    EVENT_NOTIFICATION_ACTION as NOTIFICATION,
    EVENT_SCRIPT_STARTED as SCRIPT,
    REMEMBERED,
    async_setup_actors,
    resolve_actor,
)

NOBODY = Actor(None, Via.UNKNOWN)
CALL = "call_service"

type Event = tuple[str, str, str | None, str | None, Any]
"""Its type; its context: the id, the id of the parent, whose it is; its data."""


@pytest.fixture
async def users(hass: HomeAssistant) -> dict[str | None, User]:
    """Anna, Ben, and one without a name; as they are called."""
    async_setup_actors(hass)
    names = ("Anna", "Ben", "")
    return {name: await hass.auth.async_create_user(name) for name in names}


def event(
    kind: str, context: str, parent: str | None = None, *, by: str | None = None, name: Any = None
) -> Event:
    """Something that happens."""
    return kind, context, parent, by, {} if name is None else {"name": name}


async def who(
    hass: HomeAssistant, users: dict[str | None, User], *events: Event, call: Event
) -> Actor:
    """Have things happen, and ask who is behind a call."""

    def context(one: Event) -> Context:
        _, which, parent, by, _ = one
        user_id = users[by].id if by in users else by
        return Context(user_id=user_id, parent_id=parent, id=which)

    for one in events:
        hass.bus.async_fire(one[0], one[4], context=context(one))
    await hass.async_block_till_done()
    return await resolve_actor(hass, context(call))


ANNA = Actor("Anna", Via.USER)
ANNAS_BUTTON = Actor("Anna", Via.NOTIFICATION)


@pytest.mark.parametrize(
    ("events", "call", "actor"),
    [
        # A user is who they are; one who is gone, or has no name, is nobody.
        ([], event(CALL, "call", by="Anna"), ANNA),
        ([], event(CALL, "call", by="gone"), NOBODY),
        ([], event(CALL, "call", by=""), NOBODY),
        ([], event(CALL, "call"), NOBODY),
        ([], event(CALL, "call", "unseen"), NOBODY),
        # Also when they have been seen before.
        ([event(CALL, "call", by="Anna")], event(CALL, "call", by="Anna"), ANNA),
        (
            [event(SCRIPT, "hers", by="Anna", name="Answer")],
            event(CALL, "hers", by="Anna"),
            ANNA,
        ),
        # What an automation calls in its own context.
        (
            [event(AUTOMATION, "run", name="Night")],
            event(CALL, "run"),
            Actor("Night", Via.AUTOMATION),
        ),
        # Or as its child.
        (
            [event(AUTOMATION, "run", name="Night")],
            event(CALL, "call", "run"),
            Actor("Night", Via.AUTOMATION),
        ),
        ([event(AUTOMATION, "run")], event(CALL, "run"), NOBODY),
        ([event(AUTOMATION, "run", name=7)], event(CALL, "run"), Actor("7", Via.AUTOMATION)),
        # Whoever set it off, goes before; however far away they are.
        (
            [event(CALL, "hers", by="Anna"), event(AUTOMATION, "run", "hers", name="Night")],
            event(CALL, "run"),
            ANNA,
        ),
        (
            [event(CALL, "hers", by="Anna"), event(AUTOMATION, "run", "hers", name="Night")],
            event(CALL, "call", "run"),
            ANNA,
        ),
        (
            [
                event(CALL, "hers", by="Anna"),
                event(AUTOMATION, "run", "hers", name="Night"),
                event(SCRIPT, "inner", "run", name="Answer"),
            ],
            event(CALL, "call", "inner"),
            ANNA,
        ),
        (
            [event(CALL, "hers", by="gone"), event(AUTOMATION, "run", "hers", name="Night")],
            event(CALL, "run"),
            Actor("Night", Via.AUTOMATION),
        ),
        # Of several, what is nearest to the call.
        (
            [
                event(AUTOMATION, "run", name="Night"),
                event(SCRIPT, "inner", "run", name="Answer"),
            ],
            event(CALL, "call", "inner"),
            Actor("Answer", Via.AUTOMATION),
        ),
        (
            [event(AUTOMATION, "run", name="Night"), event(SCRIPT, "inner", "run")],
            event(CALL, "call", "inner"),
            Actor("Night", Via.AUTOMATION),
        ),
        # A script in the context of the automation is the automation's; calling it says nothing of it.
        (
            [event(AUTOMATION, "run", name="Night"), event(SCRIPT, "run", name="Answer")],
            event(CALL, "run"),
            Actor("Night", Via.AUTOMATION),
        ),
        (
            [event(CALL, "run"), event(SCRIPT, "run", name="Answer")],
            event(CALL, "run"),
            Actor("Answer", Via.AUTOMATION),
        ),
        # A button of a notification is its user's.
        ([event(NOTIFICATION, "tap", by="Anna")], event(CALL, "tap", by="Anna"), ANNAS_BUTTON),
        ([event(NOTIFICATION, "tap", by="Anna")], event(CALL, "call", "tap"), ANNAS_BUTTON),
        (
            [
                event(NOTIFICATION, "tap", by="Anna"),
                event(AUTOMATION, "run", "tap", name="Answer"),
            ],
            event(CALL, "run"),
            ANNAS_BUTTON,
        ),
        (
            [event(NOTIFICATION, "tap"), event(AUTOMATION, "run", "tap", name="Answer")],
            event(CALL, "run"),
            Actor("Answer", Via.AUTOMATION),
        ),
        ([event(NOTIFICATION, "tap")], event(CALL, "tap"), Actor(None, Via.NOTIFICATION)),
        (
            [event(NOTIFICATION, "tap"), event(AUTOMATION, "run", "tap")],
            event(CALL, "run"),
            Actor(None, Via.NOTIFICATION),
        ),
        # Not somebody before the button.
        (
            [event(CALL, "hers", by="Ben"), event(NOTIFICATION, "tap", "hers", by="Anna")],
            event(CALL, "tap"),
            ANNAS_BUTTON,
        ),
        (
            [event(CALL, "hers", by="Ben"), event(NOTIFICATION, "tap", "hers")],
            event(CALL, "tap"),
            Actor(None, Via.NOTIFICATION),
        ),
        # What has set off itself ends somewhere.
        (
            [
                event(AUTOMATION, "run", "back", name="Night"),
                event(AUTOMATION, "back", "run", name="Back"),
            ],
            event(CALL, "run"),
            Actor("Night", Via.AUTOMATION),
        ),
    ],
)
async def test_who_is_behind_a_call(
    hass: HomeAssistant,
    users: dict[str | None, User],
    events: list[Event],
    call: Event,
    actor: Actor,
) -> None:
    assert await who(hass, users, *events, call=call) == actor


@pytest.mark.parametrize(("later", "is_known"), [(REMEMBERED - 1, True), (REMEMBERED, False)])
async def test_the_newest_are_remembered(
    hass: HomeAssistant, users: dict[str | None, User], later: int, is_known: bool
) -> None:
    events = [event(AUTOMATION, f"run {number}", name="Night") for number in range(later)]
    first = event(AUTOMATION, "first", name="First")
    actor = await who(hass, users, first, *events, call=event(CALL, "first"))
    assert actor == (Actor("First", Via.AUTOMATION) if is_known else NOBODY)
    newest = await who(hass, users, call=event(CALL, f"run {later - 1}"))
    assert newest == Actor("Night", Via.AUTOMATION)
