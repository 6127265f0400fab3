"""Banners: what is on every page of Home Assistant while a severe alert has nobody or a source is lost.

They are its persistent notifications: one for all such alerts, one for each source. Home Assistant forgets them when
it stops, and everybody who may log in sees them.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from homeassistant.auth.permissions.const import POLICY_READ
from homeassistant.components import persistent_notification
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from ..alerts.alert import Severity
from ..const import DOMAIN
from ..sources.banners import has_banners
from ..sources.targets import event_of, sensor_of
from .dashboard_url import find_dashboard, url_of
from .episodes import EpisodeRef, Need, all_episodes, need_at
from .localize import localize
from .message import banner, markdown
from .notices import notice_of, wording_of
from .plan import Text
from .trouble import note_of, troubles

type MayBeSeen = Callable[[str | None], bool]
"""Whether everybody who may log in may see an entity."""

ALERTS: Final = f"{DOMAIN}_alerts"
"""The id of the banner of all alerts; a source's is that with the id of its entry."""

SOURCES_PAGE: Final = f"/config/integrations/integration/{DOMAIN}"

REFRESHED_EVERY: Final = timedelta(minutes=1)
"""Ours: what is shown says how old it is, to the minute."""


class Banners:
    """The banners that are shown: brought up to date by `show`, and by themselves as time passes."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Show none yet."""
        self._hass = hass
        self._shown: dict[str, tuple[str, str]] = {}
        self._one_at_a_time = asyncio.Lock()
        self._is_due = False
        self._again: CALLBACK_TYPE | None = None

    @callback
    def show(self) -> None:
        """Bring them up to date, once for all that changes now."""
        if not self._is_due:
            self._is_due = True
            self._hass.async_create_task(self._show(), eager_start=False)

    async def _show(self) -> None:
        self._is_due = False
        if not (self._shown or self._severe(dt_util.utcnow()) or troubles(self._hass)):
            return
        async with self._one_at_a_time:
            dashboard = await find_dashboard(self._hass)
            users = [
                user.permissions
                for user in await self._hass.auth.async_get_users()
                if user.is_active and not user.system_generated
            ]
        now = dt_util.utcnow()

        def may_be_seen(entity_id: str | None) -> bool:
            return entity_id is not None and all(
                one.check_entity(entity_id, POLICY_READ) for one in users
            )

        wanted = self._of_sources(now, may_be_seen) | self._of_alerts(now, dashboard, may_be_seen)
        for which in self._shown.keys() - wanted.keys():
            persistent_notification.async_dismiss(self._hass, which)
        for which, (title, message) in wanted.items():
            if self._shown.get(which) != (title, message):
                persistent_notification.async_create(self._hass, message, title, which)
        self._shown = wanted
        self._look_again(bool(wanted))

    def _severe(self, now: datetime) -> list[EpisodeRef]:
        """The severe alerts that nobody has."""
        return [
            ref
            for ref in all_episodes(self._hass)
            if ref.episode.severity is Severity.HIGH
            and need_at(ref.episode, now) is Need.NEEDED
            and has_banners(ref.coordinator.config_entry.options)
        ]

    def _of_alerts(
        self, now: datetime, dashboard: str | None, may_be_seen: MayBeSeen
    ) -> dict[str, tuple[str, str]]:
        """The banner of severe alerts that nobody has; none if there are none."""
        notices = []
        for ref in self._severe(now):
            seen = []
            for one in ref.witnesses:
                topic = one.episode.topic
                sensor = sensor_of(self._hass, one.coordinator, topic.person_id, topic.alert_type)
                event = event_of(self._hass, one.coordinator, topic.person_id)
                seen.append(may_be_seen(sensor or event))
            text = Text.FULL if all(seen) else Text.NEUTRAL
            notice = notice_of(self._hass, ref, url=url_of(self._hass, dashboard, ref))
            notices.append((notice, text))
        return {ALERTS: banner(notices, wording_of(self._hass, now))} if notices else {}

    def _of_sources(self, now: datetime, may_be_seen: MayBeSeen) -> dict[str, tuple[str, str]]:
        """The banners of sources that are lost."""
        found = {}
        for entry_id, (coordinator, status) in troubles(self._hass).items():
            if not has_banners(coordinator.config_entry.options):
                continue
            people = [event_of(self._hass, coordinator, one) for one in coordinator.data.people]
            text = Text.FULL if all(map(may_be_seen, people)) else Text.NEUTRAL
            note = note_of(self._hass, coordinator, status, text, now)
            way_out = f"[{localize(self._hass, 'banner_source')}]({SOURCES_PAGE})"
            found[f"{ALERTS}_{entry_id}"] = note.title, f"{markdown(note.message)}\n\n{way_out}"
        return found

    @callback
    def _look_again(self, is_needed: bool) -> None:
        if self._again:
            self._again()
            self._again = None
        if is_needed:

            @callback
            def again(_: datetime) -> None:
                self._again = None
                self.show()

            job = HassJob(again, cancel_on_shutdown=True)
            self._again = async_call_later(self._hass, REFRESHED_EVERY, job)
