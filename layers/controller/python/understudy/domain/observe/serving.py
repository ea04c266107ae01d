"""What the members themselves say of who serves, whoever holds the lease.

No proof stands against a node's own newer word, and nobody is granted the lease beside a node that says that it serves.
A node that has not been heard has said nothing, which is no proof that it serves nothing.
"""

from enum import StrEnum

from understudy.domain.cluster.service_names import NO_NAMES, means_the_same
from understudy.domain.cluster.state import INGESTION_CUT_OFF_S, KEEP, NodeReport, Proof, ServiceStatus
from understudy.domain.cluster.view import ClusterView
from understudy.domain.observe.health import is_heard_without_gap

IN_USE = (ServiceStatus.IN_SERVICE, ServiceStatus.STARTING)
"""STARTING as well: so a node is called on which one service of several runs."""


class Said(StrEnum):
    """What a member's newest word, or EC2's, says of its services."""

    SERVES = "SERVES"
    DOWN = "DOWN"
    UNKNOWN = "UNKNOWN"  # not heard, or neither up nor down, or it speaks of other services than the definition


def said(view: ClusterView, instance_id: str) -> Said:
    """What is known at `now` (seconds) of a member's services.

    That it serves stays true when the node falls silent, until a lease that its word was bound by has run out. That it
    is down counts only while it is heard.
    """
    report = view.state.nodes.get(instance_id)
    if report is not None and report.power_now.is_off:
        return Said.DOWN
    if report is None or report.heard_at is None:
        return Said.UNKNOWN
    if report.service in IN_USE and _names_any(report) and not _has_lapsed(report, view):
        return Said.SERVES
    if view.now - report.heard_at >= view.policy.silence_limit_s:
        return Said.UNKNOWN
    if not means_the_same(report, view.definition, instance_id):
        return Said.UNKNOWN
    # Where neither the definition nor the node names a service, the controller is not told of any that could serve.
    is_told_of_none = report.named == NO_NAMES and not view.definition.services
    return Said.DOWN if report.service is ServiceStatus.OUT_OF_SERVICE or is_told_of_none else Said.UNKNOWN


def servers(view: ClusterView) -> tuple[str, ...]:
    """The members (instance ids) that say that they serve at `now` (seconds)."""
    return tuple(node.instance_id for node in view.definition.nodes if said(view, node.instance_id) is Said.SERVES)


def unheard(view: ClusterView, besides: str | None) -> tuple[str, ...]:
    """The serving members (instance ids), `besides` one, of which nobody knows at `now` whether they serve."""
    return tuple(
        node.instance_id
        for node in view.definition.serving
        if node.instance_id != besides and said(view, node.instance_id) is Said.UNKNOWN
    )


def undecided(view: ClusterView, besides: str | None) -> tuple[str, ...]:
    """The serving members (instance ids), `besides` one, that are heard and neither serve nor are down.

    One that is silent counts as well when no lease bounds its newest word, or what it may have been granted since, in a
    table that was put back: it may go on for ever.
    """
    is_unbound = view.state.terms.on_isolation == KEEP
    return tuple(
        each
        for each in unheard(view, besides)
        if (report := view.state.nodes.get(each)) is not None
        and report.heard_at is not None
        and (view.now - report.heard_at < view.policy.silence_limit_s or is_unbound or serves_unbound(report))
    )


def others_serving(view: ClusterView) -> tuple[str, ...]:
    """The members that say that they serve and neither hold the lease nor held it last.

    A cluster that nobody has been placed in yet may have one such member: it is adopted.
    """
    found = tuple(each for each in servers(view) if each != view.state.last_holder)
    return () if view.state.last_holder is None and len(found) == 1 else found


def adoptable(view: ClusterView) -> str | None:
    """The member that serves already although nobody has been placed yet; None when there is none, or several."""
    if view.state.last_holder is not None:
        return None
    found = servers(view)
    return found[0] if len(found) == 1 else None


def may_be_adopted(view: ClusterView, instance_id: str) -> bool:
    """Whether a member that serves already may be given the lease as it is, because nobody has been placed yet.

    Where an address leads to another member than this one, that one must be down, and a person must have asked for it.
    Not beside a member that is heard and not down; and one that is not heard has had its time to be.
    """
    previous = view.state.previous
    is_alone = servers(view) == (instance_id,)
    if view.state.was_placed or not is_alone or undecided(view, besides=instance_id):
        return False
    if unheard(view, besides=instance_id) and not _has_been_time(view):
        return False
    if previous is None or previous.node == instance_id:
        return True
    return said(view, previous.node) is Said.DOWN


def _has_been_time(view: ClusterView) -> bool:
    """Whether any member that may serve has been heard for so long that the others would have been, too."""
    reports = (view.state.nodes.get(node.instance_id) for node in view.definition.serving)
    heard_after = view.now - view.policy.silence_limit_s
    return any(
        is_heard_without_gap(report, view.policy)
        for report in reports
        if report is not None and report.heard_at is not None and report.heard_at > heard_after
    )


def objectors(view: ClusterView) -> tuple[str, ...]:
    """The members whose own word forbids to grant the lease to the transition's target at `now` (seconds).

    Whatever has been proved before: a node can have booted again, and its service come up by itself. One that says
    that its services have failed, or stop, is not down either, as long as it is heard. A node that a
    person or the policy has passed over without a proof objects only while it is heard.
    """
    return objectors_to(view, view.state.transition.target if view.state.transition else view.state.active)


def objectors_to(view: ClusterView, target: str | None) -> tuple[str, ...]:
    """As objectors, for a target that no transition names yet."""
    return tuple(
        node.instance_id
        for node in view.definition.nodes
        if node.instance_id != target and _objects(view, node.instance_id)
    )


def serves_unbound(report: NodeReport | None) -> bool:
    """Whether a node's newest word is that its services are not down, and that no lease bounds them."""
    return report is not None and not report.keeps_lease and report.service is not ServiceStatus.OUT_OF_SERVICE


def _names_any(report: NodeReport) -> bool:
    return report.named != NO_NAMES if report.named else bool(report.agent)


def _has_lapsed(report: NodeReport, view: ClusterView) -> bool:
    """Whether the lease that bounds a node's word has certainly run out since."""
    if not report.keeps_lease or view.state.terms.on_isolation == KEEP or report.heard_at is None:
        return False
    lease_s = max(view.state.terms.lease_s, view.state.previous.lease_s if view.state.previous else 0)
    return view.now >= report.heard_at + INGESTION_CUT_OFF_S + lease_s + view.policy.drift_margin_s


def _objects(view: ClusterView, instance_id: str) -> bool:
    report, previous = view.state.nodes.get(instance_id), view.state.previous
    if report is None or report.heard_at is None or report.power_now.is_off:
        return False
    is_heard = view.now - report.heard_at < view.policy.silence_limit_s
    is_passed_over = previous is not None and (previous.node, previous.proof) == (instance_id, Proof.UNPROVEN)
    if said(view, instance_id) is Said.SERVES:
        return is_heard or not is_passed_over
    return is_heard and report.service is not ServiceStatus.OUT_OF_SERVICE and _names_any(report)
