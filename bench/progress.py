"""What a benchmark says while it runs: its stages. Whatever else is printed meanwhile goes into a file."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

COLUMNS = 100
"""How wide a benchmark prints at most."""


class Progress:
    """Numbered stages, `total` of them, each with the time since the first."""

    def __init__(self, console: Console, total: int) -> None:
        self.console = console
        self._total, self._number = total, 0
        self._began = time.monotonic()

    def stage(self, what: str) -> None:
        """Say what begins now."""
        self._number += 1
        minutes, seconds = divmod(round(time.monotonic() - self._began), 60)
        digits = len(str(self._total))
        self.console.print(f"{self._number:{digits}} of {self._total}  {minutes:2}:{seconds:02}  {what}")


@contextmanager
def output_into(log: Path) -> Iterator[Console]:
    """Until the end of the block, all that this process and its children write to their standard streams is in `log`.

    Yields what still prints to the standard output of before. Functions log thousands of lines of JSON, by handlers
    that may have kept an older `sys.stdout`: so the file descriptors are redirected.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    _flush()
    kept = {number: os.dup(number) for number in (1, 2)}
    with log.open("wb") as file, os.fdopen(os.dup(1), "w", encoding="utf-8") as before:
        for number in kept:
            os.dup2(file.fileno(), number)
        try:
            yield Console(file=before, width=COLUMNS, highlight=False)
        finally:
            _flush()
            for number, descriptor in kept.items():
                os.dup2(descriptor, number)
                os.close(descriptor)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
