"""What reading any vendor's records takes."""

from datetime import UTC, datetime
from functools import lru_cache
import re
from typing import Any, Final, TypeGuard
from unicodedata import category

import orjson

from ..alerts.tolerant import UNREADABLE, is_shallow

LARGEST_DETAILS: Final = 12 * 1024
"""Bytes. Home Assistant's recorder keeps no state with more than 16 KiB beside it."""

LONGEST_TEXT: Final = 255
"""Letters of an id, an address or a word. Ours: vendors' have at most 64; what is longer than a state may be Home
Assistant writes out in its log."""

LONGEST_NAME: Final = 100
"""Letters of a person's name (ours): it is in the names of devices, and in sentences."""

_JOINERS: Final = "\u200c\u200d"
"""Between letters of Persian and Hindi, and within emojis."""


def is_text(value: Any) -> TypeGuard[str]:
    """Whether a vendor can have meant it as an id or an address: one line that can be seen."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_TEXT and value.isprintable()


def text(value: Any) -> str:
    """A text that is there.

    Raises:
        ValueError: it is not, or it is none (`is_text`).

    """
    if not is_text(value):
        raise ValueError
    return value


def text_or_none(value: Any) -> str | None:
    """A text if there is one."""
    return value if is_text(value) else None


def word(value: Any) -> str:
    """A vendor's word for something, which may be one that it has not had before: an alert is not lost for it, but it is cut.

    Raises:
        ValueError: there is none.

    """
    if not (found := _one_line(value, LONGEST_TEXT)):
        raise ValueError
    return found


def name_or_none(value: Any) -> str | None:
    """What a person has called somebody."""
    return _one_line(value, LONGEST_NAME)


def _one_line(value: Any, longest: int) -> str | None:
    """A text on one line and to be read, if there is one: nothing in it moves or hides what stands beside it."""
    if not isinstance(value, str):
        return None
    # Of what is far too long the rest is not looked at.
    return _on_one_line(value[: 10 * longest], longest)


@lru_cache(maxsize=1000)
def _on_one_line(value: str, longest: int) -> str | None:
    """`_one_line` of a text, remembered: of thousands of records nearly all have the same few words."""
    kept = "".join(map(_readable, value))
    return " ".join(kept.split())[:longest].strip() or None


def _readable(letter: str) -> str:
    if letter.isprintable() or letter in _JOINERS:
        return letter
    return "" if category(letter) == "Cf" else " "


def utc(value: Any) -> datetime:
    """The instant an ISO text means, in UTC; one without a zone is UTC, as the vendors' times are.

    Raises:
        TypeError, ValueError, OverflowError: it is none, or not of the years 2001 to 2099.

    """
    moment = datetime.fromisoformat(value)
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not 2000 < moment.year < 2100:
        raise ValueError
    return moment


def utc_or_none(value: Any) -> datetime | None:
    """An instant in UTC; None if it is none, or none that can be."""
    try:
        return utc(value)
    except UNREADABLE:
        return None


@lru_cache(maxsize=1000)
def snake_case(name: str) -> str:
    """`missedDoses7d` -> `missed_doses_7d`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[a-z])(?=\d)", "_", name)
    return spaced.lower()


def can_be_kept(details: Any) -> bool:
    """Whether it can go to disk and into events: what is nested too deep, or enormous, would keep all else from there."""
    if not is_shallow(details):
        return False
    try:
        return len(orjson.dumps(details)) <= LARGEST_DETAILS
    except orjson.JSONEncodeError:
        return False
