"""The memory: what lights and speakers were before an alarm changed them, kept until the last alarm lets go of them.

An automation that is killed half-way cannot put things back; this can. What is to be put back is first
written down as owed and crossed out when it has been done: so it is done after a restart too, and once. A
lamp that is out of reach gets its due when it is back, unless that takes too long.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self, override

from homeassistant.const import (
    ATTR_ENTITY_ID,
    SERVICE_MEDIA_PLAY,
    SERVICE_TURN_OFF,
    SERVICE_VOLUME_MUTE,
    SERVICE_VOLUME_SET,
    STATE_OFF,
    STATE_ON,
    STATE_PLAYING,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    Platform,
)
from homeassistant.core import (
    CALLBACK_TYPE,
    Context,
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.exceptions import ServiceNotSupported
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.state import async_reproduce_state
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..alerts.stored import Stored
from ..const import DOMAIN, LOGGER
from ..sources.store import UNREADABLE_FILE

OWED_FOR: Final = timedelta(hours=1)
"""How long what is out of reach is waited for: later, it may be as somebody wants it."""

SET_BACK_WITHIN: Final = 60.0
"""Seconds after which one that hangs keeps the others no longer."""

HELD_FOR: Final = timedelta(days=1)
"""How long an alarm that says nothing keeps others from putting things back: its automation may be gone for good."""

DOMAINS: Final = (Platform.LIGHT, Platform.MEDIA_PLAYER)

_KEPT_ATTRIBUTES: Final = {
    Platform.LIGHT: (
        "brightness",
        "color_mode",
        "color_temp_kelvin",
        "effect",
        "hs_color",
        "rgb_color",
        "rgbw_color",
        "rgbww_color",
        "xy_color",
    ),
    # What is playing is nobody's business, and cannot be taken up where it was.
    Platform.MEDIA_PLAYER: ("is_volume_muted", "volume_level"),
}

_NO_EFFECT: Final = "off"

NOT_THERE: Final = (STATE_UNAVAILABLE, STATE_UNKNOWN)
"""States of what cannot be put back as it was: nobody knows what that is."""


@dataclass(slots=True)
class Snapshot(Stored):
    """What something was: its state and those of its attributes that can be put back."""

    state: str
    attributes: dict[str, Any]

    @classmethod
    def of(cls, state: State) -> Self:
        """Take a look at it."""
        wanted = _KEPT_ATTRIBUTES[Platform(state.domain)]
        return cls(
            state.state,
            {name: state.attributes[name] for name in wanted if name in state.attributes},
        )


@dataclass(slots=True)
class _Holder(Stored):
    """An alarm ("": one without a name) and when it last said that it holds a key.

    `note`: what somebody wrote down who lets go for certain.
    """

    alarm: str
    since: datetime
    note: dict[str, Any] | None = None

    @classmethod
    @override
    def __pre_deserialize__(cls, d: Any) -> Any:
        """Take a bare name, as once was written, for an alarm of now."""
        return {"alarm": d, "since": dt_util.utcnow().isoformat()} if isinstance(d, str) else d

    def is_believed(self, now: datetime) -> bool:
        """Whether it still counts for others; not what a clock that was far ahead has noted."""
        return self.note is not None or abs(now - self.since) < HELD_FOR


@dataclass(slots=True)
class _Kept(Stored):
    was: Snapshot
    keys: list[str]


@dataclass(slots=True)
class _PendingRestore(Stored):
    was: Snapshot
    since: datetime


@dataclass(slots=True, kw_only=True)
class _Notes(Stored):
    """All that is written down: who holds each key, what is kept for which keys, what is owed; by entity id."""

    holders: dict[str, list[_Holder]] = field(default_factory=dict)
    kept: dict[str, _Kept] = field(default_factory=dict)
    owed: dict[str, _PendingRestore] = field(default_factory=dict)


class Snapshots:
    """What is remembered in this house."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Remember nothing; `load` reads what was written down."""
        self._hass = hass
        self._store: Store[dict[str, Any]] = Store(
            hass, 1, f"{DOMAIN}.memory", private=True, atomic_writes=True
        )
        self._notes = _Notes()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._stop_watching: CALLBACK_TYPE | None = None

    async def load(self) -> None:
        """Read what was written down before a restart, and give back what is owed once all has started."""
        try:
            stored = await self._store.async_load()
            if stored is not None:
                self._notes = _Notes.from_dict(stored)
        except UNREADABLE_FILE:
            LOGGER.warning("What lights and speakers were before alarms could not be read")
        async_at_started(self._hass, self._give_back_what_is_owed)

    async def remember(
        self,
        entity_ids: Iterable[str],
        *,
        key: str,
        alarm: str | None,
        note: dict[str, Any] | None = None,
    ) -> list[str]:
        """Keep what lights and speakers are, unless that is kept already; return those that `key` keeps now.

        An `alarm` holds a key once however often it says so; without one, each call counts.
        Where there is nothing to keep, nothing is held.

        With a `note`, JSON values, that is on disk with what is kept: the alarm holds the key, whatever there is
        to keep and however long it takes, until it lets go. `noted` gives it back after a restart.
        """
        notes = self._notes
        now = dt_util.utcnow()
        if alarm and (mine := _newest(notes.holders.get(key, []), alarm)):
            mine.since, mine.note = now, note
            self._drop_lost(now)
        else:
            self._drop_lost(now)
            notes.holders.setdefault(key, []).append(_Holder(alarm or "", now, note))
        for entity_id in self.each(entity_ids):
            if kept := notes.kept.get(entity_id):
                if key not in kept.keys:
                    kept.keys.append(key)
            elif owed := notes.owed.pop(entity_id, None):
                # What it is now is the work of the alarm before.
                notes.kept[entity_id] = _Kept(owed.was, [key])
            elif (state := self._hass.states.get(entity_id)) and state.state not in NOT_THERE:
                notes.kept[entity_id] = _Kept(Snapshot.of(state), [key])
        remembered = sorted(entity_id for entity_id, kept in notes.kept.items() if key in kept.keys)
        if not remembered and note is None:
            del notes.holders[key]
        self._watch()
        await self._save()
        return remembered

    async def restore(self, *, key: str, alarm: str | None, context: Context) -> list[str]:
        """Let an alarm go of a key; return what is set back because nothing holds it any more.

        Without an `alarm`, the key loses one that was counted; if none was, all of them.
        """
        notes = self._notes
        if (holders := notes.holders.get(key)) is None:
            return []
        if mine := _newest(holders, alarm or ""):
            holders.remove(mine)
        elif alarm:
            return []
        else:
            holders.clear()
        now = dt_util.utcnow()
        self._drop_lost(now, but=key)
        due: list[str] = []
        if not holders:
            for entity_id, was in self._release(key).items():
                notes.owed[entity_id] = _PendingRestore(was, now)
                due.append(entity_id)
        # What is owed is given also if the automation that asked is stopped in the middle of it.
        await asyncio.shield(self._hass.async_create_task(self._save_and_give_back(due, context)))
        return sorted(due)

    def _drop_lost(self, now: datetime, *, but: str | None = None) -> None:
        """Drop the alarms that have said nothing for too long, and what only they held, but not what `but` holds.

        That is not put back: by now it may be as somebody wants it.
        """
        for key, holders in list(self._notes.holders.items()):
            holders[:] = [holder for holder in holders if holder.is_believed(now)]
            if not holders and key != but:
                self._release(key)

    def _release(self, key: str) -> dict[str, Snapshot]:
        """Have a key hold nothing any more; return what no other holds, and what it was."""
        del self._notes.holders[key]
        free: dict[str, Snapshot] = {}
        for entity_id, kept in list(self._notes.kept.items()):
            if key in kept.keys:
                kept.keys.remove(key)
                if not kept.keys:
                    free[entity_id] = self._notes.kept.pop(entity_id).was
        return free

    async def forget(self) -> None:
        """Leave nothing behind."""
        self._notes = _Notes()
        self._watch()
        await self._store.async_remove()

    def noted(self, prefix: str) -> list[tuple[str, str, dict[str, Any]]]:
        """The notes of those who hold keys that begin so: key, alarm and note."""
        return [
            (key, holder.alarm, holder.note)
            for key, holders in self._notes.holders.items()
            if key.startswith(prefix)
            for holder in holders
            if holder.note is not None
        ]

    def turn(self, entity_id: str) -> asyncio.Lock:
        """What whoever changes it for an alarm holds meanwhile: it must not be set back at the same time."""
        return self._locks[entity_id]

    def keeps(self, entity_id: str) -> bool:
        """Whether it is kept what something was."""
        return entity_id in self._notes.kept

    def kept_for(self, key: str) -> list[str]:
        """The lights and speakers that are kept for a key."""
        return [entity_id for entity_id, kept in self._notes.kept.items() if key in kept.keys]

    def each(self, entity_ids: Iterable[str]) -> list[str]:
        """The lights and speakers among them; of a group its members, each may be something else."""
        found: dict[str, None] = {}
        waiting = list(entity_ids)
        looked_at: set[str] = set()
        while waiting:
            entity_id = waiting.pop(0)
            if entity_id in looked_at:
                continue
            looked_at.add(entity_id)
            state = self._hass.states.get(entity_id)
            members = state.attributes.get(ATTR_ENTITY_ID) if state else None
            if isinstance(members, (list, tuple)):
                waiting += members
            elif entity_id.partition(".")[0] in DOMAINS:
                found[entity_id] = None
        return list(found)

    # Giving back.

    async def _save_and_give_back(self, entity_ids: Iterable[str], context: Context) -> None:
        await self._save()
        await self._give_back(entity_ids, context)

    async def _give_back_what_is_owed(self, _: HomeAssistant) -> None:
        await self._give_back(list(self._notes.owed), Context())

    async def _give_back(self, entity_ids: Iterable[str], context: Context) -> None:
        """Set back what can be reached, and watch for the rest: also while it is tried, one that hangs may come back."""
        due = list(entity_ids)
        self._watch()
        # Whatever is wrong with one of them is nothing to the others.
        results = await asyncio.gather(
            *(self._try(entity_id, context) for entity_id in due), return_exceptions=True
        )
        for entity_id, result in zip(due, results, strict=True):
            if isinstance(result, BaseException):
                domain = entity_id.partition(".")[0]
                LOGGER.debug("A %s could not be set back: %s", domain, type(result).__name__)
        if True in results:
            await self._save()
        self._watch()

    async def _try(self, entity_id: str, context: Context) -> bool:
        """Set one back; False, or any exception at all, if it is still owed."""
        async with asyncio.timeout(SET_BACK_WITHIN), self.turn(entity_id):
            owed = self._notes.owed.get(entity_id)
            if owed and dt_util.utcnow() - owed.since <= OWED_FOR:
                state = self._hass.states.get(entity_id)
                if state is None or state.state in NOT_THERE:
                    return False
                # One that cannot do it cannot have been changed that way.
                with suppress(ServiceNotSupported):
                    await self._set_back(state, owed.was, context)
        # Another alarm may have taken it over meanwhile.
        return self._notes.owed.pop(entity_id, None) is not None

    async def _set_back(self, state: State, was: Snapshot, context: Context) -> None:
        if state.domain == Platform.LIGHT:
            attributes = dict(was.attributes)
            if (
                was.state == STATE_ON
                and state.attributes.get("effect")
                and not attributes.get("effect")
            ):
                # Without a word an effect goes on.
                attributes["effect"] = _NO_EFFECT
            await async_reproduce_state(
                self._hass, State(state.entity_id, was.state, attributes), context=context
            )
            return

        async def call(service: str, data: Mapping[str, Any]) -> None:
            await self._hass.services.async_call(
                Platform.MEDIA_PLAYER,
                service,
                {ATTR_ENTITY_ID: state.entity_id, **data},
                blocking=True,
                context=context,
            )

        if state.state == STATE_OFF:
            # Somebody has had enough of it: it is not turned on again.
            return
        for name, service in (
            ("volume_level", SERVICE_VOLUME_SET),
            ("is_volume_muted", SERVICE_VOLUME_MUTE),
        ):
            value = was.attributes.get(name)
            if value is not None and value != state.attributes.get(name):
                await call(service, {name: value})
        if was.state == STATE_OFF:
            await call(SERVICE_TURN_OFF, {})
        elif was.state == STATE_PLAYING and state.state != STATE_PLAYING:
            await call(SERVICE_MEDIA_PLAY, {})

    @callback
    def _watch(self) -> None:
        """Watch what is owed something: it may have come back."""
        if self._stop_watching:
            self._stop_watching()
            self._stop_watching = None
        if self._notes.owed:
            self._stop_watching = async_track_state_change_event(
                self._hass, list(self._notes.owed), self._changed
            )

    async def _changed(self, event: Event[EventStateChangedData]) -> None:
        await self._give_back([event.data["entity_id"]], Context())

    async def _save(self) -> None:
        await self._store.async_save(self._notes.to_dict())


def _newest(holders: Sequence[_Holder], alarm: str) -> _Holder | None:
    return next((holder for holder in reversed(holders) if holder.alarm == alarm), None)


MEMORY: HassKey[Snapshots] = HassKey(f"{DOMAIN}_memory")


async def async_setup_snapshots(hass: HomeAssistant) -> None:
    """Remember what was remembered before."""
    hass.data[MEMORY] = memory = Snapshots(hass)
    await memory.load()


async def async_forget_snapshots(hass: HomeAssistant) -> None:
    """Leave nothing behind, also if we were not running."""
    await (hass.data.get(MEMORY) or Snapshots(hass)).forget()
