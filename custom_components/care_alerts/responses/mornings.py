"""Mornings: whoever is on duty is told how the night was, once a day, where a plan says when."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..alerts.nights import night_of
from ..alerts.report import Report
from ..const import DOMAIN
from ..sources.targets import sources
from .answers import Known
from .episodes import people_once
from .household import Household
from .messages import send
from .morning import NightOf, morning_note
from .notices import known_of, wording_of
from .person_report import AsOneHas, report_maker
from .plan import Caregiver, Plan
from .store import ResponseStore
from .trouble import is_entity, push_note, text_for

WITHIN: Final = timedelta(hours=1)
"""Ours: whoever starts Home Assistant later than that after the time of the message is not told of the night any more."""


class Mornings:
    """The morning messages of a household's plans, each once a day."""

    def __init__(self, hass: HomeAssistant, store: ResponseStore) -> None:
        """Know from the store which were sent."""
        self._hass = hass
        self._store = store

    async def tell(self, household: Household, now: datetime, dashboard: str | None) -> None:
        """Send what is due. It is written down before: a message too few is better than the same again."""
        zone = dt_util.get_default_time_zone()
        today = now.astimezone(zone).date()
        due = [
            plan
            for plan in household.plans
            if plan.morning is not None
            and timedelta()
            <= now - datetime.combine(today, plan.morning, zone).astimezone(UTC)
            < WITHIN
            and self._store.kept.mornings.get(plan.plan_id) != today.isoformat()
        ]
        if not due:
            return
        there = {plan.plan_id for plan in household.all_plans}
        told = {which: day for which, day in self._store.kept.mornings.items() if which in there}
        self._store.kept.mornings = told | {plan.plan_id: today.isoformat() for plan in due}
        await self._store.save()
        for plan in due:
            if nights := await self._nights(household, plan, now):
                await self._send(household, plan, nights, now, dashboard)

    async def _nights(self, household: Household, plan: Plan, now: datetime) -> list[NightOf]:
        """The night of everybody whom a plan is for."""
        start, end = night_of(now, dt_util.get_default_time_zone())
        asked: list[tuple[list[Known], Callable[[], Report]]] = []
        everybody = (
            (coordinator, person)
            for coordinator in sources(self._hass)
            for person in coordinator.data.people.values()
        )
        for theirs, are_one in people_once(self._hass, everybody):
            if not any(household.test_key(plan, *one) for one in theirs):
                continue
            parts = [
                AsOneHas(
                    coordinator,
                    person,
                    frozenset(
                        one
                        for one in person.conditions
                        if not household.is_for(plan, coordinator, person, one)
                    ),
                )
                for coordinator, person in theirs
            ]
            known = [known_of(self._hass, *one) for one in theirs]
            asked.append((known, report_maker(parts, start=start, end=end, are_one=are_one)))
        reports = await self._hass.async_add_executor_job(lambda: [make() for _, make in asked])
        nights = [
            NightOf(known=known, report=report)
            for (known, _), report in zip(asked, reports, strict=True)
        ]
        return sorted(nights, key=lambda night: night.known[0].person)

    async def _send(
        self,
        household: Household,
        plan: Plan,
        nights: list[NightOf],
        now: datetime,
        dashboard: str | None,
    ) -> None:
        on_duty = household.duty(now).on_duty
        caregivers = [one for one in household.caregivers if one.caregiver_id in on_duty]
        recipients = dict.fromkeys(
            which for one in caregivers for which in _reached_by(household, one)
        )
        wording = wording_of(self._hass, now)
        url = f"/{dashboard}/report" if dashboard else None

        async def tell(recipient: str) -> None:
            text = text_for(household, recipient)
            tag = f"{DOMAIN}_morning_{plan.plan_id}"
            note = morning_note(nights, text, wording, tag=tag, url=url)
            how = send if is_entity(recipient) else push_note
            await how(self._hass, recipient, note)

        # One that hangs keeps no other from being told.
        await asyncio.gather(*(tell(one) for one in recipients))


def _reached_by(household: Household, caregiver: Caregiver) -> list[str]:
    return [*household.phones_of(caregiver), *caregiver.notify]
