"""FenceNode: get the proof that the node before can no longer serve, if need be by stopping it."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.service_names import means_the_same
from understudy.domain.cluster.state import ClusterState, PowerReading, Proof, Stage
from understudy.domain.cluster.view import ClusterView
from understudy.domain.lease.proof import find_proof
from understudy.domain.observe.serving import objectors, serves_unbound, unheard
from understudy.domain.observe.signal import PowerSignal
from understudy.domain.transition.outcomes import FenceOutcome
from understudy.domain.transition.steps import entered, fenced
from understudy.domain.transition.stopping import StopTry, StopWord, is_stop_due, may_go_unproven, read_try
from understudy.ports.ledger import BeatLedger, StateLedger
from understudy.ports.nodes import Nodes
from understudy.usecases.step import Clock, Outcome, answer, do_step

POLL_S = 1
log = logging.getLogger(__name__)


class FencingLedger(StateLedger, BeatLedger, Protocol):
    """The table as fencing sees it: it changes the state, and notes that EC2 stops a node."""


def fence_node(payload: Mapping[str, Any], *, ledger: FencingLedger, nodes: Nodes, clock: Clock) -> Outcome:
    """Stop the node where the policy says so, and look for a proof that it accepts.

    GAVE_UP after the policy's fencing.limit_s: then nothing is moved, and a person is told. FENCED with the proof
    UNPROVEN when the policy or an operator said to go on without one.
    """
    return do_step(
        "fence node", payload, ledger, lambda step, state, definition: _fence(state, definition, ledger, nodes, clock)
    )


def _fence(state: ClusterState, definition: Definition, ledger: FencingLedger, nodes: Nodes, clock: Clock) -> Outcome:
    stop = _stop(state, definition, ledger, nodes, clock)
    facts = {"stop": stop.facts} if stop else {}
    now = clock()
    view = ClusterView(state, definition, int(now))
    proof = _proof(view, ledger, nodes)
    is_over = state.transition is None or now >= state.transition.opened_at + definition.policy.fencing.limit_s
    if proof is None and is_over and may_go_unproven(view):
        proof = Proof.UNPROVEN
        log.error("going on without a proof", extra={"cluster": state.cluster, "epoch": state.epoch, **facts})
    if proof is not None:
        _record(view, proof, now, ledger)
        return answer(FenceOutcome.FENCED, proof=str(proof), **facts)
    if is_over:
        return answer(FenceOutcome.GAVE_UP, why=_why_unproven(view, stop), **facts)
    return answer(FenceOutcome.NOT_YET, wait_s=POLL_S, **facts)


def _proof(view: ClusterView, ledger: FencingLedger, nodes: Nodes) -> Proof | None:
    """A proof that the policy accepts. EC2 is asked only where its word is one and nothing else was found.

    That word is recorded: a beat of the node that comes later is a newer one.
    """
    proof = find_proof(view, PowerReading.UNKNOWN)
    if proof is None and view.state.previous is not None and Proof.STOPPED in view.policy.fencing.accept:
        node = view.state.previous.node
        power = nodes.power(node)
        proof = find_proof(view, power)
        if proof is Proof.STOPPED:
            ledger.record_signal(view.state.cluster, PowerSignal(node, power, view.now))
    return proof


def _record(view: ClusterView, proof: Proof, fenced_at: float, ledger: FencingLedger) -> None:
    if view.state.transition is None or view.state.transition.stage is not Stage.FENCING:
        return
    # A beat that says "still stopping" would move the end of the lease: none may come between.
    ledger.commit(
        view.state,
        entered(replace(view, state=fenced(view.state, proof)), Stage.MOVING),
        if_no_newer_beat_of=view.state.previous.node if view.state.previous and proof is Proof.LEASE_EXPIRED else None,
        history={view.state.epoch: {"proof": str(proof), "stages.fenced_at": fenced_at}},
    )


def _stop(
    state: ClusterState, definition: Definition, ledger: FencingLedger, nodes: Nodes, clock: Clock
) -> StopTry | None:
    """Stop the node where that is due, once for each epoch, and keep what EC2 said. The newest try, if there was one.

    A refusal is only written down: a weaker proof that the policy accepts may still come. A node that EC2 stops is
    marked as leaving at once: it is no candidate before it has beaten from another boot.
    """
    if not definition.policy.fencing.stop_instance or state.previous is None:
        return None
    last, now = read_try(ledger.history(state.cluster, state.epoch)), clock()
    if not is_stop_due(ClusterView(state, definition, int(now)), last):
        return last
    node = state.previous.node
    given = nodes.stop(node)
    tries = last.tries + 1 if last else 1
    made = StopTry(definition.name_of(node), given.word, given.said, now, tries)
    log.warning("instance stopped", extra={"cluster": state.cluster, "epoch": state.epoch, **made.facts})
    ledger.note(state.cluster, state.epoch, {"stop": made.facts})
    if given.word is StopWord.ACCEPTED:
        ledger.record_signal(state.cluster, PowerSignal(node, PowerReading.STOPPING, int(now)))
    return made


def _why_unproven(view: ClusterView, stop: StopTry | None) -> str:
    holder = view.state.previous.node if view.state.previous else None
    serving = [view.definition.name_of(each) for each in objectors(view) if each != holder]
    if serving:
        return f"{', '.join(serving)} says that it serves, and holds no lease"
    if holder is None:
        target = view.state.transition.target if view.state.transition else None
        names = ", ".join(map(view.definition.name_of, unheard(view, besides=target)))
        return f"nobody knows whether {names or 'another member'} serves: it is neither heard nor off by EC2's word"
    missing = {
        Proof.RELEASED: f"it has not released its lease ({Proof.RELEASED})",
        Proof.LEASE_EXPIRED: f"no lease of it has run out ({Proof.LEASE_EXPIRED})",
        Proof.STOPPED: f"EC2 does not say that it is off ({Proof.STOPPED})",
    }
    why = ", ".join(missing[proof] for proof in view.policy.fencing.accept)
    report = view.state.nodes.get(holder)
    if serves_unbound(report):
        why += "; it says itself that its services run under no lease, so its lease proves nothing"
    elif report is not None and not means_the_same(report, view.definition, holder):
        why += f"; its agent {report.misnamed or 'names other services'}, so its word and its lease prove nothing"
    tried = f"; StopInstances: {stop.word} {stop.said}".rstrip() if stop else ""
    return f"no proof that {holder} has stopped serving: {why}{tried}"
