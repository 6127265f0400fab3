"""What the documentation has from the code: written between marks, in the pages under docs/.

    <!-- from the code: action snooze -->
    ...
    <!-- end -->

`python -m scripts.docs` writes all of it anew; a test fails while a page is not what it would write. What is there comes
from the descriptions that Home Assistant reads: the translations, services.yaml, triggers.yaml, conditions.yaml, and the
descriptions of the entities. Everything else on a page is a person's.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
import json
import os
from pathlib import Path
import re
from types import SimpleNamespace
from typing import Any, Final, cast

from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity import EntityDescription
from homeassistant.util.yaml import load_yaml_dict
import voluptuous as vol

from custom_components.care_alerts.alerts.freshness import Status
from custom_components.care_alerts.button import ACKNOWLEDGE_ALL, REFRESH, TEST_ALERT
from custom_components.care_alerts.condition import CONDITIONS
from custom_components.care_alerts.const import DOMAIN
from custom_components.care_alerts.select import PROFILE
from custom_components.care_alerts.sensor import LAST_ALERT, SOURCE_SENSORS, SUMMARY
from custom_components.care_alerts.services import async_setup_actions
from custom_components.care_alerts.sources import SOURCES
from custom_components.care_alerts.trigger import TRIGGERS

from .real_home import ROOT

DOCS: Final = ROOT / "docs"
COMPONENT: Final = ROOT / "custom_components" / DOMAIN
BEGIN, END = "<!-- from the code: ", "<!-- end -->"
BLOCK: Final = re.compile(
    rf"^{re.escape(BEGIN)}(?P<name>.+?) -->\n.*?^{re.escape(END)}$", re.DOTALL | re.MULTILINE
)

type Described = dict[str, dict[str, Any]]
type Links = Callable[[str], str]
"""Makes the address of a page or heading under docs/, as seen from the page that is written."""


@cache
def texts() -> dict[str, Any]:
    """Return the English texts."""
    read: dict[str, Any] = json.loads((COMPONENT / "translations" / "en.json").read_text())
    return read


@cache
def described(kind: str) -> Described:
    """Return what services.yaml, triggers.yaml or conditions.yaml describes, without what they only share."""
    read = load_yaml_dict(str(COMPONENT / f"{kind}.yaml"))
    return {key: one or {} for key, one in read.items() if not key.startswith(".")}


def table(*head: str, rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield the lines of a table; a bar in a cell would end it."""
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(' '.join(cell.replace('|', chr(92) + '|').split()) for cell in row)} |"


def anchor(text: str) -> str:
    """Return the anchor that GitHub and the site make of a heading."""
    return re.sub(r"[^\w\- ]", "", text.replace("`", "").lower()).replace(" ", "-")


def blanks(text: str) -> str:
    """Write a text that has to stay short with its placeholders left open."""
    return re.sub(r"\{\w+\}", "…", text)


# What may be given


def values(selector: dict[str, Any], links: Links) -> str:
    """Say what a selector takes."""
    [(kind, config)] = selector.items()
    config = config or {}
    match kind:
        case "boolean":
            return "`true` or `false`"
        case "select" if config.get("translation_key") == "alert_types":
            of_them = "any of the" if config.get("multiple") else "one of the"
            return f"{of_them} [alert types]({links('events.md#alert-types')})"
        case "select":
            options = ", ".join(f"`{one}`" for one in config["options"])
            return f"any of {options}" if config.get("multiple") else options
        case "number":
            unit = config.get("unit_of_measurement", "")
            return f"{config['min']} to {config['max']} {unit}".strip()
        case "duration":
            return "a duration"
        case "color_rgb":
            return "`[red, green, blue]`"
        case "entity":
            return f"an entity of `{config['filter']['domain']}`"
        case "datetime":
            return "a date with a time"
        case "text" if config.get("multiple"):
            return "a list of texts"
    return f"a {kind}"


@cache
def schemas(kind: str) -> dict[str, vol.Schema]:
    """Return what actions, triggers or conditions are held against."""
    if kind == "services":
        found: dict[str, vol.Schema] = {}

        def register(_: str, name: str, __: Any, *, schema: vol.Schema, **___: Any) -> None:
            found[name] = schema

        services = SimpleNamespace(async_register=register)
        async_setup_actions(cast("HomeAssistant", SimpleNamespace(services=services)))
        return found
    classes: Mapping[str, Any] = TRIGGERS if kind == "triggers" else CONDITIONS
    return {key: vol.Schema(one._SCHEMA.schema["options"]) for key, one in classes.items()}  # noqa: SLF001


def markers(schema: Any) -> dict[str, vol.Marker]:
    """Return the keys of a schema: Home Assistant wraps an action's in Schema(All(Schema(keys), has a target))."""
    while not isinstance(schema, dict):
        schema = schema.validators[0] if hasattr(schema, "validators") else schema.schema
    return {str(key): key for key in schema if isinstance(key, vol.Marker)}


def if_not_given(marker: vol.Marker, proposed: Any) -> str:
    """Say what is so if an option is left out; `proposed`: what the form begins with."""
    if isinstance(marker, vol.Required):
        return "needed"
    if not isinstance(marker, vol.Optional) or isinstance(marker.default, vol.Undefined):
        return ""
    if proposed is None:
        return ""
    return f"`{json.dumps(proposed)}`".replace('"', "")


def fields(kind: str, key: str, links: Links) -> Iterator[str]:
    """Yield the table of what an action, a trigger or a condition can be told."""
    there: Described = described(kind)[key].get("fields") or {}
    if not there:
        return
    said = texts()[kind][key]["fields"]
    known = markers(schemas(kind)[key])
    yield from table(
        *("Option", "In YAML", "Takes", "If not given"),
        rows=(
            (
                f"**{said[name]['name']}**: {said[name]['description']}",
                f"`{name}`",
                values(field["selector"], links),
                if_not_given(known[name], field.get("default")),
            )
            for name, field in there.items()
        ),
    )


def aims(kind: str, key: str) -> str:
    """Say what the target of an action can be."""
    target = described(kind)[key].get("target")
    if not target:
        return "It has no target."
    entities = target["entity"] if isinstance(target["entity"], list) else [target["entity"]]
    if entities == [{"integration": DOMAIN}]:
        return "Its target is people, sources or single alerts."
    words = {"light": "lights", "media_player": "media players", "notify": "notify entities"}
    kinds = [words[one["domain"]] for one in entities]
    return f"Its target is {' and '.join((['phones'] if 'device' in target else []) + kinds)}."


def one_of(kind: str, key: str, links: Links) -> Iterator[str]:
    """Yield what is said of an action, a trigger or a condition, and what it can be told."""
    yield texts()[kind][key]["description"]
    if kind == "services":
        yield ""
        yield aims(kind, key)
    if lines := list(fields(kind, key, links)):
        yield ""
        yield from lines


def overview(kind: str, links: Links) -> Iterator[str]:
    """Yield the table of all actions, triggers or conditions."""
    folder = {"services": "actions.md#{}", "triggers": "triggers/{}.md"}
    address = folder.get(kind, "conditions/{}.md")
    yield from table(
        *("Name", "In YAML", ""),
        rows=(
            (
                f"[{text['name']}]({links(address.format(key if kind != 'services' else anchor(text['name'])))})",
                f"`{DOMAIN}.{key}`",
                f"{text['description'].partition('. ')[0].rstrip('.')}.",
            )
            for key, text in sorted(texts()[kind].items(), key=lambda one: one[1]["name"])
        ),
    )


# Entities


def whose() -> dict[tuple[str, str], tuple[list[str], EntityDescription | None]]:
    """Return, for every entity by its platform and key, what it belongs to and its description, if it has one."""
    found: dict[tuple[str, str], tuple[list[str], EntityDescription | None]] = {}

    def add(platform: str, of: str, *entities: EntityDescription | str) -> None:
        for one in entities:
            key, description = (one, None) if isinstance(one, str) else (one.key, one)
            found.setdefault((platform, key), ([], description))[0].append(of)

    add("binary_sensor", "source", "silent")
    add("sensor", "source", *SOURCE_SENSORS)
    add("button", "source", REFRESH, TEST_ALERT)
    add("event", "person", "alert")
    add("binary_sensor", "person", "silent")
    add("sensor", "person", LAST_ALERT, *SUMMARY)
    add("button", "person", ACKNOWLEDGE_ALL)
    for source in SOURCES.values():
        of = f"person, {source.name}"
        add("binary_sensor", of, *source.alert_types)
        add("sensor", of, *source.person_sensors)
        add("number", of, *source.person_numbers)
        add("switch", of, *source.person_switches)
        if source.settings_keeper:
            add("select", of, PROFILE)
    for platform, entities in texts()["entity"].items():
        for key in entities:
            if (platform, key) not in found:
                add(platform, "household", key)
    return found


def unit_of(description: EntityDescription | None) -> str:
    """Return the unit that a description names."""
    return str(getattr(description, "native_unit_of_measurement", None) or "")


def entities(_: Links) -> Iterator[str]:
    """Yield the table of all entities."""
    belongs = whose()

    def shows(platform: str, key: str) -> str:
        description = belongs[platform, key][1]
        if states := texts()["entity"][platform][key].get("state"):
            return ", ".join(f"{name} (`{state}`)" for state, name in states.items())
        kinds = (getattr(description, "device_class", None), unit_of(description))
        return ", ".join(str(one).replace("_", " ") for one in kinds if one)

    def of(platform: str, key: str) -> str:
        owners, description = belongs[platform, key]
        off = description is not None and not description.entity_registry_enabled_default
        names = [one.removeprefix("person, ") for one in owners]
        shared = ["person" if one.startswith("person, ") else one for one in owners]
        listed = ", ".join(dict.fromkeys(shared))
        if vendors := [name for name, owner in zip(names, owners, strict=True) if name != owner]:
            listed += f" ({', '.join(vendors)})"
        return f"{listed}{'; off until you enable it' if off else ''}"

    yield from table(
        *("Entity", "Kind", "Key", "Of a", "Shows"),
        rows=(
            (
                blanks(text["name"]),
                f"`{platform}`",
                f"`{key}`",
                of(platform, key),
                shows(platform, key),
            )
            for platform, named in texts()["entity"].items()
            for key, text in named.items()
        ),
    )


def alert_types(_: Links) -> Iterator[str]:
    """Yield the table of the types of alerts."""
    yield from table(
        *("Type", "Name", "Of"),
        rows=(
            (
                f"`{key}`",
                name,
                ", ".join(one.name for one in SOURCES.values() if key in one.alert_types)
                or "whatever a newer API may send",
            )
            for key, name in texts()["selector"]["alert_types"]["options"].items()
        ),
    )


# Forms


def form(path: str, _: Links) -> Iterator[str]:
    """Yield the table of a form's fields; `path` is where its texts are."""
    text: Any = texts()
    for part in path.split("."):
        text = text[part]
    rows: list[tuple[str, str, str]] = [
        (name, f"`{key}`", text["data_description"][key])
        for key, name in text.get("data", {}).items()
    ]
    for key, one in text.get("fields", {}).items():
        rows.append((one["name"], f"`{key}`", one["description"]))
    for section in text.get("sections", {}).values():
        rows += [
            (f"{section['name']}: {name}", f"`{key}`", section["data_description"][key])
            for key, name in section["data"].items()
        ]
    yield from table("Field", "Name in code", "What to enter", rows=rows)


# What may be wrong


def filled(text: str) -> str:
    """Write a text with its placeholders as people read them."""
    return re.sub(r"\{(\w+)\}", lambda found: f"*{found[1].replace('_', ' ')}*", text)


def repairs(_: Links) -> Iterator[str]:
    """Yield what each repair says: what it is, and the way out."""
    for key, issue in texts()["issues"].items():
        yield f"#### {blanks(issue['title'])}"
        yield ""
        if description := issue.get("description"):
            yield filled(description)
        else:
            first = next(iter(issue["fix_flow"]["step"].values()))
            yield filled(first["description"].replace("{problem}", "")).strip()
        yield ""
        yield f"<sub>`{key}`</sub>"
        yield ""


def messages(said: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield the table of messages, each with its key."""
    rows = dict.fromkeys((filled(text), f"`{key}`") for key, text in said)
    yield from table("It says", "Key", rows=rows)


def said_by_flows(kind: str) -> Iterator[tuple[str, str]]:
    """Yield what all flows say of a kind (`error` or `abort`), with its key."""
    flows = [texts()["config"], texts()["options"], *texts()["config_subentries"].values()]
    flows += [issue.get("fix_flow", {}) for issue in texts()["issues"].values()]
    for flow in flows:
        for key, text in flow.get(kind, {}).items():
            yield key, text.removeprefix("{where}")


def refusals(kind: str, _: Links) -> Iterator[str]:
    """Yield why a form does not go on (`error`), or a flow ends (`abort`)."""
    yield from messages(said_by_flows(kind))


def exceptions(_: Links) -> Iterator[str]:
    """Yield what actions and buttons say when they fail."""
    yield from messages((key, one["message"]) for key, one in texts()["exceptions"].items())


def statuses(_: Links) -> Iterator[str]:
    """Yield what the status can be."""
    names = texts()["entity"]["sensor"]["status"]["state"]
    yield from table("Status", "Key", rows=((names[one], f"`{one}`") for one in Status))


# Pages


def block(name: str, links: Links) -> str:
    """Return what stands between the marks of a block.

    Raises:
        KeyError: nothing of that name is described.

    """
    kind, _, what = name.partition(" ")
    of_one = {"action": "services", "trigger": "triggers", "condition": "conditions"}
    of_all = {f"{one}s": many for one, many in of_one.items()}
    if kind in of_one:
        lines = one_of(of_one[kind], what, links)
    elif kind in of_all:
        lines = overview(of_all[kind], links)
    elif kind == "form":
        lines = form(what, links)
    elif kind == "refusals":
        lines = refusals(what, links)
    else:
        lines = {
            "entities": entities,
            "alert-types": alert_types,
            "repairs": repairs,
            "exceptions": exceptions,
            "statuses": statuses,
        }[kind](links)
    return "\n".join(lines).rstrip()


def written(page: Path) -> str:
    """Return a page as it should be, its blocks written anew."""

    def links(address: str) -> str:
        path, hash_, heading = address.partition("#")
        target = DOCS / path
        if target == page:
            return f"{hash_}{heading}"
        return f"{os.path.relpath(target, page.parent)}{hash_}{heading}"

    return BLOCK.sub(
        lambda found: f"{BEGIN}{found['name']} -->\n\n{block(found['name'], links)}\n\n{END}",
        page.read_text(),
    )


def pages() -> list[Path]:
    """Return the pages of the site."""
    return sorted(DOCS.rglob("*.md"))


def blocks() -> Iterator[str]:
    """Yield the names of all blocks there are."""
    for page in pages():
        yield from (found["name"] for found in BLOCK.finditer(page.read_text()))


def main() -> None:
    """Write what is from the code anew."""
    for page in pages():
        if (text := written(page)) != page.read_text():
            page.write_text(text)
            print(f"docs: wrote {page.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
