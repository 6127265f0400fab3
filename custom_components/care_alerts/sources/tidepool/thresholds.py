"""Somebody's alert thresholds at Tidepool: asked for, changed, deleted, and always read back."""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, ClassVar, override

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from ...alerts.snapshot import Setting
from ...const import DOMAIN
from ..http import ApiError, AuthError, RateLimitedError, RefusedError
from ..settings import SettingsKeeper
from .api import TidepoolClient
from .changing import Change, Problem, SettingsError, change, starting
from .people import NAMELESS, Followed, PollState
from .settings import FIELDS, Settings, setting_of
from .units import STEP


class ThresholdKeeper(SettingsKeeper):
    """One way to Tidepool and back, whoever asks.

    `talking` keeps others from somebody's settings while Tidepool is asked about them, and tells a person if it
    does not answer; `show` shows them as they are now; `ask_again` has them asked for when it is not known what
    they are; `followed` are the people by user id, `unit_for` is the unit of somebody's thresholds if there are none.
    """

    fields: ClassVar = {
        name: bool if field.name == "enabled" else float for name, field in FIELDS.items()
    }
    units = tuple(STEP)

    def __init__(
        self,
        client: TidepoolClient,
        me: str,
        *,
        talking: Callable[[str], AbstractAsyncContextManager[PollState]],
        show: Callable[[str, Settings], None],
        ask_again: Callable[[str, ApiError], None],
        followed: Callable[[], Mapping[str, Followed]],
        unit_for: Callable[[Followed | None], str],
    ) -> None:
        """Keep the settings of those who share with `me`, a user id."""
        self._client = client
        self._me = me
        self._talking = talking
        self._render = show
        self._ask_again = ask_again
        self._followed = followed
        self._unit_for = unit_for

    @override
    def name_of(self, person_id: str) -> str:
        followed = self._followed().get(person_id)
        return followed.name if followed else NAMELESS

    @override
    def proposed_settings(self, person_id: str) -> dict[str, Setting]:
        unit = self._unit_for(self._followed().get(person_id))
        return {str(one): setting_of(one, value, unit) for one, value in starting(unit).items()}

    @override
    async def async_settings_of(self, person_id: str) -> dict[str, Any]:
        async with self._talking(person_id):
            settings = await self._read(person_id)
            self._render(person_id, settings)
        return settings.as_response()

    @override
    async def async_set(
        self, person_id: str, key: str, value: bool | float, unit: str | None
    ) -> None:
        asked = next(one for one in FIELDS.values() if one.key == key)
        await self.async_change_settings(
            person_id, {str(asked): value}, unit if asked.name == "threshold" else None
        )

    @override
    async def async_change_settings(
        self,
        person_id: str,
        asked: Mapping[str, bool | float],
        unit: str | None = None,
        *,
        first: bool = False,
    ) -> dict[str, Any]:
        wanted = {FIELDS[name]: value for name, value in asked.items()}
        async with self._changing(person_id):
            before = await self._read(person_id)
            if first and before.document:
                self._render(person_id, before)
                raise ServiceValidationError(
                    translation_domain=DOMAIN, translation_key="settings_there"
                )
            made = change(before, wanted, unit)
            after = await self._written(person_id, made) if made.alerts else before
            self._render(person_id, after)
            made.check_kept(after)
        return after.as_response()

    @override
    async def async_delete_settings(self, person_id: str) -> None:
        async with self._changing(person_id):
            deleting = self._client.delete_alerts(person_id, self._me)
            after, failure = await self._sent(person_id, deleting)
            self._render(person_id, after)
            if not after.document:
                return
            if failure:
                raise failure
            raise HomeAssistantError(
                translation_domain=DOMAIN, translation_key="settings_not_deleted"
            )

    @asynccontextmanager
    async def _changing(self, person_id: str) -> AsyncIterator[None]:
        """Talk about a change: an answer to what was asked before it, or while it was made, is not to be shown."""
        async with self._talking(person_id) as attention:
            attention.changes += 1
            try:
                yield
            except SettingsError as err:
                raise invalid(err) from err
            finally:
                attention.changes += 1

    async def _read(self, person_id: str) -> Settings:
        return Settings(await self._client.alerts(person_id, self._me, whole=True) or {})

    async def _written(self, person_id: str, made: Change) -> Settings:
        """Write a change, and read back what has come of it."""
        sending = self._client.write_alerts(person_id, self._me, made.alerts)
        try:
            after, failure = await self._sent(person_id, sending)
        except RefusedError as err:
            if err.status == 403:
                raise
            if made.odd:
                raise HomeAssistantError(
                    translation_domain=DOMAIN,
                    translation_key="settings_refused_for",
                    translation_placeholders={"field": str(made.odd)},
                ) from err
            raise HomeAssistantError(
                translation_domain=DOMAIN, translation_key="settings_refused"
            ) from err
        if failure and not made.is_kept_in(after):
            raise failure
        return after

    async def _sent(
        self, person_id: str, sending: Coroutine[Any, Any, None]
    ) -> tuple[Settings, ApiError | None]:
        """Send a change, and read back what has come of it: it may have been made although no usable answer came.

        Raises:
            ApiError: nothing was changed.
            HomeAssistantError: nobody knows.

        """
        failure: ApiError | None = None
        try:
            await sending
        except AuthError, RateLimitedError, RefusedError:
            raise
        except ApiError as err:
            failure = err
        try:
            return await self._read(person_id), failure
        except ApiError as err:
            self._ask_again(person_id, err)
            raise HomeAssistantError(
                translation_domain=DOMAIN, translation_key="settings_not_confirmed"
            ) from err


def invalid(error: SettingsError) -> HomeAssistantError:
    """What to tell a person whose change cannot be written, or did not stay."""
    kind = HomeAssistantError if error.problem is Problem.NOT_KEPT else ServiceValidationError
    return kind(
        translation_domain=DOMAIN,
        translation_key=f"settings_{error.problem}",
        translation_placeholders={"field": error.field}
        | {name: f"{limit}" for name, limit in error.limits.items()},
    )
