"""Times that an action or a trigger is given: those whose sums a clock can hold."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""Ours: long before and after all that is kept, and far from where a calendar ends."""

DAYS: Final = vol.Range(min=FIRST.date(), max=LAST.date())
"""A check of a day."""


def length_of_time(least: timedelta, most: timedelta) -> Callable[[Any], timedelta]:
    """A check of a length of time in any of Home Assistant's forms, whose own falls over where no clock goes as far."""
    within = vol.Range(min=least, max=most)

    def check(value: Any) -> timedelta:
        try:
            found: timedelta = within(cv.positive_time_period(value))
        except OverflowError:
            raise vol.Invalid(f"value must be at most {most}") from None
        return found

    return check


def moment(value: Any) -> datetime:
    """A check of a time in any of Home Assistant's forms: in UTC, and within what there are sums of, which is more than is kept."""
    found = cv.datetime(value)
    try:
        utc = dt_util.as_utc(found)
    except OverflowError:
        utc = FIRST if found.year < LAST.year else LAST
    return min(max(utc, FIRST), LAST)
