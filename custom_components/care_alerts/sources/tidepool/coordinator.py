"""Tidepool, followed: the people who share with a care partner are asked for, judged, shown, kept and said."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, override

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ...alerts.alert import Alert
from ...alerts.freshness import DataFreshness, Status
from ...alerts.snapshot import PersonSnapshot
from ...const import DOMAIN, LOGGER
from ..coordinator import CareAlertsConfigEntry, SourceCoordinator
from ..glucose import usual_glucose_unit
from ..http import ApiError, AuthError, RateLimitedError, RefusedError, base_url
from .api import SettingsUnreadableError, TidepoolClient
from .cadence import EARLY
from .environments import CONF_ENVIRONMENT, host_of
from .evaluation import SOURCE, Reason
from .evaluator import AlertEvaluator
from .issues import tell_of
from .mapping import data_freshness, snapshot_of, unreadable_of, why_not_judged, why_not_yet
from .people import (
    LONGEST_RETRY,
    LOOK_BACK,
    NAMELESS,
    PEOPLE_EVERY,
    Followed,
    PollSchedule,
    PollState,
    TidepoolState,
    asked_from,
    wants_loop,
)
from .readings import HELD, Readings, usual_delay
from .records import CBG, DOSING_DECISION, FOLLOW, SMBG, VIEW
from .session import PasswordSession
from .settings import Settings
from .thresholds import ThresholdKeeper

CONF_JUDGED: Final = "judged"
CONF_FOLLOWED: Final = "followed"

SETTINGS_EVERY: Final = timedelta(minutes=15)
"""Somebody may change them in Tidepool's app."""

SOON: Final = timedelta(minutes=1)

AT_ONCE: Final = 6
"""How many questions are asked at a time: what a browser would ask of one server. Few follow more than six people."""

LOOKS_EVERY: Final = 2
"""Seconds until it is looked for who became due while others are asked for: no more than an answer usually takes."""

FOR_READINGS: Final = 2
"""How many of these nothing but readings may take."""

SAMPLES: Final = 20

SESSIONS: HassKey[dict[str, PasswordSession]] = HassKey(f"{DOMAIN}_tidepool_sessions")
"""Sessions by their entries' ids: they outlive a reload, and end when the entry is removed."""

type _Asking = tuple[PollSchedule, Callable[[], Coroutine[Any, Any, None]]]
"""A question, and what asks it."""


class TidepoolCoordinator(SourceCoordinator):
    """The people who share with a care partner: their alert settings, and their readings judged by these."""

    source = SOURCE
    name_of_source = "Tidepool"
    longest_retry = LONGEST_RETRY
    # Whoever took it at night may have fallen asleep again.
    acknowledgement_expires_after = timedelta(hours=1)

    def __init__(self, hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
        """Set up for a config entry with `environment`, `username`, `password` and `user_id`."""
        super().__init__(hass, entry)
        http = async_get_clientsession(hass)
        url = base_url(host_of(entry.data[CONF_ENVIRONMENT]))
        sessions = hass.data.setdefault(SESSIONS, {})
        session = PasswordSession(
            http, url, entry.data["username"], entry.data["password"], now=dt_util.utcnow
        )
        if (before := sessions.get(entry.entry_id)) and before.is_for(session):
            session = before
        sessions[entry.entry_id] = self._session = session
        self._client = TidepoolClient(http, url, session)
        self._me: str = entry.data["user_id"]
        self._judges: bool = entry.options.get(CONF_JUDGED, True)
        self._chosen: frozenset[str] = frozenset(entry.options.get(CONF_FOLLOWED, ()))
        self.settings_keeper = ThresholdKeeper(
            self._client,
            self._me,
            talking=self._talking_of_settings,
            show=self._show_settings,
            ask_again=self._ask_for_settings_again,
            followed=lambda: self.followed,
            unit_for=self._unit_for,
        )
        self._reading = TidepoolState()
        self._attention: dict[str, PollState] = {}
        self._sharers = PollSchedule(dt_util.utcnow())
        self._has_answer = False
        """Whether anything that the newest poll asked for was answered."""
        self._misses_some = False
        """Whether some of what is asked is not to be had, but the rest is."""

    @property
    def followed(self) -> Mapping[str, Followed]:
        """The people followed, by user id."""
        return self._reading.people

    @override
    def unique_id_of(self, person_id: str) -> str:
        # Both parents may follow a child, each with an account and thresholds of their own.
        return f"{self.source}_{self._me}_{person_id}"

    @property
    @override
    def people_are_chosen(self) -> bool:
        return bool(self._chosen)

    def _watched(self) -> dict[str, PollState]:
        """Those whose readings are asked for."""
        return self._allowing(VIEW) if self._judges else {}

    def _settable(self) -> dict[str, PollState]:
        """Those whose settings are asked for."""
        return self._allowing(FOLLOW)

    def _allowing(self, permission: str) -> dict[str, PollState]:
        return {
            person_id: self._attention[person_id]
            for person_id, followed in self._reading.people.items()
            if permission in followed.allows
        }

    async def async_names(self) -> dict[str, str]:
        """The names of all who share, user id -> name; only of those followed if Tidepool does not answer."""
        names = {person_id: one.name for person_id, one in self._reading.people.items()}
        try:
            sharers, _ = await self._client.people(self._me)
        except ApiError as err:
            LOGGER.debug("%s: no people: %s", self.name, err)
            return names
        return {one.user_id: one.name or NAMELESS for one in sharers} | names

    @override
    def forget(self, person_id: str) -> bool:
        followed = self._reading.people.get(person_id)
        if followed and followed.allows:
            return False
        self._let_go(lambda one: one == person_id)
        self._reading.people.pop(person_id, None)
        self._attention.pop(person_id, None)
        self._tell_of(person_id)
        self._rebuild(dt_util.utcnow())
        self.config_entry.async_create_task(self.hass, self._save())
        return True

    @callback
    @override
    def async_rest(self) -> None:
        if chosen := self.config_entry.options.get(CONF_FOLLOWED):
            self._let_go(lambda person_id: person_id not in chosen)
        super().async_rest()

    def _let_go(self, leaves: Callable[[str], bool]) -> None:
        """Tell the end of what runs of people who are followed no more: once they are gone, nobody would."""
        now = dt_util.utcnow()
        for person_id, followed in self._reading.people.items():
            if leaves(person_id):
                followed.watch.pause(now, at_once=True)
        self._rebuild(now)
        self.announcer.tell_ends(now)

    @classmethod
    @override
    async def async_remove(cls, hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
        await super().async_remove(hass, entry)
        if session := hass.data.get(SESSIONS, {}).pop(entry.entry_id, None):
            try:
                await session.end()
            except ApiError as err:
                # It ends by itself, within a day.
                LOGGER.debug("Tidepool: no logout: %s", err)

    # Asking: readings first, and nobody because of somebody else.

    @override
    async def async_refresh_now(self) -> None:
        self._sharers.due = now = dt_util.utcnow()
        for attention in self._attention.values():
            attention.data.due = attention.settings.due = now
        await super().async_refresh_now()

    @override
    async def _poll(self, now: datetime) -> None:
        """Ask for what is due, several at a time: who takes long keeps nobody else waiting."""
        self._has_answer = False
        if not self._reading.people:
            await self._ask_people()
        if min(self._dues()) > now + EARLY:
            # Nothing is due: somebody wants to know.
            for attention in self._watched().values():
                attention.data.due = now
        await self._ask_all()
        if failures := self._missing():
            raise failures[0]

    async def _ask_all(self) -> None:
        """Ask whatever is due, and what becomes due meanwhile.

        Raises:
            ApiError: nothing is to be asked now.

        """
        asked: dict[asyncio.Task[None], PollSchedule] = {}
        errors: list[BaseException] = []
        try:
            while True:
                now = dt_util.utcnow()
                if not errors:
                    for question, ask in self._open_questions(now, asked.values()):
                        task = self.config_entry.async_create_task(self.hass, ask())
                        asked[task] = question
                if not asked:
                    break
                done, _ = await asyncio.wait(
                    asked, timeout=LOOKS_EVERY, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    del asked[task]
                    if error := task.exception():
                        errors.append(error)
                if done and asked:
                    self._show_meanwhile()
        finally:
            for task in asked:
                task.cancel()
        if errors:
            raise errors[0]

    def _open_questions(self, now: datetime, asked: Collection[PollSchedule]) -> list[_Asking]:
        """What to ask now beside what is `asked` already, and how: readings first, who waits longest first.

        Nobody has to wait behind somebody who gets no answer, and no readings behind what is no hurry.
        """
        readings: list[_Asking] = [
            (one.data, partial(self._ask_data, person_id))
            for person_id, one in self._watched().items()
        ]
        rest: list[_Asking] = [
            (self._sharers, self._ask_people),
            *(
                (one.settings, partial(self._ask_settings, person_id))
                for person_id, one in self._settable().items()
                if self._knows_settings(person_id) or person_id not in self._watched()
            ),
        ]
        found: list[_Asking] = []
        for questions, most in ((readings, AT_ONCE), (rest, AT_ONCE - FOR_READINGS)):
            due = [one for one in questions if one[0].due <= now + EARLY and one[0] not in asked]
            due.sort(key=lambda one: one[0].due)
            found += due[: max(most - len(asked) - len(found), 0)]
        return found

    def _show_meanwhile(self) -> None:
        """Show and announce what came while somebody else is still being asked for."""
        self._rebuild(dt_util.utcnow())
        if held := self.store.ledger.held():
            self.config_entry.async_create_task(self.hass, self._save_and_announce(held))

    async def _ask_people(self) -> None:
        await self._ask(self._sharers, self._read_people())

    async def _ask_settings(self, person_id: str) -> None:
        try:
            await self._ask(self._attention[person_id].settings, self._read_settings(person_id))
        finally:
            self._tell_of(person_id)

    async def _ask_data(self, person_id: str) -> None:
        """Ask for somebody's readings; for their settings before, without which nothing can be judged."""
        attention = self._attention[person_id]
        if person_id in self._settable() and not self._knows_settings(person_id):
            await self._ask_settings(person_id)
        if self._attention.get(person_id) is attention:
            await self._ask(attention.data, self._read_data(person_id))

    def _knows_settings(self, person_id: str) -> bool:
        """Whether somebody's settings are known, or it is known that they are not to be had now."""
        settings = self._attention[person_id].settings
        return self._reading.people[person_id].settings_read or bool(settings.failures)

    async def _ask(self, question: PollSchedule, asking: Coroutine[Any, Any, None]) -> None:
        """Ask a question, ever less often while there is no answer: all others keep their own cadence.

        Raises:
            ApiError: it says that nothing is to be asked now.

        """
        try:
            await asking
        except AuthError:
            raise
        except ApiError as err:
            question.failed(err, dt_util.utcnow())
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
        readings = [one.data for one in self._watched().values()]
        settings = [one.settings for one in self._settable().values()]
        counting = readings or settings or [self._sharers]
        errors = [one.error for one in counting if one.error]
        if len(errors) == len(counting):
            self._misses_some = False
            return errors
        failed = [one for one in (self._sharers, *readings, *settings) if one.error]
        if failed and not self._misses_some:
            LOGGER.warning(
                "%s: no usable answer for the readings of %s and the settings of %s of %s people%s",
                self.name,
                sum(bool(one.error) for one in readings),
                sum(bool(one.error) for one in settings),
                len(self._attention),
                ", nor for who they are" if self._sharers.error else "",
            )
        self._misses_some = bool(failed)
        return []

    def _dues(self) -> list[datetime]:
        return [
            self._sharers.due,
            *(one.settings.due for one in self._settable().values()),
            *(one.data.due for one in self._watched().values()),
        ]

    @override
    def _next_poll(self, now: datetime) -> datetime:
        return max(min(self._dues()), now + timedelta(seconds=1))

    # People.

    async def _read_people(self) -> None:
        sharers, unreadable = await self._client.people(self._me)
        now = dt_util.utcnow()
        self.unreadable_records += unreadable
        people = self._reading.people
        lost_before = {person_id for person_id, followed in people.items() if followed.lost}
        listed = {
            sharer.user_id: sharer
            for sharer in sharers
            if sharer.permissions & {VIEW, FOLLOW}
            and (not self._chosen or sharer.user_id in self._chosen)
        }
        for person_id, sharer in listed.items():
            followed = people.setdefault(
                person_id,
                Followed(name=NAMELESS, since=now, watch=AlertEvaluator(person_id=person_id)),
            )
            followed.name = sharer.name or followed.name
            followed.unit = sharer.unit or followed.unit
            followed.allows = set(sharer.permissions & {VIEW, FOLLOW})
            followed.allowed |= followed.allows
            followed.refused &= followed.allows
            self._attention.setdefault(person_id, PollState.due_at(now))
        for person_id, followed in people.items():
            if person_id not in listed and not unreadable:
                followed.allows.clear()
                followed.refused.clear()
            if why_not_judged(followed, judges=self._judges):
                self._judge(person_id, now)
            self._tell_of(person_id)
        lost = {person_id for person_id, followed in people.items() if followed.lost}
        # One answer that leaves somebody out may be a hiccup, and nobody is judged meanwhile.
        again = SOON if lost - lost_before else SETTINGS_EVERY
        self._sharers.due = now + (again if lost or not people else PEOPLE_EVERY)

    # Settings.

    async def _read_settings(self, person_id: str) -> None:
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
        self._sharers.due = min(self._sharers.due, now + SETTINGS_EVERY)
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
        start = asked_from(followed, attention, asked_at)
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
            attention.readings = Readings(covered_from=start, heard_at=now, clocks=followed.clocks)
        readings = attention.readings
        if not asks_loop:
            # Nobody asks whether there is a newer one.
            readings.newest_loop = None
        before = readings.heard_to
        self.unreadable_records += data.unreadable
        readings.add(data, now)
        after = readings.heard_to
        followed.cadence.sampled(readings)
        followed.cadence.heard(after, now)
        if before and after and after > before:
            followed.delays = [*followed.delays, (now - after).total_seconds()][-SAMPLES:]
        if newest := readings.newest:
            followed.glucose = newest.as_glucose()
        self._judge(person_id, now)
        readings.forget_before(now - HELD)
        self._tell_of(person_id)
        attention.data.due = followed.cadence.next_due(after, now)
        if attention.result.ask_at:
            attention.data.due = min(attention.data.due, attention.result.ask_at)

    # Settings that somebody asks for or changes.

    @asynccontextmanager
    async def _talking_of_settings(self, person_id: str) -> AsyncIterator[PollState]:
        """Let one at a time talk with Tidepool about somebody's settings.

        Raises:
            HomeAssistantError: they are not ours to ask for, we are to wait, or there was no usable answer.

        """
        if (attention := self._settable().get(person_id)) is None:
            followed = self._reading.people.get(person_id)
            if followed and FOLLOW not in followed.allowed:
                raise HomeAssistantError(translation_domain=DOMAIN, translation_key="not_shared")
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="permission_lost")
        async with attention.lock:
            self._check_wait()
            try:
                yield attention
            except SettingsUnreadableError as err:
                raise HomeAssistantError(
                    translation_domain=DOMAIN, translation_key="settings_unreadable"
                ) from err
            except ApiError as err:
                raise self._refused(err) from err

    @callback
    def _show_settings(self, person_id: str, settings: Settings) -> None:
        """Show settings as they are now, and judge by them."""
        now = dt_util.utcnow()
        question = self._attention[person_id].settings
        question.answered()
        question.due = now + SETTINGS_EVERY
        with self._announcing_at_once():
            self._take_up(person_id, dict(settings.document) or None)
            self._rebuild(now)
        self.announcer.soon()
        self.store.save_later(self._kept)
        if self._attention[person_id].data.due <= now:
            self._refresh_soon()

    @callback
    def _ask_for_settings_again(self, person_id: str, error: ApiError) -> None:
        """Ask as soon as we may: after this nobody knows what they are."""
        self._attention[person_id].settings.due = now = dt_util.utcnow()
        if error.retry_after:
            self._wait_until = now + error.retry_after
        self._refresh_soon()

    @callback
    def _refresh_soon(self) -> None:
        """Ask for what is due, not while the lock is held but once this is done."""
        self.config_entry.async_create_task(
            self.hass, self.async_request_refresh(), eager_start=False
        )

    def _unit_for(self, followed: Followed | None) -> str:
        """The unit of somebody who has no settings yet: the one they read, or the usual one here."""
        return (followed and followed.unit) or usual_glucose_unit(self.hass.config.country)

    # Judging.

    def _judge(self, person_id: str, now: datetime) -> None:
        """Judge what is known of somebody and write down what is to be told."""
        followed, attention = self._reading.people[person_id], self._attention[person_id]
        why_not = why_not_judged(followed, judges=self._judges)
        if why_not or attention.readings is None or not followed.settings_read:
            attention.result = followed.watch.pause(now, at_once=why_not is Reason.NOT_JUDGED)
            return
        is_first = not followed.watch.kinds
        settings = None if followed.settings is None else Settings(followed.settings)
        usual = usual_delay(followed.delays) or timedelta()
        attention.result = followed.watch.evaluate(
            settings, attention.readings, now, usual, followed.cadence
        )
        for alert in attention.result.alerts:
            # The first answer is history, and so is what is older than all that it was asked for.
            is_news = not is_first and alert.observed_at > followed.since - HELD
            self.store.ledger.add(alert, announce=is_news)

    @override
    def _evaluate_due(self, now: datetime) -> None:
        for person_id, attention in self._attention.items():
            if attention.result.changes_at and attention.result.changes_at <= now:
                self._judge(person_id, now)

    # What it amounts to.

    @override
    def _trouble(self) -> Status | None:
        if self.failure is None and any(one.lost for one in self._reading.people.values()):
            return Status.PERMISSION_LOST
        misses_some = self._misses_some or any(map(self._unreadable, self._attention))
        return self.failure or (Status.UNREACHABLE if misses_some else None)

    def _unreadable(self, person_id: str) -> list[str]:
        """Which of somebody's alerts cannot be judged for want of settings that make sense."""
        error = self._attention[person_id].settings.error
        return unreadable_of(self._reading.people[person_id], error, judges=self._judges)

    @override
    def _data_freshness(self) -> DataFreshness | None:
        heard = [one.readings.heard_at for one in self._attention.values() if one.readings]
        if self.last_contact:
            heard.append(self.last_contact)
        return data_freshness(self.followed if self._judges else {}, max(heard, default=None))

    @override
    def _delay(self) -> timedelta | None:
        return usual_delay(
            [delay for followed in self._reading.people.values() for delay in followed.delays]
        )

    @override
    def _people(self, now: datetime, alerts: Sequence[Alert]) -> dict[str, PersonSnapshot]:
        theirs: dict[str, list[Alert]] = {person_id: [] for person_id in self._reading.people}
        for alert in alerts:
            if (held := theirs.get(alert.person_id)) is not None:
                held.append(alert)
        return {
            person_id: snapshot_of(
                person_id,
                followed,
                self._attention[person_id].result,
                theirs[person_id],
                now,
                judges=self._judges,
                not_yet=why_not_yet(followed, self._attention[person_id].settings.error),
                unit=self._unit_for(followed),
            )
            for person_id, followed in self._reading.people.items()
        }

    def _tell_of(self, person_id: str) -> None:
        followed = self._reading.people.get(person_id)
        unreadable = person_id in self._attention and bool(self._unreadable(person_id))
        tell_of(self.hass, self.config_entry, person_id, followed, unreadable=unreadable)

    # Keeping.

    @override
    def _load_state(self, stored: dict[str, Any], now: datetime) -> None:
        reading = TidepoolState.from_dict(stored)
        if self._chosen:
            for person_id in reading.people.keys() - self._chosen:
                del reading.people[person_id]
                tell_of(self.hass, self.config_entry, person_id, None)
        for followed in reading.people.values():
            followed.not_after(now)
        self._reading = reading
        self._session.remember(reading.refusals)
        self._attention = {person_id: PollState.due_at(now) for person_id in reading.people}
        for person_id in reading.people:
            self._judge(person_id, now)
            self._tell_of(person_id)

    @override
    def _state(self) -> dict[str, Any]:
        self._reading.refusals = self._session.refusals
        return self._reading.to_dict()


def _is_about_all(error: ApiError) -> bool:
    """Whether an answer to one question says that nothing is to be asked now."""
    return isinstance(error, AuthError | RateLimitedError) or bool(error.retry_after)
