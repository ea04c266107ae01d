"""GrantLease: the transition's target may serve from here on. Only under a proof for the node before it.

Before that everybody's newest word is looked at once more: moving an address can take minutes. Whoever was down may
have booted again since, and its service come up by itself; and the target may have found that its data is not fit.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.state import ClusterState, Stage
from understudy.domain.cluster.view import ClusterView
from understudy.domain.observe.fitness import fitness_objection
from understudy.domain.observe.serving import objectors
from understudy.domain.transition.outcomes import GrantOutcome
from understudy.domain.transition.steps import entered, granted, proof_in_hand, unfenced
from understudy.ports.ledger import StateLedger
from understudy.usecases.step import Clock, Outcome, answer, do_step

POLL_S = 1
log = logging.getLogger(__name__)


def grant_lease(payload: Mapping[str, Any], *, ledger: StateLedger, clock: Clock) -> Outcome:
    """Write the target down as active. Raises UnprovenError when the previous holder is not fenced."""
    return do_step(
        "grant lease", payload, ledger, lambda step, state, definition: _grant(state, definition, ledger, clock)
    )


def _grant(state: ClusterState, definition: Definition, ledger: StateLedger, clock: Clock) -> Outcome:
    if state.transition is None or state.transition.stage in (Stage.STARTING, Stage.CONFIRMING):
        return answer(GrantOutcome.GRANTED)
    now = clock()
    view = ClusterView(state, definition, int(now))
    against = () if state.active else objectors(view)
    if against:
        why = f"{', '.join(map(definition.name_of, against))} says that it serves"
        history = {state.epoch: {"not_granted": why, "stages.unfenced_at": now}}
        ledger.commit(state, unfenced(view, against), history=history)
        return _not_granted(GrantOutcome.UNFENCED, view, why, wait_s=POLL_S)
    target = state.transition.target
    if not state.active and (fault := fitness_objection(view, target)):
        why = f"{definition.name_of(target)} cannot take over now: {fault}"
        ledger.note(state.cluster, state.epoch, {"not_granted": why})
        return _not_granted(GrantOutcome.NOT_FIT, view, why)
    after = state if state.active else granted(state, definition, proof_in_hand(state))
    # A node that says meanwhile that it serves, or that it is not fit, is seen: this write fails, and is tried again.
    ledger.commit(
        state,
        entered(replace(view, state=after), Stage.STARTING),
        if_no_newer_beat_of=None if state.active else target,
        saying_the_same=[node.instance_id for node in definition.nodes if node.instance_id != after.active],
        history={state.epoch: {"stages.granted_at": now}},
    )
    return answer(GrantOutcome.GRANTED)


def _not_granted(outcome: GrantOutcome, view: ClusterView, why: str, **facts: int) -> Outcome:
    log.error("lease not granted", extra={"cluster": view.state.cluster, "epoch": view.state.epoch, "why": why})
    return answer(outcome, why=why, **facts)
