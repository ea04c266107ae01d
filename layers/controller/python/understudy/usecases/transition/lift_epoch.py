"""Lift a table's epoch above a guard of its own cluster, so that the transition that met the guard can win."""

import logging
from dataclasses import replace
from typing import Any

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.record import Guard
from understudy.domain.cluster.state import ClusterState, Stage
from understudy.domain.cluster.view import ClusterView
from understudy.domain.events.transitions import EpochLifted
from understudy.domain.transition.addresses import owed
from understudy.domain.transition.epoch_lift import can_be_fenced, fenced_anew, lift_objection, lifted, may_grant
from understudy.domain.transition.outcomes import MoveOutcome, Overtaken
from understudy.domain.transition.steps import addresses_moved, entered
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import StateLedger
from understudy.usecases.step import Clock, Outcome, answer, publish

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
        return _not_lifted(why, ClusterView(state, definition, int(now)), guard, story, ledger)
    after = lifted(ClusterView(state, definition, int(now)), guard)
    event = EpochLifted(
        cluster=state.cluster,
        epoch=after.epoch,
        lifted_from=state.epoch,
        guard_epoch=guard.epoch,
        guard_node=guard.node,
        is_fenced_anew=after.transition is not None and after.transition.stage is Stage.FENCING,
    )
    history = {
        after.epoch: _story(story, definition, after, event, now),
        state.epoch: {
            "outcome": str(Overtaken.SUPERSEDED),
            "reasons": [f"the guard in Route 53 carries epoch {guard.epoch}: lifted to {after.epoch}"],
            "stages.superseded_at": now,
        },
    }
    ledger.commit(state, after, history=history)
    log.error("epoch lifted above the guard: the table has lost moves", extra=event.detail())
    publish(announcer, event)
    return answer(MoveOutcome.LIFTED, **{name: value for name, value in event.detail().items() if name != "cluster"})


def _not_lifted(
    why: str,
    view: ClusterView,
    guard: Guard,
    story: dict[str, Any],
    ledger: StateLedger,
) -> Outcome:
    """Leave guard and addresses as they are: no move of ours has written it.

    REFUSED when nobody else can be serving by the guard's word: then the lease is granted, and the addresses stay owed.
    GUARD_UNFENCED: the node that it names is fenced first. GUARD_AHEAD: it names nobody who could be.
    """
    if view.state.transition is None:
        return answer(Overtaken.STALE, why=why)
    facts: dict[str, Any] = {"address_fault": why, "guard_ahead": True}
    unmoved = addresses_moved(view.state, [owed(label, why) for label in view.definition.labels], view.now)
    if may_grant(view, guard, str(story.get("guard_fenced", ""))):
        ledger.commit(
            view.state,
            entered(replace(view, state=unmoved), Stage.GRANTING),
            history={view.state.epoch: facts},
        )
        return answer(MoveOutcome.REFUSED, why=why, change_ids=[])
    if can_be_fenced(view.definition, guard) and "guard_fenced" not in story:
        after = fenced_anew(replace(view, state=unmoved), guard)
        fencing = {"guard_fenced": guard.node, "source": guard.node}
        ledger.commit(view.state, after, history={view.state.epoch: facts | fencing})
        return answer(MoveOutcome.GUARD_UNFENCED, why=why)
    ledger.commit(view.state, unmoved, history={view.state.epoch: facts})
    return answer(MoveOutcome.GUARD_AHEAD, why=why)


def _story(
    story: dict[str, Any], definition: Definition, after: ClusterState, event: EpochLifted, now: float
) -> dict[str, Any]:
    """The transition's story so far, which goes on under the new epoch; of its fencing only what still counts."""
    stages = dict(story.pop("stages", {}))
    facts: dict[str, Any] = {
        "lifted_from": event.lifted_from,
        "guard_epoch": event.guard_epoch,
        "guard_node": event.guard_node,
    }
    if event.is_fenced_anew:
        story = {name: fact for name, fact in story.items() if name not in ENDED}
        stages.pop("fenced_at", None)
        facts["source"] = definition.name_of(after.previous.node) if after.previous else None
    return {**story, **facts, "stages": {**stages, "lifted_at": now}}
