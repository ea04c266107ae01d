"""The house rules that a program can check, checked."""

import ast
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tools.traceability import requirements, rows_named_in

ROOT = Path(__file__).resolve().parents[2]
FUNCTION_LIMIT = 40
MODULE_LIMIT = 400
PARAMETER_LIMIT = 6
CLOCK_ROOMS = ("clients.py", "settings.py")
CLOCK_AND_ENVIRONMENT = re.compile(
    r"(time\.(time|monotonic|perf_counter|time_ns)|(datetime|date)\.(now|utcnow|today)|os\.(environ|getenv))$"
)
MACHINE_PATH = re.compile(r"(?<![\w.])/(home|root|Users|work|mnt|private)/\w")
FOLDERS = [
    ROOT / name
    for name in ("layers/controller", "agent", "cli", "bench", "local", "functions", "tools", "examples")
    if (ROOT / name).is_dir()
]
EVERYWHERE = [*FOLDERS, ROOT / "tests"]


def modules(*folders: Path) -> list[Path]:
    found = [path for folder in folders if folder.is_dir() for path in sorted(folder.rglob("*.py"))]
    return [path for path in found if "build" not in path.parts and ".aws-sam" not in path.parts]


def where(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def walked(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(parsed(path)))


def nodes(*folders: Path) -> Iterator[tuple[Path, ast.AST]]:
    for path in modules(*folders):
        for node in walked(path):
            yield path, node


def functions(*folders: Path) -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path, node in nodes(*folders):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield path, node


def test_there_is_code_to_check():
    assert len(modules(ROOT / "layers/controller")) > 20


def test_no_function_needs_scrolling():
    long = [
        f"{where(path, node.lineno)} {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for path, node in functions(ROOT / "layers", ROOT / "agent", ROOT / "cli", ROOT / "functions")
        if node.end_lineno and node.end_lineno - node.lineno + 1 > FUNCTION_LIMIT
    ]
    assert long == []


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    taken = function.args
    named = [each.arg for each in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)]
    return [name for name in named if name not in ("self", "cls")]


def test_no_function_takes_more_than_six_parameters_without_saying_why():
    many = [
        f"{where(path, node.lineno)} {node.name}: {len(parameters(node))} parameters"
        for path, node in functions(*FOLDERS)
        if len(parameters(node)) > PARAMETER_LIMIT and "parameters, since" not in (ast.get_docstring(node) or "")
    ]
    assert many == []


def test_the_domain_is_asked_by_a_view_of_a_cluster_and_not_by_its_parts():
    loose = [
        f"{where(path, node.lineno)} {node.name}"
        for path, node in functions(ROOT / "layers/controller/python/understudy/domain")
        if {"state", "definition", "now"} <= set(parameters(node))
    ]
    assert loose == []


def test_no_module_needs_a_table_of_contents():
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules(*FOLDERS)}
    assert [f"{where(path, size)} lines" for path, size in sizes.items() if size > MODULE_LIMIT] == []


def test_whatever_is_public_in_the_controller_says_what_it_means():
    silent = []
    for path in modules(ROOT / "layers/controller"):
        tree = parsed(path)
        if tree.body and not ast.get_docstring(tree):
            silent.append(where(path, 1))
        silent += [where(path, node.lineno) + f" {node.name}" for node in _public(tree) if not ast.get_docstring(node)]
    assert silent == []


def _public(tree: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node)


def test_only_wiring_and_settings_ask_for_the_time_or_the_environment():
    asked = [
        f"{where(path, node.lineno)} {ast.unparse(node)}"
        for path, node in nodes(ROOT / "layers/controller", ROOT / "functions")
        if isinstance(node, ast.Attribute)
        and CLOCK_AND_ENVIRONMENT.search(ast.unparse(node))
        and path.name not in CLOCK_ROOMS
    ]
    assert asked == []


@pytest.mark.parametrize("module", ["time", "datetime", "os"])
def test_nobody_imports_a_clock_by_another_name(module):
    """`from time import time` would pass the check above unseen."""
    words = {"time": {"time", "monotonic"}, "datetime": set(), "os": {"environ", "getenv"}}[module]
    renamed = [
        where(path, node.lineno)
        for path, node in nodes(ROOT / "layers/controller", ROOT / "functions")
        if isinstance(node, ast.ImportFrom)
        and node.module == module
        and words & {alias.name for alias in node.names}
        and path.name not in CLOCK_ROOMS
    ]
    assert renamed == []


def test_no_exception_vanishes():
    swallowed = [
        where(path, node.lineno)
        for path, node in nodes(*EVERYWHERE)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or all(isinstance(each, ast.Pass) for each in node.body))
    ]
    assert swallowed == []


def test_nothing_sleeps_where_a_decision_is_made():
    """Who is to wait is handed the sleep by the wiring, as it is handed the clock."""
    sleeping = [
        where(path, node.lineno)
        for path, node in nodes(ROOT / "layers/controller", ROOT / "functions")
        if isinstance(node, ast.Attribute) and node.attr == "sleep" and path.name != "clients.py"
    ]
    assert sleeping == []


def test_no_work_is_left_in_comments():
    left = []
    for path in modules(*EVERYWHERE):
        with path.open("rb") as source:
            left += [
                where(path, token.start[0])
                for token in tokenize.tokenize(source.readline)
                if token.type == tokenize.COMMENT and re.search(r"\b(TODO|FIXME|XXX|HACK)\b", token.string)
            ]
    assert left == []


def test_a_row_beside_a_test_is_a_row_of_the_requirements():
    known, unknown = requirements(ROOT), []
    for path in modules(ROOT / "tests"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            comment = re.search(r"(?:^|  )# ((?:[SB]\d+[ ,]*)+)", line)
            rows = re.findall(r"[SB]\d+", comment[1]) if comment else []
            unknown += [f"{where(path, number)} {row}" for row in rows if row not in known]
    assert unknown == []


def test_a_row_is_not_taken_for_a_shorter_one():
    assert rows_named_in("# S10 B4") == ["S10", "B4"]
    assert rows_named_in("# B12, S1: the whole of it") == ["B12", "S1"]
    assert rows_named_in("# S100") == rows_named_in("# see S4") == []


def test_no_file_knows_the_machine_that_it_was_written_on():
    knowing = [
        where(path, node.lineno)
        for path, node in nodes(*EVERYWHERE)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and MACHINE_PATH.search(node.value)
    ]
    assert knowing == []
