"""Tidepool, followed: what the house asks of it, and how settings are changed."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, override

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from ...alerts.picture import Setting
from ...const import DOMAIN, LOGGER
from ..coordinator import CareAlertsConfigEntry
from ..http import ApiError, AuthError, RateLimitedError, RefusedError
from ..settings import SettingsKeeper
from .asking import SETTINGS_EVERY, AskingSource
from .people import NAMELESS, Attention
from .settings import FIELDS, Change, Problem, Settings, SettingsError, change, setting_of, starting
from .source import CONF_FOLLOWED, SESSIONS


class TidepoolCoordinator(AskingSource, SettingsKeeper):
    """The people who share with a care partner: their alert settings, and their readings judged by these."""

    async def async_names(self) -> dict[str, str]:
        """The names of all who share, user id -> name; only of those followed if Tidepool does not answer."""
        names = {person_id: one.name for person_id, one in self._reading.people.items()}
        try:
            sharers, _ = await self._client.people(self._me)
        except ApiError as err:
            LOGGER.debug("%s: no people: %s", self.name, err)
            return names
        return {one.user_id: one.name or NAMELESS for one in sharers} | names

    @override
    def forget(self, person_id: str) -> bool:
        followed = self._reading.people.get(person_id)
        if followed and followed.allows:
            return False
        self._let_go(lambda one: one == person_id)
        self._reading.people.pop(person_id, None)
        self._attention.pop(person_id, None)
        self._tell_of(person_id)
        self._draw(dt_util.utcnow())
        self.config_entry.async_create_task(self.hass, self._save())
        return True

    @callback
    @override
    def async_rest(self) -> None:
        if chosen := self.config_entry.options.get(CONF_FOLLOWED):
            self._let_go(lambda person_id: person_id not in chosen)
        super().async_rest()

    def _let_go(self, leaves: Callable[[str], bool]) -> None:
        """Tell the end of what runs of people who are followed no more: once they are gone, nobody would."""
        now = dt_util.utcnow()
        for person_id, followed in self._reading.people.items():
            if leaves(person_id):
                followed.watch.rest(now, for_good=True)
        self._draw(now)
        self.announcing.tell_ends(now)

    @classmethod
    @override
    async def async_remove(cls, hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
        await super().async_remove(hass, entry)
        for issue_id in [
            issue_id
            for domain, issue_id in ir.async_get(hass).issues
            if domain == DOMAIN and entry.entry_id in issue_id
        ]:
            ir.async_delete_issue(hass, DOMAIN, issue_id)
        if session := hass.data.get(SESSIONS, {}).pop(entry.entry_id, None):
            try:
                await session.end()
            except ApiError as err:
                # It ends by itself, within a day.
                LOGGER.debug("Tidepool: no logout: %s", err)

    # Changing settings.

    @override
    def name_of(self, person_id: str) -> str:
        followed = self._reading.people.get(person_id)
        return followed.name if followed else NAMELESS

    @override
    def proposed_settings(self, person_id: str) -> dict[str, Setting]:
        followed = self._reading.people.get(person_id)
        unit = (followed and followed.unit) or self._usual_unit()
        return {str(one): setting_of(one, value, unit) for one, value in starting(unit).items()}

    @override
    async def async_settings_of(self, person_id: str) -> dict[str, Any]:
        attention = self._attention_to(person_id)
        async with attention.lock:
            self._check_wait()
            try:
                return self._shown(person_id, await self._settings_now(person_id)).as_response()
            except ApiError as err:
                raise self._refused(err) from err

    @override
    async def async_set(self, person_id: str, key: str, value: bool | float) -> None:
        asked = next(one for one in FIELDS.values() if one.key == key)
        setting = self.data.people[person_id].settings.get(key)
        unit = setting.unit if setting and asked.name == "threshold" else None
        await self.async_change_settings(person_id, {str(asked): value}, unit)

    @override
    async def async_change_settings(
        self,
        person_id: str,
        asked: Mapping[str, bool | float],
        unit: str | None = None,
        *,
        first: bool = False,
    ) -> dict[str, Any]:
        attention = self._attention_to(person_id)
        wanted = {FIELDS[name]: value for name, value in asked.items()}
        async with attention.lock:
            self._check_wait()
            attention.changes += 1
            try:
                before = await self._settings_now(person_id)
                if first and before.document:
                    self._shown(person_id, before)
                    raise ServiceValidationError(
                        translation_domain=DOMAIN, translation_key="settings_there"
                    )
                made = change(before, wanted, unit)
                after = await self._written(person_id, made) if made.alerts else before
                self._shown(person_id, after)
                made.check_kept(after)
            except SettingsError as err:
                raise invalid(err) from err
            except ApiError as err:
                raise self._refused(err) from err
            finally:
                attention.changes += 1
        return after.as_response()

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
            return await self._settings_now(person_id), failure
        except ApiError as err:
            self._attention[person_id].settings.due = now = dt_util.utcnow()
            if err.retry_after:
                self._wait_until = now + err.retry_after
            self._refresh_soon()
            raise HomeAssistantError(
                translation_domain=DOMAIN, translation_key="settings_not_confirmed"
            ) from err

    @callback
    def _refresh_soon(self) -> None:
        """Ask for what is due, not while the lock is held but once this is done."""
        self.config_entry.async_create_task(
            self.hass, self.async_request_refresh(), eager_start=False
        )

    @override
    async def async_delete_settings(self, person_id: str) -> None:
        attention = self._attention_to(person_id)
        async with attention.lock:
            self._check_wait()
            attention.changes += 1
            try:
                deleting = self._client.delete_alerts(person_id, self._me)
                after, failure = await self._sent(person_id, deleting)
                self._shown(person_id, after)
                if failure and after.document:
                    raise failure
            except ApiError as err:
                raise self._refused(err) from err
            finally:
                attention.changes += 1
        if after.document:
            raise HomeAssistantError(
                translation_domain=DOMAIN, translation_key="settings_not_deleted"
            )

    def _attention_to(self, person_id: str) -> Attention:
        if not self._is_settable(person_id):
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="permission_lost")
        return self._attention[person_id]

    async def _settings_now(self, person_id: str) -> Settings:
        return Settings(await self._client.alerts(person_id, self._me, whole=True) or {})

    def _shown(self, person_id: str, settings: Settings) -> Settings:
        """Show settings as they are now, and judge by them."""
        now = dt_util.utcnow()
        question = self._attention[person_id].settings
        question.answered()
        question.due = now + SETTINGS_EVERY
        with self._telling_at_once():
            self._take_up(person_id, dict(settings.document) or None)
            self._draw(now)
        self.announcing.soon()
        self.journal.save_later(self._kept)
        if self._due(now):
            self._refresh_soon()
        return settings


def invalid(error: SettingsError) -> HomeAssistantError:
    """What to tell a person whose change cannot be written, or did not stay."""
    kind = HomeAssistantError if error.problem is Problem.NOT_KEPT else ServiceValidationError
    return kind(
        translation_domain=DOMAIN,
        translation_key=f"settings_{error.problem}",
        translation_placeholders={"field": error.field}
        | {name: f"{limit}" for name, limit in error.limits.items()},
    )
