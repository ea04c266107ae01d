"""The kinds of service: how each is started, stopped, killed and looked at (S9). All answers are tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .remains import Remains
from .tasks import Outcome, Task, command_task

NO_TASKS = ("", "0", "[not set]", str(2**64 - 1))


class Kind(Protocol):
    """One service as its kind handles it."""

    slow_to_show: bool
    """Whether a look may still say DOWN for a while after a start that went well."""
    confirms_start: bool
    """Whether a look after a start that went well says SERVING only of what has shown that it serves."""

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
    confirms_start = False

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
    confirms_start = False

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
