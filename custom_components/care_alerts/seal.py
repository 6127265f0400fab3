"""The seal of this house: by it an event that says something of us is known to be ours.

Any user's phone may fire any event with any data, and the logbook does not know who fired what it reads from its
database. So our events carry a code over their type, context and data, made with a key that never leaves this house.
"""

import hmac
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import Context, Event, EventOrigin, HomeAssistant
from homeassistant.helpers.json import json_bytes_strip_null
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey
from homeassistant.util.json import json_loads_object
import orjson

from .alerts.tolerant import is_shallow
from .const import DOMAIN

if TYPE_CHECKING:
    from homeassistant.components.logbook.models import LazyEventPartialState

ATTR_SEAL: Final = "seal"


class Seal:
    """Seals events, and knows those that were sealed here."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin with a new key; `load` gives it the one of lives before."""
        self._store: Store[dict[str, str]] = Store(
            hass, 1, f"{DOMAIN}_seal", private=True, atomic_writes=True
        )
        self._key = token_hex()
        self._is_kept = False

    async def load(self) -> None:
        """Take up the key that was kept, if there is one."""
        match await self._store.async_load():
            case {"key": str(key)} if key:
                self._key, self._is_kept = key, True

    async def keep(self) -> None:
        """Have the key on disk: what is sealed with it is to be known after a restart."""
        if not self._is_kept:
            self._is_kept = True
            await self._store.async_save({"key": self._key})

    async def forget(self) -> None:
        """Leave nothing behind."""
        self._is_kept = False
        await self._store.async_remove()

    def fire(
        self, hass: HomeAssistant, event_type: str, data: dict[str, Any], context: Context | None
    ) -> None:
        """Fire an event of ours."""
        context = context or Context()
        if b"\\u0000" in _written(data):
            # A recorder on PostgreSQL cuts texts there, and what is left would not fit the seal any more.
            data = json_loads_object(json_bytes_strip_null(data))
        sealed = data | {ATTR_SEAL: self._of(event_type, context.id, data)}
        hass.bus.async_fire(event_type, sealed, context=context)

    def opened(self, event: Event | LazyEventPartialState) -> dict[str, Any] | None:
        """The data of an event of ours; None of any other, whatever it says."""
        if isinstance(event, Event):
            context_id: str | None = event.context.id
            if event.origin is not EventOrigin.local:
                return None
        else:
            context_id = event.context_id
        data = dict(event.data)
        seal = data.pop(ATTR_SEAL, None)
        if not isinstance(seal, str) or not seal.isascii() or context_id is None:
            return None
        if not is_shallow(data):
            return None
        try:
            ours = self._of(str(event.event_type), context_id, data)
        except orjson.JSONEncodeError:
            return None
        return data if hmac.compare_digest(seal, ours) else None

    def _of(self, event_type: str, context_id: str, data: dict[str, Any]) -> str:
        said = _written([event_type, context_id, data])
        return hmac.digest(self._key.encode(), said, "sha256").hex()


def _written(said: Any) -> bytes:
    return orjson.dumps(said, default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


SEAL: HassKey[Seal] = HassKey(f"{DOMAIN}_seal")


async def async_setup_seal(hass: HomeAssistant) -> None:
    """Have the seal of this house ready."""
    seal = Seal(hass)
    await seal.load()
    hass.data[SEAL] = seal


async def async_forget_seal(hass: HomeAssistant) -> None:
    """Leave nothing behind; what was sealed in this run is still known until it ends."""
    await (hass.data.get(SEAL) or Seal(hass)).forget()
