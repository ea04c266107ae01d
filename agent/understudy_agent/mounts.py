"""The kind `mount`: a file system that is mounted while the node serves (S9)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .kinds import TETHER
from .remains import Remains
from .tasks import Outcome, Settled, Task, command_task
from .unmount import mount_points

UNMOUNT = str(Path(__file__).with_name("unmount.py"))


@dataclass(frozen=True)
class System:
    """Where mounts are seen and made."""

    mountinfo: Path = Path("/proc/self/mountinfo")
    proc: Path = Path("/proc")
    mount: str = "mount"
    umount: str = "umount"


class Mount:
    """A mount point. Whatever is mounted there counts as it, and is seen without touching the file system."""

    slow_to_show = False

    def __init__(
        self, mount_point: str, device: str = "", fstype: str = "", options: str = "", system: System | None = None
    ) -> None:
        """Without `device` it is mounted as fstab says."""
        self._mount_point = mount_point
        self._system = system or System()
        self._mount: Sequence[str] = (
            self._system.mount,
            *(("-t", fstype) if fstype else ()),
            *(("-o", options) if options else ()),
            *((device,) if device else ()),
            mount_point,
        )

    def start(self) -> Task:
        return command_task(self._mount)

    def stop(self) -> Task:
        """Unmount as soon as nobody uses it."""
        return self._unmount("stop")

    def kill(self) -> Task:
        """Kill whoever uses it, and unmount."""
        return self._unmount("kill")

    def _unmount(self, mode: str) -> Task:
        system = self._system
        argv = [UNMOUNT, mode, system.umount, str(system.mountinfo), str(system.proc), self._mount_point]
        python = [sys.executable, "-IS"]
        # Tied to the agent: one that outlived it would unmount what the next agent has mounted.
        return command_task([*python, TETHER, str(os.getpid()), *python, *argv])

    def look(self) -> Task:
        try:
            points = mount_points(self._system.mountinfo)
        except OSError:
            return Settled(Outcome.UNKNOWN)
        return Settled(Outcome.SERVING if self._mount_point in points else Outcome.DOWN)

    def remains(self) -> Remains:
        return Remains(mount_points=(self._mount_point,))
