"""What each step of a transition does to the state. No step moves the lease without a proof, none lowers the epoch."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.errors import UnprovenError
from understudy.domain.cluster.intervals import change_gaps_s
from understudy.domain.cluster.state import (
    KEEP,
    ClusterState,
    Lease,
    Proof,
    Stage,
    Terms,
    Transition,
)
from understudy.domain.cluster.view import ClusterView
from understudy.domain.lease.terms import terms_of
from understudy.domain.observe.serving import Said, may_be_adopted, objectors_to, said
from understudy.domain.observe.starts import failed_starts, with_failure_of_holder
from understudy.domain.transition.addresses import Moved, address_after
from understudy.domain.transition.opening import Opening

STAGE_SLACK_S = 30
"""What a stage may take beyond its own waits: cold starts, retries of Lambda itself."""
CALL_LIMIT_S = 12
"""What one question to Route 53 may take when it does not answer, all its attempts and the gaps between them; or a
write to EC2, and the reading after it."""
TRY_BUDGET_S = 10
"""A try at several addresses begins no further call after this long: the step must end before its function does."""
TRY_LIMIT_S = TRY_BUDGET_S + CALL_LIMIT_S
"""What one try may take at the longest: its last call may begin just before the budget is spent."""


def deadline(stage: Stage, definition: Definition, now: int) -> int:
    """When an execution that has entered `stage` at `now` is given up as dead (seconds)."""
    policy, tuning = definition.policy, definition.tuning
    waits_s = {
        Stage.FENCING: policy.fencing.limit_s,
        # A Route 53 that hangs must be given up by its tries, not by this: else the lease would never be granted.
        Stage.MOVING: (tuning.ROUTE53_RECORD_INTERVAL + TRY_LIMIT_S) * tuning.ROUTE53_RECORD_TRY_COUNT,
        Stage.GRANTING: 0,
        Stage.STARTING: policy.service_start_limit_s,
        Stage.CONFIRMING: sum(gap_s + TRY_LIMIT_S for gap_s in (0, *change_gaps_s(tuning))),
    }
    return now + int(waits_s[stage]) + STAGE_SLACK_S


def opened(view: ClusterView, opening: Opening, execution: str, asked_at: int = 0) -> ClusterState:
    """The state under the next epoch: the lease ends, but who takes it back, or is adopted, has it at once.

    `asked_at`: when a person was asked about it (seconds); 0: nobody was.
    """
    target, tried = opening.target, opening.tried
    stays = may_be_adopted(view, target) or _takes_it_back(view, target)
    return replace(
        _staying(view, target) if stays else _taken_from_holder(view, target),
        epoch=view.state.epoch + 1,
        transition=Transition(
            action=opening.action,
            source=view.state.last_holder,
            target=target,
            rule=opening.rule,
            stage=Stage.FENCING,
            opened_at=view.now,
            deadline_at=deadline(Stage.FENCING, view.definition, view.now),
            execution=execution,
            tried=tried,
            begun_at=view.state.transition.execution_begun_at if tried and view.state.transition else asked_at,
            may_go_unproven=opening.may_go_unproven,
            without_proof=_goes_on_without_proof(view.state, tried),
        ),
        failover_times=_failover_times(view, opening.spends_budget),
        preferred_since=None,
        doubt=None,
    )


def _staying(view: ClusterView, target: str) -> ClusterState:
    return replace(
        view.state,
        active=target,
        previous=None,
        terms=_terms_on_staying(view),
        failed_starts=failed_starts(view.state, view.definition),
    )


def _taken_from_holder(view: ClusterView, target: str) -> ClusterState:
    """Whoever loses the lease with its service not started keeps that as a failed start."""
    return replace(
        view.state,
        active=None,
        previous=_ended_lease(view.state, target),
        approval=None,  # a question about a lease ends with it
        failed_starts=with_failure_of_holder(view),
    )


def _goes_on_without_proof(state: ClusterState, tried: tuple[str, ...]) -> bool:
    """A chain that has once gone on without a proof never has one for the node before it."""
    return bool(tried) and state.transition is not None and state.transition.without_proof


def _failover_times(view: ClusterView, spends_budget: bool) -> tuple[int, ...]:
    window_s = view.policy.max_failovers.window_s
    recent = tuple(at for at in view.state.failover_times if view.now - at < window_s)
    return (*recent, view.now) if spends_budget else recent


def _takes_it_back(view: ClusterView, target: str) -> bool:
    """Whether the target has the lease, or had it last and may have it again at once: nothing starts beside another."""
    if not _served_last(view.state, target):
        return False
    serves = view.state.active == target or said(view, target) is Said.SERVES
    return serves or not objectors_to(view, target)


def _served_last(state: ClusterState, target: str) -> bool:
    """Whether the target holds the lease, or held it last. That an address leads to it is no proof that it did."""
    return target == state.last_holder and not (state.previous is not None and state.previous.is_assumed)


def _ended_lease(state: ClusterState, target: str) -> Lease | None:
    """The lease to be fenced. An assumed one of the target itself is not: all the others are asked instead."""
    lease = state.lease
    if lease is None or state.active is not None:
        return lease and lease.ended(state.epoch + 1)
    return None if lease.is_assumed and lease.node == target else lease


def kept_terms(state: ClusterState, definition: Definition) -> Terms:
    """The definition's terms, but never a shorter lease or promise than the holder may still be counting on.

    One that may keep on serving when it is cut off may have read no other word: it keeps that right until the next
    grant, and its lease proves nothing until then.
    """
    terms = terms_of(definition.policy)
    if state.active is None and state.previous is None:
        return terms
    keeps = KEEP in (terms.on_isolation, state.terms.on_isolation)
    return replace(
        _kept_promise(state, terms),
        lease_s=terms.lease_s if state.active is None else max(terms.lease_s, state.terms.lease_s),
        on_isolation=KEEP if keeps else terms.on_isolation,
    )


def _kept_promise(state: ClusterState, terms: Terms) -> Terms:
    return replace(terms, promise_s=max(terms.promise_s, state.terms.promise_s))


def _terms_on_staying(view: ClusterView) -> Terms:
    """As kept_terms; the one that gets its lease back may still count on the lease that was taken from it."""
    terms = kept_terms(view.state, view.definition)
    return replace(terms, lease_s=max(terms.lease_s, view.state.previous.lease_s)) if view.state.previous else terms


def entered(view: ClusterView, stage: Stage) -> ClusterState:
    """The state with its transition in `stage`, and the deadline of that stage. Unchanged when none is open."""
    if view.state.transition is None:
        return view.state
    transition = replace(view.state.transition, stage=stage, deadline_at=deadline(stage, view.definition, view.now))
    return replace(view.state, transition=transition)


def fenced(state: ClusterState, proof: Proof) -> ClusterState:
    """The state with the proof for the previous holder recorded; UNPROVEN stays written on the transition, too."""
    if proof is Proof.UNPROVEN and state.transition is not None:
        state = replace(state, transition=replace(state.transition, without_proof=True))
    return replace(state, previous=replace(state.previous, proof=proof)) if state.previous else state


def unfenced(view: ClusterView, objecting: Collection[str]) -> ClusterState:
    """The state whose fencing begins again because a member says that it serves. A proof against that one is void."""
    previous = view.state.previous
    if previous is not None and previous.node in objecting:
        view = replace(view, state=replace(view.state, previous=replace(previous, proof=None)))
    return entered(view, Stage.FENCING)


def proof_in_hand(state: ClusterState) -> Proof:
    """The recorded proof for the node that served before.

    Raises UnprovenError when there is none: no record is moved and no lease is granted on a guess.
    """
    if state.previous is None and state.active is not None:
        return Proof.KEEPS_LEASE
    if state.previous is None:
        # There is no holder to write the proof down for: that the fencing is over says that it was found.
        if state.transition is None or state.transition.stage is Stage.FENCING:
            raise UnprovenError(f"cluster {state.cluster}, epoch {state.epoch}: not every member has been asked")
        return Proof.UNPROVEN if state.transition.without_proof else Proof.NO_HOLDER
    if state.previous.proof is None:
        raise UnprovenError(f"cluster {state.cluster}, epoch {state.epoch}: no proof against {state.previous.node}")
    return state.previous.proof


def granted(state: ClusterState, definition: Definition, proof: Proof) -> ClusterState:
    """The state with the lease in the hands of the transition's target. No proof: nothing to call it with."""
    assert state.transition is not None  # noqa: S101 - the caller has checked the epoch of an open transition
    terms = terms_of(definition.policy)
    # A node whose lease has run out may still have a promise of the old length: a reboot must not cut that short.
    terms = _kept_promise(state, terms) if proof is Proof.LEASE_EXPIRED else terms
    return replace(state, active=state.transition.target, previous=None, terms=terms)


def addresses_moved(state: ClusterState, moved: Sequence[Moved], now: int) -> ClusterState:
    """The state after a try at its addresses. What is owed may still lead to another node."""
    return replace(state, address=address_after(state, moved, now))


def address_owed(state: ClusterState, now: int) -> ClusterState:
    """The state when no address is known to lead where it should: all are due at once."""
    return replace(state, address=Address(AddressStatus.OWED, state.epoch, retry_at=now))
