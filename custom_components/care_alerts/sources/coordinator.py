"""The one coordinator: it polls a source, keeps what comes, has it announced, and shows it; and what happens when that fails."""

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, final, override

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryNotReady, HomeAssistantError
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util

from ..alerts.alert import Alert, AlertState
from ..alerts.freshness import Status
from ..alerts.ledger import KEPT_FOR, Ledger
from ..alerts.readings import GlucoseLogs
from ..alerts.reconcile import episode_of, with_episodes
from ..alerts.response_log import Episode
from ..alerts.snapshot import SourceSnapshot
from ..alerts.stored import clamped, moment_or_none
from ..alerts.testing import test_alerts_by_key, without_test_alerts
from ..const import DOMAIN, LOGGER
from .announcer import Announcer
from .backoff import NOT_EARLY, Backoff
from .care import Care
from .errors import errors_for_users, log_unexpected, without_frames
from .http import ApiError, AskedToWaitError, AuthError, LoginEndedError
from .issues import Repairs
from .source import Host
from .source_type import SourceType
from .store import ReadingStore, SourceStore

SHORTEST_DEADLINE: Final = timedelta(seconds=1)
"""Whatever is wrong with a time, the house goes on between two rebuilds."""

CLOCK_WAS_SET: Final = timedelta(minutes=5)
"""By so much or more. Ours: a time server moves a clock that runs by less, and what is due is so much late at most."""

type CareAlertsConfigEntry = ConfigEntry[SourceCoordinator]


@final
class SourceCoordinator(DataUpdateCoordinator[SourceSnapshot], Host):
    """One source in the house: the `Source` says what to ask and what the answers mean, all else is here.

    A failed poll leaves the snapshot standing: what was heard stays true until it is too old to be believed,
    and the freshness says how old it is. `data` is never None once the store has been loaded.
    """

    config_entry: CareAlertsConfigEntry
    source_device_id: str

    def __init__(
        self, hass: HomeAssistant, entry: CareAlertsConfigEntry, source_type: SourceType
    ) -> None:
        """Set up for a config entry; `async_start` does the rest."""
        # First: an entry whose address was changed to one that nothing is sent to leaves nothing to be shut down.
        self.source = source_type.create(hass, entry, self)
        super().__init__(
            hass, LOGGER, config_entry=entry, name=source_type.name, always_update=False
        )
        self.source_type = source_type
        self.store = SourceStore(hass, entry.entry_id)
        self._reading_store = ReadingStore(hass, entry.entry_id)
        self.last_contact: datetime | None = None
        self.backoff = Backoff(longest=source_type.longest_retry)
        self.unreadable_records = 0
        """Records of the newest poll that could not be read."""
        self.is_polling = False
        self._asks_everything = False
        self._began: datetime | None = None
        """When the loop's time began, by our clock: it is set when that changes."""
        self._rebuilt_from: object = None
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._repairs = Repairs(hass, entry, source_type.repairs)
        self.announcer = Announcer(hass, entry, self)
        self.care = Care(self)

    # What the house asks.

    @property
    def failure(self) -> Status | None:
        """Why the source did not answer when it was last asked; None if it did."""
        return self.backoff.failure

    def counts(self, alert: Alert) -> bool:
        """Whether an alert is one that was raised: what statistics count."""
        return (
            not alert.drill
            and alert.state in (AlertState.ACTIVE, AlertState.UNKNOWN)
            and alert.severity.rank >= self.source.counts_from.rank
        )

    def forget(self, person_id: str) -> bool:
        """Stop following somebody whose device the user removes; False if the source still speaks of them."""
        if not self.source.can_forget(person_id):
            return False
        self._let_go([person_id])
        self.source.forget(person_id)
        self.rebuild()
        self.config_entry.async_create_task(self.hass, self.save())
        return True

    def episode_of(self, alert: Alert, now: datetime) -> Episode | None:
        """The episode that an alert belongs to; None where it belongs to none."""
        return episode_of(alert, self.snapshot(), self.store.ledger, self.store.responses, now)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Ask the source something for a person, who is told what became of it.

        Raises:
            ServiceValidationError: what they asked for cannot be.
            HomeAssistantError: the source wants us to wait, did not answer, or did not do it.

        """
        with errors_for_users():
            try:
                yield
            except ApiError as err:
                self.wait_as_told(err)
                raise

    async def async_refresh_now(self) -> None:
        """Ask the source because somebody wants to know.

        Raises:
            HomeAssistantError: the source asked us to wait, or did not answer.

        """
        with errors_for_users():
            self.check_wait()
        self._asks_everything = True
        # Whoever wants to know may be stopped meanwhile: what was heard is to be told all the same.
        await asyncio.shield(self.hass.async_create_task(self.async_refresh()))
        if self.failure is not None:
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key=self.failure.value)

    # What the source asks: its `Host`.

    @property
    @override
    def ledger(self) -> Ledger:
        return self.store.ledger

    @property
    @override
    def readings(self) -> GlucoseLogs:
        return self._reading_store.logs

    @property
    @override
    def title(self) -> str:
        return self.config_entry.title

    @property
    @override
    def country(self) -> str | None:
        return self.hass.config.country

    @override
    def now(self) -> datetime:
        return dt_util.utcnow()

    @override
    def left_out(self, unreadable: int) -> None:
        self.unreadable_records += unreadable

    @override
    def start(self, asking: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self.config_entry.async_create_task(self.hass, asking)

    @callback
    @override
    def changed(self, *, write: bool = False) -> None:
        self.rebuild()
        self._announce_held(self.ledger.held())
        if write:
            self.announcer.soon()
            self.store.save_later(self._state)

    @callback
    @override
    def ask_soon(self) -> None:
        self.config_entry.async_create_task(
            self.hass, self.async_request_refresh(), eager_start=False
        )

    @override
    def check_wait(self) -> None:
        self.backoff.check(dt_util.utcnow())

    @override
    def wait_as_told(self, error: ApiError) -> None:
        if not isinstance(error, AskedToWaitError):
            self.backoff.keep_wait(error, dt_util.utcnow())

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
            if self.data is None or self.source.data_freshness() is None:
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
    def async_rest(self) -> None:
        """Get ready to stop, while whoever listens still does."""
        self._let_go(self.source.leaving(self.config_entry.options))
        self.announcer.rest()

    @callback
    def _let_go(self, people: Collection[str]) -> None:
        """Announce the end of what is open of people who are about to go."""
        if people:
            now = dt_util.utcnow()
            self.source.let_go(people, now)
            self.rebuild(now)
            self.announcer.announce_ends(now)

    @override
    async def async_shutdown(self) -> None:
        """Stop for good, once it is on disk what has been announced."""
        await self.announcer.stop()
        await super().async_shutdown()
        self.announcer.end()
        self._cancel_deadline()
        await self.store.close()
        await self._reading_store.close()
        await self.source.close()

    @property
    def has_stopped(self) -> bool:
        """Whether it looks after nothing any more."""
        return self._shutdown_requested

    @override
    async def _async_setup(self) -> None:
        stored = await self.store.load()
        now = dt_util.utcnow()
        await self._reading_store.load(now)
        self.last_contact = clamped(moment_or_none(stored.get("last_contact")), now)
        self.backoff.load(stored, now)
        try:
            self.source.load(stored.get("provider", {}), now)
        except AttributeError, LookupError, TypeError, ValueError:
            await self.store.set_aside(stored)
            self.source.load({}, now)
        self.rebuild(now)

    async def save(self, *, release: Iterable[str] = ()) -> None:
        """Write all that is kept; the alerts to `release` may be announced from then on."""
        await self.store.save(self._state, release=release)

    def _state(self) -> dict[str, Any]:
        if self.announcer.is_awake:
            self.store.responses.reminders_done_until = dt_util.utcnow()
        return {
            "last_contact": self.last_contact and self.last_contact.isoformat(),
            **self.backoff.dump(),
            "provider": self.source.dump(),
        }

    # Asking.

    @override
    async def _async_update_data(self) -> SourceSnapshot:
        now = dt_util.utcnow()
        if self._clock_was_set(now):
            # What is due when was noted by another clock. What is loaded is believed no further than now.
            self.source.clock_was_set()
            self.store.save_later(self._state)
            self.hass.config_entries.async_schedule_reload(self.config_entry.entry_id)
            return self.data
        if wait := self.backoff.waits(now):
            failure = self.backoff.failure = self.backoff.failure or Status.RATE_LIMITED
            self.update_interval = wait + NOT_EARLY
            self.rebuild(now)
            raise _failed(failure)
        unreadable_before, self.unreadable_records = self.unreadable_records, 0
        self.is_polling = True
        try:
            error = await self._poll(now)
            if self.unreadable_records and not unreadable_before:
                LOGGER.warning(
                    "%s record(s) from %s could not be read and were left out",
                    self.unreadable_records,
                    self.name,
                )
            elif unreadable_before and not self.unreadable_records and not error:
                LOGGER.info("All records from %s can be read again", self.name)
            self.ledger.prune(now, counts=self.counts)
            self.store.responses.prune(now - KEPT_FOR)
            held = self.ledger.held()
            if error or held:
                await self.save(release=held)
            else:
                self.store.save_later(self._state)
        finally:
            self.is_polling = False
        try:
            self.rebuild(now)
        finally:
            await self.announcer.now()
        if self.failure is not None:
            LOGGER.debug("%s: %s", self.name, error)
            raise _failed(self.failure) from error
        return self.data

    def _clock_was_set(self, now: datetime) -> bool:
        """Whether our clock has not gone on as time has since we last looked."""
        began, self._began = self._began, now - timedelta(seconds=self.hass.loop.time())
        return began is not None and abs(self._began - began) >= CLOCK_WAS_SET

    async def _poll(self, now: datetime) -> ApiError | None:
        """Poll, and keep what became of it; return why there was no answer, if there was none."""
        everything, self._asks_everything = self._asks_everything, False
        try:
            try:
                has_answer = await self.source.poll(now, everything=everything)
            except LoginEndedError:
                raise
            except AuthError:
                # It may be a hiccup at the vendor's: only a second 401 ends a login.
                self.unreadable_records = 0
                has_answer = await self.source.poll(now, everything=everything)
        except ApiError as err:
            error = without_frames(err)
        except Exception as err:  # noqa: BLE001 # whatever is wrong with us must not look like health
            # `failure` may be of the life before; this one has to say it once.
            if not self.backoff.failures:
                log_unexpected(err, self.name)
            error = ApiError("unexpected error")
        else:
            self._poll_succeeded(now, has_answer=has_answer)
            return None
        self.update_interval = self.backoff.failed(error, now)
        if self.failure is Status.LOGIN_FAILED:
            self.config_entry.async_start_reauth(self.hass)
        return error

    def _poll_succeeded(self, now: datetime, *, has_answer: bool) -> None:
        if has_answer:
            self.last_contact = now
        self.backoff.succeeded()
        # It may have taken long: what is due next does not wait for as long again.
        done = dt_util.utcnow()
        self.update_interval = max(self.source.next_poll(done) - done, NOT_EARLY)
        for flow in self.config_entry.async_get_active_flows(self.hass, {SOURCE_REAUTH}):
            # The login works again: nobody needs to enter it.
            self.hass.config_entries.flow.async_abort(flow["flow_id"])

    # Showing.

    def snapshot(self) -> SourceSnapshot:
        """The snapshot with all that is in the ledger: the entities show an alert before anybody is told of it."""
        if self.ledger.alerts() is not self._rebuilt_from:
            self.rebuild()
        return self.data

    @callback
    def rebuild(self, now: datetime | None = None) -> None:
        """Build the snapshot anew, and once more when time alone will change it."""
        now = now or dt_util.utcnow()
        alerts = self._rebuilt_from = self.ledger.alerts()
        drills = test_alerts_by_key(alerts, now)
        snapshot = SourceSnapshot.of(
            self.source.people(now, without_test_alerts(alerts) if drills else alerts),
            drills,
            self.source.data_freshness(),
            now,
            failure=self.failure,
            last_contact=self.last_contact,
        )
        self.data = with_episodes(snapshot, self.ledger, self.store.responses, now)
        self._repairs.show(self.source.repairs())
        self._cancel_deadline()
        deadlines = (self.data.changes_at, self.store.responses.changes_at(now))
        deadline = min((deadline for deadline in deadlines if deadline), default=None)
        if deadline and not self._shutdown_requested:
            self._cancel_timer = async_track_point_in_utc_time(
                self.hass, self._on_deadline, max(deadline, now + SHORTEST_DEADLINE)
            )
        self._reading_store.save_later()
        # Home Assistant tells its listeners of the first failure only; entities write only what changed.
        self.async_update_listeners()

    @callback
    def _on_deadline(self, now: datetime) -> None:
        self._cancel_timer = None
        now = dt_util.utcnow()
        before = self.ledger.held()
        self.source.evaluate_due(now)
        self.rebuild(now)
        self._announce_held(self.ledger.held() - before)
        self.announcer.soon()

    @callback
    def _announce_held(self, alert_ids: Collection[str]) -> None:
        """Announce alerts as soon as they are on disk, also beside a poll that hangs."""
        if alert_ids:
            self.config_entry.async_create_task(self.hass, self._save_and_announce(alert_ids))

    async def announce_now(self, alert_ids: Iterable[str]) -> None:
        """Write and announce alerts, whatever becomes of who asked for it."""
        await asyncio.shield(
            self.config_entry.async_create_task(self.hass, self._save_and_announce(alert_ids))
        )

    async def _save_and_announce(self, alert_ids: Iterable[str]) -> None:
        await self.save(release=alert_ids)
        await self.announcer.now()

    @callback
    def _cancel_deadline(self) -> None:
        if self._cancel_timer:
            self._cancel_timer()
            self._cancel_timer = None


def _failed(failure: Status) -> UpdateFailed:
    return UpdateFailed(translation_domain=DOMAIN, translation_key=failure.value)
