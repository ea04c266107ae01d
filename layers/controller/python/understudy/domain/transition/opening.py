"""Whether a transition that was asked for is opened, and on which node.

Bad requests and vanished causes change nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from understudy.domain.cluster.definition import Definition, Role
from understudy.domain.cluster.request import Request
from understudy.domain.cluster.state import TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.leaving import departure_words
from understudy.domain.decide.rules import Action, decide
from understudy.domain.decide.situation import (
    Holder,
    Observer,
    Phase,
    PlannedMove,
    fit_candidates,
    health_of,
    observer_by_clock,
    sound_candidates,
    survey,
)
from understudy.domain.observe.fitness import fitness_objection
from understudy.domain.observe.health import NodeHealth
from understudy.domain.observe.quorum import objection
from understudy.domain.observe.serving import Said, may_be_adopted, others_serving, said, unheard
from understudy.domain.observe.starts import failed_starts, failed_words
from understudy.domain.transition.drill import DRILL_RULES, objections

ACTION_OF: Mapping[Action, TransitionAction] = {
    Action.FAIL_OVER: TransitionAction.FAILOVER,
    Action.PLACE: TransitionAction.PLACE,
    Action.FAIL_BACK: TransitionAction.FAILBACK,
    Action.SWITCH_OVER: TransitionAction.SWITCHOVER,
    Action.REPAIR: TransitionAction.REPAIR,
}
"""What the workflow is asked for under each decision that moves something."""

SPENDING = (TransitionAction.FAILOVER, TransitionAction.FAILBACK)
"""Moves that spend the budget when nobody asked for them and they take the lease from a node. Fencing that goes on
under a new epoch, after its execution died, takes it from nobody: it is the failover that was counted already."""
MANUAL_RULE = "operator-asked"
NEXT_RULE = "service-did-not-start"
UNFIT_RULE = "target-is-not-fit"


@dataclass(frozen=True)
class Opening:
    """Open a transition to `target` (instance id)."""

    action: TransitionAction
    target: str
    rule: str
    why: str
    tried: tuple[str, ...] = ()
    spends_budget: bool = False
    may_go_unproven: bool = False


@dataclass(frozen=True)
class AlreadyOpen:
    """This very execution has opened it before and was cut off."""


@dataclass(frozen=True)
class StoodDown:
    """The cause went away, or somebody else is at it."""

    why: str


@dataclass(frozen=True)
class Refused:
    """The request cannot be carried out as it stands."""

    why: str


@dataclass(frozen=True)
class Exhausted:
    """The service started nowhere: no node is left to try."""

    why: str


Ruling = Opening | AlreadyOpen | StoodDown | Refused | Exhausted


def rule_on_request(request: Request, execution: str, view: ClusterView) -> Ruling:
    """Judge a request at `now` by the state as it is. One of the controller's is for one epoch and no later one."""
    if view.state.transition is not None and view.state.transition.execution == execution:
        return AlreadyOpen()
    if request.epoch is not None and request.epoch != view.state.epoch + 1:
        return StoodDown(
            f"{request.rule} was noticed under epoch {request.epoch - 1}, "
            f"and the cluster is at epoch {view.state.epoch}"
        )
    if request.rule in DRILL_RULES and request.action is TransitionAction.SWITCHOVER:
        return _rule_on_drill(request, view)
    if request.rule is not None:
        return _rule_on_cause(request, view)
    return _rule_on_wish(request, view)


def _rule_on_cause(request: Request, view: ClusterView) -> Ruling:
    """The controller asked. What it saw may be over: the table of rules is asked again."""
    situation = survey(view, observer_by_clock(view.state, view.policy, view.now))
    decision = decide(situation)
    if ACTION_OF.get(decision.action) is not request.action or situation.target is None:
        return StoodDown(f"{request.rule} no longer holds; now {decision.rule}: {decision.why}")
    return Opening(
        action=request.action,
        target=situation.target,
        rule=decision.rule,
        why=f"{decision.why}{_tried_again(situation.target, view)}",
        spends_budget=view.state.active is not None and request.action in SPENDING,
    )


def _tried_again(target: str, view: ClusterView) -> str:
    """That a target is the last choice, and why: words to go on with; empty when it is not."""
    is_moved_to = target != view.state.last_holder
    words = failed_words(view, target) if is_moved_to else ""
    return f"; {words}, and no other node is left" if words else ""


def _rule_on_drill(request: Request, view: ClusterView) -> Ruling:
    """A drill takes the lease from a healthy node: whatever speaks against it ends it."""
    against = objections(view, observer_by_clock(view.state, view.policy, view.now))
    target = _wanted(request, view.definition)
    if against or target not in sound_candidates(view):
        return StoodDown("; ".join(against) or f"{request.to} is not fit to take over")
    return Opening(request.action, target, str(request.rule), "a planned drill")


def _rule_on_wish(request: Request, view: ClusterView) -> Ruling:
    """An operator asked: each thing that is in the way is named."""
    if survey(view, Observer.TRUSTED).phase is Phase.UNDER_WAY and view.state.transition:
        return Refused(
            f"a {view.state.transition.action} to {view.definition.name_of(view.state.transition.target)} is under way "
            f"(epoch {view.state.epoch}, {view.state.transition.stage}); wait until it has ended"
        )
    names = ", ".join(node.name for node in view.definition.serving)
    candidates = fit_candidates(view)
    wanted = _wanted(request, view.definition)
    if wanted is None and request.to is not None:
        return Refused(f"to is {request.to!r:.60}, which is no node of {view.state.cluster}; allowed: {names}")
    if _is_witness(wanted, view.definition):
        return Refused(f"to is {request.to!r}, a witness, which never serves; allowed: {names}")
    if wanted is None and not candidates:
        health = ", ".join(f"{node.name} is {_in_words(view, node.instance_id)}" for node in view.definition.serving)
        return Refused(f"no node of {view.state.cluster} is fit to take over: {health}")
    target = wanted or candidates[0]
    if target == view.state.active:
        return Refused(f"{view.definition.name_of(target)} is in service already; allowed for to: another of {names}")
    if health_of(view, target) is not NodeHealth.READY:
        health = _in_words(view, target)
        return Refused(f"{view.definition.name_of(target)} is {health}, not READY; it cannot take over now")
    if against := _service_elsewhere(view, target) or objection(view, target) or fitness_objection(view, target):
        return Refused(f"{view.definition.name_of(target)} cannot take over now: {against}")
    if against := _unsound(request, target, view):
        return Refused(against)
    why = f"an operator asked for a {request.action}" + (f": {request.reason}" if request.reason else "")
    if request.may_go_unproven:
        why += "; they asked to go on without a proof, should none be found"
    return Opening(
        action=request.action, target=target, rule=MANUAL_RULE, why=why, may_go_unproven=request.may_go_unproven
    )


def _unsound(request: Request, target: str, view: ClusterView) -> str:
    """Why the target is no place for a service that is well, in words; empty when it is one.

    Nobody takes the service from a node where it runs to one where it is known not to start, or that AWS is about to
    take away, but from a node that goes sooner than that. A failover of a service that does not run may be all that is
    left, as it may be for the controller.
    """
    failed, goes = (words(view, target) for words in (failed_words, departure_words))
    situation = survey(view, Observer.TRUSTED)
    is_served = situation.holder is Holder.READY
    if is_served and situation.planned is PlannedMove.LEAVE and situation.target == target:
        return ""
    is_failover = request.action is TransitionAction.FAILOVER and not is_served
    is_last_resort = is_failover and not sound_candidates(view)
    if is_last_resort and (view.policy.retry_failed_start or not failed):
        return ""
    clear = f'{{"cluster": "{view.state.cluster}", "action": "clear", "node": "{view.definition.name_of(target)}"}}'
    if failed:
        return f"{failed}. Find out why, then clear it and ask again: {clear}"
    return f"{goes}. If it stays all the same, boot it anew and ask again" if goes else ""


def _service_elsewhere(view: ClusterView, target: str) -> str:
    """Which members say that they serve and hold no lease, or may, in words; empty when none does that is in the way.

    A person may have the one that serves already adopted, where nobody has been placed yet.
    """
    if may_be_adopted(view, target):
        return ""
    if others := others_serving(view):
        names = ", ".join(map(view.definition.name_of, others))
        return f"{names} says that it serves, and holds no lease; stop the service there first"
    if not view.state.was_placed and said(view, target) is Said.SERVES:
        names = ", ".join(map(view.definition.name_of, unheard(view, besides=target)))
        return f"it serves already, and nobody knows yet whether {names} does, too; ask again when it has said so"
    return ""


def _in_words(view: ClusterView, instance_id: str) -> str:
    """The health of a node, with what else keeps it from taking over: EC2's word on it, or quorum."""
    report = view.state.nodes.get(instance_id)
    faults = [fault for fault in (report.fault, report.misnamed, report.unfit) if fault] if report else []
    fault = f" ({'; '.join(faults)})" if faults else ""
    health = health_of(view, instance_id)
    against = objection(view, instance_id) or fitness_objection(view, instance_id) or failed_words(view, instance_id)
    against = against if health is NodeHealth.READY else ""
    return f"{health}{fault}{f', but {against}' if against else ''}"


def _is_witness(instance_id: str | None, definition: Definition) -> bool:
    node = definition.node(instance_id) if instance_id else None
    return node is not None and node.role is Role.WITNESS


def _wanted(request: Request, definition: Definition) -> str | None:
    """The node that the request names: by `to`, or for a failback the one of the best priority."""
    if request.to is not None:
        named = definition.node_named(request.to)
        return named.instance_id if named else None
    if request.action is TransitionAction.FAILBACK:
        return definition.preferred.instance_id
    return None


def rule_on_next(failed_epoch: int, execution: str, view: ClusterView) -> Ruling:
    """The service did not start on the transition's target, or that was not fit to get the lease: who is next?

    A switchover goes back to the node that it came from, when that is ready. Every other node is tried once, and those
    on which a start has failed before come last, that one included.
    """
    transition = view.state.transition
    if transition is None or transition.execution != execution:
        return StoodDown(f"epoch {failed_epoch} has been superseded by epoch {view.state.epoch}")
    if view.state.epoch != failed_epoch:
        return AlreadyOpen()
    tried = (*transition.tried, transition.target)
    # A repair moves nothing: whether the service is moved is for the table of rules, which knows the budget.
    is_repair = transition.action is TransitionAction.REPAIR
    candidates = () if is_repair else fit_candidates(view, without=tried)
    if not candidates:
        return Exhausted(f"{_fault_of(tried, view)}, and no other node is fit")
    failed = failed_starts(view.state, view.definition)
    best = [each for each in candidates if each not in failed] or candidates
    goes_back = transition.action is not TransitionAction.FAILOVER and transition.source in best
    target = transition.source if goes_back and transition.source else candidates[0]
    return Opening(
        action=transition.action,
        target=target,
        rule=NEXT_RULE if _was_granted(view) else UNFIT_RULE,
        why=f"{_fault_of([transition.target], view)}: {view.definition.name_of(target)} is next",
        tried=tried,
        may_go_unproven=transition.may_go_unproven,
    )


def _was_granted(view: ClusterView) -> bool:
    """Whether the transition's target has been given the lease."""
    return view.state.active is not None


def _fault_of(tried: Sequence[str], view: ClusterView) -> str:
    """Why the transition goes on to another node. One that was not fit may be by now, and is not waited for."""
    if _was_granted(view):
        return f"the service did not start on {', '.join(map(view.definition.name_of, tried))}"
    why = fitness_objection(view, tried[-1]) or "it was not fit when it was to get it"
    return f"{view.definition.name_of(tried[-1])} got no lease: {why}"
