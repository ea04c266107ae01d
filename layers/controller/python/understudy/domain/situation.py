"""Second step of deciding: what stands between this cluster and being well, one word for each question."""

from collections.abc import Container
from dataclasses import dataclass
from enum import StrEnum

from understudy.domain.definition import Definition, Policy
from understudy.domain.fencing import find_proof
from understudy.domain.health import NodeHealth, diagnose
from understudy.domain.membership import is_known_to_holder
from understudy.domain.model import AddressStatus, ClusterState, NodeReport, PowerReading, ServiceStatus, Stage


class Phase(StrEnum):
    """Whether a transition is open."""

    SETTLED = "SETTLED"  # none, or only the confirmation of the change is left
    UNDER_WAY = "UNDER_WAY"
    OVERDUE = "OVERDUE"  # it has outlived its deadline: whoever drove it is gone


class Holder(StrEnum):
    """The node that may be serving now: the active one by its health, else what is known of the one before."""

    READY = "READY"
    FAILED = "FAILED"
    SILENT = "SILENT"
    GONE = "GONE"
    UNKNOWN = "UNKNOWN"
    NOBODY = "NOBODY"  # no active node, and proof that none serves
    AWAITED = "AWAITED"  # as NOBODY, and a node of better priority than those heard may still come
    RETURNED = "RETURNED"  # no active node; the one before has no proof against it, and is ready itself
    UNPROVEN = "UNPROVEN"  # no active node; the one before may still serve


class Candidate(StrEnum):
    """Whether another node is fit to take over."""

    FIT = "FIT"
    NONE = "NONE"


class Repair(StrEnum):
    """Whether an address that Route 53 has not accepted is to be tried again now."""

    NOT_DUE = "NOT_DUE"
    DUE = "DUE"


class Budget(StrEnum):
    """Whether the policy allows one more automatic failover now (B6)."""

    LEFT = "LEFT"
    SPENT = "SPENT"


class Observer(StrEnum):
    """Whether silence can be believed (B3)."""

    TRUSTED = "TRUSTED"
    SUSPECT = "SUSPECT"  # the observer itself is late, or nobody anywhere is heard


@dataclass(frozen=True)
class Situation:
    """Everything that `decide` looks at, and `target`: the node that would take over (instance id), for who acts."""

    phase: Phase
    holder: Holder
    candidate: Candidate
    repair: Repair
    budget: Budget
    observer: Observer
    target: str | None = None


def survey(state: ClusterState, definition: Definition, now: int, observer: Observer) -> Situation:
    """Gather the answers for one cluster at `now` (seconds, AWS's clock)."""
    phase = _phase(state, now)
    holder = _holder(state, definition, now, phase)
    candidates = fit_candidates(state, definition, now)
    stays = holder in (Holder.READY, Holder.RETURNED)
    last_holder = state.active or (state.previous.node if state.previous else None)
    target = last_holder if stays else next(iter(candidates), None)
    return Situation(
        phase=phase,
        holder=holder,
        candidate=Candidate.FIT if candidates else Candidate.NONE,
        repair=_repair(state, now),
        budget=_budget(state, definition, now),
        observer=observer,
        target=target,
    )


def is_heard_now(state: ClusterState, policy: Policy, now: int) -> bool:
    """Whether any node of the cluster has been heard just now, judged by the clock."""
    limit_s = policy.heartbeat_interval_s + policy.observer_lag_limit_s
    return any(node.heard_at is not None and now - node.heard_at <= limit_s for node in state.nodes.values())


def observer_by_clock(state: ClusterState, policy: Policy, now: int) -> Observer:
    """Whether silence can be believed when it is judged by the clock, not by a beat just taken in (B3).

    Only when a witness in the same cluster has been heard just now, and without a gap for as long as the silence: else
    beats of all nodes may have been lost or be waiting, and the first to come back would speak against the others.
    """
    limit_s = policy.heartbeat_interval_s + policy.observer_lag_limit_s
    witnesses = (
        node
        for node in state.nodes.values()
        if node.heard_at is not None and now - node.heard_at <= limit_s and is_witness(node, policy)
    )
    return Observer.TRUSTED if any(witnesses) else Observer.SUSPECT


def is_witness(node: NodeReport, policy: Policy) -> bool:
    """Whether a node has been heard without a gap for at least silence_limit_s: then the way of the beats was open."""
    return node.heard_at is not None and node.heard_at - node.heard_since >= policy.silence_limit_s


def fit_candidates(
    state: ClusterState, definition: Definition, now: int, without: Container[str] = ()
) -> tuple[str, ...]:
    """Instance ids of the nodes fit to take over, best priority first. The active node is never one of them."""
    return tuple(
        node.instance_id
        for node in sorted(definition.nodes, key=lambda node: (node.priority, node.name))
        if node.instance_id != state.active
        and node.instance_id not in without
        and health_of(state, definition, node.instance_id, now) is NodeHealth.READY
    )


def health_of(state: ClusterState, definition: Definition, instance_id: str, now: int) -> NodeHealth:
    """The health of one node; a node that the state, or the lease's holder, does not know is UNKNOWN."""
    report = state.nodes.get(instance_id)
    if report is None:
        return NodeHealth.UNKNOWN
    health = diagnose(report, definition.policy, now)
    return NodeHealth.UNKNOWN if health is NodeHealth.READY and not is_known_to_holder(state, instance_id) else health


def _phase(state: ClusterState, now: int) -> Phase:
    if state.transition is None:
        return Phase.SETTLED
    if now >= state.transition.deadline_at:
        return Phase.OVERDUE
    return Phase.SETTLED if state.transition.stage is Stage.CONFIRMING else Phase.UNDER_WAY


def _holder(state: ClusterState, definition: Definition, now: int, phase: Phase) -> Holder:
    if state.active is not None:
        health = health_of(state, definition, state.active, now)
        is_idle = phase is Phase.SETTLED and _is_idle(state.nodes[state.active], definition.policy)
        return Holder.FAILED if health is NodeHealth.READY and is_idle else Holder(health.value)
    if state.previous is None:
        is_early = phase is Phase.SETTLED and _is_better_node_awaited(state, definition, now)
        return Holder.AWAITED if is_early else Holder.NOBODY
    report = state.nodes.get(state.previous.node)
    power = report.power_now if report else PowerReading.UNKNOWN
    if find_proof(state, definition.policy.drift_margin_s, now, power):
        return Holder.NOBODY
    is_ready = health_of(state, definition, state.previous.node, now) is NodeHealth.READY
    return Holder.RETURNED if is_ready else Holder.UNPROVEN


def _is_better_node_awaited(state: ClusterState, definition: Definition, now: int) -> bool:
    """Whether a first placement is early: the best fit node has only just been heard, and a better one never yet."""
    best = next(iter(fit_candidates(state, definition, now)), None)
    if best is None or is_witness(state.nodes[best], definition.policy):
        return False
    ranked = [node.instance_id for node in sorted(definition.nodes, key=lambda node: (node.priority, node.name))]
    better = ranked[: ranked.index(best)]
    return any(health_of(state, definition, each, now) is NodeHealth.UNKNOWN for each in better)


def _is_idle(report: NodeReport, policy: Policy) -> bool:
    """Whether a node that is to serve says that it does not: it cannot read its lease, or was told to stop.

    One that has only just come back, after an outage of the beats, is given silence_limit_s to take up its service.
    """
    return report.service in (ServiceStatus.OUT_OF_SERVICE, ServiceStatus.STOPPING) and is_witness(report, policy)


def _repair(state: ClusterState, now: int) -> Repair:
    address = state.address
    is_due = address is not None and address.status is AddressStatus.OWED and now >= address.retry_at
    return Repair.DUE if is_due else Repair.NOT_DUE


def _budget(state: ClusterState, definition: Definition, now: int) -> Budget:
    limit = definition.policy.max_failovers
    recent = [at for at in state.failover_times if now - at < limit.window_s]
    return Budget.SPENT if len(recent) >= limit.count else Budget.LEFT
