"""What was done with the services of this node, kept for its next agent: how often each was restarted, which have
failed for good, and of which something may run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .files import UNREADABLE, is_there, local_time, write_atomically
from .log import Log


@dataclass(frozen=True)
class Tries:
    """Under the lease of `epoch`: when each service was restarted, and when those failed that are not any more (ms).

    `may_run`: those that were started or seen running in this boot since they were last down; None: not known.
    """

    epoch: int = 0
    restarts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    may_run: frozenset[str] | None = frozenset()


class TriesFile:
    """The tries of one boot. `lease`: the lease file; where it is, an agent has run that has written its tries too."""

    def __init__(self, path: Path, boot: str, lease: Path, log: Log) -> None:
        self._path, self._boot, self._lease, self._log = path, boot, lease, log
        self._kept: Tries | None = None
        self._is_logged = False

    def load(self, now_ms: int) -> Tries | None:
        """None when it is not known: then all tries count as used, and anything may run."""
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
                may_run=_names(saved["may_run"]) if "may_run" in saved else None,
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
        may_run = {} if tries.may_run is None else {"may_run": sorted(tries.may_run)}
        try:
            write_atomically(self._path, {"boot": self._boot, **content, **may_run})
            self._is_logged = False
        except OSError as fault:
            if not self._is_logged:
                self._log.error("tries_file_not_written", str(fault))
            self._is_logged = True
            self._remove()

    def _remove(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError as fault:
            self._log.error("tries_file_not_removed", str(fault))


def _names(value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"{value!r:.100} is no list of names")
    return frozenset(value)
