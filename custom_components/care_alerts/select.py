"""Selects: which profile somebody's thresholds are switched to."""

from typing import Final, override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import PersonEntity, RenderedState, add_people
from .sources.coordinator import CareAlertsConfigEntry
from .sources.profiles import NO_PROFILE, profiles_by_name
from .sources.settings import Profile

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
    def _profiles(self) -> dict[str, Profile]:
        return profiles_by_name(self.coordinator.config_entry, self.person_id)

    @property
    @override
    def options(self) -> list[str]:
        return [NO_PROFILE, *sorted(self._profiles)]

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
        names = self.options[1:]
        applied = snapshot.profile
        until = applied and applied.until
        name = applied.name if applied and applied.name in names else None
        return RenderedState(
            name if applied else NO_PROFILE,
            {
                "until": until.isoformat() if until else None,
                "confirmed": applied is None or applied.is_settled,
                # What can be chosen is no attribute of ours, but a change of it is one to be written.
                "profiles": names,
            },
        )

    @override
    async def async_select_option(self, option: str) -> None:
        if keeper := self.coordinator.source.settings_keeper:
            with self.coordinator.answering():
                await keeper.async_switch(self.person_id, self._profiles.get(option))
