"""Asking Tidepool: who shares, their settings and readings, each in its own rhythm."""

from collections.abc import Coroutine, Iterable
from datetime import datetime, timedelta
from typing import Any, Final, override

from homeassistant.util import dt as dt_util

from ...const import LOGGER
from ..http import ApiError, AuthError, RateLimitedError, RefusedError
from .api import CBG, DOSING_DECISION, FOLLOW, SMBG, VIEW
from .judging import Watch
from .people import NAMELESS, PEOPLE_EVERY, Attention, Followed, Question, wants_loop
from .readings import HELD, Readings
from .source import TidepoolSource
from .translation import why_not_judged

SETTINGS_EVERY: Final = timedelta(minutes=15)
"""Somebody may change them in Tidepool's app."""

WAITS_AT_MOST: Final = timedelta(minutes=5)
"""How long all that waits for readings does."""

OVERLAP: Final = timedelta(minutes=15)
"""Asked again with every request: readings may come out of order."""

LOOK_BACK: Final = timedelta(hours=6)
LOOK_BACK_EVERY: Final = timedelta(hours=1)
"""Some are uploaded hours late."""

LONGEST_ABSENCE: Final = timedelta(days=7)
"""How far back is asked after an absence."""

SAMPLES: Final = 20


class AskingSource(TidepoolSource):
    """Asks for what is due: readings first, and nobody because of somebody else."""

    @override
    async def async_refresh_now(self) -> None:
        self._people_due = now = dt_util.utcnow()
        self._in_one_go = True
        for attention in self._attention.values():
            attention.data.due = attention.settings.due = now
        await super().async_refresh_now()

    @override
    async def _poll(self, now: datetime) -> None:
        """Ask for what is due: readings first, all else soon after, so that no reading has to wait for it."""
        failures: list[ApiError] = []
        self._has_answer = False
        if not self._reading.people:
            await self._read_people(now)
        unknown = [
            person_id
            for person_id, followed in self._reading.people.items()
            if not followed.settings_read and not self._attention[person_id].settings.failures
        ]
        for person_id in unknown:
            # Nothing can be judged without them.
            await self._try_settings(person_id, now)
        # If nothing is due, somebody wants to know.
        due = (
            self._due(now)
            if self._is_anything_due(now)
            else list(filter(self._is_watched, self._attention))
        )
        for person_id in due:
            await self._try_data(person_id, now)
        rest_due = min(self._dues_of_the_rest())
        if not due or self._in_one_go or now - rest_due > WAITS_AT_MOST:
            await self._ask_the_rest(now, failures)
        self._in_one_go = False
        failures += self._missing()
        if failures:
            raise failures[0]

    async def _try_data(self, person_id: str, now: datetime) -> None:
        if attention := self._attention.get(person_id):
            await self._try(attention.data, self._read_data(person_id), now)

    async def _try_settings(self, person_id: str, now: datetime) -> None:
        attention = self._attention.get(person_id)
        if attention and self._is_settable(person_id) and attention.settings.due <= now:
            await self._try(attention.settings, self._read_settings(person_id), now)

    async def _try(
        self, question: Question, asking: Coroutine[Any, Any, None], now: datetime
    ) -> None:
        """Ask somebody's question, ever less often while there is no answer: all others keep their own rhythm."""
        try:
            await asking
        except AuthError:
            raise
        except ApiError as err:
            question.failed(err, now)
            if _is_about_all(err):
                raise
        else:
            question.answered()
            self._has_answer = True

    @override
    def _was_answered(self) -> bool:
        return self._has_answer

    def _missing(self) -> list[ApiError]:
        """Why there is nothing of anybody: no readings, or no settings where nobody's readings are asked for."""
        readings = [
            attention.data
            for person_id, attention in self._attention.items()
            if self._is_watched(person_id)
        ]
        settings = [
            attention.settings
            for person_id, attention in self._attention.items()
            if self._is_settable(person_id)
        ]
        failed = [one for one in (*readings, *settings) if one.error]
        errors = [one.error for one in readings or settings if one.error]
        if len(errors) == len(readings or settings):
            self._misses_some = False
            return errors
        if failed and not self._misses_some:
            LOGGER.warning(
                "%s: no usable answer for the readings of %s and the settings of %s of %s people",
                self.name,
                sum(bool(one.error) for one in readings),
                sum(bool(one.error) for one in settings),
                len(self._attention),
            )
        self._misses_some = bool(failed)
        return []

    async def _ask_the_rest(self, now: datetime, failures: list[ApiError]) -> None:
        if self._people_due <= now:
            try:
                await self._read_people(now)
            except ApiError as err:
                if _is_about_all(err):
                    raise
                failures.append(err)
        for person_id in sorted(self._attention, key=lambda one: self._attention[one].settings.due):
            await self._try_settings(person_id, now)

    def _due(self, now: datetime) -> list[str]:
        """Whose readings are due, who waits longest first: nobody has to wait behind somebody who gets no answer."""
        return sorted(
            (
                person_id
                for person_id, attention in self._attention.items()
                if self._is_watched(person_id) and attention.data.due <= now
            ),
            key=lambda person_id: self._attention[person_id].data.due,
        )

    def _dues_of_the_rest(self) -> Iterable[datetime]:
        yield self._people_due
        for person_id, attention in self._attention.items():
            if self._is_settable(person_id):
                yield attention.settings.due

    def _dues(self) -> Iterable[datetime]:
        yield from self._dues_of_the_rest()
        for person_id, attention in self._attention.items():
            if self._is_watched(person_id):
                yield attention.data.due

    def _is_anything_due(self, now: datetime) -> bool:
        return any(due <= now for due in self._dues())

    @override
    def _next_poll(self, now: datetime) -> datetime:
        return max(min(self._dues()), now + timedelta(seconds=1))

    # People.

    async def _read_people(self, now: datetime) -> None:
        sharers, unreadable = await self._client.people(self._me)
        self._has_answer = True
        self.unreadable_records += unreadable
        people = self._reading.people
        listed = {
            sharer.user_id: sharer
            for sharer in sharers
            if sharer.permissions & {VIEW, FOLLOW}
            and (not self._chosen or sharer.user_id in self._chosen)
        }
        for person_id, sharer in listed.items():
            followed = people.setdefault(
                person_id,
                Followed(name=NAMELESS, since=now, watch=Watch(person_id=person_id)),
            )
            followed.name = sharer.name or followed.name
            followed.unit = sharer.unit or followed.unit
            followed.allows = set(sharer.permissions & {VIEW, FOLLOW})
            followed.allowed |= followed.allows
            followed.refused &= followed.allows
            self._attention.setdefault(person_id, Attention.due_at(now))
        for person_id, followed in people.items():
            if person_id not in listed and not unreadable:
                followed.allows.clear()
                followed.refused.clear()
            if why_not_judged(followed, judges=self._judges):
                self._judge(person_id, now)
            self._tell_of(person_id)
        lost = any(followed.lost for followed in people.values())
        self._people_due = now + (SETTINGS_EVERY if lost or not people else PEOPLE_EVERY)

    # Settings.

    async def _read_settings(self, person_id: str) -> None:
        if not self._is_settable(person_id):
            return
        attention = self._attention[person_id]
        changes = attention.changes
        if attention.lock.locked():
            # Whoever changes them reads them, too.
            attention.settings.due = dt_util.utcnow() + timedelta(minutes=1)
            return
        try:
            document = await self._client.alerts(person_id, self._me)
        except RefusedError as err:
            self._check_permission(err, person_id, FOLLOW)
        else:
            # They may have been forgotten meanwhile.
            if followed := self._reading.people.get(person_id):
                followed.refused.discard(FOLLOW)
                if changes == attention.changes:
                    self._take_up(person_id, document)
        attention.settings.due = dt_util.utcnow() + SETTINGS_EVERY

    def _check_permission(self, error: RefusedError, person_id: str, permission: str) -> None:
        """Take note of a permission that we have no more, whatever the list of people said.

        Raises:
            RefusedError: it is not that.

        """
        if error.status != 403:
            raise error
        if not (followed := self._reading.people.get(person_id)):
            return
        followed.refused.add(permission)
        now = dt_util.utcnow()
        self._people_due = min(self._people_due, now + SETTINGS_EVERY)
        self._judge(person_id, now)
        self._tell_of(person_id)

    def _take_up(self, person_id: str, document: dict[str, Any] | None) -> None:
        """Take up somebody's settings as they are now."""
        followed, attention = self._reading.people[person_id], self._attention[person_id]
        followed.settings = document
        followed.settings_read = True
        if wants_loop(followed) and not attention.hears_loop:
            attention.data.due = dt_util.utcnow()
        self._tell_of(person_id)
        self._judge(person_id, dt_util.utcnow())

    # Readings.

    async def _read_data(self, person_id: str) -> None:
        followed, attention = self._reading.people[person_id], self._attention[person_id]
        asked_at = dt_util.utcnow()
        start = self._start_for(followed, attention, asked_at)
        types = [CBG, SMBG]
        asks_loop = wants_loop(followed)
        if asks_loop:
            types.append(DOSING_DECISION)
        try:
            data = await self._client.data(person_id, start, types)
        except RefusedError as err:
            self._check_permission(err, person_id, VIEW)
            attention.data.due = asked_at + SETTINGS_EVERY
            return
        now = dt_util.utcnow()
        if self._attention.get(person_id) is not attention:
            # Forgotten meanwhile.
            return
        if start <= asked_at - LOOK_BACK:
            attention.looked_back_at = asked_at
        attention.hears_loop = asks_loop
        followed.refused.discard(VIEW)
        if attention.readings is None:
            attention.readings = Readings(covered_from=start, heard_at=now)
        readings = attention.readings
        if not asks_loop:
            # Nobody asks whether there is a newer one.
            readings.newest_loop = None
        before = readings.heard_to
        self.unreadable_records += data.unreadable + readings.add(data, now)
        after = readings.heard_to
        attention.rhythm.heard(before, after)
        if before and after and after > before:
            followed.delays = [*followed.delays, (now - after).total_seconds()][-SAMPLES:]
        if newest := readings.newest:
            followed.glucose = newest.as_glucose()
        self._judge(person_id, now)
        readings.forget_before(now - HELD)
        attention.data.due = attention.rhythm.next_due(after, now)
        if attention.judged.ask_at:
            attention.data.due = min(attention.data.due, attention.judged.ask_at)

    def _start_for(self, followed: Followed, attention: Attention, now: datetime) -> datetime:
        """From when on to ask for readings, so that few come twice and none is missed, however long there was none."""
        newest = followed.glucose.observed_at if followed.glucose else None
        if attention.readings and attention.readings.heard_to:
            newest = attention.readings.heard_to
        if newest is None:
            return now - HELD
        start = newest - OVERLAP
        if attention.readings is None:
            start = newest - LOOK_BACK
        elif wants_loop(followed) and not attention.hears_loop:
            start = min(start, now - HELD)
        elif attention.looked_back_at is None or now >= attention.looked_back_at + LOOK_BACK_EVERY:
            start = min(start, now - LOOK_BACK)
        return max(start, now - LONGEST_ABSENCE)


def _is_about_all(error: ApiError) -> bool:
    """Whether an answer to one question says that nothing is to be asked now."""
    return isinstance(error, AuthError | RateLimitedError) or bool(error.retry_after)
