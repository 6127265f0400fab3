"""The simulated Lumen in a few words: days counted from the newest one at noon, alerts in a line, what was asked."""

from datetime import date, datetime, timedelta
from typing import Any

from simulator.lumen import LumenPerson

from .conftest import NOON, House

MARIA = "maria@example.com"
HENK = "henk@example.com"


def day(number: int) -> date:
    """A day; day 0 is the newest one at the tests' first noon."""
    return NOON.date() + timedelta(days=number - 1)


def generation(number: int) -> datetime:
    """When the simulator's usual account analyses a day."""
    return NOON.replace(hour=3, minute=14, second=22) + timedelta(days=number)


def add_person(
    house: House, email: str = MARIA, *, granted_at: datetime | None = None
) -> LumenPerson:
    """Somebody who gave consent long ago, if not said otherwise."""
    return house.sim.lumen.default.add_person(
        email, granted_at=granted_at or NOON - timedelta(days=90)
    )


def add_alert(
    house: House,
    person: LumenPerson,
    number: int,
    alert_type: str = "WEIGHT",
    subtype: str = "TOO_FAST",
    **more: Any,
) -> str:
    """An alert about a day; return when it is generated, as the event will say it."""
    record = house.sim.lumen.default.add_alert(person, day(number), alert_type, subtype, **more)
    return datetime.fromisoformat(record["generatedAt"]).isoformat()


def days_asked(house: House) -> list[date | None]:
    """The days asked for since the log was last cleared, in order; None: the newest."""
    asked = (request.query.get("date") for request in house.sim.requests("lumen.alerts"))
    return [date.fromisoformat(text) if text else None for text in asked]
