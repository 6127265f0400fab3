"""The mutation score: what is mutated, and that a mistake that tests notice is told from one that they do not."""

from pathlib import Path
import subprocess
import sys

from scripts.mutation import JUDGED, ROOT, chosen, mutants_of, mutated, nearest_tests

CODE = '''"""A module."""
from x import y
LIMIT: int = 3
@decorated(frozen=True)
class Thing(Base, slots=True):
    def at(self, moment: int = 1) -> bool:
        if moment < 2 and not self.gone:
            self.tell()
        return min(moment, 5) == 5
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
    ]
    codes = {mutated(one).co_consts for one in mutants}
    assert len(codes) == len(mutants)


def test_whatever_is_judged_has_tests_that_are_near() -> None:
    modules = chosen(JUDGED)
    assert {module.suffix for module in modules} == {".py"}
    for module in modules:
        for path in nearest_tests(module):
            assert (ROOT / path).exists(), (module, path)


def test_a_mistake_that_is_noticed_is_killed() -> None:
    """In a process of its own: the tests are forked from it."""
    command = [sys.executable, "-m", "scripts.mutation", "alerts/counts.py"]
    printed = subprocess.run(  # noqa: S603 # ours
        [*command, "--sample", "2", "--seed", "1", "--jobs", "1", "--at-least", "100"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert printed.returncode == 0, printed.stdout + printed.stderr
    assert "2 of     2 killed  100.0 %" in printed.stdout
