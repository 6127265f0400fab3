"""Tidepool's stories: two children's glucose around the clock's present."""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import exp, pi, sin
from typing import TYPE_CHECKING, Any

from .children import Child
from .settings import Document

if TYPE_CHECKING:
    from ..server import Simulator

MILA = "Mila"
JONAS = "Jonas"
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

type _Bump = tuple[datetime, float, timedelta]
"""Something that moves the glucose: when most, by how much (mmol/L), how wide."""
type _Curve = Callable[[datetime], float]


def thresholds(
    urgent_low: float = 55, low: float = 72, high: float = 250, units: str = "mg/dL"
) -> Document:
    """Return a follower's alerts as a cautious parent has them."""
    return {
        "urgentLow": {"enabled": True, "threshold": {"units": units, "value": urgent_low}},
        "low": {
            "enabled": True,
            "delay": 10,
            "repeat": 15,
            "threshold": {"units": units, "value": low},
        },
        "high": {
            "enabled": True,
            "delay": 60,
            "repeat": 120,
            "threshold": {"units": units, "value": high},
        },
        "notLooping": {"enabled": True, "delay": 30},
        "noCommunication": {"enabled": True, "delay": 30},
    }


def demo(sim: Simulator) -> None:
    """Mila live, her nights not all quiet; Jonas hours late, his thresholds not set yet.

    A week behind, ten days ahead, counted from the coming midnight (UTC).
    """
    now = sim.clock.now()
    night = now.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    mila = _followed(sim, MILA, units="mmol/L")
    mila.set_settings(sim.tidepool.account, thresholds(3.0, 4.0, 13.9, "mmol/L"))
    lows = [(night + 2.25 * HOUR, -4.2, 40 * MINUTE), (night + 3 * DAY + HOUR, -5.0, 35 * MINUTE)]
    highs = [(night + DAY + 19 * HOUR, 7.5, 80 * MINUTE), (night - 3 * DAY, 8.0, 70 * MINUTE)]
    pressed = night + 2 * DAY + 4 * HOUR
    mila.feed(
        compressed(curve(6.6, *lows, *highs), pressed, pressed + 25 * MINUTE),
        night - 8 * DAY,
        night + 10 * DAY,
        gaps=[(night + 4 * DAY + 5 * HOUR, night + 4 * DAY + 5.75 * HOUR)],
        offline=[(night + DAY + 14 * HOUR, night + DAY + 15 * HOUR)],
    )
    mila.add_device_alert(night + 1.9 * HOUR, acknowledged=night + 2 * HOUR + 19 * MINUTE)
    jonas = _followed(sim, JONAS, live=False, other_person=True, units="mmol/L")
    dips = [(night + day * DAY + 3 * HOUR, -4.7, 45 * MINUTE) for day in (-4, -1, 2, 5)]
    jonas.feed(curve(7.8, *dips), night - 8 * DAY, night + 10 * DAY, loop=False)


def tidepool_compression_low(sim: Simulator) -> None:
    """Mila sleeps on her sensor: in half an hour it falls to 2.4 within ten minutes, for twenty."""
    now, mila = sim.clock.now(), _followed(sim, MILA)
    mila.set_settings(sim.tidepool.account, thresholds())
    pressed = now + 30 * MINUTE
    mila.feed(
        compressed(quiet(6.4), pressed, pressed + 20 * MINUTE),
        _grid(now) - 6 * HOUR,
        now + 12 * HOUR,
    )


def tidepool_gap(sim: Simulator) -> None:
    """Mila's sensor is silent for fifty minutes from now, her phone offline from 3 h to 4 h from now."""
    now, mila = sim.clock.now(), _followed(sim, MILA)
    mila.set_settings(sim.tidepool.account, thresholds())
    mila.feed(
        quiet(6.5, (now + 3.5 * HOUR, -3.5, 20 * MINUTE)),
        _grid(now) - 6 * HOUR,
        now + 12 * HOUR,
        gaps=[(now + MINUTE, now + 50 * MINUTE)],
        offline=[(now + 3 * HOUR, now + 4 * HOUR)],
    )


def tidepool_permissions(sim: Simulator) -> None:
    """Mila takes `view` back in an hour and all of it in two; in three hours everything is as before."""
    now, mila, account = sim.clock.now(), _followed(sim, MILA), sim.tidepool.account
    mila.set_settings(account, thresholds())
    mila.change_permissions(account, ("follow",), at=now + HOUR)
    mila.stop_sharing(account, at=now + 2 * HOUR)
    mila.share_with(account, at=now + 3 * HOUR)
    mila.feed(quiet(6.5), _grid(now) - 6 * HOUR, now + 12 * HOUR)


def newer_api(sim: Simulator) -> None:
    """Alerts, fields, types and trends that are not documented today."""
    now, mila = sim.clock.now(), _followed(sim, MILA)
    mila.extra["relationship"] = {"kind": "sibling", "since": "2026-02-01"}
    sim.tidepool.keeps_unknown_fields = True
    document: dict[str, Any] = thresholds()
    document["low"] |= {"sound": "bells", "schedule": [{"from": "21:00", "to": "07:00"}]}
    document["urgentLow"]["threshold"]["source"] = "clinic"
    document["predictedLow"] = {"enabled": True, "horizon": 20}
    mila.set_settings(sim.tidepool.account, document)
    mila.feed(quiet(6.5), _grid(now) - 6 * HOUR, now - 10 * MINUTE)
    mila.add_reading(
        now - 10 * MINUTE,
        6.1,
        trend="drifting",
        annotations=[{"code": "sensor/pressure", "confidence": 0.8}],
        extra={"noise": {"level": 3}},
    )
    mila.add_record("ketoneTrend", now - 8 * MINUTE, {"value": 0.2, "units": "mmol/L"})
    mila.add_loop_decision(now - 9 * MINUTE, reason="autopilot")
    mila.add_reading(now - 5 * MINUTE, 6.0, type="cbg", trend="constant")


def curve(base: float, *bumps: _Bump) -> _Curve:
    """Return days of glucose (mmol/L): three meals, a night, and what else happens."""
    besides = quiet(base, *bumps)

    def glucose(moment: datetime) -> float:
        hour = moment.hour + moment.minute / 60
        meals = sum(2.2 * exp(-(((hour - meal) / 1.1) ** 2)) for meal in (8.5, 13, 18.75))
        return besides(moment) + 0.6 * sin(pi * (hour - 3) / 12) + meals

    return glucose


def quiet(base: float, *bumps: _Bump) -> _Curve:
    """Return a glucose (mmol/L) that stays, but for what happens."""

    def glucose(moment: datetime) -> float:
        return base + sum(
            height * exp(-(((moment - most) / width) ** 2))
            for most, height, width in bumps
            if abs(moment - most) < 4 * width
        )

    return glucose


def compressed(glucose: _Curve, start: datetime, end: datetime) -> _Curve:
    """Return a curve whose sensor is pressed: down to 2.4 mmol/L within ten minutes, back in five."""

    def measured(moment: datetime) -> float:
        value = glucose(moment)
        down = min((moment - start) / (10 * MINUTE), (end + 5 * MINUTE - moment) / (5 * MINUTE), 1)
        return value - max(down, 0) * (value - 2.4)

    return measured


def _followed(sim: Simulator, name: str, **more: Any) -> Child:
    """Add a child who shares with the first account."""
    child = sim.tidepool.add_child(name, **more)
    child.share_with(sim.tidepool.account)
    return child


def _grid(now: datetime) -> datetime:
    """Return a time from which a reading every five minutes never falls on `now` itself."""
    return now - 2 * MINUTE
