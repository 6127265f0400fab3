"""People who are followed no more while their settings are a profile's: what was there before is put back as soon as it may be."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime
import logging
from typing import Any, Final, override

from ...alerts.glucose import MMOL_L
from ...alerts.ledger import KEPT_FOR
from ...alerts.readings import GlucoseLogs
from ..http import ApiError
from ..settings import NotDoneError, NotPutBack
from .api import TidepoolClient
from .people import Followed, PollState, TidepoolState
from .profiles import Switched
from .settings import Settings
from .thresholds import Owner, SettingsHost, ThresholdKeeper

LOGGER = logging.getLogger(__name__)

PUT_BACK_WITHIN: Final = 20
"""Seconds (ours): somebody waits for it, and a write with what is read before and after takes one or two."""

NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Leavers(Owner):
    """Whoever is followed no more: nothing is asked of them but to put back what was there before, as long as alerts are kept."""

    def __init__(
        self, client: TidepoolClient, me: str, host: SettingsHost, left: dict[str, Followed]
    ) -> None:
        """Look after those who have `left`, as care partner `me`; whoever is done with is taken out of that."""
        self._left = left
        self._host = host
        self._keeper = ThresholdKeeper(client, me, host, self)
        self._polls: dict[str, PollState] = {}
        self._stuck: set[str] = set()

    @property
    @override
    def followed(self) -> Mapping[str, Followed]:
        return self._left

    @property
    @override
    def stuck(self) -> Mapping[str, Followed]:
        return {who: one for who, one in self._left.items() if who in self._stuck}

    @override
    def give_up(self, person_id: str) -> None:
        self._left.pop(person_id, None)

    @override
    def settable(self) -> Mapping[str, PollState]:
        # Nothing is asked of them again and again.
        return {
            person_id: self._polls.setdefault(person_id, PollState.due_at(NEVER))
            for person_id in self._left
        }

    @override
    def take_up(self, person_id: str, document: dict[str, Any] | None) -> None:
        followed = self._left[person_id]
        followed.switched = followed.switched.seen(Settings(document or {}))

    @override
    def unit_for(self, followed: Followed | None) -> str:
        return (followed and followed.unit) or MMOL_L

    def come_back(self, person_id: str) -> Switched:
        """Somebody is followed again: what was kept of them is theirs again."""
        left = self._left.pop(person_id, None)
        return left.switched if left else Switched()

    async def put_back(self, sharing: Collection[str], now: datetime) -> None:
        """Put back what was there before of those whose settings may be changed; those who left too long ago are given up."""
        oldest = now - KEPT_FOR
        for person_id, followed in [*self._left.items()]:
            if followed.since < oldest:
                self.give_up(person_id)
                continue
            if person_id in sharing:
                await self._put_back(person_id)
            if person_id in self._left and person_id not in self._stuck:
                self._stuck.add(person_id)
                LOGGER.warning(
                    "Tidepool: what was there before a profile cannot be put back of somebody who is followed no more;"
                    " a repair says what it was"
                )

    async def _put_back(self, person_id: str) -> None:
        try:
            await self._keeper.async_switch(person_id, None)
        except NotDoneError as err:
            LOGGER.debug("Tidepool: not put back: %s", err.key)
        except ApiError as err:
            self._host.wait_as_told(err)
            LOGGER.debug("Tidepool: not put back: %s", err)
        followed = self._left.get(person_id)
        if followed and not followed.switched.is_on:
            # What somebody else has made of it meanwhile is theirs.
            self.give_up(person_id)
            self._host.changed(write=True)

    def not_put_back(self) -> list[NotPutBack]:
        """What is left to be put back by hand."""
        return [NotPutBack(one.name, self._keeper.held_of(one)) for one in self._left.values()]


class _EmptyHouse(SettingsHost):
    """A house that keeps, shows and asks nothing any more."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    @property
    @override
    def readings(self) -> GlucoseLogs:
        return GlucoseLogs()

    @override
    def now(self) -> datetime:
        return self._now

    @override
    async def save(self) -> None:
        return

    @override
    def changed(self, *, write: bool = False) -> None:
        return

    @override
    def ask_soon(self) -> None:
        return

    @override
    def check_wait(self) -> None:
        return

    @override
    def wait_as_told(self, error: ApiError) -> None:
        return


async def put_back_all(
    client: TidepoolClient, me: str, state: TidepoolState, now: datetime
) -> list[NotPutBack]:
    """Put back, for the last time, what was there before of everybody; return what could not be, within `PUT_BACK_WITHIN`."""
    for person_id in [*state.people]:
        state.leave(person_id, now)
    leavers = Leavers(client, me, _EmptyHouse(now), state.left)
    with suppress(TimeoutError):
        async with asyncio.timeout(PUT_BACK_WITHIN):
            await leavers.put_back(state.left.keys(), now)
    return leavers.not_put_back()
