"""The demo's dashboard: a section for each person and each source, made of what the registries hold."""

from collections.abc import Iterable, Iterator
from typing import Final

from scripts.real_home import Json, RealHome

URL_PATH: Final = "care-alerts"

SUMMARY: Final = ("highest_severity", "active_alerts", "last_alert", "last_alert_time")
"""Translation keys of the sensors that every person has, whatever the source."""

TOLD: Final = """\
{% set trends = TRENDS %}
{% set on = trends | select('is_state', 'on') | list %}
{% if on %}
| Alert | Severity | Observed |
|:--|:--|:--|
{% for alert in on -%}
{% set seen = state_attr(alert, 'observed_at') | as_datetime | as_local -%}
| {{ state_attr(alert, 'friendly_name').split(' ', 1)[1] | replace(' alert', '') }}: \
{{ state_translated(trends[alert]) }} | **{{ state_attr(alert, 'severity') }}** | \
{{ relative_time(seen) }} ago, {{ seen.strftime('%a %H:%M') }} |
{% endfor %}
{% elif trends | select('is_state', 'off') | list %}
The newest analysis reports no problem. That is all it says.
{% else %}
Nothing is known: the source has not spoken.
{% endif %}
"""

ABOUT: Final = """\
## Care Alerts demo

Everybody here is **invented**. A simulator on this computer plays the health service; nothing leaves the house.

**Care Alerts is not a medical device.** Lumen speaks once a day, about the day before: no alert here means \
that none was sent, not that somebody is well. In an emergency call for help.
"""


async def install(home: RealHome) -> str:
    """Write the dashboard for the people and sources there are now, and return its address."""
    dashboards = await home.ws({"type": "lovelace/dashboards/list"})
    if not any(dashboard["url_path"] == URL_PATH for dashboard in dashboards):
        await home.ws(
            {
                "type": "lovelace/dashboards/create",
                "url_path": URL_PATH,
                "title": "Care Alerts",
                "icon": "mdi:home-heart",
                "show_in_sidebar": True,
                "require_admin": False,
            }
        )
    config = {"views": [_view(await home.devices(), await home.entities("care_alerts"))]}
    await home.ws({"type": "lovelace/config/save", "url_path": URL_PATH, "config": config})
    return f"{home.url}/{URL_PATH}"


def _view(devices: Iterable[Json], entities: Iterable[Json]) -> Json:
    """Return the view: a section for each person, and one for the sources and for what this is."""
    people: list[Json] = []
    house: list[Json] = []
    shown = [entity for entity in entities if not entity["disabled_by"] and not entity["hidden_by"]]
    for device in sorted(devices, key=_name):
        own = [entity for entity in shown if entity["device_id"] == device["id"]]
        if own and device["via_device_id"]:  # a person's device hangs under the source's
            cards = [_heading(device, "mdi:account-heart"), *_cards(own)]
            people.append({"type": "grid", "cards": cards})
        elif own:
            house += [_heading(device, "mdi:cloud"), *_cards(own)]
    house.append({"type": "markdown", "content": ABOUT, "grid_options": {"columns": "full"}})
    return {
        "title": "People",
        "path": "people",
        "type": "sections",
        "max_columns": 3,
        "sections": [*people, {"type": "grid", "cards": house}],
    }


def _heading(device: Json, icon: str) -> Json:
    return {"type": "heading", "heading": _name(device), "icon": icon}


def _cards(entities: Iterable[Json]) -> Iterator[Json]:
    """Yield a device's cards: its alerts, what sums them up, everything else it knows."""
    entities = list(entities)
    alerts, summary, details, last = [], {}, [], []
    for entity in entities:
        domain, key = _domain(entity), entity["translation_key"]
        if domain == "binary_sensor":
            alerts.append(_tile(entity, columns=12))
        elif domain == "event":
            last.append(_unless_unknown(entity) | _tile(entity, columns=12))
        elif domain == "sensor" and key in SUMMARY:
            summary[key] = _tile(entity, columns=6)
        elif domain == "sensor":
            known = {"condition": "state", "entity": entity["entity_id"], "state_not": "unknown"}
            details.append({"type": "conditional", "conditions": [known], "row": _row(entity)})
        else:
            details.append(_row(entity))
    yield from alerts
    if summary:
        yield {"type": "markdown", "content": _told(entities), "grid_options": {"columns": "full"}}
    yield from (summary[key] for key in SUMMARY if key in summary)
    yield {"type": "entities", "entities": details}
    yield from last


def _told(entities: Iterable[Json]) -> str:
    """Return the template that tells a person's alerts: what, how bad, when observed and how long ago."""
    ids = {(_domain(entity), entity["translation_key"]): entity["entity_id"] for entity in entities}
    trends = {
        entity_id: ids["sensor", f"{key}_status"]
        for (domain, key), entity_id in ids.items()
        if domain == "binary_sensor"
    }
    return TOLD.replace("TRENDS", str(trends))


def _unless_unknown(entity: Json) -> Json:
    """Return what keeps a card away as long as its entity has nothing to show."""
    known = {"condition": "state", "entity": entity["entity_id"], "state_not": "unknown"}
    return {"visibility": [known]}


def _tile(entity: Json, *, columns: int) -> Json:
    """Return a tile card, `columns` of a section's twelve wide."""
    return _row(entity) | {"type": "tile", "grid_options": {"columns": columns}}


def _row(entity: Json) -> Json:
    """Return what names an entity in a card: without its device, which is in the heading."""
    return {"entity": entity["entity_id"], "name": {"type": "entity"}}


def _domain(entity: Json) -> str:
    return str(entity["entity_id"].partition(".")[0])


def _name(device: Json) -> str:
    return str(device["name_by_user"] or device["name"])
