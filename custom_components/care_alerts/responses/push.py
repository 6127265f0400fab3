"""Push: the way to phones with the Home Assistant app, by their registration.

The app's notify action is called by the name of a phone, and keeps phones by their names: of two that are
called alike only one can be reached by it. So its target is the registration here. Of a push that the push
service refuses it says nothing but a line in the log; that line is what is listened to. Where somebody has
silenced that log, a refused push counts as sent, and an Android phone's missing confirmation says the rest.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
import logging
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_CLOSE
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr

from ..alerts.tolerant import UNREADABLE

MOBILE_APP: Final = "mobile_app"
"""By its name only: what it needs is not there in a house without phones, so it is not imported."""

PUSHED_WITHIN: Final = 15.0
"""Seconds. The app's own limit is 10; whatever hangs beside that must not keep the next step."""

_LOGGER_OF_PUSHES: Final = logging.getLogger(f"homeassistant.components.{MOBILE_APP}.notify")


class PushError(Exception):
    """A phone cannot be pushed to, or the push service has refused it. The text says which."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone that is registered: its device, whose it is, and whether it confirms what it is sent."""

    device_id: str
    name: str
    webhook_id: str
    user_id: str | None
    confirms: bool
    takes_pushes: bool


@callback
def phone_of(hass: HomeAssistant, device_id: str) -> Phone | None:
    """The phone of a device; None if it was deleted, or its registration is not running."""
    device = dr.async_get(hass).async_get(device_id)
    if device is None:
        return None
    for entry in _registrations(hass):
        if entry.entry_id == device.config_entry_id:
            return _phone(entry, device)
    return None


@callback
def phones_of_user(hass: HomeAssistant, user_id: str) -> list[Phone]:
    """The phones that a user has registered."""
    registry = dr.async_get(hass)
    return [
        _phone(entry, device)
        for entry in _registrations(hass)
        if entry.data.get("user_id") == user_id
        for device in dr.async_entries_for_config_entry(registry, entry.entry_id)
    ]


def _registrations(hass: HomeAssistant) -> Iterator[ConfigEntry[Any]]:
    for entry in hass.config_entries.async_entries(MOBILE_APP):
        if entry.state is ConfigEntryState.LOADED:
            yield entry


def _phone(entry: ConfigEntry[Any], device: dr.DeviceEntry | dr.ChildDeviceEntry) -> Phone:
    app: Mapping[str, Any] = entry.data.get("app_data") or {}
    return Phone(
        device_id=device.id,
        name=device.name_by_user or device.name or entry.title,
        webhook_id=entry.data["webhook_id"],
        user_id=entry.data.get("user_id"),
        confirms=str(entry.data.get("os_name")).casefold() == "android",
        takes_pushes="push_websocket_channel" in app or {"push_token", "push_url"} <= set(app),
    )


@dataclass(eq=False)
class _Attempt:
    """One push, and what to do if it is refused after it was thought to be on its way."""

    refused_later: Callable[[], None]
    is_over: bool = False
    was_refused: bool = False

    def refused(self) -> None:
        self.was_refused = True
        if self.is_over:
            self.refused_later()


_attempt: ContextVar[_Attempt | None] = ContextVar("care_alerts_push", default=None)


class _Refusals(logging.Handler):
    """Hears that a push was refused: its line is logged in the context of who sends it."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if attempt := _attempt.get():
            attempt.refused()


@callback
def async_setup_push(hass: HomeAssistant) -> None:
    """Listen to what becomes of pushes, until Home Assistant has stopped."""
    handler = _Refusals(logging.WARNING)
    _LOGGER_OF_PUSHES.addHandler(handler)

    @callback
    def stop(_: Any) -> None:
        _LOGGER_OF_PUSHES.removeHandler(handler)

    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, stop)


async def push(
    hass: HomeAssistant,
    phone: Phone,
    notification: Mapping[str, Any],
    refused_later: Callable[[], None],
) -> None:
    """Push a notification, as `mobile_app` of `notification` makes it.

    `refused_later` is called if it turns out after this returns that it was refused: a phone in the house
    has ten seconds to confirm before the way through the internet is tried.

    Raises:
        PushError: the phone takes no pushes, or the push service has refused it.

    """
    service = hass.data.get(MOBILE_APP, {}).get("notify")
    if service is None or not phone.takes_pushes:
        raise PushError("the phone is not registered for notifications")
    with _watched(refused_later) as attempt:
        try:
            async with asyncio.timeout(PUSHED_WITHIN):
                await service.async_send_message(
                    notification["message"],
                    title=notification.get("title"),
                    target=[phone.webhook_id],
                    data=dict(notification["data"]),
                )
        except TimeoutError:
            raise PushError("the push service did not answer") from None
        except (HomeAssistantError, *UNREADABLE) as err:
            # What the push service answers is read there, and may be anything.
            raise PushError(type(err).__name__) from None
    if attempt.was_refused:
        raise PushError("the push service refused it")


@contextmanager
def _watched(refused_later: Callable[[], None]) -> Iterator[_Attempt]:
    attempt = _Attempt(refused_later)
    token = _attempt.set(attempt)
    try:
        yield attempt
    finally:
        attempt.is_over = True
        _attempt.reset(token)
