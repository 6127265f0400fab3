"""Runner: does what is due of the plans, writes it down before and marks it after.

What is due is worked out anew each time (`steps.outlook`), from what is on disk and the clock: whatever
happens to the house in between, the next look goes on from there.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.util import dt as dt_util

from ..alerts.alert import Severity
from ..sources.errors import log_unexpected
from .due import DueStep, Outlook
from .duty import Duty, told as who_is_told
from .episodes import EpisodeRef, all_episodes, as_now
from .lights import LIGHTS
from .log import Delivery, StepKey
from .message import spoken_text
from .messages import send_message
from .notices import notice_of, wording_of
from .phones import Phones, Ring
from .plan import Caregiver, PartKind, Plan, Text
from .speech import speak
from .steps import outlook
from .store import ResponseStore

AT_LEAST: Final = timedelta(seconds=1)
"""Between two looks that only time asks for: whatever is wrong with a time, the house goes on."""
AFTER_TROUBLE: Final = timedelta(minutes=1)
"""Ours: when it is tried again what went wrong for no reason that we know."""
IN_ONE_GO: Final = 50
"""Ours: episodes looked at before others have a turn; at about 0.1 ms each that is not felt."""
DONE_WITHIN: Final = 30.0
"""Seconds after which what hangs - a lamp, a voice, a message - does not keep a step from being marked as done."""


class Household(Protocol):
    """Whose plans they are."""

    @property
    def plans(self) -> Sequence[Plan]:
        """The plans that are followed."""

    @property
    def caregivers(self) -> Sequence[Caregiver]:
        """Who can be told."""

    def duty(self, now: datetime) -> Duty:
        """Who is on duty."""

    def is_meant(self, plan: Plan, ref: EpisodeRef) -> bool:
        """Whether an episode is of somebody, and of a type, that a plan is for."""

    def phones_of(self, caregiver: Caregiver) -> list[str]:
        """The devices of a caregiver's phones."""


@dataclass(frozen=True, slots=True)
class Doing:
    """What is due of a plan for an episode, or comes next."""

    plan: Plan
    ref: EpisodeRef
    outlook: Outlook


class Runner:
    """The plans of a household at work."""

    def __init__(
        self, hass: HomeAssistant, store: ResponseStore, phones: Phones, household: Household
    ) -> None:
        """Begin with the first `look`."""
        self._hass = hass
        self._store = store
        self._phones = phones
        self.household = household
        """Whose plans are followed."""
        self._running: set[StepKey] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._look_again = False
        self._complained_of: set[str] = set()
        self._cancel_timer: CALLBACK_TYPE | None = None
        self.next: Sequence[Doing] = ()
        """What each plan does next for each episode, as of the last look."""
        self.changed: Callable[[], None] = lambda: None
        """Called after each look."""
        self.step_due: Callable[[DueStep, Plan, EpisodeRef], None] = lambda due, plan, ref: None
        """Called when a step is begun."""

    @callback
    def look(self) -> None:
        """See what is due, and do it."""
        self._look_again = True
        if self._looking is None:
            self._looking = self._hass.async_create_task(self._look_until_done(), eager_start=False)

    async def settle(self) -> None:
        """Return when what was begun is done."""
        while tasks := [one for one in (self._looking, *self._tasks) if one]:
            await asyncio.wait(tasks)

    async def _look_until_done(self) -> None:
        try:
            while self._look_again and not self._hass.is_stopping:
                self._look_again = False
                # Whatever is wrong, the house goes on: at the latest in a minute.
                self._look_at(dt_util.utcnow() + AFTER_TROUBLE)
                with self._going_on("all"):
                    await self._look()
        finally:
            self._looking = None

    @contextmanager
    def _going_on(self, about: str) -> Iterator[None]:
        """Let nothing that is wrong with one thing keep the house from any other; it is said once, until it is right."""
        try:
            yield
        except Exception as err:  # noqa: BLE001 # by whatever it is: nobody would be told of anything any more
            if about not in self._complained_of:
                self._complained_of.add(about)
                log_unexpected(err, "responses")
        else:
            self._complained_of.discard(about)

    async def _look(self) -> None:
        now = dt_util.utcnow()
        state = self._store.state
        state.clamp(now)
        self._keep_as_one()
        found: list[Doing] = []
        for count, (plan, ref) in enumerate(self._plans_and_episodes(), 1):
            with self._going_on(f"{plan.plan_id} {ref.episode.episode_id}"):
                found.append(Doing(plan, ref, self.outlook(plan, ref, now)))
            if count % IN_ONE_GO == 0:
                await asyncio.sleep(0)
        due = [(doing, step) for doing in found for step in doing.outlook.due]
        ringing = await self._begin(due, now) if due else frozenset()
        for device_id in self._phones.outdated(now):
            if device_id not in ringing:
                self._start(self._phones.show(device_id))
        self.next = found
        moments = [one.outlook.next_at for one in found] + [self._store.screens.next_try(now)]
        self._look_at(min((at for at in moments if at and at > now), default=None))
        with self._going_on("changed"):
            self.changed()

    def _keep_as_one(self) -> None:
        """Keep which episodes are one, and of each who has it: a source may be away the next time."""
        is_changed = False
        for ref in all_episodes(self._hass):
            if ref.parts or self._store.state.known_as_one(ref.episode.ids):
                is_changed |= self._store.state.note_as_one(ref.episode.ids)
            for part, held in ref.inherited:
                if part.is_newest:
                    self._start(part.coordinator.care.inherit(part.episode.topic, held))
        if is_changed:
            self._store.save_later()

    def _plans_and_episodes(self) -> Iterator[tuple[Plan, EpisodeRef]]:
        for ref in all_episodes(self._hass):
            held = ref.held
            # What is not on disk yet is nobody's to be told of.
            if not ref.episode.is_open or held.issuperset(
                alert.alert_id for alert in ref.episode.announced
            ):
                continue
            for plan in self.household.plans:
                with self._going_on(f"{plan.plan_id} whose"):
                    if plan.reached_at(ref.episode) and self.household.is_meant(plan, ref):
                        yield plan, ref

    def outlook(self, plan: Plan, ref: EpisodeRef, now: datetime) -> Outlook:
        """What is due of a plan for an episode, and what comes next."""
        episode = ref.episode
        return outlook(
            plan,
            episode,
            self._store.state.of(episode.ids),
            quiet=ref.quiet,
            zone=dt_util.get_default_time_zone(),
            now=now,
            running=self._running,
        )

    # Doing.

    async def _begin(self, due: Sequence[tuple[Doing, DueStep]], now: datetime) -> Collection[str]:
        """Begin steps once it is on disk that they were; return the phones that ring."""
        rings: defaultdict[str, list[Ring]] = defaultdict(list)
        told: dict[StepKey, list[Caregiver]] = {}
        duty = self.household.duty(now)
        for doing, step in due:
            self._store.state.begin(step.record(now))
            with self._going_on(f"{step.key}"):
                told[step.key] = self._note_rings(doing.ref, step, duty, rings)
                self._running.add(step.key)
        for device_id, theirs in rings.items():
            with self._going_on(f"{device_id} note"):
                self._phones.note(device_id, theirs)
        await self._store.save()
        pushes = {
            device_id: self._start(self._phones.show(device_id, theirs))
            for device_id, theirs in rings.items()
        }
        for doing, step in due:
            if step.key not in told:
                # It counts as interrupted, and is begun again.
                continue
            with self._going_on("step due"):
                self.step_due(step, doing.plan, doing.ref)
            own = [
                pushes[device_id]
                for device_id, theirs in rings.items()
                if any(ring.key == step.key for ring in theirs)
            ]
            self._start(self._do(doing.ref, step, told[step.key], own))
        return rings.keys()

    def _note_rings(
        self,
        ref: EpisodeRef,
        step: DueStep,
        duty: Duty,
        rings: Mapping[str, list[Ring]],
    ) -> list[Caregiver]:
        """Add which phones a step rings, and return whom it tells."""
        told = who_is_told(self.household.caregivers, step.targets(PartKind.TELL), duty)
        for caregiver in told:
            ring = Ring(ref=ref, caregiver=caregiver, key=step.key, redelivered=step.redelivered)
            phones = self.household.phones_of(caregiver)
            for device_id in phones:
                rings[device_id].append(ring)
            if not phones and not caregiver.notify:
                self._receipt(step.key, caregiver.caregiver_id, Delivery.FAILED, ref)
        return told

    async def _do(
        self,
        ref: EpisodeRef,
        step: DueStep,
        told: Sequence[Caregiver],
        pushes: Sequence[asyncio.Task[Any]],
    ) -> None:
        try:
            tasks = [*pushes, *self._act(ref, step, told)]
            if tasks:
                await asyncio.wait(tasks, timeout=DONE_WITHIN)
            self._store.state.finish(step.key, dt_util.utcnow())
        finally:
            self._running.discard(step.key)
        await self._store.save()
        self.look()

    def _act(
        self, ref: EpisodeRef, step: DueStep, told: Sequence[Caregiver]
    ) -> Iterator[asyncio.Task[Any]]:
        """Do all of a step but push."""
        entities: dict[str, Caregiver] = {}
        for caregiver in told:
            for entity_id in caregiver.notify:
                # Who shares one with somebody for whom it is neutral gets no other.
                if entity_id not in entities or caregiver.text is Text.NEUTRAL:
                    entities[entity_id] = caregiver
        for entity_id, caregiver in entities.items():
            yield self._start(self._notify(entity_id, ref, caregiver, step))
        context = Context()
        if lights := step.targets(PartKind.LIGHT):
            yield self._start(
                self._hass.data[LIGHTS].light(
                    ref, lights, colour=step.step.colour, flash=step.step.flash, context=context
                )
            )
        if (players := step.targets(PartKind.SPEAKER)) and step.step.tts:
            yield self._start(
                speak(
                    self._hass,
                    ref,
                    players,
                    message=self._spoken(ref, step),
                    tts=step.step.tts,
                    volume=step.step.volume,
                    context=context,
                )
            )

    async def _notify(
        self, entity_id: str, ref: EpisodeRef, caregiver: Caregiver, step: DueStep
    ) -> None:
        if (current := as_now(self._hass, ref, dt_util.utcnow())) is None:
            return
        ref = current
        is_sent = await send_message(
            self._hass, entity_id, ref, caregiver, redelivered=step.redelivered
        )
        self._receipt(step.key, entity_id, Delivery.UNKNOWN if is_sent else Delivery.FAILED, ref)

    def _spoken(self, ref: EpisodeRef, step: DueStep) -> str:
        notice = notice_of(self._hass, ref, redelivered=step.redelivered)
        return spoken_text(notice, wording_of(self._hass, dt_util.utcnow()))

    def _receipt(self, key: StepKey, whom: str, delivery: Delivery, ref: EpisodeRef) -> None:
        severity: Severity = ref.episode.severity
        self._store.state.pushed(key, whom, delivery, severity, dt_util.utcnow())

    def _start[T](self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Have something done whose failure keeps nothing else."""
        task = self._hass.async_create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(err := task.exception(), Exception):
            log_unexpected(err, "responses")

    # When.

    def _look_at(self, moment: datetime | None) -> None:
        self._cancel()
        if moment is None:
            return
        now = dt_util.utcnow()

        @callback
        def look(_: datetime) -> None:
            self._cancel_timer = None
            self.look()

        self._cancel_timer = async_track_point_in_utc_time(
            self._hass, look, max(moment, now + AT_LEAST)
        )

    def _cancel(self) -> None:
        if self._cancel_timer:
            self._cancel_timer()
            self._cancel_timer = None
