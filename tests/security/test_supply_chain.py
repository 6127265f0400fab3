"""What is taken from others: pinned, and nothing of it at run time that Home Assistant does not bring itself."""

import ast
import json
from pathlib import Path
import re
import sys

import homeassistant
from packaging.requirements import Requirement
import pytest

from tests.test_structure import COMPONENT, ROOT, modules

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_nothing_is_installed_but_what_home_assistants_own_integrations_use() -> None:
    """One library, in a version that its constraints allow: an installation that has it downloads nothing."""
    manifest = json.loads((COMPONENT / "manifest.json").read_text())
    constraints = Path(homeassistant.__file__).with_name("package_constraints.txt")
    lowest = {
        one.name: one.specifier
        for line in constraints.read_text().splitlines()
        if line and not line.startswith(("#", "-"))
        for one in [Requirement(line)]
    }
    (wanted,) = map(Requirement, manifest["requirements"])
    assert wanted.name == "mashumaro"
    assert all(wanted.specifier.contains(one.version) for one in lowest[wanted.name])
    assert lowest[wanted.name]


def test_nothing_is_imported_that_is_not_declared() -> None:
    declared = {"homeassistant", "voluptuous", "mashumaro", "aiohttp", "yarl", "orjson"}
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [one.name for one in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                first = name.split(".")[0]
                assert first in declared or first in sys.stdlib_module_names, (path, name)


def test_nothing_is_run_that_was_read() -> None:
    """No code is made of text, and nothing is unpickled."""
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name(id="eval" | "exec" | "compile" | "__import__")):
                    pytest.fail(f"{path}: {ast.unparse(node)}")
                case ast.Import(names=names):
                    assert not {one.name for one in names} & {"pickle", "marshal", "subprocess"}
                case ast.Call(func=ast.Name(id="Template") | ast.Attribute(attr="Template")):
                    pytest.fail(f"{path}: {ast.unparse(node)}")


def test_what_tests_and_builds_use_is_pinned_with_its_hash() -> None:
    for lock in ("requirements.lock", "benchmarks.lock"):
        lines = (ROOT / lock).read_text().replace("\\\n", " ").splitlines()
        pinned = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
        assert pinned
        for line in pinned:
            assert re.match(r"[\w.\[\]-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line), line
    packages = json.loads((ROOT / "frontend" / "package-lock.json").read_text())["packages"]
    ours = packages.pop("")
    assert all(one["integrity"].startswith("sha512-") for one in packages.values())
    versions = {**ours["devDependencies"], **ours.get("dependencies", {})}.values()
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", one) for one in versions)
    assert "ignore-scripts=true" in (ROOT / "frontend" / ".npmrc").read_text()


def test_the_browser_part_is_built_anew_and_compared_on_every_run() -> None:
    scripts = json.loads((ROOT / "frontend" / "package.json").read_text())["scripts"]
    assert "node build.js --check" in scripts["lint"]
    assert "in_frontend lint || status=1" in (ROOT / "scripts" / "lint").read_text()
    assert "scripts/test" in (ROOT / ".github" / "workflows" / "tests.yml").read_text()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_uses_what_it_was_looked_at_with_and_may_little(path: Path) -> None:
    text = path.read_text()
    for used in re.findall(r"\buses:\s*(\S+)", text):
        assert used.startswith("./") or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used), used
    assert re.search(r"^permissions:(\n  contents: read| \{\})$", text, re.MULTILINE)
    assert "pull_request_target" not in text
    assert not re.search(r"run:.*\$\{\{\s*github\.(event|head_ref)", text)
