"""The entities of the household: who is on duty, what each plan does next, whether all may be heard, and drills."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, override

from homeassistant.components.binary_sensor import BinarySensorEntity
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.button import ButtonEntity
from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.components.switch import SwitchEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .entity import QuietTimeSensor, RenderedEntity, RenderedState
from .responses.duty import told
from .responses.heard import obstacles
from .responses.household import HouseholdConfigEntry
from .responses.localize import localize
from .responses.plan import Plan
from .responses.reporting import drill_report, drill_summary, duty_reasons
from .responses.responder import RESPONDER, SIGNAL_RESPONSES, Responder
from .sources.identifiers import source_identifier, source_unique_id
from .sources.targets import device_ref


class HouseholdEntity(RenderedEntity):
    """An entity of the household's device."""

    _attr_should_poll = False

    def __init__(self, responder: Responder, entry: HouseholdConfigEntry, key: str) -> None:
        """Show something of the household."""
        self.responder = responder
        self._attr_translation_key = key
        self._attr_unique_id = source_unique_id(entry, key)
        self._attr_device_info = DeviceInfo(identifiers={source_identifier(entry)})

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(async_dispatcher_connect(self.hass, SIGNAL_RESPONSES, self._changed))

    @callback
    def _changed(self) -> None:
        if self.responder.household is not None:
            self._show()


class PlanEntity(HouseholdEntity):
    """An entity of one of its plans."""

    def __init__(
        self, responder: Responder, entry: HouseholdConfigEntry, key: str, plan: Plan
    ) -> None:
        """Show something of a plan."""
        super().__init__(responder, entry, key)
        self.plan = plan
        self._attr_unique_id = source_unique_id(entry, f"{plan.plan_id}_{key}")
        self._attr_translation_placeholders = {"plan": plan.name}


class _HouseholdSensor(HouseholdEntity, QuietTimeSensor):
    @property
    @override
    def native_value(self) -> Any:
        return self._rendered.value


class OnDutySensor(_HouseholdSensor):
    """Who is on duty, by name, and why."""

    @override
    def _render(self) -> RenderedState:
        household = self.responder.household
        if household is None:
            return RenderedState(None)
        now = dt_util.utcnow()
        # A state has 255 characters at most.
        return RenderedState(
            ", ".join(household.names_on_duty(now))[:255] or None,
            {"why": duty_reasons(self.hass, household, household.duty(now))},
        )


class NextStepSensor(PlanEntity, _HouseholdSensor):
    """When a plan does its next step, if nobody does anything."""

    _attr_device_class = SensorDeviceClass.TIMESTAMP

    @override
    def _render(self) -> RenderedState:
        steps = [
            (one.outlook.next_at, one.outlook.next_step, one.ref)
            for one in self.responder.runner.next
            if one.plan.plan_id == self.plan.plan_id
            and one.outlook.next_at
            and one.outlook.next_step
        ]
        household = self.responder.household
        if not steps or household is None:
            nothing = ("step", "after_minutes", "tells", "person", "alert_type", "episode_id")
            return RenderedState(None, dict.fromkeys(nothing))
        at, step, ref = min(steps, key=lambda one: one[0])
        duty = household.duty(dt_util.utcnow())
        return RenderedState(
            at,
            {
                "step": 1 + [one.step_id for one in self.plan.climb].index(step.step_id),
                "after_minutes": step.after,
                "tells": [one.name for one in told(household.caregivers, step.tell, duty)],
                "person": device_ref(self.hass, ref.coordinator, ref.person).name,
                "alert_type": ref.episode.topic.alert_type,
                "episode_id": ref.episode.episode_id,
            },
        )


class LastDrillSensor(_HouseholdSensor):
    """When the newest drill was begun, and what came of it."""

    _attr_device_class = SensorDeviceClass.TIMESTAMP
    _attr_entity_category = EntityCategory.DIAGNOSTIC

    @override
    def _render(self) -> RenderedState:
        drill = self.responder.store.kept.drill
        return RenderedState(
            drill.began_at if drill else None,
            {
                "summary": drill_summary(self.hass, self.responder),
                "report": drill_report(self.hass, self.responder),
            },
        )


class MayNotBeHeardSensor(HouseholdEntity, BinarySensorEntity):
    """On when something may keep an alert from being heard."""

    _attr_device_class = BinarySensorDeviceClass.PROBLEM

    @override
    def _render(self) -> RenderedState:
        household = self.responder.household
        if household is None:
            return RenderedState(None)
        reasons = [
            localize(self.hass, one.key, **one.placeholders)
            for one in obstacles(self.hass, household, dt_util.utcnow())
        ]
        return RenderedState(bool(reasons), {"reasons": reasons})

    @property
    @override
    def is_on(self) -> bool | None:
        value: bool | None = self._rendered.value
        return value


class PlanSwitch(PlanEntity, SwitchEntity):
    """Whether a plan is followed."""

    @override
    def _render(self) -> RenderedState:
        return RenderedState(self.plan.plan_id not in self.responder.store.kept.off)

    @property
    @override
    def is_on(self) -> bool | None:
        value: bool | None = self._rendered.value
        return value

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        await self._set(is_off=False)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self._set(is_off=True)

    async def _set(self, *, is_off: bool) -> None:
        await self.responder.async_switch(self.plan, is_off=is_off)
        self._changed()


class DrillButton(HouseholdEntity, ButtonEntity):
    """Sends a test alert down each plan."""

    _attr_entity_category = EntityCategory.DIAGNOSTIC

    @override
    async def async_press(self) -> None:
        if not await self.responder.async_drill():
            raise ServiceValidationError(
                translation_domain=DOMAIN, translation_key="no_plan_for_anybody"
            )


def add_household(
    hass: HomeAssistant,
    entry: ConfigEntry[Any],
    async_add_entities: AddConfigEntryEntitiesCallback,
    domain: Platform,
    *,
    of_household: Mapping[str, Callable[..., Entity]] | None = None,
    of_plans: Mapping[str, Callable[..., Entity]] | None = None,
) -> None:
    """Add the household's entities of a platform, by their keys, for itself and for each plan.

    They are of one device, which cannot belong to several subentries: so those of a plan that was removed are
    removed here.
    """
    responder = hass.data[RESPONDER]
    plans: Sequence[Plan] = responder.household.all_plans if responder.household else ()
    entities = [entity(responder, entry, key) for key, entity in (of_household or {}).items()]
    entities += [
        entity(responder, entry, key, plan)
        for plan in plans
        for key, entity in (of_plans or {}).items()
    ]
    registry = er.async_get(hass)
    known = {entity.unique_id for entity in entities}
    for old in er.async_entries_for_config_entry(registry, entry.entry_id):
        if old.domain == domain and old.unique_id not in known:
            registry.async_remove(old.entity_id)
    async_add_entities(entities)
