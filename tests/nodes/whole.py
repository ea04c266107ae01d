"""Two real nodes in a cluster of the deployed stack, and clients that follow its name."""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
from collections.abc import Callable
from typing import Any

from local import world
from local.client import query
from local.engine import Engine
from local.helper import LoopbackServer
from local.local_aws import LocalAws
from local.repeated import Repeated
from local.roles import keys_of, make_node_role
from local.waiting import wait_for
from local.world import AZS, ZONE_NAME
from tests.e2e.conftest import TUNING
from tests.nodes.agents import section, set_up
from tests.nodes.lab import Lab
from tests.nodes.leases import boottime_s
from tests.nodes.machine import Machine
from tests.nodes.metadata import Instance, Server
from tests.nodes.networks import HUB_ADDRESS, Hub
from tests.nodes.watcher import Watcher

LIMIT_S = 90.0
POLICY = {
    "heartbeat_interval_s": 2,
    "lease_read_interval_s": 1,
    "kill_limit_s": 1,
    "lease_s": 9,
    "drift_margin_s": 2,
    "silence_limit_s": 12,
    "observer_lag_limit_s": 6,
}
"""With air for an embedded AWS that shares two cores with nodes that boot."""
SUBNETS = ("10.77.0.0/25", "10.77.0.128/25")
PORT = 7000
_CHUNK = 65536


class Gate(LoopbackServer):
    """The nodes' way to the embedded AWS, which listens on this machine's own loopback addresses only."""

    def __init__(self, hub: Hub, port: int) -> None:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):  # a node dies in the middle of what it asks
                    _carry(self.request, port)

        made: Callable[[], Server] = lambda: Server((HUB_ADDRESS, 0), Handler)  # noqa: E731
        server = hub.inside(made)
        self.endpoint = f"http://{HUB_ADDRESS}:{server.server_address[1]}"
        super().__init__("gate", server)


def _carry(asker: socket.socket, port: int) -> None:
    """Both directions, until one side ends."""
    with socket.create_connection(("127.0.0.1", port)) as server:
        while True:
            for one in select.select([asker, server], [], [])[0]:
                data = one.recv(_CHUNK)
                if not data:
                    return
                (server if one is asker else asker).sendall(data)


class Name(Repeated):
    """What DNS has answered, past every cache, and when it did first."""

    def __init__(self, aws: LocalAws, record: str) -> None:
        super().__init__("name", 2.0)
        self.answers: list[tuple[float, str]] = []
        self._port, self._record = aws.dns.port, record

    def _turn(self) -> float:
        try:
            address = query(self._port, self._record)[0]
        except (OSError, LookupError):
            return 0.05
        if not self.answers or self.answers[-1][1] != address:
            self.answers.append((boottime_s(), address))
        return 0.05

    def moved_to(self, address: str) -> float:
        """When it was answered first since it was another one."""
        return next(at for at, answered in reversed(self.answers) if answered == address)


class Subnets:
    """The network of the nodes, as EC2 knows it; made once."""

    def __init__(self, engine: Engine) -> None:
        self._ec2 = engine.client("ec2")
        vpc = self._ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
        self._subnets = [
            self._ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=az)["Subnet"]["SubnetId"]
            for block, az in zip(SUBNETS, AZS, strict=True)
        ]

    def launch(self, name: str, number: int, address: str) -> world.Instance:
        launched = self._ec2.run_instances(
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            SubnetId=self._subnets[number],
            PrivateIpAddress=address,
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}],
        )
        return world.Instance(name, str(launched["Instances"][0]["InstanceId"]), address, AZS[number])


class Pair:
    """node-a and node-b, registered; `place` boots them, and has node-a serve. `more`: keys of the definition."""

    def __init__(self, aws: LocalAws, lab: Lab, subnets: Subnets, gate: Gate, number: int, **more: Any) -> None:
        self.aws, self.name, self.record = aws, f"cluster-{number}", f"cluster-{number}.{ZONE_NAME}"
        self.hub = lab.hub
        keys = keys_of(aws.engine, make_node_role(aws.engine, self.name, aws.stack.node_policy))
        self.instances = [
            subnets.launch(name, at, f"10.77.0.{128 * at + 20 + number}")
            for at, name in enumerate(("node-a", "node-b"))
        ]
        self.machines = [lab.machine(one.name, Instance(one.instance_id, one.address, keys)) for one in self.instances]
        for machine in self.machines:
            app = section("app", "unit", unit="quick.service", stop_limit_s=5)
            table, bus = aws.stack.table, aws.stack.bus
            set_up(machine, gate.endpoint, app, cluster=self.name, table=table, bus=bus)
        definition = aws.world.definition(self.instances, self.record, [{"name": "app"}], POLICY, TUNING)
        aws.stack.put_definition(self.name, definition | more)

    def place(self) -> None:
        one, other = self.machines
        one.boot()
        wait_for("node-a is heard", lambda: self.node(one).get("heard_at"), LIMIT_S, why=one.tail)
        other.boot()
        self.wait_settled(one)
        self.wait_standby(other)

    def state(self) -> dict[str, Any]:
        return self.aws.stack.state(self.name)

    def node(self, machine: Machine) -> dict[str, Any]:
        """What the table holds of it."""
        found: dict[str, Any] = self.state().get("nodes", {}).get(machine.metadata.instance.instance_id, {})
        return found

    def wait_settled(self, machine: Machine, above_epoch: int = 0) -> dict[str, Any]:
        """Until the node is in service under a higher epoch and no transition is open: what became of the last one."""
        wanted = machine.metadata.instance.instance_id

        def settled() -> dict[str, Any] | None:
            state = self.state()
            there = state.get("active") == wanted and state["epoch"] > above_epoch and "transition" not in state
            return state if there and state["nodes"][wanted]["service"] == "IN_SERVICE" else None

        state = wait_for(f"{machine.name} is active and in service", settled, LIMIT_S, why=self.tail)
        return self.aws.stack.transition(self.name, state["epoch"])

    def wait_standby(self, machine: Machine) -> None:
        """Until the node obeys the present epoch and runs nothing."""

        def stands_by() -> bool:
            node, state = self.node(machine), self.state()
            return bool(node.get("read_epoch") == state["epoch"] and node["service"] == "OUT_OF_SERVICE")

        wait_for(f"{machine.name} stands by", stands_by, LIMIT_S, why=self.tail)

    def wait_reach(self, machine: Machine, reached: int) -> None:
        """Until the node says that it reaches so many quorum hosts."""

        def says() -> bool:
            return [int(number) for number in self.node(machine).get("quorum", [])][:1] == [reached]

        wait_for(f"{machine.name} reaches {reached} quorum hosts", says, LIMIT_S, why=self.tail)

    def wait_heard(self, machine: Machine) -> None:
        """Until the node has been heard for so long without a gap that its word is believed at once."""

        def is_heard() -> bool:
            node = self.node(machine)
            return bool(node["heard_at"] - node["heard_since"] >= POLICY["silence_limit_s"])

        wait_for(f"{machine.name} is heard without a gap", is_heard, LIMIT_S, why=self.tail)

    def tail(self) -> str:
        return "\n".join([str(self.state()), *(f"{one.name}: {one.tail()}" for one in self.machines)])


def outage_s(name: Name, source: Watcher, target: Watcher, target_address: str) -> float:
    """From the last answer of the old node to the first one of the new node that a client finds by the name."""
    served_at = target.first_after(source.answers[-1])
    assert served_at is not None
    return max(served_at, name.moved_to(target_address)) - source.answers[-1]
