"""Lift a table's epoch above a guard of its own cluster, so that the transition that met the guard can win (B1)."""

import logging
from typing import Any

from understudy.domain.definition import Definition
from understudy.domain.lifting import lift_objection, lifted
from understudy.domain.model import ClusterState, Stage
from understudy.domain.moves import MoveOutcome
from understudy.domain.record import Guard
from understudy.ports import Announcer, StateLedger
from understudy.usecases.step import STALE, Clock, Outcome, answer, tell

EPOCH_LIFTED = "Understudy Epoch Lifted"
ENDED = frozenset({"proof", "stop"})
"""Facts of the history that speak of a node which is not the one to be fenced now."""
log = logging.getLogger(__name__)


def lift_epoch(
    state: ClusterState, definition: Definition, guard: Guard, ledger: StateLedger, announcer: Announcer, clock: Clock
) -> Outcome:
    """LIFTED: the transition goes on under a higher epoch, from its beginning; or STALE with why it does not.

    The write is on condition that the state is still this one. Raises LedgerConflictError: then somebody newer may be
    in charge, and the guard be theirs.
    """
    story, now = dict(ledger.history(state.cluster, state.epoch)), clock()
    why = lift_objection(state, definition, guard, "lifted_from" in story)
    if why:
        log.error("epoch not lifted", extra={"cluster": state.cluster, "epoch": state.epoch, "why": why})
        ledger.note(state.cluster, state.epoch, {"address_fault": why})
        return answer(STALE, why=why)
    after = lifted(state, definition, guard, int(now))
    told = {
        "cluster": state.cluster,
        "epoch": after.epoch,
        "lifted_from": state.epoch,
        "guard_epoch": guard.epoch,
        "guard_node": guard.node,
        "is_fenced_anew": after.transition is not None and after.transition.stage is Stage.FENCING,
    }
    history = {
        after.epoch: _story(story, definition, after, told, now),
        state.epoch: {
            "outcome": "SUPERSEDED",
            "reasons": [f"the guard in Route 53 carries epoch {guard.epoch}: lifted to {after.epoch}"],
            "stages.superseded_at": now,
        },
    }
    ledger.commit(state, after, history=history)
    log.error("epoch lifted above the guard: the table has lost moves", extra=told)
    tell(announcer, EPOCH_LIFTED, told)
    return answer(MoveOutcome.LIFTED, **{name: value for name, value in told.items() if name != "cluster"})


def _story(
    story: dict[str, Any], definition: Definition, after: ClusterState, told: dict[str, Any], now: float
) -> dict[str, Any]:
    """The transition's story so far, which goes on under the new epoch; of its fencing only what still counts."""
    stages = dict(story.pop("stages", {}))
    facts = {"lifted_from": told["lifted_from"], "guard_epoch": told["guard_epoch"], "guard_node": told["guard_node"]}
    if told["is_fenced_anew"]:
        story = {name: fact for name, fact in story.items() if name not in ENDED}
        stages.pop("fenced_at", None)
        facts["source"] = definition.name_of(after.previous.node) if after.previous else None
    return {**story, **facts, "stages": {**stages, "lifted_at": now}}
