"""What a source that keeps settings for each person lets be done with them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, ClassVar

from ..alerts.alert import Alert
from ..alerts.snapshot import Setting


class NotDoneError(Exception):
    """What somebody asked for was not done: `key` is its text in the translations' `exceptions`.

    `is_input`: what was asked for cannot be.
    """

    def __init__(self, key: str, *, is_input: bool = False, **placeholders: str) -> None:
        """Keep what to tell."""
        super().__init__(key)
        self.key = key
        self.is_input = is_input
        self.placeholders = placeholders


class SettingsKeeper(ABC):
    """The settings that a source has for each person, named as in the actions."""

    fields: ClassVar[Mapping[str, type[bool | float]]]
    """All that can be set, and what each is."""
    replayed: ClassVar[Mapping[str, str]]
    """Those of which `replay_of` tells what they would have done, and the alert type of each."""
    units: ClassVar[Collection[str]]
    """Those that glucose values may be given in."""

    @abstractmethod
    def name_of(self, person_id: str) -> str:
        """What somebody is called."""

    @abstractmethod
    def proposed_settings(self, person_id: str) -> dict[str, Setting]:
        """What to propose for the alerts that somebody has no settings of yet, by the names of the actions."""

    @abstractmethod
    async def async_set(
        self, person_id: str, key: str, value: bool | float, unit: str | None
    ) -> None:
        """Change one of the settings in somebody's snapshot, by its key there; `unit` is the one it is shown in.

        Raises:
            ApiError, NotDoneError: as for a change; or it would be the first of settings that only make sense together.

        """

    @abstractmethod
    async def async_settings_of(self, person_id: str) -> dict[str, Any]:
        """Ask for somebody's settings.

        Raises:
            ApiError: no usable answer.
            NotDoneError: they are not ours to ask for.

        """

    @abstractmethod
    async def async_change_settings(
        self,
        person_id: str,
        asked: Mapping[str, bool | float],
        unit: str | None = None,
        *,
        first: bool | None = None,
    ) -> dict[str, Any]:
        """Change what is asked for and nothing else; return the settings as read back.

        `unit`: the one that glucose values are given in, None: that of the settings. `first`: only of alerts that have no
        settings yet (True), or only if any alert has some (False).

        Raises:
            ApiError: no usable answer.
            NotDoneError: it cannot be written, was not written, or did not stay.

        """

    @abstractmethod
    def replay_of(
        self,
        person_id: str,
        asked: Mapping[str, bool | float],
        unit: str | None = None,
        *,
        until: datetime,
    ) -> Callable[[], list[Alert]]:
        """What tells the alerts that there would have been until a time, oldest first, had somebody's settings been these.

        By the readings that are kept, and by the settings as they are known now but for what is `asked`, as in a change; nothing
        is written. It takes seconds, and may be called anywhere.

        Raises:
            NotDoneError: what is asked for cannot be.

        """

    @abstractmethod
    async def async_delete_settings(self, person_id: str) -> None:
        """Delete somebody's settings.

        Raises:
            ApiError: no usable answer.
            NotDoneError: they are still there, or nobody knows.

        """
