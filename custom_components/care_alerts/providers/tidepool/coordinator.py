"""Tidepool, followed: who shares, their settings and readings, each asked for in its own rhythm, and what comes of them."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self, override

from homeassistant.const import UnitOfTime
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey
from mashumaro.mixins.dict import DataClassDictMixin

from ...alerts.episodes import episodes
from ...alerts.freshness import Status, Word
from ...alerts.glucose import Glucose
from ...alerts.model import Alert, Person
from ...alerts.picture import Condition, PersonPicture, Setting
from ...const import DOMAIN, LOGGER
from ..coordinator import FIRST_RETRY, CareAlertsConfigEntry, SourceCoordinator
from ..glucose import usual_glucose_unit
from ..http import ApiError, AuthError, RateLimitedError, RefusedError, base_url
from ..settings import SettingsKeeper
from .api import CBG, DOSING_DECISION, FOLLOW, SMBG, VIEW, TidepoolClient
from .judging import MISSED, SILENCE, SOURCE, Judged, Reason, Verdict, Watch
from .readings import HELD, NOW, Readings, Rhythm, usual_delay
from .session import PasswordSession
from .settings import (
    FIELDS,
    GLUCOSE_KINDS,
    HIGHEST_THRESHOLD,
    KINDS,
    LONGEST_DELAY,
    LONGEST_REPEAT,
    Change,
    Field,
    Settings,
    SettingsError,
    change,
    starting,
)
from .units import STEP

CONF_ENVIRONMENT: Final = "environment"
CONF_JUDGED: Final = "judged"
CONF_FOLLOWED: Final = "followed"

ENVIRONMENTS: Final = {
    "production": "https://api.tidepool.org",
    "integration": "https://external.integration.tidepool.org",
    "dev1": "https://dev1.dev.tidepool.org",
    "qa1": "https://qa1.development.tidepool.org",
    "qa2": "https://qa2.development.tidepool.org",
}
"""The servers of the vendor's page."""

PEOPLE_EVERY: Final = timedelta(hours=1)
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

LONGEST_RETRY: Final = timedelta(minutes=5)

SAMPLES: Final = 20

NAMELESS: Final = "?"
"""Somebody whose name nobody told us yet."""

_SESSIONS: HassKey[dict[str, PasswordSession]] = HassKey(f"{DOMAIN}_tidepool_sessions")
"""Sessions by their entries' ids: they outlive a reload, and end when the entry is removed."""


@dataclass(slots=True, kw_only=True)
class Followed(DataClassDictMixin):
    """Somebody who shares with us, or did: what they allow now, and what they ever did since they are followed."""

    name: str
    since: datetime
    watch: Watch
    unit: str | None = None
    allows: set[str] = field(default_factory=set)
    allowed: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    """What is listed as allowed and refused all the same."""
    settings: dict[str, Any] | None = None
    settings_read: bool = False
    glucose: Glucose | None = None
    """The newest reading."""
    delays: list[float] = field(default_factory=list)
    """Seconds from their readings to us, newest last."""

    def may(self, permission: str) -> bool:
        """Whether we are allowed something."""
        return permission in self.allows and permission not in self.refused

    def not_after(self, now: datetime) -> None:
        """Take nothing for known that a clock which was ahead has noted.

        Raises:
            TypeError: a time without a zone.

        """
        self.since = min(self.since, now)
        if self.watch.judged_at:
            self.watch.judged_at = min(self.watch.judged_at, now)
        if self.glucose and self.glucose.observed_at > now:
            self.glucose = None

    @property
    def lost(self) -> set[str]:
        """What we were allowed and are not any more."""
        return (self.allowed - self.allows) | (self.allowed & self.refused)


@dataclass(slots=True)
class Question:
    """Something asked of somebody again and again: when next, why there was no answer, and how often in a row."""

    due: datetime
    error: ApiError | None = None
    failures: int = 0

    def failed(self, error: ApiError, now: datetime) -> None:
        """Ask as soon as we may, or ever less often."""
        self.error = error
        wait = min(FIRST_RETRY * 2 ** min(self.failures, 10), LONGEST_RETRY)
        self.due = now + (error.retry_after or wait)
        self.failures += 1

    def answered(self) -> None:
        """Forget that it ever failed."""
        self.error, self.failures = None, 0


@dataclass(slots=True)
class Attention:
    """What somebody is asked for, and what is held of them meanwhile; begins anew with every start."""

    data: Question
    settings: Question
    looked_back_at: datetime | None = None
    hears_loop: bool = False
    """Whether Loop's decisions were asked for, too, when last asked."""
    readings: Readings | None = None
    rhythm: Rhythm = field(default_factory=Rhythm)
    judged: Judged = field(default_factory=Judged)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Whoever changes the settings holds it from reading them to reading them back."""
    changes: int = 0

    @classmethod
    def due_at(cls, moment: datetime) -> Self:
        """Attention to somebody who is asked for everything then."""
        return cls(Question(moment), Question(moment))


@dataclass(slots=True, kw_only=True)
class _State(DataClassDictMixin):
    """Where the reading of Tidepool stands."""

    people: dict[str, Followed] = field(default_factory=dict)


class TidepoolCoordinator(SourceCoordinator, SettingsKeeper):
    """The people who share with a care partner: their alert settings, and their readings judged by these."""

    source = SOURCE
    name_of_source = "Tidepool"
    longest_retry = LONGEST_RETRY

    def __init__(self, hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
        """Set up for a config entry with `environment`, `username`, `password` and `user_id`."""
        super().__init__(hass, entry)
        http = async_get_clientsession(hass)
        url = base_url(host_of(entry.data[CONF_ENVIRONMENT]))
        sessions = hass.data.setdefault(_SESSIONS, {})
        session = PasswordSession(http, url, entry.data["username"], entry.data["password"])
        before = sessions.get(entry.entry_id)
        self._session = before if before and before.is_for(session) else session
        sessions[entry.entry_id] = self._session
        self._client = TidepoolClient(http, url, self._session)
        self._me: str = entry.data["user_id"]
        self._judges: bool = entry.options.get(CONF_JUDGED, True)
        self._chosen: frozenset[str] = frozenset(entry.options.get(CONF_FOLLOWED, ()))
        self._reading = _State()
        self._attention: dict[str, Attention] = {}
        self._people_due = dt_util.utcnow()
        self._in_one_go = True
        """Whether the next poll asks for everything due, however long it takes."""
        self._misses_some = False
        """Whether some of what is asked is not to be had, but the rest is."""

    # What the shell asks.

    @property
    def followed(self) -> Mapping[str, Followed]:
        """The people followed, by user id."""
        return self._reading.people

    async def async_names(self) -> dict[str, str]:
        """The names of all who share, user id -> name; only of those followed if Tidepool does not answer."""
        names = {person_id: one.name for person_id, one in self._reading.people.items()}
        try:
            sharers, _ = await self._client.people(self._me)
        except ApiError as err:
            LOGGER.debug("%s: no people: %s", self.name, err)
            return names
        return {one.user_id: one.name or NAMELESS for one in sharers} | names

    @property
    @override
    def people_are_chosen(self) -> bool:
        return bool(self._chosen)

    @override
    def forget(self, person_id: str) -> bool:
        followed = self._reading.people.get(person_id)
        if followed and followed.allows:
            return False
        self._let_go(lambda one: one == person_id)
        self._reading.people.pop(person_id, None)
        self._attention.pop(person_id, None)
        self._tell_of(person_id)
        self._draw(dt_util.utcnow())
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
                followed.watch.rest(now, for_good=True)
        self._draw(now)
        self._tell_ends(now)

    @classmethod
    @override
    async def async_remove(cls, hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
        await super().async_remove(hass, entry)
        for issue_id in [
            issue_id
            for domain, issue_id in ir.async_get(hass).issues
            if domain == DOMAIN and entry.entry_id in issue_id
        ]:
            ir.async_delete_issue(hass, DOMAIN, issue_id)
        if session := hass.data.get(_SESSIONS, {}).pop(entry.entry_id, None):
            try:
                await session.end()
            except ApiError as err:
                # It ends by itself, within a day.
                LOGGER.debug("Tidepool: no logout: %s", err)

    @override
    async def async_refresh_now(self) -> None:
        self._people_due = now = dt_util.utcnow()
        self._in_one_go = True
        for attention in self._attention.values():
            attention.data.due = attention.settings.due = now
        await super().async_refresh_now()

    # Asking.

    @override
    async def _poll(self, now: datetime) -> None:
        """Ask for what is due: readings first, all else soon after, so that no reading has to wait for it."""
        failures: list[ApiError] = []
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

    def _is_watched(self, person_id: str) -> bool:
        followed = self._reading.people.get(person_id)
        return self._judges and followed is not None and VIEW in followed.allows

    def _is_settable(self, person_id: str) -> bool:
        followed = self._reading.people.get(person_id)
        return followed is not None and FOLLOW in followed.allows

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
            if self._why_not_judged(followed):
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
        if _wants_loop(followed) and not attention.hears_loop:
            attention.data.due = dt_util.utcnow()
        self._tell_of(person_id)
        self._judge(person_id, dt_util.utcnow())

    # Readings.

    async def _read_data(self, person_id: str) -> None:
        followed, attention = self._reading.people[person_id], self._attention[person_id]
        asked_at = dt_util.utcnow()
        start = self._start_for(followed, attention, asked_at)
        types = [CBG, SMBG]
        asks_loop = _wants_loop(followed)
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
        elif _wants_loop(followed) and not attention.hears_loop:
            start = min(start, now - HELD)
        elif attention.looked_back_at is None or now >= attention.looked_back_at + LOOK_BACK_EVERY:
            start = min(start, now - LOOK_BACK)
        return max(start, now - LONGEST_ABSENCE)

    def _judge(self, person_id: str, now: datetime) -> bool:
        """Judge what is known of somebody and write down what is to be told; False if there was nothing new."""
        followed, attention = self._reading.people[person_id], self._attention[person_id]
        why_not = self._why_not_judged(followed)
        if why_not or attention.readings is None or not followed.settings_read:
            attention.judged = followed.watch.rest(now, for_good=why_not is Reason.NOT_JUDGED)
            return False
        is_first = not followed.watch.kinds
        settings = None if followed.settings is None else Settings(followed.settings)
        usual = usual_delay(followed.delays) or timedelta()
        attention.judged = followed.watch.judge(settings, attention.readings, now, usual)
        told = [
            # What was so before somebody was followed is history.
            self.journal.ledger.write_down(
                alert, announce=not is_first and alert.observed_at > followed.since - NOW
            )
            for alert in attention.judged.alerts
        ]
        return any(told)

    def _why_not_judged(self, followed: Followed) -> Reason | None:
        if not self._judges:
            return Reason.NOT_JUDGED
        if not (followed.may(VIEW) and followed.may(FOLLOW)):
            return Reason.NOT_PERMITTED
        return None

    @override
    def _time_tells(self, now: datetime) -> bool:
        told = [
            self._judge(person_id, now)
            for person_id, attention in self._attention.items()
            if attention.judged.changes_at and attention.judged.changes_at <= now
        ]
        return any(told)

    # Changing settings.

    @override
    def name_of(self, person_id: str) -> str:
        followed = self._reading.people.get(person_id)
        return followed.name if followed else NAMELESS

    @override
    def proposed_settings(self, person_id: str) -> dict[str, Setting]:
        unit = self._unit_for(self._reading.people.get(person_id))
        return {str(one): _setting(one, value, unit) for one, value in starting(unit).items()}

    @override
    async def async_settings_of(self, person_id: str) -> dict[str, Any]:
        attention = self._attention_to(person_id)
        async with attention.lock:
            self._check_wait()
            try:
                return self._shown(person_id, await self._settings_now(person_id)).as_response()
            except ApiError as err:
                raise self._refused(err) from err

    @override
    async def async_set(self, person_id: str, key: str, value: bool | float) -> None:
        asked = next(one for one in FIELDS.values() if key_of(one) == key)
        setting = self.data.people[person_id].settings.get(key)
        unit = setting.unit if setting and asked.name == "threshold" else None
        await self.async_change_settings(person_id, {str(asked): value}, unit)

    @override
    async def async_change_settings(
        self,
        person_id: str,
        asked: Mapping[str, bool | float],
        unit: str | None = None,
        *,
        first: bool = False,
    ) -> dict[str, Any]:
        attention = self._attention_to(person_id)
        wanted = {FIELDS[name]: value for name, value in asked.items()}
        async with attention.lock:
            self._check_wait()
            attention.changes += 1
            try:
                before = await self._settings_now(person_id)
                if first and before.document:
                    self._shown(person_id, before)
                    raise ServiceValidationError(
                        translation_domain=DOMAIN, translation_key="settings_there"
                    )
                made = change(before, wanted, unit)
                after = await self._written(person_id, made) if made.alerts else before
                self._shown(person_id, after)
                made.check_kept(after)
            except SettingsError as err:
                raise invalid(err) from err
            except ApiError as err:
                raise self._refused(err) from err
            finally:
                attention.changes += 1
        return after.as_response()

    async def _written(self, person_id: str, made: Change) -> Settings:
        """Write a change, and read back what has come of it."""
        sending = self._client.write_alerts(person_id, self._me, made.alerts)
        try:
            after, failure = await self._sent(person_id, sending)
        except RefusedError as err:
            if err.status == 403:
                raise
            if made.odd:
                raise HomeAssistantError(
                    translation_domain=DOMAIN,
                    translation_key="settings_refused_for",
                    translation_placeholders={"field": str(made.odd)},
                ) from err
            raise HomeAssistantError(
                translation_domain=DOMAIN, translation_key="settings_refused"
            ) from err
        if failure and not made.is_kept_in(after):
            raise failure
        return after

    async def _sent(
        self, person_id: str, sending: Coroutine[Any, Any, None]
    ) -> tuple[Settings, ApiError | None]:
        """Send a change, and read back what has come of it: it may have been made although no usable answer came.

        Raises:
            ApiError: nothing was changed.
            HomeAssistantError: nobody knows.

        """
        failure: ApiError | None = None
        try:
            await sending
        except AuthError, RateLimitedError, RefusedError:
            raise
        except ApiError as err:
            failure = err
        try:
            return await self._settings_now(person_id), failure
        except ApiError as err:
            self._attention[person_id].settings.due = now = dt_util.utcnow()
            if err.retry_after:
                self._wait_until = now + err.retry_after
            self._refresh_soon()
            raise HomeAssistantError(
                translation_domain=DOMAIN, translation_key="settings_not_confirmed"
            ) from err

    @callback
    def _refresh_soon(self) -> None:
        """Ask for what is due, not while the lock is held but once this is done."""
        self.config_entry.async_create_task(
            self.hass, self.async_request_refresh(), eager_start=False
        )

    @override
    async def async_delete_settings(self, person_id: str) -> None:
        attention = self._attention_to(person_id)
        async with attention.lock:
            self._check_wait()
            attention.changes += 1
            try:
                deleting = self._client.delete_alerts(person_id, self._me)
                after, failure = await self._sent(person_id, deleting)
                self._shown(person_id, after)
                if failure and after.document:
                    raise failure
            except ApiError as err:
                raise self._refused(err) from err
            finally:
                attention.changes += 1
        if after.document:
            raise HomeAssistantError(
                translation_domain=DOMAIN, translation_key="settings_not_deleted"
            )

    def _attention_to(self, person_id: str) -> Attention:
        if not self._is_settable(person_id):
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="permission_lost")
        return self._attention[person_id]

    async def _settings_now(self, person_id: str) -> Settings:
        return Settings(await self._client.alerts(person_id, self._me, whole=True) or {})

    def _shown(self, person_id: str, settings: Settings) -> Settings:
        """Show settings as they are now, and judge by them."""
        now = dt_util.utcnow()
        question = self._attention[person_id].settings
        question.answered()
        question.due = now + SETTINGS_EVERY
        self._take_up(person_id, dict(settings.document) or None)
        self._draw(now)
        if not self._polling:
            self.config_entry.async_create_task(self.hass, self._save_and_announce())
        if self._due(now):
            self._refresh_soon()
        return settings

    # What it amounts to.

    @override
    def _trouble(self) -> Status | None:
        if self.failure is None and any(one.lost for one in self._reading.people.values()):
            return Status.PERMISSION_LOST
        return self.failure or (Status.UNREACHABLE if self._misses_some else None)

    @override
    def _word(self) -> Word | None:
        heard = [
            attention.readings.heard_at
            for attention in self._attention.values()
            if attention.readings
        ]
        if self.last_contact:
            heard.append(self.last_contact)
        if not heard:
            return None
        people = self._reading.people.values() if self._judges else ()
        # Who lets nobody look any more is not silent, unless there is nobody else.
        watched = [one for one in people if one.may(VIEW)] or [
            one for one in people if VIEW in one.allowed
        ]
        spoke = [
            (one.glucose.observed_at, usual_delay(one.delays) or timedelta())
            for one in watched
            if one.glucose
        ]
        dues = [newest + delay + NOW for newest, delay in spoke] or [
            one.since + NOW for one in watched
        ]
        return Word(
            data_through=min((newest for newest, _ in spoke), default=max(heard)),
            next_due=min(dues, default=max(heard) + 2 * PEOPLE_EVERY),
            worth_until=max(heard) + (SILENCE if watched else 2 * PEOPLE_EVERY),
        )

    @override
    def _delay(self) -> timedelta | None:
        return usual_delay(
            [delay for followed in self._reading.people.values() for delay in followed.delays]
        )

    @override
    def _people(self, now: datetime, alerts: Sequence[Alert]) -> dict[str, PersonPicture]:
        theirs: dict[str, dict[str, list[Alert]]] = {
            person_id: {kind: [] for kind in KINDS} for person_id in self._reading.people
        }
        last: dict[str, Alert] = {}
        for alert in alerts:
            if kinds := theirs.get(alert.person_id):
                kinds.setdefault(alert.alert_type, []).append(alert)
                last[alert.person_id] = alert
        return {
            person_id: self._picture_of(
                person_id, followed, theirs[person_id], last.get(person_id), now
            )
            for person_id, followed in self._reading.people.items()
        }

    def _picture_of(
        self,
        person_id: str,
        followed: Followed,
        alerts: Mapping[str, list[Alert]],
        last_alert: Alert | None,
        now: datetime,
    ) -> PersonPicture:
        glucose = followed.glucose if self._judges and followed.may(VIEW) else None
        is_now = glucose is not None and now <= glucose.observed_at + NOW
        judged = self._attention[person_id].judged
        turns = [judged.changes_at, glucose and glucose.observed_at + NOW + timedelta.resolution]
        return PersonPicture(
            person=Person(person_id, followed.name),
            conditions={
                kind: self._condition(followed, kind, judged.verdicts.get(kind), alerts[kind])
                for kind in KINDS
            },
            last_alert=last_alert,
            glucose=glucose if is_now else None,
            last_glucose=glucose,
            settings=self._settings_of(followed),
            changes_at=min((turn for turn in turns if turn and turn > now), default=None),
        )

    def _condition(
        self, followed: Followed, kind: str, verdict: Verdict | None, alerts: list[Alert]
    ) -> Condition:
        runs = episodes(
            alerts,
            followed.watch.kinds[kind].endings() if kind in followed.watch.kinds else (),
            tells=lambda _: True,
        )
        reason = self._why_not_judged(followed)
        if reason is None:
            reason = verdict.reason if verdict else Reason.NO_READINGS
        is_on = verdict.is_on if verdict and reason is None else None
        return Condition(
            is_on=is_on,
            standing=alerts[-1] if is_on and alerts else None,
            episode=runs[-1] if runs else None,
            earlier=runs[:-1],
            stale=bool(verdict and verdict.stale),
            unavailable=reason,
            missed=kind in GLUCOSE_KINDS and reason in MISSED,
        )

    def _settings_of(self, followed: Followed) -> dict[str, Setting]:
        """All that can be set for somebody, as Tidepool has it."""
        if not (followed.may(FOLLOW) and followed.settings_read):
            return {}
        settings = Settings(followed.settings or {})
        usual = self._unit_for(followed)
        return {
            key_of(one): _setting(one, settings.value(one), settings.unit(one.kind) or usual)
            for one in FIELDS.values()
        }

    def _unit_for(self, followed: Followed | None) -> str:
        """The unit of somebody who has no settings yet: the one they read, or the usual one here."""
        return (followed and followed.unit) or usual_glucose_unit(self.hass.config.country)

    # Keeping.

    @override
    def _load_state(self, stored: dict[str, Any], now: datetime) -> None:
        reading = _State.from_dict(stored)
        if self._chosen:
            reading.people = {
                person_id: followed
                for person_id, followed in reading.people.items()
                if person_id in self._chosen
            }
        for followed in reading.people.values():
            followed.not_after(now)
        self._reading = reading
        self._attention = {person_id: Attention.due_at(now) for person_id in reading.people}
        if self.last_contact and self.last_contact > now:
            self.last_contact = now
        for person_id in reading.people:
            self._judge(person_id, now)
            self._tell_of(person_id)

    @override
    def _state(self) -> dict[str, Any]:
        return self._reading.to_dict()

    # Saying what a person must know.

    @callback
    def _tell_of(self, person_id: str) -> None:
        """Create the issues that somebody's state asks for, and delete those it does not."""
        followed = self._reading.people.get(person_id)
        entry = self.config_entry
        issue = f"permission_lost_{entry.entry_id}_{person_id}"
        if followed and followed.lost:
            ir.async_create_issue(
                self.hass,
                DOMAIN,
                issue,
                is_fixable=False,
                severity=ir.IssueSeverity.WARNING,
                translation_key="permission_lost",
                translation_placeholders={"name": followed.name, "entry": entry.title},
            )
        else:
            ir.async_delete_issue(self.hass, DOMAIN, issue)
        issue = f"no_thresholds_{entry.entry_id}_{person_id}"
        if followed and followed.may(FOLLOW) and followed.settings_read and not followed.settings:
            ir.async_create_issue(
                self.hass,
                DOMAIN,
                issue,
                data={"entry_id": entry.entry_id, "person_id": person_id},
                is_fixable=True,
                severity=ir.IssueSeverity.WARNING,
                translation_key="no_thresholds",
                translation_placeholders={"name": followed.name, "entry": entry.title},
            )
        else:
            ir.async_delete_issue(self.hass, DOMAIN, issue)


def _wants_loop(followed: Followed) -> bool:
    """Whether somebody's settings ask for an alert when Loop stops."""
    looping = Settings(followed.settings or {}).alert("not_looping")
    return looping is not None and looping.enabled


def _is_about_all(error: ApiError) -> bool:
    """Whether an answer to one question says that nothing is to be asked now."""
    return isinstance(error, AuthError | RateLimitedError) or bool(error.retry_after)


def host_of(environment: str) -> str:
    """The base URL of an environment by its name, or as a person typed it."""
    return ENVIRONMENTS.get(environment, environment)


def key_of(field: Field) -> str:
    """The key of a setting's entity: a switch goes by the name of its alert."""
    return field.kind if field.name == "enabled" else f"{field.kind}_{field.name}"


def _setting(one: Field, value: bool | float | None, unit: str) -> Setting:
    match one.name:
        case "threshold":
            return Setting(value=value, unit=unit, highest=HIGHEST_THRESHOLD[unit], step=STEP[unit])
        case "enabled":
            return Setting(value=value)
        case name:
            longest = LONGEST_DELAY if name == "delay" else LONGEST_REPEAT
            return Setting(value=value, unit=UnitOfTime.MINUTES, highest=longest)


def invalid(error: SettingsError) -> HomeAssistantError:
    """What to tell a person whose change cannot be written, or did not stay."""
    field, limits = error.field, {name: f"{limit}" for name, limit in error.limits.items()}
    match error.problem:
        case "unit":
            return ServiceValidationError(
                translation_domain=DOMAIN, translation_key="settings_unit"
            )
        case "threshold_needed":
            return ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="settings_threshold_needed",
                translation_placeholders={"field": field},
            )
        case "threshold_range":
            return ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="settings_threshold_range",
                translation_placeholders={
                    "field": field,
                    "highest": limits["highest"],
                    "unit": limits["unit"],
                },
            )
        case "threshold_step":
            return ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="settings_threshold_step",
                translation_placeholders={
                    "field": field,
                    "step": limits["step"],
                    "unit": limits["unit"],
                },
            )
        case "threshold_order":
            return ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="settings_threshold_order",
                translation_placeholders={"field": field, "other": limits["other"]},
            )
        case "delay_range":
            return ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="settings_delay_range",
                translation_placeholders={"field": field, "longest": limits["longest"]},
            )
        case "repeat_range":
            return ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="settings_repeat_range",
                translation_placeholders={
                    "field": field,
                    "shortest": limits["shortest"],
                    "longest": limits["longest"],
                },
            )
        case _:
            return HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="settings_not_kept",
                translation_placeholders={"field": field},
            )
