"""Tolerant reading, of what vendors send and of what is on disk: a bad record is counted, the others are kept."""

from collections.abc import Callable, Iterable
from typing import Final

UNREADABLE: Final = (AttributeError, LookupError, TypeError, ValueError, OverflowError)
"""What reading a record raises. Such errors quote the record, so they go no further."""


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
