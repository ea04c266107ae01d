"""What all contenders stand on: real nodes at one hub, one embedded AWS, and an EC2 that switches nodes off and on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from urllib.parse import parse_qs

from local.aws_calls import Answer
from local.aws_proxy import AwsProxy
from local.local_aws import LocalAws
from local.roles import keys_of, make_node_role
from local.world import Instance
from tests.nodes.lab import Lab
from tests.nodes.machine import Machine
from tests.nodes.metadata import Instance as Identity
from tests.nodes.whole import Gate, Subnets

PORT = 7000
"""Where the service answers."""
_STOPS = ("StopInstances", "RebootInstances", "TerminateInstances")


class Ground:
    """Numbers and addresses are handed out one after the other; `close` is the caller's own stack."""

    def __init__(self, aws: LocalAws, lab: Lab, power: Power) -> None:
        self.aws, self.lab, self.hub, self.power = aws, lab, lab.hub, power
        self.subnets = Subnets(aws.engine)
        self._number = 0
        self._roles: dict[str, str] = {}

    def machine(self, cluster: str, letter: str) -> tuple[Machine, Instance]:
        """A node that is off, and its instance, which runs as far as EC2 knows. The names make 12 letters at most."""
        name = f"{cluster}-{letter}"
        self._number += 1
        at = self._number % 2
        instance = self.subnets.launch(name, at, f"10.77.0.{128 * at + 20 + self._number}")
        if cluster not in self._roles:
            self._roles[cluster] = make_node_role(self.aws.engine, cluster, self.aws.stack.node_policy)
        keys = keys_of(self.aws.engine, self._roles[cluster])
        machine = self.lab.machine(name, Identity(instance.instance_id, instance.address, keys))
        self.power.machines[instance.instance_id] = machine
        return machine, instance


class Power(AwsProxy):
    """EC2 for the nodes: who is stopped loses its power at once, and who is started boots.

    The emulator stops an instance in no time. Real EC2 takes its time, also with Force.
    """

    def __init__(self, upstream_port: int) -> None:
        super().__init__(upstream_port)
        self.machines: dict[str, Machine] = {}

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """The emulator's, after the power has followed the call."""
        call = parse_qs(body.decode(errors="replace"))
        operation = call.get("Action", [""])[0]
        for key, (instance_id, *_) in call.items():
            machine = self.machines.get(instance_id)
            if not key.startswith("InstanceId") or machine is None:
                continue
            if operation in _STOPS:
                machine.cut_power()
            elif operation == "StartInstances" and not machine.is_on:
                in_background(f"boot {machine.name}", machine.switch_on)
        return super().answer(method, path, headers, body)


def in_background(name: str, call: Callable[[], object]) -> None:
    """Something that takes longer than who asks for it may wait."""
    threading.Thread(target=call, name=name, daemon=True).start()


def gates(ground: Ground) -> dict[str, Gate]:
    """The nodes' ways to the embedded AWS, to Route 53 and to EC2; not entered yet."""
    engine = ground.aws.engine
    ports = {"aws": engine.port, "route53": engine.proxy.port, "ec2": ground.power.port}
    return {name: Gate(ground.hub, port) for name, port in ports.items()}
