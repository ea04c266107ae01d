"""GrantLease: the transition's target may serve from here on. Only under a proof for the node before it.

Before that everybody's newest word is looked at once more: moving an address can take minutes, and whoever was down may
have booted again since, and its service come up by itself.
"""

import logging
from collections.abc import Mapping
from typing import Any

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.state import ClusterState, Stage
from understudy.domain.cluster.view import ClusterView
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
    against = () if state.active else objectors(ClusterView(state, definition, int(now)))
    if against:
        why = f"{', '.join(map(definition.name_of, against))} says that it serves"
        log.error("lease not granted", extra={"cluster": state.cluster, "epoch": state.epoch, "why": why})
        history = {state.epoch: {"not_granted": why, "stages.unfenced_at": now}}
        ledger.commit(state, unfenced(ClusterView(state, definition, int(now)), against), history=history)
        return answer(GrantOutcome.UNFENCED, why=why, wait_s=POLL_S)
    after = state if state.active else granted(state, definition, proof_in_hand(state))
    granted_at = {state.epoch: {"stages.granted_at": now}}
    others = [node.instance_id for node in definition.nodes if node.instance_id != after.active]
    # A node that says meanwhile that it serves is seen: this write fails, and the next try looks again.
    starting = entered(ClusterView(after, definition, int(now)), Stage.STARTING)
    ledger.commit(state, starting, saying_the_same=others, history=granted_at)
    return answer(GrantOutcome.GRANTED)
