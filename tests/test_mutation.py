"""The mutation score: what is mutated, and that a mistake that tests notice is told from one that they do not."""

from dataclasses import replace
import os
from pathlib import Path
import subprocess
import sys

import pytest

from scripts import mutation
from scripts.mutation import (
    AT_LEAST,
    COMPONENT,
    JUDGED,
    NEAR,
    SECONDS,
    Learned,
    chosen,
    equivalents,
    files_of_tests,
    interval,
    mutants_of,
    mutated,
    nearest,
)

CODE = '''"""A module."""
from x import y
LIMIT: int = 3
@decorated(frozen=True)
class Thing(Base, slots=True):
    def at(self, moment: int = 1) -> bool:
        if moment < 2 and not self.gone:
            self.tell()
        return min(moment, 5) == 5
    def pairs(self):
        return zip(self, self, strict=True)
'''


def test_each_small_mistake_once_and_no_type_decorator_or_import(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(CODE)
    mutants = mutants_of(module)
    assert [(one.line, one.what) for one in mutants] == [
        (6, "1 -> 2"),
        (7, "if moment < 2 and (not self.gone): -> if not (moment < 2 and (not self.gone)):"),
        (7, "moment < 2 and (not self.gone) -> moment < 2 or not self.gone"),
        (7, "moment < 2 and (not self.gone) -> moment < 2"),
        (7, "moment < 2 and (not self.gone) -> not self.gone"),
        (7, "moment < 2 -> moment <= 2"),
        (7, "not self.gone -> self.gone"),
        (7, "2 -> 3"),
        (8, "self.tell() -> pass"),
        (9, "return min(moment, 5) == 5 -> return None"),
        (9, "min(moment, 5) == 5 -> min(moment, 5) != 5"),
        (9, "min(moment, 5) -> max(moment, 5)"),
        (9, "5 -> 6"),
        (9, "5 -> 6"),
        (11, "return zip(self, self, strict=True) -> return None"),
    ]
    codes = {mutated(one).co_consts for one in mutants}
    assert len(codes) == len(mutants)


def test_a_mutant_knows_its_function(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "LIMIT = 1 + 1\n"
        "class Thing:\n"
        "    size = 2\n"
        "    def at(self, much=3):\n"
        "        def inner():\n"
        "            return much + 1\n"
        "        if inner():\n"
        "            class Local:\n"
        "                async def deep(self):\n"
        "                    self.go()\n"
        "        return lambda: 4\n"
    )
    found = {(one.line, one.function) for one in mutants_of(module)}
    assert found == {
        (1, ""),
        (3, ""),
        (4, ""),
        (6, "Thing.at.<locals>.inner"),
        (7, "Thing.at"),
        (10, "Thing.at.<locals>.Local.deep"),
        (11, "Thing.at"),
    }
    # As code has them.
    names: set[str] = set()
    waiting = [compile(module.read_text(), "", "exec")]
    while waiting:
        code = waiting.pop()
        names.add(code.co_qualname)
        waiting += [one for one in code.co_consts if isinstance(one, type(code))]
    assert {function for _, function in found if function} <= names


def test_the_tests_of_a_module_come_first_then_of_each_file_those_that_run_the_least_beside_it() -> (
    None
):
    module = COMPONENT / "alerts" / "testing.py"
    mutant = mutants_of(module)[0]
    function, line = f"alerts/testing.py {mutant.function}", mutant.place

    def test(name: str, seconds: float, *ran: str, path: str = "tests/x.py") -> Learned:
        return Learned(name, path, seconds, frozenset(("alerts/testing.py", function, *ran)))

    far, near = test("far", 0.1, line, "a", "b"), test("near", 2, line)
    slow, past = test("slow", 9, line), test("past", 0.1)
    other = Learned("other", "tests/x.py", 0.1, frozenset(("responses/x.py counted",)))
    tests = [other, far, slow, past, near]
    assert nearest(mutant, tests) == [near, slow, far]
    assert nearest(mutant, [other, past]) == [past]
    assert nearest(replace(mutant, line=0, function=""), tests) == [past, near, slow, far]
    # Its own module's, whatever else they run and wherever they lie; and of other files in turn.
    own = test("own", 9, line, *"abcd", path="tests/services/test_testing.py")
    there = test("there", 9, line, "a", "b", "c", path="tests/y.py")
    assert nearest(mutant, [*tests, there, own]) == [own, near, there, slow, far]
    # What takes too long is left out, but not where there are few.
    many = [test(f"{number}", SECONDS, line) for number in range(AT_LEAST + 5)]
    assert len(nearest(mutant, many)) == AT_LEAST
    assert len(nearest(mutant, [near] * 3)) == 3


def test_whatever_is_judged_is_there_and_so_are_the_tests() -> None:
    assert {module.suffix for module in chosen(JUDGED)} == {".py"}
    files = files_of_tests(NEAR)
    assert files
    assert all(path.name.startswith("test_") and path.exists() for path in files)


def test_each_explanation_is_of_a_mutant_and_has_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for (module, function, what), reason in equivalents().items():
        assert len(reason.split()) > 3, (module, function, what)
    stale = tmp_path / "equivalent.yaml"
    stale.write_text("alerts/counts.py:\n  nobody:\n    1 -> 2: it is not there any more\n")
    monkeypatch.setattr(mutation, "EQUIVALENT", stale)
    with pytest.raises(SystemExit, match=r"alerts/counts\.py nobody has no mutant: 1 -> 2"):
        equivalents()


@pytest.mark.parametrize(
    ("killed", "tried", "low", "high"),
    [(10, 10, 0.722, 1.0), (0, 10, 0.0, 0.278), (90, 100, 0.826, 0.945), (270, 300, 0.861, 0.929)],
)
def test_how_far_a_sample_may_be_off(killed: int, tried: int, low: float, high: float) -> None:
    """By Wilson's formula, as tables of it have them."""
    assert interval(killed, tried) == pytest.approx((low, high), abs=0.001)


LIMITS = """
def is_low(value):
    return value < 70

def is_high(value):
    return value > 180

def shown(value):
    return value + 0
"""
TESTS = """
from custom_components.care_alerts.limits import is_high, is_low, shown

def test_low():
    assert is_low(69)
    assert not is_low(70)

def test_high():
    assert is_high(181)
    assert not is_high(179)

def test_shown():
    assert shown(5) == 5
"""
EXPLAINED = """
limits.py:
  shown:
    value + 0 -> value - 0: nothing is nothing, either way
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of one module and one file of tests, which miss a boundary."""
    root = tmp_path_factory.mktemp("small")
    for path, content in {
        "scripts/mutation.py": Path(mutation.__file__).read_text(),
        "scripts/equivalent_mutants.yaml": EXPLAINED,
        "custom_components/care_alerts/limits.py": LIMITS,
        "tests/__init__.py": "",
        "tests/test_limits.py": TESTS,
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return root


@pytest.mark.parametrize(("at_least", "code"), [("87", 0), ("88", 1)])
def test_a_mistake_that_is_noticed_is_killed_and_one_that_is_not_is_named(
    small: Path, at_least: str, code: int
) -> None:
    """In a process of its own: the tests are forked from it. The second time it knows which tests run what."""
    printed = subprocess.run(  # noqa: S603 # ours
        [
            *(sys.executable, "-m", "scripts.mutation", "limits.py"),
            *("--tests", "tests/test_limits.py", "--jobs", "1", "--at-least", at_least),
        ],
        cwd=small,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    lines = printed.stdout.splitlines()
    assert lines[0] == "9 mutants, 1 of them explained", printed.stdout + printed.stderr
    survived = [line for line in lines if line.startswith("survived")]
    assert survived == ["survived  limits.py:6 is_high  value > 180 -> value >= 180"]
    assert "7 of     8 killed   87.5 %" in lines[-1]
    assert printed.returncode == code
