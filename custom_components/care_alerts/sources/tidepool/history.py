"""What was announced of each alert of a person, for as long as the alerts themselves are kept. Pure; time is an argument."""

from dataclasses import dataclass, field
from datetime import datetime

from ...alerts.episode import Ending, EndReason
from ...alerts.stored import Stored
from .excursions import Excursion


@dataclass(slots=True, kw_only=True)
class AnnouncedEpisode(Stored):
    """A run that was told of: its identity `started`, its newest reading, when and how often it was told, its end.

    `observed_at`, `late`: those of its newest alert. `given_up`: it ended because nobody looked or nothing was to be seen any more,
    whatever became of it; if it still goes on when it is seen again, that is told as another run, the same one `again`.
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
    """Others that this was found to be one with."""

    def give_up(self, at: datetime) -> None:
        """Nobody looks any more, or there is nothing to see: for whoever was told it is over, for good."""
        self.end(at, EndReason.EXPIRED)
        self.given_up = True

    def end(self, at: datetime, reason: EndReason) -> None:
        """It is over: never before its newest alert, whose episode would not end by that."""
        self.ended_at, self.end_reason = max(at, self.observed_at or at), reason

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
            self.ended_at = self.end_reason = None
        self.taken_in += [other, *other.taken_in]
        other.taken_in = []


@dataclass(slots=True, kw_only=True)
class KindHistory(Stored):
    """What is remembered of one alert: its settings since when (None: since ever), and the runs told of."""

    settings: str | None = None
    since: datetime | None = None
    told: list[AnnouncedEpisode] = field(default_factory=list)

    @property
    def open(self) -> AnnouncedEpisode | None:
        """The run that was told of and is not over."""
        return next((one for one in reversed(self.told) if one.ended_at is None), None)

    def of(self, run: Excursion) -> AnnouncedEpisode | None:
        """The run told of that this is. Late readings may show that it began sooner, or broke off for a while.

        They may show, too, that what was told of as two was one: the first goes on as both, unless even later ones
        show that it was two after all.
        """
        ours = [one for one in self.told if run.first <= one.last and run.last >= one.started]
        looked_at = [one for one in ours if not one.given_up]
        if not looked_at:
            return ours[-1] if ours else self._parted(run)
        first, *others = looked_at
        for other in others:
            first.take_in(other)
            self.told.remove(other)
        return first

    def _parted(self, run: Excursion) -> AnnouncedEpisode | None:
        for one in self.told:
            for other in one.taken_in:
                if run.first <= other.last and run.last >= other.started:
                    one.taken_in.remove(other)
                    self.told.append(other)
                    return other
        return None

    def part(self) -> None:
        """What is over by the settings that were is no part of what goes on by others: whoever took that did not take this."""
        for one in self.told:
            one.given_up = one.given_up or one.ended_at is not None

    def endings(self) -> list[Ending]:
        """The ends of runs, for their episodes."""
        return [
            Ending(one.ended_at, one.end_reason)
            for one in self.told
            if one.ended_at and one.end_reason
        ]
