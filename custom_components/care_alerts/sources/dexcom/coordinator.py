"""Dexcom, polled: which windows to ask for, and what comes of them."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from ...alerts.alert import Alert, Person
from ...alerts.freshness import DataFreshness, usual_delay
from ...alerts.glucose import Glucose
from ...alerts.ledger import KEPT_FOR
from ...alerts.snapshot import PersonSnapshot
from ...alerts.stored import Stored, clamped
from ...const import DOMAIN, LOGGER
from ..coordinator import CareAlertsConfigEntry, SourceCoordinator
from ..http import ApiError, AuthError, RateLimitedError, RefusedError
from ..issues import create_issue
from .api import LONGEST_WINDOW, DexcomAlert, DexcomClient, Egv, MadeFor, windows
from .devices import add
from .mapping import (
    HOLD_TIME,
    SOURCE,
    VALUE_BEFORE,
    Values,
    alert_of,
    data_freshness,
    episodes_of,
    glucose_of,
    is_active,
    is_one_plus,
    snapshot_of,
)
from .oauth import APP_REFUSED, CONF_REGION, Tokens, host_of

CONF_HOLD_TIME: Final = "hold_time"

REGIONAL_DELAY: Final = {"us": timedelta(hours=1)}
"""From phone to API (vendor: 1 hour in the US, 3 hours elsewhere)."""

ELSEWHERE: Final = timedelta(hours=3)

POLLS_PER_DELAY: Final = 4
SHORTEST_INTERVAL: Final = timedelta(minutes=10)
LONGEST_INTERVAL: Final = timedelta(minutes=30)

OVERLAP: Final = timedelta(hours=48)
"""Asked again: phones upload late."""

LOOK_BACK_EVERY: Final = timedelta(days=1)
"""Some upload later than that: once a day the longest window is asked for."""

LATEST: Final = timedelta(days=28)
"""So late it may be: after an absence, what might have come since the last look back is looked for, too."""

DEVICES_EVERY: Final = timedelta(days=1)

SAMPLES: Final = 96
"""How many of the newest samples tell a wearer's usual delay: a day's."""

SAMPLES_NEEDED: Final = 4

NEVER: Final = datetime.min.replace(tzinfo=UTC)

_AT_A_TIME: Final = 500
"""Alerts read before others may have a turn."""


@dataclass(slots=True, kw_only=True)
class _State(Stored):
    """Where the reading of Dexcom stands. All times are systemTimes, or ours if they say so."""

    followed_since: datetime | None = None
    """When (ours) the alerts of before had been read."""
    alerts_to: datetime | None = None
    """How far the data reached when the alerts were last read."""
    data_through: datetime | None = None
    looked_back_at: datetime | None = None
    devices_asked_at: datetime | None = None
    glucose: Glucose | None = None
    one_plus: bool = False
    delays: list[float] = field(default_factory=list)
    """Seconds from glucose values to us, newest last."""

    def not_after(self, now: datetime) -> None:
        """Take nothing for known that a clock which was ahead has noted.

        Raises:
            TypeError: a time without a zone.

        """
        self.followed_since = clamped(self.followed_since, now)
        self.alerts_to = clamped(self.alerts_to, now)
        self.data_through = clamped(self.data_through, now)
        self.looked_back_at = clamped(self.looked_back_at, now)
        self.devices_asked_at = clamped(self.devices_asked_at, now)
        if self.glucose and self.glucose.observed_at > now:
            self.glucose = None


class DexcomCoordinator(SourceCoordinator):
    """The alerts of a wearer's CGM, asked for a few times within the delay that Dexcom has anyway."""

    source = SOURCE
    name_of_source = "Dexcom"
    # The app itself repeats an urgent low after that; and it may be a new one, of which no end was heard.
    reacknowledge_after_gap = timedelta(minutes=30)

    def __init__(self, hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
        """Set up for a config entry with `region` and the data of Home Assistant's OAuth2."""
        super().__init__(hass, entry)
        self._tokens = Tokens(hass, entry)
        region = entry.data[CONF_REGION]
        self._client = DexcomClient(
            async_get_clientsession(hass),
            host_of(region),
            self._tokens.access_token,
            self._tokens.renewed_token,
        )
        self._regional_delay = REGIONAL_DELAY.get(region, ELSEWHERE)
        minutes = entry.options.get(CONF_HOLD_TIME)
        self._hold = HOLD_TIME if minutes is None else timedelta(minutes=minutes)
        # The wearer's account, as this app knows it.
        self._person_id = entry.unique_id or entry.entry_id
        self._reading = _State()

    @property
    def _usual(self) -> timedelta:
        """The wearer's own delay, the region's until it is known."""
        own = self._delay()
        return self._regional_delay if own is None else own

    # What the shell asks.

    @property
    @override
    def name_of_source_device(self) -> str:
        title = self.config_entry.title
        return "Dexcom cloud" if title == self.name_of_source else f"Dexcom cloud {title}"

    @classmethod
    @override
    async def async_remove(cls, hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
        await Tokens.forget(hass, entry)
        await super().async_remove(hass, entry)

    @override
    async def async_shutdown(self) -> None:
        await super().async_shutdown()
        await self._tokens.settle()

    # Asking.

    @override
    async def _poll(self, now: datetime) -> None:
        reading = self._reading
        new, failure = await self._new_alerts(now)
        has_all = failure is None
        egvs: list[Egv] = []
        if new or has_all:
            # An alert is worth telling without its glucose value.
            try:
                egvs = await self._egvs_for(new, now)
            except AuthError as err:
                # The alerts were had with this login. If it is over since then, they will tell.
                failure = failure or RefusedError(401, err.code)
            except ApiError as err:
                failure = failure or err
        await self._write_down(new, Values(egvs), now)
        if has_all:
            reading.followed_since = reading.followed_since or now
        if failure:
            raise failure
        reading.alerts_to = reading.data_through
        if not self._take_up(Values(egvs).newest(now), now):
            await self._ask_how_far(now)
        if reading.devices_asked_at is None or now - reading.devices_asked_at >= DEVICES_EVERY:
            await self._ask_what_is_worn(now)

    async def _new_alerts(self, now: datetime) -> tuple[list[DexcomAlert], ApiError | None]:
        """The alerts not written down yet, oldest first, and the error that kept us from having all of them."""
        reading = self._reading
        start = (reading.alerts_to or now) - OVERLAP
        looks_back = (
            reading.looked_back_at is None or now - reading.looked_back_at >= LOOK_BACK_EVERY
        )
        if looks_back:
            start = min(start, now - LONGEST_WINDOW, (reading.looked_back_at or now) - LATEST)
        new: dict[str, DexcomAlert] = {}
        failure: ApiError | None = None
        for begin, end in windows(max(start, now - KEPT_FOR), now):
            try:
                answer = await self._client.alerts(begin, end, known=self.store.ledger)
            except ApiError as err:
                failure = err
                break
            self.unreadable_records += answer.unreadable
            for alert in answer.records:
                new.setdefault(alert.record_id, alert)
        if looks_back and failure is None:
            reading.looked_back_at = now
        return sorted(new.values(), key=attrgetter("system_time")), failure

    async def _egvs_for(self, new: list[DexcomAlert], now: datetime) -> list[Egv]:
        """The glucose values since the newest known, and those at the time of new alerts."""
        newest = self._reading.glucose
        start = newest.observed_at if newest else now - timedelta(days=1)
        if new:
            start = min(start, new[0].system_time - VALUE_BEFORE)
        egvs: list[Egv] = []
        for begin, end in windows(max(start, now - KEPT_FOR), now):
            answer = await self._client.egvs(begin, end)
            self.unreadable_records += answer.unreadable
            egvs += answer.records
        return egvs

    async def _write_down(self, new: list[DexcomAlert], values: Values, now: datetime) -> None:
        # What the first answer holds is history; whatever is heard of after that is news.
        announce = self._reading.followed_since is not None
        usual, ledger = self._usual, self.store.ledger
        alerts: list[Alert] = []
        for count, record in enumerate(new, 1):
            alerts.append(alert_of(record, self._person_id, now, usual=usual, values=values))
            if count % _AT_A_TIME == 0:
                await asyncio.sleep(0)
        if announce:
            episodes = partial(episodes_of, now=now, hold=self._hold)
            add(alerts, ledger, is_active=is_active, episodes_of=episodes)
        else:
            for alert in alerts:
                ledger.add(alert, announce=False)
        if new:
            self._reaches(new[-1].system_time, now)

    def _take_up(self, egv: Egv | None, now: datetime) -> bool:
        """Take up the newest glucose value; False if it was known."""
        reading = self._reading
        if egv is None or (reading.glucose and egv.system_time <= reading.glucose.observed_at):
            return False
        if self.last_contact and now - self.last_contact <= 2 * LONGEST_INTERVAL:
            # It came while we were looking: so late are they.
            delay = max((now - egv.system_time).total_seconds(), 0.0)
            reading.delays = [*reading.delays, delay][-SAMPLES:]
        reading.glucose = glucose_of(egv)
        self._reaches(egv.system_time, now)
        self._learn_system([egv.made_for])
        return True

    async def _ask_how_far(self, now: datetime) -> None:
        """Ask how far the data reach: no glucose value came, but other data may have."""
        try:
            data_range = await self._client.data_range()
        except RateLimitedError:
            raise
        except ApiError as err:
            # It was asked to be sure; what there is to tell is told already.
            LOGGER.debug("%s: no data range: %s", self.name, err)
            return
        if data_range.newest:
            self._reaches(data_range.newest, now)

    async def _ask_what_is_worn(self, now: datetime) -> None:
        """Ask which system the person wears: their records need not say."""
        try:
            devices = await self._client.devices()
        except RateLimitedError:
            raise
        except ApiError as err:
            LOGGER.debug("%s: no devices: %s", self.name, err)
            return
        self.unreadable_records += devices.unreadable
        by_upload = sorted(devices.records, key=lambda device: device.last_upload or NEVER)
        self._learn_system(device.made_for for device in by_upload)
        self._reading.devices_asked_at = now

    def _reaches(self, moment: datetime, now: datetime) -> None:
        known = self._reading.data_through
        # A phone's clock may be ahead.
        moment = min(moment, now)
        self._reading.data_through = max(known, moment) if known else moment

    def _learn_system(self, made_for: Iterable[MadeFor]) -> None:
        for system in made_for:
            if system.variant or system.app:
                self._reading.one_plus = is_one_plus(system)

    @override
    def _poll_succeeded(self, now: datetime) -> None:
        super()._poll_succeeded(now)
        ir.async_delete_issue(self.hass, DOMAIN, _app_issue(self.config_entry))

    @override
    def _poll_failed(self, error: ApiError, now: datetime) -> None:
        super()._poll_failed(error, now)
        if isinstance(error, RefusedError) and error.code in APP_REFUSED:
            # It looks like any failure, but nothing gets better by waiting.
            create_issue(
                self.hass,
                _app_issue(self.config_entry),
                "app_refused",
                severity=ir.IssueSeverity.ERROR,
                entry=self.config_entry.title,
            )

    @override
    def _next_poll(self, now: datetime) -> datetime:
        return now + min(max(self._usual / POLLS_PER_DELAY, SHORTEST_INTERVAL), LONGEST_INTERVAL)

    # What it amounts to.

    @override
    def _data_freshness(self) -> DataFreshness | None:
        data_through = self._reading.data_through
        return data_freshness(data_through, self._usual) if data_through else None

    @override
    def _delay(self) -> timedelta | None:
        return usual_delay(self._reading.delays, needed=SAMPLES_NEEDED)

    @override
    def _people(self, now: datetime, alerts: Sequence[Alert]) -> dict[str, PersonSnapshot]:
        if self._reading.followed_since is None:
            return {}
        return {
            self._person_id: snapshot_of(
                Person(self._person_id, self.config_entry.title),
                alerts,
                now,
                hold=self._hold,
                one_plus=self._reading.one_plus,
                glucose=self._reading.glucose,
            )
        }

    @override
    def _load_state(self, stored: dict[str, Any], now: datetime) -> None:
        self._reading = _State.from_dict(stored)
        self._reading.not_after(now)

    @override
    def _state(self) -> dict[str, Any]:
        return self._reading.to_dict()


def _app_issue(entry: ConfigEntry) -> str:
    return f"app_refused_{entry.entry_id}"
