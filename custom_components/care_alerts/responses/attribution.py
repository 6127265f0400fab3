"""Actors: who is behind a call.

A call that an automation makes names no user: its context only points to the one of what set it off. So
the newest contexts of users, notifications and automations are remembered for a while.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.const import ATTR_NAME, EVENT_CALL_SERVICE
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..alerts.acknowledgement import Actor, Via
from ..const import DOMAIN

EVENT_AUTOMATION_TRIGGERED: Final = "automation_triggered"
EVENT_SCRIPT_STARTED: Final = "script_started"
EVENT_NOTIFICATION_ACTION: Final = "mobile_app_notification_action"

REMEMBERED: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Seen:
    user_id: str | None
    parent_id: str | None
    via: Via
    automation: str | None = None


class ActorResolver:
    """The contexts seen lately."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Watch who does what from now on."""
        self._hass = hass
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        hass.bus.async_listen(EVENT_NOTIFICATION_ACTION, self._notification)
        hass.bus.async_listen(EVENT_AUTOMATION_TRIGGERED, self._automation)
        hass.bus.async_listen(EVENT_SCRIPT_STARTED, self._automation)
        hass.bus.async_listen(EVENT_CALL_SERVICE, self._call)

    async def who(self, context: Context) -> Actor:
        """Who is behind a context: a user if there is one, else the automation or script."""
        user_id, via = context.user_id, Via.USER
        automation = None
        context_id: str | None = context.id
        parent_id = context.parent_id
        looked_at: set[str] = set()
        while context_id is not None and context_id not in looked_at:
            looked_at.add(context_id)
            if seen := self._seen.get(context_id):
                automation = automation or seen.automation
                parent_id = seen.parent_id
                if seen.via is Via.NOTIFICATION or (user_id is None and seen.user_id):
                    user_id, via = user_id or seen.user_id, seen.via
                    break
            if user_id is not None:
                break
            context_id, parent_id = parent_id, None
        if user_id is not None:
            user = await self._hass.auth.async_get_user(user_id)
            if user and user.name:
                return Actor(user.name, via)
        if automation is not None:
            return Actor(automation, Via.AUTOMATION)
        return Actor(None, via if via is Via.NOTIFICATION else Via.UNKNOWN)

    @callback
    def _notification(self, event: Event) -> None:
        self._remember(event.context, Via.NOTIFICATION)

    @callback
    def _automation(self, event: Event) -> None:
        self._remember(event.context, Via.AUTOMATION, event.data.get(ATTR_NAME))

    @callback
    def _call(self, event: Event) -> None:
        if event.context.user_id is not None:
            self._remember(event.context, Via.USER)

    def _remember(self, context: Context, via: Via, automation: Any = None) -> None:
        if context.id in self._seen:
            # The first that was seen of it is what set the rest off.
            return
        self._seen[context.id] = _Seen(
            context.user_id, context.parent_id, via, automation and str(automation)
        )
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)


ACTORS: HassKey[ActorResolver] = HassKey(f"{DOMAIN}_actors")


@callback
def async_setup_actors(hass: HomeAssistant) -> None:
    """Begin to watch."""
    hass.data[ACTORS] = ActorResolver(hass)


async def resolve_actor(hass: HomeAssistant, context: Context) -> Actor:
    """Who is behind a call."""
    return await hass.data[ACTORS].who(context)
