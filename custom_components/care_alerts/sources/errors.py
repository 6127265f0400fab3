"""What a person is told who asked a source for something that was not done, and what the log is if it was our fault."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from traceback import format_tb

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from ..const import DOMAIN, LOGGER
from .http import ApiError, AskedToWaitError, status_of
from .settings import NotDoneError


@contextmanager
def errors_for_users() -> Iterator[None]:
    """Say it in Home Assistant's way.

    Raises:
        ServiceValidationError: what they asked for cannot be.
        HomeAssistantError: the source wants us to wait, did not answer, or did not do it.

    """
    try:
        yield
    except AskedToWaitError as err:
        minutes = -(-(err.retry_after or timedelta()) // timedelta(minutes=1))
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="asked_to_wait",
            translation_placeholders={"minutes": str(minutes)},
        ) from err
    except ApiError as err:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key=status_of(err).value
        ) from err
    except NotDoneError as err:
        kind = ServiceValidationError if err.is_input else HomeAssistantError
        raise kind(
            translation_domain=DOMAIN,
            translation_key=err.key,
            translation_placeholders=err.placeholders or None,
        ) from err


def log_unexpected(error: Exception, source: str) -> None:
    """Say where and what kind it was: its message may quote what could not be handled."""
    LOGGER.error(
        "Unexpected %s while asking %s:\n%s",
        type(error).__name__,
        source,
        "".join(format_tb(error.__traceback__)),
    )


def without_frames(error: ApiError) -> ApiError:
    """An error to keep: its frames would keep what they were at work on, an answer of 32 MiB."""
    one: BaseException | None = error
    while one:
        one.__traceback__ = None
        one = one.__context__
    return error
