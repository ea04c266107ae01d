"""GrantLease: the transition's target may serve from here on. Only under a proof for the node before it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from understudy.domain.definition import Definition
from understudy.domain.model import ClusterState, Stage
from understudy.domain.transition import entered, granted, proof_in_hand
from understudy.ports import StateLedger
from understudy.usecases.step import Clock, Outcome, answer, do_step


class GrantOutcome(StrEnum):
    """How GrantLease can end, beside STALE."""

    GRANTED = "GRANTED"


def grant_lease(payload: Mapping[str, Any], *, ledger: StateLedger, clock: Clock) -> Outcome:
    """Write the target down as active. Raises UnprovenError when the previous holder is not fenced."""
    return do_step(
        "grant lease", payload, ledger, lambda step, state, definition: _grant(state, definition, ledger, clock)
    )


def _grant(state: ClusterState, definition: Definition, ledger: StateLedger, clock: Clock) -> Outcome:
    if state.transition is None or state.transition.stage in (Stage.STARTING, Stage.CONFIRMING):
        return answer(GrantOutcome.GRANTED)
    now = clock()
    after = state if state.active else granted(state, definition, proof_in_hand(state))
    history = {state.epoch: {"stages.granted_at": now}}
    ledger.commit(state, entered(after, definition, Stage.STARTING, int(now)), history=history)
    return answer(GrantOutcome.GRANTED)
