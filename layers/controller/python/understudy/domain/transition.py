"""What each step of a transition does to the state. No step moves the lease without a proof, none lowers the epoch."""

from collections.abc import Sequence
from dataclasses import replace

from understudy.domain.definition import Definition
from understudy.domain.errors import UnprovenError
from understudy.domain.lease import terms_of
from understudy.domain.model import (
    Address,
    AddressStatus,
    ClusterState,
    PreviousHolder,
    Proof,
    Stage,
    Terms,
    Transition,
    TransitionAction,
)
from understudy.domain.moves import REPAIR_GAP_S, Moved, address_after
from understudy.domain.polling import change_gaps_s

KEEP = "keep"
STAGE_SLACK_S = 30
"""What a stage may take beyond its own waits: cold starts, retries of Lambda itself."""
CALL_LIMIT_S = 12
"""What one try at Route 53 may take when it does not answer: three attempts of 3 s, and the gaps between them."""
TRY_BUDGET_S = 10
"""A try at several addresses begins no further call after this long: the step must end before its function does."""


def deadline(stage: Stage, definition: Definition, now: int) -> int:
    """When an execution that has entered `stage` at `now` is given up as dead (seconds)."""
    policy, tuning = definition.policy, definition.tuning
    is_one_record = len(definition.labels) == len(definition.records) == 1
    try_s = CALL_LIMIT_S if is_one_record else TRY_BUDGET_S + CALL_LIMIT_S
    waits_s = {
        Stage.FENCING: policy.fence_limit_s,
        # A Route 53 that hangs must be given up by its tries, not by this: else the lease would never be granted.
        Stage.MOVING: (tuning.ROUTE53_RECORD_INTERVAL + try_s) * tuning.ROUTE53_RECORD_TRY_COUNT,
        Stage.GRANTING: 0,
        Stage.STARTING: policy.service_start_limit_s,
        Stage.CONFIRMING: sum(gap_s + CALL_LIMIT_S for gap_s in change_gaps_s(tuning)),
    }
    return now + int(waits_s[stage]) + STAGE_SLACK_S


def opened(
    state: ClusterState,
    definition: Definition,
    *,
    action: TransitionAction,
    target: str,
    rule: str,
    execution: str,
    now: int,
    tried: tuple[str, ...] = (),
    spends_budget: bool = False,
) -> ClusterState:
    """The state with a new transition open under the next epoch.

    Opening takes the lease away from the active node: no later beat renews it. When the target is itself the node that
    served last, nobody else can be serving: it holds the lease from here on, and a running service is not disturbed.
    """
    last_holder = state.active or (state.previous.node if state.previous else None)
    stays = target == last_holder
    window_s = definition.policy.max_failovers.window_s
    recent = tuple(at for at in state.failover_times if now - at < window_s)
    return replace(
        state,
        epoch=state.epoch + 1,
        active=target if stays else None,
        previous=None if stays else _previous_holder(state),
        terms=_terms_on_staying(state, definition) if stays else state.terms,
        transition=Transition(
            action=action,
            source=last_holder,
            target=target,
            rule=rule,
            stage=Stage.FENCING,
            opened_at=now,
            deadline_at=deadline(Stage.FENCING, definition, now),
            execution=execution,
            tried=tried,
        ),
        failover_times=(*recent, now) if spends_budget else recent,
    )


def _previous_holder(state: ClusterState) -> PreviousHolder | None:
    if state.active is None:
        return state.previous
    report = state.nodes[state.active]
    return PreviousHolder(
        node=state.active,
        renewed_at=report.heard_at,
        lease_s=state.terms.lease_s,
        keeps_lease=report.keeps_lease and state.terms.on_isolation != KEEP,
        ended_epoch=state.epoch + 1,
    )


def kept_terms(state: ClusterState, definition: Definition) -> Terms:
    """The definition's terms, but never a shorter lease or promise than the holder may still be counting on.

    One that may keep on serving when it is cut off may have read no other word: it keeps that right until the next
    grant, and its lease proves nothing until then (B11).
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


def _terms_on_staying(state: ClusterState, definition: Definition) -> Terms:
    """As kept_terms; the one that gets its lease back may still count on the lease that was taken from it."""
    terms = kept_terms(state, definition)
    return replace(terms, lease_s=max(terms.lease_s, state.previous.lease_s)) if state.previous else terms


def entered(state: ClusterState, definition: Definition, stage: Stage, now: int) -> ClusterState:
    """The state with its transition in `stage`, and the deadline of that stage. Unchanged when none is open."""
    if state.transition is None:
        return state
    transition = replace(state.transition, stage=stage, deadline_at=deadline(stage, definition, now))
    return replace(state, transition=transition)


def fenced(state: ClusterState, proof: Proof) -> ClusterState:
    """The state with the proof for the previous holder recorded."""
    return replace(state, previous=replace(state.previous, proof=proof)) if state.previous else state


def proof_in_hand(state: ClusterState) -> Proof:
    """The recorded proof for the node that served before.

    Raises UnprovenError when there is none: no record is moved and no lease is granted on a guess.
    """
    if state.previous is None:
        return Proof.NO_HOLDER
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


def address_owed(state: ClusterState, now: int, gap_s: int = REPAIR_GAP_S) -> ClusterState:
    """The state when no address is known to lead where it should: all are tried again after `gap_s`."""
    return replace(state, address=Address(AddressStatus.OWED, state.epoch, retry_at=now + gap_s))


def address_in_sync(state: ClusterState) -> ClusterState:
    """The state after Route 53 has said INSYNC for every change of the addresses. What is owed stays owed."""
    assert state.address is not None  # noqa: S101 - only an accepted change can come in sync
    in_sync = {AddressStatus.PROPAGATING: AddressStatus.IN_SYNC}
    parts = {label: in_sync.get(status, status) for label, status in state.address.parts.items()}
    status = in_sync.get(state.address.status, state.address.status)
    return replace(state, address=replace(state.address, status=status, parts=parts))
