"""Dexcom's stories: days of glucose around the clock's present, and what the sensors made of them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from math import exp, pi, sin
from typing import TYPE_CHECKING

from .wearer import Wearer

if TYPE_CHECKING:
    from ..server import Simulator

HOUR = timedelta(hours=1)
MORNING = time(8, 30)
"""When a night's story is over."""

type _Points = Sequence[tuple[float, float | None]]
"""A curve: hours of a day (beyond 24: the next) and mg/dL, None: no signal from here on."""

BAD_NIGHT: _Points = (
    (-6, 130),
    (-4.5, 200),
    (-3.5, 266),
    (-2, 288),
    (-1.5, 270),
    (-1.25, 222),
    (0.5, 150),
    (1.5, 112),
    (2, 95),
    (2 + 20 / 60, 75),
    (2 + 35 / 60, 59),
    (2 + 40 / 60, 54),
    (2 + 55 / 60, 47),
    (3 + 10 / 60, 52),
    (3 + 25 / 60, 74),
    (4, 118),
    (5, 134),
    (5.5, None),
    (6.25, 126),
    (8, 132),
)
"""High in the evening, then falling: urgentLow at 02:40; from 05:30 no signal for 45 minutes."""

_DAYS: Mapping[int, _Points] = {
    -12: ((14, 118), (14.5, None), (15.25, 124), (16, 120)),
    -9: ((18.5, 150), (19.5, 235), (20.25, 258), (21, 240), (23, 140)),
    -4: ((10.5, 110), (11.5, 67), (12, 64), (12.5, 92), (13.5, 130)),
    2: ((2, 105), (3.5, 66), (4, 63), (4.5, 88), (6, 110)),
    5: ((18.5, 150), (19.5, 240), (20.5, 272), (21.5, 230), (23, 140)),
    7: ((3, 100), (4, 58), (4.5, 51), (5, 68), (6, 115)),
    9: ((13, 120), (13.5, None), (14.75, 125), (15.5, 120)),
}
"""What happens on days before and after the bad night, day 0."""


class _Story:
    """A wearer's days, counted from the midnight of the latest night that has been uploaded."""

    def __init__(self, wearer: Wearer, now: datetime, days: Mapping[int, _Points]) -> None:
        """Tell of `days`; every other hour is quiet."""
        self.wearer = wearer
        local = (now - wearer.delay).astimezone(wearer.zone)
        date = local.date() - timedelta(days=local.time() < MORNING)
        self._midnight = datetime.combine(date, time())
        self._days = days

    def tell(self, first: int, last: int) -> None:
        """Add what happens from day `first` to the end of day `last`."""
        self.wearer.add_session(self.at(24 * first), self.at(24 * (last + 1)), self.glucose)

    def at(self, hour: float) -> datetime:
        """Return the time at so many hours of day 0."""
        local = self._midnight + hour * HOUR
        return local.replace(tzinfo=self.wearer.zone).astimezone(UTC)

    def glucose(self, moment: datetime) -> float | None:
        """Return the glucose at a time in mg/dL; None without a signal."""
        local = moment.astimezone(self.wearer.zone).replace(tzinfo=None)
        hour = (local - self._midnight) / HOUR
        quiet = _quiet(hour)
        for day, points in self._days.items():
            if points[0][0] < hour - 24 * day < points[-1][0]:
                return _drawn(points, hour - 24 * day, quiet)
        return quiet


def _quiet(hour: float) -> float:
    """Return an uneventful glucose: three meals a day, no day like the other."""
    day, of_day = divmod(hour, 24)
    meals = (
        (48 + 14 * sin(1.7 * day + number)) * exp(-(((of_day - at) / 1.3) ** 2))
        for number, at in enumerate((8.5, 13.25, 19.25))
    )
    return 106 + sum(meals) + 5 * sin(2 * pi * of_day / 4) + 3 * sin(2 * pi * of_day / 1.5)


def _drawn(points: _Points, hour: float, quiet: float) -> float | None:
    """Return a curve's value, eased into the quiet day within its first and last half hour."""
    for (start, value), (end, following) in pairwise(points):
        if not start <= hour < end:
            continue
        if value is None:
            return None
        target = value if following is None else following
        drawn = value + (target - value) * (hour - start) / (end - start)
        weight = min(hour - points[0][0], points[-1][0] - hour, 0.5) / 0.5
        return quiet + weight * (drawn - quiet)
    return quiet


def demo(sim: Simulator) -> None:
    """SandboxUser7: two quiet weeks, the last night bad, ten days ahead."""
    now, wearer = sim.clock.now(), sim.dexcom.add_wearer(utc_offset=timedelta())
    story = _Story(wearer, now, {**_DAYS, 0: BAD_NIGHT})

    def tell() -> None:
        story.tell(-14, 10)
        # The sensor itself falters for a quarter of an hour before breakfast.
        wearer.add_alert("noReadings", story.at(7.5))
        wearer.add_alert("noReadings", story.at(7.75), state="inactive")

    wearer.tell_when_asked(tell)


def dexcom_bad_night(sim: Simulator) -> None:
    """SandboxUser7's last night, and little around it."""
    now, wearer = sim.clock.now(), sim.dexcom.add_wearer()
    _Story(wearer, now, {0: BAD_NIGHT}).tell(-1, 1)


def dexcom_one_plus(sim: Simulator) -> None:
    """SandboxUser5: a ONE+ through a bad night; a G7 from tomorrow's midnight, with bad nights after."""
    wearer = sim.dexcom.add_wearer("SandboxUser5", variant="d1+", display_app="D1G7")
    story = _Story(wearer, sim.clock.now(), {0: BAD_NIGHT, 3: BAD_NIGHT})
    wearer.change_device(story.at(48), variant="g7", display_app="G7")
    story.tell(-2, 5)


def dexcom_late_uploads(sim: Simulator) -> None:
    """SandboxUser6: a phone without network for three days that uploads now, in no order; and a receiver.

    The phone's records of the last three days arrive over the next six hours, the newest before some of
    the oldest. The receiver is read out in an hour: no zones, no offsets.
    """
    now = sim.clock.now()
    wearer = sim.dexcom.add_wearer("SandboxUser6", utc_offset="America/Denver")
    story = _Story(wearer, now, {-2: BAD_NIGHT, 0: BAD_NIGHT})
    offline = now - timedelta(days=3)

    def delay(moment: datetime) -> timedelta:
        if not offline <= moment < now:
            return wearer.delay
        batch = int((moment - offline) / HOUR) * 5 % 12
        return now + timedelta(minutes=30 * (batch + 1)) - moment

    wearer.add_session(story.at(-24 * 5), story.at(24 * 2), story.glucose, delay=delay)
    for hour, name, state in (
        (-45.2, "low", "activeAlarming"),
        (-44.9, "low", "activeSnoozed"),
        (-44.5, "low", "inactive"),
        (-21.5, "fixedLow", "activeAlarming"),
        (-3.4, "high", "activeAlarming"),
    ):
        wearer.add_alert(
            name,
            story.at(hour),
            state=state,
            display_device="receiver",
            uploaded_at=now + HOUR,
        )


def newer_api(sim: Simulator) -> None:
    """SandboxUser7: names, states, devices and fields that are not documented today."""
    region, now = sim.dexcom, sim.clock.now()
    region.extra["nextPage"] = None
    wearer = region.add_wearer(generation="g8", variant="g8ultra", display_app="G8")
    recent = now - wearer.delay
    wearer.add_alert("low", recent - timedelta(minutes=80))
    wearer.add_alert("low", recent - timedelta(minutes=50), state="activeAcknowledged")
    wearer.add_alert(
        "compressionLow",
        recent - timedelta(minutes=40),
        extra={"confidence": 0.93, "causes": [{"kind": "pressure"}]},
    )
    wearer.add_alert("high", recent - timedelta(minutes=20), display_device="smartwatch")
    wearer.add_egv(
        recent - timedelta(minutes=10),
        118,
        trend="drifting",
        status="estimated",
        extra={"predicted": {"value": 131, "minutes": 20}},
    )
