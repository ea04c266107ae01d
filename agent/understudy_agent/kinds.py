"""The kinds of service: how each is started, stopped, killed and looked at. All answers are tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .remains import Remains
from .scopes import Scopes
from .tasks import FinishedTask, Looks, Outcome, Task, Until, command_task


class ServiceKind(Protocol):
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


class Script:
    """Commands with exit statuses as the Linux Standard Base defines them for init scripts.

    What its start leaves running is found in its slice, and killed there, whatever its commands say.
    """

    slow_to_show = True
    confirms_start = False

    def __init__(
        self,
        start: Sequence[str],
        stop: Sequence[str],
        status: Sequence[str],
        kill: Sequence[str] = (),
        scopes: Scopes | None = None,
    ) -> None:
        """Without `scopes` what it starts runs where the agent does."""
        self._start, self._stop, self._status, self._kill = start, stop, status, kill
        self._scopes = scopes
        self._looks = Looks()

    def start(self) -> Task:
        return command_task(self._start if self._scopes is None else self._scopes.command(self._start))

    def stop(self) -> Task:
        return command_task(self._stop)

    def kill(self) -> Task:
        """End all in its slice, and run the kill command. Without either, the stop command is asked again.

        A slice that was emptied is done with, whatever the command says.
        """
        scopes = self._scopes
        if scopes is None or not scopes.end_left():
            return command_task(self._kill or self._stop)
        task = command_task(self._kill) if self._kill else FinishedTask(Outcome.DONE)
        return Until(lambda: Outcome.DONE if task.poll() is not None and not scopes.end_left() else None, task.abort)

    def look(self) -> Task:
        return self._looks.ask(lambda: command_task(self._status, self._judge))

    def _judge(self, status: int, _output: str) -> tuple[Outcome, str]:
        """0 runs; 1 and 2 are dead with a file left behind, 3 is stopped; 4 and anything else is no answer."""
        meanings = {0: Outcome.SERVING, 1: Outcome.DEAD, 2: Outcome.DEAD, 3: Outcome.DOWN}
        outcome, why = meanings.get(status, Outcome.UNKNOWN), f"status ended with {status}"
        if outcome is Outcome.SERVING:
            return outcome, ""
        if outcome is Outcome.UNKNOWN or self._scopes is None:
            return outcome, why
        return self._scopes.judge(outcome, why)

    def remains(self) -> Remains:
        return Remains(() if self._scopes is None else self._scopes.groups)
