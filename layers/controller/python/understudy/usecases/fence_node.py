"""FenceNode: wait for the proof that the node before can no longer serve (B4). It never guesses."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from understudy.domain.definition import Definition
from understudy.domain.fencing import find_proof
from understudy.domain.model import ClusterState, PowerReading, Proof, Stage
from understudy.domain.transition import entered, fenced
from understudy.ports import Nodes, StateLedger
from understudy.usecases.step import Clock, Outcome, answer, do_step

POLL_S = 1


class FenceOutcome(StrEnum):
    """How FenceNode can end, beside STALE."""

    FENCED = "FENCED"
    NOT_YET = "NOT_YET"
    GAVE_UP = "GAVE_UP"


def fence_node(payload: Mapping[str, Any], *, ledger: StateLedger, nodes: Nodes, clock: Clock) -> Outcome:
    """Look for a proof. GAVE_UP after the policy's fence_limit_s: then nothing is moved, and a person is told."""
    return do_step(
        "fence node", payload, ledger, lambda step, state, definition: _fence(state, definition, ledger, nodes, clock)
    )


def _fence(state: ClusterState, definition: Definition, ledger: StateLedger, nodes: Nodes, clock: Clock) -> Outcome:
    now = clock()
    margin_s = definition.policy.drift_margin_s
    proof = find_proof(state, margin_s, now, PowerReading.UNKNOWN)
    if proof is None and state.previous is not None:
        proof = find_proof(state, margin_s, now, nodes.power(state.previous.node))
    if proof is not None:
        after = entered(fenced(state, proof), definition, Stage.MOVING, int(now))
        facts = {"proof": str(proof), "stages.fenced_at": now}
        if state.transition is not None and state.transition.stage is Stage.FENCING:
            # A beat that says "still stopping" would move the end of the lease: none may come between.
            ledger.commit(
                state,
                after,
                holding_still=state.previous.node if state.previous and proof is Proof.LEASE_EXPIRED else None,
                history={state.epoch: facts},
            )
        return answer(FenceOutcome.FENCED, proof=str(proof))
    if state.transition is None or now >= state.transition.opened_at + definition.policy.fence_limit_s:
        return answer(FenceOutcome.GAVE_UP, why=_why_unproven(state))
    return answer(FenceOutcome.NOT_YET, wait_s=POLL_S)


def _why_unproven(state: ClusterState) -> str:
    node = state.previous.node if state.previous else "nobody"
    return (
        f"no proof that {node} has stopped serving: it has not released its lease ({Proof.RELEASED}), "
        f"no lease of it has run out ({Proof.LEASE_EXPIRED}), EC2 does not say that it is off ({Proof.STOPPED})"
    )
