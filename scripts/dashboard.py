"""The demo's dashboard: a view for each source with a section for each person, made of what the registries hold."""

from collections.abc import Iterable, Iterator
from typing import Final

from scripts.real_home import Json, RealHome

URL_PATH: Final = "care-alerts"

SUMMARY: Final = ("highest_severity", "active_alerts", "last_alert", "last_alert_time")
"""Translation keys of the sensors that every person has, whatever the source."""

GLUCOSE: Final = ("glucose", "glucose_trend")
"""Translation keys of the sensors that mean little without the time at which they were observed."""

KINDS: Final = ("urgent_low", "low", "high", "no_communication", "not_looping")
"""The alerts that a person's settings are for, in the order of their card."""

SETTINGS: Final = ("", "threshold", "delay", "repeat")
"""What can be set for an alert, in that order; first whether it is wanted."""

NIGHT_HOURS: Final = 48
"""How far back a night's alerts are shown: two nights, for the last one may not be known yet."""

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

HEARD: Final = """\
{% set found = namespace(alerts=[]) %}
{% for alert in heard.alerts %}
{% set details = alert.details %}
{% set mg_dl = details.get('glucose_mg_dl', details.get('value_mg_dl')) %}
{% set mmol_l = details.get('glucose_mmol_l', details.get('value_mmol_l')) %}
{% set found.alerts = found.alerts + [{
  'type': alert.alert_type, 'severity': alert.severity, 'state': alert.state,
  'observed_at': alert.observed_at | string,
  'mg_dl': mg_dl if mg_dl is number else mmol_l * 18 if mmol_l is number else none,
  'out_of_range': details.get('glucose_out_of_range', details.get('out_of_range')),
  'trend': details.get('glucose_trend'),
}] %}
{% endfor %}
{{ found.alerts }}
"""
"""What is kept of the answer of `care_alerts.get_alerts`: a row of the table is made of these."""

NIGHT: Final = """\
{% set names = NAMES %}
{% set judged = JUDGED %}
{% set colours = {'high': '#c62828', 'medium': '#e65100'} %}
{% set alerts = state_attr('HEARD', 'alerts') %}
{% set mmol = state_attr('GLUCOSE', 'unit_of_measurement') == 'mmol/L' %}
{% macro at(time, form='%a %H:%M') %}{{ (time | as_datetime | as_local).strftime(form) }}{% endmacro %}
{% macro ago(time, units=1) %}{{ time_since(time | as_datetime, units) }} ago{% endmacro %}
{% macro glucose(alert) -%}
{%- if alert.mg_dl is number -%}
{{ {'low': 'below ', 'high': 'above '}.get(alert.out_of_range, '') }}\
**{{ (alert.mg_dl / 18.016) | round(1) if mmol else alert.mg_dl | round | int }}** \
{{ 'mmol/L' if mmol else 'mg/dL' }}<br>{{ (alert.trend or '') | replace('_', ' ') }}
{%- else -%}no value{%- endif -%}
{%- endmacro %}
{% if alerts is not list %}
Nothing is known: the source has not spoken.
{% elif not alerts %}
No alert of the last HOURS hours is known. That is no all-clear.
{% else %}
Alerts of the last HOURS hours that are known, newest first.

| Alert | Observed | Glucose then | And then |
|:--|:--|:--|:--|
{% for alert in alerts | reverse -%}
{% set same = alerts | selectattr('type', 'eq', alert.type) | list -%}
{% set before = same | selectattr('observed_at', 'lt', alert.observed_at) | map(attribute='state') | list -%}
{% set after = same | selectattr('observed_at', 'gt', alert.observed_at) | list -%}
{% set goes_on = alert.state == 'snoozed' and before and before[-1] in ('active', 'snoozed') -%}
{% if alert.state != 'ended' and not goes_on -%}
{% set ends = after | selectattr('state', 'eq', 'ended') | map(attribute='observed_at') | list -%}
| **{{ names[alert.type] }}**<br>\
<font color="{{ colours.get(alert.severity, '') }}">{{ alert.severity }} severity</font> \
| {{ at(alert.observed_at) }}<br>{{ ago(alert.observed_at, 2) }} \
| {{ glucose(alert) }} \
| {% if after and after[0].state == 'snoozed' %}snoozed {{ at(after[0].observed_at, '%H:%M') }}<br>{% endif %}\
{% if ends %}over {{ at(ends[0], '%H:%M') }}
{%- elif alert.type not in judged %}nothing heard
{%- elif after %}told again
{%- elif is_state_attr(judged[alert.type], 'stale', true) %}not known
{%- else %}{{ {'on': 'goes on', 'off': 'over'}.get(states(judged[alert.type]), 'not known') }}
{%- endif %} |
{% endif -%}
{% endfor %}
{% endif %}

{% if has_value('THROUGH') %}
WHOSE reach to **{{ at(states('THROUGH')) }}**, {{ ago(states('THROUGH')) }}. \
What has happened since is not known here.
{% endif %}
"""
"""The table of a night: a row for each run of records of a type that says when it was observed, how old that is,
and the glucose at the time."""

NO_SETTINGS: Final = """\
There are **no alert thresholds** yet, so nothing is judged and no alert will come. \
[A repair](/config/repairs) proposes some.
"""

ABOUT: Final = """\
## Care Alerts demo

Everybody here is **invented**. A simulator on this computer plays the health service; nothing leaves the house.

**Care Alerts is not a medical device.** What you see is late: Lumen by a day, Dexcom by an hour or three, \
Tidepool by what its uploader takes. No alert here means that none was heard of, not that somebody is well. \
In an emergency call for help.
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
    devices = sorted(await home.devices(), key=_name)
    entities = [
        entity
        for entity in await home.entities("care_alerts")
        if not entity["disabled_by"] and not entity["hidden_by"]
    ]
    nights = await _listen(home, devices, entities)
    ours = {entity["device_id"] for entity in entities}
    devices = [device for device in devices if device["id"] in ours]
    views = [
        _view(
            source,
            [device for device in devices if device["manufacturer"] == source],
            entities,
            nights,
        )
        for source in sorted({device["manufacturer"] for device in devices})
    ]
    await home.ws(
        {"type": "lovelace/config/save", "url_path": URL_PATH, "config": {"views": views}}
    )
    return f"{home.url}/{URL_PATH}"


async def _listen(
    home: RealHome, devices: Iterable[Json], entities: Iterable[Json]
) -> dict[str, str]:
    """Have the alerts of each wearer's night kept in a template sensor, for cards cannot ask for them.

    Return the cards' templates by device.
    """
    sensors: list[Json] = []
    nights: dict[str, str] = {}
    for device in devices:
        own = _by_key(entity for entity in entities if entity["device_id"] == device["id"])
        if (glucose := own.get(("sensor", "glucose"))) is None:
            continue
        source = _by_key(
            entity for entity in entities if entity["device_id"] == device["via_device_id"]
        )
        if own_reach := own.get(("sensor", "last_reading")):
            through, whose = own_reach["entity_id"], f"{_name(device)}'s readings"
        else:
            through = source["sensor", "data_through"]["entity_id"]
            whose = f"{device['manufacturer']}'s data"
        heard = f"sensor.night_of_{device['id']}"
        sensors.append(
            _night_sensor(device, heard, [own["sensor", "last_alert"]["entity_id"], through])
        )
        alerts = {key: entity for (domain, key), entity in own.items() if domain == "binary_sensor"}
        # No source tells the end of what is judged here, but its sensor does.
        judged = {
            key: entity["entity_id"]
            for key, entity in alerts.items()
            if ("sensor", "last_reading") in own
        }
        names = {
            key: entity["original_name"].removesuffix(" alert") for key, entity in alerts.items()
        } | {"other": "Other"}
        nights[device["id"]] = (
            NIGHT.replace("NAMES", str(names))
            .replace("JUDGED", str(judged))
            .replace("HEARD", heard)
            .replace("GLUCOSE", glucose["entity_id"])
            .replace("THROUGH", through)
            .replace("WHOSE", whose)
            .replace("HOURS", str(NIGHT_HOURS))
        )
    home.write_yaml("templates.yaml", sensors)
    await home.post("/api/services/template/reload")
    return nights


def _night_sensor(device: Json, entity_id: str, changes: list[str]) -> Json:
    """Return a template sensor that asks for a wearer's alerts whenever one of `changes` does."""
    return {
        "triggers": [
            {"trigger": "homeassistant", "event": "start"},
            {"trigger": "event", "event_type": "event_template_reloaded"},
            {"trigger": "state", "entity_id": changes},
        ],
        "actions": [
            {
                "action": "care_alerts.get_alerts",
                "target": {"device_id": device["id"]},
                "data": {"start": f"{{{{ now() - timedelta(hours={NIGHT_HOURS}) }}}}"},
                "response_variable": "heard",
            }
        ],
        "sensor": [
            {
                "name": f"{_name(device)}'s night",
                "default_entity_id": entity_id,
                "unique_id": f"night_of_{device['id']}",
                "state": "{{ heard.alerts | count }}",
                "attributes": {"alerts": HEARD},
            }
        ],
    }


def _view(
    source: str, devices: Iterable[Json], entities: Iterable[Json], nights: dict[str, str]
) -> Json:
    """Return the view of a kind of source: a section for each person, one for the sources, one for what this is."""
    people: list[Json] = []
    house: list[Json] = []
    columns = 3
    for device in devices:
        own = [entity for entity in entities if entity["device_id"] == device["id"]]
        if device["via_device_id"]:  # a person's device hangs under the source's
            night = nights.get(device["id"])
            settings = sorted(filter(_is_setting, own), key=_place_of_setting)
            others = [entity for entity in own if not _is_setting(entity)]
            cards = [_heading(device, "mdi:account-heart"), *_cards(others, night)]
            span = 2 if night and not settings else 1
            people.append({"type": "grid", "cards": cards, "column_span": span})
            if settings:
                people.append({"type": "grid", "cards": [*_settings_cards(device, settings)]})
                columns = 2
        else:
            house += [_heading(device, "mdi:cloud"), *_cards(own)]
    return {
        "title": source,
        "path": source.lower(),
        "type": "sections",
        "max_columns": columns,
        "sections": [
            *people,
            {"type": "grid", "cards": house},
            {"type": "grid", "cards": [_told(ABOUT)]},
        ],
    }


def _heading(device: Json, icon: str) -> Json:
    return {"type": "heading", "heading": _name(device), "icon": icon}


def _cards(entities: Iterable[Json], night: str | None = None) -> Iterator[Json]:
    """Yield a device's cards: its alerts, what sums them up, everything else it knows."""
    entities = list(entities)
    alerts, summary, glucose, details, last = [], {}, [], [], []
    for entity in entities:
        domain, key = _domain(entity), entity["translation_key"]
        if domain == "binary_sensor":
            alerts.append(_tile(entity, columns=12))
        elif domain == "event":
            last.append(_unless_unknown(entity["entity_id"]) | _tile(entity, columns=12))
        elif key in SUMMARY:
            summary[key] = _tile(entity, columns=6)
        elif key in GLUCOSE:
            shown = {"state_content": ["state", "observed_at"]}
            glucose.append(_tile(entity, columns=12) | shown)
        elif domain == "sensor":
            known = {"condition": "state", "entity": entity["entity_id"], "state_not": "unknown"}
            details.append({"type": "conditional", "conditions": [known], "row": _row(entity)})
        else:
            details.append(_row(entity))
    if night:
        yield _told(night)
        yield from glucose
        yield from alerts
    else:
        yield from alerts
        if summary:
            yield _told(_analysis(entities))
    yield from (summary[key] for key in SUMMARY if key in summary)
    if details:
        yield {"type": "entities", "entities": details}
    yield from last


def _settings_cards(person: Json, entities: list[Json]) -> Iterator[Json]:
    """Yield the card of a person's settings, and what is shown in its place as long as there are none."""
    yield {"type": "heading", "heading": f"{_name(person)}: alert thresholds", "icon": "mdi:tune"}
    number = next(entity["entity_id"] for entity in entities if _domain(entity) == "number")
    yield _unless_unknown(number) | {
        "type": "entities",
        "show_header_toggle": False,
        "entities": [_row(entity) for entity in entities],
    }
    none = {"condition": "state", "entity": number, "state": "unknown"}
    yield _told(NO_SETTINGS) | {"visibility": [none]}


def _is_setting(entity: Json) -> bool:
    return _domain(entity) in ("number", "switch")


def _place_of_setting(entity: Json) -> tuple[int, int]:
    """Return where a setting stands: by its alert, whether it is wanted before all else of it."""
    key = entity["translation_key"]
    kind, _, name = (key, "", "") if _domain(entity) == "switch" else key.rpartition("_")
    return KINDS.index(kind), SETTINGS.index(name)


def _told(content: str) -> Json:
    return {"type": "markdown", "content": content, "grid_options": {"columns": "full"}}


def _analysis(entities: Iterable[Json]) -> str:
    """Return the template that tells a person's alerts: what, how bad, when observed and how long ago."""
    known = _by_key(entities)
    trends = {
        entity["entity_id"]: known["sensor", f"{key}_status"]["entity_id"]
        for (domain, key), entity in known.items()
        if domain == "binary_sensor"
    }
    return TOLD.replace("TRENDS", str(trends))


def _by_key(entities: Iterable[Json]) -> dict[tuple[str, str], Json]:
    """Return entities by their domain and translation key."""
    return {(_domain(entity), entity["translation_key"]): entity for entity in entities}


def _unless_unknown(entity_id: str) -> Json:
    """Return what keeps a card away as long as its entity has nothing to show."""
    known = {"condition": "state", "entity": entity_id, "state_not": "unknown"}
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
