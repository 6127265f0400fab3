"""The way of one alert, as ARCHITECTURE.md writes it down: what each module takes and gives, followed through the imports."""

import ast
from functools import cache
from itertools import pairwise
from pathlib import Path
import re

import pytest

from .test_structure import COMPONENT, ROOT

TEXT = (ROOT / "ARCHITECTURE.md").read_text()
MODULES_AT_MOST, SHAPES_AT_MOST = 6, 4

type Step = tuple[str, str, str]
"""A module, the shape it takes and the shape it gives."""

ROW = re.compile(r"^\| \d \| `([^`]+)` \| (?:`(\w+)`)? ?\| `(\w+)` \|", re.MULTILINE)


def way(vendor: str = "lumen", record: str = "LumenAlert") -> list[Step]:
    """The steps of the table, for any vendor whose way is the same."""
    return [
        tuple(cell.replace("lumen", vendor).replace("LumenAlert", record) for cell in row)
        for row in ROW.findall(TEXT)
    ]


WAYS = [way(), way("dexcom", "DexcomAlert")]


@cache
def tree(path: Path) -> ast.Module:
    """A module as it is written."""
    return ast.parse(path.read_text())


def imported(path: Path) -> dict[str, Path]:
    """Where the names come from that a module imports of ours."""
    found: dict[str, Path] = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = path.parents[node.level - 1]
            target = folder.joinpath(*(node.module or "").split("."))
            for alias in node.names:
                module = target.with_suffix(".py")
                found[alias.asname or alias.name] = (
                    module if module.exists() else target / f"{alias.name}.py"
                )
    return found


def home_of(name: str, path: Path) -> Path | None:
    """The module that defines a name which another one uses, following its imports."""
    defined = {
        node.name for node in tree(path).body if isinstance(node, ast.ClassDef | ast.FunctionDef)
    }
    if name in defined:
        return path
    target = imported(path).get(name)
    return home_of(name, target) if target else None


def classes(path: Path) -> list[str]:
    """The classes that a module defines."""
    return [node.name for node in tree(path).body if isinstance(node, ast.ClassDef)]


def annotated(path: Path, *, returned: bool) -> set[str]:
    """The names in the signatures of a module's functions: of what they return, or of what they are given."""
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        given = [one.annotation for one in (*node.args.args, *node.args.kwonlyargs)]
        for annotation in [node.returns] if returned else given:
            if annotation:
                names |= {one.id for one in ast.walk(annotation) if isinstance(one, ast.Name)}
    return names


@pytest.mark.parametrize("steps", WAYS, ids=["lumen", "dexcom"])
def test_it_enters_few_modules_in_few_shapes(steps: list[Step]) -> None:
    assert 4 <= len(steps) <= MODULES_AT_MOST
    shapes = [shape for _, *both in steps for shape in both if shape]
    assert len(set(shapes)) <= SHAPES_AT_MOST
    for (_, _, gives), (_, takes, _) in pairwise(steps):
        assert gives == takes


@pytest.mark.parametrize("steps", WAYS, ids=["lumen", "dexcom"])
def test_each_module_takes_and_gives_what_is_written(steps: list[Step]) -> None:
    """By the signatures of its functions, and the same thing everywhere: its name leads to one module."""
    homes: dict[str, set[Path | None]] = {}
    for module, takes, gives in steps:
        path = COMPONENT / module
        assert path.exists(), module
        if takes:
            assert takes in annotated(path, returned=False), f"{module} is given no {takes}"
            homes.setdefault(takes, set()).add(home_of(takes, path))
        if gives == takes:
            continue
        # What is read of an answer comes several at a time: it is defined where it is read.
        has_it = annotated(path, returned=True) if takes else {gives} & set(classes(path))
        assert gives in has_it, f"{module} gives no {gives}"
        if gives != "dict":
            homes.setdefault(gives, set()).add(home_of(gives, path))
    for shape, defined_in in homes.items():
        assert len(defined_in) == 1, shape
        assert None not in defined_in, shape


def test_no_module_knows_one_that_comes_after_it() -> None:
    """But for the shapes: the vendor's client knows nothing of the ledger, the ledger nothing of the announcer."""
    for steps in WAYS:
        modules = [COMPONENT / module for module, _, _ in steps]
        for number, path in enumerate(modules):
            used = set(imported(path).values())
            assert not used & set(modules[number + 1 :]), path


RESPONSE = re.compile(r"^\| `(responses/\w+\.py)` \| `(\w+)` \| (?:`(\w+)`)? ?\|", re.MULTILINE)


def test_each_module_on_the_way_to_a_phone_takes_and_gives_what_is_written() -> None:
    rows = RESPONSE.findall(TEXT)
    assert len(rows) >= 8
    for module, takes, gives in rows:
        assert takes in annotated(COMPONENT / module, returned=False), module
        assert not gives or gives in annotated(COMPONENT / module, returned=True), module


def test_all_that_it_names_is_there() -> None:
    folders = [ROOT, COMPONENT, *(COMPONENT / "sources").glob("**/")]
    for name in re.findall(r"`([\w/]+\.(?:py|yaml)|[\w/]+/)`", TEXT.replace("VENDOR", "lumen")):
        assert any((folder / name).exists() for folder in folders), name
