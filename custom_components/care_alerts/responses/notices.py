"""Notices: what the house knows of an episode, put together for those who tell it."""

from datetime import datetime
from functools import partial

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..alerts.glucose import GLUCOSE_ALERT_TYPES
from ..sources.targets import device_ref, unit_of
from .episodes import EpisodeRef
from .localize import localize, localize_alert
from .message import Notice
from .wording import Wording


def notice_of(
    hass: HomeAssistant,
    ref: EpisodeRef,
    *,
    url: str | None = None,
    rings: bool = True,
    redelivered: bool = False,
) -> Notice:
    """What there is to tell of an episode; `url`, `rings` and `redelivered` as `Notice` has them."""
    topic = ref.episode.topic
    where = device_ref(hass, ref.coordinator, ref.person)
    is_of_glucose = topic.alert_type in GLUCOSE_ALERT_TYPES
    return Notice(
        episode=ref.episode,
        person=where.name,
        alert=localize_alert(hass, topic.alert_type),
        tag=where.tag(topic),
        url=url,
        glucose=(ref.person.last_glucose or ref.person.glucose) if is_of_glucose else None,
        unit=unit_of(hass, ref.coordinator, topic.person_id) if is_of_glucose else None,
        rings=rings,
        redelivered=redelivered,
    )


def wording_of(hass: HomeAssistant, now: datetime) -> Wording:
    """How it is told: in the house's language, by its clock."""
    return Wording(localize=partial(localize, hass), now=now, zone=dt_util.get_default_time_zone())
