"""Dexcom, polled: which windows to ask for, and what comes of them."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
import logging
from operator import attrgetter
from typing import Any, Final, Protocol, Self, override

from ...alerts.alert import Alert, Person
from ...alerts.freshness import DataFreshness, usual_delay
from ...alerts.ledger import KEPT_FOR
from ...alerts.readings import KEPT_FOR as READINGS_KEPT_FOR, GlucoseLog
from ...alerts.snapshot import PersonSnapshot
from ..http import ApiError, AuthError, RateLimitedError, RefusedError
from ..source import Host, Repair, Source
from .api import APP_REFUSED, LONGEST_WINDOW, DexcomAlert, DexcomClient, Egv, MadeFor, windows
from .devices import add
from .mapping import (
    HOLD_TIME,
    VALUE_BEFORE,
    Values,
    alert_of,
    data_freshness,
    episodes_of,
    glucose_of,
    is_active,
    is_one_plus,
    kept_of,
    snapshot_of,
)
from .state import State

LOGGER = logging.getLogger(__name__)

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


@dataclass(frozen=True, slots=True)
class Settings:
    """What an entry says of how to follow a wearer: `hold` is how long an alert goes on of which no end is heard."""

    regional_delay: timedelta
    hold: timedelta

    @classmethod
    def of(cls, region: str, options: Mapping[str, Any]) -> Self:
        """The settings in an entry."""
        minutes = options.get(CONF_HOLD_TIME)
        return cls(
            REGIONAL_DELAY.get(region, ELSEWHERE),
            HOLD_TIME if minutes is None else timedelta(minutes=minutes),
        )


class Tokens(Protocol):
    """What the client has its tokens of."""

    async def settle(self) -> None:
        """Wait for the refresh under way: it must not be cut off."""


class DexcomSource(Source):
    """The alerts of a wearer's CGM, asked for a few times within the delay that Dexcom has anyway."""

    def __init__(
        self, client: DexcomClient, tokens: Tokens, host: Host, person_id: str, settings: Settings
    ) -> None:
        """Ask by `client`, which has its tokens of `tokens`, about one wearer: their account, as this app knows it."""
        self._client = client
        self._tokens = tokens
        self._host = host
        self._person_id = person_id
        self._settings = settings
        self._state = State()
        self._is_app_refused = False

    @property
    def _usual(self) -> timedelta:
        """The wearer's own delay, the region's until it is known."""
        own = self._delay()
        return self._settings.regional_delay if own is None else own

    @override
    async def close(self) -> None:
        await self._tokens.settle()

    @override
    def clock_was_set(self) -> None:
        self._state.delays = []

    # Asking.

    @override
    async def poll(self, now: datetime, *, everything: bool) -> bool:
        try:
            await self._poll(now)
        except RefusedError as err:
            # It looks like any failure, but nothing gets better by waiting.
            if err.code in APP_REFUSED:
                self._is_app_refused = True
            raise
        self._is_app_refused = False
        return True

    async def _poll(self, now: datetime) -> None:
        state = self._state
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
        # When the history came says nothing.
        received_at = now if state.followed_since else None
        # A month may be read for its alerts.
        since = now - READINGS_KEPT_FOR
        self._kept.add((kept_of(egv, received_at) for egv in egvs if egv.system_time >= since), now)
        if has_all:
            state.followed_since = state.followed_since or now
        if failure:
            raise failure
        state.alerts_to = state.data_through
        if not self._take_up(Values(egvs).newest(now), now):
            await self._ask_how_far(now)
        if state.devices_asked_at is None or now - state.devices_asked_at >= DEVICES_EVERY:
            await self._ask_what_is_worn(now)

    async def _new_alerts(self, now: datetime) -> tuple[list[DexcomAlert], ApiError | None]:
        """The alerts not written down yet, oldest first, and the error that kept us from having all of them."""
        state = self._state
        start = (state.alerts_to or now) - OVERLAP
        looks_back = state.looked_back_at is None or now - state.looked_back_at >= LOOK_BACK_EVERY
        if looks_back:
            start = min(start, now - LONGEST_WINDOW, (state.looked_back_at or now) - LATEST)
        new: dict[str, DexcomAlert] = {}
        failure: ApiError | None = None
        for begin, end in windows(max(start, now - KEPT_FOR), now):
            try:
                answer = await self._client.alerts(begin, end, known=self._host.ledger)
            except ApiError as err:
                failure = err
                break
            self._host.left_out(answer.unreadable)
            for alert in answer.records:
                new.setdefault(alert.record_id, alert)
        if looks_back and failure is None:
            state.looked_back_at = now
        return sorted(new.values(), key=attrgetter("system_time")), failure

    async def _egvs_for(self, new: list[DexcomAlert], now: datetime) -> list[Egv]:
        """The glucose values since the newest known, and those at the time of new alerts.

        With the first answer, two weeks of them, for a curve; and once a day those that came late.
        """
        newest, kept = self._state.glucose, self._kept.newest
        start = kept.observed_at if kept else now - READINGS_KEPT_FOR
        if newest:
            start = min(start, newest.observed_at)
        if self._state.looked_back_at == now:
            start = min(start, now - OVERLAP)
        if new:
            start = min(start, new[0].system_time - VALUE_BEFORE)
        egvs: list[Egv] = []
        for begin, end in windows(max(start, now - KEPT_FOR), now):
            answer = await self._client.egvs(begin, end)
            self._host.left_out(answer.unreadable)
            egvs += answer.records
        return egvs

    async def _write_down(self, new: list[DexcomAlert], values: Values, now: datetime) -> None:
        # What the first answer holds is history; whatever is heard of after that is news.
        announce = self._state.followed_since is not None
        usual, ledger = self._usual, self._host.ledger
        alerts: list[Alert] = []
        for count, record in enumerate(new, 1):
            alerts.append(alert_of(record, self._person_id, now, usual=usual, values=values))
            if count % _AT_A_TIME == 0:
                await asyncio.sleep(0)
        if announce:
            await asyncio.sleep(0)
            episodes = partial(episodes_of, now=now, hold=self._settings.hold)
            add(alerts, ledger, is_active=is_active, episodes_of=episodes)
        else:
            for alert in alerts:
                ledger.add(alert, announce=False)
        if new:
            self._reaches(new[-1].system_time, now)

    @property
    def _kept(self) -> GlucoseLog:
        return self._host.readings.of(self._person_id)

    def _take_up(self, egv: Egv | None, now: datetime) -> bool:
        """Take up the newest glucose value; False if it was known."""
        state = self._state
        if egv is None or (state.glucose and egv.system_time <= state.glucose.observed_at):
            return False
        if self._host.last_contact and now - self._host.last_contact <= 2 * LONGEST_INTERVAL:
            # It came while we were looking: so late are they.
            delay = max((now - egv.system_time).total_seconds(), 0.0)
            state.delays = [*state.delays, delay][-SAMPLES:]
        state.glucose = glucose_of(egv)
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
            LOGGER.debug("Dexcom: no data range: %s", err)
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
            LOGGER.debug("Dexcom: no devices: %s", err)
            return
        self._host.left_out(devices.unreadable)
        by_upload = sorted(devices.records, key=lambda device: device.last_upload or NEVER)
        self._learn_system(device.made_for for device in by_upload)
        self._state.devices_asked_at = now

    def _reaches(self, moment: datetime, now: datetime) -> None:
        known = self._state.data_through
        # A phone's clock may be ahead.
        moment = min(moment, now)
        self._state.data_through = max(known, moment) if known else moment

    def _learn_system(self, made_for: Iterable[MadeFor]) -> None:
        for system in made_for:
            if system.variant or system.app:
                self._state.one_plus = is_one_plus(system)

    @override
    def next_poll(self, now: datetime) -> datetime:
        return now + min(max(self._usual / POLLS_PER_DELAY, SHORTEST_INTERVAL), LONGEST_INTERVAL)

    # What it amounts to.

    @override
    def data_freshness(self) -> DataFreshness | None:
        data_through = self._state.data_through
        return data_freshness(data_through, self._usual, self._delay()) if data_through else None

    def _delay(self) -> timedelta | None:
        return usual_delay(self._state.delays, needed=SAMPLES_NEEDED)

    @override
    def people(self, now: datetime, alerts: Sequence[Alert]) -> Mapping[str, PersonSnapshot]:
        if self._state.followed_since is None:
            return {}
        snapshot = snapshot_of(
            Person(self._person_id, self._host.title),
            alerts,
            now,
            hold=self._settings.hold,
            one_plus=self._state.one_plus,
            glucose=self._state.glucose,
            data=self.data_freshness(),
            looked_from=self._state.followed_since and self._state.followed_since - LONGEST_WINDOW,
        )
        return {self._person_id: snapshot}

    @override
    def repairs(self) -> Iterable[Repair]:
        if self._is_app_refused:
            yield Repair(kind="app_refused", key="app_refused", is_error=True)

    @override
    def load(self, stored: dict[str, Any], now: datetime) -> None:
        self._state = State.from_dict(stored)
        self._state.not_after(now)

    @override
    def dump(self) -> dict[str, Any]:
        return self._state.to_dict()
