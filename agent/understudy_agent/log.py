"""Log lines: one JSON object per event on standard error, where journald takes them up."""

from __future__ import annotations

import json
import sys
from typing import Protocol, TextIO


class Log(Protocol):
    """Where events are told. `what` is the event's name, `why` the reason in words."""

    def info(self, what: str, why: str, **facts: object) -> None: ...

    def warning(self, what: str, why: str, **facts: object) -> None: ...

    def error(self, what: str, why: str, **facts: object) -> None: ...


class JsonLog:
    """Writes each event as one line. The time stamp is journald's."""

    def __init__(self, cluster: str, stream: TextIO | None = None) -> None:
        self._cluster = cluster
        self._stream = stream or sys.stderr

    def info(self, what: str, why: str, **facts: object) -> None:
        self._write("INFO", what, why, facts)

    def warning(self, what: str, why: str, **facts: object) -> None:
        self._write("WARNING", what, why, facts)

    def error(self, what: str, why: str, **facts: object) -> None:
        self._write("ERROR", what, why, facts)

    def _write(self, level: str, what: str, why: str, facts: dict[str, object]) -> None:
        line = {"level": level, "what": what, "why": why, "cluster": self._cluster, **facts}
        self._stream.write(json.dumps(line, default=str) + "\n")
        self._stream.flush()
