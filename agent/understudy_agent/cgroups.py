"""Who runs in a control group, as the kernel says: systemd's own accounting may be switched off."""

from __future__ import annotations

import os
import signal
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def hierarchies(root: Path = ROOT) -> list[Path]:
    """Where systemd keeps its control groups: version 2, version 1, or both in a hybrid. Empty: there are none."""
    if (root / "cgroup.controllers").exists():
        return [root]
    return [root / name for name in ("unified", "systemd") if (root / name / "cgroup.procs").exists()]


def processes(control_group: str, root: Path = ROOT) -> set[int]:
    """Ids of the processes in a control group, as systemd names it ("/system.slice/x.service"), and in all below it.

    0 stands for one that this process cannot see. Raises OSError when it cannot be told; a group that is not there has
    none.
    """
    found = hierarchies(root)
    if not found:
        raise OSError(f"no control groups below {root}")
    return {pid for hierarchy in found for pid in _below(hierarchy / control_group.lstrip("/"))}


def _below(group: Path) -> set[int]:
    try:
        pids = {int(line) for line in (group / "cgroup.procs").read_text(encoding="ascii").split()}
        with os.scandir(group) as entries:
            below = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return set()
    return pids.union(*(_below(each) for each in below))


def kill(control_group: str, root: Path = ROOT) -> None:
    """SIGKILL to all that run in a control group and below it. Starts no program. Raises OSError as `processes` does.

    Who forks meanwhile may be missed: ask again until nobody is left.
    """
    end(control_group, signal.SIGKILL, root)


def end(control_group: str, number: int, root: Path = ROOT) -> None:
    """As `kill`, with another signal."""
    for pid in processes(control_group, root) - {0, 1, os.getpid()}:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue  # it has ended
