"""Mutation score: how many small mistakes in the code the nearest tests notice.

    python -m scripts.mutation [--sample N] [--seed S] [--jobs J] [--at-least PERCENT] [MODULE...]

Each mutant is one module with one change in it, tried in a process forked from one that has imported all but ours. It is
killed if a test fails, or hangs. Modules are paths inside the component (`alerts/ledger.py`, `responses`); without any, all
whose logic decides about an alert.
"""

import argparse
import ast
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
import os
from pathlib import Path
import random
import signal
import sys
import time
from types import CodeType
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
COMPONENT: Final = ROOT / "custom_components" / "care_alerts"
OURS: Final = ("custom_components", "tests", "conftest", "simulator")

JUDGED: Final = (
    "alerts",
    "sources/announcer.py",
    "sources/dexcom/mapping.py",
    "sources/lumen/mapping.py",
    "sources/tidepool/evaluator.py",
    "sources/tidepool/excursions.py",
    "sources/tidepool/kind_evaluator.py",
    "sources/tidepool/mapping.py",
    "responses",
)
"""What decides whether, when and whom an alert reaches."""

MORE_TESTS: Final = {
    "sources/announcer.py": ("tests/sources/test_coordinator.py", "tests/test_restart.py"),
    "sources/tidepool/excursions.py": ("tests/sources/tidepool/test_evaluator.py",),
    "sources/tidepool/kind_evaluator.py": ("tests/sources/tidepool/test_evaluator.py",),
    "sources/tidepool/mapping.py": ("tests/sources/tidepool/test_evaluator.py",),
}
"""The tests of what has no file of tests of its name."""

SLOWER: Final = 4
"""Ours: so many times what its tests take unchanged, and ten seconds, may a mutant take before it counts as one that hangs."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: the number of the node in its module, in the order of `ast.walk`, and which of its changes."""

    module: Path
    node: int
    change: int
    line: int
    what: str


_COMPARED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_CALCULATED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_CALLED: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}


def changes(node: ast.AST) -> list[ast.AST]:
    """What a node may become by a small mistake."""
    return _of_statement(node) if isinstance(node, ast.stmt) else _of_expression(node)


def _of_statement(node: ast.stmt) -> list[ast.AST]:
    match node:
        case ast.Expr(ast.Call() | ast.Await()):
            return [ast.Pass()]
        case ast.Return(ast.expr() as value) if not isinstance(value, ast.Constant):
            return [ast.Return(ast.Constant(None))]
        case ast.If(test, body, orelse):
            return [ast.If(ast.UnaryOp(ast.Not(), test), body, orelse)]
        case ast.Continue():
            return [ast.Break()]
        case _:
            return []


def _of_expression(node: ast.AST) -> list[ast.AST]:
    match node:
        case ast.Compare(left, [operator], comparators) if type(operator) in _COMPARED:
            return [ast.Compare(left, [_COMPARED[type(operator)]()], comparators)]
        case ast.BoolOp(operator, values):
            other = ast.Or() if isinstance(operator, ast.And) else ast.And()
            return [ast.BoolOp(other, values), *values]
        case ast.UnaryOp(ast.Not(), operand):
            return [operand]
        case ast.BinOp(left, operator, right) if type(operator) in _CALCULATED:
            return [ast.BinOp(left, _CALCULATED[type(operator)](), right)]
        case ast.IfExp(test, body, orelse):
            return [ast.IfExp(test, orelse, body)]
        case ast.Constant(bool(value)):
            return [ast.Constant(not value)]
        case ast.Constant(int(value)):
            return [ast.Constant(value + 1)]
        case ast.Call(ast.Name(name), arguments, keywords) if name in _CALLED:
            return [ast.Call(ast.Name(_CALLED[name], ast.Load()), arguments, keywords)]
        case _:
            return []


def _is_left_alone(node: ast.AST) -> bool:
    """Whether nothing in it is behaviour: types, decorators, what is only for the type checker, the words of an error."""
    return isinstance(node, ast.Raise | ast.AnnAssign | ast.TypeAlias | ast.Import | ast.ImportFrom)


def _nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node whose changes are behaviour, always in the same order."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop(0)
        yield node
        for field, value in ast.iter_fields(node):
            if field in {"annotation", "returns", "decorator_list", "bases", "keywords"} and not (
                isinstance(node, ast.Call)
            ):
                continue
            waiting.extend(
                child
                for child in (value if isinstance(value, list) else [value])
                if isinstance(child, ast.AST) and not _is_left_alone(child)
            )


def mutants_of(module: Path) -> list[Mutant]:
    """All mutants of a module, in the order of its lines."""
    found = []
    for number, node in enumerate(_nodes(ast.parse(module.read_text()))):
        for which, changed in enumerate(changes(node)):
            before, after = ast.unparse(node), ast.unparse(ast.fix_missing_locations(changed))
            short = [text.split("\n")[0][:60] for text in (before, after)]
            found.append(
                Mutant(module, number, which, getattr(node, "lineno", 0), " -> ".join(short))
            )
    return sorted(found, key=lambda one: (one.line, one.node, one.change))


def mutated(mutant: Mutant) -> CodeType:
    """The module with the change in it."""
    tree = ast.parse(mutant.module.read_text())
    for number, node in enumerate(_nodes(tree)):
        if number == mutant.node:
            changed = changes(node)[mutant.change]
            ast.copy_location(changed, node)
            _replace(tree, node, changed)
            break
    return compile(ast.fix_missing_locations(tree), str(mutant.module), "exec")


def _replace(tree: ast.Module, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, field, new)
            elif isinstance(value, list):
                value[:] = [new if child is old else child for child in value]


def nearest_tests(module: Path) -> tuple[str, ...]:
    """The nearest tests: the file of tests of its name, or all of its folder."""
    inside = module.relative_to(COMPONENT)
    if more := MORE_TESTS.get(inside.as_posix()):
        return more
    own = Path("tests") / inside.parent / f"test_{inside.stem}.py"
    return (str(own if (ROOT / own).exists() else own.parent),)


def survives(mutant: Mutant | None, tests: Sequence[str], seconds: float) -> bool:
    """Whether the tests pass with the change in, or without any; in a process of their own."""
    process = os.fork()
    if not process:
        os._exit(_tried(mutant, tests))
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.05)
    os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return False


def _tried(mutant: Mutant | None, tests: Sequence[str]) -> int:
    """The exit code of the tests, in a process that is only for them."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    if mutant:
        code, path = mutated(mutant), str(mutant.module)
        read = SourceFileLoader.get_code

        def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
            return code if self.path == path else read(self, fullname)

        SourceFileLoader.get_code = get_code  # type: ignore[assignment, method-assign] # in this process only
    return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))


def _warm_up(tests: Collection[str]) -> None:
    """Import what the tests import and is not ours, once for all."""
    nothing = os.open(os.devnull, os.O_RDWR)
    printed = os.dup(1)
    os.dup2(nothing, 1)
    pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *tests])
    os.dup2(printed, 1)
    for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
        del sys.modules[name]


def chosen(paths: Sequence[str]) -> list[Path]:
    """The modules that paths inside the component name.

    Raises:
        SystemExit: one names none.

    """
    found: list[Path] = []
    for path in paths:
        whole = COMPONENT / path
        if not whole.exists():
            sys.exit(f"mutation: the component has no {path}")
        found += [whole] if whole.is_file() else sorted(whole.rglob("*.py"))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Try them and print; the exit code says whether the score is what was asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.mutation", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    parser.add_argument("--sample", type=int, metavar="N", help="try so many, chosen by --seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--at-least", type=float, default=0, metavar="PERCENT")
    options = parser.parse_args(arguments)
    # The same examples for each mutant: a score is not to depend on luck.
    os.environ["CI"] = "true"
    os.chdir(ROOT)
    mutants = [one for module in chosen(options.modules or JUDGED) for one in mutants_of(module)]
    if options.sample and options.sample < len(mutants):
        mutants = random.Random(options.seed).sample(mutants, options.sample)  # noqa: S311 # no secret
        mutants.sort(key=lambda one: (one.module, one.line, one.node, one.change))
    nearest = {nearest_tests(one.module) for one in mutants}
    _warm_up({path for tests in nearest for path in tests})
    allowed: dict[tuple[str, ...], float] = {}
    for tests in nearest:
        began = time.monotonic()
        if not survives(None, tests, 1200):
            print(f"mutation: {' '.join(tests)} fails without any change")
            return 2
        allowed[tests] = SLOWER * (time.monotonic() - began) + 10

    def is_killed(mutant: Mutant) -> bool:
        tests = nearest_tests(mutant.module)
        return not survives(mutant, tests, allowed[tests])

    tried: Counter[Path] = Counter()
    killed: Counter[Path] = Counter()
    with ThreadPoolExecutor(options.jobs) as pool:
        for mutant, is_dead in zip(mutants, pool.map(is_killed, mutants), strict=True):
            tried[mutant.module] += 1
            killed[mutant.module] += is_dead
            if not is_dead:
                inside = mutant.module.relative_to(COMPONENT)
                print(f"survived  {inside}:{mutant.line}  {mutant.what}", flush=True)
    print()
    for module in sorted(tried):
        print(_line(str(module.relative_to(COMPONENT)), killed[module], tried[module]))
    print(_line("all", killed.total(), tried.total()))
    return int(100 * killed.total() < options.at_least * tried.total())


def _line(name: str, killed: int, tried: int) -> str:
    return f"{name:40} {killed:5} of {tried:5} killed {100 * killed / tried:6.1f} %"


if __name__ == "__main__":
    sys.exit(main())
