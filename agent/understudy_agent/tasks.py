"""What a service is asked to do, as tasks that the loop polls: nothing here ever waits."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Protocol, Union

from .children import spawn


class Outcome(Enum):
    """What came of a task. DONE and FAILED answer an act; the others answer a look at the service."""

    DONE = "DONE"
    FAILED = "FAILED"
    SERVING = "SERVING"  # it does its work
    RUNNING = "RUNNING"  # something of it runs, and it does not do its work
    CHANGING = "CHANGING"  # the same, because somebody has it stopped or started at this moment
    DOWN = "DOWN"  # nothing of it is left
    DEAD = "DEAD"  # nothing of it is left, and it did not end in an orderly way
    UNFIT = "UNFIT"  # nothing of it is left, and it cannot be started
    UNKNOWN = "UNKNOWN"


class Task(Protocol):
    """Something under way. `why`: what its outcome rests on, in words; "" when there is nothing to say."""

    why: str

    def poll(self) -> Outcome | None:
        """The outcome, or None while it is under way. Never waits."""
        ...

    def abort(self) -> None:
        """Give it up; a command is killed with its process group."""
        ...


class FinishedTask:
    """A task whose outcome is known at once."""

    def __init__(self, outcome: Outcome, why: str = "") -> None:
        self._outcome = outcome
        self.why = why

    def poll(self) -> Outcome | None:
        return self._outcome

    def abort(self) -> None:
        """Nothing is under way."""


class Until:
    """A task that is done when a question is first answered with an outcome."""

    def __init__(self, ask: Callable[[], Outcome | None], give_up: Callable[[], None] | None = None) -> None:
        self._ask = ask
        self._give_up = give_up
        self.why = ""

    def poll(self) -> Outcome | None:
        return self._ask()

    def abort(self) -> None:
        if self._give_up is not None:
            self._give_up()


OUTPUT_LIMIT = 2**20
"""How much of what a command writes is kept (bytes): one that writes without end does not fill the memory."""
READ_BYTES, READS_MOST = 2**16, 16
"""How much is taken at once of what it has written, and how often in one look: then the loop goes on."""
NOT_EXECUTABLE, CANNOT_BE_STARTED = 126, 127
"""The exit statuses of a command that cannot be started, as in a shell."""
NO_PROGRAM = {
    NOT_EXECUTABLE: ": it, or one that it calls, may not be executed",
    CANNOT_BE_STARTED: ": it, or one that it calls, is not there or is no program",
}

Judge = Callable[[int, str], Union[Outcome, "tuple[Outcome, str]"]]
"""From exit status and standard output of a command to the outcome, with or without what it rests on."""


def done_if_zero(status: int, output: str) -> tuple[Outcome, str]:
    """The outcome of a command that acts. One for which there is no process has the reason as its output."""
    if status == 0:
        return Outcome.DONE, ""
    reason = NO_PROGRAM.get(status, "")
    return Outcome.FAILED, (output if reason else "") or f"its command ended with {status}{reason}"


def judged(judge: Judge, status: int, output: str) -> tuple[Outcome, str]:
    """The outcome of a command that has ended, and what it rests on."""
    verdict = judge(status, output)
    return verdict if isinstance(verdict, tuple) else (verdict, "")


class Command:
    """A command in a process group of its own, with its output judged when it has ended.

    Its standard output goes to the journal with the agent's own, unless `capture` keeps it for the judge.
    """

    def __init__(
        self,
        argv: Sequence[str],
        judge: Judge = done_if_zero,
        *,
        capture: bool = False,
        more: Mapping[str, str] | None = None,
    ) -> None:
        """`more`: what its environment has beyond that of every child."""
        self._judge = judge
        self.why = ""
        self._was_given_up = False
        self._child = spawn(argv, subprocess.PIPE if capture else 2, more)
        self._said = b""
        if self._child.stdout is not None:
            os.set_blocking(self._child.stdout.fileno(), False)

    def poll(self) -> Outcome | None:
        status = self._child.poll()
        self._take_output()  # also while it runs: with a full pipe it would never end
        if status is None:
            return None
        outcome, self.why = judged(self._judge, status, self._output())
        return outcome

    @property
    def has_ended(self) -> bool:
        """Whether its process is gone. One that the kernel keeps in a call outlives even being killed."""
        return self._child.poll() is not None

    @property
    def hangs(self) -> bool:
        """Whether it was given up, and something of it lives on: the kernel keeps it in a call."""
        return self._was_given_up and not group_is_gone(self._child.pid)

    def abort(self) -> None:
        self._was_given_up = True
        if not self.has_ended:
            signal_group(self._child.pid, signal.SIGKILL)
        _unreaped.append(self._child)
        reap()

    def _take_output(self) -> None:
        if self._child.stdout is None or self._child.stdout.closed:
            return
        for _ in range(READS_MOST):
            try:
                part = os.read(self._child.stdout.fileno(), READ_BYTES)
            except BlockingIOError:
                return
            if not part:
                return
            self._said = (self._said + part)[:OUTPUT_LIMIT]

    def _output(self) -> str:
        if self._child.stdout is not None:
            self._child.stdout.close()
        return self._said.decode("utf-8", "replace")


STILL_HANGS = "the question before hangs in the kernel, and cannot be killed"


class Looks:
    """Commands that ask the same, again and again. None is begun beside one that hangs: they would pile up."""

    def __init__(self) -> None:
        self._last: Task | None = None

    def ask(self, begin: Callable[[], Task]) -> Task:
        """Begin the next one, unless the one before still hangs: then nothing is known."""
        if isinstance(self._last, Command) and self._last.hangs:
            return FinishedTask(Outcome.UNKNOWN, STILL_HANGS)
        self._last = begin()
        return self._last


_unreaped: list[subprocess.Popen[bytes]] = []


def reap() -> None:
    """Collect the exit of commands that were given up, without waiting for any."""
    for child in [child for child in _unreaped if child.poll() is not None]:
        if child.stdout is not None:
            child.stdout.close()
        _unreaped.remove(child)


def signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group. False: there is no such group, or it may not be signalled."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def group_is_gone(group: int, proc: Path = Path("/proc")) -> bool:
    """Whether no live process is left in a process group; one that only waits to be reaped is not live."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return not any(_is_live_member(entry, group) for entry in proc.glob("[0-9]*/stat"))


def _is_live_member(stat: Path, group: int) -> bool:
    try:
        text = stat.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False  # it ended while we looked
    state, _parent, member_of = text.rpartition(")")[2].split()[:3]
    return int(member_of) == group and state not in "ZX"


def command_task(
    argv: Sequence[str],
    judge: Judge = done_if_zero,
    *,
    capture: bool = False,
    more: Mapping[str, str] | None = None,
) -> Task:
    """A command as a task. One for which there is no process is judged as exit status 127, as in a shell."""
    reap()
    try:
        return Command(argv, judge, capture=capture, more=more)
    except OSError as fault:
        return FinishedTask(*judged(judge, CANNOT_BE_STARTED, str(fault)))
