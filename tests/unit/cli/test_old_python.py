"""The tool runs where people work: on Python 3.9 and newer, with the oldest libraries that it says it takes."""

import ast
from pathlib import Path

CLI = Path(__file__).parents[3] / "cli"
SOURCES = sorted((CLI / "understudy_cli").rglob("*.py"))
NEWER = {"dataclass": {"slots", "kw_only"}, "zip": {"strict"}}
"""Words that calls of these take from 3.10 on."""


def test_every_module_is_python_3_9():
    for path in SOURCES:
        ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))


def test_no_module_evaluates_a_type_that_3_9_cannot():
    without = [
        path.name for path in SOURCES if "|" in path.read_text() and "import annotations" not in path.read_text()
    ]
    assert without == []


def test_no_call_says_a_word_that_3_9_does_not_know():
    said = [
        f"{path.name}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and NEWER.get(ast.unparse(node.func), set()) & {each.arg for each in node.keywords if each.arg}
    ]
    assert said == []
