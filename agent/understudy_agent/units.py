"""The kind `unit`: a systemd unit, with all that it stands for."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path

from . import cgroups
from .remains import Remains
from .shown import PROPERTIES, Shown, UnitGroup, group_of, judge, parse, stop_order
from .tasks import FinishedTask, Outcome, Task, command_task

LOOK_ROUNDS = 8
"""How often one look goes on to units that it has just learnt of."""

AT_ONCE = "--job-mode=ignore-dependencies"
"""When the machine shuts down, a stop of a unit waits for the agent to be stopped: this one waits for nothing."""

Steps = Generator[Task, Outcome, Outcome]


class TaskSequence:
    """A task made of others, one after the other: each outcome is given back to the generator that made the task."""

    def __init__(self, steps: Steps) -> None:
        self.why = ""
        self._steps = steps
        self._task = next(steps)

    def poll(self) -> Outcome | None:
        while True:
            outcome = self._task.poll()
            if outcome is None:
                return None
            self.why = self._task.why
            try:
                self._task = self._steps.send(outcome)
            except StopIteration as end:
                return Outcome(end.value)

    def abort(self) -> None:
        self._task.abort()


class Unit:
    """A systemd unit. What it stands for is stopped, killed and looked at with it; the agent decides about restarts."""

    slow_to_show = False
    confirms_start = False

    def __init__(
        self,
        unit: str,
        systemctl: str = "systemctl",
        *,
        has_probe: bool = False,
        gate: Path | None = None,
        root: Path = cgroups.ROOT,
    ) -> None:
        """`has_probe`: something else proves that it serves, so it may be active without a process.

        `gate`: a file that is there while the unit may be started; see dropins.py.
        """
        self.unit = unit
        self.gate = gate
        self.group: UnitGroup | None = None
        """What was seen at the newest look that had an answer."""
        self._systemctl = systemctl
        self.has_probe = has_probe
        self._root = root
        self._names = [unit]
        self._restarts: dict[str, int] = {}
        self._is_ending = False

    # --- what is asked for --------------------------------------------------------------------

    def start(self) -> Task:
        self._is_ending = False
        if self._misnamed():
            return FinishedTask(Outcome.FAILED, self._misnamed())
        try:
            self._open_gate()
        except OSError as fault:
            return FinishedTask(Outcome.FAILED, f"systemd would refuse to start it: {fault}")
        return TaskSequence(self._start())

    def stop(self) -> Task:
        self._is_ending = True
        self._close_gate()
        return TaskSequence(self._stop())

    def kill(self) -> Task:
        """Kill every process; the stop that is queued first keeps systemd from restarting anything."""
        self._is_ending = True
        self._close_gate()
        return TaskSequence(self._kill())

    def look(self) -> Task:
        return _UnitLook(self._show, self._names, self._see)

    def remains(self) -> Remains:
        if self.group is None:
            return Remains((f"/system.slice/{self.unit}",))
        own = (self.group.top, *self.group.members)
        return Remains(tuple(path for shown in own for path in shown.control_groups))

    # --- how ----------------------------------------------------------------------------------

    def _ask(self, *arguments: str) -> Task:
        return command_task([self._systemctl, *arguments])

    def _show(self, names: Sequence[str], judge_output: Callable[[int, str], tuple[Outcome, str]]) -> Task:
        argv = [self._systemctl, "show", "-p", ",".join(PROPERTIES), "--", *names]
        return command_task(argv, judge_output, capture=True)

    def _see(self, shown: dict[str, Shown]) -> tuple[Outcome, str] | list[str]:
        """What is seen, or the names of the units that have to be looked at, too."""
        group, missing = group_of(shown, self._names)
        if missing:
            return missing
        self.group, self._names = group, [self.unit, *(name for name in group.names if name != group.top.name)]
        try:
            outcome, why = judge(group, self._restarts, self._is_populated, has_probe=self.has_probe)
            if outcome is Outcome.DOWN and self._misnamed():
                outcome, why = Outcome.UNFIT, self._misnamed()
            self._set_gate(outcome)
        except OSError as fault:
            return Outcome.UNKNOWN, f"nobody can tell which processes are left: {fault}"
        finally:
            self._restarts = {each.name: each.restarts for each in group.all}
        return outcome, why

    def _is_populated(self, shown: Shown) -> bool:
        return any(cgroups.processes(path, self._root) for path in shown.control_groups)

    def _start(self) -> Steps:
        # A unit that failed too often in a short time would be refused: the agent counts restarts itself.
        # One that systemd has not loaded has no count, which is no news.
        script = 'exec "$0" reset-failed -- "$@" 2>/dev/null'
        yield command_task(["/bin/sh", "-c", script, self._systemctl, *self._names])
        self._restarts = dict.fromkeys(self._restarts, 0)
        # What it needs is named, too: systemd does nothing for a unit that is active, whatever became of the others.
        needed = (
            [] if self.group is None else [each.name for each in self.group.needed if each["LoadState"] == "loaded"]
        )
        outcome = yield self._ask("start", "--", self.unit, *needed)
        if outcome is not Outcome.DONE:
            yield self.look()  # for the reason that is reported
        return outcome

    def _stop(self) -> Steps:
        yield self.look()
        result = Outcome.DONE
        for names in stop_order(self.group) if self.group is not None else [[self.unit]]:
            if (yield self._ask("stop", AT_ONCE, "--", *names)) is not Outcome.DONE:
                result = Outcome.FAILED
        return result

    def _kill(self) -> Steps:
        for path in self.remains().control_groups:
            self._kill_group(path)
        yield self.look()
        populated = self._populated()
        # What has no process now may have a command that stops it, and that is not to be killed.
        result = yield self._ask("stop", "--no-block", AT_ONCE, "--", *self._names)
        return (yield self._ask("kill", "-s", "KILL", "--", *populated)) if populated else result

    def _populated(self) -> list[str]:
        """The units that have processes, as far as can be known."""
        if self.group is None:
            return [self.unit]
        own = (self.group.top, *self.group.members)
        try:
            return [shown.name for shown in own if self._is_populated(shown)]
        except OSError:
            return [shown.name for shown in own]

    def _misnamed(self) -> str:
        """Why it is not started under this name: whom an alias names may change while that runs. "" when it may be."""
        if self.group is None or self.group.top.name == self.unit:
            return ""
        return f"{self.unit} is another name of {self.group.top.name}: name that one"

    # --- the gate -----------------------------------------------------------------------------

    def _open_gate(self) -> None:
        if self.gate is not None and not self.gate.exists():
            self.gate.parent.mkdir(parents=True, exist_ok=True)
            self.gate.touch()

    def _close_gate(self) -> None:
        try:
            if self.gate is not None:
                self.gate.unlink(missing_ok=True)
        except OSError:
            return  # then others may start it, as without a gate, and it is stopped again

    def _set_gate(self, outcome: Outcome) -> None:
        """An adopted one may be restarted by hand, as one that was started. One that is down may not be started."""
        if outcome in (Outcome.DOWN, Outcome.UNFIT):
            self._close_gate()
        elif outcome is Outcome.SERVING and not self._is_ending:
            try:
                self._open_gate()
            except OSError:
                return  # the next start reports it; until then a restart by hand is refused

    def _kill_group(self, path: str) -> None:
        try:
            cgroups.kill(path, self._root)
        except OSError:
            return  # systemd is asked next, and the look that follows shows what is left


class _UnitLook:
    """Asks systemd, and asks again for the units that the answer names."""

    def __init__(
        self,
        show: Callable[[Sequence[str], Callable[[int, str], tuple[Outcome, str]]], Task],
        names: Sequence[str],
        see: Callable[[dict[str, Shown]], tuple[Outcome, str] | list[str]],
    ) -> None:
        self.why = ""
        self._show, self._see = show, see
        self._names = list(names)
        self._missing: list[str] = []
        self._rounds = 0
        self._task = self._begin()

    def _begin(self) -> Task:
        self._rounds += 1
        return self._show(self._names, self._judge)

    def _judge(self, status: int, output: str) -> tuple[Outcome, str]:
        self._missing = []
        shown = parse(self._names, output)
        if status != 0 or not shown:
            return Outcome.UNKNOWN, f"systemctl show ended with {status}"
        seen = self._see(shown)
        if isinstance(seen, tuple):
            return seen
        self._missing = [name for name in seen if name not in self._names]
        return Outcome.UNKNOWN, f"systemd names units and does not show them: {' '.join(seen)}"

    def poll(self) -> Outcome | None:
        outcome = self._task.poll()
        self.why = self._task.why
        if outcome is None or not self._missing or self._rounds >= LOOK_ROUNDS:
            return outcome
        self._names += self._missing
        self._task = self._begin()
        return None

    def abort(self) -> None:
        self._task.abort()
