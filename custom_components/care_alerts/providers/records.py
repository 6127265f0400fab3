"""What reading any vendor's records takes."""

from functools import lru_cache
import re
from typing import Any, Final

import orjson

UNREADABLE: Final = (AttributeError, LookupError, TypeError, ValueError, OverflowError)
"""What reading a record raises. Such errors quote the record, so they go no further."""


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


@lru_cache(maxsize=1000)
def snake_case(name: str) -> str:
    """`missedDoses7d` -> `missed_doses_7d`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[a-z])(?=\d)", "_", name)
    return spaced.lower()


def can_be_kept(details: Any) -> bool:
    """Whether it can be written to disk: what is nested too deep could be read, but would keep all else from it."""
    try:
        orjson.dumps(details)
    except orjson.JSONEncodeError:
        return False
    return True
