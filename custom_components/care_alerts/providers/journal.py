"""The journal: a source's ledger, what was done about its alerts and where its reading stands, in one file so that they never disagree."""

from pathlib import Path
from typing import Any, override

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import Store

from ..alerts.handling import Handling
from ..alerts.ledger import CorruptLedgerError, Ledger
from ..const import DOMAIN, LOGGER


class _Store(Store[dict[str, Any]]):
    """The journal's file. No older version of it exists yet."""

    written = True
    """Whether the last write reached the disk: Home Assistant only logs one that did not."""

    @override
    async def _async_migrate_func(
        self, old_major_version: int, old_minor_version: int, old_data: dict[str, Any]
    ) -> dict[str, Any]:
        return old_data

    @override
    async def _async_write_data(self, data: dict[str, Any]) -> None:
        self.written = False
        await super()._async_write_data(data)
        self.written = True


class Journal:
    """A source's ledger, the handling of its alerts and its provider's state, kept over restarts."""

    VERSION = 1

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Open the journal of a config entry; `load` reads it."""
        self._hass = hass
        self._key = f"{DOMAIN}.{entry_id}"
        self._store = self._open(self._key)
        self._entry_id = entry_id
        self.ledger = Ledger()
        self.handling = Handling()

    def _open(self, key: str) -> _Store:
        return _Store(
            self._hass,
            self.VERSION,
            key,
            private=True,
            atomic_writes=True,
            serialize_in_event_loop=False,
        )

    async def load(self) -> dict[str, Any]:
        """Read the file into `ledger` and `handling` and return the provider's state as it was saved, empty if there is none.

        A file that makes no sense is set aside beside it, and reading starts as at first contact.
        """
        try:
            stored = await self._store.async_load()
        except AttributeError, LookupError, TypeError:
            # JSON, but not what Home Assistant stores. What is not even JSON it sets aside itself.
            await self.set_aside(None)
            return {}
        if stored is None:
            return {}
        try:
            self.ledger, self.handling, state = await self._hass.async_add_executor_job(
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
        return state

    async def set_aside(self, stored: Any) -> None:
        """Begin a new journal and keep what could not be read beside it; a person is told."""
        aside = f"{self._key}.corrupt"
        self.ledger = Ledger()
        self.handling = Handling()
        if stored is None:
            path = Path(self._store.path)
            await self._hass.async_add_executor_job(path.replace, f"{path}.corrupt")
        else:
            await self._open(aside).async_save({"stored": stored})
        LOGGER.warning(
            "The kept alerts could not be read; they are set aside in the storage file %s", aside
        )
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            f"journal_set_aside_{self._entry_id}",
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key="journal_set_aside",
            translation_placeholders={"file": aside},
        )

    async def save(self, state: dict[str, Any]) -> None:
        """Write all of it; it is on disk when this returns, or a person is told that it is not."""
        await self._store.async_save(
            {
                "ledger": self.ledger.to_dict(),
                "handling": self.handling.to_dict(),
                "state": state,
            }
        )
        if self._store.written:
            ir.async_delete_issue(self._hass, DOMAIN, f"journal_not_written_{self._entry_id}")
            return
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            f"journal_not_written_{self._entry_id}",
            is_fixable=False,
            severity=ir.IssueSeverity.ERROR,
            translation_key="journal_not_written",
        )

    async def remove(self) -> None:
        """Leave nothing behind: not what was set aside, and not what a provider or Home Assistant put beside it."""
        await self._store.async_remove()
        path = Path(self._store.path)
        await self._hass.async_add_executor_job(_remove_all, path.parent, f"{path.name}.*")
        for what in ("journal_set_aside", "journal_not_written"):
            ir.async_delete_issue(self._hass, DOMAIN, f"{what}_{self._entry_id}")


def _remove_all(folder: Path, pattern: str) -> None:
    for path in folder.glob(pattern):
        path.unlink(missing_ok=True)


def _read(stored: Any) -> tuple[Ledger, Handling, dict[str, Any]]:
    match stored:
        case {"ledger": ledger, "state": dict(state)}:
            # Files from before anything could be acknowledged have no handling.
            return Ledger.from_dict(ledger), Handling.from_dict(stored.get("handling")), state
        case _:
            raise CorruptLedgerError
