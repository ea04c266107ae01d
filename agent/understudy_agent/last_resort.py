"""Ends what is left of services by system calls alone: no program is started, and no disk is needed."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path

from . import cgroups
from .log import Log
from .remains import Remains
from .unmount import is_within, mount_points, users

AGAIN_S = 0.1
MNT_FORCE = 1


MCL_CURRENT = 1


def stay_in_memory(log: Log) -> None:
    """Keep this process in memory, with all that it has loaded: the disk that it came from may be gone when it acts."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(MCL_CURRENT) != 0:
        why = os.strerror(ctypes.get_errno())
        log.warning("not_kept_in_memory", f"it needs the disk that it was started from: {why}")


def umount(mount_point: str) -> None:
    """umount2(2): gives up what a network file system waits for, and never detaches lazily. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount2(os.fsencode(mount_point), MNT_FORCE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), mount_point)


class Ender:
    """Kills and unmounts again and again while it is to, in threads that are there before they are needed.

    Unmounting may hang, so it has a thread of its own.
    """

    def __init__(
        self,
        remains: Callable[[], Collection[Remains]],
        log: Log,
        proc: Path = Path("/proc"),
        unmount: Callable[[str], None] = umount,
    ) -> None:
        self._remains, self._log = remains, log
        self._proc, self._unmount = proc, unmount
        self._acts = threading.Event()
        self._logged: set[str] = set()
        for name, act in (("kills", self.kill), ("unmounts", self.unmount)):
            threading.Thread(target=self._run, args=(act,), name=name, daemon=True).start()

    def begin(self) -> None:
        """End what is left, from now on."""
        self._acts.set()

    def cease(self) -> None:
        """Leave everything alone again."""
        self._acts.clear()

    def kill(self) -> None:
        """End every process that is left, once."""
        for remains in self._remains():
            for group in remains.control_groups:
                self._try(cgroups.kill, group)

    def unmount(self) -> None:
        """End every process that keeps a file system busy, and unmount it, once. Raises OSError."""
        wanted = [point for remains in self._remains() for point in remains.mount_points]
        within = [each for each in mount_points(self._proc / "self/mountinfo") if _is_in(each, wanted)]
        for point in reversed(within):
            self._try(self._take_away, point)

    def _take_away(self, point: str) -> None:
        for pid in users(self._proc, point):
            self._kill(pid)
        self._unmount(point)

    def _kill(self, pid: int) -> None:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return  # it has ended

    def _try(self, act: Callable[[str], None], what: str) -> None:
        """One that cannot be ended hinders no other."""
        try:
            act(what)
        except OSError as fault:
            self._log_once(f"{what}: {fault.strerror}")

    def _run(self, act: Callable[[], None]) -> None:
        while True:
            self._acts.wait()
            try:
                act()
            except Exception as fault:
                self._log_once(repr(fault))
            time.sleep(AGAIN_S)

    def _log_once(self, why: str) -> None:
        if why not in self._logged:
            self._logged.add(why)
            self._log.error("last_resort_failed", f"it is tried again: {why}")


def _is_in(mount_point: str, wanted: Collection[str]) -> bool:
    return any(is_within(mount_point, each) for each in wanted)
