"""GrantLease: the transition's target may serve from here on. Only under a proof for the node before it."""

import logging
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from understudy.domain.model import Stage
from understudy.domain.transition import entered, granted, proof_in_hand
from understudy.ports import StateLedger
from understudy.usecases.step import STALE, Clock, Outcome, Step, answer, parse_step, read_current, redo_on_conflict

log = logging.getLogger(__name__)


class GrantOutcome(StrEnum):
    """How GrantLease can end, beside STALE."""

    GRANTED = "GRANTED"


def grant_lease(payload: Mapping[str, Any], *, ledger: StateLedger, clock: Clock) -> Outcome:
    """Write the target down as active. Raises UnprovenError when the previous holder is not fenced."""
    step = parse_step(payload)
    outcome = redo_on_conflict(lambda: _grant(step, ledger, clock))
    log.info("grant lease", extra={"cluster": step.cluster, "epoch": step.epoch, **outcome})
    return outcome


def _grant(step: Step, ledger: StateLedger, clock: Clock) -> Outcome:
    current = read_current(ledger, step)
    if current is None:
        return answer(STALE)
    state, definition = current
    if state.transition is None or state.transition.stage in (Stage.STARTING, Stage.CONFIRMING):
        return answer(GrantOutcome.GRANTED)
    now = clock()
    after = state if state.active else granted(state, definition, proof_in_hand(state))
    history = {state.epoch: {"stages.granted_at": now}}
    ledger.commit(state, entered(after, definition, Stage.STARTING, int(now)), history=history)
    return answer(GrantOutcome.GRANTED)
