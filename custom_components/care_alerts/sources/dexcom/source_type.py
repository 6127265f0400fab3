"""Dexcom as Home Assistant knows it: how it is opened, and its sensors beside those every person has."""

from datetime import timedelta
from typing import TYPE_CHECKING

from homeassistant.const import UnitOfBloodGlucoseConcentration
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from ..glucose import glucose_sensors
from ..source import Host
from ..source_type import SourceType
from .api import DexcomClient
from .flow import DexcomOptionsFlow
from .mapping import ALERT_TYPES, SOURCE
from .oauth import CONF_REGION, Tokens, host_of
from .source import CONF_HOLD_TIME, DexcomSource, Settings

if TYPE_CHECKING:
    from ..coordinator import CareAlertsConfigEntry

NAME = "Dexcom"


def _create(hass: HomeAssistant, entry: CareAlertsConfigEntry, host: Host) -> DexcomSource:
    """Open the source of an entry with `region` and the data of Home Assistant's OAuth2."""
    tokens = Tokens(hass, entry)
    region = entry.data[CONF_REGION]
    client = DexcomClient(
        async_get_clientsession(hass), host_of(region), tokens.access_token, tokens.renewed_token
    )
    # The wearer's account, as this app knows it.
    person_id = entry.unique_id or entry.entry_id
    return DexcomSource(client, tokens, host, person_id, Settings.of(region, entry.options))


def _device_name(title: str) -> str:
    return "Dexcom cloud" if title == NAME else f"Dexcom cloud {title}"


DEXCOM = SourceType(
    key=SOURCE,
    name=NAME,
    model="API v3",
    website="https://developer.dexcom.com",
    alert_types=ALERT_TYPES,
    create=_create,
    remove=Tokens.forget,
    options_flow=DexcomOptionsFlow,
    safe_options=frozenset({CONF_HOLD_TIME}),
    repairs=("app_refused",),
    person_sensors=glucose_sensors(UnitOfBloodGlucoseConcentration.MILLIGRAMS_PER_DECILITER),
    device_name=_device_name,
    # The app itself repeats an urgent low after that; and it may be a new one, of which no end was heard.
    reacknowledge_after_gap=timedelta(minutes=30),
)
