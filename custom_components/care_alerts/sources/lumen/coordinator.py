"""Lumen, polled: who is followed, which days to ask for, and what comes of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final, Self, override

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.util import dt as dt_util

from ...alerts.alert import Alert, Person, Severity, in_order
from ...alerts.freshness import DataFreshness
from ...alerts.snapshot import PersonSnapshot
from ...alerts.stored import Stored, clamped
from ...const import DOMAIN, LOGGER
from ..coordinator import AlertsBetween, CareAlertsConfigEntry, SourceCoordinator
from ..http import ApiError, AuthError, RateLimitedError, UnexpectedAnswerError, base_url
from ..issues import create_issue
from ..store import SourceStore
from .api import (
    ALL_TIME,
    DAYS_AVAILABLE,
    AlertDay,
    DateUnavailableError,
    IdentityMapping,
    LumenClient,
)
from .mapping import (
    ANYBODY,
    SOURCE,
    Calendar,
    DayHeard,
    alert_of,
    came_at,
    day_of,
    next_analysis,
    runs_of_days,
    snapshot_of,
)

CONF_FOLLOWED: Final = "followed"
CONF_FOLLOW_LATER: Final = "follow_later"
CONF_CHOSEN_AT: Final = "chosen_at"
CONF_ON_FROM: Final = "on_from"

FOLLOWED_AT_MOST: Final = 25
"""As many people are followed whom nobody has chosen by name."""

POLL_EVERY: Final = timedelta(hours=1)
AFTER_ANALYSIS: Final = timedelta(minutes=5)
MAPPINGS_OVERLAP: Final = timedelta(days=1)
"""Asked again: consents whose time was set before we last asked but that showed up after."""

DAYS_REMEMBERED: Final = timedelta(days=45)


@dataclass(frozen=True, slots=True)
class Selection:
    """Who is followed: `emails` (and later consents if `later`, since `chosen_at`), or everybody if None were chosen."""

    emails: frozenset[str]
    later: bool
    chosen_at: datetime | None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Selection:
        """The selection in an entry's options."""
        chosen_at = options.get(CONF_CHOSEN_AT)
        return cls(
            frozenset(email.casefold() for email in options.get(CONF_FOLLOWED, [])),
            options.get(CONF_FOLLOW_LATER, True),
            dt_util.parse_datetime(chosen_at) if chosen_at else None,
        )

    @property
    def is_everybody(self) -> bool:
        """Whether nobody has chosen."""
        return not self.emails

    def names(self, email: str) -> bool:
        """Whether somebody was chosen by name."""
        return email.casefold() in self.emails

    def takes(self, mapping: IdentityMapping) -> bool:
        """Whether somebody is to be followed: chosen by name, for having consented later, or because nobody was chosen."""
        return (
            self.is_everybody
            or self.names(mapping.email)
            or (self.later and self.chosen_at is not None and mapping.granted_at > self.chosen_at)
        )

    @property
    def fingerprint(self) -> str:
        """Changes when the selection does."""
        return repr((sorted(self.emails), self.later, self.chosen_at))


@dataclass(slots=True)
class Followed(Stored):
    """A followed person as Lumen knows them; `since` is when we first did.

    `backfill`: the days whose first reading is history, fewer with each that was read; None before the first answer.
    """

    email: str
    since: datetime
    backfill: list[date] | None = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class _State(Stored):
    """Where the reading of Lumen stands."""

    selection: str = ""
    selected_at: datetime | None = None
    granted_to: datetime | None = None
    read_since: datetime | None = None
    """Days last read before then were read without somebody who is followed now."""
    people: dict[str, Followed]
    more_people: bool = False
    days: dict[date, DayHeard]
    unavailable: list[date]
    lost: list[date]
    """Days that passed while we were away and that Lumen no longer kept."""

    @classmethod
    def empty(cls) -> Self:
        """Nothing read yet."""
        return cls(people={}, days={}, unavailable=[], lost=[])

    def not_after(self, now: datetime) -> None:
        """Take nothing for known that a clock which was ahead has noted.

        Raises:
            TypeError: a time without a zone.

        """
        for followed in self.people.values():
            followed.since = clamped(followed.since, now)
        self.selected_at = clamped(self.selected_at, now)
        self.granted_to = clamped(self.granted_to, now)
        self.read_since = clamped(self.read_since, now)
        self.days = {
            day: heard
            for day, heard in self.days.items()
            if heard.last_read <= now and heard.first_read <= now
        }


class LumenCoordinator(SourceCoordinator):
    """Lumen's alerts of the people followed, asked for every hour and soon after each daily analysis."""

    source = SOURCE
    name_of_source = "Lumen"

    def __init__(self, hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
        """Set up for a config entry with `base_url` and `api_key`."""
        super().__init__(hass, entry)
        self._client = LumenClient(
            async_get_clientsession(hass),
            base_url(entry.data["base_url"]),
            entry.data["api_key"],
        )
        self._selection = Selection.of(entry.options)
        self._on_from = Severity(entry.options.get(CONF_ON_FROM, Severity.MEDIUM))
        self._reading = _State.empty()
        self._all_asked_at: datetime | None = None

    # What the shell asks.

    @property
    def followed(self) -> Mapping[str, Followed]:
        """The people followed, by shared user id."""
        return self._reading.people

    @override
    def counts(self, alert: Alert) -> bool:
        # Good news is no alert that anybody would want fewer of.
        return super().counts(alert) and alert.severity.rank >= self._on_from.rank

    @property
    @override
    def people_are_chosen(self) -> bool:
        return not self._selection.is_everybody

    @override
    def forget(self, person_id: str) -> bool:
        snapshot = self.data.people.get(person_id)
        if snapshot and snapshot.is_heard_of:
            return False
        self._reading.people.pop(person_id, None)
        # If they still give consent, they are back with the next answer.
        self._reading.granted_to = None
        self._rebuild(dt_util.utcnow())
        self.config_entry.async_create_task(self.hass, self._save())
        return True

    @override
    async def async_alerts_between(self, start: datetime, end: datetime) -> AlertsBetween:
        held = await super().async_alerts_between(start, end)
        now = dt_util.utcnow()
        days = Calendar(self._reading.days).days_between(
            max(start, now - DAYS_REMEMBERED), min(end, now)
        )
        fetched = await self._fetch_days(days)
        alerts = held.alerts + [
            alert for alert in fetched.alerts if start <= alert.observed_at < end
        ]
        return AlertsBetween(sorted(alerts, key=in_order), fetched.unavailable)

    @override
    async def async_alerts_of(self, day: date) -> AlertsBetween:
        fetched = await self._fetch_days([day])
        held = [alert for alert in self.store.ledger.alerts() if day_of(alert) == day]
        return AlertsBetween(held + fetched.alerts, fetched.unavailable)

    async def _fetch_days(self, days: Iterable[date]) -> AlertsBetween:
        """Ask Lumen for those of the days that we have not read and that it can have; say of which nothing sure is known.

        Once it does not answer, that is all of those left.
        """
        reading = self._reading
        calendar = Calendar(reading.days)
        known = calendar.known()
        now = dt_util.utcnow()
        oldest = now.date() - timedelta(days=DAYS_AVAILABLE)
        alerts: list[Alert] = []
        unavailable: list[str] = []
        answers = True
        for day in days:
            if day in known:
                continue
            newest = calendar.newest
            cannot_be = day in reading.days or day < oldest or newest is None or day > newest.day
            if cannot_be or not answers:
                unavailable.append(day.isoformat())
                continue
            try:
                answer = await self._ask_for(day)
            except DateUnavailableError:
                unavailable.append(day.isoformat())
            except HomeAssistantError as err:
                LOGGER.debug("%s: no answer about a day: %s", self.name, err.translation_key)
                answers = False
                unavailable.append(day.isoformat())
            else:
                alerts += [alert_of(record, answer.day, now) for record in answer.alerts]
                if answer.garbled or answer.day != day:
                    unavailable.append(day.isoformat())
        return AlertsBetween(alerts, unavailable)

    async def _ask_for(self, day: date) -> AlertDay:
        """Ask Lumen for a day because somebody wants to know.

        Raises:
            DateUnavailableError: it does not keep it any more.
            HomeAssistantError: it asked us to wait, or did not answer.

        """
        self._check_wait()
        try:
            return await self._client.alerts(day, people=self._reading.people)
        except DateUnavailableError:
            raise
        except ApiError as err:
            raise self._refused(err) from err

    # Asking.

    @override
    async def _poll(self, now: datetime) -> None:
        failure: ApiError | None = None
        try:
            await self._read_mappings(now)
        except AuthError, RateLimitedError:
            raise
        except ApiError as err:
            if not self._reading.people:
                raise
            # The alerts of those we know need not wait for this.
            failure = err
        unfollowed = await self._read_day(None, now)
        if (
            unfollowed
            and self._selection.is_everybody
            and not self._reading.more_people
            and (self._all_asked_at is None or now - self._all_asked_at > timedelta(days=1))
        ):
            # Alerts of people nobody told us of: a consent was missed.
            self._reading.granted_to = None
            await self._read_mappings(now)
            await self._read_day(None, now)
        await self._catch_up(now)
        if failure:
            raise failure

    async def _read_mappings(self, now: datetime) -> None:
        reading = self._reading
        if reading.granted_to is None:
            granted_after = ALL_TIME
            self._all_asked_at = now
        else:
            granted_after = reading.granted_to - MAPPINGS_OVERLAP
        mappings, unreadable = await self._client.identity_mappings(granted_after)
        self.unreadable_records += unreadable
        new = {
            mapping.shared_user_id: mapping
            for mapping in mappings
            if mapping.shared_user_id not in reading.people and self._selection.takes(mapping)
        }
        named = {
            person_id: mapping
            for person_id, mapping in new.items()
            if self._selection.names(mapping.email)
        }
        unnamed = len(new) - len(named)
        if unnamed:
            # Nobody has asked for each of them: there may be hundreds.
            unnamed += sum(not self._selection.names(one.email) for one in reading.people.values())
            if reading.more_people or unnamed > FOLLOWED_AT_MOST:
                reading.more_people = True
                new = named
        # What happened before we could have heard of it is history; a consent given since we last asked is not.
        known_from = max(moment for moment in (reading.selected_at, self.last_contact) if moment)
        for person_id, mapping in new.items():
            since = min(max(mapping.granted_at, known_from), now)
            reading.people[person_id] = Followed(mapping.email, since, backfill=None)
            # The days read so far were read without them.
            reading.read_since = now
        if mappings:
            # A consent dated in the future must not hide those of today.
            newest = min(max(mapping.granted_at for mapping in mappings), now)
            reading.granted_to = max(reading.granted_to or newest, newest)
        self._tell_of_more_people()

    async def _read_day(self, day: date | None, now: datetime) -> frozenset[str]:
        """Read a day, the newest one if None, into the ledger; return who else had alerts."""
        reading = self._reading
        answer = await self._client.alerts(day, people=reading.people)
        if not now.date() - DAYS_REMEMBERED <= answer.day <= now.date() + timedelta(days=1):
            raise UnexpectedAnswerError("a day that cannot be")
        self.unreadable_records += answer.unreadable
        if day is None:
            self._begin_backfill(answer.day)
        for record in answer.alerts:
            alert = alert_of(record, answer.day, now)
            followed = reading.people[alert.person_id]
            # An earlier answer did not have it, or it came after they were followed.
            is_news = (
                answer.day not in (followed.backfill or ())
                or came_at(record.generated_at, now) > followed.since
            )
            self.store.ledger.add(alert, announce=is_news)
        heard = DayHeard(
            day=answer.day,
            first_read=now,
            last_read=now,
            generated_at=answer.newest_generated_at and min(answer.newest_generated_at, now),
            garbled=sorted(person or ANYBODY for person in answer.garbled),
        )
        for person_id, followed in reading.people.items():
            if heard.is_whole_for(person_id) and answer.day in (followed.backfill or ()):
                followed.backfill = [one for one in followed.backfill or () if one != answer.day]
        before = reading.days.get(heard.day)
        if day is None and before is None:
            # What Lumen did not have yesterday it may have by now.
            reading.unavailable.clear()
        reading.days[heard.day] = before.read_again(heard) if before else heard
        if day is not None and day != answer.day:
            reading.unavailable.append(day)
        return answer.unfollowed

    def _begin_backfill(self, newest: date) -> None:
        """Take the first answer about somebody, and the days before it, for history."""
        for followed in self._reading.people.values():
            if followed.backfill is None:
                followed.backfill = [
                    newest - timedelta(days=ago) for ago in range(DAYS_AVAILABLE + 1)
                ]

    async def _catch_up(self, now: datetime) -> None:
        """Ask for each day missed, newest first, until Lumen has no more."""
        reading = self._reading
        calendar = Calendar(reading.days)
        has_data_gap = self._missed_days(calendar)
        to_ask_for = calendar.to_ask_for(reading.unavailable, reading.read_since)
        refused: set[date] = set()
        for day in to_ask_for:
            try:
                await self._read_day(day, now)
            except DateUnavailableError:
                # Lumen keeps no older ones either.
                refused = {older for older in to_ask_for if older <= day}
                reading.unavailable += sorted(refused)
                break
        had = {heard.day for heard in Calendar(reading.days).complete()}
        # All others are asked for again: their analysis is late, no more.
        gone = refused | {day for day in has_data_gap if calendar.is_out_of_reach(day)}
        self._note_lost_days((has_data_gap & gone) - had, had)
        oldest = (now - DAYS_REMEMBERED).date()
        reading.days = {day: heard for day, heard in reading.days.items() if day >= oldest}
        reading.unavailable = [day for day in reading.unavailable if day >= oldest]
        if any(day < oldest for day in reading.lost):
            reading.lost = [day for day in reading.lost if day >= oldest]
            self._tell_of_lost_days()

    def _note_lost_days(self, lost: set[date], had: set[date]) -> None:
        """Remember the days that are not to be had, and no more those that were after all."""
        reading = self._reading
        if new := sorted(lost - set(reading.lost)):
            LOGGER.warning(
                "Lumen no longer keeps the alerts of %s day(s) between %s and %s; they were missed",
                len(new),
                new[0],
                new[-1],
            )
        still = sorted(lost.union(reading.lost) - had)[-DAYS_REMEMBERED.days :]
        if still != reading.lost:
            reading.lost = still
            self._tell_of_lost_days()

    def _missed_days(self, calendar: Calendar) -> set[date]:
        """The days since the oldest one heard of that were never read whole: at first contact there are none."""
        if calendar.newest is None:
            return set()
        had = {heard.day for heard in calendar.complete()}
        first = min(self._reading.days)
        days = {first + timedelta(days=n) for n in range((calendar.newest.day - first).days)}
        return days - had

    @override
    def _next_poll(self, now: datetime) -> datetime:
        # Not every house at the same second.
        spread = timedelta(seconds=sum(self.config_entry.entry_id.encode()) % 300)
        soon_after = next_analysis(now - AFTER_ANALYSIS - spread)
        return min(now + POLL_EVERY, soon_after + AFTER_ANALYSIS + spread)

    # What it amounts to.

    @override
    def _data_freshness(self) -> DataFreshness | None:
        return Calendar(self._reading.days).data_freshness()

    @override
    def _people(self, now: datetime, alerts: Sequence[Alert]) -> dict[str, PersonSnapshot]:
        calendar = Calendar(self._reading.days)
        theirs: dict[str, list[Alert]] = {person_id: [] for person_id in self._reading.people}
        for alert in alerts:
            if alert.person_id in theirs:
                theirs[alert.person_id].append(alert)
        return {
            person_id: snapshot_of(
                Person(person_id, self._name_of(followed)),
                theirs[person_id],
                calendar,
                on_from=self._on_from,
            )
            for person_id, followed in self._reading.people.items()
        }

    def _name_of(self, followed: Followed) -> str:
        """The e-mail's local part; the whole address where two of the followed share that."""
        name = followed.email.partition("@")[0]
        same = [one for one in self._reading.people.values() if one.email.startswith(f"{name}@")]
        return name if len(same) == 1 else followed.email

    # Keeping.

    @override
    def _load_state(self, stored: dict[str, Any], now: datetime) -> None:
        reading = _State.from_dict(stored) if stored else _State.empty()
        reading.not_after(now)
        self._reading = reading
        if reading.selection != self._selection.fingerprint:
            self._select_anew(now)
        self._tell_of_more_people()
        self._tell_of_lost_days()

    def _select_anew(self, now: datetime) -> None:
        """The options have changed: ask for everybody's consent again, and for the days of those who are new."""
        reading = self._reading
        reading.selection = self._selection.fingerprint
        reading.selected_at = reading.read_since = now
        reading.granted_to = None
        reading.more_people = False
        reading.unavailable = []
        if not self._selection.is_everybody:
            reading.people = {
                person_id: followed
                for person_id, followed in reading.people.items()
                if self._selection.names(followed.email)
            }

    @override
    def _state(self) -> dict[str, Any]:
        return self._reading.to_dict()

    # Saying what a person must know.

    @callback
    def _tell_of_more_people(self) -> None:
        issue = f"choose_people_{self.config_entry.entry_id}"
        if not self._reading.more_people:
            ir.async_delete_issue(self.hass, DOMAIN, issue)
            return
        create_issue(
            self.hass,
            issue,
            "choose_people",
            entry=self.config_entry.title,
            most=str(FOLLOWED_AT_MOST),
        )

    @callback
    def _tell_of_lost_days(self) -> None:
        """Have an issue for each run of lost days, and none for days that were had after all."""
        prefix = f"days_lost_{self.config_entry.entry_id}_"
        runs = {f"{prefix}{run[0]}": run for run in runs_of_days(self._reading.lost)}
        for domain, issue in list(ir.async_get(self.hass).issues):
            if domain == DOMAIN and issue.startswith(prefix) and issue not in runs:
                ir.async_delete_issue(self.hass, DOMAIN, issue)
        for issue, run in runs.items():
            create_issue(
                self.hass,
                issue,
                "days_lost",
                entry=self.config_entry.title,
                first=run[0].isoformat(),
                last=run[-1].isoformat(),
            )


async def followed_of(hass: HomeAssistant, entry: CareAlertsConfigEntry) -> dict[str, str]:
    """Whom an entry follows, shared user id -> e-mail, also while it is not running."""
    coordinator = getattr(entry, "runtime_data", None)
    if isinstance(coordinator, LumenCoordinator):
        people = coordinator.followed
    else:
        stored = (await SourceStore(hass, entry.entry_id).load()).get("provider")
        try:
            people = _State.from_dict(stored).people if stored else {}
        except AttributeError, LookupError, TypeError, ValueError:
            people = {}
    return {person_id: followed.email for person_id, followed in people.items()}
