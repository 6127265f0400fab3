"""What Home Assistant and HACS ask of the files, and the arrows between our own: checked without a network.

hassfest and the HACS action check much of the same in CI; this finds it before.
"""

import ast
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
import re
import subprocess
import tomllib

from awesomeversion import AwesomeVersion
from homeassistant.const import Platform, __version__ as installed_version
from homeassistant.util.yaml import load_yaml_dict
from PIL import Image
import pytest

from custom_components.care_alerts.alerts.testing import LASTS
from custom_components.care_alerts.const import DOMAIN

from .spoken import read_json

ROOT = Path(__file__).parent.parent
COMPONENT = ROOT / "custom_components" / DOMAIN
SOURCES_DIR = COMPONENT / "sources"
PUBLIC = "https://github.com/care-alerts/care-alerts"


@cache
def parsed(path: Path) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(path.read_text())


def modules() -> list[Path]:
    """Return the component's modules."""
    return sorted(COMPONENT.rglob("*.py"))


# Manifest and HACS


def test_manifest() -> None:
    manifest = read_json(COMPONENT / "manifest.json")
    allowed = """
        domain name after_dependencies bluetooth codeowners config_flow dependencies dhcp disabled documentation
        homekit import_executor integration_type iot_class issue_tracker loggers mqtt preview_features requirements
        single_config_entry ssdp usb version zeroconf
    """
    assert set(manifest) <= set(allowed.split())
    assert list(manifest) == ["domain", "name", *sorted(set(manifest) - {"domain", "name"})]
    assert manifest["domain"] == DOMAIN == COMPONENT.name
    assert manifest["config_flow"] is True
    assert manifest["integration_type"] == "service"
    assert manifest["iot_class"] == "cloud_polling"
    assert manifest["codeowners"] == ["@care-alerts"]
    assert manifest["documentation"] == PUBLIC
    assert manifest["issue_tracker"] == f"{PUBLIC}/issues"
    assert AwesomeVersion(manifest["version"]).valid
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert manifest["version"] == project["version"]


def test_dependencies_are_declared() -> None:
    manifest = read_json(COMPONENT / "manifest.json")
    declared = {*manifest.get("dependencies", ()), *manifest.get("after_dependencies", ())}
    # What hassfest lets every integration use, as far as we do; logbook.py is the logbook's own platform.
    granted = {*Platform, "diagnostics", "homeassistant", "logbook", "repairs", "system_health"}
    used = set()
    for path in modules():
        for name in imports(path):
            if name.startswith("homeassistant.components."):
                used.add(name.split(".")[2])
    assert used
    assert used - granted <= declared


def test_hacs() -> None:
    hacs = read_json(ROOT / "hacs.json")
    allowed = """
        name homeassistant hacs country content_in_root zip_release filename hide_default_branch persistent_directory
        render_readme
    """
    assert set(hacs) <= set(allowed.split())
    assert hacs["name"] == read_json(COMPONENT / "manifest.json")["name"]
    assert AwesomeVersion(hacs["homeassistant"]) <= AwesomeVersion(installed_version)
    assert hacs["zip_release"] is True
    release = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    assert f'gh release create "$TAG" {hacs["filename"]}' in release
    folders = {path.name for path in (ROOT / "custom_components").glob("*/")} - {"__pycache__"}
    assert folders == {DOMAIN}


@pytest.mark.parametrize(
    ("name", "width", "height"),
    [
        ("icon.png", 256, 256),
        ("icon@2x.png", 512, 512),
        ("logo.png", None, 128),
        ("logo@2x.png", None, 256),
    ],
)
def test_brand(name: str, width: int | None, height: int) -> None:
    with Image.open(COMPONENT / "brand" / name) as image:
        assert image.format == "PNG"
        assert image.size == (width or image.width, height)
        assert image.width >= height
        image.load()
        assert image.getchannel("A").getextrema()[0] == 0, "the background is transparent"


def test_brand_folder_has_nothing_else() -> None:
    names = {path.name for path in (COMPONENT / "brand").iterdir()}
    assert names == {"icon.png", "icon@2x.png", "logo.png", "logo@2x.png"}
    with (
        Image.open(COMPONENT / "brand" / "logo.png") as once,
        Image.open(COMPONENT / "brand" / "logo@2x.png") as twice,
    ):
        assert twice.width == 2 * once.width


@pytest.mark.parametrize("path", sorted((ROOT / ".github").rglob("*.yml")), ids=lambda p: p.name)
def test_github_files(path: Path) -> None:
    content = load_yaml_dict(str(path))
    if path.parent.name == "workflows":
        assert "permissions" in content, "every workflow says how little it may do"
        assert content["jobs"]
        # What somebody else's name stands for may change; a commit does not. Of which version it is, is said beside it.
        used = re.findall(r"uses: (?!\./)(.+)", path.read_text())
        assert [one for one in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # .+", one)] == []
    elif path.name in {"bug.yml", "idea.yml"}:
        assert {"name", "description", "body"} <= set(content)
        ids = [field["id"] for field in content["body"] if field["type"] != "markdown"]
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "path",
    [*sorted(COMPONENT.rglob("*.yaml")), *sorted((ROOT / "blueprints").rglob("*.yaml"))],
    ids=lambda path: path.stem,
)
def test_home_assistant_reads_our_files_without_a_warning(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert load_yaml_dict(str(path))
    assert caplog.messages == []


# Descriptions


def test_a_test_alert_is_offered_as_long_as_it_lasts() -> None:
    fields = load_yaml_dict(str(COMPONENT / "services.yaml"))["send_test_alert"]["fields"]
    assert timedelta(**fields["duration"]["default"]) == LASTS


# Arrows


def imports(path: Path) -> Iterator[str]:
    """Yield the absolute names of what a module imports."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            source = ".".join((*base, *(node.module or "").split("."))).rstrip(".")
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


def module_of(path: Path) -> str:
    """Return the absolute name of a module."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


# What decides what a house does. The rest of responses/ does it, with Home Assistant.
RESPONSES_DIR = COMPONENT / "responses"
PURE_RESPONSES = [
    RESPONSES_DIR / f"{name}.py"
    for name in (
        "__init__",
        "answers",
        "due",
        "duty",
        "evidence",
        "fields",
        "log",
        "message",
        "morning",
        "news",
        "notification",
        "plan",
        "plan_data",
        "report",
        "screens",
        "steps",
        "wording",
    )
]
# They know Home Assistant: the coordinator and what it is made of, and of a vendor's how it is set up and known there.
OF_HOME_ASSISTANT = {
    *(f"{name}.py" for name in ("announcer", "care", "coordinator", "errors", "glucose")),
    *(f"{name}.py" for name in ("identifiers", "issues", "signals", "source_type")),
    *(f"{name}.py" for name in ("store", "targets", "__init__")),
    *(
        f"{vendor}/{name}.py"
        for vendor in ("lumen", "dexcom", "tidepool")
        for name in ("flow", "source_type")
    ),
    "dexcom/oauth.py",
    "tidepool/profile_flow.py",
    "banners.py",
    "profiles.py",
    "replaying.py",
    "setting_field.py",
    "setting_text.py",
    "servers.py",
}
INDEPENDENT = [
    *sorted((COMPONENT / "alerts").rglob("*.py")),
    *PURE_RESPONSES,
    *sorted(
        path
        for path in SOURCES_DIR.rglob("*.py")
        if str(path.relative_to(SOURCES_DIR)) not in OF_HOME_ASSISTANT
    ),
]

# They ask for the time: a network takes long, and what a token or an answer is worth depends on it.
WITH_A_CLOCK = {"http.py", "api.py", "session.py", "source.py", "asking.py", "thresholds.py"}
PURE = [path for path in INDEPENDENT if path.name not in WITH_A_CLOCK]


@pytest.mark.parametrize("path", INDEPENDENT, ids=lambda path: str(path.relative_to(COMPONENT)))
def test_imports_nothing_of_home_assistant(path: Path) -> None:
    """Neither itself nor by what it imports of ours."""
    impure = {module_of(other) for other in modules() if other not in INDEPENDENT}
    wrong = {
        name for name in imports(path) if name in impure or name.split(".")[0] == "homeassistant"
    }
    assert not wrong


def test_arrows_point_one_way() -> None:
    ours = f"custom_components.{DOMAIN}"
    shared = f"{ours}.const"
    for path in modules():
        layer = path.relative_to(COMPONENT).parts[0]
        used = {name for name in imports(path) if name.startswith(f"{ours}.")}
        if layer == "alerts":
            allowed: tuple[str, ...] = (f"{ours}.alerts",)
        elif layer == "sources":
            allowed = (f"{ours}.alerts", f"{ours}.sources", shared)
        elif path in PURE_RESPONSES:
            # Of the package, too, only what is pure.
            pure = {module_of(other) for other in PURE_RESPONSES if other.stem != "__init__"}
            allowed = (f"{ours}.alerts", *pure)
        elif layer == "responses":
            allowed = (f"{ours}.alerts", f"{ours}.sources", f"{ours}.responses", shared)
        else:
            continue
        wrong = {
            name for name in used if not (name + ".").startswith(tuple(f"{a}." for a in allowed))
        }
        assert not wrong, path.relative_to(COMPONENT)


SOURCES = {path.parent.name for path in SOURCES_DIR.glob("*/api.py")}


def sources_named(path: Path) -> set[str]:
    """Return the sources of which a module imports something."""
    package = f"{module_of(SOURCES_DIR)}."
    return SOURCES & {name.removeprefix(package).split(".")[0] for name in imports(path)}


def test_what_is_kept_is_a_data_class_with_slots() -> None:
    """Its reading and writing are made when such a class is made for the second time: of another there would be none."""
    kept = [
        node
        for path in modules()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef) and "Stored" in map(ast.unparse, node.bases)
    ]
    assert len(kept) > 20
    for node in kept:
        [decorator] = map(ast.unparse, node.decorator_list)
        assert decorator.startswith("dataclass("), node.name
        assert "slots=True" in decorator, node.name


def test_sources_do_not_know_each_other() -> None:
    assert SOURCES
    for source in SOURCES:
        for path in (SOURCES_DIR / source).rglob("*.py"):
            assert sources_named(path) <= {source}, path.relative_to(COMPONENT)


# Home Assistant asks a domain for its OAuth2 servers: only one source has any.
MAY_NAME_SOURCES = {"application_credentials.py", "sources/__init__.py"}
# To be mended: strike out what no longer does.
STILL_NAME_SOURCES = {"config_flow.py"}


def test_only_the_registry_names_sources() -> None:
    naming = {
        str(path.relative_to(COMPONENT))
        for path in modules()
        if sources_named(path) and path.parent not in {SOURCES_DIR / name for name in SOURCES}
    }
    assert naming == MAY_NAME_SOURCES | STILL_NAME_SOURCES


def test_config_entries_are_typed() -> None:
    """By what they run; those of others say so (`ConfigEntry[Any]`)."""
    for path in modules():
        tree = parsed(path)
        typed = {node.value for node in ast.walk(tree) if isinstance(node, ast.Subscript)}
        bare = [
            node.lineno
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and node.id == "ConfigEntry" and node not in typed
        ]
        assert bare == [], path.relative_to(COMPONENT)


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(COMPONENT)))
def test_has_no_clock(path: Path) -> None:
    clocks = {"now", "utcnow", "today", "time", "monotonic"}
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in clocks, f"line {node.lineno}"


# Every file


def files() -> Iterator[Path]:
    """Yield the files of the checkout that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    yield from (
        path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()
    )


def test_no_file_names_somebodys_machine() -> None:
    paths = re.compile(r"(?<![\w.}-])/(?:home|root|Users|work)/\w")
    found = []
    for path in files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in paths.finditer(text)]
    assert found == []


def test_people_are_invented() -> None:
    mail = re.compile(r"[\w.+-]+@((?:[\w-]+\.)+[a-z]{2,})\b", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in files()
        if path.suffix in {".py", ".md", ".yaml", ".yml", ".json", ".toml"}
        for match in mail.finditer(path.read_text())
        if not re.search(r"(^|\.)example\.(com|org|net)$", match[1].lower())
        and not match[0].endswith(".png")
    ]
    assert found == []
