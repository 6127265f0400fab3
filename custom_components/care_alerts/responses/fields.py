"""What each field of a part of the household may be: one table a kind, for forms and for the disk alike.

A check returns the value as the classes of `plan` have it, or raises `vol.Invalid` with a translation key.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import time
from typing import Any, Final

import voluptuous as vol

from ..alerts.alert import Severity
from .plan import ALWAYS, QuietHours, Text

LONGEST_MINUTES: Final = 24 * 60
"""Ours: what has waited for a day is no step any more."""
LARGEST_TIMES: Final = 100
"""Ours: at a step a minute more than an hour and a half; who wants more leaves it out."""
LONGEST_HANDLED_WAIT: Final = 60
"""Ours, in minutes: it is a little longer; who has fallen asleep again needs the house within the hour."""

type Fields = Mapping[str, Callable[[Any], Any]]


def _minutes(least: int) -> Callable[[Any], Any]:
    return _whole(least, LONGEST_MINUTES, "minutes_range")


def _whole(least: int, most: int, key: str) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        # Selectors of numbers give floats; True is no number.
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
            raise vol.Invalid("not_a_number")
        if not least <= value <= most:
            raise vol.Invalid(key)
        return int(value)

    return check


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise vol.Invalid("not_a_text")
    return value.strip()


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise vol.Invalid("not_a_flag")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    """Several, each once and in their order."""
    if isinstance(value, str) or not isinstance(value, Collection):
        raise vol.Invalid("not_a_list")
    return tuple(dict.fromkeys(_text(one) for one in value))


def _severity(value: Any) -> Severity:
    try:
        return Severity(value)
    except ValueError:
        raise vol.Invalid("no_such_severity") from None


def _severities(value: Any) -> frozenset[Severity]:
    return frozenset(_severity(one) for one in _texts(value))


def _text_choice(value: Any) -> Text:
    try:
        return Text(value)
    except ValueError:
        raise vol.Invalid("no_such_text") from None


def _entity(*domains: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        entity_id = _text(value)
        domain, _, name = entity_id.partition(".")
        if domain not in domains or not name:
            raise vol.Invalid("wrong_entity")
        return entity_id

    return check


def _entities(domain: str) -> Callable[[Any], tuple[str, ...]]:
    return lambda value: tuple(_entity(domain)(one) for one in _texts(value))


def _duty(value: Any) -> str:
    return ALWAYS if value == ALWAYS else _entity("schedule", "calendar")(value)


def _colour(value: Any) -> tuple[int, int, int]:
    if isinstance(value, str) or not isinstance(value, Collection) or len(value) != 3:
        raise vol.Invalid("no_colour")
    red, green, blue = (_whole(0, 255, "no_colour")(one) for one in value)
    return red, green, blue


def _clock(value: Any) -> time:
    try:
        clock = time.fromisoformat(value)
    except TypeError, ValueError:
        raise vol.Invalid("no_time_of_day") from None
    if clock.tzinfo is not None:
        raise vol.Invalid("no_time_of_day")
    return clock


def _quiet_hours(value: Any) -> QuietHours:
    if not isinstance(value, Mapping) or set(value) != {"from", "to"}:
        raise vol.Invalid("quiet_hours_need_both")
    hours = QuietHours(_clock(value["from"]), _clock(value["to"]))
    if hours.start == hours.end:
        raise vol.Invalid("quiet_hours_empty")
    return hours


def _whose(value: Any, *, may_exempt: bool = True) -> dict[str, Any]:
    """A target; kinds of which nothing is chosen are as if they were not there. Templates are no target here."""
    if not isinstance(value, Mapping):
        raise vol.Invalid("no_target")
    target = {}
    for kind, chosen in value.items():
        # Home Assistant has it since 2026.11.
        if kind == "exclude" and may_exempt:
            chosen = _whose(chosen, may_exempt=False)
        else:
            every = [chosen] if isinstance(chosen, str) else chosen
            if not isinstance(every, Sequence) or not all(
                isinstance(one, str) for one in (kind, *every)
            ):
                raise vol.Invalid("no_target")
        if chosen:
            target[kind] = chosen
    return target


def _optional(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else check(value)


CAREGIVER: Final[Fields] = {
    "name": _text,
    "person": _optional(_entity("person")),
    "phones": _texts,
    "notify": _entities("notify"),
    "duty": _duty,
    "break_through": _severities,
    "text": _text_choice,
    "live_status": _flag,
}
STEP: Final[Fields] = {
    "step_id": _text,
    "after": _minutes(0),
    "tell": _texts,
    "lights": _entities("light"),
    "colour": _colour,
    "flash": _flag,
    "speakers": _entities("media_player"),
    "tts": _optional(_entity("tts")),
    "volume": _whole(1, 100, "volume_range"),
    "every": _optional(_minutes(1)),
    "times": _optional(_whole(1, LARGEST_TIMES, "times_range")),
}
PLAN: Final[Fields] = {
    "name": _text,
    "whose": _whose,
    "alert_types": lambda value: frozenset(_texts(value)),
    "least_severity": _severity,
    "include_late": _flag,
    "quiet_hours": _optional(_quiet_hours),
    "source_silent": _flag,
    "handled_wait": _whole(0, LONGEST_HANDLED_WAIT, "handled_wait_range"),
    "morning": _optional(_clock),
}
SAME_PERSON: Final[Fields] = {"name": _text, "people": _texts}
