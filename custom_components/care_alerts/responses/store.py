"""The store of responses: what was done about episodes and what phones show, in one file so that they never disagree."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..alerts.stored import moment_or_none
from ..const import DOMAIN, LOGGER
from ..sources.issues import create_issue
from ..sources.store import UNREADABLE_FILE, WatchedStore
from .log import ResponseState
from .screens import Screens

SHORTLY: Final = 1.0
"""Seconds within which is written what does no harm if it is lost: that a phone has confirmed, what it shows."""

NOT_WRITTEN: Final = "responses_not_written"


@dataclass
class Drill:
    """The newest drill: when it was begun, and the episodes that it was."""

    began_at: datetime
    episode_ids: list[str]


@dataclass
class Kept:
    """All that is kept.

    `off`: the plans that are switched off. `silent`: which trouble was told, by the
    phone or notify entity and the id of the source's entry. `mornings`: of which day (ISO) a plan last told of the
    night, by its id. `drill`: the newest. `tried`: whether a test alert was
    ever sent.
    """

    state: ResponseState = field(default_factory=ResponseState)
    screens: Screens = field(default_factory=Screens)
    off: set[str] = field(default_factory=set)
    silent: dict[tuple[str, str], str] = field(default_factory=dict)
    mornings: dict[str, str] = field(default_factory=dict)
    drill: Drill | None = None
    tried: bool = False

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        drill = self.drill
        return {
            "state": self.state.to_dict(),
            "screens": self.screens.to_dict(),
            "off": sorted(self.off),
            "silent": [[*which, status] for which, status in self.silent.items()],
            "mornings": self.mornings,
            "drill": drill
            and {"began_at": drill.began_at.isoformat(), "episode_ids": drill.episode_ids},
            "tried": self.tried,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Kept:
        """Read what `to_dict` gave, as far as it can be read."""
        off, silent = stored.get("off"), stored.get("silent")
        kept = cls(
            state=ResponseState.from_dict(stored.get("state")),
            screens=Screens.from_dict(stored.get("screens")),
            off={one for one in off if isinstance(one, str)} if isinstance(off, list) else set(),
            silent=dict(_silent(silent)),
            mornings=dict(_mornings(stored.get("mornings"))),
            tried=stored.get("tried") is True,
        )
        match stored.get("drill"):
            case {"began_at": began_at, "episode_ids": [*episode_ids]} if moment := moment_or_none(
                began_at
            ):
                kept.drill = Drill(moment, [str(one) for one in episode_ids])
        return kept


def _silent(stored: Any) -> Iterator[tuple[tuple[str, str], str]]:
    for one in stored if isinstance(stored, list) else ():
        match one:
            case [str(recipient), str(entry_id), str(status)]:
                yield (recipient, entry_id), status


def _mornings(stored: Any) -> Iterator[tuple[str, str]]:
    for plan_id, day in stored.items() if isinstance(stored, Mapping) else ():
        if isinstance(plan_id, str) and isinstance(day, str):
            yield plan_id, day


class ResponseStore:
    """What is kept of responses, over restarts."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Keep nothing yet; `load` reads the file."""
        self._hass = hass
        self._store = WatchedStore(
            hass,
            1,
            f"{DOMAIN}.responses",
            private=True,
            atomic_writes=True,
            serialize_in_event_loop=False,
        )
        self._store.tell = self._tell_of_write
        self._one_at_a_time = asyncio.Lock()
        self._next_save: asyncio.Task[None] | None = None
        self.kept = Kept()

    @property
    def state(self) -> ResponseState:
        """What was done about episodes."""
        return self.kept.state

    @property
    def screens(self) -> Screens:
        """What phones show."""
        return self.kept.screens

    async def load(self) -> None:
        """Read the file. One that makes no sense counts as none: then what is due is done again, which is heard."""
        try:
            stored = await self._store.async_load()
            if stored is not None:
                self.kept = Kept.from_dict(stored)
        except UNREADABLE_FILE:
            LOGGER.warning("What was done about alerts could not be read: it may be done again")
            return
        unreadable = self.state.unreadable + self.screens.unreadable
        if unreadable:
            LOGGER.warning(
                "%s of the records of what was done about alerts could not be read and were left out",
                unreadable,
            )

    async def save(self) -> None:
        """Have all of it on disk; where the disk refuses, a person is told, and the house acts all the same."""
        # Whoever asks while it is being written waits for the next time, all together.
        if self._next_save is None:
            self._next_save = self._hass.async_create_task(self._save(), eager_start=False)
        # Whoever asked may be stopped meanwhile, the disk is not.
        await asyncio.shield(self._next_save)

    async def _save(self) -> None:
        async with self._one_at_a_time:
            self._next_save = None
            await self._store.async_save(self.kept.to_dict())

    @callback
    def _tell_of_write(self, is_written: bool) -> None:
        if is_written:
            ir.async_delete_issue(self._hass, DOMAIN, NOT_WRITTEN)
        else:
            create_issue(self._hass, NOT_WRITTEN, NOT_WRITTEN, severity=ir.IssueSeverity.ERROR)

    @callback
    def save_later(self) -> None:
        """Have it on disk before long."""
        self._store.async_delay_save(self.kept.to_dict, SHORTLY)

    async def remove(self) -> None:
        """Leave nothing behind."""
        self.kept = Kept()
        await self._store.async_remove()
