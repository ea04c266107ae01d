"""The kind `ocf`: whatever an OCF resource agent starts, stops and monitors, by version 1.1 of their API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .children import BEGIN_SCRIPT
from .mounts import Mount, System
from .ocf_agents import ROOT, AgentName, environment, reason
from .remains import Remains
from .scopes import Scopes
from .tasks import CANNOT_BE_STARTED, FinishedTask, Looks, Outcome, Task, Until, command_task
from .unmount import mount_points

SUCCESS, GENERIC, NOT_RUNNING = 0, 1, 7
SERVES = {SUCCESS: "", 8: "", 190: "it is degraded", 191: "it is degraded"}
FAILED_PROMOTED = 9
REMEDIES = {
    2: "its parameters are not accepted: correct `params`",
    3: "the agent does not know this action",
    4: "it lacks a permission: the agent runs it as root; see to the owners and modes of what it names",
    5: "something that it needs is not installed on this node: install it, or name where it is in `params`",
    6: "its configuration is not accepted: correct `params`, or the files that it names",
    126: "the agent cannot be executed",
    CANNOT_BE_STARTED: "the agent is not there",
}
"""What an exit status says that is an answer to nothing: not whether it runs, and not why it does not."""
FAULT_MOST = 200
WITH_REASONS = ("/bin/sh", "-c", f"exec 2>&1\n{BEGIN_SCRIPT}", "sh")
"""Of an action that leaves nothing running: what it says goes where its reasons are looked for."""


@dataclass(frozen=True)
class Call:
    """How an agent is called for one service. `instance`: unique on the node. Times in seconds."""

    name: AgentName
    instance: str
    params: Mapping[str, str] = field(default_factory=dict)
    root: Path = ROOT
    level: int = 0
    start_s: float = 60.0
    stop_s: float = 30.0
    monitor_s: float = 5.0
    interval_s: float = 5.0
    validates: bool = True
    """Whether it has the action validate-all."""

    def argv(self, action: str) -> tuple[str, str]:
        return str(self.root / "resource.d" / self.name.provider / self.name.type), action

    def environment(self, action: str, limit_s: float, interval_s: float = 0.0, level: int = 0) -> dict[str, str]:
        """Without an interval a monitor is a probe: it asks whether anything runs here, and not why it does not."""
        return {
            **environment(self.root, self.name, action),
            "OCF_RESOURCE_INSTANCE": self.instance,
            "OCF_CHECK_LEVEL": str(level),
            "OCF_RESKEY_CRM_meta_timeout": str(int(limit_s * 1000)),
            "OCF_RESKEY_CRM_meta_interval": str(int(interval_s * 1000)),
            **{f"OCF_RESKEY_{key}": value for key, value in self.params.items()},
        }


def meaning(action: str, status: int, output: str = "") -> str:
    """What an exit status means that is none of success, in words, with what to do."""
    said = reason(output)
    known = REMEDIES.get(status, "")
    return ": ".join(part for part in (f"{action} ended with {status}", known, said) if part)


def _shortened(faults: Sequence[str]) -> str:
    if not faults:
        return ""
    first = faults[0] if len(faults[0]) <= FAULT_MOST else f"{faults[0][:FAULT_MOST]}..."
    return first if len(faults) == 1 else f"{first}; {len(faults) - 1} more by `understudy-agent check`"


class Ocf:
    """One service by its resource agent.

    It is down when its monitor says so (7), no process is left in its slice, and its file system is not mounted.
    `faults`: why it cannot be started here. One that runs all the same is looked at and stopped as any other.
    """

    slow_to_show = False
    confirms_start = False

    def __init__(
        self,
        call: Call,
        scopes: Scopes,
        *,
        faults: Sequence[str] = (),
        mount_point: str = "",
        system: System | None = None,
    ) -> None:
        """`mount_point`: of the file system that the agent mounts, if it does nothing else."""
        self.call, self.faults = call, tuple(faults)
        self._scopes, self._system, self._mount_point = scopes, system or System(), mount_point
        self._mount = Mount(mount_point, system=system, scopes=scopes) if mount_point else None
        self._monitors = Looks()
        self._is_ending = False
        self._is_believed = False
        """Whether it was started or seen serving since it was last down."""

    def start(self) -> Task:
        self._is_ending = False
        if self.faults:
            return FinishedTask(Outcome.FAILED, "; ".join(self.faults))
        self._is_believed = True
        argv = self._scopes.command(self.call.argv("start"))
        return command_task(argv, self._judge_start, more=self.call.environment("start", self.call.start_s))

    def stop(self) -> Task:
        self._is_ending = True
        return self._ask_to_stop()

    def kill(self) -> Task:
        """End all in its slice; when nothing is left there, ask its agent again, which may stop it by force.

        A file system is unmounted here, after whoever uses it was killed.
        """
        self._is_ending = True
        if self._mount is not None:
            return self._mount.kill()
        if not self._scopes.end_left():
            return self._ask_to_stop()
        return Until(lambda: None if self._scopes.end_left() else Outcome.DONE)

    def look(self) -> Task:
        call = self.call
        is_probe = self._is_ending or not self._is_believed
        more = call.environment("monitor", call.monitor_s, 0 if is_probe else call.interval_s, self._level(is_probe))
        argv = (*WITH_REASONS, *call.argv("monitor"))
        return self._monitors.ask(lambda: command_task(argv, self._judge_monitor, capture=True, more=more))

    def _level(self, is_probe: bool) -> int:
        return 0 if is_probe else self.call.level

    def remains(self) -> Remains:
        return Remains(self._scopes.groups, (self._mount_point,) if self._mount_point else ())

    def _ask_to_stop(self) -> Task:
        argv = (*WITH_REASONS, *self.call.argv("stop"))
        more = self.call.environment("stop", self.call.stop_s)
        return command_task(argv, self._judge_stop, capture=True, more=more)

    def _judge_start(self, status: int, _output: str) -> tuple[Outcome, str]:
        return (Outcome.DONE, "") if status == SUCCESS else (Outcome.FAILED, meaning("start", status))

    def _judge_stop(self, status: int, output: str) -> tuple[Outcome, str]:
        return (Outcome.DONE, "") if status == SUCCESS else (Outcome.FAILED, meaning("stop", status, output))

    def _judge_monitor(self, status: int, output: str) -> tuple[Outcome, str]:
        """1 is no proof that it is down, and of one that was never seen it is no sign that it runs either."""
        if status in SERVES:
            self._is_believed = True
            return Outcome.SERVING, SERVES[status] and f"{SERVES[status]}: {reason(output)}"
        why = meaning("monitor", status, output)
        if status == NOT_RUNNING:
            return self._judge_down(why)
        has_failed = status == GENERIC and self._is_believed and not self._is_ending
        if status == FAILED_PROMOTED or has_failed:
            return Outcome.RUNNING, why
        return self._scopes.judge(Outcome.UNKNOWN, why) if status == GENERIC else (Outcome.UNKNOWN, why)

    def _judge_down(self, why: str) -> tuple[Outcome, str]:
        unfit = _shortened(self.faults)  # a beat carries it
        outcome, why = self._scopes.judge(Outcome.UNFIT if unfit else Outcome.DOWN, unfit or why)
        if outcome not in (Outcome.DOWN, Outcome.UNFIT):
            return outcome, why
        try:
            is_mounted = bool(self._mount_point) and self._mount_point in mount_points(self._system.mountinfo)
        except OSError as fault:
            return Outcome.UNKNOWN, f"it cannot be told whether {self._mount_point} is mounted: {fault}"
        if is_mounted:
            return Outcome.RUNNING, f"{why}, and {self._mount_point} is mounted"
        # Whoever starts it from here on does so anew: then it is monitored as after a start of ours.
        self._is_believed = self._is_ending = False
        return outcome, why
