"""Quorum: what keeps a node that is ready from taking over.

    tcp_remote    the node itself must reach more than half of the hosts that the definition names
    majority      more than half of the cluster's nodes, witnesses included, must be heard now

Unknown is not a majority: a node that does not say what it reaches takes nothing over. Quorum never takes a lease
away here; the agent of an active node that reaches no majority gives up its services itself.
"""

from understudy.domain.cluster.definition import Quorum, QuorumMode
from understudy.domain.cluster.reach import QuorumHosts, Reach
from understudy.domain.cluster.view import ClusterView


def objection(view: ClusterView, instance_id: str) -> str:
    """Why quorum keeps a node from taking over at `now` (seconds), in words; empty when it does not."""
    quorum = view.definition.quorum
    if quorum.mode is QuorumMode.TCP_REMOTE:
        report = view.state.nodes.get(instance_id)
        return reach_objection(report.quorum if report else None, quorum)
    if quorum.mode is QuorumMode.MAJORITY:
        heard, total = count_heard(view), len(view.definition.nodes)
        is_majority = 2 * heard > total
        return "" if is_majority else f"the cluster is without a majority: {heard} of its {total} nodes are heard"
    return ""


def reach_objection(reach: Reach | None, quorum: Quorum) -> str:
    """Why what a node says of the quorum hosts is not enough, in words; empty when it is."""
    total = len(quorum.hosts)
    if reach is None:
        return f"it does not say how many of the {total} quorum hosts it reaches"
    if reach.total != total:
        return f"it speaks of {reach.total} quorum hosts, and the definition names {total}"
    return "" if reach.is_majority else f"it reaches {reach.reached} of {total} quorum hosts"


def count_heard(view: ClusterView) -> int:
    """How many of the definition's nodes are heard at `now` (seconds). One that EC2 says is leaving does not count."""
    reports = (view.state.nodes.get(node.instance_id) for node in view.definition.nodes)
    return sum(
        report is not None
        and report.heard_at is not None
        and view.now - report.heard_at < view.policy.silence_limit_s
        and not report.power_now.is_leaving
        for report in reports
    )


def hosts_of(quorum: Quorum) -> QuorumHosts | None:
    """What the agents are told to probe; None when the mode asks for no hosts."""
    return QuorumHosts(quorum.hosts, quorum.timeout_s) if quorum.mode is QuorumMode.TCP_REMOTE else None
