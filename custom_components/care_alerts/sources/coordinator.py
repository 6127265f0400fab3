"""The coordinator that every source shares: poll, write down, announce, mark; and what happens when that fails."""

from abc import abstractmethod
import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from traceback import format_tb
from typing import Any, override

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryNotReady, HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util

from ..alerts.alert import Alert, AlertState
from ..alerts.freshness import DataFreshness, Status, evaluate, measured_delay
from ..alerts.ledger import KEPT_FOR
from ..alerts.reconcile import episode_of, with_episodes
from ..alerts.response_log import Episode
from ..alerts.snapshot import PersonSnapshot, SourceSnapshot
from ..alerts.stored import clamped, moment_or_none
from ..alerts.testing import test_alerts_by_key, without_test_alerts
from ..const import DOMAIN, LOGGER
from .announcer import Announcer
from .care import Care
from .http import (
    LONGEST_WAIT,
    ApiError,
    AuthError,
    LoginEndedError,
    RateLimitedError,
    RefusedError,
    wait_after,
)
from .settings import SettingsKeeper
from .store import SourceStore

LONGEST_RETRY = timedelta(hours=1)
SHORTEST_WAIT = timedelta(seconds=1)
NOT_EARLY = timedelta(seconds=1)
"""Home Assistant's coordinator rounds its timer down to the second: too early for a vendor who said how long to wait."""


@dataclass(frozen=True, slots=True)
class AlertsBetween:
    """The alerts of a stretch of time, and the days of it that could not be had (ISO dates)."""

    alerts: list[Alert]
    unavailable: list[str]


type CareAlertsConfigEntry = ConfigEntry[SourceCoordinator]


class SourceCoordinator(DataUpdateCoordinator[SourceSnapshot]):
    """One source. What it is asked and how its answers are read is the provider's; the rest is here.

    A failed poll leaves the picture standing: what was heard stays true until it is too old to be believed,
    and `freshness` says how old it is. `data` is never None once the journal has been loaded.
    """

    config_entry: CareAlertsConfigEntry
    longest_retry = LONGEST_RETRY
    reacknowledge_after_gap: timedelta | None = None
    """A severe alert so long after the newest that somebody acknowledged is one to wake people for, though the episode goes on."""
    acknowledgement_expires_after: timedelta | None = None
    """What is severe and still goes on so long after somebody acknowledged it is nobody's again."""
    source: str
    name_of_source: str
    source_device_id: str
    settings_keeper: SettingsKeeper | None = None
    """Whom to ask about people's settings at the source; None where it has none."""

    def __init__(self, hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
        """Set up for a config entry; `async_start` does the rest."""
        super().__init__(
            hass, LOGGER, config_entry=entry, name=self.name_of_source, always_update=False
        )
        self.store = SourceStore(hass, entry.entry_id)
        self.last_contact: datetime | None = None
        self.failure: Status | None = None
        self.unreadable_records = 0
        """Records of the newest poll that could not be read."""
        self._failures = 0
        self._wait_until: datetime | None = None
        self._polling = False
        self._rebuilt_from: object = None
        self._cancel_timer: CALLBACK_TYPE | None = None
        self.announcer = Announcer(
            hass,
            entry,
            self.store,
            snapshot=self._snapshot,
            is_asking=lambda: self._polling,
            save=self._save,
        )
        self.care = Care(
            self.source,
            self.store,
            self.announcer,
            snapshot=self._snapshot,
            draw=self._rebuild,
            save=self._save,
            announce_now=self._announce_now,
            reacknowledge_after_gap=self.reacknowledge_after_gap,
            acknowledgement_expires_after=self.acknowledgement_expires_after,
        )

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
    def _data_freshness(self) -> DataFreshness | None:
        """How fresh the source's newest word is; None if it never spoke."""

    @abstractmethod
    def _people(self, now: datetime, alerts: Sequence[Alert]) -> dict[str, PersonSnapshot]:
        """The picture of each person, from all alerts in order. Drills, and what is done about episodes, are not the provider's."""

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

    def _evaluate_due(self, now: datetime) -> None:
        """Write down what has become an alert by time alone."""

    def _delay(self) -> timedelta | None:
        """The usual time from when something was observed to when we had it; None if not known yet."""
        return measured_delay(self.store.ledger.excluding_backfill())

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
        await SourceStore(hass, entry.entry_id).remove()
        ours = [
            issue_id
            for domain, issue_id in ir.async_get(hass).issues
            if domain == DOMAIN and entry.entry_id in issue_id
        ]
        for issue_id in ours:
            ir.async_delete_issue(hass, DOMAIN, issue_id)

    @property
    def people_are_chosen(self) -> bool:
        """Whether the user chose whom to follow: nobody else's device is kept."""
        return False

    def forget(self, person_id: str) -> bool:
        """Stop following somebody whose device the user removes; False if the source still speaks of them."""
        return False

    def episode_of(self, alert: Alert, now: datetime) -> Episode | None:
        """The episode that an alert belongs to; None where it belongs to none."""
        return episode_of(alert, self._snapshot(), self.store.ledger, self.store.responses, now)

    async def async_alerts_between(self, start: datetime, end: datetime) -> AlertsBetween:
        """The alerts with `start` <= `observed_at` < `end`, in order, and what could not be had of that time."""
        return AlertsBetween(
            [alert for alert in self.store.ledger.alerts() if start <= alert.observed_at < end],
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
            if self.data is None or self._data_freshness() is None:
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
        self.announcer.rest()

    @override
    async def async_shutdown(self) -> None:
        """Stop for good, once it is on disk what has been told."""
        await self.announcer.stop()
        await super().async_shutdown()
        self.announcer.end()
        self._cancel_deadline()
        await self.store.close()

    @property
    def has_stopped(self) -> bool:
        """Whether it looks after nothing any more."""
        return self._shutdown_requested

    @override
    async def _async_setup(self) -> None:
        stored = await self.store.load()
        now = dt_util.utcnow()
        self.last_contact = clamped(moment_or_none(stored.get("last_contact")), now)
        self._wait_until = moment_or_none(stored.get("wait_until"))
        if stored.get("failure") in tuple(Status):
            self.failure = Status(stored["failure"])
        if self._wait_until and self._wait_until > now + LONGEST_WAIT:
            self._wait_until = None
        try:
            self._load_state(stored.get("provider", {}), now)
        except AttributeError, LookupError, TypeError, ValueError:
            await self.store.set_aside(stored)
            self._load_state({}, now)
        self._rebuild(now)

    async def _save(self, *, release: Iterable[str] = ()) -> None:
        await self.store.save(self._kept, release=release)

    def _kept(self) -> dict[str, Any]:
        if self.announcer.is_awake:
            self.store.responses.reminders_done_until = dt_util.utcnow()
        return {
            "last_contact": self.last_contact and self.last_contact.isoformat(),
            "wait_until": self._wait_until and self._wait_until.isoformat(),
            "failure": self.failure,
            "provider": self._state(),
        }

    # Asking.

    @override
    async def _async_update_data(self) -> SourceSnapshot:
        now = dt_util.utcnow()
        if self._wait_until and now < self._wait_until:
            self.failure = self.failure or Status.RATE_LIMITED
            self.update_interval = self._wait_until - now + NOT_EARLY
            self._rebuild(now)
            raise self._failed(self.failure)
        unreadable_before, self.unreadable_records = self.unreadable_records, 0
        self._polling = True
        try:
            error = await self._try_poll(now)
            if error is None:
                self._poll_succeeded(now)
            else:
                self._poll_failed(error, now)
            if self.unreadable_records and not unreadable_before:
                LOGGER.warning(
                    "%s record(s) from %s could not be read and were left out",
                    self.unreadable_records,
                    self.name,
                )
            self.store.ledger.prune(now, counts=self.counts)
            self.store.responses.prune(now - KEPT_FOR)
            held = self.store.ledger.held()
            if error or held:
                await self._save(release=held)
            else:
                self.store.save_later(self._kept)
        finally:
            self._polling = False
        try:
            self._rebuild(now)
        finally:
            await self.announcer.now()
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

    def _poll_succeeded(self, now: datetime) -> None:
        if self._was_answered():
            self.last_contact = now
        self.failure = None
        self._failures = 0
        self._wait_until = None
        # It may have taken long: what is due next does not wait for as long again.
        done = dt_util.utcnow()
        self.update_interval = self._next_poll(done) - done
        for flow in self.config_entry.async_get_active_flows(self.hass, {SOURCE_REAUTH}):
            # The login works again: nobody needs to enter it.
            self.hass.config_entries.flow.async_abort(flow["flow_id"])

    def _poll_failed(self, error: ApiError, now: datetime) -> None:
        self._failures += 1
        self.failure = _status_of(error)
        longest = self.longest_retry
        if self.failure is Status.LOGIN_FAILED:
            # Home Assistant would stop polling for good; a login that comes back by itself must be noticed. Soon,
            # if it may have been a hiccup; but no vendor likes a wrong password every few minutes.
            longest = LONGEST_RETRY
            self.config_entry.async_start_reauth(self.hass)
        is_over = isinstance(error, LoginEndedError)
        self.update_interval = longest if is_over else wait_after(self._failures, longest)
        self._wait_until = None
        if error.retry_after:
            self._wait_until = now + error.retry_after
            self.update_interval = error.retry_after + NOT_EARLY

    def _failed(self, failure: Status) -> UpdateFailed:
        return UpdateFailed(translation_domain=DOMAIN, translation_key=failure.value)

    async def async_refresh_now(self) -> None:
        """Ask the source because somebody wants to know.

        Raises:
            HomeAssistantError: the source asked us to wait, or did not answer.

        """
        self._check_wait()
        # Whoever wants to know may be stopped meanwhile: what was heard is to be told all the same.
        await asyncio.shield(self.hass.async_create_task(self.async_refresh()))
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

    # Showing.

    def _snapshot(self) -> SourceSnapshot:
        """The picture with all that is written down: the entities show an alert before anybody is told of it."""
        if self.store.ledger.alerts() is not self._rebuilt_from:
            self._rebuild()
        return self.data

    def _rebuild(self, now: datetime | None = None) -> None:
        """Draw the picture anew, and once more when time alone will change it."""
        now = now or dt_util.utcnow()
        freshness = evaluate(
            now,
            data_freshness=self._data_freshness(),
            failure=self._trouble(),
            last_contact=self.last_contact,
            delay=self._delay(),
        )
        alerts = self._rebuilt_from = self.store.ledger.alerts()
        drills = test_alerts_by_key(alerts, now)
        people = self._people(now, without_test_alerts(alerts) if drills else alerts)
        snapshot = SourceSnapshot(people=people, freshness=freshness, drills=drills)
        self.data = with_episodes(snapshot, self.store.ledger, self.store.responses, now)
        self._cancel_deadline()
        deadlines = (self.data.changes_at, self.store.responses.changes_at(now))
        deadline = min((deadline for deadline in deadlines if deadline), default=None)
        if deadline and not self._shutdown_requested:
            # Whatever is wrong with a time, the house goes on between two drawings.
            deadline = max(deadline, now + SHORTEST_WAIT)
            self._cancel_timer = async_track_point_in_utc_time(
                self.hass, self._on_deadline, deadline
            )
        # Home Assistant tells its listeners of the first failure only; entities write only what changed.
        self.async_update_listeners()

    @callback
    def _on_deadline(self, now: datetime) -> None:
        self._cancel_timer = None
        now = dt_util.utcnow()
        with self._announcing_at_once():
            self._evaluate_due(now)
            self._rebuild(now)
        self.announcer.soon()

    @contextmanager
    def _announcing_at_once(self) -> Iterator[None]:
        """Announce what is written down within as soon as it is on disk, also beside a poll that hangs."""
        before = self.store.ledger.held()
        try:
            yield
        finally:
            if release := self.store.ledger.held() - before:
                self.config_entry.async_create_task(self.hass, self._save_and_announce(release))

    async def _save_and_announce(self, release: Iterable[str]) -> None:
        await self._save(release=release)
        await self.announcer.now()

    async def _announce_now(self, release: Iterable[str]) -> None:
        """The same, whatever becomes of who wrote it down."""
        await asyncio.shield(
            self.config_entry.async_create_task(self.hass, self._save_and_announce(release))
        )

    @callback
    def _cancel_deadline(self) -> None:
        if self._cancel_timer:
            self._cancel_timer()
            self._cancel_timer = None


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
