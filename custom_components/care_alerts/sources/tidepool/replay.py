"""What would have been told of somebody's glucose by other settings: the same evaluator, on the readings that are kept.

Pure; time is that of the readings. Each comes when it came, and what is due in between is judged when it was due. What
only silence would tell of (no communication, not looping) is not replayed: nobody keeps when Tidepool itself was silent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from ...alerts.alert import Alert
from ...alerts.glucose import MG_DL
from ...alerts.readings import KeptReading
from .cadence import SOON
from .evaluation import EvaluationResult
from .evaluator import AlertEvaluator
from .excursions import SILENCE, is_out
from .kind_evaluator import LONGEST_BELIEVED
from .people import Followed
from .readings import HELD, Observed, Readings
from .records import Data, Reading, Sender
from .settings import GLUCOSE_KINDS, KINDS, Settings

QUIET: Final = LONGEST_BELIEVED + SILENCE
"""So long after the newest value out of range came, all of it is over: what comes then changes nothing that is told."""


def replay(
    person_id: str,
    settings: Settings,
    readings: Iterable[KeptReading],
    *,
    until: datetime,
    delay: timedelta | None = None,
) -> list[Alert]:
    """Tell what the evaluator would have told by `settings`, oldest first, had they been these all along.

    `until`: what time alone would have told by then is told. `delay`: how late readings usually come, of those of which nobody
    knows when they did.
    """
    delay = delay or timedelta()
    arrivals = sorted((_received_at(one, delay), one) for one in readings)
    if not arrivals:
        return []
    first = min(one.observed_at for _, one in arrivals)
    past = _Past(person_id, settings, first, arrivals[0][0])
    for at, some in groupby(arrivals, key=lambda arrival: arrival[0]):
        past.hear([one for _, one in some], at)
    past.pass_time(until)
    return past.alerts


def _received_at(one: KeptReading, delay: timedelta) -> datetime:
    return one.received_at or one.observed_at + delay


@dataclass
class _Past:
    """Somebody as they were followed, from `begin` on; their readings reach back to `first`."""

    person_id: str
    settings: Settings
    first: datetime
    begin: datetime
    alerts: list[Alert] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Know nothing yet."""
        document = self.settings.document
        names = [KINDS[kind] for kind in GLUCOSE_KINDS if kind not in self.settings.unreadable]
        self.settings = Settings({name: document[name] for name in names if name in document})
        self._thresholds = [
            (kind, threshold, unit)
            for kind in GLUCOSE_KINDS
            for threshold, unit in (self.settings.threshold(kind),)
            if threshold is not None and unit is not None
        ]
        self._followed = Followed(
            name="", since=self.begin, watch=AlertEvaluator(person_id=self.person_id)
        )
        self._readings = Readings(
            covered_from=self.first, heard_at=self.begin, clocks=self._followed.clocks
        )
        self._result = EvaluationResult()
        self._quiet_from = self._forget_at = self.begin

    def hear(self, kept: Sequence[KeptReading], now: datetime) -> None:
        """Have what came at `now`, and judge what was due before it."""
        self.pass_time(now)
        self._ask_in_vain(now)
        observed = [_observed(one, now) for one in kept]
        before = self._readings.heard_to
        self._readings.add(
            Data(readings=tuple(one.reading for one in observed), loops=(), unreadable=0), now
        )
        self._followed.hear(self._readings, before, now)
        if any(
            is_out(kind, one, threshold, unit)
            for one in observed
            for kind, threshold, unit in self._thresholds
        ):
            self._quiet_from = now + QUIET
        is_quiet = now >= self._quiet_from and not any(
            history.open for history in self._followed.watch.kinds.values()
        )
        if not is_quiet:
            self._judge(now)
        if now >= self._forget_at:
            self._readings.forget_before(now - HELD)
            self._forget_at = now + SILENCE
        self._followed.cadence.next_due(self._readings.heard_to, now)

    def pass_time(self, until: datetime) -> None:
        """Judge all that is due before `until`."""
        while (due := self._result.changes_at) and due < until:
            self._judge(due)

    def _ask_in_vain(self, until: datetime) -> None:
        """Ask as it was asked before something came: how often that is tells the evaluator what to wait for."""
        cadence = self._followed.cadence
        while cadence.asks_at and cadence.asks_at < until - SOON / 2:
            at, newest = cadence.asks_at, self._readings.heard_to
            cadence.heard(newest, at)
            cadence.next_due(newest, at)

    def _judge(self, now: datetime) -> None:
        followed = self._followed
        self._result = followed.watch.evaluate(
            self.settings, self._readings, now, followed.delay, followed.cadence
        )
        self.alerts += self._result.alerts


def _observed(one: KeptReading, now: datetime) -> Observed:
    """A reading as its sender sent it."""
    sender = Sender.of_kept(one.sender)
    reading = Reading(
        time=one.observed_at,
        kind=sender.kind,
        device=sender.device,
        value=one.mg_dl,
        unit=MG_DL,
        out_of_range=one.out_of_range,
        origin=sender.origin,
        data_set=sender.data_set,
    )
    return Observed(reading=reading, observed_at=one.observed_at, received_at=now)
