"""The white paper's procedure, run by hand: see `bench.paper`."""

from __future__ import annotations

import contextlib
import time

from bench.paper import DETECTION_S, move
from bench.peers.clients import Asker, Resolved
from bench.peers.contender import Contender, Fault
from bench.peers.ground import PORT, Ground, in_background
from local.world import ZONE_NAME
from tests.nodes.machine import Machine

CLUSTER = "paper"
TTL_S = 10


_SETTINGS = {
    "detection": f"assumed: {DETECTION_S:g} s",
    "polls": "at once, then every 20 s, 5 in all",
    "TTL": f"{TTL_S} s",
}


class Paper(Contender):
    """Two nodes. That the active one is dead is noticed by nobody here: it is assumed after LifeKeeper's default."""

    name = "the paper's procedure"
    moves_by_itself = False
    faults = (Fault.POWER_CUT, Fault.SWITCHOVER)

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground)
        self.settings = _SETTINGS
        made = [ground.machine(CLUSTER, letter) for letter in "ab"]
        self.machines = [machine for machine, _ in made]
        self._record = f"{CLUSTER}.{ZONE_NAME}"
        self._is_moving = False

    def prepare(self, undo: contextlib.ExitStack) -> None:
        for machine in self.machines:
            machine.switch_on()
        for machine in self.machines:
            machine.wait_booted()
        self.ground.aws.world.set_record(self._record, self.machines[0].address, TTL_S)
        self.machines[0].run("systemctl", "start", "quick.service")
        self.watch(undo, PORT)
        resolved = undo.enter_context(Resolved(self.ground.aws.dns.port, self._record))
        by_record = Asker("record", self.ground.hub, PORT, lambda: resolved.address)
        self.clients = [undo.enter_context(by_record)]
        self.wait_ready()

    def is_ready(self) -> bool:
        return not self._is_moving and all(machine.is_on and machine.is_up() for machine in self.machines)

    def lose(self, active: Machine) -> None:
        """It is noticed after DETECTION_S, and the other one takes over."""
        in_background("paper", lambda: self._take_over(self._other(active), DETECTION_S))

    def switch_over(self, active: Machine) -> None:
        active.run("systemctl", "stop", "quick.service")
        in_background("paper", lambda: self._take_over(self._other(active), 0.0))

    def kill_service(self, active: Machine) -> None:
        raise NotImplementedError("the paper says nothing about it")

    def _other(self, active: Machine) -> Machine:
        return next(machine for machine in self.machines if machine is not active)

    def _take_over(self, heir: Machine, after_s: float) -> None:
        self._is_moving = True
        time.sleep(after_s)
        value = [{"Value": heir.address}]
        record = {"Name": self._record, "Type": "A", "TTL": TTL_S, "ResourceRecords": value}
        route53, zone = self.ground.aws.engine.client("route53"), self.ground.aws.world.zone
        move(route53, zone, record, lambda: heir.run("systemctl", "start", "quick.service"), time.monotonic, time.sleep)
        self._is_moving = False
