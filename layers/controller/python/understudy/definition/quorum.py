"""Quorum and witnesses in a definition: what contradicts itself is refused with the numbers."""

from collections import Counter
from collections.abc import Iterator, Mapping

from understudy.definition.document import ClusterDocument
from understudy.definition.policy import policy_of
from understudy.domain.cluster.definition import Quorum, QuorumMode
from understudy.domain.lease.paces import probe_limit_s
from understudy.ports.nodes import InstanceFacts

LEAST_HOSTS = 3
LEAST_SERVING = 2


def quorum_of(document: ClusterDocument) -> Quorum:
    """The quorum that a text stands for."""
    written = document.quorum
    is_own = "timeout_s" in written.model_fields_set or written.mode != "tcp_remote"
    timeout_s = written.timeout_s if is_own else probe_limit_s(policy_of(document))
    return Quorum(QuorumMode(written.mode), written.hosts, timeout_s)


def contradicting_quorum(document: ClusterDocument) -> Iterator[str]:
    """Every setting that takes the sense from another one, by path and value found."""
    serving = sum(node.role == "serving" for node in document.nodes)
    if serving < LEAST_SERVING:
        yield f"nodes: {serving} of {len(document.nodes)} can serve; allowed: at least {LEAST_SERVING} beside witnesses"
    if document.quorum.mode == "tcp_remote":
        yield from _host_faults(document)
        yield from _timing_faults(document)
    else:
        for key in sorted(document.quorum.model_fields_set & {"hosts", "timeout_s"}):
            yield f"quorum.{key}: is for mode tcp_remote, found with mode {document.quorum.mode}"
    if document.quorum.mode == "majority" and len(document.nodes) == LEAST_SERVING:
        yield (
            "quorum.mode: found majority with 2 nodes; when one is lost, 1 of 2 is no majority, and nothing could ever "
            "fail over; allowed: with three nodes or more, for example a third one with role: witness"
        )


def own_hosts(document: ClusterDocument, instances: Mapping[str, InstanceFacts]) -> Iterator[str]:
    """Quorum hosts that are a node of the cluster itself: a node always reaches itself, and that says nothing."""
    names = {
        address: node.name
        for node in document.nodes
        if node.known_id in instances
        for address in (instances[node.known_id].address, instances[node.known_id].address_v6)
    }
    for position, host in enumerate(document.quorum.hosts):
        if name := names.get(host.rpartition(":")[0].strip("[]")):
            yield f"quorum.hosts[{position}]: found {host!r}, which is {name}; allowed: hosts outside the cluster"


def _host_faults(document: ClusterDocument) -> Iterator[str]:
    hosts = document.quorum.hosts
    if len(hosts) < LEAST_HOSTS:
        yield (
            f"quorum.hosts: found {len(hosts)} with mode tcp_remote; allowed: {LEAST_HOSTS} or more, so that the "
            "service goes on when one of them is down"
        )
    for host, count in Counter(hosts).items():
        if count > 1:
            yield f"quorum.hosts: found {host!r} {count} times; each counts once"


def _timing_faults(document: ClusterDocument) -> Iterator[str]:
    """A round of probes ends before the next begins, and one lost round costs nothing.

    What nobody has written is chosen so: then it is the policy's own timings that contradict each other.
    """
    if "timeout_s" not in document.quorum.model_fields_set:
        return
    policy, timeout_s = policy_of(document), document.quorum.timeout_s
    if timeout_s > policy.heartbeat_interval_s:
        yield (
            f"quorum.timeout_s: {timeout_s:g} is above policy.heartbeat_interval_s {policy.heartbeat_interval_s:g}: "
            "a probe would take longer than the time between two beats"
        )
    if 2 * policy.heartbeat_interval_s + timeout_s > policy.lease_s:
        yield (
            f"quorum.timeout_s: 2 x policy.heartbeat_interval_s {policy.heartbeat_interval_s:g} + {timeout_s:g} is "
            f"above policy.lease_s {policy.lease_s:g}: one lost probe would stop the service"
        )
