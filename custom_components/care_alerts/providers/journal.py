"""The journal: a source's ledger and where its reading stands, in one file so that they never disagree."""

from typing import Any, override

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import Store

from ..alerts.ledger import CorruptLedgerError, Ledger
from ..const import DOMAIN, LOGGER


class _Store(Store[dict[str, Any]]):
    """The journal's file. No older version of it exists yet."""

    @override
    async def _async_migrate_func(
        self, old_major_version: int, old_minor_version: int, old_data: dict[str, Any]
    ) -> dict[str, Any]:
        return old_data


class Journal:
    """A source's ledger and its provider's state, kept over restarts."""

    VERSION = 1

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Open the journal of a config entry; `load` reads it."""
        self._hass = hass
        self._key = f"{DOMAIN}.{entry_id}"
        self._store = self._open(self._key)
        self._issue = f"journal_set_aside_{entry_id}"
        self.ledger = Ledger()

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
        """Read the file into `ledger` and return the provider's state as it was saved, empty if there is none.

        A file that makes no sense is set aside beside it, and reading starts as at first contact.
        """
        stored = await self._store.async_load()
        if stored is None:
            return {}
        try:
            self.ledger, state = await self._hass.async_add_executor_job(_read, stored)
        except CorruptLedgerError:
            aside = f"{self._key}.corrupt"
            await self._open(aside).async_save({"stored": stored})
            self.ledger = Ledger()
            LOGGER.warning(
                "The kept alerts could not be read; they are set aside in the storage file %s",
                aside,
            )
            ir.async_create_issue(
                self._hass,
                DOMAIN,
                self._issue,
                is_fixable=False,
                severity=ir.IssueSeverity.WARNING,
                translation_key="journal_set_aside",
                translation_placeholders={"file": aside},
            )
            return {}
        if self.ledger.unreadable:
            LOGGER.warning(
                "%s of the kept alerts could not be read and were left out",
                self.ledger.unreadable,
            )
        return state

    async def save(self, state: dict[str, Any]) -> None:
        """Write the ledger and the provider's state; both are on disk when it returns."""
        await self._store.async_save({"ledger": self.ledger.to_dict(), "state": state})

    async def remove(self) -> None:
        """Leave nothing behind."""
        for key in (self._key, f"{self._key}.corrupt"):
            await self._open(key).async_remove()
        ir.async_delete_issue(self._hass, DOMAIN, self._issue)


def _read(stored: Any) -> tuple[Ledger, dict[str, Any]]:
    match stored:
        case {"ledger": ledger, "state": dict(state)}:
            return Ledger.from_dict(ledger), state
        case _:
            raise CorruptLedgerError
