"""Overlaps: which plans could both act on one alert, by what their targets come to now."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er

from ..alerts.alert import OTHER
from ..const import DOMAIN
from ..sources import ALERT_TYPES
from ..sources.targets import ResolvedTarget, aim_at_or_everybody
from .episodes import SAME_PEOPLE
from .plan import Plan, overlapping


@callback
def overlaps_of(hass: HomeAssistant, plans: Sequence[Plan]) -> list[tuple[Plan, Plan]]:
    """Pairs of plans of which both could act on one alert: whoever is told is told twice."""
    return overlapping(plans, {plan.plan_id: _alerts_meant(hass, plan.whose) for plan in plans})


def _alerts_meant(hass: HomeAssistant, whose: Mapping[str, Any]) -> set[str]:
    """The alerts of a target: whose device, and the alert type."""
    aim = aim_at_or_everybody(hass, whose)
    exempt = _alerts_among(hass, aim.exempt) if aim.exempt else ()
    same = hass.data.get(SAME_PEOPLE)
    # Whoever is meant as one source has them is meant as any has.
    return {
        f"{one} {alert_type}"
        for device_id, alert_type in {*_alerts_among(hass, aim)}.difference(exempt)
        for one in (same.devices(device_id) if same else (device_id,))
    }


def _alerts_among(hass: HomeAssistant, aim: ResolvedTarget) -> Iterator[tuple[str, str]]:
    """The same before any are exempt. A source's device stands for all its people."""
    registry = dr.async_get(hass)
    if aim.is_everybody:
        ours = hass.config_entries.async_entries(DOMAIN)
        # Nobody may be known yet: two plans for everybody meet all the same.
        devices = {"everybody"} | {
            device.id
            for entry in ours
            for device in dr.async_entries_for_config_entry(registry, entry.entry_id)
        }
    else:
        devices = set(aim.devices) | {
            device.id for device in registry.devices if device.via_device_id in aim.devices
        }
        for sensor in aim.sensors:
            if entity := er.async_get(hass).async_get(sensor):
                yield str(entity.device_id), str(entity.translation_key)
    for device_id in devices:
        for alert_type in (*ALERT_TYPES, OTHER):
            yield device_id, alert_type
