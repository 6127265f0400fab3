"""The option of every source: whether what it says may be on every page of Home Assistant."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.helpers.selector import BooleanSelector
import voluptuous as vol

CONF_BANNERS: Final = "persistent_notifications"
"""On unless it says no."""

BANNERS_FIELD: Final[dict[vol.Marker, Any]] = {
    vol.Optional(CONF_BANNERS, default=True): BooleanSelector()
}


def has_banners(options: Mapping[str, Any]) -> bool:
    """What the options of an entry, or a form, say."""
    return bool(options.get(CONF_BANNERS, True))


def banners_option(typed: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a form."""
    return {} if has_banners(typed) else {CONF_BANNERS: False}
