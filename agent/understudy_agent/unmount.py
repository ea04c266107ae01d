"""Unmount a file system: `unmount.py stop|kill UMOUNT MOUNTINFO PROC MOUNT_POINT`. Ends when it is unmounted.

`stop` waits for those who use it. `kill` kills them, and unmounts what is mounted below it too. Never lazily: a file
system that is only detached is still written to by whoever has files open, and nothing would show it any more.

Run as a script of its own, because looking through all processes takes longer than a tick of the agent may, and
because unmounting can hang. It looks at links and tables of the kernel only, never into the file system.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

RETRY_S = 0.2


def mount_points(mountinfo: Path) -> list[str]:
    """Where something is mounted, oldest first. Raises OSError.

    A mount point of the automounter is no mount yet: nothing is there before somebody looks.
    """
    points = []
    for line in mountinfo.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        left, _, right = line.partition(" - ")
        fields, file_system = left.split(" "), right.split(" ")[0]
        if len(fields) > 4 and file_system != "autofs":
            points.append(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4]))
    return points


def is_within(path: str, mount_point: str) -> bool:
    """Whether a path is a mount point or lies below it."""
    return path == mount_point or path.startswith(mount_point + "/")


def users(proc: Path, mount_point: str) -> list[int]:
    """Ids of the processes that have something open there, work there, or run a program from there.

    Neither this process nor the agent, nor the first process of the machine.
    """
    spared = {1, os.getpid(), os.getppid()}
    found = (int(entry.name) for entry in proc.iterdir() if entry.name.isdigit())
    return [pid for pid in found if pid not in spared and _uses(proc / str(pid), mount_point)]


def _uses(process: Path, mount_point: str) -> bool:
    return any(is_within(path, mount_point) for path in _paths(process))


def _paths(process: Path) -> Iterator[str]:
    try:
        links = [process / name for name in ("cwd", "root", "exe")]
        links += (process / "fd").iterdir()
        maps = (process / "maps").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return  # it has ended
    for link in links:
        try:
            yield str(link.readlink())
        except OSError:
            continue  # closed meanwhile, or a kernel thread, which has none
    for line in maps.splitlines():
        yield line.split(maxsplit=5)[-1]


def main(mode: str, umount: str, mountinfo: Path, proc: Path, mount_point: str) -> int:
    """Try until it is unmounted; whoever started this ends it at its limit. Exit status 1: it cannot be known."""
    logged = ""
    while True:
        try:
            points = mount_points(mountinfo)
        except OSError as fault:
            sys.stderr.write(f"{fault}\n")
            return 1
        if mount_point not in points:
            return 0
        fault_now = _kill(points, umount, proc, mount_point) if mode == "kill" else _unmount([umount, mount_point])
        if fault_now and fault_now != logged:
            sys.stderr.write(fault_now)
            logged = fault_now
        if fault_now:
            time.sleep(RETRY_S)


def _kill(points: list[str], umount: str, proc: Path, mount_point: str) -> str:
    for pid in users(proc, mount_point):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            continue  # it has ended
    within = [point for point in points if is_within(point, mount_point)]
    # -f gives up what a network file system still waits for; others know nothing of it.
    return "".join(_unmount([umount, "-f", point]) for point in reversed(within))


def _unmount(argv: list[str]) -> str:
    """What went wrong, or nothing."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=2, stderr=subprocess.PIPE, check=False)
    except OSError as fault:
        return f"{fault}\n"
    if done.returncode == 0:
        return ""
    return done.stderr.decode("utf-8", "replace") or f"{argv[0]} ended with {done.returncode}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), sys.argv[5]))
