"""Selects: which profile somebody's thresholds are switched to."""

from typing import Final, override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import PersonEntity, RenderedState, add_people
from .sources.coordinator import CareAlertsConfigEntry
from .sources.profiles import NO_PROFILE, profiles_of

PARALLEL_UPDATES = 1

PROFILE: Final = SelectEntityDescription(key="profile", entity_category=EntityCategory.CONFIG)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CareAlertsConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the profiles of a source's people."""
    add_people(
        entry,
        async_add_entities,
        lambda snapshot: [PROFILE] if snapshot.settings else [],
        ProfileSelect,
    )


class ProfileSelect(PersonEntity, SelectEntity):
    """The profile that somebody's thresholds are switched to, or none: until further notice where it is chosen here."""

    entity_description: SelectEntityDescription

    @property
    @override
    def options(self) -> list[str]:
        profiles = profiles_of(self.coordinator.config_entry, self.person_id)
        return [NO_PROFILE, *sorted(one.name for one in profiles.values())]

    @property
    @override
    def current_option(self) -> str | None:
        value: str | None = self._rendered.value
        return value

    @override
    def _render(self) -> RenderedState:
        snapshot = self.snapshot
        if snapshot is None or not snapshot.settings or not snapshot.freshness.believable:
            return RenderedState(None, available=False)
        options = self.options
        applied = snapshot.profile
        until = applied and applied.until
        name = applied.name if applied else NO_PROFILE
        return RenderedState(
            name if name in options else None,
            {
                "until": until.isoformat() if until else None,
                "confirmed": applied is None or applied.is_settled,
                # What can be chosen is no attribute of ours, but a change of it is one to be written.
                "profiles": options[1:],
            },
        )

    @override
    async def async_select_option(self, option: str) -> None:
        if keeper := self.coordinator.source.settings_keeper:
            profiles = profiles_of(self.coordinator.config_entry, self.person_id)
            chosen = next((one for one in profiles.values() if one.name == option), None)
            with self.coordinator.answering():
                await keeper.async_switch(self.person_id, chosen)
