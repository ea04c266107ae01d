"""The kind `mount`: a file system that is mounted while the node serves."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .process import TETHER
from .remains import Remains
from .scopes import Scopes
from .tasks import NO_PROGRAM, FinishedTask, Looks, Outcome, Task, Until, command_task
from .unmount import mount_points

UNMOUNTED = (Outcome.DOWN, "it is unmounted")
UNMOUNT = str(Path(__file__).with_name("unmount.py"))


@dataclass(frozen=True)
class System:
    """Where mounts are seen and made."""

    mountinfo: Path = Path("/proc/self/mountinfo")
    proc: Path = Path("/proc")
    mount: str = "mount"
    umount: str = "umount"
    stat: str = "stat"


class Mount:
    """A mount point. Whatever is mounted there counts as it. Helpers that its mount leaves running belong to it."""

    slow_to_show = False
    confirms_start = True

    def __init__(
        self,
        mount_point: str,
        device: str = "",
        fstype: str = "",
        options: str = "",
        system: System | None = None,
        scopes: Scopes | None = None,
    ) -> None:
        """Without `device` it is mounted as fstab says; without `scopes` a helper runs where the agent does."""
        self.mount_point, self.device, self.fstype, self.options = mount_point, device, fstype, options
        self._system, self._scopes = system or System(), scopes
        self._mount: Sequence[str] = (
            self._system.mount,
            *(("-t", fstype) if fstype else ()),
            *(("-o", options) if options else ()),
            *((device,) if device else ()),
            mount_point,
        )
        self._looks = Looks()
        """The look into the file system that was begun last. It may hang whatever is done to it."""
        self._is_ending = self._was_killed = False

    def start(self) -> Task:
        self._is_ending = self._was_killed = False
        return command_task(self._mount if self._scopes is None else self._scopes.command(self._mount))

    def stop(self) -> Task:
        """Unmount as soon as nobody uses it, then ask its helpers to end."""
        return self._unmount("stop", signal.SIGTERM)

    def kill(self) -> Task:
        """Kill whoever uses it, unmount, and kill its helpers; the helpers first if that did not work the last time."""
        if self._was_killed and self._scopes is not None:
            self._scopes.end_left()
        self._was_killed = True
        return self._unmount("kill", signal.SIGKILL)

    def _unmount(self, mode: str, number: int) -> Task:
        self._is_ending = True
        system, scopes = self._system, self._scopes
        argv = [UNMOUNT, mode, system.umount, str(system.mountinfo), str(system.proc), self.mount_point]
        python = [sys.executable, "-IS"]
        # Tied to the agent: one that outlived it would unmount what the next agent has mounted.
        task = command_task([*python, TETHER, str(os.getpid()), *python, *argv])

        def unmounted() -> Outcome | None:
            outcome = task.poll()
            if outcome is Outcome.DONE and scopes is not None:
                scopes.end_left(number)
            return outcome

        return Until(unmounted, task.abort)

    def look(self) -> Task:
        """Whether it is mounted is read from the kernel's table; whether its file system answers, a child asks."""
        try:
            points = mount_points(self._system.mountinfo)
        except OSError as fault:
            return FinishedTask(Outcome.UNKNOWN, str(fault))
        if self.mount_point not in points:
            self._is_ending = False
            return FinishedTask(*((Outcome.DOWN, "") if self._scopes is None else self._scopes.judge(*UNMOUNTED)))
        if self._is_ending:
            return FinishedTask(
                Outcome.SERVING
            )  # nobody asks whether it answers, and a question that hangs delays the end
        argv = [self._system.stat, "--file-system", "--format=%T", "--", self.mount_point]
        return self._looks.ask(partial(command_task, argv, _judge_answer, capture=True))

    def remains(self) -> Remains:
        return Remains(() if self._scopes is None else self._scopes.groups, (self.mount_point,))


def _judge_answer(status: int, _output: str) -> tuple[Outcome, str]:
    if status == 0:
        return Outcome.SERVING, ""
    outcome = Outcome.UNKNOWN if status in NO_PROGRAM else Outcome.RUNNING
    return outcome, f"it is mounted, and asking its file system (statfs) ended with {status}"
