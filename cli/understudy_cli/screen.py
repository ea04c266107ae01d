"""The only place that writes: lines for people, or one JSON document for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from rich.console import Console, ConsoleDimensions
from rich.text import Text

from understudy_cli.core.lines import BAD, DIM, GOOD, HEAD, PLAIN, WARN, Line, Span, line

STYLES = {PLAIN: "", GOOD: "green", WARN: "yellow", BAD: "bold red", DIM: "dim", HEAD: "bold"}


class Screen:
    """Lines go to the output, in a terminal with colours and wrapped at words, else plain and unwrapped.

    With `as_json` nothing goes there but documents. Faults and calls go to the other output in any case.
    """

    def __init__(self, *, as_json: bool = False, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self._as_json = as_json
        self._out, self._err = out or sys.stdout, err or sys.stderr
        self._console, self._errors = _console(self._out), _console(self._err)

    @property
    def is_terminal(self) -> bool:
        """Whether somebody reads as it is written."""
        return self._console.is_terminal

    def show(self, *lines: Line) -> None:
        """Lines for people."""
        if not self._as_json:
            _print(self._console, lines)

    def clear(self) -> None:
        """Begin again at the top, in a terminal."""
        if self.is_terminal and not self._as_json:
            self._console.clear()

    def raw(self, text: str) -> None:
        """A text of a file byte by byte, for a file. A terminal gets it as lines."""
        if self.is_terminal:
            self.show(*(line(each) for each in text.splitlines()))
        elif not self._as_json:
            self._out.write(text)

    def document(self, document: Mapping[str, Any]) -> None:
        """What programs read: one line, in ASCII, so that no character in it means anything to a terminal."""
        if self._as_json:
            self._out.write(json.dumps(document, default=str) + "\n")
            self._out.flush()

    def complain(self, *lines: Line) -> None:
        """Lines beside the answer: faults, warnings, calls."""
        _print(self._errors, lines)

    def call(self, words: str) -> None:
        """A call of AWS that is about to be made."""
        self.complain(line(Span(f"aws: {words}", DIM)))


def _console(file: TextIO) -> Console:
    console = Console(file=file, highlight=False, markup=False, emoji=False)
    if console.is_dumb_terminal:  # rich takes any such for 80 columns wide
        there = os.get_terminal_size(file.fileno())
        console.size = ConsoleDimensions(there.columns or 80, there.lines or 25)
    return console


def _print(console: Console, lines: Iterable[Line]) -> None:
    for each in lines:
        text = Text()
        for span in each.spans:
            text.append(span.text, style=STYLES[span.tone])
        text.rstrip()
        console.print(text, soft_wrap=not console.is_terminal)
    console.file.flush()
