"""What reaches a terminal."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy_cli.core.lines import Span, columns, line, safe, width_of

PACKAGE = Path(__file__).parents[3] / "cli" / "understudy_cli"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
        ("two\nlines\r\n", "two\\x0alines\\x0d\\x0a"),
        ("\x9b31mred", "\\x9b31mred"),  # the escape sequence of one character
        ("abc\u202egnp.exe", "abc\\u202egnp.exe"),  # read from right to left
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("node-a ノード é", "node-a ノード é"),
    ],
)
def test_what_a_terminal_could_obey_is_spelled_out(written, shown):  # B23
    assert safe(written) == shown
    assert Span(written).text == shown


@given(st.text())
def test_no_text_becomes_more_than_one_line_of_printable_characters(text):  # B23
    assert all(each.isprintable() for each in safe(text))
    safe(text).encode()


def test_columns_are_as_wide_as_their_widest_cell_also_in_japanese():  # B23
    rows = columns([["node-a", "x"], ["ノード", "y"], ["e\u0301", "z"]])
    assert {width_of(row.text[:-1]) for row in rows} == {8}


def test_nothing_but_the_screen_writes_anything():  # B23
    """Completions and questions of click apart, which know the names in the code and none in the table."""
    writing = [
        f"{path.name}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "click.echo", "click.secho", "Text")
        if path.name != "screen.py"
    ]
    assert len(writing) == 1, writing
    assert writing[0].startswith("__main__.py:")


def test_a_line_has_no_blanks_at_its_end():
    assert line("a", Span("  ")).text == "a"
