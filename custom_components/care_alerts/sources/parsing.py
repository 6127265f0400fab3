"""What reading any vendor's records takes."""

from datetime import UTC, datetime
from functools import lru_cache
import re
from typing import Any, Final

import orjson

LARGEST_DETAILS: Final = 12 * 1024
"""Bytes. Home Assistant's recorder keeps no state with more than 16 KiB beside it."""

DEEPEST_DETAILS: Final = 200
"""Levels. orjson writes 254; around them there are some on disk and in events."""


def text(value: Any) -> str:
    """A text that is there.

    Raises:
        ValueError: it is not, or it is no text.

    """
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


def text_or_none(value: Any) -> str | None:
    """A text if there is one."""
    return value if isinstance(value, str) and value else None


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


@lru_cache(maxsize=1000)
def snake_case(name: str) -> str:
    """`missedDoses7d` -> `missed_doses_7d`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[a-z])(?=\d)", "_", name)
    return spaced.lower()


def can_be_kept(details: Any) -> bool:
    """Whether it can go to disk and into events: what is nested too deep, or enormous, would keep all else from there."""
    try:
        written = orjson.dumps(details)
    except orjson.JSONEncodeError:
        return False
    # What is within something else begins with a bracket: it cannot be deeper than there are brackets.
    brackets = written.count(b"[") + written.count(b"{")
    return len(written) <= LARGEST_DETAILS and brackets <= DEEPEST_DETAILS
