"""What a simulated night is drawn as: the same for the same number and seed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from custom_components.care_alerts.alerts.alert import Alert, AlertState, Severity
from tests.appliances import Json

from .house import Data
from .night_house import SECOND, Handset, Upload

ZONE = ZoneInfo("Europe/Amsterdam")


@dataclass(frozen=True)
class Habit:
    """What somebody does who hears a ring: `what`, so many minutes later, and takes it back after `back` minutes."""

    what: str
    after: int
    back: int | None = None


HABITS = ("sleeps", "sleeps", "button", "button", "action", "snooze", "snooze")


def last_sunday(year: int, month: int) -> date:
    """The night before it clocks change."""
    day = date(year, month, 31)
    return day - timedelta(days=(day.weekday() + 1) % 7)


@dataclass
class Script:
    """What a night is drawn as."""

    number: int
    start: datetime
    phones: list[Handset]
    people: list[str]
    caregivers: dict[str, Data]
    plans: dict[str, Data]
    states: dict[str, str]
    uploads: list[Upload]
    habits: dict[str, Habit]
    happenings: list[tuple[int, str, Any]]
    """Second of the night, what, and how."""
    volume: float
    looks: list[Json | None]
    expires: timedelta | None
    slow: float

    @property
    def end(self) -> datetime:
        """The morning."""
        return self.start + timedelta(hours=7)


def _steps(rng: Random, names: Sequence[str]) -> list[Data]:
    steps: list[Data] = []
    after = 0
    for step_id in "abcd"[: rng.randint(1, 4)]:
        every = rng.choice((None, None, 5, 7))
        step: Data = {
            "step_id": step_id,
            "after": after,
            "tell": rng.choice(
                (["on_duty"], ["on_duty"], ["everybody"], [rng.choice(names)], ["everybody"])
            ),
            "every": every,
            "times": rng.choice((None, 2, 3)) if every else None,
        }
        if rng.random() < 0.35:
            step["lights"] = rng.choice((["light.hall"], ["light.hall", "light.bedroom"]))
            step["flash"] = rng.random() < 0.2
            step["colour"] = rng.choice(([255, 0, 0], [0, 0, 255]))
        if rng.random() < 0.2:
            step |= {"speakers": ["media_player.kitchen"], "tts": "tts.test_voice", "volume": 70}
        steps.append(step)
        after += rng.choice((3, 5, 10, 12))
    if steps[-1]["tell"] == ["on_duty"] and rng.random() < 0.7:
        steps[-1]["tell"] = ["everybody"]
    if not steps[-1].get("times") and rng.random() < 0.5:
        steps[-1]["every"] = 5
    return steps


def _plan(rng: Random, names: Sequence[str], *, is_spring: bool) -> Data:
    data: Data = {
        "steps": _steps(rng, names),
        "least_severity": rng.choice(("medium", "medium", "high", "low")),
        "include_late": rng.random() < 0.3,
    }
    if rng.random() < 0.5:
        ends = ("05:00", "06:00") if is_spring else ("02:30", "05:00", "06:00")
        data["quiet_hours"] = {"from": rng.choice(("22:00", "00:30")), "to": rng.choice(ends)}
    return data


def draw(number: int, seed: int) -> Script:
    """Draw a night."""
    rng = Random(f"{seed} {number}")  # noqa: S311 # no secret
    kind = rng.random()
    day = date(2026, 1, 2) + timedelta(days=rng.randrange(360))
    if kind < 0.15:
        day = last_sunday(2026, rng.choice((3, 10))) - timedelta(days=1)
    start = datetime.combine(day, time(23, 30), ZONE).astimezone(UTC)
    names = ["Anna", "Ben", "Cleo"][: rng.choice((1, 2, 2, 2, 3))]
    phones = [
        Handset(
            name,
            is_android=rng.random() < 0.6,
            is_local=rng.random() < 0.12,
            confirms_after=rng.choice((0.0, 2.0, 20.0, 2.0, None)),
        )
        for name in names
    ]
    people = ["mila", "oma", "tom"][: rng.choice((1, 1, 2, 3))]
    states = {f"schedule.{name.lower()}": rng.choice(("on", "off")) for name in names}
    caregivers: dict[str, Data] = {
        name: {
            "duty": "always" if rng.random() < 0.3 else f"schedule.{name.lower()}",
            "text": "neutral" if rng.random() < 0.15 else "full",
            "live_status": rng.random() < 0.15,
        }
        for name in names
    }
    ids = [name.lower() for name in names]
    is_spring = day.month == 3
    plans = {"Plan": _plan(rng, ids, is_spring=is_spring)}
    if rng.random() < 0.2:
        plans["Other"] = _plan(rng, ids, is_spring=is_spring)
    habits = {
        name: Habit(
            rng.choice(HABITS), rng.choice((0, 1, 2, 4, 8, 15, 30)), rng.choice((None, None, 3, 12))
        )
        for name in names
    }
    uploads = list(_uploads(rng, start, people))
    happenings = list(_happenings(rng, names, ids, is_spring=is_spring))
    return Script(
        number=number,
        start=start,
        phones=phones,
        people=people,
        caregivers=caregivers,
        plans=plans,
        states=states,
        uploads=uploads,
        habits=habits,
        happenings=sorted(happenings, key=lambda one: one[0]),
        volume=rng.choice((0.2, 0.0, 0.5)),
        looks=[
            rng.choice((None, {"brightness": 80, "rgb_color": (255, 200, 100)})) for _ in range(2)
        ],
        expires=timedelta(hours=1) if rng.random() < 0.3 else None,
        slow=rng.choice((0.0,) * 7 + (2.0,)),
    )


def _uploads(rng: Random, start: datetime, people: Sequence[str]) -> Iterable[Upload]:
    numbers = count()

    def upload(
        observed: int,
        late: int,
        person: str,
        alert_type: str,
        severity: Severity,
        state: AlertState,
    ) -> Upload:
        at = start + (observed + late) * SECOND
        return Upload(
            at,
            Alert(
                alert_id=f"alert-{next(numbers)}",
                source="dexcom",
                person_id=person,
                alert_type=alert_type,
                severity=severity,
                state=state,
                observed_at=start + observed * SECOND,
                received_at=at,
            ),
        )

    severities = list(Severity)
    for _ in range(rng.choice((1, 1, 2, 2, 3, 5))):
        person = rng.choice(people)
        alert_type = rng.choice(("urgent_low", "urgent_low", "low", "high", "fall"))
        at = rng.randint(120, 150 * 60)
        severity = rng.choice(
            (severities[2], severities[2], severities[2], severities[1], severities[0])
        )
        yield upload(at, rng.choice((5, 61, 300)), person, alert_type, severity, AlertState.ACTIVE)
        for _ in range(rng.choice((0, 0, 1, 2, 3))):
            at += rng.randint(60, 70 * 60)
            # Some come out of order, some hours late.
            late = rng.choice((7, 7, 130, 40 * 60, 80 * 60))
            severity = rng.choice((severity, severity, severities[2], severities[0]))
            yield upload(at, late, person, alert_type, severity, AlertState.ACTIVE)
        if rng.random() < 0.5:
            at += rng.randint(60, 30 * 60)
            yield upload(
                at, rng.choice((7, 7, 900)), person, alert_type, severity, AlertState.ENDED
            )


def _happenings(
    rng: Random, names: Sequence[str], ids: Sequence[str], *, is_spring: bool
) -> Iterable[tuple[int, str, Any]]:
    yield from _outside(rng, names)

    def maybe(chance: float, what: str, how: Any) -> Iterable[tuple[int, str, Any]]:
        if rng.random() < chance:
            yield _soon(rng), what, how

    for _ in range(rng.choice((0, 1, 2))):
        yield _soon(rng), "rota", rng.choice(names)
    for _ in range(rng.choice((0, 0, 1, 2))):
        yield _soon(rng), "edit", _plan(rng, ids, is_spring=is_spring)["steps"]
    yield from maybe(0.2, "reload", "household")
    yield from maybe(0.2, "reload", "source")
    yield from maybe(0.1, "duty", (rng.choice(ids), rng.choice((30, 120))))
    yield from maybe(0.1, "drill", None)
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 3))):
        down = rng.choice((0, 1, 5, 60, 600, 2400))
        how = rng.choice(("kill", "kill", "kill", "restart"))
        yield _soon(rng), how, (rng.randint(0, 25), down)


def _outside(rng: Random, names: Sequence[str]) -> Iterable[tuple[int, str, Any]]:
    """What happens to phones and lamps."""
    for _ in range(rng.choice((0, 0, 1, 2))):
        name, at = rng.choice(names), _soon(rng)
        yield at, "phone", (name, rng.choice(("off", "refused", "hangs", "error")))
        yield at + rng.choice((300, 2400, 9000)), "phone", (name, "on")
    if rng.random() < 0.2:
        yield _soon(rng), "receipts", (rng.choice(names), rng.choice((None, 2.0)))
    if rng.random() < 0.25:
        at, lamp = _soon(rng), rng.choice(("hall", "bedroom"))
        yield at, "lamp", (lamp, False)
        yield at + rng.choice((120, 2400)), "lamp", (lamp, True)


def _soon(rng: Random) -> int:
    """While most alerts come."""
    return rng.randint(60, 200 * 60)
