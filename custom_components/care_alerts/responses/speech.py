"""Speech: speakers say what there is to say of an episode, loud enough, and are then as loud as they were before.

What was before is on disk before anything is changed (`snapshots.py`). After a restart nobody is speaking
any more: it is given back at once.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

from homeassistant.components.media_player.const import (
    ATTR_MEDIA_VOLUME_LEVEL,
    ATTR_MEDIA_VOLUME_MUTED,
    MediaPlayerState,
)
from homeassistant.const import SERVICE_VOLUME_MUTE, SERVICE_VOLUME_SET, STATE_UNAVAILABLE, Platform
from homeassistant.core import Context, Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..sources.signals import SIGNAL_EPISODES_CHANGED
from .asking import Failure, Outcome, ask, each, is_there
from .episodes import EpisodeRef, need_of
from .snapshots import MEMORY

BEGINS_WITHIN: Final = 8.0
"""Seconds until a voice is heard: ours, for a small computer or somebody's cloud to make it, and a speaker to load it."""
LETTERS_A_SECOND: Final = 8
"""Of a slow voice: ours, 100 words a minute. A speaker that does not say when it is done is loud for as long."""

_PREFIX: Final = "speak/"
_SOUNDING: Final = (MediaPlayerState.PLAYING, MediaPlayerState.BUFFERING)

_SPEAKERS: HassKey[defaultdict[str, asyncio.Lock]] = HassKey(f"{DOMAIN}_speakers")
"""Whose turn it is to speak, by entity id."""


@callback
def async_setup_speech(hass: HomeAssistant) -> None:
    """Give back what a speech held that a restart has ended; the memory has been set up."""
    hass.data[_SPEAKERS] = defaultdict(asyncio.Lock)
    memory = hass.data[MEMORY]
    for key, alarm, _ in memory.noted(_PREFIX):
        hass.async_create_task(
            memory.restore(key=key, alarm=alarm, context=Context()), f"{DOMAIN} speech"
        )


async def speak(
    hass: HomeAssistant,
    ref: EpisodeRef,
    players: Iterable[str],
    *,
    message: str,
    tts: str,
    volume: int | None,
    context: Context,
) -> Outcome:
    """Have speakers say something of an episode; return what became of each, once all are as they were.

    `tts` is a speech entity, `volume` in percent (None: as it is); what is muted is not meanwhile. Of a group each
    speaker is asked; what has two things to say says one after the other. Once the episode needs nobody, what
    is not said yet is left out, and what is being said is as loud as before.
    """
    speakers = [
        one
        for one in hass.data[MEMORY].each(players)
        if one.partition(".")[0] == Platform.MEDIA_PLAYER
    ]
    voice = hass.states.get(tts)
    if voice is None or voice.state == STATE_UNAVAILABLE:
        return dict.fromkeys(speakers, Failure.NO_VOICE)
    speech = _Speech(hass, ref, message, tts, volume, context)
    return await each(speakers, speech.on)


class _Speech:
    """Something that is said of an episode."""

    def __init__(
        self,
        hass: HomeAssistant,
        ref: EpisodeRef,
        message: str,
        tts: str,
        volume: int | None,
        context: Context,
    ) -> None:
        self._hass = hass
        self._ref = ref
        self._message = message
        self._tts = tts
        self._volume = volume
        self._context = context

    @property
    def _is_wanted(self) -> bool:
        ref, now = self._ref, dt_util.utcnow()
        return need_of(self._hass, ref.episode.episode_id, ref.entry_id, now).goes_on

    async def on(self, player: str) -> Failure | None:
        """Say it on a speaker."""
        async with self._hass.data[_SPEAKERS][player]:
            if not self._is_wanted:
                return Failure.NOT_NEEDED
            if not is_there(self._hass, player):
                return Failure.UNAVAILABLE
            memory = self._hass.data[MEMORY]
            key, alarm = f"{_PREFIX}{player}", self._ref.episode.episode_id
            try:
                await memory.remember([player], key=key, alarm=alarm, note={})
                async with memory.turn(player):
                    await self._make_loud(player)
                return (await each([player], self._say))[player]
            finally:
                await memory.restore(key=key, alarm=alarm, context=self._context)

    async def _make_loud(self, player: str) -> None:
        """One that cannot be made louder says it all the same."""
        state = self._hass.states.get(player)
        wanted: list[tuple[str, dict[str, Any]]] = []
        if state and state.attributes.get(ATTR_MEDIA_VOLUME_MUTED):
            wanted.append((SERVICE_VOLUME_MUTE, {ATTR_MEDIA_VOLUME_MUTED: False}))
        if self._volume is not None:
            wanted.append((SERVICE_VOLUME_SET, {ATTR_MEDIA_VOLUME_LEVEL: self._volume / 100}))
        for service, data in wanted:
            await each(
                [player], partial(ask, self._hass, service, data=data, context=self._context)
            )

    async def _say(self, player: str) -> None:
        """Say it, and wait until it is said, or nobody needs to hear it any more."""
        is_said = asyncio.Event()
        has_begun = False

        @callback
        def state_changed(event: Event[EventStateChangedData]) -> None:
            nonlocal has_begun
            state = event.data["new_state"]
            if state is not None and state.state in _SOUNDING:
                has_begun = True
            elif has_begun:
                is_said.set()

        @callback
        def episodes_changed(_: Any) -> None:
            if not self._is_wanted:
                is_said.set()

        with ExitStack() as stops:
            stops.callback(async_track_state_change_event(self._hass, player, state_changed))
            stops.callback(
                async_dispatcher_connect(self._hass, SIGNAL_EPISODES_CHANGED, episodes_changed)
            )
            # Not kept in the cache: nobody needs health data in files of sound.
            data = {"media_player_entity_id": player, "message": self._message, "cache": False}
            await ask(self._hass, "speak", self._tts, data=data, context=self._context)
            try:
                async with asyncio.timeout(BEGINS_WITHIN + len(self._message) / LETTERS_A_SECOND):
                    await is_said.wait()
            except TimeoutError:
                # It does not tell when it has finished.
                return
