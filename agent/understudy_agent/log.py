"""Log lines: one JSON object per event on standard error, where journald collects them."""

from __future__ import annotations

import atexit
import json
import os
import queue
import threading
from collections.abc import Mapping
from typing import Protocol

CAPACITY = 1000
"""How many lines wait for a slow reader; more than that are lost, and counted."""
FLUSH_LIMIT_S = 1.0
PRIORITIES = {"ERROR": 3, "WARNING": 4, "INFO": 6}
"""As syslog and journald number them."""


class Log(Protocol):
    """Where events are logged. `what` is the event's name, `why` the reason in words. It never raises or waits."""

    def info(self, what: str, why: str, **facts: object) -> None: ...

    def warning(self, what: str, why: str, **facts: object) -> None: ...

    def error(self, what: str, why: str, **facts: object) -> None: ...


class Lines:
    """Writes lines to a file descriptor in a thread of its own.

    Whoever hands one over never waits and never fails: behind the descriptor may be a full disk, a reader that is gone,
    or one that does not read.
    """

    def __init__(self, descriptor: int, capacity: int = CAPACITY) -> None:
        self._descriptor = descriptor
        self._lines: queue.Queue[str] = queue.Queue(capacity)
        self._lost = 0
        self._written = threading.Condition()
        self._left = 0
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def put(self, line: str) -> None:
        """Queue a line to be written, or count it as lost."""
        with self._written:
            try:
                self._lines.put_nowait(line)
                self._left += 1
            except queue.Full:
                self._lost += 1

    def flush(self, limit_s: float = FLUSH_LIMIT_S) -> bool:
        """Wait until all is written, at most for `limit_s` seconds. Whether it is."""
        with self._written:
            return self._written.wait_for(lambda: self._left == 0, limit_s)

    def _run(self) -> None:
        while True:
            line = self._lines.get()
            lost = self._lost
            is_written = write_all(self._descriptor, _said_of(lost) + line + "\n")
            with self._written:
                self._lost += -lost if is_written else 1
                self._left -= 1
                self._written.notify_all()


def _said_of(lost: int) -> str:
    why = "nobody read them, or they could not be written"
    return json.dumps({"level": "WARNING", "what": "lines_lost", "why": why, "lines": lost}) + "\n" if lost else ""


def write_all(descriptor: int, text: str) -> bool:
    """Write a text to a descriptor. False: it could not be written."""
    left = text.encode("utf-8", "replace")
    try:
        while left:
            left = left[os.write(descriptor, left) :]
    except OSError:
        return False
    return True


class JsonLog:
    """Writes each event as one line. The time stamp is journald's, and so is the priority where journald reads."""

    def __init__(self, cluster: str, lines: Lines | None = None, environment: Mapping[str, str] = os.environ) -> None:
        self._cluster = cluster
        self._priorities = {level: priority_of(level, 2, environment) for level in PRIORITIES}
        if lines is None:
            lines = Lines(2)
            atexit.register(lines.flush)
        self._lines = lines

    def info(self, what: str, why: str, **facts: object) -> None:
        self._write("INFO", what, why, facts)

    def warning(self, what: str, why: str, **facts: object) -> None:
        self._write("WARNING", what, why, facts)

    def error(self, what: str, why: str, **facts: object) -> None:
        self._write("ERROR", what, why, facts)

    def _write(self, level: str, what: str, why: str, facts: Mapping[str, object]) -> None:
        line = {"level": level, "what": what, "why": why, "cluster": self._cluster, **facts}
        self._lines.put(self._priorities[level] + json.dumps(line, default=str))


def priority_of(level: str, descriptor: int, environment: Mapping[str, str]) -> str:
    """What goes before a line of this level: its priority where journald reads, else nothing."""
    return f"<{PRIORITIES[level]}>" if is_journal(descriptor, environment) else ""


def is_journal(descriptor: int, environment: Mapping[str, str]) -> bool:
    """Whether journald reads what is written to a descriptor: systemd says which file that is, in JOURNAL_STREAM."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
