"""First step of deciding: the health of one node."""

from enum import StrEnum

from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.state import NodeReport, ServiceStatus


class NodeHealth(StrEnum):
    """What one node is fit for."""

    READY = "READY"
    FAILED = "FAILED"  # heard, and says or is said to have failed
    SILENT = "SILENT"  # was heard once, is not heard any more
    GONE = "GONE"  # EC2 says that it is off or on its way there
    UNKNOWN = "UNKNOWN"  # never heard, or heard but not fit to serve


def diagnose(report: NodeReport, policy: Policy, now: int) -> NodeHealth:
    """Judge one node at `now` (seconds, AWS's clock). EC2's word outranks silence, silence old reports.

    A node of which EC2 says that it is not as defined is unknown: it is never promoted, and it has not failed
    either. So is one that says itself that it could not keep a lease.
    """
    if report.power_now.is_leaving:
        return NodeHealth.GONE
    if report.heard_at is None:
        return NodeHealth.UNKNOWN
    if now - report.heard_at >= policy.silence_limit_s:
        return NodeHealth.SILENT
    if report.service is ServiceStatus.FAILED or any(alarm.on for alarm in report.alarms.values()):
        return NodeHealth.FAILED
    if report.fault or report.unfit:
        return NodeHealth.UNKNOWN
    return NodeHealth.READY


def is_heard_without_gap(node: NodeReport, policy: Policy) -> bool:
    """Whether a node has been heard without a gap for at least silence_limit_s: then the way of the beats was open."""
    return node.heard_at is not None and node.heard_at - node.heard_since >= policy.silence_limit_s
