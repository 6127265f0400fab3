"""A person's readings as they come in. Pure; time is an argument."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice, pairwise
from statistics import median
from typing import TYPE_CHECKING, Final

from ...alerts.glucose import Glucose, Trend
from ...alerts.readings import KeptReading
from .clocks import Clock, Date
from .records import CBG, DOSING_DECISION, Data, Reading, Sender

if TYPE_CHECKING:
    from .excursions import Scan

NOW: Final = timedelta(minutes=15)
"""How old a reading may be and still speak of the present."""

HELD: Final = timedelta(hours=24)

GOES_ON: Final = timedelta(hours=1)
"""Who was not heard for so long has stopped, or is found by looking back."""

GAP: Final = timedelta(minutes=4)
"""Between two readings of a device of which nobody knows how often it reads: a little less than most take."""

MOST_DEVICES: Final = 20
"""Of one day (ours): nobody wears as many, and each is compared with all others. The newest of more are not looked at."""

LOOP: Final = Sender(DOSING_DECISION)

_TRENDS: Final = {
    "rapidRise": Trend.RISING_QUICKLY,
    "moderateRise": Trend.RISING,
    "slowRise": Trend.RISING_SLIGHTLY,
    "constant": Trend.STEADY,
    "slowFall": Trend.FALLING_SLIGHTLY,
    "moderateFall": Trend.FALLING,
    "rapidFall": Trend.FALLING_QUICKLY,
}
"""Tidepool's trends ("Glucose Trend"); of any other, nothing is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A reading, when it was observed, and when we first had it."""

    reading: Reading
    observed_at: datetime
    received_at: datetime

    def as_glucose(self) -> Glucose:
        """The same in the words all sources share."""
        return Glucose(
            observed_at=self.observed_at,
            value=self.reading.value,
            unit=self.reading.unit,
            trend=_TRENDS.get(self.reading.trend or ""),
            out_of_range=self.reading.out_of_range,
        )


type Device = tuple[str, str]
"""What readings come from: their kind (`cbg`, `smbg`) and its name."""


@dataclass(slots=True)
class Readings:
    """What is held of a person's readings: each once, whatever order they came in and however often.

    `covered_from`: how far back we asked; `heard_at`: when we last had an answer. `clocks` are those of whoever sends
    them, with the dates of what came before: it is received once, also over a restart.
    """

    covered_from: datetime
    heard_at: datetime
    clocks: list[Clock] = field(default_factory=list)
    newest_loop: datetime | None = None
    corrected: set[str] = field(default_factory=set)
    """The keys of those that the newest answer has in the place of others, or otherwise than before."""
    _has_answer: bool = False
    _held: dict[Sender, dict[str, Reading]] = field(default_factory=dict)
    _observed: dict[Sender, list[Observed]] = field(default_factory=dict)
    """What is dated of it, in order."""
    _glucose: dict[Sender, list[Observed]] = field(default_factory=dict)
    """What is glucose of that."""
    _ordered: dict[Sender, tuple[dict[str, Date], int, int]] = field(default_factory=dict)
    """The dates by which each is in order, how many there were, and of how many that are held."""
    _scans: dict[str, tuple[tuple[float, str], dict[Device, Scan]]] = field(default_factory=dict)
    _clocks: dict[Sender, Clock] = field(init=False)
    """The same, by whose they are."""

    def __post_init__(self) -> None:
        """Know the clocks by whose they are."""
        self._clocks = {one.sender: one for one in reversed(self.clocks)}

    def add(self, data: Data, now: datetime) -> None:
        """Take up what was received at `now`."""
        is_seen = self._has_answer and now - self.heard_at <= NOW
        self._has_answer, self.heard_at = True, now
        self.corrected = set()
        answers: dict[Sender, dict[str, Reading]] = {}
        for reading in data.readings:
            answers.setdefault(reading.sender, {})[reading.key] = reading
        for sender, answer in answers.items():
            clock, held = self._clock(sender), self._held.setdefault(sender, {})
            # Corrected by whoever sent it: it comes in the place of what does not come any more.
            gone = {one.time: key for key, one in held.items() if key not in answer}
            for key in answer.keys() - held.keys():
                if old := gone.get(answer[key].time):
                    del held[old]
                    clock.replace(old, key)
                    self.corrected.add(key)
                    self._ordered.pop(sender, None)
            others = {key for key in answer.keys() & held.keys() if answer[key] != held[key]}
            if others:
                self.corrected |= others
                self._ordered.pop(sender, None)
            held |= answer
            clock.date({key: one.time for key, one in answer.items()}, now, is_seen=is_seen)
        self._hear_loops(data.loops, now, is_seen=is_seen)
        self._bring_in_order()

    def _hear_loops(self, loops: Iterable[datetime], now: datetime, *, is_seen: bool) -> None:
        clock = self._clock(LOOP)
        keys = {loop.isoformat(): loop for loop in loops}
        # One decision from the future is no reason to say that all is well; one that others follow is.
        clock.date(keys, now, is_seen=is_seen and bool(clock.ahead or clock.undated))
        decided = [clock.dates[key].observed_at for key in keys if key in clock.dates]
        self.newest_loop = max(filter(None, (self.newest_loop, *decided)), default=None)

    def _clock(self, sender: Sender) -> Clock:
        if (clock := self._clocks.get(sender)) is None:
            clock = self._clocks[sender] = Clock(sender=sender)
            self.clocks.append(clock)
        return clock

    def _bring_in_order(self) -> None:
        """Have all that is dated in order. What has only gone on since is not looked at anew: a sensor may read each minute."""
        for gone in self._observed.keys() - self._held.keys():
            del self._observed[gone], self._glucose[gone]
            self._ordered.pop(gone, None)
        for sender, held in self._held.items():
            dates = self._clock(sender).dates
            before, dated, looked_at = self._ordered.get(sender, (None, 0, 0))
            new = _dated(islice(held.items(), looked_at, None), dates)
            observed = self._observed.get(sender, [])
            goes_on = (
                before is dates
                and len(dates) == dated + len(new)
                and len(held) == looked_at + len(new)
                and not (new and observed and new[0].observed_at < observed[-1].observed_at)
            )
            if not goes_on:
                observed, self._glucose[sender] = [], []
                new = _dated(held.items(), dates)
            self._observed[sender] = observed
            observed += new
            self._glucose[sender] += [one for one in new if one.reading.is_glucose]
            self._ordered[sender] = dates, len(dates), len(held)

    def scans_by(self, kind: str, threshold: float, unit: str) -> dict[Device, Scan]:
        """How far the readings were looked at for excursions of a kind beyond a threshold; nothing of another one's is kept."""
        by, scans = self._scans.get(kind, (None, {}))
        if by != (threshold, unit):
            scans = {}
            self._scans[kind] = (threshold, unit), scans
        return scans

    def forget_before(self, moment: datetime) -> None:
        """Let go of what is older."""
        for clock in self.clocks:
            clock.forget_before(moment)
            held = self._held.get(clock.sender, {})
            for key in held.keys() - clock.dates.keys() - clock.undated.keys():
                del held[key]
        self.clocks[:] = [one for one in self.clocks if one.dates or one.undated]
        self._clocks = {one.sender: one for one in reversed(self.clocks)}
        self._held = {sender: held for sender, held in self._held.items() if held}
        self._bring_in_order()
        self.covered_from = max(self.covered_from, moment)

    def by_device(self) -> dict[Device, list[Observed]]:
        """The glucose of each device, in order. Two sensors at once are never mixed: one would break the other's runs.

        Who does not name a device is told from others of the same app by its version and its data set. These change
        with an update, or (AAPS) with every upload: what begins after another of them has ended goes on as it.
        """
        devices: dict[Device, list[Observed]] = {}
        over_at: dict[Device, datetime] = {}
        """When the next of each is overdue."""
        for sender, observed in sorted(
            ((sender, glucose) for sender, glucose in self._glucose.items() if glucose),
            key=lambda one: one[1][0].observed_at,
        ):
            name, number = (sender.kind, sender.device or sender.origin), 1
            free: list[Device] = []
            while name in devices:
                if over_at[name] <= observed[0].observed_at:
                    free.append(name)
                number += 1
                name = (sender.kind, f"{sender.device or sender.origin} ({number})")
            if len(devices) >= MOST_DEVICES and not free:
                continue
            # Of two that have ended, the one that read much the same.
            value = observed[0].reading.mg_dl
            goes_on = min(
                free, key=lambda one: abs(devices[one][-1].reading.mg_dl - value), default=name
            )
            theirs = devices.setdefault(goes_on, [])
            theirs.extend(observed)
            over_at[goes_on] = theirs[-1].observed_at + _usual_gap(theirs)
        return devices

    def kept_since(self, moment: datetime) -> Iterator[KeptReading]:
        """All glucose that is held, for a curve; what was observed before a moment was not received since."""
        for sender, observed in self._observed.items():
            kept_as = sender.kept_as
            for one in observed:
                if one.reading.is_glucose:
                    is_corrected = one.reading.key in self.corrected
                    received_at: datetime | None = (
                        self.heard_at if is_corrected else one.received_at
                    )
                    if one.observed_at < moment:
                        received_at = None
                    yield kept_of(one.reading, one.observed_at, received_at, kept_as)

    @property
    def newest(self) -> Observed | None:
        """The newest glucose of all."""
        return _newest(self._observed.values())

    @property
    def heard_to(self) -> datetime | None:
        """The newest glucose's time of a sensor: a finger prick says nothing of whether the sensor is heard."""
        newest = _newest(
            observed for sender, observed in self._observed.items() if sender.kind == CBG
        )
        return newest.observed_at if newest else None

    @property
    def trouble_at(self) -> datetime | None:
        """When a sensor last sent a code instead of glucose."""
        codes = (
            one.observed_at
            for observed in self._observed.values()
            for one in observed
            if not one.reading.is_glucose
        )
        return max(codes, default=None)

    @property
    def arrived_at(self) -> datetime | None:
        """When something new of a sensor last came."""
        times = (one.heard_at for one in self.clocks if one.sender.kind == CBG)
        return max(filter(None, times), default=None)

    def asked_from(self) -> datetime | None:
        """From which time on a sensor's next reading may be, by whichever clock; None if nobody knows.

        Of several, one may be late, or behind: whoever has sent something within the hour goes on where they were.
        """
        reached = [
            (clock.heard_at, min(clock.newest, observed[-1].observed_at))
            for clock in self.clocks
            if clock.sender.kind == CBG and clock.heard_at and clock.newest
            if (observed := self._observed.get(clock.sender))
        ]
        lately = [time for heard_at, time in reached if heard_at > self.heard_at - GOES_ON]
        return min(lately, default=max((time for _, time in reached), default=None))


def kept_of(
    reading: Reading, observed_at: datetime, received_at: datetime | None, sender: str
) -> KeptReading:
    """A reading for a curve, by when it was observed; `received_at`: when this value came, None where that says nothing."""
    return KeptReading.of(
        observed_at, received_at, reading.value, reading.unit, reading.out_of_range, sender
    )


def _usual_gap(observed: Sequence[Observed]) -> timedelta:
    """Most of what there is from one reading to the next: what comes sooner is another device's."""
    gaps = [
        (later.observed_at - sooner.observed_at).total_seconds()
        for sooner, later in pairwise(observed[-13:])
    ]
    return timedelta(seconds=0.8 * median(gaps)) if gaps else GAP


def _dated(held: Iterable[tuple[str, Reading]], dates: Mapping[str, Date]) -> list[Observed]:
    """What is dated of what is held, in order."""
    observed = [
        Observed(
            reading=reading,
            observed_at=dates[key].observed_at,
            received_at=dates[key].received_at,
        )
        for key, reading in held
        if key in dates
    ]
    return sorted(observed, key=_observed_at)


def _observed_at(one: Observed) -> datetime:
    return one.observed_at


def _newest(senders: Iterable[Sequence[Observed]]) -> Observed | None:
    """The newest glucose of some senders, each one's in order; of several at one time the first."""
    newest: Observed | None = None
    for observed in senders:
        of_it: Observed | None = None
        for one in reversed(observed):
            if of_it and one.observed_at < of_it.observed_at:
                break
            if one.reading.is_glucose:
                of_it = one
        if of_it and (newest is None or of_it.observed_at > newest.observed_at):
            newest = of_it
    return newest
