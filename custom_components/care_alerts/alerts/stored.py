"""What is kept on disk: data classes as JSON values and back."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Self, overload, override

from mashumaro.mixins.dict import DataClassDictMixin


def aware(stored: str) -> datetime:
    """The moment of a stored time, in UTC.

    Raises:
        TypeError, ValueError, OverflowError: it is no time, or one without a zone, which cannot be compared with others.

    """
    moment = datetime.fromisoformat(stored)
    if moment.tzinfo is None:
        raise ValueError
    return moment.astimezone(UTC)


def moment_or_none(stored: Any) -> datetime | None:
    """The moment of a stored time; None if it is none."""
    try:
        return aware(stored)
    except TypeError, ValueError, OverflowError:
        return None


@overload
def clamped(moment: datetime, now: datetime) -> datetime: ...
@overload
def clamped(moment: datetime | None, now: datetime) -> datetime | None: ...
def clamped(moment: datetime | None, now: datetime) -> datetime | None:
    """Return a stored time, or now if it is later: a clock that was ahead has noted it.

    Raises:
        TypeError: a time without a zone.

    """
    return None if moment is None else min(moment, now)


class Stored(DataClassDictMixin):
    """Base of data classes that are kept; `from_dict` refuses a time without a zone, which cannot be compared with others."""

    __slots__ = ()

    @override
    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make its reading and writing once: a data class with slots is made twice, and has its fields only then."""
        if "__dataclass_fields__" in cls.__dict__:
            super().__init_subclass__(**kwargs)

    @classmethod
    @override
    def __post_deserialize__(cls, obj: Self) -> Self:
        """Look at each time."""
        for one in fields(obj):  # type: ignore[arg-type] # every class that inherits is a data class
            value = getattr(obj, one.name)
            if isinstance(value, datetime) and value.tzinfo is None:
                raise ValueError
        return obj
