"""Lift a table's epoch above a guard of its own cluster, so that the transition that met the guard can win (B1)."""

import logging
from typing import Any

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.record import Guard
from understudy.domain.cluster.state import ClusterState, Stage
from understudy.domain.transition.addresses import MoveOutcome, owed
from understudy.domain.transition.epoch_lift import can_be_fenced, fenced_anew, lift_objection, lifted, may_grant
from understudy.domain.transition.steps import addresses_moved, entered
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import StateLedger
from understudy.usecases.step import STALE, Clock, Outcome, answer, tell

EPOCH_LIFTED = "Understudy Epoch Lifted"
ENDED = frozenset({"proof", "stop"})
"""Facts of the history that speak of a node which is not the one to be fenced now."""
log = logging.getLogger(__name__)


def lift_epoch(
    state: ClusterState, definition: Definition, guard: Guard, ledger: StateLedger, announcer: Announcer, clock: Clock
) -> Outcome:
    """LIFTED: the transition goes on under a higher epoch, from its beginning; or what becomes of it without that.

    The write is on condition that the state is still this one. Raises LedgerConflictError: then somebody newer may be
    in charge, and the guard be theirs.
    """
    story, now = dict(ledger.history(state.cluster, state.epoch)), clock()
    why = lift_objection(state, definition, guard, "lifted_from" in story)
    if why:
        log.error("epoch not lifted", extra={"cluster": state.cluster, "epoch": state.epoch, "why": why})
        return _not_lifted(why, state, definition, guard, story, ledger, now)
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


def _not_lifted(
    why: str,
    state: ClusterState,
    definition: Definition,
    guard: Guard,
    story: dict[str, Any],
    ledger: StateLedger,
    now: float,
) -> Outcome:
    """Leave guard and addresses as they are: no move of ours has written it.

    REFUSED when nobody else can be serving by the guard's word: then the lease is granted, and the addresses stay owed.
    GUARD_UNFENCED: the node that it names is fenced first. GUARD_AHEAD: it names nobody who could be.
    """
    if state.transition is None:
        return answer(STALE, why=why)
    facts: dict[str, Any] = {"address_fault": why, "guard_ahead": True}
    unmoved = addresses_moved(state, [owed(label, why) for label in definition.labels], int(now))
    if may_grant(state, definition, guard, str(story.get("guard_fenced", ""))):
        ledger.commit(state, entered(unmoved, definition, Stage.GRANTING, int(now)), history={state.epoch: facts})
        return answer(MoveOutcome.REFUSED, why=why, change_ids=[])
    if can_be_fenced(definition, guard) and "guard_fenced" not in story:
        after = fenced_anew(unmoved, definition, guard, int(now))
        fencing = {"guard_fenced": guard.node, "source": guard.node}
        ledger.commit(state, after, history={state.epoch: facts | fencing})
        return answer(MoveOutcome.GUARD_UNFENCED, why=why)
    ledger.commit(state, unmoved, history={state.epoch: facts})
    return answer(MoveOutcome.GUARD_AHEAD, why=why)


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
