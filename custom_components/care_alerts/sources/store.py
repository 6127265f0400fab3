"""The stores of a source: its ledger, the responses to its alerts and its state, in one file so that they never disagree.

Its readings have a file of their own: they are many, and nothing is lost with them.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final, override

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, UnsupportedStorageVersionError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.json import json_bytes
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey
from homeassistant.util.json import SerializationError, json_loads_object

from ..alerts.ledger import CorruptLedgerError, Ledger
from ..alerts.readings import GlucoseLogs
from ..alerts.response_log import ResponseLog
from ..alerts.tolerant import UNREADABLE
from ..const import DOMAIN, LOGGER
from .issues import create_issue

AT_LEISURE: Final = 300.0
"""Seconds within which is written what the source will tell again: a card in a small computer wears out."""

SHORTLY: Final = 1.0

READINGS_WITHIN: Final = 900.0
"""Seconds within which readings are written: ours, three of most sensors. Hundreds of kB for each would wear out a card."""

VERSION: Final = 1
"""Of our files."""

UNWRITTEN: HassKey[dict[str, bytes]] = HassKey(f"{DOMAIN}_unwritten")
"""What the disk did not take of sources that are being reloaded, by their entries' ids: they go on with it."""

UNREADABLE_FILE: Final = (
    *UNREADABLE,
    # Home Assistant's own words for a file it cannot open, a newer one and one older than any there was.
    HomeAssistantError,
    NotImplementedError,
)
"""What reading a file of ours raises that makes no sense."""


class WatchedStore(Store[dict[str, Any]]):
    """A file of ours; somebody is told of each write whether it reached the disk."""

    tell: Callable[[bool], None]
    """Called after each write: whether it reached the disk. Home Assistant only logs that it did not."""

    @override
    async def _async_write_data(self, data: dict[str, Any]) -> None:
        # Here, not in the thread that serializes: the data go on changing.
        if "data_func" in data:
            data["data"] = data.pop("data_func")()
        is_written = False
        try:
            await super()._async_write_data(data)
            is_written = True
        except (TypeError, ValueError) as err:
            # Home Assistant expects that only of what is no JSON at all. Its message may quote what there is.
            raise SerializationError(type(err).__name__) from None
        finally:
            self.tell(is_written)

    async def settle(self) -> None:
        """Return when all that was to be written by now is: whoever comes first, writes first."""
        async with self._write_lock:
            pass


def _open(hass: HomeAssistant, key: str, tell: Callable[[bool], None]) -> WatchedStore:
    store = WatchedStore(
        hass,
        VERSION,
        key,
        private=True,
        atomic_writes=True,
        serialize_in_event_loop=False,
    )
    store.tell = tell
    return store


async def _load(store: WatchedStore) -> tuple[dict[str, Any] | None, bool]:
    """What a file holds, None if there is none; and whether it is one of ours. What is not even JSON, Home Assistant sets aside."""
    try:
        return await store.async_load(), True
    except AttributeError, LookupError, TypeError, UnsupportedStorageVersionError:
        # JSON, but not what Home Assistant stores, or of a version to come.
        return None, False


async def _set_aside(hass: HomeAssistant, store: WatchedStore, stored: Any) -> str:
    """Keep what could not be read beside its file (None: all of the file); return the key of where it is."""
    aside = f"{store.key}.corrupt"
    if stored is None:
        path = Path(store.path)
        await hass.async_add_executor_job(path.replace, f"{path}.corrupt")
    else:
        await _open(hass, aside, lambda _: None).async_save({"stored": stored})
    LOGGER.warning("What was kept could not be read; it is set aside in the storage file %s", aside)
    return aside


class SourceStore:
    """A source's ledger, the responses to its alerts and its provider's state, kept over restarts."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Open the store of a config entry; `load` reads it."""
        self._hass = hass
        self._entry_id = entry_id
        self._store = _open(hass, f"{DOMAIN}.{entry_id}", self._tell_of_write)
        self._state: Callable[[], dict[str, Any]] = dict
        self._is_waiting = False
        self._is_closed = False
        self._is_on_disk = True
        self._written: object = None
        self.ledger = Ledger()
        self.responses = ResponseLog()

    async def load(self) -> dict[str, Any]:
        """Read the file into `ledger` and `responses` and return the provider's state as it was saved, empty if there is none.

        A file that makes no sense is set aside beside it, and reading starts as at first contact.
        """
        unwritten = self._hass.data.get(UNWRITTEN, {}).pop(self._entry_id, b"")
        self._is_on_disk = not unwritten
        stored: dict[str, Any] | None
        if unwritten:
            stored, is_ours = dict(json_loads_object(unwritten)), True
        else:
            stored, is_ours = await _load(self._store)
        if not is_ours:
            await self.set_aside(None)
        if stored is None:
            return {}
        try:
            self.ledger, self.responses, state = await self._hass.async_add_executor_job(
                _read, stored
            )
        except CorruptLedgerError:
            await self.set_aside(stored)
            return {}
        if self.ledger.unreadable:
            LOGGER.warning(
                "%s of the kept alerts could not be read and were left out",
                self.ledger.unreadable,
            )
        if unwritten:
            self._state = lambda: state
            self._write_within(AT_LEISURE)
        return state

    async def set_aside(self, stored: Any) -> None:
        """Keep what could not be read beside the file; a person is told."""
        aside = await _set_aside(self._hass, self._store, stored)
        create_issue(
            self._hass,
            f"journal_set_aside_{self._entry_id}",
            "journal_set_aside",
            fix={},
            file=aside,
        )

    async def save(
        self, state: Callable[[], dict[str, Any]], *, release: Iterable[str] = ()
    ) -> None:
        """Write all of it; it is on disk when this returns, or a person is told that it is not.

        `state` gives the provider's state when it is to be written; the alerts to `release` may be announced
        from then on.
        """
        if not self._is_closed:
            self._state = state
            # Whoever asked may be stopped meanwhile, the disk is not: nobody else may write before it is done.
            await asyncio.shield(self._hass.async_create_task(self._save(release)))

    async def _save(self, release: Iterable[str] = ()) -> None:
        await self._store.async_save(self._all())
        # Also where the disk refused: better announced twice than never.
        self.ledger.release(release)

    @callback
    def save_later(self, state: Callable[[], dict[str, Any]]) -> None:
        """Have all of it written before long: shortly if alerts came or went, else at leisure."""
        if self._is_closed:
            return
        self._state = state
        if self.ledger.alerts() is not self._written:
            self._write_within(SHORTLY)
        elif not self._is_waiting:
            self._write_within(AT_LEISURE)

    async def close(self) -> None:
        """Write what waits to be written, and nothing ever after: the file is another's then, who goes on with what it has not."""
        self._is_closed = True
        if self._is_waiting:
            await self._save()
        await self._store.settle()
        if not self._is_on_disk:
            with suppress(TypeError, ValueError):
                unwritten = self._hass.data.setdefault(UNWRITTEN, {})
                unwritten[self._entry_id] = json_bytes(self._all())

    def _write_within(self, seconds: float) -> None:
        self._is_waiting = True
        self._store.async_delay_save(self._all, seconds)

    def _all(self) -> dict[str, Any]:
        self._is_waiting = False
        self._written = self.ledger.alerts()
        # First: until when all was done is noted in the responses.
        state = self._state()
        return {
            "ledger": self.ledger.to_dict(),
            "responses": self.responses.to_dict(),
            "state": state,
        }

    @callback
    def _tell_of_write(self, is_written: bool) -> None:
        issue_id = f"journal_not_written_{self._entry_id}"
        self._is_on_disk = is_written
        if is_written:
            ir.async_delete_issue(self._hass, DOMAIN, issue_id)
            return
        if not self._is_closed:
            self._write_within(AT_LEISURE)
        create_issue(self._hass, issue_id, "journal_not_written", severity=ir.IssueSeverity.ERROR)

    async def remove(self) -> None:
        """Leave nothing behind: not what was set aside, and not what a provider or Home Assistant put beside it."""
        self._hass.data.get(UNWRITTEN, {}).pop(self._entry_id, None)
        await self._store.async_remove()
        path = Path(self._store.path)
        await self._hass.async_add_executor_job(_remove_all, path.parent, f"{path.name}.*")


def _remove_all(folder: Path, pattern: str) -> None:
    for path in folder.glob(pattern):
        path.unlink(missing_ok=True)


def _read(stored: Any) -> tuple[Ledger, ResponseLog, dict[str, Any]]:
    match stored:
        case {"ledger": ledger, "state": dict(state)}:
            return Ledger.from_dict(ledger), ResponseLog.from_dict(stored.get("responses")), state
        case _:
            raise CorruptLedgerError


class ReadingStore:
    """What a source keeps of glucose, over restarts.

    It is written now and then. What a crash loses of it, its source tells again: nothing is announced by it, so nobody
    waits for it, and nobody is told where a disk refuses it: they are told of what matters.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Open the store of a config entry; `load` reads it."""
        self._hass = hass
        self._store = _open(hass, f"{DOMAIN}.{entry_id}.readings", self._tell_of_write)
        self._written: object = None
        self._is_waiting = self._is_closed = False
        self.logs = GlucoseLogs()

    async def load(self, now: datetime) -> None:
        """Read the file into `logs`. One that makes no sense is set aside, and keeping starts anew."""
        stored, is_ours = await _load(self._store)
        if stored is not None:
            try:
                # Thousands of readings: beside the loop.
                self.logs = await self._hass.async_add_executor_job(
                    GlucoseLogs.from_dict, stored, now
                )
            except UNREADABLE:
                is_ours = False
        if not is_ours:
            await _set_aside(self._hass, self._store, stored)
        self._written = self.logs.revision

    @callback
    def save_later(self) -> None:
        """Have what is new written before long, if there is anything."""
        if not self._is_closed and not self._is_waiting and self.logs.revision != self._written:
            self._is_waiting = True
            self._store.async_delay_save(self._all, READINGS_WITHIN)

    async def close(self) -> None:
        """Write what waits to be written, and nothing ever after: the file is another's then."""
        self.save_later()
        self._is_closed = True
        if self._is_waiting:
            await self._store.async_save(self._all())
        await self._store.settle()

    async def remove(self) -> None:
        """Leave nothing behind; what was set aside goes with the source's own file."""
        await self._store.async_remove()

    def _all(self) -> dict[str, Any]:
        self._is_waiting = False
        self._written = self.logs.revision
        return self.logs.to_dict()

    @callback
    def _tell_of_write(self, is_written: bool) -> None:
        if not is_written:
            # With what comes next.
            self._written = None
