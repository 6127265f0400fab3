"""Responder: what the house does about episodes, whatever source they come from."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect, async_dispatcher_send
from homeassistant.helpers.start import async_at_started
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey
from homeassistant.util.signal_type import SignalType

from ..alerts.alert import AlertKey, Severity
from ..alerts.ledger import KEPT_FOR
from ..alerts.testing import LASTS
from ..const import DOMAIN
from ..sources.coordinator import SourceCoordinator
from ..sources.signals import SIGNAL_ANNOUNCED, SIGNAL_EPISODES_CHANGED
from ..sources.targets import sources
from .banners import Banners
from .buttons import async_setup_buttons
from .dashboard_url import find_dashboard, url_of
from .due import DueStep
from .duty import Duty
from .episodes import SAME_PEOPLE, EpisodeRef, SamePeople
from .household import Household, is_household, same_people_of
from .household_issues import HouseholdIssues
from .messages import send_message
from .mornings import Mornings
from .next_steps import NextSteps
from .phones import Phones, Ring
from .plan import Caregiver, Plan, SamePerson
from .push import async_setup_push
from .runner import Runner
from .store import Drill, ResponseStore
from .trouble import Troubles

SIGNAL_STEP_DUE: SignalType[DueStep, Plan, EpisodeRef] = SignalType(f"{DOMAIN}_step_due")
"""A step of a plan is begun for an episode."""
SIGNAL_RESPONSES: SignalType[()] = SignalType(f"{DOMAIN}_responses")
"""What the household shows may have changed."""

PRUNED_EVERY: Final = timedelta(days=1)
DRILL_ENDS_AFTER: Final = timedelta(minutes=10)
"""Ours: how long after its plan's last step a drill goes on, for somebody to answer."""


class NoHousehold:
    """A house without plans: what automations put on phones is kept up to date all the same."""

    plans: Sequence[Plan] = ()
    caregivers: Sequence[Caregiver] = ()

    def duty(self, now: datetime) -> Duty:
        """Nobody's."""
        return Duty({})

    def is_meant(self, plan: Plan, ref: EpisodeRef) -> bool:
        """There is no plan."""
        return False

    def phones_of(self, caregiver: Caregiver) -> list[str]:
        """There is no caregiver."""
        return []


class Responder:
    """The plans of the household at work, if there is one, and what phones show."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Do nothing yet; `async_start` begins."""
        self._hass = hass
        self.store = ResponseStore(hass)
        self.phones = Phones(hass, self.store)
        self.household: Household | None = None
        self.runner = Runner(hass, self.store, self.phones, NoHousehold())
        self._dashboard: str | None = None
        self.phones.url_of = lambda ref: url_of(hass, self._dashboard, ref)
        self.phones.settled = self.look
        self.runner.changed = self._looked
        self.runner.step_due = lambda due, plan, ref: async_dispatcher_send(
            hass, SIGNAL_STEP_DUE, due, plan, ref
        )
        self._has_started = False
        self._issues = HouseholdIssues(hass)
        self._banners = Banners(hass)
        self.next_steps = NextSteps(hass, self.store, lambda: self.household)
        self._troubles = Troubles(hass, self.store)
        self._mornings = Mornings(hass, self.store)
        self._telling = asyncio.Lock()
        self._pruned_at = dt_util.utcnow()
        hass.data[SAME_PEOPLE] = SamePeople(hass, self._same_people, lambda: self.store.state)

    def _same_people(self) -> Sequence[SamePerson]:
        """Whom several sources have: what is said of that counts also while the household is only being set up."""
        entries = self._hass.config_entries.async_entries(DOMAIN, include_disabled=False)
        return [
            one for entry in entries if is_household(entry.data) for one in same_people_of(entry)
        ]

    async def async_start(self) -> None:
        """Read what was kept, and look at what goes on once Home Assistant has started."""
        await self.store.load()
        self.store.state.prune(dt_util.utcnow() - KEPT_FOR)
        async_setup_push(self._hass)
        async_setup_buttons(self._hass)

        @callback
        def look(*_: Any) -> None:
            self.look()

        async_dispatcher_connect(self._hass, SIGNAL_EPISODES_CHANGED, look)
        async_dispatcher_connect(self._hass, SIGNAL_ANNOUNCED, look)
        async_dispatcher_connect(self._hass, SIGNAL_CONFIG_ENTRY_CHANGED, look)
        async_at_started(self._hass, self._started)

    async def _started(self, _: HomeAssistant) -> None:
        await self.find_dashboard()
        if self.household:
            # First: until it has asked whose turn it is, it is everybody's.
            await self.household.async_start(self.look)
        self._has_started = True
        self.look()

    async def find_dashboard(self) -> None:
        """Look which dashboard a tap on a notification is to open."""
        self._dashboard = await find_dashboard(self._hass)

    @callback
    def look(self) -> None:
        """See what is due, and do it: also before anybody hears of it, what is on disk alone counts."""
        if self._has_started:
            self.runner.look()

    @callback
    def _looked(self) -> None:
        """Bring all else up to date: after each look, so at least once a minute where there is a household."""
        now = dt_util.utcnow()
        self._issues.show(self.household, self.store.kept.drill, now)
        self._banners.show()
        self.next_steps.look()
        async_dispatcher_send(self._hass, SIGNAL_RESPONSES)
        if not self._telling.locked() and (self.household or self.store.kept.silent):
            self._hass.async_create_task(self._tell_of_troubles(now))
        if abs(now - self._pruned_at) >= PRUNED_EVERY:
            self._pruned_at = now
            self.store.state.prune(now - KEPT_FOR)

    async def _tell_of_troubles(self, now: datetime) -> None:
        async with self._telling:
            # It may have been added, or removed, since.
            await self.find_dashboard()
            await self._troubles.tell(self.household, now)
            if self.household:
                await self._mornings.tell(self.household, now, self._dashboard)

    # The household.

    async def async_set_up(self, household: Household) -> None:
        """Follow the plans of a household from now on."""
        if self._has_started:
            await self.find_dashboard()
            # First: until it has asked whose turn it is, it is everybody's.
            await household.async_start(self.look)
        self.household = household
        self.runner.household = household
        self.look()

    async def async_unload(self) -> None:
        """Follow no plans any more, once all that was begun is done."""
        if self.household:
            self.household.async_stop()
        self.household = None
        self.runner.household = NoHousehold()
        self._issues.show(None, None, dt_util.utcnow())
        await self.runner.settle()

    async def async_notify(
        self, ref: EpisodeRef, caregivers: Sequence[Caregiver]
    ) -> tuple[list[str], list[str]]:
        """Have caregivers told of an episode, once; return the phones and notify entities that were, and those not."""
        rings: dict[str, list[Ring]] = {}
        entities: dict[str, Caregiver] = {}
        for caregiver in caregivers:
            known = self.household.phones_of(caregiver) if self.household else caregiver.phones
            for device_id in known:
                rings.setdefault(device_id, []).append(Ring(ref=ref, caregiver=caregiver))
            entities |= dict.fromkeys(caregiver.notify, caregiver)
        results = await asyncio.gather(
            *(self.phones.ring(device_id, theirs) for device_id, theirs in rings.items()),
            *(
                send_message(self._hass, entity_id, ref, caregiver, redelivered=False)
                for entity_id, caregiver in entities.items()
            ),
        )
        outcome = dict(zip([*rings, *entities], results, strict=True))
        return (
            [which for which, is_told in outcome.items() if is_told],
            [which for which, is_told in outcome.items() if not is_told],
        )

    async def async_switch(self, plan: Plan, *, is_off: bool) -> None:
        """Have a plan followed, or not any more."""
        off = self.store.kept.off
        (off.add if is_off else off.discard)(plan.plan_id)
        await self.store.save()
        self.look()

    async def async_drill(self) -> Sequence[str]:
        """Send a test alert down each plan; return the ids of the episodes, none if no plan is for anybody.

        It goes on until a while after the last step of its plan.
        """
        if self.household is None:
            return []
        keys: dict[SourceCoordinator, dict[AlertKey, timedelta]] = {}
        for plan in self.household.plans:
            for coordinator in sources(self._hass):
                key = next(
                    (
                        key
                        for person in coordinator.data.people.values()
                        if (key := self.household.test_key(plan, coordinator, person))
                    ),
                    None,
                )
                if key is None:
                    continue
                last = max((step.after for step in plan.steps), default=0)
                lasts = max(LASTS, timedelta(minutes=last) + DRILL_ENDS_AFTER)
                of_source = keys.setdefault(coordinator, {})
                of_source[key] = max(lasts, of_source.get(key, lasts))
                break
        now = dt_util.utcnow()
        ids = []
        for coordinator, of_source in keys.items():
            for key, lasts in of_source.items():
                [alert] = await coordinator.care.drill([key], severity=Severity.HIGH, lasts=lasts)
                if episode := coordinator.episode_of(alert, now):
                    ids.append(episode.episode_id)
        if ids:
            self.store.kept.drill = Drill(now, ids)
            await self.store.save()
            self.look()
        return ids


RESPONDER: HassKey[Responder] = HassKey(f"{DOMAIN}_responder")


async def async_setup_responder(hass: HomeAssistant) -> None:
    """Do what is due, from now on."""
    hass.data[RESPONDER] = responder = Responder(hass)
    await responder.async_start()


async def async_forget_responses(hass: HomeAssistant) -> None:
    """Leave nothing behind, also if we were not running."""
    store = hass.data[RESPONDER].store if RESPONDER in hass.data else ResponseStore(hass)
    await store.remove()
