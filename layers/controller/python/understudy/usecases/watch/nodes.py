"""The watch's look at the nodes: is each instance still what the definition says that it is?"""

import logging
from collections.abc import Iterator, Mapping, Sequence

from understudy.domain.cluster.definition import Definition, NodeSpec, Role
from understudy.domain.cluster.state import ClusterState, PowerReading
from understudy.domain.cluster.view import ClusterView
from understudy.domain.events.nodes import NodeChanged
from understudy.domain.observe.signal import FaultSignal, PowerSignal
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import BeatLedger, Refusal
from understudy.ports.nodes import InstanceFacts, Nodes
from understudy.usecases.step import Clock, publish

GONE = "EC2 knows no such instance any more"
log = logging.getLogger(__name__)


def check_nodes(
    views: Sequence[ClusterView], *, nodes: Nodes, beats: BeatLedger, announcer: Announcer, clock: Clock
) -> dict[str, ClusterState]:
    """Compare every member of every cluster with what EC2 says, in one question; the states that this has changed.

    A node that differs is noted as faulty and told of once, and is no candidate until EC2 says otherwise. That one is
    terminated is noted as EC2's word, whose event may have been lost: an hour later EC2 knows nothing of it. Raises
    NodesUnreadableError when EC2 cannot be read: then nothing is noted, for unknown is no difference.
    """
    members = {node.instance_id for view in views for node in view.definition.nodes}
    facts = nodes.facts(sorted(members))
    changed: dict[str, ClusterState] = {}
    for view in views:
        state = view.state
        for instance_id in _terminated(state, facts):
            signal = PowerSignal(instance_id, PowerReading.TERMINATED, int(clock()))
            after = beats.record_signal(state.cluster, signal)
            changed |= {} if isinstance(after, Refusal) else {state.cluster: after}
        for node, fault in _differences(view, facts):
            after = beats.record_signal(state.cluster, FaultSignal(node.instance_id, fault, view.definition.version))
            if isinstance(after, Refusal):
                log.info("fault not noted", extra={"cluster": state.cluster, "reason": after.reason})
                continue
            changed[state.cluster] = after
            _tell(state, node, fault, announcer)
    return changed


def fault_of(definition: Definition, node: NodeSpec, facts: InstanceFacts | None) -> str:
    """In what an instance is not as the definition has it, in words; empty when it is. No address needs a witness."""
    if facts is None or facts.power is PowerReading.TERMINATED:
        return GONE
    if node.role is Role.WITNESS:
        return ""
    if facts.address != node.address:
        return f"its address is {facts.address or 'gone'}, not {node.address}"
    if any(each.type == "AAAA" for each in definition.records) and facts.address_v6 != node.address_v6:
        return f"its IPv6 address is {facts.address_v6 or 'gone'}, not {node.address_v6}"
    if (definition.routes or definition.elastic_ips) and facts.interface_id != node.interface_id:
        return f"its network interface is {facts.interface_id}, not {node.interface_id}"
    return ""


def _terminated(state: ClusterState, facts: Mapping[str, InstanceFacts]) -> list[str]:
    """The members that EC2 says are terminated, and of which the state does not know it."""
    return [
        instance_id
        for instance_id, report in state.nodes.items()
        if report.power is not PowerReading.TERMINATED
        and instance_id in facts
        and facts[instance_id].power is PowerReading.TERMINATED
    ]


def _differences(view: ClusterView, facts: Mapping[str, InstanceFacts]) -> Iterator[tuple[NodeSpec, str]]:
    """The members whose fault is another than the state says."""
    for node in view.definition.nodes:
        report = view.state.nodes.get(node.instance_id)
        fault = fault_of(view.definition, node, facts.get(node.instance_id))
        if report is not None and report.fault != fault:
            yield node, fault


def _tell(state: ClusterState, node: NodeSpec, fault: str, announcer: Announcer) -> None:
    event = NodeChanged(
        cluster=state.cluster,
        node=node.name,
        instance_id=node.instance_id,
        fault=fault,
        is_active=state.active == node.instance_id,
    )
    log.warning("node changed", extra=event.detail())
    publish(announcer, event)
