"""The facts that a decision saw, as events carry them, and in words."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypedDict

from understudy.domain.events.event import Epoch
from understudy.domain.events.reading import LINES_LIMIT, mapping, word
from understudy.domain.observe.health import NodeHealth

HEARD = (NodeHealth.READY, NodeHealth.FAILED)


class NodeFacts(TypedDict):
    """A node, and what it was judged by."""

    instance_id: str
    health: Annotated[str, NodeHealth]
    heard_age_s: float | None  # since its newest beat; null: never heard
    service: str  # its services, as it says itself
    fault: str  # in what EC2 contradicts the definition; empty: in nothing
    unfit: str  # why it cannot take over, as it says itself; empty: it can
    start_failed_at: int | None  # since when the service is known not to start on it
    quorum: str  # why quorum keeps it from taking over; empty: it does not
    fitness: int | None  # how fit it is to take over, as it says itself; null: it says no number
    not_fit: str  # why what it says itself keeps it from taking over; empty: it does not
    power: str  # as EC2 says
    goes: str  # who is about to take it away; empty: nobody
    alarms_on: Sequence[str]  # their names


class ClusterFacts(TypedDict):
    """A cluster at a moment, with each of its nodes."""

    now: int  # the moment, in seconds since 1970
    epoch: Epoch
    active: str | None  # who holds the lease
    silence_limit_s: float
    nodes: Mapping[str, NodeFacts]  # by name


def standing(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Who holds the lease, and how each node was. `facts`: ClusterFacts, as they came over the bus."""
    active, nodes = facts.get("active"), mapping(facts.get("nodes"))
    holder = f"{word(active)} holds the lease." if active else "Nobody holds the lease."
    if active and not _is_heard(mapping(nodes.get(str(active)))):
        holder = f"{word(active)} was given the lease last, and is not heard: it may have run out."
    return (holder, *(_node(word(name), mapping(nodes[name])) for name in list(nodes)[:LINES_LIMIT]))


def failed_starts(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """The nodes on which the service is known not to start."""
    nodes = mapping(facts.get("nodes"))
    return tuple(word(name) for name in list(nodes)[:LINES_LIMIT] if mapping(nodes[name]).get("start_failed_at"))


def how_to_clear(cluster: Any, nodes: Sequence[str]) -> tuple[str, ...]:
    """How a failed start is forgotten."""
    return tuple(
        f"Find out why the service does not start on {node}. When it will, clear it: start an execution with "
        f'{{"cluster": "{word(cluster, 40)}", "action": "clear", "node": "{node}"}}'
        for node in nodes
    )


def _is_heard(node: Mapping[str, Any]) -> bool:
    """Whether what it has said of itself is still to be believed."""
    return node.get("health") in HEARD


def _node(name: str, node: Mapping[str, Any]) -> str:
    age = node.get("heard_age_s")
    heard = "never heard" if age is None else f"last heard {word(age)} s before"
    said = f"its services {'' if _is_heard(node) else 'were last said to be '}{word(node.get('service'))}"
    services = "it has never said how its services are" if age is None else said
    more = [f"{key}: {word(node[key])}" for key in ("fault", "quorum") if node.get(key)]
    more += [f"fitness: {word(node['not_fit'])}"] if node.get("not_fit") else []
    more += [f"about to go: {word(node['goes'])}"] if node.get("goes") else []
    more += ["the service did not start on it"] if node.get("start_failed_at") else []
    return "; ".join([f"{name}: {word(node.get('health'))}, {services}, {heard}", *more])


def example_facts(active: str, now: int) -> ClusterFacts:
    """Of a cluster whose node-a is silent, and whose node-b has never been heard."""
    silent = NodeFacts(
        instance_id="i-0a1b2c3d4e5f60718",
        health=NodeHealth.SILENT,
        heard_age_s=21,
        service="IN_SERVICE",
        fault="",
        unfit="",
        start_failed_at=None,
        quorum="",
        fitness=None,
        not_fit="",
        power="unknown",
        goes="",
        alarms_on=[],
    )
    unknown = NodeFacts(
        instance_id="i-0c2d3e4f5a6b70819",
        health=NodeHealth.UNKNOWN,
        heard_age_s=None,
        service="OUT_OF_SERVICE",
        fault="",
        unfit="",
        start_failed_at=None,
        quorum="",
        fitness=None,
        not_fit="",
        power="unknown",
        goes="",
        alarms_on=[],
    )
    return {
        "now": now,
        "epoch": 7,
        "active": active,
        "silence_limit_s": 15,
        "nodes": {"node-a": silent, "node-b": unknown},
    }
