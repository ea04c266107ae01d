"""The product itself at one pace: the record is the address, and a load balancer follows the lease beside it."""

from __future__ import annotations

import contextlib
from typing import Any

from bench.peers.balancer import Balancer
from bench.peers.clients import Asker, Resolved
from bench.peers.contender import Contender
from bench.peers.ground import PORT, Ground
from local.balancer import HTTP_PORT
from local.waiting import wait_for
from local.world import ZONE_NAME
from tests.nodes.agents import section, set_up
from tests.nodes.machine import Machine
from tests.nodes.networks import HUB_ADDRESS

LIMIT_S = 120.0
BUDGET = {"count": 100, "window_s": 3600}
BUDGET_WORDS = "100 in an hour, since more than three faults in an hour are made here"
HTTP = f"[http]\nlisten = 0.0.0.0:{HTTP_PORT}\n"


class Understudy(Contender):
    """`number` tells its balancer's port from others'."""

    def __init__(self, ground: Ground, endpoints: dict[str, str], pace: str, number: int) -> None:
        super().__init__(ground)
        self.name = f"Understudy, {pace}"
        self.settings = {"pace": pace, "max_failovers": BUDGET_WORDS, "rest": "defaults"}
        self._cluster, self._pace, self._balancer_port = pace, pace, 7600 + number
        made = [ground.machine(pace, letter) for letter in "ab"]
        self.machines = [machine for machine, _ in made]
        self._instances = [instance for _, instance in made]
        table, bus = ground.aws.stack.table, ground.aws.stack.bus
        app = section("app", "unit", unit="quick.service")
        for machine in self.machines:
            set_up(machine, endpoints["aws"], HTTP, app, cluster=self._cluster, table=table, bus=bus)

    def prepare(self, undo: contextlib.ExitStack) -> None:
        record, stack = f"{self._cluster}.{ZONE_NAME}", self.ground.aws.stack
        services: list[dict[str, Any]] = [{"name": "app"}]
        policy: dict[str, Any] = {"pace": self._pace, "max_failovers": BUDGET}
        stack.put_definition(self._cluster, self.ground.aws.world.definition(self._instances, record, services, policy))
        one, other = self.machines
        one.boot()
        wait_for(f"{one.name} is heard", lambda: self._node(one).get("heard_at"), LIMIT_S, why=one.tail)
        other.boot()
        self.watch(undo, PORT)
        directory = self.ground.aws.engine.directory / self._cluster
        ports = (self._balancer_port, PORT, HTTP_PORT)
        undo.enter_context(Balancer(self.ground.hub, self.machines, ports, "/serving", directory))
        resolved = undo.enter_context(Resolved(self.ground.aws.dns.port, record))
        by_record = Asker("record", self.ground.hub, PORT, lambda: resolved.address)
        balanced = Asker("load balancer", self.ground.hub, self._balancer_port, lambda: HUB_ADDRESS)
        self.clients = [undo.enter_context(client) for client in (by_record, balanced)]
        self.wait_ready()

    def is_ready(self) -> bool:
        """The standby has been heard without a gap for so long that its word is believed at once."""
        state = self.ground.aws.stack.state(self._cluster)
        active = state.get("active")
        nodes = {name: node for name, node in state.get("nodes", {}).items() if name != active}
        if "transition" in state or not active or not nodes:
            return False
        silence_limit_s = state["terms"]["silence_limit_s"]
        return state["nodes"][active].get("service") == "IN_SERVICE" and all(
            node.get("read_epoch") == state["epoch"]
            and node.get("service") == "OUT_OF_SERVICE"
            and node["heard_at"] - node["heard_since"] >= silence_limit_s
            for node in nodes.values()
        )

    def switch_over(self, active: Machine) -> None:
        self.ground.aws.stack.start_transition(self._cluster)

    def kill_service(self, active: Machine) -> None:
        active.run("systemctl", "kill", "--signal=KILL", "quick.service")

    def _node(self, machine: Machine) -> dict[str, Any]:
        found: dict[str, Any] = self.ground.aws.stack.state(self._cluster).get("nodes", {})
        return dict(found.get(machine.metadata.instance.instance_id, {}))

    def tail(self) -> str:
        return f"{self.ground.aws.stack.state(self._cluster)}\n{super().tail()}"
