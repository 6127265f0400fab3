"""Next steps: what is left to do after set-up, until an alert can be seen and reaches somebody, and was tried."""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..const import DOMAIN
from ..sources.issues import create_issue
from ..sources.targets import sources
from .dashboard_url import find_dashboard
from .household import Household, is_household
from .store import ResponseStore

ISSUE: Final = "next_steps"


class NextStep(StrEnum):
    """One thing to do. The values are steps of the repair's flow."""

    DASHBOARD = "dashboard"
    PHONE = "phone"
    TEST = "test"


class NextSteps:
    """What is left, and the repair that says so. Whoever ignores it is left alone."""

    def __init__(
        self, hass: HomeAssistant, store: ResponseStore, household: Callable[[], Household | None]
    ) -> None:
        """Know that a test alert was sent from what is kept in the store; `household` gives the one there is now."""
        self._hass = hass
        self._store = store
        self._household = household
        self._one_at_a_time = asyncio.Lock()
        self._is_done = False

    @callback
    def look(self) -> None:
        """Bring the repair up to date."""
        if not self._one_at_a_time.locked():
            self._hass.async_create_task(self._look(), eager_start=False)

    async def _look(self) -> None:
        """Create the repair, or delete it. Once all was done it is looked for only after a restart."""
        async with self._one_at_a_time:
            await self._show()

    async def _show(self) -> None:
        # One that is reloaded is still there.
        entries = self._hass.config_entries.async_entries(DOMAIN)
        has_sources = not all(is_household(entry.data) for entry in entries)
        if not has_sources:
            self._is_done = False
        elif self._is_done:
            return
        left = await self.left() if has_sources else []
        self._is_done = has_sources and not left
        if left:
            create_issue(self._hass, ISSUE, ISSUE, fix={})
        else:
            ir.async_delete_issue(self._hass, DOMAIN, ISSUE)

    async def left(self) -> list[NextStep]:
        """What is left to do, in the order in which it makes sense."""
        has_dashboard = await find_dashboard(self._hass) is not None
        was_tried = await self._was_tried()
        household = self._household()
        done = {
            NextStep.DASHBOARD: has_dashboard,
            NextStep.PHONE: household is not None
            and any(household.phones_of(one) or one.notify for one in household.caregivers),
            NextStep.TEST: was_tried,
        }
        return [step for step, is_done in done.items() if not is_done]

    async def _was_tried(self) -> bool:
        kept = self._store.kept
        if not kept.tried and any(
            alert.drill for one in sources(self._hass) for alert in one.ledger.alerts()
        ):
            kept.tried = True
            await self._store.save()
        return kept.tried
