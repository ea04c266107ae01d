"""Two nodes with an example kit, as its README says, and a client that remembers what was acknowledged to it."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator

from local.helper import Helper
from local.sam import ROOT
from local.waiting import wait_for
from tests.nodes.agents import CLUSTER, set_up
from tests.nodes.lab import Lab
from tests.nodes.leases import DRIFT_MARGIN_S, Leases, boottime_s
from tests.nodes.machine import Machine
from tests.nodes.watcher import wait_passed

EXAMPLES = ROOT / "examples"
UNITS = "/etc/systemd/system"
LIMIT_S = 30.0
HANG_S = 4.0
TERMS = {"kill_limit_s": 2}
"""As the pages of the kits demand: their verbs are programs."""


class Kit:
    """An example's files, put on nodes that are off."""

    def __init__(self, name: str, server_unit: str) -> None:
        self.name, self.command = name, f"/usr/bin/understudy-{name}"
        self._server_unit = server_unit

    def put_on(self, machine: Machine, url: str) -> None:
        """As `pip install` and the manual's commands do it; both units start at boot."""
        library = machine.path("/opt/kits")
        shutil.copytree(EXAMPLES / "pair" / "understudy_pair", library / "understudy_pair")
        shutil.copy(EXAMPLES / self.name / f"understudy_{self.name}.py", library)
        call = f'exec env PYTHONPATH=/opt/kits /usr/bin/python3 -m understudy_{self.name} "$@"'
        machine.write(self.command, f"#!/bin/sh\n{call}\n", 0o755)
        follower = f"understudy-{self.name}.service"
        machine.write(f"{UNITS}/{follower}", (EXAMPLES / self.name / follower).read_text())
        set_up(machine, url, self.section())
        wants = machine.path(f"{UNITS}/multi-user.target.wants")
        (wants / follower).symlink_to(f"{UNITS}/{follower}")
        (wants / self._server_unit).symlink_to(f"/lib/systemd/system/{self._server_unit}")

    def section(self) -> str:
        """The agent's section of the page, looked at more often."""
        readme = (EXAMPLES / self.name / "README.md").read_text()
        (section,) = re.findall(r"^```ini\n(.*?)^```", readme, flags=re.MULTILINE | re.DOTALL)
        return f"{section}check_interval_s = 0.5\n"


class Pair:
    """Two nodes, one of which leads. The test is the controller."""

    def __init__(self, lab: Lab, leases: Leases, kit: Kit) -> None:
        self.leases, self.kit = leases, kit
        self.leader, self.follower = lab.machine("node-a"), lab.machine("node-b")
        leases.register(CLUSTER, self.leader, self.follower, **TERMS)

    def grant(self, machine: Machine) -> None:
        """Until it is in service."""
        self.leases.grant(CLUSTER, machine)
        self.wait_serving(machine)

    def wait_serving(self, machine: Machine) -> None:
        self.leases.wait_state(machine, CLUSTER, self.kit.name, "IN_SERVICE")

    def wait_standing_by(self, machine: Machine) -> None:
        self.leases.wait_state(machine, CLUSTER, self.kit.name, "OUT_OF_SERVICE")

    def swap(self) -> None:
        self.leader, self.follower = self.follower, self.leader

    def move(self) -> None:
        """A planned one: the new leader starts when the old one has said that it is down."""
        self._take_over(self.leases.end(CLUSTER))

    def _take_over(self, epoch: int) -> None:
        self.leases.wait_beat(self.leader, CLUSTER, "releases the lease", lambda beat: beat.says_down(epoch))
        self.swap()
        self.grant(self.leader)

    def move_while_the_follower_hangs(self) -> bool:
        """A planned one. Whether the old leader called itself down while the other node could receive nothing."""
        self.follower.freeze()
        asked = boottime_s()
        epoch = self.leases.end(CLUSTER)
        wait_passed(asked + HANG_S)
        told = [beat for beat in self.leases.beats_of(self.leader, CLUSTER, asked) if beat.says_down(epoch)]
        self.follower.thaw()
        self._take_over(epoch)
        return told != []

    def fail_over(self, harm: Callable[[Machine], object] = Machine.cut_power) -> None:
        """Without a word of the leader: the new one starts when the lease has run out."""
        harm(self.leader)
        end = self.leases.lease_end(self.leader, CLUSTER)
        wait_passed(end + DRIFT_MARGIN_S)
        self.leases.end(CLUSTER)
        self.swap()
        self.grant(self.leader)

    def verb(self, machine: Machine, verb: str) -> tuple[int, str]:
        """Exit status and output of a command of the kit."""
        told = machine.run("sh", "-c", f"{self.kit.command} {verb}; echo $?")
        *output, status = told.splitlines()
        return int(status), "\n".join(output)


class Writer(Helper):
    """Writes one number after the other from `with` on, until the server refuses one or is gone."""

    def __init__(self, write: Callable[[], Iterator[int]]) -> None:
        super().__init__("a client")
        self.acknowledged: list[int] = []
        self._write = write
        self._is_to_end = threading.Event()

    def _run(self) -> None:
        for number in self._write():
            self.acknowledged.append(number)
            if self._is_to_end.is_set():
                return

    def _end(self) -> None:
        self._is_to_end.set()

    def wait_written(self, more: int) -> None:
        """Until so many more have been acknowledged."""
        before = len(self.acknowledged)
        wait_for(f"{more} writes", lambda: len(self.acknowledged) >= before + more, LIMIT_S, interval_s=0.01)
