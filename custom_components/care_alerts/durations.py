"""How long something may last that an action or a trigger is given."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from homeassistant.helpers import config_validation as cv
import voluptuous as vol


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
