"""Where programs of a service run that must outlive the agent: in a slice of their own, not in the agent's group.

Under systemd, what the agent starts would end with it: in an upgrade, when memory runs out, when it is killed. A scope
in a slice of the service's own keeps it, and the kernel shows at any time what of the service is left there.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import cgroups
from .tasks import Outcome

LISTED_MOST = 5
BOOTED = Path("/run/systemd/system")
"""There where systemd is the first process of the machine."""
UNIT_DIR = Path("/etc/systemd/system")
"""Where the units and drop-ins of a machine's operator are."""


@dataclass(frozen=True)
class SystemPaths:
    """Where systemd is seen, asked and given files, and where the kernel shows control groups."""

    booted: Path = BOOTED
    systemd_run: str = "systemd-run"
    control_groups: Path = cgroups.ROOT
    own_group: Path = Path("/proc/self/cgroup")
    systemctl: str = "systemctl"
    units: Path = UNIT_DIR


class Scopes:
    """The slice of one service of one cluster. Without systemd there is none, and nothing can be found in it."""

    def __init__(self, cluster: str, service: str, machine: SystemPaths | None = None) -> None:
        self._machine = machine or SystemPaths()
        parts = ("understudy", _escaped(cluster), _escaped(service))
        names = ["-".join(parts[: count + 1]) + ".slice" for count in range(len(parts))]
        self._slice, self._group = names[-1], "/" + "/".join(names)

    @property
    def groups(self) -> tuple[str, ...]:
        """The control groups in which all of it is that was started there; none without systemd."""
        return (self._group,) if self._machine.booted.is_dir() else ()

    def command(self, argv: Sequence[str]) -> tuple[str, ...]:
        """The command that runs `argv` there, with the same exit status and in the same process.

        The machine's shutdown ends the agent first, which takes its services out of service in order.
        """
        if not self.groups:
            return tuple(argv)
        unit = own_unit(self._machine.own_group)
        order = ("-p", f"Before={unit}") if unit else ()
        options = ("--scope", "--quiet", "--collect", f"--slice={self._slice}", *order)
        return (self._machine.systemd_run, *options, "--", *argv)

    def judge(self, outcome: Outcome, why: str) -> tuple[Outcome, str]:
        """What a look makes of a service of which nothing else is left."""
        try:
            left = self.left()
        except OSError as fault:
            return Outcome.UNKNOWN, f"it cannot be told who is left in {self._slice}: {fault}"
        if not left:
            return outcome, why
        pids = ", ".join(map(str, sorted(left)[:LISTED_MOST]))
        return Outcome.RUNNING, f"{why}, and of its processes are left in {self._slice}: {pids}"

    def end_left(self, number: int = signal.SIGKILL) -> bool:
        """Send a signal to all that is left there. False: nothing is left, as far as can be known."""
        try:
            left = self.left()
            self.end(number)
        except OSError:
            return False  # the next look says what cannot be told
        return bool(left)

    def left(self) -> set[int]:
        """Ids of the processes that are left there. Raises OSError when that cannot be read."""
        return set().union(*(cgroups.processes(group, self._machine.control_groups) for group in self.groups))

    def end(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to all that is left there. Raises OSError when that cannot be read."""
        for group in self.groups:
            cgroups.end(group, number, self._machine.control_groups)


def _escaped(name: str) -> str:
    """A name as one part of a slice's: a dash would begin another slice within it."""
    return re.sub(r"[^A-Za-z0-9_]", lambda found: f"\\x{ord(found[0]):02x}", name)


def own_unit(own_group: Path) -> str:
    """The service unit that this process runs in; "" when it runs in none."""
    try:
        lines = own_group.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return ""
    for line in lines:
        _, controllers, path = line.split(":", 2)
        units = [part for part in path.split("/") if part.endswith(".service")]
        if controllers in ("", "name=systemd") and units:
            return units[-1]
    return ""
