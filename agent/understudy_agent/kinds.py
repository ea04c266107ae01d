"""The kinds of service: how each is started, stopped, killed and looked at (S9). All answers are tasks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from .clock import boottime_ms
from .probe import TcpProbe
from .remains import Remains
from .tasks import (
    Outcome,
    Settled,
    Task,
    Until,
    command_task,
    done_if_zero,
    group_is_gone,
    signal_group,
)

TETHER = str(Path(__file__).with_name("tether.py"))
NO_TASKS = ("", "0", "[not set]", str(2**64 - 1))
SETTLE_MS = 1000
"""How long a process without a `ready` port must stay alive to count as started."""


class Kind(Protocol):
    """One service as its kind handles it."""

    slow_to_show: bool
    """Whether a look may still say DOWN for a while after a start that went well."""

    def start(self) -> Task: ...

    def stop(self) -> Task: ...

    def kill(self) -> Task: ...

    def look(self) -> Task: ...

    def remains(self) -> Remains:
        """Where whatever may be left of it can be found, by what is known at this moment."""
        ...


class Unit:
    """A systemd unit. Its own `Restart=` is left to systemd."""

    slow_to_show = False

    def __init__(self, unit: str, systemctl: str = "systemctl") -> None:
        self._unit = unit
        self._systemctl = systemctl

    def start(self) -> Task:
        return command_task([self._systemctl, "start", self._unit])

    def stop(self) -> Task:
        return command_task([self._systemctl, "stop", self._unit])

    def kill(self) -> Task:
        """Kill every process of the unit; the stop that is queued first keeps systemd from restarting it."""
        script = '"$0" stop --no-block "$1"; exec "$0" kill -s KILL "$1"'
        return command_task(["/bin/sh", "-c", script, self._systemctl, self._unit])

    def look(self) -> Task:
        argv = [self._systemctl, "show", "-p", "ActiveState", "-p", "TasksCurrent", self._unit]
        return command_task(argv, _judge_unit, capture=True)

    def remains(self) -> Remains:
        return Remains()


def _judge_unit(status: int, output: str) -> Outcome:
    """A unit that is inactive or failed may still have processes: the task count tells."""
    shown = dict(line.partition("=")[::2] for line in output.splitlines())
    state = shown.get("ActiveState", "")
    if status != 0:
        return Outcome.UNKNOWN
    if state in ("active", "reloading", "refreshing"):
        return Outcome.SERVING
    if state in ("inactive", "failed"):
        return Outcome.DOWN if shown.get("TasksCurrent", "") in NO_TASKS else Outcome.RUNNING
    return Outcome.UNKNOWN


class Script:
    """Commands with exit statuses as the Linux Standard Base defines them for init scripts."""

    slow_to_show = True

    def __init__(
        self, start: Sequence[str], stop: Sequence[str], status: Sequence[str], kill: Sequence[str] = ()
    ) -> None:
        self._start, self._stop, self._status = start, stop, status
        self._kill = kill or stop

    def start(self) -> Task:
        return command_task(self._start)

    def stop(self) -> Task:
        return command_task(self._stop)

    def kill(self) -> Task:
        """The kill command; without one, the stop command is asked again."""
        return command_task(self._kill)

    def look(self) -> Task:
        return command_task(self._status, _judge_status)

    def remains(self) -> Remains:
        return Remains()


def _judge_status(status: int, _output: str) -> Outcome:
    """0 runs; 1 and 2 are dead with a file left behind, 3 is stopped; 4 and anything else is no answer."""
    return {0: Outcome.SERVING, 1: Outcome.DEAD, 2: Outcome.DEAD, 3: Outcome.DOWN}.get(status, Outcome.UNKNOWN)


class Process:
    """A child of the agent, in a session of its own, that dies with it. It must stay in the foreground."""

    slow_to_show = False

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

    def start(self) -> Task:
        if not self._is_gone():
            return Settled(Outcome.FAILED)  # a member of its group outlived it
        argv = [sys.executable, "-IS", TETHER, str(os.getpid()), *self._command]
        try:
            self._child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=2, start_new_session=True)
        except OSError as fault:
            return Settled(done_if_zero(127, str(fault)))
        if self._ready is None:
            settled_at_ms = self._clock_ms() + SETTLE_MS
            return Until(lambda: self._once(lambda: self._clock_ms() >= settled_at_ms))
        probe = TcpProbe(self._ready)
        return Until(lambda: self._once(probe.accepts), probe.close)

    def _once(self, ready: Callable[[], bool]) -> Outcome | None:
        if self._child is None or self._child.poll() is not None:
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
            return Settled(Outcome.DOWN)
        alive = self._child is not None and self._child.poll() is None
        return Settled(Outcome.SERVING if alive else Outcome.RUNNING)

    def remains(self) -> Remains:
        return Remains()

    def _is_gone(self) -> bool:
        if self._child is None:
            return True
        return self._child.poll() is not None and group_is_gone(self._child.pid)
