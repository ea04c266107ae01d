"""Second step of deciding: what stands between this cluster and being well, one word for each question."""

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.definition import NodeSpec
from understudy.domain.cluster.membership import is_known_to_holder
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.service_names import means_the_same
from understudy.domain.cluster.state import ClusterState, NodeReport, PowerReading, ServiceStatus, Stage
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.choosing import by_soundness, sound_of, without_these
from understudy.domain.decide.failback import is_failback_due, preferred_since, spent
from understudy.domain.decide.leaving import can_be_left, departures, is_stranded, leaves_now, ways_out
from understudy.domain.decide.upkeep import Upkeep
from understudy.domain.lease.proof import find_proof
from understudy.domain.observe.fitness import by_fitness, fitness_objection
from understudy.domain.observe.health import NodeHealth, diagnose, is_heard_without_gap
from understudy.domain.observe.quorum import objection
from understudy.domain.observe.serving import Said, adoptable, others_serving, said, servers, undecided, unheard
from understudy.domain.observe.starts import failed_starts

LOSS_COUNTS_SILENCES = 4
"""For how many times silence_limit_s a lost beat makes the observer doubted. While half of all beats are lost, those
that one node sends in silence_limit_s are all lost once in some minutes."""


class Phase(StrEnum):
    """Whether a transition is open."""

    SETTLED = "SETTLED"  # none, or only the confirmation of the change is left
    UNDER_WAY = "UNDER_WAY"
    OVERDUE = "OVERDUE"  # it has outlived its deadline: its execution is gone


class Holder(StrEnum):
    """The node that may be serving now: the active one by its health, else what is known of the one before."""

    READY = "READY"
    FAILED = "FAILED"
    SILENT = "SILENT"
    GONE = "GONE"
    UNKNOWN = "UNKNOWN"
    NOBODY = "NOBODY"  # no active node, and proof that none serves
    AWAITED = "AWAITED"  # nobody holds the lease, and a member that may serve, or a quorum, may still be heard of
    UNHEARD = "UNHEARD"  # no node has had the lease yet, and a member that may be serving does not say that it is down
    CONTESTED = "CONTESTED"  # a member says that it serves, and another one does too, or should
    RETURNED = "RETURNED"  # no active node; the one before has no proof against it, and is itself fit to serve
    UNPROVEN = "UNPROVEN"  # no active node; the one before may still serve


class Candidate(StrEnum):
    """Whether another node is fit to take over."""

    FIT = "FIT"
    RETRY = "RETRY"  # only nodes on which the last start failed; the policy has them tried again
    NO_RETRY = "NO_RETRY"  # only such nodes, and the policy does not
    NO_QUORUM = "NO_QUORUM"  # one is ready, and quorum keeps it from taking over
    NO_FITNESS = "NO_FITNESS"  # one is ready, and is not fit by its own word, or has none where the policy requires it
    NONE = "NONE"


FAILED_BEFORE = (Candidate.RETRY, Candidate.NO_RETRY)
NO_SOUND_STANDBY = "no standby is known to work: the service did not start on any that is fit"
NO_FIT_STANDBY = "no other node that is ready says that it is fit to take over"


class Repair(StrEnum):
    """Whether an address that Route 53 has not accepted is to be tried again now."""

    NOT_DUE = "NOT_DUE"
    DUE = "DUE"


class Budget(StrEnum):
    """Whether the policy allows one more automatic failover now."""

    LEFT = "LEFT"
    SPENT = "SPENT"


class Observer(StrEnum):
    """Whether silence can be believed."""

    TRUSTED = "TRUSTED"
    SUSPECT = "SUSPECT"  # the observer itself is late, or was late just now, or nobody anywhere is heard


class Mode(StrEnum):
    """Whether an operator lets the cluster move by itself."""

    NORMAL = "NORMAL"
    HELD = "HELD"  # maintenance: nothing begins that nobody asked for


class PlannedMove(StrEnum):
    """Whether the service is to leave a node on which it is well, and why."""

    NONE = "NONE"
    FAIL_BACK = "FAIL_BACK"  # automatic, the node stable, within the hours, nothing owed, and a failover is left
    LEAVE = "LEAVE"  # AWS is about to take the active node away, and another node is sound and stays
    STRANDED = "STRANDED"  # AWS takes it away for certain, and no such node is left, or a switchover would not help


@dataclass(frozen=True)
class Situation:
    """Everything that `decide` looks at; `target`, the node that would take over (instance id), for who acts, and
    `upkeep` for who keeps the state up.
    """

    phase: Phase
    holder: Holder
    candidate: Candidate
    repair: Repair
    budget: Budget
    observer: Observer
    mode: Mode
    planned: PlannedMove
    target: str | None = None
    upkeep: Upkeep = field(default_factory=Upkeep)


def survey(view: ClusterView, observer: Observer) -> Situation:
    """Gather the answers for one cluster at `now` (seconds, AWS's clock)."""
    phase = _phase(view.state, view.now)
    holder = _holder(view, phase)
    fit, failed = _fit(view), failed_starts(view.state, view.definition)
    sound = sound_of(view, fit, failed)
    ways = ways_out(view.state, sound, by_fitness(view, without_these(fit, failed)))
    planned = _planned(view, observer, sound, ways)
    return Situation(
        phase=phase,
        holder=holder,
        candidate=Candidate.FIT if sound else _candidate_in_need(view, fit, failed),
        repair=_repair(view.state, view.now),
        budget=_budget(view),
        observer=observer,
        mode=Mode.HELD if view.state.hold is not None and view.state.hold.is_on(view.now) else Mode.NORMAL,
        planned=planned,
        target=_target(view, holder, planned, ways, by_soundness(view, fit, failed)),
        upkeep=Upkeep(preferred_since(view, sound), failed),
    )


def is_heard_now(state: ClusterState, policy: Policy, now: int) -> bool:
    """Whether any node of the cluster has been heard just now, judged by the clock."""
    return any(node.heard_at is not None and now - node.heard_at <= policy.hearing_s for node in state.nodes.values())


def is_late_now(state: ClusterState, policy: Policy, now: float) -> bool:
    """Whether a beat of any node was late, or lost, so lately that others may be under way still, or lost.

    Bad weather is uneven: that one beat came in time says nothing of the next one's, nor of another node's. The last
    sign of a loss that explains a silence can be as old as the silence, so losses count for longer.
    """
    lost_after = now - LOSS_COUNTS_SILENCES * policy.silence_limit_s
    return any(
        now - node.late_at < policy.silence_limit_s or lost_after < node.lost_at for node in state.nodes.values()
    )


def observer_by_beat(state: ClusterState, policy: Policy, instance_id: str, late_s: float, now: float) -> Observer:
    """Whether silence can be believed when it is judged by a beat that has just been taken in.

    `instance_id`: its sender, a member; `late_s`: how late it was; `now`: seconds, when it was dealt with.
    """
    is_doubtful = (
        late_s > policy.observer_lag_limit_s
        or is_late_now(state, policy, now)
        or not is_heard_without_gap(state.nodes[instance_id], policy)
    )
    return Observer.SUSPECT if is_doubtful else Observer.TRUSTED


def observer_by_clock(state: ClusterState, policy: Policy, now: int) -> Observer:
    """Whether silence can be believed when it is judged by the clock, not by a beat just taken in.

    Only when a witness in the same cluster has been heard just now, and without a gap for as long as the silence: else
    beats of all nodes may have been lost or be waiting, and the first to come back would speak against the others.
    """
    if is_late_now(state, policy, now):
        return Observer.SUSPECT
    witnesses = (
        node
        for node in state.nodes.values()
        if node.heard_at is not None and now - node.heard_at <= policy.hearing_s and is_heard_without_gap(node, policy)
    )
    return Observer.TRUSTED if any(witnesses) else Observer.SUSPECT


def observer_of_all(state: ClusterState, policy: Policy, now: int, is_anyone_heard: bool) -> Observer:
    """Whether silence can be believed by whoever looks at every cluster at once, as the watch does.

    SUSPECT when nobody anywhere is heard, or when a cluster's own nodes have only just come back, or been late.
    """
    if not is_anyone_heard or is_late_now(state, policy, now):
        return Observer.SUSPECT
    return observer_by_clock(state, policy, now) if is_heard_now(state, policy, now) else Observer.TRUSTED


def fit_candidates(view: ClusterView, without: Container[str] = ()) -> tuple[str, ...]:
    """Instance ids of the nodes fit to take over: ready, and neither quorum nor their own word on their data objects.

    Best priority first, unless another is fitter by more than the policy's margin. Those that AWS is about to take away
    come after those that stay, and after them those on which the service did not start, or none of these where the
    policy has none tried again. Neither the active node nor a witness is ever one of them, nor a node that says that it
    serves under no lease of ours: but the one that served last may get its lease back, and where nobody has been placed
    yet, the one that serves already is the only candidate.
    """
    fit = without_these(_fit(view), without)
    return by_soundness(view, fit, failed_starts(view.state, view.definition))


def sound_candidates(view: ClusterView) -> tuple[str, ...]:
    """Those of the fit candidates where the service goes without need: no start has failed there, and they stay."""
    return sound_of(view, _fit(view), failed_starts(view.state, view.definition))


def _fit(view: ClusterView) -> tuple[str, ...]:
    """By priority alone."""
    ready = (node.instance_id for node in _ready_standbys(view))
    return tuple(each for each in ready if not objection(view, each) and not fitness_objection(view, each))


def _planned(
    view: ClusterView,
    observer: Observer,
    sound: tuple[str, ...],
    ways: tuple[str, ...],
) -> PlannedMove:
    """What is to become of a service that is well where it is. That its node goes comes before that another is better.

    `sound`: where it could go without need; `ways`: where from a node that goes.
    """
    departure = departures(view.state).get(view.state.active or "")
    if departure is not None:
        is_free = bool(ways) and can_be_left(departure, view.state, view.policy, view.now)
        if is_free and leaves_now(departure, view.state, is_trusted=observer is Observer.TRUSTED):
            return PlannedMove.LEAVE
        if not is_free and is_stranded(departure, view.now):
            return PlannedMove.STRANDED
    return PlannedMove.FAIL_BACK if is_failback_due(view, sound) else PlannedMove.NONE


def _target(
    view: ClusterView,
    holder: Holder,
    planned: PlannedMove,
    ways: tuple[str, ...],
    candidates: tuple[str, ...],
) -> str | None:
    """The node that the service would be on after what is due. `candidates`: the fit ones, in their order."""
    if holder is Holder.READY and planned is PlannedMove.FAIL_BACK:
        return view.definition.preferred.instance_id
    if holder is Holder.READY and planned is PlannedMove.LEAVE:
        return ways[0]
    return view.state.last_holder if holder in (Holder.READY, Holder.RETURNED) else next(iter(candidates), None)


def _candidate_in_need(view: ClusterView, fit: tuple[str, ...], failed: Container[str]) -> Candidate:
    """Where no candidate is sound. One that AWS is about to take away is fit until it goes."""
    if without_these(fit, failed):
        return Candidate.FIT
    if fit:
        return Candidate.RETRY if view.policy.retry_failed_start else Candidate.NO_RETRY
    ready = [node.instance_id for node in _ready_standbys(view)]
    if any(not objection(view, each) for each in ready):
        return Candidate.NO_FITNESS
    return Candidate.NO_QUORUM if ready else Candidate.NONE


def _ready_standbys(view: ClusterView) -> Iterator[NodeSpec]:
    """The nodes that are ready, whatever quorum says, best priority first; without the active one."""
    serving, adopted = servers(view), adoptable(view)
    barred = set(serving) - {view.state.last_holder, adopted}
    return (
        node
        for node in view.definition.serving
        if node.instance_id != view.state.active
        and node.instance_id not in barred
        and adopted in (None, node.instance_id)
        and health_of(view, node.instance_id) is NodeHealth.READY
    )


def health_of(view: ClusterView, instance_id: str) -> NodeHealth:
    """The health of one node.

    UNKNOWN is also one that the state, or the lease's holder, does not know, and one that speaks of other services than
    the definition.
    """
    report = view.state.nodes.get(instance_id)
    if report is None:
        return NodeHealth.UNKNOWN
    health = diagnose(report, view.policy, view.now)
    is_known = is_known_to_holder(view.state, instance_id) and means_the_same(report, view.definition, instance_id)
    return NodeHealth.UNKNOWN if health is NodeHealth.READY and not is_known else health


def _phase(state: ClusterState, now: int) -> Phase:
    if state.transition is None:
        return Phase.SETTLED
    if now >= state.transition.deadline_at:
        return Phase.OVERDUE
    return Phase.SETTLED if state.transition.stage is Stage.CONFIRMING else Phase.UNDER_WAY


def _holder(view: ClusterView, phase: Phase) -> Holder:
    if others_serving(view):
        return Holder.CONTESTED
    if view.state.active is not None:
        health = health_of(view, view.state.active)
        is_idle = phase is Phase.SETTLED and _is_idle(view.state.nodes[view.state.active], view)
        return Holder.FAILED if health is NodeHealth.READY and is_idle else Holder(health.value)
    if view.state.previous is None or view.state.previous.is_assumed:
        unplaced = _first_placement(view, phase)
        if unplaced is not None:
            return unplaced
    if view.state.previous is None:
        return Holder.NOBODY
    found = _left_by(view.state.previous.node, view)
    is_left_alone = phase is Phase.SETTLED and found is Holder.UNPROVEN
    return Holder.AWAITED if not is_left_alone and _is_awaited(view) else found


def _left_by(previous: str, view: ClusterView) -> Holder:
    """How things are by the records of the one that had the lease last."""
    report = view.state.nodes.get(previous)
    power = report.power_now if report else PowerReading.UNKNOWN
    if find_proof(view, power):
        return Holder.NOBODY
    return Holder.RETURNED if previous in fit_candidates(view) else Holder.UNPROVEN


def _is_awaited(view: ClusterView) -> bool:
    """Whether a member that may serve may still be heard: the table may have been put back to before it got the lease.

    A table that was not has heard somebody all the while; where nobody was heard for a time, the first to be heard
    again waits silence_limit_s for the others. One that is dead is waited for no longer than that.
    """
    return _are_heard_anew(view) and bool(unheard(view, besides=None))


def _are_heard_anew(view: ClusterView) -> bool:
    """Whether all that are ready have only just been heard."""
    ready = [view.state.nodes[node.instance_id] for node in _ready_standbys(view)]
    return bool(ready) and not any(is_heard_without_gap(report, view.policy) for report in ready)


def _first_placement(view: ClusterView, phase: Phase) -> Holder | None:
    """Whether anybody may be placed at all where nobody has been yet; None: that is so.

    A member that may serve and has not been heard may be serving. It is waited for as long as all that are ready have
    only just been heard, as is a quorum. After that a person is called; only the one that serves already is adopted,
    and not even that beside one that is heard and not down.
    """
    expected = view.state.previous.node if view.state.previous else adoptable(view)
    is_early = phase is Phase.SETTLED and _are_heard_anew(view)
    if unheard(view, besides=expected):
        serves = expected is not None and said(view, expected) is Said.SERVES
        if not serves or undecided(view, besides=expected):
            return Holder.AWAITED if is_early else Holder.UNHEARD
        return Holder.AWAITED if is_early else None
    is_without_quorum = not fit_candidates(view)
    return Holder.AWAITED if is_early and is_without_quorum and view.state.previous is None else None


def _is_idle(report: NodeReport, view: ClusterView) -> bool:
    """Whether a node that is to serve says that it does not: it cannot read its lease, or was told to stop.

    One that has only just come back, after an outage of the beats, is given silence_limit_s to take up its service.
    One that says that it waits is given the time for that: it waits out what it has promised, and then for the others,
    for silence_limit_s when one of them is dead. Where a member has read of an epoch that this table does not know yet,
    the table was put back, and that wait may have no end: of several services, those not up by then do not come up.
    """
    policy, state = view.policy, view.state
    patience_s = policy.silence_limit_s + (policy.promised_s + policy.hearing_s if report.waits else 0)
    is_down = report.service in (ServiceStatus.OUT_OF_SERVICE, ServiceStatus.STOPPING)
    is_in_part = report.service is ServiceStatus.STARTING and report.waits
    is_stuck = is_in_part and any(each.read_epoch > state.epoch for each in state.nodes.values())
    return (is_down or is_stuck) and report.heard_at is not None and report.heard_at - report.heard_since >= patience_s


def _repair(state: ClusterState, now: int) -> Repair:
    address = state.address
    is_due = address is not None and address.status is AddressStatus.OWED and now >= address.retry_at
    return Repair.DUE if is_due else Repair.NOT_DUE


def _budget(view: ClusterView) -> Budget:
    limit = view.policy.max_failovers
    return Budget.SPENT if spent(view.state, limit, view.now) >= limit.count else Budget.LEFT
