"""A protected cluster of the embedded AWS: its nodes, and what the table and DNS say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from local.client import query
from local.local_aws import LocalAws
from local.node import Node, Program
from local.roles import keys_of, make_node_role
from local.stack import FunctionFailed
from local.waiting import wait_for
from local.world import AZS, ZONE_NAME

HEARD_LIMIT_S = 90.0


@dataclass(frozen=True)
class Workload:
    """What the nodes of a cluster run: services with what each depends on. On those in `broken` none of them starts."""

    services: Sequence[tuple[str, tuple[str, ...]]] = (("app", ()),)
    broken: Sequence[str] = ()


ONE_APP = Workload()


class Cluster:
    """`policy` and `tuning` go into the definition.

    It is registered and its nodes boot when asked for; all of them are dead when its `with` block is left.
    """

    def __init__(
        self,
        aws: LocalAws,
        name: str,
        node_names: Sequence[str] = ("node-a", "node-b"),
        *,
        policy: dict[str, Any] | None = None,
        tuning: dict[str, int] | None = None,
        workload: Workload = ONE_APP,
    ) -> None:
        self.aws, self.name, self.record = aws, name, f"{name}.{ZONE_NAME}"
        self._broken = workload.broken
        self.policy, self.tuning, self.services = policy or {}, tuning or {}, list(workload.services)
        self.port = aws.world.port + len(self.services) - 1  # the service on top is what clients use
        engine = aws.engine
        self._keys = keys_of(engine, make_node_role(engine, name, aws.stack.node_policy)) if engine.enforces_iam else {}
        self.nodes = [self._node(node_name, AZS[i % len(AZS)]) for i, node_name in enumerate(node_names)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def _node(self, name: str, az: str) -> Node:
        instance = self.aws.world.launch(name, az)
        command = ("false",) if name in self._broken else ()
        programs = [
            Program(service, self.aws.world.port + number, depends_on, command)
            for number, (service, depends_on) in enumerate(self.services)
        ]
        return Node(self.aws.engine, self.aws.stack, self.name, instance, programs, self._keys)

    def node(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    def definition(self) -> dict[str, Any]:
        services = [{"name": name, "depends_on": list(needs)} for name, needs in self.services]
        instances = [node.instance for node in self.nodes]
        return self.aws.world.definition(instances, self.record, services, self.policy, self.tuning)

    def register(self, definition: dict[str, Any] | None = None) -> None:
        """Submit the definition; raises FunctionFailed when it is not accepted.

        UNCHANGED: the minute watch has found the parameter, and judged it, before its event was delivered.
        """
        outcome = self.aws.stack.put_definition(self.name, definition or self.definition())
        if outcome != "ACCEPTED" and not (outcome == "UNCHANGED" and self.state()):
            raise FunctionFailed(f"the definition of {self.name} was not accepted but {outcome}")

    def boot(self) -> None:
        """The first node before the others: a cluster is placed on the first fit node that is heard."""
        first, *others = self.nodes
        first.boot()
        wait_for(f"{first.name} is heard", lambda: self._heard(first), HEARD_LIMIT_S, why=first.tail)
        for node in others:
            node.boot()

    def _heard(self, node: Node) -> bool:
        node.demand_running()
        return self.beats(node.name).get("boot") == node.boot_id

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()

    def state(self) -> dict[str, Any]:
        return self.aws.stack.state(self.name)

    def history(self) -> list[dict[str, Any]]:
        return self.aws.stack.history(self.name)

    def active(self) -> str:
        """Name of the node that holds the lease, empty when nobody does."""
        state = self.state()
        return str(state["nodes"][state["active"]]["name"]) if state.get("active") else ""

    def beats(self, name: str) -> dict[str, Any]:
        """What the table holds of one node."""
        found: dict[str, Any] = self.state().get("nodes", {}).get(self.node(name).instance.instance_id, {})
        return found

    def answer_each_other(self) -> bool:
        """Whether each node has said that the others answer it, with its own key."""
        return all(str(self.beats(node.name).get("key", "")).endswith("+") for node in self.nodes)

    def served_address(self) -> str:
        """What DNS answers, past every cache; empty when it answers nothing."""
        try:
            return query(self.aws.dns.port, self.record)[0]
        except (OSError, LookupError):
            return ""

    def wait_settled(self, name: str, limit_s: float, above_epoch: int = 0) -> dict[str, Any]:
        """Until the node is in service under a higher epoch and no transition is open: the state then."""
        wanted = self.node(name).instance.instance_id

        def settled() -> dict[str, Any] | None:
            self._demand_running()
            state = self.state()
            there = state.get("active") == wanted and state["epoch"] > above_epoch and "transition" not in state
            return state if there and state["nodes"][wanted]["service"] == "IN_SERVICE" else None

        return wait_for(f"{name} is active and in service", settled, limit_s, why=self.summary)

    def wait_standby(self, name: str, limit_s: float) -> None:
        """Until the node beats from its present boot, obeys the present epoch and runs nothing."""
        wait_for(f"{name} is ready as standby", lambda: self._stands_by(name), limit_s, why=self.summary)

    def _stands_by(self, name: str) -> bool:
        self._demand_running()
        node, beats = self.node(name), self.beats(name)
        obeys = beats.get("boot") == node.boot_id and beats.get("read_epoch") == self.state()["epoch"]
        return node.running() and obeys and beats["service"] == "OUT_OF_SERVICE"

    def _demand_running(self) -> None:
        for node in self.nodes:
            node.demand_running()

    def summary(self) -> str:
        """One line for an error message."""
        state = self.state()
        if not state:
            return f"cluster {self.name} is not registered"
        nodes = ", ".join(
            f"{n['name']} {n.get('service', '?')} read_epoch {n.get('read_epoch', 0)}" for n in state["nodes"].values()
        )
        stage = state.get("transition", {}).get("stage", "none")
        return f"epoch {state['epoch']}, active {self.active() or 'nobody'}, transition {stage}, {nodes}"
