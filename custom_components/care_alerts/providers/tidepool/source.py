"""What is known of the people who share with us, judged, shown, kept and said."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, override

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ...alerts.freshness import Status, Word
from ...alerts.model import Alert
from ...alerts.picture import PersonPicture
from ...const import DOMAIN
from ..coordinator import CareAlertsConfigEntry, SourceCoordinator
from ..glucose import usual_glucose_unit
from ..http import base_url
from .api import FOLLOW, VIEW, TidepoolClient
from .environments import CONF_ENVIRONMENT, host_of
from .judging import SOURCE, Reason
from .people import LONGEST_RETRY, Attention, Followed, Known
from .readings import NOW, usual_delay
from .session import PasswordSession
from .settings import Settings
from .translation import picture_of, why_not_judged, word

CONF_JUDGED: Final = "judged"
CONF_FOLLOWED: Final = "followed"

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
        why_not = why_not_judged(followed, judges=self._judges)
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
        heard = [one.readings.heard_at for one in self._attention.values() if one.readings]
        if self.last_contact:
            heard.append(self.last_contact)
        people = self._reading.people.values() if self._judges else ()
        return word(people, max(heard, default=None))

    @override
    def _delay(self) -> timedelta | None:
        return usual_delay(
            [delay for followed in self._reading.people.values() for delay in followed.delays]
        )

    @override
    def _people(self, now: datetime, alerts: Sequence[Alert]) -> dict[str, PersonPicture]:
        theirs: dict[str, list[Alert]] = {person_id: [] for person_id in self._reading.people}
        for alert in alerts:
            if (held := theirs.get(alert.person_id)) is not None:
                held.append(alert)
        return {
            person_id: picture_of(
                person_id,
                followed,
                self._attention[person_id].judged,
                theirs[person_id],
                now,
                judges=self._judges,
                unit=self._usual_unit(),
            )
            for person_id, followed in self._reading.people.items()
        }

    def _usual_unit(self) -> str:
        """The unit of thresholds where nobody has one: the usual one here."""
        return usual_glucose_unit(self.hass.config.country)

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
