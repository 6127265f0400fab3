"""Nights: when a house sleeps, by its own clock; one in which that is set is an hour longer or shorter."""

from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

NIGHT_BEGINS: Final = time(22)
NIGHT_ENDS: Final = time(8)
"""Ours: when a house sleeps. Until noon somebody who asks means the night that is just over, or goes on."""

DAY: Final = timedelta(days=1)


def night_to(morning: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """From when to when the night before a day is, by the clock of a zone."""
    return (
        datetime.combine(morning - DAY, NIGHT_BEGINS, zone),
        datetime.combine(morning, NIGHT_ENDS, zone),
    )


def night_of(now: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """From when to when the last night was, or has been until now."""
    begins, ends = night_to(now.astimezone(zone).date(), zone)
    # Two that are of one zone are compared by what its clock shows, which it shows twice in autumn.
    return begins.astimezone(now.tzinfo), min(ends.astimezone(now.tzinfo), now)


def nights_between(start: datetime, end: datetime, zone: tzinfo) -> list[tuple[datetime, datetime]]:
    """The nights that have something of `start` <= time < `end` (aware UTC), as a whole, oldest first."""
    found = []
    morning = start.astimezone(zone).date()
    # One that begins in the evening of the last day has the morning after it.
    while morning <= end.astimezone(zone).date() + DAY:
        begins, ends = (one.astimezone(start.tzinfo) for one in night_to(morning, zone))
        if begins < end and start < ends:
            found.append((begins, ends))
        morning += DAY
    return found
