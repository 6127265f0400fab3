"""What is known of the people who share with us, judged, shown, kept and said."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, override

from homeassistant.const import UnitOfTime
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ...alerts.episodes import episodes
from ...alerts.freshness import Status, Word
from ...alerts.model import Alert, Person
from ...alerts.picture import Condition, PersonPicture, Setting
from ...const import DOMAIN
from ..coordinator import CareAlertsConfigEntry, SourceCoordinator
from ..glucose import usual_glucose_unit
from ..http import base_url
from .api import FOLLOW, VIEW, TidepoolClient
from .environments import CONF_ENVIRONMENT, host_of
from .judging import MISSED, SILENCE, SOURCE, Reason, Verdict
from .people import LONGEST_RETRY, Attention, Followed, Known
from .readings import NOW, usual_delay
from .session import PasswordSession
from .settings import (
    FIELDS,
    GLUCOSE_KINDS,
    HIGHEST_THRESHOLD,
    KINDS,
    LONGEST_DELAY,
    LONGEST_REPEAT,
    Field,
    Settings,
)
from .units import STEP

CONF_JUDGED: Final = "judged"
CONF_FOLLOWED: Final = "followed"

PEOPLE_EVERY: Final = timedelta(hours=1)

SESSIONS: HassKey[dict[str, PasswordSession]] = HassKey(f"{DOMAIN}_tidepool_sessions")
"""Sessions by their entries' ids: they outlive a reload, and end when the entry is removed."""


class TidepoolSource(SourceCoordinator):
    """The people who share with a care partner, and what comes of what was heard of them."""

    source = SOURCE
    name_of_source = "Tidepool"
    longest_retry = LONGEST_RETRY

    def __init__(self, hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
        """Set up for a config entry with `environment`, `username`, `password` and `user_id`."""
        super().__init__(hass, entry)
        http = async_get_clientsession(hass)
        url = base_url(host_of(entry.data[CONF_ENVIRONMENT]))
        sessions = hass.data.setdefault(SESSIONS, {})
        session = PasswordSession(http, url, entry.data["username"], entry.data["password"])
        before = sessions.get(entry.entry_id)
        self._session = before if before and before.is_for(session) else session
        sessions[entry.entry_id] = self._session
        self._client = TidepoolClient(http, url, self._session)
        self._me: str = entry.data["user_id"]
        self._judges: bool = entry.options.get(CONF_JUDGED, True)
        self._chosen: frozenset[str] = frozenset(entry.options.get(CONF_FOLLOWED, ()))
        self._reading = Known()
        self._attention: dict[str, Attention] = {}
        self._people_due = dt_util.utcnow()
        self._in_one_go = True
        """Whether the next poll asks for everything due, however long it takes."""
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

    def _is_watched(self, person_id: str) -> bool:
        followed = self._reading.people.get(person_id)
        return self._judges and followed is not None and VIEW in followed.allows

    def _is_settable(self, person_id: str) -> bool:
        followed = self._reading.people.get(person_id)
        return followed is not None and FOLLOW in followed.allows

    # Judging.

    def _judge(self, person_id: str, now: datetime) -> None:
        """Judge what is known of somebody and write down what is to be told."""
        followed, attention = self._reading.people[person_id], self._attention[person_id]
        why_not = self._why_not_judged(followed)
        if why_not or attention.readings is None or not followed.settings_read:
            attention.judged = followed.watch.rest(now, for_good=why_not is Reason.NOT_JUDGED)
            return
        is_first = not followed.watch.kinds
        settings = None if followed.settings is None else Settings(followed.settings)
        usual = usual_delay(followed.delays) or timedelta()
        attention.judged = followed.watch.judge(settings, attention.readings, now, usual)
        for alert in attention.judged.alerts:
            # What was so before somebody was followed is history.
            is_news = not is_first and alert.observed_at > followed.since - NOW
            self.journal.ledger.write_down(alert, announce=is_news)

    def _why_not_judged(self, followed: Followed) -> Reason | None:
        if not self._judges:
            return Reason.NOT_JUDGED
        if not (followed.may(VIEW) and followed.may(FOLLOW)):
            return Reason.NOT_PERMITTED
        return None

    @override
    def _time_tells(self, now: datetime) -> None:
        for person_id, attention in self._attention.items():
            if attention.judged.changes_at and attention.judged.changes_at <= now:
                self._judge(person_id, now)

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
            key_of(one): setting_of(one, settings.value(one), settings.unit(one.kind) or usual)
            for one in FIELDS.values()
        }

    def _unit_for(self, followed: Followed | None) -> str:
        """The unit of somebody who has no settings yet: the one they read, or the usual one here."""
        return (followed and followed.unit) or usual_glucose_unit(self.hass.config.country)

    # Keeping.

    @override
    def _load_state(self, stored: dict[str, Any], now: datetime) -> None:
        reading = Known.from_dict(stored)
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
        # Issue ids, unlike their data, are in what somebody sends us to look at.
        who = f"{entry.entry_id}_{sha256(person_id.encode()).hexdigest()[:12]}"
        issue = f"permission_lost_{who}"
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
        issue = f"no_thresholds_{who}"
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


def key_of(field: Field) -> str:
    """The key of a setting's entity: a switch goes by the name of its alert."""
    return field.kind if field.name == "enabled" else f"{field.kind}_{field.name}"


def setting_of(one: Field, value: bool | float | None, unit: str) -> Setting:
    """A setting as it is shown; `unit` is that of a threshold."""
    match one.name:
        case "threshold":
            return Setting(value=value, unit=unit, highest=HIGHEST_THRESHOLD[unit], step=STEP[unit])
        case "enabled":
            return Setting(value=value)
        case name:
            longest = LONGEST_DELAY if name == "delay" else LONGEST_REPEAT
            return Setting(value=value, unit=UnitOfTime.MINUTES, highest=longest)
