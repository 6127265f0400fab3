"""Repairs that can be done here: first settings, what is left to do after set-up, and what to look up elsewhere."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.components.repairs.const import FlowType
from homeassistant.config_entries import SOURCE_USER, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
import voluptuous as vol

from .alerts.alert import AlertKey, Severity
from .alerts.snapshot import Setting
from .const import DOMAIN, LOGGER
from .responses.dashboard_url import find_dashboard
from .responses.household import CAREGIVER, HOUSEHOLD, SAME_PERSON
from .responses.next_steps import ISSUE as NEXT_STEPS
from .responses.plan_data import as_data
from .responses.responder import RESPONDER
from .responses.same_people import proposed
from .services.testing import first_type
from .sources.coordinator import SourceCoordinator
from .sources.issues import unlinked
from .sources.setting_field import setting_field
from .sources.setting_text import setting_lines
from .sources.settings import SettingsKeeper
from .sources.targets import sources

DASHBOARDS_PAGE: Final = "/config/lovelace/dashboards"


class FirstSettingsFlow(RepairsFlow):
    """Proposes settings and has the source keep what the person makes of them."""

    def __init__(self, entry_id: str, person_id: str) -> None:
        """Know whose settings are missing."""
        self._entry_id = entry_id
        self._person_id = person_id

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_settings()

    async def async_step_settings(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Show what is proposed, and write what was made of it."""
        entry = self.hass.config_entries.async_get_known_entry(self._entry_id)
        coordinator: SourceCoordinator | None = getattr(entry, "runtime_data", None)
        if coordinator is None or (keeper := coordinator.source.settings_keeper) is None:
            return self.async_abort(reason="not_running")
        problem = ""
        proposed = keeper.proposed_settings(self._person_id)
        units = [one.unit for one in proposed.values() if one.unit in keeper.units]
        if not units:
            return self.async_abort(reason="settings_there")
        if user_input is not None:
            try:
                with coordinator.answering():
                    await keeper.async_change_settings(
                        self._person_id, user_input, units[0], first=True
                    )
            except HomeAssistantError as err:
                if err.translation_key == "settings_there":
                    return self.async_abort(reason="settings_there")
                LOGGER.debug("Settings were not written: %s", err.translation_key)
                problem = str(err)
            else:
                return self.async_create_entry(data={})
        return self.async_show_form(
            step_id="settings",
            data_schema=self.add_suggested_values_to_schema(_form(proposed), user_input or {}),
            errors={"base": "not_written"} if problem else {},
            description_placeholders={
                "name": unlinked(keeper.name_of(self._person_id)),
                "problem": unlinked(problem),
            },
        )


class _ProfileFlow(RepairsFlow):
    """About what a profile has made of somebody's settings."""

    def __init__(self, entry_id: str, person_id: str) -> None:
        """Know whose settings they are."""
        self._entry_id = entry_id
        self._person_id = person_id
        self._problem = ""

    def _found(self) -> tuple[SourceCoordinator, SettingsKeeper] | None:
        entry = self.hass.config_entries.async_get_known_entry(self._entry_id)
        coordinator: SourceCoordinator | None = getattr(entry, "runtime_data", None)
        keeper = coordinator.source.settings_keeper if coordinator else None
        return (coordinator, keeper) if coordinator and keeper else None


class ProfileConflictFlow(_ProfileFlow):
    """Shows what was there before a profile and what somebody has put in its place, and asks which it shall be."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Show both, and ask."""
        if (found := self._found()) is None:
            return self.async_abort(reason="not_running")
        _, keeper = found
        if not (conflicts := keeper.conflicts_of(self._person_id)):
            return self.async_abort(reason="settled")
        return self.async_show_menu(
            step_id="init",
            menu_options=["put_back", "keep"],
            description_placeholders={
                "name": unlinked(keeper.name_of(self._person_id)),
                "conflicts": await setting_lines(self.hass, conflicts),
                "problem": unlinked(self._problem),
            },
        )

    async def async_step_put_back(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Put back what was there before."""
        return await self._resolve(put_back=True)

    async def async_step_keep(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Leave what somebody has put in its place."""
        return await self._resolve(put_back=False)

    async def _resolve(self, *, put_back: bool) -> RepairsFlowResult:
        if (found := self._found()) is None:
            return self.async_abort(reason="not_running")
        coordinator, keeper = found
        try:
            with coordinator.answering():
                await keeper.async_resolve(self._person_id, put_back=put_back)
        except HomeAssistantError as err:
            LOGGER.debug("A conflict is not settled: %s", err.translation_key)
            self._problem = str(err)
            return await self.async_step_init()
        return self.async_create_entry(data={})


class ProfileStuckFlow(_ProfileFlow):
    """Shows what is still a profile's and cannot be put back, until somebody gives it up."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Show it."""
        return await self.async_step_give_up()

    async def async_step_give_up(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Say it until somebody has no more use for it."""
        if (found := self._found()) is None:
            return self.async_abort(reason="not_running")
        _, keeper = found
        if not (settings := keeper.stuck_of(self._person_id)):
            return self.async_abort(reason="settled")
        if user_input is None:
            return self.async_show_form(
                step_id="give_up",
                description_placeholders={
                    "name": unlinked(keeper.name_of(self._person_id)),
                    "settings": await setting_lines(self.hass, settings),
                },
            )
        await keeper.async_give_up(self._person_id)
        return self.async_create_entry(data={})


class NextStepsFlow(RepairsFlow):
    """Leads through what is left to do after set-up, in any order, or leaves it."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Show what is left."""
        left = await self.hass.data[RESPONDER].next_steps.left()
        if not left:
            return self.async_create_entry(data={})
        return self.async_show_menu(step_id="init", menu_options=[*left, "dismiss"])

    async def async_step_dashboard(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Say how a dashboard is added: Home Assistant lets nobody else do it."""
        errors = {}
        if user_input is not None:
            if await find_dashboard(self.hass):
                return await self.async_step_init()
            errors["base"] = "no_dashboard"
        return self.async_show_form(
            step_id="dashboard",
            errors=errors,
            description_placeholders={"dashboards": DASHBOARDS_PAGE},
        )

    async def async_step_phone(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Go on with the household, or with a caregiver of it."""
        if household := self.hass.data[RESPONDER].household:
            part = await self.hass.config_entries.subentries.async_init(
                (household.entry.entry_id, CAREGIVER), context={"source": SOURCE_USER}
            )
            next_flow = (FlowType.CONFIG_SUBENTRIES_FLOW, part["flow_id"])
        else:
            flows = self.hass.config_entries.flow
            menu = await flows.async_init(DOMAIN, context={"source": SOURCE_USER})
            await flows.async_configure(menu["flow_id"], {"next_step_id": HOUSEHOLD})
            next_flow = (FlowType.CONFIG_FLOW, menu["flow_id"])
        return self.async_abort(reason="goes_on", next_flow=next_flow)

    async def async_step_test(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Send a test alert: down the plans, or else to whoever is first."""
        if user_input is None:
            return self.async_show_form(step_id="test")
        if not await self.hass.data[RESPONDER].async_drill():
            for coordinator in sources(self.hass):
                for person_id, person in coordinator.data.people.items():
                    key = AlertKey(person_id, first_type(coordinator, person), True)
                    await coordinator.care.drill([key], severity=Severity.HIGH)
                    return await self.async_step_init()
            return self.async_abort(reason="nobody_yet")
        return await self.async_step_init()

    async def async_step_dismiss(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Leave it, for good."""
        ir.async_ignore_issue(self.hass, DOMAIN, self.issue_id, True)
        return self.async_abort(reason="dismissed")


class SamePersonFlow(RepairsFlow):
    """Asks whether what several sources have is one person, and has the household keep it."""

    def __init__(self, name: str) -> None:
        """Know by which name it is proposed."""
        self._name = name

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask, and keep it."""
        household = self.hass.data[RESPONDER].household
        links = household.same_people if household else ()
        found = [one for one in proposed(self.hass, links) if one.name == self._name]
        if household is None or not found:
            return self.async_abort(reason="nobody_the_same")
        if user_input is None:
            issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
            return self.async_show_form(
                step_id="confirm",
                description_placeholders=issue.translation_placeholders if issue else None,
            )
        self.hass.config_entries.async_add_subentry(
            household.entry,
            ConfigSubentry(
                data=MappingProxyType(as_data(found[0])),
                subentry_type=SAME_PERSON,
                title=found[0].name,
                unique_id=None,
            ),
        )
        return self.async_create_entry(data={})


class LookedFlow(RepairsFlow):
    """Says what only the source's own app can tell, and is done once somebody has looked."""

    def __init__(self, *, is_kept: bool) -> None:
        """Know whether the issue is to be kept, as one that nobody wants to see again."""
        self._is_kept = is_kept

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Say it until somebody has looked."""
        if user_input is None:
            issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
            return self.async_show_form(
                step_id="confirm",
                description_placeholders=issue.translation_placeholders if issue else None,
            )
        if self._is_kept:
            ir.async_ignore_issue(self.hass, DOMAIN, self.issue_id, True)
            return self.async_abort(reason="looked")
        return self.async_create_entry(data={})


def _form(proposed: Mapping[str, Setting]) -> vol.Schema:
    return vol.Schema(
        {
            vol.Required(name, default=one.value): setting_field(
                one, is_flag=isinstance(one.value, bool)
            )
            for name, one in proposed.items()
        }
    )


_FLOWS: Final[dict[str, Callable[[str, str], RepairsFlow]]] = {
    "no_thresholds": FirstSettingsFlow,
    "profile_conflict": ProfileConflictFlow,
    "profile_stuck": ProfileStuckFlow,
}
"""What mends something of one person, by what it is."""


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Create the flow that fixes an issue."""
    if issue_id == NEXT_STEPS:
        return NextStepsFlow()
    data = data or {}
    if "same_person" in data:
        return SamePersonFlow(str(data["same_person"]))
    if "person_id" not in data:
        return LookedFlow(is_kept=bool(data.get("is_kept")))
    flow = _FLOWS[str(data["kind"])]
    return flow(str(data["entry_id"]), str(data["person_id"]))
