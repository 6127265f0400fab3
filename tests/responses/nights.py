"""Simulated nights: a house with a household, and all that may happen in it until the morning.

    python -m tests.responses.nights --nights 1000 --seed 1

Runner, phones, store, lights, sources' coordinators and Home Assistant are the real ones (`night_house.py`);
the night is drawn from its number and the seed, so that it can be had again: `--nights 1 --first 123`. What
is done is held against a naive model that works minute by minute with a memory (`model.py`), and against what
may never be, whatever the model says:

- every episode of severity high is acknowledged by a person, or at the last step in the time of its plan;
- nothing rings for what is acknowledged, snoozed or over; nothing rings but a step of a plan;
- no step is lost, and none is done twice but marked as `redelivered`;
- no phone shows what is over, or says that nobody has what somebody has;
- in the morning lamps and volumes are as they were in the evening.
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from functools import partial
import heapq
from itertools import count
import logging
import os
from pathlib import Path
from random import Random
import sys
from typing import Any

import freezegun.api
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState

from custom_components.care_alerts.alerts.acknowledgement import Actor, Via
from custom_components.care_alerts.alerts.alert import Alert, AlertKey, AlertState, Severity
from custom_components.care_alerts.alerts.episode import EndReason
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.responses.episodes import EpisodeRef, all_episodes
from custom_components.care_alerts.responses.log import Delivery, Receipt, ResponseState, StepRecord
from custom_components.care_alerts.responses.message import SUMMARY_TAG, tag_of
from custom_components.care_alerts.responses.notices import notice_of
from custom_components.care_alerts.responses.plan import Plan, Text
from custom_components.care_alerts.responses.plan_data import plan_from_data
from tests.appliances import Json

from .house import Data, caregiver, plan as plan_subentry
from .night_house import CLEAR, SECOND, Attempt, Handset, Lives, Upload, World, context_of
from .night_model import Watch, Whenever
from .night_script import ZONE, Habit, Script, draw
from .night_tally import Tally

MINUTE = timedelta(minutes=1)
NOBODY_HAS_IT = "Nobody has it yet."
SOMEBODY_HAS_IT = " has it since "
SNOOZED = "Snoozed until "
LOST = "Nothing more was heard of it"
REACHED_WITHIN = 60 * SECOND
"""A push that hangs keeps the next one of that phone waiting for 10 s, a disk may be slow."""


LINES = int(os.environ.get("NIGHTS_TRACE", "32"))
"""Of what happened before a fault."""


class FaultError(AssertionError):
    """Something that may never be."""


@dataclass
class Owed:
    """A ring that a phone has to get for a step."""

    record: StepRecord
    entry_ids: frozenset[str]
    due_at: datetime
    was_held_up: bool


def is_snoozed(ref: EpisodeRef, now: datetime) -> bool:
    """Whether somebody wants quiet of it."""
    until = ref.episode.snoozed_until
    return until is not None and until > now


class Night:
    """One night."""

    def __init__(self, script: Script, freezer: FrozenDateTimeFactory, tally: Tally) -> None:
        """Evening."""
        self.script = script
        self.tally = tally
        self.trace: list[str] = []
        self.rng = Random(f"night {script.number}")  # noqa: S311 # no secret
        self.world = World(
            freezer=freezer,
            now=script.start - 30 * MINUTE,
            phones=script.phones,
            people=script.people,
            uploads=script.uploads,
            states=dict(script.states),
            acknowledgement_expires_after=script.expires,
        )
        self.world.heard = self.heard
        self.world.attempted = self.attempted
        self.world.speaker.volume = script.volume
        for bulb, look in zip(self.world.bulbs.values(), script.looks, strict=True):
            bulb.look = look
        self.lives = Lives(self.world)
        self.queue: list[tuple[datetime, int, str, Callable[[], Coroutine[Any, Any, None]]]] = []
        self.order = count()
        self.plans = dict(script.plans)
        self.takeover: tuple[str, datetime] | None = None
        self.taking_duty: asyncio.Task[Any] | None = None
        self.watches: dict[tuple[str, str], Watch] = {}
        self.ids: dict[str, frozenset[str]] = {}
        self.seen: set[tuple[Any, datetime]] = set()
        self.owed: dict[Handset, list[Owed]] = {phone: [] for phone in script.phones}
        self.told: dict[Handset, set[str]] = {phone: set() for phone in script.phones}
        self.may_be_stale: set[str] = set()
        self.will_act: set[str] = set()
        self.acted: Counter[str] = Counter()
        self.refs: list[EpisodeRef] = []
        self.last_off = self.world.now
        self.known: dict[str, Severity] = {}
        self.taken: set[str] = set()
        self.owed_at: dict[Handset, datetime] = {}
        self.on_disk = ResponseState()
        self.lost: set[AlertKey] = set()

    # Time.

    def minute(self, moment: datetime) -> Fraction:
        """A moment in minutes since the evening, exactly."""
        return Fraction(round((moment - self.script.start).total_seconds()), 60)

    def at(self, minute: Any) -> datetime:
        """The moment."""
        return self.script.start + timedelta(seconds=int(minute * 60))

    def say(self, what: str) -> None:
        """Keep what happened, for who looks for a fault."""
        local = self.world.now.astimezone(ZONE)
        self.trace.append(f"{local:%H:%M:%S} {float(self.minute(self.world.now)):7.2f} {what}")

    def fault(self, what: str) -> None:
        """Something is as it may not be."""
        self.say(f"FAULT {what}")
        raise FaultError(f"night {self.script.number}: {what}\n" + "\n".join(self.trace[-LINES:]))

    def later(self, at: datetime, what: str, do: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have something happen."""
        heapq.heappush(self.queue, (max(at, self.world.now + SECOND), next(self.order), what, do))

    # The way of the night.

    async def passes(self) -> None:
        """Let it pass."""
        script, world = self.script, self.world
        for name, data in script.caregivers.items():
            phone = next(one for one in script.phones if one.owner == name)
            script.caregivers[name] = data | {"phones": [phone.device_id]}
        await self.go(world.now)
        await self.live(is_first=True)
        for at in sorted({one.at for one in script.uploads}):
            self.later(at, "upload", self.poll)
        for second, what, how in script.happenings:
            do = partial(getattr(self, f"happens_{what}"), how)
            self.later(script.start + second * SECOND, f"{what} {how}", do)
        self.later(script.end - 70 * MINUTE, "morning comes", self.morning_comes)
        while world.now < script.end:
            await self.step()
        self.end_of_night()
        await self.lives.end(is_killed=True)

    async def step(self) -> None:
        """Go to the next moment at which something may happen."""
        world = self.world
        moments = [self.script.end]
        if self.queue:
            moments.append(self.queue[0][0])
        if self.lives.is_alive and (timer := self.lives.next_timer()):
            moments.append(timer)
        now = self.minute(world.now)
        for watch in self.watches.values():
            moments += [self.at(one) for one in watch.moments(now) if one > now]
        moment = max(min(moments), world.now + SECOND)
        began = perf_counter_real()
        await self.go(moment)
        self.tally.held.append(perf_counter_real() - began)
        await self.observe()
        while self.queue and self.queue[0][0] <= world.now:
            _, _, what, do = heapq.heappop(self.queue)
            self.say(f"- {what}")
            await do()
            await self.lives.settle()
            await self.observe()

    async def go(self, moment: datetime) -> None:
        """Go to a moment."""
        await self.lives.go_to(moment)

    async def live(self, *, is_first: bool = False) -> None:
        """Have Home Assistant start."""
        world = self.world
        # Here nobody moves the time.
        world.disk.slow = 0.0
        await self.lives.begin()
        if is_first:
            for name, data in self.script.caregivers.items():
                phone = next(one for one in self.script.phones if one.owner == name)
                data["phones"] = [phone.device_id]
        world.subentries[:] = [
            *(caregiver(name, **data) for name, data in self.script.caregivers.items()),
            *(plan_subentry(name, **data) for name, data in self.plans.items()),
        ]
        await self.lives.start()
        world.disk.slow = self.script.slow

    async def die(self, *, is_killed: bool, down: int) -> None:
        """End, and start again so many seconds later."""
        self.say("is killed" if is_killed else "stops")
        taking = self.taking_duty
        was_told = taking is None or (
            taking.done() and not taking.cancelled() and taking.exception() is None
        )
        await self.lives.end(is_killed=is_killed)
        stored = self.world.disk.read(f"{DOMAIN}.responses") or {}
        state = ResponseState.from_dict(stored.get("state"))
        self.on_disk = state
        if not was_told:
            # Whoever took over had no answer: it may be kept, or not.
            taken = state.takeover
            self.takeover = (taken.caregiver_id, taken.until) if taken else None
        for (plan_id, which), watch in self.watches.items():
            response = state.of(self.ids.get(which, frozenset({which})))
            for record in response.records:
                if (record.key, record.begun_at) not in self.seen and record.key.plan_id == plan_id:
                    # Begun in the moment in which it died.
                    self.seen.add((record.key, record.begun_at))
                    self.tally.steps += 1
                    self.tally.doubled += record.redelivered
                    if record.done_at:
                        self.check_rung(record, response.receipts)
            watch.restart(
                [one for one in response.records if one.key.plan_id == plan_id],
                response.receipts,
                self.minute,
            )
        for phone, owed in self.owed.items():
            for one in owed:
                kept = next(
                    (
                        record
                        for record in state.of(one.entry_ids).records
                        if record.key == one.record.key
                    ),
                    None,
                )
                if kept and kept.done_at and kept.begun_at >= one.record.begun_at:
                    self.tally.lost += 1
                    self.fault(f"{phone.owner} was never rung for {one.record.key}, marked as done")
            owed.clear()
        self.world.attempts.clear()
        self.last_off = self.world.now

        async def start() -> None:
            await self.live()
            self.say("has started")
            self.last_off = self.world.now

        self.later(self.world.now + max(1, down) * SECOND, "starts", start)

    def check_rung(self, record: StepRecord, receipts: Sequence[Receipt]) -> None:
        """A step that is marked as done has rung its phones."""
        for part in record.parts:
            for phone in self.told_by(part.target) if part.kind == "tell" else ():
                if not any(
                    one.phone is phone and one.at >= record.begun_at for one in self.world.attempts
                ) and not any(
                    (one.key, one.phone, one.delivery)
                    == (record.key, phone.device_id, Delivery.FAILED)
                    for one in receipts
                ):
                    self.tally.lost += 1
                    self.fault(f"{phone.owner} was never rung for {record.key}, marked as done")

    # What happens.

    async def poll(self) -> None:
        """The vendor has something new: the source asks."""
        if not self.lives.is_alive:
            return
        for person in self.script.people:
            if coordinator := self.lives.coordinator(person):
                self.lives.hass.async_create_task(coordinator.async_refresh())

    async def happens_rota(self, name: str) -> None:
        """It is another's turn, or not any more."""
        entity_id = f"schedule.{name.lower()}"
        self.world.states[entity_id] = "off" if self.world.states[entity_id] == "on" else "on"
        if self.lives.is_alive:
            self.lives.hass.states.async_set(entity_id, self.world.states[entity_id])

    async def happens_phone(self, how: tuple[str, str]) -> None:
        """A phone is out of reach, or back, or its push service is in trouble."""
        name, what = how
        phone = next(one for one in self.script.phones if one.owner == name)
        self.may_be_stale.add(name)
        if what == "on":
            for watch in self.watches.values() if phone.waiting else ():
                # It confirms now what it was taken not to confirm.
                watch.is_exact = False
            phone.is_on, phone.trouble = True, None
            for note in phone.take_up(self.world.now):
                self.heard(phone, note)
            if self.lives.is_alive:
                self.lives.connect(phone)
        elif what == "off" or phone.is_local:
            phone.is_on = False
            if self.lives.is_alive:
                self.lives.disconnect(phone)
        else:
            phone.trouble = what
            for watch in self.watches.values():
                watch.is_exact &= self.is_exact

    async def happens_receipts(self, how: tuple[str, float | None]) -> None:
        """A phone confirms from now on, or does not."""
        name, after = how
        next(one for one in self.script.phones if one.owner == name).confirms_after = after

    async def happens_lamp(self, how: tuple[str, bool]) -> None:
        """A lamp is out of reach, or back."""
        lamp, is_reachable = how
        bulb = self.world.bulbs[lamp]
        bulb.reachable = is_reachable
        if self.lives.is_alive:
            bulb.reach(is_reachable)

    async def happens_edit(self, steps: list[Data]) -> None:
        """Somebody changes a plan."""
        name = self.rng.choice(list(self.plans))
        self.plans[name] = self.plans[name] | {"steps": steps}
        if not self.lives.is_alive:
            self.after_edit()
            return
        entry = self.lives.household
        subentry = entry.subentries[name.lower()]
        self.lives.hass.config_entries.async_update_subentry(entry, subentry, data=self.plans[name])
        await self.lives.settle()
        self.after_edit()

    def after_edit(self) -> None:
        """The model has the plans as they are now."""
        for (plan_id, _), watch in self.watches.items():
            watch.plan = self.plan(plan_id)

    async def happens_reload(self, what: str) -> None:
        """The household, or a source, is reloaded."""
        if not self.lives.is_alive:
            return
        entry_id = "household" if what == "household" else f"source-{self.script.people[0]}"
        hass = self.lives.hass
        hass.async_create_task(hass.config_entries.async_reload(entry_id))

    async def happens_duty(self, how: tuple[str, int]) -> None:
        """Somebody takes over."""
        who, minutes = how
        if not self.is_on:
            return
        household = self.lives.responder.household
        assert household
        caregiver = household.caregiver(who)
        assert caregiver
        self.takeover = who, self.world.now + minutes * MINUTE
        self.taking_duty = self.lives.hass.async_create_task(
            self.lives.hass.services.async_call(
                DOMAIN,
                "take_duty",
                {"caregiver": caregiver.name, "duration": {"minutes": minutes}},
                blocking=True,
                return_response=True,
            )
        )

    async def happens_drill(self, _: None) -> None:
        """Somebody tries it."""
        if self.is_on:
            self.lives.hass.async_create_task(self.lives.responder.async_drill())

    async def happens_kill(self, how: tuple[int, int]) -> None:
        """The process is killed at one of its next steps."""
        steps, down = how
        if not self.lives.is_alive:
            return
        life = self.world.life
        life.kill_within(steps)
        self.tally.kills += 1

        async def dies() -> None:
            if self.lives._hass is None or self.world.life is not life:
                return
            if not life.is_over and self.world.now < self.script.end - 120 * MINUTE:
                self.later(self.world.now + 10 * MINUTE, "dies", dies)
                return
            life.is_over = True
            await self.die(is_killed=True, down=down)

        self.later(self.world.now + MINUTE, "dies", dies)

    async def happens_restart(self, how: tuple[int, int]) -> None:
        """Home Assistant is restarted."""
        if self.lives.is_alive:
            self.tally.restarts += 1
            await self.die(is_killed=False, down=how[1])

    async def morning_comes(self) -> None:
        """All is well again, and has an hour to settle."""
        for phone in self.script.phones:
            await self.happens_phone((phone.owner, "on"))
        for lamp in self.world.bulbs:
            await self.happens_lamp((lamp, True))
        for person in self.script.people:
            at = self.world.now + self.rng.randint(60, 600) * SECOND
            for alert_type in ("urgent_low", "low", "high", "fall"):
                self.script.uploads.append(
                    Upload(
                        at,
                        Alert(
                            alert_id=f"over-{person}-{alert_type}",
                            source="dexcom",
                            person_id=person,
                            alert_type=alert_type,
                            severity=Severity.LOW,
                            state=AlertState.ENDED,
                            observed_at=at - SECOND,
                            received_at=at,
                        ),
                    )
                )
            self.later(at, "all over", self.poll)

    # People.

    def heard(self, phone: Handset, note: Json) -> None:
        """A phone has something new on its screen."""
        self.later_confirm(phone, note)
        rings = (
            note["message"] != CLEAR
            and note["data"].get("channel") != "Care Alerts, without a sound"
        )
        habit = self.script.habits[phone.owner]
        if (
            not rings
            or habit.what == "sleeps"
            or phone.owner in self.will_act
            or self.acted[phone.owner] >= 4
        ):
            return
        self.will_act.add(phone.owner)
        at = self.world.now + habit.after * MINUTE + self.rng.randint(1, 50) * SECOND
        self.later(at, f"{phone.owner} wakes", lambda: self.acts(phone, habit))

    def later_confirm(self, phone: Handset, note: Json) -> None:
        """A phone that confirms does so a little later."""
        data = note.get("data") or {}
        if not phone.is_android or phone.confirms_after is None or not data.get("confirmation"):
            return

        async def confirms() -> None:
            if self.lives.is_alive:
                self.lives.hass.bus.async_fire(
                    "mobile_app_notification_received", data, context=context_of(phone)
                )

        at = self.world.now + max(1, int(phone.confirms_after)) * SECOND
        self.later(at, f"{phone.owner}'s phone confirms", confirms)

    async def acts(self, phone: Handset, habit: Habit) -> None:
        """Somebody does what they do."""
        self.will_act.discard(phone.owner)
        notes = [one for one in phone.screen.values() if one["data"].get("actions")]
        if not notes or not self.lives.is_alive:
            return
        self.acted[phone.owner] += 1
        note = self.rng.choice(notes)
        hass = self.lives.hass
        titles = {one["title"]: one["action"] for one in note["data"]["actions"]}
        ids = titles["I have it"].split("|")[2].split(",")
        refs = [
            ref for ref in all_episodes(hass) if ref.episode.ids & set(ids) and ref.episode.is_open
        ]
        title = "Snooze 30 min" if habit.what == "snooze" else "I have it"
        self.say(f"{phone.owner}: {title} by {habit.what} of {ids}")
        if habit.what == "action":
            for ref in refs:
                hass.async_create_task(self.call("acknowledge", ref, phone))
        else:
            hass.bus.async_fire(
                "mobile_app_notification_action",
                {"action": titles[title], "tag": note["data"]["tag"]},
                context=context_of(phone),
            )
        await self.lives.settle()
        if self.world.life.is_over:
            # Nobody knows whether it was kept.
            for (_, which), watch in self.watches.items():
                watch.is_exact &= self.ids[which].isdisjoint(ids)
            return
        pressed = {one.episode.episode_id for one in refs}
        self.check_pressed(phone, pressed, is_taken=title == "I have it")
        if habit.back is not None:
            undo = "unacknowledge" if title == "I have it" else "unsnooze"
            at = self.world.now + habit.back * MINUTE + 13 * SECOND
            takes_back = partial(self.takes_back, phone, undo, frozenset(ids))
            self.later(at, f"{phone.owner} takes it back", takes_back)

    async def takes_back(self, phone: Handset, undo: str, ids: Collection[str]) -> None:
        """Somebody does not have it after all, or wants to hear of it again."""
        for ref in list(all_episodes(self.lives.hass)) if self.lives.is_alive else ():
            if not ref.episode.ids.isdisjoint(ids) and ref.episode.is_open:
                self.lives.hass.async_create_task(self.call(undo, ref, phone))

    def check_pressed(self, phone: Handset, pressed: Collection[str], *, is_taken: bool) -> None:
        """What somebody has pressed is so, for the episodes that it was of."""
        for ref in all_episodes(self.lives.hass):
            if ref.episode.episode_id not in pressed:
                continue
            if is_taken:
                held = ref.episode.acknowledgement
                if held is None or held.by.name != phone.owner:
                    self.fault(f"{phone.owner} has it, and it is said that {held and held.by} has")
                self.taken |= ref.episode.ids
            elif ref.episode.snoozed_until is None:
                self.fault(f"{phone.owner} has snoozed it, and it is not")

    async def call(self, action: str, ref: EpisodeRef, phone: Handset) -> None:
        """Do what an action of ours does, for an episode."""
        care, topic = ref.coordinator.care, ref.episode.topic
        by, context = Actor(phone.owner, Via.USER), context_of(phone)
        match action:
            case "acknowledge":
                await care.acknowledge([topic], by=by, note=None, context=context)
            case "unacknowledge":
                await care.unacknowledge([topic], by=by, context=context)
            case "unsnooze":
                await care.unsnooze(topics=[topic], by=by, context=context)

    # What is so.

    @property
    def is_on(self) -> bool:
        """Whether the house lives, has a household, and is not busy with a write, a look or a reload."""
        if not self.lives.is_alive:
            return False
        responder = self.lives.responder
        return (
            responder.household is not None
            and responder._has_started
            and responder.runner._looking is None
            and self.lives.household.state is ConfigEntryState.LOADED
        )

    def plan(self, plan_id: str) -> Plan:
        """A plan as it is now."""
        name = next(one for one in self.plans if one.lower() == plan_id)
        return plan_from_data(plan_id, self.plans[name] | {"name": name})[0]

    def quiet(self, data: Data) -> Any:
        """The quiet hours of a plan: from when the clock shows their start until it first shows their end."""
        hours = data.get("quiet_hours")
        if not hours:
            return range(0)
        minutes: list[int] = []
        is_quiet = False
        first = self.script.start - timedelta(hours=3)
        for number in range(12 * 60):
            clock = f"{(first + number * MINUTE).astimezone(ZONE):%H:%M}"
            if clock == hours["from"] and not minutes:
                is_quiet = True
            if clock == hours["to"]:
                is_quiet = False
            if is_quiet:
                minutes.append(number - 180)
        found = frozenset(minutes)
        return Whenever(lambda moment: int(moment // 1) in found)

    def on_duty(self) -> list[str]:
        """The caregivers on duty, naively."""
        if self.takeover and self.world.now < self.takeover[1]:
            return [self.takeover[0]]
        found = [
            name.lower()
            for name, data in self.script.caregivers.items()
            if data["duty"] == "always" or self.world.states[data["duty"]] == "on"
        ]
        return found or [name.lower() for name in self.script.caregivers]

    def told_by(self, target: str) -> list[Handset]:
        """The phones that a target of `tell` comes to."""
        match target:
            case "everybody":
                who = [name.lower() for name in self.script.caregivers]
            case "on_duty":
                who = self.on_duty()
            case _:
                who = [target]
        return [one for one in self.script.phones if one.owner.lower() in who]

    def outcome(self, target: str) -> dict[str, Any]:
        """How many minutes after a push it shows that it did not reach a phone; None if that never shows."""
        found: dict[str, Any] = {}
        for phone in self.told_by(target):
            found[phone.device_id] = self.outcome_of(phone)
        return found

    def outcome_of(self, phone: Handset) -> Any:
        """How many minutes after a push it shows that it did not reach a phone; None if that never shows."""
        unconfirmed = Fraction(1) if phone.is_android else None
        confirms = phone.is_android and phone.confirms_after is not None and phone.is_on
        if phone.is_local:
            if not phone.is_on:
                return Fraction(0)
            return None if confirms else unconfirmed
        match phone.trouble:
            case "refused" | "error":
                return Fraction(0)
            case "hangs":
                return Fraction(10, 60)
        return None if confirms else unconfirmed

    # Looking at it.

    async def observe(self) -> None:
        """Hold what the house does against the model, and against what may never be."""
        now = self.minute(self.world.now)
        is_on = self.is_on
        if not is_on:
            self.last_off = self.world.now
        if self.lives.is_alive and self.lives.responder._has_started:
            self.refs = list(all_episodes(self.lives.hass))
            self.know()
        elif not self.lives.is_alive:
            for watch in self.watches.values():
                watch.look(now, is_on=False)
            return
        before = {which: len(watch.did) for which, watch in self.watches.items()}
        # It has just looked, and waits for the disk.
        is_on = is_on or self.has_begun_now
        for watch in self.watches.values():
            watch.look(now, is_on=is_on)
        if self.world.life.is_over:
            return
        self.compare(before)
        self.look_at_rings()
        self.look_at_high()
        if is_on:
            self.look_at_screens()

    @property
    def has_begun_now(self) -> bool:
        """Whether a step was begun at this moment."""
        state = self.lives.responder.store.state
        return any(
            record.begun_at == self.world.now and (record.key, record.begun_at) not in self.seen
            for ref in self.refs
            for record in state.of(ref.episode.ids).records
        )

    def know(self) -> None:
        """Tell the model what is so."""
        current = set()
        for ref in self.refs:
            episode = ref.episode
            if not episode.announced:
                continue
            self.ids |= dict.fromkeys(episode.ids, episode.ids)
            self.known[episode.episode_id] = episode.severity
            if episode.end_reason is EndReason.EXPIRED:
                self.lost.add(episode.topic)
            held = episode.acknowledgement
            for name in self.plans:
                key = name.lower(), episode.episode_id
                current.add(key)
                if (watch := self.watch_of(ref, name)) is None:
                    continue
                watch.know(
                    severity=episode.severity,
                    is_taken=bool(held and held.covers_all_of(episode.span, self.world.now)),
                    is_quiet=is_snoozed(ref, self.world.now),
                    is_over=not episode.is_open,
                )
                if watch.reached is None:
                    watch.reached = self.reached(self.plans[name], episode.announced)
        for key, watch in self.watches.items():
            if key not in current and self.all_sources_run:
                watch.is_over = True

    @property
    def is_exact(self) -> bool:
        """Whether it is known to the second when it shows that a push has failed: it waits for no disk and no other push."""
        return not self.script.slow and not any(
            one.trouble == "hangs" for one in self.script.phones
        )

    def watch_of(self, ref: EpisodeRef, name: str) -> Watch | None:
        """The model of a plan for an episode; None while the episode is not on disk."""
        episode, data, plan_id = ref.episode, self.plans[name], name.lower()
        watch = self.watches.get((plan_id, episode.episode_id))
        if watch is None:
            if ref.coordinator.ledger.held().issuperset(one.alert_id for one in episode.announced):
                return None
            watch = self.watches[plan_id, episode.episode_id] = Watch(
                self.plan(plan_id),
                self.quiet(data),
                outcome_of=self.outcome,
                is_exact=self.is_exact,
            )
            watch.reached = self.reached(data, episode.announced)
            response = self.on_disk.of(episode.ids)
            if records := [one for one in response.records if one.key.plan_id == plan_id]:
                # It came in the moment in which the house died.
                watch.know(severity=episode.severity, is_taken=False, is_quiet=False, is_over=False)
                watch.since, watch.needed = watch.reached, True
                watch.restart(records, response.receipts, self.minute)
                self.seen |= {(one.key, one.begun_at) for one in records}
        for one in episode.also_known_as:
            if other := self.watches.pop((plan_id, one), None):
                self.tally.joined += plan_id == "plan"
                self.say(f"{episode.episode_id} is joined with {one}")
                watch.join(other)
                watch.is_exact &= other.is_exact and episode.reopened_at is not None
        return watch

    @property
    def all_sources_run(self) -> bool:
        """Whether no source is being reloaded."""
        return all(self.lives.coordinator(one) is not None for one in self.script.people)

    def reached(self, data: Data, announced: Sequence[Alert]) -> Any:
        """When an episode became one of a plan."""
        least = Severity(data["least_severity"]).rank
        bad = timely = False
        for alert in sorted(announced, key=lambda one: one.received_at):
            bad |= alert.severity.rank >= least
            timely |= data["include_late"] or not alert.late
            if bad and timely:
                return self.minute(alert.received_at)
        return None

    def compare(self, before: dict[tuple[str, str], int]) -> None:
        """What was begun now, and what the model began."""
        state = self.lives.responder.store.state
        now = self.minute(self.world.now)
        for key, watch in self.watches.items():
            plan_id, which = key
            ids = self.ids[which]
            records = [
                one
                for one in state.of(ids).records
                if one.key.plan_id == plan_id and (one.key, one.begun_at) not in self.seen
            ]
            if not records and len(watch.did) == before.get(key, 0):
                continue
            if which not in {one.episode.episode_id for one in self.refs}:
                continue
            expected: list[Any] = watch.did[before.get(key, 0) :]
            for record in records:
                self.seen.add((record.key, record.begun_at))
                self.say(
                    f"  {plan_id} {which}: step {record.key.step_id} {sorted(map(str, (f'{p.kind}:{p.target}' for p in record.parts)))}"
                    f"{' again' if record.redelivered else ''}"
                )
                self.tally.steps += 1
                self.tally.doubled += record.redelivered
            found: list[Any] = sorted(
                (
                    self.minute(one.begun_at),
                    one.key.step_id,
                    tuple(sorted(f"{part.kind}:{part.target}" for part in one.parts)),
                    one.redelivered,
                )
                for one in records
            )
            due = {
                (at, step_id, parts): due_at
                for (at, step_id, _, parts), due_at in zip(
                    expected, watch.due_at[before.get(key, 0) :], strict=True
                )
            }
            wanted = sorted(
                (at, step_id, parts, cause == "interrupted")
                for at, step_id, cause, parts in expected
            )
            if watch.is_exact and [one[:3] for one in found] != [one[:3] for one in wanted]:
                self.fault(f"{key}: did {found}, the model {expected}")
            for one in found:
                if not watch.is_exact:
                    break
                marked = one[3]
                must = (*one[:3], True) in wanted
                if must and not marked:
                    self.fault(f"{key}: {one} is done again and does not say so")
            for record, one in zip(
                sorted(records, key=lambda r: (r.begun_at, r.key.step_id)), found, strict=False
            ):
                due_at = due.get(one[:3], one[0])
                self.owe(record, ids, self.at(due_at), is_held_up=due_at < now)

    def owe(
        self, record: StepRecord, ids: frozenset[str], due_at: datetime, *, is_held_up: bool
    ) -> None:
        """Phones have to ring for a step."""
        phones = {
            phone: None
            for part in record.parts
            if part.kind == "tell"
            for phone in self.told_by(part.target)
        }
        for phone in phones:
            self.told[phone] |= ids
            self.owed[phone].append(Owed(record, ids, due_at, is_held_up))
        if not phones:
            (self.tally.down if is_held_up else self.tally.delays).append(
                (record.begun_at - due_at).total_seconds()
            )

    def attempted(self, attempt: Attempt) -> None:
        """A push has left the house."""
        self.tally.pushes += 1
        note = attempt.note
        self.say(
            f"    {attempt.phone.owner}: {'RING' if attempt.rings else 'shows'} {note['data']['tag'][-30:]}"
            f" {note.get('title', 'CLEAR')} / {note['message'].splitlines()[-1][:60]}"
            f"{'' if attempt.reaches else ' (not reached)'}"
        )
        if attempt.rings:
            needed = [
                ref
                for ref in all_episodes(self.lives.hass)
                if ref.episode.is_open
                and ref.episode.acknowledgement is None
                and not is_snoozed(ref, self.world.now)
            ]
            actions = note["data"].get("actions") or [{"action": "||"}]
            ids = set(actions[0]["action"].split("|")[2].split(","))
            if not any(ref.episode.ids & ids for ref in needed):
                self.fault(f"{attempt.phone.owner} rings for {ids}, which need nobody")

    def look_at_rings(self) -> None:
        """Each step has rung all its phones, and nothing else has."""
        state = self.lives.responder.store.state
        now = self.world.now
        attempts, self.world.attempts[:] = [*self.world.attempts], []
        for phone, owed in self.owed.items():
            fresh = [one for one in attempts if one.phone is phone and one.rings]
            if owed:
                self.owed_at[phone] = now
            if fresh and now - self.owed_at.get(phone, self.script.start) > REACHED_WITHIN:
                self.fault(f"{phone.owner} rings, and no step does that")
            for one in list(owed):
                receipts = state.of(one.entry_ids).receipts
                is_refused = any(
                    receipt.key == one.record.key
                    and receipt.phone == phone.device_id
                    and receipt.delivery is Delivery.FAILED
                    for receipt in receipts
                )
                if fresh or is_refused:
                    owed.remove(one)
                    delay = (now - one.due_at).total_seconds()
                    (self.tally.down if one.was_held_up else self.tally.delays).append(delay)
                elif not self.needs(one.entry_ids):
                    # Somebody has it meanwhile.
                    owed.remove(one)
                elif now - one.record.begun_at > REACHED_WITHIN:
                    self.tally.lost += 1
                    self.fault(f"{phone.owner} has not been rung for {one.record.key}")

    def needs(self, ids: frozenset[str]) -> bool:
        """Whether an episode needs somebody."""
        return any(
            watch.needs for (_, which), watch in self.watches.items() if self.ids[which] & ids
        )

    def look_at_high(self) -> None:
        """What is severe is at the last step in time."""
        now, state = self.world.now, self.lives.responder.store.state
        if now - self.last_off < REACHED_WITHIN:
            return
        for (plan_id, which), watch in self.watches.items():
            if watch.worst != Severity.HIGH.rank or not watch.needs or not watch.needed:
                continue
            last = max(watch.plan.steps, key=lambda one: one.after)
            reached: Any = watch.reached
            by = max(self.at(reached + last.after), self.at(watch.since)) + REACHED_WITHIN
            if not last.tell or now < by:
                continue
            records = state.of(self.ids[which]).records
            if not any(
                one.key.plan_id == plan_id and one.key.step_id == last.step_id for one in records
            ):
                self.tally.lost += 1
                self.fault(f"{which} is not at the last step of {plan_id}, due {by}")

    def look_at_screens(self, *, is_morning: bool = False) -> None:
        """No phone says what is not so."""
        is_busy = bool(self.lives.responder.runner._tasks or self.world.disk.slow)
        for phone in self.script.phones:
            is_settled = not is_busy and phone.is_on and phone.owner not in self.may_be_stale
            if is_morning or is_settled:
                self.look_at_screen(phone)

    def look_at_screen(self, phone: Handset) -> None:
        """All that a phone shows is so."""
        text = Text(self.script.caregivers[phone.owner]["text"])
        refs = {tag_of(notice_of(self.lives.hass, ref), text): ref for ref in self.refs}
        for shown, note in phone.screen.items():
            if shown == SUMMARY_TAG:
                self.look_at_summary(phone, note, refs.values(), text)
                continue
            tag, message = shown.removesuffix("_live"), note["message"]
            if (ref := refs.get(tag)) is None:
                self.fault(f"{phone.owner} shows {tag}, which is nothing")
            elif LOST in message and ref.episode.ids.isdisjoint(self.told[phone]):
                # Of one before, of which nothing more was heard; of the newest this phone was not told.
                continue
            elif ref.episode.is_open:
                self.look_at_words(phone, message, [ref])
            elif tag != shown:
                self.fault(f"{phone.owner} has a live status of what is over")
            elif LOST not in message and (text is Text.FULL or ref.episode.topic not in self.lost):
                which = ref.episode.episode_id
                self.fault(f"{phone.owner} shows {which}, which is over: {message!r}")

    def look_at_words(self, phone: Handset, message: str, refs: Sequence[EpisodeRef]) -> None:
        """A text says of each episode who has it."""
        wanted: Counter[str] = Counter()
        for ref in refs:
            episode = ref.episode
            if episode.acknowledgement:
                wanted[f"{episode.acknowledgement.by.name}{SOMEBODY_HAS_IT}"] += 1
            elif is_snoozed(ref, self.world.now):
                wanted[SNOOZED] += 1
            else:
                wanted[NOBODY_HAS_IT] += 1
        for words in {*wanted, SNOOZED, NOBODY_HAS_IT}:
            if message.count(words) != wanted[words]:
                self.fault(
                    f"{phone.owner} reads {message!r}; {words!r} is so {wanted[words]} times"
                )

    def look_at_summary(
        self, phone: Handset, note: Json, refs: Iterable[EpisodeRef], text: Text
    ) -> None:
        """A summary says so of all that its phone was told of."""
        told = [ref for ref in refs if ref.episode.is_open and ref.episode.ids & self.told[phone]]
        if len(told) <= 3:
            self.fault(f"{phone.owner} has a summary of {len(told)}")
        if text is Text.FULL:
            self.look_at_words(phone, note["message"], told)

    def end_of_night(self) -> None:
        """Morning."""
        world = self.world
        if not self.lives.is_alive:
            self.fault("it is morning, and nobody is alive")
        self.refs = list(all_episodes(self.lives.hass))
        self.look_at_screens(is_morning=True)
        for (name, bulb), look in zip(world.bulbs.items(), self.script.looks, strict=True):
            if bulb.look != look:
                self.fault(f"the lamp in the {name} is {bulb.look} and was {look}")
        if (world.speaker.volume, world.speaker.muted) != (self.script.volume, False):
            self.fault(f"the speaker is at {world.speaker.volume}")
        self.tally.nights += 1
        self.tally.episodes += len(self.known)
        self.tally.high += sum(one is Severity.HIGH for one in self.known.values())
        self.tally.acknowledged += len(self.taken & self.known.keys())


def perf_counter_real() -> float:
    """The real clock, which stands still for all else."""
    # Not by its name: that is frozen where it is imported.
    return freezegun.api.real_perf_counter()


async def pass_nights(
    freezer: FrozenDateTimeFactory, numbers: Iterable[int], seed: int, *, stop_at: int = 1
) -> Tally:
    """Let nights pass; stop after so many with faults."""
    # Of what is refused the house hears from a log.
    logging.disable(logging.INFO)
    tally = Tally()
    found = 0
    for number in numbers:
        script = draw(number, seed)
        freezer.move_to(script.start - 30 * MINUTE)
        night = Night(script, freezer, tally)
        try:
            await night.passes()
        except FaultError as fault:
            tally.faults.append(str(fault))
        except AssertionError as error:
            tally.faults.append(f"night {number}: {error!r}\n" + "\n".join(night.trace[-LINES:]))
        if len(tally.faults) > found:
            found += 1
            sys.stdout.write(f"{tally.faults[-1]}\n")
            sys.stdout.flush()
        if night.lives._hass:
            await night.lives.end(is_killed=True)
        if len(tally.faults) >= stop_at:
            break
    return tally


def main() -> None:
    """Run nights as a test, for only there a Home Assistant can be had."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nights", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first night")
    parser.add_argument("--trace", type=int, default=32, help="how many lines before a fault")
    parser.add_argument(
        "--faults", type=int, default=1, help="stop after so many nights with faults"
    )
    given = parser.parse_args()
    os.environ["NIGHTS"] = f"{given.first},{given.nights},{given.seed},{given.faults}"
    os.environ["NIGHTS_TRACE"] = str(given.trace)
    test = f"{Path(__file__).with_name('test_nights.py')}::test_nights"
    options = ["-q", "-s", "--timeout", "0", "-p", "no:cacheprovider", "-p", "no:logging"]
    # A new process: the test kit comes before Home Assistant.
    os.execv(sys.executable, [sys.executable, "-m", "pytest", test, *options])  # noqa: S606 # no shell is wanted


if __name__ == "__main__":
    main()
