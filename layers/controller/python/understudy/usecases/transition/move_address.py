"""MoveAddress: make every address of the cluster lead to the new node (S4, S14, S15), in one step of the workflow."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from understudy.domain.batching.group_commit import QUEUE_GAP_S
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.definition import Definition, NodeSpec
from understudy.domain.cluster.intervals import record_gap_s
from understudy.domain.cluster.state import ClusterState, Stage
from understudy.domain.transition.addresses import (
    Moved,
    MoveOutcome,
    faults_of,
    is_waiting,
    known_parts,
    outcome_of,
    owed,
    story_of,
)
from understudy.domain.transition.limits import has_time_to_wait, kept_open
from understudy.domain.transition.steps import TRY_BUDGET_S, address_owed, addresses_moved, entered, proof_in_hand
from understudy.ports import Announcer, StateLedger
from understudy.usecases.step import STALE, Clock, Outcome, Step, answer, do_step, redo_on_conflict
from understudy.usecases.transition.lift_epoch import lift_epoch
from understudy.usecases.transition.record_mover import Mover, MoveTask, OvertakenError

log = logging.getLogger(__name__)


def move_address(
    payload: Mapping[str, Any],
    *,
    ledger: StateLedger,
    movers: Sequence[Mover],
    announcer: Announcer,
    clock: Clock,
    stack: str,
) -> Outcome:
    """Move all addresses, ROUTE53_RECORD_TRY_COUNT times at most (S6). What is not moved is noted as owed (B2).

    The answer and the history name each address and what became of it (B5). LIFTED when a guard of our own was ahead
    of the table: then nothing was moved, and the transition begins anew. Raises UnprovenError when the previous holder
    is not fenced.
    """
    begun_at = clock()

    def work(step: Step, state: ClusterState, definition: Definition) -> Outcome:
        # Of the whole function: what it has queued up for is answered in the queue, also when it does its work again.
        is_crowded = begun_at < step.crowded_until
        try:
            return _move(step, state, definition, ledger, movers, clock, stack, is_crowded=is_crowded)
        except OvertakenError as fault:
            return _overtaken(fault, state, definition, ledger, announcer, clock)

    return do_step("move address", payload, ledger, work)


def _move(
    step: Step,
    state: ClusterState,
    definition: Definition,
    ledger: StateLedger,
    movers: Sequence[Mover],
    clock: Clock,
    stack: str,
    *,
    is_crowded: bool,
) -> Outcome:
    proof_in_hand(state)
    node = _target(state, definition)
    if node is None:
        moved: list[Moved] = [owed(each, "the target is no member any more") for each in definition.labels]
        return _note(step, state, definition, moved, ledger, clock)
    task = _task(state, definition, node, ledger, clock, stack, is_crowded=is_crowded)
    moved = [each for mover in movers for each in mover.move(task)]
    return _note(step, state, definition, moved, ledger, clock)


def _overtaken(
    fault: OvertakenError,
    state: ClusterState,
    definition: Definition,
    ledger: StateLedger,
    announcer: Announcer,
    clock: Clock,
) -> Outcome:
    log.warning("overtaken", extra={"cluster": state.cluster, "epoch": state.epoch, "why": str(fault)})
    if fault.guard is not None:
        return lift_epoch(state, definition, fault.guard, ledger, announcer, clock)
    if fault.has_written:
        redo_on_conflict(lambda: _own_up(state, ledger, clock))
    return answer(STALE)


def _target(state: ClusterState, definition: Definition) -> NodeSpec | None:
    target = state.transition.target if state.transition else state.active
    return definition.node(target) if target else None


def _task(
    state: ClusterState,
    definition: Definition,
    node: NodeSpec,
    ledger: StateLedger,
    clock: Clock,
    stack: str,
    *,
    is_crowded: bool,
) -> MoveTask:
    begun_at = clock()

    def is_current() -> bool:
        there = ledger.read(state.cluster)
        return there is not None and there.epoch == state.epoch

    return MoveTask(
        definition=definition,
        node=node,
        epoch=state.epoch,
        stack=stack,
        known=known_parts(state, definition.labels),
        is_current=is_current,
        has_time=lambda: clock() - begun_at < TRY_BUDGET_S,
        now=int(begun_at),
        is_crowded=is_crowded,
    )


def _note(
    step: Step,
    state: ClusterState,
    definition: Definition,
    moved: Sequence[Moved],
    ledger: StateLedger,
    clock: Clock,
) -> Outcome:
    """Write down what became of the addresses, and answer it.

    However it ended, the transition goes on: the old node is fenced, nobody else can serve, so the lease is granted,
    and what is owed stays owed. Before another try only what was accepted is written down, so that it can be followed.
    """
    now = clock()
    # To stand in a queue is no try: it ends by its own limit, not by ROUTE53_RECORD_TRY_COUNT.
    waits = is_waiting(moved)
    wait_s = QUEUE_GAP_S if waits else record_gap_s(definition.tuning, step.attempt)
    if wait_s is not None and not has_time_to_wait(state.transition, definition.policy, wait_s, int(now)):
        log.warning("tries cut short: the workflow ends", extra={"cluster": state.cluster, "epoch": state.epoch})
        wait_s = None
    outcome = outcome_of(moved, tries_left=wait_s is not None)
    facts: dict[str, Any] = {"addresses": story_of(moved)}
    if why := faults_of(moved):
        facts["why"] = why
    after = addresses_moved(state, moved, int(now))
    if outcome is MoveOutcome.RETRY and wait_s is not None:
        tried = kept_open(after if any(each.is_new for each in moved) else state, wait_s, int(now))
        if tried != state:
            ledger.commit(state, tried)
        return answer(outcome, wait_s=wait_s, attempt=step.attempt + (not waits), **facts)
    history = {state.epoch: _history(outcome, moved, now)}
    ledger.commit(state, entered(after, definition, Stage.GRANTING, int(now)), history=history)
    return answer(outcome, change_ids=list(after.address.change_ids if after.address else ()), **facts)


def _history(outcome: MoveOutcome, moved: Sequence[Moved], now: float) -> dict[str, Any]:
    facts: dict[str, Any] = {"addresses": story_of(moved)}
    if why := faults_of(moved):
        return {**facts, "address_fault": why}
    if outcome is MoveOutcome.ACCEPTED:
        facts["stages.accepted_at"] = now
    if all(each.status is AddressStatus.IN_SYNC for each in moved):
        facts["stages.in_sync_at"] = now
    return facts


def _own_up(state: ClusterState, ledger: StateLedger, clock: Clock) -> None:
    """Somebody newer has come while we wrote without a guard: our write may be on top of theirs. So it is owed, now.

    The newer epoch's own step, or the next evaluation, puts the addresses right. The lease is not touched: the node
    that the address may lead to now cannot serve.
    """
    newer = ledger.read(state.cluster)
    if newer is not None and newer.epoch > state.epoch:
        history = {newer.epoch: {"overtaken_epoch": state.epoch}}
        ledger.commit(newer, address_owed(newer, int(clock())), history=history)
