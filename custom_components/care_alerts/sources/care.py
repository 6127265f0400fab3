"""Care: what people do about a source's alerts, and the test alerts that they send."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

from homeassistant.core import Context
from homeassistant.util import dt as dt_util

from ..alerts.acknowledgement import Actor
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
from .store import SourceStore


class Care:
    """What is done about the episodes of a source: taken, kept quiet for a while, tried out."""

    def __init__(
        self,
        source: str,
        store: SourceStore,
        announcer: Announcer,
        *,
        snapshot: Callable[[], SourceSnapshot],
        draw: Callable[[], object],
        save: Callable[[], Awaitable[None]],
        announce_now: Callable[[Iterable[str]], Awaitable[None]],
        reacknowledge_after_gap: timedelta | None,
        acknowledgement_expires_after: timedelta | None,
    ) -> None:
        """Note in `store` what is done about what is seen in `snapshot`.

        `draw` draws it anew, `save` writes the journal, `announce_now` writes it and announces the alerts with these ids.
        What is severe and observed `reacknowledge_after_gap` the newest that was acknowledged, or later, is nobody's, and so is
        what still goes on `acknowledgement_expires_after` later.
        """
        self._source = source
        self._store = store
        self._announcing = announcer
        self._snapshot = snapshot
        self._rebuild = draw
        self._save = save
        self._announce_now = announce_now
        self._reacknowledge_after_gap = reacknowledge_after_gap
        self._acknowledgement_expires_after = acknowledgement_expires_after

    async def acknowledge(
        self, topics: Iterable[AlertKey], *, by: Actor, note: str | None, context: Context
    ) -> list[Episode]:
        """Take the newest episode of each topic; return what has changed by that."""
        now = dt_util.utcnow()
        responses = self._store.responses
        taken: list[AlertKey] = []
        for episode in self._episodes_of(topics):
            is_severe = episode.severity is Severity.HIGH
            lasts = self._acknowledgement_expires_after if is_severe else None
            if responses.acknowledge(
                episode.topic,
                episode.span,
                by=by,
                at=now,
                note=note,
                reacknowledge_after_gap=self._reacknowledge_after_gap if is_severe else None,
                expires_at=now + lasts if lasts else None,
            ):
                taken.append(episode.topic)
        return await self._handled(taken, AlertAcknowledged, context)

    async def unacknowledge(
        self, topics: Iterable[AlertKey], *, by: Actor, context: Context
    ) -> list[Episode]:
        """Make the newest episode of each topic nobody's again; return what has changed by that."""
        now = dt_util.utcnow()
        responses = self._store.responses
        given_back = [
            episode.topic
            for episode in self._episodes_of(topics)
            if responses.unacknowledge(episode.topic, episode.span, at=now)
        ]
        return await self._handled(
            given_back, lambda episode: AcknowledgementUndone(episode, by), context
        )

    async def snooze(
        self,
        *,
        topics: Iterable[AlertKey] = (),
        people: Iterable[str | None] = (),
        until: datetime,
        by: Actor,
        context: Context,
    ) -> list[Snooze]:
        """Keep the open episodes of topics quiet, and what is not severe of people (None: of everybody)."""
        now = dt_util.utcnow()
        responses = self._store.responses
        snoozes = [
            responses.snooze_episode(episode.topic, episode.span, by=by, since=now, until=until)
            for episode in self._episodes_of(topics)
            if episode.is_open
        ]
        for person_id in people:
            snooze = Snooze(person_id=person_id, by=by, since=now, until=until)
            responses.snooze(snooze)
            snoozes.append(snooze)
        if snoozes:
            self._rebuild()
            await self._tell(map(Snoozed, snoozes), context)
        return snoozes

    async def unsnooze(
        self,
        *,
        topics: Iterable[AlertKey] = (),
        people: Iterable[str | None] = (),
        by: Actor,
        context: Context,
    ) -> list[Snooze]:
        """End the snoozes of topics, and all of people (None: all there are); return those ended."""
        now = dt_util.utcnow()
        responses = self._store.responses
        ended = responses.unsnooze(now, topics=topics)
        for person_id in people:
            ended += responses.unsnooze(now, person_id=person_id)
        if ended:
            self._rebuild()
            await self._tell((Unsnoozed(snooze, by) for snooze in ended), context)
        return ended

    async def drill(
        self, topics: Iterable[AlertKey], *, severity: Severity, lasts: timedelta = LASTS
    ) -> list[Alert]:
        """Send test alerts the whole way that real ones go."""
        now = dt_util.utcnow()
        alerts = [
            make_test_alert(self._source, topic, severity=severity, now=now, lasts=lasts)
            for topic in topics
        ]
        for alert in alerts:
            self._store.ledger.add(alert, announce=True)
        self._rebuild()
        await self._announce_now([alert.alert_id for alert in alerts])
        return alerts

    async def _handled(
        self, topics: list[AlertKey], happening: Callable[[Episode], DomainEvent], context: Context
    ) -> list[Episode]:
        if not topics:
            return []
        self._rebuild()
        episodes = self._episodes_of(topics)
        await self._tell(map(happening, episodes), context)
        return episodes

    async def _tell(self, happenings: Iterable[DomainEvent], context: Context) -> None:
        for happening in happenings:
            self._announcing.tell(happening, context)
        await self._save()

    def _episodes_of(self, topics: Iterable[AlertKey]) -> list[Episode]:
        snapshot = self._snapshot()
        return [episode for topic in topics if (episode := snapshot.episode(topic))]
