"""Wording: how times, durations and numbers are told, in whatever language the sentences are."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Protocol


class Localize(Protocol):
    """Gives the sentence of a translation key, with its placeholders filled in."""

    def __call__(self, key: str, /, **placeholders: str) -> str:
        """The sentence; the key itself where there is none."""


def time_text(localize: Localize, moment: datetime, now: datetime, zone: tzinfo) -> str:
    """A time of day as the clock of a zone shows it, with the date unless it is of the same day as `now`."""
    local = moment.astimezone(zone)
    time = f"{local:%H:%M}"
    if local.date() == now.astimezone(zone).date():
        return time
    return localize("moment_other_day", date=date_text(localize, local), time=time)


def date_text(localize: Localize, day: date) -> str:
    """A day with its weekday, without the year: what is told of is of these weeks."""
    return localize(
        "date",
        weekday=_word(localize, "weekdays", day.weekday()),
        day=str(day.day),
        month=_word(localize, "months", day.month - 1),
    )


def _word(localize: Localize, key: str, index: int) -> str:
    """One of the words of a list; its number where there is no such list: words must not keep an alert from anybody."""
    words = localize(key).split()
    return words[index] if index < len(words) else str(index + 1)


def number_text(localize: Localize, value: float, digits: int) -> str:
    """A number, rounded, with the decimal sign of the language."""
    return f"{value:.{digits}f}".replace(".", localize("decimal_sign"))


def duration_text(localize: Localize, duration: timedelta) -> str:
    """How long, in the two largest of days, hours and minutes; never less than nothing."""
    minutes = max(0, round(duration.total_seconds() / 60))
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return localize("days", days=str(days), hours=str(hours))
    if hours:
        return localize("hours", hours=str(hours), minutes=str(minutes))
    return localize("minutes", minutes=str(minutes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How something is told: in which language, when, by the clock of which zone.

    `has_dates`: whether a time of another day has its date; not where it is clear which day is meant.
    """

    localize: Localize
    now: datetime
    zone: tzinfo
    has_dates: bool = True

    def at(self, moment: datetime) -> str:
        """A time of day."""
        now = self.now if self.has_dates else moment
        return time_text(self.localize, moment, now, self.zone)

    def age(self, moment: datetime) -> str:
        """How long ago it was."""
        return duration_text(self.localize, self.now - moment)
