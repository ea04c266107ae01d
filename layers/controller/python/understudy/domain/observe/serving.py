"""What the members themselves say of who serves, whoever holds the lease (B4).

No proof stands against a node's own newer word, and nobody is granted the lease beside a node that says that it serves.
A node that has not been heard has said nothing, which is no proof that it serves nothing.
"""

from enum import StrEnum

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.service_names import NO_NAMES, means_the_same
from understudy.domain.cluster.state import INGESTION_CUT_OFF_S, KEEP, ClusterState, NodeReport, Proof, ServiceStatus
from understudy.domain.observe.health import is_heard_without_gap

IN_USE = (ServiceStatus.IN_SERVICE, ServiceStatus.STARTING)
"""STARTING as well: so a node is called on which one service of several runs."""


class Said(StrEnum):
    """What a member's newest word, or EC2's, says of its services."""

    SERVES = "SERVES"
    DOWN = "DOWN"
    UNKNOWN = "UNKNOWN"  # not heard, or neither up nor down, or it speaks of other services than the definition


def said(state: ClusterState, definition: Definition, instance_id: str, now: float) -> Said:
    """What is known at `now` (seconds) of a member's services.

    That it serves stays true when the node falls silent, until a lease that its word was bound by has run out. That it
    is down counts only while it is heard.
    """
    report = state.nodes.get(instance_id)
    if report is not None and report.power_now.is_off:
        return Said.DOWN
    if report is None or report.heard_at is None:
        return Said.UNKNOWN
    if report.service in IN_USE and _names_any(report) and not _has_lapsed(report, state, definition, now):
        return Said.SERVES
    if now - report.heard_at >= definition.policy.silence_limit_s:
        return Said.UNKNOWN
    if not means_the_same(report, definition, instance_id):
        return Said.UNKNOWN
    # Where neither the definition nor the node names a service, the controller is not told of any that could serve.
    is_told_of_none = report.named == NO_NAMES and not definition.services
    return Said.DOWN if report.service is ServiceStatus.OUT_OF_SERVICE or is_told_of_none else Said.UNKNOWN


def servers(state: ClusterState, definition: Definition, now: float) -> tuple[str, ...]:
    """The members (instance ids) that say that they serve at `now` (seconds)."""
    return tuple(
        node.instance_id for node in definition.nodes if said(state, definition, node.instance_id, now) is Said.SERVES
    )


def unheard(state: ClusterState, definition: Definition, now: float, besides: str | None) -> tuple[str, ...]:
    """The serving members (instance ids), `besides` one, of which nobody knows at `now` whether they serve."""
    return tuple(
        node.instance_id
        for node in definition.serving
        if node.instance_id != besides and said(state, definition, node.instance_id, now) is Said.UNKNOWN
    )


def undecided(state: ClusterState, definition: Definition, now: float, besides: str | None) -> tuple[str, ...]:
    """The serving members (instance ids), `besides` one, that are heard and neither serve nor are down.

    One that is silent counts as well when no lease bounds its newest word, or what it may have been granted since, in a
    table that was put back: it may go on for ever.
    """
    is_unbound = state.terms.on_isolation == KEEP
    return tuple(
        each
        for each in unheard(state, definition, now, besides)
        if (report := state.nodes.get(each)) is not None
        and report.heard_at is not None
        and (now - report.heard_at < definition.policy.silence_limit_s or is_unbound or serves_unbound(report))
    )


def others_serving(state: ClusterState, definition: Definition, now: float) -> tuple[str, ...]:
    """The members that say that they serve and neither hold the lease nor held it last.

    A cluster that nobody has been placed in yet may have one such member: it is adopted.
    """
    found = tuple(each for each in servers(state, definition, now) if each != state.last_holder)
    return () if state.last_holder is None and len(found) == 1 else found


def adoptable(state: ClusterState, definition: Definition, now: float) -> str | None:
    """The member that serves already although nobody has been placed yet; None when there is none, or several."""
    if state.last_holder is not None:
        return None
    found = servers(state, definition, now)
    return found[0] if len(found) == 1 else None


def may_be_adopted(state: ClusterState, definition: Definition, instance_id: str, now: float) -> bool:
    """Whether a member that serves already may be given the lease as it is, because nobody has been placed yet.

    Where an address leads to another member than this one, that one must be down, and a person must have asked for it.
    Not beside a member that is heard and not down; and one that is not heard has had its time to be.
    """
    previous = state.previous
    is_alone = servers(state, definition, now) == (instance_id,)
    if state.was_placed or not is_alone or undecided(state, definition, now, besides=instance_id):
        return False
    if unheard(state, definition, now, besides=instance_id) and not _has_been_time(state, definition, now):
        return False
    if previous is None or previous.node == instance_id:
        return True
    return said(state, definition, previous.node, now) is Said.DOWN


def _has_been_time(state: ClusterState, definition: Definition, now: float) -> bool:
    """Whether any member that may serve has been heard for so long that the others would have been, too."""
    reports = (state.nodes.get(node.instance_id) for node in definition.serving)
    heard_after = now - definition.policy.silence_limit_s
    return any(
        is_heard_without_gap(report, definition.policy)
        for report in reports
        if report is not None and report.heard_at is not None and report.heard_at > heard_after
    )


def objectors(state: ClusterState, definition: Definition, now: float) -> tuple[str, ...]:
    """The members whose own word forbids to grant the lease to the transition's target at `now` (seconds).

    Whatever has been proved before: a node can have booted again, and its service come up by itself. One that says
    that its services have failed, or stop, is not down either, as long as it is heard. A node that a
    person or the policy has passed over without a proof objects only while it is heard.
    """
    return objectors_to(state, definition, state.transition.target if state.transition else state.active, now)


def objectors_to(state: ClusterState, definition: Definition, target: str | None, now: float) -> tuple[str, ...]:
    """As objectors, for a target that no transition names yet."""
    return tuple(
        node.instance_id
        for node in definition.nodes
        if node.instance_id != target and _objects(state, definition, node.instance_id, now)
    )


def serves_unbound(report: NodeReport | None) -> bool:
    """Whether a node's newest word is that its services are not down, and that no lease bounds them."""
    return report is not None and not report.keeps_lease and report.service is not ServiceStatus.OUT_OF_SERVICE


def _names_any(report: NodeReport) -> bool:
    return report.named != NO_NAMES if report.named else bool(report.agent)


def _has_lapsed(report: NodeReport, state: ClusterState, definition: Definition, now: float) -> bool:
    """Whether the lease that bounds a node's word has certainly run out since."""
    if not report.keeps_lease or state.terms.on_isolation == KEEP or report.heard_at is None:
        return False
    lease_s = max(state.terms.lease_s, state.previous.lease_s if state.previous else 0)
    return now >= report.heard_at + INGESTION_CUT_OFF_S + lease_s + definition.policy.drift_margin_s


def _objects(state: ClusterState, definition: Definition, instance_id: str, now: float) -> bool:
    report, previous = state.nodes.get(instance_id), state.previous
    if report is None or report.heard_at is None or report.power_now.is_off:
        return False
    is_heard = now - report.heard_at < definition.policy.silence_limit_s
    is_passed_over = previous is not None and (previous.node, previous.proof) == (instance_id, Proof.UNPROVEN)
    if said(state, definition, instance_id, now) is Said.SERVES:
        return is_heard or not is_passed_over
    return is_heard and report.service is not ServiceStatus.OUT_OF_SERVICE and _names_any(report)
