"""Care: what people do about a source's alerts, and the test alerts that they send."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

from homeassistant.core import Context
from homeassistant.util import dt as dt_util

from ..alerts.drills import LASTS, drill_of
from ..alerts.handling import Actor, Case, Snooze, Stretch
from ..alerts.happenings import (
    AcknowledgementUndone,
    AlertAcknowledged,
    Happening,
    Snoozed,
    Unsnoozed,
)
from ..alerts.model import Alert, Severity, Topic
from ..alerts.picture import Picture
from .announcing import Announcing
from .journal import Journal


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
    ) -> list[Case]:
        """Take the newest episode of each topic; return what has changed by that."""
        now = dt_util.utcnow()
        handling = self._journal.handling
        taken: list[Topic] = []
        for case in self._cases_of(topics):
            is_severe = case.severity is Severity.HIGH
            lasts = self._severe_taken_for if is_severe else None
            if handling.acknowledge(
                case.topic,
                case.episode,
                by=by,
                at=now,
                note=note,
                again_after=self._severe_again_after if is_severe else None,
                until=now + lasts if lasts else None,
            ):
                taken.append(case.topic)
        return await self._handled(taken, AlertAcknowledged, context)

    async def unacknowledge(
        self, topics: Iterable[Topic], *, by: Actor, context: Context
    ) -> list[Case]:
        """Make the newest episode of each topic nobody's again; return what has changed by that."""
        now = dt_util.utcnow()
        handling = self._journal.handling
        given_back = [
            case.topic
            for case in self._cases_of(topics)
            if handling.unacknowledge(case.topic, case.episode, at=now)
        ]
        return await self._handled(
            given_back, lambda case: AcknowledgementUndone(case, by), context
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
        snoozes = [
            Snooze(
                topic=case.topic, stretch=Stretch.of(case.episode), by=by, since=now, until=until
            )
            for case in self._cases_of(topics)
            if case.episode.is_open
        ]
        snoozes += [
            Snooze(person_id=person_id, by=by, since=now, until=until) for person_id in people
        ]
        for snooze in snoozes:
            self._journal.handling.snooze(snooze)
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
        handling = self._journal.handling
        ended = handling.unsnooze(now, topics=topics)
        for person_id in people:
            ended += handling.unsnooze(now, person_id=person_id)
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
        self, topics: list[Topic], happening: Callable[[Case], Happening], context: Context
    ) -> list[Case]:
        if not topics:
            return []
        self._draw()
        cases = self._cases_of(topics)
        await self._tell(map(happening, cases), context)
        return cases

    async def _tell(self, happenings: Iterable[Happening], context: Context) -> None:
        for happening in happenings:
            self._announcing.tell(happening, context)
        await self._save()

    def _cases_of(self, topics: Iterable[Topic]) -> list[Case]:
        picture = self._picture()
        return [case for topic in topics if (case := picture.case(topic))]
