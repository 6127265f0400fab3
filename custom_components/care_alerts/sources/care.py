"""Care: what people do about a source's alerts, and the test alerts that they send."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from homeassistant.core import Context
from homeassistant.util import dt as dt_util

from ..alerts.acknowledgement import Acknowledgement, Actor
from ..alerts.alert import Alert, AlertKey, Severity
from ..alerts.domain_events import (
    AcknowledgementUndone,
    AlertAcknowledged,
    DomainEvent,
    Snoozed,
    Unsnoozed,
)
from ..alerts.response_log import Episode
from ..alerts.snapshot import SourceSnapshot
from ..alerts.snooze import Snooze
from ..alerts.testing import LASTS, make_test_alert
from .announcer import Announcer
from .source_type import SourceType
from .store import SourceStore


class Owner(Protocol):
    """Whose episodes they are."""

    source_type: SourceType
    store: SourceStore
    announcer: Announcer

    def snapshot(self) -> SourceSnapshot:
        """The snapshot with all that is in the store."""

    def rebuild(self) -> None:
        """Build it anew: something was done about an episode."""

    async def save(self) -> None:
        """Write the store with all that goes with it."""

    async def announce_now(self, alert_ids: Iterable[str]) -> None:
        """Write and announce alerts."""


class Care:
    """What is done about the episodes of a source: acknowledged, snoozed, tried out."""

    def __init__(self, owner: Owner) -> None:
        """Do it for the owner."""
        self._owner = owner

    async def acknowledge(
        self,
        topics: Iterable[AlertKey],
        *,
        by: Actor,
        note: str | None,
        context: Context,
        announce: bool = True,
    ) -> list[Episode]:
        """Take the newest episode of each topic; return what has changed by that.

        `announce`: not where it is announced of another source, whose episode is one with it.
        """
        now = dt_util.utcnow()
        responses = self._owner.store.responses
        acknowledged: list[AlertKey] = []
        for episode in self._episodes_of(topics):
            is_severe = episode.severity is Severity.HIGH
            lasts = self._owner.source_type.acknowledgement_expires_after if is_severe else None
            if responses.acknowledge(
                episode.topic,
                episode.span,
                by=by,
                at=now,
                note=note,
                reacknowledge_after_gap=(
                    self._owner.source_type.reacknowledge_after_gap if is_severe else None
                ),
                expires_at=now + lasts if lasts else None,
            ):
                acknowledged.append(episode.topic)
        return await self._handled(acknowledged, AlertAcknowledged if announce else None, context)

    async def inherit(self, topic: AlertKey, held: Acknowledgement) -> None:
        """Keep of the newest episode of a topic who has it: they have what it is one with. Nothing is announced."""
        for episode in self._episodes_of([topic]):
            self._owner.store.responses.inherit(topic, episode.span, held)
        self._owner.rebuild()
        await self._owner.save()

    async def unacknowledge(
        self, topics: Iterable[AlertKey], *, by: Actor, context: Context, announce: bool = True
    ) -> list[Episode]:
        """Make the newest episode of each topic nobody's again; return what has changed by that. `announce`: as above."""
        now = dt_util.utcnow()
        responses = self._owner.store.responses
        unacknowledged = [
            episode.topic
            for episode in self._episodes_of(topics)
            if responses.unacknowledge(episode.topic, episode.span, at=now)
        ]
        return await self._handled(
            unacknowledged,
            (lambda episode: AcknowledgementUndone(episode, by)) if announce else None,
            context,
        )

    async def snooze(
        self,
        *,
        topics: Iterable[AlertKey] = (),
        people: Mapping[str | None, Collection[str]] | None = None,
        until: datetime,
        by: Actor,
        context: Context,
    ) -> list[Snooze]:
        """Keep the open episodes of topics quiet, and what is not severe of people (None: of everybody).

        `people`: with the alert types that are exempt.
        """
        now = dt_util.utcnow()
        responses = self._owner.store.responses
        snoozes = [
            responses.snooze_episode(episode.topic, episode.span, by=by, since=now, until=until)
            for episode in self._episodes_of(topics)
            if episode.is_open
        ]
        for person_id, exempt in (people or {}).items():
            snooze = Snooze(
                person_id=person_id, exempt=frozenset(exempt), by=by, since=now, until=until
            )
            responses.snooze(snooze)
            snoozes.append(snooze)
        if snoozes:
            self._owner.rebuild()
            await self._fire(map(Snoozed, snoozes), context)
        return snoozes

    async def unsnooze(
        self,
        *,
        topics: Iterable[AlertKey] = (),
        people: Mapping[str | None, Collection[str]] | None = None,
        by: Actor,
        context: Context,
    ) -> list[Snooze]:
        """End the snoozes of topics, and all of people (None: all there are); return those ended.

        `people`: with the alert types that are exempt.
        """
        now = dt_util.utcnow()
        responses = self._owner.store.responses
        ended = responses.unsnooze(now, topics=topics)
        for person_id, exempt in (people or {}).items():
            ended += responses.unsnooze(now, person_id=person_id, exempt=exempt)
        if ended:
            self._owner.rebuild()
            await self._fire((Unsnoozed(snooze, by) for snooze in ended), context)
        return ended

    async def drill(
        self, topics: Iterable[AlertKey], *, severity: Severity, lasts: timedelta = LASTS
    ) -> list[Alert]:
        """Send test alerts the whole way that real ones go."""
        now = dt_util.utcnow()
        alerts = [
            make_test_alert(
                self._owner.source_type.key, topic, severity=severity, now=now, lasts=lasts
            )
            for topic in topics
        ]
        for alert in alerts:
            self._owner.store.ledger.add(alert, announce=True)
        self._owner.rebuild()
        await self._owner.announce_now([alert.alert_id for alert in alerts])
        return alerts

    async def _handled(
        self,
        topics: list[AlertKey],
        event: Callable[[Episode], DomainEvent] | None,
        context: Context,
    ) -> list[Episode]:
        if not topics:
            return []
        self._owner.rebuild()
        episodes = self._episodes_of(topics)
        await self._fire(map(event, episodes) if event else (), context)
        return episodes

    async def _fire(self, events: Iterable[DomainEvent], context: Context) -> None:
        for event in events:
            self._owner.announcer.fire(event, context)
        await self._owner.save()

    def _episodes_of(self, topics: Iterable[AlertKey]) -> list[Episode]:
        snapshot = self._owner.snapshot()
        return [episode for topic in topics if (episode := snapshot.episode(topic))]
