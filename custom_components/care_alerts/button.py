"""Buttons: ask a source now, send a test alert of it, and acknowledge all that nobody has of a person."""

from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .alerts.alert import AlertKey, Severity
from .entity import PersonEntity, SourceEntity, add_people
from .household_entity import DrillButton, add_household
from .responses.attribution import resolve_actor
from .responses.care import acknowledge, may_control
from .responses.episodes import people_as
from .responses.household import is_household
from .services.acknowledging import unacknowledged
from .services.testing import first_type
from .sources.coordinator import CareAlertsConfigEntry

# Who acknowledges an alert must not wait for a source that hangs. The coordinator asks for one thing at a time.
PARALLEL_UPDATES = 0

REFRESH = ButtonEntityDescription(key="refresh", entity_category=EntityCategory.DIAGNOSTIC)
TEST_ALERT = ButtonEntityDescription(key="test_alert", entity_category=EntityCategory.DIAGNOSTIC)
ACKNOWLEDGE_ALL = ButtonEntityDescription(key="acknowledge_all")


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CareAlertsConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the buttons of a source and its people, or of the household."""
    if is_household(entry.data):
        add_household(
            hass,
            entry,
            async_add_entities,
            Platform.BUTTON,
            of_household={"drill": DrillButton},
        )
        return
    coordinator = entry.runtime_data
    async_add_entities(
        [RefreshButton(coordinator, REFRESH), TestAlertButton(coordinator, TEST_ALERT)]
    )
    add_people(entry, async_add_entities, lambda _: [ACKNOWLEDGE_ALL], AcknowledgeAllButton)


class RefreshButton(SourceEntity, ButtonEntity):
    """Asks the source at once, unless it asked us to wait."""

    @override
    async def async_press(self) -> None:
        await self.coordinator.async_refresh_now()


class TestAlertButton(SourceEntity, ButtonEntity):
    """Sends a test alert for each of the source's people."""

    @override
    async def async_press(self) -> None:
        topics = [
            AlertKey(person_id, first_type(self.coordinator, snapshot), True)
            for person_id, snapshot in self.coordinator.data.people.items()
        ]
        await self.coordinator.care.drill(topics, severity=Severity.HIGH)


class AcknowledgeAllButton(PersonEntity, ButtonEntity):
    """Acknowledges those of a person's alerts that nobody has."""

    @override
    async def async_press(self) -> None:
        context = self._context or Context()
        person = self.snapshot
        meant = {
            coordinator: unacknowledged(coordinator, [theirs.person.person_id])
            for coordinator, theirs in (
                people_as(self.hass, self.coordinator, person) if person else ()
            )
            if coordinator is self.coordinator
            or await may_control(self.hass, coordinator, theirs, context)
        }
        await acknowledge(
            self.hass,
            meant,
            by=await resolve_actor(self.hass, context),
            note=None,
            context=context,
        )
