"""What was announced of each alert of a person, so that nothing is announced twice. Pure; time is an argument."""

from dataclasses import dataclass, field
from datetime import datetime

from ...alerts.episode import Ending, EndReason
from ...alerts.ledger import KEPT_FOR
from ...alerts.stored import Stored
from .excursions import Excursion
from .settings import AlertSettings


@dataclass(slots=True, kw_only=True)
class AnnouncedEpisode(Stored):
    """An excursion, or a silence, that was announced.

    `started`: its identity. `last`: its newest reading. `told_at`, `times`: when it was last announced, and
    how often. `observed_at`, `late`: those of its newest alert. `given_up`: closed by time-out, whatever became
    of it. If the same readings are seen again, that is announced as a new episode, the same one `again`.
    """

    started: datetime
    last: datetime
    told_at: datetime
    observed_at: datetime | None = None
    late: bool = False
    times: int = 1
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    given_up: bool = False
    again: int = 0
    taken_in: list[AnnouncedEpisode] = field(default_factory=list)
    """Others that late readings have shown to be part of this one."""

    def give_up(self, at: datetime) -> None:
        """Close it by time-out: nobody evaluates it any more, or its readings are gone."""
        self.end(at, EndReason.EXPIRED)
        self.given_up = True

    def end(self, at: datetime, reason: EndReason) -> None:
        """Close it, but never before its newest alert: that would open its episode again."""
        self.ended_at, self.end_reason = max(at, self.observed_at or at), reason

    def reopen(self) -> None:
        """Take back its end: it goes on."""
        self.ended_at = self.end_reason = None

    def take_in(self, other: AnnouncedEpisode) -> None:
        """Be what both were."""
        self.last = max(self.last, other.last)
        self.told_at = max(self.told_at, other.told_at)
        self.times = max(self.times, other.times)
        self.observed_at = max(filter(None, (self.observed_at, other.observed_at)), default=None)
        if self.ended_at and other.ended_at:
            later = max(self, other, key=lambda one: one.ended_at or one.last)
            self.ended_at, self.end_reason = later.ended_at, later.end_reason
        else:
            self.reopen()
        self.taken_in += [other, *other.taken_in]
        other.taken_in = []

    def shares_readings_with(self, excursion: Excursion) -> bool:
        """Whether the two have a moment in common."""
        return excursion.first <= self.last and excursion.last >= self.started


@dataclass(slots=True, kw_only=True)
class KindHistory(Stored):
    """What is stored of one alert of a person.

    `settings`: those it was last evaluated by, as text; `since` when (None: since ever). `told`: what was
    announced.
    """

    settings: str | None = None
    since: datetime | None = None
    told: list[AnnouncedEpisode] = field(default_factory=list)

    @property
    def open(self) -> AnnouncedEpisode | None:
        """The announced episode that is not over."""
        return next((one for one in reversed(self.told) if one.ended_at is None), None)

    def begin(self, settings: AlertSettings | None, now: datetime) -> None:
        """Be ready to evaluate by `settings`; what is older than the alerts themselves is forgotten.

        What is over by other settings is no part of what goes on by these: whoever acknowledged that did not
        acknowledge this.
        """
        self.told = [one for one in self.told if one.last > now - KEPT_FOR]
        if self.settings != repr(settings):
            self.since = None if self.settings is None else now
            self.settings = repr(settings)
            for one in self.told:
                one.given_up = one.given_up or one.ended_at is not None

    def episode_of(self, excursion: Excursion) -> AnnouncedEpisode | None:
        """The announced episode that an excursion is. Late readings may show that it began sooner, or paused.

        They may show, too, that two episodes are one: the first goes on as both, unless even later readings
        show that they were two after all.
        """
        # Of two weeks there are hundreds, asked for again and again.
        first_at, last_at = excursion.first, excursion.last
        same = [one for one in self.told if first_at <= one.last and last_at >= one.started]
        evaluated = [one for one in same if not one.given_up]
        if not evaluated:
            return same[-1] if same else self._parted(excursion)
        first, *others = evaluated
        for other in others:
            first.take_in(other)
            self.told.remove(other)
        return first

    def _parted(self, excursion: Excursion) -> AnnouncedEpisode | None:
        """The episode that an excursion is, of those that others took in: it is one of its own again."""
        for one in self.told:
            for other in one.taken_in:
                if other.shares_readings_with(excursion):
                    one.taken_in.remove(other)
                    self.told.append(other)
                    return other
        return None

    def endings(self) -> list[Ending]:
        """The ends of what was announced, to derive episodes by."""
        return [
            Ending(one.ended_at, one.end_reason, seen_until=one.last)
            for one in self.told
            if one.ended_at and one.end_reason
        ]
