"""Care Alerts: health alerts from Lumen, Dexcom and Tidepool for people who look after somebody at home.

Not a medical device.
"""

from typing import cast

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_SOURCE
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import (
    config_validation as cv,
    device_registry as dr,
    issue_registry as ir,
)
from homeassistant.helpers.device_registry import DeviceEntry, DeviceEntryType
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.translation import async_load_integrations
from homeassistant.helpers.typing import ConfigType

from .const import DOMAIN, HOUSEHOLD_PLATFORMS, PLATFORMS
from .dashboard import async_setup_dashboard
from .event_data import async_fire_events
from .intent import async_setup_sentences
from .responses.attribution import async_setup_actors
from .responses.household import Household, HouseholdConfigEntry, is_household
from .responses.lights import async_forget_lights, async_setup_lights
from .responses.responder import RESPONDER, async_forget_responses, async_setup_responder
from .responses.snapshots import async_forget_snapshots, async_setup_snapshots
from .responses.speech import async_setup_speech
from .seal import SEAL, async_forget_seal, async_setup_seal
from .services import async_setup_actions
from .sources import SOURCES
from .sources.coordinator import CareAlertsConfigEntry, SourceCoordinator
from .sources.identifiers import person_identifier, source_identifier
from .sources.issues import delete_issues_of, unlinked
from .sources.profiles import async_follow_profiles
from .sources.setting_text import setting_lines
from .sources.settings import NotPutBack
from .sources.store import ReadingStore, SourceStore
from .statistics import async_forget_statistics, async_keep_statistics
from .websocket import async_setup_websocket

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Set up what all sources share."""
    # What an alert is called is said where nothing can be waited for.
    await async_load_integrations(hass, {DOMAIN})
    await async_setup_seal(hass)
    await async_setup_snapshots(hass)
    async_setup_lights(hass)
    async_setup_speech(hass)
    async_setup_actors(hass)
    async_setup_actions(hass)
    await async_setup_dashboard(hass)
    await async_setup_responder(hass)
    async_setup_websocket(hass)
    async_setup_sentences(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: CareAlertsConfigEntry) -> bool:
    """Set up a source, or the household."""
    await hass.data[SEAL].keep()
    if is_household(entry.data):
        return await _async_setup_household(hass, cast("HouseholdConfigEntry", entry))
    coordinator = SourceCoordinator(hass, entry, SOURCES[entry.data[CONF_SOURCE]])
    entry.runtime_data = coordinator
    await coordinator.async_start()
    source_device = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={source_identifier(entry)},
        entry_type=DeviceEntryType.SERVICE,
        manufacturer=coordinator.source_type.name,
        model=coordinator.source_type.model,
        configuration_url=coordinator.source_type.website,
        name=coordinator.source_type.device_name(entry.title),
    )
    coordinator.source_device_id = source_device.id
    async_fire_events(hass, entry)
    _remove_unfollowed(hass, entry)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    async_keep_statistics(hass, entry)
    async_follow_profiles(hass, entry)

    @callback
    def start_announcing(_: HomeAssistant) -> None:
        coordinator.announcer.start()

    entry.async_on_unload(async_at_started(hass, start_announcing))
    return True


async def _async_setup_household(hass: HomeAssistant, entry: HouseholdConfigEntry) -> bool:
    responder = hass.data[RESPONDER]
    household = Household(hass, entry, responder.store)
    entry.runtime_data = household
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={source_identifier(entry)},
        entry_type=DeviceEntryType.SERVICE,
        manufacturer="Care Alerts",
        model="Household",
        name=entry.title,
    )
    await responder.async_set_up(household)
    await hass.config_entries.async_forward_entry_setups(entry, HOUSEHOLD_PLATFORMS)
    entry.async_on_unload(entry.add_update_listener(_async_reload))
    return True


async def _async_reload(hass: HomeAssistant, entry: HouseholdConfigEntry) -> None:
    """Follow what the user has made of the household: what was done is on disk."""
    await hass.config_entries.async_reload(entry.entry_id)


async def async_unload_entry(hass: HomeAssistant, entry: CareAlertsConfigEntry) -> bool:
    """Unload a source, or the household."""
    if is_household(entry.data):
        if not await hass.config_entries.async_unload_platforms(entry, HOUSEHOLD_PLATFORMS):
            return False
        await hass.data[RESPONDER].async_unload()
        return True
    if not await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        return False
    entry.runtime_data.async_rest()
    return True


async def async_remove_entry(hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
    """Leave nothing behind, also not at the vendor's, if that can be: somebody is told what cannot."""
    not_put_back: list[NotPutBack] = []
    if not is_household(entry.data):
        source_type, store = SOURCES[entry.data[CONF_SOURCE]], SourceStore(hass, entry.entry_id)
        if source_type.put_back:
            state = (await store.load()).get("provider", {})
            not_put_back = await source_type.put_back(hass, entry, state)
        if source_type.remove:
            await source_type.remove(hass, entry)
        await ReadingStore(hass, entry.entry_id).remove()
        await store.remove()
        await async_forget_statistics(hass, entry)
    delete_issues_of(hass, entry)
    for number, one in enumerate(not_put_back):
        ir.async_create_issue(
            hass,
            DOMAIN,
            f"profile_not_put_back_{entry.entry_id}_{number}",
            is_fixable=True,
            # Nobody would know it again.
            is_persistent=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key="profile_not_put_back",
            translation_placeholders={
                "name": unlinked(one.name),
                "settings": await setting_lines(hass, one.settings),
            },
        )
    if all(other is entry for other in hass.config_entries.async_entries(DOMAIN)):
        await async_forget_lights(hass)
        await async_forget_responses(hass)
        await async_forget_snapshots(hass)
        await async_forget_seal(hass)


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: CareAlertsConfigEntry, device: DeviceEntry
) -> bool:
    """Let the user remove the device of a person the source no longer speaks of. Only while it runs do we know."""
    if is_household(entry.data) or entry.state is not ConfigEntryState.LOADED:
        return False
    coordinator = entry.runtime_data
    for person_id in coordinator.data.people:
        if person_identifier(coordinator, person_id) in device.identifiers:
            return coordinator.forget(person_id)
    return source_identifier(entry) not in device.identifiers


def _remove_unfollowed(hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
    """Remove the devices of people whom the user chose to follow no longer."""
    coordinator = entry.runtime_data
    if not coordinator.source.people_are_chosen:
        return
    kept = {source_identifier(entry)} | {
        person_identifier(coordinator, person_id) for person_id in coordinator.data.people
    }
    registry = dr.async_get(hass)
    for device in dr.async_entries_for_config_entry(registry, entry.entry_id):
        if not device.identifiers & kept:
            registry.async_remove_device(device.id)
