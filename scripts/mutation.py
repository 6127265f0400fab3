"""Mutation score: how many small mistakes in the code the nearest tests notice.

    python -m scripts.mutation [--sample N] [--seed S] [--jobs J] [--at-least PERCENT] [MODULE...] [--tests PATH...]

Each mutant is one module with one change in it, tried in a process forked from one that has imported all but ours. It is
killed if a test fails, or hangs. It is tried by the tests that run the line that it is in, those of its own module first
(`nearest`): which these are is learned once for each file of tests, and kept in `.mutation/`. Modules are paths inside
the component (`alerts/ledger.py`, `responses`); without any, all whose logic decides about an alert.

Mutants that no test could tell from the code are in `scripts/equivalent_mutants.yaml`, each with its reason. They are not
tried; an entry that is no mutant any more is an error.
"""

import argparse
import ast
from collections import Counter
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
import gc
from hashlib import sha256
from importlib.machinery import SourceFileLoader
import json
from math import sqrt
import os
from pathlib import Path
import random
import signal
import sys
import time
from types import CodeType
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).resolve().parent.parent
COMPONENT: Final = ROOT / "custom_components" / "care_alerts"
OURS: Final = ("custom_components", "tests", "conftest", "simulator")

JUDGED: Final = (
    "alerts",
    "sources/announcer.py",
    "sources/dexcom/mapping.py",
    "sources/lumen/mapping.py",
    "sources/tidepool/device_words.py",
    "sources/tidepool/evaluator.py",
    "sources/tidepool/excursions.py",
    "sources/tidepool/kind_evaluator.py",
    "sources/tidepool/mapping.py",
    "responses",
)
"""What decides whether, when and whom an alert reaches."""

NEAR: Final = (
    "tests/alerts",
    "tests/responses",
    "tests/services",
    "tests/sources",
    "tests/test_condition.py",
    "tests/test_config_flow.py",
    "tests/test_exclude.py",
    "tests/test_glucose.py",
    "tests/test_hard_cases.py",
    "tests/test_logbook.py",
    "tests/test_next_steps.py",
    "tests/test_one_episode.py",
    "tests/test_repairs.py",
    "tests/test_restart.py",
    "tests/test_trigger.py",
    "tests/test_websocket.py",
)
"""Where mutants are tried: tables of every fault, and what needs a browser, are slower, and say less of what is wrong."""

LEARNED: Final = ROOT / ".mutation"

EQUIVALENT: Final = ROOT / "scripts" / "equivalent_mutants.yaml"

SECONDS: Final = 60
"""Ours: so long may the tests of one mutant take, by what they took when they were learned. Who survives is not tried for longer."""

AT_LEAST: Final = 12
"""So many tests it is tried by, however long they take."""

SLOWER: Final = 4
"""Ours: so many times as long as expected, and a minute, may a mutant take before it counts as one that hangs."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: the number of the node in its module, in the order of `ast.walk`, and which of its changes."""

    module: Path
    node: int
    change: int
    line: int
    function: str
    """The qualified name of the function that it is in; empty outside of all."""
    what: str

    @property
    def inside(self) -> str:
        """The path of its module inside the component."""
        return self.module.relative_to(COMPONENT).as_posix()

    @property
    def place(self) -> str:
        """Where it is, as `Learned.ran` has it; outside of all functions its module."""
        return " ".join(filter(None, (self.inside, places(self.module).get(self.line))))


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
    """Whether nothing in it is behaviour: types, decorators, what is only for the type checker, the words of an error.

    Nor is that `zip` is `strict`: what it would raise for never is.
    """
    if isinstance(node, ast.keyword):
        return node.arg == "strict"
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


@cache
def mutants_of(module: Path) -> list[Mutant]:
    """All mutants of a module, in the order of its lines."""
    tree = ast.parse(module.read_text())
    functions = list(_functions(tree.body, ""))
    found = []
    for number, node in enumerate(_nodes(tree)):
        for which, changed in enumerate(changes(node)):
            before, after = ast.unparse(node), ast.unparse(ast.fix_missing_locations(changed))
            short = [text.split("\n")[0][:60] for text in (before, after)]
            line = getattr(node, "lineno", 0)
            what = " -> ".join(short)
            around = [name for name, first, last in functions if first <= line <= last]
            function = around[-1] if around else ""
            found.append(Mutant(module, number, which, line, function, what))
    return sorted(found, key=lambda one: (one.line, one.node, one.change))


def _functions(body: Iterable[ast.AST], inside: str) -> Iterator[tuple[str, int, int]]:
    """The qualified names of functions, as their code has them, and the lines of their bodies; the inner after the outer."""
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                name = f"{inside}{node.name}"
                yield name, node.body[0].lineno, node.end_lineno or node.lineno
                yield from _functions(node.body, f"{name}.<locals>.")
            case ast.ClassDef():
                yield from _functions(node.body, f"{inside}{node.name}.")
            case _:
                yield from _functions(ast.iter_child_nodes(node), inside)


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


# Which tests run what.


@dataclass(frozen=True, slots=True)
class Learned:
    """A test: its file, how many seconds of CPU it took, and what it ran.

    That is each module, each function (`module function`) and each line in one (`module` and its name of `places`).
    """

    test: str
    path: str
    seconds: float
    ran: frozenset[str]


@cache
def places(module: Path) -> Mapping[int, str]:
    """What each line in a function is called: by the function, what that is like, and the line's number in it.

    So what was learned holds for as long as the function is as it was.
    """
    text = module.read_text()
    lines = text.splitlines()
    found = {}
    for name, first, last in _functions(ast.parse(text).body, ""):
        like = sha256("\n".join(lines[first - 1 : last]).encode()).hexdigest()[:8]
        found.update({line: f"{name} {like}+{line - first}" for line in range(first, last + 1)})
    return found


class _Recorder:
    """A plugin of pytest: what of the component each test runs, as long as it passes."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[float, list[str]]] = {}
        self._ran: set[tuple[str, str | int]] = set()
        self._passes: set[str] = set()
        self._component = f"{COMPONENT}/"
        monitoring = sys.monitoring
        monitoring.use_tool_id(monitoring.COVERAGE_ID, "mutation")
        events = monitoring.events
        monitoring.register_callback(monitoring.COVERAGE_ID, events.PY_START, self._starts)
        monitoring.register_callback(monitoring.COVERAGE_ID, events.LINE, self._runs)
        monitoring.set_events(monitoring.COVERAGE_ID, events.PY_START | events.LINE)

    def _starts(self, code: CodeType, _: int) -> Any:
        return self._runs(code, code.co_qualname)

    def _runs(self, code: CodeType, what: str | int) -> Any:
        if code.co_filename.startswith(self._component):
            self._ran.add((code.co_filename.removeprefix(self._component), what))
        return sys.monitoring.DISABLE

    def _names(self) -> Iterator[str]:
        for inside, what in self._ran:
            yield inside
            name = places(COMPONENT / inside).get(what) if isinstance(what, int) else what
            if name:
                yield f"{inside} {name}"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Begin anew with each test. Its time is the CPU's: that of the clock is other tests' as well, on a busy machine."""
        self._ran = set()
        sys.monitoring.restart_events()
        began = time.process_time()
        try:
            return (yield)
        finally:
            if item.nodeid in self._passes:
                self.found[item.nodeid] = (time.process_time() - began, sorted(set(self._names())))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note whether it passes; one that fails or is skipped tells nothing."""
        if not report.passed:
            self._passes.discard(report.nodeid)
        elif report.when == "setup":
            self._passes.add(report.nodeid)


class _Selected:
    """A plugin of pytest: only these tests, in this order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._place = {test: place for place, test in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave all others out."""
        chosen = [item for item in items if item.nodeid in self._place]
        items[:] = sorted(chosen, key=lambda item: self._place[item.nodeid])


def learned(path: Path, *, anew: bool = True) -> list[Learned]:
    """What the tests of a file run; it is tried out if it was not known, or the file has changed since."""
    inside = path.relative_to(ROOT).as_posix()
    content = sha256(path.read_bytes()).hexdigest()[:16]
    kept = LEARNED / f"{inside.replace('/', '.')}.{content}.json"
    if not kept.exists() and anew:
        LEARNED.mkdir(exist_ok=True)
        for old in LEARNED.glob(f"{inside.replace('/', '.')}.*"):
            old.unlink()
        in_child(lambda: _learn(path, kept), 1200)
    with suppress(OSError):
        names, tests = json.loads(kept.read_text())
        return [
            Learned(test, inside, seconds, frozenset(names[one] for one in ran))
            for test, seconds, ran in tests
        ]
    return []


def _learn(path: Path, kept: Path) -> int:
    recorder = _Recorder()
    pytest.main(["-q", "-p", "no:cacheprovider", str(path)], plugins=[recorder])
    names = sorted({one for _, ran in recorder.found.values() for one in ran})
    place = {one: number for number, one in enumerate(names)}
    tests = [
        (test, round(seconds, 3), [place[one] for one in ran])
        for test, (seconds, ran) in recorder.found.items()
    ]
    unfinished = kept.with_suffix(".new")
    unfinished.write_text(json.dumps([names, tests]))
    unfinished.rename(kept)
    return 0


def files_of_tests(near: Iterable[str]) -> list[Path]:
    """The files of tests that are near; but for those that need a vendor's own description, which is not in the repository."""
    found: list[Path] = []
    for one in near:
        path = ROOT / one
        found += [path] if path.is_file() else sorted(path.rglob("test_*.py"))
    return [path for path in found if not path.name.endswith("openapi.py")]


def nearest(mutant: Mutant, tests: Collection[Learned]) -> list[Learned]:
    """The tests that run a mutant's line; as many as there is time for. Its function, if none is known to.

    First those of its own module, then of each other file in turn: many run a line on their way and say nothing of it.
    Of a file first those that run the least beside it. Outside of all functions: those that run any of its module.
    """
    own = f"test_{mutant.module.name}"
    function = f"{mutant.inside} {mutant.function}" if mutant.function else mutant.inside
    mine = [one for one in tests if mutant.place in one.ran] or [
        one for one in tests if function in one.ran
    ]
    mine.sort(key=lambda one: (len(one.ran), one.seconds, one.test))
    turns: Counter[str] = Counter()
    in_turn: list[tuple[int, Learned]] = []
    for one in mine:
        in_turn.append((-1 if Path(one.path).name == own else turns[one.path], one))
        turns[one.path] += 1
    in_turn.sort(key=lambda each: each[0])
    found: list[Learned] = []
    seconds = 0.0
    for _, one in in_turn:
        seconds += one.seconds
        if seconds > SECONDS and len(found) >= AT_LEAST:
            break
        found.append(one)
    return found


# Trying.


def in_child(work: Any, seconds: float) -> int | None:
    """The exit code of what is done in a process of its own; None if it hangs."""
    process = os.fork()
    if not process:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nothing, stream)
        code = 1
        try:
            code = work()
        finally:
            os._exit(code)
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return None


def survives(mutant: Mutant | None, tests: Sequence[Learned]) -> bool:
    """Whether the tests pass with the change in, or without any; what no test runs survives."""
    if not tests:
        return True
    seconds = SLOWER * sum(one.seconds for one in tests) + 60
    return in_child(lambda: _tried(mutant, tests), seconds) == 0


def _tried(mutant: Mutant | None, tests: Sequence[Learned]) -> int:
    """The exit code of the tests, in a process that is only for them."""
    if mutant:
        code, path = mutated(mutant), str(mutant.module)
        read = SourceFileLoader.get_code

        def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
            return code if self.path == path else read(self, fullname)

        SourceFileLoader.get_code = get_code  # type: ignore[assignment, method-assign] # in this process only
    files = dict.fromkeys(one.path for one in tests)
    return int(
        pytest.main(
            ["-x", "-q", "-p", "no:cacheprovider", *files],
            plugins=[_Selected([one.test for one in tests])],
        )
    )


def _warm_up(tests: Collection[Path]) -> None:
    """Import what the tests import and is not ours, once for all."""
    nothing = os.open(os.devnull, os.O_RDWR)
    printed = os.dup(1)
    os.dup2(nothing, 1)
    pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *map(str, tests)])
    os.dup2(printed, 1)
    for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
        del sys.modules[name]
    # Else each process looks through all of it for what nobody needs, and copies it.
    gc.collect()
    gc.freeze()


# What no test could tell.


def equivalents() -> Mapping[tuple[str, str, str], str]:
    """The reasons of the mutants that are none, by module, function and what they change.

    Raises:
        SystemExit: an entry is no mutant of today's code.

    """
    found: dict[tuple[str, str, str], str] = {}
    for module, functions in (yaml.safe_load(EQUIVALENT.read_text()) or {}).items():
        there = {(one.function, one.what) for one in mutants_of(COMPONENT / module)}
        for function, entries in functions.items():
            for what, reason in entries.items():
                if (function, what) not in there:
                    sys.exit(f"mutation: {module} {function} has no mutant: {what}")
                found[module, function, what] = reason
    return found


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
    parser.add_argument("--tests", nargs="+", default=NEAR, metavar="PATH", help="tried by these")
    options = parser.parse_args(arguments)
    # The same examples for each mutant: a score is not to depend on luck.
    os.environ["CI"] = "true"
    # What each process imports is compiled once.
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(LEARNED / "compiled")
    os.chdir(ROOT)
    explained = equivalents()
    every = [one for module in chosen(options.modules or JUDGED) for one in mutants_of(module)]
    mutants = [one for one in every if (one.inside, one.function, one.what) not in explained]
    print(f"{len(every)} mutants, {len(every) - len(mutants)} of them explained", flush=True)
    if options.sample and options.sample < len(mutants):
        mutants = random.Random(options.seed).sample(mutants, options.sample)  # noqa: S311 # no secret
        mutants.sort(key=lambda one: (one.module, one.line, one.node, one.change))
    files = files_of_tests(options.tests)
    _warm_up(files)
    with ThreadPoolExecutor(options.jobs) as pool:
        tests = [one for of_file in pool.map(learned, files) for one in of_file]

        def is_killed(mutant: Mutant) -> bool:
            return not survives(mutant, nearest(mutant, tests))

        tried: Counter[str] = Counter()
        killed: Counter[str] = Counter()
        for mutant, is_dead in zip(mutants, pool.map(is_killed, mutants), strict=True):
            tried[mutant.inside] += 1
            killed[mutant.inside] += is_dead
            if not is_dead:
                where = f"{mutant.inside}:{mutant.line} {mutant.function}"
                print(f"survived  {where}  {mutant.what}", flush=True)
    print()
    for module in sorted(tried):
        print(_line(module, killed[module], tried[module]))
    print()
    for folder in sorted({_folder(module) for module in tried}):
        inside = [module for module in tried if _folder(module) == folder]
        print(_line(folder, sum(killed[one] for one in inside), sum(tried[one] for one in inside)))
    print(_line("all", killed.total(), tried.total()))
    return int(100 * killed.total() < options.at_least * tried.total())


def _folder(module: str) -> str:
    return module.rpartition("/")[0]


def _line(name: str, killed: int, tried: int) -> str:
    low, high = interval(killed, tried)
    return (
        f"{name:40} {killed:5} of {tried:5} killed {100 * killed / tried:6.1f} %"
        f"   (95 %: {100 * low:.1f} to {100 * high:.1f} %)"
    )


def interval(killed: int, tried: int) -> tuple[float, float]:
    """Where the share of all lies of which these are a sample, in 95 of 100 cases (Wilson's score interval)."""
    z, share = 1.96, killed / tried
    middle = share + z * z / (2 * tried)
    half = z * sqrt(share * (1 - share) / tried + z * z / (4 * tried * tried))
    return (middle - half) / (1 + z * z / tried), (middle + half) / (1 + z * z / tried)


if __name__ == "__main__":
    sys.exit(main())
