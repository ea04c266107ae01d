"""The kind `process`: a program that the agent runs itself, and that dies with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .children import spawn
from .clock import boottime_ms
from .probe import TcpProbe
from .remains import Remains
from .tasks import FinishedTask, Outcome, Task, Until, group_is_gone, signal_group

TETHER = str(Path(__file__).with_name("tether.py"))
SETTLE_MS = 1000
"""How long a process without a `ready` port must stay alive to count as started."""


class Process:
    """A child of the agent, in a session of its own, that dies with it. It must stay in the foreground."""

    slow_to_show = False
    confirms_start = True

    def __init__(
        self,
        command: Sequence[str],
        ready: tuple[str, int] | None = None,
        clock_ms: Callable[[], int] = boottime_ms,
    ) -> None:
        self._command = command
        self._ready = ready
        self._clock_ms = clock_ms
        self._child: subprocess.Popen[bytes] | None = None
        """Until nothing of its group is left: its id, which is the group's, cannot be given to a stranger meanwhile."""

    def start(self) -> Task:
        if not self._is_gone():
            return FinishedTask(Outcome.FAILED, "a member of its process group outlived it")
        argv = [sys.executable, "-IS", TETHER, str(os.getpid()), *self._command]
        try:
            self._child = spawn(argv)
        except OSError as fault:
            return FinishedTask(Outcome.FAILED, str(fault))
        if self._ready is None:
            settled_at_ms = self._clock_ms() + SETTLE_MS
            return Until(lambda: self._once(lambda: self._clock_ms() >= settled_at_ms))
        probe = TcpProbe(self._ready)
        return Until(lambda: self._once(probe.accepts), probe.close)

    def _once(self, ready: Callable[[], bool]) -> Outcome | None:
        if not self._is_alive():
            return Outcome.FAILED
        return Outcome.DONE if ready() else None

    def stop(self) -> Task:
        return self._end(signal.SIGTERM)

    def kill(self) -> Task:
        return self._end(signal.SIGKILL)

    def _end(self, number: int) -> Task:
        if self._child is not None and not self._is_gone():
            signal_group(self._child.pid, number)
        return Until(lambda: Outcome.DONE if self._is_gone() else None)

    def look(self) -> Task:
        if self._is_gone():
            return FinishedTask(Outcome.DOWN)
        if self._is_alive():
            return FinishedTask(Outcome.SERVING)
        return FinishedTask(Outcome.RUNNING, "it has ended, and a child of it has not")

    def remains(self) -> Remains:
        return Remains()

    def _is_alive(self) -> bool:
        return self._child is not None and not has_ended(self._child.pid)

    def _is_gone(self) -> bool:
        """Whether nothing of it is left. Only then is its end collected, which gives its id away."""
        if self._child is not None and has_ended(self._child.pid) and group_is_gone(self._child.pid):
            self._child.wait()
            self._child = None
        return self._child is None


def has_ended(pid: int) -> bool:
    """Whether a child has ended. It is not collected: as long as it waits for that, nobody else gets its id."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True  # somebody else has collected it
