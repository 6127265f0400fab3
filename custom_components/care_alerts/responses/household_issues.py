"""What only a person can mend about the household, as repair issues: those there are now, and no others."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..const import DOMAIN
from ..sources.issues import create_issue
from ..sources.targets import sources
from .episodes import find_episode
from .heard import obstacles
from .household import Household
from .localize import localize_time
from .overlaps import overlaps_of
from .reporting import readable
from .same_people import gone, known_people, proposed
from .store import Drill

PREFIX: Final = "household_"

LASTS: Final = timedelta(minutes=10)
"""Ours: what goes away by itself is reported after that long. A lamp is unavailable while Home Assistant starts, and
a sleeping tablet for some minutes."""

_NOT_REPORTED: Final = frozenset({"heard_plan_off", "heard_no_plan", "heard_no_caregivers"})
"""Somebody wants it so, or `duty` says it."""

type _Issue = tuple[str, Mapping[str, str]]
"""The key of its sentences, and what they need."""

SAME_PERSON_PROPOSED: Final = "same_person_proposed"
"""The key of the issue that proposes that several sources have one person: of all, the one that can be mended here."""


class HouseholdIssues:
    """The repair issues of a household."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Know of none yet."""
        self._hass = hass
        self._since: dict[str, datetime] = {}
        self._shown: set[str] | None = None

    @callback
    def show(self, household: Household | None, drill: Drill | None, now: datetime) -> None:
        """Create those there are now, and delete all others."""
        wanted = dict(self._of(household, drill, now)) if household else {}
        before = self._left_behind() if self._shown is None else self._shown
        for issue_id in before - wanted.keys():
            ir.async_delete_issue(self._hass, DOMAIN, issue_id)
        for issue_id, (key, placeholders) in wanted.items():
            create_issue(
                self._hass,
                issue_id,
                key,
                severity=ir.IssueSeverity.WARNING,
                fix={"same_person": placeholders["name"]} if key == SAME_PERSON_PROPOSED else None,
                **placeholders,
            )
        self._shown = set(wanted)

    def _of(
        self, household: Household, drill: Drill | None, now: datetime
    ) -> Iterator[tuple[str, _Issue]]:
        for trouble in household.duty(now).troubles:
            key = trouble.kind.value
            yield (
                _id(key, trouble.placeholders),
                (
                    key,
                    readable(self._hass, dict(trouble.placeholders)),
                ),
            )
        since = {}
        for one in obstacles(self._hass, household, now):
            if one.key in _NOT_REPORTED:
                continue
            issue_id = _id(one.key, one.placeholders)
            since[issue_id] = self._since.get(issue_id, now)
            if one.is_broken or now - since[issue_id] >= LASTS:
                yield issue_id, (one.key, one.placeholders)
        self._since = since
        yield from self._of_plans(household)
        if drill and self._is_unanswered(drill):
            when = {"time": localize_time(self._hass, drill.began_at, now)}
            yield _id("drill_unanswered", when), ("drill_unanswered", when)

    def _of_plans(self, household: Household) -> Iterator[tuple[str, _Issue]]:
        for plan, other in overlaps_of(self._hass, household.plans):
            names = {"plan": plan.name, "other": other.name}
            yield _id("plans_overlap", names), ("plans_overlap", names)
        for name, fields in household.unreadable.items():
            which = {"name": name, "fields": ", ".join(fields)}
            yield _id("part_unreadable", which), ("part_unreadable", which)
        yield from self._of_same_people(household)
        if self._all_run():
            running = list(sources(self._hass))
            for plan in household.plans:
                if plan.whose and not household.is_for_somebody(plan, running):
                    named = {"plan": plan.name}
                    yield _id("plan_for_nobody", named), ("plan_for_nobody", named)

    def _of_same_people(self, household: Household) -> Iterator[tuple[str, _Issue]]:
        for one in gone(self._hass, household.same_people):
            named = {"name": one.name}
            yield _id("same_person_gone", named), ("same_person_gone", named)
        known = {one.device_id: one.source for one in known_people(self._hass)}
        for one in proposed(self._hass, household.same_people):
            which = {"name": one.name, "sources": ", ".join(known[each] for each in one.people)}
            yield _id(SAME_PERSON_PROPOSED, which), (SAME_PERSON_PROPOSED, which)

    def _all_run(self) -> bool:
        """Whether all sources run: else nobody knows whom they have."""
        entries = self._hass.config_entries.async_entries(DOMAIN, include_disabled=False)
        return all(entry.state is ConfigEntryState.LOADED for entry in entries)

    def _is_unanswered(self, drill: Drill) -> bool:
        """Whether a drill is over, as far as its sources can tell, and nobody has answered."""
        found = [
            ref.episode
            for episode_id in drill.episode_ids
            if (ref := find_episode(self._hass, episode_id))
        ]
        return bool(found) and all(not one.is_open and one.acknowledgement is None for one in found)

    def _left_behind(self) -> set[str]:
        return {
            issue_id
            for domain, issue_id in ir.async_get(self._hass).issues
            if domain == DOMAIN and issue_id.startswith(PREFIX)
        }


def _id(key: str, placeholders: Mapping[str, str]) -> str:
    # It is in the diagnostics, which name nobody.
    about = sha256("\n".join(placeholders.values()).encode()).hexdigest()[:16]
    return f"{PREFIX}{key}_{about}"
