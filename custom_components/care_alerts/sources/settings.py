"""What a source that keeps settings for each person lets be done with them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

from ..alerts.alert import Alert
from ..alerts.snapshot import Setting
from ..alerts.stored import Stored


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


def setting_value(stored: Any) -> bool | float | None:
    """The value of a setting as it was stored: one that is on is no 1, and 70 is not on.

    Raises:
        TypeError: it is none.

    """
    if stored is None or isinstance(stored, bool | int | float):
        return stored
    raise TypeError


def _setting_values(stored: Any) -> dict[str, bool | float]:
    """The values of settings as they were stored.

    Raises:
        AttributeError, TypeError: they are none.

    """
    values = {str(name): setting_value(value) for name, value in stored.items()}
    return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile(Stored):
    """Other settings for somebody, for a while: `values` by the names of the actions, those of glucose in `unit`.

    `is_confirmed`: somebody has said that it may do what is risky.
    """

    profile_id: str
    name: str
    values: dict[str, bool | float] = field(metadata={"deserialize": _setting_values})
    unit: str
    is_confirmed: bool = False


class SettingConflict(NamedTuple):
    """A setting that was one thing `before` a profile, and that somebody else has made another one since (`theirs`)."""

    key: str
    """That of its entity."""
    before: Setting
    theirs: Setting


class NotPutBack(NamedTuple):
    """Somebody's settings that are still a profile's: what each was before, and what the profile has made of it."""

    name: str
    settings: list[SettingConflict]


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
    def own_settings(self, person_id: str) -> dict[str, Setting]:
        """Somebody's settings without a profile, by the names of the actions: what will be put back in its place."""

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
        own: bool = False,
    ) -> Callable[[], list[Alert]]:
        """What tells the alerts that there would have been until a time, oldest first, had somebody's settings been these.

        By the readings that are kept, and by the settings as they are known now but for what is `asked`, as in a change; nothing
        is written. `own`: as they are without a profile. It takes seconds, and may be called anywhere.

        Raises:
            NotDoneError: what is asked for cannot be.

        """

    @abstractmethod
    def is_risky(self, values: Mapping[str, bool | float], unit: str) -> bool:
        """Whether a profile with these values needs a confirmation of its own."""

    @abstractmethod
    async def async_switch(
        self,
        person_id: str,
        profile: Profile | None,
        *,
        until: datetime | None = None,
    ) -> dict[str, Any]:
        """Switch somebody's settings to a profile, until a time or until further notice, or to none; return them as read back.

        What was there before is put back then, but for what somebody else has changed meanwhile.

        Raises:
            ApiError: no usable answer, and nothing was changed.
            NotDoneError: it cannot be written, or nobody knows whether it was.

        """

    @abstractmethod
    async def async_schedule(self, person_id: str, profile: Profile, *, is_on: bool) -> None:
        """Follow a profile's schedule: what it does, it does once each time it turns on or off, also over a restart.

        Raises:
            ApiError, NotDoneError: as `async_switch`.

        """

    @abstractmethod
    async def async_follow_profiles(self, person_id: str, profiles: Mapping[str, Profile]) -> None:
        """Switch to what has become of the profile somebody is switched to: it was changed, or removed.

        Raises:
            ApiError, NotDoneError: as `async_switch`.

        """

    @abstractmethod
    def conflicts_of(self, person_id: str) -> list[SettingConflict]:
        """What could not be put back, because somebody else has changed it."""

    @abstractmethod
    def stuck_of(self, person_id: str) -> list[SettingConflict]:
        """What is still a profile's (`theirs`) and is not ours to put back any more; empty once it is."""

    @abstractmethod
    async def async_give_up(self, person_id: str) -> None:
        """Put nothing of that back, should it be ours again."""

    @abstractmethod
    async def async_resolve(self, person_id: str, *, put_back: bool) -> None:
        """Put back all that is in conflict, or leave it as it is.

        Raises:
            ApiError, NotDoneError: as for a change.

        """

    @abstractmethod
    async def async_delete_settings(self, person_id: str) -> None:
        """Delete somebody's settings.

        Raises:
            ApiError: no usable answer.
            NotDoneError: they are still there, or nobody knows.

        """
