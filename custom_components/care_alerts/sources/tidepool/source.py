"""Tidepool, followed: the people who share with a care partner are asked for, evaluated and shown."""

from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
import logging
from typing import Any, Final, override

from ...alerts.alert import Alert
from ...alerts.freshness import DataFreshness
from ...alerts.glucose import usual_unit
from ...alerts.readings import KEPT_FOR
from ...alerts.snapshot import PersonSnapshot
from ..http import ApiError, RefusedError
from ..settings import NotDoneError
from ..source import Host, Repair, Source
from .api import TidepoolClient
from .asking import Question, ask, ask_all
from .cadence import EARLY
from .evaluation import Reason
from .evaluator import AlertEvaluator
from .leaving import Leavers
from .mapping import own_freshness, snapshot_of, unreadable_of, why_not_judged
from .people import (
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
from .profiles import Switched
from .readings import HELD, Readings, kept_of
from .records import ALERT, CBG, DOSING_DECISION, FOLLOW, SMBG, VIEW
from .repairs import repairs_of, stuck_repair
from .session import PasswordSession
from .settings import GLUCOSE_KINDS, Settings
from .thresholds import SETTINGS_EVERY, ThresholdKeeper

LOGGER = logging.getLogger(__name__)

CONF_JUDGED: Final = "judged"
CONF_FOLLOWED: Final = "followed"

SOON: Final = timedelta(minutes=1)

NEVER: Final = datetime.max.replace(tzinfo=UTC)


class TidepoolSource(Source):
    """The people who share with a care partner: their alert settings, and their readings judged by these."""

    def __init__(
        self,
        client: TidepoolClient,
        session: PasswordSession,
        host: Host,
        *,
        user_id: str,
        judges: bool,
        chosen: Iterable[str],
    ) -> None:
        """Ask by `client` for what is shared with `user_id`.

        `judges`: whether readings are asked for and judged. `chosen`: whom to follow, everybody if nobody.
        """
        self._client = client
        self._session = session
        self._host = host
        self._me = user_id
        self._judges = judges
        self._chosen = frozenset(chosen)
        self.people_are_chosen = bool(self._chosen)
        self.settings_keeper = self._thresholds = ThresholdKeeper(client, user_id, host, self)
        self._state = TidepoolState()
        self._leavers = Leavers(client, user_id, host, self._state.left)
        self._polls: dict[str, PollState] = {}
        self._sharers = PollSchedule(host.now())
        self._has_answer = False
        """Whether anything that the newest poll asked for was answered."""
        self._misses_some = False
        """Whether some of what is asked is not to be had, but the rest is."""

    @property
    def followed(self) -> Mapping[str, Followed]:
        """The people followed, by user id."""
        return self._state.people

    @property
    def stuck(self) -> Mapping[str, Followed]:
        """Those whose settings are a profile's and are not ours to change any more."""
        lost = {
            person_id: followed
            for person_id, followed in self._state.people.items()
            if followed.switched.is_on and not followed.may(FOLLOW)
        }
        return {**lost, **self._leavers.stuck}

    def give_up(self, person_id: str) -> None:
        """Put nothing back of one of these, whatever comes."""
        self._leavers.give_up(person_id)
        if followed := self._state.people.get(person_id):
            followed.switched = Switched(scheduled=followed.switched.scheduled)
        self._host.changed(write=True)

    def _watched(self) -> dict[str, PollState]:
        """Those whose readings are asked for."""
        return self._allowing(VIEW) if self._judges else {}

    def settable(self) -> dict[str, PollState]:
        """Those whose settings are asked for."""
        return self._allowing(FOLLOW)

    def _allowing(self, permission: str) -> dict[str, PollState]:
        return {
            person_id: self._polls[person_id]
            for person_id, followed in self._state.people.items()
            if permission in followed.allows
        }

    async def names(self) -> dict[str, str]:
        """The names of all who share, user id -> name; only of those followed if Tidepool does not answer."""
        names = {person_id: one.name for person_id, one in self._state.people.items()}
        with suppress(ApiError):
            sharers, _ = await self._client.people(self._me)
            names = {one.user_id: one.name or NAMELESS for one in sharers} | names
        return names

    @override
    def leaving(self, options: Mapping[str, Any]) -> Collection[str]:
        chosen = options.get(CONF_FOLLOWED)
        return [who for who in self._state.people if chosen and who not in chosen]

    @override
    def let_go(self, people: Iterable[str], now: datetime) -> None:
        for person_id in people:
            if followed := self._state.people.get(person_id):
                followed.watch.pause(now, at_once=True)

    @override
    def clock_was_set(self) -> None:
        for followed in self._state.people.values():
            followed.begin_anew()

    @override
    def can_forget(self, person_id: str) -> bool:
        followed = self._state.people.get(person_id)
        return followed is None or not followed.allows

    @override
    def forget(self, person_id: str) -> None:
        self._state.leave(person_id, self._host.now())
        self._polls.pop(person_id, None)
        self._host.readings.forget(person_id)

    # Asking: readings first, and nobody because of somebody else.

    @override
    async def poll(self, now: datetime, *, everything: bool) -> bool:
        self._has_answer = False
        if everything:
            self._sharers.due = now
            for one in self._polls.values():
                one.data.due = one.settings.due = one.profile.due = now
        if not self._state.people:
            await self._ask_people()
        if min(self._dues()) > now + EARLY:
            # Nothing is due: somebody wants to know.
            for one in self._watched().values():
                one.data.due = now
        await ask_all(self._host, self._questions)
        if failures := self._missing():
            raise failures[0]
        return self._has_answer

    def _questions(self) -> Iterable[Question]:
        watched = self._watched()
        yield Question(self._sharers, self._ask_people)
        for person_id, one in watched.items():
            yield Question(one.data, partial(self._ask_data, person_id), is_reading=True)
        for person_id, one in self.settable().items():
            if self._profile_due(person_id) <= self._host.now() + EARLY:
                yield Question(one.profile, partial(self._ask_profile, person_id))
            if self._knows_settings(person_id) or person_id not in watched:
                yield Question(one.settings, partial(self._ask_settings, person_id))

    async def _ask_people(self) -> None:
        await self._ask(self._sharers, self._read_people())

    async def _ask_settings(self, person_id: str) -> None:
        await self._ask(self._polls[person_id].settings, self._read_settings(person_id))

    async def _ask_profile(self, person_id: str) -> None:
        """Do what is due of somebody's profile."""
        await self._ask(self._polls[person_id].profile, self._settle_profile(person_id))

    async def _settle_profile(self, person_id: str) -> None:
        try:
            await self._thresholds.async_settle(person_id)
        except NotDoneError as err:
            LOGGER.debug("Tidepool: a profile waits: %s", err.key)
            if poll := self._polls.get(person_id):
                poll.profile.due = self._host.now() + SOON

    def _profile_due(self, person_id: str) -> datetime:
        """When something is to be done about somebody's profile."""
        due = self._state.people[person_id].switched.due(self._host.now())
        return max(due, self._polls[person_id].profile.due) if due else NEVER

    async def _ask_data(self, person_id: str) -> None:
        """Ask for somebody's readings; for their settings before, without which nothing can be judged."""
        poll = self._polls[person_id]
        if person_id in self.settable() and not self._knows_settings(person_id):
            await self._ask_settings(person_id)
        if self._polls.get(person_id) is poll:
            await self._ask(poll.data, self._read_data(person_id))

    async def _ask(self, schedule: PollSchedule, asking: Coroutine[Any, Any, None]) -> None:
        if await ask(schedule, asking, self._host):
            self._has_answer = True

    def _knows_settings(self, person_id: str) -> bool:
        """Whether somebody's settings are known, or it is known that they are not to be had now."""
        settings = self._polls[person_id].settings
        return self._state.people[person_id].settings_read or bool(settings.failures)

    def _missing(self) -> list[ApiError]:
        """Why there is nothing of anybody: no readings, or no settings where nobody's readings are asked for."""
        readings = [one.data for one in self._watched().values()]
        settings = [one.settings for one in self.settable().values()]
        counting = readings or settings or [self._sharers]
        errors = [one.error for one in counting if one.error]
        if len(errors) == len(counting):
            self._misses_some = False
            return errors
        failed = [one for one in (self._sharers, *readings, *settings) if one.error]
        if failed and not self._misses_some:
            LOGGER.warning(
                "Tidepool: no usable answer for the readings of %s and the settings of %s of %s people%s",
                sum(bool(one.error) for one in readings),
                sum(bool(one.error) for one in settings),
                len(self._polls),
                ", nor for who they are" if self._sharers.error else "",
            )
        elif self._misses_some and not failed:
            LOGGER.info("Tidepool: usable answers about everybody again")
        self._misses_some = bool(failed)
        return []

    def _dues(self) -> list[datetime]:
        return [
            self._sharers.due,
            *(one.settings.due for one in self.settable().values()),
            *map(self._profile_due, self.settable()),
            *(one.data.due for one in self._watched().values()),
        ]

    @override
    def next_poll(self, now: datetime) -> datetime:
        return max(min(self._dues()), now)

    # People.

    async def _read_people(self) -> None:
        sharers, unreadable = await self._client.people(self._me)
        now = self._host.now()
        self._host.left_out(unreadable)
        people = self._state.people
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
                Followed(
                    name=NAMELESS,
                    since=now,
                    watch=AlertEvaluator(person_id=person_id),
                    switched=self._leavers.come_back(person_id),
                ),
            )
            followed.name = sharer.name or followed.name
            followed.unit = sharer.unit or followed.unit
            followed.allows = set(sharer.permissions & {VIEW, FOLLOW})
            followed.allowed |= followed.allows
            followed.refused &= followed.allows
            self._polls.setdefault(person_id, PollState.due_at(now))
        for person_id, followed in people.items():
            if person_id not in listed and not unreadable:
                followed.allows.clear()
                followed.refused.clear()
            if why_not_judged(followed, judges=self._judges):
                self._evaluate(person_id, now)
        lost = {person_id for person_id, followed in people.items() if followed.lost}
        # One answer that leaves somebody out may be a hiccup, and nobody is judged meanwhile.
        again = SOON if lost - lost_before else SETTINGS_EVERY
        await self._leavers.put_back(
            {one.user_id for one in sharers if FOLLOW in one.permissions}, now
        )
        lost |= self._leavers.followed.keys()
        self._sharers.due = now + (again if lost or not people else PEOPLE_EVERY)

    # Settings.

    async def _read_settings(self, person_id: str) -> None:
        poll = self._polls[person_id]
        changes = poll.changes
        if poll.lock.locked():
            # Whoever changes them reads them, too.
            poll.settings.due = self._host.now() + SOON
            return
        try:
            document = await self._client.alerts(person_id, self._me)
        except RefusedError as err:
            self._check_permission(err, person_id, FOLLOW)
        else:
            # They may have been forgotten meanwhile.
            if followed := self._state.people.get(person_id):
                followed.refused.discard(FOLLOW)
                if changes == poll.changes:
                    self.take_up(person_id, document)
        poll.settings.due = self._host.now() + SETTINGS_EVERY

    def _check_permission(self, error: RefusedError, person_id: str, permission: str) -> None:
        """Take note of a permission that we have no more, whatever the list of people said.

        Raises:
            RefusedError: it is not that.

        """
        if error.status != 403:
            raise error
        if not (followed := self._state.people.get(person_id)):
            return
        followed.refused.add(permission)
        now = self._host.now()
        self._sharers.due = min(self._sharers.due, now + SETTINGS_EVERY)
        self._evaluate(person_id, now)

    def take_up(self, person_id: str, document: dict[str, Any] | None) -> None:
        """Take up somebody's settings as they are now, and evaluate by them."""
        followed, poll = self._state.people[person_id], self._polls[person_id]
        followed.settings = document
        followed.settings_read = True
        followed.switched = followed.switched.seen(Settings(document or {}))
        now = self._host.now()
        log, settings = self._host.readings.of(person_id), Settings(document or {})
        for kind in GLUCOSE_KINDS:
            threshold, unit = settings.threshold(kind)
            log.set_threshold(kind, threshold, unit or self.unit_for(followed), now)
        if wants_loop(followed) and not poll.hears_loop:
            poll.data.due = now
        self._evaluate(person_id, now)

    def unit_for(self, followed: Followed | None) -> str:
        """The unit of somebody who has no settings yet: the one they read, or the usual one here."""
        return (followed and followed.unit) or usual_unit(self._host.country)

    # Readings.

    async def _read_data(self, person_id: str) -> None:
        followed, poll = self._state.people[person_id], self._polls[person_id]
        asked_at = self._host.now()
        start = asked_from(followed, poll, asked_at)
        types = [CBG, SMBG, ALERT]
        asks_loop = wants_loop(followed)
        if asks_loop:
            types.append(DOSING_DECISION)
        try:
            data = await self._client.data(person_id, start, types)
        except RefusedError as err:
            self._check_permission(err, person_id, VIEW)
            poll.data.due = asked_at + SETTINGS_EVERY
            return
        now = self._host.now()
        if self._polls.get(person_id) is not poll:
            # Forgotten meanwhile.
            return
        if start <= asked_at - LOOK_BACK:
            poll.looked_back_at = asked_at
        poll.hears_loop = asks_loop
        followed.refused.discard(VIEW)
        is_first = poll.readings is None
        if poll.readings is None:
            poll.readings = Readings(covered_from=start, heard_at=now, clocks=followed.clocks)
        readings = poll.readings
        if not asks_loop:
            # Nobody asks whether there is a newer one.
            readings.newest_loop = None
        before = readings.heard_to
        self._host.left_out(data.unreadable)
        readings.add(data, now)
        followed.hear(readings, before, now)
        followed.device_words.hear(data.alerts, now)
        log = self._host.readings.of(person_id)
        if is_first and not len(log):
            self._host.start(self._read_history(person_id, start))
        log.add(readings.kept_since(followed.since), now)
        self._evaluate(person_id, now)
        readings.forget_before(now - HELD)
        poll.data.due = followed.cadence.next_due(readings.heard_to, now)
        if poll.result.ask_at:
            poll.data.due = min(poll.data.due, poll.result.ask_at)

    async def _read_history(self, person_id: str, before: datetime) -> None:
        """Ask for what came before all that is judged, for a curve. Whatever becomes of that, they are followed."""
        try:
            data = await self._client.data(person_id, before - KEPT_FOR, [CBG, SMBG])
        except ApiError as err:
            LOGGER.debug("Tidepool: no history: %s", err)
            return
        if person_id in self._polls:
            kept = (
                kept_of(one, one.time, None, one.sender.kept_as)
                for one in data.readings
                if one.is_glucose and one.time < before
            )
            self._host.readings.of(person_id).add(kept, self._host.now())
            self._host.changed()

    # Evaluating.

    def _evaluate(self, person_id: str, now: datetime) -> None:
        """Judge what is known of somebody, and add the alerts there are by that."""
        followed, poll = self._state.people[person_id], self._polls[person_id]
        why_not = why_not_judged(followed, judges=self._judges)
        if why_not or poll.readings is None or not followed.settings_read:
            poll.result = followed.watch.pause(now, at_once=why_not is Reason.NOT_JUDGED)
            return
        is_first = not followed.watch.kinds
        settings = None if followed.settings is None else Settings(followed.settings)
        poll.result = followed.watch.evaluate(
            settings, poll.readings, now, followed.delay, followed.cadence
        )
        for alert in poll.result.alerts:
            # The first answer is backfill, and so is what is older than all that it was asked for.
            is_news = not is_first and alert.observed_at > followed.since - HELD
            self._host.ledger.add(alert, announce=is_news)

    @override
    def evaluate_due(self, now: datetime) -> None:
        if any(self._profile_due(person_id) <= now for person_id in self.settable()):
            self._host.ask_soon()
        for person_id, poll in self._polls.items():
            if poll.result.changes_at and poll.result.changes_at <= now:
                self._evaluate(person_id, now)

    # What it amounts to.

    @override
    def data_freshness(self) -> DataFreshness | None:
        heard = [one.cadence.answered_at for one in self._state.people.values()]
        heard_at = max(filter(None, (*heard, self._host.last_contact)), default=None)
        return own_freshness(heard_at, self._sharers.error) if heard_at else None

    @override
    def people(self, now: datetime, alerts: Sequence[Alert]) -> Mapping[str, PersonSnapshot]:
        theirs: dict[str, list[Alert]] = {person_id: [] for person_id in self._state.people}
        for alert in alerts:
            if (held := theirs.get(alert.person_id)) is not None:
                held.append(alert)
        return {
            person_id: snapshot_of(
                person_id,
                followed,
                self._polls[person_id],
                theirs[person_id],
                now,
                judges=self._judges,
                unit=self.unit_for(followed),
                last_contact=self._host.last_contact,
            )
            for person_id, followed in self._state.people.items()
        }

    @override
    def repairs(self) -> Iterable[Repair]:
        for person_id, followed in self._state.people.items():
            unreadable = unreadable_of(followed, self._polls[person_id], judges=self._judges)
            yield from repairs_of(person_id, followed, unreadable=bool(unreadable))
        for person_id, followed in self.stuck.items():
            yield stuck_repair(person_id, followed)

    # Keeping.

    @override
    def load(self, stored: dict[str, Any], now: datetime) -> None:
        state = TidepoolState.from_dict(stored)
        if self._chosen:
            for person_id in state.people.keys() - self._chosen:
                state.leave(person_id, now)
        for followed in state.people.values():
            followed.not_after(now)
        self._state = state
        self._leavers = Leavers(self._client, self._me, self._host, state.left)
        self._session.remember(state.refusals)
        self._polls = {person_id: PollState.due_at(now) for person_id in state.people}
        for person_id in state.people:
            self._evaluate(person_id, now)

    @override
    def dump(self) -> dict[str, Any]:
        self._state.refusals = self._session.refusals
        return self._state.to_dict()
