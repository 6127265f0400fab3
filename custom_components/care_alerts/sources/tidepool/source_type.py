"""Tidepool as Home Assistant knows it: how it is opened, its sensors beside those every person has, and what can be set."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from aiohttp import ClientSession
from homeassistant.components.number import NumberDeviceClass, NumberEntityDescription, NumberMode
from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.components.switch import SwitchEntityDescription
from homeassistant.const import EntityCategory, UnitOfBloodGlucoseConcentration
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.util import dt as dt_util
from yarl import URL

from ...alerts.snapshot import PersonSnapshot
from ...const import LOGGER
from ..glucose import glucose_sensors
from ..http import ApiError, base_url
from ..settings import NotPutBack
from ..source import Host
from ..source_type import PersonSensorDescription, SourceType, Value
from .api import TidepoolClient
from .environments import CONF_ENVIRONMENT, host_of
from .evaluation import SOURCE
from .flow import NAME, SESSIONS, TidepoolOptionsFlow
from .leaving import put_back_all
from .people import LONGEST_RETRY, TidepoolState
from .repairs import KINDS as REPAIRS
from .session import PasswordSession
from .settings import FIELDS, KINDS
from .source import CONF_FOLLOWED, CONF_JUDGED, TidepoolSource
from .thresholds import ThresholdKeeper

if TYPE_CHECKING:
    from ..coordinator import CareAlertsConfigEntry


def _session_of(
    hass: HomeAssistant, entry: CareAlertsConfigEntry
) -> tuple[ClientSession, URL, PasswordSession]:
    """What to ask an entry's account with: the session that there is, or a new one."""
    data, http = entry.data, async_get_clientsession(hass)
    url = base_url(host_of(data[CONF_ENVIRONMENT]))
    sessions = hass.data.setdefault(SESSIONS, {})
    session = PasswordSession(http, url, data["username"], data["password"], now=dt_util.utcnow)
    if (before := sessions.get(entry.entry_id)) and before.is_for(session):
        session = before
    sessions[entry.entry_id] = session
    return http, url, session


def _create(hass: HomeAssistant, entry: CareAlertsConfigEntry, host: Host) -> TidepoolSource:
    """Open the source of an entry with `environment`, `username`, `password` and `user_id`."""
    http, url, session = _session_of(hass, entry)
    return TidepoolSource(
        TidepoolClient(http, url, session),
        session,
        host,
        user_id=entry.data["user_id"],
        judges=entry.options.get(CONF_JUDGED, True),
        chosen=entry.options.get(CONF_FOLLOWED, ()),
    )


async def _put_back(
    hass: HomeAssistant, entry: CareAlertsConfigEntry, stored: dict[str, Any]
) -> list[NotPutBack]:
    """Put back what was there before the profiles of an entry that is removed."""
    try:
        state = TidepoolState.from_dict(stored)
        http, url, session = _session_of(hass, entry)
    except AttributeError, LookupError, TypeError, ValueError:
        # Or no address to send a password to.
        return []
    session.remember(state.refusals)
    client = TidepoolClient(http, url, session)
    return await put_back_all(client, entry.data["user_id"], state, dt_util.utcnow())


async def _remove(hass: HomeAssistant, entry: CareAlertsConfigEntry) -> None:
    """Log out."""
    if session := hass.data.get(SESSIONS, {}).pop(entry.entry_id, None):
        try:
            await session.end()
        except ApiError as err:
            # It ends by itself, within a day.
            LOGGER.debug("Tidepool: no logout: %s", err)


def _last_reading(snapshot: PersonSnapshot) -> Value:
    """When the newest reading was made, its value, and which alerts it cannot be judged by, and why."""
    glucose = snapshot.last_glucose
    not_judged = {
        kind: condition.unavailable
        for kind, condition in snapshot.conditions.items()
        if condition.unavailable
    }
    observed_at = glucose.observed_at if glucose else None
    return Value(
        observed_at,
        observed_at,
        {
            "value": glucose and glucose.value,
            "unit": glucose and glucose.unit,
            "not_judged": not_judged,
        },
    )


RARELY_SET: Final = ("low_repeat", "high_repeat", "no_communication_delay", "not_looping_delay")
"""Disabled until somebody wants them on a dashboard: the action sets them as well."""

LAST_READING: Final = PersonSensorDescription(
    key="last_reading",
    device_class=SensorDeviceClass.TIMESTAMP,
    entity_category=EntityCategory.DIAGNOSTIC,
    value_fn=_last_reading,
    says_now=False,
)

TIDEPOOL = SourceType(
    key=SOURCE,
    name=NAME,
    model="Platform API",
    website="https://app.tidepool.org",
    alert_types=tuple(KINDS),
    create=_create,
    put_back=_put_back,
    remove=_remove,
    options_flow=TidepoolOptionsFlow,
    safe_options=frozenset({CONF_JUDGED}),
    repairs=REPAIRS,
    is_live=True,
    settings_keeper=ThresholdKeeper,
    judges=True,
    # Both parents may follow a child, each with an account and thresholds of their own.
    account_of=lambda data: data["user_id"],
    longest_retry=LONGEST_RETRY,
    # Whoever took it at night may have fallen asleep again.
    acknowledgement_expires_after=timedelta(hours=1),
    person_sensors=(
        *glucose_sensors(UnitOfBloodGlucoseConcentration.MILLIMOLE_PER_LITER, is_live=True),
        LAST_READING,
    ),
    person_numbers=tuple(
        NumberEntityDescription(
            key=field.key,
            mode=NumberMode.BOX,
            # Not of thresholds: what Home Assistant converts is not the number that was written.
            device_class=None if field.name == "threshold" else NumberDeviceClass.DURATION,
            entity_registry_enabled_default=str(field) not in RARELY_SET,
        )
        for field in FIELDS.values()
        if field.name != "enabled"
    ),
    person_switches=tuple(SwitchEntityDescription(key=kind) for kind in KINDS),
)
