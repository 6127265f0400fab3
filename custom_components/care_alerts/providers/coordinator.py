"""The coordinator that every source shares: poll, write down, announce, mark; and what happens when that fails."""

from abc import abstractmethod
import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from traceback import format_tb
from typing import Any, override

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryNotReady, HomeAssistantError
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..alerts.drills import LASTS, drill_of, drills_by_topic, ends_at_of, without_drills
from ..alerts.episodes import Episode
from ..alerts.freshness import Status, Word, judge, measured_delay
from ..alerts.handling import Actor, Case, Snooze, Stretch
from ..alerts.happenings import (
    AcknowledgementUndone,
    AlertAcknowledged,
    AlertEnded,
    AlertReceived,
    Happening,
    Snoozed,
    SourceRecovered,
    SourceSilent,
    Unsnoozed,
)
from ..alerts.ledger import KEPT_FOR
from ..alerts.model import Alert, AlertState, Announcement, Severity, Topic
from ..alerts.picture import PersonPicture, Picture
from ..const import DOMAIN, LOGGER
from .http import LONGEST_WAIT, ApiError, AuthError, LoginEndedError, RateLimitedError, RefusedError
from .journal import Journal

FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=1)
NOT_EARLY = timedelta(seconds=1)
"""Home Assistant's coordinator rounds its timer down to the second: too early for a vendor who said how long to wait."""

TOLD_IN_ONE_GO = 50
"""Tellings before others may have a turn: each wakes entities and automations."""

_RESTED_AT: HassKey[dict[str, datetime]] = HassKey(f"{DOMAIN}_rested_at")
"""Until when sources that are not running just now were looked after, by their entries' ids."""


@dataclass(frozen=True, slots=True)
class AlertsBetween:
    """The alerts of a stretch of time, and the days of it that could not be had (ISO dates)."""

    alerts: list[Alert]
    unavailable: list[str]


type CareAlertsConfigEntry = ConfigEntry[SourceCoordinator]


class SourceCoordinator(DataUpdateCoordinator[Picture]):
    """One source. What it is asked and how its answers are read is the provider's; the rest is here.

    A failed poll leaves the picture standing: what was heard stays true until it is too old to be believed,
    and `freshness` says how old it is. `data` is never None once the journal has been loaded.
    """

    config_entry: CareAlertsConfigEntry
    longest_retry = LONGEST_RETRY
    source: str
    name_of_source: str
    source_device_id: str

    def __init__(self, hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
        """Set up for a config entry; `async_start` does the rest."""
        super().__init__(
            hass, LOGGER, config_entry=entry, name=self.name_of_source, always_update=False
        )
        self.journal = Journal(hass, entry.entry_id)
        self.last_contact: datetime | None = None
        self.failure: Status | None = None
        self.unreadable_records = 0
        """Records of the newest poll that could not be read."""
        self._failures = 0
        self._wait_until: datetime | None = None
        self._announcers: dict[str, Callable[[Announcement], None]] = {}
        self._is_muted: Callable[[str], bool] = lambda person_id: False
        self._tell: Callable[[Happening, Context | None], None] = lambda happening, context: None
        self._remind: Callable[[datetime | None], None] = lambda since: None
        self._may_announce = False
        self._announcing = asyncio.Lock()
        self._is_awake = False
        self._drills: dict[Topic, list[Episode]] = {}
        self._polling = False
        self._saving = 0
        self._cancel_turn: CALLBACK_TYPE | None = None

    # What a provider brings.

    @abstractmethod
    async def _poll(self, now: datetime) -> None:
        """Ask the source for what is new and write it down in the ledger.

        What was received before an error is kept: write down as you go.

        Raises:
            ApiError: it could not be asked, or not for all of it.

        """

    @abstractmethod
    def _next_poll(self, now: datetime) -> datetime:
        """When to ask again after an answer."""

    @abstractmethod
    def _word(self) -> Word | None:
        """How fresh the source's newest word is; None if it never spoke."""

    @abstractmethod
    def _people(self, now: datetime, alerts: Sequence[Alert]) -> dict[str, PersonPicture]:
        """The picture of each person, from all alerts in order. Drills and cases are not the provider's."""

    @abstractmethod
    def _load_state(self, stored: dict[str, Any], now: datetime) -> None:
        """Take up the state that `_state` gave before a restart; empty at first contact.

        Raises:
            AttributeError, LookupError, TypeError, ValueError: it makes no sense.

        """

    @abstractmethod
    def _state(self) -> dict[str, Any]:
        """Where the reading stands, as JSON values."""

    def _was_answered(self) -> bool:
        """Whether the newest poll, if it raised nothing, had any answer at all."""
        return True

    def _trouble(self) -> Status | None:
        """Why the source does not tell all that it should; None if it does."""
        return self.failure

    def _time_tells(self, now: datetime) -> bool:
        """Write down what has become an alert by time alone; False if there was nothing."""
        return False

    def _delay(self) -> timedelta | None:
        """The usual time from when something was observed to when we had it; None if not known yet."""
        return measured_delay(self.journal.ledger.followed_live())

    def counts(self, alert: Alert) -> bool:
        """Whether an alert is one that was raised: what statistics count."""
        return not alert.drill and alert.state in (AlertState.ACTIVE, AlertState.UNKNOWN)

    def unique_id_of(self, person_id: str) -> str:
        """What nobody else in this house has, and what stays the same if the source is removed and added again."""
        return f"{self.source}_{person_id}"

    @property
    def name_of_source_device(self) -> str:
        """What the device of the source is called."""
        return self.config_entry.title

    @classmethod
    async def async_remove(cls, hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
        """Leave nothing of a removed entry behind."""
        await Journal(hass, entry.entry_id).remove()

    @property
    @abstractmethod
    def people_are_chosen(self) -> bool:
        """Whether the user chose whom to follow: nobody else's device is kept."""

    @abstractmethod
    def forget(self, person_id: str) -> bool:
        """Stop following somebody whose device the user removes; False if the source still speaks of them."""

    async def async_alerts_between(self, start: datetime, end: datetime) -> AlertsBetween:
        """The alerts with `start` <= `observed_at` < `end`, in order, and what could not be had of that time."""
        return AlertsBetween(
            [alert for alert in self.journal.ledger.alerts() if start <= alert.observed_at < end],
            [],
        )

    async def async_alerts_of(self, day: date) -> AlertsBetween:
        """The alerts of a calendar day here, as `async_alerts_between`; a provider may have days of its own."""
        start = dt_util.start_of_local_day(day)
        return await self.async_alerts_between(
            dt_util.as_utc(start),
            dt_util.as_utc(dt_util.start_of_local_day(day + timedelta(days=1))),
        )

    # Life.

    async def async_start(self) -> None:
        """Load what was kept and ask the source for the first time.

        A source that does not answer is no reason to show nothing, if it ever did: its entities say since when it is silent.

        Raises:
            ConfigEntryAuthFailed: the login is dead and there is nothing to show.
            ConfigEntryNotReady: no answer and nothing to show.

        """
        try:
            await self.async_config_entry_first_refresh()
        except ConfigEntryNotReady as err:
            if self.data is None or self._word() is None:
                if self.failure is Status.LOGIN_FAILED:
                    raise ConfigEntryAuthFailed(
                        translation_domain=DOMAIN, translation_key="login_failed"
                    ) from err
                raise
            LOGGER.warning(
                "%s does not answer (%s); what it said before is shown until it is too old",
                self.name,
                self.failure,
            )

    @callback
    def async_start_announcing(self) -> None:
        """Announce from now on. Before Home Assistant has started, nobody would hear it: automations sleep."""
        self._may_announce = True
        self.config_entry.async_create_task(self.hass, self._resume(), eager_start=False)

    async def _resume(self) -> None:
        """Tell what there is, then have those who count the minutes look at what went by since we last did."""
        rested_at = self.hass.data.setdefault(_RESTED_AT, {}).pop(self.config_entry.entry_id, None)
        await self._announce_and_save()
        if not self._may_announce:
            return
        self._is_awake = True
        self._remind(rested_at or self.journal.handling.awake_to)

    @override
    async def async_shutdown(self) -> None:
        """Stop for good, once it is on disk what has been told."""
        self._may_announce = False
        async with self._announcing:
            await super().async_shutdown()
        self._stop_turning()
        self._remind(None)
        await self.journal.close()

    @override
    async def _async_setup(self) -> None:
        stored = await self.journal.load()
        self.last_contact = _stored_time(stored.get("last_contact"))
        self._wait_until = _stored_time(stored.get("wait_until"))
        if stored.get("failure") in tuple(Status):
            self.failure = Status(stored["failure"])
        now = dt_util.utcnow()
        if self._wait_until and self._wait_until > now + LONGEST_WAIT:
            # Told by a clock that was ahead.
            self._wait_until = None
        try:
            self._load_state(stored.get("provider", {}), now)
        except AttributeError, LookupError, TypeError, ValueError:
            await self.journal.set_aside(stored)
            self._load_state({}, now)
        self._draw(now)

    async def _save(self) -> None:
        if not self._shutdown_requested:
            await self.journal.save(self._kept)

    def _kept(self) -> dict[str, Any]:
        if self._is_awake:
            self.journal.handling.awake_to = dt_util.utcnow()
        return {
            "last_contact": self.last_contact and self.last_contact.isoformat(),
            "wait_until": self._wait_until and self._wait_until.isoformat(),
            "failure": self.failure,
            "provider": self._state(),
        }

    # Asking.

    @override
    async def _async_update_data(self) -> Picture:
        now = dt_util.utcnow()
        if self._wait_until and now < self._wait_until:
            self.failure = self.failure or Status.RATE_LIMITED
            self.update_interval = self._wait_until - now + NOT_EARLY
            self._draw(now)
            raise self._failed(self.failure)
        unreadable_before, self.unreadable_records = self.unreadable_records, 0
        self._polling = True
        try:
            error = await self._try_poll(now)
            if error is None:
                self._answered(now)
            else:
                self._unanswered(error, now)
            if self.unreadable_records and not unreadable_before:
                LOGGER.warning(
                    "%s record(s) from %s could not be read and were left out",
                    self.unreadable_records,
                    self.name,
                )
            self.journal.ledger.prune(now, counts=self.counts)
            self.journal.handling.prune(now - KEPT_FOR)
            if error or self.journal.ledger.pending():
                await self._save()
            elif not self._shutdown_requested:
                self.journal.save_later(self._kept)
        finally:
            self._polling = False
        # The entities show an alert before anybody is told of it: who is told will look.
        self._draw(now)
        await self._announce_and_save()
        if self.failure is not None:
            LOGGER.debug("%s: %s", self.name, error)
            raise self._failed(self.failure) from error
        return self.data

    async def _try_poll(self, now: datetime) -> ApiError | None:
        try:
            try:
                await self._poll(now)
            except LoginEndedError:
                raise
            except AuthError:
                # It may be a hiccup at the vendor's: only a second 401 ends a login.
                self.unreadable_records = 0
                await self._poll(now)
        except ApiError as err:
            return err
        except Exception as err:  # noqa: BLE001 # whatever is wrong with us must not look like health
            # `failure` may be of the life before; this one has to say it once.
            if not self._failures:
                # Its message may quote what could not be handled: only where and what kind.
                LOGGER.error(
                    "Unexpected %s while asking %s:\n%s",
                    type(err).__name__,
                    self.name,
                    "".join(format_tb(err.__traceback__)),
                )
            return ApiError("unexpected error")
        return None

    def _answered(self, now: datetime) -> None:
        if self._was_answered():
            self.last_contact = now
        self.failure = None
        self._failures = 0
        self._wait_until = None
        self.update_interval = self._next_poll(now) - now
        for flow in self.config_entry.async_get_active_flows(self.hass, {SOURCE_REAUTH}):
            # The login works again: nobody needs to enter it.
            self.hass.config_entries.flow.async_abort(flow["flow_id"])

    def _unanswered(self, error: ApiError, now: datetime) -> None:
        self._failures += 1
        self.failure = _status_of(error)
        wait = min(FIRST_RETRY * 2 ** min(self._failures - 1, 10), self.longest_retry)
        self._wait_until = None
        if error.retry_after:
            self._wait_until = now + error.retry_after
            wait = error.retry_after + NOT_EARLY
        if self.failure is Status.LOGIN_FAILED:
            # Home Assistant would stop polling for good; a login that comes back by itself must be noticed.
            wait = LONGEST_RETRY
            self.config_entry.async_start_reauth(self.hass)
        self.update_interval = wait

    def _failed(self, failure: Status) -> UpdateFailed:
        return UpdateFailed(translation_domain=DOMAIN, translation_key=failure.value)

    async def async_refresh_now(self) -> None:
        """Ask the source because somebody wants to know.

        Raises:
            HomeAssistantError: the source asked us to wait, or did not answer.

        """
        self._check_wait()
        await self.async_refresh()
        if self.failure is not None:
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key=self.failure.value)

    def _check_wait(self) -> None:
        """Ask nothing while the source wants us to wait.

        Raises:
            HomeAssistantError: it does.

        """
        if self._wait_until and self._wait_until > (now := dt_util.utcnow()):
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="asked_to_wait",
                translation_placeholders={
                    "minutes": str(-(-(self._wait_until - now) // timedelta(minutes=1)))
                },
            )

    def _refused(self, error: ApiError) -> HomeAssistantError:
        """What to raise where a person's question was not answered; a wait that came with it is kept."""
        if error.retry_after:
            self._wait_until = dt_util.utcnow() + error.retry_after
        return HomeAssistantError(
            translation_domain=DOMAIN, translation_key=_status_of(error).value
        )

    # Telling.

    @callback
    def async_announce_with(
        self, person_id: str, announcer: Callable[[Announcement], None]
    ) -> CALLBACK_TYPE:
        """Have a person's alerts announced by `announcer`, what waited for it first; returns the way to end that."""
        self._announcers[person_id] = announcer
        self._announce_soon()

        def stop() -> None:
            self._announcers.pop(person_id, None)

        return stop

    @callback
    def async_mute_with(self, is_muted: Callable[[str], bool]) -> None:
        """Say whose alerts nobody wants announced (by person id): they are marked all the same."""
        self._is_muted = is_muted

    @callback
    def async_tell_with(
        self,
        tell: Callable[[Happening, Context | None], None],
        remind: Callable[[datetime | None], None],
    ) -> None:
        """Have the house told by `tell`, on whose account if anybody's, and reminders worked out by `remind`.

        That is called when telling begins, with until when whatever was due had been done (None if that is
        not known), and when it is over.
        """
        self._tell, self._remind = tell, remind

    def _announce_soon(self) -> None:
        """Announce once what is running now is done: an entity being added has no state yet to change from."""
        if self._may_announce:
            self.config_entry.async_create_task(
                self.hass, self._announce_and_save(), eager_start=False
            )

    async def _announce_and_save(self) -> None:
        """Announce, and note it on disk, whatever becomes of who asked for it: a poll is cancelled when a source is unloaded."""
        await asyncio.shield(
            self.config_entry.async_create_task(self.hass, self._announce_and_note())
        )

    async def _announce_and_note(self) -> None:
        async with self._announcing:
            if await self._announce():
                await self._save()

    async def _announce(self) -> bool:
        """Tell what has not been told, in the order it happened, and mark it; False if there was nothing to mark.

        An alert whose announcer is not there yet waits for it, and so does the end of its episode. Who comes
        between must not tell the same: one at a time.
        """
        # What a poll has written down is on disk, and may be announced, once it is done.
        # And what is announced while all is stopping, nobody hears.
        if not self._may_announce or self._polling or self._saving or self.hass.is_stopping:
            return False
        now = dt_util.utcnow()
        handling = self.journal.handling
        is_first = handling.silence_told is None
        untold: list[tuple[datetime, int, Announcement | Case]] = [
            (announcement.alert.observed_at, 0, announcement)
            for announcement in self.journal.ledger.pending()
            if self._is_heard(announcement.alert.person_id)
        ]
        for case in self._ends_untold(now):
            ended_at = case.episode.ended_at or now
            if is_first:
                # What was over before anything was kept of ends is no news.
                handling.mark_end_told(case.topic, ended_at)
            else:
                # After the episode's own alerts, before those that begin the next one.
                is_after_all = case.episode.last_seen.observed_at < ended_at
                untold.append((ended_at, -1 if is_after_all else 1, case))
        untold.sort(key=lambda one: one[:2])
        if not await self._tell_in_turns([what for _, _, what in untold], now):
            return True
        freshness = self.data.freshness
        has_turned = freshness.silent != handling.silence_told
        if has_turned and not is_first:
            told = SourceSilent if freshness.silent else SourceRecovered
            self._tell(told(freshness), None)
        handling.silence_told = freshness.silent
        return bool(untold) or has_turned

    async def _tell_in_turns(self, untold: Sequence[Announcement | Case], now: datetime) -> bool:
        """Tell and mark one after the other, while others have their turns; False if all is stopping."""
        unheard: set[str] = set()
        for count, what in enumerate(untold, 1):
            if isinstance(what, Announcement):
                if self._is_heard(what.alert.person_id):
                    self._announce_alert(what, now)
                else:
                    unheard.add(what.alert.person_id)
            elif what.topic.person_id not in unheard:
                self._tell_end(what, now)
            if count % TOLD_IN_ONE_GO == 0:
                await asyncio.sleep(0)
                if not self._may_announce or self.hass.is_stopping:
                    return False
        return True

    def _tell_end(self, case: Case, now: datetime) -> None:
        ended_at = case.episode.ended_at or now
        if not self.journal.handling.end_is_told(case.topic, ended_at):
            self._tell(AlertEnded(case), None)
            self.journal.handling.mark_end_told(case.topic, ended_at)

    @callback
    def _tell_ends(self, now: datetime) -> None:
        """Tell at once what has ended: who is about to go cannot wait for a turn."""
        if self._may_announce and not self.hass.is_stopping:
            for case in self._ends_untold(now):
                self._tell_end(case, now)

    def _is_heard(self, person_id: str) -> bool:
        return person_id in self._announcers or self._is_muted(person_id)

    def _announce_alert(self, announcement: Announcement, now: datetime) -> None:
        alert = announcement.alert
        if announcer := self._announcers.get(alert.person_id):
            announcer(announcement)
        self.journal.ledger.mark_announced(alert.alert_id)
        topic = Topic.of(alert)
        picture = self.data.people.get(alert.person_id)
        case = picture.cases.get(topic) if picture else None
        if case and not case.episode.holds(alert):
            case = None
        until = self.journal.handling.snoozed_until(
            topic, alert.severity, case.episode if case else None, now
        )
        self._tell(
            AlertReceived(announcement=announcement, case=case, silenced=until is not None), None
        )

    def _ends_untold(self, now: datetime) -> list[Case]:
        """The episodes that the house was told of, but not of their end."""
        handling = self.journal.handling
        all_told = self.journal.ledger.told()
        waiting = {
            announcement.alert.person_id
            for announcement in self.journal.ledger.pending()
            if not self._is_heard(announcement.alert.person_id)
        }
        found: list[Case] = []
        for topic, runs in self._episodes(self.data.people):
            if topic not in all_told or topic.person_id in waiting:
                continue
            for episode in reversed(runs):
                if episode.ended_at is None:
                    continue
                if handling.end_is_told(topic, episode.ended_at):
                    break
                case = handling.case(topic, episode, all_told[topic], now)
                if case.told:
                    found.append(case)
        return found

    # Taking care.

    async def async_acknowledge(
        self, topics: Iterable[Topic], *, by: Actor, note: str | None, context: Context
    ) -> list[Case]:
        """Take the newest episode of each topic; return what has changed by that."""
        now = dt_util.utcnow()
        handling = self.journal.handling
        changed = [
            case.topic
            for case in self._cases_of(topics)
            if handling.acknowledge(case.topic, case.episode, by=by, at=now, note=note)
        ]
        return await self._handled(changed, AlertAcknowledged, context)

    async def async_unacknowledge(
        self, topics: Iterable[Topic], *, by: Actor, context: Context
    ) -> list[Case]:
        """Make the newest episode of each topic nobody's again; return what has changed by that."""
        now = dt_util.utcnow()
        handling = self.journal.handling
        changed = [
            case.topic
            for case in self._cases_of(topics)
            if handling.unacknowledge(case.topic, case.episode, at=now)
        ]
        return await self._handled(changed, lambda case: AcknowledgementUndone(case, by), context)

    async def async_snooze(
        self,
        *,
        topics: Iterable[Topic] = (),
        people: Iterable[str | None] = (),
        until: datetime,
        by: Actor,
        context: Context,
    ) -> list[Snooze]:
        """Keep the open episodes of topics quiet, and what is not severe of people (None: of everybody)."""
        now = dt_util.utcnow()
        snoozes = [
            Snooze(
                topic=case.topic, stretch=Stretch.of(case.episode), by=by, since=now, until=until
            )
            for case in self._cases_of(topics)
            if case.episode.is_open
        ]
        snoozes += [
            Snooze(person_id=person_id, by=by, since=now, until=until) for person_id in people
        ]
        for snooze in snoozes:
            self.journal.handling.snooze(snooze)
        await self._told_of_snoozes([Snoozed(snooze) for snooze in snoozes], context)
        return snoozes

    async def async_unsnooze(
        self,
        *,
        topics: Iterable[Topic] = (),
        people: Iterable[str | None] = (),
        by: Actor,
        context: Context,
    ) -> list[Snooze]:
        """End the snoozes of topics, and all of people (None: all there are); return those ended."""
        now = dt_util.utcnow()
        handling = self.journal.handling
        ended = handling.unsnooze(now, topics=topics)
        for person_id in people:
            ended += handling.unsnooze(now, person_id=person_id)
        await self._told_of_snoozes([Unsnoozed(snooze, by) for snooze in ended], context)
        return ended

    async def async_drill(
        self, topics: Iterable[Topic], *, severity: Severity, lasts: timedelta = LASTS
    ) -> list[Alert]:
        """Send test alerts the whole way that real ones go."""
        now = dt_util.utcnow()
        alerts = [
            drill_of(self.source, topic, severity=severity, now=now, lasts=lasts)
            for topic in topics
        ]
        for alert in alerts:
            self.journal.ledger.write_down(alert, announce=True)
        await self._save()
        self._draw(now)
        await self._announce_and_save()
        return alerts

    @property
    def has_stopped(self) -> bool:
        """Whether it looks after nothing any more."""
        return self._shutdown_requested

    @callback
    def async_rest(self) -> None:
        """Remember that all was done until now: if the source is only reloaded, it goes on from here."""
        if self._is_awake:
            self._is_awake = False
            rested_at = self.hass.data.setdefault(_RESTED_AT, {})
            rested_at[self.config_entry.entry_id] = dt_util.utcnow()

    @callback
    def async_note_rung(self) -> None:
        """Remember that what was due until now has been done."""
        self.config_entry.async_create_task(self.hass, self._save(), eager_start=False)

    def case(self, topic: Topic) -> Case | None:
        """The newest episode of a topic and what has been done about it."""
        picture = self.data.people.get(topic.person_id)
        return picture.cases.get(topic) if picture else None

    def _cases_of(self, topics: Iterable[Topic]) -> list[Case]:
        return [case for topic in topics if (case := self.case(topic))]

    async def _handled(
        self,
        topics: list[Topic],
        happening: Callable[[Case], Happening],
        context: Context,
    ) -> list[Case]:
        if not topics:
            return []
        self._draw(dt_util.utcnow())
        cases = self._cases_of(topics)
        for case in cases:
            self._tell(happening(case), context)
        await self._save()
        return cases

    async def _told_of_snoozes(self, happenings: Sequence[Happening], context: Context) -> None:
        if not happenings:
            return
        self._draw(dt_util.utcnow())
        for happening in happenings:
            self._tell(happening, context)
        await self._save()

    # Showing.

    def _draw(self, now: datetime) -> None:
        """Draw the picture anew, and once more when time alone will change it."""
        freshness = judge(
            now,
            word=self._word(),
            failure=self._trouble(),
            last_contact=self.last_contact,
            delay=self._delay(),
        )
        alerts = self.journal.ledger.alerts()
        self._drills = drills_by_topic(alerts, now)
        people = self._people(now, without_drills(alerts) if self._drills else alerts)
        cases = self._cases(people, now)
        self.data = Picture(
            people={
                person_id: replace(picture, cases=cases.get(person_id, {}))
                for person_id, picture in people.items()
            },
            freshness=freshness,
        )
        self._stop_turning()
        turns = [
            self.data.changes_at,
            self.journal.handling.changes_at(now),
            *(ends_at_of(runs[-1].opened) for runs in self._drills.values() if runs[-1].is_open),
        ]
        turn_at = min((turn for turn in turns if turn), default=None)
        if turn_at and not self._shutdown_requested:
            self._cancel_turn = async_track_point_in_utc_time(self.hass, self._turn, turn_at)
        # Home Assistant tells its listeners of the first failure only; entities write only what changed.
        self.async_update_listeners()

    def _episodes(
        self, people: Mapping[str, PersonPicture]
    ) -> Iterator[tuple[Topic, Sequence[Episode]]]:
        """All episodes there are of each topic, oldest first."""
        for person_id, picture in people.items():
            for alert_type, condition in picture.conditions.items():
                if condition.episode:
                    topic = Topic(person_id, alert_type)
                    yield topic, (*condition.earlier, condition.episode)
        for topic, runs in self._drills.items():
            if topic.person_id in people:
                yield topic, runs

    def _cases(
        self, people: Mapping[str, PersonPicture], now: datetime
    ) -> dict[str, dict[Topic, Case]]:
        told = self.journal.ledger.told()
        cases: dict[str, dict[Topic, Case]] = {}
        for topic, runs in self._episodes(people):
            cases.setdefault(topic.person_id, {})[topic] = self.journal.handling.case(
                topic, runs[-1], told.get(topic, ()), now
            )
        return cases

    @callback
    def _turn(self, now: datetime) -> None:
        self._cancel_turn = None
        now = dt_util.utcnow()
        told = self._time_tells(now)
        self._draw(now)
        # What is polling will save and announce it.
        if told and not self._polling:
            self.config_entry.async_create_task(self.hass, self._save_and_announce())
        else:
            self._announce_soon()

    async def _save_and_announce(self) -> None:
        """Announce what was written down beside a poll, once it is on disk."""
        self._saving += 1
        try:
            await self._save()
        finally:
            self._saving -= 1
        await self._announce_and_save()

    @callback
    def _stop_turning(self) -> None:
        if self._cancel_turn:
            self._cancel_turn()
            self._cancel_turn = None


def _status_of(error: ApiError) -> Status:
    match error:
        case AuthError():
            return Status.LOGIN_FAILED
        case RateLimitedError():
            return Status.RATE_LIMITED
        case RefusedError(status=403):
            return Status.PERMISSION_LOST
        case _:
            return Status.UNREACHABLE


def _stored_time(stored: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(stored)
    except TypeError, ValueError:
        return None
    return moment if moment.tzinfo else None
