"""Lights: lamps show a colour for an episode for as long as it needs somebody, and are then as they were before.

What each episode shows on which lamps is a note of the memory (`snapshots.py`), on disk with what the lamps
were before, before any of them is asked. All else follows from the notes and the episodes as they are now,
whenever either may have changed, also after a restart: a lamp shows the colour of the worst episode that
shows something on it; an episode that needs nobody any more lets go of its lamps, for good.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

from homeassistant.components.light.const import (
    ATTR_BRIGHTNESS,
    ATTR_RGB_COLOR,
    ATTR_SUPPORTED_COLOR_MODES,
    ATTR_TRANSITION,
    ColorMode,
)
from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange
from homeassistant.const import SERVICE_TURN_OFF, SERVICE_TURN_ON, Platform
from homeassistant.core import (
    CALLBACK_TYPE,
    Context,
    Event,
    EventStateChangedData,
    HomeAssistant,
    callback,
)
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.helpers.start import async_at_started
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..alerts.alert import Severity
from ..alerts.stored import Stored
from ..alerts.tolerant import read_each
from ..const import DOMAIN
from ..sources.coordinator import SourceCoordinator
from ..sources.signals import SIGNAL_EPISODES_CHANGED
from .asking import ASKED_WITHIN, Failure, Outcome, ask, each, is_there
from .episodes import EpisodeRef, find_episode, need_of
from .snapshots import MEMORY, NOT_THERE

FLASHES: Final = 3
"""Ours: enough to be noticed from the corner of the eye."""
FLASH_ON: Final = 0.6
"""Seconds of light."""
FLASH_OFF: Final = 0.4
"""Seconds of dark. One flash a second: more than three are dangerous with photosensitive epilepsy, most of
all red ones (WCAG 2.2, success criterion 2.3.1), and lamps on a mesh are late by up to some tenths."""

FULL: Final = 255

_PREFIX: Final = "light/"

_COLOURED: Final = frozenset(
    (ColorMode.HS, ColorMode.RGB, ColorMode.RGBW, ColorMode.RGBWW, ColorMode.XY)
)

type Colour = tuple[int, int, int]


@dataclass(slots=True, kw_only=True)
class _Claim(Stored):
    """What an episode shows: its colour on each lamp. `severity` is the last known."""

    episode_id: str
    entry_id: str
    severity: Severity
    asked_at: datetime
    lamps: dict[str, Colour] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Of the memory."""
        return f"{_PREFIX}{self.episode_id}"


class Lights:
    """What lamps show in this house."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Take up what was shown before a restart; look after it once all has started."""
        self._hass = hass
        self._memory = hass.data[MEMORY]
        self._claims: dict[str, _Claim] = {}
        """By episode id."""
        self._asked: dict[str, Colour] = {}
        """What each lamp was last asked to show, in this life."""
        self._flashing: set[str] = set()
        self._watched: set[str] = set()
        self._stop_watching: CALLBACK_TYPE = lambda: None
        self._load()
        async_dispatcher_connect(hass, SIGNAL_EPISODES_CHANGED, self._episodes_changed)
        async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._entry_changed)
        async_at_started(hass, self._started)

    @callback
    def _load(self) -> None:
        for key, alarm, note in self._memory.noted(_PREFIX):
            claims, _ = read_each([note], _Claim.from_dict)
            if claims:
                self._claims[claims[0].episode_id] = claims[0]
            else:
                # Nobody could ever let go of it.
                self._release(key, alarm)

    async def light(
        self,
        ref: EpisodeRef,
        lights: Iterable[str],
        *,
        colour: Colour,
        flash: bool,
        context: Context,
    ) -> Outcome:
        """Have lamps show a colour for an episode until it needs nobody; return what became of each lamp.

        `colour` is red, green, blue from 0 to 255; what cannot show it shines white. Of a group each lamp is
        asked. A lamp that is out of reach shows it when it is back. With `flash`, lamps flash a few times
        first; that is not waited for. For an episode that needs nobody, none is asked.
        """
        now = dt_util.utcnow()
        if not need_of(self._hass, ref.episode.episode_id, ref.entry_id, now).goes_on:
            return {}
        lamps = [
            one for one in self._memory.each(lights) if one.partition(".")[0] == Platform.LIGHT
        ]
        if not lamps:
            return {}
        claim = self._claim_of(ref, now)
        claim.lamps |= dict.fromkeys(lamps, colour)
        self._lamps_changed()
        self._asked |= {lamp: wanted for lamp in lamps if (wanted := self._wanted(lamp))}
        await self._write_down(claim)
        outcome = await each(lamps, partial(self._show, context=context))
        if flash:
            for lamp, failure in outcome.items():
                if failure is None and lamp not in self._flashing:
                    self._flashing.add(lamp)
                    self._hass.async_create_background_task(
                        self._flash(lamp, context), f"{DOMAIN} flash"
                    )
        return outcome

    async def release_all(self) -> None:
        """Give all lamps back, whatever goes on."""
        claims = list(self._claims.values())
        self._claims.clear()
        self._lamps_changed()
        await asyncio.gather(
            *(
                self._memory.restore(key=one.key, alarm=one.episode_id, context=Context())
                for one in claims
            )
        )

    def _claim_of(self, ref: EpisodeRef, now: datetime) -> _Claim:
        """What an episode shows already, by any id that it had; or nothing yet."""
        episode = ref.episode
        which = next((one for one in self._claims if one in episode.ids), episode.episode_id)
        claim = self._claims.pop(which, None) or _Claim(
            episode_id=which, entry_id=ref.entry_id, severity=episode.severity, asked_at=now
        )
        claim.severity, claim.asked_at = episode.severity, now
        # Two may ask in one moment.
        self._claims[which] = claim
        return claim

    async def _write_down(self, claim: _Claim) -> None:
        await self._memory.remember(
            list(claim.lamps), key=claim.key, alarm=claim.episode_id, note=claim.to_dict()
        )

    # Looking after it.

    @callback
    def _started(self, _: HomeAssistant) -> None:
        """A crash may have come between what is written down and what is done."""
        self._look()
        self._show_again(self._lamps)

    @callback
    def _episodes_changed(self, _: SourceCoordinator) -> None:
        """Also of another source than of which something is shown: they may have one person."""
        self._look()

    @callback
    def _entry_changed(self, _: ConfigEntryChange, entry: ConfigEntry[Any]) -> None:
        """A source may have been removed, or have started again."""
        if entry.domain == DOMAIN:
            self._look()

    @callback
    def _look(self) -> None:
        """Let go for the episodes that need nobody, and show what is the worst now."""
        now = dt_util.utcnow()
        for which, claim in list(self._claims.items()):
            if not need_of(self._hass, which, claim.entry_id, now).goes_on:
                del self._claims[which]
                self._release(claim.key, which)
            elif found := find_episode(self._hass, which):
                claim.severity = found.episode.severity
        self._lamps_changed()
        self._show_again(
            {lamp for lamp in self._lamps if self._asked.get(lamp) != self._wanted(lamp)}
        )

    @callback
    def _release(self, key: str, alarm: str) -> None:
        self._hass.async_create_task(
            self._memory.restore(key=key, alarm=alarm, context=Context()), f"{DOMAIN} lights"
        )

    @property
    def _lamps(self) -> set[str]:
        return {lamp for claim in self._claims.values() for lamp in claim.lamps}

    def _wanted(self, lamp: str) -> Colour | None:
        """What a lamp is to show: for the worst, of several as bad for the one that asked last."""
        claims = [claim for claim in reversed(self._claims.values()) if lamp in claim.lamps]
        worst = max(claims, key=lambda one: (one.severity.rank, one.asked_at), default=None)
        return worst.lamps[lamp] if worst else None

    @callback
    def _lamps_changed(self) -> None:
        """Watch the lamps that show something: one that was out of reach may be back."""
        lamps = self._lamps
        self._asked = {lamp: colour for lamp, colour in self._asked.items() if lamp in lamps}
        if lamps == self._watched:
            return
        self._stop_watching()
        self._watched = lamps
        self._stop_watching = async_track_state_change_event(
            self._hass, list(lamps), self._state_changed
        )

    @callback
    def _state_changed(self, event: Event[EventStateChangedData]) -> None:
        old = event.data["old_state"]
        lamp = event.data["entity_id"]
        if is_there(self._hass, lamp) and (old is None or old.state in NOT_THERE):
            self._show_again({lamp})

    # Showing it.

    @callback
    def _show_again(self, lamps: set[str]) -> None:
        if lamps:
            self._hass.async_create_task(self._show_all(lamps), f"{DOMAIN} lights")

    async def _show_all(self, lamps: set[str]) -> None:
        for claim in list(self._claims.values()):
            # It may have let go meanwhile.
            if not lamps.isdisjoint(claim.lamps) and claim.episode_id in self._claims:
                await self._write_down(claim)
        await each(lamps, partial(self._show, context=Context()))

    async def _show(self, lamp: str, context: Context, *, is_dark: bool = False) -> Failure | None:
        """Have a lamp show what it is to show now, or nothing for a moment; not one of which is unknown what it was."""
        async with asyncio.timeout(ASKED_WITHIN), self._memory.turn(lamp):
            colour = self._wanted(lamp)
            if colour is None:
                return None
            self._asked[lamp] = colour
            state = self._hass.states.get(lamp)
            if state is None or state.state in NOT_THERE or not self._memory.keeps(lamp):
                return Failure.UNAVAILABLE
            data: dict[str, Any] = {ATTR_TRANSITION: 0}
            if is_dark:
                await ask(self._hass, SERVICE_TURN_OFF, lamp, data=data, context=context)
                return None
            data[ATTR_BRIGHTNESS] = FULL
            if not _COLOURED.isdisjoint(state.attributes.get(ATTR_SUPPORTED_COLOR_MODES) or ()):
                data[ATTR_RGB_COLOR] = colour
            await ask(self._hass, SERVICE_TURN_ON, lamp, data=data, context=context)
            return None

    async def _flash(self, lamp: str, context: Context) -> None:
        """Flash a lamp that is alight; it is alight after."""
        try:
            for _ in range(FLASHES):
                for is_dark, lasts in (True, FLASH_ON), (False, FLASH_OFF):
                    await asyncio.sleep(lasts)
                    await each([lamp], partial(self._show, context=context, is_dark=is_dark))
        finally:
            self._flashing.discard(lamp)


LIGHTS: HassKey[Lights] = HassKey(f"{DOMAIN}_lights")


@callback
def async_setup_lights(hass: HomeAssistant) -> None:
    """Show again what was shown before a restart, and look after it; the memory has been set up."""
    hass.data[LIGHTS] = Lights(hass)


async def async_forget_lights(hass: HomeAssistant) -> None:
    """Give all lamps back, while the memory still knows how they were."""
    if lights := hass.data.get(LIGHTS):
        await lights.release_all()
