"""Where what is left of a service can be found, for whoever must end it with nothing but system calls."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from .files import UNREADABLE, write_atomically
from .log import Log


@dataclass(frozen=True)
class Remains:
    """Control groups as systemd names them ("/system.slice/x.service"), and mount points."""

    control_groups: tuple[str, ...] = ()
    mount_points: tuple[str, ...] = ()


class RemainsFile:
    """The remains of each service of a node, as its agent saw them last, for whoever must stop them without it."""

    def __init__(self, path: Path, log: Log) -> None:
        self._path, self._log = path, log
        self._kept: Mapping[str, Remains] | None = None
        self._is_logged = False

    def keep(self, remains: Mapping[str, Remains]) -> None:
        """Write it down when it is not there already. A failed write is logged, and tried again."""
        if self._kept is None:
            self.load()
        if remains == self._kept:
            return
        try:
            write_atomically(self._path, {name: asdict(each) for name, each in remains.items()})
        except OSError as fault:
            if not self._is_logged:
                self._log.error("remains_file_not_written", str(fault))
            self._is_logged = True
            return
        self._kept, self._is_logged = dict(remains), False

    def load(self) -> Collection[Remains]:
        """What an agent has written down; what cannot be read is as it was read last."""
        try:
            saved = json.loads(self._path.read_text(encoding="utf-8"))
            self._kept = {
                str(name): Remains(_texts(each["control_groups"]), _texts(each["mount_points"]))
                for name, each in saved.items()
            }
        except FileNotFoundError:
            return tuple((self._kept or {}).values())
        except UNREADABLE as fault:
            if not self._is_logged:
                self._log.error("remains_file_not_read", str(fault))
            self._is_logged = True
        return tuple((self._kept or {}).values())


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError(f"{values!r:.100} is no list")
    return tuple(str(value) for value in values)
