"""Lumen, polled: who is followed, which days to ask for, and what comes of them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
import logging
from typing import Any, Final, override

from ...alerts.alert import Alert, Person, Severity
from ...alerts.freshness import DataFreshness, measured_delay
from ...alerts.snapshot import PersonSnapshot
from ..http import ApiError, AuthError, RateLimitedError, UnexpectedAnswerError
from ..source import AlertsBetween, Host, Repair, Source
from .api import ALL_TIME, DAYS_AVAILABLE, DateUnavailableError, LumenClient
from .mapping import (
    ANYBODY,
    Calendar,
    DayHeard,
    alert_of,
    came_at,
    day_of,
    next_analysis,
    runs_of_days,
    snapshot_of,
)
from .state import Followed, Selection, State

LOGGER = logging.getLogger(__name__)

FOLLOWED_AT_MOST: Final = 25
"""As many people are followed whom nobody has chosen by name."""

POLL_EVERY: Final = timedelta(hours=1)
AFTER_ANALYSIS: Final = timedelta(minutes=5)
MAPPINGS_OVERLAP: Final = timedelta(days=1)
"""Asked again: consents whose time was set before we last asked but that showed up after."""

DAYS_REMEMBERED: Final = timedelta(days=45)


class LumenSource(Source):
    """Lumen's alerts of the people followed, asked for every hour and soon after each daily analysis."""

    def __init__(
        self,
        client: LumenClient,
        host: Host,
        *,
        selection: Selection,
        on_from: Severity,
        spread: timedelta,
    ) -> None:
        """Ask by `client`. `on_from`: from which severity on something is wrong. `spread`: how much later than others."""
        self._client = client
        self._host = host
        self._selection = selection
        self._spread = spread
        # Good news is no alert that anybody would want fewer of.
        self.counts_from = on_from
        self.people_are_chosen = not selection.is_everybody
        self.archive = self
        self._state = State.empty()
        self._all_asked_at: datetime | None = None
        self._people: Mapping[str, PersonSnapshot] = {}

    @property
    def followed(self) -> Mapping[str, Followed]:
        """The people followed, by shared user id."""
        return self._state.people

    @override
    def can_forget(self, person_id: str) -> bool:
        snapshot = self._people.get(person_id)
        return snapshot is None or not snapshot.is_heard_of

    @override
    def forget(self, person_id: str) -> None:
        self._state.people.pop(person_id, None)
        # If they still give consent, they are back with the next answer.
        self._state.granted_to = None

    # Its archive: Lumen keeps two weeks.

    async def between(self, start: datetime, end: datetime) -> AlertsBetween:
        """The alerts with `start` <= `observed_at` < `end` that are not held, and the days that could not be had."""
        now = self._host.now()
        days = Calendar(self._state.days).days_between(
            max(start, now - DAYS_REMEMBERED), min(end, now)
        )
        fetched = await self._fetch_days(days)
        alerts = [alert for alert in fetched.alerts if start <= alert.observed_at < end]
        return AlertsBetween(alerts, fetched.unavailable)

    async def of(self, day: date) -> AlertsBetween:
        """All alerts of one of Lumen's days, and that day if it could not be had."""
        fetched = await self._fetch_days([day])
        held = [alert for alert in self._host.ledger.alerts() if day_of(alert) == day]
        return AlertsBetween(held + fetched.alerts, fetched.unavailable)

    async def _fetch_days(self, days: Iterable[date]) -> AlertsBetween:
        """Ask Lumen for those of the days that we have not read and that it can have; say of which nothing sure is known.

        Once it does not answer, that is all of those left.
        """
        state, now = self._state, self._host.now()
        calendar = Calendar(state.days)
        known = calendar.known()
        oldest = now.date() - timedelta(days=DAYS_AVAILABLE)
        alerts: list[Alert] = []
        unavailable: list[str] = []
        answers = True
        for day in days:
            if day in known:
                continue
            newest = calendar.newest
            cannot_be = day in state.days or day < oldest or newest is None or day > newest.day
            if cannot_be or not answers:
                unavailable.append(day.isoformat())
                continue
            try:
                self._host.check_wait()
                answer = await self._client.alerts(day, people=state.people)
            except DateUnavailableError:
                unavailable.append(day.isoformat())
            except ApiError as err:
                LOGGER.debug("Lumen: no answer about a day: %s", err)
                self._host.wait_as_told(err)
                answers = False
                unavailable.append(day.isoformat())
            else:
                alerts += [alert_of(record, answer.day, now) for record in answer.alerts]
                if answer.garbled or answer.day != day:
                    unavailable.append(day.isoformat())
        return AlertsBetween(alerts, unavailable)

    # Asking.

    @override
    async def poll(self, now: datetime, *, everything: bool) -> bool:
        failure: ApiError | None = None
        try:
            await self._read_mappings(now)
        except AuthError, RateLimitedError:
            raise
        except ApiError as err:
            if not self._state.people:
                raise
            # The alerts of those we know need not wait for this.
            failure = err
        unfollowed = await self._read_day(None, now)
        if (
            unfollowed
            and self._selection.is_everybody
            and not self._state.more_people
            and (self._all_asked_at is None or now - self._all_asked_at > timedelta(days=1))
        ):
            # Alerts of people nobody told us of: a consent was missed.
            self._state.granted_to = None
            await self._read_mappings(now)
            await self._read_day(None, now)
        await self._catch_up(now)
        if failure:
            raise failure
        return True

    async def _read_mappings(self, now: datetime) -> None:
        state = self._state
        if state.granted_to is None:
            granted_after = ALL_TIME
            self._all_asked_at = now
        else:
            granted_after = state.granted_to - MAPPINGS_OVERLAP
        mappings, unreadable = await self._client.identity_mappings(granted_after)
        self._host.left_out(unreadable)
        new = {
            mapping.shared_user_id: mapping
            for mapping in mappings
            if mapping.shared_user_id not in state.people and self._selection.takes(mapping)
        }
        named = {
            person_id: mapping
            for person_id, mapping in new.items()
            if self._selection.names(mapping.email)
        }
        unnamed = len(new) - len(named)
        if unnamed:
            # Nobody has asked for each of them: there may be hundreds.
            unnamed += sum(not self._selection.names(one.email) for one in state.people.values())
            if state.more_people or unnamed > FOLLOWED_AT_MOST:
                state.more_people = True
                new = named
        # What happened before we could have heard of it is history; a consent given since we last asked is not.
        known_from = max(
            moment for moment in (state.selected_at, self._host.last_contact) if moment
        )
        for person_id, mapping in new.items():
            since = min(max(mapping.granted_at, known_from), now)
            state.people[person_id] = Followed(mapping.email, since, backfill=None)
            # The days read so far were read without them.
            state.read_since = now
        if mappings:
            # A consent dated in the future must not hide those of today.
            newest = min(max(mapping.granted_at for mapping in mappings), now)
            state.granted_to = max(state.granted_to or newest, newest)

    async def _read_day(self, day: date | None, now: datetime) -> frozenset[str]:
        """Read a day, the newest one if None, into the ledger; return who else had alerts."""
        state = self._state
        answer = await self._client.alerts(day, people=state.people)
        if not now.date() - DAYS_REMEMBERED <= answer.day <= now.date() + timedelta(days=1):
            raise UnexpectedAnswerError("a day that cannot be")
        self._host.left_out(answer.unreadable)
        if day is None:
            self._begin_backfill(answer.day)
        for record in answer.alerts:
            alert = alert_of(record, answer.day, now)
            followed = state.people[alert.person_id]
            # An earlier answer did not have it, or it came after they were followed.
            is_news = (
                answer.day not in (followed.backfill or ())
                or came_at(record.generated_at, now) > followed.since
            )
            self._host.ledger.add(alert, announce=is_news)
        heard = DayHeard(
            day=answer.day,
            first_read=now,
            last_read=now,
            generated_at=answer.newest_generated_at and min(answer.newest_generated_at, now),
            garbled=sorted(person or ANYBODY for person in answer.garbled),
        )
        for person_id, followed in state.people.items():
            if heard.is_whole_for(person_id) and answer.day in (followed.backfill or ()):
                followed.backfill = [one for one in followed.backfill or () if one != answer.day]
        before = state.days.get(heard.day)
        if day is None and before is None:
            # What Lumen did not have yesterday it may have by now.
            state.unavailable.clear()
        state.days[heard.day] = before.read_again(heard) if before else heard
        if day is not None and day != answer.day:
            state.unavailable.append(day)
        return answer.unfollowed

    def _begin_backfill(self, newest: date) -> None:
        """Take the first answer about somebody, and the days before it, for history."""
        for followed in self._state.people.values():
            if followed.backfill is None:
                followed.backfill = [
                    newest - timedelta(days=ago) for ago in range(DAYS_AVAILABLE + 1)
                ]

    async def _catch_up(self, now: datetime) -> None:
        """Ask for each day missed, newest first, until Lumen has no more."""
        state = self._state
        calendar = Calendar(state.days)
        missed = self._missed_days(calendar)
        to_ask_for = calendar.to_ask_for(state.unavailable, state.read_since)
        refused: set[date] = set()
        for day in to_ask_for:
            try:
                await self._read_day(day, now)
            except DateUnavailableError:
                # Lumen keeps no older ones either.
                refused = {older for older in to_ask_for if older <= day}
                state.unavailable += sorted(refused)
                break
        had = {heard.day for heard in Calendar(state.days).complete()}
        # All others are asked for again: their analysis is late, no more.
        gone = refused | {day for day in missed if calendar.is_out_of_reach(day)}
        self._note_lost_days((missed & gone) - had, had)
        oldest = (now - DAYS_REMEMBERED).date()
        state.days = {day: heard for day, heard in state.days.items() if day >= oldest}
        state.unavailable = [day for day in state.unavailable if day >= oldest]
        state.lost = [day for day in state.lost if day >= oldest]

    def _note_lost_days(self, lost: set[date], had: set[date]) -> None:
        """Remember the days that are not to be had, and no more those that were after all."""
        state = self._state
        if new := sorted(lost - set(state.lost)):
            LOGGER.warning(
                "Lumen no longer keeps the alerts of %s day(s) between %s and %s; they were missed",
                len(new),
                new[0],
                new[-1],
            )
        state.lost = sorted(lost.union(state.lost) - had)[-DAYS_REMEMBERED.days :]

    def _missed_days(self, calendar: Calendar) -> set[date]:
        """The days since the oldest one heard of that were never read whole: at first contact there are none."""
        if calendar.newest is None:
            return set()
        had = {heard.day for heard in calendar.complete()}
        first = min(self._state.days)
        days = {first + timedelta(days=n) for n in range((calendar.newest.day - first).days)}
        return days - had

    @override
    def next_poll(self, now: datetime) -> datetime:
        soon_after = next_analysis(now - AFTER_ANALYSIS - self._spread)
        return min(now + POLL_EVERY, soon_after + AFTER_ANALYSIS + self._spread)

    # What it amounts to.

    @override
    def data_freshness(self) -> DataFreshness | None:
        delay = measured_delay(self._host.ledger.excluding_backfill())
        return Calendar(self._state.days).data_freshness(delay)

    @override
    def people(self, now: datetime, alerts: Sequence[Alert]) -> Mapping[str, PersonSnapshot]:
        theirs: dict[str, list[Alert]] = {person_id: [] for person_id in self._state.people}
        for alert in alerts:
            if alert.person_id in theirs:
                theirs[alert.person_id].append(alert)
        calendar, data = Calendar(self._state.days), self.data_freshness()
        self._people = {
            person_id: snapshot_of(
                Person(person_id, self._name_of(followed)),
                theirs[person_id],
                calendar,
                on_from=self.counts_from,
                data=data,
                followed_since=followed.since,
            )
            for person_id, followed in self._state.people.items()
        }
        return self._people

    def _name_of(self, followed: Followed) -> str:
        """The e-mail's local part; the whole address where two of the followed share that."""
        name = followed.email.partition("@")[0]
        same = [one for one in self._state.people.values() if one.email.startswith(f"{name}@")]
        return name if len(same) == 1 else followed.email

    @override
    def repairs(self) -> Iterable[Repair]:
        if self._state.more_people:
            yield Repair(
                kind="choose_people",
                key="choose_people",
                placeholders={"most": str(FOLLOWED_AT_MOST)},
            )
        for run in runs_of_days(self._state.lost):
            first, last = run[0].isoformat(), run[-1].isoformat()
            yield Repair(
                kind="days_lost",
                of=first,
                key="days_lost",
                is_to_look_up=True,
                placeholders={"first": first, "last": last},
            )

    # Keeping.

    @override
    def load(self, stored: dict[str, Any], now: datetime) -> None:
        state = State.from_dict(stored) if stored else State.empty()
        state.not_after(now)
        self._state = state
        if state.selection != self._selection.fingerprint:
            self._select_anew(now)

    def _select_anew(self, now: datetime) -> None:
        """The options have changed: ask for everybody's consent again, and for the days of those who are new."""
        state = self._state
        state.selection = self._selection.fingerprint
        state.selected_at = state.read_since = now
        state.granted_to = None
        state.more_people = False
        state.unavailable = []
        if not self._selection.is_everybody:
            state.people = {
                person_id: followed
                for person_id, followed in state.people.items()
                if self._selection.names(followed.email)
            }

    @override
    def dump(self) -> dict[str, Any]:
        return self._state.to_dict()
