"""What a person reads that no entity says, in the house's language."""

from datetime import datetime, timedelta
from functools import partial
import re

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import LOCALE_EN, async_get_cached_translations
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from .wording import duration_text, time_text


def localize_alert(hass: HomeAssistant, alert_type: str) -> str:
    """What an alert type is called; as it came if nobody knows."""
    return _text(hass, "selector", f"alert_types.options.{alert_type}") or alert_type


def localize_status(hass: HomeAssistant, status: str) -> str:
    """What the status of a source is called."""
    return _text(hass, "entity", f"sensor.status.state.{status}") or status


def localize_duty(hass: HomeAssistant, duty: str) -> str:
    """What a duty that is no entity is called."""
    return _text(hass, "selector", f"duty.options.{duty}") or duty


def localize_tell(hass: HomeAssistant, whom: str) -> str:
    """What those are called whom a step tells and who are no caregiver."""
    return _text(hass, "selector", f"tell.options.{whom}") or whom


def localize_step_field(hass: HomeAssistant, field: str) -> str:
    """What a field of a plan's step is called."""
    return _text(hass, "selector", f"step.fields.{field}.name") or field


def localize(hass: HomeAssistant, key: str, **placeholders: str) -> str:
    """A sentence of ours. One that is not there is its key: words must not keep an alert from anybody."""
    text = _text(hass, "common", key)
    if text is None:
        return " ".join([key, *placeholders.values()])
    # Each once and all at once: a name may have braces, too.
    return re.sub(r"\{(\w+)\}", lambda found: placeholders.get(found[1], found[0]), text)


def localize_time(hass: HomeAssistant, moment: datetime, now: datetime) -> str:
    """A time of day as the house's clock shows it, with the date unless it is of the same day."""
    return time_text(partial(localize, hass), moment, now, dt_util.get_default_time_zone())


def localize_duration(hass: HomeAssistant, duration: timedelta) -> str:
    """How long, in the two largest of days, hours and minutes."""
    return duration_text(partial(localize, hass), duration)


def _text(hass: HomeAssistant, category: str, key: str) -> str | None:
    # English while a language that was chosen just now is loaded.
    for language in (hass.config.language, LOCALE_EN):
        texts = async_get_cached_translations(hass, language, category, DOMAIN)
        if text := texts.get(f"component.{DOMAIN}.{category}.{key}"):
            return text
    return None
