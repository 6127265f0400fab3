"""SECURITY.md: each of its lines names the tests that fail where it is not so, and these are there."""

import ast
import re

import pytest

from .test_structure import ROOT

TEXT = (ROOT / "SECURITY.md").read_text()
MODEL = "### " + TEXT.partition("## Threat model")[2].partition("### ")[2]

LINES = re.findall(r"^- .*(?:\n  .*)*", MODEL, re.MULTILINE)


def named_in(line: str) -> list[tuple[str, str | None]]:
    """The tests that a line names: files, and functions in them or titles."""
    return [
        (file, name or None)
        for file, name in re.findall(
            r"`((?:tests|frontend/test)/[\w/.-]+)(?:::([^`]+))?`", line.replace("\n  ", " ")
        )
    ]


def test_it_says_something_of_each() -> None:
    heads = re.findall(r"^### (.+)$", MODEL, re.MULTILINE)
    assert len(heads) == len(set(heads)) >= 9
    assert len(LINES) >= 30
    # Nothing stands there that is no line.
    said = re.sub(r"^### .+$", "", MODEL, flags=re.MULTILINE)
    for line in LINES:
        said = said.replace(line, "", 1)
    assert said.strip() == ""
    assert len(TEXT.splitlines()) < 200


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[2:40])
def test_each_line_has_a_test(line: str) -> None:
    named = named_in(line)
    assert named
    for file, name in named:
        path = ROOT / file
        assert path.is_file(), file
        assert name, "a file is no test"
        text = path.read_text()
        if path.suffix == ".ts":
            assert f'"{name}"' in text, name
            continue
        functions = {
            node.name
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert name.startswith("test_"), name
        assert name in functions, (file, name)
