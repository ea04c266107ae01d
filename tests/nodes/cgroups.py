"""The control groups of one node, one in each hierarchy of this machine: version 1, 2 or both."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from local.waiting import wait_for

MOUNT = Path("/sys/fs/cgroup")
PREFIX = "understudy-lab-"
_CPUSET = ("cpuset.cpus", "cpuset.mems")
LIMIT_S = 10.0


def hierarchies() -> list[Path]:
    """Where the hierarchies of control groups are mounted."""
    return [path for path in (MOUNT, *sorted(MOUNT.iterdir())) if (path / "cgroup.procs").exists()][: _most()]


def _most() -> int | None:
    """On a machine with version 2 alone everything below the mount is one hierarchy."""
    return 1 if (MOUNT / "cgroup.procs").exists() else None


class Cgroups:
    """They are made anew for each boot, and nobody is in them before."""

    def __init__(self, name: str) -> None:
        self.paths = [hierarchy / f"{PREFIX}{name}" for hierarchy in hierarchies()]

    def make(self) -> None:
        self.remove()
        for path in self.paths:
            path.mkdir()
            for setting in _CPUSET:  # version 1 lets nobody in before these are set
                if path.parent != MOUNT and (path / setting).exists():
                    (path / setting).write_text((path.parent / setting).read_text())

    def freeze(self) -> None:
        """Stop everything on the node at once, in the middle of whatever it does; clocks go on."""
        path, setting, words = self._freezer()
        (path / setting).write_text(words[1])
        shown = (path / "cgroup.events", "frozen 1") if setting == "cgroup.freeze" else (path / setting, words[1])
        wait_for("the node is frozen", lambda: shown[1] in shown[0].read_text(), LIMIT_S, interval_s=0.005)

    def forbid_forks(self) -> bool:
        """Let no process or thread begin on the node any more. False: this machine cannot do that."""
        limits = [path / "pids.max" for path in self.paths if (path / "pids.max").exists()]
        for limit in limits:
            limit.write_text("1")
        return bool(limits)

    def slow_down(self, percent: int) -> bool:
        """Give the node so much of one processor and no more. False: this machine cannot do that."""
        period_us = 100_000
        for path in self.paths:
            if (path / "cpu.max").exists():
                (path / "cpu.max").write_text(f"{period_us * percent // 100} {period_us}")
                return True
            if (path / "cpu.cfs_quota_us").exists():
                (path / "cpu.cfs_quota_us").write_text(str(period_us * percent // 100))
                return True
        return False

    def thaw(self) -> None:
        path, setting, words = self._freezer()
        (path / setting).write_text(words[0])

    def _freezer(self) -> tuple[Path, str, tuple[str, str]]:
        for path in self.paths:
            if (path / "cgroup.freeze").exists():
                return path, "cgroup.freeze", ("0", "1")
        return next(p for p in self.paths if (p / "freezer.state").exists()), "freezer.state", ("THAWED", "FROZEN")

    def remove(self) -> None:
        """Once nobody is in them any more. Raises NotInTime."""
        for path in self.paths:
            wait_for(f"{path} is gone", lambda path=path: _removed(path), LIMIT_S, interval_s=0.02)  # type: ignore[misc]

    def left(self) -> list[Path]:
        return [path for path in self.paths if path.exists()]


def _removed(path: Path) -> bool:
    with contextlib.suppress(OSError):  # the kernel, or another run, has removed one meanwhile
        for each in (*sorted((p for p in path.rglob("*") if p.is_dir()), reverse=True), path):
            with contextlib.suppress(OSError):  # somebody is in it yet
                each.rmdir()
    return not path.exists()


def remove_abandoned() -> None:
    """End and remove what a run has left that was killed. Names begin with the process id of the run.

    Several may do that at the same time, so anything may be gone at any moment.
    """
    for hierarchy in hierarchies():
        for path in hierarchy.glob(f"{PREFIX}*"):
            if not Path("/proc", path.name.removeprefix(PREFIX).partition("-")[0]).exists():
                for pid in _inside(path):
                    with contextlib.suppress(ProcessLookupError):  # it has ended
                        os.kill(pid, signal.SIGKILL)
                _removed(path)


def _inside(path: Path) -> set[int]:
    """The processes in a control group and below it, as far as it is still there."""
    found: set[int] = set()
    for folder, _below, files in os.walk(path):  # which takes no offence at what is gone
        if "cgroup.procs" in files:
            with contextlib.suppress(OSError):
                found |= set(map(int, Path(folder, "cgroup.procs").read_text().split()))
    return found
