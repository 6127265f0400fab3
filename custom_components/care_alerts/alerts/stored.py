"""What is kept on disk: data classes as JSON values and back."""

from datetime import UTC, datetime
from typing import Any

from mashumaro.config import BaseConfig
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


class Stored(DataClassDictMixin):
    """Base of data classes that are kept; `from_dict` refuses a time without a zone."""

    __slots__ = ()

    class Config(BaseConfig):
        """How they are read."""

        serialization_strategy = {datetime: {"deserialize": aware}}  # noqa: RUF012 # mashumaro's own way
