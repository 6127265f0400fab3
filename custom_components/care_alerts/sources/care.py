"""Care: what people do about a source's alerts, and the test alerts that they send."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

from homeassistant.core import Context
from homeassistant.util import dt as dt_util

from ..alerts.acknowledgement import Actor
from ..alerts.alert import Alert, Severity, Topic
from ..alerts.domain_events import (
    AcknowledgementUndone,
    AlertAcknowledged,
    Happening,
    Snoozed,
    Unsnoozed,
)
from ..alerts.response_log import Episode
from ..alerts.snapshot import Picture
from ..alerts.snooze import Snooze
from ..alerts.testing import LASTS, drill_of
from .announcer import Announcing
from .store import Journal


class Care:
    """What is done about the episodes of a source: taken, kept quiet for a while, tried out."""

    def __init__(
        self,
        source: str,
        journal: Journal,
        announcing: Announcing,
        *,
        picture: Callable[[], Picture],
        draw: Callable[[], object],
        save: Callable[[], Awaitable[None]],
        tell_now: Callable[[Iterable[str]], Awaitable[None]],
        severe_again_after: timedelta | None,
        severe_taken_for: timedelta | None,
    ) -> None:
        """Note in `journal` what is done about what is seen in `picture`.

        `draw` draws it anew, `save` writes the journal, `tell_now` writes it and announces the alerts with these ids.
        What is severe and observed `severe_again_after` the newest that was acknowledged, or later, is nobody's, and so is
        what still goes on `severe_taken_for` later.
        """
        self._source = source
        self._journal = journal
        self._announcing = announcing
        self._picture = picture
        self._draw = draw
        self._save = save
        self._tell_now = tell_now
        self._severe_again_after = severe_again_after
        self._severe_taken_for = severe_taken_for

    async def acknowledge(
        self, topics: Iterable[Topic], *, by: Actor, note: str | None, context: Context
    ) -> list[Episode]:
        """Take the newest episode of each topic; return what has changed by that."""
        now = dt_util.utcnow()
        responses = self._journal.responses
        taken: list[Topic] = []
        for episode in self._episodes_of(topics):
            is_severe = episode.severity is Severity.HIGH
            lasts = self._severe_taken_for if is_severe else None
            if responses.acknowledge(
                episode.topic,
                episode.span,
                by=by,
                at=now,
                note=note,
                reacknowledge_after_gap=self._severe_again_after if is_severe else None,
                expires_at=now + lasts if lasts else None,
            ):
                taken.append(episode.topic)
        return await self._handled(taken, AlertAcknowledged, context)

    async def unacknowledge(
        self, topics: Iterable[Topic], *, by: Actor, context: Context
    ) -> list[Episode]:
        """Make the newest episode of each topic nobody's again; return what has changed by that."""
        now = dt_util.utcnow()
        responses = self._journal.responses
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
        topics: Iterable[Topic] = (),
        people: Iterable[str | None] = (),
        until: datetime,
        by: Actor,
        context: Context,
    ) -> list[Snooze]:
        """Keep the open episodes of topics quiet, and what is not severe of people (None: of everybody)."""
        now = dt_util.utcnow()
        responses = self._journal.responses
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
            self._draw()
            await self._tell(map(Snoozed, snoozes), context)
        return snoozes

    async def unsnooze(
        self,
        *,
        topics: Iterable[Topic] = (),
        people: Iterable[str | None] = (),
        by: Actor,
        context: Context,
    ) -> list[Snooze]:
        """End the snoozes of topics, and all of people (None: all there are); return those ended."""
        now = dt_util.utcnow()
        responses = self._journal.responses
        ended = responses.unsnooze(now, topics=topics)
        for person_id in people:
            ended += responses.unsnooze(now, person_id=person_id)
        if ended:
            self._draw()
            await self._tell((Unsnoozed(snooze, by) for snooze in ended), context)
        return ended

    async def drill(
        self, topics: Iterable[Topic], *, severity: Severity, lasts: timedelta = LASTS
    ) -> list[Alert]:
        """Send test alerts the whole way that real ones go."""
        now = dt_util.utcnow()
        alerts = [
            drill_of(self._source, topic, severity=severity, now=now, lasts=lasts)
            for topic in topics
        ]
        for alert in alerts:
            self._journal.ledger.write_down(alert, announce=True)
        self._draw()
        await self._tell_now([alert.alert_id for alert in alerts])
        return alerts

    async def _handled(
        self, topics: list[Topic], happening: Callable[[Episode], Happening], context: Context
    ) -> list[Episode]:
        if not topics:
            return []
        self._draw()
        episodes = self._episodes_of(topics)
        await self._tell(map(happening, episodes), context)
        return episodes

    async def _tell(self, happenings: Iterable[Happening], context: Context) -> None:
        for happening in happenings:
            self._announcing.tell(happening, context)
        await self._save()

    def _episodes_of(self, topics: Iterable[Topic]) -> list[Episode]:
        picture = self._picture()
        return [episode for topic in topics if (episode := picture.episode(topic))]
