"""What may be shown: lines of spans, each a text with a tone.

A span is the only thing that reaches a terminal, and no control character gets into one. A name in the table can
therefore neither move the cursor, nor change a title, nor pass for another line.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

PLAIN, GOOD, WARN, BAD, DIM, HEAD = "plain", "good", "warn", "bad", "dim", "head"
GAP = 2


def safe(text: object) -> str:
    """The text on one line, with whatever a terminal could obey spelled out: ESC becomes `\\x1b`."""
    return "".join(each if each.isprintable() else _spelled(each) for each in str(text))


def _spelled(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@dataclass(frozen=True)
class Span:
    """A piece of a line. Whatever it is made from, its text is safe to print."""

    text: str
    tone: str = PLAIN

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", safe(self.text))


@dataclass(frozen=True)
class Line:
    """Spans side by side."""

    spans: tuple[Span, ...] = ()

    @property
    def text(self) -> str:
        """The line without its tones and without blanks at its end."""
        return "".join(each.text for each in self.spans).rstrip()


def line(*parts: Span | str) -> Line:
    """A line of spans and of plain texts."""
    return Line(tuple(each if isinstance(each, Span) else Span(each) for each in parts))


def paragraphs(text: str, tone: str = PLAIN) -> list[Line]:
    """A text of several lines, one line each."""
    return [Line((Span(each, tone),)) for each in text.split("\n")]


def width_of(text: str) -> int:
    """How many columns of a terminal a safe text takes."""
    wide = sum(1 for each in text if unicodedata.east_asian_width(each) in "WF")
    return len(text) + wide - sum(1 for each in text if unicodedata.combining(each))


def columns(rows: Iterable[Sequence[Span | str]], indent: int = 0) -> list[Line]:
    """Rows of cells as lines, every column as wide as its widest cell. The last one is not filled up."""
    cells = [[each if isinstance(each, Span) else Span(each) for each in row] for row in rows]
    widths: dict[int, int] = {}
    for row in cells:
        for number, cell in enumerate(row[:-1]):
            widths[number] = max(widths.get(number, 0), width_of(cell.text))
    return [_row(row, widths, indent) for row in cells]


def _row(row: Sequence[Span], widths: dict[int, int], indent: int) -> Line:
    spans = [Span(" " * indent)] if indent else []
    for number, cell in enumerate(row):
        is_last = number == len(row) - 1
        fill = 0 if is_last else widths[number] - width_of(cell.text) + GAP
        spans += [cell, Span(" " * fill)] if fill else [cell]
    return Line(tuple(spans))
