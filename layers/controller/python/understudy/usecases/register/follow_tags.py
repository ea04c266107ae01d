"""Members that are named by a tag: a terminated instance is followed by the one that has its tag now."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from understudy.domain.cluster.definition import Definition, NodeSpec
from understudy.domain.cluster.state import ClusterState, PowerReading
from understudy.domain.decide.replacing import needed
from understudy.domain.observe.signal import MalformedSignalError, read_power
from understudy.ports.ledger import ClusterIndex, StateReader
from understudy.ports.nodes import Nodes
from understudy.usecases.step import for_each

log = logging.getLogger(__name__)


def succeeded(clusters: Iterable[tuple[ClusterState, Definition]], nodes: Nodes) -> list[str]:
    """The clusters of which a terminated member has a living successor: their definitions are to be read anew.

    EC2's word that it is terminated is the strongest proof there is. As long as the old one may come back, it is the
    member. A holder is failed over first, to a node that has its data: its successor, which has none, comes after that,
    unless nobody else is left. One question to EC2, and none where nobody is gone. Raises NodesUnreadableError.
    """
    gone = {
        (state.cluster, node.tag)
        for state, definition in clusters
        for node in definition.nodes
        if node.tag and _is_terminated(state, node.instance_id) and not _is_to_be_failed_over(state, definition, node)
    }
    living = nodes.tagged({tag for _, tag in gone}) if gone else {}
    return sorted({cluster for cluster, tag in gone if tag in living})


def follow_tags(
    clusters: Iterable[tuple[ClusterState, Definition]], *, nodes: Nodes, register_anew: Callable[[str], object]
) -> None:
    """Have the definitions read anew whose members have successors. A fault with one never hides the next.

    Raises the first of these faults when all are done.
    """

    def take_in(cluster: str) -> None:
        outcome = register_anew(cluster)
        log.info("a member's tag is on another instance", extra={"cluster": cluster, "outcome": str(outcome)})

    for_each(succeeded(clusters, nodes), take_in, "a member's successor was not taken in")


def follow_terminated(
    event: Mapping[str, Any],
    *,
    index: ClusterIndex,
    ledger: StateReader,
    follow: Callable[[list[tuple[ClusterState, Definition]]], object],
) -> list[str]:
    """Look for the successor of an instance at EC2's event that it is terminated; the clusters that were looked at.

    The event goes to the judge as well, and may be here before it: so it counts whatever the table says by now. An
    event that says anything else changes nothing. `follow`: see follow_tags, whose faults it raises.
    """
    try:
        instance_id, power = read_power(event.get("detail"))
    except MalformedSignalError as fault:
        log.warning("event refused", extra={"fault": str(fault)})
        return []
    clusters = sorted(index.clusters_of_instance(instance_id)) if power is PowerReading.TERMINATED else []
    states = [state for state in map(ledger.read, clusters) if state is not None and instance_id in state.nodes]
    follow([(_without(instance_id, each), ledger.definition(each.cluster, each.definition_version)) for each in states])
    return [state.cluster for state in states]


def _without(instance_id: str, state: ClusterState) -> ClusterState:
    """The state with EC2's word that an instance is terminated: nothing that it has beaten counts against that."""
    report = state.nodes[instance_id]
    gone = replace(report, power=PowerReading.TERMINATED, power_boot=report.boot, power_at=report.heard_at or 0)
    return replace(state, nodes={**state.nodes, instance_id: gone})


def _is_terminated(state: ClusterState, instance_id: str) -> bool:
    report = state.nodes.get(instance_id)
    return report is not None and report.power_now is PowerReading.TERMINATED


def _is_to_be_failed_over(state: ClusterState, definition: Definition, node: NodeSpec) -> bool:
    """Whether it holds the lease, or held it last, or is to get it, and another member could serve in its place."""
    others = (each.instance_id for each in definition.serving if each.instance_id != node.instance_id)
    return node.instance_id in needed(state) and not all(_is_terminated(state, each) for each in others)
