"""Members that are named by a tag: a terminated instance is followed by the one that has its tag now (B17)."""

import logging
from collections.abc import Callable, Iterable

from understudy.domain.definition import Definition
from understudy.domain.model import ClusterState, PowerReading
from understudy.ports.nodes import Nodes

log = logging.getLogger(__name__)


def succeeded(clusters: Iterable[tuple[ClusterState, Definition]], nodes: Nodes) -> list[str]:
    """The clusters of which a terminated member has a living successor: their definitions are to be read anew.

    EC2's word that it is terminated is the strongest proof there is. As long as the old one may come back, it is the
    member. One question to EC2, and none where nobody is gone. Raises NodesUnreadableError.
    """
    gone = {
        (state.cluster, node.tag)
        for state, definition in clusters
        for node in definition.nodes
        if node.tag
        and node.instance_id in state.nodes
        and state.nodes[node.instance_id].power_now is PowerReading.TERMINATED
    }
    living = nodes.tagged({tag for _, tag in gone}) if gone else {}
    return sorted({cluster for cluster, tag in gone if tag in living})


def follow_tags(
    clusters: Iterable[tuple[ClusterState, Definition]], *, nodes: Nodes, register_anew: Callable[[str], object]
) -> None:
    """Have the definitions read anew whose members have successors."""
    for cluster in succeeded(clusters, nodes):
        outcome = register_anew(cluster)
        log.info("a member's tag is on another instance", extra={"cluster": cluster, "outcome": str(outcome)})
