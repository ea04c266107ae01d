"""How often services were restarted on this node, and which have failed for good: kept for the next agent (S16)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .files import UNREADABLE, is_there, local_time, write_atomically
from .log import Log


@dataclass(frozen=True)
class Tries:
    """Under the lease of `epoch`: when each service was restarted, and when those failed that are not any more (ms)."""

    epoch: int = 0
    restarts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)


class TriesFile:
    """The tries of one boot. `lease`: the lease file; where it is, an agent has run that has written its tries too."""

    def __init__(self, path: Path, boot: str, lease: Path, log: Log) -> None:
        self._path, self._boot, self._lease, self._log = path, boot, lease, log
        self._kept: Tries | None = None
        self._is_told = False

    def load(self, now_ms: int) -> Tries | None:
        """None when it is not known: then all tries count as used."""
        try:
            saved = json.loads(self._path.read_text(encoding="utf-8"))
            if saved["boot"] != self._boot:
                return Tries()
            return Tries(
                epoch=int(saved["epoch"]),
                restarts={
                    str(name): tuple(local_time(at, now_ms) for at in times)
                    for name, times in saved["restarts"].items()
                },
                failed={str(name): local_time(at, now_ms) for name, at in saved["failed"].items()},
            )
        except FileNotFoundError:
            return None if is_there(self._lease) else Tries()
        except UNREADABLE:
            return None

    def keep(self, tries: Tries) -> None:
        """Write it down when it has changed. A file that is behind is removed: the next agent then counts them all."""
        if tries == self._kept:
            return
        self._kept = tries
        content = {"epoch": tries.epoch, "restarts": dict(tries.restarts), "failed": dict(tries.failed)}
        try:
            write_atomically(self._path, {"boot": self._boot, **content})
            self._is_told = False
        except OSError as fault:
            if not self._is_told:
                self._log.error("tries_file_not_written", str(fault))
            self._is_told = True
            self._remove()

    def _remove(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError as fault:
            self._log.error("tries_file_not_removed", str(fault))
