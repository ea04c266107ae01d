"""The usual beginning: registered, booted, placed on the first node, the others standing by."""

from __future__ import annotations

from typing import Any

from local.cluster import Cluster

PLACED_LIMIT_S = 90.0


def place(cluster: Cluster) -> dict[str, Any]:
    """The state then."""
    cluster.register()
    cluster.boot()
    cluster.wait_settled(cluster.nodes[0].name, PLACED_LIMIT_S)
    for node in cluster.nodes[1:]:
        cluster.wait_standby(node.name, PLACED_LIMIT_S)
    return cluster.state()
