"""Tolerant reading, of what vendors send and of what is on disk: a bad record is counted, the others are kept."""

from collections.abc import Callable, Iterable
from typing import Any, Final

UNREADABLE: Final = (AttributeError, LookupError, TypeError, ValueError, OverflowError)
"""What reading a record raises. Such errors quote the record, so they go no further."""

DEEPEST: Final = 32
"""Levels, more than anybody's records have. Ours: orjson refuses 255, and has been seen to write beyond its memory from
some 200 on, which takes Home Assistant down."""


def is_shallow(value: Any) -> bool:
    """Whether lists and objects are nested no deeper than `DEEPEST`: what is not is handed to nobody who writes JSON."""
    level = [value]
    for _ in range(DEEPEST):
        containers = [one for one in level if isinstance(one, dict | list | tuple)]
        if not containers:
            return True
        level = [
            inner
            for one in containers
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return False


def read_each[RecordT, T](
    records: Iterable[RecordT], read: Callable[[RecordT], T | None]
) -> tuple[list[T], int]:
    """What is read of records, in their order, and how many could not be read; None of `read` is left out."""
    found: list[T] = []
    unreadable = 0
    for record in records:
        try:
            one = read(record)
        except UNREADABLE:
            unreadable += 1
            continue
        if one is not None:
            found.append(one)
    return found, unreadable
