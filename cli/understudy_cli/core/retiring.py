"""What is to be done so that a cluster is protected no longer, in the order in which it may be done.

The state goes first: without it nothing decides about the cluster any more. The definitions go last, for whoever is cut
off in between finds from them what is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from understudy_cli.core.cluster import ACTIVE, GONE, SILENT, Cluster, Node
from understudy_cli.core.items import Fields
from understudy_cli.core.lines import DIM, HEAD, WARN, Line, Span, line
from understudy_cli.core.moves import HISTORY
from understudy_cli.core.times import ago

STATE, DEFINITION, CLAIM = "state", "definition#", "claim"
GUARD = "_understudy."


@dataclass(frozen=True)
class Leftover:
    """An item of the table. `claimed_by`: it goes only while it is this cluster's, for an address may change hands."""

    pk: str
    sk: str
    claimed_by: str = ""


def leftovers(cluster: str, sorts: Iterable[str], definition: Mapping[str, Any], *, history: bool) -> list[Leftover]:
    """Every item to be deleted, in order. `sorts`: the sort keys that stand under the cluster's name."""
    own = [each for each in sorts if history or not each.startswith(HISTORY)]
    first = [Leftover(cluster, each) for each in own if each == STATE]
    rest = [Leftover(cluster, each) for each in sorted(own) if each != STATE and not each.startswith(DEFINITION)]
    last = [Leftover(cluster, each) for each in sorted(own) if each.startswith(DEFINITION)]
    return [*first, *_look_ups(cluster, definition), *_claims(cluster, definition), *rest, *last]


def _look_ups(cluster: str, definition: Mapping[str, Any]) -> list[Leftover]:
    found = []
    for node in (Fields(each) for each in Fields(definition).items("nodes")):
        instance = node.text("instance_id")
        found.append(Leftover(f"instance#{instance}", f"cluster#{cluster}"))
        found += [Leftover(f"alarm#{each}", f"cluster#{cluster}#{instance}") for each in node.texts("alarms")]
    return found


def _claims(cluster: str, definition: Mapping[str, Any]) -> list[Leftover]:
    values = Fields(definition)
    records = [Fields(each) for each in values.items("records")]
    routes = [Fields(each) for each in values.items("routes")]
    addresses = [f"{each.text('hosted_zone_id')} {each.text('name')}" for each in records]
    addresses += [f"{table} {each.text('destination')}" for each in routes for table in each.texts("route_table_ids")]
    addresses += [Fields(each).text("allocation_id") for each in values.items("elastic_ips")]
    addresses += [Fields(each).text("target_group_arn") for each in values.items("load_balancers")]
    return [Leftover(f"address#{each}", CLAIM, cluster) for each in dict.fromkeys(addresses)]


def guards(definition: Mapping[str, Any]) -> list[str]:
    """The guards that stay in Route 53, each with its zone: the tool has no right there."""
    records = [Fields(each) for each in Fields(definition).items("records")]
    return [f"{GUARD}{each.text('name')} in {each.text('hosted_zone_id')}" for each in records]


def still_running(cluster: Cluster) -> list[Node]:
    """The nodes whose agents may be running, in the order in which they are to be stopped: the active one last."""
    heard = [each for each in cluster.nodes if each.health not in (SILENT, GONE) and each.heard_s_ago is not None]
    return sorted(heard, key=lambda each: each.role == ACTIVE)


def plan_lines(
    cluster: str, seen: Cluster | None, left: Sequence[Leftover], definition: Mapping[str, Any]
) -> list[Line]:
    """Every step, with what it is about."""
    nodes = still_running(seen) if seen else []
    heard = {each.name: "" if each.heard_s_ago is None else ago(0, each.heard_s_ago) for each in nodes}
    stop = "systemctl disable --now understudy-agent"
    lines = [
        line(Span("1 ", HEAD), f"delete the parameter of {cluster}, so that it is not registered again"),
        line(Span("2 ", HEAD), "you: stop the agents; on the active node last, where the service stops with it"),
        *(line("    ", Span(f"{name}, heard {when}: {stop}", WARN)) for name, when in heard.items()),
        line(Span("3 ", HEAD), f"delete {len(left)} items of the table, the state first"),
        *(line(Span(f"    {each.pk}  {each.sk}", DIM)) for each in left),
        line(Span("4 ", HEAD), "delete the key that its nodes share"),
        line(Span("5 ", HEAD), "you: what the tool has no right to"),
    ]
    return [*lines, *(line("    ", each) for each in yours(cluster, definition))]


def yours(cluster: str, definition: Mapping[str, Any]) -> list[str]:
    """What is left for a person, for the tool has no right to it."""
    return [
        *(f"delete the TXT record {each}" for each in guards(definition)),
        f"on every node: rm -rf /var/lib/understudy/{cluster}, and rm -f "
        f"/etc/systemd/system/*.d/zz-understudy-{cluster}.conf && systemctl daemon-reload",
        "on the node that is to serve: start the service under your own control",
        "take the names out of ProtectedNames, and the stack's policy and tag off the roles of the nodes",
    ]
